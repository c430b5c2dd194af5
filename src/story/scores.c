/* Importance comes from the words where there are any: the segment's best sentences, each further
 * one counting less, so that neither one lucky line nor sheer talk decides. Without words it comes
 * from strength of picture and sound, from places that recur, and from whether there is anything to
 * hear. Everything is then stretched so that the best segment of the movie has 1. */
#include "story/scores.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

enum { BEST_SENTENCES = 5, MOST_PLACES = 400 };

struct heard {
    float activity, music, speech, step;
};

/* Means over a segment's units, weighted by time. */
static struct heard measure(const struct md_timeline *t, const struct md_span *span)
{
    struct heard h = {0};
    double total = 0;
    for (size_t i = span->first; i < span->first + span->n; i++) {
        const struct md_unit *u = &t->units.v[i];
        double length = (double)(u->end_us - u->start_us);
        h.activity += (float)(u->activity * length);
        h.music += (float)(u->sound.share[MD_SOUND_MUSIC] * length);
        h.speech += (float)(u->sound.share[MD_SOUND_SPEECH] * length);
        h.step += (float)(MD_MIN(u->loudness_step / 12, 1) * length);
        total += length;
    }
    float scale = (float)(1 / MD_MAX(total, 1));
    return (struct heard){h.activity * scale, h.music * scale, h.speech * scale, h.step * scale};
}

/* Sum of the best values, the k-th counting falloff^k; value reads a sentence. */
static float best_sum(const struct md_sentence_vec *sentences, const struct md_segment *s,
                      float falloff, bool emotion)
{
    float best[BEST_SENTENCES] = {0}, sum = 0, factor = 1;
    for (int64_t i = s->first_sentence; i < s->first_sentence + s->sentence_count; i++) {
        float value = emotion ? sentences->v[i].emotion : sentences->v[i].importance;
        for (int k = 0; k < BEST_SENTENCES; k++) {
            if (value > best[k]) {
                float swap = best[k];
                best[k] = value;
                value = swap;
            }
        }
    }
    for (int k = 0; k < BEST_SENTENCES; k++, factor *= falloff)
        sum += factor * best[k];
    return sum;
}

static const struct md_shot *longest_shot(const struct md_timeline *t, const struct md_span *span)
{
    const struct md_unit *best = NULL;
    for (size_t i = span->first; i < span->first + span->n; i++) {
        const struct md_unit *u = &t->units.v[i];
        if (u->shot >= 0 && (!best || u->end_us - u->start_us > best->end_us - best->start_us))
            best = u;
    }
    return best && t->shots ? &t->shots->shots.v[best->shot] : NULL;
}

/* How near the segment's longest shot is to those of the others, 0 to 1: main places recur. */
static float recurrence(const struct md_timeline *t, const struct md_span_vec *spans, size_t i)
{
    const struct md_shot *own = longest_shot(t, &spans->v[i]);
    double sum = 0, n = 0;
    size_t step = spans->n / MOST_PLACES + 1;
    for (size_t k = 0; own && k < spans->n; k += step) {
        const struct md_shot *other = k == i ? NULL : longest_shot(t, &spans->v[k]);
        float distance = other ? md_shot_distance(own, other) : INFINITY;
        if (isfinite(distance)) {
            sum += 1 / (1 + 20 * distance);
            n++;
        }
    }
    return n > 0 ? (float)(sum / n) : 0;
}

static void stretch(struct md_segment_vec *segments, const float *importance)
{
    float best = 0;
    for (size_t i = 0; i < segments->n; i++)
        best = MD_MAX(best, importance[i]);
    for (size_t i = 0; i < segments->n; i++)
        segments->v[i].importance = best > 0 ? importance[i] / best : 0.5f;
}

int md_story_score(const struct md_timeline *timeline, const struct md_span_vec *spans,
                   const struct md_sentence_vec *sentences, bool has_words,
                   struct md_segment_vec *segments)
{
    const float words_falloff = 0.75f, feeling_falloff = 0.5f;
    md_autofree float *importance = calloc(segments->n + 1, sizeof *importance);
    if (!importance)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < segments->n; i++) {
        struct md_segment *s = &segments->v[i];
        struct heard h = measure(timeline, &spans->v[i]);
        bool speaks = has_words && s->sentence_count > 0;
        s->audio_visual = MD_CLAMP(h.activity, 0.0f, 1.0f);
        if (speaks) {
            /* 3.05 and 1.6: sums over five sentences of 1 and about three of 0.9 */
            s->emotion = MD_MIN(best_sum(sentences, s, feeling_falloff, true) / 1.6f, 1);
            importance[i] =
                0.85f * best_sum(sentences, s, words_falloff, false) / 3.05f + 0.15f * h.activity;
        } else {
            s->emotion = MD_MIN(0.4f * h.activity + 0.3f * h.music + 0.2f * h.step, 1);
            importance[i] = has_words ? 0.35f * h.activity
                                      : 0.5f * h.activity + 0.3f * recurrence(timeline, spans, i) +
                                            0.2f * MD_MIN(h.speech + h.music, 1);
        }
    }
    stretch(segments, importance);
    return MD_OK;
}
