/* A detector put to a stretch of a film: some groups of pictures, or the whole of it. */
#ifndef MD_ANALYSIS_RANGE_H
#define MD_ANALYSIS_RANGE_H

#include "analysis/detector.h"

/* Frames to show before and after the place in question for the verdict to be that of the whole
 * film in nearly all cases, at `rate` frames per second. Without them what lies outside counts as
 * still, and a transition that is cut off is not found. */
enum { MD_RANGE_MOST_MARGIN = 200 };
int md_range_margin_before(float rate);
int md_range_margin_after(float rate);

struct md_range;
struct md_range *md_range_new(const struct md_detector_ops *detector); /* NULL: out of memory */
void md_range_free(struct md_range *range);

/* The next look added is that of the film's frame `first`. Forgets the range before, so that one
 * md_range serves many stretches. Only where first is 0 the range begins with the film. The first
 * range begins with frame 0 by itself. MD_ERR_NOMEM. */
int md_range_begin(struct md_range *range, int64_t first);

/* Where the next look is to be taken; md_range_add then counts it and appends the boundaries that
 * are certain now, in order. MD_ERR_NOMEM. */
struct md_look *md_range_slot(struct md_range *range);
int md_range_add(struct md_range *range, struct md_boundary_vec *out);

/* No more looks: appends the rest. Only md_range_begin may follow. MD_ERR_NOMEM. */
int md_range_finish(struct md_range *range, bool is_film_end, struct md_boundary_vec *out);

/* No boundary that splits before this frame will come any more. */
int64_t md_range_settled(const struct md_range *range);

/* What was added, for more than boundaries; valid as long as the range. */
const struct md_history *md_range_history(const struct md_range *range);

#endif
