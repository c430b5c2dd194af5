// Shapes are polygons fine enough for the size they get on the screen; circles and curves choose
// the number of their sides from the matrix in force.
#include "shapes.h"

#include <math.h>
#include <stddef.h>

void sh_rect(struct canvas *c, float x, float y, float w, float h)
{
    cv_to(c, x, y);
    cv_to(c, x + w, y);
    cv_to(c, x + w, y + h);
    cv_to(c, x, y + h);
    cv_close(c);
}

static int sides(const struct canvas *c, float r)
{
    return (int)cv_clamp(4.5f * sqrtf(r * cv_pixels(c)), 8, 96);
}

static void corner(struct canvas *c, float x, float y, float rx, float ry, float from, float to,
                   int n)
{
    for (int i = 0; i <= n; i++) {
        float a = from + (to - from) * i / n;
        cv_to(c, x + rx * cosf(a), y + ry * sinf(a));
    }
}

void sh_round(struct canvas *c, float x, float y, float w, float h, float r)
{
    int n = sides(c, r) / 4 + 1;
    r = fminf(r, fminf(w, h) / 2);
    corner(c, x + w - r, y + r, r, r, -CV_PI / 2, 0, n);
    corner(c, x + w - r, y + h - r, r, r, 0, CV_PI / 2, n);
    corner(c, x + r, y + h - r, r, r, CV_PI / 2, CV_PI, n);
    corner(c, x + r, y + r, r, r, CV_PI, CV_PI * 1.5f, n);
    cv_close(c);
}

void sh_ellipse(struct canvas *c, float x, float y, float rx, float ry)
{
    int n = sides(c, fmaxf(fabsf(rx), fabsf(ry)));
    for (int i = 0; i < n; i++) {
        float a = 2 * CV_PI * i / n;
        cv_to(c, x + rx * cosf(a), y + ry * sinf(a));
    }
    cv_close(c);
}

void sh_circle(struct canvas *c, float x, float y, float r)
{
    sh_ellipse(c, x, y, r, r);
}

void sh_poly(struct canvas *c, const float *xy, int n)
{
    for (int i = 0; i < n; i++)
        cv_to(c, xy[2 * i], xy[2 * i + 1]);
    cv_close(c);
}

void sh_curves(struct canvas *c, const float *xy, int n_curves)
{
    for (int k = 0; k < n_curves; k++, xy += 6) {
        float span = fabsf(xy[6] - xy[0]) + fabsf(xy[7] - xy[1]);
        int n = (int)cv_clamp(sqrtf(span * cv_pixels(c)) * 1.1f, 4, 32);
        for (int i = 0; i < n; i++) {
            float t = (float)i / n, s = 1 - t;
            float a = s * s * s, b = 3 * s * s * t, d = 3 * s * t * t, e = t * t * t;
            cv_to(c, a * xy[0] + b * xy[2] + d * xy[4] + e * xy[6],
                  a * xy[1] + b * xy[3] + d * xy[5] + e * xy[7]);
        }
    }
    cv_close(c);
}

void sh_limb(struct canvas *c, float x0, float y0, float r0, float x1, float y1, float r1)
{
    float a = atan2f(y1 - y0, x1 - x0);
    int n = sides(c, fmaxf(r0, r1)) / 2 + 2;
    corner(c, x0, y0, r0, r0, a + CV_PI / 2, a + CV_PI * 1.5f, n);
    corner(c, x1, y1, r1, r1, a - CV_PI / 2, a + CV_PI / 2, n);
    cv_close(c);
}

void sh_line(struct canvas *c, float x0, float y0, float x1, float y1, float width)
{
    float dx = x1 - x0, dy = y1 - y0, len = sqrtf(dx * dx + dy * dy);
    if (len < 1e-4f)
        return;
    float nx = -dy / len * width / 2, ny = dx / len * width / 2;
    cv_to(c, x0 + nx, y0 + ny);
    cv_to(c, x1 + nx, y1 + ny);
    cv_to(c, x1 - nx, y1 - ny);
    cv_to(c, x0 - nx, y0 - ny);
    cv_close(c);
}

void sh_stroke(struct canvas *c, const float *xy, int n, float width)
{
    for (int i = 0; i + 1 < n; i++)
        sh_limb(c, xy[2 * i], xy[2 * i + 1], width / 2, xy[2 * i + 2], xy[2 * i + 3], width / 2);
}

void sh_arc(struct canvas *c, float x, float y, float r, float width, float from, float to)
{
    int n = sides(c, r) / 2 + 4;
    for (int i = 0; i <= n; i++) {
        float a = from + (to - from) * i / n;
        cv_to(c, x + (r + width / 2) * cosf(a), y + (r + width / 2) * sinf(a));
    }
    for (int i = n; i >= 0; i--) {
        float a = from + (to - from) * i / n;
        cv_to(c, x + (r - width / 2) * cosf(a), y + (r - width / 2) * sinf(a));
    }
    cv_close(c);
}

void sh_ground(struct canvas *c, float x0, float step, const float *y, int n, float bottom)
{
    cv_to(c, x0, bottom);
    for (int i = 0; i < n; i++)
        cv_to(c, x0 + step * i, y[i]);
    cv_to(c, x0 + step * (n - 1), bottom);
    cv_close(c);
}

void sh_look(struct canvas *c, const struct camera *cam, float depth)
{
    float zoom = 1 + (cam->zoom - 1) * depth;
    cv_reset(c);
    cv_move(c, CV_USER_W / 2, CV_USER_H / 2);
    cv_turn(c, cam->roll);
    cv_zoom(c, zoom, zoom);
    cv_move(c, -(CV_USER_W / 2 + (cam->x - CV_USER_W / 2) * depth),
            -(CV_USER_H / 2 + (cam->y - CV_USER_H / 2) * depth));
}

struct camera sh_between(const struct camera *a, const struct camera *b, float u)
{
    // Magnification is felt as a ratio, so it is interpolated as one.
    return (struct camera){cv_lerp(a->x, b->x, u), cv_lerp(a->y, b->y, u),
                           a->zoom * powf(b->zoom / a->zoom, u), cv_lerp(a->roll, b->roll, u)};
}

void sh_screen(struct canvas *c)
{
    sh_look(c, &(struct camera){CV_USER_W / 2, CV_USER_H / 2, 1, 0}, 1);
}
