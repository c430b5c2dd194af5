/* How stages and movies end: shared by the engine, the runtime and the front end. */
#ifndef MD_ENGINE_OUTCOME_H
#define MD_ENGINE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

/* Who runs a stage: the movie's own media worker, or a worker that holds a model for all. */
enum md_executor { MD_EXECUTOR_MEDIA, MD_EXECUTOR_ASR, MD_EXECUTOR_LLM, MD_EXECUTORS };

/* How much a stage may take, once no smaller batch helps. The result must not depend on it more
 * than the executor's model says. */
enum md_settings {
    MD_SETTINGS_NORMAL,
    MD_SETTINGS_SMALL, /* quantised caches, fewer layers on the GPU, fewer pictures at once */
    MD_SETTINGS_CPU,   /* nothing on the device */
};

/* What a finished stage cost. Wall and CPU time and memory are 0 for cached ones. */
struct md_stage_result {
    bool cached;
    int64_t wall_us, cpu_us;
    int64_t peak_rss_bytes; /* of the worker during the stage; 0 unknown */
};

enum md_movie_end {
    MD_MOVIE_DONE,
    MD_MOVIE_FAILED,
    MD_MOVIE_CANCELLED, /* by the user, before it was done */
};

#endif
