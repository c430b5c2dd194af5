/* Loudness and true peak meet the EBU's own test signals (Tech 3341 and 3342, minimum
 * requirements): 1 kHz sines in phase on both channels, levels in dBFS of the sine's peak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "media/loudness.h"

struct part {
    double dbfs, seconds;
};

static void add_sine(struct md_loudness *l, const struct md_audio_format *f, const double *dbfs,
                     double seconds)
{
    enum { CHUNK = 777 };
    float samples[CHUNK * 8];
    int64_t n = llround(seconds * f->sample_rate);
    for (int64_t at = 0; at < n; at += CHUNK) {
        int m = (int)MD_MIN(CHUNK, n - at);
        for (int i = 0; i < m; i++)
            for (int c = 0; c < f->channels; c++)
                samples[i * f->channels + c] =
                    (float)(pow(10, dbfs[c] / 20) *
                            sin(2 * M_PI * 1000.0 * (double)(at + i) / f->sample_rate));
        md_loudness_add(l, samples, m);
    }
}

static struct md_loudness_result measure(int rate, const struct part *parts, size_t n)
{
    struct md_audio_format f = {.sample_rate = rate, .channels = 2, .layout = "stereo"};
    struct md_loudness *l = NULL;
    assert_int_equal(md_loudness_new(&f, NULL, NULL, &l, NULL), MD_OK);
    for (size_t i = 0; i < n; i++)
        add_sine(l, &f, (double[]){parts[i].dbfs, parts[i].dbfs}, parts[i].seconds);
    struct md_loudness_result r;
    md_loudness_result(l, &r);
    md_loudness_free(l);
    return r;
}
#define MEASURE(rate, ...)                                                                         \
    measure(rate, (struct part[]){__VA_ARGS__},                                                    \
            sizeof((struct part[]){__VA_ARGS__}) / sizeof(struct part))

static void assert_about(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%g is not %g +- %g", value, expected, tolerance);
}

static void integrated_loudness_meets_tech_3341(void **state)
{
    static const int rates[] = {48000, 44100, 32000, 16000, 8000, 96000, 11025};
    for (size_t i = 0; i < MD_ARRAY_LEN(rates); i++) {
        assert_about(MEASURE(rates[i], {-23, 20}).integrated_lufs, -23, 0.1);
        assert_about(MEASURE(rates[i], {-33, 20}).integrated_lufs, -33, 0.1);
    }
    assert_about(MEASURE(48000, {-36, 10}, {-23, 60}, {-36, 10}).integrated_lufs, -23, 0.1);
    assert_about(
        MEASURE(48000, {-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}).integrated_lufs, -23,
        0.1);
    assert_about(MEASURE(48000, {-26, 20}, {-20, 20.1}, {-26, 20}).integrated_lufs, -23, 0.1);
}

static void surround_channels_count_as_tech_3341_says(void **state)
{
    struct md_audio_format f = {.sample_rate = 48000, .channels = 6, .layout = "5.1"};
    struct md_loudness *l = NULL;
    assert_int_equal(md_loudness_new(&f, NULL, NULL, &l, NULL), MD_OK);
    /* L R C LFE Ls Rs; the LFE is loud and must not count */
    add_sine(l, &f, (double[]){-28, -28, -24, -3, -30, -30}, 20);
    struct md_loudness_result r;
    md_loudness_result(l, &r);
    assert_about(r.integrated_lufs, -23, 0.1);
    md_loudness_free(l);
}

static void loudness_range_meets_tech_3342(void **state)
{
    assert_about(MEASURE(48000, {-20, 20}, {-30, 20}).range_lu, 10, 1);
    assert_about(MEASURE(48000, {-20, 20}, {-15, 20}).range_lu, 5, 1);
    assert_about(MEASURE(48000, {-40, 20}, {-20, 20}).range_lu, 20, 1);
    assert_about(MEASURE(48000, {-50, 20}, {-35, 20}, {-20, 20}, {-35, 20}, {-50, 20}).range_lu, 15,
                 1);
}

/* A quarter of the sample rate, 45 degrees off: the samples miss the crest by 3 dB. */
static void true_peak_sees_what_lies_between_the_samples(void **state)
{
    struct md_audio_format f = {.sample_rate = 48000, .channels = 1, .layout = "mono"};
    struct md_loudness *l = NULL;
    assert_int_equal(md_loudness_new(&f, NULL, NULL, &l, NULL), MD_OK);
    float samples[4800];
    for (int i = 0; i < 4800; i++) {
        double envelope = fmin(1, fmin(i, 4800 - i) / 480.0);
        samples[i] = (float)(0.5 * envelope * sin(M_PI / 2 * i + M_PI / 4));
    }
    md_loudness_add(l, samples, 4800);
    struct md_loudness_result r;
    md_loudness_result(l, &r);
    assert_true(r.true_peak_dbtp > -6.4 && r.true_peak_dbtp < -5.8); /* Tech 3341: +0.2, -0.4 */
    md_loudness_free(l);
}

static void silence_and_nothing_are_at_the_floor(void **state)
{
    struct md_loudness_result r = MEASURE(48000, {-300, 5});
    assert_about(r.integrated_lufs, MD_LOUDNESS_FLOOR, 0);
    assert_about(r.range_lu, 0, 0);
    assert_about(r.true_peak_dbtp, -120, 0);
    r = MEASURE(48000, {-23, 0.2});
    assert_about(r.integrated_lufs, MD_LOUDNESS_FLOOR, 0);
}

static void collect(void *user, double lufs)
{
    double *values = user;
    values[(int)++values[0]] = lufs;
}

static void momentary_values_come_every_tenth_of_a_second(void **state)
{
    struct md_audio_format f = {.sample_rate = 11025, .channels = 2, .layout = "stereo"};
    struct md_loudness *l = NULL;
    double values[200] = {0};
    assert_int_equal(md_loudness_new(&f, collect, values, &l, NULL), MD_OK);
    add_sine(l, &f, (double[]){-23, -23}, 10);
    assert_int_equal((int)values[0], 100);
    for (int i = 5; i <= 100; i++)
        assert_about(values[i], -23, 0.2);
    assert_about(values[1], -29, 0.5); /* a quarter of the window is filled */
    add_sine(l, &f, (double[]){-200, -200}, 2);
    assert_int_equal((int)values[0], 120);
    assert_about(values[106], MD_LOUDNESS_FLOOR, 0);
    md_loudness_free(l);
}

static void impossible_formats_are_refused(void **state)
{
    struct md_loudness *l = NULL;
    struct md_failure failure = {0};
    struct md_audio_format none = {.sample_rate = 48000, .channels = 0};
    struct md_audio_format many = {.sample_rate = 48000, .channels = 65};
    assert_int_equal(md_loudness_new(&none, NULL, NULL, &l, &failure), MD_ERR_INPUT);
    assert_int_equal(md_loudness_new(&many, NULL, NULL, &l, &failure), MD_ERR_INPUT);
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integrated_loudness_meets_tech_3341),
        cmocka_unit_test(surround_channels_count_as_tech_3341_says),
        cmocka_unit_test(loudness_range_meets_tech_3342),
        cmocka_unit_test(true_peak_sees_what_lies_between_the_samples),
        cmocka_unit_test(silence_and_nothing_are_at_the_floor),
        cmocka_unit_test(momentary_values_come_every_tenth_of_a_second),
        cmocka_unit_test(impossible_formats_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
