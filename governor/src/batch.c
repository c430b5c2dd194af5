/*
 * Batch sizes. A cut by 75 % reaches a size that fits after 1.3 failures on average where 10 %
 * steps take 8.5, but it lands at half of what was possible; bisecting between good and bad wins
 * that back at the price of at most one probe a movie.
 *
 * A limit that stays is met again each time what was bad has faded. Each such relapse doubles the
 * time until the next, up to eight times, so the price falls to one failure in 128 movies.
 */
#include <gov/batch.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gov/log.h>

#include "util.h"

#define MINUTES(m) (INT64_C(60000000) * (m))

/* After so many relapses the time to fade grows no more: 16 movies become 128. */
enum { MOST_RELAPSES = 3 };

const struct gov_batch_rule gov_batch_rule_default = {
    .keep = 0.25,
    .regrow = true,
    .fade_movies = GOV_BATCH_FADE_MOVIES,
    .fade_s = GOV_BATCH_FADE_S,
};

static bool rule_makes_sense(const struct gov_batch_rule *rule)
{
    return rule && rule->keep > 0 && rule->keep < 1 && rule->fade_movies >= 0 && rule->fade_s >= 0;
}

void gov_batch_init_with(struct gov_batch *batch, const struct gov_batch_rule *rule,
                         int64_t start_size, int64_t most)
{
    memset(batch, 0, sizeof *batch);
    batch->rule = rule_makes_sense(rule) ? *rule : gov_batch_rule_default;
    batch->most = (int32_t)MIN(MAX(most, 1), INT32_MAX / 2);
    batch->size = (int32_t)MIN(MAX(start_size, 1), batch->most);
}

void gov_batch_init(struct gov_batch *batch, int64_t start_size, int64_t most)
{
    gov_batch_init_with(batch, &gov_batch_rule_default, start_size, most);
}

void gov_batch_tell_time(struct gov_batch *batch, int64_t now_s)
{
    batch->now_s = MAX(batch->now_s, now_s);
}

static struct gov_batch_figures *figures_of(struct gov_batch *batch, int32_t size)
{
    return &batch->figures[MIN(MAX(size, 1), GOV_BATCH_SIZES_KEPT)];
}

static void note_figures(struct gov_batch *batch, const struct gov_batch_outcome *outcome)
{
    struct gov_batch_figures *figures = figures_of(batch, outcome->size);
    figures->attempts++;
    if (!outcome->oom)
        figures->successes++;
    if (outcome->peak_bytes >= 0) {
        figures->peak_sum_bytes = gov_add_saturated(figures->peak_sum_bytes, outcome->peak_bytes);
        figures->peak_count++;
        figures->peak_bytes = MAX(figures->peak_bytes, outcome->peak_bytes);
    }
    if (outcome->units > 0 && outcome->busy_us > 0) {
        figures->units = gov_add_saturated(figures->units, outcome->units);
        figures->busy_us = gov_add_saturated(figures->busy_us, outcome->busy_us);
    }
}

static void learn_good(struct gov_batch *batch, int32_t size)
{
    batch->good = MAX(batch->good, MIN(MAX(size, 1), batch->most));
    if (batch->bad && batch->faded && batch->good >= batch->bad - 1) {
        /* What had been bad works: nothing is known any more of what is beyond it. */
        batch->bad = 0;
        batch->faded = false;
        batch->relapses = 0;
    }
    if (batch->bad && batch->good >= batch->bad)
        batch->bad = 0;
}

static int32_t cut(const struct gov_batch_rule *rule, int32_t size)
{
    int32_t left = (int32_t)((double)size * rule->keep);
    return MAX(MIN(left, size - 1), 1);
}

static void learn_bad(struct gov_batch *batch, int32_t size)
{
    if (size <= batch->good)
        batch->relapses = 0; /* not an old limit found again, but a new one */
    else if (batch->faded)
        batch->relapses = MIN(batch->relapses + 1, MOST_RELAPSES);
    batch->faded = false;
    batch->bad = batch->bad ? MIN(batch->bad, size) : size;
    batch->good = MIN(batch->good, batch->bad - 1);
    batch->bad_at_s = batch->now_s;
    batch->quiet_movies = 0;
    batch->ooms++;
    /* Below what just failed there may be a size that is known to work: no need to go lower. */
    int32_t smaller = cut(&batch->rule, size);
    if (batch->rule.regrow)
        smaller = MIN(MAX(smaller, batch->good), MAX(batch->bad - 1, 1));
    batch->size = MIN(smaller, batch->most);
}

void gov_batch_note(struct gov_batch *batch, const struct gov_batch_outcome *outcome)
{
    note_figures(batch, outcome);
    if (outcome->oom)
        learn_bad(batch, MAX(outcome->size, 1));
    else
        learn_good(batch, outcome->size);
}

void gov_batch_note_success(struct gov_batch *batch, int32_t size, int64_t peak_bytes)
{
    struct gov_batch_outcome outcome = {.size = size, .peak_bytes = peak_bytes};
    gov_batch_note(batch, &outcome);
}

void gov_batch_note_oom(struct gov_batch *batch, int32_t size, int64_t peak_bytes)
{
    struct gov_batch_outcome outcome = {.size = size, .oom = true, .peak_bytes = peak_bytes};
    gov_batch_note(batch, &outcome);
}

/* The one probe of a movie: half way to what is bad, or twice what is good. */
static int32_t probe(const struct gov_batch *batch)
{
    if (batch->good < batch->size)
        return batch->size; /* not proven yet: no step beyond it */
    if (!batch->bad)
        return batch->good > batch->most / 2 ? batch->most : batch->good * 2;
    return batch->good + (batch->bad - batch->good) / 2;
}

/*
 * Fading lets the size that failed be tried once more, that one and no larger: where the limit has
 * stayed it costs one failure, and where it has gone, growing goes on from there.
 */
static void fade(struct gov_batch *batch)
{
    const struct gov_batch_rule *rule = &batch->rule;
    if (!batch->bad)
        return;
    batch->quiet_movies = MIN(batch->quiet_movies, INT32_MAX - 1) + 1;
    bool by_movies = rule->fade_movies && batch->quiet_movies >= (int64_t)rule->fade_movies
                                                                     << batch->relapses;
    bool by_time = rule->fade_s && batch->bad_at_s && rule->fade_s <= INT64_MAX >> MOST_RELAPSES &&
                   batch->now_s - batch->bad_at_s >= rule->fade_s << batch->relapses;
    if (!by_movies && !by_time)
        return;
    if (!batch->faded)
        batch->bad++;
    batch->faded = true;
    batch->quiet_movies = 0;
    batch->bad_at_s = batch->now_s;
}

int32_t gov_batch_next_movie(struct gov_batch *batch, int32_t fits_size)
{
    fits_size = MAX(fits_size, 1);
    if (!batch->rule.regrow)
        return MIN(batch->size, fits_size);
    fade(batch);
    int32_t size = MIN(probe(batch), batch->most);
    if (batch->bad)
        size = MIN(size, MAX(batch->bad - 1, 1));
    size = MAX(MIN(size, fits_size), 1);
    batch->size = size;
    return size;
}

static double success_rate(const struct gov_batch_figures *figures)
{
    return figures->attempts ? (double)figures->successes / (double)figures->attempts : 0;
}

int32_t gov_batch_recommended(const struct gov_batch *batch)
{
    for (int32_t size = MIN(batch->most, GOV_BATCH_SIZES_KEPT); size >= 1; size--) {
        const struct gov_batch_figures *figures = &batch->figures[size];
        if (figures->attempts >= 3 && success_rate(figures) >= 0.95)
            return size;
    }
    return batch->size;
}

double gov_batch_units_per_s(const struct gov_batch *batch, int32_t size)
{
    if (size < 1 || size > GOV_BATCH_SIZES_KEPT || batch->figures[size].busy_us <= 0)
        return 0;
    return (double)batch->figures[size].units * 1e6 / (double)batch->figures[size].busy_us;
}

static bool figures_are_valid(const struct gov_batch_figures *f)
{
    return f->successes >= 0 && f->attempts >= f->successes && f->peak_count >= 0 &&
           f->peak_count <= f->attempts && f->peak_bytes >= 0 &&
           f->peak_sum_bytes >= f->peak_bytes && (f->peak_count > 0 || !f->peak_sum_bytes) &&
           f->units >= 0 && f->busy_us >= 0;
}

bool gov_batch_is_valid(const struct gov_batch *batch)
{
    for (int32_t size = 1; size <= GOV_BATCH_SIZES_KEPT; size++) {
        if (!figures_are_valid(&batch->figures[size]))
            return false;
    }
    return rule_makes_sense(&batch->rule) && batch->most >= 1 && batch->size >= 1 &&
           batch->size <= batch->most && batch->good >= 0 && batch->good <= batch->most &&
           batch->bad >= 0 && (!batch->bad || batch->good < batch->bad) &&
           batch->quiet_movies >= 0 && batch->relapses >= 0 && batch->relapses <= MOST_RELAPSES &&
           batch->bad_at_s >= 0 && batch->now_s >= batch->bad_at_s && batch->ooms >= 0;
}

char *gov_batch_performance_line(const struct gov_batch *batch, int32_t size, char *text,
                                 size_t text_size)
{
    if (!text_size)
        return text;
    text[0] = 0;
    if (size < 1 || size > GOV_BATCH_SIZES_KEPT || !batch->figures[size].attempts)
        return text;
    const struct gov_batch_figures *figures = &batch->figures[size];
    char average[24] = "unknown";
    if (figures->peak_count)
        gov_format_gb(figures->peak_sum_bytes / figures->peak_count, average, sizeof average);
    long tenths = lround(success_rate(figures) * 1000);
    snprintf(text, text_size, "Batch size %d performance: %ld.%ld%% success, avg memory: %s",
             (int)size, tenths / 10, tenths % 10, average);
    return text;
}

char *gov_batch_recommended_line(const struct gov_batch *batch, char *text, size_t text_size)
{
    snprintf(text, text_size, "Recommended batch size based on history: %d",
             (int)gov_batch_recommended(batch));
    return text;
}

int64_t gov_movies_in_flight(const struct gov_config *config, int64_t duration_us)
{
    int64_t count = config->movies_default;
    if (duration_us >= MINUTES(120))
        count = 1;
    else if (duration_us >= MINUTES(90) || duration_us <= 0)
        count = MIN(count, 2);
    else
        count = MAX(count, 3);
    return MAX(MIN(count, config->movies_max), 1);
}

bool gov_cleanup_is_due(const struct gov_config *config, int64_t finished_movies)
{
    return config->cleanup_every_movies > 0 && finished_movies > 0 &&
           finished_movies % config->cleanup_every_movies == 0;
}
