/* moviedigest run */
#ifndef MD_CLI_RUN_H
#define MD_CLI_RUN_H

enum { MD_EXIT_DONE = 0, MD_EXIT_FAILED = 1, MD_EXIT_USAGE = 2 };

/* argv without the program's and the command's name. Returns the exit status. */
int md_run_command(int argc, char *const *argv);

#endif
