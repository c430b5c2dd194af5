/*
 * What the governor costs: admission with and without its log lines, sampling the host, one
 * decision about pressure. Prints a table; a run takes two seconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <gov/governor.h>

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
static double admit_release(const struct gov_log *log, int held)
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

static double sample_host(void)
{
    enum { ROUNDS = 5000 };
    struct gov_device *device;
    struct gov_governor *governor;
    if (gov_device_open("host", NULL, &device) ||
        gov_governor_new(&gov_config_default, device, NULL, &governor) ||
        gov_governor_watch(governor, getpid()))
        abort();
    double start = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        if (gov_governor_sample(governor, i, NULL))
            abort();
    }
    double spent = now_ns() - start;
    gov_governor_free(governor);
    gov_device_free(device);
    return spent / ROUNDS;
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

int main(void)
{
    int64_t said = 0;
    struct gov_log log = {.write = drop, .context = &said};
    printf("admit + release, silent              %8.0f ns\n", admit_release(NULL, 0));
    printf("admit + release, silent, 1000 held   %8.0f ns\n", admit_release(NULL, 1000));
    printf("admit + release, with its log line   %8.0f ns\n", admit_release(&log, 0));
    printf("pressure decision                    %8.0f ns\n", decide_pressure());
    double sample = sample_host();
    printf("host sample with one process         %8.0f ns, %.4f %% of a core at 10 a second\n",
           sample, sample * 10 / 1e9 * 100);
    return 0;
}
