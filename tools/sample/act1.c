// Act I: the train comes down from the snow to the sea.
#include "scenes.h"

#include "nature.h"
#include "props.h"

#include <math.h>

void sc_viaduct(struct canvas *c, const struct view *v)
{
    cv_sky(c,
           (struct cv_stop[]){{0, 0x22386e}, {0.3f, 0x6d6aa4}, {0.5f, 0xe59a94}, {0.66f, 0xffd6a4}},
           4);
    sh_look(c, &v->cam, 0.1f);
    na_stars(c, v->t, 40, 3, 0.35f);
    na_sun(c, 1170, 520, 42, 0xfff2cc, 0xffa060);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 170, 330, 420, 9, 17, 0xffc4a8, 0xa87aa0, 0.75f});
    sh_look(c, &v->cam, 0.25f);
    na_range(c, 660, 380, 330, 5, 0x9a90c0, 0x6a6a9e, 0xffe8e0);
    na_mist(c, 520, 760, 0xffd0b0, 0.55f);
    sh_look(c, &v->cam, 0.5f);
    na_hills(c, 740, 150, 560, 2, 0x6c74a4, 0x4c5688);
    na_forest(c, 740, 150, 560, 2, 70, 26, 0x3c4878, 0xd0d4ec);
    sh_look(c, &v->cam, 1);
    pr_viaduct(c, 640, 330, 190, 0x8a8098, 0x46486c);
    cv_push(c);
    cv_light(c, 0.86f, 0.8f, 0.9f);
    pr_train(c, 250 + v->t * 190, 640, 0.62f, v->t, 4, 0.9f);
    cv_pop(c);
    na_mist(c, 740, 940, 0xb8b0d4, 0.6f);
    sh_look(c, &v->cam, 1.5f);
    na_hills(c, 960, 150, 700, 14, 0x343c68, 0x1c2244);
    na_forest(c, 960, 150, 700, 14, 210, 84, 0x222a50, 0xaab4dc);
}

void sc_train_side(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x6f9ad2}, {0.45f, 0xc8d4e8}, {0.62f, 0xffe4c8}}, 3);
    struct camera run = v->cam;
    run.x += v->t * 300;
    sh_look(c, &run, 0.12f);
    na_range(c, 560, 330, 310, 9, 0xaab8dc, 0x7c8cbc, 0xffffff);
    sh_look(c, &run, 0.4f);
    na_hills(c, 620, 110, 480, 7, 0xe4ecf8, 0xb4c6e0);
    na_forest(c, 620, 110, 480, 7, 110, 44, 0x4a6c7c, 0xf4f8ff);
    struct camera bump = v->cam;
    bump.y += 2.5f * sinf(v->t * 12);
    sh_look(c, &bump, 1);
    sh_rect(c, -400, 240, 2400, 26); // the coach, as long as the screen
    cv_fill(c, 0x3a3440);
    sh_rect(c, -400, 262, 2400, 470);
    cv_fill_v(c, 262, 0xb03a34, 732, 0x6a2026);
    sh_rect(c, -400, 600, 2400, 12);
    cv_fill(c, 0xe6c25a);
    for (int i = 0; i < 3; i++) {
        float x = 60 + i * 530.0f;
        sh_round(c, x - 14, 306, 448, 268, 34);
        cv_fill(c, 0x5c1c20);
        sh_round(c, x, 320, 420, 240, 24);
        cv_fill_v(c, 320, 0x7a5440, 560, 0x3c2a28);
        if (i != 1)
            pe_stranger(c, x + 150, 664, 1.2f, 5 + i, 0);
    }
    cv_push(c); // Nora and Pip behind their window
    cv_clip(c, 590, 240, 420, 322);
    sh_round(c, 590, 320, 420, 240, 24);
    cv_fill_v(c, 320, 0xa87450, 560, 0x5c3c30);
    pe_face(c, NORA, 730, 468, 0.72f,
            &(struct face){.turn = 0.5f, .smile = 0.8f, .blink = pe_blink(v->film, 1)});
    pe_face(c, PIP, 910, 500, 0.5f, &(struct face){.turn = -0.2f + 0.4f * sinf(v->t), .glow = 1});
    cv_pop(c);
    sh_rect(c, 570, 560, 460, 40);
    cv_fill_v(c, 560, 0x92302e, 600, 0x82282a);
    for (int i = 0; i < 3; i++) { // reflections slide along the panes
        float x = 60 + i * 530.0f, s = fmodf(v->t * 260 + i * 130, 560) - 120;
        for (int k = 0; k < 2; k++) {
            float a = x + cv_clamp(s + k * 70, 0, 400), b = x + cv_clamp(s + k * 70 + 34, 0, 420);
            float xy[] = {a, 325, b, 325, fmaxf(b - 80, x), 555, fmaxf(a - 80, x), 555};
            if (b > a)
                sh_poly(c, xy, 4);
        }
    }
    cv_fill_a(c, 0xffffff, 0.13f);
    for (int i = 0; i < 6; i++) { // wheels
        float x = -60 + i * 330.0f, a = v->t * 8;
        sh_circle(c, x, 775, 58);
        cv_fill(c, 0x1c1e24);
        for (int k = 0; k < 3; k++)
            sh_line(c, x - 44 * cosf(a + k * 1.05f), 775 - 44 * sinf(a + k * 1.05f),
                    x + 44 * cosf(a + k * 1.05f), 775 + 44 * sinf(a + k * 1.05f), 6);
        cv_fill(c, 0x6a6c74);
    }
    sh_look(c, &run, 1.3f);
    na_hills(c, 930, 60, 400, 3, 0xf4f8ff, 0xc0d0e8);
    run.x += v->t * 1500; // what is near flies past
    sh_look(c, &run, 1);
    for (int i = 0; i < 14; i++) {
        float x = floorf(run.x / 900) * 900 - 900 + i * 900;
        sh_rect(c, x, -100, 34, 1200);
        cv_fill_a(c, 0x3c3440, 0.75f);
    }
    sh_screen(c);
    na_snow(c, v->t * 2, 60, 6, -6, 0.7f);
}

void sc_train_pass(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x3a5a94}, {0.5f, 0xa8bcd8}, {0.7f, 0xe8e4ea}}, 3);
    sh_look(c, &v->cam, 0.5f);
    na_hills(c, 600, 180, 420, 31, 0xc4d0e4, 0x8ea4c8);
    na_forest(c, 640, 180, 420, 31, 330, 74, 0x2c4656, 0xe8f0fa);
    sh_look(c, &v->cam, 1);
    na_hills(c, 830, 30, 900, 32, 0xf0f4fc, 0xb8c8e0);
    sh_rect(c, -200, 790, 2000, 14);
    cv_fill(c, 0x4a4048);
    for (int i = 0; i < 24; i++)
        sh_rect(c, -100 + i * 78, 800, 40, 16);
    cv_fill(c, 0x5c4638);
    pr_train(c, -500 + v->t * 2300, 800, 3.0f, v->t * 3, 5, 0.7f);
    float gust = cv_ramp(v->t, 0.2f, 0.7f);
    for (int i = 0; i < 40; i++) // powder blown up by the train
        cv_spot(c, cv_hash(i, 4) * 1900 - 150 + v->t * 300, 840 - gust * 320 * cv_hash(i, 5),
                120 * gust, 70 * gust, 0xffffff, 0.3f * gust);
    sh_screen(c);
    na_snow(c, v->t * 4, 140, 9, -8, 0.9f);
}

// The bay as seen from the hills, and with other lights in the last act.
void sc_vista(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x4a86c8}, {0.3f, 0x96c4e4}, {0.46f, 0xf8ecd0}}, 3);
    sh_look(c, &v->cam, 0.15f);
    na_sun(c, 420, 210, 40, 0xfffbe8, 0xffe0a0);
    na_clouds(c, v->film,
              &(struct na_cloudscape){7, 130, 330, 360, 7, 23, 0xffffff, 0xc4dcec, 0.9f});
    sh_look(c, &v->cam, 0.35f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 400,
                              .far = 0xb4d8e4,
                              .near = 0x2f7ca4,
                              .glint_x = 420,
                              .glint = 0xffecc0,
                              .glint_alpha = 0.4f,
                              .glint_width = 90,
                              .ripple = 0x3a86aa,
                              .chop = 0.3f});
    na_rocks(c, 1130, 470, 210, 40, 8, 0xb8b0a8, 0x6a6670);
    pr_lighthouse(c, 1130, 440, 0.36f, 0.15f, 0);
    sh_look(c, &v->cam, 0.7f);
    na_hills(c, 690, 130, 700, 44, 0xe8eef4, 0x9cb4a8);
    na_forest(c, 690, 130, 700, 44, 60, 38, 0x42685c, 0xf4f8fc);
    pr_village(c, 520, 1250, 700, 0.62f, 4, 0.15f, 1);
    sh_look(c, &v->cam, 1.1f);
    na_hills(c, 900, 190, 900, 40, 0xf6f9fd, 0xb0c4dc);
    cv_push(c);
    cv_move(c, 120 + v->t * 95, 792 + v->t * 8);
    cv_turn(c, 0.05f);
    pr_train(c, 0, 0, 0.5f, v->t, 3, 0.5f);
    cv_pop(c);
    na_hills(c, 990, 190, 640, 51, 0xffffff, 0xc8d8ea);
    na_forest(c, 1010, 190, 640, 51, 240, 130, 0x2c4c48, 0xf8fbff);
    for (int i = 0; i < 5; i++)
        na_gull(c, 700 + i * 70 + v->t * 30, 260 + (i * 37) % 90, 15, v->t * 8 + i, 0xffffff);
}

void sc_harbour(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x5a86c0}, {0.35f, 0xe8b898}, {0.56f, 0xffdca4}}, 3);
    sh_look(c, &v->cam, 0.2f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 120, 300, 380, 8, 33, 0xfff0dc, 0xe0a898, 0.85f});
    sh_look(c, &v->cam, 0.4f);
    na_hills(c, 560, 200, 620, 61, 0xc8a8a8, 0xa890a0);
    sh_look(c, &v->cam, 0.7f);
    na_hills(c, 600, 90, 500, 63, 0xe8e0e4, 0xb0a0a8);
    cv_push(c);
    cv_light(c, 1, 0.93f, 0.88f);
    pr_village(c, -100, 1750, 610, 1.05f, 12, 0.3f, 1);
    cv_pop(c);
    sh_look(c, &v->cam, 0.8f);
    sh_rect(c, -300, 606, 2300, 44); // the quay wall
    cv_fill_v(c, 606, 0xa89890, 650, 0x5c5460);
    for (int i = 0; i < 26; i++)
        sh_rect(c, -300 + i * 90, 620, 3, 30);
    cv_fill_a(c, 0x3c3844, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 648,
                              .far = 0xd8a888,
                              .near = 0x2c5c80,
                              .glint_x = 640,
                              .glint = 0xffc88a,
                              .glint_alpha = 0.28f,
                              .glint_width = 190,
                              .ripple = 0x2c4c70,
                              .chop = 0.35f});
    sh_look(c, &v->cam, 1);
    static const uint32_t hulls[] = {0x2f7a80, 0xb84a38, 0x40649c, 0xd09a3c, 0x4c7a48};
    for (int i = 0; i < 5; i++)
        pr_fishing_boat(c, 120 + i * 370.0f, 730 + (i * 53) % 110, 0.9f + 0.12f * (i % 3),
                        0.035f * sinf(v->film * 1.2f + i * 1.9f), hulls[i]);
    for (int i = 0; i < 7; i++)
        na_gull(c, 300 + i * 150 + v->t * (30 + i * 9),
                230 + (i * 71) % 190 + 14 * sinf(v->t * 1.4f + i), 22 + 3 * (i % 3),
                v->t * 7 + i * 2, 0xffffff);
}

static void quay_behind(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x5a82bc}, {0.4f, 0xecb490}, {0.6f, 0xffdca0}}, 3);
    sh_look(c, &v->cam, 0.25f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){5, 110, 300, 420, 8, 35 + v->shot->variant, 0xffecd4,
                                      0xe4a890, 0.8f});
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 520,
                              .far = 0xf2bc8c,
                              .near = 0x4a6a90,
                              .glint_x = 460,
                              .glint = 0xffc070,
                              .glint_alpha = 0.4f,
                              .glint_width = 90,
                              .ripple = 0x6a6484,
                              .chop = 0.2f});
}

static void planks(struct canvas *c, float y)
{
    sh_rect(c, -400, y, 2400, 500);
    cv_fill_v(c, y, 0xb08868, 900, 0x6a4c40);
    for (int i = 0; i < 26; i++) {
        float x = -400 + i * 96, spread = (x - 800) * 0.35f;
        float xy[] = {x, y, x + 3, y, x + spread + 6, 900, x + spread, 900};
        sh_poly(c, xy, 4);
    }
    cv_fill_a(c, 0x4a3228, 0.6f);
    sh_rect(c, -400, y - 12, 2400, 14);
    cv_fill(c, 0xd0a880);
}

void sc_quay(struct canvas *c, const struct view *v)
{
    quay_behind(c, v);
    if (v->shot->variant == 0) { // Elias, and his boat below
        sh_look(c, &v->cam, 0.8f);
        na_rocks(c, 250, 560, 300, 46, 8, 0xa89088, 0x6a5a68);
        pr_lighthouse(c, 250, 528, 0.55f, 0.1f, 0.3f);
        pr_fishing_boat(c, 1260, 700, 1.6f, 0.03f * sinf(v->film), 0x2f7a80);
        sh_look(c, &v->cam, 1);
        planks(c, 730);
        for (int i = 0; i < 2; i++)
            sh_round(c, 340 + i * 900.0f, 660, 44, 110, 12);
        cv_fill_h(c, 340, 0x3a3038, 1284, 0x544850);
        float wave = 1.9f + 0.4f * sinf(v->t * 7);
        pe_figure(c, ELIAS, 760, 800, 2.35f,
                  &(struct pose){.arm = v->t < 1.6f ? wave : 0.25f,
                                 .arm2 = 0.2f,
                                 .elbow = 0.5f,
                                 .left = 1,
                                 .mouth = view_mouth(v, ELIAS)});
    } else if (v->shot->variant == 1) { // Nora runs up, Pip after her
        sh_look(c, &v->cam, 0.8f);
        pr_village(c, 200, 1900, 640, 1.5f, 41, 0.35f, 1);
        sh_look(c, &v->cam, 1);
        planks(c, 730);
        float run = cv_ramp(v->t, 0, 1.7f), stride = 1 - cv_ramp(v->t, 1.3f, 1.8f);
        pe_figure(
            c, PIP, 1660 - 620 * run, 815, 1.9f,
            &(struct pose){
                .walk = v->t * 13, .stride = 1 - cv_ramp(v->t, 1.6f, 2.1f), .left = 1, .glow = 1});
        pe_figure(c, NORA, 1330 - 560 * run, 812, 2.6f,
                  &(struct pose){.walk = v->t * 9,
                                 .stride = stride,
                                 .left = 1,
                                 .arm = 0.5f * run,
                                 .arm2 = 0.9f * run,
                                 .mouth = view_mouth(v, NORA)});
        sh_round(c, 1180 - 150 * run, 770, 120, 78, 12); // her suitcase
        cv_fill_v(c, 770, 0x9c6a3c, 848, 0x5c3c24);
    } else { // three of them, from behind, towards the boat and the evening
        sh_look(c, &v->cam, 0.3f);
        na_sun(c, 800, 430, 60, 0xfff4d0, 0xff9a50);
        sh_look(c, &v->cam, 0.6f);
        na_water(c, v->film,
                 &(struct na_sea){.horizon = 520,
                                  .far = 0xf8b078,
                                  .near = 0x34486c,
                                  .glint_x = 800,
                                  .glint = 0xffc080,
                                  .glint_alpha = 0.6f,
                                  .glint_width = 120,
                                  .ripple = 0x584c70,
                                  .chop = 0.2f});
        na_rocks(c, 1120, 540, 220, 30, 8, 0x8a6a78, 0x4c3c54);
        pr_lighthouse(c, 1120, 520, 0.42f, 0.1f, 0.5f);
        sh_look(c, &v->cam, 1);
        float pier[] = {640, 560, 960, 560, 1330, 900, 270, 900};
        sh_poly(c, pier, 4);
        cv_fill_v(c, 560, 0x6a4c48, 900, 0x2c2230);
        for (int i = 0; i < 10; i++) {
            float k = i / 10.0f, y = 560 + 340 * k * k;
            sh_rect(c, 640 - 370 * k * k, y, 320 + 740 * k * k, 2 + 4 * k);
        }
        cv_fill_a(c, 0x1c1420, 0.6f);
        cv_tint(c, 0x241c30, 0.72f);
        float s = 1.55f - 0.35f * v->u, y = 800 - 110 * v->u;
        pe_figure(c, ELIAS, 740, y, s,
                  &(struct pose){.walk = v->t * 5, .stride = 0.45f, .arm2 = 0.3f});
        pe_figure(c, NORA, 850, y + 6, s,
                  &(struct pose){.walk = v->t * 6, .stride = 0.5f, .left = 1, .arm2 = 0.4f});
        pe_figure(c, PIP, 935, y + 10, s,
                  &(struct pose){.walk = v->t * 11, .stride = 0.8f, .glow = 0.6f});
    }
}
