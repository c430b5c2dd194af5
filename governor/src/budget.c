/*
 * The budget. One function, so that the command line, the governor and the simulator cannot
 * disagree. Fractions are doubles: below 2^53 bytes (9 PB) the product is exact to a byte.
 */
#include <gov/budget.h>

#include "util.h"

static int64_t share(int64_t total_bytes, double fraction)
{
    double bytes = (double)total_bytes * fraction;
    return bytes >= 9.2e18 ? INT64_MAX : (int64_t)bytes;
}

struct gov_budget gov_budget_compute(const struct gov_budget_rule *rule, int64_t total_bytes,
                                     int64_t others_bytes)
{
    struct gov_budget budget = {.total_bytes = MAX(total_bytes, 0),
                                .others_bytes = MAX(others_bytes, 0)};
    int64_t total = budget.total_bytes;
    budget.reserve_bytes = rule->reserve_bytes;
    if (rule->reserve_max_fraction < 1)
        budget.reserve_bytes = MIN(rule->reserve_bytes, share(total, rule->reserve_max_fraction));

    int64_t cap = MIN(share(total, rule->fraction), total - budget.reserve_bytes);
    if (rule->max_bytes > 0)
        cap = MIN(cap, rule->max_bytes);
    budget.cap_bytes = cap;

    int64_t beyond_reserve = MAX(budget.others_bytes - budget.reserve_bytes, 0);
    budget.ours_bytes = gov_add_saturated(cap, -beyond_reserve);
    return budget;
}
