/*
 * Traces for arenas: who takes and gives what, when and on which stream, in the shape that the work
 * of this house has. The sizes are those of the real things (surfaces of NVDEC, tensors of Whisper,
 * weights, caches and scratch of a language model); the order is made from a seed, not recorded on
 * a GPU. The same seed makes the same trace.
 */
#ifndef GOV_TESTS_ARENA_TRACE_H
#define GOV_TESTS_ARENA_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <gov/arena.h>

struct arena_step {
    bool gives;
    int id; /* of the block */
    int64_t bytes;
    enum gov_arena_lifetime lifetime;
    int stream; /* 0, 1 ... */
};

enum { TRACE_STREAMS = 3, TRACE_STEPS = 200000, TRACE_IDS = 100000, TRACE_HELD = 4096 };

struct arena_trace {
    struct arena_step *steps;
    size_t count;
    int ids;
    uint32_t random;
    int64_t divisor; /* all sizes are divided by it: small traces for thorough tests */
    int64_t live_bytes, most_live_bytes;
    int64_t *bytes_of; /* by id */
};

/* xorshift32 (Marsaglia, 2003); low to high, both included. */
static inline int64_t trace_dice(struct arena_trace *t, int64_t low, int64_t high)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 17;
    t->random ^= t->random << 5;
    return low + t->random % (high - low + 1);
}

static inline int trace_take(struct arena_trace *t, int64_t bytes, enum gov_arena_lifetime lifetime,
                             int stream)
{
    if (t->count == TRACE_STEPS || t->ids == TRACE_IDS)
        abort();
    bytes = bytes / t->divisor > 0 ? bytes / t->divisor : 1;
    bytes = (bytes + GOV_ARENA_ALIGN - 1) / GOV_ARENA_ALIGN * GOV_ARENA_ALIGN;
    t->steps[t->count++] = (struct arena_step){false, t->ids, bytes, lifetime, stream};
    t->bytes_of[t->ids] = bytes;
    t->live_bytes += bytes;
    if (t->live_bytes > t->most_live_bytes)
        t->most_live_bytes = t->live_bytes;
    return t->ids++;
}

static inline void trace_give(struct arena_trace *t, int id, int stream)
{
    if (t->count == TRACE_STEPS)
        abort();
    t->steps[t->count++] = (struct arena_step){true, id, 0, GOV_ARENA_BRIEF, stream};
    t->live_bytes -= t->bytes_of[id];
}

/* Surfaces of a decoder (pitch 256, coded height of 32 rows), for one film after the other, and a
 * few frames that are copied out of it. */
static inline void trace_films(struct arena_trace *t, int films)
{
    static const struct {
        int64_t width, height, bytes;
    } sizes[] = {{1920, 1088, 1}, {3840, 2176, 2}, {1280, 736, 1}, {720, 576, 1}, {1920, 800, 1}};
    for (int film = 0; film < films; film++) {
        int surfaces[20], n = (int)trace_dice(t, 8, 20), frames[4], at = 0;
        int64_t which = trace_dice(t, 0, 4);
        int64_t pitch = (sizes[which].width * sizes[which].bytes + 255) / 256 * 256;
        int64_t surface = pitch * sizes[which].height * 3 / 2;
        for (int i = 0; i < n; i++)
            surfaces[i] = trace_take(t, surface, GOV_ARENA_LONG, 0);
        for (int i = 0; i < 60; i++) {
            if (at == 4)
                trace_give(t, frames[--at], 0);
            frames[at++] = trace_take(t, surface, GOV_ARENA_BRIEF, 0);
        }
        while (at)
            trace_give(t, frames[--at], 0);
        for (int i = 0; i < n; i++)
            trace_give(t, surfaces[i], 0);
    }
}

/* Batches of analysis: small pictures, histograms, results; two batches in flight on two streams.
 */
static inline void trace_batches(struct arena_trace *t, int batches)
{
    enum { PARTS = 5 };
    int flying[2][PARTS];
    for (int i = 0; i < batches; i++) {
        int *batch = flying[i % 2], stream = 1 + i % 2;
        int64_t frames = trace_dice(t, 4, 32);
        if (i >= 2) {
            for (int k = 0; k < PARTS; k++)
                trace_give(t, batch[k], stream);
        }
        const int64_t parts[PARTS] = {frames * 384 * 216, frames * 192 * 108 * 3,
                                      frames * 3 * 256 * 4, frames * 4096, frames * 64};
        for (int k = 0; k < PARTS; k++)
            batch[k] = trace_take(t, parts[k], GOV_ARENA_BRIEF, stream);
    }
    for (int i = batches - 2; i < batches; i++) {
        for (int k = 0; k < PARTS; k++)
            trace_give(t, flying[i % 2][k], 1 + i % 2);
    }
}

/* A speech model like Whisper's medium: tensors, states with their caches, scratch by batch. */
static inline void trace_speech(struct arena_trace *t, int chunks)
{
    enum { LAYERS = 48, PER_LAYER = 6 };
    int tensors[LAYERS * PER_LAYER], states[16], n = 0;
    static const int64_t widths[PER_LAYER] = {1024 * 1024, 1024 * 1024, 1024 * 1024,
                                              1024 * 1024, 4096 * 1024, 4096 * 1024};
    for (int i = 0; i < LAYERS; i++) {
        for (int k = 0; k < PER_LAYER; k++)
            tensors[n++] = trace_take(t, widths[k] * 2, GOV_ARENA_LONG, 0);
    }
    int64_t batch = trace_dice(t, 2, 6);
    for (int i = 0; i < batch; i++)
        states[i] = trace_take(t, 157000000, GOV_ARENA_LONG, 0);
    for (int i = 0; i < chunks; i++) {
        int mel = trace_take(t, 80 * 3000 * 4 * batch, GOV_ARENA_BRIEF, 1);
        int encode = trace_take(t, 36000000 * batch, GOV_ARENA_BRIEF, 1);
        for (int64_t token = trace_dice(t, 20, 40); token > 0; token--) {
            int64_t bytes = (51865 + 448 * 1024) * 4 * trace_dice(t, 1, batch);
            trace_give(t, trace_take(t, bytes, GOV_ARENA_BRIEF, 1), 1);
        }
        trace_give(t, encode, 1);
        trace_give(t, mel, 1);
    }
    for (int i = 0; i < batch; i++)
        trace_give(t, states[i], 0);
    while (n)
        trace_give(t, tensors[--n], 0);
}

/* A language model of 3 billion weights in 4 bits: few large pieces, a cache by prompts, scratch
 * that grows with the prompt as a pool's does. */
static inline void trace_language(struct arena_trace *t, int prompts)
{
    int weights[4], cache, n = (int)trace_dice(t, 3, 4);
    for (int i = 0; i < n; i++)
        weights[i] = trace_take(t, 500000000 + 40000000 * i, GOV_ARENA_LONG, 0);
    cache = trace_take(t, trace_dice(t, 1, 4) * 480000000, GOV_ARENA_LONG, 0);
    for (int i = 0; i < prompts; i++) {
        int compute = trace_take(t, trace_dice(t, 250, 320) * 1000000, GOV_ARENA_LONG, 0);
        for (int64_t tokens = trace_dice(t, 10, 30); tokens > 0; tokens--) {
            int64_t rows = trace_dice(t, 1, 512);
            int a = trace_take(t, rows * 3072 * 4, GOV_ARENA_BRIEF, 1);
            int b = trace_take(t, rows * 8192 * 2, GOV_ARENA_BRIEF, 1);
            int c = trace_take(t, 32 * trace_dice(t, 1, 64) * 512, GOV_ARENA_BRIEF, 1);
            trace_give(t, b, 1);
            trace_give(t, c, 1);
            trace_give(t, a, 1);
        }
        trace_give(t, compute, 0);
    }
    trace_give(t, cache, 0);
    while (n)
        trace_give(t, weights[--n], 0);
}

/* What a shelf does in a process that holds all of it. */
static inline void trace_shelf(struct arena_trace *t, int movies)
{
    for (int i = 0; i < movies; i++) {
        int surfaces[12], n = (int)trace_dice(t, 8, 12);
        int64_t surface = trace_dice(t, 1, 8) * 3133440;
        for (int k = 0; k < n; k++)
            surfaces[k] = trace_take(t, surface, GOV_ARENA_LONG, 0);
        trace_batches(t, 60);
        if (i % 2)
            trace_speech(t, 6);
        trace_batches(t, 20);
        while (n)
            trace_give(t, surfaces[--n], 0);
        if (i % 3 == 2)
            trace_language(t, 8);
    }
}

static const char *const arena_trace_names[] = {"films",    "batches", "speech",
                                                "language", "shelf",   NULL};

static inline void arena_trace_free(struct arena_trace *t)
{
    free(t->steps);
    free(t->bytes_of);
    free(t);
}

/* Which: an index of arena_trace_names. length: 1 is enough for a test, 10 for a measurement. */
static inline struct arena_trace *arena_trace_new(int which, uint32_t seed, int64_t divisor,
                                                  int length)
{
    struct arena_trace *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->steps = malloc(TRACE_STEPS * sizeof *t->steps);
    t->bytes_of = malloc(TRACE_IDS * sizeof *t->bytes_of);
    if (!t->steps || !t->bytes_of)
        abort();
    t->random = seed * 2654435761u | 1;
    t->divisor = divisor;
    for (int i = 0; i < 8; i++)
        trace_dice(t, 0, 1);
    switch (which) {
    case 0:
        trace_films(t, 4 * length);
        break;
    case 1:
        trace_batches(t, 100 * length);
        break;
    case 2:
        trace_speech(t, 2 * length);
        trace_speech(t, 2 * length);
        break;
    case 3:
        trace_language(t, 3 * length);
        trace_language(t, 3 * length);
        break;
    default:
        trace_shelf(t, 3 * length);
        break;
    }
    return t;
}

#endif
