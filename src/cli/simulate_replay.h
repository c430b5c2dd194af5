/* moviedigest simulate --replay FILE */
#ifndef MD_CLI_SIMULATE_REPLAY_H
#define MD_CLI_SIMULATE_REPLAY_H

#include <stdbool.h>

/* device NULL: a simulated one of the recorded size. Prints a table or JSON. Returns the exit
 * status: 0 when no movie is lost, 1 when one is, 2 for a file or device that cannot be used. */
int md_simulate_replay(const char *path, const char *device, bool as_json);

#endif
