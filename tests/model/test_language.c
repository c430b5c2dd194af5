/* Languages are recognised however they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/language.h"

static void every_spelling_of_a_language_is_the_same_language(void **state)
{
    static const char *const german[] = {"de",     "deu",   "ger",   "DE",      "Ger", "German",
                                         "german", "de-AT", "de_CH", "deutsch", " de "};
    for (size_t i = 0; i < sizeof german / sizeof *german; i++) {
        assert_non_null(md_language_code(german[i]));
        assert_string_equal(md_language_code(german[i]), "deu");
    }
    assert_true(md_language_same("fre", "fr"));
    assert_true(md_language_same("zho", "chi"));
    assert_true(md_language_same("Castilian", "es-MX"));
    assert_false(md_language_same("en", "de"));
    assert_string_equal(md_language_name("en-GB"), "English");
}

static void unknown_codes_equal_only_themselves(void **state)
{
    assert_null(md_language_code("qqq"));
    assert_null(md_language_code(""));
    assert_null(md_language_code("e"));
    assert_null(md_language_name("Klingonish"));
    assert_true(md_language_same("qqq", "QQQ"));
    assert_false(md_language_same("qqq", "eng"));
    assert_false(md_language_same("", ""));
}

static void the_first_wanted_language_ranks_first(void **state)
{
    assert_int_equal(md_language_rank("en,de", "ger"), 1);
    assert_int_equal(md_language_rank(" English , de", "eng"), 0);
    assert_int_equal(md_language_rank("pt-BR,en", "por"), 0);
    assert_int_equal(md_language_rank("en,de", "fr"), -1);
    assert_int_equal(md_language_rank("en,,", "fr"), -1);
    assert_int_equal(md_language_rank(NULL, "fr"), -1);
    assert_int_equal(md_language_rank("fr", NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_language_is_the_same_language),
        cmocka_unit_test(unknown_codes_equal_only_themselves),
        cmocka_unit_test(the_first_wanted_language_ranks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
