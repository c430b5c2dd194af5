/* Artifacts: the JSON files by which stages pass anything on.
 *
 * A file looks like {"schema": "moviedigest.shots", "version": 1, "key": "…", "data": {…}}.
 * The key is a hash of everything that shaped the data: the movie's identity, the bytes of the
 * artifacts it was made from, the options that matter to the stage, and the stage's own revision.
 * A stage whose artifact carries the key it would write is not run again.
 */
#ifndef MD_MODEL_ARTIFACT_H
#define MD_MODEL_ARTIFACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/codec.h"

struct md_artifact_type {
    const char *schema; /* "moviedigest.shots" */
    const char *file;   /* "shots.json", in the movie's work folder */
    int version;        /* of the format; raise when a reader of the old one would go wrong */
    const struct md_field *fields;
    size_t size; /* sizeof the struct */
    /* NULL, or what the table cannot say: order, sums, references. */
    int (*validate)(const void *object, struct md_failure *failure);
};

/* The artifacts, one definition each in its own .c file. */
extern const struct md_artifact_type md_artifact_media, md_artifact_shots, md_artifact_audio,
    md_artifact_transcript, md_artifact_story, md_artifact_cut, md_artifact_render;

/* Writes work_dir/type->file atomically. Same object and key, same bytes. */
int md_artifact_save(const struct md_artifact_type *type, const char *work_dir, uint64_t key,
                     const void *object, struct md_failure *failure);

/* Reads into a zeroed struct. MD_ERR_NOTFOUND when there is no such file, MD_ERR_INPUT when it is
 * damaged, of another version or schema. Free with md_artifact_done. */
int md_artifact_load(const struct md_artifact_type *type, const char *work_dir, void *object,
                     struct md_failure *failure);

/* The same from memory, for tests and fuzzing. ret_key may be NULL. */
int md_artifact_parse(const struct md_artifact_type *type, const char *bytes, size_t n,
                      void *object, uint64_t *ret_key, struct md_failure *failure);

/* True when the file exists, parses as this type and carries this key. */
bool md_artifact_is_current(const struct md_artifact_type *type, const char *work_dir,
                            uint64_t key);

void md_artifact_done(const struct md_artifact_type *type, void *object);

/* Chains the bytes of an existing artifact file into a key. */
int md_artifact_hash_file(const struct md_artifact_type *type, const char *work_dir,
                          uint64_t *inout_hash, struct md_failure *failure);

#endif
