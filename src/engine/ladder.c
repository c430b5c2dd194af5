/* Out of memory. What failed is told from a crash, then gov/recover.h says which rung is next and
 * this file climbs it; the rungs that wait (for a look at memory, a tier, a worker's end) all have
 * a deadline, so a movie never stays on one. */
#include "engine/engine_internal.h"

#include <gov/recorder.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* From an out-of-memory to the decision: samples come at least once a second. */
static const int64_t look_us = MD_SECOND_US;
/* So many stages of an executor are forced only once nobody else runs, after one that was forced
 * beside others ran out. As long as a size that failed twice takes to fade. */
enum { ALONE_FOR = 2 * GOV_BATCH_FADE_MOVIES };
/* A tier that does not answer is taken as done. Ending an idle worker is part of one. */
static const int64_t tier_timeout_us = 10 * MD_SECOND_US;

uint64_t md_engine_oom_kills_(const struct md_engine *e)
{
    struct gov_sample sample;
    if (gov_governor_last_sample(e->params.governor, &sample) < 0 ||
        !(sample.valid & GOV_SAMPLE_OOM_KILLS))
        return 0;
    return sample.oom_kills;
}

static bool device_is_short(const struct md_engine *e)
{
    const double high_percent = 90;
    struct gov_sample sample;
    return gov_governor_last_sample(e->params.governor, &sample) == GOV_OK &&
           gov_sample_used_percent(&sample) >= high_percent;
}

/* What libraries say before they give up: ggml, CUDA, C++, glib, the kernel. */
static bool says_oom(const char *words)
{
    static const char *const signs[] = {"out of memory",
                                        "bad_alloc",
                                        "failed to allocate",
                                        "cannot allocate",
                                        "Cannot allocate",
                                        "CUDA error 2",
                                        "cudaMalloc failed",
                                        "OutOfMemory",
                                        "out-of-memory",
                                        "Out of memory",
                                        "OOM"};
    for (size_t i = 0; words && i < MD_ARRAY_LEN(signs); i++)
        if (strstr(words, signs[i]))
            return true;
    return false;
}

/* An end is believed to have been memory with evidence only: its last words; the system counted an
 * OOM kill meanwhile; the device is nearly full; it had about all it was granted. Nobody but the
 * system (or a person) sends SIGKILL to our workers, and libraries abort when they get nothing. */
bool md_engine_looks_like_oom_(const struct md_engine *e, const struct worker *w,
                               const struct md_event *event, const struct gov_lease *lease)
{
    const int64_t about_all_percent = 97;
    if (event->kind != MD_EVENT_GONE || w->kill_sent)
        return false;
    if (says_oom(event->last_words))
        return true;
    bool had_all =
        w->granted_bytes > 0 && lease->peak_bytes >= w->granted_bytes / 100 * about_all_percent;
    bool kernel_kills = w->movie && md_engine_oom_kills_(e) > w->movie->oom_kills;
    switch (event->signal) {
    case SIGKILL:
        return kernel_kills || device_is_short(e) || had_all;
    case SIGABRT:
        return device_is_short(e) || had_all;
    case SIGSEGV: /* an allocation that nobody checked */
    case SIGBUS:
        return had_all && !e->params.device_is_gpu;
    default:
        return false;
    }
}

/* Tiers, one at a time */

static void start_tier(struct md_engine *e, enum gov_tier tier, int64_t now_us)
{
    e->tier = tier;
    e->tier_deadline_us = now_us + tier_timeout_us;
    md_engine_emit_(e, MD_COMMAND_RUN_TIER, NULL)->tier = tier;
}

void md_engine_request_tier_(struct md_engine *e, enum gov_tier tier, int64_t now_us)
{
    if (e->tier == GOV_TIER_NONE)
        start_tier(e, tier, now_us);
    else if (tier > e->tier) /* the weaker one that runs does not do */
        e->next_tier = MD_MAX(e->next_tier, tier);
}

/* Back to where the stage asks for memory. */
static void try_again(struct md_engine *e, struct movie *m, int64_t now_us)
{
    if (m->executor == MD_EXECUTOR_MEDIA && m->media.state != WORKER_IDLE) {
        m->phase = PHASE_BEGIN;
        m->deadline_us = now_us;
        return;
    }
    m->media.after_oom = false;
    md_engine_wait_(m, now_us);
    (void)e;
}

void md_engine_tier_ended_(struct md_engine *e, int64_t now_us)
{
    enum gov_tier ended = e->tier, next = e->next_tier;
    if (ended == GOV_TIER_NONE)
        return; /* answered after all, too late */
    e->tier = e->next_tier = GOV_TIER_NONE;
    e->tier_deadline_us = NEVER_US;
    for (size_t i = 0; i < e->flight_count; i++) {
        struct movie *m = e->flight[i];
        if (m->phase == PHASE_RECOVERING && m->step == STEP_TIER && m->tier_wanted <= ended)
            try_again(e, m, now_us);
    }
    if (next > ended)
        start_tier(e, next, now_us);
}

/* The recovery wait */

void md_engine_note_end_(struct md_engine *e, struct worker *w, int64_t held_bytes, int64_t now_us)
{
    /* What it gave back between its failure and its end is free already. */
    bool failed = w->held_bytes > held_bytes;
    w->recovery = (struct gov_recovery){
        .began_us = now_us,
        .held_bytes = failed ? w->held_bytes : held_bytes,
        .free_before_bytes = failed ? w->free_then_bytes : e->seen_free_bytes,
        .others_before_bytes = -1,
    };
    w->held_bytes = 0;
    w->others_known = false;
    w->recovering = false;
}

void md_engine_await_memory_(struct md_engine *e, struct worker *w, int64_t now_us)
{
    w->recovering = true;
    md_engine_check_recovery_(e, w, false, now_us);
}

int64_t md_engine_recovery_end_(const struct md_engine *e, const struct worker *w)
{
    if (!w->recovering)
        return NEVER_US;
    return w->recovery.began_us + MD_MIN(e->params.recovery_us, GOV_RECOVERY_MAX_US);
}

void md_engine_check_recovery_(struct md_engine *e, struct worker *w, bool sampled, int64_t now_us)
{
    if (sampled && w->state == WORKER_NONE && !w->others_known) {
        w->others_known = true;
        w->recovery.others_before_bytes = e->seen_others_bytes;
    }
    if (!w->recovering)
        return;
    /* A reading from before its end says nothing. */
    int64_t free_bytes = w->others_known ? e->seen_free_bytes : -1;
    int64_t others_bytes = w->others_known ? e->seen_others_bytes : -1;
    enum gov_recovery_state state =
        gov_recovery_check(&w->recovery, now_us, free_bytes, others_bytes);
    if (state == GOV_RECOVERY_WAITING && now_us < md_engine_recovery_end_(e, w))
        return;
    w->recovering = false;
    if (state != GOV_RECOVERY_BACK)
        md_engine_say_(e, MD_LOG_WARNING,
                       "the memory of an ended worker has not come back in time");
}

/* The ladder */

static struct worker *worker_of(struct md_engine *e, struct movie *m)
{
    return m->executor == MD_EXECUTOR_MEDIA ? &m->media : &e->shared[m->executor];
}

/* Free now, and what the stage's worker would give back. */
static int64_t free_for(struct md_engine *e, struct movie *m)
{
    const struct worker *w = worker_of(e, m);
    if (e->seen_free_bytes < 0)
        return -1;
    return e->seen_free_bytes + (w->movie == m ? md_engine_held_bytes_(e, w) : 0);
}

void md_engine_out_of_memory_(struct md_engine *e, struct movie *m,
                              const struct md_failure *failure, const struct gov_lease *lease,
                              int64_t now_us)
{
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_POST_MORTEM, m);
    command->lease_bytes = lease->granted_bytes;
    command->predicted_bytes = lease->predicted_bytes;
    command->peak_bytes = lease->peak_bytes;
    command->batch = m->run_batch;
    struct gov_oom oom = {
        .lease_id = lease->id,
        .owner = m->label,
        .stage = md_stage_names[m->stage],
        .wanted_bytes = -1,
        .batch = m->run_batch,
        .now_us = now_us,
        .lease = lease,
    };
    gov_governor_note_oom(e->params.governor, &oom);
    md_engine_set_failure_(m, failure);
    if (m->ooms > 0 && m->step == STEP_TIER && m->tier_wanted >= GOV_TIER_AGGRESSIVE)
        e->cleanup_was_vain[m->executor] = lease->granted_bytes <= m->lost_bytes;
    m->ooms++;
    m->lost_bytes = lease->granted_bytes;
    m->lost_peak_bytes = lease->peak_bytes;
    m->free_then_bytes =
        e->seen_free_bytes < 0 ? -1 : e->seen_free_bytes + MD_MAX(lease->current_bytes, 0);
    m->impatient = false;
    e->waiting_is_vain[m->executor] = false;
    m->runner = NULL;
    m->phase = PHASE_RECOVERING;
    m->step = STEP_LOOK;
    m->deadline_us = now_us + look_us;
    if (e->params.policy.ungoverned || e->params.policy.no_ladder)
        m->deadline_us = now_us; /* nothing is looked at */
}

/* It ran into its lease, not into the end of the device: there was more than it had been granted.
 */
static bool lease_was_the_limit(struct md_engine *e, struct movie *m)
{
    return !e->params.device_is_gpu && m->lost_bytes > 0 &&
           MD_MIN(m->free_then_bytes, free_for(e, m)) >= m->lost_bytes;
}

/* Under a lease a cleanup helps only by what other leases give back, those of idle models, so that
 * this one can grow; and not where that has been tried. */
static bool cleanup_is_vain(struct md_engine *e, struct movie *m)
{
    bool has_idle = false;
    for (int x = 1; x < MD_EXECUTORS; x++)
        has_idle |= &e->shared[x] != worker_of(e, m) && e->shared[x].state == WORKER_IDLE &&
                    e->shared[x].lease != GOV_LEASE_NONE;
    return lease_was_the_limit(e, m) && (!has_idle || e->cleanup_was_vain[m->executor]);
}

static bool has_younger(const struct md_engine *e, const struct movie *m)
{
    for (size_t i = 0; i < e->flight_count; i++) {
        const struct movie *other = e->flight[i];
        if (other->number <= m->number)
            continue;
        if (other->media.lease != GOV_LEASE_NONE)
            return true;
        for (int x = 1; x < MD_EXECUTORS; x++)
            if (e->shared[x].movie == other && e->shared[x].lease != GOV_LEASE_NONE)
                return true;
    }
    return false;
}

/* Where a lease is a limit (the kernel's, on the host), a larger one may be all that was missing:
 * half as much again as it had, or what it was seen to take. Returns 0 when there is not so much.
 * Beyond the room there is only the oldest movie goes, with a single unit, no further than what is
 * free, and once, even when its first lease was forced: what a model takes is estimated, and a
 * little less than it takes is a movie without its words. */
static int64_t larger_lease(struct md_engine *e, struct movie *m)
{
    const int64_t most = INT64_MAX / 4;
    struct gov_status status;
    if (e->params.device_is_gpu || m->lost_bytes <= 0)
        return 0;
    int64_t had = MD_MIN(MD_MAX(m->lost_bytes, m->asked_bytes), most);
    int64_t larger = MD_MAX(had / 2 * 3, MD_MIN(m->lost_peak_bytes, most));
    gov_governor_status(e->params.governor, &status);
    if (status.room_bytes >= larger)
        return larger;
    bool alone = m == e->oldest && m->executor != MD_EXECUTOR_MEDIA && m->run_batch <= 1;
    larger = MD_MIN(larger, free_for(e, m));
    return alone && m->least_bytes < status.budget.ours_bytes && larger > had ? larger : 0;
}

/* The specification's emergency sizes: 2 to 4 chunks, 1 or 2 prompts; then down to one. */
static int32_t emergency_batch(const struct movie *m, int32_t quarter)
{
    int32_t least = m->executor == MD_EXECUTOR_ASR ? 2 : 1;
    int32_t most = m->executor == MD_EXECUTOR_ASR ? 4 : 2;
    if (m->executor == MD_EXECUTOR_MEDIA || m->run_batch <= least)
        return quarter;
    return MD_MIN(MD_CLAMP(quarter, least, most), m->run_batch - 1);
}

static struct gov_recover_decision decide(struct md_engine *e, struct movie *m)
{
    bool has_model = m->executor != MD_EXECUTOR_MEDIA;
    if (e->params.policy.ungoverned)
        return (struct gov_recover_decision){GOV_RUNG_FAIL, m->run_batch};
    if (m->ooms >= e->params.max_ooms)
        return (struct gov_recover_decision){has_model ? GOV_RUNG_FALLBACK : GOV_RUNG_FAIL, 1};
    double keep = e->params.policy.keep > 0 ? e->params.policy.keep : 0.25;
    int32_t kept = (int32_t)MD_MAX(m->run_batch * keep, 1);
    if (e->params.policy.no_ladder)
        return m->run_batch > 1 ? (struct gov_recover_decision){GOV_RUNG_EMERGENCY, kept}
                                : (struct gov_recover_decision){GOV_RUNG_FAIL, 1};
    struct gov_recover_input input = {
        .batch = m->run_batch,
        .batch_good = md_engine_known_good_(e, m),
        .free_then_bytes = m->free_then_bytes,
        .free_now_bytes = free_for(e, m),
        .wanted_bytes = m->asked_bytes,
        .lease_can_grow = larger_lease(e, m) > 0,
        .has_younger = has_younger(e, m),
        .is_probe = md_engine_is_probe_(e, m),
        .cleanup_is_vain = cleanup_is_vain(e, m),
        .was_forced = m->forced,
        .has_smaller = md_engine_smaller_(e, m) != m->settings,
        .has_cpu = e->params.device_is_gpu && m->settings != MD_SETTINGS_CPU,
        .has_fallback = has_model,
    };
    struct gov_recover_decision decision = gov_recover_next(&m->recover, &input);
    if (decision.rung == GOV_RUNG_EMERGENCY && e->params.policy.keep > 0 && m->run_batch > 1)
        decision.batch = kept;
    else if (decision.rung == GOV_RUNG_EMERGENCY && decision.batch != input.batch_good)
        decision.batch = emergency_batch(m, decision.batch);
    return decision;
}

/* What is made smaller, in a few words, and as the remedy. */
struct smaller_words {
    const char *what, *remedy;
};

static struct smaller_words smaller_words(const struct md_engine *e, const struct movie *m)
{
#define AGAIN "again in a new worker with smaller settings"
    static const struct smaller_words texts[MD_SETTINGS] = {
        [MD_SETTINGS_SMALL] = {"quantised cache", AGAIN ": a quantised cache"},
        [MD_SETTINGS_PART] = {"half of the layers", AGAIN ": half of its layers on the GPU"},
        [MD_SETTINGS_SHORT] = {"half of the context", AGAIN ": half of the context"},
    };
    return m->executor == MD_EXECUTOR_MEDIA ? (struct smaller_words){"smaller settings", AGAIN}
                                            : texts[md_engine_smaller_(e, m)];
#undef AGAIN
}

static const char *rung_words(const struct md_engine *e, const struct movie *m, enum gov_rung rung)
{
    static const char *const texts[GOV_RUNG_COUNT] = {
        [GOV_RUNG_RETRY] = "trying again",
        [GOV_RUNG_STANDARD] = "standard cleanup, then again",
        [GOV_RUNG_AGGRESSIVE] = "aggressive cleanup, then again",
        [GOV_RUNG_HOLD] = "again without younger movies beside it",
        [GOV_RUNG_EMERGENCY] = "again in a new worker",
        [GOV_RUNG_CPU] = "again on the CPU",
        [GOV_RUNG_FALLBACK] = "without the model",
        [GOV_RUNG_FAIL] = "nothing is left to try",
    };
    if (rung == GOV_RUNG_RETRY && m->least_bytes > 0)
        return "trying again with a larger lease";
    return rung == GOV_RUNG_SMALLER ? smaller_words(e, m).remedy : texts[rung];
}

static void say_rung(struct md_engine *e, const struct movie *m,
                     const struct gov_recover_decision *decision)
{
    const char *rung = decision->rung == GOV_RUNG_SMALLER ? smaller_words(e, m).what
                                                          : gov_rung_name(decision->rung);
    gov_recorder_rung(e->params.recorder, e->now_us, m->label, md_stage_names[m->stage], rung,
                      decision->batch);
    char batch[32] = "";
    if (decision->batch != m->run_batch)
        snprintf(batch, sizeof batch, " with batch %d", (int)decision->batch);
    md_engine_say_(e, MD_LOG_WARNING, "Out of memory: %s of %.50s, batch %d - %s%s",
                   md_stage_names[m->stage], m->label, m->run_batch,
                   rung_words(e, m, decision->rung), batch);
}

/* Where its worker has ended already, or ends, nothing is tried before its memory is back: what it
 * held is missing to the next one on any rung. */
static void await_ended(struct md_engine *e, struct worker *w, int64_t now_us)
{
    if (e->params.policy.no_ladder || e->params.policy.ungoverned)
        return;
    if (w->state == WORKER_NONE && !w->recovering)
        md_engine_await_memory_(e, w, now_us);
    else if (w->state == WORKER_STOPPING)
        w->ending = true;
}

/* Its worker ends, and its memory is waited for. */
static void restart(struct md_engine *e, struct movie *m, int64_t now_us)
{
    struct worker *w = worker_of(e, m);
    m->step = STEP_RESTART;
    m->deadline_us = NEVER_US;
    if (w->state == WORKER_IDLE)
        md_engine_unload_(e, w, now_us);
}

static void climb(struct md_engine *e, struct movie *m, const struct gov_recover_decision *decision,
                  int64_t now_us)
{
    switch (decision->rung) {
    case GOV_RUNG_RETRY:
        try_again(e, m, now_us);
        break;
    case GOV_RUNG_STANDARD:
    case GOV_RUNG_AGGRESSIVE:
        m->step = STEP_TIER;
        m->tier_wanted =
            decision->rung == GOV_RUNG_STANDARD ? GOV_TIER_STANDARD : GOV_TIER_AGGRESSIVE;
        m->deadline_us = NEVER_US; /* the tier has one */
        md_engine_request_tier_(e, m->tier_wanted, now_us);
        break;
    case GOV_RUNG_HOLD:
        m->hold = true;
        try_again(e, m, now_us);
        break;
    case GOV_RUNG_EMERGENCY:
        md_engine_batch_oom_(e, m, m->lost_peak_bytes);
        m->batch = decision->batch;
        restart(e, m, now_us);
        break;
    case GOV_RUNG_SMALLER:
    case GOV_RUNG_CPU:
        md_engine_settings_failed_(e, m);
        m->batch = decision->batch;
        m->settings =
            decision->rung == GOV_RUNG_SMALLER ? md_engine_smaller_(e, m) : MD_SETTINGS_CPU;
        m->least_bytes = 0; /* what it takes now nobody knows yet */
        m->begins_anew = m->executor == MD_EXECUTOR_LLM;
        restart(e, m, now_us);
        break;
    case GOV_RUNG_FALLBACK:
        if (worker_of(e, m)->state == WORKER_IDLE)
            md_engine_unload_(e, worker_of(e, m), now_us);
        md_engine_fall_back_(e, m, MD_FALLBACK_MEMORY, now_us);
        break;
    default:
        md_engine_leave_(e, m, MD_MOVIE_FAILED, now_us);
        break;
    }
}

/* To the reason of a movie that is given up: what would have helped. */
static void tell_need(const struct md_engine *e, struct movie *m)
{
    struct gov_status status;
    char reason[320], need[24], have[24];
    gov_governor_status(e->params.governor, &status);
    if (m->asked_bytes <= 0 || !status.has_sample)
        return;
    snprintf(reason, sizeof reason, "%.300s", m->failure.message);
    md_fail(&m->failure, m->failure.code,
            "%s; about %s are needed and %s may be used: give it more memory, or fewer movies at "
            "once",
            reason, gov_format_size(m->asked_bytes, need, sizeof need),
            gov_format_size(MD_MAX(status.budget.ours_bytes, 0), have, sizeof have));
}

static void look(struct md_engine *e, struct movie *m, int64_t now_us)
{
    if (ends_soon(e)) { /* it can be gone on with another time */
        md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
        md_engine_leave_(e, m, MD_MOVIE_CANCELLED, now_us);
        return;
    }
    int64_t larger_bytes = larger_lease(e, m);
    if (m->forced && has_younger(e, m))
        e->alone_for[m->executor] = ALONE_FOR;
    struct gov_recover_decision decision = decide(e, m);
    m->least_bytes =
        decision.rung == GOV_RUNG_RETRY && larger_bytes > 0 ? larger_bytes : m->least_bytes;
    if (decision.rung == GOV_RUNG_FAIL)
        tell_need(e, m);
    struct md_command *command = md_engine_emit_(e, MD_COMMAND_STAGE_FAILED, m);
    command->failure = &m->failure;
    command->will_retry = decision.rung != GOV_RUNG_FAIL;
    command->batch = m->run_batch;
    command->remedy = rung_words(e, m, decision.rung);
    say_rung(e, m, &decision);
    if (decision.rung != GOV_RUNG_FALLBACK) /* which counts itself */
        m->attempt++;
    if (decision.rung != GOV_RUNG_FAIL)
        await_ended(e, worker_of(e, m), now_us);
    climb(e, m, &decision, now_us);
}

void md_engine_recover_(struct md_engine *e, struct movie *m, bool sampled, int64_t now_us)
{
    const struct worker *w = worker_of(e, m);
    switch (m->step) {
    case STEP_LOOK:
        if (sampled || now_us >= m->deadline_us)
            look(e, m, now_us);
        break;
    case STEP_TIER: /* see md_engine_tier_ended_ */
        if (e->tier == GOV_TIER_NONE)
            try_again(e, m, now_us);
        break;
    case STEP_RESTART:
        if (w->state == WORKER_NONE && !w->recovering)
            try_again(e, m, now_us);
        else if (is_shared(w) && w->movie && w->movie != m)
            try_again(e, m, now_us); /* an older movie was quicker: wait for it */
        break;
    }
}
