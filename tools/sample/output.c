// Fades, flashes and the vignette are applied in luma while converting, where they cost one
// multiplication a pixel.
#include "output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int output_init(struct output *o, int w, int h)
{
    *o = (struct output){.w = w, .h = h};
    o->vignette = malloc((size_t)w * h);
    if (!o->vignette)
        return -1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float dx = 2.0f * x / w - 1, dy = 2.0f * y / h - 1,
                  r = dx * dx * 0.75f + dy * dy * 0.6f;
            float dark = cv_clamp(r - 0.32f, 0, 1);
            o->vignette[y * w + x] = (uint8_t)(255 - 120 * dark * dark);
        }
    return 0;
}

void output_done(struct output *o)
{
    free(o->vignette);
    o->vignette = NULL;
}

// Scale and offset of a luma that fades towards black or white, in 1/256.
static void luma_line(const struct look *l, int *ret_scale, int *ret_offset)
{
    float k = (1 - l->black) * (1 - l->white);
    *ret_scale = (int)lroundf(256 * k);
    *ret_offset = (int)lroundf(256 * (219 * l->white * (1 - l->black)));
}

static void luma_row(int w, const uint32_t *restrict px, const uint8_t *restrict vig, int scale,
                     int offset, uint8_t *restrict out)
{
    for (int x = 0; x < w; x++) {
        int p = (int)px[x], r = p >> 16 & 255, g = p >> 8 & 255, b = p & 255;
        int y = (47 * r + 157 * g + 16 * b + 128) >> 8; // 0..219
        y = (y * (vig[x] + 1)) >> 8;
        out[x] = (uint8_t)(((y * scale + offset) >> 8) + 16);
    }
}

static void chroma_row(int half, const uint32_t *restrict a, const uint32_t *restrict b, int scale,
                       int sepia, uint8_t *restrict u, uint8_t *restrict v)
{
    for (int x = 0; x < half; x++) {
        int p = (int)a[2 * x], q = (int)a[2 * x + 1], s = (int)b[2 * x], t = (int)b[2 * x + 1];
        int r = (p >> 16 & 255) + (q >> 16 & 255) + (s >> 16 & 255) + (t >> 16 & 255);
        int g = (p >> 8 & 255) + (q >> 8 & 255) + (s >> 8 & 255) + (t >> 8 & 255);
        int l = (p & 255) + (q & 255) + (s & 255) + (t & 255);
        int cu = (-26 * r - 86 * g + 112 * l) / 1024, cv = (112 * r - 102 * g - 10 * l) / 1024;
        int luma = (54 * r + 183 * g + 19 * l) >> 10; // 0..255, for the strength of the brown
        int su = -(luma * 26 >> 8) - 4, sv = (luma * 16 >> 8) + 4;
        cu += (su - cu) * sepia >> 8;
        cv += (sv - cv) * sepia >> 8;
        u[x] = (uint8_t)(128 + (cu * scale >> 8));
        v[x] = (uint8_t)(128 + (cv * scale >> 8));
    }
}

void output_frame(const struct output *o, const struct canvas *c, const struct look *look,
                  uint8_t *yuv)
{
    int w = o->w, h = o->h, scale, offset, n = w * h;
    luma_line(look, &scale, &offset);
    for (int y = 0; y < h; y++) {
        if (y < look->letterbox || y >= h - look->letterbox) {
            memset(yuv + y * w, 16, w);
            continue;
        }
        luma_row(w, c->px + y * w, o->vignette + y * w, scale, offset, yuv + y * w);
    }
    uint8_t *u = yuv + n, *v = u + n / 4;
    for (int y = 0; y < h / 2; y++) {
        if (2 * y < look->letterbox || 2 * y >= h - look->letterbox) {
            memset(u + y * w / 2, 128, w / 2);
            memset(v + y * w / 2, 128, w / 2);
            continue;
        }
        const uint32_t *row = c->px + (size_t)2 * y * w;
        chroma_row(w / 2, row, row + w, scale, (int)(look->sepia * 256), u + y * w / 2,
                   v + y * w / 2);
    }
}

void output_mix(struct canvas *a, const struct canvas *b, float alpha)
{
    uint8_t *restrict p = (uint8_t *)a->px;
    const uint8_t *restrict q = (const uint8_t *)b->px;
    uint16_t k = (uint16_t)lroundf(alpha * 256), j = 256 - k;
    int n = a->w * a->h * 4;
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)((p[i] * j + q[i] * k + 128) >> 8);
}

void output_wipe(struct canvas *a, const struct canvas *b, float u)
{
    int soft = a->w / 12, edge = (int)lroundf(u * (a->w + soft));
    for (int y = 0; y < a->h; y++) {
        uint32_t *row = a->px + (size_t)y * a->w;
        const uint32_t *other = b->px + (size_t)y * a->w;
        for (int x = 0; x < a->w && x < edge; x++)
            row[x] =
                x < edge - soft ? other[x] : cv_mix(row[x], other[x], (edge - x) / (float)soft);
    }
}
