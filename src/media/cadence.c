/* Timestamps pass a small sorted window, which undoes the decoder's reordering, and their
 * differences are compared with a median learnt from the first of them. A frame rate claimed by a
 * header is never looked at: that is what this measures. */
#include "media/cadence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Longer than any frame is held on purpose; slide shows aside, it is a broken timestamp. */
static const double jump_seconds = 10.0;

/* How far from the median an interval may lie and still be the same rate: a tenth, but always the
 * rounding of a millisecond clock (Matroska) and of the stream's own ticks. */
static const double odd_share = 0.10;
static const double odd_seconds = 0.00101;

static double tick_seconds(const struct md_cadence *c)
{
    return c->tick_den > 0 ? (double)c->tick_num / (double)c->tick_den : 0;
}

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_odd(const struct md_cadence *c, int64_t interval)
{
    double tolerance = fmax((double)c->median * odd_share, 2.0);
    if (tick_seconds(c) > 0)
        tolerance = fmax(tolerance, odd_seconds / tick_seconds(c));
    return fabs((double)interval - (double)c->median) > tolerance;
}

static void judge(struct md_cadence *c, int64_t interval)
{
    int64_t frames = c->median > 0 ? (interval + c->median / 2) / c->median : 1;
    if (frames > 1 && frames - 1 <= c->unstamped && !is_odd(c, interval / frames)) {
        c->unstamped -= frames - 1;
        c->usual_n += frames;
        c->usual_sum += interval;
    } else if (is_odd(c, interval)) {
        c->odd_n++;
    } else {
        c->usual_n++;
        c->usual_sum += interval;
    }
}

static void learn_median(struct md_cadence *c)
{
    int64_t sorted[MD_CADENCE_LEARN];
    memcpy(sorted, c->learn, c->learn_n * sizeof *sorted);
    qsort(sorted, c->learn_n, sizeof *sorted, compare_int64);
    c->median = sorted[c->learn_n / 2];
    c->learnt = true;
    for (size_t i = 0; i < c->learn_n; i++)
        judge(c, c->learn[i]);
}

static void add_interval(struct md_cadence *c, int64_t interval)
{
    if (interval < 0 || (double)interval * tick_seconds(c) > jump_seconds) {
        c->jumps++;
        return;
    }
    c->span += interval;
    if (c->learnt) {
        judge(c, interval);
        return;
    }
    c->learn[c->learn_n++] = interval;
    if (c->learn_n == MD_CADENCE_LEARN)
        learn_median(c);
}

static void pop(struct md_cadence *c)
{
    int64_t first = c->window[0];
    memmove(c->window, c->window + 1, --c->window_n * sizeof *c->window);
    int64_t interval;
    if (c->has_last && !__builtin_sub_overflow(first, c->last, &interval))
        add_interval(c, interval);
    c->last = first;
    c->has_last = true;
}

void md_cadence_add(struct md_cadence *c, int64_t timestamp)
{
    if (c->window_n == MD_CADENCE_REORDER)
        pop(c);
    size_t at = c->window_n++;
    while (at > 0 && c->window[at - 1] > timestamp) {
        c->window[at] = c->window[at - 1];
        at--;
    }
    c->window[at] = timestamp;
    c->frames++;
}

void md_cadence_add_unstamped(struct md_cadence *c)
{
    c->frames++;
    c->unstamped++;
}

void md_cadence_break(struct md_cadence *c)
{
    /* The newest half of the window may miss neighbours that were never read. */
    size_t keep = c->window_n > MD_CADENCE_REORDER / 2 ? c->window_n - MD_CADENCE_REORDER / 2 : 0;
    while (c->window_n > 0 && keep-- > 0)
        pop(c);
    c->window_n = 0;
    c->has_last = false;
}

/* The usual rates of film, television, phones and surveillance. */
static const int64_t usual_rates[][2] = {
    {24000, 1001}, {24, 1},       {25, 1}, {30000, 1001}, {30, 1},  {48, 1},
    {50, 1},       {60000, 1001}, {60, 1}, {10, 1},       {12, 1},  {25, 2},
    {15, 1},       {15000, 1001}, {20, 1}, {100, 1},      {120, 1}, {120000, 1001},
    {5, 1},        {1, 1},        {90, 1}, {240, 1},
};

static void set_rate(const struct md_cadence *c, bool variable, struct md_cadence_result *r)
{
    int64_t ticks = variable ? c->span : c->usual_sum;
    int64_t n = variable ? c->usual_n + c->odd_n : c->usual_n;
    r->fps_num = 0;
    r->fps_den = 1;
    if (ticks <= 0 || n <= 0 || tick_seconds(c) <= 0)
        return;
    double seconds = (double)ticks * tick_seconds(c);
    double rate = (double)n / seconds;
    /* both ends of the span are rounded, to ticks and perhaps to milliseconds before that */
    double doubt = fmax(tick_seconds(c), 0.001) / seconds + 2e-5;
    double best = 2;
    for (size_t i = 0; !variable && i < MD_ARRAY_LEN(usual_rates); i++) {
        double usual = (double)usual_rates[i][0] / (double)usual_rates[i][1];
        double error = fabs(rate / usual - 1);
        if (error < best && error <= doubt) {
            best = error;
            r->fps_num = usual_rates[i][0];
            r->fps_den = usual_rates[i][1];
        }
    }
    if (r->fps_num == 0 && rate < 1000000) {
        r->fps_num = llround(rate * 1000);
        r->fps_den = 1000;
    }
}

struct md_cadence_result md_cadence_finish(struct md_cadence *c)
{
    while (c->window_n > 0)
        pop(c);
    if (!c->learnt && c->learn_n > 0)
        learn_median(c);
    int64_t intervals = c->usual_n + c->odd_n;
    struct md_cadence_result r = {
        .frames = c->frames,
        .interval_ticks = c->median,
        .variable = c->odd_n > 1 && c->odd_n * 100 > intervals,
        .jumps = c->jumps,
    };
    set_rate(c, r.variable, &r);
    return r;
}
