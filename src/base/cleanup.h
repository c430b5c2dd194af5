/* Cleanup attributes for locals. `md_take_ptr` moves ownership out of such a local. */
#ifndef MD_BASE_CLEANUP_H
#define MD_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MD_CLEANUP(function) __attribute__((cleanup(function)))

static inline void md_cleanup_free_(void *p)
{
    free(*(void **)p);
}
static inline void md_cleanup_close_(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
static inline void md_cleanup_fclose_(FILE **f)
{
    if (*f)
        fclose(*f);
}

#define md_autofree   MD_CLEANUP(md_cleanup_free_)
#define md_autoclose  MD_CLEANUP(md_cleanup_close_)
#define md_autofclose MD_CLEANUP(md_cleanup_fclose_)

/* Returns the pointer and leaves NULL behind, so that the cleanup does nothing. */
#define md_take_ptr(p)                                                                             \
    __extension__({                                                                                \
        __typeof__(p) md_taken_ = (p);                                                             \
        (p) = NULL;                                                                                \
        md_taken_;                                                                                 \
    })

static inline int md_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define MD_ARRAY_LEN(a)     (sizeof(a) / sizeof((a)[0]))
#define MD_MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MD_MAX(a, b)        ((a) > (b) ? (a) : (b))
#define MD_CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))

#endif
