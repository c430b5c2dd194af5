/*
 * libgov: estimates of peak memory. A model predicts from what is known beforehand, history
 * (gov/history.h) corrects it, a buffer is put on top. Pure functions, thread-safe.
 */
#ifndef GOV_ESTIMATE_H
#define GOV_ESTIMATE_H

#include <gov/config.h>
#include <gov/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The buffer on a prediction, in percent: buffer_first_percent with no history, falling evenly to
 * buffer_settled_percent at buffer_settled_count measurements (15 % to 10 % at ten).
 */
GOV_API double gov_estimate_buffer_percent(const struct gov_config *config, int64_t history_count);

/* predicted x (1 + buffer), rounded up, stopping at INT64_MAX. */
GOV_API int64_t gov_estimate_with_buffer(const struct gov_config *config, int64_t predicted_bytes,
                                         int64_t history_count);

/* What is known of a video before it is decoded. Zero-fill is valid. */
struct gov_video_shape {
    int32_t width; /* luma samples; 0 with height 0: nothing is known */
    int32_t height;
    int32_t bits_per_sample;  /* 8 to 16; 0: 8 */
    int32_t chroma_w_shift;   /* log2 of chroma subsampling, 1 1 for 4:2:0, 0 0 for 4:4:4 */
    int32_t chroma_h_shift;   /* (a zeroed shape is read as 4:4:4: more, never less) */
    int32_t decoder_threads;  /* 0: 1 */
    int32_t reference_frames; /* 0: 4, what encoders choose by themselves */
    int32_t batch_frames;     /* decoded frames the caller keeps at once */
    int64_t constant_bytes;   /* what the caller needs besides, whatever the size of the picture */
};

/*
 * Peak of decoding on the CPU with FFmpeg's frame threads:
 *
 *   12 MB + 1.5 MB x threads + frame x (references + 4 + 2 x threads + batch) + constant
 *
 * with lines padded to 64 bytes and heights to 32 lines. Fitted to FFmpeg 5.1, 1 to 8 threads,
 * 360p to 4096x1744, H.264 and HEVC: within 20 % or 7 MB of the measured peaks of anonymous memory.
 * Returns config->default_lease_bytes when the shape says nothing or makes no sense (a broken
 * header's 8K times 8K); at most INT64_MAX.
 */
GOV_API int64_t gov_estimate_video(const struct gov_config *config,
                                   const struct gov_video_shape *shape);

/* Bytes of one decoded frame, padding included. 0 when the shape says nothing. */
GOV_API int64_t gov_video_frame_bytes(const struct gov_video_shape *shape);

#ifdef __cplusplus
}
#endif

#endif
