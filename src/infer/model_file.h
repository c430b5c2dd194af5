/* What a model file says about itself, read without the libraries: the main program needs to know
 * before anything starts, and must not link them. Reads foreign bytes: sizes are checked against
 * the file, nothing is allocated by what a file claims. */
#ifndef MD_INFER_MODEL_FILE_H
#define MD_INFER_MODEL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/stage.h"

enum md_model_kind { MD_MODEL_WHISPER, MD_MODEL_GGUF };

struct md_model_file {
    enum md_model_kind kind;
    int64_t size_bytes;    /* of all parts */
    char name[64];         /* "large-v3" or general.name; "" unknown */
    char architecture[32]; /* "whisper", "llama", "qwen2" */
    char quantisation[16]; /* "F16", "Q5_0", "Q4_K_M"; "?" unknown */
    char languages[64];    /* "en", "en,de,fr", "many"; "" not said */
    bool multilingual;     /* Whisper: more than English */
    bool has_template;     /* GGUF: the form of a talk */
    int64_t parameters;    /* numbers in all tensors */
    int64_t part, parts;   /* GGUF in several files: number of this one from 0, and how many; else
                              0 and 0 */
    /* Whisper: audio; GGUF: the text model */
    int64_t layers, width, heads, heads_kv, context;
    int64_t all_heads_kv;             /* GGUF: of all layers together */
    int64_t key_length, value_length; /* GGUF: of one head */
    int64_t text_layers, text_width;  /* Whisper's decoder */
    int64_t vocabulary;               /* tokens */
};

/* MD_ERR_NOTFOUND, MD_ERR_IO; MD_ERR_INPUT with a sentence that says what it is instead: damaged,
 * cut off, of a size that cannot be, something else altogether, or a model that does not answer
 * prompts. Of a model in several files the first is named; all are looked at. */
int md_model_file_read(const char *path, struct md_model_file *ret_file,
                       struct md_failure *failure);

/* What using it takes, in bytes, where the weights go to one device. Whisper: weights as in the
 * file; a state as measured (see the .c file). GGUF: weights; the cache, and what computing takes.
 */
struct md_model_memory {
    int64_t resident_bytes; /* weights and what does not depend on the batch */
    int64_t unit_bytes;     /* for each unit of a batch */
};
/* How it is used. */
struct md_model_use {
    int64_t context;  /* GGUF: tokens of a sequence */
    bool small_cache; /* GGUF: q8_0 instead of f16, where the model allows it */
    bool half_layers; /* GGUF: half of the layers on the GPU at most; does not count below */
    bool on_cpu;      /* nothing on a GPU. Whisper: without flash attention, as src/infer/whisper.c
                         does there */
};
/* What settings mean for a language model of so many tokens. */
struct md_model_use md_model_use_at(enum md_settings settings, int64_t context);
/* Whether its cache can be quantised at all: in blocks of 32 values of a head. */
bool md_model_file_has_small_cache(const struct md_model_file *file);

void md_model_file_memory(const struct md_model_file *file, const struct md_model_use *use,
                          struct md_model_memory *ret_memory);

#endif
