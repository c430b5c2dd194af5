/* Where option values come from, later ones winning: defaults, config file, environment, command
 * line. */
#ifndef MD_CLI_ARGS_H
#define MD_CLI_ARGS_H

#include <gov/config.h>

#include "base/error.h"
#include "base/vec.h"
#include "model/options.h"

enum md_source { MD_SOURCE_DEFAULT, MD_SOURCE_FILE, MD_SOURCE_ENVIRONMENT, MD_SOURCE_COMMAND_LINE };
extern const char *const md_source_names[]; /* "default", "config file", ... */

struct md_paths MD_VEC(const char *);

enum { MD_OPTIONS_MAX = 128 };

struct md_args {
    struct md_options options;
    unsigned char source[MD_OPTIONS_MAX]; /* enum md_source of each row of the option table */
    /* The memory governor's keys and preset, each with where it comes from; resolved for a device
     * of unknown size. */
    struct gov_config_sources memory;
    struct md_paths paths; /* what is not an option; borrowed from argv */
    bool help;             /* --help or -h was given */
    char *config_file;     /* the file read, owned; NULL none */
};

/* Fills args from argv[0..argc) (without program and command name). The environment is read
 * through `get_env` (getenv in the program, a fixture in tests). Returns MD_ERR_INPUT for an
 * unknown option, a bad value, or a config file that cannot be read. */
int md_args_parse(struct md_args *args, int argc, char *const *argv,
                  char *(*get_env)(const char *name), struct md_failure *failure);
void md_args_done(struct md_args *args);

/* The environment variable of an option or of a key: MOVIEDIGEST_AUDIO_LANGUAGE. */
void md_args_env_name(const char *name, char out[64]);

#endif
