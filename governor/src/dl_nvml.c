/*
 * NVML's symbols. A name with a suffix replaces the older one and has the ABI that our declaration
 * states; the memory structs and the process lists changed their layout with the suffix, so each of
 * theirs has a slot of its own and the caller knows which one answered.
 */
#include "dl_nvml.h"

#include <dlfcn.h>
#include <string.h>

#include "dl.h"

#define ROW(names, member, required)                                                               \
    {                                                                                              \
        names, offsetof(struct gov_nvml, member), required                                         \
    }
#define LIST(kind, member)                                                                         \
    ROW("nvmlDeviceGet" kind "RunningProcesses_v3\0", member[0], false),                           \
        ROW("nvmlDeviceGet" kind "RunningProcesses_v2\0", member[1], false),                       \
        ROW("nvmlDeviceGet" kind "RunningProcesses\0", member[2], false)

static const struct gov_dl_symbol symbols[] = {
    ROW("nvmlInit_v2\0nvmlInit\0", init, true),
    ROW("nvmlShutdown\0", shutdown, true),
    ROW("nvmlDeviceGetCount_v2\0nvmlDeviceGetCount\0", device_count, true),
    ROW("nvmlDeviceGetHandleByIndex_v2\0nvmlDeviceGetHandleByIndex\0", device_by_index, true),
    ROW("nvmlDeviceGetMemoryInfo\0", memory_v1, true),
    ROW("nvmlErrorString\0", error_string, false),
    ROW("nvmlSystemGetDriverVersion\0", driver_version, false),
    ROW("nvmlDeviceGetHandleByUUID\0", device_by_uuid, false),
    ROW("nvmlDeviceGetHandleByPciBusId_v2\0nvmlDeviceGetHandleByPciBusId\0", device_by_pci, false),
    ROW("nvmlDeviceGetName\0", device_name, false),
    ROW("nvmlDeviceGetUUID\0", device_uuid, false),
    ROW("nvmlDeviceGetIndex\0", device_index, false),
    ROW("nvmlDeviceGetPciInfo_v3\0", device_pci, false),
    ROW("nvmlDeviceGetCudaComputeCapability\0", compute_capability, false),
    ROW("nvmlDeviceGetMemoryInfo_v2\0", memory_v2, false),
    LIST("Compute", compute),
    LIST("Graphics", graphics),
    ROW("nvmlDeviceGetMigMode\0", mig_mode, false),
    ROW("nvmlDeviceGetMaxMigDeviceCount\0", mig_max_count, false),
    ROW("nvmlDeviceGetMigDeviceHandleByIndex\0", mig_by_index, false),
    ROW("nvmlDeviceGetDeviceHandleFromMigDeviceHandle\0", mig_parent, false),
    ROW("nvmlEventSetCreate\0", events_new, false),
    ROW("nvmlEventSetFree\0", events_free, false),
    ROW("nvmlDeviceRegisterEvents\0", events_register, false),
    ROW("nvmlEventSetWait_v2\0nvmlEventSetWait\0", events_wait, false),
};

int gov_nvml_load(const char *path, struct gov_nvml *ret_nvml, char *reason, size_t reason_size)
{
    /* WSL keeps the library where only its own configuration of ld.so looks. */
    static const char *const usual[] = {"libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1",
                                        NULL};
    const char *const given[] = {path, NULL};
    struct gov_nvml nvml = {0};
    int error = gov_dl_open(path ? given : usual, symbols, sizeof symbols / sizeof symbols[0],
                            &nvml, &nvml.handle, reason, reason_size);
    if (!error)
        *ret_nvml = nvml;
    return error;
}

void gov_nvml_unload(struct gov_nvml *nvml)
{
    if (nvml->handle)
        dlclose(nvml->handle);
    memset(nvml, 0, sizeof *nvml);
}
