/* The budget's arithmetic, and how amounts are written for people. */
#include "testing.h"

#include <gov/budget.h>
#include <gov/config.h>
#include <gov/error.h>
#include <gov/log.h>

#include "../src/util.h"

#define GIB (INT64_C(1) << 30)

static void the_budget_follows_the_policy(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t total, others, max;
        int64_t reserve, cap, ours;
    } rows[] = {
        /* A 3060 with an idle desktop within the reserve: 85 % of 12.885 GB is the limit. */
        {"3060", 12 * GIB, 1500 * GOV_MB, 0, 1900000000, 10952166604, 10952166604},
        /* The preset's 11.0 GB lies above that and changes nothing. */
        {"3060 preset", 12 * GIB, 0, 11 * GOV_GB, 1900000000, 10952166604, 10952166604},
        /* A game of 6 GB: only what it uses beyond the reserve is taken from us. */
        {"3060 and a game", 12 * GIB, 6 * GOV_GB, 0, 1900000000, 10952166604, 6852166604},
        {"24 GiB", 24 * GIB, 0, 0, 1900000000, 21904333209, 21904333209},
        {"80 GiB, 40 GB at most", 80 * GIB, 0, 40 * GOV_GB, 1900000000, 40 * GOV_GB, 40 * GOV_GB},
        /* 16 GB host: the reserve is smaller than 15 %. */
        {"16 GB host", 16 * GOV_GB, 3 * GOV_GB, 0, 1900000000, 13600000000, 12500000000},
        /* Below 7.6 GB the reserve is a quarter: 8 GB is just above. */
        {"8 GB host", 8 * GOV_GB, 0, 0, 1900000000, 6100000000, 6100000000},
        {"4 GB host", 4 * GOV_GB, 0, 0, 1000000000, 3000000000, 3000000000},
        {"2 GB container", 2 * GOV_GB, 0, 0, 500000000, 1500000000, 1500000000},
        /* Neighbours that leave nothing: a deficit is negative, not 18 exabytes. */
        {"crowded", 12 * GIB, 14 * GOV_GB, 0, 1900000000, 10952166604, -1147833396},
        {"nothing", 0, 0, 0, 0, 0, 0},
        {"nonsense", -5, -7, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gov_budget_rule rule = gov_config_default.budget;
        rule.max_bytes = rows[i].max;
        struct gov_budget budget = gov_budget_compute(&rule, rows[i].total, rows[i].others);
        if (budget.reserve_bytes != rows[i].reserve || budget.cap_bytes != rows[i].cap ||
            budget.ours_bytes != rows[i].ours)
            fail_msg("%s: reserve %lld, cap %lld, ours %lld", rows[i].what,
                     (long long)budget.reserve_bytes, (long long)budget.cap_bytes,
                     (long long)budget.ours_bytes);
    }
}

static void a_literal_reserve_can_leave_a_deficit(void **state)
{
    (void)state;
    struct gov_budget_rule rule = {
        .fraction = 0.85, .reserve_bytes = 1900 * GOV_MB, .reserve_max_fraction = 1};
    struct gov_budget budget = gov_budget_compute(&rule, GOV_GB, 0);
    assert_int_equal(budget.cap_bytes, -900 * GOV_MB);
}

static void extremes_do_not_wrap_around(void **state)
{
    (void)state;
    struct gov_budget_rule rule = {.fraction = 1, .reserve_bytes = INT64_MAX};
    rule.reserve_max_fraction = 1;
    struct gov_budget budget = gov_budget_compute(&rule, INT64_MAX, INT64_MAX);
    assert_int_equal(budget.cap_bytes, 0);
    rule.reserve_bytes = 0;
    budget = gov_budget_compute(&rule, 1, INT64_MAX);
    assert_true(budget.ours_bytes < 0);
}

static void amounts_are_written_with_one_decimal_of_ten_to_the_nine(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0.0GB"},
        {12 * GIB, "12.9GB"},
        {8200 * GOV_MB, "8.2GB"},
        {49999999, "0.0GB"},
        {50000000, "0.1GB"},
        {949999999, "0.9GB"},
        {950000000, "1.0GB"},
        {-1150 * GOV_MB, "-1.2GB"},
        {-1, "0.0GB"},
        {INT64_MAX, "9223372036.9GB"},
        {INT64_MIN, "-9223372036.9GB"},
    };
    char text[24];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(gov_format_gb(rows[i].bytes, text, sizeof text), rows[i].text);
    }
    assert_string_equal(gov_format_size(137499999, text, sizeof text), "137MB");
    assert_string_equal(gov_format_size(-999999999, text, sizeof text), "-1000MB");
    assert_string_equal(gov_format_size(GOV_GB, text, sizeof text), "1.0GB");
    char small[4];
    assert_string_equal(gov_format_gb(12 * GIB, small, sizeof small), "12.");
}

static void labels_of_any_bytes_stay_printable_and_whole(void **state)
{
    (void)state;
    char label[GOV_LABEL_MAX];
    gov_copy_label(label, NULL);
    assert_string_equal(label, "");
    gov_copy_label(label, "a\nb\x1b[31m\x7f");
    assert_string_equal(label, "a?b?[31m?");
    char text[200];
    for (size_t width = 1; width <= 4; width++) {
        static const char *const characters[] = {"", "x", "\xc3\xa9", "\xe2\x82\xac",
                                                 "\xf0\x9f\x8e\xac"};
        for (size_t lead = 0; lead < 4; lead++) {
            size_t n = 0;
            for (; n < lead; n++)
                text[n] = 'x';
            for (; n < 150; n += width)
                memcpy(text + n, characters[width], width);
            text[n] = 0;
            gov_copy_label(label, text);
            size_t length = strlen(label);
            assert_true(length < GOV_LABEL_MAX && length > GOV_LABEL_MAX - 6);
            assert_int_equal((length - lead) % width, 0);
        }
    }
    /* Bytes that are no UTF-8 at all must not be stripped away. */
    memset(text, 0x80, 199);
    text[199] = 0;
    gov_copy_label(label, text);
    assert_int_equal(strlen(label), GOV_LABEL_MAX - 1);
}

static void every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    assert_string_equal(gov_error_name(GOV_E_NO_ROOM), "GOV_E_NO_ROOM");
    assert_string_equal(gov_error_name(GOV_OK), "GOV_OK");
    int codes[] = {
#define CODE(name, code, text) GOV_E_##name,
        GOV_ERROR_MAP(CODE)
#undef CODE
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_true(codes[i] < 0);
        assert_string_not_equal(gov_error_text(codes[i]), gov_error_text(-9999));
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
    }
    assert_string_equal(gov_error_name(-9999), "GOV_E_?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_budget_follows_the_policy),
        cmocka_unit_test(a_literal_reserve_can_leave_a_deficit),
        cmocka_unit_test(extremes_do_not_wrap_around),
        cmocka_unit_test(amounts_are_written_with_one_decimal_of_ten_to_the_nine),
        cmocka_unit_test(labels_of_any_bytes_stay_printable_and_whole),
        cmocka_unit_test(every_error_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
