/* The queue is a record, not a condition: a run whose queue cannot be written goes on, as its
 * movies keep their own artifacts. Each failure leaves what was there before; the next write is
 * tried all the same, as room may be made, but nothing more is said. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/run_internal.h"

static void judge(struct md_run *run, int r, const struct md_failure *failure)
{
    if (r == MD_OK || r == MD_ERR_NOTFOUND || run->unrecorded)
        return;
    run->unrecorded = true;
    md_log(&run->log, MD_LOG_WARNING, "queue", "%s; the run goes on without recording",
           failure->message);
}

static bool fill_job(const struct md_run_movie *movie, struct md_queue_job *job)
{
    md_autostr options = {0};
    md_options_differences(&movie->options, &options);
    md_str_append(&options, "");
    *job = (struct md_queue_job){.path = md_scan_absolute(movie->path),
                                 .out_dir = md_scan_absolute(movie->out_dir),
                                 .options = md_str_take(&options),
                                 .named = movie->named};
    job->work_dir = job->out_dir ? md_path_join(job->out_dir, "work") : NULL;
    return job->path && job->out_dir && job->work_dir && job->options;
}

void md_run_record_movies(struct md_run *run)
{
    struct md_queue_jobs jobs = {0};
    struct md_failure failure = {0};
    int r = md_vec_reserve(&jobs, run->movies.n + 1);
    for (size_t i = 0; r == MD_OK && i < run->movies.n; i++)
        if (!fill_job(run->movies.v[i], &jobs.v[jobs.n++]))
            r = MD_ERR_NOMEM;
    if (r < 0)
        md_fail(&failure, r, "out of memory for the queue");
    else
        r = md_queue_add(run->place.queue, jobs.v, jobs.n, &failure);
    for (size_t i = 0; r == MD_OK && i < jobs.n; i++)
        run->movies.v[i]->id = jobs.v[i].id;
    judge(run, r, &failure);
    md_queue_jobs_done(&jobs);
}

void md_run_record_state(struct md_run *run, const struct md_run_movie *movie,
                         enum md_job_state state, const struct md_failure *why)
{
    struct md_failure failure = {0};
    if (movie->id)
        judge(run, md_queue_set_state(run->place.queue, movie->id, state, why, &failure), &failure);
}

void md_run_record_removal(struct md_run *run, const struct md_run_movie *movie)
{
    struct md_failure failure = {0};
    if (movie->id)
        judge(run, md_queue_remove(run->place.queue, movie->id, &failure), &failure);
}

void md_run_record_begin(struct md_run *run, struct md_run_movie *movie, enum md_stage stage)
{
    struct md_failure failure = {0};
    movie->checkpoint_us = 0;
    movie->noted = (struct md_queue_attempt){.job = movie->id,
                                             .stage = stage,
                                             .attempt = movie->attempt,
                                             .batch = movie->batch,
                                             .lease_bytes = movie->lease_bytes};
    if (movie->id)
        judge(run, md_queue_begin_attempt(run->place.queue, &movie->noted, &failure), &failure);
}

void md_run_record_end(struct md_run *run, struct md_run_movie *movie, int64_t peak_bytes,
                       const struct md_failure *why)
{
    struct md_failure failure = {0};
    if (!movie->noted.id)
        return;
    movie->noted.peak_bytes = peak_bytes;
    movie->noted.result = why ? why->code : MD_OK;
    snprintf(movie->noted.message, sizeof movie->noted.message, "%s", why ? why->message : "");
    judge(run, md_queue_end_attempt(run->place.queue, &movie->noted, &failure), &failure);
    movie->noted.id = 0;
}

void md_run_record_progress(struct md_run *run, struct md_run_movie *movie, enum md_stage stage,
                            int64_t done, int64_t total)
{
    const int64_t often_enough_us = 5 * MD_SECOND_US;
    struct md_failure failure = {0};
    int64_t now_us = md_clock_monotonic_us();
    if (!movie->id || (movie->checkpoint_us && now_us - movie->checkpoint_us < often_enough_us))
        return;
    movie->checkpoint_us = now_us;
    judge(run, md_queue_checkpoint(run->place.queue, movie->id, stage, done, total, &failure),
          &failure);
}

struct row_reader {
    gov_history_row_fn take;
    void *user;
};

static int on_row(void *user, const char *regime, const void *data, size_t size)
{
    const struct row_reader *reader = user;
    return reader->take(reader->user, regime, data, size);
}

static int load_rows(void *context, gov_history_row_fn take, void *user)
{
    struct md_run *run = context;
    struct md_failure failure = {0};
    struct row_reader reader = {take, user};
    int r = md_queue_load_memory(run->place.queue, MD_QUEUE_HISTORY, on_row, &reader, &failure);
    if (failure.code == 0) /* what the taker said, if anything */
        return r;
    judge(run, r, &failure);
    return 0; /* as if there were none: it was said */
}

static int save_row(void *context, const char *regime, const char *row, size_t size)
{
    struct md_run *run = context;
    struct md_failure failure = {0};
    judge(run,
          md_queue_save_memory(run->place.queue, MD_QUEUE_HISTORY, regime, row, size, &failure),
          &failure);
    return 0; /* it was said, and nothing depends on it */
}

struct gov_history_store md_run_history_store(struct md_run *run)
{
    return (struct gov_history_store){.context = run, .load = load_rows, .save = save_row};
}
