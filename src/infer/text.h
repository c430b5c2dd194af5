/* A language model behind one small interface: prompts in, texts of a given form out.
 *
 * Always the likeliest token (greedy): the same model, prompt and grammar give the same text. What
 * a request quotes is foreign text: it never becomes a control token of the model, whatever stands
 * in it. One thread at a time. */
#ifndef MD_INFER_TEXT_H
#define MD_INFER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

enum { MD_TEXT_MAX_SEQUENCES = 64 };

struct md_text_params {
    const char *model_path;
    int sequences;    /* prompts at once, 1 to MD_TEXT_MAX_SEQUENCES */
    int64_t context;  /* tokens of a prompt and its reply */
    bool small_cache; /* q8_0 instead of f16: half the memory of the cache */
    bool cpu_only;    /* nothing on a GPU */
    int threads;      /* >= 1 */
    const struct md_log *log;
    void (*no_memory)(void); /* may be NULL; an allocation failed */
};

/* Borrowed for the call that asks. */
struct md_text_request {
    const char *system, *user; /* UTF-8; user may quote foreign text */
    const char *grammar;       /* GBNF with a rule "root" */
    int max_tokens;            /* of the reply */
};

struct md_text_run {
    size_t count; /* requests */
    int at_once;  /* of them, at most; <= 0: as many as there are sequences */
    void *user;
    /* The request of an index; its texts stay until the next call. */
    int (*read)(void *user, size_t index, struct md_text_request *ret_request);
    /* The reply, NUL-ended; NULL: the prompt did not fit, or the reply did not end in time. Replies
     * may come in another order than requests. */
    int (*done)(void *user, size_t index, const char *reply);
    bool (*cancelled)(void *user); /* may be NULL */
    struct md_failure *failure;
};

/* What a model takes, in bytes, all devices together. */
struct md_text_memory {
    int64_t model_bytes, context_bytes, compute_bytes;
};

struct md_text_backend {
    const char *name;
    /* Loads, and computes one batch of the largest size. MD_ERR_NOMEM, MD_ERR_INPUT,
     * MD_ERR_NOTFOUND, MD_ERR_EXTERNAL. */
    int (*open)(const struct md_text_params *params, void **ret_model, struct md_failure *failure);
    int (*run)(void *model, const struct md_text_run *run);
    /* Tokens of a text; an upper bound where it cannot be known. */
    int64_t (*count)(void *model, const char *text);
    /* False once a run has failed: do not go on with it, end the process. */
    bool (*is_sound)(const void *model);
    void (*close)(void *model); /* accepts NULL */
};
extern const struct md_text_backend md_text_llama; /* where libllama is */

/* What md_text_llama.open would take, exactly, from the library's own dry run: nothing is read but
 * the header, nothing is allocated. */
int md_text_measure(const struct md_text_params *params, struct md_text_memory *ret_memory,
                    struct md_failure *failure);

#endif
