/* Running text falls into words the same way everywhere, whatever the script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/chars.h"
#include "base/utf8.h"

static void case_maps_there_and_back(void **state)
{
    static const uint32_t pairs[][2] = {{'A', 'a'},     {0xC4, 0xE4},   {0x160, 0x161},
                                        {0x139, 0x13A}, {0x178, 0xFF},  {0x391, 0x3B1},
                                        {0x386, 0x3AC}, {0x38F, 0x3CE}, {0x410, 0x430},
                                        {0x401, 0x451}, {0x531, 0x561}, {0x1EA0, 0x1EA1}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_int_equal(md_char_lower(pairs[i][0]), pairs[i][1]);
        assert_int_equal(md_char_upper(pairs[i][1]), pairs[i][0]);
        assert_true(md_char_is_upper(pairs[i][0]) && !md_char_is_lower(pairs[i][0]));
        assert_true(md_char_is_lower(pairs[i][1]) && !md_char_is_upper(pairs[i][1]));
    }
    for (uint32_t cp = 0; cp < 0x30000; cp++) {
        uint32_t lower = md_char_lower(cp);
        assert_int_equal(md_char_lower(lower), lower);
        if (lower != cp && cp != 0x130)
            assert_int_equal(md_char_upper(lower), cp);
    }
}

static void every_character_has_a_class(void **state)
{
    static const struct {
        uint32_t cp;
        enum md_char is;
    } known[] = {
        {'a', MD_CHAR_LETTER},        {'7', MD_CHAR_DIGIT},        {'\'', MD_CHAR_APOSTROPHE},
        {0x2019, MD_CHAR_APOSTROPHE}, {'-', MD_CHAR_DASH},         {0x2014, MD_CHAR_DASH},
        {'.', MD_CHAR_STOP},          {0x2026, MD_CHAR_STOP},      {0x3002, MD_CHAR_STOP},
        {0x61F, MD_CHAR_STOP},        {0x964, MD_CHAR_STOP},       {',', MD_CHAR_PAUSE},
        {0x3001, MD_CHAR_PAUSE},      {0x201C, MD_CHAR_OPEN},      {0x201D, MD_CHAR_CLOSE},
        {0x4E2D, MD_CHAR_IDEOGRAPH},  {0x3042, MD_CHAR_IDEOGRAPH}, {0x30A2, MD_CHAR_LETTER},
        {0x30FC, MD_CHAR_LETTER},     {0xAC00, MD_CHAR_LETTER},    {0x5D0, MD_CHAR_LETTER},
        {0x627, MD_CHAR_LETTER},      {0xE01, MD_CHAR_IDEOGRAPH},  {0x1F600, MD_CHAR_OTHER},
        {0xA0, MD_CHAR_SPACE},        {0x3000, MD_CHAR_SPACE},     {'\n', MD_CHAR_SPACE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(md_char_class(known[i].cp), known[i].is);
    for (uint32_t cp = 0; cp <= 0x110000; cp++)
        assert_in_range(md_char_class(cp), MD_CHAR_SPACE, MD_CHAR_OTHER);
}

static void expect_words(const char *text, const char *const *words, size_t n)
{
    struct md_word word;
    size_t pos = 0, found = 0;
    while (md_word_next(text, strlen(text), &pos, &word)) {
        assert_true(found < n);
        assert_int_equal(word.n, strlen(words[found]));
        assert_memory_equal(word.s, words[found], word.n);
        found++;
    }
    assert_int_equal(found, n);
}

#define EXPECT(text, ...)                                                                          \
    do {                                                                                           \
        static const char *const words_[] = {__VA_ARGS__};                                         \
        expect_words(text, words_, sizeof words_ / sizeof *words_);                                \
    } while (0)

static void words_are_found_in_any_script(void **state)
{
    EXPECT("Don't stop, well-known Mr. O\xE2\x80\x99Neil!", "Don't", "stop", "well-known", "Mr",
           "O\xE2\x80\x99Neil");
    EXPECT("'quoted' rock 'n' roll", "quoted", "rock", "n", "roll");
    EXPECT("Über 25 Äpfel", "Über", "25", "Äpfel");
    EXPECT("左に見", "左に", "に見");
    EXPECT("中", "中");
    EXPECT("イーモ、早く！", "イーモ", "早く");
    EXPECT("هل أنت بخير؟", "هل", "أنت", "بخير");
    expect_words("... \xF0\x9F\x98\x80 !", NULL, 0);
    expect_words("", NULL, 0);
}

static void words_know_their_case(void **state)
{
    struct md_word word;
    size_t pos = 0;
    const char *text = "NASA Anna anna I \xD0\x9C\xD0\x98\xD0\xA0";
    static const bool capital[] = {true, true, false, true, true};
    static const bool all[] = {true, false, false, false, true};
    for (size_t i = 0; md_word_next(text, strlen(text), &pos, &word); i++) {
        char lower[16];
        assert_int_equal(word.capital, capital[i]);
        assert_int_equal(word.all_capitals, all[i]);
        assert_true(md_word_lower(&word, lower, sizeof lower) > 0);
        if (i == 4)
            assert_string_equal(lower, "\xD0\xBC\xD0\xB8\xD1\x80");
    }
}

static void malformed_and_endless_text_ends(void **state)
{
    char bytes[3000];
    struct md_word word;
    size_t pos = 0, words = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 131 + i / 7);
    while (md_word_next(bytes, sizeof bytes, &pos, &word)) {
        assert_true(word.n > 0 && word.length <= 64 && word.s >= bytes);
        assert_true(word.s + word.n <= bytes + sizeof bytes);
        words++;
    }
    assert_true(words > 0);
    memset(bytes, 'x', sizeof bytes);
    for (pos = 0, words = 0; md_word_next(bytes, sizeof bytes, &pos, &word); words++)
        assert_true(word.length <= 64);
    assert_int_equal(words, (sizeof bytes + 63) / 64);
}

static void a_lower_case_word_is_never_cut_within_a_character(void **state)
{
    struct md_word word = {.s = "ÄÖÜ", .n = 6};
    char out[8];
    for (size_t size = 1; size <= sizeof out; size++) {
        size_t n = md_word_lower(&word, out, size);
        assert_true(n < size && n % 2 == 0 && out[n] == '\0');
        assert_true(md_utf8_is_valid(out, n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_maps_there_and_back),
        cmocka_unit_test(every_character_has_a_class),
        cmocka_unit_test(words_are_found_in_any_script),
        cmocka_unit_test(words_know_their_case),
        cmocka_unit_test(malformed_and_endless_text_ends),
        cmocka_unit_test(a_lower_case_word_is_never_cut_within_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
