/* Replies are checked before any of them is taken in: they come from a model, perhaps from a
 * server, and were shaped by foreign dialogue. What is taken is merged with what the built-in
 * analysis found, since each sees what the other does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "model/narrative.h"
#include "story/narrate_internal.h"
#include "story/quote.h"

enum { TITLE_BYTES = 80, WHAT_BYTES = 480, SUMMARY_BYTES = 1000, SYNOPSIS_BYTES = 2400 };
static const float turning_point_score = 0.8f, key_scene_score = 0.9f;

/* A word makes up most of it: the model goes round in circles. */
static bool is_babble(const char *text)
{
    enum { MOST_WORDS = 400, FEW_WORDS = 12 };
    struct md_word words[MOST_WORDS];
    size_t n = 0;
    for (size_t at = 0; n < MOST_WORDS && md_word_next(text, strlen(text), &at, &words[n]);)
        n++;
    for (size_t i = 0; i < n && n >= FEW_WORDS; i++) {
        size_t same = 0;
        for (size_t k = i; k < n; k++)
            same += words[k].n == words[i].n && memcmp(words[k].s, words[i].s, words[i].n) == 0;
        if (same > n / 2)
            return true;
    }
    return false;
}

/* Puts a model's text in the place of the built-in one. MD_ERR_INPUT: nothing is left of it. */
static int take_text(char **place, const char *told, size_t max_bytes)
{
    md_autostr text = {0};
    md_quote_reply(&text, told, max_bytes);
    if (!md_str_failed(&text) && (text.n == 0 || is_babble(md_str_text(&text))))
        return MD_ERR_INPUT;
    char *taken = md_str_take(&text);
    if (!taken)
        return MD_ERR_NOMEM;
    md_narrator_replace_(place, &taken);
    return MD_OK;
}

/* How much feeling a tone stands for, 0 to 1; < 0: a word that was not offered. */
static float feeling_of(const char *tone)
{
    static const struct {
        const char *tone;
        float feeling;
    } rows[] = {{"calm", 0.1f},  {"tense", 0.6f},       {"joyful", 0.6f}, {"sad", 0.7f},
                {"angry", 0.8f}, {"frightening", 0.9f}, {"funny", 0.5f},  {"romantic", 0.6f}};
    for (size_t i = 0; tone && i < MD_ARRAY_LEN(rows); i++)
        if (strcmp(tone, rows[i].tone) == 0)
            return rows[i].feeling;
    return -1;
}

/* The analysis hears words and music, the model understands: each has half a say. */
static void weigh_scene(struct md_narrator *n, int64_t number, const struct md_scene_reply *scene)
{
    const float line_bonus = 0.25f;
    struct md_segment *segment = &n->params.story->segments.v[number];
    float feeling = feeling_of(scene->tone);
    segment->importance = 0.5f * segment->importance + 0.05f * (float)scene->importance;
    if (feeling >= 0)
        segment->emotion = 0.5f * segment->emotion + 0.5f * feeling;
    if (scene->line < 1 || scene->line > segment->sentence_count)
        return;
    n->told_line[number] = segment->first_sentence + scene->line - 1;
    float *importance = &n->params.story->sentences.v[n->told_line[number]].importance;
    *importance = MD_MIN(*importance + line_bonus, 1);
}

static int take_scene(struct md_narrator *n, int64_t number, const char *reply)
{
    struct md_scene_reply scene = {0};
    struct md_segment *segment = &n->params.story->segments.v[number];
    char *title = NULL;
    int r = md_scene_reply_parse(reply, &scene);
    if (r < 0)
        return r;
    r = take_text(&title, scene.title, TITLE_BYTES);
    if (r == MD_OK)
        r = take_text(&segment->summary, scene.what, WHAT_BYTES);
    if (r == MD_OK)
        md_narrator_replace_(&segment->title, &title);
    if (r == MD_OK) {
        weigh_scene(n, number, &scene);
        r = md_narrator_note_people_(n, number, &scene.who);
    }
    free(title);
    md_scene_reply_done(&scene);
    return r;
}

/* A key moment for a scene that has none; moments stay sorted by time. */
static int add_moment(struct md_narrator *n, int64_t number, float score, const char *kind)
{
    struct md_story *story = n->params.story;
    const size_t before = story->key_moments.n;
    const struct md_segment *segment = &story->segments.v[number];
    int64_t line = n->told_line[number];
    const struct md_sentence *said = line >= 0 ? &story->sentences.v[line] : NULL;
    for (size_t i = 0; i < before; i++)
        if (story->key_moments.v[i].segment == number)
            return MD_OK;
    struct md_key_moment moment = {
        .time_us = said ? said->start_us : segment->start_us,
        .end_us = said ? said->end_us : MD_MIN(segment->end_us, segment->start_us + 10000000),
        .segment = number,
        .score = score,
        .kind = strdup(kind),
        .reason = strdup(segment->summary ? segment->summary : segment->title),
        .quote = said ? strdup(said->text) : NULL,
    };
    if (!moment.kind || !moment.reason || (said && !moment.quote) ||
        md_vec_push(&story->key_moments, moment) < 0) {
        free(moment.kind);
        free(moment.reason);
        free(moment.quote);
        return MD_ERR_NOMEM;
    }
    for (size_t i = before; i > 0 && story->key_moments.v[i - 1].time_us > moment.time_us; i--) {
        story->key_moments.v[i] = story->key_moments.v[i - 1];
        story->key_moments.v[i - 1] = moment;
    }
    return MD_OK;
}

static int take_act(struct md_narrator *n, size_t index, const char *reply)
{
    struct md_act_reply told = {0};
    struct md_act_range *act = &n->params.story->acts.v[index];
    int r = md_act_reply_parse(reply, &told);
    if (r < 0)
        return r;
    r = take_text(&act->summary, told.summary, SUMMARY_BYTES);
    int64_t scene = told.turning_point - 1;
    if (r == MD_OK && scene >= act->first_segment &&
        scene < act->first_segment + act->segment_count)
        r = add_moment(n, scene, turning_point_score, "turning-point");
    md_act_reply_done(&told);
    return r;
}

static int take_movie(struct md_narrator *n, const char *reply)
{
    struct md_movie_reply told = {0};
    struct md_story *story = n->params.story;
    int r = md_movie_reply_parse(reply, &told);
    if (r < 0)
        return r;
    r = take_text(&story->synopsis, told.synopsis, SYNOPSIS_BYTES);
    for (size_t i = 0; i < told.people.n && r == MD_OK; i++)
        r = md_narrator_describe_(n, told.people.v[i].name, told.people.v[i].role);
    for (size_t i = 0; i < told.key_scenes.n && r == MD_OK; i++) {
        int64_t scene = told.key_scenes.v[i] - 1;
        if (scene >= 0 && scene < (int64_t)story->segments.n)
            r = add_moment(n, scene, key_scene_score, "dialogue");
    }
    md_movie_reply_done(&told);
    return r;
}

int md_narrator_take(struct md_narrator *n, enum md_prompt_kind kind, size_t index,
                     const char *reply)
{
    int r = MD_ERR_INPUT;
    n->asked++;
    if (reply && kind == MD_PROMPT_SCENE)
        r = take_scene(n, n->scenes.v[index], reply);
    else if (reply && kind == MD_PROMPT_ACT)
        r = take_act(n, index, reply);
    else if (reply)
        r = take_movie(n, reply);
    if (r == MD_ERR_NOMEM)
        return r;
    n->useless += r < 0;
    bool all_told = kind == MD_PROMPT_SCENE && index + 1 == n->scenes.n;
    return all_told ? md_narrator_settle_people_(n) : MD_OK;
}

int md_narrator_finish(struct md_narrator *n, const char *model_name)
{
    struct md_story *story = n->params.story;
    md_autostr method = {0};
    char line[160];
    md_str_printf(&method, "language model %s", model_name);
    char *text = md_str_take(&method);
    if (!text)
        return MD_ERR_NOMEM;
    md_narrator_replace_(&story->method, &text);
    if (n->useless == 0)
        return MD_OK;
    snprintf(line, sizeof line,
             "%zu of %zu replies of the language model were of no use; the built-in analysis "
             "stands there",
             n->useless, n->asked);
    char *copy = strdup(line);
    if (!copy || md_vec_push(&story->warnings, copy) < 0) {
        free(copy);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}
