// Faces for close-ups: a few curves each, with the features shifted sideways to turn the head.
// Lighting comes from the canvas; the skin runs from a lit to a shaded side.
#include "people.h"

#include <math.h>
#include <stdlib.h>

static void oval(struct canvas *c, float x, float y, float rx, float ry, float turn)
{
    cv_push(c);
    cv_move(c, x, y);
    cv_turn(c, turn);
    sh_ellipse(c, 0, 0, rx, ry);
    cv_pop(c);
}

float pe_blink(float t, uint32_t seed)
{
    float k = t / 3.1f + cv_hash(seed, 5), u = (k - floorf(k)) * 3.1f;
    return u < 0.16f ? sinf(u / 0.16f * CV_PI) : 0;
}

static void shoulders(struct canvas *c, uint32_t colour, uint32_t dark, float half)
{
    float xy[] = {-half,       520,          -half * 1.02f, 230,   -half * 0.8f, 190, -60,
                  120,         -20,          140,           20,    140,          60,  120,
                  half * 0.8f, 190,          half * 1.02f,  230,   half,         520, half * 0.4f,
                  530,         -half * 0.4f, 530,           -half, 520};
    sh_curves(c, xy, 4);
    cv_fill_h(c, -half, dark, half * 0.7f, colour);
}

static void eyes(struct canvas *c, const struct face *f, float y, float gap, float rx, float ry,
                 uint32_t iris)
{
    for (int i = -1; i < 2; i += 2) {
        float x = i * gap + f->turn * 22, squeeze = 1 - 0.18f * fabsf(f->turn) * (i * f->turn > 0);
        float open = 1 - f->blink;
        if (open < 0.25f) {
            sh_arc(c, x, y - 4, rx * 1.1f, 5, 0.3f, CV_PI - 0.3f);
            cv_fill(c, 0x3a2418);
            continue;
        }
        sh_ellipse(c, x, y, rx * 1.55f * squeeze, ry * 1.18f * open);
        cv_fill(c, 0xfffaf2);
        float px = x + f->turn * rx * 0.45f;
        sh_ellipse(c, px, y + 1, rx * squeeze, ry * fminf(1, open));
        cv_fill(c, iris);
        sh_ellipse(c, px, y + 1, rx * 0.55f * squeeze, ry * 0.55f * open);
        cv_fill(c, 0x150e0c);
        cv_dot(c, px + rx * 0.35f, y - ry * 0.4f, rx * 0.3f, 0xffffff, 1);
        sh_arc(c, x, y + ry * 0.35f, ry * 1.7f, 5, -CV_PI + 0.75f, -0.75f); // upper lid
        cv_fill(c, 0x3a2418);
    }
}

static void brows(struct canvas *c, const struct face *f, float y, float gap, float len,
                  float thick, uint32_t colour)
{
    for (int i = -1; i < 2; i += 2) {
        float x = i * gap + f->turn * 22, lift = -f->brow * 9;
        float inner = f->brow < 0 ? f->brow * 12 : 0; // worried brows rise in the middle
        float dy_in = lift * 0.3f + inner, dy_out = lift - inner * 0.6f;
        sh_limb(c, x - i * len * 0.5f, y + dy_in, thick, x + i * len * 0.5f, y + dy_out + 3,
                thick * 0.7f);
    }
    cv_fill(c, colour);
}

static void mouth(struct canvas *c, const struct face *f, float y, float w)
{
    float x = f->turn * 20, s = f->smile;
    w *= 1 + 0.25f * fmaxf(s, 0);
    if (f->mouth > 0.07f) {
        float h = 5 + 24 * f->mouth;
        float xy[] = {x - w,         y - s * 5,     x - w * 0.5f, y - h * 0.35f, x + w * 0.5f,
                      y - h * 0.35f, x + w,         y - s * 5,    x + w * 0.6f,  y + h * 1.25f,
                      x - w * 0.6f,  y + h * 1.25f, x - w,        y - s * 5};
        sh_curves(c, xy, 2);
        cv_fill(c, 0x6e2222);
        sh_ellipse(c, x, y + h * 0.72f, w * 0.5f, h * 0.3f);
        cv_fill(c, 0xd4716a);
        return;
    }
    float bend = s * 15;
    float xy[] = {x - w,        y - bend * 0.5f, x - w * 0.5f, y + bend * 0.4f, x, y + bend * 0.6f,
                  x + w * 0.5f, y + bend * 0.4f, x + w,        y - bend * 0.5f};
    sh_stroke(c, xy, 5, 6);
    cv_fill(c, 0x8a3c34);
}

static void drops(struct canvas *c, const struct face *f, uint32_t seed)
{
    for (int i = 0; i < 14 && f->wet > 0; i++) {
        float x = (cv_hash(seed, i) - 0.5f) * 150, y = (cv_hash(seed, i + 30) - 0.35f) * 170;
        sh_limb(c, x, y, 3.6f, x - 1, y - 12, 1);
    }
    if (f->wet > 0)
        cv_fill_a(c, 0xe4f2ff, 0.75f * f->wet);
}

static void nora(struct canvas *c, const struct face *f)
{
    const uint32_t hair = 0x4a2b20, skin = 0xf6cfac, shade = 0xdfa27c;
    float t = f->turn * 10;
    shoulders(c, 0xd2392f, 0x9c2630, 210);
    for (int i = 0; i < 6; i++) {
        oval(c, -88 - 3 * i, 84 + 34 * i, 26 - 2.2f * i, 24, 0.5f * (i & 1 ? 1 : -1));
        cv_fill(c, i & 1 ? 0x5a3628 : hair);
    }
    sh_ellipse(c, -t, 6, 108, 116);
    cv_fill(c, hair);
    float scarf[] = {-112, 108, -80, 84,  80,   84,  112,  108, 126,  150,
                     100,  178, 0,   178, -100, 178, -126, 150, -112, 108};
    sh_curves(c, scarf, 3);
    cv_fill_h(c, -120, 0x2d6c74, 120, 0x53aab0);
    float head[] = {-92, -20, -98, 60,  -50, 112,  t * 0.6f, 114,  50,  112,
                    98,  60,  92,  -20, 92,  -110, -92,      -110, -92, -20};
    sh_curves(c, head, 3);
    cv_fill_h(c, -95, shade, 70, skin);
    for (int i = -1; i < 2; i += 2)
        cv_spot(c, i * 54 + f->turn * 20, 46, 34, 26, 0xf08a7a, 0.55f);
    eyes(c, f, 12, 40, 11, 16, 0x5b3a1e);
    brows(c, f, -24, 42, 40, 4, hair);
    sh_ellipse(c, f->turn * 30, 42, 10, 8);
    cv_fill_a(c, 0xd08c68, 0.8f);
    mouth(c, f, 74, 22);
    drops(c, f, 11);
    float fringe[] = {-100,    20,  -100, -60, -60, -90, 0,   -88,    60,   -90,   100,
                      -60,     100, 20,   92,  -20, 70,  -46, 30 + t, -44,  0 + t, -42,
                      -20 + t, -34, -50,  -40, -80, -30, -92, 0,      -100, 20};
    sh_curves(c, fringe, 5);
    cv_fill(c, hair);
    float hat[] = {-112, -36, -128, -190, 128, -190, 112, -36, 40, -60, -40, -60, -112, -36};
    sh_curves(c, hat, 2);
    cv_fill_h(c, -120, 0xc98a26, 90, 0xf6c656);
    for (int i = -3; i <= 3; i++)
        sh_limb(c, i * 30 + t * 0.4f, -70, 2, i * 17 + t * 0.4f, -146, 1.6f);
    cv_fill_a(c, 0xb87818, 0.5f);
    sh_round(c, -120, -76, 240, 52, 25);
    cv_fill_h(c, -120, 0xb57a1e, 90, 0xe2a838);
    for (int i = -5; i <= 5; i++)
        sh_line(c, i * 21 + t * 0.5f, -72, i * 21.5f + t * 0.5f, -28, 4);
    cv_fill_a(c, 0x9c6412, 0.45f);
    for (int i = 0; i < 9; i++)
        sh_circle(c, 20 * cosf(i * 0.7f), -166 + 18 * sinf(i * 0.7f), 17);
    sh_circle(c, 0, -166, 20);
    cv_fill_v(c, -200, 0xfff4d4, -130, 0xe8c98a);
}

static void elias(struct canvas *c, const struct face *f)
{
    const uint32_t skin = 0xe9bd9a, shade = 0xc78e6c, hair = 0xf2efe8, hair_shade = 0xc9c8c8;
    float t = f->turn * 10;
    shoulders(c, 0x34507a, 0x1e2f4c, 250);
    float collar[] = {-120, 150, -90, 110, -60, 130, -20, 230, -70, 240, -120, 230, -120, 150};
    sh_curves(c, collar, 2);
    for (int i = 0; i < 14; i++)
        collar[i] = i % 2 ? collar[i] : -collar[i];
    sh_curves(c, collar, 2);
    cv_fill(c, 0x24385a);
    for (int i = -1; i < 2; i += 2) {
        sh_ellipse(c, i * 96 - t, 14, 18, 28);
        cv_fill_h(c, -110, shade, 110, skin);
        oval(c, i * 92 - t, 4, 22, 50, i * 0.1f);
        cv_fill(c, i < 0 ? hair_shade : hair);
    }
    float head[] = {-88, -30, -96, 60,  -60, 130,  0,   132,  60,  130,
                    96,  60,  88,  -30, 88,  -115, -88, -115, -88, -30};
    sh_curves(c, head, 3);
    cv_fill_h(c, -95, shade, 70, skin);
    for (int i = -1; i < 2; i += 2) {
        cv_spot(c, i * 52 + f->turn * 20, 44, 30, 22, 0xdd7a66, 0.4f);
        sh_arc(c, i * 76 + f->turn * 12, 16, 14, 2.5f, i > 0 ? -0.7f : CV_PI - 0.7f,
               i > 0 ? 0.9f : CV_PI + 0.9f);
    }
    cv_fill_a(c, 0xa06a4c, 0.5f);
    eyes(c, f, 8, 38, 9, 12, 0x4a7090);
    brows(c, f, -22, 40, 46, 9, hair);
    float lower = 18 * f->mouth;
    float beard[] = {-98,     6,           -112,   120, -90, 230 + lower, 0 + t, 246 + lower,
                     90,      230 + lower, 112,    120, 98,  6,           86,    70,
                     60,      62,          34 + t, 66,  10,  72,          -10,   72,
                     -34 + t, 66,          -60,    62,  -86, 70,          -98,   6};
    sh_curves(c, beard, 5);
    cv_fill_h(c, -100, hair_shade, 60, hair);
    for (int i = -3; i <= 3; i++)
        sh_limb(c, i * 20 + t * 0.4f, 118 + lower, 1.6f, i * 15 + t * 0.7f, 205 + lower, 1);
    cv_fill_a(c, 0xb4b4b8, 0.6f);
    if (f->mouth > 0.07f) {
        sh_ellipse(c, f->turn * 20, 97, 24, 5 + 18 * f->mouth);
        cv_fill(c, 0x5e2020);
    }
    for (int i = -1; i < 2; i += 2)
        oval(c, i * 30 + f->turn * 20, 82 - 3 * f->smile, 40, 15, i * (0.3f - 0.12f * f->smile));
    cv_fill(c, hair);
    sh_ellipse(c, f->turn * 30, 46, 22, 27);
    cv_fill_h(c, -20, 0xc98a6a, 24, 0xeab794);
    drops(c, f, 12);
    float cap[] = {-104, -34,  -150, -150, -60, -165, 0,   -165, 70,   -165,
                   150,  -150, 104,  -34,  40,  -70,  -40, -70,  -104, -34};
    sh_curves(c, cap, 3);
    cv_fill_h(c, -130, 0x141e34, 100, 0x2c4068);
    float visor[] = {-100, -46, -60, -86, 60, -86, 100, -46, 70, -14, -70, -14, -100, -46};
    sh_curves(c, visor, 2);
    cv_fill(c, 0x0f1626);
    float x = f->turn * 18; // the anchor
    sh_line(c, x, -124, x, -92, 4);
    sh_line(c, x - 9, -114, x + 9, -114, 4);
    sh_arc(c, x, -106, 14, 4, 0.3f, CV_PI - 0.3f);
    sh_arc(c, x, -128, 4, 3, 0, 2 * CV_PI);
    cv_fill(c, 0xd9b45a);
}

static void marlow(struct canvas *c, const struct face *f)
{
    const uint32_t skin = 0xe2ac86, shade = 0xb5784f, hair = 0xb8562a, dark = 0x8e3f1c;
    float t = f->turn * 10;
    shoulders(c, 0x2c3f4a, 0x16232b, 265);
    float lapel[] = {-100, 150, -70, 110, -40, 130, 0, 300, -60, 300, -110, 240, -100, 150};
    sh_curves(c, lapel, 2);
    for (int i = 0; i < 14; i++)
        lapel[i] = i % 2 ? lapel[i] : -lapel[i];
    sh_curves(c, lapel, 2);
    cv_fill(c, 0x1a2930);
    sh_round(c, -44, 120, 88, 70, 20);
    cv_fill(c, 0xe9e4d6);
    for (int i = 0; i < 2; i++)
        for (int k = -1; k < 2; k += 2) {
            sh_circle(c, k * 74, 300 + i * 90, 13);
            cv_fill(c, 0xe6c25a);
        }
    for (int i = -1; i < 2; i += 2) {
        sh_ellipse(c, i * 98 - t, 14, 18, 28);
        cv_fill_h(c, -110, shade, 110, skin);
    }
    float head[] = {-92, -30, -100, 60,  -84, 110, -40, 136, -20,  146, 20,   146, 40,
                    136, 84,  110,  100, 60,  92,  -30, 92,  -115, -92, -115, -92, -30};
    sh_curves(c, head, 4);
    cv_fill_h(c, -95, shade, 70, skin);
    for (int i = -1; i < 2; i += 2) { // whiskers down the cheeks
        float w[] = {i * 96.0f, -30,       i * 106.0f, 40,        i * 96.0f, 96,        i * 80.0f,
                     104,       i * 70.0f, 70,         i * 82.0f, 20,        i * 96.0f, -30};
        sh_curves(c, w, 2);
    }
    cv_fill(c, dark);
    cv_spot(c, f->turn * 20, 112, 60, 34, dark, 0.25f);
    eyes(c, f, 6, 40, 9, 11, 0x3f6a4a);
    brows(c, f, -22, 42, 50, 7, dark);
    mouth(c, f, 92, 26);
    for (int i = -1; i < 2; i += 2)
        oval(c, i * 34 + f->turn * 20, 74 - 3 * f->smile, 44, 14, i * (0.22f - 0.2f * f->smile));
    cv_fill_h(c, -70, dark, 60, hair);
    sh_ellipse(c, f->turn * 30, 42, 20, 25);
    cv_fill_h(c, -20, 0xb0704a, 24, 0xe0a27c);
    drops(c, f, 13);
    float cap[] = {-106, -50,  -190, -130, -100, -190, 0,   -190, 100,  -190,
                   190,  -130, 106,  -50,  40,   -80,  -40, -80,  -106, -50};
    sh_curves(c, cap, 3);
    cv_fill_h(c, -150, 0xb9c0c8, 90, 0xfafaf6);
    float band[] = {-108, -46,  -60, -76,  60,  -76,  108,  -46, 108,  -88,
                    60,   -108, 0,   -108, -60, -108, -108, -88, -108, -46};
    sh_curves(c, band, 3);
    float visor[] = {-104, -52, -60, -78, 60, -78, 104, -52, 70, -12, -70, -12, -104, -52};
    sh_curves(c, visor, 2);
    cv_fill(c, 0x11171b);
    sh_circle(c, f->turn * 18, -118, 18);
    cv_fill(c, 0xe6c25a);
    sh_circle(c, f->turn * 18, -118, 9);
    cv_fill(c, 0x8a2c24);
}

static void pip(struct canvas *c, const struct face *f)
{
    float t = f->turn * 24;
    sh_round(c, -130, 96, 260, 420, 50);
    cv_fill_h(c, -130, 0x8a4c2a, 110, 0xe0955a);
    sh_round(c, -96, 150, 192, 110, 24); // the old wireless' grille, lit by the voice
    cv_fill(c, 0x4a2616);
    for (int i = 0; i < 7; i++) {
        float level = f->mouth * (0.4f + 0.6f * cv_hash(i, (uint32_t)(f->mouth * 97)));
        float h = 10 + 70 * level;
        sh_round(c, -78 + i * 24, 205 - h / 2, 12, h, 6);
    }
    cv_fill(c, cv_mix(0x8a5a34, 0xffc86a, f->glow * (0.35f + 0.65f * f->mouth)));
    for (int i = -1; i < 2; i += 2) {
        sh_circle(c, i * 60.0f, 310, 20);
        cv_fill(c, 0x5f3520);
        sh_line(c, i * 60.0f, 310, i * 60.0f + 9, 297, 5);
        cv_fill(c, 0xe8c890);
    }
    sh_round(c, -60, 70, 120, 40, 12);
    cv_fill_h(c, -60, 0x44545a, 60, 0x7a8c92);
    sh_limb(c, -58, -96, 5, -78 - 6 * f->mouth, -190, 4);
    cv_fill(c, 0x59666c);
    sh_circle(c, -79 - 6 * f->mouth, -196, 13);
    cv_fill(c, cv_mix(0x502420, 0xff5a48, f->glow));
    float dome[] = {-120, 80, -132, -150, 132, -150, 120, 80, 60, 96, -60, 96, -120, 80};
    sh_curves(c, dome, 2);
    cv_fill_h(c, -120, 0x5b7a80, 90, 0xc0dada);
    for (int i = -2; i <= 2; i++)
        cv_dot(c, i * 46.0f + t * 0.4f, 74 - 3.0f * (2 - abs(i)), 4.5f, 0x42585e, 1);
    sh_circle(c, t, -6, 66);
    cv_fill(c, 0x35484e);
    sh_circle(c, t, -6, 55);
    cv_fill(c, 0x101e22);
    float open = 1 - f->blink, r = 36 + 5 * f->brow;
    sh_ellipse(c, t * 1.25f, -6, r, r * fmaxf(open, 0.08f));
    cv_fill(c, cv_mix(0x1b3036, 0x6feaff, f->glow));
    sh_ellipse(c, t * 1.25f, -6, r * 0.55f, r * 0.55f * fmaxf(open, 0.05f));
    cv_fill(c, cv_mix(0x16272c, 0xe4fdff, f->glow));
    if (f->glow > 0.03f) {
        cv_glow(c, t * 1.25f, -6, 210, 210, 0x2fb6d2, 0.42f * f->glow * fmaxf(open, 0.3f));
        cv_dot(c, t * 1.25f + 14, -22, 8, 0xffffff, f->glow * open);
    }
    sh_arc(c, t, -6, 60, 4, -CV_PI * 0.85f, -CV_PI * 0.4f);
    cv_fill_a(c, 0xffffff, 0.35f);
}

void pe_face(struct canvas *c, enum who who, float x, float y, float scale, const struct face *f)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    cv_turn(c, f->tilt);
    if (who == NORA)
        nora(c, f);
    else if (who == ELIAS)
        elias(c, f);
    else if (who == MARLOW)
        marlow(c, f);
    else if (who == PIP)
        pip(c, f);
    cv_pop(c);
}
