/* All gains are in seconds of the best material: an atom earns its length times its score, a piece
 * costs what two seconds earn, and so on. So the numbers below can be read as exchange rates. */
#include "select/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "select/entries.h"

static const char component[] = "select";

/* Exchange rates, in seconds of best material. */
static const double piece_cost_s = 1.6;  /* a cut the viewer has to follow */
static const double repeat_cost_s = 1.2; /* a second piece out of one scene */
static const double opening_gain_s = 8;  /* to open on something establishing */
static const double ending_gain_s = 7;   /* to end where the movie ends */
static const double scene_start_s = 0.8; /* a piece that starts with its scene */
static const double scene_end_s = 0.4;
static const double moment_gain_s = 5;     /* a key moment of score 1 */
static const double duplicate_share = 0.7; /* what seeing a thing again takes of its gain */

/* A second of film that has to be encoded because the piece does not start on an entry. Decides
 * between places that are alike: half a group of pictures is worth a third of a piece. */
static const double encode_cost_s = 0.12;

/* An atom's gain per second grows faster than its score: a minute of the best is worth more than
 * two of the middling. */
static const double contrast = 1.6;

static const double tolerance = 0.05, wish = 0.03; /* of the target: allowed, tried first */

void md_plan_done(struct md_plan *plan)
{
    md_vec_done(&plan->runs);
    free(plan->note);
    *plan = (struct md_plan){0};
}

int64_t md_select_longest_piece(int64_t target_us, int64_t content_us, int64_t min_piece_us)
{
    const int64_t least_us = 12 * MD_SECOND_US, most_us = 60 * MD_SECOND_US;
    double share = (double)target_us / (double)MD_MAX(content_us, 1);
    double base = (double)MD_CLAMP(target_us / 8, least_us, most_us);
    /* with most of the movie in the digest, pieces must grow or there would be too few gaps */
    double longest = base / MD_MAX(1 - share, 0.02);
    return MD_MAX((int64_t)longest, 3 * min_piece_us);
}

/* What is left out between two pieces: less than some seconds looks like a mistake. A digest that
 * keeps most of the movie cannot be that choosy. */
static int64_t shortest_gap(int64_t target_us, int64_t content_us)
{
    const int64_t least_us = MD_SECOND_US, most_us = 4 * MD_SECOND_US;
    return MD_CLAMP((content_us - target_us) / 8, least_us, most_us);
}

/* --- setting up --- */

static double atom_gain(const struct md_plan_input *in, size_t i)
{
    const struct md_atom *a = &in->atoms->v[i];
    const struct md_score *s = &in->scores->v[i];
    double seconds = (double)(a->end_us - a->start_us) / 1e6;
    double gain = seconds * pow(MD_MAX((double)s->total, 0.02), contrast);
    if (s->key_moment >= 0) {
        const struct md_key_moment *m = &in->story->key_moments.v[s->key_moment];
        int64_t end_us = MD_MIN(m->end_us, m->time_us + 12 * MD_SECOND_US);
        int64_t overlap_us = MD_MIN(a->end_us, end_us) - MD_MAX(a->start_us, m->time_us);
        double share = (double)MD_MAX(overlap_us, 0) / (double)MD_MAX(end_us - m->time_us, 1);
        gain += moment_gain_s * m->score * share;
    }
    return gain;
}

static void set_item(const struct md_plan_input *in, size_t i, struct md_item *item)
{
    const struct md_atom *a = &in->atoms->v[i], *before = i > 0 ? a - 1 : NULL;
    bool first_act = a->act == in->atoms->v[0].act;
    bool starts_scene = !before || before->segment != a->segment;
    bool ends_scene = i + 1 == in->atoms->n || a[1].segment != a->segment;
    *item = (struct md_item){.in_us = a->in_us,
                             .out_us = a->out_us,
                             .can_start = a->can_start,
                             .can_end = a->can_end,
                             .follows = a->follows,
                             .joins = before && a->follows && before->out_us == a->in_us,
                             .segment = (int32_t)a->segment,
                             .act = a->act,
                             .gain = atom_gain(in, i)};
    item->start_gain = starts_scene ? scene_start_s : 0;
    item->first_gain = first_act ? opening_gain_s * in->scores->v[i].establishing : 0;
    item->end_gain = ends_scene ? scene_end_s : 0;
    if (i + 1 == in->atoms->n)
        item->end_gain += ending_gain_s;
    if (in->shots) {
        item->start_gain -=
            encode_cost_s * md_select_start_cost(&in->shots->entries_us, item->in_us);
        item->end_gain -= encode_cost_s * md_select_end_cost(&in->shots->entries_us, item->out_us);
    }
}

/* Pairs cost a share of the smaller gain of the two. */
static int find_pairs(const struct md_plan_input *in, const struct md_item *items, int64_t apart_us,
                      struct md_likeness_vec *ret)
{
    int r = md_select_find_likeness(in->atoms, in->story, in->shots, apart_us, ret);
    for (size_t k = 0; k < ret->n; k++) {
        struct md_likeness *p = &ret->v[k];
        double gain = MD_MAX(MD_MIN(items[p->a].gain, items[p->b].gain), 0);
        p->cost = (float)(p->cost * gain * duplicate_share);
    }
    return r;
}

/* --- solving --- */

struct attempt {
    double longer; /* times the longest piece */
    bool cover;    /* every act */
    double off;    /* of the target */
};

/* In this order until one has a solution. */
static const struct attempt attempts[] = {
    {1, true, 0.01},   {1, true, 0.03},  {1, true, 0.05},    {2, true, 0.05},
    {1e6, true, 0.05}, {1, false, 0.05}, {1e6, false, 0.05},
};

static void apply(const struct attempt *a, int64_t target_us, int64_t longest_us,
                  struct md_problem *p)
{
    double target = (double)target_us;
    p->max_piece_us = (int64_t)MD_MIN((double)longest_us * a->longer, 9e15);
    p->low_us = (int64_t)ceil(target * (1 - a->off));
    p->high_us = (int64_t)floor(target * (1 + a->off));
    p->cover_acts = a->cover;
}

static int solve(const struct md_plan_input *in, const struct md_plan_problem *problem,
                 struct md_optimum *ret)
{
    const struct md_solver_limits limits = {.most_steps = 2500, .most_operations = 3e8};
    int r = MD_ERR_NOTFOUND;
    for (size_t k = 0; k < MD_ARRAY_LEN(attempts) && r == MD_ERR_NOTFOUND; k++) {
        struct md_problem p = problem->problem;
        apply(&attempts[k], in->target_us, p.max_piece_us, &p);
        r = md_select_optimise(&p, &problem->pairs, &limits, &in->watch, ret);
        if (r == MD_OK)
            md_log(in->log, MD_LOG_DEBUG, component,
                   "%zu atoms, %zu pieces, %zu pairs: gain %.2f of at most %.2f in %zu rounds, "
                   "attempt %zu",
                   p.n, md_program_count_pieces(&p), problem->pairs.n, ret->solution.gain,
                   ret->bound, ret->rounds, k + 1);
    }
    return r;
}

/* --- when no selection has the right length --- */

/* The whole of the content: one run for every stretch between credits. */
static int take_all(const struct md_plan_input *in, struct md_plan *ret)
{
    const struct md_atom *a = in->atoms->v;
    for (size_t i = 0, end; i < in->atoms->n; i = end) {
        for (end = i + 1; end < in->atoms->n && a[end].follows;)
            end++;
        if (md_vec_push(&ret->runs, (struct md_run){i, end - i}) < 0)
            return MD_ERR_NOMEM;
        ret->total_us += a[end - 1].out_us - a[i].in_us;
    }
    return MD_OK;
}

/* The run whose length comes nearest to the target. */
static int take_nearest(const struct md_plan_input *in, struct md_plan *ret)
{
    const struct md_atom *a = in->atoms->v;
    int64_t best_us = INT64_MAX;
    struct md_run best = {0, 0};
    for (size_t i = 0; i < in->atoms->n; i++) {
        for (size_t j = i; j < in->atoms->n && (j == i || a[j].follows); j++) {
            int64_t length_us = a[j].out_us - a[i].in_us;
            if (a[j].start_us - a[i].start_us > 2 * in->target_us)
                break;
            if (!a[i].can_start || !a[j].can_end || length_us < in->min_piece_us)
                continue;
            int64_t off_us = llabs(length_us - in->target_us);
            if (off_us < best_us) {
                best_us = off_us;
                best = (struct md_run){i, j - i + 1};
            }
        }
    }
    if (best.n == 0)
        return take_all(in, ret);
    ret->total_us = a[best.first + best.n - 1].out_us - a[best.first].in_us;
    return md_vec_push(&ret->runs, best);
}

/* As much as can be had below the target, or else the nearest single run. */
static int take_what_there_is(const struct md_plan_input *in, const struct md_item *items,
                              int64_t reachable_us, struct md_plan *ret)
{
    const struct md_solver_limits limits = {.most_steps = 2500, .most_operations = 3e8};
    const int64_t slack_us = MD_MAX(in->target_us / 100, 1);
    struct md_problem p = {.items = items,
                           .n = in->atoms->n,
                           .min_piece_us = in->min_piece_us,
                           .max_piece_us = INT64_MAX / 4,
                           .min_gap_us = MD_SECOND_US,
                           .low_us = MD_MAX(reachable_us - slack_us, 1),
                           .high_us = (int64_t)((double)in->target_us * (1 + tolerance)),
                           .piece_cost = piece_cost_s,
                           .repeat_cost = repeat_cost_s};
    struct md_solution solution = {0};
    int r =
        reachable_us > 0 ? md_program_solve(&p, &limits, &solution, NULL, NULL) : MD_ERR_NOTFOUND;
    if (r == MD_OK) {
        ret->runs = solution.runs;
        ret->total_us = solution.total_us;
        return MD_OK;
    }
    md_solution_done(&solution);
    return r == MD_ERR_NOTFOUND ? take_nearest(in, ret) : r;
}

/* "4.2 seconds", "1:30". */
static void append_length(struct md_str *out, int64_t us)
{
    char text[24];
    if (us < 60 * MD_SECOND_US)
        md_str_printf(out, "%.1f seconds", (double)us / 1e6);
    else
        md_str_append(out, md_format_time(text, us));
}

static int explain(const struct md_plan_input *in, int64_t content_us, struct md_plan *ret)
{
    md_autostr note = {0}, total = {0}, target = {0};
    double off = fabs((double)(ret->total_us - in->target_us));
    if (off <= tolerance * (double)in->target_us)
        return MD_OK;
    append_length(&total, ret->total_us);
    append_length(&target, in->target_us);
    if (content_us < in->target_us)
        md_str_printf(&note,
                      "The movie is %s long without its credits, which is less than the %s asked "
                      "for: all of it is in the digest.",
                      md_str_text(&total), md_str_text(&target));
    else
        md_str_printf(&note,
                      "The movie can only be cut in few places (between shots and where nobody "
                      "speaks): the nearest digest to %s is %s long.",
                      md_str_text(&target), md_str_text(&total));
    if (md_str_failed(&total) || md_str_failed(&target))
        return MD_ERR_NOMEM;
    ret->note = md_str_take(&note);
    return ret->note ? MD_OK : MD_ERR_NOMEM;
}

static int64_t content_length(const struct md_atom_vec *atoms)
{
    int64_t sum_us = 0;
    for (size_t i = 0; i < atoms->n; i++)
        sum_us += atoms->v[i].end_us - atoms->v[i].start_us;
    return sum_us;
}

int md_select_plan_problem(const struct md_plan_input *in, struct md_plan_problem *ret)
{
    int64_t content_us = content_length(in->atoms);
    int64_t longest_us = md_select_longest_piece(in->target_us, content_us, in->min_piece_us);
    ret->items = calloc(in->atoms->n + 1, sizeof *ret->items);
    if (!ret->items)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < in->atoms->n; i++)
        set_item(in, i, &ret->items[i]);
    ret->problem = (struct md_problem){.items = ret->items,
                                       .n = in->atoms->n,
                                       .min_piece_us = in->min_piece_us,
                                       .min_gap_us = shortest_gap(in->target_us, content_us),
                                       .piece_cost = piece_cost_s,
                                       .repeat_cost = repeat_cost_s};
    apply(&attempts[0], in->target_us, longest_us, &ret->problem);
    return find_pairs(in, ret->items, longest_us, &ret->pairs);
}

void md_plan_problem_done(struct md_plan_problem *problem)
{
    free(problem->items);
    md_vec_done(&problem->pairs);
    *problem = (struct md_plan_problem){0};
}

static int choose(const struct md_plan_input *in, struct md_plan *ret)
{
    struct md_plan_problem problem = {0};
    struct md_optimum optimum = {0};
    int r = md_select_plan_problem(in, &problem);
    if (r == MD_OK)
        r = solve(in, &problem, &optimum);
    if (r == MD_OK) {
        ret->runs = optimum.solution.runs;
        ret->total_us = optimum.solution.total_us;
        ret->bound = optimum.bound;
        optimum.solution.runs = (struct md_run_vec){0};
    } else if (r == MD_ERR_NOTFOUND) {
        r = take_what_there_is(in, problem.items, optimum.reachable_us, ret);
    }
    md_solution_done(&optimum.solution);
    md_plan_problem_done(&problem);
    return r;
}

int md_select_plan(const struct md_plan_input *in, struct md_plan *ret)
{
    int64_t content_us = content_length(in->atoms);
    bool all = (double)content_us <= (double)in->target_us * (1 + wish);
    int r = all ? take_all(in, ret) : choose(in, ret);
    return r == MD_OK ? explain(in, content_us, ret) : r;
}
