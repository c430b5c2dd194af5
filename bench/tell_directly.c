/* tell-directly: libllama alone on the prompts that moviedigest-llm would give it, one after the
 * other.
 *
 *   tell-directly MODEL WORK [CONTEXT [THREADS]]
 *
 * WORK is the work folder of a movie whose transcript is there. What is measured begins with a
 * prompt's text and ends with its reply: the library's tokenizer, decoder and grammar, greedy, in
 * blocks of the worker's size. Making the prompts from the story and reading replies is the
 * worker's own work and is not counted. Prints one JSON object. */
#include <llama.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/audio.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/story.h"
#include "model/transcript.h"
#include "story/narrate.h"

enum { BLOCK = 512 }; /* tokens read at once, as in infer/llama.c */

struct cost {
    double wall_s, cpu_s;
};

struct direct {
    struct llama_model *model;
    struct llama_context *context;
    const struct llama_vocab *vocab;
    llama_token_data *candidates;
    int64_t room;
    struct cost spent; /* in the library */
    long prompts, read_tokens, made_tokens, useless;
};

struct movie {
    struct md_media media;
    struct md_shots shots;
    struct md_audio audio;
    struct md_transcript transcript;
    struct md_story story;
    struct md_options options;
};

static void quiet(enum ggml_log_level level, const char *text, void *unused)
{
    (void)unused;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

static struct cost now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (struct cost){(double)md_clock_monotonic_us() / 1e6,
                         (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                             (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6};
}

static int64_t count_tokens(void *user, const char *text)
{
    const struct direct *d = user;
    return -llama_tokenize(d->vocab, text, (int32_t)strlen(text), NULL, 0, false, false);
}

/* The likeliest token the grammar allows; the likeliest of all mostly is. */
static llama_token choose(struct direct *d, struct llama_sampler *grammar)
{
    const float *logits = llama_get_logits_ith(d->context, -1);
    int32_t n = llama_vocab_n_tokens(d->vocab), best = 0;
    for (int32_t i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    llama_token_data one = {best, logits[best], 0};
    llama_token_data_array array = {&one, 1, -1, false};
    llama_sampler_apply(grammar, &array);
    if (!isinf(one.logit))
        return best;
    for (int32_t i = 0; i < n; i++)
        d->candidates[i] = (llama_token_data){i, logits[i], 0};
    array = (llama_token_data_array){d->candidates, (size_t)n, -1, false};
    llama_sampler_apply(grammar, &array);
    size_t chosen = 0;
    for (size_t i = 1; i < array.size; i++)
        chosen = array.data[i].logit > array.data[chosen].logit ? i : chosen;
    return isinf(array.data[chosen].logit) ? LLAMA_TOKEN_NULL : array.data[chosen].id;
}

/* False: it never ends, or does not fit. */
static bool write_reply(struct direct *d, struct llama_sampler *grammar, int64_t length, int most,
                        struct md_str *reply)
{
    for (int made = 0; made < most && length + 1 < d->room; made++, length++) {
        char piece[256];
        llama_token token = choose(d, grammar);
        if (token == LLAMA_TOKEN_NULL)
            return false;
        if (llama_vocab_is_eog(d->vocab, token))
            return true;
        llama_sampler_accept(grammar, token);
        int32_t n = llama_token_to_piece(d->vocab, token, piece, sizeof piece, 0, false);
        md_str_append_n(reply, piece, (size_t)MD_MAX(n, 0));
        d->made_tokens++;
        if (llama_decode(d->context, llama_batch_get_one(&token, 1)) != 0)
            return false;
    }
    return false;
}

static bool ask(struct direct *d, const struct md_narrator_request *request, struct md_str *reply)
{
    const struct llama_chat_message talk[] = {{"system", request->system}, {"user", request->user}};
    const char *form = llama_model_chat_template(d->model, NULL);
    int32_t size = llama_chat_apply_template(form, talk, 2, true, NULL, 0);
    md_autofree char *text = malloc((size_t)MD_MAX(size, 0) + 1);
    llama_chat_apply_template(form, talk, 2, true, text, size + 1);
    int32_t count = -llama_tokenize(d->vocab, text, size, NULL, 0, true, true);
    md_autofree llama_token *tokens = calloc((size_t)MD_MAX(count, 1), sizeof *tokens);
    if (!text || !tokens || count + 1 >= d->room)
        return false;
    llama_tokenize(d->vocab, text, size, tokens, count, true, true);
    llama_memory_clear(llama_get_memory(d->context), false);
    for (int32_t i = 0; i < count; i += BLOCK)
        if (llama_decode(d->context, llama_batch_get_one(tokens + i, MD_MIN(count - i, BLOCK))) !=
            0)
            return false;
    d->read_tokens += count;
    struct llama_sampler *grammar = llama_sampler_init_grammar(d->vocab, request->grammar, "root");
    bool whole = write_reply(d, grammar, count, request->max_tokens, reply);
    llama_sampler_free(grammar);
    return whole;
}

static int tell(struct direct *d, struct md_narrator *narrator, enum md_prompt_kind kind)
{
    size_t count = md_narrator_count(narrator, kind);
    char **replies = calloc(count + 1, sizeof *replies);
    int r = replies ? MD_OK : MD_ERR_NOMEM;
    for (size_t i = 0; i < count && r == MD_OK; i++) {
        struct md_narrator_request request;
        md_autostr reply = {0};
        r = md_narrator_ask(narrator, kind, i, &request);
        struct cost start = now();
        bool whole = r == MD_OK && ask(d, &request, &reply);
        struct cost end = now();
        d->spent.wall_s += end.wall_s - start.wall_s;
        d->spent.cpu_s += end.cpu_s - start.cpu_s;
        d->prompts++;
        d->useless += !whole;
        replies[i] = whole ? md_str_take(&reply) : NULL;
    }
    for (size_t i = 0; i < count && r == MD_OK; i++)
        r = md_narrator_take(narrator, kind, i, replies[i]);
    for (size_t i = 0; i < count && replies; i++)
        free(replies[i]);
    free(replies);
    return r;
}

static int open_movie(struct movie *m, const char *work, struct md_failure *failure)
{
    const struct {
        const struct md_artifact_type *type;
        void *object;
    } parts[] = {{&md_artifact_media, &m->media},
                 {&md_artifact_shots, &m->shots},
                 {&md_artifact_audio, &m->audio},
                 {&md_artifact_transcript, &m->transcript}};
    int r = md_options_init(&m->options);
    for (size_t i = 0; i < MD_ARRAY_LEN(parts) && r == MD_OK; i++)
        r = md_artifact_load(parts[i].type, work, parts[i].object, failure);
    const struct md_stage_env env = {.movie_path = work,
                                     .work_dir = work,
                                     .options = &m->options,
                                     .threads = 1,
                                     .batch = 1,
                                     .failure = failure};
    const struct md_artifacts in = {
        .media = &m->media, .shots = &m->shots, .audio = &m->audio, .transcript = &m->transcript};
    return r == MD_OK ? md_stage_ops_story.run(&env, &in, &m->story) : r;
}

static void close_movie(struct movie *m)
{
    md_artifact_done(&md_artifact_media, &m->media);
    md_artifact_done(&md_artifact_shots, &m->shots);
    md_artifact_done(&md_artifact_audio, &m->audio);
    md_artifact_done(&md_artifact_transcript, &m->transcript);
    md_artifact_done(&md_artifact_story, &m->story);
    md_options_done(&m->options);
}

static bool load(struct direct *d, const char *path, int threads)
{
    llama_log_set(quiet, NULL);
    ggml_log_set(quiet, NULL);
    ggml_backend_load_all_from_path(MD_GGML_BACKENDS);
    llama_backend_init();
    struct llama_model_params settings = llama_model_default_params();
    struct llama_context_params c = llama_context_default_params();
    settings.n_gpu_layers = 0;
    c.n_ctx = (uint32_t)d->room;
    c.n_batch = c.n_ubatch = BLOCK;
    c.n_seq_max = 1;
    c.n_threads = c.n_threads_batch = threads;
    c.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    c.offload_kqv = c.op_offload = false;
    d->model = llama_model_load_from_file(path, settings);
    d->context = d->model ? llama_init_from_model(d->model, c) : NULL;
    if (!d->context)
        return false;
    d->vocab = llama_model_get_vocab(d->model);
    d->candidates = calloc((size_t)llama_vocab_n_tokens(d->vocab), sizeof *d->candidates);
    return d->candidates != NULL;
}

static int narrate(struct direct *d, struct movie *m, struct md_failure *failure)
{
    struct md_prompts prompts = {0};
    struct md_narrator *narrator = NULL;
    const struct md_narrator_params params = {.story = &m->story,
                                              .prompts = &prompts,
                                              .context = d->room,
                                              .count = count_tokens,
                                              .user = d};
    int r = md_prompts_load(NULL, &prompts, failure);
    if (r == MD_OK)
        r = md_narrator_new(&params, &narrator);
    for (int k = 0; k < MD_PROMPTS && r == MD_OK; k++)
        r = tell(d, narrator, (enum md_prompt_kind)k);
    md_narrator_free(narrator);
    md_prompts_done(&prompts);
    return r;
}

int main(int argc, char **argv)
{
    struct md_failure failure = {0};
    struct movie movie = {0};
    struct direct d = {.room = argc > 3 ? atoll(argv[3]) : 4096};
    if (argc < 3 || d.room < 512) {
        fprintf(stderr, "usage: tell-directly MODEL WORK [CONTEXT [THREADS]]\n");
        return 2;
    }
    int r = open_movie(&movie, argv[2], &failure);
    if (r == MD_OK && !load(&d, argv[1], argc > 4 ? atoi(argv[4]) : 1))
        r = md_fail(&failure, MD_ERR_EXTERNAL, "%s cannot be loaded", argv[1]);
    if (r == MD_OK)
        r = narrate(&d, &movie, &failure);
    if (r < 0)
        fprintf(stderr, "tell-directly: %s\n",
                failure.message[0] ? failure.message : md_error_text(r));
    else
        printf("{\"prompts\": %ld, \"useless\": %ld, \"read_tokens\": %ld, \"made_tokens\": %ld, "
               "\"wall_s\": %.3f, \"cpu_s\": %.3f}\n",
               d.prompts, d.useless, d.read_tokens, d.made_tokens, d.spent.wall_s, d.spent.cpu_s);
    free(d.candidates);
    llama_free(d.context);
    llama_model_free(d.model);
    close_movie(&movie);
    return r < 0;
}
