/* From libav's description of a stream to ours. For src/media only. */
#ifndef MD_MEDIA_PROBE_STREAMS_H
#define MD_MEDIA_PROBE_STREAMS_H

#include "media/input.h"
#include "model/media.h"

/* Fills a zeroed stream with all that the container and the codec parameters tell; every value lies
 * within what media.json allows. MD_ERR_NOMEM. */
int md_probe_describe_stream(struct md_input *input, unsigned index, struct md_stream *ret_stream);

/* Replaces what a decoded picture knows better than a header: size, aspect, depth, colour. */
int md_probe_describe_frame(struct md_input *input, const AVFrame *frame,
                            struct md_stream *inout_stream);

/* True when the stream's data is scrambled by DRM, so that it cannot be decoded here. */
bool md_probe_is_encrypted(const AVStream *stream);

/* A metadata entry made valid UTF-8 and at most 1000 bytes; NULL when absent, empty or no memory.
 * Caller frees. */
char *md_probe_tag(const AVDictionary *metadata, const char *key);

#endif
