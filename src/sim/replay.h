/* A recorded flight on another device: the movies of the flight with what they took then, on a
 * simulated device among the neighbours that there were, under the real governor and engine.
 *
 * Taken over: who came in which order, each stage's prediction, measured peak and time at work, the
 * batches of models, what others held and when. Not known, hence assumed: times are those of the
 * recorded machine on any device; all movies wait from the beginning; what ran without a lease
 * between two leases took the time between them; how long a movie is (which limits the movies in
 * flight) follows from how many were in flight with it. */
#ifndef MD_SIM_REPLAY_H
#define MD_SIM_REPLAY_H

#include "sim/flight.h"

struct md_replay_movie {
    enum md_flight_end recorded, replayed;
    int64_t recorded_ooms, replayed_ooms;
    char why[160]; /* it was lost in the replay */
};

struct md_replay_side {
    int64_t movies, done, lost, open; /* open: neither (recorded: the flight ends before) */
    int64_t ooms, waits, took_us, peak_own_bytes, peak_used_bytes;
    int64_t total_bytes; /* of the device */
};

struct md_replay {
    struct md_replay_side recorded, replayed;
    char device[32];                                  /* it was replayed on */
    struct md_replay_movie movies[MD_SIM_MOVIES_MAX]; /* those of the flight */
    size_t movie_count;
    size_t neighbours;           /* that stand for the recorded ones */
    bool neighbours_are_clipped; /* they held more than this device could give them */
    bool hung, broken;
    char why[200]; /* of the two above */
};

/* device: one of gov/sim.h. config NULL: the default. recorder: borrowed, records the replay; may
 * be NULL. MD_ERR_NOTFOUND (no such device), MD_ERR_INPUT (the device is too small to be one),
 * MD_ERR_NOMEM. Lost movies are no error. */
int md_replay_run(const struct md_flight *flight, const char *device,
                  const struct gov_config *config, struct gov_recorder *recorder,
                  struct md_replay *ret, struct md_failure *failure);

#endif
