/* A line of the segment's own dialogue makes a better chapter name than key words: it is language,
 * and it is remembered. So the best short line that carries a topic is taken, no line twice; key
 * words come second, and what is seen and heard third. */
#include "story/titles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "story/prose.h"

enum {
    SEGMENT_KEYWORDS = 5,
    MOVIE_KEYWORDS = 12,
    TITLE_CHARS = 44,
    TITLE_WORDS = 8,
    SUMMARY_CHARS = 180
};

/* --- key words --- */

struct scored_term {
    uint32_t id;
    float score;
};

static int compare_terms(const void *a, const void *b)
{
    const struct scored_term *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Pairs of Han characters may be words; pairs of kana or Thai letters are hardly ever. */
static bool can_be_shown(const char *s, size_t n)
{
    uint32_t cp;
    size_t chars = 0;
    for (size_t pos = 0; pos < n; chars++) {
        pos += md_char_next(s + pos, n - pos, &cp);
        if (md_char_class(cp) == MD_CHAR_IDEOGRAPH && !(cp >= 0x3400 && cp <= 0x9FFF))
            return false;
        if (md_char_class(cp) == MD_CHAR_DIGIT)
            return false;
    }
    return chars >= 2;
}

/* The term as written; names, and what is written with a capital inside sentences, with one. */
static char *shown_term(const struct md_topics *topics, const struct md_terms *names, uint32_t id)
{
    md_autostr out = {0};
    size_t n;
    const char *form = md_terms_text(&topics->forms, topics->use.v[id].form, &n);
    if (n > 2 && memcmp(form + n - 2, "'s", 2) == 0)
        n -= 2;
    const struct md_term_use *use = &topics->use.v[id];
    if (md_terms_find(names, form, n) >= 0 || use->capital * 2 > MD_MAX(use->inside, 1u)) {
        uint32_t cp;
        char bytes[4];
        size_t used = md_char_next(form, n, &cp);
        md_str_append_n(&out, bytes, md_utf8_encode(md_char_upper(cp), bytes));
        form += used;
        n -= used;
    }
    md_str_append_n(&out, form, n);
    return md_str_take(&out);
}

/* Scores are by term id; the best become key words. `order` has room for all terms. */
static int take_keywords(const struct md_topics *topics, const struct md_terms *names,
                         struct scored_term *order, size_t n, size_t most, struct md_strings *ret)
{
    if (n > 1)
        qsort(order, n, sizeof *order, compare_terms);
    for (size_t i = 0; i < n && ret->n < most; i++) {
        size_t len;
        const char *form = md_terms_text(&topics->forms, topics->use.v[order[i].id].form, &len);
        if (order[i].score <= 0 || !can_be_shown(form, len))
            continue;
        char *shown = shown_term(topics, names, order[i].id);
        if (!shown || md_vec_push(ret, shown) < 0) {
            free(shown);
            return MD_ERR_NOMEM;
        }
    }
    return MD_OK;
}

/* Terms of a segment with their counts, each once; returns how many. */
static size_t count_terms(const struct md_topics *topics, const struct md_segment *s,
                          uint32_t *count, struct scored_term *found)
{
    size_t n = 0;
    for (int64_t i = s->first_sentence; i < s->first_sentence + s->sentence_count; i++) {
        const struct md_sentence_terms *x = &topics->sentences.v[i];
        for (size_t k = 0; k < x->n; k++) {
            uint32_t id = topics->tokens.v[x->first + k];
            if (count[id]++ == 0)
                found[n++].id = id;
        }
    }
    return n;
}

struct keyword_scratch {
    uint32_t *count, *segments; /* per term */
    struct scored_term *found;
};

static void count_segments(const struct md_topics *topics, const struct md_story *story,
                           struct keyword_scratch *k)
{
    for (size_t g = 0; g < story->segments.n; g++) {
        size_t n = count_terms(topics, &story->segments.v[g], k->count, k->found);
        for (size_t i = 0; i < n; i++) {
            k->segments[k->found[i].id]++;
            k->count[k->found[i].id] = 0;
        }
    }
}

static int segment_keywords(const struct md_topics *topics, const struct md_terms *names,
                            struct keyword_scratch *k, size_t segments, struct md_segment *s)
{
    size_t n = count_terms(topics, s, k->count, k->found);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = k->found[i].id;
        double rare = log(1 + (double)segments / (double)MD_MAX(k->segments[id], 1u));
        double often = (double)k->count[id] + 0.25 * (topics->use.v[id].total > 1);
        k->found[i].score = (float)(often * rare);
        k->count[id] = 0;
    }
    return take_keywords(topics, names, k->found, n, SEGMENT_KEYWORDS, &s->keywords);
}

int md_story_find_keywords(const struct md_topics *topics, const struct md_terms *names,
                           struct md_story *story)
{
    size_t terms = topics->use.n;
    md_autofree uint32_t *count = calloc(terms + 1, sizeof *count);
    md_autofree uint32_t *segments = calloc(terms + 1, sizeof *segments);
    md_autofree struct scored_term *found = calloc(terms + 1, sizeof *found);
    struct keyword_scratch k = {count, segments, found};
    if (!count || !segments || !found)
        return MD_ERR_NOMEM;
    count_segments(topics, story, &k);
    for (size_t g = 0; g < story->segments.n; g++)
        if (segment_keywords(topics, names, &k, story->segments.n, &story->segments.v[g]) < 0)
            return MD_ERR_NOMEM;
    for (uint32_t id = 0; id < terms; id++) {
        double total = topics->use.v[id].total, spread = k.segments[id];
        double score =
            total >= 2 ? total * topics->use.v[id].idf * (1 + log(MD_MAX(spread, 1))) : 0;
        found[id] = (struct scored_term){id, (float)score};
    }
    return take_keywords(topics, names, found, terms, MOVIE_KEYWORDS, &story->keywords);
}

/* --- titles --- */

/* A stretch of a sentence that may become a title. */
struct title {
    const char *s;
    size_t n;
    float score;
};

/* "And the light went round" reads better without its "And". */
static size_t skip_conjunction(const char *s, size_t n)
{
    static const char *const words[] = {"And ", "But ", "So ", "Well, ", "Oh, ", "Because "};
    for (size_t i = 0; i < MD_ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);
        if (n > len && memcmp(s, words[i], len) == 0)
            return len;
    }
    return 0;
}

/* Bytes up to the first comma or dash of its own; n when there is none. */
static size_t first_clause(const char *s, size_t n)
{
    for (size_t pos = 0; pos < n;) {
        uint32_t cp;
        size_t used = md_char_next(s + pos, n - pos, &cp);
        if (md_char_class(cp) == MD_CHAR_PAUSE || (cp == '.' && pos + used < n))
            return pos;
        pos += used;
    }
    return n;
}

static size_t count_chars(const char *s, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++)
        chars += ((unsigned char)s[i] & 0xC0) != 0x80;
    return chars;
}

static size_t count_words(const char *s, size_t n)
{
    struct md_word word;
    size_t pos = 0, words = 0;
    while (md_word_next(s, n, &pos, &word))
        words++;
    return words;
}

/* How good a stretch is as a title; 0 when it cannot be one. */
static float title_score(const struct md_sentence *x, const struct md_sentence_terms *terms,
                         const char *s, size_t n, bool whole)
{
    size_t chars = count_chars(s, n), words = count_words(s, n);
    size_t fewest = whole ? 2 : 4; /* a torn-off "Look" or "In the end" is no title */
    if (chars < 4 || chars > TITLE_CHARS || words < fewest ||
        (words > TITLE_WORDS && chars > TITLE_WORDS * 3))
        return 0;
    float topic = terms->topical == 0 ? 0.3f : 1;
    float length = words <= 2 ? 0.7f : 1;
    return topic * length * (whole ? 1 : 0.75f) * (0.15f + x->importance + 0.25f * x->emotion);
}

/* Keeps the better of the sentence and its first clause in *best. */
static void try_sentence(const struct md_sentence *x, const struct md_sentence_terms *terms,
                         const struct md_terms *used, struct title *best)
{
    size_t n = strlen(x->text), skipped = skip_conjunction(x->text, n);
    const char *s = x->text + skipped;
    size_t lengths[2] = {n - skipped, first_clause(s, n - skipped)};
    for (int k = 0; k < 2; k++) {
        float score = title_score(x, terms, s, lengths[k], k == 0);
        if (score > best->score && md_terms_find(used, s, lengths[k]) < 0)
            *best = (struct title){s, lengths[k], score};
    }
}

/* The title with a capital, without its closing full stop and quotation marks around it. */
static void append_title(const struct title *title, struct md_str *out)
{
    const char *s = title->s;
    size_t n = title->n;
    uint32_t cp;
    char bytes[4];
    while (n > 0 && strchr(".,\"", s[n - 1]))
        n--;
    while (n > 0 && *s == '"') {
        s++;
        n--;
    }
    if (n == 0)
        return;
    size_t used = md_char_next(s, n, &cp);
    md_str_append_n(out, bytes, md_utf8_encode(md_char_upper(cp), bytes));
    md_str_append_n(out, s + used, n - used);
    if (title->n >= n + 2 && s[n] == '.' && s[n + 1] == '.')
        md_str_append(out, "\xE2\x80\xA6");
}

static int line_title(const struct md_topics *topics, const struct md_story *story,
                      const struct md_segment *s, struct md_terms *used, struct md_str *out)
{
    struct title best = {.score = 0.25f}; /* below it, key words say more */
    for (int64_t i = s->first_sentence; i < s->first_sentence + s->sentence_count; i++)
        try_sentence(&story->sentences.v[i], &topics->sentences.v[i], used, &best);
    if (!best.s)
        return MD_OK;
    append_title(&best, out);
    return md_terms_add(used, best.s, best.n, NULL);
}

static void keyword_title(const struct md_segment *s, struct md_str *out)
{
    const size_t most = 3;
    for (size_t i = 0; i < MD_MIN(s->keywords.n, most); i++) {
        uint32_t cp;
        char bytes[4];
        const char *word = s->keywords.v[i];
        if (i > 0) {
            md_str_printf(out, ", %s", word);
            continue;
        }
        size_t used = md_char_next(word, strlen(word), &cp);
        md_str_append_n(out, bytes, md_utf8_encode(md_char_upper(cp), bytes));
        md_str_append(out, word + used);
    }
}

struct look {
    double luma, motion, color, cutting, music, loudness_known, activity;
};

static struct look look_at(const struct md_timeline *t, const struct md_span *span)
{
    struct look l = {0};
    double total = 0;
    for (size_t i = span->first; i < span->first + span->n; i++) {
        const struct md_unit *u = &t->units.v[i];
        double d = (double)(u->end_us - u->start_us);
        l.luma += u->luma * d;
        l.motion += u->motion * d;
        l.color += u->color * d;
        l.cutting += u->cutting * d;
        l.music += u->sound.share[MD_SOUND_MUSIC] * d;
        l.activity += u->activity * d;
        total += d;
    }
    double scale = 1 / MD_MAX(total, 1);
    return (struct look){l.luma * scale,    l.motion * scale, l.color * scale,
                         l.cutting * scale, l.music * scale,  0,
                         l.activity * scale};
}

/* "Scene 4: quiet, dark, music". */
static void picture_title(const struct md_timeline *t, const struct md_span *span, size_t number,
                          struct md_str *out)
{
    const char *words[4];
    size_t n = 0;
    struct look l = look_at(t, span);
    if (l.activity > 0.62)
        words[n++] = l.cutting > 0.5 ? "quick cuts" : "lively";
    else if (l.activity < 0.38)
        words[n++] = "quiet";
    if (t->shots && l.luma < 0.2)
        words[n++] = "dark";
    else if (t->shots && l.luma > 0.6)
        words[n++] = "bright";
    if (t->shots && l.motion > 0.4)
        words[n++] = "much movement";
    if (l.music > 0.5)
        words[n++] = "music";
    md_str_printf(out, "Scene %zu", number);
    for (size_t i = 0; i < n; i++)
        md_str_printf(out, "%s%s", i == 0 ? ": " : ", ", words[i]);
}

/* --- summaries --- */

static int64_t best_of(const struct md_story *story, const struct md_segment *s, int64_t not_this)
{
    int64_t best = -1;
    for (int64_t i = s->first_sentence; i < s->first_sentence + s->sentence_count; i++)
        if (i != not_this &&
            (best < 0 || story->sentences.v[i].importance > story->sentences.v[best].importance))
            best = i;
    return best;
}

static void append_line(const struct md_sentence *x, struct md_str *out)
{
    if (out->n > 0)
        md_str_append_char(out, ' ');
    if (x->speaker)
        md_str_printf(out, "%s: ", x->speaker);
    md_prose_quote(x->text, SUMMARY_CHARS, out);
}

/* The segment's two best lines, in their order. */
static void summarise(const struct md_story *story, const struct md_segment *s, struct md_str *out)
{
    int64_t a = best_of(story, s, -1), b = best_of(story, s, a);
    if (b >= 0 && b < a) {
        int64_t swap = a;
        a = b;
        b = swap;
    }
    append_line(&story->sentences.v[a], out);
    if (b >= 0)
        append_line(&story->sentences.v[b], out);
}

int md_story_write_titles(const struct md_timeline *timeline, const struct md_span_vec *spans,
                          const struct md_topics *topics, struct md_story *story)
{
    struct md_terms used = {0};
    int r = MD_OK;
    for (size_t g = 0; g < story->segments.n && r == MD_OK; g++) {
        struct md_segment *s = &story->segments.v[g];
        md_autostr title = {0}, summary = {0};
        bool words = topics && s->sentence_count > 0;
        if (words)
            r = line_title(topics, story, s, &used, &title);
        if (title.n == 0)
            keyword_title(s, &title);
        if (title.n == 0)
            picture_title(timeline, &spans->v[g], g + 1, &title);
        if (words)
            summarise(story, s, &summary);
        s->title = md_str_take(&title);
        s->summary = words ? md_str_take(&summary) : NULL;
        if (!s->title || (words && !s->summary))
            r = MD_ERR_NOMEM;
    }
    md_terms_done(&used);
    return r;
}
