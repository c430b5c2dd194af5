/* audio.json: loudness and what is heard, over time. */
#ifndef MD_MODEL_AUDIO_H
#define MD_MODEL_AUDIO_H

#include "model/artifact.h"

enum md_sound { MD_SOUND_SILENCE, MD_SOUND_SPEECH, MD_SOUND_MUSIC, MD_SOUND_OTHER };
extern const char *const md_sound_names[]; /* "silence", "speech", "music", "other"; NULL-ended */

struct md_sound_range {
    int64_t start_us, end_us; /* ranges tile the audio */
    int sound;                /* enum md_sound */
    float confidence;         /* 0 to 1 */
};
struct md_sound_vec MD_VEC(struct md_sound_range);

struct md_audio {
    bool present; /* false: the movie has no audio; everything else is empty */
    int64_t duration_us;
    int64_t start_us;       /* movie time of the first sample in audio.pcm */
    double integrated_lufs; /* EBU R128; -70 for silence */
    double range_lu;        /* loudness range, EBU Tech 3342 */
    double true_peak_dbtp;
    int64_t window_us;         /* step of the two curves: 500000 */
    struct md_floats loudness; /* LUFS per window (mean of momentary values), -70 at least */
    struct md_floats speech;   /* likelihood of speech per window, 0 to 1 */
    struct md_sound_vec ranges;
    char *pcm; /* "audio.pcm": 16 kHz mono signed 16-bit little-endian; NULL when none */
    struct md_strings warnings;
};

/* Measures over a stretch of movie time, for the stages that judge it. */
struct md_audio_measure {
    bool known;      /* false: no audio there; all else is 0 */
    float loudness;  /* mean LUFS of the windows, -70 at least */
    float loudest;   /* LUFS of the loudest window */
    float spread_lu; /* standard deviation of the windows */
    float speech;    /* mean likelihood, 0 to 1 */
    float share[4];  /* of the stretch, by enum md_sound */
};
void md_audio_measure(const struct md_audio *audio, int64_t start_us, int64_t end_us,
                      struct md_audio_measure *ret);

#endif
