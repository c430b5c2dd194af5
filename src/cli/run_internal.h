/* A run's state, shared by its files:
 *   run.c     the command: options, movies, queue, the run, the summary
 *   movies.c  the movies of the run, named or from the queue
 *   watch.c   what the supervisor tells: to the board, to the log, to the queue
 *   record.c  what is written to the queue
 *   live.c    what other commands ask of a run
 */
#ifndef MD_CLI_RUN_INTERNAL_H
#define MD_CLI_RUN_INTERNAL_H

#include <gov/history.h>

#include "cli/args.h"
#include "cli/board.h"
#include "cli/eta.h"
#include "cli/place.h"
#include "cli/scan.h"
#include "cli/screen.h"
#include "cli/service.h"
#include "super/control.h"
#include "super/super.h"

struct md_run_movie {
    int64_t id;                      /* in the queue; 0: it could not be written there */
    char *path, *out_dir, *work_dir; /* as the run uses and shows them; owned */
    struct md_options options;
    unsigned stages; /* wanted, as bits; 0 all */
    bool named;      /* by the person; else found in a folder */
    bool in_flight, ended;
    bool dropped;                  /* the user took it out of the queue */
    int attempt;                   /* of the running stage */
    unsigned done;                 /* stages */
    int64_t lease_bytes, batch;    /* of the stage that is to start */
    int64_t checkpoint_us;         /* monotonic, of the last checkpoint; 0 none in this stage */
    struct md_queue_attempt noted; /* id 0: none */
};
/* By pointer: the supervisor borrows what is in them while more are added. */
struct md_run_movies MD_VEC(struct md_run_movie *);

struct md_run {
    struct md_args args;
    struct md_scan scan;
    struct md_run_movies movies; /* by the supervisor's number, as the board's rows */
    struct md_board board;
    struct md_screen screen;
    struct md_log log;
    struct md_place place;
    char *measures;  /* see md_super_params; NULL */
    bool unrecorded; /* the queue cannot be written, and that was said */
    bool refused;    /* a movie of the queue could not be begun */

    /* For those who ask. */
    struct md_control *control; /* NULL: nobody can */
    struct md_service service;
    struct md_live live;
    struct md_live_state state;
    struct md_super *super; /* while somebody asks */
    struct md_eta eta;
    int at_once; /* movies that were seen in flight together */
    int in_flight;
};

/* movies.c */

/* "probe,shots" as bits; NULL is 0. MD_ERR_INPUT. */
int md_run_parse_stages(const char *text, unsigned *ret_stages, struct md_failure *failure);
/* A movie as it is called on screen; caller frees. */
char *md_run_display_name(const char *path);
/* The movies of the scan join the run and the queue. MD_ERR_NOMEM. */
int md_run_take_scan(struct md_run *run);
/* A movie of the queue joins the run; with `over`, options of the command line win. MD_ERR_INPUT:
 * its options cannot be used. MD_ERR_NOMEM. */
int md_run_take_job(struct md_run *run, const struct md_queue_job *job, bool over,
                    struct md_failure *failure);
/* Everything that waits in the queue. MD_ERR_NOMEM, or what the queue returns. */
int md_run_take_queue(struct md_run *run, struct md_failure *failure);
/* The last movie leaves again: the supervisor would not have it. */
void md_run_take_back(struct md_run *run);
/* For the supervisor; what it points to is the movie's. */
struct md_job md_run_job(const struct md_run_movie *movie);
void md_run_movies_done(struct md_run *run);

/* watch.c */
struct md_super_observer md_run_observer(struct md_run *run);

/* record.c; none of them fails: what cannot be written is said once, and the run goes on */

/* Adds the movies to the queue and sets their ids. */
void md_run_record_movies(struct md_run *run);
void md_run_record_state(struct md_run *run, const struct md_run_movie *movie,
                         enum md_job_state state, const struct md_failure *why);
void md_run_record_removal(struct md_run *run, const struct md_run_movie *movie);
void md_run_record_begin(struct md_run *run, struct md_run_movie *movie, enum md_stage stage);
void md_run_record_end(struct md_run *run, struct md_run_movie *movie, int64_t peak_bytes,
                       const struct md_failure *why);
/* At most one in five seconds reaches the disk. */
void md_run_record_progress(struct md_run *run, struct md_run_movie *movie, enum md_stage stage,
                            int64_t done, int64_t total);

/* Where the governor's history is kept: the queue. */
struct gov_history_store md_run_history_store(struct md_run *run);

/* live.c */

/* Opens the control socket and says where it is; without one the run goes on. */
void md_run_open_control(struct md_run *run);
/* The loop's part of it; fd < 0: there is none. */
struct md_super_source md_run_source(struct md_run *run);

#endif
