/* The text chart has one column for each slice of time and shows the highest use within it: a peak
 * of a second is what matters and must not be averaged away. */
#include "cli/plan_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"

static const int levels[] = {70, 80, 90}; /* percent: medium, high, critical */

int64_t md_plan_use_between(const struct md_plan *plan, int64_t from_us, int64_t to_us)
{
    int64_t before = 0, most = -1;
    for (size_t i = 0; i < plan->points.n && plan->points.v[i].at_us < to_us; i++) {
        const struct md_plan_point *p = &plan->points.v[i];
        if (p->at_us < from_us)
            before = p->used_bytes;
        else
            most = MD_MAX(most, p->used_bytes);
    }
    return MD_MAX(most, before);
}

static void bytes_text(int64_t bytes, const struct md_plan_movie *movie, char *text, size_t size)
{
    if (bytes < 0)
        snprintf(text, size, "-");
    else if (bytes == 0)
        snprintf(text, size, movie->assumed ? "4.0?" : "-");
    else
        snprintf(text, size, "%.1f", (double)bytes / 1e9);
}

static void print_movies(const struct md_plan *plan, const struct md_sim_situation *s,
                         struct md_str *out)
{
    md_str_append(out, "\n  estimated GB on the device (batch)\n  shots  transcript       story"
                       "  render  from     until    OOM  movie\n");
    for (size_t m = 0; m < plan->movies.n; m++) {
        const struct md_plan_movie *movie = &plan->movies.v[m];
        char cell[MD_STAGES][32], from[24], until[24];
        for (int i = 0; i < MD_STAGES; i++) {
            char text[12];
            bytes_text(movie->estimate_bytes[i], movie, text, sizeof text);
            bool batched = md_sim_executor(s, &s->movies[m], (enum md_stage)i) != MD_EXECUTOR_MEDIA;
            if (batched)
                snprintf(cell[i], sizeof cell[i], "%s (%d)", text, MD_MAX(movie->batch[i], 1));
            else
                snprintf(cell[i], sizeof cell[i], "%s", text);
        }
        md_format_time(from, movie->start_us);
        md_format_time(until, movie->end_us);
        md_str_printf(out, "  %5s  %10s  %10s  %6s  %-7s  %-7s  %2.0f%%  %s\n",
                      cell[MD_STAGE_SHOTS], cell[MD_STAGE_TRANSCRIPT], cell[MD_STAGE_STORY],
                      cell[MD_STAGE_RENDER], from, until, 100 * movie->oom_probability,
                      s->movies[m].label);
    }
}

static void print_chart(const struct md_plan *plan, int columns, struct md_str *out)
{
    enum { ROWS = 20, LEFT = 10 };
    int width = MD_CLAMP(columns - LEFT - 2, 30, 150);
    int64_t slice_us = plan->end_us / width + 1;
    char end[24];
    md_str_append(out, "\n");
    for (int row = ROWS; row > 0; row--) {
        int percent = row * 100 / ROWS;
        bool is_level = false;
        for (size_t i = 0; i < MD_ARRAY_LEN(levels); i++)
            is_level |= percent == levels[i];
        if (is_level || row == ROWS)
            md_str_printf(out, "  %4.1f %3d%%|", (double)plan->total_bytes * percent / 1e11,
                          percent);
        else
            md_str_append(out, "           |");
        for (int x = 0; x < width; x++) {
            int64_t used = md_plan_use_between(plan, x * slice_us, (int64_t)(x + 1) * slice_us);
            double height = (double)used / (double)plan->total_bytes * ROWS;
            md_str_append_char(out, height >= row - 0.5 ? '#' : is_level ? '-' : ' ');
        }
        md_str_append(out, "\n");
    }
    md_format_time(end, plan->end_us);
    md_str_append(out, "         0 +");
    for (int x = 0; x < width; x++)
        md_str_append_char(out, '-');
    md_str_printf(out, "\n           0:00%*s\n", width - 4, end);
}

void md_plan_risks(const struct md_plan *plan, const struct md_sim_situation *s, struct md_str *out)
{
    const double worth_saying = 0.05;
    for (size_t m = 0; m < plan->movies.n; m++) {
        const struct md_plan_movie *movie = &plan->movies.v[m];
        const char *label = s->movies[m].label;
        if (movie->assumed)
            md_str_printf(out, "%s cannot be read: 4.0 GB are assumed\n", label);
        if (movie->near_cap)
            md_str_printf(out, "%s: an estimate and its buffer near the cap of %.1f GB\n", label,
                          (double)plan->cap_bytes / 1e9);
        if (movie->oom_probability >= worth_saying)
            md_str_printf(out,
                          "%s: runs out of memory in %.0f of 100 cases, and is then done in "
                          "smaller batches\n",
                          label, 100 * movie->oom_probability);
        if (movie->lost_probability > 0)
            md_str_printf(out, "%s: is lost in %.0f of 100 cases\n", label,
                          100 * movie->lost_probability);
    }
    if (plan->failed)
        md_str_printf(out, "the plan does not end well: %s\n", plan->why);
}

void md_plan_print(const struct md_plan *plan, const struct md_sim_situation *s, int columns,
                   struct md_str *out)
{
    md_autostr risks = {0};
    char total[24];
    md_format_time(total, plan->end_us);
    md_str_printf(out, "%zu movies on %s: %.1f GB, of which we may use %.1f GB; about %s\n",
                  plan->movies.n, s->device, (double)plan->total_bytes / 1e9,
                  (double)plan->cap_bytes / 1e9, total);
    md_str_printf(out, "speech %s, language %s; chances from %d runs with wrong predictions\n",
                  s->asr ? s->asr->name : "none", s->llm ? s->llm->name : "none", plan->runs);
    if (s->asr || s->llm)
        md_str_printf(out,
                      "models are loaded %" PRId64 " (speech) and %" PRId64 " (language) times%s\n",
                      plan->loads[MD_EXECUTOR_ASR], plan->loads[MD_EXECUTOR_LLM],
                      plan->takes_turns
                          ? "; there is no room for both, so transcripts come before the stories"
                          : "");
    print_movies(plan, s, out);
    print_chart(plan, columns, out);
    md_plan_risks(plan, s, &risks);
    md_str_printf(out, "\nAt risk\n%s", risks.n ? md_str_text(&risks) : "nothing\n");
}

static json_t *movie_json(const struct md_plan *plan, const struct md_sim_situation *s, size_t m)
{
    const struct md_plan_movie *movie = &plan->movies.v[m];
    json_t *stages = json_object();
    for (int i = 0; i < MD_STAGES; i++)
        if (movie->estimate_bytes[i] > 0)
            json_object_set_new(stages, md_stage_names[i],
                                json_pack("{s:I,s:i}", "estimate_bytes",
                                          (json_int_t)movie->estimate_bytes[i], "batch",
                                          MD_MAX(movie->batch[i], 1)));
    return json_pack("{s:s,s:o,s:I,s:I,s:f,s:f,s:b,s:b}", "movie", s->movies[m].label, "stages",
                     stages, "start_us", (json_int_t)movie->start_us, "end_us",
                     (json_int_t)movie->end_us, "oom_probability", movie->oom_probability,
                     "lost_probability", movie->lost_probability, "near_cap", movie->near_cap,
                     "assumed", movie->assumed);
}

json_t *md_plan_json(const struct md_plan *plan, const struct md_sim_situation *s)
{
    json_t *movies = json_array(), *memory = json_array();
    for (size_t m = 0; m < plan->movies.n; m++)
        json_array_append_new(movies, movie_json(plan, s, m));
    for (size_t i = 0; i < plan->points.n; i++)
        json_array_append_new(memory, json_pack("[I,I,I]", (json_int_t)plan->points.v[i].at_us,
                                                (json_int_t)plan->points.v[i].used_bytes,
                                                (json_int_t)plan->points.v[i].own_bytes));
    return json_pack("{s:s,s:I,s:I,s:I,s:i,s:b,s:I,s:I,s:b,s:o,s:o}", "device", s->device,
                     "total_bytes", (json_int_t)plan->total_bytes, "cap_bytes",
                     (json_int_t)plan->cap_bytes, "end_us", (json_int_t)plan->end_us, "runs",
                     plan->runs, "ends_well", !plan->failed, "speech_loads",
                     (json_int_t)plan->loads[MD_EXECUTOR_ASR], "language_loads",
                     (json_int_t)plan->loads[MD_EXECUTOR_LLM], "takes_turns", plan->takes_turns,
                     "movies", movies, "memory", memory);
}
