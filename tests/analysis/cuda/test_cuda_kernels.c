/* The kernels see in a picture exactly what the CPU sees: every integer and, from it, every float,
 * on noise and on extremes, at odd sizes and pitches, 8 to 16 bits, in whatever order threads run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/cuda/device.h"
#include "analysis/cuda/layout.h"
#include "analysis/cuda/pictures.h"
#include "base/cleanup.h"
#include "host_kernels.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

enum kind { NOISE, BLACK, WHITE, STRIPES, FLAT, BARS, MOVED, CARD, KINDS };

struct shape {
    int width, height, padding; /* bytes after each row */
    int bit_depth, sample_shift;
    bool full_range;
    int transfer;
};

struct stored {
    struct md_frame frame;
    uint8_t *luma, *chroma; /* exactly as large as promised: a sanitizer sees what reads beyond */
};

static int value_at(enum kind kind, int x, int y, int w, int h, uint32_t seed, uint32_t *random)
{
    switch (kind) {
    case NOISE:
        return (int)(next_random(random) & 255);
    case BLACK:
        return 0;
    case WHITE:
        return 255;
    case STRIPES:
        return (x + y) % 2 ? 255 : 0;
    case FLAT:
        return 100 + (int)(next_random(random) % 3);
    case BARS: /* black above and left, with a little noise */
        return y < h / 8 || y >= h - h / 6 || x < w / 10 ? 16 + (int)(next_random(random) % 4)
                                                         : 40 + (x * 7 + y * 3) % 180;
    case CARD:
        return x % 9 < 3 && y % 11 < 5 ? 235 : 18;
    default: /* a texture that moves with the seed */
        return (int)(128 + (((x + 3 * (int)seed) / 5 * 31 + (y + 2 * (int)seed) / 4 * 17) % 97));
    }
}

static void put(const struct shape *shape, uint8_t *row, int x, int value, uint32_t *random)
{
    if (shape->bit_depth == 8) {
        row[x] = (uint8_t)value;
        return;
    }
    int deep = value << (shape->bit_depth - 8);
    if (value > 0 && value < 255)
        deep |= (int)(next_random(random) & ((1u << (shape->bit_depth - 8)) - 1));
    else if (value == 255)
        deep = (1 << shape->bit_depth) - 1;
    ((uint16_t *)row)[x] = (uint16_t)(deep << shape->sample_shift);
}

static struct stored store(const struct shape *shape, enum kind kind, uint32_t seed)
{
    int bytes = shape->bit_depth > 8 ? 2 : 1, cw = (shape->width + 1) / 2;
    int ch = (shape->height + 1) / 2;
    ptrdiff_t luma_stride = (ptrdiff_t)shape->width * bytes + shape->padding;
    ptrdiff_t chroma_stride = (ptrdiff_t)cw * 2 * bytes + shape->padding;
    size_t luma_size =
        (size_t)luma_stride * (size_t)(shape->height - 1) + (size_t)(shape->width * bytes);
    size_t chroma_size = (size_t)chroma_stride * (size_t)(ch - 1) + (size_t)(cw * 2 * bytes);
    uint32_t random = seed * 7919 + 1;
    struct stored s = {.luma = malloc(luma_size), .chroma = malloc(chroma_size)};
    memset(s.luma, 0xee, luma_size);
    memset(s.chroma, 0xee, chroma_size);
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++)
            put(shape, s.luma + y * luma_stride, x,
                value_at(kind, x, y, shape->width, shape->height, seed, &random), &random);
    for (int y = 0; y < ch; y++)
        for (int x = 0; x < 2 * cw; x++)
            put(shape, s.chroma + y * chroma_stride, x,
                value_at(kind == CARD || kind == BARS ? FLAT : kind, x, y, cw, ch, seed, &random),
                &random);
    s.frame = (struct md_frame){
        .plane = {s.luma, s.chroma, s.chroma + bytes},
        .stride = {luma_stride, chroma_stride, chroma_stride},
        .step = {bytes, 2 * bytes, 2 * bytes},
        .width = shape->width,
        .height = shape->height,
        .chroma_shift_x = 1,
        .chroma_shift_y = 1,
        .bit_depth = shape->bit_depth,
        .sample_shift = shape->sample_shift,
        .full_range = shape->full_range,
        .transfer = shape->transfer,
        .index = seed,
    };
    return s;
}

static void launch(const char *name, unsigned x, unsigned y, void **params, int order)
{
    const unsigned grid[3] = {x, y, 1}, block[3] = {MD_GPU_THREADS, 1, 1};
    assert_true(fake_kernel_launch(name, grid, block, params, order));
}

static void look_at(const struct md_gpu_batch *batch, struct md_gpu_seen *seen,
                    const struct md_look *before, struct md_credits_grid *grids, int order)
{
    unsigned n = (unsigned)batch->count;
    launch("md_gpu_boxes", MD_GPU_BOX_ROWS, n, (void *[]){&batch, &seen}, order);
    launch("md_gpu_measure", 1, n, (void *[]){&seen}, order);
    launch("md_gpu_change", MD_GPU_CHANGE_BLOCKS, n, (void *[]){&seen, &before}, order);
    launch("md_gpu_bars", MD_GPU_BAR_BLOCKS, n, (void *[]){&batch, &seen}, order);
    launch("md_gpu_grid", MD_CREDITS_ROWS, n, (void *[]){&batch, &grids}, order);
}

static void expect_look(const struct md_look *expected, struct md_gpu_seen *seen)
{
    struct md_look *look = &seen->look;
    md_look_finish(look, &seen->sums);
    assert_memory_equal(look->luma, expected->luma, sizeof look->luma);
    assert_memory_equal(look->cb, expected->cb, sizeof look->cb);
    assert_memory_equal(look->cr, expected->cr, sizeof look->cr);
    assert_memory_equal(look->half_luma, expected->half_luma, sizeof look->half_luma);
    assert_memory_equal(look->coarse, expected->coarse, sizeof look->coarse);
    assert_memory_equal(look->histogram, expected->histogram, sizeof look->histogram);
    assert_memory_equal(&look->mean, &expected->mean, sizeof look->mean);
    assert_memory_equal(&look->deviation, &expected->deviation, sizeof look->deviation);
    assert_memory_equal(&look->gradient, &expected->gradient, sizeof look->gradient);
    assert_memory_equal(&look->colour, &expected->colour, sizeof look->colour);
}

static void expect_change(const struct md_look *before, const struct md_look *after,
                          const struct md_change_sums *sums)
{
    struct md_change expected, found;
    md_change_measure(before, after, &expected);
    md_change_finish(before, after, sums, &found);
    assert_memory_equal(&found, &expected, sizeof expected);
}

static void expect_rest(const struct md_frame *frame, const struct md_gpu_seen *seen,
                        const struct md_credits_grid *grid)
{
    static struct md_credits_grid expected;
    struct md_letterbox_sight sight;
    md_letterbox_see(frame, &sight);
    assert_int_equal(seen->bars.is_lit, sight.is_lit);
    for (int side = 0; sight.is_lit && side < MD_SIDES; side++)
        assert_int_equal(seen->bars.bars[side], sight.bars[side]);
    md_credits_sample(frame, &expected);
    assert_int_equal(grid->rows, expected.rows);
    assert_int_equal(grid->columns, expected.columns);
    for (int j = 0; j < expected.rows; j++)
        assert_memory_equal(grid->samples[j], expected.samples[j], (size_t)expected.columns);
}

struct bench {
    struct md_gpu_batch batch;
    struct md_gpu_seen seen[MD_GPU_BATCH];
    struct md_credits_grid grids[MD_GPU_BATCH];
    struct md_look expected[MD_GPU_BATCH], before;
};

/* One batch of pictures of this shape: those of the list of kinds. */
static void try_batch(const struct shape *shape, const enum kind *kinds, int count, int order)
{
    struct bench *b = calloc(1, sizeof *b);
    struct md_looker *looker = md_looker_new();
    struct stored stored[MD_GPU_BATCH], earlier = store(shape, MOVED, 77);
    memset(b->seen, 0xa5, sizeof b->seen);
    assert_int_equal(md_look_take(looker, &earlier.frame, &b->before), MD_OK);
    md_gpu_batch_begin(&b->batch);
    for (int i = 0; i < count; i++) {
        stored[i] = store(shape, kinds[i], (uint32_t)(i + 1));
        assert_true(md_gpu_picture_fill(&stored[i].frame, &b->batch.pictures[i]));
        b->batch.pictures[i].wants = MD_GPU_WANTS_BARS | MD_GPU_WANTS_GRID;
        assert_int_equal(md_look_take(looker, &stored[i].frame, &b->expected[i]), MD_OK);
    }
    b->batch.count = count;
    look_at(&b->batch, b->seen, &b->before, b->grids, order);
    for (int i = 0; i < count; i++) {
        expect_look(&b->expected[i], &b->seen[i]);
        expect_change(i ? &b->expected[i - 1] : &b->before, &b->expected[i], &b->seen[i].change);
        expect_rest(&stored[i].frame, &b->seen[i], &b->grids[i]);
        free(stored[i].luma);
        free(stored[i].chroma);
    }
    free(earlier.luma);
    free(earlier.chroma);
    md_looker_free(looker);
    free(b);
}

static void small_and_odd_pictures_in_any_order(void **state)
{
    static const int sizes[][2] = {
        {1, 1},   {1, 2},   {2, 1},    {3, 50},   {31, 17},  {32, 18},   {63, 37},   {64, 36},
        {65, 35}, {66, 38}, {127, 71}, {5, 1000}, {1000, 5}, {243, 181}, {427, 241}, {640, 363}};
    static const enum kind kinds[] = {NOISE, BLACK, WHITE, STRIPES, FLAT, BARS, MOVED, CARD};
    for (size_t i = 0; i < MD_ARRAY_LEN(sizes); i++)
        for (int deep = 0; deep < 2; deep++) {
            struct shape shape = {.width = sizes[i][0],
                                  .height = sizes[i][1],
                                  .padding = (int)(i % 4) * (deep ? 2 : 1),
                                  .bit_depth = deep ? 10 : 8,
                                  .sample_shift = deep ? 6 : 0,
                                  .full_range = i % 3 == 0};
            try_batch(&shape, kinds, KINDS, (int)(i + (size_t)deep) % 3);
        }
}

static void films_as_decoders_leave_them(void **state)
{
    static const struct shape shapes[] = {
        {.width = 854, .height = 480, .padding = 170, .bit_depth = 8},
        {.width = 1920, .height = 1080, .padding = 128, .bit_depth = 8},
        {.width = 1280, .height = 544, .bit_depth = 10, .sample_shift = 6, .transfer = MD_FRAME_PQ},
        {.width = 720,
         .height = 576,
         .padding = 304,
         .bit_depth = 10,
         .sample_shift = 6,
         .transfer = MD_FRAME_HLG},
        {.width = 1440, .height = 1080, .bit_depth = 16, .full_range = true},
    };
    static const enum kind kinds[] = {MOVED, MOVED, BARS, CARD};
    for (size_t i = 0; i < MD_ARRAY_LEN(shapes); i++)
        try_batch(&shapes[i], kinds, 4, (int)i % 3);
}

static void the_largest_and_the_flattest(void **state)
{
    static const struct shape large = {.width = 8192, .height = 4320, .padding = 0, .bit_depth = 8};
    static const struct shape deep = {
        .width = 8191, .height = 1081, .padding = 2, .bit_depth = 16, .full_range = true};
    static const struct shape wide = {.width = 16384, .height = 16, .bit_depth = 8};
    try_batch(&large, (enum kind[]){WHITE}, 1, 0);
    try_batch(&deep, (enum kind[]){WHITE}, 1, 1);
    try_batch(&wide, (enum kind[]){NOISE, STRIPES}, 2, 2);
}

/* A 10-bit film gives the same look from a GPU's p010 as from the CPU decoder's planes. */
static void deep_samples_mean_the_same_wherever_their_bits_are(void **state)
{
    const struct shape low = {.width = 333, .height = 187, .bit_depth = 10};
    struct shape high = low;
    high.sample_shift = 6;
    struct stored a = store(&low, NOISE, 3), b = store(&high, NOISE, 3);
    static struct md_look look_a, look_b;
    struct md_looker *looker = md_looker_new();
    assert_int_equal(md_look_take(looker, &a.frame, &look_a), MD_OK);
    assert_int_equal(md_look_take(looker, &b.frame, &look_b), MD_OK);
    assert_memory_equal(&look_a, &look_b, sizeof look_a);
    md_looker_free(looker);
    free(a.luma);
    free(a.chroma);
    free(b.luma);
    free(b.chroma);
}

/* The first look has none before it; pictures that want neither bars nor grid get none. */
static void what_is_not_wanted_is_not_written(void **state)
{
    const struct shape shape = {.width = 64, .height = 36, .bit_depth = 8};
    struct bench *b = calloc(1, sizeof *b);
    struct stored stored = store(&shape, NOISE, 1);
    struct md_gpu_seen *untouched = malloc(sizeof *untouched);
    memset(untouched, 0xa5, sizeof *untouched);
    memset(b->seen, 0xa5, sizeof b->seen);
    memset(b->grids, 0xa5, sizeof b->grids);
    md_gpu_batch_begin(&b->batch);
    assert_true(md_gpu_picture_fill(&stored.frame, &b->batch.pictures[0]));
    b->batch.count = 1;
    look_at(&b->batch, b->seen, NULL, b->grids, 0);
    assert_memory_equal(&b->seen[0].change, &untouched->change, sizeof untouched->change);
    assert_memory_equal(&b->seen[0].bars, &untouched->bars, sizeof untouched->bars);
    assert_memory_equal(&b->seen[1], untouched, sizeof *untouched);
    assert_memory_equal(&b->grids[0], untouched, 16);
    free(untouched);
    free(stored.luma);
    free(stored.chroma);
    free(b);
}

/* What no GPU's decoder leaves is refused, not misread. */
static void other_layouts_are_refused(void **state)
{
    const struct shape shape = {.width = 64, .height = 36, .bit_depth = 8};
    struct stored s = store(&shape, FLAT, 1);
    struct md_gpu_picture picture;
    assert_true(md_gpu_picture_fill(&s.frame, &picture));
    struct md_frame planar = s.frame, swapped = s.frame, other = s.frame, upside_down = s.frame;
    planar.step[1] = planar.step[2] = 1;
    swapped.plane[1] = s.frame.plane[2];
    swapped.plane[2] = s.frame.plane[1];
    other.chroma_shift_y = 0;
    upside_down.stride[0] = -upside_down.stride[0];
    assert_false(md_gpu_picture_fill(&planar, &picture));
    assert_false(md_gpu_picture_fill(&swapped, &picture));
    assert_false(md_gpu_picture_fill(&other, &picture));
    assert_false(md_gpu_picture_fill(&upside_down, &picture));
    free(s.luma);
    free(s.chroma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_and_odd_pictures_in_any_order),
        cmocka_unit_test(films_as_decoders_leave_them),
        cmocka_unit_test(the_largest_and_the_flattest),
        cmocka_unit_test(deep_samples_mean_the_same_wherever_their_bits_are),
        cmocka_unit_test(what_is_not_wanted_is_not_written),
        cmocka_unit_test(other_layouts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
