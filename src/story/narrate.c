/* What is quoted is cut to one line with its number before it, so that a reply can point at it and
 * nothing in it can look like the end of the quotation. When a scene has more dialogue than fits,
 * the lines that matter least are left out. */
#include "story/narrate_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/transcript.h"
#include "story/quote.h"

enum {
    SCENE_TOKENS = 320,
    ACT_TOKENS = 400,
    MOVIE_TOKENS = 800, /* of replies; grammars hold them shorter for most vocabularies */
    SLACK_TOKENS = 48,  /* the marks of a talk, and texts that join into other tokens */
    LINE_BYTES = 400,
    LEAST_BYTES = 40,
    WHO_BYTES = 60,
};

int md_story_chain_key(const struct md_stage_env *env, uint64_t *inout_key)
{
    const struct md_options *o = env->options;
    struct md_file_identity model = {0};
    struct md_failure ignored;
    struct md_prompts prompts;
    if (!o->llm_model && !o->llm_url)
        return MD_OK;
    int r = o->llm_url ? MD_OK : md_file_identify(o->llm_model, &model, &ignored);
    if (r == MD_ERR_NOMEM)
        return md_fail(env->failure, r, "out of memory");
    if (r < 0) /* who loads it tells; nothing is made with it, under this key */
        model = (struct md_file_identity){.size_bytes = -1};
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
    for (size_t i = 0; i < n->names.n; i++)
        free(n->names.v[i].name);
    md_vec_done(&n->names);
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
    const char *who, *text; /* borrowed; who may be NULL */
    char number[96];
    float weight;
    bool kept;
};
struct lines MD_VEC(struct line);

static int add_line(struct lines *lines, const char *who, const char *text, float weight,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

static int add_line(struct lines *lines, const char *who, const char *text, float weight,
                    const char *format, ...)
{
    struct line line = {.who = who, .text = text, .weight = weight};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line.number, sizeof line.number, format, arguments);
    va_end(arguments);
    return md_vec_push(lines, line);
}

/* "NUMBER| who: text". */
static void write_line(const struct line *line, size_t max_bytes, struct md_str *out)
{
    md_str_printf(out, "%s| ", line->number);
    if (line->who) {
        md_quote_line(out, line->who, WHO_BYTES);
        md_str_append(out, ": ");
    }
    md_quote_line(out, line->text, max_bytes);
    md_str_append_char(out, '\n');
}

/* < 0: no memory. */
static int64_t count_line(const struct md_narrator *n, const struct line *line, size_t max_bytes)
{
    md_autostr text = {0};
    write_line(line, max_bytes, &text);
    if (md_str_failed(&text))
        return MD_ERR_NOMEM;
    return n->params.count(n->params.user, md_str_text(&text)) + 1;
}

/* Dialogue: the weightiest lines, the earlier of equals, as far as they fit. */
static int choose_lines(const struct md_narrator *n, struct lines *lines, int64_t room)
{
    md_autofree int64_t *tokens = calloc(lines->n + 1, sizeof *tokens);
    if (!tokens)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < lines->n; i++)
        if ((tokens[i] = count_line(n, &lines->v[i], LINE_BYTES)) < 0)
            return MD_ERR_NOMEM;
    for (;;) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < lines->n; i++)
            if (!lines->v[i].kept && tokens[i] <= room &&
                (best == SIZE_MAX || lines->v[i].weight > lines->v[best].weight))
                best = i;
        if (best == SIZE_MAX)
            return MD_OK;
        lines->v[best].kept = true;
        room -= tokens[best];
    }
}

/* Summaries: of all of them as much as fits; only where that is not even a few words, the
 * weightiest ones. So the story's end never falls out of a sum. */
static int shorten_lines(const struct md_narrator *n, struct lines *lines, int64_t room,
                         size_t *ret_bytes)
{
    static const size_t sizes[] = {LINE_BYTES, 300, 220, 160, 120, 90, 64, LEAST_BYTES};
    for (size_t k = 0; k < MD_ARRAY_LEN(sizes); k++) {
        int64_t sum = 0;
        *ret_bytes = sizes[k];
        for (size_t i = 0; i < lines->n; i++) {
            int64_t tokens = count_line(n, &lines->v[i], sizes[k]);
            if (tokens < 0)
                return MD_ERR_NOMEM;
            sum += tokens;
        }
        if (sum <= room) {
            for (size_t i = 0; i < lines->n; i++)
                lines->v[i].kept = true;
            return MD_OK;
        }
    }
    for (size_t kept = 0; kept < lines->n; kept++) {
        struct line *best = NULL;
        for (size_t i = 0; i < lines->n; i++)
            if (!lines->v[i].kept && (!best || lines->v[i].weight > best->weight))
                best = &lines->v[i];
        if (!best)
            break;
        int64_t tokens = count_line(n, best, LEAST_BYTES);
        if (tokens < 0 || tokens > room)
            return tokens < 0 ? MD_ERR_NOMEM : MD_OK;
        best->kept = true;
        room -= tokens;
    }
    return MD_OK;
}

static int scene_lines(const struct md_narrator *n, const struct md_segment *segment,
                       struct lines *lines)
{
    int r = MD_OK;
    for (int64_t i = 0; i < segment->sentence_count && r == MD_OK; i++) {
        const struct md_sentence *s = &n->params.story->sentences.v[segment->first_sentence + i];
        r = add_line(lines, s->speaker, s->text, s->importance, "%" PRId64, i + 1);
    }
    return r;
}

static int act_lines(const struct md_narrator *n, const struct md_act_range *act,
                     struct lines *lines)
{
    int r = MD_OK;
    for (int64_t i = 0; i < act->segment_count && r == MD_OK; i++) {
        const struct md_segment *s = &n->params.story->segments.v[act->first_segment + i];
        if (s->summary)
            r = add_line(lines, s->title, s->summary, s->importance, "%" PRId64,
                         act->first_segment + i + 1);
    }
    return r;
}

static int movie_lines(const struct md_narrator *n, struct lines *lines)
{
    const struct md_act_vec *acts = &n->params.story->acts;
    int r = MD_OK;
    for (size_t i = 0; i < acts->n && r == MD_OK; i++) {
        const struct md_act_range *a = &acts->v[i];
        if (a->summary)
            r = add_line(lines, NULL, a->summary, 1, "%s, scenes %" PRId64 " to %" PRId64,
                         md_act_titles[a->act], a->first_segment + 1,
                         a->first_segment + a->segment_count);
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
    for (size_t i = 0; i < story->characters.n && i < most; i++) {
        if (i > 0)
            md_str_append(out, ", ");
        md_quote_line(out, story->characters.v[i].name, WHO_BYTES);
    }
    if (story->characters.n == 0)
        md_str_append(out, "unknown");
}

/* Fills the prompt with as many lines as fit beside the reply. */
static int compose(struct md_narrator *n, enum md_prompt_kind kind, struct md_prompt_place *places,
                   struct lines *lines, int max_tokens)
{
    const struct md_prompt *prompt = &n->params.prompts->kinds[kind];
    size_t bytes = LINE_BYTES;
    md_autostr bare = {0};
    md_autostr kept = {0};
    md_prompt_fill(prompt->user, places, &bare); /* "lines" is empty yet */
    if (md_str_failed(&bare))
        return MD_ERR_NOMEM;
    int64_t room = n->params.context - max_tokens - SLACK_TOKENS -
                   n->params.count(n->params.user, prompt->system) -
                   n->params.count(n->params.user, md_str_text(&bare));
    int r = kind == MD_PROMPT_SCENE ? choose_lines(n, lines, room)
                                    : shorten_lines(n, lines, room, &bytes);
    if (r < 0)
        return r;
    for (size_t i = 0; i < lines->n; i++)
        if (lines->v[i].kept)
            write_line(&lines->v[i], bytes, &kept);
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
        r = compose(n, kind, places, &lines, max_tokens);
    md_vec_done(&lines);
    *ret_request = (struct md_narrator_request){.system = prompt->system,
                                                .user = md_str_text(&n->user),
                                                .grammar = prompt->grammar,
                                                .schema = prompt->schema,
                                                .max_tokens = max_tokens};
    return r;
}
