/* The world's state, shared by its files:
 *   world.c   time, the engine's commands, readings, the end
 *   worker.c  modelled workers
 *   tier.c    giving memory back */
#ifndef MD_SIM_WORLD_INTERNAL_H
#define MD_SIM_WORLD_INTERNAL_H

#include <gov/reclaim.h>

#include "sim/heap.h"
#include "sim/random.h"
#include "sim/truth.h"
#include "sim/world.h"

enum due_kind {
    DUE_WORKER,  /* it does what comes next in its state */
    DUE_DIES,    /* killed: it is gone now */
    DUE_SAMPLE,  /* the device is read */
    DUE_UNLOAD,  /* a tier wants an idle worker's memory */
    DUE_RELEASE, /* memory that was held back comes back: value is the process */
    DUE_POUNCE_ENDS,
};

enum worker_state {
    WORKER_SPAWNING,
    WORKER_LOADING, /* a model */
    WORKER_IDLE,
    WORKER_CHECKING,
    WORKER_RUNNING,
    WORKER_FINISHING,
    WORKER_STUCK, /* it hangs or has given up: only a QUIT or KILL moves it */
    WORKER_QUITTING,
};

struct sim_worker {
    uint32_t id;
    uint32_t turn; /* of what is due for it */
    enum worker_state state;
    enum md_executor executor;
    bool hangs; /* stuck, and does not hear QUIT */
    bool killed;
    bool ran_out; /* of memory */
    int64_t pid;
    uint64_t pool; /* 0: none yet */
    int64_t resident_bytes;
    int64_t base_at, spike_at; /* slices of the pool; 0: none */
    size_t movie;              /* the one it works for */
    enum md_stage stage;
    int batch;
    enum md_settings settings;
    struct md_sim_need need;
    int64_t total, step_units; /* units of the stage; of the step under way */
    int64_t step_left_us;      /* of the step under way, beyond the next sign of life */
    int64_t started_us;        /* the stage */
    int64_t peak_bytes;
    uint64_t result; /* of the units of this run that are not written yet */
};

/* A movie's work folder: what outlives its workers. */
struct sim_folder {
    struct md_sim_movie movie;
    int64_t units[MD_STAGES]; /* finished and written */
    uint64_t results[MD_STAGES];
    unsigned done;     /* stages, bits */
    unsigned fallback; /* those that were done without their model */
    bool ended;
    int troubles; /* deaths made for it */
    int64_t waiting_since_us;
    int waiting_stage;         /* -1: it does not wait for memory */
    bool ran_out, lost_worker; /* and its stage has not been run again since */
};

struct world {
    const struct md_sim_params *params;
    const struct md_sim_situation *situation;
    struct md_sim_machine *machine;
    struct md_sim_result *result;
    struct md_engine *engine;
    struct md_sim_heap heap;
    struct md_sim_random random;
    int64_t now_us, step_us;
    struct sim_worker_vec MD_VEC(struct sim_worker) workers; /* alive */
    struct sim_folder_vec MD_VEC(struct sim_folder) folders; /* one for each movie */
    size_t unfinished;
    bool fed, ended, cancelled, nomem;
    bool paused_by_memory, paused_by_user;
    /* readings */
    int64_t last_sample_us, next_sample_us, sample_interval_us;
    uint32_t sample_turn;
    bool changed;       /* since the last reading */
    int64_t settles_us; /* until then what was freed comes back */
    int64_t blind_from_us, blind_until_us;
    struct gov_tier_run tier_run;
    bool tier_runs;
    int64_t ticks_in_place; /* engine steps without time passing */
    int64_t pounce_pid;
    int64_t back_us[MD_EXECUTORS]; /* when the memory of the last one that ran out is back */
};

/* world.c */
void world_tell(struct world *w, const struct md_event *event);
void world_due(struct world *w, int64_t after_us, struct md_sim_due due);
void world_trace(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something that must not be. */
void world_broken(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Counts an operation; true when it is to fail. */
bool world_fails(struct world *w, enum md_sim_operation operation);

/* worker.c */
struct sim_worker *worker_find(struct world *w, uint32_t id);
void worker_command(struct world *w, const struct md_command *command);
void worker_acts(struct world *w, struct sim_worker *worker);
void worker_dies(struct world *w, struct sim_worker *worker, int signal, const char *last_words);
void worker_free_process(struct world *w, int64_t pid);
bool worker_is_busy(const struct sim_worker *worker);
uint64_t sim_regime(const struct world *w, const struct sim_worker *worker);

/* tier.c */
void tier_begin(struct world *w, enum gov_tier tier);
/* After a reading. */
void tier_end(struct world *w);

#endif
