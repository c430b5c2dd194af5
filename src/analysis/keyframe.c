/* Which frame is best is known only when its shot is over, and frames cannot be kept: so about
 * three pictures a second are scaled down and held until their shot is decided. When the room is
 * full, of the two candidates nearest in time the worse goes; what stays is spread over the shot.
 */
#include "analysis/keyframe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Between candidates at the beginning of a shot, and most ever, in movie time: no shot of a second
 * is without one, however softly it begins. */
static const int64_t spacing_us = 300000, most_spacing_us = 700000;
/* For so much longer a quieter moment is waited for. */
static const double patience = 1.25;

/* A change this large (grey levels motion does not explain) may be a cut: take a picture after. */
static const float sudden = 6;

enum { SETTLE_FRAMES = 3 }; /* after a sudden change the picture needs a moment */

struct candidate {
    int64_t frame;
    float quality; /* of the picture itself, higher is better */
    float sharpness;
    struct md_image image;
};

struct md_keys {
    struct md_image_scaler *scaler;
    int rotation;
    struct candidate candidates[MD_KEY_CANDIDATES]; /* by frame */
    int count;
    int64_t last_us;      /* time of the newest, INT64_MIN none */
    int64_t spacing_us;   /* to the next */
    float usual_motion;   /* of late */
    int64_t sudden_frame; /* of the last sudden change */
};

struct md_keys *md_keys_new(int rotation)
{
    struct md_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return NULL;
    keys->rotation = rotation;
    keys->last_us = INT64_MIN;
    keys->spacing_us = spacing_us;
    keys->scaler = md_image_scaler_new();
    if (!keys->scaler) {
        free(keys);
        return NULL;
    }
    return keys;
}

void md_keys_free(struct md_keys *keys)
{
    if (!keys)
        return;
    for (int i = 0; i < MD_KEY_CANDIDATES; i++)
        md_image_done(&keys->candidates[i].image);
    md_image_scaler_free(keys->scaler);
    free(keys);
}

float md_image_sharpness(const struct md_image *image)
{
    int64_t sum = 0, n = 0;
    int shift = image->sample_bytes == 2 ? 8 : 0;
    for (int y = 0; y + 1 < image->height; y += 2) {
        const uint8_t *row8 = image->samples + (size_t)y * image->width;
        const uint16_t *row16 = (const uint16_t *)image->samples + (size_t)y * image->width;
        for (int x = 0; x + 1 < image->width; x++, n++) {
            int here, right, below;
            if (shift) {
                here = row16[x] >> shift;
                right = row16[x + 1] >> shift;
                below = row16[x + image->width] >> shift;
            } else {
                here = row8[x];
                right = row8[x + 1];
                below = row8[x + image->width];
            }
            sum += abs(right - here) + abs(below - here);
        }
    }
    /* A richly detailed picture of 640 has a mean gradient of some 12 in each direction. */
    return n > 0 ? MD_MIN((float)sum / (float)n / 24, 1.0f) : 0;
}

/* How good a picture is whatever its shot: sharp, well lit, not moving. */
static float quality_of(const struct md_look *look, float motion, float sharpness)
{
    float light = 1;
    if (look->mean < 40)
        light = look->mean / 40;
    else if (look->mean > 215)
        light = MD_MAX((255 - look->mean) / 40, 0.0f);
    float contrast = MD_MIN(look->deviation / 40, 1.0f);
    return 1.5f * sqrtf(sharpness) + light + 0.5f * contrast - 0.8f * motion;
}

static void remove_candidate(struct md_keys *keys, int i)
{
    struct candidate gone = keys->candidates[i]; /* its memory serves the next */
    memmove(&keys->candidates[i], &keys->candidates[i + 1],
            (size_t)(keys->count - i - 1) * sizeof gone);
    keys->candidates[--keys->count] = gone;
}

static void make_room(struct md_keys *keys)
{
    int closest = 0;
    int64_t least = INT64_MAX;
    for (int i = 0; i + 1 < keys->count; i++) {
        int64_t gap = keys->candidates[i + 1].frame - keys->candidates[i].frame;
        if (gap < least) {
            least = gap;
            closest = i;
        }
    }
    bool first_is_better =
        keys->candidates[closest].quality >= keys->candidates[closest + 1].quality;
    remove_candidate(keys, first_is_better ? closest + 1 : closest);
}

static int take(struct md_keys *keys, const struct md_frame *frame, const struct md_look *look,
                float motion)
{
    if (keys->count == MD_KEY_CANDIDATES)
        make_room(keys);
    struct candidate *candidate = &keys->candidates[keys->count];
    struct md_image_params params = {
        .max_width = MD_KEY_WIDTH, .max_height = MD_KEY_HEIGHT, .rotation = keys->rotation};
    int rc = md_image_take(keys->scaler, frame, &params, &candidate->image);
    if (rc == MD_ERR_UNSUPPORTED)
        return MD_OK; /* a shot may go without a picture */
    if (rc < 0)
        return rc;
    candidate->frame = look->index;
    candidate->sharpness = md_image_sharpness(&candidate->image);
    candidate->quality = quality_of(look, motion, candidate->sharpness);
    keys->count++;
    keys->last_us = look->pts_us;
    return MD_OK;
}

static bool is_due(const struct md_keys *keys, const struct md_look *look, float motion)
{
    if (keys->last_us == INT64_MIN)
        return true;
    int64_t waited_us = look->pts_us - keys->last_us;
    bool quiet = motion <= keys->usual_motion;
    return waited_us >= (quiet ? keys->spacing_us : (int64_t)((double)keys->spacing_us * patience));
}

int md_keys_offer(struct md_keys *keys, const struct md_frame *frame, const struct md_look *look,
                  const struct md_change *change, float motion, int64_t shot_start)
{
    while (keys->count > 0 && keys->candidates[0].frame < shot_start)
        remove_candidate(keys, 0);
    bool is_sudden = change->residual > sudden;
    int64_t since_sudden = look->index - keys->sudden_frame;
    bool first_sudden = is_sudden && since_sudden >= SETTLE_FRAMES;
    bool settled = since_sudden == SETTLE_FRAMES && keys->sudden_frame > 0;
    if (first_sudden) {
        /* Maybe a cut, maybe the first of many shocks of an explosion: begin as in a new shot, but
         * take no more than one picture in three. */
        keys->sudden_frame = look->index;
        keys->spacing_us = spacing_us;
    }
    bool due = is_due(keys, look, motion);
    keys->usual_motion += (motion - keys->usual_motion) / 8;
    if (due)
        keys->spacing_us = MD_MIN(keys->spacing_us * 3 / 2, most_spacing_us);
    return due || first_sudden || settled ? take(keys, frame, look, motion) : MD_OK;
}

const struct md_image *md_keys_choose(const struct md_keys *keys, int64_t start, int64_t end,
                                      int64_t clear_start, int64_t clear_end, float *ret_sharpness)
{
    const struct candidate *best = NULL;
    float best_score = -INFINITY;
    for (int i = 0; i < keys->count; i++) {
        const struct candidate *candidate = &keys->candidates[i];
        if (candidate->frame < start || candidate->frame >= end)
            continue;
        float middle = (float)(start + end) / 2, half = (float)(end - start) / 2;
        float off = fabsf((float)candidate->frame - middle) / MD_MAX(half, 1.0f);
        bool clear = candidate->frame >= clear_start && candidate->frame < clear_end;
        float score = candidate->quality - 0.35f * off * off - (clear ? 0 : 2);
        if (score > best_score) {
            best_score = score;
            best = candidate;
        }
    }
    if (!best)
        return NULL;
    *ret_sharpness = best->sharpness;
    return &best->image;
}
