/*
 * Tiers. Free memory first, costly memory only as far as needed and only after a fresh reading:
 * choosing what to unload takes time, and a worker may have ended meanwhile. Costly reclaimers are
 * ordered by cost per byte, so that the small model that loads in a second goes before the large
 * one that takes a minute, unless the large one gives far more.
 */
#include <gov/reclaim.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "governor_internal.h"
#include "util.h"

static int64_t reclaimable(const struct gov_reclaimer *reclaimer)
{
    return reclaimer->reclaimable ? reclaimer->reclaimable(reclaimer->context) : -1;
}

int64_t gov_reclaimers_estimate(const struct gov_reclaimer *reclaimers, size_t count,
                                enum gov_tier tier)
{
    int64_t sum = 0;
    bool unknown = false;
    for (size_t i = 0; i < count; i++) {
        if (reclaimers[i].tier > tier)
            continue;
        int64_t bytes = reclaimable(&reclaimers[i]);
        unknown = unknown || bytes < 0;
        sum = gov_add_saturated(sum, MAX(bytes, 0));
    }
    return sum == 0 && unknown ? -1 : sum;
}

/* One costly reclaimer in its place of the order. */
struct candidate {
    const struct gov_reclaimer *reclaimer;
    double us_per_byte;
};

static int compare_candidates(const void *a, const void *b)
{
    double left = ((const struct candidate *)a)->us_per_byte;
    double right = ((const struct candidate *)b)->us_per_byte;
    return (left > right) - (left < right);
}

/* Those that have nothing to give are left out; those that cannot say come last. */
static size_t list_costly(const struct gov_reclaimer *reclaimers, size_t count, enum gov_tier tier,
                          struct candidate *candidates)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (reclaimers[i].tier > tier || reclaimers[i].reload_us <= 0)
            continue;
        int64_t bytes = reclaimable(&reclaimers[i]);
        if (bytes == 0)
            continue;
        double cost = bytes > 0 ? (double)reclaimers[i].reload_us / (double)bytes : HUGE_VAL;
        candidates[n++] = (struct candidate){&reclaimers[i], cost};
    }
    qsort(candidates, n, sizeof *candidates, compare_candidates);
    return n;
}

static bool read_now(struct gov_governor *g, int64_t now_us, struct gov_sample *ret_sample)
{
    if (g->device && !gov_governor_sample(g, now_us, ret_sample))
        return true;
    return !g->device && !gov_governor_last_sample(g, ret_sample);
}

/*
 * Bytes over the line below which the tier has done its work: where its level is left; for the
 * emergency tier where high is left, since admission resumes only there. INT64_MAX when unknown.
 */
static int64_t excess(const struct gov_governor *g, enum gov_tier tier,
                      const struct gov_sample *sample)
{
    if (gov_sample_used_percent(sample) < 0)
        return INT64_MAX;
    const struct gov_pressure_rule *rule = &g->config.pressure;
    int level = tier == GOV_TIER_EMERGENCY ? GOV_LEVEL_HIGH : (int)tier;
    double line = rule->enter_percent[level] - rule->leave_gap_percent;
    return sample->used_bytes - (int64_t)((double)sample->total_bytes * line / 100);
}

static int64_t freed_since(const struct gov_tier_run *run, const struct gov_sample *sample)
{
    if (!run->of_others && run->before_own_bytes >= 0 && sample->valid & GOV_SAMPLE_OWN)
        return run->before_own_bytes - sample->own_bytes;
    if (run->before_used_bytes >= 0 && sample->valid & GOV_SAMPLE_USED)
        return run->before_used_bytes - sample->used_bytes;
    return 0;
}

/* What is still to be freed: for the level, or for what ran out of memory below any level. */
static int64_t still_wanted(const struct gov_governor *g, const struct gov_tier_run *run,
                            int64_t oom_bytes, const struct gov_sample *sample)
{
    int64_t level_bytes = excess(g, run->tier, sample);
    if (level_bytes == INT64_MAX || oom_bytes == INT64_MAX)
        return INT64_MAX;
    return oom_bytes > 0 ? MAX(level_bytes, oom_bytes - freed_since(run, sample)) : level_bytes;
}

static void ask(struct gov_governor *g, const struct gov_reclaimer *reclaimer, int64_t want_bytes,
                struct gov_tier_run *run)
{
    int result = reclaimer->reclaim(reclaimer->context, run->tier, want_bytes);
    run->asked++;
    run->of_others |= reclaimer->of_others && result == GOV_RECLAIM_RUNNING;
    if (result == GOV_RECLAIM_RUNNING)
        run->running++;
    if (result >= 0)
        return;
    run->failed++;
    struct gov_messages messages;
    messages.count = 0;
    char *line = gov_governor_message(g, &messages, GOV_LOG_WARNING);
    if (line) {
        char name[GOV_LABEL_MAX];
        gov_copy_label(name, reclaimer->name);
        snprintf(line, GOV_MESSAGE_SIZE, "Memory cleanup: %s failed: %s", name,
                 gov_error_text(result));
    }
    gov_governor_say(g, &messages);
}

static void begin(struct gov_tier_run *run, enum gov_tier tier, bool known,
                  const struct gov_sample *sample)
{
    run->tier = tier;
    run->pass++;
    run->asked = run->running = run->failed = 0;
    run->again = false;
    if (run->pass > 1)
        return; /* freed is counted over all passes */
    run->has_before = known;
    run->before_own_bytes = known && sample->valid & GOV_SAMPLE_OWN ? sample->own_bytes : -1;
    run->before_used_bytes = known && sample->valid & GOV_SAMPLE_USED ? sample->used_bytes : -1;
}

static void record_tier(struct gov_governor *g, enum gov_event_kind kind, int64_t now_us,
                        const struct gov_tier_run *run)
{
    gov_governor_note_time(g, now_us);
    if (!g->recorder)
        return;
    struct gov_event event = {.at_us = g->now_us, .kind = kind};
    event.u.tier = (struct gov_event_tier){.tier = run->tier,
                                           .pass = run->pass,
                                           .asked = (int64_t)run->asked,
                                           .failed = (int64_t)run->failed,
                                           .freed_bytes = run->freed_bytes};
    gov_recorder_add(g->recorder, &event);
}

static void count_run(struct gov_governor *g, const struct gov_tier_run *run)
{
    struct gov_tier_stats *tier = &g->tiers[run->tier];
    int64_t freed = MAX(run->freed_bytes, 0);
    tier->runs++;
    tier->fruitless += freed < g->config.pressure.fruitless_bytes;
    tier->freed_bytes = gov_add_saturated(tier->freed_bytes, freed);
    tier->most_freed_bytes = MAX(tier->most_freed_bytes, freed);
    tier->last_freed_bytes = freed;
    g->tiers[GOV_TIER_NONE].last_freed_bytes = freed;
}

static bool table_is_valid(const struct gov_reclaimer *reclaimers, size_t count)
{
    if (count && !reclaimers)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!reclaimers[i].reclaim || reclaimers[i].tier <= GOV_TIER_NONE ||
            reclaimers[i].tier >= GOV_TIER_COUNT)
            return false;
    }
    return true;
}

int gov_governor_run_tier(struct gov_governor *g, const struct gov_reclaimer *reclaimers,
                          size_t count, enum gov_tier tier, int64_t now_us,
                          struct gov_tier_run *run)
{
    if (!g || !run || tier <= GOV_TIER_NONE || tier >= GOV_TIER_COUNT ||
        !table_is_valid(reclaimers, count) || run->pass >= GOV_EMERGENCY_PASSES)
        return GOV_E_INVALID;
    struct candidate *costly = calloc(count + 1, sizeof *costly);
    if (!costly)
        return GOV_E_NOMEM;
    struct gov_sample sample;
    bool known = read_now(g, now_us, &sample);
    begin(run, tier, known, &sample);
    pthread_mutex_lock(&g->lock);
    int64_t oom_bytes = g->wanted_bytes;
    g->tiers[tier].passes++;
    record_tier(g, GOV_EVENT_TIER_BEGIN, now_us, run);
    pthread_mutex_unlock(&g->lock);
    for (size_t i = 0; i < count; i++) {
        if (reclaimers[i].tier <= tier && reclaimers[i].reload_us <= 0)
            ask(g, &reclaimers[i], INT64_MAX, run);
    }
    size_t costly_count = list_costly(reclaimers, count, tier, costly);
    int64_t promised = 0; /* by those that answered RUNNING: not to be seen in a reading yet */
    for (size_t i = 0; i < costly_count; i++) {
        known = read_now(g, now_us, &sample);
        int64_t want = known ? still_wanted(g, run, oom_bytes, &sample) : INT64_MAX;
        if (want != INT64_MAX && want <= promised)
            break;
        size_t running = run->running;
        int64_t bytes = reclaimable(costly[i].reclaimer);
        ask(g, costly[i].reclaimer, want == INT64_MAX ? want : want - promised, run);
        if (run->running > running)
            promised = gov_add_saturated(promised, MAX(bytes, 0));
    }
    free(costly);
    return GOV_OK;
}

int gov_governor_end_tier(struct gov_governor *g, int64_t now_us, struct gov_tier_run *run)
{
    if (!g || !run || run->pass < 1)
        return GOV_E_INVALID;
    struct gov_sample sample;
    bool known = read_now(g, now_us, &sample);
    int64_t before_pass = run->freed_bytes;
    if (known && run->has_before)
        run->freed_bytes = freed_since(run, &sample);
    bool helped = run->freed_bytes - before_pass >= g->config.pressure.fruitless_bytes;
    run->again = run->tier == GOV_TIER_EMERGENCY && run->pass < GOV_EMERGENCY_PASSES && helped &&
                 known && excess(g, run->tier, &sample) > 0;
    struct gov_messages messages;
    messages.count = 0;
    pthread_mutex_lock(&g->lock);
    record_tier(g, GOV_EVENT_TIER_END, now_us, run);
    if (run->again) {
        pthread_mutex_unlock(&g->lock);
        return GOV_OK;
    }
    count_run(g, run);
    g->wanted_bytes = 0;
    gov_pressure_note_freed(&g->config.pressure, &g->pressure, run->tier, run->freed_bytes);
    gov_governor_changed(g);
    char *line = gov_governor_message(g, &messages, GOV_LOG_INFO);
    if (line) {
        char text[24];
        snprintf(line, GOV_MESSAGE_SIZE, "%s optimization completed - Freed %s",
                 g->device_is_host ? "Memory" : "GPU memory",
                 gov_format_gb(MAX(run->freed_bytes, 0), text, sizeof text));
    }
    pthread_mutex_unlock(&g->lock);
    gov_governor_say(g, &messages);
    return GOV_OK;
}
