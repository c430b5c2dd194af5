/*
 * An NVIDIA GPU as a governed device, read through NVML (see device_nvidia_driver.c). One reading
 * of memory and of waiting events per sample, some ten microseconds; the lists of processes take
 * milliseconds and the driver's global lock, so they are read at most once a second of the caller's
 * time and answered from memory in between.
 *
 * A GPU that is lost (it fell off the bus, was reset, the driver was restarted) makes readings fail
 * with DEVICE_LOST. Once a second of the caller's time a reading then starts NVML anew and looks
 * for the same GPU by its UUID, and goes on when it is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "device_nvidia.h"
#include "dl.h"
#include "util.h"

enum {
    LIST_INTERVAL_US = 1000000,
    REOPEN_INTERVAL_US = 1000000, /* starting NVML costs some 20 ms and wakes a sleeping GPU */
    MOST_FAILURES = 3,            /* unexplained ones in a row, then NVML is started anew */
    MOST_GENERATIONS = 64         /* bounds a walk up the process tree */
};

/* Whether less than interval has passed on the caller's clock; without a clock it never has. */
static bool within(int64_t now_us, int64_t then_us, int64_t interval_us)
{
    return now_us > 0 && now_us >= then_us && now_us - then_us < interval_us;
}

static void note_result(struct gov_nvidia_device *device, int error, int result)
{
    if (!error) {
        device->failures = 0;
    } else if (error == GOV_E_DEVICE_LOST || error == GOV_E_NO_DEVICE ||
               result == NVML_UNINITIALIZED || ++device->failures >= MOST_FAILURES) {
        gov_nvidia_lose(device, gov_nvidia_text(device->nvidia, result));
    }
}

/* Finds the same GPU after NVML was started anew: its number may be another now. */
static int find_again(struct gov_nvidia_device *device)
{
    char which[16];
    int cuda_index;
    const char *uuid = device->id.uuid;
    snprintf(which, sizeof which, "%d", MAX(device->id.index, 0));
    return gov_nvidia_find(device->nvidia, *uuid ? uuid : which, &device->handle, &cuda_index, NULL,
                           0);
}

static int recover(struct gov_nvidia_device *device, struct gov_nvidia_memory *ret_memory)
{
    int result;
    if (within(device->now_us, device->tried_at_us, REOPEN_INTERVAL_US))
        return GOV_E_DEVICE_LOST;
    device->tried_at_us = device->now_us;
    gov_nvidia_events_close(device);
    gov_nvidia_stop(device->nvidia);
    if (gov_nvidia_start(device->nvidia, NULL, 0))
        return GOV_E_DEVICE_LOST;
    if (find_again(device) ||
        gov_nvidia_read_memory(device->nvidia, device->handle, ret_memory, &result))
        return GOV_E_DEVICE_LOST;
    struct gov_device_event event = {.kind = GOV_DEVICE_EVENT_RECOVERED, .text = "GPU is back"};
    gov_nvidia_events_open(device);
    device->lost = device->listed = false;
    device->failures = 0;
    gov_nvidia_event_add(device, &event);
    return GOV_OK;
}

static int read_memory(struct gov_nvidia_device *device, struct gov_nvidia_memory *ret_memory)
{
    int result = NVML_OK;
    if (device->lost)
        return recover(device, ret_memory);
    gov_nvidia_events_poll(device);
    if (device->lost)
        return GOV_E_DEVICE_LOST;
    int error = gov_nvidia_read_memory(device->nvidia, device->handle, ret_memory, &result);
    note_result(device, error, result);
    return device->lost ? GOV_E_DEVICE_LOST : error;
}

static int nvidia_sample(void *state, int64_t now_us, struct gov_sample *ret_sample)
{
    struct gov_nvidia_device *device = state;
    struct gov_nvidia_memory memory;
    device->now_us = now_us;
    device->read_since_list = true;
    int error = read_memory(device, &memory);
    if (error)
        return error;
    device->total_bytes = memory.total_bytes;
    ret_sample->total_bytes = ret_sample->physical_bytes = memory.total_bytes;
    ret_sample->free_bytes = memory.free_bytes;
    ret_sample->used_bytes = memory.used_bytes;
    ret_sample->valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE | GOV_SAMPLE_PHYSICAL;
    if (memory.reserved_bytes >= 0) {
        ret_sample->reserved_bytes = memory.reserved_bytes;
        ret_sample->valid |= GOV_SAMPLE_RESERVED;
    }
    return GOV_OK;
}

/* Who asks again without a reading in between has his own pace and means it. */
static bool list_is_fresh(const struct gov_nvidia_device *device)
{
    return device->listed && device->read_since_list &&
           within(device->now_us, device->listed_at_us, LIST_INTERVAL_US);
}

static int read_list(struct gov_nvidia_device *device)
{
    if (device->lost)
        return GOV_E_DEVICE_LOST;
    if (list_is_fresh(device))
        return device->list_error;
    int error = gov_nvidia_list_users(device->nvidia, device->handle, device->total_bytes,
                                      &device->users, &device->list_note);
    device->list_error = error;
    device->listed = true;
    device->read_since_list = false;
    device->listed_at_us = device->now_us;
    if (error == GOV_E_DEVICE_LOST)
        gov_nvidia_lose(device, "the driver says so");
    return error;
}

static struct gov_process *find_process(struct gov_process *processes, size_t count, int64_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (processes[i].pid == pid)
            return &processes[i];
    }
    return NULL;
}

/* The process asked about that this one is, or descends from; the nearest. */
static struct gov_process *find_owner(const struct gov_nvidia_pids *pids, int64_t pid,
                                      bool with_children, struct gov_process *processes,
                                      size_t count)
{
    for (int i = 0; pid > 1 && i < MOST_GENERATIONS; i++) {
        int64_t here = gov_nvidia_pid_here(pids, pid);
        struct gov_process *process = here > 0 ? find_process(processes, count, here) : NULL;
        if (process || !with_children)
            return process;
        pid = gov_nvidia_pid_parent(pids, pid);
    }
    return NULL;
}

/* Adds up what is known; PRESENT without USED is an amount nobody knows. */
static bool credit(const struct gov_nvidia_device *device, bool with_children,
                   struct gov_process *processes, size_t count)
{
    bool matched = false;
    for (size_t i = 0; i < device->users.count; i++) {
        const struct gov_nvidia_user *user = &device->users.items[i];
        struct gov_process *process =
            find_owner(&device->pids, user->pid, with_children, processes, count);
        if (!process)
            continue;
        matched = true;
        bool known = user->known && (!process->valid || process->valid & GOV_PROCESS_USED);
        process->used_bytes = known ? gov_add_saturated(process->used_bytes, user->used_bytes) : 0;
        process->valid = GOV_PROCESS_PRESENT | (known ? GOV_PROCESS_USED : 0);
    }
    return matched;
}

static const char foreign_note[] =
    "the driver's process ids are of another pid namespace, or may be";

/* Whether the driver's numbers can be ours at all; see device_nvidia_pids.c. */
static bool numbers_exist(const struct gov_nvidia_device *device)
{
    const struct gov_nvidia_pids *pids = &device->pids;
    if (!pids->foreign_possible || pids->own_level > 1)
        return true;
    for (size_t i = 0; i < device->users.count; i++) {
        if (!gov_nvidia_pid_exists(pids, device->users.items[i].pid))
            return false;
    }
    return true;
}

/* Nothing can be said of them, except of those that have ended. */
static void mark_unknown(const struct gov_nvidia_pids *pids, struct gov_process *processes,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t pid = processes[i].pid;
        bool gone = pids->own_level == 1 && !gov_nvidia_pid_exists(pids, pid);
        processes[i] = (struct gov_process){.pid = pid, .valid = gone ? 0 : GOV_PROCESS_PRESENT};
    }
}

/*
 * A list that fails is no error here but amounts that nobody knows: who then read no memory either
 * would learn less, and a lost GPU is found again by reading.
 */
static int nvidia_processes(void *state, bool with_children, struct gov_process *processes,
                            size_t count)
{
    struct gov_nvidia_device *device = state;
    struct gov_nvidia_pids *pids = &device->pids;
    int error = read_list(device);
    if (error == GOV_E_NOMEM)
        return error;
    bool possible = !error && numbers_exist(device);
    if (possible && credit(device, with_children, processes, count))
        pids->confirmed = true;
    bool ours = !pids->foreign_possible || pids->own_level > 1 || pids->confirmed;
    if (possible && ours)
        return GOV_OK;
    mark_unknown(pids, processes, count);
    if (!error && count)
        device->list_note = foreign_note;
    return GOV_OK;
}

static int nvidia_list(void *state, struct gov_process *processes, size_t capacity,
                       size_t *ret_count)
{
    struct gov_nvidia_device *device = state;
    int error = read_list(device);
    if (error)
        return error;
    for (size_t i = 0; i < MIN(capacity, device->users.count); i++) {
        const struct gov_nvidia_user *user = &device->users.items[i];
        processes[i] = (struct gov_process){.pid = user->pid, .valid = GOV_PROCESS_PRESENT};
        if (user->known) {
            processes[i].used_bytes = user->used_bytes;
            processes[i].valid |= GOV_PROCESS_USED;
        }
    }
    *ret_count = device->users.count;
    return GOV_OK;
}

static int nvidia_next_event(void *state, struct gov_device_event *ret_event)
{
    struct gov_nvidia_device *device = state;
    if (!device->event_count)
        return GOV_E_NOT_FOUND;
    *ret_event = device->waiting[device->first_event];
    device->first_event = (device->first_event + 1) % NVIDIA_EVENTS_KEPT;
    device->event_count--;
    return GOV_OK;
}

static void nvidia_refresh(const void *state, struct gov_device_info *info)
{
    const struct gov_nvidia_device *device = state;
    const char *note = device->list_note ? device->list_note : "";
    info->id = device->id;
    snprintf(info->process_note, sizeof info->process_note, "%s", note);
}

static void nvidia_close(void *state)
{
    struct gov_nvidia_device *device = state;
    if (device->nvidia)
        gov_nvidia_events_close(device);
    gov_nvidia_close(device->nvidia);
    gov_nvidia_users_done(&device->users);
    free(device);
}

/* Everything after the allocation; the caller closes the device when this fails. */
static int set_up(struct gov_nvidia_device *device, const char *argument,
                  const struct gov_device_params *params)
{
    struct gov_nvidia_memory memory;
    int cuda_index, result;
    int error = gov_nvidia_pids_init(&device->pids, params->nvidia.proc_path);
    if (!error)
        error =
            gov_nvidia_open(&params->nvidia, &device->nvidia, params->reason, params->reason_size);
    if (!error)
        error = gov_nvidia_find(device->nvidia, argument, &device->handle, &cuda_index,
                                params->reason, params->reason_size);
    if (error)
        return error;
    gov_nvidia_identify(device->nvidia, device->handle, &device->id);
    device->id.cuda_index = cuda_index;
    device->is_mig = !strncmp(device->id.uuid, "MIG-", 4);
    error = gov_nvidia_read_memory(device->nvidia, device->handle, &memory, &result);
    if (error == GOV_E_UNSUPPORTED)
        gov_dl_say(params->reason, params->reason_size,
                   "this GPU has no memory of its own: govern the host's");
    else if (error)
        gov_dl_say(params->reason, params->reason_size, "the GPU's memory cannot be read: %s",
                   gov_nvidia_text(device->nvidia, result));
    if (error)
        return error;
    device->total_bytes = memory.total_bytes;
    gov_nvidia_events_open(device);
    return GOV_OK;
}

static int nvidia_open(const char *argument, const struct gov_device_params *params,
                       void **ret_state, struct gov_device_info *ret_info)
{
    struct gov_nvidia_device *device = calloc(1, sizeof *device);
    if (!device)
        return GOV_E_NOMEM;
    int error = set_up(device, argument, params);
    if (error) {
        nvidia_close(device);
        return error;
    }
    gov_nvidia_name(device->nvidia, device->handle, ret_info->name);
    ret_info->process_interval_us = LIST_INTERVAL_US;
    *ret_state = device;
    return GOV_OK;
}

const struct gov_backend gov_backend_nvidia = {
    .name = "nvidia",
    .summary = "an NVIDIA GPU: nvidia, nvidia:0, nvidia:cuda:0, nvidia:GPU-uuid, nvidia:PCI-id",
    .open = nvidia_open,
    .close = nvidia_close,
    .sample = nvidia_sample,
    .processes = nvidia_processes,
    .refresh = nvidia_refresh,
    .list = nvidia_list,
    .next_event = nvidia_next_event,
};
