/*
 * libgov internal: the little of the CUDA driver that we need, as tables of functions: one that
 * numbers GPUs and creates no context, and one for memory. The declarations are our own; building
 * needs no SDK.
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

/* CUmemAllocationProp: memory pinned to a device, shared with nobody. */
struct gov_cuda_properties {
    int type;
    int handle_types;
    int location_type;
    int location_id;
    void *win32_meta;
    unsigned char flags[8];
};

/* CUmemAccessDesc */
struct gov_cuda_access {
    int location_type;
    int location_id;
    int flags;
};

struct gov_cuda_properties gov_cuda_properties_of(int device);
struct gov_cuda_access gov_cuda_access_of(int device); /* to read and write */

/* Memory, streams and events. Addresses and handles are CUDA's unsigned long long. */
struct gov_cuda_memory {
    void *handle;
    int (*init)(unsigned flags); /* required, as all to the gap */
    int (*device_get)(int *device, int ordinal);
    int (*attribute)(int *value, int attribute, int device);
    int (*retain)(void **context, int device);
    int (*release)(int device);
    int (*push)(void *context);
    int (*pop)(void **context);
    int (*current_device)(int *device);
    int (*take)(unsigned long long *address, size_t bytes);
    int (*give)(unsigned long long address);
    int (*stream_wait)(void *stream);
    int (*event_new)(void **event, unsigned flags);
    int (*event_free)(void *event);
    int (*event_record)(void *event, void *stream);
    int (*event_query)(void *event);

    /* CUDA 10.2 */
    int (*granularity)(size_t *bytes, const struct gov_cuda_properties *properties, int option);
    int (*create)(unsigned long long *handle, size_t bytes,
                  const struct gov_cuda_properties *properties, unsigned long long flags);
    int (*destroy)(unsigned long long handle);
    int (*reserve)(unsigned long long *address, size_t bytes, size_t alignment,
                   unsigned long long wish, unsigned long long flags);
    int (*unreserve)(unsigned long long address, size_t bytes);
    int (*map)(unsigned long long address, size_t bytes, size_t offset, unsigned long long handle,
               unsigned long long flags);
    int (*unmap)(unsigned long long address, size_t bytes);
    int (*allow)(unsigned long long address, size_t bytes, const struct gov_cuda_access *access,
                 size_t count);
};

/* As gov_cuda_load and gov_cuda_unload. */
int gov_cuda_memory_load(const char *path, struct gov_cuda_memory *ret_cuda, char *reason,
                         size_t reason_size);
void gov_cuda_memory_unload(struct gov_cuda_memory *cuda);

#endif
