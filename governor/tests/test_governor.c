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

static void more_than_the_cap_never_fits_however_empty_the_device(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    struct gov_admission admission = ask(f->governor, 11 * GOV_GB, 0);
    assert_int_equal(admission.verdict, GOV_NEVER);
    assert_int_equal(admission.reason, GOV_REASON_CAP);
    assert_int_equal(admission.cap_bytes, 10952166604);
    assert_int_equal(ask(f->governor, admission.cap_bytes, 0).verdict, GOV_GRANTED);
    /* With a crowded device the same amount may fit later: it waits. */
    feed(f->governor, CARD_BYTES, 0, 8 * GOV_GB);
    assert_int_equal(ask(f->governor, 10 * GOV_GB, 0).verdict, GOV_QUEUED);
}

static void what_is_forced_is_granted_and_marked_only_when_it_was_needed(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    struct gov_lease lease;
    struct gov_admission fits = ask(f->governor, GOV_GB, GOV_REQUEST_FORCE);
    assert_int_equal(fits.reason, GOV_REASON_FITS);
    assert_int_equal(gov_governor_lease(f->governor, fits.lease_id, &lease), 0);
    assert_false(lease.flags & GOV_LEASE_FORCED);
    struct gov_admission forced = ask(f->governor, 20 * GOV_GB, GOV_REQUEST_FORCE);
    assert_int_equal(forced.verdict, GOV_GRANTED);
    assert_int_equal(forced.reason, GOV_REASON_FORCED);
    assert_int_equal(gov_governor_lease(f->governor, forced.lease_id, &lease), 0);
    assert_true(lease.flags & GOV_LEASE_FORCED);
    assert_int_equal(ask(f->governor, 1, 0).verdict, GOV_QUEUED);
}

static void a_buffer_is_put_on_predictions_that_falls_with_experience(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    static const struct {
        int64_t count, asked;
    } rows[] = {{0, 1150000000}, {5, 1125000000}, {10, 1100000000}, {1000, 1100000000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_request request = {.predicted_bytes = GOV_GB,
                                      .history_count = rows[i].count,
                                      .flags = GOV_REQUEST_DRY_RUN};
        struct gov_admission admission;
        assert_int_equal(gov_governor_admit(f->governor, &request, &admission), 0);
        assert_int_equal(admission.asked_bytes, rows[i].asked);
    }
    assert_int_equal(f->heard.count, 0); /* a dry run says and leases nothing */
    struct gov_status status;
    gov_governor_status(f->governor, &status);
    assert_int_equal(status.leases.total_count, 0);
    assert_int_equal(status.granted_count, 0);
}

static void nothing_known_means_four_gigabytes_and_a_word_about_it(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    struct gov_request request = {.owner = "odd\nname.mkv", .stage = "shots"};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(f->governor, &request, &admission), 0);
    assert_int_equal(admission.asked_bytes, 4 * GOV_GB);
    assert_string_equal(heard_last(&f->heard, 0), "Memory estimate: nothing known about shots of "
                                                  "odd?name.mkv, 4.0GB assumed");
}

static void the_device_can_refuse_what_the_budget_allows(void **state)
{
    struct fixture *f = *state;
    /* Neighbours within the reserve cost no budget, but their memory is not free. */
    feed(f->governor, CARD_BYTES, 0, 1900 * GOV_MB);
    struct gov_config config = gov_config_default;
    config.budget.fraction = 1;
    config.budget.reserve_bytes = 0;
    struct gov_governor *g;
    assert_int_equal(gov_governor_new(&config, NULL, NULL, &g), 0);
    /* used is more than own and others explain: a driver that reserves. */
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE |
                                         GOV_SAMPLE_RESERVED,
                                .total_bytes = 10 * GOV_GB,
                                .used_bytes = 4 * GOV_GB,
                                .free_bytes = 6 * GOV_GB,
                                .reserved_bytes = 4 * GOV_GB};
    gov_sample_set_own(&sample, 0);
    assert_int_equal(gov_governor_feed(g, &sample, NULL, 0), 0);
    struct gov_admission admission = ask(g, 7 * GOV_GB, 0);
    assert_int_equal(admission.verdict, GOV_QUEUED);
    assert_int_equal(admission.reason, GOV_REASON_DEVICE);
    assert_int_equal(ask(g, 6 * GOV_GB, 0).verdict, GOV_GRANTED);
    assert_int_equal(ask(g, GOV_MB, 0).reason, GOV_REASON_DEVICE); /* promised already */
    gov_governor_free(g);
}

static void an_old_reading_admits_nothing(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0); /* at 0 */
    struct gov_request request = {
        .predicted_bytes = GOV_GB, .now_us = 5000000, .flags = GOV_REQUEST_EXACT};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(f->governor, &request, &admission), 0);
    assert_int_equal(admission.verdict, GOV_GRANTED);
    request.now_us++;
    assert_int_equal(gov_governor_admit(f->governor, &request, &admission), 0);
    assert_int_equal(admission.verdict, GOV_QUEUED);
    assert_int_equal(admission.reason, GOV_REASON_NO_SAMPLE);
}

/* Windows' driver model shows no processes. */
static void without_knowing_our_own_use_leases_stand_for_it(void **state)
{
    struct fixture *f = *state;
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                                .total_bytes = CARD_BYTES,
                                .used_bytes = GOV_GB,
                                .free_bytes = CARD_BYTES - GOV_GB};
    assert_int_equal(gov_governor_feed(f->governor, &sample, NULL, 0), 0);
    assert_int_equal(ask(f->governor, 4 * GOV_GB, 0).verdict, GOV_GRANTED);
    /* The lease has been allocated: neighbours must not be charged with it. */
    sample.used_bytes = 5 * GOV_GB;
    sample.free_bytes = CARD_BYTES - 5 * GOV_GB;
    assert_int_equal(gov_governor_feed(f->governor, &sample, NULL, 0), 0);
    struct gov_admission admission = ask(f->governor, 0, GOV_REQUEST_DRY_RUN);
    assert_int_equal(admission.budget_bytes, 10952166604);
    assert_int_equal(admission.room_bytes, CARD_BYTES - 9 * GOV_GB); /* careful, not blocked */
}

static void the_oldest_movie_goes_first_and_is_not_overtaken(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    ask(f->governor, 5 * GOV_GB, 0); /* leaves 5.95 GB */
    struct gov_request requests[] = {
        {.stage = "young", .owner_order = 3, .predicted_bytes = GOV_GB},
        {.stage = "oldest render", .owner_order = 1, .stage_order = 2, .predicted_bytes = GOV_GB},
        {.stage = "second", .owner_order = 2, .predicted_bytes = 6 * GOV_GB},
        {.stage = "oldest shots", .owner_order = 1, .stage_order = 1, .predicted_bytes = GOV_GB},
        {.stage = "second too", .owner_order = 2, .stage_order = 1, .predicted_bytes = GOV_GB},
    };
    enum { N = sizeof requests / sizeof requests[0] };
    struct gov_admission admissions[N];
    size_t order[N];
    for (size_t i = 0; i < N; i++)
        requests[i].flags = GOV_REQUEST_EXACT;
    assert_int_equal(gov_governor_admit_in_order(f->governor, requests, N, order, admissions), 0);
    static const size_t expected[N] = {3, 1, 2, 4, 0};
    assert_memory_equal(order, expected, sizeof order);
    assert_int_equal(admissions[3].verdict, GOV_GRANTED);
    assert_int_equal(admissions[1].verdict, GOV_GRANTED);
    assert_int_equal(admissions[2].verdict, GOV_QUEUED);
    assert_int_equal(admissions[4].verdict, GOV_GRANTED); /* the same movie's small stage */
    assert_int_equal(admissions[0].verdict, GOV_QUEUED);  /* it would fit, but it is younger */
    assert_int_equal(admissions[0].reason, GOV_REASON_ORDER);
    assert_int_equal(admissions[0].lease_id, GOV_LEASE_NONE);
    /* Alone it is admitted. */
    assert_int_equal(gov_governor_admit_in_order(f->governor, requests, 1, order, admissions), 0);
    assert_int_equal(admissions[0].verdict, GOV_GRANTED);
}

static void what_never_fits_holds_nobody_back(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    struct gov_request requests[] = {
        {.owner_order = 1, .predicted_bytes = 50 * GOV_GB},
        {.owner_order = 2, .predicted_bytes = GOV_GB},
    };
    struct gov_admission admissions[2];
    size_t order[2];
    assert_int_equal(gov_governor_admit_in_order(f->governor, requests, 2, order, admissions), 0);
    assert_int_equal(admissions[0].verdict, GOV_NEVER);
    assert_int_equal(admissions[1].verdict, GOV_GRANTED);
}

static void critical_pressure_pauses_admission_until_below_high(void **state)
{
    struct fixture *f = *state;
    struct gov_pressure_decision decision;
    feed(f->governor, 10 * GOV_GB, 0, 9500 * GOV_MB);
    assert_int_equal(gov_governor_check_pressure(f->governor, 1, -1, &decision), 0);
    assert_int_equal(decision.tier, GOV_TIER_EMERGENCY);
    assert_string_equal(heard_last(&f->heard, 0),
                        "Critical memory pressure (95.0%) - performing emergency cleanup");
    feed(f->governor, 10 * GOV_GB, 0, 7600 * GOV_MB);
    assert_int_equal(gov_governor_check_pressure(f->governor, 2, -1, &decision), 0);
    assert_int_equal(ask(f->governor, GOV_MB, 0).reason, GOV_REASON_PAUSED);
    feed(f->governor, 10 * GOV_GB, 0, 7400 * GOV_MB);
    assert_int_equal(gov_governor_check_pressure(f->governor, 3, -1, &decision), 0);
    assert_true(decision.resume);
    assert_int_equal(ask(f->governor, GOV_MB, 0).verdict, GOV_GRANTED);
}

static void a_worker_that_ends_gives_its_leases_back(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    for (int i = 0; i < 3; i++) {
        struct gov_admission admission = ask(f->governor, GOV_GB, 0);
        assert_int_equal(gov_governor_bind(f->governor, admission.lease_id, i < 2 ? 5 : 6), 0);
    }
    assert_int_equal(gov_governor_watch(f->governor, 5), 0);
    assert_int_equal(gov_governor_release_pid(f->governor, 5), 2);
    assert_int_equal(gov_governor_release_pid(f->governor, 5), 0);
    struct gov_lease leases[4];
    assert_int_equal(gov_governor_leases(f->governor, leases, 4), 1);
    assert_int_equal(leases[0].pid, 6);
}

/* A pool that keeps what it freed: the lease shrank, the process did not. */
static void a_lease_may_always_grow_to_what_it_holds(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    uint64_t id = ask(f->governor, 8 * GOV_GB, 0).lease_id;
    assert_int_equal(gov_governor_bind(f->governor, id, 77), 0);
    assert_int_equal(gov_governor_resize(f->governor, id, 2 * GOV_GB), 0);
    struct gov_process process = {.pid = 77, .valid = GOV_PROCESS_USED, .used_bytes = 7 * GOV_GB};
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                                .total_bytes = CARD_BYTES,
                                .used_bytes = 7 * GOV_GB,
                                .free_bytes = CARD_BYTES - 7 * GOV_GB};
    assert_int_equal(gov_governor_feed(f->governor, &sample, &process, 1), 0);
    assert_int_equal(gov_governor_resize(f->governor, id, 12 * GOV_GB), GOV_E_NO_ROOM);
    assert_int_equal(gov_governor_resize(f->governor, id, 8 * GOV_GB), 0);
}

static void a_lease_grows_only_into_free_room(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    uint64_t id = ask(f->governor, 8 * GOV_GB, 0).lease_id;
    assert_int_equal(gov_governor_resize(f->governor, id, 12 * GOV_GB), GOV_E_NO_ROOM);
    assert_int_equal(gov_governor_resize(f->governor, id, 10 * GOV_GB), 0);
    assert_int_equal(gov_governor_resize(f->governor, id, 2 * GOV_GB), 0);
    assert_int_equal(gov_governor_report_peak(f->governor, id, 3 * GOV_GB), 0);
    struct gov_lease lease;
    assert_int_equal(gov_governor_release(f->governor, id, &lease), 0);
    assert_int_equal(lease.peak_bytes, 3 * GOV_GB);
    struct gov_status status;
    gov_governor_status(f->governor, &status);
    assert_int_equal(status.leases.over_granted_count, 1);
    assert_int_equal(status.leases.peak_bytes, 10 * GOV_GB);
    gov_governor_reset_peaks(f->governor);
    gov_governor_status(f->governor, &status);
    assert_int_equal(status.leases.peak_bytes, 0);
}

static void readings_come_faster_the_faster_memory_fills(void **state)
{
    struct fixture *f = *state;
    struct gov_sample s = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
                           .total_bytes = 10 * GOV_GB};
    assert_int_equal(gov_governor_next_sample_us(f->governor), 1000000);
    for (int i = 1; i <= 4; i++) { /* 1 GB a second */
        s.at_us = i * INT64_C(1000000);
        s.used_bytes = i * GOV_GB;
        s.free_bytes = s.total_bytes - s.used_bytes;
        gov_governor_feed(f->governor, &s, NULL, 0);
    }
    assert_int_equal(gov_governor_next_sample_us(f->governor), 1000000); /* 6 s to full */
    s.at_us += 1000000;
    s.used_bytes = 9500 * GOV_MB; /* 5.5 GB a second, 0.5 GB left: 23 ms */
    s.free_bytes = 500 * GOV_MB;
    gov_governor_feed(f->governor, &s, NULL, 0);
    assert_int_equal(gov_governor_next_sample_us(f->governor), 100000);
    for (int i = 0; i < 60; i++) {
        s.at_us += 1000000;
        gov_governor_feed(f->governor, &s, NULL, 0);
    }
    assert_int_equal(gov_governor_next_sample_us(f->governor), 1000000);
}

static void nonsense_is_refused(void **state)
{
    struct fixture *f = *state;
    struct gov_governor *g = NULL;
    struct gov_config bad = gov_config_default;
    struct gov_admission admission;
    struct gov_request request = {.predicted_bytes = -1};
    bad.movies_default = 0;
    assert_int_equal(gov_governor_new(&bad, NULL, NULL, &g), GOV_E_INVALID);
    assert_int_equal(gov_governor_new(NULL, NULL, NULL, &g), GOV_E_INVALID);
    assert_null(g);
    assert_int_equal(gov_governor_admit(f->governor, &request, &admission), GOV_E_INVALID);
    request = (struct gov_request){.history_count = -1};
    assert_int_equal(gov_governor_admit(f->governor, &request, &admission), GOV_E_INVALID);
    assert_int_equal(gov_governor_sample(f->governor, 0, NULL), GOV_E_INVALID); /* no device */
    assert_int_equal(gov_governor_watch(f->governor, 0), GOV_E_INVALID);
    assert_int_equal(gov_governor_release(f->governor, 99, NULL), GOV_E_NOT_FOUND);
    struct gov_sample none;
    assert_int_equal(gov_governor_last_sample(f->governor, &none), GOV_E_NOT_FOUND);
    request = (struct gov_request){.predicted_bytes = INT64_MAX};
    feed(f->governor, CARD_BYTES, 0, 0);
    assert_int_equal(gov_governor_admit(f->governor, &request, &admission), 0);
    assert_int_equal(admission.verdict, GOV_NEVER);
    gov_governor_free(NULL);
}

static void a_governor_reads_its_simulated_device_itself(void **state)
{
    (void)state;
    struct gov_device *device;
    struct gov_governor *g;
    struct gov_sample sample;
    struct gov_device_params params = {.sim = {.total_bytes = CARD_BYTES}};
    assert_int_equal(gov_device_open("sim", &params, &device), 0);
    assert_int_equal(gov_governor_new(&gov_config_default, device, NULL, &g), 0);
    assert_int_equal(gov_governor_sample(g, 1, &sample), 0);
    struct gov_admission admission = ask(g, 6 * GOV_GB, 0);
    assert_int_equal(gov_governor_bind(g, admission.lease_id, 9), 0);
    assert_int_equal(gov_sim_take(device, 1, 9, 5 * GOV_GB), 0);
    assert_int_equal(gov_sim_take(device, 1, 10, 2 * GOV_GB), 0); /* ours, without a lease */
    assert_int_equal(gov_governor_watch(g, 10), 0);
    assert_int_equal(gov_governor_watch(g, 10), 0);
    assert_int_equal(gov_sim_take(device, 1, 11, 3 * GOV_GB), 0); /* a neighbour */
    assert_int_equal(gov_governor_sample(g, 2, &sample), 0);
    assert_int_equal(sample.own_bytes, 7 * GOV_GB);
    assert_int_equal(sample.others_bytes, 3 * GOV_GB);
    struct gov_status status;
    gov_governor_status(g, &status);
    assert_int_equal(status.leases.pending_bytes, GOV_GB);
    /* 10.95 cap - 1.1 beyond the reserve - 7 own - 1 pending, and 2.885 free - 1 pending */
    assert_int_equal(status.budget.ours_bytes, 9852166604);
    assert_int_equal(status.room_bytes, 1852166604);
    gov_governor_unwatch(g, 10);
    gov_governor_unwatch(g, 12345);
    assert_int_equal(gov_governor_sample(g, 3, &sample), 0);
    assert_int_equal(sample.others_bytes, 5 * GOV_GB);
    gov_governor_free(g);
    gov_device_free(device);
}

static void waiting_is_said_once_and_again_when_the_reason_changes(void **state)
{
    struct fixture *f = *state;
    feed(f->governor, CARD_BYTES, 0, 0);
    struct gov_admission first = ask(f->governor, 9 * GOV_GB, 0);
    f->heard.count = 0;
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask(f->governor, 3 * GOV_GB, 0).verdict, GOV_QUEUED);
    assert_int_equal(f->heard.count, 2);
    assert_string_equal(heard_last(&f->heard, 0),
                        "Memory wait: shots of movie.mkv waits for our budget: 3.0GB required, "
                        "room for 2.0GB (budget 11.0GB, leased 9.0GB)");
    struct gov_request other = {.owner = "movie.mkv",
                                .stage = "audio",
                                .predicted_bytes = 3 * GOV_GB,
                                .flags = GOV_REQUEST_EXACT};
    struct gov_admission admission;
    assert_int_equal(gov_governor_admit(f->governor, &other, &admission), 0);
    assert_int_equal(f->heard.count, 4);
    struct gov_pressure_decision decision;
    feed(f->governor, CARD_BYTES, 0, 12 * GOV_GB);
    assert_int_equal(gov_governor_check_pressure(f->governor, 1, -1, &decision), 0);
    f->heard.count = 0;
    ask(f->governor, 3 * GOV_GB, 0); /* paused now */
    assert_int_equal(f->heard.count, 2);
    feed(f->governor, CARD_BYTES, 0, 0);
    assert_int_equal(gov_governor_check_pressure(f->governor, 2, -1, &decision), 0);
    assert_int_equal(gov_governor_release(f->governor, first.lease_id, NULL), 0);
    f->heard.count = 0;
    assert_int_equal(ask(f->governor, 3 * GOV_GB, 0).verdict, GOV_GRANTED);
    assert_int_equal(f->heard.count, 1);
}

static void what_a_limit_cuts_off_counts_towards_the_reserve(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t physical, total, cap;
    } rows[] = {
        {16 * GOV_GB, 16 * GOV_GB, 13600000000}, /* fraction */
        {8 * GOV_GB, 8 * GOV_GB, 6100000000},    /* reserve */
        {9 * GOV_GB, 8 * GOV_GB, 6800000000},    /* 1 GB is left outside: 7.1, so the fraction */
        {64 * GOV_GB, 2 * GOV_GB, 1700000000},   {64 * GOV_GB, 300 * GOV_MB, 255 * GOV_MB},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_sample s = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE |
                                        GOV_SAMPLE_PHYSICAL,
                               .total_bytes = rows[i].total,
                               .free_bytes = rows[i].total,
                               .physical_bytes = rows[i].physical};
        gov_sample_set_own(&s, 0);
        assert_int_equal(gov_governor_feed(f->governor, &s, NULL, 0), 0);
        assert_int_equal(ask(f->governor, 1, GOV_REQUEST_DRY_RUN).cap_bytes, rows[i].cap);
    }
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

static void peaks_start_again_and_totals_stay(void **state)
{
    (void)state;
    struct gov_governor *g;
    struct gov_status status;
    struct gov_admission admission;
    struct gov_request request = {.predicted_bytes = GOV_GB, .flags = GOV_REQUEST_EXACT};
    struct gov_sample sample = {.valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE |
                                         GOV_SAMPLE_OWN | GOV_SAMPLE_OTHERS,
                                .total_bytes = 10 * GOV_GB};
    static const int64_t own_gb[] = {1, 5, 2, 3};
    assert_int_equal(gov_governor_new(&gov_config_default, NULL, NULL, &g), 0);
    for (size_t i = 0; i < 4; i++) {
        sample.at_us = (int64_t)i;
        sample.own_bytes = own_gb[i] * GOV_GB;
        sample.others_bytes = GOV_GB;
        sample.used_bytes = sample.own_bytes + sample.others_bytes;
        sample.free_bytes = sample.total_bytes - sample.used_bytes;
        assert_int_equal(gov_governor_feed(g, &sample, NULL, 0), 0);
    }
    assert_int_equal(gov_governor_admit(g, &request, &admission), 0);
    assert_int_equal(gov_governor_release(g, admission.lease_id, NULL), 0);
    for (int again = 0; again < 2; again++) {
        gov_governor_status(g, &status);
        assert_int_equal(status.own.now, 3 * GOV_GB);
        assert_int_equal(status.own.peak, (again ? 3 : 5) * GOV_GB);
        assert_int_equal(status.own.total, 6 * GOV_GB); /* 1, then 4 more, then 1 more */
        assert_int_equal(status.used.peak, (again ? 4 : 6) * GOV_GB);
        assert_int_equal(status.others.total, GOV_GB);
        assert_int_equal(status.leased.peak, again ? 0 : GOV_GB);
        assert_int_equal(status.pending.peak, again ? 0 : GOV_GB);
        assert_int_equal(status.lease_count.total, 1);
        assert_true(gov_governor_is_valid(g));
        gov_governor_reset_peaks(g);
    }
    /* What is not known any more is not shown as if it were. */
    sample.valid &= ~(uint32_t)GOV_SAMPLE_OWN;
    sample.at_us = 9;
    assert_int_equal(gov_governor_feed(g, &sample, NULL, 0), 0);
    gov_governor_status(g, &status);
    assert_int_equal(status.own.now, -1);
    gov_governor_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peaks_start_again_and_totals_stay),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(admission_writes_the_line_of_the_specification),
        TEST(nothing_is_admitted_without_a_reading_but_what_is_forced),
        TEST(a_second_lease_that_passes_the_budget_waits_and_leaves_no_trace),
        TEST(promised_memory_counts_until_it_is_seen_in_use),
        TEST(more_than_the_cap_never_fits_however_empty_the_device),
        TEST(what_is_forced_is_granted_and_marked_only_when_it_was_needed),
        TEST(a_buffer_is_put_on_predictions_that_falls_with_experience),
        TEST(nothing_known_means_four_gigabytes_and_a_word_about_it),
        TEST(the_device_can_refuse_what_the_budget_allows),
        TEST(an_old_reading_admits_nothing),
        TEST(without_knowing_our_own_use_leases_stand_for_it),
        TEST(the_oldest_movie_goes_first_and_is_not_overtaken),
        TEST(what_never_fits_holds_nobody_back),
        TEST(critical_pressure_pauses_admission_until_below_high),
        TEST(a_worker_that_ends_gives_its_leases_back),
        TEST(a_lease_may_always_grow_to_what_it_holds),
        TEST(a_lease_grows_only_into_free_room),
        TEST(readings_come_faster_the_faster_memory_fills),
        TEST(nonsense_is_refused),
        TEST(waiting_is_said_once_and_again_when_the_reason_changes),
        TEST(what_a_limit_cuts_off_counts_towards_the_reserve),
        cmocka_unit_test(a_governor_reads_its_simulated_device_itself),
        cmocka_unit_test(a_process_of_the_real_machine_is_measured_through_its_lease),
    };
    return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
