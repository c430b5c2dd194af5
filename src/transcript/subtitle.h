/* What a subtitle parser leaves: events as written, markup and all, with the line they came from.
 *
 * The way of the words: bytes -> (encoding.h) UTF-8 -> (parse.h) events -> (markup.h) plain lines
 * -> (tidy.h) without advertisements and repetitions -> (speech.h) cues with speakers and sounds.
 * Every step is bounded by the limits below and none of them fails on damaged input: what can be
 * read is read, and a note says what could not.
 */
#ifndef MD_TRANSCRIPT_SUBTITLE_H
#define MD_TRANSCRIPT_SUBTITLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/transcript.h"

enum {
    MD_SUBTITLE_MAX_BYTES = 64 * 1024 * 1024,     /* of a file; films have 100 to 500 KiB */
    MD_SUBTITLE_MAX_EVENTS = 200000,              /* a talkative film has 2000 */
    MD_SUBTITLE_MAX_TEXT_BYTES = 8 * 1024,        /* of one event; screens hold some 200 */
    MD_SUBTITLE_MAX_ALL_BYTES = 16 * 1024 * 1024, /* of all texts of a track together */
    MD_SUBTITLE_MAX_NOTES = 20,                   /* written out per track, the rest are counted */
};

enum md_subtitle_format {
    MD_SUBTITLE_UNKNOWN,
    MD_SUBTITLE_SRT,
    MD_SUBTITLE_VTT,
    MD_SUBTITLE_ASS,
};

struct md_subtitle_event {
    int64_t start_us, end_us; /* end <= start: unknown, see md_tidy_times */
    int64_t line;             /* in the file, from 1; for a stream the packet's number */
    char *text;               /* owned */
    char *speaker;            /* owned; ASS Name, NULL none */
    bool is_sound;            /* its style says it is sung or a sign on the picture */
};
struct md_subtitle_event_vec MD_VEC(struct md_subtitle_event);

struct md_subtitle_track {
    const char *name; /* "film.en.srt" or "stream 3", for notes; borrowed, valid UTF-8 */
    const char *unit; /* "line" or "packet" */
    int format;       /* enum md_subtitle_format */
    double rate;      /* times are rate * what is written + delay_us; 0: as they are written */
    int64_t delay_us;
    struct md_subtitle_event_vec events;
    struct md_strings notes;
    int64_t unwritten_notes;
    size_t bytes; /* of all texts */
    bool full;    /* a limit was reached and said: further events are not taken */
};

/* Adds "NAME line N: message" (N 0: "NAME: message"), or counts it once there are too many. Losing
 * a note to lack of memory is not an error. */
void md_subtitle_note(struct md_subtitle_track *track, int64_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds an event with copies of text[0..n) and speaker[0..speaker_n) (speaker may be NULL), cut to
 * MD_SUBTITLE_MAX_TEXT_BYTES between characters. MD_OK (also when the track is full), or
 * MD_ERR_NOMEM. */
int md_subtitle_add(struct md_subtitle_track *track, const struct md_subtitle_event *timing,
                    const char *text, size_t n, const char *speaker, size_t speaker_n);

void md_subtitle_event_done(struct md_subtitle_event *event);
void md_subtitle_track_done(struct md_subtitle_track *track);
#define md_autotrack __attribute__((cleanup(md_subtitle_track_done))) struct md_subtitle_track

#endif
