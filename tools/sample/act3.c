// Act III: the storm comes up, the lamp goes out, Elias falls.
#include "scenes.h"

#include "nature.h"
#include "props.h"
#include "rooms.h"

#include <math.h>

void sc_moon_clouds(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x0a1024}, {0.5f, 0x22345c}, {1, 0x3c4c6c}}, 3);
    sh_look(c, &v->cam, 0.2f);
    na_stars(c, v->film, 120, 51, 0.9f * (1 - v->u));
    na_moon(c, 820, 400, 110, 1 - 0.7f * v->u);
    // An hour in four seconds: the clouds race.
    sh_look(c, &v->cam, 0.5f);
    float over = cv_ramp(v->u, 0, 0.9f);
    for (int i = 0; i < 9; i++) {
        float x = -900 + i * 240 + v->t * 330 + 200 * cv_hash(i, 3);
        na_cloud(c, x - 700 * (1 - over), 300 + i * 55, 900, 300, i + 60, 0x3c4868, 0x10162a, 0.9f);
    }
    na_ceiling(c, v->t * 6, 120 + 160 * over, 0x0c1222, 0x38445f, 23);
    if (v->u > 0.8f)
        cv_glow(c, 1300, 250, 500, 300, 0x8090d0, 0.5f * cv_hash((uint32_t)(v->t * 24), 2));
}

void sc_barometer(struct canvas *c, const struct view *v)
{
    sh_look(c, &v->cam, 1);
    sh_rect(c, -300, -300, 2300, 1600);
    cv_fill_h(c, 100, 0x6a442e, 1500, 0x3a241a);
    for (int i = -3; i < 20; i++)
        sh_rect(c, i * 110, -300, 4, 1600);
    cv_fill_a(c, 0x1c100a, 0.5f);
    float shiver = 0.02f * sinf(v->t * 17);
    pr_barometer(c, 560, 430, 300, CV_PI * (1.62f - 0.62f * cv_ramp(v->t, 0.4f, 2.8f)) + shiver);
    cv_push(c);
    cv_light(c, 0.9f, 0.8f, 0.72f);
    pe_face(c, PIP, 1240, 520, 1.35f,
            &(struct face){.turn = -0.8f, .glow = 1, .mouth = view_mouth(v, PIP), .brow = 0.3f});
    cv_pop(c);
    cv_glow(c, 300, 200, 900, 900, 0xff9a40, 0.25f);
}

// Gull Rock in bad weather; power is the lamp's.
static void rock_in_storm(struct canvas *c, const struct view *v, float power, float angle)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.3f);
    na_ceiling(c, v->film, 330, 0x162032, 0x4e607c, 12);
    sh_look(c, &v->cam, 0.6f);
    na_wave(c, v->film,
            &(struct na_wave){.y = 600,
                              .amp = 60,
                              .length = 420,
                              .speed = 120,
                              .bottom = 1100,
                              .seed = 2,
                              .top = 0x34485a,
                              .deep = 0x18222e,
                              .foam = 0xa8b8c4});
    sh_look(c, &v->cam, 0.9f);
    if (power > 0)
        pr_beam(c, 620, 690 - 1.35f * PR_LAMP_HEIGHT - 60, 1.35f, angle, power);
    na_rocks(c, 600, 740, 720, 150, 8, 0x4a5466, 0x12161e);
    cv_push(c);
    float lit = 0.48f + 0.45f * v->flash;
    cv_light(c, lit, lit * 1.05f, lit * 1.25f);
    pr_lighthouse(c, 620, 630, 1.35f, power, power > 0 ? 0.9f : 0);
    cv_pop(c);
    sh_look(c, &v->cam, 1);
    float u = fmodf(v->film, 2.1f) / 2.1f;
    na_spray(c, 310, 740, 200, u, 5, 0.9f);
    na_spray(c, 890, 750, 230, fmodf(u + 0.4f, 1), 6, 0.9f);
    for (int i = 0; i < 2; i++)
        na_wave(c, v->film,
                &(struct na_wave){.y = 760 + i * 90,
                                  .amp = 100,
                                  .length = 520 + 130 * i,
                                  .speed = 150,
                                  .bottom = 1200,
                                  .seed = 7 + i,
                                  .top = i ? 0x1c2a38 : 0x2a3c4e,
                                  .deep = 0x0a1018,
                                  .foam = 0xb0c0cc});
}

void sc_first_rain(struct canvas *c, const struct view *v)
{
    rock_in_storm(c, v, 1, v->t * 1.05f + 0.3f);
    if (v->flash > 0)
        na_bolt(c, 1240, 60, 1320, 560, 3, v->flash);
    sh_screen(c);
    na_rain(c, v->film, 260, -0.25f, 46, 0.3f);
}

void sc_radio_room(struct canvas *c, const struct view *v)
{
    rm_kitchen(c, v, STORMY, 0.8f);
    pr_table(c, 790, 880, 560, 190);
    pr_radio(c, 930, 672, 1.15f, 1);
    pe_figure(c, ELIAS, 620, 872, 2.7f,
              &(struct pose){.arm = 1.5f,
                             .elbow = 0.7f,
                             .arm2 = 0.8f,
                             .lean = 0.08f,
                             .mouth = view_mouth(v, ELIAS)});
    pe_figure(c, NORA, 1300, 876, 2.5f,
              &(struct pose){.left = 1, .arm = 0.9f, .arm2 = 0.6f, .elbow = 0.8f});
    pe_figure(c, PIP, 1470, 880, 2.2f, &(struct pose){.left = 1, .glow = 1});
    cv_glow(c, 930, 600, 300, 200, 0xffa840, 0.25f);
}

void sc_ferry_storm(struct canvas *c, const struct view *v)
{
    int k = v->shot->variant;
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.3f);
    na_ceiling(c, v->film * 1.2f, k == 1 ? 300 : 360, 0x141d2e, k == 2 ? 0x425269 : 0x4c5e78,
               40 + k);
    if (v->flash > 0)
        na_bolt(c, k ? 420 : 1240, 40, k ? 500 : 1160, 560, 5 + k, v->flash);
    sh_look(c, &v->cam, 0.8f);
    struct na_wave back = {.y = 620,
                           .amp = 120,
                           .length = 640,
                           .speed = -120,
                           .bottom = 1200,
                           .seed = 21 + k,
                           .top = 0x3a4e60,
                           .deep = 0x1a2632,
                           .foam = 0xb4c4d0};
    na_wave(c, v->film, &back);
    sh_look(c, &v->cam, 1);
    struct na_wave w = {.y = 700,
                        .amp = 170,
                        .length = 860,
                        .speed = -170,
                        .bottom = 1300,
                        .seed = 12 + k,
                        .top = 0x2e4254,
                        .deep = 0x101a24,
                        .foam = 0xc0ccd6};
    float x = k == 2 ? 700 : 620 + v->t * 60, y = na_wave_y(&w, x, v->film),
          tilt = na_wave_slope(&w, x, v->film) * 0.9f;
    float lights = k == 1   ? (cv_hash((uint32_t)(v->t * 11), 3) > 0.5f ? 0.8f : 0) * (v->t < 1.3f)
                   : k == 2 ? 0
                            : 0.9f;
    cv_push(c);
    float lit = 0.42f + 0.5f * v->flash;
    cv_light(c, lit, lit, lit * 1.15f);
    pr_ferry(c, x, y - 14, k == 2 ? 2.4f : 1.35f, tilt, lights, v->t);
    cv_pop(c);
    na_wave(c, v->film, &w);
    float u = fmodf(v->t * 0.8f + 0.2f, 1);
    na_spray(c, x + (k == 2 ? 480 : 280), y + 30, k == 2 ? 330 : 220, u, 9 + k, 0.9f);
    w.y = 860;
    w.seed = 33;
    w.amp = 130;
    w.top = 0x1a2834;
    w.deep = 0x080e16;
    na_wave(c, v->film, &w);
    sh_screen(c);
    na_rain(c, v->film, 260, -0.4f, 56, 0.32f);
}

void sc_strike(struct canvas *c, const struct view *v)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 1);
    na_ceiling(c, v->film * 1.3f, 260, 0x141c2c, 0x4a5a76, 61);
    float hit = v->t >= 0.9f ? 1 - cv_ramp(v->t, 1.35f, 1.75f) : 0;
    hit *= 1 - 0.3f * cv_hash((uint32_t)(v->t * 24), 5);
    cv_push(c);
    float lit = 0.46f + 0.5f * hit;
    cv_light(c, lit, lit * 1.03f, lit * 1.2f);
    pr_lighthouse(c, 800, 1750, 4.2f, v->t < 1.36f ? 1 : 0, 0);
    cv_pop(c);
    if (hit > 0) {
        na_bolt(c, 1080, -60, 802, 78, 13, hit);
        cv_glow(c, 800, 80, 260, 260, 0xd0d8ff, hit);
    }
    if (v->t > 1)
        for (int i = 0; i < 40; i++) { // sparks
            float a = cv_hash(i, 8) * 6.28f, s = (v->t - 1) * (120 + 420 * cv_hash(i, 9));
            cv_dot(c, 800 + cosf(a) * s, 90 + sinf(a) * s + 500 * (v->t - 1) * (v->t - 1), 4,
                   0xffd890, 1 - (v->t - 1) / 1.2f);
        }
    sh_screen(c);
    na_rain(c, v->film, 220, -0.2f, 60, 0.35f);
}

void sc_dark_tower(struct canvas *c, const struct view *v)
{
    rock_in_storm(c, v, 0, 0);
    sh_screen(c);
    na_rain(c, v->film, 200, -0.25f, 46, 0.2f);
    cv_veil(c, 0x02040a, 0.45f);
}

void sc_falling_lantern(struct canvas *c, const struct view *v)
{
    struct view in = *v;
    in.cam = (struct camera){800, 300 + 420 * v->t, 2.2f, 0.25f};
    rm_stairs_back(c, &in, 0.6f);
    rm_stairs_front(c, &in, 0.6f);
    sh_screen(c);
    float drop = 260 + 520 * v->t * v->t;
    cv_glow(c, 860, drop + 40, 700, 700, 0xff8a30, 0.5f);
    cv_push(c);
    cv_move(c, 860, drop);
    cv_turn(c, v->t * 5);
    sh_arc(c, 0, -96, 52, 9, -CV_PI, 0);
    sh_round(c, -70, -100, 140, 34, 10);
    sh_round(c, -76, 92, 152, 38, 12);
    for (int i = 0; i < 3; i++)
        sh_rect(c, -64 + i * 58.0f, -80, 12, 180);
    cv_fill(c, 0x3a2c22);
    sh_round(c, -52, -66, 104, 160, 24);
    cv_fill_a(c, 0xffe0a0, 0.55f);
    sh_ellipse(c, 0, 34, 22, 44);
    cv_fill(c, 0xfff8d8);
    cv_pop(c);
}

void sc_landing(struct canvas *c, const struct view *v)
{
    struct view in = *v;
    in.cam.y += 260;
    in.cam.zoom *= 1.25f;
    rm_stairs_back(c, &in, 0.6f);
    rm_stairs_front(c, &in, 0.6f);
    sh_look(c, &v->cam, 1);
    sh_ellipse(c, 800, 980, 1200, 230);
    cv_fill_v(c, 750, 0x5a4a40, 900, 0x221a18);
    cv_glow(c, 1010, 780, 620, 420, 0xff9a40, 0.4f);
    cv_push(c);
    cv_light(c, 0.85f, 0.74f, 0.66f);
    pe_figure(
        c, ELIAS, 720, 872, 2.5f,
        &(struct pose){
            .sits = 1, .lean = -0.42f, .arm = -0.5f, .arm2 = -0.3f, .mouth = view_mouth(v, ELIAS)});
    pe_figure(c, NORA, 1090, 866, 2.5f,
              &(struct pose){.sits = 1,
                             .left = 1,
                             .lean = 0.16f,
                             .arm = 1.3f,
                             .arm2 = 1.1f,
                             .mouth = view_mouth(v, NORA)});
    pe_figure(c, PIP, 1290, 862, 2.3f, &(struct pose){.left = 1, .glow = 1});
    cv_pop(c);
    sh_round(c, 972, 776, 76, 100, 14); // the lantern, saved
    cv_fill(c, 0x30241c);
    sh_round(c, 984, 790, 52, 66, 10);
    cv_fill(c, 0xffe4a0);
    cv_glow(c, 1010, 822, 170, 170, 0xffc060, 0.8f);
}
