/* Random numbers for weights: the same everywhere for the same seed. */
#ifndef MD_TOOLS_MODELS_RANDOM_H
#define MD_TOOLS_MODELS_RANDOM_H

#include <math.h>
#include <stdint.h>

/* xorshift64; above 0, below 1. *seed must not be 0. */
static inline double random_uniform(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

/* Box and Muller: mean 0, variance 1. */
static inline float random_gaussian(uint64_t *seed)
{
    double radius = sqrt(-2 * log(random_uniform(seed)));
    return (float)(radius * cos(6.283185307179586 * random_uniform(seed)));
}

#endif
