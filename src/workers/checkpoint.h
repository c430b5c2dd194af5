/* Finished units of a stage, on disk while the stage still runs: a file of lines, one a unit, each
 * with its own check sum, so that a worker may be killed in the middle of writing one.
 *
 * The file carries a key, a hash of all that shaped the units; under another key it starts anew. */
#ifndef MD_WORKERS_CHECKPOINT_H
#define MD_WORKERS_CHECKPOINT_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

struct md_checkpoint;

/* Opens or makes path and tells every whole unit in it, in the order written; told returns MD_OK or
 * a code that ends it. A unit may be told twice: the first holds. A file cut off or damaged is
 * kept up to there. MD_ERR_IO, MD_ERR_NOSPACE, MD_ERR_NOMEM. */
int md_checkpoint_open(const char *path, uint64_t key,
                       int (*told)(void *user, int64_t unit, const json_t *data), void *user,
                       struct md_checkpoint **ret_checkpoint, struct md_failure *failure);

/* On disk when it returns. Borrows data. */
int md_checkpoint_add(struct md_checkpoint *checkpoint, int64_t unit, const json_t *data,
                      struct md_failure *failure);

void md_checkpoint_close(struct md_checkpoint *checkpoint); /* accepts NULL */

#endif
