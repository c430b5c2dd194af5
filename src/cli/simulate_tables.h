/* The studies of the simulator as tables for people and as JSON. */
#ifndef MD_CLI_SIMULATE_TABLES_H
#define MD_CLI_SIMULATE_TABLES_H

#include <jansson.h>

#include "base/str.h"
#include "sim/study.h"

/* Everything one call of the command found out; what was not asked for is NULL or 0. */
struct md_figures {
    const struct md_sim_survival *governed, *ungoverned;
    const struct md_sim_availability *availability;
    const struct md_sim_throughput *throughputs;
    size_t throughput_count;
    const struct md_sim_thrash *thrash;
    const struct md_sim_endurance *endurance;
    const struct md_sim_sweep *sweeps;
    size_t sweep_count;
    uint64_t seed;
};

/* Each returns whether the figures that are promised (issue "The memory governor") are reached. */
bool md_figures_survive(const struct md_figures *figures);
bool md_figures_stay_available(const struct md_figures *figures);
bool md_figures_are_fast(const struct md_sim_throughput *throughput);
bool md_figures_do_not_thrash(const struct md_figures *figures);
bool md_figures_endure(const struct md_figures *figures);
bool md_figures_take_faults(const struct md_figures *figures);

void md_figures_print(const struct md_figures *figures, struct md_str *out);
/* A new reference; NULL when out of memory. */
json_t *md_figures_json(const struct md_figures *figures);

#endif
