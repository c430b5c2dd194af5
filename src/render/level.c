/* Each group first gets an offset from its own loudness against that of the whole; then one gain
 * for all is found by bisection, because gates, limits and limiter make the result bend, but never
 * fall, as the gain rises. */
#include "render/level.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

static const double most_offset_db = 6, offset_share = 0.6;
static const double most_gain_db = 20, least_gain_db = -30;
/* Below the first a group counts as silence (room tone, noise floor) and is not made louder, above
 * the second it may be; in between the limit rises evenly, so that nothing jumps. */
static const double silent_lufs = -55, audible_lufs = -42;
/* The limiter may take this much off all but the loudest 2 % of a group's 100 ms steps. */
static const double most_limiting_db = 3, loudest_share = 0.02;

static double db(double linear)
{
    return linear > 0 ? 20 * log10(linear) : -200;
}

static float linear(double gain_db)
{
    return (float)pow(10, gain_db / 20);
}

static int by_peak(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The peak that all but the loudest steps stay under, dB; MD_ERR_NOMEM. */
static int usual_peak(const struct md_level_group *group, double *ret_db)
{
    if (group->n == 0) {
        *ret_db = -200;
        return MD_OK;
    }
    md_autofree float *peaks = calloc(group->n, sizeof *peaks);
    if (!peaks)
        return MD_ERR_NOMEM;
    for (size_t i = 0; i < group->n; i++)
        peaks[i] = group->steps[i].peak;
    qsort(peaks, group->n, sizeof *peaks, by_peak);
    size_t above = (size_t)((double)group->n * loudest_share);
    *ret_db = db(peaks[group->n - 1 - above]);
    return MD_OK;
}

struct plan {
    const struct md_level_group *groups;
    size_t n;
    double ceiling_db;
    double *offset_db, *most_db; /* per group */
    struct md_meter_step *steps;
    float *gain; /* per step, all groups one after the other */
    size_t total;
};

/* Most a group of this loudness may be made louder. */
static double most_for_loudness(double loudness_lufs)
{
    double share = (loudness_lufs - silent_lufs) / (audible_lufs - silent_lufs);
    return most_gain_db * MD_CLAMP(share, 0, 1);
}

static double group_gain_db(const struct plan *plan, size_t group, double common_db)
{
    double gain_db = common_db + plan->offset_db[group];
    return MD_CLAMP(gain_db, least_gain_db, plan->most_db[group]);
}

/* Loudness of the whole at a common gain, the limiter's work estimated step by step. */
static double result_lufs(struct plan *plan, double common_db)
{
    float ceiling = linear(plan->ceiling_db);
    size_t at = 0;
    for (size_t g = 0; g < plan->n; g++) {
        float gain = linear(group_gain_db(plan, g, common_db));
        for (size_t i = 0; i < plan->groups[g].n; i++, at++) {
            float peak = plan->steps[at].peak * gain;
            plan->gain[at] = peak > ceiling ? gain * ceiling / peak : gain;
        }
    }
    return md_meter_integrated(plan->steps, plan->gain, plan->total);
}

static int measure_groups(struct plan *plan)
{
    double whole_lufs = md_meter_integrated(plan->steps, NULL, plan->total);
    for (size_t g = 0; g < plan->n; g++) {
        const struct md_level_group *group = &plan->groups[g];
        double lufs = md_meter_integrated(group->steps, NULL, group->n), peak_db;
        if (usual_peak(group, &peak_db) < 0)
            return MD_ERR_NOMEM;
        plan->offset_db[g] =
            MD_CLAMP((whole_lufs - lufs) * offset_share, -most_offset_db, most_offset_db);
        double for_peaks_db = MD_MAX(plan->ceiling_db + most_limiting_db - peak_db, 0);
        plan->most_db[g] = MD_MIN(most_for_loudness(lufs), for_peaks_db);
    }
    return MD_OK;
}

static double find_common_gain(struct plan *plan, double target_lufs)
{
    double low = least_gain_db - most_offset_db, high = most_gain_db + most_offset_db;
    enum { ROUNDS = 24 }; /* 56 dB halved so often is far below anything heard */
    for (int i = 0; i < ROUNDS; i++) {
        double middle = (low + high) / 2;
        if (result_lufs(plan, middle) < target_lufs)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

int md_level_plan(const struct md_level_group *groups, size_t n, double target_lufs,
                  double ceiling_dbtp, double *ret_gain_db)
{
    struct plan plan = {.groups = groups, .n = n, .ceiling_db = ceiling_dbtp};
    for (size_t g = 0; g < n; g++)
        plan.total += groups[g].n;
    md_autofree double *offsets = calloc(n + 1, sizeof *offsets);
    md_autofree double *most = calloc(n + 1, sizeof *most);
    md_autofree struct md_meter_step *steps = calloc(plan.total + 1, sizeof *steps);
    md_autofree float *gain = calloc(plan.total + 1, sizeof *gain);
    if (!offsets || !most || !steps || !gain)
        return MD_ERR_NOMEM;
    plan.offset_db = offsets;
    plan.most_db = most;
    plan.steps = steps;
    plan.gain = gain;
    for (size_t g = 0, at = 0; g < n; at += groups[g].n, g++)
        if (groups[g].n)
            memcpy(steps + at, groups[g].steps, groups[g].n * sizeof *steps);
    if (measure_groups(&plan) < 0)
        return MD_ERR_NOMEM;
    double common_db = find_common_gain(&plan, target_lufs);
    for (size_t g = 0; g < n; g++)
        ret_gain_db[g] = group_gain_db(&plan, g, common_db);
    return MD_OK;
}
