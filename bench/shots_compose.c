/* shots-compose: makes a film with known boundaries out of pieces of others.
 *
 *   shots-compose SEED FRAMES TRUTH.csv [PIECE...] >FILM.yuv
 *
 * A piece is FILE:FIRST:END:FPS, frames of one shot in raw planar 4:2:0 of 320 x 180 at FPS;
 * without pieces the scenes are painted. Written is the same format, 24 frames per second.
 * Everything is drawn from the seed: how fast is cut, which transitions of which length and curve,
 * how the camera moves within the pieces; and what a detector must not take for boundaries:
 * flashes, strobes, explosions, fast pans, zooms, things passing close by, flickering and failing
 * light, text, changing bars, repeated frames, grain, combing, low contrast, credits. Two shots in
 * a row are often cut from the same piece, as in a scene. Rows neg_* of the truth name what is no
 * boundary. */
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

enum { W = 320, H = 180, CW = W / 2, CH = H / 2, PICTURE = W * H * 3 / 2, MOST_PIECES = 512 };

struct picture {
    uint8_t y[W * H], u[CW * CH], v[CW * CH];
};

struct piece {
    const struct picture *frames;
    int64_t first, end;
    double fps;
};

enum effect { NO_EFFECT, FLASH, STROBE, EXPLOSION, PAN, ZOOM, PASSER, FLICKER, LIGHT, EFFECTS };
static const char *const effect_names[] = {"",     "flash",  "strobe",  "explosion", "pan",
                                           "zoom", "passer", "flicker", "light"};

struct shot {
    int piece;         /* -1: painted */
    uint32_t paint;    /* seed of what is painted */
    double start_s;    /* in the piece */
    double x, y, size; /* of the part shown, in parts of the picture */
    double vx, vy, vsize, shake;
    double gain, tint;
    bool mirrored;
    int length; /* frames that belong to it alone */
    enum effect effect;
    int effect_at, effect_length;
    double effect_x;
};

enum transition { CUT, DISSOLVE, FADE_BLACK, FADE_WHITE, WIPE };
static const char *const transition_names[] = {"cut", "dissolve", "fade_black", "fade_white",
                                               "wipe"};

struct change {
    enum transition kind;
    int out, hold, in; /* frames; a dissolve or wipe has only `in` */
    int form;          /* of a wipe */
    bool eased;
    double softness;
};

/* What stays the same over a film. */
struct style {
    double mean_shot, gradual, wipes, effects, same_scene, grain, dark, grey, shake;
    int bars, repeat; /* rows of bars; frames shown of each */
    bool combed, subtitled, credits;
};

struct film {
    uint64_t random;
    struct piece pieces[MOST_PIECES];
    int piece_count;
    struct style style;
    FILE *truth;
    int64_t written, wanted;
    struct picture before; /* for combing */
};

static double draw(struct film *film) /* 0..1 */
{
    film->random = film->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(film->random >> 40) / 16777216.0;
}

static double between(struct film *film, double low, double high)
{
    return low + (high - low) * draw(film);
}

static int whole(struct film *film, int low, int high) /* both included */
{
    return low + (int)(draw(film) * (high - low + 1));
}

static bool chance(struct film *film, double p)
{
    return draw(film) < p;
}

static uint8_t byte(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Noise of a scene at a place, 0..1. */
static double hash(uint32_t seed, int x, int y)
{
    uint32_t h = seed * 0x9E3779B1u ^ (uint32_t)x * 0x85EBCA77u ^ (uint32_t)y * 0xC2B2AE3Du;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 12;
    h *= 0x297A2D39u;
    h ^= h >> 15;
    return (h >> 8) / 16777216.0;
}

static double noise(uint32_t seed, double x, double y)
{
    int ix = (int)(x + 1000) - 1000, iy = (int)(y + 1000) - 1000;
    double fx = x - ix, fy = y - iy;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    double a = hash(seed, ix, iy), b = hash(seed, ix + 1, iy);
    double c = hash(seed, ix, iy + 1), d = hash(seed, ix + 1, iy + 1);
    return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy;
}

/* A painted scene: a ground, a horizon, and some things that move at their own speeds. */
static void paint(const struct shot *shot, double t, struct picture *out)
{
    uint32_t s = shot->paint, place = s / 16; /* shots of one place look alike */
    double base = 40 + 150 * hash(place, 1, 1), cb = 40 * (hash(place, 2, 1) - 0.5),
           cr = 40 * (hash(place, 3, 1) - 0.5), horizon = 0.2 + 0.5 * hash(s, 4, 1);
    for (int j = 0; j < H; j++)
        for (int i = 0; i < W; i++) {
            double x = shot->x + shot->size * i / W, y = shot->y + shot->size * j / W;
            bool is_sky = y < horizon + 0.1 * noise(s + 5, 5 * x, 0);
            double v = base + (is_sky ? 45 : -10) +
                       (is_sky ? 20 : 70) * (noise(s, 6 * x, 6 * y) - 0.5) +
                       (is_sky ? 5 : 40) * (noise(s + 1, 25 * x, 25 * y) - 0.5);
            double u = is_sky ? cb : -cb / 2, w = is_sky ? cr : 10 * hash(s, 9, 9);
            for (int k = 0; k < 4; k++) {
                double ox = fmod(hash(s, k, 20) + (hash(s, k, 21) - 0.5) * 0.4 * t + 2, 1.4) - 0.2;
                double oy = 0.15 + 0.35 * hash(s, k, 22) + 0.01 * sin(5 * t * hash(s, k, 27));
                double rx = 0.03 + 0.1 * hash(s, k, 23), ry = 0.04 + 0.15 * hash(s, k, 24);
                double d = (x - ox) * (x - ox) / (rx * rx) + (y - oy) * (y - oy) / (ry * ry);
                if (d < 1) {
                    v = 20 + 210 * hash(place, k, 25) +
                        40 * (noise(s + 9, 30 * (x - ox), 30 * y) - 0.5);
                    u = 80 * (hash(place, k, 26) - 0.5);
                    w = 80 * (hash(place, k, 28) - 0.5);
                }
            }
            out->y[j * W + i] = byte(16 + v * 219 / 255);
            if (!(i & 1) && !(j & 1)) {
                out->u[j / 2 * CW + i / 2] = byte(128 + u);
                out->v[j / 2 * CW + i / 2] = byte(128 + w);
            }
        }
}

static double mirror(double x, double limit)
{
    x = fabs(fmod(x, 2 * limit));
    return x > limit ? 2 * limit - x : x;
}

/* One plane of a piece seen through the shot's window; outside of the picture it is mirrored. */
static void crop(const uint8_t *from, int w, int h, double x, double y, double size, bool mirrored,
                 uint8_t *out)
{
    for (int j = 0; j < h; j++) {
        double sy = mirror((y + size * j / h) * h, h - 1.001);
        int y0 = (int)sy;
        double fy = sy - y0;
        for (int i = 0; i < w; i++) {
            double sx = mirror((x + size * (mirrored ? w - 1 - i : i) / w) * w, w - 1.001);
            int x0 = (int)sx;
            double fx = sx - x0;
            const uint8_t *p = from + y0 * w + x0;
            out[j * w + i] = (uint8_t)((p[0] * (1 - fx) + p[1] * fx) * (1 - fy) +
                                       (p[w] * (1 - fx) + p[w + 1] * fx) * fy + 0.5);
        }
    }
}

/* Towards an even colour. */
static void blend_flat(struct picture *p, double y, double share)
{
    for (int i = 0; i < W * H; i++)
        p->y[i] = byte(p->y[i] + share * (y - p->y[i]));
    for (int i = 0; i < CW * CH; i++) {
        p->u[i] = byte(p->u[i] + share * (128 - p->u[i]));
        p->v[i] = byte(p->v[i] + share * (128 - p->v[i]));
    }
}

static void explode(struct picture *p, double x, double strength)
{
    for (int j = 0; j < H; j++)
        for (int i = 0; i < W; i++) {
            double dx = (double)i / W - x, dy = ((double)j / H - 0.5) * 0.6;
            double a = strength * exp(-(dx * dx + dy * dy) * (8 - 6 * strength));
            p->y[j * W + i] = byte(p->y[j * W + i] + a * (235 - p->y[j * W + i]));
            if (!(i & 1) && !(j & 1)) {
                int at = j / 2 * CW + i / 2;
                p->u[at] = byte(p->u[at] + a * (90 - p->u[at]));
                p->v[at] = byte(p->v[at] + a * (150 - p->v[at]));
            }
        }
}

/* Something dark and close walks through the picture. */
static void pass(struct picture *p, const struct shot *shot, double at)
{
    double centre = shot->effect_x < 0.5 ? -0.3 + 1.6 * at : 1.3 - 1.6 * at;
    for (int j = 0; j < H; j++) {
        double edge = 0.18 + 0.08 * noise(shot->paint + 3, 4.0 * j / H, at * 3);
        int x0 = (int)((centre - edge) * W), x1 = (int)((centre + edge) * W);
        for (int i = MD_MAX(x0, 0); i < MD_MIN(x1, W); i++) {
            p->y[j * W + i] =
                byte(20 + 60 * noise(shot->paint, 10.0 * i / W - 16 * centre, 8.0 * j / H));
            p->u[j / 2 * CW + i / 2] = 124;
            p->v[j / 2 * CW + i / 2] = 134;
        }
    }
}

static void add_effect(struct film *film, const struct shot *shot, int f, struct picture *p)
{
    int k = f - shot->effect_at;
    if (k < 0 || k >= shot->effect_length)
        return;
    double at = (double)k / shot->effect_length;
    switch (shot->effect) {
    case FLASH:
        blend_flat(p, 235, (0.55 + 0.45 * shot->effect_x) * (1 - at * 0.6));
        break;
    case STROBE:
        if (k / (1 + (int)(3 * shot->effect_x)) % 2)
            blend_flat(p, shot->effect_x < 0.7 ? 235 : 16, 0.75);
        break;
    case EXPLOSION:
        explode(p, shot->effect_x, at < 0.15 ? at / 0.15 : (1 - at) / 0.85);
        break;
    case PASSER:
        pass(p, shot, at);
        break;
    case FLICKER:
        blend_flat(p, 16, 0.5 * hash(shot->paint, k / 2, 77));
        break;
    case LIGHT: /* goes out, and on again */
        blend_flat(p, 16, 0.8);
        break;
    default:
        break;
    }
}

/* Fast pans and zooms: how far the window went beyond its own movement. */
static double extra_way(const struct shot *shot, int f, enum effect effect)
{
    if (shot->effect != effect || f < shot->effect_at)
        return 0;
    double at = MD_MIN((double)(f - shot->effect_at) / shot->effect_length, 1.0);
    return at * at * (3 - 2 * at) * (shot->effect_x - 0.5 > 0 ? 1 : -1) *
           (effect == PAN ? 0.5 + shot->effect_x : 0.35);
}

static void show(struct film *film, const struct shot *shot, int f, struct picture *out)
{
    int shown = f < 0 ? f : f / film->style.repeat * film->style.repeat;
    double t = shown / 24.0;
    double size = MD_CLAMP(shot->size + shot->vsize * t + extra_way(shot, shown, ZOOM), 0.25, 1.0);
    double x = shot->x + shot->vx * t + extra_way(shot, shown, PAN) +
               shot->shake * (noise(shot->paint + 7, 6 * t, 0) - 0.5);
    double y = shot->y + shot->vy * t + shot->shake * (noise(shot->paint + 8, 6 * t, 9) - 0.5);
    if (shot->piece < 0) {
        struct shot moved = *shot;
        moved.x = x;
        moved.y = y;
        moved.size = size;
        paint(&moved, t, out);
    } else {
        const struct piece *piece = &film->pieces[shot->piece];
        int64_t count = piece->end - piece->first;
        int64_t at = (int64_t)mirror((shot->start_s + t) * piece->fps, (double)count - 0.5);
        const struct picture *p = &piece->frames[piece->first + MD_MIN(at, count - 1)];
        crop(p->y, W, H, x, y, size, shot->mirrored, out->y);
        crop(p->u, CW, CH, x, y, size, shot->mirrored, out->u);
        crop(p->v, CW, CH, x, y, size, shot->mirrored, out->v);
    }
    for (int i = 0; i < W * H; i++)
        out->y[i] = byte(16 + (out->y[i] - 16) * shot->gain);
    double colour = 1 - film->style.grey;
    for (int i = 0; i < CW * CH; i++) {
        out->u[i] = byte(128 + (out->u[i] - 128) * colour * MD_MIN(shot->gain, 1) - shot->tint);
        out->v[i] = byte(128 + (out->v[i] - 128) * colour * MD_MIN(shot->gain, 1) + shot->tint);
    }
    add_effect(film, shot, f, out);
}

/* How much of the new scene shows at each place, by form of the wipe. */
static double wipe_at(int form, double x, double y, double softness, double at)
{
    double place;
    switch (form) {
    case 0:
        place = x;
        break;
    case 1:
        place = 1 - x;
        break;
    case 2:
        place = y;
        break;
    case 3:
        place = 1 - y;
        break;
    case 4:
        place = (x + y) / 2;
        break;
    case 5:
        place = hypot(x - 0.5, y - 0.5) / 0.71;
        break;
    case 6:
        place = 1 - hypot(x - 0.5, y - 0.5) / 0.71;
        break;
    case 7:
        place = fabs(x - 0.5) * 2;
        break;
    default:
        place = 0.5 + atan2(y - 0.5, x - 0.5) / 6.2832;
        break;
    }
    double edge = at * (1 + softness);
    return MD_CLAMP((edge - place) / MD_MAX(softness, 1e-6), 0.0, 1.0);
}

static void wipe(const struct change *change, double at, struct picture *a, const struct picture *b)
{
    for (int j = 0; j < H; j++)
        for (int i = 0; i < W; i++) {
            double s = wipe_at(change->form, (double)i / W, (double)j / H, change->softness, at);
            a->y[j * W + i] = byte(a->y[j * W + i] + s * (b->y[j * W + i] - a->y[j * W + i]));
            int c = j / 2 * CW + i / 2;
            if (!(i & 1) && !(j & 1)) {
                a->u[c] = byte(a->u[c] + s * (b->u[c] - a->u[c]));
                a->v[c] = byte(a->v[c] + s * (b->v[c] - a->v[c]));
            }
        }
}

static void dissolve(double at, struct picture *a, const struct picture *b)
{
    for (int i = 0; i < W * H; i++)
        a->y[i] = byte(a->y[i] + at * (b->y[i] - a->y[i]));
    for (int i = 0; i < CW * CH; i++) {
        a->u[i] = byte(a->u[i] + at * (b->u[i] - a->u[i]));
        a->v[i] = byte(a->v[i] + at * (b->v[i] - a->v[i]));
    }
}

/* Lines of what looks like letters, rows top to bottom. */
static void letters(struct picture *p, uint32_t seed, int top, int rows, double left, double right,
                    double brightness)
{
    for (int j = MD_MAX(top, 0); j < MD_MIN(top + rows, H); j++) {
        int line = (j - top) / 14, in_line = (j - top) % 14;
        if (in_line >= 9 || hash(seed, line, 50) < 0.15)
            continue;
        double margin = 0.2 * hash(seed, line, 51) * (right - left);
        for (int i = (int)((left + margin) * W); i < (right - margin) * W; i++)
            if (hash(seed + (uint32_t)line, i / 5, in_line / 3) < 0.5 && i % 5 < 4)
                p->y[j * W + i] = byte(p->y[j * W + i] + brightness * (230 - p->y[j * W + i]));
    }
}

static void finish(struct film *film, struct picture *p)
{
    const struct style *style = &film->style;
    int64_t n = film->written;
    if (style->subtitled) { /* come and go without regard to cuts */
        uint32_t which = (uint32_t)(n / 55);
        if (hash(which, 3, 60) < 0.6 && n % 55 < 45)
            letters(p, which, 150, 23, 0.2, 0.8, 1);
    }
    for (int j = 0; j < H; j++)
        if (j < style->bars || j >= H - style->bars) {
            memset(p->y + j * W, 16, W);
            memset(p->u + j / 2 * CW, 128, CW);
            memset(p->v + j / 2 * CW, 128, CW);
        }
    if (style->grain > 0)
        for (int i = 0; i < W * H; i++)
            p->y[i] = byte(p->y[i] + style->grain * (draw(film) + draw(film) + draw(film) - 1.5));
    struct picture whole = *p;
    if (style->combed && n > 0)
        for (int j = 0; j < H; j += 2)
            memcpy(p->y + j * W, film->before.y + j * W, W);
    film->before = whole;
    fwrite(p, 1, PICTURE, stdout);
    film->written++;
}

static void note(struct film *film, const char *prefix, const char *kind, int64_t start,
                 int64_t end)
{
    fprintf(film->truth, "%s%s,%lld,%lld\n", prefix, kind, (long long)start, (long long)end);
}

static void draw_style(struct film *film)
{
    struct style *s = &film->style;
    s->mean_shot = exp(between(film, log(0.7), log(5))) * 24;
    s->gradual = chance(film, 0.3) ? 0.05 : between(film, 0.15, 0.6);
    s->wipes = chance(film, 0.5) ? 0.25 : 0.03;
    s->effects = between(film, 0.1, 0.7);
    s->same_scene = between(film, 0.1, 0.8);
    s->grain = chance(film, 0.3) ? between(film, 6, 40) : between(film, 0, 4);
    s->dark = chance(film, 0.3) ? between(film, 0.15, 0.5) : 1;
    s->grey = chance(film, 0.2) ? 1 : between(film, 0, 0.4);
    s->shake = chance(film, 0.3) ? between(film, 0.02, 0.12) : 0.005;
    s->bars = chance(film, 0.3) ? 8 + 2 * whole(film, 0, 8) : 0;
    s->repeat = chance(film, 0.15) ? 2 : 1;
    s->combed = chance(film, 0.15);
    s->subtitled = chance(film, 0.3);
    s->credits = chance(film, 0.6);
}

static void draw_shot(struct film *film, const struct shot *before, struct shot *shot)
{
    *shot = (struct shot){.piece = -1, .gain = film->style.dark * between(film, 0.75, 1.1)};
    bool same = before->length > 0 && chance(film, film->style.same_scene);
    if (film->piece_count > 0)
        shot->piece = same ? before->piece : whole(film, 0, film->piece_count - 1);
    shot->paint = same ? before->paint / 16 * 16 + (uint32_t)whole(film, 0, 15)
                       : (uint32_t)whole(film, 0, 1 << 20);
    if (shot->piece >= 0) {
        const struct piece *piece = &film->pieces[shot->piece];
        shot->start_s = between(film, 0, (double)(piece->end - piece->first) / piece->fps);
    }
    /* A cut within a scene shows another part of it, clearly. */
    do {
        shot->size = chance(film, 0.4) && !same ? 1 : between(film, 0.35, 1);
        shot->x = between(film, 0, 1 - shot->size);
        shot->y = between(film, 0, 1 - shot->size);
        shot->mirrored = chance(film, 0.3);
    } while (same && shot->mirrored == before->mirrored &&
             fabs(shot->size - before->size) + hypot(shot->x - before->x, shot->y - before->y) <
                 0.25);
    shot->vx = chance(film, 0.4) ? between(film, -0.15, 0.15) : 0;
    shot->vy = chance(film, 0.2) ? between(film, -0.05, 0.05) : 0;
    shot->vsize = chance(film, 0.3) ? between(film, -0.08, 0.08) : 0;
    shot->shake = film->style.shake;
    shot->tint = chance(film, 0.3) ? between(film, -10, 10) : 0;
    shot->length = (int)(film->style.mean_shot * (0.2 - 0.8 * log(1 - 0.98 * draw(film))));
    shot->length = MD_CLAMP(shot->length, 8, 400);
    if (!chance(film, film->style.effects) || shot->length < 30)
        return;
    static const int longest[EFFECTS] = {0, 4, 40, 40, 30, 30, 40, 60, 30};
    static const int shortest[EFFECTS] = {0, 1, 12, 12, 5, 6, 12, 20, 3};
    shot->effect = (enum effect)whole(film, FLASH, EFFECTS - 1);
    shot->effect_length = whole(film, shortest[shot->effect], longest[shot->effect]);
    shot->effect_length = MD_MIN(shot->effect_length, shot->length - 16);
    shot->effect_at = whole(film, 8, shot->length - 8 - shot->effect_length);
    shot->effect_x = draw(film);
}

static void draw_change(struct film *film, struct change *change)
{
    *change = (struct change){.kind = CUT};
    if (!chance(film, film->style.gradual))
        return;
    int length = (int)exp(between(film, log(5), log(72)));
    change->eased = chance(film, 0.4);
    if (chance(film, film->style.wipes)) {
        change->kind = WIPE;
        change->in = MD_CLAMP(length, 7, 40);
        change->form = whole(film, 0, 8);
        change->softness = chance(film, 0.5) ? 0.01 : between(film, 0.02, 0.3);
    } else if (chance(film, 0.6)) {
        change->kind = DISSOLVE;
        change->in = length;
    } else {
        change->kind = chance(film, 0.8) ? FADE_BLACK : FADE_WHITE;
        change->out = chance(film, 0.12) ? 1 : MD_MAX(length / 2, 5);
        change->in = chance(film, 0.12) && change->out > 1 ? 1 : whole(film, 5, 30);
        change->hold = chance(film, 0.5) ? whole(film, 0, 3) : whole(film, 4, 40);
    }
}

static double ease(const struct change *change, double at)
{
    return change->eased ? at * at * (3 - 2 * at) : at;
}

/* Writes what lies between two shots; the new one's first frame of its own follows. */
static void write_change(struct film *film, const struct change *change, const struct shot *from,
                         const struct shot *to)
{
    static struct picture a, b;
    int64_t start = film->written - 1;
    if (change->kind == CUT) {
        note(film, "", "cut", film->written, film->written);
        return;
    }
    if (change->kind == DISSOLVE || change->kind == WIPE) {
        for (int k = 1; k < change->in; k++) {
            show(film, from, from->length - 1 + k, &a);
            show(film, to, k - change->in, &b);
            double at = ease(change, (double)k / change->in);
            if (change->kind == WIPE)
                wipe(change, at, &a, &b);
            else
                dissolve(at, &a, &b);
            finish(film, &a);
        }
    } else {
        double flat = change->kind == FADE_BLACK ? 16 : 235;
        for (int k = 1; k <= change->out + change->hold; k++) {
            show(film, from, from->length - 1 + k, &a);
            blend_flat(&a, flat, ease(change, MD_MIN((double)k / change->out, 1.0)));
            finish(film, &a);
        }
        for (int k = 1; k < change->in; k++) {
            show(film, to, k - change->in, &a);
            blend_flat(&a, flat, 1 - ease(change, (double)k / change->in));
            finish(film, &a);
        }
    }
    note(film, "", transition_names[change->kind], start, film->written);
}

static void write_shot(struct film *film, const struct shot *shot)
{
    static struct picture p;
    if (shot->effect)
        note(film, "neg_", effect_names[shot->effect], film->written + shot->effect_at,
             film->written + shot->effect_at + shot->effect_length);
    for (int f = 0; f < shot->length; f++) {
        show(film, shot, f, &p);
        finish(film, &p);
    }
}

/* Rolling text on black after a fade out of the last shot. */
static void write_credits(struct film *film, const struct shot *last)
{
    static struct picture p;
    int out = whole(film, 8, 30), length = whole(film, 120, 240);
    int64_t start = film->written - 1;
    for (int k = 1; k <= out; k++) {
        show(film, last, last->length - 1 + k, &p);
        blend_flat(&p, 16, (double)k / out);
        finish(film, &p);
    }
    note(film, "", "fade_black", start, film->written + 12);
    note(film, "neg_", "credits", film->written + 13, film->written + length);
    double speed = between(film, 0.6, 2);
    for (int k = 0; k < length; k++) {
        memset(p.y, 16, sizeof p.y);
        memset(p.u, 128, sizeof p.u);
        memset(p.v, 128, sizeof p.v);
        letters(&p, last->paint, (int)(H + 10 - speed * k), 14 * 60, 0.25, 0.75, 1);
        finish(film, &p);
    }
}

static bool add_piece(struct film *film, char *word)
{
    long long first, end;
    double fps;
    char *colon = strchr(word, ':');
    if (!colon || sscanf(colon, ":%lld:%lld:%lf", &first, &end, &fps) != 3 || first < 0 ||
        end <= first || !(fps > 0) || film->piece_count == MOST_PIECES)
        return false;
    *colon = '\0';
    md_autoclose int fd = open(word, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size < PICTURE) {
        fprintf(stderr, "shots-compose: cannot read %s\n", word);
        return false;
    }
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return false;
    end = MD_MIN(end, status.st_size / PICTURE);
    film->pieces[film->piece_count++] = (struct piece){data, first, end, fps};
    return end > first;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: shots-compose SEED FRAMES TRUTH.csv [FILE:FIRST:END:FPS...] >FILM.yuv\n",
              stderr);
        return 2;
    }
    static struct film film;
    film.random = strtoull(argv[1], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
    film.wanted = strtoll(argv[2], NULL, 10);
    film.truth = fopen(argv[3], "w");
    for (int i = 4; i < argc; i++)
        if (!add_piece(&film, argv[i]))
            return 1;
    if (!film.truth)
        return 1;
    for (int i = 0; i < 16; i++)
        draw(&film);
    draw_style(&film);
    fputs("type,start_frame,end_frame\n", film.truth);
    struct shot shot, next;
    draw_shot(&film, &(struct shot){0}, &shot);
    write_shot(&film, &shot);
    while (film.written < film.wanted) {
        struct change change;
        draw_change(&film, &change);
        draw_shot(&film, &shot, &next);
        write_change(&film, &change, &shot, &next);
        write_shot(&film, &next);
        shot = next;
    }
    if (film.style.credits)
        write_credits(&film, &shot);
    return fclose(film.truth) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
