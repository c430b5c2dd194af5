/* What the engine promises about order and memory, one scene each. */
#include "scene.h"

static void a_movie_goes_through_its_stages_and_ends_once(void **state)
{
    struct scene w;
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
    struct scene w;
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
    struct scene w;
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
    struct scene w;
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
    struct scene w;
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

static void the_oldest_movie_runs_even_where_nothing_fits(void **state)
{
    struct scene w;
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
    struct scene w;
    open_world(&w, 2, BIT(PROBE) | BIT(SHOTS), 16);
    feed(&w, 16, 14.2);
    add(&w, 2);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    step(&w, EVENT(DONE, .worker = 1, .stage = MD_STAGE_PROBE)); /* tells nothing: 4 GB assumed */
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_SHOTS));
    expect(&w, MD_COMMAND_STAGE_WAITING);
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    int64_t deadline_us = md_engine_deadline_us(w.engine);
    assert_in_range(deadline_us, w.now_us + 1, w.now_us + 10 * SECOND_US);
    for (int i = 0; i < 3; i++) { /* told once, however often it looks */
        step(&w, EVENT(SAMPLED));
        assert_null(find(&w, MD_COMMAND_STAGE_WAITING, 0));
        assert_int_equal(md_engine_waits_for(w.engine, 0), MD_WAIT_MEMORY);
    }
    step(&w, EVENT(PAUSE));
    assert_int_equal(md_engine_waits_for(w.engine, 0), MD_WAIT_RESUME);
    step(&w, EVENT(RESUME));
    assert_int_equal(md_engine_waits_for(w.engine, 0), MD_WAIT_MEMORY);
    deadline_us = md_engine_deadline_us(w.engine);
    w.now_us = deadline_us;
    step(&w, EVENT(TICK));
    expect(&w, MD_COMMAND_RUN);
    assert_int_equal(md_engine_waits_for(w.engine, 0), MD_WAIT_NOTHING);
    close_world(&w);
}

static void a_waiting_stage_runs_when_memory_comes_back(void **state)
{
    struct scene w;
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

static void a_younger_movie_does_not_overtake_one_that_waits(void **state)
{
    struct scene w;
    open_world(&w, 3, BIT(PROBE) | BIT(SHOTS), 16);
    add(&w, 3);
    for (uint32_t worker = 1; worker <= 3; worker++)
        begin(&w, worker);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    expect(&w, MD_COMMAND_RUN);
    struct md_movie_facts uhd = facts; /* its shots need some 385 MB, a probe 290 */
    uhd.width *= 2;
    uhd.height *= 2;
    uhd.bit_depth = 10;
    feed(&w, 16, 14.88); /* 330 MB of the budget are left beside the running probe */
    step(&w, EVENT(DONE, .worker = 2, .stage = MD_STAGE_PROBE, .facts = &uhd));
    step(&w, EVENT(NEEDED, .worker = 2, .stage = MD_STAGE_SHOTS));
    expect(&w, MD_COMMAND_STAGE_WAITING);
    step(&w, EVENT(NEEDED, .worker = 3, .stage = MD_STAGE_PROBE));
    assert_null(find(&w, MD_COMMAND_RUN, 0));
    say_done(&w, 1, MD_STAGE_PROBE, false);
    assert_int_equal(expect(&w, MD_COMMAND_RUN)->worker, 2);
    close_world(&w);
}

static void pressure_asks_for_a_cleanup_once(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 10);
    feed(&w, 10, 7.2);
    step(&w, EVENT(SAMPLED));
    assert_int_equal(expect(&w, MD_COMMAND_RUN_TIER)->tier, GOV_TIER_STANDARD);
    step(&w, EVENT(SAMPLED));
    assert_null(find(&w, MD_COMMAND_RUN_TIER, 0));
    close_world(&w);
}

static void what_is_not_known_is_assumed_to_be_large(void **state)
{
    struct md_movie_facts broken = {.known = true, .width = 1 << 20, .height = 4};
    assert_int_equal(md_estimate_stage(MD_STAGE_SHOTS, &(struct md_movie_facts){0}, 2, 0), 0);
    assert_int_equal(md_estimate_stage(MD_STAGE_SHOTS, &broken, 2, 0), 0);
    assert_true(md_estimate_stage(MD_STAGE_PROBE, &(struct md_movie_facts){0}, 2, 0) > 0);
    /* More picture, depth or threads never asks for less. */
    struct md_movie_facts larger = facts;
    int64_t hd = md_estimate_stage(MD_STAGE_RENDER, &facts, 2, 0);
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &facts, 8, 0) > hd);
    larger.bit_depth = 10;
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &larger, 2, 0) > hd);
    larger = facts;
    larger.width *= 2;
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &larger, 2, 0) > hd);
    assert_true(md_estimate_stage(MD_STAGE_RENDER, &facts, 2, 480) < hd);
}

static void history_corrects_the_next_prediction(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 2);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    int64_t first_bytes = leased_bytes(&w);
    step(&w, EVENT(DONE, .worker = 1, .stage = MD_STAGE_PROBE, .facts = &facts,
                   .result = {.peak_rss_bytes = 2 * first_bytes}));
    finish_movie(&w, 1);
    begin(&w, 2);
    step(&w, EVENT(NEEDED, .worker = 2, .stage = MD_STAGE_PROBE));
    assert_true(leased_bytes(&w) >= 2 * first_bytes);
    close_world(&w);
}

static void parameters_out_of_range_are_refused(void **state)
{
    struct scene w;
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
        cmocka_unit_test(the_oldest_movie_runs_even_where_nothing_fits),
        cmocka_unit_test(the_oldest_movie_waits_for_a_neighbour_but_not_for_ever),
        cmocka_unit_test(a_waiting_stage_runs_when_memory_comes_back),
        cmocka_unit_test(a_younger_movie_does_not_overtake_one_that_waits),
        cmocka_unit_test(pressure_asks_for_a_cleanup_once),
        cmocka_unit_test(what_is_not_known_is_assumed_to_be_large),
        cmocka_unit_test(history_corrects_the_next_prediction),
        cmocka_unit_test(parameters_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
