/* Comparing found boundaries with true ones. */
#ifndef MD_ANALYSIS_EVALUATE_H
#define MD_ANALYSIS_EVALUATE_H

#include "analysis/detector.h"

enum { MD_EVALUATE_TOLERANCE = 2 }; /* frames a cut may be off */

/* A row of a truth file: a boundary, or something that is none though it looks like one. */
struct md_truth {
    struct md_boundary boundary;
    bool is_negative; /* "neg_flash" and other "neg_..." */
};
struct md_truth_vec MD_VEC(struct md_truth);

/* Right, wrong and missed. Cuts are matched with cuts and gradual transitions with gradual ones;
 * only MD_SCORE_ALL forgives a cut found in the place of a short dissolve and the reverse. */
struct md_score {
    int64_t truth, found; /* boundaries of this kind */
    int64_t hits;         /* true ones that were found */
    int64_t false_alarms; /* found ones that match nothing true */
    int64_t kind_right;   /* hits that also name the true kind */
};

enum {
    MD_SCORE_CUT,
    MD_SCORE_DISSOLVE,
    MD_SCORE_FADE,
    MD_SCORE_WIPE,
    MD_SCORE_GRADUAL,
    MD_SCORE_ALL,
    MD_SCORES
};
extern const char *const md_score_names[]; /* "cut", ..., NULL-ended */

struct md_evaluation {
    struct md_score scores[MD_SCORES];
    int64_t negatives, negatives_hit; /* things that are no boundary, and were taken for one */
};

/* Reads "type,start_frame,end_frame,..." lines; a header, unknown types and empty lines are
 * skipped. MD_ERR_INPUT, MD_ERR_NOMEM. Free with md_vec_done. */
int md_truth_parse(const char *text, size_t n, struct md_truth_vec *ret_truth,
                   struct md_failure *failure);

/* Matches one to one: a cut within the tolerance of a cut, a gradual transition that overlaps one.
 * Adds to *evaluation, so that films can be pooled. ret_matched (may be NULL, else room for
 * found->n) receives the index of each found boundary's truth (as MD_SCORE_ALL sees it) or -1.
 * MD_ERR_NOMEM. */
int md_evaluate(const struct md_truth_vec *truth, const struct md_boundary_vec *found,
                struct md_evaluation *evaluation, int64_t *ret_matched);

double md_score_precision(const struct md_score *score); /* 1 when nothing was found */
double md_score_recall(const struct md_score *score);    /* 1 when nothing is true */
double md_score_f1(const struct md_score *score);

#endif
