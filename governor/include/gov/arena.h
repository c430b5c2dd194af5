/*
 * libgov: arenas, a caching allocator of device memory under a hard limit: the lease.
 *
 *     struct gov_arena_params params = {.limit_bytes = lease.granted_bytes, .cuda_context = ctx};
 *     struct gov_arena *arena;
 *     gov_arena_new("cuda", &params, &arena);
 *     gov_arena_take(arena, bytes, GOV_ARENA_BRIEF, stream, &address);
 *     ... work on the stream ...
 *     gov_arena_give(arena, address, stream);       at once, the work may still run
 *     gov_arena_free(arena);
 *
 * Memory comes in pages that are mapped to addresses (the driver's virtual memory API), so free
 * pages anywhere serve a large request as well as a single free piece would: they are mapped again
 * in one row. Trimming really gives pages back to the device. A driver or card without that API
 * gets segments of cuMemAlloc instead; then only segments that are wholly free can be given back.
 *
 * Streams: what was given back on a stream is used again on that stream at once, in its order, and
 * on any other stream only after an event has shown that the work before it is done. The address of
 * a block never changes while it is held.
 *
 * Lifetimes keep what lives for a frame apart from what lives for a movie, so that the latter does
 * not hold pages of the former.
 *
 * Thread-safe, but for gov_arena_free. A hit costs some ten nanoseconds and no call to the driver.
 * A take that has to wait for the device holds back other users of the same arena.
 */
#ifndef GOV_ARENA_H
#define GOV_ARENA_H

#include <gov/error.h>
#include <gov/pressure.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_arena;

enum gov_arena_lifetime {
    GOV_ARENA_BRIEF = 0, /* frames, scratch: gone in moments */
    GOV_ARENA_LONG       /* weights, states, decoders' surfaces: stays for a movie or longer */
};

/* Every block starts at a multiple of this and takes a multiple of it: what textures need. */
#define GOV_ARENA_ALIGN 512

/* A stream of the device (CUstream); NULL is the default stream. The host has none: pass NULL. */
typedef void *gov_arena_stream;

/* Zero-fill is valid but for limit_bytes. Pointers are borrowed for the call, but for the context
 * of the callback and cuda_context, which must live as long as the arena. */
struct gov_arena_params {
    int64_t limit_bytes; /* never holds more than this; > 0 */
    /* Memory is got and given back in pages of this size, rounded up to a power of two times the
     * driver's granule (2 MiB). 0: the smallest of which the limit is 2048 at most, up to 32 MiB.
     */
    int64_t page_bytes;
    bool without_mapping; /* use segments, even where memory could be mapped */
    /*
     * Asked, with no lock held, before a take fails: wanted_bytes are short. It may give blocks of
     * this arena back, lower other arenas, grow the limit; true: try again. Asked three times at
     * most for one take. Optional.
     */
    bool (*short_of_memory)(void *context, int64_t wanted_bytes);
    void *context;
    /* "cuda" only. */
    const char *cuda_path; /* NULL: the system's libcuda; a soname or an absolute path */
    void *cuda_context;    /* CUcontext; NULL: the primary one of cuda_device, retained meanwhile */
    int cuda_device;       /* CUDA's ordinal; without meaning when there is a cuda_context */
    /* Receives why making it failed, for a person; may be NULL. */
    char *reason;
    size_t reason_size;
};

/*
 * Makes an arena on "cuda" or, for trying it out without a GPU and for scratch memory of the host,
 * on "host" (pages of the kernel). Takes no memory yet. Errors: INVALID, NOMEM, NO_DEVICE (unknown
 * backend, no driver, no such GPU), DEVICE_NOMEM, DEVICE_LOST, CONTEXT_LOST, IO.
 */
GOV_API int gov_arena_new(const char *backend, const struct gov_arena_params *params,
                          struct gov_arena **ret_arena);

/*
 * Waits for the streams it knows and gives everything back, blocks that are still held too; returns
 * how many those were. Accepts NULL.
 */
GOV_API size_t gov_arena_free(struct gov_arena *arena);

/*
 * Takes a block of at least `bytes`, to be used by work on `stream`, or by other streams that are
 * made to wait for it. Tries in turn: what is free in this stream's order; what is free for all;
 * new pages; free pages mapped elsewhere; waiting for other streams; the callback.
 * Errors: INVALID, NO_ROOM (the limit), DEVICE_NOMEM (the device is full: less, or later),
 * DEVICE_LOST and CONTEXT_LOST (see gov/cuda.h; for good), NOMEM, FULL (more than 60 streams), IO.
 */
GOV_API int gov_arena_take(struct gov_arena *arena, int64_t bytes, enum gov_arena_lifetime lifetime,
                           gov_arena_stream stream, uint64_t *ret_address);

/*
 * Gives a block back in the order of `stream`: all work with it is done, or was put on that stream
 * before this call, or is waited for by it. Address 0 is none. Errors: INVALID (no block that is
 * held starts there), FULL (as take; the block stays held).
 */
GOV_API int gov_arena_give(struct gov_arena *arena, uint64_t address, gov_arena_stream stream);

/*
 * Says that work on another stream uses the block too, in an order that nothing ensures: once given
 * back it waits for what is on that stream by then. Errors: INVALID, FULL.
 */
GOV_API int gov_arena_use(struct gov_arena *arena, uint64_t address, gov_arena_stream stream);

/*
 * To be called before a stream is destroyed: waits for its work and forgets it. Errors: INVALID
 * (unknown stream: nothing to do), DEVICE_LOST, CONTEXT_LOST, IO.
 */
GOV_API int gov_arena_forget(struct gov_arena *arena, gov_arena_stream stream);

/*
 * Gives free pages back to the device until it holds keep_bytes or no page is free; does not wait
 * for work that still runs. ret_freed_bytes (may be NULL) says how much. Errors: INVALID,
 * DEVICE_LOST, CONTEXT_LOST, NOMEM, IO; what was freed until then is freed.
 */
GOV_API int gov_arena_trim(struct gov_arena *arena, int64_t keep_bytes, int64_t *ret_freed_bytes);

/*
 * What an arena does for a tier: standard waits for the streams' work and trims all; aggressive
 * also gives up addresses without memory and events, and starts peaks again;
 * emergency does the same: it is the process that has to end. Errors: as gov_arena_trim.
 */
GOV_API int gov_arena_reclaim(struct gov_arena *arena, enum gov_tier tier,
                              int64_t *ret_freed_bytes);

/*
 * Changes the limit when the lease was resized. Lower than what is held: free pages go at once;
 * NO_ROOM says that blocks in use hold more, and nothing more is got until they are given back.
 * Errors: INVALID, NO_ROOM, DEVICE_LOST, CONTEXT_LOST.
 */
GOV_API int gov_arena_set_limit(struct gov_arena *arena, int64_t limit_bytes);

/* All amounts in bytes, but for counts. */
struct gov_arena_stats {
    int64_t limit_bytes;
    int64_t page_bytes;         /* or of segments, the smallest */
    bool maps;                  /* pages; false: segments */
    struct gov_amount held;     /* got from the device; never above the limit */
    struct gov_amount live;     /* in blocks in use, rounded up to GOV_ARENA_ALIGN */
    struct gov_amount blocks;   /* in use; a count */
    struct gov_amount waiting;  /* given back, and free only for one stream, or none yet */
    int64_t trimmable_bytes;    /* in whole pages that are free for all */
    int64_t largest_free_bytes; /* the largest piece that is free for all */
    int64_t takes_count;        /* that succeeded, ever */
    int64_t hits_count;         /* without a call to the driver */
    int64_t new_count;          /* pages or segments got, ever */
    int64_t remapped_count;     /* pages mapped elsewhere, ever */
    int64_t given_back_bytes;   /* to the device, ever */
    int64_t waits_count;        /* for streams, ever */
    int64_t asked_count;        /* calls of short_of_memory */
    int64_t failed_count;       /* takes that failed */
    int64_t lost_bytes;         /* the driver refused to take back; only the process's end can */
};

/* Errors: INVALID. */
GOV_API int gov_arena_stats(struct gov_arena *arena, struct gov_arena_stats *ret_stats);

/* Peaks start again from now. */
GOV_API void gov_arena_reset_peaks(struct gov_arena *arena);

/* Recomputes and compares all that must hold; false is a bug in libgov. Slow. */
GOV_API bool gov_arena_is_valid(struct gov_arena *arena);

#ifdef __cplusplus
}
#endif

#endif
