/* moviedigest queue add, list, remove, retry, clear; status, pause, resume, stop */
#ifndef MD_CLI_QUEUE_COMMANDS_H
#define MD_CLI_QUEUE_COMMANDS_H

#include "cli/command.h"

/* The last word of the command's name says what is wanted. */
int md_queue_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
