/* Inside src/media: the reader's state, between decoding (video_reader.c) and finding a place
 * (video_seek.c). */
#ifndef MD_MEDIA_VIDEO_READER_INTERNAL_H
#define MD_MEDIA_VIDEO_READER_INTERNAL_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "media/input.h"
#include "media/video_picture.h"
#include "media/video_reader.h"

enum { LOOK_AHEAD = 2, QUEUE = LOOK_AHEAD + 1 };

struct queued {
    AVFrame *av;
    int64_t stamp_us; /* MD_NO_TIME: none */
    int64_t time_us;  /* MD_NO_TIME: not judged yet */
    int64_t duration_us;
};

/* What a seek wants from the packets that follow it. Zero: every packet. */
struct md_video_search {
    bool wants_key;      /* nothing before the next key packet */
    int64_t skip_until;  /* packets before this stamp that nothing refers to are not decoded */
    int64_t hopeless_at; /* a search for a key packet ends here: it went past the goal */
    bool active, skipped, hopeless;
};

struct md_video_reader {
    struct md_input *input;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVStream *stream;
    struct md_video_params params;
    int64_t max_pixels;

    int64_t zero_us; /* container time of movie time 0; MD_NO_TIME until known */
    struct md_video_clock clock;
    struct queued queue[QUEUE]; /* oldest first; [0] may be the one delivered */
    int queued;
    bool head_delivered; /* queue[0] is in the caller's hands */
    bool drained;        /* the decoder has nothing more */
    bool flushing;       /* the decoder was told that no packets follow */
    int flush_errors;
    int64_t next_index;
    struct md_video_search search;
    int failed_searches;
    bool sequential; /* seeking does not work in this file */
    int last_width, last_height, last_format;

    struct md_picture_converter converter;
    struct md_frame frame;
    struct md_video_stats stats;
};

/* Opens the file of reader->params and its decoder, closing what was open. */
int md_video_open_file_(struct md_video_reader *reader, struct md_failure *failure);

/* Makes queue[0] a frame that was not delivered yet, with its time and duration known. MD_ERR_EOF,
 * MD_ERR_NOTFOUND (a search was hopeless), MD_ERR_CANCELLED, MD_ERR_NOMEM. */
int md_video_advance_(struct md_video_reader *reader, struct md_failure *failure);
void md_video_drop_head_(struct md_video_reader *reader);

/* Is reader->packet to be decoded? Also tells the decoder how much of it. */
bool md_video_wants_packet_(struct md_video_reader *reader);

#endif
