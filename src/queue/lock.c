/* flock rather than fcntl locks: those are lost when any descriptor of the file is closed, SQLite
 * being one that closes. Rather than a row in the database: a row outlives its process. */
#include "queue/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

static char *lock_path(const char *path)
{
    md_autostr text = {0};
    md_str_printf(&text, "%s.lock", path);
    return md_str_take(&text);
}

/* "PID\nSOCKET\n"; whatever else it says counts as nothing. */
static void read_holder(int fd, struct md_queue_holder *ret_holder)
{
    char text[sizeof ret_holder->socket + 32];
    char *end;
    *ret_holder = (struct md_queue_holder){0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return;
    text[n] = '\0';
    long pid = strtol(text, &end, 10);
    if (pid <= 0 || *end != '\n')
        return;
    ret_holder->pid = pid;
    size_t length = strcspn(end + 1, "\n");
    if (end[1 + length] == '\n' && length < sizeof ret_holder->socket)
        memcpy(ret_holder->socket, end + 1, length);
}

int md_queue_lock(const char *path, int *ret_fd, struct md_queue_holder *ret_holder,
                  struct md_failure *failure)
{
    md_autofree char *name = lock_path(path);
    md_autofree char *folder = strdup(path);
    if (!name || !folder)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    folder[md_path_base(path) - path] = '\0';
    if (folder[0]) {
        int r = md_mkdir_p(folder, failure);
        if (r < 0)
            return r;
    }
    md_autoclose int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return md_fail_errno(failure, errno, "cannot open %s", name);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return md_fail_errno(failure, errno, "cannot lock %s", name);
        struct md_queue_holder holder;
        read_holder(fd, &holder);
        if (ret_holder)
            *ret_holder = holder;
        return md_queue_fail_held(failure, path, &holder);
    }
    *ret_fd = md_take_fd(&fd);
    return MD_OK;
}

int md_queue_lock_holder(const char *path, struct md_queue_holder *ret_holder)
{
    md_autofree char *name = lock_path(path);
    if (!name)
        return MD_ERR_NOMEM;
    md_autoclose int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return MD_ERR_NOTFOUND;
    read_holder(fd, ret_holder);
    return MD_OK;
}

int md_queue_lock_announce(int fd, const char *socket, struct md_failure *failure)
{
    md_autostr text = {0};
    socket = socket ? socket : "";
    if (strlen(socket) >= sizeof((struct md_queue_holder *)0)->socket || strchr(socket, '\n'))
        return md_fail(failure, MD_ERR_INPUT, "the control socket's path cannot be %s", socket);
    md_str_printf(&text, "%ld\n%s\n", (long)getpid(), socket);
    if (md_str_failed(&text))
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    /* Emptied first, so that a reader sees the old, nothing, or the new, but never a mixture. */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text.s, text.n, 0) != (ssize_t)text.n)
        return md_fail_errno(failure, errno, "cannot write the queue's lock file");
    return MD_OK;
}

int md_queue_fail_held(struct md_failure *failure, const char *path,
                       const struct md_queue_holder *holder)
{
    char who[48] = "";
    if (holder->pid > 0)
        snprintf(who, sizeof who, " (pid %ld)", holder->pid);
    return md_fail(failure, MD_ERR_BUSY,
                   "another moviedigest%s is running on this queue, %s: give it the movies with "
                   "moviedigest queue add PATH..., or use another queue with --queue FILE",
                   who, path);
}
