/* Batch sizes: the cut, growing back, fading memory, movies by length, the lines. */
#include "testing.h"

#include <gov/batch.h>

#define MINUTES(m) (INT64_C(60000000) * (m))

static void running_out_of_memory_cuts_by_three_quarters(void **state)
{
    (void)state;
    static const struct {
        int32_t from, to;
    } rows[] = {{16, 4}, {8, 2}, {6, 1}, {4, 1}, {3, 1}, {1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_batch batch;
        gov_batch_init(&batch, rows[i].from, 64);
        gov_batch_note_oom(&batch, rows[i].from, -1);
        assert_int_equal(batch.size, rows[i].to);
        assert_int_equal(batch.bad, rows[i].from);
    }
}

/* Plays movies against a device on which `capacity` fits; returns how often it ran out. */
static int play(struct gov_batch *batch, int32_t capacity, int movies, int32_t fits)
{
    int ooms = 0;
    for (int m = 0; m < movies; m++) {
        int32_t size = gov_batch_next_movie(batch, fits);
        int probes = 0;
        while (size > capacity) { /* the retries of one movie */
            ooms++;
            gov_batch_note_oom(batch, size, -1);
            assert_true(batch->size < size || size == 1);
            size = batch->size;
            assert_true(++probes < 8);
        }
        gov_batch_note_success(batch, size, 1000 * size);
    }
    return ooms;
}

static void it_grows_back_to_what_fits_by_at_most_one_probe_a_movie(void **state)
{
    (void)state;
    for (int32_t capacity = 1; capacity <= 64; capacity++) {
        struct gov_batch batch;
        gov_batch_init(&batch, 64, 64);
        int ooms = play(&batch, capacity, 14, INT32_MAX);
        assert_int_equal(batch.good, capacity); /* exactly */
        assert_true(ooms <= 8);
    }
}

static void a_probe_goes_only_as_far_as_the_prediction_fits(void **state)
{
    (void)state;
    struct gov_batch batch;
    gov_batch_init(&batch, 4, 64);
    assert_int_equal(play(&batch, 10, 20, 9), 0);
    assert_int_equal(batch.size, 9);
    /* Less room than what worked: the size follows at once. */
    assert_int_equal(gov_batch_next_movie(&batch, 2), 2);
    assert_int_equal(gov_batch_next_movie(&batch, 0), 1);
}

static void no_step_is_taken_beyond_a_size_that_has_not_worked_yet(void **state)
{
    (void)state;
    struct gov_batch batch;
    gov_batch_init(&batch, 4, 64);
    for (int i = 0; i < 5; i++)
        assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 4);
    gov_batch_note_success(&batch, 4, -1);
    assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 8);
}

static void what_was_bad_fades_and_is_tried_again_rarely(void **state)
{
    (void)state;
    struct gov_batch batch;
    gov_batch_init(&batch, 16, 16);
    play(&batch, 5, 20, INT32_MAX);
    assert_int_equal(batch.good, 5);
    /* Nothing changes: each fading costs one out-of-memory, after 16, 32, 64 and then 128 movies.
     */
    assert_int_equal(play(&batch, 5, 16 + 32 + 64 + 3 * 128, INT32_MAX), 6);
    assert_int_equal(batch.good, 5);
    /* The neighbour has gone: the whole device is used again. */
    play(&batch, 100, 128 + 5, INT32_MAX);
    assert_int_equal(batch.size, 16);
    assert_int_equal(batch.bad, 0);
    assert_int_equal(batch.relapses, 0);
}

static void what_was_bad_fades_by_time_too(void **state)
{
    (void)state;
    struct gov_batch batch;
    const int64_t day_s = 86400;
    gov_batch_init(&batch, 16, 16);
    gov_batch_tell_time(&batch, 1000 * day_s);
    play(&batch, 5, 10, INT32_MAX);
    assert_int_equal(batch.bad, 6);
    gov_batch_tell_time(&batch, 1006 * day_s);
    assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 5);
    gov_batch_tell_time(&batch, 1); /* a clock set back changes nothing */
    gov_batch_tell_time(&batch, 1007 * day_s);
    assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 6);
    gov_batch_note_success(&batch, 6, -1);
    assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 12);
}

/* What the seed does, 50 % by hand, and the common x0.9: FACTS' figures, from the same code. */
static void other_rules_can_be_compared_with_ours(void **state)
{
    (void)state;
    static const struct {
        double keep, mean_ooms;
        int most_ooms;
    } rows[] = {{0.9, 8.5, 29}, {0.5, 1.9, 7}, {0.25, 1.3, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_batch_rule rule = {.keep = rows[i].keep};
        int sum = 0, most = 0;
        for (int32_t capacity = 1; capacity <= 128; capacity++) {
            struct gov_batch batch;
            gov_batch_init_with(&batch, &rule, 128, 128);
            int32_t size = 128;
            int ooms = 0;
            for (; size > capacity; ooms++) {
                gov_batch_note_oom(&batch, size, -1);
                size = batch.size;
            }
            gov_batch_note_success(&batch, size, -1);
            for (int m = 0; m < 50; m++) /* what was cut stays cut */
                assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), size);
            assert_int_equal(gov_batch_next_movie(&batch, 1), 1);
            assert_int_equal(batch.size, size);
            assert_true(gov_batch_is_valid(&batch));
            sum += ooms;
            most = ooms > most ? ooms : most;
        }
        assert_in_range((int)(sum / 128.0 * 10 + 0.5), (int)(rows[i].mean_ooms * 10) - 1,
                        (int)(rows[i].mean_ooms * 10) + 1);
        assert_int_equal(most, rows[i].most_ooms);
    }
    struct gov_batch batch;
    struct gov_batch_rule senseless = {.keep = 1};
    gov_batch_init_with(&batch, &senseless, 8, 8);
    assert_true(batch.rule.keep == 0.25 && batch.rule.regrow);
}

static void units_per_second_are_kept_by_size(void **state)
{
    (void)state;
    struct gov_batch batch;
    gov_batch_init(&batch, 4, 4);
    assert_true(gov_batch_units_per_s(&batch, 4) == 0);
    struct gov_batch_outcome outcome = {
        .size = 4, .peak_bytes = GOV_MB, .units = 30, .busy_us = 10000000};
    gov_batch_note(&batch, &outcome);
    outcome.oom = true;
    outcome.units = 0;
    gov_batch_note(&batch, &outcome);
    assert_true(gov_batch_units_per_s(&batch, 4) == 3);
    assert_true(gov_batch_units_per_s(&batch, 0) == 0);
    assert_true(gov_batch_units_per_s(&batch, 99) == 0);
    assert_int_equal(batch.figures[4].attempts, 2);
    assert_int_equal(batch.figures[4].successes, 1);
}

/* Whatever comes, in whatever order, the fields agree. */
static void random_outcomes_never_break_it(void **state)
{
    (void)state;
    uint32_t random = 3;
    for (int i = 0; i < 2000; i++) {
        struct gov_batch batch;
        gov_batch_init(&batch, random % 70, random % 67);
        for (int m = 0; m < 50; m++) {
            random = random * 1664525u + 1013904223u;
            int32_t size = gov_batch_next_movie(&batch, (int32_t)(random >> 24) - 3);
            struct gov_batch_outcome outcome = {.size =
                                                    random & 64 ? size : (int32_t)(random >> 26),
                                                .oom = random & 128,
                                                .peak_bytes = (int64_t)(random >> 9) - 5,
                                                .units = random >> 20,
                                                .busy_us = random & 1023};
            gov_batch_tell_time(&batch, random >> 12);
            gov_batch_note(&batch, &outcome);
            assert_true(gov_batch_is_valid(&batch));
        }
    }
}

static void sizes_are_kept_within_one_and_the_most(void **state)
{
    (void)state;
    struct gov_batch batch;
    gov_batch_init(&batch, 0, 0);
    assert_int_equal(batch.size, 1);
    gov_batch_init(&batch, 100, 3);
    assert_int_equal(batch.size, 3);
    gov_batch_note_success(&batch, 3, -1);
    assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 3);
    gov_batch_init(&batch, INT64_MAX, INT64_MAX);
    gov_batch_note_success(&batch, batch.size, -1);
    assert_true(gov_batch_next_movie(&batch, INT32_MAX) > 0);
    gov_batch_note_oom(&batch, -4, -1);
    assert_int_equal(batch.size, 1);
    assert_int_equal(gov_batch_next_movie(&batch, INT32_MAX), 1);
}

static void the_lines_are_those_of_the_specification(void **state)
{
    (void)state;
    struct gov_batch batch;
    char text[120];
    gov_batch_init(&batch, 2, 4);
    assert_string_equal(gov_batch_performance_line(&batch, 2, text, sizeof text), "");
    for (int i = 0; i < 19; i++)
        gov_batch_note_success(&batch, 2, i % 2 ? 9100 * GOV_MB : 9300 * GOV_MB);
    gov_batch_note_oom(&batch, 2, -1);
    assert_string_equal(gov_batch_performance_line(&batch, 2, text, sizeof text),
                        "Batch size 2 performance: 95.0% success, avg memory: 9.2GB");
    assert_string_equal(gov_batch_recommended_line(&batch, text, sizeof text),
                        "Recommended batch size based on history: 2");
    assert_string_equal(gov_batch_performance_line(&batch, 99, text, sizeof text), "");
    gov_batch_note_oom(&batch, 2, -1); /* 90 %: no longer recommended */
    assert_int_equal(gov_batch_recommended(&batch), 1);
}

static void movies_in_flight_follow_their_length(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        int64_t two_hours, just_less, ninety, shorter;
    } rows[] = {
        {"balanced", 1, 2, 2, 3},         {"rtx3060", 1, 2, 2, 3},   {"max-stability", 1, 1, 1, 1},
        {"high-performance", 1, 2, 2, 4}, {"emergency", 1, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_config c = gov_config_default;
        assert_int_equal(gov_config_apply_preset(&c, rows[i].preset), 0);
        assert_int_equal(gov_movies_in_flight(&c, MINUTES(120)), rows[i].two_hours);
        assert_int_equal(gov_movies_in_flight(&c, MINUTES(120) - 1), rows[i].just_less);
        assert_int_equal(gov_movies_in_flight(&c, MINUTES(90)), rows[i].ninety);
        assert_int_equal(gov_movies_in_flight(&c, MINUTES(90) - 1), rows[i].shorter);
        assert_int_equal(gov_movies_in_flight(&c, 0), rows[i].ninety); /* unknown */
    }
}

static void cleanup_is_due_after_every_second_movie(void **state)
{
    (void)state;
    struct gov_config c = gov_config_default;
    static const bool due[] = {false, false, true, false, true};
    for (int64_t n = 0; n < 5; n++)
        assert_int_equal(gov_cleanup_is_due(&c, n), due[n]);
    c.cleanup_every_movies = 0;
    assert_false(gov_cleanup_is_due(&c, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_cuts_by_three_quarters),
        cmocka_unit_test(it_grows_back_to_what_fits_by_at_most_one_probe_a_movie),
        cmocka_unit_test(a_probe_goes_only_as_far_as_the_prediction_fits),
        cmocka_unit_test(no_step_is_taken_beyond_a_size_that_has_not_worked_yet),
        cmocka_unit_test(what_was_bad_fades_and_is_tried_again_rarely),
        cmocka_unit_test(what_was_bad_fades_by_time_too),
        cmocka_unit_test(other_rules_can_be_compared_with_ours),
        cmocka_unit_test(units_per_second_are_kept_by_size),
        cmocka_unit_test(random_outcomes_never_break_it),
        cmocka_unit_test(sizes_are_kept_within_one_and_the_most),
        cmocka_unit_test(the_lines_are_those_of_the_specification),
        cmocka_unit_test(movies_in_flight_follow_their_length),
        cmocka_unit_test(cleanup_is_due_after_every_second_movie),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
