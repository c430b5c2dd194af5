/* The control socket: other commands of the same user talk to the instance that runs a queue.
 *
 * A Unix stream socket in a folder that only its user can enter; whoever connects must also have
 * our user id (SO_PEERCRED). A client sends requests (super/request.h), one line each, and gets one
 * line of JSON for each, in order. Nothing a client does or leaves undone makes the caller wait:
 * a request has a largest size and a time in which it has to come, an answer one in which it has to
 * be taken.
 */
#ifndef MD_SUPER_CONTROL_H
#define MD_SUPER_CONTROL_H

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "super/request.h"

struct md_control;

struct md_control_params {
    const char *folder; /* of the socket; made when missing, with mode 0700 */
    const char *name;   /* of the socket in it */
    /* Answers a request: appends one line of JSON without its end. The request that could not be
     * read is answered by the control itself. */
    void (*answer)(void *user, const struct md_request *request, struct md_str *reply);
    void *user;
    int64_t patience_us; /* for a request to come, an answer to be taken; 0: 5 s */
};

enum { MD_CONTROL_MAX_CLIENTS = 16 }; /* more of them wait */

/* Opens the socket. One that is there already is of a dead instance and is replaced: the caller
 * holds the queue's lock. MD_ERR_IO, MD_ERR_INPUT (the folder is somebody else's or open to
 * others, or something that is no socket has the name), MD_ERR_NOMEM. */
int md_control_open(const struct md_control_params *params, struct md_control **ret_control,
                    struct md_failure *failure);
/* Closes all connections and removes the socket. Accepts NULL. */
void md_control_close(struct md_control *control);

/* The path of the socket. */
const char *md_control_path(const struct md_control *control);

/* Readable whenever md_control_turn has something to do; for poll or epoll. */
int md_control_fd(const struct md_control *control);

/* Does what can be done now; never blocks, and leaves what would take long for the next turn. */
void md_control_turn(struct md_control *control);

/* The other side: sends one line and waits for the answer, each at most timeout_us in all.
 * *ret_reply is the line without its end; the caller frees. MD_ERR_NOTFOUND: nobody listens (any
 * more); MD_ERR_BUSY: no answer in time; MD_ERR_INPUT: not our user's; MD_ERR_IO; MD_ERR_NOMEM. */
int md_control_ask(const char *path, const struct md_str *line, int64_t timeout_us,
                   char **ret_reply, struct md_failure *failure);

#endif
