/* Cut points are the shot boundaries at which nobody speaks. Where these lie far apart (a long
 * take, a dialogue whose lines run over every cut) points inside shots are added, in the longest
 * pauses or, without words, where it is quietest, on frame times. */
#include "select/atoms.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "select/entries.h"

enum { MOST_ATOMS = 20000 };
static const int64_t shortest_atom_us = 240000; /* flicker: six frames cannot be told apart */

/* --- speech --- */

static int compare_busy(const void *a, const void *b)
{
    const struct md_busy *x = a, *y = b;
    if (x->start_us != y->start_us)
        return x->start_us < y->start_us ? -1 : 1;
    return x->end_us < y->end_us ? -1 : x->end_us > y->end_us;
}

/* Captions that roll: each is shown until well after the next has begun, so what is seen says
 * little about what is heard. */
static bool captions_roll(const struct md_transcript *transcript)
{
    size_t rolling = 0, cues = 0;
    const struct md_cue *before = NULL;
    for (size_t i = 0; transcript && i < transcript->cues.n; i++) {
        const struct md_cue *c = &transcript->cues.v[i];
        if (c->is_sound)
            continue;
        rolling += before && c->start_us < before->end_us && c->start_us > before->start_us;
        cues++;
        before = c;
    }
    return rolling * 3 > cues;
}

/* Ends every range a little before the next one starts. */
static void unroll(struct md_busy_vec *busy)
{
    const int64_t gap_us = 60000; /* holds a frame at any usual rate */
    for (size_t i = 0; i + 1 < busy->n; i++) {
        int64_t latest_us = busy->v[i + 1].start_us - gap_us;
        if (busy->v[i].end_us > latest_us && latest_us > busy->v[i].start_us)
            busy->v[i].end_us = latest_us;
    }
}

static void unite(struct md_busy_vec *busy)
{
    size_t kept = 0;
    for (size_t i = 0; i < busy->n; i++) {
        if (kept > 0 && busy->v[i].start_us < busy->v[kept - 1].end_us)
            busy->v[kept - 1].end_us = MD_MAX(busy->v[kept - 1].end_us, busy->v[i].end_us);
        else
            busy->v[kept++] = busy->v[i];
    }
    busy->n = kept;
}

/* Sentences alone: their times lie within those of the cues that hold them. */
static int push_sentences(const struct md_story *story, bool roll, struct md_busy_vec *ret)
{
    for (size_t i = 0; i < story->sentences.n; i++) {
        const struct md_sentence *s = &story->sentences.v[i];
        if (s->end_us > s->start_us &&
            md_vec_push(ret, (struct md_busy){s->start_us, s->end_us}) < 0)
            return MD_ERR_NOMEM;
    }
    if (roll)
        unroll(ret);
    return MD_OK;
}

int md_select_find_speech(const struct md_story *story, const struct md_transcript *transcript,
                          struct md_busy_vec *ret)
{
    bool roll = captions_roll(transcript);
    if (push_sentences(story, roll, ret) < 0)
        return MD_ERR_NOMEM;
    for (size_t i = 0; transcript && !roll && i < transcript->cues.n; i++) {
        const struct md_cue *c = &transcript->cues.v[i];
        if (!c->is_sound && c->end_us > c->start_us &&
            md_vec_push(ret, (struct md_busy){c->start_us, c->end_us}) < 0)
            return MD_ERR_NOMEM;
    }
    if (ret->n > 1)
        qsort(ret->v, ret->n, sizeof *ret->v, compare_busy);
    unite(ret);
    return MD_OK;
}

/* First range that ends after the time. */
static size_t find_busy(const struct md_busy_vec *busy, int64_t time_us)
{
    size_t low = 0, high = busy->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (busy->v[middle].end_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool md_select_is_speaking(const struct md_busy_vec *busy, int64_t time_us)
{
    size_t i = find_busy(busy, time_us);
    return i < busy->n && busy->v[i].start_us < time_us;
}

/* --- points --- */

/* A time at which the movie may be cut. */
struct point {
    int64_t time_us;
    int64_t in_us, out_us; /* where what follows starts, where what comes before ends */
    bool can_start, can_end;
    bool run_start, run_end; /* content starts, ends here */
};
struct point_vec MD_VEC(struct point);

struct maker {
    const struct md_atoms_input *in;
    struct md_busy_vec busy;
    struct point_vec points;
};

static int64_t frame_time(const struct md_shot *shot, int64_t frame)
{
    double frames = (double)(shot->end_frame - shot->start_frame);
    double length = (double)(shot->end_us - shot->start_us);
    return shot->start_us + llround((double)(frame - shot->start_frame) * length / frames);
}

static bool has_picture(const struct maker *m)
{
    return m->in->shots && m->in->shots->shots.n > 0;
}

/* The shot that holds a time; shots tile. */
static size_t find_shot(const struct md_shots *shots, int64_t time_us)
{
    size_t low = 0, high = shots->shots.n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shots->shots.v[middle].end_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_gradual(const struct md_shot *shot)
{
    return shot->transition != MD_TRANSITION_START && shot->transition != MD_TRANSITION_CUT &&
           shot->transition_end_frame > shot->transition_start_frame;
}

/* Would a cut at this time show part of a gradual transition, the shot's own or into the next? The
 * first frame of a transition still looks like the shot before. */
static bool in_transition(const struct md_shots *shots, size_t i, int64_t time_us)
{
    const struct md_shot *shot = &shots->shots.v[i], *next = shot + 1;
    if (is_gradual(shot) && time_us <= frame_time(shot, shot->transition_end_frame))
        return true;
    return i + 1 < shots->shots.n && is_gradual(next) &&
           time_us > frame_time(shot, next->transition_start_frame);
}

/* The point at the start of a shot. */
static struct point shot_point(const struct maker *m, size_t i)
{
    const struct md_shot *shot = &m->in->shots->shots.v[i];
    struct point p = {.time_us = shot->start_us, .in_us = shot->start_us, .out_us = shot->start_us};
    p.can_start = p.can_end = true;
    if (is_gradual(shot)) {
        const struct md_shots *shots = m->in->shots;
        int64_t after = shot->transition_end_frame + 1, before = shot->transition_start_frame;
        const struct md_shot *last = i > 0 ? shot - 1 : NULL;
        p.can_start = after > shot->start_frame && after < shot->end_frame;
        if (p.can_start)
            p.in_us = frame_time(shot, after);
        p.can_start = p.can_start && !in_transition(shots, i, p.in_us);
        p.can_end = last && before > last->start_frame && before <= last->end_frame;
        if (p.can_end)
            p.out_us = frame_time(last, before);
        p.can_end = p.can_end && !in_transition(shots, i - 1, p.out_us);
    }
    p.can_start = p.can_start && !md_select_is_speaking(&m->busy, p.in_us);
    p.can_end = p.can_end && !md_select_is_speaking(&m->busy, p.out_us);
    return p;
}

/* --- points inside a stretch --- */

struct inside {
    int64_t time_us;
    double quality;
};

/* Moves the time to a frame within (from, to), never to a transition; false when there is none. */
static bool snap(const struct maker *m, int64_t from_us, int64_t to_us, int64_t *inout_us)
{
    int64_t time_us = *inout_us;
    if (has_picture(m)) {
        const struct md_shots *shots = m->in->shots;
        size_t i = find_shot(shots, time_us);
        const struct md_shot *shot = &shots->shots.v[i];
        double frames = (double)(shot->end_frame - shot->start_frame);
        double length = (double)MD_MAX(shot->end_us - shot->start_us, 1);
        double frame = round((double)(time_us - shot->start_us) * frames / length);
        time_us = frame_time(shot, shot->start_frame + (int64_t)frame);
        if (in_transition(shots, i, time_us))
            return false;
    }
    *inout_us = time_us;
    return time_us >= from_us && time_us <= to_us;
}

/* Loudness relative to the movie's, turned so that quiet is good: 0 to 1. */
static double quietness(const struct maker *m, int64_t time_us)
{
    const int64_t around_us = 300000;
    struct md_audio_measure at;
    md_audio_measure(m->in->audio, time_us - around_us, time_us + around_us, &at);
    return at.known ? MD_CLAMP((-10 - (double)at.loudness) / 50, 0, 1) : 0.5;
}

static const double full_pause_s = 1.5;

/* Weighs a time in a free gap [from, to]; extra: of its quality. */
static void weigh(const struct maker *m, int64_t from_us, int64_t to_us, int64_t wish_us,
                  struct inside place, struct inside *best)
{
    const double pause_weight = 2, distance_weight = 0.5;
    double pause_s = (double)(to_us - from_us) / 1e6;
    double distance = fabs((double)(place.time_us - wish_us)) / (double)m->in->usual_us;
    place.quality += pause_weight * MD_MIN(pause_s / full_pause_s, 1) +
                     quietness(m, place.time_us) - distance_weight * distance;
    if (best->time_us < 0 || place.quality > best->quality)
        *best = place;
}

/* Tries one free gap [from, to] for a point near `wish`. */
static void try_gap(const struct maker *m, int64_t from_us, int64_t to_us, int64_t wish_us,
                    struct inside *best)
{
    int64_t time_us = MD_CLAMP(wish_us, from_us, to_us);
    double pause_s = (double)(to_us - from_us) / 1e6;
    if (pause_s < 2 * full_pause_s) /* a short pause is cut in its middle */
        time_us = from_us + (to_us - from_us) / 2;
    if (snap(m, from_us, to_us, &time_us))
        weigh(m, from_us, to_us, wish_us, (struct inside){time_us, 0}, best);
}

/* Tries the entries of one free gap: a piece that starts on one need not be encoded. */
static void try_entries(const struct maker *m, int64_t from_us, int64_t to_us, int64_t wish_us,
                        struct inside *best)
{
    const int64_t margin_us = 150000; /* words begin and end softly */
    const double worth = 0.4;         /* as much as a pause that is 0.3 s longer */
    if (!has_picture(m))
        return;
    const struct md_shots *shots = m->in->shots;
    int64_t at_us = md_select_entry_after(&shots->entries_us, from_us + margin_us);
    for (; at_us <= to_us - margin_us;
         at_us = md_select_entry_after(&shots->entries_us, at_us + 1000))
        if (!in_transition(shots, find_shot(shots, at_us), at_us))
            weigh(m, from_us, to_us, wish_us, (struct inside){at_us, worth}, best);
}

/* The best time to cut in [from, to]: gaps between speech, and in long ones a few places. */
static struct inside best_inside(const struct maker *m, int64_t from_us, int64_t to_us)
{
    enum { PLACES = 5 };
    struct inside best = {.time_us = -1};
    int64_t wish_us = from_us + (to_us - from_us) / 2, at_us = from_us;
    for (size_t i = find_busy(&m->busy, from_us); at_us < to_us; i++) {
        bool more = i < m->busy.n && m->busy.v[i].start_us < to_us;
        int64_t gap_end_us = more ? MD_MAX(m->busy.v[i].start_us, at_us) : to_us;
        if (gap_end_us - at_us > m->in->usual_us / 2) {
            for (int k = 0; k < PLACES; k++) {
                int64_t place_us = at_us + (gap_end_us - at_us) * (k + 1) / (PLACES + 1);
                try_gap(m, at_us, gap_end_us, place_us, &best);
            }
        } else if (gap_end_us > at_us || (more && m->busy.v[i].start_us == at_us)) {
            try_gap(m, at_us, gap_end_us, wish_us, &best);
        }
        try_entries(m, at_us, gap_end_us, wish_us, &best);
        if (!more)
            break;
        at_us = m->busy.v[i].end_us;
    }
    return best;
}

static int push_inside(struct maker *m, int64_t time_us)
{
    struct point p = {.time_us = time_us,
                      .in_us = time_us,
                      .out_us = time_us,
                      .can_start = true,
                      .can_end = true};
    return md_vec_push(&m->points, p);
}

/* Divides a stretch without points; from and to are its ends. */
static int divide(struct maker *m, int64_t from_us, int64_t to_us)
{
    const int64_t usual_us = m->in->usual_us, least_us = usual_us / 3;
    while (to_us - from_us > usual_us + least_us) {
        int64_t latest_us = MD_MIN(from_us + usual_us, to_us - least_us);
        struct inside at = best_inside(m, from_us + least_us, latest_us);
        /* speech without a pause: the next pause then, however late */
        for (; at.time_us < 0 && latest_us < to_us - least_us; latest_us += usual_us)
            at = best_inside(m, latest_us, MD_MIN(latest_us + usual_us, to_us - least_us));
        if (at.time_us <= from_us || at.time_us >= to_us)
            break;
        if (push_inside(m, at.time_us) < 0)
            return MD_ERR_NOMEM;
        from_us = at.time_us;
    }
    return MD_OK;
}

/* A shot that does not begin on an entry may be entered on the first one in it as well, where a
 * good part of it lies on either side. */
static int add_entry(struct maker *m, size_t shot_index, int64_t to_us, int64_t *inout_last_us)
{
    const int64_t part_us = 3 * MD_SECOND_US / 2, margin_us = 150000;
    const struct md_shots *shots = m->in->shots;
    const struct md_shot *shot = &shots->shots.v[shot_index];
    int64_t from_us = MD_MAX(shot->start_us, *inout_last_us);
    int64_t at_us = md_select_entry_after(&shots->entries_us, from_us);
    if (at_us > from_us && at_us < from_us + part_us)
        at_us = md_select_entry_after(&shots->entries_us, from_us + part_us);
    if (at_us < from_us + part_us || at_us > MD_MIN(shot->end_us, to_us) - part_us ||
        in_transition(shots, shot_index, at_us))
        return MD_OK;
    size_t word = find_busy(&m->busy, at_us - margin_us);
    if (word < m->busy.n && m->busy.v[word].start_us < at_us + margin_us)
        return MD_OK;
    if (divide(m, *inout_last_us, at_us) < 0 || push_inside(m, at_us) < 0)
        return MD_ERR_NOMEM;
    *inout_last_us = at_us;
    return MD_OK;
}

/* --- runs of content --- */

/* Points of one run [from, to), both always points. */
static int add_run(struct maker *m, int64_t from_us, int64_t to_us)
{
    int64_t last_us = from_us, spacing_us = shortest_atom_us;
    struct point start = {from_us, from_us, from_us, true, true, .run_start = true};
    struct point end = {to_us, to_us, to_us, true, true, .run_end = true};
    size_t first = 0, n = 0;
    if (has_picture(m)) {
        const struct md_shots *shots = m->in->shots;
        n = shots->shots.n;
        first = find_shot(shots, from_us);
        struct point edge = shot_point(m, first);
        if (edge.time_us == from_us && edge.can_start)
            start.in_us = edge.in_us;
        spacing_us = MD_MAX(spacing_us, shots->duration_us / MOST_ATOMS);
    }
    if (md_vec_push(&m->points, start) < 0)
        return MD_ERR_NOMEM;
    size_t i = first;
    for (; i < n && m->in->shots->shots.v[i].start_us < to_us; i++) {
        struct point p = shot_point(m, i);
        bool usable = p.time_us - last_us >= spacing_us && to_us - p.time_us >= spacing_us &&
                      (p.can_start || p.can_end);
        if (usable) {
            if (divide(m, last_us, p.time_us) < 0 || md_vec_push(&m->points, p) < 0)
                return MD_ERR_NOMEM;
            last_us = p.time_us;
        }
        if (add_entry(m, i, to_us, &last_us) < 0)
            return MD_ERR_NOMEM;
    }
    if (i < n && m->in->shots->shots.v[i].start_us == to_us) {
        struct point edge = shot_point(m, i);
        if (edge.can_end)
            end.out_us = edge.out_us;
    }
    if (divide(m, last_us, to_us) < 0)
        return MD_ERR_NOMEM;
    return md_vec_push(&m->points, end);
}

static int add_runs(struct maker *m)
{
    const struct md_segment_vec *segments = &m->in->story->segments;
    for (size_t i = 0, end; i < segments->n; i = end) {
        for (end = i + 1;
             end < segments->n && segments->v[end].start_us == segments->v[end - 1].end_us;)
            end++;
        if (segments->v[end - 1].end_us > segments->v[i].start_us &&
            add_run(m, segments->v[i].start_us, segments->v[end - 1].end_us) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

/* --- atoms --- */

/* Moves *inout on to the segment in which most of [start, end) lies. */
static void place(const struct md_story *story, struct md_atom *atom, size_t *inout)
{
    int64_t best_us = -1;
    while (*inout + 1 < story->segments.n && story->segments.v[*inout].end_us <= atom->start_us)
        ++*inout;
    for (size_t i = *inout; i < story->segments.n; i++) {
        const struct md_segment *s = &story->segments.v[i];
        int64_t overlap_us = MD_MIN(s->end_us, atom->end_us) - MD_MAX(s->start_us, atom->start_us);
        if (s->start_us >= atom->end_us)
            break;
        if (overlap_us > best_us) {
            best_us = overlap_us;
            atom->segment = i;
            atom->act = s->act;
        }
    }
}

static void find_sentences(const struct md_story *story, struct md_atom *atom, size_t *inout)
{
    const struct md_sentence_vec *s = &story->sentences;
    while (*inout < s->n && s->v[*inout].start_us < atom->start_us)
        ++*inout;
    atom->first_sentence = *inout;
    while (*inout < s->n && s->v[*inout].start_us < atom->end_us)
        ++*inout;
    atom->sentence_count = *inout - atom->first_sentence;
}

/* Moves where a piece starts, or ends, to an entry close by. Only within a shot of which a second
 * stays, and over nothing that is said: not seen, not heard, and saves encoding. */
static const int64_t near_us = MD_SECOND_US / 2, stays_us = MD_SECOND_US;

static int64_t later_start(const struct maker *m, int64_t in_us, int64_t until_us)
{
    const struct md_shots *shots = m->in->shots;
    int64_t at_us = md_select_entry_after(&shots->entries_us, in_us);
    if (at_us > in_us + near_us || at_us + stays_us > until_us)
        return in_us;
    size_t shot = find_shot(shots, in_us), word = find_busy(&m->busy, in_us);
    bool talks = word < m->busy.n && m->busy.v[word].start_us < at_us;
    bool same = shots->shots.v[shot].end_us >= at_us + stays_us;
    return same && !talks && !in_transition(shots, shot, at_us) ? at_us : in_us;
}

static int64_t earlier_end(const struct maker *m, int64_t out_us, int64_t from_us)
{
    const struct md_shots *shots = m->in->shots;
    int64_t at_us = md_select_entry_before(&shots->entries_us, out_us);
    if (at_us < out_us - near_us || at_us - stays_us < from_us)
        return out_us;
    size_t shot = find_shot(shots, out_us - 1), word = find_busy(&m->busy, at_us);
    bool talks = word < m->busy.n && m->busy.v[word].start_us < out_us;
    bool same = shots->shots.v[shot].start_us <= at_us - stays_us;
    return same && !talks && !in_transition(shots, shot, at_us) ? at_us : out_us;
}

/* Where pieces may play on from one into the other the film must stay whole. */
static void move_to_entries(const struct maker *m, struct md_atom *before, struct md_atom *atom)
{
    if (!has_picture(m) || !atom->follows || before->act != atom->act)
        return;
    atom->in_us = later_start(m, atom->in_us, atom->end_us);
    before->out_us = earlier_end(m, before->out_us, before->start_us);
}

static int make_atoms(struct maker *m, struct md_atom_vec *ret)
{
    size_t segment = 0, sentence = 0;
    for (size_t i = 0; i + 1 < m->points.n; i++) {
        const struct point *a = &m->points.v[i], *b = a + 1;
        struct md_atom atom = {.start_us = a->time_us,
                               .end_us = b->time_us,
                               .in_us = a->in_us,
                               .out_us = b->out_us,
                               .can_start = a->can_start,
                               .can_end = b->can_end,
                               .follows = !a->run_start};
        if (a->run_end)
            continue;
        /* an atom shorter than the transition it lies in can only be passed through */
        atom.can_start = atom.can_start && atom.in_us < atom.end_us;
        atom.can_end = atom.can_end && atom.out_us > atom.start_us;
        place(m->in->story, &atom, &segment);
        if (ret->n > 0)
            move_to_entries(m, &ret->v[ret->n - 1], &atom);
        find_sentences(m->in->story, &atom, &sentence);
        if (has_picture(m)) {
            atom.first_shot = (int64_t)find_shot(m->in->shots, atom.start_us);
            atom.shot_count =
                (int64_t)find_shot(m->in->shots, atom.end_us - 1) - atom.first_shot + 1;
        }
        if (md_vec_push(ret, atom) < 0)
            return MD_ERR_NOMEM;
    }
    return MD_OK;
}

int md_select_make_atoms(const struct md_atoms_input *input, struct md_atom_vec *ret)
{
    struct maker m = {.in = input};
    int r = md_select_find_speech(input->story, input->transcript, &m.busy);
    if (r == MD_OK)
        r = add_runs(&m);
    if (r == MD_OK)
        r = make_atoms(&m, ret);
    md_vec_done(&m.busy);
    md_vec_done(&m.points);
    return r;
}
