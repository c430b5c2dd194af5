/* Hard cuts: is the change at one frame that of a new scene? */
#ifndef MD_ANALYSIS_CUTS_H
#define MD_ANALYSIS_CUTS_H

#include "analysis/history.h"

/* Frames after a frame that must be in the history (unless the film ends) before it is judged. At
 * most MD_CUT_LOOK_AHEAD. */
int md_cut_look_ahead(float rate);
enum { MD_CUT_LOOK_AHEAD = 60 };

/* Log-odds that `frame` is the first of a new shot; > 0 more likely than not. Frames outside of the
 * history count as still. */
float md_cut_score(const struct md_history *history, int64_t frame, float rate);

/* True when the picture from before `frame` comes back soon after, or frame is where it does: a
 * flash, an explosion, a few foreign frames. */
bool md_cut_is_flash(const struct md_history *history, int64_t frame, float rate);

#endif
