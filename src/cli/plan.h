/* moviedigest plan */
#ifndef MD_CLI_PLAN_H
#define MD_CLI_PLAN_H

#include "cli/command.h"

/* argv without the program's and the command's name. Returns the exit status: 1 when the plan
 * expects a movie to be lost or a path cannot be read. */
int md_plan_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
