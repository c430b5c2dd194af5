/* libgov internal: a history's fields, shared by history.c and history_row.c. */
#ifndef GOV_SRC_HISTORY_INTERNAL_H
#define GOV_SRC_HISTORY_INTERNAL_H

#include <gov/history.h>

struct history_pair {
    int64_t predicted_bytes;
    int64_t measured_bytes;
};

struct regime {
    char key[GOV_REGIME_MAX];
    struct history_pair pairs[GOV_HISTORY_KEPT];
    int64_t count; /* ever; pairs[count % KEPT] is next */
    int64_t peak_measured_bytes;
    int64_t too_low_count;
    int64_t used_s;   /* on the clock that survives restarts */
    uint64_t used_at; /* history.clock when last used, within this run */
    bool has_batch;
    struct gov_batch batch;
    bool is_saved;       /* the store has the row that */
    uint32_t saved_sums; /* has this checksum */
};

/* Regimes stay where they are when the table grows: callers hold pointers to their batches. */
struct history_entry {
    uint64_t hash;
    struct regime *regime;
};

struct gov_history {
    struct gov_config config;
    struct gov_batch_rule rule;
    struct history_entry *entries;
    size_t count;
    size_t capacity;
    size_t most;
    uint64_t clock;
    int64_t now_s;
};

bool gov_history_key_is_valid(const char *key);
struct regime *gov_history_lookup(const struct gov_history *history, const char *key);
/* NULL: no memory. The key is valid. */
struct regime *gov_history_add_regime(struct gov_history *history, const char *key);
/* Is the table full of regimes that were used later? */
bool gov_history_would_drop(const struct gov_history *history, const struct regime *regime);
size_t gov_history_kept(const struct regime *regime);

#endif
