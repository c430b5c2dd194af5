/*
 * Predictions for what runs on a GPU: its video decoder, Whisper, language models. The figures are
 * measured ones (FFmpeg 5.1's cuda hwaccel; whisper.cpp 1.9, f16 with flash attention) and the
 * library's own layout of its caches; history corrects what a driver or a version changes.
 */
#include <gov/estimate.h>

#include <string.h>

#include "util.h"

/* Products of what a stranger's file says stop at the largest number. */
static int64_t product(int64_t a, int64_t b)
{
    int64_t result;
    return __builtin_mul_overflow(a, b, &result) ? INT64_MAX : result;
}

static int64_t sum(int64_t a, int64_t b)
{
    return gov_add_saturated(a, b);
}

static int64_t round_up(int64_t value, int64_t step)
{
    return (value + step - 1) / step * step;
}

static int64_t at_least_one(int64_t value)
{
    return MAX(value, 1);
}

enum { MOST_SIDE = 16384, MOST_COUNT = 1024 };

static bool is_count(int64_t value)
{
    return value >= 0 && value <= MOST_COUNT;
}

int64_t gov_estimate_nvdec(const struct gov_config *config, const struct gov_nvdec_shape *s)
{
    enum { PITCH = 512, SURFACES = 6 + 6, SURFACES_PER_THREAD = 2 };
    if (s->width <= 0 || s->width > MOST_SIDE || s->height <= 0 || s->height > MOST_SIDE ||
        s->bits_per_sample < 0 || s->bits_per_sample > 16 || !is_count(s->threads) ||
        !is_count(s->surfaces) || s->batch_frames < 0 || s->constant_bytes < 0)
        return config->default_lease_bytes;
    int64_t sample_bytes = s->bits_per_sample > 8 ? 2 : 1;
    int64_t luma = round_up(s->width * sample_bytes, PITCH) * s->height;
    int64_t frame = s->is_444 ? luma * 3 : luma * 3 / 2;
    int64_t surfaces = s->surfaces;
    if (!surfaces)
        surfaces = SURFACES + (s->threads > 1 ? SURFACES_PER_THREAD * (int64_t)s->threads : 0);
    return sum(product(frame, sum(surfaces, s->batch_frames)), s->constant_bytes);
}

/*
 * cache: layers x 512 (448 padded to 256) x width x 2 (keys, values) x 2 bytes; large-v3 has 32
 * layers in its decoder, turbo 4. Six times large-v3's are the 503 MB that were measured when
 * best_of 5 made it anew for seven sequences.
 */
static const struct {
    const char *name;
    int64_t weights_mb;
    int64_t state_mb;
    int64_t decoder_layers;
} whisper_models[] = {
    {"large-v3", 3094, 543, 32},
    {"large-v3-turbo", 1624, 250, 4},
    {"turbo", 1624, 250, 4},
};

int gov_whisper_model(const char *name, struct gov_whisper_shape *ret_shape)
{
    const int64_t tokens = 512, width = 1280, both = 2, element_bytes = 2;
    for (size_t i = 0; name && i < sizeof whisper_models / sizeof whisper_models[0]; i++) {
        if (strcmp(whisper_models[i].name, name) != 0)
            continue;
        *ret_shape = (struct gov_whisper_shape){
            .weights_bytes = whisper_models[i].weights_mb * GOV_MB,
            .state_bytes = whisper_models[i].state_mb * GOV_MB,
            .cache_bytes = whisper_models[i].decoder_layers * tokens * width * both * element_bytes,
        };
        return GOV_OK;
    }
    return GOV_E_NOT_FOUND;
}

int64_t gov_estimate_whisper(const struct gov_config *config, const struct gov_whisper_shape *s)
{
    if (s->weights_bytes <= 0 || s->state_bytes < 0 || s->cache_bytes < 0 || !is_count(s->batch) ||
        !is_count(s->best_of) || s->constant_bytes < 0)
        return config->default_lease_bytes;
    int64_t state = s->state_bytes;
    if (s->best_of > 1) /* for best_of + 2 sequences instead of one */
        state = sum(state, product(s->cache_bytes, s->best_of + 1));
    return sum(sum(s->weights_bytes, product(at_least_one(s->batch), state)), s->constant_bytes);
}

/* Bytes of 32 elements: q8_0 and q4_0 have a 2-byte scale for each such block. */
static int64_t block_bytes(enum gov_kv_type type)
{
    static const int64_t bytes[] = {64, 128, 34, 18};
    return type >= 0 && type <= GOV_KV_Q4_0 ? bytes[type] : bytes[GOV_KV_F32];
}

static bool llm_makes_sense(const struct gov_llm_shape *s)
{
    const int64_t most_tokens = INT64_C(1) << 28;
    return s->weights_bytes > 0 && is_count(s->layers) && s->device_layers <= s->layers &&
           is_count(s->kv_heads) && s->head_size >= 0 && s->head_size <= MOST_SIDE &&
           s->context_tokens >= 0 && s->context_tokens <= most_tokens && is_count(s->batch) &&
           s->compute_bytes >= 0 && s->constant_bytes >= 0;
}

static int64_t layers_on_device(const struct gov_llm_shape *s)
{
    return s->device_layers < 0 ? s->layers : s->device_layers;
}

int64_t gov_llm_kv_bytes(const struct gov_llm_shape *s)
{
    enum { PADDING = 256, BLOCK = 32 };
    if (!llm_makes_sense(s))
        return 0;
    int64_t tokens = product(round_up(s->context_tokens, PADDING), at_least_one(s->batch));
    int64_t width = (int64_t)s->kv_heads * s->head_size;
    int64_t token_bytes = product(layers_on_device(s),
                                  width * (block_bytes(s->key_type) + block_bytes(s->value_type))) /
                          BLOCK;
    return product(tokens, token_bytes);
}

int64_t gov_estimate_llm(const struct gov_config *config, const struct gov_llm_shape *s)
{
    if (!llm_makes_sense(s))
        return config->default_lease_bytes;
    int64_t weights = s->weights_bytes;
    if (s->layers && layers_on_device(s) < s->layers)
        weights = (int64_t)((double)weights * (double)layers_on_device(s) / (double)s->layers);
    return sum(sum(weights, gov_llm_kv_bytes(s)), sum(s->compute_bytes, s->constant_bytes));
}
