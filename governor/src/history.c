/*
 * Regimes in one array, looked up one by one: there are dozens, asked for a few times a minute.
 * The percentile is taken over a ring of the last pairs, so a change of library or driver is
 * forgotten after 32 pieces of work. A percentile and not a regression: pairs of one regime lie
 * close together, a slope through them would be noise, and their ratio is what is carried over.
 */
#include <gov/history.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gov/estimate.h>

#include "history_internal.h"
#include "util.h"

static const double MOST_CORRECTION = 8;

int gov_history_new(const struct gov_config *config, size_t most_regimes,
                    struct gov_history **ret_history)
{
    if (!config || !most_regimes || !ret_history)
        return GOV_E_INVALID;
    struct gov_history *history = calloc(1, sizeof *history);
    if (!history)
        return GOV_E_NOMEM;
    history->config = *config;
    history->most = most_regimes;
    history->rule = gov_batch_rule_default;
    *ret_history = history;
    return GOV_OK;
}

void gov_history_free(struct gov_history *history)
{
    if (!history)
        return;
    for (size_t i = 0; i < history->count; i++)
        free(history->entries[i].regime);
    free(history->entries);
    free(history);
}

static const char *resolution_class(int64_t width, int64_t height)
{
    static const struct {
        int64_t pixels;
        const char *name;
    } classes[] = {
        /* Up to 10 % more than the nominal size still is its class: cinema formats, padding. */
        {854 * 480 * 11 / 10, "480p"},    {1280 * 720 * 11 / 10, "720p"},
        {1920 * 1080 * 11 / 10, "1080p"}, {2560 * 1440 * 11 / 10, "1440p"},
        {4096 * 2160 * 11 / 10, "2160p"},
    };
    if (width <= 0 || height <= 0)
        return "-";
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (width * height <= classes[i].pixels)
            return classes[i].name;
    }
    return "4320p";
}

static size_t append_part(char *key, size_t at, const char *part)
{
    /* Five parts share the key; none may push the others out. */
    enum { PART_MAX = (GOV_REGIME_MAX - 8) / 5 };
    if (!part || !*part)
        part = "-";
    for (size_t i = 0; i < PART_MAX && part[i]; i++) {
        char c = part[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '_' || c == '-';
        key[at++] = plain ? c : '_';
    }
    return at;
}

char *gov_regime_key(const struct gov_regime *regime, char key[GOV_REGIME_MAX])
{
    const char *parts[5] = {regime->device, regime->stage, regime->model,
                            resolution_class(regime->width, regime->height), regime->codec};
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        if (i)
            key[at++] = '/';
        at = append_part(key, at, parts[i]);
    }
    key[at] = 0;
    return key;
}

/* FNV-1a: so that looking a regime up touches one cache line a dozen of them, not one each. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *p = key; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return hash;
}

struct regime *gov_history_lookup(const struct gov_history *history, const char *key)
{
    uint64_t hash = key ? hash_of(key) : 0;
    for (size_t i = 0; key && i < history->count; i++) {
        const struct history_entry *entry = &history->entries[i];
        if (entry->hash == hash && !strcmp(entry->regime->key, key))
            return entry->regime;
    }
    return NULL;
}

static bool is_older(const struct regime *a, const struct regime *b)
{
    return a->used_s != b->used_s ? a->used_s < b->used_s : a->used_at < b->used_at;
}

/* A place for one more regime, zeroed: a new one, or that of the regime used longest ago. */
static struct history_entry *make_room(struct gov_history *history)
{
    if (history->count == history->most) {
        struct history_entry *oldest = &history->entries[0];
        for (size_t i = 1; i < history->count; i++) {
            if (is_older(history->entries[i].regime, oldest->regime))
                oldest = &history->entries[i];
        }
        return oldest;
    }
    if (history->count == history->capacity) {
        size_t capacity = MIN(history->capacity ? history->capacity * 2 : 8, history->most);
        struct history_entry *grown = realloc(history->entries, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        history->entries = grown;
        history->capacity = capacity;
    }
    struct regime *regime = calloc(1, sizeof *regime);
    if (!regime)
        return NULL;
    history->entries[history->count].regime = regime;
    return &history->entries[history->count++];
}

bool gov_history_key_is_valid(const char *key)
{
    return key && *key && memchr(key, 0, GOV_REGIME_MAX);
}

struct regime *gov_history_add_regime(struct gov_history *history, const char *key)
{
    struct regime *regime = gov_history_lookup(history, key);
    if (regime)
        return regime;
    struct history_entry *entry = make_room(history);
    if (!entry)
        return NULL;
    memset(entry->regime, 0, sizeof *entry->regime);
    memcpy(entry->regime->key, key, strlen(key));
    entry->hash = hash_of(key);
    return entry->regime;
}

bool gov_history_would_drop(const struct gov_history *history, const struct regime *regime)
{
    if (history->count < history->most)
        return false;
    for (size_t i = 0; i < history->count; i++) {
        if (is_older(history->entries[i].regime, regime))
            return false;
    }
    return true;
}

void gov_history_tell_time(struct gov_history *history, int64_t now_s)
{
    history->now_s = MAX(history->now_s, now_s);
}

void gov_history_set_batch_rule(struct gov_history *history, const struct gov_batch_rule *rule)
{
    history->rule = *rule;
}

static void touch(struct gov_history *history, struct regime *regime)
{
    regime->used_at = ++history->clock;
    regime->used_s = MAX(regime->used_s, history->now_s);
}

size_t gov_history_kept(const struct regime *regime)
{
    return (size_t)MIN(regime->count, GOV_HISTORY_KEPT);
}

static double factor_of(const struct regime *regime)
{
    double ratios[GOV_HISTORY_KEPT];
    size_t n = gov_history_kept(regime);
    if (!n)
        return 1;
    for (size_t i = 0; i < n; i++) {
        double ratio =
            (double)regime->pairs[i].measured_bytes / (double)regime->pairs[i].predicted_bytes;
        size_t at = i;
        for (; at > 0 && ratios[at - 1] > ratio; at--)
            ratios[at] = ratios[at - 1];
        ratios[at] = ratio;
    }
    size_t rank = (n * 4 + 4) / 5; /* ceil(0.8 n), nearest rank */
    double factor = ratios[rank - 1];
    if (factor < 1)
        factor = 1 - (1 - factor) * (double)n / (double)(n + 2);
    return MIN(MAX(factor, 1 / MOST_CORRECTION), MOST_CORRECTION);
}

static int64_t corrected(int64_t predicted_bytes, double factor)
{
    double bytes = ceil((double)predicted_bytes * factor);
    return bytes >= 9.2e18 ? INT64_MAX : (int64_t)bytes;
}

int gov_history_add(struct gov_history *history, const char *key, int64_t predicted_bytes,
                    int64_t measured_bytes)
{
    if (!history || !gov_history_key_is_valid(key) || predicted_bytes <= 0 || measured_bytes <= 0)
        return GOV_E_INVALID;
    struct regime *regime = gov_history_add_regime(history, key);
    if (!regime)
        return GOV_E_NOMEM;
    int64_t promised = gov_estimate_with_buffer(
        &history->config, corrected(predicted_bytes, factor_of(regime)), regime->count);
    if (measured_bytes > promised)
        regime->too_low_count++;
    regime->pairs[regime->count % GOV_HISTORY_KEPT] =
        (struct history_pair){predicted_bytes, measured_bytes};
    regime->count++;
    regime->peak_measured_bytes = MAX(regime->peak_measured_bytes, measured_bytes);
    touch(history, regime);
    return GOV_OK;
}

struct gov_prediction gov_history_correct(struct gov_history *history, const char *key,
                                          int64_t predicted_bytes)
{
    struct gov_prediction prediction = {.bytes = MAX(predicted_bytes, 0), .factor = 1};
    struct regime *regime = history ? gov_history_lookup(history, key) : NULL;
    if (!regime)
        return prediction;
    touch(history, regime);
    prediction.factor = factor_of(regime);
    prediction.count = regime->count;
    prediction.bytes = corrected(prediction.bytes, prediction.factor);
    return prediction;
}

int gov_history_stats(const struct gov_history *history, const char *key,
                      struct gov_regime_stats *ret_stats)
{
    const struct regime *regime = gov_history_lookup(history, key);
    if (!regime)
        return GOV_E_NOT_FOUND;
    size_t n = gov_history_kept(regime);
    double of_kept = (double)MAX(n, 1);
    double factor = factor_of(regime), sum = 0, error = 0;
    for (size_t i = 0; i < n; i++) {
        double measured = (double)regime->pairs[i].measured_bytes;
        sum += measured;
        error += fabs((double)regime->pairs[i].predicted_bytes * factor - measured) / measured;
    }
    *ret_stats = (struct gov_regime_stats){
        .count = regime->count,
        .kept = (int64_t)n,
        .factor = factor,
        .mean_measured_bytes = (int64_t)(sum / of_kept),
        .peak_measured_bytes = regime->peak_measured_bytes,
        .too_low_count = regime->too_low_count,
        .mean_error_percent = 100 * error / of_kept,
        .too_low_percent = 100 * (double)regime->too_low_count / (double)MAX(regime->count, 1),
    };
    return GOV_OK;
}

const char *gov_history_regime(const struct gov_history *history, size_t index)
{
    return index < history->count ? history->entries[index].regime->key : NULL;
}

struct gov_batch *gov_history_batch(struct gov_history *history, const char *key,
                                    int64_t start_size, int64_t most)
{
    if (!history || !gov_history_key_is_valid(key))
        return NULL;
    struct regime *regime = gov_history_add_regime(history, key);
    if (!regime)
        return NULL;
    struct gov_batch *batch = &regime->batch;
    if (!regime->has_batch)
        gov_batch_init_with(batch, &history->rule, start_size, most);
    regime->has_batch = true;
    batch->most = (int32_t)MIN(MAX(most, 1), INT32_MAX / 2);
    batch->size = MIN(batch->size, batch->most);
    batch->good = MIN(batch->good, batch->most);
    gov_batch_tell_time(batch, history->now_s);
    touch(history, regime);
    return batch;
}

const struct gov_batch *gov_history_find_batch(const struct gov_history *history, const char *key)
{
    const struct regime *regime = history ? gov_history_lookup(history, key) : NULL;
    return regime && regime->has_batch ? &regime->batch : NULL;
}
