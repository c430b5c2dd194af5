/* Cleanups: what this program and its media workers can give back. They hold no models, so all
 * there is are free blocks of the C library's heaps: cheap to give back, at once in our own
 * process, within milliseconds in the workers, whose reader threads do it beside the running stage.
 * What a run freed is measured at the next sample. */
#include "super/super_internal.h"

#include <malloc.h>

#include "base/cleanup.h"
#include "ipc/protocol.h"

static int trim_self(void *context, enum gov_tier tier, int64_t want_bytes)
{
    return malloc_trim(0) ? GOV_RECLAIM_DONE : GOV_RECLAIM_NOTHING;
}

static int trim_workers(void *context, enum gov_tier tier, int64_t want_bytes)
{
    struct md_super *s = context;
    for (size_t i = 0; i < s->processes.n; i++)
        md_super_send_word_(s, s->processes.v[i], MD_SAY_TRIM);
    return s->processes.n ? GOV_RECLAIM_RUNNING : GOV_RECLAIM_NOTHING;
}

static void run_pass(struct md_super *s, enum gov_tier tier)
{
    const struct gov_reclaimer reclaimers[] = {
        {.name = "own heap", .tier = GOV_TIER_STANDARD, .reclaim = trim_self, .context = s},
        {.name = "workers' heaps",
         .tier = GOV_TIER_STANDARD,
         .reclaim = trim_workers,
         .context = s},
    };
    s->tier_runs = gov_governor_run_tier(s->memory.governor, reclaimers, MD_ARRAY_LEN(reclaimers),
                                         tier, md_super_now_us_(s), &s->tier_run) == GOV_OK;
}

void md_super_run_tier_(struct md_super *s, enum gov_tier tier)
{
    /* One at a time. Pressure that rises meanwhile asks again after its cool-down. */
    if (s->tier_runs)
        return;
    s->tier_run = (struct gov_tier_run){0};
    run_pass(s, tier);
}

void md_super_end_tier_(struct md_super *s)
{
    if (!s->tier_runs)
        return;
    s->tier_runs = false;
    if (gov_governor_end_tier(s->memory.governor, md_super_now_us_(s), &s->tier_run) == GOV_OK &&
        s->tier_run.again)
        run_pass(s, s->tier_run.tier);
}
