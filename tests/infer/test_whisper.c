/* What is asked of the speech model reaches the library, and what comes back has its form; with the
 * real libwhisper and a random multilingual model. Its words mean nothing, but they, and how
 * sure it is of them, depend on every token it is prompted with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "infer/speech.h"

enum { STRETCHES = 2, SECONDS = 9 };

struct listener {
    struct md_speech *speech;
    struct md_failure failure;
    struct md_str texts[STRETCHES];
    size_t pieces, timed;
};

static void set_up(struct listener *l, int slots)
{
    char path[512];
    *l = (struct listener){0};
    snprintf(path, sizeof path, "%s/whisper-random.bin", getenv("MOVIEDIGEST_TEST_MODELS"));
    const struct md_speech_params params = {.model_path = path, .slots = slots};
    if (md_speech_new(&md_speech_whisper, &params, 2, &l->speech, &l->failure) < 0)
        fail_msg("%s", l->failure.message);
}

static void forget(struct listener *l)
{
    for (int i = 0; i < STRETCHES; i++) {
        md_str_done(&l->texts[i]);
        l->texts[i] = (struct md_str){0};
    }
}

static void tear_down(struct listener *l)
{
    forget(l);
    md_speech_free(l->speech);
}

static int read_sound(void *user, size_t index, float **ret_samples, size_t *ret_count)
{
    size_t n = (size_t)SECONDS * MD_SPEECH_RATE;
    float *samples = malloc(n * sizeof *samples);
    uint32_t seed = 77 + (uint32_t)index;
    (void)user;
    for (size_t i = 0; samples && i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        samples[i] = ((float)(seed >> 8) / 8388608.0f - 1) * (i / 4000 % 2 ? 0.2f : 0.02f);
    }
    *ret_samples = samples;
    *ret_count = n;
    return samples ? MD_OK : MD_ERR_NOMEM;
}

static size_t count_words(const char *text)
{
    size_t words = *text != '\0';
    for (; *text; text++)
        words += *text == ' ';
    return words;
}

static int take_pieces(void *user, size_t index, const struct md_speech_pieces *pieces)
{
    struct listener *l = user;
    for (size_t i = 0; i < pieces->n; i++) {
        const struct md_speech_piece *p = &pieces->v[i];
        assert_in_range(p->start_us, 0, SECONDS * 1000000);
        assert_in_range(p->end_us, p->start_us, SECONDS * 1000000);
        assert_true(p->probability >= 0 && p->probability <= 1);
        assert_true(p->no_speech >= 0 && p->no_speech <= 1);
        l->pieces++;
        if (p->word_us.n > 0) {
            int64_t last_us = p->start_us;
            assert_int_equal(p->word_us.n, 2 * count_words(p->text));
            for (size_t k = 0; k < p->word_us.n; k++) {
                assert_in_range(p->word_us.v[k], last_us, p->end_us);
                last_us = p->word_us.v[k];
            }
            l->timed++;
        }
        /* Random words may well be the same; how sure the model is of them is not. */
        md_str_printf(&l->texts[index], "%s (%.6f)\n", p->text, (double)p->probability);
    }
    return MD_OK;
}

static struct md_speech_run run_of(struct listener *l, const struct md_speech_style *style,
                                   int threads)
{
    return (struct md_speech_run){.count = STRETCHES,
                                  .threads = threads,
                                  .style = *style,
                                  .user = l,
                                  .read = read_sound,
                                  .done = take_pieces,
                                  .failure = &l->failure};
}

/* All that was said; caller frees. */
static char *listen(struct listener *l, const struct md_speech_style *style, int threads)
{
    const struct md_speech_run run = run_of(l, style, threads);
    struct md_str all = {0};
    forget(l);
    if (md_speech_run(l->speech, &run) < 0)
        fail_msg("%s", l->failure.message);
    for (int i = 0; i < STRETCHES; i++)
        md_str_printf(&all, "%s\n", md_str_text(&l->texts[i]));
    return md_str_take(&all);
}

static void the_language_given_is_the_librarys_however_it_is_written(void **state)
{
    static const char *const german[] = {"German", "ger", "deu", "de-AT"};
    struct listener l;
    (void)state;
    set_up(&l, 1);
    md_autofree char *en = listen(&l, &(struct md_speech_style){.language = "en"}, 1);
    md_autofree char *de = listen(&l, &(struct md_speech_style){.language = "de"}, 1);
    assert_non_null(strstr(en, " w"));
    assert_string_not_equal(en, de);
    for (size_t i = 0; i < MD_ARRAY_LEN(german); i++) {
        md_autofree char *same = listen(&l, &(struct md_speech_style){.language = german[i]}, 1);
        if (strcmp(same, de) != 0)
            fail_msg("%s is not taken for de", german[i]);
    }
    tear_down(&l);
}

static void a_language_nobody_knows_or_gives_is_found_out(void **state)
{
    struct listener l;
    const char *found = NULL, *again = NULL;
    const struct md_speech_style none = {0};
    (void)state;
    set_up(&l, 2);
    struct md_speech_run run = run_of(&l, &none, 1);
    assert_int_equal(md_speech_detect(l.speech, &run, &found), MD_OK);
    assert_non_null(found);
    assert_in_range(strlen(found), 2, 3);
    run.threads = 2;
    assert_int_equal(md_speech_detect(l.speech, &run, &again), MD_OK);
    assert_string_equal(found, again);
    md_autofree char *given = listen(&l, &(struct md_speech_style){.language = ""}, 1);
    md_autofree char *unknown = listen(&l, &(struct md_speech_style){.language = "klingon"}, 1);
    md_autofree char *absent = listen(&l, &none, 1);
    assert_string_equal(unknown, absent);
    assert_string_equal(given, absent);
    tear_down(&l);
}

static void translation_and_glossary_reach_the_library(void **state)
{
    struct listener l;
    (void)state;
    set_up(&l, 1);
    md_autofree char *plain = listen(&l, &(struct md_speech_style){.language = "de"}, 1);
    md_autofree char *english =
        listen(&l, &(struct md_speech_style){.language = "de", .translate = true}, 1);
    assert_string_not_equal(plain, english);
    const struct md_speech_style names = {.language = "de", .prompt = "Orlok, Hutter, Wisborg"};
    const struct md_speech_style others = {.language = "de", .prompt = "Knock"};
    md_autofree char *with_names = listen(&l, &names, 1);
    md_autofree char *with_others = listen(&l, &others, 1);
    assert_string_not_equal(with_names, plain);
    assert_string_not_equal(with_names, with_others);
    /* Nothing of it stays in the model. */
    md_autofree char *again = listen(&l, &names, 1);
    md_autofree char *plain_again = listen(&l, &(struct md_speech_style){.language = "de"}, 1);
    assert_string_equal(again, with_names);
    assert_string_equal(plain_again, plain);
    tear_down(&l);
}

static void a_glossary_of_any_size_and_bytes_is_taken(void **state)
{
    struct listener l;
    md_autostr names = {0};
    (void)state;
    for (int i = 0; i < 3000; i++)
        md_str_printf(&names, "Name%d, ", i);
    set_up(&l, 1);
    md_autofree char *longest =
        listen(&l, &(struct md_speech_style){.language = "en", .prompt = names.s}, 1);
    md_autofree char *odd = listen(
        &l, &(struct md_speech_style){.language = "en", .prompt = "\xff\xc3 <|endoftext|>\n"}, 1);
    md_autofree char *empty =
        listen(&l, &(struct md_speech_style){.language = "en", .prompt = ""}, 1);
    assert_true(md_speech_is_sound(l.speech));
    tear_down(&l);
}

static void slots_and_threads_change_nothing(void **state)
{
    const struct md_speech_style style = {
        .language = "fr", .translate = true, .prompt = "Orlok, Hutter"};
    struct listener one, two;
    (void)state;
    set_up(&one, 1);
    set_up(&two, 2);
    md_autofree char *wanted = listen(&one, &style, 1);
    for (int threads = 1; threads <= 4; threads++) {
        md_autofree char *same = listen(&two, &style, threads);
        assert_string_equal(same, wanted);
    }
    assert_true(one.timed > 0);
    assert_int_equal(one.timed, one.pieces); /* every piece has the times of its words */
    tear_down(&one);
    tear_down(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_given_is_the_librarys_however_it_is_written),
        cmocka_unit_test(a_language_nobody_knows_or_gives_is_found_out),
        cmocka_unit_test(translation_and_glossary_reach_the_library),
        cmocka_unit_test(a_glossary_of_any_size_and_bytes_is_taken),
        cmocka_unit_test(slots_and_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
