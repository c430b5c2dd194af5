/* What a character is for, as far as reading running text needs it. No locale, no tables of the
 * whole of Unicode: blocks, for the scripts in which movies are subtitled. */
#ifndef MD_BASE_CHARS_H
#define MD_BASE_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum md_char {
    MD_CHAR_SPACE,
    MD_CHAR_LETTER,     /* of a script that puts spaces between words; also katakana */
    MD_CHAR_IDEOGRAPH,  /* of a script that does not: Han, hiragana, Thai, Lao, Khmer, Burmese */
    MD_CHAR_DIGIT,      /* decimal, any script */
    MD_CHAR_APOSTROPHE, /* ' and U+2019: part of a word when between letters */
    MD_CHAR_DASH,       /* hyphen, en and em dash */
    MD_CHAR_STOP,       /* ends a sentence: . ! ? … and their kin */
    MD_CHAR_PAUSE,      /* , ; : and their kin */
    MD_CHAR_OPEN,       /* opening bracket or quotation mark, and the straight double quote */
    MD_CHAR_CLOSE,      /* closing bracket or quotation mark */
    MD_CHAR_OTHER,      /* symbols, emoji, invisible characters */
};

enum md_char md_char_class(uint32_t cp);

/* Lower case of Latin, Greek, Cyrillic and Armenian letters; others unchanged. */
uint32_t md_char_lower(uint32_t cp);
/* Upper case of the same, where it is one character. */
uint32_t md_char_upper(uint32_t cp);

static inline bool md_char_is_upper(uint32_t cp)
{
    return md_char_lower(cp) != cp;
}
static inline bool md_char_is_lower(uint32_t cp)
{
    return md_char_upper(cp) != cp;
}

/* Decodes like md_utf8_decode, but always moves on: a malformed byte is U+FFFD of length 1.
 * n must be > 0. */
size_t md_char_next(const char *s, size_t n, uint32_t *ret_cp);

/* A word of running text, pointing into it. In scripts without spaces it is a pair of neighbouring
 * characters (pairs overlap), which is what retrieval uses in place of a dictionary. */
struct md_word {
    const char *s;
    size_t n;             /* bytes */
    size_t length;        /* characters */
    bool capital;         /* begins with an upper-case letter */
    bool all_capitals;    /* two letters or more, none of them lower case, one upper */
    bool pair;            /* of a script without spaces */
    bool number;          /* begins with a digit */
    enum md_char follows; /* class of the next character; MD_CHAR_SPACE at the end of text */
};

/* The next word at or after *inout_pos in s[0..n); false when there is none. A word is cut after
 * 64 characters. */
bool md_word_next(const char *s, size_t n, size_t *inout_pos, struct md_word *ret_word);

/* The word in lower case, U+2019 as ', into out; returns the bytes written, < size. A word that
 * does not fit is cut between characters. */
size_t md_word_lower(const struct md_word *word, char *out, size_t size);

#endif
