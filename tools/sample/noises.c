// Weather and effects out of filtered noise. Each ambience is a recipe of a few sources; the
// recipe's strengths glide at the cuts, and a source that nobody hears is not computed.
#include "sound.h"

#include <math.h>
#include <stdlib.h>

enum source { SEA, WIND, RAIN, RUMBLE, WHEELS, FIRE, GULLS, N_SOURCES };

static const float recipes[][N_SOURCES] = {
    [AMB_NONE] = {0},
    [AMB_TRAIN] = {[WHEELS] = 1, [RUMBLE] = 0.25f},
    [AMB_HARBOUR] = {[SEA] = 0.45f, [GULLS] = 0.5f, [WIND] = 0.08f},
    [AMB_SEA] = {[SEA] = 0.8f, [WIND] = 0.12f},
    [AMB_ROOM] = {[FIRE] = 0.8f, [WIND] = 0.05f},
    [AMB_TOWER] = {[WIND] = 0.22f, [SEA] = 0.12f},
    [AMB_WIND] = {[WIND] = 0.75f, [SEA] = 0.25f},
    [AMB_STORM] = {[WIND] = 0.85f, [RAIN] = 0.8f, [SEA] = 0.7f, [RUMBLE] = 0.3f},
    [AMB_STORM_INSIDE] = {[WIND] = 0.45f, [RAIN] = 0.28f, [SEA] = 0.15f, [RUMBLE] = 0.3f},
    [AMB_SNOW] = {[WIND] = 0.1f, [SEA] = 0.22f},
};

struct noise {
    uint32_t state;
};

static float white(struct noise *n)
{
    n->state ^= n->state << 13;
    n->state ^= n->state >> 17;
    n->state ^= n->state << 5;
    return (int32_t)n->state * (1 / 2147483648.0f);
}

// Filters and clocks of the continuous sources, one set for each side.
struct side {
    struct noise n;
    float sea[2], wind[2], rain[2], rumble[2], wheels, fire, crackle;
};

static float source_sample(struct side *s, enum source k, float t)
{
    float w = white(&s->n);
    switch (k) {
    case SEA: {
        float swell = 0.45f + 0.55f * sinf(t * 0.83f) * sinf(t * 0.31f + 1);
        s->sea[0] += (0.03f + 0.03f * swell) * (w - s->sea[0]);
        s->sea[1] += 0.25f * (s->sea[0] - s->sea[1]);
        return s->sea[1] * (0.35f + 0.65f * swell * swell) * 0.85f;
    }
    case WIND: { // a resonance that wanders
        float f = 0.035f + 0.02f * sinf(t * 0.7f) + 0.012f * sinf(t * 1.9f + 2);
        s->wind[0] += f * s->wind[1];
        s->wind[1] += f * (w - s->wind[0]) - 0.09f * s->wind[1] * (f / 0.035f) * 0.4f;
        return s->wind[1] * 0.16f * (0.7f + 0.3f * sinf(t * 0.53f));
    }
    case RAIN:
        s->rain[0] += 0.35f * (w - s->rain[0]);
        return (w - s->rain[0]) * 0.055f;
    case RUMBLE:
        s->rumble[0] += 0.008f * (w - s->rumble[0]);
        s->rumble[1] += 0.02f * (s->rumble[0] - s->rumble[1]);
        return s->rumble[1] * 2.2f;
    case WHEELS: { // da-dum, da-dum over the joints of the rails
        float u = fmodf(t * 1.55f, 1),
              beat = expf(-u * 14) + 0.7f * (u > 0.17f ? expf(-(u - 0.17f) * 16) : 0);
        s->wheels += 0.06f * (w - s->wheels);
        return s->wheels * (0.16f + 0.62f * beat) * 0.6f;
    }
    case FIRE:
        s->fire += 0.02f * (w - s->fire);
        if (fabsf(w) > 0.99985f)
            s->crackle = w > 0 ? 0.2f : -0.16f;
        s->crackle *= 0.985f;
        return s->fire * 0.12f + s->crackle * w;
    default:
        return 0;
    }
}

static void ambience(const struct timeline *t, struct stereo *out)
{
    const int per_frame = SPEECH_RATE / FILM_FPS;
    struct side sides[2] = {{.n = {0x9e3779b9}}, {.n = {0x7f4a7c15}}};
    float gain[N_SOURCES] = {0};
    int shot = 0;
    for (int f = 0; f < t->n_frames; f++) {
        while (shot + 1 < t->n_shots && t->shots[shot + 1].start <= f)
            shot++;
        const float *want = recipes[t->shots[shot].shot->ambience];
        for (int k = 0; k < N_SOURCES; k++) {
            float step = (want[k] - gain[k]) / per_frame * 0.3f, g;
            if (gain[k] < 0.002f && want[k] == 0)
                gain[k] = 0;
            if (k == GULLS || (gain[k] == 0 && want[k] == 0))
                continue;
            for (int c = 0; c < 2; c++) {
                float *x = (c ? out->r : out->l) + (int64_t)f * per_frame;
                g = gain[k];
                for (int i = 0; i < per_frame; i++, g += step)
                    x[i] +=
                        0.55f * g *
                        source_sample(&sides[c], k, (float)f / FILM_FPS + (float)i / SPEECH_RATE);
            }
            gain[k] = g;
        }
    }
}

// ---- effects ------------------------------------------------------------------------------------

struct hit {
    struct stereo *out;
    int64_t from;
    struct noise n;
};

static void put(struct hit *h, int64_t i, float y, float pan)
{
    int64_t at = h->from + i;
    if (at >= 0 && at < h->out->n) {
        h->out->l[at] += y * (1 - 0.5f * pan);
        h->out->r[at] += y * (1 + 0.5f * pan);
    }
}

static void burst(struct hit *h, float seconds, float attack, float cutoff, float drop, float gain)
{
    float a = 0, b = 0;
    int64_t n = (int64_t)(seconds * SPEECH_RATE);
    for (int64_t i = 0; i < n; i++) {
        float u = (float)i / n, k = cutoff * expf(-drop * u),
              e = expf(-4.5f * u) * fminf(1, u / attack);
        a += k * (white(&h->n) - a);
        b += k * (a - b);
        put(h, i, gain * e * b / sqrtf(k + 0.004f) * (1 - u), 0.4f * sinf(u * 9));
    }
}

static void tones(struct hit *h, float seconds, const float *freqs, int n_freqs, float decay,
                  float vibrato, float gain)
{
    int64_t n = (int64_t)(seconds * SPEECH_RATE);
    for (int k = 0; k < n_freqs; k++) {
        double phase = 0;
        for (int64_t i = 0; i < n; i++) {
            float t = (float)i / SPEECH_RATE, e = fminf(1, t * 25) * fminf(1, (seconds - t) * 8) *
                                                  expf(-decay * t * (1 + 0.4f * k));
            phase += 2 * CV_PI * freqs[k] * (1 + vibrato * sinf(t * 34)) / SPEECH_RATE;
            put(h, i, gain * e * (float)(sin(phase) + 0.4 * sin(2 * phase) + 0.2 * sin(3 * phase)),
                0);
        }
    }
}

static void sweep(struct hit *h, float seconds, float f0, float f1, float gain)
{
    int64_t n = (int64_t)(seconds * SPEECH_RATE);
    double phase = 0;
    for (int64_t i = 0; i < n; i++) {
        float u = (float)i / n, e = sinf(u * CV_PI) * (0.7f + 0.3f * sinf(u * 300));
        phase += 2 * CV_PI * f0 * powf(f1 / f0, u) / SPEECH_RATE;
        put(h, i, gain * e * (float)(sin(phase) + 0.5 * sin(phase * 1.5) + 0.3 * sin(phase * 2.01)),
            0.3f);
    }
}

static void gulls(struct hit *h)
{
    for (int call = 0; call < 5; call++) {
        double phase = 0;
        int64_t off = (int64_t)((call * 0.42 + 0.2 * cv_hash(call, 4)) * SPEECH_RATE),
                n = SPEECH_RATE * 3 / 10;
        for (int64_t i = 0; i < n; i++) {
            float u = (float)i / n, f = 1250 + 500 * sinf(u * CV_PI) - 380 * u;
            phase += 2 * CV_PI * f / SPEECH_RATE;
            put(h, off + i,
                0.035f * sinf(u * CV_PI) *
                    (float)(sin(phase) + 0.6 * sin(2 * phase) + 0.3 * sin(3 * phase)),
                call & 1 ? 0.8f : -0.6f);
        }
    }
}

static void effect(struct hit *h, enum effect e)
{
    static const float horn[] = {98, 123.5f, 147}, bell[] = {523, 1257, 1570, 2110, 2794},
                       whistle[] = {622, 740, 880};
    switch (e) {
    case FX_THUNDER:
        burst(h, 0.5f, 0.004f, 0.5f, 2, 0.12f);
        burst(h, 3.6f, 0.02f, 0.03f, 1.5f, 0.42f);
        break;
    case FX_CRASH:
        burst(h, 1.8f, 0.12f, 0.22f, 1.6f, 0.22f);
        break;
    case FX_HORN:
        tones(h, 1.9f, horn, 3, 0.1f, 0.002f, 0.07f);
        break;
    case FX_BELL:
        tones(h, 1.8f, bell, 5, 1.6f, 0, 0.07f);
        break;
    case FX_WHISTLE:
        tones(h, 0.9f, whistle, 3, 0.2f, 0.008f, 0.03f);
        break;
    case FX_POWER_UP:
        sweep(h, 2.2f, 55, 440, 0.1f);
        break;
    case FX_POWER_DOWN:
        sweep(h, 1.6f, 300, 40, 0.13f);
        break;
    case FX_DOOR:
        burst(h, 0.5f, 0.004f, 0.12f, 3, 0.45f);
        burst(h, 1.2f, 0.2f, 0.25f, 0, 0.16f);
        break;
    case FX_CLICK:
        burst(h, 0.09f, 0.01f, 0.6f, 1, 0.2f);
        break;
    case FX_BUMP:
        burst(h, 0.45f, 0.006f, 0.06f, 2, 0.4f);
        break;
    case FX_GULLS:
        gulls(h);
        break;
    case FX_NONE:
        break;
    }
}

void noises_play(const struct timeline *t, struct stereo *out)
{
    ambience(t, out);
    for (int i = 0; i < t->n_shots; i++) {
        const struct tl_shot *k = &t->shots[i];
        struct hit h = {out,
                        (int64_t)k->start * (SPEECH_RATE / FILM_FPS) +
                            (int64_t)(k->shot->effect_at * SPEECH_RATE),
                        {0x1234567u + i}};
        effect(&h, k->shot->effect);
    }
}
