// What Elias remembers: the night of the Albatross, in brown and in widescreen.
#include "scenes.h"

#include "nature.h"
#include "props.h"

#include <math.h>

static void old_night(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x141a28}, {0.4f, 0x30384a}, {0.7f, 0x6a6a70}}, 3);
    sh_look(c, &v->cam, 0.3f);
    na_ceiling(c, v->film * 0.4f, 300, 0x1c2230, 0x585c68, 14);
}

void sc_old_ship(struct canvas *c, const struct view *v)
{
    old_night(c, v);
    na_moon(c, 1220, 260, 46, 0.7f);
    sh_look(c, &v->cam, 0.7f);
    struct na_wave w = {.y = 640,
                        .amp = 70,
                        .length = 620,
                        .speed = -70,
                        .bottom = 1100,
                        .seed = 3,
                        .top = 0x5a6470,
                        .deep = 0x242a34,
                        .foam = 0xc8ccd0};
    na_wave(c, v->film, &w);
    sh_look(c, &v->cam, 1);
    w = (struct na_wave){.y = 690,
                         .amp = 90,
                         .length = 720,
                         .speed = -90,
                         .bottom = 1100,
                         .seed = 8,
                         .top = 0x48525e,
                         .deep = 0x1a1e28,
                         .foam = 0xc0c4c8};
    float x = 560 + v->t * 50, y = na_wave_y(&w, x, v->film);
    cv_push(c);
    cv_light(c, 0.75f, 0.75f, 0.78f);
    pr_sailing_ship(c, x, y + 4, 1.15f, na_wave_slope(&w, x, v->film) * 0.5f, 1);
    cv_pop(c);
    na_wave(c, v->film, &w);
    w.y = 800;
    w.seed = 11;
    w.top = 0x2e343e;
    w.deep = 0x10141c;
    na_wave(c, v->film, &w);
    sh_screen(c);
    na_rain(c, v->film, 70, -0.1f, 34, 0.18f);
}

void sc_old_beach(struct canvas *c, const struct view *v)
{
    if (v->shot->variant == 0) {
        old_night(c, v);
        sh_look(c, &v->cam, 0.6f);
        na_water(c, v->film,
                 &(struct na_sea){.horizon = 480,
                                  .far = 0x5a6068,
                                  .near = 0x262a32,
                                  .ripple = 0x888c90,
                                  .chop = 0.8f});
        sh_look(c, &v->cam, 1);
        na_hills(c, 800, 90, 900, 5, 0x6a6258, 0x2a2620);
        for (int i = 0; i < 3; i++) { // wash running up the sand
            float s = 0.5f + 0.5f * sinf(v->t * 0.8f + i);
            sh_ellipse(c, 300 + i * 420, 690 + 22 * s + i * 8, 330, 9 + 6 * s);
        }
        cv_fill_a(c, 0xd8d8d4, 0.4f);
        cv_glow(c, 1130, 620, 520, 420, 0xffb860, 0.5f);
        cv_push(c);
        cv_tint(c, 0x18140f, 0.6f);
        pe_stranger(c, 1080, 830, 1.25f, 9, 0);
        cv_pop(c);
        sh_limb(c, 1095, 690, 8, 1140, 640, 7);
        cv_fill(c, 0x2a241e);
        cv_glow(c, 1150, 650, 120, 120, 0xffd080, 0.9f);
        sh_round(c, 1136, 630, 28, 40, 7);
        cv_fill(c, 0xfff0b0);
        sh_screen(c);
        na_rain(c, v->film, 90, -0.3f, 40, 0.22f);
        return;
    }
    cv_sky(c, (struct cv_stop[]){{0, 0x7a86a0}, {0.4f, 0xd0b8a8}, {0.56f, 0xffe8c0}}, 3);
    sh_look(c, &v->cam, 0.2f);
    na_sun(c, 800, 480, 70, 0xfffbe8, 0xffd890);
    na_clouds(c, v->film,
              &(struct na_cloudscape){6, 110, 360, 480, 6, 9, 0xfff0d8, 0xc8a898, 0.8f});
    sh_look(c, &v->cam, 0.6f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 510,
                              .far = 0xe8d0b0,
                              .near = 0x6a6a70,
                              .glint_x = 800,
                              .glint = 0xffe8b8,
                              .glint_alpha = 0.5f,
                              .glint_width = 120,
                              .ripple = 0x807870,
                              .chop = 0.2f});
    pr_sailing_ship(c, 1260, 600, 0.5f, 0.02f * sinf(v->film), 0);
    sh_look(c, &v->cam, 1);
    na_hills(c, 860, 60, 900, 6, 0x9a8668, 0x4a3e30);
    cv_push(c);
    cv_tint(c, 0x201810, 0.85f);
    float meet = cv_ramp(v->t, 0.2f, 2.2f);
    pe_figure(c, ELIAS, 640 + 90 * meet, 830, 1.9f,
              &(struct pose){.walk = v->t * 8,
                             .stride = 0.8f * (1 - meet),
                             .arm = 0.4f + 1.0f * meet,
                             .arm2 = 1.3f * meet,
                             .lean = 0.12f * meet});
    pe_figure(c, NORA, 960 - 150 * meet, 832, 1.75f,
              &(struct pose){.left = 1,
                             .walk = v->t * 10,
                             .stride = 1 - meet,
                             .arm = 2.1f * meet,
                             .arm2 = 2.3f * meet});
    cv_pop(c);
}

void sc_old_flame(struct canvas *c, const struct view *v)
{
    cv_clear(c, 0x0c0a08);
    sh_look(c, &v->cam, 1);
    float flick = 0.85f + 0.15f * cv_noise(v->t * 8, 4),
          sway = 10 * (cv_noise(v->t * 2.3f, 5) - 0.5f);
    cv_glow(c, 800, 470, 900, 700, 0xc07020, 0.55f * flick);
    cv_glow(c, 800, 470, 420, 420, 0xffa848, 0.6f * flick);
    sh_round(c, 610, 640, 380, 90, 24);
    sh_round(c, 640, 180, 320, 40, 16);
    sh_arc(c, 800, 180, 110, 14, -CV_PI, 0);
    cv_fill_h(c, 610, 0x2c2018, 990, 0x5a4430);
    for (int i = 0; i < 4; i++)
        sh_rect(c, 636 + i * 104.0f, 210, 14, 440);
    cv_fill(c, 0x2a1e16);
    float out[] = {740,
                   630,
                   700,
                   520,
                   770 + sway,
                   460,
                   796 + sway * 2,
                   330 - 40 * flick,
                   830 + sway,
                   450,
                   900,
                   520,
                   860,
                   630,
                   830,
                   650,
                   770,
                   650,
                   740,
                   630};
    sh_curves(c, out, 3);
    cv_fill_v(c, 300, 0xffd070, 640, 0xff8420);
    float in[] = {768, 630,        750, 560, 786 + sway, 510, 800 + sway * 1.6f,
                  430, 820 + sway, 510, 850, 560,        832, 630,
                  820, 644,        780, 644, 768,        630};
    sh_curves(c, in, 3);
    cv_fill_v(c, 420, 0xffffe8, 640, 0xffd880);
    sh_rect(c, 796, 610, 8, 40);
    cv_fill(c, 0x181008);
    for (int i = 0; i < 12; i++) { // drops on the glass
        float u = v->t * 0.3f + cv_hash(i, 3);
        u -= floorf(u);
        float x = 650 + cv_hash(i, 1) * 300;
        sh_limb(c, x, 210 + u * 420, 4, x, 195 + u * 420, 1.4f);
    }
    cv_fill_a(c, 0xffe0b0, 0.4f);
}

void sc_old_reef(struct canvas *c, const struct view *v)
{
    old_night(c, v);
    sh_look(c, &v->cam, 0.5f);
    na_hills(c, 560, 80, 700, 22, 0x2c2e34, 0x1c1e24);
    cv_glow(c, 1180, 520, 150, 150, 0xffb860, 0.7f + 0.1f * sinf(v->t * 9));
    cv_dot(c, 1180, 520, 6, 0xfff0c0, 1); // the small light on the shore
    sh_look(c, &v->cam, 0.8f);
    struct na_wave w = {.y = 620,
                        .amp = 80,
                        .length = 560,
                        .speed = 80,
                        .bottom = 1100,
                        .seed = 4,
                        .top = 0x4a525c,
                        .deep = 0x20242c,
                        .foam = 0xc8ccd0};
    float x = 470 + v->t * 44, y = na_wave_y(&w, x, v->film);
    cv_push(c);
    cv_light(c, 0.6f, 0.6f, 0.62f);
    pr_sailing_ship(c, x, y + 10, 0.8f, na_wave_slope(&w, x, v->film) * 0.6f, 0.4f);
    cv_pop(c);
    na_wave(c, v->film, &w);
    sh_look(c, &v->cam, 1.1f);
    na_rocks(c, 120, 830, 520, 300, 31, 0x5c5c60, 0x16181c);
    na_rocks(c, 1420, 850, 620, 380, 37, 0x54545a, 0x121418);
    na_rocks(c, 830, 800, 200, 100, 41, 0x5c5c60, 0x16181c);
    float u = fmodf(v->t, 1.5f) / 1.5f;
    na_spray(c, 300, 760, 190, u, 3, 0.8f);
    na_spray(c, 1230, 770, 210, fmodf(u + 0.5f, 1), 4, 0.8f);
    w = (struct na_wave){.y = 850,
                         .amp = 70,
                         .length = 480,
                         .speed = 120,
                         .bottom = 1100,
                         .seed = 6,
                         .top = 0x30363e,
                         .deep = 0x0e1014,
                         .foam = 0xb8bcc0};
    na_wave(c, v->film, &w);
    sh_screen(c);
    na_rain(c, v->film, 120, -0.3f, 44, 0.25f);
}
