/* A witness to allocations that failed.
 *
 * A library that runs out of memory in its depths may say so, or say something else (x264: "generic
 * error in an external library"), or take a damaged picture for granted and go on. The result of
 * a stage must not depend on how much memory there was, so none of that is believed: the worker
 * counts every allocation of the whole process that failed, and a stage during which one did has
 * run out of memory, whatever it returned.
 *
 * The first failure since the last reset also leaves a line on stderr, for those who look at a
 * worker that then crashed: MD_WORDS_NO_MEMORY. Thread-safe; allocates nothing. */
#ifndef MD_WORKERS_WITNESS_H
#define MD_WORKERS_WITNESS_H

#include <stdint.h>

/* Failed allocations since the last reset. Always 0 under sanitizers, which have allocators of
 * their own. */
int64_t md_witness_failures(void);
void md_witness_reset(void);

/* Ends the process, with the words on stderr: there is no memory left to go on with. */
_Noreturn void md_witness_die(void);

/* For those who see a failure themselves. */
void md_witness_note(void);

#endif
