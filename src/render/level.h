/* How much louder or softer each piece of the digest is made. Pure. */
#ifndef MD_RENDER_LEVEL_H
#define MD_RENDER_LEVEL_H

#include "render/meter.h"

/* What is heard in a run of pieces that follow each other without a gap in the movie: they get one
 * gain. */
struct md_level_group {
    const struct md_meter_step *steps; /* borrowed */
    size_t n;
};

/* Fills ret_gain_db[groups] so that the whole comes to target_lufs (as near as the limits below
 * allow) with a true-peak limiter at ceiling_dbtp after it. MD_ERR_NOMEM. Limits: a group is moved
 * at most 6 dB against the others, and only 60 % of the way to their level, so that quiet scenes
 * stay quieter; the whole at most 20 dB up and 30 dB down; silence is never made louder; peaks are
 * never pushed so far that the limiter works all the time. */
int md_level_plan(const struct md_level_group *groups, size_t n, double target_lufs,
                  double ceiling_dbtp, double *ret_gain_db);

#endif
