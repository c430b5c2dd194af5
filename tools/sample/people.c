// Puppets of cut paper: a few limbs turned about their joints. They are drawn looking right and
// mirrored to look left; far limbs first.
#include "people.h"

#include <math.h>

struct build {
    float height, hip, shoulder, head, girth;
    uint32_t coat, coat_dark, legs, boots, skin, hair;
};

static const struct build builds[] = {
    [NORA] = {135, 46, 88, 19, 25, 0xd2392f, 0x9c2630, 0x3a4468, 0xe9b23a, 0xf2c9a5, 0x4a2b20},
    [ELIAS] = {188, 78, 140, 21, 29, 0x2f4668, 0x22344f, 0x4a4f5c, 0x2c2622, 0xe6b692, 0xf1efe9},
    [MARLOW] = {190, 80, 142, 21, 31, 0x24323a, 0x18242b, 0x2b3138, 0x1c1a1a, 0xdba27c, 0xb8562a},
};

static void legs(struct canvas *c, const struct build *b, const struct pose *p)
{
    float r = b->girth * 0.27f;
    if (p->sits) {
        for (int far = 1; far >= 0; far--) {
            float s = far * 5;
            sh_limb(c, 0, -b->hip * 0.55f, r * 1.2f, b->hip * 0.5f + s, -b->hip * 0.52f, r);
            sh_limb(c, b->hip * 0.5f + s, -b->hip * 0.52f, r, b->hip * 0.52f + s, -6, r * 0.9f);
            cv_fill(c, far ? cv_mix(b->legs, 0, 0.3f) : b->legs);
            sh_limb(c, b->hip * 0.5f + s, -6, r, b->hip * 0.5f + s + r * 1.7f, -5, r * 0.8f);
            cv_fill(c, b->boots);
        }
        return;
    }
    for (int far = 1; far >= 0; far--) {
        float ph = p->walk + (far ? CV_PI : 0), swing = sinf(ph) * 0.6f * p->stride;
        float bend = fmaxf(0, cosf(ph)) * 0.9f * p->stride, half = b->hip * 0.5f;
        float hx = (far ? 1 : -1) * r * 0.6f, kx = hx + sinf(swing) * half,
              ky = -b->hip + cosf(swing) * half;
        float fx = kx + sinf(swing - bend) * half, fy = ky + cosf(swing - bend) * half - r * 0.8f;
        uint32_t leg = far ? cv_mix(b->legs, 0, 0.3f) : b->legs;
        sh_limb(c, hx, -b->hip, r * 1.15f, kx, ky, r);
        sh_limb(c, kx, ky, r, fx, fy, r * 0.85f);
        cv_fill(c, leg);
        sh_limb(c, cv_lerp(kx, fx, 0.6f), cv_lerp(ky, fy, 0.6f), r * 1.05f, fx, fy, r * 1.05f);
        sh_limb(c, fx, fy, r, fx + r * 1.5f, fy + r * 0.2f, r * 0.75f);
        cv_fill(c, far ? cv_mix(b->boots, 0, 0.25f) : b->boots);
    }
}

static void lantern(struct canvas *c, float x, float y)
{
    cv_glow(c, x, y + 14, 120, 120, 0xff9a3c, 0.45f);
    sh_round(c, x - 6, y + 4, 12, 20, 3);
    cv_fill(c, 0x30261e);
    sh_round(c, x - 4, y + 8, 8, 12, 2);
    cv_fill(c, 0xffdf90);
    sh_arc(c, x, y + 4, 5, 1.4f, -CV_PI, 0);
    cv_fill(c, 0x30261e);
}

static void arm(struct canvas *c, const struct build *b, const struct pose *p, int far)
{
    float a = far ? p->arm2 : p->arm, r = b->girth * 0.21f, half = (b->shoulder - b->hip) * 0.52f;
    float swing = p->stride * 0.7f * sinf(p->walk + (far ? 0 : CV_PI));
    float sx = far ? 4 : -2, sy = -b->shoulder + 8;
    a += swing;
    float ex = sx + sinf(a) * half, ey = sy + cosf(a) * half;
    float f = a + p->elbow + 0.2f + p->stride * 0.6f;
    float hx = ex + sinf(f) * half, hy = ey + cosf(f) * half;
    uint32_t col = far ? b->coat_dark : cv_mix(b->coat, b->coat_dark, 0.35f);
    sh_limb(c, sx, sy, r * 1.2f, ex, ey, r);
    sh_limb(c, ex, ey, r, hx, hy, r * 0.85f);
    cv_fill(c, col);
    sh_circle(c, hx + sinf(f) * 3, hy + cosf(f) * 3, r * 0.8f);
    cv_fill(c, b->skin);
    if (p->lantern && !far)
        lantern(c, hx + sinf(f) * 3, hy + cosf(f) * 3);
}

static void coat(struct canvas *c, const struct build *b, const struct pose *p)
{
    float g = b->girth, top = -b->shoulder, hem = p->sits ? -b->hip * 0.42f : -b->hip * 0.62f;
    float sway = p->stride * 4 * sinf(p->walk * 2);
    float xy[] = {-g * 0.42f,        top, -g * 0.9f, top + 8,  -g * 0.75f, hem - 30,
                  -g * 0.95f - sway, hem, -g * 0.3f, hem + 5,  g * 0.3f,   hem + 5,
                  g * 0.95f - sway,  hem, g * 0.75f, hem - 30, g * 0.8f,   top + 8,
                  g * 0.42f,         top, g * 0.2f,  top - 5,  -g * 0.2f,  top - 5,
                  -g * 0.42f,        top};
    sh_curves(c, xy, 4);
    cv_fill_h(c, -g, b->coat_dark, g * 0.8f, b->coat);
}

static void nora_head(struct canvas *c, const struct build *b, const struct pose *p)
{
    float r = b->head;
    sh_limb(c, -r * 0.75f, 2, 6, -r * 1.0f, r * 1.7f, 4); // the plait
    sh_ellipse(c, -2, 1, r * 1.05f, r * 1.06f);
    cv_fill(c, b->hair);
    sh_ellipse(c, r * 0.18f, 2, r * 0.82f, r * 0.86f);
    cv_fill(c, b->skin);
    sh_circle(c, r * 0.98f, r * 0.18f, r * 0.13f);
    cv_fill(c, b->skin);
    float hat[] = {-r * 1.12f, -r * 0.28f, -r * 1.2f,  -r * 1.6f, r * 1.1f,
                   -r * 1.7f,  r * 1.12f,  -r * 0.3f,  r * 0.4f,  -r * 0.45f,
                   -r * 0.4f,  -r * 0.4f,  -r * 1.12f, -r * 0.28f};
    sh_curves(c, hat, 2);
    cv_fill_v(c, -r * 1.4f, 0xf2c050, -r * 0.3f, 0xd99a2b);
    sh_round(c, -r * 1.18f, -r * 0.5f, r * 2.36f, r * 0.42f, r * 0.2f);
    cv_fill(c, 0xc98a22);
    sh_circle(c, -r * 0.1f, -r * 1.42f, r * 0.32f);
    cv_fill(c, 0xfbe6b0);
    sh_limb(c, -r * 0.8f, r * 1.0f, 7, r * 0.7f, r * 1.02f, 7); // scarf
    sh_limb(c, -r * 0.7f, r * 1.0f, 5, -r * 1.7f - 6 * p->stride, r * (1.7f - 0.7f * p->stride), 4);
    cv_fill(c, 0x3f8f94);
}

static void elias_head(struct canvas *c, const struct build *b)
{
    float r = b->head;
    sh_ellipse(c, 1, 0, r * 0.92f, r);
    sh_circle(c, r * 0.98f, r * 0.12f, r * 0.2f);
    cv_fill(c, b->skin);
    float beard[] = {-r * 0.8f, -r * 0.1f, -r * 0.7f, r * 1.3f,  r * 0.2f,  r * 2.1f, r * 0.75f,
                     r * 1.35f, r * 1.1f,  r * 0.9f,  r * 0.95f, r * 0.4f,  r * 0.8f, r * 0.35f,
                     r * 0.2f,  r * 0.3f,  -r * 0.1f, r * 0.3f,  -r * 0.8f, -r * 0.1f};
    sh_curves(c, beard, 3);
    cv_fill(c, b->hair);
    float cap[] = {-r * 1.05f, -r * 0.3f, -r * 1.2f,  -r * 1.25f, r * 0.9f,  -r * 1.5f,  r * 1.0f,
                   -r * 0.45f, r * 0.3f,  -r * 0.55f, -r * 0.4f,  -r * 0.5f, -r * 1.05f, -r * 0.3f};
    sh_curves(c, cap, 2);
    sh_limb(c, r * 0.6f, -r * 0.42f, 3, r * 1.4f, -r * 0.3f, 2.5f);
    cv_fill(c, 0x1d2a44);
}

static void marlow_head(struct canvas *c, const struct build *b)
{
    float r = b->head;
    sh_ellipse(c, -1, 0, r * 0.95f, r);
    cv_fill(c, b->hair);
    sh_ellipse(c, r * 0.15f, r * 0.08f, r * 0.85f, r * 0.98f);
    sh_circle(c, r * 1.02f, r * 0.1f, r * 0.19f);
    cv_fill(c, b->skin);
    sh_limb(c, r * 0.35f, r * 0.42f, 3, r * 1.02f, r * 0.46f, 4);
    cv_fill(c, b->hair);
    float cap[] = {-r * 1.1f, -r * 0.42f, -r * 1.6f, -r * 1.4f, r * 1.5f,   -r * 1.6f, r * 1.05f,
                   -r * 0.5f, r * 0.4f,   -r * 0.6f, -r * 0.4f, -r * 0.55f, -r * 1.1f, -r * 0.42f};
    sh_curves(c, cap, 2);
    cv_fill(c, 0xf1f1ec);
    sh_limb(c, -r, -r * 0.45f, 3, r * 0.95f, -r * 0.5f, 3);
    sh_limb(c, r * 0.6f, -r * 0.42f, 3, r * 1.35f, -r * 0.28f, 2.5f);
    cv_fill(c, 0x14181c);
}

static void pip_figure(struct canvas *c, const struct pose *p)
{
    float step = sinf(p->walk) * 5 * p->stride, hop = fabsf(cosf(p->walk)) * 3 * p->stride;
    cv_move(c, 0, -hop);
    for (int i = 0; i < 2; i++) {
        float x = i ? 9 : -9, s = i ? step : -step;
        sh_limb(c, x, -16, 4, x + s, -4, 4);
        cv_fill(c, 0x4c5a60);
        sh_round(c, x + s - 8, -7, 18, 8 + hop, 4);
        cv_fill(c, 0x39464b);
    }
    sh_limb(c, -17, -38, 3.5f, -22 - step * 0.5f, -20, 3.5f);
    cv_fill(c, 0x4c5a60);
    sh_round(c, -20, -48, 40, 34, 10); // body: an old wireless
    cv_fill_h(c, -20, 0x9c5b34, 20, 0xd98a4e);
    for (int i = 0; i < 4; i++)
        sh_round(c, -13, -26 + i * -0.01f - 3.6f * i, 26, 1.6f, 0.8f);
    cv_fill_a(c, 0x5a2f1c, 0.7f);
    float a = p->arm + 0.3f;
    sh_limb(c, 17, -40, 3.5f, 17 + sinf(a) * 20, -40 + cosf(a) * 20, 3.5f);
    sh_circle(c, 17 + sinf(a) * 22, -40 + cosf(a) * 22, 4.5f);
    cv_fill(c, 0x6b7a80);
    cv_move(c, 0, p->glow > 0.05f ? 0 : 4); // a robot without power lets its head hang
    sh_line(c, -8, -66, -12, -84, 2);
    cv_fill(c, 0x59666c);
    sh_circle(c, -12, -85, 3);
    cv_fill(c, cv_mix(0x502020, 0xff5040, p->glow));
    float dome[] = {-19, -48, -20, -78, 20, -78, 19, -48, 8, -46, -8, -46, -19, -48};
    sh_curves(c, dome, 2);
    cv_fill_h(c, -20, 0x6d8a8e, 20, 0xb7d0d0);
    sh_circle(c, 6, -58, 8.5f);
    cv_fill(c, 0x18282c);
    sh_circle(c, 7, -58, 5.5f);
    cv_fill(c, cv_mix(0x1e3438, 0x8ff4ff, p->glow));
    if (p->glow > 0.05f) {
        cv_glow(c, 7, -58, 34, 34, 0x40c8e0, 0.55f * p->glow);
        cv_dot(c, 9, -60, 1.6f, 0xffffff, p->glow);
    }
}

void pe_figure(struct canvas *c, enum who who, float x, float y, float scale, const struct pose *p)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    if (p->left)
        cv_zoom(c, -1, 1);
    cv_turn(c, p->lean);
    if (who == PIP) {
        pip_figure(c, p);
        cv_pop(c);
        return;
    }
    const struct build *b = &builds[who];
    if (p->sits)
        cv_move(c, 0, b->hip * 0.02f);
    else
        cv_move(c, 0, -fabsf(cosf(p->walk)) * 4 * p->stride);
    float sink = p->sits ? b->hip * 0.45f : 0;
    cv_move(c, 0, sink);
    arm(c, b, p, 1);
    cv_move(c, 0, -sink);
    legs(c, b, p);
    cv_push(c);
    cv_move(c, 0, sink);
    coat(c, b, p);
    if (who == MARLOW)
        for (int i = 0; i < 3; i++)
            cv_dot(c, b->girth * 0.3f, -b->shoulder + 16 + i * 16, 2.2f, 0xe6c25a, 1);
    cv_push(c);
    cv_move(c, 2, -b->shoulder - b->head * 0.8f);
    cv_turn(c, p->nod + (p->sad ? 0.22f : 0) - p->mouth * 0.05f);
    if (who == NORA)
        nora_head(c, b, p);
    else if (who == ELIAS)
        elias_head(c, b);
    else
        marlow_head(c, b);
    float r = b->head; // the eye, and the mouth while speaking
    cv_dot(c, r * 0.55f, -r * 0.02f, r * 0.11f, 0x2a1c18, 1);
    if (p->mouth > 0.1f && who == NORA) {
        sh_ellipse(c, r * 0.62f, r * 0.48f, r * 0.16f, r * 0.05f + r * 0.16f * p->mouth);
        cv_fill(c, 0x7a2a26);
    }
    cv_pop(c);
    arm(c, b, p, 0);
    cv_pop(c);
    cv_pop(c);
}

void pe_stranger(struct canvas *c, float x, float y, float scale, uint32_t seed, float wave)
{
    static const uint32_t coats[] = {0x5c6f8a, 0x8a5c4a, 0x6a7a4c, 0x7a4f7c,
                                     0x3f6f72, 0xa07a3a, 0x584a78};
    static const uint32_t hats[] = {0x39465a, 0xb04a3c, 0xe0d3b0, 0x3c5a4a, 0x8a6a9a};
    uint32_t coat_colour = coats[(int)(cv_hash(seed, 1) * 6.99f)];
    float h = 150 + 40 * cv_hash(seed, 2), r = 19;
    cv_push(c);
    cv_at(c, x, y, scale);
    for (int i = -1; i < 2; i += 2)
        sh_limb(c, i * 8.0f, -60, 8, i * 9.0f, -4, 7);
    cv_fill(c, 0x2c2c34);
    float a = 2.5f + 0.4f * sinf(wave * 5 + seed * 2.0f);
    if (wave > 0 && seed % 3 != 1) {
        sh_limb(c, 12, -h + 48, 7, 12 + sinf(a) * 48, -h + 48 + cosf(a) * 48, 6);
        cv_fill(c, cv_mix(coat_colour, 0, 0.15f));
    }
    float xy[] = {-12, -h + 34, -30, -h + 40, -24, -60,     -28, -38,    -10,
                  -34, 10,      -34, 28,      -38, 24,      -60, 28,     -h + 40,
                  12,  -h + 34, 4,   -h + 30, -4,  -h + 30, -12, -h + 34};
    sh_curves(c, xy, 4);
    cv_fill_h(c, -30, cv_mix(coat_colour, 0, 0.3f), 30, coat_colour);
    sh_circle(c, 0, -h + 18, r);
    cv_fill(c, cv_mix(0xf0c8a4, 0x8a5a3c, cv_hash(seed, 3)));
    uint32_t hat = hats[(int)(cv_hash(seed, 4) * 4.99f)];
    float cap[] = {-r * 1.1f, -h + 14,  -r * 1.2f, -h - 16,   r * 1.2f, -h - 16,   r * 1.1f,
                   -h + 14,   r * 0.5f, -h + 8,    -r * 0.5f, -h + 8,   -r * 1.1f, -h + 14};
    sh_curves(c, cap, 2);
    cv_fill(c, hat);
    cv_dot(c, -6, -h + 20, 2, 0x2a1c18, 1);
    cv_dot(c, 7, -h + 20, 2, 0x2a1c18, 1);
    cv_pop(c);
}
