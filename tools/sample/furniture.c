// Indoor things, and the small ones that inserts are made of.
#include "props.h"

#include <math.h>

void pr_lens(struct canvas *c, float x, float y, float scale, float power, float t)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    if (power > 0.01f)
        cv_glow(c, 0, 0, 560, 560, 0xffc860, 0.65f * power);
    sh_rect(c, -40, 130, 80, 150); // pedestal
    cv_fill_h(c, -40, 0x3a3226, 40, 0xa8854a);
    sh_round(c, -84, 118, 168, 26, 8);
    cv_fill_h(c, -84, 0x5a4526, 84, 0xd9b060);
    sh_round(c, -84, -146, 168, 24, 8);
    cv_fill_h(c, -84, 0x5a4526, 84, 0xd9b060);
    sh_ellipse(c, 0, -6, 104, 122);
    cv_fill_v(c, -130, cv_mix(0x3c5a68, 0xffe6a0, power), 120, cv_mix(0x22343e, 0xffb44a, power));
    for (int i = 1; i <= 6; i++) { // the prisms, ring by ring
        float k = i / 6.5f, shine = 0.5f + 0.5f * sinf(t * 0.9f + i);
        for (int s = -1; s < 2; s += 2) {
            sh_ellipse(c, 0, -6 + s * 118 * k * 0.94f, 104 * sqrtf(1 - k * k * 0.86f),
                       5.4f - 2.2f * k);
        }
        cv_fill_a(c, cv_mix(0x9cc8d8, 0xfffbe8, power), 0.25f + 0.3f * shine);
    }
    for (int i = 0; i < 4; i++) {
        sh_arc(c, 0, -6, 15 + 15.0f * i, 3, 0, 2 * CV_PI);
        cv_fill_a(c, cv_mix(0xb8dce8, 0xffffff, power), 0.5f);
    }
    float sweep = sinf(t * 0.7f) * 66;
    sh_ellipse(c, sweep, -6, 9, 112 * sqrtf(1 - sweep * sweep / 10800));
    cv_fill_a(c, 0xffffff, 0.22f);
    for (int i = -1; i < 2; i++)
        sh_rect(c, i * 78 - 4, -126, 8, 246);
    cv_fill_h(c, -90, 0x6a5230, 90, 0xd9b060);
    sh_circle(c, 0, -6, 13);
    cv_fill(c, cv_mix(0x2c3c44, 0xffffff, power));
    if (power > 0.01f) {
        cv_glow(c, 0, -6, 190, 190, 0xfff4d0, power);
        cv_glow(c, 0, -6, 640, 42, 0xffe8b0, power * 0.7f);
    }
    cv_pop(c);
}

void pr_stove(struct canvas *c, float x, float y, float scale, float t)
{
    float flick = 0.8f + 0.2f * cv_noise(t * 7, 3);
    cv_push(c);
    cv_at(c, x, y, scale);
    sh_rect(c, -16, -520, 32, 340);
    cv_fill_h(c, -16, 0x1a1c20, 16, 0x50545c);
    sh_round(c, -90, -200, 180, 186, 16);
    cv_fill_h(c, -90, 0x202226, 90, 0x4c5058);
    sh_round(c, -100, -210, 200, 22, 8);
    cv_fill(c, 0x5a5e66);
    sh_round(c, -58, -160, 116, 84, 14);
    cv_fill_v(c, -160, cv_mix(0xff8a20, 0xffc050, flick), -76, 0xc23a10);
    for (int i = 0; i < 5; i++) {
        float h = 34 + 30 * cv_noise(t * 6 + i * 9, 40 + i), fx = -44 + i * 22.0f;
        float flame[] = {fx - 12, -78,     fx - 12, -78 - h * 0.6f, fx,      -78 - h * 0.6f,
                         fx,      -78 - h, fx + 4,  -78 - h * 0.6f, fx + 12, -78 - h * 0.5f,
                         fx + 12, -78};
        sh_curves(c, flame, 2);
    }
    cv_fill(c, 0xffe08a);
    for (int i = -2; i <= 2; i++)
        sh_line(c, i * 24.0f, -160, i * 24.0f, -76, 5);
    cv_fill(c, 0x1a1c20);
    for (int i = -1; i < 2; i += 2)
        sh_rect(c, i * 72 - 9, -16, 18, 18);
    cv_fill(c, 0x1a1c20);
    cv_glow(c, 0, -116, 380, 300, 0xff7a20, 0.42f * flick);
    sh_round(c, 30, -262, 64, 54, 18); // the kettle
    cv_fill_h(c, 30, 0x3a5a6a, 94, 0x86aabc);
    sh_arc(c, 62, -258, 26, 5, -CV_PI, 0);
    cv_fill(c, 0x2a2c30);
    cv_pop(c);
}

void pr_table(struct canvas *c, float x, float y, float w, float h)
{
    for (int i = 0; i < 2; i++)
        sh_rect(c, x - w * 0.44f + i * w * 0.84f, y - h, w * 0.04f, h);
    cv_fill(c, 0x4a2e1e);
    sh_round(c, x - w / 2, y - h - 20, w, 28, 8);
    cv_fill_v(c, y - h - 20, 0xb07a48, y - h + 8, 0x6e4628);
}

void pr_lamp_hanging(struct canvas *c, float x, float y, float drop, float scale, float lit)
{
    cv_glow(c, x, y + drop + 30 * scale, 620 * scale, 520 * scale, 0xffa040, 0.42f * lit);
    sh_line(c, x, y, x, y + drop, 4);
    cv_fill(c, 0x2a221e);
    cv_push(c);
    cv_at(c, x, y + drop, scale);
    float shade[] = {-20, 0, 20, 0, 74, 50, -74, 50};
    sh_poly(c, shade, 4);
    cv_fill_h(c, -74, 0x2c5a50, 74, 0x5a9a84);
    sh_ellipse(c, 0, 52, 34, 15);
    cv_fill(c, cv_mix(0x8a8060, 0xfff6d0, lit));
    cv_glow(c, 0, 56, 120, 90, 0xffe0a0, 0.8f * lit);
    cv_pop(c);
}

void pr_shelf(struct canvas *c, float x, float y, float w, uint32_t seed)
{
    static const uint32_t colours[] = {0x8a4a3a, 0x3e6a72, 0xc89a4a, 0x5a5a7a,
                                       0x7a8a5a, 0xd8c8a8, 0xa8583a};
    float at = x + 8;
    for (int i = 0; at < x + w - 26; i++) {
        float bw = 12 + 14 * cv_hash(seed, i), bh = 50 + 30 * cv_hash(seed, i + 40);
        uint32_t col = colours[(int)(cv_hash(seed, i + 80) * 6.99f)];
        if (cv_hash(seed, i + 120) < 0.16f) { // a jar among the books
            sh_round(c, at, y - 42, 30, 42, 9);
            cv_fill_a(c, 0xcfe2e0, 0.75f);
            sh_rect(c, at + 3, y - 48, 24, 8);
            cv_fill(c, col);
            at += 36;
            continue;
        }
        sh_round(c, at, y - bh, bw, bh, 2);
        cv_fill(c, col);
        at += bw + 1.5f;
    }
    sh_rect(c, x, y, w, 13);
    cv_fill_v(c, y, 0x9a6a40, y + 13, 0x5c3a24);
}

void pr_radio(struct canvas *c, float x, float y, float scale, float lit)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    sh_round(c, -110, -120, 220, 120, 12);
    cv_fill_h(c, -110, 0x3a4240, 110, 0x6c7a74);
    sh_round(c, -94, -104, 86, 88, 8);
    cv_fill(c, 0x222826);
    for (int i = 0; i < 6; i++)
        sh_rect(c, -88, -94 + i * 13.0f, 74, 5);
    cv_fill(c, 0x4a5450);
    sh_round(c, 8, -104, 88, 34, 5);
    cv_fill(c, cv_mix(0x2a2820, 0xffc868, lit));
    sh_line(c, 52 + 20 * lit, -102, 52 + 20 * lit, -72, 3);
    cv_fill(c, 0xa02a20);
    for (int i = 0; i < 3; i++)
        sh_circle(c, 24 + i * 28.0f, -42, 11);
    cv_fill(c, 0x181c1a);
    cv_dot(c, 92, -16, 5, cv_mix(0x402020, 0x60ff70, lit), 1);
    if (lit > 0.02f)
        cv_glow(c, 52, -88, 150, 90, 0xffa840, 0.35f * lit);
    cv_pop(c);
}

void pr_barometer(struct canvas *c, float x, float y, float r, float angle)
{
    sh_circle(c, x, y, r * 1.16f);
    cv_fill_v(c, y - r, 0xe6c072, y + r, 0x7a5626);
    sh_circle(c, x, y, r);
    cv_fill_v(c, y - r, 0xfaf3df, y + r, 0xdccfae);
    for (int i = 0; i <= 24; i++) {
        float a = CV_PI * (0.8f + 1.4f * i / 24), in = i % 6 ? 0.86f : 0.78f;
        sh_line(c, x + r * in * cosf(a), y + r * in * sinf(a), x + r * 0.93f * cosf(a),
                y + r * 0.93f * sinf(a), r * (i % 6 ? 0.012f : 0.022f));
    }
    cv_fill(c, 0x3a2c20);
    sh_arc(c, x, y, r * 0.68f, r * 0.06f, CV_PI * 0.8f, CV_PI * 1.15f);
    cv_fill(c, 0xb8392e);
    sh_arc(c, x, y, r * 0.68f, r * 0.06f, CV_PI * 1.85f, CV_PI * 2.2f);
    cv_fill(c, 0x3c7aa0);
    float co = cosf(angle), si = sinf(angle), n = r * 0.03f;
    float hand[] = {x + r * 0.82f * co, y + r * 0.82f * si, x - n * si, y + n * co,
                    x - r * 0.22f * co, y - r * 0.22f * si, x + n * si, y - n * co};
    sh_poly(c, hand, 4);
    cv_fill(c, 0x1c1c22);
    sh_circle(c, x, y, r * 0.06f);
    cv_fill(c, 0xb08a3e);
    sh_arc(c, x, y, r * 0.9f, r * 0.05f, -2.6f, -1.9f);
    cv_fill_a(c, 0xffffff, 0.6f);
}

void pr_wheel(struct canvas *c, float x, float y, float r, float angle)
{
    for (int i = 0; i < 8; i++) {
        float a = angle + i * CV_PI / 4;
        sh_limb(c, x, y, r * 0.045f, x + r * 1.22f * cosf(a), y + r * 1.22f * sinf(a), r * 0.045f);
        sh_limb(c, x + r * 1.08f * cosf(a), y + r * 1.08f * sinf(a), r * 0.05f,
                x + r * 1.28f * cosf(a), y + r * 1.28f * sinf(a), r * 0.065f);
    }
    sh_arc(c, x, y, r * 0.88f, r * 0.16f, 0, 2 * CV_PI);
    sh_circle(c, x, y, r * 0.2f);
    cv_fill_v(c, y - r, 0xa86c3a, y + r, 0x54301a);
    sh_arc(c, x, y, r * 0.88f, r * 0.03f, 0, 2 * CV_PI);
    cv_fill(c, 0xe0b060);
    sh_circle(c, x, y, r * 0.09f);
    cv_fill(c, 0xe0b060);
}

void pr_battery(struct canvas *c, float x, float y, float scale, float glow, int broken)
{
    cv_push(c);
    cv_at(c, x, y, scale);
    if (glow > 0.01f)
        cv_glow(c, 0, -60, 260, 260, 0x40d8ff, 0.7f * glow);
    for (int i = -1; i < 2; i += 2)
        sh_round(c, i * 46 - 14, -152, 28, 24, 5);
    cv_fill(c, 0xb8bcc2);
    sh_round(c, -88, -134, 176, 134, 14);
    cv_fill_h(c, -88, 0x20303a, 88, 0x4a6a7a);
    sh_round(c, -88, -134, 176, 30, 12);
    cv_fill(c, 0xd98a3e);
    sh_round(c, -60, -88, 120, 62, 8);
    cv_fill(c, cv_mix(0x121c22, 0x7ff0ff, glow));
    float zig[] = {8, -84, -20, -52, 0, -52, -8, -30, 22, -62, 2, -62};
    sh_poly(c, zig, 6);
    cv_fill(c, cv_mix(0x3a4a50, 0xffffff, glow));
    if (broken) {
        float crack[] = {-30, -136, -12, -104, -26, -74, 6, -44,  -8,  -2,
                         2,   -2,   20,  -46,  -10, -76, 6, -106, -18, -136};
        sh_poly(c, crack, 10);
        cv_fill(c, 0x0a0e10);
    }
    cv_pop(c);
}

void pr_letter(struct canvas *c, float x, float y, float w, float h, float turn, uint32_t seed)
{
    cv_push(c);
    cv_move(c, x, y);
    cv_turn(c, turn);
    sh_rect(c, -w / 2 + 10, -h / 2 + 14, w, h);
    cv_fill_a(c, 0x180c06, 0.4f);
    sh_rect(c, -w / 2, -h / 2, w, h);
    cv_fill_v(c, -h / 2, 0xfbf5e4, h / 2, 0xe8dcc0);
    for (int i = 0; i < 7; i++) { // pen strokes
        float ly = -h * 0.16f + i * h * 0.075f,
              end = w * (i == 6 ? 0.05f : 0.36f + 0.04f * cv_hash(seed, i));
        for (float lx = -w * 0.4f; lx < end;) {
            float word = w * (0.03f + 0.08f * cv_hash(seed + i, (uint32_t)(lx + 900)));
            for (float k = 0; k < word; k += w * 0.014f) {
                float up = h * 0.011f * (cv_hash(seed + i * 7, (uint32_t)(lx + k + 900)) - 0.2f);
                sh_line(c, lx + k, ly, lx + k + w * 0.008f, ly - up, h * 0.005f);
                sh_line(c, lx + k + w * 0.008f, ly - up, lx + k + w * 0.014f, ly, h * 0.005f);
            }
            lx += word + w * 0.022f;
        }
    }
    cv_fill(c, 0x2c3a5c);
    sh_circle(c, w * 0.3f, h * 0.4f, w * 0.06f); // the seal
    cv_fill_v(c, h * 0.34f, 0xc23a30, h * 0.46f, 0x7c1c1c);
    sh_circle(c, w * 0.3f, h * 0.4f, w * 0.038f);
    cv_fill_a(c, 0x8a2422, 0.8f);
    cv_pop(c);
}
