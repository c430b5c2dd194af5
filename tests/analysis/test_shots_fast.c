/* The fast mode finds what the accurate mode finds, decodes less where a film is calm, and gives
 * way by itself where a film does not allow it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/frame.h>

#include "../media/make_video.h"
#include "base/file.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/stage.h"
#include "paint.h"

enum { SCENE = 75, FADE = 24 };

struct bench {
    char folder[64], movie[128];
    struct md_options options;
    struct md_failure failure;
    int64_t done_us;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    strcpy(b->folder, "/tmp/md-fast-XXXXXX");
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

static void progress(void *user, int64_t done_us, int64_t total_us)
{
    struct bench *b = user;
    assert_true(done_us >= b->done_us); /* a second try does not go back */
    b->done_us = done_us;
}

/* Scenes of two to four seconds that follow each other by cuts; every eighth time by a dissolve.
 * Returns the scene of a frame; the frame's place in it and how many follow. */
static int scene_of(int i, int *ret_place, int *ret_left)
{
    int scene = 0, start = 0, length;
    for (;; scene++, start += length) {
        length = SCENE - 15 + scene * 29 % 47;
        if (i < start + length)
            break;
    }
    *ret_place = i - start;
    *ret_left = start + length - i;
    return scene;
}

static void paint_film(AVFrame *picture, int i, void *user)
{
    int place, left, scene = scene_of(i, &place, &left);
    double share = scene % 8 == 7 && left < FADE ? 1 - (double)left / FADE : 0;
    double drift = scene % 4 == 2 ? 0.0004 * place : 0;
    if (place == 0 && user) /* as an encoder does that looks for cuts */
        picture->pict_type = AV_PICTURE_TYPE_I;
    for (int c = 0; c < 3; c++) {
        int w = c ? picture->width / 2 : picture->width,
            h = c ? picture->height / 2 : picture->height;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double v[3], next[3], at = (double)x / w + drift;
                paint_sample((uint32_t)(500 + scene), at, (double)y / h, v);
                if (share > 0) {
                    paint_sample((uint32_t)(501 + scene), at, (double)y / h, next);
                    v[c] += share * (next[c] - v[c]);
                }
                picture->data[c][(ptrdiff_t)y * picture->linesize[c] + x] =
                    (uint8_t)(16 + v[c] * 0.85);
            }
    }
}

static struct make_video film(struct bench *b, const char *name, const char *encoder, int frames,
                              int gop)
{
    snprintf(b->movie, sizeof b->movie, "%s/%s", b->folder, name);
    return (struct make_video){.path = b->movie,
                               .encoder = encoder,
                               .format = AV_PIX_FMT_YUV420P,
                               .width = 96,
                               .height = 64,
                               .frames = frames,
                               .gop = gop,
                               .paint = paint_film};
}

static void run(struct bench *b, int mode, int threads, struct md_shots *shots)
{
    struct md_media media = {0};
    char work[128];
    snprintf(work, sizeof work, "%s/work", b->folder);
    assert_int_equal(md_mkdir_p(work, NULL), MD_OK);
    b->options.shots = mode;
    struct md_stage_env env = {.movie_path = b->movie,
                               .work_dir = work,
                               .out_dir = work,
                               .options = &b->options,
                               .threads = threads,
                               .failure = &b->failure,
                               .user = b};
    assert_int_equal(md_stage_ops_probe.run(&env, &(struct md_artifacts){0}, &media), MD_OK);
    env.progress = progress;
    b->done_us = 0;
    struct md_artifacts in = {.media = &media};
    *shots = (struct md_shots){0};
    assert_int_equal(md_stage_ops_shots.run(&env, &in, shots), MD_OK);
    assert_int_equal(md_artifact_shots.validate(shots, &b->failure), MD_OK);
    assert_true(md_stage_ops_shots.outputs_present(&env, shots));
    md_artifact_done(&md_artifact_media, &media);
}

static void assert_same_shots(const struct md_shots *a, const struct md_shots *b)
{
    assert_int_equal(a->shots.n, b->shots.n);
    assert_int_equal(a->frame_count, b->frame_count);
    assert_int_equal(a->duration_us, b->duration_us);
    assert_int_equal(a->motion_curve.n, b->motion_curve.n);
    for (size_t i = 0; i < a->shots.n; i++) {
        const struct md_shot *p = &a->shots.v[i], *q = &b->shots.v[i];
        assert_int_equal(p->start_frame, q->start_frame);
        assert_int_equal(p->end_frame, q->end_frame);
        assert_int_equal(p->start_us, q->start_us);
        assert_int_equal(p->end_us, q->end_us);
        assert_int_equal(p->transition, q->transition);
        assert_int_equal(p->transition_start_frame, q->transition_start_frame);
        assert_int_equal(p->transition_end_frame, q->transition_end_frame);
    }
}

static void done(struct md_shots *a, struct md_shots *b)
{
    md_artifact_done(&md_artifact_shots, a);
    md_artifact_done(&md_artifact_shots, b);
}

/* Both modes; returns how much of the film the fast one decoded, in percent. */
static int compare(struct bench *b, struct md_shots *fast, struct md_shots *accurate)
{
    run(b, MD_SHOTS_FAST, 2, fast);
    run(b, MD_SHOTS_ACCURATE, 2, accurate);
    assert_int_equal(accurate->mode, MD_SHOTS_ACCURATE);
    assert_null(accurate->mode_reason);
    assert_same_shots(fast, accurate);
    return (int)(fast->frames_decoded * 100 / fast->frame_count);
}

static void a_calm_film_needs_little_decoding_and_loses_nothing(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name, *encoder;
        int b_frames;
    } cases[] = {{"calm.mkv", "mpeg4", 0}, {"calm.mp4", "mpeg4", 2}, {"calm.ts", "mpeg2video", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct make_video video = film(b, cases[i].name, cases[i].encoder, 2980, 250);
        video.b_frames = cases[i].b_frames;
        video.user = &video;
        make_video(&video);
        struct md_shots fast, accurate;
        int percent = compare(b, &fast, &accurate);
        assert_int_equal(fast.mode, MD_SHOTS_FAST);
        assert_int_equal(accurate.shots.n, 36);
        print_message("%s: %d %%\n", cases[i].name, percent);
        assert_true(percent < 70);
        /* The numbers of the shots are near those that all frames give. */
        for (size_t s = 0; s < fast.shots.n; s++) {
            const struct md_shot *p = &fast.shots.v[s], *q = &accurate.shots.v[s];
            assert_non_null(p->key_image);
            assert_true(p->key_us >= p->start_us && p->key_us < p->end_us);
            assert_true(fabsf(p->luma - q->luma) < 0.05f);
            assert_true(fabsf(p->contrast - q->contrast) < 0.05f);
            assert_true(fabsf(p->warmth - q->warmth) < 0.1f);
            assert_true(fabsf(p->motion - q->motion) < 0.2f);
            assert_true(md_shot_distance(p, q) < 0.01f);
        }
        done(&fast, &accurate);
    }
}

static void cuts_inside_of_groups_are_found(void **state)
{
    struct bench *b = *state;
    struct make_video video = film(b, "fixed.mkv", "mpeg4", 20 * SCENE, 50);
    make_video(&video);
    struct md_shots fast, accurate;
    compare(b, &fast, &accurate);
    assert_int_equal(fast.mode, MD_SHOTS_FAST);
    done(&fast, &accurate);
}

static int64_t doubled(int i, void *user)
{
    (void)user;
    return i / 50 * 2500 + i % 50 * 40 + (i >= 200 ? 15000 : 0); /* a hole */
}

static void a_film_that_gives_no_hints_is_decoded_as_a_whole(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name, *encoder, *reason;
        int gop, b_frames;
        int64_t (*stamp)(int i, void *user);
    } cases[] = {
        {"intra.mkv", "mjpeg", "too close", 1, 0, NULL},
        {"tiny.mkv", "mpeg4", "too close", 5, 0, NULL},
        {"unstamped.avi", "mpeg4", "no time stamps", 50, 2, NULL},
        {"one.mkv", "mpeg4", "too far apart", 100000, 0, NULL},
        {"hole.mkv", "mpeg4", "time stamps jump", 50, 0, doubled},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_long = cases[i].gop > 1500;
        struct make_video video =
            film(b, cases[i].name, cases[i].encoder, is_long ? 1600 : 4 * SCENE, cases[i].gop);
        video.b_frames = cases[i].b_frames;
        if (strcmp(cases[i].encoder, "mjpeg") == 0) {
            video.format = AV_PIX_FMT_YUVJ420P;
            video.full_range = true;
        }
        if (cases[i].stamp) {
            video.stamp = cases[i].stamp;
            video.time_base = (AVRational){1, 1000};
        }
        if (is_long)
            video.paint = NULL; /* one scene, or the encoder begins a group at each */
        make_video(&video);
        struct md_shots fast, accurate;
        compare(b, &fast, &accurate);
        print_message("%s: %s\n", cases[i].name, fast.mode_reason ? fast.mode_reason : "fast");
        assert_int_equal(fast.mode, MD_SHOTS_ACCURATE);
        assert_non_null(fast.mode_reason);
        assert_non_null(strstr(fast.mode_reason, cases[i].reason));
        done(&fast, &accurate);
    }
}

static void damage_is_survived_and_leaves_whole_shots(void **state)
{
    struct bench *b = *state;
    struct make_video video = film(b, "damaged.ts", "mpeg2video", 16 * SCENE, 100);
    video.b_frames = 2;
    make_video(&video);
    char *data;
    size_t size;
    assert_int_equal(md_file_read(b->movie, 1 << 26, &data, &size, NULL), MD_OK);
    static const struct {
        size_t every, keep; /* one byte in so many is flipped; percent of the file kept */
    } cases[] = {{50000, 100}, {3000, 100}, {0, 61}, {0, 13}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char *copy = malloc(size);
        memcpy(copy, data, size);
        for (size_t i = 20000; cases[c].every && i < size; i += cases[c].every)
            copy[i] ^= 0x5a;
        assert_int_equal(md_file_write_atomic(b->movie, copy, size * cases[c].keep / 100, NULL),
                         MD_OK);
        free(copy);
        struct md_shots shots;
        run(b, MD_SHOTS_FAST, 2, &shots);
        print_message("%s\n", shots.mode_reason ? shots.mode_reason : "fast");
        assert_int_equal(shots.shots.v[shots.shots.n - 1].end_frame, shots.frame_count);
        md_artifact_done(&md_artifact_shots, &shots);
    }
    free(data);
}

static void threads_change_nothing(void **state)
{
    struct bench *b = *state;
    struct make_video video = film(b, "threads.mkv", "mpeg4", 24 * SCENE, 200);
    video.b_frames = 1;
    make_video(&video);
    char *json[2], path[128];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        struct md_shots shots;
        run(b, MD_SHOTS_FAST, i ? 5 : 1, &shots);
        assert_int_equal(md_artifact_save(&md_artifact_shots, b->folder, 7, &shots, NULL), MD_OK);
        snprintf(path, sizeof path, "%s/shots.json", b->folder);
        assert_int_equal(md_file_read(path, 1 << 24, &json[i], &size[i], NULL), MD_OK);
        md_artifact_done(&md_artifact_shots, &shots);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(json[0], json[1], size[0]);
    free(json[0]);
    free(json[1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_calm_film_needs_little_decoding_and_loses_nothing),
        TEST(cuts_inside_of_groups_are_found),
        TEST(a_film_that_gives_no_hints_is_decoded_as_a_whole),
        TEST(damage_is_survived_and_leaves_whole_shots),
        TEST(threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
