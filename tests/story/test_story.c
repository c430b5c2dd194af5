/* Whatever the film, the story is whole: segments and acts tile it, every text is readable. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "film.h"
#include "model/story.h"

static void analyse(struct md_film *film, struct md_story *story)
{
    *story = (struct md_story){0};
    int r = md_stage_ops_story.run(&film->env, &film->in, story);
    if (r < 0)
        print_error("%s\n", film->failure.message);
    assert_int_equal(r, MD_OK);
}

static void check_text(const char *text)
{
    assert_non_null(text);
    assert_true(strlen(text) > 0);
    assert_true(md_utf8_is_valid(text, strlen(text)));
}

static bool unit(float value)
{
    return isfinite(value) && value >= 0 && value <= 1;
}

static void check_segments(const struct md_film *film, const struct md_story *story)
{
    const struct md_shot_vec *shots = &film->shots.shots;
    int64_t content_us = 0, sum_us = 0, sentence = 0;
    bool all_credits = shots->n > 0;
    for (size_t i = 0; i < shots->n; i++)
        all_credits &= shots->v[i].credits;
    for (size_t i = 0; i < shots->n; i++)
        content_us +=
            shots->v[i].credits && !all_credits ? 0 : shots->v[i].end_us - shots->v[i].start_us;
    for (size_t i = 0; i < story->segments.n; i++) {
        const struct md_segment *s = &story->segments.v[i];
        assert_true(s->end_us > s->start_us);
        assert_true(i == 0 || s->start_us >= s[-1].end_us);
        assert_true(unit(s->importance) && unit(s->audio_visual) && unit(s->emotion) &&
                    unit(s->boundary));
        check_text(s->title);
        assert_true(strlen(s->title) < 400);
        assert_true(s->first_sentence >= sentence || s->sentence_count == 0);
        for (int64_t k = s->first_sentence; k < s->first_sentence + s->sentence_count; k++) {
            assert_true(story->sentences.v[k].start_us >= s->start_us);
            assert_true(story->sentences.v[k].start_us < s->end_us);
        }
        sentence = s->first_sentence + s->sentence_count;
        assert_true((s->sentence_count > 0) == (s->summary != NULL));
        if (shots->n > 0) {
            assert_true(shots->v[s->first_shot].start_us <= s->start_us);
            assert_true(shots->v[s->first_shot + s->shot_count - 1].end_us >= s->end_us);
            for (int64_t k = s->first_shot; k < s->first_shot + s->shot_count; k++)
                assert_true(all_credits || !shots->v[k].credits);
        }
        sum_us += s->end_us - s->start_us;
    }
    assert_true(story->segments.n > 0);
    assert_int_equal(sum_us, shots->n > 0 ? content_us : film->media.duration_us);
}

static void check_acts(const struct md_story *story)
{
    int64_t next = 0;
    assert_true(story->acts.n > 0);
    assert_true(story->segments.n < MD_ACTS ? story->acts.n == story->segments.n
                                            : story->acts.n == MD_ACTS);
    for (size_t a = 0; a < story->acts.n; a++) {
        const struct md_act_range *act = &story->acts.v[a];
        assert_true(a == 0 || act->act > act[-1].act);
        assert_int_equal(act->first_segment, next);
        assert_true(act->segment_count > 0);
        next += act->segment_count;
        assert_int_equal(act->start_us, story->segments.v[act->first_segment].start_us);
        assert_int_equal(act->end_us, story->segments.v[next - 1].end_us);
        for (int64_t i = act->first_segment; i < next; i++)
            assert_int_equal(story->segments.v[i].act, act->act);
        check_text(act->summary);
    }
    assert_int_equal(next, story->segments.n);
}

static void check_rest(const struct md_story *story)
{
    float best = 0;
    for (size_t i = 0; i < story->sentences.n; i++) {
        const struct md_sentence *s = &story->sentences.v[i];
        check_text(s->text);
        assert_true(unit(s->importance) && unit(s->emotion));
        assert_true(s->end_us >= s->start_us && (i == 0 || s->start_us >= s[-1].start_us));
        best = MD_MAX(best, s->importance);
    }
    assert_true(story->sentences.n == 0 || fabsf(best - 1) < 1e-5f);
    assert_true(story->key_moments.n >= 1 && story->key_moments.n <= 12);
    for (size_t i = 0; i < story->key_moments.n; i++) {
        const struct md_key_moment *m = &story->key_moments.v[i];
        const struct md_segment *s = &story->segments.v[m->segment];
        assert_true(i == 0 || m->time_us >= m[-1].time_us);
        assert_true(m->time_us >= s->start_us && m->time_us < s->end_us && m->end_us > m->time_us);
        assert_true(unit(m->score));
        check_text(m->kind);
        check_text(m->reason);
    }
    assert_int_equal(story->has_words, story->sentences.n > 0);
    assert_true(story->has_words == (story->synopsis != NULL));
}

/* What is written can be read again, whole. */
static char *round_trip(const struct md_story *story)
{
    struct md_story again = {0};
    struct md_failure failure = {0};
    json_t *data = md_codec_write(md_artifact_story.fields, story);
    assert_non_null(data);
    json_t *json = json_pack("{s:s, s:i, s:s, s:o}", "schema", md_artifact_story.schema, "version",
                             md_artifact_story.version, "key", "0123456789abcdef", "data", data);
    char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(json);
    int r = md_artifact_parse(&md_artifact_story, text, strlen(text), &again, NULL, &failure);
    if (r < 0)
        print_error("%s\n", failure.message);
    assert_int_equal(r, MD_OK);
    md_artifact_done(&md_artifact_story, &again);
    return text;
}

static void any_film_has_a_whole_story(void **state)
{
    for (uint64_t seed = 1; seed <= 250; seed++) {
        struct md_film film;
        struct md_story story;
        struct md_film_shape shape = md_film_any_shape(seed + 10000);
        shape.duration_s = MD_MIN(shape.duration_s, 1500);
        md_film_make(&film, &shape);
        analyse(&film, &story);
        check_segments(&film, &story);
        check_acts(&story);
        check_rest(&story);
        free(round_trip(&story));
        md_artifact_done(&md_artifact_story, &story);
        md_film_done(&film);
    }
}

static void the_same_film_has_the_same_story(void **state)
{
    for (uint64_t seed = 1; seed <= 15; seed++) {
        char *texts[2];
        for (int round = 0; round < 2; round++) {
            struct md_film film;
            struct md_story story;
            struct md_film_shape shape = md_film_any_shape(seed);
            shape.duration_s = MD_MIN(shape.duration_s, 900);
            md_film_make(&film, &shape);
            analyse(&film, &story);
            texts[round] = round_trip(&story);
            md_artifact_done(&md_artifact_story, &story);
            md_film_done(&film);
        }
        assert_string_equal(texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
    }
}

static struct md_film_shape feature(uint64_t seed)
{
    return (struct md_film_shape){.seed = seed,
                                  .duration_s = 6300,
                                  .shot_s = 5,
                                  .fps = 24,
                                  .talk = MD_FILM_USUAL,
                                  .has_audio = true,
                                  .has_picture = true,
                                  .gradual = 0.04,
                                  .credits = 0.05};
}

static void a_feature_is_divided_as_features_are(void **state)
{
    static const double starts[MD_ACTS] = {0, 0.10, 0.25, 0.50, 0.75};
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct md_film film;
        struct md_story story;
        struct md_film_shape shape = feature(seed);
        md_film_make(&film, &shape);
        analyse(&film, &story);
        double content_s = 0, shortest_s = 1e9, longest_s = 0;
        for (size_t i = 0; i < story.segments.n; i++) {
            const struct md_segment *s = &story.segments.v[i];
            double length_s = (double)(s->end_us - s->start_us) / 1e6;
            content_s += length_s;
            shortest_s = MD_MIN(shortest_s, length_s);
            longest_s = MD_MAX(longest_s, length_s);
        }
        assert_in_range(story.segments.n, 35, 110);
        assert_true(shortest_s >= 15 && longest_s <= 300);
        for (int a = 0; a < MD_ACTS; a++)
            assert_float_equal((double)story.acts.v[a].start_us / 1e6 / content_s, starts[a], 0.06);
        assert_in_range(story.key_moments.n, 5, 12);
        /* spread: every act but perhaps the shortest has one */
        unsigned acts = 0;
        for (size_t i = 0; i < story.key_moments.n; i++)
            acts |= 1u << story.segments.v[story.key_moments.v[i].segment].act;
        assert_true(__builtin_popcount(acts) >= 4);
        static const char *const people[] = {"Anna", "Viktor", "Mr. Holloway", "Elena", "Tom"};
        assert_int_equal(story.characters.n, 5);
        for (size_t i = 0; i < story.characters.n; i++) {
            bool known = false;
            for (size_t k = 0; k < 5; k++)
                known |= strstr(people[k], story.characters.v[i].name) != NULL;
            known |= strstr(story.characters.v[i].name, "Holloway") != NULL;
            assert_true(known);
        }
        md_artifact_done(&md_artifact_story, &story);
        md_film_done(&film);
    }
}

/* Two scenes that differ in everything must be told apart, exactly where they meet. */
static void a_scene_ends_where_look_talk_and_sound_change(void **state)
{
    static const char *const talk[2] = {"The captain steers the boat through the storm.",
                                        "Your lawyer needs money from the bank."};
    struct md_film film = {0};
    struct md_story story;
    assert_int_equal(md_options_init(&film.options), MD_OK);
    film.audio.present = true;
    film.audio.window_us = 500000;
    for (int i = 0; i < 24; i++) {
        int scene = i >= 11;
        struct md_shot s = {.start_us = i * 5000000,
                            .end_us = (i + 1) * 5000000,
                            .start_frame = i * 125,
                            .end_frame = (i + 1) * 125,
                            .transition = i == 0 ? MD_TRANSITION_START : MD_TRANSITION_CUT,
                            .motion = 0.2f,
                            .luma = 0.5f,
                            .confidence = 1};
        for (int k = 0; k < MD_SIGNATURE_BINS; k++)
            assert_int_equal(md_vec_push(&s.signature, (float)((k * 7 + scene * 5) % 11) / 11 +
                                                           (float)(i % 2) * 0.02f),
                             MD_OK);
        assert_int_equal(md_vec_push(&film.shots.shots, s), MD_OK);
        for (int w = 0; w < 10; w++)
            assert_int_equal(md_vec_push(&film.audio.loudness, scene ? -20.0f : -34.0f), MD_OK);
        struct md_cue cue = {s.start_us + 1000000, s.end_us - 500000, strdup(talk[scene]), NULL,
                             false};
        assert_int_equal(md_vec_push(&film.transcript.cues, cue), MD_OK);
    }
    film.media.duration_us = film.shots.duration_us = film.audio.duration_us = 120000000;
    film.env = (struct md_stage_env){.options = &film.options, .failure = &film.failure};
    film.in =
        (struct md_artifacts){&film.media, &film.shots, &film.audio, &film.transcript, NULL, NULL};
    analyse(&film, &story);
    bool found = false;
    float at = 0, others = 0;
    for (size_t i = 1; i < story.segments.n; i++) {
        bool here = story.segments.v[i].start_us == 55000000;
        found |= here;
        at = here ? story.segments.v[i].boundary : at;
        others = here ? others : MD_MAX(others, story.segments.v[i].boundary);
    }
    assert_true(found);
    assert_true(at > others);
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

static void a_film_of_one_shot_has_chapters(void **state)
{
    struct md_film film;
    struct md_story story;
    struct md_film_shape shape = feature(9);
    shape.shot_s = 1e9;
    shape.credits = 0;
    shape.duration_s = 1800;
    md_film_make(&film, &shape);
    analyse(&film, &story);
    assert_int_equal(film.shots.shots.n, 1);
    assert_true(story.segments.n >= 10);
    check_segments(&film, &story);
    check_acts(&story);
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

static void add_cue(struct md_film *film, int64_t i, const char *text)
{
    struct md_cue cue = {i * 50000, i * 50000 + 45000, strdup(text), NULL, false};
    assert_non_null(cue.text);
    assert_int_equal(md_vec_push(&film->transcript.cues, cue), MD_OK);
}

/* Text nobody would write, a lot of it; bounded in time, and every output still valid. */
static void hostile_text_is_survived_in_bounded_time(void **state)
{
    static const char *const texts[] = {
        "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80", /* emoji */
        "שלום עולם. מה שלומך?",
        "....!!!???",
        "a",
        "The the THE the",
        "[[[[((((",
        "\n\n\n",
        "ANNA: BOB: CARL: no",
        "- - - -",
        "x.y.z.a.b.c.d",
        "ﷺﷺﷺ",
        "สวัสดีครับผมชื่ออะไร",
        "\xE2\x80\xAE"
        "evil\xE2\x80\xAC",
        "Same line again and again, Anna."};
    struct md_film film;
    struct md_story story;
    struct md_film_shape shape = feature(3);
    shape.talk = MD_FILM_MUTE;
    md_film_make(&film, &shape);
    for (int64_t i = 0; i < 100000; i++)
        add_cue(&film, i, texts[(i * 7 + i / 13) % (int64_t)MD_ARRAY_LEN(texts)]);
    md_autostr huge = {0};
    for (int i = 0; i < 20000; i++)
        md_str_printf(&huge, "word%d", i);
    add_cue(&film, 100001, md_str_text(&huge));
    clock_t start = clock();
    analyse(&film, &story);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("# 100001 cues: %.2f s\n", seconds);
    assert_true(seconds < 60); /* a second or two without sanitizers */
    check_segments(&film, &story);
    check_acts(&story);
    check_rest(&story);
    free(round_trip(&story));
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

static void words_of_another_film_are_left_out_with_a_warning(void **state)
{
    struct md_film film;
    struct md_story story;
    struct md_film_shape shape = {
        .seed = 8, .duration_s = 60, .shot_s = 4, .fps = 25, .has_picture = true};
    md_film_make(&film, &shape);
    for (int64_t i = 0; i < 10; i++) {
        struct md_cue cue = {i * 20000000, i * 20000000 + 1000000, strdup("Hello there."), NULL,
                             false};
        assert_int_equal(md_vec_push(&film.transcript.cues, cue), MD_OK);
    }
    analyse(&film, &story);
    assert_int_equal(story.sentences.n, 3);
    assert_int_equal(story.warnings.n, 1);
    assert_non_null(strstr(story.warnings.v[0], "7 subtitle lines"));
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

static void a_story_that_a_model_should_have_told_says_why_it_did_not(void **state)
{
    struct md_film film;
    struct md_story story = {0};
    struct md_film_shape shape = {.seed = 7, .duration_s = 600, .shot_s = 5, .fps = 25};
    md_film_make(&film, &shape);
    film.env.fallback = MD_FALLBACK_MEMORY;
    analyse(&film, &story);
    assert_string_equal(story.method, "built-in");
    assert_non_null(strstr(story.warnings.v[0], md_fallback_reason(MD_FALLBACK_MEMORY)));
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

static void a_film_without_length_is_refused(void **state)
{
    struct md_film film = {0};
    struct md_story story = {0};
    assert_int_equal(md_options_init(&film.options), MD_OK);
    film.env = (struct md_stage_env){.options = &film.options, .failure = &film.failure};
    film.in = (struct md_artifacts){.media = &film.media, .shots = &film.shots};
    assert_int_equal(md_stage_ops_story.run(&film.env, &film.in, &story), MD_ERR_INPUT);
    assert_true(strlen(film.failure.message) > 0);
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_film_has_a_whole_story),
        cmocka_unit_test(the_same_film_has_the_same_story),
        cmocka_unit_test(a_feature_is_divided_as_features_are),
        cmocka_unit_test(a_scene_ends_where_look_talk_and_sound_change),
        cmocka_unit_test(a_film_of_one_shot_has_chapters),
        cmocka_unit_test(hostile_text_is_survived_in_bounded_time),
        cmocka_unit_test(words_of_another_film_are_left_out_with_a_warning),
        cmocka_unit_test(a_story_that_a_model_should_have_told_says_why_it_did_not),
        cmocka_unit_test(a_film_without_length_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
