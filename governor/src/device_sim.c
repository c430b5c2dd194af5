/*
 * A small simulated GPU: a capacity, a driver's share, processes that take and give memory, and
 * neighbours that follow a script. It has no clock: time is what the caller says, so the same
 * calls always give the same readings. Pools, granularity and lagging frees are to come here.
 */
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "util.h"

struct sim_preset {
    const char *name;
    int64_t total_bytes;
};

/* What the cards' memory is sold as; the driver's share is left to the caller until measured. */
static const struct sim_preset presets[] = {
    {"rtx3060", INT64_C(12) << 30},
    {"rtx4070", INT64_C(12) << 30},
    {"rtx3090", INT64_C(24) << 30},
    {"rtx4090", INT64_C(24) << 30},
};

struct sim_process {
    int64_t pid;
    int64_t used_bytes;
    int64_t peak_bytes;
};

struct sim {
    int64_t total_bytes;
    int64_t reserved_bytes;
    int64_t taken_bytes; /* sum over processes */
    const struct gov_sim_neighbour *neighbours;
    size_t neighbour_count;
    struct sim_process *processes;
    size_t process_count;
    size_t process_capacity;
};

static int64_t neighbours_at(const struct sim *sim, int64_t now_us)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < sim->neighbour_count; i++) {
        const struct gov_sim_neighbour *n = &sim->neighbours[i];
        if (now_us >= n->at_us && (!n->until_us || now_us < n->until_us))
            bytes = gov_add_saturated(bytes, n->bytes);
    }
    return bytes;
}

/* Neighbours take what is left; they cannot take what we hold. */
static int64_t used_at(const struct sim *sim, int64_t now_us)
{
    int64_t ours = sim->reserved_bytes + sim->taken_bytes;
    return MIN(gov_add_saturated(ours, neighbours_at(sim, now_us)), sim->total_bytes);
}

static int sim_sample(void *state, int64_t now_us, struct gov_sample *ret_sample)
{
    const struct sim *sim = state;
    ret_sample->total_bytes = sim->total_bytes;
    ret_sample->physical_bytes = sim->total_bytes;
    ret_sample->used_bytes = used_at(sim, now_us);
    ret_sample->free_bytes = sim->total_bytes - ret_sample->used_bytes;
    ret_sample->reserved_bytes = sim->reserved_bytes;
    ret_sample->largest_free_bytes = ret_sample->free_bytes;
    ret_sample->valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE | GOV_SAMPLE_RESERVED |
                        GOV_SAMPLE_LARGEST_FREE | GOV_SAMPLE_PHYSICAL;
    return GOV_OK;
}

static struct sim_process *find_process(const struct sim *sim, int64_t pid)
{
    for (size_t i = 0; i < sim->process_count; i++) {
        if (sim->processes[i].pid == pid)
            return &sim->processes[i];
    }
    return NULL;
}

static int sim_processes(void *state, bool with_children, struct gov_process *processes,
                         size_t count)
{
    (void)with_children; /* a simulated process has none */
    const struct sim *sim = state;
    for (size_t i = 0; i < count; i++) {
        const struct sim_process *process = find_process(sim, processes[i].pid);
        if (!process)
            continue;
        processes[i].used_bytes = process->used_bytes;
        processes[i].peak_bytes = process->peak_bytes;
        processes[i].valid = GOV_PROCESS_USED | GOV_PROCESS_PEAK;
    }
    return GOV_OK;
}

static int sim_reset_peak(void *state, int64_t pid)
{
    struct sim_process *process = find_process(state, pid);
    if (!process)
        return GOV_E_NOT_FOUND;
    process->peak_bytes = process->used_bytes;
    return GOV_OK;
}

static struct sim_process *find_or_add_process(struct sim *sim, int64_t pid)
{
    struct sim_process *process = find_process(sim, pid);
    if (process)
        return process;
    if (sim->process_count == sim->process_capacity) {
        size_t capacity = sim->process_capacity ? sim->process_capacity * 2 : 8;
        struct sim_process *grown = realloc(sim->processes, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        sim->processes = grown;
        sim->process_capacity = capacity;
    }
    process = &sim->processes[sim->process_count++];
    *process = (struct sim_process){.pid = pid};
    return process;
}

static int sim_take(void *state, int64_t now_us, int64_t pid, int64_t bytes)
{
    struct sim *sim = state;
    if (bytes > sim->total_bytes - used_at(sim, now_us))
        return GOV_E_DEVICE_NOMEM;
    struct sim_process *process = find_or_add_process(sim, pid);
    if (!process)
        return GOV_E_NOMEM;
    process->used_bytes += bytes;
    process->peak_bytes = MAX(process->peak_bytes, process->used_bytes);
    sim->taken_bytes += bytes;
    return GOV_OK;
}

/* A process that gave everything back is forgotten, so a long simulation does not grow. */
static int sim_give(void *state, int64_t pid, int64_t bytes)
{
    struct sim *sim = state;
    struct sim_process *process = find_process(sim, pid);
    if (!process)
        return GOV_E_NOT_FOUND;
    bool all = bytes < 0;
    bytes = all ? process->used_bytes : MIN(bytes, process->used_bytes);
    process->used_bytes -= bytes;
    sim->taken_bytes -= bytes;
    if (all)
        *process = sim->processes[--sim->process_count];
    return GOV_OK;
}

static void sim_close(void *state)
{
    struct sim *sim = state;
    free(sim->processes);
    free(sim);
}

static int sim_open(const char *argument, const struct gov_device_params *params, void **ret_state,
                    struct gov_device_info *ret_info)
{
    const struct sim_preset *preset = NULL;
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (!strcmp(presets[i].name, argument))
            preset = &presets[i];
    }
    if (!preset && *argument)
        return GOV_E_NO_DEVICE;
    int64_t total = preset ? preset->total_bytes : 0;
    if (params->sim.total_bytes)
        total = params->sim.total_bytes;
    int64_t reserved = params->sim.reserved_bytes;
    if (!total || reserved > total)
        return GOV_E_INVALID;
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        return GOV_E_NOMEM;
    sim->total_bytes = total;
    sim->reserved_bytes = reserved;
    sim->neighbours = params->sim.neighbours;
    sim->neighbour_count = params->sim.neighbour_count;
    gov_copy_label(ret_info->name, preset ? preset->name : "simulated device");
    *ret_state = sim;
    return GOV_OK;
}

const struct gov_backend gov_backend_sim = {
    .name = "sim",
    .summary = "a simulated GPU: sim:rtx3060, sim:rtx3090, sim:rtx4070, sim:rtx4090",
    .open = sim_open,
    .close = sim_close,
    .sample = sim_sample,
    .processes = sim_processes,
    .reset_peak = sim_reset_peak,
    .take = sim_take,
    .give = sim_give,
};
