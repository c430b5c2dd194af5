/* The kernels in the driver's own assembly language; made by tools/make-ptx from kernels.cu. */
#ifndef MD_ANALYSIS_CUDA_PTX_H
#define MD_ANALYSIS_CUDA_PTX_H

extern const char md_gpu_ptx[];

#endif
