/* How many descriptors this process has open. */
#ifndef GOV_TESTS_DESCRIPTORS_H
#define GOV_TESTS_DESCRIPTORS_H

#include <dirent.h>
#include <stddef.h>

#include "testing.h"

static inline size_t open_descriptors(void)
{
    size_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

#endif
