/* What commands do to a queue, with and without somebody who runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/service.h"

/* Stands in for a run: the ids in it, in a row. */
struct fake {
    struct md_queue *queue;
    int64_t ids[20];
    size_t count;
    int64_t in_flight; /* one of them; 0 none */
    enum md_wait waits_for;
    int64_t left[20];
    size_t left_count;
    bool ending;
    int pauses, resumes, stops;
    struct md_live live;
    struct md_service service;
    struct md_str reply;
};

static int join(void *user, const struct md_queue_job *job)
{
    struct fake *fake = user;
    if (fake->ending)
        return MD_ERR_CANCELLED;
    for (size_t i = 0; i < fake->count; i++)
        if (fake->ids[i] == job->id)
            return MD_OK;
    fake->ids[fake->count++] = job->id;
    return MD_OK;
}

static bool leave(void *user, int64_t id)
{
    struct fake *fake = user;
    fake->left[fake->left_count++] = id;
    for (size_t i = 0; i < fake->count; i++)
        if (fake->ids[i] == id)
            return true;
    return false;
}

static bool tell_movie(void *user, int64_t id, struct md_live_movie *ret)
{
    struct fake *fake = user;
    *ret = (struct md_live_movie){.waits_for = fake->waits_for,
                                  .stage = MD_STAGE_SHOTS,
                                  .attempt = 2,
                                  .done_us = 1,
                                  .total_us = 4,
                                  .eta_us = 90000000};
    return fake->in_flight && id == fake->in_flight;
}

static void tell_state(void *user, struct md_live_state *ret)
{
    (void)user;
    *ret = (struct md_live_state){
        .memory = {100, 60, -1, 5, 7, "low"}, .paused_by_memory = true, .eta_us = -1};
}

static void on_pause(void *user)
{
    ((struct fake *)user)->pauses++;
}
static void on_resume(void *user)
{
    ((struct fake *)user)->resumes++;
}
static void on_stop(void *user)
{
    ((struct fake *)user)->stops++;
}

static json_t *tell_memory(void *user)
{
    (void)user;
    return json_pack("{s:i}", "ooms", 3);
}

static int set_up(void **state)
{
    struct fake *fake = calloc(1, sizeof *fake);
    if (!fake || md_queue_open(NULL, &fake->queue, NULL) < 0)
        return -1;
    fake->live = (struct md_live){.user = fake,
                                  .join = join,
                                  .leave = leave,
                                  .movie = tell_movie,
                                  .state = tell_state,
                                  .pause = on_pause,
                                  .resume = on_resume,
                                  .stop = on_stop,
                                  .memory = tell_memory};
    fake->service = (struct md_service){.queue = fake->queue, .path = "/q"};
    *state = fake;
    return 0;
}

static int tear_down(void **state)
{
    struct fake *fake = *state;
    md_queue_close(fake->queue);
    md_str_done(&fake->reply);
    free(fake);
    return 0;
}

/* The reply; caller decrefs. */
static json_t *ask(struct fake *fake, const char *line)
{
    struct md_request request;
    struct md_failure failure = {0};
    if (md_request_parse(line, strlen(line), &request, &failure) < 0)
        fail_msg("%s", failure.message);
    md_str_clear(&fake->reply);
    md_service_answer(&fake->service, &request, &fake->reply);
    md_request_done(&request);
    json_t *reply = json_loads(md_str_text(&fake->reply), 0, NULL);
    assert_non_null(reply);
    return reply;
}

/* Asks, and checks that the reply's text has a part (NULL: no matter). */
static void expect(struct fake *fake, const char *line, const char *part)
{
    json_decref(ask(fake, line));
    if (part && !strstr(md_str_text(&fake->reply), part))
        fail_msg("\"%s\" is not in %s", part, md_str_text(&fake->reply));
}

static void add(struct fake *fake, const char *name)
{
    md_autostr line = {0};
    md_str_printf(&line,
                  "{\"command\":\"add\",\"movies\":[{\"uri\":\"file:///%s\",\"out\":"
                  "\"file:///out/%s\",\"options\":\"length=5min\\n\",\"named\":true}]}",
                  name, name);
    expect(fake, md_str_text(&line), "\"ok\":true");
}

static int state_of(struct fake *fake, int64_t id)
{
    struct md_queue_job job;
    if (md_queue_get(fake->queue, id, &job, NULL) < 0)
        return MD_JOB_STATES;
    int state = job.state;
    md_queue_job_done(&job);
    return state;
}

static void set_state(struct fake *fake, int64_t id, enum md_job_state state)
{
    const struct md_failure why = {.code = MD_ERR_CRASHED, .stage = "shots", .message = "it died"};
    assert_int_equal(md_queue_set_state(fake->queue, id, state, &why, NULL), MD_OK);
}

static void movies_are_added_listed_and_removed(void **state)
{
    struct fake *fake = *state;
    add(fake, "%ff");
    add(fake, "b");
    expect(fake, "{\"command\":\"list\"}", "\"uri\":\"file:///%FF\"");
    expect(fake, "{\"command\":\"list\"}", "\"options\":{\"length\":\"300s\"}");
    expect(fake, "{\"command\":\"remove\",\"ids\":[1],\"uris\":[\"file:///b\"]}", "\"ok\":true");
    expect(fake, "{\"command\":\"list\"}", "\"movies\":[]");
    expect(fake, "{\"command\":\"remove\",\"ids\":[1]}",
           "\"error\":\"there is no movie 1 in the queue\"");
    expect(fake, "{\"command\":\"remove\",\"uris\":[\"file:///b\"]}", "/b is not in the queue");
}

static void options_that_cannot_be_are_refused(void **state)
{
    struct fake *fake = *state;
    expect(fake,
           "{\"command\":\"add\",\"movies\":[{\"uri\":\"file:///a\",\"out\":\"file:///b\","
           "\"options\":\"length=never\\n\",\"named\":true}]}",
           "\"ok\":false");
    expect(fake, "{\"command\":\"list\"}", "\"movies\":[]");
}

static void one_that_cannot_be_dealt_with_keeps_no_other_from_it(void **state)
{
    struct fake *fake = *state;
    add(fake, "a");
    expect(fake, "{\"command\":\"remove\",\"ids\":[9,1]}", "there is no movie 9");
    assert_int_equal(state_of(fake, 1), MD_JOB_STATES);
}

static void ended_movies_are_retried(void **state)
{
    struct fake *fake = *state;
    add(fake, "a");
    add(fake, "b");
    add(fake, "c");
    set_state(fake, 1, MD_JOB_FAILED);
    set_state(fake, 2, MD_JOB_DONE);
    expect(fake, "{\"command\":\"list\"}", "\"message\":\"it died\"");
    expect(fake, "{\"command\":\"retry\",\"failed\":true}", "\"id\":1");
    assert_int_equal(state_of(fake, 1), MD_JOB_QUEUED);
    assert_int_equal(state_of(fake, 2), MD_JOB_DONE);
    expect(fake, "{\"command\":\"retry\",\"ids\":[2]}", "\"ok\":true");
    assert_int_equal(state_of(fake, 2), MD_JOB_QUEUED);
    expect(fake, "{\"command\":\"retry\",\"ids\":[3]}",
           "movie 3 is queued: there is nothing to retry");
}

static void clearing_takes_what_is_named_and_done_when_nothing_is(void **state)
{
    struct fake *fake = *state;
    for (int i = 0; i < 4; i++)
        add(fake, i == 0 ? "a" : i == 1 ? "b" : i == 2 ? "c" : "d");
    set_state(fake, 1, MD_JOB_DONE);
    set_state(fake, 2, MD_JOB_FAILED);
    set_state(fake, 3, MD_JOB_RUNNING);
    expect(fake, "{\"command\":\"clear\"}", "\"ok\":true");
    assert_int_equal(state_of(fake, 1), MD_JOB_STATES);
    assert_int_equal(state_of(fake, 2), MD_JOB_FAILED);
    expect(fake, "{\"command\":\"clear\",\"failed\":true}", "\"ok\":true");
    assert_int_equal(state_of(fake, 2), MD_JOB_STATES);
    assert_int_equal(state_of(fake, 4), MD_JOB_QUEUED);
    expect(fake, "{\"command\":\"clear\",\"all\":true}", "\"ok\":true");
    expect(fake, "{\"command\":\"list\"}", "\"movies\":[]");
}

static void what_is_queued_joins_the_run_that_goes_on(void **state)
{
    struct fake *fake = *state;
    fake->service.live = &fake->live;
    add(fake, "a");
    add(fake, "b");
    assert_int_equal(fake->count, 2);
    set_state(fake, 1, MD_JOB_RUNNING);
    add(fake, "a"); /* it is being done */
    assert_int_equal(fake->count, 2);
    set_state(fake, 2, MD_JOB_FAILED);
    fake->count = 1;
    expect(fake, "{\"command\":\"retry\",\"failed\":true}", "\"ok\":true");
    assert_int_equal(fake->count, 2);
    fake->ending = true;
    add(fake, "c");
    assert_non_null(strstr(md_str_text(&fake->reply), "\"note\":\"the running moviedigest is"));
    expect(fake, "{\"command\":\"list\"}", "\"path\":\"/c\",\"state\":\"queued\"");
}

static void a_movie_in_flight_is_given_up_and_goes_when_it_has_ended(void **state)
{
    struct fake *fake = *state;
    fake->service.live = &fake->live;
    add(fake, "a");
    add(fake, "b");
    set_state(fake, 1, MD_JOB_RUNNING);
    fake->in_flight = 1;
    expect(fake, "{\"command\":\"remove\",\"ids\":[1,2]}", "\"ok\":true");
    assert_int_equal(fake->left_count, 2);
    assert_int_equal(state_of(fake, 1), MD_JOB_CANCELLED); /* the run removes it */
    assert_int_equal(state_of(fake, 2), MD_JOB_STATES);
}

static void status_tells_what_goes_on(void **state)
{
    struct fake *fake = *state;
    add(fake, "a");
    add(fake, "b");
    json_t *reply = ask(fake, "{\"command\":\"status\"}");
    assert_true(json_is_false(json_object_get(reply, "running")));
    assert_null(json_object_get(reply, "memory"));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(reply, "counts"), "queued")), 2);
    json_decref(reply);

    fake->service.live = &fake->live;
    set_state(fake, 1, MD_JOB_RUNNING);
    fake->in_flight = 1;
    expect(fake, "{\"command\":\"status\"}", "\"waiting_for\":null");
    fake->waits_for = MD_WAIT_RESUME;
    expect(fake, "{\"command\":\"status\"}", "\"waiting_for\":\"resume\"");
    fake->waits_for = MD_WAIT_MEMORY;
    reply = ask(fake, "{\"command\":\"status\"}");
    const json_t *paused = json_object_get(reply, "paused");
    const json_t *memory = json_object_get(reply, "memory");
    const json_t *movie = json_array_get(json_object_get(reply, "movies"), 0);
    assert_true(json_is_true(json_object_get(reply, "running")));
    assert_true(json_is_true(json_object_get(paused, "by_memory")));
    assert_true(json_is_false(json_object_get(paused, "by_user")));
    assert_int_equal(json_integer_value(json_object_get(memory, "leased_bytes")), 7);
    assert_true(json_is_null(json_object_get(memory, "free_bytes"))); /* not known is not 0 */
    assert_true(json_is_null(json_object_get(reply, "eta_s")));
    assert_string_equal(json_string_value(json_object_get(movie, "stage")), "shots");
    assert_string_equal(json_string_value(json_object_get(movie, "waiting_for")), "memory");
    assert_true(json_real_value(json_object_get(movie, "progress")) == 0.25);
    assert_true(json_real_value(json_object_get(movie, "eta_s")) == 90.0);
    json_decref(reply);
}

static void memory_is_what_the_run_says_of_it(void **state)
{
    struct fake *fake = *state;
    expect(fake, "{\"command\":\"memory\"}", "{\"ok\":true,\"running\":false}");
    fake->service.live = &fake->live;
    expect(fake, "{\"command\":\"memory\"}", "{\"memory\":{\"ooms\":3},\"ok\":true,\"pid\":");
}

static void a_run_is_needed_to_be_paused(void **state)
{
    struct fake *fake = *state;
    expect(fake, "{\"command\":\"pause\"}", "no moviedigest is running on the queue /q");
    fake->service.live = &fake->live;
    expect(fake, "{\"command\":\"pause\"}", "{\"ok\":true}");
    expect(fake, "{\"command\":\"resume\"}", "{\"ok\":true}");
    expect(fake, "{\"command\":\"stop\"}", "{\"ok\":true}");
    assert_int_equal(fake->pauses, 1);
    assert_int_equal(fake->resumes, 1);
    assert_int_equal(fake->stops, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(movies_are_added_listed_and_removed),
        TEST(options_that_cannot_be_are_refused),
        TEST(one_that_cannot_be_dealt_with_keeps_no_other_from_it),
        TEST(ended_movies_are_retried),
        TEST(clearing_takes_what_is_named_and_done_when_nothing_is),
        TEST(what_is_queued_joins_the_run_that_goes_on),
        TEST(a_movie_in_flight_is_given_up_and_goes_when_it_has_ended),
        TEST(status_tells_what_goes_on),
        TEST(memory_is_what_the_run_says_of_it),
        TEST(a_run_is_needed_to_be_paused),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
