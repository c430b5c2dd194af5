/* Writes a tiny language model (GGUF, llama architecture) with random weights and a vocabulary of
 * single characters, so that tests run the real library without a download. Left alone it writes
 * noise; under a grammar it writes noise of the right form.
 *
 *   make-llama FILE [SEED [WIDTH [LAYERS]]]
 *
 * The tokenizer is SentencePiece's: unknown, start, end, a chat's two marks as control tokens, 256
 * bytes, the printable ASCII characters and some pieces. */
#include <ggml.h>
#include <gguf.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { HEAD = 64, CONTEXT = 8192, MAX_TOKENS = 512 };
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 }; /* kinds of tokens */

struct maker {
    struct gguf_context *file;
    struct ggml_context *tensors;
    uint64_t seed;
    char names[MAX_TOKENS][16];
    const char *texts[MAX_TOKENS];
    float scores[MAX_TOKENS];
    int32_t kinds[MAX_TOKENS];
    int tokens;
};

static void add_token(struct maker *m, const char *text, float score, int kind)
{
    snprintf(m->names[m->tokens], sizeof m->names[0], "%s", text);
    m->texts[m->tokens] = m->names[m->tokens];
    m->scores[m->tokens] = score;
    m->kinds[m->tokens++] = kind;
}

static void add_vocabulary(struct maker *m)
{
    static const char *const pieces[] = {"\xe2\x96\x81the",
                                         "\xe2\x96\x81"
                                         "a",
                                         "er",
                                         "in",
                                         "\":",
                                         "\",",
                                         "{\"",
                                         "\"}",
                                         "true",
                                         "false",
                                         "null"};
    char text[16];
    add_token(m, "<unk>", 0, UNKNOWN);
    add_token(m, "<s>", 0, CONTROL);
    add_token(m, "</s>", 0, CONTROL);
    add_token(m, "<|im_start|>", 0, CONTROL);
    add_token(m, "<|im_end|>", 0, CONTROL);
    for (int i = 0; i < 256; i++) {
        snprintf(text, sizeof text, "<0x%02X>", i);
        add_token(m, text, 0, BYTE);
    }
    for (int i = 33; i < 127; i++) {
        snprintf(text, sizeof text, "%c", i);
        add_token(m, text, (float)(-100 - i), NORMAL);
    }
    add_token(m, "\xe2\x96\x81", -50, NORMAL); /* a space */
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        add_token(m, pieces[i], -(float)i - 1, NORMAL);
}

/* How far a token's likelihood swings. Raw bytes are never the likeliest: noise of them is no
 * UTF-8. A closing quote often is: replies end in seconds. */
static float swing(const struct maker *m, int64_t token)
{
    if (m->kinds[token] == BYTE)
        return 0;
    return strcmp(m->names[token], "\"") == 0 ? 4 : 1;
}

static void add_tensor(struct maker *m, const char *name, enum ggml_type type, int64_t columns,
                       int64_t rows, float mean, float deviation)
{
    struct ggml_tensor *tensor = rows > 0 ? ggml_new_tensor_2d(m->tensors, type, columns, rows)
                                          : ggml_new_tensor_1d(m->tensors, type, columns);
    int64_t n = ggml_nelements(tensor);
    float *values = malloc((size_t)n * sizeof *values);
    if (!values)
        exit(1);
    ggml_set_name(tensor, name);
    for (int64_t i = 0; i < n; i++)
        values[i] = mean + deviation * random_gaussian(&m->seed);
    for (int64_t i = 0; i < n && strcmp(name, "output.weight") == 0; i++)
        values[i] *= swing(m, i / columns);
    if (type == GGML_TYPE_F32)
        memcpy(tensor->data, values, (size_t)n * sizeof *values);
    else
        ggml_quantize_chunk(type, values, tensor->data, 0, rows, columns, NULL);
    free(values);
    gguf_add_tensor(m->file, tensor);
}

static void add_block(struct maker *m, int layer, int width, int width_kv)
{
    const float d = 1 / sqrtf((float)width);
    const struct {
        const char *name;
        int columns, rows;
    } parts[] = {
        {"attn_q", width, width},       {"attn_k", width, width_kv},
        {"attn_v", width, width_kv},    {"attn_output", width, width},
        {"ffn_gate", width, 2 * width}, {"ffn_up", width, 2 * width},
        {"ffn_down", 2 * width, width},
    };
    char name[64];
    snprintf(name, sizeof name, "blk.%d.attn_norm.weight", layer);
    add_tensor(m, name, GGML_TYPE_F32, width, 0, 1, 0);
    snprintf(name, sizeof name, "blk.%d.ffn_norm.weight", layer);
    add_tensor(m, name, GGML_TYPE_F32, width, 0, 1, 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(name, sizeof name, "blk.%d.%s.weight", layer, parts[i].name);
        add_tensor(m, name, GGML_TYPE_F16, parts[i].columns, parts[i].rows, 0, d);
    }
}

static void describe(struct maker *m, int width, int layers, int heads, int heads_kv)
{
    const struct {
        const char *key;
        int value;
    } numbers[] = {
        {"general.file_type", 1},
        {"general.quantization_version", 2},
        {"llama.vocab_size", m->tokens},
        {"llama.context_length", CONTEXT},
        {"llama.embedding_length", width},
        {"llama.block_count", layers},
        {"llama.feed_forward_length", 2 * width},
        {"llama.attention.head_count", heads},
        {"llama.attention.head_count_kv", heads_kv},
        {"llama.rope.dimension_count", HEAD},
        {"tokenizer.ggml.unknown_token_id", 0},
        {"tokenizer.ggml.bos_token_id", 1},
        {"tokenizer.ggml.eos_token_id", 2},
    };
    gguf_set_val_str(m->file, "general.architecture", "llama");
    gguf_set_val_str(m->file, "general.name", "tiny random");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        gguf_set_val_u32(m->file, numbers[i].key, (uint32_t)numbers[i].value);
    gguf_set_val_f32(m->file, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    gguf_set_val_str(m->file, "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(m->file, "tokenizer.ggml.tokens", m->texts, (size_t)m->tokens);
    gguf_set_arr_data(m->file, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, m->scores,
                      (size_t)m->tokens);
    gguf_set_arr_data(m->file, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, m->kinds,
                      (size_t)m->tokens);
    gguf_set_val_bool(m->file, "tokenizer.ggml.add_bos_token", true);
    gguf_set_val_bool(m->file, "tokenizer.ggml.add_space_prefix", false);
    gguf_set_val_str(m->file, "tokenizer.chat_template",
                     "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + "
                     "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
                     "{{'<|im_start|>assistant\n'}}{% endif %}");
}

int main(int argc, char **argv)
{
    static struct maker m;
    int width = argc > 3 ? atoi(argv[3]) / HEAD * HEAD : 128, layers = argc > 4 ? atoi(argv[4]) : 2;
    if (argc < 2 || width < HEAD || width > 4096 || layers < 1 || layers > 100) {
        fprintf(stderr, "usage: make-llama FILE [SEED [WIDTH [LAYERS]]]\n");
        return 2;
    }
    int heads = width / HEAD, heads_kv = heads > 1 ? heads / 2 : 1;
    size_t w = (size_t)width;
    struct ggml_init_params room = {.mem_size = MAX_TOKENS * w * 4 +
                                                (size_t)layers * 10 * w * w * 2 + (16u << 20)};
    m.seed = 0x9E3779B97F4A7C15u * (argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    m.file = gguf_init_empty();
    m.tensors = ggml_init(room);
    if (!m.file || !m.tensors)
        return 1;
    add_vocabulary(&m);
    describe(&m, width, layers, heads, heads_kv);
    add_tensor(&m, "token_embd.weight", GGML_TYPE_F16, width, m.tokens, 0, 1);
    add_tensor(&m, "output_norm.weight", GGML_TYPE_F32, width, 0, 1, 0);
    add_tensor(&m, "output.weight", GGML_TYPE_F16, width, m.tokens, 0, 2 / sqrtf((float)width));
    for (int i = 0; i < layers; i++)
        add_block(&m, i, width, heads_kv * HEAD);
    bool written = gguf_write_to_file(m.file, argv[1], false);
    if (!written)
        fprintf(stderr, "%s cannot be written\n", argv[1]);
    gguf_free(m.file);
    ggml_free(m.tensors);
    return !written;
}
