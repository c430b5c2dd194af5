/* Looks at every movie in flight, oldest first, after every event: at most a few dozen, and asking
 * the governor is arithmetic, so nothing is remembered that could become wrong. */
#include "engine/engine_internal.h"

#include <string.h>

/* Stages that hold memory now and will give it back. */
static bool has_running_lease(const struct md_engine *e)
{
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i]->media.lease != GOV_LEASE_NONE)
            return true;
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (e->shared[i].lease != GOV_LEASE_NONE && e->shared[i].state != WORKER_IDLE)
            return true;
    return false;
}

static int64_t patience_end(const struct md_engine *e, const struct movie *m)
{
    return MD_MAX(m->waiting_since_us, e->oldest_since_us) + e->params.patience_us;
}

int64_t md_engine_patience_end_(const struct md_engine *e)
{
    if (!e->oldest || e->oldest->phase != PHASE_WAITING || e->paused)
        return NEVER_US;
    return patience_end(e, e->oldest);
}

/* What ran out when it was forced beside others waits until they are through. They are: a lease
 * that is running ends, and nobody is let in while the oldest waits. */
static bool has_to_be_alone(const struct md_engine *e, const struct movie *m)
{
    return m == e->oldest && e->alone_for[m->executor] > 0 && has_running_lease(e);
}

/* The oldest movie always may run. It waits a moment for what will certainly come back, the leases
 * of younger ones, or may come back, a neighbour's memory; not for what never comes. */
static bool may_force(const struct md_engine *e, const struct movie *m,
                      const struct gov_admission *refused, int64_t now_us)
{
    if (m != e->oldest)
        return false;
    if (e->paused_by_memory)
        return !has_running_lease(e) && md_engine_pause_is_ours_(e, now_us);
    if (has_to_be_alone(e, m))
        return false;
    if (m->impatient || now_us >= patience_end(e, m))
        return true;
    return !has_running_lease(e) &&
           (e->waiting_is_vain[m->executor] || refused->verdict == GOV_NEVER ||
            refused->reason == GOV_REASON_NO_SAMPLE);
}

void md_engine_run_(struct md_engine *e, struct movie *m, struct worker *w, int64_t now_us)
{
    m->phase = PHASE_RUNNING;
    m->runner = w;
    w->movie = m;
    w->held_bytes = 0;
    w->most_batch = MD_MAX(w->most_batch, m->run_batch);
    m->run_from_units = m->units_done;
    m->oom_kills = md_engine_oom_kills_(e);
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_RUN, m);
    command->batch = m->run_batch;
    command->threads = is_shared(w) ? md_engine_threads_(e) : m->run_batch;
    command->lease_bytes = w->granted_bytes;
    command->fallback = m->fallback;
    md_engine_ask_(e, w, now_us);
}

static void start_model(struct md_engine *e, struct movie *m, struct worker *w, int64_t now_us)
{
    w->batch = m->run_batch;
    w->settings = m->settings;
    m->phase = PHASE_LOADING;
    m->runner = w;
    m->oom_kills = md_engine_oom_kills_(e);
    md_engine_start_worker_(e, w, m, now_us);
}

/* Idle models make room: getting one back costs its loading time, waiting costs more. */
static bool unload_others(struct md_engine *e, const struct worker *but, int64_t now_us)
{
    bool any = false;
    for (int i = 1; i < MD_EXECUTORS; i++) {
        struct worker *w = &e->shared[i];
        if (w == but)
            continue;
        if (w->state == WORKER_IDLE && w->lease != GOV_LEASE_NONE) {
            md_engine_unload_(e, w, now_us);
            any = true;
        }
        any |= w->ending || w->recovering;
    }
    return any;
}

static bool younger_hold_memory(const struct md_engine *e, const struct movie *m)
{
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i]->number > m->number && e->flight[i]->media.lease != GOV_LEASE_NONE)
            return true;
    for (int i = 1; i < MD_EXECUTORS; i++) {
        const struct worker *w = &e->shared[i];
        if (w->movie && w->movie->number > m->number && w->lease != GOV_LEASE_NONE)
            return true;
    }
    return false;
}

enum outcome { GOES_ON, WAITS, WAITS_AND_BLOCKS };

/* Can the worker that the stage needs take it now? */
static enum outcome look_at_worker(struct md_engine *e, struct movie *m, struct worker *w,
                                   int64_t now_us)
{
    if (!is_shared(w))
        return w->state == WORKER_IDLE ? GOES_ON : WAITS;
    if (w->recovering || w->state == WORKER_STOPPING || w->state == WORKER_CONDEMNED)
        return WAITS_AND_BLOCKS;
    if (w->state == WORKER_BUSY || w->state == WORKER_STARTING)
        return WAITS; /* for another movie, not for memory */
    (void)m;
    return w->state == WORKER_IDLE || now_us >= w->not_before_us ? GOES_ON : WAITS;
}

static int64_t room_for(struct md_engine *e, const struct worker *w, int64_t *ret_most_bytes)
{
    struct gov_status status;
    gov_governor_status(e->params.governor, &status);
    *ret_most_bytes = status.has_sample ? status.budget.ours_bytes : INT64_MAX;
    int64_t has_bytes = MD_MAX(w->granted_bytes, md_engine_held_bytes_(e, w));
    return status.has_sample ? status.room_bytes + has_bytes : INT64_MAX;
}

/* Asks for the lease of a waiting stage, forces it where that is due, and runs it. */
static enum outcome ask_memory(struct md_engine *e, struct movie *m, struct worker *w,
                               int64_t now_us)
{
    struct gov_admission refused;
    int64_t most_bytes, room_bytes = room_for(e, w, &most_bytes);
    m->run_batch = md_engine_batch_(e, m, room_bytes, most_bytes);
    bool loaded = is_shared(w) && w->state == WORKER_IDLE;
    if (loaded && m->settings == w->settings && m->run_batch > w->batch &&
        !md_engine_is_worth_loading_(e, m, w))
        m->run_batch = w->batch;
    if (loaded && (m->run_batch > w->batch || m->settings != w->settings)) {
        md_engine_unload_(e, w, now_us); /* what it holds was made for less */
        return WAITS_AND_BLOCKS;
    }
    bool granted = md_engine_ask_memory_(e, m, w, false, now_us, &refused);
    if (!granted && unload_others(e, w, now_us))
        return WAITS_AND_BLOCKS;
    if (!granted && m->run_batch < md_engine_made_for_(e, w) && !e->paused_by_memory) {
        md_engine_unload_(e, w, now_us); /* made for more than there is room for now */
        return WAITS_AND_BLOCKS;
    }
    bool forces = !granted && may_force(e, m, &refused, now_us);
    if (forces) {
        granted = md_engine_ask_memory_(e, m, w, true, now_us, &refused);
        m->impatient = true;
    }
    m->forced = forces;
    m->hopeless = !granted && refused.verdict == GOV_NEVER;
    if (!granted) /* what can never fit runs when it is the oldest; holding others is no help */
        return m->hopeless && !has_to_be_alone(e, m) ? WAITS : WAITS_AND_BLOCKS;
    if (is_shared(w) && w->state == WORKER_NONE)
        start_model(e, m, w, now_us);
    else
        md_engine_run_(e, m, w, now_us);
    return GOES_ON;
}

static enum outcome serve_waiting(struct md_engine *e, struct movie *m, bool blocked,
                                  bool over_limit, int64_t now_us)
{
    struct worker *w = m->executor == MD_EXECUTOR_MEDIA ? &m->media : &e->shared[m->executor];
    if (is_shared(w) && w->broken) {
        struct md_failure failure = w->failure;
        failure.stage[0] = '\0';
        md_engine_give_model_up_(e, m, MD_FALLBACK_LOAD, &failure, now_us);
        if (m->phase != PHASE_WAITING)
            return WAITS;
        w = &m->media;
    }
    if (!md_engine_has_turn_(e, m) || (is_shared(w) && md_engine_is_overtaking_(e, m))) {
        m->waits_for = MD_WAIT_MODEL;
        (void)md_engine_park_(e, m, now_us);
        return WAITS;
    }
    enum outcome outcome = look_at_worker(e, m, w, now_us);
    if (outcome == GOES_ON && !md_engine_clear_for_turn_(e, m, now_us))
        outcome = WAITS_AND_BLOCKS;
    if (outcome != GOES_ON) {
        m->waits_for = outcome == WAITS_AND_BLOCKS ? MD_WAIT_MEMORY
                       : !is_shared(w)             ? MD_WAIT_NOTHING
                       : w->state == WORKER_NONE   ? MD_WAIT_RETRY
                                                   : MD_WAIT_WORKER;
        return outcome;
    }
    m->waits_for = MD_WAIT_TURN;
    if (blocked || (over_limit && m->stage != MD_STAGE_PROBE))
        return WAITS;
    m->waits_for = MD_WAIT_MEMORY;
    if (m->hold && younger_hold_memory(e, m))
        return WAITS_AND_BLOCKS;
    return ask_memory(e, m, w, now_us);
}

static void start_media(struct md_engine *e, struct movie *m, int64_t now_us)
{
    if (!m->was_started) {
        m->was_started = true;
        md_engine_emit_(e, MD_COMMAND_MOVIE_STARTED, m);
    }
    m->phase = PHASE_STARTING;
    m->runner = NULL;
    md_engine_start_worker_(e, &m->media, m, now_us);
}

/* Whether a stage can be run without asking first. With force nothing is taken as done; only who
 * runs it has to be asked where there are several. */
static bool need_not_ask(const struct md_engine *e, const struct movie *m)
{
    bool has_models =
        e->params.models[MD_EXECUTOR_ASR].name || e->params.models[MD_EXECUTOR_LLM].name;
    return m->force && (!has_models || m->stage < MD_STAGE_TRANSCRIPT || m->stage > MD_STAGE_STORY);
}

static void ask_next(struct md_engine *e, struct movie *m, int64_t now_us)
{
    struct worker *w = &m->media;
    int stage = md_engine_next_stage_(m);
    if (w->state == WORKER_NONE) {
        m->phase = PHASE_BEGIN; /* it was lost while a shared worker ran its stage */
        m->deadline_us = now_us;
    }
    if (w->state != WORKER_IDLE || (e->paused && stage >= 0))
        return;
    if (stage < 0) {
        md_engine_emit_(e, MD_COMMAND_FINISH_MOVIE, m);
        m->phase = PHASE_FINISHING;
        md_engine_ask_(e, w, now_us);
        return;
    }
    m->stage = (enum md_stage)stage;
    m->has_stage = true;
    if (need_not_ask(e, m)) {
        md_engine_wait_(m, now_us);
        return;
    }
    md_engine_emit_(e, MD_COMMAND_CHECK, m)->force = m->force;
    m->phase = PHASE_CHECKING;
    md_engine_ask_(e, w, now_us);
}

/* Returns whether younger movies have to wait behind it. */
static bool serve(struct md_engine *e, struct movie *m, bool blocked, bool over_limit,
                  int64_t now_us)
{
    if (m->phase == PHASE_IDLE)
        ask_next(e, m, now_us);
    if (m->phase == PHASE_BEGIN && !e->paused && now_us >= m->deadline_us &&
        m->media.state == WORKER_NONE && !m->media.recovering)
        start_media(e, m, now_us);
    if (m->phase == PHASE_WAITING && !e->paused) {
        enum outcome outcome = serve_waiting(e, m, blocked, over_limit, now_us);
        if (outcome == WAITS_AND_BLOCKS)
            blocked = true;
        if ((m->phase == PHASE_WAITING || m->phase == PHASE_PARKED) && !m->waiting_told) {
            m->waiting_told = true;
            md_engine_emit_(e, MD_COMMAND_STAGE_WAITING, m);
        }
    }
    return blocked || m->hold || m->phase == PHASE_RECOVERING;
}

/* The user stops: what runs goes on to the end of its stage, what is between two ends. */
static void wind_up(struct md_engine *e, struct movie *m, int64_t now_us)
{
    if (m->phase == PHASE_RUNNING || m->phase == PHASE_FINISHING || m->phase == PHASE_LEAVING)
        return;
    if (m->phase == PHASE_IDLE && md_engine_next_stage_(m) < 0 && m->media.state == WORKER_IDLE)
        return;
    md_fail(&m->failure, MD_ERR_CANCELLED, "stopped before it was done");
    md_engine_leave_(e, m, MD_MOVIE_CANCELLED, now_us);
}

/* Returns whether any movie ended. */
static bool end_left(struct md_engine *e)
{
    bool any = false;
    for (size_t i = e->flight_count; i-- > 0;)
        if (e->flight[i]->phase == PHASE_LEAVING)
            any |= md_engine_end_left_(e, e->flight[i]);
    return any;
}

static size_t count_active(const struct md_engine *e)
{
    size_t active = 0;
    for (size_t i = 0; i < e->flight_count; i++)
        active += e->flight[i]->phase != PHASE_LEAVING && e->flight[i]->phase != PHASE_PARKED;
    return active;
}

static void start_new_movies(struct md_engine *e, bool blocked, int64_t now_us)
{
    if (blocked || e->paused)
        return;
    while (md_engine_forget_dropped_(e), queue_length(e)) {
        size_t active = count_active(e);
        /* A neighbour may keep the device full for ever: one movie, the oldest, goes on. */
        if (active >= md_engine_movie_limit_(e) || (e->paused_by_memory && active > 0))
            return;
        struct movie *m = md_engine_take_queued_(e);
        if (!m)
            return;
        md_engine_movie_begins_(e);
        start_media(e, m, now_us);
    }
}

static void find_oldest(struct md_engine *e, int64_t now_us)
{
    struct movie *oldest = NULL;
    for (size_t i = 0; i < e->flight_count && !oldest; i++)
        if (e->flight[i]->phase != PHASE_LEAVING && e->flight[i]->phase != PHASE_PARKED)
            oldest = e->flight[i];
    if (oldest == e->oldest)
        return;
    e->oldest = oldest;
    e->oldest_since_us = now_us;
}

/* Returns whether movies that were never started have to wait. */
static bool serve_all(struct md_engine *e, int64_t now_us)
{
    size_t limit = md_engine_movie_limit_(e), rank = 0;
    bool blocked = false;
    md_engine_take_turns_(e);
    md_engine_unpark_(e, count_active(e), limit, now_us);
    find_oldest(e, now_us);
    for (size_t i = 0; i < e->flight_count; i++) {
        struct movie *m = e->flight[i];
        if (m->phase == PHASE_LEAVING || m->phase == PHASE_PARKED)
            continue;
        blocked = serve(e, m, blocked, rank++ >= limit, now_us);
    }
    return blocked;
}

/* A model nobody will need any more is not kept. One on a server is as long as others work: its
 * worker takes little, and is the only one who can have the server give its memory back. */
static void end_unneeded(struct md_engine *e, int64_t now_us)
{
    for (int x = 1; x < MD_EXECUTORS; x++) {
        struct worker *w = &e->shared[x];
        bool needed = (queue_length(e) > 0 && !ends_soon(e)) ||
                      (e->params.models[x].is_remote && e->flight_count > 0);
        for (size_t i = 0; i < e->flight_count && !needed; i++) {
            const struct movie *m = e->flight[i];
            needed = m->phase != PHASE_LEAVING && m->stages & ~m->done & w->stages_seen;
        }
        if (w->state == WORKER_IDLE && !needed)
            md_engine_unload_(e, w, now_us);
    }
}

static void recover_all(struct md_engine *e, int64_t now_us)
{
    for (size_t i = 0; i < e->flight_count; i++)
        md_engine_check_recovery_(e, &e->flight[i]->media, false, now_us);
    for (int i = 1; i < MD_EXECUTORS; i++)
        md_engine_check_recovery_(e, &e->shared[i], false, now_us);
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i]->phase == PHASE_RECOVERING)
            md_engine_recover_(e, e->flight[i], false, now_us);
}

void md_engine_schedule_(struct md_engine *e, int64_t now_us)
{
    bool blocked = true;
    recover_all(e, now_us);
    for (size_t i = 0; i < e->flight_count && e->stopping; i++)
        wind_up(e, e->flight[i], now_us);
    end_left(e);
    if (!e->cancels)
        do /* a movie that ends makes another one the oldest */
            blocked = serve_all(e, now_us);
        while (end_left(e));
    if (ends_soon(e))
        md_engine_discard_queued_(e);
    else
        start_new_movies(e, blocked, now_us);
    if (!e->cancels)
        end_unneeded(e, now_us);
    md_engine_note_company_(e);
}
