// Scan conversion by exact signed area: every edge adds its coverage to an accumulator of one row,
// and a running sum turns that into alpha. It needs no sorting and no supersampling, and long flat
// runs, which are most of a drawn film's pixels, are filled as fast as memory allows.
#include "canvas.h"

#include "pixels.h"

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
    c->s =
        (struct cv_state){.m = {k, 0, 0, k, 0, 0}, .light = {1, 1, 1}, .clip = {0, 0, c->w, c->h}};
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

// ---- spans ------------------------------------------------------------------------------------

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
    px_dithered(pattern, b->rgb, b->y);
    px_copy_span(d, pattern, x, n);
}

static void ramp_run(uint32_t *row, int x, int n, int cov, const struct brush *b)
{
    if (b->add) {
        for (int i = x; i < x + n; i++)
            px_add_span(row + i, b->ramp[i], b->ramp_alpha[i] * cov >> 8, 1);
        return;
    }
    if (cov == 256 && b->alpha256 == 256) {
        memcpy(row + x, b->ramp + x, (size_t)n * sizeof *row);
        return;
    }
    for (int i = x; i < x + n; i++)
        px_one_pixel(row + i, b->ramp[i], b->ramp_alpha[i] * cov >> 8);
}

static void paint_run(uint32_t *row, int x, int n, int cov, const struct brush *b)
{
    int a = b->alpha256 * cov >> 8;
    if (b->ramp)
        ramp_run(row, x, n, cov, b);
    else if (b->add)
        px_add_span(row + x, b->colour, a, n);
    else if (a == 256)
        solid_run(row + x, x, n, b);
    else if (a > 0)
        px_blend_span(row + x, b->colour, a, n);
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

// Coverage that one edge adds to the row y .. y+1, in units of 1/FULL. Edges outside the extent
// count at its border, so that the sums inside come out right.
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

static void paint_block(uint32_t *row, int x, const struct extent *e, int alpha[16],
                        const struct brush *b)
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
            px_add_span(row + x + i, colour[i], alpha[i], 1);
        return;
    }
    if (from == 0 && to == 16)
        blend_block(row + x, colour, alpha);
    else
        for (int i = from; i < to; i++)
            px_one_pixel(row + x + i, colour[i], alpha[i]);
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
    px_split(ends[0], a);
    px_split(ends[1], z);
    for (int i = 0; i < 3; i++)
        b->rgb[i] = a[i] + (z[i] - a[i]) * t;
    b->alpha256 = alpha_256(p->a0 + (p->a1 - p->a0) * t);
    b->colour = (uint32_t)(b->rgb[0] + 0.5f) << 16 | (uint32_t)(b->rgb[1] + 0.5f) << 8 |
                (uint32_t)(b->rgb[2] + 0.5f);
    b->y = y;
}

static void make_ramp(struct canvas *c, const struct cv_paint *p, const uint32_t ends[2],
                      const struct extent *e)
{
    float x0 = c->s.m.a * p->p0 + c->s.m.e, x1 = c->s.m.a * p->p1 + c->s.m.e,
          per_x = 256 / (x1 - x0);
    int a[3], d[3];
    for (int i = 0; i < 3; i++) {
        a[i] = ends[0] >> (16 - 8 * i) & 255;
        d[i] = (int)(ends[1] >> (16 - 8 * i) & 255) - a[i];
    }
    for (int x = e->x0; x < e->x1; x++) {
        float t = (x + 0.5f - x0) * per_x;
        t = t < 0 ? 0 : t > 256 ? 256 : t;
        int k = (int)t;
        c->ramp[x] = (uint32_t)(((a[0] * 256 + d[0] * k + 128) >> 8) << 16 |
                                ((a[1] * 256 + d[1] * k + 128) >> 8) << 8 |
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

    uint32_t ends[2] = {px_ink(c, p->c0), p->kind == CV_SOLID ? 0 : px_ink(c, p->c1)};
    struct brush b = {.add = p->add,
                      .gradient = p->kind == CV_VERTICAL,
                      .alpha256 = alpha_256(fminf(p->a0, p->a1))};
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
