/* What a stage takes, in bytes and in time: as predicted (what the engine is told) and as it really
 * is in one situation. Pure functions of the situation's seed.
 *
 *   true peak = context + resident x r + batch x unit x s x n
 *
 * with r within 5 % or so (weights are known well), s the skew of the regime (stage, model, class
 * of picture, codec: what a formula gets wrong it gets wrong every time) and n noise of the movie.
 */
#ifndef MD_SIM_TRUTH_H
#define MD_SIM_TRUTH_H

#include "sim/workload.h"

/* Units of a stage: frame ranges of ten minutes, chunks of 30 s, prompts of three minutes. */
int64_t md_sim_units(const struct md_sim_movie *movie, enum md_stage stage,
                     enum md_executor executor);

/* Who runs it in this situation. */
enum md_executor md_sim_executor(const struct md_sim_situation *situation,
                                 const struct md_sim_movie *movie, enum md_stage stage);

const struct md_sim_model *md_sim_model_of(const struct md_sim_situation *situation,
                                           enum md_executor executor);

/* Parts of a peak on the device, without the process's context; all 0: nothing of it is used. */
struct md_sim_need {
    int64_t resident_bytes; /* as long as the worker lives (models) */
    int64_t base_bytes;     /* as long as the stage runs */
    int64_t spike_bytes;    /* on top now and then */
};

struct md_sim_need md_sim_true_need(const struct md_sim_situation *situation,
                                    const struct md_sim_movie *movie, enum md_stage stage,
                                    enum md_executor executor, int batch,
                                    enum md_settings settings);

/* The whole of it, context and all; 0 when the device is not used. */
int64_t md_sim_true_peak(const struct md_sim_situation *situation, const struct md_sim_movie *movie,
                         enum md_stage stage, enum md_executor executor, int batch,
                         enum md_settings settings);

/* What engine_params.estimate wants to know: predicted peak, < 0 when the device is not used, 0
 * when nothing is known. context_bytes is the situation's. */
int64_t md_sim_predict(const struct md_sim_situation *situation,
                       const struct md_estimate_query *query);

/* How long a batch of so many units takes. */
int64_t md_sim_batch_us(const struct md_sim_situation *situation, const struct md_sim_movie *movie,
                        enum md_stage stage, enum md_executor executor, int batch,
                        enum md_settings settings);

/* The model as the engine is to know it; name NULL: none. */
struct md_engine_model md_sim_engine_model(const struct md_sim_situation *situation,
                                           enum md_executor executor);

/* The result of one unit; nothing but the movie and the stage may shape it. */
uint64_t md_sim_unit_result(const struct md_sim_movie *movie, enum md_stage stage, int64_t unit);

#endif
