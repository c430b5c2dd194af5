/* Block matching by whole displaced rows: for each displacement the absolute differences of a row
 * fall into eight sums of eight neighbours, which is what one SIMD instruction (psadbw) computes;
 * all blocks are searched at once and the table of best sums is all that is kept. Full search of
 * 117 displacements costs some 20 us, less than any clever search, and cannot get stuck. */
#include "analysis/change.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sad.h"
#include "base/cleanup.h"

static_assert(MD_BLOCK_W == 8 && MD_BLOCK_COLUMNS == 8, "md_sad_columns is made for these");

enum { BLOCK_SAMPLES = MD_BLOCK_W * MD_BLOCK_H };

/* A motion must explain this much (sum over a block) more than standing still, so that flat blocks
 * do not wander: half a grey level per sample. */
enum { STILL_BONUS = BLOCK_SAMPLES / 2 };

struct match {
    uint16_t sad[MD_BLOCKS];
    int8_t dx[MD_BLOCKS], dy[MD_BLOCKS];
};

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

static void match_row(const struct md_look *after, uint8_t padded[PADDED_H][PADDED_W], int row,
                      struct match *match)
{
    const uint8_t *current = after->luma + row * MD_BLOCK_H * MD_LOOK_W;
    uint16_t *best = match->sad + row * MD_BLOCK_COLUMNS;
    int8_t *best_dx = match->dx + row * MD_BLOCK_COLUMNS;
    int8_t *best_dy = match->dy + row * MD_BLOCK_COLUMNS;
    uint16_t still[MD_BLOCK_COLUMNS], sads[MD_BLOCK_COLUMNS];
    int top = row * MD_BLOCK_H + MD_SEARCH_Y;
    md_sad_columns(current, MD_LOOK_W, padded[top] + MD_SEARCH_X, PADDED_W, MD_BLOCK_H, still);
    uint16_t worst = 0;
    for (int b = 0; b < MD_BLOCK_COLUMNS; b++) {
        best[b] = still[b] > STILL_BONUS ? (uint16_t)(still[b] - STILL_BONUS) : 0;
        best_dx[b] = best_dy[b] = 0;
        worst = MD_MAX(worst, still[b]);
    }
    if (worst <= 2 * STILL_BONUS) /* nothing to gain: the usual case in quiet scenes */
        goto done;
    for (int dy = -MD_SEARCH_Y; dy <= MD_SEARCH_Y; dy++)
        for (int dx = -MD_SEARCH_X; dx <= MD_SEARCH_X; dx++) {
            md_sad_columns(current, MD_LOOK_W, padded[top + dy] + MD_SEARCH_X + dx, PADDED_W,
                           MD_BLOCK_H, sads);
            for (int b = 0; b < MD_BLOCK_COLUMNS; b++)
                if (sads[b] < best[b]) {
                    best[b] = sads[b];
                    best_dx[b] = (int8_t)dx;
                    best_dy[b] = (int8_t)dy;
                }
        }
done:
    for (int b = 0; b < MD_BLOCK_COLUMNS; b++)
        if (best_dx[b] == 0 && best_dy[b] == 0)
            best[b] = still[b];
}

static void match_all(const struct md_look *before, const struct md_look *after,
                      uint8_t padded[PADDED_H][PADDED_W], struct match *match)
{
    pad(before, padded);
    for (int row = 0; row < MD_BLOCK_ROWS; row++)
        match_row(after, padded, row, match);
}

float md_change_residual(const struct md_look *before, const struct md_look *after)
{
    uint8_t padded[PADDED_H][PADDED_W];
    struct match match;
    match_all(before, after, padded, &match);
    int sum = 0;
    for (int b = 0; b < MD_BLOCKS; b++)
        sum += match.sad[b];
    return (float)sum / MD_LOOK_SIZE;
}

/* What two matched blocks have in common besides their mean brightness. */
struct likeness {
    int shape;         /* sum of absolute differences with the mean difference taken out */
    float correlation; /* -1 to 1 */
    float weight;      /* 0 flat to 1: how much its correlation says */
};

static struct likeness compare_blocks(const struct md_look *after,
                                      uint8_t padded[PADDED_H][PADDED_W], int b, int dx, int dy)
{
    int x = b % MD_BLOCK_COLUMNS * MD_BLOCK_W, y = b / MD_BLOCK_COLUMNS * MD_BLOCK_H;
    int differences[BLOCK_SAMPLES], sp = 0, sq = 0, pp = 0, qq = 0, pq = 0, n = 0;
    for (int j = 0; j < MD_BLOCK_H; j++) {
        const uint8_t *now = after->luma + (y + j) * MD_LOOK_W + x;
        const uint8_t *was = padded[y + j + MD_SEARCH_Y + dy] + x + MD_SEARCH_X + dx;
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
    /* A deviation of two grey levels may be noise; one of six is structure. */
    const float noise = 4.0f * BLOCK_SAMPLES, structure = 36.0f * BLOCK_SAMPLES;
    const float count = BLOCK_SAMPLES;
    float var_p = (float)pp - (float)sp * (float)sp / count;
    float var_q = (float)qq - (float)sq * (float)sq / count;
    float norm = sqrtf((var_p + noise) * (var_q + noise));
    return (struct likeness){
        .shape = shape,
        .correlation = ((float)pq - (float)sp * (float)sq / count + noise) / norm,
        .weight = norm / (norm + structure),
    };
}

static float plain_difference(const uint8_t *a, const uint8_t *b, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += abs(a[i] - b[i]);
    return (float)sum / (float)n;
}

/* Share of samples that changed bins: luma always, chroma as far as there is colour at all, so that
 * the scale is the same for films in black and white. */
float md_change_histogram(const struct md_look *a, const struct md_look *b)
{
    int luma = 0, chroma = 0;
    for (int q = 0; q < MD_LOOK_QUADRANTS; q++) {
        for (int i = 0; i < MD_LOOK_LUMA_BINS; i++)
            luma += abs(a->histogram[q][i] - b->histogram[q][i]);
        for (int i = MD_LOOK_LUMA_BINS; i < MD_LOOK_BINS; i++)
            chroma += abs(a->histogram[q][i] - b->histogram[q][i]);
    }
    const float most = 2.0f * 16 * MD_LOOK_SIZE; /* when no sample shares a bin, per channel */
    const float colourful = 6;                   /* of md_look.colour: enough to count fully */
    float weight = MD_MIN((a->colour + b->colour) / 2 / colourful, 1.0f);
    return ((float)luma + weight * (float)chroma) / (most * (1 + 2 * weight));
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
    return plain_difference(before->luma, after->luma, MD_LOOK_SIZE);
}

void md_change_measure(const struct md_look *before, const struct md_look *after,
                       struct md_change *ret_change)
{
    uint8_t padded[PADDED_H][PADDED_W];
    struct match match;
    match_all(before, after, padded, &match);
    int residual = 0, shape = 0, still = 0;
    float length = 0, alike = 0, weights = 0;
    for (int b = 0; b < MD_BLOCKS; b++) {
        residual += match.sad[b];
        bool moved = match.dx[b] || match.dy[b];
        struct likeness likeness = compare_blocks(after, padded, b, match.dx[b], match.dy[b]);
        shape += likeness.shape;
        alike += likeness.weight * likeness.correlation;
        weights += likeness.weight;
        still += !moved && match.sad[b] < BLOCK_SAMPLES;
        length += hypotf(match.dx[b], match.dy[b]);
    }
    float plain = md_change_plain(before, after);
    *ret_change = (struct md_change){
        .plain = plain,
        .residual = (float)residual / MD_LOOK_SIZE,
        .shape = (float)shape / MD_LOOK_SIZE,
        .unlike = MD_CLAMP(1 - alike / weights, 0.0f, 1.0f),
        .chroma = plain_difference(before->cb, after->cb, MD_LOOK_CHROMA_SIZE) +
                  plain_difference(before->cr, after->cr, MD_LOOK_CHROMA_SIZE),
        .histogram = md_change_histogram(before, after),
        .motion = MD_MAX(length / MD_BLOCKS, small_motion(before, after, plain)) / MD_LOOK_W,
        .still = (float)still / MD_BLOCKS,
    };
}
