// The score: chords, arpeggios and one melody, the song of the lamp, which each mood plays in its
// own way. Notes are sums of decaying sines, each made by the recurrence y[n] = 2 cos(w) y[n-1] -
// y[n-2], which costs one multiplication a sample.
#include "sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum instrument { PAD, PIANO, BELL, BASS, STRINGS, DRUM };

struct timbre {
    float partials[5];     // strength of each harmonic
    float attack, release; // seconds
    float decay;           // of the first harmonic, 1/s; higher ones decay faster
    float detune;          // of a second voice, ratio - 1; 0 for none
};

static const struct timbre timbres[] = {
    [PAD] = {{1, 0.35f, 0.16f, 0.06f, 0.03f}, 0.9f, 1.4f, 0, 0.004f},
    [PIANO] = {{1, 0.5f, 0.22f, 0.12f, 0.05f}, 0.006f, 0.5f, 1.3f, 0},
    [BELL] = {{1, 0.08f, 0.03f, 0.22f, 0}, 0.004f, 1.2f, 1.7f, 0},
    [BASS] = {{1, 0.4f, 0.12f, 0, 0}, 0.02f, 0.25f, 0.5f, 0},
    [STRINGS] = {{1, 0.6f, 0.42f, 0.26f, 0.16f}, 0.07f, 0.3f, 0, 0.006f},
};

// One mood: tempo, scale and what plays.
struct style {
    float bpm;
    int tonic; // MIDI note
    int minor;
    int chords[8]; // degrees 1..7, one a bar
    float pad, bass, strings, drums;
    float arpeggio;    // strength ...
    int arpeggio_step; // ... and how many in a beat
    enum instrument arpeggio_by;
    float melody;
    enum instrument melody_by;
    int melody_octave;
    int every; // the melody plays in one of so many rounds of eight bars
};

static const struct style styles[] = {
    [JOURNEY] = {104,
                 50,
                 0,
                 {1, 5, 6, 4, 1, 5, 4, 1},
                 0.5f,
                 0.6f,
                 0,
                 0,
                 0.75f,
                 2,
                 PIANO,
                 0.55f,
                 BELL,
                 2,
                 1},
    [HOME] =
        {76, 55, 0, {1, 5, 6, 4, 1, 5, 4, 1}, 0.6f, 0.45f, 0, 0, 0.55f, 2, PIANO, 0.7f, BELL, 1, 1},
    [LETTER] =
        {58, 52, 1, {1, 6, 4, 5, 1, 6, 4, 5}, 0.7f, 0.3f, 0, 0, 0.45f, 1, PIANO, 0, PIANO, 0, 1},
    [MEMORY] =
        {66, 50, 1, {1, 6, 3, 7, 1, 6, 4, 5}, 0.45f, 0.2f, 0, 0, 0.6f, 2, BELL, 0.6f, BELL, 2, 1},
    [UNEASE] =
        {56, 45, 1, {1, 1, 6, 6, 1, 1, 4, 5}, 0.9f, 0.5f, 0.18f, 0, 0.2f, 1, PIANO, 0, PIANO, 0, 1},
    [PERIL] = {112,
               45,
               1,
               {1, 1, 6, 5, 1, 1, 4, 5},
               0.5f,
               0.9f,
               0.5f,
               0.5f,
               0.3f,
               2,
               PIANO,
               0,
               PIANO,
               0,
               1},
    [STORM] = {138,
               50,
               1,
               {1, 1, 6, 6, 4, 4, 5, 5},
               0.4f,
               1,
               0.75f,
               1,
               0.45f,
               4,
               PIANO,
               0.3f,
               STRINGS,
               1,
               1},
    [GIFT] =
        {54, 55, 0, {1, 5, 6, 4, 1, 5, 4, 1}, 0.8f, 0.2f, 0, 0, 0.25f, 1, PIANO, 0.8f, BELL, 1, 1},
    [TRIUMPH] = {92,
                 55,
                 0,
                 {1, 5, 6, 4, 1, 5, 4, 1},
                 1,
                 0.9f,
                 0.6f,
                 0.6f,
                 0.8f,
                 4,
                 PIANO,
                 0.9f,
                 STRINGS,
                 1,
                 1},
    [DAWN] = {60,
              55,
              0,
              {6, 4, 1, 5, 6, 4, 1, 5},
              0.8f,
              0.25f,
              0,
              0,
              0.35f,
              1,
              BELL,
              0.35f,
              PIANO,
              1,
              1},
    [FINALE] =
        {80,
         55,
         0,
         {1, 5, 6, 4, 1, 5, 4, 1},
         0.85f,
         0.6f,
         0.3f,
         0.15f,
         0.75f,
         2,
         PIANO,
         0.8f,
         BELL,
         1,
         1},
};

// The song of the lamp: eight bars of scale degrees (8 = the octave) with their lengths in beats.
struct tune_note {
    int bar, degree;
    float at, beats;
};
static const struct tune_note tune[] = {
    {0, 5, 0, 1},     {0, 8, 1, 1},       {0, 9, 2, 1},  {0, 10, 3, 1}, {1, 9, 0, 2},  {1, 5, 2, 2},
    {2, 8, 0, 1},     {2, 9, 1, 1},       {2, 10, 2, 1}, {2, 12, 3, 1}, {3, 11, 0, 1}, {3, 8, 1, 3},
    {4, 10, 0, 1.5f}, {4, 9, 1.5f, 0.5f}, {4, 8, 2, 2},  {5, 7, 0, 1},  {5, 8, 1, 1},  {5, 9, 2, 2},
    {6, 8, 0, 1},     {6, 6, 1, 1},       {6, 4, 2, 2},  {7, 8, 0, 4}};

static float pitch(const struct style *s, int degree)
{
    static const int major[] = {0, 2, 4, 5, 7, 9, 11}, minor[] = {0, 2, 3, 5, 7, 8, 10};
    int d = degree - 1, octave = d >= 0 ? d / 7 : -1;
    d -= octave * 7;
    int note = s->tonic + octave * 12 + (s->minor ? minor : major)[d];
    return 440 * powf(2, (note - 69) / 12.0f);
}

static void partial(float *l, float *r, int64_t n, float freq, float left, float right, float decay)
{
    double w = 2 * 3.141592653589793 * freq / SPEECH_RATE, k = 2 * cos(w),
           d = exp(-decay / SPEECH_RATE);
    double a = -sin(w), b = 0; // y[-1], y[0]
    // The decay is folded into the recurrence: y[n] = d k y[n-1] - d^2 y[n-2].
    double dk = d * k, dd = d * d;
    a /= d;
    for (int64_t i = 0; i < n; i++) {
        double y = dk * b - dd * a;
        a = b;
        b = y;
        l[i] += left * (float)y;
        r[i] += right * (float)y;
    }
}

// A stretch of buffer to build a note in before its envelope is applied.
struct desk {
    float *l, *r;
    int64_t n;
};

static void note(struct stereo *out, struct desk *d, double at, float seconds, float freq,
                 float gain, float pan, enum instrument who)
{
    const struct timbre *t = &timbres[who];
    int64_t from = (int64_t)(at * SPEECH_RATE), n = (int64_t)((seconds + t->release) * SPEECH_RATE);
    if (n > d->n)
        n = d->n;
    if (from + n > out->n)
        n = out->n - from;
    if (from < 0 || n <= 0)
        return;
    memset(d->l, 0, (size_t)n * sizeof *d->l);
    memset(d->r, 0, (size_t)n * sizeof *d->r);
    for (int i = 0; i < 5; i++) {
        float f = freq * (i + 1), g = gain * t->partials[i];
        if (g < 0.001f || f > 9000)
            continue;
        float decay = t->decay * (1 + 0.55f * i), left = g * (1 - pan) * 0.5f,
              right = g * (1 + pan) * 0.5f;
        partial(d->l, d->r, n, f, left, right, decay);
        if (t->detune > 0 && i < 3)
            partial(d->l, d->r, n, f * (1 + t->detune), right * 0.7f, left * 0.7f, decay);
    }
    int64_t attack = (int64_t)(t->attack * SPEECH_RATE),
            release = (int64_t)(t->release * SPEECH_RATE);
    for (int64_t i = 0; i < n; i++) {
        float e = i < attack ? (float)i / attack : 1, left = (float)(n - i) / release;
        e *= left < 1 ? left * left : 1;
        out->l[from + i] += d->l[i] * e;
        out->r[from + i] += d->r[i] * e;
    }
}

static void drum(struct stereo *out, double at, float gain)
{
    int64_t from = (int64_t)(at * SPEECH_RATE), n = SPEECH_RATE / 2;
    float phase = 0;
    for (int64_t i = 0; i < n && from + i < out->n; i++) {
        float u = (float)i / n, e = expf(-7 * u) * (i < 60 ? i / 60.0f : 1);
        phase += 2 * CV_PI * (46 + 70 * expf(-24 * u)) / SPEECH_RATE;
        float y =
            gain * e * (sinf(phase) + 0.12f * (cv_hash((uint32_t)i, 5) - 0.5f) * expf(-30 * u));
        out->l[from + i] += y;
        out->r[from + i] += y;
    }
}

static void play_bar(struct stereo *out, struct desk *d, const struct style *s, int bar, double at,
                     float beat)
{
    int root = s->chords[bar & 7];
    float length = 4 * beat;
    for (int i = 0; i < 3 && s->pad > 0; i++)
        note(out, d, at, length * 0.92f, pitch(s, root + 2 * i), 0.05f * s->pad, (i - 1) * 0.5f,
             PAD);
    if (s->bass > 0)
        for (int i = 0; i < (s->bpm > 100 ? 8 : 2); i++) {
            float step = s->bpm > 100 ? 0.5f : 2;
            note(out, d, at + i * step * beat, step * beat * 0.7f,
                 pitch(s, root - 7) / (s->tonic > 52 ? 2 : 1), 0.11f * s->bass * (i & 1 ? 0.7f : 1),
                 0, BASS);
        }
    if (s->strings > 0)
        for (int i = 0; i < 3; i++)
            note(out, d, at, length * 0.85f,
                 pitch(s, root + 2 * i) * (s->bpm > 100 && i == 2 ? 2 : 1), 0.022f * s->strings,
                 (i - 1) * 0.8f, STRINGS);
    for (int i = 0; s->arpeggio > 0 && i < 4 * s->arpeggio_step; i++) {
        static const int shape[] = {0, 2, 4, 7, 4, 2, 4, 2};
        float step = beat / s->arpeggio_step, accent = i % (2 * s->arpeggio_step) ? 0.75f : 1;
        note(out, d, at + i * step, fmaxf(step * 1.5f, 0.3f), pitch(s, root + 7 + shape[i & 7]),
             0.055f * s->arpeggio * accent, i & 1 ? 0.45f : -0.45f, s->arpeggio_by);
    }
    for (int i = 0; s->drums > 0 && i < 4; i++) {
        drum(out, at + i * beat, 0.32f * s->drums * (i & 1 ? 0.55f : 1));
        if (s->bpm > 120)
            drum(out, at + (i + 0.5) * beat, 0.15f * s->drums);
    }
    for (int i = 0; s->melody > 0 && i < (int)(sizeof tune / sizeof tune[0]); i++)
        if (tune[i].bar == (bar & 7))
            note(out, d, at + tune[i].at * beat, tune[i].beats * beat * 0.95f,
                 pitch(s, tune[i].degree + 7 * s->melody_octave),
                 (s->melody_by == STRINGS ? 0.055f : 0.09f) * s->melody, 0.15f, s->melody_by);
}

// Plays one mood from frame a to frame b and fades it at both ends.
static void play_cue(struct stereo *out, struct desk *d, struct stereo *bus, int mood, int a, int b,
                     int hushed)
{
    const struct style *s = &styles[mood];
    double from = (double)a / FILM_FPS, to = (double)b / FILM_FPS;
    float beat = 60 / s->bpm, out_s = hushed ? 0.4f : 1.6f;
    int64_t first = (int64_t)(from * SPEECH_RATE),
            n = (int64_t)((to - from + (hushed ? 0 : 1.2)) * SPEECH_RATE);
    if (first + n > out->n)
        n = out->n - first;
    struct stereo part = {bus->l, bus->r, n};
    memset(bus->l, 0, (size_t)n * sizeof *bus->l);
    memset(bus->r, 0, (size_t)n * sizeof *bus->r);
    for (int bar = 0; bar * 4 * beat < to - from; bar++)
        play_bar(&part, d, s, bar, bar * 4 * beat + 0.05, beat);
    int64_t in = (int64_t)(0.25f * SPEECH_RATE), fade = (int64_t)(out_s * SPEECH_RATE);
    for (int64_t i = 0; i < n; i++) {
        float e = i < in ? (float)i / in : 1, left = (float)(n - i) / fade;
        e *= left < 1 ? left : 1;
        out->l[first + i] += part.l[i] * e;
        out->r[first + i] += part.r[i] * e;
    }
}

// Four combs a side make a hall of the dry sound, fed by what plays and cut off where nothing is to
// sound.
static void hall(struct stereo *s, int frame_a, int frame_b)
{
    static const int delays[2][4] = {{1687, 1931, 2213, 2503}, {1721, 1993, 2153, 2591}};
    int64_t a = (int64_t)frame_a * (SPEECH_RATE / FILM_FPS),
            b = (int64_t)frame_b * (SPEECH_RATE / FILM_FPS);
    for (int side = 0; side < 2; side++) {
        float *x = side ? s->r : s->l, *line[4];
        int at[4] = {0};
        float damp[4] = {0};
        for (int k = 0; k < 4; k++)
            line[k] = calloc(delays[side][k], sizeof **line);
        for (int64_t i = a; i < b && i < s->n && line[0] && line[1] && line[2] && line[3]; i++) {
            float wet = 0;
            for (int k = 0; k < 4; k++) {
                float y = line[k][at[k]];
                damp[k] += 0.55f * (y - damp[k]);
                line[k][at[k]] = x[i] * 0.22f + damp[k] * 0.79f;
                at[k] = at[k] + 1 == delays[side][k] ? 0 : at[k] + 1;
                wet += y;
            }
            x[i] += wet * 0.55f * fminf(1, (float)(b - i) / (0.4f * SPEECH_RATE));
        }
        for (int k = 0; k < 4; k++)
            free(line[k]);
    }
}

void music_play(const struct timeline *t, struct stereo *out)
{
    struct desk d = {.n = SPEECH_RATE * 9};
    struct stereo bus = {.n = out->n};
    d.l = malloc((size_t)d.n * sizeof *d.l);
    d.r = malloc((size_t)d.n * sizeof *d.r);
    bus.l = malloc((size_t)bus.n * sizeof *bus.l);
    bus.r = malloc((size_t)bus.n * sizeof *bus.r);
    int mood = HUSH, since = 0, sounding = 0;
    for (int i = 0; d.l && d.r && bus.l && bus.r && i <= t->n_shots; i++) {
        int next = i < t->n_shots ? (int)t->shots[i].shot->mood : HUSH;
        if (i < t->n_shots && (next == SAME || next == mood))
            continue;
        int at = i < t->n_shots ? t->shots[i].start : t->n_frames;
        if (mood != HUSH)
            play_cue(out, &d, &bus, mood, since, at, next == HUSH);
        if (mood != HUSH && next == HUSH)
            hall(out, sounding, at + FILM_FPS / 3);
        if (mood == HUSH)
            sounding = at;
        mood = next;
        since = at;
    }
    free(d.l);
    free(d.r);
    free(bus.l);
    free(bus.r);
}
