/*
 * One row per key: its parser, its printer and its documentation come from the row. Numbers are
 * read and written by hand, because strtod and printf follow the locale and because a value printed
 * must be read back the same: 1.9GB is 1900000000 bytes, not 1899999999.
 */
#include <gov/config.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util.h"

#define AT(field)   offsetof(struct gov_config, field)
#define SECONDS(s)  ((s)*1e6)
#define GIGABYTE(n) ((n)*1e9)
#define MOST_GB     1e6 /* a petabyte */

static const struct gov_config_key keys[] = {
    {"default_batch_size", GOV_KEY_COUNT, AT(movies_default), 1, 64,
     "movies in flight to begin with"},
    {"max_batch_size", GOV_KEY_COUNT, AT(movies_max), 1, 64, "most movies in flight"},
    {"whisper_batch_size", GOV_KEY_COUNT, AT(whisper_chunks), 1, 256,
     "audio chunks per Whisper batch"},
    {"llm_batch_size", GOV_KEY_COUNT, AT(llm_prompts), 1, 256, "prompts per language model batch"},
    {"max_gpu_memory_gb", GOV_KEY_BYTES, AT(budget.max_bytes), 0, GIGABYTE(MOST_GB),
     "most memory we may use, in GB of 10^9 bytes; 0: no such limit"},
    {"gpu_memory_fraction", GOV_KEY_FRACTION, AT(budget.fraction), 0.05, 1,
     "most memory we may use, as a part of the device's"},
    {"system_reserve_gb", GOV_KEY_BYTES, AT(budget.reserve_bytes), 0, GIGABYTE(MOST_GB),
     "left to the desktop, drivers and other programs"},
    {"system_reserve_max_fraction", GOV_KEY_FRACTION, AT(budget.reserve_max_fraction), 0, 1,
     "the reserve is never more than this part of a small device; 1: take it literally"},
    {"pressure_medium_percent", GOV_KEY_PERCENT, AT(pressure.enter_percent[GOV_LEVEL_MEDIUM]), 1,
     100, "use from which on standard cleanup runs"},
    {"pressure_high_percent", GOV_KEY_PERCENT, AT(pressure.enter_percent[GOV_LEVEL_HIGH]), 1, 100,
     "use from which on aggressive cleanup runs"},
    {"pressure_critical_percent", GOV_KEY_PERCENT, AT(pressure.enter_percent[GOV_LEVEL_CRITICAL]),
     1, 100, "use from which on emergency cleanup runs and no new work is admitted"},
    {"pressure_leave_gap_percent", GOV_KEY_PERCENT, AT(pressure.leave_gap_percent), 0, 50,
     "a level is left this many points below where it is entered"},
    {"standard_cooldown", GOV_KEY_SECONDS, AT(pressure.cooldown_us[GOV_TIER_STANDARD]), 0,
     SECONDS(86400), "wait before standard cleanup is repeated; doubles with each repeat"},
    {"standard_cooldown_max", GOV_KEY_SECONDS, AT(pressure.max_cooldown_us[GOV_TIER_STANDARD]), 0,
     SECONDS(86400), "the longest such wait"},
    {"aggressive_cooldown", GOV_KEY_SECONDS, AT(pressure.cooldown_us[GOV_TIER_AGGRESSIVE]), 0,
     SECONDS(86400), "wait before aggressive cleanup is repeated; doubles with each repeat"},
    {"aggressive_cooldown_max", GOV_KEY_SECONDS, AT(pressure.max_cooldown_us[GOV_TIER_AGGRESSIVE]),
     0, SECONDS(86400), "the longest such wait"},
    {"emergency_cooldown", GOV_KEY_SECONDS, AT(pressure.cooldown_us[GOV_TIER_EMERGENCY]), 0,
     SECONDS(86400), "wait before emergency cleanup is repeated; doubles with each repeat"},
    {"emergency_cooldown_max", GOV_KEY_SECONDS, AT(pressure.max_cooldown_us[GOV_TIER_EMERGENCY]), 0,
     SECONDS(86400), "the longest such wait"},
    {"buffer_first_percent", GOV_KEY_PERCENT, AT(buffer_first_percent), 0, 200,
     "put on a predicted peak that no measurement backs"},
    {"buffer_settled_percent", GOV_KEY_PERCENT, AT(buffer_settled_percent), 0, 200,
     "put on a predicted peak once it is well measured"},
    {"buffer_settled_count", GOV_KEY_COUNT, AT(buffer_settled_count), 0, 10000,
     "how many measurements that takes"},
    {"default_lease_gb", GOV_KEY_BYTES, AT(default_lease_bytes), 1e6, GIGABYTE(MOST_GB),
     "assumed for work about which nothing is known"},
    {"max_sample_age", GOV_KEY_SECONDS, AT(max_sample_age_us), 0, SECONDS(86400),
     "nothing is admitted on an older reading; 0: readings never age"},
    {"cleanup_every_movies", GOV_KEY_COUNT, AT(cleanup_every_movies), 0, 1000,
     "a standard cleanup after this many finished movies; 0: never"},
    {"sample_interval_min", GOV_KEY_SECONDS, AT(sample_min_us), 1000, SECONDS(60),
     "shortest time between two readings, when memory fills fast"},
    {"sample_interval_max", GOV_KEY_SECONDS, AT(sample_max_us), 1000, SECONDS(600),
     "longest time between two readings"},
};

_Static_assert(sizeof keys / sizeof keys[0] <= GOV_CONFIG_KEYS_MAX, "gov_config_sources");

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit byte_units[] = {
    {"GB", INT64_C(1000000000)},
    {"", INT64_C(1000000000)},
    {"MB", 1000000},
    {"KB", 1000},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", 1 << 10},
    {"B", 1},
    {NULL, 0},
};
static const struct unit time_units[] = {
    {"s", 1000000}, {"", 1000000}, {"ms", 1000}, {"us", 1}, {"min", 60000000}, {NULL, 0},
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit percent_units[] = {{"", 1}, {"%", 1}, {NULL, 0}};

const struct gov_config_key *gov_config_keys(size_t *ret_count)
{
    *ret_count = sizeof keys / sizeof keys[0];
    return keys;
}

bool gov_key_is_called(const struct gov_config_key *key, const char *name)
{
    return !strcasecmp(key->name, name);
}

static const struct gov_config_key *find_key(const char *name)
{
    for (size_t i = 0; name && i < sizeof keys / sizeof keys[0]; i++) {
        if (gov_key_is_called(&keys[i], name))
            return &keys[i];
    }
    return NULL;
}

/* "whole.fraction" with at most nine decimals, so that products with a unit stay exact. */
struct decimal {
    int64_t whole;
    int64_t fraction;
    int64_t scale; /* 10^decimals */
};

static bool parse_decimal(const char **text, struct decimal *ret)
{
    struct decimal d = {.scale = 1};
    const char *p = *text;
    if (!gov_parse_i64(&p, &d.whole))
        return false;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++) {
            if (d.scale >= 1000000000)
                return false;
            d.fraction = d.fraction * 10 + (*p - '0');
            d.scale *= 10;
        }
        if (p[-1] == '.')
            return false;
    }
    *text = p;
    *ret = d;
    return true;
}

static bool parse_unit(const char *text, const struct unit *units, int64_t *ret_factor)
{
    while (*text == ' ')
        text++;
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ')
        length--;
    for (; units->name; units++) {
        if (strlen(units->name) == length && !strncasecmp(units->name, text, length)) {
            *ret_factor = units->factor;
            return true;
        }
    }
    return false;
}

static bool parse_integer(const char *text, const struct unit *units, int64_t *ret_value)
{
    struct decimal d;
    int64_t factor, value;
    if (!parse_decimal(&text, &d) || !parse_unit(text, units, &factor) ||
        __builtin_mul_overflow(d.whole, factor, &value))
        return false;
    int64_t part = d.fraction * factor; /* < 10^9 x 2^30, below 2^61 */
    if (part % d.scale)
        return false; /* half a byte, a third of a movie */
    return !__builtin_add_overflow(value, part / d.scale, ret_value);
}

/* Correctly rounded like strtod as long as all digits fit 2^53. */
static double decimal_value(const struct decimal *d)
{
    return ((double)d->whole * (double)d->scale + (double)d->fraction) / (double)d->scale;
}

static bool parse_real(const char *text, enum gov_key_type type, double *ret_value)
{
    struct decimal d;
    int64_t factor;
    if (!parse_decimal(&text, &d))
        return false;
    bool percent_sign = strchr(text, '%') != NULL;
    if (!parse_unit(text, percent_units, &factor))
        return false;
    if (type == GOV_KEY_FRACTION && percent_sign) {
        if (d.scale > 10000000)
            return false;
        int64_t digits = gov_add_saturated(d.fraction, 0);
        d = (struct decimal){d.whole / 100, d.whole % 100 * d.scale + digits, d.scale * 100};
    }
    *ret_value = decimal_value(&d);
    return true;
}

static const char *expected(enum gov_key_type type)
{
    switch (type) {
    case GOV_KEY_BYTES:
        return "an amount of memory such as 11.0, 500MB or 2GiB";
    case GOV_KEY_FRACTION:
        return "a fraction such as 0.85 or 85%";
    case GOV_KEY_PERCENT:
        return "a percentage such as 70 or 70%";
    case GOV_KEY_COUNT:
        return "a whole number";
    case GOV_KEY_SECONDS:
        return "a time such as 30, 30s or 100ms";
    }
    return "?";
}

static bool is_real(enum gov_key_type type)
{
    return type == GOV_KEY_FRACTION || type == GOV_KEY_PERCENT;
}

static const struct unit *units_of(enum gov_key_type type)
{
    return type == GOV_KEY_BYTES ? byte_units : type == GOV_KEY_SECONDS ? time_units : no_units;
}

/* Trailing zeros of a fraction, and a bare point, say nothing. */
static void trim_zeros(char *text)
{
    size_t n = strlen(text);
    while (n && text[n - 1] == '0')
        text[--n] = 0;
    if (n && text[n - 1] == '.')
        text[n - 1] = 0;
}

static void print_scaled(int64_t value, int64_t factor, int decimals, const char *unit, char *text,
                         size_t size)
{
    char number[48];
    snprintf(number, sizeof number, "%lld.%0*lld", (long long)(value / factor), decimals,
             (long long)(value % factor));
    trim_zeros(number);
    snprintf(text, size, "%s%s", number, unit);
}

/* The fewest decimals that are read back to the same double. */
static void print_real(double value, char *text, size_t size)
{
    int64_t scale = 1;
    for (int decimals = 0; decimals <= 9; decimals++, scale *= 10) {
        int64_t digits = (int64_t)(value * (double)scale + 0.5);
        struct decimal d = {digits / scale, digits % scale, scale};
        if (decimal_value(&d) != value && decimals < 9)
            continue;
        if (decimals)
            snprintf(text, size, "%lld.%0*lld", (long long)d.whole, decimals,
                     (long long)d.fraction);
        else
            snprintf(text, size, "%lld", (long long)d.whole);
        return;
    }
}

static void print_value(enum gov_key_type type, int64_t integer, double real, char *text,
                        size_t size)
{
    if (is_real(type))
        print_real(real, text, size);
    else if (type == GOV_KEY_BYTES)
        print_scaled(integer, 1000000000, 9, "GB", text, size);
    else if (type == GOV_KEY_SECONDS)
        print_scaled(integer, 1000000, 6, "s", text, size);
    else
        snprintf(text, size, "%lld", (long long)integer);
}

static void explain_range(const struct gov_config_key *key, char *why, size_t why_size)
{
    char low[48], high[48];
    print_value(key->type, (int64_t)key->min, key->min, low, sizeof low);
    print_value(key->type, (int64_t)key->max, key->max, high, sizeof high);
    snprintf(why, why_size, "%s must lie within %s and %s", key->name, low, high);
}

int gov_config_set(struct gov_config *config, const char *name, const char *value, char *why,
                   size_t why_size)
{
    char nowhere[1];
    if (!why || !why_size) {
        why = nowhere;
        why_size = sizeof nowhere;
    }
    const struct gov_config_key *key = find_key(name);
    if (!key) {
        snprintf(why, why_size, "there is no setting called %.60s", name ? name : "");
        return GOV_E_NOT_FOUND;
    }
    int64_t integer = 0;
    double real = 0;
    bool understood =
        value && (is_real(key->type) ? parse_real(value, key->type, &real)
                                     : parse_integer(value, units_of(key->type), &integer));
    if (!understood) {
        snprintf(why, why_size, "%s: \"%.60s\" is not %s", key->name, value ? value : "",
                 expected(key->type));
        return GOV_E_FORMAT;
    }
    double number = is_real(key->type) ? real : (double)integer;
    if (!(number >= key->min && number <= key->max)) {
        explain_range(key, why, why_size);
        return GOV_E_RANGE;
    }
    char *field = (char *)config + key->offset;
    if (is_real(key->type))
        memcpy(field, &real, sizeof real);
    else
        memcpy(field, &integer, sizeof integer);
    return GOV_OK;
}

int gov_config_get(const struct gov_config *config, const char *name, char *text, size_t size)
{
    const struct gov_config_key *key = find_key(name);
    if (!key)
        return GOV_E_NOT_FOUND;
    const char *field = (const char *)config + key->offset;
    int64_t integer = 0;
    double real = 0;
    if (is_real(key->type))
        memcpy(&real, field, sizeof real);
    else
        memcpy(&integer, field, sizeof integer);
    print_value(key->type, integer, real, text, size);
    return GOV_OK;
}
