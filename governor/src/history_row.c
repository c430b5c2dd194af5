/*
 * History as rows of text, one per regime:
 *
 *     gov-history 1 USED_S COUNT PEAK TOO_LOW p N PREDICTED:MEASURED ...
 *         b SIZE MOST GOOD BAD QUIET RELAPSES FADED BAD_AT_S OOMS
 *         f N SIZE:ATTEMPTS:SUCCESSES:SUM:PEAKS:PEAK:UNITS:BUSY ... #CRC32
 *
 * on one line; the parts from b on only where there is a batch. Decimal text, because it is the
 * same on every machine and can be read in a database by a person; a checksum, because a row cut
 * short could still look like one. Ring entries are written oldest first. A reader of version 1
 * takes version 1 only: history is cheap to learn again, a wrong figure is not.
 */
#include "history_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

/* More never happens, and sums of two stay within 64 bits. */
static const int64_t MOST_VALUE = INT64_MAX / 2;

/* CRC-32 as in zlib, bit by bit: a row has a few hundred bytes. */
static uint32_t checksum(const char *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return ~crc;
}

/* Text that grows within its room; what does not fit makes it overfull. */
struct writer {
    char *text;
    size_t size;
    size_t length;
    bool overfull;
};

static void put_text(struct writer *w, const char *text)
{
    size_t length = strlen(text);
    if (length >= w->size - w->length) {
        w->overfull = true;
        return;
    }
    memcpy(w->text + w->length, text, length + 1);
    w->length += length;
}

static void put(struct writer *w, char separator, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%c%" PRId64, separator, MIN(MAX(value, 0), MOST_VALUE));
    put_text(w, text);
}

static void put_all(struct writer *w, char separator, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(w, i ? separator : ' ', values[i]);
}

static void put_pairs(struct writer *w, const struct regime *regime)
{
    size_t n = gov_history_kept(regime);
    put_text(w, " p");
    put(w, ' ', (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct history_pair *pair =
            &regime->pairs[(regime->count - (int64_t)n + (int64_t)i) % GOV_HISTORY_KEPT];
        put_all(w, ':', (int64_t[]){pair->predicted_bytes, pair->measured_bytes}, 2);
    }
}

enum { BATCH_FIELDS = 9, FIGURE_FIELDS = 8 };

static void put_batch(struct writer *w, const struct gov_batch *b)
{
    put_text(w, " b");
    put_all(w, ' ',
            (int64_t[BATCH_FIELDS]){b->size, b->most, b->good, b->bad, b->quiet_movies, b->relapses,
                                    b->faded, b->bad_at_s, b->ooms},
            BATCH_FIELDS);
    int64_t sizes = 0;
    for (int32_t size = 1; size <= GOV_BATCH_SIZES_KEPT; size++)
        sizes += b->figures[size].attempts > 0;
    put_text(w, " f");
    put(w, ' ', sizes);
    for (int32_t size = 1; size <= GOV_BATCH_SIZES_KEPT; size++) {
        const struct gov_batch_figures *f = &b->figures[size];
        if (f->attempts)
            put_all(w, ':',
                    (int64_t[FIGURE_FIELDS]){size, f->attempts, f->successes, f->peak_sum_bytes,
                                             f->peak_count, f->peak_bytes, f->units, f->busy_us},
                    FIGURE_FIELDS);
    }
}

static int write_row(const struct regime *regime, char *row, size_t size, size_t *ret_length,
                     uint32_t *ret_sums)
{
    struct writer w = {.text = row, .size = size};
    put_text(&w, "gov-history 1");
    put_all(&w, ' ',
            (int64_t[]){regime->used_s, regime->count, regime->peak_measured_bytes,
                        regime->too_low_count},
            4);
    put_pairs(&w, regime);
    if (regime->has_batch)
        put_batch(&w, &regime->batch);
    char sums[16];
    *ret_sums = checksum(row, w.length);
    snprintf(sums, sizeof sums, " #%08" PRIx32, *ret_sums);
    put_text(&w, sums);
    *ret_length = w.length;
    return w.overfull ? GOV_E_RANGE : GOV_OK;
}

int gov_history_row_write(const struct gov_history *history, const char *key, char *row,
                          size_t size, size_t *ret_length)
{
    const struct regime *regime = history ? gov_history_lookup(history, key) : NULL;
    if (!regime)
        return GOV_E_NOT_FOUND;
    if (!row || !size || !ret_length)
        return GOV_E_RANGE;
    uint32_t sums;
    size_t length = 0;
    int error = write_row(regime, row, size, &length, &sums);
    if (!error)
        *ret_length = length;
    return error;
}

/* Numbers one after the other; a first one that is missing or too large makes it bad for good. */
struct reader {
    const char *at;
    bool bad;
};

static bool take_text(struct reader *r, const char *text)
{
    size_t length = strlen(text);
    if (r->bad || strncmp(r->at, text, length))
        return false;
    r->at += length;
    return true;
}

static int64_t take(struct reader *r, char separator, int64_t most)
{
    int64_t value = 0;
    if (!r->bad && *r->at == separator) {
        r->at++;
        if (*r->at >= '0' && *r->at <= '9' && gov_parse_i64(&r->at, &value) && value <= most)
            return value;
    }
    r->bad = true;
    return 0;
}

static void take_pairs(struct reader *r, struct regime *regime)
{
    int64_t n = MIN(regime->count, GOV_HISTORY_KEPT);
    if (!take_text(r, " p") || take(r, ' ', GOV_HISTORY_KEPT) != n)
        r->bad = true;
    for (int64_t i = 0; i < n && !r->bad; i++) {
        struct history_pair *pair = &regime->pairs[(regime->count - n + i) % GOV_HISTORY_KEPT];
        pair->predicted_bytes = take(r, ' ', MOST_VALUE);
        pair->measured_bytes = take(r, ':', MOST_VALUE);
        r->bad = r->bad || pair->predicted_bytes <= 0 || pair->measured_bytes <= 0;
    }
}

static void take_figures(struct reader *r, struct gov_batch *b)
{
    int64_t sizes = take_text(r, " f") ? take(r, ' ', GOV_BATCH_SIZES_KEPT) : -1;
    r->bad = r->bad || sizes < 0;
    int64_t last = 0;
    for (int64_t i = 0; i < sizes && !r->bad; i++) {
        int64_t size = take(r, ' ', GOV_BATCH_SIZES_KEPT);
        struct gov_batch_figures *f = &b->figures[size];
        f->attempts = take(r, ':', MOST_VALUE);
        f->successes = take(r, ':', MOST_VALUE);
        f->peak_sum_bytes = take(r, ':', MOST_VALUE);
        f->peak_count = take(r, ':', MOST_VALUE);
        f->peak_bytes = take(r, ':', MOST_VALUE);
        f->units = take(r, ':', MOST_VALUE);
        f->busy_us = take(r, ':', MOST_VALUE);
        r->bad = r->bad || size <= last || f->attempts < 1;
        last = size;
    }
}

static void take_batch(struct reader *r, const struct gov_batch_rule *rule, int64_t now_s,
                       struct gov_batch *b)
{
    int64_t size = take(r, ' ', INT32_MAX / 2);
    gov_batch_init_with(b, rule, size, take(r, ' ', INT32_MAX / 2));
    r->bad = r->bad || size != b->size;
    b->good = (int32_t)take(r, ' ', INT32_MAX / 2);
    b->bad = (int32_t)take(r, ' ', INT32_MAX / 2);
    b->quiet_movies = (int32_t)take(r, ' ', INT32_MAX / 2);
    b->relapses = (int32_t)take(r, ' ', INT32_MAX / 2);
    b->faded = take(r, ' ', 1);
    b->bad_at_s = take(r, ' ', MOST_VALUE);
    b->ooms = take(r, ' ', MOST_VALUE);
    /* A clock set back must not keep a size bad for years. */
    if (now_s > 0)
        b->bad_at_s = MIN(b->bad_at_s, now_s);
    gov_batch_tell_time(b, MAX(now_s, b->bad_at_s));
    take_figures(r, b);
    r->bad = r->bad || !gov_batch_is_valid(b);
}

/* text ends with 0; regime is zeroed but for its key. */
static bool parse_row(const struct gov_history *history, const char *text, struct regime *regime)
{
    struct reader r = {.at = text};
    r.bad = !take_text(&r, "gov-history 1");
    regime->used_s = take(&r, ' ', MOST_VALUE);
    regime->count = take(&r, ' ', MOST_VALUE);
    regime->peak_measured_bytes = take(&r, ' ', MOST_VALUE);
    regime->too_low_count = take(&r, ' ', regime->count);
    take_pairs(&r, regime);
    regime->has_batch = take_text(&r, " b");
    if (regime->has_batch)
        take_batch(&r, &history->rule, history->now_s, &regime->batch);
    return !r.bad && !*r.at;
}

/* The row without its checksum, in text; false when that is wrong. */
static bool check_row(const char *row, size_t size, char text[GOV_HISTORY_ROW_MAX],
                      uint32_t *ret_sums)
{
    enum { SUMS = 10 }; /* " #01234567" */
    if (!row || size < SUMS || size >= GOV_HISTORY_ROW_MAX || memchr(row, 0, size))
        return false;
    char sums[16];
    *ret_sums = checksum(row, size - SUMS);
    snprintf(sums, sizeof sums, " #%08" PRIx32, *ret_sums);
    if (memcmp(row + size - SUMS, sums, SUMS))
        return false;
    memcpy(text, row, size - SUMS);
    text[size - SUMS] = 0;
    return true;
}

static int read_row(struct gov_history *history, const char *key, const char *row, size_t size,
                    bool *ret_kept)
{
    char text[GOV_HISTORY_ROW_MAX];
    struct regime read = {0};
    if (!gov_history_key_is_valid(key))
        return GOV_E_INVALID;
    if (!check_row(row, size, text, &read.saved_sums) || !parse_row(history, text, &read))
        return GOV_E_FORMAT;
    memcpy(read.key, key, strlen(key));
    read.is_saved = true;
    struct regime *regime = gov_history_lookup(history, key);
    *ret_kept = regime || !gov_history_would_drop(history, &read);
    if (!*ret_kept)
        return GOV_OK;
    regime = gov_history_add_regime(history, key);
    if (!regime)
        return GOV_E_NOMEM;
    *regime = read;
    return GOV_OK;
}

int gov_history_row_read(struct gov_history *history, const char *key, const char *row, size_t size)
{
    bool kept;
    return history ? read_row(history, key, row, size, &kept) : GOV_E_INVALID;
}

struct loading {
    struct gov_history *history;
    const struct gov_log *log;
    size_t loaded;
    size_t skipped;
};

static void say_skipped(const struct loading *loading, const char *key)
{
    char label[GOV_LABEL_MAX], line[160];
    const struct gov_log *log = loading->log;
    if (!log || !log->write || log->lowest > GOV_LOG_WARNING)
        return;
    gov_copy_label(label, key);
    snprintf(line, sizeof line, "Memory history: the row of %s is damaged and was passed over",
             *label ? label : "no regime");
    log->write(log->context, GOV_LOG_WARNING, line);
}

static int load_one(void *user, const char *key, const char *row, size_t size)
{
    struct loading *loading = user;
    bool kept = false;
    int error = read_row(loading->history, key, row, size, &kept);
    if (error == GOV_E_NOMEM)
        return error;
    if (error) {
        loading->skipped++;
        say_skipped(loading, key);
    }
    loading->loaded += kept;
    return GOV_OK;
}

int gov_history_load(struct gov_history *history, const struct gov_history_store *store,
                     const struct gov_log *log, size_t *ret_loaded, size_t *ret_skipped)
{
    if (!history || !store || !store->load)
        return GOV_E_INVALID;
    struct loading loading = {.history = history, .log = log};
    int error = store->load(store->context, load_one, &loading);
    if (ret_loaded)
        *ret_loaded = loading.loaded;
    if (ret_skipped)
        *ret_skipped = loading.skipped;
    return error;
}

int gov_history_save(struct gov_history *history, const struct gov_history_store *store,
                     size_t *ret_saved)
{
    if (!history || !store || !store->save)
        return GOV_E_INVALID;
    size_t saved = 0;
    int error = GOV_OK;
    for (size_t i = 0; i < history->count && !error; i++) {
        struct regime *regime = history->entries[i].regime;
        char row[GOV_HISTORY_ROW_MAX];
        size_t length = 0;
        uint32_t sums = 0;
        error = write_row(regime, row, sizeof row, &length, &sums);
        if (error || (regime->is_saved && regime->saved_sums == sums))
            continue;
        error = store->save(store->context, regime->key, row, length);
        if (error)
            continue;
        regime->is_saved = true;
        regime->saved_sums = sums;
        saved++;
    }
    if (ret_saved)
        *ret_saved = saved;
    return error;
}
