/* Key words, titles and summaries of segments. */
#ifndef MD_STORY_TITLES_H
#define MD_STORY_TITLES_H

#include "story/segments.h"
#include "story/topics.h"

/* Fills keywords of the movie and of every segment. names: lower-case words that are written with a
 * capital. MD_ERR_NOMEM. */
int md_story_find_keywords(const struct md_topics *topics, const struct md_terms *names,
                           struct md_story *story);

/* Fills title and summary of every segment. topics may be NULL without words. */
int md_story_write_titles(const struct md_timeline *timeline, const struct md_span_vec *spans,
                          const struct md_topics *topics, struct md_story *story);

#endif
