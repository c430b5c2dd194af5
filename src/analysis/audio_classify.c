/* Two logistic regressions, one for speech and one for music, then a hidden Markov model over four
 * states: linear detectors because they can be read (the table below says which feature speaks for
 * what) and, on film sound they had not seen, were as good as quadratic ones; smoothing because
 * neighbouring half seconds nearly always hold the same thing.
 *
 * Where the constants come from: trained on 62 000 half seconds of free recordings from Debian
 * packages (telephone prompts in three languages, tuxpaint's spoken descriptions in about thirty,
 * music on hold, wesnoth's orchestra, tuxpaint's animals and machines) and synthetic noise, each
 * also with random equalising, reverberation, clipping, hiss and level, and speech over music and
 * effects at 0 to 25 dB, so that no detector could lean on the timbre of its source.
 * docs/audio-classes.md has the recipe and the measured accuracy. */
#include "analysis/audio_classify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct weight {
    float mean, deviation; /* over the training windows */
    float speech, music;   /* log odds per deviation */
};

static const struct weight weights[MD_FEATURES] = {
    [MD_FEATURE_LEVEL_SPREAD] = {0.5678f, 0.4146f, -0.245f, -1.732f},
    [MD_FEATURE_LOW_ENERGY] = {0.3591f, 0.2065f, +0.995f, +0.371f},
    [MD_FEATURE_SYLLABLES] = {0.3160f, 0.1422f, +2.306f, +0.390f},
    [MD_FEATURE_SLOW_MODULATION] = {0.5228f, 0.1885f, +1.103f, +0.418f},
    [MD_FEATURE_MODULATION] = {0.5038f, 0.2582f, +1.515f, -0.669f},
    [MD_FEATURE_FLUX] = {0.2502f, 0.0524f, +1.292f, -0.543f},
    [MD_FEATURE_FLUX_SPREAD] = {0.1107f, 0.0699f, -1.995f, +0.943f},
    [MD_FEATURE_CROSSINGS] = {0.1327f, 0.0755f, -0.471f, -0.184f},
    [MD_FEATURE_CROSSINGS_SPREAD] = {0.0662f, 0.0505f, +1.076f, +0.143f},
    [MD_FEATURE_CENTROID] = {0.3114f, 0.1512f, -0.064f, -0.555f},
    [MD_FEATURE_CENTROID_SPREAD] = {0.1433f, 0.1006f, -0.147f, -0.209f},
    [MD_FEATURE_FLATNESS] = {-1.3041f, 0.4900f, +1.172f, +0.230f},
    [MD_FEATURE_FLATNESS_SPREAD] = {0.3728f, 0.1895f, -0.099f, +0.186f},
    [MD_FEATURE_VOICED] = {0.5943f, 0.2569f, +0.497f, +0.198f},
    [MD_FEATURE_VOICING] = {0.6526f, 0.1510f, +1.225f, -0.630f},
    [MD_FEATURE_GLIDE] = {0.1172f, 0.0693f, +0.043f, +0.530f},
    [MD_FEATURE_STEADY_LINES] = {0.2912f, 0.1560f, -2.044f, +2.968f},
    [MD_FEATURE_LINES] = {1.1353f, 0.1877f, +1.145f, +0.118f},
    [MD_FEATURE_BASS] = {1.3808f, 0.7163f, +0.739f, +0.279f},
    [MD_FEATURE_TREBLE] = {-1.7279f, 0.8473f, -0.643f, +0.121f},
    [MD_FEATURE_COHERENCE] = {0.4584f, 0.1816f, -0.877f, +0.084f},
};
static const float speech_bias = 0.922f, music_bias = 0.666f;

/* Features further out are as odd as this: one freak must not outvote the others. */
static const float largest_deviation = 3;

/* Nats that a change of state costs: e^-2 against staying. Twice that removes a lone half second
 * unless its odds are better than 50 to 1. */
static const double change_cost = 2.0;

/* How far loudness is to be trusted on silence. */
static const double silence_sure = 0.97, silence_doubt = 0.01;

enum { STATES = 4 }; /* as enum md_sound */

static float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

struct md_sound_score md_sound_judge(const struct md_sound_window *window)
{
    float speech = speech_bias, music = music_bias;
    bool any = false;
    for (int i = 0; i < MD_FEATURES; i++) {
        const struct weight *w = &weights[i];
        float z = (window->features[i] - w->mean) / w->deviation;
        z = MD_CLAMP(z, -largest_deviation, largest_deviation);
        speech += z * w->speech;
        music += z * w->music;
        any |= window->features[i] != 0;
    }
    if (!any)
        return (struct md_sound_score){0};
    return (struct md_sound_score){logistic(speech), logistic(music)};
}

double md_sound_silence_lufs(double integrated_lufs)
{
    return MD_CLAMP(integrated_lufs - 35, -70.0, -50.0);
}

/* Likelihood of what was measured in each state. */
static void emission(const struct md_sound_score *score, bool silent, double out[STATES])
{
    double sound = silent ? 1 - silence_sure : 1 - silence_doubt;
    double speech = score->speech, music = score->music;
    out[MD_SOUND_SILENCE] = silent ? silence_sure : silence_doubt;
    out[MD_SOUND_SPEECH] = fmax(sound * speech, 1e-4);
    out[MD_SOUND_MUSIC] = fmax(sound * (1 - speech) * music, 1e-4);
    out[MD_SOUND_OTHER] = fmax(sound * (1 - speech) * (1 - music), 1e-4);
}

static void normalise(double v[STATES])
{
    double sum = 0;
    for (int s = 0; s < STATES; s++)
        sum += v[s];
    for (int s = 0; s < STATES; s++)
        v[s] /= sum;
}

/* One step of the chain in either direction (the transitions are symmetric). */
static void spread(const double from[STATES], double to[STATES])
{
    double change = exp(-change_cost), sum = 0;
    for (int s = 0; s < STATES; s++)
        sum += from[s];
    for (int s = 0; s < STATES; s++)
        to[s] = from[s] * (1 - change) + sum * change;
    normalise(to);
}

struct chain {
    double emission[STATES];
    double forward[STATES]; /* then: posterior, by forward and backward */
    uint8_t before[STATES]; /* best state before each */
    uint8_t state;          /* on the best path */
};

static void find_posteriors(struct chain *c, size_t n)
{
    double carried[STATES] = {0.25, 0.25, 0.25, 0.25};
    for (size_t i = 0; i < n; i++) {
        for (int s = 0; s < STATES; s++)
            c[i].forward[s] = carried[s] * c[i].emission[s];
        normalise(c[i].forward);
        spread(c[i].forward, carried);
    }
    for (int s = 0; s < STATES; s++)
        carried[s] = 1;
    for (size_t i = n; i-- > 0;) {
        double product[STATES];
        for (int s = 0; s < STATES; s++) {
            product[s] = carried[s] * c[i].emission[s];
            c[i].forward[s] *= carried[s];
        }
        normalise(c[i].forward);
        spread(product, carried);
    }
}

/* Viterbi. */
static void find_path(struct chain *c, size_t n)
{
    double best[STATES];
    for (int s = 0; s < STATES; s++)
        best[s] = log(c[0].emission[s]);
    for (size_t i = 1; i < n; i++) {
        int top = 0;
        for (int s = 1; s < STATES; s++)
            if (best[s] > best[top])
                top = s;
        double next[STATES];
        for (int s = 0; s < STATES; s++) {
            bool changes = best[top] - change_cost > best[s];
            c[i].before[s] = (uint8_t)(changes ? top : s);
            next[s] = (changes ? best[top] - change_cost : best[s]) + log(c[i].emission[s]);
        }
        memcpy(best, next, sizeof best);
    }
    int top = 0;
    for (int s = 1; s < STATES; s++)
        if (best[s] > best[top])
            top = s;
    for (size_t i = n; i-- > 0;) {
        c[i].state = (uint8_t)top;
        top = c[i].before[top];
    }
}

static int make_ranges(const struct chain *c, size_t n, int64_t window_us, int64_t duration_us,
                       struct md_sound_vec *ranges)
{
    for (size_t first = 0, i = 1; i <= n; i++) {
        if (i < n && c[i].state == c[first].state)
            continue;
        double sure = 0;
        for (size_t k = first; k < i; k++)
            sure += c[k].forward[c[k].state] / (double)(i - first);
        struct md_sound_range range = {
            .start_us = (int64_t)first * window_us,
            .end_us = i < n ? (int64_t)i * window_us : duration_us,
            .sound = c[first].state,
            .confidence = (float)sure,
        };
        if (range.end_us > range.start_us && md_vec_push(ranges, range) < 0)
            return MD_ERR_NOMEM;
        first = i;
    }
    return MD_OK;
}

int md_sound_smooth(const struct md_sound_score *scores, const float *loudness, size_t n,
                    double silence_lufs, int64_t window_us, int64_t duration_us,
                    struct md_sound_vec *ret_ranges, struct md_floats *ret_speech)
{
    if (n == 0)
        return MD_OK;
    md_autofree struct chain *c = calloc(n, sizeof *c);
    if (!c)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        emission(&scores[i], loudness[i] <= silence_lufs, c[i].emission);
    find_posteriors(c, n);
    find_path(c, n);
    if (md_vec_reserve(ret_speech, n) < 0)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        (void)md_vec_push(ret_speech, (float)c[i].forward[MD_SOUND_SPEECH]);
    return make_ranges(c, n, window_us, duration_us, ret_ranges);
}
