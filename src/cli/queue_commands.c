/* A command makes a request and shows the reply. Whether somebody runs the queue only decides who
 * answers: that instance over its control socket, or this program itself while it holds the lock.
 */
#include "cli/queue_commands.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/args.h"
#include "cli/board.h"
#include "cli/help.h"
#include "cli/place.h"
#include "cli/run_internal.h"
#include "cli/scan.h"
#include "cli/screen.h"
#include "cli/service.h"
#include "super/control.h"

static int usage_error(const char *message)
{
    fprintf(stderr, "moviedigest: %s\n", message);
    return MD_EXIT_USAGE;
}

/* --- asking --- */

static int answer_self(struct md_place *place, const struct md_request *request, char **ret_reply,
                       struct md_failure *failure)
{
    md_autostr reply = {0};
    const struct md_service service = {.queue = place->queue, .path = place->path};
    md_service_answer(&service, request, &reply);
    md_place_close(place);
    *ret_reply = md_str_take(&reply);
    return *ret_reply ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "out of memory");
}

/* An instance may end, or begin, between one look and the next: then both are looked at again. */
static int ask(const char *path, const struct md_request *request, char **ret_reply,
               struct md_failure *failure)
{
    const int64_t patience_us = 10 * MD_SECOND_US, answer_us = 30 * MD_SECOND_US;
    const struct timespec moment = {.tv_nsec = 20000000};
    int64_t until_us = md_clock_monotonic_us() + patience_us;
    md_autostr line = {0};
    md_request_format(request, &line);
    if (md_str_failed(&line))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    for (;;) {
        struct md_place place;
        struct md_queue_holder holder;
        int r = md_place_open(&place, path, &holder, failure);
        if (r == MD_OK)
            return answer_self(&place, request, ret_reply, failure);
        if (r != MD_ERR_BUSY || !holder.socket[0])
            return r;
        r = md_control_ask(holder.socket, &line, answer_us, ret_reply, failure);
        if (r != MD_ERR_NOTFOUND || md_clock_monotonic_us() >= until_us)
            return r;
        nanosleep(&moment, NULL);
    }
}

/* The reply as JSON; NULL with *failure. */
static json_t *ask_json(const char *path, const struct md_request *request,
                        struct md_failure *failure)
{
    md_autofree char *reply = NULL;
    if (ask(path, request, &reply, failure) < 0)
        return NULL;
    json_t *root = json_loads(reply, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        root = NULL;
        md_fail(failure, MD_ERR_INPUT, "the running moviedigest answered with nonsense");
    }
    return root;
}

/* --- what is wanted --- */

static bool is_number(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!isdigit((unsigned char)*p))
            return false;
    return *text && strlen(text) < 19;
}

static int name_movies(const struct md_args *args, struct md_request *request,
                       struct md_failure *failure)
{
    for (size_t i = 0; i < args->paths.n; i++) {
        const char *word = args->paths.v[i];
        const char *digits = word[0] == '#' ? word + 1 : word;
        int r;
        if (is_number(digits)) {
            r = md_vec_push(&request->ids, (int64_t)strtoll(digits, NULL, 10));
        } else {
            char *path = md_scan_absolute(word);
            r = path ? md_vec_push(&request->paths, path) : MD_ERR_NOMEM;
            if (r < 0)
                free(path);
        }
        if (r < 0)
            return md_fail(failure, r, "out of memory");
    }
    return MD_OK;
}

/* Into folders of their own, as a run would. */
static int take_candidate(const struct md_candidate *candidate, const char *options,
                          struct md_request *request, struct md_failure *failure)
{
    int r = md_scan_claim(candidate, failure);
    if (r < 0)
        return r;
    struct md_request_movie movie = {.path = md_scan_absolute(candidate->path),
                                     .out_dir = md_scan_absolute(candidate->out_dir),
                                     .options = strdup(options),
                                     .named = candidate->named};
    if (movie.path && movie.out_dir && movie.options &&
        md_vec_push(&request->movies, movie) == MD_OK)
        return MD_OK;
    free(movie.path);
    free(movie.out_dir);
    free(movie.options);
    return md_fail(failure, MD_ERR_NOMEM, "out of memory");
}

/* Adds the second reply's movies to the first one; takes both over. */
static json_t *merge(json_t *all, json_t *more)
{
    if (!all)
        return more;
    json_array_extend(json_object_get(all, "movies"), json_object_get(more, "movies"));
    if (!json_is_true(json_object_get(more, "ok"))) {
        json_object_set(all, "ok", json_false());
        json_object_set(all, "error", json_object_get(more, "error"));
    }
    json_decref(more);
    return all;
}

/* A request has a largest size, a shelf of movies has not. */
static json_t *add_scan(const char *path, const struct md_scan *scan, const char *options,
                        struct md_failure *failure)
{
    enum { AT_ONCE = 20 };
    json_t *all = NULL;
    for (size_t i = 0; i < scan->movies.n;) {
        struct md_request request = {.command = MD_REQUEST_ADD};
        int r = MD_OK;
        for (int n = 0; r == MD_OK && n < AT_ONCE && i < scan->movies.n; n++, i++)
            r = take_candidate(&scan->movies.v[i], options, &request, failure);
        json_t *reply = r == MD_OK ? ask_json(path, &request, failure) : NULL;
        md_request_done(&request);
        if (!reply) {
            json_decref(all);
            return NULL;
        }
        all = merge(all, reply);
    }
    return all;
}

/* --- showing --- */

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static void append_eta(struct md_str *out, const json_t *object)
{
    char text[24];
    double s = number_of(object, "eta_s");
    if (s >= 0)
        md_str_printf(out, "  ETA %s", md_format_time(text, (int64_t)(s * 1e6)));
}

static const char *wait_text(const char *name)
{
    static const char *const texts[MD_WAITS] = {
        [MD_WAIT_WORKER] = "waiting for the model, which another movie uses",
        [MD_WAIT_TURN] = "waiting for its turn",
        [MD_WAIT_MODEL] = "waiting for the turn of its model: there is no room for two",
        [MD_WAIT_RETRY] = "waiting a moment to try again",
        [MD_WAIT_RESUME] = "paused",
    };
    for (int i = 0; i < MD_WAITS; i++)
        if (texts[i] && strcmp(name, md_wait_names[i]) == 0)
            return texts[i];
    return "waiting for memory";
}

static void append_movie(struct md_str *out, const json_t *movie)
{
    enum { NAME_CELLS = 40 };
    const char *stage = string_of(movie, "stage"), *path = string_of(movie, "path");
    double progress = number_of(movie, "progress");
    char id[24];
    snprintf(id, sizeof id, "#%lld", (long long)json_integer_value(json_object_get(movie, "id")));
    md_str_printf(out, "%-5s %-9s  ", id, string_of(movie, "state"));
    md_text_fit(out, md_path_base(path), NAME_CELLS, false);
    if (*stage)
        md_str_printf(out, "  %s", stage);
    if (*string_of(movie, "waiting_for"))
        md_str_printf(out, ", %s", wait_text(string_of(movie, "waiting_for")));
    else if (progress >= 0)
        md_str_printf(out, " %.0f %%", progress * 100);
    append_eta(out, movie);
    const json_t *failure = json_object_get(movie, "failure");
    if (failure)
        md_str_printf(out, "  %s", string_of(failure, "message"));
    while (out->n && out->s[out->n - 1] == ' ')
        out->s[--out->n] = '\0';
    md_str_append_char(out, '\n');
}

static void append_gb(struct md_str *out, const char *what, double bytes)
{
    if (bytes >= 0)
        md_str_printf(out, "%s %.1f GB", what, bytes / 1e9);
}

static void append_memory(struct md_str *out, const json_t *memory)
{
    double total = number_of(memory, "total_bytes");
    md_str_append(out, "Memory");
    append_gb(out, " used", number_of(memory, "used_bytes"));
    append_gb(out, " of", total);
    append_gb(out, ", promised to stages", number_of(memory, "leased_bytes"));
    if (*string_of(memory, "level"))
        md_str_printf(out, ", pressure %s", string_of(memory, "level"));
    md_str_append_char(out, '\n');
}

static void append_state(struct md_str *out, const json_t *reply)
{
    const json_t *paused = json_object_get(reply, "paused");
    if (!json_is_true(json_object_get(reply, "running"))) {
        md_str_printf(out, "No moviedigest is running on the queue %s.\n",
                      string_of(reply, "queue"));
        return;
    }
    md_str_printf(out, "moviedigest (pid %lld) is running on the queue %s",
                  (long long)json_integer_value(json_object_get(reply, "pid")),
                  string_of(reply, "queue"));
    if (json_is_true(json_object_get(paused, "by_user")))
        md_str_append(out, "; paused by you (moviedigest resume)");
    if (json_is_true(json_object_get(paused, "by_memory")))
        md_str_append(out, "; paused by memory pressure until there is room");
    if (json_is_true(json_object_get(reply, "stopping")))
        md_str_append(out, "; stopping once what runs is finished");
    md_str_append(out, ".\n");
    append_memory(out, json_object_get(reply, "memory"));
}

static void append_counts(struct md_str *out, const json_t *reply)
{
    const json_t *counts = json_object_get(reply, "counts");
    for (int state = 0; state < MD_JOB_CANCELLED; state++)
        md_str_printf(out, "%s%.0f %s", state ? ", " : "",
                      number_of(counts, md_job_state_names[state]), md_job_state_names[state]);
    append_eta(out, reply);
    md_str_append_char(out, '\n');
}

static void append_reply(struct md_str *out, enum md_request_command command, const json_t *reply)
{
    size_t i;
    const json_t *movie, *movies = json_object_get(reply, "movies");
    if (command == MD_REQUEST_STATUS)
        append_state(out, reply);
    json_array_foreach(movies, i, movie)
    {
        /* What is done is history, and may be long. */
        if (command == MD_REQUEST_STATUS && strcmp(string_of(movie, "state"), "done") == 0)
            continue;
        append_movie(out, movie);
    }
    if (command == MD_REQUEST_STATUS)
        append_counts(out, reply);
    else if (command == MD_REQUEST_REMOVE || command == MD_REQUEST_CLEAR)
        md_str_printf(out, "%zu taken out of the queue\n", json_array_size(movies));
    else if (command == MD_REQUEST_RETRY)
        md_str_printf(out, "%zu queued again\n", json_array_size(movies));
    else if (command == MD_REQUEST_LIST && json_array_size(movies) == 0)
        md_str_append(out, "The queue is empty: moviedigest queue add PATH...\n");
    if (*string_of(reply, "note"))
        md_str_printf(out, "%s\n", string_of(reply, "note"));
}

static int show(const struct md_args *args, enum md_request_command command, const json_t *reply)
{
    md_autostr out = {0};
    bool good = json_is_true(json_object_get(reply, "ok"));
    if (args->options.json) {
        md_autofree char *line = json_dumps(reply, JSON_COMPACT | JSON_SORT_KEYS);
        md_str_printf(&out, "%s\n", line ? line : "");
    } else {
        append_reply(&out, command, reply);
        if (!good)
            fprintf(stderr, "moviedigest: %s\n", string_of(reply, "error"));
    }
    bool written = fputs(md_str_text(&out), stdout) >= 0 && fflush(stdout) == 0;
    return good && written ? MD_EXIT_DONE : MD_EXIT_FAILED;
}

/* --- the commands --- */

static json_t *add(const char *path, const struct md_args *args, int *ret_status,
                   struct md_failure *failure)
{
    struct md_scan scan;
    unsigned ignored;
    md_autostr options = {0};
    if (!args->options.output)
        md_fail(failure, MD_ERR_INPUT, "option output cannot be empty");
    else if (args->paths.n == 0)
        md_fail(failure, MD_ERR_INPUT, "name a movie or a folder: moviedigest queue add PATH...");
    else
        md_run_parse_stages(args->options.stages, &ignored, failure);
    if (failure->code < 0)
        return NULL;
    if (md_scan_paths(args->paths.v, args->paths.n, args->options.output, &scan) < 0) {
        md_fail(failure, MD_ERR_NOMEM, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < scan.errors.n; i++) {
        fprintf(stderr, "moviedigest: %s\n", scan.errors.v[i].failure.message);
        *ret_status = MD_EXIT_FAILED;
    }
    md_options_differences(&args->options, &options);
    json_t *reply = NULL;
    if (scan.movies.n == 0)
        md_fail(failure, MD_ERR_INPUT, "no movie was found");
    else
        reply = add_scan(path, &scan, md_str_text(&options), failure);
    md_scan_done(&scan);
    return reply;
}

static int check(enum md_request_command command, const struct md_args *args,
                 struct md_failure *failure)
{
    size_t n = args->paths.n;
    if (command == MD_REQUEST_REMOVE && n == 0)
        return md_fail(failure, MD_ERR_INPUT, "name what is to be removed: its number or its path");
    if (command == MD_REQUEST_RETRY && n == 0 && !args->options.failed)
        return md_fail(failure, MD_ERR_INPUT,
                       "name what is to be done again, its number or its path, or say --failed");
    if (command != MD_REQUEST_REMOVE && command != MD_REQUEST_RETRY && n > 0)
        return md_fail(failure, MD_ERR_INPUT, "%s takes no \"%s\"", md_request_names[command],
                       args->paths.v[0]);
    return MD_OK;
}

static json_t *others(const char *path, enum md_request_command command, const struct md_args *args,
                      struct md_failure *failure)
{
    struct md_request request = {.command = command};
    if (command == MD_REQUEST_RETRY || command == MD_REQUEST_CLEAR)
        request.failed = args->options.failed;
    if (command == MD_REQUEST_CLEAR) {
        request.done = args->options.done;
        request.all = args->options.all;
    }
    json_t *reply = NULL;
    if (name_movies(args, &request, failure) == MD_OK)
        reply = ask_json(path, &request, failure);
    md_request_done(&request);
    return reply;
}

static int carry_out(enum md_request_command command, const struct md_args *args)
{
    struct md_failure failure = {0};
    int status = MD_EXIT_DONE;
    md_autofree char *path = md_place_path(&args->options, getenv);
    if (!path)
        return usage_error("there is no home folder to keep the queue in: name a file with "
                           "--queue FILE");
    if (command != MD_REQUEST_ADD && check(command, args, &failure) < 0)
        return usage_error(failure.message);
    json_t *reply = command == MD_REQUEST_ADD ? add(path, args, &status, &failure)
                                              : others(path, command, args, &failure);
    if (!reply)
        return usage_error(failure.message);
    int shown = show(args, command, reply);
    json_decref(reply);
    return MD_MAX(status, shown);
}

int md_queue_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct md_args args;
    struct md_failure failure = {0};
    const char *space = strchr(self->name, ' ');
    const char *word = space ? space + 1 : self->name;
    int command = 0;
    while (strcmp(md_request_names[command], word) != 0)
        command++;
    if (md_args_parse(&args, argc, argv, getenv, &failure) < 0)
        return usage_error(failure.message);
    int status = MD_EXIT_DONE;
    if (args.help) {
        md_autostr text = {0};
        md_help_command(&text, self, md_screen_columns(STDOUT_FILENO));
        fputs(md_str_text(&text), stdout);
    } else {
        status = carry_out((enum md_request_command)command, &args);
    }
    md_args_done(&args);
    return status;
}
