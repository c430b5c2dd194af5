/* Headers lie and are hostile: every number is clamped to what media.json allows and every text is
 * made valid UTF-8 here, so that nothing behind this file has to doubt them. */
#include "media/probe_streams.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/pixdesc.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "media/choose.h"
#include "media/compat.h"

static int copy_text(char **ret, const char *text)
{
    if (!text || !*text)
        return MD_OK;
    char *copy = malloc(1001);
    if (!copy)
        return MD_ERR_NOMEM;
    if (md_utf8_sanitize(copy, 1001, text, strlen(text)) == 0) {
        free(copy);
        return MD_OK;
    }
    free(*ret);
    *ret = copy;
    return MD_OK;
}

char *md_probe_tag(const AVDictionary *metadata, const char *key)
{
    const AVDictionaryEntry *entry = av_dict_get(metadata, key, NULL, 0);
    char *copy = NULL;
    if (entry && copy_text(&copy, entry->value) < 0)
        return NULL;
    return copy;
}

bool md_probe_is_encrypted(const AVStream *stream)
{
    uint32_t tag = stream->codecpar->codec_tag;
    return md_av_stream_side_data(stream, AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL) ||
           tag == MKTAG('e', 'n', 'c', 'v') || tag == MKTAG('e', 'n', 'c', 'a') ||
           tag == MKTAG('d', 'r', 'm', 'i') || tag == MKTAG('d', 'r', 'm', 's');
}

/* FFmpeg's matrix angle is anticlockwise; phones write multiples of 90 only. */
static int64_t display_rotation(const AVStream *stream)
{
    size_t size = 0;
    const uint8_t *data = md_av_stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!data || size < 9 * sizeof(int32_t))
        return 0;
    int32_t matrix[9];
    memcpy(matrix, data, sizeof matrix);
    double clockwise = -av_display_rotation_get(matrix);
    if (!isfinite(clockwise))
        return 0;
    int64_t quarters = llround(clockwise / 90.0) % 4;
    return (quarters + 4) % 4 * 90;
}

static void set_aspect(struct md_stream *s, AVRational sar)
{
    /* Beyond 1:8 either way it is a broken header, not a lens. */
    bool sane = sar.num > 0 && sar.den > 0 && av_q2d(sar) > 0.125 && av_q2d(sar) < 8;
    s->sar_num = sane ? sar.num : 1;
    s->sar_den = sane ? sar.den : 1;
}

static int64_t depth_of(const AVCodecParameters *par, enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    int depth = d ? d->comp[0].depth : par->bits_per_raw_sample;
    return MD_CLAMP(depth, 0, 32);
}

static int hdr_of(const AVStream *stream, enum AVColorTransferCharacteristic transfer)
{
    if (md_av_stream_side_data(stream, AV_PKT_DATA_DOVI_CONF, NULL))
        return MD_HDR_DOLBY_VISION;
    return transfer == AVCOL_TRC_SMPTE2084      ? MD_HDR_PQ
           : transfer == AVCOL_TRC_ARIB_STD_B67 ? MD_HDR_HLG
                                                : MD_HDR_NONE;
}

struct color {
    enum AVPixelFormat format;
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorSpace matrix;
    enum AVColorRange range;
};

static int set_color(struct md_stream *s, struct color c)
{
    int rc = copy_text(&s->pixel_format, av_get_pix_fmt_name(c.format));
    if (rc == MD_OK && c.primaries != AVCOL_PRI_UNSPECIFIED)
        rc = copy_text(&s->color_primaries, av_color_primaries_name(c.primaries));
    if (rc == MD_OK && c.transfer != AVCOL_TRC_UNSPECIFIED)
        rc = copy_text(&s->color_transfer, av_color_transfer_name(c.transfer));
    if (rc == MD_OK && c.matrix != AVCOL_SPC_UNSPECIFIED)
        rc = copy_text(&s->color_matrix, av_color_space_name(c.matrix));
    if (rc == MD_OK && c.range != AVCOL_RANGE_UNSPECIFIED)
        rc = copy_text(&s->color_range, av_color_range_name(c.range));
    return rc;
}

static int describe_video(struct md_input *input, AVStream *stream, struct md_stream *s)
{
    const AVCodecParameters *par = stream->codecpar;
    s->width = MD_CLAMP(par->width, 0, 65536);
    s->height = MD_CLAMP(par->height, 0, 65536);
    set_aspect(s, av_guess_sample_aspect_ratio(input->format, stream, NULL));
    s->rotation = display_rotation(stream);
    AVRational rate = av_guess_frame_rate(input->format, stream, NULL);
    bool sane = rate.num > 0 && rate.den > 0 && av_q2d(rate) <= 1000;
    s->fps_num = sane ? rate.num : 0;
    s->fps_den = sane ? rate.den : 1;
    s->interlaced = par->field_order > AV_FIELD_PROGRESSIVE;
    s->bit_depth = depth_of(par, par->format);
    s->hdr = hdr_of(stream, par->color_trc);
    return set_color(s, (struct color){par->format, par->color_primaries, par->color_trc,
                                       par->color_space, par->color_range});
}

int md_probe_describe_frame(struct md_input *input, const AVFrame *frame, struct md_stream *s)
{
    AVStream *stream = md_input_stream(input, s->index);
    s->width = MD_CLAMP(frame->width, 0, 65536);
    s->height = MD_CLAMP(frame->height, 0, 65536);
    set_aspect(s, av_guess_sample_aspect_ratio(input->format, stream, (AVFrame *)frame));
    s->bit_depth = depth_of(stream->codecpar, frame->format);
    if (s->hdr == MD_HDR_NONE)
        s->hdr = hdr_of(stream, frame->color_trc);
    return set_color(s, (struct color){frame->format, frame->color_primaries, frame->color_trc,
                                       frame->colorspace, frame->color_range});
}

static int describe_audio(const AVCodecParameters *par, struct md_stream *s)
{
    char layout[128] = "";
    s->sample_rate = MD_CLAMP(par->sample_rate, 0, 10000000);
    s->channels = MD_CLAMP(par->ch_layout.nb_channels, 0, 1024);
    if (av_channel_layout_describe(&par->ch_layout, layout, sizeof layout) < 0)
        layout[0] = '\0';
    return copy_text(&s->channel_layout, layout);
}

static void set_disposition(struct md_stream *s, int disposition)
{
    s->is_default = disposition & AV_DISPOSITION_DEFAULT;
    s->is_forced = disposition & AV_DISPOSITION_FORCED;
    s->is_commentary = disposition & AV_DISPOSITION_COMMENT;
    s->is_hearing_impaired = disposition & AV_DISPOSITION_HEARING_IMPAIRED;
    s->is_visual_impaired =
        disposition & (AV_DISPOSITION_VISUAL_IMPAIRED | AV_DISPOSITION_DESCRIPTIONS);
    s->is_dub = disposition & AV_DISPOSITION_DUB;
    s->is_attached_picture =
        disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS |
                       AV_DISPOSITION_STILL_IMAGE);
}

static int kind_of(enum AVMediaType type)
{
    switch (type) {
    case AVMEDIA_TYPE_VIDEO:
        return MD_STREAM_VIDEO;
    case AVMEDIA_TYPE_AUDIO:
        return MD_STREAM_AUDIO;
    case AVMEDIA_TYPE_SUBTITLE:
        return MD_STREAM_SUBTITLE;
    default:
        return MD_STREAM_OTHER;
    }
}

static int describe_text(const AVStream *stream, struct md_stream *s)
{
    const AVCodecParameters *par = stream->codecpar;
    bool known = par->codec_id != AV_CODEC_ID_NONE;
    int rc = copy_text(&s->codec, known ? avcodec_get_name(par->codec_id) : "unknown");
    if (rc == MD_OK)
        rc = copy_text(&s->profile, avcodec_profile_name(par->codec_id, par->profile));
    const AVDictionaryEntry *language = av_dict_get(stream->metadata, "language", NULL, 0);
    if (rc == MD_OK && language && strcmp(language->value, "und") != 0)
        rc = copy_text(&s->language, language->value);
    const AVDictionaryEntry *title = av_dict_get(stream->metadata, "title", NULL, 0);
    /* mp4 keeps a track's name in its handler; the muxers' own phrases are no title */
    if (!title)
        title = av_dict_get(stream->metadata, "handler_name", NULL, 0);
    if (rc == MD_OK && title && !strstr(title->value, "Handler") &&
        !strstr(title->value, "handler") && !strstr(title->value, "Media Handler"))
        rc = copy_text(&s->title, title->value);
    return rc;
}

int md_probe_describe_stream(struct md_input *input, unsigned index, struct md_stream *s)
{
    AVStream *stream = input->format->streams[index];
    const AVCodecParameters *par = stream->codecpar;
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get(par->codec_id);
    s->index = index;
    s->kind = kind_of(par->codec_type);
    s->decodable = avcodec_find_decoder(par->codec_id) && !md_probe_is_encrypted(stream);
    s->bit_rate = MD_MAX(par->bit_rate, 0);
    s->sar_num = s->sar_den = s->fps_den = 1;
    s->is_text = descriptor && descriptor->type == AVMEDIA_TYPE_SUBTITLE &&
                 (descriptor->props & AV_CODEC_PROP_TEXT_SUB);
    set_disposition(s, stream->disposition);
    int rc = describe_text(stream, s);
    if (rc == MD_OK && s->kind == MD_STREAM_VIDEO)
        rc = describe_video(input, stream, s);
    if (rc == MD_OK && s->kind == MD_STREAM_AUDIO)
        rc = describe_audio(par, s);
    md_choose_read_title(s);
    return rc;
}
