/* Both divisions are global optima by dynamic programming, so that one strong boundary in the wrong
 * place cannot spoil its neighbours as a threshold would.
 *
 * Segments: each boundary earns its strength less a toll (the movie's mean strength and half a
 * standard deviation, so that only better ones are worth it), each segment costs the square of
 * ln(length / usual length), steeply more outside of the allowed lengths.
 * Acts: each of the four boundaries earns its strength less the squared distance from where a
 * five-act story has it (0, 10, 25, 50, 75 %, after Freytag's pyramid), so none strays further than
 * its strength pays for. */
#include "story/segments.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

static const double length_weight = 0.3, outside_weight = 3, earn_weight = 1.6;
static const double shortest = 0.34; /* of the usual length */

enum { MOST_UNITS = 4096 }; /* in one segment: bounds the cost in flickering footage */

static double length_cost(const struct md_timeline *t, int64_t length_us)
{
    double share = (double)length_us / (double)t->segment_us;
    double distance = log(MD_MAX(share, 1e-3));
    double cost = length_weight * distance * distance;
    if (share > MD_SEGMENT_LONGEST)
        cost += outside_weight * log(share / MD_SEGMENT_LONGEST);
    if (share < shortest)
        cost += outside_weight * log(shortest / MD_MAX(share, 1e-3));
    return cost;
}

static double boundary_toll(const struct md_timeline *t, const float *strength)
{
    double sum = 0, squares = 0, n = 0;
    for (size_t r = 0; r < t->runs.n; r++) {
        const struct md_unit_run *run = &t->runs.v[r];
        for (size_t i = run->first + 1; i < run->first + run->n; i++) {
            sum += strength[i];
            squares += (double)strength[i] * strength[i];
            n++;
        }
    }
    if (n == 0)
        return 0;
    return sum / n + 0.5 * sqrt(MD_MAX(squares / n - sum / n * sum / n, 0));
}

static int push_spans(const struct md_unit_run *run, const size_t *from, struct md_span_vec *ret)
{
    size_t first = ret->n;
    for (size_t end = run->n; end > 0; end = from[end])
        if (md_vec_push(ret, (struct md_span){run->first + from[end], end - from[end]}) < 0)
            return MD_ERR_NOMEM;
    for (size_t i = first, k = ret->n - 1; i < k; i++, k--) {
        struct md_span swap = ret->v[i];
        ret->v[i] = ret->v[k];
        ret->v[k] = swap;
    }
    return MD_OK;
}

static int divide_run(const struct md_timeline *t, const struct md_unit_run *run,
                      const float *strength, double toll, struct md_span_vec *ret)
{
    const struct md_unit *u = t->units.v + run->first;
    const double longest_us = 2 * MD_SEGMENT_LONGEST * (double)t->segment_us;
    md_autofree double *best = calloc(run->n + 1, sizeof *best);
    md_autofree size_t *from = calloc(run->n + 1, sizeof *from);
    if (!best || !from)
        return MD_ERR_NOMEM;
    for (size_t end = 1; end <= run->n; end++) {
        best[end] = INFINITY;
        for (size_t start = end; start-- > 0 && end - start <= MOST_UNITS;) {
            int64_t length_us = u[end - 1].end_us - u[start].start_us;
            if (start + 1 < end && (double)length_us > longest_us)
                break;
            double earned = start > 0 ? strength[run->first + start] - toll : 0;
            double cost = best[start] + length_cost(t, length_us) - earn_weight * earned;
            if (cost < best[end]) {
                best[end] = cost;
                from[end] = start;
            }
        }
    }
    return push_spans(run, from, ret);
}

int md_story_divide(const struct md_timeline *timeline, const float *strength,
                    struct md_span_vec *ret)
{
    double toll = boundary_toll(timeline, strength);
    for (size_t r = 0; r < timeline->runs.n; r++)
        if (divide_run(timeline, &timeline->runs.v[r], strength, toll, ret) < 0)
            return MD_ERR_NOMEM;
    return MD_OK;
}

int md_story_make_segments(const struct md_timeline *timeline, const struct md_span_vec *spans,
                           const float *strength, struct md_segment_vec *ret)
{
    for (size_t i = 0; i < spans->n; i++) {
        const struct md_unit *first = &timeline->units.v[spans->v[i].first];
        const struct md_unit *last = first + spans->v[i].n - 1;
        struct md_segment s = {.start_us = first->start_us,
                               .end_us = last->end_us,
                               .first_sentence = (int64_t)first->first_sentence,
                               .boundary = strength[spans->v[i].first]};
        s.sentence_count =
            (int64_t)(last->first_sentence + last->sentence_count) - s.first_sentence;
        if (first->shot >= 0) {
            s.first_shot = first->shot;
            s.shot_count = last->shot - first->shot + 1;
        }
        if (md_vec_push(ret, s) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* --- acts --- */

static const double act_starts[MD_ACTS] = {0, 0.10, 0.25, 0.50, 0.75};

static double act_gain(double position, int act, float strength)
{
    const double tolerance = 0.05; /* a boundary of strength 1 may lie this much off */
    double off = (position - act_starts[act]) / tolerance;
    return strength - off * off;
}

static int push_act(struct md_segment_vec *segments, int act, size_t first, size_t end,
                    struct md_act_vec *ret)
{
    for (size_t i = first; i < end; i++)
        segments->v[i].act = act;
    return md_vec_push(ret, (struct md_act_range){.act = act,
                                                  .start_us = segments->v[first].start_us,
                                                  .end_us = segments->v[end - 1].end_us,
                                                  .first_segment = (int64_t)first,
                                                  .segment_count = (int64_t)(end - first)});
}

/* With fewer segments than acts each is one. */
static int few_acts(struct md_segment_vec *segments, struct md_act_vec *ret)
{
    static const int acts[MD_ACTS - 1][MD_ACTS - 1] = {
        {MD_ACT_OPENING},
        {MD_ACT_OPENING, MD_ACT_RESOLUTION},
        {MD_ACT_OPENING, MD_ACT_CLIMAX, MD_ACT_RESOLUTION},
        {MD_ACT_OPENING, MD_ACT_RISING_ACTION, MD_ACT_CLIMAX, MD_ACT_RESOLUTION}};
    for (size_t i = 0; i < segments->n; i++)
        if (push_act(segments, acts[segments->n - 1][i], i, i + 1, ret) < 0)
            return MD_ERR_NOMEM;
    return MD_OK;
}

struct act_state {
    double gain;
    size_t before; /* where the act before starts */
};

int md_story_find_acts(const struct md_timeline *timeline, struct md_segment_vec *segments,
                       struct md_act_vec *ret)
{
    size_t n = segments->n, starts[MD_ACTS + 1];
    if (n < MD_ACTS)
        return n > 0 ? few_acts(segments, ret) : MD_OK;
    md_autofree struct act_state *state = calloc(n * MD_ACTS, sizeof *state);
    if (!state)
        return MD_ERR_NOMEM;
    /* state[act * n + s]: act starts at segment s; best[...] over where the one before starts */
    for (int act = 0; act < MD_ACTS; act++) {
        double passed_us = 0, best = -INFINITY;
        size_t best_at = 0;
        for (size_t s = 0; s < n; s++) {
            struct act_state *here = &state[(size_t)act * n + s];
            double position = passed_us / (double)timeline->content_us;
            double gain = act_gain(position, act, segments->v[s].boundary);
            bool fits = act == 0 ? s == 0 : s + (size_t)(MD_ACTS - act) <= n;
            here->gain = fits ? (act == 0 ? 0 : best + gain) : -INFINITY;
            here->before = best_at;
            passed_us += (double)(segments->v[s].end_us - segments->v[s].start_us);
            if (act > 0 && state[(size_t)(act - 1) * n + s].gain > best) {
                best = state[(size_t)(act - 1) * n + s].gain;
                best_at = s;
            }
        }
    }
    starts[MD_ACTS] = n;
    size_t at = 0;
    for (size_t s = 0; s < n; s++)
        if (state[(MD_ACTS - 1) * n + s].gain > state[(MD_ACTS - 1) * n + at].gain)
            at = s;
    for (int act = MD_ACTS - 1; act >= 0; act--) {
        starts[act] = at;
        at = state[(size_t)act * n + at].before;
    }
    for (int act = 0; act < MD_ACTS; act++)
        if (push_act(segments, act, starts[act], starts[act + 1], ret) < 0)
            return MD_ERR_NOMEM;
    return MD_OK;
}
