/* Questions to a worker program before any movie starts: does it run here, what would a model take?
 * The libraries stay where they are: a child answers in a line, and is ended when it does not. */
#ifndef MD_SUPER_ASK_H
#define MD_SUPER_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "infer/model_file.h"
#include "model/stage.h"

struct md_worker_facts {
    char text[400]; /* "ggml 0.27.0, llama 0.7.0; CUDA0 NVIDIA GeForce RTX 3060, CPU" */
    bool has_gpu;
};

/* MD_ERR_NOTFOUND: this program was built without it; MD_ERR_UNSUPPORTED: its libraries are gone or
 * other ones. A sentence each. */
int md_ask_worker(enum md_executor executor, struct md_worker_facts *ret_facts,
                  struct md_failure *failure);

struct md_measured {
    int64_t device_bytes, host_bytes; /* on the GPU, in main memory */
};

/* What the library's dry run says of a language model. measures: a file where answers are kept for
 * the next time, NULL none. MD_ERR_INPUT: the library does not load it; others: it is not known. */
int md_ask_measure(const char *path, int64_t context, int sequences, enum md_settings settings,
                   const char *measures, struct md_measured *ret, struct md_failure *failure);

/* What a model takes at normal settings: of a language model from the dry run, all devices
 * together, where that works; else, and for Whisper, from what its file says. MD_ERR_INPUT as
 * above. */
int md_ask_model(const char *path, const struct md_model_file *file, const struct md_model_use *use,
                 const char *measures, struct md_model_memory *ret_memory, bool *ret_exact,
                 struct md_failure *failure);

/* The same of a language model with smaller settings, of the device it is on: with half of its
 * layers on the GPU, the other half does not count. */
void md_ask_smaller(const char *path, const struct md_model_file *file, int64_t context,
                    enum md_settings settings, bool on_cpu, const char *measures,
                    struct md_model_memory *ret_memory);

#endif
