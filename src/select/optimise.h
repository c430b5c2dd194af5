/* The problem with near-duplicates: taking both of a pair costs. */
#ifndef MD_SELECT_OPTIMISE_H
#define MD_SELECT_OPTIMISE_H

#include "select/program.h"

/* Two items that show or say the same; too far apart to be in one piece. */
struct md_likeness {
    uint32_t a, b;
    float cost; /* of taking both, > 0 */
};
struct md_likeness_vec MD_VEC(struct md_likeness);

struct md_optimum {
    struct md_solution solution; /* gain includes the cost of pairs */
    double bound;                /* no selection has a greater gain (up to rounding to steps) */
    size_t rounds;               /* programs solved */
    int64_t reachable_us;        /* when nothing was found: greatest total below the window */
};

/* Asked between rounds; true stops with MD_ERR_CANCELLED. May be NULL. */
struct md_optimise_watch {
    bool (*cancelled)(void *user);
    void *user;
};

/* The best selection found and how good any could be. MD_ERR_NOTFOUND as md_program_solve,
 * MD_ERR_NOMEM, MD_ERR_CANCELLED. Free ret->solution whatever happens. */
int md_select_optimise(const struct md_problem *problem, const struct md_likeness_vec *pairs,
                       const struct md_solver_limits *limits, const struct md_optimise_watch *watch,
                       struct md_optimum *ret);

/* Gain with the cost of pairs. */
double md_select_gain(const struct md_problem *problem, const struct md_likeness_vec *pairs,
                      const struct md_run_vec *runs);

#endif
