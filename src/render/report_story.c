/* Acts, key moments, characters and chapters. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/report.h"
#include "render/report_template.h"

enum { ACT_WIDTH = 400, MOMENT_WIDTH = 480, MAX_MOMENTS = 48, MAX_CHARACTERS = 24 };

/* The shot to picture an act with: the middle of its most important segment. */
static int64_t shot_of_act(const struct md_report *report, const struct md_act_range *act)
{
    const struct md_segment *best = NULL;
    const struct md_segment_vec *segments = &report->o->story->segments;
    for (int64_t i = 0; i < act->segment_count; i++) {
        size_t at = (size_t)(act->first_segment + i);
        if (at < segments->n && (!best || segments->v[at].importance > best->importance))
            best = &segments->v[at];
    }
    int64_t middle = best ? best->start_us + (best->end_us - best->start_us) / 2
                          : act->start_us + (act->end_us - act->start_us) / 2;
    return md_outputs_shot_at(report->o, middle);
}

void md_report_acts(struct md_str *out, struct md_report *report)
{
    const struct md_story *story = report->o->story;
    md_autostr cards = {0};
    for (size_t i = 0; i < story->acts.n; i++) {
        const struct md_act_range *act = &story->acts.v[i];
        struct md_report_picture picture;
        char number[12], range[64], share[64];
        md_report_picture(report, shot_of_act(report, act), ACT_WIDTH, &picture);
        snprintf(number, sizeof number, "%d", md_report_act_number(act->act));
        int64_t length = MD_MAX(act->end_us - act->start_us, 1);
        snprintf(share, sizeof share, "%.0f %% of it chosen",
                 100 * (double)md_report_chosen_us(report, act->start_us, act->end_us) /
                     (double)length);
        md_report_put(&cards, "act", {"number", number}, {"name", md_act_titles[act->act]},
                      {"image", md_str_text(&picture.uri)}, {"alt", picture.alt},
                      {"width", picture.width}, {"height", picture.height},
                      {"range", md_report_range(range, act->start_us, act->end_us)},
                      {"share", share}, {"summary", act->summary});
        md_str_done(&picture.uri);
    }
    if (cards.n)
        md_report_put(out, "acts", {"cards", md_str_text(&cards)});
    out->failed |= md_str_failed(&cards);
}

/* "turning-point" reads "turning point". */
static void kind_in_words(char out[32], const char *kind)
{
    snprintf(out, 32, "%s", kind ? kind : "moment");
    for (char *p = out; *p; p++)
        if (*p == '-')
            *p = ' ';
}

static void append_moment(struct md_str *out, struct md_report *report, size_t i)
{
    const struct md_key_moment *moment = &report->o->story->key_moments.v[i];
    struct md_report_picture picture;
    char number[12], time[24], kind[32];
    md_autostr meter = {0};
    md_report_picture(report, md_outputs_shot_at(report->o, moment->time_us), MOMENT_WIDTH,
                      &picture);
    md_report_meter(&meter, "Weight", (double)moment->score);
    snprintf(number, sizeof number, "%zu", i + 1);
    kind_in_words(kind, moment->kind);
    md_report_put(out, "moment", {"number", number}, {"image", md_str_text(&picture.uri)},
                  {"alt", picture.alt}, {"width", picture.width}, {"height", picture.height},
                  {"time", md_format_time(time, moment->time_us)}, {"kind", kind},
                  {"meter", md_str_text(&meter)}, {"quote", moment->quote},
                  {"reason", moment->reason});
    out->failed |= md_str_failed(&meter);
    md_str_done(&picture.uri);
}

void md_report_moments(struct md_str *out, struct md_report *report)
{
    md_autostr cards = {0};
    for (size_t i = 0; i < report->o->story->key_moments.n && i < MAX_MOMENTS; i++)
        append_moment(&cards, report, i);
    if (cards.n)
        md_report_put(out, "moments", {"cards", md_str_text(&cards)});
    out->failed |= md_str_failed(&cards);
}

/* Where a name is spoken, and where its bearer speaks. */
static bool concerns(const struct md_sentence *sentence, const char *name)
{
    return (sentence->speaker && strcasecmp(sentence->speaker, name) == 0) ||
           (sentence->text && strcasestr(sentence->text, name));
}

static void append_character(struct md_str *out, const struct md_report *report,
                             const struct md_character *character)
{
    enum { MAX_MARKS = 400 };
    const struct md_story *story = report->o->story;
    md_autostr marks = {0};
    char counts[96], about[160], a[24], b[24];
    md_str_append(&marks, "<rect class=\"bed\" y=\"7\" width=\"100%\" height=\"4\" rx=\"2\"/>");
    int n = 0;
    for (size_t i = 0; i < story->sentences.n && n < MAX_MARKS; i++) {
        if (!character->name || !*character->name ||
            !concerns(&story->sentences.v[i], character->name))
            continue;
        md_str_printf(&marks,
                      "<rect class=\"mark\" x=\"%.2f%%\" width=\"3\" height=\"18\" rx=\"1\"/>",
                      100 * (double)story->sentences.v[i].start_us / (double)report->duration_us);
        n++;
    }
    int used = snprintf(counts, sizeof counts, "named %" PRId64 " %s", character->mentions,
                        character->mentions == 1 ? "time" : "times");
    if (character->lines > 0)
        snprintf(counts + used, sizeof counts - (size_t)used, ", %" PRId64 " %s", character->lines,
                 character->lines == 1 ? "line" : "lines");
    snprintf(about, sizeof about, "Heard from %s to %s", md_format_time(a, character->first_us),
             md_format_time(b, character->last_us));
    md_report_put(out, "character", {"name", character->name}, {"about", about},
                  {"role", character->role ? character->role : ""}, {"marks", md_str_text(&marks)},
                  {"counts", counts});
    out->failed |= md_str_failed(&marks);
}

void md_report_characters(struct md_str *out, struct md_report *report)
{
    const struct md_character_vec *characters = &report->o->story->characters;
    md_autostr rows = {0};
    for (size_t i = 0; i < characters->n && i < MAX_CHARACTERS; i++)
        append_character(&rows, report, &characters->v[i]);
    if (rows.n)
        md_report_put(out, "characters", {"rows", md_str_text(&rows)});
    out->failed |= md_str_failed(&rows);
}

static void join_keywords(struct md_str *out, const struct md_strings *keywords)
{
    for (size_t i = 0; i < keywords->n && i < 6; i++)
        md_str_printf(out, "%s%s", i ? ", " : "", keywords->v[i]);
}

static void append_chapter(struct md_str *out, const struct md_report *report,
                           const struct md_segment *segment)
{
    md_autostr importance = {0}, action = {0}, emotion = {0}, keywords = {0};
    char time[24], act[12], chosen[32] = "";
    md_report_meter(&importance, "Importance", (double)segment->importance);
    md_report_meter(&action, "Action", (double)segment->audio_visual);
    md_report_meter(&emotion, "Emotion", (double)segment->emotion);
    join_keywords(&keywords, &segment->keywords);
    snprintf(act, sizeof act, "%d", md_report_act_number(segment->act));
    int64_t us = md_report_chosen_us(report, segment->start_us, segment->end_us);
    if (us > 0)
        md_format_time(chosen, us);
    md_report_put(out, "chapter", {"act", act}, {"time", md_format_time(time, segment->start_us)},
                  {"name", segment->title}, {"keywords", md_str_text(&keywords)},
                  {"actname", md_act_titles[segment->act]},
                  {"importance", md_str_text(&importance)}, {"action", md_str_text(&action)},
                  {"emotion", md_str_text(&emotion)}, {"chosen", chosen});
    out->failed |= md_str_failed(&importance) || md_str_failed(&action) ||
                   md_str_failed(&emotion) || md_str_failed(&keywords);
}

void md_report_chapters(struct md_str *out, struct md_report *report)
{
    enum { MAX_CHAPTERS = 1000 };
    md_autostr rows = {0};
    for (size_t i = 0; i < report->o->story->segments.n && i < MAX_CHAPTERS; i++)
        append_chapter(&rows, report, &report->o->story->segments.v[i]);
    if (rows.n)
        md_report_put(out, "chapters", {"rows", md_str_text(&rows)});
    out->failed |= md_str_failed(&rows);
}
