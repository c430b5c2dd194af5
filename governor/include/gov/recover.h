/*
 * libgov: the ladder, what to do after an out-of-memory. Pure state, no clock, no I/O: it says
 * which rung comes next; whoever embeds it does it and tries again.
 *
 *     retry       something was freed meanwhile, or the lease can grow: try again
 *     standard    run the standard tier, try again
 *     aggressive  run the aggressive tier, try again
 *     hold        admit nobody younger until this one is through, try again once they are gone
 *     emergency   end the worker, wait until its memory is back (gov_recovery_*), start it again
 *                 with a quarter of the batch; again until the batch is 1
 *     smaller     batch 1 and smaller settings; again where there are still smaller ones; a lease
 *                 may be too low for them anew, so they get their retries
 *     cpu         batch 1 on the CPU, where the device is a GPU
 *     fallback    do the work in another way that needs none of this memory, with a poorer result
 *     fail        give this movie up, keep what is finished, say why, go on with the next
 *
 * Every rung is bounded: the mild ones are climbed once for each piece of work, emergency at most
 * log4(batch) + 2 times, smaller at most GOV_RECOVER_SMALLER times, so that a persistent shortage
 * reaches fail after a known number of tries (gov_recover_most_tries). A batch that was a probe
 * (more than is known to work) is believed to be at fault: of the mild rungs only a larger lease is
 * tried, and batch 1 goes to smaller settings at once. So is a lease that was forced beyond the
 * room there was, but for younger work beside it. Work that got on (a unit finished) starts at the
 * bottom again with the batch that worked. One thread at a time.
 */
#ifndef GOV_RECOVER_H
#define GOV_RECOVER_H

#include <gov/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gov_rung {
    GOV_RUNG_RETRY = 0,
    GOV_RUNG_STANDARD,
    GOV_RUNG_AGGRESSIVE,
    GOV_RUNG_HOLD,
    GOV_RUNG_EMERGENCY,
    GOV_RUNG_SMALLER,
    GOV_RUNG_CPU,
    GOV_RUNG_FALLBACK,
    GOV_RUNG_FAIL,
    GOV_RUNG_COUNT
};

/* At most so many retries because something was freed, for one piece of work. */
#define GOV_RECOVER_RETRIES 3
/* Steps of smaller settings at most, for one piece of work. */
#define GOV_RECOVER_SMALLER 3
/* Less than this coming free is noise, where it is not known how much was wanted. */
#define GOV_RECOVER_FREED_BYTES (64 * GOV_MB)

/* One piece of work (a stage of a movie). Zero-fill is valid: nothing has gone wrong. */
struct gov_recover {
    uint32_t climbed; /* rungs tried since the last success, as bits 1u << gov_rung */
    int32_t retries;  /* of GOV_RUNG_RETRY since the last success or smaller settings */
    int32_t smaller;  /* of GOV_RUNG_SMALLER since the last success */
    int32_t tries[GOV_RUNG_COUNT]; /* ever */
    int64_t ooms;                  /* ever */
};

struct gov_recover_input {
    int32_t batch;           /* that ran out of memory, >= 1 */
    int32_t batch_good;      /* known to work in this regime, below batch; 0: none */
    int64_t free_then_bytes; /* free when it failed, with what it held; < 0: unknown */
    int64_t free_now_bytes;  /* the same at a sample after it; < 0: unknown */
    int64_t wanted_bytes;    /* all it needs; <= 0: unknown */
    bool lease_can_grow;     /* the ledger and the device have room for a larger lease */
    bool has_younger;        /* younger work holds or will hold memory that could be held back */
    bool has_smaller;        /* smaller settings exist and are not in force */
    bool is_probe;           /* the batch was more than what is known to work in this regime */
    bool was_forced;         /* its lease was more than there was room for */
    bool cleanup_is_vain; /* it ran into a limit of its own, under which no tier frees anything */
    bool has_cpu;         /* it could run without the device and does not */
    bool has_fallback;    /* it could be done in another way and is not */
};

struct gov_recover_decision {
    enum gov_rung rung;
    int32_t batch; /* to try with */
};

/* An out-of-memory happened: what now? Counts it. */
GOV_API struct gov_recover_decision gov_recover_next(struct gov_recover *recover,
                                                     const struct gov_recover_input *input);

/* The work got on: the ladder starts at the bottom next time. */
GOV_API void gov_recover_note_success(struct gov_recover *recover);

/* The most out-of-memories without any success between them until GOV_RUNG_FAIL. */
GOV_API int32_t gov_recover_most_tries(int32_t batch);

/* "retry", "standard cleanup", ... */
GOV_API const char *gov_rung_name(enum gov_rung rung);

/*
 * The recovery wait: a worker that held `held` bytes was ended. Its memory is back when the device
 * shows `GOV_RECOVERY_PERCENT` of them free again, what neighbours took meanwhile accounted for.
 * Where the use of others is only what is left over (used - own), the memory of a process that just
 * ended counts as theirs until the driver has returned it: take others_before after its end.
 */
#define GOV_RECOVERY_PERCENT 95
#define GOV_RECOVERY_MAX_US  INT64_C(5000000)

struct gov_recovery {
    int64_t began_us;
    int64_t held_bytes;
    int64_t free_before_bytes;   /* while it still held them; < 0: unknown */
    int64_t others_before_bytes; /* at the first sample after its end; < 0: unknown */
};

enum gov_recovery_state { GOV_RECOVERY_WAITING = 0, GOV_RECOVERY_BACK, GOV_RECOVERY_TIMED_OUT };

/* free_bytes, others_bytes: from a sample taken at now_us, < 0: unknown (then time decides). */
GOV_API enum gov_recovery_state gov_recovery_check(const struct gov_recovery *recovery,
                                                   int64_t now_us, int64_t free_bytes,
                                                   int64_t others_bytes);

#ifdef __cplusplus
}
#endif

#endif
