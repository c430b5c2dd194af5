/* posix_spawn, not fork: it does not copy page tables and is safe beside threads. What a child must
 * do to itself (die with its parent, no core dumps) the worker does first thing. */
#include "super/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"
#include "ipc/protocol.h"

extern char **environ;

static int set_actions(posix_spawn_file_actions_t *actions, int socket, int output)
{
    int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!r)
        r = posix_spawn_file_actions_adddup2(actions, output, 1);
    if (!r)
        r = posix_spawn_file_actions_adddup2(actions, output, 2);
    if (!r)
        r = posix_spawn_file_actions_adddup2(actions, socket, MD_IPC_WORKER_FD);
    return r;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    int r = posix_spawnattr_setsigmask(attributes, &none);
    if (!r)
        r = posix_spawnattr_setsigdefault(attributes, &every);
    if (!r)
        r = posix_spawnattr_setpgroup(attributes, 0);
    if (!r)
        r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                     POSIX_SPAWN_SETPGROUP);
    return r;
}

/* What workers inherit: all, but the key to a server only the worker that asks it. The array is to
 * be freed, not the texts; NULL: no memory. */
static char **make_environment(bool with_key)
{
    static const char key[] = MD_ENV_LLM_KEY "=";
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **all = calloc(n + 1, sizeof *all);
    for (size_t i = 0; all && i < n; i++)
        if (with_key || strncmp(environ[i], key, sizeof key - 1) != 0)
            all[kept++] = environ[i];
    return all;
}

/* 0 or a value of errno. */
static int spawn(const char *path, char **environment, int socket, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char parent[32];
    char *argv[] = {(char *)path, parent, NULL};
    snprintf(parent, sizeof parent, "--parent=%ld", (long)getpid());
    int r = posix_spawn_file_actions_init(&actions);
    if (r)
        return r;
    r = posix_spawnattr_init(&attributes);
    if (!r) {
        r = set_actions(&actions, socket, output);
        if (!r)
            r = set_attributes(&attributes);
        if (!r)
            r = posix_spawn(ret_pid, path, &actions, &attributes, argv, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

int md_process_start(struct md_process *process, const char *path, struct md_failure *failure)
{
    int ours, theirs, output[2];
    int r = md_channel_pair(&ours, &theirs, failure);
    if (r < 0)
        return r;
    md_autoclose int own_socket = ours, their_socket = theirs;
    if (pipe2(output, O_CLOEXEC) < 0)
        return md_fail_errno(failure, errno, "cannot make a pipe for a worker");
    md_autoclose int read_end = output[0], write_end = output[1];
    if (fcntl(read_end, F_SETFL, O_NONBLOCK) < 0)
        return md_fail_errno(failure, errno, "cannot set up a pipe for a worker");
    md_autofree char **environment = make_environment(process->is_remote);
    r = environment ? spawn(path, environment, their_socket, write_end, &process->pid) : ENOMEM;
    if (r)
        return md_fail_errno(failure, r, "cannot start %s", path);
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    process->stderr_fd = md_take_fd(&read_end);
    md_channel_init(&process->channel, md_take_fd(&own_socket));
    return MD_OK;
}

void md_process_done(struct md_process *process)
{
    if (process->pidfd >= 0)
        close(process->pidfd);
    if (process->stderr_fd >= 0)
        close(process->stderr_fd);
    md_channel_done(&process->channel);
}

void md_process_signal(const struct md_process *process, int signal)
{
    if (process->pid > 0)
        kill(-process->pid, signal);
}

bool md_process_reap(struct md_process *process)
{
    if (process->pid == 0)
        return true;
    pid_t r = waitpid(process->pid, &process->wait_status, WNOHANG);
    /* ECHILD: somebody else's waitpid(-1) took it; it is gone all the same. */
    if (r == 0 || (r < 0 && errno != ECHILD))
        return false;
    if (r < 0)
        process->wait_status = 0;
    process->pid = 0;
    return true;
}

static void end_line(struct md_process *process, const struct md_log *log)
{
    char text[MD_LINE_MAX * 3];
    size_t n = md_utf8_sanitize(text, sizeof text, process->line, process->line_size);
    process->line_size = 0;
    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
    if (n == 0)
        return;
    md_log(log, MD_LOG_DEBUG, "worker", "%u: %s", process->id, text);
    if (strstr(text, MD_WORDS_NO_MEMORY))
        process->wanted_memory = true;
    md_utf8_sanitize(process->last_words, sizeof process->last_words, text, n);
}

void md_process_read_stderr(struct md_process *process, const struct md_log *log)
{
    char bytes[4096];
    while (process->stderr_fd >= 0) {
        ssize_t n = read(process->stderr_fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            close(process->stderr_fd); /* which also takes it out of the epoll set */
            process->stderr_fd = -1;
            break;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n' || process->line_size == sizeof process->line)
                end_line(process, log);
            if (bytes[i] != '\n')
                process->line[process->line_size++] = bytes[i];
        }
    }
    if (process->pid == 0)
        end_line(process, log);
}

static char *own_folder(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return strdup(path);
}

int md_process_find(const char *name, char **ret_path, struct md_failure *failure)
{
    md_autofree char *own = own_folder();
    md_autofree char *build = own ? md_path_join(own, "../workers") : NULL;
    const char *folders[] = {own, MD_LIBEXECDIR, build};
    for (size_t i = 0; i < MD_ARRAY_LEN(folders); i++) {
        md_autofree char *path = folders[i] ? md_path_join(folders[i], name) : NULL;
        if (path && access(path, X_OK) == 0) {
            *ret_path = md_take_ptr(path);
            return MD_OK;
        }
    }
    return md_fail(failure, MD_ERR_NOTFOUND, "cannot find the worker program %s beside %s or in %s",
                   name, own ? own : "this program", MD_LIBEXECDIR);
}
