/* Words as numbers: every distinct text gets an id, 0, 1, 2 … in order of first appearance, so that
 * results do not depend on hashing. Also used as a set of words. */
#ifndef MD_STORY_TERMS_H
#define MD_STORY_TERMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct md_term {
    size_t at, n; /* in pool */
};
struct md_term_vec MD_VEC(struct md_term);
struct md_term_pool MD_VEC(char);
struct md_term_slots MD_VEC(uint32_t); /* id + 1, 0 free; the capacity is a power of two */

struct md_terms {
    struct md_term_vec terms;
    struct md_term_pool pool;
    struct md_term_slots slots;
};

enum { MD_TERM_NONE = -1 };

/* The id of a text, added when new. MD_ERR_NOMEM. */
int md_terms_add(struct md_terms *terms, const char *s, size_t n, uint32_t *ret_id);

/* The id of a text, or MD_TERM_NONE. */
int64_t md_terms_find(const struct md_terms *terms, const char *s, size_t n);

/* Adds every space-separated word of a list. MD_ERR_NOMEM. */
int md_terms_add_list(struct md_terms *terms, const char *list);

static inline const char *md_terms_text(const struct md_terms *terms, uint32_t id, size_t *ret_n)
{
    *ret_n = terms->terms.v[id].n;
    return terms->pool.v + terms->terms.v[id].at;
}

void md_terms_done(struct md_terms *terms);

#endif
