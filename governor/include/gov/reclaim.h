/*
 * libgov: reclaimers, things that can give memory back, and tiers, the runs that ask them.
 *
 *     decision = gov_governor_check_pressure(...)          decide
 *     if (decision.tier) gov_governor_run_tier(...)        act
 *     ... wait until what run.running counts has answered ...
 *     gov_governor_end_tier(...)                           measure, record, log
 *     while run.again: run and end once more (emergency only, three passes at most)
 *
 * What a tier freed is never what a reclaimer claims, but the difference between a reading before
 * and one after it: of our own use where the device knows it, else of the device's.
 */
#ifndef GOV_RECLAIM_H
#define GOV_RECLAIM_H

#include <gov/governor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gov_reclaim_result {
    GOV_RECLAIM_DONE = 0,
    GOV_RECLAIM_RUNNING = 1, /* asked for; the memory comes back later */
    GOV_RECLAIM_NOTHING = 2  /* had nothing to give */
};

/* One row of the embedder's table. Borrowed for the call. */
struct gov_reclaimer {
    const char *name;
    enum gov_tier tier; /* the mildest tier that asks it; stronger ones ask it too */
    /*
     * What getting back what it gives costs, in microseconds of work: 0 for cached free blocks, the
     * loading time for an idle model. Within one tier free ones come first and all of them are
     * asked; the others follow, cheapest per byte first, and only as far as needed.
     */
    int64_t reload_us;
    /* Bytes it could free now, < 0 when it cannot say. Optional; absent: cannot say. */
    int64_t (*reclaimable)(void *context);
    /*
     * Required. Gives back about want_bytes (INT64_MAX: all it can). Returns a gov_reclaim_result
     * or a negative gov_error, which is logged and passed over.
     */
    int (*reclaim)(void *context, enum gov_tier tier, int64_t want_bytes);
    void *context;
    /* What it gives back is in nobody's count but the device's: a server's model. Then freed_bytes
     * of the run is how far the use of the whole device fell. */
    bool of_others;
};

/* One run of a tier, between run and end. */
struct gov_tier_run {
    enum gov_tier tier;
    int pass;       /* 1 to GOV_EMERGENCY_PASSES */
    size_t asked;   /* reclaimers called */
    size_t running; /* answered GOV_RECLAIM_RUNNING */
    size_t failed;
    bool of_others;            /* somebody was asked whose memory is not counted as ours */
    bool has_before;           /* the next two mean something */
    int64_t before_own_bytes;  /* -1: unknown */
    int64_t before_used_bytes; /* -1: unknown */
    int64_t freed_bytes;       /* set by end; over all passes; negative: somebody grew meanwhile */
    bool again;                /* set by end: one more pass is worth while */
};

#define GOV_EMERGENCY_PASSES 3

/*
 * What all reclaimers of a tier together think they could free, for gov_governor_check_pressure.
 * -1 when nobody knows of any bytes but somebody cannot say.
 */
GOV_API int64_t gov_reclaimers_estimate(const struct gov_reclaimer *reclaimers, size_t count,
                                        enum gov_tier tier);

/*
 * Runs one pass of a tier: measures (through the device, if the governor has one), asks every free
 * reclaimer, then, measuring again before each, the costly ones until use is below where the
 * tier's level is left (emergency: below high). When something ran out of memory since the last
 * tier ended (gov_governor_note_oom), they are asked until as much as it wanted is freed, whatever
 * the level: memory in pieces, or promised to nobody, runs out long before 80 %. Zero *run before
 * the first pass and keep it for the next. Reclaimers are called by this thread with no lock held.
 * Errors: INVALID, NOMEM; a failing reading is no error (all are then asked).
 */
GOV_API int gov_governor_run_tier(struct gov_governor *governor,
                                  const struct gov_reclaimer *reclaimers, size_t count,
                                  enum gov_tier tier, int64_t now_us, struct gov_tier_run *run);

/*
 * Ends a pass: measures (a governor without a device uses the sample fed last), sets freed_bytes
 * and again, tells the pressure state, and after the last pass logs, exactly:
 *     GPU memory optimization completed - Freed 1.8GB
 * ("Memory optimization ..." where the device is the host). Errors: INVALID.
 */
GOV_API int gov_governor_end_tier(struct gov_governor *governor, int64_t now_us,
                                  struct gov_tier_run *run);

#ifdef __cplusplus
}
#endif

#endif
