/* Shared by the writers of output files; not for other parts of the program. */
#ifndef MD_RENDER_OUTPUTS_PRIVATE_H
#define MD_RENDER_OUTPUTS_PRIVATE_H

#include "base/str.h"
#include "model/audio.h"
#include "model/cut.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/story.h"
#include "model/transcript.h"
#include "render/outputs.h"

/* Where a piece of the cut list was rendered: movie time and digest time. */
struct md_output_piece {
    int64_t start_us, end_us;     /* movie time as rendered */
    int64_t digest_us;            /* digest time of its start */
    const struct md_piece *piece; /* the choice behind it; NULL unknown */
};
struct md_outputs {
    const struct md_stage_env *env;
    const struct md_media *media;
    const struct md_shots *shots;
    const struct md_audio *audio;
    const struct md_transcript *transcript; /* never NULL: an empty one where there are no words */
    const struct md_story *story;
    const struct md_cut *cut;
    const struct md_render *render;
    const struct md_stream *video, *sound; /* the chosen streams; NULL none */
    struct md_output_piece *pieces;        /* owned */
    size_t piece_count;
    struct md_cue_vec digest_cues; /* retimed; owned */
    char *title;                   /* of the movie, for people; owned */
};

/* The segment a time lies in, or NULL. */
const struct md_segment *md_outputs_segment_at(const struct md_outputs *o, int64_t us);
/* The shot a time lies in, or -1 when there are none. */
int64_t md_outputs_shot_at(const struct md_outputs *o, int64_t us);

/* One writer per file: appends its bytes. 0, or a negative code. */
typedef int md_output_writer(struct md_str *out, const struct md_outputs *o);
md_output_writer md_output_digest_srt, md_output_digest_vtt, md_output_movie_srt,
    md_output_movie_vtt, md_output_xspf, md_output_ffmeta, md_output_cmx, md_output_mpv_edl,
    md_output_json, md_output_markdown, md_output_csv, md_output_report;

#endif
