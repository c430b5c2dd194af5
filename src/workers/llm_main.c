/* moviedigest-llm: one process for all movies; holds a language model and tells stories. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "workers/llm_stage.h"
#include "workers/runner.h"
#include "workers/witness.h"

static const struct md_stage_ops *const table[] = {&md_stage_ops_story_llm, NULL};

static int load(const struct md_model_params *params, void **ret_model, struct md_failure *failure)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct md_text_params text = {.model_path = params->options->llm_model,
                                  .sequences = MD_MIN(params->batch, (int)MD_TEXT_MAX_SEQUENCES),
                                  .context = params->options->llm_context,
                                  .small_cache = params->settings != MD_SETTINGS_NORMAL,
                                  .cpu_only = params->settings == MD_SETTINGS_CPU,
                                  .threads = (int)MD_MAX(cores, 1),
                                  .log = params->log,
                                  .no_memory = md_witness_note};
    if (!text.model_path)
        return md_fail(failure, MD_ERR_INPUT, "no language model is given: --llm-model FILE");
    return md_llm_open(&md_text_llama, &text, md_path_base(text.model_path), ret_model, failure);
}

int main(int argc, char **argv)
{
    static const struct md_model_ops text = {
        .load = load, .unload = md_llm_close, .is_sound = md_llm_is_sound};
    static const struct md_worker_program program = {
        .name = "moviedigest-llm",
        .table = table,
        .models = {[MD_EXECUTOR_LLM] = &text},
    };
    return md_runner_main(argc, argv, &program);
}
