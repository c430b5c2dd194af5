/* libgov internal: the state of a simulated device, shared by its parts (device_sim*.c). */
#ifndef GOV_SRC_DEVICE_SIM_H
#define GOV_SRC_DEVICE_SIM_H

#include <gov/device.h>

/* What one process holds; a neighbour's memory is not here. */
struct sim_process {
    int64_t pid;
    int64_t context_bytes;
    int64_t direct_bytes; /* gov_sim_take */
    int64_t pool_bytes;   /* chunks of its pools */
    int64_t peak_bytes;   /* of the sum */
};

struct sim_slice {
    int64_t offset; /* within its chunk */
    int64_t bytes;
};

/* Slices are sorted by offset. */
struct sim_chunk {
    int64_t base;  /* address of offset 0 */
    int64_t bytes; /* as the device counts it */
    int64_t live_bytes;
    int64_t largest_gap_bytes;
    struct sim_slice *slices;
    size_t slice_count;
    size_t slice_capacity;
};

/* Chunks are sorted by base, which only grows: addresses are never used twice. */
struct sim_pool {
    uint64_t id;
    int64_t pid;
    int64_t chunk_bytes;
    int64_t next_base;
    struct sim_chunk *chunks;
    size_t chunk_count;
    size_t chunk_capacity;
};

/* Freed memory that is not back yet; due times only grow, so a ring in order of freeing serves. */
struct sim_lag {
    int64_t due_us;
    int64_t bytes;
};

enum { SIM_LAGS_MAX = 64, SIM_CALL_KINDS = 3, SIM_EVENTS_MAX = 16 };

struct sim_fault {
    struct gov_sim_fault fault;
    int64_t seen;
};

struct sim {
    int64_t total_bytes;
    int64_t reserved_bytes;
    int64_t context_bytes;
    int64_t granularity_bytes; /* >= 1 */
    int64_t lag_us;
    int64_t now_us;
    bool lost;

    int64_t taken_bytes; /* sum over processes */
    struct sim_process *processes;
    size_t process_count;
    size_t process_capacity;

    struct sim_pool *pools;
    size_t pool_count;
    size_t pool_capacity;
    uint64_t last_pool_id;

    struct sim_lag lags[SIM_LAGS_MAX];
    size_t lag_first;
    size_t lag_count;
    int64_t lagging_bytes; /* sum of lags */

    const struct gov_sim_neighbour *neighbours;
    size_t neighbour_count;
    size_t *order;        /* all, by at_us */
    size_t started_count; /* how many of order have begun */
    size_t *active;       /* those that have begun and not ended, earlier first */
    size_t active_count;
    int64_t wished_bytes;  /* sum of active wishes at now_us */
    int64_t wish_until_us; /* wished_bytes holds before this time */

    struct sim_fault faults[GOV_SIM_FAULTS_MAX];
    size_t fault_count;
    int64_t calls[SIM_CALL_KINDS];

    bool known_lost; /* readings have noticed it */
    struct gov_device_event events[SIM_EVENTS_MAX];
    size_t event_first;
    size_t event_count;
};

/* device_sim.c */

/* NULL when the device is not simulated. */
struct sim *gov_sim_of(const struct gov_device *device);
void gov_sim_pass_time(struct sim *sim, int64_t now_us);
struct sim_process *gov_sim_find_process(const struct sim *sim, int64_t pid);
/* bytes rounded up to the granularity; INT64_MAX when that does not fit. */
int64_t gov_sim_round(const struct sim *sim, int64_t bytes);
/*
 * Charges a process: *ret_process may have been made, with its context, for it. bytes is rounded.
 * The caller adds bytes to direct or pool. DEVICE_NOMEM, NOMEM.
 */
int gov_sim_charge(struct sim *sim, int64_t pid, int64_t bytes, struct sim_process **ret_process);
/* Memory goes back to the device, after the lag. */
void gov_sim_uncharge(struct sim *sim, int64_t bytes);
int64_t gov_sim_process_bytes(const struct sim_process *process);

/* device_sim_fault.c */

/* Counts a call; the error it has to answer, or 0. */
int gov_sim_enter(struct sim *sim, enum gov_sim_call call);
/* A reading had this error: is the device lost now, or back? */
void gov_sim_notice(struct sim *sim, int error);
int gov_sim_next_event(void *state, struct gov_device_event *ret_event);

/* device_sim_pool.c */

void gov_sim_drop_pools(struct sim *sim, int64_t pid); /* pid < 0: everybody's; uncharges nothing */

/* device_sim_script.c: neighbours. */

/* Sorts them; NOMEM. */
int gov_sim_script_init(struct sim *sim, const struct gov_sim_params *params);
void gov_sim_script_done(struct sim *sim);
/* Begins and ends neighbours and sums their wishes for sim->now_us. */
void gov_sim_script_step(struct sim *sim);
/* What a neighbour with this pid has of the room; *ret_any: there is one now. */
int64_t gov_sim_script_bytes(const struct sim *sim, int64_t pid, bool *ret_any);
/* The i-th active neighbour's pid and what it has, given the room left for it; room is reduced. */
int64_t gov_sim_script_share(const struct sim *sim, size_t index, int64_t *room, int64_t *ret_pid);
bool gov_sim_script_is_valid(const struct gov_sim_params *params);
/* What neighbours may have together: total - reserved - ours - lagging. */
int64_t gov_sim_room(const struct sim *sim);

#endif
