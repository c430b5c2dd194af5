/* How stages and movies end: shared by the engine, the runtime and the front end. */
#ifndef MD_ENGINE_OUTCOME_H
#define MD_ENGINE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "model/stage.h"

/* What a finished stage cost. Wall and CPU time and memory are 0 for cached ones. */
struct md_stage_result {
    bool cached;
    int64_t wall_us, cpu_us;
    int64_t peak_rss_bytes; /* of the worker during the stage; 0 unknown */
};

/* Why nothing of a movie in flight runs. */
enum md_wait {
    MD_WAIT_NOTHING, /* something runs, or is about to */
    MD_WAIT_MEMORY,
    MD_WAIT_WORKER, /* the one that holds the model is busy with another movie, or loads it */
    MD_WAIT_TURN,   /* older movies go first */
    MD_WAIT_MODEL,  /* for its model's turn: there is no room for both */
    MD_WAIT_RETRY,  /* a moment after a worker was lost */
    MD_WAIT_RESUME, /* the user has paused */
};
enum { MD_WAITS = MD_WAIT_RESUME + 1 };

enum md_movie_end {
    MD_MOVIE_DONE,
    MD_MOVIE_FAILED,
    MD_MOVIE_CANCELLED, /* by the user, before it was done */
};
enum { MD_MOVIE_ENDS = MD_MOVIE_CANCELLED + 1 };

#endif
