/* The engine's state, shared by its files:
 *   engine.c    events, deadlines, the end
 *   schedule.c  which movie gets a worker, a stage, memory
 *   recover.c   lost workers, out of memory, retries, cancel
 */
#ifndef MD_ENGINE_ENGINE_INTERNAL_H
#define MD_ENGINE_ENGINE_INTERNAL_H

#include <gov/history.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "engine/engine.h"

enum phase {
    PHASE_QUEUED,
    PHASE_BACKOFF,   /* lost a worker, gets another at the deadline */
    PHASE_STARTING,  /* worker is being started; not ready by the deadline: it hangs */
    PHASE_IDLE,      /* worker has nothing to do; never outlasts a step */
    PHASE_CHECKING,  /* asked whether the stage is done already */
    PHASE_WAITING,   /* the stage waits for memory */
    PHASE_RUNNING,   /* the stage runs and holds a lease */
    PHASE_FINISHING, /* all stages done, the worker cleans up */
    PHASE_STOPPING,  /* asked to quit; killed at the deadline */
    PHASE_CONDEMNED, /* killed by us because of condemned_for; counts as a crash once it is gone */
    PHASE_ENDED,
};

#define NEVER_US INT64_MAX

struct movie {
    enum phase phase;
    uint32_t worker; /* 0: none */
    int64_t pid;     /* 0: not known */
    int64_t deadline_us;

    unsigned done; /* stages, as bits */
    enum md_stage stage;
    int attempt;    /* of that stage, from 1 */
    bool has_stage; /* `stage` is being dealt with */
    bool asked;     /* a CHECK or RUN is not answered yet */
    bool restart;   /* while stopping: another worker afterwards */
    bool kill_sent;
    bool was_started; /* MOVIE_STARTED was told */

    uint64_t lease;
    bool asked_memory; /* once aloud, then quietly until something changes */
    bool waiting_told;
    bool hopeless;  /* asks for more than there ever is */
    bool alone;     /* ran out of memory: wants no other leases beside its own */
    bool impatient; /* was forced once and would be again: need not wait for that */
    int64_t waiting_since_us;
    int64_t least_bytes; /* prediction at least; 0: as estimated */
    int64_t asked_bytes; /* last prediction, corrected */
    int64_t model_bytes; /* the same before history corrected it; 0: nothing was known */
    uint64_t oom_kills;  /* the system's count when the stage began */

    int crashes, ooms;
    const char *condemned_for; /* static words */
    enum md_movie_end end;     /* once stopping without restart, or ended */
    struct md_movie_facts facts;
    struct md_failure failure; /* the last one */
    char label[GOV_LABEL_MAX];
};

struct movie_vec MD_VEC(struct movie);
struct command_vec MD_VEC(struct md_command);

/* A movie that is stopping no longer counts against max_movies, so that the next one starts
 * meanwhile; hence twice as many may have workers. */
enum { MAX_IN_FLIGHT = 2 * MD_ENGINE_MAX_MOVIES };

struct md_engine {
    struct md_engine_params params;
    struct gov_history *history; /* of this run */
    struct movie_vec movies;
    size_t next_queued;              /* movies from here on were never started */
    size_t in_flight[MAX_IN_FLIGHT]; /* oldest first */
    size_t in_flight_count;
    size_t oldest; /* movie for which the patience runs; SIZE_MAX none */
    int64_t oldest_since_us;
    uint32_t last_worker;
    size_t lease_count; /* stages that hold memory */
    size_t ended_count[3];
    bool closed, has_ended;
    int cancels;
    int64_t cancel_deadline_us;
    struct command_vec commands; /* room is reserved in ADD, so that emitting cannot fail */
};

/* engine.c */
struct md_command *md_engine_emit_(struct md_engine *e, enum md_command_kind kind,
                                   const struct movie *m);
void md_engine_say_(struct md_engine *e, enum md_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t md_engine_unfinished_(const struct md_engine *e);
void md_engine_release_(struct md_engine *e, struct movie *m, struct gov_lease *ret_lease);
void md_engine_end_movie_(struct md_engine *e, struct movie *m, enum md_movie_end end);
void md_engine_quit_(struct md_engine *e, struct movie *m, int64_t now_us);

static inline size_t movie_index(const struct md_engine *e, const struct movie *m)
{
    return (size_t)(m - e->movies.v);
}

/* On its way out: nothing new is started for it. */
static inline bool is_leaving(const struct movie *m)
{
    return m->phase == PHASE_STOPPING && !m->restart;
}

/* schedule.c */
void md_engine_schedule_(struct md_engine *e, int64_t now_us);
/* The stage of a movie begins to wait for memory. */
void md_engine_wait_(struct movie *m, int64_t now_us);
/* Until when the oldest movie waits; NEVER_US when it does not. */
int64_t md_engine_patience_end_(const struct md_engine *e);
/* Learns from what a stage took. */
void md_engine_learn_(struct md_engine *e, const struct movie *m, int64_t peak_bytes);

/* recover.c */
void md_engine_lost_worker_(struct md_engine *e, struct movie *m, const struct md_event *event,
                            int64_t now_us);
void md_engine_stage_failed_(struct md_engine *e, struct movie *m, const struct md_failure *failure,
                             int64_t now_us);
void md_engine_condemn_(struct md_engine *e, struct movie *m, const char *why);
void md_engine_cancel_(struct md_engine *e, int64_t now_us);

#endif
