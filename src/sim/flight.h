/* A recorded flight (gov/recorder.h), summed up: what each stage of each movie took when it ran,
 * and what others held meanwhile. The text is anybody's: all of it is bounded. */
#ifndef MD_SIM_FLIGHT_H
#define MD_SIM_FLIGHT_H

#include <gov/recorder.h>

#include "base/vec.h"
#include "sim/workload.h"

/* Leases of a movie's stage, together; times since the flight's first event. */
struct md_flight_stage {
    int64_t asked_us; /* first, refused or not */
    int64_t begin_us, end_us;
    int64_t held_us;                                    /* at work under a lease */
    int64_t predicted_bytes, granted_bytes, peak_bytes; /* greatest; peak 0: not measured */
    int64_t leases, waits, ooms;
    int batch; /* > 0: a shared model's worker ran it, with so many at once */
};

enum md_flight_end { MD_FLIGHT_OPEN, MD_FLIGHT_DONE, MD_FLIGHT_LOST, MD_FLIGHT_CANCELLED };

struct md_flight_movie {
    char label[GOV_EVENT_OWNER_MAX]; /* valid UTF-8 without control characters */
    int64_t order;
    enum md_flight_end end; /* OPEN: the flight ends before the movie, or lost its beginning */
    struct md_flight_stage stages[MD_STAGES];
};

/* What others held from at_us on. */
struct md_flight_point {
    int64_t at_us, bytes;
};

struct md_flight {
    struct md_flight_movies MD_VEC(struct md_flight_movie) movies; /* as they were queued */
    struct md_flight_points
        MD_VEC(struct md_flight_point) others; /* of at least 32 MB difference */
    char device[GOV_EVENT_OWNER_MAX];          /* valid UTF-8; "": not said */
    int64_t total_bytes;                       /* of the device; 0: not said */
    int64_t took_us;
    int64_t peak_own_bytes, peak_used_bytes;
    int64_t ooms, waits;
    int64_t left_out;                      /* leases of movies beyond MD_SIM_MOVIES_MAX */
    int64_t resident_bytes[MD_EXECUTORS];  /* of an idle shared worker; 0: it was not seen */
    int first_batch[MD_EXECUTORS];         /* it began with so many at once */
    size_t events, skipped, first_skipped; /* lines; the last counts from 1 */
};

/* name is for messages. MD_ERR_INPUT: no flight (the failure names file and line), MD_ERR_NOMEM.
 * *ret_flight is to be freed in any case. */
int md_flight_parse(const char *name, const char *text, size_t size, struct md_flight *ret_flight,
                    struct md_failure *failure);
/* A file of at most 256 MB. Those of md_file_read, too. */
int md_flight_load(const char *path, struct md_flight *ret_flight, struct md_failure *failure);
void md_flight_done(struct md_flight *flight);

#endif
