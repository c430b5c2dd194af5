/* Who may write a queue: one process at a time, by an flock(2) on a file beside it that the kernel
 * takes back when the process ends, however it ends. The file also says who holds it and where the
 * holder can be talked to. It is never removed, as that would let two processes in. */
#ifndef MD_QUEUE_LOCK_H
#define MD_QUEUE_LOCK_H

#include <stddef.h>

#include "base/error.h"

/* Zero-filled: pid 0, no socket. */
struct md_queue_holder {
    long pid;
    char socket[1024]; /* path of its control socket; empty: none (yet) */
};

/* Takes the lock of the queue at `path` without waiting; the folder is made when missing.
 * *ret_fd is the lock: it is held until it is closed. MD_ERR_BUSY: another process has it,
 * *ret_holder (may be NULL) says what it wrote. MD_ERR_IO, MD_ERR_NOSPACE, MD_ERR_NOMEM. */
int md_queue_lock(const char *path, int *ret_fd, struct md_queue_holder *ret_holder,
                  struct md_failure *failure);

/* Who has it or had it last, without touching the lock: whether they are still there only an answer
 * at their socket tells. MD_ERR_NOTFOUND: nobody yet; MD_ERR_NOMEM. */
int md_queue_lock_holder(const char *path, struct md_queue_holder *ret_holder);

/* Writes down who we are; socket may be NULL. MD_ERR_IO, MD_ERR_NOSPACE, MD_ERR_INPUT (a path that
 * is too long). */
int md_queue_lock_announce(int fd, const char *socket, struct md_failure *failure);

/* The words for a person: who has it and what to do. */
int md_queue_fail_held(struct md_failure *failure, const char *path,
                       const struct md_queue_holder *holder);

#endif
