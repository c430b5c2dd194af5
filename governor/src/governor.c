/*
 * The governor: one lock around the ledger, the last sample and the counters. Decisions use nothing
 * else, so they are the same in a simulation. Reading the device is slow and has a lock of its own
 * (sample_lock, taken first), so that admission never waits for /proc or a driver. Messages are
 * made under the lock and handed out after it.
 */
#include <gov/governor.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "governor_internal.h"
#include "util.h"

int gov_governor_new(const struct gov_config *config, struct gov_device *device,
                     const struct gov_log *log, struct gov_governor **ret_governor)
{
    if (!config || !ret_governor || gov_config_check(config, NULL, 0))
        return GOV_E_INVALID;
    struct gov_governor *g = calloc(1, sizeof *g);
    if (!g)
        return GOV_E_NOMEM;
    g->config = *config;
    g->device = device;
    if (log)
        g->log = *log;
    if (device) {
        struct gov_device_info info;
        gov_device_info(device, &info);
        g->device_is_host = !strcmp(info.backend, "host");
    }
    int error = gov_ledger_new(&g->ledger);
    if (error) {
        free(g);
        return error;
    }
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->sample_lock, NULL);
    *ret_governor = g;
    return GOV_OK;
}

void gov_governor_free(struct gov_governor *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    pthread_mutex_destroy(&g->sample_lock);
    gov_ledger_free(g->ledger);
    free(g->watched);
    free(g);
}

void gov_governor_say(const struct gov_governor *g, const struct gov_messages *messages)
{
    for (size_t i = 0; i < messages->count; i++)
        g->log.write(g->log.context, messages->levels[i], messages->lines[i]);
}

char *gov_governor_message(const struct gov_governor *g, struct gov_messages *messages,
                           enum gov_log_level level)
{
    if (!g->log.write || level < g->log.lowest || messages->count == GOV_MESSAGES_MAX)
        return NULL;
    messages->levels[messages->count] = level;
    return messages->lines[messages->count++];
}

int gov_governor_watch(struct gov_governor *g, int64_t pid)
{
    if (!g || pid <= 0)
        return GOV_E_INVALID;
    int error = GOV_OK;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->watched_count; i++) {
        if (g->watched[i] == pid)
            goto out;
    }
    if (g->watched_count == g->watched_capacity) {
        size_t capacity = g->watched_capacity ? g->watched_capacity * 2 : 8;
        int64_t *grown = realloc(g->watched, capacity * sizeof *grown);
        if (!grown) {
            error = GOV_E_NOMEM;
            goto out;
        }
        g->watched = grown;
        g->watched_capacity = capacity;
    }
    g->watched[g->watched_count++] = pid;
out:
    pthread_mutex_unlock(&g->lock);
    return error;
}

static void unwatch_locked(struct gov_governor *g, int64_t pid)
{
    for (size_t i = 0; i < g->watched_count; i++) {
        if (g->watched[i] == pid) {
            g->watched[i] = g->watched[--g->watched_count];
            return;
        }
    }
}

void gov_governor_unwatch(struct gov_governor *g, int64_t pid)
{
    pthread_mutex_lock(&g->lock);
    unwatch_locked(g, pid);
    pthread_mutex_unlock(&g->lock);
}

static void add_pid(struct gov_process *processes, size_t *count, int64_t pid)
{
    for (size_t i = 0; i < *count; i++) {
        if (processes[i].pid == pid)
            return;
    }
    processes[(*count)++].pid = pid;
}

/* Ours are the watched processes and those that hold leases. */
static int list_processes(struct gov_governor *g, struct gov_process **ret_processes,
                          size_t *ret_count)
{
    int error = GOV_E_NOMEM;
    struct gov_process *processes = NULL;
    pthread_mutex_lock(&g->lock);
    size_t lease_count = gov_ledger_list(g->ledger, NULL, 0), count = 0;
    struct gov_lease *leases = calloc(lease_count + 1, sizeof *leases);
    if (leases)
        processes = calloc(lease_count + g->watched_count + 1, sizeof *processes);
    if (leases && processes) {
        gov_ledger_list(g->ledger, leases, lease_count);
        for (size_t i = 0; i < g->watched_count; i++)
            add_pid(processes, &count, g->watched[i]);
        for (size_t i = 0; i < lease_count; i++) {
            if (leases[i].pid > 0)
                add_pid(processes, &count, leases[i].pid);
        }
        *ret_processes = processes;
        *ret_count = count;
        error = GOV_OK;
    }
    pthread_mutex_unlock(&g->lock);
    free(leases);
    return error;
}

/* -1 when one of them uses an amount that nobody knows: a sum without it would be too low. */
static bool sum_own(const struct gov_process *processes, size_t count, int64_t *ret_own_bytes)
{
    bool known = false;
    int64_t own = 0;
    for (size_t i = 0; i < count; i++) {
        if (processes[i].valid & GOV_PROCESS_USED) {
            own = gov_add_saturated(own, MAX(processes[i].used_bytes, 0));
            known = true;
        } else if (processes[i].valid & GOV_PROCESS_PRESENT) {
            *ret_own_bytes = -1;
            return false;
        }
    }
    *ret_own_bytes = own;
    return known;
}

static int measure(struct gov_governor *g, int64_t now_us, struct gov_process *processes,
                   size_t count, struct gov_sample *ret_sample)
{
    int64_t own = -1;
    int error = gov_device_processes(g->device, true, processes, count);
    if (!error)
        sum_own(processes, count, &own);
    else if (error != GOV_E_UNSUPPORTED)
        return error;
    return gov_device_sample(g->device, now_us, own, ret_sample);
}

int gov_governor_sample(struct gov_governor *g, int64_t now_us, struct gov_sample *ret_sample)
{
    if (!g || !g->device)
        return GOV_E_INVALID;
    struct gov_process *processes = NULL;
    size_t count = 0;
    struct gov_sample sample = {0};
    pthread_mutex_lock(&g->sample_lock);
    int error = list_processes(g, &processes, &count);
    if (!error)
        error = measure(g, now_us, processes, count, &sample);
    if (!error)
        error = gov_governor_feed(g, &sample, processes, count);
    pthread_mutex_unlock(&g->sample_lock);
    free(processes);
    if (!error && ret_sample)
        *ret_sample = sample;
    return error;
}

static void note_fill(struct gov_governor *g, const struct gov_sample *sample)
{
    const double kept = 0.9;
    double rate = 0;
    int64_t passed_us = sample->at_us - g->sample.at_us;
    if (g->has_sample && passed_us > 0 && sample->valid & g->sample.valid & GOV_SAMPLE_USED)
        rate = (double)(sample->used_bytes - g->sample.used_bytes) / (double)passed_us;
    g->fill_bytes_per_us = MAX(g->fill_bytes_per_us * kept, rate);
}

int64_t gov_governor_next_sample_us(struct gov_governor *g)
{
    pthread_mutex_lock(&g->lock);
    int64_t interval = g->config.sample_max_us;
    if (g->has_sample && g->sample.valid & GOV_SAMPLE_FREE && g->fill_bytes_per_us > 0) {
        double quarter = (double)g->sample.free_bytes / g->fill_bytes_per_us / 4;
        if (quarter < (double)interval)
            interval = MAX((int64_t)quarter, g->config.sample_min_us);
    }
    pthread_mutex_unlock(&g->lock);
    return interval;
}

int gov_governor_feed(struct gov_governor *g, const struct gov_sample *sample,
                      const struct gov_process *processes, size_t count)
{
    if (!g || !sample || (count && !processes))
        return GOV_E_INVALID;
    struct gov_sample copy = *sample;
    int64_t own;
    if (!(copy.valid & GOV_SAMPLE_OWN) && sum_own(processes, count, &own))
        gov_sample_set_own(&copy, own);

    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < count; i++) {
        if (processes[i].valid & GOV_PROCESS_USED)
            gov_ledger_measure_pid(g->ledger, processes[i].pid, processes[i].used_bytes);
    }
    note_fill(g, &copy);
    g->sample = copy;
    g->has_sample = true;
    g->samples_count++;
    if (copy.valid & GOV_SAMPLE_USED)
        g->peak_used_bytes = MAX(g->peak_used_bytes, copy.used_bytes);
    if (copy.valid & GOV_SAMPLE_OWN)
        g->peak_own_bytes = MAX(g->peak_own_bytes, copy.own_bytes);
    pthread_mutex_unlock(&g->lock);
    return GOV_OK;
}

int gov_governor_last_sample(struct gov_governor *g, struct gov_sample *ret_sample)
{
    pthread_mutex_lock(&g->lock);
    bool has_sample = g->has_sample;
    if (has_sample)
        *ret_sample = g->sample;
    pthread_mutex_unlock(&g->lock);
    return has_sample ? GOV_OK : GOV_E_NOT_FOUND;
}

int gov_governor_release(struct gov_governor *g, uint64_t lease_id, struct gov_lease *ret_lease)
{
    pthread_mutex_lock(&g->lock);
    int error = gov_ledger_remove(g->ledger, lease_id, ret_lease);
    pthread_mutex_unlock(&g->lock);
    return error;
}

size_t gov_governor_release_pid(struct gov_governor *g, int64_t pid)
{
    pthread_mutex_lock(&g->lock);
    size_t count = gov_ledger_remove_pid(g->ledger, pid);
    unwatch_locked(g, pid);
    pthread_mutex_unlock(&g->lock);
    return count;
}

int gov_governor_bind(struct gov_governor *g, uint64_t lease_id, int64_t pid)
{
    pthread_mutex_lock(&g->lock);
    int error = gov_ledger_bind(g->ledger, lease_id, pid);
    pthread_mutex_unlock(&g->lock);
    return error;
}

int gov_governor_report_peak(struct gov_governor *g, uint64_t lease_id, int64_t peak_bytes)
{
    pthread_mutex_lock(&g->lock);
    int error = gov_ledger_raise_peak(g->ledger, lease_id, peak_bytes);
    pthread_mutex_unlock(&g->lock);
    return error;
}

int gov_governor_resize(struct gov_governor *g, uint64_t lease_id, int64_t granted_bytes)
{
    pthread_mutex_lock(&g->lock);
    struct gov_ledger_stats stats;
    gov_ledger_stats(g->ledger, &stats);
    struct gov_room room = gov_admit_room(&g->config, g->has_sample ? &g->sample : NULL, &stats);
    int64_t limit = room.known ? gov_add_saturated(stats.now_bytes, room.room_bytes) : INT64_MIN;
    int error = gov_ledger_resize(g->ledger, lease_id, granted_bytes, limit);
    pthread_mutex_unlock(&g->lock);
    return error;
}

int gov_governor_lease(struct gov_governor *g, uint64_t lease_id, struct gov_lease *ret_lease)
{
    pthread_mutex_lock(&g->lock);
    int error = gov_ledger_get(g->ledger, lease_id, ret_lease);
    pthread_mutex_unlock(&g->lock);
    return error;
}

size_t gov_governor_leases(struct gov_governor *g, struct gov_lease *leases, size_t capacity)
{
    pthread_mutex_lock(&g->lock);
    size_t count = gov_ledger_list(g->ledger, leases, capacity);
    pthread_mutex_unlock(&g->lock);
    return count;
}

void gov_governor_status(struct gov_governor *g, struct gov_status *ret_status)
{
    memset(ret_status, 0, sizeof *ret_status);
    pthread_mutex_lock(&g->lock);
    ret_status->has_sample = g->has_sample;
    ret_status->sample = g->sample;
    gov_ledger_stats(g->ledger, &ret_status->leases);
    struct gov_room room =
        gov_admit_room(&g->config, g->has_sample ? &g->sample : NULL, &ret_status->leases);
    ret_status->budget = room.budget;
    ret_status->room_bytes = room.room_bytes;
    ret_status->level = g->pressure.level;
    ret_status->paused = g->pressure.paused;
    ret_status->pressure = g->pressure;
    ret_status->peak_used_bytes = g->peak_used_bytes;
    ret_status->peak_own_bytes = g->peak_own_bytes;
    ret_status->samples_count = g->samples_count;
    ret_status->granted_count = g->verdict_count[GOV_GRANTED];
    ret_status->queued_count = g->verdict_count[GOV_QUEUED];
    ret_status->never_count = g->verdict_count[GOV_NEVER];
    ret_status->freed_bytes = g->freed_bytes;
    pthread_mutex_unlock(&g->lock);
}

void gov_governor_reset_peaks(struct gov_governor *g)
{
    pthread_mutex_lock(&g->lock);
    gov_ledger_reset_peak(g->ledger);
    bool used = g->has_sample && g->sample.valid & GOV_SAMPLE_USED;
    bool own = g->has_sample && g->sample.valid & GOV_SAMPLE_OWN;
    g->peak_used_bytes = used ? g->sample.used_bytes : 0;
    g->peak_own_bytes = own ? g->sample.own_bytes : 0;
    pthread_mutex_unlock(&g->lock);
}

bool gov_governor_is_valid(struct gov_governor *g)
{
    pthread_mutex_lock(&g->lock);
    bool valid = gov_ledger_is_valid(g->ledger);
    pthread_mutex_unlock(&g->lock);
    return valid;
}

int gov_governor_check_pressure(struct gov_governor *g, int64_t now_us, int64_t reclaimable_bytes,
                                struct gov_pressure_decision *ret_decision)
{
    if (!g || !ret_decision)
        return GOV_E_INVALID;
    struct gov_messages messages = {0};
    pthread_mutex_lock(&g->lock);
    struct gov_pressure_input input = {
        .now_us = now_us,
        .used_percent = g->has_sample ? gov_sample_used_percent(&g->sample) : -1,
        .reclaimable_bytes = reclaimable_bytes,
    };
    *ret_decision = gov_pressure_step(&g->config.pressure, &g->pressure, &input);
    if (ret_decision->tier != GOV_TIER_NONE) {
        bool urgent = ret_decision->level >= GOV_LEVEL_HIGH;
        char *line = gov_governor_message(g, &messages, urgent ? GOV_LOG_WARNING : GOV_LOG_INFO);
        if (line)
            gov_pressure_line(ret_decision->level, input.used_percent, line, GOV_MESSAGE_SIZE);
    }
    pthread_mutex_unlock(&g->lock);
    gov_governor_say(g, &messages);
    return GOV_OK;
}
