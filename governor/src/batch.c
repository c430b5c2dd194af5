/*
 * Batch sizes. A cut by 75 % reaches a size that fits after 1.3 failures on average where 10 %
 * steps take 8.5, but it lands at half of what was possible; bisecting between good and bad wins
 * that back at the price of at most one probe a movie.
 */
#include <gov/batch.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gov/log.h>

#include "util.h"

#define MINUTES(m) (INT64_C(60000000) * (m))

void gov_batch_init(struct gov_batch *batch, int64_t start_size, int64_t most)
{
    memset(batch, 0, sizeof *batch);
    batch->most = (int32_t)MIN(MAX(most, 1), INT32_MAX / 2);
    batch->size = (int32_t)MIN(MAX(start_size, 1), batch->most);
}

static struct gov_batch_figures *figures_of(struct gov_batch *batch, int32_t size)
{
    return &batch->figures[MIN(MAX(size, 1), GOV_BATCH_SIZES_KEPT)];
}

static void note_peak(struct gov_batch_figures *figures, int64_t peak_bytes)
{
    if (peak_bytes < 0)
        return;
    figures->peak_sum_bytes = gov_add_saturated(figures->peak_sum_bytes, peak_bytes);
    figures->peak_count++;
    figures->peak_bytes = MAX(figures->peak_bytes, peak_bytes);
}

void gov_batch_note_success(struct gov_batch *batch, int32_t size, int64_t peak_bytes)
{
    struct gov_batch_figures *figures = figures_of(batch, size);
    figures->attempts++;
    figures->successes++;
    note_peak(figures, peak_bytes);
    batch->good = MAX(batch->good, size);
    if (batch->bad && batch->good >= batch->bad)
        batch->bad = 0; /* what was bad works now */
}

void gov_batch_note_oom(struct gov_batch *batch, int32_t size, int64_t peak_bytes)
{
    struct gov_batch_figures *figures = figures_of(batch, size);
    figures->attempts++;
    note_peak(figures, peak_bytes);
    size = MAX(size, 1);
    batch->bad = batch->bad ? MIN(batch->bad, size) : size;
    batch->good = MIN(batch->good, batch->bad - 1);
    /* Below what just failed there may be a size that is known to work: no need to go lower. */
    int32_t cut = MAX(size / 4, 1);
    batch->size = MIN(MAX(cut, batch->good), MAX(batch->bad - 1, 1));
    batch->quiet_movies = 0;
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

int32_t gov_batch_next_movie(struct gov_batch *batch, int32_t fits_size)
{
    if (batch->bad && ++batch->quiet_movies >= GOV_BATCH_FADE_MOVIES) {
        /* Fading is half forgetting: the limit moves up, so the next probe goes a little further.
         */
        batch->bad = batch->bad > batch->most / 2 ? 0 : batch->bad * 2;
        batch->quiet_movies = 0;
    }
    int32_t size = MIN(probe(batch), batch->most);
    if (batch->bad)
        size = MIN(size, MAX(batch->bad - 1, 1));
    size = MAX(MIN(size, MAX(fits_size, 1)), 1);
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
