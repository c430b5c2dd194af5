#include "harness.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

int place_open(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->folder, sizeof place->folder, "/tmp/moviedigest-queue-XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    snprintf(place->file, sizeof place->file, "%s/state/queue.db", place->folder);
    *state = place;
    return 0;
}

int place_close(void **state)
{
    struct place *place = *state;
    md_remove_tree(place->folder, NULL);
    free(place);
    return 0;
}

struct md_queue *open_queue(const struct place *place)
{
    struct md_queue *queue = NULL;
    struct md_failure failure = {0};
    if (md_queue_open(place->file, &queue, &failure) < 0)
        fail_msg("%s", failure.message);
    return queue;
}

int64_t add(struct md_queue *queue, const char *path)
{
    struct md_failure failure = {0};
    struct md_queue_job job = {.path = (char *)path,
                               .out_dir = (char *)"/out/film",
                               .work_dir = (char *)"/out/film/work",
                               .options = (char *)"",
                               .added_us = 1};
    if (md_queue_add(queue, &job, 1, &failure) < 0)
        fail_msg("%s", failure.message);
    return job.id;
}

size_t count(struct md_queue *queue, unsigned states)
{
    struct md_queue_jobs jobs = {0};
    struct md_failure failure = {0};
    if (md_queue_list(queue, states, &jobs, &failure) < 0)
        fail_msg("%s", failure.message);
    size_t n = jobs.n;
    md_queue_jobs_done(&jobs);
    return n;
}

void execute_sql(const char *file, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

int64_t ask_sql(const char *file, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}
