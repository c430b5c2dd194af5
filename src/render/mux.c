/* libavformat's MP4 muxer, with three cares: nothing in the file depends on the day or the version
 * (bitexact), every write error is noticed, also those in buffers flushed late, and the file can be
 * given up at any moment, also while the index is moved to the front.
 *
 * Chapters are written in the trailer and subtitles after everything else: where pieces really
 * begin is known only when they have been rendered. Players find both through the index. */
#include "render/mux.h"

#include <string.h>

#include <libavutil/intreadwrite.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "media/compat.h"
#include "model/language.h"

/* How far a track may fall behind the other before packets are written out of order: x264 holds
 * back less, and subtitles, which come last, would hold up everything else. */
static const int64_t most_interleave_us = 4000000;
/* 3GPP timed text allows 65535 bytes; nobody reads that much. */
enum { LONGEST_TEXT = 2000 };

struct md_mux {
    AVFormatContext *format;
    AVStream *video, *sound, *subtitles;
    AVRational video_base, sound_base; /* of the packets */
    bool (*cancelled)(void *user);
    void *user;
};

static int fail(int rc, struct md_failure *failure)
{
    if (rc == AVERROR_EXIT)
        return md_fail(failure, MD_ERR_CANCELLED, "cancelled");
    if (rc == AVERROR(ENOMEM))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory while writing the digest");
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(rc, text, sizeof text);
    /* libav's own codes are large numbers, errno's small ones. */
    if (rc < 0 && rc > -4096)
        return md_fail_errno(failure, -rc, "cannot write digest.mp4");
    return md_fail(failure, MD_ERR_EXTERNAL, "cannot write digest.mp4: %s", text);
}

static int on_interrupt(void *opaque)
{
    const struct md_mux *mux = opaque;
    return mux->cancelled && mux->cancelled(mux->user);
}

static int set_language(AVStream *stream, const char *language)
{
    if (!language)
        return 0;
    const char *code = md_language_code(language);
    return av_dict_set(&stream->metadata, "language", code ? code : language, 0);
}

static int add_track(struct md_mux *mux, const struct md_mux_track *track, AVStream **ret_stream)
{
    if (!track->parameters)
        return 0;
    AVStream *stream = avformat_new_stream(mux->format, NULL);
    if (!stream)
        return AVERROR(ENOMEM);
    int rc = avcodec_parameters_copy(stream->codecpar, track->parameters);
    if (rc < 0)
        return rc;
    if (stream->codecpar->codec_tag != MKTAG('h', 'v', 'c', '1'))
        stream->codecpar->codec_tag = 0;
    stream->time_base = track->time_base;
    stream->sample_aspect_ratio = track->parameters->sample_aspect_ratio;
    stream->disposition = AV_DISPOSITION_DEFAULT;
    *ret_stream = stream;
    return set_language(stream, track->language);
}

/* The sample description of 3GPP timed text (TS 26.245, 5.16, without size and type): bottom
 * centre, white on transparent, one font. */
static const uint8_t text_style[] = {
    0,    0,    0,    0, /* display flags */
    1,    0xff,          /* justification: horizontally centre, vertically bottom */
    0,    0,    0,    0, /* background: transparent */
    0,    0,    0,    0,    0,   0,   0,   0, /* text box: the player's choice */
    0,    0,    0,    0,                      /* style record: characters from, to */
    0,    1,    0,    18,                     /* font 1, plain, 18 points */
    0xff, 0xff, 0xff, 0xff,                   /* white */
    0,    0,    0,    18,   'f', 't', 'a', 'b', 0, 1, 0, 1, 5, 'S', 'e', 'r', 'i', 'f',
};

static int add_subtitles(struct md_mux *mux, const char *language)
{
    AVStream *stream = avformat_new_stream(mux->format, NULL);
    if (!stream)
        return AVERROR(ENOMEM);
    AVCodecParameters *parameters = stream->codecpar;
    parameters->codec_type = AVMEDIA_TYPE_SUBTITLE;
    parameters->codec_id = AV_CODEC_ID_MOV_TEXT;
    parameters->extradata = av_mallocz(sizeof text_style + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return AVERROR(ENOMEM);
    memcpy(parameters->extradata, text_style, sizeof text_style);
    parameters->extradata_size = sizeof text_style;
    stream->time_base = (AVRational){1, 1000000};
    mux->subtitles = stream;
    return set_language(stream, language);
}

static int add_hdr(AVStream *stream, const AVStream *like)
{
    static const enum AVPacketSideDataType types[] = {AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
                                                      AV_PKT_DATA_CONTENT_LIGHT_LEVEL};
    int rc = 0;
    for (size_t i = 0; i < MD_ARRAY_LEN(types) && rc >= 0; i++) {
        size_t size;
        const uint8_t *data = md_av_stream_side_data(like, types[i], &size);
        if (data)
            rc = md_av_stream_add_side_data(stream, types[i], data, size);
    }
    return rc;
}

static int add_tracks(struct md_mux *mux, const struct md_mux_params *params)
{
    int rc = add_track(mux, &params->video, &mux->video);
    if (rc >= 0)
        rc = add_track(mux, &params->sound, &mux->sound);
    if (rc >= 0 && params->has_subtitles)
        rc = add_subtitles(mux, params->subtitle_language);
    if (rc >= 0 && mux->video && params->display_matrix)
        rc = md_av_stream_add_side_data(mux->video, AV_PKT_DATA_DISPLAYMATRIX,
                                        params->display_matrix, 9 * sizeof(int32_t));
    if (rc >= 0 && mux->video && params->hdr_of)
        rc = add_hdr(mux->video, params->hdr_of);
    mux->video_base = params->video.time_base;
    mux->sound_base = params->sound.time_base;
    return rc;
}

static int begin(struct md_mux *mux, const struct md_mux_params *params)
{
    md_autostr url = {0}; /* with its scheme, so that a colon in the name means nothing */
    md_str_printf(&url, "file:%s", params->path);
    if (md_str_failed(&url))
        return AVERROR(ENOMEM);
    int rc = avformat_alloc_output_context2(&mux->format, NULL, "mp4", md_str_text(&url));
    if (rc < 0)
        return rc;
    mux->format->interrupt_callback = (AVIOInterruptCB){on_interrupt, mux};
    mux->format->flags |= AVFMT_FLAG_BITEXACT;
    mux->format->max_interleave_delta = most_interleave_us;
    rc = add_tracks(mux, params);
    if (rc >= 0 && params->title)
        rc = av_dict_set(&mux->format->metadata, "title", params->title, 0);
    if (rc >= 0)
        rc = avio_open2(&mux->format->pb, md_str_text(&url), AVIO_FLAG_WRITE,
                        &mux->format->interrupt_callback, NULL);
    if (rc < 0)
        return rc;
    AVDictionary *options = NULL;
    rc = av_dict_set(&options, "movflags", "+faststart", 0);
    if (rc >= 0)
        rc = avformat_write_header(mux->format, &options);
    av_dict_free(&options);
    return rc;
}

int md_mux_new(const struct md_mux_params *params, struct md_mux **ret_mux,
               struct md_failure *failure)
{
    struct md_mux *mux = calloc(1, sizeof *mux);
    if (!mux)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    mux->cancelled = params->cancelled;
    mux->user = params->user;
    int rc = begin(mux, params);
    if (rc < 0) {
        md_mux_free(mux);
        return fail(rc, failure);
    }
    *ret_mux = mux;
    return MD_OK;
}

void md_mux_free(struct md_mux *mux)
{
    if (!mux)
        return;
    if (mux->format) {
        avio_closep(&mux->format->pb);
        avformat_free_context(mux->format);
    }
    free(mux);
}

/* What a buffered write ran into shows up here first. */
static int written(const struct md_mux *mux, int rc, struct md_failure *failure)
{
    if (rc >= 0 && mux->format->pb->error < 0)
        rc = mux->format->pb->error;
    return rc < 0 ? fail(rc, failure) : MD_OK;
}

int md_mux_write(struct md_mux *mux, enum md_mux_kind kind, AVPacket *packet,
                 struct md_failure *failure)
{
    AVStream *stream = kind == MD_MUX_VIDEO ? mux->video : mux->sound;
    av_packet_rescale_ts(packet, kind == MD_MUX_VIDEO ? mux->video_base : mux->sound_base,
                         stream->time_base);
    packet->stream_index = stream->index;
    return written(mux, av_interleaved_write_frame(mux->format, packet), failure);
}

/* One sample of timed text: length, then UTF-8. */
static int write_text(struct md_mux *mux, const struct md_cue *cue, AVPacket *packet)
{
    size_t n = strlen(cue->text);
    if (n > LONGEST_TEXT) {
        n = LONGEST_TEXT;
        while (n > 0 && ((unsigned char)cue->text[n] & 0xc0) == 0x80)
            n--;
    }
    int rc = av_new_packet(packet, (int)n + 2);
    if (rc < 0)
        return rc;
    AV_WB16(packet->data, n);
    memcpy(packet->data + 2, cue->text, n);
    packet->stream_index = mux->subtitles->index;
    packet->pts = packet->dts = cue->start_us;
    packet->duration = cue->end_us - cue->start_us;
    packet->flags |= AV_PKT_FLAG_KEY;
    av_packet_rescale_ts(packet, (AVRational){1, 1000000}, mux->subtitles->time_base);
    rc = av_write_frame(mux->format, packet);
    av_packet_unref(packet);
    return rc;
}

/* The muxer fills the gaps between cues with empty samples. */
static int write_cues(struct md_mux *mux, const struct md_cue_vec *cues)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return AVERROR(ENOMEM);
    int rc = 0;
    for (size_t i = 0; i < cues->n && rc >= 0; i++)
        rc = write_text(mux, &cues->v[i], packet);
    av_packet_free(&packet);
    return rc;
}

/* libavformat has no public call for this; the fields are public. */
static int add_chapters(AVFormatContext *format, const struct md_chapters *chapters)
{
    format->chapters = av_calloc(chapters->n + 1, sizeof *format->chapters);
    if (!format->chapters)
        return AVERROR(ENOMEM);
    for (size_t i = 0; i < chapters->n; i++) {
        AVChapter *chapter = av_mallocz(sizeof *chapter);
        if (!chapter)
            return AVERROR(ENOMEM);
        format->chapters[format->nb_chapters++] = chapter;
        chapter->id = (int64_t)i + 1;
        chapter->time_base = (AVRational){1, 1000000};
        chapter->start = chapters->v[i].start_us;
        chapter->end = chapters->v[i].end_us;
        if (chapters->v[i].title &&
            av_dict_set(&chapter->metadata, "title", chapters->v[i].title, 0) < 0)
            return AVERROR(ENOMEM);
    }
    return 0;
}

int md_mux_finish(struct md_mux *mux, const struct md_cue_vec *cues,
                  const struct md_chapters *chapters, struct md_failure *failure)
{
    int rc = av_interleaved_write_frame(mux->format, NULL);
    if (rc >= 0 && mux->subtitles && cues)
        rc = write_cues(mux, cues);
    if (rc >= 0 && chapters && chapters->n)
        rc = add_chapters(mux->format, chapters);
    if (rc >= 0)
        rc = av_write_trailer(mux->format);
    rc = written(mux, rc, failure);
    if (rc < 0)
        return rc;
    rc = avio_closep(&mux->format->pb);
    return rc < 0 ? fail(rc, failure) : MD_OK;
}
