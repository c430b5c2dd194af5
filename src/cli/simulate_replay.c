/* Reads, runs, prints: the recording beside the replay. */
#include "cli/simulate_replay.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/command.h"
#include "sim/replay.h"

static const char *const end_names[] = {[MD_FLIGHT_OPEN] = "open",
                                        [MD_FLIGHT_DONE] = "done",
                                        [MD_FLIGHT_LOST] = "lost",
                                        [MD_FLIGHT_CANCELLED] = "cancelled"};

static int fail(const char *message)
{
    fprintf(stderr, "moviedigest: %s\n", message);
    return MD_EXIT_USAGE;
}

/* --- for people --- */

static void count_row(struct md_str *out, const char *name, int64_t recorded, int64_t replayed)
{
    md_str_printf(out, "  %-24s %12" PRId64 "  %12" PRId64 "\n", name, recorded, replayed);
}

static void bytes_row(struct md_str *out, const char *name, int64_t recorded, int64_t replayed)
{
    md_str_printf(out, "  %-24s %9.2f GB  %9.2f GB\n", name, (double)recorded / 1e9,
                  (double)replayed / 1e9);
}

static void print_movies(const struct md_flight *flight, const struct md_replay *r,
                         struct md_str *out)
{
    md_str_printf(out, "\n  %-32s %10s %5s  %10s %5s\n", "movie", "recorded", "OOMs", "replayed",
                  "OOMs");
    for (size_t i = 0; i < r->movie_count; i++) {
        const struct md_replay_movie *m = &r->movies[i];
        md_str_printf(out, "  %-32.48s %10s %5" PRId64 "  %10s %5" PRId64 "%s%s\n",
                      flight->movies.v[i].label, end_names[m->recorded], m->recorded_ooms,
                      end_names[m->replayed], m->replayed_ooms, m->why[0] ? "  " : "", m->why);
    }
}

static void print_remarks(const struct md_flight *flight, const struct md_replay *r,
                          struct md_str *out)
{
    if (r->recorded.open)
        md_str_printf(out, "  open: the flight does not tell how these movies ended\n");
    if (flight->skipped)
        md_str_printf(out,
                      "  %zu damaged lines were skipped (or were too many), the first is line "
                      "%zu\n",
                      flight->skipped, flight->first_skipped);
    if (flight->left_out)
        md_str_printf(out, "  only the first %zu movies are replayed\n", r->movie_count);
    if (r->neighbours_are_clipped)
        md_str_printf(out, "  neighbours held more than 90 %% of this device: they get no more\n");
    if (r->hung || r->broken)
        md_str_printf(out, "  %s: %s\n", r->hung ? "it hung" : "it broke", r->why);
}

static void print(const char *path, const struct md_flight *flight, const struct md_replay *r,
                  struct md_str *out)
{
    const struct md_replay_side *a = &r->recorded, *b = &r->replayed;
    md_str_printf(out,
                  "Replay of %s: recorded on %s, replayed on %s\n"
                  "  %-24s %12s  %12s\n",
                  path, flight->device[0] ? flight->device : "a device that is not named",
                  r->device, "", "recorded", "replayed");
    bytes_row(out, "device", a->total_bytes, b->total_bytes);
    count_row(out, "movies", a->movies, b->movies);
    count_row(out, "movies done", a->done, b->done);
    count_row(out, "movies lost", a->lost, b->lost);
    count_row(out, "out-of-memories", a->ooms, b->ooms);
    count_row(out, "waits for memory", a->waits, b->waits);
    md_str_printf(out, "  %-24s %10.1f s  %10.1f s\n", "total time", (double)a->took_us / 1e6,
                  (double)b->took_us / 1e6);
    bytes_row(out, "peak use, ours", a->peak_own_bytes, b->peak_own_bytes);
    bytes_row(out, "peak use, all", a->peak_used_bytes, b->peak_used_bytes);
    print_movies(flight, r, out);
    print_remarks(flight, r, out);
}

/* --- for machines --- */

static json_t *side_json(const struct md_replay_side *side)
{
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "device_bytes", (json_int_t)side->total_bytes,
        "movies", (json_int_t)side->movies, "done", (json_int_t)side->done, "lost",
        (json_int_t)side->lost, "open", (json_int_t)side->open, "ooms", (json_int_t)side->ooms,
        "waits", (json_int_t)side->waits, "took_us", (json_int_t)side->took_us, "peak_own_bytes",
        (json_int_t)side->peak_own_bytes, "peak_used_bytes", (json_int_t)side->peak_used_bytes);
}

static json_t *stages_json(const struct md_flight_movie *movie)
{
    json_t *stages = json_array();
    for (int s = 0; s < MD_STAGES; s++) {
        const struct md_flight_stage *stage = &movie->stages[s];
        if (stage->held_us <= 0)
            continue;
        json_array_append_new(
            stages, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "stage", md_stage_names[s],
                              "asked_us", (json_int_t)stage->asked_us, "held_us",
                              (json_int_t)stage->held_us, "predicted_bytes",
                              (json_int_t)stage->predicted_bytes, "granted_bytes",
                              (json_int_t)stage->granted_bytes, "peak_bytes",
                              (json_int_t)stage->peak_bytes, "batch", (json_int_t)stage->batch,
                              "waits", (json_int_t)stage->waits, "ooms", (json_int_t)stage->ooms));
    }
    return stages;
}

static json_t *replay_json(const struct md_flight *flight, const struct md_replay *r)
{
    json_t *movies = json_array();
    for (size_t i = 0; i < r->movie_count; i++) {
        const struct md_replay_movie *m = &r->movies[i];
        json_array_append_new(
            movies, json_pack("{s:s,s:s,s:s,s:I,s:I,s:s,s:o}", "movie", flight->movies.v[i].label,
                              "recorded", end_names[m->recorded], "replayed",
                              end_names[m->replayed], "recorded_ooms", (json_int_t)m->recorded_ooms,
                              "replayed_ooms", (json_int_t)m->replayed_ooms, "why", m->why,
                              "recorded_stages", stages_json(&flight->movies.v[i])));
    }
    return json_pack("{s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:b,s:b,s:o}", "recorded_on", flight->device,
                     "replayed_on", r->device, "recorded", side_json(&r->recorded), "replayed",
                     side_json(&r->replayed), "events", (json_int_t)flight->events, "skipped_lines",
                     (json_int_t)flight->skipped, "neighbours", (json_int_t)r->neighbours,
                     "neighbours_clipped", r->neighbours_are_clipped, "broken",
                     r->hung || r->broken, "movies", movies);
}

/* --- */

static int show(const char *path, const struct md_flight *flight, const struct md_replay *replay,
                bool as_json)
{
    if (as_json) {
        json_t *root = replay_json(flight, replay);
        int r = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
        puts("");
        json_decref(root);
        if (r < 0)
            return fail(md_error_text(MD_ERR_NOMEM));
    } else {
        md_autostr text = {0};
        print(path, flight, replay, &text);
        fputs(md_str_text(&text), stdout);
    }
    bool good =
        !replay->hung && !replay->broken && replay->replayed.done == replay->replayed.movies;
    return good ? MD_EXIT_DONE : MD_EXIT_FAILED;
}

int md_simulate_replay(const char *path, const char *device, bool as_json)
{
    struct md_flight flight;
    struct md_failure failure = {0};
    char same_size[32];
    md_autofree struct md_replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return fail(md_error_text(MD_ERR_NOMEM));
    int r = md_flight_load(path, &flight, &failure);
    if (r == MD_OK && !device) {
        int64_t mb = flight.total_bytes / GOV_MB;
        if (mb <= 0)
            r = md_fail(&failure, MD_ERR_INPUT,
                        "%s does not say its device's size; name one with --device", path);
        snprintf(same_size, sizeof same_size, "sim:%" PRId64 "MB", mb);
        device = same_size;
    }
    if (r == MD_OK)
        r = md_replay_run(&flight, device, NULL, NULL, replay, &failure);
    int status = r < 0 ? fail(failure.message) : show(path, &flight, replay, as_json);
    md_flight_done(&flight);
    return status;
}
