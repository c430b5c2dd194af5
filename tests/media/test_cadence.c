/* Frame rates come from timestamps, in whatever order and precision these are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "media/cadence.h"

static void assert_rate(struct md_cadence *c, int64_t num, int64_t den)
{
    struct md_cadence_result r = md_cadence_finish(c);
    assert_false(r.variable);
    assert_int_equal(r.fps_num, num);
    assert_int_equal(r.fps_den, den);
}

static void usual_rates_are_told_apart_even_in_milliseconds(void **state)
{
    static const int64_t rates[][2] = {{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1},
                                       {60000, 1001}, {60, 1}, {10, 1}, {25, 2}};
    for (size_t i = 0; i < MD_ARRAY_LEN(rates); i++) {
        struct md_cadence c = {.tick_num = 1, .tick_den = 1000};
        for (int64_t f = 0; f < 150; f++)
            md_cadence_add(&c, (f * 1000 * rates[i][1] + rates[i][0] / 2) / rates[i][0]);
        assert_rate(&c, rates[i][0], rates[i][1]);
    }
}

static void reordered_frames_are_put_in_order(void **state)
{
    struct md_cadence c = {.tick_num = 1, .tick_den = 90000};
    static const int order[] = {0, 4, 2, 1, 3}; /* a pyramid of B-frames */
    md_cadence_add(&c, 0);
    for (int64_t g = 0; g < 200; g++)
        for (int i = 0; i < 4; i++)
            md_cadence_add(&c, (g * 4 + order[i + 1]) * 3600);
    assert_rate(&c, 25, 1);
}

static void a_dropped_frame_does_not_make_a_rate_variable_but_a_habit_does(void **state)
{
    struct md_cadence c = {.tick_num = 1, .tick_den = 90000};
    for (int64_t f = 0; f < 1000; f++)
        if (f != 500)
            md_cadence_add(&c, f * 3000);
    assert_rate(&c, 30, 1);
    c = (struct md_cadence){.tick_num = 1, .tick_den = 90000};
    for (int64_t f = 0; f < 1000; f++)
        if (f % 20)
            md_cadence_add(&c, f * 3000);
    assert_true(md_cadence_finish(&c).variable);
}

static void a_change_of_rate_late_in_the_movie_is_noticed(void **state)
{
    struct md_cadence c = {.tick_num = 1, .tick_den = 90000};
    for (int64_t f = 0; f < 2000; f++)
        md_cadence_add(&c, f * 3600);
    md_cadence_break(&c);
    for (int64_t f = 0; f < 300; f++)
        md_cadence_add(&c, 90000000 + f * 3000);
    struct md_cadence_result r = md_cadence_finish(&c);
    assert_true(r.variable);
    assert_int_equal(r.jumps, 0);
}

static void frames_without_a_stamp_explain_longer_intervals(void **state)
{
    struct md_cadence c = {.tick_num = 1, .tick_den = 90000};
    for (int64_t f = 0; f < 600; f++) {
        if (f % 12 == 0)
            md_cadence_add(&c, f * 3750);
        else if (f % 12 > 8)
            md_cadence_add_unstamped(&c);
        else
            md_cadence_add(&c, f * 3750);
    }
    struct md_cadence copy = c;
    assert_int_equal(md_cadence_finish(&copy).frames, 600);
    assert_rate(&c, 24, 1);
}

static void jumps_are_counted_and_left_out(void **state)
{
    struct md_cadence c = {.tick_num = 1, .tick_den = 1000};
    for (int64_t f = 0; f < 100; f++)
        md_cadence_add(&c, f * 40 + (f >= 50 ? 3600000 : 0));
    struct md_cadence copy = c;
    assert_int_equal(md_cadence_finish(&copy).jumps, 1);
    assert_rate(&c, 25, 1);
}

static void nothing_and_nonsense_give_no_rate(void **state)
{
    struct md_cadence c = {.tick_num = 1, .tick_den = 1000};
    struct md_cadence_result r = md_cadence_finish(&c);
    assert_int_equal(r.fps_num, 0);
    assert_int_equal(r.frames, 0);
    md_cadence_add(&c, INT64_MIN);
    md_cadence_add(&c, INT64_MAX);
    md_cadence_add(&c, 5);
    md_cadence_add(&c, 5);
    r = md_cadence_finish(&c);
    assert_int_equal(r.fps_num, 0);
    assert_int_equal(r.fps_den, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_rates_are_told_apart_even_in_milliseconds),
        cmocka_unit_test(reordered_frames_are_put_in_order),
        cmocka_unit_test(a_dropped_frame_does_not_make_a_rate_variable_but_a_habit_does),
        cmocka_unit_test(a_change_of_rate_late_in_the_movie_is_noticed),
        cmocka_unit_test(frames_without_a_stamp_explain_longer_intervals),
        cmocka_unit_test(jumps_are_counted_and_left_out),
        cmocka_unit_test(nothing_and_nonsense_give_no_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
