/* SRT, WebVTT and ASS files are read as players read them, broken ones as far as they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "transcript/parse.h"

static struct md_subtitle_track parse(const char *text)
{
    struct md_subtitle_track track = {.name = "film.srt", .unit = "line"};
    assert_int_equal(md_subtitle_parse(&track, text), MD_OK);
    return track;
}

static void expect_event(const struct md_subtitle_track *track, size_t i, int64_t start_ms,
                         int64_t end_ms, const char *text)
{
    assert_true(i < track->events.n);
    assert_int_equal(track->events.v[i].start_us, start_ms * 1000);
    assert_int_equal(track->events.v[i].end_us, end_ms * 1000);
    assert_string_equal(track->events.v[i].text, text);
}

static void srt_is_read(void **state)
{
    md_autotrack track = parse("1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\nthere\r\n\r\n"
                               "2\r\n01:02:03,004 --> 01:02:04,000 X1:10 X2:20\r\nBye\r\n");
    assert_int_equal(track.format, MD_SUBTITLE_SRT);
    assert_int_equal(track.events.n, 2);
    expect_event(&track, 0, 1000, 2500, "Hello\nthere\n");
    expect_event(&track, 1, 3723004, 3724000, "Bye\n");
    assert_int_equal(track.notes.n, 0);
}

static void untidy_srt_is_read_too(void **state)
{
    /* No blank lines between, blank lines within, no counters, odd time codes, \r alone. */
    md_autotrack track = parse("0:0:1.5 -> 0:0:2\rone\r2\r00:00:03:250 --> 00:00:04:000\rtwo\r\r"
                               "still two\r\r42\r\r3\r00:00:05, 000 \xE2\x80\x93> 00:00:06,000\r"
                               "three");
    assert_int_equal(track.events.n, 3);
    expect_event(&track, 0, 1500, 2000, "one\n");
    expect_event(&track, 1, 3250, 4000, "two\nstill two\n42\n");
    expect_event(&track, 2, 5000, 6000, "three\n");
    assert_int_equal(track.notes.n, 0);
}

static void broken_time_codes_cost_one_cue_and_are_named(void **state)
{
    md_autotrack track = parse("1\n00:00:01,000 --> 00:00:02,000\ngood\n\n"
                               "2\n00:00:0x,000 --> 00:00:04,000\nlost\n\n"
                               "3\n00:00:05,000 --> never\nno end\n\n"
                               "4\n99999999999:00:07,000 --> 00:00:08,000\nlost too\n\n"
                               "5\n00:00:09,000 --> 00:00:10,000\nlast\n");
    assert_int_equal(track.events.n, 3);
    expect_event(&track, 0, 1000, 2000, "good\n");
    expect_event(&track, 1, 5000, 5000, "no end\n");
    expect_event(&track, 2, 9000, 10000, "last\n");
    assert_int_equal(track.notes.n, 3);
    assert_string_equal(track.notes.v[0], "film.srt line 6: time code cannot be read, cue skipped");
    assert_string_equal(track.notes.v[1], "film.srt line 10: end time cannot be read, estimated");
    assert_string_equal(track.notes.v[2],
                        "film.srt line 14: time code cannot be read, cue skipped");
}

static void webvtt_is_read_without_its_side_matter(void **state)
{
    md_autotrack track = parse("WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\n"
                               "NOTE\nnot said\n00:01.000 --> 00:02.000\nstill not said\n\n"
                               "intro\n00:01.000 --> 00:02.000 align:start\n<v Anna>Hi\n\n"
                               "NOTE one line\n\nREGION\nid:x\n\n"
                               "second cue\n01:00:01.000 --> 01:00:02.000\nNOTEBOOK\n42\n\n");
    assert_int_equal(track.format, MD_SUBTITLE_VTT);
    assert_int_equal(track.events.n, 2);
    expect_event(&track, 0, 1000, 2000, "<v Anna>Hi\n");
    expect_event(&track, 1, 3601000, 3602000, "NOTEBOOK\n42\n");
    assert_int_equal(track.notes.n, 0);
}

static void ass_is_read_by_its_format_line(void **state)
{
    md_autotrack track =
        parse("[Script Info]\nTitle: x\n\n[V4+ Styles]\nFormat: Name, Fontname\n"
              "Style: Default,Arial\n\n[Events]\n"
              "Format: Layer, Start, End, Style, Actor, MarginL, MarginR, MarginV, Effect, Text\n"
              "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,hidden\n"
              "Dialogue: 0,0:00:01.50,0:00:02.00,Default,Anna,0,0,0,,Hello, {\\i1}you{\\i0}\n"
              "Dialogue: 0,0:00:03.00,0:00:04.00,OP romaji,,0,0,0,,la la\n"
              "Dialogue: 0,oops,0:00:04.00,Default,,0,0,0,,lost\n"
              "Dialogue: 0,too few\n");
    assert_int_equal(track.format, MD_SUBTITLE_ASS);
    assert_int_equal(track.events.n, 2);
    expect_event(&track, 0, 1500, 2000, "Hello, {\\i1}you{\\i0}");
    assert_string_equal(track.events.v[0].speaker, "Anna");
    assert_false(track.events.v[0].is_sound);
    assert_null(track.events.v[1].speaker);
    assert_true(track.events.v[1].is_sound);
    assert_int_equal(track.notes.n, 2);
}

static void ssa_columns_in_another_order_are_followed(void **state)
{
    md_autotrack track = parse("[Events]\nFormat: End, Start, Name, Text\n"
                               "Dialogue: 0:00:02.00,0:00:01.00,Bob,one, two, three\n");
    assert_int_equal(track.events.n, 1);
    expect_event(&track, 0, 1000, 2000, "one, two, three");
    assert_string_equal(track.events.v[0].speaker, "Bob");
}

static void what_is_no_subtitle_is_said(void **state)
{
    static const char *const texts[] = {"", "\n\n\n", "<html><body>404</body></html>",
                                        "just some words\nwithout times\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        md_autotrack track = parse(texts[i]);
        assert_int_equal(track.events.n, 0);
        assert_int_equal(track.notes.n, 1);
    }
}

static void notes_are_counted_when_there_are_too_many(void **state)
{
    enum { BROKEN = 500 };
    char *text = calloc(BROKEN, 40), *p = text;
    assert_non_null(text);
    for (int i = 0; i < BROKEN; i++)
        p += sprintf(p, "00:00:x --> 00:00:01,000\nlost\n\n");
    md_autotrack track = parse(text);
    free(text);
    assert_int_equal(track.events.n, 0);
    assert_int_equal(track.notes.n, MD_SUBTITLE_MAX_NOTES);
    assert_int_equal(track.unwritten_notes, BROKEN - MD_SUBTITLE_MAX_NOTES);
}

static void endless_files_end_at_the_limits(void **state)
{
    /* More cues than allowed, and one whose text does not stop. */
    size_t cues = MD_SUBTITLE_MAX_EVENTS + 10;
    char *text = malloc(cues * 40), *p = text;
    assert_non_null(text);
    for (size_t i = 0; i < cues; i++)
        p += sprintf(p, "0:00:01.000 --> 0:00:02.000\na\n\n");
    md_autotrack many = parse(text);
    free(text);
    assert_int_equal(many.events.n, MD_SUBTITLE_MAX_EVENTS);
    assert_int_equal(many.notes.n, 1);

    enum { LONG = 1000000 };
    char *one = malloc(LONG + 100);
    assert_non_null(one);
    size_t n = (size_t)sprintf(one, "0:00:01.000 --> 0:00:02.000\n");
    for (size_t i = n; i < LONG; i++)
        one[i] = "\xC3\xA9\n"[(i - n) % 3];
    one[LONG] = '\0';
    md_autotrack wide = parse(one);
    free(one);
    assert_int_equal(wide.events.n, 1);
    assert_true(strlen(wide.events.v[0].text) <= MD_SUBTITLE_MAX_TEXT_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srt_is_read),
        cmocka_unit_test(untidy_srt_is_read_too),
        cmocka_unit_test(broken_time_codes_cost_one_cue_and_are_named),
        cmocka_unit_test(webvtt_is_read_without_its_side_matter),
        cmocka_unit_test(ass_is_read_by_its_format_line),
        cmocka_unit_test(ssa_columns_in_another_order_are_followed),
        cmocka_unit_test(what_is_no_subtitle_is_said),
        cmocka_unit_test(notes_are_counted_when_there_are_too_many),
        cmocka_unit_test(endless_files_end_at_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
