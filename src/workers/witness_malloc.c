/* The allocator's functions, each passed on to the C library's with its result looked at. Defining
 * them in the executable is the one way in which every library of the process gets them; free and
 * the rest stay the C library's, as the memory does. The originals are found at the first call, so
 * that an allocator put before the C library's (LD_PRELOAD) is still used; while dlsym itself
 * looks for them, memory comes from the C library's internal names. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "workers/witness.h"

#define SEEN __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);
static void *(*next_memalign)(size_t, size_t); /* x264's choice */
static int (*next_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* Before main, and before any thread: no lock is needed. Allocations before this go to the
 * C library itself. */
__attribute__((constructor)) static void find_next(void)
{
#define FIND(name)                                                                                 \
    do {                                                                                           \
        void *found = dlsym(RTLD_NEXT, #name);                                                     \
        memcpy(&next_##name, &found, sizeof found);                                                \
    } while (0)
    FIND(malloc);
    FIND(calloc);
    FIND(realloc);
    FIND(posix_memalign);
    FIND(aligned_alloc);
    FIND(memalign);
    FIND(pthread_create);
#undef FIND
}

static void *seen(void *memory)
{
    if (!memory)
        md_witness_note();
    return memory;
}

SEEN void *malloc(size_t size)
{
    return seen(next_malloc ? next_malloc(size) : __libc_malloc(size));
}

SEEN void *calloc(size_t count, size_t size)
{
    return seen(next_calloc ? next_calloc(count, size) : __libc_calloc(count, size));
}

SEEN void *realloc(void *old, size_t size)
{
    void *memory = next_realloc ? next_realloc(old, size) : __libc_realloc(old, size);
    return size ? seen(memory) : memory; /* of size 0 it frees */
}

SEEN int posix_memalign(void **ret, size_t alignment, size_t size)
{
    int r;
    if (next_posix_memalign) {
        r = next_posix_memalign(ret, alignment, size);
    } else {
        void *memory = __libc_memalign(alignment, size);
        r = memory ? 0 : ENOMEM;
        if (memory)
            *ret = memory;
    }
    if (r == ENOMEM)
        md_witness_note();
    return r;
}

SEEN void *aligned_alloc(size_t alignment, size_t size)
{
    return seen(next_aligned_alloc ? next_aligned_alloc(alignment, size)
                                   : __libc_memalign(alignment, size));
}

SEEN void *memalign(size_t alignment, size_t size)
{
    return seen(next_memalign ? next_memalign(alignment, size) : __libc_memalign(alignment, size));
}

/* A thread's stack is memory, too; its lack is told as EAGAIN. */
SEEN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                        void *user)
{
    if (!next_pthread_create) /* a library's constructor, before ours */
        find_next();
    int r = next_pthread_create(thread, attributes, start, user);
    if (r == EAGAIN)
        md_witness_note();
    return r;
}
