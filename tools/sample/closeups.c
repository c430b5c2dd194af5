// One drawing function makes every close-up of the film: a face before a backdrop, in the
// backdrop's light. What differs stands in the table of shots.
#include "film.h"
#include "nature.h"
#include "props.h"
#include "rooms.h"

#include <math.h>

float view_mouth(const struct view *v, enum who who)
{
    return v->talker == who ? v->level : 0;
}

static void quay(struct canvas *c, const struct view *v, int snow)
{
    if (snow)
        cv_sky(c, (struct cv_stop[]){{0, 0x93b4dc}, {0.5f, 0xd2dcee}, {0.7f, 0xf8e4dc}}, 3);
    else
        cv_sky(c, (struct cv_stop[]){{0, 0x5878b0}, {0.4f, 0xd8a890}, {0.62f, 0xffd49a}}, 3);
    sh_look(c, &v->cam, 0.3f);
    if (!snow)
        na_sun(c, 1240, 440, 44, 0xfff6d8, 0xffb060);
    na_hills(c, 560, 90, 420, 12, snow ? 0xc4d2e8 : 0xa888a0, snow ? 0xa8bcd8 : 0x886c90);
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 560,
                              .far = snow ? 0xb8c8dc : 0xf0b880,
                              .near = snow ? 0x6a88a8 : 0x4a5c88,
                              .glint_x = 1240,
                              .glint = snow ? 0 : 0xffb060,
                              .glint_alpha = 0.5f,
                              .glint_width = 70,
                              .ripple = snow ? 0x88a0bc : 0x6a6488,
                              .chop = 0.2f});
    sh_look(c, &v->cam, 0.8f);
    for (int i = 0; i < 3; i++)
        pr_fishing_boat(c, 150 + i * 640.0f, 700 + (i % 2) * 30, 1.3f,
                        0.03f * sinf(v->film * 1.3f + i),
                        i == 1 ? 0x3a7a8a
                        : i    ? 0xb8503c
                               : 0x4a6a3c);
    for (int i = 0; i < 12; i++) // points of light out of focus
        cv_glow(c, cv_hash(i, 90) * 1600, 600 + cv_hash(i, 91) * 260, 26, 26,
                snow ? 0xffffff : 0xffc070, 0.35f);
}

static void open_sky(struct canvas *c, const struct view *v, int wing)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x3f7cc0}, {0.6f, 0x9cc8e4}, {1, 0xe8eee4}}, 3);
    sh_look(c, &v->cam, 0.4f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){8, 220, 720, 520, 14, 41, 0xffffff, 0xb4d0e8, 0.9f});
    for (int i = 0; i < 4; i++)
        na_gull(c, 240 + i * 330 + 60 * sinf(v->film * 0.6f + i * 2), 180 + (i % 3) * 90,
                30 + i * 6, v->film * 7 + i * 2, 0xffffff);
    if (!wing)
        return;
    sh_look(c, &v->cam, 0.6f);
    na_water(
        c, v->film,
        &(struct na_sea){
            .horizon = 640, .far = 0x7ab0cc, .near = 0x2a6488, .ripple = 0x1c4a6c, .chop = 0.5f});
    sh_look(c, &v->cam, 1);
    sh_rect(c, -300, 150, 520, 900);
    cv_fill_h(c, -100, 0xd8d4cc, 220, 0xf8f4ea);
    sh_round(c, -40, 230, 170, 190, 12);
    cv_fill_v(c, 230, 0x9cc4dc, 420, 0x5a88a8);
    for (int i = 0; i < 14; i++)
        sh_rect(c, 220 + i * 130, 690, 9, 300);
    sh_rect(c, 200, 680, 1800, 16);
    sh_rect(c, 200, 780, 1800, 8);
    cv_fill_v(c, 680, 0xf4f0e8, 800, 0xb0b8c0);
}

static void storm(struct canvas *c, const struct view *v)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.4f);
    na_ceiling(c, v->film, 360, 0x162032, 0x455876, 9);
    if (v->flash > 0)
        na_bolt(c, 1180, 120, 1240, 560, 17, v->flash);
    for (int i = 0; i < 2; i++)
        na_wave(c, v->film,
                &(struct na_wave){.y = 640 + i * 90,
                                  .amp = 120,
                                  .length = 560 + i * 120,
                                  .speed = 170,
                                  .bottom = 1300,
                                  .seed = 5 + i,
                                  .top = 0x2c4256,
                                  .deep = 0x101a26,
                                  .foam = 0xa8bac8});
}

void sc_backdrop(struct canvas *c, const struct view *v, enum backdrop b)
{
    struct view in = *v; // a longer lens for rooms
    in.cam.zoom *= 1.5f;
    switch (b) {
    case BG_TRAIN:
        rm_coach(c, v);
        break;
    case BG_QUAY:
        quay(c, v, 0);
        break;
    case BG_MORNING:
    case BG_CROWD:
        quay(c, v, 1);
        if (b == BG_CROWD) {
            sh_look(c, &v->cam, 0.9f);
            for (int i = 0; i < 13; i++)
                pe_stranger(c, 20 + i * 130 + 40 * cv_hash(i, 3), 860 + (i % 3) * 26, 2.2f, i + 4,
                            v->film);
        }
        break;
    case BG_SKY:
    case BG_WING:
        open_sky(c, v, b == BG_WING);
        break;
    case BG_KITCHEN:
        in.cam.x -= 230;
        in.cam.y -= 110;
        rm_kitchen(c, &in, DUSK, 1);
        break;
    case BG_DUSK_WINDOW:
        in.cam.x += 330;
        in.cam.y -= 90;
        rm_kitchen(c, &in, DUSK, 0.6f);
        break;
    case BG_LANTERN:
        in.cam.x -= 420;
        rm_lantern(c, &in, NIGHT, 1);
        break;
    case BG_LANTERN_DARK:
        in.cam.x += 380;
        rm_lantern(c, &in, STORMY, 0);
        break;
    case BG_DAWN:
        in.cam.x += 360;
        rm_lantern(c, &in, MORNING, 0);
        break;
    case BG_STORM:
        storm(c, v);
        break;
    case BG_BRIDGE:
        rm_bridge(c, v, STORMY, v->shot->variant ? 1 : 0);
        break;
    case BG_BOATHOUSE:
        in.cam.x -= 200;
        in.cam.y += 20;
        rm_boathouse(c, &in, 0.6f);
        break;
    case BG_STAIRS:
        in.cam.y -= 60;
        rm_stairs_back(c, &in, 0.6f + 0.35f * v->flash);
        rm_stairs_front(c, &in, 0.6f + 0.35f * v->flash);
        break;
    }
}

// How a backdrop's light falls on a face: a multiplier, a haze that sets the backdrop back, and a
// warm or cold light from one side.
struct lighting {
    float r, g, b;
    uint32_t haze;
    float haze_alpha;
    uint32_t rim;
    float rim_x, rim_alpha;
    int rain, snow;
};

static const struct lighting lights[] = {
    [BG_TRAIN] = {1, 0.97f, 0.95f, 0xffe8d0, 0.18f, 0xffe0b0, 1500, 0.25f, 0, 0},
    [BG_QUAY] = {1, 0.93f, 0.86f, 0xe8a880, 0.25f, 0xffb060, 1400, 0.4f, 0, 0},
    [BG_SKY] = {1, 1, 1, 0xb0d4ee, 0.1f, 0xffffff, 400, 0.1f, 0, 0},
    [BG_WING] = {1, 1, 1, 0xb0d4ee, 0.16f, 0xffffff, 1300, 0.15f, 0, 0},
    [BG_KITCHEN] = {0.97f, 0.88f, 0.78f, 0x3a1e10, 0.42f, 0xff9a40, 300, 0.4f, 0, 0},
    [BG_DUSK_WINDOW] = {0.78f, 0.66f, 0.68f, 0x2a1a28, 0.35f, 0xff9a60, 1300, 0.4f, 0, 0},
    [BG_LANTERN] = {1, 0.88f, 0.68f, 0x301c10, 0.3f, 0xffc860, 1500, 0.5f, 0, 0},
    [BG_LANTERN_DARK] = {0.56f, 0.6f, 0.76f, 0x060a16, 0.28f, 0x4a70c0, 300, 0.25f, 0, 0},
    [BG_STORM] = {0.62f, 0.66f, 0.8f, 0x0a1020, 0.16f, 0x6080c0, 300, 0.22f, 1, 0},
    [BG_BRIDGE] = {0.78f, 0.78f, 0.82f, 0x0a1018, 0.22f, 0xffb860, 500, 0.25f, 0, 0},
    [BG_BOATHOUSE] = {0.74f, 0.68f, 0.66f, 0x0a0806, 0.3f, 0xff9a40, 350, 0.4f, 0, 0},
    [BG_STAIRS] = {0.74f, 0.66f, 0.62f, 0x080606, 0.35f, 0xff9040, 350, 0.45f, 0, 0},
    [BG_DAWN] = {1, 0.93f, 0.92f, 0xffe8e0, 0.25f, 0xffd0b0, 1400, 0.3f, 0, 0},
    [BG_MORNING] = {0.98f, 0.98f, 1, 0xe4ecf8, 0.3f, 0xffe4d0, 1400, 0.2f, 0, 1},
    [BG_CROWD] = {0.98f, 0.98f, 1, 0xe4ecf8, 0.38f, 0xffe4d0, 1400, 0.2f, 0, 1},
};

void sc_face(struct canvas *c, const struct view *v)
{
    const struct closeup *k = &v->shot->face;
    const struct lighting *l = &lights[k->backdrop];
    sc_backdrop(c, v, k->backdrop);
    cv_veil(c, l->haze, l->haze_alpha);
    struct face f = k->face;
    float still = v->film * 0.8f;
    f.mouth = fmaxf(f.mouth, view_mouth(v, k->who));
    f.blink = fmaxf(f.blink, k->who == PIP && f.glow <= 0 ? 0 : pe_blink(v->film, k->who));
    f.tilt += 0.02f * sinf(still * 1.3f + k->who) + 0.03f * f.mouth * sinf(v->film * 5);
    f.turn += 0.06f * sinf(still + 2.0f * k->who);
    struct camera near = v->cam;
    sh_look(c, &near, 1.15f);
    float lit = v->flash * 0.9f;
    if (k->backdrop == BG_BRIDGE && v->shot->variant)
        lit = 0.3f;
    cv_light(c, l->r + lit * (1 - l->r), l->g + lit * (1 - l->g), l->b + lit * (1 - l->b));
    float x = k->x ? k->x : 800, y = k->y ? k->y : 430, s = k->scale ? k->scale : 1.9f;
    y += 3 * sinf(still * 1.7f);
    if (k->backdrop == BG_TRAIN)
        y += 3 * sinf(v->film * 11);
    if (k->backdrop == BG_BRIDGE)
        x += 26 * sinf(v->film * 0.9f);
    pe_face(c, k->who, x, y, s, &f);
    sh_look(c, &near, 1);
    cv_glow(c, l->rim_x, 300, 900, 800, l->rim, l->rim_alpha * (0.9f + 0.1f * sinf(v->film * 9)));
    if (l->rain)
        na_rain(c, v->film, 130, -0.25f, 60, 0.35f);
    if (l->snow)
        na_snow(c, v->film, 90, 5, 0.3f, 0.9f);
}
