/* Speech, music, silence or something else, over time. Pure. */
#ifndef MD_ANALYSIS_AUDIO_CLASSIFY_H
#define MD_ANALYSIS_AUDIO_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/audio_features.h"
#include "base/error.h"
#include "model/audio.h"

/* How much half a second sounds like speech and like music, each 0 to 1 and independent of the
 * other: both are high for speech over music. */
struct md_sound_score {
    float speech, music;
};
struct md_sound_score_vec MD_VEC(struct md_sound_score);

struct md_sound_score md_sound_judge(const struct md_sound_window *window);

/* Silence is what nobody hears: 35 LU below the movie's own loudness, but between -70 and -50. */
double md_sound_silence_lufs(double integrated_lufs);

/* Smooths n windows of window_us each into ranges that tile 0 to duration_us, and the likelihood of
 * speech per window (n values). loudness holds n values in LUFS. The vectors must be empty;
 * MD_ERR_NOMEM. */
int md_sound_smooth(const struct md_sound_score *scores, const float *loudness, size_t n,
                    double silence_lufs, int64_t window_us, int64_t duration_us,
                    struct md_sound_vec *ret_ranges, struct md_floats *ret_speech);

#endif
