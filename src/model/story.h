/* story.json: segments, acts, characters, the sentences that matter, key moments, synopsis. */
#ifndef MD_MODEL_STORY_H
#define MD_MODEL_STORY_H

#include "model/artifact.h"

enum md_act {
    MD_ACT_OPENING,
    MD_ACT_INCITING_INCIDENT,
    MD_ACT_RISING_ACTION,
    MD_ACT_CLIMAX,
    MD_ACT_RESOLUTION,
    MD_ACTS
};
extern const char *const md_act_names[];  /* "opening", "inciting-incident", ... NULL-ended */
extern const char *const md_act_titles[]; /* "Opening", "Inciting incident", ... */

/* A sentence of dialogue, perhaps joined from several cues. */
struct md_sentence {
    int64_t start_us, end_us;
    char *text;
    char *speaker;    /* may be NULL */
    float importance; /* graph ranking, scaled so that the best of the movie is 1 */
    float emotion;    /* strength of feeling in the words, 0 to 1 */
};
struct md_sentence_vec MD_VEC(struct md_sentence);

/* A run of whole shots that belong together; segments tile the movie without its credits. */
struct md_segment {
    int64_t start_us, end_us;
    int64_t first_shot, shot_count;
    int64_t first_sentence, sentence_count; /* sentences that start in it */
    int act;                                /* enum md_act */
    float importance; /* 0 to 1, from the words where there are any, else from picture and sound */
    float audio_visual; /* 0 to 1: motion, cutting rate, loudness and its change, colour */
    float emotion;      /* 0 to 1 */
    float boundary;     /* strength of the boundary at its start, 0 to 1 */
    char *title;        /* a few words for chapters: key words or its best sentence; never NULL */
    char *summary;      /* one or two sentences; NULL without words */
    struct md_strings keywords;
};
struct md_segment_vec MD_VEC(struct md_segment);

struct md_act_range {
    int act; /* enum md_act */
    int64_t start_us, end_us;
    int64_t first_segment, segment_count;
    char *summary; /* may be NULL */
};
struct md_act_vec MD_VEC(struct md_act_range);

struct md_character {
    char *name;
    int64_t mentions, lines; /* times named, times known as speaker */
    int64_t first_us, last_us;
    char *role; /* who that is, in a few words; NULL not known */
};
struct md_character_vec MD_VEC(struct md_character);

struct md_key_moment {
    int64_t time_us, end_us;
    int64_t segment;
    float score;  /* 0 to 1 */
    char *kind;   /* "dialogue", "action", "turning-point", "emotion", "music", "quiet" */
    char *reason; /* a sentence for the person */
    char *quote;  /* what is said there; NULL without words */
};
struct md_key_moment_vec MD_VEC(struct md_key_moment);

/* The language model whose words a story holds; see md_stage_use. How many prompts it was given at
 * once does not count: it does not shape them. */
struct md_teller {
    char *name, *device, *cache;
    int64_t context, layers, gpu_layers;
};
struct md_teller_vec MD_VEC(struct md_teller);

struct md_story {
    char *method;                 /* "built-in" */
    struct md_teller_vec told_by; /* one, or none */
    bool has_words;               /* a transcript was there and usable */
    struct md_sentence_vec sentences;
    struct md_segment_vec segments;
    struct md_act_vec acts; /* MD_ACTS of them, or fewer for very short movies; never empty */
    struct md_character_vec characters;   /* most present first */
    struct md_key_moment_vec key_moments; /* by time */
    char *synopsis; /* paragraphs separated by blank lines; NULL without words */
    struct md_strings keywords;
    struct md_strings warnings;
};

#endif
