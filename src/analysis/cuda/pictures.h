/* Pictures as the kernels want them told. Pure: touches no device. */
#ifndef MD_ANALYSIS_CUDA_PICTURES_H
#define MD_ANALYSIS_CUDA_PICTURES_H

#include "analysis/cuda/layout.h"

/* An empty batch, with the curves for HDR. */
void md_gpu_batch_begin(struct md_gpu_batch *batch);

/* Describes a frame whose planes are addresses the kernels can read: 4:2:0 with chroma in turns, cb
 * first (nv12, p010, p016). False for any other layout. `wants` is left 0. */
bool md_gpu_picture_fill(const struct md_frame *frame, struct md_gpu_picture *ret_picture);

#endif
