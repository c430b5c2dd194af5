/* A worker's line to the main program.
 *
 * A thread of its own reads: so a cancel, a trim and the end of the main program are noticed
 * whatever the stage is doing. When the main program is gone the process ends at once; that is safe
 * at any moment, because nothing has a finished name before it is whole. */
#ifndef MD_WORKERS_LINK_H
#define MD_WORKERS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/record.h"

struct md_link;

/* Takes the descriptor over and starts reading. MD_ERR_NOMEM, MD_ERR_IO. */
int md_link_open(int fd, struct md_link **ret_link);

/* Waits for the next question (job, check, run, finish, quit). The view is valid until the next
 * call. Main thread only. */
void md_link_next(struct md_link *link, struct md_record_view *ret_view);

/* Has the main program asked to cancel what it asked last? Thread-safe, and costs nothing. */
bool md_link_cancelled(const struct md_link *link);

/* Says alive that often, whatever the main thread is doing; 0: never. Thread-safe. */
void md_link_set_heartbeat(struct md_link *link, int64_t interval_us);

/* Thread-safe. Ends the process when nobody listens any more, or when there is no memory left to
 * say something with. */
void md_link_send(struct md_link *link, struct md_record *record);

#endif
