/* moviedigest-llm: one process for all movies; holds a language model and tells stories. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "infer/model_file.h"
#include "ipc/protocol.h"
#include "workers/llm_stage.h"
#include "workers/runner.h"
#include "workers/witness.h"

static const struct md_stage_ops *const table[] = {&md_stage_ops_story_llm, NULL};

static void use_as(struct md_text_params *text, enum md_settings settings, int64_t context)
{
    struct md_model_use use = md_model_use_at(settings, context);
    text->context = use.context;
    text->small_cache = use.small_cache;
    text->half_layers = use.half_layers;
    text->cpu_only = use.on_cpu;
}

static int load(const struct md_model_params *params, void **ret_model, struct md_failure *failure)
{
    struct md_text_params text = {.model_path = params->options->llm_model,
                                  .sequences = MD_MIN(params->batch, (int)MD_TEXT_MAX_SEQUENCES),
                                  .threads = md_model_threads(params),
                                  .log = params->log,
                                  .no_memory = md_witness_note};
    use_as(&text, params->settings, params->options->llm_context);
    if (!text.model_path)
        return md_fail(failure, MD_ERR_INPUT, "no language model is given: --llm-model FILE");
    return md_llm_open(&md_text_llama, &text, md_path_base(text.model_path), ret_model, failure);
}

static const char *file(const struct md_options *options)
{
    return options->llm_model;
}

/* moviedigest-llm --check: do the libraries load, are they the right ones? */
static int check(void)
{
    char text[400];
    struct md_failure failure = {0};
    if (md_text_check(NULL, text, sizeof text, &failure) < 0) {
        fprintf(stderr, "%s\n", failure.message);
        return 1;
    }
    puts(text);
    return 0;
}

/* What a library says about a file that it does not load is only in its log. */
static void keep_error(void *user, enum md_log_level level, const char *component, const char *text)
{
    static const char mark[] = "error loading model: ";
    const char *at = strstr(text, mark);
    if (at)
        snprintf(user, 300, "%s", at + strlen(mark));
}

/* moviedigest-llm --measure MODEL CONTEXT SEQUENCES SETTINGS: what it would take, from a dry run;
 * of CONTEXT as much as SETTINGS leave. Prints bytes: on the GPU, in main memory. */
static int measure(char *const *argv)
{
    struct md_text_memory memory;
    struct md_failure failure = {0};
    char error[300] = "";
    const struct md_log log = {MD_LOG_DEBUG, keep_error, error};
    struct md_text_params params = {.log = &log,
                                    .model_path = argv[0],
                                    .sequences = (int)strtol(argv[2], NULL, 10),
                                    .threads = 1};
    int settings = 0;
    while (settings < MD_SETTINGS && strcmp(argv[3], md_settings_names[settings]) != 0)
        settings++;
    if (settings == MD_SETTINGS) {
        fprintf(stderr, "no such settings: %s\n", argv[3]);
        return 2;
    }
    use_as(&params, (enum md_settings)settings, strtoll(argv[1], NULL, 10));
    if (md_text_measure(&params, &memory, &failure) < 0) {
        fprintf(stderr, "%s%s%s\n", failure.message, error[0] ? ": " : "", error);
        /* Only what the library says of the file is the file's fault. */
        return failure.code == MD_ERR_NOMEM ? MD_EXIT_NO_MEMORY : 1;
    }
    int64_t all = memory.model_bytes + memory.context_bytes + memory.compute_bytes;
    printf("%" PRId64 " %" PRId64 "\n", all - memory.host_bytes, memory.host_bytes);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check();
    if (argc == 6 && strcmp(argv[1], "--measure") == 0)
        return measure(argv + 2);
    static const struct md_model_ops text = {
        .load = load, .unload = md_llm_close, .file = file, .is_sound = md_llm_is_sound};
    static const struct md_worker_program program = {
        .name = "moviedigest-llm",
        .table = table,
        .models = {[MD_EXECUTOR_LLM] = &text},
    };
    return md_runner_main(argc, argv, &program);
}
