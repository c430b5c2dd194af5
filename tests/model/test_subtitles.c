/* Subtitle files hold what the cues hold, and nothing in a cue can break out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/subtitles.h"

static void expect_srt(struct md_cue *cues, size_t n, const char *expected)
{
    md_autostr out = {0};
    md_subtitles_write_srt(&out, &(struct md_cue_vec){cues, n, n});
    assert_false(md_str_failed(&out));
    assert_string_equal(md_str_text(&out), expected);
}

static void expect_vtt(struct md_cue *cues, size_t n, const char *language, const char *expected)
{
    md_autostr out = {0};
    md_subtitles_write_vtt(&out, &(struct md_cue_vec){cues, n, n}, language);
    assert_string_equal(md_str_text(&out), expected);
}

static void plain_cues_are_numbered_and_timed(void **state)
{
    struct md_cue cues[] = {{1000000, 2500000, "Hello\nthere", NULL, false},
                            {3723004000, 3724000000, "[door slams]", NULL, true}};
    expect_srt(cues, 2,
               "1\n00:00:01,000 --> 00:00:02,500\nHello\nthere\n\n"
               "2\n01:02:03,004 --> 01:02:04,000\n[door slams]\n\n");
    expect_vtt(cues, 2, "de",
               "WEBVTT\nLanguage: de\n\n00:00:01.000 --> 00:00:02.500\nHello\nthere\n\n"
               "01:02:03.004 --> 01:02:04.000\n[door slams]\n\n");
    expect_srt(NULL, 0, "");
    expect_vtt(NULL, 0, NULL, "WEBVTT\n\n");
}

static void utterances_of_one_time_share_a_cue(void **state)
{
    struct md_cue cues[] = {{1000000, 2000000, "Who?", NULL, false},
                            {1000000, 2000000, "Me.", NULL, false},
                            {3000000, 4000000, "[sighs]", NULL, true},
                            {3000000, 4000000, "I know.", NULL, false}};
    expect_srt(cues, 4,
               "1\n00:00:01,000 --> 00:00:02,000\n- Who?\n- Me.\n\n"
               "2\n00:00:03,000 --> 00:00:04,000\n[sighs]\nI know.\n\n");
}

static void speakers_are_named_when_they_change(void **state)
{
    struct md_cue cues[] = {{1000000, 2000000, "One.", "Anna", false},
                            {2000000, 3000000, "Two.", "Anna", false},
                            {3000000, 4000000, "Three.", "Bob & <Co>", false},
                            {60000000, 61000000, "Four.", "Bob & <Co>", false}};
    expect_srt(cues, 4,
               "1\n00:00:01,000 --> 00:00:02,000\nAnna: One.\n\n"
               "2\n00:00:02,000 --> 00:00:03,000\nTwo.\n\n"
               "3\n00:00:03,000 --> 00:00:04,000\nBob & <Co>: Three.\n\n"
               "4\n00:01:00,000 --> 00:01:01,000\nBob & <Co>: Four.\n\n");
    expect_vtt(cues, 3, NULL,
               "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Anna>One.</v>\n\n"
               "00:00:02.000 --> 00:00:03.000\nTwo.\n\n"
               "00:00:03.000 --> 00:00:04.000\n<v Bob &amp; &lt;Co&gt;>Three.</v>\n\n");
}

static void hostile_text_stays_inside_its_cue(void **state)
{
    struct md_cue cues[] = {{-5000000, -5000000,
                             "a\n\n1\n00:00:00,000 --> 00:00:09,000\n\nb<script>", "x\n-->y",
                             false}};
    expect_srt(cues, 1,
               "1\n00:00:00,000 --> 00:00:00,001\nx \xE2\x86\x92y: a\n1\n00:00:00,000 \xE2\x86\x92 "
               "00:00:09,000\n"
               "b<script>\n\n");
    expect_vtt(cues, 1, "x\n\n00:00.000 --> 00:01.000",
               "WEBVTT\n\n00:00:00.000 --> 00:00:00.001\n<v x --&gt;y>a\n1\n"
               "00:00:00,000 --&gt; 00:00:09,000\nb&lt;script&gt;</v>\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_cues_are_numbered_and_timed),
        cmocka_unit_test(utterances_of_one_time_share_a_cue),
        cmocka_unit_test(speakers_are_named_when_they_change),
        cmocka_unit_test(hostile_text_stays_inside_its_cue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
