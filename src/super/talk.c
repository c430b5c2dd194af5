/* Records become events and commands become records. Whatever a worker says is checked here: it
 * handles hostile files and may have been turned by one. */
#include "super/super_internal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "ipc/protocol.h"

static void send_record(struct md_super *s, struct md_process *process)
{
    int r = md_channel_send(&process->channel, &s->record);
    /* MD_ERR_IO: it is dead or dying and will be reaped. */
    if (r == MD_ERR_BUSY || r == MD_ERR_INPUT || r == MD_ERR_NOMEM) {
        md_log(s->params->log, MD_LOG_ERROR, "super", "worker %u cannot be told anything: %s",
               process->id, md_error_text(r));
        process->deaf = true;
        md_super_tell_later_(s, &(struct md_event){.kind = MD_EVENT_BROKEN, .worker = process->id});
    }
    md_super_watch_channel_(s, process);
}

void md_super_send_word_(struct md_super *s, struct md_process *process, const char *word)
{
    md_record_begin(&s->record, word);
    send_record(s, process);
}

static void add_movie(struct md_super *s, size_t movie)
{
    const struct md_job *job = &s->jobs.v[movie];
    md_record_add(&s->record, "movie", job->movie_path);
    md_record_add(&s->record, "out", job->out_dir);
    md_record_add(&s->record, "work", job->work_dir);
    md_record_add_int(&s->record, "stages", md_super_stages_of_(s, movie));
}

static void add_settings(struct md_super *s, const struct md_options *options)
{
    md_record_add_int(&s->record, "log-level",
                      s->params->log ? (int64_t)s->params->log->level : MD_LOG_ERROR);
    md_record_add_int(&s->record, "heartbeat", s->heartbeat_us);
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        char key[MD_RECORD_WORD_MAX + 1];
        md_autofree char *text = md_options_get(options, o);
        snprintf(key, sizeof key, "opt.%s", o->name);
        /* Without memory for a text the default holds, and the artifact's key is another one. */
        if (text)
            md_record_add(&s->record, key, text);
    }
}

static void add_extent(struct md_super *s, int batch, enum md_settings settings,
                       int64_t lease_bytes)
{
    md_record_add_int(&s->record, "batch", MD_MAX(batch, 1));
    md_record_add_int(&s->record, "settings", settings);
    md_record_add_int(&s->record, "lease", MD_MAX(lease_bytes, 0));
}

/* What a worker is told first. */
static void send_task(struct md_super *s, struct md_process *process)
{
    const struct md_options *options = s->params->options;
    if (process->executor == MD_EXECUTOR_MEDIA) {
        md_record_begin(&s->record, MD_SAY_JOB);
        add_movie(s, process->movie);
        options = md_super_options_of_(s, process->movie);
    } else {
        md_record_begin(&s->record, MD_SAY_LOAD);
        md_record_add(&s->record, "executor", md_executor_names[process->executor]);
        add_extent(s, process->batch, process->settings, process->lease_bytes);
    }
    add_settings(s, options);
    send_record(s, process);
}

static void send_run(struct md_super *s, struct md_process *process,
                     const struct md_command *command)
{
    md_record_begin(&s->record, MD_SAY_RUN);
    md_record_add(&s->record, "stage", md_stage_names[command->stage]);
    md_record_add_int(&s->record, "threads", MD_MAX(command->threads, 1));
    add_extent(s, command->batch, command->settings, command->lease_bytes);
    if (process->executor != MD_EXECUTOR_MEDIA) {
        process->movie = command->movie;
        add_movie(s, command->movie);
        add_settings(s, md_super_options_of_(s, command->movie));
    } else if (command->fallback) {
        md_record_add(&s->record, "fallback", md_fallback_names[command->fallback]);
    }
    send_record(s, process);
}

void md_super_speak_(struct md_super *s, struct md_process *process,
                     const struct md_command *command)
{
    switch (command->kind) {
    case MD_COMMAND_CHECK:
        md_record_begin(&s->record, MD_SAY_CHECK);
        md_record_add(&s->record, "stage", md_stage_names[command->stage]);
        send_record(s, process);
        process->busy = true;
        break;
    case MD_COMMAND_RUN:
        send_run(s, process, command);
        process->busy = true;
        break;
    case MD_COMMAND_FINISH_MOVIE:
        md_super_send_word_(s, process, MD_SAY_FINISH);
        process->busy = true;
        break;
    case MD_COMMAND_CANCEL:
        md_super_send_word_(s, process, MD_SAY_CANCEL);
        break;
    case MD_COMMAND_QUIT:
        md_super_send_word_(s, process, MD_SAY_QUIT);
        break;
    default:
        break;
    }
}

/* The functions below return false when the record is not what it should be. */

static bool get_stage(const struct md_record_view *view, enum md_stage *ret)
{
    const char *name = md_record_get(view, "stage");
    int stage = name ? md_stage_parse(name) : -1;
    if (stage < 0)
        return false;
    *ret = (enum md_stage)stage;
    return true;
}

/* A number that may be absent. */
static bool get_optional(const struct md_record_view *view, const char *key, int64_t max,
                         int64_t *ret)
{
    int r = md_record_get_int(view, key, 0, max, ret);
    return r == MD_OK || r == MD_ERR_NOTFOUND;
}

static bool get_facts(const struct md_record_view *view, struct md_movie_facts *ret)
{
    const int64_t most = INT64_MAX / 2;
    int64_t known = 0;
    const char *codec = md_record_get(view, "codec");
    *ret = (struct md_movie_facts){0};
    if (!get_optional(view, "facts", 1, &known) ||
        !get_optional(view, "width", most, &ret->width) ||
        !get_optional(view, "height", most, &ret->height) ||
        !get_optional(view, "bit-depth", 64, &ret->bit_depth) ||
        !get_optional(view, "channels", most, &ret->channels) ||
        !get_optional(view, "duration", most, &ret->duration_us))
        return false;
    ret->known = known == 1;
    snprintf(ret->codec, sizeof ret->codec, "%s", codec ? codec : "");
    return true;
}

static bool on_hello(struct md_super *s, struct md_process *process,
                     const struct md_record_view *view)
{
    int64_t version = 0;
    md_record_get_int(view, "protocol", 0, INT_MAX, &version);
    if (process->said_hello || version != MD_IPC_VERSION) {
        md_log(s->params->log, MD_LOG_ERROR, "super",
               "%s speaks protocol %" PRId64 ", this program %d: they are not of one build",
               s->worker_paths[process->executor], version, MD_IPC_VERSION);
        return false;
    }
    process->said_hello = true;
    md_super_set_lease_(s, process, process->lease_bytes);
    send_task(s, process);
    return true;
}

static bool on_done(struct md_super *s, struct md_process *process,
                    const struct md_record_view *view)
{
    const int64_t most = INT64_MAX / 2;
    struct md_movie_facts facts;
    struct md_event event = {.kind = MD_EVENT_DONE, .worker = process->id, .facts = &facts};
    struct md_stage_result *result = &event.result;
    int64_t cached = 0;
    if (!get_stage(view, &event.stage) || !get_optional(view, "cached", 1, &cached) ||
        !get_optional(view, "wall", most, &result->wall_us) ||
        !get_optional(view, "cpu", most, &result->cpu_us) ||
        !get_optional(view, "peak", most, &result->peak_rss_bytes) || !get_facts(view, &facts))
        return false;
    result->cached = cached == 1;
    md_super_tell_(s, &event);
    return true;
}

static bool on_failed(struct md_super *s, struct md_process *process,
                      const struct md_record_view *view)
{
    int64_t code;
    enum md_stage stage;
    struct md_failure failure = {0};
    const char *message = md_record_get(view, "message");
    if (!message || md_record_get_int(view, "code", INT_MIN, -1, &code) < 0)
        return false;
    md_fail(&failure, (int)code, "%s", message);
    if (get_stage(view, &stage))
        snprintf(failure.stage, sizeof failure.stage, "%s", md_stage_names[stage]);
    md_super_tell_(
        s, &(struct md_event){.kind = MD_EVENT_FAILED, .worker = process->id, .failure = &failure});
    return true;
}

static bool on_progress(struct md_super *s, struct md_process *process,
                        const struct md_record_view *view)
{
    enum md_stage stage;
    int64_t done, total;
    const int64_t most = INT64_MAX / 2;
    if (!get_stage(view, &stage) || md_record_get_int(view, "done", -most, most, &done) < 0 ||
        md_record_get_int(view, "total", -most, most, &total) < 0)
        return false;
    if (s->observer.stage_progress && process->movie < s->jobs.n)
        s->observer.stage_progress(s->observer.user, process->movie, stage, MD_MAX(done, 0),
                                   MD_MAX(total, 0));
    return true;
}

static bool on_log(struct md_super *s, struct md_process *process,
                   const struct md_record_view *view)
{
    int64_t level;
    char component[MD_RECORD_WORD_MAX + 1];
    const char *from = md_record_get(view, "component"), *message = md_record_get(view, "message");
    if (!from || !message || md_record_get_int(view, "level", 0, MD_LOG_DEBUG, &level) < 0)
        return false;
    md_utf8_sanitize(component, sizeof component, from, strlen(from));
    if (s->jobs.n > 1 && process->movie < s->jobs.n)
        md_log(s->params->log, (enum md_log_level)level, component, "%s: %s",
               md_path_base(s->jobs.v[process->movie].movie_path), message);
    else
        md_log(s->params->log, (enum md_log_level)level, component, "%s", message);
    return true;
}

static bool get_executor(const struct md_record_view *view, enum md_executor *ret)
{
    const char *name = md_record_get(view, "executor");
    for (int i = 0; name && i < MD_EXECUTORS; i++) {
        if (strcmp(name, md_executor_names[i]) == 0) {
            *ret = (enum md_executor)i;
            return true;
        }
    }
    return !name;
}

/* needed and units */
static bool on_units(struct md_super *s, struct md_process *process, enum md_event_kind kind,
                     const struct md_record_view *view)
{
    const int64_t most = INT64_MAX / 2;
    struct md_event event = {.kind = kind, .worker = process->id};
    if (!get_stage(view, &event.stage) || !get_executor(view, &event.executor) ||
        !get_optional(view, "done", most, &event.units_done) ||
        !get_optional(view, "total", most, &event.units_total) ||
        event.units_done > MD_MAX(event.units_total, 0))
        return false;
    md_super_tell_(s, &event);
    return true;
}

static bool on_word(struct md_super *s, struct md_process *process, enum md_event_kind kind)
{
    md_super_tell_(s, &(struct md_event){.kind = kind, .worker = process->id});
    return true;
}

/* A busy worker lives by its stage alone: its process may well breathe while the stage hangs. An
 * idle one has nothing but its process to show. */
static bool on_alive(struct md_super *s, struct md_process *process,
                     const struct md_record_view *view)
{
    const char *of = md_record_get(view, "of");
    if (!of)
        return false;
    if (process->busy && strcmp(of, MD_ALIVE_STAGE) != 0)
        return true;
    return on_word(s, process, MD_EVENT_ALIVE);
}

static bool on_answer(struct md_super *s, struct md_process *process,
                      const struct md_record_view *view)
{
    const char *type = view->type;
    process->busy = false;
    process->wanted_memory = false;
    if (process->executor == MD_EXECUTOR_MEDIA)
        md_super_set_lease_(s, process, 0); /* it is given back with the answer */
    if (strcmp(type, MD_SAY_READY) == 0)
        return on_word(s, process, MD_EVENT_READY);
    if (strcmp(type, MD_SAY_NEEDED) == 0)
        return on_units(s, process, MD_EVENT_NEEDED, view);
    if (strcmp(type, MD_SAY_DONE) == 0)
        return on_done(s, process, view);
    if (strcmp(type, MD_SAY_FAILED) == 0)
        return on_failed(s, process, view);
    if (strcmp(type, MD_SAY_FINISHED) == 0)
        return on_word(s, process, MD_EVENT_FINISHED);
    return false;
}

static bool on_record(struct md_super *s, struct md_process *process,
                      const struct md_record_view *view)
{
    const char *type = view->type;
    if (strcmp(type, MD_SAY_HELLO) == 0)
        return on_hello(s, process, view);
    if (!process->said_hello)
        return false;
    if (strcmp(type, MD_SAY_PROGRESS) == 0)
        return on_progress(s, process, view) && on_word(s, process, MD_EVENT_ALIVE);
    if (strcmp(type, MD_SAY_LOG) == 0)
        return on_log(s, process, view) && on_word(s, process, MD_EVENT_ALIVE);
    if (strcmp(type, MD_SAY_ALIVE) == 0)
        return on_alive(s, process, view);
    if (strcmp(type, MD_SAY_UNITS) == 0)
        return on_units(s, process, MD_EVENT_UNITS, view) && on_word(s, process, MD_EVENT_ALIVE);
    return on_answer(s, process, view);
}

void md_super_listen_(struct md_super *s, struct md_process *process)
{
    /* A worker that talks without end must not keep us from the others. */
    enum { MOST_AT_ONCE = 256 };
    struct md_record_view view;
    process->unheard = false;
    for (int i = 0; !process->deaf; i++) {
        if (i == MOST_AT_ONCE) {
            process->unheard = true;
            break;
        }
        int r = md_channel_receive(&process->channel, &view);
        if (r == 0)
            break;
        if (r < 0 || !on_record(s, process, &view)) {
            md_log(s->params->log, MD_LOG_DEBUG, "super", "worker %u said what makes no sense%s%s",
                   process->id, r < 0 ? "" : ": ", r < 0 ? "" : view.type);
            process->deaf = true;
            on_word(s, process, MD_EVENT_BROKEN);
        }
    }
    md_super_watch_channel_(s, process);
}
