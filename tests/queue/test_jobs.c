/* Movies go in, change their states, come out again; whatever bytes their names hold. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { ALL = (1u << MD_JOB_STATES) - 1 };

static void jobs_keep_their_order(void **state)
{
    struct md_queue *queue = open_queue(*state);
    struct md_queue_job jobs[3] = {{0}};
    const char *const names[] = {"/z.mkv", "/a.mkv", "/m.mkv"};
    for (size_t i = 0; i < 3; i++)
        jobs[i] = (struct md_queue_job){.path = (char *)names[i],
                                        .out_dir = (char *)names[i],
                                        .work_dir = (char *)"/w",
                                        .options = (char *)"length=5min\n",
                                        .named = i == 1,
                                        .added_us = 7 + (int64_t)i};
    assert_int_equal(md_queue_add(queue, jobs, 3, NULL), MD_OK);
    md_queue_close(queue);

    queue = open_queue(*state);
    struct md_queue_jobs found = {0};
    assert_int_equal(md_queue_list(queue, 1u << MD_JOB_QUEUED, &found, NULL), MD_OK);
    assert_int_equal(found.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(found.v[i].path, names[i]);
        assert_string_equal(found.v[i].options, "length=5min\n");
        assert_int_equal(found.v[i].id, jobs[i].id);
        assert_int_equal(found.v[i].named, i == 1);
        assert_int_equal(found.v[i].added_us, 7 + (int64_t)i);
        assert_int_equal(found.v[i].stage, -1);
        assert_int_equal(found.v[i].failure.code, 0);
    }
    md_queue_jobs_done(&found);
    md_queue_close(queue);
}

static void a_movie_added_again_is_the_same_job_at_the_end(void **state)
{
    struct md_queue *queue = open_queue(*state);
    int64_t one = add(queue, "/one"), two = add(queue, "/two");
    struct md_failure why = {.code = MD_ERR_CRASHED, .stage = "shots", .message = "it died"};
    assert_int_equal(md_queue_set_state(queue, one, MD_JOB_FAILED, &why, NULL), MD_OK);
    struct md_queue_job job;
    assert_int_equal(md_queue_get(queue, one, &job, NULL), MD_OK);
    assert_int_equal(job.state, MD_JOB_FAILED);
    assert_int_equal(job.failure.code, MD_ERR_CRASHED);
    assert_string_equal(job.failure.stage, "shots");
    assert_string_equal(job.failure.message, "it died");
    md_queue_job_done(&job);

    assert_int_equal(add(queue, "/one"), one);
    struct md_queue_jobs found = {0};
    assert_int_equal(md_queue_list(queue, ALL, &found, NULL), MD_OK);
    assert_int_equal(found.n, 2);
    assert_int_equal(found.v[0].id, two);
    assert_int_equal(found.v[1].state, MD_JOB_QUEUED);
    assert_int_equal(found.v[1].failure.code, 0);
    md_queue_jobs_done(&found);
    md_queue_close(queue);
}

static void a_running_movie_stays_running_when_it_is_added_again(void **state)
{
    struct md_queue *queue = open_queue(*state);
    int64_t id = add(queue, "/one");
    assert_int_equal(md_queue_set_state(queue, id, MD_JOB_RUNNING, NULL, NULL), MD_OK);
    assert_int_equal(add(queue, "/one"), id);
    assert_int_equal(count(queue, 1u << MD_JOB_RUNNING), 1);
    assert_int_equal(count(queue, 1u << MD_JOB_QUEUED), 0);
    md_queue_close(queue);
}

static void what_a_dead_instance_left_running_is_queued_again(void **state)
{
    struct md_queue *queue = open_queue(*state);
    int64_t ids[5];
    for (int i = 0; i < 5; i++) {
        char path[16];
        snprintf(path, sizeof path, "/%d", i);
        ids[i] = add(queue, path);
        assert_int_equal(md_queue_set_state(queue, ids[i], (enum md_job_state)i, NULL, NULL),
                         MD_OK);
    }
    assert_int_equal(md_queue_take_over(queue, NULL), MD_OK);
    assert_int_equal(count(queue, 1u << MD_JOB_QUEUED), 2);
    assert_int_equal(count(queue, 1u << MD_JOB_RUNNING), 0);
    assert_int_equal(count(queue, 1u << MD_JOB_DONE), 1);
    assert_int_equal(count(queue, 1u << MD_JOB_FAILED), 1);
    assert_int_equal(count(queue, 1u << MD_JOB_CANCELLED), 0); /* was to be removed */
    md_queue_close(queue);
}

static void ended_movies_are_retried_others_are_not(void **state)
{
    struct md_queue *queue = open_queue(*state);
    int64_t id = add(queue, "/one");
    assert_int_equal(md_queue_retry(queue, id, NULL), MD_ERR_NOTFOUND);
    md_queue_set_state(queue, id, MD_JOB_RUNNING, NULL, NULL);
    assert_int_equal(md_queue_retry(queue, id, NULL), MD_ERR_NOTFOUND);
    md_queue_set_state(queue, id, MD_JOB_FAILED, NULL, NULL);
    assert_int_equal(md_queue_retry(queue, id, NULL), MD_OK);
    assert_int_equal(count(queue, 1u << MD_JOB_QUEUED), 1);
    md_queue_close(queue);
}

static void numbers_are_not_given_twice(void **state)
{
    struct md_queue *queue = open_queue(*state);
    int64_t first = add(queue, "/one");
    struct md_failure failure = {0};
    assert_int_equal(md_queue_remove(queue, first, NULL), MD_OK);
    assert_int_equal(md_queue_remove(queue, first, &failure), MD_ERR_NOTFOUND);
    assert_non_null(strstr(failure.message, "there is no movie 1 in the queue"));
    assert_true(add(queue, "/one") > first);
    assert_int_equal(md_queue_set_state(queue, first, MD_JOB_DONE, NULL, NULL), MD_ERR_NOTFOUND);
    struct md_queue_job job;
    assert_int_equal(md_queue_get(queue, 99, &job, NULL), MD_ERR_NOTFOUND);
    md_queue_close(queue);
}

static void any_bytes_make_a_path(void **state)
{
    struct md_queue *queue = open_queue(*state);
    char every[300] = "/", with_quote[] = "/it's; DROP TABLE jobs; --", *very_long;
    size_t n = 1;
    for (int c = 1; c < 256; c++)
        every[n++] = (char)c;
    very_long = malloc(100001);
    memset(very_long, 'x', 100000);
    very_long[100000] = '\0';
    const char *const paths[] = {every,     with_quote, "/\xff\xfe/\xc3",
                                 "/\n\r\t", "/%s%n",    very_long};
    for (size_t i = 0; i < MD_ARRAY_LEN(paths); i++) {
        int64_t id = add(queue, paths[i]);
        struct md_queue_job job;
        assert_int_equal(md_queue_get(queue, id, &job, NULL), MD_OK);
        assert_string_equal(job.path, paths[i]);
        md_queue_job_done(&job);
    }
    assert_int_equal(count(queue, ALL), MD_ARRAY_LEN(paths));
    free(very_long);
    md_queue_close(queue);
}

static void attempts_are_noted(void **state)
{
    struct md_queue *queue = open_queue(*state);
    struct md_queue_attempt first = {.job = add(queue, "/one"),
                                     .stage = MD_STAGE_SHOTS,
                                     .attempt = 1,
                                     .batch = 4,
                                     .lease_bytes = 500},
                            second;
    assert_int_equal(md_queue_begin_attempt(queue, &first, NULL), MD_OK);
    second = first;
    first.peak_bytes = 900;
    first.result = MD_ERR_NOMEM;
    snprintf(first.message, sizeof first.message, "it's too much");
    assert_int_equal(md_queue_end_attempt(queue, &first, NULL), MD_OK);
    second.attempt = 2;
    assert_int_equal(md_queue_begin_attempt(queue, &second, NULL), MD_OK);

    struct md_queue_attempts found = {0};
    assert_int_equal(md_queue_list_attempts(queue, first.job, &found, NULL), MD_OK);
    assert_int_equal(found.n, 2);
    assert_int_equal(found.v[0].stage, MD_STAGE_SHOTS);
    assert_int_equal(found.v[0].batch, 4);
    assert_int_equal(found.v[0].lease_bytes, 500);
    assert_int_equal(found.v[0].peak_bytes, 900);
    assert_int_equal(found.v[0].result, MD_ERR_NOMEM);
    assert_true(found.v[0].ended);
    assert_string_equal(found.v[0].message, "it's too much");
    assert_int_equal(found.v[1].attempt, 2);
    assert_false(found.v[1].ended); /* as after a kill -9 */
    md_vec_done(&found);

    assert_int_equal(md_queue_remove(queue, first.job, NULL), MD_OK);
    found = (struct md_queue_attempts){0};
    assert_int_equal(md_queue_list_attempts(queue, first.job, &found, NULL), MD_OK);
    assert_int_equal(found.n, 0);
    assert_int_equal(md_queue_begin_attempt(queue, &first, NULL), MD_ERR_NOTFOUND);
    md_queue_close(queue);
}

static void attempts_do_not_pile_up(void **state)
{
    struct md_queue *queue = open_queue(*state);
    struct md_queue_attempt attempt = {.job = add(queue, "/one"), .attempt = 1};
    for (int i = 0; i < 130; i++)
        assert_int_equal(md_queue_begin_attempt(queue, &attempt, NULL), MD_OK);
    struct md_queue_attempts found = {0};
    assert_int_equal(md_queue_list_attempts(queue, attempt.job, &found, NULL), MD_OK);
    assert_int_equal(found.n, 100);
    assert_int_equal(found.v[99].id, attempt.id);
    md_vec_done(&found);
    md_queue_close(queue);
}

static void the_last_checkpoint_is_told(void **state)
{
    struct md_queue *queue = open_queue(*state);
    int64_t id = add(queue, "/one"), other = add(queue, "/two");
    struct md_queue_job job;
    assert_int_equal(md_queue_checkpoint(queue, id, MD_STAGE_SHOTS, 5, 10, NULL), MD_OK);
    assert_int_equal(md_queue_checkpoint(queue, id, MD_STAGE_AUDIO, 1, 10, NULL), MD_OK);
    assert_int_equal(md_queue_checkpoint(queue, id, MD_STAGE_SHOTS, 7, 10, NULL), MD_OK);
    assert_int_equal(md_queue_get(queue, id, &job, NULL), MD_OK);
    assert_int_equal(job.stage, MD_STAGE_SHOTS);
    assert_int_equal(job.done_us, 7);
    assert_int_equal(job.total_us, 10);
    md_queue_job_done(&job);
    assert_int_equal(md_queue_get(queue, other, &job, NULL), MD_OK);
    assert_int_equal(job.stage, -1);
    md_queue_job_done(&job);
    md_queue_close(queue);
}

struct rows {
    char text[200];
    int stop_after;
};

static int on_row(void *user, const char *regime, const void *data, size_t size)
{
    struct rows *rows = user;
    size_t n = strlen(rows->text);
    snprintf(rows->text + n, sizeof rows->text - n, "%s=%.*s;", regime, (int)size,
             (const char *)data);
    return --rows->stop_after == 0 ? MD_ERR_CANCELLED : 0;
}

static void memory_rows_are_kept_by_kind_and_regime(void **state)
{
    struct md_queue *queue = open_queue(*state);
    md_queue_save_memory(queue, MD_QUEUE_HISTORY, "host/shots", "old", 3, NULL);
    md_queue_save_memory(queue, MD_QUEUE_HISTORY, "host/shots", "new", 3, NULL);
    md_queue_save_memory(queue, MD_QUEUE_HISTORY, "host/audio", NULL, 0, NULL);
    md_queue_save_memory(queue, MD_QUEUE_BATCHES, "host/shots", "4", 1, NULL);
    md_queue_close(queue);
    queue = open_queue(*state);
    struct rows rows = {.text = ""};
    assert_int_equal(md_queue_load_memory(queue, MD_QUEUE_HISTORY, on_row, &rows, NULL), MD_OK);
    assert_string_equal(rows.text, "host/audio=;host/shots=new;");
    rows = (struct rows){.text = ""};
    assert_int_equal(md_queue_load_memory(queue, MD_QUEUE_BATCHES, on_row, &rows, NULL), MD_OK);
    assert_string_equal(rows.text, "host/shots=4;");
    rows = (struct rows){.stop_after = 1};
    assert_int_equal(md_queue_load_memory(queue, MD_QUEUE_HISTORY, on_row, &rows, NULL),
                     MD_ERR_CANCELLED);
    md_queue_close(queue);
}

static void a_queue_in_memory_is_like_any_other(void **state)
{
    struct md_queue *queue = NULL, *other = NULL;
    (void)state;
    assert_int_equal(md_queue_open(NULL, &queue, NULL), MD_OK);
    assert_int_equal(md_queue_open(NULL, &other, NULL), MD_OK);
    int64_t id = add(queue, "/one");
    assert_int_equal(md_queue_set_state(queue, id, MD_JOB_RUNNING, NULL, NULL), MD_OK);
    assert_int_equal(md_queue_take_over(queue, NULL), MD_OK);
    assert_int_equal(count(queue, 1u << MD_JOB_QUEUED), 1);
    assert_int_equal(count(other, ALL), 0);
    md_queue_close(queue);
    md_queue_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_keep_their_order, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_movie_added_again_is_the_same_job_at_the_end, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_running_movie_stays_running_when_it_is_added_again,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(what_a_dead_instance_left_running_is_queued_again,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(ended_movies_are_retried_others_are_not, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(numbers_are_not_given_twice, place_open, place_close),
        cmocka_unit_test_setup_teardown(any_bytes_make_a_path, place_open, place_close),
        cmocka_unit_test_setup_teardown(attempts_are_noted, place_open, place_close),
        cmocka_unit_test_setup_teardown(attempts_do_not_pile_up, place_open, place_close),
        cmocka_unit_test_setup_teardown(the_last_checkpoint_is_told, place_open, place_close),
        cmocka_unit_test_setup_teardown(memory_rows_are_kept_by_kind_and_regime, place_open,
                                        place_close),
        cmocka_unit_test(a_queue_in_memory_is_like_any_other),
    };
    return cmocka_run_group_tests_name("queue_jobs", tests, NULL, NULL);
}
