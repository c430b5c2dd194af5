/* Long lives of one machine. Days: one engine with an endless shelf. Stages: a new engine every
 * night of a thousand movies, as `run` starts one, on one governor, device and history. */
#include <gov/history.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "sim/random.h"
#include "sim/study.h"

#define HOUR_US (3600 * MD_SECOND_US)
#define DAY_US  (24 * HOUR_US)

/* A 12 GiB card that also drives a desktop and runs a game in the evenings. */
static void living_room(uint64_t seed, struct md_sim_situation *s)
{
    *s = (struct md_sim_situation){
        .seed = seed,
        .device = "sim:rtx3060",
        .context_bytes = 300 * GOV_MB,
        .lag_us = MD_SECOND_US / 2,
        .asr = md_sim_model_find("large-v3"),
        .llm = md_sim_model_find("7b-q4"),
        .speed = 1,
    };
    s->neighbours[0] = (struct gov_sim_neighbour){.bytes = 600 * GOV_MB};
    s->neighbours[1] = (struct gov_sim_neighbour){
        .shape = GOV_SIM_SAW, .bytes = 5 * GOV_GB, .low_bytes = 0, .period_us = 20 * HOUR_US};
    s->neighbours[2] = (struct gov_sim_neighbour){
        .shape = GOV_SIM_SAW, .bytes = 2 * GOV_GB, .low_bytes = GOV_GB, .period_us = 3 * HOUR_US};
    s->neighbour_count = 3;
}

struct shelf {
    struct md_sim_machine *machine;
    uint64_t seed;
    int64_t until_us; /* no more movies from here; 0: as many as count says */
    size_t count;
    const int64_t *now_us;
    bool brief;
};

static bool next_movie(void *user, size_t index, struct md_sim_movie *ret)
{
    const struct shelf *shelf = user;
    if (shelf->count ? index >= shelf->count : *shelf->now_us >= shelf->until_us)
        return false;
    *ret = md_sim_movie_make(shelf->seed, (int)index);
    if (shelf->brief)
        ret->facts.duration_us /= 10;
    return true;
}

static void keep_time(void *user, const struct md_sim_view *view)
{
    *(int64_t *)user = view->now_us;
}

int md_sim_stay_available(uint64_t seed, int64_t days, struct md_sim_availability *ret)
{
    struct md_sim_situation situation;
    struct md_sim_machine machine;
    struct md_sim_result result;
    int64_t now_us = 0;
    struct shelf shelf = {.seed = seed, .until_us = days * DAY_US, .now_us = &now_us};
    *ret = (struct md_sim_availability){.days = days};
    living_room(seed, &situation);
    situation.trouble = (struct md_sim_trouble){.skew_deviation = 0.25,
                                                .noise = 0.04,
                                                .death_per_step = 0.001,
                                                .hang_per_step = 0.00005,
                                                .spawn_failure = 0.001,
                                                .pounce_per_stage = 0.01,
                                                .blind_per_hour = 0.05,
                                                .blind_us = 120 * MD_SECOND_US,
                                                .deaths_a_movie = 2};
    int r = md_sim_machine_open(&machine, &situation, NULL, NULL);
    if (r < 0)
        return r;
    struct md_sim_params params = {.situation = &situation,
                                   .step_us = 120 * MD_SECOND_US,
                                   .feed = next_movie,
                                   .feed_user = &shelf,
                                   .watch = keep_time,
                                   .watch_user = &now_us};
    r = md_sim_run(&machine, &params, &result);
    ret->movies = (int64_t)result.movies.n;
    ret->lost_to_memory = (int64_t)result.lost_to_memory;
    ret->fallbacks = (int64_t)result.fallbacks;
    ret->lost_otherwise = (int64_t)result.lost_otherwise;
    ret->working_us = result.working_us;
    ret->paused_us = result.paused_us;
    ret->down_us = result.down_us;
    memcpy(ret->down_by_us, result.down_by_us, sizeof ret->down_by_us);
    ret->ooms = (int64_t)result.ooms.n;
    ret->crashes = result.crashes;
    ret->steps = result.steps;
    ret->hung = result.hung;
    ret->broken = result.broken;
    snprintf(ret->why, sizeof ret->why, "%s", result.why);
    md_sim_result_done(&result);
    md_sim_machine_close(&machine);
    return r;
}

/* --- a million stages --- */

/* What the program holds from the heap; 0 where the allocator cannot say (sanitizers). */
static int64_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

static int one_night(struct md_sim_machine *machine, const struct md_sim_situation *situation,
                     struct gov_history *history, uint64_t seed, struct md_sim_endurance *ret)
{
    enum { MOVIES_A_NIGHT = 1000 };
    struct md_sim_result result;
    struct shelf shelf = {.seed = seed, .count = MOVIES_A_NIGHT, .brief = true};
    struct md_sim_params params = {.situation = situation,
                                   .step_us = HOUR_US,
                                   .history = history,
                                   .feed = next_movie,
                                   .feed_user = &shelf};
    int r = md_sim_run(machine, &params, &result);
    ret->stages += result.stages;
    ret->movies += (int64_t)result.movies.n;
    ret->lost += (int64_t)(result.lost_to_memory + result.lost_otherwise);
    ret->hung |= result.hung;
    ret->broken |= result.broken;
    if (result.hung || result.broken)
        snprintf(ret->why, sizeof ret->why, "%s", result.why);
    md_sim_result_done(&result);
    ret->nights++;
    return r;
}

static void note_drift(struct md_sim_machine *machine, struct md_sim_endurance *ret)
{
    struct gov_status status;
    gov_governor_status(machine->governor, &status);
    ret->drift_bytes += status.leases.now_bytes + status.leases.pending_bytes;
    ret->drift_count += status.leases.now_count;
    ret->leases_granted = status.leases.total_count;
    if (!gov_governor_is_valid(machine->governor))
        ret->broken = true;
}

int md_sim_endure(uint64_t seed, int64_t stages, struct md_sim_endurance *ret)
{
    enum { MOST_REGIMES = 256, WARM_NIGHTS = 2 };
    struct md_sim_situation situation;
    struct md_sim_machine machine;
    struct gov_history *history = NULL;
    int64_t warm_bytes = 0;
    *ret = (struct md_sim_endurance){0};
    living_room(seed, &situation);
    situation.trouble = (struct md_sim_trouble){.skew_deviation = 0.25, .noise = 0.04};
    int r = md_sim_machine_open(&machine, &situation, NULL, NULL);
    if (r < 0)
        return r;
    if (gov_history_new(&machine.config, MOST_REGIMES, &history) < 0)
        r = MD_ERR_NOMEM;
    while (r == MD_OK && ret->stages < stages && !ret->hung && !ret->broken) {
        r = one_night(&machine, &situation, history, md_sim_hash(seed, (uint64_t)ret->nights), ret);
        note_drift(&machine, ret);
        ret->heap_bytes = heap_bytes();
        if (ret->nights <= WARM_NIGHTS)
            warm_bytes = ret->heap_bytes;
    }
    ret->grown_bytes = ret->heap_bytes - warm_bytes;
    gov_history_free(history);
    md_sim_machine_close(&machine);
    return r;
}
