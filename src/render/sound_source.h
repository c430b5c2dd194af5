/* The movie's sound as stereo at MD_SOUND_RATE, from any moment on, exact to the sample: where the
 * file has no sound there is silence, so that reading n samples always gives n samples. */
#ifndef MD_RENDER_SOUND_SOURCE_H
#define MD_RENDER_SOUND_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct md_media;
struct md_sound_source;

/* Opens the stream media->audio_stream of the movie. Everything is borrowed until free.
 * MD_ERR_INPUT (no such stream), MD_ERR_UNSUPPORTED (no decoder), MD_ERR_NOTFOUND, MD_ERR_IO,
 * MD_ERR_NOMEM, MD_ERR_CANCELLED. */
int md_sound_source_new(const char *path, const struct md_media *media,
                        bool (*cancelled)(void *user), void *user,
                        struct md_sound_source **ret_source, struct md_failure *failure);
void md_sound_source_free(struct md_sound_source *source);

/* The next sample read is the one heard at this movie time. A seek to where reading has come to
 * anyway (within 1 ms) costs nothing and leaves the samples gapless. MD_ERR_NOMEM,
 * MD_ERR_CANCELLED, MD_ERR_IO; a place that cannot be found is silence, not an error. */
int md_sound_source_seek(struct md_sound_source *source, int64_t time_us,
                         struct md_failure *failure);

/* Fills n samples of each channel. */
int md_sound_source_read(struct md_sound_source *source, float *left, float *right, size_t n,
                         struct md_failure *failure);

/* Of joined recordings, whose stamps start again: what the picture's reader adds to them now
 * (md_video_stamp_offset_us). 0 for all other movies. */
void md_sound_source_follow_picture(struct md_sound_source *source, int64_t stamp_offset_us);

/* Packets and frames that could not be decoded so far. */
int64_t md_sound_source_damage(const struct md_sound_source *source);

#endif
