/* Tiny movie files with subtitle streams, made on the spot. */
#ifndef MD_TEST_MAKE_MOVIE_H
#define MD_TEST_MAKE_MOVIE_H

#include <libavcodec/codec_id.h>
#include <stddef.h>
#include <stdint.h>

struct make_cue {
    int64_t start_ms, end_ms;
    const char *text;
    size_t n; /* 0: strlen(text) */
};
struct make_stream {
    enum AVCodecID codec;
    const char *language, *title; /* may be NULL */
    int disposition;
    const struct make_cue *cues; /* ended by one without text */
};

/* Writes a file of `seconds` of silence as stream 0 and the subtitle streams behind it; muxer is
 * FFmpeg's name ("matroska", "mov"). Fails the test when that cannot be done. */
void make_movie(const char *path, const char *muxer, int seconds, const struct make_stream *streams,
                size_t n);

/* A fresh folder below $TMPDIR or /tmp; remove it with md_remove_tree and free the name. */
char *make_folder(void);

/* Writes a file into a folder, whose name may have a subfolder (made). */
void make_file(const char *folder, const char *name, const char *bytes, size_t n);

#endif
