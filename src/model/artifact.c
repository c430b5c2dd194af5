/* jansson writes members in insertion order, and the tables fix that order: same data, same bytes.
 */
#include "model/artifact.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

/* A four-hour film's shots.json is about 10 MB; no sane artifact is larger than this. */
enum { MAX_ARTIFACT_BYTES = 256 * 1024 * 1024, REAL_DIGITS = 6 };

static void decref(json_t **json)
{
    json_decref(*json);
}
#define autojson MD_CLEANUP(decref) json_t

static char *file_path(const struct md_artifact_type *type, const char *work_dir)
{
    return md_path_join(work_dir, type->file);
}

int md_artifact_save(const struct md_artifact_type *type, const char *work_dir, uint64_t key,
                     const void *object, struct md_failure *failure)
{
    char key_text[17];
    snprintf(key_text, sizeof key_text, "%016" PRIx64, key);
    autojson *data = md_codec_write(type->fields, object);
    autojson *json = data ? json_pack("{s:s, s:i, s:s, s:O}", "schema", type->schema, "version",
                                      type->version, "key", key_text, "data", data)
                          : NULL;
    md_autofree char *path = file_path(type, work_dir);
    md_autofree char *text =
        json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    if (!text || !path)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory writing %s", type->file);
    return md_file_write_atomic(path, text, strlen(text), failure);
}

static int check_envelope(const struct md_artifact_type *type, const json_t *json,
                          uint64_t *ret_key, struct md_failure *failure)
{
    const char *schema = json_string_value(json_object_get(json, "schema"));
    const char *key = json_string_value(json_object_get(json, "key"));
    json_int_t version = json_integer_value(json_object_get(json, "version"));
    if (!schema || strcmp(schema, type->schema) != 0)
        return md_fail(failure, MD_ERR_INPUT, "not a %s file", type->schema);
    if (version != type->version)
        return md_fail(failure, MD_ERR_INPUT, "%s has version %lld, this program reads %d",
                       type->file, (long long)version, type->version);
    if (!key || strlen(key) != 16 || strspn(key, "0123456789abcdef") != 16)
        return md_fail(failure, MD_ERR_INPUT, "%s has no valid key", type->file);
    if (ret_key)
        *ret_key = strtoull(key, NULL, 16);
    return MD_OK;
}

int md_artifact_parse(const struct md_artifact_type *type, const char *bytes, size_t n,
                      void *object, uint64_t *ret_key, struct md_failure *failure)
{
    json_error_t error;
    autojson *json = json_loadb(bytes, n, 0, &error);
    if (!json)
        return md_fail(failure, MD_ERR_INPUT, "%s is damaged at line %d: %s", type->file,
                       error.line, error.text);
    int r = check_envelope(type, json, ret_key, failure);
    if (r == MD_OK)
        r = md_codec_read(type->fields, json_object_get(json, "data"), object, failure);
    if (r == MD_OK && type->validate) {
        r = type->validate(object, failure);
        if (r < 0)
            md_codec_done(type->fields, object);
    }
    return r;
}

static int load(const struct md_artifact_type *type, const char *work_dir, void *object,
                uint64_t *ret_key, struct md_failure *failure)
{
    md_autofree char *path = file_path(type, work_dir);
    md_autofree char *text = NULL;
    size_t n = 0;
    if (!path)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory reading %s", type->file);
    int r = md_file_read(path, MAX_ARTIFACT_BYTES, &text, &n, failure);
    if (r < 0)
        return r;
    return md_artifact_parse(type, text, n, object, ret_key, failure);
}

int md_artifact_load(const struct md_artifact_type *type, const char *work_dir, void *object,
                     struct md_failure *failure)
{
    return load(type, work_dir, object, NULL, failure);
}

bool md_artifact_is_current(const struct md_artifact_type *type, const char *work_dir, uint64_t key)
{
    uint64_t found = 0;
    md_autofree void *object = calloc(1, type->size);
    if (!object || load(type, work_dir, object, &found, NULL) < 0)
        return false;
    md_artifact_done(type, object);
    return found == key;
}

void md_artifact_done(const struct md_artifact_type *type, void *object)
{
    md_codec_done(type->fields, object);
}

int md_artifact_hash_file(const struct md_artifact_type *type, const char *work_dir,
                          uint64_t *inout_hash, struct md_failure *failure)
{
    md_autofree char *path = file_path(type, work_dir);
    md_autofree char *text = NULL;
    size_t n = 0;
    if (!path)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory reading %s", type->file);
    int r = md_file_read(path, MAX_ARTIFACT_BYTES, &text, &n, failure);
    if (r == MD_OK)
        *inout_hash = md_hash(*inout_hash, text, n);
    return r;
}
