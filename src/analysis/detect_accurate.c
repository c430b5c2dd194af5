/* The default detector. Each frame is put to every kind of boundary in turn: the first of a new
 * shot after a cut? the last of a dissolve or wipe? the end of a fade's even pictures? What says
 * yes is a candidate; candidates that overlap compete, and the winner is given out as soon as no
 * frame still to come can bring a better one. All state is the short list of open candidates. */
#include "analysis/detector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cuts.h"
#include "analysis/fade.h"
#include "analysis/gradual.h"
#include "analysis/rate.h"
#include "base/cleanup.h"

enum {
    MOST_OPEN = 256, /* candidates that do not overlap within the latency */
    LOCAL = 2,       /* a cut is the likeliest within so many frames */
    AFTERGLOW = 8,   /* frames at 24 per second after a flash in which no stretch begins */
    LEAST_SHOT = 3,  /* frames at 24 per second: of two cuts nearer than this one is kept */
};

/* A cut this certain is not swallowed by a dissolve around it. */
static const float certain_cut = 3;

/* Two scenes have at least this little in common (corners of two shots of one scene have less of
 * either). */
static const float hidden_unlike = 0.3f, hidden_histogram = 0.2f;

struct open {
    struct md_boundary boundary;
    float score;
    bool is_fade;
};

struct accurate {
    const struct md_history *history;
    int64_t next;                /* frame to be judged */
    int64_t run_first;           /* of the even pictures going on; -1 none */
    bool run_is_long;            /* its fade-out was given out already */
    int64_t last_flash;          /* frame; far below 0 when none was yet */
    struct open open[MOST_OPEN]; /* in order, not overlapping */
    int count;
};

static void *create(const struct md_history *history)
{
    struct accurate *state = calloc(1, sizeof *state);
    if (state) {
        state->history = history;
        state->next = md_history_count(history);
        state->run_first = -1;
        state->last_flash = state->next - MD_HISTORY_FRAMES;
    }
    return state;
}

static void destroy(void *state)
{
    free(state);
}

/* Do they claim the same change? */
static bool overlap(const struct open *a, const struct open *b, int least_shot)
{
    const struct md_boundary *p = &a->boundary, *q = &b->boundary;
    bool p_is_cut = p->kind == MD_TRANSITION_CUT, q_is_cut = q->kind == MD_TRANSITION_CUT;
    if (p_is_cut && q_is_cut)
        return llabs(p->start_frame - q->start_frame) < least_shot;
    if (p_is_cut)
        return p->start_frame > q->start_frame - 1 && p->start_frame <= q->end_frame + 1;
    if (q_is_cut)
        return overlap(b, a, least_shot);
    return p->start_frame < q->end_frame && q->start_frame < p->end_frame;
}

static bool beats(const struct open *a, const struct open *b)
{
    if (a->is_fade != b->is_fade)
        return a->is_fade;
    bool a_is_cut = a->boundary.kind == MD_TRANSITION_CUT;
    bool b_is_cut = b->boundary.kind == MD_TRANSITION_CUT;
    if (a_is_cut != b_is_cut)
        return a_is_cut ? a->score > certain_cut : b->score <= certain_cut;
    return a->score > b->score;
}

static void remove_open(struct accurate *state, int i)
{
    memmove(&state->open[i], &state->open[i + 1],
            (size_t)(state->count - i - 1) * sizeof state->open[0]);
    state->count--;
}

static void propose(struct accurate *state, struct open candidate, float rate)
{
    int least_shot = md_rate_frames(rate, LEAST_SHOT, 2, 8);
    for (int i = 0; i < state->count; i++)
        if (overlap(&candidate, &state->open[i], least_shot) && !beats(&candidate, &state->open[i]))
            return;
    for (int i = state->count - 1; i >= 0; i--)
        if (overlap(&candidate, &state->open[i], least_shot))
            remove_open(state, i);
    if (state->count == MOST_OPEN) /* cannot be: they do not overlap; but never write beyond */
        return;
    candidate.boundary.confidence = 1 / (1 + expf(-candidate.score));
    int at = state->count++;
    while (at > 0 && state->open[at - 1].boundary.start_frame > candidate.boundary.start_frame) {
        state->open[at] = state->open[at - 1];
        at--;
    }
    state->open[at] = candidate;
}

static void judge_cut(struct accurate *state, int64_t frame, float rate)
{
    if (frame == md_history_first(state->history)) /* nothing to compare with */
        return;
    float score = md_cut_score(state->history, frame, rate);
    if (score <= 0)
        return;
    for (int64_t f = frame - LOCAL; f <= frame + LOCAL; f++)
        if (f != frame && f > md_history_first(state->history) &&
            f < md_history_count(state->history)) {
            float other = md_cut_score(state->history, f, rate);
            if (other > score || (other == score && f < frame))
                return;
        }
    if (md_cut_is_flash(state->history, frame, rate)) {
        state->last_flash = frame;
        return;
    }
    struct open cut = {
        .boundary = {.start_frame = frame, .end_frame = frame, .kind = MD_TRANSITION_CUT},
        .score = score,
    };
    propose(state, cut, rate);
}

static void judge_stretches(struct accurate *state, int64_t frame, float rate)
{
    int afterglow = md_rate_frames(rate, AFTERGLOW, 2, 20);
    struct md_stretch found[MD_GRADUAL_LENGTHS + 1];
    int n = md_dissolve_find(state->history, frame, rate, found);
    n += md_wipe_find(state->history, frame, rate, &found[n]);
    for (int i = 0; i < n; i++) {
        /* The light of a flash dies down evenly, too. */
        if (found[i].start <= state->last_flash + afterglow)
            continue;
        struct open stretch = {
            .boundary = {.start_frame = found[i].start,
                         .end_frame = found[i].end,
                         .kind = found[i].kind},
            .score = found[i].score,
        };
        propose(state, stretch, rate);
    }
}

/* at_end: the film ends with `last`. */
static void propose_fade(struct accurate *state, int64_t first, int64_t last, bool at_end,
                         float rate)
{
    struct md_fade fade;
    if (!md_fade_measure(state->history, first, last, rate, &fade))
        return;
    /* The film's own rise and fall divide nothing, unless a black leader is shot enough. */
    bool at_start = first == 0;
    if ((at_start || at_end) && (float)(last - first) < rate)
        return;
    if (at_start)
        fade.start = last;
    if (at_end)
        fade.end = first;
    struct open candidate = {
        .boundary = {.start_frame = fade.start, .end_frame = fade.end, .kind = fade.kind},
        .score = fade.score,
        .is_fade = true,
    };
    propose(state, candidate, rate);
}

/* A few even pictures between two scenes: the flash that hides a cut, a splice of leader. */
static void propose_hidden_cut(struct accurate *state, int64_t first, int64_t last, float rate)
{
    if (first <= md_history_first(state->history) || last - first >= md_rate_frames(rate, 4, 2, 10))
        return;
    struct md_change change;
    md_change_measure(md_history_look(state->history, first - 1),
                      md_history_look(state->history, last + 1), &change);
    if (change.unlike < hidden_unlike || change.histogram < hidden_histogram)
        return;
    struct open cut = {
        .boundary = {.start_frame = first, .end_frame = first, .kind = MD_TRANSITION_CUT},
        .score = certain_cut,
    };
    propose(state, cut, rate);
}

static void judge_fade(struct accurate *state, int64_t frame, float rate)
{
    bool blank = md_history_is_blank(state->history, frame);
    int hold = md_rate_frames(rate, 60, 24, MD_FADE_HOLD);
    if (blank && state->run_first < 0) {
        state->run_first = frame;
        state->run_is_long = false;
    } else if (blank && !state->run_is_long && frame - state->run_first >= hold) {
        propose_fade(state, state->run_first, state->run_first, false, rate);
        state->run_is_long = true;
    } else if (!blank && state->run_first >= 0) {
        propose_fade(state, state->run_is_long ? frame - 1 : state->run_first, frame - 1, false,
                     rate);
        propose_hidden_cut(state, state->run_first, frame - 1, rate);
        state->run_first = -1;
    } else if (!blank && md_fade_is_valley(state->history, frame)) {
        propose_fade(state, frame, frame, false, rate);
    }
}

/* Gives out what can no longer be beaten; returns the first frame that is not settled. */
static int64_t give_out(struct accurate *state, bool finish, float rate,
                        struct md_boundary_vec *out)
{
    int64_t settled = INT64_MAX;
    if (!finish) {
        /* Whatever comes starts at most so long before the frame judged next. */
        int reach = md_rate_frames(rate, 64, 20, MD_GRADUAL_LONGEST) + LOCAL + 1;
        int64_t open_from = state->next;
        if (state->run_first >= 0 && !state->run_is_long)
            open_from = state->run_first;
        settled = MD_MAX(open_from - reach, 0);
    }
    while (state->count > 0 && state->open[0].boundary.end_frame < settled) {
        if (md_vec_push(out, state->open[0].boundary) < 0)
            return MD_ERR_NOMEM;
        remove_open(state, 0);
    }
    if (finish)
        return md_history_count(state->history);
    if (state->count > 0)
        settled = MD_MIN(settled, state->open[0].boundary.start_frame);
    return settled;
}

static int64_t step(void *opaque, enum md_detector_end end, struct md_boundary_vec *out)
{
    bool finish = end != MD_DETECTOR_GOES_ON;
    struct accurate *state = opaque;
    float rate = md_history_rate(state->history);
    int ahead = MD_MAX(md_cut_look_ahead(rate), md_fade_look_ahead(rate));
    int64_t count = md_history_count(state->history);
    for (; state->next < count && (finish || state->next + ahead < count); state->next++) {
        judge_cut(state, state->next, rate);
        judge_stretches(state, state->next, rate);
        judge_fade(state, state->next, rate);
    }
    if (finish && state->run_first >= md_history_first(state->history) && !state->run_is_long)
        propose_fade(state, state->run_first, count - 1, end == MD_DETECTOR_FILM_END, rate);
    return give_out(state, finish, rate, out);
}

const struct md_detector_ops md_detector_accurate = {
    .name = "accurate",
    .description = "Cuts, dissolves, fades and wipes; robust to flashes and fast motion.",
    .create = create,
    .destroy = destroy,
    .step = step,
};
