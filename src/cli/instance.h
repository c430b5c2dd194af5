/* What the instance that runs a queue holds of the memory, as `moviedigest memory` shows it. */
#ifndef MD_CLI_INSTANCE_H
#define MD_CLI_INSTANCE_H

#include "base/str.h"

struct json_t;

/* Asks who runs the queue at path, without touching the queue or its lock. An object as
 * md_super_report_memory makes it, and "pid"; the caller's. NULL: none runs, or it does not
 * answer. */
struct json_t *md_instance_ask(const char *queue_path);

/* Appends it as lines of text. Members that are missing are shown as "?". */
void md_instance_write(const struct json_t *memory, struct md_str *out);

#endif
