/* Naming devices: which specs there are, which are refused. */
#include "testing.h"

#include <gov/device.h>

static void specs_that_name_nothing_are_refused(void **state)
{
    (void)state;
    struct gov_device *device = NULL;
    static const char *const unknown[] = {"nvidia9", "hos", "host2", "host:1", "sim:nothing", ":"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_int_equal(gov_device_open(unknown[i], NULL, &device), GOV_E_NO_DEVICE);
    assert_int_equal(gov_device_open(NULL, NULL, &device), GOV_E_INVALID);
    assert_int_equal(gov_device_open("", NULL, &device), GOV_E_INVALID);
    assert_int_equal(gov_device_open("sim", NULL, &device), GOV_E_INVALID); /* how large? */
    assert_int_equal(gov_device_open("host", NULL, NULL), GOV_E_INVALID);
    struct gov_device_params params = {.memory_limit_bytes = -1};
    assert_int_equal(gov_device_open("host", &params, &device), GOV_E_INVALID);
    params = (struct gov_device_params){.sim = {.total_bytes = 5, .reserved_bytes = 6}};
    assert_int_equal(gov_device_open("sim", &params, &device), GOV_E_INVALID);
    params = (struct gov_device_params){.sim = {.total_bytes = 5, .neighbour_count = 1}};
    assert_int_equal(gov_device_open("sim", &params, &device), GOV_E_INVALID);
    assert_null(device);
    gov_device_free(NULL);
}

static void the_backends_are_listed(void **state)
{
    (void)state;
    const char *summary = NULL;
    bool host = false, sim = false;
    const char *name;
    for (size_t n = 0; (name = gov_backend_name(n, &summary)); n++) {
        assert_true(summary && summary[0]);
        host = host || !strcmp(name, "host");
        sim = sim || !strcmp(name, "sim");
    }
    assert_true(host && sim);
    assert_null(gov_backend_name(SIZE_MAX, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_that_name_nothing_are_refused),
        cmocka_unit_test(the_backends_are_listed),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
