/*
 * Admission.
 *
 * Two things must have room: our budget, and the device itself. Neither the measured use nor
 * the sum of leases alone says what is taken: a lease just granted has allocated nothing yet, and
 * an idle worker keeps a model without a lease. So
 *
 *   taken of the budget = own (measured) + pending (granted, not yet allocated)
 *   taken of the device = used (measured) + pending
 *
 * When the device cannot tell our processes from others' (Windows' driver model), own is not known.
 * Then the leases count in full on both sides, which is careful with the device (their allocated
 * part counts twice) and takes for others' only what no lease explains.
 */
#include "admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gov/estimate.h>

#include "governor_internal.h"
#include "util.h"

struct gov_room gov_admit_room(const struct gov_config *config, const struct gov_sample *sample,
                               const struct gov_ledger_stats *stats)
{
    struct gov_room room = {0};
    uint32_t valid = sample ? sample->valid : 0;
    if (!(valid & GOV_SAMPLE_TOTAL) || !(valid & (GOV_SAMPLE_USED | GOV_SAMPLE_FREE)))
        return room;
    int64_t total = sample->total_bytes;
    int64_t used = valid & GOV_SAMPLE_USED ? sample->used_bytes : total - sample->free_bytes;
    int64_t free_bytes = valid & GOV_SAMPLE_FREE ? sample->free_bytes : total - used;
    int64_t reserved = valid & GOV_SAMPLE_RESERVED ? sample->reserved_bytes : 0;
    bool own_known = valid & GOV_SAMPLE_OWN;

    int64_t others = valid & GOV_SAMPLE_OTHERS ? sample->others_bytes
                                               : MAX(used - reserved - stats->now_bytes, 0);
    int64_t ours_taken =
        own_known ? gov_add_saturated(sample->own_bytes, stats->pending_bytes) : stats->now_bytes;
    struct gov_budget_rule rule = config->budget;
    if (valid & GOV_SAMPLE_PHYSICAL && sample->physical_bytes > total)
        rule.reserve_bytes = MAX(rule.reserve_bytes - (sample->physical_bytes - total), 0);
    room.known = true;
    room.budget = gov_budget_compute(&rule, total, others);
    room.budget_room_bytes = gov_add_saturated(room.budget.ours_bytes, -ours_taken);
    room.device_room_bytes = gov_add_saturated(free_bytes, -stats->pending_bytes);
    room.room_bytes = MIN(room.budget_room_bytes, room.device_room_bytes);
    return room;
}

const char *gov_verdict_name(enum gov_verdict verdict)
{
    static const char *const names[] = {"granted", "queued", "never fits"};
    return verdict >= 0 && verdict <= GOV_NEVER ? names[verdict] : "?";
}

const char *gov_reason_name(enum gov_reason reason)
{
    static const char *const names[] = {"fits",   "forced",    "budget", "device",
                                        "paused", "no sample", "cap",    "order"};
    return reason >= 0 && reason <= GOV_REASON_ORDER ? names[reason] : "?";
}

int gov_request_compare(const struct gov_request *a, const struct gov_request *b)
{
    if (a->owner_order != b->owner_order)
        return a->owner_order < b->owner_order ? -1 : 1;
    if (a->stage_order != b->stage_order)
        return a->stage_order < b->stage_order ? -1 : 1;
    return 0;
}

/* Everything one decision works with. */
struct decision {
    const struct gov_request *request;
    struct gov_lease lease;
    struct gov_ledger_stats stats;
    struct gov_room room;
    bool assumed; /* nothing was predicted */
    struct gov_admission *result;
};

static int prepare(struct gov_governor *g, const struct gov_request *request,
                   struct decision *decision)
{
    int64_t predicted = request->predicted_bytes;
    decision->request = request;
    decision->assumed = predicted == 0;
    if (decision->assumed)
        predicted = g->config.default_lease_bytes;
    struct gov_lease *lease = &decision->lease;
    gov_copy_label(lease->owner, request->owner);
    gov_copy_label(lease->stage, request->stage);
    lease->owner_order = request->owner_order;
    lease->pid = request->pid;
    lease->predicted_bytes = predicted;
    /* The safe default is an assumption already; a buffer on it would be false precision. */
    bool exact = decision->assumed || request->flags & GOV_REQUEST_EXACT;
    lease->granted_bytes =
        exact ? predicted : gov_estimate_with_buffer(&g->config, predicted, request->history_count);
    lease->granted_at_us = request->now_us;
    lease->flags = request->flags & GOV_REQUEST_FORCE ? GOV_LEASE_FORCED : 0;
    gov_ledger_stats(g->ledger, &decision->stats);
    return GOV_OK;
}

static bool sample_is_usable(const struct gov_governor *g, int64_t now_us)
{
    if (!g->has_sample)
        return false;
    return !g->config.max_sample_age_us || now_us - g->sample.at_us <= g->config.max_sample_age_us;
}

static enum gov_reason refusal(const struct gov_governor *g, const struct decision *d)
{
    int64_t asked = d->lease.granted_bytes;
    if (!d->room.known)
        return GOV_REASON_NO_SAMPLE;
    if (asked > d->room.budget.cap_bytes)
        return GOV_REASON_CAP;
    if (!sample_is_usable(g, d->request->now_us))
        return GOV_REASON_NO_SAMPLE;
    if (g->pressure.paused)
        return GOV_REASON_PAUSED;
    if (asked > d->room.budget_room_bytes)
        return GOV_REASON_BUDGET;
    return asked > d->room.device_room_bytes ? GOV_REASON_DEVICE : GOV_REASON_FITS;
}

/* Adds, compares, rolls back: what the ledger refuses leaves no trace in it. */
static int decide(struct gov_governor *g, struct decision *d)
{
    struct gov_admission *result = d->result;
    enum gov_reason reason = refusal(g, d);
    bool may_add =
        reason == GOV_REASON_FITS || reason == GOV_REASON_BUDGET || reason == GOV_REASON_DEVICE;
    bool forced = d->lease.flags & GOV_LEASE_FORCED;
    if (reason == GOV_REASON_FITS)
        d->lease.flags &= ~(uint32_t)GOV_LEASE_FORCED; /* no force was needed */
    int error = GOV_E_NO_ROOM;
    if (d->request->flags & GOV_REQUEST_DRY_RUN)
        error = reason == GOV_REASON_FITS || forced ? GOV_OK : GOV_E_NO_ROOM;
    else if (may_add || forced)
        error = gov_ledger_add(g->ledger, &d->lease,
                               gov_add_saturated(d->stats.now_bytes, d->room.room_bytes),
                               &result->lease_id);
    if (error && error != GOV_E_NO_ROOM)
        return error;
    if (!error && reason != GOV_REASON_FITS)
        reason = GOV_REASON_FORCED;
    result->reason = reason;
    result->verdict = !error ? GOV_GRANTED : reason == GOV_REASON_CAP ? GOV_NEVER : GOV_QUEUED;
    return GOV_OK;
}

static void fill_result(const struct gov_governor *g, struct decision *d)
{
    struct gov_admission *result = d->result;
    uint32_t valid = g->has_sample ? g->sample.valid : 0;
    *result = (struct gov_admission){
        .asked_bytes = d->lease.granted_bytes,
        .used_bytes = valid & GOV_SAMPLE_USED ? g->sample.used_bytes : -1,
        .free_bytes = valid & GOV_SAMPLE_FREE ? g->sample.free_bytes : -1,
        .cap_bytes = d->room.budget.cap_bytes,
        .budget_bytes = d->room.budget.ours_bytes,
        .room_bytes = d->room.room_bytes,
        .pending_bytes = d->stats.pending_bytes,
    };
}

static const char *gb_or_unknown(int64_t bytes, char *text, size_t size)
{
    return bytes < 0 ? "unknown" : gov_format_gb(bytes, text, size);
}

static void say_check(const struct gov_governor *g, const struct gov_admission *result,
                      struct gov_messages *messages)
{
    char *line = gov_governor_message(g, messages, GOV_LOG_INFO);
    if (!line)
        return;
    char used[24], required[24], available[24];
    snprintf(line, GOV_MESSAGE_SIZE, "Memory check: %s used, %s required, %s available",
             gb_or_unknown(result->used_bytes, used, sizeof used),
             gov_format_gb(result->asked_bytes, required, sizeof required),
             gb_or_unknown(result->free_bytes, available, sizeof available));
}

/* Why it waits, cannot be, or was forced. */
static void say_why(const struct gov_governor *g, const struct decision *d,
                    struct gov_messages *messages)
{
    static const char *const texts[] = {
        [GOV_REASON_FORCED] = "runs without room for it, as the oldest",
        [GOV_REASON_BUDGET] = "waits for our budget",
        [GOV_REASON_DEVICE] = "waits for the device",
        [GOV_REASON_PAUSED] = "waits for critical memory pressure to end",
        [GOV_REASON_NO_SAMPLE] = "waits for a memory reading",
        [GOV_REASON_CAP] = "can never fit",
        [GOV_REASON_ORDER] = "waits for an older movie",
    };
    enum gov_reason reason = d->result->reason;
    if (reason == GOV_REASON_FITS && !d->assumed)
        return;
    char *line = gov_governor_message(g, messages, GOV_LOG_INFO);
    if (!line)
        return;
    char asked[24], room[24], budget[24], leased[24];
    gov_format_size(d->lease.granted_bytes, asked, sizeof asked);
    if (reason == GOV_REASON_FITS) {
        snprintf(line, GOV_MESSAGE_SIZE,
                 "Memory estimate: nothing known about %s of %s, %s assumed", d->lease.stage,
                 d->lease.owner, asked);
        return;
    }
    snprintf(line, GOV_MESSAGE_SIZE,
             "Memory wait: %s of %s %s: %s required, room for %s (budget %s, leased %s)",
             d->lease.stage, d->lease.owner, texts[reason], asked,
             gov_format_size(MAX(d->room.room_bytes, 0), room, sizeof room),
             gov_format_size(d->room.budget.ours_bytes, budget, sizeof budget),
             gov_format_size(d->stats.now_bytes, leased, sizeof leased));
}

/* FNV-1a over what names a request; a collision only silences one line. */
static uint64_t request_name(const struct gov_request *request)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    const char *texts[] = {request->owner, request->stage};
    for (size_t i = 0; i < 2; i++) {
        for (const char *p = texts[i]; p && *p; p++)
            hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
        hash = (hash ^ (uint64_t)(i ? request->stage_order : request->owner_order)) *
               UINT64_C(1099511628211);
    }
    return hash;
}

/*
 * Has this request been refused for this reason before, and nothing changed since? A caller may ask
 * ten times a second; the log needs it once. The oldest of the last GOV_WAITING_MAX is forgotten.
 */
static bool said_before(struct gov_governor *g, const struct gov_request *request,
                        const struct gov_admission *result)
{
    uint64_t name = request_name(request);
    struct gov_waiting *found = NULL;
    for (size_t i = 0; i < GOV_WAITING_MAX && !found; i++) {
        if (g->waiting[i].used && g->waiting[i].name == name)
            found = &g->waiting[i];
    }
    if (result->verdict == GOV_GRANTED) {
        if (found)
            found->used = false;
        return false;
    }
    bool same = found && found->reason == result->reason;
    if (!found)
        found = &g->waiting[g->next_waiting++ % GOV_WAITING_MAX];
    *found = (struct gov_waiting){true, name, result->reason};
    return same;
}

static void record(struct gov_governor *g, struct decision *d)
{
    static const enum gov_event_kind kinds[] = {GOV_EVENT_LEASE_GRANTED, GOV_EVENT_LEASE_QUEUED,
                                                GOV_EVENT_LEASE_NEVER};
    d->lease.id = d->result->lease_id;
    gov_governor_record_lease(g, kinds[d->result->verdict], &d->lease, d->result->reason,
                              d->room.room_bytes);
}

static bool request_is_valid(const struct gov_request *request)
{
    return request && request->predicted_bytes >= 0 && request->history_count >= 0 &&
           request->pid >= 0;
}

int gov_governor_admit(struct gov_governor *g, const struct gov_request *request,
                       struct gov_admission *ret_admission)
{
    if (!g || !ret_admission || !request_is_valid(request))
        return GOV_E_INVALID;
    struct gov_messages messages;
    struct gov_admission result = {.verdict = GOV_QUEUED};
    struct decision decision = {.result = &result};
    messages.count = 0;
    pthread_mutex_lock(&g->lock);
    prepare(g, request, &decision);
    decision.room = gov_governor_room(g);
    fill_result(g, &decision);
    int error = decide(g, &decision);
    if (!error && !(request->flags & GOV_REQUEST_DRY_RUN)) {
        gov_governor_note_time(g, request->now_us);
        g->verdict_count[result.verdict]++;
        if (!said_before(g, request, &result)) {
            say_check(g, &result, &messages);
            say_why(g, &decision, &messages);
            record(g, &decision);
        }
        gov_governor_changed(g);
    }
    pthread_mutex_unlock(&g->lock);
    gov_governor_say(g, &messages);
    if (!error)
        *ret_admission = result;
    return error;
}

/* What a request gets that is not even tried because an older movie waits. */
static void hold_back(struct gov_governor *g, const struct gov_request *request,
                      struct gov_admission *ret_admission)
{
    struct decision decision = {.result = ret_admission};
    pthread_mutex_lock(&g->lock);
    prepare(g, request, &decision);
    decision.room = gov_governor_room(g);
    fill_result(g, &decision);
    g->verdict_count[GOV_QUEUED]++;
    pthread_mutex_unlock(&g->lock);
    ret_admission->verdict = GOV_QUEUED;
    ret_admission->reason = GOV_REASON_ORDER;
}

/* Insertion sort: stable, needs no memory, and a queue holds dozens, mostly in order already. */
static void sort_requests(const struct gov_request *requests, size_t count, size_t *order)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && gov_request_compare(&requests[order[at - 1]], &requests[i]) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

int gov_governor_admit_in_order(struct gov_governor *g, const struct gov_request *requests,
                                size_t count, size_t *order, struct gov_admission *admissions)
{
    if (!g || (count && (!requests || !order || !admissions)))
        return GOV_E_INVALID;
    for (size_t i = 0; i < count; i++) {
        if (!request_is_valid(&requests[i]))
            return GOV_E_INVALID;
    }
    sort_requests(requests, count, order);
    bool waits = false;
    int64_t waiting_owner = 0;
    for (size_t i = 0; i < count; i++) {
        const struct gov_request *request = &requests[order[i]];
        struct gov_admission *admission = &admissions[order[i]];
        if (waits && request->owner_order != waiting_owner &&
            !(request->flags & GOV_REQUEST_FORCE)) {
            hold_back(g, request, admission);
            continue;
        }
        int error = gov_governor_admit(g, request, admission);
        if (error)
            return error;
        if (!waits && admission->verdict == GOV_QUEUED) {
            waits = true;
            waiting_owner = request->owner_order;
        }
    }
    return GOV_OK;
}
