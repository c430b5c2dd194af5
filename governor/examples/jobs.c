/*
 * A complete embedding of libgov: six jobs of 60 to 110 MB each in 300 MB, as child processes.
 *
 *     cc jobs.c $(pkg-config --cflags --libs gov) -o jobs && ./jobs
 *
 * The main loop asks for memory before it starts a job, oldest first, tells the governor the job's
 * process, reads memory while jobs run, asks for a cleanup when the governor says so, and learns
 * from what each job really took. The jobs share a cache of ours, which is what a cleanup can free.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gov/history.h>
#include <gov/reclaim.h>

enum { JOBS = 6 };

struct job {
    int64_t bytes; /* what it really needs */
    pid_t pid;     /* 0: not started */
    uint64_t lease_id;
    int done;
};

/* A cache that can be dropped: the one reclaimer of this program. */
struct cache {
    char *bytes;
    size_t size;
};

static int64_t cache_reclaimable(void *context)
{
    return (int64_t)((struct cache *)context)->size;
}

static int cache_reclaim(void *context, enum gov_tier tier, int64_t want_bytes)
{
    struct cache *cache = context;
    (void)tier;
    (void)want_bytes;
    if (!cache->size)
        return GOV_RECLAIM_NOTHING;
    munmap(cache->bytes, cache->size);
    cache->size = 0;
    return GOV_RECLAIM_DONE;
}

static void print_message(void *context, enum gov_log_level level, const char *message)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    (void)context;
    printf("%s:governor:%s\n", names[level], message);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static char *take(size_t size)
{
    char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    memset(bytes, 1, size);
    return bytes;
}

static int run_job(const char *bytes)
{
    if (!take((size_t)atoll(bytes)))
        return 1;
    usleep(300000); /* the work */
    return 0;
}

/* With exec: a bare fork would share, and seem to use, all memory of this process. */
static pid_t start_job(const struct job *job)
{
    char bytes[24];
    snprintf(bytes, sizeof bytes, "%lld", (long long)job->bytes);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "jobs", bytes, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int is_any_running(const struct job *jobs)
{
    for (int i = 0; i < JOBS; i++) {
        if (jobs[i].pid && !jobs[i].done)
            return 1;
    }
    return 0;
}

static void start_if_admitted(struct gov_governor *governor, struct gov_history *history,
                              struct job *jobs, int index)
{
    /* We believe that every job takes 80 MB; history will correct that. */
    struct gov_prediction prediction = gov_history_correct(history, "jobs", 80 * GOV_MB);
    char name[16];
    snprintf(name, sizeof name, "job %d", index + 1);
    struct gov_request request = {
        .owner = name,
        .stage = "run",
        .owner_order = index,
        .predicted_bytes = prediction.bytes,
        .history_count = prediction.count,
        .now_us = now_us(),
    };
    struct gov_admission admission;
    int error = gov_governor_admit(governor, &request, &admission);
    if (!error && admission.verdict != GOV_GRANTED && !is_any_running(jobs)) {
        /* Nothing that could end and make room: the oldest always may run. */
        request.flags = GOV_REQUEST_FORCE;
        error = gov_governor_admit(governor, &request, &admission);
    }
    if (error || admission.verdict != GOV_GRANTED)
        return;
    struct job *job = &jobs[index];
    job->lease_id = admission.lease_id;
    job->pid = start_job(job);
    gov_governor_bind(governor, job->lease_id, job->pid);
}

static int finish_ended(struct gov_governor *governor, struct gov_history *history,
                        struct job *jobs)
{
    int finished = 0;
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        for (int i = 0; i < JOBS; i++) {
            struct gov_lease lease;
            if (jobs[i].pid != pid || gov_governor_release(governor, jobs[i].lease_id, &lease))
                continue;
            if (lease.peak_bytes > 0)
                gov_history_add(history, "jobs", 80 * GOV_MB, lease.peak_bytes);
            printf("job %d done, measured peak %lld MB\n", i + 1,
                   (long long)(lease.peak_bytes / GOV_MB));
            jobs[i].done = 1;
            finished++;
        }
    }
    return finished;
}

static void relieve_pressure(struct gov_governor *governor, const struct gov_reclaimer *table)
{
    struct gov_pressure_decision decision;
    int64_t could_free = gov_reclaimers_estimate(table, 1, GOV_TIER_EMERGENCY);
    gov_governor_check_pressure(governor, now_us(), could_free, &decision);
    if (decision.tier == GOV_TIER_NONE)
        return;
    struct gov_tier_run run = {0};
    do {
        gov_governor_run_tier(governor, table, 1, decision.tier, now_us(), &run);
        gov_governor_end_tier(governor, now_us(), &run);
    } while (run.again);
}

/* The oldest job that has not been started; -1 when there is none. */
static int next_job(const struct job *jobs)
{
    for (int i = 0; i < JOBS; i++) {
        if (!jobs[i].pid)
            return i;
    }
    return -1;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_job(argv[1]);
    struct gov_device_params params = {.memory_limit_bytes = 300 * GOV_MB};
    struct gov_log log = {.write = print_message, .lowest = GOV_LOG_INFO};
    struct gov_device *device = NULL;
    struct gov_governor *governor = NULL;
    struct gov_history *history = NULL;
    int error = gov_device_open("host", &params, &device);
    if (!error)
        error = gov_governor_new(&gov_config_default, device, &log, &governor);
    if (!error)
        error = gov_history_new(&gov_config_default, 8, &history);
    if (error) {
        fprintf(stderr, "cannot govern memory: %s\n", gov_error_text(error));
        return 1;
    }

    struct cache cache = {.bytes = take(60 * GOV_MB), .size = 60 * GOV_MB};
    struct gov_reclaimer table[] = {
        {"cache", GOV_TIER_STANDARD, 0, cache_reclaimable, cache_reclaim, &cache, false},
    };
    struct job jobs[JOBS] = {{0}};
    for (int i = 0; i < JOBS; i++)
        jobs[i].bytes = (60 + 10 * i) * GOV_MB;

    gov_governor_watch(governor, getpid()); /* our own memory counts, the cache too */
    for (int done = 0; done < JOBS;) {
        gov_governor_sample(governor, now_us(), NULL);
        relieve_pressure(governor, table);
        int next = next_job(jobs);
        if (next >= 0)
            start_if_admitted(governor, history, jobs, next);
        usleep((useconds_t)gov_governor_next_sample_us(governor) / 4);
        gov_governor_sample(governor, now_us(), NULL);
        done += finish_ended(governor, history, jobs);
    }

    struct gov_status status;
    gov_governor_status(governor, &status);
    printf("most leased at once %lld MB, most used %lld MB, waited %lld times\n",
           (long long)(status.leases.peak_bytes / GOV_MB),
           (long long)(status.peak_own_bytes / GOV_MB), (long long)status.queued_count);
    gov_history_free(history);
    gov_governor_free(governor);
    gov_device_free(device);
    return status.leases.now_count == 0 ? 0 : 1;
}
