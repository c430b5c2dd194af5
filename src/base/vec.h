/* A growable array for any element type.
 *
 *   struct point_vec MD_VEC(struct point);     declares struct point_vec {v, n, cap}
 *   struct point_vec v = {0};                  zero is an empty vector
 *   if (md_vec_push(&v, p) < 0) ...            MD_ERR_NOMEM; v unchanged
 *   for (size_t i = 0; i < v.n; i++) use(v.v[i]);
 *   md_vec_done(&v);                           frees the array, not what elements own
 */
#ifndef MD_BASE_VEC_H
#define MD_BASE_VEC_H

#include <stddef.h>
#include <stdlib.h>

#include "base/error.h"

#define MD_VEC(type)                                                                               \
    {                                                                                              \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }

/* Makes room for at least `want` elements of `size` bytes. 0 or MD_ERR_NOMEM. */
int md_vec_reserve_(void **v, size_t *cap, size_t want, size_t size);

#define md_vec_reserve(vec, want)                                                                  \
    md_vec_reserve_((void **)&(vec)->v, &(vec)->cap, (want), sizeof *(vec)->v)

#define md_vec_push(vec, ...)                                                                      \
    (md_vec_reserve(vec, (vec)->n + 1) < 0 ? MD_ERR_NOMEM                                          \
                                           : ((vec)->v[(vec)->n++] = (__VA_ARGS__), MD_OK))

#define md_vec_done(vec)                                                                           \
    do {                                                                                           \
        free((vec)->v);                                                                            \
        (vec)->v = NULL;                                                                           \
        (vec)->n = (vec)->cap = 0;                                                                 \
    } while (0)

#endif
