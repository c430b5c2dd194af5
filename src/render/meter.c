/* The filters' coefficients are those printed in BS.1770-4 for 48 kHz, the rate everything is
 * brought to before. Energies are kept before gating, so gains can be applied afterwards. */
#include "render/meter.h"

#include <math.h>

#include "base/cleanup.h"

struct biquad {
    double b0, b1, b2, a1, a2;
};

/* BS.1770-4, tables 1 (head) and 2 (revised low-frequency B curve). */
static const struct biquad k_weighting[2] = {
    {1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585},
    {1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621},
};

static double weigh(double state[2][2], double x)
{
    for (int f = 0; f < 2; f++) {
        const struct biquad *k = &k_weighting[f];
        double y = k->b0 * x + state[f][0];
        state[f][0] = k->b1 * x - k->a1 * y + state[f][1];
        state[f][1] = k->b2 * x - k->a2 * y;
        x = y;
    }
    return x;
}

/* Feedback filters fed with silence decay into denormal numbers, which are a hundred times slower.
 */
static void forget_denormals(struct md_meter *meter)
{
    double *state = &meter->state[0][0][0];
    for (size_t i = 0; i < sizeof meter->state / sizeof *state; i++)
        if (fabs(state[i]) < 1e-20)
            state[i] = 0;
}

static int finish_step(struct md_meter *meter)
{
    struct md_meter_step step = {(float)(meter->sum / MD_METER_STEP), meter->peak};
    meter->sum = 0;
    meter->peak = 0;
    meter->filled = 0;
    forget_denormals(meter);
    return md_vec_push(&meter->steps, step);
}

int md_meter_add(struct md_meter *meter, const float *left, const float *right, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double l = weigh(meter->state[0], left[i]), r = weigh(meter->state[1], right[i]);
        meter->sum += l * l + r * r;
        meter->peak = MD_MAX(meter->peak, MD_MAX(fabsf(left[i]), fabsf(right[i])));
        if (++meter->filled == MD_METER_STEP && finish_step(meter) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

void md_meter_done(struct md_meter *meter)
{
    md_vec_done(&meter->steps);
}

enum { BLOCK_STEPS = 4 };

static double lufs(double energy)
{
    return energy > 0 ? -0.691 + 10 * log10(energy) : -HUGE_VAL;
}

static double step_energy(const struct md_meter_step *step, const float *gain, size_t i)
{
    double g = gain ? gain[i] : 1;
    return step[i].energy * g * g;
}

/* Mean energy of the blocks above a threshold in LUFS; 0 when there is none. */
static double mean_above(const struct md_meter_step *steps, const float *gain, size_t n,
                         double threshold_lufs)
{
    double total = 0;
    size_t count = 0;
    for (size_t i = 0; i + BLOCK_STEPS <= n; i++) {
        double block = 0;
        for (size_t k = i; k < i + BLOCK_STEPS; k++)
            block += step_energy(steps, gain, k) / BLOCK_STEPS;
        if (lufs(block) > threshold_lufs) {
            total += block;
            count++;
        }
    }
    return count ? total / (double)count : 0;
}

double md_meter_integrated(const struct md_meter_step *steps, const float *gain, size_t n)
{
    double above_silence = mean_above(steps, gain, n, MD_METER_NONE);
    if (above_silence <= 0)
        return MD_METER_NONE;
    double integrated = lufs(mean_above(steps, gain, n, lufs(above_silence) - 10));
    return MD_MAX(integrated, MD_METER_NONE);
}
