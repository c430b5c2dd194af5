/*
 * libgov: the flight recorder, the last events of a run in a ring of bounded size: readings,
 * leases, levels, tiers, out-of-memory, what was done about it. A governor that has one
 * (gov_governor_set_recorder) records by itself; whoever drives it adds what only it knows.
 *
 * Recording copies a struct under a lock of its own: no allocation, no formatting, no clock. It is
 * written out as JSON lines (one event a line, read back by gov_flight_read, so that a flight can
 * be replayed elsewhere) and as a trace for Perfetto or chrome://tracing.
 *
 * Times are the caller's, in microseconds, and never run backwards within a recorder: an event with
 * at_us < 0 or one older than the last gets the time of the last, see gov_recorder_tell_time.
 *
 * Thread-safe, except for creating and freeing.
 */
#ifndef GOV_RECORDER_H
#define GOV_RECORDER_H

#include <gov/device.h>
#include <gov/error.h>
#include <gov/pressure.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_recorder;

/* Every kind has its fields in one member of gov_event.u. */
enum gov_event_kind {
    GOV_EVENT_BEGIN = 0,      /* what is governed: u.begin */
    GOV_EVENT_SAMPLE,         /* a reading: u.sample */
    GOV_EVENT_LEASE_GRANTED,  /* u.lease */
    GOV_EVENT_LEASE_QUEUED,   /* refused for now: u.lease, once for each reason */
    GOV_EVENT_LEASE_NEVER,    /* refused for good: u.lease */
    GOV_EVENT_LEASE_RESIZED,  /* u.lease */
    GOV_EVENT_LEASE_RELEASED, /* u.lease, with its measured peak */
    GOV_EVENT_LEVEL,          /* crossed into another level: u.level */
    GOV_EVENT_TIER_BEGIN,     /* u.tier */
    GOV_EVENT_TIER_END,       /* u.tier, with what it freed */
    GOV_EVENT_OOM,            /* u.oom */
    GOV_EVENT_RUNG,           /* what is tried next: u.rung */
    GOV_EVENT_BATCH,          /* a batch size changed: u.batch */
    GOV_EVENT_PAUSE,          /* admission: u.pause */
    GOV_EVENT_RESUME,         /* u.pause */
    GOV_EVENT_NOTE,           /* u.note */
    GOV_EVENT_KINDS
};

/* Room for labels in events; longer ones are cut. */
#define GOV_EVENT_OWNER_MAX 48
#define GOV_EVENT_STAGE_MAX 24
#define GOV_EVENT_TEXT_MAX  128

struct gov_event_begin {
    int64_t total_bytes; /* of the device */
    int64_t cap_bytes;   /* of the budget */
    char device[GOV_EVENT_OWNER_MAX];
};

/* Bytes that are not known are -1. */
struct gov_event_sample {
    int64_t total_bytes;
    int64_t used_bytes;
    int64_t free_bytes;
    int64_t reserved_bytes;
    int64_t own_bytes;
    int64_t others_bytes;
    int64_t largest_free_bytes;
    int64_t budget_bytes; /* what we may use with the neighbours as they are */
    int64_t leased_bytes;
    int64_t pending_bytes; /* of them not yet taken */
};

struct gov_event_lease {
    uint64_t lease_id; /* 0: none was given */
    int64_t owner_order;
    int64_t pid;
    int64_t predicted_bytes; /* without buffer */
    int64_t granted_bytes;   /* with it; asked for, where refused */
    int64_t room_bytes;      /* what could have been granted; released: -1 */
    int64_t peak_bytes;      /* released: measured, else -1 */
    int64_t held_us;         /* released: how long, else -1 */
    int32_t reason;          /* enum gov_reason */
    char owner[GOV_EVENT_OWNER_MAX];
    char stage[GOV_EVENT_STAGE_MAX];
};

struct gov_event_level {
    int32_t level; /* enum gov_level */
    int32_t previous;
    double used_percent;
};

struct gov_event_tier {
    int32_t tier; /* enum gov_tier */
    int32_t pass;
    int64_t asked;       /* reclaimers, end */
    int64_t failed;      /* of them, end */
    int64_t freed_bytes; /* end: measured, may be negative */
};

struct gov_event_oom {
    uint64_t lease_id;
    int64_t wanted_bytes; /* what could not be had; -1: not known */
    int64_t leased_bytes;
    int64_t used_bytes; /* at the last reading; -1: not known */
    int64_t free_bytes;
    int32_t batch;
    char owner[GOV_EVENT_OWNER_MAX];
    char stage[GOV_EVENT_STAGE_MAX];
};

struct gov_event_rung {
    int32_t batch; /* to try with */
    char rung[GOV_EVENT_STAGE_MAX];
    char owner[GOV_EVENT_OWNER_MAX];
    char stage[GOV_EVENT_STAGE_MAX];
};

struct gov_event_batch {
    int32_t from;
    int32_t to;
    char regime[GOV_EVENT_TEXT_MAX];
};

struct gov_event_pause {
    int32_t by_memory; /* else by the user */
    int64_t paused_us; /* resume: how long; else -1 */
};

struct gov_event_note {
    char text[GOV_EVENT_TEXT_MAX];
};

struct gov_event {
    int64_t at_us;
    uint64_t serial; /* set by the recorder: 0, 1, 2 ... */
    enum gov_event_kind kind;
    union {
        struct gov_event_begin begin;
        struct gov_event_sample sample;
        struct gov_event_lease lease;
        struct gov_event_level level;
        struct gov_event_tier tier;
        struct gov_event_oom oom;
        struct gov_event_rung rung;
        struct gov_event_batch batch;
        struct gov_event_pause pause;
        struct gov_event_note note;
    } u;
};

/* Events kept when nobody says: 27 minutes at ten readings a second, hours at one; 2.8 MB. */
#define GOV_RECORDER_DEFAULT 16384
#define GOV_RECORDER_MOST    1048576

/* capacity 0: GOV_RECORDER_DEFAULT. Errors: INVALID (above GOV_RECORDER_MOST), NOMEM. */
GOV_API int gov_recorder_new(size_t capacity, struct gov_recorder **ret_recorder);
/* Accepts NULL. Take it from its governor first. */
GOV_API void gov_recorder_free(struct gov_recorder *recorder);

/* All of these accept a NULL recorder and then do nothing. Labels may be NULL. */
GOV_API void gov_recorder_add(struct gov_recorder *recorder, const struct gov_event *event);
/* What time it is, for events whose source knows none. */
GOV_API void gov_recorder_tell_time(struct gov_recorder *recorder, int64_t now_us);
GOV_API void gov_recorder_rung(struct gov_recorder *recorder, int64_t at_us, const char *owner,
                               const char *stage, const char *rung, int32_t batch);
GOV_API void gov_recorder_batch(struct gov_recorder *recorder, int64_t at_us, const char *regime,
                                int32_t from, int32_t to);
/* paused_us: how long it lasted, for resume; < 0: not known. */
GOV_API void gov_recorder_pause(struct gov_recorder *recorder, int64_t at_us, bool by_memory);
GOV_API void gov_recorder_resume(struct gov_recorder *recorder, int64_t at_us, bool by_memory,
                                 int64_t paused_us);
GOV_API void gov_recorder_note(struct gov_recorder *recorder, int64_t at_us, const char *text);

struct gov_recorder_stats {
    uint64_t recorded; /* ever: the next serial */
    uint64_t first;    /* serial of the oldest one kept */
    size_t capacity;
    int64_t count[GOV_EVENT_KINDS]; /* ever */
};
GOV_API void gov_recorder_stats(struct gov_recorder *recorder,
                                struct gov_recorder_stats *ret_stats);

/*
 * Copies up to capacity events that are kept, from serial *serial on (older ones that are lost are
 * passed over), oldest first; *serial becomes the one to go on with. Returns how many.
 */
GOV_API size_t gov_recorder_read(struct gov_recorder *recorder, uint64_t *serial,
                                 struct gov_event *events, size_t capacity);

/* Takes bytes of a file that is being written; not 0: stop, the writer returns it. */
typedef int (*gov_write_fn)(void *context, const char *bytes, size_t size);

/*
 * Writes the events kept from *serial on as JSON lines; *serial becomes the one to go on with, so
 * that a file can be added to now and then. Returns 0 or what write returned.
 */
GOV_API int gov_recorder_write_lines(struct gov_recorder *recorder, uint64_t *serial,
                                     gov_write_fn write, void *context);

/* Writes the events kept as a trace in Chrome's JSON format. Returns 0, NOMEM, or write's. */
GOV_API int gov_recorder_write_trace(struct gov_recorder *recorder, gov_write_fn write,
                                     void *context);

/* The same from any events, in order. */
GOV_API int gov_events_write_trace(const struct gov_event *events, size_t count, gov_write_fn write,
                                   void *context);

/* One event as a line of JSON without its newline; GOV_EVENT_LINE_MAX bytes suffice, with its end.
 * Returns its length. Reading takes lines of anybody. Errors: FORMAT. */
#define GOV_EVENT_LINE_MAX 2048
GOV_API size_t gov_event_write_line(const struct gov_event *event, char *line, size_t size);
GOV_API int gov_event_read_line(const char *line, size_t size, struct gov_event *ret_event);

/* An event in words, "granted 2.1GB to render of movie.mkv"; 192 bytes suffice. Returns text. */
GOV_API char *gov_event_describe(const struct gov_event *event, char *text, size_t size);

/* "sample", "lease_granted" ...; never NULL. */
GOV_API const char *gov_event_kind_name(enum gov_event_kind kind);

/* A flight read back. */
struct gov_flight {
    struct gov_event *events;
    size_t count;
    size_t skipped; /* lines that were no events, or too many */
};

/*
 * Reads JSON lines: at most `most` events; lines that make no sense are skipped and counted. Takes
 * memory for what it reads, never for what the text claims. Errors: INVALID, NOMEM.
 */
GOV_API int gov_flight_read(const char *text, size_t size, size_t most,
                            struct gov_flight *ret_flight);
/* Accepts NULL and a zeroed one. */
GOV_API void gov_flight_done(struct gov_flight *flight);

#ifdef __cplusplus
}
#endif

#endif
