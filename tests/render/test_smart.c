/* Smart cut: copied frames are the movie's to the bit, edges are close to it, joins are exact, and
 * what cannot be copied is encoded and said. tests/render/digest_check.h does the proving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/avutil.h>
#include <libavutil/mathematics.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "digest_check.h"
#include "make_movie.h"
#include "run_render.h"

static char folder[64];

static int set_up(void **state)
{
    strcpy(folder, "/tmp/md-smart-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    return getenv("KEEP") ? 0 : md_remove_tree(folder, NULL);
}

/* Key frames every 40 frames: on one, behind one, across several, none within, at both ends. */
static const struct {
    int first, end;
} spans[] = {{0, 40}, {43, 118}, {120, 171}, {172, 190}, {199, 250}};

static const struct make_movie plain = {
    .video = "libx264",
    .video_options = "preset=veryfast:x264-params=keyint=40\\:min-keyint=40\\:scenecut=0",
    .format = AV_PIX_FMT_YUV420P,
    .width = 192,
    .height = 128,
    .frames = 250,
    .gop = 40,
    .b_frames = 3,
    .sound = "aac",
    .rate = 48000,
    .channels = 2,
};

static int64_t frame_us(const struct make_movie *movie, int frame)
{
    AVRational base = movie->time_base.den ? movie->time_base : (AVRational){1, 25};
    return av_rescale_q(frame, base, AV_TIME_BASE_Q);
}

struct outcome {
    int64_t copied, frames;
    char encoding[256];
};

static struct outcome look_at(const struct run_render *run)
{
    struct outcome outcome = {0};
    for (size_t i = 0; i < run->render.pieces.n; i++) {
        outcome.copied += run->render.pieces.v[i].copied_frames;
        outcome.frames += run->render.pieces.v[i].video_frames;
    }
    snprintf(outcome.encoding, sizeof outcome.encoding, "%s", run->render.video_encoding);
    return outcome;
}

static void prove(const char *name, const struct run_render *run, const struct outcome *outcome)
{
    md_autofree char *digest = md_path_join(run->out_dir, "digest.mp4");
    struct digest_check check;
    struct md_failure failure = {0};
    if (digest_check(run->movie, &run->media, digest, &run->render, &check, &failure) < 0)
        fail_msg("%s: %s", name, failure.message);
    for (size_t i = 0; i < check.problems.n; i++)
        print_error("%s: %s\n", name, check.problems.v[i]);
    assert_int_equal(check.problems.n, 0);
    assert_int_equal(check.copied, outcome->copied);
    digest_check_done(&check);
}

/* Makes the movie unless its options are NULL, renders the spans, proves the digest. */
static struct outcome go(const struct make_movie *like, const char *name, int how, int max_height)
{
    md_autofree char *path = md_path_join(folder, name);
    md_autofree char *out = md_path_join(folder, "out");
    struct make_movie movie = *like;
    movie.path = path;
    make_movie(&movie);
    struct run_render run;
    run_render_init(&run, path, out);
    run.options.render = how;
    run.options.max_height = max_height;
    for (size_t i = 0; i < MD_ARRAY_LEN(spans); i++) /* a little early: containers round stamps */
        run_render_piece(&run, MD_MAX(frame_us(&movie, spans[i].first) - 5000, 0),
                         frame_us(&movie, spans[i].end) - 5000);
    if (run_render_go(&run) < 0)
        fail_msg("%s: %s", name, run.failure.message);
    struct outcome outcome = look_at(&run);
    prove(name, &run, &outcome);
    int wanted = 0;
    for (size_t i = 0; i < MD_ARRAY_LEN(spans); i++)
        wanted += spans[i].end - spans[i].first;
    assert_int_equal(outcome.frames, wanted);
    run_render_done(&run);
    return outcome;
}

/* At least this many of the 235 frames: the piece within a group and the heads are encoded, tails
 * of up to three frames. 40 + 38 + 51 + 50 at best; fewer where the first group cannot be used. */
static void copies(const struct make_movie *movie, const char *name, int64_t least)
{
    struct outcome outcome = go(movie, name, MD_RENDER_AUTO, 1080);
    if (outcome.copied < least)
        fail_msg("%s: %lld frames copied: %s", name, (long long)outcome.copied, outcome.encoding);
    assert_non_null(strstr(outcome.encoding, "copied"));
}

static void h264_with_b_frames(void **state)
{
    copies(&plain, "b.mp4", 165);
    copies(&plain, "b.mkv", 165);
    struct make_movie movie = plain;
    movie.sound = "ac3";
    copies(&movie, "b.ts", 165);
}

static void h264_of_other_profiles(void **state)
{
    struct make_movie movie = plain;
    movie.b_frames = 0;
    movie.video_options = "preset=veryfast:profile=baseline:x264-params=keyint=40\\:min-keyint=40";
    copies(&movie, "baseline.mp4", 165);
    movie.b_frames = 2;
    movie.video_options = "preset=veryfast:profile=main:x264-params=keyint=40\\:min-keyint=40";
    copies(&movie, "main.mp4", 165);
}

static void the_movies_numbers_of_parameter_sets_are_left_alone(void **state)
{
    struct make_movie movie = plain;
    movie.video_options = "preset=veryfast:x264-params=keyint=40\\:min-keyint=40\\:sps-id=1";
    copies(&movie, "one.mp4", 165);
}

static void ntsc_rate(void **state)
{
    struct make_movie movie = plain;
    movie.time_base = (AVRational){1001, 30000};
    copies(&movie, "ntsc.mkv", 165);
    copies(&movie, "ntsc.mov", 165);
}

static struct make_movie hevc(const char *options, enum AVPixelFormat format)
{
    struct make_movie movie = plain;
    movie.video = "libx265";
    movie.video_options = options;
    movie.format = format;
    return movie;
}

static void hevc_closed_and_open(void **state)
{
    struct make_movie movie = hevc("preset=ultrafast:x265-params=log-level=none\\:keyint=40\\:"
                                   "min-keyint=40\\:scenecut=0\\:open-gop=0\\:bframes=3",
                                   AV_PIX_FMT_YUV420P);
    copies(&movie, "closed.mp4", 165);
    movie.video_options = "preset=ultrafast:x265-params=log-level=none\\:keyint=40\\:"
                          "min-keyint=40\\:scenecut=0\\:open-gop=1\\:bframes=3";
    copies(&movie, "open.ts", 150);
}

static void hevc_in_ten_bits_with_opus(void **state)
{
    struct make_movie movie = hevc("preset=ultrafast:x265-params=log-level=none\\:keyint=40\\:"
                                   "min-keyint=40\\:open-gop=1\\:bframes=3",
                                   AV_PIX_FMT_YUV420P10);
    movie.sound = "libopus";
    copies(&movie, "ten.mkv", 150);
}

/* HDR is kept only when asked for. */
static void hdr_stays_what_it_is(void **state)
{
    struct make_movie movie = hevc(
        "preset=ultrafast:x265-params=log-level=none\\:keyint=40\\:min-keyint=40\\:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)\\:"
        "max-cll=1000,400",
        AV_PIX_FMT_YUV420P10);
    movie.primaries = AVCOL_PRI_BT2020;
    movie.transfer = AVCOL_TRC_SMPTE2084;
    movie.matrix = AVCOL_SPC_BT2020_NCL;
    struct outcome outcome = go(&movie, "hdr.mkv", MD_RENDER_SMART, 1080);
    assert_true(outcome.copied >= 150);
    outcome = go(&movie, "hdr.mkv", MD_RENDER_AUTO, 1080);
    assert_int_equal(outcome.copied, 0);
    assert_non_null(strstr(outcome.encoding, "not copied: it is HDR"));
}

static void refuses(const struct make_movie *movie, const char *name, const char *why)
{
    struct outcome outcome = go(movie, name, MD_RENDER_SMART, 1080);
    assert_int_equal(outcome.copied, 0);
    if (!strstr(outcome.encoding, why))
        fail_msg("%s: %s", name, outcome.encoding);
}

static void what_cannot_be_copied_is_encoded_and_said(void **state)
{
    struct make_movie movie = plain;
    movie.video_options = "preset=veryfast:x264-params=open-gop=1\\:keyint=30\\:bframes=3";
    struct outcome outcome = go(&movie, "open.mp4", MD_RENDER_AUTO, 1080);
    assert_true(outcome.copied <= 40); /* the first picture alone is an IDR */
    movie = plain;
    movie.video = "mpeg4";
    movie.video_options = NULL;
    refuses(&movie, "old.mp4", "it is neither H.264 nor HEVC");
    movie = plain;
    movie.video_options = "preset=veryfast";
    movie.interlaced = true;
    refuses(&movie, "woven.mp4", "interlaced");
    movie = plain;
    movie.b_frames = 0;
    movie.video_options = "preset=veryfast:x264-params=intra-refresh=1\\:keyint=30";
    go(&movie, "refresh.ts", MD_RENDER_SMART, 1080);
}

static void options_decide(void **state)
{
    struct outcome outcome = go(&plain, "how.mp4", MD_RENDER_ENCODE, 1080);
    assert_int_equal(outcome.copied, 0);
    outcome = go(&plain, "how.mp4", MD_RENDER_AUTO, 100);
    assert_int_equal(outcome.copied, 0);
    assert_non_null(strstr(outcome.encoding, "not copied: it is scaled down"));
    outcome = go(&plain, "how.mp4", MD_RENDER_SMART, 100);
    assert_true(outcome.copied >= 165);
}

/* Two recordings in one stream: the second has other parameter sets under the same number. */
static void parameter_sets_that_change_are_noticed(void **state)
{
    struct make_movie movie = plain;
    movie.sound = NULL;
    md_autofree char *one = md_path_join(folder, "one.h264");
    md_autofree char *two = md_path_join(folder, "two.h264");
    md_autofree char *both = md_path_join(folder, "both.h264");
    movie.frames = 120;
    movie.path = one;
    make_movie(&movie);
    movie.path = two;
    movie.video_options = "preset=veryfast:profile=main:x264-params=keyint=40\\:min-keyint=40";
    make_movie(&movie);
    FILE *out = fopen(both, "wb");
    assert_non_null(out);
    const char *parts[] = {one, two};
    for (int i = 0; i < 2; i++) {
        FILE *in = fopen(parts[i], "rb");
        assert_non_null(in);
        char block[4096];
        for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
            assert_int_equal(fwrite(block, 1, n, out), n);
        fclose(in);
    }
    fclose(out);
    md_autofree char *folder_out = md_path_join(folder, "out");
    struct run_render run;
    run_render_init(&run, both, folder_out);
    run_render_piece(&run, 1000000, 3000000);
    run_render_piece(&run, 6000000, 8000000);
    if (run_render_go(&run) < 0)
        fail_msg("%s", run.failure.message);
    struct outcome outcome = look_at(&run);
    prove("both.h264", &run, &outcome);
    run_render_done(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h264_with_b_frames),
        cmocka_unit_test(h264_of_other_profiles),
        cmocka_unit_test(the_movies_numbers_of_parameter_sets_are_left_alone),
        cmocka_unit_test(ntsc_rate),
        cmocka_unit_test(hevc_closed_and_open),
        cmocka_unit_test(hevc_in_ten_bits_with_opus),
        cmocka_unit_test(hdr_stays_what_it_is),
        cmocka_unit_test(what_cannot_be_copied_is_encoded_and_said),
        cmocka_unit_test(options_decide),
        cmocka_unit_test(parameter_sets_that_change_are_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
