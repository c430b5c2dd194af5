/* The main program links no codec; and nobody waits for two processes where one does. */
#include "cli/shots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "super/process.h"

int md_shots_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    md_autofree char *path = NULL;
    struct md_failure failure = {0};
    if (md_process_find("moviedigest-shots", &path, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", failure.message);
        return MD_EXIT_FAILED;
    }
    md_autofree char **words = calloc((size_t)argc + 2, sizeof *words);
    if (!words)
        return MD_EXIT_FAILED;
    words[0] = path;
    for (int i = 0; i < argc; i++)
        words[i + 1] = argv[i];
    execv(path, words);
    fprintf(stderr, "moviedigest: cannot start %s: %s\n", path, strerror(errno));
    return MD_EXIT_FAILED;
}
