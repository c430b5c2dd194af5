/* Parses, runs the studies asked for, prints. The short form is the default; --situations 10000
 * --days 1000 --stages 1000000 is the long one. */
#include "cli/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/simulate_replay.h"
#include "cli/simulate_tables.h"
#include "cli/words.h"

struct simulate {
    int64_t seed, situations, situation, days, stages, movies, sweep_most, sweep_every;
    const char *studies, *device, *replay;
    bool trace, json, help, off;
};

static const char usage[] =
    "usage: moviedigest simulate [OPTION...]\n\n"
    "Runs the memory governor and the engine in a virtual world and prints how they do: survival\n"
    "of seeded situations (and of the same with the governor off), availability, throughput\n"
    "against an oracle, thrash, endurance, and a fault sweep. With --replay: what a recorded run\n"
    "would have been on another device.\n\n";

static int fail(const char *message)
{
    fprintf(stderr, "moviedigest: %s\n", message);
    return MD_EXIT_USAGE;
}

static bool wants(const struct simulate *s, const char *study)
{
    size_t n = strlen(study);
    for (const char *at = s->studies; at && *at;) {
        size_t length = strcspn(at, ",");
        if (length == n && strncmp(at, study, n) == 0)
            return true;
        at += length + (at[length] == ',');
    }
    return strcmp(s->studies, "all") == 0;
}

/* --- one situation --- */

static void print_event(void *user, int64_t now_us, const char *line)
{
    (void)user;
    printf("%12.3f %s\n", (double)now_us / 1e6, line);
}

static void print_log(void *context, enum gov_log_level level, const char *message)
{
    (void)context;
    (void)level;
    printf("%12s %s\n", "governor", message);
}

static void print_situation(const struct md_sim_situation *s)
{
    printf("device %s, %.1f GB, reserved %.1f GB, a context %.1f GB, frees lag %.1f s, "
           "%s and %s\n",
           s->device, (double)s->total_bytes / 1e9, (double)s->reserved_bytes / 1e9,
           (double)s->context_bytes / 1e9, (double)s->lag_us / 1e6, s->asr ? s->asr->name : "-",
           s->llm ? s->llm->name : "-");
    for (size_t i = 0; i < s->neighbour_count; i++)
        printf("neighbour from %.0f s to %.0f s: %.1f to %.1f GB, shape %d, period %.0f s\n",
               (double)s->neighbours[i].at_us / 1e6, (double)s->neighbours[i].until_us / 1e6,
               (double)s->neighbours[i].low_bytes / 1e9, (double)s->neighbours[i].bytes / 1e9,
               s->neighbours[i].shape, (double)s->neighbours[i].period_us / 1e6);
    for (size_t i = 0; i < s->movie_count; i++)
        printf("movie %zu: %s%s\n", i, s->movies[i].label,
               s->movies[i].has_subtitles ? ", subtitles" : "");
}

/* One situation of the series, told step by step. */
static int replay_situation(const struct simulate *s)
{
    struct md_sim_situation situation;
    struct md_sim_machine machine;
    struct md_sim_result result;
    struct gov_log log = {.write = print_log, .lowest = GOV_LOG_DEBUG};
    md_sim_situation_make((uint64_t)s->seed, (uint64_t)s->situation, &situation);
    print_situation(&situation);
    if (md_sim_machine_open(&machine, &situation, NULL, s->trace ? &log : NULL) < 0)
        return fail("the situation's device cannot be made");
    struct md_sim_params params = {.situation = &situation,
                                   .policy = {.ungoverned = s->off},
                                   .check = true,
                                   .trace = s->trace ? print_event : NULL};
    int r = md_sim_run(&machine, &params, &result);
    bool good = r == MD_OK && !result.hung && !result.broken;
    printf("%.1f hours, %zu OOMs, %" PRId64 " steps; working %.2f %%, paused %.2f %%\n",
           (double)result.end_us / 3.6e9, result.ooms.n, result.steps,
           100.0 * (double)result.working_us / (double)MD_MAX(result.end_us, 1),
           100.0 * (double)result.paused_us / (double)MD_MAX(result.end_us, 1));
    for (size_t i = 0; i < result.movies.n; i++) {
        const struct md_sim_movie_result *movie = &result.movies.v[i];
        bool right = movie->end == MD_MOVIE_DONE && movie->is_right;
        printf("movie %zu: %s, %d OOMs %s\n", i,
               right                         ? "done"
               : movie->end == MD_MOVIE_DONE ? "done WRONG"
                                             : "lost",
               movie->ooms, movie->why);
        good = good && right;
    }
    if (result.hung || result.broken)
        printf("%s: %s\n", result.hung ? "hung" : "broken", result.why);
    md_sim_result_done(&result);
    md_sim_machine_close(&machine);
    return good ? MD_EXIT_DONE : MD_EXIT_FAILED;
}

/* --- the studies --- */

struct studies {
    struct md_sim_survival governed, ungoverned;
    struct md_sim_availability availability;
    struct md_sim_throughput throughputs[3];
    struct md_sim_thrash thrash;
    struct md_sim_endurance endurance;
    struct md_sim_sweep sweeps[2 * MD_SIM_OPERATIONS];
};

static int run_survival(const struct simulate *s, struct studies *r, struct md_figures *f)
{
    struct md_sim_survival_params params = {
        .seed = (uint64_t)s->seed, .count = s->situations, .compare = true};
    int e = md_sim_survive(&params, &r->governed);
    if (e < 0)
        return e;
    f->governed = &r->governed;
    params.policy.ungoverned = true;
    params.compare = false;
    e = md_sim_survive(&params, &r->ungoverned);
    f->ungoverned = &r->ungoverned;
    return e;
}

static int run_throughput(const struct simulate *s, struct studies *r, struct md_figures *f,
                          struct md_failure *failure)
{
    static const char *const devices[] = {"sim:8GB", "sim:rtx3060", "sim:rtx4090"};
    f->throughputs = r->throughputs;
    for (size_t i = 0; i < (s->device ? 1 : MD_ARRAY_LEN(devices)); i++) {
        int e =
            md_sim_compare_throughput((uint64_t)s->seed, s->device ? s->device : devices[i],
                                      s->movies, &r->throughputs[f->throughput_count++], failure);
        if (e < 0)
            return e;
    }
    return MD_OK;
}

static int run_sweeps(const struct simulate *s, struct studies *r, struct md_figures *f)
{
    f->sweeps = r->sweeps;
    for (int operation = 0; operation < MD_SIM_OPERATIONS; operation++)
        for (int persistent = 0; persistent < 2; persistent++) {
            int e =
                md_sim_sweep_run((uint64_t)s->seed, (enum md_sim_operation)operation, persistent,
                                 s->sweep_most, s->sweep_every, &r->sweeps[f->sweep_count++]);
            if (e < 0)
                return e;
        }
    return MD_OK;
}

static int run_studies(const struct simulate *s, struct studies *r, struct md_figures *f,
                       struct md_failure *failure)
{
    int e = MD_OK;
    if (wants(s, "survival"))
        e = run_survival(s, r, f);
    if (e == MD_OK && wants(s, "availability")) {
        e = md_sim_stay_available((uint64_t)s->seed, s->days, &r->availability);
        f->availability = &r->availability;
    }
    if (e == MD_OK && wants(s, "throughput"))
        e = run_throughput(s, r, f, failure);
    if (e == MD_OK && wants(s, "thrash")) {
        e = md_sim_thrash_run((uint64_t)s->seed, &r->thrash);
        f->thrash = &r->thrash;
    }
    if (e == MD_OK && wants(s, "endurance")) {
        e = md_sim_endure((uint64_t)s->seed, s->stages, &r->endurance);
        f->endurance = &r->endurance;
    }
    if (e == MD_OK && wants(s, "faults"))
        e = run_sweeps(s, r, f);
    return e;
}

static bool all_reached(const struct md_figures *f)
{
    bool reached = (!f->governed || md_figures_survive(f)) &&
                   (!f->availability || md_figures_stay_available(f)) &&
                   (!f->thrash || md_figures_do_not_thrash(f)) &&
                   (!f->endurance || md_figures_endure(f)) && md_figures_take_faults(f);
    for (size_t i = 0; i < f->throughput_count; i++)
        reached = reached && md_figures_are_fast(&f->throughputs[i]);
    return reached;
}

static int study(const struct simulate *s)
{
    struct md_failure failure = {0};
    struct md_figures figures = {.seed = (uint64_t)s->seed};
    md_autofree struct studies *results = calloc(1, sizeof *results);
    int r = results ? run_studies(s, results, &figures, &failure) : MD_ERR_NOMEM;
    if (r < 0)
        return fail(failure.message[0] ? failure.message : md_error_text(r));
    if (s->json) {
        json_t *root = md_figures_json(&figures);
        if (!root || json_dumpf(root, stdout, JSON_INDENT(2)) < 0)
            r = MD_ERR_NOMEM;
        puts("");
        json_decref(root);
    } else {
        md_autostr text = {0};
        md_figures_print(&figures, &text);
        fputs(md_str_text(&text), stdout);
    }
    if (r < 0)
        return fail(md_error_text(r));
    return all_reached(&figures) ? MD_EXIT_DONE : MD_EXIT_FAILED;
}

int md_simulate_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct simulate s = {.seed = 1,
                         .situations = 300,
                         .situation = -1,
                         .days = 30,
                         .stages = 20000,
                         .movies = 40,
                         .sweep_most = 0,
                         .sweep_every = 1,
                         .studies = "all"};
    const int64_t many = INT64_C(1000000000);
    const struct md_word words[] = {
        {"study", MD_WORD_TEXT, &s.studies, .metavar = "NAME[,NAME]",
         .help = "survival, availability, throughput, thrash, endurance, faults; all"},
        {"seed", MD_WORD_INT, &s.seed, 0, INT64_MAX, "N", "what everything is made from (1)"},
        {"situations", MD_WORD_INT, &s.situations, 1, many, "N", "of the survival study (300)"},
        {"situation", MD_WORD_INT, &s.situation, 0, many, "K", "run only this one of them"},
        {"trace", MD_WORD_FLAG, &s.trace, .help = "with --situation: tell every event"},
        {"ungoverned", MD_WORD_FLAG, &s.off, .help = "with --situation: the governor is off"},
        {"days", MD_WORD_INT, &s.days, 1, 100000, "N", "of the availability study (30)"},
        {"stages", MD_WORD_INT, &s.stages, 1, many, "N", "of the endurance study (20000)"},
        {"movies", MD_WORD_INT, &s.movies, 12, MD_SIM_MOVIES_MAX, "N",
         "of the throughput study (40)"},
        {"device", MD_WORD_TEXT, &s.device, .metavar = "SIM",
         .help = "of the throughput study (sim:8GB, sim:rtx3060, sim:rtx4090) and of --replay"},
        {"replay", MD_WORD_TEXT, &s.replay, .metavar = "FILE",
         .help = "run a recorded flight (run --flight, flight.jsonl) again on --device"},
        {"faults", MD_WORD_INT, &s.sweep_most, 0, many, "N",
         "at most so many runs for each kind of fault (0: all)"},
        {"every", MD_WORD_INT, &s.sweep_every, 1, many, "N",
         "fail only each so-manieth operation (1)"},
        {"json", MD_WORD_FLAG, &s.json, .help = "print JSON"},
        {"help", MD_WORD_FLAG, &s.help, .help = "this text"},
        {.name = NULL},
    };
    struct md_failure failure = {0};
    struct md_paths rest = {0};
    int r = md_words_parse(words, argc, argv, &rest, &failure);
    if (r == MD_OK && rest.n > 0)
        r = md_fail(&failure, MD_ERR_INPUT, "\"%.100s\" is not known; see simulate --help",
                    rest.v[0]);
    md_vec_done(&rest);
    if (r < 0)
        return fail(failure.message);
    if (s.help) {
        md_autostr text = {0};
        md_str_append(&text, usage);
        md_words_help(words, &text);
        fputs(md_str_text(&text), stdout);
        return MD_EXIT_DONE;
    }
    if (s.replay)
        return md_simulate_replay(s.replay, s.device, s.json);
    return s.situation >= 0 ? replay_situation(&s) : study(&s);
}
