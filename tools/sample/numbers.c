// Colours, easing and noise. The noise is a hash, not rand(): a frame must look the same whichever
// thread draws it, on any machine.
#include "canvas.h"

#include <math.h>

uint32_t cv_mix(uint32_t a, uint32_t b, float t)
{
    int k = (int)(cv_clamp(t, 0, 1) * 256 + 0.5f);
    uint32_t out = 0;
    for (int sh = 0; sh < 24; sh += 8) {
        int p = a >> sh & 255, q = b >> sh & 255;
        out |= (uint32_t)(p + (((q - p) * k + 128) >> 8)) << sh;
    }
    return out;
}

float cv_ease(float u)
{
    u = cv_clamp(u, 0, 1);
    return u * u * (3 - 2 * u);
}

float cv_ramp(float v, float from, float to)
{
    return cv_ease((v - from) / (to - from));
}

float cv_hash(uint32_t a, uint32_t b)
{
    uint32_t h = a * 0x9e3779b1u ^ (b + 0x7f4a7c15u) * 0x85ebca6bu;
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 12;
    h *= 0x297a2d39u;
    h ^= h >> 15;
    return (h >> 8) / 16777216.0f;
}

float cv_noise(float x, uint32_t seed)
{
    float f = floorf(x), u = cv_ease(x - f);
    int i = (int)f;
    return cv_lerp(cv_hash((uint32_t)i, seed), cv_hash((uint32_t)i + 1, seed), u);
}

float cv_fbm(float x, uint32_t seed)
{
    return 0.53f * cv_noise(x, seed) + 0.27f * cv_noise(x * 2.03f, seed + 1) +
           0.13f * cv_noise(x * 4.1f, seed + 2) + 0.07f * cv_noise(x * 8.3f, seed + 3);
}
