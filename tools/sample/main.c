// sample: draws, times and scores the sample film. tools/make-sample calls it with
//   lines [--short]        the lines to be spoken: file name, voice and text, a tab between them
//   captions WIDTH FILE    an FFmpeg filter script that draws all captions
//   plan DIR [--short]     truth, scenes, subtitles and chapters, once DIR has the spoken lines
//   sound DIR [--short]    main.wav and commentary.wav
//   frames DIR [--short]   the picture, raw yuv420p on standard output
//   stills DIR OUT [--short]  one PPM of the middle of each shot
#include "output.h"
#include "sound.h"
#include "text.h"
#include "timeline.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH     960
#define HEIGHT    540
#define WORKERS   2
#define SLOTS     8 // finished frames waiting for the encoder
#define LETTERBOX ((HEIGHT - (int)(WIDTH / 2.39)) / 2 & ~1)

struct studio {
    struct timeline time;
    struct output output;
    struct text_strip text;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // Guarded by lock:
    int next, written, failed;
    int ready[SLOTS]; // the frame a slot holds, -1 for none
    uint8_t *slots[SLOTS];
};

static struct camera shaken(const struct shot *s, float u, float t, int frame)
{
    struct camera from = s->from.zoom > 0 ? s->from : (struct camera){800, 450, 1, 0};
    struct camera to = s->to.zoom > 0 ? s->to : from;
    struct camera cam = sh_between(&from, &to, cv_ease(u));
    if (s->shake > 0) {
        cam.zoom *= 1 + s->shake * 0.004f; // so that the borders stay out of sight
        cam.x += s->shake * 2.4f * (cv_noise(t * 7, 201) - 0.5f);
        cam.y += s->shake * 2.4f * (cv_noise(t * 8, 202) - 0.5f);
        cam.roll += s->shake * 0.0022f * (cv_noise(t * 5, 203) - 0.5f);
    }
    (void)frame;
    return cam;
}

static void draw(const struct studio *st, struct canvas *c, const struct tl_shot *k, int frame)
{
    struct view v = {.shot = k->shot, .text = &st->text};
    v.t = (float)(frame - k->start) / FILM_FPS;
    v.length = (float)(k->end - k->start) / FILM_FPS;
    v.u = v.t / v.length;
    v.film = (float)frame / FILM_FPS;
    v.cam = shaken(k->shot, v.u, v.t, frame);
    v.flash = tl_flash(k, frame);
    v.talker = st->time.talker[frame];
    v.level = st->time.mouth[frame] / 255.0f;
    cv_reset(c);
    k->shot->draw(c, &v);
}

static int shot_at(const struct timeline *t, int frame)
{
    int i = t->n_shots - 1;
    while (i > 0 && t->shots[i].start > frame)
        i--;
    return i;
}

static void fades(const struct timeline *t, int i, int frame, struct look *l)
{
    const struct tl_shot *k = &t->shots[i];
    int half = tl_fade_half(k->shot), since = frame - k->start;
    if (half && since < half)
        *(k->shot->in == FADE_BLACK ? &l->black : &l->white) = 1 - (float)(since + 1) / (half + 1);
    if (i + 1 < t->n_shots) {
        int next = tl_fade_half(t->shots[i + 1].shot), left = k->end - frame;
        if (next && left <= next)
            *(t->shots[i + 1].shot->in == FADE_BLACK ? &l->black : &l->white) =
                1 - (float)left / (next + 1);
    } else if (k->end - frame <= END_FADE_FRAMES) {
        l->black = 1 - (float)(k->end - frame - 1) / END_FADE_FRAMES;
    }
}

// Draws one frame with its transition and what happens to the whole picture.
static void compose(const struct studio *st, struct canvas *a, struct canvas *b, int frame,
                    struct look *l)
{
    const struct timeline *t = &st->time;
    int i = shot_at(t, frame);
    const struct tl_shot *k = &t->shots[i];
    const struct shot *s = k->shot;
    int mixing = (s->in == DISSOLVE || s->in == WIPE) && i > 0 && frame < t->shots[i - 1].end;
    *l = (struct look){0};
    l->sepia = s->sepia ? 0.85f : 0;
    l->letterbox = s->letterbox ? LETTERBOX : 0;
    if (mixing) {
        const struct tl_shot *old = k - 1;
        float u = (float)(frame - k->start + 1) / (s->in_frames + 1);
        draw(st, a, old, frame);
        draw(st, b, k, frame);
        if (s->in == WIPE)
            output_wipe(a, b, u);
        else
            output_mix(a, b, u);
        l->sepia = cv_lerp(old->shot->sepia ? 0.85f : 0, l->sepia, u);
        l->letterbox = (int)cv_lerp(old->shot->letterbox ? LETTERBOX : 0, l->letterbox, u) & ~1;
        return;
    }
    draw(st, a, k, frame);
    fades(t, i, frame, l);
    l->white = fmaxf(l->white, tl_flash(k, frame) * 0.62f);
}

static void *worker(void *arg)
{
    struct studio *st = arg;
    struct canvas *a = cv_new(WIDTH, HEIGHT), *b = cv_new(WIDTH, HEIGHT);
    pthread_mutex_lock(&st->lock);
    st->failed |= !a || !b;
    while (!st->failed && st->next < st->time.n_frames) {
        int frame = st->next++;
        while (frame >= st->written + SLOTS && !st->failed)
            pthread_cond_wait(&st->changed, &st->lock);
        if (st->failed)
            break;
        uint8_t *slot = st->slots[frame % SLOTS];
        pthread_mutex_unlock(&st->lock);
        struct look look;
        compose(st, a, b, frame, &look);
        output_frame(&st->output, a, &look, slot);
        pthread_mutex_lock(&st->lock);
        st->ready[frame % SLOTS] = frame;
        pthread_cond_broadcast(&st->changed);
    }
    pthread_cond_broadcast(&st->changed);
    pthread_mutex_unlock(&st->lock);
    cv_free(a);
    cv_free(b);
    return NULL;
}

static int write_frames(struct studio *st)
{
    const size_t size = (size_t)WIDTH * HEIGHT * 3 / 2;
    for (int f = 0; f < st->time.n_frames; f++) {
        pthread_mutex_lock(&st->lock);
        while (st->ready[f % SLOTS] != f && !st->failed)
            pthread_cond_wait(&st->changed, &st->lock);
        int failed = st->failed;
        pthread_mutex_unlock(&st->lock);
        if (failed)
            return -1;
        int bad = fwrite(st->slots[f % SLOTS], 1, size, stdout) != size;
        pthread_mutex_lock(&st->lock);
        st->failed |= bad;
        st->written = f + 1;
        pthread_cond_broadcast(&st->changed);
        pthread_mutex_unlock(&st->lock);
        if (bad)
            return -1;
    }
    return fflush(stdout) ? -1 : 0;
}

static int frames(struct studio *st)
{
    pthread_t threads[WORKERS];
    int n = 0;
    for (int i = 0; i < SLOTS; i++) {
        st->ready[i] = -1;
        st->slots[i] = malloc((size_t)WIDTH * HEIGHT * 3 / 2);
        st->failed |= !st->slots[i];
    }
    while (n < WORKERS && pthread_create(&threads[n], NULL, worker, st) == 0)
        n++;
    int rc = n ? write_frames(st) : -1;
    if (rc < 0)
        fprintf(stderr, "make-sample: the picture could not be written\n");
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SLOTS; i++)
        free(st->slots[i]);
    return rc;
}

static int stills(const struct studio *st, const char *out)
{
    struct canvas *a = cv_new(WIDTH, HEIGHT), *b = cv_new(WIDTH, HEIGHT);
    for (int i = 0; a && b && i < st->time.n_shots; i++) {
        const struct tl_shot *k = &st->time.shots[i];
        struct look look;
        compose(st, a, b, (k->start * 2 + k->end * 3) / 5, &look);
        char path[4096];
        snprintf(path, sizeof path, "%s/%03d.ppm", out, i);
        FILE *f = fopen(path, "wb");
        if (!f)
            break;
        fprintf(f, "P6 %d %d 255\n", WIDTH, HEIGHT);
        for (int p = 0; p < WIDTH * HEIGHT; p++) {
            uint8_t rgb[3] = {a->px[p] >> 16, a->px[p] >> 8, a->px[p]};
            fwrite(rgb, 1, 3, f);
        }
        fclose(f);
    }
    cv_free(a);
    cv_free(b);
    return 0;
}

static int list_lines(int brief)
{
    for (int i = 0; i < film_n_shots; i++)
        for (int k = 0;
             k < FILM_MAX_LINES && film_shots[i].lines[k].text && (!brief || film_shots[i].brief);
             k++) {
            const struct line *l = &film_shots[i].lines[k];
            const struct voice *v = speech_voice(l->who);
            printf("line-%03d.wav\t%s\t%.2f\t%s\t%d\t%s\n", tl_line_number(i, k), v->flite,
                   v->stretch, v->espeak, v->espeak_speed, l->text);
        }
    const struct voice *v = speech_voice(COMMENTATOR);
    for (int i = 0; i < film_n_remarks; i++)
        printf("remark-%02d.wav\t%s\t%.2f\t%s\t%d\t%s\n", i, v->flite, v->stretch, v->espeak,
               v->espeak_speed, film_remarks[i].text);
    return 0;
}

int main(int argc, char **argv)
{
    int brief = argc > 2 && !strcmp(argv[argc - 1], "--short");
    if (argc - brief < 2) {
        fprintf(
            stderr,
            "usage: sample lines|captions|plan|sound|frames|stills ... (see tools/make-sample)\n");
        return 2;
    }
    const char *verb = argv[1];
    if (!strcmp(verb, "lines"))
        return list_lines(brief);
    if (!strcmp(verb, "size"))
        return printf("%dx%d %d\n", WIDTH, HEIGHT, FILM_FPS) < 0;
    if (argc - brief < 3)
        return 2;
    if (!strcmp(verb, "captions"))
        return text_script(argv[2], WIDTH) < 0;
    struct studio *st = calloc(1, sizeof *st);
    if (!st)
        return 1;
    pthread_mutex_init(&st->lock, NULL);
    pthread_cond_init(&st->changed, NULL);
    int rc = tl_new(&st->time, argv[2], brief);
    if (rc == 0 && !strcmp(verb, "plan"))
        rc = tl_write(&st->time, argv[2], brief);
    else if (rc == 0 && !strcmp(verb, "sound"))
        rc = sound_write(&st->time, argv[2]);
    else if (rc == 0 && (rc = output_init(&st->output, WIDTH, HEIGHT)) == 0 &&
             (rc = text_load(&st->text, argv[2], WIDTH)) == 0)
        rc = !strcmp(verb, "stills") && argc > 3 ? stills(st, argv[3])
             : !strcmp(verb, "frames")           ? frames(st)
                                                 : -1;
    text_free(&st->text);
    output_done(&st->output);
    tl_free(&st->time);
    free(st);
    return rc < 0;
}
