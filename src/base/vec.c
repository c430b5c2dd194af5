/* Doubling growth with overflow checks, shared by every MD_VEC. */
#include "base/vec.h"

#include <stdint.h>

int md_vec_reserve_(void **v, size_t *cap, size_t want, size_t size)
{
    if (want <= *cap)
        return MD_OK;
    size_t grown = *cap < 8 ? 8 : *cap;
    while (grown < want) {
        if (grown > SIZE_MAX / 2)
            return MD_ERR_NOMEM;
        grown *= 2;
    }
    if (grown > SIZE_MAX / size)
        return MD_ERR_NOMEM;
    void *bigger = realloc(*v, grown * size);
    if (!bigger)
        return MD_ERR_NOMEM;
    *v = bigger;
    *cap = grown;
    return MD_OK;
}
