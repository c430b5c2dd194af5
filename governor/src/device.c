/*
 * The validating front of all devices. To know which backends exist, read the table; nothing
 * registers itself. The memory limit is applied here, once, for every kind of device.
 */
#include <gov/device.h>

#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "util.h"

struct gov_device {
    const struct gov_backend *backend;
    void *state;
    int64_t memory_limit_bytes;
    struct gov_device_info info;
};

static const struct gov_backend *const backends[] = {
    &gov_backend_host,
    &gov_backend_sim,
    &gov_backend_nvidia,
    NULL,
};

static const struct gov_device_params default_params;

const char *gov_backend_name(size_t index, const char **ret_summary)
{
    if (index >= sizeof backends / sizeof backends[0] - 1)
        return NULL;
    if (ret_summary)
        *ret_summary = backends[index]->summary;
    return backends[index]->name;
}

static const struct gov_backend *find_backend(const char *spec, const char **ret_argument)
{
    size_t length = strcspn(spec, ":");
    for (size_t i = 0; backends[i]; i++) {
        if (strlen(backends[i]->name) == length && !strncmp(backends[i]->name, spec, length)) {
            *ret_argument = spec[length] ? spec + length + 1 : "";
            return backends[i];
        }
    }
    return NULL;
}

int gov_device_open(const char *spec, const struct gov_device_params *params,
                    struct gov_device **ret_device)
{
    if (!params)
        params = &default_params;
    if (!spec || !*spec || !ret_device || params->memory_limit_bytes < 0)
        return GOV_E_INVALID;
    const char *argument = "";
    const struct gov_backend *backend = find_backend(spec, &argument);
    if (!backend)
        return GOV_E_NO_DEVICE;

    struct gov_device *device = calloc(1, sizeof *device);
    if (!device)
        return GOV_E_NOMEM;
    device->backend = backend;
    device->memory_limit_bytes = params->memory_limit_bytes;
    device->info.id.index = device->info.id.cuda_index = -1;
    int error = backend->open(argument, params, &device->state, &device->info);
    if (error) {
        free(device);
        return error;
    }
    gov_copy_label(device->info.backend, backend->name);
    device->info.has_processes = backend->processes != NULL;
    device->info.can_list = backend->list != NULL;
    struct gov_sample sample = {0};
    if (device->memory_limit_bytes && !backend->sample(device->state, 0, &sample) &&
        sample.valid & GOV_SAMPLE_TOTAL && sample.total_bytes > device->memory_limit_bytes)
        gov_copy_label(device->info.limited_by, "memory limit");
    *ret_device = device;
    return GOV_OK;
}

void gov_device_free(struct gov_device *device)
{
    if (!device)
        return;
    device->backend->close(device->state);
    free(device);
}

void *gov_device_state(const struct gov_device *device, const struct gov_backend *backend)
{
    return device->backend == backend ? device->state : NULL;
}

void gov_device_info(const struct gov_device *device, struct gov_device_info *ret_info)
{
    if (!device || !ret_info)
        return;
    struct gov_device_info info = device->info;
    if (device->backend->refresh)
        device->backend->refresh(device->state, &info);
    *ret_info = info;
}

/* A backend's bug must not become a budget: what makes no sense counts as unknown. */
static void distrust(struct gov_sample *sample)
{
    if (sample->valid & GOV_SAMPLE_TOTAL && sample->total_bytes <= 0)
        sample->valid &= ~(uint32_t)(GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE);
    if (sample->valid & GOV_SAMPLE_USED && sample->used_bytes < 0)
        sample->valid &= ~(uint32_t)GOV_SAMPLE_USED;
    if (sample->valid & GOV_SAMPLE_FREE && sample->free_bytes < 0)
        sample->valid &= ~(uint32_t)GOV_SAMPLE_FREE;
}

int gov_device_sample(struct gov_device *device, int64_t now_us, int64_t own_bytes,
                      struct gov_sample *ret_sample)
{
    if (!device || !ret_sample)
        return GOV_E_INVALID;
    struct gov_sample sample = {0};
    int error = device->backend->sample(device->state, now_us, &sample);
    if (error)
        return error;
    sample.at_us = now_us;
    distrust(&sample);
    if (own_bytes >= 0)
        gov_sample_set_own(&sample, own_bytes);
    gov_sample_apply_limit(&sample, device->memory_limit_bytes);
    *ret_sample = sample;
    return GOV_OK;
}

int gov_device_processes(struct gov_device *device, bool with_children,
                         struct gov_process *processes, size_t count)
{
    if (!device || (count && !processes))
        return GOV_E_INVALID;
    for (size_t i = 0; i < count; i++) {
        if (processes[i].pid <= 0)
            return GOV_E_INVALID;
    }
    if (!device->backend->processes)
        return GOV_E_UNSUPPORTED;
    for (size_t i = 0; i < count; i++)
        processes[i] = (struct gov_process){.pid = processes[i].pid};
    return device->backend->processes(device->state, with_children, processes, count);
}

static int by_size_falling(const void *a, const void *b)
{
    const struct gov_process *x = a, *y = b;
    if (x->used_bytes != y->used_bytes)
        return x->used_bytes < y->used_bytes ? 1 : -1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* All processes, however many: the biggest can only be told when every one is known. */
static int list_all(struct gov_device *device, struct gov_process **ret_processes,
                    size_t *ret_count)
{
    enum { FIRST = 64, MOST = 1 << 22 }; /* no system has more pids than 2^22 */
    struct gov_process *processes = NULL;
    size_t capacity = 0, count = FIRST;
    int error = GOV_OK;
    while (count > capacity && count <= MOST) {
        capacity = count;
        free(processes);
        processes = calloc(capacity, sizeof *processes);
        error = processes ? device->backend->list(device->state, processes, capacity, &count)
                          : GOV_E_NOMEM;
        if (error) {
            free(processes);
            return error;
        }
    }
    *ret_processes = processes;
    *ret_count = MIN(count, capacity);
    return GOV_OK;
}

int gov_device_list_processes(struct gov_device *device, struct gov_process *processes,
                              size_t capacity, size_t *ret_count)
{
    if (!device || !ret_count || (capacity && !processes))
        return GOV_E_INVALID;
    if (!device->backend->list)
        return GOV_E_UNSUPPORTED;
    struct gov_process *all;
    size_t count;
    int error = list_all(device, &all, &count);
    if (error)
        return error;
    qsort(all, count, sizeof *all, by_size_falling);
    if (capacity)
        memcpy(processes, all, MIN(count, capacity) * sizeof *all);
    *ret_count = count;
    free(all);
    return GOV_OK;
}

int gov_device_next_event(struct gov_device *device, struct gov_device_event *ret_event)
{
    if (!device || !ret_event)
        return GOV_E_INVALID;
    if (!device->backend->next_event)
        return GOV_E_UNSUPPORTED;
    return device->backend->next_event(device->state, ret_event);
}

int gov_device_reset_peak(struct gov_device *device, int64_t pid)
{
    if (!device || pid <= 0)
        return GOV_E_INVALID;
    if (!device->backend->reset_peak)
        return GOV_E_UNSUPPORTED;
    return device->backend->reset_peak(device->state, pid);
}

void gov_sample_set_own(struct gov_sample *sample, int64_t own_bytes)
{
    sample->own_bytes = MAX(own_bytes, 0);
    sample->valid |= GOV_SAMPLE_OWN;
    if (!(sample->valid & GOV_SAMPLE_USED))
        return;
    int64_t reserved = sample->valid & GOV_SAMPLE_RESERVED ? sample->reserved_bytes : 0;
    sample->others_bytes = MAX(sample->used_bytes - reserved - sample->own_bytes, 0);
    sample->valid |= GOV_SAMPLE_OTHERS;
}

void gov_sample_apply_limit(struct gov_sample *sample, int64_t limit_bytes)
{
    if (limit_bytes <= 0 || !(sample->valid & GOV_SAMPLE_TOTAL) ||
        sample->total_bytes <= limit_bytes)
        return;
    int64_t own = sample->valid & GOV_SAMPLE_OWN ? sample->own_bytes : 0;
    int64_t left = MAX(limit_bytes - own, 0);
    sample->total_bytes = limit_bytes;
    /* The driver's share lies in the part of the device that the limit cut off. */
    sample->valid &= ~(uint32_t)GOV_SAMPLE_RESERVED;
    if (sample->valid & GOV_SAMPLE_FREE) {
        sample->free_bytes = MIN(sample->free_bytes, left);
        sample->used_bytes = limit_bytes - sample->free_bytes;
        sample->valid |= GOV_SAMPLE_USED;
    } else {
        sample->valid &= ~(uint32_t)GOV_SAMPLE_USED;
    }
    if (sample->valid & GOV_SAMPLE_LARGEST_FREE)
        sample->largest_free_bytes = MIN(sample->largest_free_bytes, left);
    if (sample->valid & GOV_SAMPLE_OWN)
        gov_sample_set_own(sample, own);
}

double gov_sample_used_percent(const struct gov_sample *sample)
{
    uint32_t needed = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED;
    if ((sample->valid & needed) != needed || sample->total_bytes <= 0)
        return -1;
    return 100.0 * (double)sample->used_bytes / (double)sample->total_bytes;
}
