// The end of act IV, the ferry safe in the bay; and act V: snow, visitors, the second letter.
#include "scenes.h"

#include "nature.h"
#include "props.h"
#include "rooms.h"

#include <math.h>

void sc_home_safe(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x0c1630}, {0.4f, 0x1e3660}, {0.62f, 0x46608a}}, 3);
    sh_look(c, &v->cam, 0.2f);
    na_stars(c, v->film, 90, 71, 0.7f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 140, 340, 520, 22, 13, 0x5a6c90, 0x24345a, 0.8f});
    sh_look(c, &v->cam, 0.4f);
    pr_beam(c, 330, 360, 0.7f, v->t * 1.0f + 0.2f, 0.9f);
    na_rocks(c, 330, 590, 260, 40, 8, 0x34405c, 0x101830);
    cv_push(c);
    cv_light(c, 0.4f, 0.42f, 0.55f);
    pr_lighthouse(c, 330, 572, 0.64f, 1, 0.9f);
    cv_pop(c);
    sh_look(c, &v->cam, 0.6f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 596,
                              .far = 0x34527c,
                              .near = 0x0c1630,
                              .glint_x = 330,
                              .glint = 0xffd890,
                              .glint_alpha = 0.45f,
                              .glint_width = 80,
                              .ripple = 0x12203c,
                              .chop = 0.3f});
    sh_look(c, &v->cam, 1);
    cv_push(c);
    cv_light(c, 0.62f, 0.62f, 0.75f);
    pr_ferry(c, 560 + v->t * 34, 740, 1.25f, 0.012f * sinf(v->film), 0.9f, v->t);
    cv_pop(c);
    for (int i = 0; i < 12; i++) // its lights in the water
        cv_glow(c, 340 + v->t * 34 + i * 44, 790 + 8 * sinf(v->t * 3 + i), 30, 90, 0xffb860, 0.18f);
    sh_look(c, &v->cam, 1.15f);
    na_hills(c, 960, 170, 760, 90, 0x16203c, 0x070c1a);
    cv_light(c, 0.4f, 0.42f, 0.58f);
    pr_village(c, 1120, 1800, 900, 1.0f, 22, 1, 1);
}

void sc_dawn(struct canvas *c, const struct view *v)
{
    cv_sky(
        c,
        (struct cv_stop[]){{0, 0x7ea4d4}, {0.35f, 0xc4cfe8}, {0.54f, 0xffd4c4}, {0.62f, 0xfff0d8}},
        4);
    sh_look(c, &v->cam, 0.2f);
    na_sun(c, 1060, 520, 50, 0xfffaf0, 0xffc4a8);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 120, 400, 520, 5, 81, 0xfff4f0, 0xd8c8dc, 0.8f});
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 560,
                              .far = 0xfadcd0,
                              .near = 0x7c9cc0,
                              .glint_x = 1060,
                              .glint = 0xffd8c0,
                              .glint_alpha = 0.35f,
                              .glint_width = 90,
                              .ripple = 0xa8b4d0,
                              .chop = 0});
    sh_look(c, &v->cam, 0.9f);
    na_rocks(c, 520, 690, 640, 100, 8, 0xc8c8dc, 0x6c7494);
    pr_lighthouse(c, 540, 626, 1.05f, 0.25f, 0.2f);
    na_rocks(c, 430, 712, 300, 46, 9, 0xf0f0fa, 0x8c94b4);
    cv_push(c); // a still sea mirrors the tower
    cv_move(c, 540, 724);
    cv_zoom(c, 1, -0.5f);
    cv_tint(c, 0xa8b8d4, 0.6f);
    pr_lighthouse(c, 0, 0, 1.05f, 0, 0);
    cv_pop(c);
    sh_screen(c);
    na_mist(c, 500, 720, 0xffe8e4, 0.4f);
    na_snow(c, v->film, 170, 5.5f, 0.15f, 0.95f);
}

void sc_asleep(struct canvas *c, const struct view *v)
{
    rm_lantern(c, v, MORNING, 0.12f);
    float ray[] = {1100, -50, 1420, -50, 900, 900, 380, 900};
    sh_poly(c, ray, 4);
    cv_fill_paint(c, &(struct cv_paint){CV_VERTICAL, 0xffe8d0, 0xffe0c0, 0.3f, 0.05f, 0, 900, 1});
    pe_figure(c, PIP, 640, 872, 2.5f, &(struct pose){.glow = 0});
    float breath = 0.02f * sinf(v->t * 1.8f);
    pe_figure(
        c, NORA, 800, 884, 2.5f,
        &(struct pose){
            .sits = 1, .left = 1, .lean = 0.3f + breath, .nod = 0.35f, .arm = 0.9f, .arm2 = 0.7f});
    for (int i = 0; i < 22; i++) { // dust in the light
        float u = v->t * 0.05f + cv_hash(i, 1);
        cv_dot(c, 500 + 600 * cv_hash(i, 2) + 20 * sinf(v->t + i), 780 - 600 * (u - floorf(u)),
               2.2f, 0xfff4e0, 0.6f);
    }
}

void sc_boats_come(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x90b4dc}, {0.4f, 0xd0dcee}, {0.6f, 0xfdf0e8}}, 3);
    sh_look(c, &v->cam, 0.3f);
    na_range(c, 560, 190, 300, 19, 0xc8d4ea, 0xa8b8d8, 0xffffff);
    na_hills(c, 570, 60, 500, 24, 0xe4ecf6, 0xc4d2e6);
    pr_village(c, 560, 1100, 566, 0.3f, 22, 0.2f, 1);
    sh_look(c, &v->cam, 0.6f);
    na_water(
        c, v->film,
        &(struct na_sea){
            .horizon = 560, .far = 0xc8dcea, .near = 0x5c8cb0, .ripple = 0x88aaca, .chop = 0.25f});
    pr_ferry(c, 1180, 650, 0.75f, 0, 0.1f, v->t);
    sh_look(c, &v->cam, 1);
    static const uint32_t hulls[] = {0xb84a38, 0x2f7a80, 0xd09a3c};
    for (int i = 0; i < 3; i++) {
        float x = 260 + i * 430 + v->t * (34 - 6 * i), y = 720 + i * 52 - (i == 1) * 10,
              s = 1.1f + 0.25f * i;
        float tilt = 0.03f * sinf(v->film * 1.4f + i * 2);
        for (int p = 0; p < 4; p++)
            pe_stranger(c, x + s * (20 + p * 26), y - 26 * s, s * 0.62f, i * 5 + p + 3, v->t);
        if (i == 1)
            pe_figure(c, MARLOW, x + 150 * s * 0.7f, y - 34 * s, s * 0.72f,
                      &(struct pose){.arm = 2.3f + 0.3f * sinf(v->t * 6),
                                     .mouth = view_mouth(v, MARLOW)});
        pr_fishing_boat(c, x, y, s, tilt, hulls[i]);
    }
    for (int i = 0; i < 5; i++)
        na_gull(c, 400 + i * 190 + v->t * 40, 240 + (i * 83) % 150, 24, v->t * 7 + i, 0xffffff);
    sh_screen(c);
    na_snow(c, v->film, 110, 5, 0.2f, 0.95f);
}

static void snowy_rock(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x93b4dc}, {0.5f, 0xd4deee}, {0.7f, 0xfbece4}}, 3);
    sh_look(c, &v->cam, 0.3f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 130, 420, 520, 6, 95, 0xffffff, 0xd4dcec, 0.8f});
    sh_look(c, &v->cam, 0.5f);
    na_water(
        c, v->film,
        &(struct na_sea){
            .horizon = 570, .far = 0xd0e0ee, .near = 0x7098bc, .ripple = 0x98b4d0, .chop = 0.15f});
    sh_look(c, &v->cam, 1);
    pr_lighthouse(c, 250, 760, 2.3f, 0.15f, 0.3f);
    na_hills(c, 850, 130, 1100, 97, 0xffffff, 0xc4d2e6);
}

void sc_meeting(struct canvas *c, const struct view *v)
{
    snowy_rock(c, v);
    if (v->shot->variant == 2) { // Nora has Pip in her arms, everybody around
        for (int i = 0; i < 9; i++)
            pe_stranger(c, 300 + i * 125 + (i > 4) * 120, 830 + (i % 2) * 16, 1.1f, i + 30, v->t);
        pe_figure(c, MARLOW, 1010, 868, 1.35f,
                  &(struct pose){.left = 1, .arm = 2.2f + 0.2f * sinf(v->t * 6)});
        pe_figure(c, ELIAS, 560, 868, 1.35f,
                  &(struct pose){.arm = 0.9f, .arm2 = 1.0f, .elbow = 0.4f});
        float hop = fabsf(sinf(v->t * 4)) * 10;
        pe_figure(
            c, PIP, 840, 872 - hop, 1.7f,
            &(struct pose){.left = 1, .glow = 1, .walk = v->t * 9, .stride = 0.5f, .arm = 1.9f});
        pe_figure(c, NORA, 770, 880 - hop * 0.5f, 1.75f,
                  &(struct pose){
                      .arm = 1.25f, .arm2 = 1.1f, .lean = 0.12f, .mouth = view_mouth(v, NORA)});
        sh_screen(c);
        na_snow(c, v->film, 130, 6, 0.15f, 0.95f);
        return;
    }
    for (int i = 0; i < 8; i++)
        pe_stranger(c, 1050 + i * 84, 800 + (i % 3) * 14, 1.35f, i + 14, 0);
    pe_figure(c, MARLOW, 960, 866, 2.1f,
              &(struct pose){.left = 1, .arm = 0.3f, .arm2 = 0.2f, .mouth = view_mouth(v, MARLOW)});
    pe_figure(c, ELIAS, 560, 872, 2.1f,
              &(struct pose){.arm = 0.8f,
                             .arm2 = 0.5f,
                             .elbow = 0.6f,
                             .lean = -0.05f,
                             .mouth = view_mouth(v, ELIAS)});
    sh_line(c, 520, 640, 470, 880, 11); // a crutch
    sh_line(c, 492, 646, 548, 640, 14);
    cv_fill(c, 0x7a5232);
    pe_figure(c, NORA, 700, 880, 2.1f, &(struct pose){.arm = 0.5f, .sad = 1});
    pe_figure(c, PIP, 790, 884, 1.9f, &(struct pose){.glow = 0});
    sh_screen(c);
    na_snow(c, v->film, 130, 6, 0.15f, 0.95f);
}

void sc_repair(struct canvas *c, const struct view *v)
{
    sh_look(c, &v->cam, 1);
    sh_rect(c, -300, -300, 2300, 1600); // a workbench from above
    cv_fill_h(c, 0, 0xb48a5c, 1600, 0x8a643c);
    for (int i = -2; i < 9; i++)
        sh_rect(c, -300, i * 150 + 60, 2300, 5);
    cv_fill_a(c, 0x4a3018, 0.5f);
    sh_limb(c, 180, 240, 16, 420, 170, 14); // screwdriver, spanner, screws
    cv_fill(c, 0x9aa4ac);
    sh_limb(c, 60, 276, 34, 190, 238, 30);
    cv_fill(c, 0xc8402c);
    sh_limb(c, 1250, 160, 20, 1490, 250, 20);
    sh_circle(c, 1240, 154, 46);
    sh_circle(c, 1500, 254, 38);
    cv_fill_h(c, 1200, 0x6a747c, 1540, 0xb4bec6);
    for (int i = 0; i < 9; i++)
        cv_dot(c, 220 + cv_hash(i, 1) * 240, 640 + cv_hash(i, 2) * 160, 11, 0xb0b8c0, 1);
    cv_push(c); // Pip on his back, the door open
    cv_at(c, 800, 240, 1.85f);
    sh_round(c, -170, -200, 340, 640, 70);
    cv_fill_h(c, -170, 0x8a4c2a, 170, 0xe0955a);
    sh_round(c, -112, -20, 224, 220, 24);
    cv_fill(c, 0x1a100c);
    for (int i = 0; i < 4; i++) {
        float wire[] = {-100 + i * 14.0f, 10, -60 + i * 20.0f, 40 + i * 9.0f, -80 + i * 46.0f, 60};
        sh_stroke(c, wire, 3, 7);
        cv_fill(c, i == 0 ? 0xc83a2c : i == 1 ? 0x2c6ac8 : i == 2 ? 0xd8b03a : 0x4a9a4a);
    }
    float in = cv_ramp(v->t, 0.6f, 2.7f);
    pr_battery(c, cv_lerp(260, 0, in), cv_lerp(-40, 178, in), 1.02f,
               0.25f + 0.75f * cv_ramp(v->t, 2.8f, 3.3f), 0);
    cv_pop(c);
    float hx = cv_lerp(1420, 945, in), hy = cv_lerp(130, 520, in),
          away = cv_ramp(v->t, 3.0f, 4.2f) * 500;
    sh_limb(c, hx + 560 + away, hy - 180, 110, hx + 120 + away, hy - 20,
            74); // Marlow's sleeve and hand
    cv_fill(c, 0x24343e);
    sh_line(c, hx + 170 + away, hy - 110, hx + 200 + away, hy + 40, 16);
    cv_fill(c, 0xe6c25a);
    sh_circle(c, hx + 60 + away, hy, 66);
    for (int i = 0; i < 4; i++)
        sh_limb(c, hx + 40 + away, hy - 30 + i * 22, 20, hx - 40 + away, hy - 50 + i * 34, 16);
    cv_fill(c, 0xdba27c);
    float n = cv_ramp(v->t, 2.7f, 3.6f); // and Nora's, closing the door
    float nx = cv_lerp(-300, 560, n), ny = 760;
    sh_limb(c, nx - 420, ny + 190, 90, nx - 60, ny + 20, 60);
    cv_fill(c, 0xd2392f);
    sh_circle(c, nx, ny, 52);
    for (int i = 0; i < 4; i++)
        sh_limb(c, nx + 10, ny - 26 + i * 18, 16, nx + 74, ny - 44 + i * 26, 13);
    cv_fill(c, 0xf2c9a5);
    sh_screen(c);
    cv_glow(c, 1300, 60, 1100, 800, 0xfff0d0, 0.3f);
}

void sc_gallery(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x081230}, {0.4f, 0x1a3466}, {0.7f, 0x3c6496}}, 3);
    sh_look(c, &v->cam, 0.12f);
    na_stars(c, v->film, 200, 87, 1);
    na_aurora(c, v->film, 330, 300, 0.34f);
    sh_look(c, &v->cam, 0.4f);
    na_range(c, 640, 150, 260, 33, 0x3a527e, 0x26386a, 0xa8bce0);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 630,
                              .far = 0x2c5484,
                              .near = 0x0a1634,
                              .glint_x = 640,
                              .glint = 0x60d8a8,
                              .glint_alpha = 0.2f,
                              .glint_width = 260,
                              .ripple = 0x14264a,
                              .chop = 0.15f});
    sh_look(c, &v->cam, 1);
    cv_glow(c, 1620, 300, 900, 900, 0xffc868, 0.55f);
    cv_push(c);
    cv_tint(c, 0x0c1224, 0.78f);
    pe_figure(c, ELIAS, 560, 800, 2.4f,
              &(struct pose){.arm = 0.5f, .nod = -0.12f, .mouth = view_mouth(v, ELIAS)});
    pe_figure(c, NORA, 790, 802, 2.4f,
              &(struct pose){.left = 1, .nod = -0.16f, .arm = 0.3f, .mouth = view_mouth(v, NORA)});
    pe_figure(c, PIP, 930, 804, 2.3f,
              &(struct pose){.left = 1, .glow = 0.9f, .arm = 1.6f + 0.3f * sinf(v->t * 3)});
    cv_pop(c);
    sh_rect(c, 1330, -100, 500, 1100); // the lamp room behind them
    cv_fill_h(c, 1330, 0xffd98a, 1600, 0xfff0c0);
    for (int i = 0; i < 4; i++)
        sh_rect(c, 1322 + i * 110.0f, -100, 18, 1100);
    sh_rect(c, 1330, 330, 500, 14);
    cv_fill(c, 0x2a2024);
    for (int i = -2; i < 30; i++)
        sh_rect(c, i * 62, 690, 8, 130);
    sh_rect(c, -300, 682, 1640, 12);
    sh_rect(c, -300, 740, 1640, 6);
    sh_rect(c, -300, 800, 2300, 300);
    cv_fill_v(c, 680, 0x1c2234, 900, 0x0a0c16);
    sh_rect(c, -300, 796, 1640, 10);
    sh_rect(c, -300, 676, 1640, 7);
    cv_fill_a(c, 0xf4f8ff, 0.85f);
    sh_screen(c);
    na_snow(c, v->film, 60, 5, 0.1f, 0.8f);
}

void sc_train_leaves(struct canvas *c, const struct view *v)
{
    cv_sky(
        c,
        (struct cv_stop[]){{0, 0x141f48}, {0.35f, 0x4a4a86}, {0.52f, 0xb87898}, {0.62f, 0xf0b098}},
        4);
    sh_look(c, &v->cam, 0.12f);
    na_stars(c, v->film, 110, 93, 0.7f);
    na_moon(c, 1260, 180, 34, 0.7f);
    sh_look(c, &v->cam, 0.35f);
    pr_beam(c, 420, 470, 0.36f, v->t * 1.0f - 0.4f, 0.9f);
    na_water(
        c, v->film,
        &(struct na_sea){
            .horizon = 540, .far = 0xa87890, .near = 0x2c3060, .ripple = 0x50487a, .chop = 0.15f});
    na_rocks(c, 420, 580, 170, 26, 8, 0x4a4468, 0x20203e);
    cv_push(c);
    cv_light(c, 0.5f, 0.46f, 0.6f);
    pr_lighthouse(c, 420, 570, 0.3f, 1, 1);
    cv_pop(c);
    sh_look(c, &v->cam, 0.7f);
    na_hills(c, 700, 120, 700, 44, 0x8a88b4, 0x4a4a80);
    cv_push(c);
    cv_light(c, 0.5f, 0.48f, 0.66f);
    pr_village(c, 760, 1500, 700, 0.7f, 4, 1, 1);
    cv_pop(c);
    sh_look(c, &v->cam, 1);
    na_hills(c, 850, 80, 900, 58, 0xa8a8d0, 0x5c5c94);
    cv_push(c);
    cv_light(c, 0.62f, 0.56f, 0.72f);
    cv_move(c, 1500 - v->t * 120, 816);
    cv_zoom(c, -1, 1);
    pr_train(c, 0, 0, 0.85f, v->t, 3, 1);
    cv_pop(c);
    sh_look(c, &v->cam, 1.4f);
    na_hills(c, 980, 130, 700, 66, 0x6c6ca4, 0x2a2c58);
    na_forest(c, 990, 130, 700, 66, 280, 150, 0x20244c, 0xb8b8e0);
    sh_screen(c);
    na_snow(c, v->film, 90, 5.5f, 0.2f, 0.85f);
}

void sc_last_wide(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x040a1e}, {0.5f, 0x0e2048}, {0.8f, 0x28487c}, {1, 0x3a608e}},
           4);
    sh_look(c, &v->cam, 0.2f);
    na_stars(c, v->film, 320, 99, 1);
    for (int i = 0; i < 60; i++) { // the Milky Way
        float u = cv_hash(i, 1);
        cv_glow(c, 200 + 1200 * u, 560 - 520 * u + 120 * (cv_hash(i, 2) - 0.5f), 150, 110, 0x5a6aa0,
                0.05f);
    }
    sh_look(c, &v->cam, 0.7f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 700,
                              .far = 0x2a4c7c,
                              .near = 0x081228,
                              .glint_x = 800,
                              .glint = 0xffd890,
                              .glint_alpha = 0.3f,
                              .glint_width = 50,
                              .ripple = 0x101f40,
                              .chop = 0.1f});
    sh_look(c, &v->cam, 0.9f);
    pr_beam(c, 800, 618, 0.34f, v->t * 1.0f + 0.4f, 1.1f);
    na_rocks(c, 795, 734, 200, 30, 8, 0x2c3c60, 0x0c1630);
    cv_light(c, 0.4f, 0.42f, 0.58f);
    pr_lighthouse(c, 800, 724, 0.32f, 1, 1);
}
