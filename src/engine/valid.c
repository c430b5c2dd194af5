/* What must hold, recomputed from nothing. A false is a bug in the engine. */
#include "engine/engine_internal.h"

#include <string.h>

static bool worker_is_valid(const struct worker *w)
{
    if ((w->state == WORKER_NONE) != (w->id == 0))
        return false;
    if (w->state == WORKER_NONE && (w->lease != GOV_LEASE_NONE || w->asked || w->pid))
        return false;
    if (w->state == WORKER_BUSY && !w->asked)
        return false;
    if (w->asked && (w->state == WORKER_IDLE || w->state == WORKER_STARTING))
        return false;
    if (w->recovering && w->state != WORKER_NONE)
        return false;
    if (w->state == WORKER_CONDEMNED && !w->kill_sent)
        return false;
    return (w->lease == GOV_LEASE_NONE) == (w->granted_bytes == 0 || w->lease == GOV_LEASE_NONE);
}

static bool media_is_valid(const struct movie *m)
{
    const struct worker *w = &m->media;
    if (is_shared(w) || !worker_is_valid(w) || w->movie != m)
        return false;
    switch (m->phase) {
    case PHASE_STARTING:
        return w->state == WORKER_STARTING || w->state == WORKER_CONDEMNED;
    case PHASE_CHECKING:
    case PHASE_FINISHING:
        return w->asked && w->lease == GOV_LEASE_NONE;
    case PHASE_RUNNING:
        if (m->runner == w)
            return w->asked && (w->lease != GOV_LEASE_NONE || m->model_bytes < 0);
        break;
    case PHASE_LEAVING:
        return true;
    default:
        break;
    }
    return w->lease == GOV_LEASE_NONE && !w->asked; /* only what runs holds memory */
}

static bool movie_is_valid(const struct md_engine *e, const struct movie *m)
{
    bool with_worker = m->phase == PHASE_LOADING || m->phase == PHASE_RUNNING;
    if (m->phase == PHASE_FREE || !media_is_valid(m) || (m->runner != NULL) != with_worker)
        return false;
    if (m->runner && m->runner->movie != m)
        return false;
    if (m->runner && m->runner->executor != m->executor)
        return false;
    if (m->phase == PHASE_LOADING && m->runner->state != WORKER_STARTING &&
        m->runner->state != WORKER_CONDEMNED)
        return false;
    /* An idle movie has been given something to do, unless it may not. */
    if (m->phase == PHASE_IDLE && m->media.state == WORKER_IDLE && !e->paused)
        return false;
    if (m->done & ~m->stages || m->units_done > m->units_total)
        return false;
    return !m->has_stage || !(m->done & 1u << m->stage);
}

static bool shared_is_valid(const struct md_engine *e, const struct worker *w)
{
    if (!worker_is_valid(w))
        return false;
    bool serves = w->state == WORKER_BUSY && !w->cancelled;
    if (serves && (!w->movie || w->movie->runner != w))
        return false;
    if (w->state == WORKER_IDLE && w->movie)
        return false;
    if (w->state == WORKER_BUSY && w->movie && w->movie->run_batch > w->batch)
        return false;
    (void)e;
    return true;
}

static size_t count_leases(const struct md_engine *e)
{
    size_t leases = 0;
    for (size_t i = 0; i < e->flight_count; i++)
        leases += e->flight[i]->media.lease != GOV_LEASE_NONE;
    for (int i = 1; i < MD_EXECUTORS; i++)
        leases += e->shared[i].lease != GOV_LEASE_NONE;
    return leases;
}

/* Whoever holds others back holds back only younger ones: the oldest has nobody before it. */
static bool order_is_valid(const struct md_engine *e)
{
    const struct movie *oldest = NULL;
    for (size_t i = 0; i < e->flight_count; i++) {
        if (i && e->flight[i - 1]->number >= e->flight[i]->number)
            return false;
        if (e->flight[i]->number >= e->first_queued)
            return false;
        if (!oldest && e->flight[i]->phase != PHASE_LEAVING && e->flight[i]->phase != PHASE_PARKED)
            oldest = e->flight[i];
    }
    return e->cancels || !e->oldest || !oldest || e->oldest->number <= oldest->number ||
           e->oldest == oldest;
}

bool md_engine_flight_is_valid_(const struct md_engine *e)
{
    if (!order_is_valid(e) || count_leases(e) != e->lease_count ||
        e->flight_count > 2 * (size_t)e->params.max_movies + MD_ENGINE_LOOK_AHEAD)
        return false;
    for (size_t i = 0; i < e->flight_count; i++)
        if (!movie_is_valid(e, e->flight[i]))
            return false;
    for (int i = 1; i < MD_EXECUTORS; i++)
        if (!shared_is_valid(e, &e->shared[i]))
            return false;
    if ((e->tier == GOV_TIER_NONE) != (e->tier_deadline_us == NEVER_US))
        return false;
    return e->next_tier == GOV_TIER_NONE || e->next_tier > e->tier;
}

/* The ledger's leases of ours are exactly those the workers hold, as large as they think. */
static bool ledger_is_valid(const struct md_engine *e)
{
    struct gov_status status;
    const struct worker *workers[MAX_IN_FLIGHT + MD_EXECUTORS];
    size_t count = 0;
    for (size_t i = 0; i < e->flight_count; i++)
        workers[count++] = &e->flight[i]->media;
    for (int i = 1; i < MD_EXECUTORS; i++)
        workers[count++] = &e->shared[i];
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct gov_lease lease;
        for (size_t j = 0; j < i; j++)
            if (workers[i]->id && workers[i]->id == workers[j]->id)
                return false;
        if (workers[i]->lease == GOV_LEASE_NONE)
            continue;
        if (gov_governor_lease(e->params.governor, workers[i]->lease, &lease) < 0 ||
            lease.granted_bytes != workers[i]->granted_bytes)
            return false;
        sum += lease.granted_bytes;
    }
    gov_governor_status(e->params.governor, &status);
    return sum <= status.leases.now_bytes && gov_governor_is_valid(e->params.governor);
}

bool md_engine_is_valid(const struct md_engine *e)
{
    size_t ended = e->ended_count[MD_MOVIE_DONE] + e->ended_count[MD_MOVIE_FAILED] +
                   e->ended_count[MD_MOVIE_CANCELLED];
    size_t dropped = 0, used = 0;
    for (size_t i = e->queue_head; i < e->queue.n; i++)
        dropped += e->queue.v[i].dropped;
    for (size_t i = 0; i < e->slot_count; i++)
        used += e->slots[i].phase != PHASE_FREE;
    /* Every movie is in one place. */
    return used == e->flight_count && ended == e->first_queued - e->flight_count + dropped &&
           md_engine_flight_is_valid_(e) && ledger_is_valid(e);
}
