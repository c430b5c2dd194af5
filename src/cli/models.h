/* moviedigest models: what model files there are, whether they are whole, and what they need. */
#ifndef MD_CLI_MODELS_H
#define MD_CLI_MODELS_H

#include "cli/command.h"

/* list: files in the usual places. check FILE...: one sentence each. add FILE...: links them into
 * the program's own folder. Fetches nothing. */
int md_models_command(const struct md_cli_command *self, int argc, char *const *argv);

#endif
