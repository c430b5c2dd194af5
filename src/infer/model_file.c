/* Walks both containers from header to last tensor, so that a download cut off is found out before
 * a movie starts: the sum of what the tensors claim is compared with the file. */
#include "infer/model_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/utf8.h"

enum {
    MAX_TENSORS = 100000,
    MAX_PAIRS = 100000,
    MAX_DIMENSIONS = 4,
    MAX_NESTING = 2, /* arrays of arrays are in no known model */
};

/* Bytes of a block of values by ggml type; 0: not known, its size is not checked. */
struct type_size {
    const char *name;
    int values, bytes;
};
static const struct type_size types[] = {
    [0] = {"F32", 1, 4},       [1] = {"F16", 1, 2},       [2] = {"Q4_0", 32, 18},
    [3] = {"Q4_1", 32, 20},    [6] = {"Q5_0", 32, 22},    [7] = {"Q5_1", 32, 24},
    [8] = {"Q8_0", 32, 34},    [10] = {"Q2_K", 256, 84},  [11] = {"Q3_K", 256, 110},
    [12] = {"Q4_K", 256, 144}, [13] = {"Q5_K", 256, 176}, [14] = {"Q6_K", 256, 210},
    [30] = {"BF16", 1, 2},
};

struct reader {
    FILE *file;
    int64_t size; /* of the file */
    bool bad;     /* read past the end, or something that cannot be */
};

static void get(struct reader *r, void *bytes, size_t n)
{
    if (r->bad || fread(bytes, 1, n, r->file) != n) {
        memset(bytes, 0, n);
        r->bad = true;
    }
}

static int64_t get_i32(struct reader *r)
{
    int32_t value;
    get(r, &value, sizeof value);
    return value;
}

static uint64_t get_u64(struct reader *r)
{
    uint64_t value;
    get(r, &value, sizeof value);
    return value;
}

static void skip(struct reader *r, uint64_t n)
{
    off_t at = ftello(r->file);
    if (r->bad || at < 0 || n > (uint64_t)(r->size - at) || fseeko(r->file, (off_t)n, SEEK_CUR) < 0)
        r->bad = true;
}

/* Bytes of a tensor; -1: impossible, 0: of a type not known. */
static int64_t tensor_bytes(int64_t type, const int64_t *sizes, int dimensions, int64_t longest)
{
    int64_t values = 1;
    for (int i = 0; i < dimensions; i++) {
        if (sizes[i] <= 0 || values > INT64_MAX / 64 / sizes[i] || values > longest * 8 / sizes[i])
            return -1;
        values *= sizes[i];
    }
    if (type < 0 || (size_t)type >= MD_ARRAY_LEN(types) || types[type].values == 0)
        return 0;
    if (values % types[type].values != 0)
        return -1;
    return values / types[type].values * types[type].bytes;
}

/* ---- Whisper ---- */

static const char *whisper_size_name(const struct md_model_file *file)
{
    switch (file->layers) {
    case 4:
        return "tiny";
    case 6:
        return "base";
    case 12:
        return "small";
    case 24:
        return "medium";
    case 32:
        return file->text_layers < 32 ? "large-v3-turbo"
                                      : (file->vocabulary == 51866 ? "large-v3" : "large");
    default:
        return "";
    }
}

static bool is_between(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static void read_whisper_words(struct reader *r)
{
    int64_t words = get_i32(r);
    if (!is_between(words, 1, 1000000))
        r->bad = true;
    for (int64_t i = 0; i < words && !r->bad; i++) {
        int64_t n = get_i32(r);
        if (!is_between(n, 0, 4096))
            r->bad = true;
        else
            skip(r, (uint64_t)n);
    }
}

/* True when at least one tensor was there and the file ends with the last. */
static bool read_whisper_tensors(struct reader *r, struct md_model_file *file)
{
    int64_t count = 0;
    while (!r->bad && ftello(r->file) < r->size && count < MAX_TENSORS) {
        int64_t dimensions = get_i32(r), name = get_i32(r), type = get_i32(r), sizes[3] = {1, 1, 1};
        if (!is_between(dimensions, 1, 3) || !is_between(name, 1, 256))
            return false;
        for (int i = 0; i < dimensions; i++)
            sizes[i] = get_i32(r);
        skip(r, (uint64_t)name);
        int64_t bytes = tensor_bytes(type, sizes, (int)dimensions, r->size);
        if (bytes <= 0)
            return false;
        skip(r, (uint64_t)bytes);
        if (dimensions == 2 && type != 0)
            snprintf(file->quantisation, sizeof file->quantisation, "%s", types[type].name);
        count++;
    }
    return !r->bad && count > 0 && count < MAX_TENSORS;
}

static bool read_whisper(struct reader *r, struct md_model_file *file)
{
    int64_t v[11];
    for (size_t i = 0; i < MD_ARRAY_LEN(v); i++)
        v[i] = get_i32(r);
    file->kind = MD_MODEL_WHISPER;
    file->vocabulary = v[0];
    file->context = v[1];
    file->width = v[2];
    file->heads = file->heads_kv = v[3];
    file->layers = v[4];
    file->text_width = v[6];
    file->text_layers = v[8];
    if (!is_between(v[0], 1000, 1000000) || v[1] != 1500 || !is_between(v[2], 1, 8192) ||
        !is_between(v[3], 1, 256) || !is_between(v[4], 1, 256) || !is_between(v[5], 1, 4096) ||
        !is_between(v[6], 1, 8192) || !is_between(v[8], 1, 256) || !is_between(v[9], 1, 256))
        return false;
    file->multilingual = file->vocabulary >= 51865;
    snprintf(file->architecture, sizeof file->architecture, "whisper");
    snprintf(file->name, sizeof file->name, "%s%s", whisper_size_name(file),
             file->multilingual ? "" : ".en");
    int64_t mels = get_i32(r), frequencies = get_i32(r);
    if (mels != v[9] || !is_between(frequencies, 1, 4096))
        return false;
    skip(r, (uint64_t)(mels * frequencies) * sizeof(float));
    read_whisper_words(r);
    return read_whisper_tensors(r, file);
}

/* ---- GGUF ---- */

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

/* Bytes of a plain value; 0 for strings, arrays and what is not known. */
static size_t plain_size(uint32_t type)
{
    static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof sizes ? sizes[type] : 0;
}

/* A string, cut to fit. */
static void get_text(struct reader *r, char *text, size_t size)
{
    char bytes[256];
    uint64_t n = get_u64(r);
    size_t kept = (size_t)MD_MIN(n, sizeof bytes);
    get(r, bytes, r->bad ? 0 : kept);
    skip(r, n - kept);
    md_utf8_sanitize(text, size, bytes, r->bad ? 0 : kept);
}

static void skip_value(struct reader *r, uint32_t type, int depth, int64_t *ret_count)
{
    size_t plain = plain_size(type);
    if (plain > 0) {
        skip(r, plain);
    } else if (type == G_STRING) {
        skip(r, get_u64(r));
    } else if (type == G_ARRAY && depth < MAX_NESTING) {
        uint32_t inner = (uint32_t)get_i32(r);
        uint64_t n = get_u64(r);
        size_t size = plain_size(inner);
        if (n > (uint64_t)r->size)
            r->bad = true;
        else if (size > 0)
            skip(r, n * size);
        else
            for (uint64_t i = 0; i < n && !r->bad; i++)
                skip_value(r, inner, depth + 1, NULL);
        if (ret_count)
            *ret_count = (int64_t)n;
    } else {
        r->bad = true;
    }
}

static int64_t get_number(struct reader *r, uint32_t type)
{
    uint64_t bits = 0;
    size_t n = plain_size(type);
    get(r, &bits, n);
    return type == G_I32 ? (int32_t)bits : (int64_t)bits;
}

/* Is key ARCHITECTURE.name? The architecture comes first in every file that llama.cpp writes. */
static bool is_key(const struct md_model_file *file, const char *key, const char *name)
{
    size_t n = strlen(file->architecture);
    return n > 0 && strncmp(key, file->architecture, n) == 0 && key[n] == '.' &&
           strcmp(key + n + 1, name) == 0;
}

static int64_t *number_of(struct md_model_file *file, const char *key)
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
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++)
        if (is_key(file, key, rows[i].name))
            return rows[i].value;
    return NULL;
}

static const char *file_type_name(int64_t type)
{
    static const char *const names[] = {
        [0] = "F32",     [1] = "F16",     [2] = "Q4_0",    [3] = "Q4_1",    [7] = "Q8_0",
        [8] = "Q5_0",    [9] = "Q5_1",    [10] = "Q2_K",   [11] = "Q3_K_S", [12] = "Q3_K_M",
        [13] = "Q3_K_L", [14] = "Q4_K_S", [15] = "Q4_K_M", [16] = "Q5_K_S", [17] = "Q5_K_M",
        [18] = "Q6_K",   [30] = "IQ4_XS", [32] = "BF16",   [38] = "MXFP4",
    };
    bool known = type >= 0 && (size_t)type < MD_ARRAY_LEN(names) && names[type];
    return known ? names[type] : "?";
}

static void read_pair(struct reader *r, struct md_model_file *file, int64_t *inout_alignment)
{
    char key[128];
    get_text(r, key, sizeof key);
    uint32_t type = (uint32_t)get_i32(r);
    int64_t *number = plain_size(type) > 0 ? number_of(file, key) : NULL;
    if (type == G_STRING && strcmp(key, "general.architecture") == 0)
        get_text(r, file->architecture, sizeof file->architecture);
    else if (type == G_STRING && strcmp(key, "general.name") == 0)
        get_text(r, file->name, sizeof file->name);
    else if (number)
        *number = get_number(r, type);
    else if (type == G_U32 && strcmp(key, "general.file_type") == 0)
        snprintf(file->quantisation, sizeof file->quantisation, "%s",
                 file_type_name(get_number(r, type)));
    else if (type == G_U32 && strcmp(key, "general.alignment") == 0)
        *inout_alignment = get_number(r, type);
    else if (type == G_ARRAY && strcmp(key, "tokenizer.ggml.tokens") == 0)
        skip_value(r, type, 0, &file->vocabulary);
    else
        skip_value(r, type, 0, NULL);
}

/* The end of the last tensor, counted from where tensors begin; -1: impossible. */
static int64_t read_tensor_table(struct reader *r, uint64_t tensors)
{
    int64_t end = 0;
    for (uint64_t i = 0; i < tensors && !r->bad; i++) {
        char name[128];
        int64_t sizes[MAX_DIMENSIONS] = {1, 1, 1, 1};
        get_text(r, name, sizeof name);
        int64_t dimensions = get_i32(r);
        if (!is_between(dimensions, 1, MAX_DIMENSIONS))
            return -1;
        for (int64_t k = 0; k < dimensions; k++)
            sizes[k] = (int64_t)get_u64(r);
        int64_t type = get_i32(r), offset = (int64_t)get_u64(r);
        int64_t bytes = tensor_bytes(type, sizes, (int)dimensions, r->size);
        if (bytes < 0 || !is_between(offset, 0, r->size))
            return -1;
        end = MD_MAX(end, offset + bytes);
    }
    return r->bad ? -1 : end;
}

static bool read_gguf(struct reader *r, struct md_model_file *file)
{
    int64_t alignment = 32, version = get_i32(r);
    uint64_t tensors = get_u64(r), pairs = get_u64(r);
    file->kind = MD_MODEL_GGUF;
    file->multilingual = true;
    if (!is_between(version, 2, 3) || tensors == 0 || tensors > MAX_TENSORS || pairs > MAX_PAIRS)
        return false;
    for (uint64_t i = 0; i < pairs && !r->bad; i++)
        read_pair(r, file, &alignment);
    int64_t end = read_tensor_table(r, tensors);
    if (end < 0 || !is_between(alignment, 1, 65536))
        return false;
    int64_t start = (ftello(r->file) + alignment - 1) / alignment * alignment;
    if (file->heads_kv == 0)
        file->heads_kv = file->heads;
    if (file->key_length == 0 && file->heads > 0)
        file->key_length = file->width / file->heads;
    if (file->value_length == 0)
        file->value_length = file->key_length;
    return start + end <= r->size && is_between(file->layers, 1, 10000) &&
           is_between(file->width, 1, 1 << 20) && is_between(file->context, 1, 1 << 30) &&
           is_between(file->heads_kv, 1, 65536) && is_between(file->key_length, 1, 65536) &&
           is_between(file->value_length, 1, 65536);
}

int md_model_file_read(const char *path, struct md_model_file *ret_file, struct md_failure *failure)
{
    struct stat st;
    md_autofclose FILE *stream = fopen(path, "rbe");
    if (!stream || fstat(fileno(stream), &st) < 0)
        return md_fail_errno(failure, errno, "cannot read the model %s", path);
    if (!S_ISREG(st.st_mode))
        return md_fail(failure, MD_ERR_INPUT, "the model %s is not a file", path);
    struct reader r = {.file = stream, .size = st.st_size};
    struct md_model_file file = {.size_bytes = st.st_size, .quantisation = "?"};
    uint32_t magic = (uint32_t)get_i32(&r);
    bool good = false;
    if (magic == 0x67676d6c) /* "ggml" */
        good = read_whisper(&r, &file);
    else if (magic == 0x46554747) /* "GGUF" */
        good = read_gguf(&r, &file);
    else
        return md_fail(failure, MD_ERR_INPUT, "%s is neither a ggml Whisper model nor a GGUF file",
                       path);
    if (!good)
        return md_fail(failure, MD_ERR_INPUT,
                       "the model %s is damaged or was not fetched whole; fetch it again", path);
    *ret_file = file;
    return MD_OK;
}

/* Whisper's state, fitted to libwhisper 1.9 (f16, flash attention): large-v3 543 MB, turbo 250 MB.
 * Both caches are two f16 vectors a place and layer, of 1536 and 512 places; then buffers for the
 * logits of a prompt (96 MB) and for encoding (80.5 kB a column). */
static void whisper_memory(const struct md_model_file *file, struct md_model_memory *ret)
{
    const int64_t places = 1536 + 512;
    ret->resident_bytes = file->size_bytes;
    ret->unit_bytes = file->text_layers * places * file->text_width * 4 + 1536 * file->width * 4 +
                      96000000 + 80500 * file->width;
}

void md_model_file_memory(const struct md_model_file *file, int64_t context, bool small_cache,
                          struct md_model_memory *ret_memory)
{
    if (file->kind == MD_MODEL_WHISPER) {
        whisper_memory(file, ret_memory);
        return;
    }
    /* A value of the cache takes two bytes, or 34 for 32 in q8_0. Computing: logits and some eight
     * rows of activations for each of 512 tokens. */
    int64_t values = file->layers * file->heads_kv * (file->key_length + file->value_length);
    int64_t token_bytes = small_cache ? values * 34 / 32 : values * 2;
    ret_memory->resident_bytes = file->size_bytes + 512 * 4 * (file->vocabulary + 8 * file->width);
    ret_memory->unit_bytes = context * token_bytes;
}
