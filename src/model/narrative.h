/* What a language model is asked to reply: three small JSON objects. Replies are foreign bytes. */
#ifndef MD_MODEL_NARRATIVE_H
#define MD_MODEL_NARRATIVE_H

#include <stdint.h>

#include "base/error.h"
#include "model/codec.h"

struct md_scene_reply {
    char *title;           /* a few words */
    char *what;            /* one or two sentences */
    struct md_strings who; /* names */
    char *tone;            /* a word */
    int64_t importance;    /* 0 to 10 */
    int64_t line;          /* the telling line of dialogue, from 1; 0 none */
};
struct md_act_reply {
    char *summary;
    int64_t turning_point; /* scene, from 1; 0 none */
};
struct md_told_person {
    char *name, *role; /* may be NULL */
};
struct md_told_people MD_VEC(struct md_told_person);

struct md_movie_reply {
    char *synopsis;
    struct md_ints key_scenes; /* from 1 */
    struct md_told_people people;
};

/* Parse into a zeroed struct; free with the done function. MD_ERR_INPUT: no such object, or one
 * without text. MD_ERR_NOMEM. */
int md_scene_reply_parse(const char *json, struct md_scene_reply *ret);
int md_act_reply_parse(const char *json, struct md_act_reply *ret);
int md_movie_reply_parse(const char *json, struct md_movie_reply *ret);
void md_scene_reply_done(struct md_scene_reply *reply);
void md_act_reply_done(struct md_act_reply *reply);
void md_movie_reply_done(struct md_movie_reply *reply);

#endif
