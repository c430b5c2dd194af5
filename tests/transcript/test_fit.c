/* Subtitles of another version or another film are told, and nobody cries wolf: films made from a
 * seed, with talk, music that passes for speech, and speech that passes for music. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "make_movie.h"
#include "model/media.h"
#include "model/stage.h"
#include "model/transcript.h"
#include "transcript/fit.h"

#define S 1e6

/* What a film is like. */
struct kind {
    const char *name;
    double seconds;
    double gap_s;       /* mean silence between scenes */
    double missed;      /* share of talk that is not heard as such */
    double false_alarm; /* share of the rest that is heard as speech, in stretches */
    double noise;
};
static const struct kind kinds[] = {
    {"talk", 2700, 8, 0.15, 0.05, 0.1},   {"half", 1500, 15, 0.3, 0.15, 0.15},
    {"action", 3600, 40, 0.45, 0.2, 0.2}, {"music", 3600, 20, 0.75, 0.5, 0.3},
    {"sparse", 5400, 300, 0.3, 0.2, 0.2},
};
enum { TALK, HALF, ACTION, MUSIC, SPARSE, KINDS };

struct film {
    struct md_audio audio;
    struct md_subtitle_event_vec events;
};

static double uniform(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) / 16777216.0;
}

static void add_event(struct film *film, double start_s, double end_s)
{
    size_t letters = (size_t)((end_s - start_s) * 14) + 1;
    struct md_subtitle_event event = {.start_us = (int64_t)(start_s * S),
                                      .end_us = (int64_t)(end_s * S),
                                      .text = malloc(letters + 1)};
    memset(event.text, 'x', letters);
    event.text[letters] = 0;
    assert_int_equal(md_vec_push(&film->events, event), MD_OK);
}

/* Adds speech to the curve, as a detector that looks at two seconds sees it. */
static void hear(double *curve, size_t n, double start_s, double end_s)
{
    for (size_t i = (size_t)MD_MAX(start_s * 2 - 2, 0); i < n && (double)i < end_s * 2 + 2; i++) {
        double at_s = (double)i / 2 + 0.25;
        double overlap = MD_MIN(at_s + 1, end_s) - MD_MAX(at_s - 1, start_s);
        curve[i] += MD_MAX(overlap, 0) / 2;
    }
}

static void finish_curve(struct film *film, double *curve, size_t n, const struct kind *kind,
                         unsigned *seed)
{
    for (size_t i = 0; i < n; i++) {
        double value = curve[i] + (uniform(seed) - 0.5) * kind->noise;
        assert_int_equal(md_vec_push(&film->audio.speech, (float)MD_CLAMP(value, 0, 1)), MD_OK);
        struct md_sound_range range = {(int64_t)i * 500000, (int64_t)(i + 1) * 500000,
                                       value > 0.5                             ? MD_SOUND_SPEECH
                                       : uniform(seed) < kind->false_alarm * 2 ? MD_SOUND_MUSIC
                                                                               : MD_SOUND_OTHER,
                                       1};
        assert_int_equal(md_vec_push(&film->audio.ranges, range), MD_OK);
    }
}

static void make_film(struct film *film, const struct kind *kind, unsigned seed)
{
    static const double pauses_s[] = {0.15, 0.3, 0.5, 0.8, 1.5, 3};
    size_t n = (size_t)(kind->seconds * 2);
    double *curve = calloc(n, sizeof *curve), t = 20 * uniform(&seed);
    *film = (struct film){.audio = {.present = true,
                                    .window_us = 500000,
                                    .duration_us = (int64_t)(kind->seconds * S)}};
    while (t < kind->seconds - 40) {
        int lines = 2 + (int)(uniform(&seed) * 25);
        bool missed = uniform(&seed) < kind->missed; /* whole scenes, as under music */
        for (int i = 0; i < lines && t < kind->seconds - 10; i++) {
            double talk_s = 0.6 + 4 * uniform(&seed) * uniform(&seed);
            add_event(film, MD_MAX(t + 0.1 - 0.3 * uniform(&seed), 0),
                      t + talk_s + 0.1 * uniform(&seed));
            if (!missed && uniform(&seed) > kind->missed / 3)
                hear(curve, n, t, t + talk_s);
            t += talk_s + pauses_s[(int)(uniform(&seed) * 6)];
        }
        double gap_s = kind->gap_s * 2 * uniform(&seed);
        double false_s = MD_MIN(gap_s, 3 + 20 * uniform(&seed));
        if (uniform(&seed) < kind->false_alarm)
            hear(curve, n, t, t + false_s);
        t += gap_s + 1;
    }
    finish_curve(film, curve, n, kind, &seed);
    free(curve);
}

static void film_done(struct film *film)
{
    for (size_t i = 0; i < film->events.n; i++)
        md_subtitle_event_done(&film->events.v[i]);
    md_vec_done(&film->events);
    md_vec_done(&film->audio.speech);
    md_vec_done(&film->audio.ranges);
}

/* The fit of a film's own subtitles, put wrong by so much. */
static struct md_fit fit_of(const struct kind *kind, unsigned seed, double rate, double delay_s)
{
    struct film film;
    struct md_fit fit;
    make_film(&film, kind, seed);
    md_fit_apply(&film.events, rate, (int64_t)(delay_s * S));
    assert_int_equal(md_fit_subtitles(&film.audio, &film.events, &fit), MD_OK);
    film_done(&film);
    return fit;
}

static int rounds(void)
{
    return getenv("MOVIEDIGEST_LONG") ? 100 : 2;
}

static void fitting_subtitles_are_never_complained_of(void **state)
{
    double least[KINDS];
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        int good = 0;
        least[k] = 1e9;
        for (int i = 0; i < rounds(); i++) {
            /* Half a second is what subtitlers allow themselves. */
            struct md_fit fit = fit_of(&kinds[k], (unsigned)(1000 * k + i), 1, (i % 3 - 1) * 0.5);
            if (fit.verdict != MD_FIT_GOOD && fit.verdict != MD_FIT_UNKNOWN)
                fail_msg("%s, seed %d: verdict %d, best %.1f, as is %.1f", kinds[k].name, i,
                         fit.verdict, fit.best, fit.as_is);
            good += fit.verdict == MD_FIT_GOOD;
            least[k] = MD_MIN(least[k], fit.best);
        }
        print_message("# %s: %d of %d known to fit, least agreement %.1f\n", kinds[k].name, good,
                      rounds(), least[k]);
        assert_true(good == rounds() || k >= MUSIC);
    }
}

static void moved_and_stretched_ones_are_brought_back(void **state)
{
    static const struct {
        double rate, delay_s;
    } wrong[] = {{1, 2.5},       {1, -2.5},      {1, 40},          {1, -40},
                 {25.0 / 24, 0}, {24.0 / 25, 0}, {25 / 23.976, 3}, {23.976 / 25, -20}};
    int found = 0, all = 0;
    (void)state;
    for (int k = TALK; k <= ACTION; k++) {
        for (int i = 0; i < (int)MD_ARRAY_LEN(wrong) * rounds() / 2; i++) {
            double rate = wrong[i % 8].rate, delay_s = wrong[i % 8].delay_s;
            struct md_fit fit = fit_of(&kinds[k], (unsigned)(77 * k + i), rate, delay_s);
            all++;
            if (fit.verdict == MD_FIT_UNKNOWN)
                continue;
            assert_int_equal(fit.verdict, MD_FIT_MOVED);
            /* at the beginning and the end */
            double end_s = kinds[k].seconds;
            double first_s = delay_s * fit.rate + (double)fit.delay_us / S;
            double last_s = (end_s * rate + delay_s) * fit.rate + (double)fit.delay_us / S - end_s;
            if (first_s < -0.4 || first_s > 0.4 || last_s < -0.6 || last_s > 0.6)
                fail_msg("%s, case %d: %.2f s off at the start, %.2f s at the end", kinds[k].name,
                         i, first_s, last_s);
            found++;
        }
    }
    print_message("# %d of %d found\n", found, all);
    assert_true(found * 100 >= all * 95);
}

static void another_films_subtitles_are_told(void **state)
{
    int told = 0, all = 0, told_in_talk = 0;
    double most = 0;
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < rounds(); i++, all++) {
            struct film film, other;
            struct md_fit fit;
            make_film(&film, &kinds[k], (unsigned)(5000 + i));
            make_film(&other, &kinds[(k + i) % 3], (unsigned)(9000 + i));
            assert_int_equal(md_fit_subtitles(&film.audio, &other.events, &fit), MD_OK);
            assert_true(fit.verdict == MD_FIT_OTHER || fit.verdict == MD_FIT_UNKNOWN);
            told_in_talk += k == TALK && fit.verdict == MD_FIT_OTHER;
            told += fit.verdict == MD_FIT_OTHER;
            most = MD_MAX(most, fit.best);
            film_done(&film);
            film_done(&other);
        }
    }
    assert_true(told_in_talk * 100 >= rounds() * 95);
    print_message("# %d of %d told, the rest unknown; most agreement %.1f\n", told, all, most);
}

static void too_little_to_go_by_is_no_verdict(void **state)
{
    struct film film;
    struct md_fit fit;
    static const struct kind clip = {"clip", 200, 5, 0.1, 0, 0.1};
    (void)state;
    assert_int_equal(fit_of(&clip, 3, 1, 40).verdict, MD_FIT_UNKNOWN);
    make_film(&film, &kinds[TALK], 3);
    film.audio.speech.n = 0; /* from another version of the program */
    assert_int_equal(md_fit_subtitles(&film.audio, &film.events, &fit), MD_OK);
    assert_int_equal(fit.verdict, MD_FIT_UNKNOWN);
    film_done(&film);
    assert_int_equal(md_fit_subtitles(NULL, &film.events, &fit), MD_OK);
    assert_int_equal(fit.verdict, MD_FIT_UNKNOWN);
}

/* ---- in the stage ---- */

struct shelf {
    char *folder, *movie;
    struct film film;
    struct md_options options;
    struct md_transcript transcript;
};

static void put_subtitles(const struct shelf *shelf, const struct md_subtitle_event_vec *events,
                          double delay_s)
{
    md_autostr text = {0};
    for (size_t i = 0; i < events->n; i++) {
        int64_t ms[2] = {events->v[i].start_us / 1000 + (int64_t)(delay_s * 1000),
                         events->v[i].end_us / 1000 + (int64_t)(delay_s * 1000)};
        if (ms[0] < 0)
            continue;
        md_str_printf(&text, "%zu\n", i + 1);
        for (int k = 0; k < 2; k++)
            md_str_printf(&text, "%02d:%02d:%02d,%03d%s", (int)(ms[k] / 3600000),
                          (int)(ms[k] / 60000 % 60), (int)(ms[k] / 1000 % 60), (int)(ms[k] % 1000),
                          k ? "\n" : " --> ");
        md_str_printf(&text, "%s\n\n", events->v[i].text);
    }
    make_file(shelf->folder, "film.srt", text.s, text.n);
}

static void put_up(struct shelf *shelf, unsigned seed)
{
    *shelf = (struct shelf){.folder = make_folder()};
    shelf->movie = md_path_join(shelf->folder, "film.mkv");
    make_film(&shelf->film, &kinds[TALK], seed);
    md_options_init(&shelf->options);
}

static void take_down(struct shelf *shelf)
{
    film_done(&shelf->film);
    md_options_done(&shelf->options);
    md_artifact_done(&md_artifact_transcript, &shelf->transcript);
    md_remove_tree(shelf->folder, NULL);
    free(shelf->folder);
    free(shelf->movie);
}

/* Runs the stage; who the stage wanted to run it is the result. */
static int run_stage(struct shelf *shelf)
{
    struct md_failure failure = {0};
    struct md_stage_demand demand = {0};
    struct md_media media = {
        .duration_us = shelf->film.audio.duration_us, .audio_stream = -1, .video_stream = -1};
    struct md_stage_env env = {
        .movie_path = shelf->movie, .options = &shelf->options, .threads = 1, .failure = &failure};
    struct md_artifacts in = {.media = &media, .audio = &shelf->film.audio};
    md_artifact_done(&md_artifact_transcript, &shelf->transcript);
    shelf->transcript = (struct md_transcript){0};
    assert_int_equal(md_stage_ops_transcript.demand(&env, &in, &demand), MD_OK);
    assert_int_equal(md_stage_ops_transcript.run(&env, &in, &shelf->transcript), MD_OK);
    assert_int_equal(md_artifact_transcript.validate(&shelf->transcript, &failure), MD_OK);
    return (int)demand.executor;
}

/* How far the last line is from where it belongs. */
static double last_off_s(const struct shelf *shelf)
{
    const struct md_cue_vec *cues = &shelf->transcript.cues;
    const struct md_subtitle_event_vec *events = &shelf->film.events;
    return (double)(cues->v[cues->n - 1].start_us - events->v[events->n - 1].start_us) / S;
}

static void the_offset_is_offered_and_applied_when_asked_for(void **state)
{
    struct shelf shelf;
    (void)state;
    put_up(&shelf, 21);
    put_subtitles(&shelf, &shelf.film.events, 0);
    assert_int_equal(run_stage(&shelf), MD_EXECUTOR_MEDIA);
    assert_int_equal(shelf.transcript.warnings.n, 0);
    put_subtitles(&shelf, &shelf.film.events, 40);
    run_stage(&shelf);
    assert_non_null(strstr(shelf.transcript.warnings.v[0], "too late"));
    assert_non_null(strstr(shelf.transcript.warnings.v[0], "--subtitle-delay=-"));
    shelf.options.subtitle_sync = MD_SUBTITLE_SYNC_AUTO; /* also what lay beyond the end */
    run_stage(&shelf);
    assert_int_equal(shelf.transcript.warnings.n, 1);
    assert_non_null(strstr(shelf.transcript.warnings.v[0], "were put right"));
    assert_true(last_off_s(&shelf) > -0.4 && last_off_s(&shelf) < 0.4);
    shelf.options.subtitle_delay_s = -40;
    run_stage(&shelf);
    assert_int_equal(shelf.transcript.warnings.n, 0);
    assert_true(last_off_s(&shelf) > -0.01 && last_off_s(&shelf) < 0.01);
    take_down(&shelf);
}

static void another_films_subtitles_are_listened_instead_of(void **state)
{
    struct shelf shelf;
    struct film other;
    (void)state;
    put_up(&shelf, 22);
    make_film(&other, &kinds[TALK], 23);
    put_subtitles(&shelf, &other.events, 0);
    run_stage(&shelf);
    assert_non_null(strstr(shelf.transcript.warnings.v[0], "another film"));
    assert_true(shelf.transcript.cues.n > 0); /* better than nothing, where nobody can listen */
    shelf.options.asr_model = strdup("/model");
    assert_int_equal(run_stage(&shelf), MD_EXECUTOR_ASR);
    shelf.options.subtitle_sync = MD_SUBTITLE_SYNC_OFF;
    assert_int_equal(run_stage(&shelf), MD_EXECUTOR_MEDIA);
    assert_int_equal(shelf.transcript.warnings.n, 0);
    film_done(&other);
    take_down(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fitting_subtitles_are_never_complained_of),
        cmocka_unit_test(moved_and_stretched_ones_are_brought_back),
        cmocka_unit_test(another_films_subtitles_are_told),
        cmocka_unit_test(too_little_to_go_by_is_no_verdict),
        cmocka_unit_test(the_offset_is_offered_and_applied_when_asked_for),
        cmocka_unit_test(another_films_subtitles_are_listened_instead_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
