/* Whatever the film, the digest keeps its promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../story/film.h"
#include "base/cleanup.h"
#include "model/cut.h"
#include "model/story.h"

struct digest {
    struct md_film_shape shape;
    struct md_film film;
    struct md_story story;
    struct md_cut cut;
};

static void set(struct md_film *film, const char *option, const char *value)
{
    assert_int_equal(md_options_set(&film->options, md_option_find(option), value, NULL), MD_OK);
}

static void analyse(struct digest *d)
{
    assert_int_equal(md_stage_ops_story.run(&d->film.env, &d->film.in, &d->story), MD_OK);
    d->film.in.story = &d->story;
}

static void cut(struct digest *d)
{
    int r = md_stage_ops_select.run(&d->film.env, &d->film.in, &d->cut);
    if (r < 0)
        print_error("%s\n", d->film.failure.message);
    assert_int_equal(r, MD_OK);
}

static void done(struct digest *d)
{
    md_artifact_done(&md_artifact_cut, &d->cut);
    md_artifact_done(&md_artifact_story, &d->story);
    md_film_done(&d->film);
}

static bool is_content_edge(const struct digest *d, int64_t t)
{
    const struct md_segment_vec *s = &d->story.segments;
    for (size_t i = 0; i < s->n; i++) {
        bool starts = i == 0 || s->v[i - 1].end_us != s->v[i].start_us;
        bool ends = i + 1 == s->n || s->v[i + 1].start_us != s->v[i].end_us;
        if ((starts && s->v[i].start_us == t) || (ends && s->v[i].end_us == t))
            return true;
    }
    return false;
}

/* Rolling captions overlap all the time; there a cut need only fall between sentences. */
static bool cuts_speech(const struct digest *d, int64_t t)
{
    if (d->shape.talk == MD_FILM_ROLLING) {
        for (size_t i = 0; i < d->story.sentences.n; i++) {
            const struct md_sentence *s = &d->story.sentences.v[i], *next = s + 1;
            bool last = i + 1 == d->story.sentences.n;
            int64_t end = last ? s->end_us : MD_MIN(s->end_us, next->start_us - 60000);
            if (s->start_us < t && t < end)
                return true;
        }
        return false;
    }
    for (size_t i = 0; i < d->film.transcript.cues.n; i++) {
        const struct md_cue *c = &d->film.transcript.cues.v[i];
        if (!c->is_sound && c->start_us < t && t < c->end_us)
            return true;
    }
    for (size_t i = 0; i < d->story.sentences.n; i++)
        if (d->story.sentences.v[i].start_us < t && t < d->story.sentences.v[i].end_us)
            return true;
    return false;
}

static int64_t frame_time(const struct md_shot *s, int64_t frame)
{
    return s->start_us +
           llround((double)(frame - s->start_frame) * (double)(s->end_us - s->start_us) /
                   (double)(s->end_frame - s->start_frame));
}

/* The frame that is shown from t on; -1 when t is no frame's time. */
static int64_t frame_at(const struct digest *d, int64_t t)
{
    const struct md_shot_vec *v = &d->film.shots.shots;
    for (size_t i = 0; i < v->n; i++) {
        const struct md_shot *s = &v->v[i];
        if (t < s->start_us || t > s->end_us || (t == s->end_us && i + 1 < v->n))
            continue;
        double step = (double)(s->end_us - s->start_us) / (double)(s->end_frame - s->start_frame);
        int64_t frame = s->start_frame + llround((double)(t - s->start_us) / step);
        return llabs(frame_time(s, frame) - t) <= 1 ? frame : -1; /* entries have exact times */
    }
    return -1;
}

static bool in_gradual(const struct digest *d, int64_t frame)
{
    for (size_t i = 0; i < d->film.shots.shots.n; i++) {
        const struct md_shot *s = &d->film.shots.shots.v[i];
        if (s->transition > MD_TRANSITION_CUT &&
            s->transition_end_frame > s->transition_start_frame &&
            frame > s->transition_start_frame && frame <= s->transition_end_frame)
            return true;
    }
    return false;
}

static void check_edge(const struct digest *d, int64_t t)
{
    if (is_content_edge(d, t))
        return;
    assert_false(cuts_speech(d, t));
    if (d->film.shots.shots.n == 0)
        return;
    int64_t frame = frame_at(d, t);
    assert_true(frame >= 0);
    assert_false(in_gradual(d, frame));
}

static int64_t content_length(const struct digest *d)
{
    int64_t sum_us = 0;
    for (size_t i = 0; i < d->story.segments.n; i++)
        sum_us += d->story.segments.v[i].end_us - d->story.segments.v[i].start_us;
    return sum_us;
}

static void check_pieces(const struct digest *d)
{
    int64_t min_us =
        MD_MIN((int64_t)(d->film.options.min_piece_s * 1e6), d->cut.target_us * 9 / 10);
    int64_t sum_us = 0;
    bool whole = (double)content_length(d) <= (double)d->cut.target_us * 1.05;
    assert_true(d->cut.pieces.n > 0);
    for (size_t i = 0; i < d->cut.pieces.n; i++) {
        const struct md_piece *p = &d->cut.pieces.v[i];
        assert_true(p->start_us < p->end_us);
        assert_true(i == 0 || p->start_us >= d->cut.pieces.v[i - 1].end_us);
        if (!whole)
            assert_true(p->end_us - p->start_us >= min_us);
        assert_true(p->reasons.n >= 1 && p->reasons.n <= 4);
        assert_true(p->score >= 0 && p->score <= 1);
        assert_in_range(p->segment, 0, d->story.segments.n - 1);
        assert_true(p->act == d->story.segments.v[p->segment].act);
        check_edge(d, p->start_us);
        check_edge(d, p->end_us);
        sum_us += p->end_us - p->start_us;
        if (d->film.shots.shots.n > 0) {
            const struct md_shot_vec *v = &d->film.shots.shots;
            assert_true(v->v[p->first_shot].start_us <= p->start_us);
            assert_true(v->v[p->first_shot + p->shot_count - 1].end_us >= p->end_us);
        }
    }
    assert_int_equal(sum_us, d->cut.total_us);
    double off = fabs((double)(sum_us - d->cut.target_us)) / (double)d->cut.target_us;
    assert_true(off <= 0.05 || d->cut.note);
    assert_true(off > 0.05 || !d->cut.note);
}

static size_t acts_missing(const struct digest *d)
{
    size_t missing = 0;
    for (size_t a = 0; a < d->story.acts.n; a++) {
        bool found = false;
        for (size_t i = 0; i < d->cut.pieces.n; i++)
            found |= d->cut.pieces.v[i].act == d->story.acts.v[a].act;
        missing += !found;
    }
    return missing;
}

static void check_credits(const struct digest *d)
{
    bool all = true;
    for (size_t i = 0; i < d->film.shots.shots.n; i++)
        all &= d->film.shots.shots.v[i].credits;
    for (size_t i = 0; i < d->film.shots.shots.n && !all; i++) {
        const struct md_shot *s = &d->film.shots.shots.v[i];
        for (size_t k = 0; s->credits && k < d->cut.pieces.n; k++)
            assert_true(d->cut.pieces.v[k].end_us <= s->start_us ||
                        d->cut.pieces.v[k].start_us >= s->end_us);
    }
}

static void any_film_gets_a_digest_that_keeps_the_rules(void **state)
{
    enum { FILMS = 200 };
    static const char *const lengths[] = {"auto", "auto", "10%", "50%", "85%", "30s", "3min"};
    static const char *const strategies[] = {"hybrid", "importance", "narrative", "audio-visual",
                                             "emotional"};
    size_t acts = 0, missing = 0, notes = 0, in_time = 0;
    for (uint64_t seed = 1; seed <= FILMS; seed++) {
        struct digest d = {0};
        struct md_film_shape shape = md_film_any_shape(seed);
        shape.duration_s = MD_MIN(shape.duration_s, 400); /* long ones have a test of their own */
        d.shape = shape;
        md_film_make(&d.film, &shape);
        set(&d.film, "length", lengths[seed % 7]);
        set(&d.film, "strategy", strategies[seed % 5]);
        set(&d.film, "min-piece", seed % 3 ? "3" : "1.5");
        analyse(&d);
        cut(&d);
        check_pieces(&d);
        check_credits(&d);
        /* a film that is kept whole is one piece of all acts */
        bool whole = (double)content_length(&d) <= (double)d.cut.target_us * 1.05;
        acts += whole ? 0 : d.story.acts.n;
        missing += whole ? 0 : acts_missing(&d);
        notes += d.cut.note != NULL;
        in_time += d.cut.note == NULL;
        done(&d);
    }
    print_message("# %zu of %zu acts missing, %zu digests in time, %zu with a note\n", missing,
                  acts, in_time, notes);
    assert_true(missing * 100 <= acts * 4);
    assert_true(notes * 100 <= FILMS * 25);
}

static void feature_films_have_every_act_and_the_right_length(void **state)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct digest d = {0};
        struct md_film_shape shape = {.seed = seed,
                                      .duration_s = 4500 + 900 * (double)seed,
                                      .shot_s = 3 + (double)(seed % 4),
                                      .fps = 24,
                                      .talk = seed % 2 ? MD_FILM_USUAL : MD_FILM_DENSE,
                                      .has_audio = true,
                                      .has_picture = true,
                                      .gradual = 0.05,
                                      .credits = 0.05};
        d.shape = shape;
        md_film_make(&d.film, &shape);
        analyse(&d);
        cut(&d);
        check_pieces(&d);
        check_credits(&d);
        assert_null(d.cut.note);
        assert_int_equal(d.story.acts.n, MD_ACTS);
        assert_int_equal(acts_missing(&d), 0);
        /* few, long pieces: a viewer is not thrown about */
        double mean_s = (double)d.cut.total_us / 1e6 / (double)d.cut.pieces.n;
        assert_true(mean_s >= 10);
        done(&d);
    }
}

/* Seconds between where pieces start and the next entry in them. */
static double heads_s(const struct digest *d, const struct md_ints *entries_us)
{
    double sum_s = 0;
    for (size_t i = 0; i < d->cut.pieces.n; i++) {
        const struct md_piece *p = &d->cut.pieces.v[i];
        int64_t next_us = p->end_us;
        for (size_t k = entries_us->n; k-- > 0 && entries_us->v[k] >= p->start_us - 500;)
            next_us = MD_MIN(next_us, entries_us->v[k]);
        sum_s += (double)MD_MAX(next_us - p->start_us, 0) / 1e6;
    }
    return sum_s;
}

static double mean_score(const struct digest *d)
{
    double sum = 0;
    for (size_t i = 0; i < d->cut.pieces.n; i++)
        sum += d->cut.pieces.v[i].score *
               (double)(d->cut.pieces.v[i].end_us - d->cut.pieces.v[i].start_us);
    return sum / (double)d->cut.total_us;
}

static void pieces_prefer_to_start_on_entries_at_hardly_any_loss(void **state)
{
    double head_s[2] = {0}, score[2] = {0}, length_s = 0;
    enum { FILMS = 6 };
    for (uint64_t seed = 1; seed <= FILMS; seed++) {
        struct md_ints entries = {0};
        for (int knows = 1; knows >= 0; knows--) {
            struct digest d = {0};
            d.shape = (struct md_film_shape){.seed = seed,
                                             .duration_s = 1200,
                                             .shot_s = 4,
                                             .fps = 24,
                                             .talk = MD_FILM_SPARSE,
                                             .has_audio = true,
                                             .has_picture = true,
                                             .gradual = 0.05,
                                             .group_frames = 240};
            md_film_make(&d.film, &d.shape);
            for (size_t i = 0; knows && i < d.film.shots.entries_us.n; i++)
                assert_int_equal(md_vec_push(&entries, d.film.shots.entries_us.v[i]), MD_OK);
            if (!knows)
                d.film.shots.entries_us.n = 0;
            analyse(&d);
            cut(&d);
            check_pieces(&d);
            head_s[knows] += heads_s(&d, &entries);
            score[knows] += mean_score(&d) / FILMS;
            length_s += (double)d.cut.total_us / 2e6;
            done(&d);
        }
        md_vec_done(&entries);
    }
    print_message("# heads %.1f %% of the digest instead of %.1f %%, score %.3f instead of %.3f\n",
                  100 * head_s[1] / length_s, 100 * head_s[0] / length_s, score[1], score[0]);
    assert_true(head_s[1] < 0.6 * head_s[0]);
    assert_true(score[1] > 0.98 * score[0]);
}

static char *as_text(const struct md_artifact_type *type, const void *object)
{
    json_t *json = md_codec_write(type->fields, object);
    assert_non_null(json);
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}

static void the_same_film_gives_the_same_bytes(void **state)
{
    for (uint64_t seed = 500; seed < 515; seed++) {
        char *texts[2];
        for (int round = 0; round < 2; round++) {
            struct digest d = {0};
            struct md_film_shape shape = md_film_any_shape(seed);
            shape.duration_s = MD_MIN(shape.duration_s, 400);
            d.shape = shape;
            md_film_make(&d.film, &shape);
            analyse(&d);
            cut(&d);
            texts[round] = as_text(&md_artifact_cut, &d.cut);
            done(&d);
        }
        assert_string_equal(texts[0], texts[1]);
        free(texts[0]);
        free(texts[1]);
    }
}

static void a_film_shorter_than_the_digest_is_kept_whole(void **state)
{
    struct digest d = {0};
    struct md_film_shape shape = {.seed = 3,
                                  .duration_s = 100,
                                  .shot_s = 4,
                                  .fps = 25,
                                  .talk = MD_FILM_USUAL,
                                  .has_audio = true,
                                  .has_picture = true,
                                  .credits = 0.2};
    d.shape = shape;
    md_film_make(&d.film, &shape);
    analyse(&d);
    cut(&d);
    assert_int_equal(d.cut.pieces.n, 1);
    assert_int_equal(d.cut.total_us, content_length(&d));
    assert_non_null(d.cut.note);
    check_credits(&d);
    done(&d);
}

static void credits_come_in_only_when_asked_for(void **state)
{
    struct digest d = {0};
    struct md_film_shape shape = {
        .seed = 4, .duration_s = 100, .shot_s = 4, .fps = 25, .has_picture = true, .credits = 0.2};
    d.shape = shape;
    md_film_make(&d.film, &shape);
    set(&d.film, "keep-credits", "yes");
    set(&d.film, "length", "100%");
    analyse(&d);
    cut(&d);
    assert_int_equal(d.cut.total_us, d.film.shots.duration_us);
    assert_null(d.cut.note);
    done(&d);
}

static void one_take_with_words_is_cut_in_its_pauses(void **state)
{
    struct digest d = {0};
    struct md_film_shape shape = {.seed = 5,
                                  .duration_s = 1800,
                                  .shot_s = 1e9,
                                  .fps = 25,
                                  .talk = MD_FILM_USUAL,
                                  .has_audio = true,
                                  .has_picture = true};
    d.shape = shape;
    md_film_make(&d.film, &shape);
    assert_int_equal(d.film.shots.shots.n, 1);
    analyse(&d);
    cut(&d);
    check_pieces(&d);
    assert_null(d.cut.note);
    assert_true(d.cut.pieces.n >= 5);
    assert_int_equal(acts_missing(&d), 0);
    done(&d);
}

static void one_frame_is_a_digest(void **state)
{
    struct digest d = {0};
    struct md_film_shape shape = {
        .seed = 6, .duration_s = 0.04, .shot_s = 1, .fps = 25, .has_picture = true};
    d.shape = shape;
    md_film_make(&d.film, &shape);
    analyse(&d);
    cut(&d);
    assert_int_equal(d.cut.pieces.n, 1);
    assert_int_equal(d.cut.total_us, 40000);
    done(&d);
}

static void what_cannot_be_cut_is_explained(void **state)
{
    /* one take in which one endless sentence is spoken */
    struct digest d = {0};
    struct md_film_shape shape = {
        .seed = 7, .duration_s = 600, .shot_s = 1e9, .fps = 25, .has_picture = true};
    d.shape = shape;
    md_film_make(&d.film, &shape);
    struct md_cue cue = {1000000, 599000000, strdup("And so it goes on"), NULL, false};
    assert_int_equal(md_vec_push(&d.film.transcript.cues, cue), MD_OK);
    analyse(&d);
    cut(&d);
    assert_non_null(d.cut.note);
    check_pieces(&d);
    done(&d);
}

static bool stop(void *user)
{
    return ++*(int *)user > 2;
}

static void a_cancelled_selection_says_so(void **state)
{
    struct digest d = {0};
    int asked = 0;
    struct md_film_shape shape = md_film_any_shape(42);
    shape.duration_s = 1500;
    shape.shot_s = 4;
    shape.has_picture = true;
    d.shape = shape;
    md_film_make(&d.film, &shape);
    analyse(&d);
    d.film.env.cancelled = stop;
    d.film.env.user = &asked;
    asked = 100;
    assert_int_equal(md_stage_ops_select.run(&d.film.env, &d.film.in, &d.cut), MD_ERR_CANCELLED);
    done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_film_gets_a_digest_that_keeps_the_rules),
        cmocka_unit_test(feature_films_have_every_act_and_the_right_length),
        cmocka_unit_test(pieces_prefer_to_start_on_entries_at_hardly_any_loss),
        cmocka_unit_test(the_same_film_gives_the_same_bytes),
        cmocka_unit_test(a_film_shorter_than_the_digest_is_kept_whole),
        cmocka_unit_test(credits_come_in_only_when_asked_for),
        cmocka_unit_test(one_take_with_words_is_cut_in_its_pauses),
        cmocka_unit_test(one_frame_is_a_digest),
        cmocka_unit_test(what_cannot_be_cut_is_explained),
        cmocka_unit_test(a_cancelled_selection_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
