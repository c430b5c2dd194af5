/* The whole stage on small real files: shots that tile, pictures that exist, the same bytes always.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <libavutil/frame.h>

#include "../media/make_video.h"
#include "base/file.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"
#include "paint.h"

struct bench {
    char folder[64], movie[128], work[128];
    struct md_options options;
    struct md_failure failure;
    int64_t done_us;
    bool went_back;
    int asked, cancel_after; /* 0 never */
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    strcpy(b->folder, "/tmp/md-shots-XXXXXX");
    *state = b;
    return mkdtemp(b->folder) && md_options_init(&b->options) == MD_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    md_remove_tree(b->folder, NULL);
    md_options_done(&b->options);
    free(b);
    return 0;
}

static bool cancelled(void *user)
{
    struct bench *b = user;
    return b->cancel_after && ++b->asked > b->cancel_after;
}

static void progress(void *user, int64_t done_us, int64_t total_us)
{
    struct bench *b = user;
    if (done_us < b->done_us)
        b->went_back = true;
    b->done_us = done_us;
}

/* Six scenes of 20 frames, by Y, Cb, Cr of the paint. Depths above 8 are shifted up. */
static void paint_scenes(AVFrame *picture, int i, void *user)
{
    int shift = picture->format == AV_PIX_FMT_YUV420P10 ? 2 : 0;
    for (int c = 0; c < 3; c++) {
        int w = c ? (picture->width + 1) / 2 : picture->width;
        int h = c ? (picture->height + 1) / 2 : picture->height;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double v[3];
                paint_sample((uint32_t)(300 + i / 20), (double)x / w + 0.001 * i, (double)y / w, v);
                int value = (int)(16 + v[c] * 0.85) << shift;
                if (shift)
                    ((uint16_t *)(picture->data[c] + (ptrdiff_t)y * picture->linesize[c]))[x] =
                        (uint16_t)value;
                else
                    picture->data[c][(ptrdiff_t)y * picture->linesize[c] + x] = (uint8_t)value;
            }
    }
}

static struct make_video six_scenes(struct bench *b, const char *name)
{
    snprintf(b->movie, sizeof b->movie, "%s/%s", b->folder, name);
    return (struct make_video){.path = b->movie,
                               .encoder = "mpeg4",
                               .format = AV_PIX_FMT_YUV420P,
                               .width = 160,
                               .height = 90,
                               .frames = 120,
                               .b_frames = 1,
                               .paint = paint_scenes};
}

/* Probe and shots. work: name of the work folder. */
static int run(struct bench *b, const char *work, int threads, struct md_media *media,
               struct md_shots *shots)
{
    snprintf(b->work, sizeof b->work, "%s/%s", b->folder, work);
    assert_int_equal(md_mkdir_p(b->work, NULL), MD_OK);
    struct md_stage_env env = {.movie_path = b->movie,
                               .work_dir = b->work,
                               .out_dir = b->work,
                               .options = &b->options,
                               .threads = threads,
                               .failure = &b->failure,
                               .user = b,
                               .cancelled = cancelled,
                               .progress = progress};
    struct md_artifacts in = {.media = media};
    b->failure = (struct md_failure){0};
    if (!media->name)
        assert_int_equal(md_stage_ops_probe.run(&env, &(struct md_artifacts){0}, media), MD_OK);
    b->done_us = 0; /* the probe told its own progress */
    b->went_back = false;
    *shots = (struct md_shots){0};
    int rc = md_stage_ops_shots.run(&env, &in, shots);
    assert_false(b->went_back);
    if (rc == MD_OK) {
        assert_int_equal(md_artifact_shots.validate(shots, &b->failure), MD_OK);
        assert_int_equal(md_artifact_save(&md_artifact_shots, b->work, 7, shots, &b->failure),
                         MD_OK);
        assert_true(md_stage_ops_shots.outputs_present(&env, shots));
    }
    return rc;
}

static void done(struct md_media *media, struct md_shots *shots)
{
    md_artifact_done(&md_artifact_media, media);
    md_artifact_done(&md_artifact_shots, shots);
}

static void read_all(struct bench *b, const char *name, char **ret_data, size_t *ret_size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", b->work, name);
    assert_int_equal(md_file_read(path, 1 << 24, ret_data, ret_size, NULL), MD_OK);
}

static void a_film_of_six_scenes_gives_six_shots_with_pictures(void **state)
{
    struct bench *b = *state;
    struct make_video video = six_scenes(b, "six.mkv");
    make_video(&video);
    struct md_media media = {0};
    struct md_shots shots;
    assert_int_equal(run(b, "w", 2, &media, &shots), MD_OK);
    assert_string_equal(shots.detector, "accurate");
    assert_int_equal(shots.frame_count, 120);
    assert_int_equal(shots.duration_us, 4800000);
    assert_int_equal(shots.width, 160);
    assert_int_equal(shots.height, 90);
    assert_int_equal(shots.shots.n, 6);
    assert_int_equal(shots.credits.n, 0);
    assert_int_equal(shots.warnings.n, 0);
    assert_int_equal(shots.motion_curve.n, 5);
    assert_int_equal(shots.luma_curve.n, 5);
    for (size_t i = 0; i < 6; i++) {
        const struct md_shot *shot = &shots.shots.v[i];
        assert_int_equal(shot->start_frame, 20 * i);
        assert_int_equal(shot->end_frame, 20 * (i + 1));
        assert_int_equal(shot->start_us, 800000 * (int64_t)i);
        assert_int_equal(shot->end_us, 800000 * (int64_t)(i + 1));
        assert_int_equal(shot->transition, i ? MD_TRANSITION_CUT : MD_TRANSITION_START);
        assert_int_equal(shot->signature.n, MD_SIGNATURE_BINS);
        assert_true(shot->luma > 0.2f && shot->luma < 0.9f && shot->contrast > 0.02f);
        assert_true(shot->key_us >= shot->start_us && shot->key_us < shot->end_us);
        char name[32];
        snprintf(name, sizeof name, "keys/%06zu.jpg", i);
        assert_string_equal(shot->key_image, name);
        assert_false(shot->credits);
    }
    assert_int_equal(b->done_us, 4800000);
    /* A missing picture is noticed. */
    char path[256];
    snprintf(path, sizeof path, "%s/keys/000003.jpg", b->work);
    assert_int_equal(unlink(path), 0);
    struct md_stage_env env = {.work_dir = b->work};
    assert_false(md_stage_ops_shots.outputs_present(&env, &shots));
    done(&media, &shots);
}

static void the_number_of_threads_changes_nothing(void **state)
{
    struct bench *b = *state;
    struct make_video video = six_scenes(b, "same.mkv");
    make_video(&video);
    char *json[3], *key[3];
    size_t json_size[3], key_size[3];
    for (int i = 0; i < 3; i++) {
        struct md_media media = {0};
        struct md_shots shots;
        char work[8];
        snprintf(work, sizeof work, "w%d", i);
        assert_int_equal(run(b, work, i == 2 ? 4 : i + 1, &media, &shots), MD_OK);
        read_all(b, "shots.json", &json[i], &json_size[i]);
        read_all(b, "keys/000004.jpg", &key[i], &key_size[i]);
        done(&media, &shots);
    }
    for (int i = 1; i < 3; i++) {
        assert_int_equal(json_size[i], json_size[0]);
        assert_memory_equal(json[i], json[0], json_size[0]);
        assert_int_equal(key_size[i], key_size[0]);
        assert_memory_equal(key[i], key[0], key_size[0]);
    }
    for (int i = 0; i < 3; i++) {
        free(json[i]);
        free(key[i]);
    }
}

static void unusual_pictures_work(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name, *encoder;
        enum AVPixelFormat format;
        int width, height;
        enum AVColorTransferCharacteristic transfer;
        AVRational sar;
        int64_t shown_width, shown_height;
    } cases[] = {
        {"ten.mkv", "ffv1", AV_PIX_FMT_YUV420P10, 160, 90, 0, {0}, 160, 90},
        {"hdr.mkv", "ffv1", AV_PIX_FMT_YUV420P10, 160, 90, AVCOL_TRC_SMPTE2084, {0}, 160, 90},
        {"odd.mkv", "ffv1", AV_PIX_FMT_YUV420P, 131, 77, 0, {0}, 131, 77},
        {"tiny.mkv", "ffv1", AV_PIX_FMT_YUV420P, 16, 16, 0, {0}, 16, 16},
        {"wide.mkv", "ffv1", AV_PIX_FMT_YUV420P, 96, 96, 0, {2, 1}, 192, 96},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct make_video video = six_scenes(b, cases[i].name);
        video.encoder = cases[i].encoder;
        video.format = cases[i].format;
        video.width = cases[i].width;
        video.height = cases[i].height;
        video.transfer = cases[i].transfer;
        video.sar = cases[i].sar;
        video.b_frames = 0;
        make_video(&video);
        struct md_media media = {0};
        struct md_shots shots;
        assert_int_equal(run(b, cases[i].name + 3, 2, &media, &shots), MD_OK);
        assert_int_equal(shots.shots.n, 6);
        assert_int_equal(shots.width, cases[i].shown_width);
        assert_int_equal(shots.height, cases[i].shown_height);
        for (size_t s = 0; s < 6; s++)
            assert_non_null(shots.shots.v[s].key_image);
        done(&media, &shots);
    }
}

static void films_of_one_to_three_frames_are_one_shot(void **state)
{
    struct bench *b = *state;
    for (int frames = 1; frames <= 3; frames++) {
        struct make_video video = six_scenes(b, "short.mkv");
        video.encoder = "ffv1";
        video.b_frames = 0;
        video.frames = frames;
        make_video(&video);
        struct md_media media = {0};
        struct md_shots shots;
        assert_int_equal(run(b, "short", 2, &media, &shots), MD_OK);
        assert_int_equal(shots.shots.n, 1);
        assert_int_equal(shots.frame_count, frames);
        assert_int_equal(shots.shots.v[0].end_us, 40000 * frames);
        assert_non_null(shots.shots.v[0].key_image);
        done(&media, &shots);
    }
}

static int64_t uneven(int i, void *user)
{
    return (int64_t)i * 40 + (i % 3) * 7 + (i >= 60 ? 5000 : 0);
}

static void variable_frame_rates_keep_their_times(void **state)
{
    struct bench *b = *state;
    struct make_video video = six_scenes(b, "vfr.mkv");
    video.encoder = "ffv1";
    video.b_frames = 0;
    video.time_base = (AVRational){1, 1000};
    video.stamp = uneven;
    make_video(&video);
    struct md_media media = {0};
    struct md_shots shots;
    assert_int_equal(run(b, "vfr", 2, &media, &shots), MD_OK);
    assert_int_equal(shots.shots.n, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(shots.shots.v[i].start_us, uneven(20 * i, NULL) * 1000);
    done(&media, &shots);
}

static void a_film_cut_off_gives_what_is_there_and_a_warning(void **state)
{
    struct bench *b = *state;
    struct make_video video = six_scenes(b, "cut.avi");
    video.frames = 480;
    make_video(&video);
    struct md_media media = {0};
    struct md_shots shots;
    assert_int_equal(run(b, "whole", 2, &media, &shots), MD_OK);
    md_artifact_done(&md_artifact_shots, &shots);
    char *data;
    size_t size;
    assert_int_equal(md_file_read(b->movie, 1 << 24, &data, &size, NULL), MD_OK);
    assert_int_equal(md_file_write_atomic(b->movie, data, size / 3, NULL), MD_OK);
    free(data);
    /* What the header had promised when the movie was probed. */
    assert_int_equal(run(b, "cut", 2, &media, &shots), MD_OK);
    assert_in_range(shots.frame_count, 100, 250);
    assert_true(shots.shots.n >= 4);
    bool said = false;
    for (size_t i = 0; i < shots.warnings.n; i++)
        said |= strstr(shots.warnings.v[i], "picture ends at") != NULL;
    assert_true(said);
    done(&media, &shots);
}

static void cancelling_leaves_nothing_behind(void **state)
{
    struct bench *b = *state;
    struct make_video video = six_scenes(b, "long.mkv");
    video.frames = 400;
    make_video(&video);
    struct md_media media = {0};
    struct md_shots shots;
    assert_int_equal(run(b, "first", 1, &media, &shots), MD_OK);
    md_artifact_done(&md_artifact_shots, &shots);
    b->cancel_after = 150;
    b->asked = 0;
    assert_int_equal(run(b, "second", 1, &media, &shots), MD_ERR_CANCELLED);
    assert_true(b->asked < 160);
    assert_int_equal(shots.shots.n, 0);
    assert_null(shots.detector);
    char path[256];
    snprintf(path, sizeof path, "%s/keys", b->work);
    assert_int_not_equal(access(path, F_OK), 0);
    done(&media, &shots);
}

static void the_detector_can_be_chosen_and_must_exist(void **state)
{
    struct bench *b = *state;
    struct make_video video = six_scenes(b, "choose.mkv");
    make_video(&video);
    struct md_media media = {0};
    struct md_shots shots;
    assert_int_equal(md_options_set(&b->options, md_option_find("detector"), "histogram", NULL),
                     MD_OK);
    assert_int_equal(run(b, "h", 2, &media, &shots), MD_OK);
    assert_string_equal(shots.detector, "histogram");
    md_artifact_done(&md_artifact_shots, &shots);
    assert_int_equal(md_options_set(&b->options, md_option_find("detector"), "magic", NULL), MD_OK);
    assert_int_equal(run(b, "m", 2, &media, &shots), MD_ERR_INPUT);
    assert_non_null(strstr(b->failure.message, "accurate, histogram"));
    done(&media, &shots);
}

static void sound_alone_is_refused_in_words(void **state)
{
    struct bench *b = *state;
    struct md_media media = {
        .name = strdup("song.mp4"), .uri = strdup("file:///song.mp4"), .video_stream = -1};
    struct md_shots shots;
    strcpy(b->movie, "/nonexistent");
    assert_int_equal(run(b, "s", 1, &media, &shots), MD_ERR_INPUT);
    assert_non_null(strstr(b->failure.message, "song.mp4 has no picture"));
    done(&media, &shots);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_film_of_six_scenes_gives_six_shots_with_pictures),
        TEST(the_number_of_threads_changes_nothing),
        TEST(unusual_pictures_work),
        TEST(films_of_one_to_three_frames_are_one_shot),
        TEST(variable_frame_rates_keep_their_times),
        TEST(a_film_cut_off_gives_what_is_there_and_a_warning),
        TEST(cancelling_leaves_nothing_behind),
        TEST(the_detector_can_be_chosen_and_must_exist),
        TEST(sound_alone_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
