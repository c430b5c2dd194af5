// Inside the canvas: pixels are 0x00RRGGBB, alphas here run from 0 to 256.
#ifndef SAMPLE_PIXELS_H
#define SAMPLE_PIXELS_H

#include "canvas.h"

uint32_t px_ink(const struct canvas *c, uint32_t colour); // in the light and tint in force
void px_split(uint32_t colour, float rgb[3]);
void px_dithered(uint32_t out[16], const float rgb[3], int y);
void px_copy_span(uint32_t *d, const uint32_t pattern[16], int x, int n);
void px_blend_span(uint32_t *d, uint32_t colour, int alpha256, int n);
void px_add_span(uint32_t *d, uint32_t colour, int alpha256, int n);

static inline void px_one_pixel(uint32_t *d, uint32_t colour, uint32_t alpha256)
{
    uint32_t p = *d, j = 256 - alpha256;
    uint32_t rb = (p & 0xff00ff) * j + (colour & 0xff00ff) * alpha256 + 0x800080;
    uint32_t g = (p & 0x00ff00) * j + (colour & 0x00ff00) * alpha256 + 0x008000;
    *d = (rb >> 8 & 0xff00ff) | (g >> 8 & 0x00ff00);
}

#endif
