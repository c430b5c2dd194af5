/* Makes small videos for tests, with the encoders FFmpeg always has. */
#ifndef MD_TESTS_MAKE_VIDEO_H
#define MD_TESTS_MAKE_VIDEO_H

#include <stdbool.h>

#include <libavformat/avformat.h>

struct make_video {
    const char *path;    /* the name's ending chooses the container */
    const char *encoder; /* "ffv1", "mpeg4", "mpeg2video", "rawvideo" ... */
    enum AVPixelFormat format;
    int width, height, frames;
    AVRational time_base; /* 0: 1/25 */
    int gop;              /* 0: 12 */
    int b_frames;
    bool full_range;
    enum AVColorTransferCharacteristic transfer;
    AVRational sar;
    /* Paints frame i; the default is a moving gradient with i in the top left corner block. */
    void (*paint)(AVFrame *picture, int i, void *user);
    /* Stamp of frame i in time_base; NULL: i. */
    int64_t (*stamp)(int i, void *user);
    void *user;
};

/* Asserts success. */
void make_video(const struct make_video *video);

/* Sets every sample of a planar 8-bit picture to these values. */
void make_flat(AVFrame *picture, int y, int u, int v);

#endif
