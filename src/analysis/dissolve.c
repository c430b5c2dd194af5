/* During a dissolve from A to B every picture is M = A + a (B - A) with a going evenly from 0 to 1.
 * For stretches of several lengths a and what it leaves unexplained are computed at seven places
 * inside. Slow camera movement can look like this at low resolution; what tells the two apart is
 * that movement is explained by motion compensation from frame to frame, a dissolve is not, and
 * that A and B are different scenes. The score is a logistic regression fitted on 66 dissolves
 * among some 90000 stretches of films and composites.
 *
 * It works on 16 x 9 averages: coarse enough that what moves within the scenes hardly matters. */
#include "analysis/gradual.h"

#include <math.h>

#include "analysis/rate.h"
#include "model/shots.h"

enum {
    PLACES = 7,
    OUTSIDE = 4, /* frames on each side to tell how much moves anyway */
};

/* Lengths tried, in frames at 24 per second; each about a third longer than the one before. */
static const int lengths[] = {6, 8, 11, 15, 20, 27, 36, 48, 64};

/* Weights on the logarithms of what measure() finds. */
static const struct {
    float bias, unexplained, uneven, distance, histogram, motionless, inside;
    float outside;
} weights = {-16.4f, -0.92f, -0.27f, 1.06f, 4.8f, 13.5f, 2.55f, 1.86f};

/* Below these nobody sees a transition, or the picture is too noisy to tell. */
static const float least_distance = 6;      /* root mean square of B - A, of 255 */
static const float most_unexplained = 0.6f; /* of the same distance */
static const float most_uneven = 0.25f;
/* One frame that changes more than this share of the whole is a jump, not a slope. */
static const float most_jump = 0.45f;

/* Sums of (x - a)(b - a) and (x - a)^2. */
static void project(const int16_t *a, const int16_t *b, const int16_t *x, int *ret_along,
                    int *ret_square)
{
    int along = 0, square = 0;
    for (int i = 0; i < MD_LOOK_COARSE_SIZE; i++) {
        int d = b[i] - a[i], q = x[i] - a[i];
        along += d * q;
        square += q * q;
    }
    *ret_along = along;
    *ret_square = square;
}

struct fit {
    float distance;    /* root mean square of B - A */
    float unexplained; /* root mean square of what the mix leaves, in units of B - A */
    float uneven;      /* root mean square deviation of a from the straight line */
};

static bool fit_mix(const struct md_history *history, int64_t start, int64_t end, struct fit *fit)
{
    const int16_t *a = md_history_look(history, start)->coarse;
    const int16_t *b = md_history_look(history, end)->coarse;
    int along, whole;
    project(a, b, b, &along, &whole);
    fit->distance = sqrtf((float)whole / (MD_LOOK_COARSE_W * MD_LOOK_COARSE_H)) / 4;
    if (fit->distance < least_distance)
        return false;
    float unexplained = 0, uneven = 0;
    for (int i = 1; i <= PLACES; i++) {
        int64_t frame = start + ((end - start) * i + (PLACES + 1) / 2) / (PLACES + 1);
        int square;
        project(a, b, md_history_look(history, frame)->coarse, &along, &square);
        float share = (float)along / (float)whole;
        float line = (float)(frame - start) / (float)(end - start);
        unexplained += MD_MAX((float)square / (float)whole - share * share, 0);
        uneven += (share - line) * (share - line);
    }
    fit->unexplained = sqrtf(unexplained / PLACES);
    fit->uneven = sqrtf(uneven / PLACES);
    return fit->unexplained <= most_unexplained && fit->uneven <= most_uneven;
}

/* Mean change per frame inside and around a stretch. */
struct activity {
    float plain, residual, largest, outside;
};

static void measure_activity(const struct md_history *history, int64_t start, int64_t end,
                             struct activity *activity)
{
    *activity = (struct activity){0};
    for (int64_t f = start + 1; f <= end; f++) {
        const struct md_change *change = md_history_change(history, f);
        activity->plain += change->plain;
        activity->residual += change->residual;
        activity->largest = MD_MAX(activity->largest, change->plain);
    }
    activity->plain /= (float)(end - start);
    activity->residual /= (float)(end - start);
    int n = 0;
    for (int i = 0; i < OUTSIDE; i++) {
        if (start - i > md_history_first(history)) {
            activity->outside += md_history_change(history, start - i)->plain;
            n++;
        }
        if (end + 1 + i < md_history_count(history)) {
            activity->outside += md_history_change(history, end + 1 + i)->plain;
            n++;
        }
    }
    activity->outside /= (float)MD_MAX(n, 1);
}

static float score(const struct md_history *history, int64_t start, int64_t end,
                   const struct fit *fit)
{
    struct activity activity;
    measure_activity(history, start, end, &activity);
    const struct md_look *a = md_history_look(history, start), *b = md_history_look(history, end);
    struct md_change whole;
    md_change_measure(a, b, &whole);
    if (activity.largest > most_jump * whole.plain + activity.outside)
        return -INFINITY;
    return weights.bias + weights.unexplained * logf(0.05f + fit->unexplained) +
           weights.uneven * logf(0.02f + fit->uneven) +
           weights.distance * logf(1 + whole.residual) +
           weights.histogram * logf(0.03f + whole.histogram) +
           weights.motionless * activity.residual / (activity.plain + 0.1f) +
           weights.inside * logf((activity.plain + 0.5f) / (activity.outside + 0.5f)) +
           weights.outside * logf(activity.outside + 0.5f);
}

bool md_dissolve_find(const struct md_history *history, int64_t end, float rate,
                      struct md_stretch *ret_stretch)
{
    *ret_stretch = (struct md_stretch){.kind = MD_TRANSITION_DISSOLVE, .score = 0};
    if (md_look_is_blank(md_history_look(history, end))) /* that would be a fade */
        return false;
    int before = 0;
    for (size_t i = 0; i < MD_ARRAY_LEN(lengths); i++) {
        int length = md_rate_frames(rate, lengths[i], 4, MD_GRADUAL_LONGEST);
        int64_t start = end - length;
        if (length == before || start < md_history_first(history))
            continue;
        before = length;
        struct fit fit;
        if (md_look_is_blank(md_history_look(history, start)) ||
            !fit_mix(history, start, end, &fit))
            continue;
        float s = score(history, start, end, &fit);
        if (s > ret_stretch->score) {
            ret_stretch->start = start;
            ret_stretch->end = end;
            ret_stretch->score = s;
        }
    }
    return ret_stretch->score > 0;
}
