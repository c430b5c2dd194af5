/* The fast way to shots.json: groups of pictures are judged by their sizes and key frames, and only
 * those that leave a doubt are decoded and put to the detector. */
#ifndef MD_ANALYSIS_SHOTS_FAST_H
#define MD_ANALYSIS_SHOTS_FAST_H

#include "analysis/detector.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"

/* Fills *shots, whose detector's name is already there. MD_ERR_UNSUPPORTED when the film does not
 * allow it: the failure's message says why, *shots is as it was but for what md_codec_done frees,
 * and the film is to be decoded as a whole. Else as a stage's run. */
int md_shots_fast_run(const struct md_stage_env *env, const struct md_media *media,
                      const struct md_detector_ops *detector, struct md_shots *shots);

#endif
