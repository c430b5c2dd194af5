/* One worker process as the main program holds it: its pid, its socket, its stderr. */
#ifndef MD_SUPER_PROCESS_H
#define MD_SUPER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "model/stage.h"

enum { MD_LINE_MAX = 512 };

struct md_process {
    uint32_t id; /* the engine's number for the worker */
    enum md_executor executor;
    bool is_remote; /* its model is on a server; gets the key to it */
    size_t movie;   /* that it works for; MD_ENGINE_NO_MOVIE: none just now */
    int batch;      /* of a worker with a model, as it was started */
    enum md_settings settings;
    int64_t lease_bytes;    /* what it may take now; 0: nobody says */
    char *cgroup;           /* its own; NULL: none */
    int64_t enforced_bytes; /* as the kernel was told; 0: nothing */
    bool struck;            /* we ended it, because it had more than that */
    bool unloading;         /* the engine was asked to end it */
    bool busy;              /* was asked something that it has not answered */
    pid_t pid;              /* also its process group; 0 once reaped */
    int pidfd;              /* readable when it has ended; -1 where the kernel has none */
    int stderr_fd;          /* non-blocking; -1 closed */
    struct md_channel channel;
    bool said_hello;
    bool deaf;    /* we are: nothing it says is heard any more */
    bool unheard; /* more may wait in the channel's own buffer, where epoll does not see it */
    int64_t silent_since_us; /* it had closed its socket and did not end; 0: not seen so */
    bool given_up;           /* because of that */
    unsigned watched;        /* what epoll waits for on the socket; 0: not in the set */
    int wait_status;
    char line[MD_LINE_MAX]; /* of its stderr, being put together */
    size_t line_size;
    bool wanted_memory; /* it has said on stderr that an allocation failed, since it was asked */
    char last_words[MD_LINE_MAX / 2]; /* the last line of its stderr that says anything; UTF-8 */
};

/* Starts path in a process group of its own, with an empty signal mask, its socket at
 * MD_IPC_WORKER_FD, /dev/null as stdin, and stdout and stderr caught. On failure *process is only
 * to be thrown away. */
int md_process_start(struct md_process *process, const char *path, struct md_failure *failure);

/* Closes everything; the process must have been reaped. */
void md_process_done(struct md_process *process);

/* To the whole group. Nothing happens once it was reaped. */
void md_process_signal(const struct md_process *process, int signal);

/* Collects the exit status if it has ended; true when it is gone. Never blocks. */
bool md_process_reap(struct md_process *process);

/* Reads what stderr has, logs whole lines at debug level and remembers the last. */
void md_process_read_stderr(struct md_process *process, const struct md_log *log);

/* The worker program: beside this executable, in libexecdir, or where a build folder has it.
 * MD_ERR_NOTFOUND. Caller frees. */
int md_process_find(const char *name, char **ret_path, struct md_failure *failure);

#endif
