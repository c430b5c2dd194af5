/* The built-in analysis: words and timeline, then boundaries, segments and acts, then what matters
 * in them, then prose. Each step is a file of its own and knows only the steps before. */
#include "model/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/media.h"
#include "model/story.h"
#include "story/boundaries.h"
#include "story/emotion.h"
#include "story/moments.h"
#include "story/names.h"
#include "story/narrate.h"
#include "story/rank.h"
#include "story/scores.h"
#include "story/segments.h"
#include "story/sentences.h"
#include "story/synopsis.h"
#include "story/timeline.h"
#include "story/titles.h"
#include "story/topics.h"

static const char component[] = "story";

enum { STEPS = 8 };

struct analysis {
    const struct md_stage_env *env;
    const struct md_artifacts *in;
    struct md_story *story;
    int64_t duration_us;
    struct md_text_traits traits;
    struct md_topics topics;
    struct md_terms names;
    struct md_timeline timeline;
    struct md_span_vec spans;
    float *strength;
};

static void analysis_done(struct analysis *a)
{
    md_topics_done(&a->topics);
    md_terms_done(&a->names);
    md_timeline_done(&a->timeline);
    md_vec_done(&a->spans);
    free(a->strength);
}

static int64_t movie_duration(const struct md_artifacts *in)
{
    int64_t us = in->media ? in->media->duration_us : 0;
    if (in->shots && in->shots->shots.n > 0)
        us = in->shots->shots.v[in->shots->shots.n - 1].end_us;
    else if (us <= 0 && in->audio && in->audio->present)
        us = in->audio->start_us + in->audio->duration_us;
    return us;
}

static int read_words(struct analysis *a)
{
    const struct md_transcript *transcript = a->in->transcript;
    struct md_story *story = a->story;
    if (!transcript || transcript->cues.n == 0)
        return MD_OK;
    md_story_read_traits(transcript, &a->traits);
    int r = md_story_join_sentences(transcript, &a->traits, a->duration_us, &story->sentences,
                                    &story->warnings);
    story->has_words = r == MD_OK && story->sentences.n > 0;
    return r;
}

static int weigh_words(struct analysis *a)
{
    struct md_story *story = a->story;
    if (!story->has_words)
        return MD_OK;
    int r = md_story_find_names(&story->sentences, &a->traits, &story->characters, &a->names);
    if (r == MD_OK)
        r = md_topics_build(&story->sentences, &a->traits, &a->names, &a->topics);
    if (r == MD_OK)
        r = md_story_rank(&a->topics, &a->names, &story->sentences);
    if (r == MD_OK)
        r = md_story_feel(&a->traits, &story->sentences);
    return r;
}

static int build_timeline(struct analysis *a)
{
    return md_timeline_build(a->in->shots, a->in->audio, &a->story->sentences, a->duration_us,
                             a->env->options && a->env->options->keep_credits, &a->timeline);
}

static int divide(struct analysis *a)
{
    const struct md_topics *topics = a->story->has_words ? &a->topics : NULL;
    a->strength = calloc(a->timeline.units.n + 1, sizeof *a->strength);
    if (!a->strength)
        return MD_ERR_NOMEM;
    int r = md_story_find_boundaries(&a->timeline, &a->story->sentences, topics, a->strength);
    if (r == MD_OK)
        r = md_story_divide(&a->timeline, a->strength, &a->spans);
    if (r == MD_OK)
        r = md_story_make_segments(&a->timeline, &a->spans, a->strength, &a->story->segments);
    if (r == MD_OK)
        r = md_story_find_acts(&a->timeline, &a->story->segments, &a->story->acts);
    return r;
}

static int score(struct analysis *a)
{
    return md_story_score(&a->timeline, &a->spans, &a->story->sentences, a->story->has_words,
                          &a->story->segments);
}

static int find_moments(struct analysis *a)
{
    return md_story_find_moments(&a->timeline, &a->spans, a->story, &a->story->key_moments);
}

static int write_titles(struct analysis *a)
{
    int r = MD_OK;
    if (a->story->has_words)
        r = md_story_find_keywords(&a->topics, &a->names, a->story);
    if (r == MD_OK)
        r = md_story_write_titles(&a->timeline, &a->spans, a->story->has_words ? &a->topics : NULL,
                                  a->story);
    return r;
}

static int write_synopsis(struct analysis *a)
{
    return md_story_write_synopsis(&a->timeline, &a->spans, a->story->has_words ? &a->topics : NULL,
                                   a->story);
}

static int warn_of_fallback(const struct md_stage_env *env, struct md_story *story)
{
    char text[200];
    if (!env->fallback)
        return MD_OK;
    snprintf(text, sizeof text,
             "the language model did not tell the story: %s; this is the built-in analysis, and it "
             "is asked again the next time",
             md_fallback_reason(env->fallback));
    char *copy = strdup(text);
    if (copy && md_vec_push(&story->warnings, copy) == MD_OK)
        return MD_OK;
    free(copy);
    return MD_ERR_NOMEM;
}

static int run(const struct md_stage_env *env, const struct md_artifacts *in, void *ret_artifact)
{
    static int (*const steps[STEPS])(struct analysis *) = {
        read_words, weigh_words,  build_timeline, divide,
        score,      find_moments, write_titles,   write_synopsis};
    struct analysis a = {.env = env, .in = in, .story = ret_artifact};
    a.duration_us = movie_duration(in);
    a.traits.language = md_story_language_by_tag(NULL);
    if (a.duration_us <= 0)
        return md_fail(env->failure, MD_ERR_INPUT, "the movie has no length, there is no story");
    a.story->method = strdup("built-in");
    int r = a.story->method ? warn_of_fallback(env, a.story) : MD_ERR_NOMEM;
    for (int i = 0; i < STEPS && r == MD_OK; i++) {
        if (md_stage_cancelled(env))
            r = MD_ERR_CANCELLED;
        else
            r = steps[i](&a);
        md_stage_progress(env, a.duration_us * (i + 1) / STEPS, a.duration_us);
    }
    if (r == MD_OK)
        md_log(env->log, MD_LOG_INFO, component,
               "%zu sentences, %zu segments, %zu acts, %zu characters, %zu key moments",
               a.story->sentences.n, a.story->segments.n, a.story->acts.n, a.story->characters.n,
               a.story->key_moments.n);
    analysis_done(&a);
    if (r == MD_OK)
        return r;
    return md_fail(env->failure, r, "the story could not be analysed: %s", md_error_text(r));
}

const struct md_stage_ops md_stage_ops_story = {
    .stage = MD_STAGE_STORY,
    .revision = MD_STORY_REVISION,
    .run = run,
    .chain_key = md_story_chain_key,
    .demand = md_story_demand,
};
