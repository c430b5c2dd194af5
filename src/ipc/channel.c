/* A stream socket with frames, not SOCK_SEQPACKET: that would limit a record by the socket's buffer
 * and fail in mid-run on systems with small ones. */
#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Far beyond what is ever waiting for a worker that reads (a job and a few words). */
enum { MAX_QUEUED_BYTES = 1024 * 1024 };

int md_channel_pair(int *ret_nonblocking, int *ret_blocking, struct md_failure *failure)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return md_fail_errno(failure, errno, "cannot make a socket for a worker");
    int flags = fcntl(fds[0], F_GETFL);
    if (flags < 0 || fcntl(fds[0], F_SETFL, flags | O_NONBLOCK) < 0) {
        int why = errno;
        close(fds[0]);
        close(fds[1]);
        return md_fail_errno(failure, why, "cannot set up a socket for a worker");
    }
    *ret_nonblocking = fds[0];
    *ret_blocking = fds[1];
    return MD_OK;
}

void md_channel_init(struct md_channel *channel, int fd)
{
    *channel = (struct md_channel){.fd = fd};
}

void md_channel_done(struct md_channel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    md_frame_reader_done(&channel->reader);
    md_str_done(&channel->out);
    *channel = (struct md_channel){.fd = -1};
}

int md_channel_receive(struct md_channel *channel, struct md_record_view *ret_view)
{
    for (;;) {
        int r = md_frame_next(&channel->reader, ret_view);
        if (r != 0 || channel->ended || channel->fd < 0)
            return r;
        char *room;
        size_t size;
        r = md_frame_room(&channel->reader, &room, &size);
        if (r < 0)
            return r;
        ssize_t n = recv(channel->fd, room, size, channel->never_blocks ? MSG_DONTWAIT : 0);
        if (n > 0)
            md_frame_filled(&channel->reader, (size_t)n);
        else if (n == 0 || errno == ECONNRESET)
            channel->ended = true;
        else if (errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return MD_ERR_IO;
    }
}

int md_channel_flush(struct md_channel *channel)
{
    while (md_channel_pending(channel)) {
        ssize_t n = send(channel->fd, channel->out.s + channel->out_sent,
                         channel->out.n - channel->out_sent, MSG_NOSIGNAL);
        if (n >= 0)
            channel->out_sent += (size_t)n;
        else if (errno == EAGAIN)
            return MD_OK;
        else if (errno != EINTR)
            return MD_ERR_IO;
    }
    md_str_clear(&channel->out);
    channel->out_sent = 0;
    return MD_OK;
}

int md_channel_send(struct md_channel *channel, struct md_record *record)
{
    const char *frame;
    size_t size;
    int r = md_record_finish(record, &frame, &size);
    if (r < 0)
        return r;
    if (channel->fd < 0)
        return MD_ERR_IO;
    if (channel->out.n - channel->out_sent > MAX_QUEUED_BYTES)
        return MD_ERR_BUSY;
    md_str_append_n(&channel->out, frame, size);
    if (md_str_failed(&channel->out))
        return MD_ERR_NOMEM;
    return md_channel_flush(channel);
}
