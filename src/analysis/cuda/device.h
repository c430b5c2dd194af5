/* One source for the GPU and for the host. On the GPU a kernel's threads run side by side; on the
 * host, where tests and our fake driver run kernels, one after the other. So that both are the same
 * code, a kernel is a row of phases: MD_THREADS runs its statement for every thread and ends with a
 * barrier, and nothing but shared memory goes from one phase to the next. The host can take the
 * threads in another order, which finds what depends on it. */
#ifndef MD_ANALYSIS_CUDA_DEVICE_H
#define MD_ANALYSIS_CUDA_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

enum { MD_GPU_THREADS = 256 }; /* of every block */

#ifdef __CUDA__

#define MD_KERNEL extern "C" __attribute__((global)) void
#define MD_DEVICE static inline __attribute__((device))
#define MD_SHARED __attribute__((shared))
#define MD_UNROLL _Pragma("unroll")
#define MD_THREADS(t)                                                                              \
    for (int t = __nvvm_read_ptx_sreg_tid_x(), md_once = 1; md_once; md_once = 0, __syncthreads())

MD_DEVICE int md_block_x(void)
{
    return __nvvm_read_ptx_sreg_ctaid_x();
}
MD_DEVICE int md_block_y(void)
{
    return __nvvm_read_ptx_sreg_ctaid_y();
}

#else

#define MD_KERNEL static void
#define MD_DEVICE static inline
#define MD_SHARED static _Thread_local
#define MD_UNROLL
/* Orders: 0 upwards, 1 downwards, 2 mixed (97 and 256 have no common divisor). */
#define MD_THREADS(t)                                                                              \
    for (int md_i = 0, t; md_i < MD_GPU_THREADS && ((t = md_host_thread(md_i)), true); md_i++)

struct md_host_place {
    int block_x, block_y, order;
};
extern _Thread_local struct md_host_place md_host_place;

static inline int md_host_thread(int i)
{
    const int mixed = i * 97 % MD_GPU_THREADS;
    return md_host_place.order == 0 ? i : md_host_place.order == 1 ? MD_GPU_THREADS - 1 - i : mixed;
}
static inline int md_block_x(void)
{
    return md_host_place.block_x;
}
static inline int md_block_y(void)
{
    return md_host_place.block_y;
}

#endif

MD_DEVICE void md_add(int32_t *sum, int32_t value)
{
    __atomic_fetch_add(sum, value, __ATOMIC_RELAXED);
}

MD_DEVICE int32_t md_abs(int32_t value)
{
    return value < 0 ? -value : value;
}

MD_DEVICE int32_t md_clamp(int32_t value, int32_t least, int32_t most)
{
    return value < least ? least : value > most ? most : value;
}

#endif
