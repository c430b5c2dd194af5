/* The video reader for those who work on libav's own pictures: same frames, same times, nothing
 * converted. Usable from src/media and src/render only. */
#ifndef MD_MEDIA_VIDEO_AV_H
#define MD_MEDIA_VIDEO_AV_H

#include <libavformat/avformat.h>
#include <libavutil/frame.h>

#include "media/video_reader.h"

struct md_video_av_frame {
    const AVFrame *av;           /* the reader's; its own stamps may differ from the movie clock */
    int64_t pts_us, duration_us; /* as in struct md_frame */
    bool is_damaged;
};

/* Like md_video_next, and may be mixed with it. av stays valid until the next call. */
int md_video_next_av(struct md_video_reader *reader, struct md_video_av_frame *ret_frame,
                     struct md_failure *failure);

/* What was added to the stream's own stamps for the newest frames: not 0 where recordings were
 * joined and their time starts again. */
int64_t md_video_stamp_offset_us(const struct md_video_reader *reader);

/* The stream that is read; valid until the next seek. */
const AVStream *md_video_av_stream(const struct md_video_reader *reader);

#endif
