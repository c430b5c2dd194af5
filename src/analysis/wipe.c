/* During a wipe every place of the picture shows either the old scene or the new one. The places
 * that show the new one grow evenly, do not change back, and lie together: their border with the
 * rest is about as long as the picture is high, where in a scene full of motion it would wander all
 * over it. Compared are 32 x 18 averages of luma and chroma, each with the nearest of its nine
 * neighbours, so that both scenes may move a little. */
#include "analysis/gradual.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/rate.h"
#include "model/shots.h"

enum {
    W = MD_LOOK_CHROMA_W,
    H = MD_LOOK_CHROMA_H,
    SIZE = W * H,
    PLACES = 7,
    TELLING = 24, /* least difference of old and new, over three channels, that can be told */
};

static const int lengths[] = {8, 11, 15, 20, 27, 36};

/* Limits found on 52 wipes and as many minutes without. */
static const float least_telling = 0.45f;   /* share of places where old and new differ */
static const float least_explained = 0.85f; /* share of those that show one or the other */
static const float most_border = 3.1f;      /* in units of the root of the telling places */
static const float most_back = 0.12f;       /* share of places that change back */
static const float most_uneven = 0.16f;
static const float least_histogram = 0.25f; /* of old to new, or they are one scene */
static const float least_residual = 0.5f;   /* what motion leaves of the difference */
static const float most_return = 0.6f;      /* of the change that is left when something passed */
/* A little of each fault is too much, too: border + 10 x uneven + 3 x places that do not tell. */
static const float most_faults = 5;
/* A pan over a plain wall looks like a wipe, but most of its change is explained by motion and goes
 * on around it. What is explained that far must be clearer. */
static const float least_motionless = 0.24f, clear_motionless = 0.5f;
/* During a wipe no less happens than around it. */
static const float least_inside = 0.9f;
static const float clear_explained = 0.92f, clear_inside = 1.6f;

static int distance(const struct md_look *a, int i, const struct md_look *b, int j)
{
    return abs(a->half_luma[i] - b->half_luma[j]) + abs(a->cb[i] - b->cb[j]) +
           abs(a->cr[i] - b->cr[j]);
}

/* The same for all places at once. */
static void distances(const struct md_look *a, const struct md_look *b, uint16_t out[SIZE])
{
    for (int i = 0; i < SIZE; i++)
        out[i] = (uint16_t)distance(a, i, b, i);
}

/* The distance of place (x, y) of a to the nearest of the nine around it in b. */
static int near_distance(const struct md_look *a, const struct md_look *b, int x, int y)
{
    int best = INT_MAX;
    for (int j = MD_MAX(y - 1, 0); j <= MD_MIN(y + 1, H - 1); j++)
        for (int i = MD_MAX(x - 1, 0); i <= MD_MIN(x + 1, W - 1); i++)
            best = MD_MIN(best, distance(a, y * W + x, b, j * W + i));
    return best;
}

enum state { OLD, NEW, MUTE }; /* MUTE: old and new look the same here */

struct wipe {
    const struct md_look *old, *new;
    uint16_t whole[SIZE]; /* distance of old and new */
    uint8_t state[SIZE];
    int telling;
    int back; /* places that showed the new scene and then the old */
    int pictures;
    float explained, uneven, border; /* sums over pictures */
};

static bool start_wipe(struct wipe *wipe, const struct md_look *old, const struct md_look *new)
{
    *wipe = (struct wipe){.old = old, .new = new};
    distances(old, new, wipe->whole);
    for (int i = 0; i < SIZE; i++) {
        wipe->state[i] = wipe->whole[i] > TELLING ? OLD : MUTE;
        wipe->telling += wipe->whole[i] > TELLING;
    }
    return (float)wipe->telling >= least_telling * SIZE;
}

static int border_length(const struct wipe *wipe)
{
    int length = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int here = wipe->state[y * W + x];
            int right = x + 1 < W ? wipe->state[y * W + x + 1] : MUTE;
            int below = y + 1 < H ? wipe->state[(y + 1) * W + x] : MUTE;
            if (here != MUTE)
                length += (right != MUTE && right != here) + (below != MUTE && below != here);
        }
    return length;
}

/* Close enough to leave no doubt: a third of the way, and 12 for the noise of three channels. */
static bool is_close(int to_one, int whole)
{
    return 3 * to_one <= whole + 12;
}

/* Takes one picture inside the stretch; line is where it lies, 0..1. Returns false, and takes
 * nothing, when most of it is neither. */
static bool add_picture(struct wipe *wipe, const struct md_look *now, float line)
{
    uint16_t to_old[SIZE], to_new[SIZE];
    distances(now, wipe->old, to_old);
    distances(now, wipe->new, to_new);
    int plain = 0, shown = 0, explained = 0;
    for (int i = 0; i < SIZE; i++)
        plain += wipe->state[i] != MUTE && is_close(MD_MIN(to_old[i], to_new[i]), wipe->whole[i]);
    if (2 * plain < wipe->telling)
        return false;
    for (int i = 0; i < SIZE; i++) {
        if (wipe->state[i] == MUTE)
            continue;
        int old = to_old[i], new = to_new[i];
        if (!is_close(MD_MIN(old, new), wipe->whole[i])) {
            old = near_distance(now, wipe->old, i % W, i / W);
            new = near_distance(now, wipe->new, i % W, i / W);
        }
        bool is_new = new < old;
        wipe->back += wipe->state[i] == NEW && !is_new;
        wipe->state[i] = is_new ? NEW : OLD;
        shown += is_new;
        explained += is_close(MD_MIN(old, new), wipe->whole[i]);
    }
    float share = (float)shown / (float)wipe->telling;
    wipe->explained += (float)explained / (float)wipe->telling;
    wipe->uneven += (share - line) * (share - line);
    wipe->border += (float)border_length(wipe) / sqrtf((float)wipe->telling);
    wipe->pictures++;
    return true;
}

/* How far a value lies on the good side of its limit, 1 at twice as good. */
static float margin(float value, float limit, float scale)
{
    return MD_CLAMP((value - limit) / scale, -1.0f, 1.0f);
}

/* 0 when it is none. motionless: share of the change that motion does not explain; inside: change
 * per frame in units of that around. */
static float score(const struct wipe *wipe, float motionless, float inside)
{
    float n = (float)wipe->pictures, explained = wipe->explained / n, border = wipe->border / n;
    float back = (float)wipe->back / (float)wipe->telling, uneven = sqrtf(wipe->uneven / n);
    if (explained < least_explained || border > most_border || back > most_back ||
        uneven > most_uneven || motionless < least_motionless || inside < least_inside)
        return 0;
    float mute = 1 - (float)wipe->telling / SIZE;
    if (border + 10 * uneven + 3 * mute > most_faults)
        return 0;
    if (motionless < clear_motionless && (explained < clear_explained || inside < clear_inside))
        return 0;
    /* On the scale of the dissolves' log-odds: a clean wipe is beyond doubt. A part of a wipe is as
     * clean as the whole, but covers less of the picture. */
    return 3 * (float)wipe->telling / SIZE + 2 * margin(explained, least_explained, 0.1f) +
           2 * margin(-border, -most_border, 1.5f) + 2 * margin(-uneven, -most_uneven, 0.1f) +
           margin(-back, -most_back, 0.1f);
}

/* The picture in the middle alone: half old, half new, with a short border? Spares the rest. */
static bool is_half_way(const struct wipe *start, const struct md_look *middle)
{
    struct wipe wipe = *start;
    return add_picture(&wipe, middle, 0.5f) && wipe.explained >= 0.8f &&
           wipe.uneven <= 0.3f * 0.3f && wipe.border <= 6;
}

static float try_wipe(const struct md_history *history, int64_t start, int64_t end, float rate)
{
    const struct md_look *old = md_history_look(history, start);
    const struct md_look *new = md_history_look(history, end);
    struct wipe wipe;
    if (md_history_is_blank(history, start) || md_change_histogram(old, new) < least_histogram ||
        !start_wipe(&wipe, old, new) ||
        !is_half_way(&wipe, md_history_look(history, (start + end) / 2)))
        return 0;
    for (int p = 1; p <= PLACES; p++) {
        int64_t frame = start + ((end - start) * p + (PLACES + 1) / 2) / (PLACES + 1);
        if (!add_picture(&wipe, md_history_look(history, frame),
                         (float)(frame - start) / (float)(end - start)))
            return 0;
    }
    struct md_activity activity;
    md_history_activity(history, start, end, &activity);
    float s = score(&wipe, activity.residual / (activity.plain + 0.01f),
                    (activity.plain + 0.5f) / (activity.outside + 0.5f));
    if (s <= 0)
        return 0;
    struct md_change whole;
    md_change_measure(old, new, &whole);
    return whole.residual >= least_residual * whole.plain &&
                   md_gradual_comes_back(history, start, end, rate, &whole) > most_return
               ? s
               : 0;
}

bool md_wipe_find(const struct md_history *history, int64_t end, float rate,
                  struct md_stretch *ret_stretch)
{
    /* One frame more or less is the same wipe: every other frame is put to it. */
    if (end % 2 || md_history_is_blank(history, end))
        return false;
    int before = 0;
    struct md_stretch best = {.kind = MD_TRANSITION_WIPE};
    for (size_t i = 0; i < MD_ARRAY_LEN(lengths); i++) {
        int length = md_rate_frames(rate, lengths[i], 4, MD_GRADUAL_LONGEST);
        int64_t start = end - length;
        if (length == before || start < md_history_first(history))
            continue;
        before = length;
        float s = try_wipe(history, start, end, rate);
        if (s > best.score) {
            best.start = start;
            best.end = end;
            best.score = s;
        }
    }
    *ret_stretch = best;
    return best.score > 0;
}
