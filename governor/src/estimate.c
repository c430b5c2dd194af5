/*
 * Predictions. Each formula names its terms so that a correction by history has little left to do;
 * the constants were measured, see the header.
 */
#include <gov/estimate.h>

#include <math.h>

#include "util.h"

double gov_estimate_buffer_percent(const struct gov_config *config, int64_t history_count)
{
    double first = config->buffer_first_percent, settled = config->buffer_settled_percent;
    int64_t count = MAX(history_count, 0);
    if (count >= config->buffer_settled_count)
        return settled;
    return first + (settled - first) * (double)count / (double)config->buffer_settled_count;
}

int64_t gov_estimate_with_buffer(const struct gov_config *config, int64_t predicted_bytes,
                                 int64_t history_count)
{
    if (predicted_bytes <= 0)
        return 0;
    double buffer =
        ceil((double)predicted_bytes * gov_estimate_buffer_percent(config, history_count) / 100);
    if (buffer >= 9.2e18)
        return INT64_MAX;
    return gov_add_saturated(predicted_bytes, (int64_t)buffer);
}

/* No codec in use goes beyond 16384 samples; more is a broken header. */
enum { MOST_SIDE = 16384, MOST_COUNT = 1024 };

static bool in_range(int64_t value, int64_t most)
{
    return value >= 0 && value <= most;
}

static bool shape_makes_sense(const struct gov_video_shape *s)
{
    return s->width > 0 && s->height > 0 && in_range(s->width, MOST_SIDE) &&
           in_range(s->height, MOST_SIDE) && in_range(s->bits_per_sample, 16) &&
           in_range(s->chroma_w_shift, 4) && in_range(s->chroma_h_shift, 4) &&
           in_range(s->decoder_threads, MOST_COUNT) && in_range(s->reference_frames, MOST_COUNT) &&
           in_range(s->batch_frames, INT32_MAX) && s->constant_bytes >= 0;
}

int64_t gov_video_frame_bytes(const struct gov_video_shape *s)
{
    if (!shape_makes_sense(s))
        return 0;
    int64_t sample_bytes = s->bits_per_sample > 8 ? 2 : 1;
    int64_t pitch = (s->width * sample_bytes + 63) / 64 * 64;
    int64_t lines = (s->height + 31) / 32 * 32;
    int64_t luma = pitch * lines;
    return luma + 2 * (luma >> (s->chroma_w_shift + s->chroma_h_shift));
}

int64_t gov_estimate_video(const struct gov_config *config, const struct gov_video_shape *s)
{
    const int64_t process_bytes = 12 * GOV_MB, thread_bytes = 1500000;
    enum { DEFAULT_REFERENCES = 4, SURFACES_IN_FLIGHT = 4, SURFACES_PER_THREAD = 2 };
    int64_t frame = gov_video_frame_bytes(s);
    if (!frame)
        return config->default_lease_bytes;
    int64_t threads = MAX(s->decoder_threads, 1);
    int64_t references = s->reference_frames ? s->reference_frames : DEFAULT_REFERENCES;
    int64_t surfaces = references + SURFACES_IN_FLIGHT + SURFACES_PER_THREAD * threads;
    int64_t frames; /* at most 1.6 GB a frame, but a batch can be any number */
    if (__builtin_mul_overflow(frame, surfaces + s->batch_frames, &frames))
        return INT64_MAX;
    return gov_add_saturated(gov_add_saturated(process_bytes + thread_bytes * threads, frames),
                             s->constant_bytes);
}
