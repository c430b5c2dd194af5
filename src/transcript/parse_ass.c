/* Advanced SubStation Alpha and SSA. Only the [Events] matter: the Format line names the columns
 * (their order differs between SSA and ASS and between programs), the last of which holds the text
 * and may contain commas. Styles are known by name alone: names such as "OP romaji" or "Signs" are
 * the convention by which lyrics and lettering are told from dialogue.
 */
#include "transcript/parse.h"

#include <string.h>
#include <strings.h>

enum column { COLUMN_START, COLUMN_END, COLUMN_STYLE, COLUMN_NAME, COLUMN_TEXT, COLUMNS };
enum { MAX_COLUMNS = 32 };

struct layout {
    int at[COLUMNS]; /* position, -1 not there */
    int count;       /* columns in a line */
};

/* Of ASS 4+; SSA has "Marked" in place of "Layer", at the same position. */
static const struct layout usual_layout = {{1, 2, 3, 4, 9}, 10};

static bool word_is(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

static void trim(const char **s, size_t *n)
{
    while (*n > 0 && ((*s)[0] == ' ' || (*s)[0] == '\t'))
        (*s)++, (*n)--;
    while (*n > 0 && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t'))
        (*n)--;
}

static void read_format(struct layout *layout, const char *s, size_t n)
{
    static const char *const names[COLUMNS] = {"Start", "End", "Style", "Name", "Text"};
    struct layout found = {{-1, -1, -1, -1, -1}, 0};
    while (found.count < MAX_COLUMNS) {
        const char *comma = memchr(s, ',', n);
        const char *word = s;
        size_t len = comma ? (size_t)(comma - s) : n;
        size_t word_len = len;
        trim(&word, &word_len);
        for (int c = 0; c < COLUMNS; c++)
            if (word_is(word, word_len, names[c]))
                found.at[c] = found.count;
        if (word_is(word, word_len, "Actor"))
            found.at[COLUMN_NAME] = found.count;
        found.count++;
        if (!comma)
            break;
        n -= len + 1;
        s = comma + 1;
    }
    if (found.at[COLUMN_START] >= 0 && found.at[COLUMN_END] >= 0 &&
        found.at[COLUMN_TEXT] == found.count - 1)
        *layout = found;
}

struct field {
    const char *s;
    size_t n;
};

/* Splits at the first count-1 commas; false when there are fewer. */
static bool split(const char *s, size_t n, int count, struct field fields[MAX_COLUMNS])
{
    for (int i = 0; i < count - 1; i++) {
        const char *comma = memchr(s, ',', n);
        if (!comma)
            return false;
        fields[i] = (struct field){s, (size_t)(comma - s)};
        n -= fields[i].n + 1;
        s = comma + 1;
    }
    fields[count - 1] = (struct field){s, n};
    return true;
}

/* True when one of the words of a style name says that it is sung or lettered on the picture. */
static bool style_is_not_speech(const char *s, size_t n)
{
    static const char *const words[] = {
        "op",    "ed",   "song",  "songs",   "lyrics", "lyric",  "kara",    "karaoke", "romaji",
        "kanji", "sign", "signs", "typeset", "ts",     "insert", "opening", "ending",  "credits"};
    size_t start = 0;
    for (size_t i = 0; i <= n; i++) {
        bool letter = i < n && ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z');
        if (letter)
            continue;
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            if (word_is(s + start, i - start, words[w]))
                return true;
        start = i + 1;
    }
    return false;
}

static int add(struct md_subtitle_track *track, struct md_subtitle_event timing,
               const struct layout *layout, const struct field *fields)
{
    struct field name = {NULL, 0};
    if (layout->at[COLUMN_NAME] >= 0) {
        name = fields[layout->at[COLUMN_NAME]];
        trim(&name.s, &name.n);
        if (word_is(name.s, name.n, "NTP"))
            name.n = 0; /* "no translation provided", an old default */
    }
    if (layout->at[COLUMN_STYLE] >= 0) {
        struct field style = fields[layout->at[COLUMN_STYLE]];
        timing.is_sound = style_is_not_speech(style.s, style.n);
    }
    struct field text = fields[layout->at[COLUMN_TEXT]];
    return md_subtitle_add(track, &timing, text.s, text.n, name.s, name.n);
}

static int read_dialogue(struct md_subtitle_track *track, const struct layout *layout,
                         const struct md_line *line, const char *s, size_t n)
{
    struct field fields[MAX_COLUMNS];
    struct md_subtitle_event timing = {.line = line->number};
    if (!split(s, n, layout->count, fields)) {
        md_subtitle_note(track, line->number, "too few fields, cue skipped");
        return MD_OK;
    }
    struct field start = fields[layout->at[COLUMN_START]], end = fields[layout->at[COLUMN_END]];
    if (!md_timecode_parse(&start.s, start.s + start.n, &timing.start_us)) {
        md_subtitle_note(track, line->number, "time code cannot be read, cue skipped");
        return MD_OK;
    }
    if (!md_timecode_parse(&end.s, end.s + end.n, &timing.end_us)) {
        md_subtitle_note(track, line->number, "end time cannot be read, estimated");
        timing.end_us = timing.start_us;
    }
    return add(track, timing, layout, fields);
}

/* Moves behind "Word:" at the start of a line. */
static bool take_key(const struct md_line *line, const char *key, const char **ret_s, size_t *ret_n)
{
    size_t n = strlen(key);
    if (line->n <= n || strncasecmp(line->s, key, n) != 0 || line->s[n] != ':')
        return false;
    *ret_s = line->s + n + 1;
    *ret_n = line->n - n - 1;
    return true;
}

int md_subtitle_parse_ass(struct md_subtitle_track *track, const char *text)
{
    struct layout layout = usual_layout;
    struct md_line_reader reader = {.p = text};
    struct md_line line;
    bool in_events = true; /* a file cut out of the middle has no section line */
    const char *s;
    size_t n;
    int r = MD_OK;
    while (r == MD_OK && !track->full && md_line_next(&reader, &line)) {
        if (line.n > 0 && line.s[0] == '[')
            in_events = line.n >= 8 && strncasecmp(line.s, "[Events]", 8) == 0;
        else if (in_events && take_key(&line, "Format", &s, &n))
            read_format(&layout, s, n);
        else if (in_events && take_key(&line, "Dialogue", &s, &n))
            r = read_dialogue(track, &layout, &line, s, n);
    }
    return r;
}

int md_subtitle_parse_ass_packet(struct md_subtitle_track *track,
                                 const struct md_subtitle_event *timing, const char *text)
{
    /* Matroska's column order; times are the packet's own. */
    static const struct layout packet_layout = {{-1, -1, 2, 3, 8}, 9};
    struct field fields[MAX_COLUMNS];
    if (!split(text, strlen(text), packet_layout.count, fields)) {
        md_subtitle_note(track, timing->line, "too few fields, cue skipped");
        return MD_OK;
    }
    return add(track, *timing, &packet_layout, fields);
}
