/* Writes a tiny Whisper model in the "ggml" container that libwhisper loads, so that tests run the
 * real library without a download. Nothing in it was learned from anything.
 *
 *   make-whisper FILE script|random|empty [STATE [LAYERS]]
 *
 * script  every 30 s window decodes to the words of `script` below, with its timestamps, whatever
 *         is heard: the residual stream is the position's embedding alone (all blocks put out
 *         zero), and the embedding of position p points at the token that must follow it.
 * random  Gaussian weights: text without sense that depends on every sample heard and on every
 *         rounding, which is what tests of equality want.
 * empty   header, filters and vocabulary without weights: what is left of a download cut off.
 *
 * The container, little-endian: magic, eleven hyperparameters, mel filters, vocabulary, tensors
 * (dimensions, length of the name, type, sizes, name, data) to the end of the file. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum {
    VOCABULARY = 51865, /* multilingual; the loader tells the layout of special tokens from it */
    WORDS = 50257,
    MELS = 80,
    AUDIO_CONTEXT = 1500,
    TEXT_CONTEXT = 96, /* a window is at most half as many tokens: tests wait for each of them */
    FREQUENCIES = 201,
    HEAD = 64, /* the only head size flash attention takes on every backend */
};
enum { END = 50257, ENGLISH = 50259, TRANSCRIBE = 50359, TIME = 50364 }; /* TIME + n: n x 20 ms */
enum { F32 = 0, F16 = 1 };

/* What follows position p; the prompt is start, language, task. Ordinary tokens are "w300" etc. */
static const int script[] = {
    ENGLISH, TRANSCRIBE, TIME,        300,         301, 302, TIME + 500, TIME + 500,  400, 401,
    402,     403,        TIME + 1000, TIME + 1000, 500, 501, '.',        TIME + 1450, END};

struct maker {
    FILE *file;
    uint64_t seed;
    int state, layers;
    bool scripted;
    bool failed;
};

static void *take(struct maker *m, size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    (void)m;
    return memory;
}

static void put(struct maker *m, const void *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, m->file) != n)
        m->failed = true;
}

static void put_int(struct maker *m, int value)
{
    int32_t word = value;
    put(m, &word, sizeof word);
}

/* IEEE half precision of a value within its range, rounded to nearest. */
static uint16_t to_half(float value)
{
    float magnitude = fabsf(value);
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    int exponent;
    if (magnitude < 0x1p-24f)
        return sign;
    frexpf(magnitude, &exponent);
    exponent = exponent - 1 < -14 ? -14 : exponent - 1;
    long units = lrintf(ldexpf(magnitude, 10 - exponent)); /* 1024 to 2048; less: subnormal */
    return (uint16_t)(sign | (units + (exponent + 14L) * 1024));
}

static void put_values(struct maker *m, const float *values, size_t n, int type)
{
    if (type == F32) {
        put(m, values, n * sizeof *values);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t half = to_half(values[i]);
        put(m, &half, sizeof half);
    }
}

/* sizes[0] is the fastest dimension; 0 ends them. */
static size_t put_header(struct maker *m, const char *name, const int sizes[3], int type)
{
    int dimensions = 0;
    size_t count = 1;
    while (dimensions < 3 && sizes[dimensions])
        count *= (size_t)sizes[dimensions++];
    put_int(m, dimensions);
    put_int(m, (int)strlen(name));
    put_int(m, type);
    for (int i = 0; i < dimensions; i++)
        put_int(m, sizes[i]);
    put(m, name, strlen(name));
    return count;
}

static void put_tensor(struct maker *m, const char *name, const int sizes[3], int type, float mean,
                       float deviation)
{
    size_t count = put_header(m, name, sizes, type);
    float *values = take(m, count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = mean + (deviation > 0 ? deviation * random_gaussian(&m->seed) : 0);
    put_values(m, values, count, type);
    free(values);
}

#define SIZES(...)                                                                                 \
    (const int[3])                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void put_norm(struct maker *m, const char *prefix, float weight)
{
    char name[96];
    snprintf(name, sizeof name, "%s.weight", prefix);
    put_tensor(m, name, SIZES(m->state), F32, weight, 0);
    snprintf(name, sizeof name, "%s.bias", prefix);
    put_tensor(m, name, SIZES(m->state), F32, 0, 0);
}

static void put_linear(struct maker *m, const char *prefix, int in, int out, bool bias,
                       float deviation)
{
    char name[96];
    snprintf(name, sizeof name, "%s.weight", prefix);
    put_tensor(m, name, SIZES(in, out), F16, 0, deviation);
    snprintf(name, sizeof name, "%s.bias", prefix);
    if (bias)
        put_tensor(m, name, SIZES(out), F32, 0, 0);
}

static void put_attention(struct maker *m, const char *block, const char *kind, float out)
{
    static const char *const parts[] = {"query", "key", "value", "out"};
    char name[80];
    snprintf(name, sizeof name, "%s.%s_ln", block, kind);
    put_norm(m, name, 1);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s.%s.%s", block, kind, parts[i]);
        put_linear(m, name, m->state, m->state, i != 1, i == 3 ? out : 0.1f);
    }
}

static void put_block(struct maker *m, const char *side, int layer, bool crossed, float out)
{
    char block[40], name[80];
    snprintf(block, sizeof block, "%s.blocks.%d", side, layer);
    put_attention(m, block, "attn", out);
    if (crossed)
        put_attention(m, block, "cross_attn", out);
    snprintf(name, sizeof name, "%s.mlp_ln", block);
    put_norm(m, name, 1);
    snprintf(name, sizeof name, "%s.mlp.0", block);
    put_linear(m, name, m->state, 4 * m->state, true, 0.1f);
    snprintf(name, sizeof name, "%s.mlp.2", block);
    put_linear(m, name, 4 * m->state, m->state, true, out);
}

/* Slaney's scale: linear to 1 kHz, then logarithmic. */
static double mel_to_hz(double mel)
{
    return mel < 15 ? mel * 200.0 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

static void put_filters(struct maker *m)
{
    const double top = 15 + log(8.0) / log(6.4) * 27; /* 8 kHz */
    put_int(m, MELS);
    put_int(m, FREQUENCIES);
    for (int i = 0; i < MELS; i++) {
        double low = mel_to_hz(top * i / (MELS + 1)),
               middle = mel_to_hz(top * (i + 1) / (MELS + 1));
        double high = mel_to_hz(top * (i + 2) / (MELS + 1));
        for (int k = 0; k < FREQUENCIES; k++) {
            double hz = k * 40.0;
            double weight = fmin((hz - low) / (middle - low), (high - hz) / (high - middle));
            float value = (float)(fmax(weight, 0) * 2 / (high - low));
            put(m, &value, sizeof value);
        }
    }
}

/* The 256 bytes, then words of their own; the loader adds the special tokens. */
static void put_vocabulary(struct maker *m)
{
    put_int(m, WORDS);
    for (int i = 0; i < WORDS; i++) {
        char word[16] = {(char)i};
        int n = i < 256 ? 1 : snprintf(word, sizeof word, " w%d", i);
        put_int(m, n);
        put(m, word, (size_t)n);
    }
}

/* Rows of unit length, so that a position that points at one row is far from all others. */
static float *make_tokens(struct maker *m)
{
    float *tokens = take(m, (size_t)VOCABULARY * (size_t)m->state, sizeof *tokens);
    for (int t = 0; t < VOCABULARY; t++) {
        float *row = tokens + (size_t)t * (size_t)m->state;
        double sum = 0;
        for (int i = 0; i < m->state; i++) {
            row[i] = random_gaussian(&m->seed);
            sum += (double)row[i] * row[i];
        }
        for (int i = 0; i < m->state; i++)
            row[i] /= (float)sqrt(sum);
    }
    return tokens;
}

static void put_embeddings(struct maker *m)
{
    float *tokens = make_tokens(m);
    float *places = take(m, (size_t)TEXT_CONTEXT * (size_t)m->state, sizeof *places);
    const int length = (int)(sizeof script / sizeof *script);
    for (int p = 0; p < TEXT_CONTEXT; p++) {
        int token = p < length ? script[p] : END;
        for (int i = 0; i < m->state; i++)
            places[p * m->state + i] =
                m->scripted ? 10 * tokens[token * m->state + i] : 0.1f * random_gaussian(&m->seed);
    }
    size_t n = put_header(m, "decoder.positional_embedding", SIZES(m->state, TEXT_CONTEXT), F32);
    put_values(m, places, n, F32);
    n = put_header(m, "decoder.token_embedding.weight", SIZES(m->state, VOCABULARY), F16);
    put_values(m, tokens, n, F16);
    free(tokens);
    free(places);
}

static void put_weights(struct maker *m)
{
    const float out = m->scripted ? 0 : 0.05f;
    put_tensor(m, "encoder.positional_embedding", SIZES(m->state, AUDIO_CONTEXT), F32, 0, 0.1f);
    put_tensor(m, "encoder.conv1.weight", SIZES(3, MELS, m->state), F16, 0, 0.1f);
    put_tensor(m, "encoder.conv1.bias", SIZES(1, m->state), F32, 0, 0);
    put_tensor(m, "encoder.conv2.weight", SIZES(3, m->state, m->state), F16, 0, 0.1f);
    put_tensor(m, "encoder.conv2.bias", SIZES(1, m->state), F32, 0, 0);
    put_norm(m, "encoder.ln_post", 1);
    put_embeddings(m);
    /* So sure of its words that random ones do not all lose against a time. */
    put_norm(m, "decoder.ln", m->scripted ? 4 : 3);
    for (int i = 0; i < m->layers; i++) {
        put_block(m, "encoder", i, false, 0.05f);
        put_block(m, "decoder", i, true, out);
    }
}

int main(int argc, char **argv)
{
    struct maker m = {.seed = 0x9E3779B97F4A7C15u, .state = 64, .layers = 1};
    if (argc > 3)
        m.state = atoi(argv[3]) / HEAD * HEAD;
    if (argc > 4)
        m.layers = atoi(argv[4]);
    if (argc < 3 || m.state < HEAD || m.state > 2048 || m.layers < 1 || m.layers > 64) {
        fprintf(stderr, "usage: make-whisper FILE script|random|empty [STATE [LAYERS]]\n");
        return 2;
    }
    m.scripted = strcmp(argv[2], "script") == 0;
    m.file = fopen(argv[1], "wb");
    if (!m.file) {
        perror(argv[1]);
        return 1;
    }
    const int header[] = {0x67676d6c,     VOCABULARY, AUDIO_CONTEXT, m.state,
                          m.state / HEAD, m.layers,   TEXT_CONTEXT,  m.state,
                          m.state / HEAD, m.layers,   MELS,          F16};
    for (size_t i = 0; i < sizeof header / sizeof *header; i++)
        put_int(&m, header[i]);
    put_filters(&m);
    put_vocabulary(&m);
    if (strcmp(argv[2], "empty") != 0)
        put_weights(&m);
    if (fclose(m.file) != 0)
        m.failed = true;
    if (m.failed)
        fprintf(stderr, "%s cannot be written\n", argv[1]);
    return m.failed;
}
