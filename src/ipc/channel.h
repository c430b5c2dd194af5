/* One end of a socketpair that carries records. One thread at a time. */
#ifndef MD_IPC_CHANNEL_H
#define MD_IPC_CHANNEL_H

#include <stdbool.h>

#include "ipc/record.h"

struct md_channel {
    int fd; /* owned; -1 closed */
    struct md_frame_reader reader;
    struct md_str out; /* what the socket would not take yet */
    size_t out_sent;
    bool ended;        /* the other side closed */
    bool never_blocks; /* in receiving, whatever the descriptor does */
};

/* Two connected ends, close-on-exec: one non-blocking for the main program, one blocking for the
 * worker. MD_ERR_IO. */
int md_channel_pair(int *ret_nonblocking, int *ret_blocking, struct md_failure *failure);

/* Takes the descriptor over. */
void md_channel_init(struct md_channel *channel, int fd);
void md_channel_done(struct md_channel *channel);

/* The next record. 1: got one, valid until the next call. 0: none for now, or the other side closed
 * (then channel->ended). Blocks only when the descriptor does. MD_ERR_INPUT: not our protocol;
 * MD_ERR_IO; MD_ERR_NOMEM. */
int md_channel_receive(struct md_channel *channel, struct md_record_view *ret_view);

/* Sends, or queues what a non-blocking socket does not take. MD_ERR_IO: the other side is gone.
 * MD_ERR_BUSY: it does not read and more than 1 MiB waits. MD_ERR_INPUT: longer than a record may
 * be. MD_ERR_NOMEM. */
int md_channel_send(struct md_channel *channel, struct md_record *record);

/* Tries to send what is queued. MD_ERR_IO. */
int md_channel_flush(struct md_channel *channel);

/* Is something queued, so that it is worth waiting for the socket to become writable? */
static inline bool md_channel_pending(const struct md_channel *channel)
{
    return channel->out_sent < channel->out.n;
}

#endif
