/* The numbers of a shot, gathered frame by frame, and the curves of the whole film. */
#ifndef MD_ANALYSIS_SHOT_STATS_H
#define MD_ANALYSIS_SHOT_STATS_H

#include "analysis/change.h"
#include "analysis/look.h"
#include "model/shots.h"

/* Sums over the frames of one shot. Zero is an empty shot. */
struct md_shot_stats {
    int64_t frames;  /* added */
    int64_t moving;  /* of them, with a known motion */
    int64_t colours; /* of them, whose colours were measured */
    double motion, luma, contrast, saturation, colorfulness, warmth;
    double signature[MD_SIGNATURE_BINS];
};

/* How fast it moves: 0 still to 1 very fast, from the change to this frame; rate in frames per
 * second. */
float md_motion_of(const struct md_change *change, float rate);

/* Adds a frame. motion is negative where it means nothing: at the cut itself. */
void md_shot_stats_add(struct md_shot_stats *stats, const struct md_look *look, float motion);

/* Fills motion to warmth and the signature. MD_ERR_NOMEM. */
int md_shot_stats_finish(const struct md_shot_stats *stats, struct md_shot *shot);

/* Means per second of movie time. Zero is empty. */
struct md_curves {
    struct md_floats *motion, *luma; /* borrowed */
    int64_t second;                  /* being gathered */
    double motion_sum, luma_sum;
    int64_t motion_frames, luma_frames;
};

enum { MD_CURVE_SECONDS = 400000 }; /* as many as shots.json holds: 4.6 days */

/* Frames come in order; seconds without a frame repeat the one before. motion as above.
 * MD_ERR_NOMEM. */
int md_curves_add(struct md_curves *curves, const struct md_look *look, float motion);
int md_curves_finish(struct md_curves *curves);

#endif
