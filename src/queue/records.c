/* What it took: attempts, checkpoints, and the governor's memory of them. Nothing here decides what
 * is done; without it a run is as right as with it. */
#include "queue/queue_internal.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static int insert_attempt(struct md_queue *queue, struct md_queue_attempt *attempt,
                          struct md_failure *failure)
{
    sqlite3_stmt *insert;
    int r = md_queue_statement_(queue, MD_SQL_BEGIN_ATTEMPT, &insert, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(insert, 1, attempt->job);
    bind_text(insert, 2, md_stage_names[attempt->stage]);
    sqlite3_bind_int(insert, 3, attempt->attempt);
    sqlite3_bind_int64(insert, 4, attempt->batch);
    sqlite3_bind_int64(insert, 5, attempt->lease_bytes);
    r = sqlite3_step(insert);
    if (r == SQLITE_ROW) {
        attempt->id = sqlite3_column_int64(insert, 0);
        return md_queue_run_(queue, insert, failure);
    }
    sqlite3_reset(insert);
    /* The job it belongs to is not there. */
    if (r == SQLITE_CONSTRAINT_FOREIGNKEY)
        return md_fail(failure, MD_ERR_NOTFOUND, "there is no movie %lld in the queue",
                       (long long)attempt->job);
    return md_queue_fail_(queue, r, failure);
}

static int trim_attempts(struct md_queue *queue, int64_t job, struct md_failure *failure)
{
    sqlite3_stmt *trim;
    int r = md_queue_statement_(queue, MD_SQL_TRIM_ATTEMPTS, &trim, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(trim, 1, job);
    return md_queue_run_(queue, trim, failure);
}

int md_queue_begin_attempt(struct md_queue *queue, struct md_queue_attempt *attempt,
                           struct md_failure *failure)
{
    int r = md_queue_begin_(queue, failure);
    if (r < 0)
        return r;
    attempt->id = 0;
    r = insert_attempt(queue, attempt, failure);
    if (r == MD_OK)
        r = trim_attempts(queue, attempt->job, failure);
    r = md_queue_end_(queue, r, failure);
    if (r < 0)
        attempt->id = 0;
    return r;
}

int md_queue_end_attempt(struct md_queue *queue, const struct md_queue_attempt *attempt,
                         struct md_failure *failure)
{
    sqlite3_stmt *end;
    int r = md_queue_statement_(queue, MD_SQL_END_ATTEMPT, &end, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(end, 1, attempt->id);
    sqlite3_bind_int64(end, 2, attempt->lease_bytes);
    sqlite3_bind_int64(end, 3, attempt->peak_bytes);
    sqlite3_bind_int(end, 4, attempt->result);
    bind_text(end, 5, attempt->message);
    return md_queue_run_(queue, end, failure);
}

static int read_attempt(const struct md_queue *queue, sqlite3_stmt *row, int64_t job,
                        struct md_queue_attempt *ret, struct md_failure *failure)
{
    const char *stage = (const char *)sqlite3_column_text(row, 1);
    const char *message = (const char *)sqlite3_column_text(row, 7);
    int number = stage ? md_stage_parse(stage) : -1;
    if (number < 0 || !message)
        return md_queue_damaged_(queue, "an attempt at no stage", failure);
    *ret = (struct md_queue_attempt){
        .id = sqlite3_column_int64(row, 0),
        .job = job,
        .stage = (enum md_stage)number,
        .attempt = sqlite3_column_int(row, 2),
        .batch = sqlite3_column_int64(row, 3),
        .lease_bytes = sqlite3_column_int64(row, 4),
        .peak_bytes = sqlite3_column_int64(row, 5),
        .ended = sqlite3_column_type(row, 6) != SQLITE_NULL,
        .result = sqlite3_column_int(row, 6),
    };
    md_utf8_sanitize(ret->message, sizeof ret->message, message, strlen(message));
    return MD_OK;
}

int md_queue_list_attempts(struct md_queue *queue, int64_t job, struct md_queue_attempts *attempts,
                           struct md_failure *failure)
{
    sqlite3_stmt *list;
    int r = md_queue_statement_(queue, MD_SQL_LIST_ATTEMPTS, &list, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(list, 1, job);
    int result = MD_OK;
    while (result == MD_OK && (r = sqlite3_step(list)) == SQLITE_ROW) {
        struct md_queue_attempt attempt;
        result = read_attempt(queue, list, job, &attempt, failure);
        if (result == MD_OK && md_vec_push(attempts, attempt) < 0)
            result = md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    if (result == MD_OK && r != SQLITE_DONE)
        result = md_queue_fail_(queue, r, failure);
    sqlite3_reset(list);
    return result;
}

int md_queue_checkpoint(struct md_queue *queue, int64_t job, enum md_stage stage, int64_t done_us,
                        int64_t total_us, struct md_failure *failure)
{
    sqlite3_stmt *note;
    int r = md_queue_statement_(queue, MD_SQL_CHECKPOINT, &note, failure);
    if (r < 0)
        return r;
    sqlite3_bind_int64(note, 1, job);
    bind_text(note, 2, md_stage_names[stage]);
    sqlite3_bind_int64(note, 3, done_us);
    sqlite3_bind_int64(note, 4, total_us);
    return md_queue_run_(queue, note, failure);
}

int md_queue_save_memory(struct md_queue *queue, enum md_queue_memory kind, const char *regime,
                         const void *data, size_t size, struct md_failure *failure)
{
    sqlite3_stmt *save;
    int r = md_queue_statement_(
        queue, kind == MD_QUEUE_HISTORY ? MD_SQL_SAVE_HISTORY : MD_SQL_SAVE_BATCHES, &save,
        failure);
    if (r < 0)
        return r;
    bind_text(save, 1, regime);
    /* A pointer even for nothing: NULL would be no value at all. */
    sqlite3_bind_blob64(save, 2, size ? data : "", size, SQLITE_STATIC);
    return md_queue_run_(queue, save, failure);
}

int md_queue_load_memory(struct md_queue *queue, enum md_queue_memory kind,
                         int (*row)(void *user, const char *regime, const void *data, size_t size),
                         void *user, struct md_failure *failure)
{
    sqlite3_stmt *load;
    int r = md_queue_statement_(
        queue, kind == MD_QUEUE_HISTORY ? MD_SQL_LOAD_HISTORY : MD_SQL_LOAD_BATCHES, &load,
        failure);
    if (r < 0)
        return r;
    int result = 0;
    while (result == 0 && (r = sqlite3_step(load)) == SQLITE_ROW) {
        const char *regime = (const char *)sqlite3_column_text(load, 0);
        const void *data = sqlite3_column_blob(load, 1);
        size_t size = (size_t)sqlite3_column_bytes(load, 1);
        if (!regime || (size && !data))
            result = md_fail(failure, MD_ERR_NOMEM, "out of memory for the queue");
        else
            result = row(user, regime, size ? data : "", size);
    }
    if (result == 0 && r != SQLITE_DONE)
        result = md_queue_fail_(queue, r, failure);
    sqlite3_reset(load);
    return result;
}
