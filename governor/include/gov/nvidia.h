/*
 * libgov: NVIDIA GPUs without CUDA: how many there are and what their memory holds, asked of the
 * driver's management library (NVML) through dlopen. No context is created on any GPU, nothing
 * links CUDA, and a machine without a driver gets a clear error.
 *
 * Which GPU is meant is said as in a device's spec ("nvidia", "nvidia:WHICH"):
 *
 *   ""                 the GPU that CUDA programs started here see first; with a single GPU, or
 *                      without a CUDA driver, the driver's first
 *   "0", "1" ...       the driver's order, as nvidia-smi prints it
 *   "cuda:0" ...       CUDA's order, which CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER change
 *   "GPU-..." "MIG-..."  a UUID
 *   "0000:01:00.0"     a PCI bus id
 *
 * Who starts CUDA programs for a chosen device should give them CUDA_VISIBLE_DEVICES=UUID.
 */
#ifndef GOV_NVIDIA_H
#define GOV_NVIDIA_H

#include <gov/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_nvidia;

/* A GPU's memory. used + free = total. */
struct gov_nvidia_memory {
    int64_t total_bytes;
    int64_t free_bytes;
    int64_t used_bytes;     /* by anybody, the driver's share included */
    int64_t reserved_bytes; /* the driver's share; -1: this driver does not say (before R510) */
};

/*
 * Loads and initializes NVML. params may be NULL. reason (may be NULL) receives, on failure, a text
 * for a person. One thread at a time. Errors: NO_DEVICE (no driver), INVALID (a relative path),
 * NOMEM, IO.
 */
GOV_API int gov_nvidia_open(const struct gov_nvidia_params *params, struct gov_nvidia **ret_nvidia,
                            char *reason, size_t reason_size);

/* Accepts NULL. */
GOV_API void gov_nvidia_close(struct gov_nvidia *nvidia);

/* GPUs the driver knows, CUDA_VISIBLE_DEVICES or not. Errors: INVALID, IO, DEVICE_LOST. */
GOV_API int gov_nvidia_count(struct gov_nvidia *nvidia, size_t *ret_count);

/* Errors: INVALID, NO_DEVICE, UNSUPPORTED (memory shared with the machine), IO, DEVICE_LOST. */
GOV_API int gov_nvidia_memory_info(struct gov_nvidia *nvidia, const char *which,
                                   struct gov_nvidia_memory *ret_memory);

#ifdef __cplusplus
}
#endif

#endif
