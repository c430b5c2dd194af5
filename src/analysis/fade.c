/* A fade scales the picture towards an even colour: its contrast falls steadily to nothing and its
 * shape stays. So it is followed outwards from the even pictures for as long as the contrast grows,
 * and believed when the pictures on the slope are scaled copies of the one at its top. Unlike a fit
 * over fixed windows this finds slopes of any length and any curve, and the exact ends. */
#include "analysis/fade.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/gradual.h"
#include "analysis/rate.h"
#include "model/shots.h"

enum { SHORTEST_SLOPE = 3 }; /* frames; less is a cut to black */

/* Contrast may waver this much (grey levels, share) on a slope: noise, movement. */
static const float waver = 0.35f, waver_share = 0.015f;
/* A slope ends in a picture with at least this contrast, or nobody sees it. */
static const float least_contrast = 5;
/* Root mean square of what a scaled copy leaves, in units of the copy's contrast. Of 87 fades in
 * films and composites one left more than 0.43, where the even picture is black; without black
 * (a valley) none more than 0.22. */
static const float most_unexplained = 0.43f, most_of_valley = 0.3f;

int md_fade_look_ahead(float rate)
{
    return md_rate_frames(rate, 48, 12, MD_FADE_LONGEST) + 2;
}

/* Steps from frame `from` in direction `by` to the top of its slope; returns its length. */
static int climb(const struct md_history *history, int64_t from, int by, float rate)
{
    int most = md_fade_look_ahead(rate) - 2, length = 0, rest = 0;
    int patience = md_rate_frames(rate, 2, 1, 6);
    float highest = md_history_middle(history, from)->deviation;
    for (int i = 1; i <= most; i++) {
        int64_t frame = from + by * i;
        if (frame < md_history_first(history) || frame >= md_history_count(history))
            break;
        /* A jump is not part of a slope. */
        int64_t later = by > 0 ? frame : frame + 1;
        const struct md_change *change = md_history_change(history, later);
        float deviation = md_history_middle(history, frame)->deviation;
        if (later > md_history_first(history) && i > 1 && change->plain > 12 &&
            deviation > 2.5f * highest + 8)
            break;
        if (deviation > highest + waver + waver_share * highest) {
            highest = deviation;
            length = i;
            rest = 0;
        } else if (++rest > patience) {
            break;
        }
    }
    return length;
}

/* How well the pictures between the even one and the top are scaled copies of the top: the root
 * mean square rest in units of the top's contrast; and whether one frame jumps. */
static float unexplained_share(const struct md_history *history, int64_t even, int64_t top,
                               bool *ret_jumps)
{
    const int16_t *zero = md_history_look(history, even)->coarse;
    const int16_t *whole = md_history_look(history, top)->coarse;
    int64_t by = top > even ? 1 : -1;
    double rest = 0, before = 0, largest = 0;
    int n = 0;
    for (int64_t frame = even + by; frame != top + by; frame += by) {
        const int16_t *x = md_history_look(history, frame)->coarse;
        double along = 0, square = 0, norm = 0;
        for (int i = 0; i < MD_LOOK_COARSE_SIZE; i++) {
            double d = whole[i] - zero[i], q = x[i] - zero[i];
            along += d * q;
            square += q * q;
            norm += d * d;
        }
        if (norm <= 0)
            break;
        double share = along / norm;
        rest += fmax(square / norm - share * share, 0);
        largest = fmax(largest, fabs(share - before));
        before = share;
        n++;
    }
    *ret_jumps = largest > 0.6;
    return n > 0 ? (float)sqrt(rest / n) : 1;
}

/* The length of the slope from `even` in direction by; 0 when there is none. */
static int slope(const struct md_history *history, int64_t even, int by, float rate,
                 float *ret_unexplained)
{
    int length = climb(history, even, by, rate);
    if (length < SHORTEST_SLOPE)
        return 0;
    if (md_history_middle(history, even + by * length)->deviation <
        least_contrast + md_history_middle(history, even)->deviation)
        return 0;
    bool jumps;
    *ret_unexplained = unexplained_share(history, even, even + by * length, &jumps);
    return jumps || *ret_unexplained > most_unexplained ? 0 : length;
}

/* The same scene before and after: somebody switched the light off and on. */
static bool is_same_scene(const struct md_history *history, int64_t before, int64_t after)
{
    if (before < md_history_first(history) || after >= md_history_count(history))
        return false;
    struct md_change change;
    md_change_measure(md_history_look(history, before), md_history_look(history, after), &change);
    return change.residual < 6 && change.histogram < 0.12f;
}

bool md_fade_measure(const struct md_history *history, int64_t first, int64_t last, float rate,
                     struct md_fade *ret_fade)
{
    float rest_out = 0, rest_in = 0;
    int out = first > md_history_first(history) ? slope(history, first, -1, rate, &rest_out) : 0;
    int in = last + 1 < md_history_count(history) ? slope(history, last, 1, rate, &rest_in) : 0;
    bool is_valley = !md_history_is_blank(history, first);
    if ((out == 0 && in == 0) || (is_valley && (out == 0 || in == 0)))
        return false;
    int64_t start = first - MD_MAX(out, first > 0 ? 1 : 0), end = last + MD_MAX(in, 1);
    float rest = MD_MAX(rest_out, rest_in);
    if (is_same_scene(history, start, end) || (is_valley && rest > most_of_valley))
        return false;
    *ret_fade = (struct md_fade){
        .start = start,
        .end = MD_MIN(end, md_history_count(history) - 1),
        .first = first,
        .last = last,
        .kind = md_history_middle(history, first)->mean < 128 ? MD_TRANSITION_FADE_BLACK
                                                              : MD_TRANSITION_FADE_WHITE,
        .score = 1 + 5 * (1 - rest / most_unexplained) + (out > 0 && in > 0),
        .fades_out = out > 0,
        .fades_in = in > 0,
    };
    return true;
}

bool md_fade_is_valley(const struct md_history *history, int64_t frame)
{
    if (frame - 3 < md_history_first(history) || frame + 3 >= md_history_count(history))
        return false;
    const struct md_middle *middle = md_history_middle(history, frame);
    if (md_history_is_blank(history, frame) || middle->deviation > 14 ||
        (middle->mean > 60 && middle->mean < 195))
        return false;
    float floor = middle->deviation;
    for (int i = 1; i <= 3; i++) {
        float least = floor + (i > 1 ? 1.0f : 0.0f);
        if (md_history_middle(history, frame - i)->deviation < least ||
            md_history_middle(history, frame + i)->deviation <= least)
            return false;
    }
    return md_history_middle(history, frame - 3)->deviation > 1.5f * floor &&
           md_history_middle(history, frame + 3)->deviation > 1.5f * floor;
}
