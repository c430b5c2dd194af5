/* Files: bounded reads, atomic writes, folders. Paths are bytes, never assumed to be UTF-8. */
#ifndef MD_BASE_FILE_H
#define MD_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads a whole regular file of at most max_bytes into *ret_data (NUL added after the end, caller
 * frees). MD_ERR_NOTFOUND, MD_ERR_IO, MD_ERR_INPUT (larger than max_bytes, or not a regular file),
 * MD_ERR_NOMEM. ret_size may be NULL. */
int md_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_size,
                 struct md_failure *failure);

/* Writes data so that the file is either whole or not there: temporary name in the same folder,
 * fsync, rename, fsync of the folder. */
int md_file_write_atomic(const char *path, const void *data, size_t size,
                         struct md_failure *failure);

/* Appends one record with a single write(2) to a file opened O_APPEND, created if missing. */
int md_file_append(const char *path, const void *data, size_t size, struct md_failure *failure);

/* For large outputs written by a library: writes go to the returned temporary path, then
 * md_file_commit fsyncs and renames it to path, or md_file_discard removes it.
 * The temporary name is path + ".part"; *ret_temp is the caller's to free. */
int md_file_temp_name(const char *path, char **ret_temp);
int md_file_commit(const char *temp, const char *path, struct md_failure *failure);

/* mkdir -p, mode 0777 less the umask. An existing folder is fine; an existing file is MD_ERR_INPUT.
 */
int md_mkdir_p(const char *path, struct md_failure *failure);

/* "a" + "b" -> "a/b"; NULL when out of memory. Caller frees. */
char *md_path_join(const char *folder, const char *name);

/* The last component of path, pointing into it; never NULL. */
const char *md_path_base(const char *path);

/* Removes what writers that were killed left half-written in a folder (not in its folders):
 * every name that ends in ".part". */
void md_remove_parts(const char *folder);

/* Removes a folder and everything in it, never following symbolic links. Missing is fine. */
int md_remove_tree(const char *path, struct md_failure *failure);

/* What makes a movie file the same file: size, modification time and a hash of sampled content. */
struct md_file_identity {
    int64_t size_bytes;
    int64_t mtime_ns;
    uint64_t sample_hash; /* FNV-1a 64 of up to sixteen 64 KiB blocks spread over the file */
};

int md_file_identify(const char *path, struct md_file_identity *ret_identity,
                     struct md_failure *failure);

/* FNV-1a, 64 bit (Fowler, Noll, Vo). Start with MD_HASH_START and chain. Not for secrets. */
#define MD_HASH_START 0xcbf29ce484222325u
uint64_t md_hash(uint64_t hash, const void *data, size_t n);

#endif
