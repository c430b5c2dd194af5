/* One loop: the earliest of what is due, the engine's deadline and the next reading happens, the
 * engine is told, its commands are carried out at once and cause what is due later.
 *
 * Readings are thinned out where that changes nothing: while no process takes or gives anything and
 * no neighbour moves, two readings a second apart say the same, so the pause between them doubles
 * up to QUIET_US. The engine never decides on an old one: before it is told anything, the device is
 * read if the last reading is older than the governor's own pace. */
#include "sim/world_internal.h"

#include <gov/history.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define QUIET_US   (30 * MD_SECOND_US)
#define HOUR_US    (3600 * MD_SECOND_US)
#define LONGEST_US (120 * 24 * HOUR_US) /* a few movies; more is a hang */

enum { MOST_STEPS_IN_PLACE = 20000 };

const char *const md_sim_operation_names[] = {"allocation", "spawn", "worker", "sample",
                                              "release",    "tier",  NULL};

const char *const md_sim_down_names[] = {"a hung worker nobody has noticed yet",
                                         "after an out-of-memory",
                                         "after a lost worker",
                                         "waiting for a lease",
                                         "anything else",
                                         NULL};

/* --- the machine --- */

int md_sim_machine_open(struct md_sim_machine *machine, const struct md_sim_situation *s,
                        const struct gov_config *config, const struct gov_log *log)
{
    *machine = (struct md_sim_machine){.config = config ? *config : gov_config_default};
    machine->device_params.sim = (struct gov_sim_params){
        .total_bytes = s->total_bytes,
        .reserved_bytes = s->reserved_bytes ? s->reserved_bytes : -1,
        .neighbours = s->neighbours,
        .neighbour_count = s->neighbour_count,
        .context_bytes = s->context_bytes ? s->context_bytes : -1,
        .lag_us = s->lag_us,
    };
    int error = gov_device_open(s->device, &machine->device_params, &machine->device);
    if (!error)
        error = gov_governor_new(&machine->config, machine->device, log, &machine->governor);
    if (!error)
        return MD_OK;
    md_sim_machine_close(machine);
    return error == GOV_E_NOMEM ? MD_ERR_NOMEM : MD_ERR_INPUT;
}

void md_sim_machine_close(struct md_sim_machine *machine)
{
    gov_governor_free(machine->governor);
    gov_device_free(machine->device);
    machine->governor = NULL;
    machine->device = NULL;
}

/* --- helpers --- */

void world_trace(struct world *w, const char *format, ...)
{
    char line[400];
    va_list ap;
    if (!w->params->trace)
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    w->params->trace(w->params->trace_user, w->now_us, line);
}

void world_broken(struct world *w, const char *format, ...)
{
    va_list ap;
    if (w->result->broken)
        return;
    w->result->broken = true;
    va_start(ap, format);
    vsnprintf(w->result->why, sizeof w->result->why, format, ap);
    va_end(ap);
    world_trace(w, "BROKEN: %s", w->result->why);
}

static void hang(struct world *w, const char *why)
{
    w->result->hung = true;
    snprintf(w->result->why, sizeof w->result->why, "%s", why);
    world_trace(w, "HANGS: %s", why);
}

void world_due(struct world *w, int64_t after_us, struct md_sim_due due)
{
    due.at_us = w->now_us + after_us;
    if (md_sim_heap_push(&w->heap, due) < 0)
        w->nomem = true;
}

bool world_fails(struct world *w, enum md_sim_operation operation)
{
    const struct md_sim_fault *fault = &w->params->fault;
    int64_t nth = ++w->result->operations[operation];
    if (!fault->nth || fault->operation != operation)
        return false;
    return fault->persistent ? nth >= fault->nth : nth == fault->nth;
}

/* --- readings --- */

static bool is_blind(const struct world *w)
{
    return w->now_us >= w->blind_from_us && w->now_us < w->blind_until_us;
}

static void plan_blindness(struct world *w)
{
    const struct md_sim_trouble *trouble = &w->situation->trouble;
    w->blind_from_us = w->blind_until_us = INT64_MAX;
    if (trouble->blind_per_hour <= 0)
        return;
    double mean_us = (double)HOUR_US / trouble->blind_per_hour;
    w->blind_from_us = w->now_us + (int64_t)(mean_us * 2 * md_sim_unit(&w->random));
    w->blind_until_us = w->blind_from_us + trouble->blind_us;
}

/* Reads the device; false when that fails. Tells nobody. */
static bool take_sample(struct world *w)
{
    struct gov_sample sample;
    if (w->now_us >= w->blind_until_us)
        plan_blindness(w);
    w->last_sample_us = w->now_us;
    if (world_fails(w, MD_SIM_SAMPLE) || is_blind(w))
        return false;
    if (gov_governor_sample(w->machine->governor, w->now_us, &sample) != GOV_OK)
        return false;
    if (sample.valid & GOV_SAMPLE_OWN)
        w->result->peak_own_bytes = MD_MAX(w->result->peak_own_bytes, sample.own_bytes);
    return true;
}

static void plan_sample(struct world *w)
{
    int64_t pace = gov_governor_next_sample_us(w->machine->governor);
    int64_t neighbours = md_sim_neighbours_next_us(w->situation, w->now_us);
    if (w->changed || w->tier_runs || w->now_us <= w->settles_us)
        w->sample_interval_us = pace;
    else
        w->sample_interval_us = MD_MIN(MD_MAX(w->sample_interval_us, pace) * 2, QUIET_US);
    w->changed = false;
    w->next_sample_us = w->now_us + w->sample_interval_us;
    if (neighbours > w->now_us)
        w->next_sample_us = MD_MIN(w->next_sample_us, MD_MAX(neighbours, w->now_us + pace));
}

static void show(struct world *w)
{
    struct gov_status status;
    if (!w->params->watch)
        return;
    gov_governor_status(w->machine->governor, &status);
    w->params->watch(w->params->watch_user,
                     &(struct md_sim_view){.now_us = w->now_us,
                                           .used_bytes = status.sample.used_bytes,
                                           .own_bytes = status.sample.own_bytes,
                                           .leased_bytes = status.leases.now_bytes,
                                           .total_bytes = status.sample.total_bytes});
}

static void sample(struct world *w)
{
    bool read = take_sample(w);
    if (read)
        world_tell(w, &(struct md_event){.kind = MD_EVENT_SAMPLED});
    show(w);
    tier_end(w);
    plan_sample(w);
}

/* --- commands --- */

static void movie_ended(struct world *w, const struct md_command *c)
{
    struct md_sim_movie_result *movie = &w->result->movies.v[c->movie];
    struct sim_folder *folder = &w->folders.v[c->movie];
    movie->end = c->end;
    movie->code = MD_OK;
    movie->end_us = w->now_us;
    for (int s = 0; s < MD_STAGES; s++)
        movie->result = md_sim_hash(movie->result, folder->results[s]);
    movie->is_right =
        movie->result == md_sim_expected_result(w->situation, &folder->movie, folder->fallback);
    folder->waiting_stage = -1;
    folder->ended = true;
    w->unfinished--;
    if (c->end == MD_MOVIE_DONE)
        return;
    movie->code = c->failure ? c->failure->code : MD_ERR_BUG;
    if (c->failure)
        snprintf(movie->why, sizeof movie->why, "%s: %.120s", c->failure->stage,
                 c->failure->message);
    bool memory = movie->code == MD_ERR_NOMEM || movie->code == MD_ERR_DEVICE_MEM;
    if (memory)
        w->result->lost_to_memory++;
    else
        w->result->lost_otherwise++;
}

static void trace_command(struct world *w, const struct md_command *c)
{
    static const char *const names[] = {
        [MD_COMMAND_START_WORKER] = "start worker",
        [MD_COMMAND_CHECK] = "check",
        [MD_COMMAND_RUN] = "run",
        [MD_COMMAND_LIMIT] = "limit",
        [MD_COMMAND_FINISH_MOVIE] = "finish",
        [MD_COMMAND_CANCEL] = "cancel",
        [MD_COMMAND_QUIT] = "quit",
        [MD_COMMAND_KILL] = "kill",
        [MD_COMMAND_RUN_TIER] = "run tier",
        [MD_COMMAND_POST_MORTEM] = "post-mortem",
        [MD_COMMAND_END] = "end",
        [MD_COMMAND_MOVIE_STARTED] = "movie started",
        [MD_COMMAND_STAGE_WAITING] = "stage waits",
        [MD_COMMAND_STAGE_FINISHED] = "stage finished",
        [MD_COMMAND_STAGE_FAILED] = "stage failed",
        [MD_COMMAND_MOVIE_ENDED] = "movie ended",
        [MD_COMMAND_PAUSED] = "paused",
        [MD_COMMAND_RESUMED] = "resumed",
        [MD_COMMAND_UNITS] = "units",
    };
    if (c->kind == MD_COMMAND_LOG)
        world_trace(w, "  - %s", c->text);
    else if (c->kind == MD_COMMAND_RUN_TIER)
        world_trace(w, "  > run tier %s", gov_tier_name(c->tier));
    else if (c->kind != MD_COMMAND_UNITS && c->kind != MD_COMMAND_CHECK)
        world_trace(
            w, "  > %s: movie %ld worker %u executor %d %s batch %d settings %d lease %ld MB %s",
            names[c->kind], c->movie == MD_ENGINE_NO_MOVIE ? -1L : (long)c->movie, c->worker,
            c->executor, md_stage_names[c->stage], c->batch, c->settings,
            (long)(c->lease_bytes / GOV_MB), c->failure ? c->failure->message : "");
}

static void carry_out(struct world *w, const struct md_command *c)
{
    trace_command(w, c);
    if (w->ended)
        world_broken(w, "a command after the end");
    switch (c->kind) {
    case MD_COMMAND_RUN_TIER:
        tier_begin(w, c->tier);
        break;
    case MD_COMMAND_END:
        w->ended = true;
        break;
    case MD_COMMAND_MOVIE_STARTED:
        w->result->movies.v[c->movie].start_us = w->now_us;
        break;
    case MD_COMMAND_MOVIE_ENDED:
        movie_ended(w, c);
        break;
    case MD_COMMAND_STAGE_WAITING:
        if (md_engine_waits_for(w->engine, c->movie) == MD_WAIT_MODEL) {
            w->result->turns++; /* that is not for memory */
            break;
        }
        w->folders.v[c->movie].waiting_stage = (int)c->stage;
        w->folders.v[c->movie].waiting_since_us = w->now_us;
        break;
    case MD_COMMAND_POST_MORTEM:
        w->folders.v[c->movie].ran_out = true;
        break;
    case MD_COMMAND_STAGE_FAILED:
        w->folders.v[c->movie].lost_worker = true;
        break;
    case MD_COMMAND_PAUSED:
    case MD_COMMAND_RESUMED:
        *(c->by_memory ? &w->paused_by_memory : &w->paused_by_user) = c->kind == MD_COMMAND_PAUSED;
        break;
    default:
        worker_command(w, c);
        break;
    }
}

static void check(struct world *w)
{
    if (!md_engine_is_valid(w->engine))
        world_broken(w, "the engine's state or the ledger does not hold");
    else if (!gov_sim_is_valid(w->machine->device))
        world_broken(w, "the device's sums do not agree");
}

void world_tell(struct world *w, const struct md_event *event)
{
    const struct md_command *commands;
    size_t count;
    /* As a runtime would have read it by itself a moment ago; an end is told as it happens. */
    if (event->kind != MD_EVENT_SAMPLED && event->kind != MD_EVENT_GONE && w->changed &&
        w->now_us - w->last_sample_us >= gov_governor_next_sample_us(w->machine->governor) &&
        take_sample(w))
        world_tell(w, &(struct md_event){.kind = MD_EVENT_SAMPLED});
    w->result->steps++;
    w->ticks_in_place++;
    int r = md_engine_step(w->engine, event, w->now_us, &commands, &count);
    if (r < 0) {
        world_broken(w, "the engine refuses an event of kind %d: %s", event->kind,
                     md_error_text(r));
        return;
    }
    /* Carrying them out tells the engine nothing: whatever follows is put off. */
    for (size_t i = 0; i < count; i++)
        carry_out(w, &commands[i]);
    if (w->params->check)
        check(w);
}

/* --- time --- */

/* Is a stage rightly kept waiting? Others hold so much that what it truly takes, at its smallest
 * batch, is neither within the budget nor on the device, whatever of ours were given back. */
static bool waits_rightly(const struct world *w)
{
    struct gov_status status;
    if (w->paused_by_user || w->paused_by_memory)
        return true;
    gov_governor_status(w->machine->governor, &status);
    const uint32_t needed = GOV_SAMPLE_FREE | GOV_SAMPLE_OWN;
    if (!status.has_sample || (status.sample.valid & needed) != needed)
        return false;
    int64_t room =
        MD_MIN(status.budget.ours_bytes, status.sample.free_bytes + status.sample.own_bytes);
    for (size_t i = 0; i < w->folders.n; i++) {
        const struct sim_folder *folder = &w->folders.v[i];
        if (folder->waiting_stage < 0)
            continue;
        enum md_stage stage = (enum md_stage)folder->waiting_stage;
        enum md_executor executor = md_sim_executor(w->situation, &folder->movie, stage);
        return md_sim_true_peak(w->situation, &folder->movie, stage, executor, 1,
                                MD_SETTINGS_NORMAL) > room;
    }
    return false;
}

static enum md_sim_down why_down(const struct world *w)
{
    for (size_t i = 0; i < w->workers.n; i++)
        if (w->workers.v[i].hangs)
            return MD_SIM_DOWN_HUNG;
    for (size_t i = 0; i < w->folders.n; i++) {
        const struct sim_folder *folder = &w->folders.v[i];
        if (folder->ended)
            continue;
        if (folder->ran_out)
            return MD_SIM_DOWN_OOM;
        if (folder->lost_worker)
            return MD_SIM_DOWN_CRASH;
        if (folder->waiting_stage >= 0)
            return MD_SIM_DOWN_WAITS;
    }
    return MD_SIM_DOWN_OTHER;
}

static void note_down(struct world *w, int64_t passed_us)
{
    enum md_sim_down why = why_down(w);
    w->result->down_us += passed_us;
    w->result->down_by_us[why] += passed_us;
    world_trace(w, "down for %.3f s: %s", (double)passed_us / 1e6, md_sim_down_names[why]);
}

static void pass_time(struct world *w, int64_t to_us)
{
    int64_t passed = to_us - w->now_us;
    if (passed <= 0)
        return;
    bool works = false;
    for (size_t i = 0; i < w->workers.n && !works; i++)
        works = worker_is_busy(&w->workers.v[i]);
    if (works || !w->unfinished)
        w->result->working_us += passed;
    else if (waits_rightly(w))
        w->result->paused_us += passed;
    else
        note_down(w, passed);
    w->now_us = to_us;
    w->ticks_in_place = 0;
}

static void happens(struct world *w, const struct md_sim_due *due)
{
    struct sim_worker *worker = worker_find(w, due->worker);
    switch ((enum due_kind)due->kind) {
    case DUE_WORKER:
        if (worker && worker->turn == due->turn && !worker->killed)
            worker_acts(w, worker);
        break;
    case DUE_DIES:
        if (worker)
            worker_dies(w, worker, 9, NULL);
        break;
    case DUE_UNLOAD:
        if (worker)
            world_tell(w, &(struct md_event){.kind = MD_EVENT_UNLOAD, .worker = worker->id});
        break;
    case DUE_RELEASE:
    case DUE_POUNCE_ENDS:
        worker_free_process(w, due->value);
        break;
    case DUE_SAMPLE:
        break;
    }
}

/* --- movies --- */

static bool next_movie(struct world *w, struct md_sim_movie *ret)
{
    if (w->params->feed)
        return w->params->feed(w->params->feed_user, w->folders.n, ret);
    if (w->folders.n >= w->situation->movie_count)
        return false;
    *ret = w->situation->movies[w->folders.n];
    return true;
}

static void feed(struct world *w)
{
    enum { QUEUED = 3 };
    while (!w->fed && (!w->params->feed || w->unfinished < QUEUED)) {
        struct sim_folder folder = {.waiting_stage = -1};
        if (!next_movie(w, &folder.movie)) {
            if (w->params->until_us > w->now_us)
                return;
            w->fed = true;
            world_tell(w, &(struct md_event){.kind = MD_EVENT_CLOSE});
            return;
        }
        if (md_vec_push(&w->folders, folder) < 0 ||
            md_vec_push(&w->result->movies, (struct md_sim_movie_result){.end = MD_MOVIE_CANCELLED,
                                                                         .code = MD_ERR_BUSY}) <
                0) {
            w->nomem = true;
            return;
        }
        w->unfinished++;
        world_tell(w, &(struct md_event){.kind = MD_EVENT_ADD,
                                         .label = w->folders.v[w->folders.n - 1].movie.label});
    }
}

static bool goes_on(struct world *w)
{
    if (w->ended || w->nomem || w->result->broken || w->result->hung)
        return false;
    if (w->ticks_in_place > MOST_STEPS_IN_PLACE)
        hang(w, "the engine goes in circles while no time passes");
    else if (!w->params->feed && w->now_us - w->result->start_us > LONGEST_US)
        hang(w, "the movies are not done after months");
    return !w->result->hung;
}

static void advance(struct world *w)
{
    const struct md_sim_due *top = md_sim_heap_top(&w->heap);
    int64_t deadline = md_engine_deadline_us(w->engine);
    int64_t due = top ? top->at_us : INT64_MAX;
    if (w->changed) /* the quiet is over */
        w->next_sample_us =
            MD_MIN(w->next_sample_us,
                   w->last_sample_us + gov_governor_next_sample_us(w->machine->governor));
    int64_t next = MD_MIN(MD_MIN(due, deadline), w->next_sample_us);
    if (w->params->until_us > w->now_us)
        next = MD_MIN(next, w->params->until_us);
    if (next < w->now_us)
        next = w->now_us;
    pass_time(w, next);
    if (due <= next) {
        struct md_sim_due what = md_sim_heap_pop(&w->heap);
        happens(w, &what);
    } else if (deadline <= next) {
        world_tell(w, &(struct md_event){.kind = MD_EVENT_TICK});
    } else if (w->next_sample_us <= next) {
        sample(w);
    }
    if (w->params->until_us && w->now_us >= w->params->until_us && !w->cancelled) {
        w->cancelled = true;
        world_tell(w, &(struct md_event){.kind = MD_EVENT_CANCEL});
    }
    feed(w);
}

/* --- the engine --- */

/* The oracle's estimate: the true peak of this very movie; the buffer is taken off beforehand. */
static int64_t estimate(void *user, const struct md_estimate_query *query)
{
    const struct world *w = user;
    if (!w->params->knows_truth)
        return md_sim_predict(w->situation, query);
    static const struct md_sim_movie nobody;
    const struct md_sim_movie *movie = &nobody;
    for (size_t i = 0; query->facts && i < w->folders.n; i++)
        if (memcmp(&w->folders.v[i].movie.facts, query->facts, sizeof *query->facts) == 0)
            movie = &w->folders.v[i].movie;
    int64_t bytes = md_sim_true_peak(w->situation, movie, query->stage, query->executor,
                                     query->batch, query->settings);
    return bytes > 0 ? bytes : -1;
}

static int open_engine(struct world *w)
{
    struct md_engine_params params = md_engine_params_default;
    params.governor = w->machine->governor;
    params.cores = 8;
    params.max_movies =
        w->params->max_movies ? w->params->max_movies : (int)w->machine->config.movies_max;
    params.stages = (1u << MD_STAGES) - 1;
    params.config = &w->machine->config;
    params.history = w->params->history;
    params.recorder = w->params->recorder;
    params.device = w->situation->device;
    params.device_is_gpu = true;
    for (int x = 0; x < MD_EXECUTORS; x++)
        params.models[x] = md_sim_engine_model(w->situation, (enum md_executor)x);
    params.estimate = estimate;
    params.estimate_user = w;
    params.policy = w->params->policy;
    return md_engine_new(&params, &w->engine);
}

/* What must hold once everything is over. */
static void check_end(struct world *w)
{
    struct gov_status status;
    struct gov_ledger_stats leases;
    check(w);
    if (!w->ended)
        return;
    if (w->workers.n)
        world_broken(w, "%zu workers are left at the end", w->workers.n);
    if (w->unfinished)
        world_broken(w, "%zu movies never ended", w->unfinished);
    md_engine_free(w->engine);
    w->engine = NULL;
    gov_governor_status(w->machine->governor, &status);
    leases = status.leases;
    if (leases.now_count || leases.now_bytes || leases.pending_bytes)
        world_broken(w, "%lld leases are left at the end", (long long)leases.now_count);
}

static void run(struct world *w)
{
    plan_blindness(w);
    if (take_sample(w))
        world_tell(w, &(struct md_event){.kind = MD_EVENT_SAMPLED});
    plan_sample(w);
    feed(w);
    while (goes_on(w))
        advance(w);
    w->result->end_us = w->now_us;
    check_end(w);
}

/* Processes that are left over (after a hang, or because they were made to leak) end with it. */
static void close_world(struct world *w)
{
    md_engine_free(w->engine);
    for (size_t i = 0; i < w->workers.n; i++)
        worker_free_process(w, w->workers.v[i].pid);
    for (const struct md_sim_due *due; (due = md_sim_heap_top(&w->heap));) {
        if (due->kind == DUE_RELEASE || due->kind == DUE_POUNCE_ENDS)
            worker_free_process(w, due->value);
        md_sim_heap_pop(&w->heap);
    }
    md_sim_heap_done(&w->heap);
    md_vec_done(&w->workers);
    md_vec_done(&w->folders);
}

int md_sim_run(struct md_sim_machine *machine, const struct md_sim_params *params,
               struct md_sim_result *ret_result)
{
    const int64_t usual_step_us = 20 * MD_SECOND_US, first_pouncer = 3000000;
    *ret_result = (struct md_sim_result){.start_us = machine->now_us};
    struct world w = {
        .params = params,
        .situation = params->situation,
        .machine = machine,
        .result = ret_result,
        .random = {md_sim_hash(params->situation->seed, 2)},
        .now_us = machine->now_us,
        .step_us = params->step_us ? params->step_us : usual_step_us,
        .pounce_pid = first_pouncer,
    };
    int r = open_engine(&w);
    if (r == MD_OK)
        run(&w);
    machine->now_us = w.now_us;
    close_world(&w);
    return r < 0 ? r : w.nomem ? MD_ERR_NOMEM : MD_OK;
}

void md_sim_result_done(struct md_sim_result *result)
{
    md_vec_done(&result->movies);
    md_vec_done(&result->ooms);
}

uint64_t md_sim_expected_result(const struct md_sim_situation *s, const struct md_sim_movie *movie,
                                unsigned fallback)
{
    uint64_t results[MD_STAGES] = {0}, all = 0;
    for (int stage = 0; stage < MD_STAGES; stage++) {
        enum md_executor executor = fallback & 1u << stage
                                        ? MD_EXECUTOR_MEDIA
                                        : md_sim_executor(s, movie, (enum md_stage)stage);
        int64_t units = md_sim_units(movie, (enum md_stage)stage, executor);
        for (int64_t i = 0; i < units; i++)
            results[stage] += md_sim_unit_result(movie, (enum md_stage)stage, i);
        for (int before = 0; before < MD_STAGES; before++)
            if (md_stage_needs((enum md_stage)stage) & 1u << before)
                results[stage] = md_sim_hash(results[stage], results[before]);
        all = md_sim_hash(all, results[stage]);
    }
    return all;
}
