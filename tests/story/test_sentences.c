/* Cues become the sentences that were spoken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/transcript.h"
#include "story/sentences.h"

struct line {
    double start_s, end_s;
    const char *text;
    const char *speaker;
    bool is_sound;
};

static struct md_sentence_vec join(const struct line *lines, size_t n, const char *language)
{
    struct md_transcript t = {.language = (char *)language};
    struct md_sentence_vec out = {0};
    struct md_strings warnings = {0};
    struct md_text_traits traits;
    for (size_t i = 0; i < n; i++) {
        struct md_cue cue = {(int64_t)(lines[i].start_s * 1e6), (int64_t)(lines[i].end_s * 1e6),
                             (char *)lines[i].text, (char *)lines[i].speaker, lines[i].is_sound};
        assert_int_equal(md_vec_push(&t.cues, cue), MD_OK);
    }
    md_story_read_traits(&t, &traits);
    assert_int_equal(md_story_join_sentences(&t, &traits, INT64_C(1000000000), &out, &warnings),
                     MD_OK);
    assert_int_equal(warnings.n, 0);
    md_vec_done(&t.cues);
    md_vec_done(&warnings);
    return out;
}

static void done(struct md_sentence_vec *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->v[i].text);
        free(v->v[i].speaker);
    }
    md_vec_done(v);
}

static void expect(const struct line *lines, size_t n, const char *language,
                   const char *const *texts, size_t texts_n)
{
    struct md_sentence_vec v = join(lines, n, language);
    for (size_t i = 0; i < MD_MIN(v.n, texts_n); i++)
        assert_string_equal(v.v[i].text, texts[i]);
    assert_int_equal(v.n, texts_n);
    done(&v);
}

#define EXPECT(language, lines, ...)                                                               \
    do {                                                                                           \
        static const char *const texts_[] = {__VA_ARGS__};                                         \
        expect(lines, MD_ARRAY_LEN(lines), language, texts_, MD_ARRAY_LEN(texts_));                \
    } while (0)

static void a_sentence_runs_over_cues_until_its_full_stop(void **state)
{
    static const struct line lines[] = {{1, 3, "I never thought\nthat we would"},
                                        {3.1, 5, "see this place again."},
                                        {5.2, 6, "Did you? I did."}};
    EXPECT("en", lines, "I never thought that we would see this place again.", "Did you?",
           "I did.");
}

static void abbreviations_and_initials_do_not_end_sentences(void **state)
{
    static const struct line lines[] = {{1, 3, "Mr. Holmes met Dr. Watson. They spoke."},
                                        {3, 5, "Was it J. Moriarty? It cost 3.50 dollars."},
                                        {6, 7, "Ask Mrs."},
                                        {7, 8, "Hudson."}};
    EXPECT("en", lines, "Mr. Holmes met Dr. Watson.", "They spoke.", "Was it J. Moriarty?",
           "It cost 3.50 dollars.", "Ask Mrs. Hudson.");
}

static void dashes_and_names_change_the_speaker(void **state)
{
    static const struct line lines[] = {{1, 3, "- Are you coming\n- Not yet", NULL},
                                        {4, 6, "Come here at once", "ANNA"},
                                        {6, 8, "and wait for me.", NULL},
                                        {8, 9, "BOB: Why?", NULL}};
    struct md_sentence_vec v = join(lines, MD_ARRAY_LEN(lines), "en");
    assert_int_equal(v.n, 4);
    assert_string_equal(v.v[0].text, "Are you coming");
    assert_string_equal(v.v[1].text, "Not yet");
    assert_null(v.v[1].speaker);
    assert_string_equal(v.v[2].text, "Come here at once and wait for me.");
    assert_string_equal(v.v[2].speaker, "ANNA");
    assert_string_equal(v.v[3].speaker, "BOB");
    assert_string_equal(v.v[3].text, "Why?");
    done(&v);
}

static void dots_join_only_what_goes_on_in_small_letters(void **state)
{
    static const struct line lines[] = {{1, 2, "At the right we can see the..."},
                                        {2.1, 3, "...the head-snarlers."},
                                        {3.1, 4, "Well... I wonder..."},
                                        {4.1, 5, "Nobody knows."}};
    EXPECT("en", lines, "At the right we can see the... the head-snarlers.", "Well... I wonder...",
           "Nobody knows.");
}

static void long_pauses_end_sentences(void **state)
{
    static const struct line lines[] = {
        {1, 2, "And then she said that,"}, {20, 22, "nothing more was heard."}, {22, 23, "Yes."}};
    EXPECT("en", lines, "And then she said that,", "nothing more was heard.", "Yes.");
}

static void sounds_and_music_signs_are_left_out(void **state)
{
    static const struct line lines[] = {{1, 2, "[door slams]", NULL, true},
                                        {2, 3, "(sighs) I am tired.", NULL, false},
                                        {3, 4, "\xE2\x99\xAA", NULL, false}};
    EXPECT("en", lines, "I am tired.");
}

static void scripts_without_spaces_have_sentences_too(void **state)
{
    static const struct line lines[] = {
        {1, 2, "すべて安全\n完璧に安全だ"}, {2, 3, "危ない！逃げろ。"}, {3, 4, "ケガはないか？"}};
    EXPECT("ja", lines, "すべて安全", "完璧に安全だ", "危ない！", "逃げろ。", "ケガはないか？");
}

static void right_to_left_text_is_joined_as_it_is_read(void **state)
{
    static const struct line lines[] = {{1, 2, "هل أنت بخير؟ نعم."}, {2, 3, "قم يا إيمو."}};
    EXPECT("ar", lines, "هل أنت بخير؟", "نعم.", "قم يا إيمو.");
}

static void captions_without_punctuation_end_at_pauses(void **state)
{
    static const struct line lines[] = {{1, 2, "so today we are going to"},
                                        {2, 3, "look at the engine"},
                                        {5, 6, "this here is the pump"},
                                        {6, 7, "and that is the valve"}};
    EXPECT("en", lines, "so today we are going to look at the engine",
           "this here is the pump and that is the valve");
}

static void capitals_throughout_still_make_sentences(void **state)
{
    static const struct line lines[] = {{1, 2, "WE HAVE TO GO. NOW! ARE YOU"},
                                        {2, 3, "COMING WITH ME?"}};
    EXPECT("en", lines, "WE HAVE TO GO.", "NOW!", "ARE YOU COMING WITH ME?");
}

static void times_grow_through_a_cue(void **state)
{
    static const struct line lines[] = {{10, 20, "First half here. Other half here."}};
    struct md_sentence_vec v = join(lines, 1, "en");
    assert_int_equal(v.n, 2);
    assert_int_equal(v.v[0].start_us, 10000000);
    assert_in_range(v.v[0].end_us, 14000000, 16000000);
    assert_true(v.v[1].start_us >= v.v[0].end_us);
    assert_int_equal(v.v[1].end_us, 20000000);
    done(&v);
}

static void text_without_end_is_cut_into_quotable_pieces(void **state)
{
    static char text[40001];
    memset(text, 'x', sizeof text - 1);
    struct md_transcript t = {0};
    struct md_text_traits traits;
    struct md_sentence_vec v = {0};
    struct md_strings warnings = {0};
    assert_int_equal(md_vec_push(&t.cues, (struct md_cue){0, 5000000, text, NULL, false}), MD_OK);
    md_story_read_traits(&t, &traits);
    assert_int_equal(md_story_join_sentences(&t, &traits, 9000000, &v, &warnings), MD_OK);
    assert_true(v.n >= 10);
    for (size_t i = 0; i < v.n; i++)
        assert_true(strlen(v.v[i].text) <= 1000);
    assert_int_equal(warnings.n, 1);
    free(warnings.v[0]);
    md_vec_done(&warnings);
    md_vec_done(&t.cues);
    done(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_runs_over_cues_until_its_full_stop),
        cmocka_unit_test(abbreviations_and_initials_do_not_end_sentences),
        cmocka_unit_test(dashes_and_names_change_the_speaker),
        cmocka_unit_test(dots_join_only_what_goes_on_in_small_letters),
        cmocka_unit_test(long_pauses_end_sentences),
        cmocka_unit_test(sounds_and_music_signs_are_left_out),
        cmocka_unit_test(scripts_without_spaces_have_sentences_too),
        cmocka_unit_test(right_to_left_text_is_joined_as_it_is_read),
        cmocka_unit_test(captions_without_punctuation_end_at_pauses),
        cmocka_unit_test(capitals_throughout_still_make_sentences),
        cmocka_unit_test(times_grow_through_a_cue),
        cmocka_unit_test(text_without_end_is_cut_into_quotable_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
