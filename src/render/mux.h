/* The digest's file: MP4 with the index in front, chapters, titles, languages, subtitles. Includes
 * libav headers: inside src/render only. */
#ifndef MD_RENDER_MUX_H
#define MD_RENDER_MUX_H

#include <libavformat/avformat.h>

#include "base/error.h"
#include "model/media.h"
#include "model/transcript.h"

struct md_mux;

/* A track to be. parameters NULL: there is none. */
struct md_mux_track {
    const AVCodecParameters *parameters;
    AVRational time_base;
    const char *language; /* as found in the movie; NULL unknown */
};

struct md_mux_params {
    const char *path; /* any bytes; truncated if it exists */
    const char *title;
    struct md_mux_track video, sound;
    const uint8_t *display_matrix; /* 36 bytes; NULL none */
    const AVStream *hdr_of;        /* its HDR metadata are the digest's too; NULL none */
    bool has_subtitles;
    const char *subtitle_language;
    bool (*cancelled)(void *user);
    void *user;
};

/* Opens the file and writes its beginning. MD_ERR_NOSPACE, MD_ERR_IO, MD_ERR_EXTERNAL,
 * MD_ERR_NOMEM. Everything is borrowed for the call but `cancelled`. */
int md_mux_new(const struct md_mux_params *params, struct md_mux **ret_mux,
               struct md_failure *failure);

/* Closes the file whatever state it is in; removing it is the caller's. NULL is fine. */
void md_mux_free(struct md_mux *mux);

enum md_mux_kind { MD_MUX_VIDEO, MD_MUX_SOUND };

/* Takes the packet's content, stamped in the track's time base, in decoding order per track; the
 * two tracks must advance together to within a few seconds, or memory grows. Errors as new, and
 * MD_ERR_CANCELLED. */
int md_mux_write(struct md_mux *mux, enum md_mux_kind kind, AVPacket *packet,
                 struct md_failure *failure);

/* Writes subtitles (cues that do not overlap, in digest time, see md_retime_flatten; ignored when
 * has_subtitles was false), chapters and the index, and closes the file. */
int md_mux_finish(struct md_mux *mux, const struct md_cue_vec *cues,
                  const struct md_chapters *chapters, struct md_failure *failure);

#endif
