/* Loudness of stereo sound at 48 kHz, after ITU-R BS.1770-4 and EBU R128, kept as one small record
 * per 100 ms, so that the loudness of any mixture of pieces at any gains can be computed from the
 * records without hearing the sound again. */
#ifndef MD_RENDER_METER_H
#define MD_RENDER_METER_H

#include <stddef.h>

#include "base/error.h"
#include "base/vec.h"

enum {
    MD_SOUND_RATE = 48000,
    MD_METER_STEP = MD_SOUND_RATE / 10, /* samples of a record */
};
#define MD_METER_NONE (-70.0) /* LUFS of silence, and of too little sound to tell */

struct md_meter_step {
    float energy; /* mean square of both channels, K-weighted, added */
    float peak;   /* largest absolute sample */
};
struct md_meter_steps MD_VEC(struct md_meter_step);

struct md_meter {
    double state[2][2][2]; /* channel, filter, memory */
    double sum;
    float peak;
    int filled; /* samples of the step under way */
    struct md_meter_steps steps;
};

/* A zeroed meter is ready. Adds n samples of each channel. MD_ERR_NOMEM. */
int md_meter_add(struct md_meter *meter, const float *left, const float *right, size_t n);
void md_meter_done(struct md_meter *meter);

/* Integrated loudness in LUFS (blocks of 400 ms every 100 ms, gates at -70 LUFS and 10 LU below the
 * mean of what is above) of n steps, each amplified by gain[i] (linear; NULL: 1). MD_METER_NONE
 * when nothing passes the gates. */
double md_meter_integrated(const struct md_meter_step *steps, const float *gain, size_t n);

#endif
