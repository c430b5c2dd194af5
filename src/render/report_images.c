/* Decoded, scaled and encoded by libav, which is here anyway. The JPEG decoder can leave out detail
 * while it decodes (lowres), so that the colours of thousands of key frames cost little. Our own
 * key images are the only input, but the files are read as if anybody had made them.
 */
#include "render/report_images.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { MAX_FILE_BYTES = 8 * 1024 * 1024, MAX_SIDE = 8192, QUALITY = 5 /* of 2 best to 31 */ };

struct md_report_images {
    char *work_dir;
    size_t used, max;
};

struct md_report_images *md_report_images_new(const char *work_dir, size_t max_bytes)
{
    struct md_report_images *images = calloc(1, sizeof *images);
    if (images)
        *images = (struct md_report_images){.work_dir = strdup(work_dir ? work_dir : "."),
                                            .max = max_bytes};
    if (images && !images->work_dir) {
        free(images);
        return NULL;
    }
    return images;
}

void md_report_images_free(struct md_report_images *images)
{
    if (images)
        free(images->work_dir);
    free(images);
}

static void free_frame(AVFrame **frame)
{
    av_frame_free(frame);
}
static void free_packet(AVPacket **packet)
{
    av_packet_free(packet);
}
static void free_context(AVCodecContext **context)
{
    avcodec_free_context(context);
}
static void free_scaler(struct SwsContext **scaler)
{
    sws_freeContext(*scaler);
}
#define autoframe   MD_CLEANUP(free_frame) AVFrame *
#define autopacket  MD_CLEANUP(free_packet) AVPacket *
#define autocontext MD_CLEANUP(free_context) AVCodecContext *
#define autoscaler  MD_CLEANUP(free_scaler) struct SwsContext *

/* lowres: halvings of the size while decoding. NULL when it cannot be decoded. */
static AVFrame *decode(const char *data, size_t n, int lowres)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
    autocontext context = codec ? avcodec_alloc_context3(codec) : NULL;
    autopacket packet = av_packet_alloc();
    autoframe frame = av_frame_alloc();
    if (!context || !packet || !frame || av_new_packet(packet, (int)n) < 0)
        return NULL;
    memcpy(packet->data, data, n);
    context->thread_count = 1;
    context->max_pixels = (int64_t)MAX_SIDE * MAX_SIDE;
    context->lowres = MD_MIN(lowres, codec->max_lowres);
    if (avcodec_open2(context, codec, NULL) < 0 || avcodec_send_packet(context, packet) < 0)
        return NULL;
    avcodec_send_packet(context, NULL);
    if (avcodec_receive_frame(context, frame) < 0 || frame->width < 1 || frame->height < 1)
        return NULL;
    return md_take_ptr(frame);
}

static AVFrame *load_file(const char *path, int lowres)
{
    md_autofree char *data = NULL;
    size_t n = 0;
    if (!path || md_file_read(path, MAX_FILE_BYTES, &data, &n, NULL) < 0)
        return NULL;
    return decode(data, n, lowres);
}

static char *key_path(const struct md_report_images *images, const char *key_image)
{
    return key_image ? md_path_join(images->work_dir, key_image) : NULL;
}

/* The yuvj formats are the full-range ones under an old name that swscale warns about. */
static enum AVPixelFormat plain_format(int format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    default:
        return (enum AVPixelFormat)format;
    }
}

/* A copy of another size and format, JPEG's full range on both sides. */
static AVFrame *scale(const AVFrame *from, int width, int height, enum AVPixelFormat format)
{
    autoframe to = av_frame_alloc();
    autoscaler scaler = sws_getContext(
        from->width, from->height, plain_format(from->format), width, height, plain_format(format),
        SWS_AREA | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (!to || !scaler)
        return NULL;
    const int *jpeg = sws_getCoefficients(SWS_CS_ITU601);
    sws_setColorspaceDetails(scaler, jpeg, 1, jpeg, 1, 0, 1 << 16, 1 << 16);
    to->width = width;
    to->height = height;
    to->format = format;
    if (av_frame_get_buffer(to, 0) < 0 ||
        sws_scale(scaler, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
                  to->data, to->linesize) != height)
        return NULL;
    return md_take_ptr(to);
}

static void append_base64(struct md_str *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16;
        if (i + 1 < n)
            bits |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            bits |= p[i + 2];
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        i + 1 < n ? digits[bits >> 6 & 63] : '=',
                        i + 2 < n ? digits[bits & 63] : '='};
        md_str_append_n(out, four, 4);
    }
}

/* Encodes a full-range YUV frame and appends it as a URI. */
static bool append_jpeg(struct md_report_images *images, AVFrame *frame, struct md_str *out)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    autocontext context = codec ? avcodec_alloc_context3(codec) : NULL;
    autopacket packet = av_packet_alloc();
    if (!context || !packet)
        return false;
    context->width = frame->width;
    context->height = frame->height;
    context->pix_fmt = frame->format;
    context->color_range = AVCOL_RANGE_JPEG;
    context->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    context->time_base = (AVRational){1, 25};
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    context->global_quality = FF_QP2LAMBDA * QUALITY;
    frame->quality = context->global_quality;
    frame->color_range = AVCOL_RANGE_JPEG;
    if (avcodec_open2(context, codec, NULL) < 0 || avcodec_send_frame(context, frame) < 0 ||
        avcodec_receive_packet(context, packet) < 0)
        return false;
    size_t bytes = (size_t)packet->size / 3 * 4 + 32;
    if (images->used + bytes > images->max)
        return false;
    images->used += bytes;
    md_str_append(out, "data:image/jpeg;base64,");
    append_base64(out, packet->data, (size_t)packet->size);
    return !md_str_failed(out);
}

bool md_report_images_append_file(struct md_report_images *images, const char *path, int width,
                                  struct md_str *out, int *ret_width, int *ret_height)
{
    autoframe whole = images->used < images->max ? load_file(path, 0) : NULL;
    if (!whole)
        return false;
    int w = MD_MIN(width, whole->width);
    int h = MD_MAX((int)((int64_t)whole->height * w / whole->width), 1);
    autoframe small = scale(whole, w, MD_MIN(h, 4 * width), AV_PIX_FMT_YUVJ420P);
    if (!small || !append_jpeg(images, small, out))
        return false;
    if (ret_width)
        *ret_width = small->width;
    if (ret_height)
        *ret_height = small->height;
    return true;
}

bool md_report_images_append(struct md_report_images *images, const char *key_image, int width,
                             struct md_str *out, int *ret_width, int *ret_height)
{
    md_autofree char *path = key_path(images, key_image);
    return md_report_images_append_file(images, path, width, out, ret_width, ret_height);
}

bool md_report_images_column(struct md_report_images *images, const char *key_image,
                             uint32_t *colours, size_t n)
{
    enum { HALVINGS = 3 };
    md_autofree char *path = key_path(images, key_image);
    autoframe whole = load_file(path, HALVINGS);
    autoframe column = whole ? scale(whole, 1, (int)n, AV_PIX_FMT_RGB24) : NULL;
    if (!column)
        return false;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = column->data[0] + (ptrdiff_t)i * column->linesize[0];
        colours[i] = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    }
    return true;
}

bool md_report_images_append_pixels(struct md_report_images *images, const uint32_t *pixels,
                                    int width, int height, struct md_str *out)
{
    autoframe rgb = av_frame_alloc();
    if (!rgb)
        return false;
    rgb->width = width;
    rgb->height = height;
    rgb->format = AV_PIX_FMT_RGB24;
    if (av_frame_get_buffer(rgb, 0) < 0)
        return false;
    for (int y = 0; y < height; y++) {
        uint8_t *row = rgb->data[0] + (ptrdiff_t)y * rgb->linesize[0];
        for (int x = 0; x < width; x++, pixels++) {
            row[3 * x] = (uint8_t)(*pixels >> 16);
            row[3 * x + 1] = (uint8_t)(*pixels >> 8);
            row[3 * x + 2] = (uint8_t)*pixels;
        }
    }
    autoframe yuv = scale(rgb, width, height, AV_PIX_FMT_YUVJ444P);
    return yuv && append_jpeg(images, yuv, out);
}
