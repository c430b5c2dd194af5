/* moviedigest memory */
#ifndef MD_CLI_MEMORY_H
#define MD_CLI_MEMORY_H

#include "cli/command.h"

/* Devices, the level of the governed one, who uses it, and what history recommends; once, or live
 * with --watch; --json for programs; --all lists simulated GPUs too. Returns the exit status. */
int md_memory_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
