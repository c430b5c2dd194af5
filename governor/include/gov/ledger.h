/*
 * libgov: the ledger, the sum of all leases.
 *
 * A lease is memory promised to one stage of one movie. The ledger adds, compares and rolls
 * back: a lease that would carry the sum over the limit leaves no trace but a count.
 *
 *   granted  what was promised
 *   current  what the lease's process was last seen using (0 before the first measurement)
 *   pending  promised and not yet taken: sum over the leases of max(0, granted - current).
 *            The device still shows these bytes as free; admission must not.
 *
 * One thread at a time (struct gov_governor puts a lock around its own).
 */
#ifndef GOV_LEDGER_H
#define GOV_LEDGER_H

#include <gov/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_ledger;

/* No lease has this id. */
#define GOV_LEASE_NONE UINT64_C(0)

enum gov_lease_flag {
    GOV_LEASE_FORCED = 1 << 0 /* granted beyond the budget: the oldest movie always may run */
};

struct gov_lease {
    uint64_t id;               /* never used twice in the life of a ledger */
    char owner[GOV_LABEL_MAX]; /* the movie */
    char stage[GOV_LABEL_MAX]; /* "shots", "render" ... */
    int64_t owner_order;       /* age of the movie: smaller is older */
    int64_t pid;               /* process that uses it, 0 while unknown */
    int64_t predicted_bytes;   /* peak without buffer */
    int64_t granted_bytes;     /* peak with buffer: what the sum counts */
    int64_t current_bytes;     /* last measured, -1 before the first */
    int64_t peak_bytes;        /* highest measured, -1 before the first */
    int64_t granted_at_us;     /* the caller's clock */
    uint32_t flags;            /* GOV_LEASE_* */
};

/* Now, peak, total. */
struct gov_ledger_stats {
    int64_t now_bytes;     /* sum of granted */
    int64_t peak_bytes;    /* highest sum since the last reset */
    int64_t total_bytes;   /* of all leases ever granted; stops at INT64_MAX */
    int64_t pending_bytes; /* promised and not yet taken */
    int64_t now_count;
    int64_t peak_count;
    int64_t total_count;
    int64_t forced_count;       /* ever */
    int64_t rolled_back_count;  /* ever: added, compared, taken back */
    int64_t over_granted_count; /* ever: leases whose measured peak passed what was granted */
};

/* Errors: INVALID, NOMEM. */
GOV_API int gov_ledger_new(struct gov_ledger **ret_ledger);
/* Accepts NULL. */
GOV_API void gov_ledger_free(struct gov_ledger *ledger);

/*
 * Adds a lease made from *lease (id, current, peak are ignored) and rolls it back when the sum
 * of granted then exceeds limit_bytes, unless GOV_LEASE_FORCED is in flags.
 * Errors: INVALID (negative bytes), NO_ROOM (rolled back), RANGE (the sum would overflow), NOMEM.
 */
GOV_API int gov_ledger_add(struct gov_ledger *ledger, const struct gov_lease *lease,
                           int64_t limit_bytes, uint64_t *ret_id);

/* Ends a lease; its last state goes to *ret_lease when that is not NULL. Errors: NOT_FOUND. */
GOV_API int gov_ledger_remove(struct gov_ledger *ledger, uint64_t id, struct gov_lease *ret_lease);

/* A copy of one lease. Errors: NOT_FOUND. */
GOV_API int gov_ledger_get(const struct gov_ledger *ledger, uint64_t id,
                           struct gov_lease *ret_lease);

/* Names the process once it is known. Errors: NOT_FOUND, INVALID (pid < 0). */
GOV_API int gov_ledger_bind(struct gov_ledger *ledger, uint64_t id, int64_t pid);

/*
 * Changes what is granted (a smaller batch, a better estimate); growth is compared with
 * limit_bytes and refused with NO_ROOM, shrinking always succeeds. Errors: NOT_FOUND, INVALID,
 * NO_ROOM, RANGE.
 */
GOV_API int gov_ledger_resize(struct gov_ledger *ledger, uint64_t id, int64_t granted_bytes,
                              int64_t limit_bytes);

/* Notes a measurement for one lease: sets current, raises peak. Errors: NOT_FOUND, INVALID. */
GOV_API int gov_ledger_measure(struct gov_ledger *ledger, uint64_t id, int64_t bytes);

/* Raises one lease's peak without touching current. Errors: NOT_FOUND, INVALID. */
GOV_API int gov_ledger_raise_peak(struct gov_ledger *ledger, uint64_t id, int64_t bytes);

/*
 * Shares out what a process uses among its leases: each is filled up to what it was granted, in
 * the order they were given; the rest goes to the last. Does nothing when it has none.
 */
GOV_API void gov_ledger_measure_pid(struct gov_ledger *ledger, int64_t pid, int64_t bytes);

/* The oldest lease of a process. Errors: NOT_FOUND. */
GOV_API int gov_ledger_find_pid(const struct gov_ledger *ledger, int64_t pid,
                                struct gov_lease *ret_lease);

/* Ends all leases of a process (its socket closed). Returns how many. pid 0 ends none. */
GOV_API size_t gov_ledger_remove_pid(struct gov_ledger *ledger, int64_t pid);

/* Copies up to capacity leases, oldest grant first; returns how many there are. */
GOV_API size_t gov_ledger_list(const struct gov_ledger *ledger, struct gov_lease *leases,
                               size_t capacity);

GOV_API void gov_ledger_stats(const struct gov_ledger *ledger, struct gov_ledger_stats *ret_stats);

/* Peaks start again from now. */
GOV_API void gov_ledger_reset_peak(struct gov_ledger *ledger);

/*
 * Recomputes every sum from the leases and compares; also called after every change in debug
 * builds. false is a bug in libgov.
 */
GOV_API bool gov_ledger_is_valid(const struct gov_ledger *ledger);

#ifdef __cplusplus
}
#endif

#endif
