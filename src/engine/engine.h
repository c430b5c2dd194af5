/* The engine: what runs next. Events in, commands out.
 *
 * A pure state machine: no I/O, no clock, no lock of its own. Whoever drives it (super/ with real
 * processes, sim/ with modelled ones) carries out the commands, in order, and tells what happened
 * as events. The same events at the same times give the same commands.
 *
 * Movies are done in the order in which they were added, several at once as far as memory and
 * cores allow; each has a media worker of its own that runs its stages one after the other:
 *
 *   START_WORKER -> SPAWNED, READY
 *   CHECK stage  -> DONE (cached) or NEEDED      is it done already? needs no lease; not with force
 *   RUN stage    -> UNITS*, DONE or FAILED       only with a lease from the governor
 *   FINISH_MOVIE -> FINISHED                     outputs are committed, work is cleaned up
 *   QUIT         -> GONE
 *
 * A stage that needs a model (NEEDED says which executor) runs in a worker that is shared by all
 * movies, one for each kind, which holds the model: it is started with the first lease, takes one
 * movie's stage at a time, keeps the lease of its resident model while idle, and is ended when a
 * tier wants its memory (UNLOAD) or after an out-of-memory. The movie's media worker waits.
 *
 * Where the two models do not fit the device together, they take turns: all transcripts before the
 * narratives, as far as MD_ENGINE_LOOK_AHEAD goes. Movies whose model has not its turn are parked:
 * they hold nothing and do not count as in flight.
 *
 * Who gets memory: the oldest movie first; while it waits no younger one is let in. The oldest
 * always may run: when there is nothing left to wait for, its lease is forced.
 *
 * What goes wrong: a worker that dies is replaced and the stage tried again from its last finished
 * unit; a movie that lost max_crashes workers fails and says why. Out of memory is told from a
 * crash and goes down the ladder of gov/recover.h: batches, then settings get smaller until it
 * works. Whoever was being served when a shared worker is lost is blamed, and the worker is started
 * again for the others. A stage that fails by itself fails its movie; its finished artifacts stay.
 * The others go on in any case.
 *
 * A model is never the reason why a movie fails: where the ladder ends, where its worker never gets
 * ready, is lost again and again or says that it cannot, the stage is run in the movie's own worker
 * in its built-in form, RUN with a fallback.
 *
 * What it holds: a small record for each movie that waits, a slot for each in flight, a count for
 * those that have ended.
 */
#ifndef MD_ENGINE_ENGINE_H
#define MD_ENGINE_ENGINE_H

#include <gov/governor.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/estimate.h"
#include "engine/outcome.h"
#include "model/stage.h"

struct gov_history;
struct gov_recorder;
struct md_engine;

/* How the engine meets trouble. The default is what DESIGN calls the governor; the others are what
 * it is measured against in the simulator. */
struct md_engine_policy {
    bool ungoverned; /* every lease is forced, no tiers, an out-of-memory fails the movie */
    bool no_ladder;  /* after an out-of-memory only a smaller batch, no tiers, no recovery wait */
    bool no_regrow;  /* a batch that was cut stays cut */
    double keep;     /* of a batch after an out-of-memory; 0: 0.25 */
};

/* What a model takes: weights and contexts, once loaded; more for each unit of a batch. */
struct md_engine_need {
    int64_t resident_bytes, unit_bytes;
};

/* A model that a shared worker holds; name NULL: there is none. */
struct md_engine_model {
    const char *name;       /* part of the regime; borrowed for the engine's life */
    int64_t resident_bytes; /* weights and contexts, once loaded */
    int64_t unit_bytes;     /* more for each unit of a batch */
    int64_t load_us;        /* what loading it again takes from a slow disk */
    bool is_remote;         /* on a server: its worker needs nothing of a GPU */
    /* With smaller settings; zero: as estimate.c assumes of a language model. */
    struct md_engine_need smaller[MD_SETTINGS];
};

/* What an estimate is wanted for; see md_engine_params.estimate. */
struct md_estimate_query {
    enum md_stage stage;
    enum md_executor executor;
    const struct md_movie_facts *facts;
    const struct md_engine_model *model; /* NULL for media workers */
    int batch;                           /* threads for media workers, else units at once */
    enum md_settings settings;
    int64_t max_height;
};

struct md_engine_params {
    struct gov_governor *governor; /* borrowed; samples are fed by whoever drives the engine */
    int cores;                     /* >= 1 */
    int max_movies;                /* in flight, 1 to MD_ENGINE_MAX_MOVIES */
    bool fixed_movies;             /* somebody said so: fewer only after an out-of-memory, not
                                      because movies are long */
    int threads;                   /* for each movie; 0: cores shared among the movies in flight */
    unsigned stages;               /* wanted, bits 1u << enum md_stage; what they need is added */
    int64_t max_height; /* lines of the digest's picture, for estimates; 0: the movie's */
    bool force;         /* take no artifact as done, once per movie and stage */

    /* Batch sizes, movies in flight, cleanups; copied. NULL: gov_config_default. */
    const struct gov_config *config;
    struct gov_history *history;   /* borrowed, outlives the engine; NULL: one of its own */
    struct gov_recorder *recorder; /* borrowed; NULL: nothing is recorded */
    const char *device;            /* part of the regime: "host", "rtx3060"; NULL: "host" */
    bool device_is_gpu;            /* the last rung of the ladder is then the CPU */
    struct md_engine_model models[MD_EXECUTORS];
    /* Predicted peak on the governed device in bytes; 0: nothing is known, the configured default
     * is assumed; < 0: none of it is used and no lease is needed. NULL: md_estimate_stage. */
    int64_t (*estimate)(void *user, const struct md_estimate_query *query);
    void *estimate_user;
    struct md_engine_policy policy;

    int max_crashes; /* a movie fails with its so-manieth lost worker */
    int max_ooms;    /* a movie fails when one stage ran out of memory this often */
    /* All in microseconds. */
    int64_t ready_timeout_us; /* from START_WORKER to READY */
    int64_t stall_us;         /* a busy worker that says nothing for so long hangs; 0: for ever */
    int64_t quit_timeout_us;  /* from QUIT to GONE */
    int64_t cancel_grace_us;  /* from CANCEL to KILL */
    int64_t restart_delay_us; /* before a new worker after the first crash, doubling */
    int64_t patience_us;      /* the oldest movie waits at most so long for younger ones' leases */
    int64_t recovery_us;      /* after a worker was ended for its memory: until it must be back */
    int64_t heartbeat_us; /* START_WORKER to QUIT: an idle worker, too, says ALIVE; 0: no matter */
};

enum {
    MD_ENGINE_MAX_MOVIES = 64,
    /* Movies that wait for the turn of their model, at most: a day's work, and some 5 GB of sound
     * on disk. */
    MD_ENGINE_LOOK_AHEAD = 24,
};
#define MD_ENGINE_NO_MOVIE SIZE_MAX

/* Everything but governor, cores, max_movies and stages. */
extern const struct md_engine_params md_engine_params_default;

/* Movies in flight when nobody says: two cores each, and not more than the preset has. */
int md_engine_auto_movies(int cores, int64_t preset_movies);

enum md_event_kind {
    MD_EVENT_ADD,          /* a movie: label, and what differs from the parameters: stages,
                              max_height, force, done_stages, and facts where they are known (else
                              probe is asked about though done). Numbered from 0 as they are
                              added */
    MD_EVENT_DROP,         /* movie: not to be done any more; ends as cancelled */
    MD_EVENT_CLOSE,        /* no more will be added */
    MD_EVENT_SPAWNED,      /* worker, pid */
    MD_EVENT_SPAWN_FAILED, /* worker, failure */
    MD_EVENT_READY,        /* worker has taken the movie */
    MD_EVENT_NEEDED,       /* worker, stage: has to be run; by which executor; units_done and
                              units_total where it has units */
    MD_EVENT_UNITS,        /* worker, stage, units_done, units_total: they will not be done again */
    MD_EVENT_ALIVE,        /* worker gave a sign of life */
    MD_EVENT_DONE,         /* worker, stage, result; with probe also facts */
    MD_EVENT_FAILED,       /* worker, failure: the answer to whatever it was asked */
    MD_EVENT_FINISHED,     /* worker */
    MD_EVENT_BROKEN,       /* worker says what nobody understands */
    MD_EVENT_GONE,         /* worker was reaped: exit_status or signal, last_words */
    MD_EVENT_SAMPLED,      /* the governor has a new sample */
    MD_EVENT_TIER_DONE,    /* the tier of the last RUN_TIER has ended: freed_bytes, measured */
    MD_EVENT_UNLOAD,       /* a tier wants the memory of an idle shared worker: worker */
    MD_EVENT_PAUSE,        /* the user: nothing new is started; what runs goes on */
    MD_EVENT_RESUME,
    MD_EVENT_STOP,   /* the user: running stages finish, then everything ends; movies not
                        done end as cancelled and can be gone on with another time. Like
                       CANCEL it leads to END without a CLOSE; what is added until then
                       ends as cancelled */
    MD_EVENT_TICK,   /* md_engine_deadline_us has come; harmless at any time */
    MD_EVENT_CANCEL, /* the user wants to stop; the second one means at once */
};

/* Zero-fill what a kind does not name. Pointers are borrowed for the call. */
struct md_event {
    enum md_event_kind kind;
    uint32_t worker;
    enum md_stage stage;
    const char *label; /* ADD: names the movie to people */
    int64_t pid;
    struct md_stage_result result;
    const struct md_movie_facts *facts;
    const struct md_failure *failure;
    int exit_status, signal; /* signal 0: it exited */
    const char *last_words;  /* what it said last on stderr, one line; may be NULL */

    size_t movie;              /* DROP */
    enum md_executor executor; /* NEEDED */
    int64_t units_done, units_total;
    int64_t freed_bytes;  /* TIER_DONE; < 0: not known */
    unsigned stages;      /* ADD; 0: as the parameters say */
    unsigned done_stages; /* ADD: not to be asked about again */
    int64_t max_height;   /* ADD; 0: as the parameters say */
    bool force;           /* ADD; or as the parameters say */
};

enum md_command_kind {
    /* to do */
    MD_COMMAND_START_WORKER, /* executor, worker: a number never used before; movie, for media
                                workers; lease_bytes, batch and settings for shared ones */
    MD_COMMAND_CHECK,        /* worker, stage; force: it counts as not done, only who runs it is
                                asked */
    MD_COMMAND_RUN,          /* movie, worker, executor, stage, threads, batch, settings,
                                lease_bytes, attempt from 1; fallback, for media workers */
    MD_COMMAND_LIMIT,        /* worker, lease_bytes: its lease has grown or shrunk */
    MD_COMMAND_FINISH_MOVIE, /* worker */
    MD_COMMAND_CANCEL,       /* worker: the running stage */
    MD_COMMAND_QUIT,         /* worker */
    MD_COMMAND_KILL,         /* worker */
    MD_COMMAND_RUN_TIER,     /* tier: memory is to be given back; answered by TIER_DONE */
    MD_COMMAND_POST_MORTEM,  /* movie, stage, batch: an out-of-memory, which is counted and recorded
                                already; lease_bytes, predicted_bytes, peak_bytes (-1: was never
                                measured) of the lease, which has ended */
    MD_COMMAND_END,          /* everything is over; the last command of all */
    /* to tell */
    MD_COMMAND_MOVIE_STARTED,  /* movie */
    MD_COMMAND_STAGE_WAITING,  /* movie, stage */
    MD_COMMAND_STAGE_FINISHED, /* movie, stage, result */
    MD_COMMAND_STAGE_FAILED,   /* movie, stage, failure, will_retry; batch, remedy */
    MD_COMMAND_MOVIE_ENDED,    /* movie, end, failure (NULL when done) */
    MD_COMMAND_PAUSED,         /* by_memory or by the user: nothing new starts */
    MD_COMMAND_RESUMED,        /* by_memory or by the user */
    MD_COMMAND_UNITS,          /* movie, stage, units_done, units_total: a checkpoint */
    MD_COMMAND_LOG,            /* level, text */
};

struct md_command {
    enum md_command_kind kind;
    size_t movie; /* set but for RUN_TIER, PAUSED, RESUMED, END, LOG and shared workers that are not
                     RUNning; MD_ENGINE_NO_MOVIE then */
    uint32_t worker;
    enum md_stage stage;
    enum md_executor executor;
    enum md_settings settings;
    enum md_fallback fallback;
    bool will_retry, by_memory, force;
    int threads, batch, attempt;
    int64_t lease_bytes; /* granted; the kernel may enforce it; 0: none is needed */
    int64_t predicted_bytes, peak_bytes;
    int64_t units_done, units_total;
    enum gov_tier tier;
    enum md_movie_end end;
    struct md_stage_result result;
    const struct md_failure *failure; /* valid until the next step */
    const char *remedy;               /* after an out-of-memory: what is tried next; static words */
    enum md_log_level level;
    char text[160];
};

/* MD_ERR_NOMEM, MD_ERR_INPUT (params outside their ranges). */
int md_engine_new(const struct md_engine_params *params, struct md_engine **ret_engine);
void md_engine_free(struct md_engine *engine);

/* Makes room, so that this many movies can be added without failing. MD_ERR_NOMEM. */
int md_engine_reserve(struct md_engine *engine, size_t movies);

/* One event at a time that does not run backwards. *ret_commands is valid until the next step.
 * Fails only for ADD, with MD_ERR_NOMEM (nothing was added), and for an event that makes no sense
 * (an unknown kind, ADD after CLOSE or END), with MD_ERR_BUG. Events of workers that are gone are
 * ignored. */
int md_engine_step(struct md_engine *engine, const struct md_event *event, int64_t now_us,
                   const struct md_command **ret_commands, size_t *ret_count);

/* When the engine wants a TICK; INT64_MAX: never. Changes only in a step. */
int64_t md_engine_deadline_us(const struct md_engine *engine);

/* True after MD_COMMAND_END. */
bool md_engine_has_ended(const struct md_engine *engine);

/* How many movies have ended in each way, by enum md_movie_end. */
size_t md_engine_count(const struct md_engine *engine, enum md_movie_end end);

/* What loading an executor's model again takes: as it was measured last, in this run or, by the
 * history, an earlier one; else as the parameters say. The cost of unloading it. */
int64_t md_engine_load_us(const struct md_engine *engine, enum md_executor executor);

/* Of a movie in flight, as of the last step; MD_WAIT_NOTHING for others. */
enum md_wait md_engine_waits_for(const struct md_engine *engine, size_t movie);

/* Recomputes and compares everything that must hold, over all movies. The part about the movies in
 * flight is asserted after every step. */
bool md_engine_is_valid(const struct md_engine *engine);

#endif
