/* Cutting what a speech model heard into lines people can read. */
#ifndef MD_TRANSCRIPT_LINES_H
#define MD_TRANSCRIPT_LINES_H

#include <stddef.h>
#include <stdint.h>

/* A word of a text; all words of a text lie in it with one blank between. */
struct md_line_word {
    const char *text; /* where it begins */
    size_t n;         /* bytes */
    int64_t start_us, end_us;
};

/* How many of the words, which are at least one, make the next line: all of them when they fit two
 * lines of 42 characters and seven seconds and hold no long pause; else up to the end of a
 * sentence, a comma or the widest pause. */
size_t md_line_length(const struct md_line_word *words, size_t count);

#endif
