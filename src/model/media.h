/* media.json: what the probe found out about a movie.
 *
 * Time, here and in every other artifact: int64_t microseconds on the movie's clock, whose zero is
 * the first presented frame of the chosen video stream (or of the audio where there is no video).
 */
#ifndef MD_MODEL_MEDIA_H
#define MD_MODEL_MEDIA_H

#include "model/artifact.h"

enum md_stream_kind { MD_STREAM_VIDEO, MD_STREAM_AUDIO, MD_STREAM_SUBTITLE, MD_STREAM_OTHER };

enum md_hdr { MD_HDR_NONE, MD_HDR_PQ, MD_HDR_HLG, MD_HDR_DOLBY_VISION };

struct md_stream {
    int64_t index;  /* in the container */
    int kind;       /* enum md_stream_kind */
    char *codec;    /* FFmpeg's name: "h264"; "unknown" when there is no decoder */
    char *profile;  /* may be NULL */
    char *language; /* as tagged: "eng"; NULL when untagged or "und" */
    char *title;    /* may be NULL */
    bool is_default, is_forced, is_commentary, is_hearing_impaired, is_visual_impaired, is_dub,
        is_attached_picture;
    bool decodable;
    int64_t bit_rate; /* bits per second, 0 unknown */

    /* video */
    int64_t width, height;    /* coded picture, before rotation */
    int64_t sar_num, sar_den; /* sample aspect ratio, 1:1 when unknown */
    int64_t rotation;         /* degrees clockwise to turn for display: 0, 90, 180, 270 */
    int64_t fps_num, fps_den; /* average frame rate; 0/1 unknown */
    bool variable_frame_rate, interlaced;
    int64_t bit_depth;
    char *pixel_format, *color_primaries, *color_transfer, *color_matrix, *color_range;
    int hdr; /* enum md_hdr */

    /* audio */
    int64_t sample_rate, channels;
    char *channel_layout;

    /* subtitle */
    bool is_text;
};

struct md_chapter {
    int64_t start_us, end_us;
    char *title; /* may be NULL */
};

struct md_streams MD_VEC(struct md_stream);
struct md_chapters MD_VEC(struct md_chapter);

struct md_media {
    char *name; /* file name made valid UTF-8, for showing */
    char *uri;  /* file:// URI of the absolute path, percent-encoded, so any bytes survive */
    int64_t size_bytes;
    char *container;     /* FFmpeg's name: "matroska,webm" */
    char *title;         /* the file's own title tag, may be NULL */
    int64_t duration_us; /* of the chosen streams, measured where the header is not to be trusted */
    bool duration_estimated; /* the header gave none, or was caught lying */
    int64_t time_jumps;      /* places where the stamps start again or leap: such a movie cannot be
                                sought by time, only read from its beginning */
    int64_t clock_zero_us;   /* container time (AV_TIME_BASE units) of the movie clock's zero */
    int64_t frame_count;     /* of the chosen video; 0 unknown */
    struct md_streams streams;
    int64_t video_stream, audio_stream; /* container indices of the chosen ones, -1 none */
    struct md_chapters chapters;
    struct md_strings warnings; /* sentences for the person */
};

/* The stream with this container index, or NULL. */
const struct md_stream *md_media_stream(const struct md_media *media, int64_t index);

#endif
