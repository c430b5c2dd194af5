/* What the governor promises, in the simulator's short form; the long one is
 * `moviedigest simulate --situations 10000 --days 1000 --stages 1000000`. Each promise is held
 * against what happens without the governor, or it would prove nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/study.h"

static const uint64_t seed = 1;

/* Says how to see what was found again. */
static void tell(const struct md_sim_survival *survival)
{
    for (size_t i = 0; i < survival->found_count; i++)
        print_message("seed %lld, situation %lld: %s\n", (long long)seed,
                      (long long)survival->found[i].situation, survival->found[i].why);
}

static void no_movie_is_lost_to_memory_and_nothing_hangs(void **state)
{
    struct md_sim_survival_params params = {
        .seed = seed, .count = 150, .check = true, .compare = true};
    struct md_sim_survival survival;
    assert_int_equal(md_sim_survive(&params, &survival), MD_OK);
    tell(&survival);
    assert_int_equal(survival.situations, 150);
    assert_int_equal(survival.lost_to_memory, 0);
    assert_int_equal(survival.lost_otherwise, 0);
    assert_int_equal(survival.hangs, 0);
    assert_int_equal(survival.broken, 0);
    assert_int_equal(survival.wrong_results, 0);
    assert_int_equal(survival.fallbacks, 0); /* nor does it survive by doing less */
    /* A model is not loaded into memory that is not back yet; a neighbour that gives as much back
     * in that moment cannot be told from it. */
    assert_true(survival.hasty_starts * 100 <= survival.ooms);
    /* Situations without any shortage would prove nothing. */
    assert_true(survival.ooms > 100);
    assert_true(survival.crashes > 20);
}

static void without_the_governor_most_of_the_same_situations_lose_movies(void **state)
{
    struct md_sim_survival_params params = {
        .seed = seed, .count = 150, .policy = {.ungoverned = true}};
    struct md_sim_survival survival;
    assert_int_equal(md_sim_survive(&params, &survival), MD_OK);
    assert_int_equal(survival.hangs + survival.broken, 0);
    assert_true(2 * survival.situations_with_losses > survival.situations);
}

static void the_machine_works_or_is_rightly_paused(void **state)
{
    struct md_sim_availability a;
    assert_int_equal(md_sim_stay_available(seed, 30, &a), MD_OK);
    assert_false(a.hung || a.broken);
    assert_int_equal(a.lost_to_memory, 0);
    assert_int_equal(a.fallbacks, 0);
    assert_true(a.movies > 500);
    int64_t up_us = a.working_us + a.paused_us, all_us = up_us + a.down_us;
    /* 99.9 % over 1,000 days; one hung worker more or less decides about a month. */
    assert_true((double)up_us >= 0.9985 * (double)all_us);
    assert_true((double)a.working_us >= 0.99 * (double)all_us); /* pausing is no way out */
}

static void usage_around_a_threshold_runs_few_tiers(void **state)
{
    struct md_sim_thrash thrash;
    assert_int_equal(md_sim_thrash_run(seed, &thrash), MD_OK);
    assert_in_range(thrash.runs, 1, 10);
    assert_true(thrash.runs_without > 100);
}

static void many_stages_leave_the_ledger_as_it_was(void **state)
{
    struct md_sim_endurance e;
    assert_int_equal(md_sim_endure(seed, 14000, &e), MD_OK);
    assert_false(e.hung || e.broken);
    assert_int_equal(e.lost, 0);
    assert_true(e.stages >= 14000);
    assert_true(e.leases_granted > 5000);
    assert_int_equal(e.drift_bytes, 0);
    assert_int_equal(e.drift_count, 0);
}

static void batch_sizes_come_near_those_of_an_oracle(void **state)
{
    struct md_sim_throughput t;
    struct md_failure failure;
    assert_int_equal(md_sim_compare_throughput(seed, "sim:rtx3060", 16, &t, &failure), MD_OK);
    assert_string_equal(t.ways[1].name, "governor");
    assert_int_equal(t.ways[1].done, 16);
    assert_true(t.ways[1].of_oracle >= 0.95);
    assert_true(t.ways[1].late_ooms <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_movie_is_lost_to_memory_and_nothing_hangs),
        cmocka_unit_test(without_the_governor_most_of_the_same_situations_lose_movies),
        cmocka_unit_test(the_machine_works_or_is_rightly_paused),
        cmocka_unit_test(usage_around_a_threshold_runs_few_tiers),
        cmocka_unit_test(many_stages_leave_the_ledger_as_it_was),
        cmocka_unit_test(batch_sizes_come_near_those_of_an_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
