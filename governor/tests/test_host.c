/* The host's memory on made-up trees: cgroup v2, v1, hidden limits, pressure, processes. */
#include "host_tree.h"

static struct gov_sample sample_of(const struct fixture *f, int64_t memory_limit, int64_t own)
{
    struct gov_device *device;
    struct gov_sample sample;
    assert_int_equal(open_host(f, memory_limit, &device), 0);
    assert_int_equal(gov_device_sample(device, 5, own, &sample), 0);
    gov_device_free(device);
    assert_int_equal(sample.used_bytes + sample.free_bytes, sample.total_bytes);
    return sample;
}

static void limited_by(const struct fixture *f, const char *text)
{
    struct gov_device *device;
    struct gov_device_info info;
    assert_int_equal(open_host(f, 0, &device), 0);
    gov_device_info(device, &info);
    assert_string_equal(info.limited_by, text);
    gov_device_free(device);
}

static void without_groups_the_machine_is_the_device(void **state)
{
    struct fixture *f = *state;
    struct gov_sample s = sample_of(f, 0, 3 * GIB);
    assert_int_equal(s.total_bytes, 16 * GIB);
    assert_int_equal(s.free_bytes, 12 * GIB);
    assert_int_equal(s.used_bytes, 4 * GIB);
    assert_int_equal(s.own_bytes, 3 * GIB);
    assert_int_equal(s.others_bytes, 1 * GIB);
    assert_int_equal(s.physical_bytes, 16 * GIB);
    assert_int_equal(s.at_us, 5);
    assert_false(s.valid & (GOV_SAMPLE_RESERVED | GOV_SAMPLE_STALL_SOME | GOV_SAMPLE_OOM_KILLS));
    limited_by(f, "");
    s = sample_of(f, 0, -1);
    assert_false(s.valid & (GOV_SAMPLE_OWN | GOV_SAMPLE_OTHERS));
}

static void old_kernels_without_memavailable_are_estimated(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/meminfo",
               "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 300 kB\n"
               "Shmem: 200 kB\n");
    assert_int_equal(sample_of(f, 0, -1).free_bytes, 250 * 1024);
}

static void broken_meminfo_is_an_error_and_not_a_guess(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {
        "",
        "MemTotal: kB\n",
        "MemTotal: -5 kB\nMemAvailable: 5 kB\n",
        "MemTotal: 0 kB\nMemAvailable: 0 kB\n",
        "MemTotal: 99999999999999999999999 kB\nMemAvailable: 5 kB\n",
        "MemTotal: 9223372036854775807 kB\nMemAvailable: 5 kB\n",
        "XMemTotal: 5 kB\n",
    };
    struct gov_device *device = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        tree_write(&f->tree, "proc/meminfo", texts[i]);
        assert_int_equal(open_host(f, 0, &device), GOV_E_FORMAT);
        assert_null(device);
    }
    snprintf(f->proc, sizeof f->proc, "%s/nowhere", f->tree.root);
    assert_int_equal(open_host(f, 0, &device), GOV_E_IO);
}

static void available_beyond_total_is_cut(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 200 kB\n");
    struct gov_sample s = sample_of(f, 0, -1);
    assert_int_equal(s.used_bytes, 0);
    assert_int_equal(s.free_bytes, 100 * 1024);
}

static void the_tightest_group_on_the_way_up_counts(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    struct gov_sample s = sample_of(f, 0, -1);
    assert_int_equal(s.total_bytes, 8 * GIB);
    /* 8 GiB less 6 GiB used, of which 0.5 + 1/2 GiB is cache that can be dropped. */
    assert_int_equal(s.free_bytes, 3 * GIB);
    assert_int_equal(s.physical_bytes, 16 * GIB);
    assert_true(s.valid & GOV_SAMPLE_OOM_KILLS);
    assert_int_equal(s.oom_kills, 3);
    limited_by(f, "memory.max of cgroup /a");
}

static void memory_high_is_a_limit_too(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    tree_write(&f->tree, "cgroup/a/b/memory.high", "2147483648\n");
    struct gov_sample s = sample_of(f, 0, -1);
    assert_int_equal(s.total_bytes, 2 * GIB);
    assert_int_equal(s.free_bytes, 1 * GIB);
    limited_by(f, "memory.high of cgroup /a/b");
}

static void a_full_machine_is_noticed_inside_a_roomy_group(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    tree_write(&f->tree, "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n");
    struct gov_sample s = sample_of(f, 0, 2 * GIB);
    assert_int_equal(s.total_bytes, 8 * GIB);
    assert_int_equal(s.free_bytes, 1 * GIB);
    assert_int_equal(s.others_bytes, 5 * GIB);
}

static void groups_that_allow_more_than_the_machine_are_no_limit(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/self/cgroup", "0::/a\n");
    tree_write(&f->tree, "cgroup/cgroup.controllers", "memory\n");
    tree_write(&f->tree, "cgroup/a/memory.max", "999999999999999\n");
    tree_write(&f->tree, "cgroup/a/memory.high", "garbage\n");
    assert_int_equal(sample_of(f, 0, -1).total_bytes, 16 * GIB);
    limited_by(f, "");
}

static void a_group_over_its_limit_has_nothing_free(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    tree_write(&f->tree, "cgroup/a/memory.current", "99999999999\n");
    struct gov_sample s = sample_of(f, 0, -1);
    assert_int_equal(s.free_bytes, 0);
    assert_int_equal(s.used_bytes, 8 * GIB);
}

static void a_container_without_a_namespace_finds_its_group_in_what_it_sees(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/self/cgroup", "0::/docker/0123/inner\n");
    tree_write(&f->tree, "cgroup/cgroup.controllers", "memory\n");
    tree_write(&f->tree, "cgroup/memory.max", "4294967296\n"); /* the mount is /docker/0123 */
    tree_write(&f->tree, "cgroup/memory.current", "0\n");
    tree_write(&f->tree, "cgroup/inner/memory.max", "3221225472\n");
    tree_write(&f->tree, "cgroup/inner/memory.current", "0\n");
    assert_int_equal(sample_of(f, 0, -1).total_bytes, 3 * GIB);
    tree_write(&f->tree, "proc/self/cgroup", "0::/elsewhere\n");
    assert_int_equal(sample_of(f, 0, -1).total_bytes, 4 * GIB);
    tree_write(&f->tree, "proc/self/cgroup", "0::/../inner\n");
    assert_int_equal(sample_of(f, 0, -1).total_bytes, 4 * GIB);
}

/* Hybrid: v2 is mounted without a memory controller, v1 has it. */
static void version_one_and_its_hidden_limits_are_respected(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/self/cgroup",
               "9:name=systemd:/x\n4:cpu,memory:/job/7\n1:cpuset:/y\n0::/z\n");
    tree_write(&f->tree, "cgroup/unified/cgroup.controllers", "cpu io\n");
    tree_write(&f->tree, "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    tree_write(&f->tree, "cgroup/memory/memory.usage_in_bytes", "5368709120\n");
    tree_write(&f->tree, "cgroup/memory/memory.stat", "inactive_file 7\n");
    tree_write(&f->tree, "cgroup/memory/job/memory.limit_in_bytes", "7516192768\n");
    tree_write(&f->tree, "cgroup/memory/job/memory.usage_in_bytes", "3221225472\n");
    tree_write(&f->tree, "cgroup/memory/job/memory.stat",
               "total_inactive_file 1073741824\ntotal_active_file 0\n");
    tree_write(&f->tree, "cgroup/memory/job/7/memory.limit_in_bytes", "9223372036854771712\n");
    tree_write(&f->tree, "cgroup/memory/job/7/memory.oom_control", "under_oom 0\noom_kill 4\n");
    struct gov_sample s = sample_of(f, 0, -1);
    assert_int_equal(s.total_bytes, 7 * GIB);
    assert_int_equal(s.free_bytes, 5 * GIB);
    assert_int_equal(s.oom_kills, 4);
    limited_by(f, "memory.limit_in_bytes of cgroup /job");

    /* A parent outside of what is mounted is smaller still; its use is known at the mount only. */
    tree_write(&f->tree, "cgroup/memory/job/7/memory.stat",
               "hierarchical_memory_limit 6442450944\n");
    s = sample_of(f, 0, -1);
    assert_int_equal(s.total_bytes, 6 * GIB);
    assert_int_equal(s.free_bytes, 1 * GIB);
    limited_by(f, "hierarchical_memory_limit of cgroup /");
}

static void hostile_group_files_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char *const groups[] = {
        "",           "0\n",        "0:\n",     "0::\n",       "0::relative\n", "::::\n",
        "0::/a\0b\n", "\n\n\n0::/", "4:memory", "4:memory:/x", "0:://///\n",
    };
    char huge[9000];
    memset(huge, 'a', sizeof huge);
    memcpy(huge, "0::/", 4);
    huge[sizeof huge - 1] = 0;
    tree_write(&f->tree, "cgroup/cgroup.controllers", "memory\n");
    tree_write(&f->tree, "cgroup/memory.max", "99999999999999999999999999999\n");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        tree_write(&f->tree, "proc/self/cgroup", groups[i]);
        assert_int_equal(sample_of(f, 0, -1).total_bytes, 16 * GIB);
    }
    tree_write(&f->tree, "proc/self/cgroup", huge);
    assert_int_equal(sample_of(f, 0, -1).total_bytes, 16 * GIB);
    char name[64];
    memset(huge, '/', sizeof huge - 1);
    memcpy(huge, "0::/", 4);
    tree_write(&f->tree, "proc/self/cgroup", huge);
    sample_of(f, 0, -1);
    snprintf(name, sizeof name, "%s", "cgroup/memory.max");
    tree_write(&f->tree, name, "-5\n");
    sample_of(f, 0, -1);
}

static void stall_of_our_own_group_comes_before_the_machines(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/pressure/memory",
               "some avg10=12.50 avg60=1.00 avg300=0.10 total=5\n"
               "full avg10=3.07 avg60=0.00 avg300=0.00 total=1\n");
    struct gov_sample s = sample_of(f, 0, -1);
    assert_true(s.valid & GOV_SAMPLE_STALL_SOME);
    assert_true(s.valid & GOV_SAMPLE_STALL_FULL);
    assert_true(s.stall_some_percent > 12.499 && s.stall_some_percent < 12.501);
    assert_true(s.stall_full_percent > 3.069 && s.stall_full_percent < 3.071);
    make_v2(f);
    tree_write(&f->tree, "cgroup/a/b/memory.pressure", "some avg10=99.00 avg60=0 total=0\n");
    s = sample_of(f, 0, -1);
    assert_true(s.stall_some_percent == 99);
    assert_false(s.valid & GOV_SAMPLE_STALL_FULL);
    tree_write(&f->tree, "cgroup/a/b/memory.pressure", "some avg10=999999999999\nfull avg10=x\n");
    s = sample_of(f, 0, -1);
    assert_false(s.valid & (GOV_SAMPLE_STALL_SOME | GOV_SAMPLE_STALL_FULL));
}

static void a_memory_limit_is_a_pool_for_us_alone(void **state)
{
    struct fixture *f = *state; /* 16 GiB, 12 free; we use 1, neighbours 3 */
    struct gov_sample s = sample_of(f, 4 * GIB, 1 * GIB);
    assert_int_equal(s.total_bytes, 4 * GIB);
    assert_int_equal(s.free_bytes, 3 * GIB);
    assert_int_equal(s.used_bytes, 1 * GIB);
    assert_int_equal(s.others_bytes, 0);
    assert_int_equal(s.physical_bytes, 16 * GIB);
    /* Neighbours count as soon as the machine itself is short. */
    tree_write(&f->tree, "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n");
    s = sample_of(f, 4 * GIB, 1 * GIB);
    assert_int_equal(s.free_bytes, 1 * GIB);
    assert_int_equal(s.others_bytes, 2 * GIB);
    /* Beyond the limit nothing is free; a limit above the machine changes nothing. */
    assert_int_equal(sample_of(f, 4 * GIB, 9 * GIB).free_bytes, 0);
    assert_int_equal(sample_of(f, 99 * GIB, 0).total_bytes, 16 * GIB);
}

static void processes_count_with_their_descendants_and_each_once(void **state)
{
    struct fixture *f = *state;
    write_process(f, 10, 1000, 100, 5000, "11 20 ");
    write_process(f, 11, 10, 0, 0, "12 ");
    write_process(f, 12, 20, 0, 0, "10 12 "); /* a loop that cannot be, but must not hang */
    write_process(f, 20, 500, 0, 7, "");
    tree_write(&f->tree, "proc/10/task/99/children", "13 ");
    write_process(f, 13, 40, 0, 0, "");
    struct gov_device *device;
    assert_int_equal(open_host(f, 0, &device), 0);
    struct gov_process p[3] = {{.pid = 10}, {.pid = 20}, {.pid = 4711}};
    assert_int_equal(gov_device_processes(device, true, p, 3), 0);
    assert_int_equal(p[0].used_bytes, (1000 + 100 + 10 + 20 + 40) * 1024);
    assert_int_equal(p[0].file_bytes, 5000 * 1024);
    assert_int_equal(p[0].rss_bytes, (6100 + 10 + 20 + 40) * 1024);
    assert_int_equal(p[0].peak_bytes, 2 * (6100 + 10 + 20 + 40) * 1024);
    assert_int_equal(p[1].used_bytes, 500 * 1024);
    assert_int_equal(p[2].valid, 0);
    assert_int_equal(gov_device_processes(device, false, p, 1), 0);
    assert_int_equal(p[0].used_bytes, 1100 * 1024);
    gov_device_free(device);
}

static void zombies_and_broken_status_files_use_nothing(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/5/status", "Name:\tzombie\nState:\tZ (zombie)\n");
    tree_write(&f->tree, "proc/6/status", "VmRSS:\t99999999999999999999 kB\n");
    tree_write(&f->tree, "proc/7/status", "VmRSS:\t64 kB\n"); /* before Linux 4.5 */
    struct gov_device *device;
    assert_int_equal(open_host(f, 0, &device), 0);
    struct gov_process p[3] = {{.pid = 5}, {.pid = 6}, {.pid = 7}};
    assert_int_equal(gov_device_processes(device, true, p, 3), 0);
    assert_int_equal(p[0].valid, 0);
    assert_int_equal(p[1].valid, 0);
    assert_int_equal(p[2].valid, GOV_PROCESS_USED | GOV_PROCESS_RSS);
    assert_int_equal(p[2].used_bytes, 64 * 1024);
    p[0].pid = 0;
    assert_int_equal(gov_device_processes(device, true, p, 1), GOV_E_INVALID);
    gov_device_free(device);
}

static void the_real_machine_gives_a_reading_that_adds_up(void **state)
{
    (void)state;
    struct gov_device *device;
    struct gov_sample s;
    assert_int_equal(gov_device_open("host", NULL, &device), 0);
    struct gov_process self = {.pid = getpid()};
    assert_int_equal(gov_device_processes(device, true, &self, 1), 0);
    assert_true(self.valid & GOV_PROCESS_USED && self.used_bytes > 0);
    assert_true(self.used_bytes <= self.rss_bytes);
    assert_int_equal(gov_device_sample(device, 1, self.used_bytes, &s), 0);
    assert_true(s.total_bytes > 64 * MIB && s.total_bytes <= s.physical_bytes);
    assert_true(s.used_bytes >= 0 && s.free_bytes >= 0);
    assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
    gov_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(without_groups_the_machine_is_the_device),
        TEST(old_kernels_without_memavailable_are_estimated),
        TEST(broken_meminfo_is_an_error_and_not_a_guess),
        TEST(available_beyond_total_is_cut),
        TEST(the_tightest_group_on_the_way_up_counts),
        TEST(memory_high_is_a_limit_too),
        TEST(a_full_machine_is_noticed_inside_a_roomy_group),
        TEST(groups_that_allow_more_than_the_machine_are_no_limit),
        TEST(a_group_over_its_limit_has_nothing_free),
        TEST(a_container_without_a_namespace_finds_its_group_in_what_it_sees),
        TEST(version_one_and_its_hidden_limits_are_respected),
        TEST(hostile_group_files_do_no_harm),
        TEST(stall_of_our_own_group_comes_before_the_machines),
        TEST(a_memory_limit_is_a_pool_for_us_alone),
        TEST(processes_count_with_their_descendants_and_each_once),
        TEST(zombies_and_broken_status_files_use_nothing),
        cmocka_unit_test(the_real_machine_gives_a_reading_that_adds_up),
    };
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
