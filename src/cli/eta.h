/* How long it will still take. Pure: what stages took so far in, a guess out. */
#ifndef MD_CLI_ETA_H
#define MD_CLI_ETA_H

#include <stddef.h>
#include <stdint.h>

#include "model/stage.h"

/* Zero-filled: nothing was measured yet. */
struct md_eta {
    int64_t wall_us[MD_STAGES];  /* of stages that were run */
    int64_t movie_us[MD_STAGES]; /* lengths of their movies */
};

struct md_eta_movie {
    int64_t movie_us;     /* 0 unknown */
    unsigned stages_left; /* bits, the running one included */
    int stage;            /* the running one, -1 none */
    int64_t elapsed_us;   /* in it */
    double fraction;      /* of it, < 0 unknown */
};

/* A stage was run (not found done). */
void md_eta_learn(struct md_eta *eta, enum md_stage stage, int64_t wall_us, int64_t movie_us);

/* What is left of one movie in microseconds of the clock on the wall; -1 unknown. */
int64_t md_eta_movie(const struct md_eta *eta, const struct md_eta_movie *movie);

/* What is left of all, of which so many are done at once; -1 unknown. */
int64_t md_eta_batch(const struct md_eta *eta, const struct md_eta_movie *movies, size_t count,
                     int at_once);

#endif
