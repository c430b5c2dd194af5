/* The engine's state, shared by its files:
 *   engine.c    events in, commands out, deadlines, the end
 *   movie.c     the queue, movies in flight, how they leave
 *   worker.c    processes: what they answer, how they are lost
 *   schedule.c  which movie gets a worker, a stage, memory
 *   memory.c    predictions, leases, what is learned from them
 *   batch.c     how many units, threads and movies at once
 *   ladder.c    out of memory, tiers, the recovery wait
 *   control.c   samples, pause, stop, cancel
 *   progress.c  is a worker with a model getting on?
 *   valid.c     what must hold
 *
 * Movies that wait are small records in a queue, those in flight are slots, those that have ended
 * are a count: what the engine holds does not grow with what it has done. */
#ifndef MD_ENGINE_ENGINE_INTERNAL_H
#define MD_ENGINE_ENGINE_INTERNAL_H

#include <gov/batch.h>
#include <gov/config.h>
#include <gov/history.h>
#include <gov/recover.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "engine/engine.h"

#define NEVER_US INT64_MAX

enum phase {
    PHASE_FREE,       /* the slot is not used */
    PHASE_BEGIN,      /* needs a media worker, not before the deadline */
    PHASE_STARTING,   /* its media worker is being started */
    PHASE_IDLE,       /* what is next? Outlasts a step only while the user has paused */
    PHASE_CHECKING,   /* asked whether the stage is done already */
    PHASE_WAITING,    /* the stage waits for memory, or for a shared worker */
    PHASE_PARKED,     /* it waits for its model's turn, without a media worker; see order.c */
    PHASE_LOADING,    /* a shared worker is being started for it */
    PHASE_RUNNING,    /* the stage runs in `runner` */
    PHASE_RECOVERING, /* out of memory: see enum step */
    PHASE_FINISHING,  /* all stages done, the media worker cleans up */
    PHASE_LEAVING,    /* ends as `end` once no worker has to do with it any more */
};

/* Where a movie stands between an out-of-memory and the next try. */
enum step {
    STEP_LOOK,    /* for the next sample: what does memory look like now? */
    STEP_TIER,    /* for tier_wanted to have been run */
    STEP_RESTART, /* for the worker to have ended and its memory to be back */
};

enum worker_state {
    WORKER_NONE, /* no process */
    WORKER_STARTING,
    WORKER_IDLE,
    WORKER_BUSY,      /* was asked something and has not answered */
    WORKER_STOPPING,  /* asked to quit; killed at the deadline */
    WORKER_CONDEMNED, /* killed by us because of condemned_for */
};

struct movie;

struct worker {
    enum md_executor executor;
    enum worker_state state;
    uint32_t id; /* 0: none */
    int64_t pid; /* 0: not known */
    int64_t deadline_us;
    bool asked; /* owes an answer, also while it is asked to quit */
    bool cancelled;
    bool kill_sent;
    bool after_oom;            /* has just said that it ran out of memory: its end is no surprise */
    const char *condemned_for; /* static words */
    struct movie *movie;       /* media: whose it is; shared: for whom it is started or runs */

    uint64_t lease;
    int64_t granted_bytes; /* of the lease */
    bool ending;           /* recovery is to be waited for once it has gone */
    bool recovering;       /* it is waited for: not to be started again yet */
    bool others_known;     /* in recovery */
    struct gov_recovery recovery;
    int64_t held_bytes; /* when it last gave a lease back by failing; 0: since then it ran again */
    int64_t free_then_bytes; /* beside that; < 0: unknown */

    /* shared workers */
    int64_t started_us;    /* START_WORKER */
    int64_t unit_since_us; /* the last unit, or the question */
    int64_t longest_us;    /* it took to get ready, or for a unit */
    int batch;             /* as started: at most so many units at once */
    enum md_settings settings;
    int most_batch;                         /* run under the present lease: whose its peak is */
    unsigned stages_seen;                   /* that were found to need it */
    int64_t load_us;                        /* measured last; 0: never */
    int failed_starts;                      /* in a row */
    int losses;                             /* in a row */
    int64_t not_before_us;                  /* backing off */
    bool broken;                            /* never starts; failure says why */
    int64_t failed_free_bytes[MD_SETTINGS]; /* what was free, with what it held, when batch
                                                       1 failed; 0: not known */
    struct md_failure failure;
};

struct movie {
    size_t number;
    enum phase phase;
    int64_t deadline_us; /* BEGIN, RECOVERING */
    struct worker media;
    struct worker *runner; /* LOADING, RUNNING */
    unsigned stages, done; /* bits */
    bool force, was_started;
    int64_t max_height;

    /* the stage it is at */
    enum md_stage stage;
    bool has_stage;
    enum md_executor executor;
    int attempt; /* from 1 */
    int64_t units_done, units_total;
    bool begins_anew; /* what a language model was asked with another context does not count */
    int batch;        /* as the ladder says; 0: as the engine does */
    int chosen;       /* this movie's one choice for this stage; 0: not made */
    int run_batch;    /* of the present or last try */
    int64_t run_from_units; /* done when it began */
    enum md_settings settings;
    enum md_fallback fallback; /* a model cannot do it: why */
    int losses;                /* of shared workers that were at it */
    struct gov_recover recover;
    enum step step;
    enum gov_tier tier_wanted;
    bool hold; /* nobody younger is let in until this stage is through */
    int ooms;
    int64_t free_then_bytes; /* when it ran out, with what it held; < 0: unknown */
    int64_t lost_bytes;      /* the lease it ran out with */
    int64_t lost_peak_bytes;

    /* waiting for memory */
    bool asked_memory; /* once aloud, then quietly until something changes */
    bool waiting_told;
    enum md_wait waits_for; /* WAITING */
    bool hopeless;          /* asks for more than there ever is */
    bool forced;            /* the present or last try was */
    bool impatient;         /* was forced once and would be again: need not wait for that */
    int64_t waiting_since_us;
    int64_t least_bytes; /* prediction at least; 0: as estimated */
    int64_t asked_bytes; /* last prediction, corrected */
    int64_t model_bytes; /* the same before history corrected it; 0: nothing was known */
    uint64_t oom_kills;  /* the system's count when the stage began */

    int crashes;
    int most_at_once;      /* stages that ran beside each other, its own among them */
    enum md_movie_end end; /* LEAVING */
    struct md_movie_facts facts;
    struct md_failure failure; /* the last one */
    uint64_t freed_in_step;    /* the slot's failure is still shown in that step */
    char label[GOV_LABEL_MAX];
};

/* A movie that waits for its turn. */
struct queued {
    unsigned stages, done;
    bool force, dropped;
    int64_t max_height;
    struct md_movie_facts facts;
    char label[GOV_LABEL_MAX];
};

struct queued_vec MD_VEC(struct queued);
struct command_vec MD_VEC(struct md_command);

/* A movie that is leaving no longer counts against max_movies, so that the next one starts
 * meanwhile; hence twice as many may be in flight, and those that are parked. */
enum { MAX_IN_FLIGHT = 2 * MD_ENGINE_MAX_MOVIES + MD_ENGINE_LOOK_AHEAD };

struct md_engine {
    struct md_engine_params params;
    struct gov_config config;
    struct gov_history *history;
    bool owns_history;
    struct gov_batch spare_batch;
    char movies_regime[GOV_REGIME_MAX];

    struct queued_vec queue; /* movies first_queued, first_queued + 1, ...; from queue_head on */
    size_t queue_head;
    size_t first_queued; /* movies from here on were never started */
    struct movie *slots;
    size_t slot_count;
    struct movie *flight[MAX_IN_FLIGHT]; /* oldest first */
    size_t flight_count;
    size_t ended_count[3];
    struct worker shared[MD_EXECUTORS]; /* [MD_EXECUTOR_MEDIA] is not used */
    uint32_t last_worker;
    size_t lease_count;

    /* The last lease that had to be forced after all patience worked: the next need not wait. */
    bool waiting_is_vain[MD_EXECUTORS];
    bool cleanup_was_vain[MD_EXECUTORS]; /* the last one (aggressive: it ends idle models) left a
                                            lease no larger, and it ran out again */
    int alone_for[MD_EXECUTORS];         /* so many stages more are not forced beside others */
    struct movie *oldest;                /* for which the patience runs; NULL none */
    int64_t oldest_since_us;

    bool models_collide;   /* both are wanted and do not fit together */
    enum md_executor turn; /* MEDIA: there are no turns */
    size_t turn_last;      /* narratives of movies after this one are for the next turn */

    bool paused, paused_by_memory;
    int64_t paused_since_us, memory_paused_since_us;
    enum gov_tier tier, next_tier; /* that runs; that is wanted after it */
    int64_t tier_deadline_us;

    int64_t seen_free_bytes; /* at the last SAMPLED; < 0: unknown */
    int64_t seen_others_bytes;

    bool closed, stopping, has_ended;
    int cancels;
    int64_t cancel_deadline_us;
    int64_t now_us, next_us; /* of this step; when the next one is due in any case */
    uint64_t steps;
    struct command_vec commands; /* as large as any step can need, so that emitting cannot fail */
};

static inline bool is_shared(const struct worker *w)
{
    return w->executor != MD_EXECUTOR_MEDIA;
}
static inline bool ends_soon(const struct md_engine *e)
{
    return e->cancels || e->stopping;
}
static inline size_t queue_length(const struct md_engine *e)
{
    return e->queue.n - e->queue_head;
}

/* engine.c */
struct md_command *md_engine_emit_(struct md_engine *e, enum md_command_kind kind,
                                   const struct movie *m);
struct md_command *md_engine_emit_worker_(struct md_engine *e, enum md_command_kind kind,
                                          const struct worker *w);
void md_engine_say_(struct md_engine *e, enum md_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* movie.c */
int md_engine_add_(struct md_engine *e, const struct md_event *event);
void md_engine_drop_(struct md_engine *e, size_t number, int64_t now_us);
/* Takes the next one out of the queue, if there is a slot. */
struct movie *md_engine_take_queued_(struct md_engine *e);
/* Ends queued ones, a bounded number at a time. */
void md_engine_discard_queued_(struct md_engine *e);
void md_engine_forget_dropped_(struct md_engine *e);
int md_engine_next_stage_(const struct movie *m);
/* The stage begins to wait for memory. */
void md_engine_wait_(struct movie *m, int64_t now_us);
/* Nothing more is done for it but ending what it has; it ends as `end`. */
void md_engine_leave_(struct md_engine *e, struct movie *m, enum md_movie_end end, int64_t now_us);
/* Ends a movie that is leaving and has nothing left. */
bool md_engine_end_left_(struct md_engine *e, struct movie *m);
void md_engine_stage_done_(struct md_engine *e, struct movie *m, const struct md_event *event);
/* A shared worker was lost while it was at the movie's stage: tries again, or goes on without. */
/* A worker that was to serve it did not get ready: the stage waits for the next one. */
void md_engine_model_not_ready_(struct md_engine *e, struct movie *m,
                                const struct md_failure *failure, int64_t now_us);
void md_engine_lost_model_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                           int64_t now_us);
/* Its own worker was lost, or it failed: says so, and tries again or leaves. */
void md_engine_crashed_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                        int64_t now_us);
void md_engine_fail_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                     int64_t now_us);
/* The movie's stage goes on without the model it was for, in its own worker. */
void md_engine_fall_back_(struct md_engine *e, struct movie *m, enum md_fallback why,
                          int64_t now_us);
/* The same after a failure that is not of memory: says so. */
void md_engine_give_model_up_(struct md_engine *e, struct movie *m, enum md_fallback why,
                              const struct md_failure *failure, int64_t now_us);
void md_engine_set_failure_(struct movie *m, const struct md_failure *failure);

/* worker.c */
struct worker *md_engine_find_worker_(struct md_engine *e, uint32_t id);
void md_engine_start_worker_(struct md_engine *e, struct worker *w, struct movie *m,
                             int64_t now_us);
void md_engine_ask_(struct md_engine *e, struct worker *w, int64_t now_us);
void md_engine_rest_(struct md_engine *e, struct worker *w, int64_t now_us);
void md_engine_quit_(struct md_engine *e, struct worker *w, int64_t deadline_us);
/* Ends an idle shared worker; its memory is waited for. */
void md_engine_unload_(struct md_engine *e, struct worker *w, int64_t now_us);
void md_engine_condemn_(struct md_engine *e, struct worker *w, const char *why);
void md_engine_kill_(struct md_engine *e, struct worker *w);
void md_engine_worker_event_(struct md_engine *e, struct worker *w, const struct md_event *event,
                             int64_t now_us);
void md_engine_worker_deadline_(struct md_engine *e, struct worker *w, int64_t now_us);

/* progress.c */
void md_engine_progress_start_(struct worker *w, int64_t now_us);
void md_engine_progress_ready_(struct worker *w, int64_t now_us);
void md_engine_progress_run_(struct worker *w, int64_t now_us);
void md_engine_progress_unit_(struct worker *w, int64_t now_us);
/* Who has not got ready, or not finished a unit, until then hangs, however alive it is. */
int64_t md_engine_progress_end_(const struct worker *w);

/* schedule.c */
void md_engine_schedule_(struct md_engine *e, int64_t now_us);
/* Until when the oldest movie waits; NEVER_US when it does not. */
int64_t md_engine_patience_end_(const struct md_engine *e);
/* READY of a shared worker that was started for a movie. */
void md_engine_run_(struct md_engine *e, struct movie *m, struct worker *w, int64_t now_us);

/* order.c */
/* With each sample, and when a model is wanted for the first time. */
void md_engine_compare_models_(struct md_engine *e);
void md_engine_take_turns_(struct md_engine *e);
bool md_engine_has_turn_(const struct md_engine *e, const struct movie *m);
bool md_engine_is_overtaking_(const struct md_engine *e, const struct movie *m);
/* A movie that waits for a model without a turn; false: there are enough of them. */
bool md_engine_park_(struct md_engine *e, struct movie *m, int64_t now_us);
void md_engine_unpark_(struct md_engine *e, size_t active, size_t limit, int64_t now_us);
bool md_engine_clear_for_turn_(struct md_engine *e, const struct movie *m, int64_t now_us);

/* memory.c */
/* The batch below which a loaded model's lease cannot be; 0: there is none. */
int md_engine_made_for_(const struct md_engine *e, const struct worker *w);
bool md_engine_ask_memory_(struct md_engine *e, struct movie *m, struct worker *w, bool may_force,
                           int64_t now_us, struct gov_admission *ret_refused);
void md_engine_release_(struct md_engine *e, struct worker *w, struct gov_lease *ret_lease);
/* A shared worker is idle: it keeps the lease of its model only. */
void md_engine_settle_(struct md_engine *e, struct worker *w);
void md_engine_learn_(struct md_engine *e, const struct movie *m, const struct worker *w,
                      const struct md_stage_result *result);
void md_engine_watch_leases_(struct md_engine *e);
/* Bytes of its lease in use at the last sample; 0: unknown. */
int64_t md_engine_held_bytes_(const struct md_engine *e, const struct worker *w);
/* What the model of its stage says, before history corrects it; as md_engine_params.estimate. */
int64_t md_engine_estimate_(const struct md_engine *e, const struct movie *m,
                            enum md_settings settings, int batch);
struct gov_prediction md_engine_predict_(struct md_engine *e, const struct movie *m, int batch,
                                         int64_t *ret_model_bytes);
void md_engine_regime_(const struct md_engine *e, const struct movie *m, char key[GOV_REGIME_MAX]);

/* batch.c */
/* What loading each model takes, as measured: kept by the history. */
void md_engine_recall_loads_(struct md_engine *e);
void md_engine_note_load_(struct md_engine *e, struct worker *w, int64_t now_us);
int md_engine_threads_(const struct md_engine *e);
/* What the movie's stage is to be run with now: chosen once by what history and our budget
 * (most_bytes) say, and as far as there is room. */
int md_engine_batch_(struct md_engine *e, struct movie *m, int64_t room_bytes, int64_t most_bytes);
/* Is the batch the stage is to be run with, larger than the loaded model was made for, worth
 * loading it again? */
bool md_engine_is_worth_loading_(struct md_engine *e, const struct movie *m,
                                 const struct worker *w);
/* A model's batch as it would be for the next movie, without choosing it. */
int md_engine_usual_batch_(struct md_engine *e, const struct movie *m);
/* How many movies may be in flight. */
size_t md_engine_movie_limit_(const struct md_engine *e);
void md_engine_make_batches_(struct md_engine *e);
/* Notes how many stages run at once. */
void md_engine_note_company_(struct md_engine *e);
void md_engine_movie_begins_(struct md_engine *e);
void md_engine_movie_succeeded_(struct md_engine *e, const struct movie *m);
void md_engine_batch_oom_(struct md_engine *e, struct movie *m, int64_t peak_bytes);
void md_engine_batch_worked_(struct md_engine *e, const struct movie *m, int64_t peak_bytes,
                             int64_t busy_us);
/* The next smaller settings of its stage on the device; those it has where there are none. */
enum md_settings md_engine_smaller_(const struct md_engine *e, const struct movie *m);
/* Batch 1 ran out with these settings: the next movie begins with smaller ones. */
void md_engine_settings_failed_(struct md_engine *e, struct movie *m);
/* What it ran with is more than is known to work. */
bool md_engine_is_probe_(struct md_engine *e, const struct movie *m);
int md_engine_known_good_(struct md_engine *e, const struct movie *m);

/* ladder.c */
bool md_engine_looks_like_oom_(const struct md_engine *e, const struct worker *w,
                               const struct md_event *event, const struct gov_lease *lease);
uint64_t md_engine_oom_kills_(const struct md_engine *e);
/* The stage of a movie ran out of memory; its lease has been given back or cut. */
void md_engine_out_of_memory_(struct md_engine *e, struct movie *m,
                              const struct md_failure *failure, const struct gov_lease *lease,
                              int64_t now_us);
void md_engine_recover_(struct md_engine *e, struct movie *m, bool sampled, int64_t now_us);
void md_engine_request_tier_(struct md_engine *e, enum gov_tier tier, int64_t now_us);
void md_engine_tier_ended_(struct md_engine *e, int64_t now_us);
/* A worker that held memory has gone: remembers what its return would look like. */
void md_engine_note_end_(struct md_engine *e, struct worker *w, int64_t held_bytes, int64_t now_us);
void md_engine_await_memory_(struct md_engine *e, struct worker *w, int64_t now_us);
/* After a sample, or with the time. */
void md_engine_check_recovery_(struct md_engine *e, struct worker *w, bool sampled, int64_t now_us);
int64_t md_engine_recovery_end_(const struct md_engine *e, const struct worker *w);

/* control.c */
void md_engine_sampled_(struct md_engine *e, int64_t now_us);
void md_engine_pause_(struct md_engine *e, int64_t now_us);
void md_engine_resume_(struct md_engine *e, int64_t now_us);
void md_engine_stop_(struct md_engine *e, int64_t now_us);
void md_engine_cancel_(struct md_engine *e, int64_t now_us);
/* The level stays critical by what is ours, and nothing of it will come back by waiting. */
bool md_engine_pause_is_ours_(const struct md_engine *e, int64_t now_us);
int64_t md_engine_pause_end_(const struct md_engine *e);

/* valid.c */
bool md_engine_flight_is_valid_(const struct md_engine *e);

#endif
