/* Strings, vectors, failures, times and log lines. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"

static void strings_grow_and_hand_over_their_text(void **state)
{
    struct md_str s = {0};
    assert_string_equal(md_str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        md_str_printf(&s, "%d,", i % 10);
    assert_int_equal(s.n, 2000);
    md_autofree char *text = md_str_take(&s);
    assert_int_equal(strlen(text), 2000);
    assert_null(s.s);
    md_autofree char *empty = md_str_take(&s);
    assert_string_equal(empty, "");
}

static void markup_in_foreign_text_stays_text(void **state)
{
    md_autostr s = {0};
    md_str_append_xml(&s, "<script>\"&'\x01\xff</script>");
    assert_string_equal(md_str_text(&s), "&lt;script&gt;&quot;&amp;&#39;\xEF\xBF\xBD\xEF\xBF\xBD"
                                         "&lt;/script&gt;");
    md_str_clear(&s);
    md_str_append_uri_path(&s, "/a b/\xff?#%.mkv");
    assert_string_equal(md_str_text(&s), "/a%20b/%FF%3F%23%25.mkv");
}

static void vectors_refuse_sizes_that_overflow(void **state)
{
    struct ints MD_VEC(int64_t);
    struct ints v = {0};
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(md_vec_push(&v, i * i), MD_OK);
    assert_int_equal(v.v[99], 9801);
    assert_int_equal(md_vec_reserve(&v, SIZE_MAX / 4), MD_ERR_NOMEM);
    assert_int_equal(v.n, 100);
    assert_int_equal(v.v[99], 9801);
    md_vec_done(&v);
}

static void failures_are_one_clean_sentence(void **state)
{
    struct md_failure failure = {0};
    char name[1000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(md_fail(&failure, MD_ERR_INPUT, "bad \x1b[31m %s", "na\nme"), MD_ERR_INPUT);
    assert_string_equal(failure.message, "bad  [31m na me");
    assert_int_equal(md_fail(&failure, MD_ERR_BUG, "%s", name), MD_ERR_BUG);
    assert_true(strlen(failure.message) < sizeof failure.message);
    assert_int_equal(md_fail(NULL, MD_ERR_IO, "nobody listens"), MD_ERR_IO);
    assert_int_equal(md_fail_errno(&failure, ENOSPC, "cannot write %s", "f"), MD_ERR_NOSPACE);
    assert_string_equal(failure.message, "cannot write f: No space left on device");
    assert_string_equal(md_error_name(MD_ERR_NOSPACE), "MD_ERR_NOSPACE");
}

static void times_are_shown_as_people_write_them(void **state)
{
    char text[24];
    assert_string_equal(md_format_time(text, 59 * MD_SECOND_US + 999999), "0:59");
    assert_string_equal(md_format_time(text, 3600 * MD_SECOND_US), "1:00:00");
    assert_string_equal(md_format_time(text, -1), "0:00");
    assert_string_equal(md_format_time(text, INT64_MAX), "62047788:00:54");
    assert_string_equal(md_format_timestamp(text, 3661234500, ','), "01:01:01,235");
    assert_string_equal(md_format_timestamp(text, -5, '.'), "00:00:00.000");
}

static void keep_line(void *user, enum md_log_level level, const char *component,
                      const char *message)
{
    snprintf(user, 256, "%s:%s:%s", md_log_level_name(level), component, message);
}

static void records_below_the_level_are_not_made(void **state)
{
    char line[256] = "";
    const struct md_log log = {MD_LOG_INFO, keep_line, line};
    md_log(&log, MD_LOG_DEBUG, "x", "hidden");
    assert_string_equal(line, "");
    md_log(&log, MD_LOG_WARNING, "media", "%d\n%s", 3, "two");
    assert_string_equal(line, "WARNING:media:3 two");
    md_log(NULL, MD_LOG_ERROR, "x", "no logger");
    assert_int_equal(md_log_level_parse("Warn"), MD_LOG_WARNING);
    assert_int_equal(md_log_level_parse("loud"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_grow_and_hand_over_their_text),
        cmocka_unit_test(markup_in_foreign_text_stays_text),
        cmocka_unit_test(vectors_refuse_sizes_that_overflow),
        cmocka_unit_test(failures_are_one_clean_sentence),
        cmocka_unit_test(times_are_shown_as_people_write_them),
        cmocka_unit_test(records_below_the_level_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
