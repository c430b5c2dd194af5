// Act II: across to Gull Rock, the letter, and the lamp lit as on every evening.
#include "scenes.h"

#include "nature.h"
#include "props.h"
#include "rooms.h"

#include <math.h>

static void golden_sea(struct canvas *c, const struct view *v, float sun_x)
{
    cv_sky(c,
           (struct cv_stop[]){{0, 0x3c4a88}, {0.32f, 0xc07c8c}, {0.5f, 0xffb070}, {0.6f, 0xffdc98}},
           4);
    sh_look(c, &v->cam, 0.2f);
    na_sun(c, sun_x, 480, 52, 0xfff6d4, 0xff9a48);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 130, 380, 420, 8, 19, 0xffc898, 0xb86a80, 0.8f});
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 540,
                              .far = 0xf0a070,
                              .near = 0x2c3a64,
                              .glint_x = sun_x,
                              .glint = 0xffb868,
                              .glint_alpha = 0.6f,
                              .glint_width = 110,
                              .ripple = 0x4c3c64,
                              .chop = 0.25f});
}

void sc_rowing(struct canvas *c, const struct view *v)
{
    golden_sea(c, v, 420);
    sh_look(c, &v->cam, 0.7f);
    na_rocks(c, 1230, 640, 520, 110, 8, 0xa8788a, 0x3c3050);
    pr_lighthouse(c, 1220, 570, 0.95f, 0.12f, 0.4f);
    sh_look(c, &v->cam, 1);
    struct na_wave near = {.y = 760,
                           .amp = 30,
                           .length = 420,
                           .speed = -30,
                           .bottom = 1000,
                           .seed = 2,
                           .top = 0x6a5c84,
                           .deep = 0x1c2444};
    float x = 480 + v->t * 34, y = na_wave_y(&near, x, v->film) - 6,
          tilt = na_wave_slope(&near, x, v->film) * 0.7f;
    cv_push(c);
    cv_light(c, 0.8f, 0.66f, 0.7f);
    pe_figure(
        c, ELIAS, x + 10, y + 30, 0.95f,
        &(struct pose){
            .sits = 1, .left = 1, .lean = 0.1f * sinf(v->t * 2.4f), .arm = 0.9f, .arm2 = 0.9f});
    pe_figure(c, NORA, x - 84, y + 20, 0.95f, &(struct pose){.sits = 1, .arm = 0.3f});
    pe_figure(c, PIP, x + 92, y + 2, 0.9f, &(struct pose){.glow = 1});
    pr_rowboat(c, x, y + 8, 1.25f, tilt, v->t * 2.4f);
    cv_pop(c);
    na_wave(c, v->film, &near);
    for (int i = 0; i < 4; i++)
        na_gull(c, 980 + i * 90 - v->t * 30, 250 + (i * 57) % 110, 22, v->t * 6 + i * 2, 0xffe8d8);
}

void sc_in_boat(struct canvas *c, const struct view *v)
{
    golden_sea(c, v, 1190);
    sh_look(c, &v->cam, 0.7f);
    struct na_wave far = {.y = 700,
                          .amp = 26,
                          .length = 500,
                          .speed = -40,
                          .bottom = 1000,
                          .seed = 5,
                          .top = 0x6c5878,
                          .deep = 0x2c2c4c};
    na_wave(c, v->film, &far);
    sh_look(c, &v->cam, 1);
    cv_turn(c, 0.025f * sinf(v->film * 1.1f));
    cv_push(c);
    cv_light(c, 0.92f, 0.78f, 0.74f);
    float pull = sinf(v->t * 2.2f);
    pe_figure(
        c, NORA, 470, 920, 3.3f,
        &(struct pose){
            .sits = 1, .arm = 0.5f, .arm2 = 0.4f, .mouth = view_mouth(v, NORA), .nod = -0.08f});
    pe_figure(c, PIP, 800, 850, 2.6f, &(struct pose){.glow = 1, .left = 1});
    pe_figure(c, ELIAS, 1120, 930, 3.0f,
              &(struct pose){.sits = 1,
                             .left = 1,
                             .lean = -0.1f - 0.12f * pull,
                             .arm = 1.0f + 0.2f * pull,
                             .arm2 = 1.1f + 0.2f * pull,
                             .mouth = view_mouth(v, ELIAS)});
    sh_line(c, 860, 690 + 30 * pull, 1500, 860 - 40 * pull, 13);
    cv_fill(c, 0xc89a60);
    float hull[] = {40,  690,  200, 800,  600,  830, 800,  830, 1100, 830, 1420, 800, 1560,
                    660, 1560, 860, 1400, 1000, 800, 1020, 300, 1020, 100, 960,  40,  690};
    sh_curves(c, hull, 4);
    cv_fill_v(c, 700, 0x9c6038, 940, 0x4a2c20);
    float rim[] = {40, 690, 210, 784, 600, 824, 800, 828, 1100, 824, 1400, 784, 1560, 660};
    sh_stroke(c, rim, 7, 20);
    cv_fill(c, 0xdca868);
    cv_pop(c);
}

void sc_tower(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x2c4a90}, {0.4f, 0x8a7ab0}, {0.8f, 0xffb488}, {1, 0xffd8a0}},
           4);
    sh_look(c, &v->cam, 0.3f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){8, -100, 700, 520, 16, 29, 0xffd8b8, 0xb88098, 0.8f});
    sh_look(c, &v->cam, 1);
    na_rocks(c, 800, 1380, 1500, 190, 15, 0xb89a98, 0x54445c);
    na_rocks(c, 430, 1420, 700, 160, 16, 0xc8a49c, 0x4a3c54);
    cv_push(c);
    cv_light(c, 1, 0.9f, 0.86f);
    pr_lighthouse(c, 860, 1270, 3.05f, 0.1f, 0.35f);
    cv_pop(c);
    for (int i = 0; i < 7; i++) {
        float a = v->t * 0.7f + i * 0.9f;
        na_gull(c, 860 + 420 * cosf(a), 260 + 120 * sinf(a) + i * 70, 30 + 8 * sinf(a),
                v->t * 7 + i * 2, 0xfff8f0);
    }
}

void sc_ferry_pass(struct canvas *c, const struct view *v)
{
    golden_sea(c, v, 300);
    sh_look(c, &v->cam, 1);
    struct na_wave wake = {.y = 720,
                           .amp = 36,
                           .length = 380,
                           .speed = 60,
                           .bottom = 1000,
                           .seed = 7,
                           .top = 0x6c6890,
                           .deep = 0x222c50,
                           .foam = 0xf8e4d8};
    cv_push(c);
    cv_light(c, 0.96f, 0.86f, 0.84f);
    pr_ferry(c, 420 + v->t * 90, 700, 2.1f, 0.012f * sinf(v->film), 0.6f, v->t);
    for (int i = 0; i < 8; i++)
        pe_stranger(c, 140 + v->t * 90 + i * 62.0f, 512, 0.3f, i + 2, v->t);
    cv_pop(c);
    na_wave(c, v->film, &wake);
    float x = 1150 - v->t * 20, y = na_wave_y(&wake, x, v->film) + 40;
    cv_push(c);
    cv_light(c, 0.75f, 0.62f, 0.66f);
    pe_figure(c, ELIAS, x + 10, y + 16, 0.8f,
              &(struct pose){.sits = 1, .left = 1, .arm = 2.2f + 0.3f * sinf(v->t * 7)});
    pe_figure(c, NORA, x - 70, y + 10, 0.8f,
              &(struct pose){.sits = 1, .left = 1, .arm = 2.4f + 0.3f * sinf(v->t * 8)});
    pe_figure(c, PIP, x + 80, y - 4, 0.8f, &(struct pose){.glow = 1, .left = 1});
    pr_rowboat(c, x, y, 1.1f, na_wave_slope(&wake, x, v->film) * 0.6f, 1);
    cv_pop(c);
    wake.y = 860;
    wake.seed = 9;
    na_wave(c, v->film, &wake);
}

void sc_kitchen(struct canvas *c, const struct view *v)
{
    rm_kitchen(c, v, DUSK, v->shot->variant ? 0.75f : 1);
    if (v->shot->variant == 0) {
        pe_figure(
            c, NORA, 600, 840, 2.5f,
            &(struct pose){.sits = 1, .arm = 0.9f, .arm2 = 0.8f, .mouth = view_mouth(v, NORA)});
        pe_figure(c, ELIAS, 980, 862, 2.3f,
                  &(struct pose){.sits = 1,
                                 .left = 1,
                                 .arm = 0.9f,
                                 .arm2 = 1.0f,
                                 .elbow = 0.5f,
                                 .mouth = view_mouth(v, ELIAS)});
        pr_table(c, 790, 880, 520, 190);
        pe_figure(c, PIP, 790, 672, 1.5f, &(struct pose){.glow = 1, .left = 1});
        for (int i = 0; i < 2; i++) { // soup
            sh_ellipse(c, 640 + i * 290.0f, 662, 44, 12);
            cv_fill(c, 0xe8e0d0);
            sh_ellipse(c, 640 + i * 290.0f, 659, 34, 8);
            cv_fill(c, 0xc87a3a);
            na_smoke(c, 640 + i * 290.0f, 650, v->t + i, 24, 0xfff4e0, 0.25f);
        }
        sh_rect(c, 884, 640, 66, 26);
        cv_fill(c, 0xf6efdc);
        return;
    }
    cv_push(c);
    cv_tint(c, 0x1c1218, 0.82f);
    pe_figure(c, ELIAS, 1080, 742, 1.9f,
              &(struct pose){.arm = 0.2f, .mouth = view_mouth(v, ELIAS)});
    pe_figure(c, NORA, 1255, 742, 1.9f,
              &(struct pose){.left = 1, .arm = 0.3f, .nod = -0.1f, .mouth = view_mouth(v, NORA)});
    pe_figure(c, PIP, 1356, 742, 1.7f, &(struct pose){.left = 1, .glow = 0.8f});
    cv_pop(c);
    cv_glow(c, 1185, 430, 420, 300, 0xff8a48, 0.3f);
}

void sc_letter(struct canvas *c, const struct view *v)
{
    int stays = v->shot->variant;
    sh_look(c, &v->cam, 1);
    sh_rect(c, -400, -300, 2400, 1500);
    cv_fill_v(c, 0, stays ? 0xb08454 : 0x7c4e30, 900, stays ? 0x8a5c38 : 0x482a1a);
    for (int i = -2; i < 10; i++) { // boards and their grain
        sh_rect(c, -400, i * 132, 2400, 5);
        for (int k = 0; k < 5; k++) {
            float x = cv_hash(i, k) * 2000 - 300, y = i * 132 + 20 + 100 * cv_hash(i, k + 9);
            sh_ellipse(c, x, y, 120 + 160 * cv_hash(i, k + 20), 2);
        }
    }
    cv_fill_a(c, 0x2a160c, 0.4f);
    if (!stays) {
        sh_ellipse(c, 250, 690, 130, 130); // a cup of tea, seen from above
        cv_fill(c, 0xd8d0c0);
        sh_circle(c, 250, 690, 112);
        cv_fill(c, 0x3e6470);
        sh_circle(c, 250, 690, 96);
        cv_fill_v(c, 600, 0xa8602a, 780, 0x74401c);
    } else { // a sprig of pine and a ribbon
        for (int i = 0; i < 16; i++)
            sh_limb(c, 170 + i * 15, 760 - i * 16, 3, 100 + i * 17 + (i % 2 ? 0 : 110),
                    690 - i * 13 + (i % 2 ? 0 : 40), 1);
        cv_fill(c, 0x2c5c40);
        for (int i = 0; i < 3; i++)
            sh_circle(c, 300 + i * 26, 660 - (i % 2) * 22, 13);
        cv_fill(c, 0xc8342c);
    }
    pr_letter(c, 830, 470, stays ? 640 : 720, stays ? 560 : 860, stays ? 0.05f : -0.06f,
              stays ? 77 : 3);
    if (v->text) { // captions are drawn on the bare screen; follow the paper
        float x, y, k = v->cam.zoom;
        cv_point(c, 830, stays ? 268 : 110, &x, &y);
        sh_screen(c);
        x *= CV_USER_W / c->w;
        y *= CV_USER_W / c->w;
        film_caption(c, v->text, stays ? CAP_LETTER3 : CAP_LETTER1, x, y, 0x2c2c44, 0.95f);
        if (!stays)
            film_caption(c, v->text, CAP_LETTER2, x, y + 64 * k, 0x6a2024, 0.95f);
    }
    sh_screen(c);
    cv_glow(c, stays ? 1300 : 300, 100, 1100, 900, stays ? 0xffe8b0 : 0xff9a40, 0.3f);
}

// The three of them on the stairs, lowest first; those on the far side go between the two halves.
static void climbers(struct canvas *c, const struct view *v, float at, int near, float speed)
{
    static const enum who order[] = {PIP, NORA, ELIAS};
    int from = 0, to = v->shot->variant == 3 ? 2 : 3;
    for (int i = from; i < to; i++) {
        float x, y, z, s = at + i * 2.6f;
        rm_stair_at(s, &x, &y, &z);
        if ((z > 0) != near)
            continue;
        float k = 1.15f + 0.25f * z;
        struct pose p = {.walk = v->t * speed,
                         .stride = 0.6f,
                         .left = z < 0 ? 0 : 1,
                         .glow = 1,
                         .lantern = order[i] == ELIAS && v->shot->variant == 0};
        if (z >= 0 && near)
            p.left = sinf(s * 0.3f) > 0;
        p.arm = p.lantern ? 0.7f : 0.2f;
        cv_push(c);
        float lit = 0.75f + 0.25f * z;
        cv_light(c, lit, lit * 0.92f, lit * 0.9f);
        pe_figure(c, order[i], x, y + 6, k, &p);
        cv_pop(c);
    }
}

void sc_stairs(struct canvas *c, const struct view *v)
{
    int k = v->shot->variant;
    float light = k == 0 ? 0.85f : 0.55f + 0.4f * v->flash;
    struct view in = *v;
    in.cam.roll = k == 2 ? 0.1f : 0;
    rm_stairs_back(c, &in, light);
    float at = k == 0 ? 12 + v->t * 1.9f : k == 3 ? 124 + v->t * 6.2f : 0;
    if (k == 0 || k == 3)
        climbers(c, v, at, 0, k == 3 ? 12 : 6);
    float x, y, z;
    if (k == 1) { // Elias hurries down with the lantern
        rm_stair_at(52.5f - v->t * 5.2f, &x, &y, &z);
        if (z <= 0)
            pe_figure(
                c, ELIAS, x, y, 1.3f,
                &(struct pose){.walk = -v->t * 13, .stride = 0.8f, .lantern = 1, .arm = 0.8f});
    }
    rm_stairs_front(c, v, light);
    if (k == 0 || k == 3)
        climbers(c, v, at, 1, k == 3 ? 12 : 6);
    if (k == 1 && z > 0)
        pe_figure(c, ELIAS, x, y, 1.5f,
                  &(struct pose){
                      .walk = -v->t * 13, .stride = 0.8f, .lantern = 1, .arm = 0.8f, .left = 1});
    if (k == 2) { // and falls
        float fall = cv_ramp(v->t, 0, 0.6f);
        rm_stair_at(4.5f - 2.4f * fall, &x, &y, &z);
        cv_push(c);
        cv_light(c, 0.7f, 0.62f, 0.62f);
        pe_figure(c, ELIAS, x - 60, y - 14, 1.6f,
                  &(struct pose){.left = 1,
                                 .lean = 1.2f * fall + 0.1f,
                                 .arm = 2.2f,
                                 .arm2 = 1.6f,
                                 .walk = 1.2f,
                                 .stride = 0.9f});
        cv_pop(c);
    }
    if (k == 0)
        cv_glow(c, 800, 300, 900, 800, 0xff9a48, 0.22f);
}

void sc_lantern(struct canvas *c, const struct view *v)
{
    int k = v->shot->variant;
    if (k == 0) {
        float power = cv_ramp(v->t, 2.2f, v->length - 0.3f);
        rm_lantern(c, v, NIGHT, power);
        pe_figure(c, ELIAS, 470, 850, 2.1f,
                  &(struct pose){
                      .arm = 1.3f - 0.5f * cv_ramp(v->t, 1.5f, 2.2f), .elbow = 0.5f, .arm2 = 0.4f});
        pe_figure(c, NORA, 1150, 856, 2.2f, &(struct pose){.left = 1, .arm = 0.2f, .nod = -0.12f});
        pe_figure(c, PIP, 1290, 862, 2.0f, &(struct pose){.left = 1, .glow = 1});
        cv_veil(c, 0xfff0c8, 0.5f * power * power);
    } else if (k == 1) { // the lamp fails
        float flicker = 0.45f + 0.55f * cv_noise(v->t * 9, 8), dying = cv_ramp(v->t, 0.5f, 1.7f);
        float power = cv_lerp(1, flicker, cv_ramp(v->t, 0.2f, 0.7f)) * (1 - dying);
        rm_lantern(c, v, STORMY, power);
        pe_figure(c, ELIAS, 1180, 850, 2.2f,
                  &(struct pose){.left = 1, .arm = 1.2f, .arm2 = 1.5f, .lean = -0.05f});
        sh_screen(c);
        na_rain(c, v->film, 60, 0.1f, 40, 0.15f);
    } else { // Nora kneels before Pip
        rm_lantern(c, v, STORMY, 0);
        cv_light(c, 0.9f, 0.9f, 1);
        pe_figure(
            c, NORA, 690, 880, 2.3f,
            &(struct pose){
                .sits = 1, .arm = 1.1f, .arm2 = 0.9f, .sad = 1, .mouth = view_mouth(v, NORA)});
        pe_figure(c, PIP, 920, 880, 2.6f,
                  &(struct pose){.left = 1, .glow = 1, .arm = 0.5f + 0.2f * sinf(v->t * 2)});
    }
}

void sc_night_beam(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x050b1e}, {0.4f, 0x102250}, {0.66f, 0x2a5080}}, 3);
    sh_look(c, &v->cam, 0.15f);
    na_stars(c, v->film, 190, 31, 1);
    na_moon(c, 330, 190, 40, 0.8f);
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 600,
                              .far = 0x244a74,
                              .near = 0x060e22,
                              .glint_x = 330,
                              .glint = 0xa8c0e8,
                              .glint_alpha = 0.35f,
                              .glint_width = 70,
                              .ripple = 0x0c1c38,
                              .chop = 0.2f});
    float a = v->t * 1.05f - 0.6f;
    sh_look(c, &v->cam, 0.8f);
    pr_beam(c, 1150, 660 - 1.25f * PR_LAMP_HEIGHT - 40, 1.25f, a, 1);
    na_rocks(c, 1120, 690, 620, 110, 8, 0x3c4c70, 0x0e1830);
    cv_push(c);
    cv_light(c, 0.36f, 0.4f, 0.58f);
    pr_lighthouse(c, 1150, 624, 1.25f, 1, 1);
    cv_pop(c);
    sh_look(c, &v->cam, 1.1f);
    na_hills(c, 940, 150, 800, 77, 0x1a2848, 0x080e20);
    cv_light(c, 0.4f, 0.44f, 0.62f);
    pr_village(c, -60, 640, 880, 0.8f, 22, 0.9f, 1);
}
