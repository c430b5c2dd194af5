/* moviedigest-llm: one process for all movies; holds a language model and tells stories. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "workers/llm_stage.h"
#include "workers/runner.h"
#include "workers/witness.h"

static const struct md_stage_ops *const table[] = {&md_stage_ops_story_llm, NULL};

static void unload(void *opaque)
{
    struct md_llm_model *model = opaque;
    if (!model)
        return;
    model->backend->close(model->text);
    free(model->name);
    free(model);
}

static char *shown_name(const char *path)
{
    const char *base = md_path_base(path);
    size_t n = strlen(base);
    char *name = malloc(3 * n + 1);
    if (name)
        md_utf8_sanitize(name, 3 * n + 1, base, n);
    return name;
}

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
    struct md_llm_model *model = calloc(1, sizeof *model);
    if (!model)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    model->backend = &md_text_llama;
    model->name = shown_name(text.model_path);
    int r = model->name ? model->backend->open(&text, &model->text, failure)
                        : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r < 0) {
        unload(model);
        return r;
    }
    *ret_model = model;
    return MD_OK;
}

static bool is_sound(const void *opaque)
{
    const struct md_llm_model *model = opaque;
    return model->backend->is_sound(model->text);
}

int main(int argc, char **argv)
{
    static const struct md_model_ops text = {.load = load, .unload = unload, .is_sound = is_sound};
    static const struct md_worker_program program = {
        .name = "moviedigest-llm",
        .table = table,
        .models = {[MD_EXECUTOR_LLM] = &text},
    };
    return md_runner_main(argc, argv, &program);
}
