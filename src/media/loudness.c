/* The standard, written out: two biquads of K-weighting, energy per 100 ms, gates on histograms.
 * FFmpeg's ebur128 filter gives the same figures (the tests compare them), but takes three times as
 * long as decoding the sound does, most of it for windows it moves sample by sample; here a window
 * is the sum of the last 4 or 30 blocks. Channels are filtered in pairs, as the latency of the
 * recursion, not arithmetic, is what costs time. */
#include "media/loudness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>

#include "base/cleanup.h"
#include "media/true_peak.h"

enum {
    MAX_CHANNELS = MD_TRUE_PEAK_CHANNELS,
    BLOCKS_PER_SECOND = 10,
    MOMENTARY_BLOCKS = 4,   /* 400 ms */
    SHORT_TERM_BLOCKS = 30, /* 3 s */
    BINS_PER_LU = 100,
    BINS = 100 * BINS_PER_LU, /* -70 to +30 LUFS */
};

typedef double pair __attribute__((vector_size(16)));

struct biquad {
    double b0, b1, b2, a1, a2;
};

struct histogram {
    uint32_t count[BINS];
    double energy[BINS];
};

struct md_loudness {
    int sample_rate, channels, pairs;
    struct biquad shelf, high_pass;
    pair state[MAX_CHANNELS / 2][4];
    pair weight[MAX_CHANNELS / 2];
    pair sum[MAX_CHANNELS / 2]; /* of squares, in the block being filled */

    int64_t position, block_start, block_end, blocks; /* in frames; blocks finished */
    double ring[SHORT_TERM_BLOCKS];                   /* energy of the last blocks */
    struct histogram momentary_histogram, short_term_histogram;
    struct md_true_peak peak;
    void (*momentary)(void *user, double lufs);
    void *user;
};

/* The analogue prototypes behind BS.1770's 48 kHz coefficients, so that any rate gets the same
 * curve (B. De Man, Evaluation of implementations of the EBU R128 loudness measurement, 2018). */
static struct biquad shelf_filter(double rate)
{
    const double f0 = 1681.974450955533, gain_db = 3.999843853973347, q = 0.7071752369554196;
    double k = tan(M_PI * f0 / rate), vh = pow(10.0, gain_db / 20.0);
    double vb = pow(vh, 0.4996667741545416), a0 = 1 + k / q + k * k;
    return (struct biquad){(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0,
                           (vh - vb * k / q + k * k) / a0, 2 * (k * k - 1) / a0,
                           (1 - k / q + k * k) / a0};
}

static struct biquad high_pass_filter(double rate)
{
    const double f0 = 38.13547087602444, q = 0.5003270373238773;
    double k = tan(M_PI * f0 / rate), a0 = 1 + k / q + k * k;
    return (struct biquad){1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0};
}

/* BS.1770-4, table 3: channels beside and behind the listener count 1.5 dB more, LFE not at all. */
static double weight_of(const AVChannelLayout *layout, int channel)
{
    switch (av_channel_layout_channel_from_index(layout, (unsigned)channel)) {
    case AV_CHAN_LOW_FREQUENCY:
    case AV_CHAN_LOW_FREQUENCY_2:
        return 0;
    case AV_CHAN_BACK_LEFT:
    case AV_CHAN_BACK_RIGHT:
    case AV_CHAN_BACK_CENTER:
    case AV_CHAN_SIDE_LEFT:
    case AV_CHAN_SIDE_RIGHT:
    case AV_CHAN_TOP_BACK_LEFT:
    case AV_CHAN_TOP_BACK_RIGHT:
    case AV_CHAN_TOP_BACK_CENTER:
        return 1.41;
    default:
        return 1;
    }
}

static void set_weights(struct md_loudness *l, const struct md_audio_format *format)
{
    AVChannelLayout layout = {0};
    if (av_channel_layout_from_string(&layout, format->layout) < 0 ||
        layout.nb_channels != format->channels) {
        av_channel_layout_uninit(&layout);
        av_channel_layout_default(&layout, format->channels);
    }
    for (int c = 0; c < format->channels; c++)
        l->weight[c / 2][c % 2] = weight_of(&layout, c);
    av_channel_layout_uninit(&layout);
}

int md_loudness_new(const struct md_audio_format *format,
                    void (*momentary)(void *user, double lufs), void *user,
                    struct md_loudness **ret_loudness, struct md_failure *failure)
{
    if (format->channels < 1 || format->channels > MAX_CHANNELS || format->sample_rate < 1)
        return md_fail(failure, MD_ERR_INPUT, "loudness of %d Hz, %d channels cannot be measured",
                       format->sample_rate, format->channels);
    struct md_loudness *l = calloc(1, sizeof *l);
    if (!l)
        return md_fail(failure, MD_ERR_NOMEM, "not enough memory to measure loudness");
    l->sample_rate = format->sample_rate;
    l->channels = l->peak.channels = format->channels;
    l->pairs = (format->channels + 1) / 2;
    /* below 4 kHz the shelf lies beyond what the sound can contain */
    double rate = fmax(format->sample_rate, 4000);
    l->shelf = shelf_filter(rate);
    l->high_pass = high_pass_filter(rate);
    l->block_end = MD_MAX(format->sample_rate / BLOCKS_PER_SECOND, 1);
    l->momentary = momentary;
    l->user = user;
    set_weights(l, format);
    *ret_loudness = l;
    return MD_OK;
}

/* Transposed direct form II; the high-pass has b = 1, -2, 1. `step` floats lie between frames. */
static pair filter_pair(struct md_loudness *l, int which, const float *x, int64_t n, int second)
{
    const struct biquad f = l->shelf, h = l->high_pass;
    size_t step = (size_t)l->channels;
    pair s1 = l->state[which][0], s2 = l->state[which][1];
    pair t1 = l->state[which][2], t2 = l->state[which][3];
    pair sum = {0, 0};
    for (int64_t i = 0; i < n; i++, x += step) {
        pair in = {x[0], x[second]};
        pair y = f.b0 * in + s1;
        s1 = f.b1 * in - f.a1 * y + s2;
        s2 = f.b2 * in - f.a2 * y;
        pair z = y + t1;
        t1 = t2 - 2.0 * y - h.a1 * z;
        t2 = y - h.a2 * z;
        sum += z * z;
    }
    l->state[which][0] = s1;
    l->state[which][1] = s2;
    l->state[which][2] = t1;
    l->state[which][3] = t2;
    return sum;
}

static double to_lufs(double energy)
{
    return energy > 0 ? -0.691 + 10.0 * log10(energy) : -INFINITY;
}

static void note(struct histogram *h, double energy)
{
    double lufs = to_lufs(energy);
    if (lufs < MD_LOUDNESS_FLOOR)
        return;
    int bin = (int)((lufs - MD_LOUDNESS_FLOOR) * BINS_PER_LU);
    bin = MD_CLAMP(bin, 0, BINS - 1);
    h->count[bin]++;
    h->energy[bin] += energy;
}

static double ring_mean(const struct md_loudness *l, int blocks)
{
    double sum = 0;
    for (int64_t i = l->blocks; i > l->blocks - blocks && i > 0; i--)
        sum += l->ring[(i - 1) % SHORT_TERM_BLOCKS];
    return sum / blocks;
}

/* Decaying tails would end in denormal numbers, which are slow. */
static void flush_denormals(struct md_loudness *l)
{
    for (int p = 0; p < l->pairs; p++)
        for (int s = 0; s < 4; s++)
            for (int c = 0; c < 2; c++)
                if (fabs(l->state[p][s][c]) < 1e-18)
                    l->state[p][s][c] = 0;
}

static void finish_block(struct md_loudness *l)
{
    double energy = 0;
    for (int p = 0; p < l->pairs; p++) {
        pair weighted = l->sum[p] * l->weight[p];
        energy += weighted[0] + weighted[1];
        l->sum[p] = (pair){0, 0};
    }
    l->ring[l->blocks++ % SHORT_TERM_BLOCKS] = energy / (double)(l->block_end - l->block_start);
    l->block_start = l->block_end;
    l->block_end = MD_MAX((l->blocks + 1) * l->sample_rate / BLOCKS_PER_SECOND, l->block_start + 1);
    flush_denormals(l);
    double momentary = ring_mean(l, MOMENTARY_BLOCKS);
    if (l->blocks >= MOMENTARY_BLOCKS)
        note(&l->momentary_histogram, momentary);
    if (l->blocks >= SHORT_TERM_BLOCKS)
        note(&l->short_term_histogram, ring_mean(l, SHORT_TERM_BLOCKS));
    if (l->momentary)
        l->momentary(l->user, fmax(to_lufs(momentary), MD_LOUDNESS_FLOOR));
}

void md_loudness_add(struct md_loudness *l, const float *samples, int64_t frames)
{
    md_true_peak_add(&l->peak, samples, frames);
    while (frames > 0) {
        int64_t n = MD_MIN(frames, l->block_end - l->position);
        for (int p = 0; p < l->pairs; p++) {
            /* the odd one out is filtered twice and weighs nothing the second time */
            int second = 2 * p + 1 < l->channels;
            l->sum[p] += filter_pair(l, p, samples + 2 * p, n, second);
        }
        samples += n * l->channels;
        frames -= n;
        l->position += n;
        if (l->position == l->block_end)
            finish_block(l);
    }
}

/* Mean loudness of all blocks from bin `from` on; the floor when there are none. */
static double mean_from(const struct histogram *h, int from, int64_t *ret_count)
{
    double energy = 0;
    int64_t count = 0;
    for (int i = MD_MAX(from, 0); i < BINS; i++) {
        count += h->count[i];
        energy += h->energy[i];
    }
    *ret_count = count;
    return count > 0 ? fmax(to_lufs(energy / (double)count), MD_LOUDNESS_FLOOR) : MD_LOUDNESS_FLOOR;
}

/* The first bin that lies `below` LU under the mean of everything above the absolute gate. */
static int relative_gate(const struct histogram *h, double below)
{
    int64_t count;
    double mean = mean_from(h, 0, &count);
    return (int)ceil((mean - below - MD_LOUDNESS_FLOOR) * BINS_PER_LU);
}

/* The loudness below which `share` of the blocks from bin `from` on lie. */
static double percentile(const struct histogram *h, int from, int64_t count, double share)
{
    int64_t rank = llround((double)(count - 1) * share), seen = 0;
    for (int i = MD_MAX(from, 0); i < BINS; i++) {
        seen += h->count[i];
        if (seen > rank)
            return MD_LOUDNESS_FLOOR + (i + 0.5) / BINS_PER_LU;
    }
    return MD_LOUDNESS_FLOOR;
}

void md_loudness_result(const struct md_loudness *l, struct md_loudness_result *ret_result)
{
    int64_t count;
    const struct histogram *s = &l->short_term_histogram;
    struct md_loudness_result r = {.true_peak_dbtp = md_true_peak_db(&l->peak)};
    r.integrated_lufs =
        mean_from(&l->momentary_histogram, relative_gate(&l->momentary_histogram, 10), &count);
    int gate = relative_gate(s, 20);
    mean_from(s, gate, &count);
    if (count > 0)
        r.range_lu = percentile(s, gate, count, 0.95) - percentile(s, gate, count, 0.10);
    *ret_result = r;
}

void md_loudness_free(struct md_loudness *l)
{
    free(l);
}
