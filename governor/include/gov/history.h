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
 * History lives in memory, of bounded size: the regime used longest ago makes room. To outlive the
 * process it is written as rows of text, one per regime, through a small interface that whoever
 * embeds it implements (a database, a file). One thread at a time.
 */
#ifndef GOV_HISTORY_H
#define GOV_HISTORY_H

#include <gov/batch.h>
#include <gov/config.h>
#include <gov/error.h>
#include <gov/log.h>

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
    double too_low_percent;      /* too_low_count of count */
};

/* Errors: NOT_FOUND. */
GOV_API int gov_history_stats(const struct gov_history *history, const char *regime,
                              struct gov_regime_stats *ret_stats);

/* The i-th regime's key, in no order; NULL after the last. */
GOV_API const char *gov_history_regime(const struct gov_history *history, size_t index);

/*
 * The batch size of a regime, made with start_size and most when it is new; otherwise what history
 * knows, with its limits set to most. Belongs to the history and is valid until the next call that
 * names another regime: ask again instead of keeping it.
 * NULL: INVALID arguments or no memory; a gov_batch of one's own does as well then.
 */
GOV_API struct gov_batch *gov_history_batch(struct gov_history *history, const char *regime,
                                            int64_t start_size, int64_t most);

/* To look at; NULL when the regime has none. */
GOV_API const struct gov_batch *gov_history_find_batch(const struct gov_history *history,
                                                       const char *regime);

/* How batches made or loaded from now on shrink and grow; the default is gov_batch_rule_default. */
GOV_API void gov_history_set_batch_rule(struct gov_history *history,
                                        const struct gov_batch_rule *rule);

/*
 * Seconds on a clock that survives restarts, for what fades by time and for which regime was used
 * longest ago. Tell it at the start and now and then. A clock that jumps back is ignored.
 */
GOV_API void gov_history_tell_time(struct gov_history *history, int64_t now_s);

/*
 * Where rows are kept. A row is text of at most GOV_HISTORY_ROW_MAX bytes, with no 0 and no newline
 * in it, a version in front and a checksum at the end; the store need not understand it. Both
 * functions return 0 or a negative gov_error.
 */
#define GOV_HISTORY_ROW_MAX 8192

/* Takes one row; not 0: stop. */
typedef int (*gov_history_row_fn)(void *user, const char *regime, const char *row, size_t size);

struct gov_history_store {
    void *context;
    /* Required. Calls each_row(user, ...) for every row kept, in any order, and returns what it
     * returned if that was not 0. */
    int (*load)(void *context, gov_history_row_fn each_row, void *user);
    /* Required. Puts a row in the place of the regime's old one. */
    int (*save)(void *context, const char *regime, const char *row, size_t size);
};

/*
 * Loads all rows; a regime already there is replaced. A row that is damaged, of another version or
 * for an impossible regime is skipped, and log (may be NULL) says so. When there are more than
 * most_regimes, those used last stay. Errors: INVALID, NOMEM, what the store returns; what was
 * loaded until then stays.
 */
GOV_API int gov_history_load(struct gov_history *history, const struct gov_history_store *store,
                             const struct gov_log *log, size_t *ret_loaded, size_t *ret_skipped);

/*
 * Saves every regime that changed since it was loaded or saved. After an error (INVALID, what the
 * store returns) those not saved still count as changed. ret_saved may be NULL.
 */
GOV_API int gov_history_save(struct gov_history *history, const struct gov_history_store *store,
                             size_t *ret_saved);

/*
 * One row: writes at most size bytes with an end; *ret_length without it. Errors: NOT_FOUND, RANGE
 * (no room). Reading never trusts a byte. Errors: INVALID (regime), FORMAT, NOMEM; the regime is
 * then as it was.
 */
GOV_API int gov_history_row_write(const struct gov_history *history, const char *regime, char *row,
                                  size_t size, size_t *ret_length);
GOV_API int gov_history_row_read(struct gov_history *history, const char *regime, const char *row,
                                 size_t size);

#ifdef __cplusplus
}
#endif

#endif
