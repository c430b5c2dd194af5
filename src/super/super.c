/* One thread, one epoll set: sockets, pidfds and stderr of the workers, signals, one timer. All
 * decisions are the engine's; this file waits, tells it what happened and does as it is told. */
#include "super/super_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "ipc/protocol.h"

static const char *const worker_programs[MD_EXECUTORS] = {
    [MD_EXECUTOR_MEDIA] = "moviedigest-media",
    [MD_EXECUTOR_ASR] = "moviedigest-asr",
    [MD_EXECUTOR_LLM] = "moviedigest-llm",
};

/* In place of the last, for a model on a server. */
static const char remote_program[] = "moviedigest-endpoint";

/* We wake up at least every longest_interval_us. A longer gap means that we were stopped or the
 * machine slept, and so were the workers: it must not look as if they hung. */
static const int64_t longest_interval_us = 2 * MD_SECOND_US;
static const int64_t longest_gap_us = 5 * MD_SECOND_US;

enum { PROCESSES = 2 * MD_ENGINE_MAX_MOVIES + 2 * MD_EXECUTORS };

/* What a descriptor in the epoll set is; the worker's number is in the lower half. */
enum source {
    SOURCE_SIGNAL = 1,
    SOURCE_TIMER,
    SOURCE_CANCEL,
    SOURCE_SOCKET,
    SOURCE_PID,
    SOURCE_STDERR,
    SOURCE_OTHER
};

static const int taken_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};

int64_t md_super_now_us_(const struct md_super *s)
{
    return md_clock_monotonic_us() - s->lost_us;
}

static bool watch(struct md_super *s, int fd, enum source source, uint32_t worker, unsigned events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)source << 32 | worker};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void md_super_watch_channel_(struct md_super *s, struct md_process *process)
{
    unsigned wanted = 0;
    if (!process->deaf && !process->channel.ended) {
        wanted = EPOLLIN;
        if (md_channel_pending(&process->channel))
            wanted |= EPOLLOUT;
    }
    if (wanted == process->watched || process->channel.fd < 0)
        return;
    struct epoll_event event = {.events = wanted,
                                .data.u64 = (uint64_t)SOURCE_SOCKET << 32 | process->id};
    int action = !wanted ? EPOLL_CTL_DEL : !process->watched ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(s->epoll_fd, action, process->channel.fd, &event) == 0)
        process->watched = wanted;
    else
        process->unheard = true; /* no memory in the kernel: look at every turn instead */
}

static struct md_process *find_process(const struct md_super *s, uint32_t worker)
{
    for (size_t i = 0; i < s->processes.n; i++)
        if (s->processes.v[i]->id == worker)
            return s->processes.v[i];
    return NULL;
}

void md_super_tell_later_(struct md_super *s, const struct md_event *event)
{
    struct md_own_event own = {.event = *event};
    if (event->failure)
        own.failure = *event->failure;
    /* Room is reserved for one of each kind a worker; a second BROKEN would say nothing new. */
    if (s->own_events.n < s->own_events.cap)
        s->own_events.v[s->own_events.n++] = own;
}

static int find_worker_program(struct md_super *s, enum md_executor executor,
                               struct md_failure *failure)
{
    char **path = &s->worker_paths[executor];
    if (*path)
        return MD_OK;
    bool remote = executor == MD_EXECUTOR_LLM && s->params->options->llm_url;
    if (!s->params->worker_path)
        return md_process_find(remote ? remote_program : worker_programs[executor], path, failure);
    *path = strdup(s->params->worker_path);
    return *path ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "out of memory starting a worker");
}

static int start_process(struct md_super *s, const struct md_command *command,
                         struct md_failure *failure)
{
    int r = find_worker_program(s, command->executor, failure);
    if (r < 0)
        return r;
    if (s->processes.n == s->processes.cap)
        return md_fail(failure, MD_ERR_BUG, "too many workers");
    struct md_process *process = calloc(1, sizeof *process);
    if (!process)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory starting a worker");
    process->is_remote =
        command->executor == MD_EXECUTOR_LLM && s->params->options->llm_url != NULL;
    r = md_process_start(process, s->worker_paths[command->executor], failure);
    if (r < 0) {
        free(process);
        return r;
    }
    process->id = command->worker;
    process->executor = command->executor;
    process->busy = true; /* with starting */
    process->movie = command->movie;
    process->batch = command->batch;
    process->settings = command->settings;
    md_super_confine_(s, process);
    process->lease_bytes = command->lease_bytes; /* enforced once it is itself: at its hello */
    s->processes.v[s->processes.n++] = process;
    /* Should epoll have no memory for these, the end is noticed at the next sample. */
    (void)watch(s, process->stderr_fd, SOURCE_STDERR, process->id, EPOLLIN);
    if (process->pidfd >= 0)
        (void)watch(s, process->pidfd, SOURCE_PID, process->id, EPOLLIN);
    md_super_watch_channel_(s, process);
    md_super_tell_later_(
        s,
        &(struct md_event){.kind = MD_EVENT_SPAWNED, .worker = process->id, .pid = process->pid});
    return MD_OK;
}

/* Memory is on its way back, and somebody may wait for it. */
static void sample_soon(struct md_super *s)
{
    const int64_t soon_us = MD_SECOND_US / 10;
    s->next_sample_us = MD_MIN(s->next_sample_us, md_super_now_us_(s) + soon_us);
}

static void start_worker(struct md_super *s, const struct md_command *command)
{
    struct md_failure failure = {0};
    if (start_process(s, command, &failure) < 0)
        md_super_tell_later_(s, &(struct md_event){.kind = MD_EVENT_SPAWN_FAILED,
                                                   .worker = command->worker,
                                                   .failure = &failure});
}

/* Commands that only tell. */
static void tell_observer(struct md_super *s, const struct md_command *command)
{
    const struct md_super_observer *o = &s->observer;
    switch (command->kind) {
    case MD_COMMAND_MOVIE_STARTED:
        if (o->movie_started)
            o->movie_started(o->user, command->movie);
        break;
    case MD_COMMAND_STAGE_WAITING:
        if (o->stage_waiting)
            o->stage_waiting(o->user, command->movie, command->stage);
        break;
    case MD_COMMAND_STAGE_FINISHED:
        if (o->stage_finished)
            o->stage_finished(o->user, command->movie, command->stage, &command->result);
        break;
    case MD_COMMAND_STAGE_FAILED:
        if (command->will_retry)
            md_super_note_trouble_(s, command);
        if (o->stage_failed)
            o->stage_failed(o->user, command->movie, command->stage, command->failure,
                            command->will_retry);
        break;
    case MD_COMMAND_MOVIE_ENDED:
        if (command->end != MD_MOVIE_DONE)
            md_super_clean_after_(&s->jobs.v[command->movie]);
        if (o->movie_ended)
            o->movie_ended(o->user, command->movie, command->end, command->failure);
        md_super_remember_(s);
        break;
    case MD_COMMAND_UNITS:
        if (o->units)
            o->units(o->user, command->movie, command->stage, command->units_done,
                     command->units_total);
        break;
    case MD_COMMAND_PAUSED:
        if (o->paused)
            o->paused(o->user, command->by_memory);
        break;
    case MD_COMMAND_RESUMED:
        if (o->resumed)
            o->resumed(o->user, command->by_memory);
        break;
    case MD_COMMAND_LOG:
        md_log(s->params->log, command->level, "engine", "%s", command->text);
        break;
    default:
        break;
    }
}

static void carry_out(struct md_super *s, const struct md_command *command)
{
    struct md_process *process = find_process(s, command->worker);
    switch (command->kind) {
    case MD_COMMAND_START_WORKER:
        start_worker(s, command);
        break;
    case MD_COMMAND_CHECK:
    case MD_COMMAND_RUN:
    case MD_COMMAND_FINISH_MOVIE:
    case MD_COMMAND_CANCEL:
    case MD_COMMAND_QUIT:
        if (process && command->kind == MD_COMMAND_RUN)
            md_super_set_lease_(s, process, command->lease_bytes);
        if (process)
            md_super_speak_(s, process, command);
        if (command->kind == MD_COMMAND_RUN && s->observer.stage_leased)
            s->observer.stage_leased(s->observer.user, command->movie, command->stage,
                                     command->batch, command->lease_bytes);
        if (command->kind == MD_COMMAND_RUN && s->observer.stage_started)
            s->observer.stage_started(s->observer.user, command->movie, command->stage,
                                      command->attempt);
        break;
    case MD_COMMAND_LIMIT:
        if (process)
            md_super_set_lease_(s, process, command->lease_bytes);
        break;
    case MD_COMMAND_KILL:
        if (process)
            md_process_signal(process, SIGKILL);
        break;
    case MD_COMMAND_POST_MORTEM:
        md_super_post_mortem_(s, command);
        sample_soon(s);
        break;
    case MD_COMMAND_RUN_TIER:
        md_super_run_tier_(s, command->tier);
        sample_soon(s);
        break;
    case MD_COMMAND_END:
        s->ends = true;
        break;
    default:
        tell_observer(s, command);
        break;
    }
}

static void step(struct md_super *s, const struct md_event *event)
{
    const struct md_command *commands;
    size_t count;
    int r = md_engine_step(s->engine, event, md_super_now_us_(s), &commands, &count);
    if (r < 0)
        md_log(s->params->log, MD_LOG_ERROR, "engine", "event %d refused: %s", (int)event->kind,
               md_error_text(r));
    for (size_t i = 0; i < count; i++)
        carry_out(s, &commands[i]);
}

static void tell_put_off(struct md_super *s)
{
    for (size_t i = 0; i < s->own_events.n; i++) {
        struct md_own_event own = s->own_events.v[i]; /* a copy: the step may add more */
        if (own.event.failure)
            own.event.failure = &own.failure;
        step(s, &own.event);
    }
    s->own_events.n = 0;
}

void md_super_tell_(struct md_super *s, const struct md_event *event)
{
    step(s, event);
    tell_put_off(s);
}

/* How a worker ends that could not go on without memory, whatever library it was in. */
static bool died_of_memory(const struct md_process *process, bool limit_struck)
{
    int status = process->wait_status;
    if (limit_struck || (WIFEXITED(status) && WEXITSTATUS(status) == MD_EXIT_NO_MEMORY))
        return true;
    bool normal = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return !normal && process->wanted_memory;
}

/* To the engine it is then the same as if the worker had said so. */
static void tell_out_of_memory(struct md_super *s, struct md_process *process)
{
    struct md_failure failure = {0};
    char size[24];
    if (process->enforced_bytes > 0)
        md_fail(&failure, MD_ERR_NOMEM, "out of memory: the worker needed more than the %s it may",
                gov_format_size(process->enforced_bytes, size, sizeof size));
    else
        md_fail(&failure, MD_ERR_NOMEM, "out of memory: the system gave the worker no more");
    md_super_tell_(
        s, &(struct md_event){.kind = MD_EVENT_FAILED, .worker = process->id, .failure = &failure});
}

static void forget_process(struct md_super *s, struct md_process *process)
{
    for (size_t i = 0; i < s->processes.n; i++) {
        if (s->processes.v[i] == process) {
            s->processes.v[i] = s->processes.v[--s->processes.n];
            break;
        }
    }
    md_process_done(process);
    free(process);
}

/* Its last records and words count; only then the engine hears of its end. */
static void bury(struct md_super *s, struct md_process *process)
{
    do
        md_super_listen_(s, process);
    while (process->unheard && !process->channel.ended);
    md_process_read_stderr(process, s->params->log);
    int status = process->wait_status;
    bool struck = md_super_release_(s, process) || process->struck;
    if (died_of_memory(process, struck) && process->busy)
        tell_out_of_memory(s, process);
    /* Why it died is judged by the memory as it is now. */
    if (WIFSIGNALED(status))
        md_memory_sample(&s->memory, md_super_now_us_(s));
    struct md_event event = {
        .kind = MD_EVENT_GONE,
        .worker = process->id,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        .last_words = process->last_words,
    };
    md_log(s->params->log, MD_LOG_DEBUG, "super", "worker %u is gone (%s %d)", process->id,
           event.signal ? "signal" : "status", event.signal ? event.signal : event.exit_status);
    md_super_tell_(s, &event);
    forget_process(s, process);
    sample_soon(s);
}

static void bury_the_dead(struct md_super *s)
{
    for (size_t i = s->processes.n; i-- > 0;)
        if (i < s->processes.n && md_process_reap(s->processes.v[i]))
            bury(s, s->processes.v[i]);
}

static void cancel(struct md_super *s)
{
    s->cancels++;
    if (s->observer.cancelling)
        s->observer.cancelling(s->observer.user, s->cancels);
    md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_CANCEL});
}

static void signal_all(struct md_super *s, int signal)
{
    for (size_t i = 0; i < s->processes.n; i++)
        md_process_signal(s->processes.v[i], signal);
}

static void on_signals(struct md_super *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        switch ((int)info.ssi_signo) {
        case SIGWINCH:
            if (s->observer.resized)
                s->observer.resized(s->observer.user);
            break;
        case SIGTSTP:
            signal_all(s, SIGSTOP);
            raise(SIGSTOP); /* returns when somebody continues us */
            signal_all(s, SIGCONT);
            if (s->observer.resized)
                s->observer.resized(s->observer.user);
            break;
        default:
            if (!s->signal)
                s->signal = (int)info.ssi_signo;
            cancel(s);
            break;
        }
    }
}

static void on_cancel_fd(struct md_super *s)
{
    char byte;
    ssize_t n = read(s->params->cancel_fd, &byte, 1);
    if (n == 1)
        cancel(s);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->params->cancel_fd, NULL);
}

static void sample(struct md_super *s)
{
    struct md_memory_view view;
    if (md_memory_sample(&s->memory, md_super_now_us_(s))) {
        md_super_note_flight_(s);
        md_super_end_tier_(s);
        md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_SAMPLED});
    }
    if (!s->observer.memory)
        return;
    md_memory_view(&s->memory, &view);
    s->observer.memory(s->observer.user, &view);
}

/* A worker closes its socket when it ends. One that lives on without it can never answer. */
static void give_up_the_silent(struct md_super *s)
{
    const int64_t dying_us = MD_SECOND_US; /* takes a moment */
    for (size_t i = 0; i < s->processes.n; i++) {
        struct md_process *process = s->processes.v[i];
        if (!process->channel.ended || process->given_up)
            continue;
        int64_t now = md_super_now_us_(s);
        if (!process->silent_since_us)
            process->silent_since_us = now;
        process->given_up = now - process->silent_since_us >= dying_us;
        if (process->given_up)
            md_super_tell_later_(
                s, &(struct md_event){.kind = MD_EVENT_BROKEN, .worker = process->id});
    }
    tell_put_off(s);
}

/* Whatever is due by the clock. */
static void on_time(struct md_super *s)
{
    int64_t now = md_super_now_us_(s);
    if (now >= s->next_sample_us) {
        bury_the_dead(s); /* those for which there is no pidfd */
        give_up_the_silent(s);
        sample(s);
        int64_t interval_us = gov_governor_next_sample_us(s->memory.governor);
        interval_us = MD_MIN(interval_us, md_super_look_at_leases_(s));
        s->next_sample_us = now + MD_MIN(interval_us, longest_interval_us);
    }
    if (!s->ends && now >= md_engine_deadline_us(s->engine))
        md_super_tell_(s, &(struct md_event){.kind = MD_EVENT_TICK});
    if (s->params->tick_us > 0 && now >= s->next_tick_us) {
        s->next_tick_us = now + s->params->tick_us;
        if (s->observer.tick)
            s->observer.tick(s->observer.user);
    }
}

static void set_timer(struct md_super *s)
{
    const int64_t soonest_us = 1000; /* whatever the engine wants, we do not spin */
    int64_t next = MD_MIN(s->next_sample_us, md_engine_deadline_us(s->engine));
    if (s->params->tick_us > 0)
        next = MD_MIN(next, s->next_tick_us);
    int64_t at = MD_MAX(next, md_super_now_us_(s) + soonest_us) + s->lost_us;
    struct itimerspec spec = {
        .it_value = {.tv_sec = at / MD_SECOND_US, .tv_nsec = at % MD_SECOND_US * 1000}};
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void on_source(struct md_super *s, uint64_t data, unsigned events)
{
    enum source source = (enum source)(data >> 32);
    struct md_process *process = find_process(s, (uint32_t)data);
    uint64_t expirations;
    switch (source) {
    case SOURCE_SIGNAL:
        on_signals(s);
        break;
    case SOURCE_CANCEL:
        on_cancel_fd(s);
        break;
    case SOURCE_TIMER: /* what is due is done at the end of every turn */
        (void)!read(s->timer_fd, &expirations, sizeof expirations);
        break;
    case SOURCE_SOCKET:
        if (process && events & EPOLLOUT)
            (void)md_channel_flush(&process->channel);
        if (process)
            md_super_listen_(s, process);
        break;
    case SOURCE_STDERR:
        if (process)
            md_process_read_stderr(process, s->params->log);
        break;
    case SOURCE_PID:
        if (process && md_process_reap(process))
            bury(s, process);
        break;
    case SOURCE_OTHER:
        if (!s->ends)
            s->params->source->ready(s->params->source->user, s);
        break;
    }
}

static void notice_gaps(struct md_super *s)
{
    int64_t seen = md_clock_monotonic_us(), gap = seen - s->last_seen_us;
    if (s->last_seen_us && gap > longest_gap_us) {
        md_log(s->params->log, MD_LOG_DEBUG, "super", "stood still for %.1f s", (double)gap / 1e6);
        s->lost_us += gap;
    }
    s->last_seen_us = seen;
}

static bool somebody_unheard(const struct md_super *s)
{
    for (size_t i = 0; i < s->processes.n; i++)
        if (s->processes.v[i]->unheard)
            return true;
    return false;
}

static void turn(struct md_super *s)
{
    enum { EVENTS = 64 };
    struct epoll_event events[EVENTS];
    set_timer(s);
    int n = epoll_wait(s->epoll_fd, events, EVENTS, somebody_unheard(s) ? 0 : -1);
    notice_gaps(s);
    for (int i = 0; i < n; i++)
        on_source(s, events[i].data.u64, events[i].events);
    for (size_t i = s->processes.n; i-- > 0;)
        if (i < s->processes.n && s->processes.v[i]->unheard)
            md_super_listen_(s, s->processes.v[i]);
    tell_put_off(s);
    on_time(s);
    md_super_close_(s);
}

/* A model without a program to run it is told at once. */
static int take_models(struct md_super *s, struct md_engine_model *models,
                       struct md_failure *failure)
{
    const struct md_engine_model *given = s->params->models;
    int r = given ? MD_OK
                  : md_super_find_models_(s->params->options, s->memory.is_host,
                                          s->params->measures, models, failure);
    for (int i = 0; i < MD_EXECUTORS && r == MD_OK; i++) {
        if (given)
            models[i] = given[i];
        if (models[i].name)
            r = find_worker_program(s, (enum md_executor)i, failure);
    }
    return r;
}

static int open_engine(struct md_super *s, const struct gov_config *config,
                       struct md_failure *failure)
{
    const struct md_options *options = s->params->options;
    struct md_engine_params params = md_engine_params_default;
    params.governor = s->memory.governor;
    params.cores = MD_MAX((int)sysconf(_SC_NPROCESSORS_ONLN), 1);
    params.max_movies = options->jobs > 0
                            ? (int)MD_MIN(options->jobs, MD_ENGINE_MAX_MOVIES)
                            : md_engine_auto_movies(params.cores, config->movies_default);
    params.fixed_movies = options->jobs > 0;
    params.threads = (int)options->threads;
    params.stages = s->params->stages ? s->params->stages : (1u << MD_STAGES) - 1;
    params.stall_us = options->hang_after_s * MD_SECOND_US;
    params.ready_timeout_us = MD_MIN(params.ready_timeout_us, params.stall_us);
    params.max_height = options->max_height;
    params.force = options->force;
    params.config = config;
    params.history = s->history;
    params.device = s->memory.name;
    params.device_is_gpu = !s->memory.is_host;
    params.recorder = s->memory.recorder;
    s->heartbeat_us = params.heartbeat_us;
    int r = take_models(s, params.models, failure);
    if (r < 0)
        return r;
    r = md_engine_new(&params, &s->engine);
    return r < 0 ? md_fail(failure, r, "the engine cannot start: %s", md_error_text(r)) : MD_OK;
}

static int open_descriptors(struct md_super *s, const sigset_t *signals, struct md_failure *failure)
{
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->timer_fd < 0 || !watch(s, s->timer_fd, SOURCE_TIMER, 0, EPOLLIN))
        return md_fail_errno(failure, errno, "cannot set up waiting for workers");
    if (s->params->handle_signals) {
        s->signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->signal_fd < 0 || !watch(s, s->signal_fd, SOURCE_SIGNAL, 0, EPOLLIN))
            return md_fail_errno(failure, errno, "cannot set up signals");
    }
    if (s->params->cancel_fd > 0 && !watch(s, s->params->cancel_fd, SOURCE_CANCEL, 0, EPOLLIN))
        return md_fail_errno(failure, errno, "cannot watch for a cancel");
    if (s->params->source && !watch(s, s->params->source->fd, SOURCE_OTHER, 0, EPOLLIN))
        return md_fail_errno(failure, errno, "cannot watch for commands");
    return MD_OK;
}

static int set_up(struct md_super *s, const sigset_t *signals, struct md_failure *failure)
{
    struct gov_config config;
    int r = find_worker_program(s, MD_EXECUTOR_MEDIA, failure);
    if (r == MD_OK)
        r = md_memory_open(&s->memory, s->params->options, s->params->memory, s->params->log,
                           &config, failure);
    if (r == MD_OK)
        r = md_super_recall_(s, &config, failure);
    if (r == MD_OK)
        r = open_engine(s, &config, failure);
    if (r == MD_OK)
        r = md_super_begin_flight_(s, failure);
    if (r == MD_OK)
        md_super_begin_enforcing_(s);
    if (r == MD_OK && (md_vec_reserve(&s->processes, PROCESSES) < 0 ||
                       md_vec_reserve(&s->own_events, 2 * PROCESSES) < 0))
        r = md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r == MD_OK)
        r = open_descriptors(s, signals, failure);
    return r;
}

static void tear_down(struct md_super *s)
{
    md_super_end_flight_(s);
    md_super_end_enforcing_(s);
    md_super_remember_(s);
    md_engine_free(s->engine);
    gov_history_free(s->history);
    md_memory_close(&s->memory);
    const int fds[] = {s->epoll_fd, s->timer_fd, s->signal_fd};
    for (size_t i = 0; i < MD_ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    md_vec_done(&s->processes);
    md_vec_done(&s->own_events);
    md_vec_done(&s->jobs);
    md_record_done(&s->record);
    for (int i = 0; i < MD_EXECUTORS; i++)
        free(s->worker_paths[i]);
}

static int add_movies(struct md_super *s, struct md_failure *failure)
{
    (void)gov_governor_watch(s->memory.governor, getpid());
    md_memory_sample(&s->memory, md_super_now_us_(s));
    if (md_engine_reserve(s->engine, s->params->job_count) < 0 ||
        md_vec_reserve(&s->jobs, s->params->job_count) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory for %zu movies", s->params->job_count);
    for (size_t i = 0; i < s->params->job_count; i++)
        if (md_super_take_job_(s, &s->params->jobs[i]) < 0)
            return md_fail(failure, MD_ERR_NOMEM, "out of memory for %zu movies",
                           s->params->job_count);
    md_super_close_(s);
    return MD_OK;
}

int md_super_run(const struct md_super_params *params, struct md_super_result *ret_result,
                 struct md_failure *failure)
{
    struct md_super s = {.params = params, .epoll_fd = -1, .timer_fd = -1, .signal_fd = -1};
    sigset_t signals, before;
    if (params->observer)
        s.observer = *params->observer;
    sigemptyset(&signals);
    for (size_t i = 0; params->handle_signals && i < MD_ARRAY_LEN(taken_signals); i++)
        sigaddset(&signals, taken_signals[i]);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    int r = set_up(&s, &signals, failure);
    if (r == MD_OK)
        r = add_movies(&s, failure);
    if (r == MD_OK) {
        while (!s.ends)
            turn(&s);
        *ret_result = (struct md_super_result){
            .done_count = md_engine_count(s.engine, MD_MOVIE_DONE),
            .failed_count = md_engine_count(s.engine, MD_MOVIE_FAILED),
            .cancelled_count = md_engine_count(s.engine, MD_MOVIE_CANCELLED),
            .cancelled = s.cancels > 0,
            .stopped = s.stops,
            .signal = s.signal,
        };
    }
    tear_down(&s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}
