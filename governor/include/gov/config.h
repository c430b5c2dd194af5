/*
 * libgov: configuration. A struct that holds everything, a constant with the defaults, one table
 * with a row per key (name, type, range, help), and presets.
 *
 * The library reads no files and no environment: whoever embeds it resolves
 * defaults < preset < file < environment < command line and calls gov_config_set for each.
 */
#ifndef GOV_CONFIG_H
#define GOV_CONFIG_H

#include <gov/budget.h>
#include <gov/error.h>
#include <gov/pressure.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_config {
    /* budget: cap = min(fraction x total, total - reserve, max) */
    struct gov_budget_rule budget;
    /* levels and tiers */
    struct gov_pressure_rule pressure;
    /* leases */
    double buffer_first_percent;   /* on a prediction with no history */
    double buffer_settled_percent; /* with buffer_settled_count finished measurements or more */
    int64_t buffer_settled_count;
    int64_t default_lease_bytes; /* assumed, and said, when nothing is known */
    int64_t max_sample_age_us;   /* no admission on an older sample; 0: never too old */
    /* batches */
    int64_t movies_default;       /* movies in flight */
    int64_t movies_max;           /* never more */
    int64_t whisper_chunks;       /* chunks per Whisper batch */
    int64_t llm_prompts;          /* prompts per LLM batch */
    int64_t cleanup_every_movies; /* a standard cleanup every so many finished movies; 0: never */
    /* sampling */
    int64_t sample_min_us;
    int64_t sample_max_us;
};

/* The defaults: what the preset "balanced" gives. */
GOV_API extern const struct gov_config gov_config_default;

enum gov_key_type {
    GOV_KEY_BYTES,    /* "11.0" (GB), "500MB", "2GiB", "12345B"; int64_t */
    GOV_KEY_FRACTION, /* "0.85" or "85%"; double */
    GOV_KEY_PERCENT,  /* "70" or "70%"; double */
    GOV_KEY_COUNT,    /* "2"; int64_t */
    GOV_KEY_SECONDS   /* "30", "30s", "100ms"; int64_t microseconds */
};

/* One row per key. Limits are in the field's own unit (bytes, microseconds, ...). */
struct gov_config_key {
    const char *name; /* "gpu_memory_fraction" */
    enum gov_key_type type;
    size_t offset; /* in struct gov_config */
    double min;
    double max;
    const char *help;
};

/* The table; *ret_count rows. */
GOV_API const struct gov_config_key *gov_config_keys(size_t *ret_count);

/*
 * Sets one key from text. Names match without regard to case, so the original configuration's
 * spelling (GPU_MEMORY_FRACTION) works. why may be NULL; else it gets a sentence for a person.
 * Errors: NOT_FOUND (no such key), FORMAT (not a value of its type), RANGE. *config is then
 * unchanged.
 */
GOV_API int gov_config_set(struct gov_config *config, const char *name, const char *value,
                           char *why, size_t why_size);

/* Writes a key's value as text that gov_config_set reads back to the same value. NOT_FOUND. */
GOV_API int gov_config_get(const struct gov_config *config, const char *name, char *text,
                           size_t size);

/* A named set of values laid over a configuration. "auto" is all zeros: made for the device. */
struct gov_preset {
    const char *name;
    int64_t movies_default;
    int64_t movies_max;
    int64_t whisper_chunks;
    int64_t llm_prompts;
    int64_t max_bytes; /* 0: leaves the budget alone */
    double fraction;   /* 0: leaves it alone */
    const char *help;
};

/* The table; *ret_count rows. */
GOV_API const struct gov_preset *gov_presets(size_t *ret_count);

/* Lays a preset over *config; "auto" without a device is "balanced". Errors: NOT_FOUND. */
GOV_API int gov_config_apply_preset(struct gov_config *config, const char *name);

/*
 * The same for a device of total_bytes (<= 0: unknown), which only "auto" looks at. With G = the
 * total in GiB, rounded:
 *
 *   movies   G / 6,   1 to 4            max_bytes  85 % of the total, rounded up to 0.1 GB
 *   at most  G / 4,   movies to 8       fraction   0.85
 *   chunks   G x 2/3, 2 to 16
 *   prompts  G / 3,   1 to 8
 *
 * so that 12 GiB gives exactly the preset "rtx3060", 24 GiB the batches of "high-performance".
 * Errors: NOT_FOUND.
 */
GOV_API int gov_config_apply_preset_for(struct gov_config *config, const char *name,
                                        int64_t total_bytes);

/*
 * The batch sizes in force for work that ran out of memory, "emergency mode": one movie, a quarter
 * of the chunks but 2 to 4, a quarter of the prompts but 1 to 2; never more than *config has.
 */
GOV_API void gov_config_apply_emergency(struct gov_config *config);

/*
 * Layers. Whoever embeds the library tells every value it found and where, in any order; what is in
 * force follows from the layers alone, and each value remembers where it came from. A preset, named
 * in whichever layer, lies above the defaults and below every file.
 */
enum gov_config_layer {
    GOV_LAYER_DEFAULT = 0,
    GOV_LAYER_PRESET,
    GOV_LAYER_FILE,
    GOV_LAYER_ENVIRONMENT,
    GOV_LAYER_COMMAND_LINE,
    GOV_LAYER_COUNT
};

#define GOV_CONFIG_KEYS_MAX 48 /* at least as many as there are keys */

/* Where a value came from. */
struct gov_config_origin {
    enum gov_config_layer layer;
    char where[GOV_LABEL_MAX]; /* "moviedigest.ini:12", "GPU_MEMORY_FRACTION", "rtx3060"; or "" */
};

/* Zero-fill is not valid: gov_config_sources_init. Fields are to be read. */
struct gov_config_sources {
    struct gov_config config;                             /* in force, once resolved */
    struct gov_config_origin origin[GOV_CONFIG_KEYS_MAX]; /* by row of gov_config_keys */
    char preset[GOV_LABEL_MAX];                           /* "balanced" */
    struct gov_config_origin preset_origin;
    /* What was told, before the preset. */
    struct gov_config told;
    struct gov_config_origin told_origin[GOV_CONFIG_KEYS_MAX];
};

GOV_API void gov_config_sources_init(struct gov_config_sources *sources);

/* Tells one value, as gov_config_set, but one from a higher layer stays; of one layer the last
 * counts. Errors: INVALID (a layer that cannot be told), and those of gov_config_set. */
GOV_API int gov_config_sources_set(struct gov_config_sources *sources, enum gov_config_layer layer,
                                   const char *where, const char *name, const char *value,
                                   char *why, size_t why_size);

/* Names the preset, likewise. Errors: INVALID, NOT_FOUND (with a sentence in why). */
GOV_API int gov_config_sources_preset(struct gov_config_sources *sources,
                                      enum gov_config_layer layer, const char *where,
                                      const char *name, char *why, size_t why_size);

/*
 * Lays the layers over one another into sources->config and origin, for a device of total_bytes
 * (<= 0: unknown), and checks the result. May be called again after more was told. Errors: those
 * of gov_config_check.
 */
GOV_API int gov_config_sources_resolve(struct gov_config_sources *sources, int64_t total_bytes,
                                       char *why, size_t why_size);

/* Of a key, by name. NULL: there is none. */
GOV_API const struct gov_config_origin *
gov_config_sources_origin(const struct gov_config_sources *sources, const char *name);

/* "default", "preset", "file", "environment", "command line"; never NULL. */
GOV_API const char *gov_layer_name(enum gov_config_layer layer);

/* Checks ranges and that values agree with each other. Errors: INVALID, with a sentence in why. */
GOV_API int gov_config_check(const struct gov_config *config, char *why, size_t why_size);

#ifdef __cplusplus
}
#endif

#endif
