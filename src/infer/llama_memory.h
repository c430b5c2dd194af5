/* What libllama only tells in C++. */
#ifndef MD_INFER_LLAMA_MEMORY_H
#define MD_INFER_LLAMA_MEMORY_H

#ifdef __cplusplus
extern "C" {
#endif

struct llama_context;
struct md_text_memory;

/* Sums over all buffer types. */
void md_llama_memory(const struct llama_context *context, struct md_text_memory *ret_memory);

#ifdef __cplusplus
}
#endif

#endif
