/* Where decoded sound belongs: gaps to fill with silence, overlaps to drop, slips to ignore. Pure
 * arithmetic in samples. */
#ifndef MD_MEDIA_AUDIO_TIMELINE_H
#define MD_MEDIA_AUDIO_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#define MD_AUDIO_NO_STAMP INT64_MIN

struct md_audio_timeline {
    int64_t position;  /* where the next sample goes; starts where the output starts */
    int64_t offset;    /* added to stamps since they last jumped back */
    int64_t tolerance; /* samples a stamp may be off without meaning anything: jitter of clocks */
    int64_t jump;      /* samples from which a step back is a new time line, not an overlap */
    bool started;
};

/* What to do with a run of decoded samples: put `fill` of silence before it, leave out its first
 * `drop`. At most one of the two is not 0; both lie within [0, ...), drop <= samples. */
struct md_audio_placing {
    int64_t fill, drop;
};

/* position: of the first sample of output. rate: samples per second, > 0. */
void md_audio_timeline_init(struct md_audio_timeline *timeline, int64_t position, int rate);

/* The same point in time at another sample rate. */
void md_audio_timeline_change_rate(struct md_audio_timeline *timeline, int old_rate, int new_rate);

/* The place of `samples` samples stamped `stamp`, when the run after them is stamped `after` (both
 * in samples of the same clock, MD_AUDIO_NO_STAMP where unknown). Moves the position on. */
struct md_audio_placing md_audio_timeline_place(struct md_audio_timeline *timeline, int64_t stamp,
                                                int64_t after, int64_t samples);

#endif
