/* Which of two models has its turn. Where both fit the device together there are no turns. Where
 * they do not, each stage of the other kind costs two loads, so the turn stays with one model: all
 * transcripts first, then all narratives, and so on for the movies that come later. A movie whose
 * model has not its turn is parked: its media worker ends, it holds no memory and does not count
 * against the movies in flight, so that the next one is begun.
 *
 * It is bounded: so many movies are parked at most (their sound lies on disk, and somebody waits
 * for the first digest), and a turn serves those that wanted it when it began before it goes to
 * the others. Decided anew at every step from who wants what, so nothing can go stale. */
#include "engine/engine_internal.h"

#include <gov/estimate.h>

#define TRANSCRIPT_BIT (1u << MD_STAGE_TRANSCRIPT)
#define STORY_BIT      (1u << MD_STAGE_STORY)

static enum md_executor other_of(enum md_executor executor)
{
    return executor == MD_EXECUTOR_ASR ? MD_EXECUTOR_LLM : MD_EXECUTOR_ASR;
}

static bool is_wanted_by(const struct movie *m, enum md_executor executor)
{
    return m->phase != PHASE_LEAVING && m->has_stage && m->executor == executor;
}

/* Its transcript is done, or none is wanted, and its story is not. */
static bool is_narrator(const struct movie *m)
{
    unsigned left = m->stages & ~m->done;
    return m->phase != PHASE_LEAVING && left & STORY_BIT && !(left & TRANSCRIPT_BIT);
}

static bool is_at_work(const struct md_engine *e, enum md_executor executor)
{
    const struct worker *w = &e->shared[executor];
    if (w->movie)
        return true;
    for (size_t i = 0; i < e->flight_count; i++) {
        const struct movie *m = e->flight[i];
        if (is_wanted_by(m, executor) && (m->runner == w || m->phase == PHASE_RECOVERING))
            return true;
    }
    return false;
}

/* What the model takes with the batch it would be run with, buffer and all. */
static int64_t usual_bytes(struct md_engine *e, enum md_executor executor)
{
    struct movie nobody = {
        .stage = executor == MD_EXECUTOR_ASR ? MD_STAGE_TRANSCRIPT : MD_STAGE_STORY,
        .executor = executor,
        .settings = e->shared[executor].state == WORKER_NONE ? MD_SETTINGS_NORMAL
                                                             : e->shared[executor].settings,
    };
    int batch = md_engine_usual_batch_(e, &nobody);
    int64_t model_bytes;
    struct gov_prediction prediction = md_engine_predict_(e, &nobody, batch, &model_bytes);
    return model_bytes < 0
               ? 0
               : gov_estimate_with_buffer(&e->config, prediction.bytes, prediction.count);
}

/* While one idles with its weights only, is there room for the other at work? */
static bool fit_together(struct md_engine *e)
{
    struct gov_status status;
    gov_governor_status(e->params.governor, &status);
    if (!status.has_sample)
        return true;
    for (int x = MD_EXECUTOR_ASR; x <= MD_EXECUTOR_LLM; x++) {
        enum md_executor idle = other_of((enum md_executor)x);
        int64_t both = usual_bytes(e, (enum md_executor)x) +
                       (usual_bytes(e, idle) > 0 ? e->params.models[idle].resident_bytes : 0);
        if (both > status.budget.ours_bytes)
            return false;
    }
    return true;
}

void md_engine_compare_models_(struct md_engine *e)
{
    /* A model that nobody has wanted so far is not waited for. */
    bool both_wanted =
        e->shared[MD_EXECUTOR_ASR].stages_seen && e->shared[MD_EXECUTOR_LLM].stages_seen;
    e->models_collide = both_wanted && !e->params.policy.ungoverned && !fit_together(e);
}

static bool takes_turns(const struct md_engine *e)
{
    return e->models_collide && !ends_soon(e) && !e->shared[MD_EXECUTOR_ASR].broken &&
           !e->shared[MD_EXECUTOR_LLM].broken;
}

struct wishes {
    int parked[MD_EXECUTORS];
    int wanting[MD_EXECUTORS]; /* parked ones, too */
    size_t last_narrator;      /* the youngest, also of those that are on the way */
    bool transcripts_to_come;  /* somebody is on the way to one, perhaps */
};

static struct wishes look_around(const struct md_engine *e)
{
    struct wishes wishes = {.transcripts_to_come = queue_length(e) > 0};
    for (size_t i = 0; i < e->flight_count; i++) {
        const struct movie *m = e->flight[i];
        if (m->phase == PHASE_LEAVING)
            continue;
        wishes.parked[m->executor] += m->phase == PHASE_PARKED;
        wishes.wanting[m->executor] += m->has_stage;
        wishes.transcripts_to_come |= (m->stages & ~m->done & TRANSCRIPT_BIT) != 0;
        if (is_narrator(m))
            wishes.last_narrator = m->number;
    }
    return wishes;
}

static bool narrators_are_served(const struct md_engine *e)
{
    for (size_t i = 0; i < e->flight_count; i++)
        if (is_narrator(e->flight[i]) && e->flight[i]->number <= e->turn_last)
            return false;
    return true;
}

/* Transcripts are waited for, whoever is on the way to one; narratives are not. */
static bool turn_ends(const struct md_engine *e, const struct wishes *wishes)
{
    enum md_executor next = other_of(e->turn);
    if (!wishes->wanting[next] || is_at_work(e, e->turn))
        return false;
    if (wishes->parked[next] >= MD_ENGINE_LOOK_AHEAD)
        return true;
    return e->turn == MD_EXECUTOR_ASR ? !wishes->transcripts_to_come : narrators_are_served(e);
}

static void begin_turn(struct md_engine *e, enum md_executor executor, const struct wishes *wishes)
{
    if (e->turn != executor)
        md_engine_say_(e, MD_LOG_INFO, "there is no room for both models at once: %s now",
                       executor == MD_EXECUTOR_ASR ? "transcripts first" : "narratives");
    e->turn = executor;
    e->turn_last = wishes->last_narrator;
}

void md_engine_take_turns_(struct md_engine *e)
{
    if (!takes_turns(e)) {
        e->turn = MD_EXECUTOR_MEDIA;
        return;
    }
    struct wishes wishes = look_around(e);
    if (e->turn == MD_EXECUTOR_MEDIA) {
        bool narrates = is_at_work(e, MD_EXECUTOR_LLM) || !wishes.transcripts_to_come;
        begin_turn(e, narrates ? MD_EXECUTOR_LLM : MD_EXECUTOR_ASR, &wishes);
    } else if (turn_ends(e, &wishes)) {
        begin_turn(e, other_of(e->turn), &wishes);
    } else if (e->turn == MD_EXECUTOR_LLM && !wishes.wanting[MD_EXECUTOR_ASR]) {
        e->turn_last = wishes.last_narrator; /* it goes on with those that came meanwhile */
    }
}

bool md_engine_has_turn_(const struct md_engine *e, const struct movie *m)
{
    if (e->turn == MD_EXECUTOR_MEDIA || m->executor == MD_EXECUTOR_MEDIA)
        return true;
    if (m->executor != e->turn)
        return false;
    /* Those that came later go with the next turn, where somebody waits for the other model. */
    return e->turn == MD_EXECUTOR_ASR || m->number <= e->turn_last;
}

/* An older movie wants the same model and is parked, or just coming back from there. */
bool md_engine_is_overtaking_(const struct md_engine *e, const struct movie *m)
{
    for (size_t i = 0; i < e->flight_count && e->flight[i]->number < m->number; i++) {
        const struct movie *older = e->flight[i];
        bool comes = older->phase == PHASE_PARKED || older->phase == PHASE_BEGIN ||
                     older->phase == PHASE_STARTING || older->phase == PHASE_IDLE ||
                     older->phase == PHASE_CHECKING;
        if (comes && is_wanted_by(older, m->executor) && md_engine_has_turn_(e, older))
            return true;
    }
    return false;
}

bool md_engine_park_(struct md_engine *e, struct movie *m, int64_t now_us)
{
    struct wishes wishes = look_around(e);
    if (wishes.parked[MD_EXECUTOR_ASR] + wishes.parked[MD_EXECUTOR_LLM] >= MD_ENGINE_LOOK_AHEAD)
        return false;
    if (m->media.state != WORKER_IDLE && m->media.state != WORKER_NONE)
        return false;
    if (m->media.state == WORKER_IDLE) /* it has nothing to do until then */
        md_engine_quit_(e, &m->media, now_us + e->params.quit_timeout_us);
    m->phase = PHASE_PARKED;
    m->runner = NULL;
    return true;
}

static bool somebody_active_wants(const struct md_engine *e, enum md_executor executor)
{
    for (size_t i = 0; i < e->flight_count; i++)
        if (is_wanted_by(e->flight[i], executor) && e->flight[i]->phase != PHASE_PARKED &&
            (e->flight[i]->phase != PHASE_WAITING || !md_engine_is_overtaking_(e, e->flight[i])))
            return true;
    return false;
}

/* Before new ones are begun; the model that has its turn must not wait for a place in flight. */
void md_engine_unpark_(struct md_engine *e, size_t active, size_t limit, int64_t now_us)
{
    for (size_t i = 0; i < e->flight_count && !e->paused; i++) {
        struct movie *m = e->flight[i];
        if (m->phase != PHASE_PARKED || !md_engine_has_turn_(e, m) ||
            (active >= limit && somebody_active_wants(e, m->executor)))
            continue;
        m->phase = PHASE_BEGIN;
        m->deadline_us = now_us;
        active++;
    }
}

/* The model whose turn is over makes room before the other one asks for its lease: else that one
 * would be made for what little is left. True while it does not. */
bool md_engine_clear_for_turn_(struct md_engine *e, const struct movie *m, int64_t now_us)
{
    if (e->turn == MD_EXECUTOR_MEDIA || m->executor != e->turn)
        return true;
    struct worker *w = &e->shared[other_of(e->turn)];
    if (w->state == WORKER_IDLE && w->lease != GOV_LEASE_NONE)
        md_engine_unload_(e, w, now_us);
    return !w->ending && !w->recovering && w->lease == GOV_LEASE_NONE;
}
