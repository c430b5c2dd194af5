/* The engine in the real world: worker processes, signals, timers, the memory sampler.
 *
 * md_super_run blocks until every movie has ended and every worker process has been reaped. It
 * prints nothing: what happens is told to an observer and to the log, always from the calling
 * thread, never from a signal handler, so callbacks may do anything but call md_super_run.
 *
 * Order of calls for one movie (its index in params.jobs):
 *   movie_started, then for each wanted stage
 *     stage_waiting*  stage_started  stage_progress*  stage_finished          it was run
 *     stage_finished (cached)                                                 it was done before
 *     ... stage_failed  (will_retry: stage_started again with attempt + 1, in a fresh worker)
 *   movie_ended exactly once; also for movies that never started because of a cancel (no
 *   movie_started then).
 */
#ifndef MD_SUPER_SUPER_H
#define MD_SUPER_SUPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/outcome.h"
#include "model/options.h"
#include "model/stage.h"

/* One movie of the batch. All three are bytes, not UTF-8; borrowed for the run. Folders are made
 * as needed; work_dir is the program's own folder (it is removed with --no-keep-work). Two jobs of
 * one run must not share a work_dir: the later one would fail as busy. */
struct md_job {
    const char *movie_path;
    const char *out_dir;
    const char *work_dir;
    const struct md_options *options; /* what is made of it; NULL: as the run's. Borrowed */
    unsigned stages;                  /* wanted, as bits; 0: as the run's */
};

struct md_super; /* a run, for those it calls */
struct gov_history_store;
struct json_t;

/* Something else that the loop is to wait for: `ready` is called from the loop, never from within
 * another callback, whenever fd is readable; it may use the functions at the end of this file. */
struct md_super_source {
    int fd;
    void (*ready)(void *user, struct md_super *super);
    void *user;
};

/* Memory as the governor last saw it; a value that is not known is -1. */
struct md_memory_view {
    int64_t total_bytes, used_bytes, free_bytes; /* of the device */
    int64_t own_bytes;                           /* this program and its workers */
    int64_t leased_bytes;                        /* promised to running stages */
    const char *level;                           /* "low", "medium", "high", "critical"; static */
};

/* Any callback may be NULL. Pointers are borrowed for the call. */
struct md_super_observer {
    void *user;
    void (*movie_started)(void *user, size_t movie);
    /* The stage is ready to run and waits for memory; told once per wait. */
    void (*stage_waiting)(void *user, size_t movie, enum md_stage stage);
    /* With a promise of so much memory, for so many units at once; just before stage_started. */
    void (*stage_leased)(void *user, size_t movie, enum md_stage stage, int batch,
                         int64_t lease_bytes);
    void (*stage_started)(void *user, size_t movie, enum md_stage stage, int attempt); /* from 1 */
    /* done and total in movie time, total 0 when unknown; at most about ten times a second. */
    void (*stage_progress)(void *user, size_t movie, enum md_stage stage, int64_t done_us,
                           int64_t total_us);
    void (*stage_finished)(void *user, size_t movie, enum md_stage stage,
                           const struct md_stage_result *result);
    void (*stage_failed)(void *user, size_t movie, enum md_stage stage,
                         const struct md_failure *failure, bool will_retry);
    /* failure is NULL for MD_MOVIE_DONE; it names stage and reason for MD_MOVIE_FAILED. */
    void (*movie_ended)(void *user, size_t movie, enum md_movie_end end,
                        const struct md_failure *failure);
    /* So many units of the stage are on disk and will not be done again: a checkpoint. */
    void (*units)(void *user, size_t movie, enum md_stage stage, int64_t done, int64_t total);
    /* Nothing new is started, or is again; by memory pressure or by the user. */
    void (*paused)(void *user, bool by_memory);
    void (*resumed)(void *user, bool by_memory);
    void (*memory)(void *user, const struct md_memory_view *memory); /* about twice a second */
    void (*tick)(void *user);    /* every params.tick_us: time to redraw */
    void (*resized)(void *user); /* SIGWINCH, or continued after a stop: draw everything anew */
    /* The user asked to stop; `times` is 1 for the first signal (workers are asked), 2 and more
     * when they are killed at once. */
    void (*cancelling)(void *user, int times);
};

struct gov_config_sources;
struct md_engine_model;

struct md_super_params {
    const struct md_job *jobs; /* in the order in which they are to be done */
    size_t job_count;
    const struct md_options *options;
    /* The memory governor's settings, resolved anew for the device's size; NULL: defaults. */
    const struct gov_config_sources *memory;
    unsigned stages;                          /* wanted: bits 1u << enum md_stage; what they need is
                                                 added. 0 is all */
    const struct md_log *log;                 /* may be NULL */
    const struct md_super_observer *observer; /* may be NULL */
    int64_t tick_us;                          /* 0: no ticks */
    /* By enum md_executor, what shared workers hold; NULL: the models of the options.
     * Copied. */
    const struct md_engine_model *models;
    /* The program for every kind of worker. NULL: moviedigest-media, -asr and -llm beside this
     * executable, then in libexecdir, then where a build folder has them. */
    const char *worker_path;
    /* false: leave signals alone (tests, embedding); cancel then through `cancel_fd`. */
    bool handle_signals;
    const struct md_super_source *source; /* may be NULL */
    /* Where what the governor learns is kept between runs: read at the start, written whenever a
     * movie ends. NULL: it is forgotten. */
    const struct gov_history_store *history_store;
    /* File where what models take, once measured, is kept for the next run; NULL: measured each
     * time. */
    const char *measures;
    /* Movies may be added while others are being done: the run ends when all have ended. */
    bool stays_open;
    int cancel_fd; /* > 0: the reading end of a pipe; each byte is a cancel, as SIGINT is; borrowed.
                      0: none */
};

struct md_super_result {
    size_t done_count, failed_count, cancelled_count; /* add up to all movies */
    bool cancelled;                                   /* the user asked to stop */
    bool stopped;                                     /* md_super_stop was called */
    int signal;                                       /* SIGINT, SIGTERM or SIGHUP; 0 none */
};

/* Runs the batch. MD_OK also when movies failed: see *ret_result and the observer. Errors are those
 * of the machinery itself and end the run before any movie was started: MD_ERR_NOTFOUND (no
 * worker program), MD_ERR_IO, MD_ERR_NOMEM, MD_ERR_INPUT (options that contradict each other).
 *
 * With handle_signals, SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGTSTP are taken over for the run
 * and given back as they were afterwards. The first SIGINT, SIGTERM or SIGHUP asks the workers to
 * stop and kills them after 1.5 s; a second one kills them at once. On SIGTSTP (Ctrl-Z) the
 * workers are stopped too, and go on with us. */
int md_super_run(const struct md_super_params *params, struct md_super_result *ret_result,
                 struct md_failure *failure);

/* --- for the callback of md_super_source --- */

/* Adds a movie to a run that stays open; what the job points to is borrowed until the run's end.
 * *ret_movie is its index. MD_ERR_CANCELLED: the run is ending. MD_ERR_NOMEM. */
int md_super_add(struct md_super *super, const struct md_job *job, size_t *ret_movie);

/* The movie is not to be done any more; it ends as cancelled. */
void md_super_drop(struct md_super *super, size_t movie);

/* Why nothing of a movie in flight runs now. */
enum md_wait md_super_waits_for(const struct md_super *super, size_t movie);

/* Nothing new is started, what runs goes on; the observer's paused and resumed tell. */
void md_super_pause(struct md_super *super);
void md_super_resume(struct md_super *super);

/* Running stages finish, then everything ends; movies not done end as cancelled. */
void md_super_stop(struct md_super *super);

/* What the governor holds now, as a JSON object that the caller owns (jansson's):
 *
 *   device   backend, name; total, used, free, own, others, peak_used in bytes
 *   level    "low", "medium", "high", "critical"
 *   budget   ours_bytes, cap_bytes, room_bytes (for one more lease), leased_bytes, pending_bytes
 *   leases   [{id, owner, stage, pid, predicted_bytes, granted_bytes, now_bytes, peak_bytes,
 *              forced}], oldest first
 *   workers  [{pid, executor, busy, used_bytes}], with their children
 *   tiers    {standard, aggressive, emergency: {runs, freed_bytes}}
 *   paused (by memory, now), pauses, ooms
 *
 * What is not known is null. */
struct json_t *md_super_report_memory(struct md_super *super);

#endif
