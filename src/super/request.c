/* One function per kind of member; what a command does not take is refused rather than passed over:
 * a misspelt "failed" must not clear everything. */
#include "super/request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const char *const md_request_names[] = {"add",   "list",   "remove", "retry",  "clear", "status",
                                        "pause", "resume", "stop",   "memory", NULL};

#define FILE_URI "file://"

void md_uri_append(struct md_str *out, const char *path)
{
    md_str_append(out, FILE_URI);
    md_str_append_uri_path(out, path);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *md_uri_path(const char *uri)
{
    const size_t skip = strlen(FILE_URI);
    if (strncmp(uri, FILE_URI, skip) != 0 || uri[skip] != '/')
        return NULL;
    char *path = strdup(uri + skip), *out = path;
    for (const char *in = path; path && *in; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || high * 16 + low == 0) {
            free(path);
            return NULL;
        }
        *out++ = (char)(high * 16 + low);
        in += 2;
    }
    if (path)
        *out = '\0';
    return path;
}

/* --- reading --- */

static int refuse(struct md_failure *failure, const char *what)
{
    return md_fail(failure, MD_ERR_INPUT, "the request cannot be used: %s", what);
}

static int read_path(const json_t *value, char **ret, struct md_failure *failure)
{
    const char *uri = json_string_value(value);
    char *path = uri ? md_uri_path(uri) : NULL;
    if (!path)
        return refuse(failure, "a path is not a file URI");
    *ret = path;
    return MD_OK;
}

static int read_movie(const json_t *value, struct md_request_movie *movie,
                      struct md_failure *failure)
{
    const char *options = json_string_value(json_object_get(value, "options"));
    const json_t *named = json_object_get(value, "named");
    if (!json_is_object(value) || !options || !json_is_boolean(named) ||
        json_object_size(value) != 4)
        return refuse(failure, "a movie has uri, out, options and named");
    int r = read_path(json_object_get(value, "uri"), &movie->path, failure);
    if (r == MD_OK)
        r = read_path(json_object_get(value, "out"), &movie->out_dir, failure);
    movie->options = strdup(options);
    movie->named = json_is_true(named);
    return r == MD_OK && !movie->options ? md_fail(failure, MD_ERR_NOMEM, "out of memory") : r;
}

static int read_movies(const json_t *value, struct md_request *request, struct md_failure *failure)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(value))
        return refuse(failure, "movies are a list");
    json_array_foreach(value, i, one)
    {
        struct md_request_movie movie = {0};
        int r = read_movie(one, &movie, failure);
        if (r == MD_OK && md_vec_push(&request->movies, movie) == MD_OK)
            continue;
        free(movie.path);
        free(movie.out_dir);
        free(movie.options);
        return r < 0 ? r : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    return MD_OK;
}

static int read_ids(const json_t *value, struct md_request *request, struct md_failure *failure)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(value))
        return refuse(failure, "ids are a list");
    json_array_foreach(value, i, one)
    {
        if (!json_is_integer(one) || json_integer_value(one) < 1)
            return refuse(failure, "an id is a positive number");
        if (md_vec_push(&request->ids, (int64_t)json_integer_value(one)) < 0)
            return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    return MD_OK;
}

static int read_paths(const json_t *value, struct md_request *request, struct md_failure *failure)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(value))
        return refuse(failure, "uris are a list");
    json_array_foreach(value, i, one)
    {
        char *path = NULL;
        int r = read_path(one, &path, failure);
        if (r == MD_OK && md_vec_push(&request->paths, path) == MD_OK)
            continue;
        free(path);
        return r < 0 ? r : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    return MD_OK;
}

static int read_flag(const json_t *value, bool *ret, struct md_failure *failure)
{
    if (!json_is_boolean(value))
        return refuse(failure, "done, failed and all are true or false");
    *ret = json_is_true(value);
    return MD_OK;
}

#define TAKEN_BY(name) (1u << MD_REQUEST_##name)

static int read_member(const char *key, const json_t *value, struct md_request *request,
                       struct md_failure *failure)
{
    unsigned by = 1u << request->command;
    if (strcmp(key, "command") == 0)
        return MD_OK;
    if (strcmp(key, "movies") == 0 && by & TAKEN_BY(ADD))
        return read_movies(value, request, failure);
    if (strcmp(key, "ids") == 0 && by & (TAKEN_BY(REMOVE) | TAKEN_BY(RETRY)))
        return read_ids(value, request, failure);
    if (strcmp(key, "uris") == 0 && by & (TAKEN_BY(REMOVE) | TAKEN_BY(RETRY)))
        return read_paths(value, request, failure);
    if (strcmp(key, "failed") == 0 && by & (TAKEN_BY(RETRY) | TAKEN_BY(CLEAR)))
        return read_flag(value, &request->failed, failure);
    if (strcmp(key, "done") == 0 && by & TAKEN_BY(CLEAR))
        return read_flag(value, &request->done, failure);
    if (strcmp(key, "all") == 0 && by & TAKEN_BY(CLEAR))
        return read_flag(value, &request->all, failure);
    return md_fail(failure, MD_ERR_INPUT, "the request cannot be used: %s takes no \"%s\"",
                   md_request_names[request->command], key);
}

static int read_request(json_t *root, struct md_request *request, struct md_failure *failure)
{
    const char *name = json_string_value(json_object_get(root, "command"));
    int command = 0;
    while (name && md_request_names[command] && strcmp(name, md_request_names[command]) != 0)
        command++;
    if (!name || !md_request_names[command])
        return refuse(failure, "it names no command that there is");
    request->command = (enum md_request_command)command;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        int r = read_member(key, value, request, failure);
        if (r < 0)
            return r;
    }
    return MD_OK;
}

int md_request_parse(const char *line, size_t n, struct md_request *ret_request,
                     struct md_failure *failure)
{
    if (n > MD_REQUEST_MAX_BYTES)
        return refuse(failure, "it is too long");
    json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        return refuse(failure, "it is not JSON");
    struct md_request request = {0};
    int r = read_request(root, &request, failure);
    json_decref(root);
    if (r < 0)
        md_request_done(&request);
    else
        *ret_request = request;
    return r;
}

void md_request_done(struct md_request *request)
{
    for (size_t i = 0; i < request->movies.n; i++) {
        free(request->movies.v[i].path);
        free(request->movies.v[i].out_dir);
        free(request->movies.v[i].options);
    }
    for (size_t i = 0; i < request->paths.n; i++)
        free(request->paths.v[i]);
    md_vec_done(&request->movies);
    md_vec_done(&request->ids);
    md_vec_done(&request->paths);
}

/* --- writing --- */

static json_t *uri_value(const char *path)
{
    md_autostr uri = {0};
    md_uri_append(&uri, path);
    return json_string(md_str_text(&uri));
}

static void add_lists(json_t *root, const struct md_request *request)
{
    json_t *movies = json_array(), *ids = json_array(), *uris = json_array();
    for (size_t i = 0; i < request->movies.n; i++) {
        const struct md_request_movie *movie = &request->movies.v[i];
        json_array_append_new(movies,
                              json_pack("{s:o, s:o, s:s, s:b}", "uri", uri_value(movie->path),
                                        "out", uri_value(movie->out_dir), "options", movie->options,
                                        "named", movie->named));
    }
    for (size_t i = 0; i < request->ids.n; i++)
        json_array_append_new(ids, json_integer(request->ids.v[i]));
    for (size_t i = 0; i < request->paths.n; i++)
        json_array_append_new(uris, uri_value(request->paths.v[i]));
    if (request->movies.n)
        json_object_set(root, "movies", movies);
    if (request->ids.n)
        json_object_set(root, "ids", ids);
    if (request->paths.n)
        json_object_set(root, "uris", uris);
    json_decref(movies);
    json_decref(ids);
    json_decref(uris);
}

void md_request_format(const struct md_request *request, struct md_str *out)
{
    json_t *root = json_pack("{s:s}", "command", md_request_names[request->command]);
    add_lists(root, request);
    if (request->done)
        json_object_set_new(root, "done", json_true());
    if (request->failed)
        json_object_set_new(root, "failed", json_true());
    if (request->all)
        json_object_set_new(root, "all", json_true());
    md_autofree char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (text)
        md_str_append(out, text);
    else
        out->failed = true;
}
