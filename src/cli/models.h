/* moviedigest models: what model files there are, whether they are whole, and what they need. */
#ifndef MD_CLI_MODELS_H
#define MD_CLI_MODELS_H

#include "cli/command.h"

/* models list; models check FILE|NAME...: are they of use; models add FILE|NAME...: links them into
 * the program's own folder. Fetches nothing. Returns the exit status. */
int md_models_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
