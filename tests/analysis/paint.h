/* Painted scenes for tests of the analysis: textures that differ by seed and can be moved. */
#ifndef MD_TESTS_PAINT_H
#define MD_TESTS_PAINT_H

#include "analysis/look.h"

/* Smooth noise, 0..1, of a scene at a place (in picture widths; any values). */
static inline double paint_hash(uint32_t seed, int x, int y)
{
    uint32_t h = seed * 0x9E3779B1u ^ (uint32_t)x * 0x85EBCA77u ^ (uint32_t)y * 0xC2B2AE3Du;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 12;
    h *= 0x297A2D39u;
    h ^= h >> 15;
    return (h >> 8) / 16777216.0;
}

static inline double paint_noise(uint32_t seed, double x, double y)
{
    int ix = (int)(x + 1000) - 1000, iy = (int)(y + 1000) - 1000;
    double fx = x - ix, fy = y - iy;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    double a = paint_hash(seed, ix, iy), b = paint_hash(seed, ix + 1, iy);
    double c = paint_hash(seed, ix, iy + 1), d = paint_hash(seed, ix + 1, iy + 1);
    return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy;
}

/* Y, Cb, Cr on 0..255 of scene `seed` at (x, y) in picture widths. */
static inline void paint_sample(uint32_t seed, double x, double y, double out[3])
{
    double coarse = paint_noise(seed, 4 * x, 4 * y), fine = paint_noise(seed + 7, 13 * x, 13 * y);
    out[0] = 30 + 150 * coarse + 50 * fine;
    out[1] = 128 + 60 * (paint_noise(seed + 1, 3 * x, 3 * y) - 0.5) +
             40 * (paint_hash(seed, 1, 2) - 0.5);
    out[2] = 128 + 60 * (paint_noise(seed + 2, 3 * x, 3 * y) - 0.5) +
             40 * (paint_hash(seed, 3, 4) - 0.5);
}

/* A picture as doubles, so that mixes are exact. */
struct paint {
    double y[MD_LOOK_SIZE], cb[MD_LOOK_CHROMA_SIZE], cr[MD_LOOK_CHROMA_SIZE];
};

static inline void paint_scene(struct paint *paint, uint32_t seed, double dx, double dy)
{
    double v[3];
    for (int j = 0; j < MD_LOOK_H; j++)
        for (int i = 0; i < MD_LOOK_W; i++) {
            paint_sample(seed, (double)i / MD_LOOK_W + dx, (double)j / MD_LOOK_W + dy, v);
            paint->y[j * MD_LOOK_W + i] = v[0];
        }
    for (int j = 0; j < MD_LOOK_CHROMA_H; j++)
        for (int i = 0; i < MD_LOOK_CHROMA_W; i++) {
            paint_sample(seed, (double)i / MD_LOOK_CHROMA_W + dx, (double)j / MD_LOOK_CHROMA_W + dy,
                         v);
            paint->cb[j * MD_LOOK_CHROMA_W + i] = v[1];
            paint->cr[j * MD_LOOK_CHROMA_W + i] = v[2];
        }
}

static inline void paint_flat(struct paint *paint, double y)
{
    for (int i = 0; i < MD_LOOK_SIZE; i++)
        paint->y[i] = y;
    for (int i = 0; i < MD_LOOK_CHROMA_SIZE; i++)
        paint->cb[i] = paint->cr[i] = 128;
}

/* a (1 - share) + b share, into a. */
static inline void paint_mix(struct paint *a, const struct paint *b, double share)
{
    for (int i = 0; i < MD_LOOK_SIZE; i++)
        a->y[i] += share * (b->y[i] - a->y[i]);
    for (int i = 0; i < MD_LOOK_CHROMA_SIZE; i++) {
        a->cb[i] += share * (b->cb[i] - a->cb[i]);
        a->cr[i] += share * (b->cr[i] - a->cr[i]);
    }
}

/* Columns left of `share` of the width from b. */
static inline void paint_wipe(struct paint *a, const struct paint *b, double share)
{
    for (int j = 0; j < MD_LOOK_H; j++)
        for (int i = 0; i < MD_LOOK_W && i < share * MD_LOOK_W; i++)
            a->y[j * MD_LOOK_W + i] = b->y[j * MD_LOOK_W + i];
    for (int j = 0; j < MD_LOOK_CHROMA_H; j++)
        for (int i = 0; i < MD_LOOK_CHROMA_W && i < share * MD_LOOK_CHROMA_W; i++) {
            a->cb[j * MD_LOOK_CHROMA_W + i] = b->cb[j * MD_LOOK_CHROMA_W + i];
            a->cr[j * MD_LOOK_CHROMA_W + i] = b->cr[j * MD_LOOK_CHROMA_W + i];
        }
}

static inline uint8_t paint_byte(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Frame `index` of a film at `rate` frames per second. */
static inline void paint_look(const struct paint *paint, int64_t index, double rate,
                              struct md_look *look)
{
    look->index = index;
    look->pts_us = (int64_t)((double)index * 1e6 / rate);
    look->duration_us = (int64_t)((double)(index + 1) * 1e6 / rate) - look->pts_us;
    for (int i = 0; i < MD_LOOK_SIZE; i++)
        look->luma[i] = paint_byte(paint->y[i]);
    for (int i = 0; i < MD_LOOK_CHROMA_SIZE; i++) {
        look->cb[i] = paint_byte(paint->cb[i]);
        look->cr[i] = paint_byte(paint->cr[i]);
    }
    md_look_measure(look);
}

#endif
