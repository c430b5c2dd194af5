/* cut.json: which pieces of the movie make the digest, and why. */
#ifndef MD_MODEL_CUT_H
#define MD_MODEL_CUT_H

#include "model/artifact.h"

struct md_piece {
    int64_t start_us, end_us; /* movie time, half-open, both on shot boundaries or in silence */
    int64_t segment;          /* in story.json, the one it mostly lies in */
    int64_t first_shot, shot_count; /* shots it touches */
    int act;                        /* enum md_act */
    float score;                    /* 0 to 1 */
    struct md_strings reasons;      /* sentences for the person; at least one */
};
struct md_piece_vec MD_VEC(struct md_piece);

struct md_cut {
    char *strategy;             /* "hybrid", ... */
    int64_t target_us;          /* what was asked for */
    int64_t total_us;           /* what the pieces add up to */
    char *note;                 /* why total is not within 5 % of target; NULL when it is */
    struct md_piece_vec pieces; /* in time order, never overlapping */
};

#endif
