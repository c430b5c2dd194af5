/* SRT, WebVTT and ASS/SSA text into events. */
#ifndef MD_TRANSCRIPT_PARSE_H
#define MD_TRANSCRIPT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transcript/subtitle.h"

/* Judges by content: "WEBVTT", "[Events]" or "Dialogue:" lines, "-->". */
enum md_subtitle_format md_subtitle_sniff(const char *text);

/* Appends the events of a whole UTF-8 text (NUL-ended, any line ends) to a track. Only MD_ERR_NOMEM
 * can come back; damage becomes notes. */
int md_subtitle_parse_srt(struct md_subtitle_track *track, const char *text);
int md_subtitle_parse_vtt(struct md_subtitle_track *track, const char *text);
int md_subtitle_parse_ass(struct md_subtitle_track *track, const char *text);
/* The one that md_subtitle_sniff names; a note when it names none. */
int md_subtitle_parse(struct md_subtitle_track *track, const char *text);

/* The ASS of a stream: md_ass_packet takes the fields of one packet
 * ("ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text"). */
int md_subtitle_parse_ass_packet(struct md_subtitle_track *track,
                                 const struct md_subtitle_event *timing, const char *text);

/* One line of text at a time, ends \n, \r\n or \r. */
struct md_line {
    const char *s;
    size_t n;
    int64_t number; /* from 1 */
};
struct md_line_reader {
    const char *p;
    int64_t number;
};
bool md_line_next(struct md_line_reader *reader, struct md_line *ret_line);

/* Reads "[h:]m:s[.,]fraction" at *p and moves *p behind it. Hours have up to six digits. */
bool md_timecode_parse(const char **p, const char *end, int64_t *ret_us);

/* What a line of an SRT or VTT file is. */
enum md_timing_line {
    MD_TIMING_NONE,   /* not a timing line */
    MD_TIMING_GOOD,   /* both times read */
    MD_TIMING_NO_END, /* start read, end not */
    MD_TIMING_BROKEN, /* has an arrow, but no start */
};
enum md_timing_line md_timing_parse(const struct md_line *line, int64_t *ret_start_us,
                                    int64_t *ret_end_us);

#endif
