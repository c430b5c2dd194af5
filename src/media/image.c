/* A key frame is chosen long before it is known whether its shot keeps it, and a decoded 4K frame
 * takes tens of megabytes: so the candidate is scaled at once (cheap, bounded), and the colours,
 * the rotation and the encoding are paid only for the one that is written. */
#include "media/image.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "media/compat.h"
#include "media/image_colour.h"
#include "media/video_picture.h"

struct md_image_scaler {
    struct SwsContext *sws;
};

struct md_image_scaler *md_image_scaler_new(void)
{
    return calloc(1, sizeof(struct md_image_scaler));
}

void md_image_scaler_free(struct md_image_scaler *scaler)
{
    if (!scaler)
        return;
    sws_freeContext(scaler->sws);
    free(scaler);
}

void md_image_done(struct md_image *image)
{
    free(image->samples);
    *image = (struct md_image){0};
}

/* Cuts the crop off a frame by moving its planes; keeps chroma aligned. */
static void crop(struct md_frame *frame, const struct md_image_params *params)
{
    int mask_x = ~((1 << frame->chroma_shift_x) - 1), mask_y = ~((1 << frame->chroma_shift_y) - 1);
    int left = MD_MAX(params->crop_left, 0) & mask_x, top = MD_MAX(params->crop_top, 0) & mask_y;
    int64_t width = (int64_t)frame->width - left - MD_MAX(params->crop_right, 0);
    int64_t height = (int64_t)frame->height - top - MD_MAX(params->crop_bottom, 0);
    if (width < 16 || height < 16)
        return;
    for (int c = 0; c < 3; c++) {
        int x = c ? left >> frame->chroma_shift_x : left;
        int y = c ? top >> frame->chroma_shift_y : top;
        frame->plane[c] += y * frame->stride[c] + (ptrdiff_t)x * frame->step[c];
    }
    frame->width = (int)width;
    frame->height = (int)height;
}

/* The first field of a woven frame, as a frame of half the height. */
static void take_field(struct md_frame *frame)
{
    if (!frame->is_interlaced || frame->height < 4)
        return;
    frame->height = (frame->height + 1) / 2;
    for (int c = 0; c < 3; c++)
        frame->stride[c] *= 2;
}

/* The stored size of a picture whose shown form fits the box; shown_* before rotation. */
static void fit(double shown_width, double shown_height, const struct md_image_params *params,
                struct md_image *image)
{
    bool turned = params->rotation == 90 || params->rotation == 270;
    double box_width = turned ? params->max_height : params->max_width;
    double box_height = turned ? params->max_width : params->max_height;
    double scale = 1;
    if (box_width > 0)
        scale = MD_MIN(scale, box_width / shown_width);
    if (box_height > 0)
        scale = MD_MIN(scale, box_height / shown_height);
    /* Sides beyond what JPEG can hold come only from absurd aspect ratios without a box. */
    image->width = (int)MD_CLAMP(shown_width * scale + 0.5, 1, 16384);
    image->height = (int)MD_CLAMP(shown_height * scale + 0.5, 1, 16384);
}

static int reserve(struct md_image *image)
{
    size_t bytes = (size_t)image->width * image->height * 3 * image->sample_bytes;
    if (bytes <= image->capacity)
        return MD_OK;
    uint8_t *samples = realloc(image->samples, bytes);
    if (!samples)
        return MD_ERR_NOMEM;
    image->samples = samples;
    image->capacity = bytes;
    return MD_OK;
}

static int scale(struct md_image_scaler *scaler, const struct md_frame *frame,
                 struct md_image *image)
{
    enum AVPixelFormat from = md_picture_format(frame);
    if (from == AV_PIX_FMT_NONE)
        return MD_ERR_UNSUPPORTED;
    enum AVPixelFormat to = image->sample_bytes == 1 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV444P16;
    scaler->sws = sws_getCachedContext(
        scaler->sws, frame->width, frame->height, from, image->width, image->height, to,
        SWS_AREA | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (!scaler->sws)
        return MD_ERR_UNSUPPORTED;
    const int *equations = sws_getCoefficients(SWS_CS_DEFAULT);
    sws_setColorspaceDetails(scaler->sws, equations, frame->full_range, equations,
                             frame->full_range, 0, 1 << 16, 1 << 16);
    bool interleaved = frame->step[1] > frame->step[0];
    const uint8_t *chroma = frame->plane[1] < frame->plane[2] ? frame->plane[1] : frame->plane[2];
    const uint8_t *from_planes[4] = {frame->plane[0], interleaved ? chroma : frame->plane[1],
                                     interleaved ? NULL : frame->plane[2], NULL};
    int from_strides[4] = {(int)frame->stride[0], (int)frame->stride[1],
                           interleaved ? 0 : (int)frame->stride[2], 0};
    int stride = image->width * image->sample_bytes;
    size_t plane_bytes = (size_t)stride * image->height;
    uint8_t *to_planes[4] = {image->samples, image->samples + plane_bytes,
                             image->samples + 2 * plane_bytes, NULL};
    int to_strides[4] = {stride, stride, stride, 0};
    int rows =
        sws_scale(scaler->sws, from_planes, from_strides, 0, frame->height, to_planes, to_strides);
    return rows > 0 ? MD_OK : MD_ERR_UNSUPPORTED;
}

int md_image_take(struct md_image_scaler *scaler, const struct md_frame *frame,
                  const struct md_image_params *params, struct md_image *image)
{
    struct md_frame part = *frame;
    crop(&part, params);
    double shown_width = part.width, shown_height = part.height;
    if (frame->sar_num > 0 && frame->sar_den > 0) {
        /* Widen rather than flatten: text keeps its lines. */
        double aspect = (double)frame->sar_num / frame->sar_den;
        if (aspect >= 1)
            shown_width *= aspect;
        else
            shown_height /= aspect;
    }
    take_field(&part);
    fit(shown_width, shown_height, params, image);
    image->rotation = params->rotation;
    image->sample_bytes = frame->transfer == MD_FRAME_SDR ? 1 : 2;
    image->full_range = frame->full_range;
    image->matrix = frame->matrix;
    image->transfer = frame->transfer;
    image->pts_us = frame->pts_us;
    int rc = reserve(image);
    if (rc == MD_OK)
        rc = scale(scaler, &part, image);
    if (rc < 0)
        md_image_done(image);
    return rc;
}

/* The sample of the stored picture that is shown at (x, y) after rotation. */
static size_t turned_index(const struct md_image *image, int x, int y)
{
    int w = image->width, h = image->height;
    switch (image->rotation) {
    case 90:
        return (size_t)(h - 1 - x) * w + y;
    case 180:
        return (size_t)(h - 1 - y) * w + (w - 1 - x);
    case 270:
        return (size_t)x * w + (w - 1 - y);
    default:
        return (size_t)y * w + x;
    }
}

/* Fills an allocated yuv420p picture of the shown size. */
static void lay_out(const struct md_image *image, uint8_t *const planes[3], AVFrame *picture)
{
    int width = picture->width, height = picture->height;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            picture->data[0][(ptrdiff_t)y * picture->linesize[0] + x] =
                planes[0][turned_index(image, x, y)];
    for (int c = 1; c < 3; c++)
        for (int y = 0; y < height; y += 2)
            for (int x = 0; x < width; x += 2) {
                int right = MD_MIN(x + 1, width - 1), below = MD_MIN(y + 1, height - 1);
                int sum = planes[c][turned_index(image, x, y)] +
                          planes[c][turned_index(image, right, y)] +
                          planes[c][turned_index(image, x, below)] +
                          planes[c][turned_index(image, right, below)];
                picture->data[c][(ptrdiff_t)(y / 2) * picture->linesize[c] + x / 2] =
                    (uint8_t)((sum + 2) / 4);
            }
}

static int make_picture(const struct md_image *image, AVFrame **ret_picture)
{
    size_t n = (size_t)image->width * image->height;
    md_autofree uint8_t *samples = malloc(3 * n);
    AVFrame *picture = av_frame_alloc();
    bool turned = image->rotation == 90 || image->rotation == 270;
    if (picture) {
        picture->format = AV_PIX_FMT_YUV420P;
        picture->color_range = AVCOL_RANGE_JPEG;
        picture->width = turned ? image->height : image->width;
        picture->height = turned ? image->width : image->height;
    }
    if (!samples || !picture || av_frame_get_buffer(picture, 0) < 0) {
        av_frame_free(&picture);
        return MD_ERR_NOMEM;
    }
    uint8_t *planes[3] = {samples, samples + n, samples + 2 * n};
    if (md_image_to_jfif(image, planes) < 0) {
        av_frame_free(&picture);
        return MD_ERR_NOMEM;
    }
    lay_out(image, planes, picture);
    *ret_picture = picture;
    return MD_OK;
}

/* Encodes with quality 1..100 mapped to the encoder's quantiser 31..2. */
static int encode(AVFrame *picture, int quality, AVPacket *packet)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!encoder)
        return AVERROR_ENCODER_NOT_FOUND;
    int quantiser = 2 + (100 - MD_CLAMP(quality, 1, 100)) * 29 / 99;
    encoder->width = picture->width;
    encoder->height = picture->height;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->color_range = AVCOL_RANGE_JPEG;
    encoder->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    encoder->time_base = (AVRational){1, 25};
    encoder->thread_count = 1;
    /* BITEXACT leaves the encoder's version out of the file. */
    encoder->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    encoder->global_quality = picture->quality = quantiser * FF_QP2LAMBDA;
    int rc = avcodec_open2(encoder, codec, NULL);
    if (rc >= 0)
        rc = avcodec_send_frame(encoder, picture);
    if (rc >= 0)
        rc = avcodec_receive_packet(encoder, packet);
    if (rc == AVERROR(EAGAIN)) {
        avcodec_send_frame(encoder, NULL);
        rc = avcodec_receive_packet(encoder, packet);
    }
    avcodec_free_context(&encoder);
    return rc;
}

int md_image_write_jpeg(const struct md_image *image, int quality, const char *path,
                        struct md_failure *failure)
{
    AVFrame *picture = NULL;
    AVPacket *packet = av_packet_alloc();
    if (!packet || make_picture(image, &picture) < 0) {
        av_packet_free(&packet);
        return md_fail(failure, MD_ERR_NOMEM, "out of memory while writing %s", md_path_base(path));
    }
    int rc = encode(picture, quality, packet);
    if (rc < 0)
        rc = rc == AVERROR(ENOMEM) ? md_fail(failure, MD_ERR_NOMEM,
                                             "out of memory while writing %s", md_path_base(path))
                                   : md_fail(failure, MD_ERR_EXTERNAL,
                                             "the JPEG encoder refuses a picture of %d x %d",
                                             picture->width, picture->height);
    else
        rc = md_file_write_atomic(path, packet->data, (size_t)packet->size, failure);
    av_packet_free(&packet);
    av_frame_free(&picture);
    return rc;
}
