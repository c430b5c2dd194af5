/*
 * The n-th allocation of host memory fails while a device is opened, read and listed, n = 1, 2, 3
 * ...: NOMEM or success, nothing leaks, nothing stays open at the driver.
 */
#include "failing_alloc.h"
#include "nvidia_fake.h"

/* The linker sends the library's allocations here (--wrap). */

static int errors;

static bool ok(int error)
{
    errors += error != 0;
    if (error && error != GOV_E_NOMEM)
        fail_msg("error %d", error);
    return !error;
}

static void everything(struct fake *f)
{
    static struct gov_device_entry entries[64];
    struct gov_device *device = NULL;
    struct gov_nvidia *nvidia = NULL;
    struct gov_process p[2] = {{.pid = 501}, {.pid = getpid()}}, users[80];
    struct gov_sample s;
    size_t count;
    if (ok(gov_device_open("nvidia", &f->params, &device))) {
        ok(gov_device_sample(device, 1, -1, &s));
        ok(gov_device_processes(device, true, p, 2));
        ok(gov_device_list_processes(device, users, 80, &count));
    }
    gov_device_free(device);
    ok(gov_device_list(&f->params, entries, 64, &count));
    if (ok(gov_nvidia_open(&f->params.nvidia, &nvidia, NULL, 0)))
        ok(gov_nvidia_count(nvidia, &count));
    gov_nvidia_close(nvidia);
}

static void sweep(bool persist)
{
    enum { MOST = 1000 };
    long n = 0;
    for (; n < MOST; n++) {
        struct fake f;
        fake_init(&f, FAKE_NVML_580, "580.65.06");
        /* More rows than fit at first, so that the buffers grow. */
        for (int i = 0; i < FAKE_SLOTS; i++)
            f.state->slots[i] = (struct fake_slot){.pid = getpid(), .bytes = FAKE_MIB};
        fake_neighbour(&f, 0, 501, GIB);
        persistent = persist;
        failed = errors = 0;
        countdown = n;
        everything(&f);
        countdown = -1;
        memset(f.state->slots, 0, sizeof f.state->slots);
        fake_done(&f);
        if (!failed)
            break;
        assert_true(errors > 0 || failed == 1);
    }
    assert_true(n >= 8 && n < MOST);
    assert_int_equal(errors, 0);
}

static void each_allocation_may_fail_once(void **state)
{
    (void)state;
    sweep(false);
}

static void each_allocation_may_be_the_last_that_succeeds(void **state)
{
    (void)state;
    sweep(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail_once),
        cmocka_unit_test(each_allocation_may_be_the_last_that_succeeds),
    };
    return cmocka_run_group_tests_name("nvidia, no host memory", tests, NULL, NULL);
}
