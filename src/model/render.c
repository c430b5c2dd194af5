/* The table of render.json. */
#include "model/render.h"

#define P struct md_rendered_piece
static const struct md_field piece_fields[] = {
    MD_F_TIME(P, source_start_us),
    MD_F_TIME(P, source_end_us),
    MD_F_TIME(P, digest_start_us),
    MD_F_INT(P, video_frames, 0, INT64_MAX),
    MD_F_TIME(P, copy_start_us),
    MD_F_TIME(P, copy_end_us),
    MD_F_INT(P, copied_frames, 0, INT64_MAX),
    MD_F_END,
};

#define R struct md_render
static const struct md_field render_fields[] = {
    MD_F_STRING(R, video),           MD_F_TIME(R, duration_us),
    MD_F_STRING(R, video_encoding),  MD_F_STRING(R, audio_encoding),
    MD_F_DOUBLE(R, loudness_lufs),   MD_F_OBJECTS(R, pieces, piece_fields, 100000),
    MD_F_STRINGS(R, warnings, 1000), MD_F_END,
};

const struct md_artifact_type md_artifact_render = {
    .schema = "moviedigest.render",
    .file = "render.json",
    .version = 2,
    .fields = render_fields,
    .size = sizeof(struct md_render),
};
