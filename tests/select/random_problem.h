/* Small random problems and a solver that tries everything, to compare with. */
#ifndef MD_TEST_RANDOM_PROBLEM_H
#define MD_TEST_RANDOM_PROBLEM_H

#include "select/optimise.h"

/* Numbers from a seed (xorshift64*), the same everywhere. */
struct md_random {
    uint64_t state;
};
double md_random_unit(struct md_random *r);             /* [0, 1) */
int md_random_int(struct md_random *r, int lo, int hi); /* inclusive */

enum { MD_TEST_ITEMS = 13 };

struct md_test_problem {
    struct md_item items[MD_TEST_ITEMS];
    struct md_problem problem;
    struct md_likeness_vec pairs;
};

/* Lengths are multiples of unit_us, so that steps of that length round nothing. */
void md_test_problem_make(struct md_random *r, int64_t unit_us, bool with_pairs,
                          struct md_test_problem *ret);
void md_test_problem_done(struct md_test_problem *p);

/* The best gain over all selections, -INFINITY when there is none. */
double md_test_problem_brute(const struct md_test_problem *p);

#endif
