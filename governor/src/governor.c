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
        gov_copy_label(g->device_name, info.name);
    }
    int error = gov_ledger_new(&g->ledger);
    if (error) {
        free(g);
        return error;
    }
    g->pauses.since_us = -1;
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
    if (error) {
        pthread_mutex_lock(&g->lock);
        g->samples_failed_count++;
        pthread_mutex_unlock(&g->lock);
    }
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
    gov_governor_note_sample(g);
    gov_governor_changed(g);
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

static int release_locked(struct gov_governor *g, uint64_t lease_id, struct gov_lease *ret_lease)
{
    int error = gov_ledger_remove(g->ledger, lease_id, ret_lease);
    if (error)
        return error;
    g->released_count++;
    gov_governor_record_lease(g, GOV_EVENT_LEASE_RELEASED, ret_lease, GOV_REASON_FITS, -1);
    return GOV_OK;
}

int gov_governor_release(struct gov_governor *g, uint64_t lease_id, struct gov_lease *ret_lease)
{
    struct gov_lease lease;
    pthread_mutex_lock(&g->lock);
    int error = release_locked(g, lease_id, &lease);
    gov_governor_changed(g);
    pthread_mutex_unlock(&g->lock);
    if (!error && ret_lease)
        *ret_lease = lease;
    return error;
}

size_t gov_governor_release_pid(struct gov_governor *g, int64_t pid)
{
    size_t count = 0;
    struct gov_lease lease;
    pthread_mutex_lock(&g->lock);
    while (!gov_ledger_find_pid(g->ledger, pid, &lease) && !release_locked(g, lease.id, &lease))
        count++;
    unwatch_locked(g, pid);
    gov_governor_changed(g);
    pthread_mutex_unlock(&g->lock);
    return count;
}

int gov_governor_bind(struct gov_governor *g, uint64_t lease_id, int64_t pid)
{
    pthread_mutex_lock(&g->lock);
    int error = gov_ledger_bind(g->ledger, lease_id, pid);
    gov_governor_changed(g);
    pthread_mutex_unlock(&g->lock);
    return error;
}

int gov_governor_report_peak(struct gov_governor *g, uint64_t lease_id, int64_t peak_bytes)
{
    pthread_mutex_lock(&g->lock);
    int error = gov_ledger_raise_peak(g->ledger, lease_id, peak_bytes);
    gov_governor_changed(g);
    pthread_mutex_unlock(&g->lock);
    return error;
}

int gov_governor_resize(struct gov_governor *g, uint64_t lease_id, int64_t granted_bytes)
{
    pthread_mutex_lock(&g->lock);
    struct gov_ledger_stats stats;
    gov_ledger_stats(g->ledger, &stats);
    struct gov_room room = gov_governor_room(g);
    int64_t limit = room.known ? gov_add_saturated(stats.now_bytes, room.room_bytes) : INT64_MIN;
    struct gov_lease lease;
    /* What it holds beyond its lease is taken already, and is not asked for once more. */
    if (room.known && !gov_ledger_get(g->ledger, lease_id, &lease))
        limit = gov_add_saturated(limit, MAX(lease.current_bytes - lease.granted_bytes, 0));
    int error = gov_ledger_resize(g->ledger, lease_id, granted_bytes, limit);
    if (!error && !gov_ledger_get(g->ledger, lease_id, &lease)) {
        g->resized_count++;
        gov_governor_record_lease(g, GOV_EVENT_LEASE_RESIZED, &lease, GOV_REASON_FITS,
                                  room.room_bytes);
    }
    gov_governor_changed(g);
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

int gov_governor_note_oom(struct gov_governor *g, const struct gov_oom *oom)
{
    if (!g || !oom)
        return GOV_E_INVALID;
    struct gov_event event = {.kind = GOV_EVENT_OOM};
    struct gov_event_oom *out = &event.u.oom;
    struct gov_lease lease = {0};
    pthread_mutex_lock(&g->lock);
    gov_governor_note_time(g, oom->now_us);
    g->ooms_count++;
    g->wanted_bytes = oom->wanted_bytes > 0 ? oom->wanted_bytes : INT64_MAX;
    bool has_lease = oom->lease || !gov_ledger_get(g->ledger, oom->lease_id, &lease);
    if (oom->lease)
        lease = *oom->lease;
    uint32_t valid = g->has_sample ? g->sample.valid : 0;
    event.at_us = g->now_us;
    out->lease_id = oom->lease_id;
    out->wanted_bytes = oom->wanted_bytes > 0 ? oom->wanted_bytes : -1;
    out->leased_bytes = has_lease ? lease.granted_bytes : -1;
    out->used_bytes = valid & GOV_SAMPLE_USED ? g->sample.used_bytes : -1;
    out->free_bytes = valid & GOV_SAMPLE_FREE ? g->sample.free_bytes : -1;
    out->batch = oom->batch;
    gov_copy_text(out->owner, sizeof out->owner, oom->owner ? oom->owner : lease.owner);
    gov_copy_text(out->stage, sizeof out->stage, oom->stage ? oom->stage : lease.stage);
    gov_recorder_add(g->recorder, &event);
    gov_governor_changed(g);
    pthread_mutex_unlock(&g->lock);
    return GOV_OK;
}

static void note_decision(struct gov_governor *g, const struct gov_pressure_decision *decision,
                          double used_percent)
{
    struct gov_pause_stats *pauses = &g->pauses;
    if (decision->level != decision->previous) {
        struct gov_event event = {.at_us = g->now_us, .kind = GOV_EVENT_LEVEL};
        event.u.level = (struct gov_event_level){decision->level, decision->previous, used_percent};
        gov_recorder_add(g->recorder, &event);
    }
    if (decision->pause) {
        pauses->count++;
        pauses->since_us = g->now_us;
        gov_recorder_pause(g->recorder, g->now_us, true);
    }
    if (decision->resume && pauses->since_us >= 0) {
        int64_t lasted_us = g->now_us - pauses->since_us;
        pauses->total_us = gov_add_saturated(pauses->total_us, lasted_us);
        pauses->longest_us = MAX(pauses->longest_us, lasted_us);
        pauses->since_us = -1;
        gov_recorder_resume(g->recorder, g->now_us, true, lasted_us);
    }
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
    gov_governor_note_time(g, now_us);
    *ret_decision = gov_pressure_step(&g->config.pressure, &g->pressure, &input);
    note_decision(g, ret_decision, input.used_percent);
    gov_governor_changed(g);
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
