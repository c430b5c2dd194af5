/* What is done when something went wrong. Small on purpose: the ladder of docs/memory.md grows
 * here, rung by rung, without the other files knowing. */
#include "engine/engine_internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void md_engine_condemn_(struct md_engine *e, struct movie *m, const char *why)
{
    md_engine_emit_(e, MD_COMMAND_KILL, m);
    m->kill_sent = true;
    m->phase = PHASE_CONDEMNED;
    m->condemned_for = why;
    m->deadline_us = NEVER_US;
}

static bool device_is_short(const struct md_engine *e)
{
    const double high_percent = 90;
    struct gov_sample sample;
    return gov_governor_last_sample(e->params.governor, &sample) == GOV_OK &&
           gov_sample_used_percent(&sample) >= high_percent;
}

static bool oom_killer_struck(const struct md_engine *e, const struct movie *m)
{
    struct gov_sample sample;
    return gov_governor_last_sample(e->params.governor, &sample) == GOV_OK &&
           sample.valid & GOV_SAMPLE_OOM_KILLS && sample.oom_kills > m->oom_kills;
}

/* Nobody but the kernel's out-of-memory killer (or a person) sends SIGKILL to our workers. It is
 * believed to have been memory when the system counted an OOM kill meanwhile, when the device is
 * nearly full, or when the worker had more than it was granted. */
static bool looks_like_oom(const struct md_engine *e, const struct movie *m,
                           const struct md_event *event, const struct gov_lease *lease)
{
    if (event->kind != MD_EVENT_GONE || event->signal != SIGKILL || m->kill_sent ||
        m->phase != PHASE_RUNNING)
        return false;
    return oom_killer_struck(e, m) || device_is_short(e) ||
           lease->peak_bytes > lease->granted_bytes;
}

static void describe_loss(const struct movie *m, const struct md_event *event, bool oom,
                          struct md_failure *failure)
{
    char how[96];
    const char *words = event->last_words && *event->last_words ? event->last_words : NULL;
    if (event->kind == MD_EVENT_SPAWN_FAILED) {
        *failure = *event->failure;
        return;
    }
    if (oom)
        snprintf(how, sizeof how, "ran out of memory and was killed by the system");
    else if (m->condemned_for)
        snprintf(how, sizeof how, "%s", m->condemned_for);
    else if (event->signal)
        snprintf(how, sizeof how, "was killed by signal %d (%s)", event->signal,
                 sigdescr_np(event->signal) ? sigdescr_np(event->signal) : "unknown");
    else
        snprintf(how, sizeof how, "ended unexpectedly with status %d", event->exit_status);
    md_fail(failure, oom ? MD_ERR_NOMEM : MD_ERR_CRASHED, "the worker %s%s%s", how,
            words ? "; its last words: " : "", words ? words : "");
}

static void set_failure(struct movie *m, const struct md_failure *failure)
{
    m->failure = *failure;
    if (m->has_stage && !m->failure.stage[0])
        snprintf(m->failure.stage, sizeof m->failure.stage, "%s", md_stage_names[m->stage]);
}

/* Counts the loss; true while there is to be another try. */
static bool may_retry(struct md_engine *e, struct movie *m, bool oom)
{
    if (e->cancels)
        return false;
    return oom ? ++m->ooms < e->params.max_ooms : ++m->crashes < e->params.max_crashes;
}

/* The next try asks for half as much again as was asked or seen, and for nobody beside it. */
static void ask_more_next_time(struct movie *m, int64_t peak_bytes)
{
    const int64_t most = INT64_MAX / 4;
    int64_t bytes = MD_MAX(MD_MAX(m->asked_bytes, m->least_bytes), peak_bytes);
    m->least_bytes = MD_MIN(bytes, most) / 2 * 3;
    m->alone = true;
}

static void tell_failure(struct md_engine *e, struct movie *m, bool retry)
{
    if (m->has_stage) {
        struct md_command *command = md_engine_emit_(e, MD_COMMAND_STAGE_FAILED, m);
        command->failure = &m->failure;
        command->will_retry = retry;
    } else if (retry) {
        md_engine_say_(e, MD_LOG_WARNING, "%s: %.100s; trying again", m->label, m->failure.message);
    }
}

static int64_t restart_delay(const struct md_engine *e, const struct movie *m)
{
    int losses = MD_CLAMP(m->crashes + m->ooms, 1, 10);
    return e->params.restart_delay_us << (losses - 1);
}

static void enter_backoff(struct md_engine *e, struct movie *m, int64_t now_us)
{
    m->phase = PHASE_BACKOFF;
    m->restart = false;
    m->asked = false;
    m->attempt++;
    m->deadline_us = now_us + restart_delay(e, m);
}

void md_engine_lost_worker_(struct md_engine *e, struct movie *m, const struct md_event *event,
                            int64_t now_us)
{
    struct gov_lease lease = {.peak_bytes = -1};
    struct md_failure failure = {0};
    md_engine_release_(e, m, &lease);
    if (m->pid > 0)
        gov_governor_unwatch(e->params.governor, m->pid);
    m->pid = 0;
    bool oom = looks_like_oom(e, m, event, &lease);
    m->worker = 0;
    m->asked = false;
    if (m->phase == PHASE_STOPPING) {
        if (m->restart)
            enter_backoff(e, m, now_us);
        else
            md_engine_end_movie_(e, m, m->end);
        return;
    }
    describe_loss(m, event, oom, &failure);
    set_failure(m, &failure);
    bool retry = may_retry(e, m, oom);
    if (oom)
        ask_more_next_time(m, lease.peak_bytes);
    if (e->cancels) {
        md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
        md_engine_end_movie_(e, m, MD_MOVIE_CANCELLED);
        return;
    }
    tell_failure(e, m, retry);
    if (retry)
        enter_backoff(e, m, now_us);
    else
        md_engine_end_movie_(e, m, MD_MOVIE_FAILED);
}

void md_engine_stage_failed_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                             int64_t now_us)
{
    struct gov_lease lease = {.peak_bytes = -1};
    if (m->phase == PHASE_STOPPING) /* what was asked before we asked it to stop */
        return;
    if (m->phase != PHASE_STARTING && m->phase != PHASE_FINISHING && !m->asked) {
        md_engine_condemn_(e, m, "broke the protocol");
        return;
    }
    md_engine_release_(e, m, &lease);
    m->asked = false;
    set_failure(m, failure);
    bool oom = failure->code == MD_ERR_NOMEM || failure->code == MD_ERR_DEVICE_MEM;
    bool retry = oom && may_retry(e, m, true);
    if (oom)
        ask_more_next_time(m, lease.peak_bytes);
    tell_failure(e, m, retry);
    m->restart = retry;
    m->end = MD_MOVIE_FAILED;
    md_engine_quit_(e, m, now_us);
}

/* A worker that is asked to stop: a running stage is cancelled, then it quits. */
static void stop_for_cancel(struct md_engine *e, struct movie *m)
{
    if (m->phase == PHASE_FINISHING) {
        m->deadline_us = e->cancel_deadline_us; /* it is nearly over: let it be */
        return;
    }
    if (m->phase == PHASE_STOPPING) {
        if (m->restart) {
            m->restart = false;
            m->end = MD_MOVIE_CANCELLED;
        }
        m->deadline_us = MD_MIN(m->deadline_us, e->cancel_deadline_us);
        return;
    }
    if (m->phase == PHASE_CONDEMNED)
        return;
    if (m->asked)
        md_engine_emit_(e, MD_COMMAND_CANCEL, m);
    m->end = MD_MOVIE_CANCELLED;
    md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
    md_engine_emit_(e, MD_COMMAND_QUIT, m);
    m->phase = PHASE_STOPPING;
    m->deadline_us = e->cancel_deadline_us;
}

static void cancel_gently(struct md_engine *e)
{
    /* Backwards: ending a movie takes it out of the list. */
    for (size_t i = e->in_flight_count; i-- > 0;) {
        struct movie *m = &e->movies.v[e->in_flight[i]];
        if (m->phase == PHASE_BACKOFF) {
            md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
            md_engine_end_movie_(e, m, MD_MOVIE_CANCELLED);
        } else {
            stop_for_cancel(e, m);
        }
    }
    while (e->next_queued < e->movies.n) {
        struct movie *m = &e->movies.v[e->next_queued++];
        md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled before it was started");
        md_engine_end_movie_(e, m, MD_MOVIE_CANCELLED);
    }
}

void md_engine_cancel_(struct md_engine *e, int64_t now_us)
{
    if (e->cancels++ == 0) {
        e->cancel_deadline_us = now_us + e->params.cancel_grace_us;
        cancel_gently(e);
        return;
    }
    for (size_t i = 0; i < e->in_flight_count; i++) {
        struct movie *m = &e->movies.v[e->in_flight[i]];
        if (m->worker && !m->kill_sent) {
            m->kill_sent = true;
            md_engine_emit_(e, MD_COMMAND_KILL, m);
        }
    }
}
