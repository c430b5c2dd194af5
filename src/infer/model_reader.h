/* Reading model files, whose bytes are foreign: what cannot be read is zero, and once is enough to
 * know. Shared by the files that read one container each. */
#ifndef MD_INFER_MODEL_READER_H
#define MD_INFER_MODEL_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "infer/model_file.h"

enum { MD_MODEL_MAX_TENSORS = 100000 };

struct md_model_reader {
    FILE *file;
    int64_t size; /* of the file */
    bool bad;     /* read past the end, or something that cannot be */
};

void md_model_get(struct md_model_reader *r, void *bytes, size_t n);
int64_t md_model_get_i32(struct md_model_reader *r);
uint64_t md_model_get_u64(struct md_model_reader *r);
void md_model_skip(struct md_model_reader *r, uint64_t n);

static inline bool md_model_is_between(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

/* Bytes of a tensor of ggml's type and sizes; -1: impossible, 0: of a type not known. *ret_values
 * is how many numbers it holds. */
int64_t md_model_tensor_bytes(int64_t type, const int64_t *sizes, int dimensions,
                              int64_t *ret_values);
/* "Q4_K"; "?" of a type not known. */
const char *md_model_type_name(int64_t type);

/* Both read on after the magic number and fill what they find. NULL: it is whole and of use; else
 * the end of a sentence that begins with the file's name. *ret_wanted: bytes the file should have,
 * 0 not known. */
const char *md_model_read_whisper(struct md_model_reader *r, struct md_model_file *file,
                                  int64_t *ret_wanted);
const char *md_model_read_gguf(struct md_model_reader *r, struct md_model_file *file,
                               int64_t *ret_wanted);

#define MD_MODEL_DAMAGED "is damaged or was not fetched whole; fetch it again"

#endif
