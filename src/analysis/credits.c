/* What makes a picture a card of text: a dark ground without structure that fills more than half of
 * it, little that is bright, and that little crossed many times by rows of samples, as letters are
 * and lamps are not. Rolling text is the same rows of brightness found higher or lower a quarter of
 * a second later. Single cards are titles; credits are many, so a run must last. Standing text is
 * believed only near the ends of a film, where it cannot be the intertitles of a silent one. */
#include "analysis/credits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vec.h"

enum {
    ROWS = MD_CREDITS_ROWS,
    COLUMNS = MD_CREDITS_COLUMNS,
    MOST_SHIFT = 48, /* rows in a sample's time: crossing the picture in 1.25 s */

    DARK_GROUND = 56, /* of 255 */
    EVEN_GROUND = 12, /* between the 10th and the 60th percentile */
    LETTER = 45,      /* brighter than the ground */
    CROSSINGS = 14,   /* of a row of text */
};

static const int64_t sample_us = MD_SECOND_US / MD_CREDITS_PER_SECOND;
static const int64_t longest_gap_us = 6 * MD_SECOND_US;
static const int64_t least_rolling_us = 6 * MD_SECOND_US, least_standing_us = 9 * MD_SECOND_US;
/* Cards and their fades: an end this near to the film's is the film's. */
static const int64_t tail_us = 6 * MD_SECOND_US;
/* Ends of ranges are put on shot boundaries not farther than this. */
static const int64_t snap_us = 3 * MD_SECOND_US / 2;

enum picture { LIT, BLANK, CARD };

struct run {
    int64_t start_us, end_us; /* end: of the last card */
    int64_t cards, lit, moving_up, moving_down;
};
struct run_vec MD_VEC(struct run);

struct md_credits_finder {
    int64_t next_us; /* no look before */
    struct md_credits_grid grid;
    float profile[2][ROWS]; /* bright samples of each row, now and before */
    int now;
    bool before_is_card;
    bool is_running;
    struct run run;
    int64_t lit_since_card; /* lit pictures after run.end_us, counted in when a card follows */
    struct run_vec runs;
};

struct md_credits_finder *md_credits_finder_new(void)
{
    struct md_credits_finder *finder = calloc(1, sizeof *finder);
    if (finder)
        finder->next_us = INT64_MIN;
    return finder;
}

void md_credits_finder_free(struct md_credits_finder *finder)
{
    if (finder)
        md_vec_done(&finder->runs);
    free(finder);
}

void md_credits_sample(const struct md_frame *frame, struct md_credits_grid *ret_grid)
{
    bool wide = frame->bit_depth > 8;
    int shift = frame->bit_depth - 8 + frame->sample_shift;
    ret_grid->rows = MD_MIN(frame->height, ROWS);
    ret_grid->columns = MD_MIN(frame->width, COLUMNS);
    int offsets[COLUMNS] = {0};
    for (int i = 0; i < ret_grid->columns; i++)
        offsets[i] = (int)((int64_t)i * frame->width / ret_grid->columns) * frame->step[0];
    uint8_t full[256]; /* 8-bit samples on the scale 0..255 */
    for (int value = 0; value < 256; value++) {
        int scaled = frame->full_range ? value : (value - 16) * 255 / 219;
        full[value] = (uint8_t)MD_CLAMP(scaled, 0, 255);
    }
    for (int j = 0; j < ret_grid->rows; j++) {
        int y = (int)((int64_t)j * frame->height / ret_grid->rows);
        const uint8_t *row = frame->plane[0] + y * frame->stride[0];
        for (int i = 0; i < ret_grid->columns; i++) {
            const uint8_t *p = row + offsets[i];
            ret_grid->samples[j][i] = full[wide ? *(const uint16_t *)p >> shift & 255 : *p];
        }
    }
}

/* Dark for the most part; spares the others a close look. */
static bool is_dark(const struct md_look *look)
{
    int dark = 0;
    for (int i = 0; i < MD_LOOK_SIZE; i++)
        dark += look->luma[i] < DARK_GROUND + LETTER / 2;
    return 2 * dark > MD_LOOK_SIZE;
}

static int percentile(const int histogram[256], int total, int percent)
{
    int64_t below = 0;
    for (int value = 0; value < 256; value++) {
        below += histogram[value];
        if (below * 100 >= (int64_t)total * percent)
            return value;
    }
    return 255;
}

static enum picture classify(struct md_credits_finder *finder)
{
    int histogram[256] = {0}, total = finder->grid.rows * finder->grid.columns;
    for (int j = 0; j < finder->grid.rows; j++)
        for (int i = 0; i < finder->grid.columns; i++)
            histogram[finder->grid.samples[j][i]]++;
    int ground = percentile(histogram, total, 50);
    if (ground > DARK_GROUND ||
        percentile(histogram, total, 60) - percentile(histogram, total, 10) > EVEN_GROUND)
        return LIT;
    int threshold = ground + LETTER, text_rows = 0;
    int64_t bright = 0;
    float *profile = finder->profile[finder->now];
    for (int j = 0; j < finder->grid.rows; j++) {
        int crossings = 0, count = 0;
        bool was = false;
        for (int i = 0; i < finder->grid.columns; i++) {
            bool is = finder->grid.samples[j][i] > threshold;
            crossings += is != was;
            count += is;
            was = is;
        }
        profile[j] = (float)count;
        bright += count;
        text_rows += crossings >= CROSSINGS;
    }
    if (bright * 1000 < total) /* under a thousandth */
        return BLANK;
    return bright * 4 < total && text_rows * 40 >= finder->grid.rows ? CARD : LIT;
}

/* Correlation of the profile before, moved by shift rows, with the one now. */
static float correlate(const struct md_credits_finder *finder, int shift)
{
    const float *a = finder->profile[!finder->now], *b = finder->profile[finder->now];
    int first = MD_MAX(0, -shift), last = finder->grid.rows - MD_MAX(0, shift);
    double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    int n = last - first;
    for (int j = first; j < last; j++) {
        double p = a[j + shift], q = b[j];
        sa += p;
        sb += q;
        aa += p * p;
        bb += q * q;
        ab += p * q;
    }
    double va = aa - sa * sa / n, vb = bb - sb * sb / n;
    return va > 1 && vb > 1 ? (float)((ab - sa * sb / n) / sqrt(va * vb)) : 0;
}

/* How many rows the text moved up since the last look; 0 when it stands or is other text. */
static int find_roll(const struct md_credits_finder *finder)
{
    int best = 0, most = MD_MIN(MOST_SHIFT, finder->grid.rows / 4);
    float stand = correlate(finder, 0), best_value = stand + 0.1f;
    for (int shift = -most; shift <= most; shift++) {
        float value = shift ? correlate(finder, shift) : 0;
        if (value > best_value) {
            best_value = value;
            best = shift;
        }
    }
    return best_value > 0.6f ? best : 0;
}

static int close_run(struct md_credits_finder *finder)
{
    finder->is_running = false;
    const struct run *run = &finder->run;
    if (run->end_us - run->start_us < least_rolling_us || run->lit > run->cards)
        return MD_OK;
    return md_vec_push(&finder->runs, *run);
}

static void add_card(struct md_credits_finder *finder, int64_t pts_us)
{
    struct run *run = &finder->run;
    if (!finder->is_running) {
        *run = (struct run){.start_us = pts_us};
        finder->is_running = true;
        finder->lit_since_card = 0;
    }
    run->end_us = pts_us + sample_us;
    run->cards++;
    run->lit += finder->lit_since_card;
    finder->lit_since_card = 0;
    if (finder->before_is_card) {
        int roll = find_roll(finder);
        run->moving_up += roll > 0;
        run->moving_down += roll < 0;
    }
}

bool md_credits_finder_wants(const struct md_credits_finder *finder, int64_t pts_us)
{
    return pts_us >= finder->next_us;
}

/* finder->grid holds the samples if the look is dark; rows: what it held before. */
static int add(struct md_credits_finder *finder, int64_t pts_us, int rows, bool dark)
{
    enum picture picture = LIT;
    finder->next_us = pts_us + sample_us;
    finder->now = !finder->now;
    if (dark) {
        finder->before_is_card &= rows == finder->grid.rows;
        picture = classify(finder);
    }
    if (picture == CARD)
        add_card(finder, pts_us);
    else if (finder->is_running)
        finder->lit_since_card += picture == LIT;
    finder->before_is_card = picture == CARD;
    if (finder->is_running && pts_us - finder->run.end_us > longest_gap_us)
        return close_run(finder);
    return MD_OK;
}

int md_credits_finder_add(struct md_credits_finder *finder, const struct md_frame *frame,
                          const struct md_look *look)
{
    if (!md_credits_finder_wants(finder, frame->pts_us))
        return MD_OK;
    int rows = finder->grid.rows;
    bool dark = is_dark(look);
    if (dark)
        md_credits_sample(frame, &finder->grid);
    return add(finder, frame->pts_us, rows, dark);
}

int md_credits_finder_add_grid(struct md_credits_finder *finder, int64_t pts_us,
                               const struct md_credits_grid *grid, const struct md_look *look)
{
    if (!md_credits_finder_wants(finder, pts_us))
        return MD_OK;
    int rows = finder->grid.rows;
    bool dark = is_dark(look);
    if (dark)
        finder->grid = *grid;
    return add(finder, pts_us, rows, dark);
}

bool md_credits_finder_is_card(struct md_credits_finder *finder, const struct md_frame *frame,
                               const struct md_look *look)
{
    if (!is_dark(look))
        return false;
    md_credits_sample(frame, &finder->grid);
    return classify(finder) == CARD;
}

void md_credits_finder_skip(struct md_credits_finder *finder, int64_t until_us)
{
    if (finder->is_running && finder->before_is_card)
        finder->run.end_us = until_us;
    finder->before_is_card = false; /* too long ago to tell motion */
}

/* Is it where credits are, and long enough? */
static bool is_credits(const struct run *run, bool rolling, int64_t end_us)
{
    int64_t length_us = run->end_us - run->start_us;
    if (rolling)
        return length_us >= least_rolling_us;
    int64_t opening_us = MD_MIN(end_us / 10, 300 * MD_SECOND_US);
    bool at_an_end = run->start_us < opening_us || run->end_us > end_us - end_us / 4;
    return at_an_end && length_us >= least_standing_us;
}

int md_credits_finder_finish(struct md_credits_finder *finder, int64_t end_us,
                             struct md_credits_vec *ret_credits)
{
    int rc = finder->is_running ? close_run(finder) : MD_OK;
    for (size_t i = 0; rc == MD_OK && i < finder->runs.n; i++) {
        const struct run *run = &finder->runs.v[i];
        int64_t moving = MD_MAX(run->moving_up, run->moving_down);
        bool rolling = moving * 2 > run->cards;
        if (!is_credits(run, rolling, end_us))
            continue;
        struct md_credits credits = {
            .start_us = run->start_us, .end_us = MD_MIN(run->end_us, end_us), .rolling = rolling};
        if (end_us - credits.end_us < tail_us)
            credits.end_us = end_us;
        rc = md_vec_push(ret_credits, credits);
    }
    return rc;
}

static int64_t nearest_boundary(const struct md_shot_vec *shots, int64_t time_us)
{
    int64_t best = time_us, least = snap_us;
    for (size_t i = 0; i < shots->n; i++) {
        int64_t ends[2] = {shots->v[i].start_us, shots->v[i].end_us};
        for (int e = 0; e < 2; e++)
            if (llabs(ends[e] - time_us) <= least) {
                least = llabs(ends[e] - time_us);
                best = ends[e];
            }
    }
    return best;
}

void md_credits_mark(struct md_credits_vec *credits, struct md_shot_vec *shots)
{
    for (size_t c = 0; c < credits->n; c++) {
        struct md_credits *range = &credits->v[c];
        range->start_us = nearest_boundary(shots, range->start_us);
        range->end_us = nearest_boundary(shots, range->end_us);
        for (size_t i = 0; i < shots->n; i++) {
            struct md_shot *shot = &shots->v[i];
            int64_t inside_us =
                MD_MIN(shot->end_us, range->end_us) - MD_MAX(shot->start_us, range->start_us);
            if (inside_us * 2 > shot->end_us - shot->start_us)
                shot->credits = true;
        }
    }
}
