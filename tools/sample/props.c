// Outdoor things: buildings, the train, everything that floats.
#include "props.h"

#include "nature.h"

#include <math.h>
#include <stddef.h>

static void window_pane(struct canvas *c, float x, float y, float w, float h, float lit)
{
    if (lit > 0.02f)
        cv_glow(c, x + w / 2, y + h / 2, w * 2.6f, h * 2.6f, 0xff9c40, 0.28f * lit);
    sh_round(c, x, y, w, h, w * 0.12f);
    cv_push(c); // lamplight does not darken with the evening
    if (lit > 0.3f)
        c->s.light[0] = c->s.light[1] = c->s.light[2] = 1;
    cv_fill_v(c, y, cv_mix(0x50647a, 0xffe9a8, lit), y + h, cv_mix(0x3a4a60, 0xffb755, lit));
    cv_pop(c);
    sh_line(c, x + w / 2, y, x + w / 2, y + h, w * 0.09f);
    sh_line(c, x, y + h * 0.45f, x + w, y + h * 0.45f, w * 0.09f);
    cv_fill(c, 0x4a3a34);
}

static void tower_at(float y, float *ret_half)
{
    *ret_half = cv_lerp(50, 30, cv_clamp(-y / 300, 0, 1));
}

static void band(struct canvas *c, float y0, float y1, uint32_t dark, uint32_t light)
{
    float a, b;
    tower_at(y0, &a);
    tower_at(y1, &b);
    float xy[] = {-a, y0, -b, y1, b, y1, a, y0};
    sh_poly(c, xy, 4);
    cv_fill_h(c, -46, dark, 24, light);
}

static void cottage(struct canvas *c, float windows)
{
    sh_rect(c, -172, -62, 134, 64);
    cv_fill_h(c, -172, 0xb9bcc6, -38, 0xe8e4dc);
    float roof[] = {-184, -58, -158, -104, -54, -104, -30, -58};
    sh_poly(c, roof, 4);
    cv_fill_v(c, -104, 0xb4483c, -58, 0x8a3434);
    sh_rect(c, -84, -124, 16, 32);
    cv_fill(c, 0x8c6a60);
    window_pane(c, -158, -46, 24, 26, windows);
    window_pane(c, -116, -46, 24, 26, windows);
    sh_round(c, -76, -44, 22, 46, 5);
    cv_fill(c, 0x54423c);
}

void pr_lighthouse(struct canvas *c, float x, float y, float scale, float lit, float windows)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    cottage(c, windows);
    band(c, 4, -300, 0xb0b6c6, 0xf6f3ea);
    band(c, -60, -122, 0x8c2b30, 0xd6493f);
    band(c, -188, -250, 0x8c2b30, 0xd6493f);
    sh_round(c, -14, -44, 28, 48, 12);
    cv_fill(c, 0x4a3832);
    for (int i = 0; i < 3; i++)
        window_pane(c, -7 + 3.0f * i, -100 - 62.0f * i, 13, 20, windows);
    float g[] = {-32, -296, 32, -296, 48, -312, -48, -312}; // the gallery
    sh_poly(c, g, 4);
    cv_fill_h(c, -40, 0x2c3340, 40, 0x59657a);
    for (int i = -4; i <= 4; i++)
        sh_line(c, i * 11.5f, -312, i * 11.5f, -330, 1.6f);
    sh_line(c, -47, -330, 47, -330, 2);
    sh_line(c, -47, -321, 47, -321, 1.2f);
    cv_fill(c, 0x2c3340);
    sh_rect(c, -23, -348, 46, 38);
    cv_push(c);
    if (lit > 0.2f)
        c->s.light[0] = c->s.light[1] = c->s.light[2] = 1;
    cv_fill_v(c, -348, cv_mix(0x44586c, 0xfff2c0, lit), -310, cv_mix(0x6a8090, 0xffd070, lit));
    cv_pop(c);
    for (int i = -2; i <= 2; i++)
        sh_line(c, i * 11.5f, -348, i * 11.5f, -310, 1.5f);
    cv_fill(c, 0x2c3340);
    float dome[] = {-29, -346, -24, -386, 24, -386, 29, -346, 10, -342, -10, -342, -29, -346};
    sh_curves(c, dome, 2);
    cv_fill_h(c, -30, 0x7a2228, 20, 0xc44238);
    sh_line(c, 0, -376, 0, -398, 2.4f);
    sh_circle(c, 0, -380, 5);
    cv_fill(c, 0x2c3340);
    if (lit > 0.02f)
        cv_glow(c, 0, -PR_LAMP_HEIGHT, 170, 170, 0xffd070, 0.75f * lit);
    cv_pop(c);
}

void pr_beam(struct canvas *c, float x, float y, float scale, float angle, float power)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    for (int i = 0; i < 2; i++) {
        float a = angle + i * CV_PI, along = cosf(a), near = sinf(a);
        float len = 1900 * along, wide = 46 + 150 * fabsf(along) + 90 * fmaxf(near, 0),
              dip = near * 40;
        float p = power * (0.35f + 0.35f * fabsf(along) + 0.3f * fmaxf(near, 0));
        if (fabsf(along) > 0.04f) {
            for (int k = 0; k < 2; k++) {
                float w = k ? wide * 0.5f : wide;
                float xy[] = {0, -5, len, dip - w, len, dip + w, 0, 5};
                sh_poly(c, xy, 4);
                cv_fill_paint(c, &(struct cv_paint){CV_HORIZONTAL, 0xffe6a0, 0xffd890, 0.34f * p, 0,
                                                    0, len, 1});
            }
        }
        if (near > 0.55f) { // it looks at us
            float f = (near - 0.55f) / 0.45f;
            cv_glow(c, 0, 0, 240 + 420 * f * f, 240 + 420 * f * f, 0xffe9b4, power * f * f * 0.9f);
            cv_glow(c, 0, 0, 1100 * f, 26, 0xfff0c8, power * f * f * 0.7f);
        }
    }
    cv_glow(c, 0, 0, 70, 70, 0xfff4d4, power);
    cv_pop(c);
}

void pr_house(struct canvas *c, float x, float y, float scale, uint32_t seed, float lit, int snow)
{
    static const uint32_t walls[] = {0xe8d9bd, 0xd98e66, 0xb7c7cf, 0xe6c477,
                                     0xc96a5a, 0x9fb68a, 0xefe6d8};
    static const uint32_t roofs[] = {0x7a3b36, 0x52485a, 0x8c5240, 0x4a5664};
    float w = 84 + 50 * cv_hash(seed, 1), h = 70 + 60 * cv_hash(seed, 2),
          rise = 42 + 24 * cv_hash(seed, 3);
    uint32_t wall = walls[(int)(cv_hash(seed, 4) * 6.99f)],
             roof = roofs[(int)(cv_hash(seed, 5) * 3.99f)];
    cv_push(c);
    cv_at(c, x, y, scale);
    sh_rect(c, w * 0.18f, -h - rise - 14, 15, rise);
    cv_fill(c, cv_mix(roof, 0x806860, 0.5f));
    sh_rect(c, -w / 2, -h, w, h + 30);
    cv_fill_h(c, -w / 2, cv_mix(wall, 0x303850, 0.3f), w / 2, wall);
    float gable[] = {-w * 0.57f, -h + 4, 0, -h - rise, w * 0.57f, -h + 4};
    sh_poly(c, gable, 3);
    cv_fill_v(c, -h - rise, roof, -h, cv_mix(roof, 0, 0.25f));
    if (snow) {
        float cap[] = {-w * 0.6f,  -h + 6,
                       0,          -h - rise - 9,
                       w * 0.6f,   -h + 6,
                       w * 0.52f,  -h - 4,
                       w * 0.3f,   -h - rise * 0.34f,
                       w * 0.12f,  -h - rise * 0.62f,
                       0,          -h - rise * 0.7f,
                       -w * 0.16f, -h - rise * 0.5f,
                       -w * 0.34f, -h - rise * 0.34f,
                       -w * 0.5f,  -h - 2};
        sh_poly(c, cap, 10);
        cv_fill(c, 0xf2f6fc);
    }
    int rows = h > 100 ? 2 : 1;
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < 2; i++) {
            float on = cv_hash(seed, 10 + r * 2 + i) < 0.75f ? lit : lit * 0.05f;
            window_pane(c, -w * 0.34f + i * w * 0.42f, -h + 18 + r * 46, 20, 25, on);
        }
    sh_round(c, -8, -34, 18, 36, 3);
    cv_fill(c, cv_mix(roof, 0x201818, 0.4f));
    cv_pop(c);
}

void pr_village(struct canvas *c, float x0, float x1, float y, float scale, uint32_t seed,
                float lit, int snow)
{
    float step = 104 * scale;
    for (int row = 2; row >= 0; row--)
        for (int i = 0; x0 + i * step < x1; i++) {
            uint32_t s = seed * 97 + row * 31 + i;
            if (row && cv_hash(s, 30) < 0.3f)
                continue;
            float k = scale * (1 - 0.12f * row);
            pr_house(c, x0 + (i + 0.5f * (row & 1)) * step,
                     y - row * 62 * scale - 12 * cv_hash(s, 31), k, s, lit, snow);
        }
}

void pr_rowboat(struct canvas *c, float x, float y, float scale, float tilt, float oar)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    cv_turn(c, tilt);
    float hull[] = {-124, -34, -90, 20, 70, 22, 132, -42, 70, -18, -60, -14, -124, -34};
    sh_curves(c, hull, 2);
    cv_fill_v(c, -36, 0xa8683c, 16, 0x5e3a28);
    float rim[] = {-126, -36, -70, -14, 60, -16, 134, -44};
    sh_stroke(c, rim, 4, 6);
    cv_fill(c, 0xd8a468);
    float a = sinf(oar) * 0.5f, b = cosf(oar) * 0.35f;
    cv_push(c);
    cv_move(c, -6, -24);
    cv_turn(c, 0.9f + a);
    sh_line(c, -46, 0, 96, 0, 5);
    sh_ellipse(c, 108, 0, 24, 7 + 3 * b);
    cv_fill(c, 0xc89a60);
    cv_pop(c);
    cv_pop(c);
}

void pr_fishing_boat(struct canvas *c, float x, float y, float scale, float tilt,
                     uint32_t hull_colour)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    cv_turn(c, tilt);
    sh_line(c, 10, -40, 10, -190, 5);
    sh_line(c, 10, -180, -86, -48, 2);
    sh_line(c, 10, -180, 120, -56, 2);
    cv_fill(c, 0x4a3a30);
    sh_round(c, -60, -92, 56, 62, 6);
    cv_fill_h(c, -60, 0xb8b4aa, -4, 0xf0ece2);
    sh_rect(c, -66, -98, 68, 9);
    cv_fill(c, cv_mix(hull_colour, 0, 0.3f));
    window_pane(c, -50, -80, 18, 20, 0);
    window_pane(c, -28, -80, 18, 20, 0);
    float hull[] = {-112, -44, -104, 24, 90, 26, 138, -62, 60, -30, -40, -34, -112, -44};
    sh_curves(c, hull, 2);
    cv_fill_v(c, -50, hull_colour, 14, cv_mix(hull_colour, 0, 0.45f));
    float rim[] = {-112, -46, -40, -36, 60, -34, 138, -64};
    sh_stroke(c, rim, 4, 5);
    cv_fill(c, 0xf0e8d8);
    cv_pop(c);
}

void pr_sailing_ship(struct canvas *c, float x, float y, float scale, float tilt, float sails)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    cv_turn(c, tilt);
    static const float mast_x[] = {-120, 0, 115};
    for (int m = 0; m < 3; m++) {
        float h = m == 1 ? 400 : 345;
        sh_line(c, mast_x[m], -30, mast_x[m], -h, 6);
        sh_line(c, mast_x[m], -h, mast_x[m] - 60, -50, 1.4f);
        sh_line(c, mast_x[m], -h, mast_x[m] + 60, -50, 1.4f);
    }
    sh_line(c, 190, -60, 300, -130, 5);
    sh_line(c, 300, -130, 115, -330, 1.4f);
    cv_fill(c, 0x3a2a20);
    for (int m = 0; m < 3; m++)
        for (int k = 0; k < 3; k++) {
            float h = (m == 1 ? 400 : 345), w = 62 - 13 * k, y0 = -h * (0.36f + 0.22f * k),
                  y1 = y0 - h * 0.185f;
            float belly = 26 * sails, mx = mast_x[m];
            float sail[] = {mx - w,
                            y0,
                            mx - w + belly,
                            (y0 + y1) / 2,
                            mx - w * 0.6f + belly,
                            y1,
                            mx - w * 0.78f,
                            y1,
                            mx - w * 0.3f,
                            y1,
                            mx + w * 0.3f,
                            y1,
                            mx + w * 0.78f,
                            y1,
                            mx + w + belly,
                            y1 * 0.6f + y0 * 0.4f,
                            mx + w + belly,
                            y0 - 14,
                            mx + w,
                            y0,
                            mx + w * 0.4f,
                            y0 + 6,
                            mx - w * 0.4f,
                            y0 + 6,
                            mx - w,
                            y0};
            sh_curves(c, sail, 4);
            cv_fill_h(c, mx - w, 0xb9ad98, mx + w, 0xf2ead6);
        }
    float hull[] = {-215, -80, -200, 30, 130, 34, 225, -66, 120, -36, -100, -30, -215, -80};
    sh_curves(c, hull, 2);
    cv_fill_v(c, -70, 0x6a4a34, 20, 0x2c1e18);
    float rim[] = {-214, -80, -100, -44, 110, -44, 225, -68};
    sh_stroke(c, rim, 4, 6);
    cv_fill(c, 0xc8a468);
    for (int i = 0; i < 7; i++)
        cv_dot(c, -130 + i * 40.0f, -14, 6, 0xe8b860, 0.9f);
    cv_pop(c);
}

void pr_ferry(struct canvas *c, float x, float y, float scale, float tilt, float lit, float t)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    cv_turn(c, tilt);
    na_smoke(c, -64, -196, t, 52, 0x4a4c58, 0.45f);
    float funnel[] = {-92, -140, -84, -204, -44, -204, -40, -140};
    sh_poly(c, funnel, 4);
    cv_fill_h(c, -92, 0x962f2c, -40, 0xde5440);
    sh_rect(c, -86, -204, 43, 14);
    cv_fill(c, 0x22262c);
    sh_round(c, -170, -146, 300, 60, 6);
    cv_fill_h(c, -170, 0xb4bac6, 130, 0xf8f6ee);
    sh_round(c, 40, -196, 84, 56, 8);
    cv_fill_h(c, 40, 0xc0c6d0, 124, 0xfcfaf2);
    sh_rect(c, 34, -200, 98, 8);
    cv_fill(c, 0x2b3848);
    sh_rect(c, -200, -92, 386, 52);
    cv_fill_h(c, -200, 0xaab2c0, 186, 0xf0eee6);
    float hull[] = {-226, -52, -214, 34, 150, 40, 236, -70, 150, -44, -120, -44, -226, -52};
    sh_curves(c, hull, 2);
    cv_fill_v(c, -50, 0x2a4a78, 24, 0x14243c);
    float stripe[] = {-222, -46, -120, -36, 140, -36, 230, -62};
    sh_stroke(c, stripe, 4, 6);
    cv_fill(c, 0xe24c3c);
    for (int i = 0; i < 9; i++)
        window_pane(c, -184 + i * 40.0f, -80, 22, 24, lit);
    for (int i = 0; i < 6; i++)
        window_pane(c, -156 + i * 46.0f, -132, 26, 26, lit);
    for (int i = 0; i < 3; i++)
        window_pane(c, 56 + i * 24.0f, -184, 19, 24, lit * 0.7f);
    sh_line(c, 86, -200, 86, -262, 4);
    sh_line(c, 70, -240, 102, -240, 2.5f);
    sh_line(c, 86, -258, 214, -70, 1.2f);
    sh_line(c, 86, -258, -140, -146, 1.2f);
    cv_fill(c, 0x39424e);
    if (lit > 0.02f) {
        cv_glow(c, 86, -262, 50, 50, 0xffffff, 0.7f * lit);
        cv_glow(c, 218, -78, 44, 44, 0x40ff70, 0.7f * lit);
    }
    cv_pop(c);
}

void pr_train(struct canvas *c, float x, float y, float scale, float t, int coaches, float lit)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    for (int i = 0; i < coaches; i++) {
        float cx = -150 - i * 244.0f;
        sh_rect(c, cx - 16, -34, 20, 8);
        cv_fill(c, 0x1c1e24);
        sh_round(c, cx - 236, -104, 224, 82, 10);
        cv_fill_v(c, -104, 0x9c3030, -22, 0x5c1c24);
        sh_round(c, cx - 240, -112, 232, 14, 7);
        cv_fill(c, 0x3a3440);
        for (int k = 0; k < 5; k++)
            window_pane(c, cx - 220 + k * 42.0f, -88, 28, 32, lit);
        sh_rect(c, cx - 236, -44, 224, 4);
        cv_fill(c, 0xe6c25a);
        for (int k = 0; k < 4; k++)
            sh_circle(c, cx - 206 + (k % 2) * 36.0f + (k / 2) * 126.0f, -14, 14);
        cv_fill(c, 0x16181c);
    }
    sh_round(c, -140, -96, 190, 66, 30); // the engine
    cv_fill_v(c, -96, 0x3c6a58, -34, 0x18302a);
    sh_round(c, -152, -126, 74, 98, 6);
    cv_fill_h(c, -152, 0x1c3a32, -78, 0x356254);
    sh_rect(c, -160, -134, 92, 11);
    cv_fill(c, 0x17241f);
    window_pane(c, -136, -112, 36, 34, lit);
    sh_rect(c, 6, -142, 26, 54);
    sh_rect(c, 0, -148, 38, 10);
    sh_round(c, -52, -114, 30, 26, 12);
    cv_fill(c, 0x17241f);
    sh_rect(c, -150, -36, 214, 14);
    cv_fill(c, 0xa83a30);
    for (int k = 0; k < 4; k++)
        sh_circle(c, -124 + k * 48.0f, -18, 20);
    cv_fill(c, 0x14181a);
    for (int k = 0; k < 4; k++) {
        float wx = -124 + k * 48.0f;
        for (int s = 0; s < 3; s++) {
            float a = t * 9 + s * CV_PI / 3;
            sh_line(c, wx - 14 * cosf(a), -18 - 14 * sinf(a), wx + 14 * cosf(a), -18 + 14 * sinf(a),
                    2.4f);
        }
    }
    cv_fill(c, 0xa83a30);
    sh_line(c, -124 + 10 * cosf(t * 9), -18 + 10 * sinf(t * 9), 20 + 10 * cosf(t * 9),
            -18 + 10 * sinf(t * 9), 5);
    cv_fill(c, 0xb8bcc0);
    sh_circle(c, 52, -64, 9);
    cv_fill(c, 0xfff0b8);
    cv_glow(c, 58, -64, 120, 90, 0xffd98a, 0.25f + 0.6f * lit);
    for (int i = 0; i < 10; i++) { // steam, left behind
        float u = t * 0.55f + i / 10.0f;
        u -= floorf(u);
        float r = 22 + 76 * u;
        cv_spot(c, 18 - 420 * u, -160 - 120 * u - 14 * sinf(i * 2.1f), r * 1.2f, r, 0xf4f2f0,
                0.75f * (1 - u));
    }
    cv_pop(c);
}

void pr_viaduct(struct canvas *c, float y, float depth, float arch, uint32_t light, uint32_t dark)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    int first = (int)floorf(x0 / arch) - 1, last = (int)(x1 / arch) + 1;
    for (int i = first; i <= last; i++) {
        float x = i * arch, p = arch * 0.13f, r = arch / 2 - p, spring = y + 26 + r;
        float pier[] = {x - p,         spring,    x + p,         spring,
                        x + p * 1.35f, y + depth, x - p * 1.35f, y + depth};
        sh_poly(c, pier, 4);
        for (int s = -1; s < 2; s += 2) { // the two quarters of the arch that spring from this pier
            cv_to(c, x + s * p, spring);
            for (int k = 0; k <= 10; k++) {
                float a = k * CV_PI / 20;
                cv_to(c, x + s * (arch / 2 - r * cosf(a)), spring - r * sinf(a));
            }
            cv_to(c, x + s * arch / 2, y + 12);
            cv_to(c, x - s * 0.5f, y + 12);
            cv_to(c, x - s * 0.5f, spring);
            cv_close(c);
        }
        cv_fill_v(c, y, light, y + depth, dark);
    }
    sh_rect(c, x0 - 10, y, x1 - x0 + 20, 16);
    cv_fill(c, cv_mix(light, dark, 0.3f));
    sh_rect(c, x0 - 10, y - 4, x1 - x0 + 20, 5);
    cv_fill(c, cv_mix(light, 0xffffff, 0.3f));
}
