/* Situations: a GPU, who else is on it, a shelf of movies, what goes wrong. All from a seed. */
#ifndef MD_SIM_WORKLOAD_H
#define MD_SIM_WORKLOAD_H

#include <gov/device.h>

#include "engine/engine.h"

enum { MD_SIM_MOVIES_MAX = 64, MD_SIM_NEIGHBOURS_MAX = 64 };

/* A stage as a flight recorder saw it: it takes what it took then. */
struct md_sim_recorded {
    int64_t took_us;         /* at work, on whatever device that was */
    int64_t predicted_bytes; /* with a context; 0: it used no memory of the device */
    int64_t peak_bytes;      /* likewise, measured */
    int batch;               /* > 0: run by the situation's model with so many at once */
};

struct md_sim_movie {
    char label[48];
    struct md_movie_facts facts; /* what the probe will tell; known false: it cannot be read */
    bool has_subtitles;          /* the transcript needs no model */
    uint64_t seed;               /* of its content: what the units' results are made of */
    /* MD_STAGES of them, borrowed; NULL: needs and times follow from the facts. The facts' duration
     * then tells movies apart and must be unique. */
    const struct md_sim_recorded *recorded;
};

/* A model as the GPU sees it; sizes from FACTS (measured with libwhisper and libllama on the CPU)
 * and, for language models, from their shapes. */
struct md_sim_model {
    const char *name;
    enum md_executor executor;
    int64_t weights_bytes;
    int64_t compute_bytes; /* buffers that do not depend on the batch */
    int64_t unit_bytes;    /* for each unit of a batch */
    int64_t load_us;
    /* Throughput of a batch b on the reference GPU: best x b / (b + half) units per second: more at
     * once helps until the cores are full. */
    double best_units_per_s;
    double half_batch;
};
/* Ended by one without a name. */
extern const struct md_sim_model md_sim_models[];
/* NULL: there is none of that name. */
const struct md_sim_model *md_sim_model_find(const char *name);

/* How often things go wrong; zero: never. */
struct md_sim_trouble {
    double skew_deviation;   /* of the logarithm of true / predicted peak, by regime */
    double noise;            /* and by movie, relative */
    double death_per_step;   /* a worker dies */
    double hang_per_step;    /* it says nothing any more */
    double spawn_failure;    /* for each start */
    double pounce_per_stage; /* a neighbour takes memory in the moment between lease and use */
    double blind_per_hour;   /* readings fail for blind_us */
    int64_t blind_us;
    int deaths_a_movie; /* deaths, hangs and spawn failures, at most: beyond the engine's limit
                           a movie is given up, rightly */
};

struct md_sim_situation {
    uint64_t seed;
    char device[32]; /* for gov_device_open */
    int64_t total_bytes, reserved_bytes, context_bytes, lag_us;
    struct gov_sim_neighbour neighbours[MD_SIM_NEIGHBOURS_MAX];
    size_t neighbour_count;
    const struct md_sim_model *asr, *llm; /* NULL: none; subtitles and the extractive story then */
    double speed;                         /* of the GPU, the reference is an RTX 3060 */
    struct md_sim_trouble trouble;
    struct md_sim_movie movies[MD_SIM_MOVIES_MAX];
    size_t movie_count;
};

/* Situation number `index` of a series: GPUs of 6 to 24 GB, movies of 20 minutes to 4 hours in 480p
 * to 2160p, neighbours, lagging frees, every trouble. */
void md_sim_situation_make(uint64_t series, uint64_t index, struct md_sim_situation *ret);

/* One movie of the kinds above. */
struct md_sim_movie md_sim_movie_make(uint64_t seed, int number);

/* A named simulated GPU without neighbours or trouble, no movies. MD_ERR_NOTFOUND. */
int md_sim_situation_for_device(const char *spec, struct md_sim_situation *ret,
                                struct md_failure *failure);

/* The same without anything that goes wrong, on a device so large that nothing ever waits. */
void md_sim_situation_make_faultless(struct md_sim_situation *situation);

/* When others' memory will have changed noticeably; INT64_MAX: never. */
int64_t md_sim_neighbours_next_us(const struct md_sim_situation *situation, int64_t now_us);

#endif
