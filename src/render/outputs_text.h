/* Writing foreign text into files of strict forms. */
#ifndef MD_RENDER_OUTPUTS_TEXT_H
#define MD_RENDER_OUTPUTS_TEXT_H

#include <stdint.h>

#include "base/str.h"

/* One line: line breaks become blanks, control characters and bidirectional overrides go. Each
 * function does this first and then escapes what its format needs. NULL is nothing. */
void md_text_plain(struct md_str *out, const char *text);

/* Markdown (CommonMark): nothing in the text is markup or HTML. */
void md_text_markdown(struct md_str *out, const char *text);

/* A cell of RFC 4180, quoted; a cell that a spreadsheet would run as a formula gets a leading
 * apostrophe. */
void md_text_csv(struct md_str *out, const char *text);

/* XML and HTML, as md_str_append_xml but without control characters and overrides. */
void md_text_xml(struct md_str *out, const char *text);
/* The same, line breaks kept. */
void md_text_xml_lines(struct md_str *out, const char *text);

/* FFmpeg metadata: = ; # \ and line breaks escaped with a backslash. */
void md_text_ffmeta(struct md_str *out, const char *text);

/* "1:02:03 to 1:02:09" */
void md_text_range(struct md_str *out, int64_t start_us, int64_t end_us);

#endif
