// A shot lasts as long as the table says, or longer when its lines need it, and the lines' lengths
// come from the synthesized speech. Everything else, from mouths to truth tables, follows from the
// layout.
#include "timeline.h"

#include "scenes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BRIEF_S 3.0f  // the longest that a shot of the short film lasts without words
#define LEAD_S  0.2f  // from the start of a shot to its first word
#define PAUSE_S 0.28f // between two lines
#define TAIL_S  0.3f  // after the last word

static int overlaps(const struct shot *s)
{
    return s->in == DISSOLVE || s->in == WIPE;
}

int tl_fade_half(const struct shot *s)
{
    return s->in == FADE_BLACK || s->in == FADE_WHITE ? s->in_frames / 2 : 0;
}

int tl_line_number(int shot, int line)
{
    return shot * FILM_MAX_LINES + line;
}

float tl_flash(const struct tl_shot *s, int frame)
{
    static const float level[FLASH_FRAMES] = {1, 0.85f, 0.4f};
    for (int i = 0; i < 2; i++) {
        int k = frame - s->start - (int)(s->shot->flash[i] * FILM_FPS);
        if (s->shot->flash[i] > 0 && k >= 0 && k < FLASH_FRAMES)
            return level[k];
    }
    return 0;
}

static int add_lines(struct timeline *t, const char *dir, int index, float from, float *cursor)
{
    const struct shot *s = &film_shots[index];
    for (int i = 0; i < FILM_MAX_LINES && s->lines[i].text; i++) {
        const struct line *l = &s->lines[i];
        struct tl_line *k = &t->lines[t->n_lines];
        char path[4096];
        snprintf(path, sizeof path, "%s/line-%03d.wav", dir, tl_line_number(index, i));
        *k = (struct tl_line){.line = l, .text = l->text, .who = l->who};
        if (speech_load(&k->speech, path, l->who, l->radio) < 0)
            return -1;
        t->n_lines++;
        float start = fmaxf(from + LEAD_S, *cursor + PAUSE_S) + l->wait;
        k->start = (int64_t)(start * SPEECH_RATE);
        k->length = k->speech.n;
        *cursor = start + (float)k->length / SPEECH_RATE;
    }
    return 0;
}

static const struct shot *next_shot(int i, int brief)
{
    for (i++; i < film_n_shots; i++)
        if (!brief || film_shots[i].brief)
            return &film_shots[i];
    return NULL;
}

static int lay_out(struct timeline *t, const char *dir, int brief)
{
    int at = 0;
    float cursor = -1;
    for (int i = 0; i < film_n_shots; i++) {
        const struct shot *s = &film_shots[i];
        if (brief && !s->brief)
            continue;
        struct tl_shot *k = &t->shots[t->n_shots];
        k->shot = s;
        k->start = overlaps(s) && t->n_shots ? at - s->in_frames : at;
        int clear = k->start + (overlaps(s) ? s->in_frames : tl_fade_half(s));
        float seconds = brief ? fminf(s->seconds, BRIEF_S) : s->seconds;
        if (s->draw == sc_credits)
            seconds = sc_credits_seconds(brief);
        int until = clear + (int)lroundf(seconds * FILM_FPS), before = t->n_lines;
        if (add_lines(t, dir, i, (float)clear / FILM_FPS, &cursor) < 0)
            return -1;
        if (t->n_lines > before && until < (cursor + TAIL_S) * FILM_FPS)
            until = (int)ceilf((cursor + TAIL_S) * FILM_FPS);
        const struct shot *next = next_shot(i, brief);
        if (next)
            until += overlaps(next) ? next->in_frames : tl_fade_half(next);
        k->end = at = until;
        t->n_shots++;
    }
    t->n_frames = at;
    return 0;
}

static float chapter_start(const struct timeline *t, const char *name, float *ret_length)
{
    float start = -1;
    int end = t->n_frames;
    for (int i = 0; i < t->n_shots; i++) {
        const char *c = t->shots[i].shot->chapter;
        if (c && start >= 0) {
            end = t->shots[i].start;
            break;
        }
        if (c && !strcmp(c, name))
            start = (float)t->shots[i].start / FILM_FPS;
    }
    *ret_length = (float)end / FILM_FPS - start;
    return start;
}

static int lay_out_remarks(struct timeline *t, const char *dir)
{
    float cursor = 0;
    for (int i = 0; i < film_n_remarks; i++) {
        const struct remark *r = &film_remarks[i];
        struct tl_line *k = &t->remarks[t->n_remarks];
        float length, start = chapter_start(t, r->chapter, &length);
        if (start < 0)
            continue; // a short film has not every chapter
        char path[4096];
        snprintf(path, sizeof path, "%s/remark-%02d.wav", dir, i);
        *k = (struct tl_line){.text = r->text, .who = COMMENTATOR};
        if (speech_load(&k->speech, path, COMMENTATOR, 0) < 0)
            return -1;
        float at = fmaxf(start + r->at, cursor + 1), len = (float)k->speech.n / SPEECH_RATE;
        if (at + len > start + length) {
            speech_free(&k->speech);
            continue;
        }
        k->start = (int64_t)(at * SPEECH_RATE);
        k->length = k->speech.n;
        cursor = at + len;
        t->n_remarks++;
    }
    return 0;
}

// How far the mouth is open follows the loudness of the voice, frame by frame.
static void move_mouths(struct timeline *t)
{
    const int per_frame = SPEECH_RATE / FILM_FPS;
    for (int i = 0; i < t->n_lines; i++) {
        const struct tl_line *l = &t->lines[i];
        for (int64_t f = l->start / per_frame;
             f * per_frame < l->start + l->length && f < t->n_frames; f++) {
            float sum = 0;
            int n = 0;
            for (int64_t s = f * per_frame - l->start; s < (f + 1) * per_frame - l->start; s += 4)
                if (s >= 0 && s < l->length) {
                    sum += l->speech.samples[s] * l->speech.samples[s];
                    n++;
                }
            float level = n ? sqrtf(sum / n) * 3.6f : 0;
            t->mouth[f] = (uint8_t)(255 * cv_clamp(level, 0, 1));
            t->talker[f] = (uint8_t)l->who;
        }
    }
    for (int f = t->n_frames - 1; f > 0; f--) // lips are not that quick
        t->mouth[f] = (uint8_t)((t->mouth[f] * 2 + t->mouth[f - 1]) / 3);
}

int tl_new(struct timeline *t, const char *dir, int brief)
{
    *t = (struct timeline){0};
    t->shots = calloc(film_n_shots, sizeof *t->shots);
    t->lines = calloc((size_t)film_n_shots * FILM_MAX_LINES, sizeof *t->lines);
    t->remarks = calloc(film_n_remarks, sizeof *t->remarks);
    if (!t->shots || !t->lines || !t->remarks || lay_out(t, dir, brief) < 0)
        goto fail;
    if (lay_out_remarks(t, dir) < 0)
        goto fail;
    t->mouth = calloc(t->n_frames, 1);
    t->talker = calloc(t->n_frames, 1);
    if (!t->mouth || !t->talker)
        goto fail;
    move_mouths(t);
    return 0;
fail:
    tl_free(t);
    return -1;
}

void tl_free(struct timeline *t)
{
    for (int i = 0; t->lines && i < t->n_lines; i++)
        speech_free(&t->lines[i].speech);
    for (int i = 0; t->remarks && i < t->n_remarks; i++)
        speech_free(&t->remarks[i].speech);
    free(t->shots);
    free(t->lines);
    free(t->remarks);
    free(t->mouth);
    free(t->talker);
    *t = (struct timeline){0};
}
