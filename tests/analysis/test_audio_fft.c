/* The fast transform equals the definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/audio_fft.h"

static float random_sample(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return (float)(*seed >> 8 & 0xffff) / 32768.0f - 1;
}

static void the_transform_equals_its_definition(void **state)
{
    struct md_fft fft;
    md_fft_init(&fft);
    float x[MD_FFT_SIZE], re[MD_FFT_BINS], im[MD_FFT_BINS];
    unsigned seed = 3;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MD_FFT_SIZE; i++)
            x[i] = round == 0 ? (float)(i == 1) : round == 1 ? 1 : random_sample(&seed);
        md_fft_real(&fft, x, re, im);
        for (int k = 0; k < MD_FFT_BINS; k++) {
            double a = 0, b = 0;
            for (int i = 0; i < MD_FFT_SIZE; i++) {
                double w = 2 * M_PI * (double)((i * k) % MD_FFT_SIZE) / MD_FFT_SIZE;
                a += x[i] * cos(w);
                b -= x[i] * sin(w);
            }
            assert_true(fabs(re[k] - a) < 1e-3);
            assert_true(fabs(im[k] - b) < 1e-3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_transform_equals_its_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
