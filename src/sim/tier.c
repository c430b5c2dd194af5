/* Cleanups, as the runtime does them: cached blocks of every worker's pool first, then models that
 * nobody uses, which the engine lets go when it is told MD_EVENT_UNLOAD. */
#include "base/cleanup.h"
#include "sim/world_internal.h"

static int64_t trimmable(void *context)
{
    struct world *w = context;
    int64_t bytes = 0;
    for (size_t i = 0; i < w->workers.n; i++) {
        struct gov_sim_pool_stats stats;
        if (w->workers.v[i].pool &&
            gov_sim_pool_stats(w->machine->device, w->workers.v[i].pool, &stats) == GOV_OK)
            bytes += stats.held_bytes - stats.pinned_bytes;
    }
    return bytes;
}

static int trim(void *context, enum gov_tier tier, int64_t want_bytes)
{
    struct world *w = context;
    int64_t freed = 0;
    for (size_t i = 0; i < w->workers.n; i++) {
        int64_t bytes = 0;
        if (w->workers.v[i].pool)
            (void)gov_sim_pool_trim(w->machine->device, w->workers.v[i].pool, &bytes);
        freed += bytes;
    }
    w->changed |= freed > 0;
    return freed > 0 ? GOV_RECLAIM_DONE : GOV_RECLAIM_NOTHING;
}

static bool is_idle_model(const struct sim_worker *worker)
{
    return worker->executor != MD_EXECUTOR_MEDIA && worker->state == WORKER_IDLE;
}

static struct sim_worker *idle_model(struct world *w, enum md_executor executor)
{
    for (size_t i = 0; i < w->workers.n; i++)
        if (w->workers.v[i].executor == executor && is_idle_model(&w->workers.v[i]))
            return &w->workers.v[i];
    return NULL;
}

static int64_t unloadable(struct world *w, enum md_executor executor)
{
    struct sim_worker *worker = idle_model(w, executor);
    return worker ? worker->resident_bytes + w->situation->context_bytes : 0;
}

static int unload(struct world *w, enum md_executor executor)
{
    struct sim_worker *worker = idle_model(w, executor);
    if (!worker)
        return GOV_RECLAIM_NOTHING;
    world_due(w, 0, (struct md_sim_due){.kind = DUE_UNLOAD, .worker = worker->id});
    return GOV_RECLAIM_RUNNING;
}

static int64_t unloadable_asr(void *context)
{
    return unloadable(context, MD_EXECUTOR_ASR);
}

static int unload_asr(void *context, enum gov_tier tier, int64_t want_bytes)
{
    return unload(context, MD_EXECUTOR_ASR);
}

static int64_t unloadable_llm(void *context)
{
    return unloadable(context, MD_EXECUTOR_LLM);
}

static int unload_llm(void *context, enum gov_tier tier, int64_t want_bytes)
{
    return unload(context, MD_EXECUTOR_LLM);
}

static void run_pass(struct world *w, enum gov_tier tier)
{
    const struct gov_reclaimer reclaimers[] = {
        {"workers' cached blocks", GOV_TIER_STANDARD, 0, trimmable, trim, w},
        {"idle speech model", GOV_TIER_AGGRESSIVE,
         w->situation->asr ? w->situation->asr->load_us : 0, unloadable_asr, unload_asr, w},
        {"idle language model", GOV_TIER_AGGRESSIVE,
         w->situation->llm ? w->situation->llm->load_us : 0, unloadable_llm, unload_llm, w},
    };
    size_t count = world_fails(w, MD_SIM_TIER) ? 0 : MD_ARRAY_LEN(reclaimers);
    w->tier_runs = gov_governor_run_tier(w->machine->governor, reclaimers, count, tier, w->now_us,
                                         &w->tier_run) == GOV_OK;
}

void tier_begin(struct world *w, enum gov_tier tier)
{
    w->result->tiers[tier]++;
    w->changed = true;
    if (w->tier_runs && tier <= w->tier_run.tier)
        return; /* its end answers both */
    w->tier_run = (struct gov_tier_run){0};
    run_pass(w, tier);
    if (!w->tier_runs)
        world_broken(w, "the tier could not be run");
}

void tier_end(struct world *w)
{
    if (!w->tier_runs)
        return;
    w->tier_runs = false;
    if (gov_governor_end_tier(w->machine->governor, w->now_us, &w->tier_run) == GOV_OK &&
        w->tier_run.again) {
        run_pass(w, w->tier_run.tier);
        return;
    }
    struct md_event event = {.kind = MD_EVENT_TIER_DONE,
                             .freed_bytes = w->tier_run.has_before ? w->tier_run.freed_bytes : -1};
    world_trace(w, "tier %s done", gov_tier_name(w->tier_run.tier));
    world_tell(w, &event);
}
