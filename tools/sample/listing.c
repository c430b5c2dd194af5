// The text files that go with the film: truth about shots, scenes and sound, subtitles, chapters.
#include "timeline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CUE_LINE 42 // letters a subtitle line holds, and a cue has two

static FILE *create(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f)
        perror(path);
    return f;
}

static int finish(FILE *f)
{
    int bad = ferror(f);
    return fclose(f) || bad ? -1 : 0;
}

static int write_truth(const struct timeline *t, const char *dir)
{
    static const char *names[] = {"cut", "dissolve", "fade_black", "fade_white", "wipe"};
    FILE *f = create(dir, "truth.csv");
    if (!f)
        return -1;
    fprintf(f, "type,start_frame,end_frame\n");
    for (int i = 1; i < t->n_shots; i++) {
        const struct tl_shot *k = &t->shots[i];
        int half = tl_fade_half(k->shot), first = k->start - half,
            last = k->start + k->shot->in_frames - half - 1;
        fprintf(f, "%s,%d,%d\n", names[k->shot->in], first, k->shot->in == CUT ? first : last);
    }
    // Things that look like boundaries and are none.
    if (tl_fade_half(t->shots[0].shot))
        fprintf(f, "neg_fade,0,%d\n", tl_fade_half(t->shots[0].shot) - 1);
    for (int i = 0; i < t->n_shots; i++)
        for (int j = 0; j < 2; j++)
            if (t->shots[i].shot->flash[j] > 0) {
                int at = t->shots[i].start + (int)(t->shots[i].shot->flash[j] * FILM_FPS);
                fprintf(f, "neg_flash,%d,%d\n", at, at + FLASH_FRAMES - 1);
            }
    fprintf(f, "neg_fade,%d,%d\n", t->n_frames - END_FADE_FRAMES, t->n_frames - 1);
    return finish(f);
}

// Calls back for each chapter or scene with its first frame and the first frame after it. A mark on
// a shot that the short film leaves out counts for the next one that it has.
struct mark {
    const char *name, *kind;
    int start, end;
};

static int collect(const struct timeline *t, struct mark *out, int max, int chapters)
{
    int n = 0, shot = 0;
    const char *name = NULL, *kind = NULL;
    for (int i = 0; i < film_n_shots && shot < t->n_shots; i++) {
        const struct shot *s = &film_shots[i];
        const char *mine = chapters ? s->chapter : s->scene;
        if (mine) {
            name = mine;
            kind = s->kind ? s->kind : "story";
        }
        if (t->shots[shot].shot != s)
            continue;
        if (name && n < max) {
            if (n)
                out[n - 1].end = t->shots[shot].start;
            out[n++] = (struct mark){name, kind, t->shots[shot].start, t->n_frames};
            name = NULL;
        }
        shot++;
    }
    return n;
}

static int write_scenes(const struct timeline *t, const char *dir)
{
    struct mark m[64];
    int n = collect(t, m, 64, 0);
    FILE *f = create(dir, "scenes.csv");
    if (!f)
        return -1;
    fprintf(f, "name,start_sec,end_sec,kind\n");
    for (int i = 0; i < n; i++)
        fprintf(f, "%s,%.3f,%.3f,%s\n", m[i].name, (double)m[i].start / FILM_FPS,
                (double)m[i].end / FILM_FPS, m[i].kind);
    return finish(f);
}

static int write_chapters(const struct timeline *t, const char *dir, int brief)
{
    struct mark m[64];
    int n = collect(t, m, 64, 1);
    FILE *f = create(dir, "chapters.txt");
    if (!f)
        return -1;
    fprintf(f, ";FFMETADATA1\ntitle=The Lamp at Gull Rock%s\n", brief ? " (short)" : "");
    fprintf(f, "comment=Drawn\\, spoken and composed by tools/make-sample of MovieDigest\n");
    for (int i = 0; i < n; i++)
        fprintf(f, "[CHAPTER]\nTIMEBASE=1/%d\nSTART=%d\nEND=%d\ntitle=%s\n", FILM_FPS, m[i].start,
                m[i].end, m[i].name);
    return finish(f);
}

static void stamp(FILE *f, int64_t sample)
{
    int64_t ms = sample * 1000 / SPEECH_RATE;
    fprintf(f, "%02d:%02d:%02d,%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
            (int)(ms / 1000 % 60), (int)(ms % 1000));
}

// Where to break a text of n letters: after the word, preferably the sentence, nearest to want.
static int break_at(const char *text, int n, int want, int most)
{
    int best = n, best_cost = 1 << 30;
    for (int i = 1; i < n && i <= most; i++) {
        if (text[i] != ' ')
            continue;
        int cost = (i > want ? i - want : want - i) - (strchr(".!?", text[i - 1]) ? 14
                                                       : strchr(",", text[i - 1]) ? 5
                                                                                  : 0);
        if (cost < best_cost) {
            best_cost = cost;
            best = i;
        }
    }
    return best;
}

static void cue(FILE *f, int number, const char *text, int n, int64_t from, int64_t to, int italic)
{
    fprintf(f, "%d\n", number);
    stamp(f, from);
    fprintf(f, " --> ");
    stamp(f, to);
    int cut = n > CUE_LINE ? break_at(text, n, n / 2, CUE_LINE + 8) : n;
    fprintf(f, "\n%s%.*s", italic ? "<i>" : "", cut, text);
    if (cut < n)
        fprintf(f, "\n%.*s", n - cut - 1, text + cut + 1);
    fprintf(f, "%s\n\n", italic ? "</i>" : "");
}

static int write_subtitles(const struct timeline *t, const char *dir)
{
    FILE *f = create(dir, "subtitles.srt");
    if (!f)
        return -1;
    int number = 1;
    for (int i = 0; i < t->n_lines; i++) {
        const struct tl_line *l = &t->lines[i];
        const char *text = l->text;
        int left = (int)strlen(text), all = left, italic = l->who == NARRATOR || l->line->radio;
        int64_t at = l->start, end = l->start + l->length;
        while (left > 0) { // a long line becomes several cues, timed by their share of letters
            int n =
                left > 2 * CUE_LINE
                    ? break_at(text, left, left / (1 + (left - 1) / (2 * CUE_LINE)), 2 * CUE_LINE)
                    : left;
            int64_t to = n == left ? end : at + l->length * n / all;
            cue(f, number++, text, n, at, to, italic);
            at = to;
            text += n + 1;
            left -= n + 1;
        }
    }
    return finish(f);
}

static void span(FILE *f, const char *kind, double from, double to)
{
    fprintf(f, "%s,%.3f,%.3f\n", kind, from, to);
}

static int write_audio(const struct timeline *t, const char *dir)
{
    FILE *f = create(dir, "audio.csv");
    if (!f)
        return -1;
    fprintf(f, "kind,start_sec,end_sec\n");
    for (int i = 0; i < t->n_lines; i++)
        span(f, "speech", (double)t->lines[i].start / SPEECH_RATE,
             (double)(t->lines[i].start + t->lines[i].length) / SPEECH_RATE);
    int music = -1, mood = HUSH, silent = -1;
    for (int i = 0; i <= t->n_shots; i++) {
        const struct shot *s = i < t->n_shots ? t->shots[i].shot : NULL;
        int at = s ? t->shots[i].start : t->n_frames, was = mood;
        mood = !s ? HUSH : s->mood == SAME ? mood : (int)s->mood;
        if (mood != HUSH && music < 0)
            music = at;
        if (mood == HUSH && music >= 0) {
            span(f, "music", (double)music / FILM_FPS, (double)at / FILM_FPS);
            music = -1;
        }
        int quiet = s && mood == HUSH && s->ambience == AMB_NONE && s->effect == FX_NONE &&
                    !s->lines[0].text;
        if (quiet && silent < 0)
            silent = at + (was != HUSH ? FILM_FPS / 2 : 0); // the music's end dies away
        if (!quiet && silent >= 0) {
            span(f, "silence", (double)silent / FILM_FPS, (double)at / FILM_FPS);
            silent = -1;
        }
    }
    return finish(f);
}

int tl_write(const struct timeline *t, const char *dir, int brief)
{
    if (write_truth(t, dir) < 0 || write_scenes(t, dir) < 0 || write_chapters(t, dir, brief) < 0)
        return -1;
    return write_subtitles(t, dir) < 0 || write_audio(t, dir) < 0 ? -1 : 0;
}
