/* The chosen pieces, each with some of its key frames, and a sheet of all shots. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/report.h"
#include "render/report_template.h"

enum { FRAME_WIDTH = 288, MAX_PIECES = 400, SHEET_WIDTH = 176, MAX_SHEET = 240 };

/* Fewer frames a piece where there are many pieces. */
static int64_t frames_per_piece(size_t pieces)
{
    return pieces <= 60 ? 4 : pieces <= 150 ? 2 : 1;
}

/* Frames spread evenly over the shots that the piece shows. */
static void append_frames(struct md_str *out, struct md_report *report,
                          const struct md_output_piece *at)
{
    int64_t first = md_outputs_shot_at(report->o, at->start_us);
    int64_t last = md_outputs_shot_at(report->o, MD_MAX(at->end_us - 1, at->start_us));
    if (first < 0)
        return;
    int64_t shots = last - first + 1, wanted = frames_per_piece(report->o->piece_count);
    int64_t n = MD_MIN(shots, wanted);
    for (int64_t i = 0; i < n; i++) {
        struct md_report_picture picture;
        md_report_picture(report, first + (2 * i + 1) * shots / (2 * n), FRAME_WIDTH, &picture);
        if (picture.uri.n)
            md_report_put(out, "frame", {"image", md_str_text(&picture.uri)}, {"alt", picture.alt},
                          {"width", picture.width}, {"height", picture.height});
        md_str_done(&picture.uri);
    }
}

/* The first words of a piece. */
static void append_words(struct md_str *out, const struct md_report *report,
                         const struct md_output_piece *at)
{
    enum { ENOUGH = 220 };
    const struct md_cue_vec *cues = &report->o->transcript->cues;
    for (size_t i = 0; i < cues->n && out->n < ENOUGH; i++) {
        const struct md_cue *cue = &cues->v[i];
        if (cue->start_us >= at->end_us)
            return;
        if (cue->is_sound || cue->start_us < at->start_us)
            continue;
        md_str_append(out, out->n ? " " : "");
        md_str_append(out, cue->text);
    }
    if (out->n >= ENOUGH)
        md_str_append(out, " \xE2\x80\xA6");
}

static void append_piece(struct md_str *out, struct md_report *report, size_t i)
{
    const struct md_outputs *o = report->o;
    const struct md_output_piece *at = &o->pieces[i];
    const struct md_segment *segment = md_outputs_segment_at(o, at->start_us);
    md_autostr frames = {0}, reasons = {0}, words = {0}, meter = {0}, jump = {0};
    char number[12], act[12], range[64], length[32], digest[24], seconds[32];
    append_frames(&frames, report, at);
    append_words(&words, report, at);
    for (size_t k = 0; at->piece && k < at->piece->reasons.n; k++)
        md_report_put(&reasons, "reason", {"text", at->piece->reasons.v[k]});
    if (at->piece)
        md_report_meter(&meter, "Score", (double)at->piece->score);
    snprintf(number, sizeof number, "%zu", i + 1);
    snprintf(act, sizeof act, "%d", at->piece ? md_report_act_number(at->piece->act) : 0);
    snprintf(length, sizeof length, "%.1f s", (double)(at->end_us - at->start_us) / 1e6);
    snprintf(seconds, sizeof seconds, "%.3f", (double)at->digest_us / 1e6);
    /* Without the script the link opens the digest at that place (media fragment). */
    if (o->render->video)
        md_str_append_uri_path(&jump, o->render->video);
    md_str_printf(&jump, "#t=%s", seconds);
    md_report_put(out, "piece", {"act", act}, {"number", number}, {"frames", md_str_text(&frames)},
                  {"name", segment && segment->title ? segment->title : "Scene"},
                  {"range", md_report_range(range, at->start_us, at->end_us)}, {"length", length},
                  {"digestseconds", seconds}, {"jump", md_str_text(&jump)},
                  {"digesttime", md_format_time(digest, at->digest_us)},
                  {"actname", at->piece ? md_act_titles[at->piece->act] : ""},
                  {"meter", md_str_text(&meter)}, {"reasons", md_str_text(&reasons)},
                  {"words", md_str_text(&words)});
    out->failed |= md_str_failed(&frames) || md_str_failed(&reasons) || md_str_failed(&words) ||
                   md_str_failed(&meter) || md_str_failed(&jump);
}

void md_report_pieces(struct md_str *out, struct md_report *report)
{
    md_autostr rows = {0};
    for (size_t i = 0; i < report->o->piece_count && i < MAX_PIECES; i++)
        append_piece(&rows, report, i);
    if (rows.n)
        md_report_put(out, "pieces", {"rows", md_str_text(&rows)});
    out->failed |= md_str_failed(&rows);
}

static void append_sheet_frame(struct md_str *out, struct md_report *report, size_t i)
{
    const struct md_shot *shot = &report->o->shots->shots.v[i];
    struct md_report_picture picture;
    char about[128], range[64], time[24];
    md_report_picture(report, (int64_t)i, SHEET_WIDTH, &picture);
    snprintf(about, sizeof about, "Shot %zu, %s, %s", i + 1,
             md_report_range(range, shot->start_us, shot->end_us),
             md_transition_names[shot->transition]);
    if (picture.uri.n)
        md_report_put(
            out, "contactframe",
            {"class", md_report_chosen_us(report, shot->start_us, shot->end_us) > 0 ? "in" : ""},
            {"image", md_str_text(&picture.uri)}, {"alt", picture.alt}, {"about", about},
            {"width", picture.width}, {"height", picture.height},
            {"time", md_format_time(time, shot->start_us)});
    md_str_done(&picture.uri);
}

void md_report_contact(struct md_str *out, struct md_report *report)
{
    size_t shots = report->o->shots->shots.n, n = MD_MIN(shots, (size_t)MAX_SHEET);
    md_autostr frames = {0};
    char count[96], more[96] = "";
    for (size_t i = 0; i < n; i++)
        append_sheet_frame(&frames, report, i * shots / n);
    if (frames.n == 0)
        return;
    if (n < shots) {
        snprintf(count, sizeof count, "%zu of %zu shots, evenly spread", n, shots);
        snprintf(more, sizeof more, "All of them are in scenes.csv.");
    } else {
        snprintf(count, sizeof count, "%zu %s", shots, shots == 1 ? "shot" : "shots");
    }
    md_report_put(out, "contact", {"count", count}, {"frames", md_str_text(&frames)},
                  {"more", more});
    out->failed |= md_str_failed(&frames);
}
