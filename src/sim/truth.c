/* One model of needs for both sides: the prediction is the formula, the truth is the formula with
 * errors that the engine cannot know beforehand. Times are rough and the same for all governors
 * that are compared, so only their ratios mean anything. */
#include "sim/truth.h"

#include <gov/estimate.h>
#include <math.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/random.h"

static int64_t parts(int64_t whole, int64_t part)
{
    return MD_MAX((whole + part - 1) / part, 1);
}

/* --- recorded stages --- */

/* Steps of about half a minute, in each of which it can run out of memory or be stopped. */
static int64_t recorded_rounds(const struct md_sim_recorded *r)
{
    return MD_CLAMP(r->took_us / (30 * MD_SECOND_US), 1, 400);
}

static const struct md_sim_movie *recorded_movie(const struct md_sim_situation *s,
                                                 const struct md_movie_facts *facts)
{
    for (size_t i = 0; facts && i < s->movie_count; i++)
        if (s->movies[i].recorded && s->movies[i].facts.duration_us == facts->duration_us)
            return &s->movies[i];
    return NULL;
}

/* Of a media stage: everything goes with its end. */
static struct md_sim_need recorded_need(const struct md_sim_situation *s, int64_t peak_bytes,
                                        enum md_settings settings)
{
    int64_t bytes = MD_MAX(peak_bytes - s->context_bytes, GOV_MB);
    if (settings == MD_SETTINGS_CPU || peak_bytes <= 0)
        return (struct md_sim_need){0};
    if (settings != MD_SETTINGS_NORMAL)
        bytes = bytes / 100 * 55;
    return (struct md_sim_need){.base_bytes = bytes / 10 * 7,
                                .spike_bytes = bytes - bytes / 10 * 7};
}

int64_t md_sim_units(const struct md_sim_movie *movie, enum md_stage stage,
                     enum md_executor executor)
{
    if (movie->recorded)
        return recorded_rounds(&movie->recorded[stage]) * MD_MAX(movie->recorded[stage].batch, 1);
    const int64_t minute = 60 * MD_SECOND_US;
    int64_t length = movie->facts.duration_us;
    switch (stage) {
    case MD_STAGE_SHOTS:
        return parts(length, 10 * minute);
    case MD_STAGE_AUDIO:
        return parts(length, 30 * minute);
    case MD_STAGE_TRANSCRIPT:
        return executor == MD_EXECUTOR_ASR ? parts(length, minute / 2) : 1;
    case MD_STAGE_STORY:
        return executor == MD_EXECUTOR_LLM ? parts(length, 3 * minute) + 4 : 1;
    case MD_STAGE_RENDER:
        return parts(length / 5, 5 * minute);
    default:
        return 1;
    }
}

const struct md_sim_model *md_sim_model_of(const struct md_sim_situation *s,
                                           enum md_executor executor)
{
    return executor == MD_EXECUTOR_ASR ? s->asr : executor == MD_EXECUTOR_LLM ? s->llm : NULL;
}

enum md_executor md_sim_executor(const struct md_sim_situation *s, const struct md_sim_movie *movie,
                                 enum md_stage stage)
{
    if (movie->recorded && !movie->recorded[stage].batch)
        return MD_EXECUTOR_MEDIA;
    if (stage == MD_STAGE_TRANSCRIPT && !movie->has_subtitles && s->asr)
        return MD_EXECUTOR_ASR;
    return stage == MD_STAGE_STORY && s->llm ? MD_EXECUTOR_LLM : MD_EXECUTOR_MEDIA;
}

/* Of a language model: a quantised cache; half of the layers on the device; half of the context. */
static const double small_resident[MD_SETTINGS] = {1, 1, 0.55, 0.55, 0},
                    small_unit[MD_SETTINGS] = {1, 0.55, 0.55, 0.3, 0};

static struct md_sim_need model_need(const struct md_sim_model *model, int batch,
                                     enum md_settings settings)
{
    bool is_small = model->executor == MD_EXECUTOR_LLM; /* nothing of Whisper can be left out */
    double r = is_small ? small_resident[settings] : 1, u = is_small ? small_unit[settings] : 1;
    int64_t units = (int64_t)((double)model->unit_bytes * u) * batch;
    return (struct md_sim_need){
        .resident_bytes = (int64_t)((double)model->weights_bytes * r) +
                          (int64_t)((double)model->compute_bytes * u),
        .base_bytes = units / 10 * 8,
        .spike_bytes = units - units / 10 * 8,
    };
}

/* NVDEC: 12 surfaces (measured: 38 MiB at 1080p, 152 MiB at 2160p), then the pictures that wait
 * for the analysis, or those of the encoder with its own. */
static struct md_sim_need media_need(const struct md_movie_facts *facts, enum md_stage stage,
                                     enum md_settings settings)
{
    const int64_t surfaces = 12, analysis_frames = 64, encoder_frames = 32;
    struct gov_video_shape shape = {.width = (int32_t)facts->width,
                                    .height = (int32_t)facts->height,
                                    .bits_per_sample = (int32_t)facts->bit_depth,
                                    .chroma_w_shift = 1,
                                    .chroma_h_shift = 1};
    int64_t frame = gov_video_frame_bytes(&shape);
    if ((stage != MD_STAGE_SHOTS && stage != MD_STAGE_RENDER) || !frame)
        return (struct md_sim_need){0};
    int64_t kept = stage == MD_STAGE_SHOTS ? analysis_frames : encoder_frames;
    if (settings == MD_SETTINGS_SMALL)
        kept /= 4;
    return (struct md_sim_need){
        .base_bytes = 60 * GOV_MB + surfaces * frame + kept * frame / 2,
        .spike_bytes = (stage == MD_STAGE_RENDER ? 100 : 20) * GOV_MB + kept * frame / 2,
    };
}

static struct md_sim_need predicted_need(const struct md_sim_situation *s,
                                         const struct md_movie_facts *facts, enum md_stage stage,
                                         enum md_executor executor, int batch,
                                         enum md_settings settings)
{
    const struct md_sim_model *model = md_sim_model_of(s, executor);
    if (settings == MD_SETTINGS_CPU)
        return (struct md_sim_need){0};
    if (executor == MD_EXECUTOR_MEDIA)
        return media_need(facts, stage, settings);
    return model ? model_need(model, batch, settings) : (struct md_sim_need){0};
}

static int64_t sum(const struct md_sim_need *need)
{
    return need->resident_bytes + need->base_bytes + need->spike_bytes;
}

int64_t md_sim_predict(const struct md_sim_situation *s, const struct md_estimate_query *query)
{
    if (query->executor == MD_EXECUTOR_MEDIA && query->stage == MD_STAGE_PROBE)
        return -1;
    if (query->executor == MD_EXECUTOR_MEDIA && query->settings != MD_SETTINGS_CPU &&
        (query->stage == MD_STAGE_SHOTS || query->stage == MD_STAGE_RENDER) &&
        (!query->facts || !query->facts->known))
        return 0;
    const struct md_sim_movie *movie = recorded_movie(s, query->facts);
    if (movie && query->executor == MD_EXECUTOR_MEDIA) {
        struct md_sim_need as_then =
            recorded_need(s, movie->recorded[query->stage].predicted_bytes, query->settings);
        return sum(&as_then) > 0 ? sum(&as_then) + s->context_bytes : -1;
    }
    static const struct md_movie_facts none;
    struct md_sim_need need = predicted_need(s, query->facts ? query->facts : &none, query->stage,
                                             query->executor, query->batch, query->settings);
    return sum(&need) > 0 ? sum(&need) + s->context_bytes : -1;
}

static double skew_of(const struct md_sim_situation *s, const struct md_sim_movie *movie,
                      enum md_stage stage, enum md_executor executor)
{
    const struct md_sim_model *model = md_sim_model_of(s, executor);
    uint64_t seed = md_sim_hash(md_sim_hash(s->seed, 77), (uint64_t)stage);
    if (model) {
        seed = md_sim_hash_text(seed, model->name);
    } else {
        seed = md_sim_hash_text(seed, movie->facts.codec);
        seed = md_sim_hash(seed, (uint64_t)movie->facts.height);
    }
    struct md_sim_random random = {seed};
    return exp(md_sim_bell(&random) * s->trouble.skew_deviation);
}

static double noise_of(const struct md_sim_situation *s, const struct md_sim_movie *movie,
                       enum md_stage stage)
{
    struct md_sim_random random = {md_sim_hash(md_sim_hash(movie->seed, 78), (uint64_t)stage)};
    return 1 + md_sim_bell(&random) * s->trouble.noise;
}

/* What the model's batch took then, by what was predicted: weights are known, the rest is not. */
static double recorded_factor(const struct md_sim_situation *s, const struct md_sim_recorded *r,
                              enum md_executor executor)
{
    const struct md_sim_model *model = md_sim_model_of(s, executor);
    int64_t fixed = model->weights_bytes + model->compute_bytes + s->context_bytes;
    double predicted = (double)model->unit_bytes * MD_MAX(r->batch, 1);
    double taken = (double)MD_MAX(r->peak_bytes - fixed, 0);
    return predicted > 0 ? MD_CLAMP(taken / predicted, 0.2, 5) : 1;
}

struct md_sim_need md_sim_true_need(const struct md_sim_situation *s,
                                    const struct md_sim_movie *movie, enum md_stage stage,
                                    enum md_executor executor, int batch, enum md_settings settings)
{
    if (movie->recorded && executor == MD_EXECUTOR_MEDIA) {
        /* Before a movie is probed the engine plans without the device. */
        int64_t peak_bytes = stage == MD_STAGE_PROBE ? 0 : movie->recorded[stage].peak_bytes;
        return recorded_need(s, peak_bytes, settings);
    }
    struct md_sim_need need = predicted_need(s, &movie->facts, stage, executor, batch, settings);
    double factor = skew_of(s, movie, stage, executor) * noise_of(s, movie, stage);
    if (movie->recorded)
        factor = recorded_factor(s, &movie->recorded[stage], executor);
    /* Weights are files: their size is known but for padding. */
    double resident = 1 + (skew_of(s, movie, stage, executor) - 1) / 10;
    need.resident_bytes = (int64_t)((double)need.resident_bytes * resident);
    need.base_bytes = (int64_t)((double)need.base_bytes * factor);
    need.spike_bytes = (int64_t)((double)need.spike_bytes * factor);
    return need;
}

int64_t md_sim_true_peak(const struct md_sim_situation *s, const struct md_sim_movie *movie,
                         enum md_stage stage, enum md_executor executor, int batch,
                         enum md_settings settings)
{
    struct md_sim_need need = md_sim_true_need(s, movie, stage, executor, batch, settings);
    return sum(&need) > 0 ? sum(&need) + s->context_bytes : 0;
}

/* Seconds for one unit of a media stage. Decoding goes with the number of pixels, less than in
 * proportion: 1080p at 20 times real time, 2160p at 6. */
static double media_unit_s(const struct md_movie_facts *facts, enum md_stage stage)
{
    double pixels = (double)(facts->width * facts->height) / (1920.0 * 1080.0);
    double work = pixels > 0 ? pow(pixels, 0.85) : 0.1;
    switch (stage) {
    case MD_STAGE_PROBE:
    case MD_STAGE_SELECT:
        return 2;
    case MD_STAGE_SHOTS:
        return 600.0 / 20 * work;
    case MD_STAGE_AUDIO:
        return 1800.0 / 100;
    case MD_STAGE_RENDER:
        return 300.0 / 5 * work;
    default:
        return 5;
    }
}

int64_t md_sim_batch_us(const struct md_sim_situation *s, const struct md_sim_movie *movie,
                        enum md_stage stage, enum md_executor executor, int batch,
                        enum md_settings settings)
{
    const double slower[] = {[MD_SETTINGS_NORMAL] = 1,
                             [MD_SETTINGS_SMALL] = 1.2,
                             [MD_SETTINGS_PART] = 3,
                             [MD_SETTINGS_SHORT] = 3,
                             [MD_SETTINGS_CPU] = 8};
    const struct md_sim_model *model = md_sim_model_of(s, executor);
    const struct md_sim_recorded *then = movie->recorded ? &movie->recorded[stage] : NULL;
    bool on_gpu = model || (then ? then->peak_bytes > 0
                                 : stage == MD_STAGE_SHOTS || stage == MD_STAGE_RENDER);
    double seconds = model ? (batch + model->half_batch) / model->best_units_per_s
                           : media_unit_s(&movie->facts, stage) * batch;
    if (then) {
        seconds = (double)then->took_us / 1e6 / (double)recorded_rounds(then);
        if (model)
            seconds *= (batch + model->half_batch) / (then->batch + model->half_batch);
    }
    if (on_gpu)
        seconds *= slower[settings] / s->speed;
    return MD_MAX((int64_t)(seconds * 1e6), 1000);
}

struct md_engine_model md_sim_engine_model(const struct md_sim_situation *s,
                                           enum md_executor executor)
{
    const struct md_sim_model *model = md_sim_model_of(s, executor);
    if (!model)
        return (struct md_engine_model){0};
    return (struct md_engine_model){.name = model->name,
                                    .resident_bytes = model->weights_bytes + model->compute_bytes +
                                                      s->context_bytes,
                                    .unit_bytes = model->unit_bytes,
                                    .load_us = model->load_us};
}

uint64_t md_sim_unit_result(const struct md_sim_movie *movie, enum md_stage stage, int64_t unit)
{
    return md_sim_hash(md_sim_hash(movie->seed, 1000 + (uint64_t)stage), (uint64_t)unit);
}
