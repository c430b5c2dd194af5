/* moviedigest config */
#ifndef MD_CLI_CONFIG_H
#define MD_CLI_CONFIG_H

#include "cli/command.h"

/* Every option and every key of the memory governor, its value and where that comes from; the text
 * can be read as a config file. Returns the exit status. */
int md_config_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
