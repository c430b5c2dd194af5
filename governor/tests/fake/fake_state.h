/*
 * The make-believe GPUs behind our fake libnvidia-ml.so.1 and libcuda.so.1: a file that both
 * libraries, and the test that drives them, map into memory; several processes may share it. A test
 * changes the fields directly.
 *
 * FAKE_NVIDIA_STATE names the file; it is read at nvmlInit and cuInit. A file that is empty or not
 * there becomes one RTX 3060, shaped by
 *   FAKE_NVIDIA_MIB (12288)         FAKE_NVIDIA_RESERVED_MIB (247)  FAKE_NVIDIA_CONTEXT_MIB (180)
 *   FAKE_NVIDIA_NEIGHBOUR_MIB (0)   FAKE_NVIDIA_LAG (0 readings)    FAKE_NVIDIA_DRIVER (580.65.06)
 *   FAKE_NVIDIA_GPUS (1)            FAKE_NVIDIA_FAIL_ALLOCATION (n-th allocation fails)
 * FAKE_NVIDIA_REPORT: at its end a process says what it has not given back.
 * Without FAKE_NVIDIA_STATE each library has a card of its own.
 */
#ifndef GOV_TESTS_FAKE_STATE_H
#define GOV_TESTS_FAKE_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FAKE_GPUS = 4,
    FAKE_MIGS = 3,
    FAKE_NEIGHBOURS = 12,
    FAKE_XIDS = 32,
    FAKE_SLOTS = 64,
    FAKE_LAGGING = 64,
    FAKE_UNKNOWN_ROWS = -1
};
#define FAKE_MAGIC   UINT32_C(0x46414b34)
#define FAKE_MIB     (UINT64_C(1) << 20)
#define FAKE_GRANULE (2 * FAKE_MIB) /* the driver hands out memory in these */

/* Fails calls by number: those from `from` on, `times` of them (< 0: all), counted from 1. */
struct fake_fault {
    int64_t calls; /* made so far */
    int64_t from;  /* 0: none fails */
    int64_t times;
    int32_t error;
    char last[48]; /* the function that failed last */
};

/* What a client of libcuda has to give back. */
enum fake_thing {
    FAKE_BLOCKS,   /* cuMemAlloc */
    FAKE_HANDLES,  /* cuMemCreate */
    FAKE_RANGES,   /* cuMemAddressReserve */
    FAKE_MAPPINGS, /* cuMemMap */
    FAKE_STREAMS,
    FAKE_EVENTS,
    FAKE_MODULES,
    FAKE_THINGS
};

/* Somebody else's process. */
struct fake_neighbour {
    int32_t pid; /* 0: an unused row */
    int32_t mig; /* 1 + index of the instance it runs in; 0: the whole GPU */
    uint64_t bytes;
    bool computes; /* in the list of programs that compute, of those that draw, or in both */
    bool draws;
    bool unknown;     /* the driver does not say its bytes */
    int64_t from_us;  /* on the state's clock */
    int64_t until_us; /* 0: for ever */
};

/* An instance of a divided GPU. */
struct fake_mig {
    uint8_t uuid[16];
    uint64_t total_bytes;
    uint64_t reserved_bytes;
};

struct fake_gpu {
    char name[64];
    uint8_t uuid[16];
    char pci[32];
    uint64_t total_bytes;
    uint64_t reserved_bytes;
    int32_t major, minor; /* compute capability */
    bool lost;
    bool no_memory;           /* shares the machine's: memory is not supported */
    bool processes_unknown;   /* per-process memory is not available (WDDM) */
    bool processes_forbidden; /* the lists say "no permission" */
    bool no_events;
    int32_t mig_count;
    struct fake_mig migs[FAKE_MIGS];
    struct fake_neighbour neighbours[FAKE_NEIGHBOURS];
    uint64_t xids[FAKE_XIDS]; /* waiting, oldest first */
    int32_t xid_count;
};

/* What one process holds on one GPU. */
struct fake_slot {
    int32_t pid; /* 0: unused */
    int32_t gpu;
    uint64_t bytes;
};

struct fake_lagging {
    int32_t gpu;
    int32_t readings; /* until it is free; 0: unused row */
    uint64_t bytes;
};

struct fake_state {
    uint32_t magic;
    char driver_version[32];
    int32_t cuda_version;
    bool no_driver;    /* nvmlInit: driver not loaded */
    bool no_cuda;      /* cuInit: no device */
    bool no_memory_v2; /* the symbol is there and answers "function not found" */
    int32_t
        lists_refused; /* the same for process lists: bit 0 for _v3, 1 for _v2, 2 for the first */
    int32_t row_bytes; /* of process lists; 0: as this driver's would be */
    uint64_t protected_bytes; /* what rows of 32 bytes end with (confidential computing) */
    bool dirty_rows;          /* the driver clears the whole buffer it is given */
    uint32_t random_rows;     /* not 0: a seed; lists hold anything, in any number */
    bool garbage_rows;        /* nothing in the lists makes sense */
    int32_t pid_offset;       /* the lists' pids are another namespace's: ours plus this */
    int32_t gpu_count;
    struct fake_gpu gpus[FAKE_GPUS];
    int32_t cuda_order[FAKE_GPUS]; /* CUDA's number -> NVML's */
    uint64_t context_bytes;        /* what a process's first context costs */
    int32_t lag_readings;          /* a free is seen after so many readings of memory */
    int64_t now_us;                /* for neighbours that come and go */
    bool no_vmm;                   /* the card cannot map memory to addresses */
    int32_t event_lag; /* an event is done when it was asked about more often than this */
    struct fake_fault nvml, cuda, allocation;
    char cuda_function[48]; /* cuda counts and fails this function only; "": all */
    /* What a client must give back. */
    int32_t nvml_references;
    int32_t event_sets;
    int32_t contexts;
    int32_t held[FAKE_THINGS];
    int64_t list_calls; /* of process lists */
    int64_t memory_calls;
    int64_t inits;
    struct fake_slot slots[FAKE_SLOTS];
    struct fake_lagging lagging[FAKE_LAGGING];
};

/* Fills a zeroed state with one card, as the environment says. */
void fake_state_init(struct fake_state *state);

/* Adds a card like the first, with its own UUID and PCI bus id; its index. */
int fake_state_add_gpu(struct fake_state *state, const char *name, uint64_t total_bytes);

/* Maps the file (created if need be); NULL: it cannot. Unmap with fake_state_close. */
struct fake_state *fake_state_open(const char *path);
void fake_state_close(struct fake_state *state);

/* For the two libraries. One holder at a time, over threads and processes. */
struct fake_state *fake_lock(void); /* NULL when there is no state */
void fake_unlock(void);
bool fake_attach(void); /* maps what FAKE_NVIDIA_STATE names; true: there is a state */
void fake_detach(void);

/* All with the lock held. */
bool fake_fails(struct fake_fault *fault, const char *function);
uint64_t fake_used(struct fake_state *state, int gpu); /* without the driver's share */
uint64_t fake_neighbour_bytes(const struct fake_state *state, int gpu, int mig);
bool fake_take(struct fake_state *state, int gpu, uint64_t bytes); /* for this process */
void fake_give(struct fake_state *state, int gpu, uint64_t bytes);
void fake_reading(struct fake_state *state); /* time passes for lagging frees */

#endif
