/* Tiers: who is asked, in which order, how far, and what is said to have been freed. */
#include "testing.h"

#include <gov/reclaim.h>

enum { PID = 5 };

static void listen(void *context, enum gov_log_level level, const char *message)
{
    struct heard *heard = context;
    (void)level;
    snprintf(heard->lines[heard->count++ % 16], sizeof heard->lines[0], "%s", message);
}

struct fixture {
    struct gov_device *device;
    struct gov_governor *governor;
    struct heard heard;
    char asked[256]; /* names in the order they were asked */
};

/* Something on the simulated card that can give bytes back. */
struct holder {
    struct fixture *fixture;
    const char *name;
    int64_t bytes;
    int64_t known; /* what it says it could free */
    int answer;
    int64_t want; /* of the last call */
};

static int64_t reclaimable(void *context)
{
    return ((struct holder *)context)->known;
}

static int reclaim(void *context, enum gov_tier tier, int64_t want_bytes)
{
    struct holder *holder = context;
    (void)tier;
    strcat(holder->fixture->asked, holder->name);
    holder->want = want_bytes;
    if (holder->answer == GOV_RECLAIM_DONE && holder->bytes) {
        assert_int_equal(gov_sim_give(holder->fixture->device, PID, holder->bytes), 0);
        holder->bytes = holder->known = 0;
    }
    return holder->answer;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct gov_device_params params = {.sim = {.total_bytes = 10 * GOV_GB}};
    struct gov_log log = {.write = listen, .context = &f->heard};
    assert_int_equal(gov_device_open("sim", &params, &f->device), 0);
    assert_int_equal(gov_governor_new(&gov_config_default, f->device, &log, &f->governor), 0);
    assert_int_equal(gov_governor_watch(f->governor, PID), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    gov_governor_free(f->governor);
    gov_device_free(f->device);
    free(f);
    return 0;
}

static struct gov_reclaimer row(struct holder *holder, enum gov_tier tier, int64_t reload_us)
{
    return (struct gov_reclaimer){
        holder->name, tier, reload_us, reclaimable, reclaim, holder,
    };
}

static void fill(struct fixture *f, int64_t bytes)
{
    assert_int_equal(gov_sim_take(f->device, 0, PID, bytes), 0);
}

static void what_was_freed_is_measured_and_said_as_specified(void **state)
{
    struct fixture *f = *state;
    struct holder pool = {f, "p", 1800 * GOV_MB, 5 * GOV_GB, 0, 0}; /* claims more than it frees */
    struct gov_reclaimer table[] = {row(&pool, GOV_TIER_STANDARD, 0)};
    fill(f, 7500 * GOV_MB);
    struct gov_pressure_decision decision;
    struct gov_tier_run run = {0};
    assert_int_equal(gov_governor_sample(f->governor, 1, NULL), 0);
    int64_t estimate = gov_reclaimers_estimate(table, 1, GOV_TIER_STANDARD);
    assert_int_equal(gov_governor_check_pressure(f->governor, 1, estimate, &decision), 0);
    assert_int_equal(decision.tier, GOV_TIER_STANDARD);
    assert_int_equal(gov_governor_run_tier(f->governor, table, 1, decision.tier, 1, &run), 0);
    assert_int_equal(gov_governor_end_tier(f->governor, 2, &run), 0);
    assert_int_equal(run.freed_bytes, 1800 * GOV_MB);
    assert_false(run.again);
    assert_string_equal(heard_last(&f->heard, 1),
                        "Medium memory pressure (75.0%) - performing standard cleanup");
    assert_string_equal(heard_last(&f->heard, 0),
                        "GPU memory optimization completed - Freed 1.8GB");
    struct gov_status status;
    gov_governor_status(f->governor, &status);
    assert_int_equal(status.freed_bytes, 1800 * GOV_MB);
}

static void milder_tiers_leave_the_stronger_ones_reclaimers_alone(void **state)
{
    struct fixture *f = *state;
    struct holder a = {f, "a", 0, 1, 0, 0}, b = {f, "b", 0, 1, 0, 0}, c = {f, "c", 0, 1, 0, 0};
    struct gov_reclaimer table[] = {row(&c, GOV_TIER_EMERGENCY, 0), row(&a, GOV_TIER_STANDARD, 0),
                                    row(&b, GOV_TIER_AGGRESSIVE, 0)};
    static const char *const expected[] = {"", "a", "ab", "cab"};
    for (int tier = GOV_TIER_STANDARD; tier <= GOV_TIER_EMERGENCY; tier++) {
        struct gov_tier_run run = {0};
        f->asked[0] = 0;
        assert_int_equal(gov_governor_run_tier(f->governor, table, 3, tier, 1, &run), 0);
        assert_string_equal(f->asked, expected[tier]);
        assert_int_equal(run.asked, strlen(expected[tier]));
        assert_int_equal(gov_reclaimers_estimate(table, 3, tier), tier);
    }
}

static void costly_memory_goes_cheapest_per_byte_first_and_only_as_far_as_needed(void **state)
{
    struct fixture *f = *state;
    struct holder trim = {f, "t", 100 * GOV_MB, 100 * GOV_MB, 0, 0};
    struct holder small = {f, "s", 500 * GOV_MB, 500 * GOV_MB, 0, 0}; /* 1 s: 2 s per GB */
    struct holder large = {f, "l", 3 * GOV_GB, 3 * GOV_GB, 0, 0};     /* 30 s: 10 s per GB */
    struct holder middle = {f, "m", 2 * GOV_GB, 2 * GOV_GB, 0, 0};    /* 8 s: 4 s per GB */
    struct holder empty = {f, "e", 0, 0, 0, 0};
    struct gov_reclaimer table[] = {
        row(&large, GOV_TIER_AGGRESSIVE, 30000000), row(&small, GOV_TIER_AGGRESSIVE, 1000000),
        row(&middle, GOV_TIER_AGGRESSIVE, 8000000), row(&empty, GOV_TIER_AGGRESSIVE, 1),
        row(&trim, GOV_TIER_STANDARD, 0),
    };
    fill(f, 8500 * GOV_MB); /* 85 %; high is left below 75 %, so 1 GB too much */
    struct gov_tier_run run = {0};
    assert_int_equal(gov_governor_run_tier(f->governor, table, 5, GOV_TIER_AGGRESSIVE, 1, &run), 0);
    assert_string_equal(f->asked, "tsm"); /* after m there are 5.9 GB: the large model stays */
    assert_int_equal(small.want, 900 * GOV_MB);
    assert_int_equal(middle.want, 400 * GOV_MB);
    assert_int_equal(gov_governor_end_tier(f->governor, 2, &run), 0);
    assert_int_equal(run.freed_bytes, 2600 * GOV_MB);
}

static void what_is_promised_for_later_is_not_asked_for_twice(void **state)
{
    struct fixture *f = *state;
    struct holder worker = {f, "w", 0, 2 * GOV_GB, GOV_RECLAIM_RUNNING, 0};
    struct holder model = {f, "m", GOV_GB, GOV_GB, 0, 0};
    struct gov_reclaimer table[] = {row(&worker, GOV_TIER_AGGRESSIVE, 1000),
                                    row(&model, GOV_TIER_AGGRESSIVE, 1000000)};
    fill(f, 8500 * GOV_MB);
    struct gov_tier_run run = {0};
    assert_int_equal(gov_governor_run_tier(f->governor, table, 2, GOV_TIER_AGGRESSIVE, 1, &run), 0);
    assert_string_equal(f->asked, "w");
    assert_int_equal(run.running, 1);
    assert_int_equal(gov_sim_give(f->device, PID, 2 * GOV_GB), 0); /* it answers */
    assert_int_equal(gov_governor_end_tier(f->governor, 2, &run), 0);
    assert_int_equal(run.freed_bytes, 2 * GOV_GB);
}

static void a_failing_reclaimer_is_told_and_passed_over(void **state)
{
    struct fixture *f = *state;
    struct holder broken = {f, "b", 0, GOV_GB, GOV_E_DEVICE_LOST, 0};
    struct holder good = {f, "g", GOV_GB, GOV_GB, 0, 0};
    struct gov_reclaimer table[] = {row(&broken, GOV_TIER_STANDARD, 0),
                                    row(&good, GOV_TIER_STANDARD, 0)};
    fill(f, 7500 * GOV_MB);
    struct gov_tier_run run = {0};
    assert_int_equal(gov_governor_run_tier(f->governor, table, 2, GOV_TIER_STANDARD, 1, &run), 0);
    assert_string_equal(heard_last(&f->heard, 0), "Memory cleanup: b failed: device lost");
    assert_int_equal(run.failed, 1);
    assert_string_equal(f->asked, "bg");
}

/* Gives a slice with each call, as workers that are recycled one by one. */
static int slice(void *context, enum gov_tier tier, int64_t want_bytes)
{
    struct holder *holder = context;
    (void)tier;
    (void)want_bytes;
    holder->want++;
    gov_sim_give(holder->fixture->device, PID, holder->bytes);
    return GOV_RECLAIM_DONE;
}

static int passes_of_an_emergency(struct fixture *f, int64_t slice_bytes, int64_t *ret_freed)
{
    struct holder holder = {f, "s", slice_bytes, -1, 0, 0};
    struct gov_reclaimer table[] = {
        {"slice", GOV_TIER_EMERGENCY, 0, reclaimable, slice, &holder},
    };
    struct gov_tier_run run = {0};
    do {
        assert_int_equal(gov_governor_run_tier(f->governor, table, 1, GOV_TIER_EMERGENCY, 1, &run),
                         0);
        assert_int_equal(gov_governor_end_tier(f->governor, 2, &run), 0);
    } while (run.again);
    *ret_freed = run.freed_bytes;
    assert_int_equal(run.pass, holder.want);
    return run.pass;
}

static void an_emergency_passes_up_to_three_times_while_it_helps(void **state)
{
    struct fixture *f = *state;
    int64_t freed;
    fill(f, 9500 * GOV_MB);
    assert_int_equal(passes_of_an_emergency(f, 0, &freed), 1); /* nothing left to free */
    assert_int_equal(passes_of_an_emergency(f, 100 * GOV_MB, &freed), 3);
    assert_int_equal(freed, 300 * GOV_MB); /* over all passes */
    assert_int_equal(f->heard.count, 2);   /* one line for each emergency, not for each pass */
    fill(f, 300 * GOV_MB);
    assert_int_equal(passes_of_an_emergency(f, 1100 * GOV_MB, &freed), 2); /* below high */
    assert_string_equal(heard_last(&f->heard, 0),
                        "GPU memory optimization completed - Freed 2.2GB");
}

static void growth_meanwhile_is_not_called_freed(void **state)
{
    struct fixture *f = *state;
    struct gov_tier_run run = {0};
    fill(f, GOV_GB);
    assert_int_equal(gov_governor_run_tier(f->governor, NULL, 0, GOV_TIER_STANDARD, 1, &run), 0);
    fill(f, GOV_GB);
    assert_int_equal(gov_governor_end_tier(f->governor, 2, &run), 0);
    assert_int_equal(run.freed_bytes, -GOV_GB);
    assert_string_equal(heard_last(&f->heard, 0),
                        "GPU memory optimization completed - Freed 0.0GB");
    struct gov_status status;
    gov_governor_status(f->governor, &status);
    assert_int_equal(status.freed_bytes, 0);
    assert_int_equal(status.pressure.fruitless[GOV_TIER_STANDARD], 1);
}

static void nonsense_is_refused(void **state)
{
    struct fixture *f = *state;
    struct gov_tier_run run = {0};
    struct gov_reclaimer nothing = {.name = "x", .tier = GOV_TIER_STANDARD};
    assert_int_equal(gov_governor_run_tier(f->governor, NULL, 0, GOV_TIER_NONE, 1, &run),
                     GOV_E_INVALID);
    assert_int_equal(gov_governor_run_tier(f->governor, NULL, 1, GOV_TIER_STANDARD, 1, &run),
                     GOV_E_INVALID);
    assert_int_equal(gov_governor_run_tier(f->governor, &nothing, 1, GOV_TIER_STANDARD, 1, &run),
                     GOV_E_INVALID);
    assert_int_equal(gov_governor_end_tier(f->governor, 1, &run), GOV_E_INVALID);
    run.pass = GOV_EMERGENCY_PASSES;
    assert_int_equal(gov_governor_run_tier(f->governor, NULL, 0, GOV_TIER_EMERGENCY, 1, &run),
                     GOV_E_INVALID);
    /* Unknown is not zero. */
    struct holder unknown = {f, "u", 0, -1, 0, 0}, some = {f, "s", 0, 7, 0, 0};
    struct gov_reclaimer table[] = {row(&unknown, GOV_TIER_STANDARD, 0),
                                    row(&some, GOV_TIER_AGGRESSIVE, 0)};
    assert_int_equal(gov_reclaimers_estimate(table, 2, GOV_TIER_STANDARD), -1);
    assert_int_equal(gov_reclaimers_estimate(table, 2, GOV_TIER_AGGRESSIVE), 7);
    assert_int_equal(gov_reclaimers_estimate(NULL, 0, GOV_TIER_EMERGENCY), 0);
}

/* At 50 % no level asks for anything, but a job of 6 GB has just failed for want of 2. */
static void after_an_out_of_memory_as_much_is_freed_as_was_wanted(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t wanted_bytes;
        const char *asked;
    } rows[] = {{1 * GOV_GB, "s"}, {2 * GOV_GB, "sm"}, {4 * GOV_GB, "sml"}, {-1, "sml"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct holder small = {f, "s", 1 * GOV_GB, 1 * GOV_GB, 0, 0};
        struct holder middle = {f, "m", 1 * GOV_GB, 1 * GOV_GB, 0, 0};
        struct holder large = {f, "l", 2 * GOV_GB, 2 * GOV_GB, 0, 0};
        struct gov_reclaimer table[] = {row(&large, GOV_TIER_AGGRESSIVE, 30000000),
                                        row(&small, GOV_TIER_AGGRESSIVE, 1000000),
                                        row(&middle, GOV_TIER_AGGRESSIVE, 8000000)};
        struct gov_oom oom = {.owner = "m", .wanted_bytes = rows[i].wanted_bytes, .now_us = 1};
        fill(f, 5 * GOV_GB);
        assert_int_equal(gov_governor_sample(f->governor, 1, NULL), 0);
        assert_int_equal(gov_governor_note_oom(f->governor, &oom), 0);
        for (int round = 0; round < 2; round++) {
            struct gov_tier_run run = {0};
            f->asked[0] = 0;
            assert_int_equal(
                gov_governor_run_tier(f->governor, table, 3, GOV_TIER_AGGRESSIVE, 1, &run), 0);
            assert_int_equal(gov_governor_end_tier(f->governor, 1, &run), 0);
            /* Once a tier has ended the next one is the level's business again. */
            assert_string_equal(f->asked, round ? "" : rows[i].asked);
        }
        assert_int_equal(gov_sim_give(f->device, PID, -1), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(what_was_freed_is_measured_and_said_as_specified),
        TEST(after_an_out_of_memory_as_much_is_freed_as_was_wanted),
        TEST(milder_tiers_leave_the_stronger_ones_reclaimers_alone),
        TEST(costly_memory_goes_cheapest_per_byte_first_and_only_as_far_as_needed),
        TEST(what_is_promised_for_later_is_not_asked_for_twice),
        TEST(a_failing_reclaimer_is_told_and_passed_over),
        TEST(an_emergency_passes_up_to_three_times_while_it_helps),
        TEST(growth_meanwhile_is_not_called_freed),
        TEST(nonsense_is_refused),
    };
    return cmocka_run_group_tests_name("reclaim", tests, NULL, NULL);
}
