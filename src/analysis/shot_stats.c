/* Means over the frames of a shot. Colours are measured on every third frame: they change slowly,
 * and measuring them costs more than everything else here. */
#include "analysis/shot_stats.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum {
    COLOUR_EVERY = 3,
    LAYOUT_COLUMNS = 8,
    LAYOUT_ROWS = 3,
    HISTOGRAM_NUMBERS = MD_LOOK_BINS / 2, /* neighbouring bins are joined */
};
static_assert(HISTOGRAM_NUMBERS + LAYOUT_COLUMNS * LAYOUT_ROWS == MD_SIGNATURE_BINS,
              "the signature holds histogram and layout");

float md_motion_of(const struct md_change *change, float rate)
{
    /* One and a half pictures' width a second is a whip pan; half of it is fast. What motion does
     * not explain (fire, crowds, rain) counts as well: 30 grey levels of it are chaos. */
    float travel = change->motion * rate / 0.6f, chaos = change->residual / 30;
    return 1 - expf(-(travel + chaos));
}

/* Colours of one look: saturation (mean chroma magnitude), colourfulness (Hasler and Suesstrunk
 * 2003) and warmth, added to the sums. */
static void add_colours(struct md_shot_stats *stats, const struct md_look *look)
{
    double magnitude = 0, warmth = 0, rg_sum = 0, rg_squares = 0, yb_sum = 0, yb_squares = 0;
    for (int i = 0; i < MD_LOOK_CHROMA_SIZE; i++) {
        float cb = (float)look->cb[i] - 128, cr = (float)look->cr[i] - 128;
        magnitude += sqrtf(cb * cb + cr * cr);
        warmth += cr - cb;
        /* BT.601: R - Y = 1.402 Cr, B - Y = 1.772 Cb, G - Y = -0.344 Cb - 0.714 Cr. */
        float r = 1.402f * cr, g = -0.344f * cb - 0.714f * cr, b = 1.772f * cb;
        float rg = r - g, yb = 0.5f * (r + g) - b;
        rg_sum += rg;
        rg_squares += rg * rg;
        yb_sum += yb;
        yb_squares += yb * yb;
    }
    const double n = MD_LOOK_CHROMA_SIZE;
    double rg_mean = rg_sum / n, yb_mean = yb_sum / n;
    double variance = rg_squares / n - rg_mean * rg_mean + yb_squares / n - yb_mean * yb_mean;
    double colourful = sqrt(fmax(variance, 0)) + 0.3 * sqrt(rg_mean * rg_mean + yb_mean * yb_mean);
    /* Pure colours reach a magnitude of some 120, films rarely 60; the paper calls 109 "extremely
     * colourful"; a sunset has cr - cb of some 60. */
    stats->saturation += fmin(magnitude / n / 90, 1);
    stats->colorfulness += fmin(colourful / 110, 1);
    stats->warmth += fmax(fmin(warmth / n / 60, 1), -1);
}

/* Colour histogram (half of the weight) and brightness in a grid of 8 x 3 (the other half): the L1
 * distance of two signatures is 0 for the same picture, 2 for nothing in common. */
static void add_signature(struct md_shot_stats *stats, const struct md_look *look)
{
    const double whole = 16.0 * MD_LOOK_SIZE * 3; /* of the histogram, three channels */
    for (int q = 0; q < MD_LOOK_QUADRANTS; q++)
        for (int i = 0; i < MD_LOOK_BINS; i++)
            stats->signature[i / 2] += look->histogram[q][i] / (2 * whole);
    const int cell_w = MD_LOOK_W / LAYOUT_COLUMNS, cell_h = MD_LOOK_H / LAYOUT_ROWS;
    const double cells = 255.0 * MD_LOOK_SIZE;
    for (int y = 0; y < MD_LOOK_H; y++)
        for (int x = 0; x < MD_LOOK_W; x++)
            stats->signature[HISTOGRAM_NUMBERS + y / cell_h * LAYOUT_COLUMNS + x / cell_w] +=
                look->luma[y * MD_LOOK_W + x] / cells;
}

void md_shot_stats_add(struct md_shot_stats *stats, const struct md_look *look, float motion)
{
    if (stats->frames % COLOUR_EVERY == 0) {
        add_colours(stats, look);
        add_signature(stats, look);
        stats->colours++;
    }
    stats->frames++;
    stats->luma += look->mean / 255;
    stats->contrast += look->deviation / 255;
    if (motion >= 0) {
        stats->motion += motion;
        stats->moving++;
    }
}

int md_shot_stats_finish(const struct md_shot_stats *stats, struct md_shot *shot)
{
    double frames = (double)MD_MAX(stats->frames, 1), colours = (double)MD_MAX(stats->colours, 1);
    shot->motion = (float)(stats->motion / (double)MD_MAX(stats->moving, 1));
    shot->luma = (float)(stats->luma / frames);
    shot->contrast = (float)(stats->contrast / frames);
    shot->saturation = (float)(stats->saturation / colours);
    shot->colorfulness = (float)(stats->colorfulness / colours);
    shot->warmth = (float)(stats->warmth / colours);
    for (int i = 0; i < MD_SIGNATURE_BINS; i++)
        if (md_vec_push(&shot->signature, (float)(stats->signature[i] / colours)) < 0)
            return MD_ERR_NOMEM;
    return MD_OK;
}

/* Writes the second being gathered; an empty one repeats the one before. */
static int close_second(struct md_curves *curves)
{
    size_t n = curves->motion->n;
    float motion = n ? curves->motion->v[n - 1] : 0, luma = n ? curves->luma->v[n - 1] : 0;
    if (curves->motion_frames > 0)
        motion = (float)(curves->motion_sum / (double)curves->motion_frames);
    if (curves->luma_frames > 0)
        luma = (float)(curves->luma_sum / (double)curves->luma_frames);
    curves->motion_sum = curves->luma_sum = 0;
    curves->motion_frames = curves->luma_frames = 0;
    curves->second++;
    if (md_vec_push(curves->motion, motion) < 0 || md_vec_push(curves->luma, luma) < 0)
        return MD_ERR_NOMEM;
    return MD_OK;
}

int md_curves_add(struct md_curves *curves, const struct md_look *look, float motion)
{
    int64_t second = MD_CLAMP(look->pts_us / MD_SECOND_US, 0, MD_CURVE_SECONDS - 1);
    while (curves->second < second) {
        int rc = close_second(curves);
        if (rc < 0)
            return rc;
    }
    curves->luma_sum += look->mean / 255;
    curves->luma_frames++;
    if (motion >= 0) {
        curves->motion_sum += motion;
        curves->motion_frames++;
    }
    return MD_OK;
}

int md_curves_finish(struct md_curves *curves)
{
    return curves->luma_frames > 0 ? close_second(curves) : MD_OK;
}
