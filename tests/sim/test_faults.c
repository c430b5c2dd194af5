/* The n-th operation of a three-movie batch fails, n = 1, 2, 3 ... until nothing fails any more:
 * once only, and from then on. After each: sums agree, nothing is left over, what is done is right,
 * what is not says why, and it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/study.h"

static void sweep(enum md_sim_operation operation, bool persistent, struct md_sim_sweep *s)
{
    assert_int_equal(md_sim_sweep_run(1, operation, persistent, 0, 1, s), MD_OK);
    if (s->first_bad)
        print_message("%s %s, n = %lld: %s\n", persistent ? "persistent" : "transient",
                      md_sim_operation_names[operation], (long long)s->first_bad, s->why);
    assert_true(s->runs >= 1);
    assert_int_equal(s->movies, 3 * s->runs);
    assert_int_equal(s->hangs, 0);
    assert_int_equal(s->broken, 0);
    assert_int_equal(s->wrong_results, 0);
    assert_int_equal(s->untyped, 0);
}

static void a_fault_that_passes_costs_no_movie(void **state)
{
    for (int operation = 0; operation < MD_SIM_OPERATIONS; operation++) {
        struct md_sim_sweep s;
        sweep((enum md_sim_operation)operation, false, &s);
        assert_int_equal(s.failed, 0);
        assert_int_equal(s.fallbacks, 0);
    }
}

static void a_fault_that_stays_ends_in_a_reason(void **state)
{
    for (int operation = 0; operation < MD_SIM_OPERATIONS; operation++) {
        struct md_sim_sweep s;
        sweep((enum md_sim_operation)operation, true, &s);
        /* Memory alone never ends a movie: the CPU is left. Workers that cannot live do. */
        bool may_fail = operation == MD_SIM_SPAWN || operation == MD_SIM_STEP;
        assert_int_equal(s.failed > 0, may_fail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_that_passes_costs_no_movie),
        cmocka_unit_test(a_fault_that_stays_ends_in_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
