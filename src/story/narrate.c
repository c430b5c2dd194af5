/* What is quoted is cut to one line with its number before it, so that a reply can point at it and
 * nothing in it can look like the end of the quotation. When a scene has more dialogue than fits,
 * the lines that matter least are left out. */
#include "story/narrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/narrative.h"
#include "model/transcript.h"

enum {
    SCENE_TOKENS = 320,
    ACT_TOKENS = 400,
    MOVIE_TOKENS = 640, /* of replies; grammars hold them shorter for most vocabularies */
    SLACK_TOKENS = 48,  /* the marks of a talk, and texts that join into other tokens */
    LINE_BYTES = 400,
};
static const float turning_point_score = 0.8f, key_scene_score = 0.9f;

struct md_narrator {
    struct md_narrator_params params;
    struct md_ints scenes; /* segments with dialogue */
    int64_t *told_line;    /* of each segment: sentence; -1 none */
    size_t asked, useless;
    struct md_str user;
};

int md_story_chain_key(const struct md_stage_env *env, uint64_t *inout_key)
{
    const struct md_options *o = env->options;
    struct md_file_identity model = {0};
    struct md_prompts prompts;
    if (!o->llm_model && !o->llm_url)
        return MD_OK;
    int r = o->llm_url ? MD_OK : md_file_identify(o->llm_model, &model, env->failure);
    if (r == MD_OK)
        r = md_prompts_load(o->prompts, &prompts, env->failure);
    if (r < 0)
        return r;
    *inout_key = md_hash(*inout_key, &model.size_bytes, sizeof model.size_bytes);
    *inout_key = md_hash(*inout_key, &model.sample_hash, sizeof model.sample_hash);
    *inout_key = md_hash(*inout_key, &prompts.hash, sizeof prompts.hash);
    if (o->llm_url)
        *inout_key = md_hash(*inout_key, o->llm_url, strlen(o->llm_url) + 1);
    if (o->llm_url && o->llm_name)
        *inout_key = md_hash(*inout_key, o->llm_name, strlen(o->llm_name) + 1);
    md_prompts_done(&prompts);
    return MD_OK;
}

int md_story_demand(const struct md_stage_env *env, const struct md_artifacts *in,
                    struct md_stage_demand *ret_demand)
{
    bool words = in->transcript && in->transcript->cues.n > 0;
    bool model = env->options->llm_model || env->options->llm_url;
    ret_demand->executor = model && words ? MD_EXECUTOR_LLM : MD_EXECUTOR_MEDIA;
    return MD_OK;
}

int md_narrator_new(const struct md_narrator_params *params, struct md_narrator **ret_narrator)
{
    const struct md_segment_vec *segments = &params->story->segments;
    struct md_narrator *n = calloc(1, sizeof *n);
    if (!n)
        return MD_ERR_NOMEM;
    n->params = *params;
    n->told_line = calloc(segments->n + 1, sizeof *n->told_line);
    int r = n->told_line ? MD_OK : MD_ERR_NOMEM;
    for (size_t i = 0; i < segments->n && r == MD_OK; i++) {
        n->told_line[i] = -1;
        if (segments->v[i].sentence_count > 0)
            r = md_vec_push(&n->scenes, (int64_t)i);
    }
    if (r < 0)
        md_narrator_free(n);
    else
        *ret_narrator = n;
    return r;
}

void md_narrator_free(struct md_narrator *n)
{
    if (!n)
        return;
    md_vec_done(&n->scenes);
    md_str_done(&n->user);
    free(n->told_line);
    free(n);
}

size_t md_narrator_count(const struct md_narrator *n, enum md_prompt_kind kind)
{
    if (kind == MD_PROMPT_SCENE)
        return n->scenes.n;
    return kind == MD_PROMPT_ACT ? n->params.story->acts.n : 1;
}

/* ---- lines ---- */

struct line {
    char *text;
    float weight;
    int64_t tokens;
    bool kept;
};
struct lines MD_VEC(struct line);

static void lines_done(struct lines *lines)
{
    for (size_t i = 0; i < lines->n; i++)
        free(lines->v[i].text);
    md_vec_done(lines);
}

/* "NAME| who: text", on one line, cut between characters. */
static int add_line(const struct md_narrator *n, const char *name, const char *who,
                    const char *text, float weight, struct lines *lines)
{
    struct md_str out = {0};
    md_str_printf(&out, "%s| ", name);
    if (who)
        md_str_printf(&out, "%s: ", who);
    size_t length = MD_MIN(strlen(text), (size_t)LINE_BYTES);
    while (text[length] && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    md_str_append_n(&out, text, length);
    for (size_t i = 0; i < out.n && !md_str_failed(&out); i++)
        if ((unsigned char)out.s[i] < ' ')
            out.s[i] = ' ';
    md_str_append_char(&out, '\n');
    struct line line = {.weight = weight, .text = md_str_take(&out)};
    if (!line.text || md_vec_push(lines, line) < 0) {
        free(line.text);
        return MD_ERR_NOMEM;
    }
    lines->v[lines->n - 1].tokens = n->params.count(n->params.user, line.text) + 1;
    return MD_OK;
}

/* Keeps the weightiest, the earlier of equals, as far as they fit; writes them in their order. */
static void write_lines(struct lines *lines, int64_t room, struct md_str *out)
{
    for (;;) {
        struct line *best = NULL;
        for (size_t i = 0; i < lines->n; i++) {
            struct line *line = &lines->v[i];
            if (!line->kept && line->tokens <= room && (!best || line->weight > best->weight))
                best = line;
        }
        if (!best)
            break;
        best->kept = true;
        room -= best->tokens;
    }
    for (size_t i = 0; i < lines->n; i++)
        if (lines->v[i].kept)
            md_str_append(out, lines->v[i].text);
}

static int scene_lines(const struct md_narrator *n, const struct md_segment *segment,
                       struct lines *lines)
{
    int r = MD_OK;
    for (int64_t i = 0; i < segment->sentence_count && r == MD_OK; i++) {
        const struct md_sentence *s = &n->params.story->sentences.v[segment->first_sentence + i];
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, i + 1);
        r = add_line(n, number, s->speaker, s->text, s->importance, lines);
    }
    return r;
}

static int act_lines(const struct md_narrator *n, const struct md_act_range *act,
                     struct lines *lines)
{
    int r = MD_OK;
    for (int64_t i = 0; i < act->segment_count && r == MD_OK; i++) {
        const struct md_segment *s = &n->params.story->segments.v[act->first_segment + i];
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, act->first_segment + i + 1);
        if (s->summary)
            r = add_line(n, number, s->title, s->summary, s->importance, lines);
    }
    return r;
}

static int movie_lines(const struct md_narrator *n, struct lines *lines)
{
    const struct md_act_vec *acts = &n->params.story->acts;
    int r = MD_OK;
    for (size_t i = 0; i < acts->n && r == MD_OK; i++) {
        char name[96];
        const struct md_act_range *a = &acts->v[i];
        snprintf(name, sizeof name, "%s, scenes %" PRId64 " to %" PRId64, md_act_titles[a->act],
                 a->first_segment + 1, a->first_segment + a->segment_count);
        if (a->summary)
            r = add_line(n, name, NULL, a->summary, 1, lines);
    }
    return r;
}

/* ---- requests ---- */

static void write_time(char text[16], int64_t time_us)
{
    int64_t s = time_us / 1000000;
    snprintf(text, 16, "%" PRId64 ":%02d:%02d", s / 3600 % 1000, (int)(s / 60 % 60), (int)(s % 60));
}

static void write_people(const struct md_story *story, struct md_str *out)
{
    const size_t most = 12;
    for (size_t i = 0; i < story->characters.n && i < most; i++)
        md_str_printf(out, "%s%.60s", i ? ", " : "", story->characters.v[i].name);
    if (story->characters.n == 0)
        md_str_append(out, "unknown");
}

/* Fills the prompt with as many lines as fit beside the reply. */
static int compose(struct md_narrator *n, const struct md_prompt *prompt,
                   struct md_prompt_place *places, struct lines *lines, int max_tokens)
{
    md_autostr bare = {0};
    md_autostr kept = {0};
    md_prompt_fill(prompt->user, places, &bare); /* "lines" is empty yet */
    if (md_str_failed(&bare))
        return MD_ERR_NOMEM;
    int64_t room = n->params.context - max_tokens - SLACK_TOKENS -
                   n->params.count(n->params.user, prompt->system) -
                   n->params.count(n->params.user, md_str_text(&bare));
    write_lines(lines, room, &kept);
    places[0].text = md_str_text(&kept);
    md_str_clear(&n->user);
    md_prompt_fill(prompt->user, places, &n->user);
    return md_str_failed(&kept) || md_str_failed(&n->user) ? MD_ERR_NOMEM : MD_OK;
}

int md_narrator_ask(struct md_narrator *n, enum md_prompt_kind kind, size_t index,
                    struct md_narrator_request *ret_request)
{
    static const int tokens[MD_PROMPTS] = {SCENE_TOKENS, ACT_TOKENS, MOVIE_TOKENS};
    struct md_story *story = n->params.story;
    const struct md_prompt *prompt = &n->params.prompts->kinds[kind];
    struct lines lines = {0};
    md_autostr people = {0};
    char number[24] = "", count[24], start[16] = "", end[16] = "";
    const char *act = "";
    int r;
    snprintf(count, sizeof count, "%zu", story->segments.n);
    write_people(story, &people);
    if (kind == MD_PROMPT_SCENE) {
        const struct md_segment *segment = &story->segments.v[n->scenes.v[index]];
        snprintf(number, sizeof number, "%" PRId64, n->scenes.v[index] + 1);
        write_time(start, segment->start_us);
        write_time(end, segment->end_us);
        r = scene_lines(n, segment, &lines);
    } else if (kind == MD_PROMPT_ACT) {
        act = md_act_titles[story->acts.v[index].act];
        r = act_lines(n, &story->acts.v[index], &lines);
    } else {
        r = movie_lines(n, &lines);
    }
    struct md_prompt_place places[] = {{"lines", ""},
                                       {"number", number},
                                       {"count", count},
                                       {"start", start},
                                       {"end", end},
                                       {"act", act},
                                       {"people", md_str_text(&people)},
                                       {NULL, NULL}};
    /* A small context takes short replies. */
    int max_tokens = (int)MD_MIN((int64_t)tokens[kind], n->params.context / 2);
    if (r == MD_OK)
        r = compose(n, prompt, places, &lines, max_tokens);
    lines_done(&lines);
    *ret_request = (struct md_narrator_request){.system = prompt->system,
                                                .user = md_str_text(&n->user),
                                                .grammar = prompt->grammar,
                                                .schema = prompt->schema,
                                                .max_tokens = max_tokens};
    return r;
}

/* ---- replies ---- */

static void replace(char **text, char **by)
{
    free(*text);
    *text = md_take_ptr(*by);
}

static int take_scene(struct md_narrator *n, int64_t number, const char *reply)
{
    struct md_scene_reply scene = {0};
    struct md_segment *segment = &n->params.story->segments.v[number];
    int r = md_scene_reply_parse(reply, &scene);
    if (r < 0)
        return r;
    replace(&segment->title, &scene.title);
    replace(&segment->summary, &scene.what);
    segment->importance = 0.5f * segment->importance + 0.05f * (float)scene.importance;
    if (scene.line >= 1 && scene.line <= segment->sentence_count)
        n->told_line[number] = segment->first_sentence + scene.line - 1;
    md_scene_reply_done(&scene);
    return MD_OK;
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
    replace(&act->summary, &told.summary);
    int64_t scene = told.turning_point - 1;
    if (scene >= act->first_segment && scene < act->first_segment + act->segment_count)
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
    replace(&story->synopsis, &told.synopsis);
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
    return MD_OK;
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
    replace(&story->method, &text);
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
