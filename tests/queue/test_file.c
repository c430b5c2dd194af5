/* What is found where the queue should be: nothing, an older one, a newer one, something else,
 * wreckage. It is used, brought up to date, or refused in one sentence; never thrown away. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { ALL = (1u << MD_JOB_STATES) - 1, ANY_SIZE = 1 << 24 };

/* Version 1 as it was written, with one movie that was running and one that failed. */
static const char version_1[] =
    "CREATE TABLE jobs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  path BLOB NOT NULL, out_dir BLOB NOT NULL, work_dir BLOB NOT NULL,"
    "  options TEXT NOT NULL, named INTEGER NOT NULL,"
    "  state TEXT NOT NULL DEFAULT 'queued'"
    "    CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),"
    "  position INTEGER NOT NULL, added INTEGER NOT NULL,"
    "  failure_code INTEGER NOT NULL DEFAULT 0, failure_stage TEXT NOT NULL DEFAULT '',"
    "  failure_message TEXT NOT NULL DEFAULT '',"
    "  UNIQUE (path, out_dir)) STRICT;"
    "CREATE INDEX jobs_by_position ON jobs (position);"
    "CREATE TABLE attempts ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
    "  stage TEXT NOT NULL, attempt INTEGER NOT NULL, batch INTEGER NOT NULL,"
    "  lease_bytes INTEGER NOT NULL, peak_bytes INTEGER NOT NULL DEFAULT 0,"
    "  result INTEGER, message TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX attempts_by_job ON attempts (job);"
    "CREATE TABLE units ("
    "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
    "  stage TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL,"
    "  noted INTEGER NOT NULL,"
    "  PRIMARY KEY (job, stage)) STRICT, WITHOUT ROWID;"
    "INSERT INTO jobs VALUES (3, x'2f61ff', x'2f6f', x'2f6f2f77', 'length=5min', 1, 'running', 8,"
    "  1700000000000000, 0, '', '');"
    "INSERT INTO jobs VALUES (4, x'2f62', x'2f6f', x'2f6f2f77', '', 0, 'failed', 9, 5, -9, "
    "'render',"
    "  'no space');"
    "INSERT INTO attempts VALUES (1, 4, 'render', 2, 1, 100, 200, -9, 'no space');"
    "INSERT INTO units VALUES (3, 'shots', 40, 100, 1);"
    "PRAGMA user_version = 1; PRAGMA application_id = 0x4d447175;";

static void make_folder(const struct place *place)
{
    md_autofree char *folder = md_path_join(place->folder, "state");
    assert_int_equal(md_mkdir_p(folder, NULL), MD_OK);
}

static void an_older_file_is_brought_up_to_date_with_all_it_holds(void **state)
{
    const struct place *place = *state;
    make_folder(place);
    execute_sql(place->file, version_1);
    struct md_queue *queue = open_queue(place);
    struct md_queue_jobs jobs = {0};
    struct md_queue_attempts attempts = {0};
    assert_int_equal(md_queue_list(queue, ALL, &jobs, NULL), MD_OK);
    assert_int_equal(jobs.n, 2);
    assert_int_equal(jobs.v[0].id, 3);
    assert_string_equal(jobs.v[0].path, "/a\xff");
    assert_string_equal(jobs.v[0].options, "length=5min");
    assert_int_equal(jobs.v[0].stage, MD_STAGE_SHOTS);
    assert_int_equal(jobs.v[0].done_us, 40);
    assert_int_equal(jobs.v[1].failure.code, MD_ERR_NOSPACE);
    assert_int_equal(md_queue_list_attempts(queue, 4, &attempts, NULL), MD_OK);
    assert_int_equal(attempts.n, 1);
    assert_int_equal(attempts.v[0].peak_bytes, 200);
    md_vec_done(&attempts);
    md_queue_jobs_done(&jobs);
    assert_int_equal(md_queue_save_memory(queue, MD_QUEUE_HISTORY, "r", "x", 1, NULL), MD_OK);
    assert_true(add(queue, "/new") > 4);
    md_queue_close(queue);
    assert_int_equal(ask_sql(place->file, "PRAGMA user_version"), 2);
    md_queue_close(open_queue(place)); /* a second time there is nothing to do */
}

/* Both ways have one schema: what a fresh file gets is what migration makes. */
static void a_migrated_file_has_the_schema_of_a_fresh_one(void **state)
{
    const struct place *place = *state;
    struct place fresh = *place;
    snprintf(fresh.file, sizeof fresh.file, "%s/state/fresh.db", place->folder);
    md_queue_close(open_queue(&fresh));
    execute_sql(place->file, version_1);
    md_queue_close(open_queue(place));
    char sql[400];
    snprintf(sql, sizeof sql,
             "ATTACH '%s' AS f; CREATE TEMP TABLE t AS SELECT * FROM (SELECT name, sql FROM "
             "main.sqlite_schema EXCEPT SELECT name, sql FROM f.sqlite_schema)",
             fresh.file);
    execute_sql(place->file, sql);
    assert_int_equal(ask_sql(place->file, "SELECT count(*) FROM sqlite_schema"),
                     ask_sql(fresh.file, "SELECT count(*) FROM sqlite_schema"));
    assert_int_equal(ask_sql(place->file, "PRAGMA user_version"),
                     ask_sql(fresh.file, "PRAGMA user_version"));
}

/* Refused with these words, and every byte of the file is as it was. */
static void expect_refused(const struct place *place, int code, const char *words)
{
    md_autofree char *before = NULL, *after = NULL;
    size_t size_before = 0, size_after = 0;
    struct md_queue *queue = NULL;
    struct md_failure failure = {0};
    assert_int_equal(md_file_read(place->file, ANY_SIZE, &before, &size_before, NULL), MD_OK);
    int r = md_queue_open(place->file, &queue, &failure);
    if (r != code || !strstr(failure.message, words) || !strstr(failure.message, place->file) ||
        !strstr(failure.message, "--queue FILE"))
        fail_msg("%d: %s", r, failure.message);
    assert_null(queue);
    assert_int_equal(md_file_read(place->file, ANY_SIZE, &after, &size_after, NULL), MD_OK);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
}

static void a_newer_file_is_left_alone(void **state)
{
    const struct place *place = *state;
    struct md_queue *queue = open_queue(place);
    add(queue, "/one");
    md_queue_close(queue);
    execute_sql(place->file, "PRAGMA user_version = 99");
    expect_refused(place, MD_ERR_INPUT, "written by a newer moviedigest (version 99");
}

static void another_programs_database_is_left_alone(void **state)
{
    const struct place *place = *state;
    make_folder(place);
    execute_sql(place->file, "CREATE TABLE jobs (x); PRAGMA user_version = 1");
    expect_refused(place, MD_ERR_INPUT, "a database of another program");
    execute_sql(place->file, "PRAGMA user_version = 0; PRAGMA application_id = 77");
    expect_refused(place, MD_ERR_INPUT, "a database of another program");
}

static void what_is_no_database_is_left_alone(void **state)
{
    const struct place *place = *state;
    const char text[] = "dear diary, today nothing at all happened, and then some more of it ...\n"
                        "and this goes on for long enough to fill what a header would fill.\n";
    make_folder(place);
    assert_int_equal(md_file_append(place->file, text, strlen(text), NULL), MD_OK);
    expect_refused(place, MD_ERR_INPUT, "is damaged");
}

/* Any single damaged page: refused, or still read, but never a crash and never a change. */
static void damaged_pages_are_noticed(void **state)
{
    const struct place *place = *state;
    struct md_queue *queue = open_queue(place);
    char path[40];
    for (int i = 0; i < 60; i++) {
        snprintf(path, sizeof path, "/movies/film-%d.mkv", i);
        int64_t id = add(queue, path);
        md_queue_checkpoint(queue, id, MD_STAGE_SHOTS, i, 100, NULL);
    }
    md_queue_close(queue);
    md_autofree char *whole = NULL;
    size_t size = 0;
    assert_int_equal(md_file_read(place->file, ANY_SIZE, &whole, &size, NULL), MD_OK);
    unsigned refused = 0, tried = 0;
    uint64_t chance = 12345;
    for (size_t page = 0; page < size / 4096; page++) {
        md_autofree char *copy = malloc(size);
        memcpy(copy, whole, size);
        for (int i = 0; i < 200; i++) {
            chance = chance * 6364136223846793005u + 1442695040888963407u;
            copy[page * 4096 + (chance >> 33) % 4096] = (char)(chance >> 20);
        }
        assert_int_equal(md_file_write_atomic(place->file, copy, size, NULL), MD_OK);
        struct md_failure failure = {0};
        struct md_queue_jobs jobs = {0};
        queue = NULL;
        int r = md_queue_open(place->file, &queue, &failure);
        if (r == MD_OK)
            r = md_queue_list(queue, ALL, &jobs, &failure);
        if (r < 0)
            assert_non_null(strstr(failure.message, place->file));
        refused += r < 0;
        tried++;
        md_queue_jobs_done(&jobs);
        md_queue_close(queue);
        unlink(place->file);
    }
    assert_true(tried > 3 && refused > tried / 2);
}

static void rows_that_make_no_sense_are_refused(void **state)
{
    static const char *const edits[] = {
        "UPDATE jobs SET path = x'2f610062'",
        "UPDATE jobs SET path = x''",
        "PRAGMA ignore_check_constraints = 1; UPDATE jobs SET state = 'asleep'",
    };
    const struct place *place = *state;
    for (size_t i = 0; i < MD_ARRAY_LEN(edits); i++) {
        struct md_queue *queue = open_queue(place);
        int64_t id = add(queue, "/one");
        md_queue_close(queue);
        execute_sql(place->file, edits[i]);
        struct md_queue_jobs jobs = {0};
        struct md_failure failure = {0};
        int r = md_queue_open(place->file, &queue, &failure);
        if (r == MD_OK) {
            r = md_queue_list(queue, ALL, &jobs, &failure);
            md_queue_close(queue);
        }
        assert_int_equal(r, MD_ERR_INPUT);
        assert_non_null(strstr(failure.message, "damaged"));
        md_queue_jobs_done(&jobs);
        execute_sql(place->file, "DELETE FROM jobs");
        (void)id;
    }
}

/* Tables that are missing or of other shapes under our own numbers. */
static void a_file_that_only_pretends_is_refused(void **state)
{
    const struct place *place = *state;
    struct md_queue *queue = NULL;
    struct md_failure failure = {0};
    make_folder(place);
    execute_sql(place->file, "CREATE TABLE other (x); CREATE VIEW jobs AS SELECT 1 AS id;"
                             "PRAGMA user_version = 2; PRAGMA application_id = 0x4d447175;");
    int r = md_queue_open(place->file, &queue, &failure);
    if (r == MD_OK) {
        struct md_queue_jobs jobs = {0};
        r = md_queue_list(queue, ALL, &jobs, &failure);
        md_queue_jobs_done(&jobs);
    }
    md_queue_close(queue);
    assert_int_equal(r, MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "is damaged"));
}

static void only_its_owner_can_read_it(void **state)
{
    const struct place *place = *state;
    struct stat st;
    mode_t before = umask(0);
    md_queue_close(open_queue(place));
    umask(before);
    assert_int_equal(stat(place->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_folder_that_cannot_be_written_is_said(void **state)
{
    const struct place *place = *state;
    struct md_queue *queue = NULL;
    struct md_failure failure = {0};
    assert_int_equal(md_queue_open("/proc/no/queue.db", &queue, &failure), MD_ERR_NOTFOUND);
    assert_non_null(strstr(failure.message, "/proc/no"));
    assert_int_equal(md_queue_open(place->folder, &queue, &failure), MD_ERR_IO); /* a folder */
    assert_non_null(strstr(failure.message, place->folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_older_file_is_brought_up_to_date_with_all_it_holds,
                                        place_open, place_close),
        cmocka_unit_test_setup_teardown(a_migrated_file_has_the_schema_of_a_fresh_one, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_newer_file_is_left_alone, place_open, place_close),
        cmocka_unit_test_setup_teardown(another_programs_database_is_left_alone, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_left_alone, place_open, place_close),
        cmocka_unit_test_setup_teardown(damaged_pages_are_noticed, place_open, place_close),
        cmocka_unit_test_setup_teardown(rows_that_make_no_sense_are_refused, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(a_file_that_only_pretends_is_refused, place_open,
                                        place_close),
        cmocka_unit_test_setup_teardown(only_its_owner_can_read_it, place_open, place_close),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_is_said, place_open,
                                        place_close),
    };
    return cmocka_run_group_tests_name("queue_file", tests, NULL, NULL);
}
