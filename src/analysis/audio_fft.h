/* Fourier transform of 512 real samples, the one size the sound features need. Pure. */
#ifndef MD_ANALYSIS_AUDIO_FFT_H
#define MD_ANALYSIS_AUDIO_FFT_H

enum { MD_FFT_SIZE = 512, MD_FFT_BINS = MD_FFT_SIZE / 2 + 1 };

/* Constant tables; made once, shared freely. */
struct md_fft {
    float cosine[MD_FFT_SIZE], sine[MD_FFT_SIZE]; /* of -2 pi k / 512 */
};

void md_fft_init(struct md_fft *fft);

/* X[k] = sum of x[n] exp(-2 pi i k n / 512), k from 0 to 256. */
void md_fft_real(const struct md_fft *fft, const float x[MD_FFT_SIZE], float re[MD_FFT_BINS],
                 float im[MD_FFT_BINS]);

#endif
