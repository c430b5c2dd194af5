/* Decodes one audio stream into an unbroken run of float samples on the movie's clock.
 *
 * Sample n of the output is heard at start_us + n / sample_rate, exactly and always: sound that is
 * missing becomes silence, overlaps are dropped, a stream that begins late begins with silence, and
 * what cannot be decoded is replaced by silence. A change of rate or channels within the stream is
 * converted to the format of its beginning. No libav types here. One thread at a time.
 */
#ifndef MD_MEDIA_AUDIO_READER_H
#define MD_MEDIA_AUDIO_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct md_media;
struct md_audio_reader;

struct md_audio_format {
    int sample_rate;
    int channels;
    char layout[64]; /* FFmpeg's words: "stereo", "5.1(side)"; made up when the file says none */
};

/* Zero is valid but for path and media; pointers are borrowed until md_audio_close. */
struct md_audio_params {
    const char *path;              /* of the movie, any bytes */
    const struct md_media *media;  /* sets the clock and chooses the stream */
    int64_t stream;                /* 1 + container index of another stream; 0: media's choice */
    int64_t start_us;              /* movie time of the first sample */
    int64_t end_us;                /* movie time where to stop; 0: the end of the stream */
    int sample_rate;               /* 0: as in the stream */
    int channels;                  /* 1 or 2; 0: as in the stream */
    bool (*cancelled)(void *user); /* may be NULL; asked at least for every packet */
    void *user;
};

/* Interleaved samples, valid until the next call for the reader. */
struct md_audio_block {
    const float *samples; /* finite; nominally within -1..1, at most MD_AUDIO_PEAK */
    int64_t frames;       /* samples per channel, > 0 and at most MD_AUDIO_BLOCK_MAX */
    int64_t start_us;     /* movie time of the first one, rounded */
};
enum { MD_AUDIO_BLOCK_MAX = 65536 };
#define MD_AUDIO_PEAK 8.0f /* louder than 18 dB over full scale is damage: it becomes silence */

struct md_audio_stats {
    int64_t lost_packets;   /* the decoder could make nothing of them */
    int64_t gaps;           /* holes longer than 40 ms within the stream, filled with silence */
    int64_t filled_us;      /* their length */
    int64_t dropped_us;     /* overlaps left out */
    int64_t format_changes; /* of rate, channels or sample format */
};

/* MD_ERR_NOTFOUND (no such stream, no such file), MD_ERR_INPUT, MD_ERR_UNSUPPORTED (no decoder),
 * MD_ERR_NOMEM, MD_ERR_CANCELLED, MD_ERR_IO. A stream without any decodable sound opens only when
 * its header tells rate and channels, and then ends at once. */
int md_audio_open(const struct md_audio_params *params, struct md_audio_reader **ret_reader,
                  struct md_failure *failure);

/* The format of all blocks. */
const struct md_audio_format *md_audio_format(const struct md_audio_reader *reader);

/* The next block. MD_ERR_EOF at the end (failure untouched), MD_ERR_CANCELLED, MD_ERR_NOMEM,
 * MD_ERR_IO. */
int md_audio_next(struct md_audio_reader *reader, struct md_audio_block *ret_block,
                  struct md_failure *failure);

void md_audio_stats_get(const struct md_audio_reader *reader, struct md_audio_stats *ret_stats);

/* NULL is fine. */
void md_audio_close(struct md_audio_reader *reader);
static inline void md_audio_closep_(struct md_audio_reader **reader)
{
    md_audio_close(*reader);
}
#define md_autoaudio __attribute__((cleanup(md_audio_closep_))) struct md_audio_reader *

#endif
