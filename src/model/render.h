/* render.json: what the render stage wrote, where each piece lies in the digest. */
#ifndef MD_MODEL_RENDER_H
#define MD_MODEL_RENDER_H

#include "model/artifact.h"

struct md_rendered_piece {
    int64_t source_start_us, source_end_us; /* movie time, as rendered: on frame boundaries */
    int64_t digest_start_us;                /* digest time */
    int64_t video_frames;                   /* frames written for it */
    /* What of them was copied without encoding, in movie time; start == end: nothing. */
    int64_t copy_start_us, copy_end_us, copied_frames;
};
struct md_rendered_piece_vec MD_VEC(struct md_rendered_piece);

struct md_render {
    char *video; /* "digest.mp4" in the output folder; NULL when the movie gave no video and no
                    audio */
    int64_t duration_us;
    char *video_encoding, *audio_encoding; /* in words: "H.264 1280x720 crf 20"; NULL none */
    double loudness_lufs;                  /* of the digest, integrated; -70 none */
    struct md_rendered_piece_vec pieces;
    struct md_strings warnings;
};

#endif
