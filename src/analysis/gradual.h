/* Dissolves and wipes: is a stretch of frames one scene giving way to another? */
#ifndef MD_ANALYSIS_GRADUAL_H
#define MD_ANALYSIS_GRADUAL_H

#include "analysis/history.h"

/* A stretch that may be a gradual transition: `start` is the last frame that shows only what was
 * before, `end` the first that shows only what comes after. */
struct md_stretch {
    int64_t start, end;
    int kind;    /* MD_TRANSITION_DISSOLVE or MD_TRANSITION_WIPE */
    float score; /* log-odds that it is one; > 0 more likely than not */
};

enum { MD_GRADUAL_LONGEST = 160 }; /* frames */

/* Stretches that end at `end` and have a positive score, of different lengths: two dissolves close
 * to each other look like a third one. Returns how many. */
enum { MD_GRADUAL_LENGTHS = 12 };
int md_dissolve_find(const struct md_history *history, int64_t end, float rate,
                     struct md_stretch ret_stretches[MD_GRADUAL_LENGTHS]);

/* The best stretch that ends at `end`; false when none has a positive score. */
bool md_wipe_find(const struct md_history *history, int64_t end, float rate,
                  struct md_stretch *ret_stretch);

/* No light, no shape: black, white or any even colour. */
static inline bool md_look_is_blank(const struct md_look *look)
{
    return look->deviation < 5 && look->gradient < 1;
}

#endif
