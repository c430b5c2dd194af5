/* What happens goes to three places: the board for who looks now, the log for who looks later, the
 * queue for who goes on. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/run_internal.h"
#include "model/media.h"
#include "model/render.h"

static struct md_row *row_of(struct md_run *run, size_t movie)
{
    return &run->board.rows.v[movie];
}

static void on_movie_started(void *user, size_t movie)
{
    struct md_run *run = user;
    struct md_row *row = row_of(run, movie);
    row->state = MD_ROW_RUNNING;
    row->start_us = md_clock_monotonic_us();
    run->movies.v[movie]->in_flight = true;
    run->in_flight++;
    run->at_once = MD_MAX(run->at_once, run->in_flight);
    md_run_record_state(run, run->movies.v[movie], MD_JOB_RUNNING, NULL);
}

static void on_stage_waiting(void *user, size_t movie, enum md_stage stage)
{
    struct md_row *row = row_of(user, movie);
    row->waiting = true;
    row->stage = (int)stage;
}

static void on_stage_leased(void *user, size_t movie, enum md_stage stage, int batch,
                            int64_t lease_bytes)
{
    struct md_run *run = user;
    run->movies.v[movie]->batch = batch;
    run->movies.v[movie]->lease_bytes = lease_bytes;
}

static void on_stage_started(void *user, size_t movie, enum md_stage stage, int attempt)
{
    struct md_run *run = user;
    struct md_row *row = row_of(run, movie);
    run->movies.v[movie]->attempt = attempt;
    md_run_record_begin(run, run->movies.v[movie], stage);
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
    struct md_run *run = user;
    struct md_row *row = row_of(run, movie);
    row->done_us = done_us;
    row->total_us = total_us;
    md_run_record_progress(run, run->movies.v[movie], stage, done_us, total_us);
}

static void on_units(void *user, size_t movie, enum md_stage stage, int64_t done, int64_t total)
{
    struct md_run *run = user;
    md_run_record_progress(run, run->movies.v[movie], stage, done, total);
}

/* The lengths for the table, read now as the work folder may be gone at the end. */
static void note_lengths(struct md_row *row, const struct md_run_movie *movie, enum md_stage stage)
{
    if (stage == MD_STAGE_PROBE) {
        struct md_media media = {0};
        if (md_artifact_load(&md_artifact_media, movie->work_dir, &media, NULL) == MD_OK)
            row->movie_us = media.duration_us;
        md_artifact_done(&md_artifact_media, &media);
    } else if (stage == MD_STAGE_RENDER) {
        struct md_render render = {0};
        if (md_artifact_load(&md_artifact_render, movie->work_dir, &render, NULL) == MD_OK)
            row->digest_us = render.duration_us;
        md_artifact_done(&md_artifact_render, &render);
    }
}

static void on_stage_finished(void *user, size_t movie, enum md_stage stage,
                              const struct md_stage_result *result)
{
    struct md_run *run = user;
    struct md_row *row = row_of(run, movie);
    note_lengths(row, run->movies.v[movie], stage);
    run->movies.v[movie]->done |= 1u << stage;
    if (result->cached) {
        row->cached |= 1u << stage;
        md_log(&run->log, MD_LOG_INFO, "run", "%s: %s was done before", row->name,
               md_stage_names[stage]);
        return;
    }
    md_run_record_end(run, run->movies.v[movie], result->peak_rss_bytes, NULL);
    md_eta_learn(&run->eta, stage, result->wall_us, row->movie_us);
    double seconds = (double)result->wall_us / 1e6;
    md_log(&run->log, MD_LOG_INFO, "run", "%s: %s done in %.1f s (%.0fx real time, peak %.0f MB)",
           row->name, md_stage_names[stage], seconds,
           result->wall_us > 0 ? (double)row->movie_us / (double)result->wall_us : 0.0,
           (double)result->peak_rss_bytes / 1e6);
}

static void on_stage_failed(void *user, size_t movie, enum md_stage stage,
                            const struct md_failure *failure, bool will_retry)
{
    struct md_run *run = user;
    md_run_record_end(run, run->movies.v[movie], 0, failure);
    if (will_retry)
        md_log(&run->log, MD_LOG_WARNING, "run", "%s: %s failed and is tried again: %s",
               row_of(run, movie)->name, md_stage_names[stage], failure->message);
}

/* Found in a folder, and no movie after all: it is nobody's failure. */
static bool is_left_out(const struct md_run_movie *movie, const struct md_failure *failure)
{
    return failure->code == MD_ERR_UNSUPPORTED && !movie->named;
}

static void on_failed(struct md_run *run, const struct md_run_movie *movie, struct md_row *row,
                      const struct md_failure *failure)
{
    bool left_out = is_left_out(movie, failure);
    row->problem = strdup(failure->message);
    row->state = left_out ? MD_ROW_SKIPPED : MD_ROW_FAILED;
    md_log(&run->log, left_out ? MD_LOG_INFO : MD_LOG_ERROR, "run", "%s: %s", row->name,
           failure->message);
    if (left_out)
        md_run_record_removal(run, movie);
    else
        md_run_record_state(run, movie, MD_JOB_FAILED, failure);
}

static void on_movie_ended(void *user, size_t number, enum md_movie_end end,
                           const struct md_failure *failure)
{
    struct md_run *run = user;
    struct md_row *row = row_of(run, number);
    struct md_run_movie *movie = run->movies.v[number];
    run->in_flight -= movie->in_flight;
    movie->in_flight = false;
    movie->ended = true;
    row->end_us = md_clock_monotonic_us();
    row->stage = -1;
    if (movie->noted.id)
        md_run_record_end(run, movie, 0, failure);
    if (end == MD_MOVIE_DONE) {
        row->state = MD_ROW_DONE;
        md_log(&run->log, MD_LOG_INFO, "run", "%s: done, see %s", row->name,
               row->report ? row->report : movie->out_dir);
        md_run_record_state(run, movie, MD_JOB_DONE, NULL);
    } else if (end == MD_MOVIE_FAILED) {
        on_failed(run, movie, row, failure);
    } else if (movie->dropped) {
        row->state = MD_ROW_DROPPED;
        md_run_record_removal(run, movie);
    } else {
        row->state = MD_ROW_CANCELLED;
        md_run_record_state(run, movie, MD_JOB_QUEUED, NULL);
    }
}

static void set_paused(struct md_run *run, bool by_memory, bool paused)
{
    *(by_memory ? &run->state.paused_by_memory : &run->state.paused_by_user) = paused;
    run->board.paused = run->state.paused_by_user     ? "paused"
                        : run->state.paused_by_memory ? "paused until there is memory"
                                                      : NULL;
}

static void on_paused(void *user, bool by_memory)
{
    set_paused(user, by_memory, true);
}

static void on_resumed(void *user, bool by_memory)
{
    set_paused(user, by_memory, false);
}

static void on_memory(void *user, const struct md_memory_view *memory)
{
    struct md_run *run = user;
    run->state.memory = *memory;
    run->board.memory_used_bytes = memory->used_bytes;
    run->board.memory_total_bytes = memory->total_bytes;
    run->board.memory_level = memory->level;
}

static void on_tick(void *user)
{
    struct md_run *run = user;
    md_screen_draw(&run->screen, md_clock_monotonic_us());
}

static void on_resized(void *user)
{
    struct md_run *run = user;
    run->screen.columns = md_screen_columns(run->screen.fd);
    on_tick(run);
}

static void on_cancelling(void *user, int times)
{
    struct md_run *run = user;
    run->board.cancelling = run->state.stopping = true;
    if (times == 1)
        md_log(&run->log, MD_LOG_INFO, "run", "stopping; what is finished is kept");
}

struct md_super_observer md_run_observer(struct md_run *run)
{
    return (struct md_super_observer){
        .user = run,
        .movie_started = on_movie_started,
        .stage_waiting = on_stage_waiting,
        .stage_leased = on_stage_leased,
        .stage_started = on_stage_started,
        .stage_progress = on_stage_progress,
        .stage_finished = on_stage_finished,
        .stage_failed = on_stage_failed,
        .units = on_units,
        .movie_ended = on_movie_ended,
        .paused = on_paused,
        .resumed = on_resumed,
        .memory = on_memory,
        .tick = on_tick,
        .resized = on_resized,
        .cancelling = on_cancelling,
    };
}
