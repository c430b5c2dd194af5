/*
 * libgov: levels and tiers. A pure function with state: a reading goes in, a decision comes out.
 * It measures nothing, runs nothing and reads no clock, so a night can be tested in a millisecond.
 *
 *   level      enter   leave    tier
 *   medium     70 %    < 65 %   standard
 *   high       80 %    < 75 %   aggressive
 *   critical   90 %    < 85 %   emergency, admission paused until below high
 *
 * Crossing into a level runs its tier at once. While the level lasts the tier runs again only if
 * usage is not falling already, something could be reclaimed, and a cool-down has passed. Each
 * repeat within one stay doubles the cool-down up to max_cooldown_us, and a run that freed nothing
 * keeps it doubled into the next stay; a run that freed something resets that. So one hour
 * at a level costs at most 1 + log2(max/base) + 1 + 3600 s / max runs (base 30 s, max 600 s: 10).
 */
#ifndef GOV_PRESSURE_H
#define GOV_PRESSURE_H

#include <gov/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gov_level { GOV_LEVEL_LOW = 0, GOV_LEVEL_MEDIUM, GOV_LEVEL_HIGH, GOV_LEVEL_CRITICAL };

enum gov_tier { GOV_TIER_NONE = 0, GOV_TIER_STANDARD, GOV_TIER_AGGRESSIVE, GOV_TIER_EMERGENCY };

#define GOV_LEVEL_COUNT 4
#define GOV_TIER_COUNT  4

/* Arrays are indexed by enum gov_level / enum gov_tier; index 0 is not used. */
struct gov_pressure_rule {
    double enter_percent[GOV_LEVEL_COUNT]; /* rising, 0..100 */
    double leave_gap_percent;              /* left when below enter - gap */
    double falling_percent;                /* a drop this big since the last reading is "falling" */
    int64_t cooldown_us[GOV_TIER_COUNT];
    int64_t max_cooldown_us[GOV_TIER_COUNT];
    int64_t fruitless_bytes; /* a run that freed less than this freed nothing */
};

/* 70/80/90, gap 5, cool-downs 60/30/5 s up to 600/600/60 s. */
GOV_API extern const struct gov_pressure_rule gov_pressure_rule_default;

/* Zero-fill is a valid start: low, nothing run yet. */
struct gov_pressure_state {
    enum gov_level level;
    bool paused;   /* admission, since critical */
    bool has_last; /* last_percent means something */
    double last_percent;
    int64_t level_since_us;
    bool has_run[GOV_TIER_COUNT]; /* last_run_us means something */
    int64_t last_run_us[GOV_TIER_COUNT];
    int32_t repeats[GOV_TIER_COUNT];        /* runs in this stay after the first */
    int32_t fruitless[GOV_TIER_COUNT];      /* runs in a row that freed nothing */
    int64_t entered_count[GOV_LEVEL_COUNT]; /* ever */
    int64_t run_count[GOV_TIER_COUNT];      /* ever */
};

struct gov_pressure_input {
    int64_t now_us;
    double used_percent;       /* < 0: unknown; the level then stays as it is */
    int64_t reclaimable_bytes; /* what the reclaimers think they could free; < 0: unknown */
};

struct gov_pressure_decision {
    enum gov_level level;    /* now */
    enum gov_level previous; /* before this reading; differs: a crossing */
    enum gov_tier tier;      /* to run now, GOV_TIER_NONE for none */
    bool pause;              /* stop admitting, from now */
    bool resume;             /* admit again, from now */
};

/* One reading. A tier it orders counts as run at now_us. */
GOV_API struct gov_pressure_decision gov_pressure_step(const struct gov_pressure_rule *rule,
                                                       struct gov_pressure_state *state,
                                                       const struct gov_pressure_input *input);

/* Tells what an ordered tier freed, measured (may be negative: somebody grew meanwhile). */
GOV_API void gov_pressure_note_freed(const struct gov_pressure_rule *rule,
                                     struct gov_pressure_state *state, enum gov_tier tier,
                                     int64_t freed_bytes);

/* NULL when the rule makes sense (rising thresholds in 0..100, no negative times), else why not. */
GOV_API const char *gov_pressure_rule_problem(const struct gov_pressure_rule *rule);

/* "low", "medium", "high", "critical" / "none", "standard", "aggressive", "emergency". */
GOV_API const char *gov_level_name(enum gov_level level);
GOV_API const char *gov_tier_name(enum gov_tier tier);
/* The tier that belongs to a level. */
GOV_API enum gov_tier gov_level_tier(enum gov_level level);

/*
 * "Medium memory pressure (72.1%) - performing standard cleanup", exactly, into text (80 bytes
 * suffice). Returns text.
 */
GOV_API char *gov_pressure_line(enum gov_level level, double used_percent, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
