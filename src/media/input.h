/* A movie file opened for reading: the only way any part of the program lets libavformat touch a
 * file. Includes libav headers: usable from src/media and src/render only.
 *
 * The file is opened by us and handed to FFmpeg as bytes; FFmpeg may open nothing itself, so a
 * playlist or a reference in a hostile file reaches neither the network nor other files, and names
 * with any bytes in them (a colon, a leading dash, not UTF-8) need no escaping. Formats are judged
 * by content alone; those that are not movies or sound are refused before their demuxer runs.
 */
#ifndef MD_MEDIA_INPUT_H
#define MD_MEDIA_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "base/error.h"

/* More than any screen has: 8192 x 8192. A header that claims more is refused. */
#define MD_INPUT_MAX_PIXELS (INT64_C(8192) * 8192)

struct md_input {
    AVFormatContext *format; /* open, stream info found */
    int64_t size_bytes;
    char name[256]; /* base name for messages, valid UTF-8 */

    /* private */
    AVIOContext *avio;
    int fd;
    int64_t position;
    int64_t bytes_read, read_limit; /* of everything read so far; 0 no limit */
    int io_errno;                   /* of the first read that failed, 0 none */
    bool (*cancelled)(void *user);
    void *user;
};

/* Opens path and finds its streams, bounded in bytes, time and memory. `cancelled` may be NULL; it
 * is borrowed until md_input_close and is asked by every later read too.
 *
 * MD_ERR_NOTFOUND, MD_ERR_IO (cannot be opened or read), MD_ERR_UNSUPPORTED (a folder, a pipe, or
 * not a movie or sound at all: text, picture, archive, playlist), MD_ERR_INPUT (empty, or a movie
 * too damaged to open), MD_ERR_CANCELLED, MD_ERR_NOMEM; *failure says it in words. The caller
 * closes *ret_input. */
int md_input_open(const char *path, bool (*cancelled)(void *user), void *user,
                  struct md_input **ret_input, struct md_failure *failure);

/* NULL is fine. */
void md_input_close(struct md_input *input);
static inline void md_input_closep_(struct md_input **input)
{
    md_input_close(*input);
}
#define md_autoinput __attribute__((cleanup(md_input_closep_))) struct md_input *

/* Reads the next packet of any stream that is not discarded, going on after damage (a bounded
 * number of times in a row). 0, MD_ERR_EOF (also where a damaged file can be read no further),
 * MD_ERR_CANCELLED, MD_ERR_IO, MD_ERR_NOMEM. failure may be NULL and is not filled at the end. */
int md_input_read(struct md_input *input, AVPacket *packet, struct md_failure *failure);

/* Leaves only this stream switched on (AVDISCARD_ALL for the others); -1 switches all on. */
void md_input_select(struct md_input *input, int64_t stream_index);

/* A stream by container index, or NULL. */
AVStream *md_input_stream(const struct md_input *input, int64_t stream_index);

/* Opens a decoder for a stream: `threads` threads, MD_INPUT_MAX_PIXELS, packet time base set.
 * `customize` (may be NULL) is called before avcodec_open2. MD_ERR_UNSUPPORTED (no decoder),
 * MD_ERR_INPUT (parameters it refuses), MD_ERR_NOMEM. Free with avcodec_free_context. */
int md_input_open_decoder(struct md_input *input, int64_t stream_index, int threads,
                          void (*customize)(AVCodecContext *context, void *user), void *user,
                          AVCodecContext **ret_context, struct md_failure *failure);

/* The sentence for a negative AVERROR met while `doing` ("reading", "decoding the sound of"):
 * returns MD_ERR_NOMEM, MD_ERR_CANCELLED, MD_ERR_NOSPACE, MD_ERR_IO, or MD_ERR_INPUT. */
int md_input_fail(const struct md_input *input, int averror, struct md_failure *failure,
                  const char *doing);

/* Stream timestamp -> movie clock in microseconds (model/media.h), rounded to the nearest;
 * AV_NOPTS_VALUE stays AV_NOPTS_VALUE. clock_zero_us is md_media.clock_zero_us. */
int64_t md_input_movie_us(int64_t timestamp, AVRational time_base, int64_t clock_zero_us);

/* And back, to the nearest timestamp. Exact round trip for every time base of 2 us or coarser. */
int64_t md_input_timestamp(int64_t movie_us, AVRational time_base, int64_t clock_zero_us);

#endif
