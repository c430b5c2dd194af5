/* Takes the markup out of an event's text. */
#ifndef MD_TRANSCRIPT_MARKUP_H
#define MD_TRANSCRIPT_MARKUP_H

#include "base/str.h"
#include "transcript/subtitle.h"

/* In the clean text, MD_MARK_SPEAKER, a name and MD_MARK_END say who speaks from there on (WebVTT
 * voice tags). Neither can come from the input: its control characters are removed. */
#define MD_MARK_SPEAKER '\x01'
#define MD_MARK_END     '\x02'

/* Appends text to *out as plain lines joined by '\n': tags, overrides, ruby and drawings removed,
 * entities decoded, control characters and bidirectional overrides gone, blanks collapsed, empty
 * lines dropped. Sets *ret_is_sung when karaoke timing was met. Linear in the text's length. */
void md_markup_strip(struct md_str *out, const char *text, enum md_subtitle_format format,
                     bool *ret_is_sung);

#endif
