/* How much each segment matters, moves and stirs. */
#ifndef MD_STORY_SCORES_H
#define MD_STORY_SCORES_H

#include "story/segments.h"

/* Sets audio_visual, emotion and importance of every segment. has_words: there are sentences with
 * importance and emotion. MD_ERR_NOMEM. */
int md_story_score(const struct md_timeline *timeline, const struct md_span_vec *spans,
                   const struct md_sentence_vec *sentences, bool has_words,
                   struct md_segment_vec *segments);

#endif
