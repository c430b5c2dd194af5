/* The words of the protocol between the main program and a worker, and what they carry.
 *
 *   worker to main                              main to worker
 *   hello    protocol, pid, program             job     MOVIE, SETTINGS: for a media worker
 *   ready                                       load    executor, batch, settings, lease, SETTINGS:
 *                                                       for a worker that holds a model
 *   needed   stage, executor, done, total       check   stage
 *   units    stage, done, total                 run     stage, threads, batch, settings, lease;
 *                                                       to a worker with a model also MOVIE,
 *                                                       SETTINGS; to a media worker [fallback]:
 *                                                       why it does what was for a model
 *   progress stage, done, total                 finish  the movie is done: clean up
 *   alive    of                                 cancel  the running stage
 *   done     stage, cached, wall, cpu, peak     trim    give free memory back
 *            [facts of the movie: facts, width, drop    forget what can be read again; for idle
 *            height, bit-depth, codec, channels,        workers
 *            duration]                          quit
 *   failed   [stage], code, message
 *   finished
 *   log      level, component, message
 *
 *   MOVIE: movie, out, work, stages; SETTINGS: log-level, heartbeat, options as opt.NAME
 *
 * The worker says hello at once; job and load are answered by ready or failed; check by needed,
 * done (cached) or failed; run by done or failed; finish by finished or failed. One question at a
 * time; cancel and trim may come in between. EOF on the socket ends the worker, whatever it is
 * doing.
 *
 * units counts pieces of a stage that are on disk and will not be done again; done and total of
 * progress are movie time. alive of=stage comes from the stage itself: its loop turns. alive
 * of=process comes from the thread that reads the socket, every heartbeat microseconds: it proves
 * that the process lives and nothing about the stage. Times are microseconds, sizes bytes; a
 * lease of 0 is none.
 */
#ifndef MD_IPC_PROTOCOL_H
#define MD_IPC_PROTOCOL_H

enum {
    MD_IPC_VERSION = 3,
    MD_IPC_WORKER_FD = 3, /* the worker finds its socket here */
};

#define MD_SAY_HELLO    "hello"
#define MD_SAY_READY    "ready"
#define MD_SAY_NEEDED   "needed"
#define MD_SAY_UNITS    "units"
#define MD_SAY_PROGRESS "progress"
#define MD_SAY_ALIVE    "alive"
#define MD_SAY_DONE     "done"
#define MD_SAY_FAILED   "failed"
#define MD_SAY_FINISHED "finished"
#define MD_SAY_LOG      "log"

#define MD_SAY_JOB      "job"
#define MD_SAY_LOAD     "load"
#define MD_SAY_CHECK    "check"
#define MD_SAY_RUN      "run"
#define MD_SAY_FINISH   "finish"
#define MD_SAY_CANCEL   "cancel"
#define MD_SAY_TRIM     "trim"
#define MD_SAY_DROP     "drop"
#define MD_SAY_QUIT     "quit"

/* What a worker writes to stderr when an allocation has failed, and how it ends when it cannot even
 * say so in a record. */
#define MD_WORDS_NO_MEMORY "an allocation has failed: out of memory"
enum { MD_EXIT_NO_MEMORY = 4 };

/* The key to a language model's server, in the environment of the worker that asks it, and of no
 * other worker. */
#define MD_ENV_LLM_KEY "MOVIEDIGEST_LLM_KEY"

/* alive: of */
#define MD_ALIVE_STAGE   "stage"
#define MD_ALIVE_PROCESS "process"

#endif
