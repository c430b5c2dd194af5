/* How much one look differs from another, told several ways. */
#ifndef MD_ANALYSIS_CHANGE_H
#define MD_ANALYSIS_CHANGE_H

#include "analysis/look.h"

enum {
    MD_BLOCK_W = 8,
    MD_BLOCK_H = 9,
    MD_BLOCK_COLUMNS = MD_LOOK_W / MD_BLOCK_W,
    MD_BLOCK_ROWS = MD_LOOK_H / MD_BLOCK_H,
    MD_BLOCKS = MD_BLOCK_COLUMNS * MD_BLOCK_ROWS,
    MD_SEARCH_X = 6, /* samples of a look: a tenth of the picture */
    MD_SEARCH_Y = 4,
    /* A motion must explain this much (sum over a block) more than standing still, so that flat
     * blocks do not wander: half a grey level per sample. */
    MD_CHANGE_STILL_BONUS = MD_BLOCK_W * MD_BLOCK_H / 2,
};

/* Differences are mean absolute differences of samples on the scale 0..255. */
struct md_change {
    float plain;     /* luma, place by place */
    float residual;  /* luma after the best motion of each block */
    float shape;     /* the same with each block's change of brightness taken out */
    float unlike;    /* 1 - correlation of blocks after motion: 0 same structure whatever the light,
                        1 nothing in common */
    float chroma;    /* chroma, place by place, sum of both channels */
    float histogram; /* of the quarters' histograms: 0 same, 1 nothing in common */
    float motion;    /* mean length of motion, in picture widths */
    float still;     /* share of blocks that neither moved nor changed, 0..1 */
};

/* A block of the look after and what it matches best in the one before. */
struct md_change_block {
    int32_t sad;                /* sum of absolute differences */
    int32_t dx, dy;             /* where it was found */
    int32_t shape;              /* sad with the mean difference taken out */
    int32_t sp, sq, pp, qq, pq; /* sums of samples now (p) and before (q), squares, products */
};

/* The integers a change follows from. */
struct md_change_sums {
    struct md_change_block blocks[MD_BLOCKS];
    int32_t luma, cb, cr;           /* sums of absolute differences, place by place */
    int32_t luma_bins, chroma_bins; /* the same of the histograms */
};

/* For who sums elsewhere (analysis/cuda). */
void md_change_finish(const struct md_look *before, const struct md_look *after,
                      const struct md_change_sums *sums, struct md_change *ret_change);

/* From before to after; the order matters only for which one is searched. */
void md_change_measure(const struct md_look *before, const struct md_look *after,
                       struct md_change *ret_change);

/* plain and histogram alone: much cheaper than all. */
float md_change_plain(const struct md_look *before, const struct md_look *after);
float md_change_histogram(const struct md_look *before, const struct md_look *after);

/* residual alone: the cheap question "is this the same scene?". */
float md_change_residual(const struct md_look *before, const struct md_look *after);

#endif
