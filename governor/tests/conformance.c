/*
 * The suite. It knows devices by their public interface only, and time by its own counter, which
 * each step moves past whatever a backend keeps between readings (process_interval_us).
 */
#include "conformance.h"
#include "descriptors.h"

#include <dirent.h>
#include <unistd.h>

#define KNOWN      (GOV_SAMPLE_TOTAL | GOV_SAMPLE_USED | GOV_SAMPLE_FREE)
#define ABSENT_PID (INT32_MAX - 7)

struct session {
    const struct conformance_backend *backend;
    struct gov_device *device;
    int64_t now_us;
    int64_t step_us;
};

static void begin(const struct conformance_backend *backend, int64_t limit, struct session *s)
{
    struct gov_device_info info;
    *s = (struct session){.backend = backend, .now_us = 1000000};
    assert_int_equal(backend->open(backend->context, limit, &s->device), 0);
    assert_non_null(s->device);
    gov_device_info(s->device, &info);
    assert_true(info.process_interval_us >= 0);
    s->step_us = info.process_interval_us + 100000;
}

static void end(struct session *s)
{
    gov_device_free(s->device);
    if (s->backend->reset)
        s->backend->reset(s->backend->context);
}

static void check_sample(const struct gov_sample *s)
{
    assert_int_equal(s->valid & KNOWN, KNOWN);
    assert_true(s->total_bytes > 0 && s->used_bytes >= 0 && s->free_bytes >= 0);
    assert_int_equal(s->used_bytes + s->free_bytes, s->total_bytes);
    if (s->valid & GOV_SAMPLE_RESERVED)
        assert_true(s->reserved_bytes >= 0 && s->reserved_bytes <= s->total_bytes);
    if (s->valid & GOV_SAMPLE_OTHERS)
        assert_true(s->others_bytes >= 0 && s->others_bytes <= s->used_bytes);
    if (s->valid & GOV_SAMPLE_LARGEST_FREE)
        assert_true(s->largest_free_bytes >= 0 && s->largest_free_bytes <= s->free_bytes);
    if (s->valid & GOV_SAMPLE_PHYSICAL)
        assert_true(s->physical_bytes >= s->total_bytes);
    if (s->valid & GOV_SAMPLE_STALL_SOME)
        assert_true(s->stall_some_percent >= 0 && s->stall_some_percent <= 100);
    if (s->valid & GOV_SAMPLE_STALL_FULL)
        assert_true(s->stall_full_percent >= 0 && s->stall_full_percent <= 100);
    double percent = gov_sample_used_percent(s);
    assert_true(percent >= 0 && percent <= 100);
}

static struct gov_sample sample(struct session *s, int64_t own_bytes)
{
    struct gov_sample reading;
    s->now_us += s->step_us;
    assert_int_equal(gov_device_sample(s->device, s->now_us, own_bytes, &reading), 0);
    assert_int_equal(reading.at_us, s->now_us);
    check_sample(&reading);
    return reading;
}

static struct gov_process process_of(struct session *s, int64_t pid)
{
    struct gov_process p = {.pid = pid};
    assert_int_equal(gov_device_processes(s->device, true, &p, 1), 0);
    assert_int_equal(p.pid, pid);
    return p;
}

static int64_t take(struct session *s)
{
    int64_t pid = -1;
    const struct conformance_backend *b = s->backend;
    assert_int_equal(b->take(b->context, s->device, s->now_us, b->take_bytes, &pid), 0);
    assert_true(pid > 0);
    return pid;
}

static void give(struct session *s, int64_t pid)
{
    s->backend->give(s->backend->context, s->device, pid);
    s->now_us += s->backend->settle_us;
}

static void near(const struct session *s, int64_t measured, int64_t expected)
{
    int64_t off = measured - expected;
    if (off > s->backend->slack_bytes || off < -s->backend->slack_bytes)
        fail_msg("%lld measured, %lld expected", (long long)measured, (long long)expected);
}

static void a_reading_is_known_and_adds_up(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    for (int i = 0; i < 20; i++) {
        struct gov_sample r = sample(&s, i % 2 ? 0 : -1);
        if (b->total_bytes)
            assert_int_equal(r.total_bytes, b->total_bytes);
        assert_int_equal(!!(r.valid & GOV_SAMPLE_OWN), i % 2);
        assert_int_equal(!!(r.valid & GOV_SAMPLE_OTHERS), i % 2);
    }
    end(&s);
}

static void time_is_the_callers_whatever_it_is(void **state)
{
    struct session s;
    begin(*state, 0, &s);
    static const int64_t times[] = {0, 5, 5, 1000000, 3, INT64_MAX, 0};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct gov_sample r;
        assert_int_equal(gov_device_sample(s.device, times[i], 0, &r), 0);
        assert_int_equal(r.at_us, times[i]);
        check_sample(&r);
    }
    end(&s);
}

static void a_device_says_what_it_is(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    struct gov_device_info info;
    begin(b, 0, &s);
    gov_device_info(s.device, &info);
    assert_string_equal(info.backend, b->backend);
    assert_true(info.name[0] != 0);
    assert_non_null(memchr(info.name, 0, sizeof info.name));
    assert_non_null(memchr(info.limited_by, 0, sizeof info.limited_by));
    bool known = false;
    const char *name, *summary = NULL;
    for (size_t i = 0; (name = gov_backend_name(i, &summary)); i++)
        known = known || (!strcmp(name, b->backend) && summary && summary[0]);
    assert_true(known);
    gov_device_info(NULL, &info);
    gov_device_info(s.device, NULL);
    end(&s);
}

static void a_memory_limit_is_the_new_total(void **state)
{
    const struct conformance_backend *b = *state;
    int64_t limit = b->memory_limit_bytes ? b->memory_limit_bytes : 100 * GOV_MB;
    struct session s;
    struct gov_device_info info;
    begin(b, limit, &s);
    struct gov_sample r = sample(&s, limit / 10 * 3);
    assert_int_equal(r.total_bytes, limit);
    assert_true(r.free_bytes <= limit - limit / 10 * 3);
    gov_device_info(s.device, &info);
    assert_string_equal(info.limited_by, "memory limit");
    assert_int_equal(sample(&s, limit * 2).free_bytes, 0); /* beyond it nothing is free */
    end(&s);
}

static void a_limit_above_the_device_changes_nothing(void **state)
{
    struct session s;
    struct gov_device_info info;
    begin(*state, INT64_MAX, &s);
    struct gov_sample r = sample(&s, 0);
    assert_true(r.total_bytes < INT64_MAX);
    gov_device_info(s.device, &info);
    assert_string_not_equal(info.limited_by, "memory limit");
    end(&s);
}

static void a_process_that_is_not_there_is_unknown_and_no_error(void **state)
{
    struct session s;
    begin(*state, 0, &s);
    struct gov_device_info info;
    gov_device_info(s.device, &info);
    int expected = info.has_processes ? 0 : GOV_E_UNSUPPORTED;
    struct gov_process p = {.pid = ABSENT_PID, .valid = ~0u, .used_bytes = 5};
    assert_int_equal(gov_device_processes(s.device, true, &p, 1), expected);
    if (info.has_processes) {
        assert_int_equal(p.valid, 0);
        assert_int_equal(p.used_bytes, 0);
        assert_int_equal(p.pid, ABSENT_PID);
    }
    assert_int_equal(gov_device_processes(s.device, true, NULL, 0), expected);
    assert_int_not_equal(gov_device_reset_peak(s.device, ABSENT_PID), 0);
    end(&s);
}

static void wrong_arguments_are_refused(void **state)
{
    struct session s;
    begin(*state, 0, &s);
    struct gov_sample r;
    struct gov_process p = {.pid = -1};
    size_t count;
    assert_int_equal(gov_device_sample(NULL, 0, 0, &r), GOV_E_INVALID);
    assert_int_equal(gov_device_sample(s.device, 0, 0, NULL), GOV_E_INVALID);
    assert_int_equal(gov_device_processes(NULL, true, &p, 1), GOV_E_INVALID);
    assert_int_equal(gov_device_processes(s.device, true, NULL, 1), GOV_E_INVALID);
    assert_int_equal(gov_device_processes(s.device, true, &p, 1), GOV_E_INVALID);
    assert_int_equal(gov_device_list_processes(NULL, &p, 1, &count), GOV_E_INVALID);
    assert_int_equal(gov_device_list_processes(s.device, NULL, 1, &count), GOV_E_INVALID);
    assert_int_equal(gov_device_list_processes(s.device, &p, 1, NULL), GOV_E_INVALID);
    assert_int_equal(gov_device_reset_peak(s.device, 0), GOV_E_INVALID);
    assert_int_equal(gov_device_reset_peak(NULL, 1), GOV_E_INVALID);
    assert_int_equal(gov_sim_take(s.device, 0, 0, 5), GOV_E_INVALID);
    sample(&s, 0); /* and it still works */
    end(&s);
}

static void two_devices_in_one_process_do_not_know_each_other(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s, other;
    begin(b, 0, &s);
    begin(b, b->memory_limit_bytes ? b->memory_limit_bytes : 100 * GOV_MB, &other);
    int64_t total = sample(&s, 0).total_bytes, limited = sample(&other, 0).total_bytes;
    assert_true(limited < total);
    assert_int_equal(sample(&s, -1).total_bytes, total);
    gov_device_free(s.device);
    assert_int_equal(sample(&other, 0).total_bytes, limited);
    end(&other);
}

static void opening_and_closing_leaves_no_descriptor(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s); /* what a library opens once and for all is open now */
    sample(&s, 0);
    gov_device_free(s.device);
    size_t before = open_descriptors();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(b->open(b->context, 0, &s.device), 0);
        struct gov_process p = {.pid = 1};
        struct gov_sample r;
        assert_int_equal(gov_device_sample(s.device, 1, 0, &r), 0);
        gov_device_processes(s.device, true, &p, 1);
        gov_device_free(s.device);
    }
    assert_int_equal(open_descriptors(), before);
    s.device = NULL;
    end(&s);
}

static void reading_on_opens_nothing_more(void **state)
{
    struct session s;
    begin(*state, 0, &s);
    /* Not pid 1: everybody descends from it, and they come and go. */
    struct gov_process p[3] = {{.pid = getpid()}, {.pid = ABSENT_PID}, {.pid = ABSENT_PID - 1}};
    sample(&s, 0);
    gov_device_processes(s.device, true, p, 3);
    size_t before = open_descriptors();
    for (int i = 0; i < 200; i++) {
        sample(&s, 0);
        gov_device_processes(s.device, i % 2, p, 3);
    }
    assert_int_equal(open_descriptors(), before);
    end(&s);
}

static void what_a_process_takes_is_used_until_it_is_given_back(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    struct gov_sample before = sample(&s, -1);
    int64_t pid = take(&s);
    struct gov_sample during = sample(&s, -1);
    struct gov_process p = process_of(&s, pid);
    assert_true(p.valid & GOV_PROCESS_USED);
    assert_true(p.used_bytes >= b->take_bytes);
    near(&s, p.used_bytes, b->take_bytes);
    if (p.valid & GOV_PROCESS_PEAK)
        assert_true(p.peak_bytes >= b->take_bytes);
    if (!b->noisy) {
        near(&s, during.used_bytes - before.used_bytes, b->take_bytes);
        near(&s, before.free_bytes - during.free_bytes, b->take_bytes);
    }
    give(&s, pid);
    struct gov_sample after = sample(&s, -1);
    if (!b->noisy)
        near(&s, after.used_bytes, before.used_bytes);
    p = process_of(&s, pid);
    if (b->give_ends_process)
        assert_int_equal(p.valid, 0);
    else if (p.valid & GOV_PROCESS_USED)
        assert_true(p.used_bytes <= b->slack_bytes);
    end(&s);
}

static void taking_and_giving_again_and_again_leaves_nothing_behind(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    give(&s, take(&s)); /* first uses cost what they cost */
    int64_t before = sample(&s, -1).used_bytes;
    for (int i = 0; i < 10; i++) {
        int64_t pid = take(&s);
        near(&s, process_of(&s, pid).used_bytes, b->take_bytes);
        sample(&s, b->take_bytes);
        give(&s, pid);
        sample(&s, 0);
    }
    if (!b->noisy)
        assert_int_equal(sample(&s, -1).used_bytes, before);
    end(&s);
}

static void ours_and_others_are_told_apart(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    int64_t before = sample(&s, 0).others_bytes;
    int64_t ours = take(&s), other = take(&s);
    bool two = ours != other;
    if (two) {
        sample(&s, -1);
        struct gov_process p[2] = {{.pid = ours}, {.pid = other}};
        assert_int_equal(gov_device_processes(s.device, true, p, 2), 0);
        near(&s, p[0].used_bytes, b->take_bytes);
        near(&s, p[1].used_bytes, b->take_bytes);
        struct gov_sample r = sample(&s, p[0].used_bytes);
        assert_int_equal(r.own_bytes, p[0].used_bytes);
        int64_t both = sample(&s, p[0].used_bytes + p[1].used_bytes).others_bytes;
        if (!b->noisy) {
            near(&s, r.others_bytes - before, p[1].used_bytes);
            near(&s, both, before);
        }
    }
    give(&s, other);
    if (two)
        near(&s, process_of(&s, ours).used_bytes, b->take_bytes); /* the other's end is not ours */
    give(&s, ours);
    end(&s);
    if (!two)
        print_message("# skipped: %s: two takes are one process here\n", b->name);
}

static void the_list_of_all_processes_agrees_with_asking_for_one(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    struct gov_device_info info;
    begin(b, 0, &s);
    gov_device_info(s.device, &info);
    size_t count = 4711;
    if (!info.can_list) {
        assert_int_equal(gov_device_list_processes(s.device, NULL, 0, &count), GOV_E_UNSUPPORTED);
        assert_int_equal(count, 4711);
        end(&s);
        return;
    }
    int64_t pid = b->take ? take(&s) : 0;
    sample(&s, -1);
    enum { MOST = 4096 };
    struct gov_process *list = calloc(MOST, sizeof *list);
    assert_int_equal(gov_device_list_processes(s.device, list, MOST, &count), 0);
    bool found = false;
    for (size_t i = 0; i < count && i < MOST; i++) {
        assert_true(list[i].pid > 0);
        if (i)
            assert_true(list[i].used_bytes <= list[i - 1].used_bytes);
        for (size_t k = 0; !b->noisy && k < i; k++)
            assert_true(list[k].pid != list[i].pid);
        if (list[i].pid == pid) {
            found = true;
            near(&s, list[i].used_bytes, b->take_bytes);
        }
    }
    assert_int_equal(found, b->take != NULL);
    free(list);
    if (pid)
        give(&s, pid);
    end(&s);
}

static void a_peak_stays_until_it_is_reset(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    int64_t pid = take(&s);
    sample(&s, -1);
    struct gov_process p = process_of(&s, pid);
    int error = gov_device_reset_peak(s.device, pid);
    assert_true(error == 0 || error == GOV_E_UNSUPPORTED);
    if (p.valid & GOV_PROCESS_PEAK)
        assert_true(p.peak_bytes >= p.used_bytes);
    if (!error) {
        sample(&s, -1);
        p = process_of(&s, pid);
        assert_true(p.valid & GOV_PROCESS_PEAK);
        assert_true(p.peak_bytes >= p.used_bytes); /* not below what it uses now */
    }
    give(&s, pid);
    end(&s);
}

static void more_than_there_is_is_refused_and_takes_nothing(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    give(&s, take(&s));
    struct gov_sample before = sample(&s, -1);
    int64_t pid = -5;
    assert_int_equal(b->take(b->context, s.device, s.now_us, before.free_bytes + 1, &pid),
                     GOV_E_DEVICE_NOMEM);
    assert_int_equal(b->take(b->context, s.device, s.now_us, INT64_MAX, &pid), GOV_E_DEVICE_NOMEM);
    assert_int_equal(pid, -5);
    assert_int_equal(sample(&s, -1).used_bytes, before.used_bytes);
    give(&s, take(&s)); /* what fits still does */
    end(&s);
}

static void a_lost_device_says_so_and_harms_no_other(void **state)
{
    const struct conformance_backend *b = *state;
    struct session s;
    begin(b, 0, &s);
    sample(&s, 0);
    b->lose(b->context, s.device);
    struct gov_sample r = {.total_bytes = 17};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gov_device_sample(s.device, s.now_us += s.step_us, 0, &r),
                         GOV_E_DEVICE_LOST);
        assert_int_equal(r.total_bytes, 17); /* outputs are untouched */
    }
    struct gov_device_event event;
    int told = 0, error;
    while (!(error = gov_device_next_event(s.device, &event)))
        told += event.kind == GOV_DEVICE_EVENT_LOST;
    if (error != GOV_E_UNSUPPORTED) {
        assert_int_equal(error, GOV_E_NOT_FOUND);
        assert_int_equal(told, 1); /* however often it was read since */
    }
    struct gov_process p = {.pid = 1};
    error = gov_device_processes(s.device, true, &p, 1);
    assert_true(error == 0 || error == GOV_E_DEVICE_LOST || error == GOV_E_UNSUPPORTED);
    end(&s);
    begin(b, 0, &s); /* a later one is as new */
    sample(&s, 0);
    end(&s);
}

enum { NEEDS_TAKE = 1, NEEDS_REFUSAL = 2, NEEDS_LOSS = 4 };

struct promise {
    struct CMUnitTest test;
    int needs; /* NEEDS_* bits: hooks without which there is nothing to test */
};

static const struct promise promises[] = {
    {cmocka_unit_test(a_reading_is_known_and_adds_up), 0},
    {cmocka_unit_test(time_is_the_callers_whatever_it_is), 0},
    {cmocka_unit_test(a_device_says_what_it_is), 0},
    {cmocka_unit_test(a_memory_limit_is_the_new_total), 0},
    {cmocka_unit_test(a_limit_above_the_device_changes_nothing), 0},
    {cmocka_unit_test(a_process_that_is_not_there_is_unknown_and_no_error), 0},
    {cmocka_unit_test(wrong_arguments_are_refused), 0},
    {cmocka_unit_test(two_devices_in_one_process_do_not_know_each_other), 0},
    {cmocka_unit_test(opening_and_closing_leaves_no_descriptor), 0},
    {cmocka_unit_test(reading_on_opens_nothing_more), 0},
    {cmocka_unit_test(what_a_process_takes_is_used_until_it_is_given_back), NEEDS_TAKE},
    {cmocka_unit_test(taking_and_giving_again_and_again_leaves_nothing_behind), NEEDS_TAKE},
    {cmocka_unit_test(ours_and_others_are_told_apart), NEEDS_TAKE},
    {cmocka_unit_test(the_list_of_all_processes_agrees_with_asking_for_one), 0},
    {cmocka_unit_test(a_peak_stays_until_it_is_reset), NEEDS_TAKE},
    {cmocka_unit_test(more_than_there_is_is_refused_and_takes_nothing), NEEDS_TAKE | NEEDS_REFUSAL},
    {cmocka_unit_test(a_lost_device_says_so_and_harms_no_other), NEEDS_LOSS},
};

static bool can(const struct conformance_backend *backend, int needs)
{
    return !(needs & NEEDS_TAKE && !backend->take) &&
           !(needs & NEEDS_REFUSAL && !backend->refuses) && !(needs & NEEDS_LOSS && !backend->lose);
}

/* What cannot be tested is left out and said: cmocka 1.1.5 writes "not ok" for a skipped test. */
int conformance_run(const char *group, const struct conformance_backend *backends, size_t count)
{
    enum { PROMISES = sizeof promises / sizeof promises[0] };
    struct CMUnitTest *tests = calloc(count * PROMISES, sizeof *tests);
    char(*names)[160] = calloc(count * PROMISES, sizeof *names);
    size_t n = 0;
    if (!tests || !names)
        abort();
    for (size_t i = 0; i < count * PROMISES; i++) {
        const struct conformance_backend *backend = &backends[i / PROMISES];
        const struct promise *promise = &promises[i % PROMISES];
        snprintf(names[n], sizeof names[n], "%s: %s", backend->name, promise->test.name);
        if (!can(backend, promise->needs)) {
            print_message("# skipped: %s: this backend has no way to try it\n", names[n]);
            continue;
        }
        tests[n] = promise->test;
        tests[n].name = names[n];
        tests[n++].initial_state = (void *)(uintptr_t)backend;
    }
    int failed = _cmocka_run_group_tests(group, tests, n, NULL, NULL);
    free(tests);
    free(names);
    return failed;
}
