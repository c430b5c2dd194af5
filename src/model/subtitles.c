/* Both formats are written from the same walk over groups of cues; they differ in the header, the
 * separator in times, and in how text and speaker are spelt.
 */
#include "model/subtitles.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* After a pause this long, people have forgotten who spoke last. */
#define FORGOTTEN_US (10 * MD_SECOND_US)

struct writer {
    struct md_str *out;
    bool is_vtt;
    const struct md_cue *last; /* the last cue of speech */
};

/* One line of text: "-->" would start a new cue in SRT; WebVTT has escapes. */
static void append_line(struct writer *w, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (w->is_vtt && (s[i] == '&' || s[i] == '<' || s[i] == '>')) {
            md_str_append(w->out, s[i] == '&' ? "&amp;" : s[i] == '<' ? "&lt;" : "&gt;");
        } else if (!w->is_vtt && n - i >= 3 && memcmp(s + i, "-->", 3) == 0) {
            md_str_append(w->out, "\xE2\x86\x92");
            i += 2;
        } else {
            md_str_append_char(w->out, s[i] == '\r' ? ' ' : s[i]);
        }
    }
}

static void append_text(struct writer *w, const char *text)
{
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n > 0) { /* an empty line would end the cue */
            if (!first)
                md_str_append_char(w->out, '\n');
            append_line(w, text, n);
            first = false;
        }
        text += n + (text[n] != '\0');
    }
}

static bool names_speaker(const struct writer *w, const struct md_cue *cue)
{
    if (!cue->speaker || cue->is_sound)
        return false;
    return !w->last || !w->last->speaker || strcmp(w->last->speaker, cue->speaker) != 0 ||
           cue->start_us - w->last->end_us > FORGOTTEN_US;
}

/* A name in one line. */
static void append_name(struct writer *w, const char *name)
{
    md_autostr line = {0};
    for (; *name; name++)
        md_str_append_char(&line, *name == '\n' || *name == '\r' ? ' ' : *name);
    w->out->failed |= md_str_failed(&line);
    append_line(w, md_str_text(&line), line.n);
}

static void append_cue(struct writer *w, const struct md_cue *cue, bool dash)
{
    bool named = names_speaker(w, cue);
    if (dash && !cue->is_sound)
        md_str_append(w->out, "- ");
    if (named && w->is_vtt) {
        md_str_append(w->out, "<v ");
        append_name(w, cue->speaker);
        md_str_append_char(w->out, '>');
    } else if (named) {
        append_name(w, cue->speaker);
        md_str_append(w->out, ": ");
    }
    append_text(w, cue->text);
    if (named && w->is_vtt)
        md_str_append(w->out, "</v>");
    md_str_append_char(w->out, '\n');
    if (!cue->is_sound)
        w->last = cue;
}

static void append_group(struct writer *w, const struct md_cue *cues, size_t n)
{
    char start[24], end[24];
    char point = w->is_vtt ? '.' : ',';
    int64_t start_us = MD_MAX(cues[0].start_us, 0);
    /* Both formats have milliseconds; a cue must not become empty. */
    int64_t end_us = MD_MAX(cues[0].end_us, start_us + 1000);
    size_t speeches = 0;
    for (size_t i = 0; i < n; i++)
        speeches += !cues[i].is_sound;
    md_str_printf(w->out, "%s --> %s\n", md_format_timestamp(start, start_us, point),
                  md_format_timestamp(end, end_us, point));
    for (size_t i = 0; i < n; i++)
        append_cue(w, &cues[i], speeches > 1);
    md_str_append_char(w->out, '\n');
}

static void append_groups(struct writer *w, const struct md_cue_vec *cues)
{
    size_t number = 0;
    for (size_t i = 0; i < cues->n;) {
        size_t n = 1;
        while (i + n < cues->n && cues->v[i + n].start_us == cues->v[i].start_us &&
               cues->v[i + n].end_us == cues->v[i].end_us)
            n++;
        if (!w->is_vtt)
            md_str_printf(w->out, "%zu\n", ++number);
        append_group(w, &cues->v[i], n);
        i += n;
    }
}

void md_subtitles_write_srt(struct md_str *out, const struct md_cue_vec *cues)
{
    struct writer w = {.out = out};
    append_groups(&w, cues);
}

void md_subtitles_write_vtt(struct md_str *out, const struct md_cue_vec *cues, const char *language)
{
    struct writer w = {.out = out, .is_vtt = true};
    md_str_append(out, "WEBVTT\n");
    if (language && *language && strcspn(language, "\r\n") == strlen(language) &&
        !strstr(language, "-->"))
        md_str_printf(out, "Language: %s\n", language);
    md_str_append_char(out, '\n');
    append_groups(&w, cues);
}
