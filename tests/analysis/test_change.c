/* Differences mean what they say; the SIMD sums are the plain ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/change.h"
#include "analysis/history.h"
#include "paint.h"

static struct md_look *scene(uint32_t seed, double dx, double dy)
{
    static struct paint paint;
    struct md_look *look = calloc(1, sizeof *look);
    paint_scene(&paint, seed, dx, dy);
    paint_look(&paint, 0, 24, look);
    return look;
}

static struct md_change change(struct md_look *a, struct md_look *b)
{
    struct md_change c;
    md_change_measure(a, b, &c);
    assert_float_equal(c.residual, md_change_residual(a, b), 1e-5);
    assert_float_equal(c.histogram, md_change_histogram(a, b), 1e-6);
    assert_float_equal(c.plain, md_change_plain(a, b), 1e-5);
    free(a);
    free(b);
    return c;
}

static void a_picture_does_not_differ_from_itself(void **state)
{
    struct md_change c = change(scene(1, 0, 0), scene(1, 0, 0));
    assert_float_equal(c.plain + c.residual + c.shape + c.chroma + c.histogram + c.motion, 0, 0);
    assert_true(c.unlike < 1e-4f);
    assert_float_equal(c.still, 1, 0);
}

static void movement_is_compensated_and_measured(void **state)
{
    /* Four samples of a look to the right and two down. */
    struct md_change c = change(scene(2, 0, 0), scene(2, 4.0 / 64, 2.0 / 64));
    assert_true(c.plain > 8);
    assert_true(c.residual < 0.35f * c.plain);
    assert_true(c.unlike < 0.3f);
    assert_true(c.motion > 3.0f / 64 && c.motion < 6.0f / 64);
    /* A fifth of a sample: too little for displacement, still seen. */
    c = change(scene(2, 0, 0), scene(2, 0.2 / 64, 0));
    assert_true(c.motion > 0.02f / 64 && c.motion < 0.6f / 64);
}

static void another_scene_differs_in_every_way(void **state)
{
    struct md_change c = change(scene(3, 0, 0), scene(4, 0, 0));
    assert_true(c.residual > 15 && c.histogram > 0.2f && c.unlike > 0.4f && c.chroma > 5);
    assert_true(c.still < 0.2f);
}

static void a_change_of_light_keeps_more_of_the_shapes_than_a_change_of_scene(void **state)
{
    static struct paint paint, white;
    struct md_look *a = scene(5, 0, 0), *b = calloc(1, sizeof *b);
    paint_scene(&paint, 5, 0, 0);
    paint_flat(&white, 255);
    paint_mix(&paint, &white, 0.3);
    paint_look(&paint, 1, 24, b);
    struct md_change light = change(a, b), other = change(scene(5, 0, 0), scene(6, 0, 0));
    assert_true(light.residual > 10);
    assert_true(light.shape < 0.7f * other.shape);
    assert_true(light.unlike < 0.7f * other.unlike);
}

static void the_history_keeps_the_last_frames(void **state)
{
    struct md_history *history = md_history_new();
    assert_float_equal(md_history_rate(history), 25, 0.01);
    static struct paint paint;
    for (int i = 0; i < MD_HISTORY_FRAMES + 100; i++) {
        paint_flat(&paint, i % 200);
        paint_look(&paint, i, 50, md_history_slot(history));
        md_history_add(history);
        assert_int_equal(md_history_count(history), i + 1);
    }
    assert_int_equal(md_history_first(history), 100);
    for (int64_t f = 100; f < md_history_count(history); f++) {
        assert_int_equal(md_history_look(history, f)->index, f);
        float step = f % 200 ? 1 : 199;
        assert_float_equal(md_history_change(history, f)->plain, step, 0.01);
    }
    assert_float_equal(md_history_rate(history), 50, 0.1);
    struct md_activity activity;
    md_history_activity(history, 410, 420, &activity);
    assert_float_equal(activity.plain, 1, 0.01);
    assert_float_equal(activity.largest, 1, 0.01);
    assert_float_equal(activity.outside, 1, 0.01);
    md_history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_does_not_differ_from_itself),
        cmocka_unit_test(movement_is_compensated_and_measured),
        cmocka_unit_test(another_scene_differs_in_every_way),
        cmocka_unit_test(a_change_of_light_keeps_more_of_the_shapes_than_a_change_of_scene),
        cmocka_unit_test(the_history_keeps_the_last_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
