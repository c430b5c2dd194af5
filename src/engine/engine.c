/* Events in, commands out. Each event is a few assignments and commands; what follows from them is
 * decided by schedule.c after every event, so no event needs to know the others. */
#include "engine/engine_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const struct md_engine_params md_engine_params_default = {
    .max_crashes = 3,
    .max_ooms = 100, /* the ladder ends long before, unless units get done in between */
    .ready_timeout_us = 30 * MD_SECOND_US, /* a loaded machine, a cold disk */
    .stall_us = 300 * MD_SECOND_US,        /* stages speak at least every second; disks may wake up,
                                              networks come back */
    .quit_timeout_us = 5 * MD_SECOND_US,
    .cancel_grace_us = MD_SECOND_US * 3 / 2, /* Ctrl-C is over within two seconds */
    .restart_delay_us = MD_SECOND_US / 5,
    .patience_us = 10 * MD_SECOND_US,
    .recovery_us = GOV_RECOVERY_MAX_US,
};

enum {
    /* Most commands one step can cause: for each movie in flight an answer, what was wrong and what
     * is started next; beside them the shared workers, the tiers, and a chunk of the queue ending
     * (movie.c). */
    COMMANDS_PER_MOVIE = 16,
    COMMANDS_BESIDE = 128,
    MOST_REGIMES = 256, /* stages x codecs x sizes of any shelf */
    /* Slots freed in a step are used again in the next one. */
    SLOTS_PER_MOVIE = 4,
};

int md_engine_auto_movies(int cores, int64_t preset_movies)
{
    const int cores_a_movie = 2;
    int64_t movies = MD_MIN(MD_MAX(cores / cores_a_movie, 1), preset_movies);
    return (int)MD_CLAMP(movies, 1, MD_ENGINE_MAX_MOVIES);
}

static bool params_are_valid(const struct md_engine_params *params)
{
    const unsigned all = (1u << MD_STAGES) - 1;
    return params->governor && params->cores >= 1 && params->max_movies >= 1 &&
           params->max_movies <= MD_ENGINE_MAX_MOVIES && params->threads >= 0 && params->stages &&
           !(params->stages & ~all) && params->max_crashes >= 1 && params->max_ooms >= 1 &&
           params->policy.keep >= 0 && params->policy.keep < 1;
}

static int make(struct md_engine *e)
{
    size_t movies = (size_t)e->params.max_movies;
    e->slot_count = SLOTS_PER_MOVIE * movies + 2 * MD_ENGINE_LOOK_AHEAD;
    e->slots = calloc(e->slot_count, sizeof *e->slots);
    if (!e->slots ||
        md_vec_reserve(&e->commands, COMMANDS_BESIDE + COMMANDS_PER_MOVIE *
                                                           (2 * movies + MD_ENGINE_LOOK_AHEAD)) < 0)
        return MD_ERR_NOMEM;
    e->history = e->params.history;
    if (!e->history) {
        e->owns_history = true;
        if (gov_history_new(&e->config, MOST_REGIMES, &e->history) < 0)
            return MD_ERR_NOMEM;
    }
    md_engine_make_batches_(e);
    md_engine_recall_loads_(e);
    return MD_OK;
}

int md_engine_new(const struct md_engine_params *params, struct md_engine **ret_engine)
{
    if (!params_are_valid(params))
        return MD_ERR_INPUT;
    struct md_engine *e = calloc(1, sizeof *e);
    if (!e)
        return MD_ERR_NOMEM;
    e->params = *params;
    e->config = params->config ? *params->config : gov_config_default;
    e->seen_free_bytes = e->seen_others_bytes = -1;
    e->tier_deadline_us = NEVER_US;
    for (int i = 0; i < MD_EXECUTORS; i++) {
        e->shared[i].executor = (enum md_executor)i;
        e->shared[i].deadline_us = NEVER_US;
    }
    if (make(e) < 0) {
        md_engine_free(e);
        return MD_ERR_NOMEM;
    }
    *ret_engine = e;
    return MD_OK;
}

void md_engine_free(struct md_engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->flight_count; i++)
        md_engine_release_(e, &e->flight[i]->media, NULL);
    for (int i = 0; i < MD_EXECUTORS; i++)
        md_engine_release_(e, &e->shared[i], NULL);
    if (e->owns_history)
        gov_history_free(e->history);
    md_vec_done(&e->queue);
    md_vec_done(&e->commands);
    free(e->slots);
    free(e);
}

int md_engine_reserve(struct md_engine *e, size_t movies)
{
    return md_vec_reserve(&e->queue, e->queue_head + movies);
}

struct md_command *md_engine_emit_(struct md_engine *e, enum md_command_kind kind,
                                   const struct movie *m)
{
    assert(e->commands.n < e->commands.cap);
    struct md_command *command = &e->commands.v[e->commands.n++];
    *command = (struct md_command){.kind = kind, .movie = MD_ENGINE_NO_MOVIE};
    if (m) {
        command->movie = m->number;
        command->worker = m->runner ? m->runner->id : m->media.id;
        command->executor = m->runner ? m->runner->executor : MD_EXECUTOR_MEDIA;
        command->stage = m->stage;
        command->settings = m->settings;
        command->attempt = m->attempt;
        command->units_done = m->units_done;
        command->units_total = m->units_total;
    }
    return command;
}

struct md_command *md_engine_emit_worker_(struct md_engine *e, enum md_command_kind kind,
                                          const struct worker *w)
{
    struct md_command *command = md_engine_emit_(e, kind, is_shared(w) ? NULL : w->movie);
    command->worker = w->id;
    command->executor = w->executor;
    command->lease_bytes = w->granted_bytes;
    if (is_shared(w)) {
        command->batch = w->batch;
        command->settings = w->settings;
    }
    return command;
}

void md_engine_say_(struct md_engine *e, enum md_log_level level, const char *format, ...)
{
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_LOG, NULL);
    va_list ap;
    command->level = level;
    va_start(ap, format);
    vsnprintf(command->text, sizeof command->text, format, ap);
    va_end(ap);
}

static int handle(struct md_engine *e, const struct md_event *event, int64_t now_us)
{
    struct worker *w;
    switch (event->kind) {
    case MD_EVENT_ADD:
        return e->has_ended || e->closed ? MD_ERR_BUG : md_engine_add_(e, event);
    case MD_EVENT_DROP:
        md_engine_drop_(e, event->movie, now_us);
        return MD_OK;
    case MD_EVENT_CLOSE:
        e->closed = true;
        return MD_OK;
    case MD_EVENT_SAMPLED:
        md_engine_sampled_(e, now_us);
        return MD_OK;
    case MD_EVENT_TIER_DONE:
        md_engine_tier_ended_(e, now_us);
        return MD_OK;
    case MD_EVENT_PAUSE:
        md_engine_pause_(e, now_us);
        return MD_OK;
    case MD_EVENT_RESUME:
        md_engine_resume_(e, now_us);
        return MD_OK;
    case MD_EVENT_STOP:
        md_engine_stop_(e, now_us);
        return MD_OK;
    case MD_EVENT_TICK:
        return MD_OK;
    case MD_EVENT_CANCEL:
        md_engine_cancel_(e, now_us);
        return MD_OK;
    case MD_EVENT_SPAWNED:
    case MD_EVENT_SPAWN_FAILED:
    case MD_EVENT_READY:
    case MD_EVENT_NEEDED:
    case MD_EVENT_UNITS:
    case MD_EVENT_ALIVE:
    case MD_EVENT_DONE:
    case MD_EVENT_FAILED:
    case MD_EVENT_FINISHED:
    case MD_EVENT_BROKEN:
    case MD_EVENT_GONE:
    case MD_EVENT_UNLOAD:
        w = md_engine_find_worker_(e, event->worker);
        if (w)
            md_engine_worker_event_(e, w, event, now_us);
        return MD_OK;
    }
    return MD_ERR_BUG;
}

static void pass_deadlines(struct md_engine *e, int64_t now_us)
{
    if (now_us >= e->tier_deadline_us)
        md_engine_tier_ended_(e, now_us);
    for (size_t i = 0; i < e->flight_count; i++)
        if (now_us >= e->flight[i]->media.deadline_us)
            md_engine_worker_deadline_(e, &e->flight[i]->media, now_us);
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (now_us >= e->shared[i].deadline_us)
            md_engine_worker_deadline_(e, &e->shared[i], now_us);
}

/* Nothing is left and nothing comes. */
static void end_all(struct md_engine *e)
{
    if (!(e->closed || ends_soon(e)) || e->flight_count || queue_length(e))
        return;
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (e->shared[i].state != WORKER_NONE)
            return;
    e->has_ended = true;
    md_engine_emit_(e, MD_COMMAND_END, NULL);
}

int md_engine_step(struct md_engine *e, const struct md_event *event, int64_t now_us,
                   const struct md_command **ret_commands, size_t *ret_count)
{
    e->commands.n = 0;
    e->now_us = now_us;
    e->steps++;
    int r = handle(e, event, now_us);
    /* A sign of life moves a deadline and nothing else, and is the most frequent event by far. */
    bool matters = event->kind != MD_EVENT_ALIVE || now_us >= e->next_us || e->commands.n;
    if (r == MD_OK && !e->has_ended && matters) {
        pass_deadlines(e, now_us);
        md_engine_schedule_(e, now_us);
        end_all(e);
        e->next_us = md_engine_deadline_us(e);
    }
    assert(md_engine_flight_is_valid_(e));
    *ret_commands = e->commands.v;
    *ret_count = e->commands.n;
    return r;
}

/* What only matters while it lies ahead. */
static int64_t ahead(const struct md_engine *e, int64_t at_us)
{
    return at_us > e->now_us ? at_us : NEVER_US;
}

static int64_t movie_deadline(const struct md_engine *e, const struct movie *m)
{
    int64_t deadline = m->media.deadline_us;
    bool begins = m->phase == PHASE_BEGIN && m->media.state == WORKER_NONE &&
                  !m->media.recovering && !e->paused;
    if (m->phase == PHASE_RECOVERING || begins)
        deadline = MD_MIN(deadline, m->deadline_us);
    if (m->phase == PHASE_WAITING && m->executor != MD_EXECUTOR_MEDIA && !e->paused)
        deadline = MD_MIN(deadline, ahead(e, e->shared[m->executor].not_before_us));
    return MD_MIN(deadline, md_engine_recovery_end_(e, &m->media));
}

int64_t md_engine_deadline_us(const struct md_engine *e)
{
    if (e->has_ended)
        return NEVER_US;
    int64_t deadline = e->tier_deadline_us;
    if (ends_soon(e) && queue_length(e))
        return e->now_us; /* more of the queue ends in the next step */
    deadline = MD_MIN(deadline, ahead(e, md_engine_patience_end_(e)));
    deadline = MD_MIN(deadline, ahead(e, md_engine_pause_end_(e)));
    for (size_t i = 0; i < e->flight_count; i++)
        deadline = MD_MIN(deadline, movie_deadline(e, e->flight[i]));
    for (int i = 1; i < MD_EXECUTORS; i++) {
        deadline = MD_MIN(deadline, e->shared[i].deadline_us);
        deadline = MD_MIN(deadline, md_engine_recovery_end_(e, &e->shared[i]));
    }
    return deadline;
}

static enum md_wait waits_for(const struct md_engine *e, const struct movie *m)
{
    switch (m->phase) {
    case PHASE_BEGIN:
        return e->paused ? MD_WAIT_RESUME : m->media.recovering ? MD_WAIT_MEMORY : MD_WAIT_RETRY;
    case PHASE_IDLE:
        return e->paused ? MD_WAIT_RESUME : MD_WAIT_NOTHING;
    case PHASE_WAITING:
        return e->paused ? MD_WAIT_RESUME : m->waits_for;
    case PHASE_PARKED:
        return e->paused ? MD_WAIT_RESUME : MD_WAIT_MODEL;
    case PHASE_RECOVERING:
        return MD_WAIT_MEMORY;
    default:
        return MD_WAIT_NOTHING;
    }
}

enum md_wait md_engine_waits_for(const struct md_engine *e, size_t movie)
{
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i]->number == movie)
            return waits_for(e, e->flight[i]);
    return MD_WAIT_NOTHING;
}

int64_t md_engine_load_us(const struct md_engine *e, enum md_executor executor)
{
    int64_t measured_us = e->shared[executor].load_us;
    return measured_us ? measured_us : e->params.models[executor].load_us;
}

bool md_engine_has_ended(const struct md_engine *e)
{
    return e->has_ended;
}

size_t md_engine_count(const struct md_engine *e, enum md_movie_end end)
{
    return e->ended_count[end];
}
