/* Workers that hold a model for all movies, one scene each. */
#include <gov/history.h>
#include <gov/recover.h>

#include "base/cleanup.h"
#include "scene.h"

#define ASR MD_EXECUTOR_ASR
#define LLM MD_EXECUTOR_LLM

static const struct md_failure no_memory = {.code = MD_ERR_DEVICE_MEM, .message = "cudaMalloc"};

/* A GPU of 12 GB, a speech model of 3 GB and 0.5 a chunk, a language model of 7 and 0.25. */
static void open_gpu(struct scene *w, int movies)
{
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = movies;
    params.stages = BIT(PROBE) | BIT(AUDIO) | BIT(TRANSCRIPT);
    params.device = "rtx3060";
    params.device_is_gpu = true;
    params.models[ASR] = (struct md_engine_model){"ears", 3 * GOV_GB, GOV_GB / 2, 3 * SECOND_US};
    params.models[LLM] = (struct md_engine_model){"wits", 7 * GOV_GB, GOV_GB / 4, 9 * SECOND_US};
    open_scene(w, &params, 12.9);
    add(w, movies);
}

/* The movie's media worker finds that its transcript has to be made. */
static void need_transcript(struct scene *w, uint32_t worker)
{
    begin(w, worker);
    run_stage(w, worker, MD_STAGE_PROBE);
    run_stage(w, worker, MD_STAGE_AUDIO);
    step(w, EVENT(NEEDED, .worker = worker, .stage = MD_STAGE_TRANSCRIPT, .executor = ASR,
                  .units_total = 40));
}

static void a_model_is_leased_then_loaded_then_run_and_keeps_what_it_needs(void **state)
{
    struct scene w;
    open_gpu(&w, 2);
    feed(&w, 12.9, 5.7); /* room for six chunks with their buffer, not for seven */
    need_transcript(&w, 1);
    const struct md_command *start = expect(&w, MD_COMMAND_START_WORKER);
    assert_int_equal(start->executor, ASR);
    assert_true(start->movie == MD_ENGINE_NO_MOVIE);
    int batch = start->batch;
    assert_int_equal(batch, gov_config_default.whisper_chunks);
    assert_true(start->lease_bytes >= 3 * GOV_GB + batch * GOV_GB / 2);
    assert_int_equal(leased_bytes(&w), start->lease_bytes);
    uint32_t asr = start->worker;
    begin(&w, asr);
    const struct md_command *run = expect(&w, MD_COMMAND_RUN);
    assert_int_equal(run->worker, asr);
    assert_int_equal(run->movie, 0);
    assert_int_equal(run->batch, batch);
    need_transcript(&w, 2); /* one at a time */
    expect(&w, MD_COMMAND_STAGE_WAITING);
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->movie, 1);
    say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
    expect(&w, MD_COMMAND_QUIT); /* nobody is left who would need it */
    assert_int_equal(leased_bytes(&w), 3 * GOV_GB);
    step(&w, EVENT(GONE, .worker = asr));
    assert_int_equal(leased_bytes(&w), 0);
    close_world(&w);
}

static void a_model_is_loaded_again_for_more_chunks_once_what_it_had_worked(void **state)
{
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    int batch = expect(&w, MD_COMMAND_START_WORKER)->batch;
    begin(&w, asr);
    need_transcript(&w, 2);
    say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
    assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, asr);
    step(&w, EVENT(GONE, .worker = asr));
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->batch, 2 * batch);
    close_world(&w);
}

/* Transcript of a film of so few chunks, in a second; whether they are known beforehand. */
static void hear_short_film(struct scene *w, uint32_t media, uint32_t *asr, int units, bool known)
{
    begin(w, media);
    run_stage(w, media, MD_STAGE_PROBE);
    run_stage(w, media, MD_STAGE_AUDIO);
    step(w, EVENT(NEEDED, .worker = media, .stage = MD_STAGE_TRANSCRIPT, .executor = ASR,
                  .units_total = known ? units : 0));
    assert_null(find(w, MD_COMMAND_QUIT, 0)); /* what is loaded does */
    if (!*asr) {
        *asr = expect(w, MD_COMMAND_START_WORKER)->worker;
        w->now_us += 3 * SECOND_US;
        begin(w, *asr);
    }
    assert_int_equal(expect(w, MD_COMMAND_RUN)->worker, *asr);
    step(w, EVENT(UNITS, .worker = *asr, .stage = MD_STAGE_TRANSCRIPT, .units_done = units,
                  .units_total = units));
    step(w, EVENT(DONE, .worker = *asr, .stage = MD_STAGE_TRANSCRIPT,
                  .result = {.wall_us = SECOND_US}));
}

static void films_of_few_chunks_ask_for_no_larger_batch_and_no_second_load(void **state)
{
    for (int known = 0; known < 2; known++) {
        struct scene w;
        uint32_t asr = 0;
        open_gpu(&w, 4);
        for (uint32_t media = 1; media <= 4; media++)
            hear_short_film(&w, media, &asr, media % 2 ? 1 : 2, known);
        close_world(&w);
    }
}

/* 400 chunks with two at once are worth three seconds. */
static void a_model_is_loaded_again_where_that_saves_more_than_it_takes(void **state)
{
    struct scene w;
    uint32_t asr = 0;
    open_gpu(&w, 3);
    hear_short_film(&w, 1, &asr, 2, true);
    hear_short_film(&w, 2, &asr, 2, true);
    begin(&w, 3);
    run_stage(&w, 3, MD_STAGE_PROBE);
    run_stage(&w, 3, MD_STAGE_AUDIO);
    step(&w, EVENT(NEEDED, .worker = 3, .stage = MD_STAGE_TRANSCRIPT, .executor = ASR,
                   .units_total = 400));
    assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, asr);
    step(&w, EVENT(GONE, .worker = asr));
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->batch, gov_config_default.whisper_chunks);
    close_world(&w);
}

/* A worker for one film's batch serves another film with less: its lease still covers what it
 * holds, since a lease is a limit there. What was measured makes the next lease at once, and the
 * first one of the next run. */
static void what_either_model_was_measured_to_take_makes_the_next_lease(void **state)
{
    for (enum md_executor x = ASR; x <= LLM; x++) {
        enum md_stage stage = x == ASR ? MD_STAGE_TRANSCRIPT : MD_STAGE_STORY;
        const int64_t predicted = 600 * GOV_MB, peak = 900 * GOV_MB; /* at a batch of 2 */
        struct gov_history *history;
        assert_int_equal(gov_history_new(&gov_config_default, 16, &history), GOV_OK);
        for (int run = 0; run < 2; run++) {
            struct scene w;
            struct md_engine_params params = md_engine_params_default;
            uint32_t worker = 0;
            params.max_movies = 2;
            params.stages = ALL_STAGES & ~(BIT(SELECT) | BIT(RENDER));
            params.history = history;
            params.models[x] = (struct md_engine_model){"model", 400 * GOV_MB, 100 * GOV_MB, 1};
            open_scene(&w, &params, 12.9);
            add(&w, 2);
            for (uint32_t media = 1; media <= 2; media++) {
                begin(&w, media);
                for (int s = MD_STAGE_PROBE; s < (int)stage; s++)
                    run_stage(&w, media, (enum md_stage)s);
                step(&w, EVENT(NEEDED, .worker = media, .stage = stage, .executor = x,
                               .units_total = media == 1 ? 2 : 1));
                bool knows = run > 0 || media > 1;
                if (!worker) {
                    const struct md_command *start = expect(&w, MD_COMMAND_START_WORKER);
                    assert_int_equal(start->batch, 2);
                    assert_true(start->lease_bytes >= (knows ? peak : predicted));
                    assert_true(knows || start->lease_bytes < peak);
                    worker = start->worker;
                    begin(&w, worker);
                }
                assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, worker);
                assert_true(expect(&w, MD_COMMAND_RUN)->lease_bytes >= (knows ? peak : predicted));
                step(&w, EVENT(DONE, .worker = worker, .stage = stage,
                               .result = {.wall_us = SECOND_US, .peak_rss_bytes = peak}));
                if (find(&w, MD_COMMAND_RUN_TIER, 0))
                    step(&w, EVENT(TIER_DONE));
            }
            close_world(&w);
        }
        gov_history_free(history);
    }
}

static void an_idle_model_is_unloaded_when_a_tier_wants_it_and_comes_back(void **state)
{
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    step(&w, EVENT(UNLOAD, .worker = asr)); /* it is busy: not now */
    assert_null(find(&w, MD_COMMAND_QUIT, 0));
    say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
    assert_null(find(&w, MD_COMMAND_QUIT, 0)); /* the second movie may need it */
    step(&w, EVENT(UNLOAD, .worker = asr));
    assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, asr);
    need_transcript(&w, 2);
    assert_null(find(&w, MD_COMMAND_START_WORKER, 0)); /* not two of them at once */
    step(&w, EVENT(GONE, .worker = asr));
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->executor, ASR);
    close_world(&w);
}

static void a_device_too_full_for_the_batch_gets_a_smaller_one(void **state)
{
    struct scene w;
    open_gpu(&w, 1);
    feed(&w, 12.9, 8); /* some 4.8 GB are ours: three chunks with their buffer do not fit */
    need_transcript(&w, 1);
    assert_in_range(expect(&w, MD_COMMAND_START_WORKER)->batch, 1, 2);
    close_world(&w);
}

static void out_of_memory_ends_the_model_waits_for_its_memory_and_takes_a_quarter(void **state)
{
    struct scene w;
    open_gpu(&w, 1);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    int batch = expect(&w, MD_COMMAND_START_WORKER)->batch;
    begin(&w, asr);
    struct gov_sample sample;
    struct gov_process process = {
        .pid = 1000 + asr, .valid = GOV_PROCESS_USED, .used_bytes = 6 * GOV_GB};
    feed(&w, 12.9, 7); /* of them six are ours */
    gov_governor_last_sample(w.governor, &sample);
    gov_governor_feed(w.governor, &sample, &process, 1);
    step(&w, EVENT(SAMPLED));
    for (int i = 0; i < 2; i++) {
        step(&w, EVENT(FAILED, .worker = asr, .failure = &no_memory));
        step(&w, EVENT(SAMPLED));
        expect(&w, MD_COMMAND_RUN_TIER);
        step(&w, EVENT(TIER_DONE));
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, asr);
    }
    step(&w, EVENT(FAILED, .worker = asr, .failure = &no_memory));
    step(&w, EVENT(SAMPLED));
    assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, asr);
    step(&w, EVENT(GONE, .worker = asr));
    assert_null(find(&w, MD_COMMAND_START_WORKER, 0));
    step(&w, EVENT(SAMPLED)); /* the driver has not given it back yet */
    assert_null(find(&w, MD_COMMAND_START_WORKER, 0));
    feed(&w, 12.9, 1.1);
    step(&w, EVENT(SAMPLED));
    assert_int_equal(batch, 6);
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->batch, 2); /* 2 to 4 in emergency */
    close_world(&w);
}

static void memory_that_never_comes_back_is_waited_for_five_seconds(void **state)
{
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    struct gov_sample sample;
    struct gov_process process = {
        .pid = 1000 + asr, .valid = GOV_PROCESS_USED, .used_bytes = 3 * GOV_GB};
    gov_governor_last_sample(w.governor, &sample);
    gov_governor_feed(w.governor, &sample, &process, 1);
    step(&w, EVENT(SAMPLED));
    say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
    step(&w, EVENT(UNLOAD, .worker = asr));
    step(&w, EVENT(GONE, .worker = asr));
    need_transcript(&w, 2);
    assert_null(find(&w, MD_COMMAND_START_WORKER, 0));
    int64_t since_us = w.now_us;
    for (int i = 0; i < 10 && !find(&w, MD_COMMAND_START_WORKER, 0); i++) {
        w.now_us = md_engine_deadline_us(w.engine);
        step(&w, EVENT(TICK));
    }
    expect(&w, MD_COMMAND_START_WORKER);
    assert_int_equal(w.now_us - since_us, 5 * SECOND_US);
    close_world(&w);
}

/* In its own worker, with nothing left of the model's way of doing it. */
static const struct md_command *expect_fallback(struct scene *w, size_t movie, enum md_fallback why)
{
    const struct md_command *run = expect(w, MD_COMMAND_RUN);
    assert_int_equal(run->movie, movie);
    assert_int_equal(run->executor, MD_EXECUTOR_MEDIA);
    assert_int_equal(run->stage, MD_STAGE_TRANSCRIPT);
    assert_int_equal(run->fallback, why);
    assert_int_equal(run->settings, MD_SETTINGS_NORMAL);
    assert_int_equal(run->units_total, 0);
    return run;
}

static void
a_movie_that_kills_the_shared_worker_goes_on_without_and_the_others_with_it(void **state)
{
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    for (int i = 0; i < 3; i++) {
        begin(&w, asr);
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->movie, 0);
        step(&w, EVENT(GONE, .worker = asr, .signal = SIGSEGV));
        assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
        if (i == 2)
            break;
        w.now_us = md_engine_deadline_us(w.engine);
        step(&w, EVENT(TICK));
        asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    }
    expect_fallback(&w, 0, MD_FALLBACK_LOST);
    assert_int_equal(w.failure.code, MD_ERR_CRASHED);
    say_done(&w, 1, MD_STAGE_TRANSCRIPT, false);
    finish_movie(&w, 1);
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_DONE), 1);
    need_transcript(&w, 2);
    if (!find(&w, MD_COMMAND_START_WORKER, 0)) {
        w.now_us = md_engine_deadline_us(w.engine);
        step(&w, EVENT(TICK));
    }
    begin(&w, expect(&w, MD_COMMAND_START_WORKER)->worker);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->movie, 1);
    close_world(&w);
}

static void a_model_that_never_loads_is_done_without_at_once_by_all_that_need_it(void **state)
{
    static const struct md_failure broken = {.code = MD_ERR_INPUT, .message = "no such model"};
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    for (int i = 0; i < 3; i++) {
        uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
        step(&w, EVENT(SPAWNED, .worker = asr, .pid = 77));
        step(&w, EVENT(FAILED, .worker = asr, .failure = &broken));
        if (i == 2)
            break;
        step(&w, EVENT(GONE, .worker = asr));
        w.now_us += 2 * SECOND_US;
        step(&w, EVENT(TICK));
    }
    const struct md_command *failed = expect(&w, MD_COMMAND_STAGE_FAILED);
    assert_int_equal(failed->movie, 0);
    assert_true(failed->will_retry);
    assert_int_equal(w.failure.code, MD_ERR_INPUT);
    expect_fallback(&w, 0, MD_FALLBACK_LOAD);
    need_transcript(&w, 2); /* nobody tries again what never works */
    expect_fallback(&w, 1, MD_FALLBACK_LOAD);
    for (uint32_t worker = 1; worker <= 2; worker++) {
        say_done(&w, worker, MD_STAGE_TRANSCRIPT, false);
        finish_movie(&w, worker);
    }
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_DONE), 2);
    close_world(&w);
}

static void a_model_that_says_it_cannot_is_done_without(void **state)
{
    static const struct md_failure why = {.code = MD_ERR_EXTERNAL, .message = "decode failed"};
    struct scene w;
    open_gpu(&w, 1);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    step(&w, EVENT(FAILED, .worker = asr, .failure = &why));
    expect_fallback(&w, 0, MD_FALLBACK_FAILED);
    close_world(&w);
}

/* Every try of the model ends in out-of-memory; returns how many there were. ret_settings: those it
 * was run with, as bits. */
static int exhaust(struct scene *w, unsigned *ret_settings)
{
    *ret_settings = 0;
    for (int tries = 0; tries < 40; tries++) {
        const struct md_command *run = find(w, MD_COMMAND_RUN, 0);
        if (run && run->executor == MD_EXECUTOR_MEDIA)
            return tries;
        if (run) {
            *ret_settings |= 1u << run->settings;
            step(w, EVENT(FAILED, .worker = run->worker, .failure = &no_memory));
        }
        for (int i = 0; i < 20 && !find(w, MD_COMMAND_RUN, 0); i++) {
            const struct md_command *quit = find(w, MD_COMMAND_QUIT, 0);
            const struct md_command *start = find(w, MD_COMMAND_START_WORKER, 0);
            if (find(w, MD_COMMAND_RUN_TIER, 0))
                step(w, EVENT(TIER_DONE));
            else if (quit)
                step(w, EVENT(GONE, .worker = quit->worker));
            else if (start)
                begin(w, start->worker);
            else {
                w->now_us += SECOND_US;
                step(w, EVENT(SAMPLED));
            }
        }
    }
    return -1;
}

/* The movie's worker dies meanwhile and is started again: the answer to its question, that a model
 * has to do it, is known better by now. */
static void a_ladder_that_ends_leads_to_the_built_in_form(void **state)
{
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    int batch = expect(&w, MD_COMMAND_RUN)->batch;
    unsigned settings;
    assert_in_range(exhaust(&w, &settings), 4, gov_recover_most_tries(batch));
    /* Nothing of a speech model can be left out. */
    assert_int_equal(settings, 1u << MD_SETTINGS_NORMAL | 1u << MD_SETTINGS_CPU);
    expect_fallback(&w, 0, MD_FALLBACK_MEMORY);
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGSEGV));
    w.now_us = md_engine_deadline_us(w.engine);
    step(&w, EVENT(TICK));
    uint32_t media = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, media);
    expect(&w, MD_COMMAND_CHECK);
    step(&w, EVENT(NEEDED, .worker = media, .stage = MD_STAGE_TRANSCRIPT, .executor = ASR,
                   .units_done = 3, .units_total = 40));
    expect_fallback(&w, 0, MD_FALLBACK_MEMORY);
    say_done(&w, media, MD_STAGE_TRANSCRIPT, false);
    finish_movie(&w, media);
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_DONE), 1);
    close_world(&w);
}

static void a_dropped_movie_lets_go_of_the_shared_worker(void **state)
{
    static const struct md_failure why = {.code = MD_ERR_CANCELLED, .message = "cancelled"};
    struct scene w;
    open_gpu(&w, 2);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    step(&w, EVENT(DROP, .movie = 0));
    assert_int_equal(expect(&w, MD_COMMAND_CANCEL)->worker, asr);
    step(&w, EVENT(GONE, .worker = 1));
    assert_null(find(&w, MD_COMMAND_MOVIE_ENDED, 0)); /* it is still being worked on */
    step(&w, EVENT(FAILED, .worker = asr, .failure = &why));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_CANCELLED);
    need_transcript(&w, 2);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, asr); /* as good as before */
    close_world(&w);
}

static void an_idle_worker_that_falls_silent_is_replaced(void **state)
{
    struct scene w;
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = 1;
    params.stages = BIT(PROBE) | BIT(AUDIO) | BIT(TRANSCRIPT);
    params.heartbeat_us = 5 * SECOND_US;
    params.device_is_gpu = true;
    params.models[ASR] = (struct md_engine_model){"ears", GOV_GB, GOV_MB, SECOND_US};
    open_scene(&w, &params, 12.9);
    add(&w, 1);
    need_transcript(&w, 1);
    begin(&w, expect(&w, MD_COMMAND_START_WORKER)->worker);
    for (int i = 0; i < 3; i++) {
        w.now_us += 4 * SECOND_US;
        step(&w, EVENT(ALIVE, .worker = 1));
        assert_int_equal(w.count, 0);
    }
    w.now_us += 5 * SECOND_US;
    step(&w, EVENT(TICK));
    assert_int_equal(expect(&w, MD_COMMAND_KILL)->worker, 1);
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
    assert_null(find(&w, MD_COMMAND_STAGE_FAILED, 0)); /* the model's worker goes on */
    close_world(&w);
}

/* Through the story, which a model has to tell. */
static void need_story(struct scene *w, uint32_t worker)
{
    step(w, EVENT(NEEDED, .worker = worker, .stage = MD_STAGE_STORY, .executor = LLM,
                  .units_total = 4));
}

/* Up to the story; nothing is heard. */
static void come_to_story(struct scene *w, uint32_t worker)
{
    begin(w, worker);
    for (int stage = MD_STAGE_PROBE; stage < MD_STAGE_STORY; stage++)
        run_stage(w, worker, (enum md_stage)stage);
    need_story(w, worker);
}

static void open_story(struct scene *w, int movies, bool gpu, const struct md_engine_model *model)
{
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = movies;
    params.stages = BIT(PROBE) | BIT(SHOTS) | BIT(AUDIO) | BIT(TRANSCRIPT) | BIT(STORY);
    params.device_is_gpu = gpu;
    params.models[LLM] = *model;
    open_scene(w, &params, 12.9);
    add(w, movies);
}

/* The language model is forced at batch 1 and fails: smaller settings next, for the next movie,
 * too, until there is clearly more room than when it failed. */
static void settings_that_did_not_fit_are_not_tried_for_the_next_movie(void **state)
{
    const struct md_engine_model model = {"wits", 3 * GOV_GB, GOV_GB / 2, 3 * SECOND_US};
    struct scene w;
    open_story(&w, 2, true, &model);
    feed(&w, 12.9, 9.8);
    step(&w, EVENT(SAMPLED));
    come_to_story(&w, 1);
    w.now_us += md_engine_params_default.patience_us;
    if (!find(&w, MD_COMMAND_START_WORKER, 0))
        step(&w, EVENT(TICK));
    uint32_t llm = expect(&w, MD_COMMAND_START_WORKER)->worker;
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->settings, MD_SETTINGS_NORMAL);
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->batch, 1);
    begin(&w, llm);
    expect(&w, MD_COMMAND_RUN);
    step(&w, EVENT(FAILED, .worker = llm, .failure = &no_memory));
    feed(&w, 12.9, 9.8);
    step(&w, EVENT(SAMPLED));
    assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_non_null(strstr(expect(&w, MD_COMMAND_STAGE_FAILED)->remedy, "quantised cache"));
    assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, llm); /* no mild rung */
    step(&w, EVENT(GONE, .worker = llm));
    w.now_us += md_engine_params_default.patience_us;
    if (!find(&w, MD_COMMAND_START_WORKER, 0))
        step(&w, EVENT(TICK));
    llm = expect(&w, MD_COMMAND_START_WORKER)->worker;
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->settings, MD_SETTINGS_SMALL);
    begin(&w, llm);
    come_to_story(&w, 2);
    say_done(&w, llm, MD_STAGE_STORY, false);
    step(&w, EVENT(FINISHED, .worker = expect(&w, MD_COMMAND_FINISH_MOVIE)->worker));
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->movie, 1); /* the oldest now: forced */
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->settings, MD_SETTINGS_SMALL);
    step(&w, EVENT(GONE, .worker = 1));
    feed(&w, 12.9, 3);
    step(&w, EVENT(SAMPLED));
    add(&w, 1);
    come_to_story(&w, expect(&w, MD_COMMAND_START_WORKER)->worker);
    say_done(&w, llm, MD_STAGE_STORY, false);
    step(&w, EVENT(GONE, .worker = expect(&w, MD_COMMAND_QUIT)->worker));
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->settings, MD_SETTINGS_NORMAL);
    close_world(&w);
}

/* Nothing of it can be made smaller: the CPU, for the next movie, too, and back. */
static void a_speech_model_goes_to_the_cpu_and_comes_back_when_there_is_room(void **state)
{
    struct scene w;
    open_gpu(&w, 3);
    feed(&w, 12.9, 9.8);
    step(&w, EVENT(SAMPLED));
    need_transcript(&w, 1);
    w.now_us += md_engine_params_default.patience_us;
    if (!find(&w, MD_COMMAND_START_WORKER, 0))
        step(&w, EVENT(TICK));
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    step(&w, EVENT(FAILED, .worker = asr, .failure = &no_memory));
    feed(&w, 12.9, 9.8);
    step(&w, EVENT(SAMPLED));
    assert_string_equal(expect(&w, MD_COMMAND_STAGE_FAILED)->remedy, "again on the CPU");
    step(&w, EVENT(GONE, .worker = expect(&w, MD_COMMAND_QUIT)->worker));
    for (int movie = 0; movie < 2; movie++) {
        asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
        assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->settings, MD_SETTINGS_CPU);
        assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->lease_bytes, 0);
        begin(&w, asr);
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->movie, movie);
        if (movie == 1) { /* the next one comes into a calmer world */
            feed(&w, 12.9, 3);
            step(&w, EVENT(SAMPLED));
        }
        need_transcript(&w, 2 + (uint32_t)movie);
        say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
        step(&w, EVENT(GONE, .worker = expect(&w, MD_COMMAND_QUIT)->worker));
    }
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->settings, MD_SETTINGS_NORMAL);
    close_world(&w);
}

/* A speech model of this size runs out with its first lease; returns the second over the first. */
static double second_lease(int64_t resident_bytes, bool *ret_first_is_forced)
{
    struct scene w;
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = 1;
    params.stages = BIT(PROBE) | BIT(AUDIO) | BIT(TRANSCRIPT);
    params.models[ASR] = (struct md_engine_model){"ears", resident_bytes, 2 * GOV_GB, SECOND_US};
    open_scene(&w, &params, 10);
    add(&w, 1);
    need_transcript(&w, 1);
    for (int i = 0; i < 30 && !find(&w, MD_COMMAND_START_WORKER, 0); i++) {
        w.now_us += SECOND_US;
        step(&w, EVENT(SAMPLED));
    }
    const struct md_command *start = expect(&w, MD_COMMAND_START_WORKER);
    assert_int_equal(start->batch, 1);
    int64_t lease_bytes = start->lease_bytes;
    struct gov_status status;
    gov_governor_status(w.governor, &status);
    *ret_first_is_forced = lease_bytes > status.budget.ours_bytes;
    uint32_t asr = start->worker;
    step(&w, EVENT(SPAWNED, .worker = asr, .pid = 7));
    step(&w, EVENT(FAILED, .worker = asr, .failure = &no_memory));
    step(&w, EVENT(GONE, .worker = asr, .exit_status = 4));
    for (int i = 0; i < 30 && !find(&w, MD_COMMAND_START_WORKER, 0); i++) {
        w.now_us += SECOND_US;
        step(&w, EVENT(SAMPLED));
    }
    start = expect(&w, MD_COMMAND_START_WORKER);
    assert_int_equal(start->settings, MD_SETTINGS_NORMAL);
    double ratio = (double)start->lease_bytes / (double)lease_bytes;
    close_world(&w);
    return ratio;
}

/* A lease is a limit there: with one unit the oldest movie gets all there is before it is said that
 * memory is not enough. */
static void on_the_host_a_lease_that_was_too_small_grows_to_all_there_is(void **state)
{
    bool forced;
    assert_true(second_lease(4 * GOV_GB, &forced) >= 1.25);
    assert_false(forced);
}

/* Even when nothing of it fitted the budget. */
static void on_the_host_a_forced_lease_grows_too(void **state)
{
    bool forced;
    assert_true(second_lease(6 * GOV_GB, &forced) > 1);
    assert_true(forced);
}

/* Says that it is alive every ten seconds; true once it is killed within the time. */
static bool is_killed_within(struct scene *w, uint32_t worker, int64_t seconds)
{
    for (int64_t end_us = w->now_us + seconds * SECOND_US; w->now_us < end_us;) {
        w->now_us = MD_MIN(w->now_us + 10 * SECOND_US, end_us);
        step(w, EVENT(ALIVE, .worker = worker));
        if (find(w, MD_COMMAND_KILL, 0))
            return expect(w, MD_COMMAND_KILL)->worker == worker;
    }
    return false;
}

static void a_worker_that_is_alive_and_does_not_get_on_is_ended(void **state)
{
    struct scene w;
    open_gpu(&w, 1);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    begin(&w, asr);
    expect(&w, MD_COMMAND_RUN);
    assert_false(is_killed_within(&w, asr, 590));
    step(&w, EVENT(UNITS, .worker = asr, .stage = MD_STAGE_TRANSCRIPT, .units_done = 1,
                   .units_total = 40));
    /* That was its longest unit: it may take twenty times as long. */
    assert_false(is_killed_within(&w, asr, 20 * 590 - 10));
    assert_true(is_killed_within(&w, asr, 20));
    step(&w, EVENT(GONE, .worker = asr, .signal = SIGKILL));
    assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_non_null(strstr(w.failure.message, "did not get on"));
    close_world(&w);
}

static void units_that_never_come_end_a_worker_after_many_times_its_warm_up(void **state)
{
    struct scene w;
    open_gpu(&w, 1);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    step(&w, EVENT(SPAWNED, .worker = asr, .pid = 7));
    assert_false(is_killed_within(&w, asr, 100)); /* the warm-up turns: no reason to end it */
    step(&w, EVENT(READY, .worker = asr));
    assert_false(is_killed_within(&w, asr, 20 * 100 - 10));
    assert_true(is_killed_within(&w, asr, 20));
    close_world(&w);
}

static void a_warm_up_that_turns_has_longer_but_not_for_ever(void **state)
{
    struct scene w;
    open_gpu(&w, 1);
    need_transcript(&w, 1);
    uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
    assert_false(is_killed_within(&w, asr, 1790));
    assert_true(is_killed_within(&w, asr, 20));
    close_world(&w);
}

static void the_time_to_load_a_model_is_measured_and_kept(void **state)
{
    struct scene w;
    struct md_engine_params params = md_engine_params_default;
    struct gov_history *history;
    assert_int_equal(gov_history_new(&gov_config_default, 16, &history), GOV_OK);
    params.max_movies = 1;
    params.stages = BIT(PROBE) | BIT(AUDIO) | BIT(TRANSCRIPT);
    params.history = history;
    params.models[ASR] = (struct md_engine_model){"ears", GOV_GB, GOV_MB, 3 * SECOND_US};
    for (int run = 0; run < 2; run++) {
        open_scene(&w, &params, 12.9);
        assert_int_equal(md_engine_load_us(w.engine, ASR), (run ? 7 : 3) * SECOND_US);
        add(&w, 1);
        need_transcript(&w, 1);
        uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
        w.now_us += 7 * SECOND_US;
        begin(&w, asr);
        assert_int_equal(md_engine_load_us(w.engine, ASR), 7 * SECOND_US);
        close_world(&w);
    }
    gov_history_free(history);
}

/* Where each chunk is a thread of its own. */
static void on_the_host_no_more_chunks_are_heard_at_once_than_there_are_cores(void **state)
{
    struct scene w;
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = 1;
    params.stages = BIT(PROBE) | BIT(AUDIO) | BIT(TRANSCRIPT);
    params.models[ASR] = (struct md_engine_model){"ears", GOV_GB, GOV_MB, SECOND_US};
    open_scene(&w, &params, 12.9);
    add(&w, 1);
    need_transcript(&w, 1);
    assert_int_equal(expect(&w, MD_COMMAND_START_WORKER)->batch, 4);
    close_world(&w);
}

/* A quantised cache; half of the layers on the GPU, where there is one; half of the context; the
 * CPU; the built-in story. */
static void a_language_model_gets_smaller_step_by_step(void **state)
{
    const struct md_engine_model model = {"wits", 2 * GOV_GB, GOV_GB / 4, SECOND_US};
    for (int gpu = 0; gpu < 2; gpu++) {
        struct scene w;
        open_story(&w, 1, gpu, &model);
        come_to_story(&w, 1);
        begin(&w, expect(&w, MD_COMMAND_START_WORKER)->worker);
        int batch = expect(&w, MD_COMMAND_RUN)->batch;
        unsigned settings;
        assert_in_range(exhaust(&w, &settings), 4, gov_recover_most_tries(batch));
        unsigned small =
            1u << MD_SETTINGS_NORMAL | 1u << MD_SETTINGS_SMALL | 1u << MD_SETTINGS_SHORT;
        assert_int_equal(settings,
                         gpu ? small | 1u << MD_SETTINGS_PART | 1u << MD_SETTINGS_CPU : small);
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->fallback, MD_FALLBACK_MEMORY);
        close_world(&w);
    }
}

/* What the libraries say of smaller settings goes before what is usual; settings that take no less
 * are no rung. */
static void settings_that_take_no_less_are_passed_over(void **state)
{
    const struct md_engine_model model = {
        .name = "wits",
        .resident_bytes = 2 * GOV_GB,
        .unit_bytes = GOV_GB / 4,
        .load_us = SECOND_US,
        .smaller = {[MD_SETTINGS_SMALL] = {2 * GOV_GB, GOV_GB / 4},
                    [MD_SETTINGS_PART] = {3 * GOV_GB / 2, GOV_GB / 4},
                    [MD_SETTINGS_SHORT] = {3 * GOV_GB / 2, GOV_GB / 4}}};
    struct scene w;
    unsigned settings;
    open_story(&w, 1, true, &model);
    come_to_story(&w, 1);
    begin(&w, expect(&w, MD_COMMAND_START_WORKER)->worker);
    assert_in_range(exhaust(&w, &settings), 4, 40);
    assert_int_equal(settings,
                     1u << MD_SETTINGS_NORMAL | 1u << MD_SETTINGS_PART | 1u << MD_SETTINGS_CPU);
    close_world(&w);
}

/* Does what is commanded until nothing more is, and stories in no time. Returns how often the
 * language model was started; ret_order: the movies as it told them. */
static int run_on(struct scene *w, size_t ret_order[8])
{
    struct md_command todo[128];
    size_t done = 0, count = 0, told = 0;
    int loads = 0;
    for (;;) {
        assert_in_range(count + w->count, 0, 128);
        memcpy(todo + count, w->commands, w->count * sizeof *todo);
        count += w->count;
        w->count = 0;
        if (done == count)
            return loads;
        const struct md_command c = todo[done++];
        bool is_model = c.executor == LLM;
        loads += c.kind == MD_COMMAND_START_WORKER && is_model;
        if (c.kind == MD_COMMAND_START_WORKER)
            begin(w, c.worker);
        else if (c.kind == MD_COMMAND_CHECK)
            need_story(w, c.worker);
        else if (c.kind == MD_COMMAND_FINISH_MOVIE)
            step(w, EVENT(FINISHED, .worker = c.worker));
        else if (c.kind == MD_COMMAND_QUIT)
            step(w, EVENT(GONE, .worker = c.worker));
        else if (c.kind == MD_COMMAND_RUN && is_model && told < 8)
            ret_order[told++] = c.movie;
        if (c.kind == MD_COMMAND_RUN)
            say_done(w, c.worker, c.stage, false);
    }
}

/* Three movies, two models that do not fit together: each is loaded once. Whose transcript is done
 * is parked without a worker, and the next movie takes its place; then the stories, the oldest
 * first. */
static void
all_transcripts_come_before_the_narratives_where_there_is_room_for_one_model(void **state)
{
    struct scene w;
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = 1;
    params.stages = BIT(PROBE) | BIT(SHOTS) | BIT(AUDIO) | BIT(TRANSCRIPT) | BIT(STORY);
    params.device = "small";
    params.device_is_gpu = true;
    params.models[ASR] = (struct md_engine_model){"ears", 3 * GOV_GB, GOV_GB / 9, 3 * SECOND_US};
    params.models[LLM] = (struct md_engine_model){"wits", 4 * GOV_GB, GOV_GB / 9, 9 * SECOND_US};
    open_scene(&w, &params, 8.6);
    add(&w, 3);
    uint32_t media[3] = {1}, asr = 0;
    for (size_t i = 0; i < 3; i++) {
        begin(&w, media[i]);
        run_stage(&w, media[i], MD_STAGE_PROBE);
        run_stage(&w, media[i], MD_STAGE_SHOTS);
        run_stage(&w, media[i], MD_STAGE_AUDIO);
        step(&w, EVENT(NEEDED, .worker = media[i], .stage = MD_STAGE_TRANSCRIPT, .executor = ASR,
                       .units_total = 6)); /* no larger batch is of any use */
        if (!asr) {
            asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
            begin(&w, asr);
        }
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, asr); /* loaded once */
        say_done(&w, asr, MD_STAGE_TRANSCRIPT, false);
        if (i == 2)
            break;
        need_story(&w, media[i]);
        assert_int_equal(md_engine_waits_for(w.engine, i), MD_WAIT_MODEL);
        assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, media[i]);
        media[i + 1] = expect(&w, MD_COMMAND_START_WORKER)->worker;
        assert_int_equal(leased_bytes(&w), 3 * GOV_GB); /* the parked one holds nothing */
        step(&w, EVENT(GONE, .worker = media[i]));
    }
    size_t order[8];
    assert_int_equal(run_on(&w, order), 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(order[i], i);
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_DONE), 3);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_leased_then_loaded_then_run_and_keeps_what_it_needs),
        cmocka_unit_test(a_model_is_loaded_again_for_more_chunks_once_what_it_had_worked),
        cmocka_unit_test(films_of_few_chunks_ask_for_no_larger_batch_and_no_second_load),
        cmocka_unit_test(a_model_is_loaded_again_where_that_saves_more_than_it_takes),
        cmocka_unit_test(what_either_model_was_measured_to_take_makes_the_next_lease),
        cmocka_unit_test(an_idle_model_is_unloaded_when_a_tier_wants_it_and_comes_back),
        cmocka_unit_test(a_device_too_full_for_the_batch_gets_a_smaller_one),
        cmocka_unit_test(out_of_memory_ends_the_model_waits_for_its_memory_and_takes_a_quarter),
        cmocka_unit_test(memory_that_never_comes_back_is_waited_for_five_seconds),
        cmocka_unit_test(
            a_movie_that_kills_the_shared_worker_goes_on_without_and_the_others_with_it),
        cmocka_unit_test(a_model_that_never_loads_is_done_without_at_once_by_all_that_need_it),
        cmocka_unit_test(a_model_that_says_it_cannot_is_done_without),
        cmocka_unit_test(a_ladder_that_ends_leads_to_the_built_in_form),
        cmocka_unit_test(a_language_model_gets_smaller_step_by_step),
        cmocka_unit_test(settings_that_take_no_less_are_passed_over),
        cmocka_unit_test(a_dropped_movie_lets_go_of_the_shared_worker),
        cmocka_unit_test(an_idle_worker_that_falls_silent_is_replaced),
        cmocka_unit_test(settings_that_did_not_fit_are_not_tried_for_the_next_movie),
        cmocka_unit_test(a_speech_model_goes_to_the_cpu_and_comes_back_when_there_is_room),
        cmocka_unit_test(on_the_host_a_lease_that_was_too_small_grows_to_all_there_is),
        cmocka_unit_test(on_the_host_a_forced_lease_grows_too),
        cmocka_unit_test(a_worker_that_is_alive_and_does_not_get_on_is_ended),
        cmocka_unit_test(units_that_never_come_end_a_worker_after_many_times_its_warm_up),
        cmocka_unit_test(a_warm_up_that_turns_has_longer_but_not_for_ever),
        cmocka_unit_test(
            all_transcripts_come_before_the_narratives_where_there_is_room_for_one_model),
        cmocka_unit_test(the_time_to_load_a_model_is_measured_and_kept),
        cmocka_unit_test(on_the_host_no_more_chunks_are_heard_at_once_than_there_are_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
