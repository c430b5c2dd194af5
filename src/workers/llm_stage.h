/* The story stage as a worker with a language model runs it. */
#ifndef MD_WORKERS_LLM_STAGE_H
#define MD_WORKERS_LLM_STAGE_H

#include "infer/text.h"
#include "model/stage.h"

/* env->model of such a worker. */
struct md_llm_model {
    const struct md_text_backend *backend;
    void *text;
    char *name; /* of the model's file; UTF-8 */
};

extern const struct md_stage_ops md_stage_ops_story_llm;

#endif
