/* Cuts lie where it is quiet, and where that is, is told from the loudness of every 20 ms: the file
 * is read once for it, some tenths of a second for a movie of two hours. */
#include "workers/asr_sound.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "infer/speech.h"

enum {
    STEP = MD_SPEECH_RATE * MD_CHUNK_STEP_US / MD_SECOND_US, /* samples */
    LEAST_SAMPLES = 17600, /* less than a second is refused by whisper; silence fills up */
};

static int no_memory(const struct md_asr_sound *sound)
{
    return md_fail(sound->env->failure, MD_ERR_NOMEM, "out of memory transcribing");
}

static int open_pcm(struct md_asr_sound *sound)
{
    struct stat st;
    md_autofree char *path = md_path_join(sound->env->work_dir, sound->audio->pcm);
    if (!path)
        return no_memory(sound);
    sound->pcm = fopen(path, "rbe");
    if (!sound->pcm || fstat(fileno(sound->pcm), &st) < 0)
        return md_fail_errno(sound->env->failure, errno, "%s cannot be read", path);
    sound->samples = st.st_size / 2;
    return MD_OK;
}

/* Reads up to n samples from a place; what the file does not have is silence. */
static int read_samples(struct md_asr_sound *sound, int64_t from, float *samples, size_t n)
{
    int16_t block[4096];
    memset(samples, 0, n * sizeof *samples);
    if (fseeko(sound->pcm, (off_t)(2 * MD_MAX(from, 0)), SEEK_SET) < 0)
        return md_fail_errno(sound->env->failure, errno, "%s cannot be read", sound->audio->pcm);
    while (n > 0) {
        size_t got = fread(block, 2, MD_MIN(n, MD_ARRAY_LEN(block)), sound->pcm);
        for (size_t i = 0; i < got; i++)
            samples[i] = (float)block[i] / 32768.0f;
        samples += got;
        n -= got;
        if (got == 0)
            break;
    }
    if (ferror(sound->pcm))
        return md_fail(sound->env->failure, MD_ERR_IO, "%s cannot be read", sound->audio->pcm);
    return MD_OK;
}

/* Decibels of a step of samples. */
static float level_of(const int16_t *samples, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)samples[i] * samples[i];
    return (float)(10 * log10(sum / (32768.0 * 32768.0) / STEP + 1e-9));
}

/* Decibels of every step, from the beginning to the end of the file. */
static int measure_levels(struct md_asr_sound *sound, float **ret_levels, size_t *ret_count)
{
    size_t count = (size_t)((sound->samples + STEP - 1) / STEP);
    md_autofree float *levels = malloc((count + 1) * sizeof *levels);
    int16_t samples[STEP];
    if (!levels)
        return no_memory(sound);
    if (fseeko(sound->pcm, 0, SEEK_SET) < 0)
        return md_fail_errno(sound->env->failure, errno, "%s cannot be read", sound->audio->pcm);
    for (size_t i = 0; i < count; i++) {
        levels[i] = level_of(samples, fread(samples, 2, STEP, sound->pcm));
        if (i % 1024 == 0 && md_stage_cancelled(sound->env))
            return md_fail(sound->env->failure, MD_ERR_CANCELLED, "cancelled");
    }
    if (ferror(sound->pcm))
        return md_fail(sound->env->failure, MD_ERR_IO, "%s cannot be read", sound->audio->pcm);
    *ret_levels = md_take_ptr(levels);
    *ret_count = count;
    return MD_OK;
}

static int64_t sample_at(int64_t time_us)
{
    return time_us * MD_SPEECH_RATE / MD_SECOND_US;
}

int md_asr_sound_read(struct md_asr_sound *sound, size_t index, float **ret_samples,
                      size_t *ret_count)
{
    const struct md_chunk *chunk = &sound->chunks.v[index];
    const size_t most = (size_t)MD_SPEECH_LONGEST_S * MD_SPEECH_RATE;
    md_autofree float *samples = calloc(most, sizeof *samples);
    size_t n = 0;
    if (!samples)
        return no_memory(sound);
    for (int i = 0; i < chunk->piece_count; i++) {
        int64_t from = sample_at(chunk->pieces[i].start_us);
        size_t count = (size_t)(sample_at(chunk->pieces[i].end_us) - from);
        count = MD_MIN(count, most - n);
        int r = read_samples(sound, from, samples + n, count);
        if (r < 0)
            return r;
        n += count;
    }
    *ret_samples = md_take_ptr(samples);
    *ret_count = MD_MAX(n, (size_t)LEAST_SAMPLES);
    return MD_OK;
}

int md_asr_sound_open(struct md_asr_sound *sound, const struct md_stage_env *env,
                      const struct md_audio *audio)
{
    md_autofree float *levels = NULL;
    size_t count = 0;
    *sound = (struct md_asr_sound){.env = env, .audio = audio};
    int r = open_pcm(sound);
    if (r == MD_OK)
        r = measure_levels(sound, &levels, &count);
    if (r == MD_OK && md_chunk_plan(audio, levels, count, &sound->chunks) < 0)
        r = no_memory(sound);
    return r;
}

void md_asr_sound_close(struct md_asr_sound *sound)
{
    md_vec_done(&sound->chunks);
    if (sound->pcm)
        fclose(sound->pcm);
    sound->pcm = NULL;
}
