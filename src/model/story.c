/* The table of story.json. */
#include "model/story.h"

const char *const md_act_names[] = {"opening", "inciting-incident", "rising-action",
                                    "climax",  "resolution",        NULL};
const char *const md_act_titles[] = {"Opening", "Inciting incident", "Rising action",
                                     "Climax",  "Resolution",        NULL};

#define E struct md_sentence
static const struct md_field sentence_fields[] = {
    MD_F_TIME(E, start_us),
    MD_F_TIME(E, end_us),
    MD_F_STRING(E, text),
    MD_F_STRING(E, speaker),
    MD_F_FLOAT(E, importance),
    MD_F_FLOAT(E, emotion),
    MD_F_END,
};

#define S struct md_segment
static const struct md_field segment_fields[] = {
    MD_F_TIME(S, start_us),
    MD_F_TIME(S, end_us),
    MD_F_INT(S, first_shot, 0, 1000000),
    MD_F_INT(S, shot_count, 0, 1000000),
    MD_F_INT(S, first_sentence, 0, 1000000),
    MD_F_INT(S, sentence_count, 0, 1000000),
    MD_F_ENUM(S, act, md_act_names),
    MD_F_FLOAT(S, importance),
    MD_F_FLOAT(S, audio_visual),
    MD_F_FLOAT(S, emotion),
    MD_F_FLOAT(S, boundary),
    MD_F_STRING(S, title),
    MD_F_STRING(S, summary),
    MD_F_STRINGS(S, keywords, 100),
    MD_F_END,
};

#define A struct md_act_range
static const struct md_field act_fields[] = {
    MD_F_ENUM(A, act, md_act_names),
    MD_F_TIME(A, start_us),
    MD_F_TIME(A, end_us),
    MD_F_INT(A, first_segment, 0, 1000000),
    MD_F_INT(A, segment_count, 0, 1000000),
    MD_F_STRING(A, summary),
    MD_F_END,
};

#define C struct md_character
static const struct md_field character_fields[] = {
    MD_F_STRING(C, name),
    MD_F_INT(C, mentions, 0, INT64_MAX),
    MD_F_INT(C, lines, 0, INT64_MAX),
    MD_F_TIME(C, first_us),
    MD_F_TIME(C, last_us),
    MD_F_STRING(C, role),
    MD_F_END,
};

#define K struct md_key_moment
static const struct md_field key_moment_fields[] = {
    MD_F_TIME(K, time_us),
    MD_F_TIME(K, end_us),
    MD_F_INT(K, segment, 0, 1000000),
    MD_F_FLOAT(K, score),
    MD_F_STRING(K, kind),
    MD_F_STRING(K, reason),
    MD_F_STRING(K, quote),
    MD_F_END,
};

#define M struct md_teller
static const struct md_field teller_fields[] = {
    MD_F_STRING(M, name),
    MD_F_STRING(M, device),
    MD_F_STRING(M, cache),
    MD_F_INT(M, context, 0, INT64_MAX),
    MD_F_INT(M, layers, 0, INT64_MAX),
    MD_F_INT(M, gpu_layers, 0, INT64_MAX),
    MD_F_END,
};

#define T struct md_story
static const struct md_field story_fields[] = {
    MD_F_STRING(T, method),
    MD_F_OBJECTS(T, told_by, teller_fields, 1),
    MD_F_BOOL(T, has_words),
    MD_F_OBJECTS(T, sentences, sentence_fields, 1000000),
    MD_F_OBJECTS(T, segments, segment_fields, 100000),
    MD_F_OBJECTS(T, acts, act_fields, MD_ACTS),
    MD_F_OBJECTS(T, characters, character_fields, 1000),
    MD_F_OBJECTS(T, key_moments, key_moment_fields, 1000),
    MD_F_STRING(T, synopsis),
    MD_F_STRINGS(T, keywords, 1000),
    MD_F_STRINGS(T, warnings, 1000),
    MD_F_END,
};

static int validate(const void *object, struct md_failure *failure)
{
    const struct md_story *story = object;
    for (size_t i = 0; i < story->segments.n; i++) {
        const struct md_segment *s = &story->segments.v[i];
        if (!s->title || s->end_us < s->start_us ||
            (size_t)(s->first_sentence + s->sentence_count) > story->sentences.n)
            return md_fail(failure, MD_ERR_INPUT, "story.json: segment %zu is not valid", i);
    }
    for (size_t i = 0; i < story->acts.n; i++) {
        const struct md_act_range *a = &story->acts.v[i];
        if ((size_t)(a->first_segment + a->segment_count) > story->segments.n)
            return md_fail(failure, MD_ERR_INPUT, "story.json: act %zu is not valid", i);
    }
    for (size_t i = 0; i < story->key_moments.n; i++)
        if ((size_t)story->key_moments.v[i].segment >= story->segments.n)
            return md_fail(failure, MD_ERR_INPUT, "story.json: key moment %zu is not valid", i);
    for (size_t i = 0; i < story->sentences.n; i++)
        if (!story->sentences.v[i].text)
            return md_fail(failure, MD_ERR_INPUT, "story.json: sentence %zu has no text", i);
    return MD_OK;
}

const struct md_artifact_type md_artifact_story = {
    .schema = "moviedigest.story",
    .file = "story.json",
    .version = 1,
    .fields = story_fields,
    .size = sizeof(struct md_story),
    .validate = validate,
};
