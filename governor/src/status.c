/*
 * What the governor counts, what it tells its recorder, and what must hold between its figures. All
 * of it under the governor's lock; the recorder's is taken inside it and never the other way round.
 */
#include <gov/governor.h>

#include <stdlib.h>
#include <string.h>

#include "governor_internal.h"
#include "util.h"

void gov_governor_set_recorder(struct gov_governor *g, struct gov_recorder *recorder)
{
    g->recorder = recorder;
    g->has_begun = false;
}

struct gov_room gov_governor_room(const struct gov_governor *g)
{
    struct gov_ledger_stats stats;
    gov_ledger_stats(g->ledger, &stats);
    return gov_admit_room(&g->config, g->has_sample ? &g->sample : NULL, &stats);
}

void gov_governor_note_time(struct gov_governor *g, int64_t now_us)
{
    g->now_us = MAX(g->now_us, now_us);
}

void gov_governor_tell_time(struct gov_governor *g, int64_t now_us)
{
    pthread_mutex_lock(&g->lock);
    gov_governor_note_time(g, now_us);
    pthread_mutex_unlock(&g->lock);
}

static void note_amount(struct gov_amount *amount, bool known, int64_t bytes)
{
    if (!known)
        return;
    bytes = MAX(bytes, 0);
    amount->total = gov_add_saturated(amount->total, MAX(bytes - amount->now, 0));
    amount->now = bytes;
    amount->peak = MAX(amount->peak, bytes);
}

static void record_begin(struct gov_governor *g, const struct gov_room *room)
{
    struct gov_event event = {.at_us = g->now_us, .kind = GOV_EVENT_BEGIN};
    event.u.begin.total_bytes = g->sample.valid & GOV_SAMPLE_TOTAL ? g->sample.total_bytes : -1;
    event.u.begin.cap_bytes = room->budget.cap_bytes;
    gov_copy_text(event.u.begin.device, sizeof event.u.begin.device, g->device_name);
    gov_recorder_add(g->recorder, &event);
    g->has_begun = true;
}

static int64_t if_valid(const struct gov_sample *sample, uint32_t field, int64_t bytes)
{
    return sample->valid & field ? bytes : -1;
}

static void record_sample(struct gov_governor *g)
{
    const struct gov_sample *s = &g->sample;
    struct gov_room room = gov_governor_room(g);
    struct gov_ledger_stats stats;
    gov_ledger_stats(g->ledger, &stats);
    if (!g->has_begun)
        record_begin(g, &room);
    struct gov_event event = {.at_us = g->now_us, .kind = GOV_EVENT_SAMPLE};
    event.u.sample = (struct gov_event_sample){
        .total_bytes = if_valid(s, GOV_SAMPLE_TOTAL, s->total_bytes),
        .used_bytes = if_valid(s, GOV_SAMPLE_USED, s->used_bytes),
        .free_bytes = if_valid(s, GOV_SAMPLE_FREE, s->free_bytes),
        .reserved_bytes = if_valid(s, GOV_SAMPLE_RESERVED, s->reserved_bytes),
        .own_bytes = if_valid(s, GOV_SAMPLE_OWN, s->own_bytes),
        .others_bytes = if_valid(s, GOV_SAMPLE_OTHERS, s->others_bytes),
        .largest_free_bytes = if_valid(s, GOV_SAMPLE_LARGEST_FREE, s->largest_free_bytes),
        .budget_bytes = room.budget.ours_bytes,
        .leased_bytes = stats.now_bytes,
        .pending_bytes = stats.pending_bytes,
    };
    gov_recorder_add(g->recorder, &event);
}

void gov_governor_note_sample(struct gov_governor *g)
{
    const struct gov_sample *s = &g->sample;
    gov_governor_note_time(g, s->at_us);
    note_amount(&g->used, s->valid & GOV_SAMPLE_USED, s->used_bytes);
    note_amount(&g->own, s->valid & GOV_SAMPLE_OWN, s->own_bytes);
    note_amount(&g->others, s->valid & GOV_SAMPLE_OTHERS, s->others_bytes);
    if (g->recorder)
        record_sample(g);
}

void gov_governor_record_lease(struct gov_governor *g, enum gov_event_kind kind,
                               const struct gov_lease *lease, enum gov_reason reason,
                               int64_t room_bytes)
{
    if (!g->recorder)
        return;
    bool released = kind == GOV_EVENT_LEASE_RELEASED;
    struct gov_event event = {.at_us = g->now_us, .kind = kind};
    struct gov_event_lease *out = &event.u.lease;
    out->lease_id = lease->id;
    out->owner_order = lease->owner_order;
    out->pid = lease->pid;
    out->predicted_bytes = lease->predicted_bytes;
    out->granted_bytes = lease->granted_bytes;
    out->room_bytes = room_bytes;
    out->peak_bytes = released ? lease->peak_bytes : -1;
    out->held_us = released ? MAX(g->now_us - lease->granted_at_us, 0) : -1;
    out->reason = reason;
    gov_copy_text(out->owner, sizeof out->owner, lease->owner);
    gov_copy_text(out->stage, sizeof out->stage, lease->stage);
    gov_recorder_add(g->recorder, &event);
}

static struct gov_amount shown(const struct gov_amount *amount, const struct gov_sample *sample,
                               uint32_t field)
{
    struct gov_amount copy = *amount;
    if (!(sample->valid & field))
        copy.now = -1;
    return copy;
}

static void sum_tiers(const struct gov_governor *g, struct gov_tier_stats *tiers)
{
    memcpy(tiers, g->tiers, sizeof g->tiers);
    struct gov_tier_stats sum = {0};
    for (int tier = GOV_TIER_STANDARD; tier < GOV_TIER_COUNT; tier++) {
        const struct gov_tier_stats *one = &g->tiers[tier];
        sum.runs += one->runs;
        sum.passes += one->passes;
        sum.fruitless += one->fruitless;
        sum.freed_bytes = gov_add_saturated(sum.freed_bytes, one->freed_bytes);
        sum.most_freed_bytes = MAX(sum.most_freed_bytes, one->most_freed_bytes);
    }
    sum.last_freed_bytes = g->tiers[GOV_TIER_NONE].last_freed_bytes;
    tiers[GOV_TIER_NONE] = sum;
}

static void fill_status(const struct gov_governor *g, struct gov_status *status)
{
    struct gov_room room = gov_governor_room(g);
    status->has_sample = g->has_sample;
    status->sample = g->sample;
    status->budget = room.budget;
    status->room_bytes = room.room_bytes;
    gov_ledger_stats(g->ledger, &status->leases);
    const struct gov_ledger_stats *leases = &status->leases;
    status->level = g->pressure.level;
    status->paused = g->pressure.paused;
    status->pressure = g->pressure;
    status->used = shown(&g->used, &g->sample, GOV_SAMPLE_USED);
    status->own = shown(&g->own, &g->sample, GOV_SAMPLE_OWN);
    status->others = shown(&g->others, &g->sample, GOV_SAMPLE_OTHERS);
    status->leased =
        (struct gov_amount){leases->now_bytes, leases->peak_bytes, leases->total_bytes};
    status->lease_count =
        (struct gov_amount){leases->now_count, leases->peak_count, leases->total_count};
    status->pending =
        (struct gov_amount){leases->pending_bytes, g->peak_pending_bytes, leases->total_bytes};
    sum_tiers(g, status->tiers);
    status->freed_bytes = status->tiers[GOV_TIER_NONE].freed_bytes;
    status->peak_used_bytes = g->used.peak;
    status->peak_own_bytes = g->own.peak;
    status->pauses = g->pauses;
    status->samples_count = g->samples_count;
    status->samples_failed_count = g->samples_failed_count;
    status->granted_count = g->verdict_count[GOV_GRANTED];
    status->queued_count = g->verdict_count[GOV_QUEUED];
    status->never_count = g->verdict_count[GOV_NEVER];
    status->ooms_count = g->ooms_count;
    status->resized_count = g->resized_count;
    status->released_count = g->released_count;
}

void gov_governor_status(struct gov_governor *g, struct gov_status *ret_status)
{
    memset(ret_status, 0, sizeof *ret_status);
    pthread_mutex_lock(&g->lock);
    fill_status(g, ret_status);
    pthread_mutex_unlock(&g->lock);
}

void gov_governor_reset_peaks(struct gov_governor *g)
{
    pthread_mutex_lock(&g->lock);
    gov_ledger_reset_peak(g->ledger);
    g->used.peak = g->used.now;
    g->own.peak = g->own.now;
    g->others.peak = g->others.now;
    g->peak_pending_bytes = 0;
    gov_governor_changed(g);
    pthread_mutex_unlock(&g->lock);
}

static bool amount_is_valid(const struct gov_amount *amount)
{
    return amount->now >= 0 && amount->peak >= amount->now && amount->total >= amount->peak;
}

static bool tiers_are_valid(const struct gov_governor *g)
{
    for (int tier = GOV_TIER_STANDARD; tier < GOV_TIER_COUNT; tier++) {
        const struct gov_tier_stats *t = &g->tiers[tier];
        if (t->runs < 0 || t->passes < t->runs || t->passes > t->runs * 3 + 3 || t->fruitless < 0 ||
            t->fruitless > t->runs || t->freed_bytes < t->most_freed_bytes ||
            t->most_freed_bytes < t->last_freed_bytes || t->last_freed_bytes < 0)
            return false;
    }
    return true;
}

static bool pressure_is_valid(const struct gov_governor *g)
{
    const struct gov_pressure_state *p = &g->pressure;
    const struct gov_pause_stats *pauses = &g->pauses;
    bool paused = pauses->since_us >= 0;
    return p->level >= GOV_LEVEL_LOW && p->level <= GOV_LEVEL_CRITICAL && p->paused == paused &&
           (p->level < GOV_LEVEL_CRITICAL || p->paused) &&
           (p->level >= GOV_LEVEL_HIGH || !p->paused) && pauses->count >= paused &&
           pauses->longest_us >= 0 && pauses->total_us >= pauses->longest_us;
}

/* All but the sums of the ledger, which checks those itself after each of its changes. */
static bool figures_are_valid(const struct gov_governor *g)
{
    struct gov_ledger_stats leases;
    gov_ledger_stats(g->ledger, &leases);
    return leases.total_count == g->verdict_count[GOV_GRANTED] &&
           leases.now_count == leases.total_count - g->released_count &&
           leases.pending_bytes >= 0 && leases.pending_bytes <= leases.now_bytes &&
           g->peak_pending_bytes >= leases.pending_bytes && amount_is_valid(&g->used) &&
           amount_is_valid(&g->own) && amount_is_valid(&g->others) && tiers_are_valid(g) &&
           pressure_is_valid(g) && g->has_sample == (g->samples_count > 0) &&
           g->watched_count <= g->watched_capacity;
}

void gov_governor_changed(struct gov_governor *g)
{
    struct gov_ledger_stats leases;
    gov_ledger_stats(g->ledger, &leases);
    g->peak_pending_bytes = MAX(g->peak_pending_bytes, leases.pending_bytes);
    if (GOV_CHECK_INVARIANTS && !figures_are_valid(g))
        abort();
}

bool gov_governor_is_valid(struct gov_governor *g)
{
    pthread_mutex_lock(&g->lock);
    bool valid = gov_ledger_is_valid(g->ledger) && figures_are_valid(g);
    pthread_mutex_unlock(&g->lock);
    return valid;
}
