/* The story told by a language model, on top of the built-in analysis: what happens in each scene
 * (a segment with dialogue), then each act from its scenes, then the movie from its acts. So a
 * movie of any length fits a context of any size. Where a reply is useless the built-in words
 * stand. Pure: replies come from whoever asks the model. */
#ifndef MD_STORY_NARRATE_H
#define MD_STORY_NARRATE_H

#include "model/stage.h"
#include "model/story.h"
#include "story/prompts.h"

/* One revision for the stage (raise it when the same input would give another story), whoever runs
 * it; what it says to the key; and whether a language model has to be asked. For md_stage_ops. */
enum { MD_STORY_REVISION = 4 };
int md_story_chain_key(const struct md_stage_env *env, uint64_t *inout_key);
int md_story_demand(const struct md_stage_env *env, const struct md_artifacts *in,
                    struct md_stage_demand *ret_demand);

struct md_narrator;

struct md_narrator_params {
    struct md_story *story; /* the built-in one; borrowed, changed by replies */
    const struct md_prompts *prompts;
    int64_t context;                                /* tokens of a prompt and its reply */
    int64_t (*count)(void *user, const char *text); /* tokens of a text */
    void *user;
};

/* MD_ERR_NOMEM. */
int md_narrator_new(const struct md_narrator_params *params, struct md_narrator **ret_narrator);
void md_narrator_free(struct md_narrator *narrator);

/* Requests of a kind; kinds are asked one after the other: scenes, acts, movie. */
size_t md_narrator_count(const struct md_narrator *narrator, enum md_prompt_kind kind);

/* One request; its texts stay until the next call. */
struct md_narrator_request {
    const char *system, *user, *grammar;
    const char *schema; /* may be NULL */
    int max_tokens;     /* of the reply */
};

/* MD_ERR_NOMEM. */
int md_narrator_ask(struct md_narrator *narrator, enum md_prompt_kind kind, size_t index,
                    struct md_narrator_request *ret_request);

/* Takes a reply in; NULL or useless ones are counted. In the order of indices, whatever order they
 * came in, so that the story is the same. MD_ERR_NOMEM. */
int md_narrator_take(struct md_narrator *narrator, enum md_prompt_kind kind, size_t index,
                     const char *reply);

/* Names the method, adds warnings about useless replies. MD_ERR_NOMEM. */
int md_narrator_finish(struct md_narrator *narrator, const char *model_name);

#endif
