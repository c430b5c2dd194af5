/*
 * What the governor's header calls thread-safe, from many threads at once. Run under the thread
 * sanitizer it finds races; run anywhere it finds sums that do not add up and promises broken.
 */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>

#include <gov/post_mortem.h>
#include <gov/reclaim.h>

enum { THREADS = 4, ROUNDS = 2000 };

/* 1 GB of 10 is asked for by each of 4 threads, but only 2 GB fit. */
#define TOTAL_BYTES (10 * GOV_GB)
#define CAP_BYTES   (2 * GOV_GB)

struct shared {
    struct gov_governor *governor;
    struct gov_recorder *recorder;
    struct gov_device *device;
    atomic_int working; /* threads that hold a lease */
    atomic_int most_working;
    atomic_int granted;
    atomic_int refused;
    atomic_long said;
    atomic_int next_thread;
};

static void listen(void *context, enum gov_log_level level, const char *message)
{
    struct shared *shared = context;
    (void)level;
    /* Calling back in must not block: no callback comes under a lock. */
    struct gov_sample sample;
    gov_governor_last_sample(shared->governor, &sample);
    atomic_fetch_add(&shared->said, message[0] != 0);
}

static void work_with_lease(struct shared *shared, uint64_t lease_id, int64_t pid)
{
    struct gov_lease lease;
    int working = atomic_fetch_add(&shared->working, 1) + 1;
    int most = atomic_load(&shared->most_working);
    while (working > most && !atomic_compare_exchange_weak(&shared->most_working, &most, working))
        ;
    gov_governor_bind(shared->governor, lease_id, pid);
    gov_governor_report_peak(shared->governor, lease_id, GOV_MB);
    gov_governor_lease(shared->governor, lease_id, &lease);
    atomic_fetch_sub(&shared->working, 1);
    gov_governor_release(shared->governor, lease_id, NULL);
}

static void *admit_and_release(void *context)
{
    struct shared *shared = context;
    int64_t pid = 100 + atomic_fetch_add(&shared->next_thread, 1);
    struct gov_request request = {
        .owner = "m", .stage = "s", .predicted_bytes = GOV_GB, .flags = GOV_REQUEST_EXACT};
    for (int i = 0; i < ROUNDS; i++) {
        struct gov_admission admission;
        if (gov_governor_admit(shared->governor, &request, &admission))
            abort();
        if (admission.verdict == GOV_GRANTED) {
            atomic_fetch_add(&shared->granted, 1);
            work_with_lease(shared, admission.lease_id, pid);
        } else {
            atomic_fetch_add(&shared->refused, 1);
        }
    }
    return NULL;
}

static void *sample_and_look(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < ROUNDS / 4; i++) {
        struct gov_pressure_decision decision;
        struct gov_status status;
        struct gov_lease leases[8];
        struct gov_tier_run run = {0};
        if (gov_governor_sample(shared->governor, 1, NULL))
            abort();
        gov_governor_check_pressure(shared->governor, 1, -1, &decision);
        gov_governor_status(shared->governor, &status);
        gov_governor_tell_time(shared->governor, i);
        gov_governor_leases(shared->governor, leases, 8);
        gov_governor_watch(shared->governor, 50 + i % 10);
        gov_governor_unwatch(shared->governor, 50 + (i + 5) % 10);
        gov_governor_run_tier(shared->governor, NULL, 0, GOV_TIER_STANDARD, 1, &run);
        gov_governor_end_tier(shared->governor, 1, &run);
        if (status.leases.now_bytes > CAP_BYTES || !gov_governor_is_valid(shared->governor))
            abort();
    }
    return NULL;
}

static int count_bytes(void *context, const char *bytes, size_t size)
{
    *(size_t *)context += size + (bytes[0] == 0);
    return 0;
}

/* Reads and writes the flight while it is being recorded. */
static void *watch_the_flight(void *context)
{
    struct shared *shared = context;
    uint64_t from = 0;
    for (int i = 0; i < ROUNDS / 20; i++) {
        char text[GOV_POST_MORTEM_MAX];
        size_t written = 0;
        struct gov_recorder_stats stats;
        struct gov_oom oom = {.owner = "m", .wanted_bytes = -1, .now_us = i};
        uint64_t before = from;
        if (gov_governor_note_oom(shared->governor, &oom) ||
            gov_recorder_write_lines(shared->recorder, &from, count_bytes, &written) ||
            gov_recorder_write_trace(shared->recorder, count_bytes, &written))
            abort();
        gov_recorder_note(shared->recorder, i, "looked");
        gov_recorder_stats(shared->recorder, &stats);
        gov_post_mortem(shared->governor, shared->recorder, &oom, text, sizeof text);
        if (from < before || stats.recorded < from || !written)
            abort();
    }
    return NULL;
}

static void threads_never_get_more_than_the_budget_together(void **state)
{
    (void)state;
    struct shared shared = {0};
    struct gov_device_params params = {.sim = {.total_bytes = TOTAL_BYTES}};
    struct gov_config config = gov_config_default;
    struct gov_log log = {.write = listen, .context = &shared};
    config.budget.max_bytes = CAP_BYTES;
    assert_int_equal(gov_device_open("sim", &params, &shared.device), 0);
    assert_int_equal(gov_governor_new(&config, shared.device, &log, &shared.governor), 0);
    assert_int_equal(gov_recorder_new(256, &shared.recorder), 0);
    gov_governor_set_recorder(shared.governor, shared.recorder);
    assert_int_equal(gov_governor_sample(shared.governor, 1, NULL), 0);

    pthread_t threads[THREADS + 3];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, admit_and_release, &shared), 0);
    for (int i = THREADS; i < THREADS + 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sample_and_look, &shared), 0);
    assert_int_equal(pthread_create(&threads[THREADS + 2], NULL, watch_the_flight, &shared), 0);
    for (int i = 0; i < THREADS + 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    assert_in_range(atomic_load(&shared.most_working), 1, 2);
    struct gov_status status;
    gov_governor_status(shared.governor, &status);
    assert_int_equal(status.leases.now_bytes, 0);
    assert_int_equal(status.leases.pending_bytes, 0);
    assert_true(status.leases.peak_bytes <= CAP_BYTES);
    assert_int_equal(status.granted_count, atomic_load(&shared.granted));
    assert_int_equal(status.queued_count, atomic_load(&shared.refused));
    assert_int_equal(status.granted_count + status.queued_count, THREADS * ROUNDS);
    assert_true(atomic_load(&shared.said) >= status.granted_count);
    assert_int_equal(status.ooms_count, ROUNDS / 20);
    struct gov_recorder_stats stats;
    gov_recorder_stats(shared.recorder, &stats);
    assert_int_equal(stats.count[GOV_EVENT_LEASE_GRANTED], status.granted_count);
    assert_int_equal(stats.count[GOV_EVENT_LEASE_RELEASED], status.granted_count);
    assert_int_equal(stats.count[GOV_EVENT_SAMPLE], status.samples_count);
    assert_int_equal(stats.count[GOV_EVENT_OOM], ROUNDS / 20);
    gov_governor_free(shared.governor);
    gov_recorder_free(shared.recorder);
    gov_device_free(shared.device);
}

/* Two governors in one process share nothing. */
static void *run_alone(void *context)
{
    struct gov_governor *governor;
    int64_t *ret_total = context;
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                                .total_bytes = TOTAL_BYTES,
                                .free_bytes = TOTAL_BYTES};
    if (gov_governor_new(&gov_config_default, NULL, NULL, &governor) ||
        gov_governor_feed(governor, &sample, NULL, 0))
        abort();
    struct gov_request request = {.predicted_bytes = GOV_MB};
    for (int i = 0; i < ROUNDS; i++) {
        struct gov_admission admission;
        if (gov_governor_admit(governor, &request, &admission) ||
            gov_governor_release(governor, admission.lease_id, NULL))
            abort();
    }
    struct gov_status status;
    gov_governor_status(governor, &status);
    *ret_total = status.leases.total_count;
    gov_governor_free(governor);
    return NULL;
}

static void governors_beside_each_other_share_nothing(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int64_t totals[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_alone, &totals[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(totals[i], ROUNDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_never_get_more_than_the_budget_together),
        cmocka_unit_test(governors_beside_each_other_share_nothing),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
