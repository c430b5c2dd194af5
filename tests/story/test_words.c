/* Languages, stems, ranking and feeling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "story/emotion.h"
#include "story/rank.h"
#include "story/topics.h"

static struct md_sentence_vec sentences_of(const char *const *texts, size_t n)
{
    struct md_sentence_vec v = {0};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(md_vec_push(&v, (struct md_sentence){(int64_t)i * 3000000,
                                                              (int64_t)i * 3000000 + 2000000,
                                                              (char *)texts[i], NULL, 0, 0}),
                         MD_OK);
    return v;
}

static void the_data_has_the_form_the_code_reads(void **state)
{
    size_t n;
    const struct md_story_language *t = md_story_language_table(&n);
    assert_true(n >= 11);
    assert_string_equal(t[n - 1].code, "");
    for (size_t i = 0; i < n; i++) {
        const char *lists[] = {t[i].stop,      t[i].determiners, t[i].abbreviations, t[i].titles,
                               t[i].not_names, t[i].place_words, t[i].feelings};
        for (size_t k = 0; k < MD_ARRAY_LEN(lists); k++) {
            assert_non_null(lists[k]);
            assert_null(strstr(lists[k], "  "));
        }
        for (const char *p = t[i].feelings; *p;) {
            size_t len = strcspn(p, " ");
            const char *colon = memchr(p, ':', len);
            assert_non_null(colon);
            assert_true(colon > p && colon + 2 == p + len && colon[1] >= '1' && colon[1] <= '9');
            p += len + strspn(p + len, " ");
        }
    }
}

static void languages_are_told_apart(void **state)
{
    static const struct {
        const char *code, *text;
    } samples[] = {
        {"en", "I don't know what you want from me, but this is not the way it was."},
        {"de", "Ich weiß nicht, was du von mir willst, aber das ist nicht der Weg."},
        {"fr", "Je ne sais pas ce que tu veux de moi, mais ce n'est pas la bonne route."},
        {"es", "No sé lo que quieres de mí, pero este no es el camino que yo quería."},
        {"it", "Non so che cosa vuoi da me, ma questa non è la strada che ho scelto io."},
        {"pt", "Eu não sei o que você quer de mim, mas este não é o meu caminho."},
        {"nl", "Ik weet niet wat je van mij wil, maar dit is niet de weg die ik ga."},
        {"sv", "Jag vet inte vad du vill ha av mig, men det här är inte min väg."},
        {"ru", "Я не знаю, что ты хочешь от меня, но это не тот путь, который был."},
        {"pl", "Nie wiem, czego ode mnie chcesz, ale to nie jest ta droga, którą ja znam."},
        {"", "Nem tudom, mit akarsz tőlem, de ez nem az az út, amelyet ismerek."},
        {"", "左に見えるのは…すべて安全"},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(samples); i++) {
        struct md_story_text text = {samples[i].text, strlen(samples[i].text)};
        assert_string_equal(md_story_language_detect(&text, 1)->code, samples[i].code);
    }
    assert_string_equal(md_story_language_by_tag("ger")->code, "de");
    assert_string_equal(md_story_language_by_tag("en-US")->code, "en");
    assert_string_equal(md_story_language_by_tag("tlh")->code, "");
    assert_string_equal(md_story_language_by_tag(NULL)->code, "");
}

static void forms_of_a_word_are_one_term(void **state)
{
    static const char *const texts[] = {"The ships were sinking.", "One ship sinks.",
                                        "It stopped the bodies.", "They stop a body.",
                                        "Nothing of it matters."};
    struct md_sentence_vec v = sentences_of(texts, MD_ARRAY_LEN(texts));
    struct md_text_traits traits = {md_story_language_by_tag("en"), true, false, true};
    struct md_terms names = {0};
    struct md_topics t = {0};
    assert_int_equal(md_topics_build(&v, &traits, &names, &t), MD_OK);
    assert_true(md_topics_similarity(&t, 0, 1) > 0.99f);
    assert_true(md_topics_similarity(&t, 2, 3) > 0.99f);
    assert_true(md_topics_similarity(&t, 0, 2) == 0);
    assert_true(md_topics_similarity(&t, 0, 4) == 0);
    md_topics_done(&t);
    md_vec_done(&v);
}

static void a_line_that_others_echo_ranks_first(void **state)
{
    static const char *const texts[] = {"The harbour lamp must burn every night for the ships.",
                                        "Did you fill the lamp with oil?",
                                        "The ships cannot find the harbour in a storm.",
                                        "Somebody must guard the lamp tonight.",
                                        "I had soup.",
                                        "Well.",
                                        "My cousin collects stamps from Portugal and Peru."};
    struct md_sentence_vec v = sentences_of(texts, MD_ARRAY_LEN(texts));
    struct md_text_traits traits = {md_story_language_by_tag("en"), true, false, true};
    struct md_terms names = {0};
    struct md_topics t = {0};
    assert_int_equal(md_topics_build(&v, &traits, &names, &t), MD_OK);
    assert_int_equal(md_story_rank(&t, &names, &v), MD_OK);
    assert_float_equal(v.v[0].importance, 1, 1e-6);
    for (size_t i = 0; i < v.n; i++)
        assert_true(v.v[i].importance >= 0 && v.v[i].importance <= 1);
    assert_true(v.v[5].importance < v.v[1].importance);
    assert_true(v.v[4].importance < v.v[2].importance);
    assert_true(v.v[6].importance < v.v[0].importance);
    md_topics_done(&t);
    md_vec_done(&v);
}

static float feeling(const char *language, const char *text)
{
    struct md_text_traits traits = {md_story_language_by_tag(language), true, false, true};
    struct md_sentence_vec v = sentences_of(&text, 1);
    assert_int_equal(md_story_feel(&traits, &v), MD_OK);
    float value = v.v[0].emotion;
    md_vec_done(&v);
    return value;
}

static void strong_words_and_shouting_are_felt(void **state)
{
    assert_true(feeling("en", "The train leaves at nine.") == 0);
    assert_true(feeling("en", "I will kill you, I hate you!") > 0.7f);
    assert_true(feeling("en", "I love you.") > 0.3f);
    assert_true(feeling("en", "What?!") > feeling("en", "What?"));
    assert_true(feeling("en", "Nooooo!") > feeling("en", "No!"));
    assert_true(feeling("en", "GET OUT of here.") == feeling("en", "Get out of here."));
    assert_true(feeling("en", "LEAVE ME alone.") > feeling("en", "Leave me alone."));
    assert_true(feeling("de", "Ich hasse dich, du Mörder!") > 0.6f);
    assert_true(feeling("fr", "Je t'aime, mon amour.") > 0.3f);
    assert_true(feeling("ru", "Я тебя ненавижу, убийца!") > 0.6f);
    assert_true(feeling("tlh", "nuqneH!") > 0);
    static char many[4000];
    for (size_t i = 0; i + 6 < sizeof many; i += 5)
        memcpy(many + i, "kill ", 6);
    assert_true(feeling("en", many) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_has_the_form_the_code_reads),
        cmocka_unit_test(languages_are_told_apart),
        cmocka_unit_test(forms_of_a_word_are_one_term),
        cmocka_unit_test(a_line_that_others_echo_ranks_first),
        cmocka_unit_test(strong_words_and_shouting_are_felt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
