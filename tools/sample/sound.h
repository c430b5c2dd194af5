// The sound: voices, music, weather and effects, mixed.
#ifndef SAMPLE_SOUND_H
#define SAMPLE_SOUND_H

#include "timeline.h"

struct stereo {
    float *l, *r;
    int64_t n;
};

// DIR/main.wav (stereo) and DIR/commentary.wav (mono, the film lowered under the remarks). 0 or -1.
int sound_write(const struct timeline *t, const char *dir);

// music.c: plays the film's score into an empty buffer.
void music_play(const struct timeline *t, struct stereo *out);
// noises.c: adds weather and effects.
void noises_play(const struct timeline *t, struct stereo *out);

#endif
