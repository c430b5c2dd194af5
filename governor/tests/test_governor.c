/* The governor: admission, its log lines, order, release, real processes. */
#include "testing.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gov/governor.h>

/* 12 GiB, as a 3060 reports it. */
#define CARD_BYTES INT64_C(12884901888)

static void listen(void *context, enum gov_log_level level, const char *message)
{
    struct heard *heard = context;
    (void)level;
    snprintf(heard->lines[heard->count++ % 16], sizeof heard->lines[0], "%s", message);
}

struct fixture {
    struct gov_governor *governor;
    struct gov_config config;
    struct heard heard;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct gov_log log = {.write = listen, .context = &f->heard};
    f->config = gov_config_default;
    assert_int_equal(gov_governor_new(&f->config, NULL, &log, &f->governor), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    assert_true(gov_governor_is_valid(f->governor));
    gov_governor_free(f->governor);
    free(f);
    return 0;
}

/* A reading of a card where we use own and neighbours use others. */
static void feed(struct gov_governor *g, int64_t total, int64_t own, int64_t others)
{
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                                .total_bytes = total,
                                .used_bytes = own + others,
                                .free_bytes = total - own - others};
    gov_sample_set_own(&sample, own);
    assert_int_equal(gov_governor_feed(g, &sample, NULL, 0), 0);
}

static struct gov_admission ask(struct gov_governor *g, int64_t bytes, uint32_t flags)
{
    struct gov_request request = {.owner = "movie.mkv",
                                  .stage = "shots",
                                  .predicted_bytes = bytes,
                                  .flags = GOV_REQUEST_EXACT | flags};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(g, &request, &admission), 0);
    return admission;
}

static void admission_writes_the_line_of_the_specification(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 6300 * GOV_MB, 1900 * GOV_MB);
    struct gov_admission admission = ask(f->governor, 2100 * GOV_MB, 0);
    assert_int_equal(admission.verdict, GOV_GRANTED);
    assert_string_equal(heard_last(&f->heard, 0),
                        "Memory check: 8.2GB used, 2.1GB required, 4.7GB available");
    assert_int_equal(f->heard.count, 1);
}

static void nothing_is_admitted_without_a_reading_but_what_is_forced(void **state)
{
    struct fixture *f = *state;
    struct gov_admission admission = ask(f->governor, GOV_GB, 0);
    assert_int_equal(admission.verdict, GOV_QUEUED);
    assert_int_equal(admission.reason, GOV_REASON_NO_SAMPLE);
    assert_string_equal(heard_last(&f->heard, 1),
                        "Memory check: unknown used, 1.0GB required, unknown available");
    admission = ask(f->governor, GOV_GB, GOV_REQUEST_FORCE);
    assert_int_equal(admission.verdict, GOV_GRANTED);
    assert_int_equal(admission.reason, GOV_REASON_FORCED);
}

static void a_second_lease_that_passes_the_budget_waits_and_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0); /* cap 10.95 GB */
    assert_int_equal(ask(f->governor, 6 * GOV_GB, 0).verdict, GOV_GRANTED);
    struct gov_admission second = ask(f->governor, 6 * GOV_GB, 0);
    assert_int_equal(second.verdict, GOV_QUEUED);
    assert_int_equal(second.reason, GOV_REASON_BUDGET);
    assert_int_equal(second.lease_id, GOV_LEASE_NONE);
    struct gov_status status;
    gov_governor_status(f->governor, &status);
    assert_int_equal(status.leases.now_bytes, 6 * GOV_GB);
    assert_int_equal(status.leases.now_count, 1);
    assert_int_equal(status.leases.rolled_back_count, 1);
    assert_int_equal(status.queued_count, 1);
    /* Exactly what is left does fit. */
    assert_int_equal(ask(f->governor, second.room_bytes, 0).verdict, GOV_GRANTED);
    assert_int_equal(ask(f->governor, 1, 0).verdict, GOV_QUEUED);
}

static void promised_memory_counts_until_it_is_seen_in_use(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    struct gov_admission first = ask(f->governor, 6 * GOV_GB, 0);
    assert_int_equal(gov_governor_bind(f->governor, first.lease_id, 77), 0);
    int64_t before = ask(f->governor, 0, GOV_REQUEST_DRY_RUN).room_bytes;

    /* The process has now allocated 5 of its 6 GB: the room must be the same. */
    struct gov_process process = {.pid = 77, .valid = GOV_PROCESS_USED, .used_bytes = 5 * GOV_GB};
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                                .total_bytes = CARD_BYTES,
                                .used_bytes = 5 * GOV_GB,
                                .free_bytes = CARD_BYTES - 5 * GOV_GB};
    assert_int_equal(gov_governor_feed(f->governor, &sample, &process, 1), 0);
    assert_int_equal(ask(f->governor, 0, GOV_REQUEST_DRY_RUN).room_bytes, before);

    struct gov_lease lease;
    assert_int_equal(gov_governor_release(f->governor, first.lease_id, &lease), 0);
    assert_int_equal(lease.peak_bytes, 5 * GOV_GB);
    assert_int_equal(gov_governor_release(f->governor, first.lease_id, &lease), GOV_E_NOT_FOUND);
}

static void a_process_of_the_real_machine_is_measured_through_its_lease(void **state)
{
    (void)state;
    const size_t held_bytes = 48u << 20;
    struct gov_device *device;
    struct gov_governor *g;
    struct gov_config config = gov_config_default;
    config.max_sample_age_us = 0;
    assert_int_equal(gov_device_open("host", NULL, &device), 0);
    assert_int_equal(gov_governor_new(&config, device, NULL, &g), 0);
    assert_int_equal(gov_governor_sample(g, 1, NULL), 0);
    struct gov_request request = {.owner = "m",
                                  .stage = "s",
                                  .predicted_bytes = 64 << 20,
                                  .flags = GOV_REQUEST_EXACT | GOV_REQUEST_FORCE};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(g, &request, &admission), 0);

    int ready[2], end[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(end[1]);
        void *held = mmap(NULL, held_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        char byte = held == MAP_FAILED;
        if (write(ready[1], &byte, 1) == 1)
            (void)!read(end[0], &byte, 1);
        _exit(0);
    }
    char byte = 1;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 0);
    assert_int_equal(gov_governor_bind(g, admission.lease_id, pid), 0);
    assert_int_equal(gov_governor_sample(g, 2, NULL), 0);
    close(end[1]);
    waitpid(pid, NULL, 0);

    struct gov_lease lease;
    assert_int_equal(gov_governor_release(g, admission.lease_id, &lease), 0);
    assert_true(lease.peak_bytes >= (int64_t)held_bytes);
    assert_true(lease.peak_bytes < (int64_t)held_bytes * 8);
    close(ready[0]);
    close(ready[1]);
    close(end[0]);
    gov_governor_free(g);
    gov_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(admission_writes_the_line_of_the_specification),
        TEST(nothing_is_admitted_without_a_reading_but_what_is_forced),
        TEST(a_second_lease_that_passes_the_budget_waits_and_leaves_no_trace),
        TEST(promised_memory_counts_until_it_is_seen_in_use),
        cmocka_unit_test(a_process_of_the_real_machine_is_measured_through_its_lease),
    };
    return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
