/*
 * What an arena costs and wastes: nanoseconds for a take and a give that hit; on traces of the
 * shape of our work (governor/tests/arena_trace.h), what is held at most against what is in use at
 * most, and what trimming gives back in the middle.
 *
 *     arena-bench host | LIBCUDA      the host's memory, or a driver (the fake one, or
 * libcuda.so.1)
 *
 * Exits 1 when a hit takes 100 ns or more or a trace wastes 5 % or more; up to 8 MiB are no waste:
 * four heaps (long and brief, large and small) of which each may end within a page of 2 MiB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gov/arena.h>

#include "arena_trace.h"

#define MOST_HIT_NS        100.0
#define MOST_WASTE_PERCENT 5.0
#define LEAST_WASTE_BYTES  (INT64_C(8) << 20)

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct gov_arena *open_arena(const char *where, int64_t limit_bytes, bool without_mapping)
{
    char reason[256] = "";
    bool host = !strcmp(where, "host");
    struct gov_arena_params params = {.limit_bytes = limit_bytes,
                                      .without_mapping = without_mapping,
                                      .cuda_path = where,
                                      .reason = reason,
                                      .reason_size = sizeof reason};
    struct gov_arena *arena = NULL;
    if (gov_arena_new(host ? "host" : "cuda", &params, &arena))
        fprintf(stderr, "no arena: %s\n", reason);
    return arena;
}

/* The median of rounds, for one take or one give. */
static double measure_hit(struct gov_arena *arena)
{
    enum { ROUNDS = 31, PAIRS = 20000, HELD = 32 };
    uint64_t held[HELD];
    double spent[ROUNDS];
    for (int i = 0; i < HELD; i++)
        gov_arena_take(arena, 100000 * (i + 1), GOV_ARENA_BRIEF, NULL, &held[i]);
    for (int r = 0; r < ROUNDS; r++) {
        double start = now_ns();
        for (int i = 0; i < PAIRS; i++) {
            int k = i * 7 % HELD;
            gov_arena_give(arena, held[k], NULL);
            gov_arena_take(arena, 100000 * (k + 1), GOV_ARENA_BRIEF, NULL, &held[k]);
        }
        double took = (now_ns() - start) / (2 * PAIRS);
        int at = r;
        for (; at > 0 && spent[at - 1] > took; at--)
            spent[at] = spent[at - 1];
        spent[at] = took;
    }
    for (int i = 0; i < HELD; i++)
        gov_arena_give(arena, held[i], NULL);
    return spent[ROUNDS / 2];
}

/* Percent of what is held at most that is not in use at most; < 0: it failed. */
static double play(struct gov_arena *arena, const struct arena_trace *t, double *ret_trimmed)
{
    static uint64_t addresses[TRACE_IDS];
    struct gov_arena_stats stats;
    *ret_trimmed = -1;
    for (size_t i = 0; i < t->count; i++) {
        const struct arena_step *step = &t->steps[i];
        void *stream = NULL; /* a driver knows no other stream that we did not make */
        int error = step->gives ? gov_arena_give(arena, addresses[step->id], stream)
                                : gov_arena_take(arena, step->bytes, step->lifetime, stream,
                                                 &addresses[step->id]);
        if (error) {
            fprintf(stderr, "step %zu: %s\n", i, gov_error_text(error));
            return -1;
        }
    }
    int64_t freed = 0;
    gov_arena_stats(arena, &stats);
    int64_t held = stats.held.now;
    gov_arena_reclaim(arena, GOV_TIER_STANDARD, &freed);
    *ret_trimmed = held ? 100.0 * (double)freed / (double)held : 0;
    return 100.0 * (1 - (double)stats.live.peak / (double)stats.held.peak);
}

static bool measure_traces(const char *where, bool without_mapping)
{
    bool good = true;
    for (int i = 0; arena_trace_names[i]; i++) {
        struct arena_trace *t = arena_trace_new(i, 1, 1, 3);
        struct gov_arena *arena = open_arena(where, 3 * t->most_live_bytes, without_mapping);
        if (!arena)
            return false;
        double trimmed, start = now_ns(), waste = play(arena, t, &trimmed);
        double spent = (now_ns() - start) / (double)t->count;
        struct gov_arena_stats stats;
        gov_arena_stats(arena, &stats);
        printf(
            "%-9s %-9s %6zu steps  in use %6.2f GB  held %6.2f GB  waste %5.2f %%  trimmed %5.1f "
            "%%  moved %5" PRId64 "  %7.0f ns a step\n",
            without_mapping ? "segments" : "pages", arena_trace_names[i], t->count,
            (double)stats.live.peak / 1e9, (double)stats.held.peak / 1e9, waste, trimmed,
            stats.remapped_count, spent);
        bool wastes =
            waste >= MOST_WASTE_PERCENT && stats.held.peak - stats.live.peak > LEAST_WASTE_BYTES;
        good = good && waste >= 0 && !wastes;
        gov_arena_free(arena);
        arena_trace_free(t);
    }
    return good;
}

int main(int argc, char **argv)
{
    const char *where = argc == 2 ? argv[1] : "host";
    struct gov_arena *arena = open_arena(where, INT64_C(1) << 30, false);
    if (!arena)
        return 1;
    double hit = measure_hit(arena);
    gov_arena_free(arena);
    printf("hit       %.1f ns for a take or a give\n", hit);
    bool good = measure_traces(where, false);
    measure_traces(where, true);
    return good && hit < MOST_HIT_NS ? 0 : 1;
}
