/* Packets are taken as they lie in the file rather than decoded: the decoders of libavcodec turn
 * every format into ASS and lose speakers, and all that is needed here is text and time. Only
 * mov_text and WebVTT in MP4 have a binary wrapping, taken off by hand. Codecs beyond the usual
 * four are decoded, into ASS.
 */
#include "media/subtitle_reader.h"

#include <string.h>

#include "base/cleanup.h"
#include "media/input.h"

struct reader {
    const struct md_subtitle_reader_params *params;
    struct md_input *input;
    AVCodecContext **decoders; /* per wanted stream; NULL where packets are plain */
};

static void free_packet(AVPacket **packet)
{
    av_packet_free(packet);
}

static bool is_plain(enum AVCodecID id)
{
    return id == AV_CODEC_ID_SUBRIP || id == AV_CODEC_ID_SRT || id == AV_CODEC_ID_TEXT ||
           id == AV_CODEC_ID_WEBVTT || id == AV_CODEC_ID_ASS || id == AV_CODEC_ID_SSA ||
           id == AV_CODEC_ID_MOV_TEXT;
}

static int markup_of(enum AVCodecID id)
{
    if (id == AV_CODEC_ID_ASS || id == AV_CODEC_ID_SSA)
        return MD_SUBTITLE_MARKUP_ASS;
    return id == AV_CODEC_ID_WEBVTT ? MD_SUBTITLE_MARKUP_VTT : MD_SUBTITLE_MARKUP_SRT;
}

static uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The payload of the first cue box of WebVTT in MP4 (ISO/IEC 14496-30): vttc { ... payl }. */
static bool unwrap_vtt(const uint8_t **data, size_t *n)
{
    const uint8_t *p = *data;
    size_t left = *n;
    if (left < 8 || (memcmp(p + 4, "vttc", 4) != 0 && memcmp(p + 4, "vtte", 4) != 0))
        return true;
    bool in_cue = memcmp(p + 4, "vttc", 4) == 0;
    p += 8;
    left -= 8;
    while (in_cue && left >= 8) {
        size_t size = read_be32(p);
        if (size < 8 || size > left)
            return false;
        if (memcmp(p + 4, "payl", 4) == 0) {
            *data = p + 8;
            *n = size - 8;
            return true;
        }
        p += size;
        left -= size;
    }
    return false;
}

/* The text of a packet; false when it has none. */
static bool unwrap(enum AVCodecID id, const uint8_t **data, size_t *n)
{
    if (id == AV_CODEC_ID_MOV_TEXT) {
        if (*n < 2)
            return false;
        size_t length = (size_t)(*data)[0] << 8 | (*data)[1];
        *data += 2;
        *n = MD_MIN(length, *n - 2);
    } else if (id == AV_CODEC_ID_WEBVTT && !unwrap_vtt(data, n)) {
        return false;
    }
    return *n > 0;
}

static int deliver(struct reader *reader, struct md_subtitle_packet *out, const char *text,
                   size_t n)
{
    out->text = text;
    out->n = n;
    return reader->params->packet(reader->params->user, out);
}

static int deliver_decoded(struct reader *reader, AVCodecContext *decoder, AVPacket *packet,
                           struct md_subtitle_packet *out)
{
    AVSubtitle subtitle = {0};
    int got = 0, r = MD_OK;
    if (avcodec_decode_subtitle2(decoder, &subtitle, &got, packet) < 0 || !got)
        return MD_OK; /* one damaged packet is one cue lost */
    if (subtitle.end_display_time > subtitle.start_display_time &&
        subtitle.end_display_time != UINT32_MAX)
        out->end_us = out->start_us + (int64_t)subtitle.end_display_time * 1000;
    out->start_us += (int64_t)subtitle.start_display_time * 1000;
    for (unsigned i = 0; r == MD_OK && i < subtitle.num_rects; i++)
        if (subtitle.rects[i]->ass)
            r = deliver(reader, out, subtitle.rects[i]->ass, strlen(subtitle.rects[i]->ass));
    avsubtitle_free(&subtitle);
    return r;
}

/* Position of a stream among the wanted ones, or -1. */
static int wanted_position(const struct md_subtitle_reader_params *params, int64_t index)
{
    for (size_t i = 0; i < params->stream_count; i++)
        if (params->streams[i] == index)
            return (int)i;
    return -1;
}

static int take_packet(struct reader *reader, AVPacket *packet)
{
    int at = wanted_position(reader->params, packet->stream_index);
    AVStream *stream = md_input_stream(reader->input, packet->stream_index);
    int64_t pts = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (at < 0 || !stream || pts == AV_NOPTS_VALUE || !packet->data || packet->size <= 0)
        return MD_OK;
    enum AVCodecID id = stream->codecpar->codec_id;
    struct md_subtitle_packet out = {.stream_index = packet->stream_index, .markup = markup_of(id)};
    out.start_us = md_input_movie_us(pts, stream->time_base, reader->params->clock_zero_us);
    out.end_us = out.start_us;
    if (packet->duration > 0)
        out.end_us = md_input_movie_us(av_sat_add64(pts, packet->duration), stream->time_base,
                                       reader->params->clock_zero_us);
    if (reader->decoders[at]) {
        out.markup = MD_SUBTITLE_MARKUP_ASS;
        return deliver_decoded(reader, reader->decoders[at], packet, &out);
    }
    const uint8_t *data = packet->data;
    size_t n = (size_t)packet->size;
    if (!is_plain(id) || !unwrap(id, &data, &n))
        return MD_OK;
    return deliver(reader, &out, (const char *)data, n);
}

/* Switches all other streams off, so that demuxers skip their data where they can. */
static int select_streams(struct reader *reader)
{
    AVFormatContext *format = reader->input->format;
    for (unsigned i = 0; i < format->nb_streams; i++)
        format->streams[i]->discard = AVDISCARD_ALL;
    for (size_t i = 0; i < reader->params->stream_count; i++) {
        int64_t index = reader->params->streams[i];
        AVStream *stream = md_input_stream(reader->input, index);
        if (!stream || stream->codecpar->codec_type != AVMEDIA_TYPE_SUBTITLE)
            continue;
        stream->discard = AVDISCARD_DEFAULT;
        const AVCodecDescriptor *about = avcodec_descriptor_get(stream->codecpar->codec_id);
        if (is_plain(stream->codecpar->codec_id) || !about ||
            !(about->props & AV_CODEC_PROP_TEXT_SUB))
            continue;
        int r =
            md_input_open_decoder(reader->input, index, 1, NULL, NULL, &reader->decoders[i], NULL);
        if (r == MD_ERR_NOMEM)
            return r;
    }
    return MD_OK;
}

static int read_all(struct reader *reader, struct md_failure *failure)
{
    const struct md_subtitle_reader_params *params = reader->params;
    __attribute__((cleanup(free_packet))) AVPacket *packet = av_packet_alloc();
    int r = packet ? select_streams(reader) : MD_ERR_NOMEM;
    while (r == MD_OK) {
        r = md_input_read(reader->input, packet, failure);
        if (r < 0)
            break;
        if (params->progress && packet->pos > 0)
            params->progress(params->user, packet->pos, reader->input->size_bytes);
        r = take_packet(reader, packet);
        av_packet_unref(packet);
    }
    if (r == MD_ERR_NOMEM)
        return md_fail(failure, r, "out of memory reading the subtitles of %s",
                       reader->input->name);
    return r == MD_ERR_EOF ? MD_OK : r;
}

int md_subtitle_reader_run(const struct md_subtitle_reader_params *params,
                           struct md_failure *failure)
{
    struct reader reader = {.params = params};
    int r =
        md_input_open(params->movie_path, params->cancelled, params->user, &reader.input, failure);
    if (r < 0)
        return r;
    reader.decoders = av_calloc(params->stream_count + 1, sizeof *reader.decoders);
    r = reader.decoders ? read_all(&reader, failure)
                        : md_fail(failure, MD_ERR_NOMEM, "out of memory reading subtitles");
    for (size_t i = 0; reader.decoders && i < params->stream_count; i++)
        avcodec_free_context(&reader.decoders[i]);
    av_freep(&reader.decoders);
    md_input_close(reader.input);
    return r;
}
