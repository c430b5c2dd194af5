/* The ladder and the recovery wait: every order, every bound, every combination of inputs. */
#include "testing.h"

#include <gov/recover.h>

#define SECONDS(s) (INT64_C(1000000) * (s))

/* Nothing is known, nothing helps. */
static struct gov_recover_input bleak(int32_t batch)
{
    return (struct gov_recover_input){
        .batch = batch, .free_then_bytes = -1, .free_now_bytes = -1, .wanted_bytes = -1};
}

static void the_rungs_come_in_order_and_each_once(void **state)
{
    (void)state;
    static const struct {
        enum gov_rung rung;
        int32_t batch;
    } rows[] = {
        {GOV_RUNG_STANDARD, 16}, {GOV_RUNG_AGGRESSIVE, 16}, {GOV_RUNG_HOLD, 16},
        {GOV_RUNG_EMERGENCY, 4}, {GOV_RUNG_EMERGENCY, 1},   {GOV_RUNG_SMALLER, 1},
        {GOV_RUNG_SMALLER, 1},   {GOV_RUNG_SMALLER, 1},     {GOV_RUNG_CPU, 1},
        {GOV_RUNG_FALLBACK, 1},  {GOV_RUNG_FAIL, 1},        {GOV_RUNG_FAIL, 1},
    };
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(16);
    input.has_younger = input.has_smaller = input.has_cpu = input.has_fallback = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_recover_decision decision = gov_recover_next(&recover, &input);
        assert_int_equal(decision.rung, rows[i].rung);
        assert_int_equal(decision.batch, rows[i].batch);
        assert_int_equal(recover.ooms, i + 1);
        input.batch = decision.batch;
    }
    assert_int_equal(recover.tries[GOV_RUNG_EMERGENCY], 2);
}

static void rungs_that_cannot_help_are_left_out(void **state)
{
    (void)state;
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(1);
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_STANDARD);
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_AGGRESSIVE);
    /* Even one at a time deserves a worker that starts afresh. */
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_EMERGENCY);
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_FAIL);
}

static void cleanups_that_free_nothing_are_not_waited_for(void **state)
{
    (void)state;
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(8);
    input.cleanup_is_vain = input.has_younger = input.has_smaller = true;
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_HOLD);
    assert_int_equal(gov_recover_next(&recover, &input).batch, 2);
    input.batch = 1;
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_SMALLER);
    input.cleanup_is_vain = false; /* another limit now */
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_STANDARD);
}

static void a_probe_and_a_forced_lease_are_believed_to_be_at_fault(void **state)
{
    (void)state;
    for (int forced = 0; forced < 2; forced++) {
        struct gov_recover recover = {0};
        struct gov_recover_input input = bleak(8);
        input.is_probe = !forced;
        input.was_forced = forced;
        input.has_younger = input.has_smaller = true;
        if (forced)
            assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_HOLD);
        assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_EMERGENCY);
        recover = (struct gov_recover){0};
        input.batch = 1;
        input.has_younger = false;
        assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_SMALLER);
        input.has_smaller = false; /* nothing less is left: a worker that starts afresh */
        assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_EMERGENCY);
        assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_FAIL);
    }
}

static void what_somebody_freed_meanwhile_is_tried_first_but_not_for_ever(void **state)
{
    (void)state;
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(4);
    input.free_then_bytes = GOV_GB;
    input.free_now_bytes = GOV_GB + GOV_RECOVER_FREED_BYTES;
    for (int i = 0; i < GOV_RECOVER_RETRIES; i++)
        assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_RETRY);
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_STANDARD);
}

static void freed_means_enough_and_by_others(void **state)
{
    (void)state;
    static const struct {
        int64_t then_bytes, now_bytes, wanted_bytes;
        bool retries;
    } rows[] = {
        {GOV_GB, 2 * GOV_GB, -1, true},
        {GOV_GB, GOV_GB + GOV_RECOVER_FREED_BYTES - 1, -1, false}, /* noise */
        {2 * GOV_GB, GOV_GB, -1, false},                           /* somebody took more */
        {GOV_GB, 2 * GOV_GB, 2 * GOV_GB, true},
        {GOV_GB, 2 * GOV_GB, 2 * GOV_GB + 1, false}, /* more, and still not enough */
        {3 * GOV_GB, 3 * GOV_GB, GOV_GB, false},     /* nothing changed: it would fail again */
        {-1, 3 * GOV_GB, -1, false},
        {0, -1, -1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_recover recover = {0};
        struct gov_recover_input input = bleak(4);
        input.free_then_bytes = rows[i].then_bytes;
        input.free_now_bytes = rows[i].now_bytes;
        input.wanted_bytes = rows[i].wanted_bytes;
        bool retries = gov_recover_next(&recover, &input).rung == GOV_RUNG_RETRY;
        assert_int_equal(retries, rows[i].retries);
    }
}

static void a_lease_that_can_grow_is_grown_first(void **state)
{
    (void)state;
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(8);
    input.lease_can_grow = true;
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_RETRY);
    input.lease_can_grow = false;
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_STANDARD);
}

static void success_starts_the_ladder_at_the_bottom(void **state)
{
    (void)state;
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(8);
    for (int i = 0; i < 4; i++)
        gov_recover_next(&recover, &input);
    gov_recover_note_success(&recover);
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_STANDARD);
    assert_int_equal(recover.ooms, 5); /* what happened is not forgotten */
}

static void a_size_known_to_work_is_taken_before_a_quarter_and_once(void **state)
{
    (void)state;
    struct gov_recover recover = {.climbed = 1u << GOV_RUNG_STANDARD | 1u << GOV_RUNG_AGGRESSIVE};
    struct gov_recover_input input = bleak(16);
    input.batch_good = 12;
    assert_int_equal(gov_recover_next(&recover, &input).batch, 12);
    input.batch = 12;
    input.batch_good = 11;
    assert_int_equal(gov_recover_next(&recover, &input).batch, 3);
    input.batch = 3;
    assert_int_equal(gov_recover_next(&recover, &input).batch, 1);
    input.batch = 1;
    assert_int_equal(gov_recover_next(&recover, &input).rung, GOV_RUNG_FAIL);
}

/* A persistent shortage with these inputs; returns how many out-of-memories until it fails. */
static int32_t climb(int32_t batch, unsigned bits, int32_t good_below)
{
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(batch);
    input.lease_can_grow = bits & 1;
    input.has_younger = bits & 2;
    input.has_smaller = bits & 4;
    input.has_cpu = bits & 8;
    input.free_then_bytes = bits & 16 ? 0 : -1;
    input.free_now_bytes = bits & 32 ? 4 * GOV_GB : -1;
    input.wanted_bytes = bits & 64 ? GOV_GB : 0;
    input.has_fallback = bits & 128;
    for (int32_t tries = 1; tries < 100; tries++) {
        input.batch_good = input.batch - good_below;
        struct gov_recover_decision decision = gov_recover_next(&recover, &input);
        assert_in_range(decision.batch, 1, input.batch);
        if (decision.rung == GOV_RUNG_FAIL)
            return tries;
        if (decision.rung >= GOV_RUNG_SMALLER)
            assert_int_equal(decision.batch, 1);
        else if (decision.rung != GOV_RUNG_EMERGENCY)
            assert_int_equal(decision.batch, input.batch);
        input.batch = decision.batch;
    }
    return INT32_MAX;
}

static void a_persistent_shortage_fails_after_a_known_number_of_tries(void **state)
{
    (void)state;
    int32_t most_seen = 0;
    for (int32_t batch = 1; batch <= 300; batch++)
        for (unsigned bits = 0; bits < 256; bits++)
            for (int32_t good = 0; good <= 4; good++) {
                int32_t tries = climb(batch, bits, good);
                assert_in_range(tries, 3, gov_recover_most_tries(batch));
                most_seen = tries > most_seen ? tries : most_seen;
            }
    assert_int_equal(most_seen, gov_recover_most_tries(300)); /* the bound is no looser than true */
    assert_true(climb(INT32_MAX, 255, 1) <= gov_recover_most_tries(INT32_MAX));
    assert_true(gov_recover_most_tries(-5) == gov_recover_most_tries(1));
}

static void broken_sizes_count_as_one(void **state)
{
    (void)state;
    struct gov_recover recover = {0};
    struct gov_recover_input input = bleak(-3);
    for (int i = 0; i < 5; i++)
        assert_int_equal(gov_recover_next(&recover, &input).batch, 1);
}

static void every_rung_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < GOV_RUNG_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(gov_rung_name((enum gov_rung)i),
                                    gov_rung_name((enum gov_rung)j));
    assert_string_equal(gov_rung_name(GOV_RUNG_COUNT), "?");
    assert_string_equal(gov_rung_name((enum gov_rung) - 1), "?");
}

static const struct gov_recovery ended = {.began_us = SECONDS(100),
                                          .held_bytes = 4 * GOV_GB,
                                          .free_before_bytes = GOV_GB,
                                          .others_before_bytes = 6 * GOV_GB};

static void memory_is_back_when_95_percent_of_it_is_free(void **state)
{
    (void)state;
    int64_t enough = GOV_GB + 4 * GOV_GB / 100 * 95;
    assert_int_equal(gov_recovery_check(&ended, SECONDS(101), enough - 1, 6 * GOV_GB),
                     GOV_RECOVERY_WAITING);
    assert_int_equal(gov_recovery_check(&ended, SECONDS(101), enough, 6 * GOV_GB),
                     GOV_RECOVERY_BACK);
}

static void what_neighbours_took_meanwhile_is_not_waited_for(void **state)
{
    (void)state;
    /* Three of the four came back and a neighbour took one. */
    assert_int_equal(gov_recovery_check(&ended, SECONDS(101), 4 * GOV_GB, 6 * GOV_GB),
                     GOV_RECOVERY_WAITING);
    assert_int_equal(gov_recovery_check(&ended, SECONDS(101), 4 * GOV_GB, 7 * GOV_GB),
                     GOV_RECOVERY_BACK);
    /* What a neighbour gave is no proof that ours is back, and no reason to wait longer. */
    assert_int_equal(gov_recovery_check(&ended, SECONDS(101), 4 * GOV_GB, 5 * GOV_GB),
                     GOV_RECOVERY_WAITING);
}

static void the_wait_ends_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(gov_recovery_check(&ended, SECONDS(105) - 1, GOV_GB, -1),
                     GOV_RECOVERY_WAITING);
    assert_int_equal(gov_recovery_check(&ended, SECONDS(105), GOV_GB, -1), GOV_RECOVERY_TIMED_OUT);
    assert_int_equal(gov_recovery_check(&ended, SECONDS(105), -1, -1), GOV_RECOVERY_TIMED_OUT);
    /* Back is back, even late. */
    assert_int_equal(gov_recovery_check(&ended, SECONDS(105), 5 * GOV_GB, -1), GOV_RECOVERY_BACK);
}

static void what_is_not_known_is_left_to_time(void **state)
{
    (void)state;
    struct gov_recovery blind = ended;
    blind.free_before_bytes = -1;
    assert_int_equal(gov_recovery_check(&blind, SECONDS(101), 9 * GOV_GB, -1),
                     GOV_RECOVERY_WAITING);
    assert_int_equal(gov_recovery_check(&blind, SECONDS(105), 9 * GOV_GB, -1),
                     GOV_RECOVERY_TIMED_OUT);
    struct gov_recovery nothing = {.began_us = SECONDS(100), .free_before_bytes = -1};
    assert_int_equal(gov_recovery_check(&nothing, SECONDS(100), -1, -1), GOV_RECOVERY_BACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rungs_come_in_order_and_each_once),
        cmocka_unit_test(rungs_that_cannot_help_are_left_out),
        cmocka_unit_test(cleanups_that_free_nothing_are_not_waited_for),
        cmocka_unit_test(a_probe_and_a_forced_lease_are_believed_to_be_at_fault),
        cmocka_unit_test(what_somebody_freed_meanwhile_is_tried_first_but_not_for_ever),
        cmocka_unit_test(freed_means_enough_and_by_others),
        cmocka_unit_test(a_lease_that_can_grow_is_grown_first),
        cmocka_unit_test(success_starts_the_ladder_at_the_bottom),
        cmocka_unit_test(a_size_known_to_work_is_taken_before_a_quarter_and_once),
        cmocka_unit_test(a_persistent_shortage_fails_after_a_known_number_of_tries),
        cmocka_unit_test(broken_sizes_count_as_one),
        cmocka_unit_test(every_rung_has_a_name_of_its_own),
        cmocka_unit_test(memory_is_back_when_95_percent_of_it_is_free),
        cmocka_unit_test(what_neighbours_took_meanwhile_is_not_waited_for),
        cmocka_unit_test(the_wait_ends_in_any_case),
        cmocka_unit_test(what_is_not_known_is_left_to_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
