/*
 * What the governor costs: admission with and without its log lines, sampling, one decision about
 * pressure, the simulated device. Prints a table; a run takes a few seconds.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gov/governor.h>
#include <gov/history.h>
#include <gov/recorder.h>

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void drop(void *context, enum gov_log_level level, const char *message)
{
    (void)level;
    *(int64_t *)context += message[0] != 0;
}

/* Nanoseconds for one admit and release while `held` other leases exist. */
static double admit_release(const struct gov_log *log, struct gov_recorder *recorder, int held)
{
    enum { ROUNDS = 200000 };
    struct gov_governor *governor;
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                                .total_bytes = 100 * GOV_GB,
                                .free_bytes = 100 * GOV_GB};
    struct gov_request request = {
        .owner = "movie.mkv", .stage = "shots", .predicted_bytes = GOV_MB};
    struct gov_admission admission;
    if (gov_governor_new(&gov_config_default, NULL, log, &governor) ||
        gov_governor_feed(governor, &sample, NULL, 0))
        abort();
    gov_governor_set_recorder(governor, recorder);
    for (int i = 0; i < held; i++) {
        if (gov_governor_admit(governor, &request, &admission))
            abort();
    }
    double start = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        if (gov_governor_admit(governor, &request, &admission) ||
            gov_governor_release(governor, admission.lease_id, NULL))
            abort();
    }
    double spent = now_ns() - start;
    gov_governor_free(governor);
    return spent / ROUNDS;
}

/* Processor time, as others may be running here: what sampling takes from a core. */
static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

enum { SAMPLE_ROUNDS = 4000, SAMPLE_STEP_US = 100000 /* as if ten times a second */ };

static double sample_device(const char *spec)
{
    struct gov_device *device;
    struct gov_sample sample;
    if (gov_device_open(spec, NULL, &device))
        abort();
    double start = cpu_ns();
    for (int i = 1; i <= SAMPLE_ROUNDS; i++) {
        if (gov_device_sample(device, i * (int64_t)SAMPLE_STEP_US, 0, &sample))
            abort();
    }
    double spent = cpu_ns() - start;
    gov_device_free(device);
    return spent / SAMPLE_ROUNDS;
}

/* A whole reading by the governor: this process and `children` others, and their descendants. */
static double sample_governor(int children)
{
    struct gov_device *device;
    struct gov_governor *governor;
    pid_t pids[16];
    if (gov_device_open("host", NULL, &device) ||
        gov_governor_new(&gov_config_default, device, NULL, &governor) ||
        gov_governor_watch(governor, getpid()))
        abort();
    for (int i = 0; i < children; i++) {
        pids[i] = fork();
        if (!pids[i]) {
            pause();
            _exit(0);
        }
        if (pids[i] < 0 || gov_governor_watch(governor, pids[i]))
            abort();
    }
    double start = cpu_ns();
    for (int i = 1; i <= SAMPLE_ROUNDS; i++) {
        if (gov_governor_sample(governor, i * (int64_t)SAMPLE_STEP_US, NULL))
            abort();
    }
    double spent = cpu_ns() - start;
    for (int i = 0; i < children; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    gov_governor_free(governor);
    gov_device_free(device);
    return spent / SAMPLE_ROUNDS;
}

/* A take and a give of the simulated device, with that many processes on it. */
static double take_give(int processes)
{
    enum { ROUNDS = 1000000 };
    struct gov_device *device;
    if (gov_device_open("sim:h200", NULL, &device))
        abort();
    for (int pid = 1; pid <= processes; pid++) {
        if (gov_sim_take(device, 0, pid, GOV_MB))
            abort();
    }
    double start = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        int64_t pid = 1 + i % processes;
        if (gov_sim_take(device, i, pid, GOV_MB) || gov_sim_give(device, pid, GOV_MB))
            abort();
    }
    double spent = now_ns() - start;
    gov_device_free(device);
    return spent / ROUNDS;
}

static void print_sampling(const char *what, double ns)
{
    printf("%-36s %8.0f ns, %.4f %% of a core at 10 a second\n", what, ns, ns * 10 / 1e9 * 100);
}

static double decide_pressure(void)
{
    enum { ROUNDS = 5000000 };
    struct gov_pressure_state state = {0};
    double start = now_ns();
    int64_t runs = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct gov_pressure_input input = {i * INT64_C(100000), 60 + i % 37, -1};
        runs += gov_pressure_step(&gov_pressure_rule_default, &state, &input).tier != 0;
    }
    double spent = now_ns() - start;
    if (runs < 0)
        puts("?");
    return spent / ROUNDS;
}

static double record(struct gov_recorder *recorder)
{
    enum { ROUNDS = 5000000 };
    double start = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        struct gov_event event = {.at_us = i, .kind = GOV_EVENT_SAMPLE};
        event.u.sample.used_bytes = i;
        gov_recorder_add(recorder, &event);
    }
    return (now_ns() - start) / ROUNDS;
}

/* Correcting a prediction, with as many regimes as a year of movies makes. */
static double correct(void)
{
    enum { ROUNDS = 200000, REGIMES = 64 };
    struct gov_history *history;
    if (gov_history_new(&gov_config_default, REGIMES, &history))
        abort();
    char key[GOV_REGIME_MAX];
    for (int i = 0; i < REGIMES * GOV_HISTORY_KEPT; i++) {
        snprintf(key, sizeof key, "rtx3060/transcript/model-%d/1080p/h264", i % REGIMES);
        if (gov_history_add(history, key, GOV_GB, GOV_GB + i))
            abort();
    }
    double start = now_ns();
    int64_t sum = 0;
    for (int i = 0; i < ROUNDS; i++)
        sum += gov_history_correct(history, key, GOV_GB + i).count;
    double spent = now_ns() - start;
    gov_history_free(history);
    return sum ? spent / ROUNDS : 0;
}

int main(void)
{
    int64_t said = 0;
    struct gov_log log = {.write = drop, .context = &said};
    struct gov_recorder *recorder;
    if (gov_recorder_new(0, &recorder))
        abort();
    double bare = admit_release(NULL, NULL, 0);
    double recorded = admit_release(NULL, recorder, 0);
    printf("admit + release, silent              %8.0f ns\n", bare);
    printf("admit + release, silent, 1000 held   %8.0f ns\n", admit_release(NULL, NULL, 1000));
    printf("admit + release, with its log line   %8.0f ns\n", admit_release(&log, NULL, 0));
    printf("admit + release, recorded            %8.0f ns, %.0f ns an event\n", recorded,
           (recorded - bare) / 2);
    printf("one event recorded                   %8.0f ns\n", record(recorder));
    printf("prediction corrected, 64 regimes     %8.0f ns\n", correct());
    printf("pressure decision                    %8.0f ns\n", decide_pressure());
    print_sampling("sample sim", sample_device("sim:rtx3060"));
    print_sampling("sample host", sample_device("host"));
    print_sampling("sample host, one process", sample_governor(0));
    print_sampling("sample host, five processes", sample_governor(4));
    printf("take + give of a simulated device    %8.0f ns, with 20 processes %.0f ns\n",
           take_give(1), take_give(20));
    gov_recorder_free(recorder);
    return 0;
}
