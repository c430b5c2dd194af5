/* A language model's server that behaves, or misbehaves as it is told. On the loopback, at a port
 * of the kernel's choice, in threads of its own. Its good answers have the form of our prompts and
 * depend on nothing but the prompt. */
#ifndef MD_TESTS_INFER_SERVER_H
#define MD_TESTS_INFER_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum server_act {
    SERVER_GOOD,
    SERVER_FENCED,    /* good, after a thought and between fences */
    SERVER_SILENT,    /* takes the request and never answers */
    SERVER_STALL,     /* half an answer, then nothing */
    SERVER_CUT,       /* half an answer, then the end */
    SERVER_CLOSE,     /* ends at once */
    SERVER_BUSY,      /* 429 with Retry-After */
    SERVER_FAIL,      /* 500 */
    SERVER_AWAY,      /* 503 */
    SERVER_NONSENSE,  /* JSON that is no answer */
    SERVER_HTML,      /* 200, a page */
    SERVER_HUGE,      /* megabytes */
    SERVER_PROSE,     /* an answer without the object that was asked for */
    SERVER_LENGTH,    /* an answer that did not end */
    SERVER_DENY,      /* 401 */
    SERVER_MISSING,   /* 404 */
    SERVER_MOVED,     /* 302 to another host */
    SERVER_TOO_LONG,  /* 400: does not fit the context */
    SERVER_NO_SCHEMA, /* 400 when a schema is asked for, else good */
    SERVER_NO_FORMAT, /* 400 when any form is asked for, else good */
    SERVER_NO_SEED,   /* 400 that names the parameter, else good */
    SERVER_ACTS
};
extern const char *const server_act_names[]; /* "good", ... NULL-ended */

enum server_kind { SERVER_PLAIN, SERVER_LLAMA, SERVER_VLLM, SERVER_OLLAMA };

struct server_params {
    enum server_kind kind;
    const enum server_act *acts;      /* of requests to /chat/completions, in the order they come */
    size_t act_count;                 /* the last is for all that follow; 0: good */
    const enum server_act *list_acts; /* of requests to /models: good, silent, close, fail, deny */
    size_t list_act_count;
    int context; /* told where the kind tells one; 0: not told */
    int retry_after_s;
    size_t
        hold_bytes;  /* an Ollama's model: taken with the first chat, given back on keep_alive 0 */
    const char *key; /* NULL: none is wanted */
    const char *const *models; /* NULL-ended; NULL: one called "test-model" */
};

struct server;

struct server_seen {
    int chats, lists, unloads;
    int most_at_once; /* chats */
    int refused_keys;
    char *last_chat; /* body; borrowed until the next one comes */
};

struct server *server_start(const struct server_params *params);
int server_port(const struct server *server);
void server_see(struct server *server, struct server_seen *ret_seen);
void server_stop(struct server *server);

#endif
