/* What is measured over a stretch of a movie is what lies in it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/audio.h"
#include "model/shots.h"

static void make(struct md_audio *a)
{
    *a = (struct md_audio){
        .present = true, .duration_us = 5000000, .start_us = 1000000, .window_us = 500000};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(md_vec_push(&a->loudness, i < 5 ? -40.0f : -20.0f), MD_OK);
        assert_int_equal(md_vec_push(&a->speech, i < 5 ? 0.0f : 1.0f), MD_OK);
    }
    assert_int_equal(
        md_vec_push(&a->ranges, (struct md_sound_range){1000000, 3500000, MD_SOUND_MUSIC, 1}),
        MD_OK);
    assert_int_equal(
        md_vec_push(&a->ranges, (struct md_sound_range){3500000, 6000000, MD_SOUND_SPEECH, 1}),
        MD_OK);
}

static void done(struct md_audio *a)
{
    md_artifact_done(&md_artifact_audio, a);
}

static void sound_is_measured_in_movie_time(void **state)
{
    struct md_audio a;
    struct md_audio_measure m;
    make(&a);
    md_audio_measure(&a, 1000000, 3500000, &m);
    assert_true(m.known);
    assert_float_equal(m.loudness, -40, 1e-4);
    assert_float_equal(m.spread_lu, 0, 1e-3);
    assert_float_equal(m.share[MD_SOUND_MUSIC], 1, 1e-6);
    md_audio_measure(&a, 2500000, 4500000, &m);
    assert_float_equal(m.loudness, -30, 1e-4);
    assert_float_equal(m.loudest, -20, 1e-4);
    assert_float_equal(m.spread_lu, 10, 1e-3);
    assert_float_equal(m.speech, 0.5, 1e-6);
    assert_float_equal(m.share[MD_SOUND_MUSIC], 0.5, 1e-6);
    assert_float_equal(m.share[MD_SOUND_SPEECH], 0.5, 1e-6);
    done(&a);
}

static void where_there_is_no_sound_nothing_is_claimed(void **state)
{
    struct md_audio a;
    struct md_audio_measure m;
    make(&a);
    md_audio_measure(&a, -5000000, 0, &m);
    assert_false(m.known);
    md_audio_measure(&a, 7000000, 9000000, &m);
    assert_false(m.known);
    assert_float_equal(m.loudness, 0, 0);
    md_audio_measure(&a, 3000000, 3000000, &m);
    assert_false(m.known);
    md_audio_measure(NULL, 0, 1000000, &m);
    assert_false(m.known);
    a.present = false;
    md_audio_measure(&a, 1000000, 3500000, &m);
    assert_false(m.known);
    done(&a);
}

static void distance_is_a_metric_and_knows_when_it_cannot_tell(void **state)
{
    float x[] = {0, 0.5f, 1}, y[] = {0.3f, 0.5f, 0.4f};
    struct md_shot a = {.signature = {x, 3, 3}}, b = {.signature = {y, 3, 3}}, none = {0};
    assert_float_equal(md_shot_distance(&a, &a), 0, 0);
    assert_float_equal(md_shot_distance(&a, &b), 0.3, 1e-6);
    assert_float_equal(md_shot_distance(&a, &b), md_shot_distance(&b, &a), 0);
    assert_true(isinf(md_shot_distance(&a, &none)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_is_measured_in_movie_time),
        cmocka_unit_test(where_there_is_no_sound_nothing_is_claimed),
        cmocka_unit_test(distance_is_a_metric_and_knows_when_it_cannot_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
