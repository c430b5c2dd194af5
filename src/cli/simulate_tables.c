/* One function per study for people, one for machines; the promises are functions of their own, so
 * that tests, tables and the exit status mean the same. */
#include "cli/simulate_tables.h"

#include <inttypes.h>

#include "base/clock.h"

static const double availability_wanted = 99.9, throughput_wanted = 0.95;
enum { LATE_OOMS_ALLOWED = 1, TIER_RUNS_ALLOWED = 10 };

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static const char *verdict(bool reached)
{
    return reached ? "reached" : "MISSED";
}

/* --- promises --- */

bool md_figures_survive(const struct md_figures *f)
{
    const struct md_sim_survival *on = f->governed, *off = f->ungoverned;
    return on->lost_to_memory == 0 && on->hangs == 0 && on->broken == 0 && on->wrong_results == 0 &&
           on->fallbacks == 0 && (!off || 2 * off->situations_with_losses > off->situations);
}

static double availability(const struct md_sim_availability *a)
{
    return percent(a->working_us + a->paused_us, a->working_us + a->paused_us + a->down_us);
}

bool md_figures_stay_available(const struct md_figures *f)
{
    const struct md_sim_availability *a = f->availability;
    return !a->hung && !a->broken && a->lost_to_memory == 0 && a->fallbacks == 0 &&
           availability(a) >= availability_wanted;
}

bool md_figures_are_fast(const struct md_sim_throughput *t)
{
    const struct md_sim_way *governor = &t->ways[1];
    return governor->of_oracle >= throughput_wanted && governor->done == governor->movies &&
           governor->late_ooms <= LATE_OOMS_ALLOWED;
}

bool md_figures_do_not_thrash(const struct md_figures *f)
{
    return f->thrash->runs <= TIER_RUNS_ALLOWED && f->thrash->runs_without > 2 * TIER_RUNS_ALLOWED;
}

bool md_figures_endure(const struct md_figures *f)
{
    const int64_t noise_bytes = 64 * 1024; /* buffers that had not reached their size */
    const struct md_sim_endurance *e = f->endurance;
    return !e->hung && !e->broken && e->drift_bytes == 0 && e->drift_count == 0 && e->lost == 0 &&
           e->grown_bytes < noise_bytes;
}

static bool takes_fault(const struct md_sim_sweep *s)
{
    return s->runs > 0 && s->hangs == 0 && s->broken == 0 && s->untyped == 0 &&
           s->wrong_results == 0 && (s->persistent || (s->failed == 0 && s->fallbacks == 0));
}

bool md_figures_take_faults(const struct md_figures *f)
{
    for (size_t i = 0; i < f->sweep_count; i++)
        if (!takes_fault(&f->sweeps[i]))
            return false;
    return true;
}

/* --- for people --- */

static void survival_row(struct md_str *out, const char *name, const struct md_sim_survival *s)
{
    md_str_printf(out,
                  "  %-10s %8" PRId64 "  %10" PRId64 " (%5.1f %%)  %6" PRId64 " of %-6" PRId64
                  "  %6" PRId64 "  %8" PRId64 "  %5" PRId64 "  %5" PRId64 "  %7" PRId64 "\n",
                  name, s->situations, s->situations_with_losses,
                  percent(s->situations_with_losses, s->situations), s->lost_to_memory, s->movies,
                  s->lost_otherwise, s->fallbacks, s->hangs + s->broken, s->wrong_results, s->ooms);
}

static void print_survival(const struct md_figures *f, struct md_str *out)
{
    const struct md_sim_survival *on = f->governed;
    md_str_printf(out,
                  "Survival: seed %" PRIu64 ", GPUs of 6 to 24 GB, movies of 20 min to 4 h, %.0f "
                  "days simulated\n"
                  "             situations  with losses            lost to memory  others"
                  "  no model  hangs  wrong     OOMs\n",
                  f->seed, (double)on->simulated_us / 1e6 / 86400);
    survival_row(out, "governor", on);
    if (f->ungoverned)
        survival_row(out, "off", f->ungoverned);
    for (size_t i = 0; i < on->found_count; i++)
        md_str_printf(out,
                      "  situation %" PRId64 ": %s\n"
                      "    again: moviedigest simulate --seed %" PRIu64 " --situation %" PRId64
                      " --trace\n",
                      on->found[i].situation, on->found[i].why, f->seed, on->found[i].situation);
    md_str_printf(out,
                  "  none lost to memory, no hang, the same results; off, more than half the "
                  "situations lose movies: %s\n\n",
                  verdict(md_figures_survive(f)));
}

static void print_availability(const struct md_figures *f, struct md_str *out)
{
    const struct md_sim_availability *a = f->availability;
    md_str_printf(out,
                  "Availability: %" PRId64 " days on an rtx3060 that others use too\n"
                  "  movies %" PRId64 ", lost to memory %" PRId64 ", otherwise %" PRId64
                  ", stages without their model %" PRId64 "; OOMs %" PRId64
                  ", dead or hung workers %" PRId64 "\n"
                  "  working %.4f %%  rightly paused %.4f %%  down %.4f %%\n",
                  a->days, a->movies, a->lost_to_memory, a->lost_otherwise, a->fallbacks, a->ooms,
                  a->crashes, percent(a->working_us, a->working_us + a->paused_us + a->down_us),
                  percent(a->paused_us, a->working_us + a->paused_us + a->down_us),
                  percent(a->down_us, a->working_us + a->paused_us + a->down_us));
    for (int i = 0; i < MD_SIM_DOWNS; i++)
        md_str_printf(out, "    down: %-36s %.4f %%\n", md_sim_down_names[i],
                      percent(a->down_by_us[i], a->working_us + a->paused_us + a->down_us));
    if (a->hung || a->broken)
        md_str_printf(out, "  %s: %s\n", a->hung ? "it hung" : "it broke", a->why);
    md_str_printf(out, "  at least %.1f %% working or rightly paused: %s\n\n", availability_wanted,
                  verdict(md_figures_stay_available(f)));
}

static void print_throughput(const struct md_sim_throughput *t, struct md_str *out)
{
    md_str_printf(out,
                  "Throughput on %s: %" PRId64 " movies\n"
                  "  %-32s %8s  %9s  %6s  %5s  %5s  %s\n",
                  t->device, t->ways[0].movies, "", "film h/h", "of oracle", "movies", "loads",
                  "OOMs", "late in one regime");
    for (size_t i = 0; i < t->way_count; i++) {
        const struct md_sim_way *w = &t->ways[i];
        md_str_printf(out,
                      "  %-32s %8.2f  %7.1f %%  %3" PRId64 "/%-3" PRId64 "  %5" PRId64 "  %5" PRId64
                      "  %" PRId64,
                      w->name, (double)w->film_us / (double)w->us, 100 * w->of_oracle, w->done,
                      w->movies, w->loads, w->ooms, w->late_ooms);
        if (w->chunks)
            md_str_printf(out, "   (best of all: %d chunks, %d prompts)", w->chunks, w->prompts);
        md_str_append(out, "\n");
    }
    md_str_printf(out,
                  "  governor at least %.0f %% of the oracle, at most %d OOM a regime after its "
                  "first ten movies: %s\n\n",
                  100 * throughput_wanted, LATE_OOMS_ALLOWED, verdict(md_figures_are_fast(t)));
}

static void print_thrash(const struct md_figures *f, struct md_str *out)
{
    md_str_printf(out,
                  "Thrash: use between %" PRId64 " and %" PRId64 " %% for %" PRId64 " minutes\n"
                  "  tier runs %" PRId64 "; without hysteresis and cool-downs %" PRId64 "\n"
                  "  at most %d: %s\n\n",
                  f->thrash->low_percent, f->thrash->high_percent, f->thrash->minutes,
                  f->thrash->runs, f->thrash->runs_without, TIER_RUNS_ALLOWED,
                  verdict(md_figures_do_not_thrash(f)));
}

static void print_endurance(const struct md_figures *f, struct md_str *out)
{
    const struct md_sim_endurance *e = f->endurance;
    md_str_printf(out,
                  "Endurance: %" PRId64 " stages of %" PRId64 " movies in %" PRId64
                  " nights, %" PRId64 " leases\n"
                  "  ledger's drift %" PRId64 " bytes in %" PRId64 " leases; ",
                  e->stages, e->movies, e->nights, e->leases_granted, e->drift_bytes,
                  e->drift_count);
    if (e->heap_bytes > 0)
        md_str_printf(out, "memory grew by %" PRId64 " bytes to %" PRId64 "\n", e->grown_bytes,
                      e->heap_bytes);
    else
        md_str_append(out, "memory not measured in this build\n");
    if (e->hung || e->broken || e->lost)
        md_str_printf(out, "  lost %" PRId64 " movies; %s\n", e->lost, e->why);
    md_str_printf(out, "  no drift, no growth: %s\n\n", verdict(md_figures_endure(f)));
}

static void print_sweeps(const struct md_figures *f, struct md_str *out)
{
    md_str_append(out,
                  "Fault sweep: the n-th operation of three movies fails, n = 1, 2, 3 ...\n"
                  "  operation   fault        runs  movies done  failed  most in a run  hangs  "
                  "wrong  untyped\n");
    for (size_t i = 0; i < f->sweep_count; i++) {
        const struct md_sim_sweep *s = &f->sweeps[i];
        md_str_printf(out,
                      "  %-11s %-10s %6" PRId64 "  %11" PRId64 "  %6" PRId64 "  %13" PRId64
                      "  %5" PRId64 "  %5" PRId64 "  %7" PRId64 "\n",
                      md_sim_operation_names[s->operation],
                      s->persistent ? "persistent" : "transient", s->runs, s->done, s->failed,
                      s->worst_failed, s->hangs + s->broken, s->wrong_results, s->untyped);
        if (s->first_bad)
            md_str_printf(out, "    n = %" PRId64 ": %s\n", s->first_bad, s->why);
    }
    md_str_printf(out,
                  "  transient: all done; persistent: done or a typed error, never a hang: %s\n\n",
                  verdict(md_figures_take_faults(f)));
}

void md_figures_print(const struct md_figures *f, struct md_str *out)
{
    if (f->governed)
        print_survival(f, out);
    if (f->availability)
        print_availability(f, out);
    for (size_t i = 0; i < f->throughput_count; i++)
        print_throughput(&f->throughputs[i], out);
    if (f->thrash)
        print_thrash(f, out);
    if (f->endurance)
        print_endurance(f, out);
    if (f->sweep_count)
        print_sweeps(f, out);
}

/* --- for machines --- */

static json_t *survival_json(const struct md_sim_survival *s)
{
    json_t *found = json_array();
    for (size_t i = 0; i < s->found_count; i++)
        json_array_append_new(found,
                              json_pack("{s:I,s:s}", "situation", (json_int_t)s->found[i].situation,
                                        "why", s->found[i].why));
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:o}", "situations",
                     (json_int_t)s->situations, "situations_with_losses",
                     (json_int_t)s->situations_with_losses, "movies", (json_int_t)s->movies, "done",
                     (json_int_t)s->done, "lost_to_memory", (json_int_t)s->lost_to_memory,
                     "lost_otherwise", (json_int_t)s->lost_otherwise, "hangs", (json_int_t)s->hangs,
                     "broken", (json_int_t)s->broken, "wrong_results", (json_int_t)s->wrong_results,
                     "ooms", (json_int_t)s->ooms, "stages", (json_int_t)s->stages, "simulated_days",
                     (double)s->simulated_us / 1e6 / 86400, "found", found);
}

static json_t *throughput_json(const struct md_sim_throughput *t)
{
    json_t *ways = json_array();
    for (size_t i = 0; i < t->way_count; i++) {
        const struct md_sim_way *w = &t->ways[i];
        json_array_append_new(
            ways, json_pack("{s:s,s:f,s:f,s:I,s:I,s:I,s:I,s:I}", "name", w->name,
                            "film_hours_per_hour", (double)w->film_us / (double)w->us, "of_oracle",
                            w->of_oracle, "movies", (json_int_t)w->movies, "done",
                            (json_int_t)w->done, "loads", (json_int_t)w->loads, "ooms",
                            (json_int_t)w->ooms, "late_ooms", (json_int_t)w->late_ooms));
    }
    return json_pack("{s:s,s:b,s:o}", "device", t->device, "reached", md_figures_are_fast(t),
                     "ways", ways);
}

static json_t *sweeps_json(const struct md_figures *f)
{
    json_t *sweeps = json_array();
    for (size_t i = 0; i < f->sweep_count; i++) {
        const struct md_sim_sweep *s = &f->sweeps[i];
        json_array_append_new(
            sweeps, json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "operation",
                              md_sim_operation_names[s->operation], "persistent", s->persistent,
                              "runs", (json_int_t)s->runs, "done", (json_int_t)s->done, "failed",
                              (json_int_t)s->failed, "hangs", (json_int_t)(s->hangs + s->broken),
                              "wrong_results", (json_int_t)s->wrong_results, "untyped",
                              (json_int_t)s->untyped));
    }
    return json_pack("{s:b,s:o}", "reached", md_figures_take_faults(f), "runs", sweeps);
}

static void add_availability(json_t *root, const struct md_figures *f)
{
    const struct md_sim_availability *a = f->availability;
    json_object_set_new(
        root, "availability",
        json_pack("{s:b,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:I}", "reached", md_figures_stay_available(f),
                  "days", (json_int_t)a->days, "movies", (json_int_t)a->movies, "lost_to_memory",
                  (json_int_t)a->lost_to_memory, "lost_otherwise", (json_int_t)a->lost_otherwise,
                  "percent", availability(a), "working_us", (json_int_t)a->working_us, "paused_us",
                  (json_int_t)a->paused_us, "down_us", (json_int_t)a->down_us));
    json_t *down = json_object();
    for (int i = 0; i < MD_SIM_DOWNS; i++)
        json_object_set_new(down, md_sim_down_names[i], json_integer(a->down_by_us[i]));
    json_object_set_new(json_object_get(root, "availability"), "down_by_us", down);
}

static void add_endurance(json_t *root, const struct md_figures *f)
{
    const struct md_sim_endurance *e = f->endurance;
    json_object_set_new(root, "endurance",
                        json_pack("{s:b,s:I,s:I,s:I,s:I,s:I}", "reached", md_figures_endure(f),
                                  "stages", (json_int_t)e->stages, "movies", (json_int_t)e->movies,
                                  "leases", (json_int_t)e->leases_granted, "drift_bytes",
                                  (json_int_t)e->drift_bytes, "grown_bytes",
                                  (json_int_t)e->grown_bytes));
}

json_t *md_figures_json(const struct md_figures *f)
{
    json_t *root = json_pack("{s:I}", "seed", (json_int_t)f->seed);
    json_t *throughputs = json_array();
    if (!root || !throughputs) {
        json_decref(throughputs);
        return root;
    }
    if (f->governed)
        json_object_set_new(root, "survival",
                            json_pack("{s:b,s:o,s:o}", "reached", md_figures_survive(f), "governor",
                                      survival_json(f->governed), "off",
                                      f->ungoverned ? survival_json(f->ungoverned) : json_null()));
    if (f->availability)
        add_availability(root, f);
    for (size_t i = 0; i < f->throughput_count; i++)
        json_array_append_new(throughputs, throughput_json(&f->throughputs[i]));
    json_object_set_new(root, "throughput", throughputs);
    if (f->thrash)
        json_object_set_new(root, "thrash",
                            json_pack("{s:b,s:I,s:I,s:I}", "reached", md_figures_do_not_thrash(f),
                                      "minutes", (json_int_t)f->thrash->minutes, "tier_runs",
                                      (json_int_t)f->thrash->runs, "without_hysteresis",
                                      (json_int_t)f->thrash->runs_without));
    if (f->endurance)
        add_endurance(root, f);
    if (f->sweep_count)
        json_object_set_new(root, "faults", sweeps_json(f));
    return root;
}
