/* A worker with a model, driven as the main program drives it. */
#ifndef MD_TESTS_WORKERS_DRIVE_H
#define MD_TESTS_WORKERS_DRIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "ipc/channel.h"

struct drive {
    pid_t pid;
    struct md_channel channel;
    struct md_record record;
    /* Of the last answer */
    int64_t code; /* of failed; 0: done or ready; 1: the worker is gone without an answer */
    char message[512];
    int64_t units_done, units_total; /* as last told */
    bool killed;
    char log[65536]; /* what it said since its start, with drive_params.verbose; a line each */
};

/* KEY=VALUE pairs, NULL-ended, for the worker's environment and its options. */
struct drive_params {
    const char *program;
    const char *executor; /* "asr" */
    int batch, settings;
    bool verbose; /* it says everything, its libraries too */
    const char *const *environment;
    const char *const *options; /* "asr-model", "/x", ... */
};

/* Starts the program and loads the model. The answer is in drive->code. */
void drive_start(struct drive *drive, const struct drive_params *params);

/* Runs a stage of the movie at folder/movie with its work in folder/work, and kills the worker
 * (SIGKILL) when kill_at units are done; 0: never. */
void drive_run(struct drive *drive, const struct drive_params *params, const char *folder,
               const char *stage, int64_t kill_at);

/* Asks it to quit, or waits for one that is gone; returns the status of waitpid. */
int drive_end(struct drive *drive);

/* A worker of its own tells the story of the movie in the folder; all its units are done and it
 * quits well, or the test fails. The bytes of story.json; caller frees. */
char *drive_tell(const struct drive_params *params, const char *folder);

#endif
