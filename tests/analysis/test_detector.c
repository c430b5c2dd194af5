/* The accurate detector finds each kind of boundary where it is, and only there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/detector.h"
#include "paint.h"

/* A film being painted and detected. */
struct film {
    const struct md_detector_ops *detector;
    struct md_history *history;
    void *state;
    struct md_boundary_vec found;
    int64_t settled;
    double rate;
    uint32_t grain; /* amplitude of noise in grey levels */
};

static void begin(struct film *film, const char *detector, double rate)
{
    *film = (struct film){.rate = rate};
    assert_int_equal(md_detector_find(detector, &film->detector, NULL), MD_OK);
    film->history = md_history_new();
    film->state = film->detector->create(film->history);
    assert_non_null(film->state);
}

static void add(struct film *film, const struct paint *paint)
{
    int64_t index = md_history_count(film->history);
    struct paint noisy = *paint;
    for (int i = 0; film->grain && i < MD_LOOK_SIZE; i++)
        noisy.y[i] += film->grain * (paint_hash((uint32_t)index, i, 9) - 0.5);
    paint_look(&noisy, index, film->rate, md_history_slot(film->history));
    md_history_add(film->history);
    size_t before = film->found.n;
    int64_t settled = film->detector->step(film->state, MD_DETECTOR_GOES_ON, &film->found);
    assert_true(settled >= film->settled); /* never takes back what it was sure of */
    assert_true(settled >= index + 1 - MD_DETECTOR_LATENCY);
    for (size_t i = before; i < film->found.n; i++)
        assert_true(md_boundary_split(&film->found.v[i]) >= film->settled);
    film->settled = settled;
}

static void finish(struct film *film)
{
    assert_true(film->detector->step(film->state, MD_DETECTOR_FILM_END, &film->found) >= 0);
    for (size_t i = 1; i < film->found.n; i++)
        assert_true(md_boundary_split(&film->found.v[i - 1]) <
                    md_boundary_split(&film->found.v[i]));
}

static void end(struct film *film)
{
    film->detector->destroy(film->state);
    md_history_free(film->history);
    md_vec_done(&film->found);
}

/* `frames` of a scene that moves by (vx, vy) widths per frame; `at` continues the movement. */
static void shot(struct film *film, uint32_t seed, int frames, int at, double vx, double vy)
{
    static struct paint paint;
    for (int i = 0; i < frames; i++) {
        paint_scene(&paint, seed, (at + i) * vx, (at + i) * vy);
        add(film, &paint);
    }
}

static void expect(const struct film *film, size_t i, int kind, int64_t start, int64_t last,
                   int slack)
{
    assert_true(i < film->found.n);
    const struct md_boundary *b = &film->found.v[i];
    if (b->kind != kind || llabs(b->start_frame - start) > slack ||
        llabs(b->end_frame - last) > slack)
        fail_msg("found %s %lld-%lld instead of %s %lld-%lld", md_transition_names[b->kind],
                 (long long)b->start_frame, (long long)b->end_frame, md_transition_names[kind],
                 (long long)start, (long long)last);
    assert_true(b->confidence >= 0.5f && b->confidence <= 1);
}

static void cuts_are_found_to_the_frame(void **state)
{
    static const double rates[] = {10, 23.976, 30, 60};
    for (size_t r = 0; r < 4; r++) {
        struct film film;
        begin(&film, "accurate", rates[r]);
        film.grain = 6;
        for (uint32_t s = 0; s < 8; s++)
            shot(&film, 100 + s, 40, 0, 0.001 * s, 0);
        finish(&film);
        assert_int_equal(film.found.n, 7);
        for (size_t i = 0; i < 7; i++)
            expect(&film, i, MD_TRANSITION_CUT, 40 * (int64_t)(i + 1), 40 * (int64_t)(i + 1), 0);
        end(&film);
    }
}

static void fast_cutting_is_found(void **state)
{
    struct film film;
    begin(&film, "accurate", 24);
    shot(&film, 1, 40, 0, 0, 0);
    for (uint32_t s = 0; s < 10; s++)
        shot(&film, 200 + s, 6, 0, 0.002, 0);
    shot(&film, 2, 40, 0, 0, 0);
    finish(&film);
    assert_int_equal(film.found.n, 11);
    end(&film);
}

static void a_pan_is_no_boundary(void **state)
{
    static const double speeds[][2] = {{0.004, 0}, {0.02, 0}, {0.05, 0.02}, {0, -0.03}};
    for (size_t i = 0; i < 4; i++) {
        struct film film;
        begin(&film, "accurate", 24);
        film.grain = 4;
        shot(&film, 5, 150, 0, speeds[i][0], speeds[i][1]);
        finish(&film);
        if (film.found.n)
            fail_msg("pan %zu: found %s %lld-%lld, confidence %.2f", i,
                     md_transition_names[film.found.v[0].kind],
                     (long long)film.found.v[0].start_frame, (long long)film.found.v[0].end_frame,
                     film.found.v[0].confidence);
        end(&film);
    }
}

static void a_flash_is_no_boundary(void **state)
{
    static struct paint paint, white;
    paint_flat(&white, 235);
    for (int length = 1; length <= 4; length++) {
        struct film film;
        begin(&film, "accurate", 24);
        shot(&film, 11, 50, 0, 0.002, 0);
        for (int i = 0; i < length; i++) {
            paint_scene(&paint, 11, (50 + i) * 0.002, 0);
            paint_mix(&paint, &white, 0.85);
            add(&film, &paint);
        }
        shot(&film, 11, 50, 50 + length, 0.002, 0);
        finish(&film);
        assert_int_equal(film.found.n, 0);
        end(&film);
    }
}

static void an_explosion_that_dies_down_is_no_boundary(void **state)
{
    static struct paint paint, white;
    paint_flat(&white, 235);
    struct film film;
    begin(&film, "accurate", 24);
    shot(&film, 12, 60, 0, 0.001, 0);
    for (int i = 0; i < 14; i++) {
        paint_scene(&paint, 12, (60 + i) * 0.001, 0);
        paint_mix(&paint, &white, 0.8 * (14 - i) / 14);
        add(&film, &paint);
    }
    shot(&film, 12, 60, 74, 0.001, 0);
    finish(&film);
    assert_int_equal(film.found.n, 0);
    end(&film);
}

static void a_cut_after_a_flash_is_one_boundary(void **state)
{
    static struct paint white;
    paint_flat(&white, 235);
    struct film film;
    begin(&film, "accurate", 24);
    shot(&film, 13, 50, 0, 0.001, 0);
    add(&film, &white);
    shot(&film, 14, 50, 0, 0.001, 0);
    finish(&film);
    assert_int_equal(film.found.n, 1);
    assert_in_range(md_boundary_split(&film.found.v[0]), 50, 51);
    end(&film);
}

static void dissolves_of_all_lengths_are_found(void **state)
{
    static struct paint a, b;
    static const int lengths[] = {7, 12, 24, 40, 60};
    for (size_t k = 0; k < 5; k++) {
        struct film film;
        begin(&film, "accurate", 24);
        film.grain = 4;
        shot(&film, 21, 90, 0, 0.001, 0);
        for (int i = 1; i <= lengths[k]; i++) {
            paint_scene(&a, 21, (89 + i) * 0.001, 0);
            paint_scene(&b, 22, i * -0.001, 0);
            paint_mix(&a, &b, (double)i / (lengths[k] + 1));
            add(&film, &a);
        }
        shot(&film, 22, 90, lengths[k] + 1, -0.001, 0);
        finish(&film);
        assert_int_equal(film.found.n, 1);
        expect(&film, 0, MD_TRANSITION_DISSOLVE, 89, 90 + lengths[k], 4 + lengths[k] / 4);
        end(&film);
    }
}

/* fades: out frames down, hold frames even, in frames up; 0 is a jump. */
static void fade(struct film *film, uint32_t before, uint32_t after, double level, int out,
                 int hold, int in)
{
    static struct paint paint, even;
    paint_flat(&even, level);
    for (int i = 1; i <= out; i++) {
        paint_scene(&paint, before, 0, 0);
        paint_mix(&paint, &even, (double)i / (out + 1));
        add(film, &paint);
    }
    for (int i = 0; i < hold; i++)
        add(film, &even);
    for (int i = 1; i <= in; i++) {
        paint_scene(&paint, after, 0, 0);
        paint_mix(&paint, &even, 1 - (double)i / (in + 1));
        add(film, &paint);
    }
}

static void fades_are_found_with_their_colour(void **state)
{
    static const struct {
        int out, hold, in;
    } cases[] = {{12, 6, 12}, {24, 0, 24}, {30, 20, 8}, {16, 4, 0}, {0, 10, 16}, {5, 2, 5}};
    for (size_t k = 0; k < 6; k++)
        for (int white = 0; white < 2; white++) {
            struct film film;
            begin(&film, "accurate", 24);
            shot(&film, 31, 60, 0, 0, 0);
            fade(&film, 31, 32, white ? 250 : 2, cases[k].out, cases[k].hold, cases[k].in);
            shot(&film, 32, 60, 0, 0, 0);
            finish(&film);
            if (film.found.n != 1)
                fail_msg("case %zu white %d: %zu boundaries", k, white, film.found.n);
            expect(&film, 0, white ? MD_TRANSITION_FADE_WHITE : MD_TRANSITION_FADE_BLACK, 59,
                   60 + cases[k].out + cases[k].hold + cases[k].in, 3);
            end(&film);
        }
}

static void light_switched_off_and_on_is_no_boundary(void **state)
{
    struct film film;
    begin(&film, "accurate", 24);
    shot(&film, 33, 60, 0, 0, 0);
    fade(&film, 33, 33, 2, 8, 4, 8);
    shot(&film, 33, 60, 0, 0, 0);
    finish(&film);
    assert_int_equal(film.found.n, 0);
    end(&film);
}

static void a_long_black_is_a_shot_of_its_own(void **state)
{
    struct film film;
    begin(&film, "accurate", 24);
    shot(&film, 34, 60, 0, 0, 0);
    fade(&film, 34, 35, 2, 12, 400, 12);
    shot(&film, 35, 60, 0, 0, 0);
    finish(&film);
    assert_int_equal(film.found.n, 2);
    expect(&film, 0, MD_TRANSITION_FADE_BLACK, 59, 73, 3);
    expect(&film, 1, MD_TRANSITION_FADE_BLACK, 471, 484, 3);
    end(&film);
}

static void the_rise_and_fall_of_the_film_itself_divide_nothing(void **state)
{
    struct film film;
    begin(&film, "accurate", 24);
    fade(&film, 0, 36, 2, 0, 5, 20);
    shot(&film, 36, 80, 0, 0, 0);
    fade(&film, 36, 0, 2, 20, 5, 0);
    finish(&film);
    assert_int_equal(film.found.n, 0);
    end(&film);
}

static void wipes_are_found(void **state)
{
    static struct paint a, b;
    static const int lengths[] = {10, 20, 32};
    for (size_t k = 0; k < 3; k++) {
        struct film film;
        begin(&film, "accurate", 24);
        shot(&film, 41, 80, 0, 0, 0);
        for (int i = 1; i <= lengths[k]; i++) {
            paint_scene(&a, 41, 0, 0);
            paint_scene(&b, 42, 0, 0);
            paint_wipe(&a, &b, (double)i / (lengths[k] + 1));
            add(&film, &a);
        }
        shot(&film, 42, 80, 0, 0, 0);
        finish(&film);
        assert_int_equal(film.found.n, 1);
        expect(&film, 0, MD_TRANSITION_WIPE, 79, 80 + lengths[k], 4 + lengths[k] / 4);
        end(&film);
    }
}

static void films_of_hardly_any_frames_work(void **state)
{
    for (size_t d = 0; md_detectors[d]; d++)
        for (int frames = 0; frames < 12; frames++) {
            struct film film;
            begin(&film, md_detectors[d]->name, 24);
            shot(&film, 51, frames, 0, 0, 0);
            finish(&film);
            assert_int_equal(film.found.n, 0);
            end(&film);
        }
}

static void any_noise_keeps_the_promises(void **state)
{
    static struct paint paint;
    for (size_t d = 0; md_detectors[d]; d++) {
        struct film film;
        begin(&film, md_detectors[d]->name, 120);
        for (uint32_t i = 0; i < 1500; i++) {
            uint32_t kind = (uint32_t)(paint_hash(77, (int)(i / 37), 0) * 4);
            if (kind == 0)
                paint_flat(&paint, 255 * paint_hash(78, (int)(i / 11), 0));
            else
                paint_scene(&paint, kind == 1 ? i : i / 37, i * 0.01, 0);
            add(&film, &paint); /* asserts order and latency */
        }
        finish(&film);
        end(&film);
    }
}

static void the_baselines_find_cuts(void **state)
{
    static const char *const names[] = {"histogram", "content"};
    for (size_t d = 0; d < 2; d++) {
        struct film film;
        begin(&film, names[d], 24);
        shot(&film, 61, 30, 0, 0, 0);
        shot(&film, 62, 30, 0, 0, 0);
        finish(&film);
        assert_int_equal(film.found.n, 1);
        expect(&film, 0, MD_TRANSITION_CUT, 30, 30, 0);
        end(&film);
    }
}

static void an_unknown_detector_is_refused_with_the_names_there_are(void **state)
{
    const struct md_detector_ops *ops = NULL;
    struct md_failure failure = {0};
    assert_int_equal(md_detector_find("magic", &ops, &failure), MD_ERR_INPUT);
    for (size_t d = 0; md_detectors[d]; d++) {
        assert_non_null(strstr(failure.message, md_detectors[d]->name));
        assert_true(strlen(md_detectors[d]->description) > 20);
    }
    assert_null(ops);
    assert_int_equal(md_detector_find(NULL, &ops, &failure), MD_OK);
    assert_string_equal(ops->name, "accurate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_are_found_to_the_frame),
        cmocka_unit_test(fast_cutting_is_found),
        cmocka_unit_test(a_pan_is_no_boundary),
        cmocka_unit_test(a_flash_is_no_boundary),
        cmocka_unit_test(an_explosion_that_dies_down_is_no_boundary),
        cmocka_unit_test(a_cut_after_a_flash_is_one_boundary),
        cmocka_unit_test(dissolves_of_all_lengths_are_found),
        cmocka_unit_test(fades_are_found_with_their_colour),
        cmocka_unit_test(light_switched_off_and_on_is_no_boundary),
        cmocka_unit_test(a_long_black_is_a_shot_of_its_own),
        cmocka_unit_test(the_rise_and_fall_of_the_film_itself_divide_nothing),
        cmocka_unit_test(wipes_are_found),
        cmocka_unit_test(films_of_hardly_any_frames_work),
        cmocka_unit_test(any_noise_keeps_the_promises),
        cmocka_unit_test(the_baselines_find_cuts),
        cmocka_unit_test(an_unknown_detector_is_refused_with_the_names_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
