/* Four components, each made of what the story says about the segment and of what is in the atom
 * itself, then ranked within the movie: after ranking, a weight of 40 really is twice one of 20,
 * whatever the scale and skew of the raw numbers. */
#include "select/score.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum component { STORY, IMPORTANCE, AUDIO_VISUAL, EMOTION, COMPONENTS };

static const float weights[][COMPONENTS] = {
    [MD_STRATEGY_HYBRID] = {0.30f, 0.40f, 0.20f, 0.10f},
    [MD_STRATEGY_IMPORTANCE] = {0.10f, 0.75f, 0.10f, 0.05f},
    [MD_STRATEGY_NARRATIVE] = {0.65f, 0.25f, 0.05f, 0.05f},
    [MD_STRATEGY_AUDIO_VISUAL] = {0.10f, 0.10f, 0.75f, 0.05f},
    [MD_STRATEGY_EMOTIONAL] = {0.10f, 0.15f, 0.15f, 0.60f},
};

static float *component(struct md_score *s, enum component c)
{
    switch (c) {
    case STORY:
        return &s->story;
    case IMPORTANCE:
        return &s->importance;
    case AUDIO_VISUAL:
        return &s->audio_visual;
    default:
        return &s->emotion;
    }
}

/* --- ranks --- */

struct ranked {
    float value;
    uint32_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Values become their ranks, 0 to 1; equal ones share the middle rank. */
static void rank(struct ranked *r, size_t n, float *values)
{
    for (size_t i = 0; i < n; i++)
        r[i] = (struct ranked){isfinite(values[i]) ? values[i] : 0, (uint32_t)i};
    if (n > 1)
        qsort(r, n, sizeof *r, compare_ranked);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && r[end].value == r[i].value;)
            end++;
        float share = (float)(i + end - 1) / 2 / (float)MD_MAX(n - 1, (size_t)1);
        for (size_t k = i; k < end; k++)
            values[r[k].index] = n > 1 ? share : 0.5f;
    }
}

/* --- what is in an atom --- */

struct seen {
    float motion, color, cuts, luma, sharpness;
};

static struct seen look_at(const struct md_shots *shots, const struct md_atom *a)
{
    struct seen s = {0};
    double total = 0;
    for (int64_t i = a->first_shot; shots && i < a->first_shot + a->shot_count; i++) {
        const struct md_shot *shot = &shots->shots.v[i];
        double us = (double)(MD_MIN(shot->end_us, a->end_us) - MD_MAX(shot->start_us, a->start_us));
        us = MD_MAX(us, 0);
        s.motion += (float)(shot->motion * us);
        s.color += (float)((shot->colorfulness + shot->contrast) * us);
        s.luma += (float)(shot->luma * us);
        s.sharpness += (float)(shot->sharpness * us);
        total += us;
    }
    float scale = total > 0 ? (float)(1 / total) : 0;
    s.cuts = (float)((double)a->shot_count * 1e6 / (double)MD_MAX(a->end_us - a->start_us, 1));
    return (struct seen){s.motion * scale, s.color * scale, s.cuts, s.luma * scale,
                         s.sharpness * scale};
}

struct raw {
    float *motion, *color, *cuts, *loudness;
    struct ranked *scratch;
};

static int rank_pictures(const struct md_atom_vec *atoms, const struct md_shots *shots,
                         const struct md_audio *audio, const struct md_story *story,
                         struct md_score *scores)
{
    size_t n = atoms->n;
    md_autofree float *values = calloc(n * 4 + 1, sizeof *values);
    md_autofree struct ranked *scratch = calloc(n + 1, sizeof *scratch);
    if (!values || !scratch)
        return MD_ERR_NOMEM;
    struct raw r = {values, values + n, values + 2 * n, values + 3 * n, scratch};
    for (size_t i = 0; i < n; i++) {
        struct md_audio_measure heard;
        struct seen seen = look_at(shots, &atoms->v[i]);
        md_audio_measure(audio, atoms->v[i].start_us, atoms->v[i].end_us, &heard);
        r.motion[i] = seen.motion;
        r.color[i] = seen.color;
        r.cuts[i] = seen.cuts;
        r.loudness[i] = heard.loudest;
    }
    rank(r.scratch, n, r.motion);
    rank(r.scratch, n, r.color);
    rank(r.scratch, n, r.cuts);
    rank(r.scratch, n, r.loudness);
    for (size_t i = 0; i < n; i++) {
        float own =
            0.4f * r.motion[i] + 0.15f * r.color[i] + 0.15f * r.cuts[i] + 0.3f * r.loudness[i];
        scores[i].audio_visual =
            0.6f * own + 0.4f * story->segments.v[atoms->v[i].segment].audio_visual;
    }
    return MD_OK;
}

/* Best sentence, strongest feeling. */
static void read_words(const struct md_atom *a, const struct md_story *story, struct md_score *s)
{
    const struct md_segment *segment = &story->segments.v[a->segment];
    float best = 0, feeling = 0, sum = 0;
    s->best_sentence = -1;
    for (size_t k = a->first_sentence; k < a->first_sentence + a->sentence_count; k++) {
        const struct md_sentence *x = &story->sentences.v[k];
        sum += x->importance;
        feeling = MD_MAX(feeling, x->emotion);
        if (x->importance > best || s->best_sentence < 0) {
            best = x->importance;
            s->best_sentence = (int64_t)k;
        }
    }
    float mean = a->sentence_count > 0 ? sum / (float)a->sentence_count : 0;
    s->importance = story->has_words ? 0.45f * segment->importance + 0.35f * best + 0.2f * mean
                                     : 0.7f * segment->importance + 0.3f * s->audio_visual;
    s->emotion = story->has_words ? 0.5f * segment->emotion + 0.5f * feeling
                                  : 0.8f * segment->emotion + 0.2f * s->audio_visual;
}

/* What a viewer needs to follow: where scenes begin and end, turning points, key moments. */
static void read_story(const struct md_atom *a, const struct md_story *story, struct md_score *s)
{
    const struct md_segment *segment = &story->segments.v[a->segment];
    double length = (double)MD_MAX(segment->end_us - segment->start_us, 1);
    double from_start = (double)(a->start_us - segment->start_us) / length;
    double to_end = (double)(segment->end_us - a->end_us) / length;
    float start = (float)exp(-4 * MD_MAX(from_start, 0)), end = (float)exp(-6 * MD_MAX(to_end, 0));
    bool opens_act = (size_t)story->acts.v[0].first_segment == a->segment;
    for (size_t i = 0; i < story->acts.n; i++)
        opens_act |= (size_t)story->acts.v[i].first_segment == a->segment;
    float moment = s->key_moment >= 0 ? story->key_moments.v[s->key_moment].score : 0;
    s->story = 0.28f * start * (0.5f + 0.5f * segment->boundary) + 0.12f * end +
               0.15f * (float)opens_act + 0.15f * segment->importance + 0.45f * moment;
}

/* Key moments are sorted by time. */
static void find_moments(const struct md_atom_vec *atoms, const struct md_story *story,
                         struct md_score *scores)
{
    for (size_t i = 0; i < atoms->n; i++)
        scores[i].key_moment = -1;
    for (size_t k = 0, i = 0; k < story->key_moments.n; k++) {
        const struct md_key_moment *m = &story->key_moments.v[k];
        const int64_t most_us = 12000000; /* of a long moment, its beginning */
        int64_t end_us = MD_MIN(m->end_us, m->time_us + most_us);
        while (i < atoms->n && atoms->v[i].end_us <= m->time_us)
            i++;
        for (size_t j = i; j < atoms->n && atoms->v[j].start_us < end_us; j++) {
            int64_t *held = &scores[j].key_moment;
            if (*held < 0 || story->key_moments.v[*held].score < m->score)
                *held = (int64_t)k;
        }
    }
}

/* A digest should open on something one can settle into: the start of a scene, early in the movie,
 * a picture that is bright and sharp enough to read, held for a while. */
static float establishing(const struct md_atom *a, const struct md_story *story,
                          const struct md_shots *shots, int64_t begin_us, int64_t span_us)
{
    const float black = 0.04f;
    const struct md_segment *segment = &story->segments.v[a->segment];
    struct seen seen = look_at(shots, a);
    double place = (double)(a->start_us - begin_us) / (double)MD_MAX(span_us, 1);
    bool opens_scene = a->start_us <= segment->start_us;
    float held = a->shot_count > 0
                     ? MD_MIN((float)(a->end_us - a->start_us) / (float)a->shot_count / 5e6f, 1)
                     : 0.5f;
    float score = 0.4f * (float)opens_scene + 0.3f * (float)exp(-12 * place) + 0.2f * held +
                  0.1f * (1 - seen.motion);
    return shots && a->shot_count > 0 && seen.luma < black ? score / 3 : score;
}

int md_select_score(const struct md_atom_vec *atoms, const struct md_story *story,
                    const struct md_shots *shots, const struct md_audio *audio, int strategy,
                    struct md_score_vec *ret)
{
    size_t n = atoms->n;
    md_autofree float *values = calloc(n + 1, sizeof *values);
    md_autofree struct ranked *scratch = calloc(n + 1, sizeof *scratch);
    if (!values || !scratch || md_vec_reserve(ret, n + 1) < 0)
        return MD_ERR_NOMEM;
    struct md_score *scores = ret->v;
    ret->n = n;
    for (size_t i = 0; i < n; i++)
        scores[i] = (struct md_score){0};
    find_moments(atoms, story, scores);
    if (rank_pictures(atoms, shots, audio, story, scores) < 0)
        return MD_ERR_NOMEM;
    int64_t begin_us = atoms->v[0].start_us, span_us = atoms->v[n - 1].end_us - begin_us;
    for (size_t i = 0; i < n; i++) {
        read_words(&atoms->v[i], story, &scores[i]);
        read_story(&atoms->v[i], story, &scores[i]);
        scores[i].establishing = establishing(&atoms->v[i], story, shots, begin_us, span_us);
    }
    for (enum component c = STORY; c < COMPONENTS; c++) {
        for (size_t i = 0; i < n; i++)
            values[i] = *component(&scores[i], c);
        rank(scratch, n, values);
        for (size_t i = 0; i < n; i++) {
            *component(&scores[i], c) = values[i];
            scores[i].total += weights[strategy][c] * values[i];
        }
    }
    return MD_OK;
}
