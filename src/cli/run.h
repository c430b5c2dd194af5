/* moviedigest run */
#ifndef MD_CLI_RUN_H
#define MD_CLI_RUN_H

#include "cli/command.h"

int md_run_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
