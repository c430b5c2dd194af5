/* The movie as a row of units: shots, with takes longer than a segment divided at pauses, and with
 * what is seen and heard in each. A movie without a picture is divided at pauses alone. */
#ifndef MD_STORY_TIMELINE_H
#define MD_STORY_TIMELINE_H

#include "model/audio.h"
#include "model/shots.h"
#include "model/story.h"

struct md_unit {
    int64_t start_us, end_us;
    int64_t shot;                        /* index in shots.json, -1 without a picture */
    bool first;                          /* begins its shot */
    float motion, luma, color, contrast; /* 0 to 1 */
    float cutting;                       /* shots per second around it */
    struct md_audio_measure sound;
    float loudness_step;                   /* LU against what came before, absolute */
    float activity;                        /* audio-visual strength, 0 to 1, ranked in the movie */
    size_t first_sentence, sentence_count; /* that start in it */
    float speech_share;                    /* of its time that is under sentences */
};
struct md_unit_vec MD_VEC(struct md_unit);

/* A run of units without credits between them. */
struct md_unit_run {
    size_t first, n;
};
struct md_unit_run_vec MD_VEC(struct md_unit_run);

struct md_timeline {
    const struct md_shots *shots; /* may be NULL */
    const struct md_audio *audio; /* may be NULL */
    int64_t duration_us;          /* end of the movie */
    int64_t content_us;           /* without credits */
    int64_t segment_us;           /* how long a segment of this movie usually should be */
    struct md_unit_vec units;
    struct md_unit_run_vec runs;
};

/* Longest a segment should be, as a multiple of segment_us. */
#define MD_SEGMENT_LONGEST 2.2

/* Fills a zeroed struct; free with md_timeline_done whatever happens. Sentences must be sorted by
 * start. keep_credits: credits are content like any other. MD_ERR_NOMEM, MD_ERR_INPUT when the
 * movie has no length. */
int md_timeline_build(const struct md_shots *shots, const struct md_audio *audio,
                      const struct md_sentence_vec *sentences, int64_t duration_us,
                      bool keep_credits, struct md_timeline *ret);
void md_timeline_done(struct md_timeline *timeline);

/* The unit that holds a time of the movie, or -1 (credits, outside). */
int64_t md_timeline_find(const struct md_timeline *timeline, int64_t time_us);

#endif
