/* Options: precedence, forms, and errors that name what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/args.h"

static char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static char *length_env(const char *name)
{
    return strcmp(name, "MOVIEDIGEST_LENGTH") == 0 ? "20%" : NULL;
}

static int parse(struct md_args *args, char *(*get_env)(const char *), struct md_failure *failure,
                 const char *const *words)
{
    int n = 0;
    while (words[n])
        n++;
    return md_args_parse(args, n, (char *const *)words, get_env, failure);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void options_and_paths_mix_and_two_dashes_end_options(void **state)
{
    struct md_args args;
    assert_int_equal(parse(&args, no_env, NULL,
                           WORDS("a.mkv", "--length=5min", "-o", "out", "-fn", "--", "--help")),
                     MD_ERR_INPUT);
    assert_int_equal(
        parse(&args, no_env, NULL,
              WORDS("a.mkv", "--length=5min", "-oout", "-f", "--no-keep-work", "--", "--help")),
        MD_OK);
    assert_int_equal(args.paths.n, 2);
    assert_string_equal(args.paths.v[1], "--help");
    assert_false(args.help);
    assert_int_equal(args.options.length.us, 300 * 1000000);
    assert_string_equal(args.options.output, "out");
    assert_true(args.options.force);
    assert_false(args.options.keep_work);
    md_args_done(&args);
}

static void later_sources_win(void **state)
{
    char path[] = "/tmp/md-args-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "; a comment\n[digest]\nlength = 10%\nstrategy = emotional\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    struct md_args args;
    char option[64];
    snprintf(option, sizeof option, "--config=%s", path);
    assert_int_equal(parse(&args, no_env, NULL, WORDS(option, "x")), MD_OK);
    assert_true(args.options.length.percent == 10);
    assert_int_equal(args.options.strategy, MD_STRATEGY_EMOTIONAL);
    md_args_done(&args);
    assert_int_equal(parse(&args, length_env, NULL, WORDS(option, "x")), MD_OK);
    assert_true(args.options.length.percent == 20);
    assert_int_equal(args.source[md_option_find("length") - md_option_table()],
                     MD_SOURCE_ENVIRONMENT);
    md_args_done(&args);
    assert_int_equal(parse(&args, length_env, NULL, WORDS("-l", "30%", option, "x")), MD_OK);
    assert_true(args.options.length.percent == 30);
    md_args_done(&args);
    unlink(path);
}

static void errors_name_the_option_and_what_is_allowed(void **state)
{
    struct md_args args;
    struct md_failure failure = {0};
    assert_int_equal(parse(&args, no_env, &failure, WORDS("--lenght", "5min")), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "--lenght"));
    assert_int_equal(parse(&args, no_env, &failure, WORDS("--length", "soon")), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "5min"));
    assert_int_equal(parse(&args, no_env, &failure, WORDS("--jobs", "1000")), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "64"));
    assert_int_equal(parse(&args, no_env, &failure, WORDS("--length")), MD_ERR_INPUT);
    assert_non_null(strstr(failure.message, "LENGTH"));
    assert_int_equal(parse(&args, no_env, &failure, WORDS("--config=/nonexistent.ini")),
                     MD_ERR_NOTFOUND);
    assert_non_null(strstr(failure.message, "/nonexistent.ini"));
}

static void a_config_file_with_a_mistake_is_refused_with_its_name(void **state)
{
    static const char *const texts[] = {"lenght = 5min\n", "length 5min\n", "jobs = many\n"};
    for (size_t i = 0; i < MD_ARRAY_LEN(texts); i++) {
        char path[] = "/tmp/md-args-XXXXXX";
        int fd = mkstemp(path);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
        close(fd);
        struct md_args args;
        struct md_failure failure = {0};
        assert_int_equal(parse(&args, no_env, &failure, WORDS("-c", path)), MD_ERR_INPUT);
        assert_non_null(strstr(failure.message, path));
        unlink(path);
    }
}

static void every_option_reads_back_what_it_writes(void **state)
{
    struct md_options options;
    assert_int_equal(md_options_init(&options), MD_OK);
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        md_autofree char *text = md_options_get(&options, o);
        assert_non_null(text);
        assert_int_equal(md_options_set(&options, o, text, NULL), MD_OK);
        md_autofree char *again = md_options_get(&options, o);
        assert_string_equal(text, again);
        assert_non_null(o->help);
        assert_non_null(o->group);
    }
    md_options_done(&options);
}

static void lengths_are_read_in_the_forms_people_use(void **state)
{
    static const struct {
        const char *text;
        double percent;
        int64_t us;
    } cases[] = {{"auto", 0, 0},        {"15%", 15, 0},
                 {"7.5 %", 7.5, 0},     {"5min", 0, 300000000},
                 {"90s", 0, 90000000},  {"90 sec", 0, 90000000},
                 {"1:30", 0, 90000000}, {"1:02:03", 0, 3723000000},
                 {"1h", 0, 3600000000}};
    static const char *const wrong[] = {"",    "5",       "0%",        "101%", "-5min", "nan%",
                                        "inf", "1:2:3:4", "5 parsecs", "0s",   "25h"};
    struct md_options options;
    const struct md_option *length = md_option_find("length");
    assert_int_equal(md_options_init(&options), MD_OK);
    for (size_t i = 0; i < MD_ARRAY_LEN(cases); i++) {
        assert_int_equal(md_options_set(&options, length, cases[i].text, NULL), MD_OK);
        assert_true(options.length.percent == cases[i].percent);
        assert_int_equal(options.length.us, cases[i].us);
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(wrong); i++)
        assert_int_equal(md_options_set(&options, length, wrong[i], NULL), MD_ERR_INPUT);
    md_options_done(&options);
}

static void the_default_length_follows_the_rule_of_the_manual(void **state)
{
    const struct md_length automatic = {0};
    const int64_t minute = 60000000;
    assert_int_equal(md_length_resolve(&automatic, minute), minute);
    assert_int_equal(md_length_resolve(&automatic, 7 * minute), 2 * minute);
    assert_int_equal(md_length_resolve(&automatic, 60 * minute), 9 * minute);
    assert_int_equal(md_length_resolve(&automatic, 90 * minute), 13.5 * minute);
    assert_int_equal(md_length_resolve(&automatic, 100 * minute), 20 * minute);
    assert_int_equal(md_length_resolve(&automatic, 240 * minute), 25 * minute);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_paths_mix_and_two_dashes_end_options),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(errors_name_the_option_and_what_is_allowed),
        cmocka_unit_test(a_config_file_with_a_mistake_is_refused_with_its_name),
        cmocka_unit_test(every_option_reads_back_what_it_writes),
        cmocka_unit_test(lengths_are_read_in_the_forms_people_use),
        cmocka_unit_test(the_default_length_follows_the_rule_of_the_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
