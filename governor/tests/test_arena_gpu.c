/*
 * Arenas on the real driver of this machine: traces of the shape of our work, in pages and in
 * segments, and what the device shows of it. Without a GPU it is skipped and says why. Suite "gpu".
 * Another libcuda may be named as argument, for trying this test itself.
 */
#include "testing.h"

#include <gov/arena.h>

#include "arena_trace.h"

static const char *library;

static struct gov_arena *open_arena(int64_t limit_bytes, bool without_mapping)
{
    struct gov_arena_params params = {
        .limit_bytes = limit_bytes, .without_mapping = without_mapping, .cuda_path = library};
    struct gov_arena *arena = NULL;
    assert_int_equal(gov_arena_new("cuda", &params, &arena), 0);
    return arena;
}

static void play(bool without_mapping, int which)
{
    struct arena_trace *t = arena_trace_new(which, 3, 8, 1);
    struct gov_arena *arena = open_arena(4 * t->most_live_bytes, without_mapping);
    uint64_t *addresses = calloc((size_t)t->ids, sizeof *addresses);
    struct gov_arena_stats stats;
    int64_t freed;
    assert_non_null(addresses);
    for (size_t i = 0; i < t->count; i++) {
        const struct arena_step *step = &t->steps[i];
        if (step->gives)
            assert_int_equal(gov_arena_give(arena, addresses[step->id], NULL), 0);
        else
            assert_int_equal(
                gov_arena_take(arena, step->bytes, step->lifetime, NULL, &addresses[step->id]), 0);
    }
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(gov_arena_reclaim(arena, GOV_TIER_AGGRESSIVE, &freed), 0);
    assert_true(freed > 0);
    assert_int_equal(gov_arena_stats(arena, &stats), 0);
    assert_int_equal(stats.held.now, 0);
    print_message("# %s, %s: %lld moved, %lld got, %lld waits\n", arena_trace_names[which],
                  stats.maps ? "pages" : "segments", (long long)stats.remapped_count,
                  (long long)stats.new_count, (long long)stats.waits_count);
    assert_int_equal(gov_arena_free(arena), 0);
    free(addresses);
    arena_trace_free(t);
}

static void traces_run_on_pages(void **state)
{
    (void)state;
    for (int i = 0; arena_trace_names[i]; i++)
        play(false, i);
}

static void traces_run_on_segments(void **state)
{
    (void)state;
    for (int i = 0; arena_trace_names[i]; i++)
        play(true, i);
}

static void more_than_the_card_has_is_out_of_memory_and_passes(void **state)
{
    (void)state;
    struct gov_arena *arena = open_arena(INT64_C(1) << 42, false);
    uint64_t address = 0;
    assert_int_equal(gov_arena_take(arena, INT64_C(1) << 41, GOV_ARENA_LONG, NULL, &address),
                     GOV_E_DEVICE_NOMEM);
    assert_int_equal(gov_arena_take(arena, 1000000, GOV_ARENA_LONG, NULL, &address), 0);
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(gov_arena_free(arena), 1);
}

int main(int argc, char **argv)
{
    char reason[256] = "";
    struct gov_arena *arena = NULL;
    library = argc == 2 ? argv[1] : NULL;
    struct gov_arena_params params = {.limit_bytes = 1 << 20,
                                      .cuda_path = library,
                                      .reason = reason,
                                      .reason_size = sizeof reason};
    if (gov_arena_new("cuda", &params, &arena)) {
        printf("1..0 # SKIP %s\n", reason);
        return 0;
    }
    gov_arena_free(arena);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_run_on_pages),
        cmocka_unit_test(traces_run_on_segments),
        cmocka_unit_test(more_than_the_card_has_is_out_of_memory_and_passes),
    };
    return cmocka_run_group_tests_name("arena gpu", tests, NULL, NULL);
}
