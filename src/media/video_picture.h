/* Inside src/media: between libav's pictures and struct md_frame. */
#ifndef MD_MEDIA_VIDEO_PICTURE_H
#define MD_MEDIA_VIDEO_PICTURE_H

#include <libavutil/frame.h>
#include <libswscale/swscale.h>

#include "base/error.h"
#include "media/frame.h"

/* Brings exotic pixel formats to 8-bit yuv420p; keeps its scaler and its picture between frames. */
struct md_picture_converter {
    struct SwsContext *sws;
    AVFrame *picture;
    int format; /* enum AVPixelFormat the scaler was made for */
};

void md_picture_converter_done(struct md_picture_converter *converter);

/* Fills the picture half of *ret_frame (planes to rotation-free geometry, colour, flags) from av;
 * times and index are the caller's. Planes point into av or into the converter, until its next use.
 * MD_ERR_UNSUPPORTED when nothing can be made of the format, MD_ERR_NOMEM. */
int md_picture_read(struct md_picture_converter *converter, const AVFrame *av,
                    struct md_frame *ret_frame);

/* libav's name for the layout of a frame's planes, or AV_PIX_FMT_NONE. */
enum AVPixelFormat md_picture_format(const struct md_frame *frame);

#endif
