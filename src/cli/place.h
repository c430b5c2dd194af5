/* Where the queue is, and opening it so that nobody else writes it. */
#ifndef MD_CLI_PLACE_H
#define MD_CLI_PLACE_H

#include "model/options.h"
#include "queue/lock.h"
#include "queue/queue.h"

struct md_place {
    char *path;  /* of the queue, absolute; NULL: in memory */
    int lock_fd; /* -1 none */
    struct md_queue *queue;
};
#define MD_PLACE_NONE                                                                              \
    {                                                                                              \
        .lock_fd = -1                                                                              \
    }

/* The queue's file: option queue, else $XDG_STATE_HOME/moviedigest/queue.db, else
 * ~/.local/state/moviedigest/queue.db; NULL when there is no home either. Caller frees. */
char *md_place_path(const struct md_options *options, char *(*get_env)(const char *name));

/* Locks and opens the queue at path and takes over what a dead instance left. Waits a moment for
 * another command to end, not for one that runs. MD_ERR_BUSY: *ret_holder has it. Others as
 * md_queue_lock and md_queue_open have them; then *place is empty. */
int md_place_open(struct md_place *place, const char *path, struct md_queue_holder *ret_holder,
                  struct md_failure *failure);
/* A queue in memory. */
int md_place_open_memory(struct md_place *place, struct md_failure *failure);
/* A copy in memory of the queue at path, which stays as it is; nothing is locked. */
int md_place_open_copy(struct md_place *place, const char *path, struct md_failure *failure);
void md_place_close(struct md_place *place);

/* The folder of the control socket of a queue: in $XDG_RUNTIME_DIR where that is our user's, else
 * beside the queue; and the socket's name in it. Both owned by the caller; false when out of
 * memory. */
bool md_place_socket(const char *path, char *(*get_env)(const char *name), char **ret_folder,
                     char **ret_name);

#endif
