/* The table of audio.json. */
#include "model/audio.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"

const char *const md_sound_names[] = {"silence", "speech", "music", "other", NULL};

#define R struct md_sound_range
static const struct md_field range_fields[] = {
    MD_F_TIME(R, start_us),
    MD_F_TIME(R, end_us),
    MD_F_ENUM(R, sound, md_sound_names),
    MD_F_FLOAT(R, confidence),
    MD_F_END,
};

#define A struct md_audio
static const struct md_field audio_fields[] = {
    MD_F_BOOL(A, present),
    MD_F_TIME(A, duration_us),
    MD_F_TIME(A, start_us),
    MD_F_DOUBLE(A, integrated_lufs),
    MD_F_DOUBLE(A, range_lu),
    MD_F_DOUBLE(A, true_peak_dbtp),
    MD_F_INT(A, window_us, 0, 60000000),
    MD_F_FLOATS(A, loudness, 1000000),
    MD_F_FLOATS(A, speech, 1000000),
    MD_F_OBJECTS(A, ranges, range_fields, 1000000),
    MD_F_STRING(A, pcm),
    MD_F_STRINGS(A, warnings, 1000),
    MD_F_END,
};

static int validate(const void *object, struct md_failure *failure)
{
    const struct md_audio *audio = object;
    if (audio->present && audio->window_us <= 0)
        return md_fail(failure, MD_ERR_INPUT, "audio.json has no window length");
    if (audio->pcm && strchr(audio->pcm, '/'))
        return md_fail(failure, MD_ERR_INPUT, "audio.json names a sound file elsewhere");
    return MD_OK;
}

const struct md_artifact_type md_artifact_audio = {
    .schema = "moviedigest.audio",
    .file = "audio.json",
    .version = 1,
    .fields = audio_fields,
    .size = sizeof(struct md_audio),
    .validate = validate,
};

static void measure_curves(const struct md_audio *audio, int64_t start_us, int64_t end_us,
                           struct md_audio_measure *ret)
{
    const float faintest = -70;
    int64_t n = (int64_t)audio->loudness.n, window_us = audio->window_us;
    int64_t from = (start_us - audio->start_us) / window_us;
    int64_t to = (end_us - audio->start_us + window_us - 1) / window_us;
    double sum = 0, squares = 0, speech = 0;
    from = MD_CLAMP(from, 0, n);
    to = MD_CLAMP(to, 0, n);
    ret->known = from < to;
    ret->loudest = ret->known ? faintest : 0;
    for (int64_t i = from; i < to; i++) {
        float value = MD_CLAMP(audio->loudness.v[i], faintest, 0);
        sum += value;
        squares += (double)value * value;
        speech += i < (int64_t)audio->speech.n ? audio->speech.v[i] : 0;
        ret->loudest = MD_MAX(ret->loudest, value);
    }
    if (!ret->known)
        return;
    double count = (double)(to - from), mean = sum / count;
    ret->loudness = (float)mean;
    ret->spread_lu = (float)sqrt(MD_MAX(squares / count - mean * mean, 0));
    ret->speech = (float)(speech / count);
}

/* First range that ends after t. */
static size_t find_range(const struct md_audio *audio, int64_t t)
{
    size_t low = 0, high = audio->ranges.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (audio->ranges.v[middle].end_us <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void md_audio_measure(const struct md_audio *audio, int64_t start_us, int64_t end_us,
                      struct md_audio_measure *ret)
{
    *ret = (struct md_audio_measure){0};
    if (!audio || !audio->present || audio->window_us <= 0 || end_us <= start_us)
        return;
    measure_curves(audio, start_us, end_us, ret);
    for (size_t i = find_range(audio, start_us); i < audio->ranges.n; i++) {
        const struct md_sound_range *r = &audio->ranges.v[i];
        if (r->start_us >= end_us)
            break;
        int64_t overlap_us = MD_MIN(r->end_us, end_us) - MD_MAX(r->start_us, start_us);
        if (overlap_us > 0 && r->sound >= 0 && (size_t)r->sound < MD_ARRAY_LEN(ret->share))
            ret->share[r->sound] += (float)((double)overlap_us / (double)(end_us - start_us));
    }
}
