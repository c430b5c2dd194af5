/* Model files on this machine: where programs that fetch them put them, and what they are called.
 */
#ifndef MD_CLI_MODEL_STORE_H
#define MD_CLI_MODEL_STORE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/vec.h"
#include "infer/model_file.h"

struct md_found_model {
    char *path, *name; /* name: as one would say it, "large-v3-turbo-q5_0", "llama3.2:3b" */
    const char *where; /* "MovieDigest", "Ollama" */
    bool own;          /* in a folder of this program: used without being named */
    struct md_model_file file;
    char *why; /* NULL: of use; else what it is instead, a sentence */
    dev_t dev; /* what makes it the same file under two names */
    ino_t ino;
};
struct md_found_models MD_VEC(struct md_found_model);

/* Everything in the usual places, by kind, then size; what cannot be used comes last. The
 * environment is read through get_env. own_only: only this program's folders. MD_ERR_NOMEM. */
int md_model_store_search(char *(*get_env)(const char *name), bool own_only,
                          struct md_found_models *ret);
void md_model_store_done(struct md_found_models *models);

/* Where `models add` puts them; caller frees; NULL: there is no home. */
char *md_model_store_folder(char *(*get_env)(const char *name));

/* What a file is called: its name without ending and "ggml-"; caller frees, NULL: no memory. */
char *md_model_store_name(const char *path);

/* The model of a kind that is meant by `name`, which may be that name in any case, the file's, or
 * "NAME:TAG" without ":latest". MD_ERR_NOTFOUND with the names there are; MD_ERR_INPUT: several are
 * meant, or what is meant is of no use. */
int md_model_store_find(const struct md_found_models *models, enum md_model_kind kind,
                        const char *name, const struct md_found_model **ret_model,
                        struct md_failure *failure);

#endif
