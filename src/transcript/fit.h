/* Do subtitles belong to this sound, and if not as they are, then moved or stretched? */
#ifndef MD_TRANSCRIPT_FIT_H
#define MD_TRANSCRIPT_FIT_H

#include "model/audio.h"
#include "transcript/subtitle.h"

enum md_fit_verdict {
    MD_FIT_UNKNOWN, /* too little to go by; nothing should be said */
    MD_FIT_GOOD,
    MD_FIT_MOVED, /* they fit once moved: time in the movie = rate * time + delay */
    MD_FIT_OTHER, /* there is plenty to compare and it fits nowhere: another film, or version */
};

struct md_fit {
    int verdict; /* enum md_fit_verdict */
    int64_t delay_us;
    double rate; /* 25.0 / 24 and the like; 1: only moved */
    /* Agreement in standard deviations over all places tried: as they are, and at the best. */
    double as_is, best;
    size_t cues; /* that were compared */
};

/* Pure; never fails, but for MD_ERR_NOMEM. Events are tidied (sorted, with ends, plain text). */
int md_fit_subtitles(const struct md_audio *audio, const struct md_subtitle_event_vec *events,
                     struct md_fit *ret_fit);

/* Moves events as a fit says. */
void md_fit_apply(struct md_subtitle_event_vec *events, double rate, int64_t delay_us);

#endif
