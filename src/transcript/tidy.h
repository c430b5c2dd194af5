/* Puts right what subtitle makers and converters leave behind. All work on a track whose events
 * hold plain text (md_markup_strip). */
#ifndef MD_TRANSCRIPT_TIDY_H
#define MD_TRANSCRIPT_TIDY_H

#include "transcript/subtitle.h"

/* Sorts by start (stable), gives events without a usable end one by reading speed, clips to
 * [0, duration_us] (0: length unknown, no upper end) and drops what lies beyond, with a note. */
void md_tidy_times(struct md_subtitle_track *track, int64_t duration_us);

/* Drops "Subtitles by ...", web addresses and the like, with one note. */
void md_tidy_advertisements(struct md_subtitle_track *track);

/* Joins events that say the same at the same time (typesetting frame by frame, doubled files) and
 * takes the repeated lines out of rolling captions. MD_OK or MD_ERR_NOMEM. */
int md_tidy_repetitions(struct md_subtitle_track *track);

#endif
