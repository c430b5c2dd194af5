/* The digest's picture size: even, never enlarged, never another shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "render/geometry.h"

static double shape(int width, int height, int sar_num, int sar_den)
{
    return (double)width * sar_num / ((double)height * sar_den);
}

static void what_fits_is_left_alone(void **state)
{
    struct md_geometry g = md_geometry_fit(720, 576, 64, 45, 0, 1080);
    assert_false(g.scales);
    assert_int_equal(g.width, 720);
    assert_int_equal(g.height, 576);
    assert_int_equal(g.sar_num, 64);
    assert_int_equal(g.sar_den, 45);
}

static void odd_sizes_grow_by_one_row_or_column(void **state)
{
    struct md_geometry g = md_geometry_fit(193, 127, 0, 1, 0, 0);
    assert_false(g.scales);
    assert_int_equal(g.scaled_width, 193);
    assert_int_equal(g.scaled_height, 127);
    assert_int_equal(g.width, 194);
    assert_int_equal(g.height, 128);
    g = md_geometry_fit(1, 1, 1, 1, 0, 0);
    assert_int_equal(g.width, 2);
    assert_int_equal(g.height, 2);
}

static void large_pictures_come_down_to_the_wanted_lines(void **state)
{
    struct md_geometry g = md_geometry_fit(4096, 1744, 1, 1, 0, 1080);
    assert_true(g.scales);
    assert_int_equal(g.height, 1080);
    assert_int_equal(g.width, 2536);
    assert_int_equal(g.sar_num, g.sar_den);
}

static void lines_are_those_of_the_upright_picture(void **state)
{
    struct md_geometry g = md_geometry_fit(1920, 1080, 1, 1, 90, 1080);
    assert_int_equal(g.width, 1080);
    assert_int_equal(g.height, 608);
    g = md_geometry_fit(1080, 1920, 1, 1, 270, 1080);
    assert_false(g.scales);
}

static void the_shape_is_kept_whatever_the_numbers(void **state)
{
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) {
        int n[5];
        for (int k = 0; k < 5; k++) {
            random = random * 1664525u + 1013904223u;
            n[k] = 1 + (int)(random >> 12) % (k < 2 ? 8192 : k < 4 ? 300 : 4000);
        }
        int rotation = i % 4 * 90;
        struct md_geometry g = md_geometry_fit(n[0], n[1], n[2], n[3], rotation, n[4]);
        assert_true(g.width >= 2 && g.height >= 2 && g.width % 2 == 0 && g.height % 2 == 0);
        assert_true(g.sar_num > 0 && g.sar_den > 0 && g.sar_num <= 65535 && g.sar_den <= 65535);
        assert_true(g.scaled_width <= g.width && g.width - g.scaled_width <= 1);
        assert_true(g.scaled_height <= g.height && g.height - g.scaled_height <= 1);
        assert_true(g.scaled_width <= n[0] + 1 && g.scaled_height <= n[1] + 1);
        double was = shape(n[0], n[1], n[2], n[3]);
        double is = shape(g.scaled_width, g.scaled_height, g.sar_num, g.sar_den);
        if (fabs(is / was - 1) > 0.0051)
            fail_msg("%dx%d %d:%d %d, %d lines: shape %g became %g", n[0], n[1], n[2], n[3],
                     rotation, n[4], was, is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_left_alone),
        cmocka_unit_test(odd_sizes_grow_by_one_row_or_column),
        cmocka_unit_test(large_pictures_come_down_to_the_wanted_lines),
        cmocka_unit_test(lines_are_those_of_the_upright_picture),
        cmocka_unit_test(the_shape_is_kept_whatever_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
