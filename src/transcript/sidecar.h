/* Subtitle files that belong to a movie: beside it, or in its Subs folder. */
#ifndef MD_TRANSCRIPT_SIDECAR_H
#define MD_TRANSCRIPT_SIDECAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vec.h"

/* What the name of a file (or the tags of a stream) says about its words. */
struct md_subtitle_tags {
    const char *language; /* as md_language_code gives it, static; NULL untagged */
    bool forced;          /* only foreign parts, signs or songs */
    bool hearing_impaired;
    bool commentary;
    bool is_default;
};

/* The words between a movie's stem and a subtitle's extension ("en.forced", "2_English"). True when
 * all of them are understood. */
bool md_sidecar_read_tags(const char *words, size_t n, struct md_subtitle_tags *ret_tags);

struct md_sidecar {
    char *path;  /* as bytes; owned */
    char *shown; /* path below the movie's folder, valid UTF-8; owned */
    struct md_subtitle_tags tags;
    int distance; /* 0 beside the movie, 1 in a Subs folder, 2 there without the movie's name */
};
struct md_sidecar_vec MD_VEC(struct md_sidecar);

/* Finds them, sorted by distance and name; at most 64. A folder that cannot be read has none.
 * Symbolic links count only when they lead to a file below the movie's folder. MD_OK or
 * MD_ERR_NOMEM. */
int md_sidecar_find(const char *movie_path, struct md_sidecar_vec *sidecars);
void md_sidecar_vec_done(struct md_sidecar_vec *sidecars);

#endif
