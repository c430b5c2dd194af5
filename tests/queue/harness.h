/* A folder of its own for a test, and short ways to fill a queue in it. */
#ifndef MD_TESTS_QUEUE_HARNESS_H
#define MD_TESTS_QUEUE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/queue.h"

struct place {
    char folder[64];
    char file[96]; /* of the queue; not there yet */
};

/* setup and teardown functions for cmocka; *state is a struct place. */
int place_open(void **state);
int place_close(void **state);

/* Opens the queue or fails the test. */
struct md_queue *open_queue(const struct place *place);

/* Adds one movie by its path; returns its id. */
int64_t add(struct md_queue *queue, const char *path);

size_t count(struct md_queue *queue, unsigned states);

/* The statements on the bare file, without the queue's own code. Fails the test on an error. */
void execute_sql(const char *file, const char *sql);
/* The first column of the first row as a number. */
int64_t ask_sql(const char *file, const char *sql);

#endif
