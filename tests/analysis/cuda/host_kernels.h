/* The GPU's kernels, compiled for the host. */
#ifndef MD_TESTS_HOST_KERNELS_H
#define MD_TESTS_HOST_KERNELS_H

#include <stdbool.h>

/* Runs a kernel of analysis/cuda/layout.h by name, as cuLaunchKernel would: params points at its
 * arguments. order: see analysis/cuda/device.h. False when there is none of that name, or its
 * blocks are not of MD_GPU_THREADS threads. */
bool fake_kernel_launch(const char *name, const unsigned grid[3], const unsigned block[3],
                        void **params, int order);

#endif
