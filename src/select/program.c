/* Dynamic programming over items in time order with the total so far in steps. Between pieces the
 * state is one of three: nothing taken in this act yet; act covered, segment fresh; segment used.
 * After a piece only the last is possible, so the inner loop, over all pieces and totals, works on
 * single rows and is nothing but a maximum, which compilers make vectors of. Which piece gave the
 * maximum is not written down but found again when tracing back.
 *
 * Totals are quantised by positions, not by lengths: q(out) - q(in), so that errors of a step do
 * not add up in one direction. */
#include "select/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { OPEN, FRESH, USED, STATES }; /* act not covered; covered, segment fresh; segment used */
enum { FROM_PIECE = STATES };       /* origin: FROM_PIECE + k: a piece that ended k items before */
enum { NOWHERE = 255, MOST_BACK = NOWHERE - FROM_PIECE - 1 };

struct solver {
    const struct md_problem *p;
    int64_t step_us;
    size_t width;        /* totals 0 … width - 1, in steps */
    size_t longest;      /* piece, in items */
    size_t back_window;  /* rows of pieces kept */
    float *begin;        /* [i % window][b] best before a piece starting with item i, costs paid */
    float *ended;        /* [i % back_window][b] best with a piece ending before item i */
    float *state;        /* [2][STATES][b] */
    uint8_t *state_from; /* [i][s][b] */
    uint8_t *begin_from; /* [i][b] state, or FROM_PIECE when played on */
    double *gain_sum;    /* prefix sums */
    size_t *released;    /* item from which a piece that ended before item i no longer matters */
    bool *coverable;     /* per item: its act must be covered */
};

void md_solution_done(struct md_solution *solution)
{
    md_vec_done(&solution->runs);
}

/* --- rules --- */

static int64_t piece_length(const struct md_problem *p, size_t first, size_t last)
{
    return p->items[last].out_us - p->items[first].in_us;
}

/* May a piece that holds items [first, last) be extended by `last`? */
static bool continues(const struct md_problem *p, size_t first, size_t last)
{
    return last == first || (p->items[last].follows && p->items[last].act == p->items[first].act);
}

static bool is_piece(const struct md_problem *p, size_t first, size_t last)
{
    int64_t length_us = piece_length(p, first, last);
    return p->items[first].can_start && p->items[last].can_end && length_us > 0 &&
           length_us >= p->min_piece_us && length_us <= p->max_piece_us;
}

/* Calls back for the shape of the problem: pieces, longest in items. */
static size_t count_pieces(const struct md_problem *p, size_t *ret_longest)
{
    size_t count = 0, longest = 1;
    for (size_t i = 0; i < p->n; i++) {
        for (size_t j = i; p->items[i].can_start && j < p->n && continues(p, i, j); j++) {
            if (p->items[j].in_us - p->items[i].in_us > p->max_piece_us)
                break;
            if (is_piece(p, i, j)) {
                count++;
                longest = MD_MAX(longest, j - i + 1);
            }
        }
    }
    *ret_longest = longest;
    return count;
}

size_t md_program_count_pieces(const struct md_problem *problem)
{
    size_t longest;
    return count_pieces(problem, &longest);
}

bool md_program_act_can_be_covered(const struct md_problem *p, int32_t act)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = i; p->items[i].act == act && j < p->n && continues(p, i, j); j++) {
            if (p->items[j].in_us - p->items[i].in_us > p->max_piece_us)
                break;
            if (is_piece(p, i, j))
                return true;
        }
    return false;
}

/* May a piece start with item `next` when the one before ended before item `end`? */
static bool gap_allows(const struct md_problem *p, size_t end, size_t next)
{
    if (next == end)
        return false; /* unless it plays on, which is another rule */
    return p->items[next].in_us - p->items[end - 1].out_us >= p->min_gap_us;
}

static bool plays_on(const struct md_problem *p, size_t i)
{
    return i > 0 && i < p->n && p->items[i].joins && p->items[i].act != p->items[i - 1].act;
}

/* The first boundary at which the piece that ended before item `end` no longer matters. */
static size_t release(const struct md_problem *p, size_t end)
{
    size_t i = end + 1;
    while (i < p->n && i - end < MOST_BACK && !gap_allows(p, end, i))
        i++;
    return MD_MIN(i, p->n);
}

/* The oldest piece end whose row is still kept at item i. */
static size_t first_held(size_t i)
{
    return i > MOST_BACK ? i - MOST_BACK : 1;
}

/* --- rows --- */

static float *begin_row(const struct solver *s, size_t i)
{
    return s->begin + i * s->width;
}
static float *ended_row(const struct solver *s, size_t i)
{
    return s->ended + (i % s->back_window) * s->width;
}
static float *state_row(const struct solver *s, size_t i, int state)
{
    return s->state + ((i % 2) * STATES + (size_t)state) * s->width;
}
static uint8_t *state_from_row(const struct solver *s, size_t i, int state)
{
    return s->state_from + (i * STATES + (size_t)state) * s->width;
}

static void clear(float *row, size_t width)
{
    for (size_t b = 0; b < width; b++)
        row[b] = -INFINITY;
}

/* row = max(row, other), remembering where from. */
static void merge(float *row, uint8_t *from, const float *other, uint8_t origin, size_t width)
{
    for (size_t b = 0; b < width; b++) {
        bool better = other[b] > row[b];
        row[b] = better ? other[b] : row[b];
        from[b] = better ? origin : from[b];
    }
}

/* Acts between two items, both excluded, that must be covered but are passed over. */
static bool skips_an_act(const struct solver *s, size_t from_item, size_t to_item)
{
    const struct md_item *items = s->p->items;
    for (size_t i = from_item + 1; i < to_item; i++)
        if (items[i].act != items[from_item].act && items[i].act != items[to_item].act &&
            s->coverable[i])
            return true;
    return false;
}

/* States before item i (i > 0, i < n) from those before item i - 1, which is left out. */
static void pass_item(struct solver *s, size_t i)
{
    const struct md_item *items = s->p->items;
    bool act_changes = items[i].act != items[i - 1].act;
    bool segment_changes = act_changes || items[i].segment != items[i - 1].segment;
    for (int from = OPEN; from < STATES; from++) {
        int to = act_changes ? OPEN : from == USED && segment_changes ? FRESH : from;
        if (act_changes && from == OPEN && s->coverable[i - 1])
            continue;
        merge(state_row(s, i, to), state_from_row(s, i, to), state_row(s, i - 1, from),
              (uint8_t)from, s->width);
    }
}

/* Pieces that ended before item `end` and are free from item i on. */
static void release_piece(struct solver *s, size_t end, size_t i)
{
    const struct md_item *items = s->p->items, *last = &items[end - 1];
    int to = items[i].act != last->act ? OPEN : items[i].segment != last->segment ? FRESH : USED;
    if (to == OPEN && skips_an_act(s, end - 1, i))
        return;
    merge(state_row(s, i, to), state_from_row(s, i, to), ended_row(s, end),
          (uint8_t)(FROM_PIECE + (i - end)), s->width);
}

/* Best before a piece that starts with item i. */
static void begin_pieces(struct solver *s, size_t i)
{
    const struct md_problem *p = s->p;
    const struct md_item *item = &p->items[i];
    float *row = begin_row(s, i);
    uint8_t *from = s->begin_from + i * s->width;
    bool first_act = item->act == p->items[0].act;
    clear(row, s->width);
    memset(from, NOWHERE, s->width);
    if (!item->can_start)
        return;
    for (int state = OPEN; state < STATES; state++) {
        double gain = item->start_gain - p->piece_cost;
        if (state == OPEN && first_act)
            gain += item->first_gain;
        if (state == USED)
            gain -= p->repeat_cost;
        const float *before = state_row(s, i, state);
        float add = (float)gain;
        for (size_t b = 0; b < s->width; b++) {
            bool better = before[b] + add > row[b];
            row[b] = better ? before[b] + add : row[b];
            from[b] = better ? (uint8_t)state : from[b];
        }
    }
    if (plays_on(p, i)) {
        const float *before = ended_row(s, i);
        float add = (float)item->start_gain;
        for (size_t b = 0; b < s->width; b++) {
            bool better = before[b] + add > row[b];
            row[b] = better ? before[b] + add : row[b];
            from[b] = better ? (uint8_t)FROM_PIECE : from[b];
        }
    }
}

static int64_t quantise(const struct solver *s, int64_t us)
{
    return (us - s->p->items[0].in_us + s->step_us / 2) / s->step_us;
}

static size_t piece_steps(const struct solver *s, size_t first, size_t last)
{
    return (size_t)(quantise(s, s->p->items[last].out_us) - quantise(s, s->p->items[first].in_us));
}

/* What a piece adds to the row before it. */
static float piece_gain(const struct solver *s, size_t first, size_t last)
{
    return (float)(s->gain_sum[last + 1] - s->gain_sum[first] + s->p->items[last].end_gain);
}

/* Is there a piece that ends with `last` and starts before `first`? */
static bool may_start_earlier(const struct solver *s, size_t first, size_t last)
{
    const struct md_item *items = s->p->items;
    return first > 0 && last - first + 1 < s->longest && items[first].follows &&
           items[first - 1].act == items[last].act;
}

static void raise_row(float *restrict to, const float *restrict from, float add, size_t n)
{
    for (size_t b = 0; b < n; b++) {
        float value = from[b] + add;
        to[b] = value > to[b] ? value : to[b];
    }
}

/* Pieces that end with item j. */
static void end_pieces(struct solver *s, size_t j)
{
    float *row = ended_row(s, j + 1);
    clear(row, s->width);
    if (!s->p->items[j].can_end)
        return;
    for (size_t i = j;; i--) {
        size_t steps = is_piece(s->p, i, j) ? piece_steps(s, i, j) : s->width;
        if (steps < s->width)
            raise_row(row + steps, begin_row(s, i), piece_gain(s, i, j), s->width - steps);
        if (!may_start_earlier(s, i, j))
            break;
    }
}

/* The first item of the best piece that ends with item j at total b. */
static size_t find_start(const struct solver *s, size_t j, size_t b)
{
    size_t best = j;
    float best_value = -INFINITY;
    for (size_t i = j;; i--) {
        size_t steps = is_piece(s->p, i, j) ? piece_steps(s, i, j) : s->width;
        if (steps <= b) {
            float value = begin_row(s, i)[b - steps] + piece_gain(s, i, j);
            if (value > best_value) {
                best_value = value;
                best = i;
            }
        }
        if (!may_start_earlier(s, i, j))
            break;
    }
    return best;
}

/* --- the whole --- */

static void solver_done(struct solver *s)
{
    free(s->begin);
    free(s->ended);
    free(s->state);
    free(s->state_from);
    free(s->begin_from);
    free(s->gain_sum);
    free(s->released);
    free(s->coverable);
}

static int mark_coverable(struct solver *s)
{
    const struct md_problem *p = s->p;
    for (size_t i = 0, end; i < p->n; i = end) {
        bool must = p->cover_acts && md_program_act_can_be_covered(p, p->items[i].act);
        for (end = i; end < p->n && p->items[end].act == p->items[i].act; end++)
            s->coverable[end] = must;
    }
    return MD_OK;
}

static int solver_init(struct solver *s, const struct md_problem *p,
                       const struct md_solver_limits *limits)
{
    const size_t fewest_steps = 200;
    const int64_t finest_us = 1000;
    const double most_cells = 8e6; /* eight bytes each */
    size_t pieces = count_pieces(p, &s->longest);
    double affordable = limits->most_operations / (double)(pieces + p->n * STATES + 1);
    affordable = MD_MIN(affordable, most_cells / (double)p->n);
    size_t steps = (size_t)MD_CLAMP(affordable, (double)fewest_steps, (double)limits->most_steps);
    s->p = p;
    s->step_us = MD_MAX((p->high_us + (int64_t)steps - 1) / (int64_t)steps, finest_us);
    s->width = (size_t)(p->high_us / s->step_us) + 3;
    s->back_window = MOST_BACK + 2;
    s->begin = malloc(p->n * s->width * sizeof *s->begin);
    s->ended = malloc(s->back_window * s->width * sizeof *s->ended);
    s->state = malloc(2 * STATES * s->width * sizeof *s->state);
    s->state_from = malloc((p->n + 1) * STATES * s->width);
    s->begin_from = malloc(p->n * s->width);
    s->gain_sum = calloc(p->n + 1, sizeof *s->gain_sum);
    s->coverable = calloc(p->n + 1, sizeof *s->coverable);
    s->released = calloc(p->n + 1, sizeof *s->released);
    if (!s->begin || !s->ended || !s->state || !s->state_from || !s->begin_from || !s->gain_sum ||
        !s->coverable || !s->released)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < p->n; i++)
        s->gain_sum[i + 1] = s->gain_sum[i] + p->items[i].gain;
    for (size_t end = 1; end <= p->n; end++)
        s->released[end] = release(p, end);
    return mark_coverable(s);
}

/* Fills all rows; the final one, before "item n", goes to `last` with its origins: FROM_PIECE + k
 * or a state before item n - 1. */
static void fill(struct solver *s, float *last, uint8_t *last_from)
{
    const struct md_problem *p = s->p;
    for (size_t i = 0; i < p->n; i++) {
        for (int k = OPEN; k < STATES; k++) {
            clear(state_row(s, i, k), s->width);
            memset(state_from_row(s, i, k), NOWHERE, s->width);
        }
        if (i == 0)
            state_row(s, 0, OPEN)[0] = 0;
        else
            pass_item(s, i);
        for (size_t end = first_held(i); end < i; end++)
            if (s->released[end] == i)
                release_piece(s, end, i);
        begin_pieces(s, i);
        end_pieces(s, i);
    }
    clear(last, s->width);
    memset(last_from, NOWHERE, s->width);
    for (int from = OPEN; from < STATES; from++)
        if (from != OPEN || !s->coverable[p->n - 1])
            merge(last, last_from, state_row(s, p->n - 1, from), (uint8_t)from, s->width);
    for (size_t end = first_held(p->n); end <= p->n; end++) {
        if (end < p->n && s->released[end] < p->n)
            continue;
        bool skips = end < p->n &&
                     (skips_an_act(s, end - 1, p->n - 1) ||
                      (p->items[end - 1].act != p->items[p->n - 1].act && s->coverable[p->n - 1]));
        if (!skips)
            merge(last, last_from, ended_row(s, end), (uint8_t)(FROM_PIECE + (p->n - end)),
                  s->width);
    }
}

/* Walks back from total b at the end. */
static int trace(const struct solver *s, const uint8_t *last_from, size_t b,
                 struct md_run_vec *runs)
{
    size_t i = s->p->n;
    uint8_t from = last_from[b];
    runs->n = 0;
    while (from != NOWHERE) {
        if (from < FROM_PIECE) { /* item i - 1 was left out */
            i--;
            if (i == 0)
                break;
            from = state_from_row(s, i, from)[b];
            continue;
        }
        size_t end = i - (size_t)(from - FROM_PIECE);
        size_t start = find_start(s, end - 1, b);
        if (md_vec_push(runs, (struct md_run){start, end - start}) < 0)
            return MD_ERR_NOMEM;
        b -= piece_steps(s, start, end - 1);
        uint8_t state = s->begin_from[start * s->width + b];
        i = start;
        if (state == FROM_PIECE)
            from = FROM_PIECE; /* ended right here */
        else if (i == 0)
            break;
        else
            from = state_from_row(s, i, state)[b];
    }
    for (size_t k = 0, l = runs->n; k + 1 < l--; k++) {
        struct md_run swap = runs->v[k];
        runs->v[k] = runs->v[l];
        runs->v[l] = swap;
    }
    return MD_OK;
}

static bool covers_acts(const struct md_problem *p, const struct md_run_vec *runs)
{
    size_t r = 0;
    for (size_t i = 0, end; i < p->n; i = end) {
        int32_t act = p->items[i].act;
        bool covered = false;
        for (end = i; end < p->n && p->items[end].act == act;)
            end++;
        for (; r < runs->n && runs->v[r].first < end; r++)
            covered = true;
        if (!covered && md_program_act_can_be_covered(p, act))
            return false;
    }
    return true;
}

bool md_program_evaluate(const struct md_problem *p, const struct md_run_vec *runs,
                         double *ret_gain, int64_t *ret_total_us)
{
    double gain = 0;
    int64_t total_us = 0;
    for (size_t r = 0; r < runs->n; r++) {
        size_t first = runs->v[r].first, last = first + runs->v[r].n - 1;
        size_t before_end = r > 0 ? runs->v[r - 1].first + runs->v[r - 1].n : 0;
        bool on = r > 0 && before_end == first && plays_on(p, first);
        if (last >= p->n || !is_piece(p, first, last) ||
            (r > 0 && !on && (before_end >= first || !gap_allows(p, before_end, first))))
            return false;
        for (size_t i = first; i <= last; i++) {
            if (!continues(p, first, i))
                return false;
            gain += p->items[i].gain;
        }
        bool repeats = r > 0 && p->items[before_end - 1].segment == p->items[first].segment;
        gain += p->items[first].start_gain + p->items[last].end_gain;
        gain -= on ? 0 : p->piece_cost + (repeats ? p->repeat_cost : 0);
        if (r == 0 && p->items[first].act == p->items[0].act)
            gain += p->items[first].first_gain;
        total_us += piece_length(p, first, last);
    }
    *ret_gain = gain;
    *ret_total_us = total_us;
    return !p->cover_acts || covers_acts(p, runs);
}

struct choice {
    float gain;
    uint32_t total;
};

static int compare_choices(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    if (x->gain != y->gain)
        return x->gain > y->gain ? -1 : 1;
    return x->total < y->total ? -1 : x->total > y->total;
}

/* Tries totals from the best gain down until one lies in the window when measured exactly. */
static int pick(const struct solver *s, const float *last, const uint8_t *last_from,
                struct md_solution *ret, double *ret_bound, int64_t *ret_reachable_us)
{
    const struct md_problem *p = s->p;
    md_autofree struct choice *choices = calloc(s->width, sizeof *choices);
    struct md_run_vec runs = {0};
    size_t n = 0;
    int64_t slack_us = 2 * s->step_us, reachable_us = 0;
    int r = choices ? MD_ERR_NOTFOUND : MD_ERR_NOMEM;
    for (size_t b = 1; choices && b < s->width; b++) {
        int64_t us = (int64_t)b * s->step_us;
        if (last[b] == -INFINITY)
            continue;
        if (us >= p->low_us - slack_us)
            choices[n++] = (struct choice){last[b], (uint32_t)b};
        else
            reachable_us = us;
    }
    if (n > 1)
        qsort(choices, n, sizeof *choices, compare_choices);
    for (size_t k = 0; k < n && r == MD_ERR_NOTFOUND; k++) {
        double gain;
        int64_t total_us;
        if (trace(s, last_from, choices[k].total, &runs) < 0)
            r = MD_ERR_NOMEM;
        else if (md_program_evaluate(p, &runs, &gain, &total_us) && total_us >= p->low_us &&
                 total_us <= p->high_us) {
            md_solution_done(ret);
            *ret = (struct md_solution){runs, total_us, gain};
            runs = (struct md_run_vec){0};
            r = MD_OK;
        }
    }
    if (ret_bound && n > 0)
        *ret_bound = choices[0].gain;
    if (ret_reachable_us)
        *ret_reachable_us = reachable_us;
    md_vec_done(&runs);
    return r;
}

int md_program_solve(const struct md_problem *problem, const struct md_solver_limits *limits,
                     struct md_solution *ret_solution, double *ret_bound, int64_t *ret_reachable_us)
{
    struct solver s = {0};
    if (problem->n == 0 || problem->high_us <= 0)
        return MD_ERR_NOTFOUND;
    int r = solver_init(&s, problem, limits);
    md_autofree float *last = r == MD_OK ? malloc(s.width * sizeof *last) : NULL;
    md_autofree uint8_t *last_from = r == MD_OK ? malloc(s.width) : NULL;
    if (r == MD_OK && (!last || !last_from))
        r = MD_ERR_NOMEM;
    if (r == MD_OK) {
        fill(&s, last, last_from);
        r = pick(&s, last, last_from, ret_solution, ret_bound, ret_reachable_us);
    }
    solver_done(&s);
    return r;
}
