/* The host read again and again through descriptors that stay open: what changes behind them. */
#include "host_tree.h"
#include "descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>

#define SECOND INT64_C(1000000)

static struct gov_device *open_device(const struct fixture *f)
{
    struct gov_device *device;
    assert_int_equal(open_host(f, 0, &device), 0);
    return device;
}

static struct gov_sample sample_at(struct gov_device *device, int64_t now_us)
{
    struct gov_sample s;
    assert_int_equal(gov_device_sample(device, now_us, -1, &s), 0);
    assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
    return s;
}

static int64_t used_by(struct gov_device *device, int64_t pid)
{
    struct gov_process p = {.pid = pid};
    assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    return p.valid & GOV_PROCESS_USED ? p.used_bytes / 1024 : -1;
}

static void every_reading_is_new(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    tree_write(&f->tree, "cgroup/a/b/memory.pressure", "some avg10=1.00\nfull avg10=0.00\n");
    write_process(f, 10, 100, 0, 0, "");
    struct gov_device *device = open_device(f);
    for (int64_t i = 1; i < 50; i++) {
        char text[96];
        snprintf(text, sizeof text, "%lld\n", (long long)(i * 100 * MIB));
        tree_write(&f->tree, "cgroup/a/memory.current", text);
        snprintf(text, sizeof text, "low 0\noom_kill %d\n", (int)i);
        tree_write(&f->tree, "cgroup/a/b/memory.events", text);
        snprintf(text, sizeof text, "some avg10=%d.00\nfull avg10=0.00\n", (int)i);
        tree_write(&f->tree, "cgroup/a/b/memory.pressure", text);
        write_process(f, 10, (int)i, 0, 0, "");
        struct gov_sample s = sample_at(device, i); /* microseconds apart: nothing is looked for */
        int64_t cache = GIB;                        /* half a GiB inactive, half of one active */
        assert_int_equal(s.used_bytes, i * 100 * MIB > cache ? i * 100 * MIB - cache : 0);
        assert_int_equal(s.oom_kills, i);
        assert_true(s.stall_some_percent == (double)i);
        assert_int_equal(used_by(device, 10), i);
    }
    tree_write(&f->tree, "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 1048576 kB\n");
    assert_int_equal(sample_at(device, 60).free_bytes, GIB);
    tree_write(&f->tree, "cgroup/a/memory.max", "6442450944\n");
    assert_int_equal(sample_at(device, 61).total_bytes, 6 * GIB);
    gov_device_free(device);
}

static void limits_that_appear_are_seen_within_a_second_of_the_callers_clock(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    struct gov_device *device = open_device(f);
    assert_int_equal(sample_at(device, 5 * SECOND).total_bytes, 8 * GIB);
    tree_write(&f->tree, "cgroup/a/b/memory.high", "2147483648\n"); /* there was no such file */
    tree_write(&f->tree, "proc/pressure/memory", "some avg10=7.00\n");
    sample_at(device, 5 * SECOND + SECOND / 2);
    struct gov_sample s = sample_at(device, 6 * SECOND);
    assert_int_equal(s.total_bytes, 2 * GIB);
    assert_true(s.valid & GOV_SAMPLE_STALL_SOME);
    assert_true(s.stall_some_percent == 7);
    gov_device_free(device);
}

static void without_a_clock_all_is_looked_for_every_time(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    struct gov_device *device = open_device(f);
    sample_at(device, 0);
    tree_write(&f->tree, "cgroup/a/b/memory.high", "2147483648\n");
    assert_int_equal(sample_at(device, 0).total_bytes, 2 * GIB);
    tree_remove(&f->tree, "cgroup/a/b/memory.high");
    assert_int_equal(sample_at(device, 0).total_bytes, 8 * GIB);
    write_process(f, 10, 1, 0, 0, "");
    assert_int_equal(used_by(device, 10), 1);
    write_process(f, 11, 2, 0, 0, "");
    write_process(f, 10, 1, 0, 0, "11 ");
    assert_int_equal(used_by(device, 10), 3);
    gov_device_free(device);
}

static void groups_that_vanish_limit_no_longer(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    struct gov_device *device = open_device(f);
    assert_int_equal(sample_at(device, 1).total_bytes, 8 * GIB);
    static const char *const files[] = {
        "cgroup/a/memory.max",    "cgroup/a/memory.high",     "cgroup/a/memory.current",
        "cgroup/a/memory.stat",   "cgroup/a/b/memory.max",    "cgroup/a/b/memory.current",
        "cgroup/a/b/memory.stat", "cgroup/a/b/memory.events",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        tree_remove(&f->tree, files[i]);
        sample_at(device, 2 + (int64_t)i);
    }
    struct gov_sample s = sample_at(device, 20);
    assert_int_equal(s.total_bytes, 16 * GIB);
    assert_false(s.valid & GOV_SAMPLE_OOM_KILLS);
    make_v2(f); /* and are back */
    s = sample_at(device, 2 * SECOND);
    assert_int_equal(s.total_bytes, 8 * GIB);
    assert_int_equal(s.free_bytes, 3 * GIB);
    assert_int_equal(s.oom_kills, 3);
    gov_device_free(device);
}

static void a_move_to_another_group_is_noticed(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    tree_write(&f->tree, "cgroup/roomy/memory.max", "max\n");
    tree_write(&f->tree, "cgroup/tight/memory.max", "1073741824\n");
    tree_write(&f->tree, "cgroup/tight/memory.current", "0\n");
    struct gov_device *device = open_device(f);
    assert_int_equal(sample_at(device, 1).total_bytes, 8 * GIB);
    tree_write(&f->tree, "proc/self/cgroup", "0::/roomy\n");
    assert_int_equal(sample_at(device, 1 + SECOND).total_bytes, 16 * GIB);
    tree_write(&f->tree, "proc/self/cgroup", "0::/tight\n");
    assert_int_equal(sample_at(device, 1 + 2 * SECOND).total_bytes, 1 * GIB);
    size_t before = open_descriptors();
    for (int64_t i = 3; i < 40; i++) {
        tree_write(&f->tree, "proc/self/cgroup", i % 2 ? "0::/roomy\n" : "0::/tight\n");
        assert_int_equal(sample_at(device, 1 + i * SECOND).total_bytes, i % 2 ? 16 * GIB : GIB);
    }
    tree_write(&f->tree, "proc/self/cgroup", "0::/tight\n");
    sample_at(device, 50 * SECOND);
    assert_int_equal(open_descriptors(), before);
    gov_device_free(device);
}

static void a_hidden_limit_that_changes_is_seen_within_a_second(void **state)
{
    struct fixture *f = *state;
    tree_write(&f->tree, "proc/self/cgroup", "4:memory:/\n");
    tree_write(&f->tree, "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    tree_write(&f->tree, "cgroup/memory/memory.usage_in_bytes", "1073741824\n");
    tree_write(&f->tree, "cgroup/memory/memory.stat", "hierarchical_memory_limit 4294967296\n");
    struct gov_device *device = open_device(f);
    assert_int_equal(sample_at(device, SECOND).free_bytes, 3 * GIB);
    tree_write(&f->tree, "cgroup/memory/memory.stat", "hierarchical_memory_limit 3221225472\n");
    tree_write(&f->tree, "cgroup/memory/memory.usage_in_bytes", "2147483648\n");
    /* What it uses is read every time, what it may use once a second. */
    assert_int_equal(sample_at(device, SECOND + 100).free_bytes, 2 * GIB);
    assert_int_equal(sample_at(device, 2 * SECOND).free_bytes, 1 * GIB);
    assert_int_equal(sample_at(device, 2 * SECOND).total_bytes, 3 * GIB);
    gov_device_free(device);
}

static void descendants_are_looked_for_once_a_second(void **state)
{
    struct fixture *f = *state;
    write_process(f, 10, 1, 0, 0, "11 ");
    write_process(f, 11, 2, 0, 0, "");
    write_process(f, 12, 4, 0, 0, "");
    write_process(f, 20, 8, 0, 0, "");
    struct gov_device *device = open_device(f);
    sample_at(device, 10 * SECOND);
    assert_int_equal(used_by(device, 10), 3);
    sample_at(device, 10 * SECOND + 1);
    write_process(f, 11, 102, 0, 0, "12 ");
    assert_int_equal(used_by(device, 10), 103); /* its use is new, its child not yet known */
    sample_at(device, 11 * SECOND - 1);
    assert_int_equal(used_by(device, 10), 103);
    sample_at(device, 11 * SECOND);
    assert_int_equal(used_by(device, 10), 107);
    /* Other processes are named: who descends from whom is looked up at once. */
    write_process(f, 12, 4, 0, 0, "20 ");
    sample_at(device, 11 * SECOND + 1);
    struct gov_process p[2] = {{.pid = 10}, {.pid = 12}};
    assert_int_equal(gov_device_processes(device, true, p, 2), 0);
    assert_int_equal(p[0].used_bytes / 1024, 103);
    assert_int_equal(p[1].used_bytes / 1024, 12);
    /* And when the clock runs backwards, nothing can be said about age. */
    write_process(f, 12, 4, 0, 0, "");
    sample_at(device, 5 * SECOND);
    assert_int_equal(gov_device_processes(device, true, p, 2), 0);
    assert_int_equal(p[1].used_bytes / 1024, 4);
    gov_device_free(device);
}

static void a_remembered_descendants_number_may_go_to_a_stranger(void **state)
{
    struct fixture *f = *state;
    write_process(f, 10, 1, 0, 0, "11 ");
    write_process(f, 11, 2, 0, 0, "");
    struct gov_device *device = open_device(f);
    sample_at(device, 10 * SECOND);
    assert_int_equal(used_by(device, 10), 3);
    tree_remove(&f->tree, "proc/11/status");
    write_process(f, 11, 1000, 0, 0, ""); /* a stranger, nobody's child here */
    write_process(f, 10, 1, 0, 0, "");
    for (int64_t i = 1; i < 20; i++) {
        sample_at(device, 10 * SECOND + i * 100000);
        assert_int_equal(used_by(device, 10), 1);
    }
    gov_device_free(device);
}

static void a_named_number_is_whoever_has_it(void **state)
{
    struct fixture *f = *state;
    write_process(f, 10, 1, 0, 0, "");
    struct gov_device *device = open_device(f);
    sample_at(device, 1);
    assert_int_equal(used_by(device, 10), 1);
    tree_remove(&f->tree, "proc/10/status");
    assert_int_equal(used_by(device, 10), -1);
    write_process(f, 10, 77, 0, 0, "");
    assert_int_equal(used_by(device, 10), 77);
    tree_write(&f->tree, "proc/10/status", "Name:\tx\nState:\tZ (zombie)\n");
    assert_int_equal(used_by(device, 10), -1);
    gov_device_free(device);
}

static void more_processes_than_are_kept_open_are_all_read(void **state)
{
    enum { MANY = 300 };
    struct fixture *f = *state;
    struct gov_process p[MANY];
    for (int i = 0; i < MANY; i++)
        write_process(f, 100 + i, 1 + i, 0, 0, "");
    struct gov_device *device = open_device(f);
    size_t before = open_descriptors();
    for (int round = 1; round <= 3; round++) {
        sample_at(device, round * 100000);
        for (int i = 0; i < MANY; i++)
            p[i] = (struct gov_process){.pid = 100 + i};
        assert_int_equal(gov_device_processes(device, true, p, MANY), 0);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(p[i].used_bytes / 1024, 1 + i);
        assert_true(open_descriptors() <= before + 70);
    }
    for (int round = 0; round < 20; round++) /* nobody asks for them any more */
        used_by(device, 100);
    assert_true(open_descriptors() <= before + 2);
    size_t count;
    assert_int_equal(gov_device_list_processes(device, p, MANY, &count), 0);
    assert_int_equal(count, MANY);
    assert_int_equal(p[0].pid, 100 + MANY - 1);
    gov_device_free(device);
}

static void a_deep_tree_of_groups_is_read_to_its_top(void **state)
{
    struct fixture *f = *state;
    char group[512] = "0::", path[600] = "cgroup";
    for (int i = 0; i < 40; i++) {
        size_t folder = strlen(strcat(path, "/g"));
        strcat(group, "/g");
        strcat(path, "/memory.max");
        tree_write(&f->tree, path, i == 0 ? "2147483648\n" : i == 39 ? "8589934592\n" : "max\n");
        path[folder] = 0;
    }
    strcat(group, "\n");
    tree_write(&f->tree, "cgroup/cgroup.controllers", "memory\n");
    tree_write(&f->tree, "cgroup/g/memory.current", "1073741824\n");
    tree_write(&f->tree, "proc/self/cgroup", group);
    size_t before = open_descriptors();
    struct gov_device *device = open_device(f);
    for (int64_t i = 1; i < 30; i++) {
        struct gov_sample s = sample_at(device, i * 300000);
        assert_int_equal(s.total_bytes, 2 * GIB);
        assert_int_equal(s.free_bytes, 1 * GIB);
        assert_true(open_descriptors() < before + 25); /* but not all of it stays open */
    }
    gov_device_free(device);
    assert_int_equal(open_descriptors(), before);
}

/* An application that closes "all" descriptors, and whose next file gets one of their numbers. */
static void descriptors_taken_from_under_it_do_no_harm(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    write_process(f, 10, 5, 0, 0, "");
    int first = open("/dev/null", O_RDONLY);
    struct gov_device *device = open_device(f);
    sample_at(device, SECOND);
    assert_int_equal(used_by(device, 10), 5);
    int last = open("/dev/null", O_RDONLY);
    assert_true(last > first + 3);
    for (int fd = first; fd <= last; fd++)
        close(fd);
    struct gov_sample s = sample_at(device, SECOND + 1);
    assert_int_equal(s.total_bytes, 8 * GIB);
    assert_int_equal(s.free_bytes, 3 * GIB);
    assert_int_equal(used_by(device, 10), 5);

    for (int fd = first; fd <= last + 8; fd++)
        close(fd);
    char path[128];
    snprintf(path, sizeof path, "%s/proc/meminfo", f->tree.root);
    int strangers[16];
    tree_write(&f->tree, "other", "MemTotal: nonsense\n1 2 3\n");
    snprintf(path, sizeof path, "%s/other", f->tree.root);
    for (int i = 0; i < 16; i++)
        assert_true((strangers[i] = open(path, O_RDONLY)) >= 0);
    s = sample_at(device, 3 * SECOND);
    assert_int_equal(s.total_bytes, 8 * GIB);
    assert_int_equal(s.free_bytes, 3 * GIB);
    assert_int_equal(used_by(device, 10), 5);
    gov_device_free(device);
    for (int i = 0; i < 16; i++) /* none of them was closed as its own */
        assert_int_equal(close(strangers[i]), 0);
}

static void a_real_process_that_ends_is_gone_at_the_next_call(void **state)
{
    (void)state;
    struct gov_device *device;
    int hold[2];
    char byte;
    assert_int_equal(gov_device_open("host", NULL, &device), 0);
    assert_int_equal(pipe(hold), 0);
    pid_t pid = fork();
    if (!pid) {
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(hold[0]);
    sample_at(device, SECOND);
    assert_true(used_by(device, pid) > 0);
    assert_true(used_by(device, getpid()) > used_by(device, pid)); /* with its child */
    sample_at(device, SECOND + 1);
    close(hold[1]);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(used_by(device, pid), -1); /* a zombie */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(used_by(device, pid), -1);
    assert_true(used_by(device, getpid()) > 0);
    gov_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(every_reading_is_new),
        TEST(limits_that_appear_are_seen_within_a_second_of_the_callers_clock),
        TEST(without_a_clock_all_is_looked_for_every_time),
        TEST(groups_that_vanish_limit_no_longer),
        TEST(a_move_to_another_group_is_noticed),
        TEST(a_hidden_limit_that_changes_is_seen_within_a_second),
        TEST(descendants_are_looked_for_once_a_second),
        TEST(a_remembered_descendants_number_may_go_to_a_stranger),
        TEST(a_named_number_is_whoever_has_it),
        TEST(more_processes_than_are_kept_open_are_all_read),
        TEST(a_deep_tree_of_groups_is_read_to_its_top),
        TEST(descriptors_taken_from_under_it_do_no_harm),
        cmocka_unit_test(a_real_process_that_ends_is_gone_at_the_next_call),
    };
    return cmocka_run_group_tests_name("host_kept", tests, NULL, NULL);
}
