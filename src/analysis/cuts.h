/* Hard cuts: is the change at one frame that of a new scene? */
#ifndef MD_ANALYSIS_CUTS_H
#define MD_ANALYSIS_CUTS_H

#include "analysis/history.h"

/* Frames after a frame that must be in the history (unless the film ends) before it is judged. At
 * most MD_CUT_LOOK_AHEAD. */
int md_cut_look_ahead(float rate);
enum { MD_CUT_LOOK_AHEAD = 60 };

/* What a cut is told by; logarithms of differences, but for BACK_*: how much of the change is left
 * between the frame before it and the ones after it, 0..1. */
enum {
    MD_CUT_RESIDUAL,
    MD_CUT_HISTOGRAM,
    MD_CUT_AROUND_RESIDUAL,
    MD_CUT_AROUND_HISTOGRAM,
    MD_CUT_UNLIKE,
    MD_CUT_LARGEST, /* residual of the largest change nearby */
    MD_CUT_SHAPE,
    MD_CUT_CHROMA,
    MD_CUT_FAR_RESIDUAL, /* of three frames before to two after */
    MD_CUT_FAR_HISTOGRAM,
    MD_CUT_FAR_UNLIKE,
    MD_CUT_BACK_SOON,
    MD_CUT_BACK_LATER,
    MD_CUT_GLOW, /* change of mean brightness */
    MD_CUT_GLOW_BACK,
    MD_CUT_CONTRAST,
    MD_CUT_FEATURES,
};

/* False when a first glance shows that it is no cut; then not all are measured. */
bool md_cut_measure(const struct md_history *history, int64_t frame, float rate,
                    float ret_features[MD_CUT_FEATURES]);

/* Log-odds that `frame` is the first of a new shot; > 0 more likely than not. -INFINITY when a
 * first glance shows that it is not. Frames outside of the history count as still. */
float md_cut_score(const struct md_history *history, int64_t frame, float rate);

/* True when the picture from before `frame` comes back soon after, or frame is where it does: a
 * flash, an explosion, a few foreign frames. */
bool md_cut_is_flash(const struct md_history *history, int64_t frame, float rate);

#endif
