/* Events as lines for a person: what the post-mortem and a live view show. */
#include <gov/governor.h>
#include <gov/log.h>
#include <gov/recorder.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

/* Amounts as text, for one line. */
struct amount {
    char text[24];
};

static const char *size_text(int64_t bytes, struct amount *amount)
{
    return bytes < 0 ? "?" : gov_format_size(bytes, amount->text, sizeof amount->text);
}

static void describe_lease(const struct gov_event *event, const char *what, char *text, size_t size)
{
    const struct gov_event_lease *l = &event->u.lease;
    struct amount asked, room, peak;
    size_text(l->granted_bytes, &asked);
    if (event->kind == GOV_EVENT_LEASE_RELEASED)
        snprintf(text, size, "%s %s by %s of %s, peak %s", what, asked.text, l->stage, l->owner,
                 size_text(l->peak_bytes, &peak));
    else if (event->kind == GOV_EVENT_LEASE_GRANTED || event->kind == GOV_EVENT_LEASE_RESIZED)
        snprintf(text, size, "%s %s %s %s of %s%s", what, asked.text,
                 event->kind == GOV_EVENT_LEASE_GRANTED ? "to" : "for", l->stage, l->owner,
                 l->reason == GOV_REASON_FORCED ? ", forced" : "");
    else
        snprintf(text, size, "%s %s for %s of %s: %s, room for %s", what, asked.text, l->stage,
                 l->owner, gov_reason_name((enum gov_reason)l->reason),
                 size_text(MAX(l->room_bytes, 0), &room));
}

static void describe_tier(const struct gov_event *event, char *text, size_t size)
{
    const struct gov_event_tier *tier = &event->u.tier;
    struct amount freed;
    const char *name = gov_tier_name((enum gov_tier)tier->tier);
    if (event->kind == GOV_EVENT_TIER_BEGIN)
        snprintf(text, size, "cleanup %s, pass %d", name, (int)tier->pass);
    else
        snprintf(text, size, "cleaned %s, freed %s", name,
                 gov_format_size(tier->freed_bytes, freed.text, sizeof freed.text));
}

static void describe_sample(const struct gov_event_sample *s, char *text, size_t size)
{
    struct amount used, own, others, free_bytes;
    snprintf(text, size, "reading %s used, %s own, %s others, %s free",
             size_text(s->used_bytes, &used), size_text(s->own_bytes, &own),
             size_text(s->others_bytes, &others), size_text(s->free_bytes, &free_bytes));
}

static void describe_oom(const struct gov_event_oom *oom, char *text, size_t size)
{
    struct amount wanted, leased;
    snprintf(text, size, "OUT OF MEMORY %s of %s, batch %d, wanted %s, had %s", oom->stage,
             oom->owner, (int)oom->batch, size_text(oom->wanted_bytes, &wanted),
             size_text(oom->leased_bytes, &leased));
}

static void describe_level(const struct gov_event_level *level, char *text, size_t size)
{
    int64_t tenths = (int64_t)(MIN(MAX(level->used_percent, 0.0), 1000.0) * 10 + 0.5);
    snprintf(text, size, "level %s (%d.%d%%), was %s", gov_level_name((enum gov_level)level->level),
             (int)(tenths / 10), (int)(tenths % 10),
             gov_level_name((enum gov_level)level->previous));
}

char *gov_event_describe(const struct gov_event *event, char *text, size_t size)
{
    struct amount a, b;
    if (!size)
        return text;
    text[0] = 0;
    switch (event->kind) {
    case GOV_EVENT_BEGIN:
        snprintf(text, size, "begin on %s, %s, at most %s ours", event->u.begin.device,
                 size_text(event->u.begin.total_bytes, &a),
                 size_text(event->u.begin.cap_bytes, &b));
        break;
    case GOV_EVENT_SAMPLE:
        describe_sample(&event->u.sample, text, size);
        break;
    case GOV_EVENT_LEASE_GRANTED:
        describe_lease(event, "granted", text, size);
        break;
    case GOV_EVENT_LEASE_QUEUED:
        describe_lease(event, "queued", text, size);
        break;
    case GOV_EVENT_LEASE_NEVER:
        describe_lease(event, "refused", text, size);
        break;
    case GOV_EVENT_LEASE_RESIZED:
        describe_lease(event, "resized", text, size);
        break;
    case GOV_EVENT_LEASE_RELEASED:
        describe_lease(event, "released", text, size);
        break;
    case GOV_EVENT_LEVEL:
        describe_level(&event->u.level, text, size);
        break;
    case GOV_EVENT_TIER_BEGIN:
    case GOV_EVENT_TIER_END:
        describe_tier(event, text, size);
        break;
    case GOV_EVENT_OOM:
        describe_oom(&event->u.oom, text, size);
        break;
    case GOV_EVENT_RUNG:
        snprintf(text, size, "next %s of %s: %s, batch %d", event->u.rung.stage,
                 event->u.rung.owner, event->u.rung.rung, (int)event->u.rung.batch);
        break;
    case GOV_EVENT_BATCH:
        snprintf(text, size, "batch %d -> %d of %s", (int)event->u.batch.from,
                 (int)event->u.batch.to, event->u.batch.regime);
        break;
    case GOV_EVENT_PAUSE:
    case GOV_EVENT_RESUME:
        snprintf(text, size, "%s by %s", event->kind == GOV_EVENT_PAUSE ? "paused" : "resumed",
                 event->u.pause.by_memory ? "memory" : "the user");
        break;
    case GOV_EVENT_NOTE:
        snprintf(text, size, "note %s", event->u.note.text);
        break;
    case GOV_EVENT_KINDS:
        break;
    }
    return text;
}
