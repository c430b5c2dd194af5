/* Five kinds of evidence, each 0 to 1, averaged with weights over those there are:
 * - words: depth of the valley in lexical cohesion (TextTiling, Hearst 1997);
 * - picture: no shot soon after the boundary looks like one shortly before it (backward shot
 *   coherence, Rasheed and Shah 2003): a dialogue's shots keep returning, a new scene's do not;
 * - transition: fades and dissolves are how films say "later, elsewhere";
 * - sound: music or silence begins or ends, the level steps;
 * - a pause in speech. A sentence that runs across the boundary takes half of it away. */
#include "story/boundaries.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum { LINK_SHOTS = 16, SAMPLE_PAIRS = 4000, BLOCK_TERMS = 60 };

static const float weight_words = 0.26f, weight_picture = 0.26f, weight_transition = 0.2f,
                   weight_sound = 0.16f, weight_pause = 0.16f;

/* --- words --- */

static void count_terms(const struct md_topics *topics, size_t s, float *count)
{
    const struct md_sentence_terms *x = &topics->sentences.v[s];
    for (size_t k = 0; k < x->n; k++)
        count[topics->tokens.v[x->first + k]] += 1;
}

/* Sentences on one side of the gap until the block is full or the time too far: [*from, *to). */
static void block_range(const struct md_sentence_vec *sentences, const struct md_topics *topics,
                        size_t gap, int direction, int64_t reach_us, size_t *from, size_t *to)
{
    int64_t at_us = sentences->v[gap].start_us;
    size_t terms = 0;
    *from = *to = gap;
    while (terms < BLOCK_TERMS) {
        if (direction < 0 ? *from == 0 : *to == sentences->n)
            return;
        size_t s = direction < 0 ? *from - 1 : *to;
        if (llabs(sentences->v[s].start_us - at_us) > reach_us)
            return;
        terms += topics->sentences.v[s].n;
        *(direction < 0 ? from : to) += (size_t)direction;
    }
}

/* Cosine of the blocks left and right of a gap, with idf weights; -1 when a side has no words. */
static float cohesion(const struct md_sentence_vec *sentences, const struct md_topics *topics,
                      size_t gap, int64_t reach_us, float *left, float *right)
{
    size_t a, b, c, d;
    double dot = 0, left_norm = 0, right_norm = 0;
    block_range(sentences, topics, gap, -1, reach_us, &a, &b);
    block_range(sentences, topics, gap, 1, reach_us, &c, &d);
    for (size_t s = a; s < b; s++)
        count_terms(topics, s, left);
    for (size_t s = c; s < d; s++)
        count_terms(topics, s, right);
    for (size_t s = a; s < d; s++) {
        const struct md_sentence_terms *x = &topics->sentences.v[s];
        for (size_t k = 0; k < x->n; k++) {
            uint32_t t = topics->tokens.v[x->first + k];
            double idf = topics->use.v[t].idf;
            double l = left[t] * idf, r = right[t] * idf;
            dot += l * r;
            left_norm += l * l;
            right_norm += r * r;
            left[t] = right[t] = 0;
        }
    }
    return left_norm > 0 && right_norm > 0 ? (float)(dot / sqrt(left_norm * right_norm)) : -1;
}

/* From cohesion at every gap to the depth of its valley, 0 to 1, in place. */
static void valleys(float *c, size_t n)
{
    const size_t reach = 64; /* sentences a hill may be away, which bounds the cost */
    md_autofree float *depth = calloc(n + 1, sizeof *depth);
    float deepest = 0;
    for (size_t i = 0; depth && i < n; i++) {
        float left = c[i], right = c[i];
        if (c[i] < 0)
            continue;
        for (size_t k = i; k > 0 && i - k < reach && c[k - 1] >= left; k--)
            left = c[k - 1];
        for (size_t k = i; k + 1 < n && k - i < reach && c[k + 1] >= right; k++)
            right = c[k + 1];
        depth[i] = left + right - 2 * c[i];
        deepest = MD_MAX(deepest, depth[i]);
    }
    for (size_t i = 0; i < n; i++)
        c[i] = depth && deepest > 0 ? sqrtf(depth[i] / deepest) : 0;
}

/* depth[s]: how much the talk changes before sentence s. */
static int measure_words(const struct md_timeline *t, const struct md_sentence_vec *sentences,
                         const struct md_topics *topics, float *depth)
{
    int64_t reach_us = (int64_t)((double)t->segment_us * MD_SEGMENT_LONGEST);
    md_autofree float *left = calloc(topics->use.n + 1, sizeof *left);
    md_autofree float *right = calloc(topics->use.n + 1, sizeof *right);
    if (!left || !right)
        return MD_ERR_NOMEM;
    for (size_t s = 0; s < sentences->n; s++)
        depth[s] = cohesion(sentences, topics, s, reach_us, left, right);
    valleys(depth, sentences->n);
    return MD_OK;
}

/* --- picture --- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static const struct md_shot *shot_of(const struct md_timeline *t, size_t unit)
{
    return t->shots && t->units.v[unit].shot >= 0 ? &t->shots->shots.v[t->units.v[unit].shot]
                                                  : NULL;
}

/* The distance of two unrelated shots of this movie: the median over pairs far apart. */
static float usual_distance(const struct md_timeline *t)
{
    md_autofree float *d = calloc(SAMPLE_PAIRS, sizeof *d);
    size_t n = t->units.n, found = 0;
    if (!d || n < 2)
        return 0;
    for (size_t k = 0; k < SAMPLE_PAIRS; k++) {
        /* steps of the golden ratio: spread over the movie, the same every time */
        size_t i = (size_t)(fmod((double)k * 0.6180339887498949, 1.0) * (double)n);
        size_t j =
            (i + 1 + (size_t)(fmod((double)k * 0.7548776662466927, 1.0) * (double)(n - 1))) % n;
        const struct md_shot *a = shot_of(t, i), *b = shot_of(t, j);
        float distance = a && b && a != b ? md_shot_distance(a, b) : INFINITY;
        if (isfinite(distance))
            d[found++] = distance;
    }
    if (found == 0)
        return 0;
    qsort(d, found, sizeof *d, compare_floats);
    return d[found / 2];
}

/* How well a pair of shots across the boundary match, 0 to 1, fading with the time between. */
static float likeness(const struct md_timeline *t, size_t i, size_t j, float usual)
{
    /* a pair at 40 % of the usual distance is still taken for the same place */
    const float same_share = 0.4f;
    const struct md_shot *a = shot_of(t, i), *b = shot_of(t, j);
    float distance = md_shot_distance(a, b) / (usual * same_share);
    double gap = (double)(t->units.v[j].start_us - t->units.v[i].end_us) / (double)t->segment_us;
    return isfinite(distance) ? (float)(exp(-(double)distance * distance) * exp(-gap)) : 0;
}

static float picture_change(const struct md_timeline *t, const struct md_unit_run *run, size_t unit,
                            float usual)
{
    size_t from = unit - run->first > LINK_SHOTS ? unit - LINK_SHOTS : run->first;
    size_t to = MD_MIN(unit + LINK_SHOTS, run->first + run->n);
    float best = 0;
    for (size_t i = from; i < unit; i++)
        for (size_t j = unit; j < to && j - i <= LINK_SHOTS; j++)
            best = MD_MAX(best, likeness(t, i, j, usual));
    return 1 - best;
}

static float transition_strength(const struct md_shot *shot)
{
    float confidence = MD_CLAMP(shot->confidence, 0.0f, 1.0f);
    switch (shot->transition) {
    case MD_TRANSITION_FADE_BLACK:
    case MD_TRANSITION_FADE_WHITE:
        return confidence;
    case MD_TRANSITION_DISSOLVE:
    case MD_TRANSITION_WIPE:
        return 0.6f * confidence;
    default:
        return 0;
    }
}

/* --- sound --- */

static float sound_change(const struct md_audio *audio, int64_t at_us)
{
    const int64_t context_us = 8 * MD_SECOND_US, instant_us = MD_SECOND_US / 2;
    const float full_step_lu = 12, silence_lufs = -50;
    struct md_audio_measure before, after, now;
    md_audio_measure(audio, at_us - context_us, at_us, &before);
    md_audio_measure(audio, at_us, at_us + context_us, &after);
    md_audio_measure(audio, at_us - instant_us, at_us + instant_us, &now);
    if (!before.known || !after.known)
        return 0;
    float step = MD_MIN(fabsf(after.loudness - before.loudness) / full_step_lu, 1);
    float kinds = 0;
    for (int k = 0; k < 4; k++)
        kinds += fabsf(after.share[k] - before.share[k]) / 2;
    float quiet =
        now.loudness < silence_lufs ? 1 : MD_CLAMP((before.loudness - now.loudness) / 15, 0, 1);
    return 0.35f * step + 0.4f * MD_MIN(kinds, 1) + 0.25f * quiet;
}

/* --- fusion --- */

/* Seconds without speech around a time, and whether a sentence runs across it. */
static float pause_around(const struct md_sentence_vec *sentences, size_t next, int64_t at_us,
                          bool *ret_crossed)
{
    const float full_pause_s = 8;
    int64_t before_us = next > 0 ? sentences->v[next - 1].end_us : at_us - 20 * MD_SECOND_US;
    int64_t after_us =
        next < sentences->n ? sentences->v[next].start_us : at_us + 20 * MD_SECOND_US;
    *ret_crossed = before_us > at_us;
    float pause_s = (float)(after_us - MD_MIN(before_us, after_us)) / 1e6f;
    return *ret_crossed ? 0 : MD_MIN(pause_s / full_pause_s, 1);
}

struct evidence {
    float sum, weights;
};

static void weigh(struct evidence *e, float weight, float value)
{
    e->sum += weight * value;
    e->weights += weight;
}

static float fuse(const struct md_timeline *t, const struct md_unit_run *run, size_t i,
                  const struct md_sentence_vec *sentences, const float *depth, float usual)
{
    const struct md_unit *u = &t->units.v[i];
    const struct md_shot *shot = shot_of(t, i);
    struct evidence e = {0};
    bool crossed = false;
    if (sentences->n > 0) {
        size_t next = u->first_sentence;
        weigh(&e, weight_pause, pause_around(sentences, next, u->start_us, &crossed));
        weigh(&e, weight_words, next < sentences->n ? depth[next] : 0);
    }
    if (shot && usual > 0)
        weigh(&e, weight_picture, u->first ? picture_change(t, run, i, usual) : 0);
    if (shot)
        weigh(&e, weight_transition, u->first ? transition_strength(shot) : 0);
    if (t->audio)
        weigh(&e, weight_sound, sound_change(t->audio, u->start_us));
    float strength = e.weights > 0 ? e.sum / e.weights : 0.5f;
    return crossed ? strength / 2 : strength;
}

int md_story_find_boundaries(const struct md_timeline *timeline,
                             const struct md_sentence_vec *sentences,
                             const struct md_topics *topics, float *strength)
{
    md_autofree float *depth = calloc(sentences->n + 1, sizeof *depth);
    if (!depth)
        return MD_ERR_NOMEM;
    if (topics && sentences->n > 0 && measure_words(timeline, sentences, topics, depth) < 0)
        return MD_ERR_NOMEM;
    float usual = usual_distance(timeline);
    for (size_t r = 0; r < timeline->runs.n; r++) {
        const struct md_unit_run *run = &timeline->runs.v[r];
        for (size_t i = run->first; i < run->first + run->n; i++)
            strength[i] = i == run->first ? 1 : fuse(timeline, run, i, sentences, depth, usual);
    }
    return MD_OK;
}
