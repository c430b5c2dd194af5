/* A movie's way: queued as a small record, in flight in a slot, then a number in a count. */
#include "engine/engine_internal.h"

#include <gov/recorder.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* So many queued movies end in one step, so that a step stays short and its commands few. */
enum { DISCARDED_A_STEP = 64 };

static unsigned with_needs(unsigned stages)
{
    for (int s = MD_STAGES - 1; s >= 0; s--)
        if (stages & 1u << s)
            stages |= md_stage_needs((enum md_stage)s);
    return stages;
}

/* The records of movies that were started make room for new ones: amortised, O(1) a movie. */
static void compact(struct md_engine *e)
{
    if (e->queue_head < 64 || e->queue_head < e->queue.n / 2)
        return;
    memmove(e->queue.v, e->queue.v + e->queue_head, queue_length(e) * sizeof *e->queue.v);
    e->queue.n -= e->queue_head;
    e->queue_head = 0;
}

int md_engine_add_(struct md_engine *e, const struct md_event *event)
{
    const unsigned all = (1u << MD_STAGES) - 1;
    const char *label = event->label ? event->label : "";
    bool knows_facts = event->facts && event->facts->known;
    struct queued queued = {
        .stages = with_needs((event->stages ? event->stages : e->params.stages) & all),
        .done = event->done_stages & all,
        .force = event->force || e->params.force,
        .max_height = event->max_height ? event->max_height : e->params.max_height,
    };
    if (knows_facts)
        queued.facts = *event->facts;
    else
        queued.done &= ~(1u << MD_STAGE_PROBE); /* a cached one is quick, and tells them */
    queued.done &= queued.stages;
    md_utf8_sanitize(queued.label, sizeof queued.label, label, strlen(label));
    return md_vec_push(&e->queue, queued);
}

static struct movie *free_slot(struct md_engine *e)
{
    for (size_t i = 0; i < e->slot_count; i++)
        if (e->slots[i].phase == PHASE_FREE && e->slots[i].freed_in_step != e->steps)
            return &e->slots[i];
    return NULL;
}

/* A number for the count of a movie that was never in flight. */
static void end_queued(struct md_engine *e, size_t number)
{
    static const struct md_failure before = {.code = MD_ERR_CANCELLED,
                                             .message = "cancelled before it was started"};
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_MOVIE_ENDED, NULL);
    command->movie = number;
    command->end = MD_MOVIE_CANCELLED;
    command->failure = &before;
    e->ended_count[MD_MOVIE_CANCELLED]++;
}

struct movie *md_engine_take_queued_(struct md_engine *e)
{
    struct movie *m = free_slot(e);
    size_t parked = 0;
    for (size_t i = 0; i < e->flight_count; i++)
        parked += e->flight[i]->phase == PHASE_PARKED;
    if (!m || !queue_length(e) || e->flight_count - parked >= 2 * (size_t)e->params.max_movies)
        return NULL;
    const struct queued *queued = &e->queue.v[e->queue_head++];
    *m = (struct movie){
        .number = e->first_queued++,
        .phase = PHASE_BEGIN,
        .stages = queued->stages,
        .done = queued->done,
        .force = queued->force,
        .max_height = queued->max_height,
        .facts = queued->facts,
        .attempt = 1,
        .media = {.movie = m, .deadline_us = NEVER_US},
    };
    memcpy(m->label, queued->label, sizeof m->label);
    e->flight[e->flight_count++] = m;
    compact(e);
    return m;
}

/* Those that were dropped while they waited ended then. */
void md_engine_forget_dropped_(struct md_engine *e)
{
    while (queue_length(e) && e->queue.v[e->queue_head].dropped) {
        e->queue_head++;
        e->first_queued++;
    }
    compact(e);
}

void md_engine_discard_queued_(struct md_engine *e)
{
    for (int i = 0; i < DISCARDED_A_STEP && queue_length(e); i++) {
        const struct queued *queued = &e->queue.v[e->queue_head++];
        if (!queued->dropped)
            end_queued(e, e->first_queued);
        e->first_queued++;
    }
    compact(e);
}

void md_engine_drop_(struct md_engine *e, size_t number, int64_t now_us)
{
    if (number >= e->first_queued && number - e->first_queued < queue_length(e)) {
        struct queued *queued = &e->queue.v[e->queue_head + (number - e->first_queued)];
        if (!queued->dropped)
            end_queued(e, number);
        queued->dropped = true;
        return;
    }
    for (size_t i = 0; i < e->flight_count; i++) {
        struct movie *m = e->flight[i];
        /* What is nearly over is let be. */
        if (m->number != number || m->phase == PHASE_FINISHING || m->phase == PHASE_LEAVING)
            continue;
        md_fail(&m->failure, MD_ERR_CANCELLED, "taken out of the queue");
        md_engine_leave_(e, m, MD_MOVIE_CANCELLED, now_us);
    }
}

/* The first wanted stage that is not done and has what it needs; -1: all are done. */
int md_engine_next_stage_(const struct movie *m)
{
    for (int s = 0; s < MD_STAGES; s++) {
        unsigned needs = md_stage_needs((enum md_stage)s);
        if (m->stages & ~m->done & 1u << s && !(needs & ~m->done))
            return s;
    }
    return -1;
}

void md_engine_wait_(struct movie *m, int64_t now_us)
{
    m->phase = PHASE_WAITING;
    m->runner = NULL;
    m->waiting_since_us = now_us;
    m->asked_memory = false;
    m->waiting_told = false;
    m->waits_for = MD_WAIT_NOTHING;
    m->hopeless = false;
}

/* The next stage starts with nothing of what happened in this one. */
static void forget_stage(struct movie *m)
{
    m->has_stage = false;
    m->executor = MD_EXECUTOR_MEDIA;
    m->attempt = 1;
    m->units_done = m->units_total = 0;
    m->begins_anew = false;
    m->batch = m->chosen = m->run_batch = 0;
    m->settings = MD_SETTINGS_NORMAL;
    m->fallback = MD_FALLBACK_NONE;
    m->losses = 0;
    m->recover = (struct gov_recover){0};
    m->ooms = 0;
    m->hold = false;
    m->least_bytes = 0;
}

void md_engine_stage_done_(struct md_engine *e, struct movie *m, const struct md_event *event)
{
    m->done |= 1u << m->stage;
    if (event->facts && event->facts->known)
        m->facts = *event->facts;
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_STAGE_FINISHED, m);
    command->result = event->result;
    command->batch = m->run_batch;
    m->runner = NULL;
    forget_stage(m);
    if (m->phase != PHASE_LEAVING)
        m->phase = PHASE_IDLE;
}

void md_engine_set_failure_(struct movie *m, const struct md_failure *failure)
{
    m->failure = *failure;
    if (m->has_stage && !m->failure.stage[0])
        snprintf(m->failure.stage, sizeof m->failure.stage, "%s", md_stage_names[m->stage]);
}

static void tell_failure(struct md_engine *e, struct movie *m, bool retry)
{
    if (m->has_stage) {
        struct md_command *command = md_engine_emit_(e, MD_COMMAND_STAGE_FAILED, m);
        command->failure = &m->failure;
        command->will_retry = retry;
    } else if (retry) {
        md_engine_say_(e, MD_LOG_WARNING, "%s: %.80s; trying again", m->label, m->failure.message);
    }
}

void md_engine_fail_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                     int64_t now_us)
{
    if (failure != &m->failure)
        md_engine_set_failure_(m, failure);
    tell_failure(e, m, false);
    md_engine_leave_(e, m, MD_MOVIE_FAILED, now_us);
}

/* To where the stage waits for its turn; without its own worker a movie is started again first. */
static void go_on(struct movie *m, int64_t now_us)
{
    if (m->media.state == WORKER_IDLE) {
        md_engine_wait_(m, now_us);
        return;
    }
    m->runner = NULL;
    m->phase = PHASE_BEGIN;
    m->deadline_us = now_us;
}

/* With the ladder, the units and the batch of nobody: it is another kind of work now. What the
 * movie suffered from the model is not held against it. */
void md_engine_fall_back_(struct md_engine *e, struct movie *m, enum md_fallback why,
                          int64_t now_us)
{
    int attempt = m->attempt;
    forget_stage(m);
    m->has_stage = true;
    m->attempt = attempt + 1;
    m->fallback = why;
    md_engine_say_(e, MD_LOG_WARNING, "%.60s: %s without its model: %s", m->label,
                   md_stage_names[m->stage], md_fallback_reason(why));
    go_on(m, now_us);
}

void md_engine_give_model_up_(struct md_engine *e, struct movie *m, enum md_fallback why,
                              const struct md_failure *failure, int64_t now_us)
{
    md_engine_set_failure_(m, failure);
    tell_failure(e, m, true);
    gov_recorder_rung(e->params.recorder, now_us, m->label, md_stage_names[m->stage],
                      gov_rung_name(GOV_RUNG_FALLBACK), 1);
    md_engine_fall_back_(e, m, why, now_us);
}

void md_engine_model_not_ready_(struct md_engine *e, struct movie *m,
                                const struct md_failure *failure, int64_t now_us)
{
    md_engine_set_failure_(m, failure);
    tell_failure(e, m, true);
    md_engine_wait_(m, now_us);
}

void md_engine_lost_model_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                           int64_t now_us)
{
    if (++m->losses >= e->params.max_crashes) {
        md_engine_give_model_up_(e, m, MD_FALLBACK_LOST, failure, now_us);
        return;
    }
    md_engine_set_failure_(m, failure);
    tell_failure(e, m, true);
    m->attempt++;
    go_on(m, now_us);
}

void md_engine_crashed_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                        int64_t now_us)
{
    const int most_doublings = 10;
    md_engine_set_failure_(m, failure);
    bool retry = ++m->crashes < e->params.max_crashes;
    tell_failure(e, m, retry);
    m->runner = NULL;
    if (!retry) {
        md_engine_leave_(e, m, MD_MOVIE_FAILED, now_us);
        return;
    }
    m->attempt++;
    m->phase = PHASE_BEGIN;
    m->deadline_us =
        now_us + (e->params.restart_delay_us << (MD_MIN(m->crashes, most_doublings) - 1));
}

static void end_movie(struct md_engine *e, struct movie *m)
{
    size_t kept = 0;
    static const char *const ends[] = {"done", "failed", "cancelled"};
    char note[GOV_EVENT_TEXT_MAX];
    snprintf(note, sizeof note, "movie %zu %s: %.80s", (size_t)m->number, ends[m->end], m->label);
    gov_recorder_note(e->params.recorder, e->now_us, note);
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_MOVIE_ENDED, m);
    command->end = m->end;
    command->failure = m->end == MD_MOVIE_DONE ? NULL : &m->failure;
    e->ended_count[m->end]++;
    if (m->end == MD_MOVIE_DONE)
        md_engine_movie_succeeded_(e, m);
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i] != m)
            e->flight[kept++] = e->flight[i];
    e->flight_count = kept;
    if (e->oldest == m)
        e->oldest = NULL;
    m->phase = PHASE_FREE;
    m->freed_in_step = e->steps;
}

bool md_engine_end_left_(struct md_engine *e, struct movie *m)
{
    if (m->media.state != WORKER_NONE)
        return false;
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (e->shared[i].movie == m)
            return false;
    end_movie(e, m);
    return true;
}

/* The shared worker goes on without this movie: what it runs is cancelled. */
static void let_go(struct md_engine *e, struct worker *w, int64_t now_us)
{
    if (w->state == WORKER_STARTING)
        w->movie = NULL;
    else if (w->state == WORKER_BUSY && !w->cancelled) {
        md_engine_emit_worker_(e, MD_COMMAND_CANCEL, w);
        w->cancelled = true;
        w->deadline_us = now_us + e->params.cancel_grace_us;
    }
}

void md_engine_leave_(struct md_engine *e, struct movie *m, enum md_movie_end end, int64_t now_us)
{
    struct worker *w = &m->media;
    bool hurry = end == MD_MOVIE_CANCELLED;
    int64_t deadline = now_us + (hurry ? e->params.cancel_grace_us : e->params.quit_timeout_us);
    if (e->cancels)
        deadline = MD_MIN(deadline, e->cancel_deadline_us);
    m->phase = PHASE_LEAVING;
    m->end = end;
    m->runner = NULL;
    m->hold = false;
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (e->shared[i].movie == m)
            let_go(e, &e->shared[i], now_us);
    if (w->state == WORKER_STOPPING) {
        w->deadline_us = MD_MIN(w->deadline_us, deadline);
        return;
    }
    if (w->state == WORKER_NONE || w->state == WORKER_CONDEMNED)
        return;
    if (w->asked && w->state == WORKER_BUSY)
        md_engine_emit_worker_(e, MD_COMMAND_CANCEL, w);
    md_engine_quit_(e, w, deadline);
}
