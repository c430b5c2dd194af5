/*
 * What can be opened here. The host and the GPUs are asked; each kind adds what it has, and one
 * without a driver adds nothing.
 */
#include <stdio.h>

#include <gov/sim.h>

#include "device_nvidia.h"
#include "util.h"

/* The host is always there; how much memory it has is left unknown when it cannot be read. */
static void add_host(const struct gov_device_params *params, struct gov_device_entry *entries,
                     size_t capacity, size_t *count)
{
    if ((*count)++ >= capacity)
        return;
    struct gov_device_entry *entry = &entries[*count - 1];
    struct gov_device *device;
    struct gov_device_info info = {.name = "host memory"};
    struct gov_sample sample;
    *entry = (struct gov_device_entry){.spec = "host", .backend = "host"};
    entry->id.index = entry->id.cuda_index = -1;
    if (!gov_device_open("host", params, &device)) {
        gov_device_info(device, &info);
        if (!gov_device_sample(device, 0, -1, &sample) && sample.valid & GOV_SAMPLE_TOTAL)
            entry->total_bytes = sample.total_bytes;
        gov_device_free(device);
    }
    gov_copy_label(entry->name, info.name);
}

static void add_simulated(struct gov_device_entry *entries, size_t capacity, size_t *count)
{
    const struct gov_sim_preset *preset;
    for (size_t i = 0; (preset = gov_sim_preset(i)); i++) {
        if ((*count)++ >= capacity)
            continue;
        struct gov_device_entry *entry = &entries[*count - 1];
        *entry = (struct gov_device_entry){.backend = "sim", .total_bytes = preset->total_bytes};
        entry->id.index = entry->id.cuda_index = -1;
        snprintf(entry->spec, sizeof entry->spec, "sim:%s", preset->name);
        snprintf(entry->name, sizeof entry->name, "simulated %s", preset->title);
    }
}

int gov_device_list(const struct gov_device_params *params, struct gov_device_entry *entries,
                    size_t capacity, size_t *ret_count)
{
    static const struct gov_device_params defaults;
    if (!params)
        params = &defaults;
    if (!ret_count || (capacity && !entries))
        return GOV_E_INVALID;
    size_t count = 0, gpus = 0;
    add_host(params, entries, capacity, &count);
    add_simulated(entries, capacity, &count);
    size_t room = capacity - MIN(count, capacity);
    int error = gov_nvidia_enumerate(params, room ? entries + count : NULL, room, &gpus);
    if (error == GOV_E_NOMEM || error == GOV_E_INVALID)
        return error;
    *ret_count = count + (error ? 0 : gpus);
    return GOV_OK;
}
