/*
 * libgov: estimates of peak memory. A model predicts from what is known beforehand, history
 * corrects it, a buffer is put on top.
 *
 * A regime is what makes measurements comparable (device, stage, model, resolution class, codec),
 * written as one string. History lives in memory; an interface to keep it is to come.
 */
#ifndef GOV_ESTIMATE_H
#define GOV_ESTIMATE_H

#include <gov/config.h>
#include <gov/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The buffer on a prediction, in percent: buffer_first_percent with no history, falling evenly to
 * buffer_settled_percent at buffer_settled_count measurements (15 % to 10 % at ten).
 */
GOV_API double gov_estimate_buffer_percent(const struct gov_config *config, int64_t history_count);

/* predicted x (1 + buffer), rounded up, stopping at INT64_MAX. */
GOV_API int64_t gov_estimate_with_buffer(const struct gov_config *config, int64_t predicted_bytes,
                                         int64_t history_count);

#ifdef __cplusplus
}
#endif

#endif
