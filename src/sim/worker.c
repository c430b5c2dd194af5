/* Modelled workers: what moviedigest-media, -asr and -llm are to the engine, reduced to what they
 * say, how long they take and what memory they hold. Memory is taken where the real ones take it:
 * a model while it is loaded, a batch's state when a stage begins, scratch in every step; pools
 * keep what was freed until somebody trims them. */
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/world_internal.h"

#define MS INT64_C(1000)

/* Less is not missed by the next one. */
static const int64_t worth_waiting_bytes = 500 * GOV_MB;
static const int64_t spawn_us = 30 * MS, ready_us = 50 * MS, answer_us = 5 * MS;

struct sim_worker *worker_find(struct world *w, uint32_t id)
{
    for (size_t i = 0; id && i < w->workers.n; i++)
        if (w->workers.v[i].id == id)
            return &w->workers.v[i];
    return NULL;
}

bool worker_is_busy(const struct sim_worker *worker)
{
    return worker->state != WORKER_IDLE && worker->state != WORKER_STUCK &&
           worker->state != WORKER_QUITTING && !worker->killed;
}

static void due(struct world *w, struct sim_worker *worker, int64_t after_us)
{
    world_due(
        w, after_us,
        (struct md_sim_due){.kind = DUE_WORKER, .worker = worker->id, .turn = ++worker->turn});
}

static void get_stuck(struct sim_worker *worker)
{
    worker->state = WORKER_STUCK;
    worker->turn++;
}

/* --- memory --- */

static int64_t held_bytes(struct world *w, const struct sim_worker *worker)
{
    struct gov_process process = {.pid = worker->pid};
    if (worker->pid <= 0 ||
        gov_device_processes(w->machine->device, false, &process, 1) != GOV_OK ||
        !(process.valid & GOV_PROCESS_USED))
        return 0;
    return process.used_bytes;
}

static void note_peak(struct world *w, struct sim_worker *worker)
{
    worker->peak_bytes = MD_MAX(worker->peak_bytes, held_bytes(w, worker));
}

static bool take_resident(struct world *w, struct sim_worker *worker, int64_t bytes)
{
    w->changed = true;
    if (world_fails(w, MD_SIM_ALLOCATE) ||
        gov_sim_take(w->machine->device, w->now_us, worker->pid, bytes) != GOV_OK)
        return false;
    worker->resident_bytes += bytes;
    note_peak(w, worker);
    return true;
}

/* A slice of the worker's pool; nothing is taken for 0 bytes. */
static bool take_slice(struct world *w, struct sim_worker *worker, int64_t bytes, int64_t *at)
{
    const int64_t chunk = (worker->executor == MD_EXECUTOR_MEDIA ? 16 : 64) * GOV_MB;
    if (bytes <= 0)
        return true;
    w->changed = true;
    if (world_fails(w, MD_SIM_ALLOCATE))
        return false;
    if (!worker->pool &&
        gov_sim_pool_new(w->machine->device, worker->pid, chunk, &worker->pool) != GOV_OK)
        return false;
    if (gov_sim_pool_take(w->machine->device, w->now_us, worker->pool, bytes, at) != GOV_OK)
        return false;
    note_peak(w, worker);
    return true;
}

static void give_slice(struct world *w, struct sim_worker *worker, int64_t *at)
{
    if (*at)
        (void)gov_sim_pool_give(w->machine->device, worker->pool, *at);
    *at = 0;
}

static void give_stage(struct world *w, struct sim_worker *worker)
{
    give_slice(w, worker, &worker->spike_at);
    give_slice(w, worker, &worker->base_at);
    /* Media workers end their decoder, which holds everything: nothing stays cached. */
    if (worker->executor == MD_EXECUTOR_MEDIA && worker->pool) {
        (void)gov_sim_pool_trim(w->machine->device, worker->pool, NULL);
        w->changed = true;
    }
}

void worker_free_process(struct world *w, int64_t pid)
{
    (void)gov_sim_advance(w->machine->device, w->now_us); /* the lag counts from now */
    (void)gov_sim_give(w->machine->device, pid, -1);
    w->changed = true;
    w->settles_us = w->now_us + w->situation->lag_us;
}

/* --- the end of a worker --- */

static void release(struct world *w, int64_t pid)
{
    const int64_t late_us = 60 * MD_SECOND_US;
    if (!world_fails(w, MD_SIM_RELEASE))
        worker_free_process(w, pid);
    else if (!w->params->fault.persistent)
        world_due(w, late_us, (struct md_sim_due){.kind = DUE_RELEASE, .value = pid});
}

void worker_dies(struct world *w, struct sim_worker *worker, int signal, const char *last_words)
{
    struct md_event event = {
        .kind = MD_EVENT_GONE, .worker = worker->id, .signal = signal, .last_words = last_words};
    int64_t pid = worker->pid;
    if (worker->ran_out && held_bytes(w, worker) >= worth_waiting_bytes)
        w->back_us[worker->executor] = w->now_us + w->situation->lag_us;
    if (worker->state == WORKER_RUNNING && w->params->stage_ran)
        w->params->stage_ran(w->params->stage_user, worker->movie, worker->stage, worker->batch,
                             worker->started_us, w->now_us, worker->peak_bytes, false);
    *worker = w->workers.v[--w->workers.n];
    release(w, pid);
    world_tell(w, &event);
}

uint64_t sim_regime(const struct world *w, const struct sim_worker *worker)
{
    const struct md_sim_model *model = md_sim_model_of(w->situation, worker->executor);
    uint64_t hash = md_sim_hash(1, (uint64_t)worker->stage);
    if (model)
        return md_sim_hash_text(hash, model->name);
    const struct md_movie_facts *facts = &w->folders.v[worker->movie].movie.facts;
    return md_sim_hash(md_sim_hash_text(hash, facts->codec), (uint64_t)facts->height);
}

/* A shared worker that loads its model does so for the oldest movie whose turn the stage is. */
static size_t wanted_for(const struct world *w, const struct sim_worker *worker)
{
    for (size_t i = 0; worker->movie >= w->folders.n && i < w->folders.n; i++) {
        const struct sim_folder *folder = &w->folders.v[i];
        if (!folder->ended && !(folder->done & 1u << worker->stage) &&
            !(md_stage_needs(worker->stage) & ~folder->done))
            return i;
    }
    return worker->movie;
}

static void note_oom(struct world *w, struct sim_worker *worker)
{
    struct md_sim_oom oom = {.at_us = w->now_us,
                             .movie = wanted_for(w, worker),
                             .ended = w->folders.n - w->unfinished,
                             .stage = worker->stage,
                             .executor = worker->executor,
                             .batch = worker->batch,
                             .settings = worker->settings,
                             .regime = sim_regime(w, worker)};
    if (oom.movie < w->folders.n)
        w->result->movies.v[oom.movie].ooms++;
    if (md_vec_push(&w->result->ooms, oom) < 0)
        w->nomem = true;
}

/* Media workers mostly notice and say so; ggml mostly aborts (FACTS). */
static void runs_out(struct world *w, struct sim_worker *worker)
{
    const double says_so = worker->executor == MD_EXECUTOR_MEDIA ? 0.8 : 0.4;
    struct md_failure failure;
    note_oom(w, worker);
    worker->ran_out = true;
    world_trace(w, "worker %u runs out of memory (%s, batch %d)", worker->id,
                md_stage_names[worker->stage], worker->batch);
    if (!md_sim_chance(&w->random, says_so)) {
        worker_dies(w, worker, SIGABRT, "CUDA error: out of memory");
        return;
    }
    if (worker->state == WORKER_RUNNING && w->params->stage_ran)
        w->params->stage_ran(w->params->stage_user, worker->movie, worker->stage, worker->batch,
                             worker->started_us, w->now_us, worker->peak_bytes, false);
    struct md_event event = {.kind = MD_EVENT_FAILED, .worker = worker->id, .failure = &failure};
    md_fail(&failure, MD_ERR_DEVICE_MEM, "no memory left on the device");
    give_stage(w, worker);
    if (worker->state == WORKER_LOADING)
        get_stuck(worker);
    else
        worker->state = WORKER_IDLE;
    world_tell(w, &event);
}

/* --- what it does, state by state --- */

static void says(struct world *w, const struct sim_worker *worker, enum md_event_kind kind)
{
    struct md_event event = {.kind = kind, .worker = worker->id, .stage = worker->stage};
    world_tell(w, &event);
}

static bool may_trouble(struct world *w, const struct sim_worker *worker, double probability)
{
    if (probability <= 0 || worker->movie >= w->folders.n)
        return false;
    struct sim_folder *folder = &w->folders.v[worker->movie];
    if (folder->troubles >= w->situation->trouble.deaths_a_movie ||
        !md_sim_chance(&w->random, probability))
        return false;
    folder->troubles++;
    return true;
}

static void spawned(struct world *w, struct sim_worker *worker)
{
    struct md_failure failure;
    if (world_fails(w, MD_SIM_SPAWN) ||
        may_trouble(w, worker, w->situation->trouble.spawn_failure)) {
        struct md_event event = {
            .kind = MD_EVENT_SPAWN_FAILED, .worker = worker->id, .failure = &failure};
        md_fail(&failure, MD_ERR_IO, "the worker cannot be started: too many processes");
        *worker = w->workers.v[--w->workers.n];
        world_tell(w, &event);
        return;
    }
    worker->pid = ++w->machine->last_pid;
    uint32_t id = worker->id;
    struct md_event event = {.kind = MD_EVENT_SPAWNED, .worker = id, .pid = worker->pid};
    worker->state = WORKER_LOADING;
    due(w, worker, ready_us);
    world_tell(w, &event);
}

static void loaded(struct world *w, struct sim_worker *worker)
{
    const struct md_sim_model *model = md_sim_model_of(w->situation, worker->executor);
    int64_t wanted = 0;
    if (model && worker->settings != MD_SETTINGS_CPU) {
        static const struct md_sim_movie nobody;
        const struct md_sim_movie *movie =
            worker->movie < w->folders.n ? &w->folders.v[worker->movie].movie : &nobody;
        worker->stage = worker->executor == MD_EXECUTOR_ASR ? MD_STAGE_TRANSCRIPT : MD_STAGE_STORY;
        wanted = md_sim_true_need(w->situation, movie, worker->stage, worker->executor, 1,
                                  worker->settings)
                     .resident_bytes;
    }
    /* Weights come in two halves, so that it can run out in the middle. */
    int64_t part = wanted - worker->resident_bytes;
    if (part > 0 && worker->resident_bytes == 0)
        part = wanted / 2;
    if (part > 0) {
        if (!take_resident(w, worker, part)) {
            runs_out(w, worker);
            return;
        }
        due(w, worker, model->load_us / 2);
        return;
    }
    worker->state = WORKER_IDLE;
    w->result->loads[worker->executor] += model != NULL;
    says(w, worker, MD_EVENT_READY);
}

static void checked(struct world *w, struct sim_worker *worker)
{
    struct sim_folder *folder = &w->folders.v[worker->movie];
    struct md_event event = {.kind = MD_EVENT_NEEDED, .worker = worker->id, .stage = worker->stage};
    worker->state = WORKER_IDLE;
    if (folder->done & 1u << worker->stage) {
        event.kind = MD_EVENT_DONE;
        event.result.cached = true;
        if (worker->stage == MD_STAGE_PROBE)
            event.facts = &folder->movie.facts;
    } else {
        event.executor = md_sim_executor(w->situation, &folder->movie, worker->stage);
        event.units_done = folder->units[worker->stage];
        event.units_total = md_sim_units(&folder->movie, worker->stage, event.executor);
    }
    world_tell(w, &event);
}

static void finish_stage(struct world *w, struct sim_worker *worker)
{
    struct sim_folder *folder = &w->folders.v[worker->movie];
    struct md_event event = {
        .kind = MD_EVENT_DONE,
        .worker = worker->id,
        .stage = worker->stage,
        .result = {.wall_us = w->now_us - worker->started_us, .peak_rss_bytes = worker->peak_bytes},
    };
    give_stage(w, worker);
    worker->state = WORKER_IDLE;
    folder->done |= 1u << worker->stage;
    /* A stage's result is made of the results before it, too. */
    for (int s = 0; s < MD_STAGES; s++)
        if (md_stage_needs(worker->stage) & 1u << s)
            folder->results[worker->stage] =
                md_sim_hash(folder->results[worker->stage], folder->results[s]);
    if (worker->stage == MD_STAGE_PROBE)
        event.facts = &folder->movie.facts;
    w->result->stages++;
    if (w->params->stage_ran)
        w->params->stage_ran(w->params->stage_user, worker->movie, worker->stage, worker->batch,
                             worker->started_us, w->now_us, worker->peak_bytes, true);
    world_tell(w, &event);
}

/* Real workers say every second that they live; here it is enough that it is in time. */
static void wait_for_step(struct world *w, struct sim_worker *worker)
{
    const int64_t sign_of_life_us = 120 * MD_SECOND_US;
    int64_t wait_us = MD_MIN(worker->step_left_us, sign_of_life_us);
    worker->step_left_us -= wait_us;
    due(w, worker, wait_us);
}

/* Several batches in a row are one step, so that a situation costs hundreds of events and not
 * thousands; what they hold at once does not change. */
static void begin_step(struct world *w, struct sim_worker *worker)
{
    struct sim_folder *folder = &w->folders.v[worker->movie];
    int64_t left = worker->total - folder->units[worker->stage];
    int64_t batch = worker->executor == MD_EXECUTOR_MEDIA ? 1 : MD_MIN(worker->batch, left);
    int64_t one_us = md_sim_batch_us(w->situation, &folder->movie, worker->stage, worker->executor,
                                     (int)batch, worker->settings);
    int64_t rounds = MD_CLAMP(w->step_us / one_us, 1, left / batch);
    worker->step_units = rounds * batch;
    worker->step_left_us = rounds * one_us;
    wait_for_step(w, worker);
}

static void ran_step(struct world *w, struct sim_worker *worker)
{
    struct sim_folder *folder = &w->folders.v[worker->movie];
    struct md_event event = {.kind = MD_EVENT_UNITS,
                             .worker = worker->id,
                             .stage = worker->stage,
                             .units_total = worker->total};
    for (int64_t i = 0; i < worker->step_units; i++)
        folder->results[worker->stage] +=
            md_sim_unit_result(&folder->movie, worker->stage, folder->units[worker->stage]++);
    event.units_done = folder->units[worker->stage];
    worker->step_units = 0;
    give_slice(w, worker, &worker->spike_at);
    uint32_t id = worker->id;
    world_tell(w, &event);
    worker = worker_find(w, id); /* the list may have moved */
    if (!worker || worker->state != WORKER_RUNNING)
        return;
    if (event.units_done >= worker->total)
        finish_stage(w, worker);
    else
        due(w, worker, 0);
}

static void runs(struct world *w, struct sim_worker *worker)
{
    const struct md_sim_trouble *trouble = &w->situation->trouble;
    if (worker->step_left_us > 0) {
        wait_for_step(w, worker);
        says(w, worker, MD_EVENT_ALIVE);
        return;
    }
    if (worker->step_units > 0) {
        ran_step(w, worker);
        return;
    }
    if (world_fails(w, MD_SIM_STEP) || may_trouble(w, worker, trouble->death_per_step)) {
        w->result->crashes++;
        world_trace(w, "worker %u dies", worker->id);
        worker_dies(w, worker, SIGSEGV, NULL);
        return;
    }
    if (may_trouble(w, worker, trouble->hang_per_step)) {
        w->result->crashes++;
        world_trace(w, "worker %u hangs", worker->id);
        get_stuck(worker);
        worker->hangs = true;
        return;
    }
    bool fits =
        (worker->base_at || take_slice(w, worker, worker->need.base_bytes, &worker->base_at)) &&
        take_slice(w, worker, worker->need.spike_bytes, &worker->spike_at);
    if (!fits) {
        runs_out(w, worker);
        return;
    }
    begin_step(w, worker);
}

void worker_acts(struct world *w, struct sim_worker *worker)
{
    switch (worker->state) {
    case WORKER_SPAWNING:
        spawned(w, worker);
        break;
    case WORKER_LOADING:
        loaded(w, worker);
        break;
    case WORKER_CHECKING:
        checked(w, worker);
        break;
    case WORKER_RUNNING:
        runs(w, worker);
        break;
    case WORKER_FINISHING:
        worker->state = WORKER_IDLE;
        says(w, worker, MD_EVENT_FINISHED);
        break;
    case WORKER_QUITTING:
        worker_dies(w, worker, 0, NULL);
        break;
    case WORKER_IDLE:
    case WORKER_STUCK:
        break;
    }
}

/* --- what it is told --- */

static void start(struct world *w, const struct md_command *c)
{
    struct sim_worker worker = {.id = c->worker,
                                .state = WORKER_SPAWNING,
                                .executor = c->executor,
                                .movie = c->movie,
                                .batch = c->batch,
                                .settings = c->settings};
    if (worker_find(w, c->worker) || md_vec_push(&w->workers, worker) < 0) {
        world_broken(w, "worker %u is started twice", c->worker);
        return;
    }
    if (c->executor != MD_EXECUTOR_MEDIA && w->now_us < w->back_us[c->executor]) {
        w->result->hasty_starts++;
        world_trace(w, "worker %u is started before the memory of the last one is back", c->worker);
    }
    due(w, &w->workers.v[w->workers.n - 1], spawn_us);
}

/* A neighbour that takes memory in the worst moment. */
static void pounce(struct world *w)
{
    if (!md_sim_chance(&w->random, w->situation->trouble.pounce_per_stage))
        return;
    int64_t pid = ++w->pounce_pid;
    double part = 0.05 + 0.35 * md_sim_unit(&w->random);
    int64_t bytes = (int64_t)((double)w->situation->total_bytes * part);
    int64_t for_us = md_sim_between(&w->random, 1, 60) * MD_SECOND_US;
    if (gov_sim_take(w->machine->device, w->now_us, pid, bytes) == GOV_OK) {
        world_trace(w, "a neighbour pounces: %lld MB", (long long)(bytes / GOV_MB));
        w->changed = true;
        world_due(w, for_us, (struct md_sim_due){.kind = DUE_POUNCE_ENDS, .value = pid});
    }
}

/* What the model did of the stage is of no use to who does it otherwise. */
static void fall_back(struct world *w, struct sim_folder *folder, const struct md_command *c)
{
    if (c->executor != MD_EXECUTOR_MEDIA)
        world_broken(w, "a worker with a model is told to do without");
    if (folder->fallback & 1u << c->stage)
        return;
    folder->fallback |= 1u << c->stage;
    folder->units[c->stage] = 0;
    folder->results[c->stage] = 0;
    w->result->fallbacks++;
    w->result->movies.v[c->movie].fallback = folder->fallback;
}

static void run(struct world *w, struct sim_worker *worker, const struct md_command *c)
{
    if (c->movie >= w->folders.n) {
        world_broken(w, "a stage of no movie is run");
        return;
    }
    struct sim_folder *folder = &w->folders.v[c->movie];
    enum md_executor executor = worker->executor;
    if (c->fallback)
        fall_back(w, folder, c);
    else if (executor != md_sim_executor(w->situation, &folder->movie, c->stage))
        world_broken(w, "%s is run by the wrong worker", md_stage_names[c->stage]);
    if (md_stage_needs(c->stage) & ~folder->done)
        world_broken(w, "%s is run before what it needs", md_stage_names[c->stage]);
    if (executor != MD_EXECUTOR_MEDIA && c->batch < 1)
        world_broken(w, "a batch of %d is run", c->batch);
    worker->movie = c->movie;
    worker->stage = c->stage;
    worker->batch = MD_MAX(c->batch, 1);
    worker->settings = c->settings;
    worker->need = md_sim_true_need(w->situation, &folder->movie, c->stage, executor, worker->batch,
                                    c->settings);
    worker->total = md_sim_units(&folder->movie, c->stage, executor);
    worker->step_units = 0;
    worker->step_left_us = 0;
    worker->started_us = w->now_us;
    worker->peak_bytes = 0;
    worker->state = WORKER_RUNNING;
    folder->waiting_stage = -1;
    folder->ran_out = folder->lost_worker = false;
    note_peak(w, worker);
    pounce(w);
    due(w, worker, answer_us);
}

static bool expects_idle(enum md_command_kind kind)
{
    return kind == MD_COMMAND_CHECK || kind == MD_COMMAND_RUN || kind == MD_COMMAND_FINISH_MOVIE;
}

static void quit(struct world *w, struct sim_worker *worker)
{
    if (worker->hangs)
        return;
    if (worker->state == WORKER_RUNNING && w->params->stage_ran)
        w->params->stage_ran(w->params->stage_user, worker->movie, worker->stage, worker->batch,
                             worker->started_us, w->now_us, worker->peak_bytes, false);
    worker->state = WORKER_QUITTING;
    due(w, worker, 10 * MS);
}

void worker_command(struct world *w, const struct md_command *c)
{
    if (c->kind == MD_COMMAND_START_WORKER) {
        start(w, c);
        return;
    }
    struct sim_worker *worker = worker_find(w, c->worker);
    if (!worker)
        return; /* it has just died; the engine will hear of it */
    if (expects_idle(c->kind) && worker->state != WORKER_IDLE && worker->state != WORKER_STUCK) {
        world_broken(w, "worker %u is asked while it is busy", c->worker);
        return;
    }
    if (worker->state == WORKER_STUCK && c->kind != MD_COMMAND_QUIT && c->kind != MD_COMMAND_KILL)
        return;
    switch (c->kind) {
    case MD_COMMAND_CHECK:
        worker->stage = c->stage;
        worker->state = WORKER_CHECKING;
        due(w, worker, answer_us);
        break;
    case MD_COMMAND_RUN:
        run(w, worker, c);
        break;
    case MD_COMMAND_FINISH_MOVIE:
        worker->state = WORKER_FINISHING;
        due(w, worker, 10 * answer_us);
        break;
    case MD_COMMAND_CANCEL:
    case MD_COMMAND_QUIT:
        quit(w, worker);
        break;
    case MD_COMMAND_KILL:
        worker->killed = true;
        world_due(w, answer_us, (struct md_sim_due){.kind = DUE_DIES, .worker = worker->id});
        break;
    default:
        break;
    }
}
