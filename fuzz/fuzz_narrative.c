/* Any bytes as the reply of a language model: each kind is taken whole and within its ranges, or
 * refused. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/narrative.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_scene(const char *json)
{
    struct md_scene_reply reply = {0};
    if (md_scene_reply_parse(json, &reply) == 0) {
        check(reply.importance >= 0 && reply.importance <= 10 && reply.line >= 0);
        check(reply.what || reply.title);
    }
    md_scene_reply_done(&reply);
}

static void try_act(const char *json)
{
    struct md_act_reply reply = {0};
    if (md_act_reply_parse(json, &reply) == 0)
        check(reply.summary && reply.turning_point >= 0);
    md_act_reply_done(&reply);
}

static void try_movie(const char *json)
{
    struct md_movie_reply reply = {0};
    if (md_movie_reply_parse(json, &reply) == 0)
        check(reply.synopsis != NULL);
    md_movie_reply_done(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = malloc(size + 1);
    check(json != NULL);
    if (size > 0)
        memcpy(json, data, size);
    json[size] = '\0';
    try_scene(json);
    try_act(json);
    try_movie(json);
    free(json);
    return 0;
}
