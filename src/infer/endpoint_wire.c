/* Built and read with the JSON library, never by pasting texts together: what is quoted stays a
 * string, whatever stands in it. Servers differ in what they take; a style says what this one has
 * refused so far, and its own error tells which part to leave out. */
#include "infer/endpoint_wire.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"

enum { SEED = 1, MAX_CONTEXT = 1 << 30 };

static void free_json(json_t **json)
{
    json_decref(*json);
}
#define autojson MD_CLEANUP(free_json) json_t

static json_t *parse(const char *body, size_t size)
{
    return json_loadb(body, size, 0, NULL);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- asking ---- */

static json_t *make_form(enum md_wire_form form, const char *schema)
{
    if (form == MD_WIRE_SCHEMA && schema) {
        json_t *parsed = json_loads(schema, 0, NULL);
        if (parsed)
            return json_pack("{s:s, s:{s:s, s:b, s:o}}", "type", "json_schema", "json_schema",
                             "name", "reply", "strict", 1, "schema", parsed);
    }
    return json_pack("{s:s}", "type", "json_object");
}

/* What only some servers know. */
static int add_own(json_t *root, enum md_wire_server server)
{
    int bad = 0;
    /* Room is for the reply, not for thinking aloud before it. */
    if (server == MD_WIRE_LLAMA_SERVER || server == MD_WIRE_VLLM)
        bad |= json_object_set_new(root, "chat_template_kwargs",
                                   json_pack("{s:b}", "enable_thinking", 0));
    /* What was computed for another prompt was summed up in another order. */
    if (server == MD_WIRE_LLAMA_SERVER)
        bad |= json_object_set_new(root, "cache_prompt", json_false());
    return bad;
}

char *md_wire_chat(const char *model, const struct md_wire_style *style,
                   const struct md_text_request *request)
{
    autojson *root = json_pack(
        "{s:s, s:[{s:s, s:s}, {s:s, s:s}], s:b, s:i}", "model", model, "messages", "role", "system",
        "content", request->system, "role", "user", "content", request->user, "stream", 0,
        style->completion_tokens ? "max_completion_tokens" : "max_tokens", request->max_tokens);
    int bad = !root;
    if (root && !style->no_temperature)
        bad |= json_object_set_new(root, "temperature", json_integer(0));
    if (root && !style->no_seed)
        bad |= json_object_set_new(root, "seed", json_integer(SEED));
    if (root && style->form != MD_WIRE_PLAIN)
        bad |=
            json_object_set_new(root, "response_format", make_form(style->form, request->schema));
    if (root)
        bad |= add_own(root, style->server);
    return bad ? NULL : json_dumps(root, JSON_COMPACT);
}

/* ---- answers ---- */

/* Some models think aloud or put fences around what was asked for. */
static char *object_in(const char *text)
{
    static const char thought[] = "</think>";
    for (const char *at; (at = strstr(text, thought));)
        text = at + sizeof thought - 1;
    const char *open = strchr(text, '{'), *close = strrchr(text, '}');
    if (!open || !close || close < open)
        return strdup(text);
    return strndup(open, (size_t)(close - open) + 1);
}

enum md_wire_answer md_wire_read_chat(const char *body, size_t size, char **ret_text)
{
    autojson *root = parse(body, size);
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
    const json_t *content = json_object_get(json_object_get(choice, "message"), "content");
    if (strcmp(text_at(choice, "finish_reason"), "length") == 0)
        return MD_WIRE_CUT;
    /* A string with a NUL in it would end early. */
    if (!json_is_string(content) ||
        strlen(json_string_value(content)) != json_string_length(content))
        return MD_WIRE_NONSENSE;
    char *text = object_in(json_string_value(content));
    if (!text)
        return MD_WIRE_NO_MEMORY;
    *ret_text = text;
    return MD_WIRE_TEXT;
}

static const json_t *error_of(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    return json_is_object(error) ? error : root;
}

void md_wire_error(const char *body, size_t size, char *words, size_t words_size)
{
    autojson *root = parse(body, size);
    const char *text = text_at(error_of(root), "message");
    if (!*text) /* Ollama, vLLM */
        text = *text_at(root, "error") ? text_at(root, "error") : text_at(root, "detail");
    md_utf8_sanitize(words, words_size, text, strlen(text));
}

static bool names(const char *words, const char *param, const char *what)
{
    return strcmp(param, what) == 0 || (!*param && strcasestr(words, what));
}

enum md_wire_refusal md_wire_read_refusal(const char *body, size_t size,
                                          struct md_wire_style *inout_style)
{
    char words[512];
    autojson *root = parse(body, size);
    const json_t *error = error_of(root);
    const char *param = text_at(error, "param");
    md_wire_error(body, size, words, sizeof words);
    if (strstr(text_at(error, "type"), "exceed_context") ||
        strcmp(text_at(error, "code"), "context_length_exceeded") == 0 ||
        strcasestr(words, "context length") || strcasestr(words, "context size"))
        return MD_WIRE_TOO_LONG;
    if (!inout_style->completion_tokens && names(words, param, "max_tokens"))
        inout_style->completion_tokens = true;
    else if (!inout_style->no_temperature && names(words, param, "temperature"))
        inout_style->no_temperature = true;
    else if (!inout_style->no_seed && names(words, param, "seed"))
        inout_style->no_seed = true;
    else if (inout_style->form + 1 < MD_WIRE_FORMS)
        inout_style->form++;
    else
        return MD_WIRE_NEVER;
    return MD_WIRE_OTHERWISE;
}

/* ---- models ---- */

static int64_t context_at(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value > 0 && value <= MAX_CONTEXT ? value : 0;
}

static enum md_wire_server server_of(const json_t *model)
{
    const char *owner = text_at(model, "owned_by");
    if (strcmp(owner, "llamacpp") == 0)
        return MD_WIRE_LLAMA_SERVER;
    if (strcmp(owner, "vllm") == 0)
        return MD_WIRE_VLLM;
    return strcmp(owner, "library") == 0 ? MD_WIRE_OLLAMA : MD_WIRE_UNKNOWN;
}

/* Ollama's names end in a tag, ":latest" when none is said. */
static bool is_called(const char *id, const char *name)
{
    size_t n = strlen(name);
    return strcmp(id, name) == 0 || (strncmp(id, name, n) == 0 && strcmp(id + n, ":latest") == 0);
}

static int not_there(const json_t *list, const char *name, struct md_failure *failure)
{
    const size_t most = 6;
    struct md_str there = {0};
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < most; i++)
        md_str_printf(&there, "%s%.80s", i ? ", " : "", text_at(json_array_get(list, i), "id"));
    if (name)
        md_fail(failure, MD_ERR_NOTFOUND, "the endpoint has no model %.80s; it has %s%s", name,
                n ? md_str_text(&there) : "none", n > most ? ", ..." : "");
    else
        md_fail(failure, MD_ERR_NOTFOUND,
                "the endpoint has %zu models: choose with --llm-name: %s%s", n, md_str_text(&there),
                n > most ? ", ..." : "");
    md_str_done(&there);
    return MD_ERR_NOTFOUND;
}

int md_wire_find_model(const char *body, size_t size, const char *name,
                       struct md_wire_model *ret_model, struct md_failure *failure)
{
    autojson *root = parse(body, size);
    const json_t *list = json_object_get(root, "data"), *found = NULL;
    if (!json_is_array(list))
        return md_fail(failure, MD_ERR_EXTERNAL, "the endpoint's list of models makes no sense");
    for (size_t i = 0; i < json_array_size(list) && !found; i++) {
        const json_t *model = json_array_get(list, i);
        if (name ? is_called(text_at(model, "id"), name) : json_array_size(list) == 1)
            found = model;
    }
    if (!found)
        return not_there(list, name, failure);
    const char *id = text_at(found, "id");
    size_t plain = strcspn(id, "\"\\\x7f\n\r\t\x1b");
    if (!*id || strlen(id) >= sizeof ret_model->name || id[plain])
        return md_fail(failure, MD_ERR_EXTERNAL, "the endpoint's list of models makes no sense");
    *ret_model = (struct md_wire_model){.server = server_of(found)};
    memcpy(ret_model->name, id, strlen(id) + 1);
    ret_model->context = context_at(found, "max_model_len");
    if (ret_model->context == 0)
        ret_model->context = context_at(json_object_get(found, "meta"), "n_ctx");
    return MD_OK;
}

int64_t md_wire_ollama_running(const char *body, size_t size, const char *name)
{
    autojson *root = parse(body, size);
    const json_t *list = json_object_get(root, "models");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *model = json_array_get(list, i);
        if (is_called(text_at(model, "name"), name))
            return context_at(model, "context_length");
    }
    return 0;
}

int64_t md_wire_ollama_asked(const char *body, size_t size)
{
    autojson *root = parse(body, size);
    const char *at = strstr(text_at(root, "parameters"), "num_ctx");
    long long value = at ? strtoll(at + strlen("num_ctx"), NULL, 10) : 0;
    return value > 0 && value <= MAX_CONTEXT ? value : 0;
}

/* ---- tokens ---- */

/* Vocabularies of 30 to 250 thousand tokens make 1.2 to 1.5 of an English word, up to 3 of a word
 * of another language, one of a mark or digit, one to two of an ideograph. */
int64_t md_wire_guess_tokens(const char *text)
{
    int64_t tokens = 0;
    size_t n = strlen(text), length = 0; /* letters of the present word */
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t step = md_char_next(text + i, n - i, &cp);
        enum md_char class = md_char_class(cp);
        i += step;
        if (class == MD_CHAR_LETTER) {
            tokens += length % (cp < 0x80 ? 4 : 2) == 0;
            length++;
            continue;
        }
        length = 0;
        if (class != MD_CHAR_SPACE || cp == '\n')
            tokens += class == MD_CHAR_IDEOGRAPH ? 2 : cp < 0x80 ? 1 : (int64_t)step;
    }
    return tokens;
}
