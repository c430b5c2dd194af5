/* What the transcript's key says besides options: the same in the worker that reads subtitles and
 * in the one that listens, since either may have made what lies there. */
#ifndef MD_TRANSCRIPT_SOURCE_H
#define MD_TRANSCRIPT_SOURCE_H

#include "model/stage.h"

enum { MD_TRANSCRIPT_REVISION = 4 };

/* Chains name, size and time of the subtitle files beside the movie, and the content of the speech
 * model where one may be used. For md_stage_ops.chain_key. */
int md_transcript_chain_key(const struct md_stage_env *env, uint64_t *inout_key);

#endif
