/* The story's segments and acts. */
#ifndef MD_STORY_SEGMENTS_H
#define MD_STORY_SEGMENTS_H

#include "story/timeline.h"

/* The units of a segment. */
struct md_span {
    size_t first, n;
};
struct md_span_vec MD_VEC(struct md_span);

/* Divides every run of the timeline into segments. strength: of the boundary before each unit.
 * MD_ERR_NOMEM. */
int md_story_divide(const struct md_timeline *timeline, const float *strength,
                    struct md_span_vec *ret);

/* Appends segments (times, shots, sentences, boundary; titles still NULL) for the spans. */
int md_story_make_segments(const struct md_timeline *timeline, const struct md_span_vec *spans,
                           const float *strength, struct md_segment_vec *ret);

/* Sets every segment's act and appends the acts (summaries NULL). MD_ERR_NOMEM. */
int md_story_find_acts(const struct md_timeline *timeline, struct md_segment_vec *segments,
                       struct md_act_vec *ret);

#endif
