/* One page, no scripts: use of the device over time as steps above the levels, and below it a lane
 * for each movie with its stages on the same axis. */
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/plan_show.h"

enum { WIDTH = 1120, LEFT = 60, RIGHT = 16, CHART = 300, TOP = 16, LANE = 26 };

static const char *const stage_colours[MD_STAGES] = {"#9aa5b1", "#2f6fb0", "#53a1a8", "#7a5fa8",
                                                     "#c4702f", "#b8a13a", "#3f8f52"};

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Plan</title>\n<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;padding:0 1.5rem;"
    "max-width:1180px;color:#1d2733;background:#fbfbf9}h1{font-size:1.5rem;margin:0 0 "
    ".2rem}p{margin:.2rem 0 1rem;color:#52606d}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .8rem;text-align:right;"
    "border-bottom:1px solid #e4e7eb}td:first-child,th:first-child{text-align:left}"
    "svg{width:100%;height:auto}text{font:12px system-ui,sans-serif;fill:#52606d}"
    "li{margin:.2rem 0}.key span{display:inline-block;margin-right:1.2rem}"
    ".key i{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px}\n"
    "@media(prefers-color-scheme:dark){body{background:#14181d;color:#e4e7eb}text{fill:#9aa5b1}"
    "td,th{border-color:#323f4b}p{color:#9aa5b1}}\n</style>\n";

static double x_of(const struct md_plan *plan, int64_t us)
{
    return LEFT + (double)us / (double)MD_MAX(plan->end_us, 1) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct md_plan *plan, int64_t bytes)
{
    return TOP + CHART - (double)bytes / (double)MD_MAX(plan->total_bytes, 1) * CHART;
}

static void level_line(const struct md_plan *plan, int percent, const char *colour,
                       struct md_str *out)
{
    double y = y_of(plan, plan->total_bytes / 100 * percent);
    md_str_printf(out,
                  "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                  "stroke-dasharray=\"5 4\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d %%"
                  "</text>\n",
                  LEFT, WIDTH - RIGHT, y, y, colour, LEFT - 8, y + 4, percent);
}

/* The highest use of every pixel's time, as an area. */
static void memory_area(const struct md_plan *plan, struct md_str *out)
{
    enum { SLICES = WIDTH - LEFT - RIGHT };
    int64_t slice_us = plan->end_us / SLICES + 1;
    md_str_printf(out, "<path fill=\"#2f6fb0\" fill-opacity=\".35\" stroke=\"#2f6fb0\" d=\"M%d %d",
                  LEFT, TOP + CHART);
    for (int i = 0; i < SLICES; i++) {
        int64_t used = md_plan_use_between(plan, i * slice_us, (int64_t)(i + 1) * slice_us);
        md_str_printf(out, "L%d %.1f", LEFT + i, y_of(plan, used));
    }
    md_str_printf(out, "L%d %dZ\"/>\n", LEFT + SLICES - 1, TOP + CHART);
}

static void time_axis(const struct md_plan *plan, int bottom, struct md_str *out)
{
    enum { TICKS = 8 };
    for (int i = 0; i <= TICKS; i++) {
        char text[24];
        int64_t us = plan->end_us / TICKS * i;
        md_format_time(text, us);
        md_str_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
                      x_of(plan, us), bottom,
                      i == 0       ? "start"
                      : i == TICKS ? "end"
                                   : "middle",
                      text);
    }
}

static void lanes(const struct md_plan *plan, const struct md_sim_situation *s, struct md_str *out)
{
    for (size_t m = 0; m < plan->movies.n; m++) {
        int y = TOP + CHART + 34 + (int)m * LANE;
        for (size_t i = 0; i < plan->spans.n; i++) {
            const struct md_plan_span *span = &plan->spans.v[i];
            if (span->movie != m)
                continue;
            double from = x_of(plan, span->start_us), to = x_of(plan, span->end_us);
            md_str_printf(out,
                          "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" "
                          "fill=\"%s\"%s><title>",
                          from, y, MD_MAX(to - from, 1.0), LANE - 12, stage_colours[span->stage],
                          span->ended_well ? "" : " stroke=\"#c0392b\" stroke-width=\"2\"");
            md_str_append_xml(out, s->movies[m].label);
            md_str_printf(out, ": %s, batch %d, %.1f GB%s</title></rect>\n",
                          md_stage_names[span->stage], span->batch, (double)span->peak_bytes / 1e9,
                          span->ended_well ? "" : ", ran out of memory");
        }
        md_str_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text>\n", LEFT - 8,
                      y + 12, m + 1);
    }
}

static void chart(const struct md_plan *plan, const struct md_sim_situation *s, struct md_str *out)
{
    int height = TOP + CHART + 44 + (int)plan->movies.n * LANE;
    md_str_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"memory over time\">\n",
                  WIDTH, height);
    memory_area(plan, out);
    level_line(plan, 70, "#b8a13a", out);
    level_line(plan, 80, "#c4702f", out);
    level_line(plan, 90, "#c0392b", out);
    md_str_printf(out,
                  "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"#9aa5b1\"/>"
                  "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.1f GB</text>\n",
                  LEFT, WIDTH - RIGHT, TOP + CHART, TOP + CHART, LEFT - 8, TOP + 8,
                  (double)plan->total_bytes / 1e9);
    time_axis(plan, TOP + CHART + 18, out);
    lanes(plan, s, out);
    md_str_append(out, "</svg>\n<p class=\"key\">");
    for (int i = 0; i < MD_STAGES; i++)
        md_str_printf(out, "<span><i style=\"background:%s\"></i>%s</span>", stage_colours[i],
                      md_stage_names[i]);
    md_str_append(out, "</p>\n");
}

static void table(const struct md_plan *plan, const struct md_sim_situation *s, struct md_str *out)
{
    static const enum md_stage shown[] = {MD_STAGE_SHOTS, MD_STAGE_TRANSCRIPT, MD_STAGE_STORY,
                                          MD_STAGE_RENDER};
    md_str_append(out, "<table><tr><th>movie<th>shots<th>transcript<th>story<th>render<th>from"
                       "<th>until<th>out of memory</tr>\n");
    for (size_t m = 0; m < plan->movies.n; m++) {
        const struct md_plan_movie *movie = &plan->movies.v[m];
        char from[24], until[24];
        md_str_printf(out, "<tr><td>%zu. ", m + 1);
        md_str_append_xml(out, s->movies[m].label);
        for (size_t i = 0; i < MD_ARRAY_LEN(shown); i++) {
            int64_t bytes = movie->estimate_bytes[shown[i]];
            bool batched = md_sim_executor(s, &s->movies[m], shown[i]) != MD_EXECUTOR_MEDIA;
            if (bytes > 0 && batched)
                md_str_printf(out, "<td>%.1f GB × %d", (double)bytes / 1e9,
                              MD_MAX(movie->batch[shown[i]], 1));
            else if (bytes > 0)
                md_str_printf(out, "<td>%.1f GB", (double)bytes / 1e9);
            else
                md_str_append(out, movie->assumed && bytes == 0 ? "<td>4.0 GB?" : "<td>");
        }
        md_str_printf(out, "<td>%s<td>%s<td>%.0f %%</tr>\n", md_format_time(from, movie->start_us),
                      md_format_time(until, movie->end_us), 100 * movie->oom_probability);
    }
    md_str_append(out, "</table>\n");
}

void md_plan_html(const struct md_plan *plan, const struct md_sim_situation *s, struct md_str *out)
{
    md_autostr risks = {0};
    char total[24];
    md_str_append(out, head);
    md_str_printf(out, "<h1>%zu movies on ", plan->movies.n);
    md_str_append_xml(out, s->device);
    md_str_printf(out,
                  "</h1>\n<p>%.1f GB, of which we may use %.1f GB; about %s; speech %s, language "
                  "%s</p>\n",
                  (double)plan->total_bytes / 1e9, (double)plan->cap_bytes / 1e9,
                  md_format_time(total, plan->end_us), s->asr ? s->asr->name : "none",
                  s->llm ? s->llm->name : "none");
    chart(plan, s, out);
    table(plan, s, out);
    md_plan_risks(plan, s, &risks);
    md_str_append(out, "<h1>At risk</h1>\n<pre>");
    md_str_append_xml(out, risks.n ? md_str_text(&risks) : "nothing");
    md_str_append(out, "</pre>\n</html>\n");
}
