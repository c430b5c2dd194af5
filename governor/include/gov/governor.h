/*
 * libgov: the governor. It knows a device, keeps the ledger, and decides who gets memory.
 *
 *     struct gov_governor *g;
 *     gov_governor_new(&gov_config_default, device, &log, &g);
 *     gov_governor_sample(g, now_us, NULL);            // measure
 *     gov_governor_admit(g, &request, &admission);     // decide: granted, queue, never
 *     ... do the work; sample now and then ...
 *     gov_governor_release(g, admission.lease_id, &lease);   // lease.peak_bytes
 *
 * The decisions are pure: they use the last sample fed and the ledger, no clock and no I/O.
 * A simulation opens no device and feeds its own samples (gov_governor_feed).
 *
 * All functions are thread-safe unless they say otherwise. The log callback is called by the
 * thread that called in, with no lock held.
 */
#ifndef GOV_GOVERNOR_H
#define GOV_GOVERNOR_H

#include <gov/budget.h>
#include <gov/config.h>
#include <gov/device.h>
#include <gov/ledger.h>
#include <gov/log.h>
#include <gov/pressure.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_governor;
struct gov_recorder;

enum gov_verdict {
    GOV_GRANTED = 0,
    GOV_QUEUED, /* does not fit now; ask again when something was released or freed */
    GOV_NEVER   /* more than the cap: not even an empty device has room; ask for less */
};

enum gov_reason {
    GOV_REASON_FITS = 0,
    GOV_REASON_FORCED,    /* granted although it does not fit */
    GOV_REASON_BUDGET,    /* our budget is spent */
    GOV_REASON_DEVICE,    /* the budget has room, the device has not */
    GOV_REASON_PAUSED,    /* critical pressure paused admission */
    GOV_REASON_NO_SAMPLE, /* no usable or no recent sample */
    GOV_REASON_CAP,       /* asked for more than the cap */
    GOV_REASON_ORDER      /* an older movie waits (gov_governor_admit_in_order) */
};

enum gov_request_flag {
    /*
     * Grant in any case and mark the lease as forced. For the rule "the oldest movie always may
     * run", which is the engine's to apply: use it for one movie at a time.
     */
    GOV_REQUEST_FORCE = 1 << 0,
    /* predicted_bytes is a limit that cannot be passed (a dry run, an rlimit): add no buffer. */
    GOV_REQUEST_EXACT = 1 << 1,
    /* Decide and log nothing, lease nothing: would it fit? */
    GOV_REQUEST_DRY_RUN = 1 << 2
};

/* Zero-fill is valid: an unknown amount, the configured default is assumed. Borrowed. */
struct gov_request {
    const char *owner;       /* the movie, for people; NULL: "" */
    const char *stage;       /* NULL: "" */
    int64_t owner_order;     /* age of the movie, smaller is older (queue position) */
    int64_t stage_order;     /* orders the requests of one movie */
    int64_t pid;             /* 0: not known yet, see gov_governor_bind */
    int64_t predicted_bytes; /* predicted peak; 0: unknown */
    int64_t history_count;   /* how many measurements the prediction rests on */
    int64_t now_us;
    uint32_t flags; /* GOV_REQUEST_* */
};

struct gov_admission {
    enum gov_verdict verdict;
    enum gov_reason reason;
    uint64_t lease_id;     /* GOV_LEASE_NONE unless granted (and not a dry run) */
    int64_t asked_bytes;   /* with buffer */
    int64_t used_bytes;    /* of the device, at the sample; -1 unknown */
    int64_t free_bytes;    /* of the device, at the sample; -1 unknown */
    int64_t cap_bytes;     /* most that could ever be granted */
    int64_t budget_bytes;  /* what we may use with the neighbours as they are */
    int64_t room_bytes;    /* what could have been granted: ask for at most this, with buffer */
    int64_t pending_bytes; /* promised to others and not yet taken */
};

/*
 * A new governor. config is copied and checked (INVALID); device is borrowed until the governor
 * is freed and used only by gov_governor_sample, NULL where samples are fed; log may be NULL and
 * is copied. Errors: INVALID, NOMEM.
 */
GOV_API int gov_governor_new(const struct gov_config *config, struct gov_device *device,
                             const struct gov_log *log, struct gov_governor **ret_governor);

/* Accepts NULL. Not thread-safe. Leases still held simply end; the device stays open. */
GOV_API void gov_governor_free(struct gov_governor *governor);

/*
 * Processes whose memory is ours even when they hold no lease (ourselves, idle workers). The pids
 * of leases are watched by themselves. Watching twice counts once; unwatching an unknown pid does
 * nothing. Errors: INVALID, NOMEM.
 */
GOV_API int gov_governor_watch(struct gov_governor *governor, int64_t pid);
GOV_API void gov_governor_unwatch(struct gov_governor *governor, int64_t pid);

/*
 * Measures: reads the device and our processes (children included), notes each lease's current
 * use, and keeps the sample for admission. ret_sample may be NULL. Errors: INVALID (no device),
 * and those of gov_device_sample; the last sample then stays.
 */
GOV_API int gov_governor_sample(struct gov_governor *governor, int64_t now_us,
                                struct gov_sample *ret_sample);

/*
 * The same from a reading made elsewhere: processes (count of them, may be none) are what our
 * processes use. A sample that says nothing of own gets it from them.
 */
GOV_API int gov_governor_feed(struct gov_governor *governor, const struct gov_sample *sample,
                              const struct gov_process *processes, size_t count);

/* The last sample. Errors: NOT_FOUND before the first. */
GOV_API int gov_governor_last_sample(struct gov_governor *governor, struct gov_sample *ret_sample);

/*
 * Asks for memory. Logs, exactly:
 *     Memory check: 8.2GB used, 2.1GB required, 4.7GB available
 * and, when it is not granted, one line more that says why. Asking again and being refused again
 * for the same reason logs nothing. Being refused is no error: see ret_admission->verdict. Errors:
 * INVALID (negative bytes), RANGE, NOMEM.
 */
GOV_API int gov_governor_admit(struct gov_governor *governor, const struct gov_request *request,
                               struct gov_admission *ret_admission);

/*
 * Sorts requests (oldest movie first, then stage_order, then as given) and admits them in that
 * order. When one is queued, no younger movie's request is admitted after it, so no movie
 * starves; other requests of the same movie still are tried. order[i] gets the index of the i-th
 * tried request, admissions[j] belongs to requests[j]. Stops at the first error.
 */
GOV_API int gov_governor_admit_in_order(struct gov_governor *governor,
                                        const struct gov_request *requests, size_t count,
                                        size_t *order, struct gov_admission *admissions);

/* < 0, 0, > 0 as a goes before, with or after b. Thread-safe. */
GOV_API int gov_request_compare(const struct gov_request *a, const struct gov_request *b);

/* Ends a lease; ret_lease (may be NULL) tells the measured peak. Errors: NOT_FOUND. */
GOV_API int gov_governor_release(struct gov_governor *governor, uint64_t lease_id,
                                 struct gov_lease *ret_lease);

/*
 * Ends all leases of a process (its socket closed) and unwatches it. Returns how many there were.
 */
GOV_API size_t gov_governor_release_pid(struct gov_governor *governor, int64_t pid);

/* Names a lease's process once it has started. Errors: NOT_FOUND, INVALID. */
GOV_API int gov_governor_bind(struct gov_governor *governor, uint64_t lease_id, int64_t pid);

/* A peak measured by the worker itself (rusage, allocator). Errors: NOT_FOUND, INVALID. */
GOV_API int gov_governor_report_peak(struct gov_governor *governor, uint64_t lease_id,
                                     int64_t peak_bytes);

/* Grows (if there is room beside what it holds, else NO_ROOM) or shrinks a lease. Errors:
 * NOT_FOUND, INVALID. */
GOV_API int gov_governor_resize(struct gov_governor *governor, uint64_t lease_id,
                                int64_t granted_bytes);

/* A copy of one lease. Errors: NOT_FOUND. */
GOV_API int gov_governor_lease(struct gov_governor *governor, uint64_t lease_id,
                               struct gov_lease *ret_lease);

/*
 * Something ran out of memory, as a worker told it, or its end. Zero-fill what is not known, but
 * wanted_bytes: -1 then.
 */
struct gov_oom {
    uint64_t lease_id;    /* GOV_LEASE_NONE: owner and stage say whose it was */
    const char *owner;    /* NULL: the lease's */
    const char *stage;    /* NULL: the lease's */
    int64_t wanted_bytes; /* what could not be had */
    int32_t batch;        /* units at once */
    int64_t now_us;
    /* What it had, where the lease has ended already; NULL: ask the ledger. Borrowed. */
    const struct gov_lease *lease;
};

/* Counts it and records it. What to do about it is gov/recover.h's to say. Errors: INVALID. */
GOV_API int gov_governor_note_oom(struct gov_governor *governor, const struct gov_oom *oom);

/*
 * From now on events are recorded there (see gov/recorder.h); NULL: no more. The recorder is
 * borrowed and may serve several governors. Not thread-safe: set it before the governor is used.
 */
GOV_API void gov_governor_set_recorder(struct gov_governor *governor,
                                       struct gov_recorder *recorder);

/*
 * What time it is, for calls that do not say (release, resize). Optional: without it they happen at
 * the latest time that any other call named.
 */
GOV_API void gov_governor_tell_time(struct gov_governor *governor, int64_t now_us);

/* What a tier has done, ever. */
struct gov_tier_stats {
    int64_t runs;
    int64_t passes;
    int64_t fruitless; /* runs that freed next to nothing */
    int64_t freed_bytes;
    int64_t most_freed_bytes; /* by one run */
    int64_t last_freed_bytes;
};

/* Pauses of admission by critical pressure. */
struct gov_pause_stats {
    int64_t count;
    int64_t since_us;   /* of the one that lasts; -1: none does */
    int64_t longest_us; /* of those that ended */
    int64_t total_us;   /* of those that ended */
};

/* Now, peak, total of everything. */
struct gov_status {
    bool has_sample;
    struct gov_sample sample;
    struct gov_budget budget; /* from that sample */
    int64_t room_bytes;       /* what a lease could get now, with buffer */
    struct gov_ledger_stats leases;
    enum gov_level level;
    bool paused;
    struct gov_pressure_state pressure;
    int64_t peak_used_bytes; /* of the device, highest seen since the last reset */
    int64_t peak_own_bytes;
    int64_t samples_count; /* ever */
    int64_t granted_count; /* ever */
    int64_t queued_count;
    int64_t never_count;
    int64_t freed_bytes; /* by tiers, measured, ever */
    struct gov_amount used;
    struct gov_amount own;
    struct gov_amount others;
    struct gov_amount leased;                    /* bytes granted; the same as leases says */
    struct gov_amount lease_count;               /* leases held */
    struct gov_amount pending;                   /* granted and not yet taken; total: as leased */
    struct gov_tier_stats tiers[GOV_TIER_COUNT]; /* by enum gov_tier; [0] is their sum */
    struct gov_pause_stats pauses;
    int64_t ooms_count;           /* ever */
    int64_t resized_count;        /* leases grown or shrunk, ever */
    int64_t released_count;       /* leases ended, ever */
    int64_t samples_failed_count; /* readings that failed, ever */
};

GOV_API void gov_governor_status(struct gov_governor *governor, struct gov_status *ret_status);

/* Copies up to capacity leases, oldest grant first; returns how many there are. */
GOV_API size_t gov_governor_leases(struct gov_governor *governor, struct gov_lease *leases,
                                   size_t capacity);

/*
 * How long to wait until the next sample: a quarter of the time in which the fastest filling seen
 * lately would use up what is free, within config->sample_min_us and sample_max_us. The
 * fastest filling is forgotten by a tenth with every sample.
 */
GOV_API int64_t gov_governor_next_sample_us(struct gov_governor *governor);

/* Peaks (leases, used, own) start again from now. */
GOV_API void gov_governor_reset_peaks(struct gov_governor *governor);

/*
 * Recomputes and compares all that must hold: the ledger's sums, counts against one another, peaks
 * above what is now. Also called after every change in debug builds. false is a bug in libgov.
 */
GOV_API bool gov_governor_is_valid(struct gov_governor *governor);

/*
 * Decides about pressure from the last sample: level, crossings, tier to run, pause and resume.
 * Call after each sample. Logs the line of a tier it orders ("Medium memory pressure (72.1%) -
 * performing standard cleanup") and level changes; runs nothing (see gov/reclaim.h).
 */
GOV_API int gov_governor_check_pressure(struct gov_governor *governor, int64_t now_us,
                                        int64_t reclaimable_bytes,
                                        struct gov_pressure_decision *ret_decision);

/* "granted", "queued", "never fits" / "fits", "budget", ...; never NULL. Thread-safe. */
GOV_API const char *gov_verdict_name(enum gov_verdict verdict);
GOV_API const char *gov_reason_name(enum gov_reason reason);

#ifdef __cplusplus
}
#endif

#endif
