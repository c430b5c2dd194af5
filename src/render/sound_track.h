/* The digest's sound: pieces of the movie's at their gains, faded where they do not follow each
 * other, limited, measured, encoded. Times are samples at MD_SOUND_RATE in the digest. */
#ifndef MD_RENDER_SOUND_TRACK_H
#define MD_RENDER_SOUND_TRACK_H

#include "model/cut.h"
#include "model/media.h"
#include "model/stage.h"
#include "render/encoder.h"

struct md_sound_track;

/* Opens the movie's sound and the encoder. MD_ERR_UNSUPPORTED and others of md_sound_source_new. */
int md_sound_track_new(const struct md_stage_env *env, const struct md_media *media,
                       struct md_packet_sink sink, struct md_sound_track **ret_track);
void md_sound_track_free(struct md_sound_track *track);

/* Listens to the pieces once and decides their gains for a loudness of the whole; without this call
 * they are left as they are. MD_ERR_CANCELLED, MD_ERR_NOMEM. */
int md_sound_track_level(struct md_sound_track *track, const struct md_piece_vec *pieces,
                         double target_lufs);

/* A piece: begins with the sound of this moment of the movie; follows: without a gap in the movie
 * after the piece before; stamp_offset_us: see md_sound_source_follow_picture. */
int md_sound_track_begin(struct md_sound_track *track, size_t piece, int64_t movie_us,
                         int64_t stamp_offset_us, bool follows);
/* The piece goes on at least until here. */
int md_sound_track_reach(struct md_sound_track *track, int64_t sample);
/* The piece ends here; goes_on: the next one follows without a gap. */
int md_sound_track_end(struct md_sound_track *track, int64_t sample, bool goes_on);

/* Writes what is left. */
int md_sound_track_finish(struct md_sound_track *track);

/* Integrated loudness of what was written, before encoding; MD_METER_NONE for silence. */
double md_sound_track_loudness(const struct md_sound_track *track);
int64_t md_sound_track_damage(const struct md_sound_track *track);
const struct md_encoder *md_sound_track_encoder(const struct md_sound_track *track);

#endif
