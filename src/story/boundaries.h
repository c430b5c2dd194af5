/* How strongly the movie changes at each unit's start. */
#ifndef MD_STORY_BOUNDARIES_H
#define MD_STORY_BOUNDARIES_H

#include "story/timeline.h"
#include "story/topics.h"

/* Sets strength[i], 0 to 1, of the boundary before unit i (1 where a run starts). topics may be
 * NULL. MD_ERR_NOMEM. */
int md_story_find_boundaries(const struct md_timeline *timeline,
                             const struct md_sentence_vec *sentences,
                             const struct md_topics *topics, float *strength);

#endif
