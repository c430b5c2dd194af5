/*
 * The buffer on predictions.
 */
#include <gov/estimate.h>

#include <math.h>

#include "util.h"

double gov_estimate_buffer_percent(const struct gov_config *config, int64_t history_count)
{
    double first = config->buffer_first_percent, settled = config->buffer_settled_percent;
    int64_t count = MAX(history_count, 0);
    if (count >= config->buffer_settled_count)
        return settled;
    return first + (settled - first) * (double)count / (double)config->buffer_settled_count;
}

int64_t gov_estimate_with_buffer(const struct gov_config *config, int64_t predicted_bytes,
                                 int64_t history_count)
{
    if (predicted_bytes <= 0)
        return 0;
    double buffer =
        ceil((double)predicted_bytes * gov_estimate_buffer_percent(config, history_count) / 100);
    if (buffer >= 9.2e18)
        return INT64_MAX;
    return gov_add_saturated(predicted_bytes, (int64_t)buffer);
}
