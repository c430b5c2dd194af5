/* SQLite's way: the first operation fails, then the second, and so on until a run has fewer
 * operations than that. The batch is small, so that the sweep is complete, and has all kinds of
 * stages. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/study.h"

void md_sim_sweep_situation(uint64_t seed, struct md_sim_situation *ret)
{
    *ret = (struct md_sim_situation){
        .seed = seed,
        .device = "sim:rtx3060",
        .context_bytes = 300 * GOV_MB,
        .lag_us = MD_SECOND_US / 2,
        .asr = md_sim_model_find("turbo"),
        .llm = md_sim_model_find("7b-q4"),
        .speed = 1,
        .trouble = {.skew_deviation = 0.15, .noise = 0.04},
        .movie_count = 3,
    };
    ret->neighbours[0] = (struct gov_sim_neighbour){.bytes = 600 * GOV_MB};
    ret->neighbour_count = 1;
    for (size_t i = 0; i < ret->movie_count; i++) {
        ret->movies[i] = md_sim_movie_make(seed, (int)i);
        ret->movies[i].facts.duration_us /= 4;
        ret->movies[i].has_subtitles = i == 1;
    }
}

static void judge(const struct md_sim_situation *s, const struct md_sim_result *result, int64_t nth,
                  struct md_sim_sweep *ret)
{
    int64_t failed = 0;
    bool bad = result->hung || result->broken;
    const char *why = result->why;
    for (size_t i = 0; i < result->movies.n; i++) {
        const struct md_sim_movie_result *movie = &result->movies.v[i];
        bool wrong = movie->end == MD_MOVIE_DONE &&
                     movie->result != md_sim_expected_result(s, &s->movies[i], movie->fallback);
        bool untyped = movie->end != MD_MOVIE_DONE &&
                       (movie->code >= 0 || movie->code == MD_ERR_BUG || !movie->why[0]);
        ret->movies++;
        ret->done += movie->end == MD_MOVIE_DONE;
        failed += movie->end != MD_MOVIE_DONE;
        ret->wrong_results += wrong;
        ret->untyped += untyped;
        if (wrong || untyped) {
            bad = true;
            why = wrong ? "a movie's units differ" : "a movie failed without a reason";
        }
    }
    ret->fallbacks += (int64_t)result->fallbacks;
    ret->failed += failed;
    ret->worst_failed = MD_MAX(ret->worst_failed, failed);
    ret->hangs += result->hung;
    ret->broken += result->broken;
    if (bad && !ret->first_bad) {
        ret->first_bad = nth;
        snprintf(ret->why, sizeof ret->why, "%s", why);
    }
}

int md_sim_sweep_run(uint64_t seed, enum md_sim_operation operation, bool persistent, int64_t most,
                     int64_t every, struct md_sim_sweep *ret)
{
    struct md_sim_situation situation;
    md_sim_sweep_situation(seed, &situation);
    *ret = (struct md_sim_sweep){.operation = operation, .persistent = persistent};
    for (int64_t nth = 1; !most || ret->runs < most; nth += MD_MAX(every, 1)) {
        struct md_sim_machine machine;
        struct md_sim_result result;
        struct md_sim_params params = {
            .situation = &situation,
            .step_us = 60 * MD_SECOND_US,
            .fault = {.operation = operation, .nth = nth, .persistent = persistent},
            .check = true,
        };
        int r = md_sim_machine_open(&machine, &situation, NULL, NULL);
        if (r < 0)
            return r;
        r = md_sim_run(&machine, &params, &result);
        bool reached = result.operations[operation] >= nth;
        if (r == MD_OK && reached) {
            ret->runs++;
            judge(&situation, &result, nth, ret);
        }
        md_sim_result_done(&result);
        md_sim_machine_close(&machine);
        if (r < 0 || !reached)
            return r;
    }
    return MD_OK;
}
