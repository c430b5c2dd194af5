/* What the host and the kernels hand each other. */
#ifndef MD_ANALYSIS_CUDA_LAYOUT_H
#define MD_ANALYSIS_CUDA_LAYOUT_H

#include <stdint.h>

#include "analysis/change.h"
#include "analysis/credits.h"
#include "analysis/letterbox.h"
#include "analysis/look.h"

enum { MD_GPU_BATCH = 8 }; /* pictures a launch at most */

/* What is measured only now and then. */
enum { MD_GPU_WANTS_BARS = 1, MD_GPU_WANTS_GRID = 2 };

/* One picture as a decoder leaves it on the GPU: a plane of luma, and one of chroma in turns. */
struct md_gpu_picture {
    uint64_t luma, chroma;            /* addresses on the device */
    int32_t luma_pitch, chroma_pitch; /* bytes from row to row */
    int32_t width, height;            /* of luma; chroma has half, rounded up */
    int32_t wide;                     /* 1: samples of 16 bits, else bytes */
    int32_t shift;                    /* of a sample, to the right, for its 8-bit code */
    int32_t full_range;               /* as in md_frame */
    int32_t transfer;                 /* enum md_frame_transfer */
    int32_t wants;                    /* bits */
    struct md_look_scale scale;
};

struct md_gpu_batch {
    int32_t count;
    struct md_gpu_picture pictures[MD_GPU_BATCH];
    uint8_t bend[2][256]; /* of luma: PQ, HLG */
};

/* Of each picture of a batch. The float fields of the look are left for the host. */
struct md_gpu_seen {
    struct md_look look;
    struct md_look_sums sums;
    struct md_change_sums change; /* from the picture before */
    struct md_letterbox_sight bars;
};

/* The kernels: a block of MD_GPU_THREADS threads for each of x, and each picture (y).
 *
 *   name             x                                parameters
 *   md_gpu_boxes     rows of boxes: MD_GPU_BOX_ROWS   batch, seen
 *   md_gpu_measure   1                                seen
 *   md_gpu_change    MD_GPU_CHANGE_BLOCKS             seen, before (the look before the first; 0)
 *   md_gpu_bars      MD_GPU_BAR_BLOCKS                batch, seen
 *   md_gpu_grid      MD_CREDITS_ROWS                  batch, grids
 *
 * in this order; parameters are addresses on the device. */
enum {
    MD_GPU_BOX_ROWS = MD_LOOK_H + MD_LOOK_CHROMA_H,
    MD_GPU_CHANGE_BLOCKS = MD_BLOCK_ROWS + 1,
    MD_GPU_BAR_BLOCKS = MD_SIDES + 1,
};

#endif
