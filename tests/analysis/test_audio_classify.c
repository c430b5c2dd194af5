/* Made-up sounds fall into the class anyone would give them, and ranges are steady and whole. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/audio_classify.h"
#include "base/cleanup.h"

enum { RATE = MD_SOUND_RATE };

struct collected {
    struct md_sound_score scores[200];
    float levels[200];
    int n;
};

static void collect(void *user, const struct md_sound_window *w)
{
    struct collected *c = user;
    assert_int_equal(w->index, c->n);
    for (int i = 0; i < MD_FEATURES; i++)
        assert_true(isfinite(w->features[i]));
    c->levels[c->n] = w->level_db;
    c->scores[c->n++] = md_sound_judge(w);
}

static struct collected analyse(float (*sample)(int64_t i, unsigned *seed), int64_t n, int chunk)
{
    struct collected c = {0};
    struct md_sound_features *f = malloc(sizeof *f);
    float *buffer = malloc((size_t)chunk * sizeof *buffer);
    unsigned seed = 5;
    md_sound_features_init(f, collect, &c);
    for (int64_t at = 0; at < n; at += chunk) {
        int m = (int)MD_MIN(chunk, n - at);
        for (int i = 0; i < m; i++)
            buffer[i] = sample(at + i, &seed);
        md_sound_features_add(f, buffer, m);
    }
    md_sound_features_finish(f);
    free(buffer);
    free(f);
    return c;
}

static float noise(int64_t i, unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return 0.1f * ((float)(*seed >> 8 & 0xffff) / 32768.0f - 1);
}

/* Four chords of held notes, a second each, with a few overtones. */
static float music(int64_t i, unsigned *seed)
{
    static const double chords[4][3] = {
        {262, 330, 392}, {220, 262, 330}, {175, 220, 262}, {196, 247, 294}};
    double t = (double)i / RATE, v = 0;
    const double *chord = chords[i / RATE % 4];
    for (int n = 0; n < 3; n++)
        for (int h = 1; h <= 5; h++)
            v += sin(2 * M_PI * chord[n] * h * t) / h;
    return (float)(0.06 * v);
}

static float silence(int64_t i, unsigned *seed)
{
    return 0;
}

static float mean_of(const struct collected *c, bool speech)
{
    float sum = 0;
    for (int i = 0; i < c->n; i++)
        sum += speech ? c->scores[i].speech : c->scores[i].music;
    return sum / (float)c->n;
}

static void chords_are_music_and_hiss_is_neither(void **state)
{
    struct collected c = analyse(music, 20 * RATE, 1000);
    assert_true(mean_of(&c, false) > 0.9f);
    assert_true(mean_of(&c, true) < 0.3f);
    c = analyse(noise, 20 * RATE, 1000);
    assert_true(mean_of(&c, false) < 0.3f);
    assert_true(mean_of(&c, true) < 0.3f);
    c = analyse(silence, 5 * RATE, 1000);
    assert_int_equal(c.n, 10);
    assert_true(mean_of(&c, true) == 0 && mean_of(&c, false) == 0);
    assert_true(c.levels[3] <= -119);
}

static void windows_do_not_depend_on_how_the_samples_come(void **state)
{
    static const int chunks[] = {1, 77, 4096, 65536};
    int64_t n = 7 * RATE + 1234;
    struct collected first = analyse(music, n, 512);
    assert_int_equal(first.n, 15);
    for (size_t i = 0; i < MD_ARRAY_LEN(chunks); i++) {
        struct collected c = analyse(music, n, chunks[i]);
        assert_int_equal(c.n, first.n);
        for (int k = 0; k < c.n; k++) {
            assert_true(c.scores[k].music == first.scores[k].music);
            assert_true(c.scores[k].speech == first.scores[k].speech);
        }
    }
}

static void very_short_sound_gives_one_window(void **state)
{
    struct collected c = analyse(noise, 1, 1);
    assert_int_equal(c.n, 1);
    c = analyse(noise, 8001, 100);
    assert_int_equal(c.n, 2);
}

static void a_lone_half_second_does_not_break_a_range(void **state)
{
    enum { N = 20, HALF = 500000 };
    struct md_sound_score scores[N];
    float loudness[N];
    for (int i = 0; i < N; i++) {
        scores[i] =
            i < 10 ? (struct md_sound_score){0.9f, 0.1f} : (struct md_sound_score){0.1f, 0.9f};
        loudness[i] = i >= 16 ? -80 : -20;
    }
    scores[4] = (struct md_sound_score){0.3f, 0.6f};
    struct md_sound_vec ranges = {0};
    struct md_floats speech = {0};
    int64_t duration = N * HALF - 123;
    assert_int_equal(md_sound_smooth(scores, loudness, N, -60, HALF, duration, &ranges, &speech),
                     MD_OK);
    assert_int_equal(ranges.n, 3);
    assert_int_equal(ranges.v[0].sound, MD_SOUND_SPEECH);
    assert_int_equal(ranges.v[0].end_us, 5000000);
    assert_int_equal(ranges.v[1].sound, MD_SOUND_MUSIC);
    assert_int_equal(ranges.v[1].start_us, 5000000);
    assert_int_equal(ranges.v[2].sound, MD_SOUND_SILENCE);
    assert_int_equal(ranges.v[2].start_us, 8000000);
    assert_int_equal(ranges.v[2].end_us, duration);
    assert_int_equal(speech.n, N);
    assert_true(speech.v[4] > 0.5f && speech.v[12] < 0.2f && speech.v[18] < 0.05f);
    for (size_t i = 0; i < ranges.n; i++)
        assert_true(ranges.v[i].confidence > 0.5f && ranges.v[i].confidence <= 1);
    md_vec_done(&ranges);
    md_vec_done(&speech);
}

static void nothing_gives_nothing(void **state)
{
    struct md_sound_vec ranges = {0};
    struct md_floats speech = {0};
    assert_int_equal(md_sound_smooth(NULL, NULL, 0, -60, 500000, 0, &ranges, &speech), MD_OK);
    assert_int_equal(ranges.n, 0);
    assert_true(md_sound_silence_lufs(-70) == -70 && md_sound_silence_lufs(-10) == -50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chords_are_music_and_hiss_is_neither),
        cmocka_unit_test(windows_do_not_depend_on_how_the_samples_come),
        cmocka_unit_test(very_short_sound_gives_one_window),
        cmocka_unit_test(a_lone_half_second_does_not_break_a_range),
        cmocka_unit_test(nothing_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
