/* The main function of a worker that runs stages. */
#ifndef MD_WORKERS_RUNNER_H
#define MD_WORKERS_RUNNER_H

#include <stdbool.h>

#include "model/stage.h"

/* What a worker that holds a model is started with; borrowed for the call. */
struct md_model_params {
    int batch; /* units at once, >= 1 */
    enum md_settings settings;
    int64_t lease_bytes; /* 0: none */
    const struct md_options *options;
    const struct md_log *log;
    bool (*cancelled)(void *user); /* to be asked while loading turns: it says that it does */
    void *user;
};

/* To load and to work with: those of --threads, or one for each processor. */
int md_model_threads(const struct md_model_params *params);

struct md_model_ops {
    /* Loads the model with room for a batch. Stages get it as env->model. */
    int (*load)(const struct md_model_params *params, void **ret_model, struct md_failure *failure);
    void (*unload)(void *model); /* accepts NULL */
    /* NULL, or: the file that load reads. When it has become another one since, the worker ends
     * without an answer: what it says would be put down to a model that did not say it. */
    const char *(*file)(const struct md_options *options);
    /* NULL, or: false once a library has failed in a way that nothing must be built upon. The
     * worker then answers what it was asked, and ends without touching the model again: as it does
     * when a load fails. */
    bool (*is_sound)(const void *model);
    /* NULL, or: gives back what can be had again without loading anew; while idle, in seconds. */
    void (*rest)(void *model);
};

struct md_worker_program {
    const char *name;
    const struct md_stage_ops *const *table;         /* NULL-ended */
    const struct md_model_ops *models[MD_EXECUTORS]; /* NULL: it cannot be this executor */
};

/* Speaks the protocol of ipc/protocol.h on MD_IPC_WORKER_FD until told to quit. A job makes it a
 * media worker, a load one of the others. Returns the exit status. */
int md_runner_main(int argc, char **argv, const struct md_worker_program *program);

#endif
