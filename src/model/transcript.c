/* The table of transcript.json. */
#include "model/transcript.h"

const char *const md_transcript_source_names[] = {"none", "sidecar", "embedded", "whisper", NULL};

#define C struct md_cue
static const struct md_field cue_fields[] = {
    MD_F_TIME(C, start_us),
    MD_F_TIME(C, end_us),
    MD_F_STRING(C, text),
    MD_F_STRING(C, speaker),
    MD_F_BOOL(C, is_sound),
    MD_F_INTS(C, word_us, 4096),
    MD_F_END,
};

#define T struct md_transcript
static const struct md_field transcript_fields[] = {
    MD_F_ENUM(T, source, md_transcript_source_names),
    MD_F_STRING(T, origin),
    MD_F_STRING(T, heard_on),
    MD_F_STRING(T, language),
    MD_F_OBJECTS(T, cues, cue_fields, 1000000),
    MD_F_STRINGS(T, warnings, 1000),
    MD_F_END,
};

static int validate(const void *object, struct md_failure *failure)
{
    const struct md_transcript *transcript = object;
    for (size_t i = 0; i < transcript->cues.n; i++) {
        const struct md_cue *cue = &transcript->cues.v[i];
        if (!cue->text || cue->end_us < cue->start_us ||
            (i > 0 && cue->start_us < transcript->cues.v[i - 1].start_us))
            return md_fail(failure, MD_ERR_INPUT, "transcript.json: cue %zu is out of order", i);
    }
    return MD_OK;
}

const struct md_artifact_type md_artifact_transcript = {
    .schema = "moviedigest.transcript",
    .file = "transcript.json",
    .version = 1,
    .fields = transcript_fields,
    .size = sizeof(struct md_transcript),
    .validate = validate,
};
