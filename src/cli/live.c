/* Other commands and the run meet here: a request comes in from the loop, and what it asks becomes
 * calls to the supervisor and to the queue. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/run_internal.h"

enum { EVERY_STAGE = (1u << MD_STAGES) - 1 };

/* The movie of this id that has not ended; the youngest, as one that was retried is here twice. */
static struct md_run_movie *find(struct md_run *run, int64_t id, size_t *ret_number)
{
    for (size_t i = run->movies.n; i-- > 0;) {
        if (run->movies.v[i]->id == id) {
            *ret_number = i;
            return run->movies.v[i]->ended ? NULL : run->movies.v[i];
        }
    }
    return NULL;
}

static int join(void *user, const struct md_queue_job *job)
{
    struct md_run *run = user;
    struct md_failure failure = {0};
    size_t number;
    if (find(run, job->id, &number))
        return MD_OK;
    if (run->state.stopping)
        return MD_ERR_CANCELLED;
    int r = md_run_take_job(run, job, false, &failure);
    if (r < 0) {
        md_log(&run->log, MD_LOG_ERROR, "run", "%s", failure.message);
        return r;
    }
    struct md_run_movie *movie = run->movies.v[run->movies.n - 1];
    const struct md_job added = md_run_job(movie);
    r = md_super_add(run->super, &added, &number);
    if (r < 0) { /* the numbers stay those of the supervisor */
        md_run_take_back(run);
        return r;
    }
    md_log(&run->log, MD_LOG_INFO, "run", "%s: joins the run", run->board.rows.v[number].name);
    return MD_OK;
}

static bool leave(void *user, int64_t id)
{
    struct md_run *run = user;
    size_t number;
    struct md_run_movie *movie = find(run, id, &number);
    if (!movie)
        return false;
    movie->dropped = true;
    md_super_drop(run->super, number);
    return true;
}

static struct md_eta_movie for_eta(const struct md_run *run, size_t number, int64_t now_us)
{
    const struct md_run_movie *movie = run->movies.v[number];
    const struct md_row *row = &run->board.rows.v[number];
    unsigned wanted = movie->stages ? movie->stages : EVERY_STAGE;
    bool runs = row->stage >= 0 && !row->waiting;
    return (struct md_eta_movie){
        .movie_us = row->movie_us,
        .stages_left = wanted & ~movie->done,
        .stage = runs ? row->stage : -1,
        .elapsed_us = runs ? now_us - row->stage_start_us : 0,
        .fraction = row->total_us > 0 ? (double)row->done_us / (double)row->total_us : -1,
    };
}

static bool tell_movie(void *user, int64_t id, struct md_live_movie *ret_movie)
{
    struct md_run *run = user;
    size_t number;
    const struct md_run_movie *movie = find(run, id, &number);
    if (!movie || !movie->in_flight)
        return false;
    const struct md_row *row = &run->board.rows.v[number];
    const struct md_eta_movie eta = for_eta(run, number, md_clock_monotonic_us());
    *ret_movie = (struct md_live_movie){.waits_for = md_super_waits_for(run->super, number),
                                        .stage = row->stage,
                                        .attempt = movie->attempt,
                                        .done_us = row->done_us,
                                        .total_us = row->total_us,
                                        .eta_us = md_eta_movie(&run->eta, &eta)};
    return true;
}

static int64_t whole_eta(const struct md_run *run)
{
    struct MD_VEC(struct md_eta_movie) left = {0};
    int64_t now_us = md_clock_monotonic_us(), eta_us = -1;
    if (md_vec_reserve(&left, run->movies.n + 1) == MD_OK) {
        for (size_t i = 0; i < run->movies.n; i++)
            if (!run->movies.v[i]->ended)
                left.v[left.n++] = for_eta(run, i, now_us);
        eta_us = md_eta_batch(&run->eta, left.v, left.n, run->at_once);
    }
    md_vec_done(&left);
    return eta_us;
}

static void tell_state(void *user, struct md_live_state *ret_state)
{
    struct md_run *run = user;
    *ret_state = run->state;
    /* While it is paused nobody knows. */
    bool paused = run->state.paused_by_user || run->state.paused_by_memory;
    ret_state->eta_us = paused ? -1 : whole_eta(run);
}

static void pause_run(void *user)
{
    struct md_run *run = user;
    md_log(&run->log, MD_LOG_INFO, "run", "pausing: what runs goes on, nothing new is started");
    md_super_pause(run->super);
}

static void resume_run(void *user)
{
    struct md_run *run = user;
    md_log(&run->log, MD_LOG_INFO, "run", "going on");
    md_super_resume(run->super);
}

static void stop_run(void *user)
{
    struct md_run *run = user;
    run->state.stopping = run->board.cancelling = true;
    md_log(&run->log, MD_LOG_INFO, "run", "stopping once what runs is finished");
    md_super_stop(run->super);
}

static struct json_t *tell_memory(void *user)
{
    struct md_run *run = user;
    return md_super_report_memory(run->super);
}

static void answer(void *user, const struct md_request *request, struct md_str *reply)
{
    struct md_run *run = user;
    md_service_answer(&run->service, request, reply);
}

static void on_ready(void *user, struct md_super *super)
{
    struct md_run *run = user;
    run->super = super;
    md_control_turn(run->control);
    run->super = NULL;
}

void md_run_open_control(struct md_run *run)
{
    struct md_failure failure = {0};
    md_autofree char *folder = NULL;
    md_autofree char *name = NULL;
    run->live = (struct md_live){.user = run,
                                 .join = join,
                                 .leave = leave,
                                 .movie = tell_movie,
                                 .state = tell_state,
                                 .pause = pause_run,
                                 .resume = resume_run,
                                 .stop = stop_run,
                                 .memory = tell_memory};
    run->service =
        (struct md_service){.queue = run->place.queue, .path = run->place.path, .live = &run->live};
    run->state.memory = (struct md_memory_view){-1, -1, -1, -1, -1, NULL};
    /* A queue in memory is nobody else's. */
    if (!run->place.path || !md_place_socket(run->place.path, getenv, &folder, &name))
        return;
    const struct md_control_params params = {
        .folder = folder, .name = name, .answer = answer, .user = run};
    int r = md_control_open(&params, &run->control, &failure);
    if (r == MD_OK)
        r = md_queue_lock_announce(run->place.lock_fd, md_control_path(run->control), &failure);
    if (r < 0)
        md_log(&run->log, MD_LOG_WARNING, "run", "%s; other commands cannot reach this run",
               failure.message);
}

struct md_super_source md_run_source(struct md_run *run)
{
    return (struct md_super_source){
        .fd = run->control ? md_control_fd(run->control) : -1, .ready = on_ready, .user = run};
}
