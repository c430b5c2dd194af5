// The mix. Music and weather step back under speech; a soft limiter keeps thunder from clipping.
#include "sound.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUCK_BLOCK 480 // 10 ms
#define DUCKED     0.42f
#define COMMENTED  0.16f // the film under the commentary ...
#define COMMENTARY 0.6f  // ... and between the remarks

// A gain that glides down before each line and up again after it.
static float *glide(const struct tl_line *lines, int n_lines, int64_t n, float low, float high)
{
    int64_t blocks = n / DUCK_BLOCK + 2;
    float *g = malloc((size_t)blocks * sizeof *g);
    if (!g)
        return NULL;
    for (int64_t i = 0; i < blocks; i++)
        g[i] = high;
    for (int i = 0; i < n_lines; i++)
        for (int64_t b = lines[i].start / DUCK_BLOCK;
             b <= (lines[i].start + lines[i].length) / DUCK_BLOCK && b < blocks; b++)
            g[b] = low;
    for (int64_t i = 1; i < blocks; i++) // half a second up
        g[i] = fminf(g[i], g[i - 1] + (high - low) / 50);
    for (int64_t i = blocks - 2; i >= 0; i--) // a fifth of a second down, ahead of the voice
        g[i] = fminf(g[i], g[i + 1] + (high - low) / 20);
    return g;
}

static float gain_at(const float *g, int64_t i)
{
    int64_t b = i / DUCK_BLOCK;
    float u = (float)(i % DUCK_BLOCK) / DUCK_BLOCK;
    return g[b] + (g[b + 1] - g[b]) * u;
}

static void voices(struct stereo *s, const struct tl_line *lines, int n)
{
    for (int i = 0; i < n; i++)
        for (int64_t k = 0; k < lines[i].length && lines[i].start + k < s->n; k++) {
            s->l[lines[i].start + k] += lines[i].speech.samples[k];
            s->r[lines[i].start + k] += lines[i].speech.samples[k];
        }
}

// Straight up to 0.7, then bent so that nothing passes 1.
static float limit(float v)
{
    float a = fabsf(v);
    return a < 0.7f ? v : copysignf(0.7f + 0.3f * tanhf((a - 0.7f) / 0.3f), v);
}

static void put(uint8_t *p, uint32_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static FILE *wav_create(const char *dir, const char *name, int channels, int64_t n)
{
    char path[4096];
    uint8_t h[44] = "RIFF....WAVEfmt ";
    uint32_t bytes = (uint32_t)(n * channels * 2);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    put(h + 4, bytes + 36, 4);
    put(h + 16, 16, 4);
    put(h + 20, 1, 2);
    put(h + 22, channels, 2);
    put(h + 24, SPEECH_RATE, 4);
    put(h + 28, SPEECH_RATE * channels * 2, 4);
    put(h + 32, channels * 2, 2);
    put(h + 34, 16, 2);
    memcpy(h + 36, "data", 4);
    put(h + 40, bytes, 4);
    FILE *f = fopen(path, "wb");
    if (f && fwrite(h, 1, 44, f) != 44) {
        fclose(f);
        return NULL;
    }
    return f;
}

static int wav_write(const struct stereo *s, const char *dir, const char *name, int channels)
{
    enum { CHUNK = 4096 };
    int16_t out[CHUNK * 2];
    FILE *f = wav_create(dir, name, channels, s->n);
    if (!f)
        return -1;
    int bad = 0;
    for (int64_t at = 0; at < s->n; at += CHUNK) {
        int n = (int)(s->n - at < CHUNK ? s->n - at : CHUNK);
        for (int i = 0; i < n; i++) {
            float l = s->l[at + i], r = s->r[at + i];
            if (channels == 1) {
                out[i] = (int16_t)lrintf(32000 * limit((l + r) / 2));
            } else {
                out[2 * i] = (int16_t)lrintf(32000 * limit(l));
                out[2 * i + 1] = (int16_t)lrintf(32000 * limit(r));
            }
        }
        bad |= fwrite(out, 2 * channels, n, f) != (size_t)n;
    }
    return fclose(f) || bad ? -1 : 0;
}

int sound_write(const struct timeline *t, const char *dir)
{
    struct stereo s = {.n = (int64_t)t->n_frames * (SPEECH_RATE / FILM_FPS)};
    s.l = calloc((size_t)s.n, sizeof *s.l);
    s.r = calloc((size_t)s.n, sizeof *s.r);
    float *duck = glide(t->lines, t->n_lines, s.n, DUCKED, 1);
    float *comment = glide(t->remarks, t->n_remarks, s.n, COMMENTED, COMMENTARY);
    int rc = -1;
    if (!s.l || !s.r || !duck || !comment)
        goto out;
    music_play(t, &s);
    noises_play(t, &s);
    for (int64_t i = 0; i < s.n; i++) {
        float g = gain_at(duck, i);
        s.l[i] *= g;
        s.r[i] *= g;
    }
    voices(&s, t->lines, t->n_lines);
    if (wav_write(&s, dir, "main.wav", 2) < 0)
        goto out;
    for (int64_t i = 0; i < s.n; i++) {
        float g = gain_at(comment, i);
        s.l[i] *= g;
        s.r[i] *= g;
    }
    voices(&s, t->remarks, t->n_remarks);
    rc = wav_write(&s, dir, "commentary.wav", 1);
out:
    if (rc < 0)
        fprintf(stderr, "make-sample: the sound could not be written to %s\n", dir);
    free(s.l);
    free(s.r);
    free(duck);
    free(comment);
    return rc;
}
