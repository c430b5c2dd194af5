/* Scenes have a look (signature, light), a pace and a topic (a few words that recur in them), so
 * that analysis has something to find; lengths are exponential, as they are in films. */
#include "film.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

double md_film_random(uint64_t *seed)
{
    /* splitmix64 */
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int any(uint64_t *seed, int lo, int hi)
{
    return lo + (int)(md_film_random(seed) * (hi - lo + 1));
}

static void must(int r)
{
    if (r < 0)
        abort();
}

struct md_film_shape md_film_any_shape(uint64_t seed)
{
    static const double lengths_s[] = {0.04, 1, 5, 20, 60, 150, 300, 600, 1500, 3000, 5400, 7200};
    static const double shots_s[] = {0.4, 1, 2, 3, 4, 6, 10, 30, 200};
    static const int rates[] = {24, 25, 30, 60, 12};
    uint64_t s = seed * 7919 + 1;
    struct md_film_shape shape = {.seed = seed};
    shape.duration_s = lengths_s[any(&s, 0, 11)] * (0.7 + 0.6 * md_film_random(&s));
    shape.shot_s = shots_s[any(&s, 0, 8)];
    shape.fps = rates[any(&s, 0, 4)];
    shape.talk = (enum md_film_talk)any(&s, MD_FILM_MUTE, MD_FILM_ROLLING);
    shape.has_audio = any(&s, 0, 4) > 0;
    shape.has_picture = any(&s, 0, 11) > 0 || !shape.has_audio;
    shape.gradual = any(&s, 0, 2) * 0.15;
    shape.credits = any(&s, 0, 2) ? 0.05 : 0;
    shape.group_frames = any(&s, 0, 3) ? any(&s, 1, 300) : 0;
    return shape;
}

/* --- picture --- */

static void new_look(uint64_t *seed, float *look)
{
    for (int i = 0; i < MD_SIGNATURE_BINS; i++)
        look[i] = (float)md_film_random(seed);
}

static void set_transition(uint64_t *seed, const struct md_film_shape *shape, struct md_shot *shot,
                           int64_t frames, int64_t frames_before)
{
    shot->transition = MD_TRANSITION_CUT;
    shot->transition_start_frame = shot->transition_end_frame = shot->start_frame;
    shot->confidence = 0.9f;
    if (md_film_random(seed) >= shape->gradual)
        return;
    shot->transition = any(seed, MD_TRANSITION_DISSOLVE, MD_TRANSITION_WIPE);
    int64_t half = any(seed, 2, 15);
    shot->transition_start_frame = shot->start_frame - MD_MIN(half, frames_before);
    shot->transition_end_frame = shot->start_frame + MD_MIN(half, frames - 1);
}

static void add_shot(struct md_film *film, const struct md_film_shape *shape, uint64_t *seed,
                     const float *look, int64_t frames)
{
    struct md_shot_vec *all = &film->shots.shots;
    const struct md_shot *before = all->n ? &all->v[all->n - 1] : NULL;
    struct md_shot s = {.start_frame = before ? before->end_frame : 0};
    s.end_frame = s.start_frame + frames;
    s.start_us = s.start_frame * 1000000 / shape->fps;
    s.end_us = s.end_frame * 1000000 / shape->fps;
    if (before)
        set_transition(seed, shape, &s, frames, before->end_frame - before->start_frame - 1);
    float side = md_film_random(seed) < 0.5 ? 0 : 0.25f; /* shot and reverse shot */
    for (int i = 0; i < MD_SIGNATURE_BINS; i++)
        must(md_vec_push(&s.signature,
                         look[i] + side * (float)(i % 2) + 0.02f * (float)md_film_random(seed)));
    s.motion = (float)(md_film_random(seed) * md_film_random(seed));
    s.luma = look[0];
    s.contrast = 0.3f * look[1];
    s.saturation = look[2];
    s.colorfulness = look[3];
    s.sharpness = (float)md_film_random(seed);
    s.key_us = s.start_us;
    s.credits = (double)s.start_us / 1e6 > shape->duration_s * (1 - shape->credits);
    must(md_vec_push(all, s));
}

/* On most cuts, and where the group would grow too long. */
static void make_entries(struct md_film *film, const struct md_film_shape *shape)
{
    uint64_t seed = shape->seed + 77;
    int64_t next = 0;
    for (size_t i = 0; i < film->shots.shots.n && shape->group_frames > 0; i++) {
        const struct md_shot *shot = &film->shots.shots.v[i];
        if (shot->transition <= MD_TRANSITION_CUT && md_film_random(&seed) < 0.75)
            next = shot->start_frame;
        for (; next < shot->end_frame; next += shape->group_frames)
            must(md_vec_push(&film->shots.entries_us, next * 1000000 / shape->fps));
    }
}

static void make_picture(struct md_film *film, const struct md_film_shape *shape, uint64_t *seed)
{
    float looks[6][MD_SIGNATURE_BINS];
    int64_t total = MD_MAX((int64_t)(shape->duration_s * shape->fps), 1), done = 0;
    int place = 0;
    for (int i = 0; i < 6; i++)
        new_look(seed, looks[i]);
    while (done < total) {
        double s = -log(1 - 0.98 * md_film_random(seed)) * shape->shot_s;
        int64_t frames = MD_CLAMP((int64_t)(s * shape->fps), 1, total - done);
        if (md_film_random(seed) < 0.08) {
            place = any(seed, 0, 5);
            if (any(seed, 0, 1))
                new_look(seed, looks[place]);
        }
        add_shot(film, shape, seed, looks[place], frames);
        done += frames;
    }
    make_entries(film, shape);
    film->shots.frame_count = total;
    film->shots.duration_us = total * 1000000 / shape->fps;
}

/* --- sound --- */

static void make_sound(struct md_film *film, const struct md_film_shape *shape, uint64_t *seed)
{
    struct md_audio *a = &film->audio;
    int kind = MD_SOUND_SPEECH;
    a->present = true;
    a->window_us = 500000;
    a->duration_us = film->media.duration_us;
    a->integrated_lufs = -23;
    for (int64_t t = 0; t < a->duration_us; t += a->window_us) {
        int64_t end = MD_MIN(t + a->window_us, a->duration_us);
        if (md_film_random(seed) < 0.03)
            kind = any(seed, MD_SOUND_SILENCE, MD_SOUND_OTHER);
        float loudness = kind == MD_SOUND_SILENCE ? -65 : -35 + 15 * (float)md_film_random(seed);
        must(md_vec_push(&a->loudness, loudness));
        must(md_vec_push(&a->speech, (float)(kind == MD_SOUND_SPEECH)));
        if (a->ranges.n > 0 && a->ranges.v[a->ranges.n - 1].sound == kind)
            a->ranges.v[a->ranges.n - 1].end_us = end;
        else
            must(md_vec_push(&a->ranges, (struct md_sound_range){t, end, kind, 0.9f}));
    }
}

/* --- words --- */

static const char *const topics[][6] = {
    {"harbour", "boat", "storm", "captain's log", "anchor", "sail"},
    {"letter", "money", "bank", "debt", "lawyer", "signature"},
    {"garden", "roses", "mother's house", "summer", "window", "rain"},
    {"police", "gun", "robbery", "witness", "prison", "judge"},
    {"music", "piano", "concert", "audience", "melody", "stage"},
    {"hospital", "doctor", "fever", "medicine", "nurse", "heart"}};
static const char *const people[] = {"Anna", "Viktor", "Mr. Holloway", "Elena", "Tom"};

static void write_sentence(uint64_t *seed, int topic, struct md_str *out)
{
    const char *word = topics[topic][any(seed, 0, 5)], *other = topics[topic][any(seed, 0, 5)];
    const char *who = people[any(seed, 0, 4)];
    switch (any(seed, 0, 7)) {
    case 0:
        md_str_printf(out, "Do you remember the %s?", word);
        break;
    case 1:
        md_str_printf(out, "Come here, %s!", who);
        break;
    case 2:
        md_str_printf(out, "I saw %s at the %s with the %s.", who, word, other);
        break;
    case 3:
        md_str_printf(out, "The %s will never be the same without the %s.", word, other);
        break;
    case 4:
        md_str_printf(out, "No.");
        break;
    case 5:
        md_str_printf(out, "%s, I hate the %s, it killed him!", who, word);
        break;
    case 6:
        md_str_printf(out, "We have to find the %s before\nsomebody else does.", word);
        break;
    default:
        md_str_printf(out, "All I ever wanted was a %s", word);
        break;
    }
}

static void make_words(struct md_film *film, const struct md_film_shape *shape, uint64_t *seed)
{
    static const double pauses_s[] = {0, 25, 4, 0.4, 0};
    int64_t t = (int64_t)(md_film_random(seed) * 3e6);
    int topic = 0;
    film->transcript.source = MD_TRANSCRIPT_SIDECAR;
    while (t < film->media.duration_us) {
        md_autostr text = {0};
        int64_t length = (int64_t)((0.8 + 3 * md_film_random(seed)) * 1e6);
        if (md_film_random(seed) < 0.04)
            topic = any(seed, 0, 5);
        write_sentence(seed, topic, &text);
        struct md_cue cue = {t, t + length, md_str_take(&text), NULL, md_film_random(seed) < 0.03};
        if (!cue.text)
            abort();
        must(md_vec_push(&film->transcript.cues, cue));
        t += length;
        if (shape->talk == MD_FILM_ROLLING) /* captions that touch or overlap */
            t -= any(seed, 0, 1) * length / 3;
        else
            t += (int64_t)(-log(1 - 0.99 * md_film_random(seed)) * pauses_s[shape->talk] * 1e6);
    }
}

void md_film_make(struct md_film *film, const struct md_film_shape *shape)
{
    uint64_t seed = shape->seed ^ UINT64_C(0x5deece66d);
    *film = (struct md_film){0};
    film->media.duration_us = MD_MAX((int64_t)(shape->duration_s * 1e6), 1);
    if (shape->has_picture) {
        make_picture(film, shape, &seed);
        film->media.duration_us = film->shots.duration_us;
    }
    if (shape->has_audio)
        make_sound(film, shape, &seed);
    if (shape->talk != MD_FILM_MUTE)
        make_words(film, shape, &seed);
    must(md_options_init(&film->options));
    film->env =
        (struct md_stage_env){.options = &film->options, .threads = 1, .failure = &film->failure};
    film->in = (struct md_artifacts){.media = &film->media,
                                     .shots = &film->shots,
                                     .audio = &film->audio,
                                     .transcript = &film->transcript};
}

void md_film_done(struct md_film *film)
{
    md_artifact_done(&md_artifact_shots, &film->shots);
    md_artifact_done(&md_artifact_audio, &film->audio);
    md_artifact_done(&md_artifact_transcript, &film->transcript);
    md_options_done(&film->options);
}
