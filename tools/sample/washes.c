// What covers the whole picture, and what has no edge.
#include "pixels.h"

#include <math.h>
#include <string.h>

void cv_clear(struct canvas *c, uint32_t colour)
{
    for (int i = 0; i < c->w * c->h; i++)
        c->px[i] = colour;
}

void cv_sky(struct canvas *c, const struct cv_stop *stops, int n)
{
    for (int y = 0, k = 0; y < c->h; y++) {
        float v = (y + 0.5f) / c->h, a[3], b[3], rgb[3];
        while (k + 2 < n && v > stops[k + 1].y)
            k++;
        float t = cv_clamp((v - stops[k].y) / (stops[k + 1].y - stops[k].y), 0, 1);
        px_split(px_ink(c, stops[k].colour), a);
        px_split(px_ink(c, stops[k + 1].colour), b);
        for (int i = 0; i < 3; i++)
            rgb[i] = a[i] + (b[i] - a[i]) * t;
        uint32_t pattern[16];
        px_dithered(pattern, rgb, y);
        px_copy_span(c->px + (size_t)y * c->w, pattern, 0, c->w);
    }
}

void cv_veil(struct canvas *c, uint32_t colour, float alpha)
{
    int a = (int)(cv_clamp(alpha, 0, 1) * 256 + 0.5f);
    if (a > 0)
        px_blend_span(c->px, colour, a, c->w * c->h);
}

// The falloff (1 - r^2)^3 needs no square root and ends without an edge.
static void soft(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour,
                 float alpha, int add)
{
    float cx, cy, k = cv_pixels(c);
    cv_point(c, x, y, &cx, &cy);
    rx = fabsf(rx) * k;
    ry = fabsf(ry) * k;
    if (rx < 0.5f || ry < 0.5f || alpha <= 0)
        return;
    const struct cv_clip *clip = &c->s.clip;
    int x0 = (int)cv_clamp(cx - rx, clip->x0, clip->x1),
        x1 = (int)cv_clamp(cx + rx + 1, clip->x0, clip->x1);
    int y0 = (int)cv_clamp(cy - ry, clip->y0, clip->y1),
        y1 = (int)cv_clamp(cy + ry + 1, clip->y0, clip->y1);
    int s[3] = {colour & 255, colour >> 8 & 255, colour >> 16 & 255};
    for (int py = y0; py < y1; py++) {
        float dy = (py + 0.5f - cy) / ry, left = 1 - dy * dy, inv = 1 / rx;
        uint32_t *row = c->px + (size_t)py * c->w;
        if (left <= 0)
            continue;
        // Only the columns inside the ellipse of this row.
        float half = sqrtf(left) * rx;
        int a0 = cx - half > x0 ? (int)(cx - half) : x0,
            a1 = cx + half + 1 < x1 ? (int)(cx + half + 1) : x1;
        for (int i = a0; i < a1; i++) {
            float dx = (i + 0.5f - cx) * inv, f = left - dx * dx;
            f = f > 0 ? f : 0;
            int a = (int)(f * f * f * alpha * 256), p = (int)row[i];
            int q0 = p & 255, q1 = p >> 8 & 255, q2 = p >> 16 & 255, b0, b1, b2;
            if (add) {
                b0 = q0 + (s[0] * a >> 8);
                b1 = q1 + (s[1] * a >> 8);
                b2 = q2 + (s[2] * a >> 8);
                b0 = b0 > 255 ? 255 : b0;
                b1 = b1 > 255 ? 255 : b1;
                b2 = b2 > 255 ? 255 : b2;
            } else {
                b0 = q0 + ((s[0] - q0) * a >> 8);
                b1 = q1 + ((s[1] - q1) * a >> 8);
                b2 = q2 + ((s[2] - q2) * a >> 8);
            }
            row[i] = (uint32_t)(b2 << 16 | b1 << 8 | b0);
        }
    }
}

void cv_glow(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha)
{
    soft(c, x, y, rx, ry, colour, fminf(alpha, 4), 1);
}

void cv_spot(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha)
{
    soft(c, x, y, rx, ry, px_ink(c, colour), fminf(alpha, 1), 0);
}

void cv_dot(struct canvas *c, float x, float y, float r, uint32_t colour, float alpha)
{
    float cx, cy;
    cv_point(c, x, y, &cx, &cy);
    r *= cv_pixels(c);
    const struct cv_clip *k = &c->s.clip;
    int x0 = (int)cv_clamp(cx - r - 1, k->x0, k->x1), x1 = (int)cv_clamp(cx + r + 2, k->x0, k->x1);
    int y0 = (int)cv_clamp(cy - r - 1, k->y0, k->y1), y1 = (int)cv_clamp(cy + r + 2, k->y0, k->y1);
    uint32_t s = px_ink(c, colour);
    for (int py = y0; py < y1; py++)
        for (int i = x0; i < x1; i++) {
            float dx = i + 0.5f - cx, dy = py + 0.5f - cy;
            float cov = r + 0.5f - sqrtf(dx * dx + dy * dy);
            if (cov > 0)
                px_one_pixel(&c->px[(size_t)py * c->w + i], s,
                             (uint32_t)(fminf(cov, 1) * cv_clamp(alpha, 0, 1) * 256));
        }
}
