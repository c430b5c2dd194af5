/* Monte Carlo: each situation is run once with the policy in question and, on demand, once more
 * where nothing goes wrong, because "the same result" means the same as then. */
#include <inttypes.h>
#include <stdio.h>

#include "sim/study.h"

static void found(struct md_sim_survival *all, int64_t situation, const char *why)
{
    if (all->found_count == MD_SIM_FOUND_MAX)
        return;
    struct md_sim_found *f = &all->found[all->found_count++];
    f->situation = situation;
    snprintf(f->why, sizeof f->why, "%s", why);
}

static void judge_movie(struct md_sim_survival *all, int64_t index,
                        const struct md_sim_movie_result *movie, uint64_t expected)
{
    char why[240];
    bool memory = movie->code == MD_ERR_NOMEM || movie->code == MD_ERR_DEVICE_MEM;
    all->movies++;
    if (movie->end == MD_MOVIE_DONE) {
        all->done++;
        if (movie->result == expected)
            return;
        all->wrong_results++;
        found(all, index, "a movie's units differ from the run without trouble");
        return;
    }
    *(memory ? &all->lost_to_memory : &all->lost_otherwise) += 1;
    snprintf(why, sizeof why, "a movie is lost: %s", movie->why);
    found(all, index, why);
}

static void add_up(struct md_sim_survival *all, int64_t index, const struct md_sim_result *result)
{
    all->situations++;
    all->hangs += result->hung;
    all->broken += result->broken;
    all->situations_with_losses += result->lost_to_memory > 0;
    all->fallbacks += (int64_t)result->fallbacks;
    all->ooms += (int64_t)result->ooms.n;
    all->crashes += result->crashes;
    all->hasty_starts += result->hasty_starts;
    all->steps += result->steps;
    all->stages += result->stages;
    all->simulated_us += result->end_us - result->start_us;
    for (int t = 0; t < GOV_TIER_COUNT; t++)
        all->tiers[t] += result->tiers[t];
    if (result->hung || result->broken)
        found(all, index, result->why);
}

static int run(const struct md_sim_survival_params *params,
               const struct md_sim_situation *situation, bool quiet, struct md_sim_result *result)
{
    struct md_sim_machine machine;
    *result = (struct md_sim_result){0};
    int r = md_sim_machine_open(&machine, situation, params->config, NULL);
    if (r < 0)
        return r;
    struct md_sim_params world = {.situation = situation, .check = params->check};
    if (!quiet)
        world.policy = params->policy;
    r = md_sim_run(&machine, &world, result);
    md_sim_machine_close(&machine);
    return r;
}

static int one_situation(const struct md_sim_survival_params *params, int64_t index,
                         struct md_sim_survival *all)
{
    struct md_sim_situation situation;
    struct md_sim_result result = {0}, quiet = {0};
    md_sim_situation_make(params->seed, (uint64_t)index, &situation);
    int r = run(params, &situation, false, &result);
    if (r == MD_OK && params->compare) {
        struct md_sim_situation peaceful = situation;
        md_sim_situation_make_faultless(&peaceful);
        r = run(params, &peaceful, true, &quiet);
    }
    if (r == MD_OK) {
        add_up(all, index, &result);
        for (size_t i = 0; i < result.movies.n; i++) {
            const struct md_sim_movie_result *movie = &result.movies.v[i];
            bool quiet_knows = params->compare && i < quiet.movies.n && !movie->fallback;
            judge_movie(all, index, movie,
                        quiet_knows ? quiet.movies.v[i].result
                                    : md_sim_expected_result(&situation, &situation.movies[i],
                                                             movie->fallback));
        }
    }
    md_sim_result_done(&result);
    md_sim_result_done(&quiet);
    return r;
}

int md_sim_survive(const struct md_sim_survival_params *params, struct md_sim_survival *ret)
{
    *ret = (struct md_sim_survival){0};
    for (int64_t i = 0; i < params->count; i++) {
        int r = one_situation(params, params->first + i, ret);
        if (r < 0)
            return r;
        if (params->progress)
            params->progress(params->user, i + 1);
    }
    return MD_OK;
}
