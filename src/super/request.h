/* What a command asks of the instance that runs a queue: one line of JSON.
 *
 *   {"command": "add", "movies": [{"uri": "file:///shelf/film.mkv", "out": "file:///digests/film",
 *                                  "options": "length=5min\n", "named": true}]}
 *   {"command": "remove", "ids": [3], "uris": ["file:///shelf/film.mkv"]}    also "retry"
 *   {"command": "retry", "failed": true}
 *   {"command": "clear", "done": true, "failed": true, "all": true}
 *   {"command": "list"}    also "status", "pause", "resume", "stop",
 *                                                "memory"
 *
 * Paths are bytes and JSON is text, hence file URIs: they are exact, and any program can write
 * them.
 */
#ifndef MD_SUPER_REQUEST_H
#define MD_SUPER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/vec.h"

enum md_request_command {
    MD_REQUEST_ADD,
    MD_REQUEST_LIST,
    MD_REQUEST_REMOVE,
    MD_REQUEST_RETRY,
    MD_REQUEST_CLEAR,
    MD_REQUEST_STATUS,
    MD_REQUEST_PAUSE,
    MD_REQUEST_RESUME,
    MD_REQUEST_STOP,
    MD_REQUEST_MEMORY,
};
enum { MD_REQUEST_COMMANDS = MD_REQUEST_MEMORY + 1 };
extern const char *const md_request_names[]; /* "add", ...; ended by NULL */

/* The longest line, its end not counted. */
enum { MD_REQUEST_MAX_BYTES = 1 << 20 };

struct md_request_movie {
    char *path, *out_dir; /* absolute; owned */
    char *options;        /* of md_options_differences; owned */
    bool named;
};

struct md_request {
    enum md_request_command command;
    struct MD_VEC(struct md_request_movie) movies; /* ADD */
    struct MD_VEC(int64_t) ids;                    /* REMOVE, RETRY */
    struct MD_VEC(char *) paths;                   /* REMOVE, RETRY; absolute; owned */
    bool done, failed, all;                        /* RETRY: failed; CLEAR */
};

/* Any bytes may come. MD_ERR_INPUT: not such a line; the message says what is wrong. MD_ERR_NOMEM.
 */
int md_request_parse(const char *line, size_t n, struct md_request *ret_request,
                     struct md_failure *failure);
/* Appends the line, without its end. */
void md_request_format(const struct md_request *request, struct md_str *out);
void md_request_done(struct md_request *request);

/* "file:///a%20b" for an absolute path, any bytes. */
void md_uri_append(struct md_str *out, const char *path);
/* The path of such a URI; NULL when it is none or holds a NUL. Caller frees. */
char *md_uri_path(const char *uri);

#endif
