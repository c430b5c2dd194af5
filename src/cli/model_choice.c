/* What is named is used or refused. What is not named may only help: a model of the own folder that
 * cannot be used is told, and the run goes on without. */
#include "cli/model_choice.h"

#include <errno.h>
#include <gov/governor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "super/ask.h"

/* ---- the device ---- */

static int resolve(struct md_args *args, struct gov_device *device, struct md_model_device *ret,
                   struct md_failure *failure)
{
    char why[200] = "";
    struct gov_sample sample = {0};
    struct gov_device_info info;
    gov_device_info(device, &info);
    if (gov_device_sample(device, 0, -1, &sample) != GOV_OK || !(sample.valid & GOV_SAMPLE_TOTAL))
        return md_fail(failure, MD_ERR_INPUT, "%s cannot be read", info.name);
    if (gov_config_sources_resolve(&args->memory, sample.total_bytes, why, sizeof why) < 0)
        return md_fail(failure, MD_ERR_INPUT, "%s", why);
    const struct gov_config *config = &args->memory.config;
    *ret = (struct md_model_device){
        .is_gpu = strcmp(info.backend, "host") != 0,
        .total_bytes = sample.total_bytes,
        .budget_bytes = gov_budget_compute(&config->budget, sample.total_bytes, 0).cap_bytes,
        .whisper_batch = config->whisper_chunks,
        .llm_batch = config->llm_prompts,
    };
    snprintf(ret->name, sizeof ret->name, "%s", info.name);
    return MD_OK;
}

int md_model_device_look(struct md_args *args, struct md_model_device *ret,
                         struct md_failure *failure)
{
    char why[160] = "";
    struct gov_device *device = NULL;
    const char *spec = args->options.device;
    struct gov_device_params params = {
        .memory_limit_bytes = args->options.memory_limit, .reason = why, .reason_size = sizeof why};
    bool by_itself = !spec || strcmp(spec, "auto") == 0;
    int error = gov_device_open(by_itself ? "nvidia" : spec, &params, &device);
    if (error < 0 && by_itself)
        error = gov_device_open("host", &params, &device);
    if (error < 0)
        return md_fail(failure, MD_ERR_INPUT, "device %s cannot be used: %s", spec ? spec : "auto",
                       why[0] ? why : gov_error_text(error));
    int r = resolve(args, device, ret, failure);
    gov_device_free(device);
    return r;
}

/* ---- the best ---- */

int64_t md_model_need_at(const struct md_model_need *need, int batch)
{
    return need->memory.resident_bytes + batch * need->memory.unit_bytes;
}

/* Without a GPU: a model of four billion parameters writes some five tokens a second on eight
 * cores, Whisper small listens about as fast as the sound runs. */
static bool is_for_cpu(const struct md_model_file *file)
{
    const int64_t most_parameters = 4500000000, small_width = 768;
    return file->kind == MD_MODEL_WHISPER ? file->width <= small_width
                                          : file->parameters <= most_parameters;
}

/* Larger is better; of one size the less quantised. Whisper's turbo is told from large by its
 * decoder: nearly as good, so that it beats medium. */
static bool is_better(const struct md_model_file *a, const struct md_model_file *b)
{
    if (a->kind == MD_MODEL_WHISPER && a->width != b->width)
        return a->width > b->width;
    if (a->kind == MD_MODEL_GGUF) {
        /* A tenth more or less is the same class: then the file decides. */
        if (a->parameters > b->parameters + b->parameters / 10)
            return true;
        if (b->parameters > a->parameters + a->parameters / 10)
            return false;
    }
    return a->size_bytes > b->size_bytes;
}

const struct md_found_model *md_model_choose(const struct md_found_models *models,
                                             const struct md_model_need *needs,
                                             enum md_model_kind kind,
                                             const struct md_model_device *device)
{
    const struct md_found_model *best = NULL;
    int64_t wanted = kind == MD_MODEL_WHISPER ? device->whisper_batch : device->llm_batch;
    /* The whole batch; half of it; one; and at last what a CPU takes nights for. */
    const int64_t batches[] = {wanted, MD_MAX(wanted / 2, 1), 1, 1};
    for (size_t k = 0; k < MD_ARRAY_LEN(batches) && !best; k++)
        for (size_t i = 0; i < models->n; i++) {
            const struct md_found_model *model = &models->v[i];
            bool is_fast = device->is_gpu || k == 3 || model->why || is_for_cpu(&model->file);
            if (!model->why && model->file.kind == kind && is_fast &&
                md_model_need_at(&needs[i], (int)batches[k]) <= device->budget_bytes &&
                (!best || is_better(&model->file, &best->file)))
                best = model;
        }
    return best;
}

char *md_model_measures(char *(*get_env)(const char *name))
{
    static const char file[] = "moviedigest/measured-models";
    const char *folder = get_env("XDG_CACHE_HOME"), *home = get_env("HOME");
    if (folder && folder[0] == '/')
        return md_path_join(folder, file);
    md_autofree char *cache = home && home[0] == '/' ? md_path_join(home, ".cache") : NULL;
    return cache ? md_path_join(cache, file) : NULL;
}

/* ---- a run's ---- */

static bool is_none(const char *name)
{
    return strcasecmp(name, "none") == 0 || strcasecmp(name, "off") == 0;
}

static int set(char **option, const char *value, struct md_failure *failure)
{
    char *copy = value ? strdup(value) : NULL;
    if (value && !copy)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    free(*option);
    *option = copy;
    return MD_OK;
}

/* A path stays what it is; a file of that name here goes before a model of that name. */
static int settle_named(char **option, enum md_model_kind kind, const char *flag,
                        char *(*get_env)(const char *name), const struct md_log *log,
                        struct md_failure *failure)
{
    struct md_found_models all;
    const struct md_found_model *model;
    if (is_none(*option))
        return set(option, NULL, failure);
    if (strchr(*option, '/') || access(*option, F_OK) == 0)
        return MD_OK;
    int r = md_model_store_search(get_env, false, &all);
    if (r < 0)
        return md_fail(failure, r, "out of memory");
    r = md_model_store_find(&all, kind, *option, &model, failure);
    if (r == MD_OK) {
        md_log(log, MD_LOG_INFO, "models", "%s %s is %s", flag, *option, model->path);
        r = set(option, model->path, failure);
    }
    md_model_store_done(&all);
    return r;
}

/* What lies in the own folder and is of no use; of which kind it was to be, its ending tells. */
static void tell_useless(const struct md_found_models *all, enum md_model_kind kind,
                         const struct md_log *log)
{
    for (size_t i = 0; i < all->n; i++) {
        const char *dot = strrchr(all->v[i].path, '.');
        bool is_speech = dot && strcasecmp(dot, ".bin") == 0;
        if (all->v[i].why && is_speech == (kind == MD_MODEL_WHISPER))
            md_log(log, MD_LOG_WARNING, "models", "%s %s", all->v[i].path, all->v[i].why);
    }
}

/* The best of the own folder, if its worker can be used. */
static int settle_own(struct md_args *args, char **option, enum md_model_kind kind,
                      char *(*get_env)(const char *name), const struct md_log *log,
                      struct md_failure *failure)
{
    struct md_found_models all;
    struct md_model_device device;
    struct md_worker_facts facts;
    struct md_failure why = {0};
    const enum md_executor executor = kind == MD_MODEL_WHISPER ? MD_EXECUTOR_ASR : MD_EXECUTOR_LLM;
    int r = md_model_store_search(get_env, true, &all);
    if (r < 0)
        return md_fail(failure, r, "out of memory");
    tell_useless(&all, kind, log);
    struct md_model_need *needs = calloc(all.n + 1, sizeof *needs);
    const struct md_found_model *best = NULL;
    if (all.n > 0 && needs && md_model_device_look(args, &device, &why) == MD_OK) {
        const struct md_model_use use = {.context = args->options.llm_context,
                                         .on_cpu = !device.is_gpu};
        for (size_t i = 0; i < all.n; i++)
            if (!all.v[i].why)
                md_model_file_memory(&all.v[i].file, &use, &needs[i].memory);
        best = md_model_choose(&all, needs, kind, &device);
    }
    if (best && md_ask_worker(executor, &facts, &why) < 0) {
        md_log(log, MD_LOG_WARNING, "models", "%s is not used: %s", best->name, why.message);
        best = NULL;
    }
    if (best) {
        md_log(log, MD_LOG_INFO, "models", "%s %s is used: it was added", best->name,
               kind == MD_MODEL_WHISPER ? "(speech)" : "(story)");
        r = set(option, best->path, failure);
    }
    free(needs);
    md_model_store_done(&all);
    return r;
}

/* A named model whose worker cannot be used: told now, and the movies go on without it. */
static void tell_unusable(enum md_executor executor, const char *path, const struct md_log *log)
{
    struct md_worker_facts facts;
    struct md_failure why = {0};
    if (md_ask_worker(executor, &facts, &why) == MD_ERR_UNSUPPORTED)
        md_log(log, MD_LOG_WARNING, "models", "%s cannot be used: %s", md_path_base(path),
               why.message);
}

int md_model_settle(struct md_args *args, char *(*get_env)(const char *name),
                    const struct md_log *log, struct md_failure *failure)
{
    struct md_options *o = &args->options;
    int r = MD_OK;
    bool listens = o->transcribe == MD_TRANSCRIBE_AUTO || o->transcribe == MD_TRANSCRIBE_WHISPER;
    if (o->asr_model) {
        r = settle_named(&o->asr_model, MD_MODEL_WHISPER, "--asr-model", get_env, log, failure);
        if (r == MD_OK && o->asr_model && listens)
            tell_unusable(MD_EXECUTOR_ASR, o->asr_model, log);
    } else if (listens) {
        r = settle_own(args, &o->asr_model, MD_MODEL_WHISPER, get_env, log, failure);
    }
    if (r < 0)
        return r;
    if (o->llm_model) {
        r = settle_named(&o->llm_model, MD_MODEL_GGUF, "--llm-model", get_env, log, failure);
        if (r == MD_OK && o->llm_model)
            tell_unusable(MD_EXECUTOR_LLM, o->llm_model, log);
    } else if (!o->llm_url) {
        r = settle_own(args, &o->llm_model, MD_MODEL_GGUF, get_env, log, failure);
    }
    return r;
}
