/* The selection problem is solved exactly, and bounds are bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "random_problem.h"

static const int64_t unit_us = 1000000;
/* A thousand steps a unit would be needless: a step is at least a millisecond, lengths are whole.
 */
static const struct md_solver_limits limits = {.most_steps = 2000, .most_operations = 1e9};

static struct md_item item(double in_s, double out_s, int segment, int act, double gain)
{
    return (struct md_item){.in_us = (int64_t)(in_s * 1e6),
                            .out_us = (int64_t)(out_s * 1e6),
                            .can_start = true,
                            .can_end = true,
                            .follows = in_s > 0,
                            .segment = segment,
                            .act = act,
                            .gain = gain};
}

static void gains_are_counted_as_documented(void **state)
{
    struct md_item items[] = {item(0, 4, 0, 0, 1), item(4, 8, 0, 0, 2), item(8, 12, 0, 0, 4),
                              item(12, 16, 1, 1, 8), item(16, 20, 1, 1, 16)};
    items[3].joins = true;
    items[0].first_gain = 0.25;
    items[0].start_gain = 0.5;
    items[2].end_gain = 0.125;
    struct md_problem p = {.items = items,
                           .n = 5,
                           .min_piece_us = 1,
                           .max_piece_us = 9000000,
                           .min_gap_us = 1000000,
                           .piece_cost = 1,
                           .repeat_cost = 0.0625,
                           .cover_acts = true};
    double gain = 0;
    int64_t total_us = 0;
    struct md_run both_in_scene[] = {{0, 1}, {2, 1}, {3, 2}};
    struct md_run_vec runs = {both_in_scene, 3, 3};
    assert_true(md_program_evaluate(&p, &runs, &gain, &total_us));
    assert_int_equal(total_us, 16000000);
    /* the third piece plays on from the second, so it costs nothing */
    assert_float_equal(gain, 1 + 4 + 8 + 16 + 0.25 + 0.5 + 0.125 - 2 - 0.0625, 1e-9);

    struct md_run touching[] = {{0, 1}, {1, 1}, {3, 1}};
    runs = (struct md_run_vec){touching, 3, 3};
    assert_false(md_program_evaluate(&p, &runs, &gain, &total_us));
    struct md_run too_long[] = {{0, 3}, {4, 1}};
    runs = (struct md_run_vec){too_long, 2, 2};
    assert_false(md_program_evaluate(&p, &runs, &gain, &total_us));
    struct md_run over_acts[] = {{2, 2}};
    runs = (struct md_run_vec){over_acts, 1, 1};
    assert_false(md_program_evaluate(&p, &runs, &gain, &total_us));
    struct md_run one_act[] = {{0, 2}};
    runs = (struct md_run_vec){one_act, 1, 1};
    assert_false(md_program_evaluate(&p, &runs, &gain, &total_us));
}

static void the_optimum_is_found_whatever_the_problem(void **state)
{
    struct md_random r = {20240607};
    int solved = 0, impossible = 0;
    for (int k = 0; k < 1500; k++) {
        struct md_test_problem t;
        struct md_solution solution = {0};
        double bound = 0, gain = 0;
        int64_t total_us = 0;
        md_test_problem_make(&r, unit_us, false, &t);
        double best = md_test_problem_brute(&t);
        int code = md_program_solve(&t.problem, &limits, &solution, &bound, NULL);
        if (best == -INFINITY) {
            assert_int_equal(code, MD_ERR_NOTFOUND);
            impossible++;
        } else {
            assert_int_equal(code, MD_OK);
            assert_true(md_program_evaluate(&t.problem, &solution.runs, &gain, &total_us));
            assert_in_range(total_us, t.problem.low_us, t.problem.high_us);
            if (fabs(gain - best) > 1e-4 || bound < best - 1e-4)
                print_error("problem %d: gain %f, best %f, bound %f\n", k, gain, best, bound);
            assert_float_equal(gain, best, 1e-4);
            assert_true(bound >= best - 1e-4);
            solved++;
        }
        md_solution_done(&solution);
        md_test_problem_done(&t);
    }
    assert_true(solved > 500);
    assert_true(impossible > 50);
}

static void prices_of_duplicates_bound_and_nearly_reach_the_optimum(void **state)
{
    struct md_random r = {77};
    int solved = 0, exact = 0;
    double worst = 0, sum = 0;
    for (int k = 0; k < 1500; k++) {
        struct md_test_problem t;
        struct md_optimum optimum = {0};
        md_test_problem_make(&r, unit_us, true, &t);
        double best = md_test_problem_brute(&t);
        int code = md_select_optimise(&t.problem, &t.pairs, &limits, NULL, &optimum);
        if (best == -INFINITY) {
            assert_int_equal(code, MD_ERR_NOTFOUND);
        } else {
            assert_int_equal(code, MD_OK);
            double loss = best - optimum.solution.gain, scale = fmax(fabs(best), 1);
            assert_true(loss >= -1e-4);
            assert_true(optimum.bound >= best - 1e-4);
            assert_float_equal(md_select_gain(&t.problem, &t.pairs, &optimum.solution.runs),
                               optimum.solution.gain, 1e-4);
            exact += loss < 1e-4 * scale;
            worst = fmax(worst, loss / scale);
            sum += loss / scale;
            solved++;
        }
        md_solution_done(&optimum.solution);
        md_test_problem_done(&t);
    }
    print_message("# %d of %d optimal, mean loss %.4f %%, worst %.2f %%\n", exact, solved,
                  100 * sum / solved, 100 * worst);
    assert_true(solved > 500);
    assert_true(exact >= solved * 98 / 100);
    assert_true(sum / solved < 0.002);
}

static void the_greatest_shorter_total_is_told(void **state)
{
    struct md_item items[] = {item(0, 4, 0, 0, 1), item(4, 8, 0, 0, 2), item(8, 30, 0, 0, 4)};
    struct md_problem p = {.items = items,
                           .n = 3,
                           .min_piece_us = 1,
                           .max_piece_us = 9000000,
                           .low_us = 12000000,
                           .high_us = 14000000};
    struct md_solution solution = {0};
    int64_t reachable_us = 0;
    assert_int_equal(md_program_solve(&p, &limits, &solution, NULL, &reachable_us),
                     MD_ERR_NOTFOUND);
    assert_in_range(reachable_us, 7950000, 8050000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gains_are_counted_as_documented),
        cmocka_unit_test(the_optimum_is_found_whatever_the_problem),
        cmocka_unit_test(prices_of_duplicates_bound_and_nearly_reach_the_optimum),
        cmocka_unit_test(the_greatest_shorter_total_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
