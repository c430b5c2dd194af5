/* The table of shots.json. */
#include "model/shots.h"

#include <math.h>
#include <string.h>

const char *const md_transition_names[] = {"start",      "cut",  "dissolve", "fade_black",
                                           "fade_white", "wipe", NULL};

#define S struct md_shot
static const struct md_field shot_fields[] = {
    MD_F_TIME(S, start_us),
    MD_F_TIME(S, end_us),
    MD_F_INT(S, start_frame, 0, INT64_MAX),
    MD_F_INT(S, end_frame, 0, INT64_MAX),
    MD_F_ENUM(S, transition, md_transition_names),
    MD_F_INT(S, transition_start_frame, 0, INT64_MAX),
    MD_F_INT(S, transition_end_frame, 0, INT64_MAX),
    MD_F_FLOAT(S, confidence),
    MD_F_FLOAT(S, motion),
    MD_F_FLOAT(S, luma),
    MD_F_FLOAT(S, contrast),
    MD_F_FLOAT(S, saturation),
    MD_F_FLOAT(S, colorfulness),
    MD_F_FLOAT(S, warmth),
    MD_F_FLOAT(S, sharpness),
    MD_F_FLOATS(S, signature, MD_SIGNATURE_BINS),
    MD_F_TIME(S, key_us),
    MD_F_STRING(S, key_image),
    MD_F_BOOL(S, credits),
    MD_F_END,
};

#define C struct md_credits
static const struct md_field credits_fields[] = {
    MD_F_TIME(C, start_us),
    MD_F_TIME(C, end_us),
    MD_F_BOOL(C, rolling),
    MD_F_END,
};

#define T struct md_shots
static const struct md_field shots_fields[] = {
    MD_F_STRING(T, detector),
    MD_F_ENUM(T, mode, md_shots_mode_names),
    MD_F_STRING(T, mode_reason),
    MD_F_INT(T, frame_count, 0, INT64_MAX),
    MD_F_INT(T, frames_decoded, 0, INT64_MAX),
    MD_F_INT(T, damaged_frames, 0, INT64_MAX),
    MD_F_TIME(T, duration_us),
    MD_F_INT(T, width, 0, 1 << 20),
    MD_F_INT(T, height, 0, 1 << 20),
    MD_F_INT(T, crop_left, 0, 65536),
    MD_F_INT(T, crop_top, 0, 65536),
    MD_F_INT(T, crop_right, 0, 65536),
    MD_F_INT(T, crop_bottom, 0, 65536),
    MD_F_OBJECTS(T, shots, shot_fields, 1000000),
    MD_F_OBJECTS(T, credits, credits_fields, 10000),
    MD_F_FLOATS(T, motion_curve, 400000),
    MD_F_FLOATS(T, luma_curve, 400000),
    MD_F_INTS(T, entries_us, MD_SHOTS_MOST_ENTRIES),
    MD_F_STRINGS(T, warnings, 1000),
    MD_F_END,
};

static int validate(const void *object, struct md_failure *failure)
{
    const struct md_shots *shots = object;
    int64_t at_us = 0;
    for (size_t i = 0; i < shots->shots.n; i++) {
        const struct md_shot *shot = &shots->shots.v[i];
        if ((i > 0 && shot->start_us != at_us) || shot->end_us <= shot->start_us ||
            shot->end_frame <= shot->start_frame)
            return md_fail(failure, MD_ERR_INPUT,
                           "shots.json: shot %zu does not follow the one before", i);
        /* The picture of a report is read from the work folder and from nowhere else. */
        if (shot->key_image && (shot->key_image[0] == '/' || strstr(shot->key_image, "..")))
            return md_fail(failure, MD_ERR_INPUT, "shots.json: shot %zu names an image elsewhere",
                           i);
        at_us = shot->end_us;
    }
    for (size_t i = 1; i < shots->entries_us.n; i++)
        if (shots->entries_us.v[i] <= shots->entries_us.v[i - 1])
            return md_fail(failure, MD_ERR_INPUT, "shots.json: entry %zu is out of order", i);
    return MD_OK;
}

const struct md_artifact_type md_artifact_shots = {
    .schema = "moviedigest.shots",
    .file = "shots.json",
    .version = 1,
    .fields = shots_fields,
    .size = sizeof(struct md_shots),
    .validate = validate,
};

float md_shot_distance(const struct md_shot *a, const struct md_shot *b)
{
    size_t n = a->signature.n < b->signature.n ? a->signature.n : b->signature.n;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)a->signature.v[i] - b->signature.v[i]);
    return n > 0 && isfinite(sum) ? (float)(sum / (double)n) : INFINITY;
}
