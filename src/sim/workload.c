/* Distributions are wide on purpose: a situation that is rare in life and found here costs nothing.
 * Sizes of GPUs and pictures come from what is sold; movies' lengths are uniform. */
#include "sim/workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/random.h"

#define GIB     (INT64_C(1) << 30)
#define MINUTES (60 * MD_SECOND_US)

/* Weights and states of Whisper as measured (FACTS). Llama 3 8B q4: 4.9 GB of weights; a sequence
 * of 4096 tokens keeps 32 layers x 2 x 8 heads x 128 x 2 bytes a token; Mistral 7B alike. */
const struct md_sim_model md_sim_models[] = {
    {"large-v3", MD_EXECUTOR_ASR, 3094 * GOV_MB, 120 * GOV_MB, 543 * GOV_MB, 6 * MD_SECOND_US, 0.70,
     2.0},
    {"turbo", MD_EXECUTOR_ASR, 1624 * GOV_MB, 100 * GOV_MB, 250 * GOV_MB, 4 * MD_SECOND_US, 1.6,
     2.5},
    {"8b-q4", MD_EXECUTOR_LLM, 4920 * GOV_MB, 560 * GOV_MB, 537 * GOV_MB, 9 * MD_SECOND_US, 0.30,
     3.0},
    {"7b-q4", MD_EXECUTOR_LLM, 4370 * GOV_MB, 300 * GOV_MB, 537 * GOV_MB, 8 * MD_SECOND_US, 0.33,
     3.0},
    {.name = NULL},
};

const struct md_sim_model *md_sim_model_find(const char *name)
{
    for (const struct md_sim_model *m = md_sim_models; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

struct picture {
    int width, height, bit_depth;
    const char *codec;
    const char *class; /* for people */
};

static const struct picture pictures[] = {
    {720, 480, 8, "mpeg2video", "480p"},  {854, 480, 8, "h264", "480p"},
    {720, 576, 8, "mpeg2video", "576p"},  {1280, 720, 8, "h264", "720p"},
    {1920, 1080, 8, "h264", "1080p"},     {1920, 1080, 8, "hevc", "1080p"},
    {1920, 1080, 10, "hevc", "1080p"},    {1920, 1080, 8, "vp9", "1080p"},
    {2560, 1440, 8, "vp9", "1440p"},      {3840, 2160, 8, "hevc", "2160p"},
    {3840, 2160, 10, "hevc", "2160pHDR"}, {3840, 2160, 10, "av1", "2160pHDR"},
};

struct md_sim_movie md_sim_movie_make(uint64_t seed, int number)
{
    struct md_sim_random random = {md_sim_hash(seed, (uint64_t)number)};
    struct md_sim_movie movie = {.seed = random.state};
    const struct picture *p = &pictures[md_sim_below(&random, MD_ARRAY_LEN(pictures))];
    int64_t minutes = md_sim_between(&random, 20, 240);
    movie.facts = (struct md_movie_facts){.known = true,
                                          .duration_us = minutes * MINUTES,
                                          .width = p->width,
                                          .height = p->height,
                                          .bit_depth = p->bit_depth,
                                          .channels = md_sim_chance(&random, 0.5) ? 6 : 2};
    snprintf(movie.facts.codec, sizeof movie.facts.codec, "%s", p->codec);
    movie.has_subtitles = md_sim_chance(&random, 0.4);
    snprintf(movie.label, sizeof movie.label, "movie-%d-%" PRId64 "min-%s-%s", number + 1, minutes,
             p->class, p->codec);
    return movie;
}

static void make_greedy(struct md_sim_random *random, int64_t total, struct gov_sim_neighbour *n)
{
    *n = (struct gov_sim_neighbour){
        .at_us = md_sim_between(random, 0, 300) * MINUTES,
        .shape = (enum gov_sim_shape)md_sim_below(random, 3),
        .bytes = (int64_t)((double)total * (0.05 + 0.6 * md_sim_unit(random))),
    };
    if (md_sim_chance(random, 0.8))
        n->until_us = n->at_us + md_sim_between(random, 1, 120) * MINUTES;
    if (n->shape == GOV_SIM_STEP)
        return;
    n->low_bytes = md_sim_below(random, n->bytes);
    n->period_us = md_sim_between(random, 10, 1200) * MD_SECOND_US;
}

static void make_neighbours(struct md_sim_random *random, struct md_sim_situation *s)
{
    /* The desktop. */
    s->neighbours[0] =
        (struct gov_sim_neighbour){.bytes = md_sim_between(random, 0, 1200) * GOV_MB};
    s->neighbour_count = 1;
    int64_t greedy = md_sim_below(random, 4);
    for (int64_t i = 0; i < greedy; i++)
        make_greedy(random, s->total_bytes, &s->neighbours[s->neighbour_count++]);
}

static void make_device(struct md_sim_random *random, struct md_sim_situation *s)
{
    static const int sizes[] = {6, 8, 8, 10, 11, 12, 12, 16, 24};
    int gib = sizes[md_sim_below(random, MD_ARRAY_LEN(sizes))];
    s->total_bytes = gib * GIB;
    snprintf(s->device, sizeof s->device, "sim:%dGiB", gib);
    s->reserved_bytes = md_sim_between(random, 150, 500) * GOV_MB;
    s->context_bytes = md_sim_between(random, 200, 400) * GOV_MB;
    s->lag_us = md_sim_chance(random, 0.5) ? md_sim_below(random, 3 * MD_SECOND_US) : 0;
    s->speed = 0.4 + 0.05 * gib + 0.4 * md_sim_unit(random);
}

static void make_models(struct md_sim_random *random, struct md_sim_situation *s)
{
    s->asr = &md_sim_models[md_sim_below(random, 2)];
    s->llm = &md_sim_models[2 + md_sim_below(random, 2)];
}

void md_sim_situation_make(uint64_t series, uint64_t index, struct md_sim_situation *ret)
{
    struct md_sim_random random = {md_sim_hash(md_sim_hash(series, 1), index)};
    *ret = (struct md_sim_situation){.seed = random.state};
    make_device(&random, ret);
    make_neighbours(&random, ret);
    make_models(&random, ret);
    ret->trouble = (struct md_sim_trouble){
        .skew_deviation = 0.25,
        .noise = 0.04,
        .death_per_step = md_sim_chance(&random, 0.5) ? 0.003 : 0,
        .hang_per_step = md_sim_chance(&random, 0.2) ? 0.001 : 0,
        .spawn_failure = md_sim_chance(&random, 0.2) ? 0.05 : 0,
        .pounce_per_stage = md_sim_chance(&random, 0.3) ? 0.1 : 0,
        .blind_per_hour = md_sim_chance(&random, 0.3) ? 0.5 : 0,
        .blind_us = md_sim_between(&random, 10, 300) * MD_SECOND_US,
        .deaths_a_movie = 2,
    };
    ret->movie_count = (size_t)md_sim_between(&random, 2, 6);
    for (size_t i = 0; i < ret->movie_count; i++)
        ret->movies[i] = md_sim_movie_make(ret->seed, (int)i);
}

int md_sim_situation_for_device(const char *spec, struct md_sim_situation *ret,
                                struct md_failure *failure)
{
    struct gov_device *device = NULL;
    struct gov_sample sample;
    *ret = (struct md_sim_situation){.speed = 1};
    if (strncmp(spec, "sim:", 4) != 0 || strlen(spec) >= sizeof ret->device ||
        gov_device_open(spec, NULL, &device) < 0)
        return md_fail(failure, MD_ERR_NOTFOUND,
                       "there is no simulated device \"%s\"; sim:rtx3060 or sim:8GB are wanted",
                       spec);
    bool read = gov_device_sample(device, 0, -1, &sample) == GOV_OK;
    gov_device_free(device);
    if (!read)
        return md_fail(failure, MD_ERR_EXTERNAL, "the simulated device cannot be read");
    snprintf(ret->device, sizeof ret->device, "%s", spec);
    ret->total_bytes = sample.total_bytes;
    ret->reserved_bytes = sample.reserved_bytes;
    ret->context_bytes = 300 * GOV_MB;
    for (size_t i = 0; gov_sim_preset(i); i++)
        if (strcmp(gov_sim_preset(i)->name, spec + 4) == 0)
            ret->context_bytes = gov_sim_preset(i)->context_bytes;
    return MD_OK;
}

void md_sim_situation_make_faultless(struct md_sim_situation *s)
{
    s->total_bytes = 1024 * GIB;
    s->reserved_bytes = s->lag_us = 0;
    s->neighbour_count = 0;
    s->trouble = (struct md_sim_trouble){0};
}

/* A swing is as good as still until it has moved by this much. */
static int64_t noticeable_us(const struct gov_sim_neighbour *n)
{
    const int64_t noticeable_bytes = 16 * GOV_MB;
    double bytes_per_us = (double)(n->bytes - n->low_bytes) / (double)n->period_us;
    double us = (double)noticeable_bytes / MD_MAX(bytes_per_us, 1e-9);
    return us > 1e15 ? INT64_MAX / 2 : (int64_t)us;
}

int64_t md_sim_neighbours_next_us(const struct md_sim_situation *s, int64_t now_us)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < s->neighbour_count; i++) {
        const struct gov_sim_neighbour *n = &s->neighbours[i];
        bool ended = n->until_us && now_us >= n->until_us;
        bool moves = n->shape == GOV_SIM_SAW ||
                     (n->shape == GOV_SIM_RAMP && now_us < n->at_us + n->period_us);
        if (now_us < n->at_us)
            next = MD_MIN(next, n->at_us);
        else if (!ended && n->until_us)
            next = MD_MIN(next, n->until_us);
        if (now_us >= n->at_us && !ended && moves)
            next = MD_MIN(next, now_us + noticeable_us(n));
        if (now_us >= n->at_us && !ended && n->shape == GOV_SIM_SAW)
            next = MD_MIN(next, now_us + n->period_us - (now_us - n->at_us) % n->period_us);
    }
    return next;
}
