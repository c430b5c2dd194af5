/* What the simulator is for: the governor's figures, each against its alternatives in the same run.
 * Everything from a seed; nothing depends on the clock. */
#ifndef MD_SIM_STUDY_H
#define MD_SIM_STUDY_H

#include "sim/world.h"

/* --- survival: many situations --- */

enum { MD_SIM_FOUND_MAX = 16 };

/* A situation in which something went wrong, to be run again by its number. */
struct md_sim_found {
    int64_t situation;
    char why[240];
};

struct md_sim_survival_params {
    uint64_t seed;
    int64_t first, count; /* situations first .. first + count - 1 of the series */
    struct md_engine_policy policy;
    const struct gov_config *config; /* NULL: gov_config_default */
    bool check;                      /* invariants after every event */
    bool compare;                    /* run each without trouble too and compare the results */
    void (*progress)(void *user, int64_t done);
    void *user;
};

struct md_sim_survival {
    int64_t situations, movies, done;
    int64_t lost_to_memory, lost_otherwise; /* movies */
    int64_t situations_with_losses;         /* to memory */
    int64_t fallbacks;                      /* stages done without their model */
    int64_t hangs, broken;                  /* situations */
    int64_t wrong_results;                  /* done movies whose units differ from the quiet run */
    int64_t ooms, crashes, steps, stages, hasty_starts;
    int64_t tiers[GOV_TIER_COUNT];
    int64_t simulated_us;
    size_t found_count; /* of found[], at most MD_SIM_FOUND_MAX */
    struct md_sim_found found[MD_SIM_FOUND_MAX];
};

int md_sim_survive(const struct md_sim_survival_params *params, struct md_sim_survival *ret);

/* --- availability: one machine for many days --- */

struct md_sim_availability {
    int64_t days, movies, lost_to_memory, lost_otherwise;
    int64_t working_us, paused_us, down_us;
    int64_t down_by_us[MD_SIM_DOWNS]; /* their sum is down_us */
    int64_t ooms, crashes, steps, fallbacks;
    bool hung, broken;
    char why[200];
};

/* An endless shelf on one card with neighbours that come and go, deaths, hangs, blind hours. */
int md_sim_stay_available(uint64_t seed, int64_t days, struct md_sim_availability *ret);

/* --- throughput: a shelf, by several ways to choose batch sizes --- */

enum { MD_SIM_WAYS_MAX = 12 };

struct md_sim_way {
    const char *name;
    int64_t movies, done, lost_to_memory;
    int64_t us;          /* until the last movie was done */
    int64_t film_us;     /* length of the movies done */
    double of_oracle;    /* film per time, against the oracle's; 1 is the oracle */
    int64_t loads;       /* of models */
    int64_t ooms;        /* all */
    int64_t late_ooms;   /* most in one regime after its first ten movies */
    int chunks, prompts; /* of the oracle: its batch sizes */
};

struct md_sim_throughput {
    char device[32];
    size_t way_count;
    struct md_sim_way ways[MD_SIM_WAYS_MAX];
};

/* movies: of the shelf, 12 to MD_SIM_MOVIES_MAX. device: "sim:rtx3060", "sim:8GB". */
int md_sim_compare_throughput(uint64_t seed, const char *device, int64_t movies,
                              struct md_sim_throughput *ret, struct md_failure *failure);

/* --- thrash: use sawing around a threshold --- */

struct md_sim_thrash {
    int64_t minutes, low_percent, high_percent;
    int64_t runs, runs_without; /* tier runs; and with neither hysteresis nor cool-downs */
};

int md_sim_thrash_run(uint64_t seed, struct md_sim_thrash *ret);

/* --- endurance: a million stages on one governor --- */

struct md_sim_endurance {
    int64_t stages, movies, nights, leases_granted;
    int64_t drift_bytes; /* of the ledger when nobody holds anything */
    int64_t drift_count; /* leases then */
    int64_t grown_bytes; /* of the heap, from the end of the second night to the end of the last */
    int64_t heap_bytes;  /* at the end; 0: cannot be told (sanitizers) */
    int64_t lost;        /* movies */
    bool hung, broken;
    char why[200];
};

int md_sim_endure(uint64_t seed, int64_t stages, struct md_sim_endurance *ret);

/* --- the fault sweep: the n-th operation of a three-movie batch fails --- */

struct md_sim_sweep {
    enum md_sim_operation operation;
    bool persistent;
    int64_t runs; /* with a fault in them */
    int64_t movies, done, failed;
    int64_t untyped;       /* failed with no reason or as a bug */
    int64_t fallbacks;     /* stages done without their model */
    int64_t wrong_results; /* of those done */
    int64_t hangs, broken;
    int64_t worst_failed; /* movies in one run */
    int64_t first_bad;    /* the n of the first run that hung, broke or was wrong; 0: none */
    char why[200];
};

/* most: give up after so many runs (0: until nothing fails any more); every: try each so-manieth n
 * (1: all). */
int md_sim_sweep_run(uint64_t seed, enum md_sim_operation operation, bool persistent, int64_t most,
                     int64_t every, struct md_sim_sweep *ret);

/* The three movies of the sweep, and the device. */
void md_sim_sweep_situation(uint64_t seed, struct md_sim_situation *ret);

#endif
