// Water and what falls from the sky. Waves are exp(sin x): sharp crests and long troughs, as deep
// water has them, for the price of a sine.
#include "nature.h"

#include <math.h>

void na_water(struct canvas *c, float t, const struct na_sea *k)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    float bottom = fmaxf(y1, k->horizon + 60), depth = bottom - k->horizon;
    sh_rect(c, x0 - 10, k->horizon, x1 - x0 + 20, depth + 10);
    cv_fill_v(c, k->horizon, k->far, bottom, k->near);
    // Small waves: rows closer together and shorter towards the horizon.
    int rows = 15;
    for (int r = 0; r < rows; r++) {
        float u = (r + 0.6f) / rows, y = k->horizon + depth * u * u, size = 8 + 150 * u;
        float thick = (0.6f + 5.5f * u) * (0.6f + 0.8f * k->chop), gap = size * 2.1f;
        float drift = t * (8 + 30 * u) * (r & 1 ? 1 : -0.7f);
        int first = (int)floorf((x0 - drift) / gap) - 1, last = (int)((x1 - drift) / gap) + 1;
        for (int i = first; i <= last; i++) {
            float h = cv_hash(i, r + 300), x = (i + h) * gap + drift;
            float wob = sinf(t * (0.8f + h) + h * 40);
            float w = size * (0.35f + 0.65f * h) * (0.75f + 0.25f * wob);
            sh_ellipse(c, x, y + wob * thick, w / 2, thick / 2);
        }
    }
    cv_fill_a(c, k->ripple, 0.3f + 0.25f * k->chop);
    if (!k->glint)
        return;
    for (int r = 0; r < 46; r++) {
        float u = (r + 0.5f) / 46, y = k->horizon + depth * u * u + 1;
        float half = k->glint_width * (0.25f + 1.1f * u), thick = 0.8f + 5 * u;
        for (int i = 0; i < 4; i++) {
            float h = cv_hash(r, i + 500), ph = t * (0.9f + 1.4f * h) + h * 60;
            float x =
                k->glint_x + half * (2 * cv_hash(r, i + 510) - 1) * 0.8f + sinf(ph) * half * 0.12f;
            float w = half * (0.25f + 0.5f * h) * (0.55f + 0.45f * sinf(ph * 1.3f));
            sh_ellipse(c, x, y, w, thick / 2);
        }
    }
    cv_fill_paint(c, &(struct cv_paint){.c0 = k->glint, .a0 = k->glint_alpha, .add = 1});
}

float na_wave_y(const struct na_wave *k, float x, float t)
{
    float q = 2 * CV_PI / k->length, p = k->seed * 1.37f;
    float a = expf(1.3f * sinf(q * (x - k->speed * t) + p)) - 0.27f;
    float b = sinf(q * 0.37f * (x - k->speed * 0.8f * t) + p * 2.1f);
    float d = sinf(q * 2.9f * (x - k->speed * 1.25f * t) + p * 0.7f);
    return k->y - k->amp * (0.22f * a + 0.16f * b + 0.05f * d + 0.1f);
}

float na_wave_slope(const struct na_wave *k, float x, float t)
{
    float d = k->length * 0.08f;
    return atan2f(na_wave_y(k, x + d, t) - na_wave_y(k, x - d, t), 2 * d);
}

static void foam(struct canvas *c, float t, const struct na_wave *k, float x0, float step,
                 const float *y, int n)
{
    // A scalloped band along the crests that travels with the wave.
    float low = k->y - k->amp * 0.42f;
    for (int i = 0; i < n; i++) {
        if (y[i] >= low)
            continue;
        int from = i;
        while (i < n && y[i] < low)
            i++;
        for (int j = from; j < i; j++)
            cv_to(c, x0 + step * j, y[j]);
        for (int j = i - 1; j >= from; j--) {
            float along = (x0 + step * j - k->speed * t) * 22 / k->length;
            float rag =
                0.3f + 0.7f * fabsf(sinf(along)) * (0.6f + 0.4f * sinf(along * 0.37f + k->seed));
            cv_to(c, x0 + step * j, y[j] + (low - y[j]) * 0.5f * rag + 1);
        }
        cv_close(c);
    }
    cv_fill_a(c, k->foam, 0.75f);
}

void na_wave(struct canvas *c, float t, const struct na_wave *k)
{
    enum { N = 256 };
    float x0, y0, x1, y1, y[N];
    cv_bounds(c, &x0, &y0, &x1, &y1);
    float step = (x1 - x0 + 20) / (N - 1);
    for (int i = 0; i < N; i++)
        y[i] = na_wave_y(k, x0 - 10 + step * i, t);
    sh_ground(c, x0 - 10, step, y, N, fmaxf(k->bottom, k->y + 1));
    cv_fill_v(c, k->y - k->amp * 0.9f, k->top, k->y + k->amp * 0.5f + 30, k->deep);
    if (k->foam)
        foam(c, t, k, x0 - 10, step, y, N);
}

void na_rain(struct canvas *c, float t, int n, float slant, float length, float alpha)
{
    for (int layer = 0; layer < 2; layer++) {
        float speed = 1500 + 900 * layer, len = length * (0.7f + 0.6f * layer);
        for (int i = 0; i < n / 2; i++) {
            float v = cv_hash(i, 60 + layer) + t * speed / 1100 * (0.85f + 0.3f * cv_hash(i, 64));
            float turn = floorf(v), y = (v - turn) * 1100 - 100;
            float x = cv_hash(i * 131 + (uint32_t)(int)turn, 62 + layer) * 2400 - 400 + slant * y;
            sh_line(c, x, y, x + slant * len, y + len, 1.3f + 0.9f * layer);
        }
        cv_fill_a(c, 0xc4d4e8, alpha * (0.7f + 0.5f * layer));
    }
}

void na_snow(struct canvas *c, float t, int n, float size, float wind, float alpha)
{
    for (int i = 0; i < n; i++) {
        float z = cv_hash(i, 70), v = cv_hash(i, 71) + t * (0.05f + 0.09f * z), turn = floorf(v);
        float y = (v - turn) * 960 - 30, h = cv_hash(i * 17 + (uint32_t)(int)turn, 72);
        float x = h * 2000 - 200 + wind * y * 0.4f + 26 * sinf(t * (0.6f + z) + h * 30);
        cv_dot(c, x, y, size * (0.35f + 0.75f * z * z), 0xffffff, alpha * (0.35f + 0.6f * z));
    }
}

static void bolt_part(struct canvas *c, float x0, float y0, float x1, float y1, uint32_t seed,
                      float width, int level)
{
    float xy[2 * 17];
    for (int i = 0; i <= 16; i++) {
        float u = i / 16.0f, jag = (cv_hash(seed, i) - 0.5f) * (i && i < 16) * 0.16f;
        xy[2 * i] = cv_lerp(x0, x1, u) + jag * (y1 - y0);
        xy[2 * i + 1] =
            cv_lerp(y0, y1, u) + (cv_hash(seed, i + 30) - 0.5f) * (i && i < 16) * 0.03f * (y1 - y0);
    }
    sh_stroke(c, xy, 17, width);
    for (int i = 4; level && i < 14; i += 4) {
        float side = cv_hash(seed, i + 50) - 0.5f;
        bolt_part(c, xy[2 * i], xy[2 * i + 1], xy[2 * i] + side * (y1 - y0) * 0.7f,
                  xy[2 * i + 1] + (y1 - y0) * 0.35f, seed * 5 + i, width * 0.45f, level - 1);
    }
}

void na_bolt(struct canvas *c, float x0, float y0, float x1, float y1, uint32_t seed, float power)
{
    if (power <= 0)
        return;
    cv_glow(c, (x0 + x1) / 2, (y0 + y1) / 2, fabsf(y1 - y0), fabsf(y1 - y0), 0x8090ff,
            0.5f * power);
    bolt_part(c, x0, y0, x1, y1, seed, 13, 1);
    cv_fill_a(c, 0x9aa8ff, 0.45f * power);
    bolt_part(c, x0, y0, x1, y1, seed, 4.5f, 1);
    cv_fill_a(c, 0xffffff, fminf(power, 1));
}

void na_gull(struct canvas *c, float x, float y, float size, float flap, uint32_t colour)
{
    float lift = sinf(flap) * 0.45f, k = size;
    float wing[] = {x,
                    y,
                    x - k * 0.3f,
                    y - k * (0.35f + lift * 0.6f),
                    x - k * 0.7f,
                    y - k * (0.3f + lift),
                    x - k,
                    y - k * (0.1f + lift),
                    x - k * 0.65f,
                    y - k * (0.12f + lift * 0.8f),
                    x - k * 0.3f,
                    y - k * (0.12f + lift * 0.3f),
                    x,
                    y + k * 0.12f};
    sh_curves(c, wing, 2);
    for (int i = 0; i < 7; i++)
        wing[2 * i] = 2 * x - wing[2 * i];
    sh_curves(c, wing, 2);
    sh_ellipse(c, x + k * 0.03f, y + k * 0.03f, k * 0.2f, k * 0.09f);
    cv_fill(c, colour);
}

void na_spray(struct canvas *c, float x, float y, float size, float u, uint32_t seed, float alpha)
{
    if (u <= 0 || u >= 1)
        return;
    float fade = alpha * (1 - u) * (u < 0.08f ? u / 0.08f : 1);
    cv_spot(c, x, y - size * 0.55f * sinf(u * CV_PI), size * (0.35f + 0.4f * u),
            size * (0.5f + 0.3f * u), 0xe8f0f8, fade * 0.55f);
    for (int i = 0; i < 6; i++) { // sheets of water, tearing
        float a = (cv_hash(seed, i + 300) - 0.5f) * 1.7f,
              v = size * (0.5f + 0.9f * cv_hash(seed, i + 310));
        cv_spot(c, x + sinf(a) * v * u, y - cosf(a) * v * u * 1.6f + size * 1.6f * u * u,
                size * (0.1f + 0.16f * u), size * (0.2f + 0.12f * u), 0xf0f6fc, fade * 0.8f);
    }
    for (int i = 0; i < 90; i++) {
        float a = (cv_hash(seed, i) - 0.5f) * 2.0f,
              v = size * (0.5f + 1.4f * cv_hash(seed, i + 120));
        float px = x + sinf(a) * v * u, py = y - cosf(a) * v * u * 1.6f + size * 2.0f * u * u;
        float r = cv_hash(seed, i + 240);
        cv_dot(c, px, py, 1.2f + size * 0.014f * r * r, 0xf4f8ff, fade);
    }
}
