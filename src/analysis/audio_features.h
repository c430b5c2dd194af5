/* What sound is like, half a second at a time: the numbers that tell speech from music and noise.
 * Works on 16 kHz mono as it comes; constant memory. Pure. */
#ifndef MD_ANALYSIS_AUDIO_FEATURES_H
#define MD_ANALYSIS_AUDIO_FEATURES_H

#include <stdint.h>

#include "analysis/audio_fft.h"

enum {
    MD_SOUND_RATE = 16000,
    MD_SOUND_HOP = 256,       /* samples from frame to frame: 16 ms */
    MD_SOUND_WINDOW = 8000,   /* samples from window to window: 0.5 s */
    MD_SOUND_CONTEXT = 16000, /* a window is judged with a second before and after its middle */
    MD_SOUND_BANDS = 20,      /* mel bands */
    MD_SOUND_PEAK_BINS = 160, /* spectral lines up to 5 kHz */
    MD_SOUND_RING = 128,      /* frames kept: 2 s and some */
};

/* One per window; every one is 0 in silence. Names of the ideas behind them:
 * modulation, low energy: Scheirer and Slaney 1997; flux, crossing rate: Saunders 1996, Lu et al.
 * 2002; steady lines: Seyerlehner et al. 2007 (continuous frequency activation); voicing: Boersma
 * 1993 (window-corrected autocorrelation). */
enum md_sound_feature {
    MD_FEATURE_LEVEL_SPREAD,    /* standard deviation of the level of frames, dB / 10 */
    MD_FEATURE_LOW_ENERGY,      /* share of frames with less than half of the mean energy */
    MD_FEATURE_SYLLABLES,       /* share of band-envelope modulation at 2.5 to 8 Hz */
    MD_FEATURE_SLOW_MODULATION, /* the same at 0.5 to 2 Hz */
    MD_FEATURE_MODULATION,      /* depth of all of it: mean deviation of bands, dB / 10 */
    MD_FEATURE_FLUX,            /* mean change of bands from frame to frame, dB / 10 */
    MD_FEATURE_FLUX_SPREAD,     /* its deviation */
    MD_FEATURE_CROSSINGS,       /* mean zero crossings per sample */
    MD_FEATURE_CROSSINGS_SPREAD,
    MD_FEATURE_CENTROID, /* mean band number of the centre of the spectrum / 10 */
    MD_FEATURE_CENTROID_SPREAD,
    MD_FEATURE_FLATNESS, /* mean of log band level over mean band level: 0 flat, below: tones */
    MD_FEATURE_FLATNESS_SPREAD,
    MD_FEATURE_VOICED,       /* share of audible frames with a clear pitch of 70 to 400 Hz */
    MD_FEATURE_VOICING,      /* mean strength of the pitch */
    MD_FEATURE_GLIDE,        /* mean change of pitch between voiced neighbours, octaves */
    MD_FEATURE_STEADY_LINES, /* how long spectral lines stay: mean share of the five steadiest */
    MD_FEATURE_LINES,        /* mean number of lines in a frame / 10 */
    MD_FEATURE_BASS,         /* level of the bands under 200 Hz against the mean, dB / 10 */
    MD_FEATURE_TREBLE,       /* level of the bands over 4 kHz against the mean, dB / 10 */
    MD_FEATURE_COHERENCE,    /* how much all bands rise and fall together: 0 to 1 */
    MD_FEATURES,
};
extern const char *const md_sound_feature_names[]; /* NULL-ended */

struct md_sound_frame {
    float level_db, crossings, centroid, flatness, voicing, lag; /* lag: pitch period, 0 none */
    float bands[MD_SOUND_BANDS];                                 /* dB */
    uint8_t line[MD_SOUND_PEAK_BINS];
};

struct md_sound_window {
    int64_t index;  /* covers [index, index + 1) half seconds */
    float level_db; /* RMS of its own half second, dB of full scale; -120 at least */
    float features[MD_FEATURES];
};

struct md_sound_features {
    /* called with each window in turn */
    void (*window)(void *user, const struct md_sound_window *window);
    void *user;

    /* private */
    struct md_fft fft;
    float taper[MD_FFT_SIZE], lag_taper[MD_FFT_BINS];
    int band_start[MD_SOUND_BANDS + 1];
    float samples[MD_FFT_SIZE]; /* the frame being filled */
    int filled;
    int64_t total; /* samples so far */
    struct md_sound_frame ring[MD_SOUND_RING];
    int64_t frames; /* finished */
    int64_t windows;
    double energy[4]; /* sums of squares of the last windows, by index modulo 4 */
};

void md_sound_features_init(struct md_sound_features *f,
                            void (*window)(void *user, const struct md_sound_window *window),
                            void *user);

/* Samples within about -1..1. */
void md_sound_features_add(struct md_sound_features *f, const float *samples, int64_t n);

/* The last windows; the very last may be shorter than half a second. */
void md_sound_features_finish(struct md_sound_features *f);

#endif
