/* Most films are planar Y'CbCr or nv12/p010, whose planes md_frame can point into as they are. The
 * rest (RGB, palette, packed, grey, alpha, 4:1:1, foreign byte order) is rare enough that a pass
 * through swscale to 8-bit 4:2:0 costs nobody anything and spares every reader of frames a case. */
#include "media/video_picture.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "base/cleanup.h"

/* What is handed on untouched. Ends with NONE. */
static const enum AVPixelFormat plain_formats[] = {
    AV_PIX_FMT_YUV420P,   AV_PIX_FMT_NV12,      AV_PIX_FMT_P010,      AV_PIX_FMT_YUV420P10,
    AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P,   AV_PIX_FMT_YUV440P,   AV_PIX_FMT_NV21,
    AV_PIX_FMT_NV16,      AV_PIX_FMT_NV24,      AV_PIX_FMT_YUV420P12, AV_PIX_FMT_YUV422P10,
    AV_PIX_FMT_YUV422P12, AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV444P12, AV_PIX_FMT_YUV420P9,
    AV_PIX_FMT_YUV422P9,  AV_PIX_FMT_YUV444P9,  AV_PIX_FMT_YUV420P14, AV_PIX_FMT_YUV422P14,
    AV_PIX_FMT_YUV444P14, AV_PIX_FMT_YUV420P16, AV_PIX_FMT_YUV422P16, AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_P016,      AV_PIX_FMT_NONE,
};

/* The J formats are the plain ones with full range. */
static enum AVPixelFormat without_range(enum AVPixelFormat format, bool *ret_full)
{
    static const enum AVPixelFormat pairs[][2] = {
        {AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P}, {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
        {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P}, {AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P},
        {AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(pairs); i++)
        if (pairs[i][0] == format) {
            *ret_full = true;
            return pairs[i][1];
        }
    return format;
}

static bool is_plain(enum AVPixelFormat format)
{
    for (const enum AVPixelFormat *f = plain_formats; *f != AV_PIX_FMT_NONE; f++)
        if (*f == format)
            return true;
    return false;
}

static void read_colour(const AVFrame *av, bool is_rgb, struct md_frame *frame)
{
    frame->full_range = !is_rgb && av->color_range == AVCOL_RANGE_JPEG;
    frame->transfer = av->color_trc == AVCOL_TRC_SMPTE2084      ? MD_FRAME_PQ
                      : av->color_trc == AVCOL_TRC_ARIB_STD_B67 ? MD_FRAME_HLG
                                                                : MD_FRAME_SDR;
    switch (av->colorspace) {
    case AVCOL_SPC_BT709:
        frame->matrix = MD_FRAME_BT709;
        break;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        frame->matrix = MD_FRAME_BT2020;
        break;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_FCC:
        frame->matrix = MD_FRAME_BT601;
        break;
    default: /* untagged: the usual guess, HD is 709 */
        frame->matrix = av->width >= 1280 || av->height > 576 ? MD_FRAME_BT709 : MD_FRAME_BT601;
    }
    if (is_rgb) /* swscale's default equations were used */
        frame->matrix = MD_FRAME_BT601;
}

/* Planes and layout from the descriptor of a plain format. */
static void read_planes(const AVFrame *av, const AVPixFmtDescriptor *d, struct md_frame *frame)
{
    for (int c = 0; c < 3; c++) {
        const AVComponentDescriptor *component = &d->comp[c];
        frame->plane[c] = av->data[component->plane] + component->offset;
        frame->stride[c] = av->linesize[component->plane];
        frame->step[c] = component->step;
    }
    frame->bit_depth = d->comp[0].depth;
    frame->sample_shift = d->comp[0].shift;
    frame->chroma_shift_x = d->log2_chroma_w;
    frame->chroma_shift_y = d->log2_chroma_h;
}

static int make_picture(struct md_picture_converter *converter, const AVFrame *av)
{
    AVFrame *picture = converter->picture;
    if (picture && picture->width == av->width && picture->height == av->height)
        return MD_OK;
    av_frame_free(&converter->picture);
    picture = av_frame_alloc();
    if (!picture)
        return MD_ERR_NOMEM;
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = av->width;
    picture->height = av->height;
    if (av_frame_get_buffer(picture, 0) < 0) {
        av_frame_free(&picture);
        return MD_ERR_NOMEM;
    }
    converter->picture = picture;
    return MD_OK;
}

static int convert(struct md_picture_converter *converter, const AVFrame *av,
                   enum AVPixelFormat format, bool full_range)
{
    if (!sws_isSupportedInput(format))
        return MD_ERR_UNSUPPORTED;
    int rc = make_picture(converter, av);
    if (rc < 0)
        return rc;
    converter->sws = sws_getCachedContext(
        converter->sws, av->width, av->height, format, av->width, av->height, AV_PIX_FMT_YUV420P,
        SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (!converter->sws)
        return MD_ERR_NOMEM;
    const int *equations = sws_getCoefficients(SWS_CS_DEFAULT);
    sws_setColorspaceDetails(converter->sws, equations, full_range, equations, 0, 0, 1 << 16,
                             1 << 16);
    int rows = sws_scale(converter->sws, (const uint8_t *const *)av->data, av->linesize, 0,
                         av->height, converter->picture->data, converter->picture->linesize);
    return rows > 0 ? MD_OK : MD_ERR_UNSUPPORTED;
}

int md_picture_read(struct md_picture_converter *converter, const AVFrame *av,
                    struct md_frame *ret_frame)
{
    bool full = av->color_range == AVCOL_RANGE_JPEG;
    enum AVPixelFormat format = without_range(av->format, &full);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    if (!d || (d->flags & AV_PIX_FMT_FLAG_HWACCEL) || av->width < 1 || av->height < 1)
        return MD_ERR_UNSUPPORTED;
    bool is_rgb = d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    struct md_frame frame = {.width = av->width, .height = av->height, .sar_num = 1, .sar_den = 1};
    read_colour(av, is_rgb, &frame);
    frame.full_range = full && !is_rgb;
    if (av->sample_aspect_ratio.num > 0 && av->sample_aspect_ratio.den > 0) {
        frame.sar_num = av->sample_aspect_ratio.num;
        frame.sar_den = av->sample_aspect_ratio.den;
    }
    if (is_plain(format)) {
        read_planes(av, d, &frame);
    } else {
        int rc = convert(converter, av, format, full || is_rgb);
        if (rc < 0)
            return rc;
        read_planes(converter->picture, av_pix_fmt_desc_get(AV_PIX_FMT_YUV420P), &frame);
        frame.full_range = false;
    }
    *ret_frame = frame;
    return MD_OK;
}

enum AVPixelFormat md_picture_format(const struct md_frame *frame)
{
    bool u_first = frame->plane[1] < frame->plane[2];
    for (const enum AVPixelFormat *f = plain_formats; *f != AV_PIX_FMT_NONE; f++) {
        const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(*f);
        bool interleaved = d->comp[1].plane == d->comp[2].plane;
        if (d->comp[0].depth == frame->bit_depth && d->comp[0].shift == frame->sample_shift &&
            d->log2_chroma_w == frame->chroma_shift_x &&
            d->log2_chroma_h == frame->chroma_shift_y && d->comp[1].step == frame->step[1] &&
            (!interleaved || (d->comp[1].offset < d->comp[2].offset) == u_first))
            return *f;
    }
    return AV_PIX_FMT_NONE;
}

void md_picture_converter_done(struct md_picture_converter *converter)
{
    sws_freeContext(converter->sws);
    av_frame_free(&converter->picture);
    *converter = (struct md_picture_converter){0};
}
