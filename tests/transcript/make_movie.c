#include "make_movie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { RATE = 8000 };

static AVStream *add_sound(AVFormatContext *mux)
{
    AVStream *stream = avformat_new_stream(mux, NULL);
    assert_non_null(stream);
    stream->codecpar->codec_type = AVMEDIA_TYPE_AUDIO;
    stream->codecpar->codec_id = AV_CODEC_ID_PCM_S16LE;
    stream->codecpar->sample_rate = RATE;
    stream->codecpar->format = AV_SAMPLE_FMT_S16;
    stream->codecpar->bits_per_coded_sample = 16;
    av_channel_layout_default(&stream->codecpar->ch_layout, 1);
    stream->time_base = (AVRational){1, RATE};
    return stream;
}

static void add_subtitles(AVFormatContext *mux, const struct make_stream *from)
{
    static const char ass_header[] =
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";
    AVStream *stream = avformat_new_stream(mux, NULL);
    assert_non_null(stream);
    stream->codecpar->codec_type = AVMEDIA_TYPE_SUBTITLE;
    stream->codecpar->codec_id = from->codec;
    stream->time_base = (AVRational){1, 1000};
    stream->disposition = from->disposition;
    if (from->language)
        av_dict_set(&stream->metadata, "language", from->language, 0);
    if (from->title)
        av_dict_set(&stream->metadata, "title", from->title, 0);
    if (from->codec == AV_CODEC_ID_ASS) {
        stream->codecpar->extradata = av_mallocz(sizeof ass_header + AV_INPUT_BUFFER_PADDING_SIZE);
        assert_non_null(stream->codecpar->extradata);
        memcpy(stream->codecpar->extradata, ass_header, sizeof ass_header - 1);
        stream->codecpar->extradata_size = sizeof ass_header - 1;
    }
}

static void write_packet(AVFormatContext *mux, int stream, int64_t pts, int64_t duration,
                         AVRational base, const char *data, size_t n)
{
    AVPacket *packet = av_packet_alloc();
    assert_non_null(packet);
    assert_int_equal(av_new_packet(packet, (int)n), 0);
    memcpy(packet->data, data, n);
    packet->stream_index = stream;
    packet->pts = packet->dts = pts;
    packet->duration = duration;
    packet->flags = AV_PKT_FLAG_KEY;
    av_packet_rescale_ts(packet, base, mux->streams[stream]->time_base);
    assert_int_equal(av_interleaved_write_frame(mux, packet), 0);
    av_packet_free(&packet);
}

static void write_cue(AVFormatContext *mux, int stream, enum AVCodecID codec,
                      const struct make_cue *cue)
{
    size_t n = cue->n ? cue->n : strlen(cue->text), head = codec == AV_CODEC_ID_MOV_TEXT ? 2 : 0;
    char *data = malloc(n + head);
    assert_non_null(data);
    if (head) {
        data[0] = (char)(n >> 8);
        data[1] = (char)n;
    }
    memcpy(data + head, cue->text, n);
    write_packet(mux, stream, cue->start_ms, cue->end_ms - cue->start_ms, (AVRational){1, 1000},
                 data, n + head);
    free(data);
}

void make_movie(const char *path, const char *muxer, int seconds, const struct make_stream *streams,
                size_t n)
{
    AVFormatContext *mux = NULL;
    assert_true(avformat_alloc_output_context2(&mux, NULL, muxer, path) >= 0);
    add_sound(mux);
    for (size_t i = 0; i < n; i++)
        add_subtitles(mux, &streams[i]);
    assert_true(avio_open(&mux->pb, path, AVIO_FLAG_WRITE) >= 0);
    assert_true(avformat_write_header(mux, NULL) >= 0);
    static const char silence[RATE * 2];
    for (int second = 0; second < seconds; second++) {
        write_packet(mux, 0, second, 1, (AVRational){1, 1}, silence, sizeof silence);
        for (size_t i = 0; i < n; i++)
            for (const struct make_cue *cue = streams[i].cues; cue->text; cue++)
                if (cue->start_ms / 1000 == second)
                    write_cue(mux, (int)i + 1, streams[i].codec, cue);
    }
    assert_int_equal(av_write_trailer(mux), 0);
    avio_closep(&mux->pb);
    avformat_free_context(mux);
}

char *make_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/moviedigest-test-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

void make_file(const char *folder, const char *name, const char *bytes, size_t n)
{
    md_autofree char *path = md_path_join(folder, name);
    assert_non_null(path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(md_mkdir_p(path, NULL), MD_OK);
    *slash = '/';
    assert_int_equal(md_file_write_atomic(path, bytes, n, NULL), MD_OK);
}
