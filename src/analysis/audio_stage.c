/* The audio stage. The sound is decoded once and every block goes three ways: native to the
 * loudness meter, as 16 kHz mono to the PCM file and to the feature extractor. The PCM is on the
 * movie's clock from zero: sample n is heard at n / 16000 s, whenever the sound itself begins. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/audio_classify.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/audio_reader.h"
#include "media/loudness.h"
#include "media/resampler.h"
#include "model/audio.h"
#include "model/media.h"
#include "model/stage.h"

static const char pcm_name[] = "audio.pcm";
static const int64_t window_us = MD_SECOND_US * MD_SOUND_WINDOW / MD_SOUND_RATE;

enum { STEPS = MD_SECOND_US / 2 / MD_LOUDNESS_STEP_US }; /* momentary values per window */

struct run {
    const struct md_stage_env *env;
    const struct md_media *media;
    struct md_audio *audio;
    struct md_audio_reader *reader;
    struct md_resampler *resampler;
    struct md_loudness *loudness;
    struct md_sound_features features;
    struct md_sound_score_vec scores;
    int64_t steps;   /* momentary values so far */
    double step_sum; /* of the ones in the window being filled */
    bool failed;     /* a callback ran out of memory */
    FILE *pcm;
    char *pcm_path, *pcm_temp;
    int64_t samples; /* written */
};

static void done(struct run *run)
{
    md_audio_close(run->reader);
    md_resampler_free(run->resampler);
    md_loudness_free(run->loudness);
    md_vec_done(&run->scores);
    if (run->pcm)
        fclose(run->pcm);
    if (run->pcm_temp)
        unlink(run->pcm_temp);
    free(run->pcm_path);
    free(run->pcm_temp);
}

static int no_memory(const struct run *run)
{
    return md_fail(run->env->failure, MD_ERR_NOMEM, "not enough memory to analyse the sound of %s",
                   run->media->name);
}

/* ---- callbacks ---- */

static void on_window(void *user, const struct md_sound_window *window)
{
    struct run *run = user;
    if (md_vec_push(&run->scores, md_sound_judge(window)) < 0)
        run->failed = true;
}

static void push_loudness(struct run *run, double lufs)
{
    if (md_vec_push(&run->audio->loudness, (float)lufs) < 0)
        run->failed = true;
    run->step_sum = 0;
}

/* Value k is the loudness from 0.3 s before to 0.1 s after k tenths of a second, so its middle lies
 * in the half second (k - 1) / 5: the first value belongs to none but the first window. */
static void on_momentary(void *user, double lufs)
{
    struct run *run = user;
    int64_t k = run->steps++;
    run->step_sum += lufs;
    if (k > 0 && k % STEPS == 0)
        push_loudness(run, run->step_sum / (k == STEPS ? STEPS + 1 : STEPS));
}

/* ---- one pass ---- */

static int open_pcm(struct run *run)
{
    struct md_failure *failure = run->env->failure;
    run->pcm_path = md_path_join(run->env->work_dir, pcm_name);
    if (!run->pcm_path || md_file_temp_name(run->pcm_path, &run->pcm_temp) < 0)
        return no_memory(run);
    run->pcm = fopen(run->pcm_temp, "wbe");
    if (!run->pcm)
        return md_fail_errno(failure, errno, "%s cannot be written", run->pcm_temp);
    return MD_OK;
}

static int open_all(struct run *run)
{
    const struct md_stage_env *env = run->env;
    struct md_audio_params params = {
        .path = env->movie_path,
        .media = run->media,
        .end_us = run->media->duration_us,
        .cancelled = env->cancelled,
        .user = env->user,
    };
    int rc = md_audio_open(&params, &run->reader, env->failure);
    if (rc < 0)
        return rc;
    const struct md_audio_format *format = md_audio_format(run->reader);
    md_sound_features_init(&run->features, on_window, run);
    rc = md_resampler_new(format, MD_SOUND_RATE, 1, &run->resampler, env->failure);
    if (rc == MD_OK)
        rc = md_loudness_new(format, on_momentary, run, &run->loudness, env->failure);
    return rc < 0 ? rc : open_pcm(run);
}

static int write_pcm(struct run *run, const float *samples, int64_t n)
{
    enum { CHUNK = 4096 };
    uint8_t bytes[2 * CHUNK];
    while (n > 0) {
        int m = (int)MD_MIN(n, CHUNK);
        for (int i = 0; i < m; i++) {
            int value = (int)lrintf(MD_CLAMP(samples[i], -1.0f, 1.0f) * 32767);
            bytes[2 * i] = (uint8_t)(value & 0xff);
            bytes[2 * i + 1] = (uint8_t)(value >> 8 & 0xff);
        }
        // cppcheck-suppress uninitvar ; the loop above fills what is written
        if (fwrite(bytes, 2, (size_t)m, run->pcm) != (size_t)m)
            return md_fail_errno(run->env->failure, errno, "%s cannot be written", run->pcm_temp);
        samples += m;
        n -= m;
        run->samples += m;
    }
    return MD_OK;
}

/* NULL, 0: the end. */
static int take_block(struct run *run, const float *samples, int64_t frames)
{
    const float *mono;
    int64_t n;
    if (md_resampler_convert(run->resampler, samples, frames, &mono, &n) < 0)
        return no_memory(run);
    if (samples)
        md_loudness_add(run->loudness, samples, frames);
    md_sound_features_add(&run->features, mono, n);
    if (run->failed)
        return no_memory(run);
    return write_pcm(run, mono, n);
}

static int read_all(struct run *run)
{
    const struct md_stage_env *env = run->env;
    struct md_audio_block block;
    int rc;
    while ((rc = md_audio_next(run->reader, &block, env->failure)) == MD_OK) {
        rc = take_block(run, block.samples, block.frames);
        if (rc < 0)
            return rc;
        md_stage_progress(env, block.start_us, run->media->duration_us);
    }
    return rc == MD_ERR_EOF ? take_block(run, NULL, 0) : rc;
}

/* ---- results ---- */

static int warn(struct run *run, const char *text)
{
    char *copy = strdup(text);
    if (!copy || md_vec_push(&run->audio->warnings, copy) < 0) {
        free(copy);
        return no_memory(run);
    }
    return MD_OK;
}

static int add_warnings(struct run *run)
{
    struct md_audio_stats stats;
    char text[200];
    int rc = MD_OK;
    md_audio_stats_get(run->reader, &stats);
    if (stats.lost_packets > 0) {
        snprintf(text, sizeof text, "%lld damaged pieces of sound were skipped.",
                 (long long)stats.lost_packets);
        rc = warn(run, text);
    }
    if (rc == MD_OK && stats.gaps > 0) {
        snprintf(text, sizeof text, "The sound has %lld gaps, %.1f s together; silence fills them.",
                 (long long)stats.gaps, (double)stats.filled_us / 1e6);
        rc = warn(run, text);
    }
    if (rc == MD_OK && run->audio->integrated_lufs <= MD_LOUDNESS_FLOOR)
        rc = warn(run, "The audio track is silent from beginning to end.");
    return rc;
}

/* Momentary loudness comes in whole tenths of a second, windows and PCM in samples: the curve is
 * brought to the number of windows. */
static void fit_loudness(struct run *run, size_t windows)
{
    struct md_floats *curve = &run->audio->loudness;
    int64_t left = run->steps - 1 - (int64_t)curve->n * STEPS;
    if (curve->n < windows && left > 0)
        push_loudness(run, run->step_sum / (double)left);
    while (curve->n < windows && !run->failed)
        push_loudness(run, curve->n > 0 ? curve->v[curve->n - 1] : MD_LOUDNESS_FLOOR);
    if (curve->n > windows)
        curve->n = windows;
}

static int fill_artifact(struct run *run)
{
    struct md_audio *audio = run->audio;
    struct md_loudness_result loudness;
    md_sound_features_finish(&run->features);
    md_loudness_result(run->loudness, &loudness);
    fit_loudness(run, run->scores.n);
    audio->present = true;
    audio->duration_us = run->samples * MD_SECOND_US / MD_SOUND_RATE;
    audio->integrated_lufs = loudness.integrated_lufs;
    audio->range_lu = loudness.range_lu;
    audio->true_peak_dbtp = loudness.true_peak_dbtp;
    audio->window_us = window_us;
    audio->pcm = strdup(pcm_name);
    if (run->failed || !audio->pcm)
        return no_memory(run);
    if (md_sound_smooth(run->scores.v, audio->loudness.v, run->scores.n,
                        md_sound_silence_lufs(loudness.integrated_lufs), window_us,
                        audio->duration_us, &audio->ranges, &audio->speech) < 0)
        return no_memory(run);
    return add_warnings(run);
}

static int commit_pcm(struct run *run)
{
    FILE *pcm = md_take_ptr(run->pcm);
    if (fclose(pcm) != 0)
        return md_fail_errno(run->env->failure, errno, "%s cannot be written", run->pcm_temp);
    return md_file_commit(run->pcm_temp, run->pcm_path, run->env->failure);
}

static int run_stage(const struct md_stage_env *env, const struct md_artifacts *in,
                     void *ret_artifact)
{
    if (in->media->audio_stream < 0)
        return MD_OK; /* present is false */
    __attribute__((cleanup(done))) struct run run = {
        .env = env,
        .media = in->media,
        .audio = ret_artifact,
    };
    int rc = open_all(&run);
    if (rc == MD_OK)
        rc = read_all(&run);
    if (rc == MD_OK)
        rc = fill_artifact(&run);
    if (rc == MD_OK)
        rc = commit_pcm(&run);
    return rc;
}

static bool outputs_present(const struct md_stage_env *env, const void *artifact)
{
    const struct md_audio *audio = artifact;
    if (!audio->present || !audio->pcm)
        return true;
    md_autofree char *path = md_path_join(env->work_dir, audio->pcm);
    struct stat st;
    /* an odd number of samples is 62.5 us long: durations are rounded down to a microsecond */
    int64_t samples = (audio->duration_us * MD_SOUND_RATE + MD_SECOND_US - 1) / MD_SECOND_US;
    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 2 * samples;
}

const struct md_stage_ops md_stage_ops_audio = {
    .stage = MD_STAGE_AUDIO,
    .revision = 1,
    .run = run_stage,
    .outputs_present = outputs_present,
};
