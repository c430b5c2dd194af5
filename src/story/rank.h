/* Which sentences matter, by how many others say something akin. */
#ifndef MD_STORY_RANK_H
#define MD_STORY_RANK_H

#include "model/story.h"
#include "story/topics.h"

/* Sets importance of every sentence, the best being 1. `names` holds the lower-case words of the
 * characters' names (may be empty). Cost is bounded by a constant times the number of terms.
 * MD_ERR_NOMEM. */
int md_story_rank(const struct md_topics *topics, const struct md_terms *names,
                  struct md_sentence_vec *sentences);

#endif
