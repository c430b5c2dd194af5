// Scan conversion by exact signed area: every edge adds its coverage to an accumulator of one row, and
// a running sum turns that into alpha. It needs no sorting and no supersampling, and long flat runs,
// which are most of a drawn film's pixels, are filled as fast as memory allows.
#include "canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct canvas *cv_new(int w, int h)
{
    if (w <= 0 || h <= 0 || w > CV_MAX_WIDTH || h > CV_MAX_HEIGHT)
        return NULL;
    struct canvas *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->w = w;
    c->h = h;
    c->px = aligned_alloc(64, ((size_t)w * h * 4 + 127) / 64 * 64);
    if (!c->px) {
        free(c);
        return NULL;
    }
    memset(c->row_head, -1, sizeof c->row_head);
    cv_reset(c);
    cv_clear(c, 0);
    return c;
}

void cv_free(struct canvas *c)
{
    if (!c)
        return;
    free(c->px);
    free(c);
}

// ---- user space -------------------------------------------------------------------------------

void cv_reset(struct canvas *c)
{
    float k = c->w / CV_USER_W;
    c->depth = 0;
    c->s = (struct cv_state){.m = {k, 0, 0, k, 0, 0}, .light = {1, 1, 1}, .clip = {0, 0, c->w, c->h}};
    c->path.n_points = c->path.n_contours = 0;
}

void cv_push(struct canvas *c)
{
    if (c->depth < CV_STACK)
        c->stack[c->depth] = c->s;
    c->depth++;
}

void cv_pop(struct canvas *c)
{
    c->depth--;
    if (c->depth < CV_STACK)
        c->s = c->stack[c->depth];
}

void cv_move(struct canvas *c, float x, float y)
{
    struct cv_matrix *m = &c->s.m;
    m->e += m->a * x + m->c * y;
    m->f += m->b * x + m->d * y;
}

void cv_zoom(struct canvas *c, float sx, float sy)
{
    struct cv_matrix *m = &c->s.m;
    m->a *= sx;
    m->b *= sx;
    m->c *= sy;
    m->d *= sy;
}

void cv_turn(struct canvas *c, float radians)
{
    float co = cosf(radians), si = sinf(radians);
    struct cv_matrix m = c->s.m;
    c->s.m.a = m.a * co + m.c * si;
    c->s.m.b = m.b * co + m.d * si;
    c->s.m.c = m.c * co - m.a * si;
    c->s.m.d = m.d * co - m.b * si;
}

void cv_at(struct canvas *c, float x, float y, float scale)
{
    cv_move(c, x, y);
    cv_zoom(c, scale, scale);
}

void cv_clip(struct canvas *c, float x, float y, float w, float h)
{
    struct cv_clip *k = &c->s.clip;
    float x0, y0, x1, y1;
    cv_point(c, x, y, &x0, &y0);
    cv_point(c, x + w, y + h, &x1, &y1);
    k->x0 = (int)cv_clamp(x0, k->x0, k->x1);
    k->y0 = (int)cv_clamp(y0, k->y0, k->y1);
    k->x1 = (int)cv_clamp(x1, k->x0, k->x1);
    k->y1 = (int)cv_clamp(y1, k->y0, k->y1);
}

void cv_tint(struct canvas *c, uint32_t colour, float amount)
{
    c->s.tint = colour;
    c->s.tint_amount = amount;
}

void cv_light(struct canvas *c, float r, float g, float b)
{
    c->s.light[0] *= r;
    c->s.light[1] *= g;
    c->s.light[2] *= b;
}

float cv_pixels(const struct canvas *c)
{
    const struct cv_matrix *m = &c->s.m;
    return sqrtf(fabsf(m->a * m->d - m->b * m->c));
}

void cv_point(const struct canvas *c, float x, float y, float *ret_x, float *ret_y)
{
    const struct cv_matrix *m = &c->s.m;
    *ret_x = m->a * x + m->c * y + m->e;
    *ret_y = m->b * x + m->d * y + m->f;
}

void cv_bounds(const struct canvas *c, float *x0, float *y0, float *x1, float *y1)
{
    const struct cv_matrix *m = &c->s.m;
    float det = m->a * m->d - m->b * m->c;
    *x0 = *y0 = 1e9f;
    *x1 = *y1 = -1e9f;
    for (int i = 0; i < 4; i++) {
        float dx = (i & 1 ? c->w : 0) - m->e, dy = (i & 2 ? c->h : 0) - m->f;
        float x = (m->d * dx - m->c * dy) / det, y = (m->a * dy - m->b * dx) / det;
        *x0 = fminf(*x0, x);
        *x1 = fmaxf(*x1, x);
        *y0 = fminf(*y0, y);
        *y1 = fmaxf(*y1, y);
    }
}

// ---- colour -----------------------------------------------------------------------------------

static uint32_t ink(const struct canvas *c, uint32_t colour)
{
    const struct cv_state *s = &c->s;
    float r = (colour >> 16 & 255) * s->light[0], g = (colour >> 8 & 255) * s->light[1];
    float b = (colour & 255) * s->light[2];
    uint32_t lit = (uint32_t)fminf(r, 255) << 16 | (uint32_t)fminf(g, 255) << 8 |
                   (uint32_t)fminf(b, 255);
    return s->tint_amount > 0 ? cv_mix(lit, s->tint, s->tint_amount) : lit;
}

// A 4 x 4 ordered dither hides the bands of dark gradients; it costs nothing, as 16 pixels of a row
// share one pattern.
static void dithered(uint32_t out[16], const float rgb[3], int y)
{
    static const uint8_t bayer[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    for (int i = 0; i < 16; i++) {
        float d = (bayer[y & 3][i & 3] + 0.5f) / 16;
        uint32_t r = (uint32_t)(rgb[0] + d), g = (uint32_t)(rgb[1] + d), b = (uint32_t)(rgb[2] + d);
        out[i] = (r > 255 ? 255 : r) << 16 | (g > 255 ? 255 : g) << 8 | (b > 255 ? 255 : b);
    }
}

static void split(uint32_t colour, float rgb[3])
{
    rgb[0] = colour >> 16 & 255;
    rgb[1] = colour >> 8 & 255;
    rgb[2] = colour & 255;
}

// ---- spans ------------------------------------------------------------------------------------

static void copy_span(uint32_t *d, const uint32_t pattern[16], int x, int n)
{
    for (; n > 0 && (x & 15); x++, n--)
        *d++ = pattern[x & 15];
    for (; n >= 16; n -= 16, d += 16)
        memcpy(d, pattern, 64);
    for (int i = 0; i < n; i++)
        d[i] = pattern[i];
}

static void blend_span(uint32_t *d, uint32_t colour, int alpha256, int n)
{
    uint8_t *p = (uint8_t *)d;
    int16_t s[4] = {colour & 255, colour >> 8 & 255, colour >> 16 & 255, 0};
    int16_t k = 256 - alpha256;
    uint16_t add[16];
    for (int i = 0; i < 16; i++)
        add[i] = s[i & 3] * alpha256 + 128;
    int i = 0;
    for (; i + 4 <= n; i += 4, p += 16)
        for (int j = 0; j < 16; j++)
            p[j] = (uint16_t)(p[j] * (uint16_t)k + add[j]) >> 8;
    for (; i < n; i++, p += 4)
        for (int j = 0; j < 4; j++)
            p[j] = (uint16_t)(p[j] * (uint16_t)k + add[j]) >> 8;
}

static void add_span(uint32_t *d, uint32_t colour, int alpha256, int n)
{
    uint8_t *p = (uint8_t *)d;
    uint8_t add[16];
    for (int i = 0; i < 16; i++)
        add[i] = (colour >> (i & 3) * 8 & 255) * alpha256 >> 8;
    for (int i = 0; i < n * 4; i++) {
        int v = p[i] + add[i & 15];
        p[i] = v > 255 ? 255 : v;
    }
}

static inline void one_pixel(uint32_t *d, uint32_t colour, uint32_t alpha256)
{
    uint32_t p = *d, j = 256 - alpha256;
    uint32_t rb = (p & 0xff00ff) * j + (colour & 0xff00ff) * alpha256 + 0x800080;
    uint32_t g = (p & 0x00ff00) * j + (colour & 0x00ff00) * alpha256 + 0x008000;
    *d = (rb >> 8 & 0xff00ff) | (g >> 8 & 0x00ff00);
}

// What one row of a fill is painted with.
struct brush {
    float rgb[3];
    uint32_t colour;
    int alpha256;
    int add, y;
    int gradient;         // vertical: worth a dither
    const uint32_t *ramp; // horizontal gradient, NULL for none
    const int *ramp_alpha;
};

static void solid_run(uint32_t *d, int x, int n, const struct brush *b)
{
    if (!b->gradient || n < 16) {
        for (int i = 0; i < n; i++)
            d[i] = b->colour;
        return;
    }
    uint32_t pattern[16];
    dithered(pattern, b->rgb, b->y);
    copy_span(d, pattern, x, n);
}

static void ramp_run(uint32_t *row, int x, int n, int cov, const struct brush *b)
{
    if (b->add) {
        for (int i = x; i < x + n; i++)
            add_span(row + i, b->ramp[i], b->ramp_alpha[i] * cov >> 8, 1);
        return;
    }
    if (cov == 256 && b->alpha256 == 256) {
        memcpy(row + x, b->ramp + x, (size_t)n * sizeof *row);
        return;
    }
    for (int i = x; i < x + n; i++)
        one_pixel(row + i, b->ramp[i], b->ramp_alpha[i] * cov >> 8);
}

static void paint_run(uint32_t *row, int x, int n, int cov, const struct brush *b)
{
    int a = b->alpha256 * cov >> 8;
    if (b->ramp)
        ramp_run(row, x, n, cov, b);
    else if (b->add)
        add_span(row + x, b->colour, a, n);
    else if (a == 256)
        solid_run(row + x, x, n, b);
    else if (a > 0)
        blend_span(row + x, b->colour, a, n);
}

// ---- paths ------------------------------------------------------------------------------------

void cv_to(struct canvas *c, float x, float y)
{
    struct cv_path *p = &c->path;
    if (p->n_points >= CV_MAX_POINTS || p->n_contours >= CV_MAX_CONTOURS)
        return;
    if (p->n_contours == 0)
        p->start[0] = 0;
    cv_point(c, x, y, &p->x[p->n_points], &p->y[p->n_points]);
    p->n_points++;
}

void cv_close(struct canvas *c)
{
    struct cv_path *p = &c->path;
    if (p->n_contours >= CV_MAX_CONTOURS)
        return;
    if (p->n_points - p->start[p->n_contours] < 3) {
        p->n_points = p->start[p->n_contours];
        return;
    }
    p->n_contours++;
    p->start[p->n_contours] = p->n_points;
}

static float contour_area(const struct cv_path *p, int from, int to)
{
    float sum = 0;
    for (int i = from, j = to - 1; i < to; j = i++)
        sum += (p->x[j] - p->x[i]) * (p->y[j] + p->y[i]);
    return sum;
}

// The device pixels that a fill may touch: rows [y0, y1], columns [x0, x1).
struct extent {
    int x0, y0, x1, y1;
};

// Where the path lies on the picture; empty (x1 <= x0 or y1 < y0) when it is out of sight.
static struct extent path_extent(const struct canvas *c)
{
    const struct cv_path *p = &c->path;
    float x0 = 1e9f, y0 = 1e9f, x1 = -1e9f, y1 = -1e9f;
    for (int i = 0; i < p->start[p->n_contours]; i++) {
        x0 = fminf(x0, p->x[i]);
        x1 = fmaxf(x1, p->x[i]);
        y0 = fminf(y0, p->y[i]);
        y1 = fmaxf(y1, p->y[i]);
    }
    const struct cv_clip *k = &c->s.clip;
    struct extent e = {k->x0, k->y0, k->x1, k->y1 - 1};
    if (!(x0 < k->x1 && x1 > k->x0 && y0 < k->y1 && y1 > k->y0))
        return (struct extent){0, 0, 0, -1};
    e.x0 = x0 > e.x0 ? (int)x0 : e.x0;
    e.y0 = y0 > e.y0 ? (int)y0 : e.y0;
    e.x1 = x1 + 1 < e.x1 ? (int)x1 + 1 : e.x1;
    e.y1 = y1 < e.y1 ? (int)y1 : e.y1;
    return e;
}

static int add_edges(struct canvas *c, int from, int to, int n, const struct extent *ext)
{
    const struct cv_path *p = &c->path;
    float sense = contour_area(p, from, to) < 0 ? -1.0f : 1.0f;
    for (int i = from, j = to - 1; i < to; j = i++) {
        float x0 = p->x[j], y0 = p->y[j], x1 = p->x[i], y1 = p->y[i], dir = sense;
        if (y0 == y1)
            continue;
        if (y0 > y1) {
            float t = x0;
            x0 = x1;
            x1 = t;
            t = y0;
            y0 = y1;
            y1 = t;
            dir = -dir;
        }
        if (y1 <= ext->y0 || y0 >= ext->y1 + 1 || !(y1 - y0 < 1e7f))
            continue;
        float slope = (x1 - x0) / (y1 - y0);
        if (y0 < ext->y0) {
            x0 += (ext->y0 - y0) * slope;
            y0 = ext->y0;
        }
        int row = (int)y0;
        c->edges[n] = (struct cv_edge){x0, slope, y0, y1, dir, c->row_head[row]};
        c->row_head[row] = n++;
    }
    return n;
}

// Coverage that one edge adds to the row y .. y+1, in units of 1/FULL. Edges outside the extent count at
// its border, so that the sums inside come out right.
#define FULL 65536

static void accumulate(struct canvas *c, const struct cv_edge *e, int y, const struct extent *ext)
{
    float ya = fmaxf(e->y0, y), yb = fminf(e->y1, y + 1), dy = yb - ya;
    if (dy <= 0)
        return;
    float xa = cv_clamp(e->x + (ya - e->y0) * e->dxdy, ext->x0, ext->x1);
    float xb = cv_clamp(e->x + (yb - e->y0) * e->dxdy, ext->x0, ext->x1);
    float x0 = fminf(xa, xb), x1 = fmaxf(xa, xb), d = dy * e->dir * FULL;
    int i0 = (int)x0, i1 = (int)x1;
    int32_t *a = c->acc;
    for (int b = i0 >> 4; b <= (i1 + 1) >> 4; b++)
        c->touched[b] = 1;
    if (i0 == i1) {
        int all = (int)d, right = (int)(d * (0.5f * (x0 + x1) - i0));
        a[i0] += all - right;
        a[i0 + 1] += right;
        return;
    }
    // Split the trapezoid at the pixel borders it crosses.
    float per_x = d / (x1 - x0);
    for (int i = i0; i <= i1; i++) {
        float l = fmaxf(x0, i), r = fminf(x1, i + 1), part = (r - l) * per_x;
        int all = (int)part, right = (int)(part * (0.5f * (l + r) - i));
        a[i] += all - right;
        a[i + 1] += right;
    }
}

// The running sum over one block of 16 cells becomes the alpha of its pixels, 0..256.
static int32_t block_alpha(int32_t *acc, int32_t sum, int alpha[16])
{
    int32_t sums[16];
    for (int i = 0; i < 16; i++)
        sums[i] = sum += acc[i];
    memset(acc, 0, 16 * sizeof *acc);
    for (int i = 0; i < 16; i++) {
        int v = sums[i] < 0 ? -sums[i] : sums[i];
        alpha[i] = (v > FULL ? FULL : v) >> 8;
    }
    return sum;
}

static void blend_block(uint32_t *d, const uint32_t colour[16], const int alpha[16])
{
    for (int i = 0; i < 16; i++) { // red and blue together in one multiplication
        uint32_t p = d[i], q = colour[i], k = alpha[i], j = 256 - k;
        uint32_t rb = (p & 0xff00ff) * j + (q & 0xff00ff) * k + 0x800080;
        uint32_t g = (p & 0x00ff00) * j + (q & 0x00ff00) * k + 0x008000;
        d[i] = (rb >> 8 & 0xff00ff) | (g >> 8 & 0x00ff00);
    }
}

static void paint_block(uint32_t *row, int x, const struct extent *e, int alpha[16], const struct brush *b)
{
    uint32_t colour[16];
    int from = e->x0 > x ? e->x0 - x : 0, to = e->x1 < x + 16 ? e->x1 - x : 16;
    for (int i = 0; i < 16; i++) {
        int a = b->ramp ? b->ramp_alpha[x + i] : b->alpha256;
        colour[i] = b->ramp ? b->ramp[x + i] : b->colour;
        alpha[i] = i >= from && i < to ? alpha[i] * a >> 8 : 0;
    }
    if (b->add) {
        for (int i = from; i < to; i++)
            add_span(row + x + i, colour[i], alpha[i], 1);
        return;
    }
    if (from == 0 && to == 16)
        blend_block(row + x, colour, alpha);
    else
        for (int i = from; i < to; i++)
            one_pixel(row + x + i, colour[i], alpha[i]);
}

static void sweep_row(struct canvas *c, int y, const struct extent *e, const struct brush *b)
{
    uint32_t *row = c->px + (size_t)y * c->w;
    int k = e->x0 >> 4, blocks = ((e->x1 + 1) >> 4) + 1;
    int32_t sum = 0;
    while (k < blocks) {
        if (c->touched[k]) {
            int alpha[16];
            c->touched[k] = 0;
            sum = block_alpha(c->acc + k * 16, sum, alpha);
            if (k * 16 < e->x1)
                paint_block(row, k * 16, e, alpha, b);
            k++;
            continue;
        }
        int from = k * 16 > e->x0 ? k * 16 : e->x0;
        while (k < blocks && !c->touched[k])
            k++;
        int v = sum < 0 ? -sum : sum, alpha = (v > FULL ? FULL : v) >> 8;
        int end = k * 16 < e->x1 ? k * 16 : e->x1;
        if (alpha && end > from)
            paint_run(row, from, end - from, alpha, b);
    }
}

static int alpha_256(float a)
{
    return (int)(cv_clamp(a, 0, 1) * 256 + 0.5f);
}

static void brush_for_row(struct brush *b, const struct canvas *c, const struct cv_paint *p,
                          const uint32_t ends[2], int y)
{
    float t = 0;
    if (p->kind == CV_VERTICAL) {
        float y0 = c->s.m.d * p->p0 + c->s.m.f, y1 = c->s.m.d * p->p1 + c->s.m.f;
        t = cv_clamp((y + 0.5f - y0) / (y1 - y0), 0, 1);
    }
    float a[3], z[3];
    split(ends[0], a);
    split(ends[1], z);
    for (int i = 0; i < 3; i++)
        b->rgb[i] = a[i] + (z[i] - a[i]) * t;
    b->alpha256 = alpha_256(p->a0 + (p->a1 - p->a0) * t);
    b->colour = (uint32_t)(b->rgb[0] + 0.5f) << 16 | (uint32_t)(b->rgb[1] + 0.5f) << 8 | (uint32_t)(b->rgb[2] + 0.5f);
    b->y = y;
}

static void make_ramp(struct canvas *c, const struct cv_paint *p, const uint32_t ends[2], const struct extent *e)
{
    float x0 = c->s.m.a * p->p0 + c->s.m.e, x1 = c->s.m.a * p->p1 + c->s.m.e, per_x = 256 / (x1 - x0);
    int a[3], d[3];
    for (int i = 0; i < 3; i++) {
        a[i] = ends[0] >> (16 - 8 * i) & 255;
        d[i] = (int)(ends[1] >> (16 - 8 * i) & 255) - a[i];
    }
    for (int x = e->x0; x < e->x1; x++) {
        float t = (x + 0.5f - x0) * per_x;
        t = t < 0 ? 0 : t > 256 ? 256 : t;
        int k = (int)t;
        c->ramp[x] = (uint32_t)(((a[0] * 256 + d[0] * k + 128) >> 8) << 16 | ((a[1] * 256 + d[1] * k + 128) >> 8) << 8 |
                                ((a[2] * 256 + d[2] * k + 128) >> 8));
        c->ramp_alpha[x] = (int)(256 * p->a0 + (p->a1 - p->a0) * t);
    }
}

void cv_fill_paint(struct canvas *c, const struct cv_paint *p)
{
    int n_active = 0, n_edges = 0;
    if (c->path.n_points > c->path.start[c->path.n_contours] || c->path.n_contours == 0)
        cv_close(c);
    struct extent ext = path_extent(c);
    for (int i = 0; i < c->path.n_contours && ext.y1 >= ext.y0; i++)
        n_edges = add_edges(c, c->path.start[i], c->path.start[i + 1], n_edges, &ext);
    c->path.n_points = c->path.n_contours = 0;
    c->path.start[0] = 0;

    uint32_t ends[2] = {ink(c, p->c0), p->kind == CV_SOLID ? 0 : ink(c, p->c1)};
    struct brush b = {.add = p->add, .gradient = p->kind == CV_VERTICAL, .alpha256 = alpha_256(fminf(p->a0, p->a1))};
    if (p->kind == CV_HORIZONTAL) {
        make_ramp(c, p, ends, &ext);
        b.ramp = c->ramp;
        b.ramp_alpha = c->ramp_alpha;
    } else if (p->kind == CV_SOLID) {
        b.colour = ends[0];
        b.alpha256 = alpha_256(p->a0);
    }
    for (int y = ext.y0; y <= ext.y1; y++) {
        for (int e = c->row_head[y]; e >= 0; e = c->edges[e].next)
            c->active[n_active++] = e;
        c->row_head[y] = -1;
        int kept = 0;
        for (int i = 0; i < n_active; i++) {
            const struct cv_edge *e = &c->edges[c->active[i]];
            accumulate(c, e, y, &ext);
            if (e->y1 > y + 1)
                c->active[kept++] = c->active[i];
        }
        n_active = kept;
        if (p->kind == CV_VERTICAL)
            brush_for_row(&b, c, p, ends, y);
        sweep_row(c, y, &ext, &b);
    }
}

void cv_fill(struct canvas *c, uint32_t colour)
{
    cv_fill_paint(c, &(struct cv_paint){.c0 = colour, .a0 = 1});
}

void cv_fill_a(struct canvas *c, uint32_t colour, float alpha)
{
    cv_fill_paint(c, &(struct cv_paint){.c0 = colour, .a0 = alpha});
}

void cv_fill_v(struct canvas *c, float y0, uint32_t c0, float y1, uint32_t c1)
{
    cv_fill_paint(c, &(struct cv_paint){CV_VERTICAL, c0, c1, 1, 1, y0, y1, 0});
}

void cv_fill_h(struct canvas *c, float x0, uint32_t c0, float x1, uint32_t c1)
{
    cv_fill_paint(c, &(struct cv_paint){CV_HORIZONTAL, c0, c1, 1, 1, x0, x1, 0});
}

// ---- the whole picture, and soft things -------------------------------------------------------

void cv_clear(struct canvas *c, uint32_t colour)
{
    for (int i = 0; i < c->w * c->h; i++)
        c->px[i] = colour;
}

void cv_sky(struct canvas *c, const struct cv_stop *stops, int n)
{
    for (int y = 0, k = 0; y < c->h; y++) {
        float v = (y + 0.5f) / c->h, a[3], b[3], rgb[3];
        while (k + 2 < n && v > stops[k + 1].y)
            k++;
        float t = cv_clamp((v - stops[k].y) / (stops[k + 1].y - stops[k].y), 0, 1);
        split(ink(c, stops[k].colour), a);
        split(ink(c, stops[k + 1].colour), b);
        for (int i = 0; i < 3; i++)
            rgb[i] = a[i] + (b[i] - a[i]) * t;
        uint32_t pattern[16];
        dithered(pattern, rgb, y);
        copy_span(c->px + (size_t)y * c->w, pattern, 0, c->w);
    }
}

void cv_veil(struct canvas *c, uint32_t colour, float alpha)
{
    int a = (int)(cv_clamp(alpha, 0, 1) * 256 + 0.5f);
    if (a > 0)
        blend_span(c->px, colour, a, c->w * c->h);
}

// The falloff (1 - r^2)^3 needs no square root and ends without an edge.
static void soft(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha,
                 int add)
{
    float cx, cy, k = cv_pixels(c);
    cv_point(c, x, y, &cx, &cy);
    rx = fabsf(rx) * k;
    ry = fabsf(ry) * k;
    if (rx < 0.5f || ry < 0.5f || alpha <= 0)
        return;
    const struct cv_clip *clip = &c->s.clip;
    int x0 = (int)cv_clamp(cx - rx, clip->x0, clip->x1), x1 = (int)cv_clamp(cx + rx + 1, clip->x0, clip->x1);
    int y0 = (int)cv_clamp(cy - ry, clip->y0, clip->y1), y1 = (int)cv_clamp(cy + ry + 1, clip->y0, clip->y1);
    int s[3] = {colour & 255, colour >> 8 & 255, colour >> 16 & 255};
    for (int py = y0; py < y1; py++) {
        float dy = (py + 0.5f - cy) / ry, left = 1 - dy * dy, inv = 1 / rx;
        uint32_t *row = c->px + (size_t)py * c->w;
        if (left <= 0)
            continue;
        // Only the columns inside the ellipse of this row.
        float half = sqrtf(left) * rx;
        int a0 = cx - half > x0 ? (int)(cx - half) : x0, a1 = cx + half + 1 < x1 ? (int)(cx + half + 1) : x1;
        for (int i = a0; i < a1; i++) {
            float dx = (i + 0.5f - cx) * inv, f = left - dx * dx;
            f = f > 0 ? f : 0;
            int a = (int)(f * f * f * alpha * 256), p = (int)row[i];
            int q0 = p & 255, q1 = p >> 8 & 255, q2 = p >> 16 & 255, b0, b1, b2;
            if (add) {
                b0 = q0 + (s[0] * a >> 8);
                b1 = q1 + (s[1] * a >> 8);
                b2 = q2 + (s[2] * a >> 8);
                b0 = b0 > 255 ? 255 : b0;
                b1 = b1 > 255 ? 255 : b1;
                b2 = b2 > 255 ? 255 : b2;
            } else {
                b0 = q0 + ((s[0] - q0) * a >> 8);
                b1 = q1 + ((s[1] - q1) * a >> 8);
                b2 = q2 + ((s[2] - q2) * a >> 8);
            }
            row[i] = (uint32_t)(b2 << 16 | b1 << 8 | b0);
        }
    }
}

void cv_glow(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha)
{
    soft(c, x, y, rx, ry, colour, fminf(alpha, 4), 1);
}

void cv_spot(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha)
{
    soft(c, x, y, rx, ry, ink(c, colour), fminf(alpha, 1), 0);
}

void cv_dot(struct canvas *c, float x, float y, float r, uint32_t colour, float alpha)
{
    float cx, cy;
    cv_point(c, x, y, &cx, &cy);
    r *= cv_pixels(c);
    const struct cv_clip *k = &c->s.clip;
    int x0 = (int)cv_clamp(cx - r - 1, k->x0, k->x1), x1 = (int)cv_clamp(cx + r + 2, k->x0, k->x1);
    int y0 = (int)cv_clamp(cy - r - 1, k->y0, k->y1), y1 = (int)cv_clamp(cy + r + 2, k->y0, k->y1);
    uint32_t s = ink(c, colour);
    for (int py = y0; py < y1; py++)
        for (int i = x0; i < x1; i++) {
            float dx = i + 0.5f - cx, dy = py + 0.5f - cy;
            float cov = r + 0.5f - sqrtf(dx * dx + dy * dy);
            if (cov > 0)
                one_pixel(&c->px[(size_t)py * c->w + i], s, (uint32_t)(fminf(cov, 1) * cv_clamp(alpha, 0, 1) * 256));
        }
}
