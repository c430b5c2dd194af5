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

/* For md_model_ops; ret_model is a struct md_llm_model. name is copied, made fit to show. */
int md_llm_open(const struct md_text_backend *backend, const struct md_text_params *params,
                const char *name, void **ret_model, struct md_failure *failure);
void md_llm_close(void *model); /* accepts NULL */
bool md_llm_is_sound(const void *model);
void md_llm_rest(void *model);

#endif
