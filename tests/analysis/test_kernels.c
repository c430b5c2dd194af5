/* Every version of the inner loops gives what plain C gives, on noise and on extremes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/kernels.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Kinds of content: noise, all black, all white, black and white in turns, almost flat. */
enum { KINDS = 5 };

static uint8_t sample(int kind, int i, uint32_t *state)
{
    switch (kind) {
    case 0:
        return (uint8_t)next_random(state);
    case 1:
        return 0;
    case 2:
        return 255;
    case 3:
        return i % 2 ? 255 : 0;
    default:
        return (uint8_t)(100 + next_random(state) % 3);
    }
}

static const struct md_kernels *others[5];

static int setup(void **state)
{
    md_kernels_list(others);
    if (!others[0])
        print_message("[  NOTE    ] this machine has plain C only\n");
    assert_ptr_equal(md_kernels_best(), others[0] ? others[0] : &md_kernels_plain);
    return 0;
}

static void boxes_are_the_same(void **state)
{
    static const int widths[] = {1, 2, 7, 31, 32, 33, 63, 64, 65, 360, 427, 854, 1920, 4097};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int rows = 1; rows <= 257; rows = rows < 8 ? rows + 1 : rows + 249) {
                int width = widths[w], stride = width + 5, boxes = 64, from[64], to[64];
                uint32_t random = 5, expected[64], totals[64];
                /* Exactly as large as promised, so that a sanitizer sees what reads beyond. */
                uint8_t *picture = malloc((size_t)stride * (size_t)rows);
                uint16_t *sums = malloc((size_t)width * sizeof *sums + MD_KERNEL_SLACK);
                memset(sums, 0xee, (size_t)width * sizeof *sums + MD_KERNEL_SLACK);
                for (int i = 0; i < stride * rows; i++)
                    picture[i] = sample(kind, i, &random);
                for (int i = 0; i < boxes; i++) {
                    from[i] = i * width / boxes;
                    to[i] = (i + 1) * width / boxes;
                    to[i] += to[i] == from[i];
                }
                md_kernels_plain.box_row(picture, stride, rows, width, from, to, boxes, sums,
                                         expected);
                for (size_t k = 0; others[k]; k++) {
                    memset(sums, 0xee, (size_t)width * sizeof *sums);
                    others[k]->box_row(picture, stride, rows, width, from, to, boxes, sums, totals);
                    assert_memory_equal(totals, expected, sizeof totals);
                }
                free(picture);
                free(sums);
            }
}

static void searches_are_the_same(void **state)
{
    enum { STRIDE = 80, ROWS = 9, HEIGHT = ROWS + 8 };
    uint32_t random = 9;
    for (int round = 0; round < 200; round++) {
        uint8_t *current = malloc(64 * ROWS), *place = malloc(STRIDE * HEIGHT);
        for (int i = 0; i < 64 * ROWS; i++)
            current[i] = sample(round % KINDS, i, &random);
        for (int i = 0; i < STRIDE * HEIGHT; i++)
            place[i] = sample(round / KINDS % KINDS, i, &random);
        if (round % 3 == 0) /* really moved */
            for (int y = 0; y < ROWS; y++)
                memcpy(place + (y + round % 8) * STRIDE + round % 13, current + 64 * y, 64);
        struct md_kernel_match start = {0}, expected;
        for (int b = 0; b < MD_KERNEL_COLUMNS; b++)
            start.sad[b] = round % 4 == 0 ? UINT16_MAX : (uint16_t)next_random(&random);
        expected = start;
        int reach_x = round % 7, reach_y = round % 5;
        md_kernels_plain.search(current, 64, place + 4 * STRIDE + 6, STRIDE, ROWS, reach_x, reach_y,
                                &expected);
        for (size_t k = 0; others[k]; k++) {
            struct md_kernel_match match = start;
            others[k]->search(current, 64, place + 4 * STRIDE + 6, STRIDE, ROWS, reach_x, reach_y,
                              &match);
            assert_memory_equal(&match, &expected, sizeof match);
        }
        free(current);
        free(place);
    }
}

static void differences_and_projections_are_the_same(void **state)
{
    enum { MOST = 512 };
    uint32_t random = 3;
    for (int round = 0; round < 100; round++) {
        int n = 32 * (1 + round % (MOST / 32));
        uint8_t *a = malloc((size_t)n), *b = malloc((size_t)n);
        int16_t v[3][MOST];
        for (int i = 0; i < n; i++) {
            a[i] = sample(round % KINDS, i, &random);
            b[i] = sample(round / KINDS % KINDS, i, &random);
            for (int j = 0; j < 3; j++) /* 0..1020; the step may be negative */
                v[j][i] = (int16_t)(4 * sample((round + j) % KINDS, i, &random));
            v[0][i] = (int16_t)(v[0][i] - v[1][i]);
        }
        int32_t along, square, along_k, square_k;
        md_kernels_plain.project(v[0], v[1], v[2], n, &along, &square);
        for (size_t k = 0; others[k]; k++) {
            assert_int_equal(others[k]->difference(a, b, n), md_kernels_plain.difference(a, b, n));
            others[k]->project(v[0], v[1], v[2], n, &along_k, &square_k);
            assert_int_equal(along_k, along);
            assert_int_equal(square_k, square);
        }
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_the_same),
        cmocka_unit_test(searches_are_the_same),
        cmocka_unit_test(differences_and_projections_are_the_same),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
