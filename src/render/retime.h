/* The digest's own cues: those of the transcript, moved to digest time and clipped at its cuts. */
#ifndef MD_RENDER_RETIME_H
#define MD_RENDER_RETIME_H

#include "model/render.h"
#include "model/transcript.h"

/* A cue, or what a cut leaves of it, is left out when shorter than this: nobody could read it. */
#define MD_RETIME_SHORTEST_US INT64_C(100000)

/* Fills *ret_cues (zeroed by the caller) with cues in digest time, sorted by start; text and
 * speaker are copies. transcript may be NULL (no cues). A cue that goes on over a join without a
 * gap in the digest stays one cue. MD_ERR_NOMEM, *ret_cues then empty. Free with md_cues_done. */
int md_retime_cues(const struct md_transcript *transcript,
                   const struct md_rendered_piece_vec *pieces, struct md_cue_vec *ret_cues);

/* Frees cues made by md_retime_cues or md_retime_flatten. */
void md_cues_done(struct md_cue_vec *cues);

/* For formats that show one text at a time: cues that overlap become cues that do not, with the
 * texts on screen (at most six) joined by '\n', earlier start first. Takes the cues sorted by
 * start. MD_ERR_NOMEM. */
int md_retime_flatten(const struct md_cue_vec *cues, struct md_cue_vec *ret_cues);

#endif
