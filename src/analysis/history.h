/* The last few hundred looks and how each changed from the one before: all the memory a detector
 * has of the picture. Frames are numbered as in the film, in the order they were added. */
#ifndef MD_ANALYSIS_HISTORY_H
#define MD_ANALYSIS_HISTORY_H

#include "analysis/change.h"
#include "analysis/look.h"

enum { MD_HISTORY_FRAMES = 512 }; /* about 2 MB; 8 s at 60 frames per second */

struct md_history;

struct md_history *md_history_new(void); /* NULL when out of memory */
void md_history_free(struct md_history *history);

/* Forgets everything; the next frame added is number `frame` of the film. A new history begins with
 * frame 0. */
void md_history_begin(struct md_history *history, int64_t frame);

/* Where the next look is to be taken; md_history_add then measures its change and counts it. The
 * look that was added MD_HISTORY_FRAMES ago is overwritten. */
struct md_look *md_history_slot(struct md_history *history);
void md_history_add(struct md_history *history);

/* The number of the next frame to be added, which is how many were when the history began with
 * frame 0. Valid frames are [first, count), the last MD_HISTORY_FRAMES at most. */
int64_t md_history_count(const struct md_history *history);
int64_t md_history_first(const struct md_history *history);

/* frame must be valid: asserted. The change of the frame it began with is zero. */
const struct md_look *md_history_look(const struct md_history *history, int64_t frame);
const struct md_change *md_history_change(const struct md_history *history, int64_t frame);

/* The middle of the picture, where bars and subtitles never are. */
struct md_middle {
    float mean, deviation; /* of luma */
    float even;            /* share of samples within 6 grey levels of the mean */
};
const struct md_middle *md_history_middle(const struct md_history *history, int64_t frame);

/* No light, no shape: black, white or nearly so, but for bars and a line of text below. */
bool md_history_is_blank(const struct md_history *history, int64_t frame);

/* How much changes per frame in a stretch, from start (not counted) to end, and around it. */
struct md_activity {
    float plain, residual; /* means inside */
    float largest;         /* of plain */
    float outside;         /* mean of plain over the four frames on each side */
};
void md_history_activity(const struct md_history *history, int64_t start, int64_t end,
                         struct md_activity *ret_activity);

/* Frames per second around here, from the durations of the last frames; 1 to 1000. */
float md_history_rate(const struct md_history *history);

#endif
