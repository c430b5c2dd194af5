#include "server.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/str.h"

enum { MOST_WAITING = 256, HUGE_BYTES = 8 << 20 };

const char *const server_act_names[] = {
    "good",  "fenced",   "silent",    "stall",     "cut",     "close",  "busy", "fail",
    "away",  "nonsense", "html",      "huge",      "prose",   "length", "deny", "missing",
    "moved", "too-long", "no-schema", "no-format", "no-seed", NULL};

struct server {
    struct server_params params;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock; /* of all below */
    struct server_seen seen;
    int at_once;
    char *held; /* params.hold_bytes that are really taken; NULL: not loaded */
    struct MHD_Connection *waiting[MOST_WAITING]; /* suspended */
    size_t waiting_count;
    bool ends;
};

/* One request; its body grows. */
struct talk {
    struct md_str body;
    bool counted;
};

/* Half an answer. */
struct half {
    struct server *server;
    struct MHD_Connection *connection;
    char *text;
    size_t n, sent;
    bool stalls;
};

static void wait_for_ever(struct server *s, struct MHD_Connection *connection)
{
    pthread_mutex_lock(&s->lock);
    if (!s->ends && s->waiting_count < MOST_WAITING) {
        s->waiting[s->waiting_count++] = connection;
        MHD_suspend_connection(connection);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- answers ---- */

static const char *user_text(json_t *root)
{
    json_t *messages = json_object_get(root, "messages");
    const char *text = json_string_value(json_object_get(json_array_get(messages, 1), "content"));
    return text ? text : "";
}

/* By rule: what is told names the scene's number and the first quoted line. */
static char *tell(const char *user)
{
    int number = 0, count = 0;
    char line[61] = "nothing", *text;
    const char *quote = strstr(user, "\n1| ");
    json_t *told;
    if (quote)
        snprintf(line, sizeof line, "%.*s", (int)strcspn(quote + 4, "\n\""), quote + 4);
    if (sscanf(user, "Scene %d of %d", &number, &count) == 2) {
        char title[40], what[160];
        snprintf(title, sizeof title, "Scene %d is told", number);
        snprintf(what, sizeof what, "In scene %d somebody says: %.40s.", number, line);
        told =
            json_pack("{s:s, s:s, s:[], s:s, s:i, s:i}", "title", title, "what", what, "who",
                      "tone", number % 2 ? "tense" : "calm", "importance", number % 11, "line", 1);
    } else if (strncmp(user, "Act:", 4) == 0) {
        const char *bar = strchr(strstr(user, "Scenes:") ? strstr(user, "Scenes:") : user, '|');
        char summary[100];
        snprintf(summary, sizeof summary, "An act is summed up: %.40s.", bar ? bar + 1 : "");
        summary[strcspn(summary, "\n")] = '\0';
        told = json_pack("{s:s, s:i}", "summary", summary, "turning_point", 2);
    } else {
        told = json_pack("{s:s, s:[i], s:[]}", "synopsis", "The whole story in one sentence.",
                         "key_scenes", 1, "people");
    }
    text = json_dumps(told, JSON_COMPACT);
    json_decref(told);
    return text;
}

static char *wrap(const char *content, const char *finish)
{
    json_t *root = json_pack("{s:s, s:[{s:i, s:{s:s, s:s}, s:s}]}", "object", "chat.completion",
                             "choices", "index", 0, "message", "role", "assistant", "content",
                             content, "finish_reason", finish);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static char *good(json_t *root, bool fenced)
{
    char *told = tell(user_text(root)), *text;
    struct md_str content = {0};
    if (fenced)
        md_str_printf(&content, "<think>what {do} they want?</think>Here:\n```json\n%s\n```", told);
    else
        md_str_append(&content, told);
    text = wrap(md_str_text(&content), "stop");
    md_str_done(&content);
    free(told);
    return text;
}

/* Takes the text. */
static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, char *text,
                                 const char *header, const char *value)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    bool html = text[0] == '<';
    MHD_add_response_header(response, "Content-Type", html ? "text/html" : "application/json");
    if (header)
        MHD_add_response_header(response, header, value);
    enum MHD_Result r = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *message, const char *type, const char *param)
{
    json_t *root = json_pack("{s:{s:s, s:s, s:s*}}", "error", "message", message, "type", type,
                             "param", param);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return send_text(connection, status, text, NULL, NULL);
}

static ssize_t read_half(void *user, uint64_t at, char *out, size_t most)
{
    struct half *half = user;
    (void)at;
    if (half->sent >= half->n / 2) {
        if (!half->stalls)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        wait_for_ever(half->server, half->connection);
        return half->server->ends ? MHD_CONTENT_READER_END_WITH_ERROR : 0;
    }
    size_t n = half->n / 2 - half->sent;
    n = n < most ? n : most;
    memcpy(out, half->text + half->sent, n);
    half->sent += n;
    return (ssize_t)n;
}

static void free_half(void *user)
{
    struct half *half = user;
    free(half->text);
    free(half);
}

static enum MHD_Result send_half(struct server *s, struct MHD_Connection *connection, char *text,
                                 bool stalls)
{
    struct half *half = calloc(1, sizeof *half);
    *half = (struct half){
        .server = s, .connection = connection, .text = text, .n = strlen(text), .stalls = stalls};
    struct MHD_Response *response =
        MHD_create_response_from_callback(half->n, 1024, read_half, half, free_half);
    enum MHD_Result r = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return r;
}

static char *huge(void)
{
    char *text = malloc(HUGE_BYTES + 1);
    memset(text, ' ', HUGE_BYTES);
    text[HUGE_BYTES] = '\0';
    return text;
}

static enum MHD_Result act(struct server *s, struct MHD_Connection *connection,
                           enum server_act what, json_t *root)
{
    char wait[24];
    json_t *format = json_object_get(root, "response_format");
    const char *type = json_string_value(json_object_get(format, "type"));
    switch (what) {
    case SERVER_FENCED:
        return send_text(connection, 200, good(root, true), NULL, NULL);
    case SERVER_SILENT:
        wait_for_ever(s, connection);
        return s->ends ? MHD_NO : MHD_YES;
    case SERVER_STALL:
    case SERVER_CUT:
        return send_half(s, connection, good(root, false), what == SERVER_STALL);
    case SERVER_CLOSE:
        return MHD_NO;
    case SERVER_BUSY:
        snprintf(wait, sizeof wait, "%d", s->params.retry_after_s);
        return send_text(connection, 429, strdup("{\"error\":\"too many\"}"), "Retry-After", wait);
    case SERVER_FAIL:
        return refuse(connection, 500, "it broke", "server_error", NULL);
    case SERVER_AWAY:
        return refuse(connection, 503, "loading model", "unavailable_error", NULL);
    case SERVER_NONSENSE:
        return send_text(connection, 200, strdup("{\"choices\":[7]}"), NULL, NULL);
    case SERVER_HTML:
        return send_text(connection, 200, strdup("<html>Welcome to the hotel</html>"), NULL, NULL);
    case SERVER_HUGE:
        return send_text(connection, 200, huge(), NULL, NULL);
    case SERVER_PROSE:
        return send_text(connection, 200, wrap("I would rather not.", "stop"), NULL, NULL);
    case SERVER_LENGTH:
        return send_text(connection, 200, wrap("{\"title\":\"half", "length"), NULL, NULL);
    case SERVER_DENY:
        return refuse(connection, 401, "wrong key", "auth", NULL);
    case SERVER_MISSING:
        return refuse(connection, 404, "no such model", "not_found", NULL);
    case SERVER_MOVED:
        return send_text(connection, 302, strdup("{}"), "Location", "http://192.0.2.1/v1");
    case SERVER_TOO_LONG:
        return refuse(connection, 400, "request (9019 tokens) exceeds the available context size",
                      "exceed_context_size_error", NULL);
    case SERVER_NO_SCHEMA:
        if (type && strcmp(type, "json_schema") == 0)
            return refuse(connection, 400, "unknown type", "invalid_request_error",
                          "response_format");
        break;
    case SERVER_NO_FORMAT:
        if (type)
            return refuse(connection, 400, "what is a response_format?", "invalid_request_error",
                          NULL);
        break;
    case SERVER_NO_SEED:
        if (json_object_get(root, "seed"))
            return refuse(connection, 400, "not known", "invalid_request_error", "seed");
        break;
    default:
        break;
    }
    return send_text(connection, 200, good(root, false), NULL, NULL);
}

/* ---- the rest of the protocol ---- */

static enum MHD_Result list_models(struct server *s, struct MHD_Connection *connection)
{
    static const char *const only[] = {"test-model", NULL};
    static const char *const owners[] = {"somebody", "llamacpp", "vllm", "library"};
    const char *const *names = s->params.models ? s->params.models : only;
    json_t *list = json_array();
    for (; *names; names++) {
        json_t *model = json_pack("{s:s, s:s, s:s}", "id", *names, "object", "model", "owned_by",
                                  owners[s->params.kind]);
        if (s->params.kind == SERVER_LLAMA)
            json_object_set_new(model, "meta", json_pack("{s:i}", "n_ctx", s->params.context));
        if (s->params.kind == SERVER_VLLM)
            json_object_set_new(model, "max_model_len", json_integer(s->params.context));
        json_array_append_new(list, model);
    }
    json_t *root = json_pack("{s:s, s:o}", "object", "list", "data", list);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return send_text(connection, 200, text, NULL, NULL);
}

/* Every page is written to: memory that is only asked for presses nobody. Under the lock. */
static void load_model(struct server *s)
{
    if (s->held || s->params.hold_bytes == 0)
        return;
    void *memory = mmap(NULL, s->params.hold_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    s->held = memory;
    memset(s->held, 1, s->params.hold_bytes);
}

static void unload_model(struct server *s)
{
    if (s->held)
        munmap(s->held, s->params.hold_bytes);
    s->held = NULL;
}

/* Nothing is loaded yet; what its file asks for. */
static enum MHD_Result be_ollama(struct server *s, struct MHD_Connection *connection,
                                 const char *path, json_t *root)
{
    char text[200];
    if (strcmp(path, "/api/ps") == 0)
        return send_text(connection, 200, strdup("{\"models\":[]}"), NULL, NULL);
    if (strcmp(path, "/api/show") == 0) {
        snprintf(text, sizeof text, "{\"parameters\":\"stop \\\"x\\\"\\nnum_ctx   %d\"}",
                 s->params.context);
        return send_text(connection, 200, strdup(text), NULL, NULL);
    }
    json_t *keep = json_object_get(root, "keep_alive");
    pthread_mutex_lock(&s->lock);
    if (strcmp(path, "/api/generate") == 0 && json_is_integer(keep) &&
        json_integer_value(keep) == 0) {
        s->seen.unloads++;
        unload_model(s);
    }
    pthread_mutex_unlock(&s->lock);
    return send_text(connection, 200, strdup("{\"done\":true}"), NULL, NULL);
}

static enum server_act pick(const enum server_act *acts, size_t n, int at)
{
    if (n == 0)
        return SERVER_GOOD;
    return acts[(size_t)at < n ? (size_t)at : n - 1];
}

static bool has_key(struct server *s, struct MHD_Connection *connection)
{
    char wanted[200];
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    snprintf(wanted, sizeof wanted, "Bearer %s", s->params.key ? s->params.key : "");
    return !s->params.key || (given && strcmp(given, wanted) == 0);
}

static enum MHD_Result answer_chat(struct server *s, struct MHD_Connection *connection,
                                   struct talk *talk, json_t *root)
{
    pthread_mutex_lock(&s->lock);
    enum server_act what = pick(s->params.acts, s->params.act_count, s->seen.chats++);
    s->at_once++;
    talk->counted = true;
    load_model(s);
    if (s->at_once > s->seen.most_at_once)
        s->seen.most_at_once = s->at_once;
    free(s->seen.last_chat);
    s->seen.last_chat = strdup(md_str_text(&talk->body));
    pthread_mutex_unlock(&s->lock);
    return act(s, connection, what, root);
}

static enum MHD_Result answer(struct server *s, struct MHD_Connection *connection, const char *path,
                              struct talk *talk)
{
    enum MHD_Result r;
    if (!has_key(s, connection)) {
        pthread_mutex_lock(&s->lock);
        s->seen.refused_keys++;
        pthread_mutex_unlock(&s->lock);
        return refuse(connection, 401, "wrong key", "auth", NULL);
    }
    json_t *root = json_loadb(md_str_text(&talk->body), talk->body.n, 0, NULL);
    if (strcmp(path, "/v1/models") == 0) {
        pthread_mutex_lock(&s->lock);
        enum server_act what = pick(s->params.list_acts, s->params.list_act_count, s->seen.lists++);
        pthread_mutex_unlock(&s->lock);
        r = what == SERVER_GOOD ? list_models(s, connection) : act(s, connection, what, root);
    } else if (strcmp(path, "/v1/chat/completions") == 0) {
        r = answer_chat(s, connection, talk, root);
    } else if (s->params.kind == SERVER_OLLAMA && strncmp(path, "/api/", 5) == 0) {
        r = be_ollama(s, connection, path, root);
    } else {
        r = refuse(connection, 404, "no such path", "not_found", NULL);
    }
    json_decref(root);
    return r;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct talk *talk = *state;
    (void)method;
    (void)version;
    if (!talk) {
        *state = calloc(1, sizeof *talk);
        return MHD_YES;
    }
    if (*size > 0) {
        md_str_append_n(&talk->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return answer(user, connection, url, talk);
}

static void on_end(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct server *s = user;
    struct talk *talk = *state;
    (void)connection;
    (void)why;
    if (!talk)
        return;
    pthread_mutex_lock(&s->lock);
    s->at_once -= talk->counted;
    pthread_mutex_unlock(&s->lock);
    md_str_done(&talk->body);
    free(talk);
    *state = NULL;
}

struct server *server_start(const struct server_params *params)
{
    struct server *s = calloc(1, sizeof *s);
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->params = *params;
    pthread_mutex_init(&s->lock, NULL);
    s->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
                                 NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &loopback,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_END);
    if (s->daemon)
        return s;
    free(s);
    return NULL;
}

int server_port(const struct server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void server_see(struct server *server, struct server_seen *ret_seen)
{
    pthread_mutex_lock(&server->lock);
    *ret_seen = server->seen;
    pthread_mutex_unlock(&server->lock);
}

void server_stop(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->ends = true;
    for (size_t i = 0; i < server->waiting_count; i++)
        MHD_resume_connection(server->waiting[i]);
    pthread_mutex_unlock(&server->lock);
    MHD_stop_daemon(server->daemon);
    unload_model(server);
    pthread_mutex_destroy(&server->lock);
    free(server->seen.last_chat);
    free(server);
}
