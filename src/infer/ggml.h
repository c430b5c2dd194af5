/* What whisper and llama share: their libraries' versions, backends, messages and last words. */
#ifndef MD_INFER_GGML_H
#define MD_INFER_GGML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

/* Checks that ggml is the one this program was built against (parameters are passed by value and
 * grow between versions), loads the backends from their own folder and nowhere else, and takes
 * messages over. Once a process: what libraries say has no owner. no_memory may be NULL.
 * MD_ERR_UNSUPPORTED, MD_ERR_EXTERNAL (no backend at all). */
int md_ggml_start(const struct md_log *log, void (*no_memory)(void), struct md_failure *failure);

/* "is": what the library says it is; MD_ERR_UNSUPPORTED with a sentence when it is another one than
 * "built": compares up to the first character that no version number has. */
int md_ggml_check_version(const char *library, const char *is, const char *built,
                          struct md_failure *failure);

/* Has a library said, since the start or the last call, that it could not allocate? */
bool md_ggml_take_no_memory(void);

/* Is there a GPU among the backends? */
bool md_ggml_has_gpu(void);

/* The devices that compute, "CPU" or "CUDA0 NVIDIA GeForce RTX 3060, CPU", and whether a
 * backend is there in vain; after md_ggml_start. */
void md_ggml_devices(char *text, size_t size);

/* ggml_log_callback: for llama_log_set and whisper_log_set, which keep their own. */
void md_ggml_hear(int level, const char *text, void *unused);

#endif
