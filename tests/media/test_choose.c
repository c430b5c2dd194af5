/* The movie's own picture and sound are found among cover art, commentaries and dubs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "media/choose.h"

static int64_t audio_choice(struct md_stream *rows, size_t n, const char *wanted)
{
    for (size_t i = 0; i < n; i++) {
        rows[i].index = (int64_t)i + 1;
        rows[i].kind = MD_STREAM_AUDIO;
        md_choose_read_title(&rows[i]);
    }
    struct md_streams streams = {rows, n, n};
    return md_choose_audio(&streams, wanted);
}
#define CHOICE(wanted, ...)                                                                        \
    audio_choice((struct md_stream[]){__VA_ARGS__},                                                \
                 sizeof((struct md_stream[]){__VA_ARGS__}) / sizeof(struct md_stream), wanted)
#define TRACK(...)                                                                                 \
    {                                                                                              \
        .decodable = true, __VA_ARGS__                                                             \
    }

static void each_rule_of_choosing_sound_outranks_the_next(void **state)
{
    assert_int_equal(CHOICE(NULL, {.channels = 8}, TRACK(.channels = 1)), 2);
    assert_int_equal(CHOICE("en", TRACK(.channels = 2, .language = "eng", .is_commentary = true),
                            TRACK(.channels = 2, .language = "fre")),
                     2);
    assert_int_equal(CHOICE("de,en", TRACK(.channels = 6, .is_default = true, .language = "eng"),
                            TRACK(.channels = 2, .language = "ger")),
                     2);
    assert_int_equal(CHOICE(NULL, TRACK(.channels = 6), TRACK(.channels = 2, .is_default = true)),
                     2);
    assert_int_equal(CHOICE(NULL, TRACK(.channels = 6, .is_dub = true), TRACK(.channels = 2)), 2);
    assert_int_equal(CHOICE(NULL, TRACK(.channels = 2), TRACK(.channels = 6)), 2);
    assert_int_equal(CHOICE(NULL, TRACK(.channels = 2), TRACK(.channels = 2)), 1);
    struct md_streams none = {0};
    assert_int_equal(md_choose_audio(&none, "en"), -1);
}

static void titles_betray_what_a_track_is(void **state)
{
    static const char *const commentaries[] = {"Director's Commentary", "Kommentar von Murnau",
                                               "Commentaire audio",     "COMMENTARY 2",
                                               "Isolated Score",        "with the Director"};
    static const char *const descriptions[] = {"Audio Description", "English [Descriptive]",
                                               "H\xc3\xb6rfilmfassung", "Audiodescription"};
    static const char *const plain[] = {"Stereo", "Director's Cut", "English 5.1", "Original"};
    for (size_t i = 0; i < MD_ARRAY_LEN(commentaries); i++) {
        struct md_stream s = {.kind = MD_STREAM_AUDIO, .title = (char *)commentaries[i]};
        md_choose_read_title(&s);
        assert_true(s.is_commentary);
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(descriptions); i++) {
        struct md_stream s = {.kind = MD_STREAM_AUDIO, .title = (char *)descriptions[i]};
        md_choose_read_title(&s);
        assert_true(s.is_visual_impaired);
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(plain); i++) {
        struct md_stream s = {.kind = MD_STREAM_AUDIO, .title = (char *)plain[i]};
        md_choose_read_title(&s);
        assert_false(s.is_commentary || s.is_visual_impaired || s.is_hearing_impaired || s.is_dub);
    }
}

static void the_picture_is_never_cover_art(void **state)
{
    struct md_stream rows[] = {
        {.index = 0,
         .kind = MD_STREAM_VIDEO,
         .decodable = true,
         .is_attached_picture = true,
         .is_default = true,
         .width = 4000,
         .height = 4000},
        {.index = 1, .kind = MD_STREAM_VIDEO, .decodable = true, .width = 320, .height = 240},
        {.index = 2, .kind = MD_STREAM_VIDEO, .decodable = true, .width = 640, .height = 480},
        {.index = 3, .kind = MD_STREAM_VIDEO, .width = 1920, .height = 1080, .is_default = true},
    };
    struct md_streams streams = {rows, 4, 4};
    assert_int_equal(md_choose_video(&streams), 2);
    rows[1].is_default = true;
    assert_int_equal(md_choose_video(&streams), 1);
    streams.n = 1;
    assert_int_equal(md_choose_video(&streams), -1);
}

static void descriptions_of_hostile_streams_fit(void **state)
{
    char language[2000], out[160];
    memset(language, 'x', sizeof language - 1);
    language[sizeof language - 1] = '\0';
    struct md_stream s = {.index = INT64_MAX,
                          .kind = MD_STREAM_AUDIO,
                          .language = language,
                          .codec = language,
                          .channels = INT64_MAX,
                          .is_commentary = true};
    md_choose_describe(out, &s);
    assert_true(strlen(out) < sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_of_choosing_sound_outranks_the_next),
        cmocka_unit_test(titles_betray_what_a_track_is),
        cmocka_unit_test(the_picture_is_never_cover_art),
        cmocka_unit_test(descriptions_of_hostile_streams_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
