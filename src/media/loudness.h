/* Loudness after EBU R128 (ITU-R BS.1770-4, EBU Tech 3341 and 3342). No libav types here. Constant
 * memory. */
#ifndef MD_MEDIA_LOUDNESS_H
#define MD_MEDIA_LOUDNESS_H

#include <stdint.h>

#include "media/audio_reader.h"

struct md_loudness;

/* What counts as silence: the absolute gate of BS.1770. No figure in LUFS is ever below it. */
#define MD_LOUDNESS_FLOOR (-70.0)

/* One momentary value per 100 ms from the first sample on: the loudness of the last 400 ms. */
enum { MD_LOUDNESS_STEP_US = 100000 };

struct md_loudness_result {
    double integrated_lufs; /* gated; MD_LOUDNESS_FLOOR for silence or under 400 ms of sound */
    double range_lu;        /* 0 when there are less than 3 s of sound */
    double true_peak_dbtp;  /* -120 at least */
};

/* `momentary` is called with each value in turn; may be NULL. MD_ERR_NOMEM, MD_ERR_INPUT (no
 * channels, more than 64, or no sample rate). */
int md_loudness_new(const struct md_audio_format *format,
                    void (*momentary)(void *user, double lufs), void *user,
                    struct md_loudness **ret_loudness, struct md_failure *failure);

/* Interleaved finite samples, `frames` per channel. */
void md_loudness_add(struct md_loudness *loudness, const float *samples, int64_t frames);

/* The figures so far. */
void md_loudness_result(const struct md_loudness *loudness, struct md_loudness_result *ret_result);

/* NULL is fine. */
void md_loudness_free(struct md_loudness *loudness);

#endif
