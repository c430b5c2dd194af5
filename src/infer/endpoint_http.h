/* HTTP as the endpoint needs it: several exchanges at once, each bounded in time and size. One
 * thread. Redirects are not followed, certificates are verified, proxies are what curl's own
 * environment variables say. */
#ifndef MD_INFER_ENDPOINT_HTTP_H
#define MD_INFER_ENDPOINT_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "infer/text.h"

struct md_http;

/* How an exchange ended. */
enum md_http_end {
    MD_HTTP_ANSWERED,  /* status and body are whole */
    MD_HTTP_NO_REACH,  /* no connection: no such host, refused, no trust in the certificate */
    MD_HTTP_BROKEN,    /* it ended in the middle, or it is not HTTP */
    MD_HTTP_TIMED_OUT, /* no first byte, no more bytes, or not whole in time */
    MD_HTTP_TOO_LARGE,
};

struct md_http_reply {
    enum md_http_end end;
    long status;
    int64_t retry_after_us; /* 0: the server does not say */
    struct md_str body;
    char words[200]; /* why there is none, for people; never holds the key */
};

/* Many may be under way; done is called from md_http_wait, once for each. */
struct md_http_request {
    const char *url;
    const char *body; /* JSON, for POST; NULL: GET. Copied */
    int64_t limit_us; /* of the whole exchange; 0: as patience says */
    void (*done)(void *user, struct md_http_reply *reply); /* reply borrowed for the call */
    void *user;
};

/* key: NULL none; copied. MD_ERR_NOMEM, MD_ERR_EXTERNAL. */
int md_http_open(const char *key, const struct md_text_patience *patience,
                 struct md_http **ret_http, struct md_failure *failure);
/* Gives up what is under way without a call. Accepts NULL. */
void md_http_close(struct md_http *http);

/* MD_ERR_NOMEM. */
int md_http_start(struct md_http *http, const struct md_http_request *request);
/* Waits for something to happen, at most so long. MD_ERR_NOMEM, MD_ERR_EXTERNAL. */
int md_http_wait(struct md_http *http, int64_t most_us);
/* Gives up what is under way, without calls. */
void md_http_abandon(struct md_http *http);

#endif
