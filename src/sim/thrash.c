/* A neighbour's memory swings so that the device's use crosses the 80 % line twice a minute. What a
 * governor without hysteresis does is the same code with gap and cool-downs set to nothing. */
#include "base/clock.h"
#include "sim/study.h"

static const int64_t minutes = 60, period_us = 30 * MD_SECOND_US;

static int run(uint64_t seed, const struct gov_config *config, int64_t *ret_runs)
{
    const int64_t low_percent = 79, high_percent = 81;
    struct md_sim_situation situation;
    struct md_sim_machine machine;
    struct md_sim_result result;
    struct md_failure failure;
    int r = md_sim_situation_for_device("sim:rtx3060", &situation, &failure);
    if (r < 0)
        return r;
    situation.seed = seed;
    int64_t total = situation.total_bytes, reserved = situation.reserved_bytes;
    situation.neighbours[0] =
        (struct gov_sim_neighbour){.shape = GOV_SIM_SAW,
                                   .low_bytes = total / 100 * low_percent - reserved,
                                   .bytes = total / 100 * high_percent - reserved,
                                   .period_us = period_us};
    situation.neighbour_count = 1;
    r = md_sim_machine_open(&machine, &situation, config, NULL);
    if (r < 0)
        return r;
    struct md_sim_params params = {.situation = &situation,
                                   .until_us = minutes * 60 * MD_SECOND_US};
    r = md_sim_run(&machine, &params, &result);
    for (int t = 0; t < GOV_TIER_COUNT; t++)
        *ret_runs += result.tiers[t];
    if (result.hung || result.broken)
        r = MD_ERR_BUG;
    md_sim_result_done(&result);
    md_sim_machine_close(&machine);
    return r;
}

int md_sim_thrash_run(uint64_t seed, struct md_sim_thrash *ret)
{
    struct gov_config without = gov_config_default;
    *ret = (struct md_sim_thrash){.minutes = minutes, .low_percent = 79, .high_percent = 81};
    without.pressure.leave_gap_percent = 0;
    for (int t = 0; t < GOV_TIER_COUNT; t++)
        without.pressure.cooldown_us[t] = without.pressure.max_cooldown_us[t] = 0;
    int r = run(seed, NULL, &ret->runs);
    return r < 0 ? r : run(seed, &without, &ret->runs_without);
}
