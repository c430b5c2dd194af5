/* What the engine promises about order, memory, lost workers and cancelling, one scene each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { MAX_COMMANDS = 256 };
#define BIT(name)     (1u << MD_STAGE_##name)
#define SECOND_US     INT64_C(1000000)
#define ALL_STAGES    ((1u << MD_STAGES) - 1)
#define EVENT(k, ...) (&(struct md_event){.kind = MD_EVENT_##k, __VA_ARGS__})

struct stage_world {
    struct gov_governor *governor;
    struct md_engine *engine;
    int64_t now_us;
    struct md_command commands[MAX_COMMANDS];
    size_t count;
    struct md_failure failure; /* of the last command that carried one */
};

static void feed(struct stage_world *w, double total_gb, double others_gb)
{
    struct gov_sample sample = {
        .valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE | GOV_SAMPLE_OWN |
                 GOV_SAMPLE_OTHERS,
        .at_us = w->now_us,
        .total_bytes = (int64_t)(total_gb * 1e9),
        .used_bytes = (int64_t)(others_gb * 1e9),
        .free_bytes = (int64_t)((total_gb - others_gb) * 1e9),
        .others_bytes = (int64_t)(others_gb * 1e9),
    };
    assert_int_equal(gov_governor_feed(w->governor, &sample, NULL, 0), GOV_OK);
}

static void open_world(struct stage_world *w, int max_movies, unsigned stages, double total_gb)
{
    *w = (struct stage_world){.now_us = SECOND_US};
    struct gov_config config = gov_config_default;
    config.max_sample_age_us = 0;
    assert_int_equal(gov_governor_new(&config, NULL, NULL, &w->governor), GOV_OK);
    feed(w, total_gb, 0.1);
    struct md_engine_params params = md_engine_params_default;
    params.governor = w->governor;
    params.cores = 4;
    params.max_movies = max_movies;
    params.stages = stages;
    assert_int_equal(md_engine_new(&params, &w->engine), MD_OK);
}

static void close_world(struct stage_world *w)
{
    md_engine_free(w->engine);
    struct gov_status status;
    gov_governor_status(w->governor, &status);
    assert_int_equal(status.leases.now_count, 0);
    gov_governor_free(w->governor);
}

static void step(struct stage_world *w, const struct md_event *event)
{
    const struct md_command *commands;
    assert_int_equal(md_engine_step(w->engine, event, w->now_us, &commands, &w->count), MD_OK);
    assert_in_range(w->count, 0, MAX_COMMANDS);
    memcpy(w->commands, commands, w->count * sizeof *commands);
    for (size_t i = 0; i < w->count; i++)
        if (commands[i].failure)
            w->failure = *commands[i].failure;
    assert_true(md_engine_is_valid(w->engine));
}

/* The n-th command of a kind in the last step, or NULL. */
static const struct md_command *find(const struct stage_world *w, enum md_command_kind kind, int n)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->commands[i].kind == kind && n-- == 0)
            return &w->commands[i];
    return NULL;
}

static const struct md_command *expect(const struct stage_world *w, enum md_command_kind kind)
{
    const struct md_command *command = find(w, kind, 0);
    assert_non_null(command);
    assert_null(find(w, kind, 1));
    return command;
}

static void add(struct stage_world *w, int movies)
{
    for (int i = 0; i < movies; i++) {
        char label[16];
        snprintf(label, sizeof label, "movie %d", i);
        step(w, EVENT(ADD, .label = label));
    }
}

static void begin(struct stage_world *w, uint32_t worker)
{
    step(w, EVENT(SPAWNED, .worker = worker, .pid = 1000 + worker));
    step(w, EVENT(READY, .worker = worker));
}

static const struct md_movie_facts facts = {.known = true,
                                            .duration_us = 5400 * SECOND_US,
                                            .width = 1920,
                                            .height = 1080,
                                            .bit_depth = 8,
                                            .codec = "h264"};

static void say_done(struct stage_world *w, uint32_t worker, enum md_stage stage, bool cached)
{
    step(w, EVENT(DONE, .worker = worker, .stage = stage, .result = {.cached = cached},
                  .facts = stage == MD_STAGE_PROBE ? &facts : NULL));
}

/* From the CHECK that was just asked to the end of the stage. */
static void run_stage(struct stage_world *w, uint32_t worker, enum md_stage stage)
{
    step(w, EVENT(NEEDED, .worker = worker, .stage = stage));
    assert_int_equal(expect(w, MD_COMMAND_RUN)->stage, stage);
    say_done(w, worker, stage, false);
}

static void finish_movie(struct stage_world *w, uint32_t worker)
{
    assert_int_equal(expect(w, MD_COMMAND_FINISH_MOVIE)->worker, worker);
    step(w, EVENT(FINISHED, .worker = worker));
    assert_int_equal(expect(w, MD_COMMAND_QUIT)->worker, worker);
    step(w, EVENT(GONE, .worker = worker));
}

static int64_t leased_bytes(struct stage_world *w)
{
    struct gov_status status;
    gov_governor_status(w->governor, &status);
    return status.leases.now_bytes;
}

static void a_movie_goes_through_its_stages_and_ends_once(void **state)
{
    struct stage_world w;
    open_world(&w, 1, ALL_STAGES, 16);
    add(&w, 1);
    assert_non_null(find(&w, MD_COMMAND_MOVIE_STARTED, 0));
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->worker, 1);
    begin(&w, 1);
    for (int s = 0; s < MD_STAGES; s++) {
        assert_int_equal(expect(&w, MD_COMMAND_CHECK)->stage, s);
        step(&w, EVENT(NEEDED, .worker = 1, .stage = s));
        const struct md_command *run = expect(&w, MD_COMMAND_RUN);
        assert_int_equal(run->stage, s);
        assert_int_equal(run->threads, 4); /* nobody to share four cores with */
        assert_int_equal(run->attempt, 1);
        assert_true(leased_bytes(&w) > 0);
        say_done(&w, 1, s, false);
        assert_int_equal(expect(&w, MD_COMMAND_STAGE_FINISHED)->stage, s);
        assert_int_equal(leased_bytes(&w), 0);
    }
    finish_movie(&w, 1);
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_DONE);
    assert_null(find(&w, MD_COMMAND_END, 0));
    step(&w, EVENT(CLOSE));
    expect(&w, MD_COMMAND_END);
    assert_true(md_engine_has_ended(w.engine));
    close_world(&w);
}

static void a_cached_stage_takes_no_lease(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE) | BIT(AUDIO), 16);
    add(&w, 1);
    begin(&w, 1);
    say_done(&w, 1, MD_STAGE_PROBE, true);
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    assert_int_equal(expect(&w, MD_COMMAND_CHECK)->stage, MD_STAGE_AUDIO);
    say_done(&w, 1, MD_STAGE_AUDIO, true);
    finish_movie(&w, 1);
    struct gov_status status;
    gov_governor_status(w.governor, &status);
    assert_int_equal(status.leases.total_count, 0);
    close_world(&w);
}

static void wanted_stages_bring_what_they_need_and_no_more(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(AUDIO), 16);
    add(&w, 1);
    begin(&w, 1);
    assert_int_equal(expect(&w, MD_COMMAND_CHECK)->stage, MD_STAGE_PROBE);
    run_stage(&w, 1, MD_STAGE_PROBE);
    assert_int_equal(expect(&w, MD_COMMAND_CHECK)->stage, MD_STAGE_AUDIO);
    run_stage(&w, 1, MD_STAGE_AUDIO);
    finish_movie(&w, 1);
    close_world(&w);
}

static void force_asks_for_no_finished_work(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    md_engine_free(w.engine);
    struct md_engine_params params = md_engine_params_default;
    params.governor = w.governor;
    params.cores = params.max_movies = 1;
    params.stages = BIT(PROBE);
    params.force = true;
    assert_int_equal(md_engine_new(&params, &w.engine), MD_OK);
    add(&w, 1);
    begin(&w, 1);
    assert_null(find(&w, MD_COMMAND_CHECK, 0));
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->stage, MD_STAGE_PROBE);
    say_done(&w, 1, MD_STAGE_PROBE, false);
    finish_movie(&w, 1);
    close_world(&w);
}

static void movies_start_in_order_and_no_more_than_allowed(void **state)
{
    struct stage_world w;
    open_world(&w, 2, BIT(PROBE), 16);
    add(&w, 4);
    assert_int_equal(w.count, 0); /* the fourth, like the third, only waits */
    begin(&w, 1);
    run_stage(&w, 1, MD_STAGE_PROBE);
    step(&w, EVENT(FINISHED, .worker = 1));
    /* The next one starts while the first worker is still on its way out. */
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->movie, 2);
    step(&w, EVENT(GONE, .worker = 1));
    assert_null(find(&w, MD_COMMAND_START_WORKER, 0));
    close_world(&w);
}

static void a_lost_worker_is_replaced_and_the_third_loss_fails_the_movie(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE) | BIT(SHOTS), 16);
    add(&w, 2);
    begin(&w, 1);
    run_stage(&w, 1, MD_STAGE_PROBE);
    for (uint32_t worker = 1; worker <= 3; worker++) {
        if (worker > 1)
            begin(&w, worker);
        /* Probe is done; a retry goes on where the last one stopped. */
        assert_int_equal(expect(&w, MD_COMMAND_CHECK)->stage, MD_STAGE_SHOTS);
        step(&w, EVENT(NEEDED, .worker = worker, .stage = MD_STAGE_SHOTS));
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->attempt, worker);
        step(&w, EVENT(GONE, .worker = worker, .signal = SIGSEGV, .last_words = "bad picture"));
        const struct md_command *failed = expect(&w, MD_COMMAND_STAGE_FAILED);
        assert_int_equal(failed->will_retry, worker < 3);
        assert_int_equal(leased_bytes(&w), 0);
        if (worker == 3)
            break;
        assert_null(find(&w, MD_COMMAND_START_WORKER, 0));
        w.now_us = md_engine_deadline_us(w.engine);
        step(&w, EVENT(TICK));
        assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->movie, 0);
    }
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_FAILED);
    assert_int_equal(w.failure.code, MD_ERR_CRASHED);
    assert_string_equal(w.failure.stage, "shots");
    assert_non_null(strstr(w.failure.message, "signal 11 (Segmentation fault)"));
    assert_non_null(strstr(w.failure.message, "bad picture"));
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->movie, 1); /* the batch goes on */
    close_world(&w);
}

static void a_stage_that_fails_fails_its_movie_and_only_that(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE) | BIT(SHOTS), 16);
    add(&w, 2);
    begin(&w, 1);
    run_stage(&w, 1, MD_STAGE_PROBE);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_SHOTS));
    struct md_failure why = {.code = MD_ERR_INPUT, .message = "no picture in it"};
    step(&w, EVENT(FAILED, .worker = 1, .failure = &why));
    assert_false(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    expect(&w, MD_COMMAND_QUIT);
    step(&w, EVENT(GONE, .worker = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_FAILED);
    assert_string_equal(w.failure.message, "no picture in it");
    assert_string_equal(w.failure.stage, "shots");
    close_world(&w);
}

static void a_movie_that_another_program_works_on_fails_at_once(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    step(&w, EVENT(SPAWNED, .worker = 1, .pid = 5));
    struct md_failure why = {.code = MD_ERR_BUSY, .message = "locked"};
    step(&w, EVENT(FAILED, .worker = 1, .failure = &why));
    step(&w, EVENT(GONE, .worker = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_FAILED);
    assert_int_equal(w.failure.code, MD_ERR_BUSY);
    close_world(&w);
}

static void out_of_memory_is_told_from_a_crash_and_asks_for_more(void **state)
{
    struct stage_world w;
    open_world(&w, 2, BIT(PROBE) | BIT(SHOTS), 16);
    add(&w, 2);
    begin(&w, 1);
    run_stage(&w, 1, MD_STAGE_PROBE);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_SHOTS));
    int64_t first_bytes = leased_bytes(&w);
    feed(&w, 16, 15); /* the device is nearly full when it dies */
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
    assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_int_equal(w.failure.code, MD_ERR_NOMEM);
    feed(&w, 16, 0.1);
    w.now_us = md_engine_deadline_us(w.engine);
    step(&w, EVENT(TICK));
    begin(&w, 3);
    step(&w, EVENT(NEEDED, .worker = 3, .stage = MD_STAGE_SHOTS));
    expect(&w, MD_COMMAND_RUN);
    assert_true(leased_bytes(&w) >= first_bytes / 2 * 3);
    /* The younger movie is held back until this stage is over. */
    begin(&w, 2);
    step(&w, EVENT(NEEDED, .worker = 2, .stage = MD_STAGE_PROBE));
    expect(&w, MD_COMMAND_STAGE_WAITING);
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    say_done(&w, 3, MD_STAGE_SHOTS, false);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, 2);
    close_world(&w);
}

static void a_kill_with_plenty_of_memory_is_a_crash(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
    assert_int_equal(w.failure.code, MD_ERR_CRASHED);
    close_world(&w);
}

static void the_oldest_movie_runs_even_where_nothing_fits(void **state)
{
    struct stage_world w;
    open_world(&w, 2, BIT(PROBE), 0.2); /* probe asks for more than there is */
    add(&w, 2);
    begin(&w, 1);
    begin(&w, 2);
    step(&w, EVENT(NEEDED, .worker = 2, .stage = MD_STAGE_PROBE));
    expect(&w, MD_COMMAND_STAGE_WAITING); /* not the oldest */
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, 1);
    say_done(&w, 1, MD_STAGE_PROBE, false);
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    finish_movie(&w, 1);
    /* As soon as it is the oldest it runs, too. */
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_DONE), 1);
    struct gov_status status;
    gov_governor_status(w.governor, &status);
    assert_int_equal(status.leases.now_count, 1);
    close_world(&w);
}

static void the_oldest_movie_waits_for_a_neighbour_but_not_for_ever(void **state)
{
    struct stage_world w;
    open_world(&w, 2, BIT(PROBE), 16);
    feed(&w, 16, 15.9);
    add(&w, 2);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    expect(&w, MD_COMMAND_STAGE_WAITING);
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    int64_t deadline_us = md_engine_deadline_us(w.engine);
    assert_in_range(deadline_us, w.now_us + 1, w.now_us + 10 * SECOND_US);
    for (int i = 0; i < 3; i++) { /* told once, however often it looks */
        step(&w, EVENT(SAMPLED));
        assert_null(find(&w, MD_COMMAND_STAGE_WAITING, 0));
    }
    w.now_us = deadline_us;
    step(&w, EVENT(TICK));
    expect(&w, MD_COMMAND_RUN);
    close_world(&w);
}

static void a_waiting_stage_runs_when_memory_comes_back(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    feed(&w, 16, 15.9);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    feed(&w, 16, 2);
    step(&w, EVENT(SAMPLED));
    expect(&w, MD_COMMAND_RUN);
    close_world(&w);
}

static void pressure_asks_for_a_cleanup_once(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 10);
    feed(&w, 10, 7.2);
    step(&w, EVENT(SAMPLED));
    assert_int_equal(expect(&w, MD_COMMAND_RUN_TIER)->tier, GOV_TIER_STANDARD);
    step(&w, EVENT(SAMPLED));
    assert_null(find(&w, MD_COMMAND_RUN_TIER, 0));
    close_world(&w);
}

static void a_worker_that_hangs_is_killed_and_replaced(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    for (int i = 0; i < 5; i++) { /* signs of life keep it going */
        w.now_us += 200 * SECOND_US;
        step(&w, EVENT(ALIVE, .worker = 1));
        assert_int_equal(w.count, 0);
    }
    w.now_us = md_engine_deadline_us(w.engine);
    step(&w, EVENT(TICK));
    expect(&w, MD_COMMAND_KILL);
    say_done(&w, 1, MD_STAGE_PROBE, false); /* too late: nobody believes it any more */
    assert_int_equal(w.count, 0);
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
    assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_non_null(strstr(w.failure.message, "hung"));
    close_world(&w);
}

static void a_worker_that_never_starts_is_killed(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    step(&w, EVENT(SPAWNED, .worker = 1, .pid = 4));
    w.now_us = md_engine_deadline_us(w.engine);
    step(&w, EVENT(TICK));
    expect(&w, MD_COMMAND_KILL);
    close_world(&w);
}

static void a_worker_that_talks_nonsense_is_killed(void **state)
{
    static const enum md_event_kind nonsense[] = {MD_EVENT_READY, MD_EVENT_FINISHED, MD_EVENT_DONE,
                                                  MD_EVENT_BROKEN};
    for (int i = 0; i < 4; i++) {
        struct stage_world w;
        open_world(&w, 1, BIT(PROBE) | BIT(SHOTS), 16);
        add(&w, 1);
        begin(&w, 1);
        step(&w, &(struct md_event){.kind = nonsense[i], .worker = 1, .stage = MD_STAGE_SHOTS});
        expect(&w, MD_COMMAND_KILL);
        step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
        assert_non_null(strstr(w.failure.message, "protocol"));
        close_world(&w);
    }
}

static void cancel_asks_then_kills_and_ends_everything(void **state)
{
    struct stage_world w;
    open_world(&w, 2, BIT(PROBE), 16);
    add(&w, 4);
    step(&w, EVENT(CLOSE));
    begin(&w, 1);
    begin(&w, 2);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    int64_t start_us = w.now_us;
    step(&w, EVENT(CANCEL));
    assert_non_null(find(&w, MD_COMMAND_CANCEL, 0));
    assert_non_null(find(&w, MD_COMMAND_QUIT, 1));
    assert_non_null(find(&w, MD_COMMAND_MOVIE_ENDED, 1)); /* the two that never started */
    assert_null(find(&w, MD_COMMAND_END, 0));
    /* One does as it is told. */
    struct md_failure why = {.code = MD_ERR_CANCELLED, .message = "cancelled"};
    step(&w, EVENT(FAILED, .worker = 1, .failure = &why));
    step(&w, EVENT(GONE, .worker = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_CANCELLED);
    /* The other one does not. */
    w.now_us = md_engine_deadline_us(w.engine);
    assert_in_range(w.now_us, start_us + 1, start_us + 2 * SECOND_US - 1);
    step(&w, EVENT(TICK));
    assert_int_equal(expect(&w, MD_COMMAND_KILL)->worker, 2);
    step(&w, EVENT(GONE, .worker = 2, .signal = SIGKILL));
    expect(&w, MD_COMMAND_END);
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_CANCELLED), 4);
    close_world(&w);
}

static void a_second_cancel_kills_at_once(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(CANCEL));
    assert_null(find(&w, MD_COMMAND_KILL, 0));
    step(&w, EVENT(CANCEL));
    expect(&w, MD_COMMAND_KILL);
    step(&w, EVENT(CANCEL));
    assert_null(find(&w, MD_COMMAND_KILL, 0));
    close_world(&w);
}

static void a_stage_finished_while_cancelling_counts(void **state)
{
    struct stage_world w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    step(&w, EVENT(CANCEL));
    say_done(&w, 1, MD_STAGE_PROBE, false);
    expect(&w, MD_COMMAND_STAGE_FINISHED);
    step(&w, EVENT(GONE, .worker = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_CANCELLED);
    close_world(&w);
}

static void what_is_not_known_is_assumed_to_be_large(void **state)
{
    struct md_movie_facts broken = {.known = true, .width = 1 << 20, .height = 4};
    assert_int_equal(md_estimate_stage(MD_STAGE_SHOTS, &(struct md_movie_facts){0}, 2), 0);
    assert_int_equal(md_estimate_stage(MD_STAGE_SHOTS, &broken, 2), 0);
    assert_true(md_estimate_stage(MD_STAGE_PROBE, &(struct md_movie_facts){0}, 2) > 0);
    /* More picture, depth or threads never asks for less. */
    struct md_movie_facts larger = facts;
    int64_t hd = md_estimate_stage(MD_STAGE_RENDER, &facts, 2);
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &facts, 8) > hd);
    larger.bit_depth = 10;
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &larger, 2) > hd);
    larger = facts;
    larger.width *= 2;
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &larger, 2) > hd);
}

static void parameters_out_of_range_are_refused(void **state)
{
    struct stage_world w;
    struct md_engine *engine = NULL;
    open_world(&w, 1, ALL_STAGES, 16);
    struct md_engine_params good = md_engine_params_default;
    good.governor = w.governor;
    good.cores = good.max_movies = 1;
    good.stages = ALL_STAGES;
    struct md_engine_params bad[] = {good, good, good, good, good};
    bad[0].governor = NULL;
    bad[1].cores = 0;
    bad[2].max_movies = MD_ENGINE_MAX_MOVIES + 1;
    bad[3].stages = 1u << MD_STAGES;
    bad[4].stages = 0;
    for (int i = 0; i < 5; i++)
        assert_int_equal(md_engine_new(&bad[i], &engine), MD_ERR_INPUT);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_movie_goes_through_its_stages_and_ends_once),
        cmocka_unit_test(a_cached_stage_takes_no_lease),
        cmocka_unit_test(wanted_stages_bring_what_they_need_and_no_more),
        cmocka_unit_test(force_asks_for_no_finished_work),
        cmocka_unit_test(movies_start_in_order_and_no_more_than_allowed),
        cmocka_unit_test(a_lost_worker_is_replaced_and_the_third_loss_fails_the_movie),
        cmocka_unit_test(a_stage_that_fails_fails_its_movie_and_only_that),
        cmocka_unit_test(a_movie_that_another_program_works_on_fails_at_once),
        cmocka_unit_test(out_of_memory_is_told_from_a_crash_and_asks_for_more),
        cmocka_unit_test(a_kill_with_plenty_of_memory_is_a_crash),
        cmocka_unit_test(the_oldest_movie_runs_even_where_nothing_fits),
        cmocka_unit_test(the_oldest_movie_waits_for_a_neighbour_but_not_for_ever),
        cmocka_unit_test(a_waiting_stage_runs_when_memory_comes_back),
        cmocka_unit_test(pressure_asks_for_a_cleanup_once),
        cmocka_unit_test(a_worker_that_hangs_is_killed_and_replaced),
        cmocka_unit_test(a_worker_that_never_starts_is_killed),
        cmocka_unit_test(a_worker_that_talks_nonsense_is_killed),
        cmocka_unit_test(cancel_asks_then_kills_and_ends_everything),
        cmocka_unit_test(a_second_cancel_kills_at_once),
        cmocka_unit_test(a_stage_finished_while_cancelling_counts),
        cmocka_unit_test(what_is_not_known_is_assumed_to_be_large),
        cmocka_unit_test(parameters_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
