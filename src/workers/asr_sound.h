/* What a movie's speech worker listens to: its PCM file, cut into chunks. One thread. */
#ifndef MD_WORKERS_ASR_SOUND_H
#define MD_WORKERS_ASR_SOUND_H

#include <stdio.h>

#include "model/audio.h"
#include "model/stage.h"
#include "transcript/chunk.h"

struct md_asr_sound {
    const struct md_stage_env *env; /* borrowed, like the next */
    const struct md_audio *audio;
    FILE *pcm;
    int64_t samples;            /* in the file */
    struct md_chunk_vec chunks; /* planned from the sound alone */
};

/* Opens the PCM file of env->work_dir and plans the chunks. MD_ERR_NOMEM, MD_ERR_CANCELLED, and
 * what files can give; *sound is to be closed in any case. */
int md_asr_sound_open(struct md_asr_sound *sound, const struct md_stage_env *env,
                      const struct md_audio *audio);

/* The samples of a chunk, MD_SPEECH_RATE, -1 to 1; caller frees. At least as many as whisper takes,
 * at most MD_SPEECH_LONGEST_S of them; what the file does not have is silence. */
int md_asr_sound_read(struct md_asr_sound *sound, size_t chunk, float **ret_samples,
                      size_t *ret_count);

void md_asr_sound_close(struct md_asr_sound *sound); /* accepts a zero struct */

#endif
