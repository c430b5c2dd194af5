#include "make_outputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "media/image.h"

enum { SHOT_US = 5000000, KEY_IMAGES = 6, KEY_W = 320, KEY_H = 180 };

static char *fresh_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/moviedigest-test-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

static char *copy(const char *text)
{
    char *s = strdup(text);
    assert_non_null(s);
    return s;
}

static char *foreign(const struct make_outputs *m, const char *usual)
{
    return copy(m->text ? m->text : usual);
}

static void push_text(struct md_strings *strings, char *text)
{
    assert_int_equal(md_vec_push(strings, text), MD_OK);
}

static void write_key_images(const struct make_outputs *m)
{
    static uint8_t planes[3][KEY_W * KEY_H];
    struct md_image_scaler *scaler = md_image_scaler_new();
    struct md_image image = {0};
    md_autofree char *folder = md_path_join(m->work_dir, "keys");
    assert_int_equal(md_mkdir_p(folder, NULL), MD_OK);
    for (int k = 0; k < KEY_IMAGES; k++) {
        char name[32];
        for (int i = 0; i < KEY_W * KEY_H; i++) {
            planes[0][i] = (uint8_t)(40 + (i % KEY_W + i / KEY_W * (k + 1)) % 180);
            planes[1][i] = (uint8_t)(60 + 25 * k);
            planes[2][i] = (uint8_t)(190 - 20 * k);
        }
        struct md_frame frame = {.width = KEY_W,
                                 .height = KEY_H,
                                 .bit_depth = 8,
                                 .sar_num = 1,
                                 .sar_den = 1,
                                 .full_range = true};
        for (int p = 0; p < 3; p++) {
            frame.plane[p] = planes[p];
            frame.stride[p] = KEY_W;
            frame.step[p] = 1;
        }
        assert_int_equal(md_image_take(scaler, &frame, &(struct md_image_params){0}, &image),
                         MD_OK);
        snprintf(name, sizeof name, "%d.jpg", k);
        md_autofree char *path = md_path_join(folder, name);
        assert_int_equal(md_image_write_jpeg(&image, 80, path, NULL), MD_OK);
    }
    md_image_done(&image);
    md_image_scaler_free(scaler);
}

static void make_media(struct make_outputs *m)
{
    struct md_media *media = &m->media;
    media->name = foreign(m, "A Film.mkv");
    media->title = foreign(m, "A Film");
    media->uri = copy(m->uri ? m->uri : "file:///movies/A%20Film.mkv");
    media->container = copy("matroska,webm");
    media->size_bytes = 1234567890;
    media->duration_us = (int64_t)m->shots * SHOT_US;
    media->video_stream = m->no_video ? -1 : 0;
    media->audio_stream = m->no_audio ? -1 : 1;
    struct md_stream video = {.index = 0,
                              .kind = MD_STREAM_VIDEO,
                              .codec = copy("h264"),
                              .profile = copy("High"),
                              .width = 1920,
                              .height = 1080,
                              .sar_num = 1,
                              .sar_den = 1,
                              .bit_depth = 8,
                              .decodable = true,
                              .fps_num = m->fps_num ? m->fps_num : 25,
                              .fps_den = m->fps_den ? m->fps_den : 1};
    struct md_stream audio = {.index = 1,
                              .kind = MD_STREAM_AUDIO,
                              .codec = copy("aac"),
                              .language = copy("eng"),
                              .title = foreign(m, "Main"),
                              .sample_rate = 48000,
                              .channels = 2,
                              .channel_layout = copy("stereo")};
    assert_int_equal(md_vec_push(&media->streams, video), MD_OK);
    assert_int_equal(md_vec_push(&media->streams, audio), MD_OK);
    push_text(&media->warnings, foreign(m, "The header gave no length."));
}

static void make_shots(struct make_outputs *m)
{
    struct md_shots *list = &m->shot_list;
    list->detector = copy("test");
    list->duration_us = m->media.duration_us;
    list->frame_count = (int64_t)m->shots * 125;
    list->width = 1920;
    list->height = 1080;
    for (int i = 0; i < m->shots; i++) {
        char key[32];
        snprintf(key, sizeof key, "keys/%d.jpg", i % KEY_IMAGES);
        struct md_shot shot = {.start_us = (int64_t)i * SHOT_US,
                               .end_us = (int64_t)(i + 1) * SHOT_US,
                               .start_frame = (int64_t)i * 125,
                               .end_frame = (int64_t)(i + 1) * 125,
                               .transition = i == 0 ? MD_TRANSITION_START : 1 + i % 5,
                               .confidence = 0.9F,
                               .motion = (float)(i % 10) / 10,
                               .luma = 0.4F,
                               .contrast = 0.2F,
                               .saturation = 0.3F,
                               .colorfulness = 0.4F,
                               .warmth = -0.3F,
                               .sharpness = 0.5F,
                               .key_us = (int64_t)i * SHOT_US + SHOT_US / 2,
                               .key_image = copy(key)};
        assert_int_equal(md_vec_push(&list->shots, shot), MD_OK);
        for (int s = 0; s < 5; s++)
            assert_int_equal(md_vec_push(&list->motion_curve, (float)((i + s) % 7) / 10), MD_OK);
    }
}

static void make_sound(struct make_outputs *m)
{
    struct md_audio *audio = &m->audio;
    audio->integrated_lufs = -70;
    if (m->no_audio)
        return;
    *audio = (struct md_audio){.present = true,
                               .duration_us = m->media.duration_us,
                               .integrated_lufs = -23.4,
                               .range_lu = 11.2,
                               .true_peak_dbtp = -1.3,
                               .window_us = 500000};
    for (int64_t us = 0; us < m->media.duration_us; us += audio->window_us)
        assert_int_equal(md_vec_push(&audio->loudness, -30.0F + (float)(us / 500000 % 17)), MD_OK);
    for (int64_t us = 0, k = 0; us < m->media.duration_us; us += 3000000, k++) {
        struct md_sound_range range = {us, MD_MIN(us + 3000000, m->media.duration_us), (int)(k % 4),
                                       0.8F};
        assert_int_equal(md_vec_push(&audio->ranges, range), MD_OK);
    }
}

static void make_words(struct make_outputs *m)
{
    m->transcript.source = m->cues ? MD_TRANSCRIPT_SIDECAR : MD_TRANSCRIPT_NONE;
    m->transcript.origin = m->cues ? foreign(m, "A Film.en.srt") : NULL;
    m->transcript.language = m->cues ? copy("eng") : NULL;
    for (int i = 0; i < m->cues; i++) {
        int64_t start = m->media.duration_us / m->cues * i;
        struct md_cue cue = {.start_us = start,
                             .end_us = start + 2000000,
                             .text = foreign(m, i % 7 == 3 ? "[door slams]" : "Anna said it."),
                             .speaker = i % 3 ? NULL : foreign(m, "Anna"),
                             .is_sound = i % 7 == 3};
        assert_int_equal(md_vec_push(&m->transcript.cues, cue), MD_OK);
        struct md_sentence sentence = {
            .start_us = start, .end_us = start + 2000000, .text = foreign(m, "Anna said it.")};
        assert_int_equal(md_vec_push(&m->story.sentences, sentence), MD_OK);
    }
}

static void make_story(struct make_outputs *m)
{
    struct md_story *story = &m->story;
    int acts = MD_MIN(m->shots, (int)MD_ACTS);
    story->method = copy("built-in");
    story->has_words = m->cues > 0;
    if (m->cues)
        story->synopsis = foreign(m, "Anna says it.\n\nThen she says it again.");
    for (int a = 0; a < acts; a++) {
        int first = m->shots * a / acts, end = m->shots * (a + 1) / acts;
        struct md_segment segment = {.start_us = (int64_t)first * SHOT_US,
                                     .end_us = (int64_t)end * SHOT_US,
                                     .first_shot = first,
                                     .shot_count = end - first,
                                     .act = a,
                                     .importance = 0.5F,
                                     .audio_visual = 0.4F,
                                     .emotion = 0.3F,
                                     .title = foreign(m, "A scene"),
                                     .summary = foreign(m, "Words.")};
        push_text(&segment.keywords, foreign(m, "door"));
        assert_int_equal(md_vec_push(&story->segments, segment), MD_OK);
        struct md_act_range act = {a, segment.start_us,        segment.end_us, a,
                                   1, foreign(m, "It starts.")};
        assert_int_equal(md_vec_push(&story->acts, act), MD_OK);
        struct md_key_moment moment = {segment.start_us,
                                       segment.start_us + 3000000,
                                       a,
                                       0.7F,
                                       foreign(m, "turning-point"),
                                       foreign(m, "It turns."),
                                       m->cues ? foreign(m, "Anna said it.") : NULL};
        assert_int_equal(md_vec_push(&story->key_moments, moment), MD_OK);
    }
    if (m->cues) {
        struct md_character anna = {foreign(m, "Anna"), 12, 5, 0, m->media.duration_us};
        assert_int_equal(md_vec_push(&story->characters, anna), MD_OK);
        push_text(&story->keywords, foreign(m, "door"));
    }
}

static void make_choice(struct make_outputs *m)
{
    int64_t digest_us = 0;
    m->cut.strategy = copy("hybrid");
    m->cut.note = m->text ? foreign(m, "") : NULL;
    for (int i = 0; i < m->pieces; i++) {
        int shot = (int)((int64_t)m->shots * i / m->pieces);
        struct md_piece piece = {.start_us = (int64_t)shot * SHOT_US,
                                 .end_us = (int64_t)(shot + 1) * SHOT_US,
                                 .first_shot = shot,
                                 .shot_count = 1,
                                 .act = i * MD_ACTS / m->pieces,
                                 .score = 0.6F};
        push_text(&piece.reasons, foreign(m, "It matters."));
        struct md_rendered_piece rendered = {piece.start_us, piece.end_us, digest_us, 125};
        digest_us += SHOT_US;
        assert_int_equal(md_vec_push(&m->cut.pieces, piece), MD_OK);
        assert_int_equal(md_vec_push(&m->render.pieces, rendered), MD_OK);
    }
    m->cut.target_us = m->cut.total_us = m->render.duration_us = digest_us;
    m->render.video = copy("digest.mp4");
    m->render.video_encoding = copy("H.264 1280x720 crf 20");
    m->render.audio_encoding = m->no_audio ? NULL : copy("AAC");
    m->render.loudness_lufs = -18;
}

void make_outputs(struct make_outputs *m)
{
    m->work_dir = fresh_folder();
    m->out_dir = fresh_folder();
    assert_int_equal(md_options_init(&m->options), MD_OK);
    make_media(m);
    make_shots(m);
    make_sound(m);
    make_words(m);
    make_story(m);
    make_choice(m);
    write_key_images(m);
    m->in = (struct md_artifacts){&m->media,      &m->shot_list, &m->audio,
                                  &m->transcript, &m->story,     &m->cut};
    m->env = (struct md_stage_env){.movie_path = "A Film.mkv",
                                   .work_dir = m->work_dir,
                                   .out_dir = m->out_dir,
                                   .options = &m->options,
                                   .threads = 1,
                                   .failure = &m->failure};
}

void make_outputs_done(struct make_outputs *m)
{
    md_artifact_done(&md_artifact_media, &m->media);
    md_artifact_done(&md_artifact_shots, &m->shot_list);
    md_artifact_done(&md_artifact_audio, &m->audio);
    md_artifact_done(&md_artifact_transcript, &m->transcript);
    md_artifact_done(&md_artifact_story, &m->story);
    md_artifact_done(&md_artifact_cut, &m->cut);
    md_artifact_done(&md_artifact_render, &m->render);
    md_options_done(&m->options);
    md_remove_tree(m->work_dir, NULL);
    md_remove_tree(m->out_dir, NULL);
    free(m->work_dir);
    free(m->out_dir);
}

char *read_output(const struct make_outputs *m, const char *name, size_t *ret_n)
{
    char *text = NULL;
    md_autofree char *path = md_path_join(m->out_dir, name);
    if (md_file_read(path, 64 << 20, &text, ret_n, NULL) < 0)
        return NULL;
    return text;
}
