/* Everything a person reads about options, made from the option table. */
#ifndef MD_CLI_HELP_H
#define MD_CLI_HELP_H

#include "base/str.h"

/* --help of the program and of `run`, folded to `columns`. */
void md_help_program(struct md_str *out);
void md_help_run(struct md_str *out, int columns);

/* moviedigest.1 (roff) and docs/options.md. */
void md_help_man(struct md_str *out);
void md_help_markdown(struct md_str *out);

#endif
