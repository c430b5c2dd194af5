/* Hundreds of batches from seeds, with workers that do anything at any time, neighbours that take
 * memory and users who cancel. Whatever happens, what the engine promises holds:
 *   - every movie ends exactly once, and the batch ends;
 *   - a movie never has two workers, a worker never two questions;
 *   - a stage runs only while a lease is held for it, and no lease is left at the end;
 *   - a stage runs only after what it needs; a done movie had all its stages done;
 *   - no more movies are in flight than allowed, and they start in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { MAX_MOVIES = 40, MAX_WORKERS = 2000, MAX_STEPS = 200000 };
#define MS INT64_C(1000)

/* What a worker is asked and has not answered yet. */
enum question { ASKED_NOTHING, ASKED_JOB, ASKED_CHECK, ASKED_RUN, ASKED_FINISH };

struct model_worker {
    bool alive, quitting;
    size_t movie;
    enum question question;
    enum md_stage stage;
    int64_t due_us;  /* when it does something; INT64_MAX: it hangs */
    int64_t dies_us; /* killed: gone then; INT64_MAX not killed */
};

struct model_movie {
    bool started, ended, has_worker;
    unsigned done;
};

struct model {
    uint64_t random;
    unsigned trouble; /* per mille: how often a worker does something bad */
    struct gov_governor *governor;
    struct md_engine *engine;
    int64_t now_us, next_sample_us, cancel_us;
    unsigned stages;
    int max_movies;
    bool ended, cancelled;
    struct model_movie movies[MAX_MOVIES];
    size_t movie_count, last_started;
    struct model_worker workers[MAX_WORKERS];
    uint32_t worker_count;
    int running; /* stages that run, by the model's count */
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

static void take_commands(struct model *m, const struct md_command *commands, size_t count);

static void tell(struct model *m, const struct md_event *event)
{
    const struct md_command *commands;
    struct md_command copies[1024];
    size_t count;
    assert_int_equal(md_engine_step(m->engine, event, m->now_us, &commands, &count), MD_OK);
    assert_in_range(count, 0, 1024);
    memcpy(copies, commands, count * sizeof *copies);
    take_commands(m, copies, count);
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
    if (below(m, 20) == 0)
        sample.valid = 0; /* a reading that says nothing */
    assert_int_equal(gov_governor_feed(m->governor, &sample, NULL, 0), GOV_OK);
}

static struct model_worker *worker_of(struct model *m, const struct md_command *command)
{
    assert_in_range(command->worker, 1, m->worker_count);
    struct model_worker *worker = &m->workers[command->worker];
    assert_int_equal(worker->movie, command->movie);
    return worker;
}

static int64_t some_time(struct model *m)
{
    return m->now_us + 1 + (int64_t)below(m, below(m, 4) ? 50 * MS : 20000 * MS);
}

static void ask(struct model *m, const struct md_command *command, enum question question)
{
    struct model_worker *worker = worker_of(m, command);
    assert_int_equal(worker->question, ASKED_NOTHING);
    assert_true(worker->alive && !worker->quitting);
    worker->question = question;
    worker->stage = command->stage;
    worker->due_us = trouble(m) ? INT64_MAX : some_time(m);
    if (question == ASKED_FINISH) {
        assert_int_equal(m->movies[command->movie].done, m->stages);
        return;
    }
    unsigned done = m->movies[command->movie].done;
    assert_int_equal(md_stage_needs(command->stage) & ~done, 0);
    assert_true(m->stages & ~done & 1u << command->stage);
    if (question == ASKED_RUN) {
        assert_true(command->threads >= 1);
        m->running++;
    }
}

static void answered(struct model *m, struct model_worker *worker)
{
    m->running -= worker->question == ASKED_RUN;
    worker->question = ASKED_NOTHING;
    worker->due_us = INT64_MAX;
}

static void start_worker(struct model *m, const struct md_command *command)
{
    struct model_movie *movie = &m->movies[command->movie];
    assert_true(movie->started && !movie->ended && !movie->has_worker);
    assert_int_equal(command->worker, m->worker_count + 1); /* never used before */
    assert_true(m->worker_count + 1 < MAX_WORKERS);
    struct model_worker *worker = &m->workers[++m->worker_count];
    *worker = (struct model_worker){
        .alive = true, .movie = command->movie, .question = ASKED_JOB, .dies_us = INT64_MAX};
    worker->due_us = trouble(m) ? INT64_MAX : some_time(m);
    movie->has_worker = true;
}

static void end_movie(struct model *m, const struct md_command *command)
{
    struct model_movie *movie = &m->movies[command->movie];
    assert_false(movie->ended);
    assert_false(movie->has_worker);
    assert_int_equal(command->end == MD_MOVIE_DONE, command->failure == NULL);
    if (command->end == MD_MOVIE_DONE)
        assert_int_equal(movie->done, m->stages);
    if (command->end == MD_MOVIE_CANCELLED)
        assert_true(m->cancelled);
    movie->ended = true;
}

static void take_command(struct model *m, const struct md_command *command)
{
    struct model_movie *movie = &m->movies[command->movie < MAX_MOVIES ? command->movie : 0];
    assert_false(m->ended);
    if (getenv("TRACE"))
        print_message("%lld cmd %d movie %zd worker %u stage %d %s\n", (long long)m->now_us,
                      command->kind, (ssize_t)command->movie, command->worker, command->stage,
                      command->text);
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
        assert_true(m->cancelled);
        break;
    case MD_COMMAND_QUIT:
        worker_of(m, command)->quitting = true;
        worker_of(m, command)->due_us = trouble(m) ? INT64_MAX : some_time(m);
        break;
    case MD_COMMAND_KILL:
        worker_of(m, command)->dies_us = some_time(m);
        break;
    case MD_COMMAND_END:
        m->ended = true;
        break;
    case MD_COMMAND_MOVIE_STARTED:
        assert_false(movie->started);
        assert_int_equal(command->movie, m->last_started);
        movie->started = true;
        m->last_started++;
        break;
    case MD_COMMAND_STAGE_FINISHED:
        assert_false(movie->done & 1u << command->stage);
        movie->done |= 1u << command->stage;
        break;
    case MD_COMMAND_MOVIE_ENDED:
        end_movie(m, command);
        break;
    default:
        break;
    }
}

static void take_commands(struct model *m, const struct md_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_command(m, &commands[i]);
    assert_true(md_engine_is_valid(m->engine));
    size_t active = 0, leaving = 0;
    for (size_t i = 0; i < m->movie_count; i++)
        active += m->movies[i].started && !m->movies[i].ended;
    for (uint32_t id = 1; id <= m->worker_count; id++)
        leaving += m->workers[id].alive && m->workers[id].quitting;
    assert_in_range(active - leaving, 0, (size_t)m->max_movies);
    assert_in_range(active, 0, 2 * (size_t)m->max_movies);
    struct gov_status status;
    gov_governor_status(m->governor, &status);
    assert_true(status.leases.now_count >= m->running);
}

static void die(struct model *m, uint32_t id)
{
    static const int signals[] = {0, SIGKILL, SIGSEGV, SIGABRT};
    struct model_worker *worker = &m->workers[id];
    bool killed = worker->dies_us != INT64_MAX;
    m->running -= worker->question == ASKED_RUN;
    worker->alive = false;
    m->movies[worker->movie].has_worker = false;
    struct md_event event = {.kind = MD_EVENT_GONE, .worker = id, .last_words = "alas"};
    event.signal = killed ? SIGKILL : worker->quitting ? 0 : signals[below(m, 4)];
    if (!killed && worker->question == ASKED_JOB && below(m, 4) == 0) {
        static const struct md_failure failure = {.code = MD_ERR_IO, .message = "no fork"};
        event.kind = MD_EVENT_SPAWN_FAILED;
        event.failure = &failure;
    }
    tell(m, &event);
}

static void fail_question(struct model *m, uint32_t id)
{
    static const enum md_error codes[] = {MD_ERR_INPUT, MD_ERR_NOMEM, MD_ERR_NOSPACE, MD_ERR_BUSY};
    struct md_failure failure = {.code = codes[below(m, 4)], .message = "no"};
    struct md_event event = {.kind = MD_EVENT_FAILED, .worker = id, .failure = &failure};
    answered(m, &m->workers[id]);
    tell(m, &event);
}

/* Something nobody asked for. */
static void babble(struct model *m, uint32_t id)
{
    struct md_failure failure = {.code = -1 - (int)below(m, 13), .message = "?"};
    struct md_movie_facts facts = {.known = true, .width = (int64_t)below(m, 10000)};
    struct md_event event = {.kind = MD_EVENT_READY + (enum md_event_kind)below(m, 7),
                             .worker = id,
                             .stage = (enum md_stage)below(m, MD_STAGES),
                             .failure = &failure,
                             .facts = &facts};
    struct model_worker *worker = &m->workers[id];
    bool right = event.stage == worker->stage && event.kind == MD_EVENT_DONE;
    /* By chance it may be the answer: then it is one. */
    if (event.kind == MD_EVENT_FAILED || event.kind == MD_EVENT_FINISHED ||
        event.kind == MD_EVENT_READY || event.kind == MD_EVENT_NEEDED || right)
        answered(m, worker);
    if (worker->question == ASKED_NOTHING)
        worker->due_us = some_time(m);
    tell(m, &event);
}

static void answer(struct model *m, uint32_t id)
{
    struct model_worker *worker = &m->workers[id];
    enum question question = worker->question;
    struct md_event event = {.worker = id, .stage = worker->stage};
    struct md_movie_facts facts = {.known = below(m, 3) > 0,
                                   .width = 1 << below(m, 14),
                                   .height = 1 << below(m, 14),
                                   .duration_us = (int64_t)below(m, 20000) * 1000000};
    answered(m, worker);
    switch (question) {
    case ASKED_JOB:
        tell(m, &(struct md_event){.kind = MD_EVENT_SPAWNED, .worker = id, .pid = 1000000 + id});
        event.kind = MD_EVENT_READY;
        break;
    case ASKED_CHECK:
        event.kind = below(m, 3) ? MD_EVENT_NEEDED : MD_EVENT_DONE;
        event.result.cached = true;
        break;
    case ASKED_RUN:
        event.kind = MD_EVENT_DONE;
        event.result.peak_rss_bytes = (int64_t)below(m, GOV_GB);
        break;
    case ASKED_FINISH:
        event.kind = MD_EVENT_FINISHED;
        break;
    case ASKED_NOTHING:
        return;
    }
    if (worker->stage == MD_STAGE_PROBE)
        event.facts = &facts;
    tell(m, &event);
}

static void act(struct model *m, uint32_t id)
{
    struct model_worker *worker = &m->workers[id];
    if (worker->dies_us <= m->now_us) {
        die(m, id);
        return;
    }
    worker->due_us = INT64_MAX;
    if (worker->quitting && (worker->question == ASKED_NOTHING || below(m, 2)))
        die(m, id);
    else if (worker->quitting) {
        worker->due_us = some_time(m);
        answer(m, id); /* was under way */
    } else if (trouble(m))
        die(m, id);
    else if (trouble(m))
        babble(m, id);
    else if (worker->question != ASKED_NOTHING && trouble(m))
        fail_question(m, id);
    else if (below(m, 8) == 0) {
        worker->due_us = some_time(m);
        tell(m, &(struct md_event){.kind = MD_EVENT_ALIVE, .worker = id});
    } else
        answer(m, id);
}

/* The next thing that happens in this world. */
static void advance(struct model *m)
{
    int64_t next = m->next_sample_us, deadline = md_engine_deadline_us(m->engine);
    uint32_t who = 0;
    for (uint32_t id = 1; id <= m->worker_count; id++) {
        const struct model_worker *worker = &m->workers[id];
        int64_t at = worker->due_us < worker->dies_us ? worker->due_us : worker->dies_us;
        if (worker->alive && at < next) {
            next = at;
            who = id;
        }
    }
    if (m->cancel_us <= next && m->cancel_us <= deadline) {
        m->now_us = m->cancel_us > m->now_us ? m->cancel_us : m->now_us;
        m->cancel_us = below(m, 2) ? m->now_us + (int64_t)below(m, 3000 * MS) : INT64_MAX;
        m->cancelled = true;
        tell(m, &(struct md_event){.kind = MD_EVENT_CANCEL});
    } else if (deadline <= next) {
        assert_true(deadline != INT64_MAX);
        m->now_us = deadline > m->now_us ? deadline : m->now_us;
        tell(m, &(struct md_event){.kind = MD_EVENT_TICK});
    } else if (who) {
        m->now_us = next > m->now_us ? next : m->now_us;
        act(m, who);
    } else {
        m->now_us = next;
        m->next_sample_us = next + 500 * MS;
        feed_sample(m);
        tell(m, &(struct md_event){.kind = MD_EVENT_SAMPLED});
    }
}

static void open_model(struct model *m, uint64_t seed)
{
    static const struct gov_config *const defaults = &gov_config_default;
    *m = (struct model){.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
    m->trouble = (unsigned)below(m, 3) * (unsigned)below(m, 60);
    m->max_movies = 1 + (int)below(m, 5);
    m->cancel_us = below(m, 4) ? INT64_MAX : (int64_t)below(m, 200000 * MS);
    m->stages = (1u << MD_STAGES) - 1;
    if (below(m, 4) == 0)
        m->stages = md_stage_needs(MD_STAGE_STORY) | 1u << MD_STAGE_STORY;
    assert_int_equal(gov_governor_new(defaults, NULL, NULL, &m->governor), GOV_OK);
    feed_sample(m);
    struct md_engine_params params = md_engine_params_default;
    params.governor = m->governor;
    params.cores = 1 + (int)below(m, 8);
    params.max_movies = m->max_movies;
    params.stages = m->stages;
    params.force = below(m, 5) == 0;
    assert_int_equal(md_engine_new(&params, &m->engine), MD_OK);
}

static void one_world(uint64_t seed)
{
    static struct model model;
    struct model *m = &model;
    open_model(m, seed);
    size_t movies = 1 + (size_t)below(m, MAX_MOVIES);
    for (size_t i = 0; i < movies && !m->ended; i++) {
        m->movie_count++;
        tell(m, &(struct md_event){.kind = MD_EVENT_ADD, .label = "film"});
        for (uint64_t j = below(m, 3); j > 0; j--)
            advance(m); /* some come while others run */
    }
    movies = m->movie_count;
    tell(m, &(struct md_event){.kind = MD_EVENT_CLOSE});
    int steps = 0;
    while (!m->ended && steps < MAX_STEPS) {
        advance(m);
        steps++;
    }
    if (!m->ended && getenv("TRACE"))
        for (int i = 0; i < 8; i++) {
            print_message("now %lld deadline %lld sample %lld\n", (long long)m->now_us,
                          (long long)md_engine_deadline_us(m->engine),
                          (long long)m->next_sample_us);
            advance(m);
        }
    if (!m->ended)
        fail_msg("seed %llu never ends", (unsigned long long)seed);
    for (size_t i = 0; i < movies; i++)
        if (!m->movies[i].ended)
            fail_msg("seed %llu: movie %zu never ended", (unsigned long long)seed, i);
    assert_int_equal(md_engine_count(m->engine, MD_MOVIE_DONE) +
                         md_engine_count(m->engine, MD_MOVIE_FAILED) +
                         md_engine_count(m->engine, MD_MOVIE_CANCELLED),
                     movies);
    if (m->trouble == 0 && !m->cancelled)
        assert_int_equal(md_engine_count(m->engine, MD_MOVIE_DONE), movies);
    struct gov_status status;
    gov_governor_status(m->governor, &status);
    assert_int_equal(status.leases.now_count, 0);
    assert_int_equal(m->running, 0);
    md_engine_free(m->engine);
    gov_governor_free(m->governor);
}

static void the_promises_hold_in_any_world(void **state)
{
    const char *one = getenv("SEED");    /* to look at a failure again */
    const char *more = getenv("WORLDS"); /* for a longer look */
    if (one) {
        one_world(strtoull(one, NULL, 10));
        return;
    }
    uint64_t worlds = more ? strtoull(more, NULL, 10) : 500;
    for (uint64_t seed = 1; seed <= worlds; seed++)
        one_world(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_promises_hold_in_any_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
