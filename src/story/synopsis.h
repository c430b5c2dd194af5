/* The synopsis: what the movie's own lines tell, act by act. */
#ifndef MD_STORY_SYNOPSIS_H
#define MD_STORY_SYNOPSIS_H

#include "story/segments.h"
#include "story/topics.h"

/* Sets summaries of the acts and the synopsis; acts, segments, sentences, characters and key words
 * must be there. topics NULL: a movie without words; acts get what is seen and heard, the synopsis
 * stays NULL. MD_ERR_NOMEM. */
int md_story_write_synopsis(const struct md_timeline *timeline, const struct md_span_vec *spans,
                            const struct md_topics *topics, struct md_story *story);

#endif
