/* Any bytes are parsed as every artifact there is; what is accepted must survive being written and
 * read again. */
#include <stdint.h>
#include <stdlib.h>

#include "model/artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct md_artifact_type *type, const void *object)
{
    struct md_failure failure = {0};
    void *again = calloc(1, type->size);
    json_t *json = md_codec_write(type->fields, object);
    if (!again || !json || md_codec_read(type->fields, json, again, &failure) < 0)
        abort();
    json_decref(json);
    if (type->validate && type->validate(again, &failure) < 0)
        abort();
    md_artifact_done(type, again);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct md_artifact_type *const types[] = {
        &md_artifact_media, &md_artifact_shots, &md_artifact_audio, &md_artifact_transcript,
        &md_artifact_story, &md_artifact_cut,   &md_artifact_render};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct md_failure failure = {0};
        uint64_t key = 0;
        void *object = calloc(1, types[i]->size);
        if (!object)
            abort();
        int r = md_artifact_parse(types[i], (const char *)data, size, object, &key, &failure);
        if (r == MD_OK)
            write_and_read(types[i], object);
        else if (failure.code != r || !failure.message[0])
            abort(); /* a failure that says nothing */
        if (r == MD_OK)
            md_artifact_done(types[i], object);
        free(object);
    }
    return 0;
}
