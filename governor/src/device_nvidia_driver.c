/*
 * The session with the NVIDIA driver: NVML loaded and initialized, errors in our words, and the one
 * question that matters, what the memory holds. NVML and not CUDA, because cuMemGetInfo needs a
 * context, which itself costs some hundred megabytes of the memory that is to be governed.
 *
 * Memory is asked in version 2 (R510), which tells the driver's own share apart; an older driver
 * answers version 1, whose `used` includes it. Both give free, and used is derived from that, so
 * used + free = total holds whatever the driver rounds.
 */
#include "device_nvidia.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dl.h"
#include "util.h"

int gov_nvidia_error(int result)
{
    switch (result) {
    case NVML_OK:
        return GOV_OK;
    case NVML_DRIVER_NOT_LOADED:
    case NVML_LIBRARY_NOT_FOUND:
    case NVML_LIBRARY_MISMATCH:
    case NVML_NOT_FOUND:
    case NVML_GPU_NOT_FOUND:
        return GOV_E_NO_DEVICE;
    case NVML_NOT_SUPPORTED:
    case NVML_NO_PERMISSION:
    case NVML_FUNCTION_NOT_FOUND:
    case NVML_ARGUMENT_VERSION_MISMATCH:
    case NVML_DEPRECATED:
        return GOV_E_UNSUPPORTED;
    case NVML_GPU_IS_LOST:
    case NVML_RESET_REQUIRED:
        return GOV_E_DEVICE_LOST;
    case NVML_MEMORY:
        return GOV_E_NOMEM;
    default:
        return GOV_E_IO;
    }
}

const char *gov_nvidia_text(const struct gov_nvidia *nvidia, int result)
{
    const char *text = nvidia->nvml.error_string ? nvidia->nvml.error_string(result) : NULL;
    return text ? text : gov_error_text(gov_nvidia_error(result));
}

/* "535.54.03": 535 and 54. */
static void read_version(struct gov_nvidia *nvidia)
{
    char version[80] = "";
    nvidia->driver_version[0] = 0;
    nvidia->driver_major = nvidia->driver_minor = 0;
    if (!nvidia->nvml.driver_version || nvidia->nvml.driver_version(version, sizeof version))
        return;
    version[sizeof version - 1] = 0;
    snprintf(nvidia->driver_version, sizeof nvidia->driver_version, "%.47s", version);
    const char *p = version;
    int64_t major, minor;
    if (!gov_parse_i64(&p, &major) || major > 99999 || *p++ != '.')
        return;
    if (!gov_parse_i64(&p, &minor) || minor > 99999)
        return;
    nvidia->driver_major = (int)major;
    nvidia->driver_minor = (int)minor;
}

int gov_nvidia_start(struct gov_nvidia *nvidia, char *reason, size_t reason_size)
{
    int result = nvidia->nvml.init();
    if (result) {
        int error = gov_nvidia_error(result);
        const char *what =
            error == GOV_E_NO_DEVICE ? "no NVIDIA driver" : "the NVIDIA driver fails";
        gov_dl_say(reason, reason_size, "%s: %s (NVML %d)", what, gov_nvidia_text(nvidia, result),
                   result);
        return error;
    }
    nvidia->initialized = true;
    read_version(nvidia);
    return GOV_OK;
}

void gov_nvidia_stop(struct gov_nvidia *nvidia)
{
    if (nvidia->initialized)
        nvidia->nvml.shutdown();
    nvidia->initialized = false;
}

int gov_nvidia_open(const struct gov_nvidia_params *params, struct gov_nvidia **ret_nvidia,
                    char *reason, size_t reason_size)
{
    static const struct gov_nvidia_params defaults;
    if (!params)
        params = &defaults;
    if (!ret_nvidia || (params->cuda_path && strlen(params->cuda_path) >= NVIDIA_PATH_MAX))
        return GOV_E_INVALID;
    struct gov_nvidia *nvidia = calloc(1, sizeof *nvidia);
    if (!nvidia)
        return GOV_E_NOMEM;
    if (params->cuda_path)
        snprintf(nvidia->cuda_path, sizeof nvidia->cuda_path, "%s", params->cuda_path);
    char why[256] = "";
    int error = gov_nvml_load(params->nvml_path, &nvidia->nvml, why, sizeof why);
    if (error)
        gov_dl_say(reason, reason_size, "%s%s",
                   error == GOV_E_NO_DEVICE ? "no NVIDIA driver: " : "", why);
    else
        error = gov_nvidia_start(nvidia, reason, reason_size);
    if (error) {
        gov_nvidia_close(nvidia);
        return error;
    }
    *ret_nvidia = nvidia;
    return GOV_OK;
}

void gov_nvidia_close(struct gov_nvidia *nvidia)
{
    if (!nvidia)
        return;
    gov_nvidia_stop(nvidia);
    gov_nvml_unload(&nvidia->nvml);
    free(nvidia);
}

int gov_nvidia_count(struct gov_nvidia *nvidia, size_t *ret_count)
{
    if (!nvidia || !ret_count)
        return GOV_E_INVALID;
    unsigned count = 0;
    int error = gov_nvidia_error(nvidia->nvml.device_count(&count));
    if (!error)
        *ret_count = count;
    return error;
}

/* A driver that names impossible figures is not believed. */
static int check_memory(uint64_t total, uint64_t free_bytes, int64_t reserved,
                        struct gov_nvidia_memory *ret_memory)
{
    if (!total || total > INT64_MAX || free_bytes > total)
        return GOV_E_FORMAT;
    *ret_memory = (struct gov_nvidia_memory){
        .total_bytes = (int64_t)total,
        .free_bytes = (int64_t)free_bytes,
        .used_bytes = (int64_t)(total - free_bytes),
        .reserved_bytes = reserved,
    };
    return GOV_OK;
}

/* Newer than the kernel's module, or a library that has the symbol in name only. */
static bool is_refusal(int result)
{
    return result == NVML_FUNCTION_NOT_FOUND || result == NVML_ARGUMENT_VERSION_MISMATCH ||
           result == NVML_NOT_SUPPORTED || result == NVML_DEPRECATED ||
           result == NVML_INVALID_ARGUMENT;
}

int gov_nvidia_read_memory(struct gov_nvidia *nvidia, gov_nvml_device handle,
                           struct gov_nvidia_memory *ret_memory, int *ret_result)
{
    int result;
    if (nvidia->nvml.memory_v2 && !nvidia->memory_v2_refused) {
        struct gov_nvml_memory_v2 memory = {.version = GOV_NVML_MEMORY_V2};
        result = nvidia->nvml.memory_v2(handle, &memory);
        if (!result) {
            *ret_result = result;
            uint64_t used = memory.total - memory.free;
            bool told = memory.reserved <= used;
            return check_memory(memory.total, memory.free, told ? (int64_t)memory.reserved : -1,
                                ret_memory);
        }
        if (!is_refusal(result)) {
            *ret_result = result;
            return gov_nvidia_error(result);
        }
    }
    struct gov_nvml_memory_v1 memory = {0};
    *ret_result = result = nvidia->nvml.memory_v1(handle, &memory);
    if (result)
        return gov_nvidia_error(result);
    /* Only now is it known that version 2 was at fault, and not the device. */
    nvidia->memory_v2_refused = true;
    return check_memory(memory.total, memory.free, -1, ret_memory);
}

int gov_nvidia_memory_info(struct gov_nvidia *nvidia, const char *which,
                           struct gov_nvidia_memory *ret_memory)
{
    if (!nvidia || !which || !ret_memory)
        return GOV_E_INVALID;
    gov_nvml_device handle;
    int cuda_index, result;
    int error = gov_nvidia_find(nvidia, which, &handle, &cuda_index, NULL, 0);
    return error ? error : gov_nvidia_read_memory(nvidia, handle, ret_memory, &result);
}
