/* Frames of 32 ms every 16 ms give a spectrum, mel bands, spectral lines and a pitch; statistics of
 * the frames of two seconds give a window's features. Speech is told by what changes (syllables at
 * about 4 Hz, voiced and unvoiced in turn, pauses), music by what stays (lines, level), so nearly
 * all features measure change and none an absolute level or timbre, which differ from film to
 * film. */
#include "analysis/audio_features.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

const char *const md_sound_feature_names[] = {"level-spread",
                                              "low-energy",
                                              "syllables",
                                              "slow-modulation",
                                              "modulation",
                                              "flux",
                                              "flux-spread",
                                              "crossings",
                                              "crossings-spread",
                                              "centroid",
                                              "centroid-spread",
                                              "flatness",
                                              "flatness-spread",
                                              "voiced",
                                              "voicing",
                                              "glide",
                                              "steady-lines",
                                              "lines",
                                              "bass",
                                              "treble",
                                              "coherence",
                                              NULL};

/* Frames more than this below the loudest of their window carry no voice or lines worth counting.
 */
static const float audible_db = 30;

static const float floor_db = -90;

/* Mel scale of O'Shaughnessy 1987. */
static double mel_of(double hz)
{
    return 2595 * log10(1 + hz / 700);
}

static double hz_of(double mel)
{
    return 700 * (pow(10, mel / 2595) - 1);
}

static void init_bands(struct md_sound_features *f)
{
    double low = mel_of(80), high = mel_of(7600);
    double bin_hz = (double)MD_SOUND_RATE / MD_FFT_SIZE;
    int last = 0;
    for (int b = 0; b <= MD_SOUND_BANDS; b++) {
        int bin = (int)lround(hz_of(low + (high - low) * b / MD_SOUND_BANDS) / bin_hz);
        f->band_start[b] = MD_MAX(bin, last + 1);
        last = f->band_start[b];
    }
}

/* The autocorrelation of the taper, by which that of a tapered frame must be divided. */
static void init_lag_taper(struct md_sound_features *f)
{
    for (int lag = 0; lag < MD_FFT_BINS; lag++) {
        double sum = 0;
        for (int i = 0; i + 2 * lag < MD_FFT_SIZE; i += 2)
            sum += f->taper[i] * f->taper[i + 2 * lag];
        f->lag_taper[lag] = (float)sum;
    }
}

void md_sound_features_init(struct md_sound_features *f,
                            void (*window)(void *user, const struct md_sound_window *window),
                            void *user)
{
    memset(f, 0, sizeof *f);
    f->window = window;
    f->user = user;
    md_fft_init(&f->fft);
    for (int i = 0; i < MD_FFT_SIZE; i++)
        f->taper[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (i + 0.5) / MD_FFT_SIZE));
    init_bands(f);
    init_lag_taper(f);
}

/* ---- one frame ---- */

static float decibel(float power)
{
    return fmaxf(10 * log10f(power + 1e-20f), floor_db);
}

static void measure_level(const float *x, struct md_sound_frame *frame)
{
    float energy = 0;
    int crossings = 0;
    for (int i = 0; i < MD_FFT_SIZE; i++)
        energy += x[i] * x[i];
    for (int i = 1; i < MD_FFT_SIZE; i++)
        crossings += (x[i] < 0) != (x[i - 1] < 0);
    frame->level_db = decibel(energy / MD_FFT_SIZE);
    frame->crossings = (float)crossings / MD_FFT_SIZE;
}

static void measure_bands(const struct md_sound_features *f, const float *power,
                          struct md_sound_frame *frame)
{
    float sum = 0, centre = 0, log_sum = 0;
    for (int b = 0; b < MD_SOUND_BANDS; b++) {
        float band = 0;
        int from = f->band_start[b], to = f->band_start[b + 1];
        for (int k = from; k < to; k++)
            band += power[k];
        band = band / (float)(to - from) + 1e-12f;
        frame->bands[b] = decibel(band);
        log_sum += frame->bands[b];
        sum += band;
        centre += band * (float)b;
    }
    frame->centroid = centre / sum;
    frame->flatness = log_sum / MD_SOUND_BANDS - decibel(sum / MD_SOUND_BANDS);
}

/* A line stands at least 6 dB above the spectrum two and three bins to both sides. */
static void find_lines(const float *power, struct md_sound_frame *frame)
{
    for (int k = 0; k < MD_SOUND_PEAK_BINS; k++) {
        frame->line[k] = 0;
        if (k < 4)
            continue;
        float p = power[k];
        float around = power[k - 2] + power[k + 2] + power[k - 3] + power[k + 3];
        frame->line[k] = p >= power[k - 1] && p > power[k + 1] && p > around && p > 1e-9f;
    }
}

/* Halves the rate with a short half-band filter (the pitch needs nothing above 2 kHz) and fills up
 * with zeros, so that the transform of the power spectrum is the true autocorrelation. */
static void measure_pitch(const struct md_sound_features *f, const float *x,
                          struct md_sound_frame *frame)
{
    enum { SHORTEST = MD_SOUND_RATE / 2 / 400, LONGEST = MD_SOUND_RATE / 2 / 70 };
    float half[MD_FFT_SIZE] = {0}, re[MD_FFT_BINS], im[MD_FFT_BINS];
    for (int i = 4; i < MD_FFT_SIZE - 4; i += 2)
        half[i / 2] = f->taper[i] * (0.5f * x[i] + 0.28125f * (x[i - 1] + x[i + 1]) -
                                     0.03125f * (x[i - 3] + x[i + 3]));
    md_fft_real(&f->fft, half, re, im);
    for (int k = 0; k < MD_FFT_BINS; k++)
        half[k] = re[k] * re[k] + im[k] * im[k];
    for (int k = 1; k < MD_FFT_SIZE / 2; k++)
        half[MD_FFT_SIZE - k] = half[k];
    md_fft_real(&f->fft, half, re, im);
    frame->voicing = frame->lag = 0;
    if (!(re[0] > 1e-9f))
        return;
    float scale = f->lag_taper[0] / re[0];
    for (int lag = SHORTEST; lag <= LONGEST; lag++) {
        if (re[lag] < re[lag - 1] || re[lag] < re[lag + 1])
            continue;
        float r = re[lag] / f->lag_taper[lag] * scale;
        if (r > frame->voicing * 1.05f) { /* prefers the shorter of equal periods */
            frame->voicing = r;
            frame->lag = (float)lag;
        }
    }
    frame->voicing = fminf(frame->voicing, 1);
}

static void finish_frame(struct md_sound_features *f)
{
    struct md_sound_frame *frame = &f->ring[f->frames % MD_SOUND_RING];
    const struct md_sound_frame *before = &f->ring[(f->frames + MD_SOUND_RING - 1) % MD_SOUND_RING];
    float tapered[MD_FFT_SIZE], re[MD_FFT_BINS], im[MD_FFT_BINS], power[MD_FFT_BINS];
    measure_level(f->samples, frame);
    for (int i = 0; i < MD_FFT_SIZE; i++)
        tapered[i] = f->samples[i] * f->taper[i] * (1.0f / 64);
    md_fft_real(&f->fft, tapered, re, im);
    for (int k = 0; k < MD_FFT_BINS; k++)
        power[k] = re[k] * re[k] + im[k] * im[k];
    measure_bands(f, power, frame);
    find_lines(power, frame);
    /* every second frame is enough for a pitch and halves its cost */
    if (f->frames % 2 == 0) {
        measure_pitch(f, f->samples, frame);
    } else {
        frame->voicing = before->voicing;
        frame->lag = before->lag;
    }
    f->frames++;
}

/* ---- one window ---- */

struct span {
    const struct md_sound_features *f;
    int64_t first;
    int n;
};

static const struct md_sound_frame *frame_at(const struct span *s, int i)
{
    return &s->f->ring[(s->first + i) % MD_SOUND_RING];
}

struct moments {
    float mean, deviation;
};

static struct moments moments_of(const float *v, int n)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += v[i];
    double mean = n > 0 ? sum / n : 0;
    for (int i = 0; i < n; i++)
        squares += (v[i] - mean) * (v[i] - mean);
    return (struct moments){(float)mean, n > 0 ? (float)sqrt(squares / n) : 0};
}

static void level_features(const struct span *s, float loudest_db, float *out)
{
    float v[MD_SOUND_RING];
    double mean = 0;
    int low = 0;
    for (int i = 0; i < s->n; i++) {
        float db = fmaxf(frame_at(s, i)->level_db, loudest_db - 50);
        v[i] = db;
        mean += pow(10, db / 10) / s->n;
    }
    for (int i = 0; i < s->n; i++)
        low += pow(10, v[i] / 10) < mean / 2;
    out[MD_FEATURE_LEVEL_SPREAD] = moments_of(v, s->n).deviation / 10;
    out[MD_FEATURE_LOW_ENERGY] = (float)low / (float)s->n;
}

/* Band levels, none more than 50 dB under the loudest frame: what is below is inaudible noise. */
static float band_at(const struct span *s, int i, int b, float loudest_db)
{
    return fmaxf(frame_at(s, i)->bands[b], loudest_db - 50);
}

/* Power of a band's envelope between two modulation frequencies, by direct transform: there are few
 * of them and the window's length is no power of two. */
static double modulation_power(const float *v, int n, double from_hz, double to_hz)
{
    double power = 0, step_hz = (double)MD_SOUND_RATE / MD_SOUND_HOP / n;
    for (int k = (int)ceil(from_hz / step_hz); k * step_hz <= to_hz && k <= n / 2; k++) {
        double w = 2 * M_PI * k / n, c = 2 * cos(w), s1 = 0, s2 = 0;
        for (int i = 0; i < n; i++) {
            double s0 = v[i] + c * s1 - s2;
            s2 = s1;
            s1 = s0;
        }
        power += s1 * s1 + s2 * s2 - c * s1 * s2;
    }
    return 2 * power / n / n;
}

static void modulation_features(const struct span *s, float loudest_db, float *out)
{
    enum { WIDE = 5, EACH = MD_SOUND_BANDS / WIDE };
    double total = 0, syllables = 0, slow = 0;
    float sum[MD_SOUND_RING] = {0}, v[MD_SOUND_RING];
    for (int w = 0; w < WIDE; w++) {
        for (int i = 0; i < s->n; i++) {
            v[i] = 0;
            for (int b = w * EACH; b < (w + 1) * EACH; b++)
                v[i] += band_at(s, i, b, loudest_db) / EACH;
        }
        struct moments m = moments_of(v, s->n);
        for (int i = 0; i < s->n; i++) {
            v[i] -= m.mean;
            sum[i] += v[i] / WIDE;
        }
        total += (double)m.deviation * m.deviation;
        syllables += modulation_power(v, s->n, 2.5, 8);
        slow += modulation_power(v, s->n, 0.5, 2);
    }
    float together = moments_of(sum, s->n).deviation;
    out[MD_FEATURE_SYLLABLES] = (float)(syllables / (total + 1));
    out[MD_FEATURE_SLOW_MODULATION] = (float)(slow / (total + 1));
    out[MD_FEATURE_MODULATION] = (float)sqrt(total / WIDE) / 10;
    out[MD_FEATURE_COHERENCE] = (float)(together * together / (total / WIDE + 1));
}

static void change_features(const struct span *s, float loudest_db, float *out)
{
    float flux[MD_SOUND_RING];
    for (int i = 1; i < s->n; i++) {
        float sum = 0;
        for (int b = 0; b < MD_SOUND_BANDS; b++)
            sum += fabsf(band_at(s, i, b, loudest_db) - band_at(s, i - 1, b, loudest_db));
        flux[i - 1] = sum / MD_SOUND_BANDS;
    }
    struct moments m = moments_of(flux, s->n - 1);
    out[MD_FEATURE_FLUX] = m.mean / 10;
    out[MD_FEATURE_FLUX_SPREAD] = m.deviation / 10;
}

/* Features of the frames that can be heard at all. */
static void timbre_features(const struct span *s, float loudest_db, float *out)
{
    float crossings[MD_SOUND_RING], centroid[MD_SOUND_RING], flatness[MD_SOUND_RING];
    float voicing[MD_SOUND_RING];
    double glide = 0, bass = 0, treble = 0;
    int n = 0, voiced = 0, glides = 0;
    float last_lag = 0;
    for (int i = 0; i < s->n; i++) {
        const struct md_sound_frame *frame = frame_at(s, i);
        bool clear = frame->voicing > 0.6f && frame->level_db > loudest_db - audible_db;
        if (clear && last_lag > 0) {
            glide += fmin(fabs(log2(frame->lag / last_lag)), 1);
            glides++;
        }
        last_lag = clear ? frame->lag : 0;
        if (frame->level_db < loudest_db - audible_db)
            continue;
        float mean = 0;
        for (int b = 0; b < MD_SOUND_BANDS; b++)
            mean += frame->bands[b] / MD_SOUND_BANDS;
        bass += (frame->bands[0] + frame->bands[1]) / 2 - mean;
        treble += (frame->bands[17] + frame->bands[18] + frame->bands[19]) / 3 - mean;
        crossings[n] = frame->crossings;
        centroid[n] = frame->centroid;
        flatness[n] = frame->flatness;
        voicing[n] = frame->voicing;
        voiced += clear;
        n++;
    }
    struct moments m = moments_of(crossings, n);
    out[MD_FEATURE_CROSSINGS] = m.mean;
    out[MD_FEATURE_CROSSINGS_SPREAD] = m.deviation;
    m = moments_of(centroid, n);
    out[MD_FEATURE_CENTROID] = m.mean / 10;
    out[MD_FEATURE_CENTROID_SPREAD] = m.deviation / 10;
    m = moments_of(flatness, n);
    out[MD_FEATURE_FLATNESS] = m.mean / 10;
    out[MD_FEATURE_FLATNESS_SPREAD] = m.deviation / 10;
    out[MD_FEATURE_VOICED] = n > 0 ? (float)voiced / (float)n : 0;
    out[MD_FEATURE_VOICING] = moments_of(voicing, n).mean;
    out[MD_FEATURE_GLIDE] = glides > 0 ? (float)(glide / glides) : 0;
    out[MD_FEATURE_BASS] = n > 0 ? (float)(bass / n / 10) : 0;
    out[MD_FEATURE_TREBLE] = n > 0 ? (float)(treble / n / 10) : 0;
}

static void line_features(const struct span *s, float loudest_db, float *out)
{
    int count[MD_SOUND_PEAK_BINS] = {0}, lines = 0, n = 0;
    for (int i = 0; i < s->n; i++) {
        const struct md_sound_frame *frame = frame_at(s, i);
        if (frame->level_db < loudest_db - audible_db)
            continue;
        n++;
        for (int k = 0; k < MD_SOUND_PEAK_BINS; k++) {
            count[k] += frame->line[k];
            lines += frame->line[k];
        }
    }
    float steady = 0;
    for (int best = 0; best < 5 && n > 0; best++) {
        int at = 0;
        for (int k = 1; k < MD_SOUND_PEAK_BINS; k++)
            if (count[k] > count[at])
                at = k;
        /* silence between makes fewer frames to be steady in: count against the whole window */
        steady += (float)count[at] / (float)s->n / 5;
        count[at] = 0;
    }
    out[MD_FEATURE_STEADY_LINES] = steady;
    out[MD_FEATURE_LINES] = n > 0 ? (float)lines / (float)n / 10 : 0;
}

static void emit_window(struct md_sound_features *f, int64_t samples)
{
    int64_t middle = f->windows * MD_SOUND_WINDOW + MD_SOUND_WINDOW / 2;
    /* frame t is centred at t * HOP + SIZE / 2 */
    int64_t first = (middle - MD_SOUND_CONTEXT - MD_FFT_SIZE / 2) / MD_SOUND_HOP + 1;
    int64_t last = (middle + MD_SOUND_CONTEXT - MD_FFT_SIZE / 2) / MD_SOUND_HOP;
    first = MD_MAX(first, MD_MAX(f->frames - MD_SOUND_RING, 0));
    last = MD_MIN(last, f->frames - 1);
    struct span s = {f, first, (int)MD_MAX(last - first + 1, 0)};
    struct md_sound_window w = {.index = f->windows, .level_db = -120};
    double energy = f->energy[f->windows % 4] / (double)MD_MAX(samples, 1);
    if (energy > 1e-12)
        w.level_db = (float)(10 * log10(energy));
    float loudest_db = floor_db;
    for (int i = 0; i < s.n; i++)
        loudest_db = fmaxf(loudest_db, frame_at(&s, i)->level_db);
    /* fewer frames than a syllable, or digital silence, have no statistics */
    if (s.n >= 16 && loudest_db > floor_db + 10) {
        level_features(&s, loudest_db, w.features);
        modulation_features(&s, loudest_db, w.features);
        change_features(&s, loudest_db, w.features);
        timbre_features(&s, loudest_db, w.features);
        line_features(&s, loudest_db, w.features);
    }
    f->energy[f->windows % 4] = 0;
    f->windows++;
    f->window(f->user, &w);
}

/* ---- the stream ---- */

void md_sound_features_add(struct md_sound_features *f, const float *samples, int64_t n)
{
    while (n > 0) {
        int64_t to_window = MD_SOUND_WINDOW - f->total % MD_SOUND_WINDOW;
        int take = (int)MD_MIN(MD_MIN(n, MD_FFT_SIZE - f->filled), to_window);
        double energy = 0;
        for (int i = 0; i < take; i++)
            energy += samples[i] * samples[i];
        f->energy[f->total / MD_SOUND_WINDOW % 4] += energy;
        memcpy(f->samples + f->filled, samples, (size_t)take * sizeof *samples);
        f->filled += take;
        f->total += take;
        samples += take;
        n -= take;
        if (f->filled == MD_FFT_SIZE) {
            finish_frame(f);
            f->filled = MD_FFT_SIZE - MD_SOUND_HOP;
            memmove(f->samples, f->samples + MD_SOUND_HOP, (size_t)f->filled * sizeof *f->samples);
        }
        int64_t middle = f->windows * MD_SOUND_WINDOW + MD_SOUND_WINDOW / 2;
        if (f->total >= middle + MD_SOUND_CONTEXT + MD_FFT_SIZE)
            emit_window(f, MD_SOUND_WINDOW);
    }
}

void md_sound_features_finish(struct md_sound_features *f)
{
    while (f->windows * MD_SOUND_WINDOW < f->total)
        emit_window(f, MD_MIN(f->total - f->windows * MD_SOUND_WINDOW, MD_SOUND_WINDOW));
}
