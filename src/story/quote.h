/* Foreign text made fit to stand in a prompt, and a model's text made fit to stand in a story. */
#ifndef MD_STORY_QUOTE_H
#define MD_STORY_QUOTE_H

#include <stddef.h>

#include "base/str.h"

/* Appends text as it may be quoted to a language model: one line, at most max_bytes, cut between
 * characters. Line ends of any kind are spaces; what is invisible is gone (zero width, direction,
 * tags: text that a person does not see and a model reads); brackets that models and servers make
 * control marks of (<|end|>, [INST], {{ }}) become others that look alike. */
void md_quote_line(struct md_str *out, const char *text, size_t max_bytes);

/* Appends text of a model for people: the same without the brackets; cut at a word, with "…". */
void md_quote_reply(struct md_str *out, const char *text, size_t max_bytes);

#endif
