/* The engine in a virtual world: its clock jumps from event to event, its workers are models that
 * take and give memory on a simulated device, and whatever can go wrong does, by the seed. The
 * engine and the governor are the real ones. The same parameters give the same run.
 *
 * One thread at a time; any number of worlds. */
#ifndef MD_SIM_WORLD_H
#define MD_SIM_WORLD_H

#include <gov/governor.h>

#include "base/vec.h"
#include "sim/workload.h"

struct gov_history;
struct gov_recorder;

/* What the fault sweep counts. */
enum md_sim_operation {
    MD_SIM_ALLOCATE, /* a process takes device memory */
    MD_SIM_SPAWN,    /* a worker is started */
    MD_SIM_STEP,     /* a step of a running stage: the worker dies in it */
    MD_SIM_SAMPLE,   /* a reading of the device */
    MD_SIM_RELEASE,  /* the memory of a process that has ended comes back: later, or never */
    MD_SIM_TIER,     /* a tier is run: it frees nothing */
    MD_SIM_OPERATIONS
};
extern const char *const md_sim_operation_names[]; /* NULL-ended */

/* Why no worker worked, rightly paused apart: the first that holds for a movie, the oldest first.
 */
enum md_sim_down {
    MD_SIM_DOWN_HUNG,  /* a worker hangs and nobody has noticed yet */
    MD_SIM_DOWN_OOM,   /* after an out-of-memory: the look, a tier, the recovery wait, the lease */
    MD_SIM_DOWN_CRASH, /* a worker was lost: backing off before the next one */
    MD_SIM_DOWN_WAITS, /* a stage waits for its lease or its model */
    MD_SIM_DOWN_OTHER, /* between a movie's end and the next, pauses after a change */
    MD_SIM_DOWNS
};
extern const char *const md_sim_down_names[]; /* NULL-ended */

/* The nth operation (from 1) fails; persistent: it and all after it. nth 0: none. */
struct md_sim_fault {
    enum md_sim_operation operation;
    int64_t nth;
    bool persistent;
};

/* A device and its governor, which may outlive a world: the nights of a machine that is not
 * switched off. */
struct md_sim_machine {
    struct gov_device *device;
    struct gov_governor *governor;
    struct gov_config config;
    struct gov_device_params device_params; /* the device borrows its neighbours */
    int64_t now_us;                         /* where the next world begins */
    int64_t last_pid;
};

/* The situation is borrowed for the machine's life. config NULL: gov_config_default. log NULL:
 * silent. MD_ERR_INPUT (a bad device or configuration), MD_ERR_NOMEM. */
int md_sim_machine_open(struct md_sim_machine *machine, const struct md_sim_situation *situation,
                        const struct gov_config *config, const struct gov_log *log);
void md_sim_machine_close(struct md_sim_machine *machine);

/* What a watcher is shown after every event that changed something. */
struct md_sim_view {
    int64_t now_us;
    int64_t used_bytes, own_bytes, leased_bytes, total_bytes;
};

struct md_sim_params {
    const struct md_sim_situation *situation; /* borrowed for the run */
    struct md_engine_policy policy;
    bool knows_truth; /* predictions are the true peaks: the oracle */
    int max_movies;   /* in flight; 0: as the configuration says */
    int64_t step_us;  /* steps of running stages are at least so far apart; 0: 20 s */
    struct md_sim_fault fault;
    struct gov_history *history;   /* borrowed; NULL: a new one */
    struct gov_recorder *recorder; /* borrowed; NULL: none */
    int64_t until_us; /* > 0: the machine idles until then, and work is cancelled then */
    bool check;       /* all invariants after every event, not only at the end */
    /* NULL: the situation's movies. Else called for movie 0, 1, 2 ... as soon as fewer than three
     * are not done; false: there are no more. */
    bool (*feed)(void *user, size_t index, struct md_sim_movie *ret_movie);
    void *feed_user;
    void (*trace)(void *user, int64_t now_us, const char *line);
    void *trace_user;
    void (*watch)(void *user, const struct md_sim_view *view);
    void *watch_user;
    /* A stage of a movie ran from start_us to end_us and ended well (or not). */
    void (*stage_ran)(void *user, size_t movie, enum md_stage stage, int batch, int64_t start_us,
                      int64_t end_us, int64_t peak_bytes, bool ended_well);
    void *stage_user;
};

struct md_sim_movie_result {
    enum md_movie_end end;
    int code; /* enum md_error; 0 when done */
    int ooms; /* real ones: an allocation that failed */
    int64_t start_us, end_us;
    uint64_t result;   /* of all its units */
    bool is_right;     /* each unit counted once, in each stage */
    unsigned fallback; /* stages, bits, that were done without their model */
    char why[160];
};

/* A real out-of-memory. */
struct md_sim_oom {
    int64_t at_us;
    size_t movie; /* for which it was wanted */
    size_t ended; /* movies that had ended before */
    enum md_stage stage;
    enum md_executor executor;
    int batch;
    enum md_settings settings;
    uint64_t regime; /* the same for the same stage, model, class of picture and codec */
};

struct md_sim_result {
    struct md_sim_movie_results MD_VEC(struct md_sim_movie_result) movies;
    struct md_sim_ooms MD_VEC(struct md_sim_oom) ooms;
    bool hung;     /* it would never have ended */
    bool broken;   /* an invariant, or the engine broke the protocol */
    char why[200]; /* in words, of the two above */
    size_t lost_to_memory, lost_otherwise;
    size_t fallbacks; /* stages that were done without their model */
    int64_t start_us, end_us;
    /* Of that time: a worker worked; none did, rightly (pause for memory that neighbours hold, or
     * by the user); none did although it could have. */
    int64_t working_us, paused_us, down_us;
    int64_t down_by_us[MD_SIM_DOWNS]; /* their sum is down_us */
    int64_t operations[MD_SIM_OPERATIONS];
    int64_t tiers[GOV_TIER_COUNT];
    /* Models loaded again after an out-of-memory before their last worker's memory was back. */
    int64_t hasty_starts;
    int64_t crashes; /* deaths and hangs that were made */
    int64_t steps;   /* of the engine */
    int64_t stages;  /* that ended well */
    int64_t peak_own_bytes;
    int64_t turns;               /* stages that waited for their model's turn */
    int64_t loads[MD_EXECUTORS]; /* models that became ready, by who runs them */
};

/* Runs the engine until everything has ended. MD_OK also when movies are lost: see *ret_result,
 * which is to be freed in any case. MD_ERR_NOMEM. */
int md_sim_run(struct md_sim_machine *machine, const struct md_sim_params *params,
               struct md_sim_result *ret_result);
void md_sim_result_done(struct md_sim_result *result);

/* The result of a movie whose units are all done once: what a run without any trouble gives; with
 * these stages (bits) done without their model. */
uint64_t md_sim_expected_result(const struct md_sim_situation *situation,
                                const struct md_sim_movie *movie, unsigned fallback);

#endif
