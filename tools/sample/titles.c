// Title, end and credits. Their words are pictures of text (see film_caption), so that any font on
// the machine will do; the credits roll at a whole number of pixels a frame, which keeps them
// sharp.
#include "scenes.h"

#include "nature.h"
#include "props.h"

#include <math.h>
#include <stddef.h>

const struct caption film_captions[] = {
    {CAP_PRESENTS, FONT_SERIF_ITALIC, 44, "a film made for MovieDigest"},
    {CAP_TITLE1, FONT_SERIF_BOLD, 96, "The Lamp"},
    {CAP_TITLE2, FONT_SERIF_BOLD, 96, "at Gull Rock"},
    {CAP_SUBTITLE, FONT_SERIF_ITALIC, 40, "a winter story in five acts"},
    {CAP_LETTER1, FONT_SERIF_BOLD, 46, "Harbour Council"},
    {CAP_LETTER2, FONT_SERIF_ITALIC, 36, "concerning the lamp at Gull Rock"},
    {CAP_LETTER3, FONT_SERIF_BOLD, 46, "The lamp stays."},
    {CAP_END, FONT_SERIF_BOLD, 90, "The End"},
    {CAP_STILL1, FONT_SERIF, 40, "Drawn, spoken and composed by a program"},
    {CAP_STILL2, FONT_SERIF_ITALIC, 32, "every frame of it, on your own machine"},
    {CAP_CREDITS, FONT_SERIF_BOLD, 64, "The Lamp at Gull Rock"},
    {CAP_CREDITS + 1, FONT_SANS, 26, "THE CAST"},
    {CAP_CREDITS + 2, FONT_SERIF, 40, "Nora    .....    a girl from the mountains"},
    {CAP_CREDITS + 3, FONT_SERIF, 40, "Pip    .....    a robot no bigger than a bucket"},
    {CAP_CREDITS + 4, FONT_SERIF, 40, "Elias Brandt    .....    keeper of the lamp"},
    {CAP_CREDITS + 5, FONT_SERIF, 40, "Captain Marlow    .....    master of the Petrel"},
    {CAP_CREDITS + 6, FONT_SANS, 26, "VOICES"},
    {CAP_CREDITS + 7, FONT_SERIF, 40, "a speech synthesizer, in five moods"},
    {CAP_CREDITS + 8, FONT_SANS, 26, "PICTURES"},
    {CAP_CREDITS + 9, FONT_SERIF, 40, "polygons, gradients and arithmetic"},
    {CAP_CREDITS + 10, FONT_SANS, 26, "MUSIC"},
    {CAP_CREDITS + 11, FONT_SERIF, 40, "sines in well chosen company"},
    {CAP_CREDITS + 12, FONT_SANS, 26, "WIND, RAIN AND SEA"},
    {CAP_CREDITS + 13, FONT_SERIF, 40, "noise, gently filtered"},
    {CAP_CREDITS + 14, FONT_SANS, 26, "SHEEP"},
    {CAP_CREDITS + 15, FONT_SERIF, 40, "four hundred and twelve clouds"},
    {CAP_CREDITS + 16, FONT_SANS, 26, "WITH THANKS"},
    {CAP_CREDITS + 17, FONT_SERIF, 40, "to all who keep a light burning"},
    {CAP_CREDITS + 18, FONT_SERIF_ITALIC, 34,
     "No gulls were disturbed in the making of this film."},
};
const int film_n_captions = sizeof film_captions / sizeof film_captions[0];

#define CREDIT_STEP 3.0f // pixels a frame at 540 lines, scaled with the picture

void film_caption(struct canvas *c, const struct text_strip *s, int id, float x, float y,
                  uint32_t colour, float alpha)
{
    float k = c->w / CV_USER_W;
    for (int i = 0; s && s->grey && i < film_n_captions; i++) {
        if (film_captions[i].id != id)
            continue;
        int h = s->rows[i].h, x0 = s->rows[i].x0, x1 = s->rows[i].x1;
        int left = (int)lroundf(x * k) - (x1 - x0) / 2, top = (int)lroundf(y * k);
        for (int r = 0; r < h; r++) {
            int py = top + r;
            if (py < 0 || py >= c->h)
                continue;
            const uint8_t *g = s->grey + (size_t)(s->rows[i].y + r) * s->width;
            for (int q = x0; q < x1; q++) {
                int px = left + q - x0;
                if (g[q] > 2 && px >= 0 && px < c->w) {
                    uint32_t *d = &c->px[(size_t)py * c->w + px];
                    *d = cv_mix(*d, colour, g[q] * alpha / 255);
                }
            }
        }
    }
}

void sc_presents(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x070d1e}, {1, 0x13213f}}, 2);
    sh_screen(c);
    float a = cv_ramp(v->t, 0.5f, 1.4f);
    cv_glow(c, 800, 450, 700, 260, 0x2c4880, 0.5f * a);
    film_caption(c, v->text, CAP_PRESENTS, 800, 425, 0xe8e0cc, a);
}

void sc_title(struct canvas *c, const struct view *v)
{
    cv_sky(c,
           (struct cv_stop[]){{0, 0x060c22}, {0.4f, 0x142a5a}, {0.66f, 0x3a5c90}, {0.7f, 0x6a80a8}},
           4);
    sh_look(c, &v->cam, 0.12f);
    na_stars(c, v->film, 240, 5, 1);
    na_moon(c, 330, 200, 54, 0.9f);
    sh_look(c, &v->cam, 0.3f);
    na_clouds(c, v->film,
              &(struct na_cloudscape){4, 430, 560, 520, 7, 3, 0x5a74a4, 0x2a4478, 0.6f});
    sh_look(c, &v->cam, 0.5f);
    na_water(c, v->film,
             &(struct na_sea){.horizon = 610,
                              .far = 0x3a5e90,
                              .near = 0x071028,
                              .glint_x = 330,
                              .glint = 0xb8cef0,
                              .glint_alpha = 0.4f,
                              .glint_width = 80,
                              .ripple = 0x10224a,
                              .chop = 0.2f});
    sh_look(c, &v->cam, 0.9f);
    float x = 1180, y = 690;
    pr_beam(c, x, y - 1.2f * PR_LAMP_HEIGHT, 1.2f, v->t * 0.8f + 1.9f, 1);
    na_rocks(c, x - 30, y + 80, 640, 130, 8, 0x3a4a74, 0x0c1630);
    cv_light(c, 0.4f, 0.44f, 0.62f);
    pr_lighthouse(c, x, y, 1.2f, 1, 0.9f);
    sh_look(c, &v->cam, 1.2f);
    na_wave(c, v->film,
            &(struct na_wave){.y = 900,
                              .amp = 40,
                              .length = 520,
                              .speed = 40,
                              .bottom = 1100,
                              .seed = 4,
                              .top = 0x14264a,
                              .deep = 0x050a18});
    sh_screen(c);
    film_caption(c, v->text, CAP_TITLE1, 560, 250, 0xfff4d8, cv_ramp(v->t, 1.2f, 2.6f));
    film_caption(c, v->text, CAP_TITLE2, 560, 370, 0xfff4d8, cv_ramp(v->t, 1.8f, 3.2f));
    film_caption(c, v->text, CAP_SUBTITLE, 560, 510, 0xd8e0f4, cv_ramp(v->t, 3.2f, 4.4f));
}

void sc_the_end(struct canvas *c, const struct view *v)
{
    cv_sky(c, (struct cv_stop[]){{0, 0x0a1226}, {1, 0x1c2c50}}, 2);
    sh_screen(c);
    cv_glow(c, 800, 440, 520, 300, 0xb88a40, 0.25f);
    film_caption(c, v->text, CAP_END, 800, 400, 0xffeec8, 1);
}

static float credits_height(const struct text_strip *s, struct canvas *c, float offset, int draw)
{
    float y = offset;
    for (int i = 0; i < film_n_captions; i++) {
        const struct caption *k = &film_captions[i];
        if (k->id < CAP_CREDITS)
            continue;
        y += k->font == FONT_SANS ? 70 : k->font == FONT_SERIF_ITALIC ? 110 : 0;
        if (draw && y > -100 && y < 1000)
            film_caption(c, s, k->id, 800, y, k->font == FONT_SANS ? 0xc8a868 : 0xf0ece0, 1);
        y += k->size * 1.55f + (k->id == CAP_CREDITS ? 60 : 0);
    }
    return y - offset;
}

// A whole number of pixels a frame, at any size of the picture.
static float credit_speed(const struct canvas *c)
{
    float k = c->w / CV_USER_W;
    return fmaxf(1, roundf(CREDIT_STEP * c->h / 540)) / k * FILM_FPS;
}

float sc_credits_seconds(int brief)
{
    float k = 540 / CV_USER_H, speed = CREDIT_STEP / k * FILM_FPS;
    return brief ? 15 : (credits_height(NULL, NULL, 0, 0) + CV_USER_H) / speed;
}

void sc_credits(struct canvas *c, const struct view *v)
{
    cv_clear(c, 0x05080f);
    sh_screen(c);
    credits_height(v->text, c, CV_USER_H - 100 - v->t * credit_speed(c), 1);
}

void sc_still(struct canvas *c, const struct view *v)
{
    cv_clear(c, 0x05080f);
    sh_screen(c);
    cv_push(c);
    cv_light(c, 0.8f, 0.8f, 0.85f);
    pe_figure(c, PIP, 800, 400, 2.2f,
              &(struct pose){.glow = 1, .arm = 1.8f + 0.3f * sinf(v->t * 5)});
    cv_pop(c);
    film_caption(c, v->text, CAP_STILL1, 800, 500, 0xe8e4d8, 1);
    film_caption(c, v->text, CAP_STILL2, 800, 580, 0xa8a498, 1);
}
