/* The digest's picture without encoding what need not be: whole groups of pictures are copied, the
 * edges of pieces encoded to match. Offers what render/picture_track.h offers. Includes libav
 * headers: inside src/render only. */
#ifndef MD_RENDER_SMART_TRACK_H
#define MD_RENDER_SMART_TRACK_H

#include "render/picture_track.h"

struct md_smart_track;

struct md_smart_track_params {
    const struct md_stage_env *env;
    const struct md_media *media;
    const struct md_piece_vec *pieces;
    struct md_packet_sink sink;
    int (*reached)(void *user, int64_t ticks); /* as in struct md_picture_track_params */
    void *user;
};

/* Plans the copying. MD_ERR_UNSUPPORTED: it has to be encoded; the failure's message is a clause
 * that says why ("it is interlaced"). Other errors are errors. */
int md_smart_track_new(const struct md_smart_track_params *params,
                       struct md_smart_track **ret_track);
void md_smart_track_free(struct md_smart_track *track);

/* What the muxer needs to know: of the movie, with the edges' parameter sets added. */
const AVCodecParameters *md_smart_track_parameters(const struct md_smart_track *track);
const AVStream *md_smart_track_stream(const struct md_smart_track *track);
AVRational md_smart_track_time_base(const struct md_smart_track *track);

/* As md_picture_track_begin, render and finish, for piece `index`. MD_ERR_UNSUPPORTED with a clause
 * also here: the stream turned out not to be what it seemed, and the digest has to be begun anew.
 */
int md_smart_track_begin(struct md_smart_track *track, size_t index,
                         struct md_picture_piece *ret_piece);
int md_smart_track_render(struct md_smart_track *track, struct md_picture_piece *piece);
int md_smart_track_finish(struct md_smart_track *track);

/* Of the piece rendered last: movie time of what was copied (start == end: nothing), and frames. */
struct md_smart_share {
    int64_t copy_start_us, copy_end_us, copied_frames;
};
struct md_smart_share md_smart_track_share(const struct md_smart_track *track);

#endif
