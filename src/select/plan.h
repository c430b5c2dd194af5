/* From scored atoms to the chosen runs: the problem is set up, solved, and relaxed step by step
 * when it has no solution. */
#ifndef MD_SELECT_PLAN_H
#define MD_SELECT_PLAN_H

#include "base/log.h"
#include "select/likeness.h"
#include "select/optimise.h"
#include "select/score.h"

struct md_plan_input {
    const struct md_story *story;
    const struct md_shots *shots; /* may be NULL */
    const struct md_atom_vec *atoms;
    const struct md_score_vec *scores;
    int64_t target_us;
    int64_t min_piece_us;
    struct md_optimise_watch watch;
    const struct md_log *log;
};

struct md_plan {
    struct md_run_vec runs; /* by time, at least one */
    int64_t total_us;
    double bound; /* no selection has a greater gain; 0 where nothing had to be chosen */
    char *note;   /* why the total is not within 5 % of the target; NULL when it is */
};

/* MD_ERR_NOMEM, MD_ERR_CANCELLED. Free with md_plan_done whatever happens. */
int md_select_plan(const struct md_plan_input *in, struct md_plan *ret);
void md_plan_done(struct md_plan *plan);

/* The problem the plan solves, as it is tried first; borrows from the input. For benchmarks. */
struct md_plan_problem {
    struct md_item *items;
    struct md_problem problem;
    struct md_likeness_vec pairs;
};
int md_select_plan_problem(const struct md_plan_input *in, struct md_plan_problem *ret);
void md_plan_problem_done(struct md_plan_problem *problem);

/* Longest piece for this share of the movie, the first that is tried. */
int64_t md_select_longest_piece(int64_t target_us, int64_t content_us, int64_t min_piece_us);

#endif
