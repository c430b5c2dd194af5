/* The digest's picture: pieces of the movie's frames, filtered, stamped, encoded. Includes libav
 * headers: inside src/render only. */
#ifndef MD_RENDER_PICTURE_TRACK_H
#define MD_RENDER_PICTURE_TRACK_H

#include <libavformat/avformat.h>

#include "model/cut.h"
#include "model/media.h"
#include "model/stage.h"
#include "render/encoder.h"

struct md_picture_track;

struct md_picture_track_params {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_packet_sink sink;
    /* Called once, before the first frame is encoded, when the encoder is ready to be asked. */
    int (*opened)(void *user, const struct md_look *look, const struct md_encoder *encoder);
    /* Called when the digest has come to here within a piece, in the track's time base. */
    int (*reached)(void *user, int64_t ticks);
    void *user;
};

int md_picture_track_new(const struct md_picture_track_params *params,
                         struct md_picture_track **ret_track);
void md_picture_track_free(struct md_picture_track *track);

/* What a piece turned out to be. */
struct md_picture_piece {
    int64_t start_us, end_us; /* movie time */
    int64_t start, end;       /* digest, ticks */
    int64_t frames;           /* 0: nothing could be decoded */
};

/* Finds the first frame of a piece: fills ret_piece->start_us and start. frames stays 0 when there
 * is none; the piece is then over. */
int md_picture_track_begin(struct md_picture_track *track, const struct md_piece *piece,
                           bool follows, struct md_picture_piece *ret_piece);
/* See md_video_stamp_offset_us, of the frames read last. */
int64_t md_picture_track_stamp_offset_us(const struct md_picture_track *track);

/* Renders the rest of it. */
int md_picture_track_render(struct md_picture_track *track, struct md_picture_piece *piece);

int md_picture_track_finish(struct md_picture_track *track);

/* Ticks of the digest's clock; fine enough for every stamp of the movie. */
AVRational md_picture_track_time_base(const struct md_picture_track *track);

/* A stream's display matrix (36 bytes) or NULL; the movie's. */
const uint8_t *md_picture_matrix(const AVStream *stream);
const uint8_t *md_picture_track_matrix(const struct md_picture_track *track);

#endif
