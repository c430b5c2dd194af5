/* Which video and which audio stream a digest is made from. No libav types. Pure. */
#ifndef MD_MEDIA_CHOOSE_H
#define MD_MEDIA_CHOOSE_H

#include "base/error.h"
#include "model/media.h"

/* The container index of the stream that is the movie's picture: no cover art; one that can be
 * decoded before one that cannot; the default; the largest; the first. -1 when there is none. */
int64_t md_choose_video(const struct md_streams *streams);

/* Of the stream with the movie's own sound: one that can be decoded; not a commentary, audio
 * description or isolated score; in the first of the wanted languages ("en,german", NULL any) there
 * is; the default; not a dub; with most channels (5.1 before stereo); the first. -1 when there is
 * none. */
int64_t md_choose_audio(const struct md_streams *streams, const char *wanted_languages);

/* Sets is_commentary, is_visual_impaired, is_hearing_impaired, is_dub where the stream's title says
 * so ("Director's commentary", "Audio Description", "Hörfilmfassung"). */
void md_choose_read_title(struct md_stream *stream);

/* A few words for an audio or video stream in messages: "1 (eng, aac, 6 channels)". Returns out. */
char *md_choose_describe(char out[160], const struct md_stream *stream);

#endif
