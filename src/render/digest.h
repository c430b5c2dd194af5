/* The digest's video file from the cut list. */
#ifndef MD_RENDER_DIGEST_H
#define MD_RENDER_DIGEST_H

#include "model/render.h"
#include "model/stage.h"

/* Renders the pieces of in->cut into the file at path (truncated first; the caller commits or
 * removes it) and fills *render (zeroed by the caller) but for `video`. A piece starts with the
 * first frame at or after its start and ends before the first frame at or after its end; a picture
 * that stands still for more than STILL (digest.c) is cut where the piece is. Codes: MD_ERR_INPUT
 * (nothing of the pieces can be decoded), and those of the parts. */
int md_digest_render(const struct md_stage_env *env, const struct md_artifacts *in,
                     const char *path, struct md_render *render);

/* Appends a sentence to render->warnings. MD_ERR_NOMEM. */
int md_render_warn(struct md_render *render, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
