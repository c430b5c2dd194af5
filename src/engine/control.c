/* What comes from outside: readings of the device, and the user who pauses, stops, cancels. Pauses
 * by memory and by the user are two, and both can hold. */
#include "engine/engine_internal.h"

#include <gov/recorder.h>

#include "base/clock.h"

/* A neighbour that has filled the device for so long does not do so in passing. */
#define LONG_PAUSE_US (600 * MD_SECOND_US)

static void tell_pause(struct md_engine *e, enum md_command_kind kind, bool by_memory)
{
    md_engine_emit_(e, kind, NULL)->by_memory = by_memory;
}

static void see(struct md_engine *e)
{
    struct gov_sample sample = {0};
    e->seen_free_bytes = e->seen_others_bytes = -1;
    if (gov_governor_last_sample(e->params.governor, &sample) < 0)
        return;
    if (sample.valid & GOV_SAMPLE_FREE)
        e->seen_free_bytes = sample.free_bytes;
    if (sample.valid & GOV_SAMPLE_OTHERS)
        e->seen_others_bytes = sample.others_bytes;
}

static void check_pressure(struct md_engine *e, int64_t now_us)
{
    const int64_t reclaimable_unknown = -1;
    struct gov_pressure_decision decision;
    if (gov_governor_check_pressure(e->params.governor, now_us, reclaimable_unknown, &decision) < 0)
        return;
    if (decision.tier != GOV_TIER_NONE)
        md_engine_request_tier_(e, decision.tier, now_us);
    if (decision.pause && !e->paused_by_memory) {
        e->paused_by_memory = true;
        e->memory_paused_since_us = now_us;
        tell_pause(e, MD_COMMAND_PAUSED, true);
    } else if (decision.resume && e->paused_by_memory) {
        e->paused_by_memory = false;
        tell_pause(e, MD_COMMAND_RESUMED, true);
    }
}

void md_engine_sampled_(struct md_engine *e, int64_t now_us)
{
    see(e);
    if (!e->params.policy.ungoverned)
        check_pressure(e, now_us);
    md_engine_watch_leases_(e);
    md_engine_compare_models_(e);
    for (size_t i = 0; i < e->flight_count; i++)
        md_engine_check_recovery_(e, &e->flight[i]->media, true, now_us);
    for (int i = 1; i < MD_EXECUTORS; i++)
        md_engine_check_recovery_(e, &e->shared[i], true, now_us);
    for (size_t i = 0; i < e->flight_count; i++)
        if (e->flight[i]->phase == PHASE_RECOVERING)
            md_engine_recover_(e, e->flight[i], true, now_us);
}

/* Neighbours that fill the device come and go, and are waited for. But where they alone would not
 * keep the level up and no stage of ours runs, what is used is what it takes to be here at all:
 * waiting brings nothing back, and the oldest movie has to try. On a GPU it also tries once they
 * have stayed long: there the last rung of the ladder is the CPU, which takes nothing from them. */
bool md_engine_pause_is_ours_(const struct md_engine *e, int64_t now_us)
{
    const struct gov_pressure_rule *rule = &e->config.pressure;
    struct gov_sample sample;
    if (e->params.device_is_gpu && now_us >= e->memory_paused_since_us + LONG_PAUSE_US)
        return true;
    if (now_us < md_engine_pause_end_(e) ||
        gov_governor_last_sample(e->params.governor, &sample) < 0 ||
        !(sample.valid & GOV_SAMPLE_OTHERS) || !(sample.valid & GOV_SAMPLE_TOTAL))
        return false;
    double leave = rule->enter_percent[GOV_LEVEL_HIGH] - rule->leave_gap_percent;
    return (double)sample.others_bytes * 100 < leave * (double)sample.total_bytes;
}

int64_t md_engine_pause_end_(const struct md_engine *e)
{
    return e->paused_by_memory ? e->memory_paused_since_us + e->params.patience_us : NEVER_US;
}

void md_engine_pause_(struct md_engine *e, int64_t now_us)
{
    if (e->paused || ends_soon(e))
        return;
    e->paused = true;
    e->paused_since_us = now_us;
    gov_recorder_pause(e->params.recorder, now_us, false);
    tell_pause(e, MD_COMMAND_PAUSED, false);
}

void md_engine_resume_(struct md_engine *e, int64_t now_us)
{
    if (!e->paused)
        return;
    e->paused = false;
    e->oldest_since_us = now_us; /* patience begins anew */
    gov_recorder_resume(e->params.recorder, now_us, false, now_us - e->paused_since_us);
    tell_pause(e, MD_COMMAND_RESUMED, false);
}

/* Running stages go on; see schedule.c for the movies between stages. */
void md_engine_stop_(struct md_engine *e, int64_t now_us)
{
    md_engine_resume_(e, now_us);
    e->stopping = true;
}

static void end_shared(struct md_engine *e)
{
    for (int i = 1; i < MD_EXECUTORS; i++) {
        struct worker *w = &e->shared[i];
        if (w->state == WORKER_NONE || w->state == WORKER_CONDEMNED)
            continue;
        if (w->state == WORKER_STOPPING)
            w->deadline_us = MD_MIN(w->deadline_us, e->cancel_deadline_us);
        else
            md_engine_quit_(e, w, e->cancel_deadline_us);
    }
}

void md_engine_cancel_(struct md_engine *e, int64_t now_us)
{
    if (e->cancels++ == 0) {
        md_engine_resume_(e, now_us);
        e->cancel_deadline_us = now_us + e->params.cancel_grace_us;
        for (size_t i = 0; i < e->flight_count; i++) {
            struct movie *m = e->flight[i];
            struct worker *w = &m->media;
            if (m->phase == PHASE_FINISHING) { /* it is nearly over: let it be */
                w->deadline_us = MD_MIN(w->deadline_us, e->cancel_deadline_us);
            } else if (m->phase == PHASE_LEAVING) {
                if (w->state == WORKER_STOPPING)
                    w->deadline_us = MD_MIN(w->deadline_us, e->cancel_deadline_us);
            } else {
                md_fail(&m->failure, MD_ERR_CANCELLED, "cancelled");
                md_engine_leave_(e, m, MD_MOVIE_CANCELLED, now_us);
            }
        }
        end_shared(e);
        return;
    }
    for (size_t i = 0; i < e->flight_count; i++)
        md_engine_kill_(e, &e->flight[i]->media);
    for (int i = 1; i < MD_EXECUTORS; i++)
        md_engine_kill_(e, &e->shared[i]);
}
