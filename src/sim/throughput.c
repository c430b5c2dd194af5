/* Ways to choose batch sizes on one shelf. The oracle knows the true peak of every movie and takes
 * the fixed batch sizes that are best for this very shelf: it tries them all and keeps the fastest
 * run that lost nothing. Nobody who does not know the future can be expected to beat it. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/study.h"

enum { LEARNED_AFTER = 10 };

struct way {
    const char *name;
    const char *preset;
    struct md_engine_policy policy;
};

static const struct way ways[] = {
    {"governor", "balanced", {0}},
    {"preset high-performance, fixed", "high-performance", {.no_ladder = true, .no_regrow = true}},
    {"preset balanced, fixed", "balanced", {.no_ladder = true, .no_regrow = true}},
    {"preset max-stability, fixed", "max-stability", {.no_ladder = true, .no_regrow = true}},
    {"halving, no regrowth",
     "high-performance",
     {.no_ladder = true, .no_regrow = true, .keep = 0.5}},
    {"x0.9, no regrowth", "high-performance", {.no_ladder = true, .no_regrow = true, .keep = 0.9}},
};

/* Most out-of-memories of one regime once ten movies are done. */
static int64_t late_ooms(const struct md_sim_result *result)
{
    int64_t worst = 0;
    for (size_t i = 0; i < result->ooms.n; i++) {
        int64_t count = 0;
        for (size_t j = 0; j < result->ooms.n; j++)
            count += result->ooms.v[j].regime == result->ooms.v[i].regime &&
                     result->ooms.v[j].ended >= LEARNED_AFTER;
        worst = MD_MAX(worst, count);
    }
    return worst;
}

static int run(const struct md_sim_situation *situation, const struct gov_config *config,
               const struct md_engine_policy *policy, bool oracle, struct md_sim_way *ret)
{
    struct md_sim_machine machine;
    struct md_sim_result result;
    int r = md_sim_machine_open(&machine, situation, config, NULL);
    if (r < 0)
        return r;
    struct md_sim_params params = {
        .situation = situation, .policy = *policy, .knows_truth = oracle, .step_us = MD_SECOND_US};
    r = md_sim_run(&machine, &params, &result);
    ret->movies = (int64_t)result.movies.n;
    ret->ooms = (int64_t)result.ooms.n;
    ret->late_ooms = late_ooms(&result);
    ret->loads = 0;
    for (int x = 0; x < MD_EXECUTORS; x++)
        ret->loads += result.loads[x];
    ret->lost_to_memory = (int64_t)result.lost_to_memory;
    ret->us = 1;
    for (size_t i = 0; i < result.movies.n; i++) {
        if (result.movies.v[i].end != MD_MOVIE_DONE)
            continue;
        ret->done++;
        ret->film_us += situation->movies[i].facts.duration_us;
        ret->us = MD_MAX(ret->us, result.movies.v[i].end_us - result.start_us);
    }
    if (result.hung || result.broken)
        ret->done = 0;
    md_sim_result_done(&result);
    md_sim_machine_close(&machine);
    return r;
}

static double rate(const struct md_sim_way *way)
{
    return (double)way->film_us / (double)way->us;
}

static int run_oracle(const struct md_sim_situation *situation, struct md_sim_way *ret)
{
    static const int sizes[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
    const struct md_engine_policy policy = {.no_regrow = true};
    *ret = (struct md_sim_way){.name = "oracle", .us = 1};
    for (size_t c = 0; c < MD_ARRAY_LEN(sizes); c++) {
        for (size_t p = 0; p < MD_ARRAY_LEN(sizes); p++) {
            struct md_sim_way way = {.name = "oracle", .chunks = sizes[c], .prompts = sizes[p]};
            struct gov_config config = gov_config_default;
            config.whisper_chunks = sizes[c];
            config.llm_prompts = sizes[p];
            /* It knows: no buffer on what is certain. */
            config.buffer_first_percent = config.buffer_settled_percent = 0;
            int r = run(situation, &config, &policy, true, &way);
            if (r < 0)
                return r;
            if (way.done == way.movies && rate(&way) > rate(ret))
                *ret = way;
        }
    }
    return MD_OK;
}

int md_sim_compare_throughput(uint64_t seed, const char *device, int64_t movies,
                              struct md_sim_throughput *ret, struct md_failure *failure)
{
    struct md_sim_situation situation;
    *ret = (struct md_sim_throughput){0};
    int r = md_sim_situation_for_device(device, &situation, failure);
    if (r < 0)
        return r;
    snprintf(ret->device, sizeof ret->device, "%s", device);
    situation.seed = seed;
    situation.asr = md_sim_model_find("turbo");
    situation.llm = md_sim_model_find("7b-q4");
    situation.trouble = (struct md_sim_trouble){.skew_deviation = 0.25, .noise = 0.04};
    situation.neighbours[0] = (struct gov_sim_neighbour){.bytes = 600 * GOV_MB};
    situation.neighbour_count = 1;
    situation.movie_count = (size_t)MD_CLAMP(movies, LEARNED_AFTER + 2, MD_SIM_MOVIES_MAX);
    for (size_t i = 0; i < situation.movie_count; i++)
        situation.movies[i] = md_sim_movie_make(seed, (int)i);
    r = run_oracle(&situation, &ret->ways[ret->way_count++]);
    for (size_t i = 0; i < MD_ARRAY_LEN(ways) && r == MD_OK; i++) {
        struct gov_config config = gov_config_default;
        struct md_sim_way *way = &ret->ways[ret->way_count++];
        way->name = ways[i].name;
        (void)gov_config_apply_preset(&config, ways[i].preset);
        r = run(&situation, &config, &ways[i].policy, false, way);
    }
    for (size_t i = 0; i < ret->way_count; i++)
        ret->ways[i].of_oracle =
            rate(&ret->ways[0]) > 0 ? rate(&ret->ways[i]) / rate(ret->ways) : 0;
    return r < 0 ? md_fail(failure, r, "the simulation cannot be run: %s", md_error_text(r)) : r;
}
