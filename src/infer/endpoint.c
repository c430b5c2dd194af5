/* A server's model behind the interface of a local one. Exchanges are independent, so a try that
 * failed is simply made again; what tells a server that is down from one that dislikes a prompt is
 * whether it has answered others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "infer/endpoint_address.h"
#include "infer/endpoint_http.h"
#include "infer/endpoint_wire.h"
#include "infer/text.h"

const struct md_text_patience md_text_patience_default = {
    .connect_us = 10 * MD_SECOND_US,
    .first_byte_us = 300 * MD_SECOND_US, /* a small machine, a model to load first */
    .stall_us = 30 * MD_SECOND_US,
    .total_us = 600 * MD_SECOND_US,
    .retry_us = MD_SECOND_US,
    .most_retry_us = 60 * MD_SECOND_US,
    .tries = 5,
    .seed = 1,
};

enum { MOST_LATE = 2 }; /* tries of an exchange that takes too long each time */
static const int64_t poll_us = MD_SECOND_US / 10;
static const int64_t rest_us = 2 * MD_SECOND_US;

/* One request, from the first try to its end. */
struct slot {
    struct model *model;
    bool used, under_way;
    size_t index;
    char *system, *user, *schema;
    int max_tokens;
    struct md_wire_style style;
    int tries, late;
    int64_t due_us; /* of the next try */
    /* What done() left: */
    bool answered, useless;
    char *text;
};

struct model {
    struct md_http *http;
    struct md_endpoint_address address;
    struct md_text_patience patience;
    const struct md_log *log;
    char *wanted;               /* NULL: the only one */
    struct md_wire_model found; /* name "": not known yet */
    struct md_wire_style style; /* what has worked so far */
    uint64_t random;
    int64_t not_before_us; /* a server that is busy is busy for all */
    int sequences;
    int64_t answers;
    struct md_failure trouble; /* why the run cannot go on; code 0: it can */
    struct slot slots[MD_TEXT_MAX_SEQUENCES];
};

static int no_memory(struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOMEM, "out of memory");
}

/* ---- tries ---- */

static bool is_passing(const struct md_http_reply *reply)
{
    return reply->end != MD_HTTP_ANSWERED || reply->status == 408 || reply->status == 425 ||
           reply->status == 429 || (reply->status >= 500 && reply->status != 501);
}

/* Half to all of the time, so that several do not knock in step (xorshift64). */
static int64_t jitter(struct model *model, int64_t us)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return us / 2 + (int64_t)(model->random % 1024) * (us / 2) / 1024;
}

/* How long to wait after so many tries; < 0: longer than there is patience for. */
static int64_t wait_after(struct model *model, int tries, const struct md_http_reply *reply)
{
    const int most_doublings = 20;
    int64_t us = model->patience.retry_us << MD_MIN(tries - 1, most_doublings);
    us = jitter(model, MD_MIN(us, model->patience.most_retry_us));
    if (reply->retry_after_us > model->patience.most_retry_us)
        return -1;
    return MD_MAX(us, reply->retry_after_us);
}

static void describe(const struct md_http_reply *reply, char *out, size_t size)
{
    char words[200];
    if (reply->end != MD_HTTP_ANSWERED) {
        snprintf(out, size, "%s", reply->words);
        return;
    }
    md_wire_error(md_str_text(&reply->body), reply->body.n, words, sizeof words);
    snprintf(out, size, "status %ld%s%s", reply->status, *words ? ": " : "", words);
}

static void give_up(struct model *model, const char *what, const struct md_http_reply *reply)
{
    char words[260];
    describe(reply, words, sizeof words);
    if (model->trouble.code == 0)
        md_fail(&model->trouble, MD_ERR_EXTERNAL, "the language model at %.120s %s (%s)",
                model->address.base, what, words);
}

/* A status that no other try changes, for any request. */
static const char *verdict(long status)
{
    if (status >= 300 && status < 400)
        return "has moved; name its new address";
    if (status == 401 || status == 403)
        return "does not take the key: MOVIEDIGEST_LLM_KEY or --llm-key-file";
    if (status == 404 || status == 405 || status == 410)
        return "is not there";
    return "refuses";
}

/* ---- requests ---- */

static void clear_slot(struct slot *slot)
{
    free(slot->system);
    free(slot->user);
    free(slot->schema);
    free(slot->text);
    *slot = (struct slot){0};
}

static void try_again(struct slot *slot, const struct md_http_reply *reply)
{
    struct model *model = slot->model;
    bool late = reply->end == MD_HTTP_TIMED_OUT;
    int64_t wait_us = wait_after(model, slot->tries, reply);
    slot->late += late;
    if (slot->tries < model->patience.tries && slot->late < MOST_LATE && wait_us >= 0) {
        slot->due_us = md_clock_monotonic_us() + wait_us;
        if (reply->end == MD_HTTP_ANSWERED && (reply->status == 429 || reply->status == 503))
            model->not_before_us = MD_MAX(model->not_before_us, slot->due_us);
        return;
    }
    /* This one prompt is its trouble? */
    bool alone =
        late || (reply->end == MD_HTTP_ANSWERED && (reply->status == 500 || reply->status == 200));
    if (alone && model->answers > 0)
        slot->useless = true;
    else
        give_up(model, "does not answer", reply);
}

static void on_refusal(struct slot *slot, const struct md_http_reply *reply)
{
    switch (md_wire_read_refusal(md_str_text(&reply->body), reply->body.n, &slot->style)) {
    case MD_WIRE_OTHERWISE:
        slot->tries--; /* it was no failure */
        slot->due_us = 0;
        break;
    case MD_WIRE_TOO_LONG:
        slot->useless = true;
        break;
    case MD_WIRE_NEVER:
        if (slot->model->answers > 0)
            slot->useless = true;
        else
            give_up(slot->model, "refuses", reply);
        break;
    }
}

static void on_text(struct slot *slot, struct md_http_reply *reply)
{
    struct model *model = slot->model;
    switch (md_wire_read_chat(md_str_text(&reply->body), reply->body.n, &slot->text)) {
    case MD_WIRE_TEXT:
        slot->answered = true;
        break;
    case MD_WIRE_CUT:
        slot->useless = true;
        break;
    case MD_WIRE_NONSENSE:
        snprintf(reply->words, sizeof reply->words, "it says what makes no sense");
        try_again(slot, reply);
        return;
    case MD_WIRE_NO_MEMORY:
        no_memory(&model->trouble);
        return;
    }
    model->answers++;
    model->style = slot->style;
}

static void on_reply(void *user, struct md_http_reply *reply)
{
    struct slot *slot = user;
    slot->under_way = false;
    if (reply->end == MD_HTTP_TOO_LARGE || (reply->end == MD_HTTP_ANSWERED && reply->status == 413))
        slot->useless = true;
    else if (is_passing(reply))
        try_again(slot, reply);
    else if (reply->status >= 200 && reply->status < 300)
        on_text(slot, reply);
    else if (reply->status == 400 || reply->status == 422 || reply->status == 501)
        on_refusal(slot, reply);
    else
        give_up(slot->model, verdict(reply->status), reply);
}

static int begin_try(struct model *model, struct slot *slot)
{
    const struct md_text_request request = {.system = slot->system,
                                            .user = slot->user,
                                            .schema = slot->schema,
                                            .max_tokens = slot->max_tokens};
    md_autostr url = {0};
    md_autofree char *body = md_wire_chat(model->found.name, &slot->style, &request);
    md_str_printf(&url, "%s/chat/completions", model->address.base);
    if (!body || md_str_failed(&url))
        return MD_ERR_NOMEM;
    const struct md_http_request http = {
        .url = md_str_text(&url), .body = body, .done = on_reply, .user = slot};
    slot->tries++;
    slot->under_way = true;
    return md_http_start(model->http, &http);
}

static int fill_slot(struct model *model, struct slot *slot, const struct md_text_run *run,
                     size_t index)
{
    struct md_text_request request = {0};
    int r = run->read(run->user, index, &request);
    if (r < 0)
        return r;
    *slot = (struct slot){.model = model, .used = true, .index = index, .style = model->style};
    slot->system = strdup(request.system);
    slot->user = strdup(request.user);
    slot->schema = request.schema ? strdup(request.schema) : NULL;
    slot->max_tokens = request.max_tokens;
    if (!slot->system || !slot->user || (request.schema && !slot->schema))
        return no_memory(run->failure);
    return MD_OK;
}

/* Hands over what is done and takes the next. */
static int turn(struct model *model, struct slot *slot, const struct md_text_run *run,
                size_t *inout_next)
{
    int r = MD_OK;
    if (slot->used && (slot->answered || slot->useless)) {
        r = run->done(run->user, slot->index, slot->answered ? slot->text : NULL);
        clear_slot(slot);
    }
    if (r == MD_OK && !slot->used && *inout_next < run->count)
        r = fill_slot(model, slot, run, (*inout_next)++);
    int64_t due_us = MD_MAX(slot->due_us, slot->tries > 0 ? model->not_before_us : 0);
    if (r == MD_OK && slot->used && !slot->under_way && md_clock_monotonic_us() >= due_us &&
        begin_try(model, slot) < 0)
        r = no_memory(run->failure);
    return r;
}

/* It cannot go on; what came meanwhile is not lost. */
static int end_run(struct model *model, const struct md_text_run *run)
{
    for (int i = 0; i < model->sequences; i++) {
        struct slot *slot = &model->slots[i];
        int r = slot->answered ? run->done(run->user, slot->index, slot->text) : MD_OK;
        if (r < 0)
            return r;
    }
    if (run->failure)
        *run->failure = model->trouble;
    return model->trouble.code;
}

static int run_all(struct model *model, const struct md_text_run *run)
{
    size_t next = 0;
    int at_once = run->at_once > 0 ? MD_MIN(run->at_once, model->sequences) : model->sequences;
    for (;;) {
        bool busy = false;
        for (int i = 0; i < at_once; i++) {
            int r = turn(model, &model->slots[i], run, &next);
            if (r < 0)
                return r;
            busy |= model->slots[i].used;
        }
        if (!busy)
            return MD_OK;
        if (md_http_wait(model->http, poll_us) < 0)
            return no_memory(run->failure);
        if (run->cancelled && run->cancelled(run->user))
            return md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
        if (model->trouble.code != 0)
            return end_run(model, run);
    }
}

static int endpoint_run(void *opaque, const struct md_text_run *run)
{
    struct model *model = opaque;
    if (!model->found.name[0])
        return md_fail(run->failure, MD_ERR_BUG, "an endpoint that was not looked at");
    model->trouble = (struct md_failure){0};
    int r = run_all(model, run);
    md_http_abandon(model->http);
    for (int i = 0; i < model->sequences; i++)
        clear_slot(&model->slots[i]);
    return r;
}

/* ---- looking at the server ---- */

struct fetch {
    bool done;
    struct md_http_reply reply; /* its body is ours */
};

static void on_fetched(void *user, struct md_http_reply *reply)
{
    struct fetch *fetch = user;
    fetch->done = true;
    fetch->reply = *reply;
    reply->body = (struct md_str){0};
}

static int wait_until(struct model *model, const struct md_text_run *run, const bool *done,
                      int64_t until_us)
{
    while (done ? !*done : md_clock_monotonic_us() < until_us) {
        if (md_http_wait(model->http, MD_MIN(poll_us, until_us - md_clock_monotonic_us())) < 0)
            return no_memory(run->failure);
        if (run->cancelled && run->cancelled(run->user))
            return md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
    }
    return MD_OK;
}

/* One exchange, done when this returns. */
static int fetch_once(struct model *model, const struct md_text_run *run, const char *path,
                      const char *body, int64_t limit_us, struct fetch *fetch)
{
    md_autostr url = {0};
    md_str_append(&url, path);
    md_str_done(&fetch->reply.body);
    *fetch = (struct fetch){0};
    const struct md_http_request request = {.url = md_str_text(&url),
                                            .body = body,
                                            .limit_us = limit_us,
                                            .done = on_fetched,
                                            .user = fetch};
    if (md_str_failed(&url) || md_http_start(model->http, &request) < 0)
        return no_memory(run->failure);
    int r = wait_until(model, run, &fetch->done, INT64_MAX);
    md_http_abandon(model->http);
    return r;
}

static int fetch_models(struct model *model, const struct md_text_run *run, struct fetch *fetch)
{
    md_autostr url = {0};
    md_str_printf(&url, "%s/models", model->address.base);
    for (int tries = 1;; tries++) {
        int r = md_str_failed(&url) ? no_memory(run->failure)
                                    : fetch_once(model, run, md_str_text(&url), NULL, 0, fetch);
        if (r < 0)
            return r;
        if (fetch->reply.end == MD_HTTP_TOO_LARGE || !is_passing(&fetch->reply))
            return MD_OK;
        int64_t wait_us = wait_after(model, tries, &fetch->reply);
        if (tries >= model->patience.tries || wait_us < 0)
            return MD_OK;
        r = wait_until(model, run, NULL, md_clock_monotonic_us() + wait_us);
        if (r < 0)
            return r;
    }
}

/* What of Ollama's context is really there is known to Ollama alone. */
static int ask_ollama(struct model *model, const struct md_text_run *run)
{
    struct fetch fetch = {0};
    md_autostr show = {0};
    md_autostr ps = {0};
    md_autostr body = {0};
    int64_t context = 0;
    md_str_printf(&show, "%s/api/show", model->address.root);
    md_str_printf(&ps, "%s/api/ps", model->address.root);
    md_str_printf(&body, "{\"model\":\"%s\"}", model->found.name);
    if (md_str_failed(&show) || md_str_failed(&ps) || md_str_failed(&body))
        return no_memory(run->failure);
    int r = fetch_once(model, run, md_str_text(&ps), NULL, rest_us, &fetch);
    if (r == MD_OK && fetch.reply.status == 200)
        context = md_wire_ollama_running(md_str_text(&fetch.reply.body), fetch.reply.body.n,
                                         model->found.name);
    if (r == MD_OK && context == 0)
        r = fetch_once(model, run, md_str_text(&show), md_str_text(&body), rest_us, &fetch);
    if (r == MD_OK && context == 0 && fetch.reply.status == 200)
        context = md_wire_ollama_asked(md_str_text(&fetch.reply.body), fetch.reply.body.n);
    md_str_done(&fetch.reply.body);
    model->found.context = context;
    return r;
}

/* The list of models, or why there is none. */
static int read_models(struct model *model, const struct md_http_reply *reply,
                       struct md_failure *failure)
{
    bool whole = reply->end == MD_HTTP_ANSWERED;
    if (whole && reply->status == 200)
        return md_wire_find_model(md_str_text(&reply->body), reply->body.n, model->wanted,
                                  &model->found, failure);
    /* Some gateways have no list. */
    if (whole && (reply->status == 404 || reply->status == 405) && model->wanted &&
        strlen(model->wanted) < sizeof model->found.name) {
        snprintf(model->found.name, sizeof model->found.name, "%s", model->wanted);
        return MD_OK;
    }
    model->trouble = (struct md_failure){0};
    give_up(model, is_passing(reply) ? "does not answer" : verdict(reply->status), reply);
    if (failure)
        *failure = model->trouble;
    return MD_ERR_EXTERNAL;
}

static int endpoint_prepare(void *opaque, const struct md_text_run *run,
                            struct md_text_facts *ret_facts)
{
    struct model *model = opaque;
    struct fetch fetch = {0};
    int r = MD_OK;
    if (!model->found.name[0]) {
        r = fetch_models(model, run, &fetch);
        if (r == MD_OK)
            r = read_models(model, &fetch.reply, run->failure);
        if (r == MD_OK && model->found.server == MD_WIRE_OLLAMA)
            r = ask_ollama(model, run);
        model->style.server = model->found.server;
        if (r == MD_ERR_NOTFOUND || r == MD_ERR_INPUT)
            r = MD_ERR_EXTERNAL;
        if (r < 0)
            model->found = (struct md_wire_model){0};
        else
            md_log(model->log, MD_LOG_INFO, "endpoint", "%s at %s, context %lld%s",
                   model->found.name, model->address.base, (long long)model->found.context,
                   model->found.context ? "" : " (not told)");
    }
    md_str_done(&fetch.reply.body);
    /* llama-server calls a model as its file. */
    const char *name = model->found.name;
    const char *base = *name == '/' ? md_path_base(name) : name;
    *ret_facts = (struct md_text_facts){
        .name = *base ? base : name, .context = model->found.context, .device = "server"};
    return r;
}

/* ---- the backend ---- */

static void endpoint_close(void *opaque)
{
    struct model *model = opaque;
    if (!model)
        return;
    md_http_close(model->http);
    for (int i = 0; i < model->sequences; i++)
        clear_slot(&model->slots[i]);
    md_endpoint_address_done(&model->address);
    free(model->wanted);
    free(model);
}

static int endpoint_open(const struct md_text_params *params, void **ret_model,
                         struct md_failure *failure)
{
    const struct md_text_server *server = params->server;
    if (!server || params->sequences < 1 || params->sequences > MD_TEXT_MAX_SEQUENCES)
        return md_fail(failure, MD_ERR_BUG, "an endpoint without an address");
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return no_memory(failure);
    model->patience = server->patience ? *server->patience : md_text_patience_default;
    model->random = model->patience.seed * 2 + 1;
    model->sequences = params->sequences;
    model->log = params->log;
    int r = md_endpoint_address_parse(server->url, &model->address, failure);
    model->wanted = server->name ? strdup(server->name) : NULL;
    if (r == MD_OK && server->name && !model->wanted)
        r = no_memory(failure);
    if (r == MD_OK && server->key && !model->address.secure && !model->address.local)
        md_log(params->log, MD_LOG_WARNING, "endpoint",
               "the key is sent to %s in the clear: use https", model->address.base);
    if (r == MD_OK)
        r = md_http_open(server->key, &model->patience, &model->http, failure);
    if (r < 0)
        endpoint_close(model);
    else
        *ret_model = model;
    return r;
}

static int64_t endpoint_count(void *opaque, const char *text)
{
    (void)opaque;
    return md_wire_guess_tokens(text);
}

static bool endpoint_is_sound(const void *opaque)
{
    (void)opaque;
    return true;
}

/* Ollama keeps a model loaded for minutes after its last use. */
static void endpoint_rest(void *opaque)
{
    struct model *model = opaque;
    struct fetch fetch = {0};
    const struct md_text_run run = {0};
    md_autostr url = {0};
    md_autostr body = {0};
    if (model->found.server != MD_WIRE_OLLAMA || !model->address.local)
        return;
    md_str_printf(&url, "%s/api/generate", model->address.root);
    md_str_printf(&body, "{\"model\":\"%s\",\"keep_alive\":0}", model->found.name);
    if (!md_str_failed(&body) &&
        fetch_once(model, &run, md_str_text(&url), md_str_text(&body), rest_us, &fetch) == MD_OK)
        md_log(model->log, MD_LOG_INFO, "endpoint", "%s was asked to unload %s",
               model->address.base, model->found.name);
    md_str_done(&fetch.reply.body);
}

const struct md_text_backend md_text_endpoint = {
    .name = "endpoint",
    .open = endpoint_open,
    .run = endpoint_run,
    .prepare = endpoint_prepare,
    .rest = endpoint_rest,
    .count = endpoint_count,
    .is_sound = endpoint_is_sound,
    .close = endpoint_close,
};
