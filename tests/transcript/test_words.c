/* From what is written in a subtitle to what is said: markup, speakers, sounds, advertisements,
 * repetitions. Each case is a small file read whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transcript/candidate.h"
#include "transcript/speech.h"

struct words {
    struct md_subtitle_track track;
    struct md_cue_vec cues;
};

static struct words read_words(const char *file)
{
    struct words words = {.track = {.name = "film", .unit = "line"}};
    assert_int_equal(md_candidate_load_bytes(&words.track, file, strlen(file), NULL, 0), MD_OK);
    assert_int_equal(md_speech_split(&words.track, &words.cues), MD_OK);
    return words;
}

static void words_done(struct words *words)
{
    for (size_t i = 0; i < words->cues.n; i++) {
        free(words->cues.v[i].text);
        free(words->cues.v[i].speaker);
    }
    md_vec_done(&words->cues);
    md_subtitle_track_done(&words->track);
}
#define autowords __attribute__((cleanup(words_done))) struct words

/* "speaker|text", "~text" for sounds; all cues joined by " / ", line breaks as '_'. */
static void expect_words(const struct words *words, const char *expected)
{
    char got[4096] = "";
    for (size_t i = 0; i < words->cues.n; i++) {
        const struct md_cue *cue = &words->cues.v[i];
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%s%s%s%s", i ? " / " : "", cue->is_sound ? "~" : "",
                 cue->speaker ? cue->speaker : "", cue->speaker ? "|" : "", cue->text);
    }
    for (char *p = got; *p; p++)
        if (*p == '\n')
            *p = '_';
    assert_string_equal(got, expected);
}

static void expect_srt(const char *text, const char *expected)
{
    char file[4096];
    snprintf(file, sizeof file, "1\n00:00:01,000 --> 00:00:02,000\n%s\n", text);
    autowords words = read_words(file);
    expect_words(&words, expected);
}

static void expect_vtt(const char *text, const char *expected)
{
    char file[4096];
    snprintf(file, sizeof file, "WEBVTT\n\n00:01.000 --> 00:02.000\n%s\n", text);
    autowords words = read_words(file);
    expect_words(&words, expected);
}

static void expect_ass(const char *text, const char *expected)
{
    char file[4096];
    snprintf(file, sizeof file, "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,%s\n",
             text);
    autowords words = read_words(file);
    expect_words(&words, expected);
}

static void markup_goes_and_text_stays(void **state)
{
    expect_srt("<i>Hello</i> <font color=\"#ff0000\">you</font>", "Hello you");
    expect_srt("{\\an8}Up here", "Up here");
    expect_srt("{y:i}Old{c:$ff} form", "Old form");
    expect_srt("I <3 you & me, 1 < 2 > 0 {sic}", "I <3 you & me, 1 < 2 > 0 {sic}");
    expect_srt("<whispers> no tag", "<whispers> no tag");
    expect_srt("a &amp; b &lt;i&gt; &#233;&#x2019;s&nbsp;x &unknown; &#0;",
               "a & b <i> é’s x &unknown; &#0;");
    expect_srt("one<br/>two\\Nthree", "one_two_three");
    expect_srt("  lots \t of   space  \n \n next ", "lots of space_next");
    expect_srt("a\xE2\x80\xAE"
               "b\x07"
               "c",
               "ab c");
    expect_vtt("<c.yellow.bg_blue>Hi</c> <00:00:01.500><b>now</b> &lrm;there", "Hi now there");
    expect_vtt("<ruby>漢<rt>かん</rt></ruby>字", "漢字");
    expect_vtt("a < b", "a < b");
    expect_ass("{\\pos(1,2)}Hello\\Nthere\\hfriend {comment}end", "Hello_there friend end");
    expect_ass("{\\p1}m 0 0 l 100 0{\\p0}Text", "Text");
    expect_ass("{\\k20}la {\\k30}la", "~la la");
    expect_ass("a <b> &amp;", "a <b> &amp;");
}

static void speakers_are_found(void **state)
{
    expect_srt("ANNA: Who is it?", "ANNA|Who is it?");
    expect_srt("MAN ON RADIO: Stay inside.", "MAN ON RADIO|Stay inside.");
    expect_srt("ANNA (whispering): Come.", "ANNA|Come.");
    expect_srt("[ANNA] Come.", "ANNA|Come.");
    expect_srt("МАРИЯ: Кто там?", "МАРИЯ|Кто там?");
    expect_srt("（太郎）こんにちは", "太郎|こんにちは");
    expect_srt("- Who?\n- Me.", "Who? / Me.");
    expect_srt("- ANNA: Who?\n- BOB: Me,\nof course.", "ANNA|Who? / BOB|Me,_of course.");
    expect_srt("ANNA: Who?\nBOB: Me.", "ANNA|Who? / BOB|Me.");
    expect_vtt("<v Anna>Hi <v.loud Bob Smith>Ho</v>", "Anna|Hi / Bob Smith|Ho");
    expect_vtt("<v A&amp;\x01"
               "B>Hi",
               "A&amp; B|Hi");
}

static void what_looks_like_a_speaker_but_is_not(void **state)
{
    expect_srt("Remember: do not go.", "Remember: do not go.");
    expect_srt("It is 10:30 now.", "It is 10:30 now.");
    expect_srt("The thing is this: no.", "The thing is this: no.");
    expect_srt("-- and then", "-- and then");
    expect_srt("I WILL NOT GO THERE WITH YOU TODAY: NEVER",
               "I WILL NOT GO THERE WITH YOU TODAY: NEVER");
}

static void a_habit_makes_a_name(void **state)
{
    autowords words = read_words("1\n00:00:01,000 --> 00:00:02,000\nAnna: one\n\n"
                                 "2\n00:00:03,000 --> 00:00:04,000\nAnna: two\n\n"
                                 "3\n00:00:05,000 --> 00:00:06,000\nRemember: three\n\n"
                                 "4\n00:00:07,000 --> 00:00:08,000\nAnna: four\n\n"
                                 "5\n00:00:09,000 --> 00:00:10,000\n[Bob] five\n\n"
                                 "6\n00:00:11,000 --> 00:00:12,000\n[Bob] six\n\n"
                                 "7\n00:00:13,000 --> 00:00:14,000\n[Laughs] seven\n\n"
                                 "8\n00:00:15,000 --> 00:00:16,000\n[Laughs] eight\n");
    expect_words(&words, "Anna|one / Anna|two / Remember: three / Anna|four / Bob|five / Bob|six / "
                         "~[Laughs] / seven / ~[Laughs] / eight");
}

static void sounds_and_songs_are_marked(void **state)
{
    expect_srt("[door slams]", "~[door slams]");
    expect_srt("(DOOR SLAMS)", "~(DOOR SLAMS)");
    expect_srt("[wind howling\nin the trees]", "~[wind howling in the trees]");
    expect_srt("[SIGHS] I know.", "~[SIGHS] / I know.");
    expect_srt("I know. [sighs] Really.", "~[sighs] / I know. Really.");
    expect_srt("I (sort of) know.", "I (sort of) know.");
    expect_srt("(sighs) I know.", "~(sighs) / I know.");
    expect_srt("♪ La la la ♪", "~♪ La la la ♪");
    expect_srt("♪ La la\nla la la ♪", "~♪ La la_la la la ♪");
    expect_srt("# La la la #", "~# La la la #");
    expect_srt("#1 in the charts", "#1 in the charts");
    expect_srt("[door slams]\nWho's there?", "~[door slams] / Who's there?");
}

static void advertisements_go_with_a_note(void **state)
{
    autowords words = read_words("1\n00:00:01,000 --> 00:00:02,000\nSubtitles by SomeBody\n"
                                 "www.OpenSubtitles.org\n\n"
                                 "2\n00:00:03,000 --> 00:00:04,000\nGo to example.com\n\n"
                                 "3\n00:00:05,000 --> 00:00:06,000\nHe said the words.\n\n"
                                 "4\n00:00:07,000 --> 00:00:08,000\nThe release is today?\n\n"
                                 "5\n00:00:09,000 --> 00:00:10,000\nYes.\n\n"
                                 "6\n00:00:11,000 --> 00:00:12,000\nSee www.home.example, ok?\n\n"
                                 "7\n00:00:13,000 --> 00:00:14,000\nNo.\n\n"
                                 "8\n00:00:15,000 --> 00:00:16,000\nNo.\n\n"
                                 "9\n00:00:17,000 --> 00:00:18,000\nNo.\n\n"
                                 "10\n00:00:19,000 --> 00:00:20,000\nNo.\n\n"
                                 "11\n00:00:21,000 --> 00:00:22,000\nСубтитры: Иван\n");
    expect_words(&words, "He said the words. / Yes. / See www.home.example, ok? / No. / No. / No. "
                         "/ No.");
    assert_int_equal(words.track.notes.n, 1);
    assert_string_equal(words.track.notes.v[0],
                        "film: 4 advertisements left out, the first at 0:01");
}

static void rolling_captions_are_said_once(void **state)
{
    autowords words = read_words("WEBVTT\n\n"
                                 "00:01.000 --> 00:03.000\n \nhello<00:01.500><c> there</c>\n\n"
                                 "00:03.000 --> 00:03.010\nhello there\n \n\n"
                                 "00:03.010 --> 00:05.000\nhello there\nmy<00:04.000> friend\n\n"
                                 "00:05.000 --> 00:05.010\nmy friend\n \n\n"
                                 "00:05.010 --> 00:07.000\nmy friend\nhow are you\n\n"
                                 "00:07.000 --> 00:07.010\nhow are you\n\n"
                                 "00:07.010 --> 00:09.000\nhow are you\ntoday\n");
    expect_words(&words, "hello there / my friend / how are you / today");
    assert_int_equal(words.cues.v[0].start_us, 1000000);
    assert_int_equal(words.cues.v[0].end_us, 3010000);
}

static void words_painted_on_become_one_cue(void **state)
{
    autowords words = read_words("WEBVTT\n\n"
                                 "00:01.000 --> 00:01.200\nI\n\n00:01.200 --> 00:01.400\nI have\n\n"
                                 "00:01.400 --> 00:01.600\nI have a\n\n"
                                 "00:01.600 --> 00:02.000\nI have a dream\n\n"
                                 "00:05.000 --> 00:05.200\nAnd\n\n"
                                 "00:05.200 --> 00:06.000\nAnd more\n");
    expect_words(&words, "I have a dream / And more");
    assert_int_equal(words.cues.v[0].start_us, 1000000);
    assert_int_equal(words.cues.v[0].end_us, 2000000);
}

static void what_is_said_twice_stays_twice(void **state)
{
    autowords words = read_words("1\n00:00:01,000 --> 00:00:02,000\nNo!\n\n"
                                 "2\n00:00:02,500 --> 00:00:03,000\nNo!\n\n"
                                 "3\n00:00:03,000 --> 00:00:04,000\nNo!\nStop!\n\n"
                                 "4\n00:00:05,000 --> 00:00:06,000\nWhy?\n\n"
                                 "5\n00:00:07,000 --> 00:00:08,000\nBecause.\n\n"
                                 "6\n00:00:09,000 --> 00:00:10,000\nOh.\n");
    expect_words(&words, "No! / No! / No!_Stop! / Why? / Because. / Oh.");
}

static void typesetting_frame_by_frame_is_one_cue(void **state)
{
    char file[20000] = "[Events]\n", *p = file + strlen(file);
    for (int i = 0; i < 100; i++)
        p += sprintf(p,
                     "Dialogue: %d,0:00:0%d.%02d,0:00:0%d.%02d,Default,,0,0,0,,{\\pos(%d,1)}Here\n",
                     i % 3, i / 50 + 1, i % 50 * 2, (i + 1) / 50 + 1, (i + 1) % 50 * 2, i);
    autowords words = read_words(file);
    expect_words(&words, "Here");
    assert_int_equal(words.cues.v[0].start_us, 1000000);
    assert_int_equal(words.cues.v[0].end_us, 3000000);
}

static void times_are_put_right(void **state)
{
    struct md_subtitle_track track = {.name = "film", .unit = "line"};
    static const char file[] =
        "1\n00:00:10,000 --> 00:00:09,000\nbackwards, fourteen words long or "
        "so it seems to me here\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\nearlier\n\n"
        "3\n00:00:11,000 --> 00:00:12,000\nnext\n\n"
        "4\n-0:00:05,000 --> -0:00:03,000\nbefore\n\n"
        "5\n00:01:00,000 --> 00:01:02,000\nbeyond\n\n"
        "6\n00:00:29,000 --> 00:00:40,000\nacross\n";
    assert_int_equal(md_candidate_load_bytes(&track, file, sizeof file - 1, NULL, 30000000), MD_OK);
    assert_int_equal(track.events.n, 4);
    assert_string_equal(track.events.v[0].text, "earlier");
    assert_int_equal(track.events.v[1].start_us, 10000000);
    assert_int_equal(track.events.v[1].end_us, 11000000); /* as long as it takes, or the next */
    assert_int_equal(track.events.v[3].end_us, 30000000);
    assert_int_equal(track.notes.n, 2);
    md_subtitle_track_done(&track);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_goes_and_text_stays),
        cmocka_unit_test(speakers_are_found),
        cmocka_unit_test(what_looks_like_a_speaker_but_is_not),
        cmocka_unit_test(a_habit_makes_a_name),
        cmocka_unit_test(sounds_and_songs_are_marked),
        cmocka_unit_test(advertisements_go_with_a_note),
        cmocka_unit_test(rolling_captions_are_said_once),
        cmocka_unit_test(words_painted_on_become_one_cue),
        cmocka_unit_test(what_is_said_twice_stays_twice),
        cmocka_unit_test(typesetting_frame_by_frame_is_one_cue),
        cmocka_unit_test(times_are_put_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
