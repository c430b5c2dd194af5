/* The transcript stage takes the right words from the right place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "make_movie.h"
#include "model/media.h"
#include "model/stage.h"
#include "model/transcript.h"

#define ENGLISH                                                                                    \
    "1\n00:00:01,000 --> 00:00:02,000\nI don't know what you want.\n\n"                            \
    "2\n00:00:03,000 --> 00:00:04,000\nWhere is he? He was here with me.\n\n"
#define GERMAN                                                                                     \
    "1\n00:00:01,000 --> 00:00:02,000\nIch weiß nicht, was du willst.\n\n"                        \
    "2\n00:00:03,000 --> 00:00:04,000\nWo ist er? Er war doch mit mir hier.\n\n"

struct fixture {
    char *folder, *movie;
    struct md_options options;
    struct md_media media;
    struct md_stream streams[4];
    struct md_failure failure;
    struct md_transcript transcript;
    bool cancel;
    enum md_fallback fallback;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = make_folder();
    f->movie = md_path_join(f->folder, "My Film (1999).mkv");
    md_options_init(&f->options);
    f->media = (struct md_media){.duration_us = 60000000, .audio_stream = 0, .video_stream = -1};
    f->streams[0] = (struct md_stream){.index = 0, .kind = MD_STREAM_AUDIO};
    f->media.streams.v = f->streams;
    f->media.streams.n = 1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    md_artifact_done(&md_artifact_transcript, &f->transcript);
    md_options_done(&f->options);
    int r = md_remove_tree(f->folder, NULL);
    free(f->folder);
    free(f->movie);
    free(f);
    return r;
}

static void put(struct fixture *f, const char *name, const char *text)
{
    make_file(f->folder, name, text, strlen(text));
}

static bool is_cancelled(void *user)
{
    return ((struct fixture *)user)->cancel;
}

static struct md_stage_env env_of(struct fixture *f)
{
    return (struct md_stage_env){.movie_path = f->movie,
                                 .options = &f->options,
                                 .threads = 1,
                                 .fallback = f->fallback,
                                 .failure = &f->failure,
                                 .user = f,
                                 .cancelled = is_cancelled};
}

static int run(struct fixture *f)
{
    struct md_stage_env env = env_of(f);
    struct md_artifacts in = {.media = &f->media};
    md_artifact_done(&md_artifact_transcript, &f->transcript);
    f->transcript = (struct md_transcript){0};
    return md_stage_ops_transcript.run(&env, &in, &f->transcript);
}

static void expect_origin(struct fixture *f, const char *origin)
{
    assert_int_equal(run(f), MD_OK);
    if (!origin) {
        assert_int_equal(f->transcript.source, MD_TRANSCRIPT_NONE);
        assert_null(f->transcript.origin);
        assert_int_equal(f->transcript.cues.n, 0);
        return;
    }
    assert_non_null(f->transcript.origin);
    assert_string_equal(f->transcript.origin, origin);
    assert_true(f->transcript.cues.n > 0);
    /* What the stage makes must survive being saved and loaded. */
    assert_int_equal(md_artifact_transcript.validate(&f->transcript, &f->failure), MD_OK);
}

static void subtitles_are_optional(void **state)
{
    struct fixture *f = *state;
    expect_origin(f, NULL);
    assert_int_equal(f->transcript.warnings.n, 0);
    put(f, "Other Film.srt", ENGLISH);
    put(f, "My Film (1999) Making Of.srt", ENGLISH);
    expect_origin(f, NULL);
}

static void a_file_of_the_same_name_is_found(void **state)
{
    static const char *const names[] = {"My Film (1999).srt",
                                        "my film (1999).SRT",
                                        "My Film (1999).en.srt",
                                        "My Film (1999).mkv.srt",
                                        "My Film (1999)_eng.srt",
                                        "My Film (1999) - English.srt",
                                        "My Film (1999).WEB-rip.srt",
                                        "Subs/My Film (1999).srt",
                                        "SUBS/My Film (1999)/2_English.srt",
                                        "subs/3_English.srt"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put(f, names[i], ENGLISH);
        expect_origin(f, names[i]);
        assert_int_equal(f->transcript.source, MD_TRANSCRIPT_SIDECAR);
        assert_string_equal(f->transcript.language, "eng");
        assert_int_equal(f->transcript.cues.n, 2);
        assert_int_equal(f->transcript.cues.v[0].start_us, 1000000);
        md_autofree char *path = md_path_join(f->folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
}

static void a_neighbours_subtitles_are_left_alone(void **state)
{
    struct fixture *f = *state;
    put(f, "My Film (1999).2.mkv", "x");
    put(f, "My Film (1999).2.srt", ENGLISH);
    put(f, "My Film (1999).2.en.srt", ENGLISH);
    put(f, "Subs/English.srt", ENGLISH); /* whose? */
    expect_origin(f, NULL);
}

static void links_out_of_the_folder_are_not_followed(void **state)
{
    struct fixture *f = *state;
    char *elsewhere = make_folder();
    put(f, "real.srt", ENGLISH);
    make_file(elsewhere, "secret.srt", ENGLISH, strlen(ENGLISH));
    md_autofree char *target = md_path_join(elsewhere, "secret.srt");
    md_autofree char *link = md_path_join(f->folder, "My Film (1999).srt");
    assert_int_equal(symlink(target, link), 0);
    expect_origin(f, NULL);
    md_autofree char *subs = md_path_join(f->folder, "Subs");
    assert_int_equal(symlink(elsewhere, subs), 0);
    expect_origin(f, NULL);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("real.srt", link), 0);
    expect_origin(f, "My Film (1999).srt");
    md_remove_tree(elsewhere, NULL);
    free(elsewhere);
}

static void names_may_have_any_bytes(void **state)
{
    struct fixture *f = *state;
    free(f->movie);
    f->movie = md_path_join(f->folder, "-\xFF\n'\"%s.mkv");
    put(f, "-\xFF\n'\"%s.en.srt", ENGLISH);
    expect_origin(f, "-\xEF\xBF\xBD '\"%s.en.srt");
    assert_int_equal(f->transcript.cues.n, 2);
}

static void language_is_wanted_then_spoken_then_any(void **state)
{
    struct fixture *f = *state;
    put(f, "My Film (1999).de.srt", GERMAN);
    put(f, "My Film (1999).srt", ENGLISH); /* untagged: recognised */
    f->streams[0].language = "ger";
    expect_origin(f, "My Film (1999).de.srt");
    f->streams[0].language = "eng";
    expect_origin(f, "My Film (1999).srt");
    f->streams[0].language = NULL;
    expect_origin(f, "My Film (1999).srt");
    assert_int_equal(f->transcript.warnings.n, 0);
    f->options.subtitle_language = strdup("fr,german");
    expect_origin(f, "My Film (1999).de.srt");
    assert_int_equal(f->transcript.warnings.n, 0);
    free(f->options.subtitle_language);
    f->options.subtitle_language = strdup("fr");
    expect_origin(f, "My Film (1999).srt");
    assert_int_equal(f->transcript.warnings.n, 1);
}

static void parts_of_the_dialogue_are_the_last_choice(void **state)
{
    struct fixture *f = *state;
    f->streams[0].language = "eng";
    put(f, "My Film (1999).en.forced.srt", ENGLISH);
    expect_origin(f, "My Film (1999).en.forced.srt");
    assert_int_equal(f->transcript.warnings.n, 1);
    put(f, "My Film (1999).de.srt", GERMAN);
    expect_origin(f, "My Film (1999).de.srt");
    put(f, "My Film (1999).en.sdh.srt", ENGLISH);
    expect_origin(f, "My Film (1999).en.sdh.srt");
    put(f, "My Film (1999).en.srt", ENGLISH);
    expect_origin(f, "My Film (1999).en.srt");

    /* Untagged, but as short as only forced tracks are. */
    put(f, "My Film (1999).en.srt", "1\n00:00:01,000 --> 00:00:02,000\nSign\n");
    char many[4000] = "", *p = many;
    for (int i = 0; i < 30; i++)
        p += sprintf(p, "00:00:%02d,000 --> 00:00:%02d,500\nyou are here %d\n\n", i, i, i);
    put(f, "My Film (1999).en.sdh.srt", many);
    expect_origin(f, "My Film (1999).en.sdh.srt");
}

static void broken_files_are_warnings_and_the_next_is_taken(void **state)
{
    struct fixture *f = *state;
    put(f, "My Film (1999).srt", "<html>404</html>");
    expect_origin(f, NULL);
    assert_int_equal(f->transcript.warnings.n, 1);
    assert_string_equal(f->transcript.warnings.v[0],
                        "My Film (1999).srt: no subtitle in a known format");
    put(f, "My Film (1999).de.srt", GERMAN "3\n00:00:x --> 00:00:09,000\nlost\n");
    expect_origin(f, "My Film (1999).de.srt");
    assert_int_equal(f->transcript.warnings.n, 1);
    assert_string_equal(f->transcript.warnings.v[0], "My Film (1999).de.srt line 10: time code "
                                                     "cannot be read, cue skipped");
}

static void off_is_off(void **state)
{
    struct fixture *f = *state;
    put(f, "My Film (1999).srt", ENGLISH);
    f->options.transcribe = MD_TRANSCRIBE_OFF;
    expect_origin(f, NULL);
    f->options.transcribe = MD_TRANSCRIBE_SUBTITLES;
    expect_origin(f, "My Film (1999).srt");
}

static void add_stream(struct fixture *f, const char *language, bool is_default)
{
    int64_t i = (int64_t)f->media.streams.n++;
    f->streams[i] = (struct md_stream){.index = i,
                                       .kind = MD_STREAM_SUBTITLE,
                                       .is_text = true,
                                       .language = (char *)language,
                                       .is_default = is_default};
}

static const struct make_cue english_cues[] = {
    {1000, 2000, "<i>I don't know</i> what you want.", 0},
    {3000, 4500, "Where is he?\nHe was here with me.", 0},
    {0}};
static const struct make_cue german_cues[] = {
    {1000, 2000, "0,0,Default,Anna,0,0,0,,{\\i1}Ich{\\i0} weiß nicht,\\Nwas du willst.", 0},
    {3000, 4500, "1,0,Default,,0,0,0,,Wo ist er? Er war doch hier.", 0},
    {0}};

static void streams_of_the_movie_are_read(void **state)
{
    struct fixture *f = *state;
    const struct make_stream streams[] = {
        {.codec = AV_CODEC_ID_SUBRIP, .cues = english_cues},
        {.codec = AV_CODEC_ID_ASS, .cues = german_cues},
    };
    make_movie(f->movie, "matroska", 6, streams, 2);
    add_stream(f, NULL, false);
    add_stream(f, "ger", false);
    f->media.clock_zero_us = 250000;
    f->streams[0].language = "eng";
    expect_origin(f, "stream 1"); /* its language is recognised */
    assert_int_equal(f->transcript.source, MD_TRANSCRIPT_EMBEDDED);
    assert_string_equal(f->transcript.language, "eng");
    assert_int_equal(f->transcript.cues.n, 2);
    assert_string_equal(f->transcript.cues.v[0].text, "I don't know what you want.");
    assert_int_equal(f->transcript.cues.v[0].start_us, 750000); /* on the movie's clock */
    assert_int_equal(f->transcript.cues.v[1].end_us, 4250000);

    f->streams[0].language = "deu";
    expect_origin(f, "stream 2");
    assert_string_equal(f->transcript.cues.v[0].text, "Ich weiß nicht,\nwas du willst.");
    assert_string_equal(f->transcript.cues.v[0].speaker, "Anna");

    /* A file of the same language goes first, one of another does not. */
    put(f, "My Film (1999).en.srt", ENGLISH);
    expect_origin(f, "stream 2");
    put(f, "My Film (1999).de.srt", GERMAN);
    expect_origin(f, "My Film (1999).de.srt");
}

static void mp4_text_is_unwrapped(void **state)
{
    struct fixture *f = *state;
    /* UTF-8, UTF-16 with a mark, and an empty sample as gaps are written. */
    const struct make_cue cues[] = {{1000, 2000, "Hello <there>", 0},
                                    {2000, 3000, "", 0},
                                    {3000, 4000, "\xFE\xFF\0H\0i", 6},
                                    {0}};
    const struct make_stream streams[] = {{.codec = AV_CODEC_ID_MOV_TEXT, .cues = cues}};
    free(f->movie);
    f->movie = md_path_join(f->folder, "film.mp4");
    make_movie(f->movie, "mov", 5, streams, 1);
    add_stream(f, "eng", true);
    expect_origin(f, "stream 1");
    assert_int_equal(f->transcript.cues.n, 2);
    assert_string_equal(f->transcript.cues.v[0].text, "Hello <there>");
    assert_string_equal(f->transcript.cues.v[1].text, "Hi");
    assert_int_equal(f->transcript.cues.v[1].start_us, 3000000);
}

static void a_stream_in_another_character_set_is_decoded(void **state)
{
    struct fixture *f = *state;
    /* Windows-1251, which Matroska forbids and people do. */
    const struct make_cue cues[] = {
        {1000, 2000, "\xDF \xED\xE5 \xE7\xED\xE0\xFE, \xF7\xF2\xEE \xFD\xF2\xEE.", 0},
        {3000, 4000, "\xCE\xED \xE1\xFB\xEB \xE7\xE4\xE5\xF1\xFC \xF1\xEE \xEC\xED\xEE\xE9.", 0},
        {0}};
    const struct make_stream streams[] = {{.codec = AV_CODEC_ID_SUBRIP, .cues = cues}};
    make_movie(f->movie, "matroska", 5, streams, 1);
    add_stream(f, "rus", true);
    expect_origin(f, "stream 1");
    assert_string_equal(f->transcript.cues.v[0].text, "Я не знаю, что это.");
    assert_string_equal(f->transcript.cues.v[1].text, "Он был здесь со мной.");
}

static void an_unreadable_movie_is_a_warning(void **state)
{
    struct fixture *f = *state;
    put(f, "My Film (1999).mkv", "not a movie at all");
    add_stream(f, "eng", true);
    assert_int_equal(run(f), MD_OK);
    assert_int_equal(f->transcript.source, MD_TRANSCRIPT_NONE);
    assert_true(f->transcript.warnings.n > 0);
}

static void it_stops_when_asked(void **state)
{
    struct fixture *f = *state;
    put(f, "My Film (1999).srt", ENGLISH);
    f->cancel = true;
    assert_int_equal(run(f), MD_ERR_CANCELLED);
    assert_int_equal(f->failure.code, MD_ERR_CANCELLED);
}

static void what_a_model_should_have_heard_is_a_warning_beside_the_subtitles(void **state)
{
    struct fixture *f = *state;
    f->options.transcribe = MD_TRANSCRIBE_WHISPER;
    for (int reason = MD_FALLBACK_MEMORY; reason < MD_FALLBACKS; reason++) {
        f->fallback = (enum md_fallback)reason;
        expect_origin(f, NULL);
        assert_int_equal(f->transcript.warnings.n, 1);
        assert_non_null(strstr(f->transcript.warnings.v[0], md_fallback_reason(f->fallback)));
    }
    put(f, "My Film (1999).srt", ENGLISH);
    expect_origin(f, "My Film (1999).srt");
    assert_non_null(strstr(f->transcript.warnings.v[0], "the speech model did not listen"));
}

static uint64_t key_of(struct fixture *f)
{
    uint64_t key = MD_HASH_START;
    struct md_stage_env env = env_of(f);
    assert_int_equal(md_stage_ops_transcript.chain_key(&env, &key), MD_OK);
    return key;
}

static void files_beside_the_movie_are_part_of_the_key(void **state)
{
    struct fixture *f = *state;
    uint64_t none = key_of(f);
    put(f, "unrelated.srt", ENGLISH);
    assert_true(key_of(f) == none);
    put(f, "My Film (1999).srt", ENGLISH);
    uint64_t one = key_of(f);
    assert_true(one != none);
    assert_true(key_of(f) == one);
    put(f, "My Film (1999).srt", GERMAN);
    assert_true(key_of(f) != one);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(subtitles_are_optional),
        T(a_file_of_the_same_name_is_found),
        T(a_neighbours_subtitles_are_left_alone),
        T(links_out_of_the_folder_are_not_followed),
        T(names_may_have_any_bytes),
        T(language_is_wanted_then_spoken_then_any),
        T(parts_of_the_dialogue_are_the_last_choice),
        T(broken_files_are_warnings_and_the_next_is_taken),
        T(off_is_off),
        T(streams_of_the_movie_are_read),
        T(mp4_text_is_unwrapped),
        T(a_stream_in_another_character_set_is_decoded),
        T(an_unreadable_movie_is_a_warning),
        T(it_stops_when_asked),
        T(what_a_model_should_have_heard_is_a_warning_beside_the_subtitles),
        T(files_beside_the_movie_are_part_of_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
