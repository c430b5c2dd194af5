/*
 * Events as JSON lines and back. One table says for every kind which fields it has; the writer and
 * the reader both come from it, so a field that is written is also read. What is not known (-1) is
 * left out and read as -1 again. Lines come from files anybody may have changed: every value is
 * checked, names that are not known are passed over, so that later versions can add some.
 */
#include <gov/governor.h>
#include <gov/recorder.h>

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "util.h"

enum field_type {
    FIELD_BYTES, /* int64_t, -1 is left out */
    FIELD_I64,
    FIELD_U64,
    FIELD_I32,
    FIELD_FLAG, /* int32_t, 0 or 1 */
    FIELD_REAL,
    FIELD_LEVEL, /* int32_t, by name */
    FIELD_TIER,
    FIELD_REASON,
    FIELD_TEXT
};

struct field {
    const char *name; /* NULL ends the list */
    enum field_type type;
    size_t offset; /* in struct gov_event */
    size_t size;
};

#define F(kind, member, type)                                                                      \
    {                                                                                              \
#member, FIELD_##type, offsetof(struct gov_event, u.kind.member),                          \
            sizeof((struct gov_event *)0)->u.kind.member                                           \
    }
#define FIELDS(name) static const struct field name##_fields[]
#define END                                                                                        \
    {                                                                                              \
        NULL, FIELD_I64, 0, 0                                                                      \
    }

FIELDS(begin) = {F(begin, total_bytes, BYTES), F(begin, cap_bytes, I64), F(begin, device, TEXT),
                 END};
FIELDS(sample) = {F(sample, total_bytes, BYTES),
                  F(sample, used_bytes, BYTES),
                  F(sample, free_bytes, BYTES),
                  F(sample, reserved_bytes, BYTES),
                  F(sample, own_bytes, BYTES),
                  F(sample, others_bytes, BYTES),
                  F(sample, largest_free_bytes, BYTES),
                  F(sample, budget_bytes, I64),
                  F(sample, leased_bytes, I64),
                  F(sample, pending_bytes, I64),
                  END};
FIELDS(lease) = {
    F(lease, lease_id, U64),        F(lease, owner_order, I64),   F(lease, pid, I64),
    F(lease, predicted_bytes, I64), F(lease, granted_bytes, I64), F(lease, room_bytes, I64),
    F(lease, peak_bytes, BYTES),    F(lease, held_us, BYTES),     F(lease, reason, REASON),
    F(lease, owner, TEXT),          F(lease, stage, TEXT),        END};
FIELDS(level) = {F(level, level, LEVEL), F(level, previous, LEVEL), F(level, used_percent, REAL),
                 END};
FIELDS(tier) = {F(tier, tier, TIER),  F(tier, pass, I32),        F(tier, asked, I64),
                F(tier, failed, I64), F(tier, freed_bytes, I64), END};
FIELDS(oom) = {F(oom, lease_id, U64),     F(oom, wanted_bytes, BYTES), F(oom, leased_bytes, BYTES),
               F(oom, used_bytes, BYTES), F(oom, free_bytes, BYTES),   F(oom, batch, I32),
               F(oom, owner, TEXT),       F(oom, stage, TEXT),         END};
FIELDS(rung) = {F(rung, rung, TEXT), F(rung, batch, I32), F(rung, owner, TEXT),
                F(rung, stage, TEXT), END};
FIELDS(batch) = {F(batch, from, I32), F(batch, to, I32), F(batch, regime, TEXT), END};
FIELDS(pause) = {F(pause, by_memory, FLAG), F(pause, paused_us, BYTES), END};
FIELDS(note) = {F(note, text, TEXT), END};

static const struct {
    const char *name;
    const struct field *fields;
} kinds[GOV_EVENT_KINDS] = {
    [GOV_EVENT_BEGIN] = {"begin", begin_fields},
    [GOV_EVENT_SAMPLE] = {"sample", sample_fields},
    [GOV_EVENT_LEASE_GRANTED] = {"lease_granted", lease_fields},
    [GOV_EVENT_LEASE_QUEUED] = {"lease_queued", lease_fields},
    [GOV_EVENT_LEASE_NEVER] = {"lease_never", lease_fields},
    [GOV_EVENT_LEASE_RESIZED] = {"lease_resized", lease_fields},
    [GOV_EVENT_LEASE_RELEASED] = {"lease_released", lease_fields},
    [GOV_EVENT_LEVEL] = {"level", level_fields},
    [GOV_EVENT_TIER_BEGIN] = {"tier_begin", tier_fields},
    [GOV_EVENT_TIER_END] = {"tier_end", tier_fields},
    [GOV_EVENT_OOM] = {"oom", oom_fields},
    [GOV_EVENT_RUNG] = {"rung", rung_fields},
    [GOV_EVENT_BATCH] = {"batch", batch_fields},
    [GOV_EVENT_PAUSE] = {"pause", pause_fields},
    [GOV_EVENT_RESUME] = {"resume", pause_fields},
    [GOV_EVENT_NOTE] = {"note", note_fields},
};

const char *gov_event_kind_name(enum gov_event_kind kind)
{
    return kind >= 0 && kind < GOV_EVENT_KINDS ? kinds[kind].name : "?";
}

static const char *level_name(int32_t value)
{
    return gov_level_name((enum gov_level)value);
}

static const char *tier_name(int32_t value)
{
    return gov_tier_name((enum gov_tier)value);
}

static const char *reason_name(int32_t value)
{
    return gov_reason_name((enum gov_reason)value);
}

typedef const char *(*name_fn)(int32_t value);

static name_fn namer(enum field_type type)
{
    return type == FIELD_LEVEL ? level_name : type == FIELD_TIER ? tier_name : reason_name;
}

static bool is_left_out(const struct field *field, const char *at)
{
    int64_t value;
    if (field->type != FIELD_BYTES)
        return false;
    memcpy(&value, at, sizeof value);
    return value < 0;
}

static void write_value(struct gov_out *out, const struct field *field, const char *at)
{
    int64_t i64;
    uint64_t u64;
    int32_t i32;
    double real;
    switch (field->type) {
    case FIELD_BYTES:
    case FIELD_I64:
        memcpy(&i64, at, sizeof i64);
        gov_out_i64(out, i64);
        break;
    case FIELD_U64: /* ids stay below 2^63 */
        memcpy(&u64, at, sizeof u64);
        gov_out_i64(out, (int64_t)MIN(u64, (uint64_t)INT64_MAX));
        break;
    case FIELD_I32:
    case FIELD_FLAG:
        memcpy(&i32, at, sizeof i32);
        gov_out_i64(out, i32);
        break;
    case FIELD_REAL:
        memcpy(&real, at, sizeof real);
        gov_out_real(out, real);
        break;
    case FIELD_LEVEL:
    case FIELD_TIER:
    case FIELD_REASON:
        memcpy(&i32, at, sizeof i32);
        gov_out_string(out, namer(field->type)(i32));
        break;
    case FIELD_TEXT:
        gov_out_string(out, at);
        break;
    }
}

static void write_event(struct gov_out *out, const struct gov_event *event)
{
    gov_out_text(out, "{\"at_us\":");
    gov_out_i64(out, event->at_us);
    gov_out_text(out, ",\"serial\":");
    gov_out_i64(out, (int64_t)MIN(event->serial, (uint64_t)INT64_MAX));
    gov_out_text(out, ",\"kind\":");
    gov_out_string(out, gov_event_kind_name(event->kind));
    bool known = event->kind >= 0 && event->kind < GOV_EVENT_KINDS;
    for (const struct field *f = known ? kinds[event->kind].fields : NULL; f && f->name; f++) {
        const char *at = (const char *)event + f->offset;
        if (is_left_out(f, at))
            continue;
        gov_out_text(out, ",\"");
        gov_out_text(out, f->name);
        gov_out_text(out, "\":");
        write_value(out, f, at);
    }
    gov_out_text(out, "}");
}

/* A line in memory: what does not fit is cut. */
struct line {
    char *text;
    size_t size;
    size_t length;
};

static int append(void *context, const char *bytes, size_t size)
{
    struct line *line = context;
    size_t part = MIN(size, line->size - 1 - line->length);
    memcpy(line->text + line->length, bytes, part);
    line->length += part;
    return 0;
}

size_t gov_event_write_line(const struct gov_event *event, char *text, size_t size)
{
    if (!size)
        return 0;
    struct line line = {text, size, 0};
    struct gov_out out;
    out.write = append;
    out.context = &line;
    out.error = 0;
    out.length = 0;
    write_event(&out, event);
    gov_out_flush(&out);
    text[line.length] = 0;
    return line.length;
}

int gov_recorder_write_lines(struct gov_recorder *recorder, uint64_t *serial, gov_write_fn write,
                             void *context)
{
    enum { PIECE = 16 };
    struct gov_event events[PIECE];
    struct gov_out out;
    uint64_t next = *serial;
    size_t count;
    out.write = write;
    out.context = context;
    out.error = 0;
    out.length = 0;
    while ((count = gov_recorder_read(recorder, &next, events, PIECE)) > 0) {
        for (size_t i = 0; i < count; i++) {
            write_event(&out, &events[i]);
            gov_out_text(&out, "\n");
        }
        /* Handed over before more is read: what failed to be written can be asked for again. */
        if (gov_out_flush(&out))
            return out.error;
        *serial = next;
    }
    *serial = next;
    return GOV_OK;
}

static bool read_name(const struct gov_json_member *member, enum field_type type,
                      int32_t *ret_value)
{
    static const int32_t counts[] = {[FIELD_LEVEL] = GOV_LEVEL_COUNT,
                                     [FIELD_TIER] = GOV_TIER_COUNT,
                                     [FIELD_REASON] = GOV_REASON_ORDER + 1};
    char name[32];
    if (!gov_json_text(member, name, sizeof name))
        return false;
    for (int32_t i = 0; i < counts[type]; i++) {
        if (!strcmp(namer(type)(i), name)) {
            *ret_value = i;
            return true;
        }
    }
    return false;
}

static bool read_value(const struct gov_json_member *member, const struct field *field, char *at)
{
    int64_t i64 = 0;
    uint64_t u64 = 0;
    int32_t i32 = 0;
    double real = 0;
    switch (field->type) {
    case FIELD_BYTES:
    case FIELD_I64:
        if (!gov_json_i64(member, &i64) || (field->type == FIELD_BYTES && i64 < 0))
            return false;
        memcpy(at, &i64, sizeof i64);
        return true;
    case FIELD_U64:
        if (!gov_json_u64(member, &u64) || u64 > (uint64_t)INT64_MAX)
            return false;
        memcpy(at, &u64, sizeof u64);
        return true;
    case FIELD_I32:
    case FIELD_FLAG:
        if (!gov_json_i64(member, &i64) || i64 < INT32_MIN || i64 > INT32_MAX ||
            (field->type == FIELD_FLAG && i64 != 0 && i64 != 1))
            return false;
        i32 = (int32_t)i64;
        memcpy(at, &i32, sizeof i32);
        return true;
    case FIELD_REAL:
        if (!gov_json_real(member, &real))
            return false;
        memcpy(at, &real, sizeof real);
        return true;
    case FIELD_LEVEL:
    case FIELD_TIER:
    case FIELD_REASON:
        if (!read_name(member, field->type, &i32))
            return false;
        memcpy(at, &i32, sizeof i32);
        return true;
    case FIELD_TEXT:
        return gov_json_text(member, at, field->size);
    }
    return false;
}

static bool read_kind(const struct gov_json_member *members, size_t count,
                      enum gov_event_kind *ret_kind)
{
    const struct gov_json_member *member = gov_json_find(members, count, "kind");
    char name[32];
    if (!member || !gov_json_text(member, name, sizeof name))
        return false;
    for (int kind = 0; kind < GOV_EVENT_KINDS; kind++) {
        if (!strcmp(kinds[kind].name, name)) {
            *ret_kind = (enum gov_event_kind)kind;
            return true;
        }
    }
    return false;
}

int gov_event_read_line(const char *line, size_t size, struct gov_event *ret_event)
{
    struct gov_json_member members[GOV_JSON_MEMBERS_MAX];
    struct gov_event event;
    memset(&event, 0, sizeof event);
    int found = line ? gov_json_split(line, size, members, GOV_JSON_MEMBERS_MAX) : -1;
    if (found < 0 || !read_kind(members, (size_t)found, &event.kind))
        return GOV_E_FORMAT;
    size_t count = (size_t)found;
    const struct gov_json_member *at = gov_json_find(members, count, "at_us");
    const struct gov_json_member *serial = gov_json_find(members, count, "serial");
    if (!at || !gov_json_i64(at, &event.at_us) || event.at_us < 0 ||
        (serial && !gov_json_u64(serial, &event.serial)))
        return GOV_E_FORMAT;
    for (const struct field *f = kinds[event.kind].fields; f->name; f++) {
        const struct gov_json_member *member = gov_json_find(members, count, f->name);
        char *to = (char *)&event + f->offset;
        const int64_t unknown = -1;
        if (!member && f->type == FIELD_BYTES)
            memcpy(to, &unknown, sizeof unknown);
        else if (!member || !read_value(member, f, to))
            return GOV_E_FORMAT;
    }
    *ret_event = event;
    return GOV_OK;
}

static int keep(struct gov_flight *flight, size_t *capacity, size_t most,
                const struct gov_event *event)
{
    if (flight->count == *capacity) {
        size_t grown_to = MIN(*capacity ? *capacity * 2 : 64, most);
        struct gov_event *grown = realloc(flight->events, grown_to * sizeof *grown);
        if (!grown)
            return GOV_E_NOMEM;
        flight->events = grown;
        *capacity = grown_to;
    }
    flight->events[flight->count++] = *event;
    return GOV_OK;
}

int gov_flight_read(const char *text, size_t size, size_t most, struct gov_flight *ret_flight)
{
    struct gov_flight flight = {0};
    size_t capacity = 0;
    if ((size && !text) || !ret_flight || most > SIZE_MAX / sizeof(struct gov_event))
        return GOV_E_INVALID;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        struct gov_event event;
        bool blank = length == 0 || (length == 1 && text[at] == '\r');
        bool understood = !blank && !gov_event_read_line(text + at, length, &event);
        if (understood && flight.count < most) {
            if (keep(&flight, &capacity, most, &event)) {
                gov_flight_done(&flight);
                return GOV_E_NOMEM;
            }
        } else if (!blank) {
            flight.skipped++;
        }
        at += length + 1;
    }
    *ret_flight = flight;
    return GOV_OK;
}

void gov_flight_done(struct gov_flight *flight)
{
    if (!flight)
        return;
    free(flight->events);
    *flight = (struct gov_flight){0};
}
