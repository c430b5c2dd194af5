/*
 * libgov internal: the little of the CUDA driver that numbers GPUs. Creates no context: cuInit and
 * the UUIDs are all that is asked. The declarations are our own; building needs no SDK.
 */
#ifndef GOV_SRC_DL_CUDA_H
#define GOV_SRC_DL_CUDA_H

#include <gov/base.h>

enum gov_cuda_result { CUDA_OK = 0, CUDA_NO_DEVICE = 100 };

struct gov_cuda_uuid {
    unsigned char bytes[16];
};

struct gov_cuda {
    void *handle;
    int (*init)(unsigned flags);
    int (*device_count)(int *count);
    int (*device_get)(int *device, int ordinal);
    int (*device_uuid)(struct gov_cuda_uuid *uuid, int device);
};

/* path NULL: the system's library. Errors: as gov_dl_open. */
int gov_cuda_load(const char *path, struct gov_cuda *ret_cuda, char *reason, size_t reason_size);

/*
 * Forgets the table. The library stays loaded, as it does in every CUDA program: after cuInit it
 * has threads of its own, and unloading code under them is not safe.
 */
void gov_cuda_unload(struct gov_cuda *cuda);

#endif
