/* Pairs of real samples go through a complex transform of half the size (Stockham, radix 4: no bit
 * reversal, and inner loops over neighbours that compilers turn into SIMD), then are taken apart.
 * Our own because libavutil's changed its interface in every major version and is not visible from
 * this folder; 2 % of the time of analysing sound is spent here. */
#include "analysis/audio_fft.h"

#include <math.h>
#include <string.h>

enum { HALF = MD_FFT_SIZE / 2 };

void md_fft_init(struct md_fft *fft)
{
    for (int k = 0; k < MD_FFT_SIZE; k++) {
        fft->cosine[k] = (float)cos(2 * M_PI * k / MD_FFT_SIZE);
        fft->sine[k] = (float)-sin(2 * M_PI * k / MD_FFT_SIZE);
    }
}

struct complex_row {
    float re[HALF], im[HALF];
};

/* One pass: n is the length still to be transformed, s how many such transforms are interleaved. */
static void pass(const struct md_fft *fft, int n, int s, const struct complex_row *x,
                 struct complex_row *y)
{
    int m = n / 4;
    for (int p = 0; p < m; p++) {
        int turn = p * (MD_FFT_SIZE / n);
        float c1 = fft->cosine[turn], s1 = fft->sine[turn];
        float c2 = fft->cosine[2 * turn], s2 = fft->sine[2 * turn];
        float c3 = fft->cosine[3 * turn], s3 = fft->sine[3 * turn];
        const float *ar = x->re + s * p, *ai = x->im + s * p;
        const float *br = ar + s * m, *bi = ai + s * m, *cr = br + s * m, *ci = bi + s * m;
        const float *dr = cr + s * m, *di = ci + s * m;
        float *yr = y->re + 4 * s * p, *yi = y->im + 4 * s * p;
        for (int q = 0; q < s; q++) {
            float acr = ar[q] + cr[q], aci = ai[q] + ci[q];
            float a_cr = ar[q] - cr[q], a_ci = ai[q] - ci[q];
            float bdr = br[q] + dr[q], bdi = bi[q] + di[q];
            float b_dr = br[q] - dr[q], b_di = bi[q] - di[q];
            float r1 = a_cr + b_di, i1 = a_ci - b_dr;
            float r2 = acr - bdr, i2 = aci - bdi;
            float r3 = a_cr - b_di, i3 = a_ci + b_dr;
            yr[q] = acr + bdr;
            yi[q] = aci + bdi;
            yr[q + s] = r1 * c1 - i1 * s1;
            yi[q + s] = r1 * s1 + i1 * c1;
            yr[q + 2 * s] = r2 * c2 - i2 * s2;
            yi[q + 2 * s] = r2 * s2 + i2 * c2;
            yr[q + 3 * s] = r3 * c3 - i3 * s3;
            yi[q + 3 * s] = r3 * s3 + i3 * c3;
        }
    }
}

void md_fft_real(const struct md_fft *fft, const float x[MD_FFT_SIZE], float re[MD_FFT_BINS],
                 float im[MD_FFT_BINS])
{
    struct complex_row a, b;
    for (int i = 0; i < HALF; i++) {
        a.re[i] = x[2 * i];
        a.im[i] = x[2 * i + 1];
    }
    pass(fft, 256, 1, &a, &b);
    pass(fft, 64, 4, &b, &a);
    pass(fft, 16, 16, &a, &b);
    pass(fft, 4, 64, &b, &a);
    for (int k = 0; k <= HALF; k++) {
        int i = k % HALF, j = (HALF - k) % HALF;
        float even_re = 0.5f * (a.re[i] + a.re[j]), even_im = 0.5f * (a.im[i] - a.im[j]);
        float odd_re = 0.5f * (a.im[i] + a.im[j]), odd_im = -0.5f * (a.re[i] - a.re[j]);
        re[k] = even_re + odd_re * fft->cosine[k] - odd_im * fft->sine[k];
        im[k] = even_im + odd_re * fft->sine[k] + odd_im * fft->cosine[k];
    }
}
