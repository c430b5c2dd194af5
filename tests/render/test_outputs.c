/* The files beside the digest: right, safe with any text, the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "make_outputs.h"
#include "render/outputs.h"
#include "render/outputs_edl.h"
#include "render/outputs_text.h"

static const char *const always[] = {"bookmarks.xspf", "chapters.ffmeta", "cut.edl",
                                     "cut.mpv.edl",    "scenes.csv",      "digest.md",
                                     "digest.json",    "report.html"};
static const char *const with_words[] = {"digest.srt", "digest.vtt", "movie.srt", "movie.vtt"};

/* Everything that is markup, a formula, an escape or an override somewhere. */
static const char hostile[] =
    "=cmd|'/C calc'!A0 </script><script>alert(1)</script> \"'&amp;]]> "
    "-->\n\n1\n00:00:00,000 --> 00:00:01,000\n<img src=x onerror=alert(2)> "
    "\xE2\x80\xAE"
    "evil {{title}} `code` [x](http://evil) ;#\\= \xE2\x80\xA8z";

static void write_all(struct make_outputs *m)
{
    int r = md_outputs_write(&m->env, &m->in, &m->render);
    if (r != MD_OK)
        fail_msg("%d: %s", r, m->failure.message);
}

static void expect_in(const struct make_outputs *m, const char *name, const char *wanted)
{
    md_autofree char *text = read_output(m, name, NULL);
    assert_non_null(text);
    if (!strstr(text, wanted))
        fail_msg("%s does not hold \"%s\":\n%.3000s", name, wanted, text);
}

static void expect_not_in(const struct make_outputs *m, const char *name, const char *unwanted)
{
    md_autofree char *text = read_output(m, name, NULL);
    assert_non_null(text);
    const char *at = strstr(text, unwanted);
    if (at)
        fail_msg("%s holds \"%s\": %.200s", name, unwanted, at);
}

static void all_files_are_written(void **state)
{
    struct make_outputs m = {.shots = 40, .pieces = 5, .cues = 30};
    make_outputs(&m);
    assert_false(md_outputs_present(m.out_dir));
    write_all(&m);
    assert_true(md_outputs_present(m.out_dir));
    for (size_t i = 0; i < MD_ARRAY_LEN(always); i++)
        free(read_output(&m, always[i], NULL));
    expect_in(&m, "movie.srt", "1\n00:00:00,000 --> 00:00:02,000\nAnna: Anna said it.\n\n");
    expect_in(&m, "digest.srt", "1\n00:00:00,000 --> 00:00:02,000\nAnna: Anna said it.\n\n");
    expect_in(&m, "digest.vtt", "WEBVTT\nLanguage: eng\n\n");
    expect_in(&m, "bookmarks.xspf", "<location>file:///movies/A%20Film.mkv</location>");
    expect_in(&m, "bookmarks.xspf", "<vlc:option>start-time=40.000</vlc:option>");
    expect_in(&m, "bookmarks.xspf", "<vlc:option>stop-time=45.000</vlc:option>");
    expect_in(&m, "chapters.ffmeta",
              "[CHAPTER]\nTIMEBASE=1/1000000\nSTART=40000000\nEND=80000000\n"
              "title=A scene\n");
    expect_in(&m, "cut.mpv.edl", "%18%/movies/A Film.mkv,40.000000,5.000000\n");
    expect_in(&m, "cut.edl",
              "002  AFILM    AA/V  C        00:00:40:00 00:00:45:00 01:00:05:00 "
              "01:00:10:00\n* FROM CLIP NAME: A Film.mkv\n* COMMENT: It matters.\n");
    expect_in(&m, "scenes.csv", "9,00:00:40.000,00:00:45.000,5.000,1000,1125,");
    expect_in(&m, "digest.md", "## The digest, piece by piece");
    expect_in(&m, "report.html", "<h1 dir=\"auto\">A Film</h1>");
    make_outputs_done(&m);
}

static void same_artifacts_give_same_bytes(void **state)
{
    struct make_outputs m = {.shots = 30, .pieces = 4, .cues = 20};
    char *first[MD_ARRAY_LEN(always)];
    make_outputs(&m);
    write_all(&m);
    for (size_t i = 0; i < MD_ARRAY_LEN(always); i++)
        first[i] = read_output(&m, always[i], NULL);
    write_all(&m);
    for (size_t i = 0; i < MD_ARRAY_LEN(always); i++) {
        md_autofree char *second = read_output(&m, always[i], NULL);
        assert_string_equal(first[i], second);
        free(first[i]);
    }
    make_outputs_done(&m);
}

static void json_can_be_read_and_is_complete(void **state)
{
    struct make_outputs m = {.shots = 40, .pieces = 5, .cues = 30};
    make_outputs(&m);
    write_all(&m);
    md_autofree char *text = read_output(&m, "digest.json", NULL);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "moviedigest.digest");
    json_t *pieces = json_object_get(json, "pieces");
    assert_int_equal(json_array_size(pieces), 5);
    json_t *second = json_array_get(pieces, 1);
    assert_int_equal(json_integer_value(json_object_get(second, "start_us")), 40000000);
    assert_int_equal(json_integer_value(json_object_get(second, "digest_start_us")), 5000000);
    assert_int_equal(json_array_size(json_object_get(second, "reasons")), 1);
    json_t *story = json_object_get(json, "story");
    assert_int_equal(json_array_size(json_object_get(story, "acts")), MD_ACTS);
    assert_int_equal(json_array_size(json_object_get(story, "characters")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "warnings")), 1);
    json_decref(json);
    make_outputs_done(&m);
}

/* Elements are balanced, attributes quoted, entities known: enough to call XML well-formed here. */
static void expect_well_formed(const char *xml)
{
    char stack[64][32];
    int depth = 0;
    for (const char *p = xml; (p = strpbrk(p, "<&")) != NULL;) {
        if (*p == '&') {
            assert_true(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
                        strncmp(p, "&gt;", 4) == 0 || strncmp(p, "&quot;", 6) == 0 ||
                        strncmp(p, "&#39;", 5) == 0);
            p++;
            continue;
        }
        size_t n = strcspn(p + 1, " \n/>");
        if (p[1] == '?') {
            p = strchr(p, '>');
        } else if (p[1] == '/') {
            size_t m = strcspn(p + 2, ">");
            assert_true(depth > 0);
            depth--;
            assert_true(strlen(stack[depth]) == m && strncmp(stack[depth], p + 2, m) == 0);
            p += m;
        } else {
            const char *end = p;
            bool quoted = false;
            while (*++end && (quoted || *end != '>'))
                quoted ^= *end == '"';
            assert_true(*end == '>' && n < sizeof stack[0] && depth < 63);
            if (end[-1] != '/') {
                memcpy(stack[depth], p + 1, n);
                stack[depth++][n] = '\0';
            }
            p = end;
        }
    }
    assert_int_equal(depth, 0);
}

/* Rows of RFC 4180: all of the same number of cells; calls back for each cell's bytes. */
static void expect_csv(const char *csv, int columns)
{
    int cells = 1;
    bool quoted = false, at_start = true;
    for (const char *p = csv; *p; p++) {
        if (quoted && *p == '"' && p[1] == '"')
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && *p == ',')
            cells++;
        else if (!quoted && *p == '\r') {
            assert_int_equal(p[1], '\n');
            assert_int_equal(cells, columns);
            cells = 1;
            p++;
            at_start = true;
            continue;
        }
        if (at_start || p[-1] == ',' || (p[-1] == '"' && p[-2] == ','))
            assert_null(strchr("=+@\t\r", *p)); /* '-' may start a number */
        at_start = false;
    }
    assert_false(quoted);
}

static void hostile_text_is_only_text(void **state)
{
    struct make_outputs m = {
        .shots = 30, .pieces = 4, .cues = 20, .text = hostile, .uri = "file:///m/%22%3C%3E%26.mkv"};
    make_outputs(&m);
    write_all(&m);
    expect_not_in(&m, "report.html", "<script>alert");
    expect_not_in(&m, "report.html", "<img src=x");
    expect_not_in(&m, "report.html", "{{{");
    expect_in(&m, "report.html", "evil {{title}}"); /* not expanded a second time */
    expect_in(&m, "report.html", "&lt;script&gt;alert(1)&lt;/script&gt;");
    for (size_t i = 0; i < MD_ARRAY_LEN(always); i++) {
        md_autofree char *text = read_output(&m, always[i], NULL);
        assert_true(md_utf8_is_valid(text, strlen(text)));
        if (strcmp(always[i], "digest.json") != 0) /* JSON is data: it has what was there */
            expect_not_in(&m, always[i], "\xE2\x80\xAE");
    }
    expect_not_in(&m, "movie.srt", "00:00:00,000 --> 00:00:01,000");
    expect_not_in(&m, "movie.vtt", "<script>");
    expect_not_in(&m, "digest.md", "<script>");
    expect_not_in(&m, "digest.md", "[x](http");
    expect_in(&m, "chapters.ffmeta", "\\;\\#\\\\\\=");
    md_autofree char *xspf = read_output(&m, "bookmarks.xspf", NULL);
    expect_well_formed(xspf);
    md_autofree char *csv = read_output(&m, "scenes.csv", NULL);
    expect_csv(csv, 19);
    md_autofree char *edl = read_output(&m, "cut.edl", NULL);
    for (const char *line = edl; line && *line; line = strchr(line, '\n') + 1)
        assert_true(*line == '\n' || *line == '*' || (*line >= '0' && *line <= '9') ||
                    strncmp(line, "TITLE: ", 7) == 0 || strncmp(line, "FCM: ", 5) == 0);
    make_outputs_done(&m);
}

/* What a browser would fetch or run. */
static void the_report_needs_nothing_else(void **state)
{
    struct make_outputs m = {.shots = 30, .pieces = 4, .cues = 20};
    make_outputs(&m);
    write_all(&m);
    expect_in(&m, "report.html",
              "http-equiv=\"Content-Security-Policy\" content=\"default-src "
              "'none'; img-src data:;");
    static const char *const unwanted[] = {"http://",   "https://", "@import", "url(",
                                           " style=\"", " onclick", " onload", "<link",
                                           "<iframe",   "{{"};
    for (size_t i = 0; i < MD_ARRAY_LEN(unwanted); i++)
        expect_not_in(&m, "report.html", unwanted[i]);
    md_autofree char *html = read_output(&m, "report.html", NULL);
    for (const char *p = html; (p = strstr(p, " src=\"")) != NULL; p++)
        assert_true(strncmp(p + 6, "data:image/jpeg;base64,", 23) == 0 ||
                    strncmp(p + 6, "digest.", 7) == 0);
    make_outputs_done(&m);
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

static void the_report_shows_pictures_and_curves(void **state)
{
    struct make_outputs m = {.shots = 30, .pieces = 4, .cues = 20};
    make_outputs(&m);
    write_all(&m);
    md_autofree char *html = read_output(&m, "report.html", NULL);
    assert_true(count(html, "data:image/jpeg;base64,") >= 30 + 4 + 5 + 5);
    assert_int_equal(count(html, "<li class=\"piece act-"), 4);
    assert_int_equal(count(html, "class=\"lane lane-"), 9);
    assert_int_equal(count(html, "class=\"chosen-part\""), 4);
    assert_int_equal(count(html, "class=\"loudline\""), 1);
    assert_int_equal(count(html, "<img "), count(html, " alt=\""));
    make_outputs_done(&m);
}

static void timings_are_shown_and_broken_lines_passed_over(void **state)
{
    static const char timings[] =
        "{\"stage\":\"shots\",\"seconds\":12.5,\"peak_rss_bytes\":93000000,\"cached\":false}\n"
        "nonsense\n{\"stage\":\"<b>\",\"seconds\":1}\n{\"stage\":\"story\"}\n[]\n"
        "{\"stage\":\"shots\",\"seconds\":0.01,\"cached\":true}\n{\"stage\":\"sele";
    struct make_outputs m = {.shots = 5, .pieces = 1, .cues = 0};
    make_outputs(&m);
    md_autofree char *path = md_path_join(m.work_dir, "timings.jsonl");
    assert_int_equal(md_file_write_atomic(path, timings, strlen(timings), NULL), MD_OK);
    write_all(&m);
    expect_in(&m, "report.html", "<tr><td>shots</td><td class=\"time\">12.5 s</td>");
    expect_in(&m, "report.html", "93 MB");
    expect_in(&m, "report.html", "&lt;b&gt;");
    expect_not_in(&m, "report.html", "<td>story</td>");
    make_outputs_done(&m);
}

static void a_movie_without_words_has_no_subtitles(void **state)
{
    struct make_outputs m = {.shots = 20, .pieces = 3, .cues = 10};
    make_outputs(&m);
    write_all(&m);
    for (size_t i = 0; i < MD_ARRAY_LEN(with_words); i++) {
        md_autofree char *text = read_output(&m, with_words[i], NULL);
        assert_non_null(text);
    }
    m.in.transcript = NULL;
    m.story.has_words = false;
    write_all(&m);
    for (size_t i = 0; i < MD_ARRAY_LEN(with_words); i++)
        assert_null(read_output(&m, with_words[i], NULL)); /* the old ones went */
    free(m.story.synopsis);
    m.story.synopsis = NULL;
    write_all(&m);
    expect_in(&m, "report.html", "picture and sound alone");
    expect_not_in(&m, "report.html", "id=\"transcript\"");
    expect_not_in(&m, "report.html", "<track");
    make_outputs_done(&m);
}

static void the_smallest_movies_have_reports_too(void **state)
{
    struct make_outputs silent = {.shots = 1, .pieces = 1, .no_audio = true};
    struct make_outputs blind = {.shots = 1, .pieces = 1, .cues = 1, .no_video = true};
    struct make_outputs nothing = {.shots = 0, .pieces = 0, .no_audio = true, .no_video = true};
    struct make_outputs *all[] = {&silent, &blind, &nothing};
    for (size_t i = 0; i < MD_ARRAY_LEN(all); i++) {
        make_outputs(all[i]);
        write_all(all[i]);
        expect_in(all[i], "report.html", "</html>");
        expect_not_in(all[i], "report.html", "nan");
        make_outputs_done(all[i]);
    }
}

static void missing_or_damaged_key_frames_leave_gaps(void **state)
{
    struct make_outputs m = {.shots = 20, .pieces = 3, .cues = 5};
    make_outputs(&m);
    md_autofree char *gone = md_path_join(m.work_dir, "keys/0.jpg");
    md_autofree char *broken = md_path_join(m.work_dir, "keys/1.jpg");
    assert_int_equal(unlink(gone), 0);
    assert_int_equal(md_file_write_atomic(broken, "\xFF\xD8\xFF\xE0 no picture", 14, NULL), MD_OK);
    write_all(&m);
    expect_not_in(&m, "report.html", "src=\"\"");
    md_autofree char *keys = md_path_join(m.work_dir, "keys");
    assert_int_equal(md_remove_tree(keys, NULL), MD_OK);
    write_all(&m);
    expect_in(&m, "report.html", "</html>");
    make_outputs_done(&m);
}

static void a_film_of_3000_shots_makes_a_page_of_sane_size(void **state)
{
    struct make_outputs m = {.shots = 3000, .pieces = 250, .cues = 3000};
    make_outputs(&m);
    write_all(&m);
    size_t n = 0;
    md_autofree char *html = read_output(&m, "report.html", &n);
    assert_true(n > 500000 && n < 14000000);
    /* Lanes reach to the end however many marks they would have. */
    const char *lane = strstr(html, "lane-transitions"), *end = strstr(lane, "</div>");
    assert_true(memmem(lane, (size_t)(end - lane), "x=\"99.", 6) != NULL);
    lane = strstr(html, "lane-sound");
    end = strstr(lane, "</div>");
    assert_true(memmem(lane, (size_t)(end - lane), "class=\"speech\"", 14) != NULL);
    assert_true(end - lane < 200000);
    make_outputs_done(&m);
}

static bool yes(void *user)
{
    return true;
}

static void failures_are_said_and_leave_nothing_half_written(void **state)
{
    struct make_outputs m = {.shots = 10, .pieces = 2, .cues = 3};
    make_outputs(&m);
    m.env.cancelled = yes;
    assert_int_equal(md_outputs_write(&m.env, &m.in, &m.render), MD_ERR_CANCELLED);
    m.env.cancelled = NULL;
    md_autofree char *nowhere = md_path_join(m.out_dir, "not/there");
    m.env.out_dir = nowhere;
    assert_true(md_outputs_write(&m.env, &m.in, &m.render) < 0);
    assert_non_null(strstr(m.failure.message, "digest.srt"));
    make_outputs_done(&m);
}

static void paths_with_any_bytes_come_back(void **state)
{
    struct make_outputs m = {.shots = 10, .pieces = 1, .uri = "file:///a%FFb/%0A%22,%25%3B.mkv"};
    make_outputs(&m);
    write_all(&m);
    expect_in(&m, "cut.mpv.edl",
              "%14%/a\xFF"
              "b/\n\",%;.mkv,0.000000,5.000000\n");
    expect_in(&m, "bookmarks.xspf", "<location>file:///a%FFb/%0A%22,%25%3B.mkv</location>");
    make_outputs_done(&m);
}

static void expect_timecode(int64_t num, int64_t den, int64_t frame, const char *expected)
{
    char text[16];
    struct md_timecode_rate rate = md_timecode_rate_of(num, den);
    assert_string_equal(md_timecode_format(text, &rate, frame), expected);
}

static void timecode_follows_the_standard(void **state)
{
    /* Drop frame: SMPTE ST 12-1. Numbers 0 and 1 of each minute but every tenth do not exist. */
    expect_timecode(30000, 1001, 1799, "00:00:59;29");
    expect_timecode(30000, 1001, 1800, "00:01:00;02");
    expect_timecode(30000, 1001, 17981, "00:09:59;29");
    expect_timecode(30000, 1001, 17982, "00:10:00;00");
    expect_timecode(30000, 1001, 107892, "01:00:00;00");
    expect_timecode(60000, 1001, 3600, "00:01:00;04");
    expect_timecode(60000, 1001, 215784, "01:00:00;00");
    expect_timecode(24000, 1001, 1440, "00:01:00:00");
    expect_timecode(25, 1, 90024, "01:00:00:24");
    expect_timecode(120, 1, 60, "00:00:01:00"); /* every second frame has a number */
    expect_timecode(120000, 1001, 1800, "00:00:30;00");
    expect_timecode(0, 1, 25, "00:00:01:00");
    expect_timecode(67, 1, 34, "00:00:01:00");

    struct md_timecode_rate ntsc = md_timecode_rate_of(30000, 1001);
    assert_int_equal(md_timecode_frame(&ntsc, 3600000000), 107892);
    for (int64_t frame = 0; frame < 300000; frame += 7) {
        int64_t us = (frame * 1001000000 + 15000) / 30000;
        assert_int_equal(md_timecode_frame(&ntsc, us), frame);
    }
}

static void escaped(void (*escape)(struct md_str *, const char *), const char *text,
                    const char *expected)
{
    md_autostr out = {0};
    escape(&out, text);
    assert_string_equal(md_str_text(&out), expected);
}

static void each_format_escapes_what_it_must(void **state)
{
    escaped(md_text_plain,
            "a\nb\tc\x07"
            "d\xE2\x80\xAE"
            "e\xFF",
            "a b cde\xEF\xBF\xBD");
    escaped(md_text_csv, "say \"hi\", you", "\"say \"\"hi\"\", you\"");
    escaped(md_text_csv, "=1+1", "\"'=1+1\"");
    escaped(md_text_csv, "  @SUM(A1)", "\"'  @SUM(A1)\"");
    escaped(md_text_csv, "-1", "\"'-1\"");
    escaped(md_text_csv, NULL, "\"\"");
    escaped(md_text_ffmeta, "a=b;c#d\\e\nf", "a\\=b\\;c\\#d\\\\e f");
    escaped(md_text_markdown, "# *a* [b](c) <d> 1. x", "\\# \\*a\\* \\[b\\](c) \\<d\\> 1. x");
    escaped(md_text_markdown, "What - no! (0:21) #1.", "What - no! (0:21) #1.");
    escaped(md_text_markdown,
            "\x07"
            "- 12) a",
            "\\- 12) a");
    escaped(md_text_markdown, " 12) a\n# b", " 12\\) a # b");
    escaped(md_text_markdown, "http://a www.b.c d@e &lt;", "http\\://a www\\.b.c d\\@e \\&lt;");
    escaped(md_text_xml, "<a href='x'>\n&", "&lt;a href=&#39;x&#39;&gt; &amp;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_files_are_written),
        cmocka_unit_test(same_artifacts_give_same_bytes),
        cmocka_unit_test(json_can_be_read_and_is_complete),
        cmocka_unit_test(hostile_text_is_only_text),
        cmocka_unit_test(the_report_needs_nothing_else),
        cmocka_unit_test(the_report_shows_pictures_and_curves),
        cmocka_unit_test(timings_are_shown_and_broken_lines_passed_over),
        cmocka_unit_test(a_movie_without_words_has_no_subtitles),
        cmocka_unit_test(the_smallest_movies_have_reports_too),
        cmocka_unit_test(missing_or_damaged_key_frames_leave_gaps),
        cmocka_unit_test(a_film_of_3000_shots_makes_a_page_of_sane_size),
        cmocka_unit_test(failures_are_said_and_leave_nothing_half_written),
        cmocka_unit_test(paths_with_any_bytes_come_back),
        cmocka_unit_test(timecode_follows_the_standard),
        cmocka_unit_test(each_format_escapes_what_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
