/* Extracts quote, they do not narrate: without understanding the plot, a sentence like "Anna finds
 * the letter" would be invented. What can be said truthfully: how the movie is divided, who is
 * named where, and which lines carry each part. Lines are chosen over the whole movie by maximal
 * marginal relevance (Carbonell and Goldstein 1998), a quota for each act, and told in order; a
 * question is told with the answer that follows it at once. */
#include "story/synopsis.h"

#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "story/prose.h"

enum {
    LINE_CHARS = 220,
    ANSWER_CHARS = 90,
    MOST_LINES = 4, /* of one act */
    ACT_NAMES = 3,
    POOL = 200 /* best sentences of an act among which is chosen */
};

struct chosen_vec MD_VEC(int64_t);

static size_t lines_per_act(const struct md_timeline *t)
{
    const int64_t minute_us = 60 * MD_SECOND_US;
    return t->content_us < 3 * minute_us ? 1 : t->content_us < 20 * minute_us ? 2 : MOST_LINES - 1;
}

/* Sentences of an act: [*first, *end). */
static void act_sentences(const struct md_story *story, const struct md_act_range *act,
                          int64_t *first, int64_t *end)
{
    const struct md_segment *a = &story->segments.v[act->first_segment];
    const struct md_segment *b = &story->segments.v[act->first_segment + act->segment_count - 1];
    *first = a->first_sentence;
    *end = b->first_sentence + b->sentence_count;
}

/* --- choosing lines --- */

struct pool_entry {
    int64_t sentence;
    float importance;
    float likeness; /* to the nearest line already chosen */
};
struct pool_vec MD_VEC(struct pool_entry);

static int compare_pool(const void *a, const void *b)
{
    const struct pool_entry *x = a, *y = b;
    if (x->importance != y->importance)
        return x->importance > y->importance ? -1 : 1;
    return x->sentence < y->sentence ? -1 : x->sentence > y->sentence;
}

static bool is_question(const char *text)
{
    size_t n = strlen(text);
    return n > 0 &&
           (text[n - 1] == '?' || (n > 2 && memcmp(text + n - 3, "\xEF\xBC\x9F", 3) == 0) ||
            (n > 1 && memcmp(text + n - 2, "\xD8\x9F", 2) == 0));
}

/* The sentence that answers a question: it follows at once and is short. */
static bool has_answer(const struct md_story *story, int64_t i)
{
    const int64_t soon_us = 3 * MD_SECOND_US;
    if ((size_t)i + 1 >= story->sentences.n || !is_question(story->sentences.v[i].text))
        return false;
    const struct md_sentence *q = &story->sentences.v[i], *a = q + 1;
    return a->start_us - q->end_us < soon_us && md_prose_length(a->text) <= ANSWER_CHARS;
}

/* Was it told already, as the answer to a chosen question? */
static bool is_told(const struct md_story *story, const struct chosen_vec *chosen, int64_t i)
{
    for (size_t k = 0; k < chosen->n; k++)
        if (chosen->v[k] == i - 1 && has_answer(story, i - 1))
            return true;
    return false;
}

static int fill_pool(const struct md_topics *topics, const struct md_story *story,
                     const struct md_act_range *act, const struct chosen_vec *chosen,
                     struct pool_vec *pool)
{
    int64_t first, end;
    act_sentences(story, act, &first, &end);
    pool->n = 0;
    for (int64_t i = first; i < end; i++)
        if (!is_told(story, chosen, i) &&
            md_vec_push(pool, (struct pool_entry){i, story->sentences.v[i].importance, 0}) < 0)
            return MD_ERR_NOMEM;
    if (pool->n > 1)
        qsort(pool->v, pool->n, sizeof *pool->v, compare_pool);
    pool->n = MD_MIN(pool->n, (size_t)POOL);
    for (size_t i = 0; i < pool->n; i++)
        for (size_t k = 0; k < chosen->n; k++)
            pool->v[i].likeness = MD_MAX(
                pool->v[i].likeness,
                md_topics_similarity(topics, (size_t)pool->v[i].sentence, (size_t)chosen->v[k]));
    return MD_OK;
}

/* Does a line of this act that is already chosen lie in the same segment? */
static bool is_near_chosen(const struct md_story *story, int64_t sentence,
                           const struct chosen_vec *chosen, size_t first)
{
    for (size_t g = 0; g < story->segments.n && first < chosen->n; g++) {
        const struct md_segment *s = &story->segments.v[g];
        int64_t end = s->first_sentence + s->sentence_count;
        if (sentence < s->first_sentence || sentence >= end)
            continue;
        for (size_t k = first; k < chosen->n; k++)
            if (chosen->v[k] >= s->first_sentence && chosen->v[k] < end)
                return true;
    }
    return false;
}

static int choose_lines(const struct md_topics *topics, const struct md_story *story,
                        const struct md_act_range *act, size_t want, struct pool_vec *pool,
                        struct chosen_vec *chosen)
{
    const float relevance = 0.65f, nearness = 0.15f;
    size_t first = chosen->n;
    if (fill_pool(topics, story, act, chosen, pool) < 0)
        return MD_ERR_NOMEM;
    for (size_t taken = 0; taken < want; taken++) {
        struct pool_entry *best = NULL;
        float best_score = -1;
        for (size_t i = 0; i < pool->n; i++) {
            struct pool_entry *p = &pool->v[i];
            float score = relevance * p->importance - (1 - relevance) * p->likeness -
                          (is_near_chosen(story, p->sentence, chosen, first) ? nearness : 0);
            if (p->sentence >= 0 && score > best_score) {
                best = p;
                best_score = score;
            }
        }
        if (!best)
            break;
        int64_t line = best->sentence;
        best->sentence = -1;
        if (md_vec_push(chosen, line) < 0)
            return MD_ERR_NOMEM;
        for (size_t i = 0; i < pool->n; i++)
            if (pool->v[i].sentence >= 0)
                pool->v[i].likeness =
                    MD_MAX(pool->v[i].likeness,
                           md_topics_similarity(topics, (size_t)pool->v[i].sentence, (size_t)line));
    }
    return MD_OK;
}

static int compare_lines(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* --- writing --- */

static void write_line(const struct md_story *story, int64_t i, struct md_str *out)
{
    const struct md_sentence *x = &story->sentences.v[i];
    if (x->speaker)
        md_str_printf(out, "%s: ", x->speaker);
    md_prose_quote(x->text, LINE_CHARS, out);
    if (has_answer(story, i)) {
        md_str_append(out, " \xE2\x80\x93 ");
        md_prose_quote(x[1].text, LINE_CHARS, out);
    }
}

/* Lines in order, with the answers that come with them told once. */
static void write_lines(const struct md_story *story, const int64_t *lines, size_t n,
                        struct md_str *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && lines[i] == lines[i - 1] + 1 && has_answer(story, lines[i - 1]))
            continue;
        md_str_append(out, i > 0 ? " " : "");
        write_line(story, lines[i], out);
    }
}

/* Names that come up for the first time in an act, at most ACT_NAMES. */
static size_t new_names(const struct md_story *story, const struct md_act_range *act,
                        const char **ret)
{
    size_t n = 0;
    for (size_t c = 0; c < story->characters.n && n < ACT_NAMES; c++) {
        const struct md_character *x = &story->characters.v[c];
        if (x->first_us >= act->start_us && x->first_us < act->end_us)
            ret[n++] = x->name;
    }
    return n;
}

static void write_span(const struct md_act_range *act, struct md_str *out)
{
    char from[24], to[24];
    md_str_printf(out, "%s to %s", md_format_time(from, act->start_us),
                  md_format_time(to, act->end_us));
}

/* What an act without words shows: strength of picture and sound, music. */
static void write_silent_act(const struct md_timeline *t, const struct md_span_vec *spans,
                             const struct md_act_range *act, bool movie_has_words,
                             struct md_str *out)
{
    double activity = 0, music = 0, total = 0;
    size_t shots = 0;
    for (int64_t g = act->first_segment; g < act->first_segment + act->segment_count; g++) {
        for (size_t i = spans->v[g].first; i < spans->v[g].first + spans->v[g].n; i++) {
            const struct md_unit *u = &t->units.v[i];
            double d = (double)(u->end_us - u->start_us);
            activity += u->activity * d;
            music += u->sound.share[MD_SOUND_MUSIC] * d;
            total += d;
            shots += u->first;
        }
    }
    activity /= MD_MAX(total, 1);
    md_str_append(out, movie_has_words ? "Told without words, " : "");
    md_str_append(out, activity > 0.6 ? "lively" : activity < 0.4 ? "quiet" : "at an even pace");
    if (t->shots)
        md_str_printf(out, ", in %zu shot%s", shots, shots == 1 ? "" : "s");
    if (music > 0.5 * total)
        md_str_append(out, ", with music");
    md_str_append_char(out, '.');
}

static int write_act(const struct md_story *story, struct md_act_range *act, const int64_t *lines,
                     size_t n)
{
    const char *names[ACT_NAMES];
    md_autostr out = {0};
    size_t named = new_names(story, act, names);
    if (named > 0) {
        md_prose_list(names, named, &out);
        md_str_append(&out, named == 1 ? " is" : " are");
        md_str_append(&out, act->first_segment == 0 ? " named first. " : " first named here. ");
    }
    write_lines(story, lines, n, &out);
    act->summary = md_str_take(&out);
    return act->summary ? MD_OK : MD_ERR_NOMEM;
}

/* Is this key word part of a character's name? */
static bool is_in_a_name(const struct md_story *story, const char *word)
{
    for (size_t c = 0; c < story->characters.n; c++)
        if (strstr(story->characters.v[c].name, word))
            return true;
    return false;
}

static void write_opening(const struct md_timeline *t, const struct md_story *story,
                          struct md_str *out)
{
    enum { MOST = 4 };
    const char *names[MOST], *words[MOST];
    const int64_t minute_us = 60 * MD_SECOND_US;
    long minutes = (long)((t->duration_us + minute_us / 2) / minute_us);
    size_t n = MD_MIN(story->characters.n, (size_t)MOST), k = 0;
    if (minutes > 1)
        md_str_printf(out, "%ld minutes", minutes);
    else
        md_str_printf(out, "%ld seconds",
                      (long)((t->duration_us + MD_SECOND_US / 2) / MD_SECOND_US));
    md_str_printf(out, " in %zu scene%s.", story->segments.n, story->segments.n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++)
        names[i] = story->characters.v[i].name;
    if (n > 0) {
        md_str_append_char(out, ' ');
        md_prose_list(names, n, out);
        md_str_append(out, n == 1 ? " is named most." : " are named most.");
    }
    for (size_t i = 0; i < story->keywords.n && k < MOST; i++)
        if (!is_in_a_name(story, story->keywords.v[i]))
            words[k++] = story->keywords.v[i];
    if (k >= 2) {
        md_str_append(out, " Words the dialogue keeps returning to: ");
        md_prose_list(words, k, out);
        md_str_append_char(out, '.');
    }
}

static int write_all(const struct md_timeline *t, const struct md_span_vec *spans,
                     const struct md_topics *topics, struct md_story *story, struct md_str *out)
{
    struct pool_vec pool = {0};
    struct chosen_vec chosen = {0};
    int r = MD_OK;
    write_opening(t, story, out);
    for (size_t a = 0; a < story->acts.n && r == MD_OK; a++) {
        struct md_act_range *act = &story->acts.v[a];
        size_t first = chosen.n;
        r = choose_lines(topics, story, act, lines_per_act(t), &pool, &chosen);
        if (r < 0)
            break;
        if (chosen.n - first > 1)
            qsort(chosen.v + first, chosen.n - first, sizeof *chosen.v, compare_lines);
        if (chosen.n > first) {
            r = write_act(story, act, chosen.v + first, chosen.n - first);
        } else {
            md_autostr silent = {0};
            write_silent_act(t, spans, act, true, &silent);
            act->summary = md_str_take(&silent);
            r = act->summary ? MD_OK : MD_ERR_NOMEM;
        }
        if (r == MD_OK) {
            md_str_printf(out, "\n\n%s (", md_act_titles[act->act]);
            write_span(act, out);
            md_str_printf(out, "). %s", act->summary);
        }
    }
    md_vec_done(&pool);
    md_vec_done(&chosen);
    return r;
}

int md_story_write_synopsis(const struct md_timeline *timeline, const struct md_span_vec *spans,
                            const struct md_topics *topics, struct md_story *story)
{
    md_autostr out = {0};
    if (topics) {
        int r = write_all(timeline, spans, topics, story, &out);
        story->synopsis = r == MD_OK ? md_str_take(&out) : NULL;
        return r == MD_OK && !story->synopsis ? MD_ERR_NOMEM : r;
    }
    for (size_t a = 0; a < story->acts.n; a++) {
        md_autostr silent = {0};
        write_silent_act(timeline, spans, &story->acts.v[a], false, &silent);
        if (silent.n > 0)
            silent.s[0] = (char)md_char_upper((unsigned char)silent.s[0]);
        story->acts.v[a].summary = md_str_take(&silent);
        if (!story->acts.v[a].summary)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}
