/* Is a worker with a model getting on? That it is alive says little: the loop that waits for a
 * library turns, and says so, while the library hangs. What counts is units, and how long one may
 * take nobody knows beforehand: a second on a GPU, many minutes of a large model on an old CPU. So
 * a worker is its own measure. Getting ready includes one batch of the largest units there are (a
 * warm-up); who then goes without a unit for many times that, or for many times its longest unit,
 * and for ten minutes at least, hangs.
 *
 * Loading is measured by the file's size first; a warm-up that turns has longer, within a limit. */
#include "base/clock.h"
#include "engine/engine_internal.h"

static const int64_t many_times = 20;
static const int64_t least_us = 600 * MD_SECOND_US;
static const int64_t start_limit_us = 1800 * MD_SECOND_US;

void md_engine_progress_start_(struct worker *w, int64_t now_us)
{
    w->started_us = now_us;
    w->longest_us = 0;
}

void md_engine_progress_ready_(struct worker *w, int64_t now_us)
{
    w->longest_us = now_us - w->started_us;
}

void md_engine_progress_run_(struct worker *w, int64_t now_us)
{
    w->unit_since_us = now_us;
}

void md_engine_progress_unit_(struct worker *w, int64_t now_us)
{
    w->longest_us = MD_MAX(w->longest_us, now_us - w->unit_since_us);
    w->unit_since_us = now_us;
}

int64_t md_engine_progress_end_(const struct worker *w)
{
    if (!is_shared(w))
        return NEVER_US;
    if (w->state == WORKER_STARTING)
        return w->started_us + start_limit_us;
    int64_t longest_us = MD_MIN(w->longest_us, NEVER_US / 4 / many_times);
    return w->unit_since_us + MD_MAX(longest_us * many_times, least_us);
}
