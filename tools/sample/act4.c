// Act IV: through the storm to the boathouse and back, and what Pip gives.
#include "scenes.h"

#include "nature.h"
#include "props.h"
#include "rooms.h"

#include <math.h>

void sc_door(struct canvas *c, const struct view *v)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 1);
    float open = cv_ramp(v->t, 0.1f, 0.4f);
    na_wave(c, v->film,
            &(struct na_wave){.y = 640,
                              .amp = 120,
                              .length = 460,
                              .speed = 140,
                              .bottom = 1000,
                              .seed = 4,
                              .top = 0x34485c,
                              .deep = 0x141e2a,
                              .foam = 0xb8c8d4});
    if (v->flash > 0)
        na_bolt(c, 860, 100, 780, 560, 7, v->flash);
    na_rain(c, v->film, 200, -0.5f, 60, 0.4f);
    cv_push(c);
    cv_tint(c, 0x0a0c14, 0.88f - 0.3f * v->flash);
    pe_figure(
        c, NORA, 760 + 40 * v->t, 850, 3.2f,
        &(struct pose){.arm = 1.4f, .arm2 = 0.8f, .lean = 0.15f, .walk = v->t * 6, .stride = 0.5f});
    pe_figure(c, PIP, 620 + 60 * v->t, 856, 3.0f,
              &(struct pose){.walk = v->t * 10, .stride = 0.7f, .glow = 0.7f});
    cv_pop(c);
    sh_rect(c, -300, -300, 800, 1500); // dark walls left and right of the doorway
    sh_rect(c, 1100, -300, 800, 1500);
    sh_rect(c, 480, -300, 640, 400);
    sh_rect(c, -300, 870, 2300, 300);
    cv_fill_h(c, 300, 0x2a1e18, 1300, 0x120c0a);
    sh_rect(c, 484, 84, 20, 790);
    sh_rect(c, 1096, 84, 20, 790);
    sh_rect(c, 484, 84, 632, 18);
    cv_fill(c, 0x4a3426);
    float w = 600 * (1 - 0.82f * open); // the door swings inwards
    float leaf[] = {1100, 96, 1100 - w, 96 - 60 * open, 1100 - w, 880 + 50 * open, 1100, 872};
    sh_poly(c, leaf, 4);
    cv_fill_h(c, 500, 0x4a2e20, 1100, 0x2c1a12);
    cv_glow(c, 300, 700, 500, 500, 0xff8a30, 0.2f);
}

static void storm_shore(struct canvas *c, const struct view *v, int seed)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.25f);
    na_ceiling(c, v->film * 1.4f, 330, 0x141d2e, 0x4a5a76, 70 + seed);
    if (v->flash > 0)
        na_bolt(c, seed ? 1180 : 420, 30, seed ? 1060 : 520, 520, 11 + seed, v->flash);
    sh_look(c, &v->cam, 0.6f);
    na_wave(c, v->film,
            &(struct na_wave){.y = 600,
                              .amp = 130,
                              .length = 560,
                              .speed = 190,
                              .bottom = 1100,
                              .seed = 31 + seed,
                              .top = 0x3a5062,
                              .deep = 0x1a2834,
                              .foam = 0xbccad4});
    float u = fmodf(v->film * 0.7f, 1);
    na_spray(c, 380 + 500 * seed, 640, 260, u, 7, 0.9f);
}

void sc_causeway(struct canvas *c, const struct view *v)
{
    int back = v->shot->variant;
    storm_shore(c, v, back);
    sh_look(c, &v->cam, 0.85f);
    cv_push(c);
    float lit = 0.46f + 0.5f * v->flash;
    cv_light(c, lit, lit * 1.05f, lit * 1.25f);
    if (back) { // towards the dark tower
        na_rocks(c, 260, 720, 560, 160, 8, 0x8a96a8, 0x2a3240);
        pr_lighthouse(c, 260, 610, 1.5f, 0, 0);
    } else {
        na_rocks(c, 1500, 720, 620, 120, 18, 0x8a96a8, 0x2a3240);
        sh_rect(c, 1380, 540, 230, 120); // the boathouse ahead
        cv_fill(c, 0x5c4a40);
        float roof[] = {1360, 545, 1500, 450, 1630, 545};
        sh_poly(c, roof, 3);
        cv_fill(c, 0x3c3440);
    }
    cv_pop(c);
    sh_look(c, &v->cam, 1);
    sh_rect(c, -600, 742, 2900, 500); // the causeway, wet
    cv_fill_v(c, 742, cv_mix(0x3a4450, 0xa8b4d0, v->flash * 0.6f), 860, 0x12161e);
    for (int i = -6; i < 24; i++)
        sh_round(c, i * 120 + (i & 1) * 20, 748 + (i & 1) * 6, 108, 34, 10);
    cv_fill_a(c, 0x56626e, 0.5f);
    for (int i = -3; i < 12; i++) {
        sh_rect(c, i * 230, 640, 12, 110);
        sh_line(c, i * 230 + 6, 650, i * 230 + 236, 650, 4);
    }
    cv_fill(c, 0x20262e);
    float x = back ? 1150 - v->t * 190 : 450 + v->t * 200;
    cv_push(c);
    cv_light(c, 0.55f + 0.4f * v->flash, 0.56f + 0.4f * v->flash, 0.7f + 0.3f * v->flash);
    if (!back) {
        pe_figure(c, PIP, x - 190, 806, 2.1f,
                  &(struct pose){.walk = v->t * 17, .stride = 1, .glow = 1, .lean = 0.12f});
        pe_figure(c, NORA, x, 808, 2.35f,
                  &(struct pose){
                      .walk = v->t * 11, .stride = 1, .lean = 0.24f, .lantern = 1, .arm = 0.9f});
    } else { // hand in hand
        pe_figure(
            c, PIP, x + 130, 806, 2.1f,
            &(struct pose){
                .walk = v->t * 15, .stride = 1, .left = 1, .glow = 1, .lean = 0.1f, .arm = 1.2f});
        pe_figure(c, NORA, x, 808, 2.35f,
                  &(struct pose){
                      .walk = v->t * 10, .stride = 0.9f, .left = 1, .lean = 0.2f, .arm2 = -0.9f});
    }
    cv_pop(c);
    sh_look(c, &v->cam, 1.4f);
    na_wave(c, v->film,
            &(struct na_wave){.y = 930,
                              .amp = 120,
                              .length = 620,
                              .speed = 260,
                              .bottom = 1300,
                              .seed = 44,
                              .top = 0x22323f,
                              .deep = 0x0a1016,
                              .foam = 0xc4d0d8});
    sh_screen(c);
    na_rain(c, v->film, 320, back ? 0.55f : -0.55f, 66, 0.38f);
}

void sc_breaker(struct canvas *c, const struct view *v)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 1);
    na_ceiling(c, v->film * 1.4f, 200, 0x141d2e, 0x4e5e76, 91);
    na_wave(c, v->film,
            &(struct na_wave){.y = 620,
                              .amp = 160,
                              .length = 700,
                              .speed = 240,
                              .bottom = 1100,
                              .seed = 50,
                              .top = 0x3c5468,
                              .deep = 0x182430,
                              .foam = 0xc8d4dc});
    na_rocks(c, 820, 900, 1000, 420, 52, 0x6a7280, 0x14181e);
    na_spray(c, 760, 640, 460, v->t * 0.8f + 0.08f, 21, 1);
    na_spray(c, 1010, 700, 360, v->t * 0.8f - 0.05f, 22, 1);
    na_spray(c, 540, 720, 320, v->t * 0.7f, 23, 1);
    na_wave(c, v->film,
            &(struct na_wave){.y = 860,
                              .amp = 150,
                              .length = 560,
                              .speed = 300,
                              .bottom = 1100,
                              .seed = 51,
                              .top = 0x24343f,
                              .deep = 0x0a1016,
                              .foam = 0xd0dae0});
    sh_screen(c);
    na_rain(c, v->film, 180, -0.6f, 80, 0.35f);
}

void sc_feet(struct canvas *c, const struct view *v)
{
    sh_look(c, &v->cam, 1);
    cv_clear(c, 0x1a222c);
    sh_rect(c, -300, 0, 2200, 1000);
    cv_fill_v(c, 0, 0x141c26, 620, 0x34424e);
    sh_rect(c, -300, 620, 2200, 500);
    cv_fill_v(c, 620, 0x4a5862, 900, 0x1a222a);
    for (int i = -2; i < 9; i++)
        sh_round(c, i * 230 + 40 - fmodf(v->t * 900, 230), 650, 210, 70, 18);
    cv_fill_a(c, 0x64737e, 0.6f);
    float a = v->t * 11;
    for (int i = 0; i < 2; i++) { // yellow boots, and robot feet behind them
        float ph = a + i * CV_PI, x = 900 + 190 * sinf(ph), y = 690 - 110 * fmaxf(0, cosf(ph));
        sh_limb(c, 900 + 40 * sinf(ph), -60, 66, x, y - 190, 58);
        cv_fill(c, i ? 0x2a3250 : 0x343e62);
        sh_limb(c, x, y - 210, 66, x, y, 62);
        sh_limb(c, x, y, 56, x + 110, y + 12, 44);
        cv_fill(c, i ? 0xa87e24 : 0xd09c30);
        float splash = fmaxf(0, -cosf(ph));
        na_spray(c, x + 40, y + 60, 150 * splash, fmodf(ph / 6.28f, 1), 5 + i, 0.7f);
    }
    for (int i = 0; i < 2; i++) {
        float ph = a * 1.4f + i * CV_PI, x = 330 + i * 90 + 70 * sinf(ph),
              y = 720 - 50 * fmaxf(0, cosf(ph));
        sh_limb(c, 300 + i * 130, 380, 34, x, y, 30);
        cv_fill(c, 0x4a565c);
        sh_round(c, x - 70, y - 20, 160, 66, 26);
        cv_fill(c, 0x37444a);
    }
    sh_round(c, 190, -240, 350, 640, 80);
    cv_fill_h(c, 190, 0x5c3824, 540, 0x9a6038);
    sh_screen(c);
    na_rain(c, v->film, 150, -0.6f, 80, 0.4f);
}

void sc_boathouse_outside(struct canvas *c, const struct view *v)
{
    storm_shore(c, v, 1);
    sh_look(c, &v->cam, 1);
    float lit = 0.42f + 0.55f * v->flash;
    na_rocks(c, 800, 860, 1500, 170, 18, cv_mix(0x3c4654, 0x98a4b8, v->flash), 0x10141a);
    cv_push(c);
    cv_light(c, lit, lit, lit * 1.15f);
    sh_rect(c, 520, 470, 560, 280);
    cv_fill_h(c, 520, 0x4a3a32, 1080, 0x7a6254);
    for (int i = 0; i < 12; i++)
        sh_rect(c, 520 + i * 48, 470, 4, 280);
    cv_fill_a(c, 0x241a16, 0.7f);
    sh_rect(c, 700, 540, 200, 212);
    cv_fill(c, 0x120e0c);
    float lift = cv_ramp(v->t, 0.9f, 1.6f); // half the roof goes
    float left[] = {490, 478, 800, 300, 800, 478};
    sh_poly(c, left, 3);
    cv_fill(c, 0x54404a);
    cv_push(c);
    cv_move(c, 800 + 420 * lift, 300 - 230 * lift);
    cv_turn(c, lift * 2.2f);
    float right[] = {0, 0, 310, 178, 0, 178};
    sh_poly(c, right, 3);
    cv_fill(c, 0x463640);
    for (int i = 0; i < 5; i++)
        sh_rect(c, 30 + i * 56, 178 - 30, 30, 6);
    cv_fill(c, 0x6a5a60);
    cv_pop(c);
    cv_pop(c);
    for (int i = 0; i < 16; i++) { // boards flying
        float s = fmaxf(0, v->t - 0.9f);
        cv_push(c);
        cv_move(c, 820 + s * (300 + 700 * cv_hash(i, 1)),
                420 - s * 420 * cv_hash(i, 2) + 200 * s * s);
        cv_turn(c, s * 9 * (cv_hash(i, 3) - 0.5f) + i);
        if (s > 0)
            sh_rect(c, -34, -5, 68, 10);
        cv_pop(c);
    }
    cv_fill(c, 0x2c2420);
    cv_light(c, 0.5f + 0.4f * v->flash, 0.5f + 0.4f * v->flash, 0.62f + 0.3f * v->flash);
    pe_figure(
        c, NORA, 420 + v->t * 90, 800, 1.5f,
        &(struct pose){.walk = v->t * 11, .stride = 1, .lean = 0.2f, .lantern = 1, .arm = 0.8f});
    pe_figure(c, PIP, 320 + v->t * 90, 802, 1.4f,
              &(struct pose){.walk = v->t * 17, .stride = 1, .glow = 1});
    na_spray(c, 1180, 720, 330, v->t * 0.55f, 12, 1);
    sh_screen(c);
    na_rain(c, v->film, 280, -0.5f, 62, 0.36f);
}

void sc_boathouse(struct canvas *c, const struct view *v)
{
    rm_boathouse(c, v, 0);
    cv_glow(c, 560, 560, 800, 650, 0xff9a40, 0.3f);
    cv_push(c);
    cv_light(c, 1.05f, 1.0f, 0.98f);
    pr_battery(c, 400, 560, 1.0f, 0, 1);
    if (v->shot->variant == 0) {
        pe_figure(c, NORA, 700, 856, 2.8f,
                  &(struct pose){.left = 1,
                                 .arm = 1.5f,
                                 .arm2 = 1.1f,
                                 .lantern = 1,
                                 .mouth = view_mouth(v, NORA),
                                 .sad = 1});
        pe_figure(c, PIP, 930, 866, 2.6f, &(struct pose){.left = 1, .glow = 1});
    } else {
        pe_figure(
            c, NORA, 640, 850, 2.5f,
            &(struct pose){.sits = 1, .arm = 1.0f, .arm2 = 0.9f, .mouth = view_mouth(v, NORA)});
        pe_figure(c, PIP, 860, 850, 2.7f,
                  &(struct pose){.left = 1, .glow = 1, .arm = 0.7f + 0.2f * sinf(v->t * 3)});
    }
    cv_pop(c);
    na_water(
        c, v->film,
        &(struct na_sea){
            .horizon = 836, .far = 0x2c4450, .near = 0x101c26, .ripple = 0x6a8a98, .chop = 0.7f});
    cv_glow(c, 700, 640, 360, 300, 0xffb060, 0.1f);
}

void sc_from_above(struct canvas *c, const struct view *v)
{
    sh_look(c, &v->cam, 1);
    cv_clear(c, 0x1c2c3a);
    sh_rect(c, -400, -400, 2400, 1700);
    cv_fill_v(c, 0, 0x1a2a38, 900, 0x28404e);
    for (int i = 0; i < 70; i++) { // crests, seen from a gull's height
        float x = cv_hash(i, 1) * 2000 - 200,
              y = fmodf(cv_hash(i, 2) * 1200 + v->t * 60, 1200) - 150;
        sh_arc(c, x, y + 120, 90 + 60 * cv_hash(i, 3), 5 + 5 * cv_hash(i, 4), -2.1f, -1.0f);
    }
    cv_fill_a(c, 0x8aa4b0, 0.5f);
    static const float reef[][3] = {{520, 140, 130}, {700, 90, 90},  {960, 120, 150},
                                    {1120, 180, 90}, {820, 190, 70}, {420, 230, 70}};
    for (int i = 0; i < 6; i++) { // the reef, white water around it
        float x = reef[i][0], y = reef[i][1], r = reef[i][2], s = 1 + 0.06f * sinf(v->t * 4 + i);
        for (int k = 0; k < 9; k++)
            sh_circle(c, x + r * s * cosf(k * 0.7f), y + r * 0.8f * s * sinf(k * 0.7f), r * 0.34f);
        cv_fill_a(c, 0xdce8ec, 0.75f);
        for (int k = 0; k < 7; k++)
            sh_circle(c, x + r * 0.62f * cosf(k * 0.9f), y + r * 0.5f * sinf(k * 0.9f),
                      r * (0.3f + 0.12f * cv_hash(i, k)));
        sh_ellipse(c, x, y, r * 0.7f, r * 0.55f);
        cv_fill_v(c, y - r, 0x4a5058, y + r, 0x14181c);
    }
    cv_push(c);
    cv_move(c, 780, 760 - v->t * 75);
    cv_turn(c, 0.1f + 0.05f * sinf(v->t * 2) + 0.22f * cv_ramp(v->t, 1.8f, 3.2f));
    float wake[] = {-40, 120, -150, 420, -90, 440, 0, 180, 90, 440, 150, 420, 40, 120};
    sh_poly(c, wake, 7);
    cv_fill_a(c, 0xb8ccd4, 0.4f);
    float hull[] = {0,   -190, 70,  -120, 64,  0, 60,  150,  20, 170,
                    -20, 170,  -60, 150,  -64, 0, -70, -120, 0,  -190};
    sh_curves(c, hull, 3);
    cv_fill(c, 0x1e3450);
    sh_round(c, -46, -90, 92, 220, 20);
    cv_fill(c, 0x9aa2ac);
    sh_round(c, -36, -80, 72, 60, 12);
    cv_fill(c, 0xb8bec6);
    sh_circle(c, 0, 40, 24);
    cv_fill(c, 0x8a3430);
    cv_glow(c, 0, -190, 60, 60, 0xfff0c0, 0.6f);
    cv_pop(c);
    sh_screen(c);
    for (int i = 0; i < 120; i++) { // rain from above: drops fall away from us
        float u = v->t * 1.7f + cv_hash(i, 30);
        u -= floorf(u);
        float a = cv_hash(i, 31) * 6.28f, r = (1 - u) * 1000 + 60, k = r + 50 * (1 - u);
        sh_line(c, 800 + r * cosf(a), 450 + r * sinf(a), 800 + k * cosf(a), 450 + k * sinf(a),
                2.5f);
    }
    cv_fill_a(c, 0xc8d8e8, 0.22f);
}

void sc_bell(struct canvas *c, const struct view *v)
{
    struct view in = *v;
    in.cam.zoom *= 1.2f;
    rm_bridge(c, &in, STORMY, 0);
    sh_look(c, &v->cam, 1);
    float swing = 0.55f * sinf(v->t * 8);
    sh_rect(c, 560, -60, 480, 150);
    cv_fill(c, 0x3a2a1c);
    cv_move(c, 800, 90);
    cv_turn(c, swing);
    cv_light(c, 0.8f, 0.75f, 0.7f);
    sh_limb(c, 0, 470, 34, 20 * swing, 560, 52);
    cv_fill(c, 0x6a4a1c);
    float bell[] = {-60, 60,  -150, 120, -170, 330, -270, 470, -90, 500, 90, 500, 270,
                    470, 170, 330,  150, 120,  60,  60,   30,  20,  -30, 20, -60, 60};
    sh_curves(c, bell, 4);
    cv_fill_h(c, -270, 0x7a5418, 200, 0xf4cf70);
    sh_round(c, -270, 446, 540, 30, 14);
    sh_round(c, -176, 300, 352, 12, 6);
    cv_fill_h(c, -270, 0x5c3e10, 230, 0xd8aa48);
    float rope[] = {0, 560, 60, 700, 20, 900, 80, 1100};
    sh_stroke(c, rope, 4, 20);
    cv_fill(c, 0xd8c8a0);
}

// Pip's chest, with its little door open by so much, and a battery inside.
static void chest(struct canvas *c, float x, float y, float s, float open, float glow)
{
    cv_push(c);
    cv_at(c, x, y, s);
    sh_round(c, -92, 132, 184, 170, 18);
    cv_fill(c, 0x1a100c);
    if (open > 0.05f)
        pr_battery(c, 0, 292, 0.86f, glow, 0);
    float w = 184 * (1 - open * 1.45f);
    float edge = w > 0 ? 0 : -20;
    float door[] = {-92, 132, -92 + w, 132 + edge, -92 + w, 302 - edge, -92, 302};
    sh_poly(c, door, 4);
    cv_fill_h(c, -92 + fminf(w, 0), 0xa8683c, 92, 0xd08850);
    if (open < 0.4f) {
        sh_circle(c, -92 + w * 0.86f, 217, 10);
        cv_fill(c, 0x5f3520);
    }
    cv_pop(c);
}

void sc_gift(struct canvas *c, const struct view *v)
{
    int k = v->shot->variant;
    static const enum backdrop where[] = {BG_BOATHOUSE, BG_LANTERN_DARK, BG_LANTERN_DARK, BG_DAWN};
    sc_backdrop(c, v, where[k]);
    cv_veil(c, k == 3 ? 0xffe8e0 : 0x060810, k == 2 ? 0.62f : 0.35f);
    sh_look(c, &v->cam, 1.1f);
    float glow = 1, open = 1, blink = pe_blink(v->film, 4);
    if (k == 0) {
        open = cv_ramp(v->t, 0.8f, 1.5f);
    } else if (k == 2) { // the eye goes out
        glow = 1 - cv_ramp(v->t, 0.5f, 2.4f);
        blink = cv_ramp(v->t, 0.9f, 2.3f) * 0.6f;
    } else if (k == 3) { // and comes back
        float f = cv_hash((uint32_t)(v->t * 12), 6);
        glow = v->t < 0.4f ? 0 : v->t < 1.2f ? (f > 0.5f ? 0.9f : 0.1f) : 1;
        blink = v->t < 1.2f ? 0.5f * (1 - cv_ramp(v->t, 0.4f, 1.2f)) : blink;
    }
    float dim = k == 3 ? 1 : k == 2 ? 0.32f + 0.2f * glow : 0.62f;
    cv_light(c, dim, dim * 0.96f, dim * (k == 3 ? 1 : 1.12f));
    struct face f = {.turn = k == 3 ? 0.5f * sinf(v->t * 1.3f) : -0.12f,
                     .tilt = k == 2 ? 0.1f * cv_ramp(v->t, 1.4f, 2.4f) : 0,
                     .glow = glow,
                     .blink = blink,
                     .mouth = view_mouth(v, PIP),
                     .brow = k == 3 ? 0.7f : 0.2f};
    float x = k == 0 ? 900 : k == 1 ? 720 : 800, y = k == 2 ? 380 : 290, s = k == 2 ? 2.0f : 1.75f;
    pe_face(c, PIP, x, y, s, &f);
    if (k < 2)
        chest(c, x, y + 40 * s, s, open, 1);
    if (k == 1) { // Nora's hand takes the cable out
        float reach = cv_ramp(v->t, 1.6f, 2.8f);
        float hx = cv_lerp(1500, 900, reach), hy = cv_lerp(900, 690, reach);
        sh_limb(c, hx + 420, hy + 260, 90, hx + 90, hy + 50, 62);
        cv_fill(c, 0xd2392f);
        sh_circle(c, hx + 40, hy + 24, 56);
        for (int i = 0; i < 3; i++)
            sh_limb(c, hx + 20, hy + i * 22, 18, hx - 52, hy - 26 + i * 26, 15);
        cv_fill(c, 0xf2c9a5);
    }
    sh_screen(c);
    if (k == 3)
        cv_glow(c, 1400, 200, 900, 800, 0xffd0b0, 0.3f);
}

void sc_first_glow(struct canvas *c, const struct view *v)
{
    float power = cv_ramp(v->t, 1.0f, v->length - 0.4f);
    rm_lantern(c, v, STORMY, power * 0.9f);
    cv_light(c, 0.5f + power * 0.6f, 0.48f + power * 0.5f, 0.6f + power * 0.3f);
    pe_figure(c, NORA, 530, 790, 2.0f, &(struct pose){.sits = 1, .arm = 0.6f, .nod = -0.25f});
    pe_figure(c, PIP, 640, 800, 1.9f, &(struct pose){.glow = 0});
    cv_veil(c, 0xfff2d0, 0.85f * power * power);
}

void sc_burst(struct canvas *c, const struct view *v)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.25f);
    na_ceiling(c, v->film, 340, 0x141a2a, 0x4a566c, 12);
    sh_look(c, &v->cam, 0.6f);
    na_wave(c, v->film,
            &(struct na_wave){.y = 640,
                              .amp = 80,
                              .length = 480,
                              .speed = 110,
                              .bottom = 1100,
                              .seed = 2,
                              .top = 0x4a5a66,
                              .deep = 0x1e2a34,
                              .foam = 0xd8d0b8});
    sh_look(c, &v->cam, 0.9f);
    float x = 1120, y = 300, a = v->t * 1.1f - 0.3f;
    na_rocks(c, 1120, 760, 780, 170, 8, 0x5c6270, 0x161a20);
    cv_push(c);
    cv_light(c, 0.55f, 0.52f, 0.55f);
    pr_lighthouse(c, x, 790, 1.49f, 1, 0);
    cv_pop(c);
    pr_beam(c, x, y, 1.6f, a, 1.15f);
    cv_glow(c, x, y, 620, 560, 0xffd880, 0.6f);
    sh_look(c, &v->cam, 1);
    struct na_wave w = {.y = 780,
                        .amp = 110,
                        .length = 640,
                        .speed = 130,
                        .bottom = 1200,
                        .seed = 9,
                        .top = 0x34444e,
                        .deep = 0x0c1218,
                        .foam = 0xe0d8c0};
    float sx = 330, sy = na_wave_y(&w, sx, v->film);
    cv_push(c);
    cv_light(c, 0.55f, 0.52f, 0.5f);
    pr_ferry(c, sx, sy, 0.62f, na_wave_slope(&w, sx, v->film), 0.2f, v->t);
    cv_pop(c);
    na_wave(c, v->film, &w);
    sh_screen(c);
    na_rain(c, v->film, 170, -0.2f, 44, 0.3f);
}

void sc_channel(struct canvas *c, const struct view *v)
{
    int k = v->shot->variant;
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.25f);
    na_ceiling(c, v->film * 0.8f, k ? 250 : 300, 0x141a28, 0x4c586c, 15 + k);
    sh_look(c, &v->cam, 0.5f);
    if (!k)
        pr_beam(c, 1260, 330, 1.2f, v->t * 0.9f + 2.2f, 1.1f);
    else
        cv_glow(c, 300, 260, 900, 600, 0xffd890, 0.5f + 0.3f * sinf(v->t * 2));
    na_wave(c, v->film,
            &(struct na_wave){.y = 610,
                              .amp = 80,
                              .length = 520,
                              .speed = -100,
                              .bottom = 1100,
                              .seed = 60 + k,
                              .top = 0x465662,
                              .deep = 0x1c2830,
                              .foam = 0xd4ccb4});
    sh_look(c, &v->cam, 0.85f);
    na_rocks(c, k ? 1330 : 200, 760, k ? 700 : 420, k ? 480 : 240, 31 + k, 0x7a7668, 0x1a1c20);
    sh_look(c, &v->cam, 1);
    struct na_wave w = {.y = 720,
                        .amp = k ? 120 : 100,
                        .length = 700,
                        .speed = -140,
                        .bottom = 1200,
                        .seed = 70 + k,
                        .top = 0x36464e,
                        .deep = 0x0e151a,
                        .foam = 0xe0d8c0};
    float x = k ? 420 + v->t * 150 : 560 + v->t * 70, y = na_wave_y(&w, x, v->film);
    cv_push(c);
    cv_light(c, 0.78f, 0.7f, 0.6f);
    pr_ferry(c, x, y - 6, k ? 2.0f : 1.2f, na_wave_slope(&w, x, v->film) * 0.8f - 0.05f, 0.35f,
             v->t);
    cv_pop(c);
    na_wave(c, v->film, &w);
    sh_look(c, &v->cam, 1.2f);
    na_rocks(c, k ? 60 : 1430, 930, k ? 420 : 560, k ? 200 : 330, 35 + k, 0x6a665c, 0x101214);
    na_spray(c, k ? 1100 : 1230, 760, 280, fmodf(v->t * 0.7f, 1), 8, 0.9f);
    w.y = 900;
    w.seed = 80;
    na_wave(c, v->film, &w);
    sh_screen(c);
    na_rain(c, v->film, 130, -0.3f, 46, 0.28f);
}

void sc_light_on_wall(struct canvas *c, const struct view *v)
{
    float pass = powf(0.5f + 0.5f * sinf(v->t * 2.1f - 0.9f), 2);
    struct view in = *v;
    in.cam.y += 230;
    in.cam.zoom *= 1.35f;
    rm_stairs_back(c, &in, 0.45f + 0.5f * pass);
    rm_stairs_front(c, &in, 0.45f + 0.5f * pass);
    sh_look(c, &v->cam, 1);
    sh_ellipse(c, 800, 1000, 1300, 230);
    cv_fill_v(c, 770, cv_mix(0x4a3c34, 0xb89868, pass), 900, 0x1c1614);
    float x = 300 + 1000 * fmodf(v->t * 0.33f + 0.1f, 1);
    float ray[] = {1180, -60, 1300, -60, x + 210, 900, x - 210, 900};
    sh_poly(c, ray, 4);
    cv_fill_paint(
        c, &(struct cv_paint){CV_VERTICAL, 0xffe0a0, 0xffd080, 0.30f * pass, 0.04f, 0, 900, 1});
    float lit = 0.6f + 0.4f * pass;
    cv_light(c, lit, lit * 0.9f, lit * 0.8f);
    pe_figure(c, ELIAS, 640, 856, 3.0f,
              &(struct pose){.sits = 1,
                             .lean = -0.25f,
                             .nod = -0.3f,
                             .arm = 0.3f,
                             .arm2 = -0.2f,
                             .mouth = view_mouth(v, ELIAS)});
}
