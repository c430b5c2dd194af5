/* Moments one would tell a friend about. */
#ifndef MD_STORY_MOMENTS_H
#define MD_STORY_MOMENTS_H

#include "story/segments.h"

/* Appends 1 to 12 key moments, by time, spread over movie and acts. MD_ERR_NOMEM. */
int md_story_find_moments(const struct md_timeline *timeline, const struct md_span_vec *spans,
                          const struct md_story *story, struct md_key_moment_vec *ret);

#endif
