// A few voices have to do for five people: playing a voice faster or slower than it was synthesized
// changes its pitch and its apparent size, which tells a girl from a grown-up narrator.
#include "speech.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct voice voices[] = {
    [NOBODY] = {"slt", 1, "en-us", 150, 1, 1},
    [NORA] = {"slt", 1.16f, "en-us+f4", 155, 1.16f, 1},
    [ELIAS] = {"rms", 0.92f, "en-us+m3", 140, 0.92f, 1.05f},
    [MARLOW] = {"awb", 0.98f, "en-gb+m2", 150, 1.0f, 1},
    [PIP] = {"kal16", 1.3f, "en-us+m7", 170, 1.28f, 0.8f},
    [NARRATOR] = {"slt", 1.0f, "en-gb+f2", 145, 0.97f, 0.9f},
    [COMMENTATOR] = {"rms", 1.0f, "en-us+m1", 150, 1.06f, 1},
};

const struct voice *speech_voice(enum who who)
{
    return &voices[who];
}

static uint32_t le(const uint8_t *p, int n)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++)
        v |= (uint32_t)p[i] << 8 * i;
    return v;
}

// The samples of a RIFF file; the synthesizers' headers may state a data length that is too long.
static int16_t *read_wav(const char *path, int64_t *ret_n, int *ret_rate)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    uint8_t head[12], chunk[8], fmt[16];
    int16_t *data = NULL;
    int rate = 0;
    if (fread(head, 1, 12, f) != 12 || memcmp(head, "RIFF", 4))
        goto out;
    while (fread(chunk, 1, 8, f) == 8) {
        uint32_t size = le(chunk + 4, 4);
        if (!memcmp(chunk, "fmt ", 4) && size >= 16) {
            if (fread(fmt, 1, 16, f) != 16 || le(fmt + 2, 2) != 1 || le(fmt + 14, 2) != 16)
                goto out;
            rate = (int)le(fmt + 4, 4);
            fseek(f, (long)size - 16, SEEK_CUR);
        } else if (!memcmp(chunk, "data", 4)) {
            const size_t most = 60u * 48000; // no line takes a minute
            data = malloc(most * sizeof *data);
            if (data)
                *ret_n = (int64_t)fread(data, 2, size / 2 < most ? size / 2 : most, f);
            break;
        } else {
            fseek(f, size, SEEK_CUR);
        }
    }
out:
    fclose(f);
    *ret_rate = rate;
    if (data && (rate < 8000 || rate > 48000 || *ret_n < rate / 20)) {
        free(data);
        data = NULL;
    }
    return data;
}

// Catmull-Rom between the samples: quiet enough above the voice at these ratios.
static float at(const int16_t *d, int64_t n, double pos)
{
    int64_t i = (int64_t)pos;
    float u = (float)(pos - i), p[4];
    for (int k = 0; k < 4; k++) {
        int64_t j = i + k - 1;
        p[k] = j < 0 || j >= n ? 0 : d[j] / 32768.0f;
    }
    return p[1] + 0.5f * u *
                      (p[2] - p[0] +
                       u * (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3] +
                            u * (3 * (p[1] - p[2]) + p[3] - p[0])));
}

static void trim(struct speech *s)
{
    int64_t from = 0, to = s->n;
    while (from < to && fabsf(s->samples[from]) < 0.012f)
        from++;
    while (to > from && fabsf(s->samples[to - 1]) < 0.012f)
        to--;
    int64_t pad = SPEECH_RATE / 50;
    from = from > pad ? from - pad : 0;
    to = to + 2 * pad < s->n ? to + 2 * pad : s->n;
    memmove(s->samples, s->samples + from, (size_t)(to - from) * sizeof *s->samples);
    s->n = to - from;
    for (int64_t i = 0; i < pad && i < s->n / 2; i++) {
        s->samples[i] *= (float)i / pad;
        s->samples[s->n - 1 - i] *= (float)i / pad;
    }
}

static void even_level(struct speech *s, float gain)
{
    double sum = 0;
    int64_t loud = 0;
    float peak = 1e-6f;
    for (int64_t i = 0; i < s->n; i++) {
        float v = fabsf(s->samples[i]);
        peak = fmaxf(peak, v);
        if (v > 0.02f) {
            sum += v * v;
            loud++;
        }
    }
    float rms = sqrtf((float)(sum / (loud ? loud : 1))),
          k = fminf(0.17f / (rms + 1e-6f), 0.95f / peak) * gain;
    for (int64_t i = 0; i < s->n; i++)
        s->samples[i] *= k;
}

static void wireless(struct speech *s)
{
    float low = 0, high = 0;
    for (int64_t i = 0; i < s->n; i++) {
        low += 0.30f * (s->samples[i] - low);
        high += 0.055f * (low - high);
        float band = (low - high) * 2.6f;
        s->samples[i] = cv_clamp(band, -0.42f, 0.42f) + (cv_hash((uint32_t)i, 77) - 0.5f) * 0.03f;
    }
}

// Pip speaks out of a small box: a short echo and a little ring modulation.
static void box(struct speech *s)
{
    const int delay = SPEECH_RATE * 6 / 1000;
    for (int64_t i = s->n - 1; i >= delay; i--) {
        float ring = sinf(2 * CV_PI * 92 * (float)(i % SPEECH_RATE) / SPEECH_RATE);
        s->samples[i] = s->samples[i] * (0.8f + 0.2f * ring) + 0.42f * s->samples[i - delay];
    }
}

int speech_load(struct speech *s, const char *path, enum who who, int radio)
{
    int64_t n = 0;
    int rate = 0;
    int16_t *d = read_wav(path, &n, &rate);
    if (!d) {
        fprintf(stderr, "make-sample: no speech in %s\n", path);
        return -1;
    }
    double step = (double)rate * speech_voice(who)->pitch / SPEECH_RATE;
    s->n = (int64_t)(n / step);
    s->samples = malloc((size_t)s->n * sizeof *s->samples);
    if (!s->samples) {
        free(d);
        return -1;
    }
    for (int64_t i = 0; i < s->n; i++)
        s->samples[i] = at(d, n, i * step);
    free(d);
    if (who == PIP)
        box(s);
    trim(s);
    if (radio)
        wireless(s);
    even_level(s, speech_voice(who)->gain);
    return 0;
}

void speech_free(struct speech *s)
{
    free(s->samples);
    s->samples = NULL;
}
