/* Cues as the text of subtitle files. */
#ifndef MD_MODEL_SUBTITLES_H
#define MD_MODEL_SUBTITLES_H

#include "base/str.h"
#include "model/transcript.h"

/* Append a whole file (UTF-8, '\n' line ends, no byte order mark). Cues are sorted by start;
 * neighbours of equal times are put into one, with a dash before each utterance where several
 * speak. A speaker is named ("Anna: ") where another one spoke before. Nothing in a cue can break
 * out of it: arrows and empty lines are rewritten, and in WebVTT markup is escaped.
 * Times below zero become 0. Check md_str_failed(out) at the end. */
void md_subtitles_write_srt(struct md_str *out, const struct md_cue_vec *cues);

/* language may be NULL; put into the header as text ("Language: de"). */
void md_subtitles_write_vtt(struct md_str *out, const struct md_cue_vec *cues,
                            const char *language);

#endif
