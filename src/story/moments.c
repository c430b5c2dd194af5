/* Candidates of six kinds are scored on one scale, then taken one by one, each time the best after
 * kinds, acts and times already taken have been discounted: a list of twelve lines from one scene
 * would be no help. Kinds are weighed so that words lead where there are words. */
#include "story/moments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "story/prose.h"

enum kind { DIALOGUE, ACTION, TURNING_POINT, EMOTION, MUSIC, QUIET, KINDS };
static const char *const kind_names[] = {"dialogue", "action", "turning-point",
                                         "emotion",  "music",  "quiet"};

enum { MOST_MOMENTS = 12, MOST_CANDIDATES = 400, QUOTE_CHARS = 160 };

struct candidate {
    enum kind kind;
    int64_t start_us, end_us;
    size_t segment;
    float score;
    int64_t sentence; /* -1 none */
    size_t rank;      /* DIALOGUE, EMOTION: 1 is best */
    size_t unit;      /* ACTION, TURNING_POINT */
};
struct candidate_vec MD_VEC(struct candidate);

struct search {
    const struct md_timeline *timeline;
    const struct md_span_vec *spans;
    const struct md_story *story;
    struct candidate_vec found;
};

static int compare_scores(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

/* Keeps the best of those from `first` on, numbered by rank. */
static void keep_best(struct search *s, size_t first)
{
    size_t n = s->found.n - first;
    if (n > 1)
        qsort(s->found.v + first, n, sizeof *s->found.v, compare_scores);
    s->found.n = first + MD_MIN(n, (size_t)MOST_CANDIDATES);
    for (size_t i = first; i < s->found.n; i++)
        s->found.v[i].rank = i - first + 1;
}

static int find_lines(struct search *s, enum kind kind)
{
    const struct md_story *story = s->story;
    size_t first = s->found.n;
    for (size_t g = 0; g < story->segments.n; g++) {
        const struct md_segment *seg = &story->segments.v[g];
        for (int64_t i = seg->first_sentence; i < seg->first_sentence + seg->sentence_count; i++) {
            const struct md_sentence *x = &story->sentences.v[i];
            float score = kind == DIALOGUE ? 0.9f * x->importance + 0.1f * x->emotion
                                           : x->emotion * (0.35f + 0.65f * x->importance);
            struct candidate c = {kind, x->start_us, x->end_us, g, score, .sentence = i};
            if (md_vec_push(&s->found, c) < 0)
                return MD_ERR_NOMEM;
        }
    }
    keep_best(s, first);
    return MD_OK;
}

static int64_t best_sentence(const struct md_story *story, int64_t from_us, int64_t to_us,
                             const struct md_segment *segment)
{
    int64_t best = -1;
    for (int64_t i = segment->first_sentence; i < segment->first_sentence + segment->sentence_count;
         i++) {
        const struct md_sentence *x = &story->sentences.v[i];
        if (x->start_us >= from_us && x->start_us < to_us &&
            (best < 0 || x->importance > story->sentences.v[best].importance))
            best = i;
    }
    return best;
}

/* Each segment's liveliest stretch of some seconds. */
static int find_action(struct search *s)
{
    const float weight = 0.72f;
    const int64_t stretch_us =
        MD_CLAMP(s->timeline->segment_us / 6, MD_SECOND_US, 15 * MD_SECOND_US);
    size_t first = s->found.n;
    for (size_t g = 0; g < s->spans->n; g++) {
        const struct md_span *span = &s->spans->v[g];
        const struct md_unit *u = s->timeline->units.v;
        struct candidate best = {.kind = ACTION, .segment = g, .score = -1};
        size_t end = span->first + span->n, k = span->first;
        double sum = 0, length = 0;
        for (size_t i = span->first; i < end; i++) {
            while (k < end && length < (double)stretch_us) {
                double d = (double)(u[k].end_us - u[k].start_us);
                sum += u[k].activity * d;
                length += d;
                k++;
            }
            float score = (float)(sum / MD_MAX(length, 1)) * weight;
            if (score > best.score)
                best =
                    (struct candidate){ACTION, u[i].start_us, u[k - 1].end_us, g, score, -1, 0, i};
            double d = (double)(u[i].end_us - u[i].start_us);
            sum -= u[i].activity * d;
            length -= d;
        }
        best.end_us = MD_MIN(best.end_us, best.start_us + 2 * stretch_us);
        best.sentence =
            best_sentence(s->story, best.start_us, best.end_us, &s->story->segments.v[g]);
        if (best.score > 0 && md_vec_push(&s->found, best) < 0)
            return MD_ERR_NOMEM;
    }
    keep_best(s, first);
    return MD_OK;
}

static int find_turning_points(struct search *s)
{
    static const float act_weight[MD_ACTS] = {0, 0.62f, 0.5f, 0.72f, 0.55f};
    for (size_t a = 1; a < s->story->acts.n; a++) {
        const struct md_act_range *act = &s->story->acts.v[a];
        const struct md_segment *seg = &s->story->segments.v[act->first_segment];
        int64_t length_us = MD_MIN(seg->end_us - seg->start_us, s->timeline->segment_us / 3);
        struct candidate c = {.kind = TURNING_POINT,
                              .start_us = seg->start_us,
                              .end_us = seg->start_us + length_us,
                              .segment = (size_t)act->first_segment,
                              .score = act_weight[act->act] + 0.25f * seg->boundary,
                              .unit = s->spans->v[act->first_segment].first};
        c.sentence =
            best_sentence(s->story, c.start_us, c.start_us + s->timeline->segment_us / 2, seg);
        if (md_vec_push(&s->found, c) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int64_t segment_at(const struct md_story *story, int64_t time_us)
{
    size_t low = 0, high = story->segments.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (story->segments.v[middle].end_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low < story->segments.n && story->segments.v[low].start_us <= time_us;
    return inside ? (int64_t)low : -1;
}

/* Long music and long silences inside the movie; those at its very edges are titles, not story. */
static int find_sounds(struct search *s)
{
    const struct md_audio *audio = s->timeline->audio;
    const double least_music_s = 12, least_quiet_s = 5, full_s = 90, edge = 0.02;
    size_t first = s->found.n;
    for (size_t i = 0; audio && i < audio->ranges.n; i++) {
        const struct md_sound_range *r = &audio->ranges.v[i];
        bool music = r->sound == MD_SOUND_MUSIC;
        double length_s = (double)(r->end_us - r->start_us) / 1e6;
        int64_t segment = segment_at(s->story, r->start_us);
        double place = (double)r->start_us / (double)s->timeline->duration_us;
        if ((!music && r->sound != MD_SOUND_SILENCE) || segment < 0 || place < edge ||
            place > 1 - edge || length_s < (music ? least_music_s : least_quiet_s))
            continue;
        float score = (float)(0.3 + 0.3 * MD_MIN(length_s / full_s, 1)) * r->confidence;
        struct candidate c = {.kind = music ? MUSIC : QUIET,
                              .start_us = r->start_us,
                              .end_us = r->end_us,
                              .segment = (size_t)segment,
                              .score = score,
                              .sentence = -1};
        if (md_vec_push(&s->found, c) < 0)
            return MD_ERR_NOMEM;
    }
    keep_best(s, first);
    return MD_OK;
}

/* --- choosing --- */

static size_t wanted(const struct md_timeline *t, const struct md_story *story)
{
    double minutes = (double)t->content_us / 60e6;
    size_t n = (size_t)(2 + 1.2 * sqrt(minutes) + 0.5);
    return MD_CLAMP(n, (size_t)1, MD_MIN((size_t)MOST_MOMENTS, story->segments.n + 2));
}

static float discounted(const struct search *s, const struct candidate *c,
                        const struct candidate_vec *taken, int64_t apart_us)
{
    const float again = 0.86f, near = 0.5f;
    float score = c->score;
    for (size_t i = 0; i < taken->n; i++) {
        const struct candidate *t = &taken->v[i];
        int64_t distance_us = llabs(t->start_us - c->start_us);
        bool same_line = c->sentence >= 0 && c->sentence == t->sentence;
        bool overlaps = c->start_us < t->end_us && t->start_us < c->end_us;
        if (same_line || overlaps || distance_us < apart_us / 4)
            return 0;
        if (distance_us < apart_us)
            score *= near;
        if (t->kind == c->kind)
            score *= again;
        if (s->story->segments.v[t->segment].act == s->story->segments.v[c->segment].act)
            score *= again;
    }
    return score;
}

static int take_best(struct search *s, struct candidate_vec *taken)
{
    size_t want = wanted(s->timeline, s->story);
    int64_t apart_us = s->timeline->content_us / (int64_t)(want * 2);
    while (taken->n < want) {
        const struct candidate *best = NULL;
        float best_score = 0.05f; /* rather one less than a moment nobody would mention */
        for (size_t i = 0; i < s->found.n; i++) {
            float score = discounted(s, &s->found.v[i], taken, apart_us);
            if (score > best_score) {
                best = &s->found.v[i];
                best_score = score;
            }
        }
        if (!best)
            break;
        if (md_vec_push(taken, *best) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* --- words for the person --- */

static void append_ordinal(struct md_str *out, size_t n)
{
    static const char *const suffix[] = {"th", "st", "nd", "rd"};
    size_t last = n % 10;
    bool teens = n % 100 >= 11 && n % 100 <= 13;
    md_str_printf(out, "%zu%s", n, suffix[teens || last > 3 ? 0 : last]);
}

static void explain_line(const struct search *s, const struct candidate *c, struct md_str *out)
{
    size_t total = s->story->sentences.n;
    if (c->kind == EMOTION) {
        md_str_append(out, c->rank == 1 ? "The words with the strongest feeling in the movie"
                                        : "Strong feeling in the words");
    } else if (c->rank == 1) {
        md_str_printf(out, "The line that the rest of the dialogue echoes most, of %zu", total);
    } else {
        md_str_append(out, "One of the lines that the dialogue keeps coming back to (");
        append_ordinal(out, c->rank);
        md_str_printf(out, " of %zu)", total);
    }
}

static void explain_action(const struct search *s, const struct candidate *c, struct md_str *out)
{
    const struct md_unit *u = &s->timeline->units.v[c->unit];
    md_str_append(out, c->rank == 1 ? "The liveliest moment of the movie" : "A lively moment");
    const char *separator = ": ";
    if (u->motion > 0.35f) {
        md_str_printf(out, "%sstrong movement", separator);
        separator = ", ";
    }
    if (u->cutting > 0.33f) {
        md_str_printf(out, "%sa cut every %.1f seconds", separator, 1 / u->cutting);
        separator = ", ";
    }
    if (u->loudness_step > 4) {
        md_str_printf(out, "%sthe sound changes by %.0f LU", separator, u->loudness_step);
        separator = ", ";
    }
    if (u->sound.share[MD_SOUND_MUSIC] > 0.5f)
        md_str_printf(out, "%swith music", separator);
}

static void explain_turn(const struct search *s, const struct candidate *c, struct md_str *out)
{
    const struct md_unit *u = &s->timeline->units.v[c->unit];
    int act = s->story->segments.v[c->segment].act;
    int transition = u->shot >= 0 && s->timeline->shots && u->first
                         ? s->timeline->shots->shots.v[u->shot].transition
                         : MD_TRANSITION_CUT;
    md_prose_act_begins(act, out);
    if (transition == MD_TRANSITION_FADE_BLACK || transition == MD_TRANSITION_FADE_WHITE)
        md_str_append(out, ", after a fade");
    else if (transition == MD_TRANSITION_DISSOLVE)
        md_str_append(out, ", through a dissolve");
    else if (u->loudness_step > 6)
        md_str_append(out, ", with a change in the sound");
}

static void explain(const struct search *s, const struct candidate *c, struct md_str *out)
{
    double length_s = (double)(c->end_us - c->start_us) / 1e6;
    switch (c->kind) {
    case DIALOGUE:
    case EMOTION:
        explain_line(s, c, out);
        break;
    case ACTION:
        explain_action(s, c, out);
        break;
    case TURNING_POINT:
        explain_turn(s, c, out);
        break;
    case MUSIC:
        md_str_printf(out, "Music for %.0f seconds", length_s);
        break;
    default:
        md_str_printf(out, "Silence for %.0f seconds", length_s);
        break;
    }
    md_str_append_char(out, '.');
}

static int push_moment(const struct search *s, const struct candidate *c,
                       struct md_key_moment_vec *ret)
{
    md_autostr reason = {0}, quote = {0};
    explain(s, c, &reason);
    if (c->sentence >= 0)
        md_prose_clip(s->story->sentences.v[c->sentence].text, QUOTE_CHARS, &quote);
    struct md_key_moment m = {.time_us = c->start_us,
                              .end_us = MD_MAX(c->end_us, c->start_us + 1),
                              .segment = (int64_t)c->segment,
                              .score = MD_MIN(c->score, 1),
                              .kind = strdup(kind_names[c->kind]),
                              .reason = md_str_take(&reason),
                              .quote = c->sentence >= 0 ? md_str_take(&quote) : NULL};
    if (!m.kind || !m.reason || (c->sentence >= 0 && !m.quote) || md_vec_push(ret, m) < 0) {
        free(m.kind);
        free(m.reason);
        free(m.quote);
        return MD_ERR_NOMEM;
    }
    return MD_OK;
}

static int compare_times(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

int md_story_find_moments(const struct md_timeline *timeline, const struct md_span_vec *spans,
                          const struct md_story *story, struct md_key_moment_vec *ret)
{
    struct search s = {timeline, spans, story, {0}};
    struct candidate_vec taken = {0};
    int r = find_lines(&s, DIALOGUE);
    if (r == MD_OK)
        r = find_lines(&s, EMOTION);
    if (r == MD_OK)
        r = find_action(&s);
    if (r == MD_OK)
        r = find_turning_points(&s);
    if (r == MD_OK)
        r = find_sounds(&s);
    if (r == MD_OK)
        r = take_best(&s, &taken);
    if (taken.n > 1)
        qsort(taken.v, taken.n, sizeof *taken.v, compare_times);
    for (size_t i = 0; i < taken.n && r == MD_OK; i++)
        r = push_moment(&s, &taken.v[i], ret);
    md_vec_done(&s.found);
    md_vec_done(&taken);
    return r;
}
