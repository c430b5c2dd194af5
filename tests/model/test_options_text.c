/* A movie's options survive as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/options.h"

static void set(struct md_options *options, const char *name, const char *value)
{
    assert_int_equal(md_options_set(options, md_option_find(name), value, NULL), MD_OK);
}

static void defaults_are_no_text(void **state)
{
    struct md_options options;
    md_autostr text = {0};
    (void)state;
    assert_int_equal(md_options_init(&options), MD_OK);
    set(&options, "jobs", "3"); /* of the run, not of the movie */
    set(&options, "output", "elsewhere");
    md_options_differences(&options, &text);
    assert_string_equal(md_str_text(&text), "");
    md_options_done(&options);
}

static void what_differs_comes_back_and_the_rest_becomes_default(void **state)
{
    struct md_options options, other;
    md_autostr text = {0};
    (void)state;
    assert_int_equal(md_options_init(&options), MD_OK);
    assert_int_equal(md_options_init(&other), MD_OK);
    set(&options, "length", "15%");
    set(&options, "force", "yes");
    set(&options, "audio-language", "d\xc3\xa9=\n%41,en");
    set(&options, "stages", "shots,audio");
    md_options_differences(&options, &text);
    for (const char *p = md_str_text(&text); *p; p++)
        assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
    set(&other, "quality", "draft");
    set(&other, "jobs", "7");
    assert_int_equal(md_options_apply_differences(&other, md_str_text(&text), NULL), MD_OK);
    assert_string_equal(other.audio_language, options.audio_language);
    assert_string_equal(other.stages, "shots,audio");
    assert_true(other.force);
    assert_true(other.length.percent == 15);
    assert_int_equal(other.quality, options.quality);
    assert_int_equal(other.jobs, 7);
    md_options_done(&options);
    md_options_done(&other);
}

static void every_movie_option_makes_the_round_trip(void **state)
{
    static const char *const values[] = {"no", "yes", "1", "2", "de,fr", "7s"};
    (void)state;
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        for (size_t i = 0; md_option_is_of_movie(o) && i < MD_ARRAY_LEN(values); i++) {
            struct md_options options, back;
            md_autostr text = {0};
            assert_int_equal(md_options_init(&options), MD_OK);
            if (md_options_set(&options, o, values[i], NULL) == MD_OK) {
                md_options_differences(&options, &text);
                assert_int_equal(md_options_copy(&options, &back), MD_OK);
                set(&back, o->name, o->initial);
                assert_int_equal(md_options_apply_differences(&back, md_str_text(&text), NULL),
                                 MD_OK);
                md_autofree char *was = md_options_get(&options, o);
                md_autofree char *is = md_options_get(&back, o);
                assert_string_equal(was, is);
                md_options_done(&back);
            }
            md_options_done(&options);
        }
    }
}

static void texts_that_make_no_sense_are_refused(void **state)
{
    static const char *const texts[] = {"no-such=1\n", "length\n",     "length=never\n", "jobs=3\n",
                                        "length=%4\n", "length=%00\n", "length=%zz\n",   "=\n"};
    (void)state;
    for (size_t i = 0; i < MD_ARRAY_LEN(texts); i++) {
        struct md_options options;
        struct md_failure failure = {0};
        assert_int_equal(md_options_init(&options), MD_OK);
        assert_int_equal(md_options_apply_differences(&options, texts[i], &failure), MD_ERR_INPUT);
        assert_true(failure.message[0]);
        md_options_done(&options);
    }
}

static void a_copy_is_its_own(void **state)
{
    struct md_options options, copy;
    (void)state;
    assert_int_equal(md_options_init(&options), MD_OK);
    set(&options, "output", "there");
    set(&options, "memory-limit", "3GB");
    assert_int_equal(md_options_copy(&options, &copy), MD_OK);
    md_options_done(&options);
    assert_string_equal(copy.output, "there");
    assert_int_equal(copy.memory_limit, 3000000000);
    md_options_done(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_no_text),
        cmocka_unit_test(what_differs_comes_back_and_the_rest_becomes_default),
        cmocka_unit_test(every_movie_option_makes_the_round_trip),
        cmocka_unit_test(texts_that_make_no_sense_are_refused),
        cmocka_unit_test(a_copy_is_its_own),
    };
    return cmocka_run_group_tests_name("options_text", tests, NULL, NULL);
}
