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

int gov_cuda_load(const char *path, struct gov_cuda *ret_cuda, char *reason, size_t reason_size)
{
    static const char *const usual[] = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", NULL};
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
