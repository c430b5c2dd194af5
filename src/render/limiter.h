/* A true-peak limiter for stereo sound at 48 kHz: looks 5 ms ahead, turns both channels down
 * together, changes nothing while peaks stay below the ceiling. */
#ifndef MD_RENDER_LIMITER_H
#define MD_RENDER_LIMITER_H

#include <stddef.h>

enum {
    MD_LIMITER_AHEAD = 240, /* samples: 5 ms */
    MD_LIMITER_TAPS = 12,   /* of the interpolation, per phase */
    /* Samples go in this much earlier than they come out. */
    MD_LIMITER_DELAY = MD_LIMITER_AHEAD - 1 + MD_LIMITER_TAPS / 2,
    MD_LIMITER_RING = 512, /* a power of two above DELAY + TAPS */
};

struct md_limiter {
    float ceiling; /* linear; set by md_limiter_init */
    unsigned now;  /* samples so far, wrapping */
    float sound[2][MD_LIMITER_RING];
    float wanted[MD_LIMITER_RING]; /* gain that each moment needs */
    /* Moments of the last AHEAD whose wanted gain is below that of all after them: the first is the
     * least of the window. */
    unsigned least[MD_LIMITER_RING], least_first, least_end;
    float release[MD_LIMITER_RING]; /* after the sliding minimum and the slow return to 1 */
    double release_sum;             /* of the last AHEAD of them */
};

/* Ceiling in dBTP, at most 0. */
void md_limiter_init(struct md_limiter *limiter, double ceiling_dbtp);

/* Limits n samples in place. What comes out is delayed by MD_LIMITER_DELAY samples (zeros first):
 * to get the last ones, feed that many zeros. */
void md_limiter_run(struct md_limiter *limiter, float *left, float *right, size_t n);

/* The true peak of a signal (linear, BS.1770-4 annex 2, four times oversampled), for measuring. */
float md_true_peak(const float *samples, size_t n);

#endif
