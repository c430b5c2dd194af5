/* Fades to and from an even colour, black most of the time. */
#ifndef MD_ANALYSIS_FADE_H
#define MD_ANALYSIS_FADE_H

#include "analysis/history.h"

enum {
    MD_FADE_LONGEST = 120, /* frames of one slope */
    MD_FADE_HOLD = 120,    /* frames of the even colour between the slopes */
};

/* A run of even pictures, or the darkest (brightest) picture between two slopes. */
struct md_fade {
    int64_t start, end;       /* last whole frame before it, first whole frame after it */
    int64_t first, last;      /* of the even pictures */
    int kind;                 /* MD_TRANSITION_FADE_BLACK or _WHITE */
    float score;              /* like md_stretch.score */
    bool fades_out, fades_in; /* on that side a slope, else a jump */
};

/* Frames after the last even picture that must be in the history, unless the film ends. */
int md_fade_look_ahead(float rate);

/* True when the pictures first..last (blank, or a single valley) are surrounded by slopes, at least
 * on one side. Neither first - 1 nor last + 1 is blank. */
bool md_fade_measure(const struct md_history *history, int64_t first, int64_t last, float rate,
                     struct md_fade *ret_fade);

/* A picture that is not blank but paler than those on either side: the bottom of a fade that turns
 * around at once. Needs three frames on both sides. */
bool md_fade_is_valley(const struct md_history *history, int64_t frame);

#endif
