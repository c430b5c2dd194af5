/* One function per event, each a few assignments and commands; what follows from them is decided by
 * schedule.c after every event, so no event needs to know the others. */
#include "engine/engine_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

const struct md_engine_params md_engine_params_default = {
    .max_crashes = 3,
    .max_ooms = 3,
    .ready_timeout_us = 30 * MD_SECOND_US, /* a loaded machine, a cold disk */
    .stall_us = 300 * MD_SECOND_US,        /* stages speak at least every second; disks may wake up,
                                              networks come back */
    .quit_timeout_us = 5 * MD_SECOND_US,
    .cancel_grace_us = MD_SECOND_US * 3 / 2, /* Ctrl-C is over within two seconds */
    .restart_delay_us = MD_SECOND_US / 5,
    .patience_us = 10 * MD_SECOND_US,
};

enum {
    /* Most commands one step can cause: for each movie in flight an answer, a log line and what is
     * started next, and the rest of the queue ending at once. */
    COMMANDS_PER_MOVIE = 8,
    COMMANDS_BESIDE = 16,
    MOST_REGIMES = 256, /* stages x codecs x sizes of any shelf */
};

int md_engine_auto_movies(int cores, int64_t preset_movies)
{
    const int cores_a_movie = 2;
    int64_t movies = MD_MIN(MD_MAX(cores / cores_a_movie, 1), preset_movies);
    return (int)MD_CLAMP(movies, 1, MD_ENGINE_MAX_MOVIES);
}

static unsigned with_needs(unsigned stages)
{
    for (int s = MD_STAGES - 1; s >= 0; s--)
        if (stages & 1u << s)
            stages |= md_stage_needs((enum md_stage)s);
    return stages;
}

int md_engine_new(const struct md_engine_params *params, struct md_engine **ret_engine)
{
    const unsigned all = (1u << MD_STAGES) - 1;
    if (!params->governor || params->cores < 1 || params->max_movies < 1 ||
        params->max_movies > MD_ENGINE_MAX_MOVIES || params->threads < 0 || !params->stages ||
        params->stages & ~all || params->max_crashes < 1 || params->max_ooms < 1)
        return MD_ERR_INPUT;
    struct md_engine *e = calloc(1, sizeof *e);
    if (!e)
        return MD_ERR_NOMEM;
    e->params = *params;
    e->params.stages = with_needs(params->stages);
    e->oldest = SIZE_MAX;
    if (md_vec_reserve(&e->commands, COMMANDS_BESIDE) < 0 ||
        gov_history_new(&gov_config_default, MOST_REGIMES, &e->history) < 0) {
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
    for (size_t i = 0; i < e->movies.n; i++)
        if (e->movies.v[i].lease != GOV_LEASE_NONE)
            gov_governor_release(e->params.governor, e->movies.v[i].lease, NULL);
    gov_history_free(e->history);
    md_vec_done(&e->movies);
    md_vec_done(&e->commands);
    free(e);
}

struct md_command *md_engine_emit_(struct md_engine *e, enum md_command_kind kind,
                                   const struct movie *m)
{
    assert(e->commands.n < e->commands.cap);
    struct md_command *command = &e->commands.v[e->commands.n++];
    *command = (struct md_command){.kind = kind};
    if (m) {
        command->movie = movie_index(e, m);
        command->worker = m->worker;
        command->stage = m->stage;
        command->attempt = m->attempt;
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

size_t md_engine_unfinished_(const struct md_engine *e)
{
    return e->movies.n - e->ended_count[MD_MOVIE_DONE] - e->ended_count[MD_MOVIE_FAILED] -
           e->ended_count[MD_MOVIE_CANCELLED];
}

void md_engine_release_(struct md_engine *e, struct movie *m, struct gov_lease *ret_lease)
{
    if (m->lease == GOV_LEASE_NONE)
        return;
    gov_governor_release(e->params.governor, m->lease, ret_lease);
    m->lease = GOV_LEASE_NONE;
    e->lease_count--;
}

static void leave_flight(struct md_engine *e, size_t movie)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->in_flight_count; i++)
        if (e->in_flight[i] != movie)
            e->in_flight[kept++] = e->in_flight[i];
    e->in_flight_count = kept;
}

void md_engine_end_movie_(struct md_engine *e, struct movie *m, enum md_movie_end end)
{
    md_engine_release_(e, m, NULL);
    m->phase = PHASE_ENDED;
    m->end = end;
    m->deadline_us = NEVER_US;
    e->ended_count[end]++;
    leave_flight(e, movie_index(e, m));
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_MOVIE_ENDED, m);
    command->end = end;
    command->failure = end == MD_MOVIE_DONE ? NULL : &m->failure;
}

void md_engine_quit_(struct md_engine *e, struct movie *m, int64_t now_us)
{
    md_engine_emit_(e, MD_COMMAND_QUIT, m);
    m->phase = PHASE_STOPPING;
    m->deadline_us = now_us + e->params.quit_timeout_us;
    if (e->cancels)
        m->deadline_us = MD_MIN(m->deadline_us, e->cancel_deadline_us);
}

int md_engine_reserve(struct md_engine *e, size_t movies)
{
    size_t in_flight = 2 * (size_t)e->params.max_movies;
    size_t commands = COMMANDS_BESIDE + COMMANDS_PER_MOVIE * in_flight + movies;
    if (md_vec_reserve(&e->commands, commands) < 0 || md_vec_reserve(&e->movies, movies) < 0)
        return MD_ERR_NOMEM;
    return MD_OK;
}

static int add_movie(struct md_engine *e, const struct md_event *event)
{
    if (md_engine_reserve(e, e->movies.n + 1) < 0 ||
        md_vec_push(&e->movies, (struct movie){.phase = PHASE_QUEUED}) < 0)
        return MD_ERR_NOMEM;
    struct movie *m = &e->movies.v[e->movies.n - 1];
    m->deadline_us = NEVER_US;
    m->attempt = 1;
    const char *label = event->label ? event->label : "";
    md_utf8_sanitize(m->label, sizeof m->label, label, strlen(label));
    if (e->cancels) {
        md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled before it was started");
        md_engine_end_movie_(e, m, MD_MOVIE_CANCELLED);
        e->next_queued = e->movies.n;
    }
    return MD_OK;
}

static void on_alive(struct md_engine *e, struct movie *m, int64_t now_us)
{
    if (m->asked || m->phase == PHASE_FINISHING)
        m->deadline_us = e->params.stall_us ? now_us + e->params.stall_us : NEVER_US;
}

static void on_spawned(struct md_engine *e, struct movie *m, const struct md_event *event)
{
    m->pid = event->pid;
    /* Without memory for that the worker is merely not seen as ours while it holds no lease. */
    (void)gov_governor_watch(e->params.governor, m->pid);
}

static void on_done(struct md_engine *e, struct movie *m, const struct md_event *event)
{
    m->asked = false;
    m->has_stage = false;
    m->done |= 1u << m->stage;
    if (m->lease != GOV_LEASE_NONE && event->result.peak_rss_bytes > 0) {
        gov_governor_report_peak(e->params.governor, m->lease, event->result.peak_rss_bytes);
        md_engine_learn_(e, m, event->result.peak_rss_bytes);
    }
    if (event->facts && event->facts->known)
        m->facts = *event->facts;
    md_engine_release_(e, m, NULL);
    md_engine_emit_(e, MD_COMMAND_STAGE_FINISHED, m)->result = event->result;
    m->attempt = 1;
    m->ooms = 0;
    m->least_bytes = 0;
    m->alone = false;
    if (m->phase != PHASE_STOPPING) {
        m->phase = PHASE_IDLE;
        m->deadline_us = NEVER_US;
    }
}

/* A worker says what it was not asked: it cannot be trusted with anything more. */
static void on_nonsense(struct md_engine *e, struct movie *m)
{
    if (m->phase != PHASE_STOPPING)
        md_engine_condemn_(e, m, "broke the protocol");
    else if (!m->kill_sent) {
        m->kill_sent = true;
        md_engine_emit_(e, MD_COMMAND_KILL, m);
    }
}

static void on_worker_event(struct md_engine *e, struct movie *m, const struct md_event *event,
                            int64_t now_us)
{
    enum phase phase = m->phase;
    bool answers_stage = m->asked && event->stage == m->stage;
    if (phase == PHASE_CONDEMNED && event->kind != MD_EVENT_GONE)
        return;
    switch (event->kind) {
    case MD_EVENT_SPAWNED:
        on_spawned(e, m, event);
        return;
    case MD_EVENT_SPAWN_FAILED:
    case MD_EVENT_GONE:
        md_engine_lost_worker_(e, m, event, now_us);
        return;
    case MD_EVENT_ALIVE:
        on_alive(e, m, now_us);
        return;
    case MD_EVENT_DONE:
        if (answers_stage) {
            on_done(e, m, event);
            return;
        }
        break;
    case MD_EVENT_FAILED:
        md_engine_stage_failed_(e, m, event->failure, now_us);
        return;
    case MD_EVENT_READY:
        if (phase == PHASE_STARTING) {
            m->phase = PHASE_IDLE;
            m->deadline_us = NEVER_US;
            return;
        }
        break;
    case MD_EVENT_NEEDED:
        if (phase == PHASE_CHECKING && answers_stage) {
            m->asked = false;
            md_engine_wait_(m, now_us);
            return;
        }
        break;
    case MD_EVENT_FINISHED:
        if (phase == PHASE_FINISHING) {
            m->end = MD_MOVIE_DONE;
            md_engine_quit_(e, m, now_us);
            return;
        }
        break;
    default:
        break;
    }
    /* Answers that were under way when we asked it to stop are no nonsense. */
    if (phase != PHASE_STOPPING || event->kind == MD_EVENT_BROKEN)
        on_nonsense(e, m);
}

static struct movie *movie_of_worker(struct md_engine *e, uint32_t worker)
{
    for (size_t i = 0; worker && i < e->in_flight_count; i++)
        if (e->movies.v[e->in_flight[i]].worker == worker)
            return &e->movies.v[e->in_flight[i]];
    return NULL;
}

static void on_sampled(struct md_engine *e, int64_t now_us)
{
    const int64_t reclaimable_unknown = -1;
    struct gov_pressure_decision decision;
    if (gov_governor_check_pressure(e->params.governor, now_us, reclaimable_unknown, &decision) < 0)
        return;
    if (decision.tier != GOV_TIER_NONE)
        md_engine_emit_(e, MD_COMMAND_RUN_TIER, NULL)->tier = decision.tier;
}

static int handle(struct md_engine *e, const struct md_event *event, int64_t now_us)
{
    switch (event->kind) {
    case MD_EVENT_ADD:
        return e->has_ended || e->closed ? MD_ERR_BUG : add_movie(e, event);
    case MD_EVENT_CLOSE:
        e->closed = true;
        return MD_OK;
    case MD_EVENT_SAMPLED:
        on_sampled(e, now_us);
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
    case MD_EVENT_ALIVE:
    case MD_EVENT_DONE:
    case MD_EVENT_FAILED:
    case MD_EVENT_FINISHED:
    case MD_EVENT_BROKEN:
    case MD_EVENT_GONE:
        break;
    default:
        return MD_ERR_BUG;
    }
    struct movie *m = movie_of_worker(e, event->worker);
    if (m)
        on_worker_event(e, m, event, now_us);
    return MD_OK;
}

static void deadline_passed(struct md_engine *e, struct movie *m)
{
    switch (m->phase) {
    case PHASE_STARTING:
        md_engine_condemn_(e, m, "did not start in time");
        break;
    case PHASE_CHECKING:
    case PHASE_RUNNING:
    case PHASE_FINISHING:
        md_engine_condemn_(e, m, "hung without a sign of life");
        break;
    case PHASE_STOPPING:
        if (!m->kill_sent) {
            m->kill_sent = true;
            md_engine_emit_(e, MD_COMMAND_KILL, m);
        }
        m->deadline_us = NEVER_US;
        break;
    default: /* BACKOFF is up to the scheduler */
        break;
    }
}

static bool in_flight_is_valid(const struct md_engine *e)
{
    size_t leases = 0;
    for (size_t i = 0; i < e->in_flight_count; i++) {
        const struct movie *m = &e->movies.v[e->in_flight[i]];
        if (m->phase == PHASE_QUEUED || m->phase == PHASE_ENDED || m->phase == PHASE_IDLE)
            return false;
        if (i && e->in_flight[i - 1] >= e->in_flight[i])
            return false;
        if ((m->phase == PHASE_BACKOFF) != (m->worker == 0))
            return false;
        if (m->phase == PHASE_RUNNING && (!m->lease || !m->asked))
            return false;
        if (m->lease && (m->phase == PHASE_WAITING || m->phase == PHASE_BACKOFF))
            return false;
        leases += m->lease != GOV_LEASE_NONE;
        for (size_t j = 0; j < i; j++)
            if (m->worker && e->movies.v[e->in_flight[j]].worker == m->worker)
                return false;
    }
    return leases == e->lease_count;
}

bool md_engine_is_valid(const struct md_engine *e)
{
    size_t ended[3] = {0}, in_flight = 0;
    for (size_t i = 0; i < e->movies.n; i++) {
        const struct movie *m = &e->movies.v[i];
        if (m->phase == PHASE_QUEUED && i < e->next_queued)
            return false;
        if (m->phase != PHASE_QUEUED && i >= e->next_queued)
            return false;
        if (m->phase == PHASE_ENDED)
            ended[m->end]++;
        else if (m->phase != PHASE_QUEUED)
            in_flight++;
        if (m->phase == PHASE_ENDED && (m->lease || m->worker))
            return false;
        if (m->done & ~e->params.stages)
            return false;
    }
    return in_flight == e->in_flight_count && memcmp(ended, e->ended_count, sizeof ended) == 0 &&
           in_flight_is_valid(e) && gov_governor_is_valid(e->params.governor);
}

int md_engine_step(struct md_engine *e, const struct md_event *event, int64_t now_us,
                   const struct md_command **ret_commands, size_t *ret_count)
{
    e->commands.n = 0;
    int r = handle(e, event, now_us);
    if (r == MD_OK && !e->has_ended) {
        for (size_t i = 0; i < e->in_flight_count; i++)
            if (now_us >= e->movies.v[e->in_flight[i]].deadline_us)
                deadline_passed(e, &e->movies.v[e->in_flight[i]]);
        md_engine_schedule_(e, now_us);
        if (e->closed && e->in_flight_count == 0 && e->next_queued == e->movies.n) {
            e->has_ended = true;
            md_engine_emit_(e, MD_COMMAND_END, NULL);
        }
    }
    assert(in_flight_is_valid(e));
    *ret_commands = e->commands.v;
    *ret_count = e->commands.n;
    return r;
}

int64_t md_engine_deadline_us(const struct md_engine *e)
{
    int64_t deadline = md_engine_patience_end_(e);
    for (size_t i = 0; i < e->in_flight_count; i++)
        deadline = MD_MIN(deadline, e->movies.v[e->in_flight[i]].deadline_us);
    return deadline;
}

bool md_engine_has_ended(const struct md_engine *e)
{
    return e->has_ended;
}

size_t md_engine_count(const struct md_engine *e, enum md_movie_end end)
{
    return e->ended_count[end];
}
