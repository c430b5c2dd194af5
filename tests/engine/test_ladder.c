/* What the engine does after an out-of-memory, rung by rung, and about pauses, one scene each. */
#include "scene.h"

static const struct md_failure no_memory = {.code = MD_ERR_NOMEM, .message = "no memory"};

/* A gigabyte, whatever it is, and nothing of the device on the CPU. */
static int64_t one_gigabyte(void *user, const struct md_estimate_query *query)
{
    return query->settings == MD_SETTINGS_CPU ? -1 : GOV_GB;
}

/* A GPU: there a larger lease is no reason to try again. */
static void open_gpu(struct scene *w, int movies, int threads, unsigned stages)
{
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = movies;
    params.threads = threads;
    params.stages = stages;
    params.device_is_gpu = true;
    params.estimate = one_gigabyte;
    open_scene(w, &params, 16);
}

/* One movie whose shots stage runs in worker 1. */
static void open_running(struct scene *w, int threads)
{
    open_gpu(w, 2, threads, BIT(PROBE) | BIT(SHOTS));
    add(w, 1);
    begin(w, 1);
    run_stage(w, 1, MD_STAGE_PROBE);
    step(w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_SHOTS));
    expect(w, MD_COMMAND_RUN);
}

static bool said(const struct scene *w, const char *words)
{
    for (int i = 0; find(w, MD_COMMAND_LOG, i); i++)
        if (strstr(find(w, MD_COMMAND_LOG, i)->text, words))
            return true;
    return false;
}

/* Runs out of memory and looks at the next sample. */
static void run_out(struct scene *w, uint32_t worker)
{
    step(w, EVENT(FAILED, .worker = worker, .failure = &no_memory));
    const struct md_command *post_mortem = expect(w, MD_COMMAND_POST_MORTEM);
    assert_int_equal(post_mortem->movie, 0);
    assert_true(post_mortem == &w->commands[0]); /* before anything else */
    assert_in_range(post_mortem->predicted_bytes, 0, post_mortem->lease_bytes);
    assert_null(find(w, MD_COMMAND_STAGE_FAILED, 0));
    step(w, EVENT(SAMPLED));
}

static void the_whole_ladder_is_climbed_and_then_the_movie_fails(void **state)
{
    struct scene w;
    open_running(&w, 4);
    run_out(&w, 1);
    assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_int_equal(expect(&w, MD_COMMAND_RUN_TIER)->tier, GOV_TIER_STANDARD);
    assert_true(said(&w, "Out of memory: shots of movie 0, batch 4 - standard cleanup"));
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    step(&w, EVENT(TIER_DONE, .freed_bytes = 1));
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->attempt, 2); /* in the same worker */
    run_out(&w, 1);
    assert_int_equal(expect(&w, MD_COMMAND_RUN_TIER)->tier, GOV_TIER_AGGRESSIVE);
    step(&w, EVENT(TIER_DONE));
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->attempt, 3);
    run_out(&w, 1);
    expect(&w, MD_COMMAND_QUIT); /* nobody younger holds memory: a new worker, less at once */
    assert_true(said(&w, "again in a new worker with batch 1"));
    step(&w, EVENT(GONE, .worker = 1));
    begin(&w, 2);
    step(&w, EVENT(NEEDED, .worker = 2, .stage = MD_STAGE_SHOTS));
    const struct md_command *run = expect(&w, MD_COMMAND_RUN);
    assert_int_equal(run->threads, 1);
    assert_int_equal(run->settings, MD_SETTINGS_NORMAL);
    run_out(&w, 2);
    assert_true(said(&w, "smaller settings"));
    step(&w, EVENT(GONE, .worker = 2));
    begin(&w, 3);
    step(&w, EVENT(NEEDED, .worker = 3, .stage = MD_STAGE_SHOTS));
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->settings, MD_SETTINGS_SMALL);
    run_out(&w, 3);
    assert_true(said(&w, "again on the CPU"));
    step(&w, EVENT(GONE, .worker = 3));
    begin(&w, 4);
    step(&w, EVENT(NEEDED, .worker = 4, .stage = MD_STAGE_SHOTS));
    run = expect(&w, MD_COMMAND_RUN);
    assert_int_equal(run->settings, MD_SETTINGS_CPU);
    assert_int_equal(run->lease_bytes, 0);
    run_out(&w, 4);
    assert_false(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_true(said(&w, "nothing is left to try"));
    step(&w, EVENT(GONE, .worker = 4));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_FAILED);
    assert_int_equal(w.failure.code, MD_ERR_NOMEM);
    assert_string_equal(w.failure.stage, "shots");
    close_world(&w);
}

/* What worker 1 uses, in gigabytes, of 16; and a look at it. */
static void feed_use(struct scene *w, double gb)
{
    int64_t bytes = (int64_t)(gb * GOV_GB);
    struct gov_sample sample = {
        .valid = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE,
        .at_us = w->now_us,
        .total_bytes = 16 * GOV_GB,
        .used_bytes = bytes,
        .free_bytes = 16 * GOV_GB - bytes,
    };
    struct gov_process process = {.pid = 1001, .valid = GOV_PROCESS_USED, .used_bytes = bytes};
    gov_governor_feed(w->governor, &sample, &process, 1);
}

static void what_a_worker_freed_before_its_end_is_not_waited_for_again(void **state)
{
    struct scene w;
    open_running(&w, 4);
    for (int i = 0; i < 2; i++) {
        run_out(&w, 1);
        step(&w, EVENT(TIER_DONE));
        expect(&w, MD_COMMAND_RUN);
    }
    feed_use(&w, 0.9);
    step(&w, EVENT(SAMPLED));
    step(&w, EVENT(FAILED, .worker = 1, .failure = &no_memory));
    feed_use(&w, 0.1);
    step(&w, EVENT(SAMPLED));
    expect(&w, MD_COMMAND_QUIT);
    step(&w, EVENT(GONE, .worker = 1));
    w.now_us += SECOND_US; /* whatever backing off there is */
    feed_use(&w, 0);
    step(&w, EVENT(SAMPLED));
    expect(&w, MD_COMMAND_START_WORKER);
    close_world(&w);
}

static void a_tier_that_nobody_answers_holds_nothing_up_for_long(void **state)
{
    struct scene w;
    open_running(&w, 4);
    run_out(&w, 1);
    expect(&w, MD_COMMAND_RUN_TIER);
    int64_t deadline_us = md_engine_deadline_us(w.engine);
    assert_in_range(deadline_us, w.now_us + 1, w.now_us + 60 * SECOND_US);
    w.now_us = deadline_us;
    step(&w, EVENT(TICK));
    expect(&w, MD_COMMAND_RUN);
    close_world(&w);
}

static void no_sample_after_an_out_of_memory_is_not_waited_for_long(void **state)
{
    struct scene w;
    open_running(&w, 4);
    step(&w, EVENT(FAILED, .worker = 1, .failure = &no_memory));
    w.now_us = md_engine_deadline_us(w.engine);
    assert_in_range(w.now_us, 0, 3 * SECOND_US);
    step(&w, EVENT(TICK));
    expect(&w, MD_COMMAND_STAGE_FAILED);
    close_world(&w);
}

static void memory_that_others_freed_meanwhile_is_tried_at_once(void **state)
{
    struct scene w;
    open_gpu(&w, 1, 1, BIT(PROBE));
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    expect(&w, MD_COMMAND_RUN);
    feed(&w, 16, 12);
    step(&w, EVENT(SAMPLED));
    if (find(&w, MD_COMMAND_RUN_TIER, 0))
        step(&w, EVENT(TIER_DONE));
    step(&w, EVENT(FAILED, .worker = 1, .failure = &no_memory));
    feed(&w, 16, 11);
    step(&w, EVENT(SAMPLED));
    assert_null(find(&w, MD_COMMAND_RUN_TIER, 0));
    assert_true(said(&w, "trying again"));
    expect(&w, MD_COMMAND_RUN);
    close_world(&w);
}

static void finished_units_start_the_ladder_at_the_bottom_and_are_told(void **state)
{
    struct scene w;
    open_running(&w, 4);
    for (int i = 1; i <= 3; i++) {
        step(&w,
             EVENT(UNITS, .worker = 1, .stage = MD_STAGE_SHOTS, .units_done = i, .units_total = 9));
        assert_int_equal(expect(&w, MD_COMMAND_UNITS)->units_done, i);
        run_out(&w, 1);
        assert_int_equal(expect(&w, MD_COMMAND_RUN_TIER)->tier, GOV_TIER_STANDARD);
        step(&w, EVENT(TIER_DONE));
        assert_int_equal(expect(&w, MD_COMMAND_RUN)->units_done, i);
    }
    close_world(&w);
}

static void younger_movies_are_held_back_the_oldest_never(void **state)
{
    struct scene w;
    open_gpu(&w, 3, 1, BIT(PROBE));
    add(&w, 3);
    for (uint32_t worker = 1; worker <= 2; worker++) {
        begin(&w, worker);
        step(&w, EVENT(NEEDED, .worker = worker, .stage = MD_STAGE_PROBE));
        expect(&w, MD_COMMAND_RUN);
    }
    for (int i = 0; i < 2; i++) { /* the two tiers, then */
        run_out(&w, 1);
        step(&w, EVENT(TIER_DONE));
        expect(&w, MD_COMMAND_RUN);
    }
    run_out(&w, 1);
    assert_true(said(&w, "again without younger movies beside it"));
    assert_null(find(&w, MD_COMMAND_RUN, 0)); /* the second still runs */
    begin(&w, 3);
    step(&w, EVENT(NEEDED, .worker = 3, .stage = MD_STAGE_PROBE));
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    say_done(&w, 2, MD_STAGE_PROBE, false);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, 1);
    say_done(&w, 1, MD_STAGE_PROBE, false);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, 3); /* it is through */
    close_world(&w);
}

static void memory_and_the_user_pause_each_on_their_own(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(PAUSE));
    assert_false(expect(&w, MD_COMMAND_PAUSED)->by_memory);
    step(&w, EVENT(PAUSE));
    assert_null(find(&w, MD_COMMAND_PAUSED, 0));
    feed(&w, 16, 15.5);
    step(&w, EVENT(SAMPLED));
    assert_true(expect(&w, MD_COMMAND_PAUSED)->by_memory);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    step(&w, EVENT(RESUME));
    assert_false(expect(&w, MD_COMMAND_RESUMED)->by_memory);
    assert_null(find(&w, MD_COMMAND_RUN, 0)); /* memory still pauses */
    w.now_us += 60 * SECOND_US; /* patience is for what is ours; neighbours are waited for */
    step(&w, EVENT(TICK));
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    feed(&w, 16, 1);
    step(&w, EVENT(SAMPLED));
    assert_true(expect(&w, MD_COMMAND_RESUMED)->by_memory);
    expect(&w, MD_COMMAND_RUN);
    close_world(&w);
}

static void a_lease_that_runs_short_grows_while_there_is_room(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    int64_t granted_bytes = expect(&w, MD_COMMAND_RUN)->lease_bytes;
    assert_int_equal(granted_bytes, leased_bytes(&w));
    struct gov_process process = {
        .pid = 1001, .valid = GOV_PROCESS_USED, .used_bytes = granted_bytes / 100 * 90};
    struct gov_sample sample;
    gov_governor_last_sample(w.governor, &sample);
    assert_int_equal(gov_governor_feed(w.governor, &sample, &process, 1), GOV_OK);
    step(&w, EVENT(SAMPLED));
    const struct md_command *limit = expect(&w, MD_COMMAND_LIMIT);
    assert_int_equal(limit->worker, 1);
    assert_int_equal(limit->lease_bytes, leased_bytes(&w));
    assert_true(limit->lease_bytes > granted_bytes / 100 * 124);
    step(&w, EVENT(SAMPLED)); /* now 72 % of it: enough */
    assert_null(find(&w, MD_COMMAND_LIMIT, 0));
    close_world(&w);
}

static void stop_lets_running_stages_finish_and_ends_the_rest(void **state)
{
    struct scene w;
    open_world(&w, 2, BIT(PROBE) | BIT(SHOTS), 16);
    add(&w, 4);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    step(&w, EVENT(STOP));
    assert_null(find(&w, MD_COMMAND_CANCEL, 0));
    assert_int_equal(expect(&w, MD_COMMAND_QUIT)->worker, 2);
    assert_non_null(find(&w, MD_COMMAND_MOVIE_ENDED, 1)); /* those that wait */
    step(&w, EVENT(GONE, .worker = 2));
    say_done(&w, 1, MD_STAGE_PROBE, false);
    expect(&w, MD_COMMAND_STAGE_FINISHED);
    expect(&w, MD_COMMAND_QUIT);
    step(&w, EVENT(GONE, .worker = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_CANCELLED);
    expect(&w, MD_COMMAND_END);
    close_world(&w);
}

static void a_dropped_movie_ends_alone_wherever_it_is(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 3);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    step(&w, EVENT(DROP, .movie = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->movie, 1);
    step(&w, EVENT(DROP, .movie = 1));
    assert_int_equal(w.count, 0);
    step(&w, EVENT(DROP, .movie = 0));
    expect(&w, MD_COMMAND_CANCEL);
    struct md_failure why = {.code = MD_ERR_CANCELLED, .message = "cancelled"};
    step(&w, EVENT(FAILED, .worker = 1, .failure = &why));
    step(&w, EVENT(GONE, .worker = 1));
    assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end, MD_MOVIE_CANCELLED);
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_CANCELLED), 2);
    begin(&w, 2);
    run_stage(&w, 2, MD_STAGE_PROBE);
    finish_movie(&w, 2);
    assert_int_equal(md_engine_count(w.engine, MD_MOVIE_DONE), 1);
    close_world(&w);
}

static void every_second_movie_is_followed_by_a_cleanup_and_the_figures_are_said(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 2);
    for (uint32_t worker = 1; worker <= 2; worker++) {
        begin(&w, worker);
        run_stage(&w, worker, MD_STAGE_PROBE);
        finish_movie(&w, worker);
        assert_true(said(&w, "Batch size 1 performance: 100.0% success"));
        assert_true(said(&w, "Recommended batch size based on history: 1"));
        assert_int_equal(find(&w, MD_COMMAND_RUN_TIER, 0) != NULL, worker == 2);
    }
    close_world(&w);
}

/* The host: the speech model may have no more than its lease, and memory is there in plenty, but
 * not for us. Returns how many tiers were run until there is a new worker. */
static int tiers_under_a_lease(struct scene *w, uint32_t *asr)
{
    int tiers = 0;
    for (int i = 0; i < 60; i++) {
        const struct md_command *run = find(w, MD_COMMAND_RUN, 0);
        const struct md_command *quit = find(w, MD_COMMAND_QUIT, 0);
        w->now_us += SECOND_US;
        if (find(w, MD_COMMAND_RUN_TIER, 0)) {
            tiers++;
            step(w, EVENT(TIER_DONE));
        } else if (quit && quit->worker == *asr) {
            return tiers;
        } else if (run && run->worker == *asr) {
            step(w, EVENT(FAILED, .worker = *asr, .failure = &no_memory));
        } else {
            step(w, EVENT(SAMPLED));
        }
    }
    return -1;
}

static void open_host(struct scene *w, bool other_idles)
{
    struct md_engine_params params = md_engine_params_default;
    params.max_movies = 2;
    params.stages = ALL_STAGES;
    params.models[MD_EXECUTOR_ASR] =
        (struct md_engine_model){"ears", 3 * GOV_GB, GOV_GB / 2, SECOND_US};
    params.models[MD_EXECUTOR_LLM] = (struct md_engine_model){"wits", GOV_GB / 8, GOV_MB, 1};
    open_scene(w, &params, 10);
    step(w, EVENT(SAMPLED));
    add(w, other_idles ? 2 : 1);
    if (!other_idles)
        return;
    begin(w, 1); /* a story is told before, with subtitles */
    for (int stage = MD_STAGE_PROBE; stage < MD_STAGE_STORY; stage++)
        run_stage(w, 1, (enum md_stage)stage);
    step(w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_STORY, .executor = MD_EXECUTOR_LLM));
    uint32_t llm = expect(w, MD_COMMAND_START_WORKER)->worker;
    begin(w, llm);
    say_done(w, llm, MD_STAGE_STORY, false);
    step(w, EVENT(TIER_DONE)); /* one runs after each story */
}

static void a_cleanup_that_frees_nothing_under_the_lease_is_not_waited_for(void **state)
{
    for (int idle = 0; idle < 2; idle++) {
        struct scene w;
        open_host(&w, idle);
        uint32_t media = idle ? 2 : 1;
        begin(&w, media);
        for (int stage = MD_STAGE_PROBE; stage < MD_STAGE_TRANSCRIPT; stage++)
            run_stage(&w, media, (enum md_stage)stage);
        step(&w, EVENT(NEEDED, .worker = media, .stage = MD_STAGE_TRANSCRIPT,
                       .executor = MD_EXECUTOR_ASR, .units_total = 40));
        uint32_t asr = expect(&w, MD_COMMAND_START_WORKER)->worker;
        begin(&w, asr);
        /* Another model that idles could give its lease back: that is tried, and found vain. */
        assert_int_equal(tiers_under_a_lease(&w, &asr), idle ? 2 : 0);
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_ladder_is_climbed_and_then_the_movie_fails),
        cmocka_unit_test(what_a_worker_freed_before_its_end_is_not_waited_for_again),
        cmocka_unit_test(a_tier_that_nobody_answers_holds_nothing_up_for_long),
        cmocka_unit_test(no_sample_after_an_out_of_memory_is_not_waited_for_long),
        cmocka_unit_test(memory_that_others_freed_meanwhile_is_tried_at_once),
        cmocka_unit_test(finished_units_start_the_ladder_at_the_bottom_and_are_told),
        cmocka_unit_test(younger_movies_are_held_back_the_oldest_never),
        cmocka_unit_test(memory_and_the_user_pause_each_on_their_own),
        cmocka_unit_test(a_lease_that_runs_short_grows_while_there_is_room),
        cmocka_unit_test(stop_lets_running_stages_finish_and_ends_the_rest),
        cmocka_unit_test(a_dropped_movie_ends_alone_wherever_it_is),
        cmocka_unit_test(every_second_movie_is_followed_by_a_cleanup_and_the_figures_are_said),
        cmocka_unit_test(a_cleanup_that_frees_nothing_under_the_lease_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
