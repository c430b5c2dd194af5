#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "make_video.h"

void make_flat(AVFrame *picture, int y, int u, int v)
{
    const int values[3] = {y, u, v};
    for (int c = 0; c < 3; c++) {
        int height = c ? AV_CEIL_RSHIFT(picture->height, 1) : picture->height;
        for (int row = 0; row < height && picture->data[c]; row++)
            memset(picture->data[c] + (ptrdiff_t)row * picture->linesize[c], values[c],
                   (size_t)picture->linesize[c]);
    }
}

static void paint_bytes(AVFrame *picture, int i)
{
    for (int c = 0; c < 4 && picture->data[c]; c++) {
        int bytes = av_image_get_linesize(picture->format, picture->width, c);
        const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(picture->format);
        int height =
            c == 1 || c == 2 ? AV_CEIL_RSHIFT(picture->height, d->log2_chroma_h) : picture->height;
        if (d->flags & AV_PIX_FMT_FLAG_PAL && c == 1)
            break;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < bytes; x++)
                picture->data[c][(ptrdiff_t)y * picture->linesize[c] + x] =
                    (uint8_t)(d->comp[0].depth > 8 && x % 2 ? 1 : 64 + (x + y + 3 * i) % 96);
    }
    if (picture->data[1] && picture->format == AV_PIX_FMT_PAL8)
        for (int k = 0; k < 256; k++)
            ((uint32_t *)picture->data[1])[k] = 0xff000000u | 0x010101u * (uint32_t)k;
}

static void write_packets(AVFormatContext *mux, AVCodecContext *encoder, AVStream *stream)
{
    AVPacket *packet = av_packet_alloc();
    while (avcodec_receive_packet(encoder, packet) == 0) {
        av_packet_rescale_ts(packet, encoder->time_base, stream->time_base);
        packet->stream_index = 0;
        assert_true(av_interleaved_write_frame(mux, packet) >= 0);
    }
    av_packet_free(&packet);
}

static AVCodecContext *open_encoder(const struct make_video *video, const AVFormatContext *mux)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(video->encoder);
    assert_non_null(codec);
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    encoder->width = video->width;
    encoder->height = video->height;
    encoder->pix_fmt = video->format;
    encoder->time_base = video->time_base.den ? video->time_base : (AVRational){1, 25};
    if (!video->stamp)
        encoder->framerate = av_inv_q(encoder->time_base);
    encoder->gop_size = video->gop ? video->gop : 12;
    encoder->max_b_frames = video->b_frames;
    encoder->color_range = video->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    encoder->color_trc = video->transfer;
    if (video->sar.den)
        encoder->sample_aspect_ratio = video->sar;
    encoder->thread_count = 1;
    encoder->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_QSCALE;
    encoder->global_quality = 2 * FF_QP2LAMBDA;
    if (mux->oformat->flags & AVFMT_GLOBALHEADER)
        encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    assert_int_equal(avcodec_open2(encoder, codec, NULL), 0);
    return encoder;
}

void make_video(const struct make_video *video)
{
    AVFormatContext *mux = NULL;
    assert_true(avformat_alloc_output_context2(&mux, NULL, NULL, video->path) >= 0);
    mux->flags |= AVFMT_FLAG_BITEXACT;
    AVCodecContext *encoder = open_encoder(video, mux);
    AVStream *stream = avformat_new_stream(mux, NULL);
    avcodec_parameters_from_context(stream->codecpar, encoder);
    stream->time_base = encoder->time_base;
    if (video->sar.den)
        stream->sample_aspect_ratio = video->sar;
    if (!video->stamp)
        stream->avg_frame_rate = av_inv_q(encoder->time_base);
    assert_true(avio_open(&mux->pb, video->path, AVIO_FLAG_WRITE) >= 0);
    assert_true(avformat_write_header(mux, NULL) >= 0);
    for (int i = 0; i < video->frames; i++) {
        AVFrame *picture = av_frame_alloc();
        picture->format = video->format;
        picture->width = video->width;
        picture->height = video->height;
        picture->color_range = encoder->color_range;
        assert_int_equal(av_frame_get_buffer(picture, 0), 0);
        picture->pts = video->stamp ? video->stamp(i, video->user) : i;
        if (video->paint)
            video->paint(picture, i, video->user);
        else
            paint_bytes(picture, i);
        assert_int_equal(avcodec_send_frame(encoder, picture), 0);
        av_frame_free(&picture);
        write_packets(mux, encoder, stream);
    }
    avcodec_send_frame(encoder, NULL);
    write_packets(mux, encoder, stream);
    assert_int_equal(av_write_trailer(mux), 0);
    avcodec_free_context(&encoder);
    avio_closep(&mux->pb);
    avformat_free_context(mux);
}
