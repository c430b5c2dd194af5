/* Pieces of text for people: clipping, quoting, naming acts. */
#ifndef MD_STORY_PROSE_H
#define MD_STORY_PROSE_H

#include <stddef.h>

#include "base/str.h"

/* Appends at most max_chars characters of text, cut at a word with "…" where longer. */
void md_prose_clip(const char *text, size_t max_chars, struct md_str *out);

/* Appends the text in quotation marks, clipped; double quotation marks inside become single. */
void md_prose_quote(const char *text, size_t max_chars, struct md_str *out);

/* "The climax begins here". */
void md_prose_act_begins(int act, struct md_str *out);

/* Appends "a", "a and b", "a, b and c". */
void md_prose_list(const char *const *items, size_t n, struct md_str *out);

/* Characters in a UTF-8 text. */
size_t md_prose_length(const char *text);

#endif
