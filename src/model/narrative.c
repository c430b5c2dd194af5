/* Tables, as for artifacts. */
#include "model/narrative.h"

#include <string.h>

#define S struct md_scene_reply
static const struct md_field scene_fields[] = {
    {.name = "title",
     .kind = MD_FIELD_STRING,
     .offset = offsetof(S, title),
     .required = true,
     .max = 400},
    {.name = "what",
     .kind = MD_FIELD_STRING,
     .offset = offsetof(S, what),
     .required = true,
     .max = 4000},
    MD_F_STRINGS(S, who, 32),
    MD_F_STRING(S, tone),
    MD_F_INT(S, importance, 0, 10),
    MD_F_INT(S, line, 0, 1000000),
    MD_F_END,
};

#define A struct md_act_reply
static const struct md_field act_fields[] = {
    {.name = "summary",
     .kind = MD_FIELD_STRING,
     .offset = offsetof(A, summary),
     .required = true,
     .max = 8000},
    MD_F_INT(A, turning_point, 0, 1000000),
    MD_F_END,
};

#define P struct md_told_person
static const struct md_field person_fields[] = {
    MD_F_STRING(P, name),
    MD_F_STRING(P, role),
    MD_F_END,
};

#define M struct md_movie_reply
static const struct md_field movie_fields[] = {
    {.name = "synopsis",
     .kind = MD_FIELD_STRING,
     .offset = offsetof(M, synopsis),
     .required = true,
     .max = 16000},
    MD_F_INTS(M, key_scenes, 64),
    MD_F_OBJECTS(M, people, person_fields, 64),
    MD_F_END,
};

/* Is there a letter or any character beyond ASCII in it? */
static bool says_something(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text >= 0x80 || (*text >= 'A' && *text <= 'Z') ||
            (*text >= 'a' && *text <= 'z'))
            return true;
    return false;
}

static int parse(const struct md_field *fields, const char *json, void *object)
{
    struct md_failure ignored = {0};
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    int r = json_is_object(root) ? md_codec_read(fields, root, object, &ignored) : MD_ERR_INPUT;
    json_decref(root);
    return r;
}

int md_scene_reply_parse(const char *json, struct md_scene_reply *ret)
{
    int r = parse(scene_fields, json, ret);
    if (r == MD_OK && says_something(ret->title) && says_something(ret->what))
        return MD_OK;
    md_scene_reply_done(ret);
    return r < 0 ? r : MD_ERR_INPUT;
}

int md_act_reply_parse(const char *json, struct md_act_reply *ret)
{
    int r = parse(act_fields, json, ret);
    if (r == MD_OK && says_something(ret->summary))
        return MD_OK;
    md_act_reply_done(ret);
    return r < 0 ? r : MD_ERR_INPUT;
}

int md_movie_reply_parse(const char *json, struct md_movie_reply *ret)
{
    int r = parse(movie_fields, json, ret);
    if (r == MD_OK && says_something(ret->synopsis))
        return MD_OK;
    md_movie_reply_done(ret);
    return r < 0 ? r : MD_ERR_INPUT;
}

void md_scene_reply_done(struct md_scene_reply *reply)
{
    md_codec_done(scene_fields, reply);
}

void md_act_reply_done(struct md_act_reply *reply)
{
    md_codec_done(act_fields, reply);
}

void md_movie_reply_done(struct md_movie_reply *reply)
{
    md_codec_done(movie_fields, reply);
}
