/*
 * Events as a trace in Chrome's JSON format, which Perfetto and chrome://tracing show:
 *
 *     counters   memory (own, others, reserved, stacked), leases (taken, promised), budget
 *     slices     a lease, from its grant to its release: asynchronous, since leases overlap at will
 *                tiers and pauses, each on a thread of their own
 *     instants   out-of-memory, rungs, refusals, levels, batches, notes
 *
 * The ring may have lost the beginning of what is in it: a release without its grant draws its
 * slice from what it says about itself, an end without a beginning is left out, and what has not
 * ended ends with the last event.
 */
#include <gov/recorder.h>

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "util.h"

/* Rows of the trace, as Chrome's "threads". */
enum { ROW_EVENTS = 1, ROW_TIERS, ROW_MEMORY_PAUSE, ROW_USER_PAUSE, ROWS };

struct trace {
    struct gov_out out;
    bool has_one;                  /* a comma is due */
    bool is_open[ROWS];            /* a slice has begun on the row */
    const struct gov_event **held; /* grants without a release yet */
    size_t held_count;
};

/* Opens one event of the trace; close with "}". */
static void begin_event(struct trace *t, const char *phase, const char *name, int64_t at_us,
                        int row)
{
    gov_out_text(&t->out, t->has_one ? ",\n" : "\n");
    t->has_one = true;
    gov_out_text(&t->out, "{\"ph\":\"");
    gov_out_text(&t->out, phase);
    gov_out_text(&t->out, "\",\"pid\":1,\"tid\":");
    gov_out_i64(&t->out, row);
    gov_out_text(&t->out, ",\"ts\":");
    gov_out_i64(&t->out, at_us);
    gov_out_text(&t->out, ",\"name\":");
    gov_out_string(&t->out, name);
}

static void put_member(struct trace *t, bool first, const char *name, int64_t value)
{
    gov_out_text(&t->out, first ? "\"" : ",\"");
    gov_out_text(&t->out, name);
    gov_out_text(&t->out, "\":");
    gov_out_i64(&t->out, value);
}

static void put_label(struct trace *t, bool first, const char *name, const char *text)
{
    gov_out_text(&t->out, first ? "\"" : ",\"");
    gov_out_text(&t->out, name);
    gov_out_text(&t->out, "\":");
    gov_out_string(&t->out, text);
}

static void put_counters(struct trace *t, const struct gov_event *event)
{
    const struct gov_event_sample *s = &event->u.sample;
    begin_event(t, "C", "memory (bytes)", event->at_us, ROW_EVENTS);
    gov_out_text(&t->out, ",\"args\":{");
    if (s->own_bytes >= 0) {
        put_member(t, true, "own", s->own_bytes);
        put_member(t, false, "others", MAX(s->others_bytes, 0));
        put_member(t, false, "reserved", MAX(s->reserved_bytes, 0));
    } else {
        put_member(t, true, "used", MAX(s->used_bytes, 0));
    }
    gov_out_text(&t->out, "}}");
    begin_event(t, "C", "leases (bytes)", event->at_us, ROW_EVENTS);
    gov_out_text(&t->out, ",\"args\":{");
    put_member(t, true, "taken", MAX(s->leased_bytes - s->pending_bytes, 0));
    put_member(t, false, "promised", s->pending_bytes);
    gov_out_text(&t->out, "}}");
    begin_event(t, "C", "budget (bytes)", event->at_us, ROW_EVENTS);
    gov_out_text(&t->out, ",\"args\":{");
    put_member(t, true, "ours", s->budget_bytes);
    gov_out_text(&t->out, "}}");
}

static void put_lease_edge(struct trace *t, const char *phase, const struct gov_event *event,
                           int64_t at_us)
{
    const struct gov_event_lease *l = &event->u.lease;
    begin_event(t, phase, *l->stage ? l->stage : "lease", at_us, ROW_EVENTS);
    gov_out_text(&t->out, ",\"cat\":\"lease\",\"id\":\"");
    gov_out_i64(&t->out, (int64_t)MIN(l->lease_id, (uint64_t)INT64_MAX));
    gov_out_text(&t->out, "\",\"args\":{");
    put_label(t, true, "movie", l->owner);
    put_member(t, false, "predicted_bytes", l->predicted_bytes);
    put_member(t, false, "granted_bytes", l->granted_bytes);
    if (l->peak_bytes >= 0)
        put_member(t, false, "peak_bytes", l->peak_bytes);
    gov_out_text(&t->out, "}}");
}

static void put_release(struct trace *t, const struct gov_event *event)
{
    size_t i = 0;
    while (i < t->held_count && t->held[i]->u.lease.lease_id != event->u.lease.lease_id)
        i++;
    if (i < t->held_count)
        t->held[i] = t->held[--t->held_count];
    else
        put_lease_edge(t, "b", event, MAX(event->at_us - MAX(event->u.lease.held_us, 0), 0));
    put_lease_edge(t, "e", event, event->at_us);
}

static void put_edge(struct trace *t, bool begins, const char *name, int64_t at_us, int row)
{
    if (t->is_open[row] == begins)
        return; /* begun twice, or its beginning was lost */
    t->is_open[row] = begins;
    begin_event(t, begins ? "B" : "E", name, at_us, row);
    gov_out_text(&t->out, "}");
}

static void put_tier(struct trace *t, const struct gov_event *event)
{
    bool begins = event->kind == GOV_EVENT_TIER_BEGIN;
    if (t->is_open[ROW_TIERS] == begins)
        return;
    t->is_open[ROW_TIERS] = begins;
    begin_event(t, begins ? "B" : "E", gov_tier_name((enum gov_tier)event->u.tier.tier),
                event->at_us, ROW_TIERS);
    gov_out_text(&t->out, ",\"args\":{");
    put_member(t, true, "pass", event->u.tier.pass);
    if (!begins)
        put_member(t, false, "freed_bytes", event->u.tier.freed_bytes);
    gov_out_text(&t->out, "}}");
}

static void put_instant(struct trace *t, const struct gov_event *event)
{
    char text[192];
    /* Out-of-memory crosses all rows. */
    const char *scope = event->kind == GOV_EVENT_OOM ? "g" : "t";
    begin_event(t, "i", gov_event_describe(event, text, sizeof text), event->at_us, ROW_EVENTS);
    gov_out_text(&t->out, ",\"s\":\"");
    gov_out_text(&t->out, scope);
    gov_out_text(&t->out, "\",\"cat\":\"");
    gov_out_text(&t->out, gov_event_kind_name(event->kind));
    gov_out_text(&t->out, "\"}");
}

static void put_any(struct trace *t, const struct gov_event *event)
{
    switch (event->kind) {
    case GOV_EVENT_SAMPLE:
        put_counters(t, event);
        break;
    case GOV_EVENT_LEASE_GRANTED:
        put_lease_edge(t, "b", event, event->at_us);
        t->held[t->held_count++] = event;
        break;
    case GOV_EVENT_LEASE_RELEASED:
        put_release(t, event);
        break;
    case GOV_EVENT_TIER_BEGIN:
    case GOV_EVENT_TIER_END:
        put_tier(t, event);
        break;
    case GOV_EVENT_PAUSE:
    case GOV_EVENT_RESUME:
        put_edge(t, event->kind == GOV_EVENT_PAUSE, "paused", event->at_us,
                 event->u.pause.by_memory ? ROW_MEMORY_PAUSE : ROW_USER_PAUSE);
        break;
    default:
        put_instant(t, event);
        break;
    }
}

static void put_row_names(struct trace *t)
{
    static const char *const names[ROWS] = {NULL, "events", "tiers", "paused by memory",
                                            "paused by the user"};
    for (int row = 1; row < ROWS; row++) {
        begin_event(t, "M", "thread_name", 0, row);
        gov_out_text(&t->out, ",\"args\":{");
        put_label(t, true, "name", names[row]);
        gov_out_text(&t->out, "}}");
    }
    begin_event(t, "M", "process_name", 0, 0);
    gov_out_text(&t->out, ",\"args\":{\"name\":\"memory governor\"}}");
}

int gov_events_write_trace(const struct gov_event *events, size_t count, gov_write_fn write,
                           void *context)
{
    if ((count && !events) || !write)
        return GOV_E_INVALID;
    struct trace *t = calloc(1, sizeof *t);
    if (t)
        t->held = calloc(count + 1, sizeof(const struct gov_event *));
    if (!t || !t->held) {
        free(t);
        return GOV_E_NOMEM;
    }
    t->out.write = write;
    t->out.context = context;
    gov_out_text(&t->out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    put_row_names(t);
    int64_t last_us = 0;
    for (size_t i = 0; i < count; i++) {
        put_any(t, &events[i]);
        last_us = MAX(last_us, events[i].at_us);
    }
    for (size_t i = 0; i < t->held_count; i++)
        put_lease_edge(t, "e", t->held[i], last_us);
    for (int row = 1; row < ROWS; row++)
        put_edge(t, false, "", last_us, row);
    gov_out_text(&t->out, "\n]}\n");
    int error = gov_out_flush(&t->out);
    free(t->held);
    free(t);
    return error;
}

int gov_recorder_write_trace(struct gov_recorder *recorder, gov_write_fn write, void *context)
{
    struct gov_recorder_stats stats;
    gov_recorder_stats(recorder, &stats);
    size_t kept = (size_t)(stats.recorded - stats.first);
    struct gov_event *events = calloc(kept + 1, sizeof *events);
    if (!events)
        return GOV_E_NOMEM;
    uint64_t serial = stats.first;
    size_t count = gov_recorder_read(recorder, &serial, events, kept);
    int error = gov_events_write_trace(events, count, write, context);
    free(events);
    return error;
}
