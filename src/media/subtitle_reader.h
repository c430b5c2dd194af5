/* Text subtitle streams of a movie file, as plain text with times. No libav types: src/transcript
 * includes this and nothing else of FFmpeg. */
#ifndef MD_MEDIA_SUBTITLE_READER_H
#define MD_MEDIA_SUBTITLE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum md_subtitle_markup {
    MD_SUBTITLE_MARKUP_SRT, /* plain text, perhaps with tags such as <i> */
    MD_SUBTITLE_MARKUP_VTT,
    MD_SUBTITLE_MARKUP_ASS, /* "ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text" */
};

/* One packet. Borrowed for the call; bytes are as in the file, in any encoding, not NUL-ended. */
struct md_subtitle_packet {
    int64_t stream_index;
    int markup;               /* enum md_subtitle_markup */
    int64_t start_us, end_us; /* on the movie clock; end <= start when unknown */
    const char *text;
    size_t n;
};

struct md_subtitle_reader_params {
    const char *movie_path;
    const int64_t *streams; /* container indices wanted */
    size_t stream_count;
    int64_t clock_zero_us; /* of media.json */
    void *user;
    /* Called for each packet in file order; a negative return ends the reading with that code. */
    int (*packet)(void *user, const struct md_subtitle_packet *packet);
    bool (*cancelled)(void *user);                                       /* may be NULL */
    void (*progress)(void *user, int64_t done_bytes, int64_t all_bytes); /* may be NULL */
};

/* Reads the file once for all wanted streams; streams that hold no text are passed over. MD_OK,
 * MD_ERR_CANCELLED, what `packet` returned, or what opening and reading a movie can return
 * (media/input.h); damage late in a file ends the reading with MD_OK and what was read. */
int md_subtitle_reader_run(const struct md_subtitle_reader_params *params,
                           struct md_failure *failure);

#endif
