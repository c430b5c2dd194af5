/* The digest is read with libav alone, the movie through the program's own reader, which finds
 * frames exactly; both go forward together, so memory is that of two decoders. */
#include "digest_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>

#include "base/cleanup.h"
#include "media/compat.h"
#include "media/video_av.h"

enum { MOST_PROBLEMS = 20, MOST_ATOM_DEPTH = 8 };

struct work {
    struct digest_check *check;
    const struct md_render *render;
    AVFormatContext *format;
    AVStream *video, *sound; /* NULL none */
    AVCodecContext *decoder;
    AVFrame *frame, *first; /* first: what all others have to be like */
    AVPacket *packet;
    struct md_video_reader *movie;
    struct md_failure *failure;
    size_t piece;         /* the one whose frames come next */
    int64_t piece_frames; /* of it, so far */
    double psnr_sum;
    int64_t last_dts[2], sound_end;
    bool smart;
};

static void problem(struct work *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct work *w, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = w->check->problems.n < MOST_PROBLEMS ? strdup(text) : NULL;
    if (copy && md_vec_push(&w->check->problems, copy) < 0)
        free(copy);
}

/* ---- the file: ISO/IEC 14496-12 boxes ---- */

struct boxes {
    bool has_moov, has_mdat, moov_first;
};

static bool is_container(const char *type)
{
    static const char *const containers[] = {"moov", "trak", "edts", "mdia", "minf", "stbl"};
    for (size_t i = 0; i < MD_ARRAY_LEN(containers); i++)
        if (memcmp(type, containers[i], 4) == 0)
            return true;
    return false;
}

static void see_box(struct work *w, struct boxes *boxes, FILE *file, const char *type)
{
    uint8_t count[8];
    if (memcmp(type, "moov", 4) == 0) {
        boxes->has_moov = true;
        boxes->moov_first |= !boxes->has_mdat;
    } else if (memcmp(type, "mdat", 4) == 0) {
        boxes->has_mdat = true;
    } else if (memcmp(type, "elst", 4) == 0 || memcmp(type, "stsd", 4) == 0) {
        if (fread(count, 1, sizeof count, file) == sizeof count && AV_RB32(count + 4) != 1)
            problem(w, "%.4s has %u entries, browsers know one", type, AV_RB32(count + 4));
    }
}

static void walk_boxes(struct work *w, struct boxes *boxes, FILE *file, int64_t end, int depth)
{
    uint8_t header[16];
    while (ftello(file) + 8 <= end && fread(header, 1, 8, file) == 8) {
        int64_t start = ftello(file) - 8, size = AV_RB32(header);
        char type[5] = {0};
        memcpy(type, header + 4, 4);
        if (size == 1 && fread(header + 8, 1, 8, file) == 8)
            size = (int64_t)AV_RB64(header + 8);
        if (size == 0)
            size = end - start;
        if (size < 8 || start + size > end) {
            problem(w, "box %s is broken", type);
            return;
        }
        see_box(w, boxes, file, type);
        if (is_container(type) && depth < MOST_ATOM_DEPTH)
            walk_boxes(w, boxes, file, start + size, depth + 1);
        fseeko(file, start + size, SEEK_SET);
    }
}

static void check_file(struct work *w, const char *path)
{
    md_autofclose FILE *file = fopen(path, "rb");
    struct boxes boxes = {0};
    if (!file || fseeko(file, 0, SEEK_END) < 0) {
        problem(w, "cannot be read");
        return;
    }
    int64_t end = ftello(file);
    rewind(file);
    walk_boxes(w, &boxes, file, end, 0);
    if (!boxes.has_moov || !boxes.has_mdat || !boxes.moov_first)
        problem(w, "the index (moov) is not in front");
}

/* ---- frames ---- */

/* Root of the mean squared difference of the luma, as PSNR; 100: the same, chroma too. */
static double psnr(const AVFrame *a, const AVFrame *b)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(a->format);
    int bytes = d->comp[0].depth > 8 ? 2 : 1;
    bool same = true;
    double sum = 0;
    for (int c = 0; c < d->nb_components; c++) {
        int height = c ? AV_CEIL_RSHIFT(a->height, d->log2_chroma_h) : a->height;
        int width = c ? AV_CEIL_RSHIFT(a->width, d->log2_chroma_w) : a->width;
        for (int y = 0; y < height; y++) {
            const uint8_t *p = a->data[c] + (ptrdiff_t)y * a->linesize[c];
            const uint8_t *q = b->data[c] + (ptrdiff_t)y * b->linesize[c];
            if (memcmp(p, q, (size_t)(width * bytes)) == 0)
                continue;
            same = false;
            for (int x = 0; x < width && c == 0; x++) {
                double delta = bytes == 2 ? (double)AV_RN16(p + 2 * x) - AV_RN16(q + 2 * x)
                                          : (double)p[x] - q[x];
                sum += delta * delta;
            }
        }
    }
    if (same)
        return 100;
    double peak = (1 << d->comp[0].depth) - 1;
    double mean = sum / ((double)a->width * a->height);
    return mean > 0 ? fmin(10 * log10(peak * peak / mean), 99) : 99;
}

/* Not said is limited. */
static bool is_full_range(const AVFrame *frame)
{
    return frame->color_range == AVCOL_RANGE_JPEG;
}

static bool is_alike(const AVFrame *a, const AVFrame *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format &&
           is_full_range(a) == is_full_range(b) && a->color_primaries == b->color_primaries &&
           a->color_trc == b->color_trc && a->colorspace == b->colorspace &&
           av_cmp_q(a->sample_aspect_ratio, b->sample_aspect_ratio) == 0;
}

static void compare(struct work *w, const struct md_rendered_piece *piece,
                    const struct md_video_av_frame *wanted)
{
    struct digest_check *check = w->check;
    if (!is_alike(w->frame, wanted->av) && w->smart)
        problem(w, "piece %zu, frame %lld: not like the movie's", w->piece,
                (long long)w->piece_frames);
    if (w->frame->width != wanted->av->width || w->frame->height != wanted->av->height ||
        w->frame->format != wanted->av->format)
        return;
    double value = psnr(w->frame, wanted->av);
    check->frames++;
    if (wanted->pts_us >= piece->copy_start_us && wanted->pts_us < piece->copy_end_us) {
        check->copied++;
        if (value < 100)
            problem(w, "piece %zu, frame %lld: copied, but not the movie's (%.1f dB)", w->piece,
                    (long long)w->piece_frames, value);
        return;
    }
    check->encoded++;
    w->psnr_sum += value;
    check->least_psnr = fmin(check->least_psnr, value);
    if (value < DIGEST_CHECK_LEAST_PSNR)
        problem(w, "piece %zu, frame %lld: encoded at %.1f dB only", w->piece,
                (long long)w->piece_frames, value);
}

/* Reads the movie on to the frame that belongs here. */
static int next_wanted(struct work *w, const struct md_rendered_piece *piece,
                       struct md_video_av_frame *wanted)
{
    int rc = MD_OK;
    if (w->piece_frames == 0)
        rc = md_video_seek(w->movie, piece->source_start_us, w->failure);
    return rc < 0 ? rc : md_video_next_av(w->movie, wanted, w->failure);
}

static int take_frame(struct work *w)
{
    const struct md_rendered_piece_vec *pieces = &w->render->pieces;
    while (w->piece < pieces->n && w->piece_frames == pieces->v[w->piece].video_frames) {
        w->piece++;
        w->piece_frames = 0;
    }
    if (w->piece >= pieces->n) {
        problem(w, "there are frames after the last piece");
        return MD_OK;
    }
    const struct md_rendered_piece *piece = &pieces->v[w->piece];
    if (!w->first && !(w->first = av_frame_clone(w->frame)))
        return MD_ERR_NOMEM;
    if (!is_alike(w->first, w->frame))
        problem(w, "piece %zu, frame %lld: size, format or colours change", w->piece,
                (long long)w->piece_frames);
    struct md_video_av_frame wanted;
    int rc = next_wanted(w, piece, &wanted);
    if (rc == MD_ERR_EOF) {
        problem(w, "piece %zu goes on after the movie's end", w->piece);
        return MD_OK;
    }
    if (rc < 0)
        return rc;
    int64_t at_us = av_rescale_q(w->frame->pts, w->video->time_base, AV_TIME_BASE_Q);
    int64_t belongs_us = piece->digest_start_us + MD_MAX(wanted.pts_us - piece->source_start_us, 0);
    if (llabs(at_us - belongs_us) > 2)
        problem(w, "piece %zu, frame %lld: shown at %lld us, belongs at %lld", w->piece,
                (long long)w->piece_frames, (long long)at_us, (long long)belongs_us);
    if (w->smart)
        compare(w, piece, &wanted);
    w->piece_frames++;
    return MD_OK;
}

static int take_frames(struct work *w)
{
    int rc = MD_OK;
    while (rc == MD_OK && avcodec_receive_frame(w->decoder, w->frame) == 0) {
        if (w->frame->decode_error_flags || (w->frame->flags & AV_FRAME_FLAG_CORRUPT))
            problem(w, "a frame was decoded with errors");
        rc = take_frame(w);
        av_frame_unref(w->frame);
    }
    return rc;
}

/* ---- packets ---- */

/* Every piece opens with a frame at which players can begin. */
static void check_opening(struct work *w, int64_t pts)
{
    int64_t us = av_rescale_q(pts, w->video->time_base, AV_TIME_BASE_Q);
    for (size_t i = 0; i < w->render->pieces.n; i++) {
        const struct md_rendered_piece *piece = &w->render->pieces.v[i];
        bool follows = i > 0 && piece[-1].source_end_us == piece->source_start_us;
        if (llabs(us - piece->digest_start_us) <= 2 && !follows &&
            !(w->packet->flags & AV_PKT_FLAG_KEY))
            problem(w, "piece %zu does not open with a key frame", i);
    }
}

static int take_packet(struct work *w)
{
    const AVPacket *packet = w->packet;
    int kind = packet->stream_index == w->video->index ? 0 : 1;
    if (kind == 1 && (!w->sound || packet->stream_index != w->sound->index))
        return MD_OK;
    if (packet->dts <= w->last_dts[kind] || packet->pts < packet->dts)
        problem(w, "%s stamps are not monotone at %lld", kind ? "sound" : "picture",
                (long long)packet->dts);
    w->last_dts[kind] = packet->dts;
    if (kind == 1) {
        w->sound_end = packet->pts + packet->duration;
        return MD_OK;
    }
    check_opening(w, packet->pts);
    if (avcodec_send_packet(w->decoder, packet) < 0)
        problem(w, "a packet cannot be decoded");
    return take_frames(w);
}

static void check_end(struct work *w)
{
    const struct md_rendered_piece_vec *pieces = &w->render->pieces;
    if (w->piece + 1 != pieces->n || w->piece_frames != pieces->v[pieces->n - 1].video_frames)
        problem(w, "it ends in piece %zu after %lld frames", w->piece, (long long)w->piece_frames);
    if (!w->sound)
        return;
    int64_t sound_us = av_rescale_q(w->sound_end, w->sound->time_base, AV_TIME_BASE_Q);
    w->check->end_offset_ms = (double)(sound_us - w->render->duration_us) / 1000;
    if (fabs(w->check->end_offset_ms) >= 40)
        problem(w, "the sound ends %.1f ms after the picture", w->check->end_offset_ms);
}

static int read_all(struct work *w)
{
    int rc = MD_OK;
    while (rc == MD_OK && av_read_frame(w->format, w->packet) >= 0) {
        rc = take_packet(w);
        av_packet_unref(w->packet);
    }
    if (rc == MD_OK) {
        avcodec_send_packet(w->decoder, NULL);
        rc = take_frames(w);
    }
    if (rc == MD_OK)
        check_end(w);
    return rc;
}

/* ---- opening ---- */

static int open_digest(struct work *w, const char *path)
{
    int video, sound;
    if (avformat_open_input(&w->format, path, NULL, NULL) < 0 ||
        avformat_find_stream_info(w->format, NULL) < 0 ||
        (video = av_find_best_stream(w->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0)) < 0)
        return md_fail(w->failure, MD_ERR_INPUT, "%s cannot be opened", path);
    sound = av_find_best_stream(w->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    w->video = w->format->streams[video];
    w->sound = sound >= 0 ? w->format->streams[sound] : NULL;
    const AVCodec *codec = avcodec_find_decoder(w->video->codecpar->codec_id);
    w->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!w->decoder || avcodec_parameters_to_context(w->decoder, w->video->codecpar) < 0)
        return md_fail(w->failure, MD_ERR_NOMEM, "out of memory");
    w->decoder->pkt_timebase = w->video->time_base;
    w->decoder->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (avcodec_open2(w->decoder, codec, NULL) < 0)
        return md_fail(w->failure, MD_ERR_INPUT, "%s has no decoder", path);
    return MD_OK;
}

int digest_check(const char *movie, const struct md_media *media, const char *digest,
                 const struct md_render *render, struct digest_check *ret,
                 struct md_failure *failure)
{
    struct work w = {.check = ret, .render = render, .failure = failure};
    *ret = (struct digest_check){.least_psnr = 100, .mean_psnr = 100};
    w.last_dts[0] = w.last_dts[1] = INT64_MIN;
    for (size_t i = 0; i < render->pieces.n; i++)
        w.smart |= render->pieces.v[i].copied_frames > 0;
    w.frame = av_frame_alloc();
    w.packet = av_packet_alloc();
    struct md_video_params params = {.path = movie, .media = media, .threads = 2};
    int rc = w.frame && w.packet ? open_digest(&w, digest) : MD_ERR_NOMEM;
    if (rc == MD_OK)
        rc = md_video_open(&params, &w.movie, failure);
    if (rc == MD_OK) {
        check_file(&w, digest);
        rc = read_all(&w);
    }
    if (ret->encoded > 0)
        ret->mean_psnr = w.psnr_sum / (double)ret->encoded;
    if (rc == MD_OK && ret->mean_psnr < DIGEST_CHECK_MEAN_PSNR)
        problem(&w, "encoded frames have %.1f dB on average", ret->mean_psnr);
    avcodec_free_context(&w.decoder);
    avformat_close_input(&w.format);
    av_frame_free(&w.frame);
    av_frame_free(&w.first);
    av_packet_free(&w.packet);
    md_video_close(w.movie);
    return rc;
}

void digest_check_done(struct digest_check *check)
{
    for (size_t i = 0; i < check->problems.n; i++)
        free(check->problems.v[i]);
    md_vec_done(&check->problems);
}
