/*
 * libgov: batch sizes. Three of them: movies in flight, chunks per Whisper batch, prompts per
 * language model batch; each has one gov_batch per regime.
 *
 * After running out of memory a size is cut by 75 % and remembered as bad; it then grows back on
 * evidence: only as far as the predicted peak fits, by bisecting between the largest size that
 * worked and the smallest that did not, and by at most one probe a movie. What was bad fades, by
 * movies and by time: it is then tried again. A size that fails again after it had faded takes
 * twice as long to fade the next time, so that a limit that stays costs ever less.
 *
 * gov_history_batch keeps one beside a regime's other figures, over restarts too.
 *
 * Pure state, no clock; zero-fill is not valid, use gov_batch_init. One thread at a time.
 */
#ifndef GOV_BATCH_H
#define GOV_BATCH_H

#include <gov/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Long enough that a size that fails is paid for rarely, short enough to outlive a neighbour. */
#define GOV_BATCH_FADE_MOVIES 16
#define GOV_BATCH_FADE_S      INT64_C(604800) /* a week: drivers and desktops change */
/* Sizes 1 to this have their own figures; larger ones share the last. */
#define GOV_BATCH_SIZES_KEPT 32

struct gov_batch_figures {
    int64_t attempts;
    int64_t successes;
    int64_t peak_sum_bytes; /* over the attempts that told a peak; stops at INT64_MAX */
    int64_t peak_count;
    int64_t peak_bytes;
    int64_t units;   /* done in */
    int64_t busy_us; /* this time; 0 while nobody told */
};

/* How sizes shrink and grow. The default is DESIGN's; others are what it is compared with. */
struct gov_batch_rule {
    double keep;         /* of a size that ran out of memory, 0 < keep < 1; at least 1 stays */
    bool regrow;         /* false: what was cut stays cut */
    int32_t fade_movies; /* quiet movies until a bad size is doubted; 0: never */
    int64_t fade_s;      /* the same by time, see gov_batch_tell_time; 0: never */
};

/* 0.25, regrow, GOV_BATCH_FADE_MOVIES, GOV_BATCH_FADE_S. */
GOV_API extern const struct gov_batch_rule gov_batch_rule_default;

struct gov_batch {
    int32_t size;         /* use this now, >= 1 */
    int32_t most;         /* never more */
    int32_t good;         /* largest size that worked since it last failed; 0: none yet */
    int32_t bad;          /* smallest size that ran out of memory; 0: none */
    int32_t quiet_movies; /* since the last out-of-memory */
    int32_t relapses;     /* out-of-memory at sizes that had faded, in a row */
    bool faded;           /* what was bad has been doubted since it failed last */
    int64_t bad_at_s;     /* when it failed, on the clock of gov_batch_tell_time; 0: not known */
    int64_t now_s;        /* as told last */
    int64_t ooms;         /* ever */
    struct gov_batch_rule rule;
    struct gov_batch_figures figures[GOV_BATCH_SIZES_KEPT + 1]; /* by size; [0] is not used */
};

/* Starts at start_size (a preset's), never above most. Both are raised to 1 if smaller. */
GOV_API void gov_batch_init(struct gov_batch *batch, int64_t start_size, int64_t most);

/* The same by another rule; one that makes no sense counts as the default. */
GOV_API void gov_batch_init_with(struct gov_batch *batch, const struct gov_batch_rule *rule,
                                 int64_t start_size, int64_t most);

/*
 * Seconds on a clock that survives restarts (the wall's; a simulation's own), so that what was bad
 * can fade by time. Never telling leaves only movies to count. A clock that jumps back is ignored.
 */
GOV_API void gov_batch_tell_time(struct gov_batch *batch, int64_t now_s);

/* What became of a batch. */
struct gov_batch_outcome {
    int32_t size;
    bool oom;           /* it ran out of memory; else it ended well */
    int64_t peak_bytes; /* < 0: not measured */
    int64_t units;      /* done, and how long that took: for units per second; 0: not told */
    int64_t busy_us;
};
GOV_API void gov_batch_note(struct gov_batch *batch, const struct gov_batch_outcome *outcome);

/* A batch of this size ended well; peak_bytes < 0: not measured. */
GOV_API void gov_batch_note_success(struct gov_batch *batch, int32_t size, int64_t peak_bytes);

/* A batch of this size ran out of memory: it is bad, and size becomes max(1, size x rule.keep), or
 * what is known to work where that is more. */
GOV_API void gov_batch_note_oom(struct gov_batch *batch, int32_t size, int64_t peak_bytes);

/*
 * A movie begins. fits_size is the largest size whose predicted peak fits now (INT32_MAX:
 * unknown). Returns the size to use: what worked, or one probe beyond it, or what fits.
 */
GOV_API int32_t gov_batch_next_movie(struct gov_batch *batch, int32_t fits_size);

/*
 * The size history recommends: the largest that worked at least 95 % of at least three times,
 * else the current one.
 */
GOV_API int32_t gov_batch_recommended(const struct gov_batch *batch);

/* Units per second at a size; 0 while nobody told. */
GOV_API double gov_batch_units_per_s(const struct gov_batch *batch, int32_t size);

/* Everything that must hold between the fields. */
GOV_API bool gov_batch_is_valid(const struct gov_batch *batch);

/*
 * "Batch size 2 performance: 95.0% success, avg memory: 9.2GB" and
 * "Recommended batch size based on history: 2", exactly. Return text ("" when nothing is known).
 */
GOV_API char *gov_batch_performance_line(const struct gov_batch *batch, int32_t size, char *text,
                                         size_t text_size);
GOV_API char *gov_batch_recommended_line(const struct gov_batch *batch, char *text,
                                         size_t text_size);

/*
 * Movies in flight by the longest movie among them: two hours or more 1; 90 to 120 minutes at
 * most 2; shorter 3, or the preset's number if that is more; never above config->movies_max.
 * duration_us <= 0: unknown, counts as 90 to 120 minutes.
 */
GOV_API int64_t gov_movies_in_flight(const struct gov_config *config, int64_t duration_us);

/* Is a standard cleanup due, now that finished_movies are done? */
GOV_API bool gov_cleanup_is_due(const struct gov_config *config, int64_t finished_movies);

#ifdef __cplusplus
}
#endif

#endif
