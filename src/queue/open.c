/* The schema's version is SQLite's user_version, ours is told by application_id. Every version's
 * step is kept for ever, so that any older file gets here. WAL with synchronous=FULL: a commit is
 * one sync, readers and the writer never wait for each other, and a torn write is rolled back by
 * whoever opens the file next. */
#include "queue/queue_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

enum {
    APPLICATION_ID = 0x4d447175, /* "MDqu" */
    BUSY_MS = 2000,
    MOST_BYTES = 16 << 20, /* of one value */
};

static const char *const migrations[] = {
    /* to version 1 */
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
    "  noted INTEGER NOT NULL," /* orders the checkpoints of a job */
    "  PRIMARY KEY (job, stage)) STRICT, WITHOUT ROWID;",
    /* to version 2: what the governor learns survives restarts */
    "CREATE TABLE history (regime TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE batches (regime TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;",
};

enum { VERSION = MD_ARRAY_LEN(migrations) };

static const char *const statement_sql[] = {
#define STATEMENT_SQL(name, sql) [MD_SQL_##name] = sql,
    MD_QUEUE_STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

static const char *name_of(const struct md_queue *queue)
{
    return queue->path ? queue->path : "in memory";
}

#define WHAT_TO_DO "move it away to begin a new one, or name another with --queue FILE"

int md_queue_damaged_(const struct md_queue *queue, const char *what, struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_INPUT, "the queue %s is damaged (%s): " WHAT_TO_DO,
                   name_of(queue), what);
}

int md_queue_fail_(const struct md_queue *queue, int sqlite_error, struct md_failure *failure)
{
    /* SQLite tells a full disk, but neither a quota nor a limit on the file's size; its own
     * sqlite3_system_errno knows nothing about steps. errno was zeroed before, and calls that
     * succeed leave it as it is. */
    int system = errno;
    const char *name = name_of(queue);
    switch (sqlite_error & 0xff) {
    case SQLITE_NOMEM:
        return md_fail(failure, MD_ERR_NOMEM, "out of memory for the queue %s", name);
    case SQLITE_FULL:
        return md_fail(failure, MD_ERR_NOSPACE, "no space is left to write the queue %s", name);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return md_fail(failure, MD_ERR_BUSY, "another program is writing the queue %s", name);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return md_queue_damaged_(queue, sqlite3_errstr(sqlite_error), failure);
    case SQLITE_ERROR: /* our statements are right: the tables are not */
        return md_queue_damaged_(queue, sqlite3_errmsg(queue->db), failure);
    default:
        if (system == ENOSPC || system == EDQUOT || system == EFBIG)
            return md_fail(failure, MD_ERR_NOSPACE, "no space is left to write the queue %s", name);
        return md_fail(failure, MD_ERR_IO, "the queue %s cannot be used: %s%s%s", name,
                       sqlite3_errstr(sqlite_error), system ? ": " : "",
                       system ? strerror(system) : "");
    }
}

int md_queue_statement_(struct md_queue *queue, enum md_queue_statement which,
                        sqlite3_stmt **ret_statement, struct md_failure *failure)
{
    sqlite3_stmt **statement = &queue->statements[which];
    errno = 0;
    if (!*statement) {
        int r = sqlite3_prepare_v3(queue->db, statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                   statement, NULL);
        if (r != SQLITE_OK)
            return md_queue_fail_(queue, r, failure);
    }
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    *ret_statement = *statement;
    return MD_OK;
}

int md_queue_run_(struct md_queue *queue, sqlite3_stmt *statement, struct md_failure *failure)
{
    int r = sqlite3_step(statement);
    int result = r == SQLITE_DONE || r == SQLITE_ROW ? MD_OK : md_queue_fail_(queue, r, failure);
    sqlite3_reset(statement);
    return result;
}

int md_queue_change_(struct md_queue *queue, sqlite3_stmt *statement, int64_t id,
                     struct md_failure *failure)
{
    int r = md_queue_run_(queue, statement, failure);
    if (r == MD_OK && sqlite3_changes(queue->db) == 0)
        return md_fail(failure, MD_ERR_NOTFOUND, "there is no movie %lld in the queue",
                       (long long)id);
    return r;
}

int md_queue_do_(struct md_queue *queue, enum md_queue_statement which, struct md_failure *failure)
{
    sqlite3_stmt *statement = NULL;
    int r = md_queue_statement_(queue, which, &statement, failure);
    return r == MD_OK ? md_queue_run_(queue, statement, failure) : r;
}

int md_queue_begin_(struct md_queue *queue, struct md_failure *failure)
{
    return md_queue_do_(queue, MD_SQL_BEGIN, failure);
}

int md_queue_end_(struct md_queue *queue, int r, struct md_failure *failure)
{
    if (r == MD_OK)
        r = md_queue_do_(queue, MD_SQL_COMMIT, failure);
    /* Some errors have rolled it back already. */
    if (r < 0 && !sqlite3_get_autocommit(queue->db))
        md_queue_do_(queue, MD_SQL_ROLLBACK, NULL);
    return r;
}

int md_queue_text_(const struct md_queue *queue, sqlite3_stmt *row, int column, char **ret_text,
                   struct md_failure *failure)
{
    const void *bytes = sqlite3_column_blob(row, column);
    size_t n = (size_t)sqlite3_column_bytes(row, column);
    if (n > 0 && (!bytes || memchr(bytes, 0, n)))
        return md_queue_damaged_(queue, "a text that is none", failure);
    char *text = malloc(n + 1);
    if (!text)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (n)
        memcpy(text, bytes, n);
    text[n] = '\0';
    *ret_text = text;
    return MD_OK;
}

/* --- opening --- */

static int execute(struct md_queue *queue, const char *sql, struct md_failure *failure)
{
    errno = 0;
    int r = sqlite3_exec(queue->db, sql, NULL, NULL, NULL);
    return r == SQLITE_OK ? MD_OK : md_queue_fail_(queue, r, failure);
}

/* The number in the first column of the first row. */
static int ask_number(struct md_queue *queue, const char *sql, int64_t *ret,
                      struct md_failure *failure)
{
    sqlite3_stmt *statement;
    errno = 0;
    int r = sqlite3_prepare_v2(queue->db, sql, -1, &statement, NULL);
    if (r == SQLITE_OK) {
        r = sqlite3_step(statement);
        if (r == SQLITE_ROW) {
            *ret = sqlite3_column_int64(statement, 0);
            r = SQLITE_OK;
        }
    }
    sqlite3_finalize(statement);
    return r == SQLITE_OK ? MD_OK : md_queue_fail_(queue, r, failure);
}

static int check_whole(struct md_queue *queue, struct md_failure *failure)
{
    sqlite3_stmt *statement;
    errno = 0;
    int r = sqlite3_prepare_v2(queue->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_step(statement);
    int result = MD_OK;
    if (r != SQLITE_ROW)
        result = md_queue_fail_(queue, r, failure);
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        result = md_queue_damaged_(queue, "its pages do not fit together", failure);
    sqlite3_finalize(statement);
    return result;
}

static int migrate(struct md_queue *queue, int64_t from, struct md_failure *failure)
{
    int r = md_queue_begin_(queue, failure);
    if (r < 0)
        return r;
    /* Another process may have been faster. */
    r = ask_number(queue, "PRAGMA user_version", &from, failure);
    for (int64_t version = from; r == MD_OK && version < VERSION; version++)
        r = execute(queue, migrations[version], failure);
    char *sql = sqlite3_mprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;", VERSION,
                                APPLICATION_ID);
    if (r == MD_OK)
        r = sql ? execute(queue, sql, failure)
                : md_fail(failure, MD_ERR_NOMEM, "out of memory for the queue");
    sqlite3_free(sql);
    return md_queue_end_(queue, r, failure);
}

/* Is it ours, and of which version? */
static int bring_up_to_date(struct md_queue *queue, struct md_failure *failure)
{
    int64_t application = 0, version = 0, tables = 0;
    /* In one transaction: another process may just be making it. */
    int r = execute(queue, "BEGIN", failure);
    if (r == MD_OK)
        r = ask_number(queue, "PRAGMA application_id", &application, failure);
    if (r == MD_OK)
        r = ask_number(queue, "PRAGMA user_version", &version, failure);
    if (r == MD_OK)
        r = ask_number(queue, "SELECT count(*) FROM sqlite_schema", &tables, failure);
    r = md_queue_end_(queue, r, failure);
    if (r < 0)
        return r;
    bool fresh = tables == 0 && application == 0 && version == 0;
    if (!fresh && (application != APPLICATION_ID || version < 1))
        return md_fail(failure, MD_ERR_INPUT,
                       "%s is a database of another program, not a queue: name another file with "
                       "--queue FILE",
                       name_of(queue));
    if (version > VERSION)
        return md_fail(failure, MD_ERR_INPUT,
                       "the queue %s was written by a newer moviedigest (version %lld, this one "
                       "knows %d): use that one, or name another file with --queue FILE",
                       name_of(queue), (long long)version, VERSION);
    if (!fresh)
        r = check_whole(queue, failure);
    return r == MD_OK && version < VERSION ? migrate(queue, version, failure) : r;
}

/* Private from the start: SQLite would make it as the umask wants. */
static int make_file(const char *path, struct md_failure *failure)
{
    md_autofree char *folder = strdup(path);
    if (!folder)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    folder[md_path_base(path) - path] = '\0';
    int r = folder[0] ? md_mkdir_p(folder, failure) : MD_OK;
    if (r < 0)
        return r;
    md_autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    return fd < 0 ? md_fail_errno(failure, errno, "cannot open the queue %s", path) : MD_OK;
}

/* Nothing in a file that is not ours is run. */
static void distrust(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MOST_BYTES);
}

/* To WAL. While others look at the file that may be refused, and SQLite does not wait for it. */
static int set_journal(struct md_queue *queue, struct md_failure *failure)
{
    enum { PAUSE_MS = 20 };
    int r = SQLITE_BUSY;
    errno = 0;
    for (int waited = 0; waited < BUSY_MS && (r & 0xff) == SQLITE_BUSY; waited += PAUSE_MS) {
        if (waited)
            sqlite3_sleep(PAUSE_MS);
        r = sqlite3_exec(queue->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    }
    return r == SQLITE_OK ? MD_OK : md_queue_fail_(queue, r, failure);
}

/* All pages of the file, as they are now, whoever is writing it. To read a file of WAL SQLite makes
 * two more beside it. Who may write removes them again, but also brings into the file what a dead
 * instance left in its log: where there is a log it is only read. */
static int copy_pages(struct md_queue *queue, struct md_failure *failure)
{
    sqlite3 *file = NULL;
    md_autostr log = {0};
    md_str_printf(&log, "%s-wal", queue->path);
    if (md_str_failed(&log))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    int flags = access(md_str_text(&log), F_OK) == 0 ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    errno = 0;
    int r = sqlite3_open_v2(queue->path, &file, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                            NULL);
    if (r == SQLITE_OK) {
        distrust(file);
        sqlite3_busy_timeout(file, BUSY_MS);
        sqlite3_backup *backup = sqlite3_backup_init(queue->db, "main", file, "main");
        r = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(queue->db);
        sqlite3_backup_finish(backup);
    }
    sqlite3_close(file);
    return r == SQLITE_OK || r == SQLITE_DONE ? MD_OK : md_queue_fail_(queue, r, failure);
}

static int set_up(struct md_queue *queue, bool is_copy, struct md_failure *failure)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    errno = 0;
    int r = sqlite3_open_v2(queue->path && !is_copy ? queue->path : ":memory:", &queue->db, flags,
                            NULL);
    if (r != SQLITE_OK)
        return md_queue_fail_(queue, r, failure);
    distrust(queue->db);
    sqlite3_busy_timeout(queue->db, BUSY_MS);
    if (is_copy && access(queue->path, F_OK) == 0) {
        r = copy_pages(queue, failure);
        if (r < 0)
            return r;
    }
    /* Foreign first: the journal's mode is kept in the file, and somebody else's is left alone. */
    r = bring_up_to_date(queue, failure);
    if (r < 0)
        return r;
    r = set_journal(queue, failure);
    if (r < 0)
        return r;
    return execute(queue,
                   "PRAGMA synchronous = FULL; "
                   "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; "
                   "PRAGMA cell_size_check = ON;",
                   failure);
}

static int open_queue(const char *path, bool is_copy, struct md_queue **ret_queue,
                      struct md_failure *failure)
{
    struct md_queue *queue = calloc(1, sizeof *queue);
    if (!queue || (path && !(queue->path = strdup(path)))) {
        free(queue);
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    }
    int r = set_up(queue, is_copy, failure);
    if (r < 0) {
        md_queue_close(queue);
        return r;
    }
    *ret_queue = queue;
    return MD_OK;
}

int md_queue_open(const char *path, struct md_queue **ret_queue, struct md_failure *failure)
{
    int r = path ? make_file(path, failure) : MD_OK;
    return r == MD_OK ? open_queue(path, false, ret_queue, failure) : r;
}

int md_queue_open_copy(const char *path, struct md_queue **ret_queue, struct md_failure *failure)
{
    return open_queue(path, true, ret_queue, failure);
}

void md_queue_close(struct md_queue *queue)
{
    if (!queue)
        return;
    for (int i = 0; i < MD_SQL_COUNT; i++)
        sqlite3_finalize(queue->statements[i]);
    sqlite3_close(queue->db);
    free(queue->path);
    free(queue);
}
