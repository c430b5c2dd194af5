/* Where a language model's server is, and the key to it. Knows nothing of HTTP, so that the main
 * program can tell what is wrong before any movie starts. */
#ifndef MD_INFER_ENDPOINT_ADDRESS_H
#define MD_INFER_ENDPOINT_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"

struct md_endpoint_address {
    char *base;  /* "http://127.0.0.1:11434/v1": what "/chat/completions" is appended to */
    char *root;  /* "http://127.0.0.1:11434": the same without "/v1" */
    bool secure; /* https */
    bool local;  /* on this machine: it has its memory from where we have ours */
};

/* Takes "http://host:port", with or without a path; without one "/v1" is added. MD_ERR_INPUT:
 * another scheme, a user or password (they would stand in `ps`), a query, bytes that are no URL's;
 * MD_ERR_NOMEM. */
int md_endpoint_address_parse(const char *url, struct md_endpoint_address *ret_address,
                              struct md_failure *failure);
void md_endpoint_address_done(struct md_endpoint_address *address);

/* A key as it may stand in a header: printable ASCII, no spaces, at most 4096 bytes; the line feed
 * at its end is cut off in place. What is wrong is told without the key. MD_ERR_INPUT. */
int md_endpoint_key_check(char *key, const char *where, struct md_failure *failure);

/* The key in a file, with ssh's manners: a file of ours that others may read is refused. Free with
 * md_endpoint_key_free. MD_ERR_INPUT, MD_ERR_NOTFOUND, MD_ERR_IO, MD_ERR_NOMEM. */
int md_endpoint_key_read(const char *path, char **ret_key, struct md_failure *failure);
/* Wipes it first; accepts NULL. */
void md_endpoint_key_free(char *key);

#endif
