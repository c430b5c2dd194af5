/* Any bytes as the answers of a language model's server. The backend is the real one; in place of
 * its HTTP is a reader of the input, so that status, end and order of replies are the fuzzer's too:
 *
 *     first byte     how many requests at once, and whether a model is named
 *     then replies   HOW, RETRY, LOW, HIGH, and as many bytes of body
 *
 * HOW below ENDS is an exchange that failed so; else it chooses a status. When nothing is left no
 * server can be reached, so every run ends. Each request is handed over once at most, and each of
 * them when the run went well; whatever failed is told in a sentence without control marks. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "infer/endpoint_http.h"
#include "infer/endpoint_wire.h"
#include "infer/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS = 5, MOST_STARTED = 8, ENDS = MD_HTTP_TOO_LARGE };

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* ---- the server ---- */

static struct input {
    const uint8_t *at;
    size_t left;
} input; /* the backend opens its HTTP itself: there is no other way to hand it over */

struct md_http {
    struct md_http_request started[MOST_STARTED];
    int count;
};

int md_http_open(const char *key, const struct md_text_patience *patience,
                 struct md_http **ret_http, struct md_failure *failure)
{
    (void)key;
    (void)patience;
    (void)failure;
    *ret_http = calloc(1, sizeof **ret_http);
    check(*ret_http != NULL);
    return MD_OK;
}

void md_http_close(struct md_http *http)
{
    free(http);
}

int md_http_start(struct md_http *http, const struct md_http_request *request)
{
    check(request->url && strncmp(request->url, "http://", 7) == 0);
    check(http->count < MOST_STARTED);
    http->started[http->count++] = *request;
    return MD_OK;
}

void md_http_abandon(struct md_http *http)
{
    http->count = 0;
}

static uint8_t take(void)
{
    if (input.left == 0)
        return 0;
    input.left--;
    return *input.at++;
}

static void read_reply(struct md_http_reply *reply)
{
    static const long statuses[] = {200, 200, 200, 400, 401, 404, 408, 413,
                                    422, 429, 500, 501, 503, 302, 204, 0};
    bool none = input.left == 0;
    uint8_t how = take(), retry = take();
    size_t low = take(), high = take(), n = MD_MIN(low | high << 8, input.left);
    *reply = (struct md_http_reply){.end = MD_HTTP_ANSWERED};
    if (none || how < ENDS) {
        reply->end = none ? MD_HTTP_NO_REACH : (enum md_http_end)(how + 1);
        snprintf(reply->words, sizeof reply->words, "it did not work");
        return;
    }
    reply->status = statuses[how % MD_ARRAY_LEN(statuses)];
    reply->retry_after_us = retry;
    md_str_append_n(&reply->body, (const char *)input.at, n);
    input.at += n;
    input.left -= n;
}

/* The backend may start others from done(). */
int md_http_wait(struct md_http *http, int64_t most_us)
{
    struct md_http_request now[MOST_STARTED];
    int count = http->count;
    (void)most_us;
    memcpy(now, http->started, sizeof now);
    http->count = 0;
    for (int i = 0; i < count; i++) {
        struct md_http_reply reply;
        read_reply(&reply);
        now[i].done(now[i].user, &reply);
        md_str_done(&reply.body);
    }
    return MD_OK;
}

/* ---- a run ---- */

static int done[REQUESTS];

static int read_request(void *user, size_t index, struct md_text_request *ret_request)
{
    (void)user;
    check(index < REQUESTS);
    *ret_request = (struct md_text_request){.system = "Answer in JSON.",
                                            .user = "What happens?",
                                            .schema = "{\"type\":\"object\"}",
                                            .max_tokens = 100};
    return MD_OK;
}

static int take_reply(void *user, size_t index, const char *text)
{
    (void)user;
    check(index < REQUESTS && done[index] == 0);
    done[index]++;
    if (text)
        check(strlen(text) < 65536);
    return MD_OK;
}

static void check_words(const struct md_failure *failure)
{
    check(failure->message[0] != '\0');
    for (const char *c = failure->message; *c; c++)
        check((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void try_backend(void)
{
    const struct md_text_patience patience = {.tries = 3, .most_retry_us = 2, .seed = 1};
    uint8_t shape = take();
    const struct md_text_server server = {
        .url = "http://127.0.0.1:1/v1", .name = shape & 0x80 ? "m" : NULL, .patience = &patience};
    const struct md_text_params params = {.server = &server, .sequences = 1 + shape % 4};
    struct md_failure failure = {0};
    struct md_text_facts facts = {0};
    void *model = NULL;
    memset(done, 0, sizeof done);
    check(md_text_endpoint.open(&params, &model, &failure) == MD_OK);
    const struct md_text_run run = {
        .count = REQUESTS, .read = read_request, .done = take_reply, .failure = &failure};
    int r = md_text_endpoint.prepare(model, &run, &facts);
    if (r == MD_OK) {
        check(facts.name && *facts.name && facts.context >= 0);
        r = md_text_endpoint.run(model, &run);
        for (int i = 0; i < REQUESTS && r == MD_OK; i++)
            check(done[i] == 1);
        md_text_endpoint.rest(model);
    }
    if (r < 0)
        check_words(&failure);
    md_text_endpoint.close(model);
}

/* ---- each kind of body ---- */

static void try_bodies(const char *body, size_t size)
{
    struct md_wire_style style = {0};
    struct md_wire_model model;
    struct md_failure failure = {0};
    char words[64], *text = NULL;
    if (md_wire_read_chat(body, size, &text) == MD_WIRE_TEXT)
        check(text != NULL);
    free(text);
    md_wire_error(body, size, words, sizeof words);
    check(strlen(words) < sizeof words && !strchr(words, '\n'));
    for (int i = 0; md_wire_read_refusal(body, size, &style) == MD_WIRE_OTHERWISE; i++)
        check(i < 8 && style.form < MD_WIRE_FORMS);
    if (md_wire_find_model(body, size, NULL, &model, &failure) == MD_OK)
        check(model.name[0] && model.context >= 0);
    else
        check(failure.message[0] != '\0');
    check(md_wire_ollama_running(body, size, "m") >= 0 && md_wire_ollama_asked(body, size) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_bodies((const char *)data, size);
    input = (struct input){data, size};
    try_backend();
    return 0;
}
