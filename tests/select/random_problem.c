/* The reference shares nothing with the solver but md_program_evaluate, which is tested by hand. */
#include "random_problem.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

double md_random_unit(struct md_random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (double)((r->state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

int md_random_int(struct md_random *r, int lo, int hi)
{
    return lo + (int)(md_random_unit(r) * (hi - lo + 1));
}

static void make_items(struct md_random *r, int64_t unit_us, size_t n, struct md_item *items)
{
    int64_t at_us = 0;
    int segment = 0, act = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t length_us = md_random_int(r, 1, 6) * unit_us;
        bool gradual = md_random_int(r, 0, 5) == 0, credits = md_random_int(r, 0, 9) == 0;
        if (i > 0 && md_random_int(r, 0, 2) == 0) {
            segment++;
            act += md_random_int(r, 0, 2) == 0;
        }
        if (credits)
            at_us += 5 * unit_us;
        items[i] = (struct md_item){.in_us = at_us,
                                    .out_us = at_us + length_us,
                                    .can_start = md_random_int(r, 0, 7) > 0,
                                    .can_end = md_random_int(r, 0, 7) > 0,
                                    .follows = i > 0 && !credits,
                                    .segment = segment,
                                    .act = act,
                                    .gain = md_random_unit(r) * 4,
                                    .start_gain = md_random_int(r, 0, 3) ? 0 : md_random_unit(r),
                                    .first_gain = act == 0 ? md_random_unit(r) * 3 : 0,
                                    .end_gain = md_random_int(r, 0, 3) ? 0 : md_random_unit(r)};
        if (gradual && length_us > unit_us)
            items[i].in_us += unit_us;
        items[i].joins = i > 0 && !credits && items[i - 1].out_us == items[i].in_us;
        at_us += length_us;
    }
}

void md_test_problem_make(struct md_random *r, int64_t unit_us, bool with_pairs,
                          struct md_test_problem *ret)
{
    *ret = (struct md_test_problem){0};
    size_t n = (size_t)md_random_int(r, 1, MD_TEST_ITEMS);
    make_items(r, unit_us, n, ret->items);
    int64_t all_us = ret->items[n - 1].out_us;
    ret->problem = (struct md_problem){.items = ret->items,
                                       .n = n,
                                       .min_piece_us = md_random_int(r, 1, 4) * unit_us,
                                       .max_piece_us = md_random_int(r, 5, 14) * unit_us,
                                       .min_gap_us = md_random_int(r, 0, 4) * unit_us,
                                       .piece_cost = md_random_unit(r) * 2,
                                       .repeat_cost = md_random_unit(r) * 2,
                                       .cover_acts = md_random_int(r, 0, 2) > 0};
    int64_t target = md_random_int(r, 2, (int)MD_MAX(all_us / unit_us, 3));
    int64_t low = target - md_random_int(r, 0, 4);
    ret->problem.low_us = MD_MAX(low, 1) * unit_us;
    ret->problem.high_us = (target + md_random_int(r, 0, 3)) * unit_us;
    for (int k = 0; with_pairs && n > 3 && k < 6; k++) {
        uint32_t a = (uint32_t)md_random_int(r, 0, (int)n - 2);
        uint32_t b = (uint32_t)md_random_int(r, (int)a + 1, (int)n - 1);
        float cost = (float)(md_random_unit(r) * 3);
        if (ret->items[b].in_us - ret->items[a].out_us < ret->problem.max_piece_us)
            continue;
        if (md_vec_push(&ret->pairs, (struct md_likeness){a, b, cost}) < 0)
            abort();
    }
}

void md_test_problem_done(struct md_test_problem *p)
{
    md_vec_done(&p->pairs);
}

/* Tries every way to go on from item i with the runs so far. */
static double brute(const struct md_test_problem *p, size_t i, struct md_run_vec *runs)
{
    double best = -INFINITY, gain;
    int64_t total_us;
    if (i == p->problem.n) {
        if (runs->n == 0 || !md_program_evaluate(&p->problem, runs, &gain, &total_us) ||
            total_us < p->problem.low_us || total_us > p->problem.high_us)
            return -INFINITY;
        return md_select_gain(&p->problem, &p->pairs, runs);
    }
    best = brute(p, i + 1, runs);
    for (size_t n = 1; i + n <= p->problem.n; n++) {
        if (md_vec_push(runs, (struct md_run){i, n}) < 0)
            abort();
        double value = brute(p, i + n, runs);
        runs->n--;
        best = MD_MAX(best, value);
    }
    return best;
}

double md_test_problem_brute(const struct md_test_problem *p)
{
    struct md_run_vec runs = {0};
    double best = brute(p, 0, &runs);
    md_vec_done(&runs);
    return best;
}
