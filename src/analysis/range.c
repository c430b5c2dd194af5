/* History and detector together, begun anew for each stretch. A detector starts with nothing known
 * but the frames it is shown, so that its verdict about a stretch never depends on which stretches
 * were looked at before. */
#include "analysis/range.h"

#include <stdlib.h>

#include "analysis/cuts.h"
#include "analysis/fade.h"
#include "analysis/rate.h"

struct md_range {
    const struct md_detector_ops *detector;
    struct md_history *history;
    void *state;
    int64_t settled;
};

int md_range_margin_before(float rate)
{
    return md_rate_frames(rate, 72, 24, MD_RANGE_MOST_MARGIN);
}

int md_range_margin_after(float rate)
{
    return MD_MAX(md_range_margin_before(rate),
                  MD_MAX(md_cut_look_ahead(rate), md_fade_look_ahead(rate)));
}

struct md_range *md_range_new(const struct md_detector_ops *detector)
{
    struct md_range *range = calloc(1, sizeof *range);
    if (!range)
        return NULL;
    range->detector = detector;
    range->history = md_history_new();
    if (!range->history || md_range_begin(range, 0) < 0) {
        md_range_free(range);
        return NULL;
    }
    return range;
}

void md_range_free(struct md_range *range)
{
    if (!range)
        return;
    range->detector->destroy(range->state);
    md_history_free(range->history);
    free(range);
}

int md_range_begin(struct md_range *range, int64_t first)
{
    range->detector->destroy(range->state);
    md_history_begin(range->history, first);
    range->settled = first;
    range->state = range->detector->create(range->history);
    return range->state ? MD_OK : MD_ERR_NOMEM;
}

struct md_look *md_range_slot(struct md_range *range)
{
    return md_history_slot(range->history);
}

static int step(struct md_range *range, enum md_detector_end end, struct md_boundary_vec *out)
{
    int64_t settled = range->detector->step(range->state, end, out);
    if (settled < 0)
        return MD_ERR_NOMEM;
    range->settled = settled;
    return MD_OK;
}

int md_range_add(struct md_range *range, struct md_boundary_vec *out)
{
    md_history_add(range->history);
    return step(range, MD_DETECTOR_GOES_ON, out);
}

int md_range_finish(struct md_range *range, bool is_film_end, struct md_boundary_vec *out)
{
    return step(range, is_film_end ? MD_DETECTOR_FILM_END : MD_DETECTOR_RANGE_END, out);
}

int64_t md_range_settled(const struct md_range *range)
{
    return range->settled;
}

const struct md_history *md_range_history(const struct md_range *range)
{
    return range->history;
}
