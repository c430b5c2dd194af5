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

/* How long a server may take, and how often it is asked again. Tries wait twice as long each time,
 * with some jitter from the seed, or as long as the server says. */
struct md_text_patience {
    int64_t connect_us;
    int64_t first_byte_us; /* from the beginning; a whole reply is made before it comes */
    int64_t stall_us;      /* without a byte, once some have come */
    int64_t total_us;      /* of one exchange */
    int64_t retry_us;      /* before the second try */
    int64_t most_retry_us; /* between two tries; a server that wants longer is given up */
    int tries;             /* of one exchange, >= 1 */
    uint64_t seed;
};
extern const struct md_text_patience md_text_patience_default;

/* A model on a server; see endpoint_address.h. */
struct md_text_server {
    const char *url;
    const char *name;                        /* of the model there; NULL: the only one */
    const char *key;                         /* NULL: none */
    const struct md_text_patience *patience; /* NULL: the default */
};

struct md_text_params {
    const char *model_path;              /* a file; or */
    const struct md_text_server *server; /* for md_text_endpoint; borrowed for the call */
    int sequences;                       /* prompts at once, 1 to MD_TEXT_MAX_SEQUENCES */
    int64_t context;                     /* tokens of a prompt and its reply */
    bool small_cache;                    /* q8_0 instead of f16: half the memory of the cache */
    bool half_layers;                    /* half of the model's layers on the GPU at most */
    bool cpu_only;                       /* nothing on a GPU */
    int threads;                         /* >= 1 */
    const struct md_log *log;
    void (*no_memory)(void); /* may be NULL; an allocation failed */
};

/* Borrowed for the call that asks. */
struct md_text_request {
    const char *system, *user; /* UTF-8; user may quote foreign text */
    const char *grammar;       /* GBNF with a rule "root" */
    int max_tokens;            /* of the reply */
    const char *schema;        /* the same form as a JSON schema, for servers; NULL: none */
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
    int64_t host_bytes; /* of their sum, in main memory */
};

/* What the person is told about a model: where it is and what it is run with. NULL, 0: not known.
 */
struct md_text_facts {
    const char *name;   /* as the server calls it; NULL: as its file is called */
    int64_t context;    /* tokens of a prompt and its reply, at most */
    const char *device; /* "CPU", "GPU", "server"; static, as the next */
    const char *cache;  /* "f16", "q8_0" */
    int64_t layers, gpu_layers;
};

struct md_text_backend {
    const char *name;
    /* Loads, and computes one batch of the largest size. MD_ERR_NOMEM, MD_ERR_INPUT,
     * MD_ERR_NOTFOUND, MD_ERR_EXTERNAL. */
    int (*open)(const struct md_text_params *params, void **ret_model, struct md_failure *failure);
    int (*run)(void *model, const struct md_text_run *run);
    /* NULL, or: to be called before the texts for a run are made; finds out what is not known
     * yet. Only cancelled and failure of the run are used. MD_ERR_EXTERNAL, MD_ERR_CANCELLED,
     * MD_ERR_NOMEM. */
    int (*prepare)(void *model, const struct md_text_run *run, struct md_text_facts *ret_facts);
    /* NULL, or: gives back, while nothing runs, what a server on this machine holds for us. Takes
     * two seconds at most. */
    void (*rest)(void *model);
    /* Tokens of a text; an upper bound where it cannot be known. */
    int64_t (*count)(void *model, const char *text);
    /* False once a run has failed: do not go on with it, end the process. */
    bool (*is_sound)(const void *model);
    void (*close)(void *model); /* accepts NULL */
};
extern const struct md_text_backend md_text_llama; /* where libllama is */
/* An OpenAI-compatible endpoint. A run fails with MD_ERR_EXTERNAL once the server does not answer
 * in spite of all tries, and can be tried again later: what was done stays done. The sequences are
 * the exchanges under way at once. */
extern const struct md_text_backend md_text_endpoint;

/* Are the libraries the ones this was built for, and do they load? Writes "ggml 0.27.0, llama
 * 0.7.0; CPU". MD_ERR_UNSUPPORTED, MD_ERR_EXTERNAL. */
int md_text_check(const struct md_log *log, char *text, size_t size, struct md_failure *failure);

/* No model at all: replies by rule, for tests of everything around a real one. The rule is the
 * model; it is not opened. A token is four bytes. Replies of those at once come last first. */
struct md_text_rule {
    /* Text to be freed; NULL: useless. */
    char *(*answer)(void *user, const struct md_text_request *request);
    void *user;
    int64_t fails_at; /* the so-manieth request, from 1, ends the run as a server that is down */
};
extern const struct md_text_backend md_text_fake;

/* What md_text_llama.open would take, exactly, from the library's own dry run: nothing is read but
 * the header, nothing is allocated. */
int md_text_measure(const struct md_text_params *params, struct md_text_memory *ret_memory,
                    struct md_failure *failure);

#endif
