/*
 * The sweep: a trace is played on the fake driver and the n-th call fails, n = 1, 2, 3 ... until a
 * whole run passes without; out of memory, a sticky error and one that means nothing; once, and
 * from then on. The same with the host's allocations. After each nothing is left on the device,
 * errors are what they should be, sums agree, and where it failed once with no lasting harm the
 * arena still serves. In the end every function of the driver that an arena calls has failed.
 */
#include "failing_alloc.h"
#include "nvidia_fake.h"

#include <gov/cuda.h>

#include "arena_trace.h"

struct run {
    struct fake fake;
    const struct arena_trace *trace;
    bool without_mapping;
    int first_error;
    uint64_t *addresses; /* by id; 0: not held */
    int64_t asked;
};

static bool ask(void *context, int64_t wanted_bytes)
{
    struct run *run = context;
    (void)wanted_bytes;
    run->asked++;
    return false;
}

static gov_arena_stream stream_of(int i)
{
    return (gov_arena_stream)(uintptr_t)i;
}

static void note(struct run *run, int error)
{
    if (error && !run->first_error)
        run->first_error = error;
}

static void play(struct run *run, struct gov_arena *arena)
{
    for (size_t i = 0; i < run->trace->count; i++) {
        const struct arena_step *step = &run->trace->steps[i];
        uint64_t *address = &run->addresses[step->id];
        if (!step->gives) {
            *address = 0;
            note(run, gov_arena_take(arena, step->bytes, step->lifetime, stream_of(step->stream),
                                     address));
        } else if (*address) {
            if (i % 7 == 0)
                note(run, gov_arena_use(arena, *address, stream_of(1 + step->stream)));
            assert_int_equal(gov_arena_give(arena, *address, stream_of(step->stream)), 0);
        }
        if (i % 64 == 63)
            note(run, gov_arena_trim(arena, 0, NULL));
    }
    note(run, gov_arena_reclaim(arena, GOV_TIER_AGGRESSIVE, NULL));
    note(run, gov_arena_forget(arena, stream_of(1)));
}

/* The whole life of an arena; false: it failed nowhere. */
static bool live(struct run *run, bool lasting, int error)
{
    struct gov_arena *arena = NULL;
    struct gov_arena_params params = {.limit_bytes = 4 * run->trace->most_live_bytes + 64 * MIB,
                                      .without_mapping = run->without_mapping,
                                      .cuda_path = FAKE_CUDA,
                                      .short_of_memory = ask,
                                      .context = run};
    run->first_error = 0;
    int made = gov_arena_new("cuda", &params, &arena);
    note(run, made);
    if (!made) {
        uint64_t address;
        play(run, arena);
        assert_true(gov_arena_is_valid(arena));
        if (!lasting && !gov_error_ends_process(error)) {
            countdown = -1;
            int last = gov_arena_take(arena, 512, GOV_ARENA_BRIEF, NULL, &address);
            assert_int_equal(last, 0);
            assert_int_equal(gov_arena_give(arena, address, NULL), 0);
        }
        gov_arena_free(arena);
    }
    assert_int_equal(run->fake.state->contexts, 0);
    for (int i = 0; i < FAKE_THINGS; i++)
        assert_int_equal(run->fake.state->held[i], 0);
    return run->first_error != 0;
}

enum { MOST_FAILED = 40 };

struct seen {
    char names[MOST_FAILED][48];
    int count;
};

static void remember(struct seen *seen, const char *name)
{
    for (int i = 0; i < seen->count; i++) {
        if (!strcmp(seen->names[i], name))
            return;
    }
    assert_true(seen->count < MOST_FAILED);
    snprintf(seen->names[seen->count++], sizeof seen->names[0], "%s", name);
}

static void begin(struct run *run, struct arena_trace *trace, bool without_mapping)
{
    *run = (struct run){.trace = trace, .without_mapping = without_mapping};
    run->addresses = calloc((size_t)trace->ids, sizeof *run->addresses);
    assert_non_null(run->addresses);
    fake_init(&run->fake, FAKE_NVML_580, "580.65.06");
    run->fake.state->event_lag = 1;
}

static void end(struct run *run)
{
    fake_done(&run->fake);
    free(run->addresses);
}

static void sweep(struct run *run, int error, bool lasting, struct seen *seen)
{
    enum { MOST = 5000 };
    struct fake_fault *fault = &run->fake.state->cuda;
    int64_t n = 1;
    for (; n < MOST; n++) {
        *fault = (struct fake_fault){.from = n, .times = lasting ? -1 : 1, .error = error};
        bool suffered = live(run, lasting, gov_cuda_error(error));
        if (fault->calls < n)
            break;
        remember(seen, fault->last);
        int code = gov_cuda_error(error);
        /* One that something else made up for is none; 1 and 2 may also make the lease too small.
         */
        bool expected = !suffered || run->first_error == code ||
                        (!gov_error_ends_process(code) && run->first_error == GOV_E_NO_ROOM);
        if (!expected)
            print_message("call %lld, %s: %s\n", (long long)n, fault->last,
                          gov_error_name(run->first_error));
        assert_true(expected);
    }
    assert_true(n > 50);
    assert_true(n < MOST);
    *fault = (struct fake_fault){0};
    assert_false(live(run, lasting, 0));
}

static const char *const called[] = {"cuInit",
                                     "cuDeviceGet",
                                     "cuDeviceGetAttribute",
                                     "cuDevicePrimaryCtxRetain",
                                     "cuDevicePrimaryCtxRelease_v2",
                                     "cuCtxPushCurrent_v2",
                                     "cuCtxPopCurrent_v2",
                                     "cuMemAlloc_v2",
                                     "cuMemFree_v2",
                                     "cuStreamSynchronize",
                                     "cuEventCreate",
                                     "cuEventDestroy_v2",
                                     "cuEventRecord",
                                     "cuEventQuery",
                                     "cuMemGetAllocationGranularity",
                                     "cuMemCreate",
                                     "cuMemRelease",
                                     "cuMemAddressReserve",
                                     "cuMemAddressFree",
                                     "cuMemMap",
                                     "cuMemUnmap",
                                     "cuMemSetAccess"};

static void every_call_to_the_driver_may_fail(void **state)
{
    (void)state;
    struct seen seen = {.count = 0};
    static const int errors[] = {2, 700, 1};
    for (int trace = 0; trace < 2; trace++) {
        for (int segments = 0; segments < 2; segments++) {
            for (int e = 0; e < 3; e++) {
                for (int lasting = 0; lasting < 2; lasting++) {
                    struct run run;
                    struct arena_trace *t = arena_trace_new(trace ? 3 : 0, 7, trace ? 400 : 20, 1);
                    t->count = t->count > 400 ? 400 : t->count;
                    begin(&run, t, segments);
                    sweep(&run, errors[e], lasting, &seen);
                    end(&run);
                    arena_trace_free(t);
                }
            }
        }
    }
    for (size_t i = 0; i < sizeof called / sizeof called[0]; i++) {
        bool found = false;
        for (int k = 0; k < seen.count; k++)
            found = found || !strcmp(seen.names[k], called[i]);
        if (!found)
            print_message("%s never failed\n", called[i]);
        assert_true(found);
    }
}

/* Host memory: the fake driver's own allocations are not wrapped, it is another library. */
static void every_allocation_of_the_host_may_fail(void **state)
{
    (void)state;
    for (int segments = 0; segments < 2; segments++) {
        for (int persist = 0; persist < 2; persist++) {
            struct run run;
            struct arena_trace *t = arena_trace_new(1, 7, 1, 1);
            begin(&run, t, segments);
            long n = 0;
            for (; n < 1000; n++) {
                countdown = n;
                persistent = persist;
                failed = 0;
                live(&run, persist, GOV_E_NOMEM);
                countdown = -1;
                if (!failed)
                    break;
                assert_true(!run.first_error || run.first_error == GOV_E_NOMEM);
            }
            assert_true(n > 5 && n < 1000);
            assert_int_equal(run.first_error, 0);
            end(&run);
            arena_trace_free(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_to_the_driver_may_fail),
        cmocka_unit_test(every_allocation_of_the_host_may_fail),
    };
    return cmocka_run_group_tests_name("arena sweep", tests, NULL, NULL);
}
