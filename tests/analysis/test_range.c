/* A stretch of a film, seen with its margins, gives the verdict of the whole film. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/range.h"
#include "base/cleanup.h"
#include "paint.h"

enum { FRAMES = 700 };
static const double rate = 24;

/* Cuts at 100, 160 and 600, a dissolve 250..274, a fade through black 400..436. */
static void paint_frame(int64_t frame, struct paint *paint)
{
    static struct paint other;
    double drift = (double)frame * 0.001;
    uint32_t seed = frame < 100 ? 1 : frame < 160 ? 2 : frame < 263 ? 3 : frame < 418 ? 4 : 5;
    paint_scene(paint, frame < 600 ? seed : 6, drift, 0);
    if (frame > 250 && frame < 274) {
        paint_scene(paint, 3, drift, 0);
        paint_scene(&other, 4, drift, 0);
        paint_mix(paint, &other, (double)(frame - 250) / 24);
    }
    if (frame > 400 && frame < 436) {
        paint_flat(&other, 0);
        paint_mix(paint, &other, 1 - fabs((double)(frame - 418)) / 18);
    }
}

static void show(struct md_range *range, int64_t first, int64_t end, bool is_film_end,
                 struct md_boundary_vec *found)
{
    static struct paint paint;
    assert_int_equal(md_range_begin(range, first), MD_OK);
    for (int64_t frame = first; frame < end; frame++) {
        paint_frame(frame, &paint);
        paint_look(&paint, frame, rate, md_range_slot(range));
        assert_int_equal(md_range_add(range, found), MD_OK);
    }
    assert_int_equal(md_range_finish(range, is_film_end, found), MD_OK);
    assert_int_equal(md_range_settled(range), end);
}

static void a_stretch_gives_the_verdict_of_the_film(void **state)
{
    static const int64_t stretches[][2] = {{90, 110}, {150, 170}, {245, 280}, {390, 440},
                                           {40, 90},  {480, 560}, {90, 300},  {580, 620}};
    struct md_range *range = md_range_new(md_detectors[0]);
    assert_non_null(range);
    struct md_boundary_vec whole = {0}, part = {0};
    show(range, 0, FRAMES, true, &whole);
    assert_int_equal(whole.n, 5);
    for (size_t s = 0; s < MD_ARRAY_LEN(stretches); s++) {
        int64_t start = stretches[s][0], end = stretches[s][1];
        part.n = 0;
        show(range, MD_MAX(start - md_range_margin_before((float)rate), 0),
             MD_MIN(end + md_range_margin_after((float)rate), FRAMES), false, &part);
        size_t found = 0;
        for (size_t i = 0; i < whole.n; i++) {
            if (md_boundary_split(&whole.v[i]) < start || md_boundary_split(&whole.v[i]) >= end)
                continue;
            bool is_there = false;
            for (size_t j = 0; j < part.n; j++)
                is_there |= part.v[j].start_frame == whole.v[i].start_frame &&
                            part.v[j].end_frame == whole.v[i].end_frame &&
                            part.v[j].kind == whole.v[i].kind;
            assert_true(is_there);
            found++;
        }
        for (size_t j = 0; j < part.n; j++)
            found -= md_boundary_split(&part.v[j]) >= start && md_boundary_split(&part.v[j]) < end;
        assert_int_equal(found, 0); /* neither more nor fewer */
    }
    md_vec_done(&whole);
    md_vec_done(&part);
    md_range_free(range);
}

static void the_edges_of_a_stretch_are_no_boundaries(void **state)
{
    struct md_range *range = md_range_new(md_detectors[0]);
    struct md_boundary_vec found = {0};
    for (int64_t length = 0; length < 12; length++)
        show(range, 20, 20 + length, false, &found);
    show(range, 170, 240, false, &found);
    show(range, 0, 90, true, &found);
    assert_int_equal(found.n, 0);
    md_vec_done(&found);
    md_range_free(range);
}

static void a_fade_that_the_stretch_cuts_off_needs_the_film_to_go_on(void **state)
{
    struct md_range *range = md_range_new(md_detectors[0]);
    struct md_boundary_vec found = {0};
    show(range, 330, 419, true, &found); /* the film's own end divides nothing */
    assert_int_equal(found.n, 0);
    show(range, 330, 419, false, &found);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.v[0].kind, MD_TRANSITION_FADE_BLACK);
    md_vec_done(&found);
    md_range_free(range);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stretch_gives_the_verdict_of_the_film),
        cmocka_unit_test(the_edges_of_a_stretch_are_no_boundaries),
        cmocka_unit_test(a_fade_that_the_stretch_cuts_off_needs_the_film_to_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
