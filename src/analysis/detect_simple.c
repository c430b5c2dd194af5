/* The two textbook detectors, as measures for the accurate one. Both look at one change at a time,
 * so that they find cuts and nothing else. */
#include "analysis/detector.h"

#include <stdlib.h>

#include "base/cleanup.h"

/* Lower and no true cut is missed for a flash or a fast pan; higher and quiet cuts go. Values from
 * the corners of their precision and recall curves. */
static const float histogram_threshold = 0.35f;
static const float content_threshold = 22.0f;

struct simple {
    const struct md_history *history;
    int64_t next; /* frame to be looked at */
};

static void *create(const struct md_history *history)
{
    struct simple *simple = calloc(1, sizeof *simple);
    if (simple)
        *simple = (struct simple){history, md_history_count(history)};
    return simple;
}

static void destroy(void *state)
{
    free(state);
}

/* Boundaries where value, the change of a frame, passes the threshold. */
static int64_t step(struct simple *simple, float (*value)(const struct md_change *),
                    float threshold, struct md_boundary_vec *out)
{
    for (; simple->next < md_history_count(simple->history); simple->next++) {
        float v = value(md_history_change(simple->history, simple->next));
        if (v < threshold || simple->next == md_history_first(simple->history))
            continue;
        struct md_boundary boundary = {
            .start_frame = simple->next,
            .end_frame = simple->next,
            .kind = MD_TRANSITION_CUT,
            .confidence = MD_MIN(v / threshold / 2, 1.0f),
        };
        if (md_vec_push(out, boundary) < 0)
            return MD_ERR_NOMEM;
    }
    return simple->next;
}

static float histogram_value(const struct md_change *change)
{
    return change->histogram;
}

static float content_value(const struct md_change *change)
{
    return change->plain + change->chroma / 2;
}

static int64_t step_histogram(void *state, enum md_detector_end end, struct md_boundary_vec *out)
{
    return step(state, histogram_value, histogram_threshold, out);
}

static int64_t step_content(void *state, enum md_detector_end end, struct md_boundary_vec *out)
{
    return step(state, content_value, content_threshold, out);
}

const struct md_detector_ops md_detector_histogram = {
    .name = "histogram",
    .description = "Cuts where the histograms of the picture's quarters change.",
    .create = create,
    .destroy = destroy,
    .step = step_histogram,
};

const struct md_detector_ops md_detector_content = {
    .name = "content",
    .description = "Cuts where the pixels change much in place; misled by motion and flashes.",
    .create = create,
    .destroy = destroy,
    .step = step_content,
};
