/* SubRip and WebVTT share one machine: everything between a timing line and the next belongs to the
 * first. Splitting at blank lines instead, as the formats are described, loses text in the many
 * files that have blank lines inside cues or none between them.
 *
 * What may stand between two cues besides text is told apart by position: the counter is a line of
 * digits directly above a timing line; a WebVTT identifier is any line directly above one and below
 * a blank line; NOTE, STYLE and REGION blocks of WebVTT run to the next blank line.
 */
#include "transcript/parse.h"

#include <string.h>

#include "base/str.h"

struct cue_machine {
    struct md_subtitle_track *track;
    bool is_vtt;
    bool open;     /* a cue is being collected */
    bool skipping; /* the cue's timing was broken: its text belongs to nobody */
    bool in_block; /* NOTE, STYLE, REGION */
    bool after_blank;
    struct md_subtitle_event timing;
    struct md_str text;      /* of the open cue, one '\n' behind each line */
    size_t last_line;        /* offset in text of the last line that is not blank */
    bool last_is_counter;    /* that line is digits only */
    bool last_is_identifier; /* that line stood below a blank line */
    bool blank_since_last;   /* a blank line came after it */
};

static bool is_blank(const struct md_line *line)
{
    for (size_t i = 0; i < line->n; i++)
        if (line->s[i] != ' ' && line->s[i] != '\t')
            return false;
    return true;
}

static bool is_counter(const struct md_line *line)
{
    size_t digits = 0;
    for (size_t i = 0; i < line->n; i++) {
        if (line->s[i] >= '0' && line->s[i] <= '9')
            digits++;
        else if (line->s[i] != ' ' && line->s[i] != '\t')
            return false;
    }
    return digits > 0 && digits <= 9;
}

/* Ends the open cue. before_timing: the next line is a timing line, so the last one may be its
 * counter or identifier. */
static int close_cue(struct cue_machine *m, bool before_timing)
{
    size_t n = m->text.n;
    if (before_timing && !m->blank_since_last && n > 0 &&
        (m->last_is_counter || (m->is_vtt && m->last_is_identifier)))
        n = m->last_line;
    int r = MD_OK;
    if (md_str_failed(&m->text))
        r = MD_ERR_NOMEM;
    else if (m->open && !m->skipping)
        r = md_subtitle_add(m->track, &m->timing, md_str_text(&m->text), n, NULL, 0);
    m->open = m->skipping = false;
    md_str_clear(&m->text);
    m->last_line = 0;
    m->last_is_counter = m->last_is_identifier = m->blank_since_last = false;
    return r;
}

static int open_cue(struct cue_machine *m, const struct md_line *line, enum md_timing_line kind,
                    int64_t start_us, int64_t end_us)
{
    int r = close_cue(m, true);
    m->open = true;
    m->in_block = false;
    m->timing =
        (struct md_subtitle_event){.start_us = start_us, .end_us = end_us, .line = line->number};
    if (kind == MD_TIMING_BROKEN) {
        m->skipping = true;
        md_subtitle_note(m->track, line->number, "time code cannot be read, cue skipped");
    } else if (kind == MD_TIMING_NO_END) {
        md_subtitle_note(m->track, line->number, "end time cannot be read, estimated");
    }
    return r;
}

static bool opens_block(const struct md_line *line)
{
    static const char *const words[] = {"NOTE", "STYLE", "REGION"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (line->n >= n && memcmp(line->s, words[i], n) == 0 &&
            (line->n == n || line->s[n] == ' ' || line->s[n] == '\t'))
            return true;
    }
    return false;
}

static void take_text(struct cue_machine *m, const struct md_line *line)
{
    if (is_blank(line)) {
        m->after_blank = m->blank_since_last = true;
        m->in_block = false;
        return;
    }
    if (m->is_vtt && m->after_blank && opens_block(line))
        m->in_block = true;
    if (!m->open || m->in_block || m->text.n > MD_SUBTITLE_MAX_TEXT_BYTES) {
        m->after_blank = false;
        /* Past the limit, lines are dropped, but a counter must still be told from text. */
        m->last_line = m->text.n;
        m->blank_since_last = false;
        return;
    }
    m->last_line = m->text.n;
    m->last_is_counter = is_counter(line);
    m->last_is_identifier = m->after_blank;
    m->blank_since_last = m->after_blank = false;
    md_str_append_n(&m->text, line->s, line->n);
    md_str_append_char(&m->text, '\n');
}

static int parse(struct md_subtitle_track *track, const char *text, bool is_vtt)
{
    struct cue_machine m = {.track = track, .is_vtt = is_vtt, .after_blank = true};
    struct md_line_reader reader = {.p = text};
    struct md_line line;
    int r = MD_OK;
    while (r == MD_OK && !track->full && md_line_next(&reader, &line)) {
        int64_t start = 0, end = 0;
        enum md_timing_line kind =
            m.in_block ? MD_TIMING_NONE : md_timing_parse(&line, &start, &end);
        if (kind == MD_TIMING_NONE) {
            take_text(&m, &line);
        } else {
            r = open_cue(&m, &line, kind, start, end);
            m.after_blank = false;
        }
    }
    int closed = close_cue(&m, false);
    md_str_done(&m.text);
    return r == MD_OK ? closed : r;
}

int md_subtitle_parse_srt(struct md_subtitle_track *track, const char *text)
{
    return parse(track, text, false);
}

int md_subtitle_parse_vtt(struct md_subtitle_track *track, const char *text)
{
    return parse(track, text, true);
}
