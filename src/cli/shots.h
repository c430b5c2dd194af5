/* moviedigest shots: boundaries of one film, by any detector, and how good they are. */
#ifndef MD_CLI_SHOTS_H
#define MD_CLI_SHOTS_H

#include "cli/command.h"

/* Becomes the program that can decode; returns only when there is none. */
int md_shots_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
