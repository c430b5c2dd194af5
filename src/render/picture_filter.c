/* libavfilter does the work; this file chooses the chain and hides the plumbing. One filter serves
 * one piece of the digest, so that a deinterlacer never mixes fields of two pieces. */
#include "render/picture_filter.h"

#include <stdio.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/compat.h"

struct md_picture_filter {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVRational time_base;
    AVFrame *frame;
    struct md_look look;
    int width, height, format;
};

static bool is_hdr(enum AVColorTransferCharacteristic transfer)
{
    return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

static bool is_rgb(const AVFrame *frame)
{
    const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(frame->format);
    return description && (description->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
}

static bool is_grey(const AVFrame *frame)
{
    const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(frame->format);
    return description && description->nb_components <= 2 && !is_rgb(frame);
}

static bool is_full_range(const AVFrame *frame)
{
    switch (frame->format) {
    case AV_PIX_FMT_YUVJ411P:
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ444P:
        return true;
    default:
        return frame->color_range == AVCOL_RANGE_JPEG;
    }
}

static const struct md_colours bt709 = {AVCOL_PRI_BT709, AVCOL_TRC_BT709, AVCOL_SPC_BT709,
                                        AVCOL_RANGE_MPEG, AVCHROMA_LOC_LEFT};

/* The equations a player takes for untagged pictures of this size. */
static enum AVColorSpace usual_matrix(int width, int height)
{
    return width >= 1280 || height > 576 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

static struct md_colours choose_colours(const AVFrame *first, const struct md_geometry *geometry)
{
    if (is_rgb(first))
        return bt709;
    struct md_colours colours = {
        .primaries = first->color_primaries,
        .transfer = first->color_trc,
        .matrix = first->colorspace,
        .range = is_full_range(first) && !is_grey(first) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG,
        .chroma = first->chroma_location,
    };
    if (colours.matrix == AVCOL_SPC_RGB) /* a slip of the file's: these are Y'CbCr */
        colours.matrix = AVCOL_SPC_UNSPECIFIED;
    /* Scaled down over the line between HD and SD, an untagged picture would change its colours. */
    if (colours.matrix == AVCOL_SPC_UNSPECIFIED &&
        usual_matrix(first->width, first->height) !=
            usual_matrix(geometry->width, geometry->height))
        colours.matrix = usual_matrix(first->width, first->height);
    return colours;
}

struct md_look md_look_choose(const AVFrame *first, const struct md_geometry *geometry,
                              bool interlaced)
{
    struct md_look look = {.geometry = *geometry};
    look.deinterlace = interlaced && first->width >= 8 && first->height >= 8;
    look.colours = choose_colours(first, geometry);
    if (is_hdr(first->color_trc)) {
        look.tone_map = avfilter_get_by_name("zscale") && avfilter_get_by_name("tonemap");
        look.tone_map_lacks = !look.tone_map;
        if (look.tone_map)
            look.colours = bt709;
    }
    return look;
}

/* BT.2408 puts the white of a page at 203 cd/m2; a master that does not say how bright it gets is
 * usually made for 1000. */
static const double white_nits = 203, usual_peak_nits = 1000;

static double peak_nits(const AVFrame *frame)
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    double nits = 0;
    if (side && side->size >= sizeof(AVContentLightMetadata))
        nits = ((const AVContentLightMetadata *)side->data)->MaxCLL;
    side = av_frame_get_side_data(frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    if (nits <= 0 && side && side->size >= sizeof(AVMasteringDisplayMetadata)) {
        const AVMasteringDisplayMetadata *master = (const void *)side->data;
        if (master->has_luminance && master->max_luminance.den > 0)
            nits = av_q2d(master->max_luminance);
    }
    return nits > 0 ? MD_CLAMP(nits, 1.5 * white_nits, 10000) : usual_peak_nits;
}

/* HDR to SDR: to linear light with white as 1.0, to BT.709 primaries, highlights rolled off, and
 * back. */
static void write_tone_map(struct md_str *chain, const struct md_look *look, const AVFrame *like)
{
    bool is_hlg = like->color_trc == AVCOL_TRC_ARIB_STD_B67;
    md_str_printf(chain,
                  "zscale=w=%d:h=%d:f=bicubic:tin=%s:min=%s:pin=%s:rin=%s:t=linear:npl=%.0f,"
                  "format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0:peak=%.3f,"
                  "zscale=t=bt709:m=bt709:r=limited:d=ordered,",
                  look->geometry.scaled_width, look->geometry.scaled_height,
                  is_hlg ? "arib-std-b67" : "smpte2084",
                  like->colorspace == AVCOL_SPC_UNSPECIFIED ? "bt2020nc" : "input",
                  like->color_primaries == AVCOL_PRI_UNSPECIFIED ? "bt2020" : "input",
                  is_full_range(like) ? "full" : "limited", white_nits,
                  peak_nits(like) / white_nits);
}

static void write_scale(struct md_str *chain, const struct md_look *look, const AVFrame *like)
{
    const struct md_geometry *g = &look->geometry;
    bool in_full = is_full_range(like) || is_rgb(like);
    bool out_full = look->colours.range == AVCOL_RANGE_JPEG;
    md_str_printf(chain,
                  "scale=w=%d:h=%d:flags=bicubic+accurate_rnd+bitexact:in_range=%s:out_range=%s",
                  g->scaled_width, g->scaled_height, in_full ? "full" : "limited",
                  out_full ? "full" : "limited");
    if (is_rgb(like))
        md_str_append(chain, ":out_color_matrix=bt709");
    md_str_append_char(chain, ',');
}

static void write_chain(struct md_str *chain, const struct md_look *look, const AVFrame *like)
{
    const struct md_geometry *g = &look->geometry;
    if (look->deinterlace)
        md_str_append(chain, "bwdif=mode=send_frame:deint=interlaced,");
    if (look->tone_map && is_hdr(like->color_trc))
        write_tone_map(chain, look, like);
    else if (like->format != AV_PIX_FMT_YUV420P || like->width != g->scaled_width ||
             like->height != g->scaled_height)
        write_scale(chain, look, like);
    md_str_append(chain, "format=yuv420p");
    int right = g->width - g->scaled_width, below = g->height - g->scaled_height;
    if (right || below)
        md_str_printf(chain, ",pad=w=%d:h=%d:x=0:y=0,fillborders=right=%d:bottom=%d:mode=smear",
                      g->width, g->height, right, below);
}

static int make_source(struct md_picture_filter *filter, const AVFrame *like)
{
    AVBufferSrcParameters *parameters = av_buffersrc_parameters_alloc();
    if (!parameters)
        return AVERROR(ENOMEM);
    filter->source =
        avfilter_graph_alloc_filter(filter->graph, avfilter_get_by_name("buffer"), "in");
    parameters->format = like->format;
    parameters->width = like->width;
    parameters->height = like->height;
    parameters->time_base = filter->time_base;
    parameters->sample_aspect_ratio = (AVRational){1, 1};
    md_av_buffersrc_set_colour(parameters, like);
    int rc =
        filter->source ? av_buffersrc_parameters_set(filter->source, parameters) : AVERROR(ENOMEM);
    av_free(parameters);
    return rc < 0 ? rc : avfilter_init_str(filter->source, NULL);
}

static int make_graph(struct md_picture_filter *filter, const AVFrame *like, int threads)
{
    md_autostr chain = {0};
    write_chain(&chain, &filter->look, like);
    filter->graph = avfilter_graph_alloc();
    filter->frame = av_frame_alloc();
    AVFilterInOut *outputs = avfilter_inout_alloc(), *inputs = avfilter_inout_alloc();
    int rc = AVERROR(ENOMEM);
    if (filter->graph && filter->frame && outputs && inputs && !md_str_failed(&chain)) {
        filter->graph->nb_threads = threads;
        rc = make_source(filter, like);
    }
    if (rc >= 0)
        rc = avfilter_graph_create_filter(&filter->sink, avfilter_get_by_name("buffersink"), "out",
                                          NULL, NULL, filter->graph);
    if (rc >= 0) {
        *outputs = (AVFilterInOut){av_strdup("in"), filter->source, 0, NULL};
        *inputs = (AVFilterInOut){av_strdup("out"), filter->sink, 0, NULL};
        rc = avfilter_graph_parse_ptr(filter->graph, md_str_text(&chain), &inputs, &outputs, NULL);
    }
    avfilter_inout_free(&outputs);
    avfilter_inout_free(&inputs);
    return rc < 0 ? rc : avfilter_graph_config(filter->graph, NULL);
}

int md_picture_filter_new(const struct md_look *look, const AVFrame *like, AVRational time_base,
                          int threads, struct md_picture_filter **ret_filter,
                          struct md_failure *failure)
{
    struct md_picture_filter *filter = calloc(1, sizeof *filter);
    if (!filter)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    filter->look = *look;
    filter->time_base = time_base;
    filter->width = like->width;
    filter->height = like->height;
    filter->format = like->format;
    int rc = make_graph(filter, like, threads);
    if (rc < 0) {
        char text[AV_ERROR_MAX_STRING_SIZE];
        av_strerror(rc, text, sizeof text);
        md_picture_filter_free(filter);
        return md_fail(failure, rc == AVERROR(ENOMEM) ? MD_ERR_NOMEM : MD_ERR_UNSUPPORTED,
                       "cannot convert pictures of the kind %s: %s",
                       av_get_pix_fmt_name(like->format), text);
    }
    *ret_filter = filter;
    return MD_OK;
}

void md_picture_filter_free(struct md_picture_filter *filter)
{
    if (!filter)
        return;
    avfilter_graph_free(&filter->graph);
    av_frame_free(&filter->frame);
    free(filter);
}

bool md_picture_filter_fits(const struct md_picture_filter *filter, const AVFrame *frame)
{
    return filter->width == frame->width && filter->height == frame->height &&
           filter->format == frame->format;
}

static int fail(int rc, struct md_failure *failure)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(rc, text, sizeof text);
    return md_fail(failure, rc == AVERROR(ENOMEM) ? MD_ERR_NOMEM : MD_ERR_EXTERNAL,
                   "converting the picture failed: %s", text);
}

int md_picture_filter_send(struct md_picture_filter *filter, const AVFrame *frame, int64_t pts,
                           struct md_failure *failure)
{
    int rc = 0;
    if (frame) {
        rc = av_frame_ref(filter->frame, frame);
        if (rc < 0)
            return fail(rc, failure);
        filter->frame->pts = pts;
        rc = av_buffersrc_add_frame(filter->source, filter->frame);
        av_frame_unref(filter->frame);
    } else {
        rc = av_buffersrc_add_frame(filter->source, NULL);
    }
    return rc < 0 ? fail(rc, failure) : MD_OK;
}

/* Nothing of the source's own tags may reach the encoder but what was chosen. */
static void tag(const struct md_picture_filter *filter, AVFrame *picture)
{
    const struct md_look *look = &filter->look;
    while (picture->nb_side_data > 0)
        av_frame_remove_side_data(picture, picture->side_data[0]->type);
    picture->sample_aspect_ratio = (AVRational){look->geometry.sar_num, look->geometry.sar_den};
    picture->color_primaries = look->colours.primaries;
    picture->color_trc = look->colours.transfer;
    picture->colorspace = look->colours.matrix;
    picture->color_range = look->colours.range;
    picture->pict_type = AV_PICTURE_TYPE_NONE;
    md_av_frame_set_key(picture, false);
    md_av_frame_set_progressive(picture);
}

int md_picture_filter_receive(struct md_picture_filter *filter, AVFrame *picture,
                              struct md_failure *failure)
{
    int rc = av_buffersink_get_frame(filter->sink, picture);
    if (rc == AVERROR(EAGAIN))
        return MD_ERR_BUSY;
    if (rc == AVERROR_EOF)
        return MD_ERR_EOF;
    if (rc < 0)
        return fail(rc, failure);
    picture->pts =
        av_rescale_q(picture->pts, av_buffersink_get_time_base(filter->sink), filter->time_base);
    tag(filter, picture);
    return MD_OK;
}
