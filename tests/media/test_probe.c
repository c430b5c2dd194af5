/* The probe tells the truth about movies, whatever their headers claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "make_media.h"
#include "media/probe_timing.h"
#include "model/artifact.h"
#include "model/stage.h"

#define PICTURE(seconds) "-f lavfi -i testsrc2=s=64x48:r=25:d=" #seconds " "
#define TONE(seconds)    "-f lavfi -i sine=f=440:r=48000:d=" #seconds " "

static const struct md_stream *video_of(const struct md_media *media)
{
    return md_media_stream(media, media->video_stream);
}

static void assert_near(int64_t value, int64_t expected, int64_t tolerance)
{
    if (llabs(value - expected) > tolerance)
        fail_msg("%lld is not within %lld of %lld", (long long)value, (long long)tolerance,
                 (long long)expected);
}

static void a_plain_movie_is_described_exactly(void **state)
{
    run_ffmpeg(PICTURE(2) TONE(2) "-c:v mpeg4 -c:a aac -ac 2 -metadata title='A plain movie' "
                                  "-metadata:s:a language=ger plain.mp4");
    struct md_media m = probed("plain.mp4", NULL);
    assert_string_equal(m.name, "plain.mp4");
    assert_string_equal(m.title, "A plain movie");
    assert_int_equal(strncmp(m.uri, "file:///", 8), 0);
    assert_int_equal(m.duration_us, 2000000);
    assert_false(m.duration_estimated);
    assert_int_equal(m.frame_count, 50);
    assert_int_equal(m.warnings.n, 0);
    const struct md_stream *v = video_of(&m);
    assert_string_equal(v->codec, "mpeg4");
    assert_int_equal(v->width, 64);
    assert_int_equal(v->height, 48);
    assert_int_equal(v->fps_num, 25);
    assert_int_equal(v->fps_den, 1);
    assert_int_equal(v->bit_depth, 8);
    assert_int_equal(v->rotation, 0);
    assert_int_equal(v->hdr, MD_HDR_NONE);
    assert_false(v->variable_frame_rate || v->interlaced);
    const struct md_stream *a = md_media_stream(&m, m.audio_stream);
    assert_string_equal(a->codec, "aac");
    assert_string_equal(a->language, "ger");
    assert_string_equal(a->channel_layout, "stereo");
    assert_int_equal(a->sample_rate, 48000);
    media_done(&m);
}

static void frame_rates_are_measured_and_variable_ones_noticed(void **state)
{
    static const struct {
        const char *arguments, *name;
        int64_t num, den;
        bool variable;
    } rows[] = {
        {"-f lavfi -i testsrc2=s=64x48:r=24000/1001:d=4 -c:v mpeg4 ntsc.mkv", "ntsc.mkv", 24000,
         1001, false},
        {"-f lavfi -i testsrc2=s=64x48:r=24:d=4 -c:v mpeg4 film.mkv", "film.mkv", 24, 1, false},
        {"-f lavfi -i testsrc2=s=64x48:r=50:d=2 -c:v mpeg2video -bf 2 p50.ts", "p50.ts", 50, 1,
         false},
        {"-f lavfi -i testsrc2=s=64x48:r=30:d=4 -vf \"select='lt(n,50)+not(mod(n,3))'\" "
         "-vsync vfr -c:v mpeg4 vfr.mp4",
         "vfr.mp4", 0, 0, true},
        {"-f lavfi -i testsrc2=s=64x48:r=30:d=4 -vf \"select='lt(n,50)+not(mod(n,3))'\" "
         "-vsync vfr -c:v mpeg4 vfr.mkv",
         "vfr.mkv", 0, 0, true},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        run_ffmpeg(rows[i].arguments);
        struct md_media m = probed(rows[i].name, NULL);
        const struct md_stream *v = video_of(&m);
        assert_int_equal(v->variable_frame_rate, rows[i].variable);
        if (!rows[i].variable) {
            assert_int_equal(v->fps_num, rows[i].num);
            assert_int_equal(v->fps_den, rows[i].den);
        } else {
            assert_int_equal(m.frame_count, 73);
        }
        media_done(&m);
    }
}

static void pictures_of_every_kind_are_recognised(void **state)
{
    run_ffmpeg(PICTURE(1) "-c:v ffv1 -pix_fmt yuv420p10le -color_trc smpte2084 "
                          "-color_primaries bt2020 -colorspace bt2020nc pq.mkv");
    run_ffmpeg(PICTURE(1) "-c:v ffv1 -pix_fmt yuv420p10le -color_trc arib-std-b67 "
                          "-color_primaries bt2020 -colorspace bt2020nc hlg.mkv");
    run_ffmpeg(PICTURE(1) "-vf setfield=tff -c:v mpeg2video -flags +ildct+ilme interlaced.mpg");
    run_ffmpeg(
        "-f lavfi -i testsrc=s=65x49:r=25:d=1 -vf format=yuv444p,setsar=4/3 -c:v ffv1 odd.mkv");
    struct md_media m = probed("pq.mkv", NULL);
    assert_int_equal(video_of(&m)->hdr, MD_HDR_PQ);
    assert_int_equal(video_of(&m)->bit_depth, 10);
    assert_string_equal(video_of(&m)->color_primaries, "bt2020");
    media_done(&m);
    m = probed("hlg.mkv", NULL);
    assert_int_equal(video_of(&m)->hdr, MD_HDR_HLG);
    media_done(&m);
    m = probed("interlaced.mpg", NULL);
    assert_true(video_of(&m)->interlaced);
    assert_near(m.duration_us, 1000000, 0);
    media_done(&m);
    m = probed("odd.mkv", NULL);
    assert_int_equal(video_of(&m)->width, 65);
    assert_int_equal(video_of(&m)->height, 49);
    assert_int_equal(video_of(&m)->sar_num, 4);
    assert_int_equal(video_of(&m)->sar_den, 3);
    assert_int_equal(m.audio_stream, -1);
    media_done(&m);
}

/* The matrix of a tkhd box (version 0) begins 44 bytes after its name. */
static void rotated_phone_video_says_how_to_turn_it(void **state)
{
    static const struct {
        uint32_t a, b, c, d;
        int64_t rotation;
    } rows[] = {
        {0, 0x10000, 0xffff0000, 0, 90},
        {0xffff0000, 0, 0, 0xffff0000, 180},
        {0, 0xffff0000, 0x10000, 0, 270},
    };
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 upright.mp4");
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        size_t size;
        md_autofree char *bytes = read_media("upright.mp4", &size);
        char *matrix = find_bytes(bytes, size, "tkhd", 4) + 44;
        put_be32(matrix, rows[i].a);
        put_be32(matrix + 4, rows[i].b);
        put_be32(matrix + 12, rows[i].c);
        put_be32(matrix + 16, rows[i].d);
        write_media("turned.mp4", bytes, size);
        struct md_media m = probed("turned.mp4", NULL);
        assert_int_equal(video_of(&m)->rotation, rows[i].rotation);
        assert_int_equal(video_of(&m)->width, 64);
        media_done(&m);
    }
}

static void make_many_tracks(void)
{
    run_ffmpeg(PICTURE(1) TONE(1) TONE(1) TONE(1)
                   TONE(1) "-map 0:v -map 1 -map 2 -map 3 -map 4 -c:v mpeg4 "
                           "-c:a ac3 -ac:a:0 6 -ac:a:1 2 -ac:a:2 6 -ac:a:3 2 "
                           "-metadata:s:a:0 title=\"Director's Commentary\" "
                           "-metadata:s:a:0 language=eng -metadata:s:a:1 language=eng "
                           "-metadata:s:a:2 language=fre -metadata:s:a:3 language=eng "
                           "-metadata:s:a:3 title='Audio Description' "
                           "-disposition:a:0 default -disposition:a:1 0 "
                           "-disposition:a:2 0 tracks.mkv");
}

static void the_right_audio_track_is_chosen(void **state)
{
    static const struct {
        const char *options;
        int64_t track;
        size_t warnings;
    } rows[] = {
        {NULL, 3, 0}, /* not the default, as that is a commentary: the one with most channels */
        {"audio-language=en", 2, 0},
        {"audio-language=German,eng", 2, 0},
        {"audio-language=french", 3, 0},
        {"audio-language=fra,en", 3, 0},
        {"audio-language=de", 3, 1},
        {"audio-track=4", 4, 0},
        {"audio-track=1;audio-language=fr", 1, 0},
    };
    make_many_tracks();
    for (size_t i = 0; i < MD_ARRAY_LEN(rows); i++) {
        struct md_media m = probed("tracks.mkv", rows[i].options);
        assert_int_equal(m.audio_stream, rows[i].track);
        assert_int_equal(m.warnings.n, rows[i].warnings);
        assert_true(m.streams.v[1].is_commentary);
        assert_true(m.streams.v[4].is_visual_impaired);
        media_done(&m);
    }
    struct md_media m;
    struct md_failure failure;
    assert_int_equal(probe_media("tracks.mkv", "audio-track=0", &m, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "has no audio track 0; it has 1 (eng, ac3"));
    media_done(&m);
}

static void chapters_and_text_subtitles_are_listed(void **state)
{
    static const char metadata[] = ";FFMETADATA1\n"
                                   "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
                                   "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=9000\ntitle=Two\n"
                                   "[CHAPTER]\nTIMEBASE=1/1000\nSTART=5000\nEND=9000\ntitle=No\n";
    static const char subtitles[] = "1\n00:00:00,100 --> 00:00:00,900\nHello.\n\n";
    write_media("chapters.txt", metadata, sizeof metadata - 1);
    write_media("words.srt", subtitles, sizeof subtitles - 1);
    run_ffmpeg(PICTURE(1) "-i words.srt -f ffmetadata -i chapters.txt -map 0 -map 1 "
                          "-map_chapters 2 -c:v mpeg4 -c:s srt -metadata:s:s language=en text.mkv");
    struct md_media m = probed("text.mkv", NULL);
    assert_int_equal(m.chapters.n, 2);
    assert_string_equal(m.chapters.v[1].title, "Two");
    assert_int_equal(m.chapters.v[1].start_us, 400000);
    assert_int_equal(m.chapters.v[1].end_us, m.duration_us);
    assert_int_equal(m.streams.v[1].kind, MD_STREAM_SUBTITLE);
    assert_true(m.streams.v[1].is_text);
    media_done(&m);
}

static void files_with_a_colon_a_dash_or_foreign_bytes_in_the_name_work(void **state)
{
    static const char *const names[] = {"-x:y.mp4", "http:--z 'q\" \n.mp4", "caf\xe9.mp4"};
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 name.mp4");
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++) {
        assert_int_equal(rename(media_path(i ? names[i - 1] : "name.mp4"), media_path(names[i])),
                         0);
        struct md_media m = probed(names[i], NULL);
        assert_int_equal(m.frame_count, 25);
        media_done(&m);
    }
}

static void one_frame_is_a_movie(void **state)
{
    run_ffmpeg(PICTURE(1) "-frames:v 1 -c:v mpeg4 one.mp4");
    struct md_media m = probed("one.mp4", NULL);
    assert_int_equal(m.frame_count, 1);
    assert_int_equal(m.duration_us, 40000);
    media_done(&m);
}

static void cut(const char *from, const char *to, size_t percent)
{
    size_t size;
    md_autofree char *bytes = read_media(from, &size);
    write_media(to, bytes, size * percent / 100);
}

static void of_a_truncated_movie_what_is_there_is_measured(void **state)
{
    run_ffmpeg(PICTURE(20) TONE(20) "-c:v mpeg4 -b:v 500k -g 25 -c:a aac -movflags +faststart "
                                    "long.mp4");
    run_ffmpeg("-i long.mp4 -c copy long.mkv");
    run_ffmpeg("-i long.mp4 -c copy long.avi");
    static const char *const names[] = {"long.mp4", "long.mkv", "long.avi"};
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++) {
        cut(names[i], "cut.bin", 50);
        struct md_media m = probed("cut.bin", NULL);
        assert_near(m.duration_us, 10000000, 1500000);
        assert_near(m.frame_count, m.duration_us / 40000, 2);
        assert_true(m.duration_estimated);
        assert_int_equal(m.warnings.n, 1);
        assert_non_null(strstr(m.warnings.v[0], "cut off"));
        media_done(&m);
    }
}

/* Matroska's Duration: id 4489, size 88 (eight bytes), a double. */
static void lying_and_missing_durations_are_found_out(void **state)
{
    static const double claims[] = {7200000.0, 100.0};
    run_ffmpeg(PICTURE(4) "-c:v mpeg4 -g 25 honest.mkv");
    for (size_t i = 0; i < MD_ARRAY_LEN(claims); i++) {
        size_t size;
        md_autofree char *bytes = read_media("honest.mkv", &size);
        char *at = find_bytes(bytes, size, "\x44\x89\x88", 3) + 3;
        uint64_t bits;
        memcpy(&bits, &claims[i], sizeof bits);
        put_be32(at, (uint32_t)(bits >> 32));
        put_be32(at + 4, (uint32_t)bits);
        write_media("lying.mkv", bytes, size);
        struct md_media m = probed("lying.mkv", NULL);
        assert_near(m.duration_us, 4000000, 1000);
        assert_true(m.duration_estimated);
        assert_int_equal(m.warnings.n, 1);
        media_done(&m);
    }
    run_ffmpeg("-i honest.mkv -c copy -live 1 -f matroska live.mkv");
    struct md_media m = probed("live.mkv", NULL);
    assert_near(m.duration_us, 4000000, 1000);
    assert_true(m.duration_estimated);
    assert_int_equal(m.frame_count, 100);
    media_done(&m);
}

static void joined_recordings_last_as_long_as_their_parts(void **state)
{
    run_ffmpeg(PICTURE(20) "-c:v mpeg2video -output_ts_offset 100 part.ts");
    size_t size;
    md_autofree char *bytes = read_media("part.ts", &size);
    bytes = realloc(bytes, 2 * size);
    memcpy(bytes + size, bytes, size);
    write_media("joined.ts", bytes, 2 * size);
    struct md_media m = probed("joined.ts", NULL);
    assert_near(m.duration_us, 40000000, 100000);
    assert_int_equal(m.frame_count, 1000);
    /* as a file too large to be read from end to end */
    struct md_probe_timing t;
    md_autoinput input = NULL;
    struct md_failure failure = {0};
    assert_int_equal(md_input_open(media_path("joined.ts"), NULL, NULL, &input, &failure), MD_OK);
    assert_int_equal(md_probe_time(input, (struct md_stream *)video_of(&m), -1, 0, &t, &failure),
                     MD_OK);
    assert_near(t.video_end_us, m.duration_us, 0);
    assert_near(t.frame_count, 1000, 0);
    media_done(&m);
}

static void check_refused(const char *name, int code, const char *words)
{
    struct md_media m;
    struct md_failure failure;
    assert_int_equal(probe_media(name, NULL, &m, &failure), code);
    if (!strstr(failure.message, words) || !strstr(failure.message, name))
        fail_msg("\"%s\" does not say \"%s\"", failure.message, words);
    media_done(&m);
}

static void what_has_no_picture_is_refused_in_words(void **state)
{
    run_ffmpeg(TONE(1) "-c:a aac sound.mp4");
    run_ffmpeg(TONE(1) "-f lavfi -i testsrc2=s=64x48:d=1 -map 0 -map 1 -frames:v 1 -c:v mjpeg "
                       "-c:a mp3 -disposition:v attached_pic cover.mp3");
    /* a video track with a table of no samples */
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 void.mp4");
    size_t size;
    md_autofree char *bytes = read_media("void.mp4", &size);
    put_be32(find_bytes(bytes, size, "stsz", 4) + 12, 0);
    write_media("void.mp4", bytes, size);
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 -encryption_scheme cenc-aes-ctr "
                          "-encryption_key 76a6c65c5ea762046bd749a2e632ccbb "
                          "-encryption_kid a7e61c373e219033c21091fa607bf3b8 drm.mp4");
    check_refused("sound.mp4", MD_ERR_UNSUPPORTED, "only sound");
    check_refused("cover.mp3", MD_ERR_UNSUPPORTED, "cover art");
    check_refused("void.mp4", MD_ERR_INPUT, "no picture in it");
    check_refused("drm.mp4", MD_ERR_INPUT, "DRM");
}

static void noise_instead_of_pictures_is_refused_in_words(void **state)
{
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 -movflags +faststart noise.mp4");
    size_t size;
    md_autofree char *bytes = read_media("noise.mp4", &size);
    char *data = find_bytes(bytes, size, "mdat", 4) + 4;
    unsigned seed = 1;
    for (char *p = data; p < bytes + size; p++)
        *p = (char)((seed = seed * 1103515245u + 12345u) >> 16);
    /* no start codes can be left, and the decoder's headers go too */
    char *config = find_bytes(bytes, size, "esds", 4);
    memset(config + 30, 0, 20);
    write_media("noise.mp4", bytes, size);
    struct md_media m;
    struct md_failure failure;
    int rc = probe_media("noise.mp4", NULL, &m, &failure);
    assert_int_equal(rc, MD_ERR_INPUT);
    media_done(&m);
}

/* width and height stand 24 bytes into a visual sample entry, after its name. */
static void headers_that_claim_huge_pictures_allocate_nothing(void **state)
{
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 claim.mp4");
    size_t size;
    md_autofree char *bytes = read_media("claim.mp4", &size);
    put_be32(find_bytes(bytes, size, "mp4v", 4) + 28, 0xfff0fff0);
    write_media("claim.mp4", bytes, size);
    struct md_media m;
    struct md_failure failure;
    int rc = probe_media("claim.mp4", NULL, &m, &failure);
    if (rc == MD_OK)
        assert_int_equal(video_of(&m)->width, 64); /* the stream itself knew better */
    else
        assert_int_equal(rc, MD_ERR_INPUT);
    media_done(&m);
}

static void large_files_are_measured_as_well_as_small_ones(void **state)
{
    static const char *const names[] = {"whole.mp4", "whole.mkv", "whole.avi", "whole.ts"};
    run_ffmpeg(PICTURE(60) TONE(60) "-c:v mpeg2video -g 50 -bf 0 -c:a mp2 whole.mkv");
    for (size_t i = 0; i < MD_ARRAY_LEN(names); i++) {
        char arguments[100];
        snprintf(arguments, sizeof arguments, "-i whole.mkv -c copy -f %s other",
                 i == 0   ? "mp4"
                 : i == 1 ? "matroska"
                 : i == 2 ? "avi"
                          : "mpegts");
        run_ffmpeg(arguments);
        struct md_media m = probed("other", NULL);
        struct md_probe_timing t;
        md_autoinput input = NULL;
        struct md_failure failure = {0};
        assert_int_equal(md_input_open(media_path("other"), NULL, NULL, &input, &failure), MD_OK);
        struct md_stream *v = (struct md_stream *)video_of(&m);
        assert_int_equal(md_probe_time(input, v, m.audio_stream, 0, &t, &failure), MD_OK);
        assert_near(t.zero_us, m.clock_zero_us, 0);
        assert_near(t.video_end_us, 60000000, 11000);
        assert_near(m.duration_us, t.video_end_us, 0);
        assert_near(t.audio_end_us, t.video_end_us, 100000);
        assert_near(t.frame_count, 1500, 0);
        assert_near(m.frame_count, 1500, 0);
        assert_int_equal(t.fps_num, 25);
        assert_int_equal(t.fps_den, 1);
        assert_false(t.variable_frame_rate);
        media_done(&m);
    }
}

static bool stop_after_a_while(void *user)
{
    return ++*(int *)user > 20;
}

static void probing_can_be_cancelled(void **state)
{
    run_ffmpeg(PICTURE(20) "-c:v mpeg4 -b:v 2M cancel.mp4");
    int asked = 0;
    struct md_options options;
    assert_int_equal(md_options_init(&options), MD_OK);
    struct md_failure failure = {0};
    struct md_stage_env env = {
        .movie_path = media_path("cancel.mp4"),
        .options = &options,
        .failure = &failure,
        .cancelled = stop_after_a_while,
        .user = &asked,
    };
    struct md_media m = {0};
    assert_int_equal(md_stage_ops_probe.run(&env, NULL, &m), MD_ERR_CANCELLED);
    media_done(&m);
    md_options_done(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_movie_is_described_exactly),
        cmocka_unit_test(frame_rates_are_measured_and_variable_ones_noticed),
        cmocka_unit_test(pictures_of_every_kind_are_recognised),
        cmocka_unit_test(rotated_phone_video_says_how_to_turn_it),
        cmocka_unit_test(the_right_audio_track_is_chosen),
        cmocka_unit_test(chapters_and_text_subtitles_are_listed),
        cmocka_unit_test(files_with_a_colon_a_dash_or_foreign_bytes_in_the_name_work),
        cmocka_unit_test(one_frame_is_a_movie),
        cmocka_unit_test(of_a_truncated_movie_what_is_there_is_measured),
        cmocka_unit_test(lying_and_missing_durations_are_found_out),
        cmocka_unit_test(joined_recordings_last_as_long_as_their_parts),
        cmocka_unit_test(what_has_no_picture_is_refused_in_words),
        cmocka_unit_test(noise_instead_of_pictures_is_refused_in_words),
        cmocka_unit_test(headers_that_claim_huge_pictures_allocate_nothing),
        cmocka_unit_test(large_files_are_measured_as_well_as_small_ones),
        cmocka_unit_test(probing_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, make_media_folder, remove_media_folder);
}
