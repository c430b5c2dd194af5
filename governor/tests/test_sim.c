/* The simulated device: what it has in common with a card, computed by hand. */
#include "testing.h"

#include <gov/device.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

static struct gov_device *open_sim(const char *spec, const struct gov_sim_params *sim)
{
    struct gov_device *device = NULL;
    struct gov_device_params params = {0};
    if (sim)
        params.sim = *sim;
    assert_int_equal(gov_device_open(spec, &params, &device), 0);
    return device;
}

static struct gov_sample sample_at(struct gov_device *device, int64_t now_us)
{
    struct gov_sample s;
    assert_int_equal(gov_device_sample(device, now_us, -1, &s), 0);
    assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
    assert_true(gov_sim_is_valid(device));
    return s;
}

static int64_t used_at(struct gov_device *device, int64_t now_us)
{
    return sample_at(device, now_us).used_bytes;
}

static struct gov_process process_of(struct gov_device *device, int64_t pid)
{
    struct gov_process p = {.pid = pid};
    assert_int_equal(gov_device_processes(device, false, &p, 1), 0);
    return p;
}

static void every_preset_opens_as_the_card_it_names(void **state)
{
    (void)state;
    int64_t before = 0;
    size_t n = 0;
    for (const struct gov_sim_preset *p; (p = gov_sim_preset(n)); n++) {
        char spec[80];
        snprintf(spec, sizeof spec, "sim:%s", p->name);
        struct gov_device *device = open_sim(spec, NULL);
        struct gov_sample s = sample_at(device, 0);
        assert_int_equal(s.total_bytes, p->total_bytes);
        assert_int_equal(s.reserved_bytes, p->reserved_bytes);
        assert_int_equal(s.used_bytes, p->reserved_bytes);
        assert_int_equal(gov_sim_take(device, 0, 5, 0), 0);
        assert_int_equal(process_of(device, 5).used_bytes, p->context_bytes);
        /* By size, so that a table for a person needs no sorting; and nothing absurd. */
        assert_true(p->total_bytes >= before && p->title[0]);
        assert_true(p->reserved_bytes > 0 && p->reserved_bytes < p->total_bytes / 20);
        assert_true(p->context_bytes > 100 * MIB && p->context_bytes < 600 * MIB);
        before = p->total_bytes;
        for (size_t i = 0; i < n; i++)
            assert_string_not_equal(gov_sim_preset(i)->name, p->name);
        struct gov_device_info info;
        gov_device_info(device, &info);
        assert_non_null(strstr(info.name, p->name));
        gov_device_free(device);
    }
    assert_true(n >= 20);
    assert_null(gov_sim_preset(SIZE_MAX));
}

static void the_reference_card_is_sold_as_twelve_gibibytes(void **state)
{
    (void)state;
    struct gov_device *device = open_sim("sim:rtx3060", NULL);
    assert_int_equal(sample_at(device, 0).total_bytes, INT64_C(12884901888)); /* "12.9GB" */
    gov_device_free(device);
}

static void a_spec_may_be_a_size(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int64_t bytes;
    } good[] = {
        {"sim:8GB", 8 * GOV_GB},
        {"sim:8GiB", 8 * GIB},
        {"sim:7.5GB", 7500 * GOV_MB},
        {"sim:12.125GB", 12125 * GOV_MB},
        {"sim:640MB", 640 * GOV_MB},
        {"sim:64MiB", 64 * MIB},
        {"sim:1000000GB", 1000000 * GOV_GB},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct gov_device *device = open_sim(good[i].spec, NULL);
        struct gov_sample s = sample_at(device, 0);
        assert_int_equal(s.total_bytes, good[i].bytes);
        assert_int_equal(s.reserved_bytes, good[i].bytes / 50);
        assert_int_equal(gov_sim_take(device, 0, 1, 1), 0);
        assert_true(process_of(device, 1).used_bytes > 2 * MIB);
        gov_device_free(device);
    }
    static const char *const bad[] = {
        "sim:8",
        "sim:GB",
        "sim:-8GB",
        "sim: 8GB",
        "sim:8 GB",
        "sim:8gb",
        "sim:8GBx",
        "sim:8.GB",
        "sim:.5GB",
        "sim:8.1234GB",
        "sim:0GB",
        "sim:63.999MB",
        "sim:8.5.5GB",
        "sim:99999999999999999999GB",
        "sim:9999999999GB",
        "sim:rtx3060x",
        "sim:RTX3060",
        "sim:rtx",
        "sim:rtx3060:8GB",
    };
    struct gov_device *none = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gov_device_open(bad[i], NULL, &none), GOV_E_NO_DEVICE);
    assert_null(none);
}

static void params_override_the_spec(void **state)
{
    (void)state;
    struct gov_sim_params params = {.reserved_bytes = 100 * MIB,
                                    .context_bytes = 10 * MIB,
                                    .granularity_bytes = 4 * MIB,
                                    .total_bytes = 2 * GIB};
    struct gov_device *device = open_sim("sim:rtx4090", &params);
    assert_int_equal(gov_sim_take(device, 0, 1, 1), 0);
    assert_int_equal(used_at(device, 0), 114 * MIB);
    assert_int_equal(sample_at(device, 0).total_bytes, 2 * GIB);
    gov_device_free(device);

    params =
        (struct gov_sim_params){.reserved_bytes = -1, .context_bytes = -1, .granularity_bytes = -1};
    device = open_sim("sim:rtx4090", &params); /* the size alone */
    assert_int_equal(gov_sim_take(device, 0, 1, 7), 0);
    assert_int_equal(used_at(device, 0), 7);
    gov_device_free(device);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour negative = {.bytes = -1};
    static const struct gov_sim_neighbour ramp = {.bytes = 1, .shape = GOV_SIM_RAMP};
    static const struct gov_sim_neighbour saw = {
        .bytes = 1, .low_bytes = 2, .shape = GOV_SIM_SAW, .period_us = 5};
    static const struct gov_sim_neighbour shape = {.bytes = 1, .shape = 17, .period_us = 5};
    static const struct gov_sim_neighbour pid = {.bytes = 1, .pid = -4};
    const struct gov_sim_params bad[] = {
        {.total_bytes = -5},
        {.total_bytes = INT64_MAX},
        {.reserved_bytes = 100 * GIB},
        {.lag_us = -1},
        {.neighbour_count = 1},
        {.neighbours = &negative, .neighbour_count = 1},
        {.neighbours = &ramp, .neighbour_count = 1},
        {.neighbours = &saw, .neighbour_count = 1},
        {.neighbours = &shape, .neighbour_count = 1},
        {.neighbours = &pid, .neighbour_count = 1},
        {.neighbours = &pid, .neighbour_count = SIZE_MAX},
    };
    struct gov_device *device = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct gov_device_params params = {.sim = bad[i]};
        assert_int_equal(gov_device_open("sim:rtx3060", &params, &device), GOV_E_INVALID);
    }
    assert_null(device);
}

static void the_first_take_of_a_process_costs_a_context_and_the_last_give_returns_it(void **state)
{
    (void)state;
    struct gov_sim_params params = {.total_bytes = GIB, .context_bytes = 300 * MIB};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(gov_sim_take(device, 0, 1, 100 * MIB), 0);
    assert_int_equal(used_at(device, 0), 400 * MIB);
    assert_int_equal(gov_sim_take(device, 0, 1, 100 * MIB), 0);
    assert_int_equal(used_at(device, 0), 500 * MIB);
    assert_int_equal(gov_sim_take(device, 0, 2, 0), 0); /* the context alone */
    assert_int_equal(used_at(device, 0), 800 * MIB);
    /* Would fit but for its context; then nothing stays behind, no context either. */
    assert_int_equal(gov_sim_take(device, 0, 3, 0), GOV_E_DEVICE_NOMEM);
    assert_int_equal(process_of(device, 3).valid, 0);
    assert_int_equal(used_at(device, 0), 800 * MIB);
    assert_int_equal(gov_sim_give(device, 1, INT64_MAX), 0); /* all but the context */
    assert_int_equal(process_of(device, 1).used_bytes, 300 * MIB);
    assert_int_equal(process_of(device, 1).peak_bytes, 500 * MIB);
    assert_int_equal(gov_sim_give(device, 1, -1), 0);
    assert_int_equal(process_of(device, 1).valid, 0);
    assert_int_equal(used_at(device, 0), 300 * MIB);
    gov_device_free(device);
}

static void allocations_come_in_granules(void **state)
{
    (void)state;
    struct gov_sim_params params = {.total_bytes = 11 * MIB, .granularity_bytes = 2 * MIB};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(sample_at(device, 0).largest_free_bytes, 10 * MIB);
    assert_int_equal(gov_sim_take(device, 0, 1, 1), 0);
    assert_int_equal(gov_sim_take(device, 0, 1, 2 * MIB), 0);
    assert_int_equal(gov_sim_take(device, 0, 1, 2 * MIB + 1), 0);
    assert_int_equal(used_at(device, 0), 8 * MIB);
    struct gov_sample s = sample_at(device, 0);
    assert_int_equal(s.largest_free_bytes, 2 * MIB);
    assert_int_equal(s.free_bytes, 3 * MIB);
    assert_int_equal(gov_sim_take(device, 0, 1, 2 * MIB + 1), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_take(device, 0, 1, INT64_MAX), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_take(device, 0, 1, s.largest_free_bytes), 0);
    assert_int_equal(gov_sim_give(device, 1, 2 * MIB + 1), 0);
    assert_int_equal(gov_sim_give(device, 1, 1), 0);
    assert_int_equal(used_at(device, 0), 4 * MIB);
    gov_device_free(device);
}

static void freed_memory_comes_back_late_and_nobody_gets_it_before(void **state)
{
    (void)state;
    struct gov_sim_params params = {
        .total_bytes = 100, .lag_us = 1000, .context_bytes = 10, .granularity_bytes = -1};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(gov_sim_take(device, 5000, 1, 80), 0);
    assert_int_equal(gov_sim_give(device, 1, 30), 0);
    assert_int_equal(gov_sim_advance(device, 5400), 0);
    assert_int_equal(gov_sim_give(device, 1, -1), 0);
    assert_int_equal(process_of(device, 1).valid, 0); /* the process is gone, its memory is not */
    assert_int_equal(used_at(device, 5999), 90);
    assert_int_equal(gov_sim_take(device, 5999, 2, 1), GOV_E_DEVICE_NOMEM);
    assert_int_equal(used_at(device, 6000), 60);
    assert_int_equal(used_at(device, 4000), 60); /* time does not run backwards */
    assert_int_equal(gov_sim_take(device, 6000, 2, 30), 0);
    assert_int_equal(used_at(device, 6399), 100);
    assert_int_equal(used_at(device, 6400), 40);
    gov_device_free(device);
}

/* More frees on their way than the device remembers one by one: late, never early, never lost. */
static void a_storm_of_frees_is_returned_in_full(void **state)
{
    (void)state;
    enum { PIECES = 1000 };
    struct gov_sim_params params = {.total_bytes = PIECES, .lag_us = 100000};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(gov_sim_take(device, 0, 1, PIECES), 0);
    for (int64_t i = 1; i <= PIECES; i++) {
        assert_int_equal(gov_sim_advance(device, i), 0);
        assert_int_equal(gov_sim_give(device, 1, 1), 0);
    }
    int64_t before = PIECES;
    for (int64_t now = 100000; now <= 101000; now++) {
        int64_t used = used_at(device, now);
        assert_true(used <= before && used >= PIECES - (now - 100000));
        before = used;
    }
    assert_int_equal(before, 0);
    gov_device_free(device);
}

static void neighbours_step_ramp_and_saw(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour script[] = {
        {.at_us = 500,
         .bytes = 200,
         .until_us = 900,
         .low_bytes = 100,
         .shape = GOV_SIM_RAMP,
         .period_us = 200,
         .pid = 77},
        {.at_us = 100, .until_us = 300, .bytes = 1000},
        {.at_us = 1000, .bytes = 100, .shape = GOV_SIM_SAW, .period_us = 50, .until_us = 1200},
        {.at_us = 5000, .bytes = 30, .until_us = 4000}, /* ends before it begins */
    };
    struct gov_sim_params params = {
        .total_bytes = 4000, .neighbours = script, .neighbour_count = 4};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(used_at(device, 99), 0);
    assert_int_equal(used_at(device, 100), 1000);
    assert_int_equal(used_at(device, 299), 1000);
    assert_int_equal(used_at(device, 300), 0);
    assert_int_equal(used_at(device, 500), 100);
    assert_int_equal(used_at(device, 550), 125);
    assert_int_equal(used_at(device, 551), 125); /* a byte in two microseconds, rounded down */
    assert_int_equal(used_at(device, 552), 126);
    assert_int_equal(process_of(device, 77).used_bytes, 126);
    assert_int_equal(process_of(device, 77).valid, GOV_PROCESS_USED);
    assert_int_equal(used_at(device, 700), 200);
    assert_int_equal(used_at(device, 899), 200);
    assert_int_equal(used_at(device, 900), 0);
    assert_int_equal(process_of(device, 77).valid, 0);
    for (int64_t now = 1000; now < 1200; now++)
        assert_int_equal(used_at(device, now), (now - 1000) % 50 * 2);
    assert_int_equal(process_of(device, GOV_SIM_NEIGHBOUR_PID + 2).used_bytes, 98);
    assert_int_equal(used_at(device, 1200), 0);
    assert_int_equal(used_at(device, 9000), 0);
    gov_device_free(device);
}

static void a_jump_in_time_lands_where_small_steps_do(void **state)
{
    (void)state;
    struct gov_sim_neighbour script[60];
    for (int64_t i = 0; i < 60; i++) {
        script[i] = (struct gov_sim_neighbour){.at_us = i * 7919 % 1000,
                                               .until_us = i % 3 ? i * 7919 % 1000 + 13 * i : 0,
                                               .bytes = 1 + i * 31 % 97,
                                               .shape = (enum gov_sim_shape)(i % 3),
                                               .period_us = 1 + i * 17};
    }
    struct gov_sim_params params = {
        .total_bytes = 2000, .neighbours = script, .neighbour_count = 60};
    for (int64_t end = 1; end < 3000; end += 131) {
        struct gov_device *steps = open_sim("sim", &params), *jump = open_sim("sim", &params);
        for (int64_t now = 0; now < end; now++)
            used_at(steps, now);
        assert_int_equal(used_at(steps, end), used_at(jump, end));
        gov_device_free(steps);
        gov_device_free(jump);
    }
}

/* Wishes beyond the card, of what is left the earlier neighbour is served first. */
static void neighbours_get_what_is_left_and_take_what_is_given_back(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour script[] = {{.at_us = 10, .bytes = 70, .pid = 1},
                                                      {.at_us = 5, .bytes = 50, .pid = 2}};
    struct gov_sim_params params = {
        .total_bytes = 100, .reserved_bytes = 10, .neighbours = script, .neighbour_count = 2};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(gov_sim_take(device, 0, 9, 60), 0);
    assert_int_equal(used_at(device, 10), 100);
    assert_int_equal(process_of(device, 2).used_bytes, 30);
    assert_int_equal(process_of(device, 1).used_bytes, 0);
    assert_int_equal(process_of(device, 1).valid, GOV_PROCESS_USED);
    assert_int_equal(gov_sim_give(device, 9, 40), 0);
    assert_int_equal(used_at(device, 11), 100);
    assert_int_equal(process_of(device, 2).used_bytes, 50);
    assert_int_equal(process_of(device, 1).used_bytes, 20);
    assert_int_equal(gov_sim_take(device, 11, 9, 1), GOV_E_DEVICE_NOMEM);
    gov_device_free(device);
}

/* A neighbour may wish for anything; it gets what is left. */
static void a_greedy_neighbour_fills_the_card_and_no_more(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour greedy[] = {{.bytes = INT64_MAX}, {.bytes = INT64_MAX}};
    struct gov_sim_params params = {.neighbours = greedy, .neighbour_count = 2};
    struct gov_device *device = open_sim("sim:rtx3060", &params);
    struct gov_sample s = sample_at(device, 1);
    assert_int_equal(s.free_bytes, 0);
    gov_sample_set_own(&s, 0);
    assert_int_equal(s.others_bytes + s.reserved_bytes, s.total_bytes);
    gov_device_free(device);
}

static void all_processes_are_listed_biggest_first(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour script[] = {
        {.bytes = 40, .pid = 7}, {.bytes = 5, .pid = 8}, {.bytes = 30}};
    struct gov_sim_params params = {
        .total_bytes = 1000, .neighbours = script, .neighbour_count = 3};
    struct gov_device *device = open_sim("sim", &params);
    assert_int_equal(gov_sim_take(device, 1, 8, 100), 0); /* ours, with a leak from the script */
    assert_int_equal(gov_sim_take(device, 1, 9, 40), 0);
    struct gov_process p[10];
    size_t n = 0;
    assert_int_equal(gov_device_list_processes(device, p, 10, &n), 0);
    assert_int_equal(n, 4);
    static const int64_t pids[] = {8, 7, 9, GOV_SIM_NEIGHBOUR_PID + 2};
    static const int64_t bytes[] = {105, 40, 40, 30};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p[i].pid, pids[i]);
        assert_int_equal(p[i].used_bytes, bytes[i]);
        assert_int_equal(process_of(device, pids[i]).used_bytes, bytes[i]);
        assert_int_equal(process_of(device, pids[i]).valid, p[i].valid);
    }
    n = 0;
    p[2].pid = -3;
    assert_int_equal(gov_device_list_processes(device, p, 2, &n), 0);
    assert_int_equal(n, 4);
    assert_int_equal(p[2].pid, -3); /* no more than asked for */
    assert_int_equal(gov_device_list_processes(device, NULL, 0, &n), 0);
    assert_int_equal(n, 4);
    for (int64_t pid = 100; pid < 400; pid++)
        assert_int_equal(gov_sim_take(device, 1, pid, 1), 0);
    assert_int_equal(gov_device_list_processes(device, p, 1, &n), 0);
    assert_int_equal(n, 304);
    gov_device_free(device);
}

static struct gov_sim_pool_stats stats_of(struct gov_device *device, uint64_t pool)
{
    struct gov_sim_pool_stats stats;
    assert_int_equal(gov_sim_pool_stats(device, pool, &stats), 0);
    assert_true(gov_sim_is_valid(device));
    return stats;
}

static void one_live_slice_pins_its_chunk(void **state)
{
    (void)state;
    struct gov_sim_params params = {.total_bytes = GIB, .granularity_bytes = 2 * MIB};
    struct gov_device *device = open_sim("sim", &params);
    uint64_t pool;
    int64_t a[8], freed = -1;
    assert_int_equal(gov_sim_pool_new(device, 4, 20 * MIB, &pool), 0);
    assert_int_equal(used_at(device, 0), 0); /* no chunk yet, no context */
    for (int i = 0; i < 8; i++)
        assert_int_equal(gov_sim_pool_take(device, 0, pool, 5 * MIB, &a[i]), 0);
    assert_int_equal(stats_of(device, pool).chunk_count, 2);
    assert_int_equal(stats_of(device, pool).live_bytes, 40 * MIB);
    assert_int_equal(used_at(device, 0), 40 * MIB);
    for (int i = 0; i < 8; i++) {
        if (i != 5)
            assert_int_equal(gov_sim_pool_give(device, pool, a[i]), 0);
    }
    assert_int_equal(used_at(device, 0), 40 * MIB); /* cached */
    assert_int_equal(stats_of(device, pool).pinned_bytes, 20 * MIB);
    assert_int_equal(stats_of(device, pool).largest_gap_bytes, 20 * MIB);
    assert_int_equal(gov_sim_pool_trim(device, pool, &freed), 0);
    assert_int_equal(freed, 20 * MIB);
    assert_int_equal(used_at(device, 0), 20 * MIB);
    assert_int_equal(stats_of(device, pool).live_bytes, 5 * MIB);
    assert_int_equal(stats_of(device, pool).largest_gap_bytes, 10 * MIB); /* behind slice 5 */
    assert_int_equal(gov_sim_pool_trim(device, pool, &freed), 0);
    assert_int_equal(freed, 0);
    assert_int_equal(gov_sim_pool_give(device, pool, a[5]), 0);
    assert_int_equal(gov_sim_pool_give(device, pool, a[5]), GOV_E_NOT_FOUND);
    assert_int_equal(gov_sim_pool_trim(device, pool, NULL), 0);
    assert_int_equal(used_at(device, 0), 0);
    gov_device_free(device);
}

static void holes_are_filled_before_the_pool_grows(void **state)
{
    (void)state;
    struct gov_sim_params params = {.total_bytes = GIB, .context_bytes = 7 * MIB};
    struct gov_device *device = open_sim("sim", &params);
    uint64_t pool;
    int64_t a[4], b, big;
    assert_int_equal(gov_sim_pool_new(device, 4, 4 * MIB, &pool), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(gov_sim_pool_take(device, 0, pool, MIB, &a[i]), 0);
    assert_int_equal(gov_sim_pool_give(device, pool, a[1]), 0);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, MIB - 600, &b), 0);
    assert_int_equal(b, a[1]);
    assert_int_equal(used_at(device, 0), 11 * MIB);
    assert_int_equal(stats_of(device, pool).largest_gap_bytes, 512);          /* 600 rounded down */
    assert_int_equal(gov_sim_pool_take(device, 0, pool, 100 * MIB, &big), 0); /* its own chunk */
    assert_int_equal(used_at(device, 0), 111 * MIB);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, 0, &b), 0); /* as malloc(0), a name */
    assert_int_equal(stats_of(device, pool).slice_count, 6);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, 2 * GIB, &b), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, INT64_MAX, &b), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, INT64_MAX - 600, &b), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_pool_free(device, pool), 0);
    assert_int_equal(used_at(device, 0), 7 * MIB); /* the context of a process that lives on */
    assert_int_equal(gov_sim_pool_free(device, pool), GOV_E_NOT_FOUND);
    gov_device_free(device);
}

static void pools_end_with_their_process(void **state)
{
    (void)state;
    struct gov_sim_params params = {.total_bytes = GIB, .lag_us = 10};
    struct gov_device *device = open_sim("sim", &params);
    uint64_t mine, other;
    int64_t a, b;
    assert_int_equal(gov_sim_pool_new(device, 4, MIB, &mine), 0);
    assert_int_equal(gov_sim_pool_new(device, 5, MIB, &other), 0);
    assert_int_equal(gov_sim_pool_take(device, 0, mine, 5, &a), 0);
    assert_int_equal(gov_sim_pool_take(device, 0, other, 5, &b), 0);
    assert_int_equal(gov_sim_take(device, 0, 4, 3 * MIB), 0);
    assert_int_equal(gov_sim_give(device, 4, INT64_MAX), 0);
    assert_int_equal(process_of(device, 4).used_bytes, MIB); /* chunks are not given this way */
    assert_int_equal(gov_sim_give(device, 4, -1), 0);
    assert_int_equal(gov_sim_pool_give(device, mine, a), GOV_E_NOT_FOUND);
    assert_int_equal(gov_sim_pool_take(device, 0, mine, 5, &a), GOV_E_NOT_FOUND);
    assert_int_equal(gov_sim_pool_give(device, other, b), 0);
    assert_int_equal(used_at(device, 9), 5 * MIB);
    assert_int_equal(used_at(device, 10), MIB);
    gov_device_free(device);
}

/* Random operations keep every sum; the same numbers give the same readings. */
static uint64_t random_life(struct gov_device *device, uint64_t seed, int rounds)
{
    enum { POOLS = 4, SLICES = 64 };
    uint64_t pools[POOLS] = {0}, digest = 0;
    int64_t slices[POOLS][SLICES] = {{0}};
    for (int round = 0; round < rounds; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t r = seed >> 33;
        int64_t pid = 1 + (int64_t)(r % 6), now = round * INT64_C(37), freed = 0;
        size_t k = r / 8 % POOLS;
        int64_t *slice = &slices[k][r / 64 % SLICES];
        int error = 0;
        switch (r % 7) {
        case 0:
        case 1:
            error = gov_sim_take(device, now, pid, (int64_t)(r % 977) * 100003);
            break;
        case 2:
            error = gov_sim_give(device, pid, (int64_t)(r % 1201) * 100003);
            break;
        case 3:
            if (*slice && !(error = gov_sim_pool_give(device, pools[k], *slice)))
                *slice = 0;
            break;
        case 4:
        case 5:
            if (!*slice)
                error = gov_sim_pool_take(device, now, pools[k], (int64_t)(r % 3001) * 1009, slice);
            break;
        default:
            if (r % 50 == 0)
                error = gov_sim_give(device, pid, -1);
            else
                error = gov_sim_pool_trim(device, pools[k], &freed);
        }
        if (error == GOV_E_NOT_FOUND && r % 3 == 0) { /* the pool's process has ended */
            memset(slices[k], 0, sizeof slices[k]);
            gov_sim_pool_free(device, pools[k]);
            assert_int_equal(gov_sim_pool_new(device, pid, 20 * MIB, &pools[k]), 0);
        }
        digest = digest * 31 + (uint64_t)(error + freed);
        if (round % 64 == 0)
            digest = digest * 31 + (uint64_t)used_at(device, now);
    }
    return digest;
}

static void random_lives_keep_every_sum_and_repeat_exactly(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour script[] = {
        {.at_us = 1000, .bytes = 5 * GIB, .shape = GOV_SIM_SAW, .period_us = 70001},
        {.at_us = 90000, .bytes = 9 * GIB, .shape = GOV_SIM_RAMP, .period_us = 300000}};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct gov_sim_params params = {
            .lag_us = 500 * (int64_t)seed, .neighbours = script, .neighbour_count = 2};
        struct gov_device *a = open_sim("sim:rtx3060", &params);
        struct gov_device *b = open_sim("sim:rtx3060", &params);
        assert_true(random_life(a, seed, 20000) == random_life(b, seed, 20000));
        for (int64_t pid = 1; pid <= 6; pid++)
            gov_sim_give(a, pid, -1);
        struct gov_sample s = sample_at(a, INT64_C(1) << 40);
        struct gov_process left[4];
        size_t n;
        assert_int_equal(gov_device_list_processes(a, left, 4, &n), 0);
        assert_int_equal(n, 2); /* the neighbours */
        assert_int_equal(s.used_bytes, s.reserved_bytes + left[0].used_bytes + left[1].used_bytes);
        gov_device_free(a);
        gov_device_free(b);
    }
}

static void faults_hit_the_calls_they_name(void **state)
{
    (void)state;
    struct gov_sim_params params = {.total_bytes = GIB};
    struct gov_device *device = open_sim("sim", &params);
    struct gov_sample s;
    struct gov_process p = {.pid = 1};
    struct gov_sim_fault fault = {
        .calls = GOV_SIM_CALL_TAKE, .skip = 2, .times = 2, .error = GOV_E_DEVICE_NOMEM};
    assert_int_equal(gov_sim_fail(device, &fault), 0);
    fault = (struct gov_sim_fault){.calls = GOV_SIM_CALL_SAMPLE | GOV_SIM_CALL_PROCESSES,
                                   .error = GOV_E_IO};
    assert_int_equal(gov_sim_fail(device, &fault), 0);
    assert_int_equal(gov_device_processes(device, true, &p, 1), GOV_E_IO); /* once, by default */
    assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    assert_int_equal(gov_device_sample(device, 0, 0, &s), 0);
    static const int expected[] = {0, 0, GOV_E_DEVICE_NOMEM, GOV_E_DEVICE_NOMEM, 0};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(gov_sim_take(device, 0, 1, MIB), expected[i]);
    assert_int_equal(used_at(device, 0), 3 * MIB); /* a failed take takes nothing */
    assert_int_equal(gov_sim_calls(device, GOV_SIM_CALL_TAKE), 5);
    assert_int_equal(gov_sim_calls(device, ~0u), 9);
    fault.times = -1;
    assert_int_equal(gov_sim_fail(device, &fault), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(gov_device_sample(device, 0, 0, &s), GOV_E_IO);
    uint64_t pool;
    int64_t address;
    fault = (struct gov_sim_fault){.calls = GOV_SIM_CALL_TAKE, .error = GOV_E_DEVICE_NOMEM};
    assert_int_equal(gov_sim_fail(device, &fault), 0);
    assert_int_equal(gov_sim_pool_new(device, 3, MIB, &pool), 0);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, 1, &address), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, 1, &address), 0);
    assert_int_equal(gov_sim_fail(device, NULL), 0);
    used_at(device, 0);
    for (int i = 0; i < GOV_SIM_FAULTS_MAX; i++)
        assert_int_equal(gov_sim_fail(device, &fault), 0);
    assert_int_equal(gov_sim_fail(device, &fault), GOV_E_FULL);
    gov_device_free(device);
}

static void a_lost_card_answers_nothing_and_comes_back_empty(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour script = {.bytes = 5 * MIB};
    struct gov_sim_params params = {
        .total_bytes = GIB, .lag_us = 100, .neighbours = &script, .neighbour_count = 1};
    struct gov_device *device = open_sim("sim", &params);
    uint64_t pool;
    int64_t address;
    size_t count;
    struct gov_sample s;
    struct gov_process p = {.pid = 1};
    assert_int_equal(gov_sim_take(device, 0, 1, 50 * MIB), 0);
    assert_int_equal(gov_sim_give(device, 1, 10 * MIB), 0);
    assert_int_equal(gov_sim_pool_new(device, 2, MIB, &pool), 0);
    assert_int_equal(gov_sim_pool_take(device, 0, pool, 9, &address), 0);
    assert_int_equal(gov_sim_lose(device), 0);
    assert_int_equal(gov_device_sample(device, 1, 0, &s), GOV_E_DEVICE_LOST);
    assert_int_equal(gov_device_processes(device, false, &p, 1), GOV_E_DEVICE_LOST);
    assert_int_equal(gov_device_list_processes(device, &p, 1, &count), GOV_E_DEVICE_LOST);
    assert_int_equal(gov_sim_take(device, 1, 1, 1), GOV_E_DEVICE_LOST);
    assert_int_equal(gov_sim_pool_take(device, 1, pool, 1, &address), GOV_E_DEVICE_LOST);
    assert_int_equal(gov_sim_give(device, 1, -1), GOV_E_NOT_FOUND);
    assert_true(gov_sim_is_valid(device));
    assert_int_equal(gov_sim_restore(device), 0);
    assert_int_equal(used_at(device, 2), 5 * MIB);
    assert_int_equal(gov_sim_pool_give(device, pool, address), GOV_E_NOT_FOUND);
    gov_device_free(device);
}

static int next_kind(struct gov_device *device)
{
    struct gov_device_event event = {.code = -9};
    int error = gov_device_next_event(device, &event);
    assert_true(error == 0 || (error == GOV_E_NOT_FOUND && event.code == -9));
    return error ? -1 : (int)event.kind;
}

static void events_are_told_once_each(void **state)
{
    (void)state;
    struct gov_device *device = open_sim("sim:8GB", NULL);
    struct gov_sample s;
    assert_int_equal(next_kind(device), -1);
    gov_sim_lose(device);
    assert_int_equal(next_kind(device), -1); /* no reading has noticed */
    for (int i = 0; i < 3; i++)
        assert_int_equal(gov_device_sample(device, 5, 0, &s), GOV_E_DEVICE_LOST);
    gov_sim_restore(device);
    struct gov_sim_fault fault = {.calls = GOV_SIM_CALL_SAMPLE, .error = GOV_E_IO};
    gov_sim_fail(device, &fault);
    assert_int_equal(gov_device_sample(device, 6, 0, &s), GOV_E_IO); /* not back yet */
    assert_int_equal(next_kind(device), GOV_DEVICE_EVENT_LOST);
    assert_int_equal(next_kind(device), -1);
    used_at(device, 7);
    used_at(device, 8);
    assert_int_equal(next_kind(device), GOV_DEVICE_EVENT_RECOVERED);
    assert_int_equal(next_kind(device), -1);
    struct gov_device_event event = {.damage = GOV_DAMAGE_PROCESS, .text = "XID 31: page fault"};
    for (event.code = 1; event.code <= 20; event.code++) /* more than are kept */
        assert_int_equal(gov_sim_report(device, &event), 0);
    for (int64_t code = 5; code <= 20; code++) {
        assert_int_equal(gov_device_next_event(device, &event), 0);
        assert_int_equal(event.code, code);
        assert_string_equal(event.text, "XID 31: page fault");
    }
    assert_int_equal(next_kind(device), -1);
    assert_int_equal(gov_sim_report(device, NULL), GOV_E_INVALID);
    gov_device_free(device);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct gov_device *sim = open_sim("sim:8GB", NULL), *host = open_sim("host", NULL);
    struct gov_sim_fault fault = {.calls = 1, .error = GOV_E_IO};
    struct gov_sim_pool_stats stats;
    uint64_t pool = 0;
    int64_t address;
    assert_int_equal(gov_sim_take(sim, 0, 0, 5), GOV_E_INVALID);
    assert_int_equal(gov_sim_take(sim, 0, 1, -5), GOV_E_INVALID);
    assert_int_equal(gov_sim_take(NULL, 0, 1, 5), GOV_E_INVALID);
    assert_int_equal(gov_sim_give(NULL, 1, 1), GOV_E_INVALID);
    assert_int_equal(gov_sim_give(sim, 0, 1), GOV_E_INVALID);
    assert_int_equal(gov_sim_give(sim, 1, 1), GOV_E_NOT_FOUND);
    assert_int_equal(gov_sim_pool_new(sim, 0, 5, &pool), GOV_E_INVALID);
    assert_int_equal(gov_sim_pool_new(sim, 1, 0, &pool), GOV_E_INVALID);
    assert_int_equal(gov_sim_pool_new(sim, 1, 1, NULL), GOV_E_INVALID);
    assert_int_equal(gov_sim_pool_take(sim, 0, 1, -1, &address), GOV_E_INVALID);
    assert_int_equal(gov_sim_pool_take(sim, 0, 1, 1, &address), GOV_E_NOT_FOUND);
    assert_int_equal(gov_sim_pool_trim(sim, 1, NULL), GOV_E_NOT_FOUND);
    assert_int_equal(gov_sim_pool_stats(sim, 1, NULL), GOV_E_INVALID);
    assert_int_equal(gov_sim_fail(NULL, NULL), GOV_E_INVALID);
    fault.error = 0;
    assert_int_equal(gov_sim_fail(sim, &fault), GOV_E_INVALID);
    assert_int_equal(gov_sim_advance(NULL, 0), GOV_E_INVALID);
    fault.error = GOV_E_IO;
    assert_int_equal(gov_sim_take(host, 0, 1, 1), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_give(host, 1, 1), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_advance(host, 1), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_fail(host, &fault), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_lose(host), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_restore(host), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_pool_new(host, 1, 1, &pool), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_pool_take(host, 0, 1, 1, &address), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_pool_give(host, 1, 1), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_pool_trim(host, 1, NULL), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_pool_free(host, 1), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_pool_stats(host, 1, &stats), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_calls(host, ~0u), 0);
    assert_false(gov_sim_is_valid(host));
    assert_false(gov_sim_is_valid(NULL));
    gov_device_free(sim);
    gov_device_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_preset_opens_as_the_card_it_names),
        cmocka_unit_test(the_reference_card_is_sold_as_twelve_gibibytes),
        cmocka_unit_test(a_spec_may_be_a_size),
        cmocka_unit_test(params_override_the_spec),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(the_first_take_of_a_process_costs_a_context_and_the_last_give_returns_it),
        cmocka_unit_test(allocations_come_in_granules),
        cmocka_unit_test(freed_memory_comes_back_late_and_nobody_gets_it_before),
        cmocka_unit_test(a_storm_of_frees_is_returned_in_full),
        cmocka_unit_test(neighbours_step_ramp_and_saw),
        cmocka_unit_test(a_jump_in_time_lands_where_small_steps_do),
        cmocka_unit_test(neighbours_get_what_is_left_and_take_what_is_given_back),
        cmocka_unit_test(a_greedy_neighbour_fills_the_card_and_no_more),
        cmocka_unit_test(all_processes_are_listed_biggest_first),
        cmocka_unit_test(one_live_slice_pins_its_chunk),
        cmocka_unit_test(holes_are_filled_before_the_pool_grows),
        cmocka_unit_test(pools_end_with_their_process),
        cmocka_unit_test(random_lives_keep_every_sum_and_repeat_exactly),
        cmocka_unit_test(faults_hit_the_calls_they_name),
        cmocka_unit_test(a_lost_card_answers_nothing_and_comes_back_empty),
        cmocka_unit_test(events_are_told_once_each),
        cmocka_unit_test(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
