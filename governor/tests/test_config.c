/* Settings: names, units, ranges, presets; what is printed is read back. */
#include "testing.h"

#include <gov/config.h>

static int set(struct gov_config *config, const char *name, const char *value)
{
    return gov_config_set(config, name, value, NULL, 0);
}

static void the_defaults_are_within_their_ranges_and_agree(void **state)
{
    (void)state;
    char why[128] = "";
    assert_int_equal(gov_config_check(&gov_config_default, why, sizeof why), 0);
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        struct gov_config config = gov_config_default;
        char text[64];
        assert_int_equal(gov_config_get(&config, keys[i].name, text, sizeof text), 0);
        assert_int_equal(gov_config_set(&config, keys[i].name, text, why, sizeof why), 0);
        assert_memory_equal(&config, &gov_config_default, sizeof config);
        assert_true(strlen(keys[i].help) > 10);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(keys[i].name, keys[j].name);
    }
}

static void every_key_takes_both_ends_of_its_range_and_nothing_beyond(void **state)
{
    (void)state;
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        struct gov_config config = gov_config_default, before;
        char value[64], why[160] = "";
        const char *unit = keys[i].type == GOV_KEY_BYTES     ? "B"
                           : keys[i].type == GOV_KEY_SECONDS ? "us"
                                                             : "";
        bool real = keys[i].type == GOV_KEY_FRACTION || keys[i].type == GOV_KEY_PERCENT;
        snprintf(value, sizeof value, "%.*f%s", real ? 2 : 0, keys[i].min, unit);
        assert_int_equal(set(&config, keys[i].name, value), 0);
        snprintf(value, sizeof value, "%.*f%s", real ? 2 : 0, keys[i].max, unit);
        assert_int_equal(set(&config, keys[i].name, value), 0);
        before = config;
        snprintf(value, sizeof value, "%.*f%s", real ? 2 : 0, keys[i].max + 1, unit);
        assert_int_equal(gov_config_set(&config, keys[i].name, value, why, sizeof why),
                         GOV_E_RANGE);
        assert_memory_equal(&config, &before, sizeof config);
        assert_non_null(strstr(why, keys[i].name));
        assert_non_null(strstr(why, "must lie within"));
    }
}

static void the_original_configuration_is_understood_as_it_stands(void **state)
{
    (void)state;
    struct gov_config config = gov_config_default;
    assert_int_equal(set(&config, "DEFAULT_BATCH_SIZE", "2"), 0);
    assert_int_equal(set(&config, "MAX_BATCH_SIZE", "3"), 0);
    assert_int_equal(set(&config, "WHISPER_BATCH_SIZE", "8"), 0);
    assert_int_equal(set(&config, "LLM_BATCH_SIZE", "4"), 0);
    assert_int_equal(set(&config, "MAX_GPU_MEMORY_GB", "11.0"), 0);
    assert_int_equal(set(&config, "GPU_MEMORY_FRACTION", "0.85"), 0);
    struct gov_config preset = gov_config_default;
    assert_int_equal(gov_config_apply_preset(&preset, "rtx3060"), 0);
    assert_memory_equal(&config, &preset, sizeof config);
    assert_int_equal(config.budget.max_bytes, 11 * GOV_GB);
}

static void amounts_times_and_fractions_have_units(void **state)
{
    (void)state;
    struct gov_config c = gov_config_default;
    static const struct {
        const char *text;
        int64_t bytes;
    } amounts[] = {
        {"1.9", 1900000000},
        {"1.9GB", 1900000000},
        {" 500 mb ", 500000000},
        {"2GiB", 2147483648},
        {"0.5KiB", 512},
        {"12345B", 12345},
        {"0", 0},
        {"1.000000001", 1000000001},
    };
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        assert_int_equal(set(&c, "system_reserve_gb", amounts[i].text), 0);
        assert_int_equal(c.budget.reserve_bytes, amounts[i].bytes);
    }
    assert_int_equal(set(&c, "sample_interval_min", "100ms"), 0);
    assert_int_equal(c.sample_min_us, 100000);
    assert_int_equal(set(&c, "emergency_cooldown", "1.5min"), 0);
    assert_int_equal(c.pressure.cooldown_us[GOV_TIER_EMERGENCY], 90000000);
    assert_int_equal(set(&c, "gpu_memory_fraction", "85%"), 0);
    assert_true(c.budget.fraction == 0.85);
    assert_int_equal(set(&c, "gpu_memory_fraction", "62.5 %"), 0);
    assert_true(c.budget.fraction == 0.625);
    assert_int_equal(set(&c, "pressure_high_percent", "82.5%"), 0);
    assert_true(c.pressure.enter_percent[GOV_LEVEL_HIGH] == 82.5);
}

static void what_is_no_value_is_named_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        int error;
    } rows[] = {
        {"whisper_batch_size", "", GOV_E_FORMAT},
        {"whisper_batch_size", "six", GOV_E_FORMAT},
        {"whisper_batch_size", "6.5", GOV_E_FORMAT},
        {"whisper_batch_size", "-6", GOV_E_FORMAT},
        {"whisper_batch_size", "6GB", GOV_E_FORMAT},
        {"whisper_batch_size", "0x6", GOV_E_FORMAT},
        {"whisper_batch_size", NULL, GOV_E_FORMAT},
        {"whisper_batch_size", "99999999999999999999", GOV_E_FORMAT},
        {"whisper_batch_size", "0", GOV_E_RANGE},
        {"gpu_memory_fraction", "nan", GOV_E_FORMAT},
        {"gpu_memory_fraction", "85", GOV_E_RANGE},
        {"gpu_memory_fraction", "0.85.1", GOV_E_FORMAT},
        {"gpu_memory_fraction", "0.", GOV_E_FORMAT},
        {"gpu_memory_fraction", "0,85", GOV_E_FORMAT},
        {"gpu_memory_fraction", "0.1234567891", GOV_E_FORMAT},
        {"max_gpu_memory_gb", "0.5B", GOV_E_FORMAT},
        {"max_gpu_memory_gb", "11 GB extra", GOV_E_FORMAT},
        {"max_gpu_memory_gb", "9223372036854775807GB", GOV_E_FORMAT},
        {"no_such_thing", "1", GOV_E_NOT_FOUND},
        {NULL, "1", GOV_E_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_config config = gov_config_default;
        char why[160] = "";
        int error = gov_config_set(&config, rows[i].name, rows[i].value, why, sizeof why);
        if (error != rows[i].error)
            fail_msg("%s = %s: %s", rows[i].name, rows[i].value, gov_error_name(error));
        assert_memory_equal(&config, &gov_config_default, sizeof config);
        assert_true(strlen(why) > 10);
    }
    char text[8];
    assert_int_equal(gov_config_get(&gov_config_default, "no_such_thing", text, sizeof text),
                     GOV_E_NOT_FOUND);
}

static void values_survive_being_printed_and_read(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int i = 0; i < 20000; i++) {
        struct gov_config a = gov_config_default, b = gov_config_default;
        char text[64];
        random = random * 1664525u + 1013904223u;
        a.budget.reserve_bytes = (int64_t)random * (random >> 20);
        a.budget.fraction = 0.05 + (random >> 8) % 9500 / 10000.0;
        a.sample_min_us = 1000 + (random >> 4) % 60000000;
        /* Through text first: only what text can say is compared. */
        gov_config_get(&a, "gpu_memory_fraction", text, sizeof text);
        assert_int_equal(set(&a, "gpu_memory_fraction", text), 0);
        assert_int_equal(set(&b, "gpu_memory_fraction", text), 0);
        gov_config_get(&a, "system_reserve_gb", text, sizeof text);
        assert_int_equal(set(&b, "system_reserve_gb", text), 0);
        gov_config_get(&a, "sample_interval_min", text, sizeof text);
        if (a.sample_min_us <= 60000000)
            assert_int_equal(set(&b, "sample_interval_min", text), 0);
        else
            b.sample_min_us = a.sample_min_us;
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void presets_are_those_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t movies, most, chunks, prompts;
    } rows[] = {
        {"high-performance", 4, 4, 16, 8}, {"balanced", 2, 3, 6, 4},  {"max-stability", 1, 1, 4, 2},
        {"rtx3060", 2, 3, 8, 4},           {"emergency", 1, 1, 2, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_config c = gov_config_default;
        assert_int_equal(gov_config_apply_preset(&c, rows[i].name), 0);
        assert_int_equal(c.movies_default, rows[i].movies);
        assert_int_equal(c.movies_max, rows[i].most);
        assert_int_equal(c.whisper_chunks, rows[i].chunks);
        assert_int_equal(c.llm_prompts, rows[i].prompts);
        assert_int_equal(gov_config_check(&c, NULL, 0), 0);
    }
    struct gov_config c = gov_config_default;
    assert_int_equal(gov_config_apply_preset(&c, "balanced"), 0);
    assert_memory_equal(&c, &gov_config_default, sizeof c);
    assert_int_equal(gov_config_apply_preset(&c, "fastest"), GOV_E_NOT_FOUND);
    assert_int_equal(gov_config_apply_preset(&c, NULL), GOV_E_NOT_FOUND);
    size_t count;
    assert_non_null(gov_presets(&count));
    assert_int_equal(count, sizeof rows / sizeof rows[0] + 1); /* and auto */
}

static void auto_follows_the_size_of_the_device(void **state)
{
    (void)state;
    const int64_t gib = INT64_C(1) << 30;
    static const struct {
        int64_t gib, movies, most, chunks, prompts;
    } rows[] = {
        {2, 1, 1, 2, 1},   {4, 1, 1, 2, 1},   {6, 1, 1, 4, 2},
        {8, 1, 2, 5, 2},   {12, 2, 3, 8, 4},  {16, 2, 4, 10, 5},
        {24, 4, 6, 16, 8}, {48, 4, 8, 16, 8}, {141, 4, 8, 16, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_config c = gov_config_default;
        char why[160] = "";
        assert_int_equal(gov_config_apply_preset_for(&c, "auto", rows[i].gib * gib), 0);
        assert_int_equal(c.movies_default, rows[i].movies);
        assert_int_equal(c.movies_max, rows[i].most);
        assert_int_equal(c.whisper_chunks, rows[i].chunks);
        assert_int_equal(c.llm_prompts, rows[i].prompts);
        if (gov_config_check(&c, why, sizeof why))
            fail_msg("%d GiB: %s", (int)rows[i].gib, why);
    }
    /* Sold as 12 GiB, shown as a little less: exactly the preset made for it. */
    static const int64_t cards[] = {INT64_C(12884901888), INT64_C(12882804736)};
    for (size_t i = 0; i < 2; i++) {
        struct gov_config made = gov_config_default, named = gov_config_default;
        gov_config_apply_preset_for(&made, "auto", cards[i]);
        gov_config_apply_preset(&named, "rtx3060");
        assert_memory_equal(&made, &named, sizeof made);
    }
    struct gov_config unknown = gov_config_default, huge = gov_config_default;
    assert_int_equal(gov_config_apply_preset(&unknown, "auto"), 0);
    assert_memory_equal(&unknown, &gov_config_default, sizeof unknown);
    assert_int_equal(gov_config_apply_preset_for(&huge, "auto", INT64_MAX), 0);
    assert_int_equal(gov_config_check(&huge, NULL, 0), 0);
}

static void emergency_mode_cuts_by_three_quarters_within_its_limits(void **state)
{
    (void)state;
    static const struct {
        int64_t chunks, prompts, chunks_then, prompts_then;
    } rows[] = {{16, 8, 4, 2}, {8, 4, 2, 1}, {6, 4, 2, 1},
                {4, 2, 2, 1},  {1, 1, 1, 1}, {99, 99, 4, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_config c = gov_config_default;
        c.whisper_chunks = rows[i].chunks;
        c.llm_prompts = rows[i].prompts;
        gov_config_apply_emergency(&c);
        assert_int_equal(c.movies_default, 1);
        assert_int_equal(c.movies_max, 1);
        assert_int_equal(c.whisper_chunks, rows[i].chunks_then);
        assert_int_equal(c.llm_prompts, rows[i].prompts_then);
        assert_int_equal(gov_config_check(&c, NULL, 0), 0);
    }
}

/* What is told, in which order, must not matter: every order of five gives the same. */
static void layers_decide_and_not_the_order_of_telling(void **state)
{
    (void)state;
    static const int orders[][5] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {3, 4, 0, 2, 1}, {1, 3, 0, 4, 2}};
    for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
        struct gov_config_sources s;
        gov_config_sources_init(&s);
        for (int i = 0; i < 5; i++) {
            int error = GOV_E_BUG;
            switch (orders[o][i]) {
            case 0:
                error =
                    gov_config_sources_preset(&s, GOV_LAYER_FILE, "m.ini:1", "rtx3060", NULL, 0);
                break;
            case 1:
                error = gov_config_sources_set(&s, GOV_LAYER_FILE, "m.ini:2", "whisper_batch_size",
                                               "5", NULL, 0);
                break;
            case 2:
                error = gov_config_sources_set(&s, GOV_LAYER_COMMAND_LINE, "--set",
                                               "WHISPER_BATCH_SIZE", "7", NULL, 0);
                break;
            case 3:
                error = gov_config_sources_set(&s, GOV_LAYER_ENVIRONMENT, "LLM_BATCH_SIZE",
                                               "LLM_BATCH_SIZE", "3", NULL, 0);
                break;
            case 4:
                error = gov_config_sources_set(&s, GOV_LAYER_ENVIRONMENT, "X", "whisper_batch_size",
                                               "6", NULL, 0);
                break;
            }
            assert_int_equal(error, 0);
        }
        assert_int_equal(gov_config_sources_resolve(&s, 0, NULL, 0), 0);
        assert_int_equal(s.config.whisper_chunks, 7);
        assert_int_equal(s.config.llm_prompts, 3);
        assert_int_equal(s.config.movies_max, 3);
        assert_int_equal(s.config.budget.max_bytes, 11 * GOV_GB);
        static const struct {
            const char *key, *layer, *where;
        } origins[] = {
            {"whisper_batch_size", "command line", "--set"},
            {"llm_batch_size", "environment", "LLM_BATCH_SIZE"},
            {"max_gpu_memory_gb", "preset", "rtx3060"},
            {"DEFAULT_BATCH_SIZE", "preset", "rtx3060"},
            {"pressure_high_percent", "default", ""},
        };
        for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
            const struct gov_config_origin *origin = gov_config_sources_origin(&s, origins[i].key);
            assert_non_null(origin);
            assert_string_equal(gov_layer_name(origin->layer), origins[i].layer);
            assert_string_equal(origin->where, origins[i].where);
        }
        assert_string_equal(s.preset, "rtx3060");
        assert_string_equal(s.preset_origin.where, "m.ini:1");
    }
}

static void what_cannot_be_told_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct gov_config_sources s, before;
    char why[160] = "";
    gov_config_sources_init(&s);
    before = s;
    assert_int_equal(
        gov_config_sources_set(&s, GOV_LAYER_DEFAULT, "", "llm_batch_size", "3", NULL, 0),
        GOV_E_INVALID);
    assert_int_equal(
        gov_config_sources_set(&s, GOV_LAYER_FILE, "", "llm_batch_size", "x", why, 160),
        GOV_E_FORMAT);
    assert_true(strlen(why) > 10);
    assert_int_equal(gov_config_sources_set(&s, GOV_LAYER_FILE, "", "nothing", "3", NULL, 0),
                     GOV_E_NOT_FOUND);
    assert_int_equal(gov_config_sources_set(&s, GOV_LAYER_FILE, "", NULL, "3", NULL, 0),
                     GOV_E_NOT_FOUND);
    assert_int_equal(gov_config_sources_preset(&s, GOV_LAYER_FILE, "", "fastest", why, 160),
                     GOV_E_NOT_FOUND);
    assert_non_null(strstr(why, "fastest"));
    assert_memory_equal(&s, &before, sizeof s);
    assert_null(gov_config_sources_origin(&s, "nothing"));
    assert_null(gov_config_sources_origin(&s, NULL));
    /* Values that are fine one by one and not together. */
    assert_int_equal(
        gov_config_sources_set(&s, GOV_LAYER_FILE, "f:1", "max_batch_size", "1", NULL, 0), 0);
    assert_int_equal(gov_config_sources_resolve(&s, 0, why, 160), GOV_E_INVALID);
    assert_int_equal(
        gov_config_sources_set(&s, GOV_LAYER_FILE, "f:2", "default_batch_size", "1", NULL, 0), 0);
    assert_int_equal(gov_config_sources_resolve(&s, 0, why, 160), 0);
    /* auto, once the device is known. */
    assert_int_equal(gov_config_sources_preset(&s, GOV_LAYER_ENVIRONMENT, "E", "auto", NULL, 0), 0);
    assert_int_equal(gov_config_sources_resolve(&s, INT64_C(24) << 30, why, 160), 0);
    assert_int_equal(s.config.whisper_chunks, 16);
    assert_int_equal(s.config.movies_max, 1); /* the file stays above the preset */
}

static void values_that_contradict_each_other_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"pressure_high_percent", "95"}, {"pressure_medium_percent", "85"},
        {"max_batch_size", "1"},         {"buffer_first_percent", "5"},
        {"sample_interval_min", "2s"},   {"pressure_critical_percent", "80"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_config c = gov_config_default;
        char why[160] = "";
        assert_int_equal(set(&c, rows[i].name, rows[i].value), 0);
        assert_int_equal(gov_config_check(&c, why, sizeof why), GOV_E_INVALID);
        assert_true(strlen(why) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_within_their_ranges_and_agree),
        cmocka_unit_test(every_key_takes_both_ends_of_its_range_and_nothing_beyond),
        cmocka_unit_test(the_original_configuration_is_understood_as_it_stands),
        cmocka_unit_test(amounts_times_and_fractions_have_units),
        cmocka_unit_test(what_is_no_value_is_named_and_changes_nothing),
        cmocka_unit_test(values_survive_being_printed_and_read),
        cmocka_unit_test(presets_are_those_of_the_specification),
        cmocka_unit_test(auto_follows_the_size_of_the_device),
        cmocka_unit_test(emergency_mode_cuts_by_three_quarters_within_its_limits),
        cmocka_unit_test(layers_decide_and_not_the_order_of_telling),
        cmocka_unit_test(what_cannot_be_told_is_refused_and_changes_nothing),
        cmocka_unit_test(values_that_contradict_each_other_are_found),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
