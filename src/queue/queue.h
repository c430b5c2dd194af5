/* The queue: which movies are to be done, how far they are, what it took.
 *
 * One SQLite file (WAL, every commit synced), so that nothing that was said to be recorded is lost
 * by a kill -9 or a power failure. Who writes holds the lock beside the file (queue/lock.h);
 * readers need none. Paths are bytes and may hold anything but NUL; texts are UTF-8.
 *
 * Errors of every function: MD_ERR_NOSPACE, MD_ERR_IO (the file cannot be written or read),
 * MD_ERR_BUSY (somebody else wrote for longer than two seconds), MD_ERR_NOMEM, MD_ERR_INPUT (the
 * file is damaged or holds what no queue holds). After any of them what was committed before is
 * still whole and the queue may be used further; a failed call changed nothing. One thread at a
 * time.
 */
#ifndef MD_QUEUE_QUEUE_H
#define MD_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/stage.h"

struct md_queue;

enum md_job_state {
    MD_JOB_QUEUED,
    MD_JOB_RUNNING,
    MD_JOB_DONE,
    MD_JOB_FAILED,
    MD_JOB_CANCELLED, /* to be removed once its worker has ended */
};
enum { MD_JOB_STATES = MD_JOB_CANCELLED + 1 };
extern const char *const md_job_state_names[]; /* "queued", "running", ...; ended by NULL */

struct md_queue_job {
    int64_t id; /* never given to another job, also when this one is gone */
    char *path, *out_dir, *work_dir;
    char *options; /* of md_options_differences */
    bool named;    /* the person named this very file; else it was found in a folder */
    enum md_job_state state;
    int64_t position;          /* lower ones first */
    int64_t added_us;          /* since 1970 */
    struct md_failure failure; /* code 0: none */
    /* The last checkpoint; stage -1: none. Movie time, total 0 when unknown. */
    int stage;
    int64_t done_us, total_us;
};
struct md_queue_jobs MD_VEC(struct md_queue_job);

void md_queue_job_done(struct md_queue_job *job);
void md_queue_jobs_done(struct md_queue_jobs *jobs);

/* Opens the file, made with its folder when missing, and brings an older one up to date. NULL is a
 * queue in memory. MD_ERR_INPUT: damaged, not a queue, or of a newer version; the message names
 * the file and what to do, and the file is left as it is. */
int md_queue_open(const char *path, struct md_queue **ret_queue, struct md_failure *failure);
/* A copy in memory of the file as it is, which is not written, nor locked for long; empty where
 * there is no file. Errors as md_queue_open. */
int md_queue_open_copy(const char *path, struct md_queue **ret_queue, struct md_failure *failure);
/* Accepts NULL. */
void md_queue_close(struct md_queue *queue);

/* To be called by the instance that runs the queue, once it holds the lock: what a dead one left
 * running is queued again, what it was to remove is removed. */
int md_queue_take_over(struct md_queue *queue, struct md_failure *failure);

/* Adds jobs, all or none, in this order at the end; of each, path, out_dir, work_dir, options and
 * named count, id is set. One that is there already (same path and out_dir) keeps its id, takes
 * the new options and, unless it is running, is queued anew at the end. */
int md_queue_add(struct md_queue *queue, struct md_queue_job *jobs, size_t count,
                 struct md_failure *failure);

/* MD_ERR_NOTFOUND. *ret_job is the caller's to free with md_queue_job_done. */
int md_queue_get(struct md_queue *queue, int64_t id, struct md_queue_job *ret_job,
                 struct md_failure *failure);

/* All jobs in these states (bits 1u << enum md_job_state), first those to be done first. Appends.
 */
int md_queue_list(struct md_queue *queue, unsigned states, struct md_queue_jobs *jobs,
                  struct md_failure *failure);

/* failure is kept for MD_JOB_FAILED and forgotten otherwise; may be NULL. MD_ERR_NOTFOUND. */
int md_queue_set_state(struct md_queue *queue, int64_t id, enum md_job_state state,
                       const struct md_failure *why, struct md_failure *failure);

/* Queues an ended job again, at the end. MD_ERR_NOTFOUND. */
int md_queue_retry(struct md_queue *queue, int64_t id, struct md_failure *failure);

/* With all that was noted about it. MD_ERR_NOTFOUND. */
int md_queue_remove(struct md_queue *queue, int64_t id, struct md_failure *failure);

/* --- what stages took --- */

struct md_queue_attempt {
    int64_t id; /* set when it begins */
    int64_t job;
    enum md_stage stage;
    int attempt;                            /* of the stage, from 1 */
    int64_t batch, lease_bytes, peak_bytes; /* 0 unknown */
    bool ended;
    int result; /* enum md_error */
    char message[512];
};
struct md_queue_attempts MD_VEC(struct md_queue_attempt);

/* The last hundred of a job are kept. */
int md_queue_begin_attempt(struct md_queue *queue, struct md_queue_attempt *attempt,
                           struct md_failure *failure);
int md_queue_end_attempt(struct md_queue *queue, const struct md_queue_attempt *attempt,
                         struct md_failure *failure);
/* Of one job, oldest first. Appends. */
int md_queue_list_attempts(struct md_queue *queue, int64_t job, struct md_queue_attempts *attempts,
                           struct md_failure *failure);

/* How far a stage of a job is, in movie time. */
int md_queue_checkpoint(struct md_queue *queue, int64_t job, enum md_stage stage, int64_t done_us,
                        int64_t total_us, struct md_failure *failure);

/* --- what memory was taken: opaque rows of the governor, one for each regime --- */

enum md_queue_memory { MD_QUEUE_HISTORY, MD_QUEUE_BATCHES };

/* Replaces the row. */
int md_queue_save_memory(struct md_queue *queue, enum md_queue_memory kind, const char *regime,
                         const void *data, size_t size, struct md_failure *failure);
/* Calls back for each row, in the order of their regimes; a result that is not 0 ends it and is
 * returned. */
int md_queue_load_memory(struct md_queue *queue, enum md_queue_memory kind,
                         int (*row)(void *user, const char *regime, const void *data, size_t size),
                         void *user, struct md_failure *failure);

#endif
