// Spoken lines: which voice says them, and their sound once synthesized.
#ifndef SAMPLE_SPEECH_H
#define SAMPLE_SPEECH_H

#include "film.h"

#include <stdint.h>

#define SPEECH_RATE 48000

struct speech {
    float *samples; // mono at SPEECH_RATE, peak about 0.9
    int64_t n;
};

struct voice {
    const char *flite;  // voice
    float stretch;      // flite's duration_stretch
    const char *espeak; // voice of espeak-ng, where there is no flite
    int espeak_speed;   // words a minute
    float pitch;        // played so much faster afterwards
    float gain;
};

const struct voice *speech_voice(enum who who);
// Reads a 16 bit mono PCM WAV file, changes its pitch, trims silence and evens the level. 0 or -1.
int speech_load(struct speech *s, const char *path, enum who who, int radio);
void speech_free(struct speech *s);

#endif
