/* The same picture gives the same look in any size, depth, stride, range and chroma layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/look.h"

/* How a test picture is stored. */
struct layout {
    int width, height;
    int bit_depth, sample_shift;
    int chroma_shift_x, chroma_shift_y;
    bool interleaved, full_range, upside_down;
    int padding; /* bytes after each row */
};

struct stored {
    struct md_frame frame;
    uint8_t *memory;
};

/* The picture: brightness rises to the right and falls downwards, colours turn. On 0..255. */
static void picture(double x, double y, double out[3])
{
    out[0] = 40 + 120 * x + 60 * (1 - y);
    out[1] = 128 + 50 * (x - 0.5);
    out[2] = 128 - 60 * (y - 0.5);
}

static void put(const struct layout *l, uint8_t *p, double full_value, bool is_chroma)
{
    double value = full_value;
    if (!l->full_range)
        value = is_chroma ? 128 + (full_value - 128) * 224 / 255 : 16 + full_value * 219 / 255;
    int scaled = (int)(value * (1 << (l->bit_depth - 8)) + 0.5) << l->sample_shift;
    if (l->bit_depth > 8)
        *(uint16_t *)p = (uint16_t)scaled;
    else
        *p = (uint8_t)scaled;
}

static struct stored store(const struct layout *l)
{
    int bytes = l->bit_depth > 8 ? 2 : 1;
    int cw = (l->width + (1 << l->chroma_shift_x) - 1) >> l->chroma_shift_x;
    int ch = (l->height + (1 << l->chroma_shift_y) - 1) >> l->chroma_shift_y;
    ptrdiff_t luma_stride = (ptrdiff_t)l->width * bytes + l->padding;
    ptrdiff_t chroma_stride = (ptrdiff_t)cw * bytes * (l->interleaved ? 2 : 1) + l->padding;
    size_t luma_size = (size_t)luma_stride * l->height, chroma_size = (size_t)chroma_stride * ch;
    struct stored s = {.memory = malloc(luma_size + 2 * chroma_size)};
    memset(s.memory, 0xEE, luma_size + 2 * chroma_size);
    uint8_t *planes[3] = {s.memory, s.memory + luma_size,
                          s.memory + luma_size + (l->interleaved ? (size_t)bytes : chroma_size)};
    if (l->interleaved)
        planes[2] = planes[1] + bytes;
    s.frame = (struct md_frame){.width = l->width,
                                .height = l->height,
                                .chroma_shift_x = l->chroma_shift_x,
                                .chroma_shift_y = l->chroma_shift_y,
                                .bit_depth = l->bit_depth,
                                .sample_shift = l->sample_shift,
                                .full_range = l->full_range,
                                .pts_us = 5,
                                .duration_us = 7,
                                .index = 3};
    for (int c = 0; c < 3; c++) {
        int w = c ? cw : l->width, h = c ? ch : l->height;
        int step = bytes * (c && l->interleaved ? 2 : 1);
        ptrdiff_t stride = c ? chroma_stride : luma_stride;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double value[3];
                picture((x + 0.5) / w, (y + 0.5) / h, value);
                put(l, planes[c] + y * stride + x * step, value[c], c > 0);
            }
        s.frame.plane[c] = planes[c];
        s.frame.stride[c] = stride;
        s.frame.step[c] = step;
        if (l->upside_down) { /* the same memory told bottom up: the picture is mirrored */
            s.frame.plane[c] = planes[c] + (h - 1) * stride;
            s.frame.stride[c] = -stride;
        }
    }
    return s;
}

static void expect_picture(const struct md_look *look, bool mirrored)
{
    for (int y = 0; y < MD_LOOK_H; y++)
        for (int x = 0; x < MD_LOOK_W; x++) {
            double value[3];
            double at = (y + 0.5) / MD_LOOK_H;
            picture((x + 0.5) / MD_LOOK_W, mirrored ? 1 - at : at, value);
            int found = look->luma[y * MD_LOOK_W + x];
            if (found < value[0] - 2.5 || found > value[0] + 2.5)
                fail_msg("luma at %d,%d is %d, not %.1f", x, y, found, value[0]);
        }
    for (int y = 0; y < MD_LOOK_CHROMA_H; y++)
        for (int x = 0; x < MD_LOOK_CHROMA_W; x++) {
            double value[3];
            double at = (y + 0.5) / MD_LOOK_CHROMA_H;
            picture((x + 0.5) / MD_LOOK_CHROMA_W, mirrored ? 1 - at : at, value);
            int i = y * MD_LOOK_CHROMA_W + x;
            if (abs(look->cb[i] - (int)value[1]) > 3 || abs(look->cr[i] - (int)value[2]) > 3)
                fail_msg("chroma at %d,%d is %d %d, not %.1f %.1f", x, y, look->cb[i], look->cr[i],
                         value[1], value[2]);
        }
}

static void every_layout_gives_the_same_look(void **state)
{
    static const struct layout layouts[] = {
        {.width = 640, .height = 360, .bit_depth = 8, .chroma_shift_x = 1, .chroma_shift_y = 1},
        {.width = 1920,
         .height = 1080,
         .bit_depth = 8,
         .chroma_shift_x = 1,
         .chroma_shift_y = 1,
         .padding = 64},
        {.width = 641,
         .height = 363,
         .bit_depth = 8,
         .chroma_shift_x = 1,
         .chroma_shift_y = 1,
         .padding = 3},
        {.width = 640,
         .height = 360,
         .bit_depth = 10,
         .chroma_shift_x = 1,
         .chroma_shift_y = 1,
         .padding = 6},
        {.width = 640, .height = 360, .bit_depth = 12, .chroma_shift_x = 1, .chroma_shift_y = 0},
        {.width = 640, .height = 360, .bit_depth = 16, .full_range = true},
        {.width = 640, .height = 360, .bit_depth = 8, .full_range = true},
        {.width = 640,
         .height = 360,
         .bit_depth = 8,
         .chroma_shift_x = 1,
         .chroma_shift_y = 1,
         .interleaved = true},
        {.width = 642,
         .height = 361,
         .bit_depth = 10,
         .sample_shift = 6,
         .chroma_shift_x = 1,
         .chroma_shift_y = 1,
         .interleaved = true},
        {.width = 640,
         .height = 360,
         .bit_depth = 8,
         .chroma_shift_x = 0,
         .chroma_shift_y = 1,
         .upside_down = true},
        {.width = 256, .height = 8192, .bit_depth = 8, .chroma_shift_x = 1, .chroma_shift_y = 1},
    };
    struct md_looker *looker = md_looker_new();
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        struct stored stored = store(&layouts[i]);
        static struct md_look look;
        assert_int_equal(md_look_take(looker, &stored.frame, &look), MD_OK);
        expect_picture(&look, layouts[i].upside_down);
        assert_int_equal(look.pts_us, 5);
        assert_int_equal(look.duration_us, 7);
        assert_int_equal(look.index, 3);
        free(stored.memory);
    }
    md_looker_free(looker);
}

static void pictures_smaller_than_a_look_work(void **state)
{
    struct md_looker *looker = md_looker_new();
    for (int size = 1; size < 70; size += 3) {
        struct layout layout = {.width = size,
                                .height = 70 - size,
                                .bit_depth = 8,
                                .full_range = true,
                                .chroma_shift_x = 1,
                                .chroma_shift_y = 1};
        struct stored stored = store(&layout);
        static struct md_look look;
        assert_int_equal(md_look_take(looker, &stored.frame, &look), MD_OK);
        assert_true(look.mean > 80 && look.mean < 180);
        free(stored.memory);
    }
    md_looker_free(looker);
}

static void statistics_are_those_of_the_picture(void **state)
{
    static struct md_look look;
    for (int i = 0; i < MD_LOOK_SIZE; i++)
        look.luma[i] = i % 2 ? 200 : 100;
    memset(look.cb, 128, sizeof look.cb);
    memset(look.cr, 138, sizeof look.cr);
    md_look_measure(&look);
    assert_float_equal(look.mean, 150, 0.01);
    assert_float_equal(look.deviation, 50, 0.01);
    assert_float_equal(look.gradient, 50, 0.01); /* 100 across, 0 down */
    assert_float_equal(look.colour, 10, 0.01);
    for (int q = 0; q < MD_LOOK_QUADRANTS; q++) {
        int luma = 0, cr = 0;
        for (int i = 0; i < MD_LOOK_LUMA_BINS; i++) {
            luma += look.histogram[q][i];
            cr += look.histogram[q][MD_LOOK_LUMA_BINS + MD_LOOK_CHROMA_BINS + i];
        }
        assert_int_equal(luma, 16 * MD_LOOK_SIZE / 4);
        assert_int_equal(cr, 16 * MD_LOOK_SIZE / 4);
    }
    assert_int_equal(look.half_luma[0], 150);
    assert_int_equal(look.coarse[0], 600);
    assert_int_equal(look.coarse[MD_LOOK_COARSE_SIZE - 1], 552);
}

static void hdr_white_is_about_as_bright_as_sdr_white(void **state)
{
    struct md_looker *looker = md_looker_new();
    static uint16_t luma[64 * 36], chroma[32 * 18];
    for (int i = 0; i < 32 * 18; i++)
        chroma[i] = 512;
    struct md_frame frame = {.plane = {(uint8_t *)luma, (uint8_t *)chroma, (uint8_t *)chroma},
                             .stride = {128, 64, 64},
                             .step = {2, 2, 2},
                             .width = 64,
                             .height = 36,
                             .chroma_shift_x = 1,
                             .chroma_shift_y = 1,
                             .bit_depth = 10};
    static struct md_look look;
    static const struct {
        int transfer;
        double white;
    } cases[] = {{MD_FRAME_PQ, 0.58}, {MD_FRAME_HLG, 0.75}, {MD_FRAME_SDR, 0.9}};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 64 * 36; k++)
            luma[k] = (uint16_t)(64 + 876 * cases[i].white);
        frame.transfer = cases[i].transfer;
        assert_int_equal(md_look_take(looker, &frame, &look), MD_OK);
        assert_true(look.mean > 220 && look.mean < 240);
    }
    md_looker_free(looker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_gives_the_same_look),
        cmocka_unit_test(pictures_smaller_than_a_look_work),
        cmocka_unit_test(statistics_are_those_of_the_picture),
        cmocka_unit_test(hdr_white_is_about_as_bright_as_sdr_white),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
