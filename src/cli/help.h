/* Everything a person reads about commands and options, made from their tables. */
#ifndef MD_CLI_HELP_H
#define MD_CLI_HELP_H

#include "base/str.h"
#include "cli/command.h"

/* The list of commands; the table ends with a row without a name. */
void md_help_program(struct md_str *out, const struct md_cli_command *commands);
/* --help of a command, folded to `columns`. */
void md_help_command(struct md_str *out, const struct md_cli_command *command, int columns);

/* moviedigest.1 (roff) and docs/options.md. */
void md_help_man(struct md_str *out, const struct md_cli_command *commands);
void md_help_markdown(struct md_str *out);

#endif
