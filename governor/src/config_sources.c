/*
 * Layers of configuration. Values are told in any order and kept with their layer; resolving starts
 * from the defaults each time, so nothing depends on the order and more can be told later. Which
 * keys a preset sets is found by laying it over values that no preset has.
 */
#include <gov/config.h>

#include <stdio.h>
#include <string.h>

#include "util.h"

static bool can_be_told(enum gov_config_layer layer)
{
    return layer >= GOV_LAYER_FILE && layer < GOV_LAYER_COUNT;
}

static size_t row_of(const char *name)
{
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    size_t row = 0;
    while (row < count && (!name || !gov_key_is_called(&keys[row], name)))
        row++;
    return row;
}

static void set_origin(struct gov_config_origin *origin, enum gov_config_layer layer,
                       const char *where)
{
    origin->layer = layer;
    gov_copy_label(origin->where, where);
}

void gov_config_sources_init(struct gov_config_sources *sources)
{
    memset(sources, 0, sizeof *sources);
    sources->config = sources->told = gov_config_default;
    gov_copy_label(sources->preset, "balanced");
}

int gov_config_sources_set(struct gov_config_sources *sources, enum gov_config_layer layer,
                           const char *where, const char *name, const char *value, char *why,
                           size_t why_size)
{
    if (!sources || !can_be_told(layer))
        return GOV_E_INVALID;
    /* Also a value that will not count must be one: a mistake is said wherever it stands. */
    struct gov_config told = sources->told;
    int error = gov_config_set(&told, name, value, why, why_size);
    if (error)
        return error;
    struct gov_config_origin *origin = &sources->told_origin[row_of(name)];
    if (layer < origin->layer)
        return GOV_OK;
    sources->told = told;
    set_origin(origin, layer, where);
    return GOV_OK;
}

int gov_config_sources_preset(struct gov_config_sources *sources, enum gov_config_layer layer,
                              const char *where, const char *name, char *why, size_t why_size)
{
    if (!sources || !can_be_told(layer))
        return GOV_E_INVALID;
    struct gov_config ignored = gov_config_default;
    if (gov_config_apply_preset(&ignored, name)) {
        if (why && why_size)
            snprintf(why, why_size, "there is no preset called %.60s", name ? name : "");
        return GOV_E_NOT_FOUND;
    }
    if (layer < sources->preset_origin.layer)
        return GOV_OK;
    gov_copy_label(sources->preset, name);
    set_origin(&sources->preset_origin, layer, where);
    return GOV_OK;
}

static size_t field_size(const struct gov_config_key *key)
{
    bool real = key->type == GOV_KEY_FRACTION || key->type == GOV_KEY_PERCENT;
    return real ? sizeof(double) : sizeof(int64_t);
}

static void lay_preset(struct gov_config_sources *sources, int64_t total_bytes)
{
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    struct gov_config untouched, touched;
    memset(&untouched, 0xff, sizeof untouched);
    memset(&touched, 0xff, sizeof touched);
    gov_config_apply_preset_for(&touched, sources->preset, total_bytes);
    gov_config_apply_preset_for(&sources->config, sources->preset, total_bytes);
    for (size_t i = 0; i < count; i++) {
        const char *before = (const char *)&untouched + keys[i].offset;
        const char *after = (const char *)&touched + keys[i].offset;
        if (memcmp(before, after, field_size(&keys[i])) != 0)
            set_origin(&sources->origin[i], GOV_LAYER_PRESET, sources->preset);
    }
}

int gov_config_sources_resolve(struct gov_config_sources *sources, int64_t total_bytes, char *why,
                               size_t why_size)
{
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    sources->config = gov_config_default;
    memset(sources->origin, 0, sizeof sources->origin);
    /* A preset nobody named is the defaults in another word. */
    if (sources->preset_origin.layer > GOV_LAYER_DEFAULT)
        lay_preset(sources, total_bytes);
    for (size_t i = 0; i < count; i++) {
        if (sources->told_origin[i].layer == GOV_LAYER_DEFAULT)
            continue;
        memcpy((char *)&sources->config + keys[i].offset,
               (const char *)&sources->told + keys[i].offset, field_size(&keys[i]));
        sources->origin[i] = sources->told_origin[i];
    }
    return gov_config_check(&sources->config, why, why_size);
}

const struct gov_config_origin *gov_config_sources_origin(const struct gov_config_sources *sources,
                                                          const char *name)
{
    size_t count, row = row_of(name);
    gov_config_keys(&count);
    return row < count ? &sources->origin[row] : NULL;
}

const char *gov_layer_name(enum gov_config_layer layer)
{
    static const char *const names[] = {"default", "preset", "file", "environment", "command line"};
    return layer >= 0 && layer < GOV_LAYER_COUNT ? names[layer] : "?";
}
