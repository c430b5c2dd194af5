/* The digest's encoders. Each takes frames and hands packets to a function, so that something else
 * (copied groups of pictures) could hand packets to the same function. Includes libav headers:
 * inside src/render only. */
#ifndef MD_RENDER_ENCODER_H
#define MD_RENDER_ENCODER_H

#include <libavcodec/avcodec.h>

#include "base/error.h"
#include "render/picture_filter.h"

/* Where packets go, in decoding order, stamped in the encoder's time base, with durations. The
 * packet is the receiver's to empty. */
struct md_packet_sink {
    int (*write)(void *user, AVPacket *packet, struct md_failure *failure);
    void *user;
};

/* What `quality` means: name, x264 preset, constant rate factor, AAC bits per second. */
struct md_quality_row {
    const char *preset;
    int crf;
    int64_t sound_bit_rate;
};
const struct md_quality_row *md_quality_row(int quality); /* enum md_quality */

struct md_encoder;

struct md_video_encoder_params {
    const struct md_look *look;
    AVRational time_base;  /* of the frames */
    AVRational frame_rate; /* about, for rate control */
    int quality;
    bool small; /* as few pictures in memory as the encoder can work with; larger file, same frames
                 */
    struct md_packet_sink sink;
};
/* MD_ERR_UNSUPPORTED when FFmpeg has no libx264, MD_ERR_EXTERNAL, MD_ERR_NOMEM. */
int md_video_encoder_new(const struct md_video_encoder_params *params,
                         struct md_encoder **ret_encoder, struct md_failure *failure);

/* An encoder of pictures that go into a track among copied ones: same codec, profile, level, size
 * and colours as `like`; no B-frames; the parameter sets stay out of the packets. */
struct md_edge_encoder_params {
    const AVCodecParameters *like; /* H.264 or HEVC, with its pixel format */
    AVRational time_base, frame_rate;
    int quality;
    bool small;       /* as above */
    int parameter_id; /* of the parameter sets; H.264 only, HEVC has 0 */
    struct md_packet_sink sink;
};
/* Codes as md_video_encoder_new. */
int md_edge_encoder_new(const struct md_edge_encoder_params *params,
                        struct md_encoder **ret_encoder, struct md_failure *failure);

/* Preset and rate factor of such edges. */
struct md_edge_row {
    const char *preset;
    int crf;
};
struct md_edge_row md_edge_row(bool is_hevc, int quality);

/* Stereo at MD_SOUND_RATE, AAC. */
int md_sound_encoder_new(int quality, struct md_packet_sink sink, struct md_encoder **ret_encoder,
                         struct md_failure *failure);
void md_encoder_free(struct md_encoder *encoder);

/* What a muxer needs to know. Borrowed. */
const AVCodecParameters *md_encoder_parameters(const struct md_encoder *encoder);
AVRational md_encoder_time_base(const struct md_encoder *encoder);

/* Stamp and duration are in the time base. is_key asks for a frame where players can start. NULL
 * ends the stream. MD_ERR_EXTERNAL, MD_ERR_NOMEM, or what the sink said. */
int md_encoder_send(struct md_encoder *encoder, AVFrame *frame, int64_t pts, int64_t duration,
                    bool is_key, struct md_failure *failure);

#endif
