/* Gain is computed in four steps for each sample: true peak of both channels by four times
 * interpolation; the gain that peak needs; the least of these over the last 5 ms, going back to 1
 * slowly; the mean of that over 5 ms. The sound is delayed by as much, so the mean has arrived at
 * (or below) the gain that a peak needs when the peak comes out: no overshoot, no clicks.
 * An own limiter and not FFmpeg's because its delay must be known to the sample, it must look at
 * true peaks, and the same movie must give the same bytes with every FFmpeg version. */
#include "render/limiter.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

/* BS.1770-4 annex 2: two of the four phases; the others are their mirror images. */
static const float phases[2][MD_LIMITER_TAPS] = {
    {0.0017089843750f, 0.0109863281250f, -0.0196533203125f, 0.0332031250000f, -0.0594482421875f,
     0.1373291015625f, 0.9721679687500f, -0.1022949218750f, 0.0476074218750f, -0.0266113281250f,
     0.0148925781250f, -0.0083007812500f},
    {-0.0291748046875f, 0.0292968750000f, -0.0517578125000f, 0.0891113281250f, -0.1665039062500f,
     0.4650878906250f, 0.7797851562500f, -0.2003173828125f, 0.1015625000000f, -0.0582275390625f,
     0.0330810546875f, -0.0189208984375f},
};
/* Interpolated samples are never more than this times the largest of the twelve (sum of absolute
 * taps of the worst phase, 2.04). */
static const float worst_gain = 2.1f;
/* A step back to full gain is 63 % done after 150 ms: below what is heard as pumping. */
static const float release_share = 1.0f / (0.150f * 48000);
enum { MASK = MD_LIMITER_RING - 1 };

_Static_assert((MD_LIMITER_RING & MASK) == 0, "a power of two");
_Static_assert(MD_LIMITER_RING > MD_LIMITER_DELAY + MD_LIMITER_TAPS, "ring too small");

void md_limiter_init(struct md_limiter *limiter, double ceiling_dbtp)
{
    memset(limiter, 0, sizeof *limiter);
    limiter->ceiling = (float)pow(10, ceiling_dbtp / 20);
    for (int i = 0; i < MD_LIMITER_RING; i++)
        limiter->wanted[i] = limiter->release[i] = 1;
    limiter->release_sum = MD_LIMITER_AHEAD;
}

/* Largest absolute value of the four interpolated samples in the middle of twelve. */
static float interpolated_peak(const float x[MD_LIMITER_TAPS])
{
    float sums[4] = {0};
    for (int i = 0; i < MD_LIMITER_TAPS; i++) {
        sums[0] += x[i] * phases[0][i];
        sums[1] += x[i] * phases[1][i];
        sums[2] += x[i] * phases[1][MD_LIMITER_TAPS - 1 - i];
        sums[3] += x[i] * phases[0][MD_LIMITER_TAPS - 1 - i];
    }
    float a = MD_MAX(fabsf(sums[0]), fabsf(sums[1])), b = MD_MAX(fabsf(sums[2]), fabsf(sums[3]));
    return MD_MAX(a, b);
}

/* The true peak around the sample MD_LIMITER_TAPS / 2 before the newest of a channel. */
static float peak_of(const float ring[MD_LIMITER_RING], unsigned now, float quiet)
{
    float x[MD_LIMITER_TAPS], largest = 0;
    for (unsigned i = 0; i < MD_LIMITER_TAPS; i++) {
        x[i] = ring[(now - (MD_LIMITER_TAPS - 1) + i) & MASK];
        largest = MD_MAX(largest, fabsf(x[i]));
    }
    if (largest * worst_gain < quiet)
        return largest;
    float between = interpolated_peak(x);
    return MD_MAX(between, fabsf(x[MD_LIMITER_TAPS / 2 - 1]));
}

/* Sliding minimum: each moment enters and leaves the queue once. */
static float least_wanted(struct md_limiter *limiter)
{
    float wanted = limiter->wanted[limiter->now & MASK];
    while (limiter->least_end != limiter->least_first &&
           limiter->wanted[limiter->least[(limiter->least_end - 1) & MASK] & MASK] >= wanted)
        limiter->least_end--;
    limiter->least[limiter->least_end++ & MASK] = limiter->now;
    if (limiter->now - limiter->least[limiter->least_first & MASK] >= MD_LIMITER_AHEAD)
        limiter->least_first++;
    return limiter->wanted[limiter->least[limiter->least_first & MASK] & MASK];
}

/* The mean of the last gains; summed up anew once per ring so that rounding does not pile up. */
static float mean_release(struct md_limiter *limiter)
{
    if ((limiter->now & MASK) == 0) {
        limiter->release_sum = 0;
        for (unsigned i = 0; i < MD_LIMITER_AHEAD; i++)
            limiter->release_sum += limiter->release[(limiter->now - i) & MASK];
    } else {
        limiter->release_sum += limiter->release[limiter->now & MASK] -
                                limiter->release[(limiter->now - MD_LIMITER_AHEAD) & MASK];
    }
    return (float)(limiter->release_sum / MD_LIMITER_AHEAD);
}

static float next_gain(struct md_limiter *limiter)
{
    unsigned now = limiter->now;
    float peak = MD_MAX(peak_of(limiter->sound[0], now, limiter->ceiling),
                        peak_of(limiter->sound[1], now, limiter->ceiling));
    float before = limiter->release[(now - 1) & MASK];
    limiter->wanted[now & MASK] = peak > limiter->ceiling ? limiter->ceiling / peak : 1;
    float slow = before + (1 - before) * release_share;
    float least = least_wanted(limiter);
    /* The last step home is a jump: it would take for ever otherwise. */
    limiter->release[now & MASK] = MD_MIN(slow > 0.99999f ? 1 : slow, least);
    return mean_release(limiter);
}

void md_limiter_run(struct md_limiter *limiter, float *left, float *right, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned at = limiter->now & MASK, out = (limiter->now - MD_LIMITER_DELAY) & MASK;
        limiter->sound[0][at] = left[i];
        limiter->sound[1][at] = right[i];
        float gain = next_gain(limiter);
        left[i] = limiter->sound[0][out] * gain;
        right[i] = limiter->sound[1][out] * gain;
        limiter->now++;
    }
}

float md_true_peak(const float *samples, size_t n)
{
    float peak = 0, x[MD_LIMITER_TAPS] = {0};
    for (size_t i = 0; i < n + MD_LIMITER_TAPS / 2; i++) {
        memmove(x, x + 1, sizeof x - sizeof *x);
        x[MD_LIMITER_TAPS - 1] = i < n ? samples[i] : 0;
        float between = interpolated_peak(x);
        peak = MD_MAX(peak, MD_MAX(between, fabsf(x[MD_LIMITER_TAPS - 1])));
    }
    return peak;
}
