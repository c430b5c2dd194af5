/* Shared by the files of the queue:
 *   open.c     the file: opening, checking, migrating; errors in words; transactions
 *   jobs.c     what is to be done
 *   records.c  what it took
 */
#ifndef MD_QUEUE_QUEUE_INTERNAL_H
#define MD_QUEUE_QUEUE_INTERNAL_H

#include <sqlite3.h>

#include "queue/queue.h"

/* Every statement, prepared when it is first used. */
#define MD_QUEUE_STATEMENTS(X)                                                                     \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(REQUEUE_RUNNING, "UPDATE jobs SET state = 'queued' WHERE state = 'running'")                 \
    X(FORGET_CANCELLED, "DELETE FROM jobs WHERE state = 'cancelled'")                              \
    X(ADD_JOB, "INSERT INTO jobs (path, out_dir, work_dir, options, named, added, position) "      \
               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, "                                                  \
               "  (SELECT coalesce(max(position), 0) + 1 FROM jobs)) "                             \
               "ON CONFLICT (path, out_dir) DO UPDATE SET work_dir = excluded.work_dir, "          \
               "  options = excluded.options, named = named OR excluded.named, "                   \
               "  position = CASE state WHEN 'running' THEN position "                             \
               "                        ELSE excluded.position END, "                              \
               "  state = CASE state WHEN 'running' THEN state ELSE 'queued' END, "                \
               "  failure_code = 0, failure_stage = '', failure_message = '' "                     \
               "RETURNING id")                                                                     \
    X(GET_JOB, "SELECT " MD_QUEUE_JOB_COLUMNS " FROM jobs WHERE id = ?1")                          \
    X(LIST_JOBS, "SELECT " MD_QUEUE_JOB_COLUMNS " FROM jobs "                                      \
                 "WHERE (1 << CASE state WHEN 'queued' THEN 0 WHEN 'running' THEN 1 "              \
                 "       WHEN 'done' THEN 2 WHEN 'failed' THEN 3 ELSE 4 END) & ?1 "                \
                 "ORDER BY position, id")                                                          \
    X(SET_STATE, "UPDATE jobs SET state = ?2, failure_code = ?3, failure_stage = ?4, "             \
                 "failure_message = ?5 WHERE id = ?1")                                             \
    X(RETRY, "UPDATE jobs SET state = 'queued', failure_code = 0, failure_stage = '', "            \
             "failure_message = '', position = (SELECT max(position) + 1 FROM jobs) "              \
             "WHERE id = ?1 AND state IN ('done', 'failed', 'cancelled')")                         \
    X(REMOVE, "DELETE FROM jobs WHERE id = ?1")                                                    \
    X(BEGIN_ATTEMPT, "INSERT INTO attempts (job, stage, attempt, batch, lease_bytes) "             \
                     "VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id")                                   \
    X(TRIM_ATTEMPTS, "DELETE FROM attempts WHERE job = ?1 AND id <= "                              \
                     "(SELECT id FROM attempts WHERE job = ?1 ORDER BY id DESC "                   \
                     " LIMIT 1 OFFSET 100)")                                                       \
    X(END_ATTEMPT, "UPDATE attempts SET lease_bytes = ?2, peak_bytes = ?3, result = ?4, "          \
                   "message = ?5 WHERE id = ?1")                                                   \
    X(LIST_ATTEMPTS, "SELECT id, stage, attempt, batch, lease_bytes, peak_bytes, result, "         \
                     "message FROM attempts WHERE job = ?1 ORDER BY id")                           \
    X(CHECKPOINT, "INSERT INTO units (job, stage, done, total, noted) "                            \
                  "VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(noted), 0) + 1 FROM units "        \
                  "                         WHERE job = ?1)) "                                     \
                  "ON CONFLICT (job, stage) DO UPDATE SET done = excluded.done, "                  \
                  "  total = excluded.total, noted = excluded.noted")                              \
    X(SAVE_HISTORY, "INSERT INTO history (regime, data) VALUES (?1, ?2) "                          \
                    "ON CONFLICT (regime) DO UPDATE SET data = excluded.data")                     \
    X(SAVE_BATCHES, "INSERT INTO batches (regime, data) VALUES (?1, ?2) "                          \
                    "ON CONFLICT (regime) DO UPDATE SET data = excluded.data")                     \
    X(LOAD_HISTORY, "SELECT regime, data FROM history ORDER BY regime")                            \
    X(LOAD_BATCHES, "SELECT regime, data FROM batches ORDER BY regime")

#define MD_QUEUE_LAST_UNIT(column)                                                                 \
    "(SELECT " column " FROM units WHERE job = jobs.id ORDER BY noted DESC LIMIT 1)"
#define MD_QUEUE_JOB_COLUMNS                                                                       \
    "id, path, out_dir, work_dir, options, named, state, position, added, failure_code, "          \
    "failure_stage, failure_message, " MD_QUEUE_LAST_UNIT("stage") ", " MD_QUEUE_LAST_UNIT(        \
        "done") ", " MD_QUEUE_LAST_UNIT("total")

enum md_queue_statement {
#define MD_QUEUE_STATEMENT_ENUM(name, sql) MD_SQL_##name,
    MD_QUEUE_STATEMENTS(MD_QUEUE_STATEMENT_ENUM)
#undef MD_QUEUE_STATEMENT_ENUM
        MD_SQL_COUNT
};

struct md_queue {
    sqlite3 *db;
    char *path; /* NULL: in memory */
    sqlite3_stmt *statements[MD_SQL_COUNT];
};

/* The statement, reset and without bindings. */
int md_queue_statement_(struct md_queue *queue, enum md_queue_statement which,
                        sqlite3_stmt **ret_statement, struct md_failure *failure);

/* Runs one that gives no rows. */
int md_queue_run_(struct md_queue *queue, sqlite3_stmt *statement, struct md_failure *failure);

/* The same for one without parameters. */
int md_queue_do_(struct md_queue *queue, enum md_queue_statement which, struct md_failure *failure);

/* The same, MD_ERR_NOTFOUND when it changed nothing. */
int md_queue_change_(struct md_queue *queue, sqlite3_stmt *statement, int64_t id,
                     struct md_failure *failure);

int md_queue_begin_(struct md_queue *queue, struct md_failure *failure);
/* Commits if r is MD_OK, else rolls back; returns what became of it. */
int md_queue_end_(struct md_queue *queue, int r, struct md_failure *failure);

/* What SQLite said, as our code and in words. */
int md_queue_fail_(const struct md_queue *queue, int sqlite_error, struct md_failure *failure);
/* The file holds what no queue holds. */
int md_queue_damaged_(const struct md_queue *queue, const char *what, struct md_failure *failure);

/* A text of a row, copied; MD_ERR_INPUT for a NUL in it or nothing at all. */
int md_queue_text_(const struct md_queue *queue, sqlite3_stmt *row, int column, char **ret_text,
                   struct md_failure *failure);

#endif
