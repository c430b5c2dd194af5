/*
 * Configuration. Defaults are the preset "balanced"; each key is one row (config_keys.c).
 */
#include <gov/config.h>

#include <stdio.h>
#include <string.h>

#include "util.h"

#define SECONDS(s) (INT64_C(1000000) * (s))

const struct gov_config gov_config_default = {
    .budget = {.fraction = 0.85, .reserve_bytes = 1900 * GOV_MB, .reserve_max_fraction = 0.25},
    .pressure = {.enter_percent = {0, 70, 80, 90},
                 .leave_gap_percent = 5,
                 .falling_percent = 0.5,
                 .cooldown_us = {0, SECONDS(60), SECONDS(30), SECONDS(5)},
                 .max_cooldown_us = {0, SECONDS(600), SECONDS(600), SECONDS(60)},
                 .fruitless_bytes = 16 * GOV_MB},
    .buffer_first_percent = 15,
    .buffer_settled_percent = 10,
    .buffer_settled_count = 10,
    .default_lease_bytes = 4 * GOV_GB,
    /* Five readings at the slowest pace. */
    .max_sample_age_us = SECONDS(5),
    .movies_default = 2,
    .movies_max = 3,
    .whisper_chunks = 6,
    .llm_prompts = 4,
    .cleanup_every_movies = 2,
    .sample_min_us = 100000,
    .sample_max_us = 1000000,
};

static const struct gov_preset presets[] = {
    {"balanced", 2, 3, 6, 4, 0, 0, "mixed lengths, the default"},
    {"high-performance", 4, 4, 16, 8, 0, 0,
     "short videos on a large device; may run out of memory"},
    {"max-stability", 1, 1, 4, 2, 0, 0, "long movies or little memory; slowest"},
    {"rtx3060", 2, 3, 8, 4, 11 * GOV_GB, 0.85, "a 12 GiB card that also drives the desktop"},
    {"emergency", 1, 1, 2, 1, 0, 0, "smallest of everything, as after running out of memory"},
    {"auto", 0, 0, 0, 0, 0, 0, "made from the size of the device"},
};

const struct gov_preset *gov_presets(size_t *ret_count)
{
    *ret_count = sizeof presets / sizeof presets[0];
    return presets;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return MAX(MIN(value, high), low);
}

/*
 * What suits a card of 12 GiB is known (rtx3060); the rest is in proportion, and within what the
 * smallest and the largest preset have. The maximum is the fraction in other words, rounded as the
 * specification rounds it: 85 % of 12.9 GB is 11.0 GB.
 */
static struct gov_preset preset_for(int64_t total_bytes)
{
    const double fraction = 0.85;
    int64_t gib = (total_bytes + (INT64_C(1) << 29)) >> 30;
    int64_t movies = clamp(gib / 6, 1, 4);
    int64_t tenths = (int64_t)((double)total_bytes * fraction / (GOV_GB / 10.0));
    return (struct gov_preset){
        .name = "auto",
        .movies_default = movies,
        .movies_max = clamp(gib / 4, movies, 8),
        .whisper_chunks = clamp(gib * 2 / 3, 2, 16),
        .llm_prompts = clamp(gib / 3, 1, 8),
        .max_bytes = (tenths + 1) * (GOV_GB / 10),
        .fraction = fraction,
    };
}

static void apply(struct gov_config *config, const struct gov_preset *preset)
{
    config->movies_default = preset->movies_default;
    config->movies_max = preset->movies_max;
    config->whisper_chunks = preset->whisper_chunks;
    config->llm_prompts = preset->llm_prompts;
    if (preset->max_bytes)
        config->budget.max_bytes = preset->max_bytes;
    if (preset->fraction > 0)
        config->budget.fraction = preset->fraction;
}

int gov_config_apply_preset_for(struct gov_config *config, const char *name, int64_t total_bytes)
{
    /* A petabyte: beyond it the arithmetic would need care, and no card has it. */
    const int64_t most = INT64_C(1000000) * GOV_GB;
    for (size_t i = 0; name && i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(presets[i].name, name) != 0)
            continue;
        struct gov_preset preset = presets[i];
        if (!preset.movies_default)
            preset = total_bytes > 0 ? preset_for(MIN(total_bytes, most)) : presets[0];
        apply(config, &preset);
        return GOV_OK;
    }
    return GOV_E_NOT_FOUND;
}

int gov_config_apply_preset(struct gov_config *config, const char *name)
{
    return gov_config_apply_preset_for(config, name, 0);
}

void gov_config_apply_emergency(struct gov_config *config)
{
    config->movies_default = config->movies_max = 1;
    config->whisper_chunks = MIN(config->whisper_chunks, clamp(config->whisper_chunks / 4, 2, 4));
    config->llm_prompts = MIN(config->llm_prompts, clamp(config->llm_prompts / 4, 1, 2));
}

static int problem(char *why, size_t why_size, const char *text)
{
    if (why && why_size)
        snprintf(why, why_size, "%s", text);
    return GOV_E_INVALID;
}

int gov_config_check(const struct gov_config *config, char *why, size_t why_size)
{
    const struct gov_budget_rule *budget = &config->budget;
    if (!(budget->fraction > 0 && budget->fraction <= 1))
        return problem(why, why_size, "the memory fraction must lie above 0 and at most at 1");
    if (budget->reserve_bytes < 0 || budget->max_bytes < 0)
        return problem(why, why_size, "the reserve and the maximum cannot be negative");
    if (!(budget->reserve_max_fraction >= 0 && budget->reserve_max_fraction <= 1))
        return problem(why, why_size, "the reserve's largest share must lie within 0 and 1");
    const char *pressure = gov_pressure_rule_problem(&config->pressure);
    if (pressure)
        return problem(why, why_size, pressure);
    if (!(config->buffer_settled_percent >= 0 &&
          config->buffer_first_percent >= config->buffer_settled_percent &&
          config->buffer_first_percent <= 1000) ||
        config->buffer_settled_count < 0)
        return problem(why, why_size, "the buffer must fall from its first to its settled value");
    if (config->default_lease_bytes <= 0 || config->max_sample_age_us < 0)
        return problem(why, why_size, "the default lease must be positive, no age negative");
    if (config->movies_default < 1 || config->movies_max < config->movies_default)
        return problem(why, why_size, "movies in flight: at least 1, at most the maximum");
    if (config->whisper_chunks < 1 || config->llm_prompts < 1 || config->cleanup_every_movies < 0)
        return problem(why, why_size, "batch sizes must be at least 1");
    if (config->sample_min_us <= 0 || config->sample_max_us < config->sample_min_us)
        return problem(why, why_size, "the shortest sample interval must not pass the longest");
    return GOV_OK;
}
