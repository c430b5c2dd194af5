/* The runtime's state, shared by its files:
 *   super.c    the loop: waiting, timers, signals, what the engine commands
 *   hooks.c    movies that join, and what the user wants of a run that goes on
 *   talk.c     records to and from workers
 *   process.c  a worker process
 *   memory.c   the governor of this machine
 *   tier.c     giving memory back
 *   enforce.c  leases as limits of the kernel
 *   flight.c   the flight recorder's files, post-mortems
 *   report.c   what the governor holds, for who asks
 *   clean.c    what killed workers left behind */
#ifndef MD_SUPER_SUPER_INTERNAL_H
#define MD_SUPER_SUPER_INTERNAL_H

#include <gov/governor.h>
#include <gov/history.h>
#include <gov/reclaim.h>

#include "base/vec.h"
#include "engine/engine.h"
#include "super/process.h"
#include "super/super.h"

/* How leases of workers are enforced; see enforce.c. */
enum md_enforcement {
    MD_ENFORCE_NONE,
    MD_ENFORCE_CGROUP_V2,
    MD_ENFORCE_CGROUP_V1,
    MD_ENFORCE_RLIMIT,
};

/* The governor and what it needs. */
struct md_memory {
    struct gov_device *device;
    struct gov_governor *governor;
    struct gov_recorder *recorder; /* NULL: there was no memory for one */
    bool is_host;                  /* else a GPU, real or simulated */
    char name[GOV_LABEL_MAX];      /* part of the regime: "host", "rtx3060" */
    const struct md_log *log;
    bool failing; /* the last reading failed, and it was said */
};

int md_memory_open(struct md_memory *memory, const struct md_options *options,
                   const struct gov_config_sources *sources, const struct md_log *log,
                   struct gov_config *ret_config, struct md_failure *failure);
void md_memory_close(struct md_memory *memory);
/* Reads the device; false when it cannot be read (said once). */
bool md_memory_sample(struct md_memory *memory, int64_t now_us);
void md_memory_view(struct md_memory *memory, struct md_memory_view *ret_view);

struct md_process_vec MD_VEC(struct md_process *);
struct md_job_vec MD_VEC(struct md_job);

/* An event that a command caused, to be told once all commands of the step are carried out. */
struct md_own_event {
    struct md_event event;
    struct md_failure failure;
};
struct md_own_event_vec MD_VEC(struct md_own_event);

struct md_super {
    const struct md_super_params *params;
    struct md_super_observer observer;
    struct md_memory memory;
    struct md_engine *engine;
    struct gov_history *history;      /* what stages took, also in earlier runs */
    bool history_lost;                /* it cannot be kept, and that was said */
    struct md_job_vec jobs;           /* by the engine's number of the movie */
    char *worker_paths[MD_EXECUTORS]; /* found at the first use; NULL: not looked for */
    int epoll_fd, timer_fd, signal_fd;
    struct md_process_vec processes;    /* room is reserved for as many as the engine may start */
    struct md_own_event_vec own_events; /* likewise */
    struct md_record record;            /* scratch */
    int64_t lost_us; /* time in which we were stopped; not counted as time for the engine */
    int64_t last_seen_us;
    int64_t next_sample_us, next_tick_us;
    enum md_enforcement enforcement;
    bool unenforced_said;   /* that it does not work after all */
    char *cgroup;           /* the folder in which workers' own are made; NULL: none */
    uint64_t flight_serial; /* events before this one are in the file of --flight */
    bool flight_fails;
    int64_t heartbeat_us; /* of workers; 0: none is wanted */
    struct gov_tier_run tier_run;
    bool tier_runs; /* until the next sample */
    int64_t tier_since_us;
    int64_t tier_used_bytes;   /* of the device, when it was last looked at; 0: not yet */
    enum gov_tier tier_wanted; /* asked for while another ran */
    int cancels, signal;
    bool stops;  /* the user wants the run to end */
    bool closed; /* the engine knows that no more movies come */
    bool ends;   /* the engine has said so */
};

/* super.c */

/* Monotonic, without the time in which we were stopped. */
int64_t md_super_now_us_(const struct md_super *s);

/* Steps the engine and carries out what it commands, then the same for events put off meanwhile. */
void md_super_tell_(struct md_super *s, const struct md_event *event);
/* For what happens while commands are carried out; of the pointers only failure may be set. */
void md_super_tell_later_(struct md_super *s, const struct md_event *event);
/* Makes epoll wait for what the socket can still bring or take. */
void md_super_watch_channel_(struct md_super *s, struct md_process *process);

/* hooks.c */

/* A movie joins the run. MD_ERR_NOMEM. */
int md_super_take_job_(struct md_super *s, const struct md_job *job);
/* Tells the engine that no more movies come, once that is so. */
void md_super_close_(struct md_super *s);
/* What is wanted of this movie. */
const struct md_options *md_super_options_of_(const struct md_super *s, size_t movie);
unsigned md_super_stages_of_(const struct md_super *s, size_t movie);

/* remember.c */

/* Reads the history of earlier runs. */
int md_super_recall_(struct md_super *s, const struct gov_config *config,
                     struct md_failure *failure);
/* Keeps what is new in it. */
void md_super_remember_(struct md_super *s);

/* models.c */

/* Looks at the model files the options name; models (MD_EXECUTORS of them) borrow the names.
 * measures: see super.h. */
int md_super_find_models_(const struct md_options *options, bool on_cpu, const char *measures,
                          struct md_engine_model *models, struct md_failure *failure);

/* talk.c */

/* Reads everything a worker has said and passes it on. */
void md_super_listen_(struct md_super *s, struct md_process *process);
/* Carries out CHECK, RUN, FINISH_MOVIE, CANCEL, QUIT by telling the worker. */
void md_super_speak_(struct md_super *s, struct md_process *process,
                     const struct md_command *command);
void md_super_send_word_(struct md_super *s, struct md_process *process, const char *word);

/* clean.c */

/* Removes what workers that were killed left in a movie's folders, unless somebody else is at it.
 */
void md_super_clean_after_(const struct md_job *job);
/* The name of a run's cgroup; and removing, from the group they are all in, those of runs that were
 * killed, unless a process is still in them. Never those of runs that live, or of which nobody here
 * can say whether they do. */
void md_super_name_group_(long pid, char *name, size_t size);
void md_super_remove_dead_groups_(const char *parent);

/* flight.c */

/* Makes the file of --flight anew. */
int md_super_begin_flight_(struct md_super *s, struct md_failure *failure);
/* Now and then: what is new goes to the file. */
void md_super_note_flight_(struct md_super *s);
void md_super_end_flight_(struct md_super *s);
void md_super_post_mortem_(struct md_super *s, const struct md_command *command);
/* A stage has failed and is tried again: a line for the report, beside the stages' times. */
void md_super_note_trouble_(struct md_super *s, const struct md_command *command);

/* tier.c */
void md_super_run_tier_(struct md_super *s, enum gov_tier tier);
/* To be called after a sample; tells the engine when a tier is done. */
void md_super_end_tier_(struct md_super *s);

/* enforce.c */

/* Finds out how leases can be enforced here, and says it. */
void md_super_begin_enforcing_(struct md_super *s);
void md_super_end_enforcing_(struct md_super *s);
/* A worker was started; it has taken hardly anything yet. */
void md_super_confine_(struct md_super *s, struct md_process *process);
/* It is gone; true when the kernel ended it because it wanted more than its lease. */
bool md_super_release_(struct md_super *s, struct md_process *process);
/* Ends workers that have more than they may, where only looking tells; to be called at every
 * sample. Returns how long it may be until the next, in microseconds. */
int64_t md_super_look_at_leases_(struct md_super *s);
/* Carries out what a command says about a worker's lease: 0 leaves it unlimited. */
void md_super_set_lease_(struct md_super *s, struct md_process *process, int64_t lease_bytes);

#endif
