#include "workers/link.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ipc/channel.h"
#include "ipc/protocol.h"

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
};

static void put_question(struct md_link *link, const struct md_record_view *view)
{
    size_t size = (size_t)(view->pairs - view->type) + view->pairs_size;
    struct question *question = malloc(sizeof *question + size);
    if (!question)
        _exit(EXIT_ALONE);
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

static void *read_all(void *user)
{
    struct md_link *link = user;
    struct md_record_view view;
    while (md_channel_receive(&link->in, &view) == 1)
        on_record(link, &view);
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
}
