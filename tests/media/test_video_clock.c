/* Frame times are strictly increasing whatever the stamps, and exact where the stamps are good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "media/video_clock.h"

#define NO MD_NO_TIME
#define S  INT64_C(1000000)

static void run(const int64_t *stamps, size_t n, int64_t *times)
{
    struct md_video_clock clock;
    md_video_clock_init(&clock, 40000);
    for (size_t i = 0; i < n; i++)
        times[i] = md_video_clock_next(&clock, stamps[i], i + 1 < n ? stamps[i + 1] : NO, 0);
}

#define CHECK(stamps, expected)                                                                    \
    do {                                                                                           \
        int64_t times[sizeof(stamps) / sizeof *(stamps)];                                          \
        run(stamps, sizeof(stamps) / sizeof *(stamps), times);                                     \
        for (size_t i = 0; i < sizeof(stamps) / sizeof *(stamps); i++)                             \
            assert_int_equal(times[i], (expected)[i]);                                             \
    } while (0)

static void good_stamps_pass_untouched_at_any_rate(void **state)
{
    static const int64_t stamps[] = {0, 33367, 41000, 41001, 5 * S, 900 * S, 901 * S};
    CHECK(stamps, stamps);
}

static void missing_stamps_are_made_from_the_rate(void **state)
{
    static const int64_t stamps[] = {NO, NO, NO, 100000, 140000, NO, NO, NO};
    static const int64_t expected[] = {0, 40000, 80000, 100000, 140000, 180000, 220000, 260000};
    CHECK(stamps, expected);
}

static void doubled_stamps_are_spread_before_the_next_good_one(void **state)
{
    static const int64_t stamps[] = {0, 40000, 40000, 80000};
    static const int64_t expected[] = {0, 40000, 60000, 80000};
    CHECK(stamps, expected);
}

static void a_single_slip_is_ignored(void **state)
{
    static const int64_t stamps[] = {0, 40000, 95000 * S, 120000, 160000};
    static const int64_t expected[] = {0, 40000, 80000, 120000, 160000};
    CHECK(stamps, expected);
}

static void a_joined_recording_goes_on(void **state)
{
    static const int64_t stamps[] = {100 * S, 100 * S + 40000, 0, 40000, 80000};
    static const int64_t expected[] = {100 * S, 100 * S + 40000, 100 * S + 80000, 100 * S + 120000,
                                       100 * S + 160000};
    CHECK(stamps, expected);
}

static void times_increase_strictly_for_any_stamps(void **state)
{
    uint32_t seed = 1;
    struct md_video_clock clock;
    for (int round = 0; round < 200; round++) {
        int64_t stamps[200], before = INT64_MIN;
        for (int i = 0; i < 200; i++) {
            seed = seed * 1664525u + 1013904223u;
            int kind = seed >> 29;
            int64_t noise = (int64_t)(seed >> 8 & 0xffff);
            stamps[i] = kind == 0   ? NO
                        : kind == 1 ? noise * 4 * S
                        : kind == 2 ? -noise * S
                        : kind == 3 ? (i > 0 ? stamps[i - 1] : 0)
                                    : i * INT64_C(40000) + noise;
        }
        md_video_clock_init(&clock, round % 2 ? 0 : 20000);
        for (int i = 0; i < 200; i++) {
            int64_t t = md_video_clock_next(&clock, stamps[i], i < 199 ? stamps[i + 1] : NO,
                                            (int64_t)(seed % 3) * 20000);
            assert_true(t > before);
            before = t;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_stamps_pass_untouched_at_any_rate),
        cmocka_unit_test(missing_stamps_are_made_from_the_rate),
        cmocka_unit_test(doubled_stamps_are_spread_before_the_next_good_one),
        cmocka_unit_test(a_single_slip_is_ignored),
        cmocka_unit_test(a_joined_recording_goes_on),
        cmocka_unit_test(times_increase_strictly_for_any_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
