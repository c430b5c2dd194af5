/* Every command is: which jobs, what to do to each, and a list of those it was done to. A job that
 * cannot be dealt with does not keep the others from it; the first reason is the reply's error. */
#include "cli/service.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/options.h"

const char *const md_wait_names[MD_WAITS] = {
    [MD_WAIT_NOTHING] = "",      [MD_WAIT_MEMORY] = "memory", [MD_WAIT_WORKER] = "worker",
    [MD_WAIT_TURN] = "turn",     [MD_WAIT_MODEL] = "model",   [MD_WAIT_RETRY] = "retry",
    [MD_WAIT_RESUME] = "resume",
};

enum { ALL = (1u << MD_JOB_STATES) - 1 };

struct answer {
    const struct md_service *service;
    json_t *reply, *movies;
    struct md_failure failure; /* the first; code 0 none */
};

static void note_failure(struct answer *a, const struct md_failure *failure)
{
    if (!a->failure.code)
        a->failure = *failure;
}

static json_t *text(const char *bytes)
{
    md_autofree char *clean = malloc(strlen(bytes) * 3 + 1);
    if (!clean)
        return json_null();
    md_utf8_sanitize(clean, strlen(bytes) * 3 + 1, bytes, strlen(bytes));
    return json_string(clean);
}

static json_t *uri(const char *path)
{
    md_autostr out = {0};
    md_uri_append(&out, path);
    return json_string(md_str_text(&out));
}

static json_t *seconds(int64_t us)
{
    return us < 0 ? json_null() : json_real((double)us / 1e6);
}

static json_t *bytes(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

/* "name=value" lines as an object. */
static json_t *options_of(const struct md_queue_job *job)
{
    struct md_options options;
    json_t *out = json_object();
    if (md_options_init(&options) < 0)
        return out;
    if (md_options_apply_differences(&options, job->options, NULL) == MD_OK) {
        for (const char *line = job->options; *line; line += strcspn(line, "\n") + 1) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)MD_MIN(strcspn(line, "="), sizeof name - 1),
                     line);
            const struct md_option *o = md_option_find(name);
            md_autofree char *value = o ? md_options_get(&options, o) : NULL;
            if (value)
                json_object_set_new(out, name, text(value));
        }
    }
    md_options_done(&options);
    return out;
}

static void add_progress(json_t *out, int stage, int64_t done_us, int64_t total_us)
{
    if (stage < 0)
        return;
    json_object_set_new(out, "stage", json_string(md_stage_names[stage]));
    if (total_us > 0)
        json_object_set_new(
            out, "progress",
            json_real((double)(int)(1000.0 * (double)MD_MIN(done_us, total_us) / (double)total_us) /
                      1000));
}

static void add_live(const struct md_service *service, json_t *out, const struct md_queue_job *job)
{
    struct md_live_movie live;
    if (!service->live || !service->live->movie(service->live->user, job->id, &live)) {
        add_progress(out, job->state == MD_JOB_QUEUED ? job->stage : -1, job->done_us,
                     job->total_us);
        return;
    }
    add_progress(out, live.stage, live.done_us, live.total_us);
    json_object_set_new(out, "attempt", json_integer(live.attempt));
    json_object_set_new(out, "waiting_for",
                        live.waits_for == MD_WAIT_NOTHING
                            ? json_null()
                            : json_string(md_wait_names[live.waits_for]));
    json_object_set_new(out, "eta_s", seconds(live.eta_us));
}

static json_t *describe(const struct md_service *service, const struct md_queue_job *job)
{
    json_t *out =
        json_pack("{s:I, s:s, s:o, s:o, s:o, s:b, s:o}", "id", (json_int_t)job->id, "state",
                  md_job_state_names[job->state], "path", text(job->path), "uri", uri(job->path),
                  "out", uri(job->out_dir), "named", job->named, "options", options_of(job));
    if (!out)
        return json_null();
    if (job->failure.code)
        json_object_set_new(out, "failure",
                            json_pack("{s:s, s:s, s:s}", "code", md_error_name(job->failure.code),
                                      "stage", job->failure.stage, "message",
                                      job->failure.message));
    if (job->state == MD_JOB_QUEUED || job->state == MD_JOB_RUNNING)
        add_live(service, out, job);
    return out;
}

/* The job as it is now. */
static void list_id(struct answer *a, int64_t id)
{
    struct md_queue_job job;
    if (md_queue_get(a->service->queue, id, &job, NULL) < 0)
        return;
    json_array_append_new(a->movies, describe(a->service, &job));
    md_queue_job_done(&job);
}

/* --- commands --- */

static void join_run(struct answer *a, int64_t id)
{
    const struct md_live *live = a->service->live;
    struct md_queue_job job;
    if (!live || md_queue_get(a->service->queue, id, &job, NULL) < 0)
        return;
    int r = job.state == MD_JOB_QUEUED ? live->join(live->user, &job) : MD_OK;
    if (r == MD_ERR_CANCELLED)
        json_object_set_new(a->reply, "note",
                            json_string("the running moviedigest is ending; the next run does it"));
    else if (r < 0)
        md_fail(&a->failure, r, "it could not join the run: %s", md_error_text(r));
    md_queue_job_done(&job);
}

static void add(struct answer *a, const struct md_request *request)
{
    struct md_failure failure;
    struct MD_VEC(struct md_queue_job) jobs = {0};
    int r = md_vec_reserve(&jobs, request->movies.n + 1);
    for (size_t i = 0; r == MD_OK && i < request->movies.n; i++) {
        const struct md_request_movie *movie = &request->movies.v[i];
        struct md_options options;
        r = md_options_init(&options);
        if (r == MD_OK)
            r = md_options_apply_differences(&options, movie->options, &a->failure);
        md_options_done(&options);
        jobs.v[jobs.n++] = (struct md_queue_job){.path = movie->path,
                                                 .out_dir = movie->out_dir,
                                                 .work_dir = md_path_join(movie->out_dir, "work"),
                                                 .options = movie->options,
                                                 .named = movie->named};
        if (!jobs.v[jobs.n - 1].work_dir)
            r = MD_ERR_NOMEM;
    }
    if (r == MD_OK && (r = md_queue_add(a->service->queue, jobs.v, jobs.n, &failure)) < 0)
        note_failure(a, &failure);
    if (r < 0 && !a->failure.code)
        md_fail(&a->failure, r, "the movies could not be added: %s", md_error_text(r));
    for (size_t i = 0; i < jobs.n; i++) {
        if (r == MD_OK) {
            join_run(a, jobs.v[i].id);
            list_id(a, jobs.v[i].id);
        }
        free(jobs.v[i].work_dir);
    }
    md_vec_done(&jobs);
}

static void remove_job(struct answer *a, const struct md_queue_job *job)
{
    struct md_queue *queue = a->service->queue;
    const struct md_live *live = a->service->live;
    struct md_failure failure;
    struct md_live_movie ignored;
    int r;
    json_array_append_new(a->movies, describe(a->service, job));
    if (live && live->movie(live->user, job->id, &ignored)) {
        /* Written down first: should we be killed now, it does not come back. */
        r = md_queue_set_state(queue, job->id, MD_JOB_CANCELLED, NULL, &failure);
        if (!live->leave(live->user, job->id))
            r = md_queue_remove(queue, job->id, &failure);
    } else {
        r = md_queue_remove(queue, job->id, &failure);
        if (live)
            live->leave(live->user, job->id);
    }
    if (r < 0 && r != MD_ERR_NOTFOUND)
        note_failure(a, &failure);
}

static void retry_job(struct answer *a, const struct md_queue_job *job)
{
    struct md_failure failure;
    int r = md_queue_retry(a->service->queue, job->id, &failure);
    if (r == MD_ERR_NOTFOUND)
        md_fail(&failure, MD_ERR_INPUT, "movie %lld is %s: there is nothing to retry",
                (long long)job->id, md_job_state_names[job->state]);
    if (r < 0) {
        note_failure(a, &failure);
        return;
    }
    join_run(a, job->id);
    list_id(a, job->id);
}

static void for_states(struct answer *a, unsigned states,
                       void (*act)(struct answer *a, const struct md_queue_job *job))
{
    struct md_queue_jobs jobs = {0};
    struct md_failure failure;
    if (md_queue_list(a->service->queue, states, &jobs, &failure) < 0)
        note_failure(a, &failure);
    for (size_t i = 0; i < jobs.n; i++)
        act(a, &jobs.v[i]);
    md_queue_jobs_done(&jobs);
}

/* A path may be there more than once, with several outputs: all of them are meant. */
static void for_path(struct answer *a, const char *path,
                     void (*act)(struct answer *a, const struct md_queue_job *job))
{
    struct md_queue_jobs jobs = {0};
    struct md_failure failure;
    bool found = false;
    if (md_queue_list(a->service->queue, ALL, &jobs, &failure) < 0)
        note_failure(a, &failure);
    for (size_t i = 0; i < jobs.n; i++) {
        if (strcmp(jobs.v[i].path, path) == 0) {
            act(a, &jobs.v[i]);
            found = true;
        }
    }
    md_queue_jobs_done(&jobs);
    md_fail(&failure, MD_ERR_NOTFOUND, "%s is not in the queue", path);
    if (!found)
        note_failure(a, &failure);
}

static void for_named(struct answer *a, const struct md_request *request,
                      void (*act)(struct answer *a, const struct md_queue_job *job))
{
    for (size_t i = 0; i < request->ids.n; i++) {
        struct md_queue_job job;
        struct md_failure failure;
        if (md_queue_get(a->service->queue, request->ids.v[i], &job, &failure) < 0) {
            note_failure(a, &failure);
            continue;
        }
        act(a, &job);
        md_queue_job_done(&job);
    }
    for (size_t i = 0; i < request->paths.n; i++)
        for_path(a, request->paths.v[i], act);
}

static void clear(struct answer *a, const struct md_request *request)
{
    unsigned states = 0;
    if (request->all)
        states = ALL;
    if (request->failed)
        states |= 1u << MD_JOB_FAILED;
    if (request->done || !states)
        states |= 1u << MD_JOB_DONE;
    for_states(a, states, remove_job);
}

static void list_job(struct answer *a, const struct md_queue_job *job)
{
    json_array_append_new(a->movies, describe(a->service, job));
}

static void count_jobs(struct answer *a)
{
    json_t *counts = json_object();
    for (int state = 0; state < MD_JOB_STATES; state++) {
        size_t n = 0, i;
        const json_t *movie;
        json_array_foreach(a->movies, i, movie) n +=
            strcmp(json_string_value(json_object_get(movie, "state")), md_job_state_names[state]) ==
            0;
        json_object_set_new(counts, md_job_state_names[state], json_integer((json_int_t)n));
    }
    json_object_set_new(a->reply, "counts", counts);
}

static void status(struct answer *a)
{
    const struct md_service *service = a->service;
    struct md_live_state state;
    json_object_set_new(a->reply, "queue", service->path ? text(service->path) : json_null());
    json_object_set_new(a->reply, "running", json_boolean(service->live != NULL));
    if (service->live) {
        service->live->state(service->live->user, &state);
        const struct md_memory_view *m = &state.memory;
        json_object_set_new(a->reply, "pid", json_integer(getpid()));
        json_object_set_new(a->reply, "paused",
                            json_pack("{s:b, s:b}", "by_user", state.paused_by_user, "by_memory",
                                      state.paused_by_memory));
        json_object_set_new(a->reply, "stopping", json_boolean(state.stopping));
        json_object_set_new(a->reply, "memory",
                            json_pack("{s:o, s:o, s:o, s:o, s:o, s:s?}", "total_bytes",
                                      bytes(m->total_bytes), "used_bytes", bytes(m->used_bytes),
                                      "free_bytes", bytes(m->free_bytes), "own_bytes",
                                      bytes(m->own_bytes), "leased_bytes", bytes(m->leased_bytes),
                                      "level", m->level));
        json_object_set_new(a->reply, "eta_s", seconds(state.eta_us));
    }
    for_states(a, ALL, list_job);
    count_jobs(a);
}

static void memory(struct answer *a)
{
    const struct md_live *live = a->service->live;
    json_object_set_new(a->reply, "running", json_boolean(live != NULL));
    if (live) {
        json_object_set_new(a->reply, "pid", json_integer(getpid()));
        json_object_set_new(a->reply, "memory", live->memory(live->user));
    }
}

static void command_run(struct answer *a, void (*act)(void *user))
{
    if (a->service->live)
        act(a->service->live->user);
    else
        md_fail(&a->failure, MD_ERR_NOTFOUND, "no moviedigest is running on the queue %s",
                a->service->path ? a->service->path : "in memory");
}

static void carry_out(struct answer *a, const struct md_request *request)
{
    const struct md_live *live = a->service->live;
    switch (request->command) {
    case MD_REQUEST_ADD:
        add(a, request);
        break;
    case MD_REQUEST_LIST:
        for_states(a, ALL, list_job);
        break;
    case MD_REQUEST_REMOVE:
        for_named(a, request, remove_job);
        break;
    case MD_REQUEST_RETRY:
        for_named(a, request, retry_job);
        if (request->failed)
            for_states(a, 1u << MD_JOB_FAILED, retry_job);
        break;
    case MD_REQUEST_CLEAR:
        clear(a, request);
        break;
    case MD_REQUEST_STATUS:
        status(a);
        break;
    case MD_REQUEST_PAUSE:
        command_run(a, live ? live->pause : NULL);
        break;
    case MD_REQUEST_RESUME:
        command_run(a, live ? live->resume : NULL);
        break;
    case MD_REQUEST_STOP:
        command_run(a, live ? live->stop : NULL);
        break;
    case MD_REQUEST_MEMORY:
        memory(a);
        break;
    }
}

void md_service_answer(const struct md_service *service, const struct md_request *request,
                       struct md_str *reply)
{
    struct answer a = {.service = service, .reply = json_object(), .movies = json_array()};
    carry_out(&a, request);
    json_object_set_new(a.reply, "ok", json_boolean(!a.failure.code));
    if (a.failure.code)
        json_object_set_new(a.reply, "error", json_string(a.failure.message));
    if (request->command < MD_REQUEST_PAUSE)
        json_object_set(a.reply, "movies", a.movies);
    md_autofree char *line = json_dumps(a.reply, JSON_COMPACT | JSON_SORT_KEYS);
    md_str_append(reply, line ? line : "{\"ok\":false,\"error\":\"out of memory\"}");
    json_decref(a.movies);
    json_decref(a.reply);
}
