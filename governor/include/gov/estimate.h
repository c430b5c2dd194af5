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

/*
 * Surfaces of a GPU's video decoder (NVDEC) as FFmpeg uses it. The 6 + 6 surfaces with one thread
 * and two more for each of several threads were measured: 38 MiB at 1080p, 152 MiB at 2160p, 557
 * MiB at 2160p with 16 threads.
 *
 *   pitch x height x 3/2 (or x 3 for 4:4:4) x surfaces + frame x batch + constant
 *
 * pitch: bytes of a line, padded to 512. More than 8 bits take 16. config->default_lease_bytes when
 * the shape says nothing.
 */
struct gov_nvdec_shape {
    int32_t width;
    int32_t height;
    int32_t bits_per_sample; /* 0: 8 */
    bool is_444;
    int32_t threads;        /* of the decoder; 0: 1 */
    int32_t surfaces;       /* 0: 12 + 2 x threads if several */
    int32_t batch_frames;   /* decoded frames the caller keeps on the device at once */
    int64_t constant_bytes; /* the process's context on the device, kernels, ... */
};
GOV_API int64_t gov_estimate_nvdec(const struct gov_config *config,
                                   const struct gov_nvdec_shape *shape);

/*
 * Whisper: weights + batch x state + constant. A batch is that many states on one model (the
 * library knows no other), a thread each. With best_of above 1 the temperature fallback makes the
 * decoder's cache anew for best_of + 2 sequences, in mid-run: that is leased for from the start.
 */
struct gov_whisper_shape {
    int64_t weights_bytes; /* 0: nothing is known */
    int64_t state_bytes;
    int64_t cache_bytes; /* of the state: the decoder's cache for one sequence */
    int32_t batch;       /* 0: 1 */
    int32_t best_of;     /* 0: 1 */
    int64_t constant_bytes;
};
GOV_API int64_t gov_estimate_whisper(const struct gov_config *config,
                                     const struct gov_whisper_shape *shape);

/* Fills in a known model ("large-v3", "large-v3-turbo" or "turbo"): f16 with flash attention, as
 * measured. Errors: NOT_FOUND. */
GOV_API int gov_whisper_model(const char *name, struct gov_whisper_shape *ret_shape);

enum gov_kv_type { GOV_KV_F16 = 0, GOV_KV_F32, GOV_KV_Q8_0, GOV_KV_Q4_0 };

/*
 * A language model: weights on the device + KV + compute + constant, where
 *
 *   KV = layers on the device x context x batch x KV width x (bytes of a key + bytes of a value)
 *
 * context: tokens of one prompt with its answer, padded to 256, as the library pads it. KV width:
 * heads of the KV x size of a head. An element takes 2 (f16), 4 (f32), 34/32 (q8_0) or 18/32 (q4_0)
 * bytes. Where the library has a dry run, its figures are better: see GOV_REQUEST_EXACT.
 */
struct gov_llm_shape {
    int64_t weights_bytes; /* of all layers; 0: nothing is known */
    int32_t layers;        /* of the model */
    int32_t device_layers; /* of them on the device; < 0: all */
    int32_t kv_heads;
    int32_t head_size;
    int64_t context_tokens; /* for each prompt */
    int32_t batch;          /* prompts at once; 0: 1 */
    enum gov_kv_type key_type;
    enum gov_kv_type value_type;
    int64_t compute_bytes; /* graph buffers */
    int64_t constant_bytes;
};
GOV_API int64_t gov_estimate_llm(const struct gov_config *config,
                                 const struct gov_llm_shape *shape);

/* The KV alone. 0 when the shape says nothing of it. */
GOV_API int64_t gov_llm_kv_bytes(const struct gov_llm_shape *shape);

#ifdef __cplusplus
}
#endif

#endif
