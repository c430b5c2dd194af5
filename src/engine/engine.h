/* The engine: what runs next. Events in, commands out.
 *
 * A pure state machine: no I/O, no clock, no lock of its own. Whoever drives it (super/ with real
 * processes, sim/ with modelled ones) carries out the commands, in order, and tells what happened
 * as events. The same events at the same times give the same commands.
 *
 * Movies are done in the order in which they were added, several at once as far as memory and
 * cores allow; each has a worker process of its own that runs its stages one after the other:
 *
 *   START_WORKER -> SPAWNED, READY
 *   CHECK stage  -> DONE (cached) or NEEDED      is it done already? needs no lease; not with force
 *   RUN stage    -> DONE or FAILED               only with a lease from the governor
 *   FINISH_MOVIE -> FINISHED                     outputs are committed, work is cleaned up
 *   QUIT         -> GONE
 *
 * Who gets memory: the oldest movie first; while it waits no younger one is let in. The oldest
 * always may run: when there is nothing left to wait for, its lease is forced.
 *
 * What goes wrong: a worker that dies is replaced and the stage tried again; a movie that lost
 * max_crashes workers fails and says why. Out of memory is told from a crash, asks for a larger
 * lease and runs with the younger ones held back. A stage that fails by itself fails its movie; its
 * finished artifacts stay. The others go on in any case.
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

struct md_engine;

struct md_engine_params {
    struct gov_governor *governor; /* borrowed; samples are fed by whoever drives the engine */
    int cores;                     /* >= 1 */
    int max_movies;                /* in flight, 1 to MD_ENGINE_MAX_MOVIES */
    int threads;                   /* for each movie; 0: cores shared among the movies in flight */
    unsigned stages;               /* wanted, bits 1u << enum md_stage; what they need is added */
    int64_t max_height; /* lines of the digest's picture, for estimates; 0: the movie's */
    bool force;         /* take no artifact as done, once per movie and stage */

    int max_crashes; /* a movie fails with its so-manieth lost worker */
    int max_ooms;    /* a movie fails when one stage ran out of memory this often */
    /* All in microseconds. */
    int64_t ready_timeout_us; /* from START_WORKER to READY */
    int64_t stall_us;         /* a busy worker that says nothing for so long hangs; 0: for ever */
    int64_t quit_timeout_us;  /* from QUIT to GONE */
    int64_t cancel_grace_us;  /* from CANCEL to KILL */
    int64_t restart_delay_us; /* before a new worker after the first crash, doubling */
    int64_t patience_us;      /* the oldest movie waits at most so long for younger ones' leases */
};

enum { MD_ENGINE_MAX_MOVIES = 64 };

/* Everything but governor, cores, max_movies and stages. */
extern const struct md_engine_params md_engine_params_default;

/* Movies in flight when nobody says: two cores each, and not more than the preset has. */
int md_engine_auto_movies(int cores, int64_t preset_movies);

enum md_event_kind {
    MD_EVENT_ADD,          /* a movie: label. Movies are numbered from 0 as they are added */
    MD_EVENT_CLOSE,        /* no more will be added */
    MD_EVENT_SPAWNED,      /* worker, pid */
    MD_EVENT_SPAWN_FAILED, /* worker, failure */
    MD_EVENT_READY,        /* worker has taken the movie */
    MD_EVENT_NEEDED,       /* worker, stage: has to be run */
    MD_EVENT_ALIVE,        /* worker gave a sign of life */
    MD_EVENT_DONE,         /* worker, stage, result; with probe also facts */
    MD_EVENT_FAILED,       /* worker, failure: the answer to whatever it was asked */
    MD_EVENT_FINISHED,     /* worker */
    MD_EVENT_BROKEN,       /* worker says what nobody understands */
    MD_EVENT_GONE,         /* worker was reaped: exit_status or signal, last_words */
    MD_EVENT_SAMPLED,      /* the governor has a new sample */
    MD_EVENT_TICK,         /* md_engine_deadline_us has come; harmless at any time */
    MD_EVENT_CANCEL,       /* the user wants to stop; the second one means at once */
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
};

enum md_command_kind {
    /* to do */
    MD_COMMAND_START_WORKER, /* movie, worker: a number never used before */
    MD_COMMAND_CHECK,        /* worker, stage */
    MD_COMMAND_RUN,          /* worker, stage, threads, attempt from 1 */
    MD_COMMAND_FINISH_MOVIE, /* worker */
    MD_COMMAND_CANCEL,       /* worker: the running stage */
    MD_COMMAND_QUIT,         /* worker */
    MD_COMMAND_KILL,         /* worker */
    MD_COMMAND_RUN_TIER,     /* tier: memory is to be given back */
    MD_COMMAND_END,          /* everything is over; the last command of all */
    /* to tell */
    MD_COMMAND_MOVIE_STARTED,  /* movie */
    MD_COMMAND_STAGE_WAITING,  /* movie, stage */
    MD_COMMAND_STAGE_FINISHED, /* movie, stage, result */
    MD_COMMAND_STAGE_FAILED,   /* movie, stage, failure, will_retry */
    MD_COMMAND_MOVIE_ENDED,    /* movie, end, failure (NULL when done) */
    MD_COMMAND_LOG,            /* level, text */
};

struct md_command {
    enum md_command_kind kind;
    size_t movie; /* always set but for RUN_TIER, END and LOG */
    uint32_t worker;
    enum md_stage stage;
    bool will_retry;
    int threads, attempt;
    enum gov_tier tier;
    enum md_movie_end end;
    struct md_stage_result result;
    const struct md_failure *failure; /* valid until the next step */
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
 * (an unknown kind), with MD_ERR_BUG. Events of workers that are gone are ignored. */
int md_engine_step(struct md_engine *engine, const struct md_event *event, int64_t now_us,
                   const struct md_command **ret_commands, size_t *ret_count);

/* When the engine wants a TICK; INT64_MAX: never. Changes only in a step. */
int64_t md_engine_deadline_us(const struct md_engine *engine);

/* True after MD_COMMAND_END. */
bool md_engine_has_ended(const struct md_engine *engine);

/* How many movies have ended in each way, by enum md_movie_end. */
size_t md_engine_count(const struct md_engine *engine, enum md_movie_end end);

/* Recomputes and compares everything that must hold, over all movies. The part about the movies in
 * flight is asserted after every step. */
bool md_engine_is_valid(const struct md_engine *engine);

#endif
