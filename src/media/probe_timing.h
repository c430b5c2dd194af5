/* When a movie begins and ends and how its frames follow each other, measured from the file itself.
 * For src/media only. */
#ifndef MD_MEDIA_PROBE_TIMING_H
#define MD_MEDIA_PROBE_TIMING_H

#include "media/input.h"
#include "model/media.h"

/* Up to this size a file is read (not decoded) from end to end; beyond it, its index, two samples
 * and its end are. At 200 MB/s this is 1.3 s. */
#define MD_PROBE_SCAN_BYTES (INT64_C(256) << 20)

struct md_probe_timing {
    int64_t zero_us;      /* container time of the first frame that the decoder shows */
    int64_t video_end_us; /* movie clock: end of the last picture */
    int64_t audio_end_us; /* movie clock: end of the last sound; INT64_MIN when none was met */
    int64_t header_us;    /* duration the header claims; 0 when it claims none */
    int64_t frame_count;  /* 0 unknown */
    int64_t fps_num, fps_den;
    bool variable_frame_rate, interlaced;
    int64_t jumps; /* breaks in the time stamps that were met */
};

/* Reads input from its beginning: a new md_input only. Decodes the first frames of the video
 * stream, whose description is corrected from them (md_probe_describe_frame). audio_stream may be
 * -1. scan_bytes is MD_PROBE_SCAN_BYTES but for tests.
 *
 * MD_ERR_INPUT when no picture can be decoded, and the errors of md_input_read. */
int md_probe_time(struct md_input *input, struct md_stream *inout_video, int64_t audio_stream,
                  int64_t scan_bytes, struct md_probe_timing *ret_timing,
                  struct md_failure *failure);

#endif
