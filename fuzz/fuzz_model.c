/* Any bytes as a model file, ggml or GGUF: read within bounds, with numbers that can be reckoned
 * with, or refused in words. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "infer/model_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_memory(const struct md_model_file *file)
{
    static const int64_t contexts[] = {512, 4096, 1048576};
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        for (int small = 0; small < 2; small++) {
            struct md_model_memory memory = {0};
            const struct md_model_use use = {
                .context = contexts[i], .small_cache = small, .on_cpu = small};
            md_model_file_memory(file, &use, &memory);
            check(memory.resident_bytes >= 0 && memory.unit_bytes >= 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1; /* a file for each input would be most of the work */
    struct md_model_file file = {0};
    struct md_failure failure = {0};
    char path[64];
    if (fd < 0)
        fd = memfd_create("model", MFD_CLOEXEC);
    check(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (md_model_file_read(path, &file, &failure) < 0) {
        check(failure.message[0] != '\0');
        return 0;
    }
    check(memchr(file.name, 0, sizeof file.name) != NULL);
    check(memchr(file.architecture, 0, sizeof file.architecture) != NULL);
    check_memory(&file);
    return 0;
}
