/* How much better is the optimiser than what is easy? The same atoms, scores and rules, three ways:
 * the plan, greedy (best piece first, until full) and random pieces. Prints gain, act coverage and
 * pieces per film and on average; films come from seeds, so figures can be compared between runs.
 *
 *   select-bench [FILMS]                                                                         */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../tests/story/film.h"
#include "base/clock.h"
#include "model/story.h"
#include "select/plan.h"

struct result {
    double gain, key_share; /* gain by the plan's own problem; share of key moments held */
    size_t acts, pieces;
};

/* A piece that could be taken. */
struct offer {
    size_t first, n;
    double worth; /* gain per second, or a random number */
};
struct offer_vec MD_VEC(struct offer);

static int compare_offers(const void *a, const void *b)
{
    const struct offer *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth > y->worth ? -1 : 1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : x->n < y->n ? -1 : 1;
}

static int compare_runs(const void *a, const void *b)
{
    const struct md_run *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void make_offers(const struct md_problem *p, uint64_t *seed, struct offer_vec *out)
{
    for (size_t i = 0; i < p->n; i++) {
        double gain = 0;
        for (size_t j = i; p->items[i].can_start && j < p->n; j++) {
            int64_t us = p->items[j].out_us - p->items[i].in_us;
            if ((j > i && (!p->items[j].follows || p->items[j].act != p->items[i].act)) ||
                us > p->max_piece_us)
                break;
            gain += p->items[j].gain;
            if (!p->items[j].can_end || us < p->min_piece_us)
                continue;
            double worth = seed ? md_film_random(seed) : (gain - p->piece_cost) * 1e6 / (double)us;
            if (md_vec_push(out, (struct offer){i, j - i + 1, worth}) < 0)
                abort();
        }
    }
    if (out->n > 1)
        qsort(out->v, out->n, sizeof *out->v, compare_offers);
}

/* Takes offers in order while they fit: the length and the gaps to what is taken already. */
static void take_in_order(const struct md_problem *p, const struct offer_vec *offers,
                          struct md_run_vec *runs)
{
    int64_t total_us = 0;
    for (size_t k = 0; k < offers->n && total_us < p->low_us; k++) {
        const struct offer *o = &offers->v[k];
        int64_t in_us = p->items[o->first].in_us, out_us = p->items[o->first + o->n - 1].out_us;
        bool fits = total_us + out_us - in_us <= p->high_us;
        for (size_t r = 0; r < runs->n && fits; r++) {
            const struct md_run *t = &runs->v[r];
            fits = in_us >= p->items[t->first + t->n - 1].out_us + p->min_gap_us ||
                   out_us + p->min_gap_us <= p->items[t->first].in_us;
        }
        if (!fits)
            continue;
        if (md_vec_push(runs, (struct md_run){o->first, o->n}) < 0)
            abort();
        total_us += out_us - in_us;
    }
    if (runs->n > 1)
        qsort(runs->v, runs->n, sizeof *runs->v, compare_runs);
}

static struct result judge(const struct md_plan_problem *pp, const struct md_story *story,
                           const struct md_run_vec *runs)
{
    struct result r = {.pieces = runs->n};
    struct md_problem free_of_cover = pp->problem;
    unsigned acts = 0;
    size_t held = 0;
    free_of_cover.cover_acts = false;
    r.gain = md_select_gain(&free_of_cover, &pp->pairs, runs);
    for (size_t k = 0; k < runs->n; k++)
        acts |= 1u << pp->problem.items[runs->v[k].first].act;
    for (size_t m = 0; m < story->key_moments.n; m++)
        for (size_t k = 0; k < runs->n; k++) {
            const struct md_item *a = &pp->problem.items[runs->v[k].first];
            int64_t t = story->key_moments.v[m].time_us;
            held += t >= a->in_us && t < a[runs->v[k].n - 1].out_us;
        }
    r.acts = (size_t)__builtin_popcount(acts);
    r.key_share = (double)held / (double)(story->key_moments.n ? story->key_moments.n : 1);
    return r;
}

static void add(struct result *sum, struct result r)
{
    sum->gain += r.gain;
    sum->key_share += r.key_share;
    sum->acts += r.acts;
    sum->pieces += r.pieces;
}

static void show(const char *name, struct result r, double films, double best_gain)
{
    printf("%-10s gain %8.1f (%5.1f %%)  key moments %5.1f %%  acts %.2f  pieces %.1f\n", name,
           r.gain / films, 100 * r.gain / best_gain, 100 * r.key_share / films,
           (double)r.acts / films, (double)r.pieces / films);
}

static void run_film(uint64_t seed, struct result sums[3], double *bound, double *seconds)
{
    struct md_film film;
    struct md_story story = {0};
    struct md_atom_vec atoms = {0};
    struct md_score_vec scores = {0};
    struct md_plan_problem pp = {0};
    struct md_plan plan = {0};
    struct md_film_shape shape = {.seed = seed,
                                  .duration_s = 5400,
                                  .shot_s = 5,
                                  .fps = 24,
                                  .talk = MD_FILM_USUAL,
                                  .has_audio = true,
                                  .has_picture = true,
                                  .gradual = 0.05,
                                  .credits = 0.05};
    md_film_make(&film, &shape);
    if (md_stage_ops_story.run(&film.env, &film.in, &story) < 0)
        abort();
    struct md_atoms_input in = {&story, &film.shots, &film.audio, &film.transcript, 6000000};
    if (md_select_make_atoms(&in, &atoms) < 0 ||
        md_select_score(&atoms, &story, &film.shots, &film.audio, MD_STRATEGY_HYBRID, &scores) < 0)
        abort();
    struct md_plan_input input = {.story = &story,
                                  .shots = &film.shots,
                                  .atoms = &atoms,
                                  .scores = &scores,
                                  .target_us = 810000000,
                                  .min_piece_us = 3000000};
    int64_t start_us = md_clock_monotonic_us();
    if (md_select_plan(&input, &plan) < 0 || md_select_plan_problem(&input, &pp) < 0)
        abort();
    *seconds += (double)(md_clock_monotonic_us() - start_us) / 1e6;
    *bound += plan.bound;
    add(&sums[0], judge(&pp, &story, &plan.runs));
    for (int k = 1; k <= 2; k++) {
        struct offer_vec offers = {0};
        struct md_run_vec runs = {0};
        uint64_t noise = seed;
        make_offers(&pp.problem, k == 2 ? &noise : NULL, &offers);
        take_in_order(&pp.problem, &offers, &runs);
        add(&sums[k], judge(&pp, &story, &runs));
        md_vec_done(&offers);
        md_vec_done(&runs);
    }
    md_plan_problem_done(&pp);
    md_plan_done(&plan);
    md_vec_done(&atoms);
    md_vec_done(&scores);
    md_artifact_done(&md_artifact_story, &story);
    md_film_done(&film);
}

int main(int argc, char **argv)
{
    int films = argc > 1 ? atoi(argv[1]) : 10;
    struct result sums[3] = {{0}};
    double bound = 0, seconds = 0;
    for (int k = 1; k <= films; k++)
        run_film((uint64_t)k, sums, &bound, &seconds);
    printf("%d films of 90 min, digests of 13.5 min, %.2f s each; no selection can gain more than "
           "%.1f\n",
           films, seconds / films, bound / films);
    show("optimised", sums[0], films, sums[0].gain);
    show("greedy", sums[1], films, sums[0].gain);
    show("random", sums[2], films, sums[0].gain);
    return 0;
}
