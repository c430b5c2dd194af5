/* The models a run may use, as the engine wants to know them. Files are looked at before any movie
 * starts: a damaged one is a sentence at the beginning, not a failed movie in the night. */
#include "super/super_internal.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "infer/endpoint_address.h"
#include "infer/model_file.h"
#include "super/ask.h"

/* A disk of a tenth of a gigabyte a second is a slow one; it is measured once a model was loaded.
 */
static const int64_t load_bytes_per_s = 100000000;
/* A worker with its libraries and one batch's sound or text. */
static const int64_t worker_bytes = 80000000;

struct wish {
    const char *option, *path;
    enum md_model_kind kind;
    struct md_model_use use;
};

static int look_at(const struct wish *wish, const char *measures, struct md_engine_model *ret_model,
                   struct md_failure *failure)
{
    struct md_model_file file;
    struct md_model_memory memory;
    bool exact;
    const char *path = wish->path;
    int r = md_model_file_read(path, &file, failure);
    if (r < 0)
        return r;
    if (file.kind != wish->kind)
        return md_fail(failure, MD_ERR_INPUT, "%s: %s is %s", wish->option, path,
                       file.kind == MD_MODEL_WHISPER ? "a Whisper model" : "a language model");
    r = md_ask_model(path, &file, &wish->use, measures, &memory, &exact, failure);
    if (r < 0)
        return r;
    *ret_model = (struct md_engine_model){
        .name = md_path_base(path),
        .resident_bytes = memory.resident_bytes + worker_bytes,
        .unit_bytes = memory.unit_bytes,
        .load_us = MD_MAX(file.size_bytes / (load_bytes_per_s / 1000000), 1000000),
    };
    return MD_OK;
}

static void look_at_smaller(const struct wish *wish, const char *measures,
                            struct md_engine_model *model)
{
    struct md_model_file file;
    struct md_failure ignored;
    if (md_model_file_read(wish->path, &file, &ignored) < 0)
        return;
    for (enum md_settings s = MD_SETTINGS_SMALL; s < MD_SETTINGS_CPU; s++) {
        struct md_model_memory memory;
        md_ask_smaller(wish->path, &file, wish->use.context, s, wish->use.on_cpu, measures,
                       &memory);
        model->smaller[s] =
            (struct md_engine_need){memory.resident_bytes + worker_bytes, memory.unit_bytes};
    }
}

/* Whether anybody answers is found out when a story is told: a server may come later. */
static int look_at_server(const struct md_options *options, struct md_engine_model *ret_model,
                          struct md_failure *failure)
{
    const int64_t exchange_bytes = 4000000;
    struct md_endpoint_address address;
    char *key = NULL;
    if (options->llm_model)
        return md_fail(failure, MD_ERR_INPUT,
                       "--llm-model and --llm-url name two language models; one is enough");
    int r = md_endpoint_address_parse(options->llm_url, &address, failure);
    if (r < 0)
        return r;
    md_endpoint_address_done(&address);
    if (options->llm_key_file)
        r = md_endpoint_key_read(options->llm_key_file, &key, failure);
    md_endpoint_key_free(key);
    *ret_model = (struct md_engine_model){
        .name = "endpoint",
        .resident_bytes = worker_bytes,
        .unit_bytes = exchange_bytes,
        .load_us = 10000000, /* on the server, several GB from a disk */
        .is_remote = true,
    };
    return r;
}

int md_super_find_models_(const struct md_options *options, bool on_cpu, const char *measures,
                          struct md_engine_model *models, struct md_failure *failure)
{
    const struct wish speech = {
        "--asr-model", options->asr_model, MD_MODEL_WHISPER, {.on_cpu = on_cpu}};
    const struct wish text = {"--llm-model",
                              options->llm_model,
                              MD_MODEL_GGUF,
                              {.context = options->llm_context, .on_cpu = on_cpu}};
    int r = MD_OK;
    if (options->transcribe == MD_TRANSCRIBE_WHISPER && !options->asr_model)
        return md_fail(failure, MD_ERR_INPUT,
                       "--transcribe=whisper needs a speech model: --asr-model FILE");
    if (options->asr_model &&
        (options->transcribe == MD_TRANSCRIBE_AUTO || options->transcribe == MD_TRANSCRIBE_WHISPER))
        r = look_at(&speech, measures, &models[MD_EXECUTOR_ASR], failure);
    if (r == MD_OK && options->llm_url)
        r = look_at_server(options, &models[MD_EXECUTOR_LLM], failure);
    else if (r == MD_OK && options->llm_model)
        r = look_at(&text, measures, &models[MD_EXECUTOR_LLM], failure);
    if (r == MD_OK && options->llm_model && !options->llm_url)
        look_at_smaller(&text, measures, &models[MD_EXECUTOR_LLM]);
    return r;
}
