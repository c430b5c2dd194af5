/* Random numbers that are the same everywhere and can be taken from any point: every movie, regime
 * and worker has a generator of its own, made by hashing names into the seed, so that one more draw
 * in one place changes nothing in another. */
#ifndef MD_SIM_RANDOM_H
#define MD_SIM_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct md_sim_random {
    uint64_t state;
};

/* SplitMix64's finalizer (Steele, Lea, Flood 2014). */
static inline uint64_t md_sim_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static inline uint64_t md_sim_hash(uint64_t seed, uint64_t value)
{
    return md_sim_mix(seed + UINT64_C(0x9E3779B97F4A7C15) * (value + 1));
}

static inline uint64_t md_sim_hash_text(uint64_t seed, const char *text)
{
    for (; text && *text; text++)
        seed = md_sim_hash(seed, (unsigned char)*text);
    return seed;
}

static inline uint64_t md_sim_next(struct md_sim_random *random)
{
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    return md_sim_mix(random->state);
}

/* 0 <= result < n, n > 0. The bias of the remainder is below n / 2^64. */
static inline int64_t md_sim_below(struct md_sim_random *random, int64_t n)
{
    return (int64_t)(md_sim_next(random) % (uint64_t)n);
}

/* low <= result <= high. */
static inline int64_t md_sim_between(struct md_sim_random *random, int64_t low, int64_t high)
{
    return low + md_sim_below(random, high - low + 1);
}

/* 0 <= result < 1. */
static inline double md_sim_unit(struct md_sim_random *random)
{
    return (double)(md_sim_next(random) >> 11) * 0x1p-53;
}

static inline bool md_sim_chance(struct md_sim_random *random, double probability)
{
    return md_sim_unit(random) < probability;
}

/* Mean 0, deviation 1, within -2 and 2: the sum of four uniform numbers, near enough to a normal
 * one and without its endless tails. */
static inline double md_sim_bell(struct md_sim_random *random)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += md_sim_unit(random);
    return (sum - 2) * 1.7320508;
}

#endif
