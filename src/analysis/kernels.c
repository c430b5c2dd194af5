/* Reference and choice. What a machine has is asked each time: it is one load and a test. */
#include "analysis/kernels.h"

#include <stdlib.h>
#include <string.h>

static void box_row(const uint8_t *row, ptrdiff_t stride, int rows, int columns, const int *from,
                    const int *to, int boxes, uint16_t *sums, uint32_t *totals)
{
    for (int x = 0; x < columns; x++)
        sums[x] = row[x];
    for (int y = 1; y < rows; y++) {
        row += stride;
        for (int x = 0; x < columns; x++)
            sums[x] = (uint16_t)(sums[x] + row[x]);
    }
    for (int i = 0; i < boxes; i++) {
        uint32_t total = 0;
        for (int x = from[i]; x < to[i]; x++)
            total += sums[x];
        totals[i] = total;
    }
}

static void search(const uint8_t *current, ptrdiff_t current_stride, const uint8_t *place,
                   ptrdiff_t stride, int rows, int reach_x, int reach_y,
                   struct md_kernel_match *match)
{
    for (int dy = -reach_y; dy <= reach_y; dy++)
        for (int dx = -reach_x; dx <= reach_x; dx++)
            for (int b = 0; b < MD_KERNEL_COLUMNS; b++) {
                uint32_t sad = 0;
                for (int y = 0; y < rows; y++) {
                    const uint8_t *p = current + y * current_stride + 8 * b;
                    const uint8_t *q = place + (y + dy) * stride + dx + 8 * b;
                    for (int x = 0; x < 8; x++)
                        sad += (uint32_t)abs(p[x] - q[x]);
                }
                if (sad < match->sad[b]) {
                    match->sad[b] = (uint16_t)sad;
                    match->dx[b] = (int8_t)dx;
                    match->dy[b] = (int8_t)dy;
                }
            }
}

static uint32_t difference(const uint8_t *a, const uint8_t *b, int n)
{
    uint32_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += (uint32_t)abs(a[i] - b[i]);
    return sum;
}

static void project(const int16_t *step, const int16_t *a, const int16_t *x, int n, int32_t *along,
                    int32_t *square)
{
    int32_t along_sum = 0, square_sum = 0;
    for (int i = 0; i < n; i++) {
        int16_t q = (int16_t)(x[i] - a[i]);
        along_sum += step[i] * q;
        square_sum += q * q;
    }
    *along = along_sum;
    *square = square_sum;
}

const struct md_kernels md_kernels_plain = {
    .name = "plain",
    .box_row = box_row,
    .search = search,
    .difference = difference,
    .project = project,
};

const struct md_kernels *md_kernels_best(void)
{
    const struct md_kernels *list[5];
    md_kernels_list(list);
    return list[0] ? list[0] : &md_kernels_plain;
}
