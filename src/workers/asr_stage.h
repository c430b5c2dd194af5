/* The transcript stage as a worker with a speech model runs it. */
#ifndef MD_WORKERS_ASR_STAGE_H
#define MD_WORKERS_ASR_STAGE_H

#include "infer/speech.h"
#include "model/stage.h"

/* env->model of such a worker. */
struct md_asr_model {
    struct md_speech *speech;
    char *name;         /* of the model's file; UTF-8 */
    const char *device; /* "CPU", "GPU"; static; NULL: not told */
};

extern const struct md_stage_ops md_stage_ops_transcript_asr;

#endif
