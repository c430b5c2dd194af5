/* Preloaded into a worker: the backend buffer MD_FAIL_NTH (from 1) cannot be allocated, which is
 * what a device without memory looks like to the libraries; with MD_FAIL_PERSISTENT all from it on.
 * Makes the file MD_FAIL_MARK when that happens; with MD_FAIL_ONCE only while it is not there, so
 * that of many workers one fails. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *ggml_backend_buft_alloc_buffer(void *type, size_t size);

__attribute__((visibility("default"))) void *ggml_backend_buft_alloc_buffer(void *type, size_t size)
{
    static int count;
    void *(*real)(void *, size_t) =
        (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "ggml_backend_buft_alloc_buffer");
    const char *nth = getenv("MD_FAIL_NTH");
    if (size == 0 || !nth)
        return real(type, size);
    int n = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST), from = atoi(nth);
    if (n != from && (n < from || !getenv("MD_FAIL_PERSISTENT")))
        return real(type, size);
    int made = -1;
    if (getenv("MD_FAIL_MARK"))
        made = open(getenv("MD_FAIL_MARK"), O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (made < 0 && getenv("MD_FAIL_ONCE"))
        return real(type, size);
    if (made >= 0)
        close(made);
    return NULL;
}
