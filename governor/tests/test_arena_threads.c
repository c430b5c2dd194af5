/*
 * One arena, many threads: blocks are never handed out twice, sums add up. Under the thread
 * sanitizer it finds races.
 */
#include "testing.h"

#include <pthread.h>

#include <gov/arena.h>

enum { THREADS = 4, ROUNDS = 3000, HELD = 8 };

struct thread {
    struct gov_arena *arena;
    int number;
    int failures;
};

static void *work(void *context)
{
    struct thread *thread = context;
    uint64_t held[HELD] = {0};
    uint32_t random = 77 + (uint32_t)thread->number;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525 + 1013904223;
        uint64_t *block = &held[random >> 16 & (HELD - 1)];
        if (*block) {
            const int *mark = (const int *)(uintptr_t)*block;
            thread->failures += *mark != thread->number;
            thread->failures += gov_arena_give(thread->arena, *block, NULL) != 0;
            *block = 0;
        } else if (!gov_arena_take(thread->arena, 4 + (random >> 8) % 3000000,
                                   random & 1 ? GOV_ARENA_LONG : GOV_ARENA_BRIEF, NULL, block)) {
            *(int *)(uintptr_t)*block = thread->number;
        }
        struct gov_arena_stats stats;
        if (i % 256 == 0)
            thread->failures += gov_arena_trim(thread->arena, 0, NULL) != 0;
        if (i % 64 == 0)
            thread->failures +=
                gov_arena_stats(thread->arena, &stats) != 0 || stats.held.now > stats.limit_bytes;
    }
    for (int i = 0; i < HELD; i++)
        thread->failures += gov_arena_give(thread->arena, held[i], NULL) != 0;
    return NULL;
}

static void threads_share_an_arena(void **state)
{
    (void)state;
    struct gov_arena_params params = {.limit_bytes = 32 * GOV_MB};
    struct gov_arena *arena;
    pthread_t threads[THREADS];
    struct thread contexts[THREADS];
    assert_int_equal(gov_arena_new("host", &params, &arena), 0);
    for (int i = 0; i < THREADS; i++) {
        contexts[i] = (struct thread){arena, i + 1, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &contexts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(contexts[i].failures, 0);
    }
    assert_true(gov_arena_is_valid(arena));
    assert_int_equal(gov_arena_free(arena), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_an_arena)};
    return cmocka_run_group_tests_name("arena threads", tests, NULL, NULL);
}
