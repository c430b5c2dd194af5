/*
 * The flight recorder. A ring that is allocated once; recording copies one struct under a lock that
 * is held for nothing else, so it costs some tens of nanoseconds and never waits for a file. What
 * is written out is copied from the ring in pieces, again under the lock for the copying only.
 */
#include <gov/recorder.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

struct gov_recorder {
    size_t capacity; /* set once */
    struct gov_event *ring;
    pthread_mutex_t lock; /* over what follows and what is in the ring */
    uint64_t recorded;
    int64_t now_us;
    int64_t count[GOV_EVENT_KINDS];
};

int gov_recorder_new(size_t capacity, struct gov_recorder **ret_recorder)
{
    if (!ret_recorder || capacity > GOV_RECORDER_MOST)
        return GOV_E_INVALID;
    struct gov_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return GOV_E_NOMEM;
    recorder->capacity = capacity ? capacity : GOV_RECORDER_DEFAULT;
    recorder->ring = calloc(recorder->capacity, sizeof *recorder->ring);
    if (!recorder->ring) {
        free(recorder);
        return GOV_E_NOMEM;
    }
    pthread_mutex_init(&recorder->lock, NULL);
    *ret_recorder = recorder;
    return GOV_OK;
}

void gov_recorder_free(struct gov_recorder *recorder)
{
    if (!recorder)
        return;
    pthread_mutex_destroy(&recorder->lock);
    free(recorder->ring);
    free(recorder);
}

void gov_recorder_add(struct gov_recorder *recorder, const struct gov_event *event)
{
    if (!recorder || !event || event->kind < 0 || event->kind >= GOV_EVENT_KINDS)
        return;
    pthread_mutex_lock(&recorder->lock);
    struct gov_event *slot = &recorder->ring[recorder->recorded % recorder->capacity];
    *slot = *event;
    slot->serial = recorder->recorded++;
    recorder->now_us = MAX(recorder->now_us, event->at_us);
    slot->at_us = recorder->now_us;
    recorder->count[event->kind]++;
    pthread_mutex_unlock(&recorder->lock);
}

void gov_recorder_tell_time(struct gov_recorder *recorder, int64_t now_us)
{
    if (!recorder)
        return;
    pthread_mutex_lock(&recorder->lock);
    recorder->now_us = MAX(recorder->now_us, now_us);
    pthread_mutex_unlock(&recorder->lock);
}

void gov_recorder_rung(struct gov_recorder *recorder, int64_t at_us, const char *owner,
                       const char *stage, const char *rung, int32_t batch)
{
    if (!recorder)
        return;
    struct gov_event event = {.at_us = at_us, .kind = GOV_EVENT_RUNG};
    event.u.rung.batch = batch;
    gov_copy_text(event.u.rung.rung, sizeof event.u.rung.rung, rung);
    gov_copy_text(event.u.rung.owner, sizeof event.u.rung.owner, owner);
    gov_copy_text(event.u.rung.stage, sizeof event.u.rung.stage, stage);
    gov_recorder_add(recorder, &event);
}

void gov_recorder_batch(struct gov_recorder *recorder, int64_t at_us, const char *regime,
                        int32_t from, int32_t to)
{
    if (!recorder)
        return;
    struct gov_event event = {.at_us = at_us, .kind = GOV_EVENT_BATCH};
    event.u.batch.from = from;
    event.u.batch.to = to;
    gov_copy_text(event.u.batch.regime, sizeof event.u.batch.regime, regime);
    gov_recorder_add(recorder, &event);
}

void gov_recorder_pause(struct gov_recorder *recorder, int64_t at_us, bool by_memory)
{
    struct gov_event event = {.at_us = at_us, .kind = GOV_EVENT_PAUSE};
    event.u.pause = (struct gov_event_pause){.by_memory = by_memory, .paused_us = -1};
    gov_recorder_add(recorder, &event);
}

void gov_recorder_resume(struct gov_recorder *recorder, int64_t at_us, bool by_memory,
                         int64_t paused_us)
{
    struct gov_event event = {.at_us = at_us, .kind = GOV_EVENT_RESUME};
    event.u.pause =
        (struct gov_event_pause){.by_memory = by_memory, .paused_us = MAX(paused_us, -1)};
    gov_recorder_add(recorder, &event);
}

void gov_recorder_note(struct gov_recorder *recorder, int64_t at_us, const char *text)
{
    if (!recorder)
        return;
    struct gov_event event = {.at_us = at_us, .kind = GOV_EVENT_NOTE};
    gov_copy_text(event.u.note.text, sizeof event.u.note.text, text);
    gov_recorder_add(recorder, &event);
}

static uint64_t first_kept(const struct gov_recorder *recorder)
{
    return recorder->recorded > recorder->capacity ? recorder->recorded - recorder->capacity : 0;
}

void gov_recorder_stats(struct gov_recorder *recorder, struct gov_recorder_stats *ret_stats)
{
    memset(ret_stats, 0, sizeof *ret_stats);
    if (!recorder)
        return;
    pthread_mutex_lock(&recorder->lock);
    ret_stats->recorded = recorder->recorded;
    ret_stats->first = first_kept(recorder);
    ret_stats->capacity = recorder->capacity;
    memcpy(ret_stats->count, recorder->count, sizeof ret_stats->count);
    pthread_mutex_unlock(&recorder->lock);
}

size_t gov_recorder_read(struct gov_recorder *recorder, uint64_t *serial, struct gov_event *events,
                         size_t capacity)
{
    if (!recorder)
        return 0;
    size_t count = 0;
    pthread_mutex_lock(&recorder->lock);
    uint64_t at = MAX(*serial, first_kept(recorder));
    for (; at < recorder->recorded && count < capacity; at++)
        events[count++] = recorder->ring[at % recorder->capacity];
    *serial = at;
    pthread_mutex_unlock(&recorder->lock);
    return count;
}
