/* During a dissolve from A to B every picture is M = A + a (B - A) with a going evenly from 0 to 1.
 * For stretches of several lengths a and what it leaves unexplained are computed at seven places
 * inside. Slow camera movement can look like this at low resolution; what tells the two apart is
 * that movement is explained by motion compensation from frame to frame, a dissolve is not, that
 * pictures laid over each other lose contrast, and that A and B have neither shapes nor colours in
 * common. The score is a logistic regression learnt by
 * bench/shots-learn; what needs a search for motion is measured only of stretches that pass a first
 * glance.
 *
 * It works on 16 x 9 averages: coarse enough that what moves within the scenes hardly matters. */
#include "analysis/gradual.h"

#include <assert.h>
#include <math.h>

#include "analysis/cuts.h"
#include "analysis/kernels.h"
#include "analysis/rate.h"
#include "analysis/weights.h"
#include "model/shots.h"

enum {
    RETURNS = 36, /* frames at 24 per second in which a scene comes back */
    MOST_RETURNS = MD_CUT_LOOK_AHEAD - 2,
    PLACES = 7,
    MIDDLE = 3, /* places from this to the same from the end are the middle */
};

/* Lengths tried, in frames at 24 per second; each about a third longer than the one before. */
static const int lengths[] = {6, 8, 11, 15, 20, 27, 36, 48, 64};

/* Of the first glance. */
static const struct {
    float bias, of[MD_DISSOLVE_OUTSIDE + 1], shape, unlike;
} weights = {-13.5f, {-5.3f, -3.9f, -1.06f, -11.2f, 2.0f, 4.1f, 12.3f, 2.1f, 1.65f}, 1.6f, 2.3f};
/* Stretches below this at the first glance have never been dissolves. */
static const float least_glance = -2;

/* Below these nobody sees a transition, or the picture is too noisy to tell. */
static const float least_distance = 6;       /* root mean square of B - A, of 255 */
static const float most_unexplained = 0.55f; /* of the same distance */
static const float most_uneven = 0.25f;
/* One frame that changes more than this share of the whole, and so many times the frames' even
 * share, is a jump, not a slope. */
static const float most_jump = 0.1f, most_jump_even = 3;

static_assert(MD_ARRAY_LEN(lengths) <= MD_GRADUAL_LENGTHS, "");

struct fit {
    float distance;    /* root mean square of B - A */
    float unexplained; /* root mean square of what the mix leaves, in units of B - A */
    float uneven;      /* root mean square deviation of a from the straight line */
    float dip;         /* contrast in the middle, in units of that between A's and B's */
};

/* Two pictures laid over each other have less contrast than either: contrast of x over what a line
 * from A's to B's would give. */
static float dip_of(const struct md_look *a, const struct md_look *b, const struct md_look *x,
                    float line)
{
    const float noise = 3; /* grey levels */
    return (x->deviation + noise) / (a->deviation * (1 - line) + b->deviation * line + noise);
}

/* B - A, kept while pictures between the two are put to it. */
struct mix {
    const struct md_kernels *kernels;
    const int16_t *a;
    int16_t step[MD_LOOK_COARSE_SIZE];
    float square; /* of step */
};

static void start_mix(struct mix *mix, const struct md_look *a, const struct md_look *b)
{
    int square = 0;
    mix->kernels = md_kernels_best();
    mix->a = a->coarse;
    for (int i = 0; i < MD_LOOK_COARSE_SIZE; i++) {
        mix->step[i] = (int16_t)(b->coarse[i] - a->coarse[i]);
        square += mix->step[i] * mix->step[i];
    }
    mix->square = (float)square;
}

/* The share of B in x, and the square of what it leaves unexplained, in units of B - A. */
static float share_of(const struct mix *mix, const struct md_look *x, float *ret_unexplained)
{
    int32_t along, square;
    mix->kernels->project(mix->step, mix->a, x->coarse, MD_LOOK_COARSE_SIZE, &along, &square);
    float share = (float)along / mix->square;
    *ret_unexplained = MD_MAX((float)square / mix->square - share * share, 0);
    return share;
}

static bool fit_mix(const struct md_history *history, int64_t start, int64_t end, struct fit *fit)
{
    struct mix mix;
    const struct md_look *a = md_history_look(history, start), *b = md_history_look(history, end);
    start_mix(&mix, a, b);
    fit->distance = sqrtf(mix.square / (MD_LOOK_COARSE_W * MD_LOOK_COARSE_H)) / 4;
    if (fit->distance < least_distance)
        return false;
    /* The middle alone tells for most stretches that they are none. */
    float rest, unexplained = 0, uneven = 0, dip = 0;
    float half = share_of(&mix, md_history_look(history, (start + end) / 2), &rest);
    if (rest > 0.8f * 0.8f || half < 0.1f || half > 0.9f)
        return false;
    for (int i = 1; i <= PLACES; i++) {
        int64_t frame = start + ((end - start) * i + (PLACES + 1) / 2) / (PLACES + 1);
        const struct md_look *x = md_history_look(history, frame);
        float share = share_of(&mix, x, &rest);
        float line = (float)(frame - start) / (float)(end - start);
        unexplained += rest;
        uneven += (share - line) * (share - line);
        if (i >= MIDDLE && i <= PLACES + 1 - MIDDLE)
            dip += dip_of(a, b, x, line);
    }
    fit->dip = dip / (PLACES + 2 - 2 * MIDDLE);
    fit->unexplained = sqrtf(unexplained / PLACES);
    fit->uneven = sqrtf(uneven / PLACES);
    return fit->unexplained <= most_unexplained && fit->uneven <= most_uneven;
}

float md_gradual_comes_back(const struct md_history *history, int64_t start, int64_t end,
                            float rate, const struct md_change *whole)
{
    int most = md_rate_frames(rate, RETURNS, 8, MOST_RETURNS), step = MD_MAX(most / 6, 1);
    float least = 1;
    for (int side = 0; side < 2; side++)
        for (int k = step; k <= most; k += step) {
            int64_t a = side ? start - k : start, b = side ? end : end + k;
            if (a < md_history_first(history) || b >= md_history_count(history))
                break;
            const struct md_look *x = md_history_look(history, a), *y = md_history_look(history, b);
            float left = md_change_histogram(x, y) / (whole->histogram + 0.01f);
            if (left < least)
                left = MD_MAX(left, md_change_residual(x, y) / (whole->residual + 0.5f));
            least = MD_MIN(least, left);
        }
    return least;
}

/* The largest part of the whole change that happens within two frames. */
static float largest_part(const struct md_history *history, int64_t start, int64_t end, float plain)
{
    float largest = 0;
    for (int64_t f = start; f + 2 <= end; f++)
        largest = MD_MAX(
            largest, md_change_plain(md_history_look(history, f), md_history_look(history, f + 2)));
    return largest / (plain + 0.5f);
}

/* What needs no search for motion. */
static float glance(const struct md_history *history, int64_t start, int64_t end,
                    const struct fit *fit, float *features)
{
    struct md_activity activity;
    md_history_activity(history, start, end, &activity);
    const struct md_look *a = md_history_look(history, start), *b = md_history_look(history, end);
    float plain = md_change_plain(a, b);
    float even = plain / (float)(end - start);
    if (activity.largest > most_jump * plain + most_jump_even * even + 1.5f * activity.outside)
        return -INFINITY;
    features[MD_DISSOLVE_UNEXPLAINED] = fit->unexplained;
    features[MD_DISSOLVE_UNEXPLAINED_SQUARE] = fit->unexplained * fit->unexplained;
    features[MD_DISSOLVE_UNEVEN] = logf(0.02f + fit->uneven);
    features[MD_DISSOLVE_DIP] = fit->dip;
    features[MD_DISSOLVE_CONTRAST] = logf(10 + a->deviation + b->deviation);
    features[MD_DISSOLVE_HISTOGRAM] = logf(0.03f + md_change_histogram(a, b));
    features[MD_DISSOLVE_MOTIONLESS] = activity.residual / (activity.plain + 0.01f);
    features[MD_DISSOLVE_INSIDE] = logf((activity.plain + 0.5f) / (activity.outside + 0.5f));
    features[MD_DISSOLVE_OUTSIDE] = logf(activity.outside + 0.5f);
    float known = weights.bias;
    for (int i = 0; i <= MD_DISSOLVE_OUTSIDE; i++)
        known += weights.of[i] * features[i];
    /* How unlike the ends can be is bounded: shape by twice the plain difference. */
    return known + weights.shape * logf(1 + 2 * plain) + weights.unlike * logf(1.05f);
}

static bool measure(const struct md_history *history, int64_t start, int64_t end, float rate,
                    const struct fit *fit, float *features)
{
    if (glance(history, start, end, fit, features) < least_glance)
        return false;
    const struct md_look *a = md_history_look(history, start), *b = md_history_look(history, end);
    struct md_change whole;
    md_change_measure(a, b, &whole);
    features[MD_DISSOLVE_SHAPE] = logf(1 + whole.shape);
    features[MD_DISSOLVE_UNLIKE] = logf(0.05f + whole.unlike);
    features[MD_DISSOLVE_RESIDUAL] = logf(1 + whole.residual);
    features[MD_DISSOLVE_BACK] = md_gradual_comes_back(history, start, end, rate, &whole);
    features[MD_DISSOLVE_LARGEST] = largest_part(history, start, end, whole.plain);
    features[MD_DISSOLVE_GLOW] = logf(1 + fabsf(a->mean - b->mean));
    features[MD_DISSOLVE_LENGTH] = logf((float)(end - start) / rate);
    return true;
}

bool md_dissolve_measure(const struct md_history *history, int64_t start, int64_t end, float rate,
                         float ret_features[MD_DISSOLVE_FEATURES])
{
    struct fit fit;
    return !md_history_is_blank(history, start) && !md_history_is_blank(history, end) &&
           fit_mix(history, start, end, &fit) &&
           measure(history, start, end, rate, &fit, ret_features);
}

static float score(const float features[MD_DISSOLVE_FEATURES])
{
    float sum = dissolve_weights[MD_DISSOLVE_FEATURES];
    for (int i = 0; i < MD_DISSOLVE_FEATURES; i++)
        sum += dissolve_weights[i] * features[i];
    return sum;
}

int md_dissolve_lengths(float rate, int ret_lengths[MD_GRADUAL_LENGTHS])
{
    int n = 0;
    for (size_t i = 0; i < MD_ARRAY_LEN(lengths); i++) {
        int length = md_rate_frames(rate, lengths[i], 4, MD_GRADUAL_LONGEST);
        if (n == 0 || length != ret_lengths[n - 1])
            ret_lengths[n++] = length;
    }
    return n;
}

int md_dissolve_find(const struct md_history *history, int64_t end, float rate,
                     struct md_stretch ret_stretches[MD_GRADUAL_LENGTHS])
{
    int tried[MD_GRADUAL_LENGTHS] = {0}, n = md_dissolve_lengths(rate, tried), found = 0;
    for (int i = 0; i < n && end - tried[i] >= md_history_first(history); i++) {
        float features[MD_DISSOLVE_FEATURES];
        if (!md_dissolve_measure(history, end - tried[i], end, rate, features))
            continue;
        float s = score(features);
        if (s > 0)
            ret_stretches[found++] = (struct md_stretch){
                .start = end - tried[i], .end = end, .kind = MD_TRANSITION_DISSOLVE, .score = s};
    }
    return found;
}
