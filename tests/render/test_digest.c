/* What a digest is besides its joins: shape, colours, names, chapters, subtitles, loudness; the
 * same bytes each time; nothing finished when it was interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "make_movie.h"
#include "media/compat.h"
#include "render/limiter.h"
#include "render/meter.h"
#include "run_render.h"

static char folder[64], movie_path[128], out[96], digest[128], part[128];

static int set_up(void **state)
{
    strcpy(folder, "/tmp/md-digest-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(digest, sizeof digest, "%s/digest.mp4", out);
    snprintf(part, sizeof part, "%s/digest.mp4.part", out);
    return 0;
}

static int tear_down(void **state)
{
    return getenv("KEEP") ? 0 : md_remove_tree(folder, NULL);
}

static const struct make_movie plain = {
    .video = "libx264",
    .video_options = "preset=veryfast",
    .format = AV_PIX_FMT_YUV420P,
    .width = 192,
    .height = 128,
    .frames = 150,
    .b_frames = 2,
    .sound = "aac",
    .rate = 48000,
    .channels = 2,
};

static void make(const struct make_movie *like, const char *name)
{
    struct make_movie movie = *like;
    snprintf(movie_path, sizeof movie_path, "%s/%s", folder, name);
    movie.path = movie_path;
    make_movie(&movie);
}

/* A run over the movie made last, with these pieces (seconds, ended by a negative start). */
static void init(struct run_render *run, const double (*pieces)[2])
{
    md_remove_tree(out, NULL);
    run_render_init(run, movie_path, out);
    for (; (*pieces)[0] >= 0; pieces++)
        run_render_piece(run, llrint((*pieces)[0] * 1e6), llrint((*pieces)[1] * 1e6));
}

static void go(struct run_render *run)
{
    if (run_render_go(run) < 0)
        fail_msg("%s", run->failure.message);
}

static const double two_pieces[][2] = {{1, 2.2}, {3, 4}, {-1, -1}};

/* ---- picture ---- */

struct file {
    AVFormatContext *format;
    const AVStream *video, *sound, *text;
};

static struct file open_digest(void)
{
    struct file file = {0};
    assert_int_equal(avformat_open_input(&file.format, digest, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(file.format, NULL) >= 0);
    for (unsigned i = 0; i < file.format->nb_streams; i++) {
        const AVStream *stream = file.format->streams[i];
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
            file.video = stream;
        else if (stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            file.sound = stream;
        else if (stream->codecpar->codec_id == AV_CODEC_ID_MOV_TEXT)
            file.text = stream;
    }
    return file;
}

static void shape_rotation_and_colours_are_kept(void **state)
{
    struct make_movie movie = plain;
    movie.rotation = 90;
    movie.sar = (AVRational){16, 11};
    movie.primaries = AVCOL_PRI_SMPTE170M;
    movie.transfer = AVCOL_TRC_SMPTE170M;
    movie.matrix = AVCOL_SPC_SMPTE170M;
    make(&movie, "turned.mp4");
    struct run_render run;
    init(&run, two_pieces);
    go(&run);
    struct file file = open_digest();
    const AVCodecParameters *p = file.video->codecpar;
    assert_int_equal(p->width, 192);
    assert_int_equal(p->height, 128);
    assert_int_equal(p->format, AV_PIX_FMT_YUV420P);
    assert_int_equal(p->sample_aspect_ratio.num, 16);
    assert_int_equal(p->sample_aspect_ratio.den, 11);
    assert_int_equal(p->color_primaries, AVCOL_PRI_SMPTE170M);
    assert_int_equal(p->color_trc, AVCOL_TRC_SMPTE170M);
    assert_int_equal(p->color_space, AVCOL_SPC_SMPTE170M);
    assert_int_equal(p->color_range, AVCOL_RANGE_MPEG);
    const uint8_t *matrix = md_av_stream_side_data(file.video, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    assert_non_null(matrix);
    assert_int_equal(run.media.streams.v[0].rotation, 90);
    assert_int_equal(llrint(av_display_rotation_get((const int32_t *)matrix)), -90);
    avformat_close_input(&file.format);
    run_render_done(&run);
}

/* Mean of a plane of the digest's first frame over its right lower half. */
static double plane_mean(int plane)
{
    struct file file = open_digest();
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    assert_int_equal(avcodec_parameters_to_context(decoder, file.video->codecpar), 0);
    assert_int_equal(avcodec_open2(decoder, codec, NULL), 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    bool got = false;
    while (!got && av_read_frame(file.format, packet) >= 0) {
        if (packet->stream_index == file.video->index)
            assert_int_equal(avcodec_send_packet(decoder, packet), 0);
        av_packet_unref(packet);
        got = avcodec_receive_frame(decoder, frame) == 0;
    }
    assert_true(got);
    int width = plane ? frame->width / 2 : frame->width;
    int height = plane ? frame->height / 2 : frame->height;
    double sum = 0;
    for (int y = height / 2; y < height; y++)
        for (int x = width / 2; x < width; x++)
            sum += frame->data[plane][(ptrdiff_t)y * frame->linesize[plane] + x];
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    avformat_close_input(&file.format);
    return sum / (width - width / 2) / (height - height / 2);
}

static void full_range_stays_full_range(void **state)
{
    double means[2];
    for (int full = 0; full < 2; full++) {
        struct make_movie movie = plain;
        movie.full_range = full;
        movie.format = full ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P;
        make(&movie, "range.mp4");
        struct run_render run;
        init(&run, two_pieces);
        go(&run);
        struct file file = open_digest();
        bool is_full = file.video->codecpar->color_range == AVCOL_RANGE_JPEG;
        assert_int_equal(is_full, full);
        avformat_close_input(&file.format);
        means[full] = plane_mean(0);
        run_render_done(&run);
    }
    assert_true(fabs(means[0] - means[1]) < 1); /* the samples themselves are not touched */
}

static void deep_and_odd_pictures_become_eight_bits_and_even(void **state)
{
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10,
                                                 AV_PIX_FMT_YUV444P};
    for (size_t i = 0; i < MD_ARRAY_LEN(formats); i++) {
        struct make_movie movie = plain;
        movie.video = "ffv1";
        movie.video_options = NULL;
        movie.b_frames = 0;
        movie.format = formats[i];
        movie.width = 193;
        movie.height = 127;
        movie.sound = NULL;
        make(&movie, "odd.mkv");
        struct run_render run;
        init(&run, two_pieces);
        go(&run);
        struct file file = open_digest();
        assert_int_equal(file.video->codecpar->format, AV_PIX_FMT_YUV420P);
        assert_int_equal(file.video->codecpar->width, 194);
        assert_int_equal(file.video->codecpar->height, 128);
        avformat_close_input(&file.format);
        double u = plane_mean(1), v = plane_mean(2);
        assert_true(fabs(u - 148) < 2 && fabs(v - 108) < 2);
        run_render_done(&run);
    }
}

static void a_lower_picture_can_be_asked_for(void **state)
{
    make(&plain, "tall.mp4");
    struct run_render run;
    init(&run, two_pieces);
    run.options.max_height = 64;
    go(&run);
    struct movie_content content;
    movie_read(digest, &content);
    assert_int_equal(content.width, 96);
    assert_int_equal(content.height, 64);
    assert_int_equal(content.number[0], 25);
    movie_content_done(&content);
    run_render_done(&run);
}

static void hdr_is_brought_to_sdr(void **state)
{
    if (!avfilter_get_by_name("zscale") || !avfilter_get_by_name("tonemap")) {
        print_message("this FFmpeg has no zscale or tonemap\n");
        skip();
    }
    struct make_movie movie = plain;
    movie.video = "libx265";
    movie.video_options = "preset=ultrafast:x265-params=log-level=none";
    movie.format = AV_PIX_FMT_YUV420P10;
    movie.primaries = AVCOL_PRI_BT2020;
    movie.transfer = AVCOL_TRC_SMPTE2084;
    movie.matrix = AVCOL_SPC_BT2020_NCL;
    make(&movie, "hdr.mkv");
    struct run_render run;
    init(&run, two_pieces);
    go(&run);
    struct file file = open_digest();
    assert_int_equal(file.video->codecpar->color_primaries, AVCOL_PRI_BT709);
    assert_int_equal(file.video->codecpar->color_trc, AVCOL_TRC_BT709);
    assert_int_equal(file.video->codecpar->color_space, AVCOL_SPC_BT709);
    avformat_close_input(&file.format);
    assert_non_null(strstr(run.render.video_encoding, "SDR"));
    /* The counter's black and white are still told apart. */
    struct movie_content content;
    movie_read(digest, &content);
    assert_int_equal(content.number[0], 25);
    movie_content_done(&content);
    run_render_done(&run);
}

/* ---- names, chapters, subtitles ---- */

static const char *tag(const AVDictionary *dict, const char *key)
{
    const AVDictionaryEntry *entry = av_dict_get(dict, key, NULL, 0);
    return entry ? entry->value : "";
}

static void give_story(struct run_render *run, struct md_segment *segments,
                       struct md_transcript *transcript, struct md_cue *cues)
{
    segments[0].title = (char *)"The <first> \"act\"";
    segments[1].title = (char *)"Zweiter Akt \xc3\xbc";
    run->no_story.segments.v = segments;
    run->no_story.segments.n = 2;
    run->cut.pieces.v[1].segment = 1;
    cues[0] = (struct md_cue){.start_us = 500000, .end_us = 1500000, .text = (char *)"Early"};
    cues[1] = (struct md_cue){.start_us = 2000000, .end_us = 3500000, .text = (char *)"Over\nit"};
    transcript->cues.v = cues;
    transcript->cues.n = 2;
    transcript->language = (char *)"de";
    run->in.transcript = transcript;
}

static void check_text(AVFormatContext *format, const AVStream *text)
{
    static const struct {
        double start_s, end_s;
        const char *text;
    } wanted[] = {{0, 0.5, "Early"}, {0.5, 1, ""}, {1, 1.7, "Over\nit"}};
    AVPacket *packet = av_packet_alloc();
    size_t n = 0;
    while (av_read_frame(format, packet) >= 0) {
        /* The muxer may begin with an empty sample of no duration. */
        bool nothing = packet->pts == 0 && packet->size == 2;
        if (packet->stream_index == text->index && !nothing && n < MD_ARRAY_LEN(wanted)) {
            size_t length = strlen(wanted[n].text);
            double start_s = (double)packet->pts * av_q2d(text->time_base);
            assert_true(fabs(start_s - wanted[n].start_s) < 0.001);
            assert_int_equal(packet->size, length + 2);
            assert_memory_equal(packet->data + 2, wanted[n].text, length);
            n++;
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    assert_int_equal(n, MD_ARRAY_LEN(wanted));
}

static void title_chapters_languages_and_subtitles_are_in_the_file(void **state)
{
    make(&plain, "Some: film's \"name\" -x.mp4");
    struct run_render run;
    init(&run, two_pieces);
    struct md_segment segments[2] = {0};
    struct md_transcript transcript = {0};
    struct md_cue cues[2];
    give_story(&run, segments, &transcript, cues);
    assert_int_equal(run_render_probe(&run), MD_OK);
    for (size_t i = 0; i < run.media.streams.n; i++)
        if (run.media.streams.v[i].kind == MD_STREAM_AUDIO)
            run.media.streams.v[i].language = strdup("fr");
    go(&run);
    struct file file = open_digest();
    assert_string_equal(tag(file.format->metadata, "title"), "Some: film's \"name\" -x (digest)");
    assert_string_equal(tag(file.format->metadata, "creation_time"), "");
    assert_string_equal(tag(file.format->metadata, "encoder"), "");
    assert_int_equal(file.format->nb_chapters, 2);
    assert_string_equal(tag(file.format->chapters[0]->metadata, "title"), "The <first> \"act\"");
    assert_string_equal(tag(file.format->chapters[1]->metadata, "title"), "Zweiter Akt \xc3\xbc");
    const AVChapter *second = file.format->chapters[1];
    assert_int_equal(av_rescale_q(second->start, second->time_base, (AVRational){1, 1000}), 1200);
    assert_string_equal(tag(file.sound->metadata, "language"), "fra");
    assert_non_null(file.text);
    assert_string_equal(tag(file.text->metadata, "language"), "deu");
    check_text(file.format, file.text);
    avformat_close_input(&file.format);
    run_render_done(&run);
}

/* ---- sound ---- */

static double one_tone(double time_s)
{
    return 0.3 * sin(2 * M_PI * 333.3 * time_s);
}

/* A jump in a wave shows in its second difference, which for a tone of 333 Hz is tiny. */
static void joins_do_not_click(void **state)
{
    static const double pieces[][2] = {
        {0.4, 1.24}, {1.52, 2.2}, {2.2, 3.16}, {3.88, 5.04}, {-1, -1}};
    struct make_movie movie = plain;
    movie.signal = one_tone;
    movie.sound_options = NULL;
    make(&movie, "tone.mp4");
    struct run_render run;
    init(&run, pieces);
    go(&run);
    struct movie_content content;
    movie_read(digest, &content);
    double usual = 0, worst = 0;
    for (int64_t i = 2000; i + 2000 < content.samples; i++) {
        const float *x = content.left + i;
        double bend = fabs((double)x[-1] - 2 * (double)x[0] + (double)x[1]);
        int64_t near = INT64_MAX;
        for (size_t p = 1; p < run.render.pieces.n; p++) {
            int64_t join = llrint((double)run.render.pieces.v[p].digest_start_us * 0.048);
            near = MD_MIN(near, llabs(i - join));
        }
        if (near < 1500)
            worst = fmax(worst, bend);
        else
            usual = fmax(usual, bend);
    }
    /* The fade itself bends the wave a little; a hard cut at a peak gives a hundred times this. */
    if (worst > 1.6 * usual)
        fail_msg("second difference %.5f at joins, %.5f elsewhere", worst, usual);
    /* Fades are there where something was left out, and only there. */
    for (size_t p = 1; p < run.render.pieces.n; p++) {
        int64_t join = llrint((double)run.render.pieces.v[p].digest_start_us * 0.048);
        double most = 0;
        for (int64_t i = join - 24; i < join + 24; i++)
            most = fmax(most, fabs(content.left[i]));
        assert_true(p == 2 || most < 0.02);
    }
    movie_content_done(&content);
    run_render_done(&run);
}

static double measured_lufs(const struct movie_content *content, double *ret_peak_db)
{
    struct md_meter meter = {0};
    assert_int_equal(md_meter_add(&meter, content->left, content->right, (size_t)content->samples),
                     MD_OK);
    double lufs = md_meter_integrated(meter.steps.v, NULL, meter.steps.n);
    md_meter_done(&meter);
    *ret_peak_db = 20 * log10(fmaxf(md_true_peak(content->left, (size_t)content->samples),
                                    md_true_peak(content->right, (size_t)content->samples)));
    return lufs;
}

/* Quiet, then loud, with short peaks: what a limiter is for. */
static double dynamic(double time_s)
{
    double level = time_s < 2.5 ? 0.1 : 0.5;
    bool burst = fmod(time_s, 0.5) < 0.02;
    return level * movie_signal(time_s) * (burst ? 2.5 : 1);
}

static void the_digest_has_the_wanted_loudness_and_no_peaks(void **state)
{
    static const double pieces[][2] = {{0.4, 2.2}, {3, 5.2}, {-1, -1}};
    static const double targets[] = {-14, -18, -27};
    struct make_movie movie = plain;
    movie.signal = dynamic;
    movie.video_options = "preset=ultrafast";
    make(&movie, "dynamic.mov");
    for (size_t i = 0; i < MD_ARRAY_LEN(targets); i++) {
        struct run_render run;
        init(&run, pieces);
        run.options.loudness_lufs = targets[i];
        go(&run);
        struct movie_content content;
        movie_read(digest, &content);
        double peak_db, lufs = measured_lufs(&content, &peak_db);
        if (fabs(lufs - targets[i]) > 0.5 || fabs(lufs - run.render.loudness_lufs) > 0.3)
            fail_msg("%.2f LUFS, said to be %.2f, for %.0f", lufs, run.render.loudness_lufs,
                     targets[i]);
        if (peak_db > -1)
            fail_msg("%.2f dBTP", peak_db);
        movie_content_done(&content);
        run_render_done(&run);
    }
}

static double hush(double time_s)
{
    return 0.001 * movie_signal(time_s);
}

static void silence_is_not_blown_up(void **state)
{
    struct make_movie movie = plain;
    movie.signal = hush;
    make(&movie, "hush.mov");
    struct run_render run;
    init(&run, two_pieces);
    go(&run);
    assert_true(run.render.loudness_lufs < -60);
    run_render_done(&run);
}

static void surround_becomes_stereo_with_its_dialogue(void **state)
{
    struct make_movie movie = plain;
    movie.sound = "ac3";
    movie.channels = 6;
    movie.centre_only = true;
    make(&movie, "surround.mkv");
    struct run_render run;
    init(&run, two_pieces);
    run.options.loudness_lufs = 0;
    go(&run);
    struct movie_content content;
    movie_read(digest, &content);
    double match;
    int delay = movie_sound_delay(&content, 4000, 1 + 4000 / 48000.0, 4800, 480, &match);
    assert_true(match > 0.95 && abs(delay) < 96);
    double own = 0, wanted = 0;
    for (int i = 4000; i < 40000; i++) {
        assert_true(fabsf(content.left[i] - content.right[i]) < 0.01);
        own += (double)content.left[i] * content.left[i];
        wanted += pow(movie_signal(1 + i / 48000.0), 2);
    }
    assert_true(fabs(10 * log10(own / wanted)) < 1); /* the centre comes through at its own level */
    movie_content_done(&content);
    run_render_done(&run);
}

static void sound_alone_makes_a_digest_of_sound(void **state)
{
    struct make_movie movie = {
        .sound = "flac", .rate = 44100, .channels = 1, .duration_s = 6, .sound_to_s = 6};
    make(&movie, "radio.flac");
    struct run_render run;
    init(&run, two_pieces);
    struct md_stream stream = {.kind = MD_STREAM_AUDIO, .decodable = true};
    run.media.video_stream = -1; /* the probe refuses films without a picture */
    assert_int_equal(md_vec_push(&run.media.streams, stream), MD_OK);
    run.options.loudness_lufs = 0;
    go(&run);
    struct movie_content content;
    movie_read(digest, &content);
    assert_false(content.has_video);
    assert_null(run.render.video_encoding);
    assert_int_equal(run.render.duration_us, 2200000);
    assert_true(llabs(content.samples - 105600) < 1024);
    double match;
    int delay = movie_sound_delay(&content, 1000, 1 + 1000 / 48000.0, 4800, 480, &match);
    assert_true(match > 0.95 && abs(delay) < 48);
    delay = movie_sound_delay(&content, 57600 + 1000, 3 + 1000 / 48000.0, 4800, 480, &match);
    assert_true(match > 0.95 && abs(delay) < 48);
    movie_content_done(&content);
    run_render_done(&run);
}

/* ---- odd movies ---- */

static int64_t slides(int frame)
{
    return frame * 4;
}

static void a_still_is_cut_where_the_piece_is(void **state)
{
    static const double pieces[][2] = {{5, 7}, {8.5, 9.25}, {-1, -1}};
    struct make_movie movie = plain;
    movie.time_base = (AVRational){1, 1};
    movie.stamp = slides;
    movie.frames = 5;
    movie.sound = NULL;
    movie.b_frames = 0;
    make(&movie, "slides.mkv");
    struct run_render run;
    init(&run, pieces);
    go(&run);
    assert_int_equal(run.render.pieces.n, 2);
    assert_int_equal(run.render.duration_us, 2750000);
    struct movie_content content;
    movie_read(digest, &content);
    assert_int_equal(content.frames, 2);
    assert_int_equal(content.number[0], 1);
    assert_int_equal(content.number[1], 2);
    assert_int_equal(content.pts_us[1], 2000000);
    movie_content_done(&content);
    run_render_done(&run);
}

static void what_lies_behind_the_end_is_left_out_and_said(void **state)
{
    static const double pieces[][2] = {{1, 2}, {5, 7}, {20, 22}, {-1, -1}};
    make(&plain, "short.mkv");
    struct run_render run;
    init(&run, pieces);
    go(&run);
    assert_int_equal(run.render.pieces.n, 2);
    assert_int_equal(run.render.pieces.v[1].source_end_us, 6000000);
    assert_int_equal(run.render.warnings.n, 1);
    assert_non_null(strstr(run.render.warnings.v[0], "0:20"));
    run_render_done(&run);
    init(&run, pieces + 2);
    assert_int_equal(run_render_go(&run), MD_ERR_INPUT);
    assert_int_equal(access(digest, F_OK), -1);
    assert_int_equal(access(part, F_OK), -1);
    run_render_done(&run);
}

static void overwrite(const char *path, double from, double to)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, (long)((double)size * from), SEEK_SET);
    uint32_t random = 3;
    for (long i = (long)((double)size * from); i < (long)((double)size * to); i++) {
        random = random * 1664525u + 1013904223u;
        fputc((int)(random >> 24), file);
    }
    fclose(file);
}

static void damage_costs_only_what_it_hit(void **state)
{
    static const char *const names[] = {"broken.ts", "broken.mkv", "broken.mpg"};
    static const double pieces[][2] = {{0.2, 1.2}, {2.6, 3.4}, {4.8, 5.8}, {-1, -1}};
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++) {
        struct make_movie movie = plain;
        movie.video = i == 2 ? "mpeg2video" : "libx264";
        movie.video_options = NULL;
        movie.sound = "mp2";
        movie.gop = 10;
        make(&movie, names[i]);
        overwrite(movie_path, 0.40, 0.62);
        struct run_render run;
        init(&run, pieces);
        go(&run);
        assert_true(run.render.pieces.n >= 2);
        struct movie_content content;
        movie_read(digest, &content);
        assert_int_equal(content.number[0], 5);
        /* The last piece is whole again. */
        const struct md_rendered_piece *last = &run.render.pieces.v[run.render.pieces.n - 1];
        assert_int_equal(last->video_frames, 25);
        assert_int_equal(content.number[content.frames - 1], 144);
        int64_t sample = llrint((double)last->digest_start_us * 0.048) + 1000;
        double match;
        int delay = movie_sound_delay(&content, sample, 4.8 + 1000 / 48000.0, 4800, 480, &match);
        assert_true(match > 0.9 && abs(delay) < 96);
        movie_content_done(&content);
        run_render_done(&run);
    }
}

/* ---- same bytes, nothing half done ---- */

static uint64_t hash_digest(void)
{
    char *bytes;
    size_t n;
    assert_int_equal(md_file_read(digest, 1 << 26, &bytes, &n, NULL), MD_OK);
    uint64_t hash = md_hash(MD_HASH_START, bytes, n);
    free(bytes);
    return hash;
}

static void the_same_bytes_whatever_the_number_of_threads(void **state)
{
    struct make_movie movie = plain;
    movie.width = 640;
    movie.height = 360;
    movie.format = AV_PIX_FMT_YUV420P10;
    make(&movie, "same.mkv");
    uint64_t hashes[4];
    for (int i = 0; i < 4; i++) {
        struct run_render run;
        init(&run, two_pieces);
        run.options.max_height = 200;
        run.threads = 1 + i % 3 * 2;
        go(&run);
        hashes[i] = hash_digest();
        run_render_done(&run);
        assert_true(hashes[i] == hashes[0]);
    }
}

struct stop {
    int calls, after;
};

static bool stop_after(void *user)
{
    struct stop *stop = user;
    return ++stop->calls > stop->after;
}

static void a_cancelled_render_leaves_nothing(void **state)
{
    make(&plain, "stop.mkv");
    struct run_render run;
    init(&run, two_pieces);
    assert_int_equal(run_render_probe(&run), MD_OK);
    struct stop stop = {.after = 1 << 30};
    run.cancelled = stop_after;
    run.user = &stop;
    go(&run);
    int calls = stop.calls, cancelled = 0;
    assert_true(calls > 200);
    for (int after = 0; after < calls; after += MD_MAX(after / 9, 1)) {
        md_remove_tree(out, NULL);
        stop = (struct stop){.after = after};
        int rc = run_render_go(&run);
        /* What comes after the video may be ready by then. */
        if (rc == MD_OK)
            continue;
        assert_int_equal(rc, MD_ERR_CANCELLED);
        assert_int_equal(access(part, F_OK), -1);
        cancelled++;
    }
    assert_true(cancelled > 20);
    run_render_done(&run);
}

struct seen {
    int64_t last_us, total_us;
    bool falls;
};

static void see(void *user, int64_t done_us, int64_t total_us)
{
    struct seen *seen = user;
    seen->falls |= done_us < seen->last_us || done_us > total_us;
    seen->last_us = done_us;
    seen->total_us = total_us;
}

static void progress_goes_up_to_the_whole(void **state)
{
    make(&plain, "bar.mkv");
    struct run_render run;
    init(&run, two_pieces);
    assert_int_equal(run_render_probe(&run), MD_OK);
    struct seen seen = {0};
    run.progress = see;
    run.user = &seen;
    go(&run);
    assert_false(seen.falls);
    assert_int_equal(seen.total_us, 2200000);
    assert_int_equal(seen.last_us, seen.total_us);
    run_render_done(&run);
}

static void a_full_disk_is_said_and_leaves_nothing(void **state)
{
    make(&plain, "full.mkv");
    struct run_render run;
    init(&run, two_pieces);
    assert_int_equal(md_mkdir_p(out, NULL), MD_OK);
    assert_int_equal(symlink("/dev/full", part), 0);
    assert_int_equal(run_render_go(&run), MD_ERR_NOSPACE);
    assert_non_null(strstr(run.failure.message, "digest.mp4"));
    assert_non_null(strstr(run.failure.message, "No space left"));
    assert_int_equal(access(digest, F_OK), -1);
    struct stat st;
    assert_int_equal(lstat(part, &st), -1);
    run_render_done(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_rotation_and_colours_are_kept),
        cmocka_unit_test(full_range_stays_full_range),
        cmocka_unit_test(deep_and_odd_pictures_become_eight_bits_and_even),
        cmocka_unit_test(a_lower_picture_can_be_asked_for),
        cmocka_unit_test(hdr_is_brought_to_sdr),
        cmocka_unit_test(title_chapters_languages_and_subtitles_are_in_the_file),
        cmocka_unit_test(joins_do_not_click),
        cmocka_unit_test(the_digest_has_the_wanted_loudness_and_no_peaks),
        cmocka_unit_test(silence_is_not_blown_up),
        cmocka_unit_test(surround_becomes_stereo_with_its_dialogue),
        cmocka_unit_test(sound_alone_makes_a_digest_of_sound),
        cmocka_unit_test(a_still_is_cut_where_the_piece_is),
        cmocka_unit_test(what_lies_behind_the_end_is_left_out_and_said),
        cmocka_unit_test(damage_costs_only_what_it_hit),
        cmocka_unit_test(the_same_bytes_whatever_the_number_of_threads),
        cmocka_unit_test(a_cancelled_render_leaves_nothing),
        cmocka_unit_test(progress_goes_up_to_the_whole),
        cmocka_unit_test(a_full_disk_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
