/* whisper.cpp's own container: sizes, filters, words, then tensor after tensor to the end. A file
 * cut off anywhere ends within one of them. */
#include <stdio.h>

#include "base/cleanup.h"
#include "infer/model_reader.h"

static const char *whisper_size_name(const struct md_model_file *file)
{
    switch (file->layers) {
    case 4:
        return "tiny";
    case 6:
        return "base";
    case 12:
        return file->text_layers < 12 ? "distil-small" : "small";
    case 24:
        return file->text_layers < 24 ? "distil-medium" : "medium";
    case 32:
        if (file->text_layers == 2)
            return "distil-large";
        return file->text_layers < 32 ? "large-v3-turbo"
                                      : (file->vocabulary == 51866 ? "large-v3" : "large");
    default:
        return "";
    }
}

static void read_whisper_words(struct md_model_reader *r)
{
    int64_t words = md_model_get_i32(r);
    if (!md_model_is_between(words, 1, 1000000))
        r->bad = true;
    for (int64_t i = 0; i < words && !r->bad; i++) {
        int64_t n = md_model_get_i32(r);
        if (!md_model_is_between(n, 0, 4096))
            r->bad = true;
        else
            md_model_skip(r, (uint64_t)n);
    }
}

/* True when at least one tensor was there and the file ends with the last. */
static bool read_whisper_tensors(struct md_model_reader *r, struct md_model_file *file)
{
    int64_t count = 0;
    while (!r->bad && ftello(r->file) < r->size && count < MD_MODEL_MAX_TENSORS) {
        int64_t dimensions = md_model_get_i32(r), name = md_model_get_i32(r),
                type = md_model_get_i32(r), sizes[3] = {1, 1, 1};
        if (!md_model_is_between(dimensions, 1, 3) || !md_model_is_between(name, 1, 256))
            return false;
        for (int i = 0; i < dimensions; i++)
            sizes[i] = md_model_get_i32(r);
        md_model_skip(r, (uint64_t)name);
        int64_t values = 0;
        int64_t bytes = md_model_tensor_bytes(type, sizes, (int)dimensions, &values);
        if (bytes <= 0)
            return false;
        file->parameters += values;
        md_model_skip(r, (uint64_t)bytes);
        if (dimensions == 2 && type != 0)
            snprintf(file->quantisation, sizeof file->quantisation, "%s", md_model_type_name(type));
        count++;
    }
    return !r->bad && count > 0 && count < MD_MODEL_MAX_TENSORS;
}

/* The same magic number begins other files: what follows tells. */
static const char *refuse_other(const int64_t *v)
{
    if (v[0] > 0 && v[0] < 64) /* whisper.cpp's voice detector: the length of its kind's name */
        return "is a model that detects voice (VAD), not one that understands it; a Whisper model "
               "is wanted";
    if (md_model_is_between(v[0], 30000, 300000) && v[1] > 0 && v[1] % 64 == 0 && v[1] != 1500)
        return "is a language model in an old form (ggml); fetch it as GGUF";
    return NULL;
}

const char *md_model_read_whisper(struct md_model_reader *r, struct md_model_file *file,
                                  int64_t *ret_wanted)
{
    int64_t v[11];
    (void)ret_wanted; /* tensors follow each other: what is missing cannot be known */
    for (size_t i = 0; i < MD_ARRAY_LEN(v); i++)
        v[i] = md_model_get_i32(r);
    const char *other = refuse_other(v);
    if (other)
        return other;
    file->kind = MD_MODEL_WHISPER;
    file->vocabulary = v[0];
    file->context = v[1];
    file->width = v[2];
    file->heads = file->heads_kv = v[3];
    file->layers = v[4];
    file->text_width = v[6];
    file->text_layers = v[8];
    if (!md_model_is_between(v[0], 1000, 1000000) || v[1] != 1500 ||
        !md_model_is_between(v[2], 1, 8192) || !md_model_is_between(v[3], 1, 256) ||
        !md_model_is_between(v[4], 1, 256) || !md_model_is_between(v[5], 1, 4096) ||
        !md_model_is_between(v[6], 1, 8192) || !md_model_is_between(v[8], 1, 256) ||
        !md_model_is_between(v[9], 1, 256))
        return MD_MODEL_DAMAGED;
    file->multilingual = file->vocabulary >= 51865;
    snprintf(file->architecture, sizeof file->architecture, "whisper");
    snprintf(file->name, sizeof file->name, "%s%s", whisper_size_name(file),
             file->multilingual ? "" : ".en");
    snprintf(file->languages, sizeof file->languages, "%s", file->multilingual ? "many" : "en");
    int64_t mels = md_model_get_i32(r), frequencies = md_model_get_i32(r);
    if (mels != v[9] || !md_model_is_between(frequencies, 1, 4096))
        return MD_MODEL_DAMAGED;
    md_model_skip(r, (uint64_t)(mels * frequencies) * sizeof(float));
    read_whisper_words(r);
    return read_whisper_tensors(r, file) ? NULL : MD_MODEL_DAMAGED;
}
