/*
 * A process that holds memory of a GPU through the CUDA driver, loaded as any CUDA program would:
 * the test's own executable, started again as "hold LIBCUDA BYTES".
 */
#ifndef GOV_TESTS_NVIDIA_HOLDER_H
#define GOV_TESTS_NVIDIA_HOLDER_H

#include "testing.h"

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gov/error.h>

enum { HOLDERS = 4 };

struct holders {
    struct {
        pid_t pid;
        int pipe; /* closing it ends the process */
    } items[HOLDERS];
};

static inline void *holder_symbol(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol)
        fprintf(stderr, "%s: no %s\n", "holder", name);
    return symbol;
}

/* Says what CUDA answered in one byte, holds until the pipe closes. */
static inline int holder_main(const char *library_path, const char *size)
{
    size_t bytes = (size_t)strtoull(size, NULL, 10);
    int (*init)(unsigned), (*get)(int *, int), (*retain)(void **, int), (*push)(void *);
    int (*take)(unsigned long long *, size_t);
    void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL), *context, *symbol;
    if (!library)
        return 1;
#define HOLDER_LOAD(function, name)                                                                \
    if (!(symbol = holder_symbol(library, name)))                                                  \
        return 1;                                                                                  \
    memcpy(&(function), &symbol, sizeof symbol)
    HOLDER_LOAD(init, "cuInit");
    HOLDER_LOAD(get, "cuDeviceGet");
    HOLDER_LOAD(retain, "cuDevicePrimaryCtxRetain");
    HOLDER_LOAD(push, "cuCtxPushCurrent_v2");
    HOLDER_LOAD(take, "cuMemAlloc_v2");
    int device, result = init(0);
    unsigned long long address;
    if (!result)
        result = get(&device, 0);
    if (!result)
        result = retain(&context, device);
    if (!result)
        result = push(context);
    if (!result && bytes)
        result = take(&address, bytes);
    unsigned char byte = (unsigned char)(result > 255 ? 255 : result);
    if (write(STDOUT_FILENO, &byte, 1) != 1)
        return 1;
    while (!result && read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0; /* without freeing: the driver has to notice */
}

static inline void holder_end(struct holders *holders, int64_t pid)
{
    for (int i = 0; i < HOLDERS; i++) {
        if (!pid || holders->items[i].pid != pid)
            continue;
        int status = -1;
        close(holders->items[i].pipe);
        assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
        assert_int_equal(status, 0);
        holders->items[i].pid = 0;
    }
}

/* 0 and a pid, or DEVICE_NOMEM. */
static inline int holder_start(struct holders *holders, const char *library, int64_t bytes,
                               int64_t *ret_pid)
{
    int slot = 0, in[2], out[2];
    while (holders->items[slot].pid)
        assert_true(++slot < HOLDERS);
    assert_int_equal(pipe(in) | pipe(out), 0);
    char size[32];
    unsigned char result = 255;
    snprintf(size, sizeof size, "%lld", (long long)bytes);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        for (int fd = 3; fd < 256; fd++)
            close(fd);
        execl("/proc/self/exe", "hold", library, size, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(read(out[0], &result, 1), 1);
    close(out[0]);
    holders->items[slot].pid = pid;
    holders->items[slot].pipe = in[1];
    if (result) {
        holder_end(holders, pid);
        assert_int_equal(result, 2); /* CUDA_ERROR_OUT_OF_MEMORY */
        return GOV_E_DEVICE_NOMEM;
    }
    *ret_pid = pid;
    return 0;
}

#endif
