/* A cut is a change that motion does not explain, after which colours are distributed otherwise and
 * shapes are others, that stands out from the changes around it, and after which the picture before
 * does not come back. Each alone fails: motion compensation on smoke and water, histograms on shots
 * in one room, shapes on soft pictures, the comparison with neighbours on fast cutting, coming back
 * on dialogues. The score is a logistic regression on their logarithms, learnt by
 * bench/shots-learn. To compare with neighbours the fourth largest is taken, so that neither a
 * flash nor another cut nearby hides a cut. What is dear is measured only of frames that pass a
 * first glance. */
#include "analysis/cuts.h"

#include <math.h>

#include "analysis/rate.h"
#include "analysis/weights.h"

/* Of the first glance. */
static const struct {
    float bias, residual, histogram, around_residual, around_histogram, unlike;
} weights = {-2.8f, 2.35f, 2.8f, -1.55f, -2.35f, 3.8f};

/* Frames below this at the first glance have never been cuts. */
static const float least_glance = -3.5f;

enum {
    AROUND = 6, /* frames looked at on each side, at 24 per second */
    MOST_AROUND = 15,
    FLASH = 4, /* longest flash (a sixth of a second) whatever it shows */
    MOST_FLASH = 10,
    GLOW = 20, /* longest explosion: brighter, then dying down */
    MOST_GLOW = 50,
};

int md_cut_look_ahead(float rate)
{
    return MD_MIN(md_rate_frames(rate, GLOW + 2, GLOW / 2, MOST_GLOW + 2), MD_CUT_LOOK_AHEAD);
}

/* The n-th largest of values (n from 0). */
static float nth_largest(float *values, int count, int n)
{
    for (int i = 0; i <= n && i < count; i++)
        for (int j = i + 1; j < count; j++)
            if (values[j] > values[i]) {
                float larger = values[j];
                values[j] = values[i];
                values[i] = larger;
            }
    return n < count ? values[n] : 0;
}

/* Frames at 24 per second over which the picture before may come back. */
enum { SOON = 5, LATER = 28, LATER_STEP = 4 };

/* The first glance: what costs nothing more than is measured of every frame anyway. */
static float glance(const struct md_history *history, int64_t frame, float rate, float *features)
{
    int reach = md_rate_frames(rate, AROUND, AROUND, MOST_AROUND);
    float residuals[2 * MOST_AROUND] = {0}, histograms[2 * MOST_AROUND] = {0};
    int n = 0;
    for (int64_t f = frame - reach; f <= frame + reach; f++) {
        if (f == frame)
            continue;
        if (f > md_history_first(history) && f < md_history_count(history)) {
            residuals[n] = md_history_change(history, f)->residual;
            histograms[n] = md_history_change(history, f)->histogram;
        }
        n++;
    }
    int rank = reach / 2; /* the fourth of twelve */
    const struct md_change *change = md_history_change(history, frame);
    float around = nth_largest(residuals, n, rank);
    features[MD_CUT_RESIDUAL] = logf(1 + change->residual);
    features[MD_CUT_HISTOGRAM] = logf(0.03f + change->histogram);
    features[MD_CUT_AROUND_RESIDUAL] = logf(1 + around);
    features[MD_CUT_AROUND_HISTOGRAM] = logf(0.03f + nth_largest(histograms, n, rank));
    features[MD_CUT_UNLIKE] = logf(0.05f + change->unlike);
    features[MD_CUT_LARGEST] = logf(1 + residuals[0]);
    return weights.bias + weights.residual * features[MD_CUT_RESIDUAL] +
           weights.histogram * features[MD_CUT_HISTOGRAM] +
           weights.around_residual * features[MD_CUT_AROUND_RESIDUAL] +
           weights.around_histogram * features[MD_CUT_AROUND_HISTOGRAM] +
           weights.unlike * features[MD_CUT_UNLIKE];
}

/* How much of the change between a frame and the next is left between two others, 0..1: by motion
 * compensation and by histogram, the larger of both. */
static float left_of(const struct md_history *history, int64_t a, int64_t b,
                     const struct md_change *change)
{
    if (a < md_history_first(history) || b >= md_history_count(history))
        return 1;
    const struct md_look *before = md_history_look(history, a),
                         *after = md_history_look(history, b);
    float left = md_change_histogram(before, after) / (change->histogram + 0.01f);
    if (left < 1) /* else the search cannot make it less */
        left = MD_MAX(left, md_change_residual(before, after) / (change->residual + 0.5f));
    return MD_MIN(left, 1.0f);
}

/* Of the frames from `from` to `to` after and before: what the one most alike leaves. */
static float comes_back(const struct md_history *history, int64_t frame, int from, int to, int step,
                        const struct md_change *change)
{
    float least = 1;
    for (int k = from; k <= to; k += step) {
        least = MD_MIN(least, left_of(history, frame - 1, frame + k, change));
        least = MD_MIN(least, left_of(history, frame - 1 - k, frame, change));
    }
    return least;
}

bool md_cut_measure(const struct md_history *history, int64_t frame, float rate,
                    float ret_features[MD_CUT_FEATURES])
{
    if (glance(history, frame, rate, ret_features) < least_glance)
        return false;
    const struct md_change *change = md_history_change(history, frame);
    const struct md_look *a = md_history_look(history, frame - 1);
    const struct md_look *b = md_history_look(history, frame);
    struct md_change far;
    md_change_measure(md_history_look(history, MD_MAX(frame - 3, md_history_first(history))),
                      md_history_look(history, MD_MIN(frame + 2, md_history_count(history) - 1)),
                      &far);
    int soon = md_rate_frames(rate, SOON, 2, 12), later = md_rate_frames(rate, LATER, 8, MOST_GLOW);
    float glow = fabsf(a->mean - b->mean);
    float back_later = comes_back(history, frame, soon + 1, later,
                                  MD_MAX(later / (LATER / LATER_STEP), 1), change);
    ret_features[MD_CUT_SHAPE] = logf(1 + change->shape);
    ret_features[MD_CUT_CHROMA] = logf(1 + change->chroma);
    ret_features[MD_CUT_FAR_RESIDUAL] = logf(1 + far.residual);
    ret_features[MD_CUT_FAR_HISTOGRAM] = logf(0.03f + far.histogram);
    ret_features[MD_CUT_FAR_UNLIKE] = logf(0.05f + far.unlike);
    ret_features[MD_CUT_BACK_SOON] = comes_back(history, frame, 1, soon, 1, change);
    ret_features[MD_CUT_BACK_LATER] = back_later;
    ret_features[MD_CUT_GLOW] = logf(1 + glow);
    ret_features[MD_CUT_GLOW_BACK] = MD_MIN(glow / 40, 1.0f) * (1 - back_later);
    ret_features[MD_CUT_CONTRAST] = logf(10 + a->deviation + b->deviation);
    return true;
}

float md_cut_score(const struct md_history *history, int64_t frame, float rate)
{
    float features[MD_CUT_FEATURES];
    if (!md_cut_measure(history, frame, rate, features))
        return -INFINITY;
    float score = cut_weights[MD_CUT_FEATURES];
    for (int i = 0; i < MD_CUT_FEATURES; i++)
        score += cut_weights[i] * features[i];
    return score;
}

/* Much closer to each other than the two sides of the change are. */
static bool are_alike(const struct md_history *history, int64_t a, int64_t b,
                      const struct md_change *change, float share)
{
    if (a < md_history_first(history) || b >= md_history_count(history))
        return false;
    struct md_change other;
    md_change_measure(md_history_look(history, a), md_history_look(history, b), &other);
    return other.residual < share * change->residual && other.histogram < share * change->histogram;
}

/* From frame on the picture is brighter, and before long it is what it was before frame. */
static bool is_glow(const struct md_history *history, int64_t frame, float rate,
                    const struct md_change *change)
{
    const float brighter = 20, darker = 10; /* of 255 */
    const struct md_look *before = md_history_look(history, frame - 1);
    const struct md_look *at = md_history_look(history, frame);
    if (at->mean < before->mean + brighter)
        return false;
    int most = md_rate_frames(rate, GLOW, FLASH, MOST_GLOW);
    int step = MD_MAX(most / 8, 1);
    for (int k = step; k <= most && frame + k < md_history_count(history); k += step)
        if (md_history_look(history, frame + k)->mean < at->mean - darker &&
            are_alike(history, frame - 1, frame + k, change, 0.4f))
            return true;
    return false;
}

bool md_cut_is_flash(const struct md_history *history, int64_t frame, float rate)
{
    if (frame - 1 < md_history_first(history))
        return false;
    const struct md_change *change = md_history_change(history, frame);
    int most = md_rate_frames(rate, FLASH, 2, MOST_FLASH);
    for (int k = 1; k <= most; k++)
        if (are_alike(history, frame - 1, frame + k, change, 0.4f) ||
            are_alike(history, frame - 1 - k, frame, change, 0.4f))
            return true;
    return is_glow(history, frame, rate, change);
}
