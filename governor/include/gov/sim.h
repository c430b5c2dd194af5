/*
 * libgov: the simulated device. It behaves as a GPU does where that matters to a governor: a first
 * use costs a context, allocations are rounded up, what a process frees comes back late, caching
 * pools keep chunks that a single live slice pins, and neighbours take what they want.
 *
 * Specs: "sim:rtx3060" and the other presets (gov_sim_preset), "sim:8GB" or "sim:7.5GiB" (a plain
 * card of that size), "sim" (nothing but params.total_bytes: no driver, no contexts, no rounding).
 *
 * It has no clock: its time is the greatest now_us it was ever told, by gov_device_sample,
 * gov_sim_take, gov_sim_pool_take or gov_sim_advance. The same calls give the same readings.
 *
 * All functions: INVALID for bad arguments, UNSUPPORTED when the device is not simulated. As any
 * device, used by one thread at a time.
 */
#ifndef GOV_SIM_H
#define GOV_SIM_H

#include <gov/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gov_device;
struct gov_device_event; /* gov/device.h */

/* How a neighbour's wish moves between at_us and until_us. */
enum gov_sim_shape {
    GOV_SIM_STEP = 0, /* bytes, all the time */
    GOV_SIM_RAMP,     /* from low_bytes to bytes within period_us, then stays (a leak, a game) */
    GOV_SIM_SAW       /* the same again and again: falls to low_bytes after each period_us */
};

/* Neighbours without a pid get this plus their index. */
#define GOV_SIM_NEIGHBOUR_PID INT64_C(1000000)

/*
 * A scripted foreign process. It gets what is left of its wish: nothing that others hold, but
 * everything they give back. Earlier ones come first.
 */
struct gov_sim_neighbour {
    int64_t at_us;
    int64_t until_us; /* 0: for ever */
    int64_t bytes;    /* its wish, context and all */
    enum gov_sim_shape shape;
    int64_t low_bytes; /* ramp, saw: where it starts, <= bytes */
    int64_t period_us; /* ramp, saw: > 0 */
    int64_t pid;       /* how processes are listed; 0: GOV_SIM_NEIGHBOUR_PID + index */
};

/*
 * A simulated device. Zero-fill is valid together with a preset or a size in the spec. For the
 * fields that say so, 0 means the spec's value (none for plain "sim") and a negative one none.
 */
struct gov_sim_params {
    int64_t total_bytes;                        /* 0: the spec's */
    int64_t reserved_bytes;                     /* the driver's share; 0: spec's, < 0: none */
    const struct gov_sim_neighbour *neighbours; /* borrowed until gov_device_free */
    size_t neighbour_count;
    int64_t context_bytes;     /* what a process's first take costs; 0: spec's, < 0: none */
    int64_t granularity_bytes; /* allocations are rounded up to this; 0: spec's, < 0: 1 byte */
    int64_t lag_us;            /* freed memory stays used (and unavailable) this long; 0: none */
};

/* A row of the table of known cards. */
struct gov_sim_preset {
    const char *name;       /* "rtx3060" */
    const char *title;      /* "GeForce RTX 3060" */
    int64_t total_bytes;    /* as NVML reports it (nvmlDeviceGetMemoryInfo) */
    int64_t reserved_bytes; /* typical for a headless card with a driver of the 535 series */
    int64_t context_bytes;  /* typical for one process with a CUDA context and loaded kernels */
};

/* The i-th preset, by size; NULL after the last. Thread-safe. */
GOV_API const struct gov_sim_preset *gov_sim_preset(size_t index);

/*
 * Makes time pass: lagging frees come back, neighbours move. Time never runs backwards; an
 * earlier now_us changes nothing.
 */
GOV_API int gov_sim_advance(struct gov_device *device, int64_t now_us);

/*
 * pid (> 0, ours or anybody's) takes bytes more, rounded up; the first time also a context. bytes
 * = 0: only the context. Errors: DEVICE_NOMEM when it does not fit (nothing is taken then, no
 * context either), DEVICE_LOST, NOMEM.
 */
GOV_API int gov_sim_take(struct gov_device *device, int64_t now_us, int64_t pid, int64_t bytes);

/*
 * Returns bytes, rounded up as take does, at most what pid took directly. bytes < 0: the process
 * ends; all it has, context and pools too, is returned and their ids become unknown.
 * Errors: NOT_FOUND (pid holds nothing).
 */
GOV_API int gov_sim_give(struct gov_device *device, int64_t pid, int64_t bytes);

/*
 * Caching pools, as allocators of frameworks keep them: chunks are taken from the device and cut
 * into slices; an empty chunk is kept until a trim, a chunk with a live slice cannot be returned.
 * A pool belongs to a process and ends with it.
 */
struct gov_sim_pool_stats {
    int64_t held_bytes;        /* chunks, as the device counts them */
    int64_t live_bytes;        /* slices */
    int64_t pinned_bytes;      /* chunks with a live slice: what a trim cannot return */
    int64_t largest_gap_bytes; /* biggest slice that needs no new chunk */
    size_t chunk_count;
    size_t slice_count;
};

/* chunk_bytes > 0: growth step; a larger slice gets a chunk of its own. Errors: NOMEM. */
GOV_API int gov_sim_pool_new(struct gov_device *device, int64_t pid, int64_t chunk_bytes,
                             uint64_t *ret_pool);

/* Returns every chunk, whatever lives in it. Errors: NOT_FOUND. */
GOV_API int gov_sim_pool_free(struct gov_device *device, uint64_t pool);

/*
 * Cuts a slice (rounded up to 512 bytes) out of the first gap that holds it, else out of a new
 * chunk. ret_address names the slice within its pool, never 0.
 * Errors: NOT_FOUND, DEVICE_NOMEM, DEVICE_LOST, NOMEM.
 */
GOV_API int gov_sim_pool_take(struct gov_device *device, int64_t now_us, uint64_t pool,
                              int64_t bytes, int64_t *ret_address);

/* Errors: NOT_FOUND (no such pool or no such slice). */
GOV_API int gov_sim_pool_give(struct gov_device *device, uint64_t pool, int64_t address);

/* Returns all chunks without a live slice. ret_freed_bytes may be NULL. Errors: NOT_FOUND. */
GOV_API int gov_sim_pool_trim(struct gov_device *device, uint64_t pool, int64_t *ret_freed_bytes);

/* Errors: NOT_FOUND. */
GOV_API int gov_sim_pool_stats(const struct gov_device *device, uint64_t pool,
                               struct gov_sim_pool_stats *ret_stats);

/* Kinds of calls, bits. */
enum gov_sim_call {
    GOV_SIM_CALL_SAMPLE = 1 << 0,
    GOV_SIM_CALL_PROCESSES = 1 << 1, /* gov_device_processes and the list of all processes */
    GOV_SIM_CALL_TAKE = 1 << 2       /* gov_sim_take and pools that grow */
};

/* Calls of these kinds are to fail: the first `skip` pass, then `times` fail. */
struct gov_sim_fault {
    uint32_t calls; /* GOV_SIM_CALL_* bits */
    int64_t skip;
    int64_t times; /* 0: once, < 0: for ever */
    int error;     /* any gov_error but 0 */
};

enum { GOV_SIM_FAULTS_MAX = 8 };

/* Arms one fault more; NULL disarms all. Errors: FULL. */
GOV_API int gov_sim_fail(struct gov_device *device, const struct gov_sim_fault *fault);

/* How many calls of these kinds there were, failed ones too; 0 for other devices. */
GOV_API int64_t gov_sim_calls(const struct gov_device *device, uint32_t calls);

/*
 * The card falls off the bus: all processes lose what they hold, and readings and takes answer
 * DEVICE_LOST until gov_sim_restore. Neighbours come back with the card. Readings that notice
 * either leave an event (gov_device_next_event).
 */
GOV_API int gov_sim_lose(struct gov_device *device);
GOV_API int gov_sim_restore(struct gov_device *device);

/* The device reports something, an XID for example; gov_device_next_event tells it, as it is. */
GOV_API int gov_sim_report(struct gov_device *device, const struct gov_device_event *event);

/* Do all sums agree? For asserts; false also when the device is not simulated. */
GOV_API bool gov_sim_is_valid(const struct gov_device *device);

#ifdef __cplusplus
}
#endif

#endif
