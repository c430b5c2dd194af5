/* libcurl's multi interface, driven by whoever waits: no threads, so a cancel is one look away.
 * Times of an exchange are kept here, not by curl, for it knows no limit of the first byte. */
#include "infer/endpoint_http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

enum { MAX_BODY = 4 << 20, MAX_HEADERS = 256 << 10 };

struct exchange {
    struct exchange *next;
    CURL *easy;
    char *body;
    int64_t began_us, last_byte_us; /* 0: none yet */
    int64_t limit_us;
    size_t header_bytes;
    struct md_http_reply reply;
    void (*done)(void *user, struct md_http_reply *reply);
    void *user;
    char error[CURL_ERROR_SIZE];
};

struct md_http {
    CURLM *multi;
    struct curl_slist *headers; /* with the key */
    struct md_text_patience patience;
    struct exchange *exchanges;
};

/* ---- an exchange ---- */

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct exchange *x = user;
    size_t n = size * count;
    x->last_byte_us = md_clock_monotonic_us();
    if (n > MAX_BODY - x->reply.body.n) {
        x->reply.end = MD_HTTP_TOO_LARGE;
        return 0;
    }
    md_str_append_n(&x->reply.body, bytes, n);
    return md_str_failed(&x->reply.body) ? 0 : n;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *user)
{
    struct exchange *x = user;
    (void)bytes;
    x->last_byte_us = md_clock_monotonic_us();
    x->header_bytes += size * count;
    if (x->header_bytes <= MAX_HEADERS)
        return size * count;
    x->reply.end = MD_HTTP_TOO_LARGE;
    return 0;
}

static void free_exchange(struct md_http *http, struct exchange *x)
{
    for (struct exchange **at = &http->exchanges; *at; at = &(*at)->next) {
        if (*at == x) {
            *at = x->next;
            break;
        }
    }
    if (x->easy) {
        curl_multi_remove_handle(http->multi, x->easy);
        curl_easy_cleanup(x->easy);
    }
    md_str_done(&x->reply.body);
    free(x->body);
    free(x);
}

static bool set_up(struct md_http *http, struct exchange *x, const char *url)
{
    CURL *e = x->easy;
    bool good = curl_easy_setopt(e, CURLOPT_URL, url) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_HTTPHEADER, http->headers) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* no waiting for a name server */
    curl_easy_setopt(e, CURLOPT_USERAGENT, "moviedigest");
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, (void *)x);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, (void *)x);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, (void *)x);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)(http->patience.connect_us / 1000));
    if (x->body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(x->body));
    }
    return good;
}

int md_http_start(struct md_http *http, const struct md_http_request *request)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return MD_ERR_NOMEM;
    x->done = request->done;
    x->user = request->user;
    x->limit_us = request->limit_us > 0 ? request->limit_us : http->patience.total_us;
    x->began_us = md_clock_monotonic_us();
    x->next = http->exchanges;
    http->exchanges = x;
    x->body = request->body ? strdup(request->body) : NULL;
    x->easy = curl_easy_init();
    if ((request->body && !x->body) || !x->easy || !set_up(http, x, request->url) ||
        curl_multi_add_handle(http->multi, x->easy) != CURLM_OK) {
        free_exchange(http, x);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* ---- ends ---- */

static enum md_http_end end_of(const struct exchange *x, CURLcode code)
{
    if (x->reply.end != MD_HTTP_ANSWERED)
        return x->reply.end;
    switch (code) {
    case CURLE_OK:
        return MD_HTTP_ANSWERED;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return MD_HTTP_NO_REACH;
    default:
        return MD_HTTP_BROKEN;
    }
}

/* curl's words are made of addresses and names, not of headers. */
static void put_words(struct exchange *x, CURLcode code)
{
    static const char *const own[] = {
        [MD_HTTP_TIMED_OUT] = "no answer in time", [MD_HTTP_TOO_LARGE] = "an answer of megabytes"};
    enum md_http_end end = x->reply.end;
    const char *words = x->error[0] ? x->error : curl_easy_strerror(code);
    if (end == MD_HTTP_TIMED_OUT || end == MD_HTTP_TOO_LARGE)
        words = own[end];
    md_utf8_sanitize(x->reply.words, sizeof x->reply.words, words, strlen(words));
}

static bool finish(struct md_http *http, struct exchange *x, CURLcode code)
{
    curl_off_t wait_s = 0;
    bool no_memory = code == CURLE_OUT_OF_MEMORY || md_str_failed(&x->reply.body);
    x->reply.end = end_of(x, code);
    put_words(x, code);
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->reply.status);
    curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &wait_s);
    x->reply.retry_after_us = (int64_t)MD_CLAMP(wait_s, 0, 1000000) * MD_SECOND_US;
    if (!no_memory)
        x->done(x->user, &x->reply);
    free_exchange(http, x);
    return !no_memory;
}

static bool is_late(const struct md_http *http, const struct exchange *x, int64_t now_us)
{
    if (now_us - x->began_us > x->limit_us)
        return true;
    if (x->last_byte_us == 0)
        return now_us - x->began_us > http->patience.first_byte_us;
    return now_us - x->last_byte_us > http->patience.stall_us;
}

/* One that is late, or NULL. Calls may start and end others. */
static struct exchange *find_late(const struct md_http *http)
{
    int64_t now_us = md_clock_monotonic_us();
    for (struct exchange *x = http->exchanges; x; x = x->next)
        if (is_late(http, x, now_us))
            return x;
    return NULL;
}

int md_http_wait(struct md_http *http, int64_t most_us)
{
    int running, left;
    if (curl_multi_poll(http->multi, NULL, 0, (int)MD_CLAMP(most_us / 1000, 0, 100), NULL) !=
            CURLM_OK ||
        curl_multi_perform(http->multi, &running) != CURLM_OK)
        return MD_ERR_EXTERNAL;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left));) {
        struct exchange *x = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x) != CURLE_OK ||
            !x)
            continue;
        if (!finish(http, x, code))
            return MD_ERR_NOMEM;
    }
    for (struct exchange *late; (late = find_late(http));) {
        late->reply.end = MD_HTTP_TIMED_OUT;
        if (!finish(http, late, CURLE_OPERATION_TIMEDOUT))
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

void md_http_abandon(struct md_http *http)
{
    while (http->exchanges)
        free_exchange(http, http->exchanges);
}

/* ---- the whole ---- */

static bool add_header(struct md_http *http, const char *text)
{
    struct curl_slist *more = curl_slist_append(http->headers, text);
    if (more)
        http->headers = more;
    return more;
}

static bool add_headers(struct md_http *http, const char *key)
{
    /* Without the last, curl asks before it sends a larger body, and waits for a second. */
    if (!add_header(http, "Content-Type: application/json") ||
        !add_header(http, "Accept: application/json") || !add_header(http, "Expect:"))
        return false;
    if (!key)
        return true;
    struct md_str line = {0};
    md_str_printf(&line, "Authorization: Bearer %s", key);
    bool good = !md_str_failed(&line) && add_header(http, md_str_text(&line));
    if (line.s)
        explicit_bzero(line.s, line.n);
    md_str_done(&line);
    return good;
}

int md_http_open(const char *key, const struct md_text_patience *patience,
                 struct md_http **ret_http, struct md_failure *failure)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return md_fail(failure, MD_ERR_EXTERNAL, "libcurl cannot be set up");
    struct md_http *http = calloc(1, sizeof *http);
    if (http) {
        http->patience = *patience;
        http->multi = curl_multi_init();
    }
    if (!http || !http->multi || !add_headers(http, key)) {
        md_http_close(http);
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    *ret_http = http;
    return MD_OK;
}

void md_http_close(struct md_http *http)
{
    if (!http)
        return;
    md_http_abandon(http);
    curl_multi_cleanup(http->multi);
    for (struct curl_slist *h = http->headers; h; h = h->next)
        explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(http->headers);
    free(http);
    curl_global_cleanup();
}
