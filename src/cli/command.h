/* What `moviedigest WORD...` can be: rows of one table, from which the dispatcher, the help and the
 * manual page are made. */
#ifndef MD_CLI_COMMAND_H
#define MD_CLI_COMMAND_H

#include <stdbool.h>

enum { MD_EXIT_DONE = 0, MD_EXIT_FAILED = 1, MD_EXIT_USAGE = 2 };

struct md_cli_command {
    const char *name;      /* "run"; or two words, "queue add" */
    const char *arguments; /* "[PATH...]"; "" none */
    const char *help;      /* what it does: a phrase for the list, without full stop */
    /* argv without the program's and the command's words. Returns the exit status. */
    int (*run)(const struct md_cli_command *self, int argc, char *const *argv);
    bool takes_options; /* those of the option table */
};

#endif
