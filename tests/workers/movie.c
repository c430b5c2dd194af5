#include "movie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/audio.h"
#include "model/media.h"
#include "model/shots.h"
#include "model/transcript.h"

enum { RATE = 16000 };

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void add_range(struct md_audio *audio, int64_t start_us, int64_t end_us, int sound)
{
    struct md_sound_range range = {start_us, end_us, sound, 1};
    assert_int_equal(md_vec_push(&audio->ranges, range), MD_OK);
    while ((int64_t)audio->speech.n * audio->window_us < end_us) {
        assert_int_equal(md_vec_push(&audio->speech, sound == MD_SOUND_SPEECH ? 0.9f : 0), MD_OK);
        assert_int_equal(md_vec_push(&audio->loudness, sound == MD_SOUND_SPEECH ? -20 : -70),
                         MD_OK);
    }
}

/* Noise in words of 0.3 s with pauses of 0.3 s now and then; each stretch has its own strength. */
static void add_sound(FILE *pcm, int64_t samples, bool talk, unsigned *seed)
{
    unsigned strength = 1000 + next(seed) % 8000;
    int16_t block[4096];
    for (int64_t i = 0; i < samples; i++) {
        bool pause = i % (4 * RATE) > 3.7 * RATE;
        int value = talk && !pause ? (int)(next(seed) % (2 * strength)) - (int)strength : 0;
        block[i % 4096] = (int16_t)value;
        if (i % 4096 == 4095 || i + 1 == samples)
            fwrite(block, 2, (size_t)(i % 4096 + 1), pcm);
    }
}

static void make_sound(const char *work, int seconds, unsigned seed)
{
    struct md_failure failure = {0};
    struct md_audio audio = {.present = true,
                             .duration_us = seconds * INT64_C(1000000),
                             .integrated_lufs = -23,
                             .window_us = 500000,
                             .pcm = strdup("audio.pcm")};
    md_autofree char *path = md_path_join(work, "audio.pcm");
    FILE *pcm = fopen(path, "wb");
    assert_non_null(pcm);
    bool talk = false;
    for (int at = 0; at < seconds; talk = !talk) {
        int length = talk ? 3 + (int)(next(&seed) % 18) : 2 + (int)(next(&seed) % 8);
        length = length < seconds - at ? length : seconds - at;
        add_sound(pcm, (int64_t)length * RATE, talk, &seed);
        add_range(&audio, at * INT64_C(1000000), (at + length) * INT64_C(1000000),
                  talk ? MD_SOUND_SPEECH : MD_SOUND_SILENCE);
        at += length;
    }
    assert_int_equal(fclose(pcm), 0);
    assert_int_equal(md_artifact_save(&md_artifact_audio, work, 2, &audio, &failure), MD_OK);
    md_artifact_done(&md_artifact_audio, &audio);
}

char *movie_make(int seconds, unsigned seed)
{
    struct md_failure failure = {0};
    char *folder = strdup("/tmp/moviedigest-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    md_autofree char *work = md_path_join(folder, "work");
    md_autofree char *movie = md_path_join(folder, "movie");
    assert_int_equal(md_mkdir_p(work, &failure), MD_OK);
    assert_int_equal(md_file_write_atomic(movie, &seed, sizeof seed, &failure), MD_OK);
    struct md_media media = {.name = strdup("movie"),
                             .uri = strdup("file:///movie"),
                             .duration_us = seconds * INT64_C(1000000),
                             .video_stream = -1,
                             .audio_stream = 0};
    struct md_stream stream = {.kind = MD_STREAM_AUDIO, .codec = strdup("pcm"), .channels = 1};
    assert_int_equal(md_vec_push(&media.streams, stream), MD_OK);
    if (md_artifact_save(&md_artifact_media, work, 1, &media, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    md_artifact_done(&md_artifact_media, &media);
    make_sound(work, seconds, seed);
    return folder;
}

static void add_shots(const char *work, int seconds)
{
    struct md_shots shots = {0};
    struct md_failure failure = {0};
    for (int64_t t = 0; t < seconds; t += 5) {
        struct md_shot shot = {.start_us = t * 1000000, .end_us = (t + 5) * 1000000};
        shot.start_frame = t * 25;
        shot.end_frame = shot.start_frame + 125;
        shot.transition_start_frame = shot.transition_end_frame = shot.start_frame;
        assert_int_equal(md_vec_push(&shots.shots, shot), MD_OK);
    }
    if (md_artifact_save(&md_artifact_shots, work, 3, &shots, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    md_artifact_done(&md_artifact_shots, &shots);
}

static void add_words(const char *work, int seconds, const char *extra)
{
    static const char *const lines[] = {
        "Anna, where is the letter from the castle?", "I gave it to Viktor on the bridge.",
        "Then we have lost, and the town with us.",   "Nobody has lost while the ship is here!",
        "Do you remember the summer in the garden?",  "Run, Viktor, they are at the door."};
    struct md_transcript transcript = {
        .source = MD_TRANSCRIPT_SIDECAR, .origin = strdup("movie.srt"), .language = strdup("en")};
    struct md_failure failure = {0};
    for (int64_t t = 2, i = 0; t < seconds - 10; t += 6, i++) {
        const char *text = extra && i % 3 == 0 ? extra : lines[(i * 7 + i / 5) % 6];
        struct md_cue cue = {
            .start_us = t * 1000000, .end_us = (t + 3) * 1000000, .text = strdup(text)};
        assert_int_equal(md_vec_push(&transcript.cues, cue), MD_OK);
    }
    if (md_artifact_save(&md_artifact_transcript, work, 4, &transcript, &failure) != MD_OK)
        fail_msg("%s", failure.message);
    md_artifact_done(&md_artifact_transcript, &transcript);
}

char *movie_make_talk(int seconds, unsigned seed, const char *extra)
{
    char *folder = movie_make(seconds, seed);
    md_autofree char *work = md_path_join(folder, "work");
    add_shots(work, seconds);
    add_words(work, seconds, extra);
    return folder;
}

void movie_remove(char *folder)
{
    md_remove_tree(folder, NULL);
    free(folder);
}

char *movie_read(const char *folder, const char *name)
{
    char *bytes = NULL;
    struct md_failure ignored = {0};
    md_autofree char *work = md_path_join(folder, "work");
    md_autofree char *path = md_path_join(work, name);
    md_file_read(path, 1 << 28, &bytes, NULL, &ignored);
    return bytes;
}

void movie_forget(const char *folder, const char *name)
{
    md_autofree char *work = md_path_join(folder, "work");
    md_autofree char *path = md_path_join(work, name);
    unlink(path);
}

void movie_forget_story(const char *folder)
{
    movie_forget(folder, "story.json");
    movie_forget(folder, "story.units");
}
