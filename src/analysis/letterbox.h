/* Black bars around the picture: the ones that are there most of the time. */
#ifndef MD_ANALYSIS_LETTERBOX_H
#define MD_ANALYSIS_LETTERBOX_H

#include "base/error.h"
#include "media/frame.h"

struct md_letterbox;
struct md_letterbox *md_letterbox_new(void); /* NULL when out of memory */
void md_letterbox_free(struct md_letterbox *letterbox);

enum md_side { MD_SIDE_LEFT, MD_SIDE_TOP, MD_SIDE_RIGHT, MD_SIDE_BOTTOM, MD_SIDES };
enum {
    MD_LETTERBOX_MOST_BAR = 2048, /* samples; half of an 8K picture's height */
    MD_LETTERBOX_BLACK = 24,      /* of 255: limited-range black with noise */
};

/* What one frame says. */
struct md_letterbox_sight {
    int32_t is_lit;         /* enough light in the middle third, or the dark tells nothing */
    int32_t bars[MD_SIDES]; /* black lines at each side */
};

/* Looks at one frame; every half second is often enough. Frames too dark to tell do not count. A
 * change of size starts anew. */
void md_letterbox_add(struct md_letterbox *letterbox, const struct md_frame *frame);

/* The same for who looks elsewhere (analysis/cuda). */
void md_letterbox_see(const struct md_frame *frame, struct md_letterbox_sight *ret_sight);
void md_letterbox_add_sight(struct md_letterbox *letterbox, int width, int height,
                            const struct md_letterbox_sight *sight);

struct md_bars {
    int left, top, right, bottom; /* coded luma samples, even; 0 none */
};

/* The bars that nineteen of twenty frames have at least. */
struct md_bars md_letterbox_bars(const struct md_letterbox *letterbox);

#endif
