/* The timeline: one SVG per lane, without a viewBox, so that positions in percent stretch with the
 * page while text and strokes keep their size. Curves, which cannot have percentages, are nested
 * SVGs with one. Everything is bounded: a film of 3000 shots and one of 30 give pages of like size.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/outputs_text.h"
#include "render/report.h"
#include "render/report_template.h"

enum {
    STRIP_COLUMNS = 1200, /* of the picture strip: a wide screen has about as many pixels for it */
    STRIP_ROWS = 32,
    STRIP_HEIGHT = 76,
    MAX_SHOT_TIPS = 1500, /* shots with a tooltip of their own */
    MAX_MARKS = 600,
    CURVE_POINTS = 600,
    CURVE_HEIGHT = 46,
};

static double percent(const struct md_report *report, int64_t us)
{
    double p = 100 * (double)us / (double)report->duration_us;
    return MD_CLAMP(p, 0.0, 100.0);
}

/* "<rect class=... x=... width=.../>" over a time range, left open for a child. */
static void open_rect(struct md_str *out, const struct md_report *report, const char *class_name,
                      int64_t start_us, int64_t end_us, int y, int height)
{
    double x = percent(report, start_us), w = percent(report, end_us) - x;
    md_str_printf(out, "<rect class=\"%s\" x=\"%.3f%%\" y=\"%d\" width=\"%.3f%%\" height=\"%d\">",
                  class_name, x, y, MD_MAX(w, 0.0), height);
}

static void close_with_title(struct md_str *out, const char *element, const char *title)
{
    md_str_append(out, "<title>");
    md_text_xml(out, title);
    md_str_printf(out, "</title></%s>", element);
}

static void put_lane(struct md_str *out, const char *id, const char *name, const char *about,
                     int height, const struct md_str *marks)
{
    char text[12];
    snprintf(text, sizeof text, "%d", height);
    out->failed |= md_str_failed(marks);
    if (marks->n)
        md_report_put(out, "lane", {"id", id}, {"name", name}, {"about", about}, {"height", text},
                      {"marks", md_str_text(marks)});
}

static void lane_acts(struct md_str *out, const struct md_report *report)
{
    md_autostr marks = {0};
    const struct md_story *story = report->o->story;
    for (size_t i = 0; i < story->acts.n; i++) {
        const struct md_act_range *act = &story->acts.v[i];
        char name[8], title[128], range[64];
        double x = percent(report, act->start_us), w = percent(report, act->end_us) - x;
        snprintf(name, sizeof name, "a%d", md_report_act_number(act->act));
        snprintf(title, sizeof title, "%s, %s", md_act_titles[act->act],
                 md_report_range(range, act->start_us, act->end_us));
        open_rect(&marks, report, name, act->start_us, act->end_us, 0, 24);
        close_with_title(&marks, "rect", title);
        /* A nested svg clips a name that is too long for its act. */
        md_str_printf(&marks,
                      "<svg x=\"%.3f%%\" width=\"%.3f%%\" height=\"24\" pointer-events=\"none\">"
                      "<text x=\"6\" y=\"16\">%s</text></svg>",
                      x, MD_MAX(w, 0.0), md_act_titles[act->act]);
    }
    put_lane(out, "acts", "Acts", "The acts of the movie", 24, &marks);
}

/* Without a key frame: a grey of the shot's brightness. */
static void plain_column(const struct md_shot *shot, uint32_t *colours, size_t n)
{
    uint32_t grey = (uint32_t)(255 * MD_CLAMP((double)shot->luma, 0.0, 1.0));
    for (size_t i = 0; i < n; i++)
        colours[i] = grey << 16 | grey << 8 | grey;
}

/* One pixel column per 1/STRIP_COLUMNS of the movie, from the key frame of the shot there. */
static bool fill_strip(struct md_report *report, uint32_t *pixels)
{
    uint32_t column[STRIP_ROWS];
    int64_t last = -1;
    const struct md_shot_vec *shots = &report->o->shots->shots;
    for (int x = 0; x < STRIP_COLUMNS; x++) {
        int64_t us = (int64_t)((double)report->duration_us * (x + 0.5) / STRIP_COLUMNS);
        int64_t at = md_outputs_shot_at(report->o, us);
        if (at < 0 || (x % 64 == 0 && md_stage_cancelled(report->o->env)))
            return false;
        if (at != last &&
            !md_report_images_column(report->images, shots->v[at].key_image, column, STRIP_ROWS))
            plain_column(&shots->v[at], column, STRIP_ROWS);
        last = at;
        for (int y = 0; y < STRIP_ROWS; y++)
            pixels[y * STRIP_COLUMNS + x] = column[y];
    }
    return true;
}

static void append_strip(struct md_str *out, struct md_report *report)
{
    md_autofree uint32_t *pixels = calloc((size_t)STRIP_COLUMNS * STRIP_ROWS, sizeof *pixels);
    md_autostr uri = {0};
    if (!pixels || !fill_strip(report, pixels) ||
        !md_report_images_append_pixels(report->images, pixels, STRIP_COLUMNS, STRIP_ROWS, &uri))
        return;
    md_str_printf(out,
                  "<image href=\"%s\" width=\"100%%\" height=\"%d\" preserveAspectRatio=\"none\"/>",
                  md_str_text(&uri), STRIP_HEIGHT);
}

static void append_shot_tips(struct md_str *out, const struct md_report *report)
{
    const struct md_shot_vec *shots = &report->o->shots->shots;
    for (size_t i = 0; i < shots->n && shots->n <= MAX_SHOT_TIPS; i++) {
        char title[128], range[64];
        snprintf(title, sizeof title, "Shot %zu, %s%s", i + 1,
                 md_report_range(range, shots->v[i].start_us, shots->v[i].end_us),
                 shots->v[i].credits ? ", credits" : "");
        open_rect(out, report, "shot", shots->v[i].start_us, shots->v[i].end_us, 0, STRIP_HEIGHT);
        close_with_title(out, "rect", title);
    }
}

static void append_credits(struct md_str *out, const struct md_report *report, int height)
{
    const double wide_enough = 6; /* percent, for the word inside */
    for (size_t i = 0; i < report->o->shots->credits.n && i < MAX_MARKS; i++) {
        const struct md_credits *credits = &report->o->shots->credits.v[i];
        double x = percent(report, credits->start_us);
        open_rect(out, report, "credits", credits->start_us, credits->end_us, 0, height);
        close_with_title(out, "rect", credits->rolling ? "Rolling credits" : "Credits");
        if (percent(report, credits->end_us) - x >= wide_enough)
            md_str_printf(out,
                          "<svg x=\"%.3f%%\"><text class=\"oncredits\" x=\"8\" y=\"18\">"
                          "Credits</text></svg>",
                          x);
    }
}

static void lane_pictures(struct md_str *out, struct md_report *report)
{
    md_autostr marks = {0};
    char about[64];
    if (report->o->shots->shots.n == 0)
        return;
    append_strip(&marks, report);
    append_shot_tips(&marks, report);
    append_credits(&marks, report, STRIP_HEIGHT);
    snprintf(about, sizeof about, "%zu shots, coloured by their key frames",
             report->o->shots->shots.n);
    put_lane(out, "pictures", "Shots", about, STRIP_HEIGHT, &marks);
}

static const char *transition_class(int transition)
{
    switch (transition) {
    case MD_TRANSITION_DISSOLVE:
        return "soft";
    case MD_TRANSITION_FADE_BLACK:
    case MD_TRANSITION_FADE_WHITE:
        return "fade";
    case MD_TRANSITION_WIPE:
        return "wipe";
    default:
        return NULL;
    }
}

static void append_transition(struct md_str *out, const struct md_report *report,
                              const struct md_shot *shot, const char *class_name)
{
    char title[96], time[24];
    double x = percent(report, shot->start_us);
    snprintf(title, sizeof title, "%s at %s", md_transition_names[shot->transition],
             md_format_time(time, shot->start_us));
    md_str_printf(out, "<svg class=\"open\" x=\"%.3f%%\"><path class=\"%s\" d=\"%s\">", x,
                  class_name,
                  shot->transition == MD_TRANSITION_DISSOLVE ? "M0 0l4 6l-4 6l-4-6z"
                  : shot->transition == MD_TRANSITION_WIPE   ? "M-3 1h6v10h-6z"
                                                             : "M-5 2h10l-5 9z");
    close_with_title(out, "path", title);
    md_str_append(out, "</svg>");
}

/* Marks of a long film would lie on each other: one is drawn only where the last is far enough. */
static void lane_transitions(struct md_str *out, const struct md_report *report)
{
    const double apart = 100.0 / MAX_MARKS;
    const struct md_shot_vec *shots = &report->o->shots->shots;
    md_autostr marks = {0};
    double last = -apart;
    for (size_t i = 1; i < shots->n; i++) {
        const char *class_name = transition_class(shots->v[i].transition);
        double x = percent(report, shots->v[i].start_us);
        if (class_name && x - last >= apart) {
            append_transition(&marks, report, &shots->v[i], class_name);
            last = x;
        } else if (!class_name && shots->n <= MAX_MARKS) {
            md_str_printf(&marks,
                          "<line class=\"cut\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"2\" y2=\"10\"/>", x,
                          x);
        }
    }
    put_lane(out, "transitions", "Transitions", "Cuts, dissolves, fades and wipes", 12, &marks);
}

static void lane_chosen(struct md_str *out, const struct md_report *report)
{
    enum { HEIGHT = 22 };
    const double wide_enough = 1.6; /* percent, for a number inside */
    const struct md_outputs *o = report->o;
    md_autostr marks = {0};
    if (o->piece_count == 0)
        return;
    md_str_printf(&marks, "<rect class=\"bed\" width=\"100%%\" height=\"%d\" rx=\"3\"/>", HEIGHT);
    for (size_t i = 0; i < o->piece_count; i++) {
        const struct md_output_piece *at = &o->pieces[i];
        double x = percent(report, at->start_us), w = percent(report, at->end_us) - x;
        char title[400], range[64];
        snprintf(title, sizeof title, "Piece %zu, %s%s%.280s", i + 1,
                 md_report_range(range, at->start_us, at->end_us),
                 at->piece && at->piece->reasons.n ? ": " : "",
                 at->piece && at->piece->reasons.n ? at->piece->reasons.v[0] : "");
        md_str_printf(&marks, "<a href=\"#piece-%zu\">", i + 1);
        md_str_printf(&marks,
                      "<rect class=\"chosen-part\" x=\"%.3f%%\" width=\"%.3f%%\" height=\"%d\" "
                      "rx=\"3\">",
                      x, MD_MAX(w, 0.15), HEIGHT);
        close_with_title(&marks, "rect", title);
        if (w >= wide_enough)
            md_str_printf(&marks, "<text class=\"onchosen\" x=\"%.3f%%\" y=\"15\">%zu</text>",
                          x + w / 2, i + 1);
        md_str_append(&marks, "</a>");
    }
    put_lane(out, "chosen", "In the digest", "The pieces chosen for the digest", HEIGHT, &marks);
}

static void lane_moments(struct md_str *out, const struct md_report *report)
{
    const struct md_key_moment_vec *moments = &report->o->story->key_moments;
    md_autostr marks = {0};
    for (size_t i = 0; i < moments->n && i < MAX_MARKS; i++) {
        const struct md_key_moment *moment = &moments->v[i];
        char title[400], time[24];
        snprintf(title, sizeof title, "%s: %.320s", md_format_time(time, moment->time_us),
                 moment->quote    ? moment->quote
                 : moment->reason ? moment->reason
                                  : "");
        md_str_printf(&marks, "<a href=\"#moment-%zu\">", i + 1);
        md_str_printf(&marks, "<circle class=\"star\" cx=\"%.3f%%\" cy=\"9\" r=\"%.1f\">",
                      percent(report, moment->time_us),
                      4 + 4 * MD_CLAMP((double)moment->score, 0.0, 1.0));
        close_with_title(&marks, "circle", title);
        md_str_append(&marks, "</a>");
    }
    put_lane(out, "moments", "Key moments", "Key moments", 18, &marks);
}

/* A curve of at most CURVE_POINTS points: the largest value of each run, as peaks are what one
 * looks for. values are scaled to 0..1 by (value - low) / (high - low). */
static void append_curve(struct md_str *out, const struct md_floats *values, double low,
                         double high, double share, const char *area, const char *line)
{
    size_t points = MD_MIN(values->n, (size_t)CURVE_POINTS);
    md_autostr path = {0};
    for (size_t i = 0; i < points; i++) {
        size_t from = i * values->n / points, to = (i + 1) * values->n / points;
        double most = 0;
        for (size_t k = from; k < to; k++) {
            double v = ((double)values->v[k] - low) / (high - low);
            most = v > most ? v : most;
        }
        md_str_printf(&path, "%s%.1f %.1f", i ? "L" : "M",
                      1000 * share * ((double)i + 0.5) / (double)points,
                      100 - 100 * MD_MIN(most, 1.0));
    }
    md_str_printf(out,
                  "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 1000 100\" "
                  "preserveAspectRatio=\"none\"><path class=\"%s\" d=\"%sL%.1f 100L0 100z\"/>"
                  "<path class=\"%s\" d=\"%s\"/></svg>",
                  CURVE_HEIGHT, area, md_str_text(&path), 1000 * share, line, md_str_text(&path));
    out->failed |= md_str_failed(&path);
}

static void lane_loudness(struct md_str *out, const struct md_report *report)
{
    const double quiet_lufs = -50, loud_lufs = -5;
    const struct md_audio *audio = report->o->audio;
    md_autostr marks = {0};
    char about[96];
    if (!audio->present || audio->loudness.n < 2 || audio->window_us <= 0)
        return;
    double covered = (double)audio->loudness.n * (double)audio->window_us;
    append_curve(&marks, &audio->loudness, quiet_lufs, loud_lufs,
                 MD_MIN(covered / (double)report->duration_us, 1.0), "loud", "loudline");
    snprintf(about, sizeof about, "Loudness over time, %.1f LUFS overall", audio->integrated_lufs);
    put_lane(out, "loudness", "Loudness", about, CURVE_HEIGHT, &marks);
}

static void lane_motion(struct md_str *out, const struct md_report *report)
{
    const struct md_floats *curve = &report->o->shots->motion_curve;
    md_autostr marks = {0};
    double most = 0.05;
    if (curve->n < 2)
        return;
    for (size_t i = 0; i < curve->n; i++)
        most = MD_MAX(most, (double)curve->v[i]);
    double covered = (double)curve->n * MD_SECOND_US;
    append_curve(&marks, curve, 0, most, MD_MIN(covered / (double)report->duration_us, 1.0), "move",
                 "moveline");
    put_lane(out, "motion", "Motion", "Motion over time", CURVE_HEIGHT, &marks);
}

static void append_sound(struct md_str *out, const struct md_report *report, int sound,
                         int64_t start_us, int64_t end_us)
{
    char title[96], times[64];
    snprintf(title, sizeof title, "%s, %s", md_sound_names[sound],
             md_report_range(times, start_us, end_us));
    open_rect(out, report, md_sound_names[sound], start_us, end_us, 0, 14);
    close_with_title(out, "rect", title);
}

/* What is heard most in [start, end); *next is the first range that may reach into it. */
static int main_sound(const struct md_sound_vec *ranges, int64_t start_us, int64_t end_us,
                      size_t *next)
{
    int64_t heard[MD_SOUND_OTHER + 1] = {0};
    int most = -1;
    while (*next < ranges->n && ranges->v[*next].end_us <= start_us)
        (*next)++;
    for (size_t i = *next; i < ranges->n && ranges->v[i].start_us < end_us; i++) {
        int sound = MD_CLAMP(ranges->v[i].sound, MD_SOUND_SILENCE, MD_SOUND_OTHER);
        heard[sound] +=
            MD_MIN(end_us, ranges->v[i].end_us) - MD_MAX(start_us, ranges->v[i].start_us);
    }
    for (int sound = 0; sound <= MD_SOUND_OTHER; sound++)
        if (heard[sound] > 0 && (most < 0 || heard[sound] > heard[most]))
            most = sound;
    return most;
}

/* In columns, neighbours of one kind joined, so that a film of ten thousand ranges draws at most
 * MAX_MARKS of them. */
static void lane_sound(struct md_str *out, const struct md_report *report)
{
    const struct md_sound_vec *ranges = &report->o->audio->ranges;
    md_autostr marks = {0};
    size_t next = 0;
    int last = -1;
    int64_t since_us = 0;
    if (ranges->n == 0)
        return;
    md_str_append(&marks, "<rect class=\"bed\" width=\"100%\" height=\"14\"/>");
    for (int column = 0; column <= MAX_MARKS; column++) {
        int64_t start = (int64_t)((double)report->duration_us * column / MAX_MARKS);
        int64_t end = (int64_t)((double)report->duration_us * (column + 1) / MAX_MARKS);
        int sound = column < MAX_MARKS ? main_sound(ranges, start, end, &next) : -1;
        if (sound == last)
            continue;
        if (last >= 0)
            append_sound(&marks, report, last, since_us, start);
        last = sound;
        since_us = start;
    }
    put_lane(out, "sound", "Sound", "Speech, music and silence over time", 14, &marks);
}

/* A step that gives four to ten ticks. */
static int64_t tick_step_us(int64_t duration_us)
{
    static const int steps_s[] = {1,   2,   5,   10,   15,   30,   60,    120,
                                  300, 600, 900, 1800, 3600, 7200, 14400, 36000};
    for (size_t i = 0; i < MD_ARRAY_LEN(steps_s); i++)
        if (duration_us / (steps_s[i] * MD_SECOND_US) <= 9)
            return steps_s[i] * MD_SECOND_US;
    return MD_MAX(duration_us / 8, MD_SECOND_US);
}

static void lane_axis(struct md_str *out, const struct md_report *report)
{
    int64_t step = tick_step_us(report->duration_us);
    md_autostr marks = {0};
    md_str_printf(&marks, "<g data-duration=\"%.3f\">", (double)report->duration_us / 1e6);
    for (int64_t us = 0; us <= report->duration_us; us += step) {
        char time[24];
        double x = percent(report, us);
        if (x > 97)
            break;
        md_str_printf(&marks,
                      "<line class=\"tick\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"5\"/>"
                      "<text%s x=\"%.3f%%\" y=\"17\">%s</text>",
                      x, x, us == 0 ? " class=\"first\"" : "", x, md_format_time(time, us));
    }
    md_str_append(&marks, "</g>");
    put_lane(out, "axis", "", "Time", 20, &marks);
}

static bool has_transition(const struct md_report *report, int a, int b)
{
    for (size_t i = 0; i < report->o->shots->shots.n; i++)
        if (report->o->shots->shots.v[i].transition == a ||
            report->o->shots->shots.v[i].transition == b)
            return true;
    return false;
}

static void append_legend(struct md_str *out, const struct md_report *report)
{
    const struct {
        const char *kind, *name;
        bool shown;
    } entries[] = {
        {"soft", "dissolve", has_transition(report, MD_TRANSITION_DISSOLVE, -1)},
        {"fade", "fade",
         has_transition(report, MD_TRANSITION_FADE_BLACK, MD_TRANSITION_FADE_WHITE)},
        {"wipe", "wipe", has_transition(report, MD_TRANSITION_WIPE, -1)},
        {"speech", "speech", report->o->audio->ranges.n > 0},
        {"music", "music", report->o->audio->ranges.n > 0},
        {"other", "other sound", report->o->audio->ranges.n > 0},
        {"silence", "silence", report->o->audio->ranges.n > 0},
    };
    for (size_t i = 0; i < MD_ARRAY_LEN(entries); i++)
        if (entries[i].shown)
            md_report_put(out, "legend", {"kind", entries[i].kind}, {"name", entries[i].name});
}

void md_report_timeline(struct md_str *out, struct md_report *report)
{
    md_autostr lanes = {0}, legend = {0};
    lane_acts(&lanes, report);
    lane_pictures(&lanes, report);
    lane_transitions(&lanes, report);
    lane_chosen(&lanes, report);
    lane_moments(&lanes, report);
    lane_loudness(&lanes, report);
    lane_sound(&lanes, report);
    lane_motion(&lanes, report);
    lane_axis(&lanes, report);
    append_legend(&legend, report);
    md_report_put(out, "timeline", {"lanes", md_str_text(&lanes)},
                  {"legend", md_str_text(&legend)});
    out->failed |= md_str_failed(&lanes) || md_str_failed(&legend);
}
