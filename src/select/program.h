/* The selection as a mathematical problem, without movies: which runs of items to take so that the
 * gain is greatest and the total length lies in a window. Solved exactly for a given discretisation
 * of time. */
#ifndef MD_SELECT_PROGRAM_H
#define MD_SELECT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/* An item may be taken or left; a piece is a run of items taken together. */
struct md_item {
    int64_t in_us, out_us; /* a piece from item i to j lasts items[j].out_us - items[i].in_us */
    bool can_start, can_end;
    bool follows;      /* a piece may run from the item before into this one */
    bool joins;        /* a piece ending just before this item plays on into one starting with it */
    int32_t segment;   /* ascending */
    int32_t act;       /* ascending; pieces never run from one act into the next */
    double gain;       /* for taking it */
    double start_gain; /* for a piece starting with it */
    double first_gain; /* for the first piece of all starting with it; first act only */
    double end_gain;   /* for a piece ending with it */
};

struct md_problem {
    const struct md_item *items;
    size_t n;
    int64_t min_piece_us, max_piece_us;
    int64_t min_gap_us;      /* between pieces, except where one plays on into the next */
    int64_t low_us, high_us; /* total */
    double piece_cost;       /* of every piece */
    double repeat_cost;      /* of a piece that follows another in its segment */
    bool cover_acts;         /* every act that can have a piece must have one */
};

struct md_run {
    size_t first, n;
};
struct md_run_vec MD_VEC(struct md_run);

struct md_solution {
    struct md_run_vec runs; /* by time */
    int64_t total_us;
    double gain; /* of the runs, evaluated anew */
};
void md_solution_done(struct md_solution *solution);

/* Time steps the solver may use; more is finer and slower. Cost is pieces x steps. */
struct md_solver_limits {
    size_t most_steps;
    double most_operations;
};

/* Solves to the best gain with a total in [low_us, high_us]. Lengths are rounded to steps, so the
 * solver keeps half a step a piece away from the window's edges where that matters: the solution
 * returned always satisfies it exactly. *ret_bound (may be NULL): no selection has a greater gain,
 * up to rounding of lengths to steps.
 * MD_ERR_NOTFOUND when there is no such selection; then *ret_reachable_us (may be NULL) is the
 * greatest total below low_us that can be had, 0 when there is none. MD_ERR_NOMEM.
 * ret_solution is zeroed or holds an older solution that is replaced on success. */
int md_program_solve(const struct md_problem *problem, const struct md_solver_limits *limits,
                     struct md_solution *ret_solution, double *ret_bound,
                     int64_t *ret_reachable_us);

/* Gain and total of given runs; false when they break a rule other than the total. */
bool md_program_evaluate(const struct md_problem *problem, const struct md_run_vec *runs,
                         double *ret_gain, int64_t *ret_total_us);

/* Can this act have a piece at all? */
bool md_program_act_can_be_covered(const struct md_problem *problem, int32_t act);

/* How many pieces there are to choose from. */
size_t md_program_count_pieces(const struct md_problem *problem);

#endif
