/* libllama: one context with a sequence for each prompt at once, each with its own part of the
 * cache. Prompts are read one at a time, in blocks of one size; tokens are then made for all
 * sequences in one go, which is where the time goes.
 *
 * After a failed call nothing is freed or used again: exceptions may have come through C, and what
 * was half-built is not told. */
#include <llama.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "infer/ggml.h"
#include "infer/llama_memory.h"
#include "infer/model_file.h"
#include "infer/text.h"

enum { BLOCK = 512 }; /* tokens of a prompt that are read at once */

struct tokens MD_VEC(llama_token);

struct sequence {
    bool active;
    size_t index; /* of its request */
    struct tokens prompt;
    int64_t length; /* tokens in the cache */
    int made, max_tokens;
    llama_token last;
    struct llama_sampler *grammar;
    struct md_str reply;
};

struct model {
    struct llama_model *llama;
    struct llama_context *context;
    const struct llama_vocab *vocab;
    struct llama_batch batch;
    int64_t room; /* tokens of a sequence */
    struct md_text_facts facts;
    bool broken;
    llama_token_data *candidates; /* of the whole vocabulary */
    int sequence_count;
    struct sequence sequences[MD_TEXT_MAX_SEQUENCES];
};

static void hear(enum ggml_log_level level, const char *text, void *unused)
{
    md_ggml_hear((int)level, text, unused);
}

static int fail(struct md_failure *failure, const char *what)
{
    if (md_ggml_take_no_memory())
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to %s", what);
    return md_fail(failure, MD_ERR_EXTERNAL, "libllama failed to %s", what);
}

/* ---- loading ---- */

static struct llama_model_params model_params(const struct md_text_params *params,
                                              const struct md_model_file *file,
                                              ggml_backend_dev_t *no_devices)
{
    struct llama_model_params m = llama_model_default_params();
    if (params->half_layers)
        m.n_gpu_layers = (int32_t)MD_CLAMP(file->layers / 2, 0, 10000);
    if (params->cpu_only) {
        m.devices = no_devices;
        m.n_gpu_layers = 0;
    }
    return m;
}

static struct llama_context_params context_params(const struct md_text_params *params,
                                                  const struct md_model_file *file)
{
    struct llama_context_params c = llama_context_default_params();
    bool small = params->small_cache && md_model_file_has_small_cache(file);
    bool gpu = !params->cpu_only && md_ggml_has_gpu();
    c.n_seq_max = (uint32_t)params->sequences;
    c.n_ctx = (uint32_t)(params->context * params->sequences);
    c.n_batch = c.n_ubatch = BLOCK;
    c.n_threads = c.n_threads_batch = params->threads;
    c.kv_unified = false;
    c.type_k = c.type_v = small ? GGML_TYPE_Q8_0 : GGML_TYPE_F16;
    /* A quantised cache needs it; on a CPU its sums depend on the number of threads. */
    c.flash_attn_type =
        gpu || small ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    c.no_perf = true;
    if (params->cpu_only)
        c.offload_kqv = c.op_offload = false;
    return c;
}

static int start(const struct md_text_params *params, struct md_model_file *ret_file,
                 struct md_failure *failure)
{
    if (params->sequences < 1 || params->sequences > MD_TEXT_MAX_SEQUENCES || params->context < 1 ||
        params->context > INT32_MAX / MD_TEXT_MAX_SEQUENCES)
        return md_fail(failure, MD_ERR_BUG, "%d prompts at once", params->sequences);
    int r = md_model_file_read(params->model_path, ret_file, failure);
    if (r == MD_OK && ret_file->kind != MD_MODEL_GGUF)
        r = md_fail(failure, MD_ERR_INPUT, "%s is not a language model (GGUF)", params->model_path);
    if (r == MD_OK)
        r = md_ggml_check_version("llama", llama_version(), MD_LLAMA_VERSION, failure);
    if (r == MD_OK)
        r = md_ggml_start(params->log, params->no_memory, failure);
    if (r == MD_OK)
        llama_log_set(hear, NULL);
    return r;
}

static struct md_text_facts facts_of(const struct model *model, const struct md_text_params *params,
                                     const struct md_model_file *file)
{
    bool gpu = !params->cpu_only && md_ggml_has_gpu();
    return (struct md_text_facts){
        .context = model->room,
        .device = gpu ? "GPU" : "CPU",
        .cache = ggml_type_name(context_params(params, file).type_k),
        .layers = file->layers,
        .gpu_layers = !gpu                  ? 0
                      : params->half_layers ? file->layers / 2
                                            : file->layers,
    };
}

/* One block of the largest size, so that every buffer has its final size. */
static int warm_up(struct model *model, struct md_failure *failure)
{
    struct llama_batch *batch = &model->batch;
    llama_token token = llama_vocab_bos(model->vocab);
    batch->n_tokens = (int32_t)MD_MIN((int64_t)BLOCK, model->room);
    for (int32_t i = 0; i < batch->n_tokens; i++) {
        batch->token[i] = token >= 0 ? token : 0;
        batch->pos[i] = i;
        batch->n_seq_id[i] = 1;
        batch->seq_id[i][0] = 0;
        batch->logits[i] = i + 1 == batch->n_tokens;
    }
    if (llama_decode(model->context, *batch) != 0)
        return fail(failure, "warm the language model up");
    llama_memory_clear(llama_get_memory(model->context), true);
    return MD_OK;
}

static int load(struct model *model, const struct md_text_params *params,
                const struct md_model_file *file, struct md_failure *failure)
{
    ggml_backend_dev_t no_devices[] = {NULL};
    struct llama_model_params settings = model_params(params, file, no_devices);
    model->llama = llama_model_load_from_file(params->model_path, settings);
    if (!model->llama)
        return fail(failure, "load the language model");
    model->vocab = llama_model_get_vocab(model->llama);
    model->context = llama_init_from_model(model->llama, context_params(params, file));
    if (!model->context)
        return fail(failure, "prepare the language model");
    model->room = (int64_t)llama_n_ctx_seq(model->context);
    model->room = MD_MIN(model->room, params->context);
    model->facts = facts_of(model, params, file);
    md_log(params->log, MD_LOG_INFO, "llm",
           "%d at once, context %lld, cache %s, %lld of %lld layers on the GPU", params->sequences,
           (long long)model->room, model->facts.cache, (long long)model->facts.gpu_layers,
           (long long)model->facts.layers);
    model->sequence_count = params->sequences;
    model->batch = llama_batch_init(BLOCK, 0, 1);
    model->candidates =
        calloc((size_t)llama_vocab_n_tokens(model->vocab), sizeof *model->candidates);
    if (!model->candidates || !model->batch.token)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    return warm_up(model, failure);
}

static int llama_open(const struct md_text_params *params, void **ret_model,
                      struct md_failure *failure)
{
    struct md_model_file file;
    int r = start(params, &file, failure);
    if (r < 0)
        return r;
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    llama_backend_init();
    r = load(model, params, &file, failure);
    if (r < 0)
        free(model); /* what the library has is not touched again */
    else
        *ret_model = model;
    return r;
}

int md_text_measure(const struct md_text_params *params, struct md_text_memory *ret_memory,
                    struct md_failure *failure)
{
    ggml_backend_dev_t no_devices[] = {NULL};
    struct md_model_file file;
    int r = start(params, &file, failure);
    if (r < 0)
        return r;
    struct llama_model_params settings = model_params(params, &file, no_devices);
    settings.no_alloc = true;
    settings.load_mode = LLAMA_LOAD_MODE_NONE;
    struct llama_model *model = llama_model_load_from_file(params->model_path, settings);
    if (!model)
        return fail(failure, "look into the language model");
    struct llama_context *context = llama_init_from_model(model, context_params(params, &file));
    if (context)
        md_llama_memory(context, ret_memory);
    else
        r = fail(failure, "look into the language model");
    llama_free(context);
    llama_model_free(model);
    return r;
}

int md_text_check(const struct md_log *log, char *text, size_t size, struct md_failure *failure)
{
    int r = md_ggml_check_version("llama", llama_version(), MD_LLAMA_VERSION, failure);
    if (r == MD_OK)
        r = md_ggml_start(log, NULL, failure);
    if (r < 0)
        return r;
    int n = snprintf(text, size, "ggml %s, llama %s; ", MD_GGML_VERSION, MD_LLAMA_VERSION);
    if (n > 0 && (size_t)n < size)
        md_ggml_devices(text + n, size - (size_t)n);
    return MD_OK;
}

static void end_sequence(struct model *model, int number)
{
    struct sequence *s = &model->sequences[number];
    llama_sampler_free(s->grammar);
    md_vec_done(&s->prompt);
    md_str_done(&s->reply);
    *s = (struct sequence){0};
    llama_memory_seq_rm(llama_get_memory(model->context), number, -1, -1);
}

static void llama_close(void *opaque)
{
    struct model *model = opaque;
    if (!model)
        return;
    for (int i = 0; i < model->sequence_count; i++)
        end_sequence(model, i);
    llama_batch_free(model->batch);
    free(model->candidates);
    llama_free(model->context);
    llama_model_free(model->llama);
    free(model);
}

/* ---- prompts ---- */

/* special: may the text hold control tokens? Only what is ours may. */
static int add_tokens(struct model *model, const char *text, size_t n, bool first, bool special,
                      struct tokens *tokens)
{
    int32_t length = (int32_t)n;
    int32_t count = -llama_tokenize(model->vocab, text, length, NULL, 0, first, special);
    if (count <= 0)
        return MD_OK;
    if (md_vec_reserve(tokens, tokens->n + (size_t)count) < 0)
        return MD_ERR_NOMEM;
    count =
        llama_tokenize(model->vocab, text, length, tokens->v + tokens->n, count, first, special);
    if (count < 0)
        return MD_ERR_BUG;
    tokens->n += (size_t)count;
    return MD_OK;
}

static int llama_prepare(void *opaque, const struct md_text_run *run,
                         struct md_text_facts *ret_facts)
{
    const struct model *model = opaque;
    *ret_facts = model->facts;
    return MD_OK;
}

static int64_t llama_count(void *opaque, const char *text)
{
    struct model *model = opaque;
    return -llama_tokenize(model->vocab, text, (int32_t)strlen(text), NULL, 0, false, false);
}

/* The model's own form of a talk, with marks where the texts go; NULL: no memory. */
static char *make_form(const struct model *model, const char *system_mark, const char *user_mark)
{
    const struct llama_chat_message both[] = {{"system", system_mark}, {"user", user_mark}};
    const char *form = llama_model_chat_template(model->llama, NULL);
    char small[1];
    int32_t n = form ? llama_chat_apply_template(form, both, 2, true, small, 0) : -1;
    struct md_str plain = {0};
    if (n < 0) { /* a form the library does not know */
        md_str_printf(&plain, "%s\n\n%s\n\n", system_mark, user_mark);
        return md_str_take(&plain);
    }
    char *text = malloc((size_t)n + 1);
    if (text) {
        llama_chat_apply_template(form, both, 2, true, text, n + 1);
        text[n] = '\0';
    }
    return text;
}

static int make_prompt(struct model *model, const struct md_text_request *request,
                       struct tokens *tokens)
{
    static const char *const marks[] = {"@@THE-TASK@@", "@@THE-TEXT@@"};
    const char *texts[] = {request->system, request->user};
    md_autofree char *form = make_form(model, marks[0], marks[1]);
    if (!form)
        return MD_ERR_NOMEM;
    const char *at = form;
    for (int i = 0; i < 2; i++) {
        const char *mark = strstr(at, marks[i]);
        if (!mark) /* forms without a system text leave it out */
            continue;
        int r = add_tokens(model, at, (size_t)(mark - at), at == form, true, tokens);
        if (r == MD_OK)
            r = add_tokens(model, texts[i], strlen(texts[i]), false, false, tokens);
        if (r < 0)
            return r;
        at = mark + strlen(marks[i]);
    }
    return add_tokens(model, at, strlen(at), false, true, tokens);
}

/* ---- tokens ---- */

static void put(struct model *model, int sequence, llama_token token, int64_t place, bool logits)
{
    struct llama_batch *batch = &model->batch;
    int32_t i = batch->n_tokens++;
    batch->token[i] = token;
    batch->pos[i] = (llama_pos)place;
    batch->n_seq_id[i] = 1;
    batch->seq_id[i][0] = sequence;
    batch->logits[i] = logits;
}

/* The likeliest token the grammar allows. The likeliest of all is tried first: it nearly always is
 * allowed, and to ask about every token takes longer than to make one. */
static llama_token choose(struct model *model, struct sequence *s, int32_t row)
{
    const float *logits = llama_get_logits_ith(model->context, row);
    int32_t n = llama_vocab_n_tokens(model->vocab), best = 0;
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    llama_token_data one = {best, logits[best], 0};
    llama_token_data_array array = {&one, 1, -1, false};
    llama_sampler_apply(s->grammar, &array);
    if (!isinf(one.logit))
        return best;
    for (int32_t i = 0; i < n; i++)
        model->candidates[i] = (llama_token_data){i, logits[i], 0};
    array = (llama_token_data_array){model->candidates, (size_t)n, -1, false};
    llama_sampler_apply(s->grammar, &array);
    size_t chosen = 0;
    for (size_t i = 1; i < array.size; i++)
        if (array.data[i].logit > array.data[chosen].logit)
            chosen = i;
    return isinf(array.data[chosen].logit) ? LLAMA_TOKEN_NULL : array.data[chosen].id;
}

/* Takes the next token of a sequence. True: its reply is whole. *ret_useless: it will never be. */
static bool take_token(struct model *model, struct sequence *s, int32_t row, bool *ret_useless)
{
    char piece[256];
    llama_token token = choose(model, s, row);
    *ret_useless = token == LLAMA_TOKEN_NULL;
    if (*ret_useless || llama_vocab_is_eog(model->vocab, token))
        return true;
    llama_sampler_accept(s->grammar, token);
    int32_t n = llama_token_to_piece(model->vocab, token, piece, sizeof piece, 0, false);
    if (n > 0)
        md_str_append_n(&s->reply, piece, (size_t)n);
    s->last = token;
    s->made++;
    *ret_useless = s->made >= s->max_tokens || s->length + 1 >= model->room;
    return *ret_useless;
}

static int finish(struct model *model, const struct md_text_run *run, int number, bool useless)
{
    struct sequence *s = &model->sequences[number];
    md_autofree char *reply = malloc(3 * s->reply.n + 1);
    if (md_str_failed(&s->reply) || !reply)
        return md_fail(run->failure, MD_ERR_NOMEM, "out of memory");
    md_utf8_sanitize(reply, 3 * s->reply.n + 1, md_str_text(&s->reply), s->reply.n);
    int r = run->done(run->user, s->index, useless ? NULL : reply);
    end_sequence(model, number);
    return r;
}

/* Reads the prompt into the cache and makes the first token. */
static int begin(struct model *model, const struct md_text_run *run, int number)
{
    struct sequence *s = &model->sequences[number];
    bool useless = false;
    for (size_t i = 0; i < s->prompt.n;) {
        model->batch.n_tokens = 0;
        for (; i < s->prompt.n && model->batch.n_tokens < BLOCK; i++)
            put(model, number, s->prompt.v[i], s->length++, i + 1 == s->prompt.n);
        if (llama_decode(model->context, model->batch) != 0)
            return fail(run->failure, "read a prompt");
        if (run->cancelled && run->cancelled(run->user))
            return md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
    }
    s->active = true;
    if (take_token(model, s, model->batch.n_tokens - 1, &useless))
        return finish(model, run, number, useless);
    return MD_OK;
}

static int take_request(struct model *model, const struct md_text_run *run, int number,
                        size_t index)
{
    struct sequence *s = &model->sequences[number];
    struct md_text_request request = {0};
    int r = run->read(run->user, index, &request);
    if (r < 0)
        return r;
    s->index = index;
    s->max_tokens = request.max_tokens;
    if (make_prompt(model, &request, &s->prompt) < 0)
        return md_fail(run->failure, MD_ERR_NOMEM, "out of memory");
    if (s->prompt.n == 0 || (int64_t)s->prompt.n + 1 >= model->room)
        return finish(model, run, number, true);
    s->grammar = llama_sampler_init_grammar(model->vocab, request.grammar, "root");
    if (!s->grammar)
        return md_fail(run->failure, MD_ERR_INPUT, "a grammar of the prompts is not valid");
    return begin(model, run, number);
}

/* One more token for every active sequence. */
static int step(struct model *model, const struct md_text_run *run)
{
    int rows[MD_TEXT_MAX_SEQUENCES];
    model->batch.n_tokens = 0;
    for (int i = 0; i < model->sequence_count; i++) {
        struct sequence *s = &model->sequences[i];
        rows[i] = s->active ? model->batch.n_tokens : -1;
        if (s->active)
            put(model, i, s->last, s->length++, true);
    }
    if (llama_decode(model->context, model->batch) != 0)
        return fail(run->failure, "write");
    for (int i = 0; i < model->sequence_count; i++) {
        bool useless = false;
        if (rows[i] >= 0 && take_token(model, &model->sequences[i], rows[i], &useless)) {
            int r = finish(model, run, i, useless);
            if (r < 0)
                return r;
        }
    }
    return MD_OK;
}

static int run_all(struct model *model, const struct md_text_run *run)
{
    size_t next = 0;
    int at_once =
        run->at_once > 0 ? MD_MIN(run->at_once, model->sequence_count) : model->sequence_count;
    for (;;) {
        bool busy = false;
        for (int i = 0; i < at_once; i++) {
            while (!model->sequences[i].active && next < run->count) {
                int r = take_request(model, run, i, next++);
                if (r < 0)
                    return r;
            }
            busy |= model->sequences[i].active;
        }
        if (!busy)
            return MD_OK;
        int r = step(model, run);
        if (r == MD_OK && run->cancelled && run->cancelled(run->user))
            r = md_fail(run->failure, MD_ERR_CANCELLED, "cancelled");
        if (r < 0)
            return r;
    }
}

static int llama_run(void *opaque, const struct md_text_run *run)
{
    struct model *model = opaque;
    if (model->broken)
        return md_fail(run->failure, MD_ERR_BUG, "the language model has failed before");
    int r = run_all(model, run);
    if (r == MD_OK)
        return r;
    /* Cancelled, or a caller's failure: the library is whole. */
    model->broken = r == MD_ERR_NOMEM || r == MD_ERR_EXTERNAL;
    for (int i = 0; i < model->sequence_count && !model->broken; i++)
        end_sequence(model, i);
    return r;
}

static bool llama_is_sound(const void *opaque)
{
    const struct model *model = opaque;
    return !model->broken;
}

const struct md_text_backend md_text_llama = {
    .name = "llama",
    .open = llama_open,
    .run = llama_run,
    .prepare = llama_prepare,
    .count = llama_count,
    .is_sound = llama_is_sound,
    .close = llama_close,
};
