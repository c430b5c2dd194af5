/* moviedigest-asr: one process for all movies; holds a speech model and listens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "infer/ggml.h"
#include "workers/asr_stage.h"
#include "workers/runner.h"
#include "workers/witness.h"

static const struct md_stage_ops *const table[] = {&md_stage_ops_transcript_asr, NULL};

static void unload(void *opaque)
{
    struct md_asr_model *model = opaque;
    if (!model)
        return;
    md_speech_free(model->speech);
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
    struct md_speech_params speech = {.model_path = params->options->asr_model,
                                      .slots = MD_MIN(params->batch, (int)MD_SPEECH_MAX_SLOTS),
                                      .cpu_only = params->settings == MD_SETTINGS_CPU,
                                      .log = params->log,
                                      .no_memory = md_witness_note,
                                      .cancelled = params->cancelled,
                                      .user = params->user};
    if (!speech.model_path)
        return md_fail(failure, MD_ERR_INPUT, "no speech model is given: --asr-model FILE");
    struct md_asr_model *model = calloc(1, sizeof *model);
    if (!model)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    model->name = shown_name(speech.model_path);
    int r = model->name ? md_speech_new(&md_speech_whisper, &speech, md_model_threads(params),
                                        &model->speech, failure)
                        : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r < 0) {
        unload(model);
        return r;
    }
    model->device = !speech.cpu_only && md_ggml_has_gpu() ? "GPU" : "CPU";
    *ret_model = model;
    return MD_OK;
}

static bool is_sound(const void *opaque)
{
    const struct md_asr_model *model = opaque;
    return md_speech_is_sound(model->speech);
}

static const char *file(const struct md_options *options)
{
    return options->asr_model;
}

/* moviedigest-asr --check: do the libraries load, are they the right ones? */
static int check(void)
{
    char text[400];
    struct md_failure failure = {0};
    if (md_speech_check(NULL, text, sizeof text, &failure) < 0) {
        fprintf(stderr, "%s\n", failure.message);
        return 1;
    }
    puts(text);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check();
    static const struct md_model_ops speech = {
        .load = load, .unload = unload, .file = file, .is_sound = is_sound};
    static const struct md_worker_program program = {
        .name = "moviedigest-asr",
        .table = table,
        .models = {[MD_EXECUTOR_ASR] = &speech},
    };
    return md_runner_main(argc, argv, &program);
}
