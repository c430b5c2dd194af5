/*
 * Faults below the governor. A sweep: the n-th call of the simulated device fails, n = 1, 2, 3 ...
 * until a whole run passes without; once and for ever, with each kind of error. After each, errors
 * are the ones that were put in, sums agree, and all works again. And a host whose files cannot
 * be opened, are something else than files, or are endless.
 */
#include "host_tree.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gov/governor.h>

enum { JOBS = 6 };

struct run {
    struct gov_device *device;
    struct gov_governor *governor;
    int injected; /* the error put in */
    int64_t now_us;
    int done;   /* jobs that ran to their end */
    int failed; /* calls that said the error */
};

/* True when it worked; else it said what was put in and nothing else. */
static bool worked(struct run *run, int error)
{
    if (!error)
        return true;
    assert_int_equal(error, run->injected);
    run->failed++;
    return false;
}

static void sample(struct run *run)
{
    struct gov_sample s = {.total_bytes = 17};
    if (!worked(run, gov_governor_sample(run->governor, run->now_us += 100000, &s)))
        assert_int_equal(s.total_bytes, 17);
    assert_true(gov_governor_is_valid(run->governor));
    assert_true(gov_sim_is_valid(run->device));
}

/* One job as the engine would run it: read, ask, start, use, end, give back. */
static void run_job(struct run *run, int64_t pid)
{
    struct gov_request request = {
        .owner = "movie", .stage = "shots", .predicted_bytes = GOV_GB, .pid = pid};
    struct gov_admission admission;
    struct gov_lease lease;
    sample(run);
    assert_int_equal(gov_governor_admit(run->governor, &request, &admission), 0);
    if (admission.verdict != GOV_GRANTED)
        return; /* nothing was ever read: there is no room anyone knows of */
    bool took = worked(run, gov_sim_take(run->device, run->now_us, pid, 800 * GOV_MB));
    sample(run);
    assert_int_equal(gov_governor_release(run->governor, admission.lease_id, &lease), 0);
    if (took) {
        int error = gov_sim_give(run->device, pid, -1);
        assert_int_equal(error, 0);
        run->done++;
    }
    sample(run);
}

static void begin_run(struct run *run, int injected)
{
    static const struct gov_sim_neighbour neighbour = {
        .at_us = 300000, .bytes = GOV_GB, .shape = GOV_SIM_SAW, .period_us = 400000};
    struct gov_device_params params = {
        .sim = {.neighbours = &neighbour, .neighbour_count = 1, .lag_us = 50000}};
    *run = (struct run){.injected = injected};
    assert_int_equal(gov_device_open("sim:rtx3060", &params, &run->device), 0);
    assert_int_equal(gov_governor_new(&gov_config_default, run->device, NULL, &run->governor), 0);
}

static void end_run(struct run *run)
{
    struct gov_status status;
    gov_governor_status(run->governor, &status);
    assert_int_equal(status.leases.now_bytes, 0);
    assert_int_equal(status.leases.now_count, 0);
    gov_governor_free(run->governor);
    gov_device_free(run->device);
}

/* How often it took until a run passed without the fault. */
static int64_t sweep(uint32_t calls, int64_t times, int error)
{
    for (int64_t n = 0;; n++) {
        struct run run;
        struct gov_sim_fault fault = {.calls = calls, .skip = n, .times = times, .error = error};
        assert_true(n < 1000);
        begin_run(&run, error);
        assert_int_equal(gov_sim_fail(run.device, &fault), 0);
        for (int64_t pid = 1; pid <= JOBS; pid++)
            run_job(&run, pid);
        int failed = run.failed, done = run.done;
        /* The fault is over: the next job runs whatever happened before. */
        assert_int_equal(gov_sim_fail(run.device, NULL), 0);
        run.done = 0;
        run_job(&run, 99);
        assert_int_equal(run.done, 1);
        assert_int_equal(run.failed, failed);
        end_run(&run);
        if (!failed) {
            assert_int_equal(done, JOBS);
            return n;
        }
        if (times ==
            1) /* one failed call costs one job at most, and only a take or a first reading */
            assert_true(done >= JOBS - 1);
    }
}

static void every_call_of_a_device_may_fail_once(void **state)
{
    (void)state;
    static const int errors[] = {GOV_E_IO, GOV_E_NOMEM, GOV_E_DEVICE_LOST, GOV_E_FORMAT};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        assert_int_equal(sweep(GOV_SIM_CALL_SAMPLE, 1, errors[i]), 3 * JOBS);
        assert_int_equal(sweep(GOV_SIM_CALL_PROCESSES, 1, errors[i]), 3 * JOBS);
        assert_int_equal(sweep(GOV_SIM_CALL_TAKE, 1, GOV_E_DEVICE_NOMEM), JOBS);
    }
}

static void every_call_of_a_device_may_be_the_last_that_works(void **state)
{
    (void)state;
    assert_int_equal(sweep(GOV_SIM_CALL_SAMPLE, -1, GOV_E_DEVICE_LOST), 3 * JOBS);
    assert_int_equal(sweep(GOV_SIM_CALL_PROCESSES, -1, GOV_E_IO), 3 * JOBS);
    assert_int_equal(sweep(GOV_SIM_CALL_TAKE, -1, GOV_E_DEVICE_NOMEM), JOBS);
    assert_true(sweep(~0u, -1, GOV_E_DEVICE_LOST) >= 7 * JOBS);
}

static void a_card_may_be_lost_at_any_moment(void **state)
{
    (void)state;
    for (int at = 1; at <= JOBS; at++) {
        struct run run;
        struct gov_sample s;
        begin_run(&run, GOV_E_DEVICE_LOST);
        for (int64_t pid = 1; pid <= JOBS; pid++) {
            if (pid == at)
                assert_int_equal(gov_sim_lose(run.device), 0);
            run_job(&run, pid);
        }
        assert_int_equal(run.done, at - 1);
        assert_int_equal(gov_governor_sample(run.governor, run.now_us, &s), GOV_E_DEVICE_LOST);
        struct gov_device_event event;
        assert_int_equal(gov_device_next_event(run.device, &event), 0);
        assert_int_equal(event.kind, GOV_DEVICE_EVENT_LOST);
        assert_int_equal(gov_sim_restore(run.device), 0);
        run.done = 0;
        run_job(&run, 50);
        assert_int_equal(run.done, 1);
        assert_int_equal(gov_device_next_event(run.device, &event), 0);
        assert_int_equal(event.kind, GOV_DEVICE_EVENT_RECOVERED);
        assert_int_equal(gov_device_next_event(run.device, &event), GOV_E_NOT_FOUND);
        end_run(&run);
    }
}

/* What is open goes on being read; what cannot be opened is unknown, and known again later. */
static void no_descriptors_left_is_not_the_end_of_a_host(void **state)
{
    struct fixture *f = *state;
    make_v2(f);
    write_process(f, 10, 5, 0, 0, "11 ");
    write_process(f, 11, 6, 0, 0, "");
    struct gov_device *device, *second = NULL;
    struct gov_sample s;
    assert_int_equal(open_host(f, 0, &device), 0);
    assert_int_equal(gov_device_sample(device, 1000000, 0, &s), 0);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0; /* nothing more can be opened; what is open stays */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct gov_process p = {.pid = 10};
    int opened = open_host(f, 0, &second);
    int listed = gov_device_processes(device, true, &p, 1);
    int sampled = gov_device_sample(device, 2000000, 0, &s);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(opened, GOV_E_IO);
    assert_null(second);
    assert_int_equal(listed, 0);
    assert_int_equal(p.valid, 0);
    assert_int_equal(sampled, 0);
    assert_int_equal(s.total_bytes, 8 * GIB);
    assert_int_equal(s.free_bytes, 3 * GIB);
    assert_int_equal(gov_device_sample(device, 3000000, 0, &s), 0);
    assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    assert_int_equal(p.used_bytes, 11 * 1024);
    gov_device_free(device);
}

static void replace_by(const struct fixture *f, const char *path, bool pipe)
{
    char full[200];
    snprintf(full, sizeof full, "%s/%s", f->tree.root, path);
    remove(full);
    assert_int_equal(pipe ? mkfifo(full, 0600) : mkdir(full, 0700), 0);
}

static void what_is_no_file_is_not_read_and_not_waited_for(void **state)
{
    static const char *const paths[] = {
        "cgroup/a/memory.max",  "cgroup/a/memory.current", "cgroup/a/b/memory.events",
        "cgroup/a/memory.stat", "cgroup/a/b/memory.max",   "proc/10/status",
        "proc/self/cgroup",
    };
    for (size_t i = 0; i < 2 * sizeof paths / sizeof paths[0]; i++) {
        struct fixture *f;
        struct gov_device *device;
        struct gov_sample s;
        setup((void **)&f);
        make_v2(f);
        write_process(f, 10, 5, 0, 0, "");
        replace_by(f, paths[i / 2], i % 2);
        assert_int_equal(open_host(f, 0, &device), 0);
        for (int64_t second = 1; second < 4; second++) {
            struct gov_process p = {.pid = 10};
            assert_int_equal(gov_device_sample(device, second * 1000000, 0, &s), 0);
            assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
            assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
        }
        gov_device_free(device);
        void *held = f;
        teardown(&held);
    }
    (void)state;
}

/* Cut at what the buffer holds; never more, never past its end. */
static void endless_files_are_cut(void **state)
{
    struct fixture *f = *state;
    enum { LARGE = 200000 };
    char *text = malloc(LARGE + 1);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = i % 64 == 63 ? '\n' : '7';
    text[LARGE] = 0;
    make_v2(f);
    static const char *const paths[] = {
        "cgroup/a/memory.max",      "cgroup/a/memory.current",    "cgroup/a/memory.stat",
        "cgroup/a/b/memory.events", "cgroup/a/b/memory.pressure", "proc/10/status",
        "proc/10/task/10/children", "proc/self/cgroup",           "proc/pressure/memory",
    };
    struct gov_device *device;
    struct gov_sample s;
    assert_int_equal(open_host(f, 0, &device), 0);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        tree_write(&f->tree, paths[i], text);
        struct gov_process p = {.pid = 10};
        assert_int_equal(gov_device_sample(device, ((int64_t)i + 2) * 1000000, 0, &s), 0);
        assert_int_equal(s.used_bytes + s.free_bytes, s.total_bytes);
        assert_int_equal(gov_device_processes(device, true, &p, 1), 0);
    }
    tree_write(&f->tree, "proc/meminfo", text);
    assert_int_equal(gov_device_sample(device, 90000000, 0, &s), GOV_E_FORMAT);
    tree_write(&f->tree, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 10 kB\n");
    assert_int_equal(gov_device_sample(device, 91000000, 0, &s), 0);
    gov_device_free(device);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_of_a_device_may_fail_once),
        cmocka_unit_test(every_call_of_a_device_may_be_the_last_that_works),
        cmocka_unit_test(a_card_may_be_lost_at_any_moment),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(no_descriptors_left_is_not_the_end_of_a_host),
        cmocka_unit_test(what_is_no_file_is_not_read_and_not_waited_for),
        TEST(endless_files_are_cut),
    };
    return cmocka_run_group_tests_name("device_faults", tests, NULL, NULL);
}
