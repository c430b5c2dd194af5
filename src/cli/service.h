/* What commands about the queue do, whoever carries them out: the instance that runs the queue, or
 * the command itself where nobody runs it. Requests in, one line of JSON out:
 *
 *   {"ok": true, "movies": [...]}    {"ok": false, "error": "a sentence", ...}
 */
#ifndef MD_CLI_SERVICE_H
#define MD_CLI_SERVICE_H

#include "queue/queue.h"
#include "super/request.h"
#include "super/super.h"

/* "memory", "worker", "turn", "retry", "resume", as replies have them. */
extern const char *const md_wait_names[MD_WAITS];

/* A movie in flight. */
struct md_live_movie {
    enum md_wait waits_for;
    int stage; /* -1 none yet */
    int attempt;
    int64_t done_us, total_us;
    int64_t eta_us; /* -1 unknown */
};

struct md_live_state {
    struct md_memory_view memory;
    bool paused_by_user, paused_by_memory, stopping;
    int64_t eta_us; /* of everything; -1 unknown */
};

/* The run that goes on. */
struct md_live {
    void *user;
    /* A movie that was queued; nothing happens when it is in the run already. MD_ERR_CANCELLED: the
     * run is ending; MD_ERR_NOMEM. */
    int (*join)(void *user, const struct md_queue_job *job);
    /* Not to be done any more; false: it is not in the run, or has ended. Once it has ended the run
     * takes it out of the queue. */
    bool (*leave)(void *user, int64_t id);
    bool (*movie)(void *user, int64_t id, struct md_live_movie *ret_movie); /* false: none */
    void (*state)(void *user, struct md_live_state *ret_state);
    void (*pause)(void *user);
    void (*resume)(void *user);
    void (*stop)(void *user);
    struct json_t *(*memory)(void *user); /* of md_super_report_memory; the caller's */
};

struct md_service {
    struct md_queue *queue;
    const char *path;           /* of the queue; NULL: in memory */
    const struct md_live *live; /* NULL: nobody runs the queue */
};

/* Carries out the request; the reply is appended without an end of line. */
void md_service_answer(const struct md_service *service, const struct md_request *request,
                       struct md_str *reply);

#endif
