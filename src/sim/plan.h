/* A plan: what the engine would do with these movies on that device, before anything runs. One run
 * with the predictions as they are gives the course; many with wrong ones give the risks. */
#ifndef MD_SIM_PLAN_H
#define MD_SIM_PLAN_H

#include "sim/world.h"

/* A stage as it would run. */
struct md_plan_span {
    size_t movie;
    enum md_stage stage;
    enum md_executor executor;
    int batch;
    int64_t start_us, end_us;
    int64_t peak_bytes; /* 0: nothing of the device */
    bool ended_well;
};

/* Use of the device from at_us on. */
struct md_plan_point {
    int64_t at_us, used_bytes, own_bytes;
};

struct md_plan_movie {
    int64_t
        estimate_bytes[MD_STAGES]; /* predicted peak with the batch that would be used; < 0:
                                      none of the device; 0: unknown, the safe default is taken */
    int batch[MD_STAGES];
    int64_t start_us, end_us;
    double oom_probability; /* share of the runs in which it ran out of memory at least once */
    double lost_probability;
    bool near_cap; /* a stage's estimate with buffer is 90 % of the cap or more */
    bool assumed;  /* nothing is known of it */
};

struct md_plan {
    int64_t total_bytes, cap_bytes, end_us;
    int64_t loads[MD_EXECUTORS]; /* of models */
    bool takes_turns;            /* all transcripts come before the stories, the models do not fit
                                    together */
    int runs;                    /* of the Monte Carlo */
    struct md_plan_spans MD_VEC(struct md_plan_span) spans;
    struct md_plan_points MD_VEC(struct md_plan_point) points;
    struct md_plan_movies MD_VEC(struct md_plan_movie) movies;
    bool failed; /* the plan itself does not end well: why */
    char why[200];
};

/* The situation's movies, models and neighbours, without trouble. config NULL: the default.
 * MD_ERR_NOMEM, MD_ERR_INPUT. *ret_plan is to be freed in any case. */
int md_plan_make(const struct md_sim_situation *situation, const struct gov_config *config,
                 int runs, struct md_plan *ret_plan);
void md_plan_done(struct md_plan *plan);

#endif
