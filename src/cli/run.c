/* Puts the parts together: options, the list of movies, the supervisor, and what is shown.
 * Everything shown while running goes to stderr, the table at the end to stdout. */
#include "cli/run.h"

#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/help.h"
#include "cli/model_choice.h"
#include "cli/run_internal.h"

#define TICK_US INT64_C(125000)

/* --- before the run --- */

static int usage_error(const char *message)
{
    fprintf(stderr, "moviedigest: %s\n", message);
    return MD_EXIT_USAGE;
}

static bool terminal_speaks_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The log file gets everything the level allows; a terminal with live lines only what a person
 * must see, unless a level was asked for. */
static void open_screen(struct md_run *run)
{
    const struct md_options *options = &run->args.options;
    bool tty = isatty(STDERR_FILENO) && options->log_format == MD_LOG_FORMAT_TEXT;
    const struct md_option *level = md_option_find("log-level");
    bool level_given = run->args.source[level - md_option_table()] != MD_SOURCE_DEFAULT;
    run->screen = (struct md_screen){
        .fd = STDERR_FILENO,
        .live = options->progress == MD_PROGRESS_ALWAYS ||
                (options->progress == MD_PROGRESS_AUTO && tty),
        .json = options->log_format == MD_LOG_FORMAT_JSON,
        .file_fd = -1,
        .columns = md_screen_columns(STDERR_FILENO),
        .board = &run->board,
    };
    run->screen.terminal_level =
        run->screen.live && !level_given ? MD_LOG_WARNING : (enum md_log_level)options->log_level;
    run->board.ascii = !terminal_speaks_utf8();
    run->log = (struct md_log){.level = (enum md_log_level)options->log_level,
                               .write = md_screen_log,
                               .user = &run->screen};
}

static int open_log_file(struct md_run *run, const char *folder, struct md_failure *failure)
{
    int r = md_mkdir_p(folder, failure);
    if (r < 0)
        return r;
    md_autofree char *path = md_path_join(folder, "moviedigest.log");
    if (path)
        run->screen.file_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (run->screen.file_fd < 0)
        md_log(&run->log, MD_LOG_WARNING, "run", "no log file can be written in %s", folder);
    return MD_OK;
}

static void report_scan_errors(struct md_run *run)
{
    for (size_t i = 0; i < run->scan.errors.n; i++)
        md_log(&run->log, MD_LOG_ERROR, "run", "%s", run->scan.errors.v[i].failure.message);
}

static int dry_run(const struct md_run *run)
{
    for (size_t i = 0; i < run->scan.movies.n; i++) {
        const struct md_candidate *movie = &run->scan.movies.v[i];
        char from[4096], to[4096];
        md_utf8_sanitize(from, sizeof from, movie->path, strlen(movie->path));
        md_utf8_sanitize(to, sizeof to, movie->out_dir, strlen(movie->out_dir));
        md_autofree char *report = md_path_join(movie->out_dir, "report.html");
        bool there = report && access(report, F_OK) == 0;
        printf("%s -> %s%s\n", from, to, there ? " (has a digest)" : "");
    }
    printf("%zu movies, nothing was written\n", run->scan.movies.n);
    return run->scan.errors.n ? MD_EXIT_FAILED : MD_EXIT_DONE;
}

/* --- the run --- */

static int exit_status(const struct md_run *run)
{
    if (run->scan.errors.n || run->refused)
        return MD_EXIT_FAILED;
    for (size_t i = 0; i < run->board.rows.n; i++) {
        enum md_row_state state = run->board.rows.v[i].state;
        if (state != MD_ROW_DONE && state != MD_ROW_SKIPPED && state != MD_ROW_DROPPED)
            return MD_EXIT_FAILED;
    }
    return MD_EXIT_DONE;
}

static void print_summary(struct md_run *run)
{
    md_autostr table = {0};
    md_board_summary(&run->board, md_screen_columns(STDOUT_FILENO), md_clock_monotonic_us(),
                     &table);
    if (md_str_failed(&table))
        md_log(&run->log, MD_LOG_ERROR, "run", "out of memory for the table of results");
    fputs(md_str_text(&table), stdout);
    fflush(stdout);
}

struct md_job_vec MD_VEC(struct md_job);

static int run_super(struct md_run *run, struct md_failure *failure)
{
    struct md_job_vec jobs = {0};
    struct md_super_result result = {0};
    const struct md_super_observer observer = md_run_observer(run);
    const struct md_super_source source = md_run_source(run);
    const struct gov_history_store history_store = md_run_history_store(run);
    if (md_vec_reserve(&jobs, run->movies.n) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < run->movies.n; i++)
        jobs.v[jobs.n++] = md_run_job(run->movies.v[i]);
    const struct md_super_params params = {
        .jobs = jobs.v,
        .job_count = jobs.n,
        .options = &run->args.options,
        .memory = &run->args.memory,
        .log = &run->log,
        .observer = &observer,
        .tick_us = run->screen.live ? TICK_US : 0,
        .handle_signals = true,
        .source = source.fd >= 0 ? &source : NULL,
        .stays_open = source.fd >= 0,
        .history_store = &history_store,
        .measures = run->measures,
    };
    run->board.start_us = md_clock_monotonic_us();
    int r = md_super_run(&params, &result, failure);
    md_vec_done(&jobs);
    return r;
}

static int supervise(struct md_run *run)
{
    struct md_failure failure = {0};
    md_run_open_control(run);
    int r = run_super(run, &failure);
    /* From here on nobody may be told that a movie joins this run. */
    md_control_close(run->control);
    run->control = NULL;
    md_screen_clear(&run->screen);
    run->screen.live = false;
    if (r < 0) {
        md_log(&run->log, MD_LOG_ERROR, "run", "%s", failure.message);
        return MD_EXIT_FAILED;
    }
    print_summary(run);
    return exit_status(run);
}

static int no_home(struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOTFOUND,
                   "there is no home folder to keep the queue in: name a file with --queue FILE");
}

/* Without a place to keep it the movies that were named are done all the same. */
static int open_queue(struct md_run *run, bool may_be_in_memory, struct md_failure *failure)
{
    struct md_queue_holder holder;
    md_autofree char *path = md_place_path(&run->args.options, getenv);
    int r = path ? md_place_open(&run->place, path, &holder, failure) : no_home(failure);
    bool is_lost = r == MD_ERR_IO || r == MD_ERR_NOSPACE || r == MD_ERR_NOTFOUND;
    if (!may_be_in_memory || !is_lost)
        return r;
    md_log(&run->log, MD_LOG_WARNING, "queue", "%s; this run keeps no record", failure->message);
    run->unrecorded = true;
    return md_place_open_memory(&run->place, failure);
}

static int run_paths(struct md_run *run)
{
    struct md_failure failure = {0};
    const struct md_options *options = &run->args.options;
    if (md_scan_paths(run->args.paths.v, run->args.paths.n, options->output, &run->scan) < 0)
        return usage_error("out of memory");
    report_scan_errors(run);
    if (run->scan.movies.n == 0)
        return usage_error("no movie was found");
    if (options->dry_run)
        return dry_run(run);
    if (open_queue(run, true, &failure) < 0 || open_log_file(run, options->output, &failure) < 0)
        return usage_error(failure.message);
    if (md_run_take_scan(run) < 0)
        return usage_error("out of memory");
    md_run_record_movies(run);
    return supervise(run);
}

/* Reading what is queued must not change it: not even what a dead instance left is put in order. */
static int open_queue_copy(struct md_run *run, struct md_failure *failure)
{
    md_autofree char *path = md_place_path(&run->args.options, getenv);
    return path ? md_place_open_copy(&run->place, path, failure) : no_home(failure);
}

static int dry_run_queue(struct md_run *run)
{
    for (size_t i = 0; i < run->movies.n; i++) {
        char from[4096], to[4096];
        const struct md_run_movie *movie = run->movies.v[i];
        md_utf8_sanitize(from, sizeof from, movie->path, strlen(movie->path));
        md_utf8_sanitize(to, sizeof to, movie->out_dir, strlen(movie->out_dir));
        printf("%s -> %s\n", from, to);
    }
    printf("%zu movies, nothing was written\n", run->movies.n);
    return MD_EXIT_DONE;
}

static int run_queue(struct md_run *run)
{
    struct md_failure failure = {0};
    bool is_dry = run->args.options.dry_run;
    int r = is_dry ? open_queue_copy(run, &failure) : open_queue(run, false, &failure);
    if (r == MD_OK)
        r = md_run_take_queue(run, &failure);
    if (r < 0)
        return usage_error(failure.message);
    if (is_dry)
        return dry_run_queue(run);
    if (run->movies.n == 0) {
        puts("Nothing is queued: moviedigest queue add PATH..., or moviedigest run PATH...");
        return run->refused ? MD_EXIT_FAILED : MD_EXIT_DONE;
    }
    md_autofree char *folder = strdup(run->place.path);
    if (!folder)
        return usage_error("out of memory");
    folder[md_path_base(run->place.path) - run->place.path] = '\0';
    if (open_log_file(run, folder, &failure) < 0)
        return usage_error(failure.message);
    return supervise(run);
}

static int run_all(struct md_run *run)
{
    struct md_failure failure = {0};
    unsigned ignored;
    if (!run->args.options.output)
        return usage_error("option output cannot be empty");
    if (md_run_parse_stages(run->args.options.stages, &ignored, &failure) < 0)
        return usage_error(failure.message);
    open_screen(run);
    if (md_model_settle(&run->args, getenv, &run->log, &failure) < 0)
        return usage_error(failure.message);
    run->measures = md_model_measures(getenv);
    return run->args.paths.n ? run_paths(run) : run_queue(run);
}

static void run_done(struct md_run *run)
{
    md_run_movies_done(run);
    md_place_close(&run->place);
    md_board_done(&run->board);
    md_scan_done(&run->scan);
    md_args_done(&run->args);
    free(run->measures);
    if (run->screen.file_fd > 0)
        close(run->screen.file_fd);
}

int md_run_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct md_run run = {.screen = {.file_fd = -1}, .place = MD_PLACE_NONE};
    run.board.memory_used_bytes = run.board.memory_total_bytes = -1;
    struct md_failure failure = {0};
    if (md_args_parse(&run.args, argc, argv, getenv, &failure) < 0)
        return usage_error(failure.message);
    int status;
    if (run.args.help) {
        md_autostr text = {0};
        md_help_command(&text, self, md_screen_columns(STDOUT_FILENO));
        fputs(md_str_text(&text), stdout);
        status = MD_EXIT_DONE;
    } else {
        status = run_all(&run);
    }
    run_done(&run);
    return status;
}
