/*
 * What every backend promises, run on each: the host as it is, the host on a made-up tree, and the
 * simulated device. A new backend adds a row.
 */
#include "tree.h"

#include <gov/device.h>

struct subject {
    const char *name;
    const char *spec;
    bool made_up_host;
    int64_t total_bytes; /* 0: whatever the machine has */
};

static const struct subject subjects[] = {
    {"host", "host", false, 0},
    {"host on a made-up tree", "host", true, INT64_C(8) << 30},
    {"sim:rtx3060", "sim:rtx3060", false, INT64_C(12) << 30},
    {"sim", "sim", false, 6 * GOV_GB},
};

struct opened {
    struct tree tree;
    struct gov_device *device;
};

static void open_subject(const struct subject *subject, int64_t limit, struct opened *opened)
{
    char proc[80], cgroup[80];
    struct gov_device_params params = {.memory_limit_bytes = limit};
    tree_init(&opened->tree);
    if (subject->made_up_host) {
        tree_write(&opened->tree, "proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 1 kB\n");
        snprintf(proc, sizeof proc, "%s/proc", opened->tree.root);
        snprintf(cgroup, sizeof cgroup, "%s/cgroup", opened->tree.root);
        params.host.proc_path = proc;
        params.host.cgroup_root = cgroup;
    }
    if (!strcmp(subject->spec, "sim"))
        params.sim.total_bytes = subject->total_bytes;
    assert_int_equal(gov_device_open(subject->spec, &params, &opened->device), 0);
}

static void close_subject(struct opened *opened)
{
    gov_device_free(opened->device);
    tree_done(&opened->tree);
}

static void a_reading_is_known_and_adds_up(void **state)
{
    const struct subject *subject = *state;
    struct opened o;
    open_subject(subject, 0, &o);
    for (int64_t now = 1; now < 20; now++) {
        struct gov_sample s;
        assert_int_equal(gov_device_sample(o.device, now, now % 2 ? 0 : -1, &s), 0);
        uint32_t known = GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE;
        assert_int_equal(s.valid & known, known);
        assert_int_equal(s.at_us, now);
        assert_true(s.total_bytes > 0 && s.used_bytes >= 0 && s.free_bytes >= 0);
        assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
        if (subject->total_bytes)
            assert_int_equal(s.total_bytes, subject->total_bytes);
        if (s.valid & GOV_SAMPLE_LARGEST_FREE)
            assert_true(s.largest_free_bytes <= s.free_bytes);
        assert_int_equal(!!(s.valid & GOV_SAMPLE_OWN), now % 2);
        double percent = gov_sample_used_percent(&s);
        assert_true(percent >= 0 && percent <= 100);
    }
    close_subject(&o);
}

static void a_memory_limit_is_the_new_total(void **state)
{
    struct opened o;
    open_subject(*state, 100 * GOV_MB, &o);
    struct gov_sample s;
    assert_int_equal(gov_device_sample(o.device, 1, 30 * GOV_MB, &s), 0);
    assert_int_equal(s.total_bytes, 100 * GOV_MB);
    assert_true(s.free_bytes <= 70 * GOV_MB);
    assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
    struct gov_device_info info;
    gov_device_info(o.device, &info);
    assert_string_equal(info.limited_by, "memory limit");
    close_subject(&o);
}

static void a_process_that_is_not_there_is_unknown_and_no_error(void **state)
{
    struct opened o;
    open_subject(*state, 0, &o);
    struct gov_device_info info;
    gov_device_info(o.device, &info);
    struct gov_process process = {.pid = INT32_MAX - 7, .valid = ~0u, .used_bytes = 5};
    int error = gov_device_processes(o.device, true, &process, 1);
    assert_int_equal(error, info.has_processes ? 0 : GOV_E_UNSUPPORTED);
    if (!error) {
        assert_int_equal(process.valid, 0);
        assert_int_equal(process.used_bytes, 0);
        assert_int_equal(process.pid, INT32_MAX - 7);
    }
    assert_int_equal(gov_device_processes(o.device, true, NULL, 0),
                     info.has_processes ? 0 : GOV_E_UNSUPPORTED);
    assert_int_not_equal(gov_device_reset_peak(o.device, INT32_MAX - 7), 0);
    close_subject(&o);
}

static void wrong_arguments_are_refused_by_the_front(void **state)
{
    struct opened o;
    open_subject(*state, 0, &o);
    struct gov_sample s;
    struct gov_process process = {.pid = -1};
    assert_int_equal(gov_device_sample(NULL, 0, 0, &s), GOV_E_INVALID);
    assert_int_equal(gov_device_sample(o.device, 0, 0, NULL), GOV_E_INVALID);
    assert_int_equal(gov_device_processes(o.device, true, NULL, 1), GOV_E_INVALID);
    assert_int_equal(gov_device_processes(o.device, true, &process, 1), GOV_E_INVALID);
    assert_int_equal(gov_device_reset_peak(o.device, 0), GOV_E_INVALID);
    assert_int_equal(gov_sim_take(o.device, 0, 0, 5), GOV_E_INVALID);
    assert_int_equal(gov_sim_take(o.device, 0, 1, -5), GOV_E_INVALID);
    assert_int_equal(gov_sim_give(NULL, 1, 1), GOV_E_INVALID);
    close_subject(&o);
}

static void several_devices_live_side_by_side(void **state)
{
    struct opened a, b;
    open_subject(*state, 0, &a);
    open_subject(*state, 50 * GOV_MB, &b);
    struct gov_sample sa, sb;
    assert_int_equal(gov_device_sample(a.device, 1, 0, &sa), 0);
    assert_int_equal(gov_device_sample(b.device, 1, 0, &sb), 0);
    assert_true(sa.total_bytes > sb.total_bytes);
    close_subject(&a);
    assert_int_equal(gov_device_sample(b.device, 2, 0, &sb), 0);
    close_subject(&b);
}

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
    assert_string_equal(gov_backend_name(0, &summary), "host");
    assert_non_null(summary);
    assert_string_equal(gov_backend_name(1, NULL), "sim");
    size_t n = 0;
    while (gov_backend_name(n, NULL))
        n++;
    assert_true(n >= 2);
    assert_null(gov_backend_name(SIZE_MAX, NULL));
}

static void a_simulated_card_has_processes_neighbours_and_an_end(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour neighbours[] = {
        {.at_us = 100, .until_us = 200, .bytes = 2 * GOV_GB},
        {.at_us = 150, .bytes = 90 * GOV_GB},
    };
    struct gov_device_params params = {.sim = {.total_bytes = 10 * GOV_GB,
                                               .reserved_bytes = GOV_GB,
                                               .neighbours = neighbours,
                                               .neighbour_count = 1}};
    struct gov_device *device;
    struct gov_sample s;
    assert_int_equal(gov_device_open("sim", &params, &device), 0);
    assert_int_equal(gov_sim_take(device, 0, 7, 6 * GOV_GB), 0);
    assert_int_equal(gov_sim_take(device, 0, 7, 3 * GOV_GB + 1), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_device_sample(device, 99, 6 * GOV_GB, &s), 0);
    assert_int_equal(s.used_bytes, 7 * GOV_GB);
    assert_int_equal(s.others_bytes, 0); /* the driver's share is nobody's */
    assert_int_equal(gov_device_sample(device, 100, 6 * GOV_GB, &s), 0);
    assert_int_equal(s.others_bytes, 2 * GOV_GB);
    assert_int_equal(gov_sim_take(device, 150, 8, 2 * GOV_GB), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_sim_take(device, 200, 8, 2 * GOV_GB), 0); /* the neighbour has gone */
    struct gov_process p[2] = {{.pid = 7}, {.pid = 8}};
    assert_int_equal(gov_sim_give(device, 7, 5 * GOV_GB), 0);
    assert_int_equal(gov_device_processes(device, false, p, 2), 0);
    assert_int_equal(p[0].used_bytes, GOV_GB);
    assert_int_equal(p[0].peak_bytes, 6 * GOV_GB);
    assert_int_equal(gov_device_reset_peak(device, 7), 0);
    assert_int_equal(gov_device_processes(device, false, p, 1), 0);
    assert_int_equal(p[0].peak_bytes, GOV_GB);
    assert_int_equal(gov_sim_give(device, 7, -1), 0);
    assert_int_equal(gov_sim_give(device, 7, -1), GOV_E_NOT_FOUND);
    assert_int_equal(gov_device_sample(device, 300, -1, &s), 0);
    assert_int_equal(s.used_bytes, 3 * GOV_GB);
    gov_device_free(device);
}

/* A neighbour may ask for anything; it gets what is left. */
static void a_greedy_neighbour_fills_the_card_and_no_more(void **state)
{
    (void)state;
    static const struct gov_sim_neighbour greedy[] = {{.bytes = INT64_MAX},
                                                      {.bytes = INT64_MAX}};
    struct gov_device_params params = {.sim = {.neighbours = greedy, .neighbour_count = 2}};
    struct gov_device *device;
    struct gov_sample s;
    assert_int_equal(gov_device_open("sim:rtx3060", &params, &device), 0);
    assert_int_equal(gov_device_sample(device, 1, 0, &s), 0);
    assert_int_equal(s.free_bytes, 0);
    assert_int_equal(s.others_bytes + s.reserved_bytes, s.total_bytes);
    gov_device_free(device);
}

static void the_host_does_not_play_simulated_device(void **state)
{
    (void)state;
    struct gov_device *device;
    assert_int_equal(gov_device_open("host", NULL, &device), 0);
    assert_int_equal(gov_sim_take(device, 0, 1, 1), GOV_E_UNSUPPORTED);
    assert_int_equal(gov_sim_give(device, 1, 1), GOV_E_UNSUPPORTED);
    gov_device_free(device);
}

int main(void)
{
    enum { SUBJECTS = sizeof subjects / sizeof subjects[0], PROMISES = 5, SINGLES = 5 };
    static const struct CMUnitTest promises[PROMISES] = {
        cmocka_unit_test(a_reading_is_known_and_adds_up),
        cmocka_unit_test(a_memory_limit_is_the_new_total),
        cmocka_unit_test(a_process_that_is_not_there_is_unknown_and_no_error),
        cmocka_unit_test(wrong_arguments_are_refused_by_the_front),
        cmocka_unit_test(several_devices_live_side_by_side),
    };
    static const struct CMUnitTest singles[SINGLES] = {
        cmocka_unit_test(specs_that_name_nothing_are_refused),
        cmocka_unit_test(the_backends_are_listed),
        cmocka_unit_test(a_simulated_card_has_processes_neighbours_and_an_end),
        cmocka_unit_test(a_greedy_neighbour_fills_the_card_and_no_more),
        cmocka_unit_test(the_host_does_not_play_simulated_device),
    };
    static char names[SUBJECTS * PROMISES][128];
    struct CMUnitTest tests[SUBJECTS * PROMISES + SINGLES];
    size_t n = 0;
    for (size_t s = 0; s < SUBJECTS; s++) {
        for (size_t p = 0; p < PROMISES; p++, n++) {
            snprintf(names[n], sizeof names[n], "%s: %s", subjects[s].name, promises[p].name);
            tests[n] = promises[p];
            tests[n].name = names[n];
            tests[n].initial_state = (void *)&subjects[s];
        }
    }
    memcpy(tests + n, singles, sizeof singles);
    return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
