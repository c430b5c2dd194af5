/* Black bars around the picture: the ones that are there most of the time. */
#ifndef MD_ANALYSIS_LETTERBOX_H
#define MD_ANALYSIS_LETTERBOX_H

#include "base/error.h"
#include "media/frame.h"

struct md_letterbox;
struct md_letterbox *md_letterbox_new(void); /* NULL when out of memory */
void md_letterbox_free(struct md_letterbox *letterbox);

/* Looks at one frame; every half second is often enough. Frames too dark to tell do not count. A
 * change of size starts anew. */
void md_letterbox_add(struct md_letterbox *letterbox, const struct md_frame *frame);

struct md_bars {
    int left, top, right, bottom; /* coded luma samples, even; 0 none */
};

/* The bars that nineteen of twenty frames have at least. */
struct md_bars md_letterbox_bars(const struct md_letterbox *letterbox);

#endif
