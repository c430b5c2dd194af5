/* What is asked of a run while it goes on: more movies, fewer, a pause, an end. */
#include "harness.h"

#include <gov/history.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static void on_paused(void *user, bool by_memory);
static void on_resumed(void *user, bool by_memory);

/* At a line of what is told, something is done from the loop. */
struct script {
    struct batch *batch;
    void (*act)(struct script *script, struct md_super *super);
    int pipe[2];
    struct md_options own;
    struct md_super_observer told; /* the harness's own */
    size_t added;
    int acts, paused, resumed;
    int started_before;
    void (*at_shots_finished)(struct script *script);
};

static void on_ready(void *user, struct md_super *super)
{
    struct script *script = user;
    char byte;
    assert_int_equal(read(script->pipe[0], &byte, 1), 1);
    script->acts++;
    script->act(script, super);
}

static void on_stage_started(void *user, size_t movie, enum md_stage stage, int attempt)
{
    struct script *script = user;
    script->told.stage_started(script->batch, movie, stage, attempt);
    if (movie == 0 && stage == MD_STAGE_SHOTS)
        assert_int_equal(write(script->pipe[1], "x", 1), 1);
}

static void on_stage_finished(void *user, size_t movie, enum md_stage stage,
                              const struct md_stage_result *result)
{
    struct script *script = user;
    script->told.stage_finished(script->batch, movie, stage, result);
    if (stage == MD_STAGE_SHOTS && script->at_shots_finished)
        script->at_shots_finished(script);
}

static void on_ended(void *user, size_t movie, enum md_movie_end end,
                     const struct md_failure *failure)
{
    struct script *script = user;
    script->told.movie_ended(script->batch, movie, end, failure);
}

/* Runs the batch; once the first movie's shots have begun the script acts. */
static void run_script(struct script *script, struct batch *b)
{
    struct md_super_params params;
    struct md_super_observer observer;
    struct md_failure failure = {0};
    script->batch = b;
    assert_int_equal(pipe(script->pipe), 0);
    const struct md_super_source source = {
        .fd = script->pipe[0], .ready = on_ready, .user = script};
    batch_params(b, &params, &observer);
    script->told = observer;
    observer = (struct md_super_observer){
        .user = script,
        .stage_started = on_stage_started,
        .stage_finished = on_stage_finished,
        .movie_ended = on_ended,
        .paused = on_paused,
        .resumed = on_resumed,
    };
    params.source = &source;
    params.stays_open = true;
    if (md_super_run(&params, &b->result, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    close(script->pipe[0]);
    close(script->pipe[1]);
}

static void add_another(struct script *script, struct md_super *super)
{
    struct batch *b = script->batch;
    struct md_job job = b->jobs[1];
    job.options = &script->own;
    assert_int_equal(md_super_add(super, &job, &script->added), MD_OK);
}

static void a_movie_added_while_others_run_is_done_as_it_wants(void **state)
{
    struct batch *b = *state;
    struct script script = {.act = add_another};
    assert_int_equal(md_options_init(&script.own), MD_OK);
    assert_int_equal(md_options_set(&script.own, md_option_find("length"), "7s", NULL), MD_OK);
    batch_add(b, "one", "");
    batch_add(b, "two", "");
    b->count = 1; /* the second one comes later */
    run_script(&script, b);
    b->count = 2;
    assert_int_equal(script.acts, 1);
    assert_int_equal(script.added, 1);
    assert_int_equal(b->result.done_count, 2);
    assert_int_equal(b->runs[MD_STAGE_SHOTS], 2);
    md_autofree char *one = batch_read(b, "out/one/work/cut.json");
    md_autofree char *two = batch_read(b, "out/two/work/cut.json");
    assert_string_not_equal(one, two); /* of another length */
    md_options_done(&script.own);
}

static void drop_both(struct script *script, struct md_super *super)
{
    md_super_drop(super, 1); /* waits */
    md_super_drop(super, 0); /* runs */
}

static void movies_dropped_end_as_cancelled_and_the_others_go_on(void **state)
{
    struct batch *b = *state;
    struct script script = {.act = drop_both};
    batch_add(b, "one", "shots slow 60000");
    batch_add(b, "two", "");
    batch_add(b, "three", "");
    run_script(&script, b);
    assert_true(batch_was_told(b, "0 ended cancelled"));
    assert_true(batch_was_told(b, "1 ended cancelled"));
    assert_true(batch_was_told(b, "2 ended done"));
    assert_false(b->result.cancelled);
}

static void stop_the_run(struct script *script, struct md_super *super)
{
    md_super_stop(super);
    assert_int_equal(md_super_add(super, &script->batch->jobs[1], &script->added),
                     MD_ERR_CANCELLED);
}

static void a_stop_lets_the_running_stage_finish_and_the_next_run_goes_on(void **state)
{
    struct batch *b = *state;
    struct script script = {.act = stop_the_run};
    batch_add(b, "one", "shots slow 100");
    batch_add(b, "two", "");
    run_script(&script, b);
    assert_true(b->result.stopped);
    assert_int_equal(b->result.cancelled_count, 2);
    assert_true(batch_was_told(b, "0 shots done"));
    assert_true(batch_was_told(b, "1 ended cancelled"));
    assert_int_equal(b->runs[MD_STAGE_AUDIO], 0);
    batch_run(b);
    assert_int_equal(b->result.done_count, 2);
    assert_int_equal(b->runs[MD_STAGE_SHOTS], 1); /* the second movie's */
}

/* While it is paused no stage begins; a second act resumes. */
static void pause_and_resume(struct script *script, struct md_super *super)
{
    if (script->acts == 1)
        md_super_pause(super);
    else
        md_super_resume(super);
}

static void on_paused(void *user, bool by_memory)
{
    struct script *script = user;
    assert_false(by_memory);
    script->paused++;
    script->started_before = batch_total_runs(script->batch);
}

static void on_resumed(void *user, bool by_memory)
{
    struct script *script = user;
    assert_false(by_memory);
    script->resumed++;
    assert_int_equal(batch_total_runs(script->batch), script->started_before);
}

/* The stage that ran when it was paused has finished: nothing is left to do but go on. */
static void go_on_after_the_stage(struct script *script)
{
    assert_int_equal(write(script->pipe[1], "x", 1), 1);
}

static void a_paused_run_starts_nothing_until_it_is_resumed(void **state)
{
    struct batch *b = *state;
    struct script script = {.act = pause_and_resume, .at_shots_finished = go_on_after_the_stage};
    batch_add(b, "one", "shots slow 100");
    run_script(&script, b);
    assert_int_equal(script.paused, 1);
    assert_int_equal(script.resumed, 1);
    assert_int_equal(b->result.done_count, 1);
}

static json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void look_at_memory(struct script *script, struct md_super *super)
{
    json_t *told = md_super_report_memory(super);
    const json_t *device = json_object_get(told, "device");
    const json_t *budget = json_object_get(told, "budget");
    const json_t *lease = json_array_get(json_object_get(told, "leases"), 0);
    const json_t *worker = json_array_get(json_object_get(told, "workers"), 0);
    assert_string_equal(json_string_value(json_object_get(device, "backend")), "host");
    assert_true(number(device, "used_bytes") > 0);
    assert_string_equal(json_string_value(json_object_get(lease, "owner")), "one");
    assert_string_equal(json_string_value(json_object_get(lease, "stage")), "shots");
    assert_true(number(lease, "granted_bytes") >= number(lease, "predicted_bytes"));
    assert_int_equal(number(budget, "leased_bytes"), number(lease, "granted_bytes"));
    assert_int_equal(json_array_size(json_object_get(told, "leases")), 1);
    assert_int_equal(json_array_size(json_object_get(told, "workers")), 1);
    assert_true(number(worker, "pid") > 0);
    assert_int_equal(number(worker, "pid"), number(lease, "pid"));
    assert_true(number(worker, "used_bytes") > 0);
    assert_true(json_is_true(json_object_get(worker, "busy")));
    assert_true(json_is_false(json_object_get(told, "paused")));
    assert_int_equal(number(told, "ooms"), 0);
    assert_int_equal(json_object_size(json_object_get(told, "tiers")), 3);
    json_decref(told);
}

static void what_it_holds_of_the_memory_is_told_while_it_runs(void **state)
{
    struct batch *b = *state;
    struct script script = {.act = look_at_memory};
    batch_set(b, "device", "host");
    batch_add(b, "one", "shots slow 200");
    run_script(&script, b);
    assert_int_equal(script.acts, 1);
    assert_int_equal(b->result.done_count, 1);
}

/* Rows of the governor's history between two runs. */
struct kept {
    char regimes[32][GOV_REGIME_MAX];
    char rows[32][512];
    size_t count, saves;
};

static int load_rows(void *context, gov_history_row_fn take, void *user)
{
    struct kept *kept = context;
    int r = 0;
    for (size_t i = 0; r == 0 && i < kept->count; i++)
        r = take(user, kept->regimes[i], kept->rows[i], strlen(kept->rows[i]));
    return r;
}

static int save_row(void *context, const char *regime, const char *row, size_t size)
{
    struct kept *kept = context;
    size_t i = 0;
    kept->saves++;
    while (i < kept->count && strcmp(kept->regimes[i], regime) != 0)
        i++;
    assert_true(i < 32 && size < sizeof kept->rows[i]);
    kept->count += i == kept->count;
    snprintf(kept->regimes[i], sizeof kept->regimes[i], "%s", regime);
    snprintf(kept->rows[i], sizeof kept->rows[i], "%.*s", (int)size, row);
    return 0;
}

static void what_was_learned_is_known_to_the_next_run(void **state)
{
    struct batch *b = *state;
    struct kept kept = {.count = 0};
    const struct gov_history_store store = {&kept, load_rows, save_row};
    batch_add(b, "one", "");
    for (int run = 0; run < 2; run++) {
        struct md_super_params params;
        struct md_super_observer observer;
        char words[80];
        snprintf(words, sizeof words, "%zu kinds of work are known", kept.count);
        batch_params(b, &params, &observer);
        params.history_store = &store;
        assert_int_equal(md_super_run(&params, &b->result, NULL), MD_OK);
        assert_true(kept.count > 3);
        assert_non_null(strstr(md_str_text(&b->logged), words));
    }
    assert_true(kept.saves >= kept.count);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, batch_open, batch_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_movie_added_while_others_run_is_done_as_it_wants),
        TEST(movies_dropped_end_as_cancelled_and_the_others_go_on),
        TEST(a_stop_lets_the_running_stage_finish_and_the_next_run_goes_on),
        TEST(what_was_learned_is_known_to_the_next_run),
        TEST(what_it_holds_of_the_memory_is_told_while_it_runs),
        TEST(a_paused_run_starts_nothing_until_it_is_resumed),
    };
    return cmocka_run_group_tests_name("super_hooks", tests, NULL, NULL);
}
