/*
 * libgov: the budget, pure arithmetic on signed 64-bit bytes. A deficit is a negative number.
 *
 *   reserve = min(reserve_bytes, reserve_max_fraction x total)
 *   cap     = min(fraction x total, total - reserve, max_bytes if any)
 *   ours    = cap - max(0, others - reserve)
 *
 * Fraction and reserve state one limit twice (85 % of a 12.9 GB card and 1.9 GB less than it
 * differ by 0.03 GB), so the smaller is taken and never both subtracted. The reserve is room for
 * the system, so neighbours cost us only what they use beyond it. On a small pool a fixed 1.9 GB
 * would leave nothing (a 2 GB container), hence reserve_max_fraction, 25 % by default: it
 * changes nothing from 7.6 GB upward. Where a cgroup or a memory limit cuts the pool out of a
 * larger machine, the governor first takes what was cut off from the reserve.
 */
#ifndef GOV_BUDGET_H
#define GOV_BUDGET_H

#include <gov/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_budget_rule {
    double fraction;             /* of total, 0 < fraction <= 1 */
    int64_t reserve_bytes;       /* for the system, >= 0 */
    double reserve_max_fraction; /* of total; 1: take reserve_bytes literally */
    int64_t max_bytes;           /* 0: none */
};

struct gov_budget {
    int64_t total_bytes;
    int64_t reserve_bytes; /* as applied */
    int64_t cap_bytes;     /* what we could use with no neighbours; may be negative */
    int64_t others_bytes;
    int64_t ours_bytes; /* what we may use now; negative is a deficit */
};

/* others_bytes < 0 counts as 0. Thread-safe, as it has no state. */
GOV_API struct gov_budget gov_budget_compute(const struct gov_budget_rule *rule,
                                             int64_t total_bytes, int64_t others_bytes);

#ifdef __cplusplus
}
#endif

#endif
