/* Who speaks, and what is not speech: plain events into cues. */
#ifndef MD_TRANSCRIPT_SPEECH_H
#define MD_TRANSCRIPT_SPEECH_H

#include "transcript/subtitle.h"

/* Appends the cues of a tidied track. An event with several utterances ("- Who?" / "- Me.", or a
 * sound and a line of speech) becomes several cues of the same time, in order; the writers of
 * model/subtitles.h put them together again. MD_OK or MD_ERR_NOMEM. */
int md_speech_split(const struct md_subtitle_track *track, struct md_cue_vec *cues);

#endif
