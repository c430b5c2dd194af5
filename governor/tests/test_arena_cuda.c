/*
 * Arenas on the fake CUDA driver: with virtual memory, on a card and on a driver without it; what
 * the device then shows; errors that pass and errors that do not; neighbours that take the memory.
 */
#include "nvidia_fake.h"

#include <gov/arena.h>
#include <gov/cuda.h>

#define LIMIT (GIB)

static struct gov_arena *open_arena(const char *library, struct gov_arena_params params)
{
    struct gov_arena *arena = NULL;
    char reason[256] = "";
    params.cuda_path = library;
    params.limit_bytes = params.limit_bytes ? params.limit_bytes : LIMIT;
    params.reason = reason;
    params.reason_size = sizeof reason;
    int error = gov_arena_new("cuda", &params, &arena);
    if (error)
        print_message("%s\n", reason);
    assert_int_equal(error, 0);
    return arena;
}

static int64_t used_by_us(const struct fake *f)
{
    int64_t bytes = 0;
    for (int i = 0; i < FAKE_SLOTS; i++)
        bytes += f->state->slots[i].pid == getpid() ? (int64_t)f->state->slots[i].bytes : 0;
    return bytes;
}

/* Takes, gives, trims; the device must show each. */
static void use(struct fake *f, struct gov_arena *arena)
{
    uint64_t a, b, c;
    int64_t freed;
    struct gov_arena_stats stats;
    int64_t context = used_by_us(f);
    assert_int_equal(context, 180 * MIB);
    assert_int_equal(gov_arena_take(arena, 100 * MIB, GOV_ARENA_LONG, NULL, &a), 0);
    assert_int_equal(gov_arena_take(arena, 60 * MIB, GOV_ARENA_BRIEF, (void *)1, &b), 0);
    assert_int_equal(gov_arena_take(arena, 1000, GOV_ARENA_BRIEF, (void *)1, &c), 0);
    memset((void *)(uintptr_t)b, 1, 60 * MIB); /* memory is there */
    assert_int_equal(gov_arena_stats(arena, &stats), 0);
    assert_int_equal(used_by_us(f), context + stats.held.now);
    assert_true(stats.held.now >= 160 * MIB && stats.held.now <= 164 * MIB);
    assert_int_equal(gov_arena_give(arena, a, NULL), 0);
    assert_int_equal(gov_arena_give(arena, b, (void *)1), 0);
    assert_int_equal(used_by_us(f), context + stats.held.now); /* kept */
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_STANDARD, &freed), 0);
    assert_int_equal(freed, 160 * MIB);
    assert_int_equal(used_by_us(f), context + 2 * MIB);
    assert_int_equal(gov_arena_give(arena, c, (void *)1), 0);
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(gov_arena_free(arena), 0);
}

static void what_is_taken_and_given_back_is_seen_on_the_device(void **state)
{
    (void)state;
    struct fake f;
    struct gov_arena_stats stats;
    fake_init(&f, FAKE_NVML_580, "580.65.06");
    struct gov_arena *arena = open_arena(FAKE_CUDA, (struct gov_arena_params){0});
    assert_int_equal(gov_arena_stats(arena, &stats), 0);
    assert_true(stats.maps);
    use(&f, arena);
    fake_done(&f);
}

static void a_card_or_a_driver_without_virtual_memory_gets_segments(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fake f;
        struct gov_arena_stats stats;
        fake_init(&f, FAKE_NVML_580, "580.65.06");
        f.state->no_vmm = i == 0;
        struct gov_arena *arena = open_arena(i == 1 ? FAKE_CUDA_OLD : FAKE_CUDA,
                                             (struct gov_arena_params){.without_mapping = i == 2});
        assert_int_equal(gov_arena_stats(arena, &stats), 0);
        assert_false(stats.maps);
        use(&f, arena);
        fake_done(&f);
    }
}

static void pages_are_as_large_as_the_limit_wants(void **state)
{
    (void)state;
    static const int64_t wants[][3] = {/* limit, page asked for, page */
                                       {GIB, 0, 2 * MIB},
                                       {8 * GIB, 0, 4 * MIB},
                                       {GIB, 3 * MIB, 4 * MIB},
                                       {1024 * GIB, 0, 32 * MIB}};
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
        struct fake f;
        struct gov_arena_stats stats;
        fake_init(&f, FAKE_NVML_580, "580.65.06");
        struct gov_arena *arena =
            open_arena(FAKE_CUDA, (struct gov_arena_params){.limit_bytes = wants[i][0],
                                                            .page_bytes = wants[i][1]});
        assert_int_equal(gov_arena_stats(arena, &stats), 0);
        assert_int_equal(stats.page_bytes, wants[i][2]);
        assert_int_equal(gov_arena_free(arena), 0);
        fake_done(&f);
    }
}

static void there_is_no_arena_without_a_driver_or_a_gpu(void **state)
{
    (void)state;
    struct fake f;
    struct gov_arena *arena = NULL;
    char reason[256] = "";
    struct gov_arena_params params = {
        .limit_bytes = GIB, .reason = reason, .reason_size = sizeof reason};
    params.cuda_path = "/nonexistent/libcuda.so.1";
    assert_int_equal(gov_arena_new("cuda", &params, &arena), GOV_E_NO_DEVICE);
    assert_non_null(strstr(reason, "nonexistent"));
    fake_init(&f, FAKE_NVML_580, "580.65.06");
    params.cuda_path = FAKE_CUDA;
    params.cuda_device = 3;
    assert_int_equal(gov_arena_new("cuda", &params, &arena), GOV_E_NO_DEVICE);
    f.state->no_cuda = true;
    params.cuda_device = 0;
    assert_int_equal(gov_arena_new("cuda", &params, &arena), GOV_E_NO_DEVICE);
    assert_null(arena);
    fake_done(&f);
}

static void what_neighbours_take_is_a_full_device_and_no_more(void **state)
{
    (void)state;
    struct fake f;
    uint64_t a, b;
    fake_init(&f, FAKE_NVML_580, "580.65.06");
    struct gov_arena *arena =
        open_arena(FAKE_CUDA, (struct gov_arena_params){.limit_bytes = 10 * GIB});
    assert_int_equal(gov_arena_take(arena, GIB, GOV_ARENA_LONG, NULL, &a), 0);
    struct fake_neighbour *neighbour = fake_neighbour(&f, 0, 4711, 10 * GIB);
    assert_int_equal(gov_arena_take(arena, 2 * GIB, GOV_ARENA_LONG, NULL, &b), GOV_E_DEVICE_NOMEM);
    assert_false(gov_error_ends_process(GOV_E_DEVICE_NOMEM));
    assert_int_equal(used_by_us(&f), 180 * MIB + GIB); /* what was got for it went back */
    neighbour->bytes = GIB;
    assert_int_equal(gov_arena_take(arena, 2 * GIB, GOV_ARENA_LONG, NULL, &b), 0);
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(gov_arena_free(arena), 2);
    fake_done(&f);
}

static void sticky_errors_and_a_lost_gpu_are_told_from_a_lack_of_memory(void **state)
{
    (void)state;
    static const int codes[] = {214, 700, 702, 719, 999};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct fake f;
        uint64_t a;
        fake_init(&f, FAKE_NVML_580, "580.65.06");
        struct gov_arena *arena = open_arena(FAKE_CUDA, (struct gov_arena_params){0});
        assert_int_equal(gov_arena_take(arena, MIB, GOV_ARENA_BRIEF, NULL, &a), 0);
        if (codes[i] == 999)
            f.state->gpus[0].lost = true;
        else
            f.state->cuda = (struct fake_fault){.from = 3, .times = 1, .error = codes[i]};
        int error = gov_arena_take(arena, 64 * MIB, GOV_ARENA_BRIEF, NULL, &a);
        assert_int_equal(error, GOV_E_CONTEXT_LOST);
        assert_true(gov_error_ends_process(error));
        assert_int_equal(gov_arena_take(arena, 512, GOV_ARENA_BRIEF, NULL, &a), error);
        assert_int_equal(gov_arena_free(arena), 1);
        fake_done(&f);
    }
}

static void every_result_of_cuda_has_a_meaning(void **state)
{
    (void)state;
    static const int sticky[] = {214, 220, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999};
    assert_int_equal(gov_cuda_error(0), GOV_OK);
    assert_int_equal(gov_cuda_error(2), GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_cuda_error(100), GOV_E_NO_DEVICE);
    assert_int_equal(gov_cuda_error(46), GOV_E_DEVICE_LOST);
    assert_int_equal(gov_cuda_error(222), GOV_E_UNSUPPORTED);
    for (size_t i = 0; i < sizeof sticky / sizeof sticky[0]; i++)
        assert_int_equal(gov_cuda_error(sticky[i]), GOV_E_CONTEXT_LOST);
    for (int i = 1; i < 1100; i++) {
        assert_true(gov_cuda_error(i) < 0);
        if (gov_cuda_error(i) == GOV_E_DEVICE_NOMEM)
            assert_int_equal(i, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_and_given_back_is_seen_on_the_device),
        cmocka_unit_test(a_card_or_a_driver_without_virtual_memory_gets_segments),
        cmocka_unit_test(pages_are_as_large_as_the_limit_wants),
        cmocka_unit_test(there_is_no_arena_without_a_driver_or_a_gpu),
        cmocka_unit_test(what_neighbours_take_is_a_full_device_and_no_more),
        cmocka_unit_test(sticky_errors_and_a_lost_gpu_are_told_from_a_lack_of_memory),
        cmocka_unit_test(every_result_of_cuda_has_a_meaning),
    };
    return cmocka_run_group_tests_name("arena on CUDA", tests, NULL, NULL);
}
