/* From the paths a person gives to the list of movies and where each digest goes. */
#ifndef MD_CLI_SCAN_H
#define MD_CLI_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

/* A file in every digest folder that says which movie it belongs to. */
#define MD_SCAN_STAMP ".movie"

struct md_candidate {
    char *path;    /* as given, or folder + name; owned */
    char *out_dir; /* its own folder under the output folder; owned */
    bool named;    /* the person named this very file; else it was found in a folder */
};
struct md_candidates MD_VEC(struct md_candidate);

struct md_scan_error {
    char *path; /* owned */
    struct md_failure failure;
};
struct md_scan_errors MD_VEC(struct md_scan_error);

struct md_scan {
    struct md_candidates movies;  /* in the order of the paths; folders sorted by name */
    struct md_scan_errors errors; /* paths that cannot be read; the others go on */
};

/* Looks at every path. Symbolic links to files are followed, links to folders are not; the output
 * folder and hidden entries are left out; a file met twice is taken once. Only MD_ERR_NOMEM is
 * returned; everything else is in ret_scan->errors. */
int md_scan_paths(const char *const *paths, size_t n, const char *output, struct md_scan *ret_scan);

/* Makes the movie's folder and marks it as its own, so that a movie of the same name elsewhere gets
 * another one, in this run and in later ones. */
int md_scan_claim(const struct md_candidate *movie, struct md_failure *failure);

/* The path from the root: its folder without links, its name as it is, so that what lies beside the
 * movie stays beside it. Of a folder that does not exist only the current one is put in front.
 * Caller frees; NULL when out of memory. */
char *md_scan_absolute(const char *path);

void md_scan_done(struct md_scan *scan);

/* Is this the beginning of a file that holds moving pictures? Judged by the signatures of the usual
 * containers and elementary streams; n bytes, 2 KiB are enough. */
bool md_scan_looks_like_movie(const unsigned char *bytes, size_t n);

/* Is the name's extension one that movies usually have? */
bool md_scan_has_movie_name(const char *path);

/* A folder name for a movie: its name without extension, safe on any file system; never empty,
 * never "." or "..". Caller frees; NULL when out of memory. */
char *md_scan_folder_name(const char *path);

#endif
