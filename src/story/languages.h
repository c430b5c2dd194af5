/* What the analysis knows about languages: words that carry no topic, words before a noun,
 * abbreviations, feelings. All data; a language without a row works through word frequencies. */
#ifndef MD_STORY_LANGUAGE_H
#define MD_STORY_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

struct md_story_language {
    const char *code;          /* ISO 639-1; "" for the row of unknown languages */
    const char *stop;          /* words without a topic, lower case, space-separated */
    const char *determiners;   /* words before common nouns, hardly ever before a name */
    const char *abbreviations; /* without the full stop */
    const char *titles;        /* Mr, Dr, … without the full stop, lower case */
    const char *not_names;   /* capitalised, yet nobody: yes, Monday, Paris, English; lower case */
    const char *place_words; /* words before a place rather than a person: in, near */
    const char *feelings;    /* "word:strength" or "stem*:strength", strength 1 to 9 */
    bool nouns_capitalised;  /* as in German */
};

/* All rows; the last has code "". */
const struct md_story_language *md_story_language_table(size_t *ret_n);

/* By tag ("en", "eng", "en-US", "English"); the row "" when unknown or NULL. */
const struct md_story_language *md_story_language_by_tag(const char *tag);

struct md_story_text {
    const char *s;
    size_t n;
};

/* The language whose stop words cover most of the sample, if that is clear; else the row "". */
const struct md_story_language *md_story_language_detect(const struct md_story_text *texts,
                                                         size_t n);

#endif
