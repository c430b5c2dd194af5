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
#include "cli/args.h"
#include "cli/board.h"
#include "cli/help.h"
#include "cli/scan.h"
#include "cli/screen.h"
#include "model/media.h"
#include "model/render.h"
#include "super/super.h"

#define TICK_US INT64_C(125000)

struct md_jobs MD_VEC(struct md_job);

struct run {
    struct md_args args;
    struct md_scan scan;
    struct md_jobs jobs; /* one per movie; work_dir owned, the rest borrowed from scan */
    struct md_board board;
    struct md_screen screen;
    struct md_log log;
    unsigned stages; /* wanted, as a bit set; 0 all */
};

/* --- what the supervisor tells --- */

static struct md_row *row_of(struct run *run, size_t movie)
{
    return &run->board.rows.v[movie];
}

static void on_movie_started(void *user, size_t movie)
{
    struct md_row *row = row_of(user, movie);
    row->state = MD_ROW_RUNNING;
    row->start_us = md_clock_monotonic_us();
}

static void on_stage_waiting(void *user, size_t movie, enum md_stage stage)
{
    struct md_row *row = row_of(user, movie);
    row->waiting = true;
    row->stage = (int)stage;
}

static void on_stage_started(void *user, size_t movie, enum md_stage stage, int attempt)
{
    struct run *run = user;
    struct md_row *row = row_of(run, movie);
    row->waiting = false;
    row->stage = (int)stage;
    row->stage_start_us = md_clock_monotonic_us();
    row->done_us = row->total_us = 0;
    if (attempt > 1)
        md_log(&run->log, MD_LOG_INFO, "run", "%s: %s, attempt %d", row->name,
               md_stage_names[stage], attempt);
}

static void on_stage_progress(void *user, size_t movie, enum md_stage stage, int64_t done_us,
                              int64_t total_us)
{
    struct md_row *row = row_of(user, movie);
    (void)stage;
    row->done_us = done_us;
    row->total_us = total_us;
}

/* The lengths for the table, read now as the work folder may be gone at the end. */
static void note_lengths(struct md_row *row, const struct md_job *job, enum md_stage stage)
{
    if (stage == MD_STAGE_PROBE) {
        struct md_media media = {0};
        if (md_artifact_load(&md_artifact_media, job->work_dir, &media, NULL) == MD_OK)
            row->movie_us = media.duration_us;
        md_artifact_done(&md_artifact_media, &media);
    } else if (stage == MD_STAGE_RENDER) {
        struct md_render render = {0};
        if (md_artifact_load(&md_artifact_render, job->work_dir, &render, NULL) == MD_OK)
            row->digest_us = render.duration_us;
        md_artifact_done(&md_artifact_render, &render);
    }
}

static void on_stage_finished(void *user, size_t movie, enum md_stage stage,
                              const struct md_stage_result *result)
{
    struct run *run = user;
    struct md_row *row = row_of(run, movie);
    note_lengths(row, &run->jobs.v[movie], stage);
    if (result->cached) {
        row->cached |= 1u << stage;
        md_log(&run->log, MD_LOG_INFO, "run", "%s: %s was done before", row->name,
               md_stage_names[stage]);
        return;
    }
    double seconds = (double)result->wall_us / 1e6;
    md_log(&run->log, MD_LOG_INFO, "run", "%s: %s done in %.1f s (%.0fx real time, peak %.0f MB)",
           row->name, md_stage_names[stage], seconds,
           result->wall_us > 0 ? (double)row->movie_us / (double)result->wall_us : 0.0,
           (double)result->peak_rss_bytes / 1e6);
}

static void on_stage_failed(void *user, size_t movie, enum md_stage stage,
                            const struct md_failure *failure, bool will_retry)
{
    struct run *run = user;
    if (will_retry)
        md_log(&run->log, MD_LOG_WARNING, "run", "%s: %s failed and is tried again: %s",
               row_of(run, movie)->name, md_stage_names[stage], failure->message);
}

static void on_movie_ended(void *user, size_t movie, enum md_movie_end end,
                           const struct md_failure *failure)
{
    struct run *run = user;
    struct md_row *row = row_of(run, movie);
    row->end_us = md_clock_monotonic_us();
    row->stage = -1;
    if (end == MD_MOVIE_DONE) {
        row->state = MD_ROW_DONE;
        md_log(&run->log, MD_LOG_INFO, "run", "%s: done, see %s", row->name,
               row->report ? row->report : run->jobs.v[movie].out_dir);
        return;
    }
    if (end == MD_MOVIE_CANCELLED) {
        row->state = MD_ROW_CANCELLED;
        return;
    }
    row->problem = strdup(failure->message);
    bool not_a_movie = failure->code == MD_ERR_UNSUPPORTED && !run->scan.movies.v[movie].named;
    row->state = not_a_movie ? MD_ROW_SKIPPED : MD_ROW_FAILED;
    md_log(&run->log, not_a_movie ? MD_LOG_INFO : MD_LOG_ERROR, "run", "%s: %s", row->name,
           failure->message);
}

static void on_memory(void *user, const struct md_memory_view *memory)
{
    struct run *run = user;
    run->board.memory_used_bytes = memory->used_bytes;
    run->board.memory_total_bytes = memory->total_bytes;
    run->board.memory_level = memory->level;
}

static void on_tick(void *user)
{
    struct run *run = user;
    md_screen_draw(&run->screen, md_clock_monotonic_us());
}

static void on_resized(void *user)
{
    struct run *run = user;
    run->screen.columns = md_screen_columns(run->screen.fd);
    on_tick(run);
}

static void on_cancelling(void *user, int times)
{
    struct run *run = user;
    run->board.cancelling = true;
    if (times == 1)
        md_log(&run->log, MD_LOG_INFO, "run", "stopping; what is finished is kept");
}

/* --- before the run --- */

static int usage_error(const char *message)
{
    fprintf(stderr, "moviedigest: %s\n", message);
    return MD_EXIT_USAGE;
}

static int parse_stages(struct run *run, struct md_failure *failure)
{
    const char *text = run->args.options.stages;
    while (text && *text) {
        char name[32];
        size_t n = strcspn(text, ",");
        snprintf(name, sizeof name, "%.*s", (int)MD_MIN(n, sizeof name - 1), text);
        int stage = md_stage_parse(name);
        if (stage < 0)
            return md_fail(failure, MD_ERR_INPUT,
                           "there is no stage \"%s\": probe, shots, audio, transcript, story, "
                           "select and render are wanted",
                           name);
        run->stages |= 1u << stage;
        text += n + (text[n] == ',');
    }
    return MD_OK;
}

static bool terminal_speaks_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The log file gets everything the level allows; a terminal with live lines only what a person
 * must see, unless a level was asked for. */
static void open_screen(struct run *run)
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

static int open_log_file(struct run *run, struct md_failure *failure)
{
    int r = md_mkdir_p(run->args.options.output, failure);
    if (r < 0)
        return r;
    md_autofree char *path = md_path_join(run->args.options.output, "moviedigest.log");
    if (path)
        run->screen.file_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (run->screen.file_fd < 0)
        md_log(&run->log, MD_LOG_WARNING, "run", "no log file can be written in %s",
               run->args.options.output);
    return MD_OK;
}

static int add_row(struct run *run, const struct md_candidate *movie)
{
    char name[256];
    const char *base = md_path_base(movie->path);
    md_utf8_sanitize(name, sizeof name, base, strlen(base));
    struct md_job job = {.movie_path = movie->path,
                         .out_dir = movie->out_dir,
                         .work_dir = md_path_join(movie->out_dir, "work")};
    struct md_row row = {.name = strdup(name),
                         .report = run->stages && !(run->stages & 1u << MD_STAGE_RENDER)
                                       ? NULL
                                       : md_path_join(movie->out_dir, "report.html"),
                         .stage = -1};
    if (!job.work_dir || !row.name || md_vec_push(&run->jobs, job) < 0) {
        free((char *)job.work_dir);
        free(row.name);
        free(row.report);
        return MD_ERR_NOMEM;
    }
    if (md_vec_push(&run->board.rows, row) < 0) {
        free(row.name);
        free(row.report);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* A movie whose folder cannot be made is reported by its worker's first stage. */
static int claim_folders(struct run *run)
{
    for (size_t i = 0; i < run->scan.movies.n; i++) {
        struct md_failure failure = {0};
        if (md_scan_claim(&run->scan.movies.v[i], &failure) < 0)
            md_log(&run->log, MD_LOG_WARNING, "run", "%s", failure.message);
        if (add_row(run, &run->scan.movies.v[i]) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static void report_scan_errors(struct run *run)
{
    for (size_t i = 0; i < run->scan.errors.n; i++)
        md_log(&run->log, MD_LOG_ERROR, "run", "%s", run->scan.errors.v[i].failure.message);
}

static int dry_run(const struct run *run)
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

static int exit_status(const struct run *run)
{
    if (run->scan.errors.n)
        return MD_EXIT_FAILED;
    for (size_t i = 0; i < run->board.rows.n; i++) {
        enum md_row_state state = run->board.rows.v[i].state;
        if (state != MD_ROW_DONE && state != MD_ROW_SKIPPED)
            return MD_EXIT_FAILED;
    }
    return MD_EXIT_DONE;
}

static void print_summary(struct run *run)
{
    md_autostr table = {0};
    md_board_summary(&run->board, md_screen_columns(STDOUT_FILENO), md_clock_monotonic_us(),
                     &table);
    if (md_str_failed(&table))
        md_log(&run->log, MD_LOG_ERROR, "run", "out of memory for the table of results");
    fputs(md_str_text(&table), stdout);
    fflush(stdout);
}

static int supervise(struct run *run)
{
    struct md_failure failure = {0};
    struct md_super_result result = {0};
    const struct md_super_observer observer = {
        .user = run,
        .movie_started = on_movie_started,
        .stage_waiting = on_stage_waiting,
        .stage_started = on_stage_started,
        .stage_progress = on_stage_progress,
        .stage_finished = on_stage_finished,
        .stage_failed = on_stage_failed,
        .movie_ended = on_movie_ended,
        .memory = on_memory,
        .tick = on_tick,
        .resized = on_resized,
        .cancelling = on_cancelling,
    };
    const struct md_super_params params = {
        .jobs = run->jobs.v,
        .job_count = run->jobs.n,
        .options = &run->args.options,
        .stages = run->stages,
        .log = &run->log,
        .observer = &observer,
        .tick_us = run->screen.live ? TICK_US : 0,
        .handle_signals = true,
    };
    run->board.start_us = md_clock_monotonic_us();
    int r = md_super_run(&params, &result, &failure);
    md_screen_clear(&run->screen);
    run->screen.live = false;
    if (r < 0) {
        md_log(&run->log, MD_LOG_ERROR, "run", "%s", failure.message);
        return MD_EXIT_FAILED;
    }
    print_summary(run);
    return exit_status(run);
}

static int run_all(struct run *run)
{
    struct md_failure failure = {0};
    const struct md_options *options = &run->args.options;
    if (run->args.paths.n == 0)
        return usage_error("name a movie or a folder: moviedigest run PATH...");
    if (!options->output)
        return usage_error("option output cannot be empty");
    if (parse_stages(run, &failure) < 0)
        return usage_error(failure.message);
    open_screen(run);
    if (md_scan_paths(run->args.paths.v, run->args.paths.n, options->output, &run->scan) < 0)
        return usage_error("out of memory");
    report_scan_errors(run);
    if (run->scan.movies.n == 0)
        return usage_error("no movie was found");
    if (options->dry_run)
        return dry_run(run);
    if (open_log_file(run, &failure) < 0)
        return usage_error(failure.message);
    if (claim_folders(run) < 0)
        return usage_error("out of memory");
    return supervise(run);
}

static void run_done(struct run *run)
{
    for (size_t i = 0; i < run->jobs.n; i++)
        free((char *)run->jobs.v[i].work_dir);
    md_vec_done(&run->jobs);
    md_board_done(&run->board);
    md_scan_done(&run->scan);
    md_args_done(&run->args);
    if (run->screen.file_fd > 0)
        close(run->screen.file_fd);
}

int md_run_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct run run = {.screen = {.file_fd = -1}};
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
