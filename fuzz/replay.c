/* Runs a fuzz target over the files of its corpus folders without libFuzzer, so that every build
 * proves that the seeds (and every input that once broke something) are handled. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SEED_BYTES = 16 * 1024 * 1024 };

static int replay_file(const char *folder, const char *name)
{
    md_autofree char *path = md_path_join(folder, name);
    md_autofree char *data = NULL;
    size_t size = 0;
    struct md_failure failure;
    if (!path || md_file_read(path, MAX_SEED_BYTES, &data, &size, &failure) < 0) {
        fprintf(stderr, "%s/%s cannot be read\n", folder, name);
        return -1;
    }
    /* An exact copy, so that the sanitizer sees a read past the end. */
    md_autofree uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        return -1;
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    return 0;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
            if (entry->d_name[0] == '.')
                continue;
            if (replay_file(argv[i], entry->d_name) < 0)
                return 1;
            count++;
        }
        closedir(folder);
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
