/* Credits, letterbox, key frames and the numbers of a shot, each on painted frames. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/credits.h"
#include "analysis/keyframe.h"
#include "analysis/letterbox.h"
#include "analysis/shot_stats.h"
#include "paint.h"

enum { W = 320, H = 180 };

/* An 8-bit 4:2:0 frame that owns its planes. */
struct canvas {
    uint8_t y[W * H], cb[W * H / 4], cr[W * H / 4];
    struct md_frame frame;
};

static struct canvas *canvas_new(void)
{
    struct canvas *c = calloc(1, sizeof *c);
    memset(c->cb, 128, sizeof c->cb);
    memset(c->cr, 128, sizeof c->cr);
    c->frame = (struct md_frame){.plane = {c->y, c->cb, c->cr},
                                 .stride = {W, W / 2, W / 2},
                                 .step = {1, 1, 1},
                                 .width = W,
                                 .height = H,
                                 .chroma_shift_x = 1,
                                 .chroma_shift_y = 1,
                                 .bit_depth = 8,
                                 .full_range = true,
                                 .sar_num = 1,
                                 .sar_den = 1,
                                 .duration_us = 40000};
    return c;
}

static void fill_scene(struct canvas *c, uint32_t seed)
{
    double v[3];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            paint_sample(seed, (double)x / W, (double)y / W, v);
            c->y[y * W + x] = paint_byte(v[0]);
        }
}

/* Lines of "letters": bars of 3 samples, 12 rows high, every 24 rows, shifted up by `up`. */
static void fill_text(struct canvas *c, int ground, int up)
{
    memset(c->y, ground, sizeof c->y);
    for (int y = 0; y < H; y++) {
        int line = (y + up) / 24, within = (y + up) % 24;
        int length = 60 + (line * 37) % 120; /* lines differ */
        for (int x = W / 2 - length / 2; within < 12 && x < W / 2 + length / 2; x++)
            if (x / 3 % 2)
                c->y[y * W + x] = 225;
    }
}

struct feeder {
    struct md_credits_finder *finder;
    struct md_looker *looker;
    int64_t index;
};

static void feed(struct feeder *f, struct canvas *c)
{
    static struct md_look look;
    c->frame.index = f->index;
    c->frame.pts_us = f->index * 40000;
    f->index++;
    assert_int_equal(md_look_take(f->looker, &c->frame, &look), MD_OK);
    assert_int_equal(md_credits_finder_add(f->finder, &c->frame, &look), MD_OK);
}

static struct md_credits_vec find_credits(void (*film)(struct feeder *, struct canvas *))
{
    struct feeder f = {.finder = md_credits_finder_new(), .looker = md_looker_new()};
    struct canvas *c = canvas_new();
    film(&f, c);
    struct md_credits_vec credits = {0};
    assert_int_equal(md_credits_finder_finish(f.finder, f.index * 40000, &credits), MD_OK);
    md_credits_finder_free(f.finder);
    md_looker_free(f.looker);
    free(c);
    return credits;
}

static void feed_scene(struct feeder *f, struct canvas *c, int seconds)
{
    fill_scene(c, (uint32_t)f->index);
    for (int i = 0; i < seconds * 25; i++)
        feed(f, c);
}

static void film_rolling(struct feeder *f, struct canvas *c)
{
    feed_scene(f, c, 60);
    for (int i = 0; i < 15 * 25; i++) {
        fill_text(c, 6, i);
        feed(f, c);
    }
    memset(c->y, 0, sizeof c->y);
    for (int i = 0; i < 25; i++)
        feed(f, c);
}

static void film_cards(struct feeder *f, struct canvas *c)
{
    feed_scene(f, c, 60);
    for (int card = 0; card < 5; card++) {
        fill_text(c, 10, card * 100);
        for (int i = 0; i < 70; i++)
            feed(f, c);
        memset(c->y, 10, sizeof c->y);
        for (int i = 0; i < 20; i++)
            feed(f, c);
    }
}

static void film_intertitles(struct feeder *f, struct canvas *c)
{
    for (int card = 0; card < 6; card++) {
        feed_scene(f, c, 12);
        fill_text(c, 10, card * 100);
        for (int i = 0; i < 5 * 25; i++)
            feed(f, c);
    }
    feed_scene(f, c, 12);
}

/* Dark, with a few lamps and somebody moving. */
static void film_night(struct feeder *f, struct canvas *c)
{
    for (int i = 0; i < 40 * 25; i++) {
        for (int k = 0; k < W * H; k++)
            c->y[k] = (uint8_t)(10 + 10 * paint_hash(5, k % W / 8, k / W / 8));
        for (int lamp = 0; lamp < 6; lamp++)
            for (int y = 20; y < 28; y++)
                memset(c->y + y * W + 30 + lamp * 45, 220, 8);
        memset(c->y + 100 * W + i % 200, 80, 60);
        feed(f, c);
    }
}

static void rolling_and_standing_credits_are_found_and_nothing_else(void **state)
{
    struct md_credits_vec credits = find_credits(film_rolling);
    assert_int_equal(credits.n, 1);
    assert_true(credits.v[0].rolling);
    assert_in_range(credits.v[0].start_us, 59700000, 60500000);
    assert_int_equal(credits.v[0].end_us, 76000000);
    md_vec_done(&credits);

    credits = find_credits(film_cards);
    assert_int_equal(credits.n, 1);
    assert_false(credits.v[0].rolling);
    assert_in_range(credits.v[0].start_us, 59700000, 60500000);
    md_vec_done(&credits);

    credits = find_credits(film_intertitles);
    assert_int_equal(credits.n, 0);
    credits = find_credits(film_night);
    assert_int_equal(credits.n, 0);
}

static void shots_inside_credits_are_marked(void **state)
{
    struct md_shot_vec shots = {0};
    static const int64_t ends_s[] = {10, 20, 30, 31, 40};
    int64_t at_us = 0;
    for (size_t i = 0; i < 5; i++) {
        struct md_shot shot = {.start_us = at_us, .end_us = ends_s[i] * 1000000};
        at_us = shot.end_us;
        assert_int_equal(md_vec_push(&shots, shot), MD_OK);
    }
    struct md_credits_vec credits = {0};
    struct md_credits range = {.start_us = 20600000, .end_us = 40000000};
    assert_int_equal(md_vec_push(&credits, range), MD_OK);
    md_credits_mark(&credits, &shots);
    assert_int_equal(credits.v[0].start_us, 20000000); /* put on the boundary nearby */
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(shots.v[i].credits, i >= 2);
    md_vec_done(&shots);
    md_vec_done(&credits);
}

static void the_usual_bars_are_found_in_spite_of_dark_frames_and_subtitles(void **state)
{
    struct md_letterbox *letterbox = md_letterbox_new();
    struct canvas *c = canvas_new();
    for (int i = 0; i < 60; i++) {
        fill_scene(c, (uint32_t)i);
        memset(c->y, 5, 22 * W);
        memset(c->y + (H - 24) * W, 5, 24 * W);
        for (int y = 0; y < H; y++)
            memset(c->y + y * W, 5, 8);
        if (i % 30 == 7) /* a subtitle in the bar */
            memset(c->y + (H - 10) * W + 60, 230, 200);
        if (i % 3 == 1)
            memset(c->y, 5, sizeof c->y);
        md_letterbox_add(letterbox, &c->frame);
    }
    struct md_bars bars = md_letterbox_bars(letterbox);
    assert_int_equal(bars.top, 22);
    assert_int_equal(bars.bottom, 24);
    assert_int_equal(bars.left, 8);
    assert_int_equal(bars.right, 0);
    /* A change of size forgets. */
    c->frame.height = H / 2;
    fill_scene(c, 1);
    md_letterbox_add(letterbox, &c->frame);
    bars = md_letterbox_bars(letterbox);
    assert_int_equal(bars.top + bars.bottom + bars.left + bars.right, 0);
    md_letterbox_free(letterbox);
    free(c);
}

/* Offers one frame: a scene seen through `blur` samples, at a brightness. */
static void offer(struct md_keys *keys, struct canvas *c, int64_t index, int blur, double light,
                  float motion, bool sudden)
{
    static struct md_look look;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            double sum = 0;
            for (int k = 0; k <= blur; k++)
                sum += 40 + 170 * (paint_hash(9, (x + k) / 3, y / 3) > 0.5);
            c->y[y * W + x] = paint_byte(light * sum / (blur + 1));
        }
    c->frame.index = index;
    c->frame.pts_us = index * 40000;
    struct md_looker *looker = md_looker_new();
    assert_int_equal(md_look_take(looker, &c->frame, &look), MD_OK);
    md_looker_free(looker);
    struct md_change change = {.residual = sudden ? 30 : 1};
    assert_int_equal(md_keys_offer(keys, &c->frame, &look, &change, motion, 0), MD_OK);
}

static void the_key_frame_is_sharp_lit_and_still(void **state)
{
    struct canvas *c = canvas_new();
    struct md_keys *keys = md_keys_new(0);
    for (int i = 0; i < 200; i++) {
        bool good = i >= 60 && i < 90;
        bool dark = i >= 120 && i < 150;
        offer(keys, c, i, good || dark ? 0 : 12, dark ? 0.15 : 1, i >= 150 ? 0.9f : 0.05f, i == 0);
    }
    float sharpness = 0;
    const struct md_image *image = md_keys_choose(keys, 0, 200, 0, 200, &sharpness);
    assert_non_null(image);
    assert_in_range(image->pts_us, 60 * 40000, 90 * 40000 - 1);
    assert_true(sharpness > 0.3f && sharpness <= 1);
    /* Outside of transitions where there is a choice. */
    image = md_keys_choose(keys, 0, 200, 100, 200, &sharpness);
    assert_true(image->pts_us >= 100 * 40000);
    assert_null(md_keys_choose(keys, 300, 400, 300, 400, &sharpness));
    md_keys_free(keys);
    free(c);
}

static void short_shots_have_a_candidate_and_long_ones_do_not_fill_the_memory(void **state)
{
    struct canvas *c = canvas_new();
    struct md_keys *keys = md_keys_new(0);
    float sharpness;
    for (int i = 0; i < 60; i++)
        offer(keys, c, i, 0, 1, 0.1f, i % 6 == 0);
    for (int i = 0; i < 60; i += 6)
        assert_non_null(md_keys_choose(keys, i, i + 6, i, i + 6, &sharpness));
    /* Many more sudden changes than candidates: the oldest thin out, nothing breaks. */
    for (int i = 60; i < 600; i++)
        offer(keys, c, i, 0, 1, 0.1f, i % 4 == 0);
    assert_non_null(md_keys_choose(keys, 0, 600, 0, 600, &sharpness));
    md_keys_free(keys);
    free(c);
}

static void statistics_and_signatures_describe_the_shot(void **state)
{
    static struct paint paint;
    static struct md_look look;
    struct md_shot red = {0}, same = {0}, blue = {0};
    struct md_shot *const shots[3] = {&red, &same, &blue};
    for (int s = 0; s < 3; s++) {
        struct md_shot_stats stats = {0};
        for (int i = 0; i < 10; i++) {
            paint_scene(&paint, s == 2 ? 8 : 7, s == 1 ? 0.004 : 0, 0);
            for (int k = 0; k < MD_LOOK_CHROMA_SIZE; k++) {
                paint.cb[k] = s == 2 ? 170 : 100;
                paint.cr[k] = s == 2 ? 100 : 170;
            }
            paint_look(&paint, i, 24, &look);
            md_shot_stats_add(&stats, &look, i ? 0.5f : -1);
        }
        assert_int_equal(md_shot_stats_finish(&stats, shots[s]), MD_OK);
        assert_int_equal(shots[s]->signature.n, MD_SIGNATURE_BINS);
        assert_float_equal(shots[s]->motion, 0.5, 1e-6);
        assert_float_equal(shots[s]->luma, look.mean / 255, 1e-4);
        assert_float_equal(shots[s]->contrast, look.deviation / 255, 1e-4);
        assert_true(shots[s]->saturation > 0.4f && shots[s]->colorfulness > 0.2f);
    }
    assert_true(red.warmth > 0.9f && blue.warmth < -0.9f);
    float near = 0, far = 0;
    for (int i = 0; i < MD_SIGNATURE_BINS; i++) {
        near += fabsf(red.signature.v[i] - same.signature.v[i]);
        far += fabsf(red.signature.v[i] - blue.signature.v[i]);
    }
    assert_true(near < 0.05f && far > 0.4f && far <= 2);
    for (int s = 0; s < 3; s++)
        md_vec_done(&shots[s]->signature);
}

static void curves_have_a_value_for_every_second(void **state)
{
    static struct paint paint;
    static struct md_look look;
    struct md_floats motion = {0}, luma = {0};
    struct md_curves curves = {.motion = &motion, .luma = &luma};
    for (int i = 0; i < 10; i++) { /* two frames a second, none in seconds 2 and 3 */
        paint_flat(&paint, i < 4 ? 51 : 102);
        paint_look(&paint, i, 2, &look);
        look.pts_us += i < 4 ? 0 : 2000000;
        assert_int_equal(md_curves_add(&curves, &look, i % 2 ? 0.25f : -1), MD_OK);
    }
    assert_int_equal(md_curves_finish(&curves), MD_OK);
    assert_int_equal(luma.n, 7);
    assert_int_equal(motion.n, 7);
    static const float expected[7] = {0.2f, 0.2f, 0.2f, 0.2f, 0.4f, 0.4f, 0.4f};
    for (int i = 0; i < 7; i++) {
        assert_float_equal(luma.v[i], expected[i], 1e-5);
        assert_float_equal(motion.v[i], 0.25, 1e-6);
    }
    /* A time stamp from another century does not fill the memory. */
    look.pts_us = INT64_C(1) << 60;
    assert_int_equal(md_curves_add(&curves, &look, 0), MD_OK);
    assert_int_equal(md_curves_finish(&curves), MD_OK);
    assert_int_equal(luma.n, MD_CURVE_SECONDS);
    md_vec_done(&motion);
    md_vec_done(&luma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rolling_and_standing_credits_are_found_and_nothing_else),
        cmocka_unit_test(shots_inside_credits_are_marked),
        cmocka_unit_test(the_usual_bars_are_found_in_spite_of_dark_frames_and_subtitles),
        cmocka_unit_test(the_key_frame_is_sharp_lit_and_still),
        cmocka_unit_test(short_shots_have_a_candidate_and_long_ones_do_not_fill_the_memory),
        cmocka_unit_test(statistics_and_signatures_describe_the_shot),
        cmocka_unit_test(curves_have_a_value_for_every_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
