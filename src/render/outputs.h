/* Everything a person gets beside the digest's video: subtitles, bookmarks, chapters, edit lists,
 * data for programs, and the report. */
#ifndef MD_RENDER_OUTPUTS_H
#define MD_RENDER_OUTPUTS_H

#include <stdbool.h>

#include "model/render.h"
#include "model/stage.h"

/* Writes all files into env->out_dir, each atomically; those that do not apply (subtitles of a
 * movie without words) are removed if an earlier run left them. Same artifacts, same bytes, but for
 * report.html, which shows how long the stages took (env->work_dir/timings.jsonl, if there). Key
 * frames are read from env->work_dir; missing ones leave a gap in the report and nothing else.
 * in->media, shots, audio, story and cut must be there; transcript may be NULL.
 *
 * MD_ERR_NOMEM, MD_ERR_IO, MD_ERR_NOSPACE, MD_ERR_CANCELLED; *env->failure says it in words. */
int md_outputs_write(const struct md_stage_env *env, const struct md_artifacts *in,
                     const struct md_render *render);

/* Are all files of md_outputs_write there that always are? */
bool md_outputs_present(const char *out_dir);

#endif
