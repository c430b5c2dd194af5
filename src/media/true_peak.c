/* The polyphase interpolator of ITU-R BS.1770-4, annex 2. FFmpeg's ebur128 filter does the same by
 * resampling everything to 192 kHz, which costs more than decoding; but the interpolator cannot
 * raise a sample by more than the sum of its coefficients' magnitudes, so blocks too quiet to beat
 * the peak so far are skipped, which is nearly all of them. */
#include "media/true_peak.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

/* Phases 2 and 3 are phases 1 and 0 backwards. */
static const float phases[4][MD_TRUE_PEAK_TAPS] = {
    {0.0017089843750f, 0.0109863281250f, -0.0196533203125f, 0.0332031250000f, -0.0594482421875f,
     0.1373291015625f, 0.9721679687500f, -0.1022949218750f, 0.0476074218750f, -0.0266113281250f,
     0.0148925781250f, -0.0083007812500f},
    {-0.0291748046875f, 0.0292968750000f, -0.0517578125000f, 0.0891113281250f, -0.1665039062500f,
     0.4650878906250f, 0.7797851562500f, -0.2003173828125f, 0.1015625000000f, -0.0582275390625f,
     0.0330810546875f, -0.0189208984375f},
    {-0.0189208984375f, 0.0330810546875f, -0.0582275390625f, 0.1015625000000f, -0.2003173828125f,
     0.7797851562500f, 0.4650878906250f, -0.1665039062500f, 0.0891113281250f, -0.0517578125000f,
     0.0292968750000f, -0.0291748046875f},
    {-0.0083007812500f, 0.0148925781250f, -0.0266113281250f, 0.0476074218750f, -0.1022949218750f,
     0.9721679687500f, 0.1373291015625f, -0.0594482421875f, 0.0332031250000f, -0.0196533203125f,
     0.0109863281250f, 0.0017089843750f},
};

/* The largest sum of magnitudes of a phase: 2.0233154. */
static const float largest_gain = 2.0234f;

enum { HISTORY = MD_TRUE_PEAK_TAPS - 1 };

/* The bits of positive floats sort like integers, and integer maxima are vectorised without giving
 * up IEEE rules for the rest of the file. */
static float largest(const float *x, int n)
{
    int32_t most = 0;
    for (int i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    float value;
    memcpy(&value, &most, sizeof value);
    return value;
}

/* x holds HISTORY samples, then a block of new ones. */
static float interpolated_peak(const float *x)
{
    float out[MD_TRUE_PEAK_BLOCK], peak = 0;
    for (int p = 0; p < 4; p++) {
        memset(out, 0, sizeof out);
        for (int t = 0; t < MD_TRUE_PEAK_TAPS; t++)
            for (int i = 0; i < MD_TRUE_PEAK_BLOCK; i++)
                out[i] += phases[p][t] * x[i + HISTORY - t];
        peak = fmaxf(peak, largest(out, MD_TRUE_PEAK_BLOCK));
    }
    return peak;
}

static void add_channel(struct md_true_peak *meter, const float *samples, int channel, int n)
{
    float x[HISTORY + MD_TRUE_PEAK_BLOCK] = {0};
    memcpy(x, meter->tail[channel], sizeof meter->tail[channel]);
    for (int i = 0; i < n; i++)
        x[HISTORY + i] = samples[(size_t)i * meter->channels + channel];
    memcpy(meter->tail[channel], x + n, sizeof meter->tail[channel]);
    float sample_peak = largest(x, HISTORY + n);
    if (sample_peak > meter->peak)
        meter->peak = sample_peak;
    if (sample_peak * largest_gain <= meter->peak)
        return;
    float peak = interpolated_peak(x);
    if (peak > meter->peak)
        meter->peak = peak;
}

void md_true_peak_add(struct md_true_peak *meter, const float *samples, int64_t frames)
{
    for (int64_t at = 0; at < frames; at += MD_TRUE_PEAK_BLOCK) {
        int n = (int)MD_MIN(frames - at, MD_TRUE_PEAK_BLOCK);
        for (int c = 0; c < meter->channels; c++)
            add_channel(meter, samples + at * meter->channels, c, n);
    }
}

double md_true_peak_db(const struct md_true_peak *meter)
{
    return meter->peak > 1e-6f ? 20.0 * log10(meter->peak) : -120.0;
}
