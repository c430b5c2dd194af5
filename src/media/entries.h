/* Entries: the pictures of an H.264 or HEVC stream at which decoding may begin, and a copy of it.
 * Includes libav headers: inside src/media only. */
#ifndef MD_MEDIA_ENTRIES_H
#define MD_MEDIA_ENTRIES_H

#include <libavformat/avformat.h>
#include <stdbool.h>

#include "model/shots.h"

/* IDR (H.264); IDR, BLA, CRA (HEVC). Containers call more than that key frames. */
bool md_packet_is_entry(const AVCodecParameters *parameters, const AVPacket *packet);

/* Appends the time if the packet is an entry and there is room. MD_ERR_NOMEM. */
int md_entries_add(struct md_ints *entries_us, const AVStream *stream, const AVPacket *packet,
                   int64_t clock_zero_us);

#endif
