/* What is to be done. Texts from the file are checked as anything foreign is: a person may have
 * named a file that somebody sent. */
#include "queue/queue_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

const char *const md_job_state_names[] = {"queued", "running", "done", "failed", "cancelled", NULL};

void md_queue_job_done(struct md_queue_job *job)
{
    free(job->path);
    free(job->out_dir);
    free(job->work_dir);
    free(job->options);
    *job = (struct md_queue_job){0};
}

void md_queue_jobs_done(struct md_queue_jobs *jobs)
{
    for (size_t i = 0; i < jobs->n; i++)
        md_queue_job_done(&jobs->v[i]);
    md_vec_done(jobs);
}

int md_queue_take_over(struct md_queue *queue, struct md_failure *failure)
{
    int r = md_queue_begin_(queue, failure);
    if (r < 0)
        return r;
    r = md_queue_do_(queue, MD_SQL_REQUEUE_RUNNING, failure);
    if (r == MD_OK)
        r = md_queue_do_(queue, MD_SQL_FORGET_CANCELLED, failure);
    return md_queue_end_(queue, r, failure);
}

static void bind_bytes(sqlite3_stmt *statement, int index, const char *bytes)
{
    sqlite3_bind_blob64(statement, index, bytes, strlen(bytes), SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

/* A bind that failed for want of memory leaves NULL, which no column takes. */
static int add_one(struct md_queue *queue, struct md_queue_job *job, struct md_failure *failure)
{
    sqlite3_stmt *add;
    int r = md_queue_statement_(queue, MD_SQL_ADD_JOB, &add, failure);
    if (r < 0)
        return r;
    bind_bytes(add, 1, job->path);
    bind_bytes(add, 2, job->out_dir);
    bind_bytes(add, 3, job->work_dir);
    bind_text(add, 4, job->options ? job->options : "");
    sqlite3_bind_int(add, 5, job->named);
    sqlite3_bind_int64(add, 6, job->added_us ? job->added_us : md_clock_wall_us());
    r = sqlite3_step(add);
    if (r != SQLITE_ROW) {
        sqlite3_reset(add);
        return md_queue_fail_(queue, r, failure);
    }
    job->id = sqlite3_column_int64(add, 0);
    return md_queue_run_(queue, add, failure);
}

int md_queue_add(struct md_queue *queue, struct md_queue_job *jobs, size_t count,
                 struct md_failure *failure)
{
    int r = md_queue_begin_(queue, failure);
    if (r < 0)
        return r;
    for (size_t i = 0; r == MD_OK && i < count; i++)
        r = add_one(queue, &jobs[i], failure);
    r = md_queue_end_(queue, r, failure);
    for (size_t i = 0; r < 0 && i < count; i++)
        jobs[i].id = 0;
    return r;
}

static int read_state(const struct md_queue *queue, const char *text, enum md_job_state *ret,
                      struct md_failure *failure)
{
    for (int i = 0; i < MD_JOB_STATES; i++) {
        if (text && strcmp(text, md_job_state_names[i]) == 0) {
            *ret = (enum md_job_state)i;
            return MD_OK;
        }
    }
    return md_queue_damaged_(queue, "a movie in no state", failure);
}

static void read_failure(sqlite3_stmt *row, int column, struct md_failure *ret)
{
    int64_t code = sqlite3_column_int64(row, column);
    *ret = (struct md_failure){0};
    if (code == 0)
        return;
    ret->code = code < 0 && code > -1000 ? (int)code : MD_ERR_BUG;
    const char *stage = (const char *)sqlite3_column_text(row, column + 1);
    const char *message = (const char *)sqlite3_column_text(row, column + 2);
    md_utf8_sanitize(ret->stage, sizeof ret->stage, stage ? stage : "", stage ? strlen(stage) : 0);
    md_utf8_sanitize(ret->message, sizeof ret->message, message ? message : "",
                     message ? strlen(message) : 0);
}

/* In the order of MD_QUEUE_JOB_COLUMNS. */
static int read_job(const struct md_queue *queue, sqlite3_stmt *row, struct md_queue_job *ret_job,
                    struct md_failure *failure)
{
    struct md_queue_job job = {.id = sqlite3_column_int64(row, 0),
                               .named = sqlite3_column_int(row, 5) != 0,
                               .position = sqlite3_column_int64(row, 7),
                               .added_us = sqlite3_column_int64(row, 8),
                               .stage = -1};
    char **const texts[] = {&job.path, &job.out_dir, &job.work_dir, &job.options};
    int r = MD_OK;
    for (int i = 0; r == MD_OK && i < (int)MD_ARRAY_LEN(texts); i++)
        r = md_queue_text_(queue, row, 1 + i, texts[i], failure);
    if (r == MD_OK)
        r = read_state(queue, (const char *)sqlite3_column_text(row, 6), &job.state, failure);
    if (r == MD_OK && (!job.path[0] || !job.out_dir[0] || !job.work_dir[0]))
        r = md_queue_damaged_(queue, "a movie without a path", failure);
    read_failure(row, 9, &job.failure);
    const char *stage = (const char *)sqlite3_column_text(row, 12);
    if (stage)
        job.stage = md_stage_parse(stage);
    job.done_us = MD_MAX(sqlite3_column_int64(row, 13), 0);
    job.total_us = MD_MAX(sqlite3_column_int64(row, 14), 0);
    if (r < 0)
        md_queue_job_done(&job);
    else
        *ret_job = job;
    return r;
}

int md_queue_get(struct md_queue *queue, int64_t id, struct md_queue_job *ret_job,
                 struct md_failure *failure)
{
    sqlite3_stmt *get;
    int r = md_queue_statement_(queue, MD_SQL_GET_JOB, &get, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(get, 1, id);
    r = sqlite3_step(get);
    int result;
    if (r == SQLITE_ROW)
        result = read_job(queue, get, ret_job, failure);
    else if (r == SQLITE_DONE)
        result =
            md_fail(failure, MD_ERR_NOTFOUND, "there is no movie %lld in the queue", (long long)id);
    else
        result = md_queue_fail_(queue, r, failure);
    sqlite3_reset(get);
    return result;
}

int md_queue_list(struct md_queue *queue, unsigned states, struct md_queue_jobs *jobs,
                  struct md_failure *failure)
{
    sqlite3_stmt *list;
    int r = md_queue_statement_(queue, MD_SQL_LIST_JOBS, &list, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int(list, 1, (int)states);
    int result = MD_OK;
    while (result == MD_OK && (r = sqlite3_step(list)) == SQLITE_ROW) {
        struct md_queue_job job;
        result = read_job(queue, list, &job, failure);
        if (result == MD_OK && md_vec_push(jobs, job) < 0) {
            md_queue_job_done(&job);
            result = md_fail(failure, MD_ERR_NOMEM, "out of memory");
        }
    }
    if (result == MD_OK && r != SQLITE_DONE)
        result = md_queue_fail_(queue, r, failure);
    sqlite3_reset(list);
    return result;
}

int md_queue_set_state(struct md_queue *queue, int64_t id, enum md_job_state state,
                       const struct md_failure *why, struct md_failure *failure)
{
    sqlite3_stmt *set;
    int r = md_queue_statement_(queue, MD_SQL_SET_STATE, &set, failure);
    bool keep = state == MD_JOB_FAILED && why;
    if (r < 0)
        return r;
    sqlite3_bind_int64(set, 1, id);
    bind_text(set, 2, md_job_state_names[state]);
    sqlite3_bind_int(set, 3, keep ? why->code : 0);
    bind_text(set, 4, keep ? why->stage : "");
    bind_text(set, 5, keep ? why->message : "");
    return md_queue_change_(queue, set, id, failure);
}

static int change_by_id(struct md_queue *queue, enum md_queue_statement which, int64_t id,
                        struct md_failure *failure)
{
    sqlite3_stmt *statement;
    int r = md_queue_statement_(queue, which, &statement, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(statement, 1, id);
    return md_queue_change_(queue, statement, id, failure);
}

int md_queue_retry(struct md_queue *queue, int64_t id, struct md_failure *failure)
{
    return change_by_id(queue, MD_SQL_RETRY, id, failure);
}

int md_queue_remove(struct md_queue *queue, int64_t id, struct md_failure *failure)
{
    return change_by_id(queue, MD_SQL_REMOVE, id, failure);
}
