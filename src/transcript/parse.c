/* What the three formats share: lines and time codes.
 *
 * Time codes are read by hand rather than by sscanf: files in the wild have "00:01:02.5",
 * "1:02,500", "00:00:01:500", a comma and a blank, arrows of one dash or of typographic dashes, and
 * numbers that overflow; each of these is read or refused on purpose.
 */
#include "transcript/parse.h"

#include <string.h>

#include "base/clock.h"

bool md_line_next(struct md_line_reader *reader, struct md_line *ret_line)
{
    if (!*reader->p)
        return false;
    size_t n = strcspn(reader->p, "\r\n");
    *ret_line = (struct md_line){reader->p, n, ++reader->number};
    reader->p += n;
    if (reader->p[0] == '\r' && reader->p[1] == '\n')
        reader->p += 2;
    else if (*reader->p)
        reader->p++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_blanks(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\t'))
        (*p)++;
}

static bool read_number(const char **p, const char *end, int64_t *ret)
{
    enum { MAX_DIGITS = 6 };
    int64_t value = 0;
    int digits = 0;
    for (; *p < end && is_digit(**p); (*p)++, digits++) {
        if (digits == MAX_DIGITS)
            return false;
        value = value * 10 + (**p - '0');
    }
    *ret = value;
    return digits > 0;
}

/* Digits behind the point as a decimal fraction of a second. */
static int64_t read_fraction(const char **p, const char *end)
{
    int64_t unit = MD_SECOND_US / 10, us = 0;
    for (; *p < end && is_digit(**p); (*p)++, unit /= 10)
        us += (**p - '0') * unit;
    return us;
}

bool md_timecode_parse(const char **p, const char *end, int64_t *ret_us)
{
    int64_t field[4] = {0};
    int n = 0;
    const char *at = *p;
    skip_blanks(&at, end);
    bool negative = at < end && *at == '-';
    at += negative;
    while (n < 4) {
        if (!read_number(&at, end, &field[n]))
            return false;
        n++;
        if (at >= end || *at != ':')
            break;
        at++;
        skip_blanks(&at, end);
    }
    if (n < 2)
        return false;
    int64_t us = 0;
    for (int i = 0; i < (n == 4 ? 3 : n); i++)
        us = us * 60 + field[i];
    us *= MD_SECOND_US;
    if (n == 4)
        us += field[3] * 1000; /* "00:00:01:500": the last are milliseconds */
    const char *point = at;
    skip_blanks(&point, end);
    if (n < 4 && point < end && (*point == ',' || *point == '.')) {
        at = point + 1;
        skip_blanks(&at, end);
        us += read_fraction(&at, end);
    }
    if (us > MD_TIME_MAX_US)
        return false;
    *p = at;
    *ret_us = negative ? -us : us;
    return true;
}

/* Moves behind "-->" or what people and programs write instead of it. */
static bool read_arrow(const char **p, const char *end)
{
    const char *at = *p;
    int dashes = 0;
    for (; at < end; at++) {
        if (*at == '>' && dashes > 0) {
            *p = at + 1;
            return true;
        }
        if (*at == '-' || *at == '=')
            dashes++;
        else if (end - at >= 3 && memcmp(at, "\xE2\x80", 2) == 0 &&
                 ((unsigned char)at[2] & 0xFC) == 0x90) /* U+2010 to U+2015 are dashes */
            dashes++, at += 2;
        else if (*at != ' ' && *at != '\t')
            return false;
    }
    return false;
}

enum md_timing_line md_timing_parse(const struct md_line *line, int64_t *ret_start_us,
                                    int64_t *ret_end_us)
{
    const char *p = line->s, *end = line->s + line->n;
    int64_t start = 0, stop = 0;
    bool arrow = memmem(line->s, line->n, "-->", 3) != NULL;
    if (!md_timecode_parse(&p, end, &start))
        return arrow ? MD_TIMING_BROKEN : MD_TIMING_NONE;
    if (!read_arrow(&p, end)) {
        /* Two times and nothing else: the arrow was lost. */
        if (!md_timecode_parse(&p, end, &stop) || p != end)
            return arrow ? MD_TIMING_BROKEN : MD_TIMING_NONE;
        *ret_start_us = start;
        *ret_end_us = stop;
        return MD_TIMING_GOOD;
    }
    *ret_start_us = start;
    *ret_end_us = start;
    if (!md_timecode_parse(&p, end, &stop))
        return MD_TIMING_NO_END;
    *ret_end_us = stop;
    return MD_TIMING_GOOD;
}

static bool line_starts(const struct md_line *line, const char *word)
{
    size_t n = strlen(word);
    return line->n >= n && strncasecmp(line->s, word, n) == 0;
}

enum md_subtitle_format md_subtitle_sniff(const char *text)
{
    enum { MAX_LINES = 5000 };
    struct md_line_reader reader = {.p = text};
    struct md_line line;
    int64_t start, end;
    while (reader.number < MAX_LINES && md_line_next(&reader, &line)) {
        if (line.number == 1 && line_starts(&line, "WEBVTT"))
            return MD_SUBTITLE_VTT;
        if (line_starts(&line, "[Script Info]") || line_starts(&line, "[Events]") ||
            line_starts(&line, "Dialogue:"))
            return MD_SUBTITLE_ASS;
        if (md_timing_parse(&line, &start, &end) != MD_TIMING_NONE)
            return MD_SUBTITLE_SRT;
    }
    return MD_SUBTITLE_UNKNOWN;
}

int md_subtitle_parse(struct md_subtitle_track *track, const char *text)
{
    track->format = md_subtitle_sniff(text);
    switch (track->format) {
    case MD_SUBTITLE_SRT:
        return md_subtitle_parse_srt(track, text);
    case MD_SUBTITLE_VTT:
        return md_subtitle_parse_vtt(track, text);
    case MD_SUBTITLE_ASS:
        return md_subtitle_parse_ass(track, text);
    }
    md_subtitle_note(track, 0, "%s", *text ? "no subtitle in a known format" : "empty file");
    return MD_OK;
}
