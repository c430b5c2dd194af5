/*
 * The driver's n-th answer is a failure, n = 1, 2, 3 ... until a whole run passes without; once
 * only, and from then on for ever; with every error that means something to the backend. After
 * each: a typed error or success, nothing left open at the driver, and once the driver is well the
 * same device reads again.
 */
#include "nvidia_fake.h"

#include <gov/governor.h>

static const int errors[] = {1, 2, 3, 4, 6, 7, 9, 10, 13, 15, 16, 18, 20, 25, 26, 28, 999, -7};

static void known_error(int error)
{
    if (strcmp(gov_error_name(error), "GOV_E_BUG") == 0 || error > 0 || error < GOV_E_BUG)
        fail_msg("error %d", error);
}

/* Everything one does with a device, at one moment. */
static void use(struct gov_device *device, int64_t now_us)
{
    struct gov_sample s = {0};
    struct gov_process p[2] = {{.pid = 501}, {.pid = getpid()}}, users[4];
    struct gov_device_event event;
    struct gov_device_info info;
    size_t count = 0;
    int error = gov_device_sample(device, now_us, -1, &s);
    known_error(error);
    if (error)
        assert_int_equal(s.valid, 0);
    else
        assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
    error = gov_device_processes(device, true, p, 2);
    known_error(error);
    if (!error && p[0].valid & GOV_PROCESS_USED)
        assert_int_equal(p[0].used_bytes, GIB);
    known_error(gov_device_list_processes(device, users, 4, &count));
    for (int i = 0; !gov_device_next_event(device, &event); i++) {
        assert_true(i < 32);
        assert_true(event.text[0] != 0);
    }
    gov_device_info(device, &info);
}

/* Opens, uses, lets the driver be well again, and expects the device to be. */
static void live(struct fake *f, const char *spec, struct fake_fault *fault)
{
    struct gov_device *device = NULL;
    struct gov_sample s;
    f->reason[0] = 0;
    int error = gov_device_open(spec, &f->params, &device);
    known_error(error);
    if (error) {
        assert_null(device);
        assert_true(f->reason[0] != 0);
        return;
    }
    for (int i = 0; i < 3; i++)
        use(device, 1000000 + i * 1500000);
    fault->times = 0; /* well again */
    gov_device_sample(device, 9000000, -1, &s);
    assert_int_equal(gov_device_sample(device, 11000000, -1, &s), 0);
    assert_int_equal(s.total_bytes, 12 * GIB);
    gov_device_free(device);
}

static void machine(struct fake *f, const char *nvml)
{
    fake_init(f, nvml, "535.54.03");
    fake_state_add_gpu(f->state, "second", (uint64_t)(12 * GIB));
    f->state->cuda_order[0] = 1;
    f->state->cuda_order[1] = 0;
    for (int i = 0; i < 2; i++) {
        fake_neighbour(f, i, 501, GIB)->draws = true;
        f->state->gpus[i].xids[0] = 31;
        f->state->gpus[i].xid_count = 1;
    }
}

static int sweep(const char *nvml, const char *spec, bool cuda, int error, bool persistent)
{
    enum { MOST = 500 };
    for (int n = 1; n < MOST; n++) {
        struct fake f;
        machine(&f, nvml);
        struct fake_fault *fault = cuda ? &f.state->cuda : &f.state->nvml;
        *fault = (struct fake_fault){.from = n, .times = persistent ? -1 : 1, .error = error};
        live(&f, spec, fault);
        bool failed = fault->last[0];
        fake_done(&f);
        if (!failed)
            return n - 1;
    }
    fail_msg("%s: %d failures and no end", spec, MOST);
    return 0;
}

static void sweep_all(const char *nvml, bool persistent)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        int once = sweep(nvml, "nvidia:0", false, errors[i], persistent);
        assert_true(once >= 15); /* it did fail that many calls, one by one */
    }
}

static void each_answer_may_be_a_failure(void **state)
{
    (void)state;
    sweep_all(FAKE_NVML_580, false);
    sweep_all(FAKE_NVML_390, false);
}

static void each_answer_may_be_the_last_good_one(void **state)
{
    (void)state;
    sweep_all(FAKE_NVML_580, true);
    sweep_all(FAKE_NVML_390, true);
}

static void finding_a_gpu_by_cuda_survives_both_drivers(void **state)
{
    (void)state;
    for (int persistent = 0; persistent < 2; persistent++) {
        assert_true(sweep(FAKE_NVML_580, "nvidia", true, 999, persistent) >= 4);
        assert_true(sweep(FAKE_NVML_580, "nvidia", true, 100, persistent) >= 4);
        assert_true(sweep(FAKE_NVML_580, "nvidia:cuda:1", true, 3, persistent) >= 1);
        assert_true(sweep(FAKE_NVML_580, "nvidia:cuda:1", false, 15, persistent) >= 15);
        assert_true(sweep(FAKE_NVML_580, "nvidia", false, 999, persistent) >= 15);
    }
}

static void a_list_of_devices_loses_what_fails_and_nothing_else(void **state)
{
    (void)state;
    static struct gov_device_entry entries[64];
    for (int persistent = 0; persistent < 2; persistent++) {
        bool failed = true;
        int n = 1;
        for (; failed; n++) {
            struct fake f;
            size_t count = 0;
            machine(&f, FAKE_NVML_580);
            f.state->nvml = (struct fake_fault){
                .from = n, .times = persistent ? -1 : 1, .error = n % 2 ? 999 : 15};
            assert_int_equal(gov_device_list(&f.params, entries, 64, &count), 0);
            assert_string_equal(entries[0].spec, "host");
            size_t gpus = 0;
            for (size_t i = 0; i < count; i++)
                gpus += !strcmp(entries[i].backend, "nvidia");
            failed = f.state->nvml.last[0];
            assert_true(gpus <= 2 && (failed || gpus == 2));
            assert_true(gpus || persistent || f.reason[0] || n < 10);
            fake_done(&f);
            assert_true(n < 200);
        }
        assert_true(n > 15);
    }
}

/* The governor's own reading meets each failure: it errs or knows, and goes on. */
static void a_governor_outlives_its_driver(void **state)
{
    (void)state;
    for (int n = 1; n < 60; n++) {
        struct fake f;
        struct gov_governor *governor = NULL;
        struct gov_sample s;
        machine(&f, FAKE_NVML_580);
        struct gov_device *device = fake_open(&f, "nvidia:0");
        assert_int_equal(gov_governor_new(&gov_config_default, device, NULL, &governor), 0);
        assert_int_equal(gov_governor_watch(governor, 501), 0);
        f.state->nvml = (struct fake_fault){.from = n, .times = 5, .error = n % 3 ? 999 : 15};
        for (int i = 1; i < 12; i++)
            known_error(gov_governor_sample(governor, i * 1000000, &s));
        f.state->nvml.times = 0;
        /* The list is of the moment of the reading before. */
        assert_int_equal(gov_governor_sample(governor, 60000000, &s), 0);
        assert_int_equal(gov_governor_sample(governor, 62000000, &s), 0);
        assert_int_equal(s.own_bytes, GIB);
        assert_true(gov_governor_is_valid(governor));
        gov_governor_free(governor);
        gov_device_free(device);
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_may_be_a_failure),
        cmocka_unit_test(each_answer_may_be_the_last_good_one),
        cmocka_unit_test(finding_a_gpu_by_cuda_survives_both_drivers),
        cmocka_unit_test(a_list_of_devices_loses_what_fails_and_nothing_else),
        cmocka_unit_test(a_governor_outlives_its_driver),
    };
    return cmocka_run_group_tests_name("nvidia faults", tests, NULL, NULL);
}
