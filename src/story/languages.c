/* Detection by stop words: in running text every second word is one, so that a few sentences
 * suffice and no letter statistics are needed. */
#include "story/languages.h"

#include "base/chars.h"
#include "model/language.h"
#include "story/terms.h"

const struct md_story_language *md_story_language_by_tag(const char *tag)
{
    size_t n;
    const struct md_story_language *table = md_story_language_table(&n);
    for (size_t i = 0; tag && i + 1 < n; i++)
        if (md_language_same(table[i].code, tag))
            return &table[i];
    return &table[n - 1];
}

enum { MOST_LANGUAGES = 32, SAMPLE_WORDS = 4000 };

/* Counts, of at most SAMPLE_WORDS words, those that each language's set holds. */
static size_t count_hits(const struct md_story_text *texts, size_t n, const struct md_terms *sets,
                         size_t languages, size_t *hits)
{
    size_t words = 0;
    for (size_t i = 0; i < n && words < SAMPLE_WORDS; i++) {
        struct md_word word;
        size_t pos = 0;
        while (words < SAMPLE_WORDS && md_word_next(texts[i].s, texts[i].n, &pos, &word)) {
            char lower[128];
            size_t len = md_word_lower(&word, lower, sizeof lower);
            words++;
            for (size_t k = 0; k < languages; k++)
                hits[k] += md_terms_find(&sets[k], lower, len) >= 0;
        }
    }
    return words;
}

const struct md_story_language *md_story_language_detect(const struct md_story_text *texts,
                                                         size_t n)
{
    /* A language's own text is covered by two fifths to two thirds; that of a relative or of a
     * stranger with a few words in common by a quarter at most. */
    const double least_share = 0.3, least_lead = 1.15;
    size_t languages, hits[MOST_LANGUAGES] = {0}, best = 0, second = 0;
    const struct md_story_language *table = md_story_language_table(&languages);
    struct md_terms sets[MOST_LANGUAGES] = {{{0}}};
    languages = languages - 1 < MOST_LANGUAGES ? languages - 1 : MOST_LANGUAGES;
    bool complete = true;
    for (size_t k = 0; k < languages; k++)
        complete &= md_terms_add_list(&sets[k], table[k].stop) == MD_OK;
    size_t words = complete ? count_hits(texts, n, sets, languages, hits) : 0;
    for (size_t k = 0; k < languages; k++) {
        md_terms_done(&sets[k]);
        if (hits[k] > hits[best])
            best = k;
    }
    for (size_t k = 0; k < languages; k++)
        if (k != best && hits[k] > second)
            second = hits[k];
    bool clear = words > 0 && (double)hits[best] >= least_share * (double)words &&
                 (double)hits[best] >= least_lead * (double)second;
    return clear ? &table[best] : md_story_language_by_tag(NULL);
}
