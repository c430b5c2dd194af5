/* digest.md for people with a text editor, scenes.csv for people with a spreadsheet. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "render/outputs_private.h"
#include "render/outputs_text.h"

static void heading(struct md_str *out, const char *text)
{
    md_str_printf(out, "\n## %s\n\n", text);
}

static void append_facts(struct md_str *out, const struct md_outputs *o)
{
    char movie[24], digest[24];
    md_str_append(out, "- Movie: ");
    md_text_markdown(out, o->media->name);
    md_str_printf(out, ", %s", md_format_time(movie, o->media->duration_us));
    if (o->video)
        md_str_printf(out, ", %" PRId64 "x%" PRId64, o->shots->width, o->shots->height);
    md_str_append(out, "\n- Digest: ");
    md_text_markdown(out, o->render->video ? o->render->video : "none");
    md_str_printf(out, ", %s in %zu pieces", md_format_time(digest, o->render->duration_us),
                  o->piece_count);
    md_str_append(out, " (");
    md_text_markdown(out, o->cut->strategy);
    md_str_append(out, ")\n");
    if (o->cut->note) {
        md_str_append(out, "- ");
        md_text_markdown(out, o->cut->note);
        md_str_append_char(out, '\n');
    }
}

/* Paragraphs are separated by blank lines in story.json and stay so. */
static void append_paragraphs(struct md_str *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        md_autofree char *line = strndup(text, n);
        if (!line) {
            out->failed = true;
            return;
        }
        md_text_markdown(out, line);
        md_str_append_char(out, '\n');
        text += n + (text[n] != '\0');
    }
}

static void append_acts(struct md_str *out, const struct md_story *story)
{
    heading(out, "Acts");
    for (size_t i = 0; i < story->acts.n; i++) {
        const struct md_act_range *act = &story->acts.v[i];
        md_str_printf(out, "%zu. **%s** (", i + 1, md_act_titles[act->act]);
        md_text_range(out, act->start_us, act->end_us);
        md_str_append(out, ")");
        if (act->summary) {
            md_str_append(out, ": ");
            md_text_markdown(out, act->summary);
        }
        md_str_append_char(out, '\n');
    }
}

static void append_moments(struct md_str *out, const struct md_story *story)
{
    if (story->key_moments.n == 0)
        return;
    heading(out, "Key moments");
    for (size_t i = 0; i < story->key_moments.n; i++) {
        const struct md_key_moment *moment = &story->key_moments.v[i];
        char time[24];
        md_str_printf(out, "- **%s** ", md_format_time(time, moment->time_us));
        md_text_markdown(out, moment->reason);
        if (moment->quote) {
            md_str_append(out, " \xE2\x80\x9C");
            md_text_markdown(out, moment->quote);
            md_str_append(out, "\xE2\x80\x9D");
        }
        md_str_append_char(out, '\n');
    }
}

static void append_characters(struct md_str *out, const struct md_story *story)
{
    if (story->characters.n == 0)
        return;
    heading(out, "Characters");
    for (size_t i = 0; i < story->characters.n; i++) {
        const struct md_character *c = &story->characters.v[i];
        md_str_append(out, "- **");
        md_text_markdown(out, c->name);
        md_str_append(out, "**: ");
        if (c->role) {
            md_text_markdown(out, c->role);
            md_str_append(out, "; ");
        }
        md_str_printf(out, "named %" PRId64 " times", c->mentions);
        if (c->lines > 0)
            md_str_printf(out, ", %" PRId64 " lines", c->lines);
        md_str_append(out, ", ");
        md_text_range(out, c->first_us, c->last_us);
        md_str_append_char(out, '\n');
    }
}

static void append_pieces(struct md_str *out, const struct md_outputs *o)
{
    heading(out, "The digest, piece by piece");
    md_str_append(out, "| # | in the digest | in the movie | act | why |\n"
                       "|--:|--------------:|--------------|-----|-----|\n");
    for (size_t i = 0; i < o->piece_count; i++) {
        struct md_output_piece at = o->pieces[i];
        char time[24];
        md_str_printf(out, "| %zu | %s | ", i + 1, md_format_time(time, at.digest_us));
        md_text_range(out, at.start_us, at.end_us);
        md_str_printf(out, " | %s | ", at.piece ? md_act_titles[at.piece->act] : "");
        for (size_t k = 0; at.piece && k < at.piece->reasons.n; k++) {
            md_str_append(out, k ? " " : "");
            md_text_markdown(out, at.piece->reasons.v[k]);
        }
        md_str_append(out, " |\n");
    }
}

static void append_chapters(struct md_str *out, const struct md_story *story)
{
    if (story->segments.n == 0)
        return;
    heading(out, "Chapters");
    for (size_t i = 0; i < story->segments.n; i++) {
        char time[24];
        md_str_printf(out, "- %s ", md_format_time(time, story->segments.v[i].start_us));
        md_text_markdown(out, story->segments.v[i].title);
        md_str_append_char(out, '\n');
    }
}

static void append_warnings(struct md_str *out, const struct md_outputs *o)
{
    const struct md_strings *lists[] = {&o->media->warnings, &o->shots->warnings,
                                        &o->audio->warnings, &o->transcript->warnings,
                                        &o->story->warnings, &o->render->warnings};
    bool any = false;
    for (size_t i = 0; i < MD_ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < lists[i]->n; k++) {
            if (!any)
                heading(out, "Warnings");
            any = true;
            md_str_append(out, "- ");
            md_text_markdown(out, lists[i]->v[k]);
            md_str_append_char(out, '\n');
        }
    }
}

int md_output_markdown(struct md_str *out, const struct md_outputs *o)
{
    md_str_append(out, "# ");
    md_text_markdown(out, o->title);
    md_str_append(out, "\n\n");
    append_facts(out, o);
    if (o->story->synopsis) {
        heading(out, "Synopsis");
        append_paragraphs(out, o->story->synopsis);
    }
    append_acts(out, o->story);
    append_moments(out, o->story);
    append_characters(out, o->story);
    append_pieces(out, o);
    append_chapters(out, o->story);
    append_warnings(out, o);
    return MD_OK;
}

/* How much of a shot the digest shows, and the number (from 1) of the first piece that does. */
static int64_t chosen_us(const struct md_outputs *o, const struct md_shot *shot, size_t *ret_piece)
{
    int64_t sum = 0;
    *ret_piece = 0;
    for (size_t i = 0; i < o->piece_count; i++) {
        struct md_output_piece at = o->pieces[i];
        int64_t common = MD_MIN(at.end_us, shot->end_us) - MD_MAX(at.start_us, shot->start_us);
        if (common > 0) {
            sum += common;
            *ret_piece = *ret_piece ? *ret_piece : i + 1;
        }
    }
    return sum;
}

static void append_row(struct md_str *out, const struct md_outputs *o, size_t i)
{
    const struct md_shot *shot = &o->shots->shots.v[i];
    const struct md_segment *segment = md_outputs_segment_at(o, shot->start_us);
    char start[24], end[24];
    size_t piece = 0;
    int64_t chosen = chosen_us(o, shot, &piece);
    md_str_printf(out, "%zu,%s,%s,%.3f,%" PRId64 ",%" PRId64 ",%s,%.2f,", i + 1,
                  md_format_timestamp(start, shot->start_us, '.'),
                  md_format_timestamp(end, shot->end_us, '.'),
                  (double)(shot->end_us - shot->start_us) / 1e6, shot->start_frame, shot->end_frame,
                  md_transition_names[shot->transition], (double)shot->confidence);
    md_str_printf(out, "%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%s,", (double)shot->motion,
                  (double)shot->luma, (double)shot->contrast, (double)shot->saturation,
                  (double)shot->warmth, (double)shot->sharpness, shot->credits ? "yes" : "no");
    md_str_printf(out, "%.3f,", (double)chosen / 1e6);
    if (piece)
        md_str_printf(out, "%zu", piece);
    md_str_append_char(out, ',');
    md_str_append(out, segment ? md_act_names[segment->act] : "");
    md_str_append_char(out, ',');
    md_text_csv(out, segment ? segment->title : NULL);
    md_str_append(out, "\r\n");
}

int md_output_csv(struct md_str *out, const struct md_outputs *o)
{
    md_str_append(out, "shot,start,end,seconds,start_frame,end_frame,transition,confidence,motion,"
                       "luma,contrast,saturation,warmth,sharpness,credits,chosen_seconds,piece,"
                       "act,segment\r\n");
    for (size_t i = 0; i < o->shots->shots.n; i++)
        append_row(out, o, i);
    return MD_OK;
}
