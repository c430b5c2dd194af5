/*
 * libgov: history, what predictions turned out to be worth.
 *
 * A regime is what makes measurements comparable: device, stage, model, resolution class, codec,
 * written as one string. For each regime the last GOV_HISTORY_KEPT pairs of (predicted, measured)
 * peaks give a correction factor:
 *
 *   factor = the 80th percentile of measured / predicted       (robust: a fifth may be outliers;
 *            high rather than middle: too low costs an out-of-memory, too high only some waiting)
 *   below 1 it is trusted slowly:  1 - (1 - factor) x n / (n + 2)
 *   above 1 at once; always within 1/8 and 8.
 *
 * It is judged by its error and, above all, by how often it was too low even with the buffer.
 * History lives in memory, of bounded size: the regime used longest ago makes room. An interface to
 * keep it in a database is to come. One thread at a time.
 */
#ifndef GOV_HISTORY_H
#define GOV_HISTORY_H

#include <gov/config.h>
#include <gov/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_history;

#define GOV_HISTORY_KEPT 32
#define GOV_REGIME_MAX   128

/* Errors: INVALID (no room for a regime), NOMEM. config is copied. */
GOV_API int gov_history_new(const struct gov_config *config, size_t most_regimes,
                            struct gov_history **ret_history);
/* Accepts NULL. */
GOV_API void gov_history_free(struct gov_history *history);

/* What a regime is made of; NULL and 0 parts are left open ("-"). */
struct gov_regime {
    const char *device; /* "host", "rtx3060" */
    const char *stage;
    const char *model;
    const char *codec;
    int32_t width; /* of the picture; only its class counts */
    int32_t height;
};

/*
 * "host/shots/-/1080p/h264"; anything but letters, digits, '.', '_' and '-' becomes '_'. The
 * class is that of the number of pixels: 480p, 720p, 1080p, 1440p, 2160p, 4320p. Returns key.
 */
GOV_API char *gov_regime_key(const struct gov_regime *regime, char key[GOV_REGIME_MAX]);

/*
 * Notes what a finished piece of work took. predicted_bytes is the model's prediction before any
 * correction. Errors: INVALID (amounts that are not positive, a key too long), NOMEM.
 */
GOV_API int gov_history_add(struct gov_history *history, const char *regime,
                            int64_t predicted_bytes, int64_t measured_bytes);

struct gov_prediction {
    int64_t bytes; /* predicted x factor: goes into gov_request.predicted_bytes */
    int64_t count; /* measurements behind it: goes into gov_request.history_count */
    double factor;
};

/* Corrects a prediction; an unknown regime leaves it as it is, with count 0. */
GOV_API struct gov_prediction gov_history_correct(struct gov_history *history, const char *regime,
                                                  int64_t predicted_bytes);

struct gov_regime_stats {
    int64_t count; /* ever */
    int64_t kept;  /* of them still in memory */
    double factor;
    int64_t mean_measured_bytes; /* of those kept */
    int64_t peak_measured_bytes; /* ever */
    int64_t too_low_count;       /* ever: measured more than corrected prediction and buffer */
    double mean_error_percent;   /* of those kept: |corrected - measured| / measured */
};

/* Errors: NOT_FOUND. */
GOV_API int gov_history_stats(const struct gov_history *history, const char *regime,
                              struct gov_regime_stats *ret_stats);

/* The i-th regime's key, in no order; NULL after the last. */
GOV_API const char *gov_history_regime(const struct gov_history *history, size_t index);

#ifdef __cplusplus
}
#endif

#endif
