/* The one place that knows how FFmpeg 5.1, 7.1 and 9.0 differ. Everything is inline; a reader of
 * other files never meets a version check. Usable from src/media and src/render only. */
#ifndef MD_MEDIA_COMPAT_H
#define MD_MEDIA_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>

/* Frame flags were single fields until libavutil 58.7 (FFmpeg 6.1). */
#ifdef AV_FRAME_FLAG_KEY
static inline bool md_av_frame_is_key(const AVFrame *frame)
{
    return frame->flags & AV_FRAME_FLAG_KEY;
}
static inline bool md_av_frame_is_interlaced(const AVFrame *frame)
{
    return frame->flags & AV_FRAME_FLAG_INTERLACED;
}
static inline bool md_av_frame_is_top_field_first(const AVFrame *frame)
{
    return frame->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST;
}
static inline void md_av_frame_set_key(AVFrame *frame, bool on)
{
    frame->flags = on ? frame->flags | AV_FRAME_FLAG_KEY : frame->flags & ~AV_FRAME_FLAG_KEY;
}
static inline void md_av_frame_set_interlaced(AVFrame *frame, bool top_field_first)
{
    frame->flags |= AV_FRAME_FLAG_INTERLACED;
    frame->flags = top_field_first ? frame->flags | AV_FRAME_FLAG_TOP_FIELD_FIRST
                                   : frame->flags & ~AV_FRAME_FLAG_TOP_FIELD_FIRST;
}
static inline void md_av_frame_set_progressive(AVFrame *frame)
{
    frame->flags &= ~(AV_FRAME_FLAG_INTERLACED | AV_FRAME_FLAG_TOP_FIELD_FIRST);
}
#else
static inline bool md_av_frame_is_key(const AVFrame *frame)
{
    return frame->key_frame;
}
static inline bool md_av_frame_is_interlaced(const AVFrame *frame)
{
    return frame->interlaced_frame;
}
static inline bool md_av_frame_is_top_field_first(const AVFrame *frame)
{
    return frame->top_field_first;
}
static inline void md_av_frame_set_key(AVFrame *frame, bool on)
{
    frame->key_frame = on;
}
static inline void md_av_frame_set_interlaced(AVFrame *frame, bool top_field_first)
{
    frame->interlaced_frame = 1;
    frame->top_field_first = top_field_first;
}
static inline void md_av_frame_set_progressive(AVFrame *frame)
{
    frame->interlaced_frame = frame->top_field_first = 0;
}
#endif

/* Duration of a frame in its time base, 0 unknown. AVFrame.duration came with libavutil 57.30. */
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
static inline int64_t md_av_frame_duration(const AVFrame *frame)
{
    return frame->duration;
}
static inline void md_av_frame_set_duration(AVFrame *frame, int64_t duration)
{
    frame->duration = duration;
}
#else
static inline int64_t md_av_frame_duration(const AVFrame *frame)
{
    return frame->pkt_duration;
}
static inline void md_av_frame_set_duration(AVFrame *frame, int64_t duration)
{
    frame->pkt_duration = duration;
}
#endif

/* Side data of a whole stream (display matrix, HDR, Dolby Vision); NULL when there is none.
 * It moved into AVCodecParameters with libavcodec 60.31 (FFmpeg 6.1). ret_size may be NULL. */
static inline const uint8_t *
md_av_stream_side_data(const AVStream *stream, enum AVPacketSideDataType type, size_t *ret_size)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    const AVPacketSideData *side = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    if (ret_size)
        *ret_size = side ? side->size : 0;
    return side ? side->data : NULL;
#else
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(stream, type, &size);
    if (ret_size)
        *ret_size = data ? size : 0;
    return data;
#endif
}

/* Adds (copies) side data to an output stream; 0 or a negative AVERROR. */
static inline int md_av_stream_add_side_data(AVStream *stream, enum AVPacketSideDataType type,
                                             const uint8_t *data, size_t size)
{
    uint8_t *copy = (uint8_t *)av_memdup(data, size);
    if (!copy)
        return AVERROR(ENOMEM);
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    if (!av_packet_side_data_add(&stream->codecpar->coded_side_data,
                                 &stream->codecpar->nb_coded_side_data, type, copy, size, 0)) {
        av_free(copy);
        return AVERROR(ENOMEM);
    }
    return 0;
#else
    int rc = av_stream_add_side_data(stream, type, copy, size);
    if (rc < 0)
        av_free(copy);
    return rc;
#endif
}

/* A filter graph's source is told the colours of its frames since libavfilter 9.16 (FFmpeg 7.0);
 * before, they were only looked at frame by frame. */
static inline void md_av_buffersrc_set_colour(AVBufferSrcParameters *parameters,
                                              const AVFrame *frame)
{
#if LIBAVFILTER_VERSION_INT >= AV_VERSION_INT(9, 16, 100)
    parameters->color_space = frame->colorspace;
    parameters->color_range = frame->color_range;
#else
    (void)parameters;
    (void)frame;
#endif
}

/* AVIO write callbacks take const data from libavformat 61 on: declare yours with this type. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t md_avio_write_byte;
#else
typedef uint8_t md_avio_write_byte;
#endif

/* FF_PROFILE_X became AV_PROFILE_X; use MD_AV_PROFILE(H264_HIGH). */
#ifdef AV_PROFILE_UNKNOWN
#define MD_AV_PROFILE(name) AV_PROFILE_##name
#else
#define MD_AV_PROFILE(name) FF_PROFILE_##name
#endif

/* Formats an encoder takes, ended by -1 (NONE); NULL when any. AVCodec.pix_fmts and sample_fmts
 * gave way to avcodec_get_supported_config with libavcodec 61.13 (FFmpeg 7.1). */
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
static inline const enum AVPixelFormat *md_av_codec_pixel_formats(const AVCodec *codec)
{
    const void *list = NULL;
    if (avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list, NULL) < 0)
        return NULL;
    return (const enum AVPixelFormat *)list;
}
static inline const enum AVSampleFormat *md_av_codec_sample_formats(const AVCodec *codec)
{
    const void *list = NULL;
    if (avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &list, NULL) <
        0)
        return NULL;
    return (const enum AVSampleFormat *)list;
}
#else
static inline const enum AVPixelFormat *md_av_codec_pixel_formats(const AVCodec *codec)
{
    return codec->pix_fmts;
}
static inline const enum AVSampleFormat *md_av_codec_sample_formats(const AVCodec *codec)
{
    return codec->sample_fmts;
}
#endif

#endif
