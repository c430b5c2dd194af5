/* Looks at every movie in flight, oldest first, after every event: at most a few dozen, and asking
 * the governor is arithmetic, so nothing is remembered that could become wrong. */
#include "engine/engine_internal.h"

#include <inttypes.h>
#include <string.h>

static void start_worker(struct md_engine *e, struct movie *m, int64_t now_us)
{
    if (!m->was_started) {
        m->was_started = true;
        md_engine_emit_(e, MD_COMMAND_MOVIE_STARTED, m);
    }
    m->worker = ++e->last_worker;
    m->pid = 0;
    m->kill_sent = false;
    m->restart = false;
    m->asked = false;
    m->condemned_for = NULL;
    m->phase = PHASE_STARTING;
    m->deadline_us = now_us + e->params.ready_timeout_us;
    md_engine_emit_(e, MD_COMMAND_START_WORKER, m);
}

/* The first wanted stage that is not done and has what it needs; -1: all are done. */
static int next_stage(const struct md_engine *e, const struct movie *m)
{
    for (int s = 0; s < MD_STAGES; s++) {
        unsigned needs = md_stage_needs((enum md_stage)s);
        if (e->params.stages & ~m->done & 1u << s && !(needs & ~m->done))
            return s;
    }
    return -1;
}

static void set_busy(struct md_engine *e, struct movie *m, enum phase phase, int64_t now_us)
{
    m->phase = phase;
    m->deadline_us = e->params.stall_us ? now_us + e->params.stall_us : NEVER_US;
}

void md_engine_wait_(struct movie *m, int64_t now_us)
{
    m->phase = PHASE_WAITING;
    m->deadline_us = NEVER_US;
    m->waiting_since_us = now_us;
    m->asked_memory = false;
    m->waiting_told = false;
}

static void ask_next(struct md_engine *e, struct movie *m, int64_t now_us)
{
    int stage = next_stage(e, m);
    if (stage < 0) {
        md_engine_emit_(e, MD_COMMAND_FINISH_MOVIE, m);
        set_busy(e, m, PHASE_FINISHING, now_us);
        return;
    }
    m->stage = (enum md_stage)stage;
    m->has_stage = true;
    if (e->params.force) {
        md_engine_wait_(m, now_us);
        return;
    }
    m->asked = true;
    md_engine_emit_(e, MD_COMMAND_CHECK, m);
    set_busy(e, m, PHASE_CHECKING, now_us);
}

/* The oldest movie that still goes on. */
static size_t find_oldest(const struct md_engine *e)
{
    for (size_t i = 0; i < e->in_flight_count; i++)
        if (!is_leaving(&e->movies.v[e->in_flight[i]]))
            return e->in_flight[i];
    return SIZE_MAX;
}

static int threads_for(const struct md_engine *e)
{
    if (e->params.threads > 0)
        return e->params.threads;
    size_t sharing = MD_MIN(md_engine_unfinished_(e), (size_t)e->params.max_movies);
    return MD_MAX(e->params.cores / (int)MD_MAX(sharing, 1), 1);
}

static uint64_t oom_kills_now(const struct md_engine *e)
{
    struct gov_sample sample;
    if (gov_governor_last_sample(e->params.governor, &sample) < 0 ||
        !(sample.valid & GOV_SAMPLE_OOM_KILLS))
        return 0;
    return sample.oom_kills;
}

static int64_t patience_end(const struct md_engine *e, const struct movie *m)
{
    return MD_MAX(m->waiting_since_us, e->oldest_since_us) + e->params.patience_us;
}

int64_t md_engine_patience_end_(const struct md_engine *e)
{
    if (e->oldest == SIZE_MAX || e->movies.v[e->oldest].phase != PHASE_WAITING)
        return NEVER_US;
    return patience_end(e, &e->movies.v[e->oldest]);
}

/* The oldest movie always may run. It waits a moment for what will certainly come back, the leases
 * of younger ones, or may come back, a neighbour's memory; not for what never comes. */
static bool may_force(const struct md_engine *e, const struct movie *m,
                      const struct gov_admission *refused, int64_t now_us)
{
    if (movie_index(e, m) != e->oldest)
        return false;
    if (m->impatient || now_us >= patience_end(e, m))
        return true;
    return e->lease_count == 0 &&
           (refused->verdict == GOV_NEVER || refused->reason == GOV_REASON_NO_SAMPLE);
}

static void run_stage(struct md_engine *e, struct movie *m, uint64_t lease, int threads,
                      int64_t now_us)
{
    m->lease = lease;
    e->lease_count++;
    if (m->pid > 0)
        gov_governor_bind(e->params.governor, lease, m->pid);
    m->oom_kills = oom_kills_now(e);
    m->asked = true;
    m->hopeless = false;
    md_engine_emit_(e, MD_COMMAND_RUN, m)->threads = threads;
    set_busy(e, m, PHASE_RUNNING, now_us);
}

static bool admit(struct md_engine *e, const struct gov_request *request,
                  struct gov_admission *ret_admission)
{
    if (gov_governor_admit(e->params.governor, request, ret_admission) == GOV_OK)
        return ret_admission->verdict == GOV_GRANTED;
    /* No memory even for the ledger: not granted, and worth another try later. */
    *ret_admission = (struct gov_admission){.verdict = GOV_QUEUED, .reason = GOV_REASON_NO_SAMPLE};
    return false;
}

static void regime_of(const struct movie *m, char key[GOV_REGIME_MAX])
{
    struct gov_regime regime = {
        .device = "host",
        .stage = md_stage_names[m->stage],
        .codec = m->facts.codec,
        .width = (int32_t)MD_CLAMP(m->facts.width, 0, INT32_MAX),
        .height = (int32_t)MD_CLAMP(m->facts.height, 0, INT32_MAX),
    };
    gov_regime_key(&regime, key);
}

void md_engine_learn_(struct md_engine *e, const struct movie *m, int64_t peak_bytes)
{
    char key[GOV_REGIME_MAX];
    if (m->model_bytes <= 0)
        return;
    regime_of(m, key);
    (void)gov_history_add(e->history, key, m->model_bytes, peak_bytes);
    md_engine_say_(e, MD_LOG_DEBUG, "memory of %s: %" PRId64 " MB predicted, %" PRId64 " MB taken",
                   key, m->asked_bytes / 1000000, peak_bytes / 1000000);
}

/* What the stage is expected to take, and on how many measurements that rests. */
static struct gov_prediction predict(struct md_engine *e, struct movie *m, int threads)
{
    char key[GOV_REGIME_MAX];
    struct gov_prediction prediction = {0};
    m->model_bytes = md_estimate_stage(m->stage, &m->facts, threads, e->params.max_height);
    if (m->model_bytes > 0) {
        regime_of(m, key);
        prediction = gov_history_correct(e->history, key, m->model_bytes);
    }
    prediction.bytes = MD_MAX(prediction.bytes, m->least_bytes);
    return prediction;
}

/* Asks for the lease of a waiting stage, and forces it where that is due. */
static void ask_memory(struct md_engine *e, struct movie *m, int64_t now_us)
{
    int threads = threads_for(e);
    struct gov_prediction prediction = predict(e, m, threads);
    struct gov_request request = {
        .owner = m->label,
        .stage = md_stage_names[m->stage],
        .owner_order = (int64_t)movie_index(e, m),
        .stage_order = m->stage,
        .pid = m->pid,
        .predicted_bytes = prediction.bytes,
        .history_count = prediction.count,
        .now_us = now_us,
        /* Every refusal says why; once is enough while nothing has changed. */
        .flags = m->asked_memory ? GOV_REQUEST_DRY_RUN : 0,
    };
    struct gov_admission admission;
    m->asked_bytes = request.predicted_bytes;
    bool others = m->alone && e->lease_count > 0;
    bool granted = !others && admit(e, &request, &admission);
    if (granted && request.flags & GOV_REQUEST_DRY_RUN) {
        request.flags = 0;
        granted = admit(e, &request, &admission);
    }
    if (others)
        admission = (struct gov_admission){.verdict = GOV_QUEUED, .reason = GOV_REASON_BUDGET};
    else
        m->asked_memory = true;
    if (!granted && may_force(e, m, &admission, now_us)) {
        request.flags = GOV_REQUEST_FORCE;
        granted = admit(e, &request, &admission);
        m->impatient = true;
    }
    if (granted)
        run_stage(e, m, admission.lease_id, threads, now_us);
    else
        m->hopeless = admission.verdict == GOV_NEVER;
}

/* Returns whether younger movies have to wait behind it. */
static bool serve_waiting(struct md_engine *e, struct movie *m, bool blocked, int64_t now_us)
{
    if (!blocked)
        ask_memory(e, m, now_us);
    if (m->phase != PHASE_WAITING)
        return blocked;
    if (!m->waiting_told)
        md_engine_emit_(e, MD_COMMAND_STAGE_WAITING, m);
    m->waiting_told = true;
    /* What can never fit runs when it is the oldest; holding others back would not help it. */
    return blocked || !m->hopeless;
}

static void start_new_movies(struct md_engine *e, bool blocked, int64_t now_us)
{
    size_t active = 0;
    for (size_t i = 0; i < e->in_flight_count; i++)
        active += !is_leaving(&e->movies.v[e->in_flight[i]]);
    size_t limit = 2 * (size_t)e->params.max_movies;
    while (!blocked && e->next_queued < e->movies.n && active < (size_t)e->params.max_movies &&
           e->in_flight_count < limit) {
        struct movie *m = &e->movies.v[e->next_queued];
        e->in_flight[e->in_flight_count++] = e->next_queued++;
        start_worker(e, m, now_us);
        active++;
    }
}

void md_engine_schedule_(struct md_engine *e, int64_t now_us)
{
    if (e->cancels)
        return;
    size_t oldest = find_oldest(e);
    if (oldest != e->oldest) {
        e->oldest = oldest;
        e->oldest_since_us = now_us;
    }
    bool blocked = false;
    for (size_t i = 0; i < e->in_flight_count; i++) {
        struct movie *m = &e->movies.v[e->in_flight[i]];
        if (m->phase == PHASE_BACKOFF && now_us >= m->deadline_us)
            start_worker(e, m, now_us);
        if (m->phase == PHASE_IDLE)
            ask_next(e, m, now_us);
        if (m->phase == PHASE_WAITING)
            blocked = serve_waiting(e, m, blocked, now_us);
        if (m->phase == PHASE_RUNNING && m->alone)
            blocked = true;
    }
    start_new_movies(e, blocked, now_us);
}
