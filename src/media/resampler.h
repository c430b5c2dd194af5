/* Turns blocks of an md_audio_reader into another rate and channel count. No libav types. */
#ifndef MD_MEDIA_RESAMPLER_H
#define MD_MEDIA_RESAMPLER_H

#include <stdint.h>

#include "media/audio_reader.h"

struct md_resampler;

/* channels: 1 or 2. MD_ERR_NOMEM, MD_ERR_INPUT (a rate that cannot be converted). */
int md_resampler_new(const struct md_audio_format *from, int sample_rate, int channels,
                     struct md_resampler **ret_resampler, struct md_failure *failure);

/* Converts `frames` samples per channel (NULL, 0: the end, gives what is still inside). The output
 * is interleaved, borrowed until the next call, and runs in step with the input from its first
 * sample. MD_ERR_NOMEM. */
int md_resampler_convert(struct md_resampler *resampler, const float *samples, int64_t frames,
                         const float **ret_samples, int64_t *ret_frames);

/* NULL is fine. */
void md_resampler_free(struct md_resampler *resampler);

#endif
