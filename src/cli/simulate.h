/* moviedigest simulate */
#ifndef MD_CLI_SIMULATE_H
#define MD_CLI_SIMULATE_H

#include "cli/command.h"

/* argv without the program's and the command's name. Returns the exit status: 0 when all figures
 * asked for were reached, 1 when not, 2 for a command line that cannot be used. */
int md_simulate_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
