/* Each sign of feeling is a chance that the line is felt: words from the language's list,
 * exclamation marks, question and exclamation together, words shouted in capitals, vowels drawn out
 * ("nooo"), broken speech ("I... I..."). They combine as independent chances, 1 - (1-a)(1-b)…, so
 * that many weak signs never exceed 1 and the order does not matter. */
#include "story/emotion.h"

#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/cleanup.h"
#include "story/terms.h"

struct weight_vec MD_VEC(float);

struct lexicon {
    struct md_terms words, stems;               /* stems match the beginning of a word */
    struct weight_vec word_weight, stem_weight; /* by id */
};

/* The list counts 1 to 9; a 9 alone makes a line 0.63. */
static const float weight_of_one = 0.07f;

static int add_entry(struct lexicon *lexicon, const char *entry, size_t n)
{
    const char *colon = memchr(entry, ':', n);
    if (!colon || colon == entry)
        return MD_OK;
    float weight = (float)atoi(colon + 1) * weight_of_one;
    bool stem = colon[-1] == '*';
    struct md_terms *terms = stem ? &lexicon->stems : &lexicon->words;
    struct weight_vec *weights = stem ? &lexicon->stem_weight : &lexicon->word_weight;
    uint32_t id;
    if (md_terms_add(terms, entry, (size_t)(colon - entry) - stem, &id) < 0)
        return MD_ERR_NOMEM;
    return id < weights->n ? MD_OK : md_vec_push(weights, weight);
}

static int read_lexicon(const char *list, struct lexicon *lexicon)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " ");
        if (add_entry(lexicon, p, n) < 0)
            return MD_ERR_NOMEM;
        p += n + strspn(p + n, " ");
    }
    return MD_OK;
}

static void lexicon_done(struct lexicon *lexicon)
{
    md_terms_done(&lexicon->words);
    md_terms_done(&lexicon->stems);
    md_vec_done(&lexicon->word_weight);
    md_vec_done(&lexicon->stem_weight);
}

static float word_weight(const struct lexicon *lexicon, const char *lower, size_t n)
{
    const size_t shortest_stem = 2;
    int64_t id = md_terms_find(&lexicon->words, lower, n);
    if (id >= 0)
        return lexicon->word_weight.v[id];
    for (size_t len = n; len >= shortest_stem; len--) {
        id = md_terms_find(&lexicon->stems, lower, len);
        if (id >= 0)
            return lexicon->stem_weight.v[id];
    }
    return 0;
}

/* A letter three times running: "nooo", "aaah". */
static bool is_drawn_out(const char *lower, size_t n)
{
    for (size_t i = 2; i < n; i++)
        if (lower[i] == lower[i - 1] && lower[i] == lower[i - 2] && lower[i] >= 'a' &&
            lower[i] <= 'z')
            return true;
    return false;
}

struct marks {
    int exclamations, questions, dots;
};

static struct marks count_marks(const char *s, size_t n)
{
    struct marks m = {0};
    for (size_t pos = 0; pos < n;) {
        uint32_t cp;
        pos += md_char_next(s + pos, n - pos, &cp);
        m.exclamations += cp == '!' || cp == 0xFF01 || cp == 0x203C;
        m.questions += cp == '?' || cp == 0xFF1F || cp == 0x061F;
        m.dots += cp == 0x2026;
    }
    return m;
}

static void combine(double *calm, double chance)
{
    *calm *= 1 - chance;
}

static float feel_sentence(const struct md_text_traits *traits, const struct lexicon *lexicon,
                           const char *text)
{
    enum { MOST_SIGNS = 8 };
    const double first_exclamation = 0.18, more_exclamations = 0.1, astonished = 0.15;
    const double shouted = 0.15, drawn_out = 0.15, broken = 0.06;
    size_t pos = 0, n = strlen(text);
    struct md_word word;
    double calm = 1;
    int signs = 0;
    while (signs < MOST_SIGNS && md_word_next(text, n, &pos, &word)) {
        char lower[256];
        size_t len = md_word_lower(&word, lower, sizeof lower);
        double weight = word_weight(lexicon, lower, len);
        if (word.all_capitals && !traits->all_capitals && word.length > 3)
            weight += shouted;
        if (is_drawn_out(lower, len))
            weight += drawn_out;
        signs += weight > 0;
        combine(&calm, weight);
    }
    struct marks m = count_marks(text, n);
    if (m.exclamations > 0)
        combine(&calm, first_exclamation);
    if (m.exclamations > 1)
        combine(&calm, more_exclamations);
    if (m.exclamations > 0 && m.questions > 0)
        combine(&calm, astonished);
    if (m.dots > 1 || strstr(text, "... "))
        combine(&calm, broken);
    return (float)(1 - calm);
}

int md_story_feel(const struct md_text_traits *traits, struct md_sentence_vec *sentences)
{
    struct lexicon lexicon = {0};
    int r = read_lexicon(traits->language->feelings, &lexicon);
    for (size_t i = 0; i < sentences->n && r == MD_OK; i++)
        sentences->v[i].emotion = feel_sentence(traits, &lexicon, sentences->v[i].text);
    lexicon_done(&lexicon);
    return r;
}
