/* Windows that were measured on films of 24 frames per second, at other rates. */
#ifndef MD_ANALYSIS_RATE_H
#define MD_ANALYSIS_RATE_H

#include "base/cleanup.h"

/* `at_24` frames of a film at 24 frames per second, in frames at `rate`; low..high. */
static inline int md_rate_frames(float rate, int at_24, int low, int high)
{
    int frames = (int)((float)at_24 * rate / 24 + 0.5f);
    return MD_CLAMP(frames, low, high);
}

#endif
