/* What is said to a language model's server and what it says: JSON texts, no network. Everything
 * that comes back is foreign bytes. */
#ifndef MD_INFER_ENDPOINT_WIRE_H
#define MD_INFER_ENDPOINT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "infer/text.h"

enum md_wire_server {
    MD_WIRE_UNKNOWN, /* anything that speaks the protocol */
    MD_WIRE_LLAMA_SERVER,
    MD_WIRE_VLLM,
    MD_WIRE_OLLAMA,
};

/* How the form of a reply is asked for; each is for servers that do not know the one before. */
enum md_wire_form { MD_WIRE_SCHEMA, MD_WIRE_OBJECT, MD_WIRE_PLAIN, MD_WIRE_FORMS };

/* What a server has turned out to take; zero is the best of all worlds. */
struct md_wire_style {
    enum md_wire_server server;
    enum md_wire_form form;
    bool completion_tokens; /* "max_completion_tokens" instead of "max_tokens" */
    bool no_temperature, no_seed;
};

/* The body of a request to /chat/completions; NULL: no memory, or texts that are not UTF-8. */
char *md_wire_chat(const char *model, const struct md_wire_style *style,
                   const struct md_text_request *request);

enum md_wire_answer {
    MD_WIRE_TEXT,     /* *ret_text is the JSON object in the reply, or all of it; caller frees */
    MD_WIRE_CUT,      /* it did not end within the tokens allowed */
    MD_WIRE_NONSENSE, /* no answer of such a server */
    MD_WIRE_NO_MEMORY,
};
enum md_wire_answer md_wire_read_chat(const char *body, size_t size, char **ret_text);

/* What a refusal of status 400 and the like means. */
enum md_wire_refusal {
    MD_WIRE_TOO_LONG,  /* the prompt does not fit */
    MD_WIRE_OTHERWISE, /* the style was changed: ask again so */
    MD_WIRE_NEVER,     /* nothing is left to change */
};
enum md_wire_refusal md_wire_read_refusal(const char *body, size_t size,
                                          struct md_wire_style *inout_style);

/* The server's words about what went wrong, on one line; "" when there are none. */
void md_wire_error(const char *body, size_t size, char *words, size_t words_size);

struct md_wire_model {
    char name[256];
    enum md_wire_server server;
    int64_t context; /* 0: it does not say */
};

/* Looks for a model in the answer to /models: by name, or, when name is NULL, the only one.
 * MD_ERR_NOTFOUND with a sentence that names what is there; MD_ERR_EXTERNAL: no such list. */
int md_wire_find_model(const char *body, size_t size, const char *name,
                       struct md_wire_model *ret_model, struct md_failure *failure);

/* Ollama: the context of a loaded model from /api/ps, or the one its file asks for from /api/show;
 * 0: not told. */
int64_t md_wire_ollama_running(const char *body, size_t size, const char *name);
int64_t md_wire_ollama_asked(const char *body, size_t size);

/* A guess at the tokens of a text that is rather too high: vocabularies differ. */
int64_t md_wire_guess_tokens(const char *text);

#endif
