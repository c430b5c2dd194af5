/* Cleanups: what this program and its workers can give back.
 *
 *   standard    free blocks of the C library's heaps, ours at once, the workers' within
 * milliseconds by their reader threads, beside whatever runs
 *   aggressive  + what idle workers can read again, + idle workers that hold a model: the engine
 * ends them (UNLOAD), the cheapest to load again per byte first; + an Ollama on this machine: its
 * worker asks it to unload
 *   emergency   the same again, up to three passes
 *
 * What a run freed is measured at the next sample. */
#include "super/super_internal.h"

#include <gov/recover.h>
#include <malloc.h>

#include "base/cleanup.h"
#include "infer/endpoint_address.h"
#include "ipc/protocol.h"

/* An Ollama is asked by its worker, which waits two seconds for it (infer/endpoint.c). What comes
 * back is looked for as long; less than this is somebody else's. */
static const int64_t server_patience_us = 2500000;
static const int64_t server_bytes = 64 * 1000 * 1000;

/* One idle worker with a model. */
struct idle_model {
    struct md_super *s;
    struct md_process *process;
};

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

static int drop_caches(void *context, enum gov_tier tier, int64_t want_bytes)
{
    struct md_super *s = context;
    size_t asked = 0;
    for (size_t i = 0; i < s->processes.n; i++) {
        const struct md_process *process = s->processes.v[i];
        if (process->busy || !process->said_hello || process->is_remote)
            continue;
        md_super_send_word_(s, s->processes.v[i], MD_SAY_DROP);
        asked++;
    }
    return asked ? GOV_RECLAIM_RUNNING : GOV_RECLAIM_NOTHING;
}

static int64_t model_bytes(void *context)
{
    const struct idle_model *idle = context;
    struct gov_process process = {.pid = idle->process->pid};
    if (gov_device_processes(idle->s->memory.device, true, &process, 1) < 0 ||
        !(process.valid & GOV_PROCESS_USED))
        return -1;
    return process.used_bytes;
}

static int unload_model(void *context, enum gov_tier tier, int64_t want_bytes)
{
    const struct idle_model *idle = context;
    idle->process->unloading = true;
    md_super_tell_later_(idle->s,
                         &(struct md_event){.kind = MD_EVENT_UNLOAD, .worker = idle->process->id});
    return GOV_RECLAIM_RUNNING;
}

/* A server beside us: how much it holds its worker cannot see. */
static int64_t unknown_bytes(void *context)
{
    (void)context;
    return -1;
}

static int rest_server(void *context, enum gov_tier tier, int64_t want_bytes)
{
    const struct idle_model *idle = context;
    md_super_send_word_(idle->s, idle->process, MD_SAY_DROP);
    return GOV_RECLAIM_RUNNING;
}

/* Does it have its memory from where we have ours? */
static bool server_is_here(const struct md_super *s)
{
    struct md_failure ignored = {0};
    struct md_endpoint_address address = {0};
    const char *url = s->params->options->llm_url;
    bool here = url && md_endpoint_address_parse(url, &address, &ignored) == MD_OK && address.local;
    md_endpoint_address_done(&address);
    return here;
}

static void run_pass(struct md_super *s, enum gov_tier tier)
{
    enum { FIXED = 3, MODELS = 8 }; /* two kinds, and those that are on their way out */
    struct idle_model idle[MODELS];
    struct gov_reclaimer reclaimers[FIXED + MODELS] = {
        {.name = "own heap", .tier = GOV_TIER_STANDARD, .reclaim = trim_self, .context = s},
        {.name = "workers' heaps",
         .tier = GOV_TIER_STANDARD,
         .reclaim = trim_workers,
         .context = s},
        {.name = "idle workers' artifacts",
         .tier = GOV_TIER_AGGRESSIVE,
         .reclaim = drop_caches,
         .context = s},
    };
    size_t count = FIXED;
    for (size_t i = 0; i < s->processes.n && count < FIXED + MODELS; i++) {
        struct md_process *process = s->processes.v[i];
        if (process->executor == MD_EXECUTOR_MEDIA || process->busy ||
            (process->is_remote && !server_is_here(s)))
            continue;
        idle[count - FIXED] = (struct idle_model){s, process};
        reclaimers[count] = (struct gov_reclaimer){
            .name = md_executor_names[process->executor],
            .tier = GOV_TIER_AGGRESSIVE,
            .reload_us = MD_MAX(md_engine_load_us(s->engine, process->executor), 1),
            .reclaimable = process->is_remote ? unknown_bytes : model_bytes,
            .reclaim = process->is_remote ? rest_server : unload_model,
            .context = &idle[count - FIXED],
            .of_others = process->is_remote,
        };
        count++;
    }
    s->tier_since_us = md_super_now_us_(s);
    s->tier_runs = gov_governor_run_tier(s->memory.governor, reclaimers, count, tier,
                                         md_super_now_us_(s), &s->tier_run) == GOV_OK;
}

static void tell_done(struct md_super *s, int64_t freed_bytes)
{
    md_super_tell_later_(
        s, &(struct md_event){.kind = MD_EVENT_TIER_DONE, .freed_bytes = freed_bytes});
}

void md_super_run_tier_(struct md_super *s, enum gov_tier tier)
{
    if (s->tier_runs) { /* one at a time */
        s->tier_wanted = MD_MAX(s->tier_wanted, tier);
        return;
    }
    s->tier_run = (struct gov_tier_run){0};
    s->tier_used_bytes = 0;
    run_pass(s, tier);
    if (!s->tier_runs)
        tell_done(s, -1);
}

/* A worker that is to be ended needs longer than trimming a heap does. */
static bool somebody_unloads(const struct md_super *s)
{
    for (size_t i = 0; i < s->processes.n; i++)
        if (s->processes.v[i]->unloading && !s->processes.v[i]->busy)
            return true;
    return false;
}

/* The server was asked, and its model is still there or on its way out. */
static bool server_unloads(struct md_super *s)
{
    struct md_memory_view view;
    int64_t before_bytes = s->tier_run.before_used_bytes, last_bytes = s->tier_used_bytes;
    if (!s->tier_run.of_others || md_super_now_us_(s) - s->tier_since_us >= server_patience_us)
        return false;
    md_memory_view(&s->memory, &view);
    s->tier_used_bytes = view.used_bytes;
    if (before_bytes < 0 || view.used_bytes < 0)
        return false;
    return before_bytes - view.used_bytes < server_bytes || last_bytes - view.used_bytes > 0;
}

void md_super_end_tier_(struct md_super *s)
{
    if (!s->tier_runs || server_unloads(s))
        return;
    if (somebody_unloads(s) && md_super_now_us_(s) - s->tier_since_us < GOV_RECOVERY_MAX_US)
        return;
    s->tier_runs = false;
    bool ended =
        gov_governor_end_tier(s->memory.governor, md_super_now_us_(s), &s->tier_run) == GOV_OK;
    if (ended && s->tier_run.again) {
        run_pass(s, s->tier_run.tier);
        if (s->tier_runs)
            return;
    }
    enum gov_tier wanted = s->tier_wanted;
    s->tier_wanted = GOV_TIER_NONE;
    if (wanted > s->tier_run.tier)
        md_super_run_tier_(s, wanted);
    else
        tell_done(s, ended && s->tier_run.has_before ? s->tier_run.freed_bytes : -1);
}
