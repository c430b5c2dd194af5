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

/* Rounds: as many as the work allows, and no more once neither bound nor selection moves. */
enum { FEWEST_ROUNDS = 4, MOST_ROUNDS = 120, PATIENCE = 6, MOST_REPAIRS = 12 };
static const double work = 2.5e9; /* pieces x steps x rounds; about 2 s */

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

/* Solves with the items as they are priced; the solution gets its true gain. */
static int solve_priced(struct search *s, struct md_solution *solution, double *ret_bound)
{
    struct md_problem priced = *s->problem;
    double gain;
    int64_t total_us;
    priced.items = s->items;
    int r = md_program_solve(&priced, s->limits, solution, ret_bound, &s->best->reachable_us);
    if (r < 0)
        return r;
    s->best->rounds++;
    mark(&solution->runs, s->taken, s->problem->n);
    md_program_evaluate(s->problem, &solution->runs, &gain, &total_us);
    solution->gain = gain - pair_cost(s->pairs, s->taken);
    return MD_OK;
}

/* One round: bound and, perhaps, a better selection. */
static int solve_round(struct search *s, struct md_solution *solution, double *ret_bound)
{
    double sum = set_prices(s);
    int r = solve_priced(s, solution, ret_bound);
    *ret_bound += sum;
    return r;
}

/* Moves prices; returns false when the subgradient is zero. */
static bool move_prices(struct search *s, double gap, double boldness)
{
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

/* Takes over what a round found; true when bound or selection became noticeably better. */
static bool improve(struct md_optimum *best, struct md_solution *solution, double bound)
{
    const double notice = 2e-4;
    bool first = best->rounds == 1, better = first;
    double least = notice * fabs(bound);
    if (first || bound < best->bound) {
        better |= best->bound - bound > least;
        best->bound = bound;
    }
    if (first || solution->gain > best->solution.gain) {
        struct md_solution older = best->solution;
        better |= solution->gain - older.gain > least;
        best->solution = *solution;
        *solution = older;
    }
    return better;
}

static bool is_close(const struct md_optimum *best)
{
    const double close_enough = 1e-3; /* of the gain: less than a sentence is worth */
    return best->bound - best->solution.gain <= close_enough * fabs(best->bound);
}

static int rounds_allowed(const struct search *s)
{
    double one = (double)md_program_count_pieces(s->problem) * (double)s->limits->most_steps;
    one = MD_MIN(one, s->limits->most_operations);
    return (int)MD_CLAMP(work / MD_MAX(one, 1), FEWEST_ROUNDS, MOST_ROUNDS);
}

static int search_rounds(struct search *s, const struct md_optimise_watch *watch)
{
    struct md_solution solution = {0};
    double boldness = 1;
    int r = MD_OK, most = rounds_allowed(s), idle = 0;
    for (int round = 0; round < most && idle < 3 * PATIENCE; round++) {
        double bound = 0;
        if (watch && watch->cancelled && watch->cancelled(watch->user)) {
            r = MD_ERR_CANCELLED;
            break;
        }
        r = solve_round(s, &solution, &bound);
        if (r < 0)
            break;
        idle = improve(s->best, &solution, bound) ? 0 : idle + 1;
        if (idle > 0 && idle % PATIENCE == 0)
            boldness /= 2;
        double gap = s->best->bound - s->best->solution.gain;
        if (is_close(s->best) || !move_prices(s, gap, boldness))
            break;
    }
    md_solution_done(&solution);
    return r == MD_ERR_NOTFOUND && s->best->rounds > 0 ? MD_OK : r;
}

/* The dearest pair of which the best selection takes both and that was not tried; -1 none. */
static int64_t dearest_taken(struct search *s, const bool *tried)
{
    int64_t best = -1;
    mark(&s->best->solution.runs, s->taken, s->problem->n);
    for (size_t k = 0; k < s->pairs->n; k++) {
        const struct md_likeness *p = &s->pairs->v[k];
        if (s->taken[p->a] && s->taken[p->b] && !tried[k] &&
            (best < 0 || p->cost > s->pairs->v[best].cost))
            best = (int64_t)k;
    }
    return best;
}

/* Repairs the best selection; keeps s->items as it is priced so far. */
static int repair(struct search *s, int most)
{
    struct md_solution solution = {0};
    md_autofree bool *tried = calloc(s->pairs->n + 1, sizeof *tried);
    int r = tried ? MD_OK : MD_ERR_NOMEM;
    for (size_t k = 0; k < s->pairs->n; k++)
        s->price[k] = 0;
    set_prices(s);
    for (int round = 0; round < most && r == MD_OK; round++) {
        int64_t k = dearest_taken(s, tried);
        if (k < 0)
            break;
        tried[k] = true;
        uint32_t sides[2] = {s->pairs->v[k].a, s->pairs->v[k].b};
        for (int side = 0; side < 2 && r == MD_OK; side++) {
            double bound, cost = s->pairs->v[k].cost;
            s->items[sides[side]].gain -= cost;
            r = solve_priced(s, &solution, &bound);
            if (r == MD_OK && solution.gain > s->best->solution.gain) {
                struct md_solution older = s->best->solution;
                s->best->solution = solution;
                solution = older;
                break; /* the price stays */
            }
            s->items[sides[side]].gain += cost;
        }
    }
    md_solution_done(&solution);
    return r == MD_ERR_NOTFOUND ? MD_OK : r;
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
    int r = search_rounds(&s, watch);
    if (r == MD_OK && !is_close(ret))
        r = repair(&s, MD_MIN(rounds_allowed(&s), MOST_REPAIRS));
    return r;
}
