/* A ring in one allocation, so that the memory of a movie's analysis is known before it starts. */
#include "analysis/history.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum {
    RATE_FRAMES = 32,
    OUTSIDE = 4,
    MIDDLE_TOP = 6,  /* rows of a look: below bars of a sixth, */
    MIDDLE_END = 24, /* and above two lines of text */
    EVEN = 6,        /* grey levels: grain that is left in the averages */
    /* Films fade to black or white; of greys there are more even things than fades. In 87 fades the
     * colour was at most 29 or at least 240. */
    DARKEST_COLOUR = 32,
    LIGHTEST_COLOUR = 225,
};

struct md_history {
    int64_t begin, count;
    struct md_look looks[MD_HISTORY_FRAMES + 1]; /* one more: the slot being filled */
    struct md_change changes[MD_HISTORY_FRAMES + 1];
    struct md_middle middles[MD_HISTORY_FRAMES + 1];
};

struct md_history *md_history_new(void)
{
    return calloc(1, sizeof(struct md_history));
}

void md_history_free(struct md_history *history)
{
    free(history);
}

void md_history_begin(struct md_history *history, int64_t frame)
{
    assert(frame >= 0);
    history->begin = history->count = frame;
}

static size_t place(int64_t frame)
{
    return (size_t)(frame % (MD_HISTORY_FRAMES + 1));
}

struct md_look *md_history_slot(struct md_history *history)
{
    return &history->looks[place(history->count)];
}

static void measure_middle(const struct md_look *look, struct md_middle *ret_middle)
{
    const uint8_t *luma = look->luma + MIDDLE_TOP * MD_LOOK_W;
    const int n = (MIDDLE_END - MIDDLE_TOP) * MD_LOOK_W;
    int sum = 0, squares = 0, near = 0;
    for (int i = 0; i < n; i++) {
        sum += luma[i];
        squares += luma[i] * luma[i];
    }
    int mean = (sum + n / 2) / n;
    for (int i = 0; i < n; i++)
        near += abs(luma[i] - mean) <= EVEN;
    float exact = (float)sum / (float)n;
    *ret_middle = (struct md_middle){
        .mean = exact,
        .deviation = sqrtf(MD_MAX((float)squares / (float)n - exact * exact, 0)),
        .even = (float)near / (float)n,
    };
}

void md_history_add(struct md_history *history)
{
    struct md_look *look = md_history_slot(history);
    struct md_change *change = &history->changes[place(history->count)];
    *change = (struct md_change){0};
    measure_middle(look, &history->middles[place(history->count)]);
    if (history->count > history->begin)
        md_change_measure(&history->looks[place(history->count - 1)], look, change);
    history->count++;
}

int64_t md_history_count(const struct md_history *history)
{
    return history->count;
}

int64_t md_history_first(const struct md_history *history)
{
    return MD_MAX(history->count - MD_HISTORY_FRAMES, history->begin);
}

const struct md_look *md_history_look(const struct md_history *history, int64_t frame)
{
    assert(frame >= md_history_first(history) && frame < history->count);
    return &history->looks[place(frame)];
}

const struct md_change *md_history_change(const struct md_history *history, int64_t frame)
{
    assert(frame >= md_history_first(history) && frame < history->count);
    return &history->changes[place(frame)];
}

const struct md_middle *md_history_middle(const struct md_history *history, int64_t frame)
{
    assert(frame >= md_history_first(history) && frame < history->count);
    return &history->middles[place(frame)];
}

bool md_history_is_blank(const struct md_history *history, int64_t frame)
{
    const struct md_middle *middle = md_history_middle(history, frame);
    if (middle->mean > DARKEST_COLOUR && middle->mean < LIGHTEST_COLOUR)
        return false;
    const struct md_look *look = md_history_look(history, frame);
    return middle->even >= 0.97f || (look->deviation < 5 && look->gradient < 1);
}

void md_history_activity(const struct md_history *history, int64_t start, int64_t end,
                         struct md_activity *ret_activity)
{
    struct md_activity activity = {0};
    for (int64_t f = start + 1; f <= end; f++) {
        const struct md_change *change = md_history_change(history, f);
        activity.plain += change->plain;
        activity.residual += change->residual;
        activity.largest = MD_MAX(activity.largest, change->plain);
    }
    activity.plain /= (float)(end - start);
    activity.residual /= (float)(end - start);
    int n = 0;
    for (int i = 0; i < OUTSIDE; i++) {
        if (start - i > md_history_first(history)) {
            activity.outside += md_history_change(history, start - i)->plain;
            n++;
        }
        if (end + 1 + i < history->count) {
            activity.outside += md_history_change(history, end + 1 + i)->plain;
            n++;
        }
    }
    activity.outside /= (float)MD_MAX(n, 1);
    *ret_activity = activity;
}

float md_history_rate(const struct md_history *history)
{
    if (history->count == history->begin)
        return 25;
    int64_t last = history->count - 1, first = MD_MAX(last - RATE_FRAMES, history->begin);
    const struct md_look *a = md_history_look(history, first);
    const struct md_look *b = md_history_look(history, last);
    int64_t span_us = b->pts_us + b->duration_us - a->pts_us;
    float rate = (float)(last - first + 1) * MD_SECOND_US / (float)MD_MAX(span_us, 1);
    return MD_CLAMP(rate, 1.0f, 1000.0f);
}
