// Spans of pixels: the inner loops of every fill, written so that compilers turn them into vectors.
#include "pixels.h"

#include <math.h>
#include <string.h>

uint32_t px_ink(const struct canvas *c, uint32_t colour)
{
    const struct cv_state *s = &c->s;
    float r = (colour >> 16 & 255) * s->light[0], g = (colour >> 8 & 255) * s->light[1];
    float b = (colour & 255) * s->light[2];
    uint32_t lit =
        (uint32_t)fminf(r, 255) << 16 | (uint32_t)fminf(g, 255) << 8 | (uint32_t)fminf(b, 255);
    return s->tint_amount > 0 ? cv_mix(lit, s->tint, s->tint_amount) : lit;
}

// A 4 x 4 ordered dither hides the bands of dark gradients; it costs nothing, as 16 pixels of a row
// share one pattern.
void px_dithered(uint32_t out[16], const float rgb[3], int y)
{
    static const uint8_t bayer[4][4] = {
        {0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    for (int i = 0; i < 16; i++) {
        float d = (bayer[y & 3][i & 3] + 0.5f) / 16;
        uint32_t r = (uint32_t)(rgb[0] + d), g = (uint32_t)(rgb[1] + d), b = (uint32_t)(rgb[2] + d);
        out[i] = (r > 255 ? 255 : r) << 16 | (g > 255 ? 255 : g) << 8 | (b > 255 ? 255 : b);
    }
}

void px_split(uint32_t colour, float rgb[3])
{
    rgb[0] = colour >> 16 & 255;
    rgb[1] = colour >> 8 & 255;
    rgb[2] = colour & 255;
}

void px_copy_span(uint32_t *d, const uint32_t pattern[16], int x, int n)
{
    for (; n > 0 && (x & 15); x++, n--)
        *d++ = pattern[x & 15];
    for (; n >= 16; n -= 16, d += 16)
        memcpy(d, pattern, 64);
    for (int i = 0; i < n; i++)
        d[i] = pattern[i];
}

void px_blend_span(uint32_t *d, uint32_t colour, int alpha256, int n)
{
    uint8_t *p = (uint8_t *)d;
    int16_t s[4] = {colour & 255, colour >> 8 & 255, colour >> 16 & 255, 0};
    int16_t k = 256 - alpha256;
    uint16_t add[16];
    for (int i = 0; i < 16; i++)
        add[i] = s[i & 3] * alpha256 + 128;
    int i = 0;
    for (; i + 4 <= n; i += 4, p += 16)
        for (int j = 0; j < 16; j++)
            p[j] = (uint16_t)(p[j] * (uint16_t)k + add[j]) >> 8;
    for (; i < n; i++, p += 4)
        for (int j = 0; j < 4; j++)
            p[j] = (uint16_t)(p[j] * (uint16_t)k + add[j]) >> 8;
}

void px_add_span(uint32_t *d, uint32_t colour, int alpha256, int n)
{
    uint8_t *p = (uint8_t *)d;
    uint8_t add[16];
    for (int i = 0; i < 16; i++)
        add[i] = (colour >> (i & 3) * 8 & 255) * alpha256 >> 8;
    for (int i = 0; i < n * 4; i++) {
        int v = p[i] + add[i & 15];
        p[i] = v > 255 ? 255 : v;
    }
}
