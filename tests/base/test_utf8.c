/* UTF-8 decoding rejects what RFC 3629 rejects, and what is shown can do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void every_scalar_value_survives_a_round_trip(void **state)
{
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF)
            continue;
        char bytes[4];
        uint32_t back = 0;
        size_t n = md_utf8_encode(cp, bytes);
        assert_int_equal(md_utf8_decode(bytes, n, &back), n);
        assert_int_equal(back, cp);
        if (n > 1)
            assert_int_equal(md_utf8_decode(bytes, n - 1, &back), 0);
    }
}

static void malformed_sequences_are_rejected(void **state)
{
    static const char *const bad[] = {"\x80",         "\xC0\x80",         "\xC1\xBF",
                                      "\xE0\x80\x80", "\xED\xA0\x80",     "\xF4\x90\x80\x80",
                                      "\xFF",         "\xF0\x80\x80\x80", "\xE2\x28\xA1"};
    uint32_t cp;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(md_utf8_decode(bad[i], strlen(bad[i]), &cp), 0);
}

static void shown_text_has_no_controls_and_is_never_cut_inside_a_character(void **state)
{
    char out[16];
    md_utf8_sanitize(out, sizeof out, "a\x1b[2J\n\xff", 7);
    assert_string_equal(out, "a [2J \xEF\xBF\xBD");
    char small[5];
    assert_int_equal(md_utf8_sanitize(small, sizeof small, "ab\xE2\x82\xAC", 5), 2);
    assert_string_equal(small, "ab");
    md_utf8_sanitize(out, sizeof out, "x\xE2\x80\xAEy", 5);
    assert_string_equal(out, "x y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_survives_a_round_trip),
        cmocka_unit_test(malformed_sequences_are_rejected),
        cmocka_unit_test(shown_text_has_no_controls_and_is_never_cut_inside_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
