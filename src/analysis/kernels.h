/* The inner loops of looking at frames: in plain C, and again for the machines that can do more at
 * once. All versions give the same numbers to the bit (tests/analysis/test_kernels.c). */
#ifndef MD_ANALYSIS_KERNELS_H
#define MD_ANALYSIS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    MD_KERNEL_COLUMNS = 8, /* blocks side by side in a search */
    MD_KERNEL_WIDTH = 64,  /* samples of a row searched: eight blocks of eight */
    MD_KERNEL_SLACK = 32,  /* bytes readable beyond the end of `sums` of box_row */
};

/* Where each block of a row is found again. */
struct md_kernel_match {
    uint16_t sad[MD_KERNEL_COLUMNS];
    int8_t dx[MD_KERNEL_COLUMNS], dy[MD_KERNEL_COLUMNS];
};

struct md_kernels {
    const char *name;

    /* Adds `rows` rows of `columns` bytes (at most 257 rows) into sums, then the sums of columns
     * from[i] .. to[i] - 1 into totals[i], for 0 <= i < boxes. */
    void (*box_row)(const uint8_t *row, ptrdiff_t stride, int rows, int columns, const int *from,
                    const int *to, int boxes, uint16_t *sums, uint32_t *totals);

    /* The displacement of least absolute difference for eight blocks of 8 x rows samples: current
     * against place + dy * stride + dx for dy -reach_y .. reach_y, dx -reach_x .. reach_x, rows
     * first. A displacement must be less than what match->sad holds already; the first least
     * wins. rows at most 32. */
    void (*search)(const uint8_t *current, ptrdiff_t current_stride, const uint8_t *place,
                   ptrdiff_t stride, int rows, int reach_x, int reach_y,
                   struct md_kernel_match *match);

    /* Sum of absolute differences; n a multiple of 32, at most 2^16. */
    uint32_t (*difference)(const uint8_t *a, const uint8_t *b, int n);

    /* *along = sum of step * (x - a), *square = sum of (x - a)^2; n a multiple of 16, at most 512,
     * values at most 1020. */
    void (*project)(const int16_t *step, const int16_t *a, const int16_t *x, int n, int32_t *along,
                    int32_t *square);
};

extern const struct md_kernels md_kernels_plain;

/* The fastest this machine can run. */
const struct md_kernels *md_kernels_best(void);

/* What this machine's kind has besides: the fastest first, ended by NULL; those it cannot run are
 * left out. At most 4. */
void md_kernels_list(const struct md_kernels *ret_kernels[5]);

#endif
