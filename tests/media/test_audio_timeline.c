/* Sound goes where its stamps say, when they can be believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/audio_timeline.h"

enum { RATE = 48000, RUN = 1024, NONE = 0 };
#define UNKNOWN MD_AUDIO_NO_STAMP

static void place(struct md_audio_timeline *t, int64_t stamp, int64_t after, int64_t fill,
                  int64_t drop)
{
    struct md_audio_placing p = md_audio_timeline_place(t, stamp, after, RUN);
    assert_int_equal(p.fill, fill);
    assert_int_equal(p.drop, drop);
}

static struct md_audio_timeline started(void)
{
    struct md_audio_timeline t;
    md_audio_timeline_init(&t, 0, RATE);
    place(&t, 0, RUN, NONE, NONE);
    return t;
}

static void a_late_beginning_is_filled_and_an_early_one_dropped_to_the_sample(void **state)
{
    struct md_audio_timeline t;
    md_audio_timeline_init(&t, 0, RATE);
    place(&t, 777, 777 + RUN, 777, NONE);
    md_audio_timeline_init(&t, 0, RATE);
    place(&t, -RUN - 24, -24, NONE, RUN);
    place(&t, -24, RUN - 24, NONE, 24);
    place(&t, RUN - 24, 2 * RUN - 24, NONE, NONE);
    assert_int_equal(t.position, 2 * RUN - 24);
}

static void jitter_never_moves_sound(void **state)
{
    struct md_audio_timeline t = started();
    for (int i = 1; i < 1000; i++) {
        int64_t jitter = i % 7 * 250 - 750;
        place(&t, (int64_t)i * RUN + jitter, (int64_t)(i + 1) * RUN, NONE, NONE);
    }
}

static void slow_drift_is_corrected_when_it_reaches_forty_milliseconds(void **state)
{
    struct md_audio_timeline t = started();
    int64_t filled = 0;
    for (int i = 1; i < 1000; i++) {
        int64_t stamp = (int64_t)i * (RUN + 8); /* the recorder's clock was slow */
        struct md_audio_placing p = md_audio_timeline_place(&t, stamp, stamp + RUN + 8, RUN);
        assert_int_equal(p.drop, 0);
        filled += p.fill;
        int64_t off = stamp + RUN - t.position;
        assert_true(off >= -RATE / 25 - 8 && off <= RATE / 25 + 8);
    }
    assert_true(filled >= 3 * RATE / 25);
}

static void gaps_are_filled_and_overlaps_dropped(void **state)
{
    struct md_audio_timeline t = started();
    place(&t, 50000, 50000 + RUN, 50000 - RUN, NONE);
    place(&t, 50000 + RUN - 3000, 50000 + 2 * RUN - 3000, NONE, RUN);
    place(&t, 50000 + 2 * RUN - 3000, 50000 + 3 * RUN - 3000, NONE, RUN);
    place(&t, 50000 + 3 * RUN - 3000, 50000 + 4 * RUN - 3000, NONE, NONE);
    /* now off by less than jitter: goes on undisturbed */
    place(&t, 50000 + 4 * RUN - 3000, 50000 + 5 * RUN - 3000, NONE, NONE);
}

static void a_single_wrong_stamp_is_ignored(void **state)
{
    struct md_audio_timeline t = started();
    place(&t, 90000000, 2 * RUN, NONE, NONE);
    place(&t, -90000000, 3 * RUN, NONE, NONE);
    place(&t, UNKNOWN, UNKNOWN, NONE, NONE);
    place(&t, INT64_MAX - 1, UNKNOWN, NONE, NONE);
    place(&t, INT64_MIN + 1, INT64_MIN + 2, NONE, NONE);
    assert_int_equal(t.position, 6 * RUN);
}

static void stamps_that_start_again_go_on_where_the_ones_before_ended(void **state)
{
    struct md_audio_timeline t;
    md_audio_timeline_init(&t, 0, RATE);
    int64_t far = 100 * RATE;
    place(&t, 0, RUN, NONE, NONE);
    place(&t, far, far + RUN, far - RUN, NONE);
    place(&t, 500, 500 + RUN, NONE, NONE);
    place(&t, 500 + RUN, 500 + 2 * RUN, NONE, NONE);
    assert_int_equal(t.position, far + 3 * RUN);
}

static void the_position_keeps_its_time_when_the_rate_changes(void **state)
{
    struct md_audio_timeline t = started();
    t.position = 480001;
    t.offset = -96000;
    md_audio_timeline_change_rate(&t, 48000, 44100);
    assert_int_equal(t.position, 441001);
    assert_int_equal(t.offset, -88200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_beginning_is_filled_and_an_early_one_dropped_to_the_sample),
        cmocka_unit_test(jitter_never_moves_sound),
        cmocka_unit_test(slow_drift_is_corrected_when_it_reaches_forty_milliseconds),
        cmocka_unit_test(gaps_are_filled_and_overlaps_dropped),
        cmocka_unit_test(a_single_wrong_stamp_is_ignored),
        cmocka_unit_test(stamps_that_start_again_go_on_where_the_ones_before_ended),
        cmocka_unit_test(the_position_keeps_its_time_when_the_rate_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
