/*
 * The post-mortem: what there was when memory ran out, so that a person sees at a glance whether
 * the estimate was too low, a neighbour came, or the device is in pieces. It is written at a moment
 * when memory is short, hence no allocation: leases and events come through arrays of fixed size.
 */
#include <gov/post_mortem.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

enum { COLUMNS = 80, LINES = 24, LEASES_SEEN = 64, OWNERS_SHOWN = 6, EVENTS_SEEN = 64 };

/* The text so far. */
struct page {
    char *text;
    size_t size;
    size_t length;
    int lines;
};

/* The last end of a part of the sentence in line[from..to), or of a word; 0: there is none. */
static size_t last_end(const char *line, size_t from, size_t to, const char *ends)
{
    for (size_t at = to; at > from; at--)
        if (strchr(ends, line[at - 1]) && (line[at] == ' ' || line[at - 1] == ' '))
            return at - 1;
    return 0;
}

/* What is too long says less: it ends with a part of the sentence, or at least with a word. */
static size_t cut_to_columns(const char *line)
{
    size_t columns = 0, at = 0, half = 0;
    for (; line[at]; at++) {
        bool starts_character = ((unsigned char)line[at] & 0xc0) != 0x80;
        if (starts_character && ++columns > COLUMNS)
            break;
        if (columns == COLUMNS / 2)
            half = at;
    }
    if (!line[at])
        return at;
    size_t end = last_end(line, half, at, ",;:");
    if (!end)
        end = last_end(line, half, at, " ");
    return end ? end : at;
}

__attribute__((format(printf, 2, 3))) static void put_line(struct page *page, const char *format,
                                                           ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t length = cut_to_columns(line);
    if (page->lines == LINES || length + 2 > page->size - page->length)
        return;
    memcpy(page->text + page->length, line, length);
    page->length += length;
    page->text[page->length++] = '\n';
    page->text[page->length] = 0;
    page->lines++;
}

struct amount {
    char text[24];
};

static struct amount size_of(bool known, int64_t bytes)
{
    struct amount amount = {"?"};
    if (known)
        gov_format_size(bytes, amount.text, sizeof amount.text);
    return amount;
}

static struct amount sampled(const struct gov_status *status, uint32_t field, int64_t bytes)
{
    return size_of(status->has_sample && status->sample.valid & field, bytes);
}

static void put_request(struct page *page, struct gov_governor *g, const struct gov_oom *oom)
{
    struct gov_lease lease = {.granted_bytes = 0};
    bool leased = oom->lease || (oom->lease_id && !gov_governor_lease(g, oom->lease_id, &lease));
    if (oom->lease)
        lease = *oom->lease;
    char owner[GOV_LABEL_MAX], stage[GOV_LABEL_MAX], requested[48] = "";
    gov_copy_label(owner, oom->owner ? oom->owner : lease.owner);
    gov_copy_label(stage, oom->stage ? oom->stage : lease.stage);
    put_line(page, "OUT OF MEMORY: %s of %s, batch %d, at %lld.%03lld s", *stage ? stage : "work",
             *owner ? owner : "?", (int)oom->batch, (long long)(oom->now_us / 1000000),
             (long long)(oom->now_us / 1000 % 1000));
    bool measured = leased && lease.peak_bytes >= 0;
    if (oom->wanted_bytes > 0)
        snprintf(requested, sizeof requested, "requested %s more; ",
                 size_of(true, oom->wanted_bytes).text);
    put_line(page, "  %sleased %s (predicted %s), measured peak %s", requested,
             size_of(leased, lease.granted_bytes).text,
             size_of(leased && lease.predicted_bytes > 0, lease.predicted_bytes).text,
             size_of(measured, lease.peak_bytes).text);
}

static void put_device(struct page *page, const struct gov_status *status)
{
    const struct gov_sample *s = &status->sample;
    double percent = status->has_sample ? gov_sample_used_percent(s) : -1;
    int64_t tenths = percent < 0 ? 0 : (int64_t)(percent * 10 + 0.5);
    put_line(page, "  device    %s: used %s, reserved %s, own %s, others %s",
             sampled(status, GOV_SAMPLE_TOTAL, s->total_bytes).text,
             sampled(status, GOV_SAMPLE_USED, s->used_bytes).text,
             sampled(status, GOV_SAMPLE_RESERVED, s->reserved_bytes).text,
             sampled(status, GOV_SAMPLE_OWN, s->own_bytes).text,
             sampled(status, GOV_SAMPLE_OTHERS, s->others_bytes).text);
    put_line(page, "  free      %s, the largest piece %s; most used so far %s",
             sampled(status, GOV_SAMPLE_FREE, s->free_bytes).text,
             sampled(status, GOV_SAMPLE_LARGEST_FREE, s->largest_free_bytes).text,
             size_of(status->has_sample, status->used.peak).text);
    put_line(page, "  budget    %s with these neighbours, at most %s; room for %s",
             size_of(status->has_sample, status->budget.ours_bytes).text,
             size_of(status->has_sample, status->budget.cap_bytes).text,
             size_of(status->has_sample, status->room_bytes).text);
    put_line(page, "  level     %s (%lld.%lld%%), admission %s; out of memory %lld times so far",
             gov_level_name(status->level), (long long)(tenths / 10), (long long)(tenths % 10),
             status->paused ? "paused" : "open", (long long)status->ooms_count);
    const struct gov_tier_stats *tiers = status->tiers;
    put_line(page, "  cleanups  standard %lld, aggressive %lld, emergency %lld; freed %s",
             (long long)tiers[GOV_TIER_STANDARD].runs, (long long)tiers[GOV_TIER_AGGRESSIVE].runs,
             (long long)tiers[GOV_TIER_EMERGENCY].runs,
             size_of(true, tiers[GOV_TIER_NONE].freed_bytes).text);
}

/* All leases of one movie. */
struct owner {
    const char *name;
    int64_t granted_bytes;
    int64_t current_bytes;
    char stages[GOV_LABEL_MAX];
};

static size_t by_owner(const struct gov_lease *leases, size_t count, struct owner *owners)
{
    size_t owner_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < owner_count && strcmp(owners[k].name, leases[i].owner) != 0)
            k++;
        if (k == owner_count)
            owners[owner_count++] = (struct owner){.name = leases[i].owner};
        struct owner *owner = &owners[k];
        owner->granted_bytes = gov_add_saturated(owner->granted_bytes, leases[i].granted_bytes);
        owner->current_bytes =
            gov_add_saturated(owner->current_bytes, MAX(leases[i].current_bytes, 0));
        size_t used = strlen(owner->stages);
        snprintf(owner->stages + used, sizeof owner->stages - used, "%s%s", used ? ", " : "",
                 leases[i].stage);
    }
    for (size_t i = 1; i < owner_count; i++) { /* most first; few, so by insertion */
        struct owner owner = owners[i];
        size_t at = i;
        for (; at > 0 && owners[at - 1].granted_bytes < owner.granted_bytes; at--)
            owners[at] = owners[at - 1];
        owners[at] = owner;
    }
    return owner_count;
}

static void put_leases(struct page *page, struct gov_governor *g, const struct gov_status *status)
{
    struct gov_lease leases[LEASES_SEEN];
    struct owner owners[LEASES_SEEN];
    size_t all = gov_governor_leases(g, leases, LEASES_SEEN);
    size_t count = by_owner(leases, MIN(all, (size_t)LEASES_SEEN), owners);
    put_line(page, "  leased    %s in %lld leases, %s of it not yet taken",
             size_of(true, status->leased.now).text, (long long)status->lease_count.now,
             size_of(true, status->pending.now).text);
    for (size_t i = 0; i < MIN(count, (size_t)OWNERS_SHOWN); i++)
        put_line(page, "    %-8s %s: %s, uses %s", size_of(true, owners[i].granted_bytes).text,
                 owners[i].name, owners[i].stages, size_of(true, owners[i].current_bytes).text);
    if (count > OWNERS_SHOWN || all > LEASES_SEEN)
        put_line(page, "    and others");
}

static char *owner_of(struct gov_event *event)
{
    switch (event->kind) {
    case GOV_EVENT_LEASE_GRANTED:
    case GOV_EVENT_LEASE_QUEUED:
    case GOV_EVENT_LEASE_NEVER:
    case GOV_EVENT_LEASE_RESIZED:
    case GOV_EVENT_LEASE_RELEASED:
        return event->u.lease.owner;
    case GOV_EVENT_OOM:
        return event->u.oom.owner;
    case GOV_EVENT_RUNG:
        return event->u.rung.owner;
    default:
        return NULL;
    }
}

/* The event in so many bytes, which are no fewer than columns: a long name is cut to what the rest
 * of the line leaves it. */
static const char *describe_within(struct gov_event *event, size_t room, char *text, size_t size)
{
    enum { LEAST = 10 };
    static const char mark[] = "..";
    char *owner = owner_of(event);
    size_t length = strlen(gov_event_describe(event, text, size));
    size_t named = owner ? strlen(owner) : 0;
    size_t over = length > room ? length - room + sizeof mark - 1 : 0;
    if (!over || named < LEAST + sizeof mark)
        return text;
    size_t kept = MAX(named > over ? named - over : 0, (size_t)LEAST);
    if (kept + sizeof mark > named)
        return text;
    while (kept > 0 && ((unsigned char)owner[kept] & 0xc0) == 0x80)
        kept--;
    memcpy(owner + kept, mark, sizeof mark);
    return gov_event_describe(event, text, size);
}

/* Readings say nothing that is not above already. */
static void put_events(struct page *page, struct gov_recorder *recorder, int64_t now_us)
{
    struct gov_recorder_stats stats;
    struct gov_event events[EVENTS_SEEN];
    gov_recorder_stats(recorder, &stats);
    uint64_t serial = stats.recorded > EVENTS_SEEN ? stats.recorded - EVENTS_SEEN : 0;
    size_t count = gov_recorder_read(recorder, &serial, events, EVENTS_SEEN);
    if (count && events[count - 1].kind == GOV_EVENT_OOM)
        count--; /* this one */
    int room = LINES - page->lines - 1;
    size_t first = count;
    for (int shown = 0; first > 0 && shown < room; first--)
        shown += events[first - 1].kind != GOV_EVENT_SAMPLE;
    if (room < 1 || first == count)
        return;
    put_line(page, "  before");
    for (size_t i = first; i < count; i++) {
        char text[192];
        if (events[i].kind == GOV_EVENT_SAMPLE)
            continue;
        int64_t ago_ms = MAX(now_us - events[i].at_us, 0) / 1000;
        char ago[32];
        snprintf(ago, sizeof ago, "-%lld.%03lld", (long long)(ago_ms / 1000),
                 (long long)(ago_ms % 1000));
        put_line(page, "%12s s  %s", ago,
                 describe_within(&events[i], COLUMNS - 16, text, sizeof text));
    }
}

size_t gov_post_mortem(struct gov_governor *g, struct gov_recorder *recorder,
                       const struct gov_oom *oom, char *text, size_t size)
{
    if (!text || !size)
        return 0;
    text[0] = 0;
    if (!g || !oom)
        return 0;
    struct page page = {.text = text, .size = size};
    struct gov_status status;
    gov_governor_status(g, &status);
    put_request(&page, g, oom);
    put_device(&page, &status);
    put_leases(&page, g, &status);
    put_events(&page, recorder, oom->now_us);
    return page.length;
}
