/* Levels and tiers as a pure function: hysteresis, crossings, cool-downs, no thrashing. */
#include "testing.h"

#include <gov/config.h>
#include <gov/pressure.h>

#define S INT64_C(1000000)

static const struct gov_pressure_rule *const rule = &gov_pressure_rule_default;

static struct gov_pressure_decision step(struct gov_pressure_state *state, int64_t seconds,
                                         double percent)
{
    struct gov_pressure_input input = {seconds * S, percent, GOV_GB};
    return gov_pressure_step(rule, state, &input);
}

static void each_level_is_entered_at_its_line_and_left_five_points_below(void **state)
{
    (void)state;
    static const double enter[] = {0, 70, 80, 90};
    for (int l = GOV_LEVEL_MEDIUM; l <= GOV_LEVEL_CRITICAL; l++) {
        struct gov_pressure_state s = {0};
        assert_int_equal(step(&s, 1, enter[l] - 0.01).level, l - 1);
        assert_int_equal(step(&s, 2, enter[l]).level, l);
        assert_int_equal(step(&s, 3, enter[l] - 5).level, l);
        assert_int_equal(step(&s, 4, enter[l] - 5.01).level, l - 1);
        assert_int_equal(step(&s, 5, enter[l] - 0.01).level, l - 1);
    }
}

static void crossing_runs_the_tier_of_the_level_reached_once(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    assert_int_equal(step(&s, 0, 50).tier, GOV_TIER_NONE);
    struct gov_pressure_decision d = step(&s, 1, 72);
    assert_int_equal(d.tier, GOV_TIER_STANDARD);
    assert_int_equal(d.previous, GOV_LEVEL_LOW);
    assert_int_equal(step(&s, 2, 72).tier, GOV_TIER_NONE);
    /* Straight from medium to critical: one tier, the strongest. */
    d = step(&s, 3, 95);
    assert_int_equal(d.tier, GOV_TIER_EMERGENCY);
    assert_true(d.pause);
    assert_int_equal(s.entered_count[GOV_LEVEL_HIGH], 1);
    /* Going down runs nothing. */
    assert_int_equal(step(&s, 4, 84).tier, GOV_TIER_NONE);
    assert_int_equal(step(&s, 5, 60).tier, GOV_TIER_NONE);
}

static void admission_pauses_at_critical_and_resumes_below_high(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    assert_true(step(&s, 0, 91).pause);
    assert_false(step(&s, 1, 92).pause);  /* already */
    assert_false(step(&s, 2, 84).resume); /* high */
    assert_false(step(&s, 3, 75).resume); /* still high: left below 75 */
    assert_true(s.paused);
    assert_true(step(&s, 4, 74.9).resume);
    assert_false(s.paused);
    assert_false(step(&s, 5, 60).resume);
}

static void a_stay_repeats_its_tier_only_when_it_can_help(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    step(&s, 0, 85);
    assert_int_equal(step(&s, 29, 85).tier, GOV_TIER_NONE); /* cool-down of 30 s */
    struct gov_pressure_input nothing_to_free = {31 * S, 85, 0};
    assert_int_equal(gov_pressure_step(rule, &s, &nothing_to_free).tier, GOV_TIER_NONE);
    assert_int_equal(step(&s, 32, 84.4).tier, GOV_TIER_NONE); /* falling already */
    assert_int_equal(step(&s, 33, 84.3).tier, GOV_TIER_AGGRESSIVE);
    assert_int_equal(step(&s, 33 + 59, 84.3).tier, GOV_TIER_NONE); /* doubled */
    assert_int_equal(step(&s, 33 + 60, 84.3).tier, GOV_TIER_AGGRESSIVE);
}

static void unknown_reclaimable_bytes_do_not_forbid_a_repeat(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    step(&s, 0, 85);
    struct gov_pressure_input unknown = {40 * S, 85, -1};
    assert_int_equal(gov_pressure_step(rule, &s, &unknown).tier, GOV_TIER_AGGRESSIVE);
}

static void an_unknown_reading_changes_nothing(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    step(&s, 0, 85);
    struct gov_pressure_state before = s;
    struct gov_pressure_decision d = step(&s, 100, -1);
    assert_int_equal(d.level, GOV_LEVEL_HIGH);
    assert_int_equal(d.tier, GOV_TIER_NONE);
    step(&s, 100, 0.0 / 0.0);
    assert_memory_equal(&before, &s, sizeof s);
}

static void a_tier_that_freed_nothing_backs_off_into_the_next_stay(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    int64_t t = 0;
    for (int run = 0; run < 3; run++) {
        step(&s, ++t, 85);
        gov_pressure_note_freed(rule, &s, GOV_TIER_AGGRESSIVE, 0);
        step(&s, ++t, 60);
    }
    step(&s, t = 1000, 85); /* crossing: at once, all the same */
    assert_int_equal(s.run_count[GOV_TIER_AGGRESSIVE], 4);
    assert_int_equal(step(&s, t + 239, 85).tier, GOV_TIER_NONE); /* 30 s x 2^3 */
    assert_int_equal(step(&s, t + 240, 85).tier, GOV_TIER_AGGRESSIVE);
    /* Success ends the back-off. */
    gov_pressure_note_freed(rule, &s, GOV_TIER_AGGRESSIVE, GOV_GB);
    step(&s, 2000, 60);
    step(&s, 2001, 85);
    assert_int_equal(step(&s, 2001 + 30, 85).tier, GOV_TIER_AGGRESSIVE);
}

/* The saw of the specification: 79 to 81 % for an hour, read once a second. */
static int64_t runs_of_an_hour_of_sawing(const struct gov_pressure_rule *saw_rule, int64_t freed)
{
    struct gov_pressure_state s = {0};
    int64_t runs = 0;
    for (int64_t t = 0; t < 3600; t++) {
        struct gov_pressure_input input = {t * S, t % 2 ? 81 : 79, GOV_GB};
        enum gov_tier tier = gov_pressure_step(saw_rule, &s, &input).tier;
        if (tier == GOV_TIER_NONE)
            continue;
        gov_pressure_note_freed(saw_rule, &s, tier, freed);
        runs++;
    }
    return runs;
}

static void an_hour_of_sawing_around_a_line_runs_ten_tiers_and_one(void **state)
{
    (void)state;
    /* One standard on the way up, then at most ten aggressive, whether they help or not. */
    assert_in_range(runs_of_an_hour_of_sawing(rule, GOV_GB), 2, 11);
    assert_in_range(runs_of_an_hour_of_sawing(rule, 0), 2, 11);
    /* Without hysteresis the same hour must be far worse, or the test proves nothing. */
    struct gov_pressure_rule none = *rule;
    none.leave_gap_percent = 0;
    assert_true(runs_of_an_hour_of_sawing(&none, GOV_GB) > 1000);
}

static void an_hour_at_the_budget_does_not_thrash(void **state)
{
    (void)state;
    struct gov_pressure_state s = {0};
    int64_t runs = 0;
    for (int64_t t = 0; t < 36000; t++) { /* ten readings a second at 85 % */
        struct gov_pressure_input input = {t * S / 10, 85, GOV_GB};
        runs += gov_pressure_step(rule, &s, &input).tier != GOV_TIER_NONE;
    }
    assert_in_range(runs, 2, 10);
    assert_int_equal(s.level, GOV_LEVEL_HIGH);
}

static void the_lines_are_those_of_the_specification(void **state)
{
    (void)state;
    char text[80];
    assert_string_equal(gov_pressure_line(GOV_LEVEL_MEDIUM, 72.1, text, sizeof text),
                        "Medium memory pressure (72.1%) - performing standard cleanup");
    assert_string_equal(gov_pressure_line(GOV_LEVEL_HIGH, 80, text, sizeof text),
                        "High memory pressure (80.0%) - performing aggressive cleanup");
    assert_string_equal(gov_pressure_line(GOV_LEVEL_CRITICAL, 99.96, text, sizeof text),
                        "Critical memory pressure (100.0%) - performing emergency cleanup");
}

static void rules_that_make_no_sense_are_named(void **state)
{
    (void)state;
    assert_null(gov_pressure_rule_problem(rule));
    assert_memory_equal(rule, &gov_config_default.pressure, sizeof *rule);
    struct gov_pressure_rule bad = *rule;
    bad.enter_percent[GOV_LEVEL_HIGH] = 70;
    assert_non_null(gov_pressure_rule_problem(&bad));
    bad = *rule;
    bad.enter_percent[GOV_LEVEL_CRITICAL] = 101;
    assert_non_null(gov_pressure_rule_problem(&bad));
    bad = *rule;
    bad.leave_gap_percent = 0.0 / 0.0;
    assert_non_null(gov_pressure_rule_problem(&bad));
    bad = *rule;
    bad.cooldown_us[GOV_TIER_EMERGENCY] = -1;
    assert_non_null(gov_pressure_rule_problem(&bad));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_is_entered_at_its_line_and_left_five_points_below),
        cmocka_unit_test(crossing_runs_the_tier_of_the_level_reached_once),
        cmocka_unit_test(admission_pauses_at_critical_and_resumes_below_high),
        cmocka_unit_test(a_stay_repeats_its_tier_only_when_it_can_help),
        cmocka_unit_test(unknown_reclaimable_bytes_do_not_forbid_a_repeat),
        cmocka_unit_test(an_unknown_reading_changes_nothing),
        cmocka_unit_test(a_tier_that_freed_nothing_backs_off_into_the_next_stay),
        cmocka_unit_test(an_hour_of_sawing_around_a_line_runs_ten_tiers_and_one),
        cmocka_unit_test(an_hour_at_the_budget_does_not_thrash),
        cmocka_unit_test(the_lines_are_those_of_the_specification),
        cmocka_unit_test(rules_that_make_no_sense_are_named),
    };
    return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
