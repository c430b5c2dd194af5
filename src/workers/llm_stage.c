/* The built-in story first, then the language model's words into it: scenes, acts, movie. Every
 * reply is a line of the checkpoint; replies are taken into the story in the order of requests when
 * a kind is whole, so the story does not depend on the order they came in. */
#include "workers/llm_stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/story.h"
#include "model/transcript.h"
#include "story/narrate.h"
#include "workers/checkpoint.h"

static const char checkpoint_name[] = "story.units";
enum { KIND_STRIDE = 1000000 }; /* units of a kind begin at its multiple */

struct replies {
    size_t count;
    json_t **all; /* NULL: not there yet; json null: useless */
};

struct telling {
    const struct md_stage_env *env;
    const struct md_llm_model *model;
    const char *name; /* of the model, for people */
    struct md_text_facts facts;
    int64_t context; /* tokens of a prompt and its reply */
    struct md_prompts prompts;
    struct md_narrator *narrator;
    struct md_checkpoint *checkpoint;
    enum md_prompt_kind kind; /* the one being asked */
    struct replies replies[MD_PROMPTS];
    struct md_ints todo; /* requests of the kind */
    int64_t done, total;
};

static void telling_done(struct telling *t)
{
    for (int k = 0; k < MD_PROMPTS; k++) {
        for (size_t i = 0; i < t->replies[k].count; i++)
            json_decref(t->replies[k].all[i]);
        free(t->replies[k].all);
    }
    md_vec_done(&t->todo);
    md_narrator_free(t->narrator);
    md_prompts_done(&t->prompts);
    md_checkpoint_close(t->checkpoint);
}

static int no_memory(const struct telling *t)
{
    return md_fail(t->env->failure, MD_ERR_NOMEM, "out of memory telling the story");
}

/* ---- units ---- */

static int told(void *user, int64_t unit, const json_t *data)
{
    struct telling *t = user;
    int64_t kind = unit / KIND_STRIDE, index = unit % KIND_STRIDE;
    if (kind >= MD_PROMPTS || index >= (int64_t)t->replies[kind].count ||
        t->replies[kind].all[index])
        return MD_OK;
    t->replies[kind].all[index] = json_incref((json_t *)(uintptr_t)data);
    t->done++;
    return MD_OK;
}

static void hash_text(uint64_t *hash, const char *text)
{
    *hash = text ? md_hash(*hash, text, strlen(text) + 1) : md_hash(*hash, "\1", 1);
}

/* All that shapes replies: the built-in story stands for what it was made from. */
static int hash_all(const struct telling *t, const struct md_story *story, uint64_t *ret_key)
{
    uint64_t key = md_options_hash(t->env->options, MD_STAGE_STORY, MD_HASH_START);
    int r = md_story_chain_key(t->env, &key);
    key = md_hash(key, &t->context, sizeof t->context);
    for (size_t i = 0; i < story->sentences.n; i++) {
        hash_text(&key, story->sentences.v[i].text);
        hash_text(&key, story->sentences.v[i].speaker);
    }
    for (size_t i = 0; i < story->segments.n; i++) {
        const struct md_segment *s = &story->segments.v[i];
        const int64_t numbers[] = {s->start_us, s->end_us, s->first_sentence, s->sentence_count,
                                   s->act};
        key = md_hash(key, numbers, sizeof numbers);
        hash_text(&key, s->summary);
    }
    *ret_key = key;
    return r;
}

static int open_checkpoint(struct telling *t, const struct md_story *story)
{
    uint64_t key = 0;
    md_autofree char *path = md_path_join(t->env->work_dir, checkpoint_name);
    for (int k = 0; k < MD_PROMPTS; k++) {
        size_t n = md_narrator_count(t->narrator, (enum md_prompt_kind)k);
        t->replies[k].all = calloc(n + 1, sizeof *t->replies[k].all);
        if (!t->replies[k].all)
            return no_memory(t);
        t->replies[k].count = n;
        t->total += (int64_t)n;
    }
    int r = path ? hash_all(t, story, &key) : no_memory(t);
    if (r == MD_OK)
        r = md_checkpoint_open(path, key, told, t, &t->checkpoint, t->env->failure);
    if (r == MD_OK)
        md_stage_units(t->env, t->done, t->total);
    return r;
}

/* ---- asking ---- */

static int read_request(void *user, size_t index, struct md_text_request *ret)
{
    struct telling *t = user;
    size_t number = (size_t)t->todo.v[index];
    struct md_narrator_request request;
    if (md_narrator_ask(t->narrator, t->kind, number, &request) < 0)
        return no_memory(t);
    *ret = (struct md_text_request){.system = request.system,
                                    .user = request.user,
                                    .grammar = request.grammar,
                                    .schema = request.schema,
                                    .max_tokens = request.max_tokens};
    return MD_OK;
}

static int take_reply(void *user, size_t index, const char *reply)
{
    struct telling *t = user;
    int64_t number = t->todo.v[index];
    json_t *data = reply ? json_string(reply) : json_null();
    if (!data)
        return no_memory(t);
    int r = md_checkpoint_add(t->checkpoint, t->kind * KIND_STRIDE + number, data, t->env->failure);
    if (r < 0) {
        json_decref(data);
        return r;
    }
    t->replies[t->kind].all[number] = data;
    t->done++;
    md_stage_units(t->env, t->done, t->total);
    md_stage_progress(t->env, t->done, t->total);
    return MD_OK;
}

static bool is_cancelled(void *user)
{
    const struct telling *t = user;
    return md_stage_cancelled(t->env);
}

static int64_t count_tokens(void *user, const char *text)
{
    const struct md_llm_model *model = user;
    return model->backend->count(model->text, text);
}

static int ask_kind(struct telling *t)
{
    const struct replies *replies = &t->replies[t->kind];
    t->todo.n = 0;
    for (size_t i = 0; i < replies->count; i++)
        if (!replies->all[i] && md_vec_push(&t->todo, (int64_t)i) < 0)
            return no_memory(t);
    const struct md_text_run run = {.count = t->todo.n,
                                    .at_once = t->env->batch,
                                    .user = t,
                                    .read = read_request,
                                    .done = take_reply,
                                    .cancelled = is_cancelled,
                                    .failure = t->env->failure};
    int r = t->todo.n > 0 ? t->model->backend->run(t->model->text, &run) : MD_OK;
    for (size_t i = 0; i < replies->count && r == MD_OK; i++)
        if (md_narrator_take(t->narrator, t->kind, i, json_string_value(replies->all[i])) < 0)
            r = no_memory(t);
    return r;
}

/* What is known of a model only when it is needed. */
static int prepare(struct telling *t)
{
    const struct md_text_run run = {
        .user = t, .cancelled = is_cancelled, .failure = t->env->failure};
    int r = t->model->backend->prepare ? t->model->backend->prepare(t->model->text, &run, &t->facts)
                                       : MD_OK;
    t->name = t->facts.name ? t->facts.name : t->model->name;
    t->context = t->env->options->llm_context;
    if (t->facts.context > 0)
        t->context = MD_MIN(t->context, t->facts.context);
    return r;
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* For people: in the story, and for who asked. */
static int note_use(const struct telling *t, struct md_story *story)
{
    const struct md_text_facts *f = &t->facts;
    if (t->env->use)
        *t->env->use = (struct md_stage_use){.device = f->device,
                                             .batch = t->env->batch,
                                             .context = t->context,
                                             .cache = f->cache,
                                             .layers = f->layers,
                                             .gpu_layers = f->gpu_layers};
    if (md_vec_push(&story->told_by, ((struct md_teller){.name = copy(t->name),
                                                         .device = copy(f->device),
                                                         .cache = copy(f->cache),
                                                         .context = t->context,
                                                         .layers = f->layers,
                                                         .gpu_layers = f->gpu_layers})) < 0)
        return MD_ERR_NOMEM;
    const struct md_teller *teller = &story->told_by.v[story->told_by.n - 1];
    return teller->name && !f->device == !teller->device && !f->cache == !teller->cache
               ? MD_OK
               : MD_ERR_NOMEM;
}

static int tell(struct telling *t, struct md_story *story)
{
    int r = prepare(t);
    const struct md_narrator_params params = {.story = story,
                                              .prompts = &t->prompts,
                                              .context = t->context,
                                              .count = count_tokens,
                                              .user = (void *)(uintptr_t)t->model};
    if (r == MD_OK)
        r = md_prompts_load(t->env->options->prompts, &t->prompts, t->env->failure);
    if (r == MD_OK && md_narrator_new(&params, &t->narrator) < 0)
        r = no_memory(t);
    if (r == MD_OK)
        r = open_checkpoint(t, story);
    for (int k = 0; k < MD_PROMPTS && r == MD_OK; k++) {
        t->kind = (enum md_prompt_kind)k;
        r = ask_kind(t);
    }
    if (r == MD_OK && (md_narrator_finish(t->narrator, t->name) < 0 || note_use(t, story) < 0))
        r = no_memory(t);
    return r;
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    struct telling t = {.env = env, .model = env->model};
    struct md_story *story = ret_artifact;
    int r = md_stage_ops_story.run(env, in, story);
    if (r == MD_OK && story->has_words)
        r = tell(&t, story);
    telling_done(&t);
    return r;
}

const struct md_stage_ops md_stage_ops_story_llm = {
    .stage = MD_STAGE_STORY,
    .revision = MD_STORY_REVISION,
    .run = run,
    .chain_key = md_story_chain_key,
};
