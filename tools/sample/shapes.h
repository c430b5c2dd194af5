// Shapes for paths: each adds closed contours; a fill uses them up. Plus cameras.
#ifndef SAMPLE_SHAPES_H
#define SAMPLE_SHAPES_H

#include "canvas.h"

void sh_rect(struct canvas *c, float x, float y, float w, float h);
void sh_round(struct canvas *c, float x, float y, float w, float h, float r);
void sh_ellipse(struct canvas *c, float x, float y, float rx, float ry);
void sh_circle(struct canvas *c, float x, float y, float r);
// Closed polygon of n points x, y, x, y ...
void sh_poly(struct canvas *c, const float *xy, int n);
// Closed outline through cubic curves: xy holds the start, then three points for each curve.
void sh_curves(struct canvas *c, const float *xy, int n_curves);
// A limb from one round end to another.
void sh_limb(struct canvas *c, float x0, float y0, float r0, float x1, float y1, float r1);
void sh_line(struct canvas *c, float x0, float y0, float x1, float y1, float width);
// A polyline n points long with round joints.
void sh_stroke(struct canvas *c, const float *xy, int n, float width);
// Part of a ring, angles in radians.
void sh_arc(struct canvas *c, float x, float y, float r, float width, float from, float to);
// Everything between the curve y = f(i) sampled at n points from x0 on and the line y = bottom.
void sh_ground(struct canvas *c, float x0, float step, const float *y, int n, float bottom);

// Where the camera looks: the centre of the picture in user space, magnification, roll in radians.
struct camera {
    float x, y, zoom, roll;
};

// Sets user space to what the camera sees. depth 1 is the plane the camera is aimed at; a smaller
// depth lies farther away, moves and grows less; larger is nearer.
void sh_look(struct canvas *c, const struct camera *cam, float depth);
void sh_screen(struct canvas *c); // the bare screen, no camera
struct camera sh_between(const struct camera *a, const struct camera *b, float u);

#endif
