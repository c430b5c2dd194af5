/* poster.jpg: one good picture of the movie. */
#ifndef MD_RENDER_POSTER_H
#define MD_RENDER_POSTER_H

#include "model/stage.h"

#define MD_POSTER_NAME "poster.jpg"

/* Movie time of the moment to show: the best key frame among the shots of the pieces, by the
 * piece's score and how bright, sharp, rich in contrast and colour the picture is. -1 when there is
 * nothing to choose from. Pure. */
int64_t md_poster_choose(const struct md_artifacts *in);

/* Writes it into out_dir, at most 1280 wide, upright, with square pixels. A movie without a picture
 * has no poster: MD_OK. MD_ERR_CANCELLED, MD_ERR_NOSPACE, MD_ERR_IO, MD_ERR_NOMEM; a picture that
 * cannot be decoded is MD_ERR_INPUT. */
int md_poster_write(const struct md_stage_env *env, const struct md_artifacts *in);

#endif
