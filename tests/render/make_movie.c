#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "base/cleanup.h"
#include "make_movie.h"
#include "media/compat.h"

/* Asked by LeakSanitizer: x265 3.5 does not free all its frame filters. Nothing else is let off. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libx265";
}

enum { COUNTER_SIDE = 4, WHITE_BIT = 15, BLACK_BIT = 14 };

/* ---- picture ---- */

/* The counter's bits are squares of an eighth of the picture in its upper left quarter. */
static int luma_at(const AVFrame *picture, int x, int y, int number)
{
    int column = x * 8 / picture->width, row = y * 8 / picture->height;
    if (column < COUNTER_SIDE && row < COUNTER_SIDE) {
        int bit = row * COUNTER_SIDE + column;
        bool on = bit == WHITE_BIT || (bit != BLACK_BIT && number >> bit & 1);
        return on ? 210 : 40;
    }
    return 60 + (x * 3 + y * 2 + number * 5) % 120;
}

static void paint(AVFrame *picture, int number)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(picture->format);
    int depth = d->comp[0].depth;
    for (int y = 0; y < picture->height; y++) {
        uint8_t *row = picture->data[0] + (ptrdiff_t)y * picture->linesize[0];
        for (int x = 0; x < picture->width; x++) {
            int value = luma_at(picture, x, y, number);
            if (depth > 8)
                ((uint16_t *)row)[x] = (uint16_t)(value << (depth - 8));
            else
                row[x] = (uint8_t)value;
        }
    }
    for (int c = 1; c < 3; c++) {
        int height = AV_CEIL_RSHIFT(picture->height, d->log2_chroma_h);
        int width = AV_CEIL_RSHIFT(picture->width, d->log2_chroma_w);
        for (int y = 0; y < height; y++) {
            uint8_t *row = picture->data[c] + (ptrdiff_t)y * picture->linesize[c];
            for (int x = 0; x < width; x++) {
                int value = 128 + (c == 1 ? 20 : -20);
                if (depth > 8)
                    ((uint16_t *)row)[x] = (uint16_t)(value << (depth - 8));
                else
                    row[x] = (uint8_t)value;
            }
        }
    }
}

static double cell_mean(const AVFrame *picture, int bit)
{
    int column = bit % COUNTER_SIDE, row = bit / COUNTER_SIDE;
    double left = (column + 0.3) * picture->width / 8, right = (column + 0.7) * picture->width / 8;
    double top = (row + 0.3) * picture->height / 8, bottom = (row + 0.7) * picture->height / 8;
    int depth = av_pix_fmt_desc_get(picture->format)->comp[0].depth;
    double sum = 0;
    int n = 0;
    for (int y = (int)top; y <= (int)bottom; y++) {
        const uint8_t *samples = picture->data[0] + (ptrdiff_t)y * picture->linesize[0];
        for (int x = (int)left; x <= (int)right; x++, n++)
            sum += depth > 8 ? ((const uint16_t *)samples)[x] >> (depth - 8) : samples[x];
    }
    return sum / n;
}

static int read_number(const AVFrame *picture)
{
    double white = cell_mean(picture, WHITE_BIT), black = cell_mean(picture, BLACK_BIT);
    if (white - black < 30)
        return -1;
    int number = 0;
    for (int bit = 0; bit < BLACK_BIT; bit++)
        number |= (cell_mean(picture, bit) > (white + black) / 2) << bit;
    return number;
}

/* ---- sound ---- */

double movie_signal(double time_s)
{
    enum { SINES = 24 };
    double sum = 0;
    uint32_t random = 12345;
    for (int i = 0; i < SINES; i++) {
        random = random * 1664525u + 1013904223u;
        double frequency = 150 + (random >> 8) % 3500;
        random = random * 1664525u + 1013904223u;
        double phase = (random >> 8) % 6283 / 1000.0;
        sum += sin(2 * M_PI * frequency * time_s + phase);
    }
    return 0.04 * sum;
}

static void put_sample(AVFrame *frame, int channel, int i, double value)
{
    int channels = frame->ch_layout.nb_channels;
    bool planar = av_sample_fmt_is_planar(frame->format);
    uint8_t *plane = frame->extended_data[planar ? channel : 0];
    int at = planar ? i : i * channels + channel;
    switch (av_get_packed_sample_fmt(frame->format)) {
    case AV_SAMPLE_FMT_FLT:
        ((float *)plane)[at] = (float)value;
        break;
    case AV_SAMPLE_FMT_S16:
        ((int16_t *)plane)[at] = (int16_t)lrint(value * 32767);
        break;
    case AV_SAMPLE_FMT_S32:
        ((int32_t *)plane)[at] = (int32_t)lrint(value * 2147483647.0);
        break;
    default:
        fail_msg("sample format");
    }
}

/* ---- writing ---- */

struct track {
    AVCodecContext *codec;
    AVStream *stream;
    int64_t next; /* frame or sample */
    int64_t end;
    double time_s;
};

static void set_options(AVDictionary **dict, const char *options)
{
    if (options)
        assert_true(av_dict_parse_string(dict, options, "=", ":", 0) >= 0);
}

static void open_codec(struct track *track, AVFormatContext *mux, const char *options)
{
    AVDictionary *dict = NULL;
    set_options(&dict, options);
    AVCodecContext *codec = track->codec;
    codec->thread_count = 1;
    codec->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    codec->flags |= AV_CODEC_FLAG_BITEXACT;
    if (mux->oformat->flags & AVFMT_GLOBALHEADER)
        codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    assert_int_equal(avcodec_open2(codec, codec->codec, &dict), 0);
    assert_int_equal(av_dict_count(dict), 0);
    av_dict_free(&dict);
    track->stream = avformat_new_stream(mux, NULL);
    assert_int_equal(avcodec_parameters_from_context(track->stream->codecpar, codec), 0);
    track->stream->time_base = codec->time_base;
}

static AVCodecContext *new_codec(const char *name)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec)
        fail_msg("no encoder %s", name);
    return avcodec_alloc_context3(codec);
}

static void open_video(struct track *track, const struct make_movie *movie, AVFormatContext *mux)
{
    AVCodecContext *codec = track->codec = new_codec(movie->video);
    codec->width = movie->width;
    codec->height = movie->height;
    codec->pix_fmt = movie->format;
    codec->time_base = movie->time_base.den ? movie->time_base : (AVRational){1, 25};
    codec->framerate = movie->stamp ? (AVRational){25, 1} : av_inv_q(codec->time_base);
    codec->gop_size = movie->gop ? movie->gop : 40;
    codec->max_b_frames = movie->b_frames;
    codec->sample_aspect_ratio = movie->sar.den ? movie->sar : (AVRational){1, 1};
    if (movie->primaries) {
        codec->color_primaries = movie->primaries;
        codec->color_trc = movie->transfer;
        codec->colorspace = movie->matrix;
    }
    codec->color_range = movie->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    codec->bit_rate = 2000000;
    if (movie->interlaced)
        codec->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
    open_codec(track, mux, movie->video_options);
    if (!movie->stamp)
        track->stream->avg_frame_rate = codec->framerate;
    track->stream->sample_aspect_ratio = codec->sample_aspect_ratio;
    if (movie->rotation) {
        int32_t matrix[9];
        av_display_rotation_set(matrix, movie->rotation); /* clockwise */
        assert_int_equal(md_av_stream_add_side_data(track->stream, AV_PKT_DATA_DISPLAYMATRIX,
                                                    (const uint8_t *)matrix, sizeof matrix),
                         0);
    }
    track->end = movie->frames;
}

static void open_sound(struct track *track, const struct make_movie *movie, double duration_s,
                       AVFormatContext *mux)
{
    AVCodecContext *codec = track->codec = new_codec(movie->sound);
    const enum AVSampleFormat *formats = md_av_codec_sample_formats(codec->codec);
    codec->sample_fmt = formats ? formats[0] : AV_SAMPLE_FMT_S16;
    codec->sample_rate = movie->rate;
    av_channel_layout_default(&codec->ch_layout, movie->channels);
    codec->time_base = (AVRational){1, movie->rate};
    codec->bit_rate = 96000 * movie->channels;
    open_codec(track, mux, movie->sound_options);
    track->next = llrint(movie->sound_from_s * movie->rate);
    track->end = llrint((movie->sound_to_s > 0 ? movie->sound_to_s : duration_s) * movie->rate);
}

static void write_packets(AVFormatContext *mux, struct track *track)
{
    AVPacket *packet = av_packet_alloc();
    while (avcodec_receive_packet(track->codec, packet) == 0) {
        av_packet_rescale_ts(packet, track->codec->time_base, track->stream->time_base);
        packet->stream_index = track->stream->index;
        assert_true(av_interleaved_write_frame(mux, packet) >= 0);
    }
    av_packet_free(&packet);
}

static int64_t stamp_of(const struct make_movie *movie, int64_t frame)
{
    return movie->stamp ? movie->stamp((int)frame) : frame;
}

static void write_picture(AVFormatContext *mux, struct track *track, const struct make_movie *movie)
{
    AVFrame *picture = av_frame_alloc();
    picture->format = movie->format;
    picture->width = movie->width;
    picture->height = movie->height;
    picture->color_range = track->codec->color_range;
    picture->color_primaries = track->codec->color_primaries;
    picture->color_trc = track->codec->color_trc;
    picture->colorspace = track->codec->colorspace;
    assert_int_equal(av_frame_get_buffer(picture, 0), 0);
    picture->pts = stamp_of(movie, track->next);
    if (movie->interlaced)
        md_av_frame_set_interlaced(picture, true);
    paint(picture, (int)track->next);
    assert_int_equal(avcodec_send_frame(track->codec, picture), 0);
    av_frame_free(&picture);
    track->next++;
    track->time_s = (double)stamp_of(movie, track->next) * av_q2d(track->codec->time_base);
}

static void write_sound(AVFormatContext *mux, struct track *track, const struct make_movie *movie)
{
    AVFrame *frame = av_frame_alloc();
    int size = track->codec->frame_size ? track->codec->frame_size : 1024;
    frame->nb_samples = (int)MD_MIN(size, track->end - track->next);
    frame->format = track->codec->sample_fmt;
    frame->sample_rate = movie->rate;
    av_channel_layout_copy(&frame->ch_layout, &track->codec->ch_layout);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    frame->pts = track->next;
    double (*signal)(double) = movie->signal ? movie->signal : movie_signal;
    for (int i = 0; i < frame->nb_samples; i++) {
        double value = signal((double)(track->next + i) / movie->rate);
        for (int c = 0; c < movie->channels; c++)
            put_sample(frame, c, i, movie->centre_only && c != 2 ? 0 : value);
    }
    track->next += frame->nb_samples;
    track->time_s = (double)track->next / movie->rate;
    assert_int_equal(avcodec_send_frame(track->codec, frame), 0);
    av_frame_free(&frame);
}

static bool has_more(const struct track *track)
{
    return track->codec && track->next < track->end;
}

void make_movie(const struct make_movie *movie)
{
    AVFormatContext *mux = NULL;
    av_log_set_level(AV_LOG_ERROR);
    assert_true(avformat_alloc_output_context2(&mux, NULL, NULL, movie->path) >= 0);
    mux->flags |= AVFMT_FLAG_BITEXACT;
    struct track video = {0}, sound = {0};
    double duration_s = movie->duration_s;
    if (movie->video) {
        open_video(&video, movie, mux);
        duration_s = (double)stamp_of(movie, movie->frames) * av_q2d(video.codec->time_base);
    }
    if (movie->sound)
        open_sound(&sound, movie, duration_s, mux);
    assert_true(avio_open(&mux->pb, movie->path, AVIO_FLAG_WRITE) >= 0);
    AVDictionary *dict = NULL;
    set_options(&dict, movie->mux_options);
    assert_true(avformat_write_header(mux, &dict) >= 0);
    av_dict_free(&dict);
    while (has_more(&video) || has_more(&sound)) {
        bool picture = has_more(&video) && (!has_more(&sound) || video.time_s <= sound.time_s);
        struct track *track = picture ? &video : &sound;
        if (picture)
            write_picture(mux, track, movie);
        else
            write_sound(mux, track, movie);
        if (track->next >= track->end)
            assert_int_equal(avcodec_send_frame(track->codec, NULL), 0);
        write_packets(mux, track);
    }
    assert_int_equal(av_write_trailer(mux), 0);
    avcodec_free_context(&video.codec);
    avcodec_free_context(&sound.codec);
    avio_closep(&mux->pb);
    avformat_free_context(mux);
}

/* ---- reading ---- */

struct reader {
    AVFormatContext *format;
    AVCodecContext *decoder[2]; /* picture, sound */
    int index[2];
    AVFrame *frame;
    struct movie_content *content;
    int64_t frames_cap, samples_cap;
};

static void *grow(void *p, int64_t n, size_t size)
{
    p = realloc(p, (size_t)n * size);
    assert_non_null(p);
    return p;
}

static void take_picture(struct reader *r)
{
    struct movie_content *c = r->content;
    const AVFrame *f = r->frame;
    if (c->frames == r->frames_cap) {
        r->frames_cap = r->frames_cap * 2 + 64;
        c->number = grow(c->number, r->frames_cap, sizeof *c->number);
        c->pts_us = grow(c->pts_us, r->frames_cap, sizeof *c->pts_us);
    }
    const AVStream *stream = r->format->streams[r->index[0]];
    c->number[c->frames] = read_number(f);
    c->pts_us[c->frames++] = av_rescale_q(f->pts, stream->time_base, AV_TIME_BASE_Q);
    c->end_us =
        av_rescale_q(stream->start_time + stream->duration, stream->time_base, AV_TIME_BASE_Q);
    c->width = f->width;
    c->height = f->height;
    c->sar_num = f->sample_aspect_ratio.num;
    c->sar_den = f->sample_aspect_ratio.den;
}

static void take_sound(struct reader *r)
{
    struct movie_content *c = r->content;
    const AVFrame *f = r->frame;
    const AVStream *stream = r->format->streams[r->index[1]];
    assert_int_equal(f->sample_rate, 48000);
    assert_int_equal(f->format, AV_SAMPLE_FMT_FLTP);
    int64_t at = av_rescale_q(f->pts, stream->time_base, (AVRational){1, 48000});
    int64_t end = at + f->nb_samples;
    if (end > r->samples_cap) {
        int64_t cap = end * 2;
        c->left = grow(c->left, cap, sizeof *c->left);
        c->right = grow(c->right, cap, sizeof *c->right);
        memset(c->left + r->samples_cap, 0, (size_t)(cap - r->samples_cap) * sizeof *c->left);
        memset(c->right + r->samples_cap, 0, (size_t)(cap - r->samples_cap) * sizeof *c->right);
        r->samples_cap = cap;
    }
    int right = f->ch_layout.nb_channels > 1;
    for (int i = 0; i < f->nb_samples; i++) {
        if (at + i < 0)
            continue;
        c->left[at + i] = ((const float *)f->extended_data[0])[i];
        c->right[at + i] = ((const float *)f->extended_data[right])[i];
    }
    c->samples = MD_MAX(c->samples, end);
}

static void take_frames(struct reader *r, int kind)
{
    while (avcodec_receive_frame(r->decoder[kind], r->frame) == 0) {
        if (kind == 0)
            take_picture(r);
        else
            take_sound(r);
        av_frame_unref(r->frame);
    }
}

static void open_decoder(struct reader *r, int kind, enum AVMediaType type)
{
    r->index[kind] = av_find_best_stream(r->format, type, -1, -1, NULL, 0);
    if (r->index[kind] < 0)
        return;
    const AVStream *stream = r->format->streams[r->index[kind]];
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    assert_non_null(codec);
    r->decoder[kind] = avcodec_alloc_context3(codec);
    assert_int_equal(avcodec_parameters_to_context(r->decoder[kind], stream->codecpar), 0);
    r->decoder[kind]->pkt_timebase = stream->time_base;
    assert_int_equal(avcodec_open2(r->decoder[kind], codec, NULL), 0);
}

void movie_read(const char *path, struct movie_content *content)
{
    *content = (struct movie_content){0};
    av_log_set_level(AV_LOG_ERROR);
    struct reader r = {.content = content, .frame = av_frame_alloc()};
    assert_int_equal(avformat_open_input(&r.format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(r.format, NULL) >= 0);
    open_decoder(&r, 0, AVMEDIA_TYPE_VIDEO);
    open_decoder(&r, 1, AVMEDIA_TYPE_AUDIO);
    content->has_video = r.decoder[0];
    content->has_sound = r.decoder[1];
    AVPacket *packet = av_packet_alloc();
    while (av_read_frame(r.format, packet) >= 0) {
        for (int kind = 0; kind < 2; kind++) {
            if (!r.decoder[kind] || packet->stream_index != r.index[kind])
                continue;
            assert_int_equal(avcodec_send_packet(r.decoder[kind], packet), 0);
            take_frames(&r, kind);
        }
        av_packet_unref(packet);
    }
    for (int kind = 0; kind < 2; kind++) {
        if (!r.decoder[kind])
            continue;
        avcodec_send_packet(r.decoder[kind], NULL);
        take_frames(&r, kind);
        avcodec_free_context(&r.decoder[kind]);
    }
    av_packet_free(&packet);
    av_frame_free(&r.frame);
    avformat_close_input(&r.format);
}

void movie_content_done(struct movie_content *content)
{
    free(content->number);
    free(content->pts_us);
    free(content->left);
    free(content->right);
    *content = (struct movie_content){0};
}

int movie_sound_delay(const struct movie_content *content, int64_t sample, double source_s, int n,
                      int reach, double *ret_match)
{
    double *wanted = calloc((size_t)(n + 2 * reach), sizeof *wanted);
    assert_non_null(wanted);
    assert_true(sample >= 0 && sample + n <= content->samples);
    for (int i = 0; i < n + 2 * reach; i++)
        wanted[i] = movie_signal(source_s + (i - reach) / 48000.0);
    const float *got = content->left + sample;
    double best = -2;
    int delay = 0;
    for (int lag = -reach; lag <= reach; lag++) {
        double product = 0, power = 0, own = 0;
        for (int i = 0; i < n; i++) {
            double w = wanted[i + reach - lag];
            product += w * got[i];
            power += w * w;
            own += (double)got[i] * got[i];
        }
        double match = product / sqrt(power * own + 1e-12);
        if (match > best) {
            best = match;
            delay = lag;
        }
    }
    free(wanted);
    *ret_match = best;
    return delay;
}
