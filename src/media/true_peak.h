/* True peak of sound: the highest point of the waveform between the samples, too. Pure. */
#ifndef MD_MEDIA_TRUE_PEAK_H
#define MD_MEDIA_TRUE_PEAK_H

#include <stdint.h>

enum {
    MD_TRUE_PEAK_TAPS = 12,
    MD_TRUE_PEAK_CHANNELS = 64,
    MD_TRUE_PEAK_BLOCK = 64,
};

/* Zero is valid but for channels, 1 to MD_TRUE_PEAK_CHANNELS. */
struct md_true_peak {
    int channels;
    float peak; /* linear, so far; 1 is full scale */

    /* private: the last samples of each channel */
    float tail[MD_TRUE_PEAK_CHANNELS][MD_TRUE_PEAK_TAPS - 1];
};

/* Interleaved samples, `frames` per channel. */
void md_true_peak_add(struct md_true_peak *meter, const float *samples, int64_t frames);

/* dBTP; -120 at least. */
double md_true_peak_db(const struct md_true_peak *meter);

#endif
