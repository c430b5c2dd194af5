/* The words of the protocol between the main program and a worker, and what they carry.
 *
 *   worker to main                              main to worker
 *   hello    protocol, pid, program, version    job     movie, out, work, stages, log-level,
 *                                                       options as opt.NAME
 *   ready                                       check   stage
 *   needed   stage                              run     stage, threads
 *   progress stage, done, total                 finish  the movie is done: clean up
 *   alive                                       cancel  the running stage
 *   done     stage, cached, wall, cpu, peak     trim    give free memory back
 *            [facts of the movie: facts, width, quit
 *            height, bit-depth, codec, channels,
 *            duration]
 *   failed   [stage], code, message
 *   finished
 *   log      level, component, message
 *
 * The worker says hello at once; the job is answered by ready or failed; check by needed, done
 * (cached) or failed; run by done or failed; finish by finished or failed. One question at a time;
 * cancel and trim may come in between. Times are microseconds, sizes bytes. EOF on the socket ends
 * the worker, whatever it is doing.
 */
#ifndef MD_IPC_PROTOCOL_H
#define MD_IPC_PROTOCOL_H

enum {
    MD_IPC_VERSION = 1,
    MD_IPC_WORKER_FD = 3, /* the worker finds its socket here */
};

#define MD_SAY_HELLO    "hello"
#define MD_SAY_READY    "ready"
#define MD_SAY_NEEDED   "needed"
#define MD_SAY_PROGRESS "progress"
#define MD_SAY_ALIVE    "alive"
#define MD_SAY_DONE     "done"
#define MD_SAY_FAILED   "failed"
#define MD_SAY_FINISHED "finished"
#define MD_SAY_LOG      "log"

#define MD_SAY_JOB      "job"
#define MD_SAY_CHECK    "check"
#define MD_SAY_RUN      "run"
#define MD_SAY_FINISH   "finish"
#define MD_SAY_CANCEL   "cancel"
#define MD_SAY_TRIM     "trim"
#define MD_SAY_QUIT     "quit"

#endif
