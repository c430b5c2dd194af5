/* Audio-visual strength is made of ranks within the movie, not of absolute numbers: a quiet drama
 * has its loudest minute too, and ranks need no calibration to a codec, a mix or a camera. */
#include "story/timeline.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Segments grow with the square root of the movie: 8 min give 31 s, 2 h give 119 s. */
static const double segment_root_s = 1.4;
static const double shortest_segment_s = 3;

static int64_t usual_segment_us(int64_t content_us)
{
    double s = segment_root_s * sqrt((double)content_us / 1e6);
    return (int64_t)(MD_MAX(s, shortest_segment_s) * 1e6);
}

/* --- dividing long takes --- */

struct pause {
    int64_t time_us;
    int64_t length_us;
};
struct pause_vec MD_VEC(struct pause);

/* Pauses between sentences and silences, by time. */
static int find_pauses(const struct md_audio *audio, const struct md_sentence_vec *sentences,
                       struct pause_vec *ret)
{
    int64_t spoken_us = INT64_MIN;
    for (size_t i = 0; i < sentences->n; i++) {
        const struct md_sentence *s = &sentences->v[i];
        if (i > 0 && s->start_us > spoken_us &&
            md_vec_push(ret, (struct pause){spoken_us + (s->start_us - spoken_us) / 2,
                                            s->start_us - spoken_us}) < 0)
            return MD_ERR_NOMEM;
        spoken_us = MD_MAX(spoken_us, s->end_us);
    }
    if (sentences->n > 0 || !audio)
        return MD_OK;
    for (size_t i = 0; i < audio->ranges.n; i++) {
        const struct md_sound_range *r = &audio->ranges.v[i];
        if (r->sound == MD_SOUND_SILENCE &&
            md_vec_push(ret, (struct pause){r->start_us + (r->end_us - r->start_us) / 2,
                                            r->end_us - r->start_us}) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* The longest pause between two times, or their middle when there is none. */
static int64_t best_pause(const struct pause_vec *pauses, int64_t from_us, int64_t to_us)
{
    size_t low = 0, high = pauses->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pauses->v[middle].time_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    int64_t best_us = from_us + (to_us - from_us) / 2, length_us = 0;
    for (; low < pauses->n && pauses->v[low].time_us < to_us; low++) {
        if (pauses->v[low].length_us > length_us) {
            best_us = pauses->v[low].time_us;
            length_us = pauses->v[low].length_us;
        }
    }
    return best_us;
}

/* A time inside a shot, moved to the start of the nearest frame. */
static int64_t snap_to_frame(const struct md_shot *shot, int64_t time_us)
{
    int64_t frames = shot->end_frame - shot->start_frame, length_us = shot->end_us - shot->start_us;
    if (frames <= 0 || length_us <= 0)
        return time_us;
    double frame_us = (double)length_us / (double)frames;
    return shot->start_us +
           llround(round((double)(time_us - shot->start_us) / frame_us) * frame_us);
}

static int push_divided(struct md_timeline *t, const struct pause_vec *pauses, struct md_unit unit,
                        const struct md_shot *shot)
{
    enum { MOST_PARTS = 20000 };
    const int64_t longest_us = (int64_t)((double)t->segment_us * MD_SEGMENT_LONGEST);
    for (int part = 0; part < MOST_PARTS && unit.end_us - unit.start_us > longest_us; part++) {
        struct md_unit head = unit;
        int64_t from_us = unit.start_us + t->segment_us / 2;
        int64_t to_us =
            MD_MIN(unit.start_us + t->segment_us * 3 / 2, unit.end_us - t->segment_us / 2);
        head.end_us = best_pause(pauses, from_us, to_us);
        if (shot)
            head.end_us = snap_to_frame(shot, head.end_us);
        if (head.end_us <= head.start_us || head.end_us >= unit.end_us)
            break;
        if (md_vec_push(&t->units, head) < 0)
            return MD_ERR_NOMEM;
        unit.start_us = head.end_us;
        unit.first = false;
    }
    return md_vec_push(&t->units, unit);
}

/* --- rows of units --- */

static float bounded(float value)
{
    return isfinite(value) ? MD_CLAMP(value, 0.0f, 1.0f) : 0;
}

static struct md_unit unit_of_shot(const struct md_shot *shot, size_t index)
{
    return (struct md_unit){
        .start_us = shot->start_us,
        .end_us = shot->end_us,
        .shot = (int64_t)index,
        .first = true,
        .motion = bounded(shot->motion),
        .luma = bounded(shot->luma),
        .contrast = bounded(shot->contrast * 2),
        .color = bounded((bounded(shot->colorfulness) + bounded(shot->saturation)) / 2),
    };
}

static bool is_left_out(const struct md_shots *shots, size_t i, bool keep_credits)
{
    return shots->shots.v[i].credits && !keep_credits;
}

static int add_shots(struct md_timeline *t, const struct pause_vec *pauses, bool keep_credits)
{
    const struct md_shots *shots = t->shots;
    for (size_t i = 0; i < shots->shots.n; i++) {
        bool starts_run = i == 0 || is_left_out(shots, i - 1, keep_credits);
        if (is_left_out(shots, i, keep_credits))
            continue;
        if (starts_run && md_vec_push(&t->runs, (struct md_unit_run){t->units.n, 0}) < 0)
            return MD_ERR_NOMEM;
        const struct md_shot *shot = &shots->shots.v[i];
        if (push_divided(t, pauses, unit_of_shot(shot, i), shot) < 0)
            return MD_ERR_NOMEM;
        struct md_unit_run *run = &t->runs.v[t->runs.n - 1];
        run->n = t->units.n - run->first;
    }
    return MD_OK;
}

/* Without a picture: one long take, divided finer, so that there are boundaries to choose from. */
static int add_sound(struct md_timeline *t, const struct pause_vec *pauses)
{
    const int fineness = 4;
    struct md_unit all = {.end_us = t->duration_us, .shot = -1, .first = true};
    int64_t usual_us = t->segment_us;
    t->segment_us = MD_MAX(usual_us / fineness, MD_SECOND_US);
    int r = push_divided(t, pauses, all, NULL);
    t->segment_us = usual_us;
    if (r < 0)
        return r;
    return md_vec_push(&t->runs, (struct md_unit_run){0, t->units.n});
}

/* --- what is seen and heard --- */

static void add_sentences(struct md_timeline *t, const struct md_sentence_vec *sentences)
{
    size_t k = 0;
    for (size_t i = 0; i < t->units.n; i++) {
        struct md_unit *u = &t->units.v[i];
        while (k < sentences->n && sentences->v[k].start_us < u->start_us)
            k++;
        u->first_sentence = k;
        while (k < sentences->n && sentences->v[k].start_us < u->end_us)
            k++;
        u->sentence_count = k - u->first_sentence;
        int64_t spoken_us = 0;
        /* the one before may reach into this unit */
        for (size_t s = u->first_sentence > 0 ? u->first_sentence - 1 : 0; s < k; s++) {
            const struct md_sentence *x = &sentences->v[s];
            int64_t overlap_us = MD_MIN(x->end_us, u->end_us) - MD_MAX(x->start_us, u->start_us);
            spoken_us += MD_MAX(overlap_us, 0);
        }
        u->speech_share = bounded((float)spoken_us / (float)(u->end_us - u->start_us));
    }
}

/* Shots per second in the five before and after. */
static void measure_cutting(struct md_timeline *t)
{
    const size_t reach = 5;
    for (size_t i = 0; i < t->units.n; i++) {
        size_t from = i > reach ? i - reach : 0, to = MD_MIN(i + reach, t->units.n - 1);
        int64_t span_us = t->units.v[to].end_us - t->units.v[from].start_us;
        t->units.v[i].cutting = (float)((double)(to - from + 1) * 1e6 / (double)MD_MAX(span_us, 1));
    }
}

static void measure_sound(struct md_timeline *t)
{
    const int64_t context_us = 5 * MD_SECOND_US;
    for (size_t i = 0; i < t->units.n; i++) {
        struct md_unit *u = &t->units.v[i];
        struct md_audio_measure before;
        md_audio_measure(t->audio, u->start_us, u->end_us, &u->sound);
        md_audio_measure(t->audio, u->start_us - context_us, u->start_us, &before);
        if (u->sound.known && before.known)
            u->loudness_step = fabsf(u->sound.loudness - before.loudness);
    }
}

struct ranked {
    float value;
    uint32_t unit;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Adds weight x (rank of the value within the movie, 0 to 1) to activity; equal values share their
 * middle rank, so a constant (no sound, say) moves nothing. */
static void add_rank(struct md_timeline *t, struct ranked *r, float weight)
{
    size_t n = t->units.n;
    qsort(r, n, sizeof *r, compare_ranked);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && r[end].value == r[i].value;)
            end++;
        float rank = ((float)(i + end - 1) / 2) / (float)MD_MAX(n - 1, (size_t)1);
        for (size_t k = i; k < end; k++)
            t->units.v[r[k].unit].activity += weight * rank;
    }
}

enum feature { MOTION, CUTTING, LOUDNESS, STEP, COLOR, FEATURES };

static float feature_value(const struct md_unit *u, enum feature feature)
{
    switch (feature) {
    case MOTION:
        return u->motion;
    case CUTTING:
        return u->cutting;
    case LOUDNESS:
        return u->sound.known ? u->sound.loudness : 0;
    case STEP:
        return u->loudness_step;
    default:
        return u->color + u->contrast / 2;
    }
}

/* To the whole of 0 to 1; 0.5 where nothing differs. */
static void stretch_activity(struct md_timeline *t)
{
    float low = INFINITY, high = 0;
    for (size_t i = 0; i < t->units.n; i++) {
        low = MD_MIN(low, t->units.v[i].activity);
        high = MD_MAX(high, t->units.v[i].activity);
    }
    for (size_t i = 0; i < t->units.n; i++) {
        float *a = &t->units.v[i].activity;
        *a = high - low > 1e-6f ? (*a - low) / (high - low) : 0.5f;
    }
}

static int rank_activity(struct md_timeline *t)
{
    static const float weight[FEATURES] = {
        [MOTION] = 0.32f, [CUTTING] = 0.2f, [LOUDNESS] = 0.24f, [STEP] = 0.1f, [COLOR] = 0.14f};
    md_autofree struct ranked *r = calloc(t->units.n + 1, sizeof *r);
    if (!r)
        return MD_ERR_NOMEM;
    for (enum feature f = 0; f < FEATURES; f++) {
        for (size_t i = 0; i < t->units.n; i++)
            r[i] = (struct ranked){feature_value(&t->units.v[i], f), (uint32_t)i};
        add_rank(t, r, weight[f]);
    }
    stretch_activity(t);
    return MD_OK;
}

static int64_t content_length(const struct md_shots *shots, int64_t duration_us, bool keep_credits)
{
    int64_t sum_us = 0;
    if (!shots || shots->shots.n == 0)
        return duration_us;
    for (size_t i = 0; i < shots->shots.n; i++)
        if (!is_left_out(shots, i, keep_credits))
            sum_us += shots->shots.v[i].end_us - shots->shots.v[i].start_us;
    return sum_us;
}

int md_timeline_build(const struct md_shots *shots, const struct md_audio *audio,
                      const struct md_sentence_vec *sentences, int64_t duration_us,
                      bool keep_credits, struct md_timeline *ret)
{
    bool picture = shots && shots->shots.n > 0;
    struct pause_vec pauses = {0};
    ret->shots = picture ? shots : NULL;
    ret->audio = audio && audio->present ? audio : NULL;
    ret->duration_us = duration_us;
    ret->content_us = content_length(shots, duration_us, keep_credits);
    if (ret->content_us == 0 && picture) { /* nothing but credits: then they are the movie */
        keep_credits = true;
        ret->content_us = content_length(shots, duration_us, true);
    }
    if (ret->content_us <= 0)
        return MD_ERR_INPUT;
    ret->segment_us = usual_segment_us(ret->content_us);
    int r = find_pauses(ret->audio, sentences, &pauses);
    if (r == MD_OK)
        r = picture ? add_shots(ret, &pauses, keep_credits) : add_sound(ret, &pauses);
    md_vec_done(&pauses);
    if (r < 0)
        return r;
    add_sentences(ret, sentences);
    measure_cutting(ret);
    measure_sound(ret);
    return rank_activity(ret);
}

void md_timeline_done(struct md_timeline *timeline)
{
    md_vec_done(&timeline->units);
    md_vec_done(&timeline->runs);
}

int64_t md_timeline_find(const struct md_timeline *timeline, int64_t time_us)
{
    size_t low = 0, high = timeline->units.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (timeline->units.v[middle].end_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low < timeline->units.n && timeline->units.v[low].start_us <= time_us;
    return inside ? (int64_t)low : -1;
}
