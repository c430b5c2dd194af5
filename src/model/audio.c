/* The table of audio.json. */
#include "model/audio.h"

#include <string.h>

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
