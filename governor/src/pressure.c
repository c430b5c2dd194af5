/*
 * Levels and tiers, decided from the last reading and a little state; see the header for the rule.
 * Measuring, deciding, acting and recording are four functions in four places: this one decides.
 */
#include <gov/pressure.h>

#include <math.h>
#include <stdio.h>

#include "util.h"

#define SECONDS(s) (INT64_C(1000000) * (s))

const struct gov_pressure_rule gov_pressure_rule_default = {
    .enter_percent = {0, 70, 80, 90},
    .leave_gap_percent = 5,
    /* Half a point of a 12.9 GB card is 64 MB: more than counters jitter, less than any trim. */
    .falling_percent = 0.5,
    /* The lower the level, the less a repeat is worth: standard only trims caches. */
    .cooldown_us = {0, SECONDS(60), SECONDS(30), SECONDS(5)},
    .max_cooldown_us = {0, SECONDS(600), SECONDS(600), SECONDS(60)},
    .fruitless_bytes = 16 * GOV_MB,
};

static enum gov_level next_level(const struct gov_pressure_rule *rule, enum gov_level level,
                                 double percent)
{
    int next = level;
    while (next < GOV_LEVEL_CRITICAL && percent >= rule->enter_percent[next + 1])
        next++;
    while (next > GOV_LEVEL_LOW && percent < rule->enter_percent[next] - rule->leave_gap_percent)
        next--;
    return (enum gov_level)next;
}

static int64_t cooldown(const struct gov_pressure_rule *rule,
                        const struct gov_pressure_state *state, enum gov_tier tier)
{
    int64_t wait = rule->cooldown_us[tier];
    int64_t longest = MAX(rule->max_cooldown_us[tier], wait);
    int doublings = MAX(state->repeats[tier], state->fruitless[tier]);
    for (int i = 0; i < doublings && wait < longest; i++)
        wait = gov_add_saturated(wait, wait);
    return MIN(wait, longest);
}

static bool repeat_is_due(const struct gov_pressure_rule *rule,
                          const struct gov_pressure_state *state, enum gov_tier tier,
                          const struct gov_pressure_input *input)
{
    bool falling =
        state->has_last && input->used_percent <= state->last_percent - rule->falling_percent;
    if (falling || input->reclaimable_bytes == 0)
        return false;
    return !state->has_run[tier] ||
           input->now_us - state->last_run_us[tier] >= cooldown(rule, state, tier);
}

static void note_crossing(struct gov_pressure_state *state, enum gov_level level, int64_t now_us)
{
    for (int passed = state->level + 1; passed <= (int)level; passed++)
        state->entered_count[passed]++;
    /* A new stay begins in every level that was left or newly entered. */
    int low = MIN((int)state->level, (int)level), high = MAX((int)state->level, (int)level);
    for (int l = low + 1; l <= high; l++)
        state->repeats[gov_level_tier((enum gov_level)l)] = 0;
    state->level = level;
    state->level_since_us = now_us;
}

static void note_run(struct gov_pressure_state *state, enum gov_tier tier, int64_t now_us)
{
    state->has_run[tier] = true;
    state->last_run_us[tier] = now_us;
    state->run_count[tier]++;
}

struct gov_pressure_decision gov_pressure_step(const struct gov_pressure_rule *rule,
                                               struct gov_pressure_state *state,
                                               const struct gov_pressure_input *input)
{
    struct gov_pressure_decision decision = {.level = state->level, .previous = state->level};
    if (!(input->used_percent >= 0)) /* unknown, also not a number */
        return decision;

    enum gov_level level = next_level(rule, state->level, input->used_percent);
    enum gov_tier tier = gov_level_tier(level);
    if (level > state->level) {
        decision.tier = tier;
    } else if (level == state->level && tier != GOV_TIER_NONE &&
               repeat_is_due(rule, state, tier, input)) {
        decision.tier = tier;
        state->repeats[tier]++;
    }
    if (level != state->level)
        note_crossing(state, level, input->now_us);
    if (decision.tier != GOV_TIER_NONE)
        note_run(state, decision.tier, input->now_us);

    decision.level = level;
    decision.pause = level == GOV_LEVEL_CRITICAL && !state->paused;
    decision.resume = level < GOV_LEVEL_HIGH && state->paused;
    state->paused = (state->paused || decision.pause) && !decision.resume;
    state->has_last = true;
    state->last_percent = input->used_percent;
    return decision;
}

void gov_pressure_note_freed(const struct gov_pressure_rule *rule, struct gov_pressure_state *state,
                             enum gov_tier tier, int64_t freed_bytes)
{
    enum { MOST_DOUBLINGS = 62 };
    if (tier <= GOV_TIER_NONE || tier >= GOV_TIER_COUNT)
        return;
    if (freed_bytes >= rule->fruitless_bytes)
        state->fruitless[tier] = 0;
    else if (state->fruitless[tier] < MOST_DOUBLINGS)
        state->fruitless[tier]++;
}

const char *gov_pressure_rule_problem(const struct gov_pressure_rule *rule)
{
    double below = 0;
    for (int l = GOV_LEVEL_MEDIUM; l < GOV_LEVEL_COUNT; l++) {
        if (!(rule->enter_percent[l] > below) || rule->enter_percent[l] > 100)
            return "pressure thresholds must rise, within 0 to 100 percent";
        below = rule->enter_percent[l];
    }
    if (!(rule->leave_gap_percent >= 0) ||
        rule->leave_gap_percent >= rule->enter_percent[GOV_LEVEL_MEDIUM])
        return "the gap for leaving a level must be smaller than the lowest threshold";
    if (!(rule->falling_percent >= 0))
        return "the drop that counts as falling cannot be negative";
    for (int t = GOV_TIER_STANDARD; t < GOV_TIER_COUNT; t++) {
        if (rule->cooldown_us[t] < 0 || rule->max_cooldown_us[t] < 0)
            return "cool-downs cannot be negative";
    }
    return NULL;
}

const char *gov_level_name(enum gov_level level)
{
    static const char *const names[] = {"low", "medium", "high", "critical"};
    return level >= 0 && level < GOV_LEVEL_COUNT ? names[level] : "?";
}

const char *gov_tier_name(enum gov_tier tier)
{
    static const char *const names[] = {"none", "standard", "aggressive", "emergency"};
    return tier >= 0 && tier < GOV_TIER_COUNT ? names[tier] : "?";
}

enum gov_tier gov_level_tier(enum gov_level level)
{
    static const enum gov_tier tiers[] = {GOV_TIER_NONE, GOV_TIER_STANDARD, GOV_TIER_AGGRESSIVE,
                                          GOV_TIER_EMERGENCY};
    return level >= 0 && level < GOV_LEVEL_COUNT ? tiers[level] : GOV_TIER_NONE;
}

char *gov_pressure_line(enum gov_level level, double used_percent, char *text, size_t size)
{
    static const char *const names[] = {"Low", "Medium", "High", "Critical"};
    if (level < 0 || level >= GOV_LEVEL_COUNT)
        level = GOV_LEVEL_LOW;
    /* As integers: a locale must not turn the point into a comma. */
    long tenths = lround((used_percent > 0 ? MIN(used_percent, 1000.0) : 0) * 10);
    snprintf(text, size, "%s memory pressure (%ld.%ld%%) - performing %s cleanup", names[level],
             tenths / 10, tenths % 10, gov_tier_name(gov_level_tier(level)));
    return text;
}
