/* Lagrangian relaxation. A pair costs c * max(0, x_a + x_b - 1) where x is 1 for a taken item. For
 * any price m in [0, c] the cost is at least m * (x_a + x_b - 1), so pricing both items m and
 * adding the sum of all m to the optimum gives an upper bound, and that is the problem without
 * pairs, which the dynamic program solves exactly. Prices follow the subgradient with Polyak's
 * step; every round also gives a selection, judged by its true gain. When no pair is taken in the
 * first round it is the optimum; otherwise bound and best selection close in on each other (Held
 * and Karp 1971). */
#include "select/optimise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { MOST_ROUNDS = 24 };

static void mark(const struct md_run_vec *runs, bool *taken, size_t n)
{
    memset(taken, 0, n * sizeof *taken);
    for (size_t r = 0; r < runs->n; r++)
        for (size_t i = 0; i < runs->v[r].n; i++)
            taken[runs->v[r].first + i] = true;
}

static double pair_cost(const struct md_likeness_vec *pairs, const bool *taken)
{
    double cost = 0;
    for (size_t k = 0; k < pairs->n; k++)
        if (taken[pairs->v[k].a] && taken[pairs->v[k].b])
            cost += pairs->v[k].cost;
    return cost;
}

double md_select_gain(const struct md_problem *problem, const struct md_likeness_vec *pairs,
                      const struct md_run_vec *runs)
{
    double gain = 0;
    int64_t total_us;
    md_autofree bool *taken = calloc(problem->n + 1, sizeof *taken);
    if (!taken || !md_program_evaluate(problem, runs, &gain, &total_us))
        return -INFINITY;
    mark(runs, taken, problem->n);
    return gain - pair_cost(pairs, taken);
}

struct search {
    const struct md_problem *problem;
    const struct md_likeness_vec *pairs;
    const struct md_solver_limits *limits;
    struct md_item *items; /* with prices paid */
    double *price;         /* per pair */
    bool *taken;
    struct md_optimum *best;
};

static double set_prices(struct search *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->problem->n; i++)
        s->items[i].gain = s->problem->items[i].gain;
    for (size_t k = 0; k < s->pairs->n; k++) {
        s->items[s->pairs->v[k].a].gain -= s->price[k];
        s->items[s->pairs->v[k].b].gain -= s->price[k];
        sum += s->price[k];
    }
    return sum;
}

/* One round: bound and, perhaps, a better selection. *ret_settled: no price need change. */
static int solve_round(struct search *s, struct md_solution *solution, double *ret_bound)
{
    struct md_problem priced = *s->problem;
    double bound = 0, sum = set_prices(s), gain;
    int64_t total_us;
    priced.items = s->items;
    int r = md_program_solve(&priced, s->limits, solution, &bound, &s->best->reachable_us);
    if (r < 0)
        return r;
    s->best->rounds++;
    *ret_bound = bound + sum;
    mark(&solution->runs, s->taken, s->problem->n);
    md_program_evaluate(s->problem, &solution->runs, &gain, &total_us);
    solution->gain = gain - pair_cost(s->pairs, s->taken);
    return MD_OK;
}

/* Moves prices; returns false when the subgradient is zero. */
static bool move_prices(struct search *s, double gap)
{
    const double boldness = 0.8;
    double norm = 0;
    for (size_t k = 0; k < s->pairs->n; k++) {
        const struct md_likeness *p = &s->pairs->v[k];
        int slope = (int)s->taken[p->a] + (int)s->taken[p->b] - 1;
        bool stuck = (slope < 0 && s->price[k] <= 0) || (slope > 0 && s->price[k] >= p->cost);
        norm += stuck ? 0 : slope * slope;
    }
    if (norm == 0)
        return false;
    double step = boldness * gap / norm;
    for (size_t k = 0; k < s->pairs->n; k++) {
        const struct md_likeness *p = &s->pairs->v[k];
        int slope = (int)s->taken[p->a] + (int)s->taken[p->b] - 1;
        s->price[k] = MD_CLAMP(s->price[k] + step * slope, 0, (double)p->cost);
    }
    return true;
}

static int search_rounds(struct search *s, const struct md_optimise_watch *watch)
{
    const double close_enough = 1e-3; /* of the gain: less than a sentence is worth */
    struct md_solution solution = {0};
    int r = MD_OK;
    for (int round = 0; round < MOST_ROUNDS && r == MD_OK; round++) {
        double bound = 0;
        if (watch && watch->cancelled && watch->cancelled(watch->user)) {
            r = MD_ERR_CANCELLED;
            break;
        }
        r = solve_round(s, &solution, &bound);
        if (r < 0)
            break;
        struct md_optimum *best = s->best;
        best->bound = round == 0 ? bound : MD_MIN(best->bound, bound);
        if (round == 0 || solution.gain > best->solution.gain) {
            struct md_solution older = best->solution;
            best->solution = solution;
            solution = older;
        }
        double gap = best->bound - best->solution.gain;
        if (gap <= close_enough * fabs(best->bound) || !move_prices(s, gap))
            break;
    }
    md_solution_done(&solution);
    return r == MD_ERR_NOTFOUND && s->best->rounds > 0 ? MD_OK : r;
}

int md_select_optimise(const struct md_problem *problem, const struct md_likeness_vec *pairs,
                       const struct md_solver_limits *limits, const struct md_optimise_watch *watch,
                       struct md_optimum *ret)
{
    md_autofree struct md_item *items = calloc(problem->n + 1, sizeof *items);
    md_autofree double *price = calloc(pairs->n + 1, sizeof *price);
    md_autofree bool *taken = calloc(problem->n + 1, sizeof *taken);
    struct search s = {problem, pairs, limits, items, price, taken, ret};
    if (!items || !price || !taken)
        return MD_ERR_NOMEM;
    if (problem->n > 0)
        memcpy(items, problem->items, problem->n * sizeof *items);
    return search_rounds(&s, watch);
}
