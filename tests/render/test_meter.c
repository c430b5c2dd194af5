/* Loudness as BS.1770 and EBU R128 define it, levels within their limits, a limiter that never
 * overshoots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "render/level.h"
#include "render/limiter.h"
#include "render/meter.h"

enum { RATE = MD_SOUND_RATE };

static double decibels(double value)
{
    return 20 * log10(value);
}

/* Adds a sine of this level (dBFS of its peak) to a meter, the same in both channels. */
static void add_sine(struct md_meter *meter, double hertz, double level_db, double seconds)
{
    float *tone = calloc((size_t)(seconds * RATE) + 1, sizeof *tone);
    size_t n = (size_t)(seconds * RATE);
    for (size_t i = 0; i < n; i++)
        tone[i] = (float)(pow(10, level_db / 20) * sin(2 * M_PI * hertz * (double)i / RATE));
    assert_int_equal(md_meter_add(meter, tone, tone, n), MD_OK);
    free(tone);
}

static double integrated(const struct md_meter *meter)
{
    return md_meter_integrated(meter->steps.v, NULL, meter->steps.n);
}

static void assert_near(double a, double b, double most)
{
    if (fabs(a - b) > most)
        fail_msg("%g is not %g (give or take %g)", a, b, most);
}

/* EBU Tech 3341, cases 1 and 2. */
static void a_stereo_sine_has_its_level_as_loudness(void **state)
{
    for (double level = -23; level >= -33; level -= 10) {
        struct md_meter meter = {0};
        add_sine(&meter, 1000, level, 20);
        assert_near(integrated(&meter), level, 0.1);
        md_meter_done(&meter);
    }
}

/* EBU Tech 3341, cases 3, 4 and 5. */
static void gates_leave_quiet_parts_out(void **state)
{
    static const struct {
        double level, seconds;
    } cases[3][5] = {
        {{-36, 10}, {-23, 60}, {-36, 10}},
        {{-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}},
        {{-26, 20}, {-20, 20.1}, {-26, 20}},
    };
    for (int c = 0; c < 3; c++) {
        struct md_meter meter = {0};
        for (int i = 0; i < 5; i++)
            add_sine(&meter, 1000, cases[c][i].level, cases[c][i].seconds);
        assert_near(integrated(&meter), -23, 0.1);
        md_meter_done(&meter);
    }
}

static void silence_has_no_loudness(void **state)
{
    struct md_meter meter = {0};
    add_sine(&meter, 1000, -200, 2);
    assert_near(integrated(&meter), MD_METER_NONE, 0);
    assert_near(md_meter_integrated(NULL, NULL, 0), MD_METER_NONE, 0);
    md_meter_done(&meter);
}

/* A sine at a quarter of the rate, sampled beside its peaks: 3 dB more than any sample. */
static void true_peaks_lie_between_samples(void **state)
{
    float tone[4800];
    for (int i = 0; i < 4800; i++)
        tone[i] = (float)(0.5 * sin(M_PI / 2 * i + M_PI / 4));
    float largest = 0;
    for (int i = 0; i < 4800; i++)
        largest = fmaxf(largest, fabsf(tone[i]));
    assert_near(decibels(largest), -9.03, 0.01);
    assert_near(decibels(md_true_peak(tone + 100, 4600)), -6.02, 0.6);
}

static float *noise(size_t n, double level, uint32_t seed)
{
    float *x = calloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(level * ((double)(seed >> 8) / (1 << 23) - 1));
    }
    return x;
}

static void quiet_sound_passes_the_limiter_untouched_but_for_its_delay(void **state)
{
    enum { N = 20000 };
    float *left = noise(N, 0.3, 1), *right = noise(N, 0.3, 2);
    float *out[2] = {calloc(N, sizeof(float)), calloc(N, sizeof(float))};
    memcpy(out[0], left, N * sizeof *left);
    memcpy(out[1], right, N * sizeof *right);
    struct md_limiter limiter;
    md_limiter_init(&limiter, -1);
    for (size_t at = 0; at < N; at += 777)
        md_limiter_run(&limiter, out[0] + at, out[1] + at, at + 777 < N ? 777 : N - at);
    for (size_t i = 0; i + MD_LIMITER_DELAY < N; i++) {
        assert_true(out[0][i + MD_LIMITER_DELAY] == left[i]);
        assert_true(out[1][i + MD_LIMITER_DELAY] == right[i]);
    }
    free(left);
    free(right);
    free(out[0]);
    free(out[1]);
}

/* Bursts, full-scale noise, single clicks, sines between samples: never above the ceiling. */
static void the_limiter_never_overshoots(void **state)
{
    enum { N = 96000 };
    for (int kind = 0; kind < 4; kind++) {
        float *left = noise(N, kind == 1 ? 4 : 0.02, 7), *right = noise(N, 0.02, 9);
        /* The end comes out whole: a cut wave has peaks of its own. */
        memset(left + N - 1000, 0, 1000 * sizeof *left);
        memset(right + N - 1000, 0, 1000 * sizeof *right);
        for (int i = 0; i < N - 1000; i++) {
            if (kind == 0 && i / 3000 % 3 == 1)
                left[i] += (float)(3 * sin(0.31 * i));
            if (kind == 2 && i % 7001 == 0)
                right[i] = i % 2 ? 5 : -5;
            if (kind == 3)
                left[i] = (float)(1.4 * sin(M_PI / 2 * i + M_PI / 4));
        }
        struct md_limiter limiter;
        md_limiter_init(&limiter, -1);
        md_limiter_run(&limiter, left, right, N);
        double peak_db = decibels(fmaxf(md_true_peak(left, N), md_true_peak(right, N)));
        if (peak_db > -1 + 0.1)
            fail_msg("kind %d: %.2f dBTP", kind, peak_db);
        free(left);
        free(right);
    }
}

static void the_limiter_turns_down_both_channels_and_comes_back(void **state)
{
    enum { N = 96000 };
    float *left = noise(N, 0, 1), *right = noise(N, 0, 1);
    for (int i = 0; i < N; i++) {
        left[i] = i >= 24000 && i < 26400 ? 2 : 0;
        right[i] = 0.1f;
    }
    struct md_limiter limiter;
    md_limiter_init(&limiter, -1);
    md_limiter_run(&limiter, left, right, N);
    assert_near(right[12000], 0.1, 1e-6);
    assert_true(right[25000 + MD_LIMITER_DELAY] < 0.046);
    assert_near(right[90000], 0.1, 0.001);
    free(left);
    free(right);
}

/* ---- levels ---- */

enum { STEPS = 200 };

struct scene {
    struct md_meter_step steps[STEPS];
    struct md_level_group group;
};

/* A steady scene of this loudness whose peaks lie 12 dB above. */
static void set_scene(struct scene *scene, double lufs)
{
    for (int i = 0; i < STEPS; i++)
        scene->steps[i] = (struct md_meter_step){
            .energy = (float)pow(10, (lufs + 0.691) / 10),
            .peak = (float)pow(10, (lufs + 12) / 20),
        };
    scene->group = (struct md_level_group){scene->steps, STEPS};
}

static double planned(struct scene *scenes, size_t n, double target, double *gain_db)
{
    struct md_level_group groups[8];
    struct md_meter_step all[8 * STEPS];
    float gain[8 * STEPS];
    for (size_t s = 0; s < n; s++)
        groups[s] = scenes[s].group;
    assert_int_equal(md_level_plan(groups, n, target, -1, gain_db), MD_OK);
    for (size_t i = 0; i < n * STEPS; i++) {
        all[i] = scenes[i / STEPS].steps[i % STEPS];
        gain[i] = (float)pow(10, gain_db[i / STEPS] / 20);
    }
    return md_meter_integrated(all, gain, n * STEPS);
}

static void the_whole_comes_to_its_target(void **state)
{
    static struct scene scenes[3];
    double gain_db[3];
    for (double target = -18; target >= -30; target -= 4) {
        set_scene(&scenes[0], -27);
        set_scene(&scenes[1], -22);
        set_scene(&scenes[2], -30);
        assert_near(planned(scenes, 3, target, gain_db), target, 0.1);
    }
}

static void scenes_come_closer_but_keep_their_order(void **state)
{
    static struct scene scenes[3];
    double gain_db[3];
    set_scene(&scenes[0], -20);
    set_scene(&scenes[1], -26);
    set_scene(&scenes[2], -32);
    planned(scenes, 3, -20, gain_db);
    assert_true(gain_db[0] < gain_db[1] && gain_db[1] < gain_db[2]);
    assert_true(-20 + gain_db[0] > -26 + gain_db[1] && -26 + gain_db[1] > -32 + gain_db[2]);
    assert_true(gain_db[2] - gain_db[0] <= 12.001);
}

static void silence_is_never_made_louder(void **state)
{
    static struct scene scenes[3];
    double gain_db[3];
    set_scene(&scenes[0], -30);
    set_scene(&scenes[1], -62);
    memset(scenes[2].steps, 0, sizeof scenes[2].steps);
    scenes[2].group = (struct md_level_group){scenes[2].steps, STEPS};
    planned(scenes, 3, -16, gain_db);
    assert_true(gain_db[0] > 10);
    assert_true(gain_db[1] <= 0);
    assert_true(gain_db[2] <= 0);
}

static void peaks_are_not_pushed_far_into_the_limiter(void **state)
{
    static struct scene scenes[2];
    double gain_db[2];
    set_scene(&scenes[0], -27);
    set_scene(&scenes[1], -27);
    for (int i = 0; i < STEPS; i++)
        scenes[1].steps[i].peak = 0.9f; /* -0.9 dBFS nearly always */
    planned(scenes, 2, -14, gain_db);
    assert_true(gain_db[1] <= 3);
    assert_true(gain_db[0] > 10);
}

static void nothing_to_level_is_fine(void **state)
{
    assert_int_equal(md_level_plan(NULL, 0, -18, -1, NULL), MD_OK);
    struct md_level_group empty = {0};
    double gain_db = 99;
    assert_int_equal(md_level_plan(&empty, 1, -18, -1, &gain_db), MD_OK);
    assert_true(gain_db <= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stereo_sine_has_its_level_as_loudness),
        cmocka_unit_test(gates_leave_quiet_parts_out),
        cmocka_unit_test(silence_has_no_loudness),
        cmocka_unit_test(true_peaks_lie_between_samples),
        cmocka_unit_test(quiet_sound_passes_the_limiter_untouched_but_for_its_delay),
        cmocka_unit_test(the_limiter_never_overshoots),
        cmocka_unit_test(the_limiter_turns_down_both_channels_and_comes_back),
        cmocka_unit_test(the_whole_comes_to_its_target),
        cmocka_unit_test(scenes_come_closer_but_keep_their_order),
        cmocka_unit_test(silence_is_never_made_louder),
        cmocka_unit_test(peaks_are_not_pushed_far_into_the_limiter),
        cmocka_unit_test(nothing_to_level_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
