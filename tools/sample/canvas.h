// A small anti-aliased vector canvas: everything in the sample film is drawn with it, frame by
// frame.
//
// User space is 1600 x 900 whatever the picture's size, x to the right and y down. One canvas
// belongs to one thread. Colours are 0xRRGGBB; alpha and coverage are 0..1.
#ifndef SAMPLE_CANVAS_H
#define SAMPLE_CANVAS_H

#include <stdint.h>

#define CV_USER_W       1600.0f
#define CV_USER_H       900.0f
#define CV_MAX_POINTS   32768
#define CV_MAX_CONTOURS 4096
#define CV_MAX_WIDTH    1920
#define CV_MAX_HEIGHT   1088
#define CV_STACK        16
#define CV_PI           3.14159265f

// x' = a x + c y + e, y' = b x + d y + f
struct cv_matrix {
    float a, b, c, d, e, f;
};

struct cv_clip {
    int x0, y0, x1, y1; // device pixels; the last ones excluded
};

struct cv_state {
    struct cv_matrix m;
    struct cv_clip clip;
    uint32_t tint; // every colour is mixed towards this one ...
    float tint_amount;
    float light[3]; // ... after having been multiplied by the light, per channel R, G, B
};

struct cv_edge {
    float x, dxdy, y0, y1; // x at y0
    float dir;
    int next; // in the list of edges that start in the same row
};

struct cv_path {
    float x[CV_MAX_POINTS], y[CV_MAX_POINTS]; // device pixels
    int start[CV_MAX_CONTOURS + 1];
    int n_points, n_contours;
};

struct canvas {
    int w, h;
    uint32_t *px;
    struct cv_state s;
    struct cv_state stack[CV_STACK];
    int depth;
    struct cv_path path;
    struct cv_edge edges[CV_MAX_POINTS];
    int row_head[CV_MAX_HEIGHT];
    int active[CV_MAX_POINTS];
    int32_t acc[CV_MAX_WIDTH + 48];
    uint8_t touched[CV_MAX_WIDTH / 16 + 4];
    uint32_t ramp[CV_MAX_WIDTH + 16];  // colours of a horizontal gradient, one per column
    int ramp_alpha[CV_MAX_WIDTH + 16]; // 0..256
};

enum cv_paint_kind { CV_SOLID, CV_VERTICAL, CV_HORIZONTAL };

// A gradient runs from colour c0, alpha a0 at p0 to c1, a1 at p1, in user space along one axis.
struct cv_paint {
    enum cv_paint_kind kind;
    uint32_t c0, c1;
    float a0, a1;
    float p0, p1;
    int add; // add light instead of covering
};

// NULL when there is no memory.
struct canvas *cv_new(int w, int h);
void cv_free(struct canvas *c);

void cv_reset(struct canvas *c); // identity user space, no tint, white light
void cv_push(struct canvas *c);
void cv_pop(struct canvas *c);
void cv_move(struct canvas *c, float x, float y);
void cv_zoom(struct canvas *c, float sx, float sy);
void cv_turn(struct canvas *c, float radians);
void cv_at(struct canvas *c, float x, float y, float scale); // move, then zoom; use after cv_push
void cv_clip(struct canvas *c, float x, float y, float w,
             float h); // draws only inside, until cv_pop
void cv_tint(struct canvas *c, uint32_t colour, float amount);
void cv_light(struct canvas *c, float r, float g, float b); // multiplies the light in force
float cv_pixels(const struct canvas *c);                    // device pixels per user unit
void cv_point(const struct canvas *c, float x, float y, float *ret_x, float *ret_y);
// The part of user space that can be seen.
void cv_bounds(const struct canvas *c, float *x0, float *y0, float *x1, float *y1);

// Paths collect contours until a fill uses them up. Contours are always united, whatever their
// sense.
void cv_to(struct canvas *c, float x, float y); // first point of a contour, or a line to the next
void cv_close(struct canvas *c);
void cv_fill_paint(struct canvas *c, const struct cv_paint *p);
void cv_fill(struct canvas *c, uint32_t colour);
void cv_fill_a(struct canvas *c, uint32_t colour, float alpha);
void cv_fill_v(struct canvas *c, float y0, uint32_t c0, float y1, uint32_t c1);
void cv_fill_h(struct canvas *c, float x0, uint32_t c0, float x1, uint32_t c1);

// The whole picture.
void cv_clear(struct canvas *c, uint32_t colour);
// n bands of colour from the top (y = 0) to the bottom (y = 1) of the screen, or of alpha over it.
struct cv_stop {
    float y;
    uint32_t colour;
};
void cv_sky(struct canvas *c, const struct cv_stop *stops, int n);
void cv_veil(struct canvas *c, uint32_t colour, float alpha);

// A soft round light (add) or soft round spot of colour.
void cv_glow(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha);
void cv_spot(struct canvas *c, float x, float y, float rx, float ry, uint32_t colour, float alpha);
// A small round dot, cheaper than a path: stars, snow, sparks. Radius in user units.
void cv_dot(struct canvas *c, float x, float y, float r, uint32_t colour, float alpha);

uint32_t cv_mix(uint32_t a, uint32_t b, float t);

static inline float cv_clamp(float v, float lo, float hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static inline float cv_lerp(float a, float b, float t)
{
    return a + (b - a) * t;
}

float cv_ease(float u);                       // 0..1 to 0..1, slow at both ends
float cv_ramp(float v, float from, float to); // 0 before from, 1 after to, eased between
float cv_hash(uint32_t a, uint32_t b);        // 0..1, the same on every machine
float cv_noise(float x, uint32_t seed);       // smooth, 0..1, period 1
float cv_fbm(float x, uint32_t seed);         // four octaves of it, 0..1

#endif
