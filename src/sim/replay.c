/* The recorded movies become movies of the virtual world whose needs are recorded instead of
 * computed (truth.c); the neighbours' use becomes steps. A curve of thousands of readings is
 * thinned by merging the two neighbouring steps that differ least, keeping the higher of them: a
 * replay may be a little tighter than the recording, never looser. */
#include "sim/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/truth.h"
#include "sim/world.h"

/* So much is left to us by others, whatever they held on a larger device. */
static const int64_t left_percent = 10;

struct making {
    struct md_sim_situation situation;
    struct md_sim_model models[MD_EXECUTORS];
    struct md_sim_recorded stages[MD_SIM_MOVIES_MAX][MD_STAGES];
};

/* --- movies --- */

static int64_t peak_of(const struct md_flight_stage *stage)
{
    const int64_t with_buffer_percent = 115;
    if (stage->peak_bytes > 0)
        return stage->peak_bytes;
    return stage->predicted_bytes > 0 ? stage->predicted_bytes
                                      : stage->granted_bytes / with_buffer_percent * 100;
}

/* Work without a lease: from the end of the leased stage before to when the next one asked. */
static int64_t gap_before(const struct md_flight_movie *movie, int stage)
{
    const int64_t longest_us = 4 * 3600 * MD_SECOND_US;
    int64_t from_us = -1;
    for (int s = 0; s < stage; s++)
        if (movie->stages[s].held_us > 0)
            from_us = MD_MAX(from_us, movie->stages[s].end_us);
    for (int s = stage + 1; from_us >= 0 && s < MD_STAGES; s++)
        if (movie->stages[s].held_us > 0) {
            int64_t asked_us = movie->stages[s].asked_us;
            return asked_us < 0 ? 0 : MD_CLAMP(asked_us - from_us, 0, longest_us);
        }
    return 0;
}

static void make_stages(const struct md_flight_movie *movie, struct md_sim_recorded *stages)
{
    const int64_t least_us = MD_SECOND_US / 10;
    bool leased_before = true;
    for (int s = 0; s < MD_STAGES; s++) {
        const struct md_flight_stage *then = &movie->stages[s];
        if (then->held_us > 0) {
            stages[s] = (struct md_sim_recorded){
                .took_us = MD_MAX(then->held_us, least_us),
                .predicted_bytes =
                    then->predicted_bytes > 0 ? then->predicted_bytes : peak_of(then),
                .peak_bytes = peak_of(then),
                .batch = then->batch,
            };
            leased_before = true;
        } else { /* the first of those between two leases stands for all of them */
            stages[s].took_us = MD_MAX(leased_before ? gap_before(movie, s) : 0, least_us);
            leased_before = false;
        }
    }
}

/* From its first asking to its last release. */
static void span_of(const struct md_flight_movie *movie, int64_t *from_us, int64_t *to_us)
{
    *from_us = INT64_MAX;
    *to_us = 0;
    for (int s = 0; s < MD_STAGES; s++) {
        const struct md_flight_stage *stage = &movie->stages[s];
        int64_t first_us = stage->asked_us >= 0 ? stage->asked_us : stage->begin_us;
        if (first_us >= 0)
            *from_us = MD_MIN(*from_us, first_us);
        *to_us = MD_MAX(*to_us, stage->end_us);
    }
}

/* Its length, which decides how many are in flight at once and is not recorded, is taken from how
 * many were: two hours or more run alone, from 90 minutes in pairs (gov_movies_in_flight). */
static int64_t length_of(const struct md_flight *flight, size_t movie)
{
    const int64_t minute = 60 * MD_SECOND_US;
    int64_t from_us, to_us, start_us, end_us;
    int most = 1;
    span_of(&flight->movies.v[movie], &from_us, &to_us);
    for (size_t i = 0; i < flight->movies.n; i++) {
        int at_once = 0;
        span_of(&flight->movies.v[i], &start_us, &end_us);
        if (start_us < from_us || start_us >= to_us)
            continue;
        for (size_t j = 0; j < flight->movies.n; j++) {
            int64_t other_us, other_end_us;
            span_of(&flight->movies.v[j], &other_us, &other_end_us);
            at_once += other_us <= start_us && other_end_us > start_us;
        }
        most = MD_MAX(most, at_once);
    }
    return (most == 1 ? 130 : most == 2 ? 100 : 60) * minute;
}

static void make_movies(const struct md_flight *flight, struct making *making)
{
    struct md_sim_situation *s = &making->situation;
    s->movie_count = MD_MIN(flight->movies.n, MD_SIM_MOVIES_MAX);
    for (size_t i = 0; i < s->movie_count; i++) {
        const struct md_flight_movie *from = &flight->movies.v[i];
        struct md_sim_movie *movie = &s->movies[i];
        make_stages(from, making->stages[i]);
        *movie = (struct md_sim_movie){
            .facts = {.known = true,
                      .duration_us = length_of(flight, i) + (int64_t)i,
                      .width = 1920,
                      .height = 1080,
                      .bit_depth = 8,
                      .channels = 2},
            .has_subtitles = making->stages[i][MD_STAGE_TRANSCRIPT].batch == 0,
            .seed = i + 1,
            .recorded = making->stages[i],
        };
        /* The class of picture is not recorded; movies of one were predicted alike. */
        snprintf(movie->facts.codec, sizeof movie->facts.codec, "r%d",
                 (int)(making->stages[i][MD_STAGE_SHOTS].predicted_bytes / (64 * GOV_MB)));
        snprintf(movie->label, sizeof movie->label, "%s", from->label);
    }
}

/* --- models --- */

/* Weights from the lease of the idle worker, the rest of the prediction by its batch. */
static void make_model(const struct md_flight *flight, struct making *making,
                       enum md_executor executor, enum md_stage stage, const char *name)
{
    const int64_t context = making->situation.context_bytes;
    struct md_sim_model *model = &making->models[executor];
    int64_t predicted = 0;
    for (size_t i = 0; i < flight->movies.n; i++)
        if (flight->movies.v[i].stages[stage].batch)
            predicted = MD_MAX(predicted, flight->movies.v[i].stages[stage].predicted_bytes);
    if (!predicted)
        return;
    int64_t weights = MD_MAX(flight->resident_bytes[executor] - context, GOV_MB);
    int64_t rest = MD_MAX(predicted - weights - context, GOV_MB);
    int batch = MD_MAX(flight->first_batch[executor], 1);
    for (size_t i = 0; i < flight->movies.n; i++)
        batch = MD_MAX(batch, flight->movies.v[i].stages[stage].batch);
    *model = (struct md_sim_model){
        .name = name,
        .executor = executor,
        .weights_bytes = weights,
        .unit_bytes = MD_MAX(rest / batch, 1),
        .load_us = MD_SECOND_US, /* the first turn's recorded time has it */
        .best_units_per_s = 1,   /* recorded times are used */
        .half_batch = 2.5,
    };
    if (executor == MD_EXECUTOR_ASR)
        making->situation.asr = model;
    else
        making->situation.llm = model;
}

/* --- neighbours --- */

/* Thins steps out to `most`. Each round costs what is left: points are thinned by doubling the
 * height that counts first, so that this stays linear. */
static size_t thin(struct md_flight_point *points, size_t count, size_t most)
{
    for (int64_t step = 64 * GOV_MB; count > 8 * most; step *= 2) {
        size_t kept = 1;
        for (size_t i = 1; i < count; i++)
            if (llabs(points[i].bytes - points[kept - 1].bytes) >= step)
                points[kept++] = points[i];
            else
                points[kept - 1].bytes = MD_MAX(points[kept - 1].bytes, points[i].bytes);
        count = kept;
    }
    while (count > most) {
        size_t best = 1;
        for (size_t i = 2; i < count; i++)
            if (llabs(points[i].bytes - points[i - 1].bytes) <
                llabs(points[best].bytes - points[best - 1].bytes))
                best = i;
        points[best - 1].bytes = MD_MAX(points[best - 1].bytes, points[best].bytes);
        memmove(&points[best], &points[best + 1], (count - best - 1) * sizeof *points);
        count--;
    }
    return count;
}

static int make_neighbours(const struct md_flight *flight, struct making *making,
                           struct md_replay *ret)
{
    struct md_sim_situation *s = &making->situation;
    const int64_t most = (s->total_bytes - s->reserved_bytes) / 100 * (100 - left_percent);
    size_t count = flight->others.n;
    if (!count)
        return MD_OK;
    md_autofree struct md_flight_point *points = malloc(count * sizeof *points);
    if (!points)
        return MD_ERR_NOMEM;
    memcpy(points, flight->others.v, count * sizeof *points);
    count = thin(points, count, MD_SIM_NEIGHBOURS_MAX);
    for (size_t i = 0; i < count; i++) {
        int64_t until_us = i + 1 < count ? points[i + 1].at_us : 0; /* the last one stays */
        ret->neighbours_are_clipped |= points[i].bytes > most;
        if (points[i].bytes <= 0 || (until_us && until_us <= points[i].at_us))
            continue;
        s->neighbours[s->neighbour_count++] = (struct gov_sim_neighbour){
            .at_us = points[i].at_us,
            .until_us = until_us,
            .bytes = MD_MIN(points[i].bytes, MD_MAX(most, 1)),
        };
    }
    ret->neighbours = s->neighbour_count;
    return MD_OK;
}

/* --- the comparison --- */

static void sum_recorded(const struct md_flight *flight, struct md_replay *ret)
{
    struct md_replay_side *side = &ret->recorded;
    ret->movie_count = MD_MIN(flight->movies.n, MD_SIM_MOVIES_MAX);
    for (size_t i = 0; i < ret->movie_count; i++) {
        const struct md_flight_movie *movie = &flight->movies.v[i];
        ret->movies[i].recorded = movie->end;
        for (int s = 0; s < MD_STAGES; s++)
            ret->movies[i].recorded_ooms += movie->stages[s].ooms;
        side->done += movie->end == MD_FLIGHT_DONE;
        side->lost += movie->end == MD_FLIGHT_LOST;
    }
    side->movies = (int64_t)ret->movie_count;
    side->open = side->movies - side->done - side->lost;
    side->ooms = flight->ooms;
    side->waits = flight->waits;
    side->took_us = flight->took_us;
    side->peak_own_bytes = flight->peak_own_bytes;
    side->peak_used_bytes = flight->peak_used_bytes;
    side->total_bytes = flight->total_bytes;
}

static void sum_replayed(const struct md_sim_result *result, struct md_replay *ret)
{
    struct md_replay_side *side = &ret->replayed;
    for (size_t i = 0; i < ret->movie_count && i < result->movies.n; i++) {
        const struct md_sim_movie_result *movie = &result->movies.v[i];
        bool done = movie->end == MD_MOVIE_DONE && movie->is_right;
        ret->movies[i].replayed = done                               ? MD_FLIGHT_DONE
                                  : movie->end == MD_MOVIE_CANCELLED ? MD_FLIGHT_OPEN
                                                                     : MD_FLIGHT_LOST;
        ret->movies[i].replayed_ooms = movie->ooms;
        snprintf(ret->movies[i].why, sizeof ret->movies[i].why, "%s", movie->why);
        side->done += done;
        side->lost += ret->movies[i].replayed == MD_FLIGHT_LOST;
        side->took_us = MD_MAX(side->took_us, movie->end_us - result->start_us);
    }
    side->movies = (int64_t)ret->movie_count;
    side->open = side->movies - side->done - side->lost;
    side->ooms = (int64_t)result->ooms.n;
    side->peak_own_bytes = result->peak_own_bytes;
    ret->hung = result->hung;
    ret->broken = result->broken;
    snprintf(ret->why, sizeof ret->why, "%s", result->why);
}

static void note_use(void *user, const struct md_sim_view *view)
{
    struct md_replay *ret = user;
    ret->replayed.peak_used_bytes = MD_MAX(ret->replayed.peak_used_bytes, view->used_bytes);
}

static int run(const struct making *making, const struct gov_config *config,
               struct gov_recorder *recorder, struct md_replay *ret)
{
    struct md_sim_machine machine;
    struct md_sim_result result = {0};
    struct gov_recorder_stats stats;
    int r = md_sim_machine_open(&machine, &making->situation, config, NULL);
    if (r < 0)
        return r;
    (void)gov_governor_set_recorder(machine.governor, recorder);
    struct md_sim_params params = {.situation = &making->situation,
                                   .check = true,
                                   .recorder = recorder,
                                   .watch = note_use,
                                   .watch_user = ret};
    r = md_sim_run(&machine, &params, &result);
    if (r == MD_OK)
        sum_replayed(&result, ret);
    gov_recorder_stats(recorder, &stats);
    ret->replayed.waits = stats.count[GOV_EVENT_LEASE_QUEUED];
    md_sim_result_done(&result);
    md_sim_machine_close(&machine);
    return r;
}

int md_replay_run(const struct md_flight *flight, const char *device,
                  const struct gov_config *config, struct gov_recorder *recorder,
                  struct md_replay *ret, struct md_failure *failure)
{
    struct gov_recorder *own = NULL;
    *ret = (struct md_replay){0};
    md_autofree struct making *making = calloc(1, sizeof *making);
    if (!making)
        return md_fail(failure, MD_ERR_NOMEM, "no memory for the replay");
    int r = md_sim_situation_for_device(device, &making->situation, failure);
    if (r < 0)
        return r;
    snprintf(ret->device, sizeof ret->device, "%s", device);
    making->situation.seed = 1;
    sum_recorded(flight, ret);
    ret->replayed.total_bytes = making->situation.total_bytes;
    make_movies(flight, making);
    make_model(flight, making, MD_EXECUTOR_ASR, MD_STAGE_TRANSCRIPT, "recorded-asr");
    make_model(flight, making, MD_EXECUTOR_LLM, MD_STAGE_STORY, "recorded-llm");
    r = make_neighbours(flight, making, ret);
    if (r == MD_OK && !recorder && gov_recorder_new(0, &own) != GOV_OK)
        r = MD_ERR_NOMEM;
    if (r == MD_OK)
        r = run(making, config, recorder ? recorder : own, ret);
    gov_recorder_free(own);
    return r < 0 ? md_fail(failure, r, "the flight cannot be replayed on %s: %s", device,
                           md_error_text(r))
                 : r;
}
