/*
 * The simulated GPU: capacity, the driver's share, processes with their contexts, frees that lag,
 * neighbours, pools, faults. It has no clock: time is what the caller says, so the same calls
 * always give the same readings.
 *
 *   used = reserved + what processes hold + what is on its way back + neighbours' share of the rest
 *
 * Memory on its way back is neither shown as free nor given to anyone: a driver tears a context
 * down for up to seconds after the process is gone, and who starts the next one meanwhile runs out
 * of memory. Taking into account only the reading's lag would let that mistake pass here.
 *
 * The largest free block is all that is free, in whole granules: CUDA maps physical pages behind
 * one range of addresses, so the device has no holes. Holes are in pools (device_sim_pool.c).
 *
 * A reading costs a few additions: sums are kept, not computed. Processes are searched linearly;
 * a card has a dozen.
 */
#include "device_sim.h"

#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "util.h"

/* cuMemAlloc and cuMemCreate hand out multiples of this on every card since Pascal. */
#define GPU_GRANULARITY_BYTES (INT64_C(2) << 20)
/* A plain card of some size: the driver's share and context of a small consumer card. */
#define PLAIN_CONTEXT_BYTES    (INT64_C(240) << 20)
#define PLAIN_RESERVED_DIVISOR 50 /* 2 % of the memory, as of the 8 to 16 GB cards in the table */
#define SMALLEST_PLAIN_BYTES   (64 * GOV_MB)
#define LARGEST_BYTES          (INT64_C(1) << 60) /* keeps every sum of a few of them within int64_t */

struct sim *gov_sim_of(const struct gov_device *device)
{
    return gov_device_state(device, &gov_backend_sim);
}

static void collect_lags(struct sim *sim)
{
    while (sim->lag_count && sim->lags[sim->lag_first].due_us <= sim->now_us) {
        sim->lagging_bytes -= sim->lags[sim->lag_first].bytes;
        sim->lag_first = (sim->lag_first + 1) % SIM_LAGS_MAX;
        sim->lag_count--;
    }
}

void gov_sim_pass_time(struct sim *sim, int64_t now_us)
{
    if (now_us > sim->now_us)
        sim->now_us = now_us;
    collect_lags(sim);
    gov_sim_script_step(sim);
}

/* When the ring is full the newest entry waits for the later due time: never back too early. */
void gov_sim_uncharge(struct sim *sim, int64_t bytes)
{
    sim->taken_bytes -= bytes;
    if (!sim->lag_us || !bytes)
        return;
    int64_t due = gov_add_saturated(sim->now_us, sim->lag_us);
    size_t newest = (sim->lag_first + sim->lag_count + SIM_LAGS_MAX - 1) % SIM_LAGS_MAX;
    bool join =
        sim->lag_count && (sim->lags[newest].due_us == due || sim->lag_count == SIM_LAGS_MAX);
    if (!join) {
        newest = (sim->lag_first + sim->lag_count++) % SIM_LAGS_MAX;
        sim->lags[newest].bytes = 0;
    }
    sim->lags[newest].due_us = due;
    sim->lags[newest].bytes += bytes;
    sim->lagging_bytes += bytes;
}

int64_t gov_sim_round(const struct sim *sim, int64_t bytes)
{
    int64_t rest = bytes % sim->granularity_bytes;
    return rest ? gov_add_saturated(bytes, sim->granularity_bytes - rest) : bytes;
}

static int64_t free_now(const struct sim *sim)
{
    int64_t room = gov_sim_room(sim);
    return room - MIN(room, sim->wished_bytes);
}

static int sim_sample(void *state, int64_t now_us, struct gov_sample *ret_sample)
{
    struct sim *sim = state;
    gov_sim_pass_time(sim, now_us);
    int error = gov_sim_enter(sim, GOV_SIM_CALL_SAMPLE);
    gov_sim_notice(sim, error);
    if (error)
        return error;
    ret_sample->total_bytes = sim->total_bytes;
    ret_sample->physical_bytes = sim->total_bytes;
    ret_sample->free_bytes = free_now(sim);
    ret_sample->used_bytes = sim->total_bytes - ret_sample->free_bytes;
    ret_sample->reserved_bytes = sim->reserved_bytes;
    ret_sample->largest_free_bytes =
        ret_sample->free_bytes - ret_sample->free_bytes % sim->granularity_bytes;
    ret_sample->valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE | GOV_SAMPLE_RESERVED |
                        GOV_SAMPLE_LARGEST_FREE | GOV_SAMPLE_PHYSICAL;
    return GOV_OK;
}

struct sim_process *gov_sim_find_process(const struct sim *sim, int64_t pid)
{
    for (size_t i = 0; i < sim->process_count; i++) {
        if (sim->processes[i].pid == pid)
            return &sim->processes[i];
    }
    return NULL;
}

int64_t gov_sim_process_bytes(const struct sim_process *process)
{
    return process->context_bytes + process->direct_bytes + process->pool_bytes;
}

/* A script may name one of our own pids: a leak. Its peak is then not known. */
static int sim_processes(void *state, bool with_children, struct gov_process *processes,
                         size_t count)
{
    (void)with_children; /* a simulated process has none */
    struct sim *sim = state;
    int error = gov_sim_enter(sim, GOV_SIM_CALL_PROCESSES);
    if (sim->lost)
        gov_sim_notice(sim, error); /* who asks for processes first may never come to sampling */
    if (error)
        return error;
    for (size_t i = 0; i < count; i++) {
        bool scripted;
        const struct sim_process *process = gov_sim_find_process(sim, processes[i].pid);
        int64_t bytes = gov_sim_script_bytes(sim, processes[i].pid, &scripted);
        if (!process && !scripted)
            continue;
        processes[i].used_bytes = bytes + (process ? gov_sim_process_bytes(process) : 0);
        processes[i].valid = GOV_PROCESS_USED;
        if (process && !scripted) {
            processes[i].peak_bytes = process->peak_bytes;
            processes[i].valid |= GOV_PROCESS_PEAK;
        }
    }
    return GOV_OK;
}

static int sim_list(void *state, struct gov_process *processes, size_t capacity, size_t *ret_count)
{
    struct sim *sim = state;
    int error = gov_sim_enter(sim, GOV_SIM_CALL_PROCESSES);
    if (error)
        return error;
    size_t n = 0;
    for (size_t i = 0; i < sim->process_count; i++, n++) {
        const struct sim_process *p = &sim->processes[i];
        if (n < capacity)
            processes[n] = (struct gov_process){.pid = p->pid,
                                                .valid = GOV_PROCESS_USED | GOV_PROCESS_PEAK,
                                                .used_bytes = gov_sim_process_bytes(p),
                                                .peak_bytes = p->peak_bytes};
    }
    int64_t room = gov_sim_room(sim);
    for (size_t i = 0; i < sim->active_count; i++) {
        struct gov_process found = {.valid = GOV_PROCESS_USED};
        found.used_bytes = gov_sim_script_share(sim, i, &room, &found.pid);
        size_t same = 0;
        while (same < MIN(n, capacity) && processes[same].pid != found.pid)
            same++;
        if (same < MIN(n, capacity)) {
            processes[same].used_bytes += found.used_bytes;
            processes[same].valid = GOV_PROCESS_USED;
            continue;
        }
        if (n < capacity)
            processes[n] = found;
        n++;
    }
    *ret_count = n;
    return GOV_OK;
}

static int sim_reset_peak(void *state, int64_t pid)
{
    struct sim_process *process = gov_sim_find_process(state, pid);
    if (!process)
        return GOV_E_NOT_FOUND;
    process->peak_bytes = gov_sim_process_bytes(process);
    return GOV_OK;
}

static int grow_processes(struct sim *sim)
{
    if (sim->process_count < sim->process_capacity)
        return GOV_OK;
    size_t capacity = sim->process_capacity ? sim->process_capacity * 2 : 8;
    struct sim_process *grown = realloc(sim->processes, capacity * sizeof *grown);
    if (!grown)
        return GOV_E_NOMEM;
    sim->processes = grown;
    sim->process_capacity = capacity;
    return GOV_OK;
}

int gov_sim_charge(struct sim *sim, int64_t pid, int64_t bytes, struct sim_process **ret_process)
{
    struct sim_process *process = gov_sim_find_process(sim, pid);
    int64_t context = process ? 0 : sim->context_bytes;
    if (gov_add_saturated(bytes, context) > free_now(sim))
        return GOV_E_DEVICE_NOMEM;
    if (!process) {
        int error = grow_processes(sim);
        if (error)
            return error;
        process = &sim->processes[sim->process_count++];
        *process = (struct sim_process){.pid = pid, .context_bytes = context};
    }
    sim->taken_bytes += bytes + context;
    *ret_process = process;
    return GOV_OK;
}

int gov_sim_take(struct gov_device *device, int64_t now_us, int64_t pid, int64_t bytes)
{
    if (!device || pid <= 0 || bytes < 0)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    gov_sim_pass_time(sim, now_us);
    int error = gov_sim_enter(sim, GOV_SIM_CALL_TAKE);
    if (error)
        return error;
    bytes = gov_sim_round(sim, bytes);
    struct sim_process *process;
    error = gov_sim_charge(sim, pid, bytes, &process);
    if (error)
        return error;
    process->direct_bytes += bytes;
    process->peak_bytes = MAX(process->peak_bytes, gov_sim_process_bytes(process));
    return GOV_OK;
}

/* A process that ended is forgotten, so a long simulation does not grow. */
int gov_sim_give(struct gov_device *device, int64_t pid, int64_t bytes)
{
    if (!device || pid <= 0)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    struct sim_process *process = gov_sim_find_process(sim, pid);
    if (!process)
        return GOV_E_NOT_FOUND;
    if (bytes >= 0) {
        bytes = MIN(gov_sim_round(sim, bytes), process->direct_bytes);
        process->direct_bytes -= bytes;
        gov_sim_uncharge(sim, bytes);
        return GOV_OK;
    }
    gov_sim_uncharge(sim, gov_sim_process_bytes(process));
    gov_sim_drop_pools(sim, pid);
    *process = sim->processes[--sim->process_count];
    return GOV_OK;
}

int gov_sim_advance(struct gov_device *device, int64_t now_us)
{
    if (!device)
        return GOV_E_INVALID;
    struct sim *sim = gov_sim_of(device);
    if (!sim)
        return GOV_E_UNSUPPORTED;
    gov_sim_pass_time(sim, now_us);
    return GOV_OK;
}

static bool pool_is_valid(const struct sim_pool *pool, int64_t *ret_held)
{
    int64_t held = 0, end = 0;
    for (size_t i = 0; i < pool->chunk_count; i++) {
        const struct sim_chunk *chunk = &pool->chunks[i];
        int64_t live = 0, slice_end = 0;
        for (size_t k = 0; k < chunk->slice_count; k++) {
            if (chunk->slices[k].offset < slice_end || chunk->slices[k].bytes <= 0)
                return false;
            slice_end = chunk->slices[k].offset + chunk->slices[k].bytes;
            live += chunk->slices[k].bytes;
        }
        if (chunk->base < end || slice_end > chunk->bytes || live != chunk->live_bytes ||
            chunk->largest_gap_bytes > chunk->bytes - live)
            return false;
        end = chunk->base + chunk->bytes;
        held += chunk->bytes;
    }
    *ret_held = held;
    return true;
}

bool gov_sim_is_valid(const struct gov_device *device)
{
    const struct sim *sim = device ? gov_sim_of(device) : NULL;
    if (!sim)
        return false;
    int64_t taken = 0, in_pools = 0, lagging = 0;
    for (size_t i = 0; i < sim->process_count; i++) {
        const struct sim_process *p = &sim->processes[i];
        if (p->direct_bytes < 0 || p->pool_bytes < 0 || p->peak_bytes < gov_sim_process_bytes(p))
            return false;
        taken += gov_sim_process_bytes(p);
        in_pools += p->pool_bytes;
    }
    for (size_t i = 0; i < sim->pool_count; i++) {
        int64_t held;
        if (!pool_is_valid(&sim->pools[i], &held))
            return false;
        in_pools -= held;
    }
    for (size_t i = 0; i < sim->lag_count; i++)
        lagging += sim->lags[(sim->lag_first + i) % SIM_LAGS_MAX].bytes;
    return taken == sim->taken_bytes && in_pools == 0 && lagging == sim->lagging_bytes &&
           gov_sim_room(sim) >= 0 && free_now(sim) >= 0;
}

static void sim_close(void *state)
{
    struct sim *sim = state;
    gov_sim_drop_pools(sim, -1);
    gov_sim_script_done(sim);
    free(sim->pools);
    free(sim->processes);
    free(sim);
}

/* "8GB", "7.5GiB", "512MB": digits, at most three of a fraction, unit. */
static bool parse_size(const char *text, int64_t *ret_bytes)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"GB", GOV_GB}, {"GiB", INT64_C(1) << 30}, {"MB", GOV_MB}, {"MiB", 1 << 20}};
    int64_t whole, thousandths = 0;
    if (*text < '0' || *text > '9' || !gov_parse_i64(&text, &whole))
        return false;
    if (*text == '.') {
        int64_t place = 100;
        for (text++; place && *text >= '0' && *text <= '9'; text++, place /= 10)
            thousandths += (*text - '0') * place;
        if (place == 100)
            return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (whole >= LARGEST_BYTES / units[i].bytes)
            return false;
        *ret_bytes = whole * units[i].bytes + thousandths * (units[i].bytes / 1000);
        return *ret_bytes >= SMALLEST_PLAIN_BYTES;
    }
    return false;
}

static const struct gov_sim_preset *find_preset(const char *name)
{
    const struct gov_sim_preset *preset;
    for (size_t i = 0; (preset = gov_sim_preset(i)); i++) {
        if (!strcmp(preset->name, name))
            return preset;
    }
    return NULL;
}

/* What the spec says; params may override it. */
static int read_spec(const char *argument, struct sim *sim, struct gov_device_info *info)
{
    sim->granularity_bytes = 1;
    gov_copy_label(info->name, "simulated device");
    if (!*argument)
        return GOV_OK;
    sim->granularity_bytes = GPU_GRANULARITY_BYTES;
    const struct gov_sim_preset *preset = find_preset(argument);
    if (preset) {
        sim->total_bytes = preset->total_bytes;
        sim->reserved_bytes = preset->reserved_bytes;
        sim->context_bytes = preset->context_bytes;
    } else {
        if (!parse_size(argument, &sim->total_bytes))
            return GOV_E_NO_DEVICE;
        sim->reserved_bytes = sim->total_bytes / PLAIN_RESERVED_DIVISOR;
        sim->context_bytes = MIN(PLAIN_CONTEXT_BYTES, sim->total_bytes / 8);
    }
    char name[GOV_LABEL_MAX] = "simulated ";
    size_t length = strlen(name);
    for (const char *p = argument; *p && length < sizeof name - 1; p++)
        name[length++] = *p;
    name[length] = 0;
    gov_copy_label(info->name, name);
    return GOV_OK;
}

static void override(int64_t *value, int64_t param, int64_t none)
{
    if (param)
        *value = param < 0 ? none : param;
}

static int configure(const char *argument, const struct gov_sim_params *params, struct sim *sim,
                     struct gov_device_info *info)
{
    int error = read_spec(argument, sim, info);
    if (error)
        return error;
    override(&sim->total_bytes, params->total_bytes, 0);
    override(&sim->reserved_bytes, params->reserved_bytes, 0);
    override(&sim->context_bytes, params->context_bytes, 0);
    override(&sim->granularity_bytes, params->granularity_bytes, 1);
    sim->lag_us = params->lag_us;
    if (sim->total_bytes <= 0 || sim->total_bytes > LARGEST_BYTES ||
        sim->reserved_bytes > sim->total_bytes || sim->lag_us < 0 ||
        !gov_sim_script_is_valid(params))
        return GOV_E_INVALID;
    sim->now_us = INT64_MIN;
    sim->wish_until_us = INT64_MIN;
    return gov_sim_script_init(sim, params);
}

static int sim_open(const char *argument, const struct gov_device_params *params, void **ret_state,
                    struct gov_device_info *ret_info)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        return GOV_E_NOMEM;
    int error = configure(argument, &params->sim, sim, ret_info);
    if (error) {
        sim_close(sim);
        return error;
    }
    *ret_state = sim;
    return GOV_OK;
}

const struct gov_backend gov_backend_sim = {
    .name = "sim",
    .summary = "a simulated GPU: sim:rtx3060 and other cards, sim:8GB",
    .open = sim_open,
    .close = sim_close,
    .sample = sim_sample,
    .processes = sim_processes,
    .list = sim_list,
    .next_event = gov_sim_next_event,
    .reset_peak = sim_reset_peak,
};
