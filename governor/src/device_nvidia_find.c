/*
 * Which GPU. NVML and CUDA number GPUs differently: NVML by PCI bus, CUDA by speed unless told
 * otherwise, and CUDA_VISIBLE_DEVICES hides and reorders. The UUID is what both agree on, so CUDA's
 * order is turned into NVML's by asking CUDA for the UUID. That needs cuInit but no context; it is
 * done only where the answer depends on it, for cuInit takes a tenth of a second and, unlike NVML,
 * does not survive a fork.
 */
#include "device_nvidia.h"

#include <stdio.h>
#include <string.h>

#include "dl.h"
#include "dl_cuda.h"
#include "util.h"

enum { MOST_GPUS = 256, MOST_MIG = 64, UUID_DIGITS = 32 };

/* The 32 hexadecimal digits of a UUID's text, without prefix and dashes. */
static bool uuid_digits(const char *text, char digits[UUID_DIGITS + 1])
{
    const char *start = strchr(text, '-');
    size_t n = 0;
    for (const char *p = start ? start + 1 : text; *p; p++) {
        if (*p == '-')
            continue;
        bool upper = *p >= 'A' && *p <= 'F';
        if (!upper && !(*p >= '0' && *p <= '9') && !(*p >= 'a' && *p <= 'f'))
            return false;
        if (n == UUID_DIGITS)
            return false;
        digits[n++] = (char)(upper ? *p - 'A' + 'a' : *p);
    }
    digits[n] = 0;
    return n == UUID_DIGITS;
}

static bool read_uuid(struct gov_nvidia *nvidia, gov_nvml_device handle,
                      char uuid[GOV_DEVICE_UUID_MAX])
{
    uuid[0] = 0;
    if (!nvidia->nvml.device_uuid || nvidia->nvml.device_uuid(handle, uuid, GOV_DEVICE_UUID_MAX))
        uuid[0] = 0;
    uuid[GOV_DEVICE_UUID_MAX - 1] = 0;
    return *uuid;
}

/* 0 when the GPU is not divided. */
static unsigned mig_count(struct gov_nvidia *nvidia, gov_nvml_device handle)
{
    const struct gov_nvml *nvml = &nvidia->nvml;
    unsigned current = 0, pending = 0, count = 0;
    if (!nvml->mig_mode || !nvml->mig_max_count || !nvml->mig_by_index)
        return 0;
    if (nvml->mig_mode(handle, &current, &pending) || current != 1 ||
        nvml->mig_max_count(handle, &count))
        return 0;
    return MIN(count, MOST_MIG);
}

static bool has_digits(struct gov_nvidia *nvidia, gov_nvml_device handle, const char *digits)
{
    char uuid[GOV_DEVICE_UUID_MAX], found[UUID_DIGITS + 1];
    return read_uuid(nvidia, handle, uuid) && uuid_digits(uuid, found) && !strcmp(found, digits);
}

/* Searches all GPUs and their MIG instances, so that it works without nvmlDeviceGetHandleByUUID. */
static int find_digits(struct gov_nvidia *nvidia, const char *digits, gov_nvml_device *ret_handle)
{
    unsigned count = 0;
    int result = nvidia->nvml.device_count(&count);
    for (unsigned i = 0; !result && i < MIN(count, MOST_GPUS); i++) {
        gov_nvml_device handle, mig;
        if (nvidia->nvml.device_by_index(i, &handle))
            continue;
        if (has_digits(nvidia, handle, digits)) {
            *ret_handle = handle;
            return GOV_OK;
        }
        unsigned parts = mig_count(nvidia, handle);
        for (unsigned k = 0; k < parts; k++) {
            if (!nvidia->nvml.mig_by_index(handle, k, &mig) && has_digits(nvidia, mig, digits)) {
                *ret_handle = mig;
                return GOV_OK;
            }
        }
    }
    return result ? gov_nvidia_error(result) : GOV_E_NO_DEVICE;
}

static int find_uuid(struct gov_nvidia *nvidia, const char *uuid, gov_nvml_device *ret_handle)
{
    char digits[UUID_DIGITS + 1];
    if (nvidia->nvml.device_by_uuid) {
        int result = nvidia->nvml.device_by_uuid(uuid, ret_handle);
        if (result != NVML_FUNCTION_NOT_FOUND && result != NVML_NOT_SUPPORTED)
            return result == NVML_INVALID_ARGUMENT ? GOV_E_NO_DEVICE : gov_nvidia_error(result);
    }
    return uuid_digits(uuid, digits) ? find_digits(nvidia, digits, ret_handle) : GOV_E_NO_DEVICE;
}

static int find_index(struct gov_nvidia *nvidia, int64_t index, gov_nvml_device *ret_handle)
{
    unsigned count = 0;
    int result = nvidia->nvml.device_count(&count);
    if (result)
        return gov_nvidia_error(result);
    if (index >= (int64_t)count)
        return GOV_E_NO_DEVICE;
    return gov_nvidia_error(nvidia->nvml.device_by_index((unsigned)index, ret_handle));
}

/* *ret_hidden: CUDA works and shows no GPU to programs of this environment. */
static bool cuda_digits(const char *path, int64_t ordinal, char digits[UUID_DIGITS + 1],
                        bool *ret_hidden)
{
    struct gov_cuda cuda;
    struct gov_cuda_uuid uuid;
    int device, count = 0;
    *ret_hidden = false;
    if (gov_cuda_load(*path ? path : NULL, &cuda, NULL, 0))
        return false;
    int result = cuda.init(0);
    *ret_hidden = result == CUDA_NO_DEVICE;
    bool found = !result && !cuda.device_count(&count) && ordinal < count &&
                 !cuda.device_get(&device, (int)ordinal) && !cuda.device_uuid(&uuid, device);
    *ret_hidden = *ret_hidden || (!result && count == 0);
    for (size_t i = 0; found && i < sizeof uuid.bytes; i++)
        snprintf(digits + 2 * i, 3, "%02x", uuid.bytes[i]);
    gov_cuda_unload(&cuda);
    return found;
}

static int find_cuda(struct gov_nvidia *nvidia, int64_t ordinal, gov_nvml_device *ret_handle,
                     bool *ret_hidden)
{
    char digits[UUID_DIGITS + 1];
    if (!cuda_digits(nvidia->cuda_path, ordinal, digits, ret_hidden))
        return GOV_E_NO_DEVICE;
    return find_digits(nvidia, digits, ret_handle);
}

/* CUDA cannot use a divided GPU as a whole. */
static void enter_first_mig(struct gov_nvidia *nvidia, gov_nvml_device *handle)
{
    unsigned parts = mig_count(nvidia, *handle);
    gov_nvml_device mig;
    for (unsigned k = 0; k < parts; k++) {
        if (!nvidia->nvml.mig_by_index(*handle, k, &mig)) {
            *handle = mig;
            return;
        }
    }
}

static int find_default(struct gov_nvidia *nvidia, gov_nvml_device *ret_handle, int *ret_cuda_index,
                        char *reason, size_t reason_size)
{
    unsigned count = 0;
    int result = nvidia->nvml.device_count(&count);
    if (result)
        return gov_nvidia_error(result);
    if (count > 1) {
        bool hidden;
        if (!find_cuda(nvidia, 0, ret_handle, &hidden)) {
            *ret_cuda_index = 0;
            return GOV_OK;
        }
        if (hidden) {
            gov_dl_say(reason, reason_size, "CUDA shows no GPU here (CUDA_VISIBLE_DEVICES?)");
            return GOV_E_NO_DEVICE;
        }
    }
    int error = find_index(nvidia, 0, ret_handle);
    if (!error)
        enter_first_mig(nvidia, ret_handle);
    return error;
}

static bool parse_index(const char *text, int64_t *ret_index)
{
    return gov_parse_i64(&text, ret_index) && !*text && *ret_index < MOST_GPUS;
}

static int find(struct gov_nvidia *nvidia, const char *which, gov_nvml_device *ret_handle,
                int *ret_cuda_index, char *reason, size_t reason_size)
{
    int64_t index;
    bool hidden;
    if (!*which)
        return find_default(nvidia, ret_handle, ret_cuda_index, reason, reason_size);
    if (!strncmp(which, "cuda:", 5)) {
        if (!parse_index(which + 5, &index))
            return GOV_E_NO_DEVICE;
        *ret_cuda_index = (int)index;
        return find_cuda(nvidia, index, ret_handle, &hidden);
    }
    if (!strncmp(which, "GPU-", 4) || !strncmp(which, "MIG-", 4))
        return find_uuid(nvidia, which, ret_handle);
    if (strchr(which, ':')) {
        if (!nvidia->nvml.device_by_pci)
            return GOV_E_UNSUPPORTED;
        int result = nvidia->nvml.device_by_pci(which, ret_handle);
        return result == NVML_INVALID_ARGUMENT ? GOV_E_NO_DEVICE : gov_nvidia_error(result);
    }
    return parse_index(which, &index) ? find_index(nvidia, index, ret_handle) : GOV_E_NO_DEVICE;
}

int gov_nvidia_find(struct gov_nvidia *nvidia, const char *which, gov_nvml_device *ret_handle,
                    int *ret_cuda_index, char *reason, size_t reason_size)
{
    gov_nvml_device handle = NULL;
    int cuda_index = -1;
    gov_dl_say(reason, reason_size, "%s", "");
    int error = find(nvidia, which, &handle, &cuda_index, reason, reason_size);
    if (error) {
        if (reason && reason_size && !*reason)
            gov_dl_say(reason, reason_size, "no NVIDIA GPU \"%s\": %s", which,
                       gov_error_text(error));
        return error;
    }
    *ret_handle = handle;
    *ret_cuda_index = cuda_index;
    return GOV_OK;
}

gov_nvml_device gov_nvidia_parent(struct gov_nvidia *nvidia, gov_nvml_device handle, bool is_mig)
{
    gov_nvml_device parent;
    if (is_mig && nvidia->nvml.mig_parent && !nvidia->nvml.mig_parent(handle, &parent))
        return parent;
    return handle;
}

void gov_nvidia_identify(struct gov_nvidia *nvidia, gov_nvml_device handle,
                         struct gov_device_id *ret_id)
{
    const struct gov_nvml *nvml = &nvidia->nvml;
    struct gov_device_id id = {.index = -1, .cuda_index = -1};
    struct gov_nvml_pci_v3 pci = {0};
    unsigned index;
    read_uuid(nvidia, handle, id.uuid);
    gov_nvml_device whole = gov_nvidia_parent(nvidia, handle, !strncmp(id.uuid, "MIG-", 4));
    snprintf(id.driver_version, sizeof id.driver_version, "%s", nvidia->driver_version);
    if (nvml->device_pci && !nvml->device_pci(whole, &pci))
        snprintf(id.pci_bus_id, sizeof id.pci_bus_id, "%.31s", pci.bus_id);
    if (nvml->device_index && !nvml->device_index(whole, &index) && index < MOST_GPUS)
        id.index = (int)index;
    if (!nvml->compute_capability ||
        nvml->compute_capability(whole, &id.compute_major, &id.compute_minor))
        id.compute_major = id.compute_minor = 0;
    *ret_id = id;
}

void gov_nvidia_name(struct gov_nvidia *nvidia, gov_nvml_device handle, char name[GOV_LABEL_MAX])
{
    char text[128] = "";
    if (!nvidia->nvml.device_name || nvidia->nvml.device_name(handle, text, sizeof text) || !*text)
        snprintf(text, sizeof text, "NVIDIA GPU");
    text[sizeof text - 1] = 0;
    gov_copy_label(name, text);
}

/* What gov_nvidia_enumerate gathers. */
struct listing {
    struct gov_nvidia *nvidia;
    struct gov_device_entry *entries;
    size_t capacity;
    size_t count;
};

static void list_add(struct listing *listing, gov_nvml_device handle, int index)
{
    if (listing->count++ >= listing->capacity)
        return;
    struct gov_device_entry *entry = &listing->entries[listing->count - 1];
    struct gov_nvidia_memory memory;
    int result;
    *entry = (struct gov_device_entry){.backend = "nvidia"};
    gov_nvidia_identify(listing->nvidia, handle, &entry->id);
    gov_nvidia_name(listing->nvidia, handle, entry->name);
    if (index >= 0) {
        entry->id.index = index;
        snprintf(entry->spec, sizeof entry->spec, "nvidia:%d", index);
    } else {
        snprintf(entry->spec, sizeof entry->spec, "nvidia:%s", entry->id.uuid);
    }
    if (!gov_nvidia_read_memory(listing->nvidia, handle, &memory, &result))
        entry->total_bytes = memory.total_bytes;
}

/* CUDA's order, where there is something to order. */
static void list_cuda_order(struct listing *listing)
{
    size_t count = MIN(listing->count, listing->capacity);
    if (listing->count < 2)
        return;
    for (int ordinal = 0; ordinal < MOST_GPUS; ordinal++) {
        char wanted[UUID_DIGITS + 1], digits[UUID_DIGITS + 1];
        bool hidden;
        if (!cuda_digits(listing->nvidia->cuda_path, ordinal, wanted, &hidden))
            return;
        for (size_t i = 0; i < count; i++) {
            if (uuid_digits(listing->entries[i].id.uuid, digits) && !strcmp(digits, wanted))
                listing->entries[i].id.cuda_index = ordinal;
        }
    }
}

int gov_nvidia_enumerate(const struct gov_device_params *params, struct gov_device_entry *entries,
                         size_t capacity, size_t *ret_count)
{
    struct listing listing = {.entries = entries, .capacity = capacity};
    size_t gpus = 0;
    int error =
        gov_nvidia_open(&params->nvidia, &listing.nvidia, params->reason, params->reason_size);
    if (error)
        return error;
    error = gov_nvidia_count(listing.nvidia, &gpus);
    if (error)
        gov_dl_say(params->reason, params->reason_size, "the NVIDIA driver does not list its GPUs");
    for (unsigned i = 0; !error && i < MIN(gpus, MOST_GPUS); i++) {
        gov_nvml_device handle, mig;
        /* One that has fallen off the bus keeps its number and is not offered. */
        if (listing.nvidia->nvml.device_by_index(i, &handle))
            continue;
        list_add(&listing, handle, (int)i);
        unsigned parts = mig_count(listing.nvidia, handle);
        for (unsigned k = 0; k < parts; k++) {
            if (!listing.nvidia->nvml.mig_by_index(handle, k, &mig))
                list_add(&listing, mig, -1);
        }
    }
    list_cuda_order(&listing);
    gov_nvidia_close(listing.nvidia);
    if (!error)
        *ret_count = listing.count;
    return error;
}
