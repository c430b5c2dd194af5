/* Inside src/media: the state of a groups reader, between reading (video_groups.c) and decoding
 * (video_groups_decode.c). */
#ifndef MD_MEDIA_VIDEO_GROUPS_INTERNAL_H
#define MD_MEDIA_VIDEO_GROUPS_INTERNAL_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "base/vec.h"
#include "media/input.h"
#include "media/video_groups.h"
#include "media/video_picture.h"

/* A packet; its picture is shown in this group or, when it leads a key frame, in the one before. */
struct md_group_packet {
    AVPacket *av;
    int64_t pts_us;
    bool leads;     /* comes after its key frame and is shown before it */
    bool is_hidden; /* is never shown (VP8's alternative references) */
};
struct md_group_packet_vec MD_VEC(struct md_group_packet);
struct md_group_frame_vec MD_VEC(struct md_group_frame);

struct md_group_held {
    struct md_group_packet_vec packets; /* decoding order, the key frame first */
    struct md_group_frame_vec frames;   /* presentation order */
    struct md_group view;
    int64_t bytes;
    int64_t last_duration_us; /* of the packet shown last, as its header says; 0 unknown */
};
struct md_group_held_vec MD_VEC(struct md_group_held);

struct md_groups {
    struct md_video_params params;
    struct md_input *input;
    AVStream *stream;
    int64_t zero_us;
    int64_t nominal_us; /* of a frame */
    AVCodecParserContext *parser;
    AVCodecContext *parser_context;

    AVPacket *packet;              /* just read */
    struct md_group_held_vec held; /* the last may be incomplete, see complete */
    int64_t first;                 /* number of held.v[0] */
    int64_t complete;              /* groups [first, complete) are */
    int64_t bytes;                 /* of packets held */
    int64_t packets_read;
    bool ended;

    AVCodecContext *key_decoder, *decoder;
    AVFrame *key_av[2], *av; /* the last two key frames */
    struct md_picture_converter key_converter[2], converter;
    struct md_frame key_frame[2], frame;
    int key_slot;

    /* The stretch being decoded. */
    bool is_decoding, draining;
    int64_t feed_group; /* next packet for the decoder */
    size_t feed_packet;
    int64_t start_group; /* where it began: its leading packets are not fed */
    int64_t from_frame;  /* frames before it are not delivered */
    int64_t from_us;     /* its time: packets before it may be left out */
    int64_t next_frame;  /* number of the next frame delivered */
    int64_t next_group;  /* that holds it */

    struct md_groups_stats stats;
};

/* The group with this number, complete or not; NULL when it is not held. */
struct md_group_held *md_groups_held_(struct md_groups *groups, int64_t group);

/* Reads one packet of the stream into its group, or notes the end. */
int md_groups_read_(struct md_groups *groups, struct md_failure *failure);

/* "cannot be done this way" in words: MD_ERR_UNSUPPORTED. */
int md_groups_refuse_(struct md_failure *failure, const char *why);

#endif
