/* From the movie's pictures to the encoder's: deinterlaced, HDR brought to SDR, scaled, 8-bit
 * 4:2:0, even size. Includes libav headers: inside src/render only. */
#ifndef MD_RENDER_PICTURE_FILTER_H
#define MD_RENDER_PICTURE_FILTER_H

#include <stdbool.h>

#include <libavutil/frame.h>

#include "base/error.h"
#include "render/geometry.h"

/* Colour tags of the digest's picture. */
struct md_colours {
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorSpace matrix;
    enum AVColorRange range;
    enum AVChromaLocation chroma;
};

/* What is done to the pictures; the same for the whole digest. */
struct md_look {
    struct md_geometry geometry;
    bool deinterlace;
    bool tone_map;       /* PQ or HLG, and the filters for it are there */
    bool tone_map_lacks; /* it would be wanted, but this FFmpeg has no zscale or tonemap */
    struct md_colours colours;
};

/* Decides from the first frame and the stream's tags (codec parameters' colours where the frame
 * has none). */
struct md_look md_look_choose(const AVFrame *first, const struct md_geometry *geometry,
                              bool interlaced);

struct md_picture_filter;

/* For frames like this one, whose stamps are in time_base. Another size or format later on needs
 * another filter; the result has the same size. MD_ERR_NOMEM, MD_ERR_UNSUPPORTED. */
int md_picture_filter_new(const struct md_look *look, const AVFrame *like, AVRational time_base,
                          int threads, struct md_picture_filter **ret_filter,
                          struct md_failure *failure);
void md_picture_filter_free(struct md_picture_filter *filter);

/* Was the filter made for frames like this one? */
bool md_picture_filter_fits(const struct md_picture_filter *filter, const AVFrame *frame);

/* Gives a frame (copied by reference) with the stamp pts; NULL: the last one was given.
 * MD_ERR_NOMEM, MD_ERR_EXTERNAL. */
int md_picture_filter_send(struct md_picture_filter *filter, const AVFrame *frame, int64_t pts,
                           struct md_failure *failure);

/* The next picture, stamped in the time_base of new. MD_ERR_BUSY: wants another frame first;
 * MD_ERR_EOF: no more. The caller unrefs *picture. */
int md_picture_filter_receive(struct md_picture_filter *filter, AVFrame *picture,
                              struct md_failure *failure);

#endif
