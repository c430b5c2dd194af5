/* The main function of a worker that runs stages. */
#ifndef MD_WORKERS_RUNNER_H
#define MD_WORKERS_RUNNER_H

#include "model/stage.h"

/* Speaks the protocol of ipc/protocol.h on MD_IPC_WORKER_FD until told to quit. table is
 * NULL-ended. Returns the exit status. */
int md_runner_main(int argc, char **argv, const char *program,
                   const struct md_stage_ops *const *table);

#endif
