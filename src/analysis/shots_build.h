/* From frames and boundaries to shots.json: which frames make a shot, what its numbers and its
 * picture are, where the credits are. Used by every way of reading a film: those that decode all
 * of it and those that do not. */
#ifndef MD_ANALYSIS_SHOTS_BUILD_H
#define MD_ANALYSIS_SHOTS_BUILD_H

#include "analysis/change.h"
#include "analysis/detector.h"
#include "analysis/look.h"
#include "media/frame.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"

struct md_shots_build;
struct md_video_stats;

/* Fills *shots, whose detector's name is already there. Removes pictures that an earlier try left.
 * All are borrowed until md_shots_build_free. MD_ERR_NOMEM, MD_ERR_IO. */
int md_shots_build_new(const struct md_stage_env *env, const struct md_media *media,
                       struct md_shots *shots, struct md_shots_build **ret_build);

/* With done = false also removes the pictures written so far: no finished name stays behind. NULL
 * is fine. */
void md_shots_build_free(struct md_shots_build *build, bool done);

/* Shows a picture while it can be seen, in order, with its look (numbered as the film's frames
 * are), the change to it and its motion: it may become a shot's picture, tell bars or credits.
 * MD_ERR_NOMEM. */
int md_shots_build_show(struct md_shots_build *build, const struct md_frame *frame,
                        const struct md_look *look, const struct md_change *change, float motion);

/* What comes until until_us is not shown. */
void md_shots_build_skip(struct md_shots_build *build, int64_t until_us);

/* Where boundaries are put once they are decided, in order; before the frames they split. */
struct md_boundary_vec *md_shots_build_boundaries(struct md_shots_build *build);

/* Adds the next frame of the film, about which everything is decided. motion as md_motion_of,
 * negative where it means nothing. Frames follow each other: look->index counts up from 0.
 * MD_ERR_NOMEM, MD_ERR_IO. */
int md_shots_build_add(struct md_shots_build *build, const struct md_look *look, float motion);

/* After the last frame. stats: what became of the stream. MD_ERR_INPUT when there was none. */
int md_shots_build_finish(struct md_shots_build *build, const struct md_video_stats *stats);

#endif
