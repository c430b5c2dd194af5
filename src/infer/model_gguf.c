/* GGUF: pairs of keys and values, then a table of tensors that tells where each begins; so what a
 * file should have is known from its beginning. Split files are one model: the first has the keys,
 * each has a table of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "infer/model_reader.h"

enum {
    MAX_PAIRS = 100000,
    MAX_DIMENSIONS = 4,
    MAX_NESTING = 2, /* arrays of arrays are in no known model */
    MAX_LAYERS = 10000,
};
static const uint64_t most_elements = 20000000; /* of an array; vocabularies have some 300000 */

enum {
    G_U8,
    G_I8,
    G_U16,
    G_I16,
    G_U32,
    G_I32,
    G_F32,
    G_BOOL,
    G_STRING,
    G_ARRAY,
    G_U64,
    G_I64,
    G_F64
};

/* What only says whether a file is of use. */
struct extra {
    char type[24];    /* general.type; "" not said */
    int64_t pooling;  /* > 0: made for embeddings */
    bool has_adapter; /* LoRA */
    int64_t alignment;
    int64_t classes; /* of a classifier */
};

/* Bytes of a plain value; 0 for strings, arrays and what is not known. */
static size_t plain_size(uint32_t type)
{
    static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

/* A string, cut to fit. */
static void get_text(struct md_model_reader *r, char *text, size_t size)
{
    char bytes[256];
    uint64_t n = md_model_get_u64(r);
    size_t kept = (size_t)MD_MIN(n, sizeof bytes);
    md_model_get(r, bytes, r->bad ? 0 : kept);
    md_model_skip(r, n - kept);
    md_utf8_sanitize(text, size, bytes, r->bad ? 0 : kept);
}

static void skip_value(struct md_model_reader *r, uint32_t type, int depth, int64_t *ret_count)
{
    size_t plain = plain_size(type);
    if (plain > 0) {
        md_model_skip(r, plain);
    } else if (type == G_STRING) {
        md_model_skip(r, md_model_get_u64(r));
    } else if (type == G_ARRAY && depth < MAX_NESTING) {
        uint32_t inner = (uint32_t)md_model_get_i32(r);
        uint64_t n = md_model_get_u64(r);
        size_t size = plain_size(inner);
        if (n > (uint64_t)r->size || n > most_elements)
            r->bad = true;
        else if (size > 0)
            md_model_skip(r, n * size);
        else
            for (uint64_t i = 0; i < n && !r->bad; i++)
                skip_value(r, inner, depth + 1, NULL);
        if (ret_count)
            *ret_count = (int64_t)n;
    } else {
        r->bad = true;
    }
}

static int64_t get_number(struct md_model_reader *r, uint32_t type)
{
    uint64_t bits = 0;
    size_t n = plain_size(type);
    md_model_get(r, &bits, n);
    return type == G_I32 ? (int32_t)bits : (int64_t)bits;
}

/* Is key ARCHITECTURE.name? The architecture comes first in every file that llama.cpp writes. */
static bool is_key(const struct md_model_file *file, const char *key, const char *name)
{
    size_t n = strlen(file->architecture);
    return n > 0 && strncmp(key, file->architecture, n) == 0 && key[n] == '.' &&
           strcmp(key + n + 1, name) == 0;
}

static int64_t *number_of(struct md_model_file *file, struct extra *extra, const char *key)
{
    const struct {
        const char *name;
        int64_t *value;
    } rows[] = {
        {"block_count", &file->layers},
        {"embedding_length", &file->width},
        {"context_length", &file->context},
        {"attention.head_count", &file->heads},
        {"attention.head_count_kv", &file->heads_kv},
        {"attention.key_length", &file->key_length},
        {"attention.value_length", &file->value_length},
        {"pooling_type", &extra->pooling},
    };
    if (strcmp(key, "general.alignment") == 0)
        return &extra->alignment;
    if (strcmp(key, "split.no") == 0)
        return &file->part;
    if (strcmp(key, "split.count") == 0)
        return &file->parts;
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++)
        if (is_key(file, key, rows[i].name))
            return rows[i].value;
    return NULL;
}

static const char *file_type_name(int64_t type)
{
    static const char *const names[] = {
        [0] = "F32",      [1] = "F16",      [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
        [8] = "Q5_0",     [9] = "Q5_1",     [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
        [13] = "Q3_K_L",  [14] = "Q4_K_S",  [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
        [18] = "Q6_K",    [19] = "IQ2_XXS", [20] = "IQ2_XS", [21] = "Q2_K_S", [22] = "IQ3_XS",
        [23] = "IQ3_XXS", [24] = "IQ1_S",   [25] = "IQ4_NL", [26] = "IQ3_S",  [27] = "IQ3_M",
        [28] = "IQ2_S",   [29] = "IQ2_M",   [30] = "IQ4_XS", [31] = "IQ1_M",  [32] = "BF16",
        [36] = "TQ1_0",   [37] = "TQ2_0",   [38] = "MXFP4",
    };
    bool known = type >= 0 && (size_t)type < MD_ARRAY_LEN(names) && names[type];
    return known ? names[type] : "?";
}

/* "en,de": as many as fit. */
static void get_languages(struct md_model_reader *r, struct md_model_file *file)
{
    uint32_t inner = (uint32_t)md_model_get_i32(r);
    uint64_t n = md_model_get_u64(r);
    if (inner != G_STRING || n > 1000) {
        r->bad = true;
        return;
    }
    for (uint64_t i = 0; i < n && !r->bad; i++) {
        char word[12];
        size_t used = strlen(file->languages);
        get_text(r, word, sizeof word);
        if (used + strlen(word) + 2 <= sizeof file->languages)
            snprintf(file->languages + used, sizeof file->languages - used, "%s%s", i ? "," : "",
                     word);
    }
}

/* Heads of each layer, where they differ: their sum is kept. */
static void get_heads(struct md_model_reader *r, struct md_model_file *file)
{
    uint32_t inner = (uint32_t)md_model_get_i32(r);
    uint64_t n = md_model_get_u64(r);
    if (plain_size(inner) == 0 || inner == G_F32 || inner == G_F64 || n > MAX_LAYERS) {
        r->bad = true;
        return;
    }
    file->all_heads_kv = 0;
    for (uint64_t i = 0; i < n && !r->bad; i++)
        file->all_heads_kv += MD_CLAMP(get_number(r, inner), 0, 65536);
    file->heads_kv = n > 0 ? MD_MAX(file->all_heads_kv / (int64_t)n, 1) : 0;
}

static bool read_text_pair(struct md_model_reader *r, struct md_model_file *file,
                           struct extra *extra, const char *key)
{
    if (strcmp(key, "general.architecture") == 0)
        get_text(r, file->architecture, sizeof file->architecture);
    else if (strcmp(key, "general.name") == 0)
        get_text(r, file->name, sizeof file->name);
    else if (strcmp(key, "general.type") == 0)
        get_text(r, extra->type, sizeof extra->type);
    else
        return false;
    return true;
}

static void read_pair(struct md_model_reader *r, struct md_model_file *file, struct extra *extra)
{
    char key[128];
    get_text(r, key, sizeof key);
    uint32_t type = (uint32_t)md_model_get_i32(r);
    int64_t *number = plain_size(type) > 0 ? number_of(file, extra, key) : NULL;
    if (strncmp(key, "tokenizer.chat_template", strlen("tokenizer.chat_template")) == 0)
        file->has_template = true;
    if (strcmp(key, "adapter.type") == 0)
        extra->has_adapter = true;
    if (number)
        *number = get_number(r, type);
    else if (type == G_STRING && read_text_pair(r, file, extra, key))
        return;
    else if (type == G_U32 && strcmp(key, "general.file_type") == 0)
        snprintf(file->quantisation, sizeof file->quantisation, "%s",
                 file_type_name(get_number(r, type)));
    else if (type == G_ARRAY && strcmp(key, "general.languages") == 0)
        get_languages(r, file);
    else if (type == G_ARRAY && is_key(file, key, "attention.head_count_kv"))
        get_heads(r, file);
    else if (type == G_ARRAY && strcmp(key, "tokenizer.ggml.tokens") == 0)
        skip_value(r, type, 0, &file->vocabulary);
    else if (type == G_ARRAY && is_key(file, key, "classifier.output_labels"))
        skip_value(r, type, 0, &extra->classes);
    else
        skip_value(r, type, 0, NULL);
}

/* The end of the last tensor, counted from where tensors begin; -1: impossible. */
static int64_t read_tensor_table(struct md_model_reader *r, uint64_t tensors,
                                 struct md_model_file *file)
{
    const int64_t far = INT64_C(1) << 50;
    int64_t end = 0;
    for (uint64_t i = 0; i < tensors && !r->bad; i++) {
        char name[128];
        int64_t sizes[MAX_DIMENSIONS] = {1, 1, 1, 1}, values = 0;
        get_text(r, name, sizeof name);
        int64_t dimensions = md_model_get_i32(r);
        if (!md_model_is_between(dimensions, 1, MAX_DIMENSIONS))
            return -1;
        for (int64_t k = 0; k < dimensions; k++)
            sizes[k] = (int64_t)md_model_get_u64(r);
        int64_t type = md_model_get_i32(r), offset = (int64_t)md_model_get_u64(r);
        int64_t bytes = md_model_tensor_bytes(type, sizes, (int)dimensions, &values);
        if (bytes < 0 || !md_model_is_between(offset, 0, far) || values > far - file->parameters)
            return -1;
        file->parameters += values;
        end = MD_MAX(end, offset + bytes);
    }
    return r->bad ? -1 : end;
}

static const char *refuse_version(uint32_t version)
{
    if (version > 0 && (version & 0xffff) == 0)
        return "was made for big-endian machines; fetch the usual form";
    if (version == 1)
        return "is in the first form of GGUF, which is no longer read; fetch a newer file";
    return "is in a newer form of GGUF than this program knows";
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* Whole, but is it a model that answers prompts? */
static const char *refuse_kind(const struct md_model_file *file, const struct extra *extra)
{
    static const char *const encoders[] = {"bert",         "nomic-bert",      "nomic-bert-moe",
                                           "jina-bert-v2", "jina-bert-v3",    "modern-bert",
                                           "neo-bert",     "gemma-embedding", "t5encoder",
                                           "eurobert",     "llama-embed",     NULL};
    static const char *const others[] = {"t5", "dream", "llada", "llada-moe", "rnd1", NULL};
    if (extra->has_adapter || strcmp(extra->type, "adapter") == 0)
        return "is an adapter (LoRA) for another model, not a model";
    if (strcmp(extra->type, "mmproj") == 0 || strcmp(file->architecture, "clip") == 0)
        return "is the picture or sound part (mmproj) of a model; the language part is wanted";
    if (strcmp(extra->type, "imatrix") == 0)
        return "is a table for making models, not a model";
    if (strncmp(file->architecture, "wavtokenizer", 12) == 0)
        return "makes sound (a vocoder), not text";
    if (is_one_of(file->architecture, encoders) || extra->pooling > 0 || extra->classes > 0)
        return "is an embedding or ranking model, which writes no text; an instruct model is "
               "wanted";
    if (is_one_of(file->architecture, others))
        return "is of a kind that does not write word after word; an instruct model is wanted";
    if (file->vocabulary == 0)
        return "has no vocabulary: it is no language model";
    if (file->parameters == 0)
        return "has a vocabulary only and no weights";
    if (!file->has_template)
        return "has no chat template: it goes on with texts (a base model) and does not follow "
               "prompts; take one whose name has \"instruct\", \"chat\" or \"it\" in it";
    return NULL;
}

static void fill_up(struct md_model_file *file)
{
    if (file->heads_kv == 0)
        file->heads_kv = file->heads;
    if (file->all_heads_kv == 0)
        file->all_heads_kv = file->heads_kv * file->layers;
    if (file->key_length == 0 && file->heads > 0)
        file->key_length = file->width / file->heads;
    if (file->value_length == 0)
        file->value_length = file->key_length;
}

static bool is_possible(const struct md_model_file *file)
{
    return md_model_is_between(file->layers, 1, MAX_LAYERS) &&
           md_model_is_between(file->width, 1, 1 << 20) &&
           md_model_is_between(file->context, 1, 1 << 30) &&
           md_model_is_between(file->vocabulary, 1, 1 << 24) &&
           md_model_is_between(file->heads_kv, 1, 65536) &&
           md_model_is_between(file->all_heads_kv, 1, INT64_C(1) << 30) &&
           md_model_is_between(file->key_length, 1, 65536) &&
           md_model_is_between(file->value_length, 1, 65536);
}

const char *md_model_read_gguf(struct md_model_reader *r, struct md_model_file *file,
                               int64_t *ret_wanted)
{
    struct extra extra = {.alignment = 32};
    uint32_t version = (uint32_t)md_model_get_i32(r);
    if (!r->bad && (version < 2 || version > 3))
        return refuse_version(version);
    uint64_t tensors = md_model_get_u64(r), pairs = md_model_get_u64(r);
    file->kind = MD_MODEL_GGUF;
    file->multilingual = true;
    if (r->bad || tensors > MD_MODEL_MAX_TENSORS || pairs > MAX_PAIRS)
        return MD_MODEL_DAMAGED;
    for (uint64_t i = 0; i < pairs && !r->bad; i++)
        read_pair(r, file, &extra);
    int64_t end = read_tensor_table(r, tensors, file);
    if (end < 0 || !md_model_is_between(extra.alignment, 1, 65536))
        return MD_MODEL_DAMAGED;
    int64_t start = (ftello(r->file) + extra.alignment - 1) / extra.alignment * extra.alignment;
    *ret_wanted = tensors > 0 ? start + end : 0;
    if (*ret_wanted > r->size)
        return MD_MODEL_DAMAGED;
    if (file->part > 0) /* a later part has tensors and nothing else */
        return NULL;
    const char *why = refuse_kind(file, &extra);
    fill_up(file);
    return why ? why : is_possible(file) ? NULL : MD_MODEL_DAMAGED;
}
