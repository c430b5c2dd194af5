/* The same movie and options must give the same bytes on each run and machine. So the number of
 * x264's threads, which changes its choices, depends on the picture's size and not on the machine
 * (env->threads cannot be obeyed; the kernel shares the cores out), the choice of algorithms by CPU
 * is switched off, and the SEI in which x264 writes down its settings is removed. */
#include "render/encoder.h"

#include <stdio.h>

#include <libavcodec/bsf.h>
#include <libavutil/opt.h>

#include "base/cleanup.h"
#include "media/compat.h"
#include "model/options.h"
#include "render/meter.h"

/* Durations come out of encoders by way of the stamp, in no fixed order; none holds back more than
 * this many frames (x264: threads + look-ahead + B-frames, at most 250). */
enum { HELD = 512 };
/* Frames between key frames at most, in seconds: how exactly players can jump. */
static const double key_distance_s = 4;

struct held {
    int64_t pts, duration;
};

struct md_encoder {
    AVCodecContext *codec;
    AVBSFContext *filter; /* NULL none */
    AVPacket *packet;
    struct md_packet_sink sink;
    struct held held[HELD];
    unsigned sent;
};

/* Beyond this size x264 looks 10 frames ahead instead of up to 40: at 4K with its working copies a
 * frame takes 35 MB. */
static const int64_t large_samples = 2560 * 1440;

/* Measured on clips of four films: docs/rendering.md. */
static const struct md_quality_row rows[] = {
    [MD_QUALITY_DRAFT] = {"superfast", 27, 128000},
    [MD_QUALITY_STANDARD] = {"veryfast", 21, 160000},
    [MD_QUALITY_HIGH] = {"medium", 18, 192000},
};

const struct md_quality_row *md_quality_row(int quality)
{
    return &rows[quality >= 0 && quality < (int)MD_ARRAY_LEN(rows) ? quality : MD_QUALITY_STANDARD];
}

static int fail(int rc, const char *what, struct md_failure *failure)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(rc, text, sizeof text);
    return md_fail(failure, rc == AVERROR(ENOMEM) ? MD_ERR_NOMEM : MD_ERR_EXTERNAL,
                   "encoding the %s failed: %s", what, text);
}

static const char *what_of(const struct md_encoder *encoder)
{
    return encoder->codec->codec_type == AVMEDIA_TYPE_VIDEO ? "picture" : "sound";
}

static int alloc(const AVCodec *codec, struct md_packet_sink sink, struct md_encoder **ret_encoder)
{
    struct md_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return AVERROR(ENOMEM);
    encoder->sink = sink;
    encoder->codec = avcodec_alloc_context3(codec);
    encoder->packet = av_packet_alloc();
    if (!encoder->codec || !encoder->packet) {
        md_encoder_free(encoder);
        return AVERROR(ENOMEM);
    }
    encoder->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    *ret_encoder = encoder;
    return 0;
}

void md_encoder_free(struct md_encoder *encoder)
{
    if (!encoder)
        return;
    avcodec_free_context(&encoder->codec);
    av_bsf_free(&encoder->filter);
    av_packet_free(&encoder->packet);
    free(encoder);
}

/* Enough to keep a desktop's cores busy at sizes where that matters. */
static int thread_count(int width, int height)
{
    return (int64_t)width * height >= 1280 * 720 ? 6 : 3;
}

static void set_picture(AVCodecContext *codec, const struct md_video_encoder_params *params)
{
    const struct md_look *look = params->look;
    const struct md_geometry *g = &look->geometry;
    codec->width = g->width;
    codec->height = g->height;
    codec->sample_aspect_ratio = (AVRational){g->sar_num, g->sar_den};
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->color_primaries = look->colours.primaries;
    codec->color_trc = look->colours.transfer;
    codec->colorspace = look->colours.matrix;
    codec->color_range = look->colours.range;
    codec->chroma_sample_location = look->colours.chroma;
    codec->time_base = params->time_base;
    codec->framerate = params->frame_rate;
    codec->gop_size = (int)MD_CLAMP(av_q2d(params->frame_rate) * key_distance_s, 1, 1000);
    codec->thread_count = thread_count(g->width, g->height);
}

static int open_x264(struct md_encoder *encoder, const struct md_video_encoder_params *params)
{
    const struct md_quality_row *row = md_quality_row(params->quality);
    AVCodecContext *codec = encoder->codec;
    set_picture(codec, params);
    int rc = av_opt_set(codec->priv_data, "preset", row->preset, 0);
    if (rc >= 0)
        rc = av_opt_set_double(codec->priv_data, "crf", row->crf, 0);
    if (rc >= 0)
        rc = av_opt_set_int(codec->priv_data, "forced-idr", 1, 0);
    if (rc >= 0)
        rc = av_opt_set_int(codec->priv_data, "a53cc", 0, 0);
    if (rc >= 0)
        rc = av_opt_set(codec->priv_data, "x264-params", "cpu-independent=1", 0);
    if (rc >= 0 && (params->small || (int64_t)codec->width * codec->height > large_samples))
        rc = av_opt_set_int(codec->priv_data, "rc-lookahead", params->small ? 0 : 10, 0);
    if (rc >= 0 && params->small) {
        codec->thread_count = 1;
        codec->refs = 1;
        codec->max_b_frames = 0;
    }
    return rc < 0 ? rc : avcodec_open2(codec, NULL, NULL);
}

static int add_filter(struct md_encoder *encoder, const char *chain)
{
    int rc = av_bsf_list_parse_str(chain, &encoder->filter);
    if (rc >= 0)
        rc = avcodec_parameters_from_context(encoder->filter->par_in, encoder->codec);
    if (rc < 0)
        return rc;
    encoder->filter->time_base_in = encoder->codec->time_base;
    return av_bsf_init(encoder->filter);
}

int md_video_encoder_new(const struct md_video_encoder_params *params,
                         struct md_encoder **ret_encoder, struct md_failure *failure)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec)
        return md_fail(failure, MD_ERR_UNSUPPORTED,
                       "this FFmpeg cannot encode H.264: it was built without libx264");
    struct md_encoder *encoder = NULL;
    int rc = alloc(codec, params->sink, &encoder);
    if (rc >= 0)
        rc = open_x264(encoder, params);
    if (rc >= 0)
        rc = add_filter(encoder, "filter_units=remove_types=6"); /* 6: SEI */
    if (rc < 0) {
        md_encoder_free(encoder);
        return fail(rc, "picture", failure);
    }
    *ret_encoder = encoder;
    return MD_OK;
}

/* ---- edges ---- */

/* A few seconds of film in all: they are given more bits than a whole digest would be, so that
 * nobody sees where the copying begins. docs/rendering.md has their PSNR. */
struct md_edge_row md_edge_row(bool is_hevc, int quality)
{
    static const struct md_edge_row table[2][3] = {
        {{"superfast", 19}, {"superfast", 17}, {"medium", 15}},
        {{"ultrafast", 17}, {"superfast", 15}, {"fast", 13}},
    };
    return table[is_hevc]
                [quality >= 0 && quality <= MD_QUALITY_HIGH ? quality : MD_QUALITY_STANDARD];
}

static const char *x264_profile(int profile)
{
    switch (profile & ~MD_AV_PROFILE(H264_CONSTRAINED) & ~MD_AV_PROFILE(H264_INTRA)) {
    case MD_AV_PROFILE(H264_BASELINE):
        return "baseline";
    case MD_AV_PROFILE(H264_MAIN):
        return "main";
    case MD_AV_PROFILE(H264_HIGH):
        return "high";
    case MD_AV_PROFILE(H264_HIGH_10):
        return "high10";
    default:
        return NULL;
    }
}

static int set_edge_x264(AVCodecContext *codec, const struct md_edge_encoder_params *params)
{
    char text[64];
    const char *profile = x264_profile(params->like->profile);
    snprintf(text, sizeof text, "cpu-independent=1:sps-id=%d", params->parameter_id);
    int rc = profile ? av_opt_set(codec->priv_data, "profile", profile, 0) : AVERROR(EINVAL);
    if (rc >= 0)
        rc = av_opt_set_int(codec->priv_data, "forced-idr", 1, 0);
    if (rc >= 0)
        rc = av_opt_set_int(codec->priv_data, "a53cc", 0, 0);
    if (rc >= 0)
        rc = av_opt_set_int(codec->priv_data, "rc-lookahead", 0, 0);
    if (rc >= 0 && params->like->level > 0)
        codec->level = params->like->level;
    return rc < 0 ? rc : av_opt_set(codec->priv_data, "x264-params", text, 0);
}

static int set_edge_x265(AVCodecContext *codec, const struct md_edge_encoder_params *params)
{
    char text[256];
    snprintf(text, sizeof text,
             "log-level=none:bframes=0:ref=1:weightp=0:rc-lookahead=0:scenecut=0:open-gop=0:"
             "repeat-headers=0:info=0:aud=0:hrd=0:frame-threads=%d",
             params->small ? 1 : 2);
    return av_opt_set(codec->priv_data, "x265-params", text, 0);
}

static int open_edge(AVCodecContext *codec, const struct md_edge_encoder_params *params)
{
    const AVCodecParameters *like = params->like;
    bool is_hevc = like->codec_id == AV_CODEC_ID_HEVC;
    struct md_edge_row row = md_edge_row(is_hevc, params->quality);
    codec->width = like->width;
    codec->height = like->height;
    codec->pix_fmt = like->format;
    codec->sample_aspect_ratio = like->sample_aspect_ratio;
    codec->color_primaries = like->color_primaries;
    codec->color_trc = like->color_trc;
    codec->colorspace = like->color_space;
    codec->color_range = like->color_range;
    codec->chroma_sample_location = like->chroma_location;
    codec->time_base = params->time_base;
    codec->framerate = params->frame_rate;
    codec->gop_size = (int)MD_CLAMP(av_q2d(params->frame_rate) * key_distance_s, 1, 1000);
    codec->max_b_frames = 0;
    codec->thread_count = params->small ? 1 : thread_count(like->width, like->height);
    if (params->small)
        codec->refs = 1;
    int rc = av_opt_set(codec->priv_data, "preset", row.preset, 0);
    if (rc >= 0)
        rc = av_opt_set_double(codec->priv_data, "crf", row.crf, 0);
    if (rc >= 0)
        rc = is_hevc ? set_edge_x265(codec, params) : set_edge_x264(codec, params);
    return rc < 0 ? rc : avcodec_open2(codec, NULL, NULL);
}

int md_edge_encoder_new(const struct md_edge_encoder_params *params,
                        struct md_encoder **ret_encoder, struct md_failure *failure)
{
    bool is_hevc = params->like->codec_id == AV_CODEC_ID_HEVC;
    const char *name = is_hevc ? "libx265" : "libx264";
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "this FFmpeg was built without %s", name);
    struct md_encoder *encoder = NULL;
    int rc = alloc(codec, params->sink, &encoder);
    if (rc >= 0)
        rc = open_edge(encoder->codec, params);
    if (rc >= 0)
        rc = add_filter(encoder, "null");
    if (rc < 0) {
        md_encoder_free(encoder);
        return fail(rc, "picture", failure);
    }
    *ret_encoder = encoder;
    return MD_OK;
}

int md_sound_encoder_new(int quality, struct md_packet_sink sink, struct md_encoder **ret_encoder,
                         struct md_failure *failure)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("aac");
    if (!codec)
        return md_fail(failure, MD_ERR_UNSUPPORTED, "this FFmpeg cannot encode AAC");
    struct md_encoder *encoder = NULL;
    int rc = alloc(codec, sink, &encoder);
    if (rc >= 0) {
        AVCodecContext *context = encoder->codec;
        context->sample_fmt = AV_SAMPLE_FMT_FLTP;
        context->sample_rate = MD_SOUND_RATE;
        context->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
        context->time_base = (AVRational){1, MD_SOUND_RATE};
        context->bit_rate = md_quality_row(quality)->sound_bit_rate;
        context->thread_count = 1;
        rc = avcodec_open2(context, codec, NULL);
    }
    if (rc >= 0)
        rc = add_filter(encoder, "null");
    if (rc < 0) {
        md_encoder_free(encoder);
        return fail(rc, "sound", failure);
    }
    *ret_encoder = encoder;
    return MD_OK;
}

const AVCodecParameters *md_encoder_parameters(const struct md_encoder *encoder)
{
    return encoder->filter->par_out;
}

AVRational md_encoder_time_base(const struct md_encoder *encoder)
{
    return encoder->codec->time_base;
}

/* libx264's wrapper drops durations, and without the last one the digest ends a frame early. */
static void restore_duration(const struct md_encoder *encoder, AVPacket *packet)
{
    unsigned n = MD_MIN(encoder->sent, HELD);
    for (unsigned i = 1; i <= n && packet->duration <= 0; i++) {
        const struct held *held = &encoder->held[(encoder->sent - i) % HELD];
        if (held->pts == packet->pts)
            packet->duration = held->duration;
    }
}

/* Passes on what comes out of the bit stream filter. */
static int drain_filter(struct md_encoder *encoder, struct md_failure *failure)
{
    for (;;) {
        int rc = av_bsf_receive_packet(encoder->filter, encoder->packet);
        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF)
            return MD_OK;
        if (rc < 0)
            return fail(rc, what_of(encoder), failure);
        rc = encoder->sink.write(encoder->sink.user, encoder->packet, failure);
        av_packet_unref(encoder->packet);
        if (rc < 0)
            return rc;
    }
}

static int drain(struct md_encoder *encoder, struct md_failure *failure)
{
    for (;;) {
        int rc = avcodec_receive_packet(encoder->codec, encoder->packet);
        if (rc == AVERROR(EAGAIN))
            return MD_OK;
        bool ended = rc == AVERROR_EOF;
        if (rc < 0 && !ended)
            return fail(rc, what_of(encoder), failure);
        if (!ended)
            restore_duration(encoder, encoder->packet);
        rc = av_bsf_send_packet(encoder->filter, ended ? NULL : encoder->packet);
        if (rc < 0) {
            av_packet_unref(encoder->packet);
            return fail(rc, what_of(encoder), failure);
        }
        rc = drain_filter(encoder, failure);
        if (rc < 0 || ended)
            return rc;
    }
}

int md_encoder_send(struct md_encoder *encoder, AVFrame *frame, int64_t pts, int64_t duration,
                    bool is_key, struct md_failure *failure)
{
    if (frame) {
        frame->pts = pts;
        md_av_frame_set_duration(frame, duration);
        frame->pict_type = is_key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
        encoder->held[encoder->sent++ % HELD] = (struct held){pts, duration};
    }
    int rc = avcodec_send_frame(encoder->codec, frame);
    return rc < 0 ? fail(rc, what_of(encoder), failure) : drain(encoder, failure);
}
