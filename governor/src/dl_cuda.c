/*
 * The CUDA driver's symbols. cuDeviceGetUuid_v2 (R470) names a MIG instance; the older one always
 * names the whole GPU.
 */
#include "dl_cuda.h"

#include <string.h>

#include "dl.h"

#define ROW(names, member)                                                                         \
    {                                                                                              \
        names, offsetof(struct gov_cuda, member), true                                             \
    }

static const struct gov_dl_symbol symbols[] = {
    ROW("cuInit\0", init),
    ROW("cuDeviceGetCount\0", device_count),
    ROW("cuDeviceGet\0", device_get),
    ROW("cuDeviceGetUuid_v2\0cuDeviceGetUuid\0", device_uuid),
};

static const char *const usual[] = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", NULL};

int gov_cuda_load(const char *path, struct gov_cuda *ret_cuda, char *reason, size_t reason_size)
{
    const char *const given[] = {path, NULL};
    struct gov_cuda cuda = {0};
    int error = gov_dl_open(path ? given : usual, symbols, sizeof symbols / sizeof symbols[0],
                            &cuda, &cuda.handle, reason, reason_size);
    if (!error)
        *ret_cuda = cuda;
    return error;
}

void gov_cuda_unload(struct gov_cuda *cuda)
{
    memset(cuda, 0, sizeof *cuda);
}

#define NEED(names, member)                                                                        \
    {                                                                                              \
        names "\0", offsetof(struct gov_cuda_memory, member), true                                 \
    }
#define WISH(names, member)                                                                        \
    {                                                                                              \
        names "\0", offsetof(struct gov_cuda_memory, member), false                                \
    }

static const struct gov_dl_symbol memory_symbols[] = {
    NEED("cuInit", init),
    NEED("cuDeviceGet", device_get),
    NEED("cuDeviceGetAttribute", attribute),
    NEED("cuDevicePrimaryCtxRetain", retain),
    NEED("cuDevicePrimaryCtxRelease_v2\0cuDevicePrimaryCtxRelease", release),
    NEED("cuCtxPushCurrent_v2", push),
    NEED("cuCtxPopCurrent_v2", pop),
    NEED("cuCtxGetDevice", current_device),
    NEED("cuMemAlloc_v2", take),
    NEED("cuMemFree_v2", give),
    NEED("cuStreamSynchronize", stream_wait),
    NEED("cuEventCreate", event_new),
    NEED("cuEventDestroy_v2", event_free),
    NEED("cuEventRecord", event_record),
    NEED("cuEventQuery", event_query),
    WISH("cuMemGetAllocationGranularity", granularity),
    WISH("cuMemCreate", create),
    WISH("cuMemRelease", destroy),
    WISH("cuMemAddressReserve", reserve),
    WISH("cuMemAddressFree", unreserve),
    WISH("cuMemMap", map),
    WISH("cuMemUnmap", unmap),
    WISH("cuMemSetAccess", allow),
};

struct gov_cuda_properties gov_cuda_properties_of(int device)
{
    enum { PINNED = 1, DEVICE = 1 };
    return (struct gov_cuda_properties){
        .type = PINNED, .location_type = DEVICE, .location_id = device};
}

struct gov_cuda_access gov_cuda_access_of(int device)
{
    enum { DEVICE = 1, READ_WRITE = 3 };
    return (struct gov_cuda_access){DEVICE, device, READ_WRITE};
}

int gov_cuda_memory_load(const char *path, struct gov_cuda_memory *ret_cuda, char *reason,
                         size_t reason_size)
{
    const char *const given[] = {path, NULL};
    struct gov_cuda_memory cuda = {0};
    int error = gov_dl_open(path ? given : usual, memory_symbols,
                            sizeof memory_symbols / sizeof memory_symbols[0], &cuda, &cuda.handle,
                            reason, reason_size);
    if (!error)
        *ret_cuda = cuda;
    return error;
}

void gov_cuda_memory_unload(struct gov_cuda_memory *cuda)
{
    memset(cuda, 0, sizeof *cuda);
}
