/* A thousand batches from seeds, with workers that do anything at any time, models that need more
 * memory than there is, neighbours that take it, tiers that answer or do not, and users who pause,
 * drop, stop and cancel. Whatever happens, what the engine promises holds:
 *   - every movie ends exactly once, and the batch ends, with an empty ledger and no worker left;
 *   - a movie never has two media workers, there are never two of a shared kind that take work, and
 *     nobody is asked two things at once;
 *   - a stage runs only while a lease is held for it, in a worker made for its batch and settings,
 *     after what it needs; a done movie had all its stages done;
 *   - a model never costs a movie: what it cannot do is done without it, and it is not asked again;
 *   - no more movies are in flight than allowed, and they start in order;
 *   - while the user pauses nothing is started, while memory does nothing is leased. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { MAX_MOVIES = 24, MAX_ALIVE = 64, MAX_STEPS = 100000 };
#define MS INT64_C(1000)

/* What a worker is asked and has not answered yet. */
enum question { ASKED_NOTHING, ASKED_JOB, ASKED_CHECK, ASKED_RUN, ASKED_FINISH };

struct model_worker {
    uint32_t id; /* 0: not used */
    enum md_executor executor;
    bool quitting;
    size_t movie; /* whose it is, or runs */
    enum question question;
    enum md_stage stage;
    int batch, run_batch;
    enum md_settings settings, run_settings;
    int64_t units_done, units_total;
    int64_t due_us;  /* when it does something; INT64_MAX: it hangs */
    int64_t dies_us; /* killed: gone then; INT64_MAX not killed */
};

struct model_movie {
    bool started, ended, has_worker, dropped;
    unsigned done, stages;
    unsigned without; /* a model that was given up for these */
    int64_t units[MD_STAGES];
};

struct model {
    uint64_t random;
    unsigned trouble;  /* per mille: how often a worker does something bad */
    unsigned shortage; /* per mille: how often a stage runs out of memory by chance */
    int capacity;      /* a shared worker runs out with a larger batch; 0: never */
    bool tiers_answer, user_meddles, cpu_helps, heartbeat, is_gpu;
    struct gov_governor *governor;
    struct md_engine *engine;
    int64_t now_us, next_sample_us, cancel_us, meddle_us, tier_us;
    unsigned stages;
    int max_movies;
    bool ended, cancelled, stopped, paused, paused_by_memory, resumed_now;
    int64_t leases_while_paused;
    struct model_movie movies[MAX_MOVIES];
    size_t movie_count, last_started;
    struct model_worker workers[MAX_ALIVE];
    uint32_t last_worker;
    int models_fail; /* 1: a worker with a model does nothing it is asked; 2: it never loads */
    size_t ooms, rungs;
};

/* xorshift64*, Vigna 2016: the same everywhere. */
static uint64_t next_random(struct model *m)
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    return m->random * UINT64_C(2685821657736338717);
}

static uint64_t below(struct model *m, uint64_t n)
{
    return next_random(m) % n;
}

static bool trouble(struct model *m)
{
    return below(m, 1000) < m->trouble;
}

static struct model_worker *find_worker(struct model *m, uint32_t id)
{
    for (int i = 0; i < MAX_ALIVE; i++)
        if (id && m->workers[i].id == id)
            return &m->workers[i];
    return NULL;
}

static void take_command(struct model *m, const struct md_command *command);
static void check(struct model *m);

static void tell(struct model *m, const struct md_event *event)
{
    enum { MOST = 2048 };
    static struct md_command copies[MOST];
    const struct md_command *commands;
    size_t count;
    assert_int_equal(md_engine_step(m->engine, event, m->now_us, &commands, &count), MD_OK);
    assert_in_range(count, 0, MOST);
    memcpy(copies, commands, count * sizeof *copies);
    m->resumed_now = false;
    for (size_t i = 0; i < count; i++)
        take_command(m, &copies[i]);
    check(m);
}

static void feed_sample(struct model *m)
{
    int64_t total = 4 * GOV_GB;
    int64_t others = below(m, 5) ? (int64_t)below(m, 2 * GOV_GB) : (int64_t)below(m, 4 * GOV_GB);
    struct gov_sample sample = {
        .valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE | GOV_SAMPLE_OTHERS,
        .at_us = m->now_us,
        .total_bytes = total,
        .used_bytes = others,
        .free_bytes = total - others,
        .others_bytes = others,
    };
    struct gov_process processes[MAX_ALIVE];
    size_t count = 0;
    for (int i = 0; i < MAX_ALIVE; i++)
        if (m->workers[i].id && below(m, 2))
            processes[count++] = (struct gov_process){.pid = 1000000 + m->workers[i].id,
                                                      .valid = GOV_PROCESS_USED,
                                                      .used_bytes = (int64_t)below(m, GOV_GB)};
    if (below(m, 20) == 0)
        sample.valid = 0; /* a reading that says nothing */
    assert_int_equal(gov_governor_feed(m->governor, &sample, processes, count), GOV_OK);
}

static int64_t some_time(struct model *m)
{
    return m->now_us + 1 + (int64_t)below(m, below(m, 4) ? 50 * MS : 20000 * MS);
}

/* A worker with nothing to do shows that it lives, where that is wanted. */
static int64_t idle_time(struct model *m)
{
    return m->heartbeat ? m->now_us + 1 + (int64_t)below(m, 4000 * MS) : INT64_MAX;
}

static struct model_worker *worker_of(struct model *m, const struct md_command *command)
{
    struct model_worker *worker = find_worker(m, command->worker);
    assert_non_null(worker);
    if (worker->executor == MD_EXECUTOR_MEDIA)
        assert_int_equal(worker->movie, command->movie);
    assert_int_equal(worker->executor, command->executor);
    return worker;
}

static void check_run(struct model *m, const struct model_worker *worker,
                      const struct md_command *command)
{
    bool shared = worker->executor != MD_EXECUTOR_MEDIA;
    bool leaseless = m->is_gpu && (!shared || command->settings == MD_SETTINGS_CPU);
    assert_true(command->threads >= 1 && command->batch >= 1 && command->attempt >= 1);
    assert_int_equal(command->lease_bytes > 0, !leaseless);
    struct model_movie *movie = &m->movies[command->movie];
    if (!shared) {
        assert_true(!command->fallback || command->stage == MD_STAGE_TRANSCRIPT ||
                    command->stage == MD_STAGE_STORY);
        if (movie->without & 1u << command->stage)
            assert_int_not_equal(command->fallback, MD_FALLBACK_NONE);
        if (command->fallback)
            movie->without |= 1u << command->stage;
        return;
    }
    assert_int_equal(command->fallback, MD_FALLBACK_NONE);
    assert_false(movie->without & 1u << command->stage);
    assert_true(command->batch <= worker->batch);
    assert_int_equal(command->settings, worker->settings);
}

static void ask(struct model *m, const struct md_command *command, enum question question)
{
    struct model_worker *worker = worker_of(m, command);
    struct model_movie *movie = &m->movies[command->movie];
    assert_int_equal(worker->question, ASKED_NOTHING);
    assert_false(worker->quitting || movie->ended);
    worker->question = question;
    worker->movie = command->movie;
    worker->stage = command->stage;
    worker->run_batch = command->batch;
    worker->run_settings = command->settings;
    worker->due_us = trouble(m) ? INT64_MAX : some_time(m);
    if (question == ASKED_FINISH) {
        assert_int_equal(movie->done, movie->stages);
        return;
    }
    assert_false(m->paused);
    assert_int_equal(md_stage_needs(command->stage) & ~movie->done, 0);
    assert_true(movie->stages & ~movie->done & 1u << command->stage);
    if (question == ASKED_RUN) {
        check_run(m, worker, command);
        worker->units_done = movie->units[command->stage];
        worker->units_total = command->units_total;
    }
}

static void answered(struct model *m, struct model_worker *worker)
{
    worker->question = ASKED_NOTHING;
    worker->due_us = idle_time(m);
}

static void start_worker(struct model *m, const struct md_command *command)
{
    struct model_worker *worker = NULL;
    for (int i = 0; i < MAX_ALIVE; i++) {
        struct model_worker *other = &m->workers[i];
        if (other->id && command->executor != MD_EXECUTOR_MEDIA)
            assert_int_not_equal(other->executor, command->executor);
        if (!other->id && !worker)
            worker = other;
    }
    assert_non_null(worker);
    assert_true(command->worker > m->last_worker); /* never used before */
    assert_false(m->paused);
    m->last_worker = command->worker;
    *worker = (struct model_worker){.id = command->worker,
                                    .executor = command->executor,
                                    .movie = command->movie,
                                    .batch = command->batch,
                                    .settings = command->settings,
                                    .question = ASKED_JOB,
                                    .due_us = trouble(m) ? INT64_MAX : some_time(m),
                                    .dies_us = INT64_MAX};
    if (command->executor != MD_EXECUTOR_MEDIA) {
        assert_true(command->movie == MD_ENGINE_NO_MOVIE && command->batch >= 1);
        return;
    }
    struct model_movie *movie = &m->movies[command->movie];
    assert_true(movie->started && !movie->ended && !movie->has_worker);
    movie->has_worker = true;
}

static void end_movie(struct model *m, const struct md_command *command)
{
    struct model_movie *movie = &m->movies[command->movie];
    assert_false(movie->ended || movie->has_worker);
    assert_int_equal(command->end == MD_MOVIE_DONE, command->failure == NULL);
    if (command->end == MD_MOVIE_DONE)
        assert_int_equal(movie->done, movie->stages);
    else
        assert_int_not_equal(command->failure->code, 0);
    if (command->end == MD_MOVIE_CANCELLED)
        assert_true(m->cancelled || m->stopped || movie->dropped);
    movie->ended = true;
}

static void pause_or_resume(struct model *m, const struct md_command *command)
{
    bool pauses = command->kind == MD_COMMAND_PAUSED;
    bool *paused = command->by_memory ? &m->paused_by_memory : &m->paused;
    assert_int_equal(*paused, !pauses);
    *paused = pauses;
    struct gov_status status;
    gov_governor_status(m->governor, &status);
    m->leases_while_paused = status.leases.total_count;
}

static void take_news(struct model *m, const struct md_command *command)
{
    struct model_movie *movie = command->movie < MAX_MOVIES ? &m->movies[command->movie] : NULL;
    switch (command->kind) {
    case MD_COMMAND_MOVIE_STARTED:
        assert_false(movie->started);
        assert_true(command->movie >= m->last_started);
        for (size_t i = m->last_started; i < command->movie; i++)
            assert_true(m->movies[i].dropped && m->movies[i].ended);
        movie->started = true;
        m->last_started = command->movie + 1;
        break;
    case MD_COMMAND_STAGE_FINISHED:
        assert_false(movie->done & 1u << command->stage);
        movie->done |= 1u << command->stage;
        break;
    case MD_COMMAND_STAGE_FAILED:
        assert_non_null(command->failure);
        break;
    case MD_COMMAND_UNITS:
        assert_true(command->units_done > movie->units[command->stage]);
        assert_true(command->units_done <= command->units_total);
        movie->units[command->stage] = command->units_done;
        break;
    case MD_COMMAND_MOVIE_ENDED:
        end_movie(m, command);
        break;
    case MD_COMMAND_PAUSED:
    case MD_COMMAND_RESUMED:
        pause_or_resume(m, command);
        break;
    case MD_COMMAND_POST_MORTEM:
        m->ooms++;
        break;
    case MD_COMMAND_LOG:
        m->rungs += strncmp(command->text, "Out of memory: ", 15) == 0;
        break;
    default:
        break;
    }
}

static void take_command(struct model *m, const struct md_command *command)
{
    struct model_worker *worker;
    assert_false(m->ended);
    if (getenv("TRACE"))
        print_message("%lld cmd %d movie %d worker %u/%d stage %d %s\n", (long long)m->now_us,
                      (int)command->kind, (int)command->movie, command->worker,
                      (int)command->executor, (int)command->stage, command->text);
    switch (command->kind) {
    case MD_COMMAND_START_WORKER:
        start_worker(m, command);
        break;
    case MD_COMMAND_CHECK:
        ask(m, command, ASKED_CHECK);
        break;
    case MD_COMMAND_RUN:
        ask(m, command, ASKED_RUN);
        break;
    case MD_COMMAND_FINISH_MOVIE:
        ask(m, command, ASKED_FINISH);
        break;
    case MD_COMMAND_CANCEL:
        worker = worker_of(m, command);
        assert_int_not_equal(worker->question, ASKED_NOTHING);
        if (worker->question == ASKED_RUN && !trouble(m))
            worker->due_us = some_time(m);
        break;
    case MD_COMMAND_QUIT:
        worker = worker_of(m, command);
        assert_false(worker->quitting);
        worker->quitting = true;
        worker->due_us = trouble(m) ? INT64_MAX : some_time(m);
        break;
    case MD_COMMAND_KILL:
        worker = worker_of(m, command);
        assert_true(worker->dies_us == INT64_MAX);
        worker->dies_us = some_time(m);
        break;
    case MD_COMMAND_LIMIT:
        worker_of(m, command);
        assert_true(command->lease_bytes > 0 && !m->paused_by_memory);
        break;
    case MD_COMMAND_RUN_TIER:
        assert_true(m->tier_us == INT64_MAX || !m->tiers_answer);
        m->tier_us = m->tiers_answer ? m->now_us + (int64_t)below(m, 3000 * MS) : INT64_MAX;
        break;
    case MD_COMMAND_END:
        m->ended = true;
        break;
    default:
        take_news(m, command);
        break;
    }
}

static void check(struct model *m)
{
    if (!md_engine_is_valid(m->engine))
        fail_msg("the engine is not valid");
    size_t active = 0;
    for (size_t i = 0; i < m->movie_count; i++)
        active += m->movies[i].started && !m->movies[i].ended;
    assert_in_range(active, 0, 2 * (size_t)m->max_movies + MD_ENGINE_LOOK_AHEAD);
    if (!m->paused_by_memory)
        return;
    struct gov_status status;
    gov_governor_status(m->governor, &status);
    assert_int_equal(status.leases.total_count, m->leases_while_paused);
}

static void die(struct model *m, struct model_worker *worker, bool of_memory)
{
    static const int signals[] = {0, SIGKILL, SIGSEGV, SIGABRT};
    static const char *const words[] = {NULL, "alas", "CUDA error: out of memory", ""};
    bool killed = worker->dies_us != INT64_MAX;
    struct md_event event = {.kind = MD_EVENT_GONE, .worker = worker->id};
    event.last_words = words[of_memory ? 2 : below(m, 4)];
    event.signal = killed ? SIGKILL : worker->quitting ? 0 : signals[below(m, 4)];
    if (!killed && worker->question == ASKED_JOB && below(m, 4) == 0) {
        static const struct md_failure failure = {.code = MD_ERR_IO, .message = "no fork"};
        event.kind = MD_EVENT_SPAWN_FAILED;
        event.failure = &failure;
    }
    if (worker->executor == MD_EXECUTOR_MEDIA)
        m->movies[worker->movie].has_worker = false;
    worker->id = 0;
    tell(m, &event);
}

static void fail_with(struct model *m, struct model_worker *worker, enum md_error code)
{
    struct md_failure failure = {.code = code, .message = "no"};
    struct md_event event = {.kind = MD_EVENT_FAILED, .worker = worker->id, .failure = &failure};
    answered(m, worker);
    tell(m, &event);
}

/* Something nobody asked for. */
static void babble(struct model *m, struct model_worker *worker)
{
    struct md_failure failure = {.code = -1 - (int)below(m, 13), .message = "?"};
    struct md_movie_facts facts = {.known = true, .width = (int64_t)below(m, 10000)};
    struct md_event event = {.kind = MD_EVENT_READY + (enum md_event_kind)below(m, 8),
                             .worker = worker->id,
                             .stage = (enum md_stage)below(m, MD_STAGES),
                             .executor = (enum md_executor)below(m, MD_EXECUTORS + 1),
                             .units_done = (int64_t)below(m, 20) - 2,
                             .units_total = (int64_t)below(m, 20),
                             .failure = &failure,
                             .facts = &facts};
    bool right = event.stage == worker->stage && event.kind == MD_EVENT_DONE;
    /* By chance it may be the answer: then it is one. */
    if (event.kind == MD_EVENT_FAILED || event.kind == MD_EVENT_FINISHED ||
        event.kind == MD_EVENT_READY || event.kind == MD_EVENT_NEEDED || right)
        answered(m, worker);
    if (worker->question == ASKED_NOTHING)
        worker->due_us = some_time(m);
    tell(m, &event);
}

static enum md_executor executor_for(struct model *m, enum md_stage stage)
{
    if (stage == MD_STAGE_TRANSCRIPT && below(m, 3))
        return MD_EXECUTOR_ASR;
    return stage == MD_STAGE_STORY && below(m, 3) ? MD_EXECUTOR_LLM : MD_EXECUTOR_MEDIA;
}

static void answer_check(struct model *m, struct model_worker *worker, struct md_event *event)
{
    event->kind = below(m, 5) ? MD_EVENT_NEEDED : MD_EVENT_DONE;
    event->result.cached = event->kind == MD_EVENT_DONE;
    event->executor = executor_for(m, worker->stage);
    event->units_done = m->movies[worker->movie].units[worker->stage];
    event->units_total = event->units_done + (int64_t)below(m, 3) * (int64_t)below(m, 12);
}

/* In any way there is, loading or at work. */
static void fail_model(struct model *m, struct model_worker *worker)
{
    static const enum md_error codes[] = {MD_ERR_INPUT, MD_ERR_NOMEM, MD_ERR_DEVICE_MEM,
                                          MD_ERR_EXTERNAL};
    if (below(m, 2))
        die(m, worker, below(m, 2));
    else if (below(m, 8) == 0)
        worker->due_us = INT64_MAX;
    else
        fail_with(m, worker, codes[below(m, 4)]);
}

/* A stage runs: units, out of memory, the end. True when it goes on. */
static bool goes_on(struct model *m, struct model_worker *worker)
{
    bool small =
        worker->run_settings == MD_SETTINGS_CPU ? m->cpu_helps : worker->run_batch <= m->capacity;
    bool short_of_memory = worker->executor != MD_EXECUTOR_MEDIA && m->capacity && !small;
    if (short_of_memory || below(m, 1000) < m->shortage) {
        if (below(m, 2))
            fail_with(m, worker, below(m, 2) ? MD_ERR_NOMEM : MD_ERR_DEVICE_MEM);
        else
            die(m, worker, true);
        return true;
    }
    if (worker->units_done >= worker->units_total)
        return false;
    worker->units_done += 1 + (int64_t)below(m, (uint64_t)worker->run_batch);
    if (worker->units_done > worker->units_total)
        worker->units_done = worker->units_total;
    worker->due_us = some_time(m);
    tell(m, &(struct md_event){.kind = MD_EVENT_UNITS,
                               .worker = worker->id,
                               .stage = worker->stage,
                               .units_done = worker->units_done,
                               .units_total = worker->units_total});
    return true;
}

static void answer(struct model *m, struct model_worker *worker)
{
    enum question question = worker->question;
    struct md_event event = {.worker = worker->id, .stage = worker->stage};
    struct md_movie_facts facts = {.known = below(m, 3) > 0,
                                   .width = 1 << below(m, 14),
                                   .height = 1 << below(m, 14),
                                   .duration_us = (int64_t)below(m, 10000) * 1000000};
    if (question == ASKED_NOTHING) {
        worker->due_us = idle_time(m);
        tell(m, &(struct md_event){.kind = MD_EVENT_ALIVE, .worker = worker->id});
        return;
    }
    if (question == ASKED_RUN && !worker->quitting && goes_on(m, worker))
        return;
    uint32_t id = worker->id;
    answered(m, worker);
    switch (question) {
    case ASKED_JOB:
        tell(m, &(struct md_event){.kind = MD_EVENT_SPAWNED, .worker = id, .pid = 1000000 + id});
        event.kind = MD_EVENT_READY;
        break;
    case ASKED_CHECK:
        answer_check(m, worker, &event);
        break;
    case ASKED_RUN:
        event.kind = MD_EVENT_DONE;
        event.result.peak_rss_bytes = (int64_t)below(m, GOV_GB);
        break;
    default:
        event.kind = MD_EVENT_FINISHED;
        break;
    }
    if (worker->stage == MD_STAGE_PROBE)
        event.facts = &facts;
    tell(m, &event);
}

static void act(struct model *m, struct model_worker *worker)
{
    if (worker->dies_us <= m->now_us) {
        die(m, worker, false);
        return;
    }
    worker->due_us = worker->question == ASKED_NOTHING ? idle_time(m) : INT64_MAX;
    if (worker->quitting && (worker->question == ASKED_NOTHING || below(m, 2)))
        die(m, worker, false);
    else if (worker->quitting) {
        worker->due_us = some_time(m);
        answer(m, worker); /* was under way */
    } else if (m->models_fail && worker->executor != MD_EXECUTOR_MEDIA &&
               (worker->question == ASKED_RUN ||
                (worker->question == ASKED_JOB && m->models_fail > 1)))
        fail_model(m, worker);
    else if (trouble(m))
        die(m, worker, false);
    else if (trouble(m))
        babble(m, worker);
    else if (worker->question != ASKED_NOTHING && trouble(m)) {
        static const enum md_error codes[] = {MD_ERR_INPUT, MD_ERR_NOMEM, MD_ERR_NOSPACE,
                                              MD_ERR_BUSY};
        fail_with(m, worker, codes[below(m, 4)]);
    } else if (below(m, 8) == 0) {
        worker->due_us = worker->question == ASKED_NOTHING ? idle_time(m) : some_time(m);
        tell(m, &(struct md_event){.kind = MD_EVENT_ALIVE, .worker = worker->id});
    } else
        answer(m, worker);
}

static void meddle(struct model *m)
{
    m->meddle_us = m->now_us + (int64_t)below(m, 30000 * MS);
    uint64_t what = m->paused ? 1 : below(m, 5); /* a pause ends */
    size_t movie = (size_t)below(m, m->movie_count + 2);
    switch (what) {
    case 0:
        tell(m, &(struct md_event){.kind = MD_EVENT_PAUSE});
        return;
    case 1:
        tell(m, &(struct md_event){.kind = MD_EVENT_RESUME});
        return;
    case 2:
        if (movie < m->movie_count)
            m->movies[movie].dropped = true;
        tell(m, &(struct md_event){.kind = MD_EVENT_DROP, .movie = movie});
        return;
    case 3:
        for (int i = 0; i < MAX_ALIVE; i++)
            if (m->workers[i].id && m->workers[i].executor != MD_EXECUTOR_MEDIA) {
                tell(m, &(struct md_event){.kind = MD_EVENT_UNLOAD, .worker = m->workers[i].id});
                return;
            }
        return;
    default:
        if (below(m, 10))
            return;
        m->stopped = true;
        tell(m, &(struct md_event){.kind = MD_EVENT_STOP});
    }
}

enum who { WHO_SAMPLE, WHO_CANCEL, WHO_TICK, WHO_TIER, WHO_USER, WHO_WORKER };

/* The next thing that happens in this world. */
static void advance(struct model *m)
{
    int64_t next = m->next_sample_us, deadline = md_engine_deadline_us(m->engine);
    struct model_worker *worker = NULL;
    enum who who = WHO_SAMPLE;
    for (int i = 0; i < MAX_ALIVE; i++) {
        struct model_worker *w = &m->workers[i];
        int64_t at = w->due_us < w->dies_us ? w->due_us : w->dies_us;
        if (w->id && at < next) {
            next = at;
            who = WHO_WORKER;
            worker = w;
        }
    }
    const int64_t times[] = {[WHO_CANCEL] = m->cancel_us,
                             [WHO_TICK] = deadline,
                             [WHO_TIER] = m->tier_us,
                             [WHO_USER] = m->meddle_us};
    for (int i = WHO_CANCEL; i <= WHO_USER; i++)
        if (times[i] <= next) {
            next = times[i];
            who = (enum who)i;
        }
    m->now_us = next > m->now_us ? next : m->now_us;
    switch (who) {
    case WHO_CANCEL:
        m->cancel_us = below(m, 2) ? m->now_us + (int64_t)below(m, 3000 * MS) : INT64_MAX;
        m->cancelled = true;
        tell(m, &(struct md_event){.kind = MD_EVENT_CANCEL});
        break;
    case WHO_TICK:
        tell(m, &(struct md_event){.kind = MD_EVENT_TICK});
        break;
    case WHO_TIER:
        m->tier_us = INT64_MAX;
        tell(m, &(struct md_event){.kind = MD_EVENT_TIER_DONE,
                                   .freed_bytes = (int64_t)below(m, GOV_GB)});
        break;
    case WHO_USER:
        meddle(m);
        break;
    case WHO_WORKER:
        act(m, worker);
        break;
    default:
        m->next_sample_us = m->now_us + 500 * MS;
        feed_sample(m);
        tell(m, &(struct md_event){.kind = MD_EVENT_SAMPLED});
        break;
    }
}

static void open_model(struct model *m, uint64_t seed)
{
    *m = (struct model){.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
    m->trouble = (unsigned)below(m, 3) * (unsigned)below(m, 40);
    m->shortage = (unsigned)below(m, 2) * (unsigned)below(m, 100);
    m->capacity = below(m, 2) ? (int)below(m, 12) : 0;
    m->cpu_helps = below(m, 2);
    m->tiers_answer = below(m, 2);
    m->user_meddles = below(m, 2);
    m->heartbeat = below(m, 3) == 0;
    m->is_gpu = below(m, 2);
    m->models_fail = below(m, 5) ? 0 : 1 + (int)below(m, 2);
    m->max_movies = 1 + (int)below(m, 5);
    m->cancel_us = below(m, 4) ? INT64_MAX : (int64_t)below(m, 200000 * MS);
    m->meddle_us = m->user_meddles ? 0 : INT64_MAX;
    m->tier_us = INT64_MAX;
    m->stages = (1u << MD_STAGES) - 1;
    if (below(m, 4) == 0)
        m->stages = md_stage_needs(MD_STAGE_STORY) | 1u << MD_STAGE_STORY;
    assert_int_equal(gov_governor_new(&gov_config_default, NULL, NULL, &m->governor), GOV_OK);
    feed_sample(m);
    struct md_engine_params params = md_engine_params_default;
    params.governor = m->governor;
    params.cores = 1 + (int)below(m, 8);
    params.max_movies = m->max_movies;
    params.stages = m->stages;
    params.force = below(m, 5) == 0;
    params.config = below(m, 2) ? &gov_config_default : NULL;
    params.device_is_gpu = m->is_gpu;
    params.heartbeat_us = m->heartbeat ? 5000 * MS : 0;
    params.models[MD_EXECUTOR_ASR] = (struct md_engine_model){
        "ears", (int64_t)below(m, 2) * GOV_GB + 1, (int64_t)below(m, GOV_GB / 4), 3000 * MS};
    params.models[MD_EXECUTOR_LLM] = (struct md_engine_model){
        "wits", (int64_t)below(m, 3) * GOV_GB + 1, (int64_t)below(m, GOV_GB / 2), 5000 * MS};
    assert_int_equal(md_engine_new(&params, &m->engine), MD_OK);
}

static void add_movie(struct model *m)
{
    struct md_event event = {.kind = MD_EVENT_ADD, .label = "film"};
    struct model_movie *movie = &m->movies[m->movie_count++];
    movie->stages = m->stages;
    if (below(m, 4) == 0) { /* some want less, some have been here before */
        movie->stages = md_stage_needs(MD_STAGE_AUDIO) | 1u << MD_STAGE_AUDIO;
        event.stages = 1u << MD_STAGE_AUDIO;
    } else if (below(m, 4) == 0) {
        static const struct md_movie_facts facts = {.known = true, .width = 640, .height = 480};
        event.done_stages = 1u << MD_STAGE_PROBE | 1u << MD_STAGE_SHOTS;
        event.facts = &facts;
        movie->done = event.done_stages;
    }
    tell(m, &event);
}

static void check_end(struct model *m, uint64_t seed)
{
    size_t ended = 0;
    for (size_t i = 0; i < m->movie_count; i++) {
        ended += m->movies[i].ended;
        if (!m->movies[i].ended)
            fail_msg("seed %llu: movie %zu never ended", (unsigned long long)seed, i);
    }
    for (int i = 0; i < MAX_ALIVE; i++)
        assert_int_equal(m->workers[i].id, 0);
    assert_int_equal(md_engine_count(m->engine, MD_MOVIE_DONE) +
                         md_engine_count(m->engine, MD_MOVIE_FAILED) +
                         md_engine_count(m->engine, MD_MOVIE_CANCELLED),
                     ended);
    /* The movies' own workers always have memory, by the settings above. */
    if (m->trouble == 0 && !m->shortage && !m->cancelled && !m->user_meddles)
        assert_int_equal(md_engine_count(m->engine, MD_MOVIE_DONE), ended);
    struct gov_status status;
    gov_governor_status(m->governor, &status);
    assert_int_equal(status.leases.now_count, 0);
    assert_true(m->rungs <= m->ooms);
}

static size_t one_world(uint64_t seed)
{
    static struct model model;
    struct model *m = &model;
    open_model(m, seed);
    size_t movies = 1 + (size_t)below(m, below(m, 10) ? 8 : MAX_MOVIES);
    for (size_t i = 0; i < movies && !m->ended; i++) {
        add_movie(m);
        for (uint64_t j = below(m, 3); j > 0 && !m->ended; j--)
            advance(m); /* some come while others run */
    }
    tell(m, &(struct md_event){.kind = MD_EVENT_CLOSE});
    int steps = 0;
    for (; !m->ended && steps < MAX_STEPS; steps++)
        advance(m);
    if (!m->ended)
        fail_msg("seed %llu never ends", (unsigned long long)seed);
    check_end(m, seed);
    md_engine_free(m->engine);
    gov_governor_free(m->governor);
    return m->ooms;
}

static void the_promises_hold_in_any_world(void **state)
{
    const char *one = getenv("SEED");    /* to look at a failure again */
    const char *more = getenv("WORLDS"); /* for a longer look */
    if (one) {
        one_world(strtoull(one, NULL, 10));
        return;
    }
    uint64_t worlds = more ? strtoull(more, NULL, 10) : 1000;
    size_t ooms = 0;
    for (uint64_t seed = 1; seed <= worlds; seed++) {
        if (getenv("VERBOSE"))
            print_message("seed %llu\n", (unsigned long long)seed);
        ooms += one_world(seed);
    }
    assert_true(ooms > worlds); /* else nothing was tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_promises_hold_in_any_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
