/* The audio stage leaves PCM and curves that lie on the movie's clock. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../media/make_media.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "model/artifact.h"
#include "model/audio.h"
#include "model/stage.h"

#define PICTURE(seconds) "-f lavfi -i testsrc2=s=64x48:r=25:d=" #seconds " "
#define TONE(seconds)    "-f lavfi -i sine=f=440:r=48000:d=" #seconds " "

static int run_audio(const char *name, const struct md_media *media, bool (*cancelled)(void *),
                     void *user, struct md_audio *ret_audio, struct md_failure *failure)
{
    struct md_stage_env env = {
        .movie_path = media_path(name),
        .work_dir = media_path("."),
        .threads = 1,
        .failure = failure,
        .cancelled = cancelled,
        .user = user,
    };
    *ret_audio = (struct md_audio){0};
    *failure = (struct md_failure){0};
    struct md_artifacts in = {.media = media};
    int rc = md_stage_ops_audio.run(&env, &in, ret_audio);
    if (rc == MD_OK)
        assert_true(md_stage_ops_audio.outputs_present(&env, ret_audio));
    return rc;
}

static struct md_audio analysed(const char *name)
{
    struct md_media media = probed(name, NULL);
    struct md_audio audio, back = {0};
    struct md_failure failure;
    if (run_audio(name, &media, NULL, NULL, &audio, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    media_done(&media);
    if (md_artifact_save(&md_artifact_audio, media_path("."), 1, &audio, &failure) != MD_OK ||
        md_artifact_load(&md_artifact_audio, media_path("."), &back, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    md_artifact_done(&md_artifact_audio, &back);
    return audio;
}

static void sound_that_begins_late_lies_where_it_is_heard(void **state)
{
    run_ffmpeg(PICTURE(8) "-itsoffset 3 " TONE(3) "-map 0 -map 1 -c:v mpeg4 -c:a aac late.mkv");
    struct md_audio a = analysed("late.mkv");
    assert_true(a.present);
    assert_int_equal(a.start_us, 0);
    assert_int_equal(a.window_us, 500000);
    assert_true(llabs(a.duration_us - 6000000) < 50000);
    assert_int_equal(a.loudness.n, a.speech.n);
    assert_true(a.loudness.v[2] == -70 && a.loudness.v[8] > -30);
    assert_int_equal(a.ranges.v[0].sound, MD_SOUND_SILENCE);
    assert_true(llabs(a.ranges.v[0].end_us - 3000000) <= 500000);
    assert_int_equal(a.ranges.v[a.ranges.n - 1].end_us, a.duration_us);
    size_t size;
    md_autofree char *pcm = read_media("audio.pcm", &size);
    int16_t sample;
    int loudest_before = 0, loudest_after = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        memcpy(&sample, pcm + i, 2);
        if (i / 2 < 16000 * 29 / 10)
            loudest_before = MD_MAX(loudest_before, abs(sample));
        else if (i / 2 > 16000 * 31 / 10 && i / 2 < 16000 * 5)
            loudest_after = MD_MAX(loudest_after, abs(sample));
    }
    assert_int_equal(loudest_before, 0);
    assert_true(loudest_after > 3000);
    md_artifact_done(&md_artifact_audio, &a);
}

static void the_same_movie_gives_the_same_bytes(void **state)
{
    run_ffmpeg(PICTURE(4) TONE(4) "-c:v mpeg4 -c:a aac same.mkv");
    struct md_audio a = analysed("same.mkv");
    size_t first_size, size;
    md_autofree char *first = read_media("audio.json", &first_size);
    md_artifact_done(&md_artifact_audio, &a);
    a = analysed("same.mkv");
    md_autofree char *second = read_media("audio.json", &size);
    assert_int_equal(size, first_size);
    assert_memory_equal(first, second, size);
    md_artifact_done(&md_artifact_audio, &a);
}

static void sound_beyond_the_picture_is_left_out(void **state)
{
    run_ffmpeg(PICTURE(2) TONE(9) "-c:v mpeg4 -c:a aac beyond.mkv");
    struct md_audio a = analysed("beyond.mkv");
    assert_true(llabs(a.duration_us - 2000000) < 50000);
    md_artifact_done(&md_artifact_audio, &a);
}

static void a_movie_without_sound_has_none(void **state)
{
    run_ffmpeg(PICTURE(1) "-c:v mpeg4 mute.mp4");
    struct md_audio a = analysed("mute.mp4");
    assert_false(a.present);
    assert_int_equal(a.ranges.n, 0);
    assert_null(a.pcm);
    md_artifact_done(&md_artifact_audio, &a);
}

static void silence_is_said_and_has_no_speech(void **state)
{
    run_ffmpeg(
        PICTURE(3) "-f lavfi -i anullsrc=r=44100:cl=stereo:d=3 -c:v mpeg4 -c:a aac still.mp4");
    struct md_audio a = analysed("still.mp4");
    assert_true(a.present);
    assert_true(a.integrated_lufs == -70);
    assert_int_equal(a.ranges.n, 1);
    assert_int_equal(a.ranges.v[0].sound, MD_SOUND_SILENCE);
    assert_int_equal(a.warnings.n, 1);
    md_artifact_done(&md_artifact_audio, &a);
}

static bool soon(void *user)
{
    return ++*(int *)user > 100;
}

static void cancelling_leaves_no_file_behind(void **state)
{
    run_ffmpeg(PICTURE(60) TONE(60) "-c:v mpeg4 -c:a mp2 cancel.mkv");
    struct md_media media = probed("cancel.mkv", NULL);
    struct md_audio audio;
    struct md_failure failure;
    int asked = 0;
    unlink(media_path("audio.pcm"));
    int rc = run_audio("cancel.mkv", &media, soon, &asked, &audio, &failure);
    assert_int_equal(rc, MD_ERR_CANCELLED);
    assert_int_not_equal(access(media_path("audio.pcm"), F_OK), 0);
    assert_int_not_equal(access(media_path("audio.pcm.part"), F_OK), 0);
    md_artifact_done(&md_artifact_audio, &audio);
    media_done(&media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_that_begins_late_lies_where_it_is_heard),
        cmocka_unit_test(the_same_movie_gives_the_same_bytes),
        cmocka_unit_test(sound_beyond_the_picture_is_left_out),
        cmocka_unit_test(a_movie_without_sound_has_none),
        cmocka_unit_test(silence_is_said_and_has_no_speech),
        cmocka_unit_test(cancelling_leaves_no_file_behind),
    };
    return cmocka_run_group_tests(tests, make_media_folder, remove_media_folder);
}
