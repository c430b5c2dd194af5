/* What libllama only tells in C++. */
#ifndef MD_INFER_LLAMA_MEMORY_H
#define MD_INFER_LLAMA_MEMORY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct llama_context;

/* Sums over all buffer types. */
void md_llama_memory(const struct llama_context *context, int64_t *ret_model, int64_t *ret_context,
                     int64_t *ret_compute);

#ifdef __cplusplus
}
#endif

#endif
