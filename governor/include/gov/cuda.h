/*
 * libgov: what CUDA's results mean for whoever goes on. Some are a lack of memory, which passes;
 * some ("sticky") make every later call of the process fail, whatever it asks for; some say that
 * the GPU is gone. Only the first is worth another try in the same process.
 */
#ifndef GOV_CUDA_H
#define GOV_CUDA_H

#include <gov/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The gov_error for a CUresult of the driver; cudart's and NVDEC's numbers are the same where it
 * matters. 0: OK. 2: DEVICE_NOMEM. 700 (illegal address), 702 (timeout), 719 (launch failed), 214
 * (ECC) and their like: CONTEXT_LOST. 46, 101 (unavailable, gone): DEVICE_LOST. 100: NO_DEVICE.
 * 209, 222 (no code for this GPU, PTX newer than the driver), 801: UNSUPPORTED. 1, 201, 400:
 * INVALID. Others: IO. Pure, thread-safe.
 */
GOV_API int gov_cuda_error(int result);

/*
 * Whether a process that got this error must end: nothing on the device works for it any more, and
 * its end gives all its memory back. Never true of a lack of memory. Pure, thread-safe.
 */
GOV_API bool gov_error_ends_process(int error);

#ifdef __cplusplus
}
#endif

#endif
