/* What the engine promises about lost workers, failures and cancelling, one scene each. */
#include "scene.h"

static void a_lost_worker_is_replaced_and_the_third_loss_fails_the_movie(void **state)
{
    struct scene w;
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
    struct scene w;
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
    struct scene w;
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
    struct scene w;
    open_world(&w, 2, BIT(PROBE) | BIT(SHOTS), 16);
    add(&w, 2);
    begin(&w, 1);
    run_stage(&w, 1, MD_STAGE_PROBE);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_SHOTS));
    int64_t first_bytes = leased_bytes(&w);
    feed(&w, 16, 15); /* the device is nearly full when it dies */
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
    assert_int_equal(expect(&w, MD_COMMAND_POST_MORTEM)->movie, 0);
    assert_int_equal(leased_bytes(&w), 0);
    feed(&w, 16, 0.1);
    step(&w, EVENT(SAMPLED));
    assert_true(expect(&w, MD_COMMAND_STAGE_FAILED)->will_retry);
    assert_int_equal(w.failure.code, MD_ERR_NOMEM);
    begin(&w, 3);
    step(&w, EVENT(NEEDED, .worker = 3, .stage = MD_STAGE_SHOTS));
    expect(&w, MD_COMMAND_RUN);
    assert_true(leased_bytes(&w) >= first_bytes / 2 * 3);
    close_world(&w);
}

static void a_kill_with_plenty_of_memory_is_a_crash(void **state)
{
    struct scene w;
    open_world(&w, 1, BIT(PROBE), 16);
    add(&w, 1);
    begin(&w, 1);
    step(&w, EVENT(NEEDED, .worker = 1, .stage = MD_STAGE_PROBE));
    step(&w, EVENT(GONE, .worker = 1, .signal = SIGKILL));
    assert_int_equal(w.failure.code, MD_ERR_CRASHED);
    close_world(&w);
}

static void a_worker_that_hangs_is_killed_and_replaced(void **state)
{
    struct scene w;
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
    struct scene w;
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
        struct scene w;
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
    struct scene w;
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

static void cancel_lets_a_movie_finish_that_is_nearly_done_but_not_for_long(void **state)
{
    for (int hangs = 0; hangs < 2; hangs++) {
        struct scene w;
        open_world(&w, 1, BIT(PROBE), 16);
        add(&w, 1);
        begin(&w, 1);
        run_stage(&w, 1, MD_STAGE_PROBE);
        expect(&w, MD_COMMAND_FINISH_MOVIE);
        step(&w, EVENT(CANCEL));
        assert_null(find(&w, MD_COMMAND_QUIT, 0));
        if (hangs) {
            assert_true(md_engine_deadline_us(w.engine) < w.now_us + 2 * SECOND_US);
            w.now_us = md_engine_deadline_us(w.engine);
            step(&w, EVENT(TICK));
            expect(&w, MD_COMMAND_KILL);
        } else {
            step(&w, EVENT(FINISHED, .worker = 1));
            expect(&w, MD_COMMAND_QUIT);
        }
        step(&w, EVENT(GONE, .worker = 1, .signal = hangs ? SIGKILL : 0));
        assert_int_equal(expect(&w, MD_COMMAND_MOVIE_ENDED)->end,
                         hangs ? MD_MOVIE_CANCELLED : MD_MOVIE_DONE);
        close_world(&w);
    }
}

static void a_second_cancel_kills_at_once(void **state)
{
    struct scene w;
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
    struct scene w;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_worker_is_replaced_and_the_third_loss_fails_the_movie),
        cmocka_unit_test(a_stage_that_fails_fails_its_movie_and_only_that),
        cmocka_unit_test(a_movie_that_another_program_works_on_fails_at_once),
        cmocka_unit_test(out_of_memory_is_told_from_a_crash_and_asks_for_more),
        cmocka_unit_test(a_kill_with_plenty_of_memory_is_a_crash),
        cmocka_unit_test(a_worker_that_hangs_is_killed_and_replaced),
        cmocka_unit_test(a_worker_that_never_starts_is_killed),
        cmocka_unit_test(a_worker_that_talks_nonsense_is_killed),
        cmocka_unit_test(cancel_asks_then_kills_and_ends_everything),
        cmocka_unit_test(cancel_lets_a_movie_finish_that_is_nearly_done_but_not_for_long),
        cmocka_unit_test(a_second_cancel_kills_at_once),
        cmocka_unit_test(a_stage_finished_while_cancelling_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
