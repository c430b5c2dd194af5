/* H.264 in 4:2:0 has even sizes. A picture that is not scaled keeps all its samples and gets at
 * most one repeated column and row; scaling by one sample would soften the whole picture. */
#include "render/geometry.h"

#include <math.h>

#include <libavutil/rational.h>

#include "base/cleanup.h"

enum { MOST_SAR = 65535 }; /* 16 bits each in H.264 */

static void set_sar(struct md_geometry *g, int64_t num, int64_t den)
{
    av_reduce(&g->sar_num, &g->sar_den, num, den, MOST_SAR);
    g->sar_num = MD_MAX(g->sar_num, 1);
    g->sar_den = MD_MAX(g->sar_den, 1);
}

static int even_down(double value)
{
    return MD_MAX((int)(value / 2) * 2, 2);
}

static int even_near(double value)
{
    return MD_MAX((int)lround(value / 2) * 2, 2);
}

struct md_geometry md_geometry_fit(int width, int height, int sar_num, int sar_den, int rotation,
                                   int64_t max_height)
{
    struct md_geometry g = {.scaled_width = width, .scaled_height = height};
    if (sar_num <= 0 || sar_den <= 0)
        sar_num = sar_den = 1;
    set_sar(&g, sar_num, sar_den);
    double sar = (double)sar_num / sar_den;
    bool on_side = rotation == 90 || rotation == 270;
    double lines = on_side ? width * sar : height;
    if (max_height > 0 && lines > (double)max_height) {
        double factor = (double)max_height / lines;
        g.scales = true;
        g.scaled_width = on_side ? even_down(width * factor) : even_near(width * factor);
        g.scaled_height = on_side ? even_near(height * factor) : even_down(height * factor);
        double now = (double)g.scaled_width / g.scaled_height, was = (double)width / height;
        if (fabs(was / now - 1) > 0.005)
            set_sar(&g, (int64_t)sar_num * width * g.scaled_height,
                    (int64_t)sar_den * height * g.scaled_width);
    }
    g.width = g.scaled_width + (g.scaled_width & 1);
    g.height = g.scaled_height + (g.scaled_height & 1);
    return g;
}
