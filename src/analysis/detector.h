/* Shot detectors: looks in, boundaries out. Which ones exist is written in one table. */
#ifndef MD_ANALYSIS_DETECTOR_H
#define MD_ANALYSIS_DETECTOR_H

#include "analysis/history.h"
#include "base/error.h"
#include "base/vec.h"
#include "model/shots.h"

/* Where one shot gives way to the next. A cut: start == end == the first frame of the new shot. A
 * gradual transition: the last frame that shows only what was before (or is still whole, before a
 * fade) to the first that shows only what comes after. */
struct md_boundary {
    int64_t start_frame, end_frame;
    int kind;         /* enum md_transition, not MD_TRANSITION_START */
    float confidence; /* 0 to 1 */
};
struct md_boundary_vec MD_VEC(struct md_boundary);

/* The first frame of the new shot: the middle of a gradual transition. */
static inline int64_t md_boundary_split(const struct md_boundary *boundary)
{
    return boundary->start_frame + (boundary->end_frame - boundary->start_frame + 1) / 2;
}

/* Why a detector is asked to make up its mind. */
enum md_detector_end {
    MD_DETECTOR_GOES_ON,   /* more frames follow */
    MD_DETECTOR_RANGE_END, /* no more frames, but the film goes on */
    MD_DETECTOR_FILM_END,  /* the film's last frame was added */
};

/* What a detector implements. It sees frames through the history only, which outlives it. */
struct md_detector_ops {
    const char *name;        /* as the option is spelled */
    const char *description; /* a sentence for people */
    /* Begins with the next frame the history gets. NULL when out of memory. */
    void *(*create)(const struct md_history *history);
    void (*destroy)(void *state); /* NULL is fine */
    /* Called after each added frame, and once more with another end than MD_DETECTOR_GOES_ON when
     * there are no more (then every boundary still open is decided). Appends what it decided to
     * out, in order, not overlapping. Returns the first frame about which it is not yet sure: no
     * boundary that splits before it will come. It must be sure of all but the last
     * MD_DETECTOR_LATENCY frames. Negative: MD_ERR_NOMEM. */
    int64_t (*step)(void *state, enum md_detector_end end, struct md_boundary_vec *out);
};

enum { MD_DETECTOR_LATENCY = 400 };

/* All of them, the default first, ended by NULL. */
extern const struct md_detector_ops *const md_detectors[];

/* By name; NULL or "" is the default. MD_ERR_INPUT with a sentence that lists the names. */
int md_detector_find(const char *name, const struct md_detector_ops **ret_ops,
                     struct md_failure *failure);

extern const struct md_detector_ops md_detector_accurate, md_detector_histogram,
    md_detector_content;

#endif
