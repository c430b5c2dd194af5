/* Two lines of 42 characters and seven seconds are the usual limits of subtitle guidelines. Models
 * put out pieces of up to half a minute; the times of their words say where each line belongs. */
#include "transcript/lines.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

enum { MOST_CHARACTERS = 84 };
static const int64_t longest_us = 7000000;
static const int64_t pause_us =
    2000000; /* never inside a line: sound was left out, or nobody spoke */

static size_t count_characters(const struct md_line_word *word)
{
    size_t n = 0;
    for (size_t i = 0; i < word->n; i++)
        n += ((unsigned char)word->text[i] & 0xC0) != 0x80;
    return n;
}

/* As many words as the limits allow, at least one. */
static size_t most_words(const struct md_line_word *words, size_t count)
{
    size_t characters = count_characters(&words[0]), n = 1;
    for (; n < count; n++) {
        characters += 1 + count_characters(&words[n]);
        if (characters > MOST_CHARACTERS || words[n].end_us - words[0].start_us > longest_us ||
            words[n].start_us - words[n - 1].end_us > pause_us)
            break;
    }
    return n;
}

static bool ends_with(const struct md_line_word *word, const char *const *signs)
{
    for (; *signs; signs++) {
        size_t n = strlen(*signs);
        if (word->n >= n && memcmp(word->text + word->n - n, *signs, n) == 0)
            return true;
    }
    return false;
}

/* The last of the first n words that ends so, not before the third part; 0: none. */
static size_t last_ending(const struct md_line_word *words, size_t n, const char *const *signs)
{
    for (size_t i = n; i > n / 3 && i > 0; i--)
        if (ends_with(&words[i - 1], signs))
            return i;
    return 0;
}

size_t md_line_length(const struct md_line_word *words, size_t count)
{
    static const char *const sentences[] = {".", "?", "!", ".\"", "?\"", "!\"", "…", "。", NULL};
    static const char *const clauses[] = {",", ";", ":", "—", "、", NULL};
    size_t n = most_words(words, count), best;
    if (n == count || words[n].start_us - words[n - 1].end_us > pause_us)
        return n;
    best = last_ending(words, n, sentences);
    if (best == 0)
        best = last_ending(words, n, clauses);
    if (best > 0)
        return best;
    best = n;
    for (size_t i = n; i > n / 2 && i > 0; i--)
        if (words[i].start_us - words[i - 1].end_us > words[best].start_us - words[best - 1].end_us)
            best = i;
    return best;
}
