/* Every join of a digest, measured in the decoded file: the frames on both sides are the right
 * ones, and the sound there belongs to them to within a few milliseconds, for every kind of file.
 * The movies' frames say their number and their sound says its time (make_movie.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <libavutil/mathematics.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "make_movie.h"
#include "run_render.h"

enum { MOST_PIECES = 256, EDGE = 500, COMPARED = 4800 };

struct span {
    int first, end; /* frames of the movie */
};

struct expectation {
    const struct make_movie *movie;
    const char *name; /* of the file: its ending chooses the container */
    struct span span[MOST_PIECES];
    int pieces;
    double most_delay_ms;  /* 0: 1 ms */
    int64_t most_stamp_us; /* containers round stamps; 0: 2 us */
    double least_match;    /* 0: 0.9 */
    int64_t early_us;      /* pieces are asked for this much before their frames */
    int reach;             /* samples searched each way; 0: 2400 */
};

static char folder[64];

static int set_up(void **state)
{
    strcpy(folder, "/tmp/md-joins-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    return getenv("KEEP") ? 0 : md_remove_tree(folder, NULL);
}

static char *in_folder(const char *name)
{
    char *path = md_path_join(folder, name);
    assert_non_null(path);
    return path;
}

/* Movie time of a frame: the first one's is 0. */
static int64_t frame_us(const struct make_movie *movie, int frame)
{
    AVRational base = movie->time_base.den ? movie->time_base : (AVRational){1, 25};
    int64_t stamp = movie->stamp ? movie->stamp(frame) : frame;
    int64_t first = movie->stamp ? movie->stamp(0) : 0;
    return av_rescale_q(stamp - first, base, (AVRational){1, 1000000});
}

static void check_frames(const struct expectation *e, const struct run_render *run,
                         const struct movie_content *content)
{
    int64_t at = 0, slack_us = e->most_stamp_us ? e->most_stamp_us : 2;
    for (int p = 0; p < e->pieces; p++) {
        const struct md_rendered_piece *piece = &run->render.pieces.v[p];
        struct span span = e->span[p];
        int64_t start_us = frame_us(e->movie, span.first);
        assert_int_equal(piece->video_frames, span.end - span.first);
        assert_true(llabs(piece->source_start_us - start_us) <= slack_us);
        assert_true(llabs(piece->source_end_us - frame_us(e->movie, span.end)) <= slack_us);
        assert_true(at + span.end - span.first <= content->frames);
        assert_true(llabs(content->pts_us[at] - piece->digest_start_us) <= 2);
        for (int f = span.first; f < span.end; f++, at++) {
            if (content->number[at] != f)
                fail_msg("%s: piece %d: frame %d where %d belongs", e->name, p, content->number[at],
                         f);
            int64_t offset_us = content->pts_us[at] - piece->digest_start_us;
            if (llabs(offset_us - (frame_us(e->movie, f) - start_us)) > 2 * slack_us + 2)
                fail_msg("%s: piece %d: frame %d is shown at %lld us of it", e->name, p, f,
                         (long long)offset_us);
        }
    }
    assert_int_equal(at, content->frames);
    /* With a variable frame rate and B-frames the track's own duration, which counts decoding
     * times, is no measure. */
    if (!e->movie->stamp && llabs(content->end_us - run->render.duration_us) > 2)
        fail_msg("%s: the picture ends at %lld us, not at %lld", e->name,
                 (long long)content->end_us, (long long)run->render.duration_us);
}

static void check_sound_at(const struct expectation *e, const struct movie_content *content, int p,
                           int64_t sample, double source_s)
{
    double to_s = e->movie->sound_to_s > 0 ? e->movie->sound_to_s : 1e9;
    if (source_s < e->movie->sound_from_s + 0.05 || source_s + COMPARED / 48000.0 > to_s - 0.05)
        return;
    double match;
    int delay =
        movie_sound_delay(content, sample, source_s, COMPARED, e->reach ? e->reach : 2400, &match);
    if (match < (e->least_match > 0 ? e->least_match : 0.9))
        fail_msg("%s: piece %d: the sound at %.3f s is not that of %.3f s (%.2f)", e->name, p,
                 (double)sample / 48000, source_s, match);
    if (fabs(delay / 48.0) > (e->most_delay_ms > 0 ? e->most_delay_ms : 1))
        fail_msg("%s: piece %d: the sound is %.2f ms late", e->name, p, delay / 48.0);
}

static void check_sound(const struct expectation *e, const struct run_render *run,
                        const struct movie_content *content)
{
    assert_true(content->has_sound);
    /* Ends with the picture, give or take an AAC frame. */
    assert_true(llabs(content->samples * 1000 / 48 - run->render.duration_us) < 22000);
    for (int p = 0; p < e->pieces; p++) {
        const struct md_rendered_piece *piece = &run->render.pieces.v[p];
        int64_t length_us = piece->source_end_us - piece->source_start_us;
        int64_t first = llrint((double)piece->digest_start_us * 0.048) + EDGE;
        int64_t last = first + llrint((double)length_us * 0.048) - 2 * EDGE - COMPARED;
        double source_s = (double)frame_us(e->movie, e->span[p].first) / 1e6;
        if (last < first)
            continue;
        check_sound_at(e, content, p, first, source_s + EDGE / 48000.0);
        check_sound_at(e, content, p, last, source_s + (double)(last - first + EDGE) / 48000.0);
    }
}

static void render(const struct expectation *e, struct run_render *run, const char *path)
{
    for (int p = 0; p < e->pieces; p++)
        run_render_piece(run, frame_us(e->movie, e->span[p].first) - e->early_us,
                         frame_us(e->movie, e->span[p].end) - e->early_us);
    if (run_render_go(run) < 0)
        fail_msg("%s: %s", path, run->failure.message);
    assert_int_equal(run->render.pieces.n, e->pieces);
    for (size_t i = 0; i < run->render.warnings.n; i++)
        if (!strstr(run->render.warnings.v[i], "poster"))
            fail_msg("%s: %s", path, run->render.warnings.v[i]);
}

static void check(struct expectation e)
{
    md_autofree char *path = in_folder(e.name);
    md_autofree char *out = in_folder("out");
    md_autofree char *digest = in_folder("out/digest.mp4");
    struct make_movie movie = *e.movie;
    movie.path = path;
    e.movie = &movie;
    make_movie(&movie);
    struct run_render run;
    run_render_init(&run, path, out);
    run.options.loudness_lufs = 0;
    render(&e, &run, path);
    struct movie_content content;
    movie_read(digest, &content);
    check_frames(&e, &run, &content);
    if (movie.sound)
        check_sound(&e, &run, &content);
    else
        assert_false(content.has_sound);
    movie_content_done(&content);
    run_render_done(&run);
}

/* Starts and ends that are no key frames, a piece at either end of the movie, and one that follows
 * its neighbour without a gap. */
#define USUAL_PIECES                                                                               \
    .pieces = 6, .span = {{0, 13}, {37, 71}, {75, 90}, {90, 118}, {131, 160}, {222, 250}}

static const struct make_movie plain = {
    .video = "libx264",
    .video_options = "preset=veryfast",
    .format = AV_PIX_FMT_YUV420P,
    .width = 192,
    .height = 128,
    .frames = 250,
    .b_frames = 3,
    .sound = "aac",
    .rate = 48000,
    .channels = 2,
};

static void h264_with_b_frames_in_mp4(void **state)
{
    check((struct expectation){.movie = &plain, .name = "plain.mp4", USUAL_PIECES});
}

static void open_groups_of_pictures(void **state)
{
    struct make_movie movie = plain;
    movie.video_options = "preset=veryfast:x264-params=open-gop=1\\:keyint=30\\:bframes=3";
    check((struct expectation){.movie = &movie, .name = "open.mp4", USUAL_PIECES});
    check((struct expectation){.movie = &movie,
                               .name = "open.mkv",
                               .most_stamp_us = 1000,
                               .early_us = 5000,
                               USUAL_PIECES});
    check((struct expectation){
        .movie = &movie, .name = "open.ts", .most_stamp_us = 20, .early_us = 5000, USUAL_PIECES});
}

static void intra_refresh_without_key_frames(void **state)
{
    struct make_movie movie = plain;
    movie.video_options = "preset=veryfast:x264-params=intra-refresh=1\\:keyint=30";
    movie.b_frames = 0;
    check((struct expectation){.movie = &movie,
                               .name = "refresh.ts",
                               .most_stamp_us = 20,
                               .early_us = 5000,
                               USUAL_PIECES});
}

static void ntsc_rate_with_44100_hz_in_matroska(void **state)
{
    struct make_movie movie = plain;
    movie.time_base = (AVRational){1001, 30000};
    movie.rate = 44100;
    check((struct expectation){.movie = &movie,
                               .name = "ntsc.mkv",
                               .most_stamp_us = 1000,
                               .early_us = 5000,
                               USUAL_PIECES});
    check((struct expectation){.movie = &movie, .name = "ntsc.mov", USUAL_PIECES});
}

static int64_t uneven(int frame)
{
    static const int steps[] = {3, 7, 4, 12, 2, 5, 9};
    int64_t stamp = 0;
    for (int i = 0; i < frame; i++)
        stamp += steps[i % 7] * 90;
    return stamp;
}

static void variable_frame_rate(void **state)
{
    struct make_movie movie = plain;
    movie.time_base = (AVRational){1, 15360};
    movie.stamp = uneven;
    check((struct expectation){.movie = &movie,
                               .name = "vfr.mp4",
                               .pieces = 4,
                               .span = {{0, 13}, {37, 71}, {75, 90}, {131, 249}}});
}

static void mpeg2_in_a_transport_stream_that_starts_late(void **state)
{
    struct make_movie movie = plain;
    movie.video = "mpeg2video";
    movie.video_options = NULL;
    movie.b_frames = 2;
    movie.gop = 15;
    movie.sound = "mp2";
    movie.mux_options = "mpegts_copyts=0:output_ts_offset=4321";
    check((struct expectation){
        .movie = &movie, .name = "late.ts", .most_stamp_us = 20, .early_us = 5000, USUAL_PIECES});
}

static void mpeg_program_stream(void **state)
{
    struct make_movie movie = plain;
    movie.video = "mpeg1video";
    movie.video_options = NULL;
    movie.b_frames = 2;
    movie.gop = 15;
    movie.sound = "mp2";
    check((struct expectation){
        .movie = &movie, .name = "old.mpg", .most_stamp_us = 20, .early_us = 5000, USUAL_PIECES});
}

/* AVI has no stamps: the delay of the MP3 encoder cannot be known. */
static void mpeg4_and_mp3_in_avi(void **state)
{
    struct make_movie movie = plain;
    movie.video = "mpeg4";
    movie.video_options = NULL;
    movie.b_frames = 2;
    movie.sound = "libmp3lame";
    movie.rate = 44100;
    check((struct expectation){
        .movie = &movie, .name = "old.avi", .most_delay_ms = 30, .early_us = 5000, USUAL_PIECES});
}

/* FFmpeg's own Matroska writer places Opus 6.5 ms early. */
static void ten_bit_hevc_and_opus(void **state)
{
    struct make_movie movie = plain;
    movie.video = "libx265";
    movie.video_options = "preset=ultrafast:x265-params=log-level=none\\:bframes=3";
    movie.format = AV_PIX_FMT_YUV420P10;
    movie.sound = "libopus";
    check((struct expectation){.movie = &movie,
                               .name = "ten.mkv",
                               .most_delay_ms = 8,
                               .most_stamp_us = 1000,
                               .early_us = 5000,
                               USUAL_PIECES});
}

static void vp8_and_vorbis_in_webm(void **state)
{
    struct make_movie movie = plain;
    movie.video = "libvpx";
    movie.video_options = "deadline=realtime:cpu-used=8";
    movie.b_frames = 0;
    movie.sound = "libvorbis";
    check((struct expectation){.movie = &movie,
                               .name = "web.webm",
                               .most_stamp_us = 1000,
                               .early_us = 5000,
                               USUAL_PIECES});
}

static void theora_in_ogg(void **state)
{
    struct make_movie movie = plain;
    movie.video = "libtheora";
    movie.video_options = NULL;
    movie.b_frames = 0;
    movie.sound = "libvorbis";
    check((struct expectation){
        .movie = &movie, .name = "old.ogv", .most_stamp_us = 20, .early_us = 5000, USUAL_PIECES});
}

static void windows_media(void **state)
{
    struct make_movie movie = plain;
    movie.video = "wmv2";
    movie.video_options = NULL;
    movie.b_frames = 0;
    movie.sound = "wmav2";
    check((struct expectation){.movie = &movie,
                               .name = "old.wmv",
                               .most_stamp_us = 1000,
                               .most_delay_ms = 30,
                               .early_us = 5000,
                               USUAL_PIECES});
}

static void a_stream_without_stamps_is_read_from_its_beginning(void **state)
{
    struct make_movie movie = plain;
    movie.sound = NULL;
    movie.b_frames = 0;
    check((struct expectation){
        .movie = &movie, .name = "raw.h264", .most_stamp_us = 20, .early_us = 5000, USUAL_PIECES});
}

static void odd_sizes_and_odd_pixels(void **state)
{
    struct make_movie movie = plain;
    movie.video = "ffv1";
    movie.video_options = NULL;
    movie.b_frames = 0;
    movie.width = 193;
    movie.height = 127;
    movie.sar = (AVRational){4, 3};
    movie.sound = NULL;
    check((struct expectation){
        .movie = &movie, .name = "odd.mkv", .most_stamp_us = 1000, .early_us = 5000, USUAL_PIECES});
}

static void interlaced_pictures(void **state)
{
    struct make_movie movie = plain;
    movie.video = "mpeg2video";
    movie.video_options = NULL;
    movie.b_frames = 2;
    movie.interlaced = true;
    movie.sound = "mp2";
    check((struct expectation){
        .movie = &movie, .name = "woven.ts", .most_stamp_us = 20, .early_us = 5000, USUAL_PIECES});
}

static void sound_that_begins_late_and_ends_early(void **state)
{
    struct make_movie movie = plain;
    movie.sound_from_s = 1.7;
    movie.sound_to_s = 9.1;
    check((struct expectation){.movie = &movie, .name = "partly.mp4", USUAL_PIECES});
    check((struct expectation){.movie = &movie,
                               .name = "partly.mkv",
                               .most_stamp_us = 1000,
                               .early_us = 5000,
                               USUAL_PIECES});
}

static void no_sound(void **state)
{
    struct make_movie movie = plain;
    movie.sound = NULL;
    check((struct expectation){.movie = &movie, .name = "mute.mp4", USUAL_PIECES});
}

/* 200 pieces of 5 frames at 30000/1001: with 8008 samples each to five pieces, any rounding that
 * adds up would show. */
static void nothing_drifts_over_two_hundred_pieces(void **state)
{
    struct make_movie movie = plain;
    movie.time_base = (AVRational){1001, 30000};
    movie.width = 96;
    movie.height = 64;
    movie.frames = 1620;
    struct expectation e = {.movie = &movie, .name = "long.mp4", .pieces = 200, .reach = 480};
    for (int i = 0; i < e.pieces; i++)
        e.span[i] = (struct span){8 * i + i % 3, 8 * i + 5 + i % 3};
    check(e);
}

static void append(const char *to, const char *from)
{
    md_autofree char *bytes = NULL;
    size_t n;
    assert_int_equal(md_file_read(from, 1 << 26, &bytes, &n, NULL), MD_OK);
    assert_int_equal(md_file_append(to, bytes, n, NULL), MD_OK);
}

/* A recording of 12 seconds three times in one file: the second second of the last part is there,
 * with its own sound, although its stamps are those of the first. */
static void joined_recordings_are_cut_where_they_are(void **state)
{
    md_autofree char *part = in_folder("part.ts");
    md_autofree char *joined = in_folder("joined.ts");
    md_autofree char *out = in_folder("out");
    md_autofree char *digest = in_folder("out/digest.mp4");
    struct make_movie movie = plain;
    movie.path = part;
    movie.frames = 300;
    movie.sound_to_s = 11.7;
    make_movie(&movie);
    for (int i = 0; i < 3; i++)
        append(joined, part);
    struct run_render run;
    run_render_init(&run, joined, out);
    run_render_piece(&run, 2000000, 3000000);
    run_render_piece(&run, 13000000, 14000000);
    run_render_piece(&run, 25000000, 26000000);
    run.options.loudness_lufs = 0;
    assert_int_equal(run_render_go(&run), MD_OK);
    assert_int_equal(run.render.pieces.n, 3);
    struct movie_content content;
    movie_read(digest, &content);
    for (int p = 0, at = 0; p < 3; at += (int)run.render.pieces.v[p].video_frames, p++) {
        int number = content.number[at], wanted = p ? 25 : 50;
        assert_true(abs(number - wanted) <= 2);
        int64_t sample = content.pts_us[at] * 48 / 1000 + EDGE;
        double match;
        int delay = movie_sound_delay(&content, sample, number / 25.0 + EDGE / 48000.0, COMPARED,
                                      4800, &match);
        if (match < 0.9 || abs(delay) > 48)
            fail_msg("part %d: %.2f ms, %.2f", p, delay / 48.0, match);
    }
    movie_content_done(&content);
    run_render_done(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_with_b_frames_in_mp4),
        cmocka_unit_test(open_groups_of_pictures),
        cmocka_unit_test(intra_refresh_without_key_frames),
        cmocka_unit_test(ntsc_rate_with_44100_hz_in_matroska),
        cmocka_unit_test(variable_frame_rate),
        cmocka_unit_test(mpeg2_in_a_transport_stream_that_starts_late),
        cmocka_unit_test(mpeg_program_stream),
        cmocka_unit_test(mpeg4_and_mp3_in_avi),
        cmocka_unit_test(ten_bit_hevc_and_opus),
        cmocka_unit_test(vp8_and_vorbis_in_webm),
        cmocka_unit_test(theora_in_ogg),
        cmocka_unit_test(windows_media),
        cmocka_unit_test(a_stream_without_stamps_is_read_from_its_beginning),
        cmocka_unit_test(odd_sizes_and_odd_pixels),
        cmocka_unit_test(interlaced_pictures),
        cmocka_unit_test(sound_that_begins_late_and_ends_early),
        cmocka_unit_test(no_sound),
        cmocka_unit_test(joined_recordings_are_cut_where_they_are),
        cmocka_unit_test(nothing_drifts_over_two_hundred_pieces),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
