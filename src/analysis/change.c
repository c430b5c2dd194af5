/* Block matching by whole displaced rows: for each displacement the absolute differences of a row
 * fall into eight sums of eight neighbours, which is what one SIMD instruction (psadbw) computes;
 * all blocks of a row are searched at once (analysis/kernels.h). Full search of 117 displacements
 * costs some 10 us, less than any clever search, and cannot get stuck. */
#include "analysis/change.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kernels.h"
#include "base/cleanup.h"

static_assert(MD_BLOCK_W == 8 && MD_BLOCK_COLUMNS == 8, "the search is made for these");

enum { BLOCK_SAMPLES = MD_BLOCK_W * MD_BLOCK_H };

enum { STILL_BONUS = MD_CHANGE_STILL_BONUS };

struct match {
    struct md_kernel_match rows[MD_BLOCK_ROWS];
};

static int sad_of(const struct match *match, int block)
{
    return match->rows[block / MD_BLOCK_COLUMNS].sad[block % MD_BLOCK_COLUMNS];
}

/* The samples of `before`, with borders repeated far enough for every displacement. */
enum { PADDED_W = MD_LOOK_W + 2 * MD_SEARCH_X + 4, PADDED_H = MD_LOOK_H + 2 * MD_SEARCH_Y };

static void pad(const struct md_look *look, uint8_t out[PADDED_H][PADDED_W])
{
    for (int y = 0; y < PADDED_H; y++) {
        int from = MD_CLAMP(y - MD_SEARCH_Y, 0, MD_LOOK_H - 1);
        const uint8_t *row = look->luma + from * MD_LOOK_W;
        memset(out[y], row[0], MD_SEARCH_X);
        memcpy(out[y] + MD_SEARCH_X, row, MD_LOOK_W);
        memset(out[y] + MD_SEARCH_X + MD_LOOK_W, row[MD_LOOK_W - 1],
               PADDED_W - MD_SEARCH_X - MD_LOOK_W);
    }
}

static void match_row(const struct md_kernels *kernels, const struct md_look *after,
                      uint8_t padded[PADDED_H][PADDED_W], int row, struct md_kernel_match *match)
{
    const uint8_t *current = after->luma + row * MD_BLOCK_H * MD_LOOK_W;
    const uint8_t *place = padded[row * MD_BLOCK_H + MD_SEARCH_Y] + MD_SEARCH_X;
    struct md_kernel_match still;
    memset(&still, 0, sizeof still);
    memset(still.sad, 0xff, sizeof still.sad);
    kernels->search(current, MD_LOOK_W, place, PADDED_W, MD_BLOCK_H, 0, 0, &still);
    uint16_t worst = 0;
    for (int b = 0; b < MD_BLOCK_COLUMNS; b++)
        worst = MD_MAX(worst, still.sad[b]);
    *match = still;
    if (worst <= 2 * STILL_BONUS) /* nothing to gain: the usual case in quiet scenes */
        return;
    for (int b = 0; b < MD_BLOCK_COLUMNS; b++)
        match->sad[b] = (uint16_t)MD_MAX(still.sad[b] - STILL_BONUS, 0);
    kernels->search(current, MD_LOOK_W, place, PADDED_W, MD_BLOCK_H, MD_SEARCH_X, MD_SEARCH_Y,
                    match);
    for (int b = 0; b < MD_BLOCK_COLUMNS; b++)
        if (match->dx[b] == 0 && match->dy[b] == 0)
            match->sad[b] = still.sad[b];
}

static void match_all(const struct md_look *before, const struct md_look *after,
                      uint8_t padded[PADDED_H][PADDED_W], struct match *match)
{
    const struct md_kernels *kernels = md_kernels_best();
    pad(before, padded);
    for (int row = 0; row < MD_BLOCK_ROWS; row++)
        match_row(kernels, after, padded, row, &match->rows[row]);
}

float md_change_residual(const struct md_look *before, const struct md_look *after)
{
    uint8_t padded[PADDED_H][PADDED_W];
    struct match match;
    match_all(before, after, padded, &match);
    int sum = 0;
    for (int b = 0; b < MD_BLOCKS; b++)
        sum += sad_of(&match, b);
    return (float)sum / MD_LOOK_SIZE;
}

/* What two matched blocks have in common besides their mean brightness. */
struct likeness {
    float correlation; /* -1 to 1 */
    float weight;      /* 0 flat to 1: how much its correlation says */
};

static void sum_block(const struct md_look *after, uint8_t padded[PADDED_H][PADDED_W], int b,
                      struct md_change_block *block)
{
    int x = b % MD_BLOCK_COLUMNS * MD_BLOCK_W, y = b / MD_BLOCK_COLUMNS * MD_BLOCK_H;
    int differences[BLOCK_SAMPLES], sp = 0, sq = 0, pp = 0, qq = 0, pq = 0, n = 0;
    for (int j = 0; j < MD_BLOCK_H; j++) {
        const uint8_t *now = after->luma + (y + j) * MD_LOOK_W + x;
        const uint8_t *was = padded[y + j + MD_SEARCH_Y + block->dy] + x + MD_SEARCH_X + block->dx;
        for (int i = 0; i < MD_BLOCK_W; i++) {
            int p = now[i], q = was[i];
            differences[n++] = p - q;
            sp += p;
            sq += q;
            pp += p * p;
            qq += q * q;
            pq += p * q;
        }
    }
    int mean = (sp - sq) / BLOCK_SAMPLES, shape = 0;
    for (int i = 0; i < BLOCK_SAMPLES; i++)
        shape += abs(differences[i] - mean);
    block->shape = shape;
    block->sp = sp;
    block->sq = sq;
    block->pp = pp;
    block->qq = qq;
    block->pq = pq;
}

static struct likeness compare(const struct md_change_block *block)
{
    /* A deviation of two grey levels may be noise; one of six is structure. */
    const float noise = 4.0f * BLOCK_SAMPLES, structure = 36.0f * BLOCK_SAMPLES;
    const float count = BLOCK_SAMPLES;
    float sp = (float)block->sp, sq = (float)block->sq;
    float var_p = (float)block->pp - sp * sp / count;
    float var_q = (float)block->qq - sq * sq / count;
    float norm = sqrtf((var_p + noise) * (var_q + noise));
    return (struct likeness){
        .correlation = ((float)block->pq - sp * sq / count + noise) / norm,
        .weight = norm / (norm + structure),
    };
}

static int difference(const uint8_t *a, const uint8_t *b, int n)
{
    return (int)md_kernels_best()->difference(a, b, n);
}

static void sum_bins(const struct md_look *a, const struct md_look *b, struct md_change_sums *sums)
{
    for (int q = 0; q < MD_LOOK_QUADRANTS; q++) {
        for (int i = 0; i < MD_LOOK_LUMA_BINS; i++)
            sums->luma_bins += abs(a->histogram[q][i] - b->histogram[q][i]);
        for (int i = MD_LOOK_LUMA_BINS; i < MD_LOOK_BINS; i++)
            sums->chroma_bins += abs(a->histogram[q][i] - b->histogram[q][i]);
    }
}

/* Share of samples that changed bins: luma always, chroma as far as there is colour at all, so that
 * the scale is the same for films in black and white. */
static float histogram_change(const struct md_look *a, const struct md_look *b,
                              const struct md_change_sums *sums)
{
    const float most = 2.0f * 16 * MD_LOOK_SIZE; /* when no sample shares a bin, per channel */
    const float colourful = 6;                   /* of md_look.colour: enough to count fully */
    float weight = MD_MIN((a->colour + b->colour) / 2 / colourful, 1.0f);
    return ((float)sums->luma_bins + weight * (float)sums->chroma_bins) / (most * (1 + 2 * weight));
}

float md_change_histogram(const struct md_look *a, const struct md_look *b)
{
    struct md_change_sums sums;
    sums.luma_bins = sums.chroma_bins = 0;
    sum_bins(a, b, &sums);
    return histogram_change(a, b, &sums);
}

/* Motion too small for whole displacements: what changed, over how steep the picture is (normal
 * flow). In samples of a look. */
static float small_motion(const struct md_look *before, const struct md_look *after, float plain)
{
    float steepness = before->gradient + after->gradient;
    const float noise = 0.4f; /* rounding and grain left in the averages */
    return steepness > 1 ? MD_CLAMP((plain - noise) / steepness, 0.0f, 1.0f) : 0;
}

float md_change_plain(const struct md_look *before, const struct md_look *after)
{
    return (float)difference(before->luma, after->luma, MD_LOOK_SIZE) / MD_LOOK_SIZE;
}

static void sum_change(const struct md_look *before, const struct md_look *after,
                       struct md_change_sums *sums)
{
    uint8_t padded[PADDED_H][PADDED_W];
    struct match match;
    match_all(before, after, padded, &match);
    for (int b = 0; b < MD_BLOCKS; b++) {
        const struct md_kernel_match *row = &match.rows[b / MD_BLOCK_COLUMNS];
        struct md_change_block *block = &sums->blocks[b];
        block->sad = sad_of(&match, b);
        block->dx = row->dx[b % MD_BLOCK_COLUMNS];
        block->dy = row->dy[b % MD_BLOCK_COLUMNS];
        sum_block(after, padded, b, block);
    }
    sums->luma = difference(before->luma, after->luma, MD_LOOK_SIZE);
    sums->cb = difference(before->cb, after->cb, MD_LOOK_CHROMA_SIZE);
    sums->cr = difference(before->cr, after->cr, MD_LOOK_CHROMA_SIZE);
    sums->luma_bins = sums->chroma_bins = 0;
    sum_bins(before, after, sums);
}

void md_change_finish(const struct md_look *before, const struct md_look *after,
                      const struct md_change_sums *sums, struct md_change *ret_change)
{
    int residual = 0, shape = 0, still = 0;
    float length = 0, alike = 0, weights = 0;
    for (int b = 0; b < MD_BLOCKS; b++) {
        const struct md_change_block *block = &sums->blocks[b];
        struct likeness likeness = compare(block);
        residual += block->sad;
        shape += block->shape;
        alike += likeness.weight * likeness.correlation;
        weights += likeness.weight;
        still += !block->dx && !block->dy && block->sad < BLOCK_SAMPLES;
        length += hypotf((float)block->dx, (float)block->dy);
    }
    float plain = (float)sums->luma / MD_LOOK_SIZE;
    *ret_change = (struct md_change){
        .plain = plain,
        .residual = (float)residual / MD_LOOK_SIZE,
        .shape = (float)shape / MD_LOOK_SIZE,
        .unlike = MD_CLAMP(1 - alike / weights, 0.0f, 1.0f),
        .chroma = (float)sums->cb / MD_LOOK_CHROMA_SIZE + (float)sums->cr / MD_LOOK_CHROMA_SIZE,
        .histogram = histogram_change(before, after, sums),
        .motion = MD_MAX(length / MD_BLOCKS, small_motion(before, after, plain)) / MD_LOOK_W,
        .still = (float)still / MD_BLOCKS,
    };
}

void md_change_measure(const struct md_look *before, const struct md_look *after,
                       struct md_change *ret_change)
{
    struct md_change_sums sums;
    sum_change(before, after, &sums);
    md_change_finish(before, after, &sums, ret_change);
}
