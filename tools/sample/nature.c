// Sky and land in the manner of cut paper: flat shapes in a few related colours, one behind the
// other, the far ones paler. Depth comes from the layers' colours and from the camera's parallax.
#include "nature.h"

#include <math.h>
#include <stddef.h>

void na_stars(struct canvas *c, float t, int n, uint32_t seed, float alpha)
{
    for (int i = 0; i < n; i++) {
        float x = cv_hash(i, seed) * 2000 - 200, y = cv_hash(i, seed + 1);
        float big = cv_hash(i, seed + 2), phase = cv_hash(i, seed + 3) * 6.28f;
        y = y * 700 - 60;
        float a =
            alpha * (0.35f + 0.65f * big * big) * (0.8f + 0.2f * sinf(t * (1 + 3 * big) + phase));
        a *= cv_clamp(1.15f - (y + 60) / 760, 0, 1);
        cv_dot(c, x, y, 0.7f + 1.5f * big * big * big, big > 0.8f ? 0xfff0d8 : 0xdfe8ff, a);
    }
}

void na_moon(struct canvas *c, float x, float y, float r, float glow)
{
    cv_glow(c, x, y, r * 9, r * 9, 0x6f86b8, 0.28f * glow);
    cv_glow(c, x, y, r * 3, r * 3, 0xa8bce0, 0.5f * glow);
    sh_circle(c, x, y, r);
    cv_fill_v(c, y - r, 0xfdf8e8, y + r, 0xe2e0dc);
    static const float craters[][3] = {{-0.35f, -0.25f, 0.2f},
                                       {0.3f, 0.12f, 0.26f},
                                       {-0.1f, 0.45f, 0.16f},
                                       {0.32f, -0.45f, 0.11f},
                                       {-0.55f, 0.2f, 0.1f}};
    for (int i = 0; i < 5; i++) {
        sh_circle(c, x + craters[i][0] * r, y + craters[i][1] * r, craters[i][2] * r);
        cv_fill_a(c, 0xc9c6c4, 0.55f);
    }
}

void na_sun(struct canvas *c, float x, float y, float r, uint32_t core, uint32_t halo)
{
    cv_glow(c, x, y, r * 11, r * 11, halo, 0.35f);
    cv_glow(c, x, y, r * 4, r * 4, halo, 0.5f);
    sh_circle(c, x, y, r);
    cv_fill(c, core);
}

void na_cloud(struct canvas *c, float x, float y, float w, float h, uint32_t seed, uint32_t top,
              uint32_t base, float alpha)
{
    int n = 7 + (int)(cv_hash(seed, 9) * 3);
    for (int i = 0; i < n; i++) {
        float u = (i + 0.5f) / n, arch = sinf(u * CV_PI);
        float r = h * (0.22f + 0.34f * arch * (0.5f + cv_hash(seed, i + 20)));
        float px = x + (u - 0.5f) * w + (cv_hash(seed, i) - 0.5f) * w * 0.06f;
        sh_ellipse(c, px, y - r * 0.75f, r * 1.35f, r);
    }
    sh_round(c, x - w * 0.52f, y - h * 0.14f, w * 1.04f, h * 0.2f, h * 0.1f);
    cv_fill_paint(c, &(struct cv_paint){CV_VERTICAL, top, base, alpha, alpha * 0.12f, y - h * 0.95f,
                                        y + h * 0.08f, 0});
}

void na_clouds(struct canvas *c, float t, const struct na_cloudscape *k)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    float span = 2600;
    for (int i = 0; i < k->n; i++) {
        float u = (i + 0.5f) / k->n, size = k->size * (0.6f + 0.8f * cv_hash(i, k->seed));
        float x = cv_hash(i, k->seed + 1) * span + t * k->speed * (0.7f + 0.6f * u);
        x = x - floorf((x - x0 + 500) / span) * span;
        float y = cv_lerp(k->y0, k->y1, u) + (cv_hash(i, k->seed + 2) - 0.5f) * 40;
        if (x - size < x1)
            na_cloud(c, x, y, size, size * 0.36f, k->seed * 31 + i, k->top, k->base, k->alpha);
    }
}

void na_ceiling(struct canvas *c, float t, float y, uint32_t dark, uint32_t light, uint32_t seed)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    for (int layer = 0; layer < 4; layer++) {
        float base = y - layer * y * 0.21f, step = 150 - layer * 12, drift = t * (46 - layer * 9);
        uint32_t col = cv_mix(dark, light, 0.75f - 0.25f * layer);
        int first = (int)floorf((x0 - drift) / step) - 2, last = (int)((x1 - drift) / step) + 2;
        for (int i = first; i <= last; i++) {
            float r = step * (0.75f + 0.5f * cv_hash(i, seed + layer));
            float puff = 8 * sinf(t * 0.7f + i * 1.7f + layer);
            sh_ellipse(c, i * step + drift, base - r * 0.35f + puff, r, r * 0.5f);
        }
        sh_rect(c, x0 - 10, y0 - 10, x1 - x0 + 20, base - step * 0.3f - y0);
        cv_fill_v(c, base - y * 0.5f, cv_mix(col, 0, 0.25f), base + 40, col);
    }
}

void na_aurora(struct canvas *c, float t, float y, float height, float alpha)
{
    for (int band = 0; band < 2; band++)
        for (int i = 0; i < 80; i++) {
            float x = i * 21 - 40, s = x * 0.004f + band * 3;
            float base = y + 60 * sinf(s + t * 0.13f) + 26 * sinf(s * 2.7f - t * 0.21f) - band * 90;
            float h = height * (0.5f + 0.5f * cv_noise(x * 0.006f + t * 0.25f, 71 + band));
            float a = alpha * (0.25f + 0.75f * cv_noise(x * 0.012f - t * 0.4f, 81 + band));
            sh_rect(c, x, base - h, 21.5f, h);
            cv_fill_paint(
                c, &(struct cv_paint){CV_VERTICAL, 0x503a9a, 0x38d89a, 0, a, base - h, base, 1});
            sh_rect(c, x, base, 21.5f, 24);
            cv_fill_paint(
                c, &(struct cv_paint){CV_VERTICAL, 0x38d89a, 0x38d89a, a, 0, base, base + 24, 1});
        }
}

// ---- land -------------------------------------------------------------------------------------

static void peak(struct canvas *c, float x, float base, float w, float h, uint32_t seed,
                 const uint32_t col[3])
{
    float top = base - h, lean = (cv_hash(seed, 1) - 0.5f) * w * 0.2f, px = x + lean;
    float ridge[] = {px,
                     top,
                     px + w * 0.05f,
                     top + h * 0.2f,
                     px - w * 0.03f,
                     top + h * 0.42f,
                     px + w * 0.07f,
                     top + h * 0.7f,
                     px + w * 0.02f,
                     base};
    float left[] = {x - w * 0.3f, top + h * 0.55f, x - w * 0.62f, base};
    float right[] = {x + w * 0.26f, top + h * 0.48f, x + w * 0.62f, base};
    float all[] = {px,       top,     right[0], right[1], right[2],
                   right[3], left[2], left[3],  left[0],  left[1]};
    sh_poly(c, all, 5);
    cv_fill_v(c, top, col[0], base, cv_mix(col[0], col[1], 0.5f));
    float dark[] = {ridge[0], ridge[1], right[0], right[1], right[2], right[3], ridge[8],
                    ridge[9], ridge[6], ridge[7], ridge[4], ridge[5], ridge[2], ridge[3]};
    sh_poly(c, dark, 7);
    cv_fill_v(c, top, col[1], base, cv_mix(col[1], col[0], 0.35f));
    if (!col[2])
        return;
    float s = 0.3f + 0.12f * cv_hash(seed, 2);
    float lx = px + (left[0] - px) * s / 0.55f, rx = px + (right[0] - px) * s / 0.48f,
          ly = top + h * s;
    float cap[] = {px,
                   top,
                   rx,
                   ly,
                   px + (rx - px) * 0.62f,
                   ly - h * 0.07f,
                   px + (rx - px) * 0.3f,
                   ly + h * 0.05f,
                   px,
                   ly - h * 0.06f,
                   px + (lx - px) * 0.3f,
                   ly + h * 0.07f,
                   px + (lx - px) * 0.62f,
                   ly - h * 0.05f,
                   lx,
                   ly};
    sh_poly(c, cap, 8);
    cv_fill(c, col[2]);
    float shadow[] = {px,
                      top,
                      rx,
                      ly,
                      px + (rx - px) * 0.62f,
                      ly - h * 0.07f,
                      px + (rx - px) * 0.3f,
                      ly + h * 0.05f,
                      px + w * 0.04f,
                      ly - h * 0.08f,
                      px + w * 0.05f,
                      top + h * 0.2f};
    sh_poly(c, shadow, 6);
    cv_fill(c, cv_mix(col[2], col[1], 0.45f));
}

void na_range(struct canvas *c, float base, float height, float spacing, uint32_t seed,
              uint32_t lit, uint32_t shade, uint32_t snow)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    uint32_t col[3] = {lit, shade, snow};
    int first = (int)floorf(x0 / spacing) - 2, last = (int)(x1 / spacing) + 2;
    // Every other peak first, so that neighbours overlap one another both ways.
    for (int pass = 0; pass < 2; pass++)
        for (int i = first; i <= last; i++) {
            if ((i & 1) != pass)
                continue;
            float h = height * (0.55f + 0.45f * cv_hash(i, seed) - 0.12f * pass);
            float x = (i + 0.5f * cv_hash(i, seed + 1)) * spacing;
            peak(c, x, base, spacing * (1.5f + 0.5f * cv_hash(i, seed + 2)), h, seed * 7 + i, col);
        }
}

float na_hill_y(float x, float base, float height, float length, uint32_t seed)
{
    return base - height * cv_fbm(x / length + 100, seed);
}

void na_hills(struct canvas *c, float base, float height, float length, uint32_t seed, uint32_t top,
              uint32_t bottom)
{
    float x0, y0, x1, y1, y[256], step;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    step = (x1 - x0 + 20) / 255;
    for (int i = 0; i < 256; i++)
        y[i] = na_hill_y(x0 - 10 + step * i, base, height, length, seed);
    sh_ground(c, x0 - 10, step, y, 256, fmaxf(y1, base) + 20);
    cv_fill_v(c, base - height, top, base + height * 0.4f, bottom);
}

void na_pine(struct canvas *c, float x, float y, float h, float sway, uint32_t colour,
             uint32_t snow)
{
    float w = h * 0.2f, lean = sway * h * 0.05f;
    sh_rect(c, x - h * 0.018f, y - h * 0.16f, h * 0.036f, h * 0.17f);
    cv_fill(c, cv_mix(colour, 0x201810, 0.5f));
    for (int i = 0; i < 4; i++) {
        float k = i / 4.0f, yb = y - h * (0.09f + 0.21f * i), half = w * (1 - k * 0.78f);
        float tri[] = {x + lean * (k + 0.4f), yb - h * 0.34f,
                       x + half + lean * k,   yb,
                       x + half * 0.3f,       yb - h * 0.02f,
                       x - half * 0.35f,      yb - h * 0.015f,
                       x - half + lean * k,   yb};
        sh_poly(c, tri, 5);
    }
    cv_fill(c, colour);
    if (!snow)
        return;
    for (int i = 0; i < 4; i++) {
        float k = i / 4.0f, yb = y - h * (0.09f + 0.21f * i), half = w * (1 - k * 0.78f);
        float tip = x + lean * (k + 0.4f);
        float cap[] = {
            tip, yb - h * 0.34f, x + half * 0.72f, yb - h * 0.1f, x + half * 0.3f, yb - h * 0.13f,
            x,   yb - h * 0.09f, x - half * 0.25f, yb - h * 0.17f};
        sh_poly(c, cap, 5);
    }
    cv_fill_a(c, snow, 0.85f);
}

void na_forest(struct canvas *c, float base, float height, float length, uint32_t seed, float size,
               float gap, uint32_t colour, uint32_t snow)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    int first = (int)floorf((x0 - size) / gap), last = (int)((x1 + size) / gap) + 1;
    for (int i = first; i <= last; i++) {
        if (cv_hash(i, seed + 7) < 0.2f)
            continue;
        float x = (i + cv_hash(i, seed + 8)) * gap, h = size * (0.6f + 0.6f * cv_hash(i, seed + 9));
        uint32_t col = cv_mix(colour, cv_hash(i, seed + 10) < 0.5f ? 0x000000 : 0x446688, 0.12f);
        na_pine(c, x, na_hill_y(x, base, height, length, seed) + size * 0.05f, h, 0, col, snow);
    }
}

void na_rocks(struct canvas *c, float x, float y, float w, float h, uint32_t seed, uint32_t lit,
              uint32_t dark)
{
    float xy[2 * 14];
    for (int i = 0; i < 12; i++) {
        float u = i / 11.0f, hump = powf(fmaxf(sinf(u * CV_PI), 0), 0.6f);
        xy[2 * i] = x + (u - 0.5f) * w;
        xy[2 * i + 1] =
            y - h * hump * (0.45f + 0.55f * cv_hash(seed, i)) - (i % 11 ? h * 0.08f : 0);
    }
    xy[24] = x + w * 0.54f;
    xy[25] = y + h * 0.2f;
    xy[26] = x - w * 0.54f;
    xy[27] = y + h * 0.2f;
    sh_poly(c, xy, 14);
    cv_fill_v(c, y - h, cv_mix(lit, dark, 0.35f), y, dark);
    for (int i = 1; i < 10; i++) { // facets turned to the light
        float *p = xy + 2 * i, drop = h * (0.25f + 0.4f * cv_hash(seed, i + 40));
        if (cv_hash(seed, i + 60) < 0.35f)
            continue;
        float f[] = {p[0],
                     p[1],
                     p[2],
                     p[3],
                     cv_lerp(p[0], p[2], 0.6f),
                     fminf(p[3] + drop, y),
                     cv_lerp(p[0], p[2], 0.1f),
                     fminf(p[1] + drop * 0.7f, y)};
        sh_poly(c, f, 4);
        cv_fill_a(c, lit, 0.22f + 0.4f * cv_hash(seed, i + 80));
    }
}

void na_mist(struct canvas *c, float y0, float y1, uint32_t colour, float alpha)
{
    float x0, b, x1, e, mid = (y0 + y1) / 2;
    cv_bounds(c, &x0, &b, &x1, &e);
    sh_rect(c, x0 - 10, y0, x1 - x0 + 20, mid - y0);
    cv_fill_paint(c, &(struct cv_paint){CV_VERTICAL, colour, colour, 0, alpha, y0, mid, 0});
    sh_rect(c, x0 - 10, mid, x1 - x0 + 20, y1 - mid);
    cv_fill_paint(c, &(struct cv_paint){CV_VERTICAL, colour, colour, alpha, 0, mid, y1, 0});
}

void na_smoke(struct canvas *c, float x, float y, float t, float size, uint32_t colour, float alpha)
{
    for (int i = 0; i < 9; i++) {
        float u = t * 0.16f + i / 9.0f;
        u -= floorf(u);
        float r = size * (0.18f + 0.75f * u), drift = size * (u * 1.6f + 0.25f * sinf(u * 7 + i));
        cv_spot(c, x + drift, y - size * 3.1f * u, r, r * 0.9f, colour,
                alpha * (1 - u) * (u < 0.1f ? u * 10 : 1));
    }
}
