/* What decoding takes comes from the governor (gov/estimate.h, fitted to FFmpeg); what a stage
 * keeps besides was measured on the worker: resident size at 2 threads, less decoding, rounded up.
 * History corrects the rest. */
#include "engine/estimate.h"

#include <gov/estimate.h>

#include "base/cleanup.h"
#include "engine/engine.h"

#define MB INT64_C(1000000)

/* The worker with its libraries, before it opens anything. */
static const int64_t base_bytes = 50 * MB;

/* Larger claims come from broken headers. */
enum { MAX_SIDE = 16384 };

static bool has_picture(const struct md_movie_facts *facts)
{
    return facts->width != 0 || facts->height != 0;
}

static bool is_plausible(const struct md_movie_facts *facts)
{
    return facts->width > 0 && facts->width <= MAX_SIDE && facts->height > 0 &&
           facts->height <= MAX_SIDE;
}

static struct gov_video_shape shape_of(const struct md_movie_facts *facts, int threads)
{
    return (struct gov_video_shape){
        .width = (int32_t)facts->width,
        .height = (int32_t)facts->height,
        .bits_per_sample = (int32_t)MD_CLAMP(facts->bit_depth, 0, 16),
        .chroma_w_shift = 1, /* 4:2:2 and 4:4:4 are rare: history knows them from the second on */
        .chroma_h_shift = 1,
        .decoder_threads = threads,
    };
}

/* x264 keeps the pictures of its look-ahead (40 to 60), references and one a thread, each with half
 * as much again for its scaled and filtered copies; 8 bit. */
static int64_t encoder_bytes(const struct md_movie_facts *facts, int threads, int64_t max_height)
{
    const int64_t kept = 60 + 6;
    struct gov_video_shape shape = shape_of(facts, threads);
    shape.bits_per_sample = 8;
    if (max_height > 0 && max_height < facts->height) {
        shape.width = (int32_t)(facts->width * max_height / facts->height + 1);
        shape.height = (int32_t)max_height;
    }
    return (kept + threads) * gov_video_frame_bytes(&shape) * 3 / 2;
}

int64_t md_estimate_stage(enum md_stage stage, const struct md_movie_facts *facts, int threads,
                          int64_t max_height)
{
    const int64_t hour_us = INT64_C(3600000000);
    if (stage == MD_STAGE_PROBE)
        return base_bytes + 200 * MB; /* opens decoders of streams nothing is known of */
    if (!facts->known || (has_picture(facts) && !is_plausible(facts)))
        return 0;
    struct gov_video_shape shape = shape_of(facts, threads);
    int64_t decoder = has_picture(facts) ? gov_estimate_video(&gov_config_default, &shape) : 0;
    int64_t encoder = has_picture(facts) ? encoder_bytes(facts, threads, max_height) : 0;
    int64_t hours = facts->duration_us / hour_us + 1;
    switch (stage) {
    case MD_STAGE_SHOTS:
        return base_bytes + 20 * MB + decoder;
    case MD_STAGE_AUDIO:
    case MD_STAGE_TRANSCRIPT:
        return base_bytes + 30 * MB;
    case MD_STAGE_STORY:
    case MD_STAGE_SELECT:
        return base_bytes + 30 * MB + hours * 30 * MB;
    case MD_STAGE_RENDER:
        return base_bytes + hours * 20 * MB + decoder + encoder;
    default:
        return 0;
    }
}

/* Without a word from the library: q8_0 takes 17/32 of f16; half of the layers is half of the
 * weights, and half of the context half of the cache. */
static struct md_engine_need usual_need(const struct md_engine_model *model,
                                        enum md_settings settings, bool device_is_gpu)
{
    struct md_engine_need need = {model->resident_bytes, model->unit_bytes};
    if (settings != MD_SETTINGS_NORMAL)
        need.unit_bytes = need.unit_bytes / 32 * 17;
    if (device_is_gpu && (settings == MD_SETTINGS_PART || settings == MD_SETTINGS_SHORT))
        need.resident_bytes /= 2;
    if (settings == MD_SETTINGS_SHORT)
        need.unit_bytes /= 2;
    return need;
}

struct md_engine_need md_estimate_model(const struct md_engine_model *model,
                                        enum md_executor executor, enum md_settings settings,
                                        bool device_is_gpu)
{
    if (executor != MD_EXECUTOR_LLM || model->is_remote)
        settings = MD_SETTINGS_NORMAL;
    const struct md_engine_need *known = &model->smaller[settings];
    return settings != MD_SETTINGS_NORMAL && known->resident_bytes > 0
               ? *known
               : usual_need(model, settings, device_is_gpu);
}

static int64_t estimate_model(const struct md_estimate_query *query, bool device_is_gpu)
{
    const struct md_engine_model *model = query->model;
    if (!model || model->resident_bytes <= 0)
        return 0;
    if (device_is_gpu && (query->settings == MD_SETTINGS_CPU || model->is_remote))
        return -1;
    struct md_engine_need need =
        md_estimate_model(model, query->executor, query->settings, device_is_gpu);
    return MD_MAX(need.resident_bytes + (int64_t)MD_MAX(query->batch, 1) * need.unit_bytes, 1);
}

int64_t md_estimate_query(const struct md_estimate_query *query, bool device_is_gpu)
{
    if (query->executor != MD_EXECUTOR_MEDIA)
        return estimate_model(query, device_is_gpu);
    if (device_is_gpu)
        return -1; /* pictures are decoded and encoded in main memory */
    return md_estimate_stage(query->stage, query->facts, query->batch, query->max_height);
}
