/* What every test of libgov includes: cmocka with its prerequisites. */
#ifndef GOV_TESTING_H
#define GOV_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The last messages a governor wrote. */
struct heard {
    size_t count;
    char lines[16][320];
};

static inline const char *heard_last(const struct heard *heard, size_t back)
{
    if (heard->count <= back)
        return "";
    return heard->lines[(heard->count - 1 - back) % 16];
}

#endif
