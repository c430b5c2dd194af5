/* Runs batches with the fake worker in a folder of their own and writes down what was told. */
#ifndef MD_TESTS_SUPER_HARNESS_H
#define MD_TESTS_SUPER_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "super/super.h"

enum { MAX_MOVIES = 40 };

struct batch {
    char folder[64]; /* "/tmp/..." */
    struct md_job jobs[MAX_MOVIES];
    size_t count;
    struct md_options options;
    unsigned stages;
    int cancel_pipe[2];

    /* Of the last run */
    struct md_super_result result;
    struct md_str told; /* one line for each callback: "0 shots done", "1 ended failed" */
    struct md_str logged;
    struct md_failure failure;              /* of the last movie that failed */
    struct md_failure failures[MAX_MOVIES]; /* of each */
    int runs[MD_STAGES];                    /* stages really started */
    const struct md_engine_model *models;   /* NULL: none */
    const char *cancel_at; /* a line of `told` that makes the harness cancel; NULL none */
    int descriptors;       /* open before the first run */
};

/* setup and teardown functions for cmocka; *state is a struct batch. */
int batch_open(void **state);
int batch_close(void **state);

/* A movie whose file says what is to happen. */
void batch_add(struct batch *batch, const char *name, const char *orders);
void batch_set(struct batch *batch, const char *option, const char *value);
/* Runs everything and checks that ends add up and that no descriptor was left open. */
void batch_run(struct batch *batch);
void batch_params(struct batch *batch, struct md_super_params *ret_params,
                  struct md_super_observer *ret_observer);
bool batch_was_told(const struct batch *batch, const char *line);
/* Does folder/relative exist? */
bool batch_has(const struct batch *batch, const char *relative);
char *batch_read(const struct batch *batch, const char *relative); /* NULL: not there */
int batch_total_runs(const struct batch *batch);

#endif
