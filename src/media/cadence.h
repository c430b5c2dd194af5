/* Frame rate from real timestamps: constant or variable, how fast, with jumps or not. No libav
 * types. Pure, constant memory. */
#ifndef MD_MEDIA_CADENCE_H
#define MD_MEDIA_CADENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MD_CADENCE_REORDER = 33, /* H.264 and HEVC reorder at most 16 frames, fields count twice */
    MD_CADENCE_LEARN = 512,  /* intervals from which the usual one is learnt */
};

/* Zero it, set tick_num and tick_den (seconds per tick), then add timestamps in decoding order. */
struct md_cadence {
    int64_t tick_num, tick_den;

    /* private */
    int64_t window[MD_CADENCE_REORDER]; /* sorted */
    size_t window_n;
    int64_t learn[MD_CADENCE_LEARN];
    size_t learn_n;
    bool has_last, learnt;
    int64_t last;
    int64_t median;
    int64_t usual_sum, usual_n, odd_n; /* intervals near the median: their ticks and number */
    int64_t span;                      /* ticks covered by all intervals without jumps */
    int64_t frames, jumps, unstamped;
};

void md_cadence_add(struct md_cadence *cadence, int64_t timestamp);

/* A frame without a timestamp (MPEG program streams): explains an interval that is as long as two
 * or more usual ones. */
void md_cadence_add_unstamped(struct md_cadence *cadence);

/* What follows comes from elsewhere in the movie. */
void md_cadence_break(struct md_cadence *cadence);

struct md_cadence_result {
    int64_t frames;         /* timestamps seen */
    int64_t interval_ticks; /* the median; 0 with fewer than two frames */
    int64_t fps_num,
        fps_den;   /* measured rate, snapped to a usual one it cannot be told from; 0/1 */
    bool variable; /* more than 1 % of the intervals, and more than one, are unusual */
    int64_t jumps; /* intervals below zero or over ten seconds */
};

struct md_cadence_result md_cadence_finish(struct md_cadence *cadence);

#endif
