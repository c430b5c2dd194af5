/* Processes. A media worker belongs to one movie and is asked three kinds of things; a shared one
 * holds a model, is started with its first lease, and serves one movie after the other. Both can be
 * lost at any moment, and whoever was being served is blamed. */
#include "engine/engine_internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct worker *md_engine_find_worker_(struct md_engine *e, uint32_t id)
{
    if (!id)
        return NULL;
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (e->shared[i].id == id)
            return &e->shared[i];
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i]->media.id == id)
            return &e->flight[i]->media;
    return NULL;
}

void md_engine_start_worker_(struct md_engine *e, struct worker *w, struct movie *m, int64_t now_us)
{
    const int loads = 3; /* a cold disk beside a warm one */
    w->id = ++e->last_worker;
    w->pid = 0;
    w->state = WORKER_STARTING;
    w->movie = m;
    w->asked = w->cancelled = w->kill_sent = w->after_oom = w->ending = false;
    w->condemned_for = NULL;
    w->deadline_us = now_us + e->params.ready_timeout_us;
    md_engine_progress_start_(w, now_us);
    if (is_shared(w))
        w->deadline_us += loads * MD_MAX(e->params.models[w->executor].load_us, w->load_us);
    md_engine_emit_worker_(e, MD_COMMAND_START_WORKER, w);
}

void md_engine_ask_(struct md_engine *e, struct worker *w, int64_t now_us)
{
    w->state = WORKER_BUSY;
    w->asked = true;
    w->cancelled = w->after_oom = false;
    md_engine_progress_run_(w, now_us);
    w->deadline_us = e->params.stall_us ? now_us + e->params.stall_us : NEVER_US;
}

void md_engine_rest_(struct md_engine *e, struct worker *w, int64_t now_us)
{
    w->asked = w->cancelled = false;
    if (w->state == WORKER_STOPPING || w->state == WORKER_CONDEMNED)
        return;
    w->state = WORKER_IDLE;
    w->deadline_us = e->params.heartbeat_us ? now_us + e->params.heartbeat_us : NEVER_US;
}

void md_engine_quit_(struct md_engine *e, struct worker *w, int64_t deadline_us)
{
    md_engine_emit_worker_(e, MD_COMMAND_QUIT, w);
    w->state = WORKER_STOPPING;
    w->deadline_us = e->cancels ? MD_MIN(deadline_us, e->cancel_deadline_us) : deadline_us;
}

void md_engine_unload_(struct md_engine *e, struct worker *w, int64_t now_us)
{
    md_engine_quit_(e, w, now_us + e->params.quit_timeout_us);
    w->ending = !e->params.policy.no_ladder && !e->params.policy.ungoverned;
}

void md_engine_kill_(struct md_engine *e, struct worker *w)
{
    if (w->id && !w->kill_sent) {
        w->kill_sent = true;
        md_engine_emit_worker_(e, MD_COMMAND_KILL, w);
    }
}

void md_engine_condemn_(struct md_engine *e, struct worker *w, const char *why)
{
    md_engine_kill_(e, w);
    w->state = WORKER_CONDEMNED;
    w->condemned_for = why;
    w->deadline_us = NEVER_US;
}

/* A worker says what it was not asked: it cannot be trusted with anything more. */
static void on_nonsense(struct md_engine *e, struct worker *w)
{
    if (w->state == WORKER_STOPPING)
        md_engine_kill_(e, w);
    else
        md_engine_condemn_(e, w, "broke the protocol");
}

static void describe_loss(const struct worker *w, const struct md_event *event, bool oom,
                          struct md_failure *failure)
{
    static const char *const names[MD_EXECUTORS] = {"", "speech ", "language "};
    char how[96];
    const char *words = event->last_words && *event->last_words ? event->last_words : NULL;
    if (event->kind == MD_EVENT_SPAWN_FAILED && event->failure) {
        *failure = *event->failure;
        return;
    }
    if (oom)
        snprintf(how, sizeof how,
                 event->signal == SIGKILL ? "ran out of memory and was killed by the system"
                                          : "ran out of memory and ended");
    else if (w->condemned_for)
        snprintf(how, sizeof how, "%s", w->condemned_for);
    else if (event->signal)
        snprintf(how, sizeof how, "was killed by signal %d (%s)", event->signal,
                 sigdescr_np(event->signal) ? sigdescr_np(event->signal) : "unknown");
    else
        snprintf(how, sizeof how, "ended unexpectedly with status %d", event->exit_status);
    md_fail(failure, oom ? MD_ERR_NOMEM : MD_ERR_CRASHED, "the %sworker %s%s%s", names[w->executor],
            how, words ? "; its last words: " : "", words ? words : "");
}

/* Nothing of it is left. Returns how its lease was. */
static struct gov_lease bury(struct md_engine *e, struct worker *w, int64_t now_us)
{
    struct gov_lease lease = {.current_bytes = -1, .peak_bytes = -1};
    int64_t held_bytes = md_engine_held_bytes_(e, w);
    md_engine_release_(e, w, &lease);
    if (w->pid > 0)
        gov_governor_unwatch(e->params.governor, w->pid);
    md_engine_note_end_(e, w, held_bytes, now_us);
    w->id = 0;
    w->pid = 0;
    w->state = WORKER_NONE;
    w->deadline_us = NEVER_US;
    w->asked = w->after_oom = false;
    if (w->ending)
        md_engine_await_memory_(e, w, now_us);
    w->ending = false;
    return lease;
}

static bool is_media_trouble(const struct movie *m)
{
    return m->executor == MD_EXECUTOR_MEDIA || m->phase == PHASE_CHECKING ||
           m->phase == PHASE_STARTING || m->phase == PHASE_BEGIN;
}

static void lost_media(struct md_engine *e, struct worker *w, const struct md_event *event,
                       int64_t now_us)
{
    struct movie *m = w->movie;
    struct md_failure failure = {0};
    bool expected = w->state == WORKER_STOPPING || w->after_oom;
    bool ran = m->phase == PHASE_RUNNING && is_media_trouble(m);
    enum worker_state state = w->state;
    struct worker before = *w;
    struct gov_lease lease = bury(e, w, now_us);
    bool oom =
        ran && state != WORKER_CONDEMNED && md_engine_looks_like_oom_(e, &before, event, &lease);
    if (m->phase == PHASE_LEAVING || expected)
        return;
    describe_loss(&before, event, oom, &failure);
    if (ends_soon(e)) {
        md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
        md_engine_leave_(e, m, MD_MOVIE_CANCELLED, now_us);
    } else if (oom) {
        md_engine_out_of_memory_(e, m, &failure, &lease, now_us);
    } else if (m->phase == PHASE_RECOVERING || (!is_media_trouble(m) && m->has_stage)) {
        /* Its stage is with a shared worker, or on the ladder: that goes on without it. */
        md_engine_set_failure_(m, &failure);
        if (++m->crashes >= e->params.max_crashes)
            md_engine_fail_(e, m, &failure, now_us);
    } else {
        md_engine_crashed_(e, m, &failure, now_us);
    }
}

static void back_off(struct md_engine *e, struct worker *w, int64_t now_us)
{
    const int most_doublings = 10;
    w->losses = MD_MIN(w->losses + 1, most_doublings);
    w->not_before_us = now_us + (e->params.restart_delay_us << (w->losses - 1));
}

/* Once too often: what needs this worker is done without it. */
static void count_failed_start(struct md_engine *e, struct worker *w,
                               const struct md_failure *failure, int64_t now_us)
{
    back_off(e, w, now_us);
    w->failure = *failure;
    w->broken = ++w->failed_starts >= e->params.max_crashes;
    md_engine_say_(e, w->broken ? MD_LOG_ERROR : MD_LOG_WARNING,
                   "the %s worker did not get ready%s: %.90s", md_executor_names[w->executor],
                   w->broken ? ", for the last time" : "", failure->message);
}

static void lost_shared(struct md_engine *e, struct worker *w, const struct md_event *event,
                        int64_t now_us)
{
    struct movie *m = w->movie;
    struct md_failure failure = {0};
    struct worker before = *w;
    bool expected = w->state == WORKER_STOPPING || w->after_oom;
    struct gov_lease lease = bury(e, w, now_us);
    w->movie = NULL;
    bool oom = before.state != WORKER_CONDEMNED && before.state != WORKER_IDLE && m &&
               md_engine_looks_like_oom_(e, &before, event, &lease);
    if (expected)
        return;
    describe_loss(&before, event, oom, &failure);
    if (before.state == WORKER_IDLE) {
        back_off(e, w, now_us);
        md_engine_say_(e, MD_LOG_WARNING, "%.140s", failure.message);
        return;
    }
    bool leaves = m && m->phase == PHASE_LEAVING;
    bool started = m && m->phase == PHASE_RUNNING;
    if (!started && !oom && !(leaves && before.cancelled))
        count_failed_start(e, w, &failure, now_us);
    else if (!oom)
        back_off(e, w, now_us);
    if (!m || leaves)
        return;
    if (ends_soon(e)) {
        md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
        md_engine_leave_(e, m, MD_MOVIE_CANCELLED, now_us);
    } else if (oom) {
        md_engine_out_of_memory_(e, m, &failure, &lease, now_us);
    } else if (started) {
        md_engine_lost_model_(e, m, &failure, now_us);
    } else if (w->broken) { /* which is told when the model is given up */
        md_engine_wait_(m, now_us);
    } else {
        md_engine_model_not_ready_(e, m, &failure, now_us);
    }
}

static bool is_oom(const struct md_failure *failure)
{
    return failure && (failure->code == MD_ERR_NOMEM || failure->code == MD_ERR_DEVICE_MEM);
}

static const struct md_failure unsaid = {.code = MD_ERR_BUG,
                                         .message = "failed and did not say why"};

static void media_failed(struct md_engine *e, struct worker *w, const struct md_event *event,
                         int64_t now_us)
{
    struct movie *m = w->movie;
    const struct md_failure *failure = event->failure ? event->failure : &unsaid;
    struct gov_lease lease = {.current_bytes = -1, .peak_bytes = -1};
    if (w->state == WORKER_STOPPING) { /* what was asked before we asked it to stop */
        md_engine_release_(e, w, NULL);
        w->asked = false;
        return;
    }
    if (w->state != WORKER_STARTING && !w->asked) {
        on_nonsense(e, w);
        return;
    }
    bool ran = m->phase == PHASE_RUNNING;
    bool starting = w->state == WORKER_STARTING;
    md_engine_release_(e, w, &lease);
    w->held_bytes = MD_MAX(lease.current_bytes, 0);
    w->free_then_bytes = e->seen_free_bytes;
    md_engine_rest_(e, w, now_us);
    if (is_oom(failure) && ran) {
        w->after_oom = true;
        md_engine_out_of_memory_(e, m, failure, &lease, now_us);
    } else if (is_oom(failure)) { /* nothing was leased for it: a fresh worker may have more luck */
        md_engine_quit_(e, w, now_us + e->params.quit_timeout_us);
        md_engine_crashed_(e, m, failure, now_us);
    } else if (starting) { /* it refuses the movie */
        md_engine_set_failure_(m, failure);
        md_engine_leave_(e, m, MD_MOVIE_FAILED, now_us);
    } else {
        md_engine_fail_(e, m, failure, now_us);
    }
}

static void shared_failed(struct md_engine *e, struct worker *w, const struct md_event *event,
                          int64_t now_us)
{
    struct movie *m = w->movie;
    const struct md_failure *failure = event->failure ? event->failure : &unsaid;
    bool starting = w->state == WORKER_STARTING;
    if (w->state == WORKER_STOPPING) {
        w->asked = false;
        w->movie = NULL;
        return;
    }
    if (!starting && !w->asked) {
        on_nonsense(e, w);
        return;
    }
    struct gov_lease lease = {.current_bytes = -1, .peak_bytes = -1};
    (void)gov_governor_lease(e->params.governor, w->lease, &lease);
    w->movie = NULL;
    md_engine_rest_(e, w, now_us);
    if (starting) { /* it has no model: no use for it */
        md_engine_unload_(e, w, now_us);
        if (!is_oom(failure))
            count_failed_start(e, w, failure, now_us);
    } else {
        md_engine_settle_(e, w);
    }
    if (!m || m->phase == PHASE_LEAVING)
        return;
    if (is_oom(failure)) {
        w->after_oom = w->state == WORKER_IDLE;
        md_engine_out_of_memory_(e, m, failure, &lease, now_us);
    } else if (starting && w->broken) {
        md_engine_wait_(m, now_us);
    } else if (starting) {
        md_engine_model_not_ready_(e, m, failure, now_us);
    } else {
        md_engine_give_model_up_(e, m, MD_FALLBACK_FAILED, failure, now_us);
    }
}

static bool on_ready(struct md_engine *e, struct worker *w, int64_t now_us)
{
    if (w->state != WORKER_STARTING)
        return false;
    md_engine_rest_(e, w, now_us);
    if (!is_shared(w)) {
        w->movie->phase = PHASE_IDLE;
        return true;
    }
    struct movie *m = w->movie;
    md_engine_progress_ready_(w, now_us);
    md_engine_note_load_(e, w, now_us);
    w->failed_starts = 0;
    w->movie = NULL;
    if (m && !e->paused && !ends_soon(e)) {
        md_engine_run_(e, m, w, now_us);
        return true;
    }
    md_engine_settle_(e, w);
    if (m)
        md_engine_wait_(m, now_us);
    return true;
}

static bool on_needed(struct md_engine *e, struct worker *w, const struct md_event *event,
                      int64_t now_us)
{
    struct movie *m = w->movie;
    if (is_shared(w) || w->state != WORKER_BUSY || m->phase != PHASE_CHECKING ||
        event->stage != m->stage || (int)event->executor < 0 || event->executor >= MD_EXECUTORS)
        return false;
    md_engine_rest_(e, w, now_us);
    m->executor = m->fallback ? MD_EXECUTOR_MEDIA : event->executor;
    if (m->executor != MD_EXECUTOR_MEDIA && !e->shared[m->executor].stages_seen) {
        e->shared[m->executor].stages_seen |= 1u << m->stage;
        md_engine_compare_models_(e);
    }
    m->units_total = m->fallback ? 0 : MD_MAX(event->units_total, 0);
    m->units_done = MD_CLAMP(event->units_done, 0, m->units_total);
    md_engine_wait_(m, now_us);
    return true;
}

static bool runs_stage(const struct worker *w, const struct md_event *event)
{
    const struct movie *m = w->movie;
    return w->asked && m && event->stage == m->stage && m->has_stage &&
           (!is_shared(w) || m->executor == w->executor);
}

/* Units that are done stay done: progress ends the ladder. */
static bool on_units(struct md_engine *e, struct worker *w, const struct md_event *event,
                     int64_t now_us)
{
    struct movie *m = w->movie;
    if (!runs_stage(w, event) || event->units_done < 0 || event->units_total < event->units_done)
        return false;
    if (m->begins_anew && event->units_done < m->units_done) {
        m->units_done = m->run_from_units = event->units_done;
        m->units_total = event->units_total;
    }
    m->begins_anew = false;
    if (event->units_done <= m->units_done)
        return true;
    m->units_done = event->units_done;
    m->units_total = event->units_total;
    md_engine_progress_unit_(w, now_us);
    /* Who is lost once in a while and gets on is not lost again and again; units end some day. */
    m->losses = w->losses = 0;
    gov_recover_note_success(&m->recover);
    if (m->phase == PHASE_RUNNING)
        md_engine_emit_(e, MD_COMMAND_UNITS, m);
    return true;
}

static bool on_done(struct md_engine *e, struct worker *w, const struct md_event *event,
                    int64_t now_us)
{
    struct movie *m = w->movie;
    if (!runs_stage(w, event))
        return false;
    if (m->phase == PHASE_RUNNING) {
        if (event->result.peak_rss_bytes > 0 && w->lease != GOV_LEASE_NONE &&
            !e->params.device_is_gpu)
            gov_governor_report_peak(e->params.governor, w->lease, event->result.peak_rss_bytes);
        md_engine_learn_(e, m, w, &event->result);
        e->waiting_is_vain[m->executor] = m->forced;
        e->alone_for[m->executor] = MD_MAX(e->alone_for[m->executor] - 1, 0);
    }
    md_engine_rest_(e, w, now_us);
    md_engine_stage_done_(e, m, event);
    w->losses = 0;
    if (!is_shared(w)) {
        md_engine_release_(e, w, NULL);
        return true;
    }
    w->movie = NULL;
    md_engine_settle_(e, w);
    /* What its pools kept was cut for this movie and may not do for the next one. */
    if (!e->params.policy.ungoverned && !e->params.policy.no_ladder && w->lease != GOV_LEASE_NONE)
        md_engine_request_tier_(e, GOV_TIER_STANDARD, now_us);
    return true;
}

static bool on_finished(struct md_engine *e, struct worker *w, int64_t now_us)
{
    struct movie *m = w->movie;
    if (is_shared(w) || m->phase != PHASE_FINISHING || !w->asked)
        return false;
    md_engine_rest_(e, w, now_us);
    md_engine_leave_(e, m, MD_MOVIE_DONE, now_us);
    return true;
}

static void on_spawned(struct md_engine *e, struct worker *w, const struct md_event *event)
{
    w->pid = event->pid;
    if (w->pid <= 0)
        return;
    /* Without memory for that the worker is merely not seen as ours while it holds no lease. */
    (void)gov_governor_watch(e->params.governor, w->pid);
    if (w->lease != GOV_LEASE_NONE)
        (void)gov_governor_bind(e->params.governor, w->lease, w->pid);
}

static void on_alive(struct md_engine *e, struct worker *w, int64_t now_us)
{
    if (w->cancelled)
        return; /* it has until the deadline to stop */
    int64_t end_us = md_engine_progress_end_(w);
    if (w->state == WORKER_BUSY && e->params.stall_us)
        w->deadline_us = MD_MIN(now_us + e->params.stall_us, end_us);
    else if (w->state == WORKER_STARTING && is_shared(w))
        w->deadline_us =
            MD_MAX(w->deadline_us, MD_MIN(now_us + e->params.ready_timeout_us, end_us));
    else if (w->state == WORKER_IDLE && e->params.heartbeat_us)
        w->deadline_us = now_us + e->params.heartbeat_us;
}

void md_engine_worker_event_(struct md_engine *e, struct worker *w, const struct md_event *event,
                             int64_t now_us)
{
    bool understood = true;
    if (w->state == WORKER_CONDEMNED && event->kind != MD_EVENT_GONE)
        return;
    switch (event->kind) {
    case MD_EVENT_SPAWNED:
        on_spawned(e, w, event);
        return;
    case MD_EVENT_SPAWN_FAILED:
    case MD_EVENT_GONE:
        (is_shared(w) ? lost_shared : lost_media)(e, w, event, now_us);
        return;
    case MD_EVENT_FAILED:
        (is_shared(w) ? shared_failed : media_failed)(e, w, event, now_us);
        return;
    case MD_EVENT_ALIVE:
        on_alive(e, w, now_us);
        return;
    case MD_EVENT_UNLOAD:
        if (is_shared(w) && w->state == WORKER_IDLE)
            md_engine_unload_(e, w, now_us);
        return;
    case MD_EVENT_READY:
        understood = on_ready(e, w, now_us);
        break;
    case MD_EVENT_NEEDED:
        understood = on_needed(e, w, event, now_us);
        break;
    case MD_EVENT_UNITS:
        understood = on_units(e, w, event, now_us);
        on_alive(e, w, now_us); /* who finishes units does not hang */
        break;
    case MD_EVENT_DONE:
        understood = on_done(e, w, event, now_us);
        break;
    case MD_EVENT_FINISHED:
        understood = on_finished(e, w, now_us);
        break;
    default:
        understood = false;
        break;
    }
    /* Answers that were under way when we asked it to stop are no nonsense. */
    if (!understood && (w->state != WORKER_STOPPING || event->kind == MD_EVENT_BROKEN))
        on_nonsense(e, w);
}

void md_engine_worker_deadline_(struct md_engine *e, struct worker *w, int64_t now_us)
{
    switch (w->state) {
    case WORKER_STARTING:
        md_engine_condemn_(e, w, "did not start in time");
        break;
    case WORKER_BUSY:
        md_engine_condemn_(e, w,
                           w->cancelled                           ? "did not stop in time"
                           : now_us >= md_engine_progress_end_(w) ? "was alive and did not get on"
                                                                  : "hung without a sign of life");
        break;
    case WORKER_IDLE:
        md_engine_condemn_(e, w, "hung without a sign of life");
        break;
    case WORKER_STOPPING:
        md_engine_kill_(e, w);
        w->deadline_us = NEVER_US;
        break;
    default:
        w->deadline_us = NEVER_US;
        break;
    }
}
