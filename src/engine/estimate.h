/* Predicted peak memory of a stage: what its lease asks for. Pure arithmetic. */
#ifndef MD_ENGINE_ESTIMATE_H
#define MD_ENGINE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/stage.h"

/* What the estimate needs to know about a movie; comes with the end of the probe stage. Zero is
 * "nothing known". */
struct md_movie_facts {
    bool known;
    int64_t duration_us;
    int64_t width, height; /* coded picture of the chosen video stream; 0 without one */
    int64_t bit_depth;     /* of that stream; 0 unknown */
    char codec[24];        /* FFmpeg's name */
    int64_t channels;      /* of the chosen audio stream; 0 without one */
};

/* Predicted peak resident memory of a worker that runs this stage with this many threads, in bytes,
 * without buffer; 0: not known, the governor's safe default is to be assumed. A digest has at most
 * max_height lines (0: as many as the movie). */
int64_t md_estimate_stage(enum md_stage stage, const struct md_movie_facts *facts, int threads,
                          int64_t max_height);

struct md_estimate_query;
struct md_engine_model;
struct md_engine_need;

/* What a model takes of the device with these settings, but for the CPU instead of a GPU. Nothing
 * of a speech model can be left out. */
struct md_engine_need md_estimate_model(const struct md_engine_model *model,
                                        enum md_executor executor, enum md_settings settings,
                                        bool device_is_gpu);

/* What an engine assumes that is given no estimate of its own: the above for media workers, weights
 * and units for those with a model. < 0: nothing of the device is used. */
int64_t md_estimate_query(const struct md_estimate_query *query, bool device_is_gpu);

#endif
