/* Any stream that FFmpeg can decode comes out as frames in order, with times that can be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "make_video.h"
#include "media/video_reader.h"
#include "model/media.h"

struct folder {
    char path[64];
    char file[128];
};

static int set_up(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/md-video-XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct folder *folder = *state;
    md_remove_tree(folder->path, NULL);
    free(folder);
    return 0;
}

static const char *name(struct folder *folder, const char *base)
{
    snprintf(folder->file, sizeof folder->file, "%s/%s", folder->path, base);
    return folder->file;
}

/* Decodes everything; returns the frames and checks what holds for every frame. */
static int64_t drain(const struct md_video_params *params, struct md_video_stats *ret_stats,
                     int64_t *ret_times, size_t cap)
{
    struct md_failure failure = {0};
    struct md_video_reader *reader = NULL;
    assert_int_equal(md_video_open(params, &reader, &failure), MD_OK);
    const struct md_frame *frame;
    int64_t n = 0, end_us = INT64_MIN;
    int rc;
    while ((rc = md_video_next(reader, &frame, &failure)) == MD_OK) {
        assert_int_equal(frame->index, n);
        assert_true(frame->duration_us > 0);
        assert_true(end_us == INT64_MIN || frame->pts_us == end_us);
        end_us = frame->pts_us + frame->duration_us;
        for (int c = 0; c < 3; c++)
            assert_non_null(frame->plane[c]);
        if (ret_times && (size_t)n < cap)
            ret_times[n] = frame->pts_us;
        n++;
    }
    assert_int_equal(rc, MD_ERR_EOF);
    md_video_stats_get(reader, ret_stats);
    assert_int_equal(ret_stats->frames, n);
    md_video_close(reader);
    return n;
}

static int64_t square(int i, void *user)
{
    return (int64_t)i * i;
}

static void variable_frame_rate_is_exact(void **state)
{
    const char *path = name(*state, "vfr.mkv");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "ffv1",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 64,
                                    .height = 48,
                                    .frames = 20,
                                    .time_base = {1, 100},
                                    .stamp = square});
    struct md_video_stats stats;
    int64_t times[20];
    assert_int_equal(drain(&(struct md_video_params){.path = path}, &stats, times, 20), 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(times[i], (int64_t)i * i * 10000);
}

static void b_frames_come_in_presentation_order_with_any_number_of_threads(void **state)
{
    const char *path = name(*state, "b.avi");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "mpeg4",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 64,
                                    .height = 48,
                                    .frames = 50,
                                    .b_frames = 2});
    for (int threads = 1; threads <= 4; threads++) {
        struct md_video_stats stats;
        int64_t times[50];
        struct md_video_params params = {.path = path, .threads = threads};
        assert_int_equal(drain(&params, &stats, times, 50), 50);
        for (int i = 0; i < 50; i++)
            assert_int_equal(times[i], i * 40000);
        assert_int_equal(stats.end_us, 50 * 40000);
        assert_int_equal(stats.lost_packets + stats.damaged_frames, 0);
        assert_int_equal(stats.first_damage_us, MD_NO_TIME);
    }
}

static void every_pixel_format_becomes_planes_of_y_cb_cr(void **state)
{
    static const struct {
        const char *encoder;
        enum AVPixelFormat format;
        int depth;
    } cases[] = {
        {"ffv1", AV_PIX_FMT_YUV420P, 8},     {"ffv1", AV_PIX_FMT_YUV422P10, 10},
        {"ffv1", AV_PIX_FMT_YUV444P12, 12},  {"ffv1", AV_PIX_FMT_YUV411P, 8},
        {"ffv1", AV_PIX_FMT_YUVA420P, 8},    {"ffv1", AV_PIX_FMT_GRAY8, 8},
        {"ffv1", AV_PIX_FMT_GRAY16, 8},      {"ffv1", AV_PIX_FMT_BGRA, 8},
        {"ffv1", AV_PIX_FMT_GBRP10, 8},      {"rawvideo", AV_PIX_FMT_YUYV422, 8},
        {"rawvideo", AV_PIX_FMT_NV12, 8},    {"qtrle", AV_PIX_FMT_RGB555BE, 8},
        {"rawvideo", AV_PIX_FMT_RGB48BE, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = name(*state, cases[i].encoder[0] == 'f' ? "f.mkv" : "f.mov");
        if (cases[i].encoder[0] == 'r')
            path = name(*state, "f.nut");
        make_video(&(struct make_video){.path = path,
                                        .encoder = cases[i].encoder,
                                        .format = cases[i].format,
                                        .width = 65,
                                        .height = 47,
                                        .frames = 3});
        struct md_failure failure = {0};
        struct md_video_reader *reader = NULL;
        struct md_video_params params = {.path = path};
        assert_int_equal(md_video_open(&params, &reader, &failure), MD_OK);
        const struct md_frame *frame;
        for (int n = 0; n < 3; n++) {
            assert_int_equal(md_video_next(reader, &frame, &failure), MD_OK);
            assert_int_equal(frame->width, 65);
            assert_int_equal(frame->height, 47);
            assert_int_equal(frame->bit_depth, cases[i].depth);
            assert_true(frame->chroma_shift_x <= 1 && frame->chroma_shift_y <= 1);
        }
        assert_int_equal(md_video_next(reader, &frame, &failure), MD_ERR_EOF);
        md_video_close(reader);
    }
}

static void paint_count(AVFrame *picture, int i, void *user)
{
    make_flat(picture, 16 + 2 * i, 128, 128);
}

static void seeking_delivers_the_frame_shown_at_that_time(void **state)
{
    const char *path = name(*state, "seek.mkv");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "mpeg4",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 64,
                                    .height = 48,
                                    .frames = 100,
                                    .b_frames = 1,
                                    .paint = paint_count});
    struct md_failure failure = {0};
    struct md_video_reader *reader = NULL;
    struct md_video_params params = {.path = path, .threads = 2};
    assert_int_equal(md_video_open(&params, &reader, &failure), MD_OK);
    static const struct {
        int64_t ask_us, frame;
    } cases[] = {{2000000, 50}, {2039999, 50},  {40000, 1},    {-5, 0},
                 {3960000, 99}, {90000000, 99}, {1239999, 30}, {0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct md_frame *frame;
        assert_int_equal(md_video_seek(reader, cases[i].ask_us, &failure), MD_OK);
        assert_int_equal(md_video_next(reader, &frame, &failure), MD_OK);
        assert_int_equal(frame->pts_us, cases[i].frame * 40000);
        assert_in_range(frame->plane[0][0], 13 + 2 * cases[i].frame, 19 + 2 * cases[i].frame);
    }
    md_video_close(reader);
}

static void key_frames_alone_can_be_asked_for(void **state)
{
    const char *path = name(*state, "keys.mkv");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "mpeg4",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 64,
                                    .height = 48,
                                    .frames = 48,
                                    .gop = 12});
    struct md_video_stats stats;
    int64_t times[48];
    struct md_video_params params = {.path = path, .key_frames_only = true};
    assert_int_equal(drain(&params, &stats, times, 48), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(times[i], i * 480000);
}

static void damage_is_counted_and_survived(void **state)
{
    const char *path = name(*state, "damage.avi");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "mpeg4",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 128,
                                    .height = 96,
                                    .frames = 100});
    char *data;
    size_t size;
    assert_int_equal(md_file_read(path, 1 << 24, &data, &size, NULL), MD_OK);
    uint32_t seed = 7;
    for (size_t i = size / 4; i < size / 2; i += 40) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (char)(seed >> 24);
    }
    assert_int_equal(md_file_write_atomic(path, data, size, NULL), MD_OK);
    struct md_video_stats stats;
    int64_t frames = drain(&(struct md_video_params){.path = path}, &stats, NULL, 0);
    assert_true(frames >= 60 && frames <= 110);
    assert_true(stats.damaged_frames + stats.lost_packets > 0);
    assert_true(stats.first_damage_us >= 0 && stats.last_damage_us >= stats.first_damage_us);

    assert_int_equal(md_file_write_atomic(path, data, size * 3 / 5, NULL), MD_OK);
    frames = drain(&(struct md_video_params){.path = path}, &stats, NULL, 0);
    assert_true(frames >= 20 && frames <= 70);
    free(data);
}

static void a_picture_larger_than_allowed_is_refused_with_its_size(void **state)
{
    const char *path = name(*state, "large.mkv");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "ffv1",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 320,
                                    .height = 240,
                                    .frames = 2});
    struct md_failure failure = {0};
    struct md_video_reader *reader = NULL;
    struct md_video_params params = {.path = path, .max_pixels = 320 * 239};
    assert_int_equal(md_video_open(&params, &reader, &failure), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "320 x 240"));
    assert_null(reader);
}

static bool yes(void *user)
{
    return ++*(int *)user > 40;
}

static void cancelling_stops_it(void **state)
{
    const char *path = name(*state, "long.mkv");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "mpeg4",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 64,
                                    .height = 48,
                                    .frames = 200});
    struct md_failure failure = {0};
    struct md_video_reader *reader = NULL;
    int asked = 0;
    struct md_video_params params = {.path = path, .cancelled = yes, .user = &asked};
    int rc = md_video_open(&params, &reader, &failure);
    const struct md_frame *frame;
    int n = 0;
    while (rc == MD_OK) {
        rc = md_video_next(reader, &frame, &failure);
        n += rc == MD_OK;
    }
    assert_int_equal(rc, MD_ERR_CANCELLED);
    assert_true(n < 100);
    md_video_close(reader);
}

static void paint_by_size(AVFrame *picture, int i, void *user)
{
    make_flat(picture, 100, 90, 160);
}

static void a_change_of_size_within_the_stream_is_followed(void **state)
{
    char first[128], second[128];
    strcpy(first, name(*state, "a.m2v"));
    strcpy(second, name(*state, "b.m2v"));
    struct make_video video = {.path = first,
                               .encoder = "mpeg2video",
                               .format = AV_PIX_FMT_YUV420P,
                               .width = 128,
                               .height = 96,
                               .frames = 24,
                               .paint = paint_by_size};
    make_video(&video);
    video.path = second;
    video.width = 192;
    video.height = 64;
    make_video(&video);
    char *a, *b;
    size_t na, nb;
    assert_int_equal(md_file_read(first, 1 << 24, &a, &na, NULL), MD_OK);
    assert_int_equal(md_file_read(second, 1 << 24, &b, &nb, NULL), MD_OK);
    FILE *f = fopen(first, "ab");
    fwrite(b, 1, nb, f);
    fclose(f);
    free(a);
    free(b);
    struct md_video_stats stats;
    int64_t frames = drain(&(struct md_video_params){.path = first, .threads = 2}, &stats, NULL, 0);
    assert_in_range(frames, 46, 48);
    assert_int_equal(stats.format_changes, 1);
}

static void the_clock_starts_where_the_probe_says(void **state)
{
    const char *path = name(*state, "zero.mkv");
    make_video(&(struct make_video){.path = path,
                                    .encoder = "ffv1",
                                    .format = AV_PIX_FMT_YUV420P,
                                    .width = 64,
                                    .height = 48,
                                    .frames = 5});
    struct md_media media = {.video_stream = 0, .audio_stream = -1, .clock_zero_us = -1000000};
    struct md_video_stats stats;
    int64_t times[5];
    struct md_video_params params = {.path = path, .media = &media};
    assert_int_equal(drain(&params, &stats, times, 5), 5);
    assert_int_equal(times[0], 1000000);
    media.video_stream = 3;
    struct md_failure failure = {0};
    struct md_video_reader *reader = NULL;
    assert_int_equal(md_video_open(&params, &reader, &failure), MD_ERR_INPUT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(variable_frame_rate_is_exact),
        TEST(b_frames_come_in_presentation_order_with_any_number_of_threads),
        TEST(every_pixel_format_becomes_planes_of_y_cb_cr),
        TEST(seeking_delivers_the_frame_shown_at_that_time),
        TEST(key_frames_alone_can_be_asked_for),
        TEST(damage_is_counted_and_survived),
        TEST(a_picture_larger_than_allowed_is_refused_with_its_size),
        TEST(cancelling_stops_it),
        TEST(a_change_of_size_within_the_stream_is_followed),
        TEST(the_clock_starts_where_the_probe_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
