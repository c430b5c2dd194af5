/* Options that only one command has: a short table beside the command, parsed before the options
 * that all share. */
#ifndef MD_CLI_WORDS_H
#define MD_CLI_WORDS_H

#include "base/error.h"
#include "base/str.h"
#include "cli/args.h"

enum md_word_kind {
    MD_WORD_FLAG, /* bool */
    MD_WORD_INT,  /* int64_t within [min, max] */
    MD_WORD_TEXT, /* const char *, borrowed from argv */
};

/* Ended by a row without a name. */
struct md_word {
    const char *name;
    enum md_word_kind kind;
    void *value; /* set when the option is given */
    int64_t min, max;
    const char *metavar, *help;
};

/* Sets what the table knows; everything else of argv is appended to ret_rest, in order. A value may
 * follow as the next argument or after "=". MD_ERR_INPUT, MD_ERR_NOMEM. */
int md_words_parse(const struct md_word *words, int argc, char *const *argv,
                   struct md_paths *ret_rest, struct md_failure *failure);

/* "      --seed N                text" for each row. */
void md_words_help(const struct md_word *words, struct md_str *out);

#endif
