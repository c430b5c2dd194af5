#include "workers/link.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ipc/channel.h"
#include "ipc/protocol.h"
#include "workers/witness.h"

enum { EXIT_ALONE = 3 }; /* the main program is gone or talks nonsense: nobody will see it */

struct question {
    struct question *next;
    size_t size;
    char bytes[];
};

struct md_link {
    struct md_channel in;  /* reader thread only */
    struct md_channel out; /* under send_lock; the same socket */
    pthread_mutex_t send_lock;
    pthread_mutex_t lock; /* first, last */
    pthread_cond_t arrived;
    struct question *first, **last;
    struct question *current; /* main thread only */
    atomic_bool cancelled;
    _Atomic int64_t heartbeat_us;
};

static void put_question(struct md_link *link, const struct md_record_view *view)
{
    size_t size = (size_t)(view->pairs - view->type) + view->pairs_size;
    struct question *question = malloc(sizeof *question + size);
    if (!question) {
        md_witness_note();
        _exit(MD_EXIT_NO_MEMORY);
    }
    question->next = NULL;
    question->size = size;
    memcpy(question->bytes, view->type, size);
    pthread_mutex_lock(&link->lock);
    *link->last = question;
    link->last = &question->next;
    pthread_cond_signal(&link->arrived);
    pthread_mutex_unlock(&link->lock);
}

static void on_record(struct md_link *link, const struct md_record_view *view)
{
    if (strcmp(view->type, MD_SAY_CANCEL) == 0) {
        atomic_store(&link->cancelled, true);
    } else if (strcmp(view->type, MD_SAY_TRIM) == 0) {
        malloc_trim(0);
    } else {
        /* A cancel belongs to the question before it. Here, not where the question is taken up: a
         * cancel may already have come by then. */
        if (strcmp(view->type, MD_SAY_QUIT) != 0)
            atomic_store(&link->cancelled, false);
        put_question(link, view);
    }
}

static void beat(struct md_link *link)
{
    md_autorecord record = {0};
    md_record_begin(&record, MD_SAY_ALIVE);
    md_record_add(&record, "of", MD_ALIVE_PROCESS);
    md_link_send(link, &record);
}

/* Waits for bytes, saying alive meanwhile. What the channel holds already is not waited for: it
 * reads on only when it has no whole record, so nothing is left lying. */
static void wait_for_bytes(struct md_link *link, int64_t *last_beat_us)
{
    struct pollfd socket = {.fd = link->in.fd, .events = POLLIN};
    for (;;) {
        const int64_t look_us = MD_SECOND_US; /* the interval may be set meanwhile */
        int64_t interval_us = atomic_load(&link->heartbeat_us), now_us = md_clock_monotonic_us();
        if (interval_us > 0 && now_us - *last_beat_us >= interval_us) {
            beat(link);
            *last_beat_us = now_us;
        }
        int64_t wait_us = interval_us > 0 ? interval_us : look_us;
        if (poll(&socket, 1, (int)MD_CLAMP(wait_us / 1000, 1, 60000)) != 0)
            return;
    }
}

static void *read_all(void *user)
{
    struct md_link *link = user;
    struct md_record_view view;
    int64_t last_beat_us = md_clock_monotonic_us();
    for (;;) {
        int r = md_channel_receive(&link->in, &view);
        if (r == 1)
            on_record(link, &view);
        else if (r < 0 || link->in.ended)
            break;
        else
            wait_for_bytes(link, &last_beat_us);
    }
    /* EOF: the main program died. It is not there to be told anything. */
    _exit(EXIT_ALONE);
}

static int start_thread(struct md_link *link)
{
    pthread_t thread;
    sigset_t all, before;
    /* Signals are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = pthread_create(&thread, NULL, read_all, link);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r)
        return MD_ERR_IO;
    pthread_detach(thread);
    return MD_OK;
}

int md_link_open(int fd, struct md_link **ret_link)
{
    struct md_link *link = calloc(1, sizeof *link);
    if (!link) {
        close(fd);
        return MD_ERR_NOMEM;
    }
    md_channel_init(&link->in, fd);
    link->in.never_blocks = true;
    md_channel_init(&link->out, fd);
    pthread_mutex_init(&link->send_lock, NULL);
    pthread_mutex_init(&link->lock, NULL);
    pthread_cond_init(&link->arrived, NULL);
    link->last = &link->first;
    int r = start_thread(link);
    if (r < 0) {
        link->out.fd = -1;
        md_channel_done(&link->out);
        md_channel_done(&link->in);
        free(link);
        return r;
    }
    *ret_link = link;
    return MD_OK;
}

void md_link_next(struct md_link *link, struct md_record_view *ret_view)
{
    free(link->current);
    pthread_mutex_lock(&link->lock);
    while (!link->first)
        pthread_cond_wait(&link->arrived, &link->lock);
    link->current = link->first;
    link->first = link->current->next;
    if (!link->first)
        link->last = &link->first;
    pthread_mutex_unlock(&link->lock);
    /* It was well-formed when it came. */
    if (md_record_parse(link->current->bytes, link->current->size, ret_view) < 0)
        _exit(EXIT_ALONE);
}

void md_link_set_heartbeat(struct md_link *link, int64_t interval_us)
{
    atomic_store(&link->heartbeat_us, interval_us);
}

bool md_link_cancelled(const struct md_link *link)
{
    return atomic_load_explicit(&link->cancelled, memory_order_relaxed);
}

void md_link_send(struct md_link *link, struct md_record *record)
{
    pthread_mutex_lock(&link->send_lock);
    int r = md_channel_send(&link->out, record);
    pthread_mutex_unlock(&link->send_lock);
    if (r == MD_ERR_IO)
        _exit(EXIT_ALONE);
    if (r == MD_ERR_NOMEM) /* an answer that is never given would be waited for */
        md_witness_die();
}
