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

/* What a dissolve is told by. */
enum {
    MD_DISSOLVE_UNEXPLAINED,
    MD_DISSOLVE_UNEXPLAINED_SQUARE,
    MD_DISSOLVE_UNEVEN,
    MD_DISSOLVE_DIP,
    MD_DISSOLVE_CONTRAST,
    MD_DISSOLVE_HISTOGRAM,
    MD_DISSOLVE_MOTIONLESS,
    MD_DISSOLVE_INSIDE,
    MD_DISSOLVE_OUTSIDE,
    MD_DISSOLVE_SHAPE,
    MD_DISSOLVE_UNLIKE,
    MD_DISSOLVE_RESIDUAL,
    MD_DISSOLVE_BACK,    /* how much of the change is left where a scene comes back, 0..1 */
    MD_DISSOLVE_LARGEST, /* part of the change that two frames make */
    MD_DISSOLVE_GLOW,
    MD_DISSOLVE_LENGTH,
    MD_DISSOLVE_FEATURES,
};

/* False when a first glance shows that it is none; then not all are measured. */
bool md_dissolve_measure(const struct md_history *history, int64_t start, int64_t end, float rate,
                         float ret_features[MD_DISSOLVE_FEATURES]);

/* The lengths tried, rising; returns how many. */
int md_dissolve_lengths(float rate, int ret_lengths[MD_GRADUAL_LENGTHS]);

/* The best stretch that ends at `end`; false when none has a positive score. */
bool md_wipe_find(const struct md_history *history, int64_t end, float rate,
                  struct md_stretch *ret_stretch);

/* Does the scene before come back after the stretch, or was the one after there before? Explosions
 * that grow and die down, what passes close to the camera, light. How much of the whole change from
 * start to end is left at the nearest such picture, 0..1. */
float md_gradual_comes_back(const struct md_history *history, int64_t start, int64_t end,
                            float rate, const struct md_change *whole);

#endif
