/* Risks come from runs in which the true peaks differ from the predicted ones by as much as a first
 * prediction usually does (a quarter by regime, 4 % by movie). */
#include "sim/plan.h"

#include <gov/estimate.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/random.h"
#include "sim/truth.h"

struct making {
    struct md_plan *plan;
    const struct md_sim_situation *situation;
    bool nomem;
};

static void note_stage(void *user, size_t movie, enum md_stage stage, int batch, int64_t start_us,
                       int64_t end_us, int64_t peak_bytes, bool ended_well)
{
    struct making *making = user;
    struct md_plan_span span = {
        .movie = movie,
        .stage = stage,
        .executor = md_sim_executor(making->situation, &making->situation->movies[movie], stage),
        .batch = batch,
        .start_us = start_us,
        .end_us = end_us,
        .peak_bytes = peak_bytes,
        .ended_well = ended_well,
    };
    if (md_vec_push(&making->plan->spans, span) < 0)
        making->nomem = true;
}

static void note_point(void *user, const struct md_sim_view *view)
{
    struct making *making = user;
    struct md_plan_points *points = &making->plan->points;
    const struct md_plan_point point = {view->now_us, view->used_bytes, view->own_bytes};
    if (points->n && points->v[points->n - 1].used_bytes == point.used_bytes &&
        points->v[points->n - 1].own_bytes == point.own_bytes)
        return;
    if (md_vec_push(points, point) < 0)
        making->nomem = true;
}

static int run_once(const struct md_sim_situation *situation, const struct gov_config *config,
                    struct making *making, struct md_sim_result *result)
{
    struct md_sim_machine machine;
    int r = md_sim_machine_open(&machine, situation, config, NULL);
    if (r < 0)
        return r;
    struct md_sim_params params = {.situation = situation};
    if (making) {
        params.watch = note_point;
        params.stage_ran = note_stage;
        params.watch_user = params.stage_user = making;
    }
    r = md_sim_run(&machine, &params, result);
    md_sim_machine_close(&machine);
    return r;
}

static int add_risks(const struct md_sim_situation *situation, const struct gov_config *config,
                     int runs, struct md_plan *plan)
{
    for (int i = 0; i < runs; i++) {
        struct md_sim_situation skewed = *situation;
        struct md_sim_result result = {0};
        skewed.seed = md_sim_hash(situation->seed, (uint64_t)i + 1);
        skewed.trouble = (struct md_sim_trouble){.skew_deviation = 0.25, .noise = 0.04};
        int r = run_once(&skewed, config, NULL, &result);
        for (size_t m = 0; r == MD_OK && m < plan->movies.n && m < result.movies.n; m++) {
            plan->movies.v[m].oom_probability += (result.movies.v[m].ooms > 0) / (double)runs;
            plan->movies.v[m].lost_probability +=
                (result.movies.v[m].end != MD_MOVIE_DONE) / (double)runs;
        }
        md_sim_result_done(&result);
        if (r < 0)
            return r;
    }
    return MD_OK;
}

static void estimate_stages(const struct md_sim_situation *situation,
                            const struct gov_config *config, struct md_plan *plan, size_t m)
{
    const double near = 0.9;
    struct md_plan_movie *movie = &plan->movies.v[m];
    movie->assumed = !situation->movies[m].facts.known;
    for (int s = 0; s < MD_STAGES; s++) {
        struct md_estimate_query query = {
            .stage = (enum md_stage)s,
            .executor = md_sim_executor(situation, &situation->movies[m], (enum md_stage)s),
            .facts = &situation->movies[m].facts,
            .batch = MD_MAX(movie->batch[s], 1),
        };
        int64_t bytes = md_sim_predict(situation, &query);
        movie->estimate_bytes[s] = bytes;
        int64_t asked = bytes > 0 ? gov_estimate_with_buffer(config, bytes, 0) : 0;
        movie->near_cap |= (double)asked >= near * (double)plan->cap_bytes;
    }
}

static int note_movies(const struct md_sim_situation *situation, const struct gov_config *config,
                       const struct md_sim_result *result, struct md_plan *plan)
{
    for (size_t m = 0; m < situation->movie_count; m++) {
        struct md_plan_movie movie = {0};
        if (m < result->movies.n) {
            movie.start_us = result->movies.v[m].start_us;
            movie.end_us = result->movies.v[m].end_us;
        }
        for (size_t i = 0; i < plan->spans.n; i++)
            if (plan->spans.v[i].movie == m)
                movie.batch[plan->spans.v[i].stage] = plan->spans.v[i].batch;
        if (md_vec_push(&plan->movies, movie) < 0)
            return MD_ERR_NOMEM;
        estimate_stages(situation, config, plan, m);
    }
    return MD_OK;
}

int md_plan_make(const struct md_sim_situation *situation, const struct gov_config *config,
                 int runs, struct md_plan *ret_plan)
{
    struct md_sim_result result = {0};
    struct making making = {.plan = ret_plan, .situation = situation};
    const struct gov_config *used = config ? config : &gov_config_default;
    *ret_plan = (struct md_plan){.total_bytes = situation->total_bytes, .runs = runs};
    ret_plan->cap_bytes = gov_budget_compute(&used->budget, situation->total_bytes, 0).cap_bytes;
    int r = run_once(situation, used, &making, &result);
    ret_plan->end_us = result.end_us;
    memcpy(ret_plan->loads, result.loads, sizeof ret_plan->loads);
    ret_plan->takes_turns = result.turns > 0;
    ret_plan->failed = result.hung || result.broken || result.lost_to_memory > 0;
    snprintf(ret_plan->why, sizeof ret_plan->why, "%s",
             result.why[0] ? result.why : "a movie would be lost");
    if (r == MD_OK)
        r = making.nomem ? MD_ERR_NOMEM : note_movies(situation, used, &result, ret_plan);
    md_sim_result_done(&result);
    return r < 0 ? r : add_risks(situation, used, runs, ret_plan);
}

void md_plan_done(struct md_plan *plan)
{
    md_vec_done(&plan->spans);
    md_vec_done(&plan->points);
    md_vec_done(&plan->movies);
}
