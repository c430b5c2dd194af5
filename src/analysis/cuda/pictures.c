/* Decoders on a GPU leave two layouts only, and kernels for others would have nobody to test them:
 * whatever else comes is looked at by the CPU. */
#include "analysis/cuda/pictures.h"

#include <string.h>

enum { MOST_SIDE = 1 << 15 }; /* the kernels' arithmetic has room for more; no decoder has */

void md_gpu_batch_begin(struct md_gpu_batch *batch)
{
    memset(batch, 0, sizeof *batch);
    md_look_bend(MD_FRAME_PQ, batch->bend[0]);
    md_look_bend(MD_FRAME_HLG, batch->bend[1]);
}

static bool is_pitch(ptrdiff_t stride, int64_t row_bytes)
{
    return stride >= row_bytes && stride <= INT32_MAX / 16;
}

bool md_gpu_picture_fill(const struct md_frame *frame, struct md_gpu_picture *ret_picture)
{
    const int bytes = frame->bit_depth > 8 ? 2 : 1;
    const int64_t chroma_width = md_frame_chroma_width(frame);
    if (frame->width < 1 || frame->width > MOST_SIDE || frame->height < 1 ||
        frame->height > MOST_SIDE || frame->chroma_shift_x != 1 || frame->chroma_shift_y != 1 ||
        frame->step[0] != bytes || frame->step[1] != 2 * bytes || frame->step[2] != 2 * bytes ||
        frame->plane[2] != frame->plane[1] + bytes ||
        !is_pitch(frame->stride[0], (int64_t)frame->width * bytes) ||
        !is_pitch(frame->stride[1], chroma_width * 2 * bytes))
        return false;
    *ret_picture = (struct md_gpu_picture){
        .luma = (uint64_t)(uintptr_t)frame->plane[0],
        .chroma = (uint64_t)(uintptr_t)frame->plane[1],
        .luma_pitch = (int32_t)frame->stride[0],
        .chroma_pitch = (int32_t)frame->stride[1],
        .width = frame->width,
        .height = frame->height,
        .wide = bytes == 2,
        .shift = frame->bit_depth - 8 + frame->sample_shift,
        .full_range = frame->full_range,
        .transfer = frame->transfer,
        .scale = md_look_scale_of(frame),
    };
    return true;
}
