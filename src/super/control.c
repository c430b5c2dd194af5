/* An epoll set of its own inside the caller's: the caller watches one descriptor and knows nothing
 * of clients. The folder is entered by descriptor, through /proc/self/fd, as a socket's address
 * holds 107 bytes and a home folder may be deeper. */
#include "super/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

enum {
    READ_BYTES = 64 << 10,
    MAX_REPLY_BYTES = 64 << 20,
    REQUESTS_A_TURN = 4, /* of one client, so that none keeps the loop */
    USUAL_PATIENCE_US = 5000000,
};

struct client {
    int fd; /* -1: the place is free */
    struct md_str in;
    struct md_str out;
    size_t sent;
    bool ended;     /* it says no more */
    bool closing;   /* once `out` is sent */
    bool more;      /* a whole line waits in `in` for the next turn */
    int64_t due_us; /* when our patience ends; INT64_MAX never */
    unsigned watched;
};

struct md_control {
    struct md_control_params params;
    char *folder, *name, *path;
    int folder_fd, listen_fd, epoll_fd, timer_fd;
    bool listening;          /* the listening socket is in the epoll set */
    int64_t listen_again_us; /* when no descriptor was left for a client; INT64_MAX never */
    struct client clients[MD_CONTROL_MAX_CLIENTS];
};

enum { TOKEN_LISTEN = MD_CONTROL_MAX_CLIENTS, TOKEN_TIMER };

/* --- opening --- */

/* An address for `name` in the folder. */
static int address_of(int folder_fd, const char *name, struct sockaddr_un *ret,
                      struct md_failure *failure)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", folder_fd, name);
    if (n < 0 || (size_t)n >= sizeof ret->sun_path)
        return md_fail(failure, MD_ERR_INPUT, "the control socket cannot be called %s", name);
    return MD_OK;
}

static int open_folder(struct md_control *c, struct md_failure *failure)
{
    struct stat st;
    if (mkdir(c->folder, 0700) < 0 && errno != EEXIST)
        return md_fail_errno(failure, errno, "cannot make the folder %s", c->folder);
    c->folder_fd = open(c->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->folder_fd < 0 || fstat(c->folder_fd, &st) < 0)
        return md_fail_errno(failure, errno, "cannot open the folder %s", c->folder);
    if (st.st_uid != geteuid() || st.st_mode & 077)
        return md_fail(failure, MD_ERR_INPUT,
                       "the folder %s of the control socket is open to others: it must be yours "
                       "alone (chmod 700)",
                       c->folder);
    return MD_OK;
}

static int remove_stale(struct md_control *c, struct md_failure *failure)
{
    struct stat st;
    if (fstatat(c->folder_fd, c->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? MD_OK
                               : md_fail_errno(failure, errno, "cannot look at %s", c->path);
    if (!S_ISSOCK(st.st_mode))
        return md_fail(failure, MD_ERR_INPUT, "%s is in the place of the control socket", c->path);
    if (unlinkat(c->folder_fd, c->name, 0) < 0)
        return md_fail_errno(failure, errno, "cannot remove %s", c->path);
    return MD_OK;
}

static int watch(struct md_control *c, int fd, uint32_t token, unsigned events)
{
    struct epoll_event event = {.events = events, .data.u32 = token};
    return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_sockets(struct md_control *c, struct md_failure *failure)
{
    struct sockaddr_un address;
    int r = address_of(c->folder_fd, c->name, &address, failure);
    if (r < 0)
        return r;
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (c->listen_fd < 0 || c->epoll_fd < 0 || c->timer_fd < 0)
        return md_fail_errno(failure, errno, "cannot make the control socket");
    if (bind(c->listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        fchmodat(c->folder_fd, c->name, 0600, 0) < 0 || listen(c->listen_fd, 64) < 0)
        return md_fail_errno(failure, errno, "cannot make the control socket %s", c->path);
    if (watch(c, c->listen_fd, TOKEN_LISTEN, EPOLLIN) < 0 ||
        watch(c, c->timer_fd, TOKEN_TIMER, EPOLLIN) < 0)
        return md_fail_errno(failure, errno, "cannot watch the control socket");
    c->listening = true;
    return MD_OK;
}

int md_control_open(const struct md_control_params *params, struct md_control **ret_control,
                    struct md_failure *failure)
{
    struct md_control *c = calloc(1, sizeof *c);
    if (!c)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    c->params = *params;
    if (c->params.patience_us == 0)
        c->params.patience_us = USUAL_PATIENCE_US;
    c->listen_again_us = INT64_MAX;
    c->folder_fd = c->listen_fd = c->epoll_fd = c->timer_fd = -1;
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        c->clients[i].fd = -1;
    c->folder = strdup(params->folder);
    c->name = strdup(params->name);
    c->path = md_path_join(params->folder, params->name);
    int r =
        c->folder && c->name && c->path ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "out of memory");
    if (r == MD_OK)
        r = open_folder(c, failure);
    if (r == MD_OK)
        r = remove_stale(c, failure);
    if (r == MD_OK)
        r = open_sockets(c, failure);
    if (r < 0)
        md_control_close(c);
    else
        *ret_control = c;
    return r;
}

static void listen_again(struct md_control *c)
{
    c->listen_again_us = INT64_MAX;
    if (!c->listening && watch(c, c->listen_fd, TOKEN_LISTEN, EPOLLIN) == 0)
        c->listening = true;
}

static void forget(struct md_control *c, struct client *client)
{
    if (client->fd >= 0)
        close(client->fd); /* which also takes it out of the epoll set */
    md_str_done(&client->in);
    md_str_done(&client->out);
    *client = (struct client){.fd = -1};
    listen_again(c);
}

void md_control_close(struct md_control *c)
{
    if (!c)
        return;
    c->listening = true; /* nobody is let in any more */
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        forget(c, &c->clients[i]);
    if (c->listen_fd >= 0)
        unlinkat(c->folder_fd, c->name, 0);
    const int fds[] = {c->folder_fd, c->listen_fd, c->epoll_fd, c->timer_fd};
    for (size_t i = 0; i < MD_ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(c->folder);
    free(c->name);
    free(c->path);
    free(c);
}

const char *md_control_path(const struct md_control *c)
{
    return c->path;
}

int md_control_fd(const struct md_control *c)
{
    return c->epoll_fd;
}

/* --- clients --- */

static bool is_our_user(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
}

static struct client *free_place(struct md_control *c)
{
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        if (c->clients[i].fd < 0)
            return &c->clients[i];
    return NULL;
}

static void stop_listening(struct md_control *c)
{
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, c->listen_fd, NULL) == 0)
        c->listening = false;
}

static void let_in(struct md_control *c)
{
    struct client *client;
    while ((client = free_place(c))) {
        md_autoclose int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                stop_listening(c); /* it would stay readable and we would spin */
                c->listen_again_us = md_clock_monotonic_us() + MD_SECOND_US;
            }
            return;
        }
        if (!is_our_user(fd) || watch(c, fd, (uint32_t)(client - c->clients), EPOLLIN) < 0)
            continue;
        client->fd = md_take_fd(&fd);
        client->watched = EPOLLIN;
        client->due_us = md_clock_monotonic_us() + c->params.patience_us;
    }
    stop_listening(c); /* full: the next one waits in the queue of the socket */
}

static bool has_output(const struct client *client)
{
    return client->sent < client->out.n;
}

/* False: it is to be forgotten. */
static bool flush(struct md_control *c, struct client *client)
{
    while (has_output(client)) {
        ssize_t n = send(client->fd, client->out.s + client->sent, client->out.n - client->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        client->sent += (size_t)n;
        client->due_us = md_clock_monotonic_us() + c->params.patience_us;
    }
    md_str_clear(&client->out);
    client->sent = 0;
    return !client->closing;
}

static bool hear(struct client *client)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    client->ended |= n == 0;
    md_str_append_n(&client->in, bytes, (size_t)n);
    return !md_str_failed(&client->in);
}

static void refuse(struct client *client, const char *why)
{
    /* The words are ours and a few quoted characters of the client's; they are made safe here. */
    md_str_append(&client->out, "{\"ok\":false,\"error\":\"");
    for (; *why; why++)
        md_str_append_char(&client->out, *why == '"' || *why == '\\' ? '\'' : *why);
    md_str_append(&client->out, "\"}\n");
}

static void answer(struct md_control *c, struct client *client, size_t line_bytes)
{
    struct md_request request;
    struct md_failure failure = {0};
    if (md_request_parse(client->in.s, line_bytes, &request, &failure) < 0) {
        refuse(client, failure.message);
        return;
    }
    c->params.answer(c->params.user, &request, &client->out);
    md_str_append_char(&client->out, '\n');
    md_request_done(&request);
}

static void drop_line(struct md_str *in, size_t bytes)
{
    memmove(in->s, in->s + bytes, in->n - bytes);
    in->n -= bytes;
    in->s[in->n] = '\0';
}

/* Answers whole lines while their answers are taken. False: it is to be forgotten. */
static bool serve(struct md_control *c, struct client *client)
{
    client->more = false;
    for (int i = 0; !has_output(client) && !client->closing; i++) {
        char *end = client->in.n ? memchr(client->in.s, '\n', client->in.n) : NULL;
        if (!end && client->in.n > MD_REQUEST_MAX_BYTES) {
            refuse(client, "the request is too long");
            client->closing = true;
        } else if (!end) {
            return !client->ended;
        } else if (i == REQUESTS_A_TURN) {
            client->more = true;
            return true;
        } else {
            size_t line_bytes = (size_t)(end - client->in.s);
            answer(c, client, line_bytes);
            drop_line(&client->in, line_bytes + 1);
            client->due_us = md_clock_monotonic_us() + c->params.patience_us;
        }
        if (md_str_failed(&client->out) || !flush(c, client))
            return false;
    }
    return true;
}

/* While an answer is not taken nothing more is read. */
static void watch_client(struct md_control *c, struct client *client)
{
    unsigned wanted = has_output(client) ? EPOLLOUT : client->more || client->ended ? 0u : EPOLLIN;
    if (wanted == client->watched)
        return;
    struct epoll_event event = {.events = wanted, .data.u32 = (uint32_t)(client - c->clients)};
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, client->fd, &event) == 0)
        client->watched = wanted;
}

static void on_client(struct md_control *c, struct client *client, unsigned events)
{
    bool good = true;
    if (events & EPOLLOUT)
        good = flush(c, client);
    else if (events & EPOLLIN)
        good = hear(client);
    else if (events & (EPOLLERR | EPOLLHUP))
        good = false;
    good = good && serve(c, client);
    if (good)
        watch_client(c, client);
    else
        forget(c, client);
}

static void set_timer(struct md_control *c)
{
    int64_t at = c->listen_again_us;
    struct itimerspec spec = {.it_value = {0}};
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        if (c->clients[i].fd >= 0)
            at = MD_MIN(at, c->clients[i].more ? 1 : c->clients[i].due_us);
    if (at != INT64_MAX) {
        spec.it_value.tv_sec = at / MD_SECOND_US;
        spec.it_value.tv_nsec = at % MD_SECOND_US * 1000;
    }
    timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void md_control_turn(struct md_control *c)
{
    struct epoll_event events[MD_CONTROL_MAX_CLIENTS + 2];
    uint64_t expirations;
    int n = epoll_wait(c->epoll_fd, events, (int)MD_ARRAY_LEN(events), 0);
    (void)!read(c->timer_fd, &expirations, sizeof expirations);
    /* Those with lines left from the last turn, before they are told of anything new. */
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        if (c->clients[i].fd >= 0 && c->clients[i].more)
            on_client(c, &c->clients[i], EPOLLPRI);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == TOKEN_LISTEN)
            let_in(c);
        else if (events[i].data.u32 < MD_CONTROL_MAX_CLIENTS &&
                 c->clients[events[i].data.u32].fd >= 0)
            on_client(c, &c->clients[events[i].data.u32], events[i].events);
    }
    int64_t now = md_clock_monotonic_us();
    for (int i = 0; i < MD_CONTROL_MAX_CLIENTS; i++)
        if (c->clients[i].fd >= 0 && now >= c->clients[i].due_us)
            forget(c, &c->clients[i]);
    if (now >= c->listen_again_us)
        listen_again(c);
    set_timer(c);
}

/* --- the other side --- */

static int wait_for(int fd, short events, int64_t until_us, struct md_failure *failure)
{
    for (;;) {
        int64_t left_us = until_us - md_clock_monotonic_us();
        struct pollfd one = {.fd = fd, .events = events};
        int n = left_us > 0 ? poll(&one, 1, (int)(left_us / 1000 + 1)) : 0;
        if (n > 0)
            return MD_OK;
        if (n == 0)
            return md_fail(failure, MD_ERR_BUSY, "the running moviedigest does not answer");
        if (errno != EINTR)
            return md_fail_errno(failure, errno, "cannot wait for the running moviedigest");
    }
}

static int connect_to(const char *path, int *ret_fd, struct md_failure *failure)
{
    struct sockaddr_un address;
    md_autofree char *folder = strdup(path);
    if (!folder)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    folder[md_path_base(path) - path] = '\0';
    md_autoclose int folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    md_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return md_fail_errno(failure, errno, "cannot make a socket");
    int r = address_of(folder_fd, md_path_base(path), &address, failure);
    if (r < 0)
        return r;
    if (folder_fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        bool nobody = errno == ECONNREFUSED || errno == ENOENT;
        int code = nobody ? MD_ERR_NOTFOUND : errno == EAGAIN ? MD_ERR_BUSY : MD_ERR_IO;
        return md_fail(failure, code, "cannot reach the running moviedigest at %s: %s", path,
                       strerror(errno));
    }
    if (!is_our_user(fd))
        return md_fail(failure, MD_ERR_INPUT, "who listens at %s is another user", path);
    *ret_fd = md_take_fd(&fd);
    return MD_OK;
}

/* It ended while we talked: whoever called may look again. */
static int fail_gone(struct md_failure *failure)
{
    return md_fail(failure, MD_ERR_NOTFOUND, "the running moviedigest ended without an answer");
}

static int send_line(int fd, const struct md_str *line, int64_t until_us,
                     struct md_failure *failure)
{
    size_t sent = 0;
    while (sent <= line->n) {
        const char *from = sent < line->n ? line->s + sent : "\n";
        size_t size = sent < line->n ? line->n - sent : 1;
        ssize_t n = send(fd, from, size, MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return fail_gone(failure);
        int r = wait_for(fd, POLLOUT, until_us, failure);
        if (r < 0)
            return r;
    }
    return MD_OK;
}

static int receive_line(int fd, int64_t until_us, char **ret_reply, struct md_failure *failure)
{
    md_autostr reply = {0};
    char bytes[READ_BYTES];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return fail_gone(failure);
        if (n > 0) {
            const char *end = memchr(bytes, '\n', (size_t)n);
            md_str_append_n(&reply, bytes, end ? (size_t)(end - bytes) : (size_t)n);
            if (reply.n > MAX_REPLY_BYTES)
                return md_fail(failure, MD_ERR_IO, "the answer is too long");
            if (end)
                break;
            continue;
        }
        int r = wait_for(fd, POLLIN, until_us, failure);
        if (r < 0)
            return r;
    }
    md_str_append_char(&reply, '\0');
    *ret_reply = md_str_take(&reply);
    return *ret_reply ? MD_OK : md_fail(failure, MD_ERR_NOMEM, "out of memory");
}

int md_control_ask(const char *path, const struct md_str *line, int64_t timeout_us,
                   char **ret_reply, struct md_failure *failure)
{
    int64_t until_us = md_clock_monotonic_us() + timeout_us;
    md_autoclose int fd = -1;
    int r = connect_to(path, &fd, failure);
    if (r == MD_OK)
        r = send_line(fd, line, until_us, failure);
    if (r == MD_OK)
        r = receive_line(fd, until_us, ret_reply, failure);
    return r;
}
