/* Names that recur are characters; what merely has a capital is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "story/names.h"

struct found {
    struct md_character_vec characters;
    struct md_terms words;
};

static struct found find_in(const char *const *texts, const char *const *speakers, size_t n,
                            const char *language, bool all_capitals)
{
    struct found f = {0};
    struct md_sentence_vec sentences = {0};
    struct md_text_traits traits = {md_story_language_by_tag(language), true, all_capitals, true};
    for (size_t i = 0; i < n; i++) {
        struct md_sentence s = {(int64_t)i * 1000000,
                                (int64_t)i * 1000000 + 900000,
                                (char *)texts[i],
                                speakers ? (char *)speakers[i] : NULL,
                                0,
                                0};
        assert_int_equal(md_vec_push(&sentences, s), MD_OK);
    }
    assert_int_equal(md_story_find_names(&sentences, &traits, &f.characters, &f.words), MD_OK);
    md_vec_done(&sentences);
    return f;
}

static void done(struct found *f)
{
    for (size_t i = 0; i < f->characters.n; i++)
        free(f->characters.v[i].name);
    md_vec_done(&f->characters);
    md_terms_done(&f->words);
}

static const struct md_character *who(const struct found *f, const char *name)
{
    for (size_t i = 0; i < f->characters.n; i++)
        if (strcmp(f->characters.v[i].name, name) == 0)
            return &f->characters.v[i];
    return NULL;
}

static void recurring_names_are_found_and_merged(void **state)
{
    static const char *const texts[] = {"I saw Anna at the station.", "That is Anna's coat.",
                                        "Come here, Anna!",           "Did Viktor say so?",
                                        "We trusted Viktor.",         "Mr. Holloway is late.",
                                        "Where is Mr. Holloway?",     "Holloway never came back."};
    struct found f = find_in(texts, NULL, MD_ARRAY_LEN(texts), "en", false);
    assert_int_equal(f.characters.n, 3);
    assert_non_null(who(&f, "Anna"));
    assert_int_equal(who(&f, "Anna")->mentions, 3);
    assert_int_equal(who(&f, "Anna")->first_us, 0);
    assert_int_equal(who(&f, "Anna")->last_us, 2000000);
    assert_non_null(who(&f, "Viktor"));
    assert_non_null(who(&f, "Mr. Holloway") ? who(&f, "Mr. Holloway") : who(&f, "Mr Holloway"));
    assert_true(md_terms_find(&f.words, "anna", 4) >= 0);
    assert_true(md_terms_find(&f.words, "coat", 4) < 0);
    done(&f);
}

static void first_and_family_names_are_one_person(void **state)
{
    static const char *const texts[] = {"This is Anna Karenina.", "So you are Anna Karenina.",
                                        "I love Anna.", "Poor Karenina!", "Tell me, Anna."};
    struct found f = find_in(texts, NULL, MD_ARRAY_LEN(texts), "en", false);
    assert_int_equal(f.characters.n, 1);
    assert_string_equal(f.characters.v[0].name, "Anna Karenina");
    assert_int_equal(f.characters.v[0].mentions, 5);
    done(&f);
}

static void places_days_and_exclamations_are_nobody(void **state)
{
    static const char *const texts[] = {"I was in Paris on Monday.",
                                        "We met in Paris.",
                                        "God, I hate Mondays.",
                                        "Yes, I know.",
                                        "Well, I never.",
                                        "Oh, come on, Sir.",
                                        "The Nautilus sank.",
                                        "I saw the Nautilus.",
                                        "She lives on Gull Rock.",
                                        "There is nothing on Gull Rock.",
                                        "They speak English.",
                                        "Do you speak English?",
                                        "Hello. Hello! Stop! Stop! Please. Please!"};
    struct found f = find_in(texts, NULL, MD_ARRAY_LEN(texts), "en", false);
    for (size_t i = 0; i < f.characters.n; i++)
        print_error("%s\n", f.characters.v[i].name);
    assert_int_equal(f.characters.n, 0);
    done(&f);
}

static void german_nouns_are_not_names_but_people_called_are(void **state)
{
    static const char *const texts[] = {"Das Haus ist alt.",
                                        "Ich sah das Haus und den Garten.",
                                        "Mein Haus steht im Garten.",
                                        "Komm her, Lena!",
                                        "Was meinst du, Lena?",
                                        "Herr Brandt ist da.",
                                        "Ist Herr Brandt krank?",
                                        "Die Liebe ist ein Spiel.",
                                        "Liebe und Spiel."};
    struct found f = find_in(texts, NULL, MD_ARRAY_LEN(texts), "de", false);
    assert_non_null(who(&f, "Lena"));
    assert_non_null(who(&f, "Herr Brandt"));
    assert_int_equal(f.characters.n, 2);
    done(&f);
}

static void labels_count_as_lines(void **state)
{
    static const char *const texts[] = {"no.", "why not?", "because.", "hm.", "what?", "so."};
    static const char *const speakers[] = {"ANNA", "BOB", "ANNA", "MAN", "MAN", "BOB"};
    struct found f = find_in(texts, speakers, MD_ARRAY_LEN(texts), "en", false);
    assert_int_equal(f.characters.n, 2);
    assert_non_null(who(&f, "Anna"));
    assert_int_equal(who(&f, "Anna")->lines, 2);
    assert_non_null(who(&f, "Bob"));
    done(&f);
}

static void capitals_throughout_give_only_people_called(void **state)
{
    static const char *const texts[] = {"COME ON, MARTY!", "THIS IS HEAVY, MARTY.",
                                        "THE ENGINE IS BROKEN.", "THE ENGINE, MARTY."};
    struct found f = find_in(texts, NULL, MD_ARRAY_LEN(texts), "en", true);
    assert_int_equal(f.characters.n, 1);
    assert_string_equal(f.characters.v[0].name, "Marty");
    done(&f);
}

static void scripts_without_capitals_say_nothing(void **state)
{
    static const char *const texts[] = {"左に見えるのは", "هل أنت بخير؟", "イーモ、早く！"};
    struct found f = find_in(texts, NULL, MD_ARRAY_LEN(texts), "ja", false);
    assert_int_equal(f.characters.n, 0);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurring_names_are_found_and_merged),
        cmocka_unit_test(first_and_family_names_are_one_person),
        cmocka_unit_test(places_days_and_exclamations_are_nobody),
        cmocka_unit_test(german_nouns_are_not_names_but_people_called_are),
        cmocka_unit_test(labels_count_as_lines),
        cmocka_unit_test(capitals_throughout_give_only_people_called),
        cmocka_unit_test(scripts_without_capitals_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
