// Rooms are seen square on, like stages: a back wall, what hangs on it, a floor.
#include "rooms.h"

#include "nature.h"
#include "props.h"

#include <math.h>

void rm_sky(struct canvas *c, const struct view *v, enum hour hour)
{
    static const struct cv_stop skies[][4] = {
        [DAY] = {{0, 0x5a9ad0}, {0.45f, 0xa4d0e8}, {0.62f, 0xe4f0ee}, {1, 0xf4f0e0}},
        [DUSK] = {{0, 0x2c3a6c}, {0.35f, 0x8a5a8a}, {0.55f, 0xee8a5e}, {0.75f, 0xffcf8a}},
        [NIGHT] = {{0, 0x060c1e}, {0.4f, 0x122347}, {0.65f, 0x284a72}, {1, 0x3c6288}},
        [STORMY] = {{0, 0x131a2a}, {0.4f, 0x293850}, {0.7f, 0x506680}, {1, 0x3c4e66}},
        [MORNING] = {{0, 0x8ab0d8}, {0.4f, 0xc8d4e8}, {0.58f, 0xfbd8cc}, {1, 0xfff0dc}},
    };
    cv_sky(c, skies[hour], 4);
    if (v->flash > 0)
        cv_veil(c, 0xb8c4ff, v->flash * 0.7f);
}

// The wall is painted around the window, so that what is behind it stays visible.
static void wall_around(struct canvas *c, float x, float y, float w, float h, uint32_t top,
                        uint32_t low, float floor_y)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    float parts[4][4] = {{x0 - 9, y0 - 9, x - x0 + 9, floor_y - y0 + 9},
                         {x + w, y0 - 9, x1 - x - w + 9, floor_y - y0 + 9},
                         {x, y0 - 9, w, y - y0 + 9},
                         {x, y + h, w, floor_y - y - h}};
    for (int i = 0; i < 4; i++) {
        sh_rect(c, parts[i][0] - 0.5f, parts[i][1], parts[i][2] + 1, parts[i][3] + 0.5f);
        cv_fill_v(c, 0, top, floor_y, low);
    }
}

static void frame(struct canvas *c, float x, float y, float w, float h, float bar, uint32_t colour)
{
    for (int i = 0; i < 3; i++)
        sh_rect(c, x + i * w / 2 - bar / 2, y - bar / 2, bar, h + bar);
    for (int i = 0; i < 3; i++)
        sh_rect(c, x - bar / 2, y + i * h / 2 - bar / 2, w + bar, bar);
    cv_fill(c, colour);
    sh_rect(c, x - bar * 1.5f, y + h + bar / 2, w + bar * 3, bar * 1.2f);
    cv_fill(c, cv_mix(colour, 0xffffff, 0.2f));
}

static void clock_face(struct canvas *c, float x, float y, float r, float minutes)
{
    sh_circle(c, x, y, r * 1.15f);
    cv_fill(c, 0x5c3a22);
    sh_circle(c, x, y, r);
    cv_fill(c, 0xf6edd6);
    float a = minutes * CV_PI / 30 - CV_PI / 2, b = minutes * CV_PI / 360 - CV_PI / 2;
    sh_line(c, x, y, x + r * 0.8f * cosf(a), y + r * 0.8f * sinf(a), 4);
    sh_line(c, x, y, x + r * 0.5f * cosf(b), y + r * 0.5f * sinf(b), 6);
    cv_fill(c, 0x2a2020);
}

void rm_kitchen(struct canvas *c, const struct view *v, enum hour hour, float lamp)
{
    const float floor_y = 742;
    rm_sky(c, v, hour);
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 430,
                              .far = hour == DUSK ? 0xd88860 : 0x24405c,
                              .near = 0x1c2c48,
                              .ripple = 0x142038,
                              .chop = 0.2f,
                              .glint_x = 1130,
                              .glint = hour == DUSK ? 0xffb070 : 0,
                              .glint_alpha = 0.4f,
                              .glint_width = 50});
    sh_look(c, &v->cam, 1);
    float warm = 0.45f + 0.55f * lamp;
    cv_light(c, warm, warm * 0.97f, warm * 0.95f + 0.05f);
    wall_around(c, 1020, 190, 330, 270, 0x8a5c40, 0xb98056, floor_y);
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    for (int i = (int)(x0 / 90) - 1; i * 90 < x1; i++)
        if (i * 90 < 1010 || i * 90 > 1360)
            sh_rect(c, i * 90, y0 - 10, 3, floor_y - y0 + 10);
    cv_fill_a(c, 0x5c3824, 0.35f);
    sh_rect(c, x0 - 9, floor_y, x1 - x0 + 18, fmaxf(y1 - floor_y, 0) + 20);
    cv_fill_v(c, floor_y, 0x7a4c30, floor_y + 160, 0x3c2418);
    sh_rect(c, x0 - 9, floor_y - 14, x1 - x0 + 18, 16);
    cv_fill(c, 0x4c2e1e);
    frame(c, 1020, 190, 330, 270, 12, 0x5c3a26);
    float curtain[] = {1000, 176, 1090, 190, 1056, 330, 1006, 470, 990, 470, 990, 300, 1000, 176};
    sh_curves(c, curtain, 2);
    for (int i = 0; i < 14; i += 2)
        curtain[i] = 2370 - curtain[i];
    sh_curves(c, curtain, 2);
    cv_fill_v(c, 180, 0xb6483c, 470, 0x7e2e2a);
    sh_rect(c, 970, 166, 430, 12);
    cv_fill(c, 0x3a241a);
    pr_shelf(c, 520, 330, 340, 4);
    pr_shelf(c, 520, 440, 340, 9);
    clock_face(c, 420, 260, 52, 300 + v->film / 12);
    pr_stove(c, 250, 800, 1.1f, v->film);
    pr_lamp_hanging(c, 780, y0 - 10, 150 - y0, 1, lamp);
}

void rm_lantern(struct canvas *c, const struct view *v, enum hour hour, float power)
{
    rm_sky(c, v, hour);
    sh_look(c, &v->cam, 0.25f);
    if (hour == NIGHT)
        na_stars(c, v->film, 130, 21, 0.9f);
    else if (hour == STORMY)
        na_ceiling(c, v->film * 0.6f, 330, 0x162032, 0x40526c, 8);
    else
        na_clouds(c, v->film,
                  &(struct na_cloudscape){7, 120, 420, 420, 8, 3,
                                          hour == MORNING ? 0xfff4ee : 0xffc090,
                                          hour == MORNING ? 0xc8d0e4 : 0xa06080, 0.8f});
    sh_look(c, &v->cam, 0.4f);
    static const uint32_t far[] = {0x7ab4d0, 0xd08a68, 0x1c3654, 0x202c3c, 0xd8d8e4};
    static const uint32_t near[] = {0x2c6a90, 0x3a3c64, 0x0a1630, 0x0c131e, 0x7a94b4};
    na_water(c, v->film,
             &(struct na_sea){.horizon = 520,
                              .far = far[hour],
                              .near = near[hour],
                              .ripple = 0x10182a,
                              .chop = hour == STORMY ? 0.9f : 0.2f});
    sh_look(c, &v->cam, 0.85f); // the gallery outside
    float dim = hour == STORMY ? 0.35f : hour == NIGHT ? 0.4f : 0.9f;
    cv_light(c, dim, dim, dim);
    for (int i = -6; i < 26; i++)
        sh_rect(c, i * 76, 560, 5, 180);
    sh_rect(c, -500, 556, 2600, 8);
    sh_rect(c, -500, 620, 2600, 5);
    cv_fill(c, 0x38404c);
    sh_look(c, &v->cam, 1);
    float amb = dim + (1 - dim) * power;
    cv_light(c, fminf(1, amb * 0.9f + 0.1f), amb * 0.95f, amb * 0.92f + 0.04f);
    for (int i = 0; i < 6; i++) { // window posts, closer together to the sides as on a drum
        float a = (i - 2.5f) * 0.52f, x = 800 + 900 * sinf(a), w = 26 * cosf(a) + 6;
        sh_rect(c, x - w / 2, -300, w, 1010);
    }
    sh_rect(c, -600, -300, 2800, 360);
    sh_rect(c, -600, 330, 2800, 9);
    cv_fill_v(c, -100, 0x3a2c26, 700, 0x6e4a34);
    sh_rect(c, -600, 640, 2800, 110);
    cv_fill_v(c, 640, 0x8a5a3c, 750, 0x5a3826);
    sh_rect(c, -600, 632, 2800, 14);
    cv_fill(c, 0xb98a4e);
    for (int i = -8; i < 26; i++)
        sh_rect(c, i * 80, 650, 4, 100);
    cv_fill_a(c, 0x3a2218, 0.6f);
    sh_rect(c, -600, 750, 2800, 500);
    cv_fill_v(c, 750, 0x6a4a38, 900, 0x2c1e1a);
    for (int i = 0; i < 3; i++)
        sh_ellipse(c, 800, 812 + i * 3, 300 - i * 24, 44 - i * 5);
    cv_fill(c, 0x3c2c24);
    if (power > 0.02f)
        cv_glow(c, 800, 420, 1200, 900, 0xffb050, 0.35f * power);
    pr_lens(c, 800, 480, 1.2f, power, v->film);
}

void rm_bridge(struct canvas *c, const struct view *v, enum hour hour, float beam)
{
    float roll = hour == STORMY ? sinf(v->film * 0.9f) : 0.2f * sinf(v->film * 0.7f);
    struct camera out = v->cam;
    rm_sky(c, v, hour);
    out.roll += roll * 0.09f;
    out.y -= roll * 60;
    sh_look(c, &out, 0.6f);
    if (hour == STORMY)
        na_ceiling(c, v->film * 0.8f, 300, 0x162032, 0x40526c, 5);
    if (beam > 0) {
        cv_glow(c, 940, 420, 150, 150, 0xffe0a0, beam);
        pr_beam(c, 940, 420, 1, v->film * 1.1f, beam);
    }
    uint32_t top = hour == STORMY ? 0x30465a : 0x5a9ab8,
             deep = hour == STORMY ? 0x101a26 : 0x2a5a80;
    for (int i = 0; i < 3; i++)
        na_wave(c, v->film,
                &(struct na_wave){.y = 500 + i * 60,
                                  .amp = hour == STORMY ? 90 : 16,
                                  .length = 500 + 90 * i,
                                  .speed = -110,
                                  .bottom = 1500,
                                  .seed = i,
                                  .top = cv_mix(top, deep, i * 0.3f),
                                  .deep = deep,
                                  .foam = hour == STORMY ? 0xb8c8d4 : 0xd8eef4});
    sh_look(c, &v->cam, 1);
    if (hour == STORMY) {
        cv_push(c);
        na_rain(c, v->film, 160, 0.25f, 40, 0.3f);
        cv_pop(c);
        cv_light(c, 0.42f + 0.4f * beam, 0.45f + 0.32f * beam, 0.52f + 0.1f * beam);
    }
    sh_rect(c, -600, -500, 2800, 640); // above, between and below the panes
    for (int i = -2; i < 7; i++)
        sh_rect(c, i * 330 - 40, 100, 44, 560);
    cv_fill_h(c, -100, 0x7c838c, 1700, 0xb9bcba);
    sh_rect(c, -600, 600, 2800, 700);
    cv_fill_v(c, 600, 0x5c4632, 900, 0x2a2018);
    sh_rect(c, -600, 588, 2800, 22);
    cv_fill(c, 0xa87c4a);
    for (int i = 0; i < 4; i++) { // instruments
        float x = 180 + i * 400.0f;
        sh_circle(c, x, 690, 62);
        cv_fill(c, 0xb08a4a);
        sh_circle(c, x, 690, 54);
        cv_fill(c, 0x14201c);
        float a = v->film * (i == 1 ? 2.2f : 0.5f) + i;
        sh_line(c, x, 690, x + 46 * cosf(a), 690 + 46 * sinf(a), 4);
        cv_fill(c, i == 1 ? 0x70ff9c : 0xffc860);
        cv_glow(c, x, 690, 120, 120, i == 1 ? 0x30c060 : 0xc08030, 0.25f);
    }
}

void rm_boathouse(struct canvas *c, const struct view *v, float water)
{
    rm_sky(c, v, STORMY);
    sh_look(c, &v->cam, 0.6f);
    for (int i = 0; i < 2; i++)
        na_wave(c, v->film,
                &(struct na_wave){.y = 600 + i * 70,
                                  .amp = 110,
                                  .length = 520,
                                  .speed = 160,
                                  .bottom = 1400,
                                  .seed = 3 + i,
                                  .top = 0x2c4256,
                                  .deep = 0x101a26,
                                  .foam = 0xb4c4d0});
    sh_look(c, &v->cam, 1);
    cv_light(c, 0.55f, 0.55f, 0.6f);
    wall_around(c, 1060, 260, 360, 520, 0x3a2e28, 0x54443a, 900);
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    for (int i = (int)(y0 / 64) - 1; i * 64 < y1; i++) {
        sh_rect(c, x0 - 5, i * 64, 1065 - x0, 5);
        sh_rect(c, 1420, i * 64, x1 - 1415, 5);
    }
    cv_fill_a(c, 0x1a1412, 0.7f);
    for (int i = 0; i < 4; i++) // beams under the roof, one of them broken
        sh_limb(c, 100 + i * 420.0f, y0 - 20, 16, i == 2 ? 1130 : 240 + i * 420.0f,
                i == 2 ? 250 : 140, 12);
    cv_fill(c, 0x241c18);
    sh_rect(c, 1044, 250, 20, 540);
    sh_rect(c, 1416, 250, 20, 540);
    sh_rect(c, 1040, 244, 400, 22);
    cv_fill(c, 0x6a5444);
    for (int i = 0; i < 3; i++) { // nets and floats on the wall
        sh_arc(c, 240 + i * 150.0f, 240, 70, 3, 0.2f, CV_PI - 0.2f);
        sh_arc(c, 240 + i * 150.0f, 220, 84, 2, 0.3f, CV_PI - 0.3f);
    }
    cv_fill(c, 0x8a7a64);
    for (int i = 0; i < 4; i++) {
        sh_circle(c, 200 + i * 128.0f, 306 + (i % 2) * 14, 20);
        cv_fill(c, i % 2 ? 0xc8502c : 0xd8a038);
    }
    sh_rect(c, 130, 560, 520, 22);
    cv_fill_v(c, 560, 0x7a5c44, 582, 0x4a3628);
    if (water > 0)
        na_water(c, v->film,
                 &(struct na_sea){.horizon = 900 - 130 * water,
                                  .far = 0x2c4450,
                                  .near = 0x101c26,
                                  .ripple = 0x6a8a98,
                                  .chop = 0.8f});
}

void rm_coach(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x86a8d4}, {0.4f, 0xf0c8b4}, {0.6f, 0xffe8c8}}, 3);
    struct camera run = v->cam;
    run.x += v->film * 320;
    sh_look(c, &run, 0.15f);
    na_range(c, 560, 320, 300, 8, 0xa8b4d8, 0x7a88b8, 0xfff4ee);
    sh_look(c, &run, 0.45f);
    na_hills(c, 600, 120, 500, 6, 0xdce6f4, 0xa8bcd8);
    na_forest(c, 600, 120, 500, 6, 90, 46, 0x3c5a66, 0xf0f6fc);
    sh_look(c, &run, 1.4f);
    na_forest(c, 800, 60, 800, 16, 420, 330, 0x24404c, 0xe4eef8);
    struct camera still = v->cam;
    still.y += 3 * sinf(v->film * 11);
    sh_look(c, &still, 1);
    wall_around(c, 150, 110, 1300, 470, 0x7c3a2c, 0x9c5238, 1300);
    frame(c, 150, 110, 1300, 470, 26, 0x54281e);
    sh_rect(c, -400, 640, 2400, 30);
    cv_fill(c, 0xd8a850);
    for (int i = -1; i < 2; i += 2) { // seat backs
        sh_round(c, 800 + i * 980 - 330, 470, 660, 600, 60);
        cv_fill_h(c, 800 + i * 980 - 330, 0x28584e, 800 + i * 980 + 330, 0x3c7a68);
        for (int k = 0; k < 5; k++)
            sh_line(c, 800 + i * 980 - 260 + k * 130, 480, 800 + i * 980 - 260 + k * 130, 900, 5);
        cv_fill_a(c, 0x1c4038, 0.6f);
    }
}

// ---- the stairs ---------------------------------------------------------------------------------

#define STEP_RISE    30.0f
#define STEP_TURN    0.30f
#define STAIR_RADIUS 420.0f

void rm_stair_at(float step, float *ret_x, float *ret_y, float *ret_near)
{
    float a = step * STEP_TURN;
    *ret_x = 800 + STAIR_RADIUS * 0.78f * cosf(a);
    *ret_near = sinf(a);
    *ret_y = 860 - step * STEP_RISE + 40 * *ret_near;
}

static void step(struct canvas *c, int i, float light)
{
    float a = i * STEP_TURN, b = a + STEP_TURN * 1.05f, r = STAIR_RADIUS, in = 46,
          y = 860 - i * STEP_RISE;
    float near = 0.5f + 0.5f * sinf(a + STEP_TURN / 2), k = (0.35f + 0.65f * near) * light;
    uint32_t top = cv_mix(0x1a1614, 0xc0a88c, k), front = cv_mix(0x120f0e, 0x6e5a4c, k);
    float ax = 800 + r * cosf(a), ay = y + 90 * sinf(a), bx = 800 + r * cosf(b),
          by = y + 90 * sinf(b);
    float ix = 800 + in * cosf(a), iy = y + 10 * sinf(a), jx = 800 + in * cosf(b),
          jy = y + 10 * sinf(b);
    float riser[] = {ax, ay, ix, iy, ix, iy + STEP_RISE, ax, ay + STEP_RISE};
    float edge[] = {ax, ay, bx, by, bx, by + STEP_RISE, ax, ay + STEP_RISE};
    float tread[] = {ix, iy, ax, ay, bx, by, jx, jy};
    sh_poly(c, riser, 4);
    cv_fill(c, front);
    if (sinf(a) > 0) {
        sh_poly(c, edge, 4);
        cv_fill(c, cv_mix(front, 0, 0.15f));
    }
    sh_poly(c, tread, 4);
    cv_fill(c, top);
}

static void visible_steps(struct canvas *c, int *first, int *last)
{
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    *first = (int)((860 - y1) / STEP_RISE) - 5;
    *last = (int)((860 - y0) / STEP_RISE) + 5;
    if (*first < 0)
        *first = 0;
}

void rm_stairs_back(struct canvas *c, const struct view *v, float light)
{
    cv_clear(c, 0x0c0a0a);
    sh_look(c, &v->cam, 1);
    float x0, y0, x1, y1;
    cv_bounds(c, &x0, &y0, &x1, &y1);
    sh_rect(c, x0 - 5, y0 - 5, x1 - x0 + 10, y1 - y0 + 10);
    cv_fill(c, 0x0c0a0a);
    uint32_t wall = cv_mix(0x14110f, 0x8a7460, light), edge = cv_mix(0x0a0908, 0x2c221c, light);
    sh_rect(c, 340, y0 - 5, 460, y1 - y0 + 10);
    cv_fill_h(c, 340, edge, 780, wall);
    sh_rect(c, 800, y0 - 5, 460, y1 - y0 + 10);
    cv_fill_h(c, 820, wall, 1260, edge);
    for (int r = (int)floorf(y0 / 40); r * 40 < y1; r++) // brickwork, narrower to the sides
        for (int i = 0; i < 12; i++) {
            float a = (i + 0.5f * (r & 1)) / 12 * CV_PI, x = 800 - 460 * cosf(a), w = 118 * sinf(a);
            if (cv_hash(r * 13 + i, 6) < 0.5f)
                sh_round(c, x - w / 2, r * 40, w * 0.94f, 36, 4);
        }
    cv_fill_a(c, cv_mix(0x080606, 0x5a4636, light), 0.4f);
    for (int i = (int)floorf(y0 / 700); i * 700 < y1; i++) { // windows
        float wy = i * 700 + 200;
        sh_round(c, 752, wy, 96, 170, 48);
        cv_fill_v(c, wy, cv_mix(0x1a2a48, 0xd8e0ff, v->flash), wy + 170,
                  cv_mix(0x2c4a70, 0xf0f4ff, v->flash));
        sh_line(c, 800, wy, 800, wy + 170, 8);
        sh_line(c, 752, wy + 85, 848, wy + 85, 8);
        cv_fill(c, edge);
    }
    int first, last;
    visible_steps(c, &first, &last);
    for (int i = first; i < last; i++)
        if (sinf((i + 0.5f) * STEP_TURN) <= 0)
            step(c, i, light);
    sh_rect(c, 754, y0 - 5, 92, y1 - y0 + 10); // the newel
    cv_fill_h(c, 754, cv_mix(0x0c0a0a, 0x4a3a30, light), 846, cv_mix(0x14100e, 0xa89078, light));
}

void rm_stairs_front(struct canvas *c, const struct view *v, float light)
{
    int first, last;
    (void)v;
    visible_steps(c, &first, &last);
    for (int i = first; i < last; i++)
        if (sinf((i + 0.5f) * STEP_TURN) > 0)
            step(c, i, light);
}
